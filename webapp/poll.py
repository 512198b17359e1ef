"""The poller's door: `python -m webapp.poll`, or `flask intake poll`. Without Flask, because it runs all day."""

import json
import signal
import sys
import threading
from collections.abc import Collection
from types import FrameType

from imapclient.exceptions import IMAPClientError
from sqlalchemy.orm import Session, sessionmaker

from complaints import settings
from complaints.database import open_database, sessions, transaction
from complaints.errors import ComplaintError
from complaints.logs import configure
from complaints.mailboxes import polled
from complaints.settings import ImapAccount, Settings
from intake.accounts import account, ensure_environment_rows
from intake.poller import Poller, describe
from intake.pollers import run_all
from jobs.queue import Bell, connect

NO_MAILBOX = (
    "There is no mailbox to read. Add one in Settings, or set IMAP_URL. "
    "Example: IMAP_URL=imaps://complaints:secret@mail.example.com:993/INBOX"
)


def poll(chosen: Settings, names: Collection[str] = ()) -> int:
    """Read every mailbox that is configured, or those of these names, until told to stop."""
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    run_all(chosen, sessions(open_database(chosen.database_url)), Bell(connect(chosen.redis_url)), stop, names=names)
    return 0


def poll_once(chosen: Settings, names: Collection[str] = ()) -> int:
    """Drain the mailboxes and print what became of the messages, one JSON document a mailbox."""
    make, bell, faults = sessions(open_database(chosen.database_url)), Bell(connect(chosen.redis_url)), 0
    found = mailboxes_of(chosen, make, names)
    if not found:
        print(NO_MAILBOX, file=sys.stderr)
        return 2
    for mailbox_id, entered in found:
        try:
            counts = Poller(chosen, entered, make, bell, mailbox_id=mailbox_id).once()
            print(json.dumps({"mailbox": entered.name, **{k: v for k, v in sorted(counts.items()) if v}}), flush=True)
        except (OSError, IMAPClientError) as error:
            faults += 1
            print(f"{entered.name}: {describe(error, entered)}", file=sys.stderr)
    return 1 if faults else 0


def mailboxes_of(
    chosen: Settings, make: sessionmaker[Session], names: Collection[str] = ()
) -> list[tuple[int, ImapAccount]]:
    """The mailboxes that are read now: their rows' ids and how to enter them. One that cannot be entered is told on
    standard error and left out."""
    found: list[tuple[int, ImapAccount]] = []
    with transaction(make) as session:
        ensure_environment_rows(session, chosen)
        for row in polled(session):
            if not names or row.name in names:
                try:
                    found.append((row.id, account(row, chosen, make)))
                except ComplaintError as error:
                    print(f"{row.name}: {error}", file=sys.stderr)
    return found


def main() -> int:
    chosen = settings.load()
    configure(chosen.log_format)
    return poll(chosen)


if __name__ == "__main__":
    sys.exit(main())
