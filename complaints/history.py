"""History: one append-only row for each change of a complaint: who, when, what, before and after.

`act` is a code such as `drafted`, `registered`, `moved`; the sentence for it is made in the reader's language by the
page that shows it. Nothing updates or deletes these rows.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.database import Base, BigId
from complaints.people import Actor


class Change(Base):
    """Something happened to a complaint."""

    __tablename__ = "change"
    __table_args__ = (Index("ix_change_complaint_id_id", "complaint_id", "id"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    act: Mapped[str] = mapped_column(String(40))
    values: Mapped[dict[str, Any]]


def note(session: Session, complaint_id: int, act: str, *, by: Actor, at: datetime, **values: Any) -> None:
    """Write one row, in the transaction of the change it tells."""
    row = {"complaint_id": complaint_id, "at": at, "by_id": by.id, "act": act, "values": values}
    rows.add(session, Change, row)
