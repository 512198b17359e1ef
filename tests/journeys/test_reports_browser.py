"""The reports in real browsers: pages for everybody, figures typed in without script, a list behind a figure."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from complaints.calendar import mainland_china
from complaints.database import transaction
from complaints.people import User
from tests.desk import Desk
from tests.journeys.conftest import MARA, NewPage, for_everybody, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "qa_mgr")
    return make


@pytest.fixture
def month(make: sessionmaker[Session]) -> str:
    """A month in which something happened."""
    desk = Desk(make, at=datetime.now(UTC) - timedelta(hours=3))
    began = desk.at.astimezone(mainland_china().tz)
    desk.to_implementation(subject="密封圈低温开裂", product="HX-210 hydraulic fitting")
    return f"{began:%Y-%m}"


@for_everybody
def test_every_report_is_for_everybody(
    new_page: NewPage, url: str, month: str, make: Any, scheme: str, screen: dict[str, Any], language: str
) -> None:
    with transaction(make) as session:
        session.execute(update(User).where(User.email == MARA).values(locale=language))
    page = signed_in(new_page(color_scheme=scheme, **screen), url, "/reports")
    for path in ("", f"/{month}", f"/{month}/enter", f"/{month}/effective_reply", "/review", "/review?from=x"):
        page.goto(f"{url}/reports{path}")
        expect(page.locator("h1")).to_be_visible()
        assert axe(page) == []
        wider = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wider, path


def test_figures_are_typed_in_without_script_and_lead_to_their_complaints(
    without_script: "Page", url: str, month: str
) -> None:
    page = signed_in(without_script, url, f"/reports/{month}/enter")
    page.get_by_label("shipments in the month").fill("４００")
    page.get_by_label("customers' score").fill("880")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("total score")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("total score").fill("1000")
    page.get_by_role("button", name="Save").click()
    figures = page.get_by_role("region", name="Figures")
    expect(figures.get_by_role("row", name="Customer satisfaction")).to_contain_text("88.0%")
    expect(figures.get_by_role("row", name="Complaint rate")).to_contain_text("0.25%")
    page.get_by_role("link", name="HX-210 hydraulic fitting").click()
    expect(page.get_by_role("rowheader")).to_have_count(1)
    page.get_by_role("rowheader").get_by_role("link").click()
    expect(page.locator("h1")).to_contain_text("密封圈低温开裂")
