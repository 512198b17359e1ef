"""Parts of the house that a company can do without: each is on until an administrator switches it off."""

from datetime import datetime

from sqlalchemy import Exists, ForeignKey, String, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.database import Base
from complaints.people import Actor


class SwitchedOff(Base):
    """A part that was switched off, when and by whom, until it was switched on again (`back_at`)."""

    __tablename__ = "switched_off"
    part: Mapped[str] = mapped_column(String(60), primary_key=True)
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    back_at: Mapped[datetime | None]
    back_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))

    @property
    def changed_by_id(self) -> int | None:
        return self.back_by_id if self.back_at else self.by_id


def off(part: str) -> Exists:
    """Is a part switched off, as a condition of a query?"""
    return exists().where(SwitchedOff.part == part, SwitchedOff.back_at.is_(None))


def is_on(session: Session, part: str) -> bool:
    return not session.scalar(select(off(part)))


def last(session: Session, part: str) -> SwitchedOff | None:
    """When a part was switched last; nothing: it never was."""
    return session.get(SwitchedOff, part)


def on_since(session: Session, part: str) -> datetime | None:
    """Since when a part is on again, if it ever was off."""
    return session.scalar(select(SwitchedOff.back_at).where(SwitchedOff.part == part))


def turn(session: Session, part: str, *, on: bool, by: Actor, at: datetime) -> bool:
    """Switch a part on or off, in the caller's transaction; returns whether that changed anything."""
    if not on:  # two may do so for the first time at one instant
        rows.add_unless_there(session, SwitchedOff, [{"part": part, "at": at, "back_at": at}])
    row = session.get(SwitchedOff, part, with_for_update=True, populate_existing=True)
    if row is None or on == (row.back_at is not None):
        return False
    if on:
        row.back_at, row.back_by_id = at, by.id
    else:
        row.at, row.by_id, row.back_at, row.back_by_id = at, by.id, None, None
    session.flush()
    return True
