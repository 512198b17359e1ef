"""Parts: a fill is made some thousands of complaints at a time, each part while the one before it is being written.

A maker makes one part after the other, each from the numbers where the last one ended. Where there are many it works in
a process of its own; the parts are the same. A part lies in a file of its own until it is in the ledger.
"""

import multiprocessing
import shutil
import signal
import sqlite3
import traceback
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from complaints.demo.journeys import Author, Repeats
from complaints.demo.scribe import Scribe
from complaints.demo.tables import COLUMNS, Rows, columns
from complaints.history import GENESIS, Change, Written, link_of
from complaints.letters import Letter

LINK = "link(complaint_id, position, at, by_id, act, digest)"
VALUES = 400
"""About so many in one statement: most of the time of a short row goes into starting and ending its own."""


@dataclass(frozen=True)
class Part:
    """Complaints as rows in an SQLite file, in tables that are named as the ledger's.

    `last` are the last numbers given out before it, and `wanted` how many it takes of each kind; `wrote` says when each
    of the customers' people wrote last."""

    file: Path
    complaints: int
    last: Mapping[str, int]
    wanted: Mapping[str, int]
    wrote: Mapping[str, str]


@dataclass
class Maker:
    """Makes the parts of a plan (`parts`). Author and scribe share one source of chance; `last` are the last numbers
    given."""

    author: Author
    scribe: Scribe
    parts: Sequence[Sequence[int]]
    seed: int
    last: dict[str, int]
    folder: Path
    repeats: Repeats = field(default_factory=Repeats)

    def part(self, n: int, last: Mapping[str, int] | None) -> Part:
        """Part `n` of the plan, after these last numbers or else after those of the part that was made before it."""
        self.last.update(last or {})
        self.scribe.rng.seed(f"{self.seed}/{n}")  # so that a part made anew tells the same stories
        journeys = self.author.journeys(self.parts[n])
        self.repeats.count(n, journeys)
        rows, wanted = self.scribe.write(journeys, self.last)
        before = {kind: self.last.get(kind, 0) for kind in wanted}
        self.last.update({kind: before[kind] + wanted[kind] for kind in wanted})
        file = self.folder / f"{n}.sqlite3"
        _put_down(file, rows, self.scribe.salt)
        return Part(file, len(journeys), before, wanted, _wrote(rows[Letter]))


def _put_down(file: Path, rows: Rows, salt: str) -> None:
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("pragma page_size=65536")  # it is only ever written and read in order
        connection.execute("pragma journal_mode=off")
        connection.execute("pragma synchronous=off")
        connection.execute("begin")
        for model, values in rows.items():
            table, names = "told" if model is Change else f'"{model.__tablename__}"', columns(model)
            connection.execute(f"CREATE TABLE {table} ({_quoted(names)})")
            row, begin = f"({', '.join('?' * len(names))})", 0
            for together in (VALUES // len(names), 1):
                step = together * len(names)
                end = len(values) - (len(values) - begin) % step
                connection.executemany(
                    f"INSERT INTO {table} VALUES {', '.join([row] * together)}",
                    (values[n : n + step] for n in range(begin, end, step)),
                )
                begin = end
        made = {"salt": f"'{salt}' AS salt", "link": f"{LINK} AS link"}
        for view in (Change, Written):
            said = ", ".join(made.get(name, f'"{name}"') for name in COLUMNS[view].split())
            connection.execute(f"CREATE VIEW {view.__tablename__} AS SELECT {said} FROM told")
        connection.execute("commit")


def read(connection: sqlite3.Connection) -> None:
    """Let a connection read parts: it makes the links of the chains, which needs the changes in their order."""
    before = GENESIS

    def link(complaint_id: int, position: int, at: str, by_id: int | None, act: str, digest: str) -> str:
        nonlocal before
        start = GENESIS if position == 1 else before
        before = link_of(start, complaint_id, position, f"{at[:10]}T{at[11:]}Z", by_id, act, digest)
        return before

    connection.create_function("link", 6, link)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _wrote(letters: Sequence[Any]) -> dict[str, str]:
    """When each of the customers' people wrote last."""
    names = columns(Letter)
    senders, received = (letters[names.index(name) :: len(names)] for name in ("from_address", "received_at"))
    wrote: dict[str, str] = {}
    for sender, at in zip(senders, received, strict=True):
        wrote[sender] = max(at, wrote.get(sender, ""))
    return wrote


class Here:
    """The near end of a pipe to a maker that works in this process, when an answer is asked for."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.asked: deque[Any] = deque()

    def send(self, asked: Any) -> None:
        self.asked.append(asked)

    def recv(self) -> Part:
        return self.maker.part(*self.asked.popleft())


class Desk:
    """Where parts are asked for and handed out, in the same order."""

    def __init__(self, pipe: "Here | Connection") -> None:
        self._pipe = pipe
        self._asked: deque[int] = deque()

    def ask(self, n: int, last: Mapping[str, int] | None = None) -> None:
        with suppress(BrokenPipeError):  # whoever waits for the answer will hear of it
            self._pipe.send((n, last))
        self._asked.append(n)

    def answer(self) -> Part:
        """The next part; raises what has kept it from being made."""
        self._asked.popleft()
        try:
            part = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            raise ChildProcessError("The process that makes the complaints has died.") from None
        if isinstance(part, Exception):
            raise part
        assert isinstance(part, Part)
        return part

    def again(self, n: int, last: Mapping[str, int]) -> Part:
        """Part `n` anew, after other numbers, and then those that were made for the old ones."""
        stale = list(self._asked)
        for _ in stale:
            self.answer()
        for each, start in ((n, last), *((each, None) for each in stale)):
            self.ask(each, start)
        return self.answer()


@contextmanager
def desk(maker: Maker, *, beside: bool) -> Iterator[Desk]:
    """A desk with this maker behind it; `beside` us in a process of its own, or in ours."""
    if not beside:
        yield Desk(Here(maker))
        return
    context = multiprocessing.get_context("fork")  # it is there at once, with everything we know
    near, far = context.Pipe()
    process = context.Process(target=_work, args=(maker, far, near), daemon=True)
    process.start()
    far.close()
    try:
        yield Desk(near)
    finally:
        near.close()
        process.join()


def _work(maker: Maker, pipe: Connection, near: Connection) -> None:
    """Make the parts that are asked for until nobody asks any more, whatever became of them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C ends whoever asks, and so us
    near.close()
    with suppress(EOFError, OSError):
        while True:
            n, last = pipe.recv()
            answer: Part | Exception
            try:
                answer = maker.part(n, last)
            except Exception as error:
                error.add_note(traceback.format_exc())
                answer = error
            pipe.send(answer)
    shutil.rmtree(maker.folder, ignore_errors=True)
