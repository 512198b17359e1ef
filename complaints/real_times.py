"""Real times: what was promised was done before somebody wrote it down. Whoever is responsible for a clock may enter
the time at which it was done, with a reason: never before its start, never in the future, never later than it says now.

The clock keeps when its end was recorded beside the time that counts, and is shown as back-dated.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from complaints import clocks, consequences, history, limits, registration, workflow
from complaints.case import load
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.errors import N_, Sentence
from complaints.pauses import check_may_act, find, unsaid
from complaints.people import Actor
from complaints.registration import Incomplete, Problem
from complaints.texts import clean

DONE, WHY = "clock-done", "clock-why"
"""The fields of the form, as problems name them."""


class NotEntered(Incomplete):
    message = N_("The time was not entered.")


def may_be_entered(clock: Clock) -> bool:
    """Is a clock kept or broken, or can it still be?"""
    return clock.outcome is None or clock.outcome in clocks.DONE


def enter(
    session: Session,
    complaint: Complaint,
    clock_id: int,
    *,
    done_at: datetime | None,
    reason: str,
    key: str,
    by: Actor,
    at: datetime,
    context: Context,
) -> None:
    """Let a clock have ended at an earlier time, in the caller's transaction; whether it was kept follows anew.

    Raises `NotFound`, `NotAllowed`, and `NotEntered` with everything that is wrong."""
    workflow.hold(session, complaint)
    clock, case = find(session, complaint, clock_id), load(session, complaint)
    check_may_act(case, clock, by)
    if key and not registration.first_time(session, f"real_time:{key}", complaint, by=by, at=at):
        return
    reason = clean(reason, lines=True)
    wrong = [*_wrong(clock, done_at, at), *unsaid(reason, N_("Please say why the time is entered later"), WHY)]
    if wrong or done_at is None:
        raise NotEntered(wrong)
    recorded = clock.recorded_at or at
    clock.backdated = {"recorded": recorded.isoformat(), "entered": at.isoformat(), "by": by.id, "reason": reason}
    clocks.end(clock, at=done_at, calendar=limits.calendar_of(session, case, clock.responsible, context))
    workflow.touch(session, complaint, at=at, seen_version=complaint.version)
    history.note(
        session,
        complaint.id,
        "clock_backdated",
        by=by,
        at=at,
        clock=clocks.called(clock),
        done=done_at.isoformat(),
        reason=reason,
    )
    consequences.follow(session, complaint, [], by=by, at=at, context=context)


def _wrong(clock: Clock, done_at: datetime | None, at: datetime) -> Iterator[Problem]:
    if not may_be_entered(clock):
        yield Problem(DONE, Sentence(N_("This clock ended without being kept or broken")))
    elif done_at is None:
        yield Problem(DONE, Sentence(N_("Say the date and the time at which it was done")))
    elif done_at < clock.started_at:
        yield Problem(DONE, Sentence(N_("This is before the clock began")))
    elif done_at > at:
        yield Problem(DONE, Sentence(N_("This is in the future")))
    elif clock.stopped_at is not None and done_at >= clock.stopped_at:
        yield Problem(DONE, Sentence(N_("This is not earlier than the time that stands there")))
