"""Penalties: who sees them, who decides, and what they come to."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import penalty_decisions as decisions
from complaints import penalty_list, procedure
from complaints.database import transaction
from complaints.errors import NotAllowed, NotFound
from complaints.penalties import propose_due, propose_for_records
from complaints.penalty import CONFIRMED, REJECTED, Penalty
from complaints.penalty_decisions import TAKEN_BACK, Chosen, NotDecided, StalePenalty
from complaints.penalty_list import EVERY, Filters
from complaints.people import Actor
from tests.builders import MONDAY, a_person, at_once
from tests.desk import CONTEXT, Desk

TODAY = MONDAY.date()
LATER = MONDAY + timedelta(days=14)


@pytest.fixture
def broken(desk: Desk) -> list[Penalty]:
    """Of QA, of the front office and of a department, one each."""
    desk.to_action_plan()
    desk.draft()
    propose_due(desk.make, LATER, CONTEXT)
    by_kind = {each.kind: each for each in rows(desk.make)}
    return [by_kind[kind] for kind in ("p_reply", "p_notify", "p_plan")]


def rows(make: sessionmaker[Session]) -> list[Penalty]:
    with make() as session:
        return list(session.scalars(select(Penalty).order_by(Penalty.id)))


def decide(desk: Desk, by: Actor, decision: str, *chosen: Penalty | Chosen, reason: str = "") -> int:
    wanted = [Chosen(each.id, each.version) if isinstance(each, Penalty) else each for each in chosen]
    with transaction(desk.make) as session:
        return decisions.decide(session, wanted, decision, reason=reason, by=by, at=LATER, today=TODAY)


def seen(desk: Desk, role: str, **filters: Any) -> list[str]:
    with desk.make() as session:
        found, _ = penalty_list.listed(session, desk[role], Filters(**filters))
        return sorted(each.penalty.kind for each in found)


@pytest.mark.parametrize(
    ("role", "kinds"),
    [
        ("gm", ["p_notify", "p_plan", "p_reply"]),
        ("admin", ["p_notify", "p_plan", "p_reply"]),
        ("mkt_vp", ["p_notify"]),
        ("qa_mgr", ["p_reply"]),
        ("qe", ["p_reply"]),
        ("clerk", ["p_notify"]),
        ("dept_head", ["p_plan"]),
        ("sales", []),
        ("mkt_sup", []),
        ("qa_head", []),
        ("dept", []),
        ("mr", []),
        ("staff", []),
    ],
)
@pytest.mark.usefixtures("broken")
def test_only_the_person_who_decides_on_it_and_administrators_see_it(desk: Desk, role: str, kinds: list[str]) -> None:
    assert seen(desk, role) == kinds


@pytest.mark.requirement("S92")
def test_only_what_is_confirmed_counts(desk: Desk, broken: list[Penalty]) -> None:
    reply, notify, plan = broken
    assert decide(desk, desk["gm"], CONFIRMED, reply, plan) == 2
    assert decide(desk, desk["mkt_vp"], REJECTED, notify, reason="The mail server was down") == 1
    with desk.make() as session:
        found = penalty_list.totals(session, desk["gm"], Filters(month="2026-11"))
        none = penalty_list.totals(session, desk["gm"], Filters(month="2026-10"))
        own = penalty_list.totals(session, desk["qe"], Filters())
    assert [tuple(each) for each in found.people] == [(desk["qe"].id, 1, 30), (desk["dept_head"].id, 1, 20)]
    assert [tuple(each) for each in found.departments] == [(desk.qa, 1, 30), (desk.department, 1, 20)]
    assert (found.yuan, none.yuan, own.yuan) == (50, 0, 30)
    assert seen(desk, "gm", state=REJECTED) == ["p_notify"]
    assert seen(desk, "gm", state="proposed") == []
    assert seen(desk, "gm", user_id=desk["qe"].id) == ["p_reply"]
    assert seen(desk, "gm", department_id=desk.department, month="2026-11") == ["p_plan"]


def test_a_rejection_needs_a_reason_and_a_confirmation_may_have_one(desk: Desk, broken: list[Penalty]) -> None:
    reply, *_ = broken
    for reason in ("", "  ", "x" * 1001):
        with pytest.raises(NotDecided):
            decide(desk, desk["gm"], REJECTED, reply, reason=reason)
    with pytest.raises(NotDecided):
        decide(desk, desk["gm"], REJECTED, reason="x")
    with pytest.raises(NotDecided):
        decide(desk, desk["gm"], "waived", reply)
    assert decide(desk, desk["qa_mgr"], CONFIRMED, reply, reason="Second time") == 1
    assert next(each for each in rows(desk.make) if each.id == reply.id).reason == "Second time"


def test_each_side_decides_on_its_own_and_nobody_on_themselves(desk: Desk, broken: list[Penalty]) -> None:
    reply, notify, plan = broken
    with pytest.raises(NotFound):
        decide(desk, desk["mkt_vp"], CONFIRMED, reply)
    with pytest.raises(NotFound):
        decide(desk, desk["qa_mgr"], CONFIRMED, reply, notify)
    for role, penalty in (("qe", reply), ("admin", plan)):
        with pytest.raises(NotAllowed):
            decide(desk, desk[role], CONFIRMED, penalty)
    with desk.act() as session:
        number = desk.find(session, "C-2026-0001")
        propose_for_records(session, number, "p_records", "No entry", by=desk["gm"], at=desk.at, context=CONTEXT)
    own = next(each for each in rows(desk.make) if each.user_id == desk["qa_mgr"].id)
    with pytest.raises(NotAllowed):
        decide(desk, desk["qa_mgr"], REJECTED, own, reason="x")
    assert {each.decision for each in rows(desk.make)} == {None}


def test_what_nobody_is_named_for_is_confirmed_with_a_name(desk: Desk) -> None:
    with transaction(desk.make) as session:
        other = a_person(session, "clerk", name="another")
    desk.draft()
    propose_due(desk.make, LATER, CONTEXT)
    (penalty,) = rows(desk.make)
    for wrong in (None, desk["sales"].id, 10**9):
        with pytest.raises(NotDecided) as refused:
            decide(desk, desk["mkt_vp"], CONFIRMED, Chosen(penalty.id, penalty.version, wrong))
        assert [each.field for each in refused.value.problems] == [f"person-{penalty.id}"]
    decide(desk, desk["mkt_vp"], CONFIRMED, Chosen(penalty.id, penalty.version, other.id))
    assert rows(desk.make)[0].user_id == other.id


def test_two_who_decide_at_once_decide_once(desk: Desk, broken: list[Penalty]) -> None:
    reply, *_ = broken
    found = at_once(
        lambda: decide(desk, desk["gm"], CONFIRMED, reply),
        lambda: decide(desk, desk["qa_mgr"], REJECTED, reply, reason="x"),
    )
    assert sorted(map(str, map(type, found))) == sorted(map(str, (int, StalePenalty)))


def test_the_same_form_sent_in_twice_decides_once(desk: Desk, broken: list[Penalty]) -> None:
    reply, *_ = broken
    assert decide(desk, desk["gm"], CONFIRMED, reply) == 1
    assert decide(desk, desk["gm"], CONFIRMED, reply) == 0
    with pytest.raises(StalePenalty):
        decide(desk, desk["gm"], REJECTED, reply, reason="x")


def test_a_decision_is_taken_back_with_a_reason_and_all_of_it_stays_readable(desk: Desk, broken: list[Penalty]) -> None:
    reply, *_ = broken
    decide(desk, desk["gm"], CONFIRMED, reply)
    with pytest.raises(NotDecided), transaction(desk.make) as session:
        decisions.take_back(session, Chosen(reply.id, reply.version + 1), reason="", by=desk["gm"], at=LATER)
    with transaction(desk.make) as session:
        decisions.take_back(session, Chosen(reply.id, reply.version + 1), reason="wrong", by=desk["gm"], at=LATER)
    with pytest.raises(StalePenalty), transaction(desk.make) as session:
        decisions.take_back(session, Chosen(reply.id, reply.version + 1), reason="wrong", by=desk["gm"], at=LATER)
    decide(desk, desk["qa_mgr"], REJECTED, Chosen(reply.id, reply.version + 2), reason="ill")
    with desk.make() as session:
        trail = decisions.trail(session, [reply.id])[reply.id]
    assert [(each.act, each.reason) for each in trail] == [(CONFIRMED, ""), (TAKEN_BACK, "wrong"), (REJECTED, "ill")]


def test_what_was_decided_is_not_touched_by_the_duty(desk: Desk, broken: list[Penalty]) -> None:
    decide(desk, desk["gm"], REJECTED, *broken, reason="x")
    assert propose_due(desk.make, LATER + timedelta(days=1), CONTEXT) == 0


def test_of_a_confidential_complaint_only_its_own_people_see_any(
    desk: Desk, broken: list[Penalty], monkeypatch: pytest.MonkeyPatch
) -> None:
    ordinary = procedure.procedure()
    sealed = replace(ordinary, version=ordinary.version + 1, confidential=True)
    monkeypatch.setattr(procedure, "_known", {(each.key, each.version): each for each in (ordinary, sealed)})
    with transaction(desk.make) as session:
        desk.find(session, "C-2026-0001").procedure_version = sealed.version
    assert seen(desk, "gm") == ["p_notify"]
    assert seen(desk, "qe", state=EVERY) == ["p_reply"]
    with pytest.raises(NotFound):
        decide(desk, desk["gm"], CONFIRMED, broken[0])
