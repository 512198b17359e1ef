"""`flask doctor`: is every configured part reachable and sane?"""

import smtplib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session, sessionmaker

from complaints import health
from complaints.database import sessions, transaction
from complaints.health import Finding
from complaints.mailboxes import Mailbox, configured
from complaints.settings import Settings
from intake.accounts import account, ensure_environment_rows
from intake.check import check, well
from jobs import paper
from jobs.sending import Connection
from webapp.context import settings
from webapp.database import db
from webapp.health import findings


@click.command("doctor")
@with_appcontext
def command() -> None:
    """Check database, Redis, IMAP, SMTP, blob store, clock, printing: one line each. Exits 1 if anything is wrong."""
    chosen = settings()
    found = findings()
    db.session.rollback()  # a look must not keep others from writing
    if found[0].well:
        found += _mailboxes(chosen)
    found.append(_smtp(chosen))
    found.append(health.check("clock", lambda: health.clock(db.session(), datetime.now(UTC))))
    found.append(health.check("printing", _printing))
    for finding in found:
        click.echo(f"{'ok  ' if finding.well else 'FAIL'}  {finding.part}: {finding.text}")
    if not all(finding.well for finding in found):
        sys.exit(1)


def _mailboxes(chosen: Settings) -> Iterator[Finding]:
    """Every mailbox that is read or paused, gone through step by step as the settings page does it."""
    make = sessions(db.engine)
    with transaction(make) as session:
        ensure_environment_rows(session, chosen)
        rows = configured(session)
    for row in rows:
        yield health.check(f"IMAP {row.name}", partial(_look, row, chosen, make))


def _look(row: Mailbox, chosen: Settings, make: sessionmaker[Session]) -> str:
    steps = check(account(row, chosen, make))
    told = [sentence.in_(str, "en") for step in steps for sentence in (step.said, step.mend) if sentence]
    if not well(steps):
        raise health.Unwell(" ".join(told[-2:]))
    return " ".join(told)


def _printing() -> str:
    if lacking := paper.missing():
        raise health.Unwell(f"no PDF without {', '.join(lacking)}: {paper.INSTALL}")
    if not (face := paper.face()):
        raise health.Unwell(f"no font that draws Chinese as in mainland China: {paper.INSTALL}")
    return f"PDF in {face}"


def _smtp(chosen: Settings) -> Finding:
    def look() -> str:
        if chosen.smtp is None:
            raise health.Unwell("SMTP_URL is not set; no mail can leave")
        with Connection(chosen.smtp) as connection:
            code, _ = connection.host.noop()
            if code != 250:
                raise smtplib.SMTPResponseException(code, "NOOP refused")
        return f"{chosen.smtp.host}:{chosen.smtp.port} answers"

    return health.check("SMTP", look)
