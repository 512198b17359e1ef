"""My work in real browsers: light and dark, desk and phone, by keys, without script, and while it refreshes itself."""

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.people import Grant, User
from tests.complaints.test_reading import comes
from tests.complaints.test_worklist import an_enquiry, many_drafts
from tests.desk import Desk
from tests.journeys.conftest import MARA, NewPage, for_everybody, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "clerk", "mkt_sup", "qe", "admin")
    return make


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    """Work of every kind, for Mara: in the queues of her roles, and one enquiry by name."""
    desk = Desk(make, at=datetime.now(UTC) - timedelta(hours=3))
    desk.draft(subject="密封圈低温开裂，客户产线停线")
    desk.registered(complaint_class="major")
    written = desk.registered()
    desk.write(written, "first_review", "mkt_sup")
    desk.write(written, "form", "sales")
    desk.sign(written, "form_issued", "sales")
    left = desk.to_verification()
    with transaction(make) as session:
        session.execute(update(User).where(User.id == desk["qe"].id).values(left_at=datetime.now(UTC)))
        late = datetime.now(UTC) - timedelta(days=2)
        session.execute(update(Complaint).where(Complaint.number == written).values(sort_due_at=late, unread_count=1))
        session.execute(update(Complaint).where(Complaint.number == written).values(owner_id=1))
        session.execute(update(Grant).where(Grant.role == "gm").values(until=date(2026, 1, 1)))
    an_enquiry(desk, by="clerk", owner="clerk")
    with transaction(make) as session:
        session.execute(update(Complaint).where(Complaint.number == left).values(subject="Oil weeping, lot L2608-114"))
    return desk


@for_everybody
def test_my_work_and_the_answer_list_are_for_everybody(
    new_page: NewPage, url: str, desk: Desk, make: Any, scheme: str, screen: dict[str, Any], language: str
) -> None:
    with transaction(make) as session:
        session.execute(update(User).where(User.email == MARA).values(locale=language))
    page = signed_in(new_page(**screen, color_scheme=scheme), url)
    for path in ("/work", "/answers", "/answers?answered=1", "/answers/1"):
        page.goto(url + path)
        assert (path, axe(page)) == (path, [])
        assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]


def test_a_letter_that_is_read_leaves_the_list_and_the_page_says_so_at_once(page: "Page", url: str, desk: Desk) -> None:
    signed_in(page, url)
    read = page.get_by_role("button", name="Mark as read")
    expect(read).to_have_count(1)
    read.focus()
    page.keyboard.press("Enter")
    expect(read).to_have_count(0)
    expect(page.locator("#work")).not_to_contain_text("Read what the customer wrote")
    number = comes_to(desk)
    page.goto(f"{url}/complaints/{number}")
    page.locator("#unread button").click()
    expect(page.locator("#unread")).to_have_text("Read")
    expect(page.locator("#unread p")).to_be_focused()


def comes_to(desk: Desk) -> str:
    """The customer writes on a complaint that is the front office's."""
    number = desk.registered()
    comes(desk, number, "again@customer.example")
    return number


def test_j_and_k_go_along_the_lines_and_enter_opens(page: "Page", url: str, desk: Desk) -> None:
    signed_in(page, url)
    lines = page.locator(".workrow")
    page.keyboard.press("j")
    expect(lines.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(lines.nth(1)).to_be_focused()
    target = lines.nth(1).get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}{target}")


def test_a_refresh_shows_what_is_new_and_leaves_focus_and_depth_alone(page: "Page", url: str, desk: Desk) -> None:
    many_drafts(desk, 40)
    signed_in(page, url)
    page.get_by_role("link", name="Show 11 more").click()
    expect(page.locator("[id^='w-register-']")).to_have_count(41)
    line = page.locator("[id^='w-sign-']").first
    line.focus()
    held = line.get_attribute("id")
    desk.draft(subject="A new one")
    with page.expect_response("**/work?shown=register%3A2"):
        page.evaluate("htmx.trigger('#work', 'refresh')")
    expect(page.get_by_text("A new one")).to_be_visible()
    expect(page.locator("[id^='w-register-']")).to_have_count(42)
    expect(page.locator(f"#{held}")).to_be_focused()


def test_without_script_it_is_all_there(without_script: "Page", url: str, desk: Desk) -> None:
    many_drafts(desk, 40)
    page = signed_in(without_script, url)
    page.get_by_role("link", name="Show 11 more").click()
    expect(page.locator(".workrow")).to_have_count(11)
    page.get_by_role("link", name="Back to my work").click()
    page.locator(".pagehead").get_by_role("link", name="Answer list").click()
    page.locator(".workrow").click()
    page.get_by_label("What they were answered").fill("Sent the catalogue")
    page.get_by_role("button", name="It is answered").click()
    expect(page.get_by_text("is answered.")).to_be_visible()
    expect(page.get_by_text("Nothing waits for an answer.")).to_be_visible()
