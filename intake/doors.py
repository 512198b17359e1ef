"""Other doors: mail that does not come out of a mailbox takes the same way through the same pipeline.

`deliver` takes raw messages from a mail server's pipe or an upload, `backlog` a Maildir or mbox of old mail, `retry`
what is quarantined; `reread` reads a letter again in another charset. Each message is safe in the blob store and noted
before anything is made of it; taking one again is harmless.
"""

import mailbox
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import triage
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.errors import N_, ComplaintError
from complaints.letters import WAITING, Letter, Sighting
from complaints.mailboxes import Mailbox
from complaints.people import SYSTEM, Actor
from complaints.settings import Settings
from intake.mail import Unreadable
from intake.mailbox import Message
from intake.pipeline import AT_ONCE, Doorbell, Intake, a_reader, utc_now
from intake.reader import Request
from intake.record import Arrival, Outcome, manner_of
from intake.route import writer

_ESCAPED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


class Unread(ComplaintError):
    """The mail cannot be read again, or not in that charset."""

    message = N_("The mail could not be read again: %(problem)s")


def deliver(
    settings: Settings, make: sessionmaker[Session], doorbell: Doorbell, raws: Iterable[bytes], *, door: str = "deliver"
) -> Iterator[Outcome]:
    """Take raw messages in, one after the other. Raises `OSError` or a database error when one could not be stored or
    carried through: it may be given again."""
    now = utc_now()
    return take(settings, make, doorbell, (_message(raw, settings.mail_limit, now) for raw in raws), door=door)


def take(
    settings: Settings,
    make: sessionmaker[Session],
    doorbell: Doorbell,
    messages: Iterable[Message],
    *,
    door: str,
    mailbox: Mailbox | None = None,
) -> Iterator[Outcome]:
    """The same for messages that came with the time of their arrival, in the manner of the mailbox that they are
    from."""
    mailbox_id = mailbox.id if mailbox else None
    with Intake(settings, make, doorbell, clock=utc_now, manner=manner_of(mailbox), door=door) as intake:
        messages = iter(messages)
        while some := list(islice(messages, AT_ONCE if door == "import" else 1)):
            kept = intake.keep([replace(message, uid=0) for message in some], mailbox_id=mailbox_id, uidvalidity=None)
            yield from kept.refused
            for outcome in intake.outcomes(kept.waiting):
                yield _numbered(make, outcome)


def _message(raw: bytes, limit: int, now: datetime) -> Message:
    if len(raw) > limit:
        return Message(0, raw, raw[:32768], len(raw), now)  # kept whole: it lies nowhere else
    return Message(0, raw, b"", len(raw), now)


def _numbered(make: sessionmaker[Session], outcome: Outcome) -> Outcome:
    if outcome.number is not None or outcome.complaint_id is None:
        return outcome
    with make() as session:
        return replace(
            outcome, number=session.scalar(select(Complaint.number).where(Complaint.id == outcome.complaint_id))
        )


@dataclass(frozen=True)
class Backlog:
    """Old mail in a Maildir or an mbox file: how much there is, and the messages in a settled order."""

    path: Path
    kind: str
    count: int

    def __iter__(self) -> Iterator[bytes]:
        with _open(self.path) as box:
            for key in sorted(box.keys()) if self.kind == "maildir" else box.keys():
                raw = box.get_bytes(key)
                yield _ESCAPED_FROM.sub(rb"\1", raw) if self.kind == "mbox" else raw


def backlog(path: Path) -> Backlog:
    """Look at a Maildir or an mbox file; raises `FileNotFoundError` or `ValueError` if it is neither."""
    with _open(path) as box:
        return Backlog(path, "maildir" if path.is_dir() else "mbox", len(box))


class _open:
    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
        if path.is_dir() and not ((path / "cur").is_dir() or (path / "new").is_dir()):
            raise ValueError(f"{path} is no Maildir: it has neither cur/ nor new/")
        if path.is_file():
            with path.open("rb") as file:
                if not file.read(5) == b"From ":
                    raise ValueError(f"{path} is no mbox file: it does not begin with “From ”")
        self.box: mailbox.Maildir | mailbox.mbox = (
            mailbox.Maildir(path, create=False) if path.is_dir() else mailbox.mbox(path, create=False)
        )

    def __enter__(self) -> "mailbox.Maildir | mailbox.mbox":
        return self.box

    def __exit__(self, *_: object) -> None:
        self.box.close()


def go_on(settings: Settings, make: sessionmaker[Session], doorbell: Doorbell) -> int:
    """Take in what an import that was cut short had kept and not yet taken in; returns how many those were."""
    with Intake(settings, make, doorbell, clock=utc_now) as intake:
        return intake.take_in(arrival for arrival in intake.waiting() if arrival.door == "import").total()


def not_imported(make: sessionmaker[Session], raws: Iterable[bytes]) -> Iterator[bytes | None]:
    """Of old messages those that an earlier run has not imported yet; None stands for one that it has."""
    raws = iter(raws)
    while some := list(islice(raws, AT_ONCE)):
        names = [sha256(raw).hexdigest() for raw in some]
        with make() as session:
            done = set(
                session.scalars(
                    select(Sighting.raw).where(
                        Sighting.raw.in_(names), Sighting.door == "import", Sighting.outcome != WAITING
                    )
                )
            )
        for raw, name in zip(some, names, strict=True):
            yield None if name in done else raw


def retry(
    settings: Settings, make: sessionmaker[Session], doorbell: Doorbell, sighting_ids: Sequence[int]
) -> list[Outcome]:
    """Take quarantined messages through again, as they came in; ids that are not quarantined are left alone. One that
    was too large to keep is fetched anew at the next look into its mailbox, if it lies where we read; otherwise it
    stays in quarantine."""
    outcomes: list[Outcome] = []
    with transaction(make) as session:
        chosen = select(Sighting).where(Sighting.id.in_(sighting_ids), Sighting.outcome == "quarantined")
        seen = list(session.scalars(chosen.order_by(Sighting.id).with_for_update()))
        for sighting in seen:
            if sighting.raw is None and sighting.uid is None:
                outcomes.append(Outcome("quarantined", sighting.reason or "", sighting_id=sighting.id))
            elif sighting.raw is None:
                sighting.uid, sighting.outcome, sighting.reason = None, "duplicate", "fetched_again"
                outcomes.append(Outcome("duplicate", "fetched_again", sighting_id=sighting.id))
            else:
                sighting.outcome, sighting.reason, sighting.values, sighting.attempts = WAITING, None, {}, 0
        manners = {s.mailbox_id: manner_of(session.get(Mailbox, s.mailbox_id) if s.mailbox_id else None) for s in seen}
    for mailbox_id, manner in manners.items():
        arrivals = [
            Arrival(s.id, s.raw, s.received_at, s.door)
            for s in seen
            if s.raw is not None and s.mailbox_id == mailbox_id
        ]
        with Intake(settings, make, doorbell, clock=utc_now, manner=manner) as intake:
            outcomes += [_numbered(make, outcome) for outcome in intake.outcomes(arrivals)]
    return outcomes


def reread(
    settings: Settings, make: sessionmaker[Session], letter_id: int, charset: str, *, by: Actor = SYSTEM
) -> None:
    """Read a letter again as if its words were in this charset ("" means as it says itself), and store what it says
    now. The draft that it made follows, as long as nobody has changed the words there. Raises `Unread` and
    `NotAllowed`."""
    with make() as session:
        letter = session.get_one(Letter, letter_id)
        old_subject, old_text, old_name = letter.subject, letter.text, letter.from_name
        raw = letter.raw
    with a_reader(settings) as reader:
        what = reader.read(Request(raw, charset, files=False))
    if isinstance(what, Unreadable):
        raise Unread(problem=what.reason)
    mail = what.mail
    name, _ = writer(mail, what.kind)
    at = utc_now()
    with transaction(make) as session:
        letter = session.get_one(Letter, letter_id)
        before = letter.own_words
        letter.subject, letter.text, letter.html, letter.charset = mail.subject, mail.text, mail.html, charset
        letter.folds = [[fold.start, fold.end, fold.kind] for fold in mail.folds]
        letter.forwarded = asdict(mail.forwarded) if mail.forwarded else None
        letter.from_name, letter.defects = name[:200], list(mail.defects)
        triage.reread(session, letter, by=by, at=at)
        if letter.complaint_id is None:
            return
        for column, old, new in (
            (Complaint.subject, old_subject[:250], mail.subject[:250]),
            (Complaint.contact_person, old_name[:160], name[:160]),
            (Complaint.content, before, mail.reply_text),
            (Complaint.content, old_text, mail.reply_text),
        ):
            session.execute(
                update(Complaint)
                .where(Complaint.id == letter.complaint_id, column == old, Complaint.registered_at.is_(None))
                .values({column: new, Complaint.changed_at: at})
            )
