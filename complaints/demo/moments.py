"""Time for a fill: minutes as numbers, which of them the office is open, and what a promise made then says.

`WorkingCalendar.add` is exact and takes 50 µs; a million complaints ask it some three million times. What it answers
depends only on the minute of the day and on the kinds of the days that it speaks of, so one answer serves wherever such
days follow each other, with its dates put in.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime

from complaints.calendar import WorkingCalendar
from complaints.procedure import ClockRule

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ONE_DAY = timedelta(days=1)
AHEAD = 16
"""An answer that speaks of more days is not used again: between two working days lie eleven at most, and months are not
alike."""
DATE = re.compile(r"\d{4}-\d\d-\d\d")

_CLOCK = [f" {minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60)]
_SECOND = [f"{second:02d}.000000" for second in range(60)]


def minute_of(at: datetime) -> int:
    """The minute an instant lies in."""
    return (at - EPOCH) // MINUTE


class Minutes:
    """The minutes from one instant to another. `open` are those of working time, in order."""

    def __init__(self, calendar: WorkingCalendar, first: datetime, last: datetime) -> None:
        self.calendar = calendar
        self.end = minute_of(last)
        begin = minute_of(first)
        day, until = first.astimezone(calendar.tz).date() - ONE_DAY, last.astimezone(calendar.tz).date()
        self.dates: list[date] = [day + timedelta(days=n) for n in range((until - day).days + AHEAD + 4)]
        self.iso = [day.isoformat() for day in self.dates]
        self.places = {day: n for n, day in enumerate(self.iso)}
        self.kinds = self._kinds()
        self._midnights = [minute_of(datetime.combine(day, time(), calendar.tz).astimezone(UTC)) for day in self.dates]
        self._utc_first = (EPOCH + self._midnights[0] * MINUTE).date()
        self._utc = [(self._utc_first + timedelta(days=n)).isoformat() for n in range(len(self.dates) + 2)]
        self._mail = [format_datetime(datetime.combine(date.fromisoformat(day), time(), UTC))[:16] for day in self._utc]
        self._base = minute_of(datetime.combine(self._utc_first, time(), UTC)) // 1440
        self.open: list[int] = []
        for on in self.dates:
            for opens, closes in calendar.hours(on):
                ends = on + ONE_DAY if closes <= opens else on
                first_minute = minute_of(datetime.combine(on, opens, calendar.tz).astimezone(UTC))
                last_minute = minute_of(datetime.combine(ends, closes, calendar.tz).astimezone(UTC))
                self.open.extend(range(max(first_minute, begin), min(last_minute, self.end)))

    def _kinds(self) -> bytes:
        """A number for each day: those with the same one have the same hours, and the clocks change alike."""
        known: dict[object, int] = {}
        kinds = bytearray()
        for day in self.dates:
            begins, ends = (datetime.combine(on, time(), self.calendar.tz) for on in (day, day + ONE_DAY))
            kind = (
                self.calendar.hours(day), day in self.calendar.make_up, day in self.calendar.days_off,
                begins.utcoffset(), ends.utcoffset(),
            )  # fmt: skip
            kinds.append(known.setdefault(kind, len(known)))
        return bytes(kinds)

    def text(self, minute: int, second: int) -> str:
        """An instant as both databases read it, in UTC."""
        day, rest = divmod(minute, 1440)
        return self._utc[day - self._base] + _CLOCK[rest] + _SECOND[second]

    def mail_date(self, minute: int, second: int) -> str:
        """An instant as a mail's header has it (RFC 5322)."""
        day, rest = divmod(minute, 1440)
        return f"{self._mail[day - self._base]}{_CLOCK[rest]}{second:02d} +0000"

    def closing(self, day: int) -> int:
        """The minute at which the office closes on a day; on one off, its last."""
        hours = self.calendar.hours(self.dates[day])
        closes = hours[-1][1] if hours else time(23, 59)
        return self._midnights[day] + closes.hour * 60 + closes.minute

    def day(self, minute: int) -> int:
        """The local day a minute belongs to, as a place in `dates`."""
        return bisect_right(self._midnights, minute) - 1

    def since_midnight(self, minute: int, day: int) -> int:
        return minute - self._midnights[day]


@dataclass(frozen=True)
class _Answer:
    """What a rule says at one minute of one kind of day: the due time in minutes after the start, and the receipt
    with places for dates, counted in days from the start."""

    minutes: int
    receipt: str
    days: tuple[int, ...]


class Promises:
    """When clocks that start at some minute are due, and the receipts for it."""

    def __init__(self, minutes: Minutes, rules: Sequence[ClockRule]) -> None:
        self.minutes = minutes
        self.rules = rules
        self._known: dict[int, dict[tuple[bytes, int], list[_Answer]]] = {}
        """By the days an answer speaks of: their kinds, and the minute of the first."""

    def at(self, minute: int, day: int) -> list[tuple[int, str]]:
        """For each rule the minute it is due and the receipt as JSON."""
        kinds, since, dates = self.minutes.kinds, self.minutes.since_midnight(minute, day), self.minutes.iso
        for sight, known in self._known.items():
            answers = known.get((kinds[day : day + sight], since))
            if answers is not None:
                return [(minute + a.minutes, a.receipt % tuple([dates[day + n] for n in a.days])) for a in answers]
        return self._reckon(minute, day, since)

    def _reckon(self, minute: int, day: int, since: int) -> list[tuple[int, str]]:
        start, today = EPOCH + minute * MINUTE, self.minutes.dates[day]
        dues = [self.minutes.calendar.add(start, rule.within) for rule in self.rules if rule.within is not None]
        told = [(minute_of(due.at), json.dumps(due.receipt)) for due in dues]
        answers = [
            _Answer(
                due - minute,
                DATE.sub("%s", receipt.replace("%", "%%")),
                tuple((date.fromisoformat(found) - today).days for found in DATE.findall(receipt)),
            )
            for due, receipt in told
        ]
        sight = 1 + max(n for answer in answers for n in answer.days)
        if sight <= AHEAD:
            self._known.setdefault(sight, {})[self.minutes.kinds[day : day + sight], since] = answers
        return told
