"""`flask demo …`: the demo company and as many complaints of it as one likes."""

import sqlite3
import sys
import time
from datetime import UTC, datetime

import click
from flask.cli import AppGroup
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from complaints.blobs import Blobs
from complaints.database import sessions, transaction
from complaints.demo import company as demo
from complaints.demo.fill import fill as fill_ledger
from complaints.errors import ComplaintError
from complaints.people import User
from webapp.context import settings
from webapp.database import db

command = AppGroup("demo", help="The demo company and its complaints. Not for a ledger in use.")
password_option = click.option(
    "--password",
    metavar="TEXT",
    help=f"The password of all its staff, when the company is founded (default: {demo.PASSWORD}).",
)


@command.command("company")
@password_option
def company(password: str | None) -> None:
    """Found the demo company: departments, 12 staff, 8 customers. Prints who can sign in; founds it once only."""
    with transaction(sessions(db.engines[None])) as session:
        if demo.founded(session):
            click.echo("The demo company is there already; its passwords stay as they are.", err=True)
            password = None
        else:
            password = _found(session, password)
    for line in demo.sign_ins(password):
        click.echo(line)


@command.command("fill")
@click.option("--complaints", type=click.IntRange(1), default=1000, show_default=True, help="How many to add.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed tells other stories.")
@password_option
def fill(complaints: int, seed: int, password: str | None) -> None:
    """Add believable complaints to the ledger, in English and Chinese, with mails, clocks and history.

    They are spread over all stages; of many, one in twenty is open. Up to 200 are of the last ten weeks, more are of
    the last three years. What is in the ledger stays, and numbers go on. Founds the demo company if it is not there.
    """
    engine, chosen = db.engines[None], settings()
    with transaction(sessions(engine)) as session:
        if not demo.founded(session):
            password = _found(session, password)
            click.echo(f"Founded the demo company; everybody's password is {password} (flask demo company lists them).")
    begun = time.monotonic()

    def progress(done: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{done:,} of {complaints:,}", nl=False, err=True)

    try:
        fill_ledger(
            engine,
            complaints=complaints,
            seed=seed,
            at=datetime.now(UTC),
            blobs=Blobs(chosen.blobs),
            progress=progress,
            zone=chosen.timezone,
            secret=chosen.secret_key,
            sender=chosen.mail_from,
        )
    except (LookupError, OSError, SQLAlchemyError, sqlite3.Error) as error:
        _fail(f"The fill ended early; what was committed is whole and stays. {error}", 1)
    took = time.monotonic() - begun
    if sys.stderr.isatty():
        click.echo("\r", nl=False, err=True)
    click.echo(f"Added {complaints:,} complaints in {took:.1f} s: {complaints / took:,.0f} a second.")


def _found(session: Session, password: str | None) -> str:
    """Found the company and return its password. Staff whose password is in a manual are no guests in a ledger that
    has accounts of its own."""
    if password is None and session.scalar(select(func.count()).select_from(User)):
        _fail("This ledger has accounts of its own. Name a password for the demo company's staff: --password TEXT", 2)
    password = password or demo.PASSWORD
    try:
        demo.company(session, at=datetime.now(UTC), password=password)
    except ComplaintError as error:
        _fail(str(error), 2)
    return password


def _fail(text: str, code: int) -> None:
    click.echo(text, err=True)
    sys.exit(code)
