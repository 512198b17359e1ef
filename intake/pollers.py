"""All mailboxes: a poller for each one that is to be read, as people set it in the settings from moment to moment."""

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from complaints import mailboxes
from complaints.blobs import Blobs
from complaints.database import transaction
from complaints.errors import ComplaintError
from complaints.settings import Settings
from intake.accounts import account, ensure_environment_rows
from intake.pipeline import Doorbell, Intake, utc_now
from intake.poller import LAST_GAP, Poller, note_fault

log = structlog.get_logger(__name__)
SPOOL_SECONDS = 3600.0
"""What was written to the blob store and not settled for so long belongs to somebody who died."""
LISTEN_EVERY = 3.0
"""Seconds between two looks at what people changed in the settings."""


class Pollers:
    """A poller for each mailbox that is to be read, as the settings say from moment to moment."""

    def __init__(
        self, settings: Settings, make: sessionmaker[Session], doorbell: Doorbell, *, names: Collection[str] = ()
    ) -> None:
        self.settings = settings
        self.make = make
        self.doorbell = doorbell
        self.names = names
        self._running: dict[int, _Running] = {}
        self._others = Intake(settings, make, doorbell, clock=utc_now)  # what nobody else takes in

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        swept = -SPOOL_SECONDS
        while not stop.is_set():
            try:
                if time.monotonic() - swept >= SPOOL_SECONDS:
                    swept = time.monotonic()
                    Blobs(self.settings.blobs).sweep(older_than=SPOOL_SECONDS)
                self.listen()
                self._others.take_in_abandoned()
            except (OSError, SQLAlchemyError):
                log.exception("the mailboxes could not be looked up; trying again")
            stop.wait(LISTEN_EVERY)
        for running in self._running.values():
            running.stop.set()
        for running in self._running.values():
            running.thread.join()
        self._others.reader.close()

    def listen(self) -> None:
        """Begin with what is new, end what is paused or gone, begin anew what was changed, look where asked."""
        with self.make() as session:
            rows = {row.id: row for row in mailboxes.polled(session) if not self.names or row.name in self.names}
        for id_, running in list(self._running.items()):
            row = rows.get(id_)
            if row is None or row.version != running.version:
                running.stop.set()
            if not running.thread.is_alive():
                del self._running[id_]
            elif row is not None and row.asked_at is not None and row.asked_at != running.asked_at:
                running.asked_at = row.asked_at
                running.poller.asked.set()
        for id_, row in rows.items():
            if id_ not in self._running:
                self._begin(row)

    def _begin(self, row: mailboxes.Mailbox) -> None:
        try:
            entered = account(row, self.settings, self.make)
        except ComplaintError as error:
            note_fault(self.make, row.id, str(error), at=utc_now())
            return
        poller = Poller(self.settings, entered, self.make, self.doorbell, mailbox_id=row.id)
        stop = threading.Event()
        thread = threading.Thread(target=_keep_running, args=(poller, stop), name=row.name)
        self._running[row.id] = _Running(poller, thread, stop, row.version, row.asked_at)
        thread.start()


@dataclass
class _Running:
    poller: Poller
    thread: threading.Thread
    stop: threading.Event
    version: int
    asked_at: datetime | None


def run_all(
    settings: Settings,
    make: sessionmaker[Session],
    doorbell: Doorbell,
    stop: threading.Event,
    *,
    names: Collection[str] = (),
) -> None:
    """Read every mailbox, or those of these names, until told to stop."""
    with transaction(make) as session:
        ensure_environment_rows(session, settings)
        for mailbox in mailboxes.polled(session):
            if shares_domain(mailbox.address):
                log.warning(
                    "complaints arrive in the company's own mail domain; a subdomain of their own keeps strangers from "
                    "signing up at other services as one of you",
                    mailbox=mailbox.name,
                )
    Pollers(settings, make, doorbell, names=names).run(stop)


def shares_domain(address: str) -> bool:
    """Is this an address right under a registered domain, where colleagues have theirs?"""
    labels = address.rpartition("@")[2].lower().split(".")
    of_a_country = len(labels) == 3 and labels[-2] in ("com", "net", "org", "co", "ac", "gov", "edu")
    return not labels[-1].isdigit() and (len(labels) == 2 or of_a_country)


def _keep_running(poller: Poller, stop: threading.Event) -> None:
    """An error nobody foresaw ends neither the thread nor the process; it is logged and the mailbox is read again."""
    while not stop.is_set():
        try:
            poller.run(stop)
        except Exception as error:
            log.exception("poller failed", mailbox=poller.account.name)
            poller.note_fault(error)
            stop.wait(LAST_GAP)
