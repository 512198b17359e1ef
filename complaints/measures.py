"""Measures: the figures that a month is judged by, each a pure function over what happened.

A measure has what was counted for it, not only how many: the complaints (ids) that stand above and below the line, one
as often as it counts there. Some figures are amounts that somebody types in. Where nothing stands below the line there
is no rate: nobody can say that none of nothing was late.

Complaints count in the month of their registration, replies in the month in which they are due. Where events are read,
and how a month is frozen: figures.py. Which figures there are: kpis.py; what is typed in: kpi_entries.py.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from complaints.clocks import CANCELLED, MERGED, REPLACED, UNDONE
from complaints.kpis import PERCENT, RATIO, SHIPMENTS, Definition, definitions

NOT_COUNTED = frozenset({REPLACED, CANCELLED, MERGED, UNDONE})
"""How clocks end that neither kept nor broke a promise."""
TIMELY, RATE, EFFECTIVE, WRITTEN = "timely_reply", "complaint_rate", "effective_reply", "written_answers"
METHOD = 1
"""The version of the formulas below; a frozen figure says which one it was reckoned with."""

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Measure:
    """A figure with what it was reckoned from: complaints (ids) or an amount on either side of the line. An amount
    that nobody typed in is None; a figure that is no share has nothing below the line."""

    key: str
    numerator: Ids | Decimal | None
    denominator: Ids | Decimal | None = None
    kind: str = RATIO

    @property
    def above(self) -> Decimal | None:
        return _amount(self.numerator)

    @property
    def below(self) -> Decimal | None:
        return _amount(self.denominator)

    @property
    def value(self) -> Fraction | None:
        """The rate, or the amount; None is "no data"."""
        if self.above is None:
            return None
        if self.kind == RATIO:
            return Fraction(self.above) / Fraction(self.below) if self.below else None
        return Fraction(self.above) / (100 if self.kind == PERCENT else 1)

    rate = value


def _amount(of: Ids | Decimal | None) -> Decimal | None:
    return Decimal(len(of)) if isinstance(of, tuple) else of


class Period(NamedTuple):
    """From one instant to another, which is not in it."""

    begins: datetime
    ends: datetime

    def __contains__(self, at: object) -> bool:
        return isinstance(at, datetime) and self.begins <= at < self.ends


def month_of(day: date) -> date:
    """A month is named by its first day."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def month_before(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


def days(first: date, last: date, zone: ZoneInfo) -> Period:
    """From one day to another, both of them in it, by the clocks of a zone."""
    ends = date.fromordinal(last.toordinal() + 1)
    return Period(datetime(first.year, first.month, first.day, tzinfo=zone),
                  datetime(ends.year, ends.month, ends.day, tzinfo=zone))  # fmt: skip


def period_of(month: date, zone: ZoneInfo) -> Period:
    return days(month, date.fromordinal(next_month(month).toordinal() - 1), zone)


class Reply(NamedTuple):
    """A clock that promises a reply, as it stood at some instant."""

    complaint_id: int
    due_at: datetime
    stopped_at: datetime | None = None
    outcome: str | None = None


class Registered(NamedTuple):
    """A complaint in the register that has not left the board, as far as it is counted. `verified`: that its measures
    work; `effective`: that, and the customer accepts; None where its procedure cannot tell. `answer`: `written`,
    `spoken`, or nothing as long as there is none."""

    id: int
    complaint_class: str | None = None
    cause_type: str | None = None
    link: str | None = None
    product: str = ""
    departments: Ids = ()
    verified: bool = False
    effective: bool | None = None
    answer: str = ""


IN_WRITING, SPOKEN = "written", "spoken"


class Events(NamedTuple):
    """What happened in a period, as it was known at some instant. `confidential`: how many complaints more there are,
    of procedures that show them to nobody else."""

    replies: tuple[Reply, ...] = ()
    complaints: tuple[Registered, ...] = ()
    confidential: int = 0


def timely_reply(replies: Iterable[Reply], period: Period, at: datetime) -> Measure:
    """Of the replies that fell due in the period, those made in time; exactly at the due time is in time. One that is
    still to be made counts as soon as it is due, and then it is late."""
    due = [
        each
        for each in replies
        if each.due_at in period
        and each.outcome not in NOT_COUNTED
        and (each.stopped_at is not None or each.due_at < at)
    ]
    in_time = [each for each in due if each.stopped_at is not None and each.stopped_at <= each.due_at]
    return Measure(TIMELY, tuple(each.complaint_id for each in in_time), tuple(each.complaint_id for each in due))


def complaint_rate(complaints: Iterable[int], shipments: Decimal | None) -> Measure:
    return Measure(RATE, tuple(complaints), shipments)


def effective_reply(complaints: Iterable[Registered]) -> Measure:
    """Of all complaints, those whose measures are verified and accepted by the customer."""
    known = [each for each in complaints if each.effective is not None]
    return Measure(EFFECTIVE, tuple(each.id for each in known if each.effective), tuple(each.id for each in known))


def written_answers(complaints: Iterable[Registered]) -> Measure:
    """Of the complaints whose customer was told the result, those where that was done in writing."""
    told = [each for each in complaints if each.answer]
    return Measure(WRITTEN, tuple(each.id for each in told if each.answer == IN_WRITING), tuple(e.id for e in told))


Typed = Mapping[str, tuple[Decimal | None, Decimal | None]]
"""What was typed in for a month, by the key of the measure: above and below the line."""


def typed_in(definition: Definition, typed: Typed) -> Measure:
    above, below = typed.get(definition.key, (None, None))
    return Measure(definition.key, above, below, definition.kind)


def measured(events: Events, typed: Typed, period: Period, at: datetime) -> dict[str, Measure]:
    """Every measure of a period, in the order of kpis.py."""
    shipments, _ = typed.get(SHIPMENTS, (None, None))
    computed = {
        TIMELY: timely_reply(events.replies, period, at),
        RATE: complaint_rate((each.id for each in events.complaints), shipments),
        EFFECTIVE: effective_reply(events.complaints),
        WRITTEN: written_answers(events.complaints),
    }
    return {each.key: computed.get(each.key) or typed_in(each, typed) for each in definitions()}


BY = ("complaint_class", "cause_type", "link", "department", "product")
"""What complaints are counted by."""


def counted_by(complaints: Iterable[Registered], by: str) -> dict[str, Ids]:
    """The complaints by class, cause, link, responsible department (id) or product, the most frequent first; one that
    several departments answer for counts for each."""
    found: dict[str, list[int]] = {}
    for each in complaints:
        for value in values_of(each, by):
            found.setdefault(value, []).append(each.id)
    return {value: tuple(ids) for value, ids in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))}


def values_of(complaint: Registered, by: str) -> Sequence[str]:
    if by == "department":
        return [str(each) for each in complaint.departments] or [""]
    return [getattr(complaint, by) or ""]


class Difference(NamedTuple):
    """What two states of a list have that the other has not."""

    gone: Ids
    new: Ids


def difference(before: Ids, after: Ids) -> Difference:
    one, other = Counter(before), Counter(after)
    return Difference(tuple((one - other).elements()), tuple((other - one).elements()))
