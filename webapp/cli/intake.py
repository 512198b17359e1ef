"""`flask intake …`: the way of customers' mail."""

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
from flask.cli import AppGroup
from imapclient.exceptions import IMAPClientError
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import open_database, sessions
from complaints.letters import Sighting
from complaints.logs import configure
from complaints.settings import ImapAccount
from intake import doors
from intake import reconcile as reconcile_
from intake.explain import Explainer
from intake.poller import describe
from intake.record import Outcome
from jobs.queue import Bell, connect
from webapp import poll as poller
from webapp.context import settings

EX_TEMPFAIL = 75
"""sysexits.h: the mail server keeps the message and tries again."""

command = AppGroup("intake", help="The way of customers' mail.")


@command.command("poll")
@click.option("--once", is_flag=True, help="Drain every mailbox, print what became of the messages, and exit.")
@click.option("--mailbox", "names", multiple=True, help="Only this mailbox, by its name; may be repeated.")
def poll(once: bool, names: tuple[str, ...]) -> None:
    """Read every configured mailbox and take in what is there."""
    sys.exit((poller.poll_once if once else poller.poll)(settings(), names))


@command.command("deliver")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def deliver(files: tuple[Path, ...]) -> None:
    """Take raw messages from FILES, or one from standard input: for a mail server's pipe, or for mail at hand.

    Prints what became of each as a line of JSON. Exits 75 (try again later) if one could not be stored."""
    make, bell = _parts()
    failed = 0
    for file in files or (None,):
        try:
            raw = file.read_bytes() if file else sys.stdin.buffer.read()
            if not raw.strip():
                raise click.UsageError(
                    "There is no message on standard input." if file is None else f"{file} is empty."
                )
            for outcome in doors.deliver(settings(), make, bell, [raw]):
                click.echo(_line(outcome))
        except click.UsageError:
            raise
        except Exception as error:  # whatever it is: the mail server still has the message, and nobody else
            if file and not file.exists():
                raise click.UsageError(f"{file} does not exist.") from None
            failed += 1
            click.echo(f"{file or 'The message'} could not be stored: {_first_line(error)}. Try again.", err=True)
    if failed:
        sys.exit(EX_TEMPFAIL)


@command.command("import")
@click.argument("path", type=click.Path(path_type=Path))
def import_(path: Path) -> None:
    """Take in old mail from a Maildir or an mbox file at PATH. Nobody is written to, no clock starts.

    A run that was cut short is taken up where it was: give the same command again."""
    try:
        old = doors.backlog(path)
    except (FileNotFoundError, ValueError) as error:
        raise click.UsageError(f"{error}. Give a Maildir folder or an mbox file.") from None
    make, bell = _parts()
    counts: Counter[str] = Counter()
    doors.go_on(settings(), make, bell)
    with click.progressbar(length=old.count, label=path.name, file=sys.stderr) as bar:

        def new() -> Iterator[bytes]:
            for raw in doors.not_imported(make, old):
                if raw is None:
                    counts["imported before"] += 1
                    bar.update(1)
                else:
                    yield raw

        for outcome in doors.deliver(settings(), make, bell, new(), door="import"):
            counts[outcome.outcome] += 1
            bar.update(1)
    click.echo(json.dumps({"messages": old.count, **counts}))


@command.command("explain")
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--jsonl", is_flag=True, help='Lines {"id", "raw": "<base64>"} on standard input, one answer for each.')
def explain(file: Path | None, jsonl: bool) -> None:
    """What a message would become. Touches no database."""
    chosen = settings()
    own = [address for address in (chosen.mail_from, chosen.bounce_address) if address]
    with Explainer(own_addresses=own, own_message_domain=chosen.message_domain, limit=chosen.mail_limit) as explainer:
        if jsonl:
            for line in explainer.lines(sys.stdin.buffer):
                print(line, flush=True)
            return
        told = explainer.explain(file.read_bytes() if file else sys.stdin.buffer.read())
    click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    if told["error"]:
        sys.exit(1)


@command.command("reconcile")
@click.option("--json", "as_json", is_flag=True, help="One JSON document for each mailbox.")
def reconcile(as_json: bool) -> None:
    """Compare every message in every mailbox with the ledger. Exits 1 if one is unaccounted for."""
    make, _ = _parts()
    whole = True
    for mailbox in _mailboxes(make):
        try:
            (found,) = reconcile_.reconcile(settings(), make, [mailbox])
        except (OSError, IMAPClientError) as error:
            whole = False
            click.echo(f"{mailbox[1].name} could not be read: {describe(error, mailbox[1])}", err=True)
            continue
        whole = whole and found.whole
        click.echo(json.dumps(found.as_json()) if as_json else found.sentence())
    sys.exit(0 if whole else 1)


@command.command("recover")
def recover() -> None:
    """Take in what the Processed folders hold and the ledger does not: after a backup was restored.

    Nobody is written to again, and nothing that the ledger knows is taken twice."""
    make, bell = _parts()
    counts: Counter[str] = Counter()
    failed = False
    for mailbox in _mailboxes(make):
        try:
            counts += Counter(o.outcome for o in reconcile_.recover(settings(), make, bell, [mailbox]))
        except (OSError, IMAPClientError) as error:
            failed = True
            click.echo(f"{mailbox[1].name} could not be read: {describe(error, mailbox[1])}", err=True)
    click.echo(json.dumps(counts))
    sys.exit(1 if failed else 0)


@command.command("retry")
@click.argument("ids", nargs=-1, type=int)
@click.option("--all", "everything", is_flag=True, help="Everything that is quarantined.")
def retry(ids: tuple[int, ...], everything: bool) -> None:
    """Take quarantined messages through again: the ones with these IDS, or all. Exits 1 if one stays quarantined."""
    if bool(ids) == everything:
        raise click.UsageError("Give the ids of quarantined messages, or --all.")
    make, bell = _parts()
    if everything:
        with make() as session:
            ids = tuple(session.scalars(select(Sighting.id).where(Sighting.outcome == "quarantined")))
    outcomes = doors.retry(settings(), make, bell, ids)
    for outcome in outcomes:
        click.echo(_line(outcome))
    if missing := set(ids) - {outcome.sighting_id for outcome in outcomes}:
        click.echo(f"Not quarantined: {', '.join(map(str, sorted(missing)))}", err=True)
    sys.exit(1 if missing or any(outcome.outcome == "quarantined" for outcome in outcomes) else 0)


def _parts() -> tuple[sessionmaker[Session], Bell]:
    configure(settings().log_format, least=logging.WARNING)  # each message is told on standard output
    return sessions(open_database(settings().database_url)), Bell(connect(settings().redis_url))


def _mailboxes(make: sessionmaker[Session]) -> list[tuple[int, ImapAccount]]:
    found = poller.mailboxes_of(settings(), make)
    if not found:
        raise click.UsageError(poller.NO_MAILBOX)
    return found


def _line(outcome: Outcome) -> str:
    return json.dumps(
        {
            "outcome": outcome.outcome, "complaint": outcome.number, "reason": outcome.reason,
            "incoming_id": outcome.sighting_id,
        }
    )  # fmt: skip


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
