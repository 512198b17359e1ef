"""Who gets the weekly letter, and what the company has chosen for it: readers by role and by name, after how many
working days without a word to the customer a complaint is listed, and whether there is a letter at all.

Whoever reads it by a role gets it; who is named may leave it, by the link in the letter or on the own page.
"""

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, bindparam, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints.channels import DAILY, WEEKLY, wants
from complaints.database import Base
from complaints.errors import N_, ComplaintError, Sentence
from complaints.people import ROLES, Actor, Grant, User, held_on
from complaints.registration import Incomplete, Problem

MARKETING, QUALITY = "marketing", "qa"
SIDES: Mapping[str, tuple[str, ...]] = {MARKETING: ("mkt_sup", "mkt_vp"), QUALITY: ("qa_head", "qa_mgr")}
"""Who writes the remarks of a side."""
MOST_DAYS = 60


class DigestRule(Base):
    """What the company has chosen; one row, once something was changed."""

    __tablename__ = "digest_rule"
    id: Mapped[int] = mapped_column(primary_key=True)
    sent: Mapped[bool]
    roles: Mapped[list[Any]]
    people: Mapped[list[Any]]
    quiet_days: Mapped[int]
    version: Mapped[int]
    changed_at: Mapped[datetime]
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


@dataclass(frozen=True)
class Rule:
    """See `DigestRule`; as it is as long as nobody has changed it."""

    sent: bool = True
    roles: tuple[str, ...] = ("mkt_sup", "mkt_vp", "qa_head", "qa_mgr", "mr", "gm")
    people: tuple[int, ...] = ()
    quiet_days: int = 5
    version: int = 0

    def may_read(self, actor: Actor) -> bool:
        """May somebody look at the letters in the app? Whoever gets them or writes in them."""
        return bool(actor.roles & {*self.roles, *WRITERS}) or actor.id in self.people


WRITERS = frozenset(role for roles in SIDES.values() for role in roles)


class NotSaved(Incomplete):
    message = N_("The digest's settings were not saved.")


class StaleRule(ComplaintError):
    message = N_("Somebody changed these settings meanwhile. Your choice and the newest one stand side by side.")


def rule(session: Session) -> Rule:
    row = session.scalar(select(DigestRule).where(DigestRule.id == 1).execution_options(populate_existing=True))
    return Rule(row.sent, tuple(row.roles), tuple(row.people), row.quiet_days, row.version) if row else Rule()


def change(session: Session, chosen: Rule, *, by: Actor, at: datetime) -> Rule:
    """Choose anew, in the caller's transaction; `chosen.version` is the one that the form was filled in for. Raises
    `NotSaved` and `StaleRule`."""
    problems = [*_problems(session, chosen)]
    if problems:
        raise NotSaved(problems)
    row = session.get(DigestRule, 1, with_for_update=True)
    if chosen.version != (row.version if row else 0):
        raise StaleRule
    if row is None:
        row = DigestRule(id=1)
        session.add(row)
    row.sent, row.roles, row.people = chosen.sent, list(chosen.roles), list(chosen.people)
    row.quiet_days, row.version = chosen.quiet_days, chosen.version + 1
    row.changed_at, row.changed_by_id = at, by.id
    try:
        session.flush()
    except IntegrityError:  # somebody else chose for the first time at this instant
        raise StaleRule from None
    return rule(session)


def _problems(session: Session, chosen: Rule) -> Iterable[Problem]:
    if not set(chosen.roles) <= set(ROLES):
        yield Problem("roles", Sentence(N_("choose from the list")))
    if not 1 <= chosen.quiet_days <= MOST_DAYS:
        yield Problem("quiet_days", Sentence(N_("a whole number from 1 to %(most)s"), {"most": MOST_DAYS}))
    at_work = session.scalars(select(User.id).where(User.id.in_(chosen.people), User.left_at.is_(None)))
    if {*chosen.people} - {*at_work}:
        yield Problem("people", Sentence(N_("choose somebody who works here")))
    if chosen.sent and not (chosen.roles or chosen.people):
        yield Problem("roles", Sentence(N_("choose at least one role or person, or switch the letter off")))


@dataclass(frozen=True)
class Reader:
    """Somebody who gets a letter; `may_leave`: they are named and hold no role that gets it."""

    user: User
    may_leave: bool


def readers(session: Session, chosen: Rule, today: date) -> list[Reader]:
    """Who gets the weekly letter today."""
    by_role = holding(session, chosen.roles, today)
    users = session.scalars(
        select(User)
        .where(User.left_at.is_(None), or_(User.id.in_(by_role), User.id.in_(chosen.people)))
        .order_by(User.id)
    )
    return [
        Reader(user, user.id not in by_role) for user in users if user.id in by_role or wants(user.preferences, WEEKLY)
    ]


def holding(session: Session, roles: Collection[str], today: date) -> set[int]:
    """Who holds one of these roles today, whether they work here or not."""
    held = held_on(bindparam("today", type_=Date()))
    return set(session.scalars(select(Grant.user_id).where(Grant.role.in_(roles), *held), {"today": today}))


# Leaving a letter


def leaving_mark(secret: str, user_id: int, kind: str) -> str:
    """What stands in a letter for leaving it: nobody else can write it, and it is good for nothing else."""
    said = f"{kind}.{user_id}"
    mark = hmac.new(secret.encode(), f"leave\n{said}".encode(), hashlib.sha256).hexdigest()[:40]
    return f"{said}.{mark}"


def whose_mark(secret: str, mark: str) -> tuple[int, str] | None:
    """Whose mark it is, and for which letter; None for one that we did not write."""
    kind, _, rest = mark.partition(".")
    user_id = rest.partition(".")[0]
    if kind not in (DAILY, WEEKLY) or not user_id.isascii() or not user_id.isdigit() or len(user_id) > 9:
        return None
    ours = leaving_mark(secret, int(user_id), kind)
    return (int(user_id), kind) if hmac.compare_digest(ours.encode(), mark.encode()) else None
