"""A manager decides on penalties in a real browser: by keyboard, on a desk and a phone, in both languages."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.penalties import propose_due
from complaints.people import User
from tests.desk import CONTEXT, Desk
from tests.journeys.conftest import MARA, NewPage, for_everybody, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    """A complaint whose answer and plan are late, and a draft that either of two clerks could have registered."""
    desk = Desk(make, datetime.now(UTC) - timedelta(days=14))
    staff(make, "gm", "clerk", "qa_mgr", "admin")
    desk.to_action_plan()
    desk.draft()
    propose_due(make, datetime.now(UTC), CONTEXT)
    return make


@for_everybody
def test_a_manager_decides_with_the_keyboard(
    new_page: NewPage, url: str, make: Any, scheme: str, screen: dict[str, Any], language: str
) -> None:
    with transaction(make) as session:
        session.execute(update(User).where(User.email == MARA).values(locale=language))
    page = signed_in(new_page(**screen, color_scheme=scheme), url, "/penalties")
    boxes, reason, reject = page.locator('input[name="penalty"]'), page.locator("#pen-reason"), "button[value=rejected]"
    expect(boxes).to_have_count(3)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]
    for nth in (0, 1):
        boxes.nth(nth).focus()
        page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(boxes).to_have_count(3)
    page.locator(reject).press("Enter")
    expect(reason).to_have_attribute("aria-invalid", "true")
    expect(page.locator('input[name="penalty"]:checked')).to_have_count(2)
    assert axe(page) == []
    reason.fill("The server was down")
    page.locator(reject).press("Enter")
    expect(boxes).to_have_count(1)
    page.goto(f"{url}/penalties?state=all")
    expect(page.locator("main")).to_contain_text("The server was down")
    page.locator("summary.linkbtn").first.press("Enter")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]
    page.goto(f"{url}/settings/parts")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]


def test_what_is_confirmed_stands_in_the_totals_of_its_month(page: "Page", url: str) -> None:
    signed_in(page, url)
    page.get_by_role("link", name="3 penalties to decide on").click()
    page.locator(".penalty").filter(has_text="QA's reply").get_by_role("checkbox").check()
    page.get_by_role("button", name="Confirm those ticked").click()
    expect(page.get_by_role("status")).to_contain_text("1 penalty is confirmed.")
    page.get_by_label("Month").select_option(index=1)
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Confirmed in")).to_contain_text("30 yuan")
    expect(page.get_by_role("table").first).to_contain_text("qe")
