"""`flask search …`: the index by which everything is found."""

import sys

import click
from flask.cli import AppGroup

from complaints import search_index
from complaints.database import sessions
from webapp.database import db

command = AppGroup("search", help="The index of search.")


@command.command("rebuild")
def rebuild() -> None:
    """Make the whole index anew. May run while people work, and again at any time."""
    done = 0
    for done in search_index.rebuild(sessions(db.engine)):
        click.echo(f"\r{done:,} complaints", nl=False)
    click.echo(f"\r{done:,} complaints are in the index.")


@command.command("check")
def check() -> None:
    """Say whether every complaint is in the index; exits 1 if not. Changes nothing."""
    without, waiting = search_index.missing(db.session())
    click.echo(f"{without:,} complaints are not in the index; {waiting:,} changes wait to be taken in.")
    sys.exit(bool(without))
