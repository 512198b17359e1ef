"""The conversation about a complaint: what was said to whom, in time order.

An entry points at the letter that came in, the mail that went out, or the note among colleagues; what the system did
stands in the history.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from complaints.database import Base, BigId


class Entry(Base):
    """One thing said. `kind`: letter (from the customer), mail (to the customer), note (internal)."""

    __tablename__ = "entry"
    __table_args__ = (
        Index("ix_entry_complaint_id_id", "complaint_id", "id"),
        Index("ix_entry_complaint_id_at", "complaint_id", "at", "id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    kind: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime]
    letter_id: Mapped[int | None] = mapped_column(ForeignKey("letter.id"))
    outgoing_id: Mapped[int | None] = mapped_column(ForeignKey("outgoing.id"))
    note_id: Mapped[int | None] = mapped_column(ForeignKey("note.id"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
