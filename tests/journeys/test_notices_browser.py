"""The bell and who else is on a page, in real browsers: at a desk, on a phone, light and dark, and without script."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import history, notices, workflow
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.people import SYSTEM, User, actor_for
from complaints.settings import Settings
from tests.builders import a_complaint
from tests.journeys.conftest import DESK, PHONE, NewPage, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey

HERE = "/complaints/C-2026-0001"
SIGNED = {"name": {"en": "Quality signed the receipt", "zh": "品管部已签收"}}


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "clerk")
    staff(make, "clerk", email="chen@mill.example", name="陈予安")
    with transaction(make) as session:
        for subject in ("Oil weeping at HX-210 face seal", "支架焊缝气孔"):
            a_complaint(session, at=datetime.now(UTC) - timedelta(hours=2), subject=subject)
    return make


@pytest.fixture
def settings(settings: Settings, redis_url: str) -> Settings:
    return replace(settings, redis_url=redis_url)


@pytest.fixture
def told(make: sessionmaker[Session]) -> None:
    """Mara was told three things, about two complaints."""
    with transaction(make) as session:
        first, second = session.scalars(select(Complaint).order_by(Complaint.id))
        now = datetime.now(UTC)
        common: dict[str, Any] = {"by": SYSTEM, "today": now.date(), "secret": "s" * 40, "domain": "mill.example"}
        notices.tell(session, first, [1], "registered", at=now - timedelta(days=1), **common)
        notices.tell(session, first, [1], "receipt_signed", at=now, values=SIGNED, **common)
        notices.tell(session, second, [1], "closed", at=now, **common)


def change(make: sessionmaker[Session], email: str) -> None:
    """Somebody changes the first complaint."""
    now = datetime.now(UTC)
    with transaction(make) as session:
        complaint = session.get_one(Complaint, 1)
        user = session.scalars(select(User).where(User.email == email)).one()
        by = actor_for(session, user, now.date())
        workflow.touch(session, complaint, at=now, seen_version=complaint.version)
        history.note(session, 1, "entered", by=by, at=now, changed={}, version=complaint.version)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_the_bell_and_its_page_are_for_everybody(
    new_page: NewPage, url: str, told: None, scheme: str, screen: dict[str, Any]
) -> None:
    page = signed_in(new_page(**screen, color_scheme=scheme), url, "/board")
    page.get_by_role("button", name="Notices, 3 new").click()
    menu = page.locator("#bell-menu")
    expect(menu.locator(".newsrow")).to_have_count(3)
    expect(menu.locator(".newsrow").nth(1)).to_contain_text("Quality signed the receipt")
    assert axe(page) == []
    menu.get_by_role("link", name="All notices").click()
    page.wait_for_url("**/notices")
    expect(page.locator(".newsday")).to_have_count(2)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]


def test_everything_is_marked_as_read_by_keys_without_leaving_the_page(new_page: NewPage, url: str, told: None) -> None:
    page = signed_in(new_page(**DESK), url, "/board")
    page.get_by_role("button", name="Notices, 3 new").press("Enter")
    mark = page.get_by_role("button", name="Mark all as read")
    mark.press("Enter")
    expect(mark).to_have_count(0)
    expect(page.get_by_role("button", name="Notices", exact=True)).to_be_visible()
    assert page.url == f"{url}/board"
    page.keyboard.press("Escape")
    expect(page.locator("#bell-menu")).to_be_hidden()


def test_a_notice_leads_to_its_complaint_and_is_read_there(new_page: NewPage, url: str, told: None) -> None:
    page = signed_in(new_page(**PHONE), url, "/board")
    page.get_by_role("button", name="Notices, 3 new").tap()
    page.get_by_role("link", name="Quality signed the receipt").tap()
    page.wait_for_url(f"**{HERE}")
    expect(page.get_by_role("button", name="Notices, 1 new")).to_be_visible()


def test_without_script_the_bell_leads_to_the_page(without_script: "Page", url: str, told: None) -> None:
    page = signed_in(without_script, url, "/board")
    page.get_by_role("button", name="Notices, 3 new").click()
    page.get_by_role("link", name="All notices").click()
    page.get_by_role("button", name="Mark all as read").click()
    expect(page.get_by_role("button", name="Notices", exact=True)).to_be_visible()
    expect(page.locator(".newsrow--new")).to_have_count(0)


# Who else is here


@pytest.fixture
def mara(new_page: NewPage, url: str) -> "Page":
    """Mara's browser on the first complaint, its clock in our hands."""
    page = new_page(**DESK)
    page.clock.install()
    return signed_in(page, url, HERE)


def asked(page: "Page", act: Callable[[], object]) -> int:
    """The answer to the page's question who is here."""
    with page.expect_response("**/presence?*") as answer:
        act()
    return answer.value.status


def test_who_comes_later_is_shown_and_a_change_is_told_without_touching_what_is_typed(
    new_page: NewPage, url: str, mara: "Page", make: sessionmaker[Session]
) -> None:
    field = mara.locator("#f-product")
    field.press_sequentially("HX-2")
    assert asked(mara, lambda: mara.clock.run_for(15_000)) == 204
    chen = signed_in(new_page(**PHONE), url, HERE, "chen@mill.example")
    expect(chen.locator("#presence")).to_have_text("Also here: Mara Linden")
    assert asked(mara, lambda: mara.clock.run_for(15_000)) == 200
    expect(mara.locator("#presence")).to_have_text("Also here: 陈予安")
    change(make, "chen@mill.example")
    assert asked(mara, lambda: mara.clock.run_for(15_000)) == 200
    expect(mara.locator(".here__changed")).to_contain_text("陈予安 changed this complaint at")
    expect(field).to_be_focused()
    mara.keyboard.type("10")
    expect(field).to_have_value("HX-210")
    assert axe(mara) == []
    mara.get_by_role("link", name="Show the newest").click()
    expect(mara.locator(".here__changed")).to_have_count(0)


def test_nobody_asks_while_the_page_is_hidden_and_at_once_when_it_is_seen_again(mara: "Page") -> None:
    asking: list[str] = []
    mara.on("request", lambda request: asking.append(request.url) if "/presence?" in request.url else None)
    mara.evaluate("Object.defineProperty(document, 'hidden', {configurable: true, get: () => window.away})")
    turn = "away => { window.away = away; document.dispatchEvent(new Event('visibilitychange')); }"
    mara.evaluate(turn, True)
    mara.clock.run_for(60_000)
    assert asking == []
    assert asked(mara, lambda: mara.evaluate(turn, False)) == 204


def test_who_was_signed_out_keeps_the_page_and_what_was_typed(
    mara: "Page", make: sessionmaker[Session], browser: Any
) -> None:
    browser.meant("401")
    field = mara.locator("#f-product")
    field.fill("HX-210")
    with transaction(make) as session:
        session.get_one(User, 1).left_at = datetime.now(UTC)
    assert asked(mara, lambda: mara.clock.run_for(15_000)) == 401
    mara.clock.run_for(1_000)
    expect(field).to_have_value("HX-210")
    assert mara.url.endswith(HERE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_presence_is_for_everybody(
    new_page: NewPage, url: str, make: sessionmaker[Session], scheme: str, screen: dict[str, Any]
) -> None:
    signed_in(new_page(**DESK), url, HERE, "chen@mill.example")
    page = new_page(**screen, color_scheme=scheme)
    page.clock.install()
    signed_in(page, url, HERE)
    change(make, "chen@mill.example")
    asked(page, lambda: page.clock.run_for(15_000))
    expect(page.locator(".here__changed")).to_be_visible()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]


def test_without_script_the_page_says_who_is_here_when_it_is_loaded(
    without_script: "Page", url: str, mara: "Page"
) -> None:
    page = signed_in(without_script, url, HERE, "chen@mill.example")
    expect(page.locator("#presence")).to_have_text("Also here: Mara Linden")
