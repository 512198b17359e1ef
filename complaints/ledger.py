"""The ledger (台账): one row for every complaint from the first receipt to closing, as far as a person may see them.

A page of it is asked for by its order and the place where the last one ended, so that a page deep in a ledger of a
million rows costs what the first does. What the columns show beside the complaint itself is in ledger_rows.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from complaints.complaint import Complaint, Involvement, visible_to
from complaints.customers import Customer
from complaints.errors import N_, Sentence
from complaints.ledger_columns import CHOICE, RANGE, WORDS, Column, columns
from complaints.ledger_rows import Row, rows_of
from complaints.people import Actor
from complaints.procedure import versions

PAGE = 50
COUNTED = 10_000
"""Totals count so many rows at most; beyond that it is only said that there are more."""
EVERY, OPEN, OVERDUE, DRAFTS, CLOSED, OFF, WHOLE = "", "open", "overdue", "drafts", "closed", "off", "whole"
STATES = (EVERY, OPEN, OVERDUE, DRAFTS, CLOSED, OFF, WHOLE)
"""Which complaints: all but those that left the board, those of one state, those that left the board, or simply all."""
ORDERS: dict[str, tuple[Any, ...]] = {
    "number": (Complaint.year, Complaint.sequence),
    "register_no": (Complaint.register_year, Complaint.register_serial),
    "received_at": (Complaint.received_at, Complaint.id),
    "registered_at": (Complaint.registered_at, Complaint.id),
    "product": (Complaint.product, Complaint.id),
    "due_at": (Complaint.sort_due_at, Complaint.id),
    "closed_at": (Complaint.closed_at, Complaint.id),
}
"""Each has an index, and names one row."""
LONGEST = 120


@dataclass(frozen=True)
class Wanted:
    """What of the ledger somebody wants to see, in which order. `where`: the key of a column and what stands there."""

    state: str = EVERY
    sort: str = "number"
    descending: bool = True
    where: tuple[tuple[str, Any], ...] = ()

    @property
    def everything(self) -> bool:
        return not self.where and self.state == EVERY


@dataclass(frozen=True)
class Range:
    """From a day to a day, or a number to a number, both counted in; None is open."""

    first: Any = None
    last: Any = None


class Place(NamedTuple):
    """Where a page ended: the values of its order there, the first of them None among those that have none."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Page:
    rows: Sequence[Row]
    next: Place | None


@dataclass(frozen=True)
class Totals:
    """How many rows, and of those how many are still open, overdue, closed, and of each class. `more`: they are more
    than were counted, and the rest says nothing."""

    all: int = 0
    open: int = 0
    overdue: int = 0
    closed: int = 0
    classes: dict[tuple[str, str], int] = field(default_factory=dict)
    more: bool = False


class NotUnderstood(Exception):
    """What stands in the filter of a column is not understood."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


# Filters as they are written


def filter_of(column: Column, text: str) -> Any:
    """What somebody wrote in the filter of a column: words, choices with commas between them, or a range such as
    `2026`, `2026-09`, `2026-09-01..2026-09-15`, `3..`, `..2026`. None for nothing. Raises `NotUnderstood`."""
    text = text.strip()
    if not text:
        return None
    if len(text) > LONGEST:
        raise NotUnderstood(Sentence(N_("at most %(most)s characters"), {"most": LONGEST}))
    if "\0" in text:
        raise NotUnderstood(Sentence(N_("there is a character in it that no text has")))
    if column.filter == RANGE:
        return _days(text) if column.kind in ("moment", "day", "left") else _numbers(text)
    if column.filter == CHOICE:
        return tuple(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))
    return text


def _days(text: str) -> Range:
    first, dots, last = text.partition("..")
    try:
        begin = _period(first)[0] if first.strip() else None
        end = _period(last if dots else first)[1] if (last if dots else first).strip() else None
    except (ValueError, OverflowError):
        hint = N_("write a day, a month or a year, or two with .. between: 2026-09, 2026-09-01..2026-09-15")
        raise NotUnderstood(Sentence(hint)) from None
    if begin and end and begin > end:
        raise NotUnderstood(Sentence(N_("it ends before it begins")))
    return Range(begin, end)


def _period(text: str) -> tuple[date, date]:
    parts = [int(part) for part in text.strip().replace("/", "-").split("-")]
    if len(parts) == 1:
        return date(parts[0], 1, 1), date(parts[0], 12, 31)
    if len(parts) == 2:
        begin = date(parts[0], parts[1], 1)
        return begin, (begin.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    day = date(*parts) if len(parts) == 3 else None
    if day is None:
        raise ValueError(text)
    return day, day


def _numbers(text: str) -> Range:
    first, dots, last = text.partition("..")
    try:
        begin = int(first) if first.strip() else None
        end = begin if not dots else int(last) if last.strip() else None
    except ValueError:
        raise NotUnderstood(Sentence(N_("write a number, or two with .. between: 3, 3..5, 3.."))) from None
    if any(each is not None and not -(2**31) <= each < 2**31 for each in (begin, end)):
        raise NotUnderstood(Sentence(N_("write a number, or two with .. between: 3, 3..5, 3..")))
    return Range(begin, end)


# The query


def page(
    session: Session, actor: Actor, wanted: Wanted, *, at: datetime, zone: ZoneInfo, after: Place | None = None,
    limit: int = PAGE, keys: Sequence[str] = (),
) -> Page:  # fmt: skip
    """The next rows after a place, with the columns `keys`."""
    order = ORDERS[wanted.sort]
    base = _of(actor, wanted, at, zone).add_columns(*order)
    found: list[Any] = []
    if after is None or after.values[0] is not None:
        query = base.where(order[0].is_not(None))
        if after is not None:
            query = query.where(_beyond(order, after.values, wanted.descending))
        found = list(session.execute(_in_order(query, order, wanted.descending).limit(limit + 1)))
    if len(found) <= limit and _nullable(order):
        query = base.where(order[0].is_(None))
        if after is not None and after.values[0] is None:
            query = query.where(_beyond((Complaint.id,), after.values[1:], wanted.descending))
        rest = limit + 1 - len(found)
        found += session.execute(_in_order(query, (Complaint.id,), wanted.descending).limit(rest))
    shown = found[:limit]
    more = len(found) > limit and bool(shown)
    rows = rows_of(session, actor, [row[0] for row in shown], keys, at=at)
    return Page(rows, _place(shown[-1]) if more else None)


def _place(row: Any) -> Place:
    return Place(tuple(row[1:]) if row[1] is not None else (None, row[0]))


def every(
    session: Session, actor: Actor, wanted: Wanted, *, at: datetime, zone: ZoneInfo, keys: Sequence[str],
    limit: int = 1_000,
) -> Iterator[Row]:  # fmt: skip
    """All rows, a page at a time."""
    after: Place | None = None
    while True:
        found = page(session, actor, wanted, at=at, zone=zone, after=after, limit=limit, keys=keys)
        yield from found.rows
        session.expunge_all()
        if found.next is None:
            return
        after = found.next


def totals(session: Session, actor: Actor, wanted: Wanted, *, at: datetime, zone: ZoneInfo) -> Totals:
    """What the rows amount to."""
    closed, off = Complaint.closed_at, _off_board()
    state = case(
        (off, literal(OFF)),
        (closed.is_not(None), literal(CLOSED)),
        (Complaint.sort_due_at < at, literal(OVERDUE)),
        else_=literal(OPEN),
    )
    counted = (
        _of(actor, wanted, at, zone)
        .add_columns(state.label("state"), Complaint.procedure, Complaint.complaint_class)
        .limit(COUNTED + 1)
        .subquery()
    )
    rows = select(counted.c.state, counted.c.procedure, counted.c.complaint_class, func.count()).group_by(
        counted.c.state, counted.c.procedure, counted.c.complaint_class
    )
    numbers = {OPEN: 0, OVERDUE: 0, CLOSED: 0, OFF: 0}
    classes: dict[tuple[str, str], int] = {}
    for state_, procedure, class_, count in session.execute(rows):
        numbers[state_] += count
        if class_:
            classes[procedure, class_] = classes.get((procedure, class_), 0) + count
    all_ = sum(numbers.values())
    if all_ > COUNTED:
        return Totals(all=COUNTED, more=True)
    return Totals(all_, numbers[OPEN] + numbers[OVERDUE], numbers[OVERDUE], numbers[CLOSED] + numbers[OFF], classes)


def count(session: Session, actor: Actor, wanted: Wanted, *, at: datetime, zone: ZoneInfo) -> int:
    """How many rows there are, all of them."""
    return session.scalar(select(func.count()).select_from(_of(actor, wanted, at, zone).subquery())) or 0


def _of(actor: Actor, wanted: Wanted, at: datetime, zone: ZoneInfo) -> Select[Any]:
    where = [*in_state(wanted.state, at), *(_meets(key, value, zone) for key, value in wanted.where)]
    return visible_to(actor, select(Complaint.id).where(*where))


def in_state(state: str, at: datetime) -> list[ColumnElement[bool]]:
    """What complaints of a state have in common; one meaning of open, overdue and closed for the ledger and search."""
    on_board = ~_off_board()
    return {
        EVERY: [on_board],
        OPEN: [on_board, Complaint.closed_at.is_(None)],
        OVERDUE: [on_board, Complaint.closed_at.is_(None), Complaint.sort_due_at < at],
        DRAFTS: [on_board, Complaint.registered_at.is_(None)],
        CLOSED: [Complaint.closed_at.is_not(None), on_board],
        OFF: [_off_board()],
        WHOLE: [],
    }[state]


def _off_board() -> ColumnElement[bool]:
    """Did a complaint leave the board, by whatever version of its procedure?"""
    left: dict[str, set[str]] = {}
    for rules in versions():
        left.setdefault(rules.key, set()).update(stage.key for stage in rules.outcomes)
    by_stages: dict[frozenset[str], list[str]] = {}
    for key, stages in left.items():
        by_stages.setdefault(frozenset(stages), []).append(key)
    known = [
        and_(Complaint.procedure.in_(sorted(keys)), Complaint.stage.in_(sorted(stages)))
        for stages, keys in by_stages.items()
        if stages
    ]
    return or_(*known) if known else literal(False)


def _meets(key: str, value: Any, zone: ZoneInfo) -> ColumnElement[bool]:
    column = columns().all[key]
    if key == "customer":
        named = select(Customer.id).where(Customer.name.icontains(value, autoescape=True))
        return or_(
            Complaint.customer_id.in_(named),
            and_(Complaint.customer_id.is_(None), _has(Complaint.contact_person, value)),
        )
    if key == "departments":
        return _named(value)
    stands = getattr(Complaint, column.of)
    if column.filter == WORDS:
        return _has(stands, value)
    if column.filter == CHOICE:
        chosen = (
            [int(each) if each.isascii() and each.isdigit() and len(each) < 10 else -1 for each in value]
            if key == "owner"
            else list(value)
        )
        return cast(ColumnElement[bool], stands.in_(chosen))
    return _within(column, stands, value, zone)


def _within(column: Column, stands: Any, value: Range, zone: ZoneInfo) -> ColumnElement[bool]:
    first, last = value.first, value.last
    if isinstance(first or last, date):
        begin = datetime.combine(first, time(), zone).astimezone(UTC) if first else None
        end = datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC) if last else None
        return and_(True, *([stands >= begin] if begin else []), *([stands < end] if end else []))
    return and_(
        True, *([stands >= first] if first is not None else []), *([stands <= last] if last is not None else [])
    )


def _named(chosen: Sequence[str]) -> ColumnElement[bool]:
    ids = [int(each) for each in chosen if each.isascii() and each.isdigit() and len(each) < 10]
    return Complaint.id.in_(select(Involvement.complaint_id).where(Involvement.department_id.in_(ids)))


def _has(stands: Any, part: str) -> ColumnElement[bool]:
    return cast(ColumnElement[bool], stands.icontains(part, autoescape=True))


def _nullable(order: tuple[Any, ...]) -> bool:
    return bool(order[0].property.columns[0].nullable)


def _in_order(query: Select[Any], order: tuple[Any, ...], descending: bool) -> Select[Any]:
    return query.order_by(*(each.desc() if descending else each.asc() for each in order))


def _beyond(order: tuple[Any, ...], values: Sequence[Any], descending: bool) -> ColumnElement[bool]:
    here = tuple_(*(literal(value, each.type) for each, value in zip(order, values, strict=True)))
    return tuple_(*order) < here if descending else tuple_(*order) > here
