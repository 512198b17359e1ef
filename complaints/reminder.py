"""The record of who was told of a promise, and of promises of which nobody could be told. The verbs: reminders.py."""

from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Index, Select, String, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints.clocks import Clock
from complaints.database import Base, BigId
from complaints.people import User

NOT_BUNDLED = "bundled_at IS NULL"


class Reminder(Base):
    """Somebody was told of a clock. `values`: what it said of who is responsible and who is told next, and `away`, the
    name of whoever they stand in for. `bundled_at`: since when no mail is owed for it."""

    __tablename__ = "reminder"
    __table_args__ = (
        UniqueConstraint("clock_id", "level", "due_at", "user_id"),
        Index(
            "ix_reminder_not_bundled", "user_id",
            sqlite_where=text(NOT_BUNDLED), postgresql_where=text(NOT_BUNDLED),
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    clock_id: Mapped[int] = mapped_column(ForeignKey("clock.id"))
    level: Mapped[int]
    due_at: Mapped[datetime]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    at: Mapped[datetime]
    values: Mapped[dict[str, Any]]
    bundled_at: Mapped[datetime | None]


class Unclaimed(Base):
    """A promise of which somebody should hear, and nobody is there to do so: the administrators hear of it."""

    __tablename__ = "unclaimed"
    clock_id: Mapped[int] = mapped_column(ForeignKey("clock.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(20))
    since: Mapped[datetime]


def unclaimed() -> Select[str, datetime]:
    """Promises that still run and of which nobody hears: the role, and since when."""
    still = select(Unclaimed.role, Unclaimed.since).join(Clock, Clock.id == Unclaimed.clock_id)
    return still.where(Clock.stopped_at.is_(None)).order_by(Unclaimed.since)


class Step(NamedTuple):
    """A step of the ladder that was told: its level, when, of which due time, and to whom; each with the name of
    whoever they stood in for."""

    level: int
    at: datetime
    due_at: datetime
    people: list[tuple[str, str]]


def steps(session: Session, clock_id: int) -> list[Step]:
    """Who was told of a clock, the first step first."""
    query = select(Reminder.level, Reminder.at, Reminder.due_at, User.name, Reminder.values).join(
        User, User.id == Reminder.user_id
    )
    found = session.execute(
        query.where(Reminder.clock_id == clock_id).order_by(Reminder.at, Reminder.level, Reminder.due_at, Reminder.id)
    )
    return [
        Step(*key, [(row.name, row.values["away"]) for row in told])
        for key, told in groupby(found, attrgetter("level", "at", "due_at"))
    ]
