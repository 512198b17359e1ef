"""How far a complaint is: its clocks as a reader sees them, and its stages as steps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from complaints import clocks, limits
from complaints.calendar import WorkingCalendar
from complaints.case import Case, Stay
from complaints.clocks import Clock, name_of
from complaints.complaint import Complaint
from complaints.errors import Name
from complaints.procedure import Procedure, Stage
from webapp.context import calendar, engine, now
from webapp.database import db


@dataclass(frozen=True)
class Face:
    """A clock as a reader sees it. `state`: ok, soon (three quarters gone), paused, over, met, late, missed (a target,
    over or late), cancelled. What is used and left is net: the time that it stood still (`waited`) does not count."""

    name: Name
    clock: Clock
    state: str
    length: timedelta
    """The time left, over, or taken."""
    used: float
    limit: float
    waited: timedelta
    due_at: datetime
    """Of one that stands still, if it ran on now."""

    @property
    def day(self) -> int:
        """So many hours make a day for it."""
        return 24 if self.clock.round_the_clock else 8


def faces(case: Case, running: Iterable[Clock]) -> list[Face]:
    """Clocks as their reader sees them now, each by its own calendar."""
    session, context = db.session(), engine()
    return [
        _face(case.rules, clock, limits.calendar_of(session, case, clock.responsible, context)) for clock in running
    ]


def _face(rules: Procedure, clock: Clock, calendar: WorkingCalendar) -> Face:
    at, counted = clock.stopped_at or now(), partial(clocks.counted, clock, calendar)
    waited = clocks.stood_still(clock, calendar, at)
    due = clocks.due_at(clock, calendar, at) if clock.pauses else clock.due_at
    used, limit = counted(clock.started_at, at) - waited, counted(clock.started_at, due) - waited
    if clock.outcome not in (None, "met", "late"):
        state, length = "cancelled", used
    elif clock.stopped_at is not None:
        state, length = ("late", counted(due, at)) if clock.outcome == "late" else ("met", used)
    elif clock.paused:
        state, length = "paused", counted(at, due)
    elif at > due:
        state, length = "over", counted(due, at)
    else:
        state, length = "soon" if used >= limit * 0.75 else "ok", counted(at, due)
    if clock.key in rules.targets and state in ("over", "late"):
        state = "missed"
    hours = timedelta(hours=1)
    return Face(name_of(clock, rules), clock, state, length, min(used, limit) / hours, limit / hours, waited, due)


@dataclass(frozen=True)
class Step:
    """A stage in the stepper. `state`: done, now, todo."""

    stage: Stage
    state: str
    spent: timedelta | None
    since: datetime | None
    over: bool
    filled: int


def steps(complaint: Complaint, rules: Procedure, faces: Sequence[Face], been: Sequence[Stay]) -> list[Step]:
    """The stages of a complaint that has `been` in some of them; the open clocks say how far it is in the present
    one."""
    here = rules.stage(complaint.stage)
    found = []
    for stage in rules.stages:
        mine = [visit for visit in been if visit.stage == stage.key]
        spent = sum((calendar().between(v.entered_at, v.left_at) for v in mine if v.left_at), timedelta())
        if here.off_board:
            state = "done" if mine else "todo"
        else:
            state = "now" if stage.key == here.key else "done" if stage.position < here.position else "todo"
        open_faces = [face for face in faces if face.clock.stopped_at is None] if state == "now" else []
        over = any(face.state == "over" for face in open_faces)
        filled = max((round(100 * face.used / face.limit) for face in open_faces if face.limit), default=50)
        since = next((visit.entered_at for visit in mine if visit.left_at is None), None)
        found.append(Step(stage, state, spent if mine and state == "done" else None, since, over, max(filled, 4)))
    return found
