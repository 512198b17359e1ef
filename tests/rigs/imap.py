"""A fake IMAP server: real sockets of 127.0.0.1, the very bytes it was given, and every fault that it is told to have.

    with ImapServer() as server:
        uid = server.deliver(raw)
        server.refuse("MOVE", "NO [OVERQUOTA] full")             # for good; uid=7 where the command names that one
        server.drop("FETCH", after=b"BODY[] {")                  # hang up in mid-answer; hang() says no more instead
        server.say("SEARCH", rb"* 9 FETCH (FLAGS (\\Seen))")     # what nobody asked for, ahead of the answer
        server.reply("SEARCH", b"* SEARCH 0\r\n")                # in place of what the answer would be
        server.meanwhile("FETCH", lambda: server.expunge(uid))   # another client is quicker
        server.deliver(raw, says={"RFC822.SIZE": b"7"})          # a lie about one message

Commands go by their names without UID; CONNECT is the greeting, DONE the end of IDLE. `holding` narrows a step to the
commands whose argument holds that text. Dovecot is the honest server; this one has no protocol knowledge to spare, and
nothing is ever repaired.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote

from tests.rigs.certificate import Certificate

PLAIN = ("IMAP4rev1",)
MODERN = ("IMAP4rev1", "LITERAL+", "SASL-IR", "ID", "IDLE", "UIDPLUS", "MOVE", "AUTH=PLAIN", "AUTH=XOAUTH2")
GMAIL = ("IMAP4rev1", "UNSELECT", "IDLE", "NAMESPACE", "QUOTA", "ID", "XLIST", "CHILDREN", "X-GM-EXT-1", "UIDPLUS",
         "MOVE", "CONDSTORE", "ESEARCH", "LIST-EXTENDED", "LIST-STATUS", "LITERAL-", "SPECIAL-USE", "AUTH=PLAIN",
         "AUTH=XOAUTH2", "SASL-IR")  # fmt: skip
EXCHANGE = ("IMAP4", "IMAP4rev1", "AUTH=PLAIN", "AUTH=XOAUTH2", "SASL-IR", "UIDPLUS", "ID", "UNSELECT", "CHILDREN",
            "IDLE", "NAMESPACE", "LITERAL+")  # fmt: skip
SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")

_WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"|([^\s"]+)')
_ITEM = re.compile(r"BODY(?:\.PEEK)?\[[^\]]*\](?:<\d+\.\d+>)?|[A-Z0-9.]+", re.IGNORECASE)
_PART = re.compile(r"BODY(?P<peek>\.PEEK)?\[(?P<section>[^\]]*)\](?:<(?P<start>\d+)\.(?P<count>\d+)>)?")
_LITERAL = re.compile(rb"\{(\d+)(\+?)\}\r\n$")

Chunks = bytes | Callable[[], Iterable[bytes]]


@dataclass(eq=False)
class Message:
    """A message in a folder. `says` replaces items of FETCH answers, or leaves them out (None); one that is `silent`
    is left out of FETCH answers altogether."""

    uid: int
    raw: bytes
    at: datetime
    flags: set[str] = field(default_factory=set)
    says: Mapping[str, bytes | None] = field(default_factory=dict)
    silent: bool = False


@dataclass(eq=False)
class Folder:
    name: str
    uidvalidity: int
    uidnext: int = 1
    messages: list[Message] = field(default_factory=list)
    writable: bool = True

    def add(self, message: Message) -> Message:
        added = Message(self.uidnext, message.raw, message.at, set(message.flags), message.says, message.silent)
        self.messages.append(added)
        self.uidnext += 1
        return added


@dataclass(frozen=True)
class Command:
    """What a client said."""

    connection: int
    name: str
    argument: str
    at: float  # time.monotonic()


@dataclass(frozen=True)
class Touch:
    """A client marked, copied, moved or expunged messages of a folder."""

    command: str
    uidvalidity: int
    uids: tuple[int, ...]
    at: float  # time.monotonic()


@dataclass
class Step:
    command: str
    act: str
    times: int | None = 1
    uid: int | None = None
    holding: str = ""
    after: int | bytes | None = None
    chunks: Chunks = b""
    work: Callable[[], object] = bool

    def meant(self, command: Command) -> bool:
        if self.command != command.name or self.holding not in command.argument:
            return False
        return self.uid is None or _within(self.uid, _number_set(command.argument.split(" ")[0], 0))


class ImapServer:
    """One account. `certificate` makes it TLS from the first byte; `later` are the capabilities after the login, where
    they differ. `below_inbox` servers keep every folder under INBOX."""

    def __init__(
        self,
        *,
        capabilities: Sequence[str] = MODERN,
        later: Sequence[str] | None = None,
        certificate: Certificate | None = None,
        preauth: bool = False,
        below_inbox: bool = False,
        keywords: bool = True,
        longest_line: int = 65536,
    ) -> None:
        self.capabilities, self.later, self.certificate = capabilities, later, certificate
        self.preauth, self.keywords, self.longest_line = preauth, keywords, longest_line
        self.delimiter, self.below_inbox = "." if below_inbox else "/", below_inbox
        self.user, self.password, self.token = "support@mill.example", "p@ss/word%1", "a-token"
        self.port = 0
        self.folders = {"INBOX": Folder("INBOX", uidvalidity=1000)}
        self.on_move: Callable[[Touch], object] = bool  # told before anything is done
        self.touched: list[Touch] = []
        self.failures: list[BaseException] = []  # of the rig and of `on_move`: the end of a test looks here
        self.sent = 0  # octets, to everybody
        self.changed = threading.Condition()
        self._log: list[Command] = []
        self._steps: list[Step] = []
        self._open: set[_Connection] = set()
        self._numbers = itertools.count(1)
        self._epochs = itertools.count(1001)
        self._listener: socket.socket | None = None

    # what goes wrong

    # `times` (None for good), `uid` (a command that names it) and `holding` (a text of its argument) say when

    def refuse(self, command: str, reply: str, **when: Any) -> None:
        """Answer "NO …" or "BAD …", and do nothing. For good, unless told otherwise."""
        self._add(command, "refuse", **{"chunks": reply.encode(), "times": None, **when})

    def drop(self, command: str, *, after: int | bytes | None = None, **when: Any) -> None:
        """Hang up: with `after` None before anything is done, else in the answer, behind so many or these octets."""
        self._add(command, "drop", after=after, **when)

    def hang(self, command: str, *, after: int | bytes | None = None, **when: Any) -> None:
        """As `drop`, but say no more until the client gives up."""
        self._add(command, "hang", after=after, **when)

    def say(self, command: str, *lines: bytes, **when: Any) -> None:
        """Lines ahead of the answer."""
        self._add(command, "say", chunks=b"".join(line + b"\r\n" for line in lines), **when)

    def reply(self, command: str, chunks: Chunks, **when: Any) -> None:
        """These octets in place of the untagged answer; a function gives more of them than anybody would store."""
        self._add(command, "reply", chunks=chunks, **when)

    def meanwhile(self, command: str, work: Callable[[], object], **when: Any) -> None:
        """Something that happens just before the command is looked at."""
        self._add(command, "meanwhile", work=work, **when)

    def heal(self) -> None:
        """Forget every step not yet taken; who hangs already goes on hanging."""
        with self.changed:
            self._steps.clear()

    def _add(self, command: str, act: str, **how: Any) -> None:
        with self.changed:
            self._steps.append(Step(command, act, **how))

    # what others do in the mailbox

    def deliver(
        self,
        raw: bytes,
        folder: str = "INBOX",
        *,
        at: datetime | None = None,
        flags: Iterable[str] = (),
        says: Mapping[str, bytes | None] | None = None,
        silent: bool = False,
    ) -> int:
        """A new message, byte for byte; returns its UID. Who idles is told."""
        at = (at or datetime.now(UTC)).replace(microsecond=0)
        with self.changed:
            message = self.folder(folder).add(Message(0, raw, at, set(flags), says or {}, silent))
            self._tell()
            return message.uid

    def expunge(self, uid: int, folder: str = "INBOX") -> Message:
        """Somebody else takes a message away for good."""
        with self.changed:
            box = self.folder(folder)
            gone = next(message for message in box.messages if message.uid == uid)
            box.messages.remove(gone)
            self._tell()
            return gone

    def move(self, uid: int, folder: str, to: str) -> int:
        """Somebody else moves a message; returns its UID there."""
        with self.changed:
            there = self.folder(to).add(self.expunge(uid, folder))
            self._tell()
            return there.uid

    def mark(self, uid: int, *flags: str, folder: str = "INBOX") -> None:
        with self.changed:
            next(message for message in self.folder(folder).messages if message.uid == uid).flags = set(flags)

    def rebuild(self, folder: str = "INBOX") -> None:
        """Same messages, another UIDVALIDITY, UIDs from 1."""
        with self.changed:
            old = self.folders[folder]
            self.folders[folder] = new = Folder(folder, next(self._epochs))
            for message in old.messages:
                new.add(message)

    def restore(self, messages: Iterable[Message], *, uidnext: int, folder: str = "INBOX") -> None:
        """A backup is put back: these messages under the UIDs they had, the same UIDVALIDITY, an old UIDNEXT."""
        with self.changed:
            box = self.folders[folder]
            box.messages, box.uidnext = list(messages), uidnext

    def folder(self, name: str) -> Folder:
        """The folder of that name, made when it is missing."""
        with self.changed:
            if name not in self.folders:
                self.folders[name] = Folder(name, next(self._epochs))
            return self.folders[name]

    def uids(self, folder: str = "INBOX") -> list[int]:
        with self.changed:
            return [message.uid for message in self.folders[folder].messages] if folder in self.folders else []

    def _tell(self) -> None:
        for connection in self._open:
            if connection.idling:
                connection.send(connection.news())
        self.changed.notify_all()

    # what went on

    @property
    def url(self) -> str:
        scheme = "imaps" if self.certificate else "imap"
        return f"{scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@127.0.0.1:{self.port}/INBOX"

    @property
    def log(self) -> list[Command]:
        with self.changed:
            return list(self._log)

    def heard(self, name: str) -> list[Command]:
        return [command for command in self.log if command.name == name]

    def wait_for(self, name: str, count: int = 1, timeout: float = 10.0) -> list[Command]:
        """The commands of a name, as soon as there have been so many."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.heard(name)) >= count, timeout)
            found = self.heard(name)
        assert len(found) >= count, (
            f"{name} came {len(found)} times within {timeout:g} s, not {count}: {self.log[-20:]}"
        )
        return found

    def wait_for_idle(self, timeout: float = 10.0) -> None:
        """Until a client listens."""
        with self.changed:
            listening = self.changed.wait_for(lambda: any(each.idling for each in self._open), timeout)
        assert listening, f"nobody idled within {timeout:g} s: {self.log[-20:]}"

    # how it lives

    def start(self) -> Self:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self.port = self._listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(self._listener,), name="imap rig", daemon=True).start()
        return self

    def stop(self) -> None:
        """Hang up on everybody and refuse connections; `start` comes back on the same port with all its mail."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self.changed:
            open_now = list(self._open)
        for connection in open_now:
            connection.hang_up()
            connection.thread.join(10)

    close = stop

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = listener.accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection = _Connection(self, line, next(self._numbers))
                with self.changed:
                    self._open.add(connection)
                connection.thread.start()

    # what its connections ask and tell

    def note(self, command: Command) -> None:
        with self.changed:
            self._log.append(command)
            self.changed.notify_all()

    def next_step(self, command: Command) -> Step | None:
        """What was ordered for this command; whatever happens meanwhile is done here."""
        with self.changed:
            meant = [step for step in self._steps if step.meant(command)]
        for step in meant:
            if step.times is not None:
                step.times -= 1
                with self.changed:
                    self._steps = [step for step in self._steps if step.times != 0]
            if step.act != "meanwhile":
                return step
            step.work()
        return None

    def touch(self, command: str, folder: Folder, messages: Sequence[Message]) -> None:
        touch = Touch(command, folder.uidvalidity, tuple(message.uid for message in messages), time.monotonic())
        try:
            self.on_move(touch)
        except BaseException as error:
            self.failures.append(error)
        self.touched.append(touch)

    def left(self, connection: _Connection) -> None:
        with self.changed:
            self._open.discard(connection)


class _Refused(Exception):
    """A command is answered with this line."""


class _Left(Exception):
    """The connection is over."""


class _Connection:
    def __init__(self, server: ImapServer, line: socket.socket, number: int) -> None:
        self.thread = threading.Thread(target=self._run, name=f"imap rig {number}", daemon=True)
        self.server, self.number = server, number
        self.idling = self._by_uid = False
        self._socket = line
        self._signed_in = server.preauth
        self._folder: Folder | None = None
        self._view: list[Message] = []  # what this client was told of: its sequence numbers

    def _run(self) -> None:
        try:
            if self.server.certificate:
                self._socket = self.server.certificate.server_context().wrap_socket(self._socket, server_side=True)
            self._file = self._socket.makefile("rb")
            self._do(b"", Command(self.number, "CONNECT", "", time.monotonic()))
            while True:
                self._do(*self._next())
        except (OSError, _Left):
            pass
        except BaseException as error:
            self.server.failures.append(error)
        finally:
            self.hang_up()
            self.server.left(self)

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)
        self.server.sent += len(octets)

    # reading

    def _line(self) -> bytes:
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # a client may send a line in two parts
        line: bytes = self._file.readline(16 * 1024 * 1024)
        if not line.endswith(b"\n"):
            raise _Left
        return line

    def _next(self) -> tuple[bytes, Command]:
        line = self._line()
        while literal := _LITERAL.search(line):
            if not literal[2]:
                self.send(b"+ go on\r\n")
            given = self._file.read(int(literal[1]))
            line = line[: literal.start()] + _quoted(given) + self._line()
        tag, _, rest = line.rstrip(b"\r\n").partition(b" ")
        name, _, argument = rest.decode("utf-8", "replace").partition(" ")
        if name.upper() == "UID":
            name, _, argument = argument.partition(" ")
            name = f"UID {name}"
        command = Command(self.number, name.upper().removeprefix("UID "), argument, time.monotonic())
        self._by_uid = name.upper().startswith("UID ")
        self.server.note(command)
        if len(line) > self.server.longest_line:
            self.send(tag + b" BAD line too long\r\n")
            return self._next()
        return tag, command

    # answering

    def _do(self, tag: bytes, command: Command) -> None:
        step = self.server.next_step(command)
        act = step.act if step else ""
        if step and act in ("drop", "hang") and step.after is None:
            self._vanish(act)
        if step and act == "refuse":
            self.send((tag or b"*") + b" " + _octets(step) + b"\r\n")
            if not tag:
                raise _Left
            return
        answer = self._answer(tag, command, step)
        if step and act in ("drop", "hang"):
            self._cut(b"".join(answer), step.after or 0)
            self._vanish(act)
        for chunk in answer:
            self.send(chunk)
        if command.name == "LOGOUT":
            raise _Left

    def _answer(self, tag: bytes, command: Command, step: Step | None) -> Iterable[bytes]:
        if step and step.act == "reply":
            made = step.chunks() if callable(step.chunks) else [step.chunks]
            return itertools.chain(made, [tag + b" OK done\r\n"] if tag else [])
        ahead = [_octets(step)] if step and step.act == "say" else []
        method: Callable[[Command], list[bytes]] | None = getattr(self, f"do_{command.name.lower()}", None)
        try:
            if method is None or (self._by_uid and command.name not in _BY_NUMBER):
                raise _Refused("BAD unknown command")
            if not self._signed_in and command.name not in _BEFORE_LOGIN:
                raise _Refused("BAD log in first")
            if self._folder is None and command.name in _BY_NUMBER:
                raise _Refused("BAD select a folder first")
            if command.name == "IDLE":
                self.send(b"".join(ahead))
                ahead = []
            if self._by_uid:
                ahead.append(self.news())
            with contextlib.nullcontext() if command.name in _WAITING else self.server.changed:
                *untagged, last = method(command)
            if command.name not in ("FETCH", "STORE", "SEARCH") or self._by_uid:
                untagged.append(self.news())
        except _Refused as refusal:
            untagged, last = [], str(refusal).encode()
        return [*ahead, *untagged, *([tag + b" " + last + b"\r\n"] if tag else [last + b"\r\n"])]

    def _cut(self, answer: bytes, after: int | bytes) -> None:
        if isinstance(after, bytes):
            assert after in answer, f"{after!r} is not in {answer[:400]!r}"
            after = answer.index(after) + len(after)
        self.send(answer[:after])

    def _vanish(self, act: str) -> None:
        while act == "hang" and self._socket.recv(65536):
            pass
        raise _Left

    def news(self) -> bytes:
        """What happened to the folder since this client heard of it last."""
        if self._folder is None:
            return b""
        with self.server.changed:
            there, lines = list(self._folder.messages), b""
        for number in range(len(self._view), 0, -1):
            if self._view[number - 1] not in there:
                del self._view[number - 1]
                lines += b"* %d EXPUNGE\r\n" % number
        if len(there) > len(self._view):
            self._view = there
            lines += b"* %d EXISTS\r\n" % len(there)
        return lines

    # the commands; each returns its untagged lines and, last, the text of the tagged one

    def do_connect(self, _: Command) -> list[bytes]:
        return [b"* PREAUTH welcome back" if self.server.preauth else b"* OK ready"]

    def do_capability(self, _: Command) -> list[bytes]:
        return [b"* CAPABILITY " + self._capabilities() + b"\r\n", b"OK done"]

    def _capabilities(self) -> bytes:
        later = self._signed_in and self.server.later is not None
        return " ".join(self.server.later or () if later else self.server.capabilities).encode()

    def do_login(self, command: Command) -> list[bytes]:
        return self._admit(_words(command.argument) == [self.server.user, self.server.password])

    def do_authenticate(self, command: Command) -> list[bytes]:
        mechanism, _, given = command.argument.partition(" ")
        if not given:
            self.send(b"+ \r\n")
            given = self._line().strip().decode()
        proof = base64.b64decode(given)
        if mechanism.upper() == "PLAIN":
            return self._admit(proof.decode().split("\0")[1:] == [self.server.user, self.server.password])
        if mechanism.upper() != "XOAUTH2":
            raise _Refused("NO [CANNOT] unknown mechanism")
        wanted = f"user={self.server.user}\1auth=Bearer {self.server.token}\1\1".encode()
        if proof != wanted:
            self.send(b"+ " + base64.b64encode(b'{"status":"400","schemes":"Bearer"}') + b"\r\n")
            self._line()
        return self._admit(proof == wanted)

    def _admit(self, welcome: bool) -> list[bytes]:
        if not welcome:
            raise _Refused("NO [AUTHENTICATIONFAILED] wrong user or password")
        self._signed_in = True
        return [b"OK [CAPABILITY " + self._capabilities() + b"] signed in"]

    def do_id(self, _: Command) -> list[bytes]:
        return [b'* ID ("name" "imap rig")\r\n', b"OK done"]

    def do_noop(self, _: Command) -> list[bytes]:
        return [b"OK done"]

    def do_logout(self, _: Command) -> list[bytes]:
        return [b"* BYE so long\r\n", b"OK done"]

    def do_select(self, command: Command) -> list[bytes]:
        name = _words(command.argument)[0]
        if name not in self.server.folders:
            self._folder = None
            raise _Refused(f"NO [NONEXISTENT] no folder {name}")
        self._folder = box = self.server.folders[name]
        self._view = list(box.messages)
        flags = " ".join(SYSTEM_FLAGS).encode()
        kept = flags + (b" \\*" if self.server.keywords else b"")
        writable = box.writable and command.name == "SELECT"
        return [
            b"* %d EXISTS\r\n* 0 RECENT\r\n* FLAGS (%s)\r\n" % (len(box.messages), flags),
            b"* OK [PERMANENTFLAGS (%s)] kept\r\n" % (kept if writable else b""),
            b"* OK [UIDVALIDITY %d] since\r\n* OK [UIDNEXT %d] next\r\n" % (box.uidvalidity, box.uidnext),
            b"OK [READ-WRITE] done" if writable else b"OK [READ-ONLY] done",
        ]

    do_examine = do_select

    def do_list(self, command: Command) -> list[bytes]:
        wanted = _words(command.argument)[-1]
        names = [name for name in self.server.folders if wanted in ("*", "%", name)]
        lines = [
            b'* LIST (\\HasNoChildren) "%s" "%s"\r\n' % (self.server.delimiter.encode(), n.encode()) for n in names
        ]
        return [*lines, b"OK done"]

    def do_create(self, command: Command) -> list[bytes]:
        name = _words(command.argument)[0]
        if name in self.server.folders:
            raise _Refused("NO [ALREADYEXISTS] it is there")
        if self.server.below_inbox and not name.startswith(f"INBOX{self.server.delimiter}"):
            raise _Refused("NO folders live below INBOX")
        self.server.folder(name)
        return [b"OK done"]

    def do_status(self, command: Command) -> list[bytes]:
        name = _words(command.argument)[0]
        if name not in self.server.folders:
            raise _Refused("NO [NONEXISTENT] no such folder")
        box = self.server.folders[name]
        facts = {"MESSAGES": len(box.messages), "UIDNEXT": box.uidnext, "UIDVALIDITY": box.uidvalidity, "RECENT": 0,
                 "UNSEEN": sum("\\Seen" not in message.flags for message in box.messages)}  # fmt: skip
        asked = [word for word in re.findall(r"[A-Z]+", command.argument.rpartition("(")[2]) if word in facts]
        told = " ".join(f"{word} {facts[word]}" for word in asked)
        return [f'* STATUS "{name}" ({told})\r\n'.encode(), b"OK done"]

    def do_search(self, command: Command) -> list[bytes]:
        found = list(self._view)
        words = command.argument.split()
        while words:
            match words.pop(0).upper():
                case "ALL":
                    pass
                case "UID" if words:
                    wanted = _number_set(words.pop(0), self._last(uid=True))
                    found = [message for message in found if _within(message.uid, wanted)]
                case "UNSEEN" | "UNDELETED" as key:
                    flag = "\\" + key.removeprefix("UN").capitalize()
                    found = [message for message in found if flag not in message.flags]
                case numbers if re.fullmatch(r"[\d:*,]+", numbers):
                    wanted = _number_set(numbers, len(self._view))
                    found = [message for message in found if _within(self._view.index(message) + 1, wanted)]
                case _:
                    raise _Refused("BAD unknown search key")
        numbers = [message.uid if self._by_uid else self._view.index(message) + 1 for message in found]
        return [b"* SEARCH%s\r\n" % "".join(f" {number}" for number in numbers).encode(), b"OK done"]

    def do_fetch(self, command: Command) -> list[bytes]:
        messages, what = self._named(command)
        items = _ITEM.findall(what)
        if self._by_uid and "UID" not in (item.upper() for item in items):
            items.insert(0, "UID")
        return [*(self._fetched(message, items) for message in messages if not message.silent), b"OK done"]

    def _fetched(self, message: Message, items: Sequence[str]) -> bytes:
        told = []
        for item in items:
            name, value = self._item(message, item)
            value = message.says.get(name, value)
            if value is not None:
                told.append(name.encode() + b" " + value)
        return b"* %d FETCH (%s)\r\n" % (self._view.index(message) + 1, b" ".join(told))

    def _item(self, message: Message, item: str) -> tuple[str, bytes]:
        match item.upper():
            case "UID":
                return "UID", b"%d" % message.uid
            case "FLAGS":
                return "FLAGS", b"(%s)" % " ".join(sorted(message.flags)).encode()
            case "RFC822.SIZE":
                return "RFC822.SIZE", b"%d" % len(message.raw)
            case "INTERNALDATE":
                return "INTERNALDATE", message.at.strftime('"%d-%b-%Y %H:%M:%S %z"').encode()
        part = _PART.fullmatch(item) or _PART.fullmatch(item.upper())
        if part is None:
            raise _Refused(f"BAD unknown item {item}")
        if not part["peek"]:
            message.flags.add("\\Seen")
        content, name = _section(message.raw, part["section"]), f"BODY[{part['section']}]"
        if part["count"]:
            start = int(part["start"])
            content, name = content[start : start + int(part["count"])], f"{name}<{start}>"
        return name, b"{%d}\r\n%s" % (len(content), content)

    def do_store(self, command: Command) -> list[bytes]:
        messages, what = self._named(command)
        operation, _, flags = what.partition(" ")
        given = set(flags.strip("()").split())
        if not self.server.keywords and not given <= set(SYSTEM_FLAGS):
            raise _Refused("NO no such flag can be kept")
        self._touch(command, messages)
        for message in messages:
            kept = message.flags - given if operation.startswith("-") else given
            message.flags = message.flags | kept if operation.startswith("+") else kept
        silent = "SILENT" in operation.upper()
        return [*(self._fetched(message, ["UID", "FLAGS"]) for message in messages if not silent), b"OK done"]

    def do_copy(self, command: Command) -> list[bytes]:
        messages, to = self._named(command)
        target = self._target(to)
        self._touch(command, messages)
        there = [target.add(message) for message in messages]
        return [b"OK " + self._copyuid(target, messages, there)]

    def do_move(self, command: Command) -> list[bytes]:
        self._need("MOVE")
        messages, to = self._named(command)
        target = self._target(to)
        self._touch(command, messages)
        code = self._copyuid(target, messages, [target.add(message) for message in messages])
        self._remove(messages)
        return [b"* OK " + code + b"\r\n", b"OK done"]

    def do_expunge(self, command: Command) -> list[bytes]:
        if self._by_uid:
            self._need("UIDPLUS")
        named = self._named(command)[0] if self._by_uid else self._view
        messages = [message for message in named if "\\Deleted" in message.flags]
        self._touch(command, messages)
        self._remove(messages)
        return [b"OK done"]

    def do_idle(self, _: Command) -> list[bytes]:
        self._need("IDLE")
        with self.server.changed:
            self.send(b"+ idling\r\n" + self.news())
            self.idling = True
            self.server.changed.notify_all()
        try:
            argument = self._line().strip().decode("utf-8", "replace")
        finally:
            with self.server.changed:
                self.idling = False
        done = Command(self.number, "DONE", argument, time.monotonic())
        self.server.note(done)
        if (step := self.server.next_step(done)) and step.act in ("drop", "hang"):
            self._vanish(step.act)
        return [b"OK done"]

    # messages by number

    def _last(self, *, uid: bool) -> int:
        return (self._view[-1].uid if uid else len(self._view)) if self._view else 0

    def _named(self, command: Command) -> tuple[list[Message], str]:
        which, _, rest = command.argument.partition(" ")
        wanted = _number_set(which, self._last(uid=self._by_uid))
        assert self._folder is not None
        there = set(map(id, self._folder.messages))
        numbered = [(m.uid if self._by_uid else number, m) for number, m in enumerate(self._view, 1)]
        return [message for number, message in numbered if _within(number, wanted) and id(message) in there], rest

    def _target(self, argument: str) -> Folder:
        name = _words(argument)[0]
        if name not in self.server.folders:
            raise _Refused(f"NO [TRYCREATE] no folder {name}")
        if not self.server.folders[name].writable:
            raise _Refused(f"NO [NOPERM] {name} is read-only")
        return self.server.folders[name]

    def _copyuid(self, target: Folder, messages: Sequence[Message], there: Sequence[Message]) -> bytes:
        if b"UIDPLUS" not in self._capabilities().split() or not messages:
            return b"done"
        here, new = (",".join(str(message.uid) for message in each).encode() for each in (messages, there))
        return b"[COPYUID %d %s %s] done" % (target.uidvalidity, here, new)

    def _need(self, capability: str) -> None:
        if capability.encode() not in self._capabilities().split():
            raise _Refused("BAD unknown command")

    def _touch(self, command: Command, messages: Sequence[Message]) -> None:
        assert self._folder is not None
        self.server.touch(command.name, self._folder, messages)

    def _remove(self, messages: Sequence[Message]) -> None:
        assert self._folder is not None
        self._folder.messages[:] = [message for message in self._folder.messages if message not in messages]


_BEFORE_LOGIN = {"CONNECT", "CAPABILITY", "LOGIN", "AUTHENTICATE", "ID", "NOOP", "LOGOUT"}
_WAITING = {"AUTHENTICATE", "IDLE"}  # they read on, and the world goes on meanwhile
_BY_NUMBER = {"SEARCH", "FETCH", "STORE", "COPY", "MOVE", "EXPUNGE"}


def _octets(step: Step) -> bytes:
    return step.chunks if isinstance(step.chunks, bytes) else b"".join(step.chunks())


def _number_set(text: str, last: int) -> list[range]:
    """The numbers of "1,4:6,9:*", where * is `last`; ask with `_within`."""
    if not re.fullmatch(r"[\d*]+(:[\d*]+)?(,[\d*]+(:[\d*]+)?)*", text):
        raise _Refused("BAD that is no sequence set")
    ends = [[last if end == "*" else int(end) for end in each.split(":")] for each in text.split(",")]
    return [range(min(each), max(each) + 1) for each in ends]


def _within(number: int, wanted: list[range]) -> bool:
    return any(number in each for each in wanted)


def _section(raw: bytes, section: str) -> bytes:
    head, gap, _ = raw.partition(b"\r\n\r\n")
    name, _, fields = section.upper().partition(" ")
    if name == "HEADER":
        return head + gap
    if name == "TEXT":
        return raw[len(head + gap) :]
    if name == "HEADER.FIELDS":
        wanted = {word.encode() for word in fields.strip("()").split()}
        lines = re.split(rb"\r\n(?![ \t])", head)
        return b"".join(line + b"\r\n" for line in lines if line.partition(b":")[0].upper() in wanted) + b"\r\n"
    if name:
        raise _Refused("BAD unknown section")
    return raw


def _words(argument: str) -> list[str]:
    found = _WORD.findall(argument.encode())
    return [(re.sub(rb"\\(.)", rb"\1", quoted) or word).decode() for quoted, word in found]


def _quoted(literal: bytes) -> bytes:
    return b'"' + re.sub(rb'(["\\])', rb"\\\1", literal) + b'"'
