"""The ledger as it stood at an instant: which complaints were open, overdue, received or closed, by what was recorded
before it.

A complaint that did not change since stands now as it stood then; of the others their visits to the stages tell it. So
an answer costs what is open and what changed lately, and not what the ledger holds. What is off the board is no
complaint. What was recorded at the very instant came after it.

Each answer is a select of `id` and of the instant (`at`) that puts a complaint there.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select, tuple_, union_all
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
    # written so that the stages find the few that are open, and not the time the many that did not change
    still = *open_now(among), (Complaint.changed_at >= instant).is_(False)
    here = stages(lambda stage: _is_open(stage) and among(stage))
    return _stood(instant, still, here, Complaint.received_at, lambda _: Complaint.received_at)


def open_now(among: Callable[[Stage], bool] = lambda _: True) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Does a complaint stand on the board, not closed? Written so that an index finds those that do."""
    by_procedure = groupby(stages(lambda stage: _is_open(stage) and among(stage)), key=itemgetter(0))
    stands = (
        and_(Complaint.procedure == key, Complaint.stage.in_([stage for _, stage in its])) for key, its in by_procedure
    )
    return Complaint.closed_at.is_(None), or_(false(), *stands)


def _is_open(stage: Stage) -> bool:
    return not stage.final and not stage.off_board


def closed_between(begin: datetime, end: datetime, instant: datetime) -> Stood:
    """What was closed in [begin, end) and stayed so up to the instant."""
    ended = stages(lambda stage: stage.final)
    lately = Complaint.changed_at >= begin, Complaint.changed_at < instant
    still = *lately, _in(Complaint.stage, ended), *_within(Complaint.closed_at, begin, end)
    return _stood(
        instant, still, ended, Complaint.closed_at, lambda visit: visit.entered_at,
        lambda visit: _within(visit.entered_at, begin, end),
    )  # fmt: skip


def received_between(begin: datetime, end: datetime, instant: datetime) -> Stood:
    """What was received in [begin, end). Nothing is changed before it was received."""
    there = stages(lambda stage: not stage.off_board)
    came = _within(Complaint.received_at, begin, end)
    still = Complaint.changed_at >= begin, Complaint.changed_at < instant, _in(Complaint.stage, there), *came
    return _stood(instant, still, there, Complaint.received_at, lambda _: Complaint.received_at, lambda _: came)


def _stood(
    instant: datetime,
    still: Iterable[ColumnElement[bool]],
    pairs: Pairs,
    now: Any,
    then: Callable[[Any], Any],
    when: Callable[[Any], Iterable[ColumnElement[bool]]] = lambda _: (),
) -> Stood:
    """What did not change since and stands like this `still`, with the time `now`; and of what changed that which stood
    in one of these stages, by its visit there, with the time `then`."""
    visit = aliased(StageVisit)
    covers = and_(
        visit.complaint_id == Complaint.id,
        visit.entered_at < instant,
        or_(visit.left_at.is_(None), visit.left_at >= instant),
    )
    stood = Complaint.changed_at >= instant, _in(visit.stage, pairs), *when(visit)
    parts = union_all(
        select(Complaint.id, now.label("at")).where(*still),
        select(Complaint.id, then(visit).label("at")).join(visit, covers).where(*stood),
    ).subquery()
    return select(parts.c.id, parts.c.at)


def _in(stage: Any, pairs: Pairs) -> ColumnElement[bool]:
    return tuple_(Complaint.procedure, stage).in_(pairs)


def _within(column: Any, begin: datetime, end: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return column >= begin, column < end


def overdue_at(instant: datetime) -> Stood:
    """What a clock ran late for; `at` is the earliest due time."""
    return _running(instant, Clock.due_at < instant)


def due_between(begin: datetime, end: datetime) -> Stood:
    """What ran at `begin` and is due by `end`."""
    return _running(begin, Clock.due_at >= begin, Clock.due_at <= end)


def next_promises(complaint_ids: Iterable[int]) -> Select[int, datetime]:
    """When the first of the promises that run now for some complaints is due: what is late by it is overdue."""
    running = Clock.subject_kind == COMPLAINT, Clock.subject_id.in_(complaint_ids), Clock.stopped_at.is_(None)
    first = select(Clock.subject_id.label("id"), func.min(Clock.due_at).label("at"))
    return first.where(*running, *_promises()).group_by(Clock.subject_id)


def _promises() -> list[ColumnElement[bool]]:
    """Targets are none."""
    targets = [(rules.key, rules.version, key) for rules in versions() for key in sorted(rules.targets)]
    if not targets:
        return []
    aimed = tuple_(Complaint.procedure, Complaint.procedure_version, Clock.key).in_(targets)
    return [~exists().where(Complaint.id == Clock.subject_id, aimed)]


def _running(instant: datetime, *due: ColumnElement[bool]) -> Stood:
    # written so that no index answers it: nearly every clock is a complaint's, and the times find the few
    of_complaints = (Clock.subject_kind.concat("") == COMPLAINT, Clock.started_at < instant, *due)
    clock = select(Clock.subject_id.label("id"), Clock.due_at.label("at")).where(*of_complaints, *_promises())
    ran = union_all(clock.where(Clock.stopped_at.is_(None)), clock.where(Clock.stopped_at >= instant)).subquery()
    return select(ran.c.id, func.min(ran.c.at).label("at")).group_by(ran.c.id)
