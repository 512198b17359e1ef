"""Pauses: a clock stands still while we wait for the customer, where its procedure or the customer's file allows it.

A pause begins now, never in the past, and only on a promise that is not broken yet. It needs a reason and what asked
the customer: a mail of ours that has gone out, or what we told otherwise. It ends by itself when a letter of theirs
joins the complaint, or by hand. Kept are the intervals; what follows from them is in clocks.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from complaints import clocks, consequences, guards, history, limits, registration, workflow
from complaints.case import Case, load
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.errors import N_, NotAllowed, NotFound, Sentence
from complaints.guards import RoleNames
from complaints.letters import Letter
from complaints.outbox import Outgoing
from complaints.people import Actor
from complaints.procedure import COMPLAINT
from complaints.registration import Incomplete, Problem
from complaints.replies import Reply
from complaints.texts import clean

REASON, ASKED = "clock-reason", "clock-asked"
"""The fields of the form, as problems name them."""
LONGEST_REASON = 1_000
REPLY, CONTACT = "reply", "contact"


class NotPaused(Incomplete):
    message = N_("The clock was not paused.")


@dataclass(frozen=True)
class Asked:
    """Something by which the customer was asked: a `ref` for the form, when, and its subject or text."""

    ref: str
    at: datetime
    said: str


def find(session: Session, complaint: Complaint, clock_id: int) -> Clock:
    """A clock of a complaint, as it is now. Raises `NotFound`."""
    mine = Clock.id == clock_id, Clock.subject_kind == COMPLAINT, Clock.subject_id == complaint.id
    clock = session.scalar(select(Clock).where(*mine).execution_options(populate_existing=True))
    if clock is None:
        raise NotFound
    return clock


def may_act(case: Case, clock: Clock, by: Actor) -> bool:
    """May this person speak for a clock? Whoever holds the role that is responsible for it, on this complaint."""
    return bool(guards.holds_role(case, by, (clock.responsible,)))


def check_may_act(case: Case, clock: Clock, by: Actor) -> None:
    """Raises `NotAllowed` for who may not speak for a clock."""
    if not may_act(case, clock, by):
        raise NotAllowed(who=RoleNames.of(case.rules, (clock.responsible,)))


def asked(session: Session, case: Case) -> list[Asked]:
    """By what the customer may have been asked, the newest first: our mails that have gone out, and what the record of
    contacts says beside them."""
    sent = (
        select(Reply.id, Outgoing.sent_at, Reply.subject, Reply.contact_place)
        .join(Outgoing, Outgoing.id == Reply.outgoing_id)
        .where(Reply.complaint_id == case.complaint.id, Outgoing.state == "sent")
    )
    mails = session.execute(sent).all()
    found = [Asked(f"{REPLY}:{id_}", at, subject) for id_, at, subject, _ in mails if at is not None]
    contact, told = case.rules.contact, {place for *_, place in mails}
    for row in case.rows.get(contact.sheet, ()) if contact else ():
        if contact and row.place not in told:
            found.append(Asked(f"{CONTACT}:{row.id}", row.begun_at, str(row.values.get(contact.text) or "")))
    return sorted(found, key=lambda each: each.at, reverse=True)


def pause(
    session: Session,
    complaint: Complaint,
    clock_id: int,
    *,
    asked_by: str,
    reason: str,
    key: str,
    by: Actor,
    at: datetime,
    context: Context,
) -> None:
    """Let a clock stand still from now on, in the caller's transaction; `asked_by` is the `ref` of what asked the
    customer, `key` names the form, which counts once.

    Raises `NotFound`, `NotAllowed`, and `NotPaused` with everything that is wrong."""
    workflow.hold(session, complaint)
    clock, case = find(session, complaint, clock_id), load(session, complaint)
    check_may_act(case, clock, by)
    if key and not registration.first_time(session, f"pause:{key}", complaint, by=by, at=at):
        return
    reason = clean(reason, lines=True)
    said = {each.ref: each for each in asked(session, case)}
    problems = [
        *_unfit(clock, case, at),
        *_not_asked(session, complaint, said.get(asked_by)),
        *unsaid(reason, N_("Please say what we wait for")),
    ]
    if problems:
        raise NotPaused(problems)
    row = {"from": at.isoformat(), "to": None, "reason": reason, "asked": asked_by, "by": by.id}
    clock.pauses = [*(clock.pauses or ()), row]
    clock.due_at = clocks.NEVER
    _note(session, case, clock, "clock_paused", by=by, at=at, context=context, reason=reason)


def _unfit(clock: Clock, case: Case, at: datetime) -> Iterator[Problem]:
    """Why this clock cannot be paused now."""
    last = clock.pauses[-1]["to"] if clock.pauses else None
    if not limits.may_pause(clock, case.rules, case.complaint.customer):
        yield Problem(REASON, Sentence(N_("This clock does not wait for the customer")))
    elif clock.stopped_at is not None:
        yield Problem(REASON, Sentence(N_("This clock has ended")))
    elif clock.paused:
        yield Problem(REASON, Sentence(N_("This clock stands still already")))
    elif at < clock.started_at or (last and at < datetime.fromisoformat(last)):
        yield Problem(REASON, Sentence(N_("A pause begins now, not in the past")))
    elif at >= clock.due_at:
        yield Problem(REASON, Sentence(N_("This clock is overdue: a promise that is broken does not wait any more")))


def _not_asked(session: Session, complaint: Complaint, said: Asked | None) -> Iterator[Problem]:
    """What is wrong with what asked the customer: there is nothing, or they have written since."""
    wrote = session.scalar(select(func.max(Letter.received_at)).where(Letter.complaint_id == complaint.id))
    if said is None:
        yield Problem(ASKED, Sentence(N_("Choose the mail or the talk in which the customer was asked")))
    elif wrote is not None and wrote >= said.at:
        yield Problem(ASKED, Sentence(N_("The customer has written since; ask again, or go on")))


def unsaid(reason: str, message: str, field: str = REASON) -> Iterator[Problem]:
    """What is wrong with a reason; `message` asks for it."""
    if not reason:
        yield Problem(field, Sentence(message))
    elif len(reason) > LONGEST_REASON:
        message = N_("The reason may have %(limit)s characters; this has %(length)s")
        yield Problem(field, Sentence(message, {"limit": LONGEST_REASON, "length": len(reason)}))


def run_on(session: Session, complaint: Complaint, clock_id: int, *, by: Actor, at: datetime, context: Context) -> None:
    """End the pause of a clock by hand, in the caller's transaction; of one that runs, nothing is to be done. Raises
    `NotFound`, `NotAllowed`."""
    workflow.hold(session, complaint)
    clock, case = find(session, complaint, clock_id), load(session, complaint)
    check_may_act(case, clock, by)
    if clock.paused:
        _end(session, case, clock, at=at, context=context, ended_by=by.id)
        _note(session, case, clock, "clock_ran_on", by=by, at=at, context=context)


def expect(session: Session, complaint_id: int) -> None:
    """A letter comes to a complaint: where a clock waits for it, the complaint is held to the end of the transaction,
    before anything is written to it."""
    if _standing_still(session, complaint_id):
        workflow.hold(session, session.get_one(Complaint, complaint_id))


def answered(
    session: Session,
    complaint_id: int,
    *,
    letter_id: int,
    received_at: datetime,
    by: Actor,
    at: datetime,
    context: Context,
) -> None:
    """The customer's letter joined a complaint: clocks that waited for it run on from when it arrived, in the caller's
    transaction, which has written to the complaint: a pause that began at the same instant is known by now. One that
    began after the letter came waits for another."""
    for clock in _standing_still(session, complaint_id):
        if clock.pauses and received_at >= datetime.fromisoformat(clock.pauses[-1]["from"]):
            case = load(session, session.get_one(Complaint, complaint_id))
            _end(session, case, clock, at=min(received_at, at), context=context, letter=letter_id)
            _note(session, case, clock, "clock_answered", by=by, at=at, context=context, letter_id=letter_id)


def _standing_still(session: Session, complaint_id: int) -> list[Clock]:
    theirs = Clock.subject_kind == COMPLAINT, Clock.subject_id == complaint_id, Clock.pauses.is_not(None)
    query = select(Clock).where(*theirs).execution_options(populate_existing=True)
    return [clock for clock in session.scalars(query) if clock.paused]


def _end(session: Session, case: Case, clock: Clock, *, at: datetime, context: Context, **how: Any) -> None:
    """Write how a pause ended, and reckon when the clock is due. One that was stopped meanwhile stays as it ended."""
    *before, last = clock.pauses or [{}]
    clock.pauses = [*before, {**last, "to": max(at, datetime.fromisoformat(last["from"])).isoformat(), **how}]
    if clock.stopped_at is None:
        clocks.reckon(clock, limits.calendar_of(session, case, clock.responsible, context))


def _note(
    session: Session, case: Case, clock: Clock, act: str, *, by: Actor, at: datetime, context: Context, **more: Any
) -> None:
    complaint = case.complaint
    workflow.touch(session, complaint, at=at, seen_version=complaint.version)
    history.note(session, complaint.id, act, by=by, at=at, clock=clocks.called(clock), **more)
    consequences.follow(session, complaint, [], by=by, at=at, context=context)
