"""`flask doctor`: is every configured part reachable and sane?"""

import smtplib
import sys
from datetime import UTC, datetime

import click
from flask.cli import with_appcontext

from complaints import health
from complaints.health import Finding
from complaints.settings import ImapAccount, Settings
from intake.mailbox import Mailbox
from jobs.sending import Connection
from webapp.context import settings
from webapp.database import db
from webapp.health import findings


@click.command("doctor")
@with_appcontext
def command() -> None:
    """Check database, Redis, IMAP, SMTP, blob store and clock: one line each. Exits 1 if anything is wrong."""
    chosen = settings()
    found = [*findings(), *(_imap(account, chosen) for account in chosen.imap), _smtp(chosen)]
    found.append(health.check("clock", lambda: health.clock(db.session(), datetime.now(UTC))))
    for finding in found:
        click.echo(f"{'ok  ' if finding.well else 'FAIL'}  {finding.part}: {finding.text}")
    if not all(finding.well for finding in found):
        sys.exit(1)


def _imap(account: ImapAccount, chosen: Settings) -> Finding:
    def look() -> str:
        with Mailbox(account, limit=chosen.mail_limit) as mailbox:
            ways = [name for name, has in (("IDLE", mailbox.can_idle), ("MOVE", mailbox.can_move)) if has]
            return f"{len(mailbox.uids())} messages, {' '.join(ways) or 'neither IDLE nor MOVE'}"

    return health.check(f"IMAP {account.name}", look)


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
