"""The poller: looks into every mailbox, one thread each, and never stops because of one message or one mailbox.

IDLE is a hint; it looks every minute anyway. A fault is written on the mailbox, where readiness and people see it, and
is tried again with growing gaps: 1 s up to 60 s, at once 60 s after a refused login so that no account gets locked.
"""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError
from sqlalchemy import select, update
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
NOTE_EVERY = timedelta(seconds=15)


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
                with Mailbox(self.account, limit=self.settings.mail_limit) as mailbox:
                    while not stop.is_set():
                        self.look(mailbox)
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
        try:
            with Mailbox(self.account, limit=self.settings.mail_limit) as mailbox:
                return self.look(mailbox)
        except (OSError, IMAPClientError) as error:
            self.note_fault(error)
            raise

    def look(self, mailbox: Mailbox) -> Counter[str]:
        """Take in everything in the folder that was not taken yet, oldest first, after what an earlier run left."""
        counts = self.intake.take_in(self.intake.waiting(mailbox_id=self.mailbox_id))
        there = mailbox.uids()
        taken = self._taken(mailbox.uidvalidity, there)
        unmoved = self._move(mailbox, [uid for uid in there if uid in taken])
        for batch in mailbox.batches([uid for uid in there if uid not in taken]):
            failpoint("P3.after")
            arrivals = self.intake.keep(batch, mailbox_id=self.mailbox_id, uidvalidity=mailbox.uidvalidity)
            unmoved = self._move(mailbox, [message.uid for message in batch]) or unmoved
            failpoint("P6.after")
            counts += self.intake.take_in(arrivals)
            counts += Counter("quarantined" for message in batch if message.raw is None)
        self._note_look(mailbox.uidvalidity, unmoved)
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

    def _taken(self, uidvalidity: int, uids: list[int]) -> set[int]:
        if not uids:
            return set()
        with self.make() as session:
            return {
                uid
                for uid in session.scalars(
                    select(Sighting.uid).where(
                        Sighting.mailbox_id == self.mailbox_id,
                        Sighting.uidvalidity == uidvalidity,
                        Sighting.uid >= uids[0],
                    )
                )
                if uid is not None
            }

    def _note_look(self, uidvalidity: int, fault: str | None) -> None:
        now = self.clock()
        if fault is None and self._noted and now - self._noted < NOTE_EVERY:
            return
        with transaction(self.make) as session:
            session.execute(
                update(letters.Mailbox)
                .where(letters.Mailbox.id == self.mailbox_id)
                .values(looked_at=now, fault=fault, fault_since=now if fault else None, uidvalidity=uidvalidity)
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
