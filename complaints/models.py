"""All tables at once, for migrations and for tests that compare the two."""

from complaints import (
    assignments,
    clocks,
    communications,
    complaint,
    conversation,
    customer_file,
    customers,
    finding,
    history,
    incidents,
    invitations,
    letters,
    mailboxes,
    notes,
    notices,
    numbers,
    off_board,
    outbox,
    people,
    procedure_store,
    products,
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
    "Base", "assignments", "clocks", "communications", "complaint", "conversation", "customer_file", "customers",
    "finding", "history", "incidents", "invitations", "letters", "mailboxes", "notes", "notices", "numbers",
    "off_board", "outbox", "people", "procedure_store", "products", "records", "registration", "replies", "schedule",
    "signatures", "signin", "views", "visits", "work",
]  # fmt: skip
