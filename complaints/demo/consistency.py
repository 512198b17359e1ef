"""Is a ledger consistent? Every complaint stands where its last visit says, numbers, clocks and counts agree, and those
on the board could have come there by the procedure: what let them in is there, signed by people who might."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from complaints import clocks, guards, turns
from complaints.case import Case, load
from complaints.clocks import CANCELLED, REPLACED, Clock
from complaints.complaint import NO_LIMIT, Complaint
from complaints.history import Change
from complaints.letters import Attachment, Letter, Sighting
from complaints.numbers import Counter
from complaints.outbox import Outgoing
from complaints.people import Actor, Grant, User, as_actor
from complaints.procedure import RECEIVED, SignatureRule, newest, procedure
from complaints.records import Record
from complaints.signatures import Signature
from complaints.visits import StageVisit
from complaints.work import REGISTER, WRITE, Waiting


def faults(session: Session) -> list[str]:
    """What is wrong, a line each; empty for a consistent ledger."""
    return list(_faults(session))


def _faults(session: Session) -> Iterator[str]:
    for what, query in _questions():
        found = list(session.scalars(query.limit(4)))
        if found:
            yield f"{what}: {', '.join(map(str, found[:3]))}{' …' if len(found) > 3 else ''}"
    yield from _paths(session)
    yield from _cases(session)
    yield from _series(session, "complaint", Complaint.year, Complaint.sequence)
    yield from _series(session, "register", Complaint.register_year, Complaint.register_serial)
    yield from _forms(session)


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
    known = newest()
    outcomes = sorted({outcome.key for rules in known for outcome in rules.outcomes})
    moves = (
        select(func.count())
        .where(Change.complaint_id == Complaint.id, Change.act.in_(["moved", *outcomes]))
        .scalar_subquery()
    )
    all_visits = select(func.count()).where(StageVisit.complaint_id == Complaint.id).scalar_subquery()
    yield "visits and moves in the history differ", number.where(all_visits != moves + 1)
    registered = exists().where(Change.complaint_id == Complaint.id, Change.act == "registered")
    has_serial = Complaint.register_serial.is_not(None)
    has_date = Complaint.registered_at.is_not(None)
    yield "registered without a serial, or the reverse", number.where(has_serial != has_date)
    yield "a serial without its line of history, or the reverse", number.where(has_serial != registered)
    finals = sorted({stage.key for rules in known for stage in rules.stages if stage.final})
    yield "closed_at and stage differ", number.where(Complaint.closed_at.is_not(None) != Complaint.stage.in_(finals))
    wrong_outcome = or_(
        and_(Clock.stopped_at.is_(None), Clock.outcome.is_not(None)),
        and_(
            Clock.stopped_at.is_not(None),
            func.coalesce(Clock.outcome, "").not_in((CANCELLED, REPLACED)),
            func.coalesce(Clock.outcome, "") != case((Clock.stopped_at <= Clock.due_at, "met"), else_="late"),
        ),
    )
    yield "a clock's outcome is wrong", number.join(Clock, _clock_of_complaint()).where(wrong_outcome)
    running = exists().where(_clock_of_complaint(), Clock.stopped_at.is_(None))
    closed = Complaint.stage.in_([*finals, *outcomes])
    yield "a clock runs on after the end", number.where(closed, running)
    next_due = select(func.min(Clock.due_at)).where(_clock_of_complaint(), Clock.stopped_at.is_(None)).scalar_subquery()
    yield (
        "sorted by another time than the next due",
        number.where(
            or_(
                and_(closed, Complaint.sort_due_at != NO_LIMIT),
                and_(~closed, Complaint.sort_due_at > func.coalesce(next_due, NO_LIMIT)),
            )
        ),
    )
    ran = exists().where(_clock_of_complaint(), Clock.stopped_at.is_(None))
    for rules in known:
        after = [stage.key for stage in (*rules.stages[1:], *rules.outcomes)]
        been = exists().where(StageVisit.complaint_id == Complaint.id, StageVisit.stage.in_(after))
        for rule in rules.clocks_from(RECEIVED):
            here = ran.where(Clock.key == rule.key)
            stopped = number.where(Complaint.procedure == rules.key, ~been, ~here)
            yield f"the clock {rule.key} stopped before the registration", stopped
    waiting = exists().where(Waiting.complaint_id == Complaint.id)
    yield "nothing waits before the end", number.where(~closed, ~waiting)
    yield "more than an answer waits after the end", number.where(closed, waiting.where(Waiting.kind != WRITE))
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
    """Every visit follows the one before without a gap, by a way that the procedure knows and in the round it opens."""
    query = (
        select(
            Complaint.number, Complaint.procedure, Complaint.procedure_version, StageVisit.stage, StageVisit.round,
            StageVisit.entered_at, StageVisit.left_at,
        )
        .join(StageVisit, StageVisit.complaint_id == Complaint.id)
        .order_by(Complaint.id, StageVisit.id)
    )  # fmt: skip
    for (number, key, version), rows in groupby(session.execute(query), key=lambda row: row[:3]):
        rules, visits = procedure(key, version), list(rows)
        if visits[0].stage != rules.first.key:
            yield f"begins in {visits[0].stage}: {number}"
        for before, visit in pairwise(visits):
            ways, place = rules.ways(before.stage, visit.stage), rules.stage(visit.stage)
            if place.off_board and before.stage in place.from_:
                continue
            if not ways:
                yield f"went from {before.stage} to {visit.stage}: {number}"
            elif visit.round - before.round != ways[0].new_round:
                yield f"is in round {visit.round} in {visit.stage} after {before.round}: {number}"
            elif before.left_at != visit.entered_at:
                yield f"left {before.stage} at another time than it entered {visit.stage}: {number}"


SAMPLE = 150
"""So many complaints are taken as cases; the engine's own questions take their time."""


def _cases(session: Session) -> Iterator[str]:
    """What the engine says of the complaints on the board, the newest first, and of those that were closed lately."""
    signed = exists().where(Signature.complaint_id == Complaint.id)
    query = select(Complaint).where(or_(Complaint.closed_at.is_(None), signed)).order_by(Complaint.id.desc())
    staff = _staff(session)
    for complaint in session.scalars(query.limit(SAMPLE)):
        found = load(session, complaint)
        for fault in _of_case(session, found, staff):
            yield f"{fault}: {complaint.number}"


def _staff(session: Session) -> dict[int, Actor]:
    """Everybody as an actor with all roles they ever held."""
    held = defaultdict(set)
    for id_, role, department in session.execute(select(Grant.user_id, Grant.role, Grant.department_id)):
        held[id_].add((role, department))
    return {user.id: as_actor(user, held[user.id]) for user in session.scalars(select(User))}


def _of_case(session: Session, found: Case, staff: dict[int, Actor]) -> Iterator[str]:
    complaint = found.complaint
    there = [
        row.task
        for row in session.scalars(select(Waiting).where(Waiting.complaint_id == complaint.id).order_by(Waiting.id))
    ]
    untouched = complaint.version == 1 and [each.kind for each in there] == [REGISTER]
    if there != turns.tasks(found) and not untouched:
        yield "other work waits than there is to do"
    if fault := _of_due(session, found):
        yield fault
    here = found.rules.stage(complaint.stage)
    been = [stage for stage in found.rules.stages if stage.key in found.visited and stage.position <= here.position]
    if missing := guards.lacking(found, [need for stage in been for need in stage.needs]):
        yield f"lacks what let it in ({missing[0].field})"
    for key, signature in found.signatures.items():
        rule, by = found.rules.signature(key), staff.get(signature.user_id or 0)
        if rule is None or by is None:
            yield f"{key} is signed by nobody"
        elif signature.digest != found.content(rule):
            yield f"{key} was signed over something else"
        elif guards.holds_role(found, by, [signature.role]) is None or signature.role not in guards.signers(
            found, rule
        ):
            yield f"{key} is signed without the role"
        elif by.id in _workers(found, rule) or (rule.not_department and by.departments & found.departments):
            yield f"{key} is signed over own work"


def _workers(found: Case, rule: SignatureRule) -> set[int | None]:
    """Those whose work a signature is about."""
    signed: set[int | None] = {found.signatures[key].user_id for key in rule.not_by if key in found.signatures}
    return signed.union(*(found.writers(key) for key in rule.not_by))


def _of_due(session: Session, found: Case) -> str | None:
    """A complaint is sorted by the next clock, or by the close of the day on which something planned is due."""
    complaint = found.complaint
    here = found.rules.stage(complaint.stage)
    if here.final or here.off_board:
        return None
    promised = [each for each in clocks.of(session, "complaint", complaint.id) if each.key not in found.rules.targets]
    next_due = clocks.earliest_due(promised) or NO_LIMIT
    planned = [row.due_on for rows in found.rows.values() for row in rows if row.due_on and not row.done_on]
    if complaint.sort_due_at == next_due and all(day >= next_due.date() for day in planned):
        return None
    if planned and abs((complaint.sort_due_at.date() - min(planned)).days) <= 1:  # in whichever zone
        return None
    return "sorted by another time than the next due"


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


def _forms(session: Session) -> Iterator[str]:
    """The numbers of forms, in the same way."""
    sheets = {sheet.key: sheet for rules in newest() for sheet in rules.sheets if sheet.numbered}
    for sheet in sheets.values():
        numbers = {
            number for number in session.scalars(select(Record.number).where(Record.sheet == sheet.key)) if number
        }
        for name, last in session.execute(select(Counter.name, Counter.value)):
            series, _, year = name.partition(":")
            if series == sheet.numbered:
                given = {f"{series}-{year}-{n:04d}" for n in range(1, last + 1)}
                if lost := given ^ {number for number in numbers if number.startswith(f"{series}-{year}-")}:
                    yield f"{series} numbers of {year} have gaps: {min(lost)}"
