"""Brings a database to the newest shape: `python -m webapp.prepare`, or `upgrade(url)`, enters the procedure files that
are new, and makes known which products older complaints name; a broken procedure file stops the start. With the demo
mail server it also founds the demo company, once.

Quick when nothing is to be done: what the database holds is compared with the files before Alembic is even loaded.
"""

import hashlib
import os
import re
import secrets
import sqlite3
import sys
import tomllib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from complaints import settings
from complaints.settings import Settings

if TYPE_CHECKING:  # imported where they are used: the usual start finds nothing to do and needs none of them
    from sqlalchemy import Connection, Engine

    from complaints.demo.founding import Company

FOLDER = Path(__file__).parent.parent / "migrations"
PROCEDURES = Path(__file__).parent.parent / "complaints" / "procedures"
COMPANIES = Path(__file__).parent.parent / "complaints" / "demo" / "companies"
SQLITE = "sqlite:///"
WRONG_USE = 2


def head() -> str:
    """The newest migration: the one that no other names as its predecessor."""
    sources = [path.read_text(encoding="utf-8") for path in (FOLDER / "versions").glob("*.py")]
    revisions = {m[1] for s in sources if (m := re.search(r'^revision = "(\w+)"', s, re.M))}
    followed = {m[1] for s in sources if (m := re.search(r'^down_revision = "(\w+)"', s, re.M))}
    return (revisions - followed).pop()


def current(connection: "Connection") -> str | None:
    """The migration a database is at."""
    from sqlalchemy import inspect, text

    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("select version_num from alembic_version")).scalar()


def upgrade(url: str, target: str = "head") -> None:
    """Walk a database up to a migration (default: the newest)."""
    _walk(url, target, up=True)


def downgrade(url: str, target: str = "base") -> None:
    """Walk a database down to a migration (default: nothing)."""
    _walk(url, target, up=False)


def _walk(url: str, target: str, *, up: bool) -> None:
    from complaints.database import open_database

    engine = open_database(url)
    try:
        with engine.connect() as connection:
            if up and target == "head" and current(connection) == head():
                return
            connection.rollback()
            from alembic import command  # slow to load, and seldom needed
            from alembic.config import Config

            config = Config()
            config.set_main_option("script_location", str(FOLDER))
            config.attributes["connection"] = connection
            if url.startswith(SQLITE):  # a table that is made anew is dropped for a moment, with rows that point at it
                connection.connection.execute("pragma foreign_keys=off")
            (command.upgrade if up else command.downgrade)(config, target)
            connection.commit()
    finally:
        engine.dispose()


def procedure_files(data: Path) -> tuple[list[Path], list[Path]]:
    """The procedure files that come with the house, and the company's own in its data folder."""
    return sorted(PROCEDURES.glob("*.toml")), sorted((data / "procedures").glob("*.toml"))


def nothing_to_do(chosen: Settings) -> bool:
    """A quick look into an SQLite file: is it at the newest migration, has it every procedure file, and is somebody in
    it already?"""
    file = Path(chosen.database_url.removeprefix(SQLITE))
    if not chosen.database_url.startswith(SQLITE) or not file.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            (at,) = connection.execute("select version_num from alembic_version").fetchone()
            entered = {sha256 for (sha256,) in connection.execute("select sha256 from procedure_version")}
            (filled,) = connection.execute("select count(*) from complaint").fetchone()
            (played,) = connection.execute("select count(*) from letter where message_id like 'story.%'").fetchone()
        files = [path for folder in procedure_files(chosen.data) for path in folder]
        here = {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    except (sqlite3.Error, TypeError, OSError):
        return False
    whole = played >= stories(chosen.demo_company) if chosen.demo_company else filled
    return at == head() and here <= entered and bool(whole or chosen.demo_mail is None)


def stories(company: str) -> int:
    """How many complaints a demo company of another trade begins with."""
    return len(tomllib.loads((COMPANIES / f"{company}.toml").read_text(encoding="utf-8"))["story"])


def settle_procedures(chosen: Settings) -> str:
    """Enter the procedure files that are new, and the working calendar of a house that has none; returns everything
    that is wrong with any of the files, line by line."""
    from complaints import calendars
    from complaints.database import open_database, sessions, transaction
    from complaints.procedure_file import BadProcedure
    from complaints.procedure_store import settle

    shipped, own = procedure_files(chosen.data)
    engine = open_database(chosen.database_url)
    try:
        with transaction(sessions(engine)) as session:
            settle(session, shipped=shipped, own=own, at=datetime.now(UTC))
            calendars.seed(session, chosen.timezone, at=datetime.now(UTC))
        return ""
    except BadProcedure as bad:
        return str(bad)
    finally:
        engine.dispose()


def learn_products(chosen: Settings) -> None:
    """Make the products known that a ledger named before there was a list of them."""
    from complaints import procedure_store, products
    from complaints.database import open_database, sessions, transaction

    engine = open_database(chosen.database_url)
    try:
        with transaction(sessions(engine)) as session:
            procedure_store.load_known(session)
            products.learn_all(session)
    finally:
        engine.dispose()


def found_demo(chosen: Settings) -> None:
    """The demo company with its staff, customers and complaints, in a database that holds nobody yet."""
    from sqlalchemy import func, select

    from complaints.blobs import Blobs
    from complaints.complaint import Complaint
    from complaints.database import open_database, sessions, transaction
    from complaints.people import User

    engine = open_database(chosen.database_url)
    try:
        with engine.connect() as connection:
            people, complaints = (connection.scalar(select(func.count()).select_from(t)) for t in (User, Complaint))
        if chosen.demo_company:
            _play(chosen, engine, new=not people)
            return
        if people and complaints:
            return
        from complaints.demo.company import TARROWMILL
        from complaints.demo.fill import fill

        if not people:
            password = _let_in(chosen, TARROWMILL)
            with transaction(sessions(engine)) as session:
                TARROWMILL.found(session, at=datetime.now(UTC), password=password)
        fill(
            engine, complaints=60, seed=1, at=datetime.now(UTC), blobs=Blobs(chosen.blobs), zone=chosen.timezone,
            secret=chosen.secret_key, sender=chosen.mail_from,
        )  # fmt: skip
    finally:
        engine.dispose()


def _let_in(chosen: Settings, company: "Company") -> str:
    """Who can sign in to the demo, and with which password, is written to `demo-logins.txt` (0600) before they can, so
    that a start that was cut short is made up for by the next. Returns the password."""
    password, file = secrets.token_urlsafe(6), chosen.data / "demo-logins.txt"
    lines = [f"{who.email:<36} {password}  {who.name}, {', '.join(who.roles)}" for who in company.logins()]
    file.unlink(missing_ok=True)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    return password


def _play(chosen: Settings, engine: "Engine", *, new: bool) -> None:
    """The demo company of another trade, as far as it is not there."""
    from complaints.blobs import Blobs
    from complaints.database import sessions
    from complaints.demo import player, trades

    trade = trades.read(chosen.demo_company)
    with sessions(engine)() as session:
        if not new and not trade.company.is_founded(session):
            return
    player.play(
        engine, trade, at=datetime.now(UTC), blobs=Blobs(chosen.blobs), zone=chosen.timezone, secret=chosen.secret_key,
        password=_let_in(chosen, trade.company) if new else "",
    )  # fmt: skip


def main() -> int:
    os.umask(0o077)  # customers' data is nobody else's on this machine
    chosen = settings.load()
    known = sorted(path.stem for path in COMPANIES.glob("*.toml"))
    if chosen.demo_company and chosen.demo_company not in known:
        print(f"DEMO_COMPANY is {chosen.demo_company!r}; it must be one of {', '.join(known)}.", file=sys.stderr)
        return WRONG_USE
    if nothing_to_do(chosen):
        return 0
    if chosen.database_url.startswith(SQLITE):
        Path(chosen.database_url.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    upgrade(chosen.database_url)
    if faults := settle_procedures(chosen):
        print(faults, file=sys.stderr)
        return WRONG_USE
    learn_products(chosen)
    if chosen.demo_mail is not None:
        found_demo(chosen)
    return 0


if __name__ == "__main__":
    sys.exit(main())
