"""Rows written on the hot path: plain inserts whose statement is built once for each table.

Building a statement, and the ORM's way around it, cost several times what the database takes to run it; a mail writes
ten rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

from sqlalchemy import CursorResult, Executable, Insert, Table, Update, bindparam, insert, update
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from complaints.database import Base

Row = Mapping[str, Any]
WAITING = "rows that wait"
Upsert = PostgresInsert | SqliteInsert


def add(session: Session, model: type[Base], *rows: Row) -> None:
    """Insert rows in one statement; inside `together`, with all others of their table."""
    if not rows:
        return
    if (waiting := session.info.get(WAITING)) is not None:
        waiting.setdefault(model, []).extend(rows)
    else:
        session.connection().execute(_insert(model), list(rows))


@contextmanager
def together(session: Session) -> Iterator[None]:
    """What is added inside is inserted at its end, one statement for each table: a few mails taken in at once write
    nearly all their rows so. For rows that nothing inside asks for."""
    waiting: dict[type[Base], list[Row]] = {}
    session.info[WAITING] = waiting
    try:
        yield
    finally:
        del session.info[WAITING]
    for model, rows in waiting.items():
        session.connection().execute(_insert(model), _alike(rows))


def _alike(rows: Sequence[Row]) -> list[Row]:
    """Rows for one statement: a column that only some of them name is blank in the others."""
    columns = dict.fromkeys(column for row in rows for column in row)
    return [{column: row.get(column) for column in columns} for row in rows]


def add_one(session: Session, model: type[Base], row: Row) -> int:
    """Insert a row; returns its id."""
    return int(session.connection().execute(_insert_returning(model), row).scalar_one())


def change(session: Session, loaded: Base, **values: Any) -> None:
    """Write columns of a row that was loaded by the ORM, at once; what it holds already is not written."""
    changed = {name: value for name, value in values.items() if getattr(loaded, name) != value}
    if changed:
        session.connection().execute(_update(type(loaded)), {"row": cast(Any, loaded).id, **changed})
        for name, value in changed.items():
            set_committed_value(loaded, name, value)


@cache
def _update(model: type[Base]) -> Update:
    return update(table(model)).where(table(model).c.id == bindparam("row"))  # sets what the values name


@cache
def _insert(model: type[Base]) -> Insert:
    return insert(table(model))


@cache
def _insert_returning(model: type[Base]) -> Insert:
    into = table(model)
    return insert(into).returning(into.c.id)


def table(model: type[Base]) -> Table:
    """The table of a model, for statements that go past the ORM."""
    return cast(Table, model.__table__)


def run(session: Session, statement: Executable, values: Row) -> CursorResult[*tuple[Any, ...]]:
    """Run a statement that was put together once, past the ORM: what waits in the session is not written first."""
    return session.connection().execute(statement, values)


def dialect(session: Session) -> str:
    """Which database a session talks to: sqlite or postgresql."""
    return session.get_bind().dialect.name


def upsert(model: type[Base], dialect_name: str) -> Upsert:
    """The `INSERT … ON CONFLICT` of a database, to be completed by the caller."""
    return postgres_insert(table(model)) if dialect_name == "postgresql" else sqlite_insert(table(model))


def add_unless_there(session: Session, model: type[Base], rows: Sequence[Row]) -> None:
    """Insert those rows that break no unique rule."""
    session.connection().execute(_insert_unless_there(model, dialect(session)), list(rows))


@cache
def _insert_unless_there(model: type[Base], dialect_name: str) -> Upsert:
    return upsert(model, dialect_name).on_conflict_do_nothing()
