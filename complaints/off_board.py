"""Off the board: a complaint that was judged to be none, was merged into another, or was withdrawn.

It keeps its number and its content and stays in search and ledger. The decision is a row with who, when and why; taking
it back is written on that row, never erased. Which outcomes there are, and from which stages, stands in the procedure.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, String, Text, case, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from complaints import (
    clocks,
    consequences,
    guards,
    history,
    notices,
    receivers,
    records,
    repeats,
    rounds,
    signatures,
    visits,
    watching,
    workflow,
)
from complaints import complaint as complaints
from complaints.case import filled, load
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.database import Base
from complaints.errors import N_, BadInput, ComplaintError, Missing, MoveRefused, Name, NotAllowed, NotFound, Sentence
from complaints.guards import RoleNames
from complaints.people import FRONT_OFFICE, QUALITY, SYSTEM, Actor, Grant, User, actor_for
from complaints.procedure import ANSWERED, COMPLAINT, Procedure, Sheet, Stage, of
from complaints.texts import clean

NOT_COMPLAINT, MERGED, WITHDRAWN = "not_complaint", "merged", "withdrawn"
UNMERGE = timedelta(days=1)
KINDS: Mapping[str, Name] = {**ANSWERED, "none": Name("Nothing to answer", "无需答复")}
"""What a message is that is no complaint; all but the last go to the answer list."""
LONGEST_REASON = 1_000
ANSWERS = "answers"
"""Why a complaint is open to who is to answer it."""


class Decision(Base):
    """Why a complaint left the board. `into_id` is the complaint that took it in; `back_at` says it was taken back.
    What is no complaint may still want an answer: `kind` says what it is, `owner_id` who answers, `answer` and
    `answered_at` that it is done."""

    __tablename__ = "off_board"
    __table_args__ = (
        Index("ix_off_board_complaint_id", "complaint_id", "id"),
        Index("ix_off_board_owner_id", "owner_id", "answered_at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    outcome: Mapped[str] = mapped_column(String(20))
    left_stage: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text)
    into_id: Mapped[int | None] = mapped_column(ForeignKey("complaint.id"))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    back_at: Mapped[datetime | None]
    back_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    kind: Mapped[str] = mapped_column(String(20), default="")
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


def who_may(session: Session, today: date) -> list[tuple[int, str]]:
    """Who may be asked to answer: front office and quality, as they work here today."""
    holds = select(Grant.user_id).where(
        Grant.role.in_(sorted(FRONT_OFFICE | QUALITY)),
        Grant.since <= today,
        Grant.until.is_(None) | (Grant.until >= today),
    )
    query = select(User.id, User.name).where(User.id.in_(holds), User.left_at.is_(None)).order_by(User.name, User.id)
    return [(id_, name) for id_, name in session.execute(query)]


def may_answer(session: Session, owner: int, today: date) -> dict[int, str]:
    """Everybody who may be asked to answer, this person among them; raises `BadInput`."""
    names = dict(who_may(session, today))
    if owner not in names:
        raise BadInput(field="owner", problem=Sentence(N_("choose somebody of the list")))
    return names


class ReasonWanted(ComplaintError):
    message = N_("Please say why.")


class ReasonTooLong(ComplaintError):
    message = N_("The reason may have %(limit)s characters; this has %(length)s.")


def a_reason(typed: str, *, needed: bool = True) -> str:
    """A reason as a person typed it; raises `ReasonWanted` and `ReasonTooLong`."""
    reason = clean(typed, lines=True)
    if needed and not reason:
        raise ReasonWanted
    if len(reason) > LONGEST_REASON:
        raise ReasonTooLong(limit=LONGEST_REASON, length=len(reason))
    return reason


class NotThere(ComplaintError):
    message = N_("%(number)s cannot be joined to %(into)s: %(problem)s.")


def take(
    session: Session,
    complaint: Complaint,
    outcome: str,
    *,
    reason: str,
    by: Actor,
    at: datetime,
    seen_version: int,
    context: Context,
    into: Complaint | None = None,
    kind: str = "",
    owner: int | None = None,
    sure: bool = False,
) -> None:
    """Take a complaint off the board, in the caller's transaction: its clocks are cancelled, the decision is kept. What
    is no complaint may be of a `kind` that its `owner` is to answer, who then may see it; the outcome itself may say of
    which (`answer`). `sure`: it is the same matter
    though the customers differ, or though it is registered and the other one is not.

    Raises `NotAllowed`, `StaleComplaint`, `MoveRefused` when its stage does not allow it, `ReasonWanted`,
    `ReasonTooLong`, and `NotThere` when `into` cannot take it in. Doing the same again changes nothing."""
    rules = of(complaint)
    place = rules.stage(outcome)
    kind = place.answer or kind
    _check_role(rules, place, by)
    workflow.hold(session, complaint, *([into] if into else []))
    if complaint.stage == outcome and complaint.merged_into_id == (into.id if into else None):
        return
    reason = a_reason(reason, needed=outcome != MERGED)
    _check_way(session, complaint, place)
    if kind and kind not in KINDS:
        raise BadInput(field="kind", problem=Sentence(N_("choose one of: %(known)s"), {"known": ", ".join(KINDS)}))
    if owner is not None and owner != by.id:
        may_answer(session, owner, at.astimezone(context.zone).date())
    if into is not None:
        _check_into(complaint, into, sure=sure)
    workflow.touch(session, complaint, at=at, seen_version=seen_version)
    left = complaint.stage
    complaint.stage = outcome
    complaint.merged_into_id = into.id if into else None
    for clock in clocks.of(session, COMPLAINT, complaint.id):
        clocks.cancel(clock, at=at, outcome=clocks.MERGED if into else clocks.CANCELLED)
    visits.leave(session, complaint.id, at=at)
    visits.enter(session, complaint.id, outcome, round=complaint.round, by=by, at=at)
    session.add(
        Decision(
            complaint_id=complaint.id, outcome=outcome, left_stage=left, reason=reason,
            into_id=into.id if into else None, at=at, by_id=by.id, kind=kind,
            owner_id=owner or by.id if kind and kind != "none" else None,
        )
    )  # fmt: skip
    if owner is not None:
        complaints.involve(session, complaint, at=at, reason=ANSWERS, users=[owner])
    repeats.renew(session, complaint)
    told = {"into": into.number} if into else {}
    history.note(session, complaint.id, outcome, by=by, at=at, before=left, reason=reason, **told)
    if into is not None:
        _take_in(session, into, complaint, by=by, at=at, context=context)
    consequences.follow(session, complaint, [f"entered:{outcome}"], by=by, at=at, context=context)


def _take_in(
    session: Session, into: Complaint, merged: Complaint, *, by: Actor, at: datetime, context: Context
) -> None:
    """The complaint that goes on has the letters and files of both. Whoever has it, or in whose queue it stands, hears
    of that; of the other one's number, who may see it."""
    history.note(session, into.id, "merged_in", by=by, at=at, number=merged.number)
    into.unread_count += merged.unread_count
    into.attachment_count += merged.attachment_count
    into.changed_at = at
    number, today = merged.number, at.astimezone(context.zone).date()
    for user in sorted(receivers.whose(session, load(session, into), today)):
        reader = actor_for(session, session.get_one(User, user), today)
        sees = complaints.visible_to(reader, select(Complaint.id).where(Complaint.id == merged.id))
        shown = Name(number, number) if session.scalar(sees) else Name("Another complaint", "另一条投诉")
        notices.tell(
            session, into, [user], f"merged_in:{number}", by=by, at=at, today=today,
            secret=context.secret, domain=context.domain,
            values={"name": {"en": f"{shown.en} was merged into it", "zh": f"{shown.zh} 已合并至此"}},
        )  # fmt: skip


def _check_role(rules: Procedure, place: Stage, by: Actor) -> None:
    if by.id is not None and not by.roles & {*place.moved_in_by}:
        raise NotAllowed(who=RoleNames.of(rules, place.moved_in_by[:3]))


def _check_way(session: Session, complaint: Complaint, place: Stage) -> None:
    """Is the way off the board open where the complaint stands, with all that it asks for?"""
    if complaint.stage in place.from_:
        missing = guards.lacking(load(session, complaint), place.needs)
    else:
        here = of(complaint).stage(complaint.stage).name
        missing = [Missing(Sentence(N_("not from %(stage)s"), {"stage": here}))]
    if missing:
        raise MoveRefused(number=complaint.number, stage=place.name, missing=missing)


def _check_into(complaint: Complaint, into: Complaint, *, sure: bool) -> None:
    problem = None
    values = {"customer": into.customer.name if into.customer else "", "subject": into.subject}
    if into.id == complaint.id:
        problem = N_("it is the same complaint")
    elif is_off(into):
        problem = N_("that one is off the board itself")
    elif into.procedure != complaint.procedure:
        problem = N_("that one follows another procedure")
    elif not sure and complaint.customer_id and into.customer_id not in (None, complaint.customer_id):
        problem = N_("that one is of %(customer)s, “%(subject)s”; tick that it is the same matter")
    elif not sure and complaint.registered_at is not None and into.registered_at is None:
        problem = N_("that one, “%(subject)s”, is not registered yet; tick that it is the same matter")
    if problem is not None:
        raise NotThere(number=complaint.number, into=into.number, problem=Sentence(problem, values))


class TooLateToUnmerge(ComplaintError):
    message = N_("%(number)s was merged more than a day ago; it stays where it is.")


def bring_back(
    session: Session, complaint: Complaint, *, by: Actor, at: datetime, seen_version: int, context: Context
) -> None:
    """Take the decision back, in the caller's transaction: the complaint stands where it stood, its clocks run on as if
    they had never been cancelled. A complaint that is on the board stays as it is. A merge may be taken back for a day:
    raises `TooLateToUnmerge` afterwards."""
    into = session.get(Complaint, complaint.merged_into_id) if complaint.merged_into_id else None
    workflow.hold(session, complaint, *([into] if into else []))
    if not is_off(complaint):
        return
    rules = of(complaint)
    _check_role(rules, rules.stage(complaint.stage), by)
    decision = last(session, complaint.id)
    if decision is not None and decision.into_id is not None and at - decision.at > UNMERGE:
        raise TooLateToUnmerge(number=complaint.number)
    workflow.touch(session, complaint, at=at, seen_version=seen_version)
    left = complaint.stage
    complaint.stage = decision.left_stage if decision else rules.first.key
    complaint.merged_into_id = None
    rounds.catch_up(session, complaint)
    repeats.renew(session, complaint)
    for clock in clocks.of(session, COMPLAINT, complaint.id):
        if decision is not None and clock.stopped_at == decision.at and clock.outcome in clocks.WITHOUT_OBJECT:
            clocks.resume(clock)
    visits.leave(session, complaint.id, at=at)
    visits.enter(session, complaint.id, complaint.stage, round=complaint.round, by=by, at=at)
    if decision is not None:
        decision.back_at, decision.back_by_id = at, by.id
    history.note(session, complaint.id, "brought_back", by=by, at=at, before=left, after=complaint.stage)
    _undo_what_it_asked(session, complaint, rules.stage(left), by=by, at=at)
    watching.hear(
        session, complaint.id, "moved", by=by, at=at, today=at.astimezone(context.zone).date(),
        values={"stage": asdict(rules.stage(complaint.stage).name)},
    )  # fmt: skip
    if into is not None:
        into.unread_count = _less(Complaint.unread_count, complaint.unread_count)
        into.attachment_count = _less(Complaint.attachment_count, complaint.attachment_count)
        into.changed_at = at
        history.note(session, into.id, "merge_undone", by=by, at=at, number=complaint.number)
    consequences.follow(session, complaint, [], by=by, at=at, context=context)


def _undo_what_it_asked(session: Session, complaint: Complaint, place: Stage, *, by: Actor, at: datetime) -> None:
    """What leaves the board the same way again is written and signed anew: the signatures that the way asked for fall,
    and the records that only this way asks for are empty."""
    asked = {need.ref for need in place.needs}
    stood = load(session, complaint)
    for signature in stood.given:
        if signature.key in asked:
            signatures.void(signature, at=at, because="brought_back")
    for sheet in _only_asked_for(stood.rules, asked):
        for record in stood.of_sheet(sheet):
            gone = {key: value for key, value in record.values.items() if filled(value)}
            records.put(  # by nobody: whoever brings it back may sign what is written anew
                record, sheet, records.subject_of(session, complaint, sheet.of, at=at), dict.fromkeys(gone),
                round=record.round, place=record.place, by=SYSTEM, at=at,
            )  # fmt: skip
            history.note(
                session, complaint.id, "recorded", by=by, at=at, sheet=sheet.key, place=record.place,
                round=complaint.round, changed={key: [value, None] for key, value in gone.items()},
            )  # fmt: skip


def _only_asked_for(rules: Procedure, asked: Set[str]) -> list[Sheet]:
    """The records of a complaint among what is asked for, if nothing on the board asks for them or covers them."""
    needs = [need for stage in rules.stages for need in stage.needs] + [
        need for way in rules.moves for need in way.needs
    ]
    elsewhere = {each.ref.partition(".")[0] for need in needs for each in (need, *need.any_of)}
    elsewhere |= {sheet.key for rule in rules.signatures if rule.key not in asked for sheet in rules.covered(rule)}
    return [each for each in rules.sheets if each.key in asked - elsewhere and each.of == COMPLAINT]


def _less(count: InstrumentedAttribute[int], by: int) -> ColumnElement[int]:
    """A count without some of what it counts, never below nothing."""
    return case((count > by, count - by), else_=0)


def answer(session: Session, decision_id: int, *, text: str, by: Actor, at: datetime) -> Decision:
    """What was no complaint is answered, in the caller's transaction: who, when, what. Answering again changes nothing.
    Raises `NotFound` for what waits for no answer, `ReasonWanted` and `ReasonTooLong` for the text."""
    decision = session.get(Decision, decision_id, with_for_update=True)
    if decision is None or decision.owner_id is None or decision.back_at is not None:
        raise NotFound
    if decision.answered_at is None:
        decision.answer = a_reason(text)
        decision.answered_at, decision.answered_by_id = at, by.id
        history.note(session, decision.complaint_id, "answered", by=by, at=at, answer=decision.answer)
        session.flush()
    return decision


def is_off(complaint: Complaint) -> bool:
    """Is a complaint off the board?"""
    return of(complaint).stage(complaint.stage).off_board


def last(session: Session, complaint_id: int) -> Decision | None:
    """The decision that took a complaint off the board and still stands."""
    return session.scalar(
        select(Decision)
        .where(Decision.complaint_id == complaint_id, Decision.back_at.is_(None))
        .order_by(Decision.id.desc())
        .limit(1)
    )


def merged_into(session: Session, complaint_id: int, *, direct: Sequence[int] | None = None) -> list[int]:
    """The complaints whose letters and mails a complaint shows with its own: those that were merged into it, and into
    those. `direct` are the former, where they are known."""
    found = [*(direct or ())]
    new = [complaint_id] if direct is None else found
    while new:
        new = list(session.scalars(select(Complaint.id).where(Complaint.merged_into_id.in_(new))))
        new = [each for each in new if each not in found and each != complaint_id]
        found += new
    return found


def survivor(session: Session, complaint_id: int) -> Complaint:
    """The complaint that speaks for this one now: itself, or the one it was merged into."""
    complaint = session.get_one(Complaint, complaint_id)
    seen = {complaint.id}
    while complaint.merged_into_id is not None and complaint.merged_into_id not in seen:
        complaint = session.get_one(Complaint, complaint.merged_into_id)
        seen.add(complaint.id)
    return complaint


def may_decide(complaint: Complaint, by: Actor) -> bool:
    """May this person decide whether a complaint stays on the board? Front office and quality, and for whom its
    procedure has a way off."""
    return by.sees_all or any(by.roles & {*place.moved_in_by} for place in of(complaint).outcomes)


def outcomes(complaint: Complaint) -> list[Stage]:
    """The ways off the board that are open to a complaint where it stands."""
    return [place for place in of(complaint).outcomes if complaint.stage in place.from_]
