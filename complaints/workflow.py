"""Moves: what may go where, what is missing, and the one transaction that does it.

`allowed` answers for every stage at once, for menus and dragging; `move` decides the same way and acts. The rules
come from the procedure; the functions here know no stage by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.orm import Session

from complaints import clocks, history, numbers, visits
from complaints.complaint import NO_LIMIT, Complaint
from complaints.errors import N_, Missing, MoveRefused, Sentence, StaleComplaint
from complaints.people import ROLES, Actor
from complaints.procedure import Procedure, Stage, procedure

FIELD_NAMES: Mapping[str, str] = {
    "customer": N_("Customer"),
    "complaint_date": N_("Complaint date"),
    "content": N_("Complaint content"),
    "channel": N_("Channel"),
    "complaint_class": N_("Class"),
    "cause_type": N_("Cause type"),
    "link": N_("Link"),
    "order_no": N_("Order no."),
    "product": N_("Product name"),
    "demand": N_("Customer's demand"),
}


@dataclass(frozen=True)
class Choice:
    """A stage as the place to move to: nothing missing means the move would go through."""

    stage: Stage
    here: bool
    missing: tuple[Missing, ...]

    @property
    def open(self) -> bool:
        return not self.here and not self.missing


def allowed(complaint: Complaint, by: Actor) -> list[Choice]:
    """Every stage of the procedure with what stands in the way of moving there."""
    rules = procedure(complaint.procedure)
    return [
        Choice(
            stage, stage.key == complaint.stage, () if stage.key == complaint.stage else missing(complaint, stage, by)
        )
        for stage in rules.stages
    ]


def missing(complaint: Complaint, stage: Stage, by: Actor) -> tuple[Missing, ...]:
    """Everything that keeps a complaint from entering a stage; empty when it may."""
    rules = procedure(complaint.procedure)
    here = rules.stage(complaint.stage)
    reasons: list[Missing] = []
    if here.key not in stage.from_:
        reasons.append(Missing(_no_way(rules, here, stage)))
    elif by.id is not None and stage.moved_in_by and not by.roles & set(stage.moved_in_by):
        who = Sentence(N_("only %(roles)s"), {"roles": RoleNames(stage.moved_in_by)})
        reasons.append(Missing(Sentence(N_("Your role may not move it here: %(who)s"), {"who": who})))
    reasons.extend(_empty(complaint, stage.required))
    if complaint.cause_type == "quality" and not complaint.details_asked.strip():
        reasons.extend(_empty(complaint, stage.required_for_quality))
    return tuple(reasons)


@dataclass(frozen=True)
class RoleNames:
    """Role names as one text in the reader's language."""

    roles: tuple[str, ...]

    def in_(self, locale: str) -> str:
        return ("、" if locale.startswith("zh") else ", ").join(ROLES[role].in_(locale) for role in self.roles)


def _no_way(rules: Procedure, here: Stage, stage: Stage) -> Sentence:
    if not stage.from_:
        return Sentence(N_("A complaint begins in %(stage)s and never goes back there"), {"stage": stage.name})
    onward = [s.name for s in rules.stages if here.key in s.from_]
    if len(onward) == 1:
        return Sentence(N_("From %(here)s it goes to %(next)s"), {"here": here.name, "next": onward[0]})
    return Sentence(N_("There is no way from %(here)s to %(stage)s"), {"here": here.name, "stage": stage.name})


def _empty(complaint: Complaint, fields: tuple[str, ...]) -> list[Missing]:
    columns = {"customer": "customer_id"}
    reasons = []
    for field in fields:
        value = getattr(complaint, columns.get(field, field))
        if value is None or (isinstance(value, str) and not value.strip()):
            name = Sentence(FIELD_NAMES[field])
            reasons.append(Missing(Sentence(N_("%(field)s is missing"), {"field": name}), field))
    return reasons


def move(
    session: Session,
    complaint: Complaint,
    stage_key: str,
    *,
    by: Actor,
    at: datetime,
    seen_version: int,
    zone: ZoneInfo,
) -> str:
    """Take a complaint to another stage, in the caller's transaction; returns the stage it left.

    Raises `StaleComplaint` when somebody changed it since `seen_version`, `UnknownStage`, and `MoveRefused` with every
    missing thing. Moving to the stage where it already is changes nothing.
    """
    rules = procedure(complaint.procedure)
    stage = rules.stage(stage_key)
    if complaint.version != seen_version:
        raise StaleComplaint(number=complaint.number)
    left = complaint.stage
    if stage.key == left:
        return left
    reasons = missing(complaint, stage, by)
    if reasons:
        raise MoveRefused(number=complaint.number, stage=stage.name, missing=reasons)
    touch(session, complaint, at=at, seen_version=seen_version)
    complaint.stage = stage.key
    if complaint.registered_at is None and stage.required:
        _enter_register(session, complaint, by=by, at=at, zone=zone)
    complaint.closed_at = at if stage.final else None
    running = clocks.of(session, "complaint", complaint.id)
    for rule in rules.clocks:
        if rule.stops_on_entering == stage.key:
            for clock in running:
                if clock.key == rule.key:
                    clocks.stop(clock, at=at)
    complaint.sort_due_at = clocks.earliest_due(running) or NO_LIMIT
    visits.leave(session, complaint.id, at=at)
    visits.enter(session, complaint.id, stage.key, round=complaint.round, by=by, at=at)
    history.note(session, complaint.id, "moved", by=by, at=at, before=left, after=stage.key)
    session.flush()
    return left


def touch(session: Session, complaint: Complaint, *, at: datetime, seen_version: int) -> None:
    """Take the next version of a complaint, or raise `StaleComplaint`: of two people who saw the same version, one
    wins, whatever the database."""
    won = session.execute(
        update(Complaint)
        .where(Complaint.id == complaint.id, Complaint.version == seen_version)
        .values(version=seen_version + 1, changed_at=at)
        .returning(Complaint.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if won is None:
        raise StaleComplaint(number=complaint.number)
    session.refresh(complaint, ["version", "changed_at"])


def _enter_register(session: Session, complaint: Complaint, *, by: Actor, at: datetime, zone: ZoneInfo) -> None:
    year = numbers.local_year(at, zone)
    complaint.register_year = year
    complaint.register_serial = numbers.next_in(session, f"register:{year}")
    complaint.registered_at = at
    complaint.registered_by_id = by.id
    complaint.owner_id = complaint.owner_id or by.id
    history.note(session, complaint.id, "registered", by=by, at=at, register_no=complaint.register_no)
