"""The inbox: every message ever seen in a mailbox, and what became of it. Nothing disappears unseen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from complaints.complaint import Complaint
from complaints.errors import N_, NotFound
from complaints.letters import WAITING, Letter, Sighting
from complaints.people import Actor

OUTCOME_NAMES: Mapping[str, str] = {
    "quarantined": N_("Quarantined"),
    "set_aside": N_("Set aside"),
    "event": N_("Events"),
    "duplicate": N_("Duplicates"),
    "joined": N_("Answers"),
    "drafted": N_("Drafts"),
    WAITING: N_("Waiting"),
}


@dataclass(frozen=True)
class Arrived:
    """A message with its outcome. `headers` stand for a message that was too large to keep."""

    id: int
    at: datetime
    outcome: str
    reason: str | None
    values: dict[str, Any]
    size: int
    sender: str
    subject: str
    headers: str | None
    number: str | None


def arrived(
    session: Session, actor: Actor, *, outcome: str | None = None, before: int | None = None, most: int = 50
) -> list[Arrived]:
    """The newest messages, newest first, of one outcome or of all; `before` goes on after a page. For front office and
    QA only, because a message that is no complaint yet belongs to nobody else."""
    if not actor.sees_all:
        raise NotFound
    query = (
        select(Sighting, Letter.from_name, Letter.from_address, Letter.subject, Complaint.number)
        .outerjoin(Letter, Letter.id == Sighting.letter_id)
        .outerjoin(Complaint, Complaint.id == Sighting.complaint_id)
        .order_by(Sighting.id.desc())
        .limit(most)
    )
    if outcome:
        query = query.where(Sighting.outcome == outcome)
    if before:
        query = query.where(Sighting.id < before)
    return [
        Arrived(
            id=seen.id,
            at=seen.received_at,
            outcome=seen.outcome,
            reason=seen.reason,
            values=seen.values,
            size=seen.size,
            sender=name or address or "",
            subject=subject or "",
            headers=seen.headers,
            number=number,
        )
        for seen, name, address, subject, number in session.execute(query)
    ]


def balance(session: Session) -> dict[str, int]:
    """How many messages became what; their sum is every message seen."""
    rows = session.execute(select(Sighting.outcome, func.count()).group_by(Sighting.outcome)).all()
    found: dict[str, int] = dict(rows)
    return {outcome: found.get(outcome, 0) for outcome in OUTCOME_NAMES}
