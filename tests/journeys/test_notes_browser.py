"""Notes and watching in real browsers: at a desk, on a phone, light and dark, in both languages, and without script."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.people import User
from tests.builders import a_mailed_complaint
from tests.journeys.conftest import DESK, PHONE, NewPage, for_everybody, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey

HERE = "/complaints/C-2026-0001"


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "clerk")
    for number, name in enumerate(("陈予安", "陈予", "Chen Bo", "Tomas Reiner")):
        staff(make, "qe", email=f"p{number}@mill.example", name=name)
    with transaction(make) as session:
        a_mailed_complaint(session, at=datetime.now(UTC) - timedelta(hours=2))
    return make


def note(page: "Page") -> Any:
    """The text of the note; its tab is opened first."""
    page.locator(".composer__tab").nth(1).click()
    return page.locator("#f-note")


def offered(page: "Page") -> Any:
    """The names that are offered."""
    return page.locator("#note-names").get_by_role("option")


@for_everybody
def test_a_note_with_a_mention_and_watching_are_for_everybody(
    new_page: NewPage, url: str, make: sessionmaker[Session], language: str, screen: dict[str, Any], scheme: str
) -> None:
    with transaction(make) as session:
        session.get_one(User, 1).locale = language
    page = signed_in(new_page(**screen, color_scheme=scheme), url, HERE)
    note(page).press_sequentially("请 @tom")
    expect(offered(page)).to_have_text(["Tomas Reiner"])
    assert axe(page) == []
    offered(page).click()
    expect(note(page)).to_have_value("请 @Tomas Reiner ")
    page.locator(".noteform__f button").click()
    written = page.locator("#note-1")
    expect(written).to_contain_text("@Tomas Reiner")
    expect(written.locator("use[href$='#i-lock']")).to_have_count(1)
    page.locator("#watch").click()
    expect(page.locator("#watching")).to_contain_text("Mara Linden")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]


def test_a_name_is_chosen_by_keys_and_enter_makes_a_new_line_again(new_page: NewPage, url: str) -> None:
    page = signed_in(new_page(**DESK), url, HERE)
    field = note(page)
    field.press_sequentially("@陈")
    options = offered(page)
    expect(options).to_have_text(["陈予", "陈予安"])
    expect(field).to_have_attribute("aria-activedescendant", "note-name-0")
    expect(page.locator("#note-said")).to_contain_text("Names offered: 2.")
    field.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "note-name-1")
    field.press("Enter")
    expect(field).to_have_value("@陈予安 ")
    expect(options).to_have_count(0)
    field.press("Enter")
    field.press_sequentially("mail a@Tom, or @bo")
    expect(field).to_have_value("@陈予安 \nmail a@Tom, or @bo")
    expect(options).to_have_text(["Chen Bo"])
    field.press("Escape")
    expect(options).to_have_count(0)
    expect(field).to_be_focused()


def test_watching_keeps_what_is_being_typed(new_page: NewPage, url: str) -> None:
    page = signed_in(new_page(**PHONE), url, HERE)
    note(page).fill("half a note")
    page.get_by_role("button", name="Watch", exact=True).tap()
    expect(page.get_by_role("button", name="Unwatch")).to_be_visible()
    expect(page.get_by_role("button", name="Unwatch")).to_be_focused()
    expect(note(page)).to_have_value("half a note")


def test_without_script_a_name_is_typed_and_a_note_corrected(without_script: "Page", url: str) -> None:
    page = signed_in(without_script, url, HERE)
    note(page).fill("12 parts, @Tomas Reiner")
    page.get_by_role("button", name="Save the note").click()
    expect(page.get_by_role("status")).to_contain_text("Told: Tomas Reiner.")
    page.locator("#note-1").get_by_role("link", name="Correct it").click()
    expect(note(page)).to_have_value("12 parts, @Tomas Reiner")
    note(page).fill("14 parts")
    page.get_by_role("button", name="Save the correction").click()
    expect(page.locator("#note-1")).to_contain_text("Corrected")
    expect(page.locator("#note-2")).to_contain_text("14 parts")
    page.get_by_role("button", name="Watch", exact=True).click()
    expect(page.locator("#watching")).to_contain_text("Mara Linden")
