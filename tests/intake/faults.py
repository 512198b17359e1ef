"""A world to break: a fake mailbox, a real database, the poller between them, and what must hold after every fault."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from imapclient.exceptions import IMAPClientError
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from complaints.blobs import Blobs
from complaints.complaint import Complaint
from complaints.conversation import Entry
from complaints.failpoints import Failpoint
from complaints.letters import OUTCOMES, Attachment, Letter, Mailbox, Sighting
from complaints.outbox import Outgoing
from complaints.settings import Settings, imap_account
from complaints.visits import StageVisit
from intake.poller import Poller
from tests.intake.conftest import Bell
from tests.intake.letters import a_mail
from tests.rigs.imap import ImapServer, Touch


def mail(serial: int, text: str = "", **headers: str) -> bytes:
    """A complaint like no other, from a customer like no other."""
    name = f"c{serial}@q{serial}.example"
    return a_mail(text or f"Serial {serial}", sender=name, message_id=f"<{serial}@q{serial}.example>", **headers)


def settings_for(server: ImapServer, database_url: str, data: Path) -> Settings:
    return Settings(
        data=data, database_url=database_url, redis_url="", secret_key="s" * 32, imap=(imap_account(server.url),),
        mail_from="complaints@mill.example",
    )  # fmt: skip


@dataclass
class World:
    """`injected` are the mails that have to be accounted for, as bytes; each is one letter."""

    server: ImapServer
    settings: Settings
    make: sessionmaker[Session]
    injected: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.on_move = self.check_committed
        self.now = lambda: datetime.now(UTC)
        self.start()

    def start(self) -> Poller:
        """A poller that knows what the database knows, as after a restart."""
        self.close()
        self.poller = Poller(self.settings, self.settings.imap[0], self.make, Bell(), clock=lambda: self.now())
        return self.poller

    def close(self) -> None:
        if hasattr(self, "poller"):
            self.poller.intake.reader.close()

    def deliver(self, raw: bytes, **how: object) -> int:
        self.injected.append(raw)
        return self.server.deliver(raw, **how)  # type: ignore[arg-type]

    def deliver_many(self, count: int) -> list[int]:
        first = len(self.injected) + 1
        return [self.deliver(mail(serial)) for serial in range(first, first + count)]

    def poll(self, tries: int = 1) -> Counter[str]:
        """Look so often; a look that a fault ends is one of them. As `once`, but the child that reads lives on."""
        counts: Counter[str] = Counter()
        for _ in range(tries):
            try:
                counts += self.poller._once()
            except (OSError, IMAPClientError, Failpoint):
                counts["failed"] += 1
        return counts

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self.poller.run, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(60)
        assert not thread.is_alive()

    # what can be read

    def outcomes(self) -> list[str]:
        with self.make() as session:
            return list(session.scalars(select(Sighting.outcome).order_by(Sighting.id)))

    def count(self, table: type) -> int:
        with self.make() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def fault(self) -> str:
        with self.make() as session:
            return session.scalars(select(Mailbox.fault)).one() or ""

    # what must hold

    def check_committed(self, touch: Touch) -> None:
        """I6: at every moment, whoever's messages are touched, they are committed sightings."""
        with self.make() as session:
            known = select(Sighting.uid).where(Sighting.uidvalidity == touch.uidvalidity)
            missing = set(touch.uids) - set(session.scalars(known))
        assert not missing, f"{touch.command} of UIDs that no committed row names: {missing}"

    def check_invariants(self, *, refused: int = 0) -> None:
        """I1, I2, I4, I5, I6 and, by a canary, I8. `refused` messages were quarantined without being kept."""
        canary = mail(10_000 + len(self.injected), "Canary")
        self.deliver(canary)
        self.poll(2)
        served = {sha256(raw).hexdigest(): raw for raw in self.injected}
        blobs = Blobs(self.settings.blobs)
        with self.make() as session:
            sightings = session.scalars(select(Sighting)).all()
            letters = session.scalars(select(Letter)).all()
            drafts = session.scalars(select(Complaint)).all()
            entries = Counter(session.scalars(select(Entry.complaint_id).where(Entry.kind == "letter")))
            visits = Counter(session.scalars(select(StageVisit.complaint_id)))
            owed = Counter(session.scalars(select(Outgoing.purpose)))
            files = session.scalars(select(Attachment.blob)).all()
        # I8: the canary went through
        assert sha256(canary).hexdigest() in {letter.raw for letter in letters}
        # I1: what was injected is what is there, each with one outcome
        assert {sighting.outcome for sighting in sightings} <= set(OUTCOMES)
        assert {sighting.raw for sighting in sightings if sighting.raw} == served.keys()
        assert sum(sighting.raw is None for sighting in sightings) == refused
        # I2: one letter, one draft, one acknowledgement of each; all others say that they are the same
        assert Counter(letter.raw for letter in letters) == Counter(served.keys())
        assert Counter(sighting.raw for sighting in sightings if sighting.outcome != "duplicate" and sighting.raw) == (
            Counter(served.keys())
        )
        assert {letter.complaint_id for letter in letters} == {draft.id for draft in drafts}
        assert len(drafts) == len(letters)
        assert set(owed.values()) <= {1}
        # I4: byte for byte
        for name, raw in served.items():
            assert blobs.get(name) == raw
        # I5: no draft without its letter and its place on the board, no file without bytes
        assert entries == visits == Counter(draft.id for draft in drafts)
        for name in files:
            blobs.get(name)
        # I6: at no moment was a message touched that was not ours yet
        assert self.server.failures == []
