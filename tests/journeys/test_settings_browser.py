"""An administrator adds a mailbox, sees what is wrong, tests it, pauses it: a real browser, a real mail server."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from complaints import procedure
from complaints.database import transaction
from complaints.procedure_store import settle
from tests.builders import MONDAY
from tests.journeys.conftest import DESK, PHONE, for_everybody, signed_in, staff
from tests.procedures import SMALL
from tests.rigs.chromium import axe
from tests.rigs.dovecot import Account

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "admin", name="Ada Morrow")
    return make


def test_an_administrator_adds_a_mailbox_and_tests_it(page: "Page", url: str, mailbox_account: Account) -> None:
    mailbox_account.append(b"Subject: One\r\n\r\nText")
    signed_in(page, url)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Add mailbox").click()
    page.get_by_label("Address that customers write to").fill("kehu@163.com")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_label("Server (IMAP)")).to_have_value("imap.163.com")
    expect(page.locator("main")).to_contain_text("授权码")
    expect(page.get_by_label("Application (client) id")).to_be_hidden()
    page.get_by_text("OAuth 2.0", exact=True).click()
    expect(page.get_by_label("Application (client) id")).to_be_visible()
    expect(page.locator("#f-password")).to_be_hidden()
    assert axe(page) == []

    page.locator(".seg__o").filter(has_text="Password").click()
    page.get_by_label("Server (IMAP)").fill("127.0.0.1")
    page.get_by_label("Port").fill(str(mailbox_account.server.port))
    page.locator("#f-user").fill(mailbox_account.user)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved yet")
    expect(page.locator("#f-password")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#f-user")).to_have_value(mailbox_account.user)
    assert axe(page) == []

    page.get_by_label("Encryption").select_option("none")
    page.locator("#f-password").fill(mailbox_account.password)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("kehu@163.com is saved")
    page.get_by_role("button", name="Test").click()
    expect(page.locator("#check li")).to_have_count(6)
    expect(page.locator("#check .step--ok")).to_have_count(6)
    expect(page.locator("#check")).to_contain_text("Messages that lie there: 1.")
    assert axe(page) == []

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Go on reading")).to_be_visible()
    page.get_by_role("link", name="Mailboxes").click()
    expect(page.locator("tbody tr")).to_contain_text("Paused")


@for_everybody
def test_settings_are_for_everybody(
    new_page: Callable[..., "Page"], url: str, scheme: str, screen: dict[str, Any], language: str
) -> None:
    page = signed_in(new_page(**screen, color_scheme=scheme), url)
    page.locator('[popovertarget="language-menu"]').click()
    page.locator(f'#language-menu [value="{language}"]').click()
    expect(page.locator("html")).to_have_attribute("lang", "en" if language == "en" else "zh-CN")
    page.goto(url + "/settings/mailboxes/new?address=kehu@163.com")
    page.locator("#f-host").fill("no-such-host.invalid")
    page.locator("#f-password").fill("x")
    page.locator(".entry__foot button").click()
    page.wait_for_url("**/settings/mailboxes/1")
    assert axe(page) == []
    page.goto(url + "/settings")
    page.locator("td .btn").last.click()
    expect(page.locator("#check .step--failed")).to_have_count(1)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_an_administrator_brings_a_procedure_in_after_mending_it(
    new_page: "Callable[..., Page]",
    url: str,
    make: sessionmaker[Session],
    size: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(procedure, "_known", {})
    with transaction(make) as session:
        settle(session, shipped=sorted(procedure.FOLDER.glob("*.toml")), own=(), at=MONDAY)
    page = signed_in(new_page(**size), url)
    page.goto(f"{url}/settings")
    page.get_by_role("link", name="Procedures").click()
    expect(page.get_by_role("checkbox", name="Customer complaints, medical devices is in use")).to_be_checked()
    assert axe(page) == []
    page.get_by_role("link", name="Bring in a version").click()
    text = page.get_by_label("Text", exact=True)
    text.fill(SMALL.replace("final = true", "finale = true"))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("alert")).to_contain_text("stage.closed.finale: is not known here; did you mean 'final'?")
    assert axe(page) == []
    page.get_by_role("listitem").filter(has_text="stage.closed.finale").get_by_role("link").click()
    expect(text).to_be_focused()
    assert text.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)") == "finale = true"
    text.fill(SMALL)
    page.get_by_role("button", name="Put in force").click()
    expect(text).to_have_value(SMALL)
    why = page.get_by_label("Why this version is put in force")
    expect(why).to_have_attribute("aria-invalid", "true")
    assert axe(page) == []
    why.fill("The audit asked for it")
    page.get_by_role("button", name="Put in force").click()
    expect(page.get_by_role("status")).to_contain_text("small version 1 is in force for new complaints.")
    line = page.locator(".shelf__l").filter(has=page.locator("[value=small]"))
    expect(line.first).to_contain_text("The audit asked for it")

    line.first.get_by_role("link", name="Change").click()
    text.fill(SMALL.replace("version = 1", "version = 2", 1).replace("3 working days", "5 working days"))
    page.get_by_role("button", name="Check").click()
    page.get_by_role("link", name="What changes").click()
    expect(page.locator(".changed")).to_contain_text("5 working days")
    expect(page.get_by_role("img", name="Small, version 2")).to_be_visible()
    page.get_by_text("The picture in words").click()
    expect(page.get_by_role("row", name="Answer")).to_contain_text("5 working days")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == size["viewport"]["width"]


def test_an_administrator_puts_a_procedure_in_force_without_any_script(
    without_script: "Page", url: str, make: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure, "_known", {})
    page = signed_in(without_script, url, "/settings/procedures/new")
    page.get_by_label("Text", exact=True).fill(SMALL.replace("final = true", "finale = true"))
    page.get_by_role("button", name="Check").click()
    page.get_by_role("listitem").filter(has_text="stage.closed.finale").get_by_role("link").click()
    expect(page.locator(".excerpt__l:target")).to_contain_text("finale = true")
    page.get_by_label("Text", exact=True).fill(SMALL)
    page.get_by_label("Why this version is put in force").fill("The audit asked for it")
    page.get_by_role("button", name="Put in force").click()
    line = page.locator(".shelf__l").filter(has=page.locator("[value=small]")).first
    expect(line).to_contain_text("The audit asked for it")
    line.get_by_role("link").first.click()
    expect(page.get_by_role("img", name="Small, version 1")).to_be_visible()
