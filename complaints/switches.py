"""Parts of the house that a company can do without: each is on until an administrator switches it off."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints.database import Base


class SwitchedOff(Base):
    """A part that was switched off, when and by whom, until it was switched on again (`back_at`)."""

    __tablename__ = "switched_off"
    part: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    back_at: Mapped[datetime | None]
    back_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


def is_on(session: Session, part: str) -> bool:
    off = select(SwitchedOff.part).where(SwitchedOff.part == part, SwitchedOff.back_at.is_(None))
    return session.scalar(off) is None
