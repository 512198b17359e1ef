"""`flask ledger …`: the ledger as a file."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from flask.cli import AppGroup
from flask_babel import force_locale

from complaints import ledger as question
from complaints.ledger import Range, Wanted
from complaints.ledger_columns import columns
from complaints.people import SYSTEM
from webapp import ledger_files
from webapp.context import settings
from webapp.database import db
from webapp.ledger import title

command = AppGroup("ledger", help="The ledger of complaints.")
DAY = click.DateTime(["%Y-%m-%d"])


@command.command("export")
@click.option("--format", "kind", type=click.Choice(["xlsx", "csv"]), required=True)
@click.option("--from", "first", type=DAY, help="Received on this day or later.")
@click.option("--to", "last", type=DAY, help="Received on this day or earlier.")
@click.option("--locale", type=click.Choice(["en", "zh_CN"]), default="en", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, writable=True, path_type=Path), required=True)
def export(kind: str, first: datetime | None, last: datetime | None, locale: str, out: Path) -> None:
    """Write every column of every complaint to a file, those that left the board with them; how many is said at the
    end. A file that is there is replaced when the new one is whole."""
    if first and last and first > last:
        raise click.UsageError("--from is after --to")
    received = Range(first.date() if first else None, last.date() if last else None)
    at, zone, all_ = datetime.now(UTC), settings().zone, tuple(columns().all.values())
    where = (("received_at", received),) if first or last else ()
    wanted = Wanted(state=question.WHOLE, descending=False, where=where)
    rows = question.every(db.session(), SYSTEM, wanted, at=at, zone=zone, keys=[each.key for each in all_])
    part = out.with_name(f"{out.name}.part")
    written = 0

    def counted(number: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{number:,}", nl=False, err=True)

    with force_locale(locale):
        if kind == "xlsx":
            with part.open("wb") as file:
                sub = f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
                written = ledger_files.write_xlsx(file, all_, rows, title=title(), sub=sub, progress=counted)
        else:
            with part.open("w", encoding="utf-8", newline="") as text:
                for lines in ledger_files.csv_lines(all_, rows):
                    text.write(lines)
            with part.open(encoding="utf-8", newline="") as text:
                written = ledger_files.rows_in(text)
    part.replace(out)
    click.echo(f"{written:,} complaints are in {out}.")
