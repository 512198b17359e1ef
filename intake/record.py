"""One transaction for each letter: its draft or entry, its files, the mail we owe for it, and its outcome."""

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from complaints import (
    acknowledgement,
    complaint,
    consequences,
    customers,
    history,
    off_board,
    outbox,
    pauses,
    rows,
    watching,
)
from complaints.calendar import WorkingCalendar
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.conversation import Entry
from complaints.letters import WAITING, Attachment, Letter, Sighting, random_id
from complaints.mailboxes import Mailbox
from complaints.outbox import Outgoing
from complaints.people import SYSTEM, fold_email
from complaints.procedure import DEFAULT, procedure
from complaints.settings import Settings
from intake.classify import Kind
from intake.mail import Enclosed, Mail
from intake.route import CLOSED, OPEN, Hint, JoinComplaint, NoteEvent, OpenComplaint, Route, SetAside, Thread, writer

MOST_REFERENCES = 50
LONGEST_CONTENT = 100_000
LOOP_AFTER = 5
"""Letters of the same words from one sender within the hour; the next is a loop."""
_NUMBER = re.compile(r"\bC-\d{4}-\d{4,7}\b", re.IGNORECASE)
_FIGURES = re.compile(r"\d+")
_REPLY = re.compile(r"^(?:\s*(?:re|aw|回复|答复|回覆)\s*[:：])+\s*", re.IGNORECASE)


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
    sighting_id: int | None = None


@dataclass(frozen=True)
class Manner:
    """How a mailbox, or another door, wants its mail taken. `answers_to` is its address if it takes plus addresses."""

    procedure: str = DEFAULT
    locale: str = ""
    take_from: datetime | None = None
    answers_to: str = ""
    acknowledges: bool = True
    opens_clocks: bool = True
    backlog: bool = False  # the date is the one that the mail itself tells


BY_DOOR: Mapping[str, dict[str, Any]] = {
    "import": {"acknowledges": False, "opens_clocks": False, "backlog": True},
    "recover": {"acknowledges": False},
}
"""Doors that want it another way than a mailbox does."""


def manner_of(mailbox: Mailbox | None) -> Manner:
    """How a mailbox wants its mail taken."""
    if mailbox is None:
        return Manner()
    return Manner(
        procedure=mailbox.procedure,
        locale=mailbox.locale,
        take_from=mailbox.take_from,
        answers_to=mailbox.address if mailbox.plus_addresses else "",
    )


@dataclass(frozen=True)
class Arrival:
    """A message that is safe in the blob store and waits to be understood."""

    sighting_id: int
    raw: str
    received_at: datetime
    door: str = "imap"
    attempts: int | None = None  # how often an earlier run began with it; None: it has just come


def threads(session: Session, mail: Mail, kind: Kind, *, secret: str) -> tuple[list[Thread], list[Hint]]:
    """The complaints that a mail cites: those it may join if its sender belongs to them (by a mail of ours first, then
    by the sender's own), and those it only names."""
    _, address = writer(mail, kind)
    sender = fold_email(address)
    cited = [*mail.in_reply_to, *reversed(mail.references), *kind.cited_message_ids][:MOST_REFERENCES]
    found: list[Thread] = []
    hints: list[Hint] = []
    if cited:
        ours = session.execute(
            select(Outgoing.complaint_id, Outgoing.recipient, Outgoing.also, Outgoing.id).where(
                Outgoing.message_id.in_(cited), Outgoing.complaint_id.is_not(None)
            )
        )
        found = [
            Thread(id_, True, person, outgoing_id=mail_id)
            for id_, recipient, also, mail_id in ours
            for person in (recipient, *also)
            if id_
        ]
        if sender:
            theirs = session.execute(
                select(Letter.complaint_id, Letter.verdict).where(
                    Letter.message_id.in_(cited), Letter.from_address == sender, Letter.complaint_id.is_not(None)
                )
            )
            for id_, verdict in theirs:
                if id_ and verdict == "verified":
                    found.append(Thread(id_, False, sender))
                elif id_:
                    hints.append(Hint(id_, "cites_earlier"))
    for to in (*mail.to, *mail.cc)[:MOST_REFERENCES]:
        if "+" in to and (marked := outbox.complaint_of_reply(secret, address=to, sender=sender)):
            id_, genuine = marked
            if genuine:
                found.append(Thread(id_, True, sender))
            else:
                hints.append(Hint(id_, "token_of_another"))
    if numbers := list(dict.fromkeys(number.upper() for number in _NUMBER.findall(mail.subject)))[:5]:
        named = session.execute(select(Complaint.id).where(Complaint.number.in_(numbers)).order_by(Complaint.id))
        hints += [Hint(id_, "number_in_subject") for (id_,) in named]
    return _standing(session, found), _survivors(session, hints)


def _standing(session: Session, found: list[Thread]) -> list[Thread]:
    """Threads as they stand now: a merged complaint is spoken for by the one that took it in."""
    standing = {}
    for id_ in {thread.complaint_id for thread in found}:
        if (known := session.get(Complaint, id_)) is None:
            continue
        now = off_board.survivor(session, known.id)
        off = off_board.is_off(now)
        standing[id_] = (now.id, now.stage if off else CLOSED if now.closed_at else OPEN)
    return [
        replace(thread, complaint_id=standing[thread.complaint_id][0], standing=standing[thread.complaint_id][1])
        for thread in found
        if thread.complaint_id in standing
    ]


def _survivors(session: Session, hints: list[Hint]) -> list[Hint]:
    return [
        replace(hint, complaint_id=off_board.survivor(session, hint.complaint_id).id)
        for hint in hints
        if session.get(Complaint, hint.complaint_id) is not None
    ]


_END = (
    update(Sighting.__table__)  # type: ignore[arg-type]
    .where(Sighting.id == bindparam("sighting"), Sighting.outcome == WAITING)
    .values({name: bindparam(name) for name in ("outcome", "reason", "letter_id", "complaint_id")})
)


class Recorder:
    """Writes what becomes of letters, in one transaction. `staff` are the addresses of colleagues."""

    def __init__(
        self,
        settings: Settings,
        calendar: WorkingCalendar,
        *,
        manner: Manner,
        staff: Collection[str] = (),
    ) -> None:
        self.settings = settings
        self.calendar = calendar
        self._recent: acknowledgement.Recent | None = None
        self.manner = manner
        self.staff = staff
        self._manner = manner  # of the message at hand

    def _counted(self, session: Session, at: datetime) -> acknowledgement.Recent:
        """The acknowledgements of the last hour, and those of this transaction."""
        if self._recent is None:
            self._recent = acknowledgement.Recent(session, at=at, hold=True)
        return self._recent

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
        self._manner = replace(self.manner, **BY_DOOR.get(arrival.door, {}))
        if self._manner.backlog:
            arrival = replace(arrival, received_at=min(mail.received or mail.date or arrival.received_at, at))
        if isinstance(route, OpenComplaint | JoinComplaint) and self._too_early(arrival):
            route = SetAside("too_early")
        if isinstance(route, OpenComplaint) and self._is_loop(
            session, mail, kind, at, answering=route.hint is not None
        ):
            route = NoteEvent("loop", route.hint.complaint_id if route.hint else None)
        match route:
            case OpenComplaint(hint):
                outcome = self._open(session, arrival, mail, kind, hint, found=found, at=at)
            case JoinComplaint(complaint_id, closed):
                outcome = self._join(session, complaint_id, arrival, mail, kind, closed=closed, found=found, at=at)
            case SetAside(reason, about):
                letter_id = _letter(session, arrival, mail, kind, found, None)
                _attachments(session, letter_id, None, mail)
                outcome = _end(session, arrival, Outcome("set_aside", reason, about), letter_id)
            case NoteEvent(reason, complaint_id, outgoing_id):
                letter_id = _letter(session, arrival, mail, kind, found, None)
                _attachments(session, letter_id, complaint_id, mail)
                if complaint_id is not None:
                    self._event(session, complaint_id, reason, outgoing_id, letter_id, kind, at)
                outcome = _end(session, arrival, Outcome("event", reason, complaint_id), letter_id)
        return outcome

    def _too_early(self, arrival: Arrival) -> bool:
        return self._manner.take_from is not None and arrival.received_at < self._manner.take_from

    def _is_loop(self, session: Session, mail: Mail, kind: Kind, at: datetime, *, answering: bool) -> bool:
        """Did this sender write the same words several times within the hour, and did we answer each time? In mail that
        names a complaint of ours, the figures in it may differ."""
        _, address = writer(mail, kind)
        sender = fold_email(address)
        if not sender or self._counted(session, at).senders[sender] < LOOP_AFTER:
            return False
        since = at - timedelta(hours=1)
        before = session.execute(
            select(Letter.subject, Letter.text)
            .where(Letter.from_address == sender, Letter.received_at >= since)
            .order_by(Letter.received_at.desc())
            .limit(4 * LOOP_AFTER)
        )
        mine = _words(mail.subject, mail.text, figures=not answering)
        return sum(_words(subject, text, figures=not answering) == mine for subject, text in before) >= LOOP_AFTER

    def _event(
        self, session: Session, complaint_id: int, reason: str, outgoing_id: int | None, letter_id: int, kind: Kind,
        at: datetime,
    ) -> None:  # fmt: skip
        told = {"recipient": kind.bounce_recipient, "status": kind.bounce_status, "said": kind.bounce_reason}
        history.note(
            session, complaint_id, reason, by=SYSTEM, at=at, letter_id=letter_id, **{k: v for k, v in told.items() if v}
        )
        if reason == "bounce" and outgoing_id is not None:
            outbox.bounced(session, outgoing_id, at=at, status=kind.bounce_status, reason=kind.bounce_reason)
            _change(session, complaint_id, unreached_at=at, changed_at=at)

    def _open(
        self, session: Session, arrival: Arrival, mail: Mail, kind: Kind, hint: Hint | None, *, found: str, at: datetime
    ) -> Outcome:
        name, address = writer(mail, kind)
        from_staff = fold_email(address) in self.staff
        locale = self._locale(mail)
        whose = customers.writer_fields(
            session, address=address, name=name, proposed=_proposed(mail), locale=locale, at=at, staff=self.staff
        )
        recent = self._counted(session, at)
        withheld = self._no_acknowledgement(mail, address, kind, found, arrival, from_staff, recent)
        draft = complaint.open_draft(
            session,
            by=SYSTEM,
            at=at,
            received_at=arrival.received_at,
            channel="email",
            calendar=self.calendar,
            procedure_key=self._manner.procedure,
            fields={
                "subject": mail.subject[:250],
                "content": (mail.text if from_staff else mail.reply_text)[:LONGEST_CONTENT],
                **whose,
                "attachment_count": _files(mail),
                "unread_count": 1,
            },
            noted={"withheld": withheld} if withheld else None,
            with_clocks=self._manner.opens_clocks,
        )
        letter_id = _letter(session, arrival, mail, kind, found, draft.id, hint, locale)
        _attachments(session, letter_id, draft.id, mail)
        _entry(session, draft.id, letter_id, arrival)
        if withheld is None:
            acknowledgement.promise(
                session,
                draft,
                recipient=address,
                locale=locale,
                in_reply_to=mail.message_id,
                references=[*mail.references[-20:], mail.message_id] if mail.message_id else [],
                received_at=arrival.received_at,
                at=at,
                secret=self.settings.secret_key,
                domain=self.settings.message_domain,
                with_time=self.settings.acknowledge_with_time,
                answers_to=self._manner.answers_to,
            )
            recent.count(address)
        if self._manner.opens_clocks:
            rules = procedure(self._manner.procedure)
            consequences.arrived(session, draft.id, rules, at=at, context=self._context)
        if self._manner.backlog:
            reason = "imported"
        elif hint is not None:
            reason = "may_belong"
        else:
            reason = "acknowledged" if withheld is None else "new_complaint"
        outcome = Outcome("drafted", reason, draft.id, draft.number, owes_mail=withheld is None)
        return _end(session, arrival, outcome, letter_id)

    def _locale(self, mail: Mail) -> str:
        """The language to answer in. A mail without a single letter of text is answered in the mailbox's language."""
        if self._manner.locale and not any(c.isalpha() for c in f"{mail.subject}{mail.text[:1000]}"):
            return self._manner.locale
        return mail.language

    def _no_acknowledgement(
        self, mail: Mail, address: str, kind: Kind, found: str, arrival: Arrival, from_staff: bool,
        recent: acknowledgement.Recent,
    ) -> str | None:  # fmt: skip
        if not self._manner.acknowledges:
            return "backlog"
        if not address:
            return "no_sender"
        if from_staff:
            return "from_staff"
        if kind.is_list:
            return "list"
        if kind.reason == "confirmation":
            return "confirmation"
        if kind.reason == "forwarded_by_rule" or mail.auto_submitted not in ("", "no"):
            return "automatic"  # RFC 3834: a machine sent it on
        if found == "failed":
            return "failed_verdict"
        received_at = arrival.received_at
        if arrival.door == "upload":  # out of somebody's drawer: as old as it says itself
            received_at = min(mail.received or mail.date or recent.at, received_at)
        return recent.withheld(recipient=address, received_at=received_at, verified=found == "verified")

    def _join(
        self, session: Session, complaint_id: int, arrival: Arrival, mail: Mail, kind: Kind, *, closed: bool,
        found: str, at: datetime,
    ) -> Outcome:  # fmt: skip
        _, address = writer(mail, kind)
        answers = fold_email(address) not in self.staff
        if answers:
            pauses.expect(session, complaint_id)
        letter_id = _letter(session, arrival, mail, kind, found, complaint_id)
        _attachments(session, letter_id, complaint_id, mail)
        _entry(session, complaint_id, letter_id, arrival)
        number = _change(
            session,
            complaint_id,
            unread_count=Complaint.unread_count + 1,
            attachment_count=Complaint.attachment_count + _files(mail),
            changed_at=at,
            unreached_at=None,  # who writes to us can be written to
            **({"reopening_proposed_at": at} if closed else {}),
        )
        more = {"closed": True} if closed else {}
        history.note(session, complaint_id, "letter_joined", by=SYSTEM, at=at, letter_id=letter_id, **more)
        today = at.astimezone(self.calendar.tz).date()
        watching.hear(session, complaint_id, f"letter_joined:{letter_id}", by=SYSTEM, at=at, today=today)
        if answers:
            self._answered(session, complaint_id, letter_id, arrival, at)
        reason = "reply_to_closed" if closed else "reply"
        return _end(session, arrival, Outcome("joined", reason, complaint_id, number), letter_id)

    def _answered(self, session: Session, complaint_id: int, letter_id: int, arrival: Arrival, at: datetime) -> None:
        """The clocks that waited for this letter run on."""
        pauses.answered(
            session, complaint_id, letter_id=letter_id, received_at=arrival.received_at, by=SYSTEM, at=at,
            context=self._context,
        )  # fmt: skip

    @property
    def _context(self) -> Context:
        settings = self.settings
        return Context(self.calendar, settings.secret_key, settings.message_domain, settings.mail_from)


def _change(session: Session, complaint_id: int, **values: Any) -> str:
    """Change columns of a complaint; returns its number."""
    return str(
        session.execute(
            update(Complaint)
            .where(Complaint.id == complaint_id)
            .values(**values)
            .returning(Complaint.number)
            .execution_options(synchronize_session=False)
        ).scalar_one()
    )


def _proposed(mail: Mail) -> str:
    """Whom a colleague's mail is from, as it says itself: a name for the card until a person confirms it."""
    return mail.forwarded.name or mail.forwarded.address if mail.forwarded else ""


def _files(mail: Mail) -> int:
    """The files that came with a mail; those inside others are not counted."""
    return sum(part.within is None for part in mail.attachments)


def _words(subject: str, text: str, *, figures: bool) -> str:
    """What a mail says, with or without the figures in it."""
    said = f"{_REPLY.sub('', subject[:500])}\n{text[:5000]}".lower()
    return " ".join((said if figures else _FIGURES.sub("", said)).split())


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
    return Outcome("quarantined", reason, sighting_id=sighting_id)


def _letter(
    session: Session,
    arrival: Arrival,
    mail: Mail,
    kind: Kind,
    found: str,
    complaint_id: int | None,
    hint: Hint | None = None,
    locale: str = "",
) -> int:
    name, address = writer(mail, kind)
    values = {
        "content_key": mail.content_key,
        "complaint_id": complaint_id,
        "from_address": fold_email(address)[:254],
        "from_name": name[:200],
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "message_id": mail.message_id[:250],
        "references": list(mail.references),
        "dated": mail.date,
        "received_at": arrival.received_at,
        "language": locale or mail.language,
        "verdict": found,
        "raw": arrival.raw,
        "to": list(mail.to[:MOST_REFERENCES]),
        "cc": list(mail.cc[:MOST_REFERENCES]),
        "reply_to": mail.reply_to[:254],
        "kind": kind.kind,
        "kind_reason": kind.reason[:40],
        "folds": [[fold.start, fold.end, fold.kind] for fold in mail.folds],
        "forwarded": asdict(mail.forwarded) if mail.forwarded else None,
        "defects": list(mail.defects),
        "may_belong_to_id": hint.complaint_id if hint else None,
        "may_belong_reason": hint.reason if hint else "",
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
                    "within": part.within,
                    "enclosed": _enclosed(part.enclosed),
                }
                for position, part in enumerate(mail.attachments)
            ),
        )


def _enclosed(mail: Enclosed | None) -> dict[str, Any] | None:
    if mail is None:
        return None
    return {**asdict(mail), "date": mail.date.isoformat() if mail.date else None}


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
    return replace(outcome, letter_id=letter_id, sighting_id=arrival.sighting_id)
