"""Rows of the ledger: complaints with all that their columns show, in the same few queries however many rows there
are. A value is as the column's kind says: a text, a day, an instant, a number, ids of people or departments."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from complaints import board, penalty_decisions
from complaints.board import Card
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.ledger_columns import Column, columns, says
from complaints.link import OPENED, Link
from complaints.penalty import CONFIRMED, Penalty
from complaints.people import Actor
from complaints.procedure import COMPLAINT, INVESTIGATION, Procedure, of
from complaints.records import LASTING, Record
from complaints.signatures import Signature
from complaints.visits import StageVisit


@dataclass(frozen=True)
class Row:
    """A complaint in the ledger: its card, its rules, and the values of the columns that were asked for, by key."""

    card: Card
    rules: Procedure
    values: Mapping[str, Any]


@dataclass(frozen=True)
class _Behind:
    """What stands behind some complaints, by their id."""

    records: Mapping[int, Mapping[str, list[Record]]]
    signed: Mapping[int, Mapping[str, datetime]]
    entered: Mapping[int, Mapping[str, datetime]]
    clocks: Mapping[int, list[Clock]]
    penalties: Mapping[int, int]
    opened: Mapping[int, list[str]]


def rows_of(session: Session, actor: Actor, ids: Sequence[int], keys: Iterable[str], *, at: datetime) -> list[Row]:
    """The rows of these complaints, in this order, as far as the actor may see them."""
    if not ids:
        return []
    wanted = [each for key in keys if (each := columns().all.get(key)) is not None]
    cards = board.by_id(session, actor, ids)
    found = {each.id: each for each in session.scalars(select(Complaint).where(Complaint.id.in_(cards)))}
    kinds = {event.partition(":")[0] for each in wanted for event in each.from_}
    behind = _behind(session, actor, list(found.values()), kinds)
    return [_row(cards[id_], found[id_], wanted, behind, at) for id_ in ids if id_ in cards and id_ in found]


def _row(card: Card, complaint: Complaint, wanted: Sequence[Column], behind: _Behind, at: datetime) -> Row:
    rules = of(complaint)
    values = {each.key: _value(each, card, complaint, rules, behind, at) for each in wanted}
    return Row(card, rules, values)


def _value(column: Column, card: Card, complaint: Complaint, rules: Procedure, behind: _Behind, at: datetime) -> Any:
    if column.of == "customer":
        return card.customer or ""
    if column.of == "days":
        return ((complaint.closed_at or at) - complaint.received_at).days
    if column.of:
        return getattr(complaint, column.of)
    kind, _, key = says(column, rules).partition(":")
    match kind:
        case "signed":
            return behind.signed[complaint.id].get(key)
        case "entered":
            return behind.entered[complaint.id].get(key)
        case "clock":
            stopped = [each.stopped_at for each in behind.clocks[complaint.id] if each.key == key and _kept(each)]
            return max((each for each in stopped if each), default=None)
        case "filled":
            return _filled(behind.records[complaint.id], key)
        case "departments":
            return _filled(behind.records[complaint.id], rules.departments) or [] if rules.departments else []
        case "investigator":
            return _filled(behind.records[complaint.id], rules.investigator) if rules.investigator else None
        case "late":
            late = [each for each in behind.clocks[complaint.id] if _late(each, at)]
            return list(dict.fromkeys(each.key for each in late))
        case "penalties":
            return behind.penalties.get(complaint.id)
        case "opened":
            return behind.opened.get(complaint.id, [])
    return None


def _kept(clock: Clock) -> bool:
    return clock.outcome in ("met", "late")


def _late(clock: Clock, at: datetime) -> bool:
    return clock.outcome == "late" or (clock.stopped_at is None and clock.due_at < at)


def _filled(records: Mapping[str, list[Record]], ref: str) -> Any:
    sheet, _, key = ref.partition(".")
    said = [each.values.get(key) for each in records.get(sheet, ())]
    return next((each for each in reversed(said) if each not in (None, "", [])), None)


def _behind(session: Session, actor: Actor, found: Sequence[Complaint], kinds: set[str]) -> _Behind:
    ids = [each.id for each in found]
    records: dict[int, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    if kinds & {"filled", "departments", "investigator"}:
        for complaint_id, record in _records(session, found):
            records[complaint_id][record.sheet].append(record)
    signed: dict[int, dict[str, datetime]] = defaultdict(dict)
    if "signed" in kinds:
        rounds = {each.id: each.round for each in found}
        query = select(Signature).where(Signature.complaint_id.in_(ids), Signature.voided_at.is_(None))
        for each in session.scalars(query.order_by(Signature.at)):
            if each.stands and each.round in (LASTING, rounds[each.complaint_id]):
                signed[each.complaint_id][each.key] = each.at
    entered: dict[int, dict[str, datetime]] = defaultdict(dict)
    if "entered" in kinds:
        stays = select(StageVisit.complaint_id, StageVisit.stage, StageVisit.entered_at)
        stays = stays.where(StageVisit.complaint_id.in_(ids), StageVisit.undone.is_(False))
        for id_, stage, at in session.execute(stays.order_by(StageVisit.entered_at)):
            entered[id_][stage] = at
    clocks: dict[int, list[Clock]] = defaultdict(list)
    if kinds & {"clock", "late"}:
        running = select(Clock).where(Clock.subject_kind == COMPLAINT, Clock.subject_id.in_(ids))
        for clock in session.scalars(running.order_by(Clock.started_at)):
            clocks[clock.subject_id].append(clock)
    penalties: dict[int, int] = {}
    if "penalties" in kinds:
        fined = select(Penalty.complaint_id, func.sum(Penalty.yuan)).where(
            Penalty.complaint_id.in_(ids), Penalty.decision == CONFIRMED
        )
        summed = penalty_decisions.visible_to(actor, fined).group_by(Penalty.complaint_id)
        penalties = {id_: int(yuan) for id_, yuan in session.execute(summed) if id_ is not None}
    opened: dict[int, list[str]] = defaultdict(list)
    if "opened" in kinds:
        links = select(Link.complaint_id, Link.other_id).where(
            Link.complaint_id.in_(ids), Link.kind == OPENED, Link.ended_at.is_(None)
        )
        pairs = session.execute(links.order_by(Link.id)).all()
        cards = board.by_id(session, actor, {other for _, other in pairs}) if pairs else {}
        for id_, other in pairs:
            if other in cards:
                opened[id_].append(cards[other].number)
    return _Behind(records, signed, entered, clocks, penalties, opened)


def _records(session: Session, found: Sequence[Complaint]) -> Iterable[tuple[int, Record]]:
    """The records of some complaints and of their investigations, each in the round of the complaint."""
    shared: dict[int, list[Complaint]] = defaultdict(list)
    for complaint in found:
        if complaint.investigation_id is not None:
            shared[complaint.investigation_id].append(complaint)
    own = {each.id: each for each in found}
    where = or_(
        and_(Record.subject == COMPLAINT, Record.subject_id.in_(own)),
        and_(Record.subject == INVESTIGATION, Record.subject_id.in_(shared)),
    )
    query = select(Record).where(where, Record.removed_at.is_(None)).order_by(Record.round, Record.place)
    for record in session.scalars(query):
        whose = [own[record.subject_id]] if record.subject == COMPLAINT else shared[record.subject_id]
        for complaint in whose:
            if record.round in (LASTING, complaint.round):
                yield complaint.id, record
