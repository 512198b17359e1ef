"""The reader: mails are read in a child process with limits, so that a mail can bring down its reader and nothing else.

The child lives long and reads one mail after the other, while its parent commits those before. One that dies is
replaced; the mail it died of is tried once more in a fresh child unless it had used up its time, and is then
unreadable. See `child` for what is said between the two.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import structlog

from complaints.blobs import Written
from intake import wire
from intake.classify import Kind
from intake.mail import Mail, Unreadable

log = structlog.get_logger(__name__)
ROOT = Path(__file__).parent.parent
LONGEST_ANSWER = 64 * 1024 * 1024
PIPE = 1024 * 1024
"""Octets of answers that wait while the parent commits."""
MOST_DEATHS = 2
LAST_BREATH = 2.0
"""Seconds that a child may take to end after its last word."""


@dataclass(frozen=True)
class Limits:
    """What one mail may use. Memory counts all that the child maps, its program too."""

    cpu_seconds: int = 8
    wall_seconds: float = 30
    memory: int = 512 * 1024 * 1024


@dataclass(frozen=True)
class Understood:
    """What a message says and what kind it is. `written`: its files, not yet settled in the blob store."""

    mail: Mail
    kind: Kind
    written: tuple[Written, ...] = ()
    safe_html: str = ""


@dataclass(frozen=True)
class Request:
    """A kept mail to be read: its name in the blob store, and a charset that a person chose. Without `files` nothing is
    written; with `safe_html` its page is made safe, too."""

    raw: str
    charset: str = ""
    files: bool = True
    safe_html: bool = False

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


class Died(Exception):
    """The child is gone: of a signal, by its own will, or killed by us after too long a time."""

    def __init__(self, cause: str, *, out_of_time: bool = False) -> None:
        self.cause = cause
        self.out_of_time = out_of_time


class Reader:
    """Reads kept mails. For one thread; the child starts with the first mail and ends with `close`."""

    def __init__(
        self,
        store: Path,
        *,
        own_addresses: Collection[str] = (),
        own_message_domain: str = "",
        limits: Limits | None = None,
    ) -> None:
        self.store = store
        self.limits = limits or Limits()
        self._hello = {
            "own": sorted(own_addresses), "domain": own_message_domain, "cpu_seconds": self.limits.cpu_seconds,
            "memory": self.limits.memory,
        }  # fmt: skip
        self._child: subprocess.Popen[bytes] | None = None
        self._asked: deque[Request] = deque()
        self._read = b""

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, request: Request) -> Understood | Unreadable:
        """One mail. Raises `OSError` when the blob store cannot be read."""
        return next(self.read_all([request]))

    def start(self) -> None:
        """Begin now, so that the first mail need not wait for it."""
        if self._child is None:
            self._start()

    def ask(self, requests: Sequence[Request]) -> None:
        """Have the child read these after what it was asked before; `read_all` with the same ones fetches the
        answers."""
        self._asked.extend(requests)
        self._send(requests)

    def read_all(self, requests: Sequence[Request]) -> Iterator[Understood | Unreadable]:
        """What each of these says, in order, or why it cannot be read. Raises `OSError` when the blob store fails."""
        if list(islice(self._asked, len(requests))) != list(requests):
            self.close()  # nobody came for other answers
            self.ask(requests)
        for request in requests:
            try:
                answer = self._answer(request)
            except BaseException:
                self.close()  # what comes next out of the pipe would be taken for another mail's answer
                raise
            self._asked.popleft()
            yield answer

    def close(self) -> None:
        """End the child and forget what it was asked."""
        self._asked.clear()
        self._end()

    def _answer(self, request: Request) -> Understood | Unreadable:
        deaths = 0
        while True:
            try:
                return self._next()
            except Died as died:
                log.warning("the reader died", raw=request.raw, cause=died.cause)
                deaths += 1
                self._end()
                if died.out_of_time or deaths == MOST_DEATHS:
                    self._send(list(self._asked)[1:])
                    return Unreadable("reader_died", cause=died.cause)
                self._send(self._asked)

    def _next(self) -> Understood | Unreadable:
        while True:
            deadline = time.monotonic() + self.limits.wall_seconds
            head = self._take(5, deadline)
            body = self._take(int.from_bytes(head[1:], "big"), deadline)
            match head[:1]:
                case b"m" | b"u":
                    try:
                        return _understood(body) if head[:1] == b"m" else _unreadable(body)
                    except Exception:  # a child that a mail took over may say anything
                        raise self._killed("garbage") from None
                case b"o":
                    raise OSError(body.decode("utf-8", "replace"))
                case b"e":
                    self._end()
                    self._send(self._asked)
                case _:
                    raise self._killed("garbage")

    def _take(self, octets: int, deadline: float) -> bytes:
        assert self._child is not None
        assert self._child.stdout is not None
        if octets > LONGEST_ANSWER:
            raise self._killed("garbage")
        out = self._child.stdout.fileno()
        while len(self._read) < octets:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                raise self._killed("wall time", out_of_time=True)
            got = os.read(out, 1 << 18)
            if not got:
                code = self._ended()
                raise Died("processor time", out_of_time=True) if code == -signal.SIGXCPU else Died(f"exit {code}")
            self._read += got
        taken, self._read = self._read[:octets], self._read[octets:]
        return taken

    def _send(self, requests: Iterable[Request]) -> None:
        requests = list(requests)
        if not requests:
            return
        child = self._child or self._start()
        assert child.stdin is not None
        with suppress(BrokenPipeError):  # it died: whoever waits for the answer learns how
            child.stdin.write(b"".join([request.line() for request in requests]))
            child.stdin.flush()

    def _start(self) -> "subprocess.Popen[bytes]":
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "TZ")}
        child = subprocess.Popen(
            [sys.executable, "-m", "intake.child", str(self.store.absolute())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pipesize=PIPE, cwd=ROOT, umask=0o077,
            env={**kept, "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "2"},
        )  # fmt: skip
        self._child, self._read = child, b""
        assert child.stdin is not None
        child.stdin.write(json.dumps(self._hello).encode() + b"\n")
        return child

    def _ended(self) -> int:
        """The exit code of a child that says no more; one that only fell silent is ended."""
        assert self._child is not None
        with suppress(subprocess.TimeoutExpired):
            return self._child.wait(LAST_BREATH)
        self._child.kill()
        return self._child.wait()

    def _killed(self, cause: str, *, out_of_time: bool = False) -> Died:
        if self._child is not None:
            self._child.kill()
        return Died(cause, out_of_time=out_of_time)

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what it was asked last is asked again
                    pipe.close()
        child.wait()


def _unreadable(body: bytes) -> Unreadable:
    said = json.loads(body)
    return Unreadable(said["reason"], **said["values"])


def _understood(body: bytes) -> Understood:
    head, _, mail = body.partition(b"\n")
    said: dict[str, Any] = json.loads(head)
    kind = said["kind"]
    kind["cited_message_ids"] = tuple(kind["cited_message_ids"])
    return Understood(
        wire.loads(mail), Kind(**kind), tuple(Written(*each) for each in said["written"]), said["safe_html"]
    )
