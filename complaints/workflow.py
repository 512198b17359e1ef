"""Moves: what may go where, what is missing, and the one transaction that does it.

`allowed` answers for every stage at once, for menus and dragging; `move` decides the same way and acts; `undo` takes a
move back while it is fresh. The rules come from the procedure; the functions here know no stage by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.dml import ReturningUpdate

from complaints import (
    clocks,
    consequences,
    guards,
    history,
    notices,
    numbers,
    opening,
    records,
    rounds,
    rows,
    signatures,
    visits,
)
from complaints.case import Case, load
from complaints.complaint import Complaint, involve, visible_to
from complaints.context import Context
from complaints.errors import (
    N_,
    ComplaintError,
    Missing,
    MoveRefused,
    Name,
    NotAllowed,
    Sentence,
    StaleComplaint,
    TooLate,
)
from complaints.history import Change
from complaints.people import Actor
from complaints.procedure import COMPLAINT, INVESTIGATION, ROUND, Move, Procedure, Stage, of
from complaints.records import Investigation
from complaints.signatures import Signature
from complaints.texts import clean

UNDO = timedelta(seconds=10)
LONGEST_ANSWER = 1_000
REGISTERED = "registered"
"""Why a confidential complaint stays open to who registered it."""
STAYED_BEHIND = Name(
    "Its investigation began another round; it stayed behind", "其调查已开始新一轮，本投诉仍留在原轮次"
)
ALSO = "also"
"""What a move asks where several complaints share an investigation: which of the others go along."""


@dataclass(frozen=True)
class Ask:
    """An input that a move needs from the person. `kind`: text, or choices (any of them)."""

    field: str
    label: Name | Sentence
    kind: str = "text"
    choices: Mapping[str, str] | None = None
    required: bool = True


@dataclass(frozen=True)
class Choice:
    """A stage as the place to move to: nothing missing means the move would go through."""

    stage: Stage
    here: bool
    missing: tuple[Missing, ...]
    asks: tuple[Ask, ...] = ()
    new_round: bool = False

    @property
    def open(self) -> bool:
        return not self.here and not self.missing


@dataclass(frozen=True)
class Moved:
    """A move that went through: the stage that was left, and whether it may be undone for a moment."""

    left: str
    undo: bool = False


class AnswerWanted(ComplaintError):
    """A move needs an input first. `asks` says which; `problems` what is wrong with the answers, by field."""

    message = N_("%(number)s: please say this first.")

    def __init__(self, *, asks: tuple[Ask, ...], problems: Mapping[str, Sentence], **values: Any) -> None:
        self.asks, self.problems = asks, problems
        super().__init__(**values)


def allowed(session: Session, complaint: Complaint, by: Actor) -> list[Choice]:
    """Every stage of the procedure with what stands in the way of moving there, and what the move would ask."""
    case = load(session, complaint)
    return [_choice(session, case, stage, by) for stage in case.rules.stages]


def _choice(session: Session, case: Case, stage: Stage, by: Actor) -> Choice:
    if stage.key == case.stage:
        return Choice(stage, True, ())
    missing = tuple(guards.against_move(case, stage, by))
    move = guards.way(case, stage)
    if missing or move is None:
        return Choice(stage, False, missing)
    return Choice(stage, False, (), _asks(session, case, move, by), move.new_round)


def _asks(session: Session, case: Case, move: Move, by: Actor) -> tuple[Ask, ...]:
    asks = tuple(Ask(rule.key, rule.name) for rule in move.asks if not (rule.to and _answered(case, move, rule.to)))
    others = _others(session, case, move, by)
    if others:
        label = Sentence(N_("Which complaints of the same investigation go along?"))
        asks += (Ask(ALSO, label, "choices", {each.number: each.number for each in others}, required=False),)
    return asks


def _answered(case: Case, move: Move, ref: str) -> bool:
    """Did somebody write down already what the move would ask, since the complaint came to where it is? Only if all
    that the move would write stands there."""
    return case.written_here(ref) and all(str(case.value(each)) == value for each, value in move.writes.items())


def _others(session: Session, case: Case, move: Move, by: Actor) -> list[Complaint]:
    """The complaints of the same investigation that whoever investigates could take the same way by themselves, where
    it begins a round or undoes signatures of the investigation."""
    shared = move.new_round or any(_shared(case.rules, key) for key in move.voids)
    if not (shared and by.investigates):
        return []
    others = [each for each in records.joined(session, case.complaint) if _visible(session, each, by)]
    return [each for each in others if _may_go_along(load(session, each), move, by)]


def _shared(rules: Procedure, key: str) -> bool:
    rule = rules.signature(key)
    return rule is not None and rule.of == INVESTIGATION


def _visible(session: Session, complaint: Complaint, by: Actor) -> bool:
    return session.scalar(visible_to(by, select(Complaint.id).where(Complaint.id == complaint.id))) is not None


def _may_go_along(other: Case, move: Move, by: Actor) -> bool:
    stage = other.rules.stage(move.to)
    way = guards.way(other, stage)
    return way is not None and way.new_round == move.new_round and not guards.against_move(other, stage, by)


def move(
    session: Session,
    complaint: Complaint,
    stage_key: str,
    *,
    by: Actor,
    at: datetime,
    seen_version: int,
    context: Context,
    answers: Mapping[str, str] | None = None,
) -> Moved:
    """Take a complaint to another stage, in the caller's transaction. `answers`: what the move asks for, by field.

    Raises `StaleComplaint` when somebody changed it since `seen_version`, `UnknownStage`, `MoveRefused` with every
    missing thing, and `AnswerWanted`. Moving to the stage where it already is changes nothing."""
    stage = of(complaint).stage(stage_key)
    hold(session, complaint)
    if complaint.version != seen_version:
        raise StaleComplaint(number=complaint.number)
    if stage.key == complaint.stage:
        return Moved(stage.key)
    case = load(session, complaint)
    missing = guards.against_move(case, stage, by)
    way = guards.way(case, stage)
    if missing or way is None:
        raise MoveRefused(number=complaint.number, stage=stage.name, missing=missing)
    return go(session, case, way, by=by, at=at, context=context, answers=answers or {})


def go(
    session: Session,
    case: Case,
    way: Move,
    *,
    by: Actor,
    at: datetime,
    context: Context,
    answers: Mapping[str, str],
    along: Sequence[Complaint] | None = None,
) -> Moved:
    """Go a way whose guards have been asked, with all that follows. `along`: who goes with it without being asked."""
    complaint, rules = case.complaint, case.rules
    said = _read(_asks(session, case, way, by), answers, complaint.number)
    others = along
    if others is None:
        chosen = [number for number in answers.get(ALSO, "").split(",") if number]
        others = [each for each in _others(session, case, way, by) if each.number in chosen] if chosen else []
    touch(session, complaint, at=at, seen_version=complaint.version)
    undo = not others and _may_undo(rules, case.stage, way)
    before = complaint.round
    trace: dict[str, Any] = {"version": complaint.version}
    if undo:
        trace["undo"] = True
    if said:
        trace["said"] = said
    changed = _changed(case, way, said)
    voided = _void(session, case, way, changed, at=at)
    written = _write(session, case, changed, by=by, at=at)
    if way.new_round:
        rounds.begin(session, complaint, rules.stage(way.to), at=at)
        trace["round"] = complaint.round
    if voided:
        trace["voided"] = [each.id for each in voided]
    left = _enter(session, complaint, rules.stage(way.to), by=by, at=at, context=context, trace=trace)
    events = [*written, *([ROUND] if way.new_round else []), f"entered:{way.to}", f"moved:{way.key}"]
    same = None if written or complaint.round != before else case.after(way, {each.key for each in voided}, at)
    consequences.follow(session, complaint, events, by=by, at=at, context=context, case=same)
    told = {"with": complaint.number, "said": said}
    for other in others:
        _go_along(session, other, way, by=by, at=at, context=context, told=told)
    if way.new_round:
        _into_the_round(session, complaint, way, by=by, at=at, context=context, told=told)
    if shared := [each for each in voided if each.subject == INVESTIGATION]:
        consequences.keep_up(session, complaint, shared, by=by, at=at, context=context)
    return Moved(left, undo)


def _read(asks: Sequence[Ask], answers: Mapping[str, str], number: str) -> dict[str, str]:
    said = {ask.field: clean(answers.get(ask.field, ""), lines=True) for ask in asks}
    problems = {}
    for ask in asks:
        if ask.required and not said[ask.field]:
            problems[ask.field] = Sentence(N_("%(field)s is missing"), {"field": ask.label})
        elif len(said[ask.field]) > LONGEST_ANSWER:
            values = {"field": ask.label, "limit": LONGEST_ANSWER, "length": len(said[ask.field])}
            problems[ask.field] = Sentence(N_("%(field)s may have %(limit)s characters; this has %(length)s"), values)
    if problems:
        raise AnswerWanted(asks=tuple(asks), problems=problems, number=number)
    return {field: text for field, text in said.items() if text}


def _void(
    session: Session, case: Case, way: Move, changed: Mapping[str, Mapping[str, str]], *, at: datetime
) -> list[Signature]:
    """The signatures that fall on a way: those that it voids, and those that cover what it changes."""
    refs = {*changed, *(f"{sheet}.{field}" for sheet, fields in changed.items() for field in fields)}
    covering = {rule.key for rule in case.rules.signatures if refs & {*rule.covers}}
    voided = [each for each in case.given if "*" in way.voids or each.key in {*way.voids, *covering}]
    for signature in voided:
        signatures.void(signature, at=at, because=way.key or "moved")
        consequences.end_clocks_of(session, case, signature.key, at=at)
    return voided


def _changed(case: Case, way: Move, said: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What a way writes by itself, and the answers that have a place in a record, where something else stands there."""
    values = dict(way.writes)
    values |= {ask.to: said[ask.key] for ask in way.asks if ask.to and ask.key in said}
    by_sheet: dict[str, dict[str, str]] = {}
    for ref, value in values.items():
        sheet, _, key = ref.partition(".")
        if case.value(ref) != value:
            by_sheet.setdefault(sheet, {})[key] = value
    return by_sheet


def _write(
    session: Session, case: Case, by_sheet: Mapping[str, Mapping[str, str]], *, by: Actor, at: datetime
) -> list[str]:
    for key, changed in by_sheet.items():
        found = case.rules.sheet(key)
        assert found is not None
        subject = records.subject_of(session, case.complaint, found.of, at=at)
        round = records.round_of(found, case.complaint)
        session.add(records.put(case.records.get(key), found, subject, changed, round=round, place=0, by=by, at=at))
        history.note(
            session, case.complaint.id, "recorded", by=by, at=at, sheet=key, round=case.complaint.round,
            changed={field: ["", value] for field, value in changed.items()},
        )  # fmt: skip
    return [f"written:{key}" for key in by_sheet]


def _into_the_round(
    session: Session,
    complaint: Complaint,
    way: Move,
    *,
    by: Actor,
    at: datetime,
    context: Context,
    told: Mapping[str, Any],
) -> None:
    """A round that began counts for every complaint of the investigation that has not passed the stage of the plan.
    Who investigates one that has, and stays behind, is told: they say whether it goes back, too."""
    today = at.astimezone(context.zone).date()
    for other in records.joined(session, complaint):
        if other.stage == way.to and rounds.older(session, other):
            _go_along(session, other, way, by=by, at=at, context=context, told=told)
        elif rounds.catch_up(session, other):
            touch(session, other, at=at, seen_version=other.version)
            history.note(
                session, other.id, "round_shared", by=by, at=at, number=complaint.number, round=complaint.round
            )
            consequences.follow(session, other, [ROUND], by=by, at=at, context=context)
        elif rounds.behind(session, other) and (investigator := load(session, other).investigator):
            notices.tell(
                session, other, [investigator], f"stayed_behind:{complaint.round}", by=by, at=at, today=today,
                secret=context.secret, domain=context.domain, values={"name": asdict(STAYED_BEHIND)},
            )  # fmt: skip


def take_along(
    session: Session, complaint: Complaint, *, by: Actor, at: datetime, seen_version: int, context: Context
) -> None:
    """Take a complaint that stayed behind into the present round of its investigation, back to the last stage where a
    round begins and that asks nothing it lacks; in the caller's transaction. One that is in that round changes nothing.

    Raises `NotAllowed` and `StaleComplaint`."""
    if not by.investigates:
        raise NotAllowed(who=guards.INVESTIGATORS)
    hold(session, complaint)
    if complaint.version != seen_version:
        raise StaleComplaint(number=complaint.number)
    if rounds.behind(session, complaint):
        case, stages = load(session, complaint), of(complaint).round_stages
        stage = next((each for each in stages if not guards.lacking(case, each.needs)), stages[-1])
        way = Move("taken_along", (complaint.stage,), stage.key, (), back=True, new_round=True)
        _go_along(session, complaint, way, by=by, at=at, context=context, told={})


def _go_along(
    session: Session,
    other: Complaint,
    way: Move,
    *,
    by: Actor,
    at: datetime,
    context: Context,
    told: Mapping[str, Any],
) -> None:
    """A complaint that shares the investigation goes back like the first one, into the same round."""
    touch(session, other, at=at, seen_version=other.version)
    trace: dict[str, Any] = {"version": other.version, **told}
    if voided := _void(session, load(session, other), way, {}, at=at):
        trace["voided"] = [each.id for each in voided]
    _enter(session, other, of(other).stage(way.to), by=by, at=at, context=context, trace=trace)
    events = [*([ROUND] if way.new_round else []), f"entered:{way.to}", f"moved:{way.key}"]
    consequences.follow(session, other, events, by=by, at=at, context=context)


def _enter(
    session: Session,
    complaint: Complaint,
    stage: Stage,
    *,
    by: Actor,
    at: datetime,
    context: Context,
    trace: Mapping[str, Any],
) -> str:
    """Stand in another stage: the visit, the round, the register, the history. Returns the stage that was left."""
    left = complaint.stage
    rows.change(session, complaint, stage=stage.key, closed_at=at if stage.final else None)
    if rounds.catch_up(session, complaint):
        trace = {**trace, "round": complaint.round}
    if stage.register and complaint.registered_at is None:
        _enter_register(session, complaint, by=by, at=at, context=context)
    visits.leave(session, complaint.id, at=at)
    visits.enter(session, complaint.id, stage.key, round=complaint.round, by=by, at=at)
    history.note(session, complaint.id, "moved", by=by, at=at, before=left, after=stage.key, **trace)
    return left


def hold(session: Session, *held: Complaint) -> None:
    """From here to the end of the transaction nobody else changes these complaints, those that opened them, or what
    they investigate; what is read of them is the newest. Investigations first and everything by id, so that nobody
    waits in a circle. SQLite needs no lock: there a writing transaction is alone from its first question on."""
    if rows.dialect(session) == "sqlite":
        return
    session.flush()
    held = (*held, *(opener for each in held for opener in opening.openers(session, each) if opener not in held))
    while True:
        investigations = {each.investigation_id for each in held if each.investigation_id is not None}
        for id_ in sorted(investigations):
            session.get_one(Investigation, id_, with_for_update=True, populate_existing=True)
        for each in sorted(held, key=lambda each: each.id):
            session.refresh(each, with_for_update=True)
        if {each.investigation_id for each in held} <= {None, *investigations}:
            return


def touch(session: Session, complaint: Complaint, *, at: datetime, seen_version: int) -> None:
    """Take the next version of a complaint, or raise `StaleComplaint`: of two people who saw the same version, one
    wins, whatever the database."""
    values = {"of": complaint.id, "seen": seen_version, "next": seen_version + 1, "at": at}
    if rows.run(session, _next_version(), values).scalar_one_or_none() is None:
        raise StaleComplaint(number=complaint.number)
    set_committed_value(complaint, "version", seen_version + 1)
    set_committed_value(complaint, "changed_at", at)


@cache
def _next_version() -> ReturningUpdate[Any]:
    table = rows.table(Complaint)
    seen = update(table).where(table.c.id == bindparam("of"), table.c.version == bindparam("seen"))
    return seen.values(version=bindparam("next"), changed_at=bindparam("at")).returning(table.c.id)


def _enter_register(session: Session, complaint: Complaint, *, by: Actor, at: datetime, context: Context) -> None:
    year = numbers.local_year(at, context.zone)
    complaint.register_year = year
    complaint.register_serial = numbers.next_in(session, f"register:{year}")
    complaint.registered_at = at
    complaint.registered_by_id = by.id
    if of(complaint).confidential and by.id is not None:
        involve(session, complaint, at=at, reason=REGISTERED, users=[by.id])
    history.note(session, complaint.id, "registered", by=by, at=at, register_no=complaint.register_no)


# Taking a move back


def _may_undo(rules: Procedure, left: str, way: Move) -> bool:
    """Where the procedure has a way back, a move may be undone while it is fresh; not when it opened a round or wrote
    in a record."""
    wrote = way.new_round or way.writes or any(ask.to for ask in way.asks)
    return not wrote and bool(rules.ways(way.to, left, by_hand=True))


def undo(
    session: Session, complaint: Complaint, *, by: Actor, at: datetime, seen_version: int, context: Context
) -> None:
    """Take this person's last move back, as if it had not been: clocks run on or never began, voided signatures stand
    again, who was told is not told. The history keeps both. In the caller's transaction.

    Raises `StaleComplaint`, and `TooLate` after ten seconds or when something else has happened since."""
    hold(session, complaint)
    if complaint.version != seen_version:
        raise StaleComplaint(number=complaint.number)
    moved = session.scalars(
        select(Change)
        .where(Change.complaint_id == complaint.id, Change.act == "moved")
        .order_by(Change.id.desc())
        .limit(1)
    ).one_or_none()
    if (
        moved is None
        or moved.by_id != by.id
        or not timedelta() <= at - moved.at <= UNDO
        or moved.values.get("version") != complaint.version
        or moved.values["after"] != complaint.stage
        or not moved.values.get("undo")
    ):
        raise TooLate(number=complaint.number)
    fallen = _fallen(session, load(session, complaint), moved)
    touch(session, complaint, at=at, seen_version=seen_version)
    left, complaint.stage = complaint.stage, moved.values["before"]
    complaint.closed_at = None
    rounds.catch_up(session, complaint)
    for signature in fallen:
        signature.voided_at, signature.voided_because = None, ""
    _wind_back(session, complaint, moved)
    visits.leave(session, complaint.id, at=at, undone=True)
    visits.enter(session, complaint.id, complaint.stage, round=complaint.round, by=by, at=at)
    notices.take_back(session, complaint, since_version=moved.values["version"], at=at)
    history.note(session, complaint.id, "undone", by=by, at=at, before=left, after=complaint.stage)
    consequences.follow(session, complaint, [], by=by, at=at, context=context)
    if any(each.subject == INVESTIGATION for each in fallen):
        consequences.keep_up(session, complaint, by=by, at=at, context=context)


def _fallen(session: Session, case: Case, moved: Change) -> list[Signature]:
    """The signatures that a move voided. They stand again only over what was signed: raises `TooLate` when that was
    changed since, through another complaint of the same investigation, or when it was signed anew."""
    ids = moved.values.get("voided", [])
    fallen = list(session.scalars(select(Signature).where(Signature.id.in_(ids)))) if ids else []
    for signature in fallen:
        rule = case.rules.signature(signature.key)
        anew = any((each.key, each.department_id) == (signature.key, signature.department_id) for each in case.given)
        if rule is None or anew or case.content(rule) != signature.digest:
            raise TooLate(number=case.complaint.number)
    return fallen


def _wind_back(session: Session, complaint: Complaint, moved: Change) -> None:
    """The clocks that a move stopped run on, those that it started never began. What was signed in the same breath
    stays signed, and so do the promises that begin with it."""
    by_signature = {rule.key for rule in of(complaint).clocks if rule.starts.startswith("signed:")}
    for clock in clocks.of(session, COMPLAINT, complaint.id):
        if clock.stopped_at == moved.at:
            clocks.resume(clock)
        elif clock.started_at == moved.at and clock.key not in by_signature:
            clocks.cancel(clock, at=moved.at, outcome=clocks.UNDONE)
