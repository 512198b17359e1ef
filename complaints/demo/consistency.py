"""Is a ledger consistent? Every complaint stands where its last visit says, and numbers, clocks and counts agree."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from complaints.clocks import Clock
from complaints.complaint import NO_LIMIT, Complaint
from complaints.history import Change
from complaints.letters import Attachment, Letter, Sighting
from complaints.numbers import Counter
from complaints.outbox import Outgoing
from complaints.procedure import procedure
from complaints.visits import StageVisit


def faults(session: Session) -> list[str]:
    """What is wrong, a line each; empty for a consistent ledger."""
    return list(_faults(session))


def _faults(session: Session) -> Iterator[str]:
    for what, query in _questions():
        found = list(session.scalars(query.limit(4)))
        if found:
            yield f"{what}: {', '.join(map(str, found[:3]))}{' …' if len(found) > 3 else ''}"
    yield from _paths(session)
    yield from _series(session, "complaint", Complaint.year, Complaint.sequence)
    yield from _series(session, "register", Complaint.register_year, Complaint.register_serial)


def _questions() -> Iterator[tuple[str, Select[str]]]:
    """What must not be found, as queries for the numbers of complaints."""
    number = select(Complaint.number)
    open_visits = (
        select(func.count())
        .where(StageVisit.complaint_id == Complaint.id, StageVisit.left_at.is_(None))
        .scalar_subquery()
    )
    yield "not exactly one open visit", number.where(open_visits != 1)
    here = exists().where(
        StageVisit.complaint_id == Complaint.id, StageVisit.left_at.is_(None), StageVisit.stage == Complaint.stage
    )
    yield "the open visit is of another stage", number.where(~here)
    moves = select(func.count()).where(Change.complaint_id == Complaint.id, Change.act == "moved").scalar_subquery()
    all_visits = select(func.count()).where(StageVisit.complaint_id == Complaint.id).scalar_subquery()
    yield "visits and moves in the history differ", number.where(all_visits != moves + 1)
    registered = exists().where(Change.complaint_id == Complaint.id, Change.act == "registered")
    has_serial = Complaint.register_serial.is_not(None)
    has_date = Complaint.registered_at.is_not(None)
    yield "registered without a serial, or the reverse", number.where(has_serial != has_date)
    yield "a serial without its line of history, or the reverse", number.where(has_serial != registered)
    finals = [stage.key for stage in procedure().stages if stage.final]
    yield "closed_at and stage differ", number.where(Complaint.closed_at.is_not(None) != Complaint.stage.in_(finals))
    wrong_outcome = or_(
        and_(Clock.stopped_at.is_(None), Clock.outcome.is_not(None)),
        and_(
            Clock.stopped_at.is_not(None),
            func.coalesce(Clock.outcome, "") != case((Clock.stopped_at <= Clock.due_at, "met"), else_="late"),
        ),
    )
    yield "a clock's outcome is wrong", number.join(Clock, _clock_of_complaint()).where(wrong_outcome)
    next_due = select(func.min(Clock.due_at)).where(_clock_of_complaint(), Clock.stopped_at.is_(None)).scalar_subquery()
    yield (
        "sorted by another time than the next due",
        number.where(Complaint.sort_due_at != func.coalesce(next_due, NO_LIMIT)),
    )
    for rule in procedure().clocks:
        stopped = exists().where(_clock_of_complaint(), Clock.key == rule.key, Clock.stopped_at.is_not(None))
        running = exists().where(_clock_of_complaint(), Clock.key == rule.key, Clock.stopped_at.is_(None))
        been = exists().where(StageVisit.complaint_id == Complaint.id, StageVisit.stage == rule.stops_on_entering)
        yield f"the clock {rule.key} runs on or stopped too early", number.where(or_(been != stopped, been == running))
    files = select(func.count()).where(Attachment.complaint_id == Complaint.id).scalar_subquery()
    yield "attachments are miscounted", number.where(Complaint.attachment_count != files)
    yield (
        "a letter without a sighting",
        number.join(Letter, Letter.complaint_id == Complaint.id).where(
            ~exists().where(Sighting.letter_id == Letter.id)
        ),
    )
    yield (
        "a sent mail without its server's answer",
        number.join(Outgoing, Outgoing.complaint_id == Complaint.id).where(
            Outgoing.state == "sent", or_(Outgoing.reply.is_(None), Outgoing.sent_at.is_(None))
        ),
    )


def _clock_of_complaint() -> ColumnElement[bool]:
    return and_(Clock.subject_kind == "complaint", Clock.subject_id == Complaint.id)


def _paths(session: Session) -> Iterator[str]:
    """Every visit follows the one before without a gap, by a way that the procedure knows."""
    rules = procedure()
    query = (
        select(Complaint.number, StageVisit.stage, StageVisit.entered_at, StageVisit.left_at)
        .join(StageVisit, StageVisit.complaint_id == Complaint.id)
        .where(Complaint.procedure == rules.key)
        .order_by(Complaint.id, StageVisit.id)
    )
    for number, visits in groupby(session.execute(query), key=lambda row: row[0]):
        before: tuple[str, str, object, object] | None = None
        for visit in visits:
            stage = rules.stage(visit[1])
            if before is None:
                if stage.from_:
                    yield f"begins in {stage.key}: {number}"
            elif before[1] not in stage.from_:
                yield f"went from {before[1]} to {stage.key}: {number}"
            elif before[3] != visit[2]:
                yield f"left {before[1]} at another time than it entered {stage.key}: {number}"
            before = visit


def _series(
    session: Session, name: str, year: InstrumentedAttribute[Any], number: InstrumentedAttribute[Any]
) -> Iterator[str]:
    """Numbers without a gap, from 1 to what the counter says."""
    query = select(year, func.count(), func.min(number), func.max(number)).where(year.is_not(None)).group_by(year)
    counters = {
        key: value for key, value in session.execute(select(Counter.name, Counter.value)) if key.startswith(f"{name}:")
    }
    for key, given, first, last in session.execute(query):
        if (first, last) != (1, given):
            yield f"{name} numbers of {key} have gaps: {given} from {first} to {last}"
        counter = counters.pop(f"{name}:{key}", 0)
        if counter != last:
            yield f"the counter {name}:{key} says {counter}, the last number is {last}"
    for key, value in counters.items():
        if value:
            yield f"the counter {key} says {value}, but there are no numbers"
