"""Handing a complaint over, and the list of open actions, in real browsers."""

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.people import User
from tests.complaints.test_turns import newcomer
from tests.desk import Desk
from tests.journeys.conftest import NewPage, for_everybody, signed_in
from tests.journeys.office import staffed
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    desk = staffed(make)
    newcomer(desk, "陈予安", "sales")
    return desk


def by(desk: Desk, page: "Page", url: str, role: str, path: str) -> "Page":
    with desk.make() as session:
        email = session.get_one(User, desk[role].id).email
    return signed_in(page, url, path, email)


@for_everybody
def test_it_is_handed_over_and_followed_by_everybody(
    new_page: NewPage, url: str, desk: Desk, language: str, screen: dict[str, Any], scheme: str
) -> None:
    with transaction(desk.make) as session:
        session.execute(update(User).values(locale=language))
    number = desk.to_implementation()
    desk.write(number, "contacts", "sales", kind="progress_told", on="2026-11-16", way="phone", text="x",
               expected_on="2026-11-17")  # fmt: skip
    page = by(desk, new_page(**screen, color_scheme=scheme), url, "sales", f"/complaints/{number}")
    people = page.locator("#people")
    people.scroll_into_view_if_needed()
    later = people.locator(".people__later > summary")
    later.click()
    post = page.locator("#people-sales")
    post.locator("summary").click()
    post.locator("select").select_option(label="陈予安")
    page.evaluate("scrollTo(0, 0)")  # nothing stands half under the bar at the bottom
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]
    post.get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("陈予安")
    page.goto(f"{url}/actions")
    expect(page.locator(".workrow")).to_contain_text("Reset counter")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]


def test_without_script_a_complaint_is_handed_over_on_a_page_of_its_own(
    without_script: "Page", url: str, desk: Desk
) -> None:
    number = desk.to_action_plan()
    page = by(desk, without_script, url, "dept_head", f"/complaints/{number}")
    page.get_by_role("link", name="Who works on it, and who takes over").click()
    post = page.locator(f"#people-dept_head-{desk.department}")
    expect(post).to_contain_text("dept_head")
    post.get_by_text("Hand over…").click()
    post.get_by_label("To whom").select_option(label="dept")
    post.get_by_label("Reason").fill("It is your lathe")
    post.get_by_label("The customer is told who takes over").check()
    post.get_by_role("button", name="Hand over").click()
    expect(page.get_by_role("status")).to_contain_text("Handed over to dept.")
    page.goto(f"{url}/work")
    expect(page.locator("#work")).to_contain_text("Handed over, until solved")
