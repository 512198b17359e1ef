"""The board: every complaint in the column of its stage, the most urgent first.

Questions only, and rows that cannot be changed. A column is ordered by next due time, then age, except a final one:
that shows what was closed lately, newest first. What a request asks costs the same with a thousand complaints as with a
hundred thousand: columns are read by index in pages of twenty, and counting stops at `COUNTED`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    SelectBase,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)  # fmt: skip
from sqlalchemy.orm import Session

from complaints import standing
from complaints.complaint import NO_LIMIT, Complaint, Involvement, visible_to
from complaints.customers import Contact, Customer
from complaints.errors import NotFound
from complaints.numbered import bearing
from complaints.people import SYSTEM, Actor, User
from complaints.procedure import Procedure, Stage, confidential, hiding, newest, versions

PER_COLUMN = 20
COUNTED = 1_000
"""The head of a final column counts up to here."""
Anything = tuple[Any, ...]
NOW = bindparam("now", type_=Complaint.sort_due_at.type)
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
        if abs(place.time) > microseconds(NO_LIMIT) or abs(place.id) >= 1 << 63:
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
    channel: str
    unreached_at: datetime | None
    repeat_of_count: int
    procedure: str
    procedure_version: int
    paused_since: datetime | None

    @property
    def limited(self) -> bool:
        """Is there a due time at all?"""
        return self.due_at < NO_LIMIT

    @property
    def place(self) -> Place:
        if self.closed_at is not None:
            return Place(-microseconds(self.closed_at), -self.id)
        return Place(microseconds(self.due_at), self.id)


class Head(NamedTuple):
    """What stands over a column."""

    stage: Stage
    total: int
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
    shown = tuple(stage for stage in procedure.stages if stage.key not in folded)
    by_stage: dict[str, list[Card]] = defaultdict(list)
    if shown:
        looker = _looker(actor, procedure, filters)
        query = _first_cards(procedure.key, shown, looker, filters, per_column, versions())
        for row in session.execute(query, _instants(procedure, now)):
            card = Card(*row)
            by_stage[card.stage].append(card)
    for stage in shown:
        by_stage[stage.key].sort(key=_place if stage.final else attrgetter("due_at", "id"))
    return [Column(head, by_stage[head.stage.key]) for head in heads(session, actor, procedure, now, filters=filters)]


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
    query = _in(procedure.key, (stage,), actor, filters).where(_after(stage, after))
    chosen = _wrapped(_ordered(query, stage).limit(limit + 1))
    cards = sorted(_cards(session, chosen, _instants(procedure, now)), key=_place)
    return cards[:limit], len(cards) > limit


def beginning(session: Session, actor: Actor, *, after: Place, limit: int) -> tuple[list[Card], bool]:
    """The next cards in the first columns of all boards after a place, and whether there are still more; one query,
    however many procedures there are."""
    firsts = dict.fromkeys((rules.key, rules.first) for rules in newest())
    each = (_in(key, (stage,), actor, EVERYTHING).where(_after(stage, after)) for key, stage in firsts)
    parts = [_wrapped(query.order_by(Complaint.sort_due_at, Complaint.id).limit(limit + 1)) for query in each]
    cards = sorted(_cards(session, select(union_all(*parts).subquery().c.id), {}), key=attrgetter("due_at", "id"))
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
    wanted = procedure.stages if stages is None else tuple(stages)
    query = _counts(procedure.key, wanted, _looker(actor, procedure, filters), filters, versions())
    found: dict[str, tuple[int, int]] = {}
    for key, total, overdue in session.execute(query, _instants(procedure, now)):
        before = found.get(key, (0, 0))
        found[key] = (before[0] + total, before[1] + overdue)
    return [Head(stage, *found.get(stage.key, (0, 0))) for stage in wanted]


def card(session: Session, actor: Actor, complaint_id: int) -> Card:
    """One complaint as a card. Raises `NotFound`."""
    for found in by_id(session, actor, [complaint_id]).values():
        return found
    raise NotFound


def by_id(session: Session, actor: Actor, ids: Iterable[int]) -> dict[int, Card]:
    """Those of some complaints that the actor may see, wherever they stand."""
    chosen = visible_to(actor, _some())
    query = _some_cards() if chosen is _some() else _card_rows(chosen)
    return {row.id: Card(*row) for row in session.execute(query, {"ids": [*ids]})}


def cards(
    session: Session,
    actor: Actor,
    procedure: Procedure,
    now: datetime,
    ids: Collection[int],
    *,
    filters: Filters = EVERYTHING,
) -> list[Card]:
    """Those of some complaints of this procedure that are on the board now."""
    lately = [_not_long_ago(stage) for stage in procedure.stages if stage.shown_for_days]
    chosen = select(Complaint.id).where(Complaint.id.in_(ids), *lately, *_wanted(filters, actor))
    return _cards(session, visible_to(actor, chosen), _instants(procedure, now))


def changed(session: Session, actor: Actor, procedure: Procedure, since: datetime) -> list[Change]:
    """What changed since shortly before an instant, newest first; more than `MOST_CHANGES` means: look at everything
    again."""
    # The procedure is compared here and not there: a database without statistics would look it up by index.
    query = (
        select(Complaint.procedure, Complaint.id, Complaint.version, Complaint.changed_at)
        .where(Complaint.changed_at > since - OVERLAP)
        .order_by(Complaint.changed_at.desc(), Complaint.id.desc())
        .limit(MOST_CHANGES + 1)
    )
    rows = session.execute(visible_to(actor, query)).all()
    flood = len(rows) > MOST_CHANGES
    return [Change(id_, version, at) for key, id_, version, at in rows if flood or key == procedure.key]


# The queries of a board are long and the same for most people: they are put together once, with the time of the request
# as a parameter; who sees what hangs on the versions that are known.


@lru_cache(maxsize=256)
def _first_cards(
    procedure_key: str,
    stages: tuple[Stage, ...],
    looker: Actor,
    filters: Filters,
    per_column: int,
    _versions: tuple[Procedure, ...],
) -> Select[*Anything]:
    first = [_ordered(_in(procedure_key, (stage,), looker, filters), stage).limit(per_column) for stage in stages]
    chosen = union_all(*map(_wrapped, first)) if len(first) > 1 else first[0]
    return _card_rows(chosen)


@cache
def _some() -> Select[int]:
    return select(Complaint.id).where(Complaint.id.in_(bindparam("ids", expanding=True)))


@cache
def _some_cards() -> Select[*Anything]:
    return _card_rows(_some())


@lru_cache(maxsize=256)
def _counts(
    procedure_key: str, stages: tuple[Stage, ...], looker: Actor, filters: Filters, _versions: tuple[Procedure, ...]
) -> CompoundSelect[*Anything]:
    counts: list[Select[*Anything]] = []
    if still_open := tuple(stage for stage in stages if not stage.final):
        inside = _in(procedure_key, still_open, looker, filters).group_by(Complaint.stage)
        counts.append(inside.with_only_columns(Complaint.stage, func.count(), literal(0)))
        late = inside.where(Complaint.sort_due_at < NOW)
        counts.append(late.with_only_columns(Complaint.stage, literal(0), func.count()))
    for stage in stages:
        if stage.final:
            rows = _in(procedure_key, (stage,), looker, filters).limit(COUNTED).subquery()
            counts.append(select(literal(stage.key), func.count(), literal(0)).select_from(rows))
    return union_all(*counts)


def _looker(actor: Actor, procedure: Procedure, filters: Filters) -> Actor:
    """The actor as far as a query depends on it: all who see everything share one."""
    alike = actor.sees_all and not filters.mine and procedure.key not in confidential().keys() | hiding()
    return SYSTEM if alike else actor


def _instants(procedure: Procedure, now: datetime) -> dict[str, datetime]:
    """The parameters of a query: now, and since when closed complaints are shown."""
    bounded = [stage for stage in procedure.stages if stage.shown_for_days]
    return {"now": now, **{_since(stage): now - timedelta(days=stage.shown_for_days or 0) for stage in bounded}}


def _since(stage: Stage) -> str:
    return f"since_{stage.key}"


def _in(procedure_key: str, stages: tuple[Stage, ...], looker: Actor, filters: Filters) -> Select[int]:
    """The complaints of one column, or of several that are all open."""
    where = [Complaint.procedure == procedure_key]
    if len(stages) == 1:
        where.append(Complaint.stage == stages[0].key)
        where += [_closed_since(stage) for stage in stages if stage.shown_for_days]
    else:
        where.append(Complaint.stage.in_([stage.key for stage in stages]))
    return visible_to(looker, select(Complaint.id).where(*where, *_wanted(filters, looker)))


def _closed_since(stage: Stage) -> ColumnElement[bool]:
    return Complaint.closed_at >= bindparam(_since(stage), type_=Complaint.closed_at.type)


def _not_long_ago(stage: Stage) -> ColumnElement[bool]:
    return or_(Complaint.stage != stage.key, _closed_since(stage))


def _wanted(filters: Filters, looker: Actor) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if filters.mine:
        wanted.append(Complaint.owner_id == looker.id)
    if filters.overdue:
        wanted.append(and_(Complaint.sort_due_at < NOW, Complaint.closed_at.is_(None)))
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
                *bearing(word),
            )
        )
    return wanted


def _has(text: Any, part: str) -> ColumnElement[bool]:
    """A text contains a part, whatever the case of Latin letters; `%` and `_` stand for themselves."""
    return cast(ColumnElement[bool], text.icontains(part, autoescape=True))


def _ordered(query: Select[int], stage: Stage) -> Select[int]:
    if stage.final:
        return query.order_by(Complaint.closed_at.desc(), Complaint.id.desc())
    return query.order_by(Complaint.sort_due_at, Complaint.id)


def _after(stage: Stage, place: Place) -> ColumnElement[bool]:
    if stage.final:
        return tuple_(Complaint.closed_at, Complaint.id) < tuple_(_moment(-place.time), literal(-place.id))
    return tuple_(Complaint.sort_due_at, Complaint.id) > tuple_(_moment(place.time), literal(place.id))


def _moment(time: int) -> ColumnElement[datetime]:
    return literal(instant(time), Complaint.sort_due_at.type)


def _wrapped(query: Select[int]) -> Select[int]:
    """A limited query as a part of a union."""
    return select(query.subquery().c.id)


def _cards(session: Session, chosen: Select[int], instants: dict[str, datetime]) -> list[Card]:
    return [Card(*row) for row in session.execute(_card_rows(chosen), instants)]


def _card_rows(ids: SelectBase) -> Select[*Anything]:
    """The rows of these complaints, in no order."""
    chosen = ids.subquery()
    name = func.coalesce(
        Customer.name, func.nullif(Contact.name, ""), func.nullif(Complaint.contact_person, ""), Contact.address,
        Complaint.contact_email,
    )  # fmt: skip
    return (
        select(
            Complaint.id, Complaint.number, Complaint.version, Complaint.stage, Complaint.subject, name,
            Complaint.product, Complaint.batch, Complaint.complaint_class, Complaint.sort_due_at, Complaint.received_at,
            Complaint.closed_at, Complaint.owner_id, User.name, Complaint.attachment_count, Complaint.unread_count,
            Complaint.channel, Complaint.unreached_at, Complaint.repeat_of_count, Complaint.procedure,
            Complaint.procedure_version, standing.since(),
        )
        .join_from(chosen, Complaint, Complaint.id == chosen.c.id)
        .outerjoin(Customer, Customer.id == Complaint.customer_id)
        .outerjoin(Contact, Contact.id == Complaint.contact_id)
        .outerjoin(User, User.id == Complaint.owner_id)
    )  # fmt: skip


def microseconds(at: datetime) -> int:
    """An instant as a whole number, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def instant(microseconds: int) -> datetime:
    """The way back."""
    return _EPOCH + microseconds * _MICROSECOND


def _place(card: Card) -> Place:
    return card.place
