"""Reconcile: the proof, from the mailbox's side, that every message in it is accounted for in the ledger.

A message is found by its place (mailbox, UIDVALIDITY, UID), else by its bytes, else by what its sender wrote; so the
proof holds after messages were moved, after UIDVALIDITY changed, and for what a person moved back. `recover` takes in
those of the Processed folder that the ledger has lost, after a backup was restored.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import mailboxes
from complaints.blobs import Blobs
from complaints.letters import OUTCOMES, WAITING, Letter, Sighting
from complaints.settings import ImapAccount, Settings
from intake import doors
from intake.mailbox import Mailbox, Message
from intake.pipeline import Doorbell
from intake.reader import Reader, Request, Understood
from intake.record import Outcome


@dataclass
class Account:
    """One mailbox against the ledger: how many of its messages became what, and where those are that became nothing."""

    mailbox: str
    counts: Counter[str] = field(default_factory=Counter)
    unaccounted: list[tuple[str, int]] = field(default_factory=list)

    @property
    def seen(self) -> int:
        return sum(self.counts.values()) + len(self.unaccounted)

    @property
    def whole(self) -> bool:
        return not self.unaccounted

    def as_json(self) -> dict[str, Any]:
        return {
            "mailbox": self.mailbox,
            "seen": self.seen,
            **{outcome: self.counts[outcome] for outcome in OUTCOMES},
            "unaccounted": len(self.unaccounted),
            "where": [{"folder": folder, "uid": uid} for folder, uid in self.unaccounted[:100]],
        }

    def sentence(self) -> str:
        parts = " + ".join(f"{self.counts[outcome]} {outcome.replace('_', ' ')}" for outcome in OUTCOMES)
        told = f"{self.mailbox}: {self.seen} seen = {parts} + {len(self.unaccounted)} unaccounted"
        if self.unaccounted:
            places = ", ".join(f"{folder} UID {uid}" for folder, uid in self.unaccounted[:5])
            told += f" ({places}{' …' if len(self.unaccounted) > 5 else ''}). Is the poller running?"
        return told


def reconcile(
    settings: Settings, make: sessionmaker[Session], accounts: Sequence[tuple[int, ImapAccount]]
) -> Iterator[Account]:
    """Every message in the folder and the Processed folder of these mailboxes (id, account) against the ledger. Raises
    what the mailbox raises."""
    for mailbox_id, account in accounts:
        found = Account(account.name)
        for folder, _, outcome, uid in _compared(settings, make, mailbox_id, account):
            if outcome is None or outcome == WAITING:
                found.unaccounted.append((folder, uid))
            else:
                found.counts[outcome] += 1
        yield found


def recover(
    settings: Settings, make: sessionmaker[Session], doorbell: Doorbell, accounts: Sequence[tuple[int, ImapAccount]]
) -> Iterator[Outcome]:
    """Take in the messages of the Processed folders that the ledger does not know; nobody is written to again."""
    for mailbox_id, account in accounts:
        lost = (
            message
            for folder, message, outcome, _ in _compared(settings, make, mailbox_id, account)
            if outcome is None and message is not None and folder != account.folder
        )
        with make() as session:
            mailbox = session.get_one(mailboxes.Mailbox, mailbox_id)
        yield from doors.take(settings, make, doorbell, lost, door="recover", mailbox=mailbox)


def _compared(
    settings: Settings, make: sessionmaker[Session], mailbox_id: int, account: ImapAccount
) -> Iterator[tuple[str, Message | None, str | None, int]]:
    """Folder, message, outcome (None: the ledger does not know it) and UID of everything that is there."""
    spent: Counter[str] = Counter()  # of equal messages, the second is the second one that was seen
    with Mailbox(account, limit=settings.mail_limit) as mailbox, _Reading() as reading:
        for folder in mailbox.folders_of_ours():
            uidvalidity = mailbox.open(folder)
            places = _places(make, mailbox_id, uidvalidity) if folder == account.folder else {}
            uids = mailbox.uids()
            for uid in [uid for uid in uids if uid in places]:
                yield folder, None, places[uid], uid
            for batch in mailbox.batches([uid for uid in uids if uid not in places]):
                known = _by_content(make, reading, batch, spent)
                for message in batch:
                    yield folder, message, known.get(message.uid), message.uid


def _places(make: sessionmaker[Session], mailbox_id: int, uidvalidity: int) -> dict[int, str]:
    with make() as session:
        rows = session.execute(
            select(Sighting.uid, Sighting.outcome).where(
                Sighting.mailbox_id == mailbox_id, Sighting.uidvalidity == uidvalidity, Sighting.uid.is_not(None)
            )
        )
        return {uid: outcome for uid, outcome in rows if uid is not None}


class _Reading:
    """Reads messages that are only looked at: in a child with limits, and a place that is gone afterwards."""

    def __enter__(self) -> "_Reading":
        self._folder = TemporaryDirectory(prefix="redress-")
        self._blobs = Blobs(Path(self._folder.name))
        self._reader = Reader(self._blobs.folder)
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._folder.cleanup()

    def content_key(self, message: Message) -> str:
        """What makes two deliveries one letter; nothing for a message that cannot be read."""
        pieces = message.pieces() if message.pieces else [message.raw or b""]
        name, _, written = self._blobs.write_pieces(pieces, limit=sys.maxsize)
        self._blobs.settle([written] if written else [])
        try:
            what = self._reader.read(Request(name, files=False))
        finally:
            self._blobs.path(name).unlink()
        return what.mail.content_key if isinstance(what, Understood) else ""


def _by_content(
    make: sessionmaker[Session], reading: _Reading, messages: list[Message], spent: Counter[str]
) -> dict[int, str]:
    """The outcomes of messages that we know by their bytes, or by what their sender wrote. `spent` counts the equal
    messages that were looked up before."""
    names = {message.uid: _name(message) for message in messages}
    found: dict[int, str] = {}
    query = select(Sighting.raw, Sighting.outcome).where(Sighting.raw.in_([name for name in names.values() if name]))
    known: defaultdict[str | None, list[str]] = defaultdict(list)
    with make() as session:
        for raw, outcome in session.execute(query.order_by(Sighting.id)):
            known[raw].append(outcome)
    for message in messages:
        name = names[message.uid]
        if same := known.get(name):
            found[message.uid] = same[min(spent[name or ""], len(same) - 1)]
            spent[name or ""] += 1
            continue
        otherwise = _otherwise(message, "" if name is None else reading.content_key(message))
        with make() as session:
            if met := session.scalar(otherwise):
                found[message.uid] = met
    return found


def _name(message: Message) -> str | None:
    """The name of a message in the blob store; None for one beyond the limit."""
    if message.raw is not None:
        return sha256(message.raw).hexdigest()
    if message.pieces is None:
        return None
    digest = sha256()
    for piece in message.pieces():
        digest.update(piece)
    return digest.hexdigest()


def _otherwise(message: Message, content_key: str) -> Select[str]:
    """The outcome of a message whose bytes we do not know: by what its sender wrote, in case a server changed it; one
    beyond the limit by its size and the time it came."""
    query = select(Sighting.outcome).order_by(Sighting.id).limit(1)
    if not message.whole:
        return query.where(
            Sighting.raw.is_(None), Sighting.size == message.size, Sighting.received_at == message.arrived
        )
    return query.join(Letter, Letter.id == Sighting.letter_id).where(Letter.content_key == content_key)
