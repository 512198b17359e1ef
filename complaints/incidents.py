"""Incidents: something has been wrong for a while, and whom we told. Silence is an alarm, once.

An incident opens when a fault has lasted longer than its threshold and closes by itself when the fault is gone. While
it is open the page and `/readyz` say so; the administrators get one mail.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from complaints.database import Base


class Incident(Base):
    """Something wrong. `kind` and `subject` name it (mailbox_silent and the mailbox's name); one of a name is open at
    a time."""

    __tablename__ = "incident"
    __table_args__ = (
        Index(
            "uq_incident_open", "kind", "subject", unique=True,
            sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL"),
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))
    values: Mapped[dict[str, Any]]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
