"""The poller: looks into every mailbox, one thread each, and never stops because of one message or one mailbox.

IDLE is a hint; it looks every minute anyway. A fault is written on the mailbox, where readiness and people see it, and
is tried again with growing gaps: 1 s up to 60 s, at once 60 s after a refused login so that no account gets locked.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

import structlog
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError
from sqlalchemy import Row, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from complaints import letters, rows
from complaints.database import transaction
from complaints.failpoints import failpoint
from complaints.letters import Sighting
from complaints.settings import ImapAccount, Settings
from intake.mailbox import Mailbox
from intake.pipeline import Doorbell, Intake, utc_now

log = structlog.get_logger(__name__)
LOOK_EVERY = 60.0
WITHOUT_IDLE_EVERY = 10.0
FIRST_GAP = 1.0
LAST_GAP = 60.0
HOLD_BACK = timedelta(seconds=30)
NOTE_EVERY = timedelta(seconds=15)


@dataclass(frozen=True)
class HeldBack:
    """A message that the server will not serve: how often it was tried, when again, and why."""

    tries: int
    until: datetime
    reason: str


class Poller:
    """Reads one mailbox."""

    def __init__(
        self,
        settings: Settings,
        account: ImapAccount,
        make: sessionmaker[Session],
        doorbell: Doorbell,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self.account = account
        self.make = make
        self.clock = clock
        self.intake = Intake(settings, make, doorbell, clock=clock)
        self.mailbox_id = self._own_row()
        self._noted: datetime | None = None
        self._singly: set[int] = set()  # messages of a batch that broke: fetched one by one
        self._held_back: dict[int, HeldBack] = {}  # messages that break the connection by themselves

    def _own_row(self) -> int:
        with transaction(self.make) as session:
            rows.add_unless_there(session, letters.Mailbox, [{"name": self.account.name}])
            return int(
                session.execute(
                    select(letters.Mailbox.id).where(letters.Mailbox.name == self.account.name)
                ).scalar_one()
            )

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        gap = FIRST_GAP
        while not stop.is_set():
            try:
                with Mailbox(self.account, limit=self.settings.mail_limit) as mailbox, self._learning(mailbox):
                    while not stop.is_set():
                        if self.look(mailbox):
                            continue  # more may have come meanwhile
                        gap = FIRST_GAP
                        if mailbox.can_idle:
                            self._idle(mailbox, stop)
                        else:
                            stop.wait(WITHOUT_IDLE_EVERY)
                            mailbox.client.noop()
            except (OSError, IMAPClientError, SQLAlchemyError) as error:
                self.note_fault(error)
                gap = LAST_GAP if isinstance(error, LoginError) else min(gap * 2, LAST_GAP)
                stop.wait(gap)

    def _idle(self, mailbox: Mailbox, stop: threading.Event) -> None:
        """Wait for a hint, in steps short enough that a stop is heard."""
        waited = 0.0
        mailbox.client.idle()
        try:
            while waited < LOOK_EVERY and not stop.is_set():
                if any(len(answer) > 1 and answer[1] == b"EXISTS" for answer in mailbox.client.idle_check(timeout=1)):
                    return
                waited += 1
        finally:
            mailbox.client.idle_done()

    def once(self) -> Counter[str]:
        """One look; raises what went wrong, after noting it."""
        while True:
            mailbox = Mailbox(self.account, limit=self.settings.mail_limit)
            try:
                with mailbox, self._learning(mailbox):
                    return self.look(mailbox)
            except (OSError, IMAPClientError) as error:
                self.note_fault(error)
                if not mailbox.asking:
                    raise

    @contextmanager
    def _learning(self, mailbox: Mailbox) -> Iterator[None]:
        """When a FETCH breaks, remember of which messages: a batch is fetched one by one next time, a single message
        is left for later, so that those behind it arrive."""
        try:
            yield
        except (OSError, IMAPClientError) as error:
            match mailbox.asking:
                case [uid]:
                    tries = self._held_back[uid].tries + 1 if uid in self._held_back else 1
                    later = self.clock() + HOLD_BACK * 2 ** min(tries, 8)
                    self._held_back[uid] = HeldBack(tries, later, describe(error, self.account))
                    self._singly.discard(uid)
                case [_, *_] as uids:
                    self._singly.update(uids)
            raise

    def look(self, mailbox: Mailbox) -> Counter[str]:
        """Take in everything in the folder that was not taken yet, oldest first, after what an earlier run left."""
        counts = self.intake.take_in(self.intake.waiting(mailbox_id=self.mailbox_id))
        there = mailbox.uids()
        taken = self._taken(mailbox, there)
        fault = self._move(mailbox, [uid for uid in there if uid in taken])
        now = self.clock()
        waiting = {uid for uid, held in self._held_back.items() if held.until > now}
        new = [uid for uid in there if uid not in taken and uid not in waiting]
        one_by_one = mailbox.batches([uid for uid in new if uid in self._singly], at_once=1)
        for batch in chain(mailbox.batches([uid for uid in new if uid not in self._singly]), one_by_one):
            failpoint("P3.after")
            arrivals = self.intake.keep(batch, mailbox_id=self.mailbox_id, uidvalidity=mailbox.uidvalidity)
            fault = self._move(mailbox, [message.uid for message in batch]) or fault
            failpoint("P6.after")
            counts += self.intake.take_in(arrivals)
            counts += Counter("quarantined" for message in batch if message.raw is None)
        self._singly.intersection_update(waiting)
        self._held_back = {uid: held for uid, held in self._held_back.items() if uid in there and uid in waiting}
        for uid, held in self._held_back.items():
            fault = f"message {uid} cannot be fetched and is tried again later: {held.reason}"
        self._note_look(mailbox.uidvalidity, fault)
        return counts

    def _move(self, mailbox: Mailbox, uids: list[int]) -> str | None:
        """Move what we have taken; what the server says when it will not. The messages are ours all the same, and the
        next look tries again."""
        try:
            mailbox.move_away(uids)
        except IMAPClientAbortError:
            raise  # the connection is gone
        except IMAPClientError as error:
            log.warning("taken messages were not moved", mailbox=self.account.name, error=str(error))
            return f"taken messages could not be moved away: {error}"
        return None

    def _taken(self, mailbox: Mailbox, uids: list[int]) -> set[int]:
        """Which of these UIDs were taken before. A mailbox that was restored from a backup gives old UIDs to new
        messages: one that came in at another time than the one we took is new, and the old sighting loses its UID."""
        if not uids:
            return set()
        with self.make() as session:
            rows = session.execute(
                select(Sighting.id, Sighting.uid, Sighting.received_at, Sighting.seen_at).where(
                    Sighting.mailbox_id == self.mailbox_id,
                    Sighting.uidvalidity == mailbox.uidvalidity,
                    Sighting.uid >= uids[0],
                )
            ).all()
        known = {row.uid: row for row in rows if row.uid in set(uids)}
        if not mailbox.can_remove:  # everything stays there, and is never moved unread
            return set(known)
        arrived = mailbox.arrived(sorted(known))
        reused = [known[uid].id for uid, at in arrived.items() if not _same(at, known[uid])]
        if reused:
            log.warning("UIDs given again; was the mailbox restored?", mailbox=self.account.name, count=len(reused))
            with transaction(self.make) as session:
                session.execute(update(Sighting).where(Sighting.id.in_(reused)).values(uid=None))
        return {uid for uid, row in known.items() if row.id not in set(reused)}

    def _note_look(self, uidvalidity: int, fault: str | None) -> None:
        now = self.clock()
        if fault is None and self._noted and now - self._noted < NOTE_EVERY:
            return
        with transaction(self.make) as session:
            session.execute(
                update(letters.Mailbox)
                .where(letters.Mailbox.id == self.mailbox_id)
                .values(
                    looked_at=now,
                    fault=fault,
                    fault_since=func.coalesce(letters.Mailbox.fault_since, now) if fault else None,
                    uidvalidity=uidvalidity,
                )
            )
        self._noted = now if fault is None else None

    def note_fault(self, error: BaseException) -> None:
        """Write on the mailbox what is wrong, keeping since when."""
        text = describe(error, self.account)
        log.error("mailbox fault", mailbox=self.account.name, fault=text)
        self._noted = None
        now = self.clock()
        try:
            with transaction(self.make) as session:
                row = session.get_one(letters.Mailbox, self.mailbox_id)
                row.fault = text
                row.fault_since = row.fault_since or now
        except SQLAlchemyError:
            log.exception("the fault could not be noted", mailbox=self.account.name)


def _same(arrived: datetime, taken: Row[int, int | None, datetime, datetime]) -> bool:
    """Is a message that came in then the one we took? Where the server's clock is ahead of ours, we noted our own."""
    skewed = taken.received_at == taken.seen_at and abs(arrived - taken.seen_at) < timedelta(days=1)
    return bool(arrived == taken.received_at or skewed)


def describe(error: BaseException, account: ImapAccount) -> str:
    """A fault in one line, without secrets."""
    if isinstance(error, LoginError):
        return f"login as {account.user} refused: {error}"
    if isinstance(error, SQLAlchemyError):
        return f"database: {type(error).__name__}"
    text = str(error) or type(error).__name__
    return f"{account.host}:{account.port}: {text}".replace(account.password or "\0", "***")[:500]


def run_all(settings: Settings, make: sessionmaker[Session], doorbell: Doorbell, stop: threading.Event) -> None:
    """Read every configured mailbox until told to stop."""
    pollers = [Poller(settings, account, make, doorbell) for account in settings.imap]
    threads = [
        threading.Thread(target=_keep_running, args=(poller, stop), name=poller.account.name) for poller in pollers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _keep_running(poller: Poller, stop: threading.Event) -> None:
    """An error nobody foresaw ends neither the thread nor the process; it is logged and the mailbox is read again."""
    while not stop.is_set():
        try:
            poller.run(stop)
        except Exception as error:
            log.exception("poller failed", mailbox=poller.account.name)
            poller.note_fault(error)
            stop.wait(LAST_GAP)
