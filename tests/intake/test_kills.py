"""The poller and the worker are killed at every step; afterwards there is one draft and one acknowledgement.

Each test forks a real process that kills itself with SIGKILL at a named point, then lets a new one finish the work.
"""

import multiprocessing
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import failpoints
from complaints.complaint import Complaint
from complaints.database import open_database, sessions
from complaints.letters import Letter, Sighting
from complaints.outbox import Outgoing
from complaints.settings import Settings
from complaints.visits import StageVisit
from intake.poller import Poller
from jobs.sending import Sender
from tests.intake.conftest import Bell
from tests.intake.letters import a_mail
from tests.rigs.dovecot import Account
from tests.rigs.smtp import SmtpServer

POLLER = ["P3.after", "P4.before_sync", "P4.after", "P5a.before_commit", "P5a.after_commit", "P6.before_move",
          "P6.after", "P5b.before", "P5c.before_commit", "P5c.after_commit", "P7.before"]  # fmt: skip
WORKER = ["P8.claimed", "P9.handed_over", "P9.dot_sent", "P10.reply_read", "P11.before_commit", "P11.after_commit"]
AMBIGUOUS = {"P9.dot_sent", "P10.reply_read", "P11.before_commit"}


def poll_once(chosen: Settings) -> None:
    make = sessions(open_database(chosen.database_url))
    Poller(chosen, chosen.imap[0], make, Bell()).once()


def send_at(chosen: Settings, at: datetime) -> None:
    Sender(chosen, sessions(open_database(chosen.database_url)), clock=lambda: at).drain()


def killed_at(point: str, work: Callable[..., None], *arguments: object) -> None:
    """Run in a process of its own, and see it die at the point."""

    def go() -> None:
        failpoints._order = f"{point}:kill"
        work(*arguments)

    process = multiprocessing.get_context("fork").Process(target=go)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL, f"{point} was never passed (exit code {process.exitcode})"


def counts(make: sessionmaker[Session]) -> dict[str, int]:
    with make() as session:
        return {
            table.__name__: session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Complaint, Letter, Outgoing, StageVisit)
        }


@pytest.mark.parametrize("point", POLLER)
def test_a_poller_killed_at_any_step_leaves_one_draft_and_one_acknowledgement(
    point: str, chosen: Settings, mailbox_account: Account, make: sessionmaker[Session], smtp: SmtpServer
) -> None:
    mailbox_account.append(a_mail())
    killed_at(point, poll_once, chosen)
    poll_once(chosen)
    poll_once(chosen)
    assert counts(make) == {"Complaint": 1, "Letter": 1, "Outgoing": 1, "StageVisit": 1}
    with make() as session:
        assert session.scalars(select(Sighting.outcome)).all() == ["drafted"]
    assert mailbox_account.count() == 0
    assert mailbox_account.count("Processed") == 1
    send_at(chosen, datetime.now(UTC))
    assert len(smtp.mails) == 1


@pytest.mark.parametrize("point", WORKER)
def test_a_worker_killed_at_any_step_sends_once_or_repeats_once_with_the_same_message_id(
    point: str, chosen: Settings, mailbox_account: Account, make: sessionmaker[Session], smtp: SmtpServer
) -> None:
    mailbox_account.append(a_mail())
    poll_once(chosen)
    now = datetime.now(UTC)
    killed_at(point, send_at, chosen, now)
    send_at(chosen, now)
    for minutes in (3, 6, 600):
        send_at(chosen, now + timedelta(minutes=minutes))
    with make() as session:
        row = session.scalars(select(Outgoing)).one()
    assert row.state == "sent"
    assert 1 <= len(smtp.mails) <= 1 + (point in AMBIGUOUS)
    assert len(smtp.mails) <= 1 + row.ambiguous
    assert len({mail.message_id for mail in smtp.mails}) == 1
