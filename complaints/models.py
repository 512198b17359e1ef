"""All tables at once, for migrations and for tests that compare the two."""

from complaints import (
    clocks,
    complaint,
    conversation,
    customers,
    history,
    letters,
    numbers,
    outbox,
    people,
    registration,
    schedule,
    signin,
    visits,
)
from complaints.database import Base

__all__ = [
    "Base", "clocks", "complaint", "conversation", "customers", "history", "letters", "numbers", "outbox", "people",
    "registration", "schedule", "signin", "visits",
]  # fmt: skip
