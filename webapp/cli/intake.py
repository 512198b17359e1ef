"""`flask intake …`: the way of customers' mail."""

import sys

import click
from flask.cli import AppGroup

from webapp import poll as poller
from webapp.context import settings

command = AppGroup("intake", help="The way of customers' mail.")


@command.command("poll")
@click.option("--once", is_flag=True, help="Drain every mailbox, print what became of the messages, and exit.")
def poll(once: bool) -> None:
    """Read every configured mailbox and take in what is there."""
    sys.exit((poller.poll_once if once else poller.poll)(settings()))
