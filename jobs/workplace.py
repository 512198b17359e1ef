"""What a job has at hand: the settings, the database, the time, and what renders letters and keeps files."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self

from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from complaints import settings
from complaints.blobs import Blobs
from complaints.database import open_database, sessions
from complaints.settings import Settings
from jobs import letters


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Workplace:
    """`app` is the bare Flask application that renders letters."""

    def __init__(self, chosen: Settings, make: sessionmaker[Session], *, clock: Callable[[], datetime] = _utc_now):
        self.settings = chosen
        self.make = make
        self.clock = clock
        self.app: Flask = letters.make_app(chosen)
        self.blobs = Blobs(chosen.blobs)

    @classmethod
    def of_this_process(cls) -> Self:
        """As the environment says."""
        chosen = settings.load()
        return cls(chosen, sessions(open_database(chosen.database_url)))
