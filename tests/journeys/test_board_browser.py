"""The board in real browsers: dragging, keys, the phone's sheet, no script at all, and a colleague's screen."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from complaints.complaint import Complaint
from complaints.database import transaction
from tests.builders import a_department
from tests.journeys import conftest
from tests.journeys.conftest import DESK, PHONE, NewPage, for_everybody, signed_in_by_form, staff
from tests.rigs.chromium import Chromium, axe
from tests.webapp import boards
from tests.webapp.boards import the

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.journey

MOVE, SEVERAL = re.compile(r"/move\?"), re.compile(r"/board/moves\?procedure=")


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "clerk", "qe")
    with transaction(make) as session:
        a_department(session)
    return make


def on_the_board(make: sessionmaker[Session], stage: str = "registered", **fields: Any) -> str:
    """A complaint in a stage, which may go on; gives its number."""
    at = datetime.now(UTC) - timedelta(minutes=9)
    return boards.on_the_board(make, at=at, **{"stage": stage, "product": "HX-210"} | fields).number


def signed_in(page: "Page", url: str) -> "Page":
    return conftest.signed_in(page, url, "/board")


def card(page: "Page", number: str) -> "Locator":
    return page.locator(".card").filter(has=page.locator(f'a[href="/complaints/{number}"]'))


def column(page: "Page", stage: str) -> "Locator":
    return page.locator(f"#col-{stage}")


def stage(page: "Page", key: str) -> "Locator":
    """A stage to move to, in the menu or on the page without script."""
    return page.locator(f'.menu__i[value="{key}"]')


def move_of(page: "Page", act: Callable[[], object]) -> int:
    """What the server answers to the move that an act makes."""
    with page.expect_response(MOVE) as answer:
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
    soon, now = timedelta(minutes=10), datetime.now(UTC)
    others = [on_the_board(make, "investigation", sort_due_at=now + n * soon) for n in (1, 3, 5)]
    number = on_the_board(make)
    signed_in(page, url)
    move_of(page, lambda: card(page, number).drag_to(card(page, others[0])))
    # one of its clocks is stopped by the move, the other has two working hours, so it comes last at any time of day
    expect(column(page, "investigation").locator("h3 a")).to_have_count(4)
    links = column(page, "investigation").locator("h3 a").evaluate_all("links => links.map(a => a.pathname)")
    assert links == [f"/complaints/{each}" for each in [*others, number]]


def test_a_refused_card_springs_back_with_the_first_reasons_on_it(page: "Page", url: str, make: Any) -> None:
    number = on_the_board(make, "draft", customer_id=None, complaint_class=None)
    signed_in(page, url)
    assert move_of(page, lambda: card(page, number).drag_to(column(page, "registered"))) == 422
    expect(column(page, "draft").locator(".card")).to_contain_text(number)
    why = card(page, number).locator(".card__why")
    expect(why).to_contain_text(f"{number} was not moved to Registered.")
    expect(why.get_by_role("link", name="Customer is missing")).to_have_attribute(
        "href", f"/complaints/{number}#f-customer"
    )
    expect(why.get_by_role("link")).to_have_count(5)
    expect(why.get_by_role("link", name="and 2 more")).to_have_attribute("href", f"/complaints/{number}")
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
        page.route(MOVE, fault)
        card(page, number).drag_to(column(page, "investigation"))
        expect(page.locator(".toast")).to_contain_text("nothing was moved")
        expect(column(page, "registered").locator(".card")).to_contain_text(number)
        expect(card(page, number)).not_to_have_attribute("aria-busy", "true")
        page.unroute(MOVE)
    assert move_of(page, lambda: card(page, number).drag_to(column(page, "investigation"))) == 200


def test_nothing_changes_under_a_card_that_is_held(page: "Page", url: str, make: Any) -> None:
    number, other = on_the_board(make), on_the_board(make)
    signed_in(page, url)
    carried = page.evaluate_handle("() => new DataTransfer()")
    card(page, number).locator("h3 a").dispatch_event("dragstart", {"dataTransfer": carried})
    moved_by_somebody(make, other)
    waits(page)
    expect(column(page, "registered").locator(".card")).to_have_count(2)
    card(page, number).locator("h3 a").dispatch_event("dragend", {"dataTransfer": carried})
    expect(column(page, "verification").locator(".card")).to_contain_text(other)
    expect(page.locator("#board")).not_to_have_attribute("data-waiting", "1")


def moved_by_somebody(make: Any, number: str) -> None:
    with transaction(make) as session:
        change = update(Complaint).where(Complaint.number == number)
        session.execute(change.values(stage="verification", version=2, changed_at=datetime.now(UTC)))


def waits(page: "Page") -> None:
    """Until what others did has come and waits."""
    expect(page.locator("#board")).to_have_attribute("data-waiting", "1")


# Hints while dragging


@contextmanager
def held(page: "Page", number: str, over: "Locator") -> Iterator[None]:
    """A card in the hand, over a column."""
    box, target = card(page, number).bounding_box(), over.bounding_box()
    assert box
    assert target
    page.mouse.move(box["x"] + 40, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 70)
    page.mouse.move(target["x"] + target["width"] / 2, target["y"] + 300, steps=3)
    yield
    page.mouse.up()


def test_a_card_in_the_hand_lets_every_column_say_what_it_would_do(page: "Page", url: str, make: Any) -> None:
    number = on_the_board(make, "customer_reply")
    signed_in(page, url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/moves") else None)
    with held(page, number, column(page, "registered")):
        expect(page.locator("#head-closed .col__hint")).to_have_text("may move here")
        expect(page.locator("#head-action_plan .col__hint")).to_have_text("asks for: The customer's reason")
        expect(page.locator("#head-registered .col__hint")).to_have_text(re.compile(r"^From Customer reply it goes to"))
        expect(page.locator("#head-customer_reply .col__hint")).to_have_count(0)
        for key, state in (("closed", "accepts"), ("action_plan", "asks"), ("registered", "refuses")):
            expect(column(page, key)).to_have_class(re.compile(f"col--{state}"))
        assert axe(page) == []
    expect(page.locator(".col__hint, .col--accepts, .col--asks, .col--refuses")).to_have_count(0)
    expect(card(page, number).locator(".card__why")).to_contain_text("was not moved to Registered")
    assert len(asked) == 1


# What a move asks for


def test_a_drop_that_asks_waits_for_the_answer_on_the_card_and_moves_by_one_request(
    page: "Page", url: str, make: Any
) -> None:
    number, other = on_the_board(make, "customer_reply"), on_the_board(make)
    signed_in(page, url)
    with held(page, number, column(page, "action_plan")):
        expect(page.locator("#head-action_plan .col__hint")).to_be_visible()
    form = column(page, "action_plan").locator(".card .ask")
    expect(form.get_by_label("The customer's reason")).to_be_focused()
    moved_by_somebody(make, other)
    form.get_by_label("The customer's reason").fill("Still leaks")
    waits(page)
    expect(form.get_by_label("The customer's reason")).to_be_focused()
    expect(card(page, other)).to_have_count(1)
    assert the(make, number).version == 1
    assert move_of(page, lambda: form.get_by_role("button", name="Move").click()) == 200
    expect(column(page, "action_plan").locator(".card")).to_contain_text(number)
    expect(page.locator(".ask")).to_have_count(0)
    expect(column(page, "verification").locator(".card")).to_contain_text(other)
    assert the(make, number).stage == "action_plan"


def test_escape_takes_the_question_back_and_the_card_springs_home(page: "Page", url: str, make: Any) -> None:
    number = on_the_board(make, "customer_reply")
    signed_in(page, url)
    with held(page, number, column(page, "action_plan")):
        expect(page.locator("#head-action_plan .col__hint")).to_be_visible()
    expect(column(page, "action_plan").locator(".ask textarea")).to_be_focused()
    page.keyboard.press("Escape")
    expect(column(page, "customer_reply").locator(".card")).to_contain_text(number)
    expect(page.locator(".ask")).to_have_count(0)
    expect(card(page, number).locator("h3 a")).to_be_focused()
    page.keyboard.press("m")
    stage(page, "action_plan").click()
    card(page, number).get_by_role("button", name="Cancel").click()
    expect(page.locator(".ask")).to_have_count(0)
    assert the(make, number).version == 1


def test_an_answer_that_is_too_long_stays_on_the_card_with_the_reason(page: "Page", url: str, make: Any) -> None:
    number = on_the_board(make, "customer_reply")
    signed_in(page, url)
    page.keyboard.press("j")
    page.keyboard.press("m")
    expect(stage(page, "action_plan")).to_be_focused()
    page.keyboard.press("4")
    answer = card(page, number).get_by_label("The customer's reason")
    expect(answer).to_be_focused()
    answer.fill("x" * 2001)
    assert move_of(page, lambda: card(page, number).get_by_role("button", name="Move", exact=True).click()) == 422
    expect(answer).to_be_focused()
    expect(answer).to_have_value("x" * 2001)
    expect(card(page, number).locator(".field__err")).to_contain_text("may have 1000 characters")
    assert axe(page) == []
    answer.fill("Still leaks")
    assert move_of(page, lambda: card(page, number).get_by_role("button", name="Move", exact=True).click()) == 200
    expect(column(page, "action_plan").locator(".card")).to_contain_text(number)


def test_an_answer_is_kept_when_the_server_is_away(page: "Page", url: str, make: Any, browser: Chromium) -> None:
    browser.meant("ERR_FAILED")
    number = on_the_board(make, "customer_reply")
    signed_in(page, url)
    card(page, number).locator(".card__mv").click()
    stage(page, "action_plan").click()
    card(page, number).locator(".ask textarea").fill("Still leaks")
    page.route(MOVE, lambda route: route.abort())
    card(page, number).locator(".ask .btn--primary").click()
    expect(page.locator(".toast")).to_contain_text("nothing was moved")
    expect(card(page, number).locator(".ask textarea")).to_have_value("Still leaks")
    page.unroute(MOVE)
    assert move_of(page, lambda: card(page, number).locator(".ask .btn--primary").click()) == 200


# Several at once


def test_several_cards_are_chosen_by_mouse_and_dragged_together(page: "Page", url: str, make: Any) -> None:
    numbers = [on_the_board(make) for _ in range(4)]
    draft = on_the_board(make, "draft")
    signed_in(page, url)
    card(page, numbers[0]).click(modifiers=["Control"])
    card(page, numbers[2]).click(modifiers=["Shift"])
    card(page, draft).click(modifiers=["Control"])
    expect(page.locator("#several-count")).to_have_text("4 selected")
    card(page, numbers[1]).click(modifiers=["Control"])
    expect(page.locator("#several-count")).to_have_text("3 selected")
    expect(card(page, numbers[0])).to_contain_text("Selected")
    with (
        page.expect_response(SEVERAL) as answer,
        held(page, numbers[0], column(page, "investigation")),
    ):
        expect(page.locator("#head-investigation .col__hint")).to_have_text("2 of 3 may move here")
        expect(page.locator(".card--ghost")).to_have_count(3)
    assert answer.value.status == 200
    expect(column(page, "investigation").locator(".card")).to_have_count(2)
    expect(card(page, draft).locator(".card__why")).to_contain_text("From Draft it goes to Registered")
    expect(page.locator(".toast")).to_contain_text("2 moved, 1 stayed")
    expect(page.locator("#several")).to_be_hidden()
    expect(page.locator(".card--selected, .card--ghost, .slot, .card--carried")).to_have_count(0)
    page.locator(".toast .undo button").click()
    expect(column(page, "registered").locator(".card")).to_have_count(4)


def test_several_cards_are_chosen_and_moved_by_keys_alone(page: "Page", url: str, make: Any) -> None:
    for _ in range(3):
        on_the_board(make)
    signed_in(page, url)
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.locator("#several-count")).to_have_text("2 selected")
    page.keyboard.press("Escape")
    expect(page.locator("#several")).to_be_hidden()
    for key in ("x", "k", "x", "m"):
        page.keyboard.press(key)
    expect(stage(page, "investigation")).to_be_focused()
    with page.expect_response(SEVERAL):
        page.keyboard.press("3")
    expect(column(page, "investigation").locator(".card")).to_have_count(2)
    page.keyboard.press("z")
    expect(column(page, "registered").locator(".card")).to_have_count(3)


def test_a_selection_outlives_what_others_do(page: "Page", url: str, make: Any) -> None:
    mine, theirs = on_the_board(make), on_the_board(make)
    signed_in(page, url)
    card(page, mine).click(modifiers=["Control"])
    card(page, theirs).click(modifiers=["Control"])
    moved_by_somebody(make, theirs)
    expect(column(page, "verification").locator(".card--selected")).to_contain_text(theirs)
    expect(page.locator("#several-count")).to_have_text("2 selected")
    expect(card(page, mine)).to_have_class(re.compile("card--selected"))


def test_nothing_changes_under_an_open_menu(page: "Page", url: str, make: Any) -> None:
    mine, theirs = on_the_board(make), on_the_board(make)
    signed_in(page, url)
    card(page, mine).locator(".card__mv").click()
    expect(stage(page, "investigation")).to_be_focused()
    moved_by_somebody(make, theirs)
    waits(page)
    expect(column(page, "registered").locator(".card")).to_have_count(2)
    expect(stage(page, "investigation")).to_be_focused()
    page.keyboard.press("Escape")
    expect(column(page, "verification").locator(".card")).to_contain_text(theirs)


# The way back


def test_a_move_is_undone_from_the_toast_or_by_a_key(page: "Page", url: str, make: Any) -> None:
    number = on_the_board(make)
    signed_in(page, url)
    move_of(page, lambda: card(page, number).drag_to(column(page, "investigation")))
    with page.expect_response(re.compile(r"/undo\?")):
        page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(column(page, "registered").locator(".card")).to_contain_text(number)
    expect(page.locator(".toast")).to_have_text(f"{number} is back in Registered")
    expect(page.locator(".toast .undo")).to_have_count(0)
    move_of(page, lambda: card(page, number).drag_to(column(page, "investigation")))
    expect(page.locator(".toast .undo")).to_have_count(1)
    page.keyboard.press("z")
    expect(column(page, "registered").locator(".card")).to_contain_text(number)
    page.keyboard.press("z")
    expect(page.locator(".toast")).to_have_text("There is nothing to undo.")


# Folds and views


def test_any_column_folds_by_button_or_key_takes_drops_and_stays_folded(page: "Page", url: str, make: Any) -> None:
    number = on_the_board(make)
    signed_in(page, url)
    page.get_by_role("button", name="Fold Investigation").click()
    rail = page.locator("#head-investigation .rail")
    expect(rail).to_be_focused()
    assert axe(page) == []
    assert move_of(page, lambda: card(page, number).drag_to(rail)) == 200
    expect(card(page, number)).to_have_count(0)
    expect(rail.locator(".count")).to_contain_text("1")
    page.reload()
    rail.focus()
    page.keyboard.press("f")
    expect(column(page, "investigation").locator(".card")).to_contain_text(number)
    expect(page.get_by_role("button", name="Fold Investigation")).to_be_focused()
    page.keyboard.press("f")
    expect(rail).to_be_visible()


def test_filters_are_kept_as_a_view_and_found_again(page: "Page", url: str, make: Any) -> None:
    hx, br = on_the_board(make, product="HX-210"), on_the_board(make, product="BR-88")
    signed_in(page, url)
    page.locator('[name="q"]').fill("br-88")
    expect(card(page, hx)).to_have_count(0)
    page.get_by_role("button", name="Views").click()
    page.get_by_label("Save this view…").fill("Brackets")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/board?q=br-88&procedure=manufacturing")
    page.goto(url + "/board")
    page.get_by_role("button", name="Views").click()
    page.get_by_role("link", name="Brackets").click()
    expect(card(page, br)).to_have_count(1)
    expect(card(page, hx)).to_have_count(0)
    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Delete the view “Brackets”").click()
    page.wait_for_url("**/board?q=br-88&procedure=manufacturing")
    expect(page.get_by_role("link", name="Brackets")).to_have_count(0)


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
    page.wait_for_url("**/board?*q=jm*")
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
    assert page.url == url + "/board?procedure=manufacturing&q=br-88"
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


def test_a_colleague_sees_a_move_without_a_reload_and_keeps_the_place_in_the_page(
    new_page: NewPage, url: str, make: Any
) -> None:
    number, other = on_the_board(make), on_the_board(make)
    mine, theirs = signed_in(new_page(**DESK), url), signed_in(new_page(**DESK), url)
    card(theirs, number).locator("h3 a").focus()
    move_of(mine, lambda: card(mine, number).drag_to(column(mine, "investigation")))
    expect(column(theirs, "investigation").locator(".card")).to_contain_text(number)
    expect(card(theirs, number).locator("h3 a")).to_be_focused()
    expect(theirs.locator("#head-registered .col__c")).to_have_text("1 complaint")
    new = on_the_board(make, "draft", changed_at=datetime.now(UTC))
    theirs.locator('[name="q"]').focus()
    expect(card(theirs, new)).to_have_count(1)
    expect(theirs.locator('[name="q"]')).to_be_focused()
    expect(card(theirs, other)).to_have_count(1)


# Without script


def test_a_card_moves_without_any_script(without_script: "Page", url: str, make: Any) -> None:
    number = on_the_board(make)
    page = signed_in_by_form(without_script, url, "/board")
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


def test_several_cards_move_without_any_script_and_back(without_script: "Page", url: str, make: Any) -> None:
    for _ in range(2):
        on_the_board(make)
    page = signed_in(without_script, url)
    page.get_by_role("link", name="Select several").click()
    for tick in page.locator("#col-registered .card__tick").all():
        tick.check()
    page.get_by_label("Move to…").select_option("investigation")
    page.locator("#several").get_by_role("button", name="Move").click()
    page.wait_for_url("**/board?procedure=manufacturing")
    expect(column(page, "investigation").locator(".card")).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    page.wait_for_url("**/board?procedure=manufacturing")
    expect(column(page, "registered").locator(".card")).to_have_count(2)


def test_what_a_move_asks_for_is_answered_without_any_script(without_script: "Page", url: str, make: Any) -> None:
    number = on_the_board(make, "customer_reply")
    page = signed_in(without_script, url)
    card(page, number).locator(".card__mv").click()
    stage(page, "action_plan").click()
    expect(page.locator(".ask .field__err")).to_be_visible()
    page.get_by_label("The customer's reason").fill("Still leaks")
    page.locator(".ask").get_by_role("button", name="Move").click()
    page.wait_for_url("**/board")
    expect(column(page, "action_plan").locator(".card")).to_contain_text(number)


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
    assert move_of(page, lambda: stage(page, "investigation").tap()) == 200
    expect(column(page, "investigation").locator(".card")).to_contain_text(number)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_on_a_phone_the_sheet_shows_reasons_and_the_card_asks(new_page: NewPage, url: str, make: Any) -> None:
    number = on_the_board(make, "customer_reply")
    page = signed_in(new_page(**PHONE), url)
    page.locator("#jump-customer_reply").tap()
    card(page, number).locator(".card__mv").tap()
    expect(stage(page, "verification")).to_contain_text("From Customer reply it goes to Closed")
    stage(page, "action_plan").tap()
    form = card(page, number).locator(".ask")
    expect(form.locator("textarea")).to_be_focused()
    expect(form).to_be_in_viewport(ratio=1)
    form.locator("textarea").fill("Still leaks")
    assert move_of(page, lambda: form.get_by_role("button", name="Move").tap()) == 200
    expect(column(page, "action_plan").locator(".card")).to_contain_text(number)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_on_a_phone_several_cards_are_ticked_and_moved_by_the_sheet(new_page: NewPage, url: str, make: Any) -> None:
    for _ in range(2):
        on_the_board(make)
    page = signed_in(new_page(**PHONE), url)
    page.get_by_role("link", name="Select several").tap()
    page.wait_for_url("**/board?select=1&procedure=manufacturing")
    page.locator("#jump-registered").tap()
    for tick in page.locator("#col-registered .card__tick").all():
        tick.tap()
    expect(page.locator("#several-count")).to_have_text("2 selected")
    assert axe(page) == []
    page.get_by_role("button", name="Move to…").tap()
    with page.expect_response(SEVERAL):
        stage(page, "investigation").tap()
    expect(column(page, "investigation").locator(".card__tick")).to_have_count(2)
    expect(page.locator("#several-count")).to_have_text("Tick the complaints to move")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


# For everybody


@for_everybody
def test_every_page_is_for_everybody(
    new_page: NewPage, url: str, make: Any, browser: Chromium, scheme: str, screen: dict[str, Any], language: str
) -> None:
    browser.meant("status of 404")
    now = datetime.now(UTC)
    on_the_board(make, "draft", customer_id=None, complaint_class=None, subject="密封圈低温开裂", unread_count=1)
    on_the_board(make, sort_due_at=now - timedelta(days=3), owner_id=1, attachment_count=2)
    on_the_board(make, "closed", closed_at=now)
    number = on_the_board(make, "verification", complaint_class="major", repeat_of_count=1)
    rejected = on_the_board(make, "customer_reply")
    page = new_page(**screen, color_scheme=scheme)
    page.goto(url + "/login")
    assert axe(page) == []
    signed_in_by_form(page, url, "/board")
    page.locator('[popovertarget="language-menu"]').click()
    page.locator(f'#language-menu [value="{language}"]').click()
    expect(page.locator("html")).to_have_attribute("lang", "en" if language == "en" else "zh-CN")
    assert axe(page) == []
    page.locator('[popovertarget="account-menu"]').click()
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.locator('[popovertarget="views-menu"]').click()
    assert axe(page) == []
    page.keyboard.press("Escape")
    card(page, rejected).locator(".card__mv").click()
    stage(page, "action_plan").click()
    expect(card(page, rejected).locator(".ask textarea")).to_be_focused()
    assert axe(page) == []
    page.keyboard.press("Escape")
    card(page, rejected).locator("h3 a").press("x")
    expect(page.locator("#several")).to_be_visible()
    assert axe(page) == []
    page.locator("#several-move").click()
    expect(page.locator("#move-menu")).to_be_visible()
    assert axe(page) == []
    for address in (
        f"/complaints/{number}/moves", f"/complaints/{rejected}/moves", "/board?select=1", "/board?q=nowhere",
         "/complaints/C-2026-9999/moves",
    ):  # fmt: skip
        page.goto(url + address)
        assert axe(page) == []


def test_a_page_that_is_not_there_says_so_politely(page: "Page", url: str, make: Any, browser: Chromium) -> None:
    browser.meant("status of 404")
    signed_in(page, url)
    page.goto(url + "/complaints/C-2026-9999/moves")
    expect(page.get_by_role("heading")).to_have_text("There is nothing here, or it is not yours to see.")
    page.get_by_role("link", name="Go to the start page").click()
    page.wait_for_url("**/work")
