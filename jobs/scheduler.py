"""The scheduler: `python -m jobs.scheduler`. Time acts here.

Every few seconds it asks what is due, claims the slot in the database (any number of schedulers may run), and rings.
Where Redis cannot be reached it does the work itself, so that no mail waits for Redis.
"""

import signal
import sys
import threading
from datetime import UTC, datetime
from types import FrameType

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from complaints import outbox, schedule, settings
from complaints.database import open_database, sessions, transaction
from complaints.logs import configure
from complaints.settings import Settings
from jobs.queue import Bell, connect
from jobs.sending import Sender

log = structlog.get_logger(__name__)
TICK_SECONDS = 5
SWEEP_SECONDS = 30


class Scheduler:
    """Sweeps the outbox. `bell` tells the workers; `sender` is the way without them."""

    def __init__(self, chosen: Settings, make: sessionmaker[Session], bell: Bell) -> None:
        self.settings = chosen
        self.make = make
        self.bell = bell
        self._sender: Sender | None = None

    def tick(self, at: datetime) -> None:
        """Do what is due at this moment."""
        with transaction(self.make) as session:
            sweep = schedule.take_slot(session, "sweep_outbox", every_seconds=SWEEP_SECONDS, at=at)
            waiting = sweep and outbox.something_due(session, at=at)
        if waiting:
            self._wake()

    def _wake(self) -> None:
        try:
            self.bell.try_to_ring()
        except RedisError as error:
            log.warning("Redis is away; sending from here", error=str(error))
            if self._sender is None:
                self._sender = Sender(self.settings, self.make)
            self._sender.drain()

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.tick(datetime.now(UTC))
            except (SQLAlchemyError, OSError):
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
