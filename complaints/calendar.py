"""The working calendar: when the house is open, and what "8 working hours from now" means.

Hours count from the next opening, inside working time only. Working days leave out the day of the start and end at the
close of business. Plain hours, days and months run round the clock. Moments come in and go out aware, in UTC; inside,
everything happens in the organisation's own zone. Every `Due` carries a receipt, so that a person can check the sum.

A year is provisional while the government has not said which weekends are worked: dates there are computed all the
same, and say so. Which promise has which limit is not decided here; a clock brings its `Within` along.
"""

from __future__ import annotations

import hashlib
import json
import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum, auto
from functools import cached_property, lru_cache
from itertools import groupby
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from complaints.errors import N_, ComplaintError

Hours = tuple[tuple[time, time], ...]  # of one day; a block that ends at or before its start ends on the next day

OFFICE_HOURS: Hours = ((time(8, 30), time(12)), (time(13), time(17, 30)))
OFFICE_WEEK: Mapping[int, Hours] = MappingProxyType(dict.fromkeys(range(5), OFFICE_HOURS))
SEEDED_YEARS = range(2010, 2041)  # beyond these every date is provisional anyway
HORIZON = timedelta(days=3653)  # ten years
LARGEST_AMOUNT = 10_000
LONGEST_WALK = 60  # rows of a receipt
ONE_DAY = timedelta(days=1)
ONE_MINUTE = timedelta(minutes=1)


class NoWorkingTime(ComplaintError):
    message = N_("There is not enough working time in the ten years after %(day)s. Check the working calendar.")


class Unit(StrEnum):
    working_hours = auto()
    working_days = auto()
    hours = auto()
    days = auto()
    months = auto()


@dataclass(frozen=True)
class Within:
    """A limit, as a procedure states it: 8 working hours, 24 hours, 2 months."""

    amount: int
    unit: Unit

    def __post_init__(self) -> None:
        if not isinstance(self.amount, int) or not 1 <= self.amount <= LARGEST_AMOUNT:
            raise ValueError(f"A limit is a whole number from 1 to {LARGEST_AMOUNT}, not {self.amount}.")
        object.__setattr__(self, "unit", Unit(self.unit))

    def __str__(self) -> str:
        unit = self.unit.replace("_", " ")
        return f"{self.amount} {unit.removesuffix('s') if self.amount == 1 else unit}"


def parse_within(text: str) -> Within:
    """`8 working hours`, `1 working day`, `24 hours`, `15 days`, `2 months`."""
    amount, _, unit = " ".join(text.replace("_", " ").lower().split()).partition(" ")
    name = unit.removesuffix("s").replace(" ", "_") + "s"
    if not re.fullmatch("-?[0-9]+", amount) or name not in list(Unit):
        units = ", ".join(u.replace("_", " ") for u in Unit)
        raise ValueError(f"{text!r} is not a limit. Say a whole number and one of: {units}.")
    return Within(int(amount), Unit(name))


@dataclass(frozen=True)
class Due:
    """When a limit ends, whether the calendar was sure of it, and the sum that led there."""

    at: datetime
    provisional: bool
    receipt: dict[str, Any] = field(hash=False)


class _Day(NamedTuple):
    note: str | None  # "make_up", "holiday" or "weekend"; None for a common working day
    open: tuple[tuple[datetime, datetime], ...]


class _Stretch(NamedTuple):
    """Working time that was counted; `day` is the one it belongs to, also after midnight."""

    day: date
    begins: datetime
    ends: datetime
    worked: timedelta


@dataclass(frozen=True)
class WorkingCalendar:
    zone: str = "Asia/Shanghai"
    week: Mapping[int, Hours] = field(default_factory=lambda: OFFICE_WEEK)
    days_off: frozenset[date] = frozenset()
    make_up: Mapping[date, Hours] = field(default_factory=dict)  # wins over days_off; () means the usual hours
    provisional_years: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        week = {day: _tidy(hours) for day, hours in sorted(self.week.items()) if hours}
        make_up = {day: _tidy(hours) for day, hours in sorted(self.make_up.items())}
        object.__setattr__(self, "week", MappingProxyType(week))
        object.__setattr__(self, "make_up", MappingProxyType(make_up))

    def __hash__(self) -> int:
        return hash(self.version)

    @cached_property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @cached_property
    def version(self) -> str:
        """The same for the same content, on every machine: a receipt names the calendar it was reckoned with."""
        hours = list(self.week.items()), list(self.make_up.items())
        content = json.dumps([self.zone, hours, sorted(self.days_off), sorted(self.provisional_years)], default=str)
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    def hours(self, day: date) -> Hours:
        """The blocks of one day by the clock on the wall; none on a day off."""
        if day in self.make_up:
            return self.make_up[day] or next(iter(self.week.values()), OFFICE_HOURS)
        return () if day in self.days_off else self.week.get(day.weekday(), ())

    def end_of(self, day: date) -> datetime:
        """The close of business of a day; of one off, its midnight."""
        hours = self.hours(day)
        return datetime.combine(day, hours[-1][1] if hours else time(23, 59), self.tz)

    def is_provisional(self, year: int) -> bool:
        """A calendar that lists days off or make-up days speaks for the years of its list only."""
        return year in self.provisional_years or (bool(self._listed) and year not in self._listed)

    def is_open(self, at: datetime) -> bool:
        at = _utc(at)
        return any(self._open_between(at, at + timedelta.resolution))

    def next_opening(self, at: datetime) -> datetime:
        """Where counting begins: `at` itself while we are open."""
        at = _utc(at)
        for stretch in self._open_between(at, at + HORIZON):
            return stretch.begins
        raise NoWorkingTime(day=at.astimezone(self.tz).date())

    def between(self, a: datetime, b: datetime) -> timedelta:
        """Working time in [a, b); negative when b comes first."""
        a, b = _utc(a), _utc(b)
        if b < a:
            return -self.between(b, a)
        return sum((stretch.worked for stretch in self._open_between(a, b)), timedelta())

    def later(self, at: datetime, worked: timedelta) -> datetime:
        """The first instant by which so much working time has passed since `at`."""
        at = _utc(at)
        if not worked:
            return at
        for stretch in self._open_between(at, at + HORIZON):
            if worked <= stretch.worked:
                return stretch.begins + worked
            worked -= stretch.worked
        raise NoWorkingTime(day=at.astimezone(self.tz).date())

    def add(self, start: datetime, within: Within) -> Due:
        start = _utc(start)
        local, walk, provisional = start.astimezone(self.tz), list[dict[str, Any]](), False
        if within.unit in (Unit.working_hours, Unit.working_days):
            by_hours = within.unit is Unit.working_hours
            counted = self._count_hours(start, within) if by_hours else self._count_days(start, within)
            due = counted[-1].ends
            walk = self._walk(local.date() if by_hours else local.date() + ONE_DAY, counted)
            provisional = any(map(self.is_provisional, range(local.year, due.astimezone(self.tz).year + 1)))
        else:
            due = _round_the_clock(local, within)
        receipt = {
            "from": local.isoformat(timespec="seconds"),
            "within": str(within),
            "calendar": self.version,
            "zone": self.zone,
            "walk": walk,
            "due": due.astimezone(self.tz).isoformat(timespec="seconds"),
        }
        return Due(due, provisional, receipt)

    def _count_hours(self, start: datetime, within: Within) -> list[_Stretch]:
        left, counted = timedelta(hours=within.amount), []
        for day, begins, _, worked in self._open_between(start, start + HORIZON):
            worked = min(worked, left)
            counted.append(_Stretch(day, begins, begins + worked, worked))
            left -= worked
            if not left:
                return counted
        raise NoWorkingTime(day=start.astimezone(self.tz).date())

    def _count_days(self, start: datetime, within: Within) -> list[_Stretch]:
        today, counted = start.astimezone(self.tz).date(), []
        for day in _days(today + ONE_DAY, today + HORIZON):
            if opened := self._day(day).open:
                opens, closes = opened[0][0], max(closes for _, closes in opened)
                counted.append(_Stretch(day, opens, closes, self.between(opens, closes)))
            if len(counted) == within.amount:
                return counted
        raise NoWorkingTime(day=start.astimezone(self.tz).date())

    def _open_between(self, begin: datetime, end: datetime) -> Iterator[_Stretch]:
        """Working time in [begin, end), in order; where blocks overlap, time counts once."""
        yesterday = begin.astimezone(self.tz).date() - ONE_DAY  # its last block may reach past midnight
        for day in _days(yesterday, end.astimezone(self.tz).date()):
            for opens, closes in self._day(day).open:
                opens, closes = max(opens, begin), min(closes, end)
                if opens < closes:
                    yield _Stretch(day, opens, closes, closes - opens)
                    begin = closes

    def _walk(self, first: date, counted: list[_Stretch]) -> list[dict[str, Any]]:
        rows, done, told = [], timedelta(), 0
        for day, begins, ends, worked in counted:
            shut = (gap for gap in _days(first, day - ONE_DAY) if not self._day(gap).open)
            for note, run in groupby(shut, key=lambda gap: self._day(gap).note):
                skipped = [gap.isoformat() for gap in run]
                rows.append(_row(skipped[0], skipped[0], skipped[-1], 0, note))
            done += worked
            minutes = done // ONE_MINUTE - told  # the seconds of one row are carried to the next: the sum stays right
            told += minutes
            opened, closed = _wall_clock(begins.astimezone(self.tz)), _wall_clock(ends.astimezone(self.tz))
            rows.append(_row(day.isoformat(), opened, closed, minutes, self._day(day).note))
            first = max(first, day + ONE_DAY)
        return rows if len(rows) <= LONGEST_WALK else _folded(rows)

    @cached_property
    def _listed(self) -> range:
        years = {day.year for day in self.days_off | self.make_up.keys()}
        return range(min(years), max(years) + 1) if years else range(0)

    @cached_property
    def _day(self) -> Callable[[date], _Day]:
        return lru_cache(maxsize=2048)(self._read_day)

    def _read_day(self, day: date) -> _Day:
        hours, spans = self.hours(day), []
        for opens, closes in hours:
            begins = datetime.combine(day, opens, self.tz).astimezone(UTC)
            ends = datetime.combine(day + ONE_DAY * (closes <= opens), closes, self.tz).astimezone(UTC)
            if begins < ends:  # the hour that a change to summer time leaves out is nobody's working time
                spans.append((begins, ends))
        if day in self.make_up:
            return _Day("make_up", tuple(spans))
        return _Day("holiday" if day in self.days_off else None if hours else "weekend", tuple(spans))


@lru_cache(maxsize=16)
def mainland_china(years: range | None = None, zone: str = "Asia/Shanghai") -> WorkingCalendar:
    """Office hours with the public holidays and make-up days of mainland China; one shared instance per question.

    For a year whose notice is not out yet the `holidays` library lists the statutory days alone and does not say so.
    Its make-up days also hold a few of other years, whatever we ask for.
    """
    # Imported here, because it takes a quarter of a second that only who seeds a calendar should pay.
    from holidays import country_holidays

    wanted = SEEDED_YEARS if years is None else years
    table = country_holidays("CN", years=wanted)
    make_up = {day for day in table.weekend_workdays if day.year in wanted}
    return WorkingCalendar(
        zone=zone,
        days_off=frozenset(day for day in table if day.year in wanted),
        make_up=dict.fromkeys(make_up, ()),
        provisional_years=frozenset(wanted) - {day.year for day in make_up},
    )


def _utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(f"{at.isoformat()} does not say its time zone. Hand in an aware datetime.")
    return at.astimezone(UTC)


def _tidy(hours: Hours) -> Hours:
    return tuple(sorted((opens, closes) for opens, closes in hours))


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _round_the_clock(local: datetime, within: Within) -> datetime:
    if within.unit is Unit.hours:
        return local.astimezone(UTC) + timedelta(hours=within.amount)
    day = local.date() + timedelta(days=within.amount)
    if within.unit is Unit.months:
        years, month = divmod(local.month - 1 + within.amount, 12)
        year, month = local.year + years, month + 1
        day = date(year, month, min(local.day, monthrange(year, month)[1]))
    return datetime.combine(day, local.time().replace(fold=0), local.tzinfo).astimezone(UTC)


def _wall_clock(at: datetime) -> str:
    return at.time().isoformat("seconds" if at.second else "minutes")


def _row(day: str, begins: str, ends: str, minutes: int, note: str | None) -> dict[str, Any]:
    return {"date": day, "from": begins, "to": ends, "minutes": minutes, "note": note}


def _folded(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The two ends of a long walk; one row in between tells how many working days and minutes it stands for."""
    side = LONGEST_WALK // 2 - 1
    head, middle, tail = rows[:side], rows[side:-side], rows[-side:]
    begins, last = middle[0]["date"], middle[-1]
    ends = last["date"] if last["minutes"] else last["to"]
    fold = _row(begins, begins, ends, sum(row["minutes"] for row in middle), "folded")
    return [*head, fold | {"days": len({row["date"] for row in middle if row["minutes"]})}, *tail]
