"""One transaction for each letter: its draft or entry, its files, the mail we owe for it, and its outcome."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from complaints import acknowledgement, complaint, customers, history, rows
from complaints.calendar import WorkingCalendar
from complaints.complaint import Complaint
from complaints.conversation import Entry
from complaints.letters import WAITING, Attachment, Letter, Sighting, random_id
from complaints.outbox import Outgoing
from complaints.people import SYSTEM, fold_email
from complaints.settings import Settings
from intake.classify import Kind
from intake.mail import Mail
from intake.route import JoinComplaint, NoteEvent, OpenComplaint, Route, SetAside, Thread

MOST_REFERENCES = 50


class TakenMeanwhile(Exception):
    """Another process took this arrival first; nothing was written."""


@dataclass(frozen=True)
class Outcome:
    """What became of a message."""

    outcome: str
    reason: str
    complaint_id: int | None = None
    number: str | None = None
    owes_mail: bool = False
    letter_id: int | None = None


def threads(session: Session, mail: Mail, kind: Kind) -> list[Thread]:
    """The complaints that the cited Message-IDs belong to: our own mails first, then the sender's."""
    cited = [*mail.in_reply_to, *reversed(mail.references), *kind.cited_message_ids][:MOST_REFERENCES]
    if not cited:
        return []
    ours = session.execute(
        select(Outgoing.complaint_id, Outgoing.recipient).where(
            Outgoing.message_id.in_(cited), Outgoing.complaint_id.is_not(None)
        )
    )
    found = [Thread(complaint_id, True, recipient) for complaint_id, recipient in ours if complaint_id]
    if mail.from_address:
        theirs = session.execute(
            select(Letter.complaint_id, Letter.from_address).where(
                Letter.message_id.in_(cited),
                Letter.from_address == fold_email(mail.from_address),
                Letter.verdict == "verified",
                Letter.complaint_id.is_not(None),
            )
        )
        found += [Thread(complaint_id, False, person) for complaint_id, person in theirs if complaint_id]
    return found


@dataclass(frozen=True)
class Arrival:
    """A message that is safe in the blob store and waits to be understood."""

    sighting_id: int
    raw: str
    received_at: datetime
    content: bytes | None = field(default=None, repr=False)  # while it is at hand; the blob store has it for ever


_END = (
    update(Sighting.__table__)  # type: ignore[arg-type]
    .where(Sighting.id == bindparam("sighting"), Sighting.outcome == WAITING)
    .values({name: bindparam(name) for name in ("outcome", "reason", "letter_id", "complaint_id")})
)


class Recorder:
    """Writes what becomes of letters. `recent` counts the acknowledgements of the last hour for a batch."""

    def __init__(self, settings: Settings, calendar: WorkingCalendar, recent: acknowledgement.Recent) -> None:
        self.settings = settings
        self.calendar = calendar
        self.recent = recent

    def record(
        self,
        session: Session,
        arrival: Arrival,
        mail: Mail,
        kind: Kind,
        route: Route,
        *,
        found: str,
        at: datetime,
    ) -> Outcome:
        """Carry out a route in the caller's transaction. Raises
        `TakenMeanwhile` if the arrival waits no more."""
        match route:
            case OpenComplaint():
                outcome = self._open(session, arrival, mail, kind, found=found, at=at)
            case JoinComplaint(complaint_id):
                outcome = self._join(session, complaint_id, arrival, mail, found=found, at=at)
            case SetAside(reason):
                letter_id = _letter(session, arrival, mail, found, None)
                _attachments(session, letter_id, None, mail)
                outcome = _end(session, arrival, Outcome("set_aside", reason), letter_id)
            case NoteEvent(reason, complaint_id):
                letter_id = _letter(session, arrival, mail, found, complaint_id)
                _attachments(session, letter_id, complaint_id, mail)
                if complaint_id is not None:
                    history.note(session, complaint_id, reason, by=SYSTEM, at=at, letter_id=letter_id)
                outcome = _end(session, arrival, Outcome("event", reason, complaint_id), letter_id)
        return outcome

    def _open(self, session: Session, arrival: Arrival, mail: Mail, kind: Kind, *, found: str, at: datetime) -> Outcome:
        contact_id = customer_id = None
        if mail.from_address:
            contact_id, customer_id = customers.met(
                session, address=mail.from_address, name=mail.from_name, locale=mail.language, at=at
            )
        withheld = self._no_acknowledgement(mail, kind, found, arrival)
        draft = complaint.open_draft(
            session,
            by=SYSTEM,
            at=at,
            received_at=arrival.received_at,
            channel="email",
            calendar=self.calendar,
            fields={
                "subject": mail.subject[:250],
                "content": mail.text,
                "contact_id": contact_id,
                "customer_id": customer_id,
                "contact_person": mail.from_name[:160],
                "contact_email": mail.from_address,
                "attachment_count": len(mail.attachments),
                "unread_count": 1,
            },
            noted={"withheld": withheld} if withheld else None,
        )
        letter_id = _letter(session, arrival, mail, found, draft.id)
        _attachments(session, letter_id, draft.id, mail)
        _entry(session, draft.id, letter_id, arrival)
        if withheld is None:
            acknowledgement.promise(
                session,
                draft,
                recipient=mail.from_address,
                locale=mail.language,
                in_reply_to=mail.message_id,
                references=[*mail.references[-20:], mail.message_id] if mail.message_id else [],
                received_at=arrival.received_at,
                at=at,
                secret=self.settings.secret_key,
                domain=self.settings.message_domain,
                with_time=self.settings.acknowledge_with_time,
            )
            self.recent.count(mail.from_address)
        reason = "acknowledged" if withheld is None else "new_complaint"
        outcome = Outcome("drafted", reason, draft.id, draft.number, owes_mail=withheld is None)
        return _end(session, arrival, outcome, letter_id)

    def _no_acknowledgement(self, mail: Mail, kind: Kind, found: str, arrival: Arrival) -> str | None:
        if not mail.from_address:
            return "no_sender"
        if kind.is_list:
            return "list"
        if found == "failed":
            return "failed_verdict"
        return self.recent.withheld(
            recipient=mail.from_address, received_at=arrival.received_at, verified=found == "verified"
        )

    def _join(
        self, session: Session, complaint_id: int, arrival: Arrival, mail: Mail, *, found: str, at: datetime,
    ) -> Outcome:  # fmt: skip
        letter_id = _letter(session, arrival, mail, found, complaint_id)
        _attachments(session, letter_id, complaint_id, mail)
        _entry(session, complaint_id, letter_id, arrival)
        number = session.execute(
            update(Complaint)
            .where(Complaint.id == complaint_id)
            .values(
                unread_count=Complaint.unread_count + 1,
                attachment_count=Complaint.attachment_count + len(mail.attachments),
                changed_at=at,
            )
            .returning(Complaint.number)
            .execution_options(synchronize_session=False)
        ).scalar_one()
        history.note(session, complaint_id, "letter_joined", by=SYSTEM, at=at, letter_id=letter_id)
        return _end(session, arrival, Outcome("joined", "reply", complaint_id, number), letter_id)


def duplicate(session: Session, arrival: Arrival, letter_id: int) -> Outcome:
    """The letter was taken before, from here or elsewhere."""
    complaint_id = session.scalar(select(Letter.complaint_id).where(Letter.id == letter_id))
    return _end(session, arrival, Outcome("duplicate", "same_letter", complaint_id), letter_id)


def quarantine(session: Session, sighting_id: int, reason: str, values: dict[str, Any]) -> Outcome:
    """The message could not be taken in: kept, shown with its reason, and open to another try."""
    session.execute(
        update(Sighting)
        .where(Sighting.id == sighting_id, Sighting.outcome == WAITING)
        .values(outcome="quarantined", reason=reason, values=values)
        .execution_options(synchronize_session=False)
    )
    return Outcome("quarantined", reason)


def _letter(session: Session, arrival: Arrival, mail: Mail, found: str, complaint_id: int | None) -> int:
    values = {
        "content_key": mail.content_key,
        "complaint_id": complaint_id,
        "from_address": fold_email(mail.from_address)[:254],
        "from_name": mail.from_name[:200],
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "message_id": mail.message_id[:250],
        "references": list(mail.references),
        "dated": mail.date,
        "received_at": arrival.received_at,
        "language": mail.language,
        "verdict": found,
        "raw": arrival.raw,
    }
    return rows.add_one(session, Letter, values)


def _attachments(session: Session, letter_id: int, complaint_id: int | None, mail: Mail) -> None:
    if mail.attachments:
        rows.add(
            session,
            Attachment,
            *(
                {
                    "id": random_id(),
                    "letter_id": letter_id,
                    "complaint_id": complaint_id,
                    "position": position,
                    "filename": part.filename[:200],
                    "content_type": part.content_type[:120],
                    "declared_type": part.declared_type[:120],
                    "content_id": part.content_id[:250],
                    "inline": part.inline,
                    "size": part.size,
                    "blob": part.sha256,
                }
                for position, part in enumerate(mail.attachments)
            ),
        )


def _entry(session: Session, complaint_id: int, letter_id: int, arrival: Arrival) -> None:
    row = {"complaint_id": complaint_id, "kind": "letter", "at": arrival.received_at, "letter_id": letter_id}
    rows.add(session, Entry, row)


def _end(session: Session, arrival: Arrival, outcome: Outcome, letter_id: int) -> Outcome:
    """Write the outcome of an arrival that still waits; it can have one only."""
    values = {
        "sighting": arrival.sighting_id, "outcome": outcome.outcome, "reason": outcome.reason, "letter_id": letter_id,
        "complaint_id": outcome.complaint_id,
    }  # fmt: skip
    if session.connection().execute(_END, values).rowcount != 1:
        raise TakenMeanwhile
    return replace(outcome, letter_id=letter_id)
