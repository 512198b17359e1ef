"""Figures: the measures of a month, read from the ledger, and kept as they were when the month was over.

`read` takes the events of a period as they were known at an instant, in the same few queries however many there are. On
the first working day of a month the one before is frozen: each figure with its method and all it was reckoned from. A
frozen figure is never reckoned again; what the ledger says since is shown beside it. A figure that somebody has to type
in is frozen once it is there.

Complaints of confidential procedures are in no figure and no list; it is only said how many there are.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    UniqueConstraint,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    union,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from complaints import kpi_entries, procedure_store, rows
from complaints.clocks import Clock
from complaints.complaint import Complaint, in_figures, ordinary
from complaints.context import Context
from complaints.database import Base, transaction
from complaints.kpi_entries import KpiEntry
from complaints.kpis import SHIPMENTS, definitions
from complaints.measures import (
    EFFECTIVE,
    IN_WRITING,
    METHOD,
    RATE,
    SPOKEN,
    TIMELY,
    WRITTEN,
    Events,
    Ids,
    Measure,
    Period,
    Registered,
    Reply,
    Typed,
    complaint_rate,
    measured,
    month_before,
    month_of,
    next_month,
    period_of,
)
from complaints.off_board import Decision
from complaints.people import FRONT_OFFICE, QUALITY, Actor
from complaints.procedure import COMPLAINT, INVESTIGATION, Counting, versions
from complaints.procedure_measures import says
from complaints.records import LASTING, Record
from complaints.signatures import APPROVED, Signature

READERS = FRONT_OFFICE | QUALITY | {"mr", "gm"}
"""Who reads the figures of the house, and types in those that are typed in."""
COMPLAINTS = "complaints"
"""The frozen figure that has the complaints of a month with all that they are counted by."""
COMPUTED = (TIMELY, EFFECTIVE, WRITTEN)
"""Figures that the ledger alone tells."""
LOOK_BACK = 12
"""So many months back a figure is still frozen that was typed in late, or that nobody froze in time."""


class Figure(Base):
    """A figure of a month (its first day) as it was frozen: the numbers, the method, and in `data` what was counted."""

    __tablename__ = "figure"
    __table_args__ = (UniqueConstraint("month", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[date]
    key: Mapped[str] = mapped_column(String(40))
    method: Mapped[int]
    numerator: Mapped[str | None] = mapped_column(String(24))
    denominator: Mapped[str | None] = mapped_column(String(24))
    data: Mapped[dict[str, Any]]
    frozen_at: Mapped[datetime]

    @property
    def measure(self) -> Measure:
        kind = next((each.kind for each in definitions() if each.key == self.key), "ratio")
        return Measure(self.key, self._side("numerator"), self._side("denominator"), kind)

    def _side(self, name: str) -> Ids | Decimal | None:
        if name in self.data:
            return tuple(self.data[name])
        number = getattr(self, name)
        return None if number is None else Decimal(number)

    @property
    def complaints(self) -> tuple[Registered, ...]:
        """The complaints of the month, of the figure that has them."""
        return tuple(
            Registered(**{**each, "departments": tuple(each["departments"])})
            for each in self.data.get("complaints", ())
        )


def may_read(by: Actor) -> bool:
    return by.id is None or bool(by.roles & READERS)


# Reading the ledger


def read(session: Session, period: Period, at: datetime) -> Events:
    """What happened in a period, as it was known at an instant."""
    registered = (
        Complaint.registered_at >= period.begins, Complaint.registered_at < period.ends,
        Complaint.registered_at <= at, ~_off_board(at),
    )  # fmt: skip
    hidden = select(func.count()).select_from(Complaint).where(*registered, ~ordinary())
    return Events(_replies(session, period, at), known(session, registered, at), session.scalar(hidden) or 0)


def known(session: Session, which: Iterable[ColumnElement[bool]], at: datetime) -> tuple[Registered, ...]:
    """What is counted of some complaints, in the order of their registration; in three queries."""
    counted_ones = (*which, in_figures())
    columns = (
        Complaint.id, Complaint.procedure, Complaint.complaint_class, Complaint.cause_type, Complaint.link,
        Complaint.product, Complaint.round, Complaint.investigation_id,
    )  # fmt: skip
    query = select(*columns).where(*counted_ones).order_by(Complaint.registered_at, Complaint.id)
    found, by_key = session.execute(query).all(), countings()
    hanging = _Hanging(session, found, counted_ones, at, by_key)
    written, verified = hanging.written(), hanging.verified()
    return tuple(
        _registered(row, by_key[row.procedure], written.get(row.id, ()), signed=row.id in verified) for row in found
    )


def _off_board(at: datetime) -> ColumnElement[bool]:
    """Had a complaint left the board at an instant?"""
    back = or_(Decision.back_at.is_(None), Decision.back_at > at)
    return exists().where(Decision.complaint_id == Complaint.id, Decision.at <= at, back)


@dataclass(frozen=True)
class Counted:
    """What is counted of a procedure, of all its versions together, and where the responsible departments stand."""

    counting: Counting
    departments: str
    verified: str

    @property
    def sheets(self) -> set[str]:
        counting = self.counting
        refs = (*counting.effective, *counting.accepted, *counting.answered, self.departments)
        return {ref.partition(".")[0] for ref in refs if ref}


NOTHING = Counted(Counting(), "", "")


def countings() -> defaultdict[str, Counted]:
    """What is counted of each procedure; nothing of one that this process does not know yet. What the newest version
    says that says something holds for all of them: a version that began before anybody thought of figures has the same
    clocks and records."""
    found: defaultdict[str, Counted] = defaultdict(lambda: NOTHING)
    for rules in versions():  # the oldest first
        counting = rules.counting if rules.counting != Counting() else found[rules.key].counting
        found[rules.key] = Counted(counting, rules.departments, rules.verified)
    return found


def _replies(session: Session, period: Period, at: datetime) -> tuple[Reply, ...]:
    keys = sorted((key, clock) for key, counted in countings().items() for clock in counted.counting.replies)
    query = (
        select(Clock.subject_id, Clock.due_at, Clock.stopped_at, Clock.outcome)
        .join(Complaint, Complaint.id == Clock.subject_id)
        .where(
            Clock.subject_kind == COMPLAINT, Clock.key.in_({clock for _, clock in keys}),
            tuple_(Complaint.procedure, Clock.key).in_(keys), Clock.started_at <= at,
            Clock.due_at >= period.begins, Clock.due_at < period.ends, in_figures(),
        )
        .order_by(Clock.due_at, Clock.id)
    )  # fmt: skip
    return tuple(
        Reply(of, due, *((stopped, outcome) if stopped is not None and stopped <= at else (None, None)))
        for of, due, stopped, outcome in session.execute(query)
    )


Written = tuple[str, Mapping[str, Any]]
"""A record or a row of it: its sheet, and what it says."""


@dataclass(frozen=True)
class _Hanging:
    """What hangs on complaints or on their investigations, as it was known at an instant: `found` are the rows of the
    complaints, and `which` says the same as a condition."""

    session: Session
    found: Sequence[Any]
    which: Iterable[ColumnElement[bool]]
    at: datetime
    by_key: Mapping[str, Counted]

    def written(self) -> dict[int, list[Written]]:
        """The records that are counted, of each complaint, in their order; without fields that were written later."""
        sheets: set[str] = set().union(*(counted.sheets for counted in self.by_key.values()))
        query = select(Record.sheet, Record.values, Record.marks).where(
            Record.sheet.in_(sheets), Record.begun_at <= self.at, Record.removed_at.is_(None)
        )
        written: defaultdict[int, list[Written]] = defaultdict(list)
        for record, row in self._each(query.order_by(Record.sheet, Record.place), Record):
            said = {key: value for key, value in record.values.items() if _known(record.marks.get(key), self.at)}
            written[row.id].append((record.sheet, said))
        return written

    def verified(self) -> set[int]:
        """The complaints whose measures somebody has signed as verified."""
        stands = or_(Signature.voided_at.is_(None), Signature.voided_at > self.at)
        query = select(Signature.key).where(
            Signature.key.in_({counted.verified for counted in self.by_key.values()}),
            Signature.decision == APPROVED, Signature.at <= self.at, stands,
        )  # fmt: skip
        signed = self._each(query, Signature)
        return {row.id for signature, row in signed if signature.key == self.by_key[row.procedure].verified}

    def _each(self, query: Select[Any], model: type[Record] | type[Signature]) -> Iterator[tuple[Any, Any]]:
        """Everything that a query finds, each with every complaint whose present round it is of."""
        by: defaultdict[tuple[str, int], list[Any]] = defaultdict(list)
        for row in self.found:
            by[COMPLAINT, row.id].append(row)
            if row.investigation_id is not None:
                by[INVESTIGATION, row.investigation_id].append(row)
        on = ((COMPLAINT, Complaint.id), (INVESTIGATION, Complaint.investigation_id))
        parts = (select(literal(kind).label("kind"), id_.label("id")).where(*self.which) for kind, id_ in on)
        them = union(*parts).subquery()  # each once, and written so that PostgreSQL, too, finds theirs by an index
        theirs = and_(model.subject == them.c.kind, model.subject_id == them.c.id)
        query = query.add_columns(model.subject, model.subject_id, model.round).select_from(model).join(them, theirs)
        for each in self.session.execute(query):
            for row in by[each.subject, each.subject_id]:
                if each.round in (LASTING, row.round):
                    yield each, row


def _known(mark: Any, at: datetime) -> bool:
    return mark is None or datetime.fromisoformat(mark[1]) <= at


def _registered(row: Any, counted: Counted, written: Iterable[Written], *, signed: bool) -> Registered:
    counting, written = counted.counting, list(written)
    accepted = any(says(counting.accepted, *each) for each in written)
    works = not counting.effective or any(says(counting.effective, *each) for each in written)
    checked = (signed or not counted.verified) and works
    answers = [each for each in written if says(counting.answered, *each)]
    in_writing = bool(answers) and says(counting.written, *answers[-1])
    sheet, _, key = counted.departments.partition(".")
    departments = {id_ for name, values in written if name == sheet for id_ in values.get(key) or ()}
    return Registered(
        row.id, row.complaint_class, row.cause_type, row.link, row.product.strip(), tuple(sorted(departments)),
        checked and bool(counted.verified or counting.effective),
        checked and accepted if counting.accepted else None,
        (IN_WRITING if in_writing else SPOKEN) if answers else "",
    )  # fmt: skip


def amounts(entries: Mapping[tuple[date, str], KpiEntry], month: date) -> Typed:
    """What was typed in for a month, by measure."""
    return {key: entry.amounts for (of, key), entry in entries.items() if of == month}


# A month, frozen and today


class Compared(NamedTuple):
    """A figure as it was frozen, if it is, and as the ledger has it now."""

    frozen: Figure | None
    today: Measure

    @property
    def shown(self) -> Measure:
        return self.frozen.measure if self.frozen else self.today

    @property
    def differs(self) -> bool:
        if self.frozen is None:
            return False
        before = self.frozen.measure
        return (_sorted(before.numerator), _sorted(before.denominator)) != (
            _sorted(self.today.numerator), _sorted(self.today.denominator),
        )  # fmt: skip


def _sorted(side: Ids | Decimal | None) -> Any:
    return sorted(side) if isinstance(side, tuple) else side


@dataclass(frozen=True)
class Month:
    """Everything that is told of a month. `complaints` are those that its counts are made of: as frozen, or now."""

    month: date
    figures: Mapping[str, Compared]
    complaints: tuple[Registered, ...]
    today: tuple[Registered, ...]
    frozen_at: datetime | None
    method: int
    confidential: int


def of_month(session: Session, month: date, at: datetime, zone: ZoneInfo) -> Month:
    """A month as it was frozen and as it is now."""
    period = period_of(month, zone)
    events = read(session, period, at)
    now = measured(events, amounts(kpi_entries.standing(session, month, month, at), month), period, at)
    frozen = {each.key: each for each in session.scalars(select(Figure).where(Figure.month == month))}
    counted = frozen.get(COMPLAINTS)
    return Month(
        month,
        {key: Compared(frozen.get(key), measure) for key, measure in now.items()},
        counted.complaints if counted else events.complaints,
        events.complaints,
        counted.frozen_at if counted else None,
        counted.method if counted else METHOD,
        events.confidential,
    )


def first_month(session: Session, zone: ZoneInfo) -> date | None:
    """The month in which the register begins."""
    first = session.scalar(select(func.min(Complaint.registered_at)))
    return month_of(first.astimezone(zone).date()) if first else None


def frozen_in(session: Session, first: date, last: date, keys: Iterable[str]) -> dict[tuple[date, str], Figure]:
    """Some figures of some months, as far as they are frozen."""
    query = select(Figure).where(Figure.month >= first, Figure.month <= last, Figure.key.in_(list(keys)))
    return {(each.month, each.key): each for each in session.scalars(query)}


def reported(session: Session, month: date) -> set[str]:
    """What was typed in for a month and stands in its frozen figures."""
    frozen = session.scalars(select(Figure.key).where(Figure.month == month))
    return {SHIPMENTS if key == RATE else key for key in frozen}


# Freezing


def freeze(make: sessionmaker[Session], at: datetime, context: Context) -> int:
    """Freeze what is over, as the duty of the first working day of a month; gives how many figures were frozen."""
    last = month_before(month_of(at.astimezone(context.zone).date()))
    if at < opening_after(last, context):
        last = month_before(last)
    with make() as session:
        procedure_store.load_known(session)  # which of them are confidential
        wanted = _unfrozen(session, last, at, context.zone)
    done = 0
    for month in wanted:
        with transaction(make) as session:
            done += _freeze(session, month, at, context.zone)
    return done


def opening_after(month: date, context: Context) -> datetime:
    """When work begins again after a month has ended: then it is frozen."""
    return context.calendar.next_opening(datetime.combine(next_month(month), time(), context.zone))


def _unfrozen(session: Session, last: date, at: datetime, zone: ZoneInfo) -> list[date]:
    """The months of which something can be frozen that is not. The first that is ever frozen is the last one that is
    over: what was before it, nobody has reported from here."""
    earliest = last
    for _ in range(LOOK_BACK):
        earliest = month_before(earliest)
    begun = session.scalar(select(func.min(Figure.month)).where(Figure.month <= last)) or last
    first, entries = max(begun, earliest), kpi_entries.standing(session, earliest, last, at)
    there = {(*row,) for row in session.execute(select(Figure.month, Figure.key).where(Figure.month >= first))}
    typed = {(month, RATE if key == SHIPMENTS else key) for (month, key), entry in entries.items() if entry.numerator}
    months, month = [], last
    while month >= first:
        wanted = {COMPLAINTS, *COMPUTED, *(key for of, key in typed if of == month)}
        if any((month, key) not in there for key in wanted):
            months.append(month)
        month = month_before(month)
    known = first_month(session, zone)
    return [month for month in reversed(months) if known is not None and month >= known]


def _freeze(session: Session, month: date, at: datetime, zone: ZoneInfo) -> int:
    period = period_of(month, zone)
    there = {each.key: each for each in session.scalars(select(Figure).where(Figure.month == month))}
    typed = amounts(kpi_entries.standing(session, month, month, at), month)
    events = read(session, period, at) if COMPLAINTS not in there else Events()
    complaints = there[COMPLAINTS].complaints if COMPLAINTS in there else events.complaints
    found = measured(events, typed, period, at)
    found[RATE] = complaint_rate((each.id for each in complaints), found[RATE].below)
    computed = () if COMPLAINTS in there else COMPUTED
    new = [
        _row(month, measure, at)
        for key, measure in found.items()
        if key not in there and (key in computed or (key not in COMPUTED and _complete(measure)))
    ]
    if COMPLAINTS not in there:
        listed = {"complaints": [each._asdict() for each in complaints], "confidential": events.confidential}
        new.append(_row(month, Measure(COMPLAINTS, Decimal(len(complaints)), None, "number"), at) | {"data": listed})
    if new:
        rows.add_unless_there(session, Figure, new)
    return len(new)


def _complete(measure: Measure) -> bool:
    """Has everything been typed in that a figure needs?"""
    return measure.above is not None and (measure.kind != "ratio" or measure.below is not None)


def _row(month: date, measure: Measure, at: datetime) -> dict[str, Any]:
    sides = {"numerator": measure.numerator, "denominator": measure.denominator}
    numbers = {"numerator": measure.above, "denominator": measure.below}
    return {
        "month": month, "key": measure.key, "method": METHOD, "frozen_at": at,
        "data": {name: list(side) for name, side in sides.items() if isinstance(side, tuple)},
        **{name: None if number is None else f"{number.normalize():f}" for name, number in numbers.items()},
    }  # fmt: skip
