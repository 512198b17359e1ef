"""The web application of a test, its people's browsers, and its own Monday morning."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from complaints import signin
from complaints.blobs import Blobs
from complaints.database import open_database, sessions, transaction
from complaints.people import Actor, User
from complaints.settings import Settings
from tests.builders import MONDAY, a_department, a_person
from webapp import create_app

NOW = MONDAY + timedelta(minutes=30)
Browser = Callable[[Actor], FlaskClient]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Monday, 09:30 in Shanghai, until a test moves it."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


on_both_databases = pytest.mark.parametrize("web_database_url", ["sqlite", "postgres"], indirect=True)
"""For tests whose queries or locks may differ; the others run on SQLite."""


@pytest.fixture
def web_database_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url"))


@pytest.fixture
def settings(web_database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path, database_url=web_database_url, redis_url="redis://127.0.0.1:1/0", secret_key="s" * 40,
        mail_from="complaints@mill.example", organisation="Mill 磨坊",
    )  # fmt: skip


@pytest.fixture
def make(settings: Settings) -> sessionmaker[Session]:
    """Sessions beside the application's own."""
    return sessions(open_database(settings.database_url))


@pytest.fixture
def blobs(settings: Settings) -> Blobs:
    return Blobs(settings.blobs)


@pytest.fixture
def app(settings: Settings, clock: time_machine.Traveller) -> Flask:
    """The application; its forms need no token here."""
    return create_app(settings, {"WTF_CSRF_ENABLED": False, "RATELIMIT_ENABLED": False})


@pytest.fixture
def browser_of(app: Flask, make: sessionmaker[Session]) -> Browser:
    """A browser in which a person is signed in."""

    def signed_in(actor: Actor) -> FlaskClient:
        client = app.test_client()
        with transaction(make) as session:
            token = signin.begin(session, session.get_one(User, actor.id), at=NOW, keep=False)
        with client.session_transaction() as cookie:
            cookie["_user_id"] = token
        return client

    return signed_in


@pytest.fixture
def clerk(make: sessionmaker[Session]) -> Actor:
    with transaction(make) as session:
        a_department(session)
        return a_person(session, "clerk", "qe", name="Mara Linden")


@pytest.fixture
def desk(clerk: Actor, browser_of: Browser) -> FlaskClient:
    return browser_of(clerk)
