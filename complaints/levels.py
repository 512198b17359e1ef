"""Levels: when somebody is to be told of a promise. Pure; who is told, and that it happens once, is in reminders.py."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import NamedTuple

from complaints.calendar import ONE_DAY, WorkingCalendar
from complaints.procedure import Ladder

WARNING, DUE = 0, 1
"""Those above are the rungs of the ladder."""
GRACE = timedelta(minutes=10)
"""So long after the close of business people are still told: what ends then is told then."""


class Level(NamedTuple):
    """How far it has come with a promise, and when that is told."""

    number: int
    at: datetime


def levels(started_at: datetime, due_at: datetime, calendar: WorkingCalendar, ladder: Ladder) -> list[Level]:
    """All levels of a promise in their order. Of several at one instant the last is told. What begins and ends outside
    working time has no warning."""
    worked = calendar.between(started_at, due_at)
    warning = [Level(WARNING, _told_at(calendar, calendar.later(started_at, worked * 3 / 4)))] if worked else []
    return [*warning, Level(DUE, _told_at(calendar, due_at)), *_rungs(due_at, calendar, ladder)]


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
