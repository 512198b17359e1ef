"""`flask audit …`: is the history what it was?"""

import sys

import click
from flask.cli import AppGroup

from complaints import history
from complaints.database import open_database, sessions
from webapp.context import settings

command = AppGroup("audit", help="The history of all complaints.")


@command.command("verify")
def verify() -> None:
    """Go through every complaint's chain of changes and every daily anchor. Exits 1 and names the first broken row."""
    with sessions(open_database(settings().database_url, readonly=True))() as session:
        proof = history.verify(session)
    if proof.broken is not None:
        click.echo(f"Broken at {proof.broken.where}: {proof.broken.what}.", err=True)
        sys.exit(1)
    click.echo(
        f"{proof.changes} changes of {proof.complaints} complaints and {proof.anchors} anchors: the chain holds."
    )
