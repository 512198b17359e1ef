"""The way of a message, step by step. Everything that is done with one is in this list, in this order.

    P1  log in, select the folder              mailbox.Mailbox
    P2  which UIDs are there                   mailbox.uids, minus those already sighted
    P3  fetch, without marking anything        mailbox.batches
    P4  raw bytes into the blob store, synced  Intake.keep
    P5a commit a sighting, `waiting`           Intake.keep
    P6  move the message to Processed          mailbox.move_away
    P5b parse and classify, in no transaction  Intake.understand
    P5c one transaction: what becomes of it    record.Recorder
    P7  ring the doorbell of the outbox        Doorbell

The mailbox is touched only after P5a is committed; from then on the message is ours, and a start takes every `waiting`
sighting on from P5b. Messages go through P3 to P6 in batches, through P5c one by one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from complaints import rows
from complaints.acknowledgement import Recent
from complaints.blobs import Blobs
from complaints.calendar import mainland_china
from complaints.database import transaction
from complaints.failpoints import Failpoint, failpoint
from complaints.letters import WAITING, Letter, Sighting
from complaints.settings import Settings
from intake.classify import Kind, classify
from intake.mail import Mail, Unreadable
from intake.mailbox import Message
from intake.parse import parse
from intake.record import Arrival, Outcome, Recorder, TakenMeanwhile, duplicate, quarantine, threads
from intake.route import choose, verdict

log = structlog.get_logger(__name__)
AT_ONCE = 50


class Doorbell(Protocol):
    """Tells the workers that mail is waiting. It may fail silently: the outbox is swept anyway."""

    def ring(self) -> None: ...


@dataclass(frozen=True)
class Understood:
    """What a message says and what kind it is."""

    mail: Mail
    kind: Kind


class Intake:
    """Takes messages in. One for each thread; it holds no connection between calls."""

    def __init__(
        self, settings: Settings, make: sessionmaker[Session], doorbell: Doorbell, *, clock: Callable[[], datetime]
    ) -> None:
        self.settings = settings
        self.make = make
        self.doorbell = doorbell
        self.clock = clock
        self.blobs = Blobs(settings.blobs)
        self.calendar = mainland_china(zone=settings.timezone)
        self.own = frozenset(a for a in (settings.mail_from, settings.bounce_address) if a)

    def keep(self, messages: Sequence[Message], *, mailbox_id: int | None, uidvalidity: int | None) -> list[Arrival]:
        """P4 and P5a: make messages safe and note where they were seen. Returns those that now wait to be understood;
        one that was too large to keep is quarantined at once with its headers."""
        whole = [m for m in messages if m.raw is not None]
        names = iter(self.blobs.put_all(m.raw for m in whole if m.raw is not None))
        failpoint("P4.after")
        now = self.clock()
        sightings = [self._sighting(m, next(names) if m.raw is not None else None, now) for m in messages]
        for sighting in sightings:
            sighting.update(mailbox_id=mailbox_id, uidvalidity=uidvalidity)
        with transaction(self.make) as session:
            insert = rows.upsert(Sighting, rows.dialect(session)).values(sightings).on_conflict_do_nothing()
            seen = session.execute(
                insert.returning(Sighting.id, Sighting.raw, Sighting.received_at, Sighting.outcome)
            ).all()
            failpoint("P5a.before_commit")
        failpoint("P5a.after_commit")
        contents = {row["raw"]: m.raw for row, m in zip(sightings, messages, strict=True)}
        return [Arrival(s.id, s.raw, s.received_at, contents[s.raw]) for s in seen if s.outcome == WAITING]

    def _sighting(self, message: Message, raw: str | None, now: datetime) -> dict[str, Any]:
        row: dict[str, Any] = {
            "uid": message.uid or None,
            "raw": raw,
            "size": message.size,
            "headers": None,
            "received_at": min(message.arrived, now),
            "seen_at": now,
            "outcome": WAITING,
            "reason": None,
            "values": {},
        }
        if raw is None:
            row.update(
                headers=message.headers.decode("utf-8", "replace").replace("\x00", ""),
                outcome="quarantined",
                reason="too_large",
                values={"size": message.size, "limit": self.settings.mail_limit},
            )
        return row

    def take_in(self, arrivals: Iterable[Arrival]) -> Counter[str]:
        """P5b to P7 for arrivals that wait; returns how many ended as what. Whatever goes wrong with one of them, it
        is quarantined and the next goes on; a database that is away ends the run, and everything still waits."""
        counts: Counter[str] = Counter()
        batch: list[Arrival] = []
        for arrival in arrivals:
            batch.append(arrival)
            if len(batch) == AT_ONCE:
                counts += self._batch(batch)
                batch = []
        return counts + self._batch(batch) if batch else counts

    def _batch(self, batch: list[Arrival]) -> Counter[str]:
        understood = [(arrival, self.understand(arrival)) for arrival in batch]
        mails = [u.mail for _, u in understood if isinstance(u, Understood)]
        self.blobs.put_all(part.content for mail in mails for part in mail.attachments)
        keys = [mail.content_key for mail in mails]
        with self.make() as session:
            known = {
                row.content_key: row.id
                for row in session.execute(select(Letter.content_key, Letter.id).where(Letter.content_key.in_(keys)))
            }
            recent = Recent(session, at=self.clock())
        recorder = Recorder(self.settings, self.calendar, recent)
        counts: Counter[str] = Counter()
        ring = False
        for arrival, what in understood:
            outcome = self._finish(recorder, arrival, what, known)
            if outcome is None:
                continue
            counts[outcome.outcome] += 1
            ring = ring or outcome.owes_mail
            log.info("taken in", sighting=arrival.sighting_id, outcome=outcome.outcome, reason=outcome.reason,
                     complaint=outcome.number)  # fmt: skip
        if ring:
            failpoint("P7.before")
            self.doorbell.ring()
        return counts

    def understand(self, arrival: Arrival) -> Understood | Outcome:
        """P5b: read a kept message; a quarantine outcome if it cannot be read."""
        failpoint("P5b.before")
        try:
            mail = parse(self.blobs.get(arrival.raw) if arrival.content is None else arrival.content)
            return Understood(
                mail, classify(mail, own_addresses=self.own, own_message_domain=self.settings.message_domain)
            )
        except Unreadable as error:
            return Outcome("quarantined", error.reason)
        except OSError:
            raise  # the blob store is away: the arrival waits
        except Exception as error:
            log.exception("message not understood", sighting=arrival.sighting_id)
            return Outcome("quarantined", type(error).__name__)

    def _finish(
        self, recorder: Recorder, arrival: Arrival, what: Understood | Outcome, known: dict[str, int]
    ) -> Outcome | None:
        """P5c: the one transaction. None when somebody else did it meanwhile."""
        try:
            if isinstance(what, Outcome):
                with transaction(self.make) as session:
                    return quarantine(session, arrival.sighting_id, "unreadable", {"what": what.reason})
            return self._record(recorder, arrival, what, known)
        except TakenMeanwhile:
            return None
        except (OperationalError, OSError, Failpoint):
            raise  # the database or the disk is away: the arrival waits, and so do those after it
        except Exception as error:
            log.exception("message not recorded", sighting=arrival.sighting_id)
            with transaction(self.make) as session:
                return quarantine(session, arrival.sighting_id, "failed", {"what": type(error).__name__})

    def _record(self, recorder: Recorder, arrival: Arrival, what: Understood, known: dict[str, int]) -> Outcome:
        mail = what.mail
        found = verdict(mail, self.settings.authserv_id)
        try:
            with transaction(self.make) as session:
                if mail.content_key in known:
                    return duplicate(session, arrival, known[mail.content_key])
                route = choose(mail, what.kind, found, threads(session, mail, what.kind))
                outcome = recorder.record(session, arrival, mail, what.kind, route, found=found, at=self.clock())
                failpoint("P5c.before_commit")
        except IntegrityError:
            # Another process recorded the same letter between our look and our commit.
            with transaction(self.make) as session:
                letter_id = session.scalar(select(Letter.id).where(Letter.content_key == mail.content_key))
                if letter_id is None:
                    raise
                return duplicate(session, arrival, letter_id)
        failpoint("P5c.after_commit")
        if outcome.letter_id is not None:
            known[mail.content_key] = outcome.letter_id
        return outcome

    def waiting(self, *, mailbox_id: int | None = None) -> list[Arrival]:
        """Arrivals that an earlier run left waiting, oldest first."""
        with self.make() as session:
            query = select(Sighting.id, Sighting.raw, Sighting.received_at).where(Sighting.outcome == WAITING)
            if mailbox_id is not None:
                query = query.where(Sighting.mailbox_id == mailbox_id)
            rows = session.execute(query.order_by(Sighting.id)).all()
        return [Arrival(row.id, row.raw, row.received_at) for row in rows]


def utc_now() -> datetime:
    return datetime.now(UTC)
