"""Weeks, as calendars number them (ISO 8601), in the organisation's zone.

A week has no length of its own: where clocks go forward in it, it has an hour less.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from complaints.calendar import HORIZON, WorkingCalendar
from complaints.errors import N_, ComplaintError

_WRITTEN = re.compile("(2[0-9]{3})-W([0-9]{2})")
ONE_DAY, A_WEEK = timedelta(days=1), timedelta(days=7)


class NoSuchWeek(ComplaintError):
    message = N_("“%(week)s” is no week. Write it like 2026-W46.")


@dataclass(frozen=True, order=True)
class Week:
    """A week from Monday to Sunday; `monday` is its first day."""

    monday: date

    def __str__(self) -> str:
        year, number, _ = self.monday.isocalendar()
        return f"{year}-W{number:02d}"

    @classmethod
    def parse(cls, text: str) -> "Week":
        """Read what `str` wrote; raises `NoSuchWeek`."""
        if found := _WRITTEN.fullmatch(text):
            with suppress(ValueError):
                return cls(date.fromisocalendar(int(found[1]), int(found[2]), 1))
        raise NoSuchWeek(week=text[:40])

    @classmethod
    def at(cls, moment: datetime, calendar: WorkingCalendar) -> "Week":
        """The week in which an instant lies."""
        day = moment.astimezone(calendar.tz).date()
        return cls(day - timedelta(days=day.weekday()))

    def before(self, number: int = 1) -> "Week":
        return Week(self.monday - number * A_WEEK)

    @property
    def sunday(self) -> date:
        return self.monday + A_WEEK - ONE_DAY

    def begins(self, calendar: WorkingCalendar) -> datetime:
        return midnight(self.monday, calendar)

    def ends(self, calendar: WorkingCalendar) -> datetime:
        """The instant at which the next one begins."""
        return midnight(self.monday + A_WEEK, calendar)

    def last_opening(self, calendar: WorkingCalendar) -> datetime | None:
        """When its last working day begins; None in a week of holidays."""
        days = (self.sunday - n * ONE_DAY for n in range(7))
        return next((opens for day in days if (opens := opening(day, calendar))), None)

    def told_at(self, calendar: WorkingCalendar) -> datetime:
        """When the first working day after it begins."""
        return calendar.next_opening(self.ends(calendar))

    def due_at(self, calendar: WorkingCalendar) -> datetime:
        """When that day ends."""
        return calendar.end_of(self.told_at(calendar).astimezone(calendar.tz).date())


def midnight(day: date, calendar: WorkingCalendar) -> datetime:
    return datetime.combine(day, time(), calendar.tz)


def opening(day: date, calendar: WorkingCalendar) -> datetime | None:
    """When a working day begins; None for a day off."""
    hours = calendar.hours(day)
    return datetime.combine(day, hours[0][0], calendar.tz) if hours else None


def working_days_before(day: date, number: int, calendar: WorkingCalendar) -> date:
    """The first of so many working days that end before a day."""
    for n in range(1, HORIZON.days):
        here = day - n * ONE_DAY
        number -= bool(calendar.hours(here))
        if number <= 0:
            return here
    return day - HORIZON


def working_day_after(day: date, number: int, calendar: WorkingCalendar) -> date:
    """The last of so many working days that begin with a day, or with the first one after it."""
    for n in range(HORIZON.days):
        here = day + n * ONE_DAY
        number -= bool(calendar.hours(here))
        if number <= 0:
            return here
    return day + HORIZON
