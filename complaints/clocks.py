"""Clocks: how long we have for what the procedure promises.

A clock starts and stops on recorded acts, never by itself. Its due time is stored when it starts, with a receipt that
says how it was reckoned, so that a later change of the limit does not move a promise already made.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Index, Select, String, UniqueConstraint, bindparam, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.calendar import WorkingCalendar
from complaints.database import Base, BigId
from complaints.procedure import ClockRule

RUNS = "stopped_at IS NULL"
NOT_RECKONED = "stopped_at IS NULL AND (noticed_due_at IS NULL OR noticed_due_at <> due_at)"
"""Nobody looked yet when somebody is to be told of this due time; see reminders.py."""
CANCELLED, MERGED, REPLACED, UNDONE = "cancelled", "merged", "replaced", "undone"
DONE = frozenset({"met", "late"})
WITHOUT_OBJECT = frozenset({CANCELLED, MERGED})


class Clock(Base):
    """One promise on one subject in one round. `outcome` says how it ended: met or late; cancelled or merged (what it
    promised has lost its object), replaced (by the clock of another class) or undone (its start was taken back)."""

    __tablename__ = "clock"
    __table_args__ = (
        UniqueConstraint("subject_kind", "subject_id", "key", "round", "started_at"),
        Index("ix_clock_due_at", "stopped_at", "due_at"),
        Index("ix_clock_key", "key", "due_at"),
        Index(
            "ix_clock_next_notice_at", "stopped_at", "next_notice_at",
            sqlite_where=text(RUNS), postgresql_where=text(RUNS),
        ),
        Index(
            "ix_clock_not_reckoned", "stopped_at", "id",
            sqlite_where=text(NOT_RECKONED), postgresql_where=text(NOT_RECKONED),
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(40))
    round: Mapped[int] = mapped_column(default=1)
    responsible: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    next_notice_at: Mapped[datetime | None]
    noticed_due_at: Mapped[datetime | None]
    """The due time for which the next notice was reckoned: a clock that began, or whose due time moved, has another."""
    stopped_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))
    receipt: Mapped[dict[str, Any]]


def begun(
    rules: Iterable[ClockRule], at: datetime, calendar: WorkingCalendar, *, round: int = 1
) -> list[dict[str, Any]]:
    """What the clocks of these rules say when they start at an instant: rows without their subject."""
    clocks = []
    for rule in rules:
        due = calendar.add(at, rule.within)
        clocks.append(
            {
                "key": rule.key,
                "round": round,
                "responsible": rule.responsible,
                "started_at": at,
                "due_at": due.at,
                "receipt": due.receipt,
            }
        )
    return clocks


def start(session: Session, subject_kind: str, subject_id: int, begun: list[dict[str, Any]]) -> None:
    """Let clocks run for a subject, in the transaction of the act that starts them."""
    rows.add(session, Clock, *({"subject_kind": subject_kind, "subject_id": subject_id, **clock} for clock in begun))


def start_again(
    session: Session,
    subject_kind: str,
    subject_id: int,
    rules: Iterable[ClockRule],
    at: datetime,
    calendar: WorkingCalendar,
) -> None:
    """Let clocks run from an instant; one that ran from there before runs on."""
    there = {(clock.key, clock.started_at): clock for clock in of(session, subject_kind, subject_id)}
    for row in begun(rules, at, calendar):
        if (known := there.get((row["key"], at))) is not None:
            resume(known)
        else:
            start(session, subject_kind, subject_id, [row])


def of(session: Session, subject_kind: str, subject_id: int) -> list[Clock]:
    """All clocks of a subject, in the order of their due times."""
    return list(session.scalars(_of(), {"kind": subject_kind, "id": subject_id}))


@cache
def _of() -> Select[Clock]:
    mine = select(Clock).where(Clock.subject_kind == bindparam("kind"), Clock.subject_id == bindparam("id"))
    return mine.order_by(Clock.due_at, Clock.id)


def stop(clock: Clock, *, at: datetime) -> None:
    """The promised act is done. A stop exactly at the due time is in time."""
    if clock.stopped_at is None:
        clock.stopped_at = at
        clock.outcome = "met" if at <= clock.due_at else "late"


def cancel(clock: Clock, *, at: datetime, outcome: str = CANCELLED) -> None:
    """The promise has lost its object; it was neither kept nor broken."""
    if clock.stopped_at is None:
        clock.stopped_at = at
        clock.outcome = outcome


def resume(clock: Clock) -> None:
    """The act was taken back: the clock runs on as if it had never stopped."""
    clock.stopped_at = None
    clock.outcome = None


def earliest_due(running: Iterable[Clock]) -> datetime | None:
    """The next due time of the clocks that still run."""
    return min((clock.due_at for clock in running if clock.stopped_at is None), default=None)
