"""A person's own letter at the opening of each working day: what is to be signed, what is late, what is due today, what
is new, and what they are to carry out. It says nothing twice; where there is nothing to say, nobody is written to, and
nobody while somebody stands in for them.

Overdue is what a promise ran late for, as in the weekly letter. A day that was planned for an action is none: past it,
the action is late, and stays among what is to be carried out.

Of confidential procedures it says only how much waits.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import structlog
from sqlalchemy import ForeignKey, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from complaints import as_of, deputies, outbox, rows, worklist
from complaints.channels import DAILY, wants
from complaints.complaint import NO_LIMIT
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
    away = deputies.stand_ins(session, today)
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
    groups = worklist.groups(session, actor_for(session, user, today), today)
    items = [item for group in groups for item in group.items]
    shown = [item for item in items if not item.rules.confidential]
    due = session.execute(as_of.next_promises({item.card.id for item in shown}))
    day = _Day(at, context, {row.id: row.at for row in due})
    sections: dict[str, list[Item]] = defaultdict(list)
    for item in shown:
        sections[day.section(item)].append(item)
    hidden, more = len(items) - len(shown), sum(group.left for group in groups) + len(sections.pop("", ()))
    if not (sections or hidden):
        return {}
    return {
        "name": user.name, "day": today.isoformat(), "hidden": hidden, "more": more,
        "counts": {key: len(sections[key]) for key in SECTIONS},
        "sections": {key: [*map(day.told, sections[key][:SHOWN])] for key in SECTIONS if sections[key]},
    }  # fmt: skip


@dataclass(frozen=True)
class _Day:
    """What an item is on the day of a letter; `promised` says when the first promise of a complaint (id) is due."""

    at: datetime
    context: Context
    promised: Mapping[int, datetime]

    @property
    def today(self) -> date:
        return self.at.astimezone(self.context.zone).date()

    def section(self, item: Item) -> str:
        """Where an item stands; nowhere if it can wait."""
        due, hours = self.due(item), self.context.calendar
        if item.kind == SIGN:
            return TO_SIGN
        if item.kind != ROW and self._late(due):
            return OVERDUE
        if due == self.today or (isinstance(due, datetime) and due <= hours.end_of(self.today)):
            return DUE_TODAY
        if item.kind == ROW:
            return ACTIONS
        yesterday = working_days_before(self.today, 1, hours)
        return NEW if item.since >= (opening(yesterday, hours) or midnight(yesterday, hours)) else ""

    def due(self, item: Item) -> date | datetime | None:
        """The day of an action, else the time of a promise."""
        if item.kind == ROW:
            return item.due_on
        if item.until:
            return item.due_at(self.context.calendar)
        due = self.promised.get(item.card.id, NO_LIMIT)
        return due if due < NO_LIMIT else None

    def told(self, item: Item) -> dict[str, Any]:
        due, what = self.due(item), item.what
        return {
            "number": item.card.number, "customer": item.card.customer, "subject": item.card.subject,
            "say": item.say,
            "what": [what.en, what.zh] if what else [item.key, item.key], "about": item.about,
            "due": due.isoformat() if due else "", "late": self._late(due),
        }  # fmt: skip

    def _late(self, due: date | datetime | None) -> bool:
        if isinstance(due, datetime):
            return due < self.at
        return due is not None and due < self.today
