"""The way of a message, step by step. Everything that is done with one is in this list, in this order.

    P1  log in, select the folder              mailbox.Mailbox
    P2  which UIDs are there                   mailbox.uids, minus those already sighted
    P3  fetch, without marking anything        mailbox.batches
    P4  raw bytes into the blob store, synced  Intake.keep
    P5a commit a sighting, `waiting`           Intake.keep
    P6  move the message to Processed          mailbox.move_away
    P5b parse and classify, in a child         reader.Reader
    P5c one transaction: what becomes of it    record.Recorder
    P7  ring the doorbell of the outbox        Doorbell

The mailbox is touched only after P5a is committed; from then on the message is ours, and a start takes every `waiting`
sighting on from P5b. Messages go through P3 to P6 in batches, and through P5c a few together; one by
one where that does not work out.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, Protocol

import structlog
from sqlalchemy import Executable, or_, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session, sessionmaker

from complaints import calendars, people, procedure_store, rows
from complaints.blobs import Blobs
from complaints.database import transaction
from complaints.failpoints import Failpoint, failpoint
from complaints.letters import WAITING, Letter, Sighting
from complaints.mailboxes import Mailbox
from complaints.settings import Settings
from intake.mail import Unreadable
from intake.mailbox import Gone, Message
from intake.reader import Reader, Request, Understood
from intake.record import (
    Arrival,
    Manner,
    Outcome,
    Recorder,
    TakenMeanwhile,
    duplicate,
    manner_of,
    quarantine,
    threads,
)
from intake.route import choose, verdict

log = structlog.get_logger(__name__)
AT_ONCE = 50
TOGETHER = 25
MOST_ATTEMPTS = 5
ORDINARY = Manner()
QUARANTINED = {
    "reader_died": "reader_died", "memory": "reader_died", "raw_missing": "raw_missing", "raw_altered": "raw_altered",
}  # fmt: skip
"""What we tell of those that could not be read; all others were "unreadable"."""
AWAY = (OperationalError, NoConnection, OSError, Failpoint)
"""The database or the disk does not answer: no message's doing, and they all wait."""
BEATEN = ("40001", "40P01")
"""PostgreSQL: another transaction won; this one may be tried again."""
SOON = timedelta(minutes=1)
"""For so long whoever noted a message is still at it."""
Group = Sequence[tuple[Arrival, Understood | Unreadable]]


class Doorbell(Protocol):
    """Tells the workers that mail is waiting. It may fail silently: the outbox is swept anyway."""

    def ring(self) -> None: ...


class Kept(NamedTuple):
    """Messages that are noted: those that wait to be understood, and those that were refused for their size."""

    waiting: list[Arrival]
    refused: list[Outcome]


class Intake:
    """Takes messages in. One for each thread; between calls it holds nothing but the child that reads for it."""

    def __init__(
        self,
        settings: Settings,
        make: sessionmaker[Session],
        doorbell: Doorbell,
        *,
        clock: Callable[[], datetime],
        manner: Manner = ORDINARY,
        door: str = "imap",
    ) -> None:
        self.settings = settings
        self.make = make
        self.doorbell = doorbell
        self.clock = clock
        self.manner = manner
        self.door = door
        self.blobs = Blobs(settings.blobs)
        self.reader = a_reader(settings)

    def __enter__(self) -> "Intake":
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()

    def keep(self, messages: Sequence[Message], *, mailbox_id: int | None, uidvalidity: int | None) -> Kept:
        """P4 and P5a: make messages safe and note where they were seen. One that is too large is quarantined
        at once with its headers; one that was seen there before is neither kept nor refused."""
        names = self._stored(messages)
        failpoint("P4.after")
        now = self.clock()
        sightings = [
            {**self._sighting(message, names.get(at), now), "mailbox_id": mailbox_id, "uidvalidity": uidvalidity}
            for at, message in enumerate(messages)
            if message.pieces is None or at in names
        ]
        if not sightings:
            return Kept([], [])
        with transaction(self.make) as session:
            seen = session.connection().execute(_note_sightings(rows.dialect(session)), sightings).all()
            failpoint("P5a.before_commit")
        failpoint("P5a.after_commit")
        return Kept(
            [Arrival(s.id, s.raw, s.received_at, self.door) for s in seen if s.outcome == WAITING],
            [Outcome(s.outcome, s.reason, sighting_id=s.id) for s in seen if s.outcome != WAITING],
        )

    def _stored(self, messages: Sequence[Message]) -> dict[int, tuple[str | None, int]]:
        """P4: the name and the size of each message that is whole, by its place here; no name when it grew beyond the
        limit on the way. One that vanished meanwhile is left out."""
        whole = [(at, message.raw) for at, message in enumerate(messages) if message.raw is not None]
        names = self.blobs.put_all(raw for _, raw in whole)
        stored: dict[int, tuple[str | None, int]] = {
            at: (name, len(raw)) for (at, raw), name in zip(whole, names, strict=True)
        }
        for at, message in enumerate(messages):
            if message.pieces is None:
                continue
            try:
                name, size, written = self.blobs.write_pieces(message.pieces(), limit=self.settings.mail_limit)
            except Gone:
                continue
            self.blobs.settle([written] if written else [])
            stored[at] = (name if size <= self.settings.mail_limit else None, size)
        return stored

    def _sighting(self, message: Message, stored: tuple[str | None, int] | None, now: datetime) -> dict[str, Any]:
        raw, size = stored or (None, message.size)
        limit = self.settings.mail_limit
        row: dict[str, Any] = {
            "uid": message.uid or None,
            "raw": raw,
            "size": size,
            "headers": None,
            "received_at": min(message.arrived, now),
            "seen_at": now,
            "door": self.door,
            "outcome": WAITING,
            "reason": None,
            "values": {},
        }
        if raw is None or size > limit:
            row.update(
                headers=message.headers.decode("utf-8", "replace").replace("\x00", ""),
                outcome="quarantined",
                reason="too_large" if raw is None else "too_large_kept",
                values={"size": size, "limit": limit},
            )
        return row

    def begin(self, arrivals: Sequence[Arrival]) -> None:
        """Have these read while the caller does something else; `take_in` with the same ones follows."""
        self.reader.ask([Request(arrival.raw) for arrival in arrivals])

    def take_in(self, arrivals: Iterable[Arrival]) -> Counter[str]:
        """P5b to P7 for arrivals that wait; returns how many ended as what. Whatever goes wrong with one of them, it
        is quarantined and the next goes on; a database that is away ends the run, and everything still waits."""
        return Counter(outcome.outcome for outcome in self.outcomes(arrivals))

    def outcomes(self, arrivals: Iterable[Arrival]) -> Iterator[Outcome]:
        """The same, one outcome after the other. One that somebody else took meanwhile has none."""
        arrivals = iter(arrivals)
        while batch := list(islice(arrivals, AT_ONCE)):
            answers = zip(batch, self.reader.read_all([Request(arrival.raw) for arrival in batch]), strict=True)
            while group := list(islice(answers, TOGETHER)):
                yield from self._group(group)

    def _group(self, group: Group) -> Iterator[Outcome]:
        """A few at a time: their files are settled on disk together, and they are recorded together. Where that does
        not work out, one by one, so that what is wrong with one of them costs the others nothing."""
        understood = [what for _, what in group if isinstance(what, Understood)]
        self.blobs.settle([written for what in understood for written in what.written])
        ring = False
        for arrival, outcome in self._together(group) or self._one_by_one(group):
            ring = ring or outcome.owes_mail
            log.info("taken in", sighting=arrival.sighting_id, outcome=outcome.outcome, reason=outcome.reason,
                     complaint=outcome.number)  # fmt: skip
            yield outcome
        if ring:
            failpoint("P7.before")
            self.doorbell.ring()

    def _together(self, group: Group) -> list[tuple[Arrival, Outcome]] | None:
        """P5c for all of them in one transaction; None if something came between."""
        if any(arrival.attempts is not None for arrival, _ in group):
            return None
        take = self._taker([what for _, what in group])
        failpoint("P5b.before")
        try:
            with transaction(self.make) as session:
                procedure_store.refresh(session)
                with rows.together(session):
                    outcomes = [(arrival, take(session, arrival, what)) for arrival, what in group]
                failpoint("P5c.before_commit")
        except Exception as error:
            if isinstance(error, AWAY) and not _beaten(error):
                raise
            log.warning("not recorded together; one by one", error=type(error).__name__)
            return None
        failpoint("P5c.after_commit")
        return outcomes

    def _one_by_one(self, group: Group) -> Iterator[tuple[Arrival, Outcome]]:
        for arrival, what in group:
            if (outcome := self._alone(arrival, what)) is not None:
                yield arrival, outcome

    def _alone(self, arrival: Arrival, what: Understood | Unreadable) -> Outcome | None:
        """P5c for one of them. None when somebody else took it meanwhile."""
        failpoint("P5b.before")
        try:
            if arrival.attempts is not None and self._attempts(arrival, arrival.attempts + 1) > MOST_ATTEMPTS:
                what = Unreadable("attempts", count=arrival.attempts)
            for last_try in (False, True):
                take = self._taker([what])
                try:
                    with transaction(self.make) as session:
                        outcome = take(session, arrival, what)
                        failpoint("P5c.before_commit")
                    break
                except DBAPIError as error:
                    if last_try or not _beaten(error):
                        raise
            failpoint("P5c.after_commit")
            return outcome
        except TakenMeanwhile:
            return None
        except AWAY:
            if arrival.attempts is not None:  # it was not this message's doing
                with suppress(SQLAlchemyError):
                    self._attempts(arrival, arrival.attempts)
            raise
        except Exception as error:
            log.exception("message not recorded", sighting=arrival.sighting_id)
            with transaction(self.make) as session:
                return quarantine(session, arrival.sighting_id, "failed", {"what": type(error).__name__})

    def _attempts(self, arrival: Arrival, count: int) -> int:
        """Note how often it was begun to take this arrival in: a message that ends us each time must not do so for
        ever."""
        with transaction(self.make) as session:
            session.execute(update(Sighting).where(Sighting.id == arrival.sighting_id).values(attempts=count))
        return count

    def _taker(self, whats: Sequence[Understood | Unreadable]) -> "Taker":
        """What takes these messages in: a look says which letters we know, and who works here."""
        keys = [what.mail.content_key for what in whats if isinstance(what, Understood)]
        with self.make() as session:
            query = select(Letter.content_key, Letter.id).where(Letter.content_key.in_(keys))
            known = {row.content_key: row.id for row in session.execute(query)}
            staff = people.addresses(session)
            calendar = calendars.current(session, self.settings.timezone)
        recorder = Recorder(self.settings, calendar, manner=self.manner, staff=staff)
        return Taker(self.settings, recorder, known, self.clock)

    def waiting(self, *, mailbox_id: int | None = None) -> list[Arrival]:
        """Arrivals that an earlier run left waiting, oldest first: of one mailbox, or of the doors that are none."""
        with self.make() as session:
            rows = session.execute(_waiting.where(Sighting.mailbox_id == mailbox_id)).all()
        return [Arrival(row.id, row.raw, row.received_at, row.door, row.attempts) for row in rows]

    def take_in_abandoned(self) -> None:
        """What waits and nobody will come back for: what other doors left, and mailboxes that are not read now."""
        now = self.clock()
        read = select(Mailbox.id).where(Mailbox.active, Mailbox.paused_at.is_(None))
        nobodys = or_(Sighting.mailbox_id.is_(None), Sighting.mailbox_id.not_in(read))
        with self.make() as session:
            rows = session.execute(_waiting.where(nobodys, ~Sighting.seen_at.between(now - SOON, now))).all()
            of = {row.mailbox_id: manner_of(row.mailbox_id and session.get(Mailbox, row.mailbox_id)) for row in rows}
        for mailbox_id, manner in of.items():
            self.manner = manner
            self.take_in(
                Arrival(row.id, row.raw, row.received_at, row.door, row.attempts)
                for row in rows
                if row.mailbox_id == mailbox_id
            )


_waiting = (
    select(
        Sighting.id, Sighting.raw, Sighting.received_at, Sighting.door, Sighting.attempts, Sighting.mailbox_id
    )
    .where(Sighting.outcome == WAITING)
    .order_by(Sighting.id)
)  # fmt: skip


def _beaten(error: Exception) -> bool:
    """Did another transaction win over ours, or record the same letter between our look and our commit?"""
    return isinstance(error, IntegrityError) or (
        isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in BEATEN
    )


@cache
def _note_sightings(dialect: str) -> Executable:
    """Those that were not seen there before."""
    insert = rows.upsert(Sighting, dialect).on_conflict_do_nothing()
    return insert.returning(Sighting.id, Sighting.raw, Sighting.received_at, Sighting.outcome, Sighting.reason)


class Taker:
    """Takes messages in, in a transaction of the caller's. One for each transaction: it counts what it promised."""

    def __init__(
        self, settings: Settings, recorder: Recorder, known: dict[str, int], clock: Callable[[], datetime]
    ) -> None:
        self.settings = settings
        self.recorder = recorder
        self.known = known
        self.clock = clock

    def __call__(self, session: Session, arrival: Arrival, what: Understood | Unreadable) -> Outcome:
        """What becomes of a message; raises `TakenMeanwhile` if it waits no more."""
        if isinstance(what, Unreadable):
            reason = QUARANTINED.get(what.reason, "unreadable")
            return quarantine(session, arrival.sighting_id, reason, {"what": described(what)})
        mail = what.mail
        if mail.content_key in self.known:
            return duplicate(session, arrival, self.known[mail.content_key])
        found = verdict(mail, self.settings.authserv_id)
        cited, hints = threads(session, mail, what.kind, secret=self.settings.secret_key)
        route = choose(mail, what.kind, found, cited, hints)
        outcome = self.recorder.record(session, arrival, mail, what.kind, route, found=found, at=self.clock())
        if outcome.letter_id is not None:
            self.known[mail.content_key] = outcome.letter_id
        return outcome


def a_reader(settings: Settings) -> Reader:
    """A reader that knows our own addresses."""
    own = [address for address in (settings.mail_from, settings.bounce_address) if address]
    return Reader(settings.blobs, own_addresses=own, own_message_domain=settings.message_domain)


def described(error: Unreadable) -> str:
    """Why a message cannot be read, in short."""
    return " ".join([error.reason, *(f"{value}" for value in error.values.values())])[:200]


def utc_now() -> datetime:
    return datetime.now(UTC)
