"""What the customer was told to expect: the last day by which it should be done. It is no clock, only a word given."""

from dataclasses import dataclass
from datetime import date

from complaints.case import Case


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
