"""The mail about reminders: one for each person and run, with everything that they were told in it.

It is owed in a transaction of its own, from the rows that say who was told, so that a crash between the two costs
nobody their mail. It says how things stand by then: what was done meanwhile is left out. Of confidential complaints it
says only how many there are.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import channels, outbox
from complaints.clocks import Clock
from complaints.complaint import Complaint, visible_to
from complaints.context import Context
from complaints.database import transaction
from complaints.errors import Name
from complaints.failpoints import failpoint
from complaints.levels import DUE
from complaints.outbox import Outgoing
from complaints.people import User, actor_for
from complaints.procedure import of
from complaints.reminder import NOT_BUNDLED, Reminder

KIND = "reminder"
LONGEST = 40
"""So many promises stand in one mail; of the others it says how many they are."""
AN_HOUR = 3600


def bundle(make: sessionmaker[Session], at: datetime, context: Context) -> None:
    """Owe everybody a mail who was told of something and has none about it yet."""
    with transaction(make) as session:
        waiting = session.scalars(select(Reminder.user_id).where(text(NOT_BUNDLED)).distinct()).all()
    for user_id in sorted(waiting):
        with transaction(make) as session:
            _bundle(session, user_id, at, context)
            failpoint("remind.before_bundle")
        failpoint("remind.after_bundle")


def _bundle(session: Session, user_id: int, at: datetime, context: Context) -> None:
    """One at a time for each person; who got a mail in this minute already gets the next in the next."""
    person = session.get_one(User, user_id, with_for_update=True)
    purpose = f"bundle:{user_id}:{int(at.timestamp()) // 60}"
    if session.scalar(select(Outgoing.id).where(Outgoing.purpose == purpose)) is not None:
        return
    mine = Reminder.user_id == user_id, text(NOT_BUNDLED)
    actor = actor_for(session, person, at.astimezone(context.zone).date())
    query = (
        select(Reminder, Clock, Complaint)
        .join(Clock, Clock.id == Reminder.clock_id)
        .join(Complaint, Complaint.id == Clock.subject_id)
        .where(*mine, Clock.stopped_at.is_(None), Clock.due_at == Reminder.due_at)
    )
    newest: dict[int, tuple[Reminder, Complaint]] = {}
    for told, clock, complaint in session.execute(visible_to(actor, query).order_by(Reminder.level)):
        newest[clock.id] = told, complaint
    said = [each for each in newest.values() if _is_wanted(person, each[0])]
    hidden = sum(of(complaint).confidential for _, complaint in said)
    lines = [
        _line(told, complaint, person.locale, at, context)
        for told, complaint in sorted(said, key=lambda each: each[0].due_at)
        if not of(complaint).confidential
    ]
    if said and person.left_at is None:
        outbox.owe(
            session, purpose=purpose, kind=KIND, recipient=person.email, locale=person.locale, at=at,
            secret=context.secret, domain=context.domain,
            values={
                "lines": lines[:LONGEST], "more": max(len(lines) - LONGEST, 0), "hidden": hidden,
                "overdue": sum(_is_overdue(told) for told, _ in said), "count": len(said),
            },
        )  # fmt: skip
    session.execute(
        update(Reminder).where(*mine).values(bundled_at=at).execution_options(synchronize_session=False)
    )  # fmt: skip


def _is_wanted(person: User, told: Reminder) -> bool:
    return _is_overdue(told) or channels.wants(person.preferences, channels.REMINDERS)


def _is_overdue(told: Reminder) -> bool:
    return told.level > DUE


def _line(told: Reminder, complaint: Complaint, locale: str, at: datetime, context: Context) -> dict[str, Any]:
    """What a mail says of one promise, in its reader's language."""
    said = told.values
    over = context.calendar.between(told.due_at, at) if told.level > DUE else None
    return {
        "number": complaint.number,
        "subject": complaint.subject,
        "clock": Name(**said["clock"]).in_(locale),
        "level": "warned" if told.level < DUE else "due" if told.level == DUE else "overdue",
        "due": told.due_at.isoformat(),
        "hours": int(over.total_seconds()) // AN_HOUR if over is not None else 0,
        "owner": said["owner"] if isinstance(said["owner"], str) else Name(**said["owner"]).in_(locale),
        "next": ("、" if locale.startswith("zh") else ", ").join(said["next"]),
        "next_at": said["next_at"],
        "away": said["away"],
    }
