"""What the mails of the weekly letter cost: owed to many readers, written and sent through the outbox to a mail server
beside us; and bare, the same words rendered, made a mail with the standard library and handed to the same server.
"""

import logging
import multiprocessing
import smtplib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from multiprocessing.connection import Connection
from pathlib import Path

import structlog
from flask import Flask, render_template
from flask_babel import force_locale
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import digest
from complaints.context import Context
from complaints.database import open_database, sessions, transaction
from complaints.outbox import Outgoing
from complaints.people import Grant, User
from complaints.settings import Settings, SmtpServer
from complaints.weeks import Week
from jobs.sending import Sender

LOCALES = "en", "zh_CN"
PARTS = "subject.txt", "body.txt", "body.html"


def mailed(url: str, folder: Path, at: datetime, context: Context, *, readers: int, rounds: int) -> tuple[float, float]:
    """Seconds in which so many more readers get the letter about the last week, and for the same mails bare: the best
    of some rounds."""
    make, week = sessions(open_database(url)), Week.at(at, context.calendar).before()
    with transaction(make) as session:
        session.execute(update(Outgoing).where(Outgoing.state == "pending").values(state="cancelled"))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    ours, bare = [], []
    with _mail_server() as port:
        settings = Settings(
            data=folder, database_url=url, redis_url="redis://127.0.0.1:1/0", secret_key=context.secret,
            mail_from=context.mail_from, public_url="https://bench.example", smtp=SmtpServer("127.0.0.1", port, "none"),
        )  # fmt: skip
        sender = Sender(settings, make)

        def send() -> int:
            digest.send(make, week, at=at, context=context)
            return sender.drain()

        send()  # the letter is taken, the templates are compiled
        for n in range(rounds):
            domain = f"round{n}.example"
            _hire(make, domain, readers, at)
            begun = time.perf_counter()
            assert send() == readers
            ours.append(time.perf_counter() - begun)
            with make() as session:
                rows = session.scalars(select(Outgoing).where(Outgoing.domain == domain)).all()
            begun = time.perf_counter()
            _bare(sender.app, settings, rows)
            bare.append(time.perf_counter() - begun)
    return min(ours), min(bare)


@contextmanager
def _mail_server() -> Iterator[int]:
    """The port of a mail server in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join()


def _serve(pipe: Connection) -> None:
    from tests.rigs.smtp import SmtpServer as Server

    with Server() as server:
        pipe.send(server.port)
        pipe.recv()


def _hire(make: sessionmaker[Session], domain: str, readers: int, at: datetime) -> None:
    """Let so many more people read the letter, each second of them in another language."""
    with transaction(make) as session:
        users = [
            User(email=f"reader{n}@{domain}", name="Reader", locale=LOCALES[n % len(LOCALES)]) for n in range(readers)
        ]
        session.add_all(users)
        session.flush()
        session.add_all(Grant(user_id=each.id, role="gm", since=at.date() - timedelta(days=9)) for each in users)


def _bare(app: Flask, settings: Settings, rows: Iterable[Outgoing]) -> None:
    smtp = settings.smtp
    assert smtp is not None
    with smtplib.SMTP(smtp.host, smtp.port) as server, app.app_context():
        for row in rows:
            words = {
                **row.values, "organisation": settings.organisation, "reply_to": settings.mail_from,
                "locale": row.locale, "public_url": settings.public_url,
            }  # fmt: skip
            with force_locale(row.locale):
                subject, text, html = (render_template(f"mail/{row.kind}/{part}", **words) for part in PARTS)
            mail = EmailMessage(policy=SMTP)
            mail["Subject"], mail["From"], mail["To"] = subject.strip(), settings.mail_from, row.recipient
            mail.set_content(text, cte="base64")
            mail.add_alternative(html, subtype="html", cte="base64")
            server.sendmail(settings.mail_from, row.recipient, mail.as_bytes())
