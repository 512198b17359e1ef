"""Tables and connections: one base for all models, one way to open SQLite and PostgreSQL.

SQLite runs in WAL mode with `synchronous=FULL`, so that a commit survives a power cut. Write transactions begin
IMMEDIATE: two writers queue, instead of one of them failing in the middle. Readers use a second engine that cannot
write and begins plainly, so that many open boards never queue behind a writer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Integer,
    MetaData,
    TypeDecorator,
    create_engine,
    event,
)
from sqlalchemy.orm import DeclarativeBase, Session, registry, sessionmaker

BUSY_TIMEOUT_MS = 10_000


class Moment(TypeDecorator[datetime]):
    """An instant. Refuses a naive datetime on the way in, always gives back UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; an instant needs one")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The base of every model."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # a registry of our own, because Flask-SQLAlchemy copies this class and may not bring a second map
    registry = registry(
        metadata=metadata,
        type_annotation_map={datetime: Moment(), dict[str, Any]: JSON(none_as_null=True), list[Any]: JSON()},
    )


def tune(engine: Engine, *, readonly: bool = False) -> Engine:
    """Give an engine our connection rules (see the module's docstring) and return it."""
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _connect(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # we send BEGIN ourselves
            connection.execute(f"pragma busy_timeout={BUSY_TIMEOUT_MS}")
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=full")
            connection.execute("pragma foreign_keys=on")
            connection.execute("pragma cache_size=-16000")
            connection.execute("pragma wal_autocheckpoint=4000")  # pages: fewer, larger write-backs
            if readonly:
                connection.execute("pragma query_only=on")

        begin = "BEGIN" if readonly else "BEGIN IMMEDIATE"

        def _begin(dbapi_connection: Any) -> None:
            dbapi_connection.execute(begin)

        # told to the dialect: an engine with a listener for "begin" looks for listeners at every statement
        engine.dialect.do_begin = _begin  # type: ignore[method-assign]

    elif readonly:

        @event.listens_for(engine, "begin")
        def _begin_readonly(connection: Any) -> None:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")

    return engine


def open_database(url: str, *, readonly: bool = False) -> Engine:
    """An engine for a process without a web application (poller, worker, commands)."""
    return tune(create_engine(url, pool_pre_ping=not url.startswith("sqlite"), hide_parameters=True), readonly=readonly)


def sessions(engine: Engine) -> sessionmaker[Session]:
    """A maker of sessions that keep loaded values after a commit. Loads every model first: a table names others."""
    import_module("complaints.models")
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def looking(make: sessionmaker[Session]) -> Iterator[Session]:
    """A session that only reads, beside those of a maker: on SQLite no writer waits for it, however long it looks."""
    engine: Engine = make.kw["bind"]
    if engine.dialect.name != "sqlite":
        with make() as session:
            yield session
        return
    reader = open_database(engine.url.render_as_string(hide_password=False), readonly=True)
    try:
        with sessions(reader)() as session:
            yield session
    finally:
        reader.dispose()


@contextmanager
def transaction(make: sessionmaker[Session]) -> Iterator[Session]:
    """One short transaction: committed at the end, rolled back on any error, closed either way."""
    with make() as session, session.begin():
        yield session
