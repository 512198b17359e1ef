"""What the tests of the intake share: settings around real servers, and the poller of one mailbox."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import open_database, sessions
from complaints.settings import Settings, imap_account, smtp_server
from intake.poller import Poller
from tests.rigs.dovecot import Account
from tests.rigs.smtp import SmtpServer


class Bell:
    """Counts the rings."""

    def __init__(self) -> None:
        self.rings = 0

    def ring(self) -> None:
        self.rings += 1


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def chosen(database_url: str, mailbox_account: Account, smtp: SmtpServer, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path, database_url=database_url, redis_url="", secret_key="s" * 32,
        imap=(imap_account(mailbox_account.url),), smtp=smtp_server(smtp.url), mail_from="complaints@mill.example",
        organisation="Mill 磨坊",
    )  # fmt: skip


@pytest.fixture
def make(database_url: str) -> sessionmaker[Session]:
    return sessions(open_database(database_url))


@pytest.fixture
def new_poller(chosen: Settings, make: sessionmaker[Session], bell: Bell) -> Callable[..., Poller]:
    def poller(**changes: object) -> Poller:
        settings = replace(chosen, **changes)  # type: ignore[arg-type]
        return Poller(settings, settings.imap[0], make, bell, clock=lambda: datetime.now(UTC))

    return poller


@pytest.fixture
def poller(new_poller: Callable[..., Poller]) -> Poller:
    return new_poller()
