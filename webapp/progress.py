"""How far a complaint is: its clocks as a reader sees them, and its stages as steps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import format_date

from complaints.case import Stay
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.errors import Name
from complaints.procedure import Procedure, Stage
from webapp.context import calendar, now
from webapp.language import locale


@dataclass(frozen=True)
class Face:
    """A clock as a reader sees it. `state`: ok, soon (three quarters gone), over, met, late, cancelled."""

    name: Name
    clock: Clock
    state: str
    length: timedelta
    """Working time left, over, or taken."""
    used: float
    limit: float
    left_out: Sequence[str]
    """Holidays that the due time skips."""


def faces(rules: Procedure, running: Iterable[Clock]) -> list[Face]:
    """Clocks as their reader sees them now."""
    names = {rule.key: rule.name for rule in rules.clocks}
    return [_face(names.get(clock.key, Name(clock.key, clock.key)), clock) for clock in running]


def _face(name: Name, clock: Clock) -> Face:
    worked, at = calendar().between, clock.stopped_at or now()
    used, limit = worked(clock.started_at, at), worked(clock.started_at, clock.due_at)
    if clock.outcome not in (None, "met", "late"):
        state, length = "cancelled", used
    elif clock.stopped_at is not None:
        state, length = ("late", worked(clock.due_at, at)) if clock.outcome == "late" else ("met", used)
    elif at > clock.due_at:
        state, length = "over", worked(clock.due_at, at)
    else:
        state, length = "soon" if used >= limit * 0.75 else "ok", worked(at, clock.due_at)
    hours = timedelta(hours=1)
    return Face(name, clock, state, length, min(used, limit) / hours, limit / hours, _holidays(clock.receipt))


def _holidays(receipt: Mapping[str, Any]) -> list[str]:
    rows = [row for row in receipt.get("walk", ()) if row.get("note") == "holiday" and not row.get("minutes")]
    return [_range(row["from"], row["to"]) for row in rows]


def _range(first: str, last: str) -> str:
    form = "M月d日" if locale().startswith("zh") else "d MMM"
    ends = [format_date(date.fromisoformat(day), form) for day in (first, last)]
    return ends[0] if first == last else "–".join(ends)


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
