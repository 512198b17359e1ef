"""The working calendars of the house: the organisation's, and those of departments and customers that have their own.

A calendar is kept in versions that never change; the newest of an owner is in force, unless it was withdrawn. A version
holds the public holidays that it was made with, so that a library that learnt better changes nothing by itself: what it
says now is offered (`unlike`), and somebody accepts it. Before anybody wrote one, mainland China in the organisation's
zone is in force.

Which complaints are due at another time by a new version is next door in calendar_changes.py. Each process knows what
is in force from a look every few seconds; a clock that began in between is put right there, too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from time import monotonic
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.calendar import MAINLAND, PublicDays, WorkingCalendar, mainland_china, public_days
from complaints.calendar_outline import Outline, kept, restored
from complaints.database import Base
from complaints.errors import N_, ComplaintError
from complaints.people import SYSTEM, Actor

ORGANISATION = ""
DEPARTMENT, CUSTOMER = "department", "customer"
DEFAULT_ZONE = "Asia/Shanghai"
SHOWN = 20
LOOK_EVERY = 10.0
"""Seconds until a calendar that was accepted elsewhere is in force here."""
_looked: dict[object, "tuple[float, InForce]"] = {}
_made: dict[str, WorkingCalendar] = {}


class CalendarVersion(Base):
    """A calendar as it was accepted. `owner`: nobody for the organisation, else `department:<id>` or `customer:<id>`;
    `days`: the public days it was made with; `settled_at`: when every running clock went by it."""

    __tablename__ = "working_calendar"
    __table_args__ = (UniqueConstraint("owner", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    zone: Mapped[str] = mapped_column(String(60))
    country: Mapped[str] = mapped_column(String(20))
    week: Mapped[dict[str, Any]]
    different: Mapped[dict[str, Any]]
    days: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(12))
    note: Mapped[str] = mapped_column(String(200), default="")
    withdrawn: Mapped[bool] = mapped_column(default=False)
    accepted_at: Mapped[datetime]
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    settled_at: Mapped[datetime | None]


class StaleCalendar(ComplaintError):
    message = N_(
        "Somebody else accepted another calendar meanwhile. Look at theirs; accepting again puts yours in force."
    )


# Which is in force


@dataclass(frozen=True)
class InForce:
    """The calendars in force, by their owners."""

    own: Mapping[str, WorkingCalendar]

    def organisation(self, zone: str) -> WorkingCalendar:
        return self.own.get(ORGANISATION) or mainland_china(zone=zone)

    def of_clock(
        self, usual: WorkingCalendar, *, customer_id: int | None = None, departments: Collection[int] = ()
    ) -> WorkingCalendar:
        """What a clock goes by: the customer's calendar, else that of the departments whose clock it is, if it is the
        same for all of them, else the usual one."""
        if not self.own:
            return usual
        if customer_id is not None and (customers := self.own.get(owner_of(CUSTOMER, customer_id))):
            return customers
        theirs = {self.own.get(owner_of(DEPARTMENT, each), usual) for each in departments}
        return theirs.pop() if len(theirs) == 1 else usual


def owner_of(kind: str, id_: int) -> str:
    return f"{kind}:{id_}"


def in_force(session: Session) -> InForce:
    """The calendars in force, as they were at the last look."""
    database = session.get_bind().engine.url
    looked, known = _looked.get(database, (float("-inf"), InForce({})))
    if monotonic() - looked >= LOOK_EVERY:
        known = look(session)
        _looked[database] = monotonic(), known
    return known


def look(session: Session) -> InForce:
    """The calendars that are in force at this moment, with one small query; the text of one is read once."""
    table = rows.table(CalendarVersion).c
    newest = select(table.owner, func.max(table.version).label("version")).group_by(table.owner).subquery()
    here = (table.owner == newest.c.owner) & (table.version == newest.c.version)
    heads = session.connection().execute(
        select(table.id, table.owner, table.digest).join(newest, here).where(table.withdrawn.is_(False))
    )
    return InForce({head.owner: _made.get(head.digest) or _make(session, head.id) for head in heads})


def _make(session: Session, version_id: int) -> WorkingCalendar:
    version = session.get_one(CalendarVersion, version_id)
    return _made.setdefault(version.digest, calendar_of(version))


def current(session: Session, zone: str = DEFAULT_ZONE) -> WorkingCalendar:
    """The organisation's calendar; `zone` is for a house that has written none."""
    return in_force(session).organisation(zone)


def chosen(
    session: Session, zone: str = DEFAULT_ZONE, *, department_id: int | None = None, customer_id: int | None = None
) -> WorkingCalendar:
    """The calendar of a customer or a department, or the organisation's where they have none of their own."""
    departments = () if department_id is None else (department_id,)
    return in_force(session).of_clock(current(session, zone), customer_id=customer_id, departments=departments)


def for_clock(
    session: Session, usual: WorkingCalendar, *, customer_id: int | None = None, departments: Collection[int] = ()
) -> WorkingCalendar:
    """The calendar that a clock goes by which begins now; see `InForce.of_clock`."""
    return in_force(session).of_clock(usual, customer_id=customer_id, departments=departments)


# Versions


def newest(session: Session, owner: str) -> CalendarVersion | None:
    """The last version of an owner, also one that was withdrawn."""
    return next(iter(versions(session, owner, most=1)), None)


def versions(session: Session, owner: str, *, most: int = SHOWN) -> Sequence[CalendarVersion]:
    """What an owner's calendar was, the newest first."""
    query = select(CalendarVersion).where(CalendarVersion.owner == owner).order_by(CalendarVersion.version.desc())
    return session.scalars(query.limit(most)).all()


def outline_of(version: CalendarVersion) -> Outline:
    return restored(version.zone, version.country, version.week, version.different)


def days_of(version: CalendarVersion) -> PublicDays:
    """The public days that a version was made with."""
    off, worked = (frozenset(map(date.fromisoformat, version.days[name])) for name in ("off", "worked"))
    return PublicDays(off, worked, frozenset(version.days["provisional"]))


def calendar_of(version: CalendarVersion) -> WorkingCalendar:
    return outline_of(version).calendar(days_of(version))


def unlike(version: CalendarVersion) -> list[date]:
    """The days of which the holidays that come with the house say something else than those of a version."""
    was, now = days_of(version), public_days(version.country)
    return sorted((was.off ^ now.off) | (was.worked ^ now.worked))


def accept(
    session: Session,
    owner: str,
    outline: Outline,
    days: PublicDays,
    *,
    seen: int,
    by: Actor,
    at: datetime,
    note: str = "",
    withdrawn: bool = False,
) -> CalendarVersion | None:
    """Put a calendar in force, or withdraw it, in the caller's transaction; what is in force already stays (None).

    Raises `StaleCalendar` when `seen` is not the newest version any more."""
    calendar, last = outline.calendar(days), newest(session, owner)
    so_already = last is not None and (last.digest, last.withdrawn) == (calendar.version, withdrawn)
    if last is not None and so_already and (outline_of(last), days_of(last)) == (outline, days):
        return None
    if (last.version if last else 0) != seen:
        raise StaleCalendar
    values = {
        "owner": owner, "version": seen + 1, "zone": outline.zone, "country": outline.country, **kept(outline),
        "days": _days(days), "digest": calendar.version, "note": note, "withdrawn": withdrawn, "accepted_at": at,
        "accepted_by_id": by.id,
    }  # fmt: skip
    added = rows.upsert(CalendarVersion, rows.dialect(session)).values(values).on_conflict_do_nothing()
    version_id = session.scalar(added.returning(rows.table(CalendarVersion).c.id))
    if version_id is None:  # somebody else did at this instant
        raise StaleCalendar
    forget(session)
    return session.get_one(CalendarVersion, version_id)


def _days(days: PublicDays) -> dict[str, Any]:
    off, worked = ([f"{day}" for day in sorted(each)] for each in (days.off, days.worked))
    return {"off": off, "worked": worked, "provisional": sorted(days.provisional)}


def forget(session: Session) -> None:
    """Look again at the next question."""
    _looked.pop(session.get_bind().engine.url, None)


def seed(session: Session, zone: str, *, at: datetime) -> None:
    """Write down what is in force in a house that has accepted no calendar, in the caller's transaction: an update of
    the holidays shall not change it silently. No clock goes by another one for that."""
    if newest(session, ORGANISATION) is None:
        days = public_days(MAINLAND)
        try:
            first = accept(session, ORGANISATION, Outline(zone), days, seen=0, by=SYSTEM, at=at)
        except StaleCalendar:
            return
        if first is not None:
            first.settled_at = at
