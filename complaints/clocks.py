"""Clocks: how long we have for what the procedure promises.

A clock starts and stops on recorded acts, never by itself. Its due time is stored when it starts, with a receipt that
says how it was reckoned, so that a later change of the limit does not move a promise already made. Another
calendar does, once somebody has seen what it moves: see calendar_changes.py. Where it may stand still for a while
(pauses.py), the intervals are kept, never their sum, and the due time follows from them.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Index, Select, String, UniqueConstraint, bindparam, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.calendar import ONE_MINUTE, Due, WorkingCalendar, parse_within
from complaints.database import Base, BigId
from complaints.errors import Name
from complaints.procedure import ClockRule, Procedure

RUNS, STOPPED = "stopped_at IS NULL", "stopped_at IS NOT NULL"
NOT_RECKONED = "stopped_at IS NULL AND (noticed_due_at IS NULL OR noticed_due_at <> due_at)"
"""Nobody looked yet when somebody is to be told of this due time; see reminders.py."""
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Due while it stands still, or as long as nobody has said when."""
ENTERED = ("until", "about")
TOLD = ("customer", "house", *ENTERED)
"""What a receipt says that does not follow from the calendar: with whom a limit was agreed, what the procedure says,
the day or time that was entered and holds instead (see until.py), and in which row."""
CANCELLED, MERGED, REPLACED, UNDONE = "cancelled", "merged", "replaced", "undone"
DONE = frozenset({"met", "late"})
WITHOUT_OBJECT = frozenset({CANCELLED, MERGED})


class Clock(Base):
    """One promise on one subject in one round. `outcome` says how it ended: met or late; cancelled or merged (what it
    promised has lost its object), replaced (by the clock of another class) or undone (its start was taken back).

    `pauses`: the intervals in which it stood still, oldest first, with why; `promised`: what a customer was promised
    beyond the procedure; `backdated`: who entered an earlier time for its end, and why (see real_times.py)."""

    __tablename__ = "clock"
    __table_args__ = (
        UniqueConstraint("subject_kind", "subject_id", "key", "round", "started_at"),
        Index("ix_clock_due_at", "due_at", sqlite_where=text(RUNS), postgresql_where=text(RUNS)),
        Index("ix_clock_stopped_at", "stopped_at", sqlite_where=text(STOPPED), postgresql_where=text(STOPPED)),
        Index("ix_clock_key", "key", "due_at"),
        Index("ix_clock_next_notice_at", "next_notice_at", sqlite_where=text(RUNS), postgresql_where=text(RUNS)),
        Index("ix_clock_not_reckoned", "id", sqlite_where=text(NOT_RECKONED), postgresql_where=text(NOT_RECKONED)),
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
    pauses: Mapped[list[Any] | None]
    promised: Mapped[dict[str, Any] | None]
    backdated: Mapped[dict[str, Any] | None]

    @property
    def paused(self) -> bool:
        """Does it stand still, until somebody ends that?"""
        return self.pauses is not None and any(pause["to"] is None for pause in self.pauses)

    @property
    def round_the_clock(self) -> bool:
        """Does its limit count every hour, and not only those in which we are open?"""
        within = self.receipt.get("within", "")
        return bool(within) and "working" not in within

    @property
    def rule(self) -> str:
        """The key of its rule; that of a row adds the row's place, that of a promise to one customer has none."""
        return self.key if self.promised is not None else self.key.partition(":")[0]

    @property
    def recorded_at(self) -> datetime | None:
        """When its end was recorded, whatever time was entered for it."""
        return datetime.fromisoformat(self.backdated["recorded"]) if self.backdated else self.stopped_at


def called(clock: Clock) -> str:
    """What a history calls a clock: the key that its procedure knows, with the words of its row if it has one, or what
    the customer alone was promised."""
    if clock.promised is not None:
        return f"{clock.promised['name']} ({clock.promised['customer']})"
    return f"{clock.rule}:{clock.receipt['about']}" if "about" in clock.receipt else clock.key


def name_of(clock: Clock, rules: Procedure) -> Name:
    """What a clock promises."""
    return named(called(clock), rules)


def named(said: str, rules: Procedure) -> Name:
    """What a clock promises, by what a history calls it."""
    key, _, about = said.partition(":")
    name = next((rule.name for rule in rules.clocks if rule.key == key), None)
    if name is None:
        return Name(said, said)
    return Name(f"{name.en}: {about}", f"{name.zh}：{about}") if about else name


def begun(
    rules: Iterable[ClockRule], at: datetime, calendar: WorkingCalendar, *, round: int = 1
) -> list[dict[str, Any]]:
    """What the clocks of these rules say when they start at an instant: rows without their subject."""
    clocks = []
    for rule in rules:
        due = calendar.add(at, rule.within) if rule.within is not None else None
        clocks.append(
            {
                "key": rule.key,
                "round": round,
                "responsible": rule.responsible,
                "started_at": at,
                "due_at": due.at if due is not None else NEVER,
                "receipt": receipt_of(due) if due is not None else without_limit(at, calendar),
            }
        )
    return clocks


def receipt_of(due: Due) -> dict[str, Any]:
    """How a due time was reckoned, for who asks later."""
    return due.receipt | ({"provisional": True} if due.provisional else {})


def without_limit(at: datetime, calendar: WorkingCalendar) -> dict[str, Any]:
    """The receipt of a clock that is due when somebody says."""
    started = at.astimezone(calendar.tz).isoformat(timespec="seconds")
    return {"from": started, "calendar": calendar.version, "zone": calendar.zone}


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


def stop(clock: Clock, *, at: datetime, calendar: WorkingCalendar) -> None:
    """The promised act is done. A stop exactly at the due time is in time."""
    if clock.stopped_at is None:
        end(clock, at=at, calendar=calendar)


def end(clock: Clock, *, at: datetime, calendar: WorkingCalendar) -> None:
    """Let a clock have ended at an instant, met or late."""
    clock.stopped_at = at
    if clock.pauses:
        reckon(clock, calendar)
    clock.outcome = "met" if at <= clock.due_at else "late"


def cancel(clock: Clock, *, at: datetime, outcome: str = CANCELLED) -> None:
    """The promise has lost its object; it was neither kept nor broken."""
    if clock.stopped_at is None:
        clock.stopped_at = at
        clock.outcome = outcome


def resume(clock: Clock) -> None:
    """The act was taken back: the clock runs on, or stands still, as if it had never stopped."""
    clock.stopped_at = clock.outcome = clock.backdated = None
    if clock.paused:
        clock.due_at = NEVER


def earliest_due(running: Iterable[Clock]) -> datetime | None:
    """The next due time of the clocks that still run."""
    return min((clock.due_at for clock in running if clock.stopped_at is None), default=None)


# Standing still


def reckon(clock: Clock, calendar: WorkingCalendar) -> None:
    """Set the due time of a clock anew, from its limit or what was entered instead, the calendar and its pauses."""
    told, ends = {key: clock.receipt[key] for key in TOLD if key in clock.receipt}, NEVER
    if limit := clock.receipt.get("within"):
        due = calendar.add(clock.started_at, parse_within(limit))
        standing = [*_standing(clock, calendar, due.at, clock.stopped_at)]
        ends = max((later for _, later in standing), default=due.at)
        receipt = receipt_of(due) | ({"pauses": [row for row, _ in standing]} if standing else {})
    else:
        receipt = without_limit(clock.started_at, calendar)
    if "until" in told:
        ends = entered_time(told["until"], clock.started_at, calendar)
        told["until_due"] = ends.isoformat()
    clock.receipt = receipt | told
    clock.due_at = NEVER if clock.paused and clock.stopped_at is None else ends


def due_at(clock: Clock, calendar: WorkingCalendar, at: datetime | None) -> datetime:
    """When a clock is due; of one that stands still, if it ran on from an instant. A time that was entered does not
    wait."""
    if entered := clock.receipt.get("until"):
        return entered_time(entered, clock.started_at, calendar)
    if "within" not in clock.receipt:
        return NEVER
    due = calendar.add(clock.started_at, parse_within(clock.receipt["within"])).at
    return max((later for _, later in _standing(clock, calendar, due, at)), default=due)


def entered_time(entered: str, started_at: datetime, calendar: WorkingCalendar) -> datetime:
    """The close of business of a date, or a time, as a field holds them; at once where that has passed already."""
    is_day = len(entered) == len("2026-11-16")
    due = calendar.end_of(date.fromisoformat(entered)) if is_day else datetime.fromisoformat(entered)
    return max(due.astimezone(UTC), started_at)


def _standing(
    clock: Clock, calendar: WorkingCalendar, due: datetime, at: datetime | None
) -> Iterator[tuple[dict[str, Any], datetime]]:
    """The pauses as rows of a receipt, each with the due time after it: the time that it would have counted is added.
    One that is not over is, for the receipt, as long as it lasted by an instant."""
    for begins, ends in stands_still(clock, at):
        added = counted(clock, calendar, begins, ends)
        due = due + added if clock.round_the_clock else calendar.later(due, added)
        wall = [each.astimezone(calendar.tz).isoformat(timespec="seconds") for each in (begins, ends, due)]
        yield {"from": wall[0], "to": wall[1], "minutes": added // ONE_MINUTE, "due": wall[2]}, due


def stands_still(clock: Clock, until: datetime | None = None) -> Iterator[tuple[datetime, datetime]]:
    """The intervals in which a clock stood still, as far as they lie before an instant; one without an end is left out
    where no instant is given."""
    for pause in clock.pauses or ():
        begins, ends = datetime.fromisoformat(pause["from"]), pause["to"] and datetime.fromisoformat(pause["to"])
        if until is not None:
            ends = min(ends or until, until)
        if ends is not None and begins < ends:
            yield begins, ends


def counted(clock: Clock, calendar: WorkingCalendar, begins: datetime, ends: datetime) -> timedelta:
    """What a clock counts of [begins, ends): working time, or every hour."""
    return ends - begins if clock.round_the_clock else calendar.between(begins, ends)


def stood_still(clock: Clock, calendar: WorkingCalendar, until: datetime) -> timedelta:
    """How much of what a clock counts it stood still by an instant."""
    return sum((counted(clock, calendar, *each) for each in stands_still(clock, until)), timedelta())
