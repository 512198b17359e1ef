"""The poller of one mailbox: it never stops because of one message, nor because of what its server does.

IDLE is a hint; it looks every minute anyway. A fault is written on the mailbox, where readiness and people see it, and
is tried again with growing gaps: 1 s up to 60 s, at once 60 s after a refused login so that no account gets locked.
Several pollers may run, on several machines: a mailbox is read by the one that holds its lease.
"""

import os
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, takewhile

import structlog
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError
from sqlalchemy import Row, case, func, literal, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from complaints import mailboxes, rows
from complaints.database import Moment, transaction
from complaints.errors import ComplaintError
from complaints.failpoints import failpoint
from complaints.letters import Sighting
from complaints.settings import ImapAccount, Settings
from intake.mailbox import Mailbox
from intake.pipeline import Doorbell, Intake, utc_now
from intake.record import Arrival, Manner, manner_of

log = structlog.get_logger(__name__)
LOOK_EVERY = 60.0
WITHOUT_IDLE_EVERY = 10.0
FIRST_GAP = 1.0
LAST_GAP = 60.0
OUTAGE = 3
"""So many single messages that break the connection one after the other are no messages' doing."""
MOVED_SINGLY = 50
HOLD_BACK = timedelta(seconds=30)
NOTE_EVERY = timedelta(seconds=15)
RENEW_EVERY = timedelta(seconds=30)
LEASED_ELSEWHERE = 10.0
_BYTES = re.compile(r"\bb(['\"])(.*?)\1")


@dataclass(frozen=True)
class HeldBack:
    """A message that the server will not serve: how often it was tried, when again, and why."""

    tries: int
    until: datetime
    reason: str


class LeaseLost(Exception):
    """Another poller reads this mailbox now."""


class Poller:
    """Reads one mailbox: the one of this row, or of a row that is made for the account."""

    def __init__(
        self,
        settings: Settings,
        account: ImapAccount,
        make: sessionmaker[Session],
        doorbell: Doorbell,
        *,
        mailbox_id: int | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self.account = account
        self.make = make
        self.clock = clock
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{id(self):x}"[:80]
        self.mailbox_id = self._own_row() if mailbox_id is None else mailbox_id
        self.intake = Intake(settings, make, doorbell, clock=clock, manner=self._manner())
        self.asked = threading.Event()  # somebody wants a look now
        self._stop = threading.Event()
        self._leased: datetime | None = None
        self._noted: datetime | None = None
        self._progress: datetime | None = clock()
        self._compared: Mailbox | None = None
        self._broken: set[int] = set()  # messages that broke the connection since one came last
        self._singly: set[int] = set()  # messages of a batch that broke: fetched one by one
        self._held_back: dict[int, HeldBack] = {}  # messages that break the connection by themselves

    def _own_row(self) -> int:
        with transaction(self.make) as session:
            rows.add_unless_there(session, mailboxes.Mailbox, [{"name": self.account.name}])
            return int(
                session.execute(
                    select(mailboxes.Mailbox.id).where(mailboxes.Mailbox.name == self.account.name)
                ).scalar_one()
            )

    def _manner(self) -> Manner:
        with self.make() as session:
            return manner_of(session.get_one(mailboxes.Mailbox, self.mailbox_id))

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        self._stop = stop
        gap = FIRST_GAP
        try:
            while not stop.is_set():
                try:
                    if not self._lease():
                        stop.wait(LEASED_ELSEWHERE)
                        continue
                    self._take_waiting()
                    with Mailbox(self.account, limit=self.settings.mail_limit) as mailbox, self._learning(mailbox):
                        while not stop.is_set():
                            self.asked.clear()
                            if self.look(mailbox):
                                continue  # more may have come meanwhile
                            gap = FIRST_GAP
                            if mailbox.can_idle:
                                self._idle(mailbox, stop)
                            else:
                                self._wait(WITHOUT_IDLE_EVERY, stop)
                                mailbox.client.noop()
                except LeaseLost:
                    log.warning("another poller reads this mailbox now", mailbox=self.account.name)
                except (OSError, IMAPClientError, SQLAlchemyError, ComplaintError) as error:
                    self.note_fault(error)
                    gap = LAST_GAP if isinstance(error, LoginError) else min(gap * 2, LAST_GAP)
                    self.asked.clear()  # asked again, it looks at once; asked before, it has just tried
                    self._wait(gap, stop)
        finally:
            self._stop = threading.Event()  # a look that somebody asks for later is not cut short
            self.close()

    def close(self) -> None:
        """End the child, and let go of the mailbox."""
        self.intake.reader.close()
        if self._leased is not None:
            with suppress(SQLAlchemyError), transaction(self.make) as session:
                mailboxes.drop_lease(session, self.mailbox_id, holder=self.holder)

    def _lease(self) -> bool:
        """Hold the mailbox, or hold it longer; False while another poller reads it."""
        now = self.clock()
        if self._leased is not None and _just(self._leased, now, RENEW_EVERY):
            return True
        with transaction(self.make) as session:
            held = mailboxes.take_lease(session, self.mailbox_id, holder=self.holder, at=now)
        self._leased = now if held else None
        return held

    def _keep_lease(self) -> None:
        if self._leased is not None and not self._lease():
            raise LeaseLost

    def _wait(self, seconds: float, stop: threading.Event) -> None:
        """Wait, but not longer than until somebody asks for a look or for the end."""
        waited = 0.0
        while waited < seconds and not stop.is_set() and not self.asked.is_set():
            stop.wait(min(1.0, seconds - waited))
            waited += 1

    def _idle(self, mailbox: Mailbox, stop: threading.Event) -> None:
        """Wait for a hint, in steps short enough that a stop is heard."""
        waited = LOOK_EVERY if mailbox.listen() else 0.0
        try:
            while waited < LOOK_EVERY and not stop.is_set() and not self.asked.is_set():
                if any(len(answer) > 1 and answer[1] == b"EXISTS" for answer in mailbox.client.idle_check(timeout=1)):
                    return
                waited += 1
        finally:
            mailbox.client.idle_done()

    def once(self) -> Counter[str]:
        """One look, lease or no lease; raises what went wrong, after noting it."""
        try:
            return self._once()
        finally:
            self.intake.reader.close()

    def _once(self) -> Counter[str]:
        counts = self._take_waiting()
        while True:
            mailbox = Mailbox(self.account, limit=self.settings.mail_limit)
            try:
                with mailbox, self._learning(mailbox):
                    return counts + self.look(mailbox)
            except (OSError, IMAPClientError) as error:
                self.note_fault(error)
                if not mailbox.asking or len(self._broken) >= OUTAGE:
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
                    self._broken.add(uid)
                    if len(self._broken) >= OUTAGE:  # not the messages' fault: none of them waits long for it
                        tries = min(tries, 1)
                    later = self.clock() + HOLD_BACK * 2 ** min(tries, 8)
                    self._held_back[uid] = HeldBack(tries, later, describe(error, self.account))
                    self._singly.discard(uid)
                case [_, *_] as uids:
                    self._singly.update(uids)
            raise

    def _take_waiting(self) -> Counter[str]:
        """What an earlier run left is in our hands: for that no server is needed."""
        waiting = self.intake.waiting(mailbox_id=self.mailbox_id)
        return self.intake.take_in(takewhile(lambda _: not self._stop.is_set(), waiting))

    def look(self, mailbox: Mailbox) -> Counter[str]:
        """Take in everything in the folder that was not taken yet, oldest first, after what an earlier run left. Told
        to stop, it ends with the messages that it has kept."""
        self._keep_lease()
        counts = self._take_waiting()
        there = mailbox.uids()
        if there:
            self.intake.reader.start()
        taken = self._taken(mailbox, there)
        fault = self._move(mailbox, [uid for uid in there if taken.get(uid)])
        now = self.clock()
        waiting = {uid for uid, held in self._held_back.items() if held.until > now}
        new = [uid for uid in there if uid not in taken and uid not in waiting]
        one_by_one = mailbox.batches([uid for uid in new if uid in self._singly], at_once=1)
        before: list[Arrival] = []
        for batch in chain(mailbox.batches([uid for uid in new if uid not in self._singly]), one_by_one):
            if self._stop.is_set():
                break
            failpoint("P3.after")
            self._broken.clear()
            self._keep_lease()
            kept = self.intake.keep(batch, mailbox_id=self.mailbox_id, uidvalidity=mailbox.uidvalidity)
            self.intake.begin(kept.waiting)
            fault = self._move(mailbox, [message.uid for message in batch if message.whole]) or fault
            failpoint("P6.after")
            counts += self.intake.take_in(before)  # while the child reads those that have just come
            counts += Counter(outcome.outcome for outcome in kept.refused)
            before = kept.waiting
            self._note_progress()
        counts += self.intake.take_in(before)
        if self._stop.is_set():
            return counts
        self._singly.intersection_update(waiting)
        self._held_back = {uid: held for uid, held in self._held_back.items() if uid in there and uid in waiting}
        for uid, held in self._held_back.items():
            fault = f"message {uid} cannot be fetched and is tried again later: {held.reason}"
        self._note_look(mailbox.uidvalidity, fault)
        return counts

    def _move(self, mailbox: Mailbox, uids: list[int]) -> str | None:
        """Move what we have taken; what the server says when it will not. The messages are ours all the same, and the
        next look tries again."""
        fault = None
        try:
            mailbox.move_away(uids)
        except IMAPClientAbortError:
            raise  # the connection is gone
        except IMAPClientError as error:
            fault = f"taken messages could not be moved away: {_plain(error)}"
            log.warning("taken messages were not moved", mailbox=self.account.name, error=str(error))
            if 1 < len(uids) <= MOVED_SINGLY:  # one of them must not keep the others there
                return next(filter(None, [self._move(mailbox, [uid]) for uid in uids]), None)
        return fault

    def _taken(self, mailbox: Mailbox, uids: list[int]) -> dict[int, bool]:
        """Which of these UIDs were taken before, and whether we hold what is there: a message that was too large to
        keep is nowhere but in the mailbox, and stays there. A mailbox that was restored from a backup gives old UIDs to
        new messages: one that came in at another time than the one we took is new, and the old sighting loses its
        UID."""
        if not uids:
            return {}
        with self.make() as session:
            rows = session.execute(
                select(Sighting.id, Sighting.uid, Sighting.received_at, Sighting.seen_at, Sighting.raw).where(
                    Sighting.mailbox_id == self.mailbox_id,
                    Sighting.uidvalidity == mailbox.uidvalidity,
                    Sighting.uid >= uids[0],
                )
            ).all()
        there = set(uids)
        known = {row.uid: row for row in rows if row.uid in there}
        held = {uid: row.raw is not None for uid, row in known.items()}
        if not mailbox.can_remove and self._compared is mailbox:  # everything stays there: looked at once a connection
            return held
        self._compared = mailbox
        arrived = mailbox.arrived(sorted(known))
        now = self.clock()
        reused = {uid: known[uid].id for uid, at in arrived.items() if not _same(at, known[uid], now)}
        if reused:
            log.warning("UIDs given again; was the mailbox restored?", mailbox=self.account.name, count=len(reused))
            with transaction(self.make) as session:
                session.execute(update(Sighting).where(Sighting.id.in_(reused.values())).values(uid=None))
        return {uid: ours for uid, ours in held.items() if uid not in reused}

    def _note_progress(self) -> None:
        """A look that takes long is not silence."""
        now = self.clock()
        if self._progress is None or not _just(self._progress, now, NOTE_EVERY):
            with transaction(self.make) as session:
                session.execute(
                    update(mailboxes.Mailbox).where(mailboxes.Mailbox.id == self.mailbox_id).values(looked_at=now)
                )
            self._progress = now

    def _note_look(self, uidvalidity: int, fault: str | None) -> None:
        now = self.clock()
        if fault is None and self._noted and _just(self._noted, now, NOTE_EVERY):
            return
        with transaction(self.make) as session:
            session.execute(
                update(mailboxes.Mailbox)
                .where(mailboxes.Mailbox.id == self.mailbox_id)
                .values(
                    looked_at=now,
                    fault=fault,
                    fault_since=func.coalesce(mailboxes.Mailbox.fault_since, now) if fault else None,
                    uidvalidity=uidvalidity,
                    renumbered_at=case(
                        (mailboxes.Mailbox.uidvalidity != uidvalidity, literal(now, Moment())),
                        else_=mailboxes.Mailbox.renumbered_at,
                    ),
                    waiting=len(self._held_back),
                )
            )
        self._noted = now if fault is None else None

    def note_fault(self, error: BaseException) -> None:
        """Write on the mailbox what is wrong, keeping since when."""
        text = describe(error, self.account)
        log.error("mailbox fault", mailbox=self.account.name, fault=text)
        self._noted = None
        note_fault(self.make, self.mailbox_id, text, at=self.clock())


def note_fault(make: sessionmaker[Session], mailbox_id: int, text: str, *, at: datetime) -> None:
    """Write on a mailbox what is wrong, keeping since when."""
    try:
        with transaction(make) as session:
            row = session.get_one(mailboxes.Mailbox, mailbox_id)
            row.fault = text
            row.fault_since = row.fault_since or at
    except SQLAlchemyError:
        log.exception("the fault could not be noted", mailbox=mailbox_id)


def _just(then: datetime, now: datetime, span: timedelta) -> bool:
    """Is that less than so long ago? A clock that was set back makes nothing recent that lies ahead."""
    return timedelta() <= now - then < span


def _same(arrived: datetime, taken: Row[int, int | None, datetime, datetime, str | None], now: datetime) -> bool:
    """Is a message that came in then the one we took? Where it came in later than it was, by the server's clock or
    somebody's word, we noted our own time."""
    ahead = abs(arrived - taken.seen_at) < timedelta(days=1) or arrived > now
    return bool(arrived == taken.received_at or (taken.received_at == taken.seen_at and ahead))


def describe(error: BaseException, account: ImapAccount) -> str:
    """A fault in one line, without secrets."""
    if isinstance(error, SQLAlchemyError):
        return f"database: {type(error).__name__}"
    where = f"login as {account.user} refused" if isinstance(error, LoginError) else f"{account.host}:{account.port}"
    return f"{where}: {_plain(error) or type(error).__name__}".replace(account.password or "\0", "***")[:500]


def _plain(error: BaseException) -> str:
    """What the library quotes from the server as Python bytes, as the server said it."""
    return _BYTES.sub(r"\2", str(error))
