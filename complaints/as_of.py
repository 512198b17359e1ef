"""The ledger as it stood at an instant: which complaints were open, overdue, received or closed, by what was recorded
before it.

A complaint that did not change since stands now as it stood then; of the others their visits to the stages tell it. So
an answer costs what is open and what changed lately, and not what the ledger holds. What is off the board is no
complaint. What was recorded at the very instant came after it.

Each answer is a select of `id` and of the instant (`at`) that puts a complaint there.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_, union_all
from sqlalchemy.orm import aliased

from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.procedure import COMPLAINT, Stage, versions
from complaints.visits import StageVisit

Stood = Select[Any]
Pairs = list[tuple[str, str]]


def stages(wanted: Callable[[Stage], bool]) -> Pairs:
    """The stages of every version, on the board and off it, that are as wanted; each with its procedure."""
    every = ((rules.key, stage) for rules in versions() for stage in (*rules.stages, *rules.outcomes))
    return sorted({(key, stage.key) for key, stage in every if wanted(stage)})


def open_at(instant: datetime, among: Callable[[Stage], bool] = lambda _: True) -> Stood:
    """What was on the board and not closed, since it was received; perhaps only in some of its stages."""
    here = stages(lambda stage: not stage.final and not stage.off_board and among(stage))
    return _in(here, instant)


def closed_between(begin: datetime, end: datetime, instant: datetime) -> Stood:
    """What was closed in [begin, end) and stayed so up to the instant."""
    ended = stages(lambda stage: stage.final)
    return _in(ended, instant, Complaint.changed_at >= begin, closed=(begin, end))


def received_between(begin: datetime, end: datetime, instant: datetime) -> Stood:
    """What was received in [begin, end). Nothing is changed before it was received."""
    there = stages(lambda stage: not stage.off_board)
    came = (Complaint.changed_at >= begin, Complaint.received_at >= begin, Complaint.received_at < end)
    return _in(there, instant, *came)


def _in(
    pairs: Pairs,
    instant: datetime,
    *more: ColumnElement[bool],
    closed: tuple[datetime, datetime] | None = None,
) -> Stood:
    """What stood in one of these stages: since it was received, or since it was `closed` in a time."""
    visit = aliased(StageVisit)
    there = visit.complaint_id == Complaint.id, visit.entered_at < instant
    covers = and_(*there, or_(visit.left_at.is_(None), visit.left_at >= instant))
    now, then = (Complaint.closed_at, visit.entered_at) if closed else (Complaint.received_at, Complaint.received_at)
    unchanged = [tuple_(Complaint.procedure, Complaint.stage).in_(pairs), Complaint.changed_at < instant, *more]
    changed = [tuple_(Complaint.procedure, visit.stage).in_(pairs), Complaint.changed_at >= instant, *more]
    if closed:
        unchanged += [now >= closed[0], now < closed[1]]
        changed += [then >= closed[0], then < closed[1]]
    parts = union_all(
        select(Complaint.id, now.label("at")).where(*unchanged),
        select(Complaint.id, then.label("at")).join(visit, covers).where(*changed),
    ).subquery()
    return select(parts.c.id, parts.c.at)


def overdue_at(instant: datetime) -> Stood:
    """What a clock ran late for; `at` is the earliest due time."""
    return _running(instant, Clock.due_at < instant)


def due_between(begin: datetime, end: datetime) -> Stood:
    """What ran at `begin` and is due by `end`."""
    return _running(begin, Clock.due_at >= begin, Clock.due_at <= end)


def _running(instant: datetime, *due: ColumnElement[bool]) -> Stood:
    of_complaints = (Clock.subject_kind == COMPLAINT, Clock.started_at < instant, *due)
    clock = select(Clock.subject_id.label("id"), Clock.due_at.label("at")).where(*of_complaints)
    ran = union_all(clock.where(Clock.stopped_at.is_(None)), clock.where(Clock.stopped_at >= instant)).subquery()
    return select(ran.c.id, func.min(ran.c.at).label("at")).group_by(ran.c.id)
