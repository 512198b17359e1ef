"""The inbox: every message ever seen, what became of it, and what waits for a decision. Nothing disappears unseen.

Questions only; what a person decides about a message is in `triage`. A list is read by index in pages and costs the
same whatever the age of the ledger; what waits for a person is counted up to `COUNTED`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, String, and_, func, literal_column, or_, select
from sqlalchemy.orm import Session

from complaints.complaint import Complaint, find, visible_to
from complaints.conversation import Entry
from complaints.errors import N_, NotFound
from complaints.letters import WAITING, Attachment, Letter, Sighting
from complaints.mailboxes import Mailbox
from complaints.off_board import NOT_COMPLAINT, Decision, last, may_decide
from complaints.people import Actor, User
from complaints.procedure import versions

OUTCOME_NAMES: Mapping[str, str] = {
    "quarantined": N_("Quarantine"),
    "set_aside": N_("Set aside"),
    "event": N_("Event"),
    "joined": N_("Joined"),
    "duplicate": N_("Duplicate"),
    "drafted": N_("Draft"),
    WAITING: N_("Waiting"),
}
DOOR_NAMES: Mapping[str, str] = {
    "imap": N_("Mailbox"),
    "deliver": N_("Mail server"),
    "import": N_("Backlog"),
    "upload": N_("Uploaded"),
    "recover": N_("Recovered"),
}
PAGE = 50
COUNTED = 100
MOST = 10_000_000
"""More than a balance ever counts."""
NAMED = 20
"""Complaints that a search shows beside the messages."""


@dataclass(frozen=True)
class Filters:
    """Which messages to list; empty means all. `day` is the local day of arrival as two instants."""

    outcome: str = ""
    door: str = ""
    mailbox: int | None = None
    q: str = ""
    day: tuple[datetime, datetime] | None = None
    unmatched: bool = False
    """Only reports of a failed delivery that speak of no mail of ours."""


EVERYTHING = Filters()


@dataclass(frozen=True)
class Decided:
    """A complaint that was taken off the board: how, why, by whom and when."""

    number: str
    outcome: str
    reason: str
    who: str
    at: datetime
    id: int


@dataclass(frozen=True)
class Arrived:
    """A message with its outcome. `headers` stand for a message that was too large to keep."""

    id: int
    at: datetime
    outcome: str
    reason: str | None
    values: dict[str, Any]
    size: int
    sender: str
    subject: str
    headers: str | None
    raw: str | None
    number: str | None
    attachments: int
    decided: Decided | None


@dataclass(frozen=True)
class Named:
    """A complaint that a search found, of whatever channel and wherever it stands."""

    number: str
    subject: str
    sender: str
    channel: str
    stage: str
    received_at: datetime
    decided: Decided | None


@dataclass(frozen=True)
class Balance:
    """What became of the messages received since an instant. `counts` has every outcome; `received` is their sum."""

    counts: Mapping[str, int]
    left_behind: int
    """Messages that still lie in a mailbox and were not taken at the last look."""

    @property
    def received(self) -> int:
        return sum(self.counts.values())

    @property
    def unaccounted(self) -> int:
        return self.counts[WAITING] + self.left_behind


@dataclass(frozen=True)
class Message:
    """One message, or a complaint that came without one, with all that is needed to decide about it."""

    sighting: Sighting | None
    letter: Letter | None
    complaint: Complaint | None
    """The complaint it is on; `about` is one that it only speaks of."""
    about: Complaint | None = None
    may_belong: Complaint | None = None
    made_it: bool = False
    """Did the complaint begin with this letter?"""
    letters: int = 0
    files: Sequence[Attachment] = ()
    seen: Sequence[tuple[Sighting, Mailbox | None]] = ()
    decided: Decided | None = None


def arrived(
    session: Session, actor: Actor, *, filters: Filters = EVERYTHING, before: int | None = None, most: int = PAGE
) -> list[Arrived]:
    """The newest messages first; `before` goes on after a page. For front office and QA only, because a message that is
    no complaint yet belongs to nobody else."""
    _only_for(actor)
    files = select(func.count()).where(Attachment.letter_id == Letter.id).correlate(Letter).scalar_subquery()
    query = (
        select(Sighting, Letter.from_name, Letter.from_address, Letter.subject, files, Complaint.number, *_DECIDED)
        .outerjoin(Letter, Letter.id == Sighting.letter_id)
        .outerjoin(Complaint, Complaint.id == Sighting.complaint_id)
        .outerjoin(Decision, _stands())
        .outerjoin(User, User.id == Decision.by_id)
        .where(*_wanted(filters))
        .order_by(Sighting.id.desc())
        .limit(most)
    )
    if before:
        query = query.where(Sighting.id < before)
    return [
        Arrived(
            id=seen.id,
            at=seen.received_at,
            outcome=seen.outcome,
            reason=seen.reason,
            values=seen.values,
            size=seen.size,
            sender=name or address or "",
            subject=subject or "",
            headers=seen.headers,
            raw=seen.raw,
            number=number,
            attachments=count or 0,
            decided=_decided(number, *decision),
        )
        for seen, name, address, subject, count, number, *decision in session.execute(query)
    ]


def _only_for(actor: Actor) -> None:
    if not actor.sees_all:
        raise NotFound


_DECIDED = (Decision.outcome, Decision.reason, User.name, Decision.at, Decision.id)


def _stands() -> ColumnElement[bool]:
    return and_(Decision.complaint_id == Complaint.id, Decision.back_at.is_(None))


def _decided(
    number: str | None, outcome: str | None, reason: str | None, who: str | None, at: datetime | None, id_: int | None
) -> Decided | None:
    if not outcome or at is None or id_ is None:
        return None
    return Decided(number or "", outcome, reason or "", who or "Redress", at, id_)


def _wanted(filters: Filters) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if filters.outcome:
        wanted.append(Sighting.outcome == filters.outcome)
    if filters.unmatched:
        wanted += _unmatched()
    if filters.door:
        wanted.append(Sighting.door == filters.door)
    if filters.mailbox is not None:
        wanted.append(Sighting.mailbox_id == filters.mailbox)
    if filters.day is not None:
        wanted += [Sighting.received_at >= filters.day[0], Sighting.received_at < filters.day[1]]
    texts = (Letter.from_name, Letter.from_address, Letter.subject, Sighting.headers, Complaint.number, Decision.reason)
    wanted += [_has(word, *texts) for word in filters.q.split()]
    return wanted


def _has(word: str, *texts: Any) -> ColumnElement[bool]:
    """One of these texts contains a word, whatever the case of Latin letters."""
    return or_(*(text.icontains(word, autoescape=True) for text in texts))


def _unmatched() -> list[ColumnElement[bool]]:
    # Written out: SQLite uses the index of these few rows only where it sees their values.
    return [
        Sighting.outcome == literal_column("'event'", String),
        Sighting.reason == literal_column("'bounce'", String),
        Sighting.complaint_id.is_(None),
    ]


def named(session: Session, actor: Actor, q: str, *, most: int = NAMED) -> list[Named]:
    """Complaints that hold all of these words in number, subject, sender or the reason why they left the board, the
    newest first: of every channel, on the board or off it."""
    query = _named(actor).order_by(Complaint.id.desc()).limit(most)
    texts = (
        Complaint.number, Complaint.subject, Complaint.contact_person, Complaint.contact_email, Decision.reason,
        User.name,
    )  # fmt: skip
    return _names(session, query.where(*(_has(word, *texts) for word in q.split())))


def not_complaints(
    session: Session, actor: Actor, *, q: str = "", before: int | None = None, most: int = PAGE
) -> list[Named]:
    """What was judged to be no complaint, of every channel, the newest first; `before` goes on after a page."""
    _only_for(actor)
    query = _named(actor).where(Decision.outcome == NOT_COMPLAINT).order_by(Decision.id.desc()).limit(most)
    if before:
        query = query.where(Decision.id < before)
    texts = (Complaint.subject, Complaint.contact_person, Complaint.contact_email, Decision.reason, User.name)
    return _names(session, query.where(*(_has(word, *texts) for word in q.split())))


def _named(actor: Actor) -> Select[*tuple[Any, ...]]:
    query = (
        select(Complaint, *_DECIDED)
        .select_from(Complaint)
        .outerjoin(Decision, _stands())
        .outerjoin(User, User.id == Decision.by_id)
    )
    return visible_to(actor, query)


def _names(session: Session, query: Select[*tuple[Any, ...]]) -> list[Named]:
    return [
        Named(
            number=found.number,
            subject=found.subject,
            sender=found.contact_person or found.contact_email,
            channel=found.channel,
            stage=found.stage,
            received_at=found.received_at,
            decided=_decided(found.number, *decision),
        )
        for found, *decision in session.execute(query)
    ]


def balance(session: Session, actor: Actor, *, since: datetime) -> Balance:
    """How many messages received since an instant became what; their sum is every message seen."""
    _only_for(actor)
    # The rows of the time first, then grouped: otherwise SQLite reads a whole index to have them in order.
    recent = select(Sighting.outcome).where(Sighting.received_at >= since).limit(MOST).subquery()
    rows = session.execute(select(recent.c.outcome, func.count()).group_by(recent.c.outcome)).all()
    counts = dict.fromkeys(OUTCOME_NAMES, 0) | dict[str, int](rows)
    left_behind = session.scalar(select(func.coalesce(func.sum(Mailbox.waiting), 0)).where(Mailbox.active)) or 0
    return Balance(counts, left_behind)


@dataclass(frozen=True)
class Waiting:
    """How much waits for a person, each counted up to `COUNTED`."""

    drafts: int
    quarantined: int
    unmatched: int

    @property
    def total(self) -> int:
        return self.drafts + self.quarantined + self.unmatched


PARTS = ("drafts", "quarantined", "unmatched")


def waiting(session: Session, actor: Actor) -> Waiting:
    """What needs a person now: drafts of every channel, quarantined messages, and failed deliveries of we know not
    what. One query."""
    _only_for(actor)
    return Waiting(**dict(zip(PARTS, session.execute(select(*_counts())).one(), strict=True)))


def counted() -> Select[int]:
    """The query of the total that is `waiting`."""
    drafts, quarantined, unmatched = _counts()
    return select(drafts + quarantined + unmatched)


def _counts() -> list[ScalarSelect[int]]:
    first = sorted({(rules.key, rules.first.key) for rules in versions()})
    draft = or_(*(and_(Complaint.procedure == key, Complaint.stage == stage) for key, stage in first))
    parts = (
        select(Complaint.id).where(draft),
        select(Sighting.id).where(Sighting.outcome == "quarantined"),
        select(Sighting.id).where(*_unmatched()),
    )
    return [select(func.count()).select_from(part.limit(COUNTED).subquery()).scalar_subquery() for part in parts]


def message(session: Session, actor: Actor, sighting_id: int) -> Message:
    """A message by its sighting. Raises `NotFound`."""
    _only_for(actor)
    sighting = session.get(Sighting, sighting_id)
    if sighting is None:
        raise NotFound
    letter = session.get(Letter, sighting.letter_id) if sighting.letter_id else None
    return _whole(session, actor, sighting, letter, letter.complaint_id if letter else None)


def draft(session: Session, actor: Actor, number: str) -> Message:
    """A complaint by its number, with the letter it began with, if it began with one, for who decides about it. Raises
    `NotFound`."""
    complaint = find(session, number, actor)
    if not may_decide(complaint, actor):
        raise NotFound
    letter_id = first_letter(session, complaint.id)
    letter = session.get(Letter, letter_id) if letter_id else None
    return _whole(session, actor, _first_sighting(session, letter), letter, complaint.id)


def of_letter(session: Session, actor: Actor, letter_id: int) -> Message:
    """A message by its letter. Raises `NotFound`."""
    _only_for(actor)
    letter = session.get(Letter, letter_id)
    if letter is None:
        raise NotFound
    return _whole(session, actor, _first_sighting(session, letter), letter, letter.complaint_id)


def _first_sighting(session: Session, letter: Letter | None) -> Sighting | None:
    if letter is None:
        return None
    return session.scalar(select(Sighting).where(Sighting.letter_id == letter.id).order_by(Sighting.id).limit(1))


def first_letter(session: Session, complaint_id: int) -> int | None:
    """The letter that a complaint's conversation begins with."""
    return session.scalar(
        select(Entry.letter_id)
        .where(Entry.complaint_id == complaint_id, Entry.letter_id.is_not(None))
        .order_by(Entry.id)
        .limit(1)
    )


def _whole(
    session: Session, actor: Actor, sighting: Sighting | None, letter: Letter | None, complaint_id: int | None
) -> Message:
    about_id = sighting.complaint_id if sighting is not None and complaint_id is None else None
    hint_id = letter.may_belong_to_id if letter else None
    ids = {complaint_id, about_id, hint_id} - {None}
    near = {c.id: c for c in session.scalars(visible_to(actor, select(Complaint).where(Complaint.id.in_(ids))))}
    complaint = near.get(complaint_id or 0)
    letters = 0
    if complaint is not None:
        letters = session.scalar(select(func.count()).where(Letter.complaint_id == complaint.id)) or 0
    return Message(
        sighting=sighting,
        letter=letter,
        complaint=complaint,
        about=near.get(about_id or 0),
        may_belong=near.get(hint_id or 0) if hint_id != complaint_id else None,
        made_it=letter is not None and complaint is not None and first_letter(session, complaint.id) == letter.id,
        letters=letters,
        files=_files(session, letter),
        seen=_seen(session, sighting, letter),
        decided=decision(session, complaint) if complaint is not None else None,
    )


def decision(session: Session, complaint: Complaint) -> Decided | None:
    """The decision that keeps a complaint off the board, with the name of who took it."""
    taken = last(session, complaint.id)
    if taken is None:
        return None
    who = session.scalar(select(User.name).where(User.id == taken.by_id))
    return Decided(complaint.number, taken.outcome, taken.reason, who or "Redress", taken.at, taken.id)


def _files(session: Session, letter: Letter | None) -> list[Attachment]:
    if letter is None:
        return []
    return list(
        session.scalars(
            select(Attachment).where(Attachment.letter_id == letter.id).order_by(Attachment.position, Attachment.id)
        )
    )


def _seen(session: Session, sighting: Sighting | None, letter: Letter | None) -> list[tuple[Sighting, Mailbox | None]]:
    """Everywhere the same letter was seen."""
    query = select(Sighting, Mailbox).outerjoin(Mailbox, Mailbox.id == Sighting.mailbox_id)
    if letter is not None:
        query = query.where(Sighting.letter_id == letter.id)
    elif sighting is not None:
        query = query.where(Sighting.id == sighting.id)
    else:
        return []
    return [(row[0], row[1]) for row in session.execute(query.order_by(Sighting.id).limit(PAGE))]
