"""Deputies: who stands in for whom while they are away, and what they hear then.

Reminders go to the deputy of who is away, and where that one is away, too, to the deputy's. Of what begins to wait for
somebody, to be signed, decided or written, their deputy hears as well; what only tells them that something happened
waits until they are back. Of a confidential complaint a deputy hears who may see it.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, Select, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints.database import Base
from complaints.people import Actor, User, actor_for
from complaints.work import Task


class Absence(Base):
    """Somebody is away from one day to another (both included), and who stands in for them."""

    __tablename__ = "absence"
    __table_args__ = (Index("ix_absence_user_id", "user_id", "to_on"), Index("ix_absence_to_on", "to_on"))
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    from_on: Mapped[date] = mapped_column(Date)
    to_on: Mapped[date] = mapped_column(Date)
    deputy_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


def stand_ins(session: Session, today: date) -> dict[int, int]:
    """Everybody who is away on a day, with who stands in for them then. Who stands in for themselves in the end, or
    whose deputy has left, has nobody."""
    deputies = {row.user_id: row.deputy_id for row in session.execute(_on(today))}
    found = {user: last_of(deputies, user) for user in deputies}
    return {user: deputy for user, deputy in found.items() if deputy is not None}


def _on(day: date) -> Select[int, int]:
    here = Absence.ended_at.is_(None), Absence.from_on <= day, Absence.to_on >= day, User.left_at.is_(None)
    return select(Absence.user_id, Absence.deputy_id).join(User, User.id == Absence.deputy_id).where(*here)


def last_of(deputies: Mapping[int, int], user: int) -> int | None:
    """The end of a chain of deputies; None where it comes round to where it has been."""
    seen = {user}
    while user in deputies:
        user = deputies[user]
        if user in seen:
            return None
        seen.add(user)
    return user


def hearing(session: Session, tasks: Collection[Task], users: Collection[int], today: date) -> Mapping[int, str]:
    """The deputies (ids) of those of these people who are away and for whom one of these tasks waits, each with the
    name of whom they hear it for; not those who hear it themselves."""
    away = stand_ins(session, today) if tasks and users else {}
    if not (absent := away.keys() & users):
        return {}
    people = session.scalars(select(User).where(User.id.in_(absent)).order_by(User.id))
    actors = [actor_for(session, user, today) for user in people if away[user.id] not in users]
    return {away[each.id]: each.name for each in actors if each.id and any(_is_for(task, each) for task in tasks)}


def _is_for(task: Task, actor: Actor) -> bool:
    """Is it this person's, or in a queue of theirs, and theirs to do?"""
    barred = {f" u{actor.id} ", *(f" d{each} " for each in actor.departments)}
    if any(each in task.barred for each in barred):
        return False
    if task.user_id is not None:
        return task.user_id == actor.id
    return task.role in actor.roles if task.department_id is None else (task.role, task.department_id) in actor.held
