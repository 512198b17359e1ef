"""Silence is an alarm: from the scheduler's tick to the mail that an administrator reads, once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from redis.exceptions import RedisError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import incidents, schedule
from complaints.database import open_database, sessions, transaction
from complaints.incidents import KINDS, Incident
from complaints.mailboxes import Mailbox
from complaints.outbox import Outgoing
from complaints.settings import Settings, smtp_server
from jobs.queue import Bell, connect
from jobs.scheduler import Scheduler
from jobs.sending import Sender
from tests.builders import MONDAY, a_person
from tests.rigs.smtp import SmtpServer


class DeadBell(Bell):
    """Redis is away."""

    def try_to_ring(self) -> None:
        raise RedisError("away")


@dataclass
class Shift:
    """A scheduler that sends by itself, and a clock that a test moves."""

    settings: Settings
    make: sessionmaker[Session]
    now: datetime = MONDAY

    def __post_init__(self) -> None:
        self.scheduler = self.another_scheduler()
        self.scheduler._sender = Sender(self.settings, self.make, clock=lambda: self.now)

    def another_scheduler(self) -> Scheduler:
        return Scheduler(self.settings, self.make, DeadBell(connect("redis://127.0.0.1:1/0")))

    def after(self, **length: float) -> None:
        """Let time go by, and tick."""
        self.now += timedelta(**length)
        self.scheduler.tick(self.now)

    def look(self, **values: object) -> None:
        with transaction(self.make) as session:
            session.execute(update(Mailbox).values(looked_at=self.now, **values))

    def states(self) -> list[tuple[str, bool]]:
        with self.make() as session:
            found = session.scalars(select(Incident).order_by(Incident.id))
            return [(row.kind, row.closed_at is None) for row in found]


@pytest.fixture
def shift(database_url: str, smtp: SmtpServer, tmp_path: Path) -> Shift:
    settings = Settings(
        data=tmp_path, database_url=database_url, redis_url="", secret_key="s" * 32, smtp=smtp_server(smtp.url),
        mail_from="complaints@mill.example", organisation="Mill 磨坊", public_url="https://redress.mill.example",
    )  # fmt: skip
    return Shift(settings, sessions(open_database(database_url)))


@pytest.fixture
def a_silent_mailbox(shift: Shift) -> None:
    with transaction(shift.make) as session:
        session.add(
            Mailbox(
                name="complaints@imap.mill.example:993/INBOX", address="complaints@mill.example", looked_at=MONDAY,
                fault="login as complaints refused: <b>no</b>", fault_since=MONDAY, waiting=3,
            )
        )  # fmt: skip


@pytest.fixture
def admin(shift: Shift) -> Callable[[str], None]:
    def adding(locale: str) -> None:
        with transaction(shift.make) as session:
            a_person(session, "admin", "clerk", locale=locale)

    return adding


def test_an_administrator_reads_what_is_silent_since_when_how_many_wait_and_where_to_go(
    shift: Shift, a_silent_mailbox: None, admin: Callable[[str], None], smtp: SmtpServer
) -> None:
    admin("en")
    shift.after(minutes=11)
    (mail,) = smtp.mails
    assert mail.recipients == ("person1@mill.example",)
    assert mail.header("Subject").startswith(
        "Mill 磨坊: The mailbox complaints@mill.example has not been read since 16"
    )
    assert mail.header("Auto-Submitted") == "auto-generated"
    text = mail.text()
    assert "has not been read since 16 November 2026, 09:00." in text
    assert "The fault: login as complaints refused: <b>no</b>" in text
    assert "3 messages wait." in text
    assert "https://redress.mill.example/settings/mailboxes" in text
    assert "login as complaints refused: &lt;b&gt;no&lt;/b&gt;" in mail.text("html")
    assert 'href="https://redress.mill.example/settings/mailboxes"' in mail.text("html")


def test_a_chinese_administrator_reads_it_with_chinese_dates(
    shift: Shift, a_silent_mailbox: None, admin: Callable[[str], None], smtp: SmtpServer
) -> None:
    admin("zh_CN")
    shift.after(minutes=11)
    (mail,) = smtp.mails
    assert "2026年11月16日 09:00" in mail.text()
    assert 'lang="zh-CN"' in mail.text("html")


@pytest.mark.parametrize("locale", ["en", "zh_CN"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_written(
    kind: str,
    locale: str,
    shift: Shift,
    admin: Callable[[str], None],
    smtp: SmtpServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin(locale)
    found = incidents.Found(MONDAY, subject="one", mailbox="complaints@mill.example", waiting=1)
    only = {kind: incidents.Kind(lambda *_: [found], KINDS[kind].what, KINDS[kind].advice, KINDS[kind].place)}
    monkeypatch.setattr(incidents, "KINDS", only)
    shift.after(minutes=1)
    (mail,) = smtp.mails
    assert "%(" not in mail.text() + mail.header("Subject")
    assert f"https://redress.mill.example{KINDS[kind].place}" in mail.text()


def test_one_mail_for_each_incident_and_another_for_the_next(
    shift: Shift, a_silent_mailbox: None, admin: Callable[[str], None], smtp: SmtpServer
) -> None:
    admin("en")
    for _ in range(30):
        shift.after(minutes=1)
    assert (shift.states(), len(smtp.mails)) == ([("mailbox_silent", True)], 1)
    shift.look(fault=None, fault_since=None, waiting=0)
    shift.after(minutes=1)
    assert (shift.states(), len(smtp.mails)) == ([("mailbox_silent", False)], 1)
    for _ in range(15):
        shift.after(minutes=1)
    assert (shift.states(), len(smtp.mails)) == ([("mailbox_silent", False), ("mailbox_silent", True)], 2)


def test_two_schedulers_open_an_incident_once_and_owe_one_mail(
    shift: Shift, a_silent_mailbox: None, admin: Callable[[str], None], smtp: SmtpServer
) -> None:
    admin("en")
    start = threading.Barrier(4)
    at = [MONDAY + timedelta(minutes=minutes) for minutes in (11, 11, 12, 12)]

    def go(scheduler: Scheduler, now: datetime) -> None:
        start.wait()
        scheduler._check_incidents(now, watch=True)

    threads = [threading.Thread(target=go, args=(shift.another_scheduler(), now)) for now in at]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with shift.make() as session:
        assert session.scalar(select(func.count()).select_from(Incident)) == 1
        assert session.scalar(select(func.count()).select_from(Outgoing)) == 1


def test_when_the_mail_server_itself_is_away_the_alarm_leaves_as_soon_as_it_is_back(
    shift: Shift, a_silent_mailbox: None, admin: Callable[[str], None], smtp: SmtpServer
) -> None:
    admin("en")
    smtp.answer("CONNECT", "421 4.3.0 closed")
    shift.after(minutes=11)
    assert smtp.mails == []
    shift.after(minutes=2)
    assert len(smtp.mails) == 1


def test_after_a_start_nothing_is_called_silent_before_it_could_speak(
    shift: Shift, a_silent_mailbox: None, admin: Callable[[str], None]
) -> None:
    at = MONDAY + timedelta(days=1)
    shift.scheduler.tick(at, watch=False)
    assert shift.states() == []
    with shift.make() as session:
        assert schedule.last_started(session, "check_incidents") == at


def test_a_check_that_breaks_does_not_keep_the_mail_that_is_due_from_leaving(
    shift: Shift,
    a_silent_mailbox: None,
    admin: Callable[[str], None],
    smtp: SmtpServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin("en")
    smtp.answer("CONNECT", "421 4.3.0 closed")
    shift.after(minutes=11)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(incidents, "check", broken)
    shift.after(minutes=2)
    assert len(smtp.mails) == 1
    with shift.make() as session:  # readiness sees that nobody looks any more
        assert schedule.last_started(session, "check_incidents") == MONDAY + timedelta(minutes=11)
