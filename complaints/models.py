"""All tables at once, for migrations and for tests that compare the two."""

from complaints import (
    clocks,
    complaint,
    conversation,
    customers,
    history,
    incidents,
    letters,
    mailboxes,
    notes,
    notices,
    numbers,
    off_board,
    outbox,
    people,
    printing,
    procedure_store,
    records,
    registration,
    replies,
    schedule,
    signatures,
    signin,
    views,
    visits,
    work,
)
from complaints.database import Base

__all__ = [
    "Base", "clocks", "complaint", "conversation", "customers", "history", "incidents", "letters", "mailboxes",
    "notes", "notices", "numbers", "off_board", "outbox", "people", "printing", "procedure_store", "records",
    "registration", "replies",
    "schedule", "signatures", "signin", "views", "visits", "work",
]  # fmt: skip
