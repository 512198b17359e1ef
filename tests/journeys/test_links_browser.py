"""Links and similar complaints in real browsers: at a desk, on a phone, light and dark, in both languages, and without
script."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.people import User
from tests.builders import a_complaint, a_customer
from tests.journeys.conftest import DESK, NewPage, for_everybody, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey

HERE = "/complaints/C-2026-0002"


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "clerk", "qe")
    at = datetime.now(UTC) - timedelta(hours=2)
    with transaction(make) as session:
        fields = {"customer_id": a_customer(session).id, "product": "HX-210 fitting", "batch": "L2608-114"}
        for _ in range(2):
            a_complaint(session, at=at, content="端面密封渗油，产线停线", **fields)
    return make


def panel(page: "Page") -> Any:
    return page.locator("#linked")


@for_everybody
def test_a_similar_complaint_is_linked_by_one_press_and_the_link_removed_with_a_reason(
    new_page: NewPage, url: str, make: sessionmaker[Session], language: str, screen: dict[str, Any], scheme: str
) -> None:
    with transaction(make) as session:
        session.get_one(User, 1).locale = language
    page = signed_in(new_page(**screen, color_scheme=scheme), url, HERE)
    page.locator("#similar > summary").click()
    alike = page.locator(".alike")
    expect(alike).to_have_count(1)
    expect(alike).to_contain_text("L2608-114")
    alike.locator(".alike__more > summary").click()
    page.evaluate("scrollTo(0, 0)")  # the bar at the foot of a phone's screen cuts through no button
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    alike.locator("button[value=recurrence_of]").click()
    entry = panel(page).locator(".rows > li")
    expect(entry).to_contain_text("C-2026-0001")
    entry.locator("summary").click()
    entry.get_by_role("textbox").fill("another lot")
    page.evaluate("scrollTo(0, 0)")
    assert axe(page) == []
    entry.get_by_role("button").click()
    expect(entry).to_have_count(0)


def test_without_script_the_similar_ones_are_a_page_and_a_link_a_plain_form(
    new_page: NewPage, url: str, make: sessionmaker[Session]
) -> None:
    page = signed_in(new_page(**DESK, java_script_enabled=False), url, HERE)
    page.locator("#similar > summary").click()
    page.locator("#similar a").click()
    page.get_by_role("button", name="Recurrence C-2026-0001").click()
    expect(panel(page)).to_contain_text("Recurrence of C-2026-0001")
