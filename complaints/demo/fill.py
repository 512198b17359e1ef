"""Fills the ledger with believable complaints of the demo company, at any size and fast.

Complaints are written in the order they came in, a part of them in one transaction, straight from table to table.
Numbers and serials go on from the counters in that same transaction, so a fill that is killed leaves whole complaints
only, and live work goes on behind it. The same seed, instant and database give the same rows.
"""

import gc
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import cast

from sqlalchemy import Connection, Engine, Table, func, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from complaints import products
from complaints.blobs import Blobs
from complaints.calendar import mainland_china
from complaints.complaint import Complaint
from complaints.customers import Contact
from complaints.database import Base
from complaints.demo.company import DOMAIN, Players
from complaints.demo.journeys import AHEAD, Author, planned
from complaints.demo.moments import Minutes
from complaints.demo.parts import Maker, Part, desk, read
from complaints.demo.post import Post
from complaints.demo.scribe import Scribe
from complaints.demo.tables import COLUMNS
from complaints.letters import Letter
from complaints.numbers import Counter
from complaints.outbox import Outgoing
from complaints.records import Investigation

PART = 2000
FEW = 200
"""Up to so many, every mail is kept as it came; beyond, the letters of a fill share the bytes of a few."""
LATELY = timedelta(weeks=10)
LONG_AGO = timedelta(days=3 * 365)
WITH_IDS = (Complaint, Investigation, Letter, Outgoing)
"""Whose ids a fill knows before their rows are written."""


def fill(
    engine: Engine,
    *,
    complaints: int,
    seed: int,
    at: datetime,
    blobs: Blobs,
    progress: Callable[[int], None] | None = None,
    zone: str = "Asia/Shanghai",
    secret: str = "demo",
    sender: str = f"complaints@{DOMAIN}",
) -> None:
    """Add complaints to the ledger: spread over all stages, most of them closed when there are many.

    `zone`, `secret` and `sender` are those of the settings, so that clocks agree with the calendar in use and an
    answer to a mail of the demo finds its complaint. `progress` hears after each transaction how many are in. Raises
    `NoCompany`."""
    with engine.connect() as connection:
        players = Players.of(connection)
        last = _given(connection)
    few = complaints <= FEW
    minutes = Minutes(mainland_china(zone=zone), at - (LATELY if few else LONG_AGO), at)
    rng = Random(seed)
    plan = planned(rng, minutes, complaints, few=few)
    author = Author(rng, minutes, few=few)
    scribe = Scribe(rng, minutes, players, Post(blobs, secret=secret, sender=sender, shared=not few))
    cut = _cut(plan)
    parts = range(len(cut))
    with _no_garbage(), TemporaryDirectory(prefix="redress-fill-", ignore_cleanup_errors=True) as folder:
        maker = Maker(author, scribe, cut, seed, last, Path(folder))
        with desk(maker, beside=len(parts) > 1) as at_desk, engine.connect() as connection:
            for n in parts[:AHEAD]:
                at_desk.ask(n)
            for n in parts:
                if n + AHEAD in parts:
                    at_desk.ask(n + AHEAD)
                part = at_desk.answer()
                with _whole(connection):
                    taken = _take(connection, part.wanted)
                    if taken != part.last:  # somebody else was given numbers meanwhile
                        part = at_desk.again(n, taken)
                    _write(connection, part)
                part.file.unlink()
                if progress:
                    progress(sum(map(len, cut[: n + 1])))
    with Session(engine) as session, session.begin():
        products.learn_all(session)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")  # or the next pages are planned for an empty ledger


def _cut(plan: Sequence[int]) -> list[Sequence[int]]:
    """The parts of a plan. The last of several is cut once more: while it is made, or written, nothing else is done."""
    parts = [plan[n : n + PART] for n in range(0, len(plan), PART)]
    if len(parts) > 1:
        last = parts.pop()
        size = -(-len(last) // 4)
        parts += [last[n : n + size] for n in range(0, len(last), size)]
    return parts


@contextmanager
def _whole(connection: Connection) -> Iterator[None]:
    """The transaction of a part, and the end of its file's stay at an SQLite connection."""
    try:
        with connection.begin():
            yield
    except BaseException:
        connection.invalidate()
        raise
    if connection.dialect.name == "sqlite":
        connection.connection.cursor().execute("DETACH part")


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Millions of rows without a cycle among them: we need not look for one every thousand."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# The numbers of a part, by kind: ids by the name of their table, yearly series by the name of their counter


def _given(connection: Connection) -> dict[str, int]:
    """The last numbers given out so far, as far as one can tell without taking any."""
    given = {model.__tablename__: _last_id(connection, model) for model in WITH_IDS}
    return given | dict(connection.execute(select(Counter.name, Counter.value)).all())


def _last_id(connection: Connection, model: type[Base]) -> int:
    if connection.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(model.__tablename__, "id")
        return connection.execute(select(func.pg_sequence_last_value(sequence))).scalar() or 0
    return connection.execute(select(func.max(model.__table__.c.id))).scalar() or 0


def _take(connection: Connection, wanted: Mapping[str, int]) -> dict[str, int]:
    """Take so many of each kind for this transaction; returns the last numbers before them."""
    last = {}
    for model in WITH_IDS:
        name = model.__tablename__
        if name in wanted:
            last[name] = _take_ids(connection, model, wanted[name])
    for name in sorted(wanted.keys() - last.keys()):
        last[name] = _take_in(connection, name, wanted[name])
    return last


def _take_ids(connection: Connection, model: type[Base], wanted: int) -> int:
    if connection.dialect.name != "postgresql":
        return _last_id(connection, model)  # nobody else writes meanwhile
    sequence = func.pg_get_serial_sequence(model.__tablename__, "id")
    ids = select(func.nextval(sequence).label("id")).select_from(func.generate_series(1, wanted)).subquery()
    while True:
        first, last = connection.execute(select(func.min(ids.c.id), func.max(ids.c.id))).one()
        if last - first + 1 == wanted:  # nobody else took one in between
            return int(first) - 1


def _take_in(connection: Connection, series: str, wanted: int) -> int:
    """See numbers.next_in."""
    insert = pg_insert if connection.dialect.name == "postgresql" else sqlite_insert
    value = connection.execute(
        insert(Counter)
        .values(name=series, value=wanted)
        .on_conflict_do_update(index_elements=["name"], set_={"value": Counter.value + wanted})
        .returning(Counter.value)
    ).scalar_one()
    return int(value) - wanted


# The rows of a part


def _write(connection: Connection, part: Part) -> None:
    """Bring a part into the ledger."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
    else:
        read(cast(sqlite3.Connection, connection.connection.driver_connection))
        connection.exec_driver_sql("ATTACH ? AS part", (str(part.file),))
    for model in COLUMNS:
        _put(connection, model, part.file)
    for address, received in sorted(part.wrote.items()):
        at = datetime.fromisoformat(received).replace(tzinfo=UTC)
        connection.execute(
            update(Contact).where(Contact.address == address, Contact.last_wrote_at < at).values(last_wrote_at=at)
        )


def _put(connection: Connection, model: type[Base], file: Path) -> None:
    """Write the rows of a table. Columns that a fill does not know get their defaults."""
    table, names = cast(Table, model.__table__), COLUMNS[model].split()
    constants = {
        column.name: column.default.arg
        for column in table.columns
        if column.name not in names and isinstance(column.default, ScalarElementColumnDefault)
    }
    quote = connection.dialect.identifier_preparer.quote
    name, defaults = quote(table.name), tuple(constants.values())
    columns = ", ".join(quote(column) for column in [*names, *constants])
    made = ", ".join(f'"{column}"' for column in names)
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        with (
            closing(sqlite3.connect(file)) as part,
            cursor.copy(f"COPY {name} ({columns}) FROM STDIN") as copy,
        ):
            read(part)
            for row in part.execute(f'SELECT {made} FROM "{table.name}"'):
                copy.write_row(row + defaults)
    else:
        made += ", ?" * len(defaults)
        connection.exec_driver_sql(f"INSERT INTO main.{name} ({columns}) SELECT {made} FROM part.{name}", defaults)
