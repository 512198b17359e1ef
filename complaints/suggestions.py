"""Suggestions: what a customer proposes when their complaint is closed, recorded as a matter of its own.

The letter leaves the conversation it came to and is linked with the complaint. As it is no complaint it is to be
answered by whoever recorded it, and the closed one need not be opened again for it.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from complaints import links, off_board, triage, workflow
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.letters import Letter
from complaints.off_board import NOT_COMPLAINT
from complaints.people import Actor

KIND = "suggestion"
"""What it is among those that are no complaints (off_board.KINDS)."""


def record(
    session: Session, letter: Letter, complaint: Complaint, *, reason: str, by: Actor, at: datetime, context: Context
) -> str:
    """Record a letter on a closed complaint as a suggestion, in the caller's transaction; returns its number. A letter
    that is no longer on that complaint leads to where it is. Raises what `triage.split` and `off_board.take` raise."""
    session.refresh(letter, with_for_update=True)  # as triage does: the letter first, then the complaint
    workflow.hold(session, complaint)
    here = letter.complaint_id == complaint.id
    draft = triage.split(session, letter, complaint, by=by, at=at, calendar=context.calendar)
    if not here:
        return draft.number
    made = session.get_one(Complaint, draft.id)
    links.add(session, made, complaint.number, links.RELATED, by=by, at=at, key=f"{KIND}:{letter.id}")
    off_board.take(
        session, made, NOT_COMPLAINT, reason=reason, kind=KIND, by=by, at=at, seen_version=made.version, context=context
    )
    if not _written_since(session, complaint):
        complaint.reopening_proposed_at = None
    session.flush()
    return draft.number


def _written_since(session: Session, complaint: Complaint) -> bool:
    """Has the customer written anything else since the complaint was closed?"""
    later = Letter.complaint_id == complaint.id, Letter.received_at > complaint.closed_at
    return session.scalar(select(Letter.id).where(*later).limit(1)) is not None
