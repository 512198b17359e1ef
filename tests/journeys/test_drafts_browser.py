"""What is typed and not sent, in real browsers: an expired session, a closed tab, two windows, no network; templates at
the cursor; and all of it for everybody."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.people import User
from complaints.signin import SignIn
from tests.builders import a_mailed_complaint
from tests.journeys.conftest import DESK, MARA, PASSWORD, NewPage, for_everybody, signed_in, staff
from tests.rigs.chromium import Chromium, axe

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.journey

HERE = "/complaints/C-2026-0001"
WORDS = "Dear Ines,\nthank you for the photographs."


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "clerk")
    staff(make, "clerk", email="chen@mill.example", name="Chen Bo")
    with transaction(make) as session:
        a_mailed_complaint(session, at=datetime.now(UTC) - timedelta(minutes=10)).product = "HX-210"
    return make


def reply(page: "Page") -> "Locator":
    return page.locator("#f-composer-text")


def said(page: "Page", form: str = "#reply-form") -> "Locator":
    """The line on the draft of a form."""
    return page.locator(f"{form} [data-said]")


def stored(page: "Page") -> list[str]:
    return [key for key in page.evaluate("Object.keys(localStorage)") if key.startswith("draft:")]


def sign_in_here(page: "Page") -> None:
    page.locator("[name=email]").fill(MARA)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")


def test_a_closed_tab_loses_nothing(new_page: NewPage, url: str) -> None:
    page = signed_in(new_page(**DESK), url, HERE)
    reply(page).fill(WORDS)
    expect(said(page)).to_have_text(re.compile(r"^Draft saved \d\d:\d\d$"))
    assert stored(page) == []  # the server has it
    reply(page).press("End")
    reply(page).press_sequentially(" And more")
    other = page.context.new_page()
    page.close()  # before the second is over
    other.goto(url + HERE)
    expect(reply(other)).to_have_value(re.compile("And more"))
    expect(said(other)).to_have_text(
        re.compile("Your draft of|Draft saved")
    )  # as the last of it was there in time or not
    other.get_by_role("button", name="Discard").click()
    expect(reply(other)).to_have_value("")


@pytest.mark.parametrize("cookie", ["expired", "deleted"])
def test_a_reply_sent_after_the_session_ended_is_back_after_signing_in(
    new_page: NewPage, url: str, make: sessionmaker[Session], browser: Chromium, cookie: str
) -> None:
    browser.meant("401")
    page = signed_in(new_page(**DESK), url, HERE)
    reply(page).fill(WORDS)
    with transaction(make) as session:
        session.execute(delete(SignIn))
    if cookie == "deleted":
        page.context.clear_cookies()
    expect(said(page)).to_contain_text("You are signed out.")
    page.get_by_role("button", name="Send reply").click()
    expect(page.get_by_text("What you typed is kept")).to_be_visible()
    sign_in_here(page)
    expect(reply(page)).to_have_value(WORDS)
    expect(page.get_by_role("status")).to_contain_text("nothing was sent")
    page.get_by_role("button", name="Send reply").click()
    expect(page.locator("#reply-1")).to_contain_text("thank you for the photographs")
    expect(reply(page)).to_have_value("")
    assert stored(page) == []


def test_a_page_loaded_again_after_the_session_ended_has_the_words(
    new_page: NewPage, url: str, make: sessionmaker[Session], browser: Chromium
) -> None:
    browser.meant("401")
    page = signed_in(new_page(**DESK), url, HERE)
    page.get_by_text("Internal note", exact=True).first.click()
    page.locator("#f-note").fill("twelve parts")
    page.context.clear_cookies()
    expect(said(page, "#note-form")).to_contain_text("kept in this browser")
    page.reload()
    sign_in_here(page)
    page.wait_for_url(f"**{HERE}")
    expect(page.locator("#f-note")).to_have_value("twelve parts")
    expect(said(page, "#note-form")).to_contain_text("Draft saved")
    assert stored(page) == []


def test_two_windows_show_both_texts(new_page: NewPage, url: str, browser: Chromium) -> None:
    browser.meant("409")
    one = signed_in(new_page(**DESK), url, HERE)
    two = one.context.new_page()
    two.goto(url + HERE)
    reply(one).fill("from the first window")
    expect(said(one)).to_contain_text("Draft saved")
    reply(two).fill("from the second window")
    other = two.locator("#reply-form [data-other]")
    expect(other).to_contain_text("from the first window")
    reply(two).press_sequentially(" and on")  # nothing is overwritten while both stand there
    expect(reply(two)).to_have_value("from the second window and on")
    two.reload()
    expect(reply(two)).to_have_value("from the first window")
    expect(other).to_contain_text("from the second window and on")
    other.get_by_role("button", name="Take these words").click()
    expect(said(two)).to_contain_text("Draft saved")
    reply(one).fill("once more from the first")
    other = one.locator("#reply-form [data-other]")
    expect(other).to_contain_text("from the second window and on")
    with one.expect_response(re.compile("/drafts/reply$")) as saved:
        other.get_by_role("button", name="Keep what stands").click()
    assert saved.value.status == 200
    two.reload()
    expect(reply(two)).to_have_value("once more from the first")
    expect(other).to_be_hidden()


def test_nobody_else_on_this_machine_reads_it(
    new_page: NewPage, url: str, make: sessionmaker[Session], browser: Chromium
) -> None:
    browser.meant("ERR_FAILED|Failed to fetch")
    page = signed_in(new_page(**DESK), url, HERE)
    page.route("**/drafts/**", lambda route: route.abort())
    reply(page).fill("between us")
    expect(said(page)).to_contain_text("Not saved on the server")
    assert len(stored(page)) == 1
    page.locator("[popovertarget=account-menu]").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("[name=email]")).to_be_visible()
    page.wait_for_load_state()
    assert stored(page) == []
    signed_in(page, url, HERE, "chen@mill.example")
    expect(reply(page)).to_have_value("")


@for_everybody
def test_a_template_is_inserted_at_the_cursor_and_the_tabs_change(
    new_page: NewPage, url: str, make: sessionmaker[Session], language: str, screen: dict[str, Any], scheme: str
) -> None:
    with transaction(make) as session:
        session.get_one(User, 1).locale = language
    page = signed_in(new_page(**screen, color_scheme=scheme), url, HERE)
    reply(page).fill("First this.")
    page.locator("[popovertarget=templates-menu]").click()
    item = page.locator("#templates-menu a[data-template$='progress.en']")
    expect(item).to_be_visible()
    item.click()
    expect(reply(page)).to_have_value(re.compile(r"^First this\.\n\nDear Ines Carrow,"))
    expect(reply(page)).to_be_focused()
    assert page.evaluate("getSelection().toString()") == "{progress}"
    gaps = page.locator(".composer__gaps")
    expect(gaps).to_have_text(re.compile(r"\{progress\}"))
    page.keyboard.type("The parts are measured.")
    expect(gaps).to_be_hidden()
    expect(page.locator("#templates-menu")).to_be_hidden()
    assert axe(page) == []
    page.locator(".composer__tab").nth(1).click()
    expect(page.locator("#f-note")).to_be_visible()
    expect(reply(page)).to_be_hidden()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]


def test_without_script_a_draft_a_template_and_a_note_are_forms(without_script: "Page", url: str) -> None:
    page = signed_in(without_script, url, HERE)
    reply(page).fill("First this.")
    page.locator("[popovertarget=templates-menu]").click()
    page.get_by_role("button", name="Choose a template").click()
    page.locator("a[data-template$='evidence.en']").click()
    expect(reply(page)).to_have_value(re.compile(r"^First this\.\n\nDear "))
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_role("status")).to_contain_text("Draft saved")
    expect(reply(page)).to_have_value(re.compile(r"^First this\.\n\nDear "))
    page.locator(".composer__tab").nth(1).click()
    page.locator("#f-note").fill("call her")
    page.get_by_role("button", name="Save the note").click()
    expect(page.locator("#note-1")).to_contain_text("call her")
