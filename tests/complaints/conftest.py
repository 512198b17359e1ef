"""What tests of the domain begin with: a database that is asked for sessions, and a desk with people of every role."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import open_database, sessions
from tests.desk import Desk


@pytest.fixture
def make(database_url: str) -> sessionmaker[Session]:
    return sessions(open_database(database_url))


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make)
