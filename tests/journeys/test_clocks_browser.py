"""A clock in real browsers: its receipt is opened by the keyboard, it is paused and runs on, also without script."""

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints.clocks import Clock
from complaints.customers import Customer
from complaints.database import transaction
from complaints.levels import DUE, WARNING
from complaints.people import User
from complaints.reminder import Reminder
from tests.desk import Desk
from tests.journeys.conftest import NewPage, for_everybody, signed_in
from tests.journeys.office import staffed
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return staffed(make)


@pytest.fixture
def number(desk: Desk) -> str:
    """A complaint whose customer lets the reply wait, and was asked something."""
    with transaction(desk.make) as session:
        agreed = [{"procedure": "manufacturing", "clock": "qa_reply", "pauses": True}]
        session.scalars(select(Customer)).one().limits = agreed
    number = desk.to_investigation()
    desk.contact(number, "other")
    with transaction(desk.make) as session:
        clock = session.scalars(select(Clock).where(Clock.key == "qa_reply")).one()
        told = {"clock_id": clock.id, "due_at": clock.due_at, "at": desk.at}
        for level, who, away in ((WARNING, "qe", ""), (DUE, "qe", ""), (DUE + 1, "qa_mgr", "陈静")):
            session.add(Reminder(level=level, user_id=desk[who].id, values={"away": away}, **told))
    return number


def fits(page: "Page") -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@for_everybody
def test_the_receipt_is_opened_and_the_clock_paused_and_let_run_on(
    new_page: NewPage, url: str, desk: Desk, number: str, language: str, screen: dict[str, Any], scheme: str
) -> None:
    with transaction(desk.make) as session:
        session.execute(update(User).values(locale=language))
        email = session.get_one(User, desk["qe"].id).email
    page = signed_in(new_page(**screen, color_scheme=scheme), url, f"/complaints/{number}", email=email)
    clock = page.locator("#clocks .clockrow").filter(has=page.locator(".clockrow__a"))
    clock.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(clock.locator(".receipt__t tr").first).to_be_visible()
    assert axe(page) == []
    assert fits(page)
    clock.locator(".clockrow__a").click()
    page.locator("form[action$='/pauses'] .btn").click()
    expect(page.locator("#f-clock-asked-problem")).to_be_visible()
    assert axe(page) == []
    assert fits(page)
    page.locator("#f-clock-asked").select_option(index=1)
    page.locator("#f-clock-reason").fill("lot numbers 批号")
    page.locator("form[action$='/pauses'] .btn").click()
    expect(page.locator("[aria-labelledby=pauses-title] .rows > li")).to_contain_text("lot numbers 批号")
    page.locator(".clockback a").click()
    clock.locator("summary").click()
    clock.locator("details a").click()
    expect(page.locator("#reminded li")).to_have_count(3)
    expect(page.locator("#reminded li").last).to_contain_text("陈静")
    assert axe(page) == []
    page.locator("form[action$='/run-on'] .btn").click()
    expect(page.locator("form[action$='/pauses'] .btn")).to_be_visible()


def test_without_script_an_earlier_time_is_entered(new_page: NewPage, url: str, desk: Desk, number: str) -> None:
    with transaction(desk.make) as session:
        email = session.get_one(User, desk["qe"].id).email
    page = signed_in(new_page(java_script_enabled=False), url, f"/complaints/{number}", email=email)
    page.locator("#clocks .clockrow__a").click()
    page.locator("#f-clock-done").fill("2020-01-01T10:00")
    page.locator("#f-clock-why").fill("told by phone")
    page.locator("form[action$='/real-time'] .btn").click()
    expect(page.locator("#f-clock-done-problem")).to_contain_text("before the clock began")
    expect(page.locator("#f-clock-why")).to_have_value("told by phone")
