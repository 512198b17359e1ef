"""The days of a year as months to look at: what is worked, what is a holiday, a make-up day, or different with us."""

from calendar import monthcalendar
from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from flask_babel import format_date, gettext

from complaints.calendar import Hours, WorkingCalendar
from complaints.calendar_outline import written
from webapp.language import locale


class Day(NamedTuple):
    """A day of a month; `kind` is its class on the page, `told` what it is in words where it is not as usual."""

    number: int
    kind: str
    told: str


class Month(NamedTuple):
    name: str
    weeks: list[list[Day | None]]


def of_year(year: int, calendar: WorkingCalendar, different: Mapping[date, Hours], today: date) -> Iterator[Month]:
    for month in range(1, 13):
        weeks = [
            [_day(date(year, month, day), calendar, different, today) if day else None for day in week]
            for week in monthcalendar(year, month)
        ]
        pattern = "y年M月" if locale().startswith("zh") else "LLLL y"
        yield Month(format_date(date(year, month, 1), pattern), weeks)


def weekdays(width: str = "EEEE") -> list[str]:
    """The days of the week from Monday on, in the reader's language."""
    return [format_date(date(2024, 1, day), width) for day in range(1, 8)]


def _day(day: date, calendar: WorkingCalendar, different: Mapping[date, Hours], today: date) -> Day:
    hours, kinds, told = calendar.hours(day), [], []
    if day in different:
        kinds.append("own")
        told.append(written(hours) if hours else gettext("off"))
    elif day in calendar.make_up:
        told.append(gettext("make-up work day"))
    elif day in calendar.days_off:
        told.append(gettext("holiday"))
    if not hours:
        kinds.append("hol" if day in calendar.days_off else "off")
    elif day in calendar.make_up:
        kinds.append("mkup")
    if day == today:
        kinds.append("today")
        told.append(gettext("today"))
    return Day(day.day, " ".join(kinds), gettext(", ").join(told))
