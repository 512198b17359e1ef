"""`flask clocks …`: what time makes due, at any moment."""

import sys
from datetime import UTC, datetime

import click
from flask.cli import AppGroup

from complaints import duties
from complaints.database import sessions
from webapp.context import engine, zone
from webapp.database import db

command = AppGroup("clocks", help="What time makes due.")


@command.command("run")
@click.option("--at", "moment", metavar="ISO", help="As if it were this moment, such as 2026-09-17T09:00+08:00.")
def run(moment: str | None) -> None:
    """Do whatever is due: warnings, overdue notices, escalations, proposals, digests.

    May be repeated: what was done for a moment is not done again. Without --at it is now. A time without an offset is
    read in the organisation's time zone.
    """
    try:
        at = datetime.fromisoformat(moment) if moment else datetime.now(UTC)
    except ValueError:
        click.echo(f"{moment!r} is no moment. Write it like 2026-09-17T09:00+08:00.", err=True)
        sys.exit(2)
    at = at if at.utcoffset() is not None else at.replace(tzinfo=zone())
    for name, done in duties.run(sessions(db.engine), at.astimezone(UTC), engine()).items():
        click.echo(f"{name}: {done}")
