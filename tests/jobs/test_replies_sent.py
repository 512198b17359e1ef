"""Replies read back from a real mail server: the thread, the people, the files; and what the server refuses."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import outbox, replies
from complaints.blobs import Blobs
from complaints.complaint import Complaint
from complaints.database import open_database, sessions, transaction
from complaints.letters import Attachment
from complaints.outbox import Outgoing
from complaints.people import User
from complaints.replies import Form
from complaints.settings import Settings, smtp_server
from intake.classify import Kind
from intake.parse import parse
from intake.record import threads
from jobs.sending import Sender
from tests.builders import MONDAY, PNG, a_file, a_mailed_complaint, a_person
from tests.desk import CONTEXT
from tests.intake.test_kills import AMBIGUOUS, killed_at, send_at
from tests.jobs.test_sending import Clock
from tests.rigs.smtp import SmtpServer

INES, QA = "i.carrow@quellstrom.example", "qa@quellstrom.example"
CHINESE = "您好：\n\n我们已收到样品，正在检测。\n.\n.. 两个点"


@pytest.fixture
def make(database_url: str) -> sessionmaker[Session]:
    return sessions(open_database(database_url))


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    clock.now = MONDAY
    return clock  # type: ignore[return-value]


@pytest.fixture
def sender(make: sessionmaker[Session], smtp: SmtpServer, clock: Clock, tmp_path: Path) -> Sender:
    chosen = Settings(
        data=tmp_path, database_url="", redis_url="", secret_key="s" * 32, smtp=smtp_server(smtp.url),
        mail_from="complaints@mill.example", organisation="Mill 磨坊",
    )  # fmt: skip
    return Sender(chosen, make, clock=clock)


def written(make: sessionmaker[Session], blobs: Blobs | None = None, content: bytes = PNG, **said: Any) -> int:
    """A reply to a letter with two on copy; gives its mail's id."""
    with transaction(make) as session:
        sales = a_person(session, "sales", name="林知夏")
        files = [a_file(blobs, content, filename="测量 报告.png"), a_file(blobs, b"old", filename="leak.eml",
                 content_type="message/rfc822")] if blobs else []  # fmt: skip
        complaint = a_mailed_complaint(
            session, files=files, references=["first@quellstrom.example"], cc=[QA],
            text="<b>14</b> of 200 leak.\n> earlier", folds=[[23, 32, "quoted"]],
        )  # fmt: skip
        ids = list(session.scalars(select(Attachment.id).order_by(Attachment.position)))
        form = Form(
            **({"to": [INES], "cc": [QA], "subject": "Re: Leak", "text": CHINESE, "files": ids} | said)  # type: ignore[arg-type]
        )
        reply = replies.send(session, complaint, form, key="key of the form", by=sales, at=MONDAY, context=CONTEXT)
        assert reply.outgoing_id is not None
        return reply.outgoing_id


def the_row(make: sessionmaker[Session], id_: int) -> Outgoing:
    with make() as session:
        return session.get_one(Outgoing, id_)


def test_the_customer_gets_it_in_the_same_thread_with_all_that_belongs_to_it(
    make: sessionmaker[Session], sender: Sender, smtp: SmtpServer, clock: Clock
) -> None:
    written(make, sender.blobs)
    assert sender.drain() == 0  # ten seconds to think again
    clock.pass_(seconds=10)
    assert sender.drain() == 1
    (mail,) = smtp.mails
    assert set(mail.recipients) == {INES, QA}
    assert mail.header("To") == f"Ines Carrow <{INES}>"
    assert mail.header("Cc") == QA
    assert mail.header("From") == "Mill 磨坊 <complaints@mill.example>"
    assert mail.header("Subject") == "Re: Leak [C-2026-0001]"
    assert mail.header("In-Reply-To") == "<a1@quellstrom.example>"
    assert mail.header("References") == "<first@quellstrom.example> <a1@quellstrom.example>"
    assert mail.message_id.startswith("<redress.")
    assert [name for name in mail.message if name.lower() in ("auto-submitted", "x-auto-response-suppress")] == []
    text = mail.text()
    assert text.startswith(
        f"{CHINESE}\n\n林知夏\nMill 磨坊\n\nOn 16 November 2026, 09:00, Ines Carrow <{INES}> wrote:\n"
    )
    assert text.rstrip().endswith("> <b>14</b> of 200 leak.")
    html = mail.text("html")
    assert "我们已收到样品" in html
    assert "&lt;b&gt;14&lt;/b&gt; of 200 leak." in html
    files = list(mail.message.iter_attachments())
    assert [file.get_filename() for file in files] == ["测量 报告.png", "leak.eml"]
    assert [file.get_content() for file in files] == [PNG, b"old"]
    assert max(map(len, mail.content.splitlines())) <= 998


def test_the_quote_is_left_out_when_asked(
    make: sessionmaker[Session], sender: Sender, smtp: SmtpServer, clock: Clock
) -> None:
    written(make, quoted=False, text=".\n..two dots\n<i>as typed</i>")
    clock.pass_(seconds=10)
    sender.drain()
    (mail,) = smtp.mails
    assert mail.text().rstrip() == ".\n..two dots\n<i>as typed</i>\n\n林知夏\nMill 磨坊"
    assert "&lt;i&gt;as typed&lt;/i&gt;" in mail.text("html")
    assert "blockquote" not in mail.text("html")


@pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 57 * 1024, 1_000_003])
def test_a_file_arrives_byte_for_byte_and_is_kept_nowhere_twice(
    size: int, make: sessionmaker[Session], sender: Sender, smtp: SmtpServer, clock: Clock
) -> None:
    content = bytes(n * n % 251 for n in range(size))
    id_ = written(make, sender.blobs, content)
    clock.pass_(seconds=10)
    assert sender.drain() == 1
    (mail,) = smtp.mails
    assert next(mail.message.iter_attachments()).get_content() == content
    row = the_row(make, id_)
    assert len(row.rendered or b"") < 10_000
    announced = next(each for each in smtp.log if each.place == "MAIL").argument
    assert f"size={len(mail.content)}" in announced.lower()


def test_of_two_recipients_the_server_may_refuse_one_who_is_tried_again_alone(
    make: sessionmaker[Session], sender: Sender, smtp: SmtpServer, clock: Clock
) -> None:
    id_ = written(make)
    clock.pass_(seconds=10)
    smtp.answer("RCPT", "550 5.1.1 no such user", to=QA)
    assert sender.drain() == 1
    row = the_row(make, id_)
    assert (row.state, row.refused) == ("sent", {QA: "550 5.1.1 no such user"})
    assert [mail.recipients for mail in smtp.mails] == [(INES,)]

    smtp.answer("RCPT", "550 5.1.1 still none", to=QA)
    for refused in ({QA: "550 5.1.1 still none"}, {}):
        with transaction(make) as session:
            assert outbox.again(session, id_, at=clock())
        sender.drain()
        row = the_row(make, id_)
        assert (row.state, row.refused) == ("sent", refused)
    assert [mail.recipients for mail in smtp.mails] == [(INES,), (QA,)]
    assert len({mail.message_id for mail in smtp.mails}) == 1
    with transaction(make) as session:
        assert not outbox.again(session, id_, at=clock())


def test_where_nobody_is_taken_it_failed(
    make: sessionmaker[Session], sender: Sender, smtp: SmtpServer, clock: Clock
) -> None:
    id_ = written(make)
    clock.pass_(seconds=10)
    smtp.answer("RCPT", "550 5.1.1 no such user", times=2)
    sender.drain()
    assert the_row(make, id_).state == "failed"
    assert smtp.mails == []


def test_taken_back_it_never_leaves(
    make: sessionmaker[Session], sender: Sender, smtp: SmtpServer, clock: Clock
) -> None:
    id_ = written(make)
    with transaction(make) as session:
        assert outbox.take_back(session, id_)
    clock.pass_(hours=1)
    assert sender.drain() == 0
    assert smtp.mails == []


def test_whoever_left_sends_nothing_any_more(
    make: sessionmaker[Session], sender: Sender, smtp: SmtpServer, clock: Clock
) -> None:
    id_ = written(make)
    with transaction(make) as session:
        session.scalars(select(User)).one().left_at = MONDAY
    clock.pass_(seconds=10)
    assert sender.drain() == 0
    row = the_row(make, id_)
    assert (row.state, row.error) == ("failed", "author_left")


@pytest.mark.parametrize("harm", ["gone", "altered"])
def test_a_file_that_is_not_what_it_was_keeps_the_mail_back(
    harm: str, make: sessionmaker[Session], sender: Sender, smtp: SmtpServer, clock: Clock
) -> None:
    id_ = written(make, sender.blobs)
    path = next(path for path in sender.blobs.folder.rglob("*") if path.is_file() and path.read_bytes() == PNG)
    path.unlink() if harm == "gone" else path.write_bytes(b"other")
    clock.pass_(seconds=10)
    assert sender.drain() == 0
    assert the_row(make, id_).state == "failed"
    assert smtp.mails == []


def test_a_connection_lost_among_the_files_is_no_doubt(
    make: sessionmaker[Session], sender: Sender, smtp: SmtpServer, clock: Clock
) -> None:
    id_ = written(make, sender.blobs, b"x" * 1_000_000)
    clock.pass_(seconds=10)
    smtp.drop("BODY")
    assert sender.drain() == 0
    row = the_row(make, id_)
    assert (row.state, row.ambiguous) == ("pending", 0)
    clock.pass_(minutes=2)
    assert sender.drain() == 1
    assert len(smtp.mails) == 1


def test_an_answer_or_a_bounce_of_any_recipient_finds_the_complaint(make: sessionmaker[Session]) -> None:
    id_ = written(make)
    row = the_row(make, id_)
    answer = parse(f"From: {QA}\r\nIn-Reply-To: <{row.message_id}>\r\nSubject: Re: Leak\r\n\r\nThanks\r\n".encode())
    with make() as session:
        found, _ = threads(session, answer, Kind("person", "person", False), secret="s" * 32)
        complaint = session.scalars(select(Complaint)).one()
    assert {(each.complaint_id, each.person, each.outgoing_id) for each in found} == {
        (complaint.id, INES, id_), (complaint.id, QA, id_),
    }  # fmt: skip


@pytest.mark.parametrize("point", ["P8.claimed", "P9.handed_over", "P9.dot_sent", "P11.before_commit"])
def test_a_worker_that_dies_repeats_a_reply_once_at_most(
    point: str, make: sessionmaker[Session], sender: Sender, smtp: SmtpServer, database_url: str
) -> None:
    id_ = written(make, sender.blobs)
    chosen = replace(sender.settings, database_url=database_url)
    killed_at(point, send_at, chosen, MONDAY + timedelta(seconds=10))
    for minutes in (1, 4, 8, 600):
        send_at(chosen, MONDAY + timedelta(minutes=minutes))
    row = the_row(make, id_)
    assert row.state == "sent"
    assert len(smtp.mails) == 1 + (point in AMBIGUOUS)
    assert len({mail.content for mail in smtp.mails}) == 1
