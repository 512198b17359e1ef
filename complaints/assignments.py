"""Who is named for a role on one complaint, and since when: one row each time. How that comes about: assigning.py."""

from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Index, Select, String, Text, bindparam, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.database import Base


class Post(NamedTuple):
    """A role in which somebody works on a complaint, perhaps for one of the departments."""

    role: str
    department_id: int | None = None


class Assignment(Base):
    """A person named for a role on a complaint, until somebody else is. `from_id`: who handed it over to them, and
    follows the complaint until it is closed."""

    __tablename__ = "assignment"
    __table_args__ = (
        Index("ix_assignment_complaint_id", "complaint_id"),
        Index("ix_assignment_from_id", "from_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    role: Mapped[str] = mapped_column(String(20))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("department.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    from_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(Text, default="")


def end(session: Session, complaint_id: int, post: Post, *, at: datetime) -> None:
    """Nobody is named for a post any more."""
    for each in rows.run(session, _open(), {"of": complaint_id, **post._asdict()}).scalars():
        rows.change(session, session.get_one(Assignment, each), until=at)


@cache
def _open() -> Select[Any]:
    named = rows.table(Assignment).c
    here = named.complaint_id == bindparam("of"), named.role == bindparam("role"), named.until.is_(None)
    department = named.department_id.is_not_distinct_from(bindparam("department_id"))
    return select(named.id).where(*here, department)
