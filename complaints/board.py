"""The board: every complaint in the column of its stage, the most urgent first.

Questions only, and rows that cannot be changed. A column is ordered by next due time, then age, except a final one:
that shows what was closed lately, newest first. What a request asks costs the same with a thousand complaints as with a
hundred thousand: columns are read by index in pages of twenty, and counting stops at `COUNTED`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, tuple_, union_all
from sqlalchemy.orm import Session

from complaints.complaint import NO_LIMIT, Complaint, Involvement, visible_to
from complaints.customers import Contact, Customer
from complaints.errors import NotFound
from complaints.people import Actor, User
from complaints.procedure import Procedure, Stage

PER_COLUMN = 20
COUNTED = 10_000
"""A head counts up to here; a column with more is not read by people."""
OVERLAP = timedelta(seconds=10)
"""A change is committed a little after the instant it is dated, so a look at what changed reaches back."""
MOST_CHANGES = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Place(NamedTuple):
    """Where a card stands in its column: smaller comes first. Microseconds, then the complaint's id; both count
    backwards in a final column."""

    time: int
    id: int

    def __str__(self) -> str:
        return f"{self.time}.{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read what `str` wrote; raises `ValueError`."""
        time, _, id_ = text.partition(".")
        place = cls(int(time), int(id_))
        if abs(place.time) > _microseconds(NO_LIMIT) or abs(place.id) >= 1 << 63:
            raise ValueError(text)
        return place


class Card(NamedTuple):
    """A complaint as the board shows it. `customer` is the customer's name, or as long as none is chosen the
    contact's name or address."""

    id: int
    number: str
    version: int
    stage: str
    subject: str
    customer: str
    product: str
    batch: str
    complaint_class: str | None
    due_at: datetime
    received_at: datetime
    closed_at: datetime | None
    owner_id: int | None
    owner: str | None
    attachment_count: int
    unread_count: int

    @property
    def limited(self) -> bool:
        """Is there a due time at all?"""
        return self.due_at < NO_LIMIT

    @property
    def place(self) -> Place:
        if self.closed_at is not None:
            return Place(-_microseconds(self.closed_at), -self.id)
        return Place(_microseconds(self.due_at), self.id)


class Head(NamedTuple):
    """What stands over a column."""

    stage: Stage
    count: int
    overdue: int


class Column(NamedTuple):
    head: Head
    cards: list[Card]


class Change(NamedTuple):
    """A complaint that changed lately."""

    id: int
    version: int
    at: datetime


@dataclass(frozen=True)
class Filters:
    """What a person wants to see of the board; empty means everything."""

    mine: bool = False
    overdue: bool = False
    complaint_class: str = ""
    department: int | None = None
    product: str = ""
    q: str = ""

    def __bool__(self) -> bool:
        return self != Filters()


EVERYTHING = Filters()


def columns(
    session: Session,
    actor: Actor,
    procedure: Procedure,
    now: datetime,
    *,
    filters: Filters = EVERYTHING,
    folded: Collection[str] = (),
    per_column: int = PER_COLUMN,
) -> list[Column]:
    """The whole board: every stage with its head and the first cards. A folded column has a head only."""
    open_stages = [stage for stage in procedure.stages if stage.key not in folded]
    first = [_ordered(_in(actor, procedure, stage, now, filters), stage).limit(per_column) for stage in open_stages]
    by_stage: dict[str, list[Card]] = defaultdict(list)
    for card in _cards(session, [_wrapped(query) for query in first]):
        by_stage[card.stage].append(card)
    return [
        Column(head, sorted(by_stage[head.stage.key], key=_place))
        for head in heads(session, actor, procedure, now, filters=filters)
    ]


def more(
    session: Session,
    actor: Actor,
    procedure: Procedure,
    stage: Stage,
    now: datetime,
    *,
    after: Place,
    filters: Filters = EVERYTHING,
    limit: int = PER_COLUMN,
) -> tuple[list[Card], bool]:
    """The next cards of a column after a place, and whether there are still more."""
    query = _ordered(_in(actor, procedure, stage, now, filters).where(_after(stage, after)), stage)
    cards = sorted(_cards(session, [_wrapped(query.limit(limit + 1))]), key=_place)
    return cards[:limit], len(cards) > limit


def heads(
    session: Session,
    actor: Actor,
    procedure: Procedure,
    now: datetime,
    *,
    filters: Filters = EVERYTHING,
    stages: Iterable[Stage] | None = None,
) -> list[Head]:
    """How many complaints stand in each stage, and how many of them are overdue."""
    wanted = list(procedure.stages if stages is None else stages)
    counts = []
    for stage in wanted:
        inside = _in(actor, procedure, stage, now, filters).with_only_columns(Complaint.sort_due_at)
        rows = inside.limit(COUNTED).subquery()
        overdue = literal(0) if stage.final else func.coalesce(func.sum(case((rows.c.sort_due_at < now, 1), else_=0)), 0)
        counts.append(select(literal(stage.key), func.count().label("count"), overdue.label("overdue")).select_from(rows))
    found = {key: (count, overdue) for key, count, overdue in session.execute(union_all(*counts))}
    return [Head(stage, *found[stage.key]) for stage in wanted]


def card(session: Session, actor: Actor, complaint_id: int) -> Card:
    """One complaint as a card. Raises `NotFound`."""
    query = visible_to(actor, select(Complaint.id).where(Complaint.id == complaint_id))
    for found in _cards(session, [query]):
        return found
    raise NotFound


def cards(
    session: Session,
    actor: Actor,
    procedure: Procedure,
    now: datetime,
    ids: Collection[int],
    *,
    filters: Filters = EVERYTHING,
) -> list[Card]:
    """Those of some complaints that are on the board now."""
    shown = or_(*(and_(Complaint.stage == stage.key, *_shown(stage, now)) for stage in procedure.stages))
    query = select(Complaint.id).where(Complaint.id.in_(ids), Complaint.procedure == procedure.key, shown)
    return _cards(session, [visible_to(actor, query.where(*_wanted(filters, actor, now)))])


def changed(session: Session, actor: Actor, procedure: Procedure, since: datetime) -> list[Change]:
    """What changed since shortly before an instant, newest first; more than `MOST_CHANGES` means: look at everything
    again."""
    query = (
        select(Complaint.id, Complaint.version, Complaint.changed_at)
        .where(Complaint.changed_at > since - OVERLAP, Complaint.procedure == procedure.key)
        .order_by(Complaint.changed_at.desc())
        .limit(MOST_CHANGES + 1)
    )
    return [Change(*row) for row in session.execute(visible_to(actor, query))]


def _in(actor: Actor, procedure: Procedure, stage: Stage, now: datetime, filters: Filters) -> Select[tuple[int]]:
    query = select(Complaint.id).where(Complaint.procedure == procedure.key, Complaint.stage == stage.key)
    return visible_to(actor, query.where(*_shown(stage, now), *_wanted(filters, actor, now)))


def _shown(stage: Stage, now: datetime) -> list[ColumnElement[bool]]:
    if stage.shown_for_days is None:
        return []
    return [Complaint.closed_at >= now - timedelta(days=stage.shown_for_days)]


def _wanted(filters: Filters, actor: Actor, now: datetime) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if filters.mine:
        wanted.append(Complaint.owner_id == actor.id)
    if filters.overdue:
        wanted.append(and_(Complaint.sort_due_at < now, Complaint.closed_at.is_(None)))
    if filters.complaint_class:
        wanted.append(Complaint.complaint_class == filters.complaint_class)
    if filters.department is not None:
        named = select(Involvement.complaint_id).where(Involvement.department_id == filters.department)
        wanted.append(Complaint.id.in_(named))
    if filters.product:
        wanted.append(_has(Complaint.product, filters.product))
    for word in filters.q.split():
        customers = select(Customer.id).where(_has(Customer.name, word))
        contacts = select(Contact.id).where(or_(_has(Contact.name, word), _has(Contact.address, word)))
        texts = (Complaint.number, Complaint.subject, Complaint.product, Complaint.batch)
        wanted.append(
            or_(
                *(_has(text, word) for text in texts),
                Complaint.customer_id.in_(customers),
                Complaint.contact_id.in_(contacts),
            )
        )
    return wanted


def _has(text: Any, part: str) -> ColumnElement[bool]:
    """A text contains a part, whatever the case of Latin letters; `%` and `_` stand for themselves."""
    return cast(ColumnElement[bool], text.icontains(part, autoescape=True))


def _ordered(query: Select[tuple[int]], stage: Stage) -> Select[tuple[int]]:
    if stage.final:
        return query.order_by(Complaint.closed_at.desc(), Complaint.id.desc())
    return query.order_by(Complaint.sort_due_at, Complaint.id)


def _after(stage: Stage, place: Place) -> ColumnElement[bool]:
    if stage.final:
        return tuple_(Complaint.closed_at, Complaint.id) < tuple_(_instant(-place.time), literal(-place.id))
    return tuple_(Complaint.sort_due_at, Complaint.id) > tuple_(_instant(place.time), literal(place.id))


def _instant(microseconds: int) -> ColumnElement[datetime]:
    return literal(_EPOCH + microseconds * _MICROSECOND, Complaint.sort_due_at.type)


def _wrapped(query: Select[tuple[int]]) -> Select[tuple[int]]:
    """A limited query as a part of a union."""
    return select(query.subquery().c.id)


def _cards(session: Session, ids: Sequence[Select[tuple[int]]]) -> list[Card]:
    if not ids:
        return []
    chosen = (union_all(*ids) if len(ids) > 1 else ids[0]).subquery()
    name = func.coalesce(
        Customer.name, func.nullif(Contact.name, ""), func.nullif(Complaint.contact_person, ""), Contact.address,
        Complaint.contact_email,
    )  # fmt: skip
    query = (
        select(
            Complaint.id, Complaint.number, Complaint.version, Complaint.stage, Complaint.subject, name,
            Complaint.product, Complaint.batch, Complaint.complaint_class, Complaint.sort_due_at, Complaint.received_at,
            Complaint.closed_at, Complaint.owner_id, User.name, Complaint.attachment_count, Complaint.unread_count,
        )
        .join_from(chosen, Complaint, Complaint.id == chosen.c.id)
        .outerjoin(Customer, Customer.id == Complaint.customer_id)
        .outerjoin(Contact, Contact.id == Complaint.contact_id)
        .outerjoin(User, User.id == Complaint.owner_id)
    )  # fmt: skip
    return [Card(*row) for row in session.execute(query)]


def _place(card: Card) -> Place:
    return card.place


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
