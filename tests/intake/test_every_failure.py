"""The n-th failure loop: five mails are taken in and answered, and the process fails at its first failpoint, at its
second, and so on, until a run gets through. After each failure a new process finishes the work, and nothing is lost,
nothing twice.

Every point fails by an exception; each day another fifth of them, with REDRESS_SOAK=1 all of them, by SIGKILL as well.
"""

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import failpoints
from complaints.blobs import Blobs
from complaints.complaint import Complaint
from complaints.database import open_database, sessions
from complaints.failpoints import Failpoint
from complaints.letters import Attachment, Letter, Sighting
from complaints.outbox import Outgoing
from complaints.settings import Settings, imap_account, smtp_server
from intake import doors
from intake.poller import Poller
from jobs.sending import Sender
from tests.intake.conftest import Bell
from tests.intake.letters import a_mail
from tests.intake.test_routing import a_bounce
from tests.rigs.dovecot import Account, Dovecot
from tests.rigs.smtp import SmtpServer

SOAK = bool(os.environ.get("REDRESS_SOAK"))
SHARES = 4
"""Parts in which the points are gone through, side by side."""
HOSTILE = b"From: x@y.example\r\nSubject: deep\r\n" + b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(40)
)
"""Nested deeper than anybody may."""


class World:
    """A ledger with one complaint, its customer's mailbox, and five new mails in ours."""

    def __init__(self, chosen: Settings, mailbox: Account, smtp: SmtpServer) -> None:
        self.chosen, self.mailbox, self.smtp = chosen, mailbox, smtp
        self.sent_before = len(smtp.mails)
        self.make: sessionmaker[Session] = sessions(open_database(chosen.database_url))
        (first,) = doors.deliver(chosen, self.make, Bell(), [a_mail(message_id="<first@quell.example>")])
        self.first = first.complaint_id
        with self.make() as session:
            cited = f"<{session.scalars(select(Outgoing.message_id)).one()}>"
        mailbox.append_all(
            [
                a_mail("plain", sender="a@one.example", message_id="<plain@one.example>"),
                a_mail(
                    "files", sender="b@two.example", message_id="<f@two.example>", attach=("a.bin", os.urandom(999))
                ),
                a_mail("answer", message_id="<answer@quell.example>", in_reply_to=cited),
                a_bounce(cited),
                HOSTILE,
            ]
        )

    def work(self) -> None:
        """What poller and worker do, in one process."""
        make = sessions(open_database(self.chosen.database_url))
        Poller(self.chosen, self.chosen.imap[0], make, Bell()).once()
        Sender(self.chosen, make).drain()

    def heal(self) -> None:
        """Two new processes of each, after the leases have ended."""
        for minutes in (0, 3, 6, 60):
            Poller(self.chosen, self.chosen.imap[0], self.make, Bell()).once()
            later = timedelta(minutes=minutes)
            Sender(self.chosen, self.make, clock=lambda later=later: datetime.now(UTC) + later).drain()

    def check(self) -> None:
        """The invariants: everything once, nothing half done, everybody told."""
        with self.make() as session:
            outcomes = sorted(session.scalars(select(Sighting.outcome).where(Sighting.mailbox_id.is_not(None))))
            assert outcomes == ["drafted", "drafted", "event", "joined", "quarantined"]
            assert session.scalar(select(func.count()).select_from(Complaint)) == 3
            assert session.scalar(select(func.count()).select_from(Letter)) == 5
            assert session.get_one(Complaint, self.first).unread_count == 2
            blobs = Blobs(self.chosen.blobs)
            for name in (*session.scalars(select(Sighting.raw)), *session.scalars(select(Attachment.blob))):
                blobs.get(name or "")
            mails = session.scalars(select(Outgoing)).all()
            assert {mail.state for mail in mails} == {"sent"}
            sent = [mail.message_id.strip("<>") for mail in self.smtp.mails[self.sent_before :]]
            assert set(sent) == {mail.message_id for mail in mails}
            assert len(mails) == 3
            assert len(sent) - len(set(sent)) <= sum(mail.ambiguous for mail in mails)
        assert (self.mailbox.count(), self.mailbox.count("Processed")) == (0, 5)


@contextmanager
def failing(order: str) -> Iterator[None]:
    failpoints._passes.clear()
    failpoints._order = order
    try:
        yield
    finally:
        failpoints._order = ""


def raised(world: World, n: int) -> bool:
    """Did the n-th point fail? False when the run got through before."""
    try:
        with failing(f"*:raise:{n}"):
            world.work()
    except Failpoint:
        return True
    return failpoints._passes["*"] >= n


def killed(world: World, n: int) -> bool:
    def go() -> None:
        failpoints._passes.clear()
        failpoints._order = f"*:kill:{n}"
        world.work()

    process = multiprocessing.get_context("fork").Process(target=go)
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


@pytest.fixture
def new_world(sqlite_url: str, dovecot: Dovecot, smtp: SmtpServer, tmp_path: Path) -> Callable[[int], World]:
    empty = Path(sqlite_url.removeprefix("sqlite:///"))

    def world(n: int) -> World:
        database = tmp_path / f"{n}.db"
        shutil.copy(empty, database)
        mailbox = dovecot.start().account()
        chosen = Settings(
            data=tmp_path / str(n), database_url=f"sqlite:///{database}", redis_url="", secret_key="s" * 32,
            imap=(imap_account(mailbox.url),), smtp=smtp_server(smtp.url), mail_from="complaints@mill.example",
        )  # fmt: skip
        return World(chosen, mailbox, smtp)

    return world


@pytest.mark.parametrize("share", range(SHARES))
def test_whichever_step_fails_nothing_is_lost_and_nothing_done_twice(
    share: int, new_world: Callable[[int], World]
) -> None:
    n = share + 1
    while raised(world := new_world(n), n):
        world.heal()
        world.check()
        n += SHARES
    assert n > 20


@pytest.mark.parametrize("share", range(SHARES))
def test_wherever_the_process_is_killed_nothing_is_lost_and_nothing_done_twice(
    share: int, new_world: Callable[[int], World]
) -> None:
    step = SHARES if SOAK else 5 * SHARES
    n = share + 1 if SOAK else share * 5 + date.today().toordinal() % 5 + 1
    while killed(world := new_world(n), n):
        world.heal()
        world.check()
        n += step
