"""The poller's door: `python -m webapp.poll`, or `flask intake poll`. Without Flask, because it runs all day."""

import json
import signal
import sys
import threading
from types import FrameType

from imapclient.exceptions import IMAPClientError

from complaints import settings
from complaints.database import open_database, sessions
from complaints.logs import configure
from complaints.settings import Settings
from intake.poller import Poller, describe, run_all
from jobs.queue import Bell, connect

NO_MAILBOX = (
    "IMAP_URL is not set, so there is no mailbox to read. "
    "Example: IMAP_URL=imaps://complaints:secret@mail.example.com:993/INBOX"
)


def poll(chosen: Settings) -> int:
    """Read every configured mailbox until told to stop."""
    if not chosen.imap:
        print(NO_MAILBOX, file=sys.stderr)
        return 2
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    run_all(chosen, sessions(open_database(chosen.database_url)), Bell(connect(chosen.redis_url)), stop)
    return 0


def poll_once(chosen: Settings) -> int:
    """Drain every configured mailbox and print what became of the messages, one JSON document a mailbox."""
    if not chosen.imap:
        print(NO_MAILBOX, file=sys.stderr)
        return 2
    make, bell, faults = sessions(open_database(chosen.database_url)), Bell(connect(chosen.redis_url)), 0
    for account in chosen.imap:
        try:
            counts = Poller(chosen, account, make, bell).once()
            print(json.dumps({"mailbox": account.name, **{k: v for k, v in sorted(counts.items()) if v}}), flush=True)
        except (OSError, IMAPClientError) as error:
            faults += 1
            print(f"{account.name}: {describe(error, account)}", file=sys.stderr)
    return 1 if faults else 0


def main() -> int:
    chosen = settings.load()
    configure(chosen.log_format)
    return poll(chosen)


if __name__ == "__main__":
    sys.exit(main())
