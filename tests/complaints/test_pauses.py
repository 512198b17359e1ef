"""Clocks that stand still while we wait for the customer: what they need, how they end, and the sum to the minute."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from complaints import calendar_changes, calendars, clocks, limits, off_board, pauses, reminders, triage
from complaints.calendar import MAINLAND, ONE_MINUTE, parse_within, public_days
from complaints.calendar_outline import Outline
from complaints.case import load
from complaints.clocks import NEVER, Clock
from complaints.complaint import Complaint
from complaints.customers import Customer
from complaints.errors import NotAllowed
from complaints.history import Change
from complaints.letters import Sighting
from complaints.pauses import NotPaused
from complaints.triage import Claimed
from tests.builders import MONDAY, a_letter, at_once, withdrawable
from tests.complaints.test_calendar_oracle import NOBODYS, Watcher, outlines, starts
from tests.desk import CONTEXT, Desk, english

SHANGHAI = ZoneInfo("Asia/Shanghai")
TUESDAY = datetime(2026, 11, 17, tzinfo=SHANGHAI)


def at(wall: str, day: datetime = TUESDAY) -> datetime:
    hour, minute = map(int, wall.split(":"))
    return day.replace(hour=hour, minute=minute).astimezone(UTC)


@pytest.fixture
def number(desk: Desk) -> str:
    """A complaint that quality works on, whose customer lets the reply wait for what was asked; signed on Tuesday at
    10:30, asked at 11:00."""
    desk.at = at("10:20")
    number = desk.registered()
    with desk.act() as session:
        agreed = [{"procedure": "manufacturing", "clock": "qa_reply", "pauses": True}]
        session.scalars(select(Customer)).one().limits = agreed
    desk.write(number, "first_review", "mkt_sup")
    desk.write(number, "form", "sales")
    desk.sign(number, "form_issued", "sales")
    desk.sign(number, "form_approved", "mkt_sup")
    desk.at = at("10:29")
    desk.sign(number, "receipt", "qa_head")
    desk.write(number, "assignment", "qa_head", qe=str(desk["qe"].id))
    desk.move(number, "investigation", "qa_head")
    desk.at = at("10:59")
    desk.contact(number, "other")
    return number


def the_clock(desk: Desk, number: str, key: str = "qa_reply") -> Clock:
    with desk.make() as session:
        found = clocks.of(session, "complaint", desk.find(session, number).id)
        return next(clock for clock in found if clock.key == key)


def the_question(desk: Desk, number: str) -> str:
    with desk.make() as session:
        return pauses.asked(session, load(session, desk.find(session, number)))[0].ref


def pause(
    desk: Desk, number: str, when: datetime, *, key: str = "k1", asked_by: str = "", role: str = "qe",
    reason: str = "We asked for the lot numbers", clock: str = "qa_reply",
) -> None:  # fmt: skip
    id_, desk.at = the_clock(desk, number, clock).id, when - timedelta(minutes=1)
    asked_by = asked_by or the_question(desk, number)
    with desk.act() as session:
        found = desk.find(session, number)
        pauses.pause(
            session, found, id_, asked_by=asked_by, reason=reason, key=key, by=desk[role],
            at=desk.at, context=CONTEXT,
        )  # fmt: skip


def run_on(desk: Desk, number: str, when: datetime, role: str = "qe") -> None:
    id_, desk.at = the_clock(desk, number).id, when - timedelta(minutes=1)
    with desk.act() as session:
        found = desk.find(session, number)
        pauses.run_on(session, found, id_, by=desk[role], at=desk.at, context=CONTEXT)


def refused(why: pytest.ExceptionInfo[NotPaused]) -> list[str]:
    return [english(each.sentence) for each in why.value.problems]


def acts(desk: Desk) -> list[str]:
    with desk.make() as session:
        return [each for each in session.scalars(select(Change.act).order_by(Change.id)) if each.startswith("clock")]


def test_the_warning_comes_after_three_quarters_of_the_time_that_ran(desk: Desk, number: str) -> None:
    pause(desk, number, at("11:00"))
    run_on(desk, number, at("14:00"))
    friday = TUESDAY + timedelta(days=3)  # of 30 hours 22½ are gone on Friday at 9:00, and two stood still
    assert reminders.remind(desk.make, at("10:59", friday), CONTEXT) == 0
    assert reminders.remind(desk.make, at("11:00", friday), CONTEXT) == 1


def test_a_paused_clock_is_never_due_and_afterwards_the_working_time_of_the_pause_is_added(
    desk: Desk, number: str
) -> None:
    before = the_clock(desk, number)
    assert before.due_at == at("17:30", TUESDAY + timedelta(days=3))
    pause(desk, number, at("11:00"))
    assert (the_clock(desk, number).due_at, desk.case(number).complaint.sort_due_at) == (NEVER, NEVER)
    run_on(desk, number, at("14:00"))  # an hour before the break and one after it
    after = the_clock(desk, number)
    assert after.due_at == at("10:30", TUESDAY + timedelta(days=6))  # Friday 17:30 and two hours of Monday
    assert desk.case(number).complaint.sort_due_at == after.due_at
    assert after.receipt["due"] == before.receipt["due"]
    assert after.receipt["pauses"] == [
        {"from": "2026-11-17T11:00:00+08:00", "to": "2026-11-17T14:00:00+08:00", "minutes": 120,
         "due": "2026-11-23T10:30:00+08:00"}
    ]  # fmt: skip
    qe = desk["qe"].id
    assert after.pauses == [
        {"from": "2026-11-17T03:00:00+00:00", "to": "2026-11-17T06:00:00+00:00", "asked": the_question(desk, number),
         "reason": "We asked for the lot numbers", "by": qe, "ended_by": qe}
    ]  # fmt: skip
    assert acts(desk) == ["clock_paused", "clock_ran_on"]


def test_a_pause_over_night_counts_no_minute_in_which_we_are_closed(desk: Desk, number: str) -> None:
    pause(desk, number, at("18:00"))
    run_on(desk, number, at("08:00", TUESDAY + timedelta(days=1)))
    assert the_clock(desk, number).due_at == at("17:30", TUESDAY + timedelta(days=3))


def a_letter_set_aside(desk: Desk, received_at: datetime) -> int:
    """A letter of the customer that waits in the inbox; the id of its sighting."""
    with desk.make.begin() as session:
        sighting = Sighting(
            size=9, received_at=received_at, seen_at=received_at, outcome="set_aside", reason="list",
            letter_id=a_letter(session, received_at=received_at).id,
        )  # fmt: skip
        session.add(sighting)
        session.flush()
        return sighting.id


def join(desk: Desk, number: str, sighting: int, when: datetime) -> None:
    with desk.make.begin() as session:
        triage.join(
            session, session.get_one(Sighting, sighting), desk.find(session, number), by=desk["clerk"], at=when,
            context=CONTEXT, claimed=Claimed(),
        )  # fmt: skip


def test_a_letter_of_the_customer_ends_the_pause_at_the_time_it_came(desk: Desk, number: str) -> None:
    pause(desk, number, at("11:00"))
    join(desk, number, a_letter_set_aside(desk, at("13:30")), at("15:00"))
    clock = the_clock(desk, number)
    assert clock.pauses is not None
    assert (clock.pauses[0]["to"], clock.pauses[0]["letter"]) == (at("13:30").isoformat(), 1)
    assert clock.due_at == at("10:00", TUESDAY + timedelta(days=6))
    assert desk.case(number).complaint.sort_due_at == clock.due_at
    assert acts(desk) == ["clock_paused", "clock_answered"]


def test_a_letter_that_came_before_the_pause_is_no_answer_to_it(desk: Desk, number: str) -> None:
    early = a_letter_set_aside(desk, at("10:58"))
    pause(desk, number, at("11:00"))
    join(desk, number, early, at("15:00"))
    assert the_clock(desk, number).paused


def test_a_letter_that_comes_as_the_clock_is_paused_leaves_it_running(desk: Desk, number: str) -> None:
    sighting, id_ = a_letter_set_aside(desk, at("11:30")), the_clock(desk, number).id
    question = the_question(desk, number)

    def now() -> None:
        with desk.make.begin() as session:
            pauses.pause(
                session, desk.find(session, number), id_, asked_by=question, reason="lot numbers", key="",
                by=desk["qe"], at=at("11:30"), context=CONTEXT,
            )  # fmt: skip

    at_once(now, lambda: join(desk, number, sighting, at("11:30")))
    assert not the_clock(desk, number).paused


def test_a_clock_that_stands_still_ends_with_its_complaint_and_stands_still_again_when_that_is_back(
    desk: Desk, number: str
) -> None:
    pause(desk, number, at("11:00"))
    for act in (take_off, bring_back):
        desk.at = desk.at + timedelta(hours=1)
        with desk.act() as session:
            act(session, desk.find(session, number), desk)
        taken = act is take_off
        assert (the_clock(desk, number).outcome, the_clock(desk, number).paused) == (
            "cancelled" if taken else None,
            True,
        )
    assert the_clock(desk, number).due_at == NEVER


def take_off(session: Session, complaint: Complaint, desk: Desk) -> None:
    withdrawable(session, complaint)
    off_board.take(
        session, complaint, off_board.WITHDRAWN, reason="as agreed", by=desk["clerk"], at=desk.at,
        seen_version=complaint.version, context=CONTEXT,
    )  # fmt: skip


def bring_back(session: Session, complaint: Complaint, desk: Desk) -> None:
    off_board.bring_back(
        session, complaint, by=desk["clerk"], at=desk.at, seen_version=complaint.version, context=CONTEXT
    )  # fmt: skip


def test_a_pause_needs_a_reason_and_what_asked_and_says_everything_at_once(desk: Desk, number: str) -> None:
    with pytest.raises(NotPaused) as why:
        pause(desk, number, at("11:30"), reason=" ", asked_by="reply:7")
    assert refused(why) == [
        "Choose the mail or the talk in which the customer was asked", "Please say what we wait for"
    ]  # fmt: skip


def test_a_customer_who_has_written_since_is_not_waited_for(desk: Desk, number: str) -> None:
    desk.at = at("11:10")
    with desk.act() as session:
        a_letter(session, desk.find(session, number), received_at=desk.at)
    with pytest.raises(NotPaused) as why:
        pause(desk, number, at("11:30"))
    assert refused(why) == ["The customer has written since; ask again, or go on"]


def test_a_clock_that_stands_still_is_not_paused_again_and_the_same_form_counts_once(desk: Desk, number: str) -> None:
    pause(desk, number, at("11:00"))
    pause(desk, number, at("11:05"))
    with pytest.raises(NotPaused) as why:
        pause(desk, number, at("11:06"), key="k2")
    assert refused(why) == ["This clock stands still already"]
    run_on(desk, number, at("11:10"))
    run_on(desk, number, at("11:20"))
    assert acts(desk) == ["clock_paused", "clock_ran_on"]


def test_a_pause_before_the_end_of_the_last_one_or_on_a_broken_promise_is_refused(desk: Desk, number: str) -> None:
    pause(desk, number, at("11:00"))
    run_on(desk, number, at("12:00"))
    with pytest.raises(NotPaused) as why:
        pause(desk, number, at("11:30"), key="k2")
    assert refused(why) == ["A pause begins now, not in the past"]
    with pytest.raises(NotPaused) as why:
        pause(desk, number, at("12:00", TUESDAY + timedelta(days=9)), key="k3")
    assert refused(why) == ["This clock is overdue: a promise that is broken does not wait any more"]


def test_only_who_is_responsible_may_pause_and_only_what_was_agreed(desk: Desk, number: str) -> None:
    with pytest.raises(NotAllowed):
        pause(desk, number, at("11:00"), role="sales")
    with pytest.raises(NotPaused) as why:
        pause(desk, number, at("11:00"), role="sales", clock="issue_form")
    assert refused(why) == ["This clock does not wait for the customer"]


def test_a_procedure_may_let_its_clocks_wait_for_every_customer(desk: Desk, number: str) -> None:
    rules, clock = desk.case(number).rules, the_clock(desk, number, "issue_form")
    waits = replace(rules, clocks=tuple(replace(rule, pauses=True) for rule in rules.clocks))
    assert limits.may_pause(clock, waits, None)
    assert not limits.may_pause(clock, rules, None)


def test_a_reply_in_a_pause_is_in_time_and_taken_back_the_clock_stands_still_again(desk: Desk, number: str) -> None:
    pause(desk, number, at("11:00"))
    desk.write(number, "qe_entry", "qe")
    desk.at = at("14:59", TUESDAY + timedelta(days=20))
    desk.write(number, "qa_reply", "qe")
    clock = the_clock(desk, number)
    assert (clock.outcome, clock.stopped_at) == ("met", desk.at)
    assert clock.due_at > desk.at
    with desk.make() as session:
        again = session.get_one(Clock, clock.id)
        clocks.resume(again)
        assert (again.due_at, again.paused) == (NEVER, True)


def test_a_class_that_is_raised_in_a_pause_starts_clocks_that_run_and_lowered_again_the_pause_goes_on(
    desk: Desk, number: str
) -> None:
    pause(desk, number, at("11:00"))
    desk.at = at("13:59")
    raised = desk.classify(number, "major", "clerk")
    assert the_clock(desk, number).outcome == "replaced"
    assert the_clock(desk, number, "interim").due_at == at("14:00", TUESDAY + timedelta(days=1))
    assert raised == at("14:00")
    desk.classify(number, "general", "mkt_vp", "no line stopped")
    assert the_clock(desk, number).paused
    run_on(desk, number, at("15:00"))
    assert the_clock(desk, number).due_at == at("11:30", TUESDAY + timedelta(days=6))


def test_of_two_who_pause_at_once_one_does(desk: Desk, number: str) -> None:
    ids, question = the_clock(desk, number).id, the_question(desk, number)

    def one(key: str) -> None:
        with desk.make.begin() as session:
            pauses.pause(
                session, desk.find(session, number), ids, asked_by=question, reason="lot numbers", key=key,
                by=desk["qe"], at=at("11:30"), context=CONTEXT,
            )  # fmt: skip

    done = at_once(lambda: one("a"), lambda: one("b"))
    assert sorted(type(each).__name__ for each in done) == ["NoneType", "NotPaused"]
    assert acts(desk) == ["clock_paused"]


def test_another_calendar_moves_a_clock_with_its_pauses_and_leaves_one_that_stands_still(
    desk: Desk, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendars, "_looked", {})
    pause(desk, number, at("11:00"))
    with desk.act() as session:
        shut = Outline(different={day.date(): () for day in (TUESDAY, TUESDAY + timedelta(days=1))})
        days = public_days(MAINLAND)
        calendars.accept(session, calendars.ORGANISATION, shut, days, seen=0, by=desk["admin"], at=desk.at)
    calendar_changes.settle(desk.make, desk.at, CONTEXT)
    assert the_clock(desk, number).due_at == NEVER
    with desk.make() as session:
        context = replace(CONTEXT, calendar=calendars.current(session))
    id_ = the_clock(desk, number).id
    with desk.act() as session:
        found = desk.find(session, number)
        then = at("10:00", TUESDAY + timedelta(days=2))
        pauses.run_on(session, found, id_, by=desk["qe"], at=then, context=context)
    # Thursday, Friday and Monday, and Thursday from 8:30 to 10:00 once more
    assert the_clock(desk, number).due_at == at("10:00", TUESDAY + timedelta(days=7))


# Against somebody who looks at the clock on the wall every minute


@settings(max_examples=60, deadline=None)
@given(
    outlines, starts, st.integers(1, 8), st.booleans(),
    st.lists(st.integers(0, 60 * 24 * 4), max_size=6, unique=True),
)  # fmt: skip
def test_pauses_move_the_due_time_by_exactly_the_minutes_that_would_have_counted(
    outline: Outline, start: datetime, hours: int, round_the_clock: bool, cuts: list[int]
) -> None:
    calendar, watcher = outline.calendar(NOBODYS), Watcher(outline)
    within = f"{hours} hours" if round_the_clock else f"{hours} working hours"
    cuts = sorted(cuts)[: len(cuts) // 2 * 2]
    intervals = list(zip(cuts[::2], cuts[1::2], strict=True))
    left, passed, stood_still = hours * 60, 0, 0
    while left:
        if round_the_clock or watcher.works(start + passed * ONE_MINUTE):
            paused = any(begins <= passed < ends for begins, ends in intervals)
            left -= not paused
            stood_still += paused
        passed += 1
    intervals = [(begins, ends) for begins, ends in intervals if begins < passed]
    row = [{"from": (start + a * ONE_MINUTE).isoformat(), "to": (start + b * ONE_MINUTE).isoformat()}
           for a, b in intervals]  # fmt: skip
    clock = Clock(started_at=start, receipt=calendar.add(start, parse_within(within)).receipt, pauses=row)
    clocks.reckon(clock, calendar)
    assert clock.due_at == start + passed * ONE_MINUTE
    assert clocks.stood_still(clock, calendar, clock.due_at) == stood_still * ONE_MINUTE
    assert sum(each["minutes"] for each in clock.receipt.get("pauses", ())) == stood_still


def test_the_interval_that_lasts_is_the_last_one() -> None:
    clock = Clock(pauses=[{"from": MONDAY.isoformat(), "to": None}], receipt={})
    assert clock.paused
    assert list(clocks.stands_still(clock)) == []
    assert list(clocks.stands_still(clock, MONDAY + ONE_MINUTE)) == [(MONDAY, MONDAY + ONE_MINUTE)]
