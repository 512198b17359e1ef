"""The key figures in real browsers: pages for everybody, and a file of them taken in without script."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import kpi_import
from complaints.calendar import mainland_china
from complaints.database import transaction
from complaints.measures import month_before, month_of
from complaints.people import User, actor_for
from tests.journeys.conftest import MARA, NewPage, for_everybody, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey
LAST = month_before(month_of(datetime.now(UTC).astimezone(mainland_china().tz).date()))
FILE = f"KPI,month,value,total\nOn-time delivery,{LAST:%Y-%m},48,50\nCompletion rate,{LAST:%Y-%m},95,\n"
WRONG = "KPI,month,value,total\nHappiness,2026-10,1,\n"


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "qa_mgr")
    return make


def chosen(page: "Page", text: str) -> None:
    file = page.locator("#c-file")
    file.set_input_files({"name": "kpis.csv", "mimeType": "text/csv", "buffer": text.encode()})
    page.locator("form.entry button").click()


@for_everybody
def test_every_page_of_the_figures_is_for_everybody(
    new_page: NewPage, url: str, make: Any, scheme: str, screen: dict[str, Any], language: str
) -> None:
    with transaction(make) as session:
        session.execute(update(User).where(User.email == MARA).values(locale=language))
        at = datetime.now(UTC)
        mara = actor_for(session, session.scalars(select(User).where(User.email == MARA)).one(), at.date())
        kpi_import.take(session, kpi_import.read(FILE, at.date()), seen=0, by=mara, at=at)
    page = signed_in(new_page(color_scheme=scheme, **screen), url, "/kpis")

    def fine() -> None:
        expect(page.locator("h1")).to_be_visible()
        assert axe(page) == []
        wider = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wider, page.url

    for path in ("", f"/completion/{LAST:%Y-%m}", "/import"):
        page.goto(f"{url}/kpis{path}")
        fine()
    chosen(page, WRONG)
    fine()
    page.goto(f"{url}/kpis/import")
    chosen(page, FILE.replace("95", "96"))
    fine()


def test_a_file_is_looked_at_and_taken_in_without_script(without_script: "Page", url: str) -> None:
    page = signed_in(without_script, url, "/kpis")
    page.get_by_role("link", name="Import").click()
    chosen(page, WRONG)
    expect(page.locator(".report__s")).to_contain_text("there is no figure “Happiness”")
    chosen(page, FILE)
    page.get_by_role("button", name="Take in 2 figures").click()
    expect(page.get_by_role("row", name="Completion rate")).to_contain_text("95.0%, target missed")
    page.get_by_role("row", name="Completion rate").get_by_role("link", name="95.0%").click()
    expect(page.locator(".report__s")).to_contain_text("95.0%")
