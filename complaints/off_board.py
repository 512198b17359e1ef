"""Off the board: a complaint that was judged to be none, was merged into another, or was withdrawn.

It keeps its number and its content and stays in search and ledger. The decision is a row with who, when and why; taking
it back is written on that row, never erased. Which outcomes there are, and from which stages, stands in the procedure.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import clocks, history, visits, workflow
from complaints.complaint import NO_LIMIT, Complaint
from complaints.database import Base
from complaints.errors import N_, ComplaintError, Missing, MoveRefused, NotAllowed, Sentence
from complaints.people import FRONT_OFFICE, QUALITY, Actor
from complaints.procedure import Stage, procedure
from complaints.workflow import RoleNames

NOT_COMPLAINT, MERGED, WITHDRAWN = "not_complaint", "merged", "withdrawn"
LONGEST_REASON = 1_000


class Decision(Base):
    """Why a complaint left the board. `into_id` is the complaint that took it in; `back_at` says it was taken back."""

    __tablename__ = "off_board"
    __table_args__ = (Index("ix_off_board_complaint_id", "complaint_id", "id"),)
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


class ReasonWanted(ComplaintError):
    message = N_("Please say why.")


class ReasonTooLong(ComplaintError):
    message = N_("The reason may have %(limit)s characters; this has %(length)s.")


def a_reason(typed: str, *, needed: bool = True) -> str:
    """A reason as a person typed it; raises `ReasonWanted` and `ReasonTooLong`."""
    reason = typed.strip()
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
    into: Complaint | None = None,
) -> None:
    """Take a complaint off the board, in the caller's transaction: its clocks are cancelled, the decision is kept.

    Raises `NotAllowed`, `StaleComplaint`, `MoveRefused` when its stage does not allow it, `ReasonWanted`,
    `ReasonTooLong`, and `NotThere` when `into` cannot take it in. Doing the same again changes nothing."""
    if by.id is not None and not by.roles & (FRONT_OFFICE | QUALITY):
        raise NotAllowed(who=RoleNames(("clerk", "sales", "mkt_sup")))
    rules = procedure(complaint.procedure)
    place = rules.stage(outcome)
    if complaint.stage == outcome and complaint.merged_into_id == (into.id if into else None):
        return
    reason = a_reason(reason, needed=outcome != MERGED)
    if complaint.stage not in place.from_:
        here = Sentence(N_("not from %(stage)s"), {"stage": rules.stage(complaint.stage).name})
        raise MoveRefused(number=complaint.number, stage=place.name, missing=(Missing(here),))
    if into is not None:
        _check(complaint, into)
    workflow.touch(session, complaint, at=at, seen_version=seen_version)
    left = complaint.stage
    complaint.stage = outcome
    complaint.merged_into_id = into.id if into else None
    complaint.sort_due_at = NO_LIMIT
    for clock in clocks.of(session, "complaint", complaint.id):
        clocks.cancel(clock, at=at)
    visits.leave(session, complaint.id, at=at)
    visits.enter(session, complaint.id, outcome, round=complaint.round, by=by, at=at)
    session.add(
        Decision(
            complaint_id=complaint.id, outcome=outcome, left_stage=left, reason=reason,
            into_id=into.id if into else None, at=at, by_id=by.id,
        )
    )  # fmt: skip
    told = {"into": into.number} if into else {}
    history.note(session, complaint.id, outcome, by=by, at=at, before=left, reason=reason, **told)
    if into is not None:
        history.note(session, into.id, "merged_in", by=by, at=at, number=complaint.number)
        into.unread_count += complaint.unread_count
        into.attachment_count += complaint.attachment_count
        into.changed_at = at
    session.flush()


def _check(complaint: Complaint, into: Complaint) -> None:
    problem = None
    if into.id == complaint.id:
        problem = N_("it is the same complaint")
    elif is_off(into):
        problem = N_("that one is off the board itself")
    elif into.procedure != complaint.procedure:
        problem = N_("that one follows another procedure")
    if problem is not None:
        raise NotThere(number=complaint.number, into=into.number, problem=Sentence(problem))


def bring_back(session: Session, complaint: Complaint, *, by: Actor, at: datetime, seen_version: int) -> None:
    """Take the decision back, in the caller's transaction: the complaint stands where it stood, its clocks run on as if
    they had never been cancelled. A complaint that is on the board stays as it is."""
    if by.id is not None and not by.roles & (FRONT_OFFICE | QUALITY):
        raise NotAllowed(who=RoleNames(("clerk", "sales", "mkt_sup")))
    if not is_off(complaint):
        return
    decision = last(session, complaint.id)
    workflow.touch(session, complaint, at=at, seen_version=seen_version)
    left = complaint.stage
    complaint.stage = decision.left_stage if decision else procedure(complaint.procedure).first.key
    into_id, complaint.merged_into_id = complaint.merged_into_id, None
    running = clocks.of(session, "complaint", complaint.id)
    for clock in running:
        if clock.outcome == clocks.CANCELLED:
            clocks.resume(clock)
    complaint.sort_due_at = clocks.earliest_due(running) or NO_LIMIT
    visits.leave(session, complaint.id, at=at)
    visits.enter(session, complaint.id, complaint.stage, round=complaint.round, by=by, at=at)
    if decision is not None:
        decision.back_at, decision.back_by_id = at, by.id
    history.note(session, complaint.id, "brought_back", by=by, at=at, before=left, after=complaint.stage)
    if into_id is not None:
        into = session.get_one(Complaint, into_id)
        into.attachment_count = max(0, into.attachment_count - complaint.attachment_count)
        into.changed_at = at
        history.note(session, into_id, "merge_undone", by=by, at=at, number=complaint.number)
    session.flush()


def is_off(complaint: Complaint) -> bool:
    """Is a complaint off the board?"""
    return procedure(complaint.procedure).stage(complaint.stage).off_board


def last(session: Session, complaint_id: int) -> Decision | None:
    """The decision that took a complaint off the board and still stands."""
    return session.scalar(
        select(Decision)
        .where(Decision.complaint_id == complaint_id, Decision.back_at.is_(None))
        .order_by(Decision.id.desc())
        .limit(1)
    )


def merged_into(session: Session, complaint_id: int) -> list[int]:
    """The complaints whose letters and mails a complaint shows with its own: those that were merged into it, and into
    those."""
    found: list[int] = []
    new = [complaint_id]
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


def outcomes(complaint: Complaint) -> list[Stage]:
    """The ways off the board that are open to a complaint where it stands."""
    return [place for place in procedure(complaint.procedure).outcomes if complaint.stage in place.from_]
