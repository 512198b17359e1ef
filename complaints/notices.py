"""Notices: who is told of what happened on a complaint, in the page's bell and by mail.

One row for each person and event. The mail about it waits a moment, so that an undo can take both back. It is not on
the complaint's account: a colleague's answer is no letter of the customer's, and a bounce does not say that we did not
reach them.

An event is a code. Its sentence stands in the table below, or comes in two languages with the event, where a procedure
has words of its own.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Executable,
    ForeignKey,
    Index,
    Row,
    Select,
    String,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    update,
)  # fmt: skip
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import channels, outbox, rows
from complaints import complaint as complaints
from complaints.complaint import HIDDEN, WATCHING, Complaint, Involvement, Query
from complaints.concealing import concealed_from
from complaints.database import Base, BigId
from complaints.errors import N_, Name, Sentence
from complaints.people import Actor, Grant, User
from complaints.procedure import of

KIND, TOLD = "notice", "told"
WAIT = timedelta(seconds=10)
"""So long an act can be undone before anybody gets a mail about it."""
PAGE = 30
COUNTED = 100
"""The bell counts no further."""
UNREAD = "read_at IS NULL AND taken_back_at IS NULL"

SENTENCES: Mapping[str, str] = {
    "registered": N_("%(who)s registered a complaint"),
    "moved": N_("%(who)s moved it to %(stage)s"),
    "returned": N_("%(who)s sent it back to %(stage)s"),
    "closed": N_("%(who)s closed it"),
    "reopened": N_("%(who)s opened it again"),
    "letter_joined": N_("The customer wrote again"),
    "passed_on": N_("%(who)s passed it on to you"),
    "replied": N_("%(who)s wrote to the customer"),
    "noted": N_("%(who)s wrote an internal note"),
    "mentioned": N_("%(who)s mentioned you in a note"),
    "uninvited": N_("%(who)s cancelled for you: %(what)s (%(content)s)"),
    "assigned": N_("%(who)s named you: %(role)s"),
    "assigned_why": N_("%(who)s named you: %(role)s (%(reason)s)"),
    "handed_over": N_("%(who)s handed it over to you: %(role)s (%(reason)s)"),
    "replaced": N_("%(who)s named %(to)s in your place: %(role)s"),
    "clock_warned": N_("Three quarters of the time are gone: %(clock)s"),
    "clock_due": N_("The time is up: %(clock)s"),
    "clock_overdue": N_("Overdue: %(clock)s"),
}
SAID = ("letter_joined", "replied", "noted", "mentioned", "clock_warned", "clock_due", "clock_overdue")
"""What was said stands, whatever is taken back."""
OTHER = N_("%(who)s: %(event)s")
WITH_CONTENT = N_("%(name)s (%(content)s)")


class Notice(Base):
    """Somebody is told that something happened to a complaint. `version` is the complaint's when it did."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("complaint_id", "version", "event", "user_id"),
        Index("ix_notice_user_id", "user_id", "id"),
        Index(
            "ix_notice_unread", "user_id", "complaint_id",
            sqlite_where=text(UNREAD), postgresql_where=text(UNREAD),
        ),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    version: Mapped[int]
    event: Mapped[str] = mapped_column(String(60))
    values: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    taken_back_at: Mapped[datetime | None]


def sentence(event: str, values: Mapping[str, Any]) -> Sentence:
    """What happened: the words that came with the event as `name`, perhaps with the `content` of a record, else those
    of the table, where `noted:12` is `noted`. A value that is an `en` and a `zh` is a name in two languages."""
    told = {key: Name(**value) if isinstance(value, dict) else value for key, value in values.items()}
    if "name" in told:
        return Sentence(WITH_CONTENT if "content" in told else "%(name)s", told)
    return Sentence(SENTENCES.get(event.partition(":")[0], OTHER), told | {"event": event})


def tell(
    session: Session,
    complaint: Complaint,
    users: Iterable[int],
    event: str,
    *,
    by: Actor,
    at: datetime,
    today: date,
    secret: str,
    domain: str,
    values: Mapping[str, Any] | None = None,
    wait: timedelta = WAIT,
    opens_to: Collection[int] | None = None,
    mails: bool = True,
    always: bool = False,
) -> list[int]:
    """Tell people (ids) of an event, in the caller's transaction: a notice, as `ring` writes it, a mail after `wait`
    (where `mails`, for those who want one or, if `always` sent, for all), and a look at the complaint for those who
    had none (`opens_to`: only for these, because the others may look for another reason; a confidential draft opens to
    nobody so). `secret` and `domain` make Message-IDs. Returns who was told."""
    values = {"who": by.name, **(values or {})}
    said = sentence(event, values)
    told = ring(session, complaint, users, event, by=by, at=at, today=today, values=values)
    looks = [person.id for person in told if opens_to is None or person.id in opens_to]
    if complaint.registered_at is not None or not of(complaint).confidential:
        complaints.involve(session, complaint, at=at, reason=TOLD, users=looks)
    for person in told if mails else ():
        if not always and not channels.wants(person.preferences, channels.of_event(event)):
            continue
        purpose = _purpose(complaint.id, complaint.version, event, person.id)
        owe_mail(session, complaint, person, said, purpose, at=at, due_at=at + wait, secret=secret, domain=domain)
    session.flush()
    return [person.id for person in told]


def owe_mail(
    session: Session,
    complaint: Complaint,
    person: Row[*tuple[Any, ...]] | User,
    said: Sentence,
    purpose: str,
    *,
    at: datetime,
    due_at: datetime,
    secret: str,
    domain: str,
    **enclosed: Any,
) -> None:
    """Write down that somebody gets a mail about what happened to a complaint, and what goes with it."""
    outbox.owe(
        session, purpose=purpose, kind=KIND, recipient=person.email, locale=person.locale, at=at, due_at=due_at,
        secret=secret, domain=domain,
        values={
            "number": complaint.number, "subject": complaint.subject, "what": said.message,
            "told": {k: v.in_(person.locale) if isinstance(v, Name) else v for k, v in said.values.items()},
            **enclosed,
        },
    )  # fmt: skip


def ring(
    session: Session,
    complaint: Complaint,
    users: Iterable[int],
    event: str,
    *,
    by: Actor,
    at: datetime,
    today: date,
    values: Mapping[str, Any] | None = None,
) -> list[Row[*tuple[Any, ...]]]:
    """Tell people (ids) of an event by the bell alone, in the caller's transaction. Of a confidential procedure only
    those hear who may see the complaint already (`today` decides which roles they hold). Whoever acts is not told, nor
    is who works here no more; telling the same people the same of one version again does nothing. Returns who was
    told, with address and language."""
    values = {"who": by.name, **(values or {})}
    sentence(event, values).in_(str, "en")  # what lacks a value breaks here, not in everybody's bell
    people = {row.id: row for row in who_hears(session, complaint, {*users} - {by.id}, today)}
    if not people:
        return []
    new = [
        {
            "user_id": id_, "complaint_id": complaint.id, "version": complaint.version, "event": event,
            "values": values, "at": at,
        }
        for id_ in sorted(people)
    ]  # fmt: skip
    return [people[id_] for id_ in _add(session, new)]


def who_hears(
    session: Session, complaint: Complaint, users: Collection[int], today: date
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Who of these (ids) may be told of a complaint, with address and language."""
    users = {*users} - concealed_from(session, complaint)
    if not users:
        return ()
    rules = of(complaint)
    if not rules.confidential:
        return rows.run(session, _who_works(), {"among": sorted(users)}).all()
    taken_in_by = [each for each in (complaint.owner_id, complaint.received_by_id) if each is not None]
    registering = rules.register_stage.moved_in_by if complaint.registered_at is None else ()
    seeing = sorted({*registering, *rules.seen_by})
    values = {"among": sorted(users), "of": complaint.id, "own": taken_in_by, "seeing": seeing, "today": today}
    return rows.run(session, _who_works_and_may_see(), values).all()


@cache
def _who_works() -> Select[Any]:
    user = rows.table(User).c
    among = user.id.in_(bindparam("among", expanding=True))
    return select(user.id, user.email, user.locale, user.preferences).where(among, user.left_at.is_(None))


@cache
def _who_works_and_may_see() -> Select[Any]:
    """Those whom a confidential complaint names, themselves or by a department in which they hold a role, those who
    have it or took it in, those who see all of its procedure, and of a draft those who may register it; see
    `visible_to`."""
    user, grant, named = rows.table(User).c, rows.table(Grant).c, rows.table(Involvement).c
    here = named.complaint_id == bindparam("of")
    held = grant.since <= bindparam("today"), or_(grant.until.is_(None), grant.until >= bindparam("today"))
    members = select(grant.user_id).join(rows.table(Involvement), named.department_id == grant.department_id)
    return _who_works().where(
        or_(
            user.id.in_(bindparam("own", expanding=True)),
            user.id.in_(
                select(named.user_id).where(here, named.user_id.is_not(None), named.reason.not_in((WATCHING, HIDDEN)))
            ),
            user.id.in_(members.where(here, *held)),
            user.id.in_(select(grant.user_id).where(grant.role.in_(bindparam("seeing", expanding=True)), *held)),
        )
    )


def _add(session: Session, new: list[dict[str, Any]]) -> list[int]:
    """Write those notices that are not there yet; gives whom they are for."""
    return sorted(session.connection().execute(_unless_told(rows.dialect(session)), new).scalars())


@cache
def _unless_told(dialect: str) -> Executable:
    return rows.upsert(Notice, dialect).on_conflict_do_nothing().returning(rows.table(Notice).c.user_id)


def _purpose(complaint_id: int, version: int, event: str, user_id: int) -> str:
    return f"{KIND}:{complaint_id}:{version}:{event}:{user_id}"


def take_back(session: Session, complaint: Complaint, since_version: int, *, at: datetime) -> None:
    """What was told of a complaint at this version and later did not happen: its notices vanish, the mails about them
    that nobody has begun to send are owed no more, and who was told of nothing else has no look at it by that. What was
    said meanwhile stays told."""
    said = [Notice.event.startswith(f"{each}:", autoescape=True) for each in SAID]
    wrong = session.execute(
        update(Notice)
        .where(
            Notice.complaint_id == complaint.id, Notice.version >= since_version, Notice.taken_back_at.is_(None),
            ~or_(*said),
        )
        .values(taken_back_at=at)
        .returning(Notice.version, Notice.event, Notice.user_id)
        .execution_options(synchronize_session=False)
    ).all()  # fmt: skip
    outbox.cancel(session, [_purpose(complaint.id, *row) for row in wrong])
    still = select(Notice.user_id).where(Notice.complaint_id == complaint.id, Notice.taken_back_at.is_(None))
    session.execute(
        delete(Involvement)
        .where(
            Involvement.complaint_id == complaint.id, Involvement.reason == TOLD,
            Involvement.user_id.in_({row.user_id for row in wrong}), Involvement.user_id.not_in(still),
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def unread(session: Session, actor: Actor, complaint_id: int | None = None) -> int:
    """How many notices wait for a person, of all complaints or of one; at most `COUNTED`."""
    return session.scalar(counted(actor, complaint_id)) or 0


def counted(actor: Actor, complaint_id: int | None = None) -> Select[int]:
    """The query of `unread`."""
    query = _visible(actor, select(Notice.id)).where(Notice.read_at.is_(None))
    if complaint_id is not None:
        query = query.where(Notice.complaint_id == complaint_id)
    return select(func.count()).select_from(query.limit(COUNTED).subquery())


@dataclass(frozen=True)
class Listed:
    """A notice with the complaint that it is about."""

    notice: Notice
    number: str
    subject: str

    @property
    def sentence(self) -> Sentence:
        return sentence(self.notice.event, self.notice.values)


def listed(session: Session, actor: Actor, *, before: int | None = None, most: int = PAGE) -> list[Listed]:
    """The newest notices of a person first; `before` goes on after a page."""
    query = _visible(actor, select(Notice, Complaint.number, Complaint.subject)).order_by(Notice.id.desc()).limit(most)
    if before is not None:
        query = query.where(Notice.id < before)
    return [Listed(*row) for row in session.execute(query)]


def _visible(actor: Actor, query: Query) -> Query:
    """Narrow a query to a person's notices of complaints that they may see."""
    mine = query.join(Complaint, Complaint.id == Notice.complaint_id).where(
        Notice.user_id == actor.id, Notice.taken_back_at.is_(None)
    )
    return complaints.visible_to(actor, mine)


def mark_read(
    session: Session, actor: Actor, *, at: datetime, upto: int | None = None, complaint_id: int | None = None
) -> None:
    """A person has read their notices: those up to an id, as a list showed them, and those of a complaint."""
    query = update(Notice).where(
        Notice.user_id == actor.id, Notice.read_at.is_(None), Notice.taken_back_at.is_(None)
    )  # fmt: skip
    if upto is not None:
        query = query.where(Notice.id <= upto)
    if complaint_id is not None:
        query = query.where(Notice.complaint_id == complaint_id)
    session.execute(query.values(read_at=at).execution_options(synchronize_session=False))
