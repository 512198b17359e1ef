"""`flask audit …`: is the history what it was?"""

import sys
from typing import NoReturn

import click
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from complaints import history
from complaints.database import open_database, sessions
from webapp.context import settings

command = AppGroup("audit", help="The history of all complaints.")


@command.command("verify")
def verify() -> None:
    """Go through the history of every complaint and every daily anchor.

    Each change carries a hash over the one before it. One that was altered, taken out or put in later breaks the chain:
    then the first broken row is named, and the command exits 1. Changes nothing, and may run while people work.
    """
    engine = open_database(settings().database_url, readonly=True)
    try:
        with sessions(engine)() as session:
            proof = history.verify(session)
    except SQLAlchemyError as error:
        _fail(f"The history could not be read: {str(error).splitlines()[0]}")
    finally:
        engine.dispose()
    if proof.broken is not None:
        _fail(f"The history is broken at {proof.broken.where}: {proof.broken.what}.")
    click.echo(
        f"{proof.changes:,} changes of {proof.complaints:,} complaints and {proof.anchors:,} anchors: the chain holds."
    )


def _fail(text: str) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(1)
