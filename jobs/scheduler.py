"""The scheduler: `python -m jobs.scheduler`. Time acts here.

Every few seconds it asks what is due, claims the slot in the database (any number of schedulers may run), and rings.
Where Redis cannot be reached it does the work itself, so that no mail waits for Redis. Every minute it looks for what
has been wrong for too long; the mails about that are owed like any other, and the sweep rings for them.
"""

import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from types import FrameType

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from complaints import calendars, duties, history, incidents, outbox, printing, procedure_store, schedule, settings
from complaints.context import Context
from complaints.database import open_database, sessions, transaction
from complaints.logs import configure
from complaints.settings import Settings
from jobs import limits
from jobs.queue import Bell, PrintBell, connect
from jobs.sending import Sender

log = structlog.get_logger(__name__)
TICK_SECONDS = 5
SWEEP_SECONDS = 10
CHECK_SECONDS = 60
ANCHOR_SECONDS = 3600
SETTLED = timedelta(minutes=5)
"""By then every transaction of the day before has ended."""
CATCH_UP_SECONDS = 60
"""After a start all was silent for as long as nothing ran; each part first gets the time to do its work."""


class Scheduler:
    """Sweeps the outbox and looks for incidents. `bell` tells the workers; `sender` is the way without them."""

    def __init__(self, chosen: Settings, make: sessionmaker[Session], bell: Bell) -> None:
        self.settings = chosen
        self.make = make
        self.bell = bell
        self._sender: Sender | None = None

    def tick(self, at: datetime, *, watch: bool = True) -> None:
        """Do what is due at this moment; without `watch` no incident is looked for."""
        self._check_incidents(at, watch=watch)
        self._do_duties(at)
        with transaction(self.make) as session:
            sweep = schedule.take_slot(session, "sweep_outbox", every_seconds=SWEEP_SECONDS, at=at)
            waiting = sweep and outbox.something_due(session, at=at)
            unprinted = sweep and printing.something_due(session, at=at)
        if waiting:
            self._wake()
        if unprinted:
            self._print()
        self._anchor(at)

    def _check_incidents(self, at: datetime, *, watch: bool) -> None:
        chosen = self.settings
        today = at.astimezone(chosen.zone).date()
        try:
            with transaction(self.make) as session:
                due = schedule.take_slot(session, "check_incidents", every_seconds=CHECK_SECONDS, at=at)
                if not (due and watch):
                    return
                changes = incidents.check(
                    session, at=at, today=today, secret=chosen.secret_key, domain=chosen.message_domain
                )
        except Exception:  # whatever it is, it must not keep the mail that is due from leaving
            log.exception("incidents could not be looked for")
            return
        for incident in changes.opened:
            log.warning("incident opened", kind=incident.kind, subject=incident.subject, **incident.values)
        for incident in changes.closed:
            log.info("incident closed", kind=incident.kind, subject=incident.subject, **incident.values)

    def _do_duties(self, at: datetime) -> None:
        """What fails is tried again in its next slot, and keeps nothing else from being done."""
        chosen = self.settings
        with self.make() as session:
            procedure_store.refresh(session)
            calendar = calendars.current(session, chosen.timezone)
        context = Context(calendar, chosen.secret_key, chosen.message_domain, chosen.mail_from)
        for duty in duties.DUTIES:
            try:
                if duties.claimed(self.make, duty, at) and (done := duty.do(self.make, at, context)):
                    log.info("duty done", duty=duty.name, count=done)
            except Exception:
                log.exception("duty failed; its next slot tries again", duty=duty.name)

    def _anchor(self, at: datetime) -> None:
        """After midnight, anchor the history of the day that is over."""
        midnight = datetime.combine(at.astimezone(self.settings.zone).date(), time_of_day(), self.settings.zone)
        if at - midnight < SETTLED:
            return
        with transaction(self.make) as session:
            if schedule.take_slot(session, "anchor_history", every_seconds=ANCHOR_SECONDS, at=at):
                history.anchor(session, day=midnight.date() - timedelta(days=1), until=midnight, at=at)

    def _wake(self) -> None:
        try:
            self.bell.try_to_ring()
        except RedisError as error:
            log.warning("Redis is away; sending from here", error=str(error))
            if self._sender is None:
                self._sender = Sender(self.settings, self.make)
            self._sender.drain()

    def _print(self) -> None:
        try:
            PrintBell(self.bell.redis).try_to_ring()
        except RedisError as error:
            log.warning("Redis is away; printing one paper from here", error=str(error))
            subprocess.run([sys.executable, "-m", "jobs.printing"], timeout=limits.SECONDS, check=False)

    def run(self, stop: threading.Event) -> None:
        caught_up = time.monotonic() + CATCH_UP_SECONDS
        while not stop.is_set():
            try:
                self.tick(datetime.now(UTC), watch=time.monotonic() > caught_up)
            except (SQLAlchemyError, OSError, subprocess.TimeoutExpired):
                log.exception("tick failed; the next one tries again")
            stop.wait(TICK_SECONDS)


def main() -> int:
    chosen = settings.load()
    configure(chosen.log_format)
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    Scheduler(chosen, sessions(open_database(chosen.database_url)), Bell(connect(chosen.redis_url))).run(stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
