"""The outbox, drained to a real SMTP server: once, whatever fails on the way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import outbox
from complaints.database import open_database, sessions, transaction
from complaints.outbox import Outgoing
from complaints.settings import Settings, smtp_server
from jobs.sending import Sender
from tests.rigs.smtp import SmtpServer

NOON = datetime(2026, 11, 16, 4, 0, tzinfo=UTC)
Owe = Callable[..., str]


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **length: float) -> None:
        self.now += timedelta(**length)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(database_url: str) -> sessionmaker[Session]:
    return sessions(open_database(database_url))


@pytest.fixture
def sender(make: sessionmaker[Session], smtp: SmtpServer, clock: Clock, tmp_path) -> Sender:  # type: ignore[no-untyped-def]
    chosen = Settings(
        data=tmp_path, database_url="", redis_url="", secret_key="s" * 32, smtp=smtp_server(smtp.url),
        mail_from="complaints@mill.example", organisation="Mill 磨坊",
    )  # fmt: skip
    return Sender(chosen, make, clock=clock)


@pytest.fixture
def owe(make: sessionmaker[Session], clock: Clock) -> Owe:
    def owing(purpose: str = "ack:complaint:1", *, recipient: str = "ines@quell.example", locale: str = "en") -> str:
        with transaction(make) as session:
            outbox.owe(
                session, purpose=purpose, kind="acknowledgement", recipient=recipient, locale=locale, at=clock(),
                secret="s" * 32, domain="mill.example", in_reply_to="abc@quell.example",
                references=["first@quell.example", "abc@quell.example"],
                values={"number": "C-2026-0412", "received_at": "2026-11-16T03:00:00+00:00"},
            )  # fmt: skip
        return purpose

    return owing


def the_row(make: sessionmaker[Session], purpose: str = "ack:complaint:1") -> Outgoing:
    with make() as session:
        return session.scalars(select(Outgoing).where(Outgoing.purpose == purpose)).one()


def test_an_acknowledgement_leaves_with_all_that_rfc_3834_asks(sender: Sender, owe: Owe, smtp: SmtpServer) -> None:
    owe()
    assert sender.drain() == 1
    (mail,) = smtp.mails
    assert mail.recipients == ("ines@quell.example",)
    assert mail.mail_from == "complaints@mill.example"
    assert mail.header("Auto-Submitted") == "auto-replied"
    assert mail.header("In-Reply-To") == "<abc@quell.example>"
    assert mail.header("References") == "<first@quell.example> <abc@quell.example>"
    assert mail.header("Subject").startswith("[C-2026-0412] ")
    assert "C-2026-0412" in mail.text()
    assert "C-2026-0412" in mail.text("html")
    assert max(len(line) for line in mail.content.splitlines()) <= 998


@pytest.mark.requirement("S12")
def test_a_chinese_customer_is_acknowledged_in_chinese(sender: Sender, owe: Owe, smtp: SmtpServer) -> None:
    owe(locale="zh_CN")
    sender.drain()
    (mail,) = smtp.mails
    assert "您好" in mail.text()
    assert "C-2026-0412" in mail.text()


def test_one_connection_carries_everything_that_is_due(sender: Sender, owe: Owe, smtp: SmtpServer) -> None:
    for n in range(5):
        owe(f"ack:complaint:{n}", recipient=f"c{n}@quell.example")
    assert sender.drain() == 5
    assert smtp.connections == 1


def test_a_row_that_was_sent_is_never_sent_again(
    sender: Sender, owe: Owe, smtp: SmtpServer, make: sessionmaker[Session], clock: Clock
) -> None:
    owe()
    for _ in range(10):
        sender.drain()
        clock.pass_(hours=1)
    assert len(smtp.mails) == 1
    row = the_row(make)
    assert (row.state, row.attempts) == ("sent", 1)
    assert row.reply is not None
    assert row.reply.startswith("250")


@pytest.mark.parametrize("place", ["CONNECT", "MAIL", "RCPT", "DATA", "DOT"])
def test_a_temporary_refusal_is_tried_again_later_and_not_before(
    place: str, sender: Sender, owe: Owe, smtp: SmtpServer, make: sessionmaker[Session], clock: Clock
) -> None:
    owe()
    smtp.answer(place, "451 4.3.0 later")
    assert sender.drain() == 0
    assert the_row(make).state == "pending"
    clock.pass_(seconds=30)
    assert sender.drain() == 0
    clock.pass_(seconds=31)
    assert sender.drain() == 1
    assert len(smtp.mails) == 1


@pytest.mark.parametrize("place", ["RCPT", "DOT"])
def test_a_final_refusal_stops_and_keeps_what_the_server_said(
    place: str, sender: Sender, owe: Owe, smtp: SmtpServer, make: sessionmaker[Session], clock: Clock
) -> None:
    owe()
    smtp.answer(place, "550 5.1.1 no such user")
    sender.drain()
    clock.pass_(days=1)
    sender.drain()
    row = the_row(make)
    assert row.state == "failed"
    assert row.error is not None
    assert "no such user" in row.error
    assert not smtp.mails


def test_one_refused_recipient_does_not_hold_up_the_next(sender: Sender, owe: Owe, smtp: SmtpServer) -> None:
    owe("ack:complaint:1", recipient="gone@quell.example")
    owe("ack:complaint:2", recipient="here@quell.example")
    smtp.answer("RCPT", "550 5.1.1 no such user", to="gone@")
    sender.drain()
    sender.drain()
    assert [mail.recipients for mail in smtp.mails] == [("here@quell.example",)]


@pytest.mark.parametrize("accepted", [True, False], ids=["the server had it", "the server had it not"])
def test_a_connection_lost_after_the_dot_gives_one_repeat_with_the_same_message_id(
    accepted: bool, sender: Sender, owe: Owe, smtp: SmtpServer, make: sessionmaker[Session], clock: Clock
) -> None:
    owe()
    smtp.drop("DOT", accepted=accepted)
    sender.drain()
    row = the_row(make)
    assert (row.state, row.ambiguous) == ("pending", 1)
    clock.pass_(minutes=2)
    sender.drain()
    assert the_row(make).state == "sent"
    assert len(smtp.mails) == 1 + accepted
    assert len({mail.message_id for mail in smtp.mails}) == 1
    assert len({mail.content for mail in smtp.mails}) == 1


def test_a_second_doubt_is_left_to_a_person(
    sender: Sender, owe: Owe, smtp: SmtpServer, make: sessionmaker[Session], clock: Clock
) -> None:
    owe()
    smtp.drop("DOT", accepted=True, times=None)
    for _ in range(5):
        sender.drain()
        clock.pass_(hours=5)
    assert the_row(make).state == "uncertain"
    assert len(smtp.mails) == 2


def test_a_row_of_a_dead_worker_is_taken_again_when_its_lease_ends(
    sender: Sender, owe: Owe, smtp: SmtpServer, make: sessionmaker[Session], clock: Clock
) -> None:
    owe()
    with transaction(make) as session:
        held = outbox.claim(session, at=clock())
    assert held is not None
    assert sender.drain() == 0
    clock.pass_(minutes=3)
    assert sender.drain() == 1
    row = the_row(make)
    assert (row.state, row.ambiguous, row.deaths) == ("sent", 0, 1)


def test_a_worker_that_slept_past_its_lease_may_not_hand_over(
    owe: Owe, make: sessionmaker[Session], clock: Clock
) -> None:
    owe()
    with transaction(make) as session:
        old = outbox.claim(session, at=clock())
    clock.pass_(minutes=3)
    with transaction(make) as session:
        new = outbox.claim(session, at=clock())
    assert old is not None
    assert new is not None
    with transaction(make) as session:
        assert not outbox.hand_over(session, old, at=clock())
        assert outbox.hand_over(session, new, at=clock())


def test_after_three_dead_workers_the_row_is_parked_and_shown(
    owe: Owe, make: sessionmaker[Session], clock: Clock
) -> None:
    owe()
    for _ in range(3):
        with transaction(make) as session:
            assert outbox.claim(session, at=clock()) is not None
        clock.pass_(minutes=3)
    with transaction(make) as session:
        assert outbox.claim(session, at=clock()) is None
    assert the_row(make).state == "failed"


def test_customers_do_not_wait_for_a_morning_of_reminders(make: sessionmaker[Session], clock: Clock) -> None:
    kinds = ["reminder", "digest", "reminder", "reply", "daily", "acknowledgement", "enquiry", "acknowledgement"]
    with transaction(make) as session:
        for number, kind in enumerate(kinds):
            outbox.owe(
                session, purpose=f"{kind}:{number}", kind=kind, recipient="ines@quell.example", locale="en",
                at=clock() + timedelta(seconds=number), secret="s" * 32, domain="mill.example",
            )  # fmt: skip
        owed = {row.id: row.purpose for row in session.scalars(select(Outgoing))}
    clock.pass_(minutes=1)
    taken = []
    with transaction(make) as session:
        while held := outbox.claim(session, at=clock()):
            taken.append(owed[held.id])
    first = ["acknowledgement:5", "acknowledgement:7", "reply:3", "enquiry:6"]
    assert taken == [*first, "reminder:0", "digest:1", "reminder:2", "daily:4"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_what_is_owed_is_read_to_find_what_goes_first(make: sessionmaker[Session], clock: Clock) -> None:
    asked: list[str] = []
    with transaction(make) as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *called: asked.append(called[2]))
        outbox.claim(session, at=clock())
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0]}", ("",) * asked[0].count("?"))
        steps = [row[3] for row in plan if "outgoing" in row[3]]
    assert steps
    assert all("USING INDEX ix_outgoing_state_due_at" in step for step in steps)


def test_the_same_duty_cannot_be_owed_twice(owe: Owe) -> None:
    from sqlalchemy.exc import IntegrityError

    owe()
    with pytest.raises(IntegrityError):
        owe()


def test_nobody_can_guess_a_message_id() -> None:
    same = {"purpose": "ack:complaint:1", "recipient": "a@b.example", "domain": "mill.example"}
    assert outbox.message_id("one secret", **same) == outbox.message_id("one secret", **same)
    assert outbox.message_id("one secret", **same) != outbox.message_id("another", **same)
