"""Levels: when somebody is to be told of a promise. Pure; who is told, and that it happens once, is in reminders.py."""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import NamedTuple

from complaints.calendar import ONE_DAY, WorkingCalendar
from complaints.procedure import Ladder

WARNING, DUE = 0, 1
"""Those above are the rungs of the ladder."""
GRACE = timedelta(minutes=10)
"""So long after the close of business people are still told: what ends then is told then."""


Interval = tuple[datetime, datetime]


class Level(NamedTuple):
    """How far it has come with a promise, and when that is told."""

    number: int
    at: datetime


def levels(
    started_at: datetime,
    due_at: datetime,
    calendar: WorkingCalendar,
    ladder: Ladder,
    *,
    pauses: Sequence[Interval] = (),
) -> list[Level]:
    """All levels of a promise in their order. Of several at one instant the last is told. What begins and ends outside
    working time has no warning; the time of `pauses`, for which the due time was put off, does not count for it."""
    worked = calendar.between(started_at, due_at) - sum((calendar.between(*each) for each in pauses), timedelta())
    warned_at = _after(started_at, worked * 3 / 4, calendar, pauses)
    warning = [Level(WARNING, _told_at(calendar, warned_at))] if worked else []
    return [*warning, Level(DUE, _told_at(calendar, due_at)), *_rungs(due_at, calendar, ladder)]


def _after(started_at: datetime, worked: timedelta, calendar: WorkingCalendar, pauses: Sequence[Interval]) -> datetime:
    """When so much working time has passed since a start, without the pauses."""
    at = calendar.later(started_at, worked)
    for begins, ends in pauses:
        if begins < at:
            at = calendar.later(at, calendar.between(begins, ends))
    return at


def _rungs(due_at: datetime, calendar: WorkingCalendar, ladder: Ladder) -> Iterator[Level]:
    opening = due_at
    for rung in range(ladder.superiors + len(ladder.roles)):
        for _ in range(ladder.every if rung else 1):
            tomorrow = opening.astimezone(calendar.tz).date() + ONE_DAY
            opening = calendar.next_opening(datetime.combine(tomorrow, time(), calendar.tz))
        yield Level(DUE + 1 + rung, opening)


def in_hours(calendar: WorkingCalendar, at: datetime) -> bool:
    """Is anybody told anything at this instant?"""
    return calendar.is_open(at) or calendar.between(at - GRACE, at) > timedelta()


def _told_at(calendar: WorkingCalendar, at: datetime) -> datetime:
    return at if in_hours(calendar, at) else calendar.next_opening(at)
