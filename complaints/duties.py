"""What time itself makes due: reminders, penalties, digests, frozen figures. Each is a question of one moment.

A duty asks what is due at an instant and does it, in transactions of its own, so that a crash in the middle leaves
nothing half done and the next slot finishes it. It may be asked any number of times for the same instant.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session, sessionmaker

from complaints import (
    calendar_changes,
    daily,
    digest,
    figures,
    penalties,
    procedure_store,
    reminders,
    schedule,
    search_index,
)
from complaints.context import Context
from complaints.database import transaction

Make = sessionmaker[Session]


class Duty(NamedTuple):
    """`seconds` lie between two slots. `do` answers how many things it did."""

    name: str
    seconds: int
    do: Callable[[Make, datetime, Context], int]


DUTIES: tuple[Duty, ...] = (
    Duty("calendars", 60, calendar_changes.settle),
    Duty("search", 5, search_index.catch_up),
    Duty("reminders", 60, reminders.remind),
    Duty(penalties.PENALTIES, 600, penalties.propose_due),
    Duty("weekly_digest", 300, digest.do),
    Duty("daily_digest", 300, daily.do),
    Duty("freeze_figures", 3600, figures.freeze),
)


def run(make: Make, at: datetime, context: Context) -> dict[str, int]:
    """Do all that is due at an instant, whatever the slots say; gives how much of each was done."""
    with make() as session:
        procedure_store.refresh(session)  # which of them are confidential
    return {duty.name: duty.do(make, at, context) for duty in DUTIES}


def claimed(make: Make, duty: Duty, at: datetime) -> bool:
    """Is it this process that does a duty in the slot of this instant?"""
    with transaction(make) as session:
        return schedule.take_slot(session, duty.name, every_seconds=duty.seconds, at=at)
