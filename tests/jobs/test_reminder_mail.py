"""The mail about reminders as it leaves, in both languages, and what a process that dies half-way leaves behind."""

import email
import email.policy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import reminders
from complaints.database import open_database, sessions, transaction
from complaints.notices import Notice
from complaints.outbox import Outgoing
from complaints.people import User
from complaints.reminder import Reminder
from complaints.settings import Settings, smtp_server
from jobs.letters import make_app, render
from jobs.queue import Bell
from jobs.scheduler import Scheduler
from jobs.sending import Sender
from tests.desk import CONTEXT, Desk
from tests.intake.test_kills import killed_at
from tests.rigs.smtp import SmtpServer

FRIDAY = datetime(2026, 11, 20, 9, 0, tzinfo=CONTEXT.zone).astimezone(UTC)


@pytest.fixture
def make(database_url: str) -> sessionmaker[Session]:
    return sessions(open_database(database_url))


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    """Two complaints whose replies are overdue; the QE reads Chinese."""
    desk = Desk(make)
    with transaction(make) as session:
        user = session.get_one(User, desk["qe"].id)
        user.superior_id, user.locale = desk["qa_mgr"].id, "zh_CN"
        session.get_one(User, desk["qa_mgr"].id).superior_id = desk["gm"].id
    desk.to_investigation(subject="Oil weeping & <b>leak</b>")
    desk.to_investigation(subject="泵壳渗漏")
    return desk


def chosen(database_url: str, tmp_path: Path, smtp: str = "") -> Settings:
    return Settings(
        data=tmp_path, database_url=database_url, redis_url="", secret_key="s" * 32,
        mail_from="complaints@mill.example", organisation="Mill 磨坊", public_url="https://mill.example",
        **({"smtp": smtp_server(smtp)} if smtp else {}),
    )  # fmt: skip


def rendered(make: sessionmaker[Session], settings: Settings, to: int) -> tuple[str, str, str]:
    """Subject, text and HTML of the mail to somebody."""
    with make() as session:
        row = session.scalars(select(Outgoing).where(Outgoing.purpose.startswith(f"bundle:{to}:"))).one()
    message = email.message_from_bytes(render(make_app(settings), settings, row), policy=email.policy.default)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert message["Auto-Submitted"] == "auto-generated"
    return message["Subject"], text.get_content(), html.get_content()


def test_the_name_of_who_is_told_next_is_words(
    desk: Desk, make: sessionmaker[Session], database_url: str, tmp_path: Path
) -> None:
    with transaction(make) as session:
        session.get_one(User, desk["gm"].id).name = "<b>Lin</b>"
    reminders.remind(make, FRIDAY, CONTEXT)
    _, text, html = rendered(make, chosen(database_url, tmp_path), desk["qa_mgr"].id or 0)
    assert "<b>Lin</b>, 24 November" in text
    assert "&lt;b&gt;Lin&lt;/b&gt;, 24 November" in html


def test_one_mail_says_everything_in_the_reader_s_language(
    desk: Desk, make: sessionmaker[Session], database_url: str, tmp_path: Path
) -> None:
    reminders.remind(make, FRIDAY, CONTEXT)
    settings = chosen(database_url, tmp_path)
    subject, text, html = rendered(make, settings, desk["qa_mgr"].id or 0)
    assert subject == "Mill 磨坊: 2 promises are overdue."
    for part in (text, html):
        assert "C-2026-0001" in part
        assert "泵壳渗漏" in part
        assert "QA's reply" in part.replace("&#39;", "'")
        assert "gm, 24 November 2026, 08:30" in part
        assert "https://mill.example/me/mail" in part
    assert "Oil weeping & <b>leak</b>" in text
    assert "Oil weeping &amp; &lt;b&gt;leak" in html
    _, chinese, _ = rendered(make, settings, desk["qe"].id or 0)
    assert "品管部答复" in chinese
    assert "2026年11月24日 08:30" in chinese


def test_a_mail_about_one_promise_names_it_in_its_subject(
    desk: Desk, make: sessionmaker[Session], database_url: str, tmp_path: Path
) -> None:
    with transaction(make) as session:
        for clock in desk.find(session, "C-2026-0002").clocks:
            clock.stopped_at = clock.stopped_at or desk.at
    reminders.remind(make, FRIDAY, CONTEXT)
    subject, _, _ = rendered(make, chosen(database_url, tmp_path), desk["qa_mgr"].id or 0)
    assert subject == "[C-2026-0001] QA's reply: less than a working hour over"


POINTS = ("remind.before_commit", "remind.after_commit", "remind.before_bundle", "remind.after_bundle")


@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_at_any_step_leaves_everybody_told_once(
    point: str, desk: Desk, make: sessionmaker[Session], database_url: str
) -> None:
    def once(at: datetime) -> None:
        reminders.remind(sessions(open_database(database_url)), at, CONTEXT)

    killed_at(point, once, FRIDAY)
    once(FRIDAY)
    once(FRIDAY + timedelta(minutes=1))
    with make() as session:
        assert session.scalar(select(func.count(Reminder.id))) == 4
        assert session.scalar(select(func.count(Notice.id)).where(Notice.event.startswith("clock_"))) == 4
        mails = session.scalars(select(Outgoing).where(Outgoing.kind == "reminder")).all()
    assert sorted(len(each.values["lines"]) for each in mails) == [2, 2]


def test_an_emptied_redis_costs_nobody_a_mail_and_sends_none_twice(
    desk: Desk, make: sessionmaker[Session], database_url: str, tmp_path: Path, smtp: SmtpServer, redis_url: str
) -> None:
    settings = chosen(database_url, tmp_path, smtp.url)
    redis = Redis.from_url(redis_url)
    scheduler = Scheduler(settings, make, Bell(redis))
    scheduler.tick(FRIDAY)
    redis.flushall()
    scheduler.tick(FRIDAY + timedelta(seconds=10))
    Sender(settings, make, clock=lambda: FRIDAY + timedelta(minutes=1)).drain()
    redis.flushall()
    scheduler.tick(FRIDAY + timedelta(minutes=2))
    Sender(settings, make, clock=lambda: FRIDAY + timedelta(minutes=3)).drain()
    sent = [mail.message["Message-ID"].strip("<>") for mail in smtp.mails]
    with make() as session:
        owed = session.scalars(select(Outgoing.message_id).where(Outgoing.kind == "reminder")).all()
    assert sorted(each for each in sent if each in owed) == sorted(owed)
    assert len(owed) == 2
