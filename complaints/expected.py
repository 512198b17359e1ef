"""What the customer was told to expect: the last day by which it should be done. It is no clock, only a word given."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from complaints.case import Case
from complaints.complaint import Complaint
from complaints.procedure import COMPLAINT, INVESTIGATION, of
from complaints.records import Record
from complaints.replies import Reply


@dataclass(frozen=True)
class Expected:
    """The day that was told last, none if none was yet; `passed`: it has gone by and the complaint is not closed."""

    day: date | None
    passed: bool


def expected(case: Case, today: date) -> Expected | None:
    """What the customer may expect, where the procedure has a field for it."""
    contact = case.rules.contact
    if contact is None or not contact.expected:
        return None
    told = [row.values.get(contact.expected) for row in case.rows[contact.sheet]]
    day = next((date.fromisoformat(each) for each in reversed(told) if each), None)
    return Expected(day, day is not None and day < today and case.complaint.closed_at is None)


def told_by(session: Session, complaint: Complaint, reply: Reply) -> str:
    """The day that a reply named, as its form said it; that of one that was taken back, too, with its record."""
    contact = of(complaint).contact
    if contact is None or not contact.expected or reply.contact_place is None:
        return ""
    row = session.scalar(
        select(Record).where(
            or_(
                and_(Record.subject == COMPLAINT, Record.subject_id == complaint.id),
                and_(Record.subject == INVESTIGATION, Record.subject_id == complaint.investigation_id),
            ),
            Record.sheet == contact.sheet, Record.place == reply.contact_place, Record.begun_at == reply.at,
        )
    )  # fmt: skip
    return (row.values.get(contact.expected) or "") if row is not None else ""
