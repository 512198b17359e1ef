"""Triage: what a person decides about a message, in the caller's transaction.

A message that no rule made a complaint of can become a draft after all, join a complaint, or be set aside with a
reason; a letter that joined a complaint can be split off again. Each act writes who did it, says it in the history of
every complaint concerned, and done twice does what it did once. What leaves the board is in `off_board`.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from complaints import complaint as complaints
from complaints import customers, history, off_board, pauses, people, repeats, rows, watching, workflow
from complaints.calendar import WorkingCalendar
from complaints.complaint import Complaint, Draft
from complaints.context import Context
from complaints.conversation import Entry
from complaints.errors import N_, ComplaintError, NotAllowed, Sentence
from complaints.guards import RoleNames
from complaints.inbox import first_letter
from complaints.letters import WAITING, Attachment, Letter, Sighting, random_id
from complaints.mailboxes import Mailbox
from complaints.off_board import a_reason
from complaints.people import FRONT_OFFICE, QUALITY, Actor
from complaints.procedure import usual

BY_HAND = "by_hand"
LONGEST_CONTENT = 100_000


class NotJoined(ComplaintError):
    message = N_("This message cannot be joined to %(number)s: %(problem)s.")


class Placed(ComplaintError):
    message = N_("This message is on %(number)s already.")


class StillWaiting(ComplaintError):
    message = N_("This message is being read just now. Please try again in a moment.")


class NotSplit(ComplaintError):
    message = N_("This letter began %(number)s and stays with it.")


class NothingForwarded(ComplaintError):
    message = N_("This letter names no other sender.")


class Registered(ComplaintError):
    message = N_("%(number)s is registered; change its entry instead.")


@dataclass(frozen=True)
class Claimed:
    """What the header of a message that could not be read says of itself."""

    name: str = ""
    address: str = ""
    subject: str = ""


def make_draft(
    session: Session, sighting: Sighting, *, by: Actor, at: datetime, calendar: WorkingCalendar, claimed: Claimed
) -> Draft:
    """Make a draft of a message after all; its clocks start when it was received. `claimed` is for one that could not
    be read. A message that is on a complaint already leads to that one.

    Raises `NotAllowed` and `StillWaiting`. No acknowledgement is owed; registering makes up for it."""
    _allowed(by)
    letter = _letter_of(session, sighting, claimed, by=by, at=at)
    if letter.complaint_id is not None:
        return _where(session, letter.complaint_id)
    draft = _open(session, letter, sighting.mailbox_id, by=by, at=at, calendar=calendar)
    _sighted(session, letter, "drafted", draft.id, by=by, at=at)
    return draft


def join(
    session: Session,
    sighting: Sighting,
    into: Complaint,
    *,
    by: Actor,
    at: datetime,
    context: Context,
    claimed: Claimed,
) -> Complaint:
    """Put a message that is on no complaint on one, or on the one that took that in; returns it. The clocks that waited
    for the customer run on.

    Raises `NotAllowed`, `StillWaiting`, `Placed` when it is on another complaint, and `NotJoined` when that one is off
    the board."""
    _allowed(by)
    into = off_board.survivor(session, into.id)
    if off_board.is_off(into):
        problem = Sentence(N_("that one is off the board itself"))
        raise NotJoined(number=into.number, problem=problem)
    pauses.expect(session, into.id)
    letter = _letter_of(session, sighting, claimed, by=by, at=at)
    if letter.complaint_id == into.id:
        return into
    if letter.complaint_id is not None:
        raise Placed(number=_where(session, letter.complaint_id).number)
    count = _move_letter(session, letter, into.id)
    entry = {"complaint_id": into.id, "kind": "letter", "at": letter.received_at, "letter_id": letter.id}
    rows.add(session, Entry, entry)
    _count(session, into.id, letters=1, files=count, at=at)
    closed = {"closed": True} if into.closed_at is not None else {}
    if closed:
        into.reopening_proposed_at = at
    history.note(session, into.id, "letter_joined", by=by, at=at, letter_id=letter.id, **closed)
    today = at.astimezone(context.zone).date()
    watching.hear(session, into.id, f"letter_joined:{letter.id}", by=by, at=at, today=today)
    _sighted(session, letter, "joined", into.id, by=by, at=at)
    session.flush()
    pauses.answered(
        session, into.id, letter_id=letter.id, received_at=letter.received_at, by=by, at=at, context=context
    )  # fmt: skip
    return into


def set_aside(session: Session, sighting: Sighting, *, by: Actor, at: datetime, reason: str) -> None:
    """Say that a message needs nothing more: it leaves what waits for a person and stays in the inbox, with who and
    why. Raises `NotAllowed`, `ReasonWanted`, `ReasonTooLong`, `StillWaiting`, and `Placed` when it is on a complaint.
    """
    _allowed(by)
    reason = a_reason(reason)
    _settled(session, sighting)
    letter = session.get(Letter, sighting.letter_id) if sighting.letter_id else None
    if letter is not None and letter.complaint_id is not None:
        raise Placed(number=_where(session, letter.complaint_id).number)
    if sighting.outcome != "set_aside":
        _decide(sighting, "set_aside", "set_aside_by_hand", by=by, at=at, why=reason)
        session.flush()


def split(
    session: Session, letter: Letter, complaint: Complaint, *, by: Actor, at: datetime, calendar: WorkingCalendar
) -> Draft:
    """Take a letter that joined a complaint off it again and make it a draft of its own. A letter that is no longer on
    that complaint leads to where it is. Raises `NotAllowed`, and `NotSplit` for the letter that began it."""
    _allowed(by)
    session.refresh(letter, with_for_update=True)
    if letter.complaint_id != complaint.id and letter.complaint_id is not None:
        return _where(session, letter.complaint_id)
    if complaint.channel == "email" and first_letter(session, complaint.id) == letter.id:
        raise NotSplit(number=complaint.number)
    brought = session.scalar(
        select(Sighting).where(Sighting.letter_id == letter.id, Sighting.outcome != "duplicate").limit(1)
    )
    draft = _open(session, letter, brought.mailbox_id if brought else None, by=by, at=at, calendar=calendar, moved=True)
    files = session.scalar(select(func.count()).where(Attachment.letter_id == letter.id)) or 0
    _count(session, complaint.id, letters=-1, files=-files, at=at)
    history.note(session, complaint.id, "split_off", by=by, at=at, number=draft.number, letter_id=letter.id)
    history.note(session, draft.id, "split_from", by=by, at=at, number=complaint.number, letter_id=letter.id)
    _sighted(session, letter, "drafted", draft.id, by=by, at=at)
    return draft


def confirm_sender(
    session: Session, complaint: Complaint, letter: Letter, *, by: Actor, at: datetime, seen_version: int
) -> None:
    """Take the sender that a forwarded letter names as the customer's contact of a draft.

    Raises `NotAllowed`, `NothingForwarded`, `Registered` and `StaleComplaint`. Confirming again changes nothing."""
    _allowed(by)
    address = (letter.forwarded or {}).get("address", "")
    if not address or letter.complaint_id != complaint.id:
        raise NothingForwarded
    if complaint.registered_at is not None:
        raise Registered(number=complaint.number)
    if complaint.contact_email == address:
        return
    name = str((letter.forwarded or {}).get("name") or "")[:160]
    workflow.touch(session, complaint, at=at, seen_version=seen_version)
    contact_id, customer_id = customers.met(session, address=address, name=name, locale=letter.language, at=at)
    complaint.contact_id, complaint.contact_person, complaint.contact_email = contact_id, name, address[:254]
    complaint.customer_id = complaint.customer_id or customer_id
    repeats.renew(session, complaint)
    history.note(session, complaint.id, "sender_confirmed", by=by, at=at, name=name, address=address)
    session.flush()


def reread(session: Session, letter: Letter, *, by: Actor, at: datetime) -> None:
    """Write down that a letter was read again, in its present charset. Raises `NotAllowed`."""
    _allowed(by)
    if letter.complaint_id is not None:
        history.note(session, letter.complaint_id, "reread", by=by, at=at, charset=letter.charset, letter_id=letter.id)


def fetch(session: Session, *, by: Actor, at: datetime) -> int:
    """Ask the pollers to look into every mailbox now; returns how many mailboxes that are."""
    _allowed(by)
    asked = session.execute(
        update(Mailbox)
        .where(Mailbox.active, Mailbox.paused_at.is_(None))
        .values(asked_at=at)
        .returning(Mailbox.id)
        .execution_options(synchronize_session=False)
    )
    return len(asked.all())


def _allowed(by: Actor) -> None:
    if by.id is not None and not by.roles & (FRONT_OFFICE | QUALITY):
        raise NotAllowed(who=RoleNames(("clerk", "sales", "mkt_sup")))


def _settled(session: Session, sighting: Sighting) -> None:
    """Hold a message for this transaction: of two people who decide about it, the second sees what the first did."""
    session.refresh(sighting, with_for_update=True)
    if sighting.outcome == WAITING:
        raise StillWaiting


def _where(session: Session, complaint_id: int) -> Draft:
    found = session.get_one(Complaint, complaint_id)
    return Draft(found.id, found.number)


def _letter_of(session: Session, sighting: Sighting, claimed: Claimed, *, by: Actor, at: datetime) -> Letter:
    """The letter of a message, held for this transaction. One that could not be read gets one that says what its
    header claims; the message itself is its file."""
    _settled(session, sighting)
    key = sighting.raw or sha256(f"sighting {sighting.id}".encode()).hexdigest()
    which = Letter.id == sighting.letter_id if sighting.letter_id else Letter.content_key == key
    held = select(Letter).where(which).with_for_update().execution_options(populate_existing=True)
    letter = session.scalar(held)
    if letter is None:
        letter = Letter(
            content_key=key, from_address=claimed.address[:254], from_name=claimed.name[:200], subject=claimed.subject,
            text=sighting.headers or "", html="", message_id="", references=[], dated=None, language="en",
            received_at=sighting.received_at, verdict="unverified", raw=sighting.raw or "",
        )  # fmt: skip
        session.add(letter)
        session.flush()
        if sighting.raw is not None:
            file = Attachment(
                id=random_id(), letter_id=letter.id, position=0, filename="message.eml", content_type="message/rfc822",
                declared_type="message/rfc822", content_id="", inline=False, size=sighting.size, blob=sighting.raw,
            )  # fmt: skip
            session.add(file)
    elif sighting.letter_id is None:  # the same bytes were taken by hand before
        sighting.complaint_id = letter.complaint_id
        _decide(sighting, "duplicate", BY_HAND, by=by, at=at)
    sighting.letter_id = letter.id
    session.flush()
    return letter


def _open(
    session: Session,
    letter: Letter,
    mailbox_id: int | None,
    *,
    by: Actor,
    at: datetime,
    calendar: WorkingCalendar,
    moved: bool = False,
) -> Draft:
    """A draft of a letter; `moved` says that its entry in a conversation goes with it."""
    staff, passed_on = people.addresses(session), letter.forwarded or {}
    whose = customers.writer_fields(
        session, address=letter.from_address, name=letter.from_name, locale=letter.language, at=at, staff=staff,
        proposed=passed_on.get("name") or passed_on.get("address", ""),
    )  # fmt: skip
    mailbox = session.get(Mailbox, mailbox_id) if mailbox_id else None
    files = session.scalar(select(func.count()).where(Attachment.letter_id == letter.id)) or 0
    draft = complaints.open_draft(
        session,
        by=by,
        at=at,
        received_at=letter.received_at,
        channel="email",
        calendar=calendar,
        procedure_key=mailbox.procedure if mailbox else usual().key,
        fields={
            "subject": letter.subject[:250],
            "content": (letter.text if letter.from_address in staff else letter.own_words)[:LONGEST_CONTENT],
            **whose,
            "attachment_count": files,
            "unread_count": 1,
        },
        noted={"by_hand": True, "letter_id": letter.id},
    )
    _move_letter(session, letter, draft.id)
    if moved:
        session.execute(update(Entry).where(Entry.letter_id == letter.id).values(complaint_id=draft.id))
    else:
        entry = {"complaint_id": draft.id, "kind": "letter", "at": letter.received_at, "letter_id": letter.id}
        rows.add(session, Entry, entry)
    return draft


def _move_letter(session: Session, letter: Letter, complaint_id: int) -> int:
    """Put a letter and its files on a complaint; returns how many files."""
    letter.complaint_id = complaint_id
    session.flush()
    moved = session.execute(
        update(Attachment)
        .where(Attachment.letter_id == letter.id)
        .values(complaint_id=complaint_id)
        .returning(Attachment.id)
        .execution_options(synchronize_session=False)
    )
    return len(moved.all())


def _count(session: Session, complaint_id: int, *, letters: int, files: int, at: datetime) -> None:
    """Change what a card counts; never below nothing."""
    session.flush()
    complaint = session.get_one(Complaint, complaint_id, populate_existing=True, with_for_update=True)
    complaint.unread_count = max(0, complaint.unread_count + letters)
    complaint.attachment_count = max(0, complaint.attachment_count + files)
    complaint.changed_at = at
    session.flush()


def _sighted(
    session: Session,
    letter: Letter,
    outcome: str,
    complaint_id: int,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """The sighting that brought a letter gets its new outcome; those that saw it again keep theirs. All of them lead
    to the complaint."""
    for seen in session.scalars(select(Sighting).where(Sighting.letter_id == letter.id)):
        seen.complaint_id = complaint_id
        if seen.outcome != "duplicate":
            _decide(seen, outcome, BY_HAND, by=by, at=at)
    session.flush()


def _decide(sighting: Sighting, outcome: str, reason: str, *, by: Actor, at: datetime, why: str = "") -> None:
    before = {"outcome": sighting.outcome, "reason": sighting.reason}
    sighting.values = {"who": by.name, "by": by.id, "at": at.isoformat(), "why": why, "before": before}
    sighting.outcome, sighting.reason = outcome, reason
