"""Brings a database to the newest shape: `python -m webapp.prepare`, or `upgrade(url)`.

Quick when nothing is to be done: the version in the database is compared with the newest file before Alembic is even
loaded.
"""

import re
import sys
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from complaints import settings
from complaints.database import open_database

FOLDER = Path(__file__).parent.parent / "migrations"


def head() -> str:
    """The newest migration: the one that no other names as its predecessor."""
    sources = [path.read_text(encoding="utf-8") for path in (FOLDER / "versions").glob("*.py")]
    revisions = {m[1] for s in sources if (m := re.search(r'^revision = "(\w+)"', s, re.M))}
    followed = {m[1] for s in sources if (m := re.search(r'^down_revision = "(\w+)"', s, re.M))}
    return (revisions - followed).pop()


def current(connection: Connection) -> str | None:
    """The migration a database is at."""
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
            (command.upgrade if up else command.downgrade)(config, target)
            connection.commit()
    finally:
        engine.dispose()


def main() -> int:
    try:
        chosen = settings.load()
        if chosen.database_url.startswith("sqlite:///"):
            Path(chosen.database_url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        upgrade(chosen.database_url)
    except settings.BadSetting as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
