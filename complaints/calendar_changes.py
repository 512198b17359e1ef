"""What another working calendar changes: the running clocks that are due at another time by it.

`changes` says which, before it is accepted and after. `settle` carries them over, complaint by complaint in
transactions of its own, with a line of history each; done again it finds nothing to do. It looks once more a while
after the acceptance, for clocks that another process began by the calendar before.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import calendars, clocks, consequences, history, workflow
from complaints.calendar import WorkingCalendar
from complaints.calendars import CalendarVersion, InForce
from complaints.clocks import Clock
from complaints.complaint import Complaint, Involvement
from complaints.consequences import RESPONSIBLE
from complaints.context import Context
from complaints.database import transaction
from complaints.errors import ComplaintError, Name
from complaints.failpoints import failpoint
from complaints.people import DEPARTMENT_ROLES, SYSTEM, Actor
from complaints.procedure import COMPLAINT, UnknownProcedure, procedure, versions

log = structlog.get_logger(__name__)
SETTLED = timedelta(minutes=2)
"""By then every process knows the calendar, and what began before has ended."""
BATCH = 500
AT_ONCE = 200
"""So many complaints are carried over with the acceptance itself; the others follow within a minute."""


@dataclass(frozen=True)
class Change:
    """A running clock of a complaint that is due at another time."""

    complaint_id: int
    number: str
    procedure: tuple[str, int]
    key: str
    was: datetime
    due: datetime

    @property
    def name(self) -> Name | None:
        """What the procedure calls the clock, as far as it is known."""
        with suppress(UnknownProcedure):
            return clocks.named(self.key, procedure(*self.procedure))
        return None


def changes(session: Session, in_force: InForce, zone: str) -> Iterator[Change]:
    """The running clocks that would be due at another time with these calendars in force, complaint by complaint;
    `zone` is the organisation's, for a house that has written no calendar."""
    usual = in_force.organisation(zone)
    for complaints in _batches(session):
        yield from _changes_of(session, complaints, in_force, usual)


def _batches(session: Session) -> Iterator[list[int]]:
    """Complaints with a running clock, some at a time."""
    running = select(Clock.subject_id).where(Clock.subject_kind == COMPLAINT, Clock.stopped_at.is_(None))
    complaints = sorted({*session.scalars(running)})
    return (complaints[first : first + BATCH] for first in range(0, len(complaints), BATCH))


def _changes_of(
    session: Session, complaints: Collection[int], in_force: InForce, usual: WorkingCalendar
) -> Iterator[Change]:
    departments = _departments(session, complaints) if in_force.own else {}
    columns = Complaint.id, Complaint.number, Complaint.procedure, Complaint.procedure_version, Complaint.customer_id
    query = select(Clock, *columns).join(Complaint, Clock.subject_id == Complaint.id)
    query = query.where(Clock.subject_kind == COMPLAINT, Clock.stopped_at.is_(None), Complaint.id.in_(complaints))
    for clock, id_, number, key, version, customer in session.execute(query.order_by(Complaint.id, Clock.id)):
        session.expunge(clock)  # what is tried on it here is not written
        was, theirs = clock.due_at, departments.get(id_, ())
        hours = calendar_of(in_force, usual, clock, customer_id=customer, departments=theirs)
        if clock.receipt.get("calendar") == hours.version:
            continue
        clocks.reckon(clock, hours)
        if clock.due_at != was:
            yield Change(id_, number, (key, version), clocks.called(clock), was, clock.due_at)


def calendar_of(
    in_force: InForce, usual: WorkingCalendar, clock: Clock, *, customer_id: int | None, departments: Collection[int]
) -> WorkingCalendar:
    """What a clock goes by: departments count for those of their own only."""
    theirs = departments if clock.responsible in DEPARTMENT_ROLES else ()
    return in_force.of_clock(usual, customer_id=customer_id, departments=theirs)


def _departments(session: Session, complaints: Collection[int]) -> Mapping[int, set[int]]:
    """The responsible departments of complaints."""
    responsible = Involvement.reason == RESPONSIBLE, Involvement.complaint_id.in_(complaints)
    found = defaultdict[int, set[int]](set)
    for complaint, department in session.execute(
        select(Involvement.complaint_id, Involvement.department_id).where(*responsible)
    ):
        if department is not None:
            found[complaint].add(department)
    return found


def check(calendar: WorkingCalendar, at: datetime) -> None:
    """Is there working time enough for every limit of the procedures? Raises `NoWorkingTime`: by such a calendar no
    complaint could begin."""
    for within in {rule.within for rules in versions() for rule in rules.clocks if rule.within is not None}:
        calendar.add(at, within)


# Carrying them over


def settle(make: sessionmaker[Session], at: datetime, context: Context, *, most: int | None = None) -> int:
    """Carry the running clocks over to the calendars in force, if one was accepted of late; returns how many clocks
    are due at another time now. With `most`, so many complaints at the most."""
    with make() as session:
        pending = session.scalars(select(CalendarVersion).where(CalendarVersion.settled_at.is_(None))).all()
        if not pending:
            return 0
        in_force, batches = calendars.look(session), [*_batches(session)]
    usual = in_force.organisation(context.calendar.zone)
    context = replace(context, calendar=usual)
    latest = max(pending, key=lambda each: each.id)
    by, moved, whole = replace(SYSTEM, id=latest.accepted_by_id), 0, True
    for batch in batches:
        with make() as session:
            try:
                complaints = sorted({each.complaint_id for each in _changes_of(session, batch, in_force, usual)})
            except ComplaintError:  # of some of them; which ones, turns out below
                complaints = batch
        for complaint in complaints[:most]:
            try:
                with transaction(make) as session:
                    moved += _carry_over(session, complaint, in_force, by=by, at=at, context=context)
                    failpoint("calendar.before_commit")
                failpoint("calendar.after_commit")
            except ComplaintError:
                log.exception("its clocks do not go by the new calendar yet", complaint=complaint)
                whole = False
        if most is not None and (most := most - len(complaints)) <= 0:
            return moved
    failpoint("calendar.carried_over")
    if whole and at >= latest.accepted_at + SETTLED:
        with transaction(make) as session:
            done = CalendarVersion.id.in_([each.id for each in pending])
            session.execute(update(CalendarVersion).where(done).values(settled_at=at))
    return moved


def _carry_over(
    session: Session, complaint_id: int, in_force: InForce, *, by: Actor, at: datetime, context: Context
) -> int:
    """The clocks of one complaint, in the caller's transaction."""
    complaint = session.get_one(Complaint, complaint_id)
    workflow.hold(session, complaint)
    customer, departments = complaint.customer_id, _departments(session, [complaint_id])[complaint_id]
    moved = 0
    for clock in clocks.of(session, COMPLAINT, complaint_id):
        if clock.stopped_at is not None:
            continue
        was = clock.due_at
        hours = calendar_of(in_force, context.calendar, clock, customer_id=customer, departments=departments)
        clocks.reckon(clock, hours)
        if clock.due_at != was:
            moved += 1
            told = {"clock": clocks.called(clock), "was_due": was.isoformat(), "now_due": clock.due_at.isoformat()}
            history.note(session, complaint_id, "due_moved", by=by, at=at, **told)
            complaint.changed_at = at  # open boards look for what was changed
    session.flush()
    consequences.follow(session, complaint, [], by=by, at=at, context=context)
    return moved
