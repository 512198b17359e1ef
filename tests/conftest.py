"""Fixtures that hand a test real services, each in a fresh state.

A service starts when the first test of a pytest worker asks for it and ends with that worker. Where a machine lacks
one, its tests are skipped by name for a person and fail in CI.
"""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import hypothesis
import pytest
from flask import Flask
from jinja2 import Environment, FileSystemBytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from complaints import procedure
from tests.rigs.chromium import Chromium
from tests.rigs.dovecot import Account, Dovecot
from tests.rigs.postgres import Postgres
from tests.rigs.process import Unavailable
from tests.rigs.redis import Redis
from tests.rigs.smtp import SmtpServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Slow machines are no failed property, and CI tries the same examples each time.
hypothesis.settings.register_profile("redress", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("redress")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """What is collected stays to the end: the garbage collector need not walk it while it grows, nor ever after."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


SETTINGS = """
REDRESS_DATA DATABASE_URL REDIS_URL SECRET_KEY IMAP_URL SMTP_URL MAIL_FROM BOUNCE_ADDRESS PUBLIC_URL BLOB_URL
ORGANISATION TIMEZONE LOCALE LOG_FORMAT CREDENTIALS_KEY MAIL_LIMIT_MB AUTHSERV_ID ACKNOWLEDGE_WITH_TIME DEMO_MAIL
BOARD_SECONDS
"""


@pytest.fixture(scope="session", autouse=True)
def nobodys_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, and no command a test starts, meets the settings of whoever runs it, in the environment or in ./data."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SETTINGS.split():
            patch.delenv(name, raising=False)
        patch.setenv("REDRESS_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setenv("CREDENTIALS_KEY", "k" * 43 + "=")
        yield


@pytest.fixture(autouse=True)
def nobodys_files() -> Iterator[None]:
    """What makes its files its own does so no longer than a test: servers that other tests start read theirs."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def known_procedures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A procedure that a test, or its database, brings in is known no longer than that."""
    monkeypatch.setattr(procedure, "_known", procedure._known)
    monkeypatch.setattr(procedure, "_shelved", procedure._shelved)


class ByLanguage(FileSystemBytecodeCache):
    """Keeps a template once for each language that it was compiled in."""

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        return super().get_bucket(environment, f"{getattr(environment, 'language', '')}/{name}", filename, source)


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Templates, addresses and statements are compiled once, and not by every application and engine that a test
    makes: that took longer than the pages."""
    templates, statements = ByLanguage(str(tmp_path_factory.mktemp("templates"))), LRUCache[Any, Any](5000)
    addresses: dict[object, Any] = {}
    compiled = Rule._compile_builder

    def address(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, rule.merge_slashes, repr(rule.defaults), append_unknown)
        if key not in addresses:
            addresses[key] = compiled(rule, append_unknown)
        return addresses[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Flask.jinja_options, "bytecode_cache", templates)
        patch.setattr(Rule, "_compile_builder", address)
        # what is compiled is kept by dialect, of which each engine has one of its own
        patch.setattr(DefaultDialect, "__eq__", lambda one, other: type(one) is type(other))
        patch.setattr(DefaultDialect, "__hash__", lambda one: hash(type(one)))
        kept = property(lambda engine: statements, lambda engine, new: None)
        patch.setattr(Engine, "_compiled_cache", kept, raising=False)
        yield


class Rig(Protocol):
    def start(self) -> Any: ...
    def close(self) -> None: ...


AnyRig = TypeVar("AnyRig", bound=Rig)


def running(rig: Callable[[], AnyRig]) -> Iterator[AnyRig]:
    try:
        server = rig()
    except Unavailable as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
    try:
        server.start()
        yield server
    finally:
        server.close()


# IMAP


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """The IMAP server of this worker; `dovecot.account()` is one more mailbox."""
    yield from running(Dovecot)


@pytest.fixture
def mailbox_account(dovecot: Dovecot) -> Account:
    """An empty mailbox, nobody else's: `.url`, `.append`, `.drop`, `.messages`, `.folders`."""
    return dovecot.start().account()


# SMTP


@pytest.fixture(scope="session")
def smtp_server() -> Iterator[SmtpServer]:
    yield from running(SmtpServer)


@pytest.fixture
def smtp(smtp_server: SmtpServer) -> SmtpServer:
    """Takes every mail until told otherwise: `.url`, `.mails`, `.wait_for`, `.answer`, `.hang`, `.drop`, `.delay`."""
    return smtp_server.fresh()


# Redis


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    yield from running(Redis)


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """An empty Redis; `redis_server` stops, starts, pauses it."""
    return redis_server.fresh().url


# Databases, migrated to head once per worker; each test has a copy, on PostgreSQL one that was swept since its last use


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    yield from running(Postgres)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from webapp.prepare import upgrade

    template = tmp_path_factory.mktemp("template") / "redress.sqlite3"
    upgrade(f"sqlite:///{template}")
    with closing(sqlite3.connect(template)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return template


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Postgres) -> str:
    from webapp.prepare import upgrade

    upgrade(postgres_server.create("redress_template"))
    return "redress_template"


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'redress.sqlite3')}"


@pytest.fixture
def postgres_url(postgres_server: Postgres, postgres_template: str) -> Iterator[str]:
    with postgres_server.lend(postgres_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database of the test's own; the test runs once on SQLite and once on PostgreSQL."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests of what becomes of words once they are read, or before they are written."""


# Browsers


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    yield from running(Chromium)


@pytest.fixture
def new_page(browser: Chromium) -> Iterator[Callable[..., Page]]:
    """Makes pages of people who share nothing: `new_page(locale="zh-CN", viewport={"width": 390, "height": 844})`.

    At the end no page may have met a broken CSP, a console error or an uncaught exception; what a test provokes it
    allows by `browser.meant("pattern")`.
    """
    browser.fresh()
    yield browser.new_page
    browser.leave()
    complaints = browser.complaints
    browser.fresh()
    assert complaints == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A person's browser at 1440 x 900, watched as in `new_page`."""
    return new_page(viewport={"width": 1440, "height": 900})
