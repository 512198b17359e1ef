"""Every clock of the default procedure, from what starts it to what stops it, to the minute; and what becomes of them
when the class changes, also over holidays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from complaints import clocks
from complaints.clocks import Clock
from complaints.procedure import procedure
from tests.desk import Desk

SHANGHAI = ZoneInfo("Asia/Shanghai")
MAJOR = {"complaint_class": "major"}


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def the_clock(desk: Desk, number: str, key: str) -> Clock:
    with desk.make() as session:
        found = clocks.of(session, "complaint", desk.find(session, number).id)
        return [each for each in found if each.key == key][-1]


def next_act(desk: Desk, at: str) -> None:
    """The next act happens at this time on the wall."""
    desk.at = wall(at) - timedelta(minutes=1)


def issued(desk: Desk, **fields: str) -> str:
    """A complaint that waits for quality to sign for its receipt."""
    number = desk.registered(**fields)
    desk.write(number, "first_review", "mkt_sup")
    desk.write(number, "form", "sales")
    desk.sign(number, "form_issued", "sales")
    desk.sign(number, "form_approved", "mkt_vp" if fields else "mkt_sup")
    return number


def received(desk: Desk, at: str, **fields: str) -> str:
    """A complaint for which quality signed at this time."""
    desk.at = wall(at) - timedelta(hours=1)
    number = issued(desk, **fields)
    next_act(desk, at)
    desk.sign(number, "receipt", "qa_head")
    desk.write(number, "assignment", "qa_head", qe=str(desk["qe"].id))
    desk.move(number, "investigation", "qa_head")
    return number


def test_the_table_of_promises_is_the_one_of_the_companies() -> None:
    table = {
        rule.key: (str(rule.within), rule.responsible, rule.penalty and (rule.penalty.key, rule.penalty.yuan))
        for rule in procedure().clocks
    }
    assert table == {
        "issue_form": ("1 working hour", "sales", None),
        "notify_register": ("2 working hours", "clerk", ("p_notify", 20)),
        "qa_reply": ("3 working days", "qe", ("p_reply", 30)),
        "interim": ("8 working hours", "qe", ("p_reply", 30)),
        "permanent": ("2 working days", "qe", ("p_reply", 30)),
        "dept_plan": ("8 working hours", "dept_head", ("p_plan", 20)),
    }
    assert not any(rule.pauses for rule in procedure().clocks)


@pytest.mark.requirement("S83")
@pytest.mark.parametrize(("approved", "outcome"), [("2026-11-23 09:00", "met"), ("2026-11-23 09:01", "late")])
def test_the_form_is_issued_when_it_is_approved_and_the_last_minute_is_in_time(
    desk: Desk, approved: str, outcome: str
) -> None:
    next_act(desk, "2026-11-20 17:00")
    number = desk.registered()
    desk.write(number, "first_review", "mkt_sup")
    desk.write(number, "form", "sales")
    desk.sign(number, "form_issued", "sales")
    assert the_clock(desk, number, "issue_form").outcome is None
    next_act(desk, approved)
    desk.sign(number, "form_approved", "mkt_sup")
    clock = the_clock(desk, number, "issue_form")
    assert (clock.due_at, clock.stopped_at, clock.outcome) == (wall("2026-11-23 09:00"), wall(approved), outcome)


@pytest.mark.requirement("S85", "S86", "S87")
@pytest.mark.parametrize(
    ("key", "signed", "due", "answer", "fields"),
    [
        ("qa_reply", "2026-11-19 16:00", "2026-11-24 17:30", lambda d, n: d.write(n, "qa_reply", "qe"), {}),
        ("interim", "2026-11-17 10:30", "2026-11-18 10:30", lambda d, n: d.write(n, "interim", "qe"), MAJOR),
        ("permanent", "2026-11-19 16:00", "2026-11-23 17:30", lambda d, n: d.write(n, "qa_reply", "qe"), MAJOR),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_quality_answers_in_the_time_of_the_class_from_its_signature(
    desk: Desk, key: str, signed: str, due: str, answer: Callable[[Desk, str], None], fields: dict[str, str], late: bool
) -> None:
    number = received(desk, signed, **fields)
    desk.write(number, "qe_entry", "qe")
    assert (the_clock(desk, number, key).started_at, the_clock(desk, number, key).due_at) == (wall(signed), wall(due))
    desk.at = wall(due) - timedelta(minutes=0 if late else 1)
    answer(desk, number)
    assert the_clock(desk, number, key).outcome == ("late" if late else "met")


@pytest.mark.requirement("S88")
def test_the_department_plans_within_eight_working_hours_of_the_notice(desk: Desk) -> None:
    next_act(desk, "2026-11-20 11:00")
    number = desk.to_investigation()
    desk.write(number, "qe_entry", "qe")
    desk.write(number, "finding", "qe")
    next_act(desk, "2026-11-20 14:00")
    desk.move(number, "action_plan", "qe")
    assert the_clock(desk, number, "dept_plan").due_at == wall("2026-11-23 14:00")
    desk.plan(number)
    assert the_clock(desk, number, "dept_plan").outcome == "met"


@pytest.mark.requirement("S93", "S94")
def test_a_class_that_is_raised_before_the_holidays_is_due_after_them_to_the_minute(desk: Desk) -> None:
    number = received(desk, "2026-09-29 16:00")
    assert the_clock(desk, number, "qa_reply").due_at == wall("2026-10-09 17:30")  # 30 Sep, 8 and 9 Oct
    next_act(desk, "2026-09-30 16:47")
    desk.classify(number, "major", "clerk")
    assert the_clock(desk, number, "interim").due_at == wall("2026-10-08 16:47")  # 0:43 and 7:17
    assert the_clock(desk, number, "permanent").due_at == wall("2026-10-09 17:30")
    assert the_clock(desk, number, "qa_reply").outcome == "replaced"


@pytest.mark.requirement("S93", "S94")
def test_a_class_that_is_lowered_after_the_holidays_runs_from_the_signature_before_them(desk: Desk) -> None:
    number = received(desk, "2026-09-29 16:00", **MAJOR)
    assert the_clock(desk, number, "interim").due_at == wall("2026-09-30 16:00")
    next_act(desk, "2026-10-08 09:12")
    desk.classify(number, "general", "mkt_vp", "no line stopped")
    general = the_clock(desk, number, "qa_reply")
    assert (general.started_at, general.due_at) == (wall("2026-09-29 16:00"), wall("2026-10-09 17:30"))
    late = the_clock(desk, number, "interim")
    assert (late.outcome, late.stopped_at) == ("replaced", wall("2026-10-08 09:12"))


@pytest.mark.requirement("S94")
def test_a_saturday_that_is_worked_counts(desk: Desk) -> None:
    number = received(desk, "2026-10-09 16:30", **MAJOR)
    assert the_clock(desk, number, "interim").due_at == wall("2026-10-10 16:30")
