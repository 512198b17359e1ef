"""Moves: what may go where, what is missing, and the one transaction that does it.

`allowed` answers for every stage at once, for menus and dragging; `move` decides the same way and acts. The rules
come from the procedure; the functions here know no stage by name.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from complaints import clocks, history, numbers, visits
from complaints.complaint import NO_LIMIT, Complaint
from complaints.context import Context
from complaints.errors import N_, ComplaintError, Missing, MoveRefused, Name, Sentence, StaleComplaint
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


UNDO = timedelta(seconds=10)
"""How long a person may take back the own last move."""
LONGEST_ANSWER = 2_000


@dataclass(frozen=True)
class Ask:
    """An input that a move needs from the person, asked for in place. `kind` is text or choice."""

    field: str
    label: Name | Sentence
    kind: str = "text"
    choices: Mapping[str, Name | str] = dataclasses.field(default_factory=dict)
    required: bool = True


ASKS: Mapping[tuple[str, str], tuple[Ask, ...]] = {
    ("customer_reply", "action_plan"): (Ask("reason", Sentence(N_("Customer's reason"))),)
}


class AnswerWanted(ComplaintError):
    """A move asks for something that was not answered, or not in a way that can be kept."""

    message = N_("%(number)s: moving it to %(stage)s needs an answer.")

    def __init__(self, *, asks: tuple[Ask, ...], problems: Mapping[str, Sentence], **values: object) -> None:
        self.asks = asks
        self.problems = problems
        super().__init__(**values)


class TooLate(ComplaintError):
    message = N_("This can no longer be undone; move %(number)s as the procedure allows.")


@dataclass(frozen=True)
class Moved:
    """A move that went through: the stage it left, and whether it may be undone for `UNDO`."""

    left: str
    undo: bool


@dataclass(frozen=True)
class Choice:
    """A stage as the place to move to: nothing missing means the move would go through, once it is answered."""

    stage: Stage
    here: bool
    missing: tuple[Missing, ...]
    asks: tuple[Ask, ...] = ()
    new_round: bool = False

    @property
    def open(self) -> bool:
        return not self.here and not self.missing


def allowed(session: Session, complaint: Complaint, by: Actor) -> list[Choice]:
    """Every stage of the procedure with what stands in the way of moving there."""
    here = complaint.stage
    return [
        Choice(stage, True, ())
        if stage.key == here
        else Choice(stage, False, missing(complaint, stage, by), ASKS.get((here, stage.key), ()))
        for stage in procedure(complaint.procedure).stages
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
    context: Context | None = None,
    zone: ZoneInfo | None = None,
    answers: Mapping[str, str] = {},
) -> Moved:
    """Take a complaint to another stage, in the caller's transaction.

    Raises `StaleComplaint` when somebody changed it since `seen_version`, `UnknownStage`, and `MoveRefused` with every
    missing thing. Moving to the stage where it already is changes nothing.
    """
    rules = procedure(complaint.procedure)
    stage = rules.stage(stage_key)
    if complaint.version != seen_version:
        raise StaleComplaint(number=complaint.number)
    left = complaint.stage
    if stage.key == left:
        return Moved(left, False)
    reasons = missing(complaint, stage, by)
    if reasons:
        raise MoveRefused(number=complaint.number, stage=stage.name, missing=reasons)
    asks = ASKS.get((left, stage.key), ())
    if problems := {ask.field: problem for ask in asks if (problem := _problem(ask, answers.get(ask.field, "")))}:
        raise AnswerWanted(asks=asks, problems=problems, number=complaint.number, stage=stage.name)
    zone = context.zone if context else zone
    assert zone
    touch(session, complaint, at=at, seen_version=seen_version)
    complaint.stage = stage.key
    registers = complaint.registered_at is None and bool(stage.required)
    if registers:
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
    return Moved(left, not registers)


def _problem(ask: Ask, answer: str) -> Sentence | None:
    if not answer.strip():
        return Sentence(N_("Please answer this.")) if ask.required else None
    if len(answer) > LONGEST_ANSWER:
        return Sentence(N_("at most %(most)s characters"), {"most": LONGEST_ANSWER})
    if ask.kind == "choice" and answer not in ask.choices:
        return Sentence(N_("Please answer this."))
    return None


def undo(
    session: Session, complaint: Complaint, *, by: Actor, at: datetime, seen_version: int, context: Context
) -> None:
    """Take this person's last move back, within `UNDO` of it. Raises `TooLate` and `StaleComplaint`."""
    if complaint.version != seen_version:
        raise StaleComplaint(number=complaint.number)
    last = session.scalars(
        select(history.Change)
        .where(history.Change.complaint_id == complaint.id)
        .order_by(history.Change.id.desc())
        .limit(1)
    ).one()
    if last.act != "moved" or last.by_id != by.id or at - last.at > UNDO:
        raise TooLate(number=complaint.number)
    touch(session, complaint, at=at, seen_version=seen_version)
    complaint.stage, complaint.closed_at = last.values["before"], None
    running = clocks.of(session, "complaint", complaint.id)
    for clock in running:
        if clock.stopped_at == last.at:
            clocks.resume(clock)
    complaint.sort_due_at = clocks.earliest_due(running) or NO_LIMIT
    visits.leave(session, complaint.id, at=at)
    visits.enter(session, complaint.id, complaint.stage, round=complaint.round, by=by, at=at)
    values = {"before": last.values["after"], "after": complaint.stage}
    history.note(session, complaint.id, "move_undone", by=by, at=at, **values)
    session.flush()


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
