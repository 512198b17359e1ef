"""What a drag, the move menu and plain forms get: hints, what a move asks for, several at once, and the way back."""

import re
from datetime import timedelta
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from flask import Flask, render_template
from flask.testing import FlaskClient
from sqlalchemy import select, update

from complaints.complaint import Complaint, Involvement
from complaints.database import transaction
from complaints.errors import Name, Sentence
from complaints.people import Actor
from complaints.procedure import procedure
from complaints.workflow import Ask
from tests.builders import MONDAY, a_customer, a_department, a_person
from tests.webapp.boards import HTMX, MOVE, a_draft, card_in, head, may_go_on, on_the_board, the
from tests.webapp.conftest import Browser, on_both_databases

UNDO = "/complaints/C-2026-0001/undo"
REJECTED = {"stage": "action_plan", "version": "1"}
"""The customer rejects the result: the move asks for the customer's reason."""


def states(text: str) -> dict[str, tuple[str, str]]:
    """What each stage says to the card, by the fragment of the move menu."""
    found = re.findall(r'value="(\w+)" data-state="(\w+)" data-hint="([^"]*)"', text)
    return {stage: (state, unescape(hint)) for stage, state, hint in found}


# Hints


def test_every_stage_tells_at_once_whether_it_takes_asks_or_refuses(desk: FlaskClient, make: Any) -> None:
    a_draft(make)
    on_the_board(make, stage="customer_reply")
    said = states(desk.get("/complaints/C-2026-0001/moves", headers=HTMX).text)
    assert said["draft"] == ("here", "")
    assert said["registered"] == ("refuses", "Customer is missing +5")
    said = states(desk.get("/complaints/C-2026-0002/moves", headers=HTMX).text)
    assert said["closed"] == ("accepts", "may move here")
    assert said["action_plan"] == ("asks", "asks for: The customer's reason")
    assert said["investigation"][0] == "refuses"


def test_the_menu_of_a_selection_counts_how_many_would_go(desk: FlaskClient, make: Any) -> None:
    for stage in ("registered", "registered", "investigation"):
        on_the_board(make, stage=stage)
    numbers = "&".join(f"complaint=C-2026-000{n}" for n in (1, 2, 3))
    answer = desk.get(f"/board/moves?{numbers}", headers=HTMX).text
    assert "Move 3 complaints to…" in answer
    said = states(answer)
    assert said["investigation"] == ("accepts", "2 of 3 may move here")
    assert said["closed"][0] == "refuses"
    assert said["draft"] == ("refuses", "A complaint begins in Draft and never goes back there")


def test_the_menu_of_a_selection_shows_nobody_elses_complaints(make: Any, browser_of: Browser) -> None:
    on_the_board(make)
    with transaction(make) as session:
        stranger = a_person(session, "staff")
    assert browser_of(stranger).get("/board/moves?complaint=C-2026-0001").status_code == 404


# What a move asks for


@on_both_databases
@pytest.mark.parametrize(
    ("reason", "problem"), [(None, "is missing"), ("  ", "is missing"), ("x" * 1001, "may have 1000")]
)
def test_a_move_that_is_not_answered_asks_on_the_card_and_changes_nothing(
    desk: FlaskClient, make: Any, reason: str | None, problem: str
) -> None:
    complaint = on_the_board(make, stage="customer_reply")
    data = REJECTED | ({} if reason is None else {"reason": reason})
    answer = desk.post(MOVE, data=data, headers=HTMX)
    assert answer.status_code == 422
    assert f'id="c{complaint.id}"' in answer.text
    assert 'data-stage="customer_reply"' in answer.text
    form = answer.text[answer.text.index('<form class="ask"') : answer.text.index("</form>")]
    assert 'name="stage" value="action_plan"' in form
    assert problem in form
    assert f">{reason or ''}</textarea>" in form
    assert 'aria-invalid="true"' in form
    assert (the(make).stage, the(make).version) == ("customer_reply", 1)


@on_both_databases
def test_the_answer_is_part_of_the_one_request_that_moves(desk: FlaskClient, make: Any) -> None:
    on_the_board(make, stage="customer_reply")
    answer = desk.post(MOVE, data=REJECTED | {"reason": "Still leaks at 40 bar"}, headers=HTMX)
    assert answer.status_code == 200
    assert 'class="ask"' not in answer.text
    assert the(make).stage == "action_plan"


def test_without_script_the_fields_stand_beside_the_stage_and_keep_what_was_typed(desk: FlaskClient, make: Any) -> None:
    on_the_board(make, stage="customer_reply")
    page = desk.get("/complaints/C-2026-0001/moves").text
    assert page.count('name="reason"') == 1
    assert "The customer&#39;s reason" in page
    refused = desk.post(MOVE, data=REJECTED | {"reason": "x" * 2001})
    assert refused.status_code == 422
    assert "<html" in refused.text
    assert "x" * 2001 in refused.text
    assert "may have 1000 characters" in refused.text
    assert desk.post(MOVE, data=REJECTED | {"reason": "Still leaks"}).status_code == 303


def test_choices_are_asked_for_by_boxes_and_hostile_answers_are_text(app: Flask) -> None:
    also = Ask("also", Sentence("Which"), "choices", {n: n for n in ("C-2026-0002", "C-2026-0003")}, required=False)
    text = Ask("why", Name("Reason", "原因"))
    with app.test_request_context():
        form = render_template(
            "board/_ask.html", card=SimpleNamespace(id=1, number="C-2026-0001", version=3), asks=(also, text),
            stage=procedure().stage("closed"), given={"also": "C-2026-0003", "why": "</textarea><script>"}, problems={},
        )  # fmt: skip
    assert 'name="also" value="C-2026-0002"> C-2026-0002' in form
    assert 'name="also" value="C-2026-0003" checked> C-2026-0003' in form
    assert '<span class="alt">optional</span></legend>' in form
    assert "<script>" not in form
    assert re.search(r'<label class="field__l" for="ask-1-closed-why">Reason</label>', form)


def test_what_was_chosen_stays_chosen_when_another_answer_is_wrong(desk: FlaskClient, make: Any) -> None:
    numbers = [on_the_board(make, stage="customer_reply").number for _ in range(3)]
    with transaction(make) as session:
        shared = session.get_one(Complaint, 1).investigation_id
        session.execute(update(Complaint).values(investigation_id=shared))
    chosen = {"also": numbers[1:], "reason": ""}
    form = desk.post(MOVE, data=REJECTED | chosen, headers=HTMX).text
    assert form.count('name="also"') == form.count(" checked> C-2026-000") == 2
    moved = desk.post(MOVE, data=REJECTED | chosen | {"reason": "Still leaks"}, headers=HTMX)
    assert moved.status_code == 200
    assert [the(make, number).stage for number in numbers] == ["action_plan"] * 3


# Several at once


def several(desk: FlaskClient, stage: str, *seen: str, path: str = "/board/moves", **kwargs: Any) -> Any:
    return desk.post(path, data={"stage": stage, "complaint": list(seen)}, **kwargs)


@on_both_databases
def test_of_several_those_that_may_move_and_the_others_stay_with_their_reasons(desk: FlaskClient, make: Any) -> None:
    moved = [on_the_board(make), on_the_board(make)]
    stayed = on_the_board(make, stage="draft", customer_id=None)
    stale = on_the_board(make, version=7)
    seen = ["C-2026-0001:1", "C-2026-0002:1", "C-2026-0003:1", "C-2026-0004:6"]
    answer = several(desk, "investigation", *seen, headers=HTMX)
    assert answer.status_code == 200
    for complaint in moved:
        assert 'data-stage="investigation"' in card_in(answer, complaint)
        assert the(make, complaint.number).stage == "investigation"
    assert "From Draft it goes to Registered" in card_in(answer, stayed)
    assert "was changed meanwhile" in card_in(answer, stale)
    assert "2 complaints" in head(answer.text, "investigation")
    assert "2 moved, 2 stayed" in answer.text
    assert the(make, "C-2026-0004").version == 7


def test_a_move_that_asks_is_refused_to_several_with_the_advice_to_move_it_alone(desk: FlaskClient, make: Any) -> None:
    asking, other = on_the_board(make, stage="customer_reply"), on_the_board(make, stage="investigation")
    answer = several(desk, "action_plan", "C-2026-0001:1", "C-2026-0002:1", headers=HTMX)
    assert "This move asks for something: move it alone" in card_in(answer, asking)
    assert 'data-stage="action_plan"' in card_in(answer, other)
    assert "1 moved, 1 stayed" in answer.text


def test_when_nothing_moved_the_answer_is_a_refusal(desk: FlaskClient, make: Any) -> None:
    on_the_board(make)
    answer = several(desk, "verification", "C-2026-0001:1", headers=HTMX)
    assert (answer.status_code, the(make).stage) == (422, "registered")
    assert "0 moved, 1 stayed" in answer.text


@pytest.mark.parametrize(
    ("stage", "seen", "said"),
    [
        ("investigation", [], "choose at least one"),
        ("investigation", ["C-2026-0001:1"] * 51, "choose at most 50 at once"),
        ("investigation", ["C-2026-0001"], "it is no whole number"),
        ("investigation", ["C-2026-0001:x"], "it is no whole number"),
        ("nowhere", ["C-2026-0001:1"], "There is no stage"),
        ("", ["C-2026-0001:1"], "There is no stage"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_several_that_cannot_be_understood_move_nothing(
    desk: FlaskClient, make: Any, stage: str, seen: list[str], said: str, headers: dict[str, str]
) -> None:
    on_the_board(make)
    answer = several(desk, stage, *seen, headers=headers)
    assert answer.status_code == 422
    assert said in answer.text
    assert the(make).version == 1


def test_a_strangers_complaint_among_several_is_passed_over_in_silence(make: Any, browser_of: Browser) -> None:
    with transaction(make) as session:
        person = a_person(session, "qe")
        outsider = a_person(session, "dept", department=a_department(session))
    on_the_board(make, stage="implementation")
    on_the_board(make, stage="implementation", owner_id=outsider.id)
    answer = several(browser_of(outsider), "verification", "C-2026-0001:1", "C-2026-0002:1", "C-9:1", headers=HTMX)
    assert answer.status_code == 200
    assert "C-2026-0001" not in answer.text
    assert [the(make, f"C-2026-000{n}").stage for n in (1, 2)] == ["implementation", "verification"]
    assert browser_of(person).get("/board").status_code == 200


def test_drafts_registered_together_are_each_followed_up(desk: FlaskClient, make: Any) -> None:
    with transaction(make) as session:
        customer = a_customer(session).id
    entry = {"complaint_date": MONDAY.date(), "complaint_class": "general", "cause_type": "other", "link": "delivery"}
    for _ in range(2):
        on_the_board(make, stage="draft", customer_id=customer, content="Short.", **entry)
    answer = several(desk, "registered", "C-2026-0001:1", "C-2026-0002:1", headers=HTMX)
    assert "2 complaints moved to Registered" in answer.text
    assert "Undo" not in answer.text
    assert [the(make, f"C-2026-000{n}").register_no for n in (1, 2)] == ["2026-0001", "2026-0002"]
    with make() as session:
        assert len(session.scalars(select(Involvement.complaint_id)).all()) == 2


def test_several_without_script_go_back_to_the_board_which_says_so(desk: FlaskClient, make: Any) -> None:
    for _ in range(2):
        on_the_board(make)
    data = {"stage": "investigation", "complaint": ["C-2026-0001:1", "C-2026-0002:1"], "back": "/board?mine=1"}
    answer = desk.post("/board/moves", data=data)
    assert (answer.status_code, answer.location) == (303, "/board?mine=1")
    page = desk.get("/board").text
    assert "2 complaints moved to Investigation" in page
    assert 'action="/board/undo"' in page


def test_several_without_script_show_those_that_stayed_on_a_page(desk: FlaskClient, make: Any) -> None:
    on_the_board(make)
    on_the_board(make, stage="draft", customer_id=None)
    answer = several(desk, "investigation", "C-2026-0001:1", "C-2026-0002:1")
    assert answer.status_code == 200
    assert "<html" in answer.text
    assert "From Draft it goes to Registered" in answer.text
    assert "<h1>1 moved, 1 stayed</h1>" in answer.text
    assert f'action="{UNDO}"' in answer.text


# The way back


@on_both_databases
def test_a_move_is_taken_back_within_ten_seconds(desk: FlaskClient, make: Any, clock: time_machine.Traveller) -> None:
    complaint = on_the_board(make)
    answer = desk.post(MOVE, data={"stage": "investigation", "version": 1}, headers=HTMX)
    assert f'action="{UNDO}"' in answer.text
    assert 'name="version" value="2"' in answer.text
    clock.shift(timedelta(seconds=9))
    answer = desk.post(UNDO, data={"version": 2}, headers=HTMX)
    assert answer.status_code == 200
    assert 'data-stage="registered"' in card_in(answer, complaint)
    assert "C-2026-0001 is back in Registered" in answer.text
    assert "1 complaint" in head(answer.text, "registered")
    assert "0 complaints" in head(answer.text, "investigation")
    assert "Undo" not in answer.text
    assert the(make).stage == "registered"


@on_both_databases
def test_after_ten_seconds_it_is_too_late(desk: FlaskClient, make: Any, clock: time_machine.Traveller) -> None:
    complaint = on_the_board(make)
    desk.post(MOVE, data={"stage": "investigation", "version": 1}, headers=HTMX)
    clock.shift(timedelta(seconds=11))
    answer = desk.post(UNDO, data={"version": 2}, headers=HTMX)
    assert answer.status_code == 409
    assert "cannot be moved back any more" in card_in(answer, complaint)
    assert the(make).stage == "investigation"
    assert desk.post(UNDO, data={"version": 2}).status_code == 409


def test_nobody_takes_back_what_somebody_else_did(make: Any, clerk: Actor, browser_of: Browser) -> None:
    with transaction(make) as session:
        other = a_person(session, "clerk")
    on_the_board(make)
    browser_of(clerk).post(MOVE, data={"stage": "investigation", "version": 1})
    assert browser_of(other).post(UNDO, data={"version": 2}, headers=HTMX).status_code == 409
    assert the(make).stage == "investigation"


@pytest.mark.parametrize(("version", "status"), [("1", 409), ("x", 422), ("", 422)])
def test_an_undo_of_another_version_is_refused(desk: FlaskClient, make: Any, version: str, status: int) -> None:
    on_the_board(make)
    desk.post(MOVE, data={"stage": "investigation", "version": 1}, headers=HTMX)
    assert desk.post(UNDO, data={"version": version}, headers=HTMX).status_code == status
    assert the(make).stage == "investigation"


def test_without_script_the_notice_carries_the_way_back(desk: FlaskClient, make: Any) -> None:
    on_the_board(make)
    desk.post(MOVE, data={"stage": "investigation", "version": 1, "back": "/board"})
    page = desk.get("/board").text
    notice = page[page.index('class="told"') : page.index("</form>", page.index('class="told"'))]
    assert "moved to Investigation" in notice
    assert f'action="{UNDO}"' in notice
    assert desk.post(UNDO, data={"version": 2}).location == "/board"
    assert "C-2026-0001 is back in Registered" in desk.get("/board").text


@on_both_databases
def test_several_are_taken_back_together(desk: FlaskClient, make: Any, clock: time_machine.Traveller) -> None:
    for _ in range(2):
        on_the_board(make)
    answer = several(desk, "investigation", "C-2026-0001:1", "C-2026-0002:1", headers=HTMX)
    with transaction(make) as session:
        may_go_on(session, session.get_one(Complaint, 2))
    seen = re.findall(r'name="complaint" value="([^"]+)"', answer.text)
    assert sorted(seen) == ["C-2026-0001:2", "C-2026-0002:2"]
    several(desk, "action_plan", "C-2026-0002:2", headers=HTMX)
    answer = several(desk, "", *seen, path="/board/undo", headers=HTMX)
    assert "1 moved, 1 stayed" in answer.text
    assert [the(make, f"C-2026-000{n}").stage for n in (1, 2)] == ["registered", "action_plan"]
