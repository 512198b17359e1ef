"""A link between two complaints as it is kept. What people do with links, and what else shows as one: links.py."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from complaints.database import Base, BigId

STANDS = "ended_at IS NULL"
OPENED, OPENED_BY = "opened", "opened_by"
"""The kind of a link to a case that a complaint opened, and what that is from the other side."""


class Link(Base):
    """What a complaint is to another one, until it is ended."""

    __tablename__ = "link"
    __table_args__ = (
        Index(
            "uq_link_stands", "complaint_id", "other_id", "kind", unique=True,
            sqlite_where=text(STANDS), postgresql_where=text(STANDS),
        ),
        Index("ix_link_other_id", "other_id"),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    kind: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    end_reason: Mapped[str] = mapped_column(Text, default="")
