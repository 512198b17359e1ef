"""A recording SMTP server that fails exactly as it is told.

    with SmtpServer() as smtp:
        smtp.answer("RCPT", "451 4.3.0 later")      # once; times=None for good, to="…" where the argument holds that
        smtp.hang("DOT")                            # after the final dot: no answer, mail not taken
        smtp.drop("DOT", accepted=True)             # took the mail and never said so
        mail = smtp.wait_for(lambda mail: "Re:" in mail.header("Subject"))

Where a step can be set: CONNECT (instead of the banner), EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA (instead of 354),
BODY (after 354, in mid-message: hang or drop), DOT (after the final dot), RSET, QUIT. Steps at one place are used up in
the order given. An answer of 421 also hangs up, as servers do.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import functools
import itertools
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, AnyStr, Literal, Self, TypeVar
from urllib.parse import quote

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.rigs.certificate import Certificate

COMMANDS = ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "QUIT")
PLACES = (*COMMANDS, "CONNECT", "BODY", "DOT")
TAKEN = "250 2.0.0 queued"

Found = TypeVar("Found")


@dataclass(frozen=True)
class Mail:
    """A message the server took, with the envelope it came in."""

    mail_from: str  # "" is the null sender
    recipients: tuple[str, ...]
    content: bytes
    at: float  # time.time()
    connection: int
    answered: bool  # False: taken, but the sender was never told

    @functools.cached_property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.content, policy=email.policy.default)

    @property
    def message_id(self) -> str:
        return self.header("Message-ID").strip()

    def header(self, name: str) -> str:
        return str(self.message.get(name, ""))

    def text(self, subtype: Literal["plain", "html"] = "plain") -> str:
        """What a reader sees, with plain line ends."""
        part = self.message.get_body((subtype,))
        return str(part.get_content()).replace("\r\n", "\n") if part else ""


@dataclass(frozen=True)
class Command:
    """What a client said and what it heard; `place` as in PLACES."""

    connection: int
    place: str
    argument: str
    at: float  # time.time()
    answers: list[str] = field(default_factory=list)


@dataclass
class Step:
    place: str
    act: Literal["answer", "hang", "drop", "delay"]
    times: int | None
    to: str
    reply: str = ""
    seconds: float = 0.0
    accepted: bool = False


class SmtpServer:
    """`certificate` offers STARTTLS (with `tls` it is TLS from the first byte), `login` asks for user and password."""

    def __init__(
        self, *, certificate: Certificate | None = None, tls: bool = False, login: tuple[str, str] | None = None
    ) -> None:
        self.certificate, self.tls, self.login = certificate, tls, login
        self.port = 0
        self._steps: list[Step] = []
        self._mails: list[Mail] = []
        self._log: list[Command] = []
        self._changed = threading.Condition()
        self._numbers = itertools.count(1)
        self._open: set[_Connection] = set()
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp rig", daemon=True)

    # what goes wrong

    def answer(self, place: str, reply: str, *, times: int | None = 1, to: str = "") -> None:
        self._add(Step(place, "answer", times, to, reply=reply))

    def hang(self, place: str, *, accepted: bool = False, times: int | None = 1, to: str = "") -> None:
        """Say nothing until the client gives up. `accepted` means something at DOT only."""
        self._add(Step(place, "hang", times, to, accepted=accepted))

    def drop(self, place: str, *, accepted: bool = False, times: int | None = 1, to: str = "") -> None:
        self._add(Step(place, "drop", times, to, accepted=accepted))

    def delay(self, place: str, seconds: float, *, times: int | None = 1, to: str = "") -> None:
        self._add(Step(place, "delay", times, to, seconds=seconds))

    def _add(self, step: Step) -> None:
        assert step.place in PLACES, f"{step.place} is none of {PLACES}"
        assert step.place != "BODY" or step.act in ("hang", "drop"), "in mid-message a server can only hang or drop"
        with self._changed:
            self._steps.append(step)

    def heal(self) -> None:
        """Forget the steps not yet taken; who hangs already goes on hanging."""
        with self._changed:
            self._steps.clear()

    def stop(self) -> None:
        """Hang up and refuse connections; `start` comes back on the same port with all it knew."""
        self._call(self._unlisten())

    # what went on

    @property
    def url(self) -> str:
        scheme = "smtp" if not self.certificate else "smtps" if self.tls else "smtp+starttls"
        login = "".join(f"{quote(word, safe='')}{end}" for word, end in zip(self.login or (), ":@", strict=False))
        return f"{scheme}://{login}127.0.0.1:{self.port}"

    @property
    def mails(self) -> list[Mail]:
        with self._changed:
            return list(self._mails)

    @property
    def log(self) -> list[Command]:
        with self._changed:
            return list(self._log)

    @property
    def connections(self) -> int:
        """How many there have been."""
        return len({command.connection for command in self.log})

    def wait_for(self, predicate: Callable[[Mail], object] = bool, timeout: float = 10.0) -> Mail:
        """The first mail the predicate likes, as soon as it is there."""
        return self._wait(lambda: next((mail for mail in self._mails if predicate(mail)), None), timeout)

    def wait_for_count(self, count: int, timeout: float = 10.0) -> list[Mail]:
        return self._wait(lambda: list(self._mails) if len(self._mails) >= count else None, timeout)

    def wait_for_command(self, place: str, timeout: float = 10.0) -> Command:
        """The first time a client came that far: the moment to kill a worker at, say."""
        return self._wait(lambda: next((each for each in self._log if each.place == place), None), timeout)

    def _wait(self, look: Callable[[], Found | None], timeout: float) -> Found:
        with self._changed:
            found = self._changed.wait_for(look, timeout)
            if found:
                return found
            received = [f"{', '.join(mail.recipients)}: {mail.header('Subject')}" for mail in self._mails]
            heard = [f"{each.connection} {each.place} {each.argument} -> {each.answers}" for each in self._log[-20:]]
        raise AssertionError(f"not within {timeout:g} s\nmails: {received}\nlast commands:\n" + "\n".join(heard))

    # how it lives

    def start(self) -> Self:
        if not self._thread.is_alive():
            self._thread.start()
        if not self._listener:
            self._call(self._listen())
        return self

    def fresh(self) -> Self:
        """As new: listening, nobody connected, no steps, no mails, no log."""
        self._call(self._unlisten())
        with self._changed:
            self._steps.clear()
            self._mails.clear()
            self._log.clear()
            self._numbers = itertools.count(1)
        return self.start()

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        context = self.certificate.server_context() if self.certificate and self.tls else None
        self._listener = await self._loop.create_server(
            lambda: _Connection(self, next(self._numbers)), "127.0.0.1", self.port, ssl=context
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _unlisten(self) -> None:
        if self._listener:
            self._listener.close()
            self._listener = None
        for connection in list(self._open):
            connection.hang_up()
        for _ in range(100):
            if not self._open:
                break
            await asyncio.sleep(0.01)
        self._open.clear()

    # what its connections ask and tell

    def next_step(self, place: str, argument: str) -> Step | None:
        with self._changed:
            for step in self._steps:
                if step.place == place and step.to.lower() in argument.lower():
                    if step.times is not None:
                        step.times -= 1
                        if step.times == 0:
                            self._steps.remove(step)
                    return step
        return None

    def keep(self, mail: Mail) -> None:
        with self._changed:
            self._mails.append(mail)
            self._changed.notify_all()

    def note(self, command: Command) -> Command:
        with self._changed:
            self._log.append(command)
            self._changed.notify_all()
        return command

    def connected(self, connection: _Connection, there: bool) -> None:
        (self._open.add if there else self._open.discard)(connection)


class _Receiver:
    """aiosmtpd's handler: the mail is all there, with its final dot."""

    async def handle_DATA(self, server: _Connection, session: Session, envelope: Envelope) -> str:
        return await server.take(envelope)


class _Connection(SMTP):
    def __init__(self, rig: SmtpServer, number: int) -> None:
        super().__init__(
            _Receiver(),
            hostname="smtp.rig.test",
            data_size_limit=64 * 1024 * 1024,
            enable_SMTPUTF8=True,
            tls_context=rig.certificate.server_context() if rig.certificate and not rig.tls else None,
            auth_require_tls=bool(rig.certificate and not rig.tls),
            authenticator=self._authenticate_as_told,
            timeout=3600,
            loop=rig._loop,
        )
        self.rig, self.number = rig, number
        self._now = Command(number, "CONNECT", "", time.time())
        for place in COMMANDS:
            self._smtp_methods[place] = functools.partial(self._scripted, place, self._smtp_methods[place])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.rig.connected(self, True)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.rig.connected(self, False)
        super().connection_lost(error)

    def hang_up(self) -> None:
        socket = self._original_transport or self.transport  # after STARTTLS the one below TLS
        with contextlib.suppress(AttributeError):  # asyncio's TLS transport, when it was closed a moment ago
            if isinstance(socket, asyncio.Transport):
                socket.abort()

    async def push(self, status: AnyStr) -> None:
        text = status if isinstance(status, str) else status.decode(errors="replace")
        self._now.answers.append(text)
        await super().push(status)
        if text.startswith("421") and self.transport:
            self.transport.close()

    async def _handle_client(self) -> None:
        self._now = self.rig.note(self._now)
        if await self._interrupted("CONNECT", ""):
            self.hang_up()
        else:
            await super()._handle_client()

    async def _scripted(self, place: str, method: Callable[[str | None], Any], argument: str | None) -> None:
        self._note(place, argument or "")
        if await self._interrupted(place, argument or ""):
            return
        if place == "MAIL" and self.rig.login and not (self.session and self.session.authenticated):
            await self.push("530 5.7.0 Authentication required")
        elif place == "DATA" and (step := self.rig.next_step("BODY", "")):
            await self.push("354 go on")
            await self._reader.readline()
            self._note("BODY", "")
            await self._vanish(step)
        else:
            await method(argument)

    async def take(self, envelope: Envelope) -> str:
        self._note("DOT", " ".join(envelope.rcpt_tos))
        step = self.rig.next_step("DOT", self._now.argument)
        if step and step.act == "answer" and not step.reply.startswith("2"):
            return step.reply
        if step and step.act == "delay":
            await asyncio.sleep(step.seconds)
        silent = bool(step and step.act in ("hang", "drop"))
        if not silent or (step and step.accepted):
            sender = (envelope.mail_from or "").removeprefix("<").removesuffix(">")
            content = bytes(envelope.original_content or b"")
            taken = Mail(sender, tuple(envelope.rcpt_tos), content, time.time(), self.number, not silent)
            self.rig.keep(taken)
        if step and silent:
            await self._vanish(step)
        return step.reply if step and step.reply else TAKEN

    async def _interrupted(self, place: str, argument: str) -> bool:
        step = self.rig.next_step(place, argument)
        if step is None:
            return False
        if step.act == "delay":
            await asyncio.sleep(step.seconds)
            return False
        if step.act == "answer":
            await self.push(step.reply)
            return True
        await self._vanish(step)
        return True

    async def _vanish(self, step: Step) -> None:
        if step.act == "hang":
            await asyncio.Event().wait()  # until connection_lost cancels us
        self.hang_up()
        raise asyncio.CancelledError

    def _note(self, place: str, argument: str) -> None:
        self._now = self.rig.note(Command(self.number, place, argument, time.time()))

    def _authenticate_as_told(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, proof: Any
    ) -> AuthResult:
        given = (proof.login.decode(), proof.password.decode()) if isinstance(proof, LoginPassword) else None
        return AuthResult(success=given is not None and given == self.rig.login, handled=False)
