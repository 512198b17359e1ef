"""What the journeys through the procedures begin with: a desk, and somebody who walks."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import open_database, sessions
from tests.desk import Desk
from tests.walking import Walker

Walk = Callable[..., Walker]


@pytest.fixture
def desk(database_url: str) -> Desk:
    make: sessionmaker[Session] = sessions(open_database(database_url))
    return Desk(make)


@pytest.fixture
def walk(desk: Desk) -> Walk:
    """Begin a walk through a procedure, with values for fields by their reference."""

    def begin(key: str, **told: Any) -> Walker:
        return Walker(desk, key, {ref.replace("__", "."): value for ref, value in told.items()})

    return begin


@pytest.fixture
def one_desk(sqlite_url: str) -> Desk:
    """A desk on SQLite alone, for what tries much."""
    return Desk(sessions(open_database(sqlite_url)))
