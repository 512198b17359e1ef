"""A person's own letter at the opening of each working day: what is to be signed, what is late, what is due today, what
is new, and what they are to carry out. It says nothing twice; where there is nothing to say, nobody is written to, and
nobody while somebody stands in for them.

Of confidential procedures it says only how much waits.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import structlog
from sqlalchemy import ForeignKey, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from complaints import absences, outbox, rows, worklist
from complaints.channels import DAILY, wants
from complaints.context import Context
from complaints.database import Base, looking, transaction
from complaints.digest_readers import leaving_mark
from complaints.errors import ComplaintError
from complaints.outbox import Outgoing
from complaints.people import User, actor_for
from complaints.weeks import midnight, opening, working_days_before
from complaints.work import ROW, SIGN
from complaints.worklist import Item

log = structlog.get_logger(__name__)
KIND = "daily"
TO_SIGN, OVERDUE, DUE_TODAY, NEW, ACTIONS = SECTIONS = ("to_sign", "overdue", "due_today", "new", "actions")
SHOWN = 10
"""So many of a section are named."""
NEVER = date(1970, 1, 1)


class DailyDigest(Base):
    """For which day somebody's letter was thought of last, whether there was anything to say or not."""

    __tablename__ = "daily_digest"
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    day: Mapped[date]


def do(make: sessionmaker[Session], at: datetime, context: Context) -> int:
    """Write to everybody who is here and has not been thought of today, while the house is open; gives how many mails
    were owed."""
    today = at.astimezone(context.zone).date()
    opens = opening(today, context.calendar)
    if opens is None or not opens <= at < context.calendar.end_of(today):
        return 0
    letters = {}
    with looking(make) as session:
        for user in _to_think_of(session, today):
            try:
                letters[user] = letter(session, user, at=at, context=context)
            except ComplaintError:  # what waits for them cannot be read; it keeps nobody else from hearing
                log.exception("no daily letter can be written; tried again in the next slot", user=user.id)
    return sum(_write(make, user, said, at=at, context=context) for user, said in letters.items())


def _to_think_of(session: Session, today: date) -> list[User]:
    thought = select(User).outerjoin(DailyDigest, DailyDigest.user_id == User.id)
    query = thought.where(User.left_at.is_(None), or_(DailyDigest.day.is_(None), DailyDigest.day != today))
    away = absences.stand_ins(session, today)
    return [user for user in session.scalars(query.order_by(User.id)) if user.id not in away]


def _write(make: sessionmaker[Session], user: User, said: dict[str, Any], *, at: datetime, context: Context) -> int:
    """Note that a person was thought of, and owe the letter if it says anything. Somebody else may be quicker. A clock
    that was set back must not stop the letters until the old day comes round again."""
    today = at.astimezone(context.zone).date()
    purpose = f"{KIND}:{today}:user:{user.id}"
    with transaction(make) as session:
        rows.add_unless_there(session, DailyDigest, [{"user_id": user.id, "day": NEVER}])
        mine = update(DailyDigest).where(DailyDigest.user_id == user.id, DailyDigest.day != today).values(day=today)
        if session.execute(mine.returning(DailyDigest.user_id)).one_or_none() is None or not said:
            return 0
        if session.scalar(select(Outgoing.id).where(Outgoing.purpose == purpose)) is not None:
            return 0
        outbox.owe(
            session, purpose=purpose, kind=KIND, recipient=user.email, locale=user.locale,
            at=at, secret=context.secret, domain=context.domain,
            values=said | {"list": DAILY, "leave": leaving_mark(context.secret, user.id, DAILY)},
        )  # fmt: skip
    return 1


def letter(session: Session, user: User, *, at: datetime, context: Context) -> dict[str, Any]:
    """What a person's letter says at an instant; nothing if it would say nothing, or if they want none."""
    if not wants(user.preferences, DAILY):
        return {}
    today = at.astimezone(context.zone).date()
    sections: dict[str, list[Item]] = defaultdict(list)
    hidden = more = 0
    for group in worklist.groups(session, actor_for(session, user, today), today):
        more += group.left
        for item in group.items:
            if item.rules.confidential:
                hidden += 1
            elif section := _section(item, at, context):
                sections[section].append(item)
            else:
                more += 1
    if not (sections or hidden):
        return {}
    return {
        "name": user.name, "day": today.isoformat(), "hidden": hidden, "more": more,
        "counts": {key: len(sections[key]) for key in SECTIONS},
        "sections": {key: [*_told(sections[key], at, context)] for key in SECTIONS if sections[key]},
    }  # fmt: skip


def _section(item: Item, at: datetime, context: Context) -> str:
    """Where an item stands; nowhere if it can wait."""
    due = item.due_at(context.calendar)
    if item.kind == SIGN:
        return TO_SIGN
    if due is not None and due < at:
        return OVERDUE
    today = at.astimezone(context.zone).date()
    if due is not None and due <= context.calendar.end_of(today):
        return DUE_TODAY
    if item.kind == ROW:
        return ACTIONS
    yesterday = working_days_before(today, 1, context.calendar)
    return NEW if item.since >= (opening(yesterday, context.calendar) or midnight(yesterday, context.calendar)) else ""


def _told(items: Iterable[Item], at: datetime, context: Context) -> Iterable[dict[str, Any]]:
    for item in [*items][:SHOWN]:
        due, what = item.due_at(context.calendar), item.what
        yield {
            "number": item.card.number, "customer": item.card.customer, "subject": item.card.subject,
            "say": item.say,
            "what": [what.en, what.zh] if what else [item.key, item.key], "about": item.about,
            "due": due.isoformat() if due else "", "late": due is not None and due < at,
        }  # fmt: skip
