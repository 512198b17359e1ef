"""Penalties: what a breach is proposed to cost, once; and that nobody but those concerned hears of it."""

import multiprocessing
import signal
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import clocks, duties, failpoints, links, penalties, printing, switches
from complaints.clocks import Clock
from complaints.database import open_database, sessions, transaction
from complaints.history import Change
from complaints.notices import Notice
from complaints.outbox import Outgoing
from complaints.penalties import PENALTIES, NotProposed, propose_due
from complaints.penalty import WITHDRAWN, Penalty
from complaints.people import User
from complaints.printing import Wanted
from complaints.procedure import of
from tests.builders import MONDAY, a_person, at_once
from tests.desk import CONTEXT, Desk

A_WEEK = timedelta(days=7)


def proposed(make: sessionmaker[Session], **where: Any) -> list[Penalty]:
    with make() as session:
        return list(session.scalars(select(Penalty).filter_by(**where).order_by(Penalty.id)))


def told(desk: Desk, **where: Any) -> list[tuple[str, str | None, int]]:
    """Kind, person and amount of what is proposed."""
    names = {each.id: role for role, each in desk.people.items()}
    return [(each.kind, names.get(each.user_id or 0), each.yuan) for each in proposed(desk.make, **where)]


def due(desk: Desk, at: datetime | None = None) -> int:
    return propose_due(desk.make, at or desk.at, CONTEXT)


# Clocks


def stop(clock: Clock, at: datetime) -> None:
    if clock.stopped_at is None:
        clock.stopped_at, clock.outcome = at, "met" if at <= clock.due_at else "late"


@pytest.mark.requirement("S84")
def test_notifying_and_registering_late_is_proposed_to_cost_twenty_once(desk: Desk) -> None:
    number = desk.draft()
    assert due(desk, desk.at + timedelta(hours=2)) == 0
    desk.at += timedelta(hours=2, minutes=2)
    assert due(desk) == 1
    assert told(desk) == [("p_notify", "clerk", 20)]
    assert due(desk) == 0
    assert proposed(desk.make)[0].month == "2026-11"
    assert desk.stage(number) == "draft"


@pytest.mark.requirement("S84")
def test_a_clock_that_was_stopped_late_between_two_looks_is_found(desk: Desk) -> None:
    number = desk.draft()
    assert due(desk) == 0
    desk.at += timedelta(hours=3)
    with desk.act() as session:
        for clock in clocks.of(session, "complaint", desk.find(session, number).id):
            stop(clock, desk.at)
    assert due(desk, desk.at + timedelta(days=3)) == 1
    assert told(desk) == [("p_notify", "clerk", 20)]


def test_a_clock_that_is_stopped_in_time_costs_nothing(desk: Desk) -> None:
    desk.registered()
    assert due(desk, desk.at + timedelta(hours=1)) == 0
    assert proposed(desk.make, kind="p_notify") == []


@pytest.mark.requirement("S85")
def test_a_general_complaint_answered_late_is_proposed_to_cost_thirty(desk: Desk) -> None:
    desk.to_investigation()
    assert due(desk, desk.at + A_WEEK) == 1
    assert told(desk) == [("p_reply", "qe", 30)]
    (penalty,) = proposed(desk.make)
    assert penalty.department_id == desk.qa


@pytest.mark.requirement("S86")
@pytest.mark.requirement("S87")
def test_a_major_complaint_without_measures_costs_thirty_for_each_of_both(desk: Desk) -> None:
    desk.to_investigation(complaint_class="major")
    assert due(desk, desk.at + A_WEEK) == 2
    assert told(desk) == [("p_reply", "qe", 30), ("p_reply", "qe", 30)]


@pytest.mark.requirement("S88")
def test_a_plan_returned_has_a_proposal_for_each_round(desk: Desk) -> None:
    number = desk.to_action_plan()
    desk.at += timedelta(days=2)
    due(desk)
    desk.plan(number)
    desk.returns(number, "plan_review", "qe")
    due(desk, desk.at + A_WEEK)
    found = proposed(desk.make, kind="p_plan")
    assert [(each.round, each.user_id, each.department_id) for each in found] == [
        (round, desk["dept_head"].id, desk.department) for round in (1, 2)
    ]


def test_where_several_hold_the_role_and_nobody_is_named_nobody_is_accused(desk: Desk) -> None:
    with transaction(desk.make) as session:
        a_person(session, "clerk", name="another")
    desk.draft()
    assert due(desk, desk.at + timedelta(days=1)) == 1
    assert told(desk) == [("p_notify", None, 20)]


def test_of_several_it_is_the_one_who_took_it_in(desk: Desk) -> None:
    with transaction(desk.make) as session:
        desk.people["sales"] = a_person(session, "clerk", name="another")
    desk.draft()
    due(desk, desk.at + timedelta(days=1))
    assert told(desk) == [("p_notify", "sales", 20)]


def test_a_proposal_is_withdrawn_when_its_clock_lost_its_object_and_stands_again_with_it(desk: Desk) -> None:
    number = desk.to_investigation()
    due(desk, desk.at + A_WEEK)
    desk.at += A_WEEK
    desk.classify(number, "major", "qa_mgr")
    assert due(desk) == 1
    (penalty,) = proposed(desk.make, kind="p_reply", decision=WITHDRAWN)
    with transaction(desk.make) as session:
        clocks.resume(session.get_one(Clock, penalty.clock_id))
    due(desk)
    assert proposed(desk.make, id=penalty.id)[0].decision is None


def test_a_proposal_is_withdrawn_when_its_due_time_moves_past_it_and_comes_back_once_that_is_over(desk: Desk) -> None:
    desk.to_investigation()
    late = desk.at + A_WEEK
    due(desk, late)
    with transaction(desk.make) as session:
        session.get_one(Clock, proposed(desk.make)[0].clock_id).due_at = late + A_WEEK
    assert due(desk, late + timedelta(minutes=10)) == 1
    assert proposed(desk.make)[0].decision == WITHDRAWN
    assert due(desk, late + timedelta(minutes=20)) == 0
    assert due(desk, late + A_WEEK + timedelta(minutes=1)) == 1
    assert [each.decision for each in proposed(desk.make)] == [None]


def test_two_schedulers_at_once_propose_it_once(desk: Desk) -> None:
    desk.to_investigation()
    late = desk.at + A_WEEK
    found = at_once(*[lambda: due(desk, late)] * 4)
    assert all(isinstance(each, int) for each in found), found
    assert told(desk) == [("p_reply", "qe", 30)]


def test_a_scheduler_killed_in_the_middle_leaves_it_to_the_next(desk: Desk) -> None:
    desk.to_investigation(complaint_class="major")
    late = desk.at + A_WEEK

    def go() -> None:
        failpoints._order = "penalty.proposed:kill:2"
        propose_due(sessions(open_database(str(desk.make.kw["bind"].url.render_as_string(False)))), late, CONTEXT)

    process = multiprocessing.get_context("fork").Process(target=go)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    due(desk, late)
    assert due(desk, late) == 0
    assert told(desk) == [("p_reply", "qe", 30), ("p_reply", "qe", 30)]


STEPS = st.lists(st.sampled_from(["wait", "stop", "resume", "cancel", "later", "look"]), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_happens_to_a_clock_it_is_proposed_as_long_as_it_is_broken(desk: Desk, steps: list[str]) -> None:
    desk.at = MONDAY  # each example begins at the same time of the week
    with desk.act() as session:
        complaint = desk.find(session, desk.draft())
        watched = next(each for each in clocks.of(session, "complaint", complaint.id) if each.key == "notify_register")
    due(desk)  # the first look of all sees only what was stopped within the hour before it
    for step in [*steps, "look"]:
        with desk.act() as session:
            clock = session.get_one(Clock, watched.id)
            if step == "wait":
                desk.at += timedelta(hours=3)
            elif step == "stop":
                stop(clock, desk.at)
            elif step == "resume":
                clocks.resume(clock)
            elif step == "cancel":
                clocks.cancel(clock, at=desk.at)
            elif step == "later" and clock.stopped_at is None:  # what has stopped keeps its due time
                clock.due_at = max(clock.due_at, desk.at) + timedelta(hours=1)
        if step == "look":
            due(desk)
            broken = clock.outcome == "late" or (clock.stopped_at is None and clock.due_at < desk.at)
            found = proposed(desk.make, clock_id=clock.id)
            assert len(found) <= 1
            assert [each.decision for each in found if each.decision != WITHDRAWN] == ([None] if broken else [])


def test_an_earlier_moment_played_again_changes_nothing(desk: Desk) -> None:
    desk.to_investigation()
    assert due(desk, desk.at + A_WEEK) == 1
    assert due(desk, desk.at + timedelta(days=6)) == 0
    assert due(desk, desk.at) == 0
    assert [each.decision for each in proposed(desk.make)] == [None]


def test_after_a_clock_that_was_set_back_what_was_stopped_late_is_found_again(desk: Desk) -> None:
    assert due(desk, desk.at + 52 * A_WEEK) == 0
    number = desk.draft()
    assert due(desk) == 0
    desk.at += timedelta(hours=3)
    with desk.act() as session:
        for clock in clocks.of(session, "complaint", desk.find(session, number).id):
            stop(clock, desk.at)
    assert due(desk, desk.at + timedelta(days=3)) == 1


def test_it_is_among_the_duties(desk: Desk) -> None:
    desk.to_investigation()
    assert duties.run(desk.make, desk.at + A_WEEK, CONTEXT)[PENALTIES] == 1


# The switch


@pytest.fixture
def off(desk: Desk) -> None:
    with transaction(desk.make) as session:
        switches.turn(session, PENALTIES, on=False, by=desk["admin"], at=MONDAY)


def test_two_who_switch_it_off_at_once_for_the_first_time_do_so_once(desk: Desk) -> None:
    def turn() -> bool:
        with transaction(desk.make) as session:
            return switches.turn(session, PENALTIES, on=False, by=desk["admin"], at=MONDAY)

    assert sorted(at_once(turn, turn)) == [False, True]


@pytest.mark.usefixtures("off")
def test_switched_off_nothing_is_proposed_and_nothing_of_that_time_later(desk: Desk) -> None:
    number = desk.to_investigation()
    desk.at += A_WEEK
    with desk.act() as session:
        found = desk.find(session, number)
        assert penalties.propose_weekly(session, "2026-W46", ["clerk"], at=desk.at, context=CONTEXT) == 0
        assert penalties.propose_for_recurrence(session, found, found, by=desk["qe"], at=desk.at, context=CONTEXT) == 0
    assert due(desk) == 0
    with desk.act() as session:
        assert switches.turn(session, PENALTIES, on=True, by=desk["admin"], at=desk.at)
        assert not switches.turn(session, PENALTIES, on=True, by=desk["admin"], at=desk.at)
    assert due(desk, desk.at + timedelta(minutes=1)) == 0
    desk.draft()
    assert due(desk, desk.at + timedelta(days=1)) == 1
    assert [each.kind for each in proposed(desk.make)] == ["p_notify"]


# What is no clock's


def records(desk: Desk, number: str, remark: str = "No QE entry", key: str = "p_records") -> int:
    with desk.act() as session:
        return penalties.propose_for_records(
            session, desk.find(session, number), key, remark, by=desk["gm"], at=desk.at, context=CONTEXT
        )


@pytest.mark.requirement("S89")
def test_records_that_were_not_kept_cost_the_person_and_the_superior(desk: Desk) -> None:
    number = desk.to_investigation()
    assert records(desk, number) == 2
    assert told(desk) == [("p_records", "qe", 20), ("p_records", "qa_mgr", 20)]
    with pytest.raises(NotProposed):
        records(desk, number)
    assert len(proposed(desk.make)) == 2


@pytest.mark.requirement("S89")
def test_the_superior_is_the_persons_own_where_there_is_one(desk: Desk) -> None:
    number = desk.to_investigation()
    with transaction(desk.make) as session:
        session.get_one(User, desk["qe"].id).superior_id = desk["qa_head"].id
    records(desk, number)
    assert told(desk) == [("p_records", "qe", 20), ("p_records", "qa_head", 20)]


@pytest.mark.parametrize(("remark", "key"), [("", "p_records"), ("x" * 1001, "p_records"), ("x", "p_recur")])
def test_records_that_were_not_kept_are_named(desk: Desk, remark: str, key: str) -> None:
    number = desk.registered()
    with pytest.raises(NotProposed):
        records(desk, number, remark, key)
    assert proposed(desk.make) == []


@pytest.mark.requirement("S90")
def test_a_recurrence_because_measures_were_not_carried_out_costs_who_had_to(desk: Desk) -> None:
    before, again = desk.to_closed(), desk.registered()
    with desk.act() as session:
        complaint, other = desk.find(session, again), desk.find(session, before)
        for _ in range(2):
            penalties.propose_for_recurrence(session, complaint, other, by=desk["qe"], at=desk.at, context=CONTEXT)
        links.add(
            session, complaint, before, links.RECURRENCE, by=desk["qe"], at=desk.at, key="a",
        )  # fmt: skip
    assert told(desk, kind="p_recur") == [("p_recur", "dept_head", 20)]
    with desk.act() as session:
        complaint = desk.find(session, again)
        (link,) = links.of(session, complaint, desk["qe"])
        assert link.id
        links.end(session, complaint, link.id, reason="another cause", by=desk["qe"], at=desk.at)
    assert proposed(desk.make, kind="p_recur")[0].decision == WITHDRAWN


@pytest.mark.requirement("S91")
def test_a_week_without_its_summary_costs_each_side_that_owed_it_once(desk: Desk) -> None:
    for _ in range(2):
        with desk.act() as session:
            penalties.propose_weekly(session, "2026-W46", ["clerk", "qe"], at=desk.at, context=CONTEXT)
    assert told(desk) == [("p_weekly", "clerk", 20), ("p_weekly", "qe", 20)]
    assert {each.week for each in proposed(desk.make)} == {"2026-W46"}


# Nobody else hears of it


def test_the_history_the_notices_and_the_mails_of_a_complaint_say_nothing_of_it(desk: Desk) -> None:
    number = desk.to_investigation()

    def counts() -> list[int]:
        with desk.make() as session:
            return [
                session.scalar(select(func.count()).select_from(table)) or 0 for table in (Change, Notice, Outgoing)
            ]

    before, version = counts(), desk.case(number).complaint.version
    assert due(desk, desk.at + A_WEEK) == 1
    assert records(desk, number) == 2
    assert counts() == before
    assert desk.case(number).complaint.version == version


def test_no_paper_of_a_complaint_for_us_or_for_the_customer_changes_by_it(desk: Desk) -> None:
    number = desk.to_customer_reply()

    def papers() -> list[Any]:
        with desk.make() as session:
            complaint = desk.find(session, number)
            wanted = [Wanted(each.key, edition=edition) for each in of(complaint).papers for edition in each.editions]
            return [printing.composed(session, complaint, each, zone=CONTEXT.zone) for each in wanted]

    before = papers()
    assert records(desk, number) == 2
    due(desk, desk.at + A_WEEK)
    assert papers() == before
