"""Incidents: something has been wrong for a while, and whom we told. Silence is an alarm, once.

An incident opens when a fault has lasted longer than its threshold and closes by itself when the fault is gone. While
it is open the page and `/readyz` say so; the administrators get one mail.

`KINDS` is everything that is watched: what opens an incident, what keeps it open, and the words for people. The words
are the same on the page and in the mail: what is wrong since when, the fault as it was noted, how many messages wait.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Index, String, and_, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import outbox, rows
from complaints.acknowledgement import IN_ALL, Recent
from complaints.database import Base
from complaints.errors import N_
from complaints.letters import WAITING, Sighting
from complaints.mailboxes import Mailbox, configured, may_set_up, never_signed_in, polled, token_trouble
from complaints.outbox import Outgoing
from complaints.people import ROLES, Actor, Grant, User, actor_for, fold_email
from complaints.reminder import unclaimed
from complaints.schedule import Recurrence

SILENT = timedelta(minutes=10)
"""A mailbox whose last good look is older than this is not being read."""
STUCK = timedelta(minutes=15)
"""A mail that was not sent, or a message that was not understood, by then is stuck."""
LATELY = timedelta(hours=1)
GROWING = 5
"""So many messages quarantined lately are no accident of one sender."""
SKEW = timedelta(minutes=1)
"""Clocks of two machines may differ so much; an incident opened later than that was opened by a wrong clock."""
DAY = timedelta(days=1)
A_DAY = 20
"""No person gets more mails about incidents in a day; the page tells the rest."""
KIND = "alarm"
INBOX, MAILBOXES, WORK = "/inbox", "/settings/mailboxes", "/work"


class Incident(Base):
    """Something wrong. `kind` and `subject` name it (mailbox_silent and the mailbox's name); one of a name is open at
    a time. `values`: since (ISO 8601), mailbox (as people call it), fault (one line), waiting (messages)."""

    __tablename__ = "incident"
    __table_args__ = (
        Index(
            "uq_incident_open", "kind", "subject", unique=True,
            sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL"),
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))
    values: Mapped[dict[str, Any]]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Found:
    """Something that is wrong now: since when, with which mailbox, and how many messages wait for its end."""

    since: datetime
    subject: str = ""
    mailbox: str = ""
    fault: str = ""
    waiting: int = 0

    @property
    def values(self) -> dict[str, Any]:
        return {
            "since": self.since.isoformat(timespec="seconds"),
            "mailbox": self.mailbox,
            "fault": " ".join(self.fault.split())[:200],
            "waiting": self.waiting,
        }


Detector = Callable[[Session, datetime], Iterable[Found]]


def _of(mailbox: Mailbox, since: datetime) -> Found:
    shown = mailbox.label or mailbox.address or mailbox.user or mailbox.name
    return Found(since, mailbox.name, shown, mailbox.fault or "", mailbox.waiting)


def _unread_since(session: Session, at: datetime) -> Iterator[tuple[Mailbox, datetime]]:
    """Every mailbox that should be read, and since when it was not. One that was never read has no time of its own:
    the first check that meets it notes one."""
    for mailbox in polled(session):
        since = mailbox.looked_at or mailbox.fault_since
        if since is None:
            name = f"mailbox:{mailbox.id} met"
            rows.add_unless_there(session, Recurrence, [{"name": name, "slot": 0, "started_at": at}])
            since = session.scalars(select(Recurrence.started_at).where(Recurrence.name == name)).one()
        yield mailbox, since


def _refused_since(mailbox: Mailbox) -> datetime | None:
    """Since when the provider gives no token for a mailbox; None while it does, or where none is needed."""
    since = mailbox.oauth.get("refused_at") if mailbox.oauth.get("refused") else None
    return datetime.fromisoformat(since) if since else None


def silent(session: Session, at: datetime) -> Iterator[Found]:
    """Mailboxes that are not being read."""
    return (_of(mailbox, since) for mailbox, since in _unread_since(session, at) if at - since > SILENT)


def silent_for_other_reasons(session: Session, at: datetime) -> Iterator[Found]:
    """The silent ones, without those that get no token: one cause, one mail."""
    shut = {m.name for m in polled(session) if _refused_since(m) or never_signed_in(m)}
    return (found for found in silent(session, at) if found.subject not in shut)


def token_refused(session: Session, at: datetime) -> Iterator[Found]:
    """Mailboxes for which the provider gives no token any more."""
    for mailbox in polled(session):
        since = _refused_since(mailbox)
        if since is not None and at - since > SILENT:
            yield replace(_of(mailbox, since), fault=mailbox.oauth["refused"])


def token_ending(session: Session, at: datetime) -> Iterator[Found]:
    """Mailboxes that will be shut to us soon unless somebody renews their sign-in or their client secret. A paused
    one's tokens age, too."""
    for mailbox in configured(session):
        if not _refused_since(mailbox) and (trouble := token_trouble(mailbox, at)) is not None:
            yield replace(_of(mailbox, at), fault=trouble.in_(str, "en"))


def renumbered(session: Session, at: datetime) -> Iterator[Found]:
    """Mailboxes that were restored, moved or made anew: their server numbers all messages from new (UIDVALIDITY)."""
    for mailbox in polled(session):
        if mailbox.renumbered_at is not None and timedelta() <= at - mailbox.renumbered_at < DAY:
            yield _of(mailbox, mailbox.renumbered_at)


def faulty(session: Session, at: datetime, *, least: timedelta) -> Iterator[Found]:
    """Mailboxes that are read, but whose last looks all met a fault: mail that cannot be moved away or fetched."""
    for mailbox, since in _unread_since(session, at):
        if mailbox.fault_since is not None and at - since <= SILENT and at - mailbox.fault_since > least:
            yield _of(mailbox, mailbox.fault_since)


def quarantined(session: Session, at: datetime, *, least: int) -> Iterator[Found]:
    """Messages quarantined lately about which nobody decided yet."""
    newest = (
        select(Sighting.seen_at)
        .where(Sighting.outcome == "quarantined")
        .order_by(Sighting.id.desc())
        .limit(1000)  # what was quarantined long ago and never decided need not be read again every minute
        .subquery()
    )
    lately = newest.c.seen_at.between(at - LATELY, at)
    count, since = session.execute(select(func.count(), func.min(newest.c.seen_at)).where(lately)).one()
    if count >= least:
        yield Found(since, waiting=count)


def outbox_stuck(session: Session, at: datetime) -> Iterator[Found]:
    """Mails that should have left, and those that were given up lately. A mail that is tried again is due later each
    time, so it counts from the day it was owed."""
    late, tried = Outgoing.due_at < at - STUCK, and_(Outgoing.attempts > 0, Outgoing.created_at < at - STUCK)
    stuck = or_(
        and_(Outgoing.state.in_(("pending", "sending")), or_(late, tried)),
        and_(Outgoing.state.in_(("failed", "uncertain")), Outgoing.due_at.between(at - LATELY, at)),
    )
    oldest = session.execute(
        select(Outgoing.created_at, Outgoing.error, func.count().over())
        .where(stuck)
        .order_by(Outgoing.created_at, Outgoing.id)
        .limit(1)
    ).one_or_none()
    if oldest is not None:
        since, error, count = oldest
        yield Found(since, fault=error or "", waiting=count)


def messages_waiting(session: Session, at: datetime) -> Iterator[Found]:
    """Messages that were kept and are still not understood."""
    oldest = session.execute(
        select(Sighting.seen_at, func.count().over())
        .where(Sighting.outcome == WAITING, Sighting.seen_at < at - STUCK)
        .order_by(Sighting.id)
        .limit(1)
    ).one_or_none()
    if oldest is not None:
        since, count = oldest
        yield Found(since, waiting=count)


def promises_without_people(session: Session, at: datetime) -> Iterator[Found]:
    """Promises that somebody should be reminded of, in roles that nobody holds."""
    if found := session.execute(unclaimed()).all():
        roles = Counter(row.role for row in found)
        fault = ", ".join(f"{ROLES[role].zh} {ROLES[role].en}: {count}" for role, count in sorted(roles.items()))
        yield Found(found[0].since, fault=fault)


def acknowledged(session: Session, at: datetime, *, least: int) -> Iterator[Found]:
    """So many acknowledgements that no more go out."""
    if Recent(session, at=at).in_all >= least:
        yield Found(at)


@dataclass(frozen=True)
class Kind:
    """Something to watch. Where `holds` is not the same as `opens`, an incident on the edge stays open instead of
    opening and closing all day. `what` and `advice` are sentences to translate, `place` is the page that helps."""

    opens: Detector
    what: str
    advice: str
    place: str
    holds: Detector | None = None


KINDS: dict[str, Kind] = {
    "mailbox_silent": Kind(
        silent_for_other_reasons,
        N_("The mailbox %(mailbox)s has not been read since %(since)s."),
        N_("Test the mailbox on the settings page and mend what the test names. Its mail waits there; none is lost."),
        MAILBOXES,
        holds=silent,
    ),
    "mailbox_token": Kind(
        token_refused,
        N_("The provider has not let us into the mailbox %(mailbox)s since %(since)s."),
        N_("Sign in to the mailbox again on the settings page. Its mail waits there; none is lost."),
        MAILBOXES,
    ),
    "mailbox_token_ending": Kind(
        token_ending,
        N_("The access to the mailbox %(mailbox)s needs somebody to renew it."),
        N_("Renew the sign-in or the client secret on the settings page before its mail stops."),
        MAILBOXES,
    ),
    "mailbox_renumbered": Kind(
        renumbered,
        N_(
            "The mailbox %(mailbox)s was restored, moved or made anew at %(since)s; all of it was looked through again."
        ),
        N_(
            "Nothing was taken twice. If nobody of yours did this, ask the mail provider; "
            "flask intake reconcile counts."
        ),
        MAILBOXES,
    ),
    "mailbox_fault": Kind(
        partial(faulty, least=SILENT),
        N_("The mailbox %(mailbox)s is read, but with a fault since %(since)s."),
        N_("Look into the mailbox for what the fault names: a full quota, a missing folder, a message that breaks."),
        MAILBOXES,
        holds=partial(faulty, least=timedelta()),
    ),
    "quarantine_growing": Kind(
        partial(quarantined, least=GROWING),
        N_("Many messages could not be understood since %(since)s."),
        N_("Look at them in the inbox: each says why, and can be tried again or made a draft."),
        INBOX,
        holds=partial(quarantined, least=1),
    ),
    "outbox_stuck": Kind(
        outbox_stuck,
        N_("Mail that we owe has not left since %(since)s."),
        N_("Check the mail server that sends for us. What waits leaves by itself as soon as the server takes it."),
        INBOX,
    ),
    "messages_waiting": Kind(
        messages_waiting,
        N_("Messages have been waiting to be understood since %(since)s."),
        N_("Check that the poller runs and that the database and the disk answer. The messages are kept."),
        INBOX,
    ),
    "acknowledgements_capped": Kind(
        partial(acknowledged, least=IN_ALL),
        N_("Acknowledgements have been at their limit since %(since)s; no more go out for now."),
        N_("Look in the inbox for a flood of mail. Complaints are kept; registering one sends its acknowledgement."),
        INBOX,
        holds=partial(acknowledged, least=IN_ALL // 2),
    ),
    "promises_without_people": Kind(
        promises_without_people,
        N_("Since %(since)s there are promises of which nobody can be reminded, because nobody holds the role."),
        N_("Give the role to somebody, or name somebody for it on the complaint."),
        WORK,
    ),
}


@dataclass(frozen=True)
class Changes:
    """What a check opened and closed."""

    opened: tuple[Incident, ...] = ()
    closed: tuple[Incident, ...] = ()


def open_now(session: Session) -> list[Incident]:
    """The incidents that are open, oldest first."""
    return list(session.scalars(select(Incident).where(Incident.closed_at.is_(None)).order_by(Incident.id)))


def check(session: Session, *, at: datetime, today: date, secret: str, domain: str) -> Changes:
    """Open what has been wrong for too long, close what is well again, and owe the mails about what was opened, in one
    transaction. `today` is the organisation's date, by which roles are held; `secret` and `domain` make Message-IDs.

    Any number of schedulers may check at once: the index lets one of them open an incident, and that one writes."""
    opened: list[Incident] = []
    closed: list[Incident] = []
    known = {(row.kind, row.subject): row for row in open_now(session)}
    for name, kind in KINDS.items():
        wrong = {found.subject: found for found in kind.opens(session, at)}
        holds = {found.subject: found for found in kind.holds(session, at)} if kind.holds else wrong
        for subject, found in (holds | wrong).items():
            row = known.get((name, subject))
            if row is not None and row.opened_at <= at + SKEW:
                del known[name, subject]
                _keep_up(row, found)
            elif subject in wrong:
                if row is not None:
                    _close(session, known.pop((name, subject)), closed, at)
                opened += _open(session, name, found, at)
    for row in known.values():
        _close(session, row, closed, at)
    for incident in opened:
        _tell(session, incident, at=at, today=today, secret=secret, domain=domain)
    return Changes(tuple(opened), tuple(closed))


def _open(session: Session, kind: str, found: Found, at: datetime) -> list[Incident]:
    """The new incident, or nothing where another scheduler was first."""
    row = {"kind": kind, "subject": found.subject, "values": found.values, "opened_at": at}
    insert = rows.upsert(Incident, rows.dialect(session)).values(row).on_conflict_do_nothing()
    new = session.execute(insert.returning(Incident.id)).scalar_one_or_none()
    return [] if new is None else [session.get_one(Incident, new)]


def _keep_up(row: Incident, found: Found) -> None:
    """An open incident says how it is now; since when stays."""
    now = found.values | {"since": row.values["since"]}
    if now != row.values:
        row.values = now


def _close(session: Session, row: Incident, closed: list[Incident], at: datetime) -> None:
    row.closed_at = at
    session.flush()  # before another of the same name is opened
    closed.append(row)


def _tell(session: Session, incident: Incident, *, at: datetime, today: date, secret: str, domain: str) -> None:
    kind = KINDS[incident.kind]
    for user in _administrators(session, today):
        place = kind.place if may_open(actor_for(session, user, today), kind.place) else "/"
        if _told_today(session, user, at) < A_DAY:
            outbox.owe(
                session, purpose=f"alarm:{incident.id}:{user.id}", kind=KIND, recipient=user.email, locale=user.locale,
                at=at, secret=secret, domain=domain,
                values=incident.values | {"what": kind.what, "advice": kind.advice, "place": place},
            )  # fmt: skip


def may_open(actor: Actor, place: str) -> bool:
    """May this person open the page that helps? Everybody may open the first page, which shows what is wrong."""
    return actor.sees_all if place == INBOX else may_set_up(actor)


def _administrators(session: Session, today: date) -> list[User]:
    """Who is told: the administrators of that day; where there are none, the heads of quality."""
    for roles in (("admin",), ("mr", "qa_mgr")):
        held = select(Grant.user_id).where(
            Grant.role.in_(roles), Grant.since <= today, or_(Grant.until.is_(None), Grant.until >= today)
        )
        users = session.scalars(select(User).where(User.left_at.is_(None), User.id.in_(held)).order_by(User.id)).all()
        if users:
            return list(users)
    return []


def _told_today(session: Session, user: User, at: datetime) -> int:
    mails = select(func.count()).where(
        Outgoing.kind == KIND,
        Outgoing.recipient == fold_email(user.email),
        Outgoing.created_at.between(at - DAY, at),
    )
    return session.scalar(mails) or 0
