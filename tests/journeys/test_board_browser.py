"""The board in real browsers: dragging, keys, the phone's sheet, no script at all, and a colleague's screen."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import make_server

from complaints import people
from complaints.complaint import Complaint
from complaints.database import open_database, sessions, transaction
from complaints.settings import Settings
from tests.builders import a_complaint, a_customer
from tests.rigs.chromium import Chromium, axe
from webapp import create_app

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.journey

EMAIL, PASSWORD = "mara@mill.example", "a long password"
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
NewPage = Callable[..., "Page"]


@pytest.fixture
def make(sqlite_url: str) -> sessionmaker[Session]:
    maker = sessions(open_database(sqlite_url))
    with transaction(maker) as session:
        people.add_user(
            session, email=EMAIL, name="Mara Linden", roles=["clerk", "qe"], password=PASSWORD, since=date(2020, 1, 1)
        )
        a_customer(session, "北砾重工")
    return maker


@pytest.fixture
def url(sqlite_url: str, tmp_path: Path, make: sessionmaker[Session]) -> Iterator[str]:
    settings = Settings(data=tmp_path, database_url=sqlite_url, redis_url="redis://127.0.0.1:1/0", secret_key="s" * 40)
    app = create_app(settings, {"RATELIMIT_ENABLED": False})
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def on_the_board(make: sessionmaker[Session], stage: str = "registered", **fields: Any) -> str:
    """A complaint in a stage; gives its number."""
    with transaction(make) as session:
        made = a_complaint(session, at=datetime.now(UTC) - timedelta(minutes=9))
        values = {"stage": stage, "complaint_class": "general", "customer_id": 1, "product": "HX-210"} | fields
        session.execute(update(Complaint).where(Complaint.id == made.id).values(**values))
        return made.number


def the(make: sessionmaker[Session], number: str) -> Complaint:
    with make() as session:
        return session.scalars(select(Complaint).where(Complaint.number == number)).one()


def signed_in(page: "Page", url: str) -> "Page":
    page.goto(url + "/login")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/work")
    page.goto(url + "/board")
    return page


def card(page: "Page", number: str) -> "Locator":
    return page.locator(".card").filter(has=page.locator(f'a[href="/complaints/{number}"]'))


def column(page: "Page", stage: str) -> "Locator":
    return page.locator(f"#col-{stage}")


def stage(page: "Page", key: str) -> "Locator":
    """A stage to move to, in the menu or on the page without script."""
    return page.locator(f'.menu__i[value="{key}"]')


def move_of(page: "Page", act: Callable[[], object]) -> int:
    """What the server answers to the move that an act makes."""
    with page.expect_response(re.compile("/move$")) as answer:
        act()
    return answer.value.status


# Dragging


def test_a_dragged_card_stays_where_it_was_put_and_both_heads_count(page: "Page", url: str, make: Any) -> None:
    number = on_the_board(make)
    signed_in(page, url)
    assert move_of(page, lambda: card(page, number).drag_to(column(page, "investigation"))) == 200
    expect(column(page, "investigation").locator(".card")).to_contain_text(number)
    expect(page.locator("#head-registered .col__c")).to_have_text("0 complaints")
    expect(page.locator("#head-investigation .col__c")).to_have_text("1 complaint")
    expect(card(page, number)).not_to_have_attribute("aria-busy", "true")
    expect(page.locator(".toast")).to_contain_text(f"{number} moved to Investigation")
    expect(page.locator("#board-live")).to_contain_text("1 complaint there")
    expect(page.locator(".slot, .col--drop, .card--ghost")).to_have_count(0)
    assert the(make, number).stage == "investigation"


def test_a_card_finds_its_place_by_urgency_wherever_it_was_dropped(page: "Page", url: str, make: Any) -> None:
    soon, now = timedelta(hours=1), datetime.now(UTC)
    others = [on_the_board(make, "investigation", sort_due_at=now + n * soon) for n in (1, 3, 5)]
    number = on_the_board(make)
    signed_in(page, url)
    move_of(page, lambda: card(page, number).drag_to(card(page, others[0])))
    # its clock is stopped by the move, so it comes last
    expect(column(page, "investigation").locator("h3 a")).to_have_count(4)
    links = column(page, "investigation").locator("h3 a").evaluate_all("links => links.map(a => a.pathname)")
    assert links == [f"/complaints/{each}" for each in [*others, number]]


def test_a_refused_card_springs_back_with_every_reason_on_it(page: "Page", url: str, make: Any) -> None:
    number = on_the_board(make, "draft", customer_id=None, complaint_class=None)
    signed_in(page, url)
    assert move_of(page, lambda: card(page, number).drag_to(column(page, "registered"))) == 422
    expect(column(page, "draft").locator(".card")).to_contain_text(number)
    why = card(page, number).locator(".card__why")
    expect(why).to_contain_text(f"{number} was not moved to Registered.")
    expect(why.get_by_role("link", name="Customer is missing")).to_have_attribute(
        "href", f"/complaints/{number}#f-customer"
    )
    expect(why.get_by_role("link")).to_have_count(6)
    assert axe(page) == []
    why.get_by_role("button", name="Dismiss").click()
    expect(why).to_have_count(0)
    assert the(make, number).stage == "draft"


def test_a_stale_card_is_shown_afresh_with_a_sentence(page: "Page", url: str, make: Any) -> None:
    number = on_the_board(make)
    signed_in(page, url)
    with transaction(make) as session:
        fresh = {"stage": "verification", "version": 9, "product": "HX-999"}
        session.execute(update(Complaint).values(**fresh))
    assert move_of(page, lambda: card(page, number).drag_to(column(page, "investigation"))) == 409
    expect(column(page, "verification").locator(".card")).to_contain_text("HX-999")
    expect(card(page, number).locator(".card__why")).to_contain_text("was changed meanwhile")
    expect(page.locator("#head-verification .col__c")).to_have_text("1 complaint")


def test_a_card_dropped_on_the_folded_column_leaves_the_board(page: "Page", url: str, make: Any) -> None:
    number = on_the_board(make, "customer_reply")
    signed_in(page, url)
    assert move_of(page, lambda: card(page, number).drag_to(column(page, "closed"))) == 200
    expect(card(page, number)).to_have_count(0)
    expect(page.locator("#head-closed .count")).to_contain_text("1")
    page.locator("#head-closed button").click()
    expect(column(page, "closed").locator(".card")).to_contain_text(number)


def test_a_card_goes_back_when_the_server_is_away(page: "Page", url: str, make: Any, browser: Chromium) -> None:
    browser.meant("ERR_FAILED|ERR_CONNECTION|status of 500")
    number = on_the_board(make)
    signed_in(page, url)
    for fault in (lambda route: route.abort(), lambda route: route.fulfill(status=500, body="x")):
        page.route("**/move", fault)
        card(page, number).drag_to(column(page, "investigation"))
        expect(page.locator(".toast")).to_contain_text("nothing was moved")
        expect(column(page, "registered").locator(".card")).to_contain_text(number)
        expect(card(page, number)).not_to_have_attribute("aria-busy", "true")
        page.unroute("**/move")
    assert move_of(page, lambda: card(page, number).drag_to(column(page, "investigation"))) == 200


def test_nothing_changes_under_a_card_that_is_held(page: "Page", url: str, make: Any) -> None:
    held, other = on_the_board(make), on_the_board(make)
    signed_in(page, url)
    carried = page.evaluate_handle("() => new DataTransfer()")
    card(page, held).locator("h3 a").dispatch_event("dragstart", {"dataTransfer": carried})
    with transaction(make) as session:
        change = update(Complaint).where(Complaint.number == other)
        session.execute(change.values(stage="verification", version=2, changed_at=datetime.now(UTC)))
    with page.expect_response(lambda answer: "/board/pulse" in answer.url and answer.status == 200, timeout=12_000):
        pass
    page.wait_for_timeout(300)
    expect(column(page, "registered").locator(".card")).to_have_count(2)
    card(page, held).locator("h3 a").dispatch_event("dragend", {"dataTransfer": carried})
    expect(column(page, "verification").locator(".card")).to_contain_text(other)


# Keys


def test_a_card_moves_by_keys_alone(page: "Page", url: str, make: Any) -> None:
    number, other = on_the_board(make), on_the_board(make)
    on_the_board(make, "verification")
    signed_in(page, url)
    page.keyboard.press("j")
    expect(card(page, number).locator("h3 a")).to_be_focused()
    page.keyboard.press("j")
    expect(card(page, other).locator("h3 a")).to_be_focused()
    page.keyboard.press("l")
    expect(column(page, "verification").locator("h3 a")).to_be_focused()
    page.keyboard.press("h")
    page.keyboard.press("k")
    expect(card(page, number).locator("h3 a")).to_be_focused()
    page.keyboard.press("m")
    expect(page.locator("#move-menu")).to_be_visible()
    expect(stage(page, "investigation")).to_be_focused()
    assert move_of(page, lambda: page.keyboard.press("3")) == 200
    expect(column(page, "investigation").locator(".card")).to_contain_text(number)
    expect(card(page, number).locator(".card__mv")).to_be_focused()
    page.keyboard.press("m")
    assert move_of(page, lambda: page.keyboard.press("8")) == 422
    expect(card(page, number).locator(".card__why")).to_contain_text("was not moved to Closed")
    expect(card(page, number).locator(".card__mv")).to_be_focused()


def test_single_keys_are_letters_while_typing_and_can_be_switched_off(page: "Page", url: str, make: Any) -> None:
    on_the_board(make)
    signed_in(page, url)
    page.keyboard.press("/")
    page.keyboard.type("jm?")
    expect(page.locator('[name="q"]')).to_have_value("jm?")
    expect(page.locator("#keys")).not_to_be_visible()
    page.wait_for_url("**/board?q=jm*")
    page.get_by_role("link", name="Clear filters").click()
    page.wait_for_url(url + "/board")
    page.keyboard.press("?")
    page.get_by_label("Use these single keys").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("?")
    expect(page.locator("#keys")).not_to_be_visible()


# Filters, pages


def test_filters_work_at_once_and_live_in_the_address(page: "Page", url: str, make: Any) -> None:
    hx, br = on_the_board(make, product="HX-210"), on_the_board(make, product="BR-88")
    signed_in(page, url)
    page.locator('[name="q"]').fill("br-88")
    expect(card(page, hx)).to_have_count(0)
    expect(card(page, br)).to_have_count(1)
    expect(page.locator("#board-sum")).to_have_text("1 open")
    assert page.url == url + "/board?q=br-88"
    page.reload()
    expect(card(page, hx)).to_have_count(0)
    page.go_back()
    expect(card(page, hx)).to_have_count(1)


def test_show_more_brings_the_rest_and_no_card_twice(page: "Page", url: str, make: Any) -> None:
    for _ in range(27):
        on_the_board(make)
    moved = on_the_board(make, "draft", cause_type="other", link="delivery", content="x", complaint_date=date.today())
    signed_in(page, url)
    move_of(page, lambda: card(page, moved).drag_to(column(page, "registered")))
    expect(column(page, "registered").locator(".card")).to_have_count(21)
    page.get_by_role("link", name="Show 7 more").click()
    expect(column(page, "registered").locator(".card")).to_have_count(28)
    ids = page.locator(".card").evaluate_all("cards => cards.map(card => card.id)")
    assert len(set(ids)) == 28


# Others


def test_a_colleague_sees_a_move_within_ten_seconds_and_keeps_the_place_in_the_page(
    new_page: NewPage, url: str, make: Any
) -> None:
    number, other = on_the_board(make), on_the_board(make)
    mine, theirs = signed_in(new_page(**DESK), url), signed_in(new_page(**DESK), url)
    card(theirs, number).locator("h3 a").focus()
    move_of(mine, lambda: card(mine, number).drag_to(column(mine, "investigation")))
    expect(column(theirs, "investigation").locator(".card")).to_contain_text(number, timeout=10_000)
    expect(card(theirs, number).locator("h3 a")).to_be_focused()
    expect(theirs.locator("#head-registered .col__c")).to_have_text("1 complaint")
    new = on_the_board(make, "draft", changed_at=datetime.now(UTC))
    theirs.locator('[name="q"]').focus()
    expect(card(theirs, new)).to_have_count(1, timeout=10_000)
    expect(theirs.locator('[name="q"]')).to_be_focused()
    expect(card(theirs, other)).to_have_count(1)


# Without script


@pytest.fixture
def without_script(new_page: NewPage) -> Iterator["Page"]:
    """A browser without script. It is closed here, because it cannot answer whether it has settled."""
    page = new_page(**DESK, java_script_enabled=False)
    yield page
    page.context.close()


def test_a_card_moves_without_any_script(without_script: "Page", url: str, make: Any) -> None:
    number = on_the_board(make)
    page = signed_in(without_script, url)
    card(page, number).get_by_role("link", name=f"Move {number} to…").click()
    stage(page, "verification").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(f"{number} was not moved to Verification.")
    stage(page, "investigation").click()
    page.wait_for_url("**/board")
    expect(page.get_by_role("status").first).to_contain_text(f"{number} moved to Investigation 调查分析")
    expect(column(page, "investigation").locator(".card")).to_contain_text(number)
    page.locator('[name="q"]').fill("nothing like it")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("link", name="Clear filters")).to_be_visible()
    page.get_by_role("link", name="Clear filters").click()
    page.get_by_role("button", name="Compact").click()
    expect(page.locator("html")).to_have_attribute("data-density", "compact")


# A phone


def test_on_a_phone_a_card_moves_by_the_sheet(new_page: NewPage, url: str, make: Any) -> None:
    number = on_the_board(make)
    page = signed_in(new_page(**PHONE), url)
    page.locator("#jump-registered").tap()
    expect(page.locator("#jump-registered")).to_have_attribute("aria-current", "true")
    arrow = card(page, number).locator(".card__mv")
    box = arrow.bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 44
    arrow.tap()
    sheet = page.locator("#move-menu")
    expect(sheet).to_be_visible()
    box = sheet.bounding_box()
    assert box
    assert box["width"] == 390
    assert abs(box["y"] + box["height"] - 844) < 1
    heights = sheet.locator("button").evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert min(heights) >= 44
    assert axe(page) == []
    assert move_of(page, lambda: stage(page, "investigation").tap()) == 200
    expect(column(page, "investigation").locator(".card")).to_contain_text(number)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


# For everybody


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_every_page_is_for_everybody(
    new_page: NewPage, url: str, make: Any, browser: Chromium, scheme: str, screen: dict[str, Any], language: str
) -> None:
    browser.meant("status of 404")
    now = datetime.now(UTC)
    on_the_board(make, "draft", customer_id=None, complaint_class=None, subject="密封圈低温开裂", unread_count=1)
    on_the_board(make, sort_due_at=now - timedelta(days=3), owner_id=1, attachment_count=2)
    on_the_board(make, "closed", closed_at=now)
    number = on_the_board(make, "verification", complaint_class="major")
    page = new_page(**screen, color_scheme=scheme)
    page.goto(url + "/login")
    assert axe(page) == []
    signed_in(page, url)
    page.locator('[popovertarget="language-menu"]').click()
    page.locator(f'#language-menu [value="{language}"]').click()
    expect(page.locator("html")).to_have_attribute("lang", "en" if language == "en" else "zh-CN")
    assert axe(page) == []
    page.locator('[popovertarget="account-menu"]').click()
    assert axe(page) == []
    for address in (f"/complaints/{number}/moves", "/board?q=nowhere", "/complaints/C-2026-9999/moves"):
        page.goto(url + address)
        assert axe(page) == []


def test_a_page_that_is_not_there_says_so_politely(page: "Page", url: str, make: Any, browser: Chromium) -> None:
    browser.meant("status of 404")
    signed_in(page, url)
    page.goto(url + "/complaints/C-2026-9999/moves")
    expect(page.get_by_role("heading")).to_have_text("There is nothing here, or it is not yours to see.")
    page.get_by_role("link", name="Go to the start page").click()
    page.wait_for_url("**/work")
