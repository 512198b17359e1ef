"""What was done before somebody wrote it down: the real time of its end, and what follows from it."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from complaints import clocks, real_times
from complaints.clocks import Clock
from complaints.errors import NotAllowed
from complaints.history import Change
from complaints.real_times import NotEntered
from tests.desk import CONTEXT, Desk, english


def the_clock(desk: Desk, number: str, key: str) -> Clock:
    with desk.make() as session:
        found = clocks.of(session, "complaint", desk.find(session, number).id)
        return [each for each in found if each.key == key][-1]


def enter(
    desk: Desk, number: str, key: str, done_at: datetime | None, role: str = "qe", *, form: str = "", why: str = "phone"
) -> None:
    id_ = the_clock(desk, number, key).id
    with desk.act() as session:
        real_times.enter(
            session, desk.find(session, number), id_, done_at=done_at, reason=why, key=form, by=desk[role], at=desk.at,
            context=CONTEXT,
        )  # fmt: skip


@pytest.fixture
def number(desk: Desk) -> str:
    """A complaint that quality answered a day late."""
    number = desk.to_investigation()
    desk.write(number, "qe_entry", "qe")
    desk.at = the_clock(desk, number, "qa_reply").due_at + timedelta(days=1)
    desk.write(number, "qa_reply", "qe")
    return number


def test_what_was_done_in_time_and_recorded_late_was_in_time(desk: Desk, number: str) -> None:
    late = the_clock(desk, number, "qa_reply")
    assert late.outcome == "late"
    enter(desk, number, "qa_reply", late.due_at, form="k1")
    entered = desk.at
    enter(desk, number, "qa_reply", late.due_at - timedelta(hours=1), form="k1")
    kept = the_clock(desk, number, "qa_reply")
    assert (kept.outcome, kept.stopped_at, kept.due_at) == ("met", late.due_at, late.due_at)
    assert kept.recorded_at == late.stopped_at
    assert kept.backdated is not None
    assert (kept.backdated["entered"], kept.backdated["reason"]) == (entered.isoformat(), "phone")
    with desk.make() as session:
        assert list(session.scalars(select(Change.act))).count("clock_backdated") == 1


def test_a_time_after_the_limit_leaves_it_late(desk: Desk, number: str) -> None:
    late = the_clock(desk, number, "qa_reply")
    enter(desk, number, "qa_reply", late.due_at + timedelta(minutes=1))
    assert the_clock(desk, number, "qa_reply").outcome == "late"


def test_a_clock_that_runs_ends_at_the_time_that_was_entered_and_the_complaint_is_sorted_by_the_next(
    desk: Desk,
) -> None:
    number = desk.to_investigation(complaint_class="major")
    interim, permanent = (the_clock(desk, number, key) for key in ("interim", "permanent"))
    assert desk.case(number).complaint.sort_due_at == interim.due_at
    enter(desk, number, "interim", interim.started_at + timedelta(minutes=1))
    assert the_clock(desk, number, "interim").outcome == "met"
    assert desk.case(number).complaint.sort_due_at == permanent.due_at


def test_a_time_is_refused_that_cannot_be_or_says_nothing_new(desk: Desk, number: str) -> None:
    clock = the_clock(desk, number, "qa_reply")
    assert clock.stopped_at is not None
    for done_at, says in (
        (None, "Say the date and the time at which it was done"),
        (clock.started_at - timedelta(minutes=1), "This is before the clock began"),
        (desk.at + timedelta(days=9), "This is in the future"),
        (clock.stopped_at, "This is not earlier than the time that stands there"),
    ):
        with pytest.raises(NotEntered) as refusal:
            enter(desk, number, "qa_reply", done_at, why=" ")
        assert [english(each.sentence) for each in refusal.value.problems] == [
            says, "Please say why the time is entered later"
        ]  # fmt: skip
    desk.classify(number, "major", "clerk")
    desk.classify(number, "general", "mkt_vp", "no line stopped")
    with pytest.raises(NotEntered) as refusal:
        enter(desk, number, "interim", desk.at)
    assert english(refusal.value.problems[0].sentence) == "This clock ended without being kept or broken"


def test_only_who_is_responsible_enters_a_time(desk: Desk, number: str) -> None:
    with pytest.raises(NotAllowed):
        enter(desk, number, "qa_reply", the_clock(desk, number, "qa_reply").due_at, "clerk")


def test_a_plan_that_is_written_anew_runs_on_whatever_time_was_entered_for_it(desk: Desk) -> None:
    number = desk.to_action_plan()
    began = the_clock(desk, number, "dept_plan").started_at
    desk.at += timedelta(hours=1)
    desk.plan(number)
    enter(desk, number, "dept_plan", began, "dept_head")
    desk.write(number, "plan", "dept_head", place=1, what="Reset counter, ask twice")
    again = the_clock(desk, number, "dept_plan")
    assert (again.outcome, again.backdated) == (None, None)
