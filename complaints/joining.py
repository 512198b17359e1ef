"""Joining: several complaints about one abnormality share one investigation, with its finding, plan and measures."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from complaints import consequences, history, off_board, records, workflow
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.errors import N_, ComplaintError, NotAllowed, Sentence
from complaints.guards import INVESTIGATORS
from complaints.people import Actor
from complaints.procedure import INVESTIGATION
from complaints.records import Record
from complaints.signatures import Signature


class NotJoined(ComplaintError):
    message = N_("%(number)s cannot join the investigation of %(other)s: %(problem)s.")


def join(
    session: Session,
    complaint: Complaint,
    other: Complaint,
    *,
    by: Actor,
    at: datetime,
    seen_version: int,
    context: Context,
) -> None:
    """Let a complaint share the investigation of another, in the caller's transaction. It must not have begun one of
    its own, because what was found out is never dropped. Joining again changes nothing.

    Raises `NotAllowed`, `NotJoined` and `StaleComplaint`."""
    if not by.investigates:
        raise NotAllowed(who=INVESTIGATORS)
    if complaint.id != other.id and complaint.investigation_id and complaint.investigation_id == other.investigation_id:
        return
    workflow.hold(session, complaint, other)
    _check(session, complaint, other)
    workflow.touch(session, complaint, at=at, seen_version=seen_version)
    investigation = records.investigation_of(session, other, at=at)
    complaint.investigation_id = investigation.id
    complaint.round = investigation.round
    history.note(session, complaint.id, "investigation_joined", by=by, at=at, number=other.number)
    history.note(session, other.id, "investigation_shared", by=by, at=at, number=complaint.number)
    consequences.follow(session, complaint, [], by=by, at=at, context=context)


def _check(session: Session, complaint: Complaint, other: Complaint) -> None:
    if complaint.id == other.id:
        _refuse(complaint, other, N_("it is the same complaint"))
    if off_board.is_off(complaint) or off_board.is_off(other):
        _refuse(complaint, other, N_("one of them is off the board"))
    if (complaint.procedure, complaint.procedure_version) != (other.procedure, other.procedure_version):
        _refuse(complaint, other, N_("that one follows another procedure"))
    if records.joined(session, complaint):
        _refuse(complaint, other, N_("it shares an investigation already"))
    if begun(session, complaint):
        _refuse(complaint, other, N_("its own investigation has begun"))


def _refuse(complaint: Complaint, other: Complaint, problem: str) -> None:
    raise NotJoined(number=complaint.number, other=other.number, problem=Sentence(problem))


def begun(session: Session, complaint: Complaint) -> bool:
    """Was anything written or signed in the investigation of a complaint?"""
    if complaint.investigation_id is None or complaint.round > 1:
        return complaint.round > 1
    own = complaint.investigation_id
    written = select(Record.id).where(Record.subject == INVESTIGATION, Record.subject_id == own)
    signed = select(Signature.id).where(Signature.subject == INVESTIGATION, Signature.subject_id == own)
    return bool(session.scalar(select(or_(written.exists(), signed.exists()))))
