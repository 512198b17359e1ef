"""Sending: takes due rows from the outbox and hands them to the mail server, all over one connection.

No transaction is open while we talk to the server. A mail is rendered once, at its first claim, and the bytes are
kept; a repeat sends the same bytes with the same Message-ID.
"""

import smtplib
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from email.utils import parseaddr
from enum import Enum, auto
from typing import Any, Self

import flask_mail
import structlog
from jinja2 import TemplateError
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from complaints import outbox, replies
from complaints.database import transaction
from complaints.failpoints import failpoint
from complaints.outbox import Claim, Outgoing
from complaints.settings import SmtpServer
from jobs import letters
from jobs.queue import Bell, connect
from jobs.wire import Wire
from jobs.workplace import Workplace

log = structlog.get_logger(__name__)
COMMAND_SECONDS = 20
AFTER_DOT_SECONDS = 600  # RFC 5321, 4.5.3.2.6: giving up early is how mails are sent twice
RENEW_SECONDS = 30


class ClaimLost(Exception):
    """Somebody else holds the row now; nothing may be sent."""


class CarefulSMTP(smtplib.SMTP):
    """An SMTP conversation that says when the text is about to leave, and waits long enough for the answer to it."""

    before_dot: Callable[[], None] | None = None
    reply = ""
    refused: Mapping[str, tuple[int, bytes]] = {}
    """The recipients of the last mail whom the server did not take."""
    text_left = False

    def sendmail(self, *mail: Any, **more: Any) -> dict[str, tuple[int, bytes]]:
        self.refused = super().sendmail(*mail, **more)
        return dict(self.refused)

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.text_left = False
        try:
            code, reply = self._say(msg)
            self.text_left = False  # answered, whatever it said
        finally:
            if self.sock is not None:
                self.sock.settimeout(COMMAND_SECONDS)
        failpoint("P10.reply_read")
        self.reply = f"{code} {reply.decode('utf-8', 'replace')}"
        return code, reply

    def _say(self, text: Iterable[bytes]) -> tuple[int, bytes]:
        """The text piece by piece, as it is read, and the dot that makes it a mail."""
        self.putcmd("data")
        code, reply = self.getreply()
        if code != 354:
            raise smtplib.SMTPDataError(code, reply)
        for piece in text:
            self.send(piece)
        if self.before_dot:
            self.before_dot()
        assert self.sock is not None
        self.sock.settimeout(AFTER_DOT_SECONDS)
        self.send(b".\r\n")
        self.text_left = True
        failpoint("P9.dot_sent")
        return self.getreply()


class CarefulSMTPS(CarefulSMTP, smtplib.SMTP_SSL):
    """The same, with TLS from the first byte."""


class Connection(flask_mail.Connection):
    """Flask-Mail's connection with time-outs, checked certificates and no sign-in in clear."""

    host: CarefulSMTP

    def __init__(self, server: SmtpServer) -> None:
        mail = flask_mail.Mail()
        mail.state = mail.init_mail({})
        super().__init__(mail)
        self.server = server

    def __enter__(self) -> Self:
        self.host = self.configure_host()
        return self

    def configure_host(self) -> CarefulSMTP:
        server, trusted = self.server, ssl.create_default_context
        if server.tls == "tls":
            host: CarefulSMTP = CarefulSMTPS(server.host, server.port, timeout=COMMAND_SECONDS, context=trusted())
        else:
            host = CarefulSMTP(server.host, server.port, timeout=COMMAND_SECONDS)
            if server.tls == "starttls":
                host.starttls(context=trusted())
        if server.user:
            host.login(server.user, server.password)
        return host

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        if self.host is not None and kind is not None:
            self.host.close()  # whatever was being said, the server must not wait for its end
        elif self.host is not None:
            # The mails before it were answered; a rude goodbye changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                self.host.quit()


class Kept(flask_mail.Message):
    """A mail rendered before: leaves as the bytes that were kept, with its files in their places."""

    def __init__(self, text: Wire, *, sender: str, recipients: list[str]) -> None:
        super().__init__(recipients=list[str | tuple[str, str]](recipients), sender=sender, body="")
        self.text = text

    def as_bytes(self) -> Wire:  # type: ignore[override]
        return self.text


class Result(Enum):
    """How a row fared, as far as the connection is concerned: BROKEN means that the next needs a new one."""

    SENT = auto()
    REFUSED = auto()
    BROKEN = auto()


class Sender(Workplace):
    """Drains the outbox."""

    def drain(self) -> int:
        """Send everything that is due; returns how many the server took. Connects only if there is something."""
        if self.settings.smtp is None:
            return 0
        taken = 0
        while (held := self._claim()) is not None:
            failpoint("P8.claimed")
            with self.app.app_context():
                try:
                    entered = ExitStack()
                    connection = entered.enter_context(Connection(self.settings.smtp))
                except (OSError, smtplib.SMTPException) as error:
                    self._put_off(held, error)
                    return taken
                with entered:
                    while held is not None:
                        result = self._send(connection, held)
                        taken += result is Result.SENT
                        if result is Result.BROKEN:
                            break
                        held = self._claim()
                        if held:
                            failpoint("P8.claimed")
        return taken

    def _claim(self) -> Claim | None:
        with transaction(self.make) as session:
            return outbox.claim(session, at=self.clock())

    def _send(self, connection: Connection, held: Claim) -> Result:
        """Send one claimed row and mark it."""
        with self.make() as session:
            row = session.scalars(select(Outgoing).where(Outgoing.id == held.id)).one()
            withheld = replies.withheld(
                session, row, at=self.clock(), zone=self.settings.zone, own=self.settings.mail_from
            )
        if withheld:
            with transaction(self.make) as session:
                outbox.refused(session, held, error=withheld)
            log.warning("withheld", outgoing=held.id, why=withheld)
            return Result.REFUSED
        try:
            text = Wire(row.rendered or self._render(row, held), letters.files(row), self.blobs)
        except (ValueError, TemplateError, FileNotFoundError) as error:
            # an address that cannot be written, a broken template, a file that is not what it was
            with transaction(self.make) as session:
                outbox.refused(session, held, error=_line(error))
            log.exception("mail cannot be rendered", outgoing=held.id)
            return Result.REFUSED
        host = connection.host
        host.before_dot = lambda: self._hand_over(held)
        sender = parseaddr(self.settings.bounce_address or self.settings.mail_from)[1]
        try:
            with self._lease(held):
                connection.send(Kept(text, sender=sender, recipients=row.still_to_get_it), envelope_from=sender)
        except ClaimLost:
            host.close()  # in the middle of DATA: the server drops what it has
            log.warning("claim lost before the dot was sent", outgoing=held.id)
            return Result.BROKEN
        except smtplib.SMTPRecipientsRefused as error:
            return self._recipients_refused(row, held, error.recipients)
        except smtplib.SMTPResponseException as error:
            return self._answered(held, error.smtp_code, error.smtp_error)
        except ValueError as error:  # an address that this server's language cannot say
            with transaction(self.make) as session:
                outbox.refused(session, held, error=_line(error))
            return Result.BROKEN
        except (OSError, smtplib.SMTPException) as error:
            if host.text_left:
                with transaction(self.make) as session:
                    outbox.doubtful(session, held, at=self.clock(), error=_line(error))
            else:
                self._put_off(held, error)
            return Result.BROKEN
        failpoint("P11.before_commit")
        with transaction(self.make) as session:
            refused = {address: _said(*answer) for address, answer in host.refused.items()}
            if not outbox.sent(session, held, at=self.clock(), reply=host.reply, refused=refused):
                log.error("sent, but the claim was lost meanwhile", outgoing=held.id)
        failpoint("P11.after_commit")
        log.info("sent", outgoing=held.id, kind=row.kind, reply=host.reply)
        return Result.SENT

    def _render(self, row: Outgoing, held: Claim) -> bytes:
        rendered = letters.render(self.app, self.settings, row)
        with transaction(self.make) as session:
            if not outbox.keep_rendered(session, held, rendered):
                raise ClaimLost
        return rendered

    def _hand_over(self, held: Claim) -> None:
        with transaction(self.make) as session:
            if not outbox.hand_over(session, held, at=self.clock()):
                raise ClaimLost
        failpoint("P9.handed_over")

    def _recipients_refused(self, row: Outgoing, held: Claim, answers: Mapping[str, tuple[int, bytes]]) -> Result:
        """The server took none of the recipients. Where others had the mail before, it stays sent."""
        code, text = max(answers.values())
        if row.sent_at is None or code < 500:
            return self._answered(held, code, text)
        refused = {address: _said(*answer) for address, answer in answers.items()}
        with transaction(self.make) as session:
            outbox.sent(session, held, at=row.sent_at, reply=row.reply or "", refused=refused)
        return Result.REFUSED

    def _answered(self, held: Claim, code: int, text: bytes | str) -> Result:
        """The server refused: for now (4xx), or for good (5xx). The connection may go on."""
        said = _said(code, text)
        with transaction(self.make) as session:
            if 400 <= code < 500:
                outbox.put_off(session, held, at=self.clock(), error=said)
            else:
                outbox.refused(session, held, error=said)
        log.warning("the mail server refused", outgoing=held.id, said=said)
        return Result.BROKEN if code == 421 else Result.REFUSED

    def _put_off(self, held: Claim, error: Exception) -> None:
        with transaction(self.make) as session:
            outbox.put_off(session, held, at=self.clock(), error=_line(error))
        log.warning("not sent yet", outgoing=held.id, error=_line(error))

    @contextmanager
    def _lease(self, held: Claim) -> Iterator[None]:
        """Renew the claim while the server takes its time."""
        done = threading.Event()

        def renew() -> None:
            while not done.wait(RENEW_SECONDS):
                try:
                    with transaction(self.make) as session:
                        if not outbox.renew(session, held, at=self.clock()):
                            return
                except SQLAlchemyError as error:
                    log.warning("lease not renewed; trying again", outgoing=held.id, error=str(error))

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _said(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


_sender: Sender | None = None


def drain_outbox() -> int:
    """The job: hear the bell, then send everything that is due."""
    global _sender
    if _sender is None:
        _sender = Sender.of_this_process()
    try:
        Bell(connect(_sender.settings.redis_url)).heard()
    except RedisError as error:
        log.warning("bell not cleared", error=str(error))
    return _sender.drain()
