"""What a move costs: `python -m bench.moves [--sizes 1000 100000] [--moves 2000] [--movers 4]`.

Demo ledgers of two sizes; a QE takes complaints that wait for verification back to implementation and on again, so
that every move goes through all guards with all that follows. The answer of the web application to a move; a move of
the domain against the same SQL statements alone, replayed in one transaction; and a real server with several people
who move cards at once.
"""

import argparse
import http.client
import itertools
import json
import random
import re
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.orm import Session, sessionmaker

from bench.board import EMAIL, Board, _member, p50, p99, server, times
from complaints import people, workflow
from complaints.blobs import Blobs
from complaints.calendar import mainland_china
from complaints.complaint import Complaint, find
from complaints.context import Context
from complaints.database import open_database, sessions, transaction
from complaints.demo.company import company
from complaints.demo.fill import fill
from complaints.people import Actor, User
from webapp.prepare import upgrade

THERE, BACK = "verification", "implementation"
CONTEXT = Context(mainland_china(), "x" * 32, "bench.example")


def ledger(url: str, size: int, blobs: Path) -> None:
    """An empty, migrated database filled with the demo company's complaints, and somebody who may move them."""
    engine = open_database(url)
    make = sessions(engine)
    with transaction(make) as session:
        company(session, at=datetime.now(UTC), password="eight or more")
        _member(session, EMAIL, "Bench Mover")
    fill(
        engine, complaints=size, seed=1, at=datetime.now(UTC), blobs=Blobs(blobs), progress=lambda _: None,
        zone="Asia/Shanghai", secret="x" * 32, sender="complaints@bench.example",
    )  # fmt: skip
    engine.dispose()


def movable(make: sessionmaker[Session], most: int) -> list[str]:
    """Complaints that can go back and on again."""
    found = select(Complaint.number).where(Complaint.stage == THERE).order_by(Complaint.id.desc()).limit(most)
    with make() as session:
        return list(session.scalars(found))


class Mover:
    """The acts of the domain, without the web: one complaint back and forth."""

    def __init__(self, url: str) -> None:
        self.engine = open_database(url)
        self.make = sessions(self.engine)
        with self.make() as session:
            user = session.scalars(select(User).where(User.email == EMAIL)).one()
            self.actor: Actor = people.actor_for(session, user, datetime.now(UTC).date())
        self.numbers = itertools.cycle(movable(self.make, 50))

    def move(self) -> None:
        with transaction(self.make) as session:
            complaint = find(session, next(self.numbers), self.actor)
            workflow.move(
                session, complaint, BACK if complaint.stage == THERE else THERE, by=self.actor, at=datetime.now(UTC),
                seen_version=complaint.version, context=CONTEXT, answers={"reason": "one item is not done"},
            )  # fmt: skip


def replayed(url: str) -> Callable[[], None]:
    """The statements of one move, alone: run with their values in one transaction that is committed. What would break a
    unique rule the second time is left out; keys of new rows come from the database."""
    mover = Mover(url)
    seen: list[tuple[str, Any, bool]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        seen.append((statement, values, many))

    event.listen(mover.engine, "before_cursor_execute", note)
    mover.move()
    mover.engine.dispose()
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("pragma foreign_keys=on")
    unique = re.compile(r"^INSERT INTO (change|change_values|notice|outgoing|clock)\b")

    def run() -> None:
        connection.execute("BEGIN IMMEDIATE")
        for text, values, many in seen:
            if unique.match(text):
                connection.execute("INSERT INTO bench_row (text) VALUES (?)", (json.dumps(values, default=str),))
            elif many:
                connection.executemany(text, values)
            else:
                connection.execute(text, values).fetchall()
        connection.execute("COMMIT")

    connection.execute("CREATE TABLE IF NOT EXISTS bench_row (id INTEGER PRIMARY KEY, text TEXT)")
    return run


def signed_in(board: Board) -> tuple[FlaskClient, str]:
    """A browser with the session of the board, and its token for forms."""
    client = board.app.test_client()
    client.set_cookie("redress", board.cookie.partition("=")[2])
    token = re.search(r'"X-CSRFToken": "([^"]+)"', client.get("/board").text)
    assert token
    return client, token[1]


def posting(board: Board, make: sessionmaker[Session]) -> Callable[[], bytes]:
    """A request that moves the next complaint, as the board's script sends it."""
    client, token = signed_in(board)
    numbers = itertools.cycle(movable(make, 50))
    headers = {"HX-Request": "true", "X-CSRFToken": token}

    def post() -> bytes:
        number = next(numbers)
        with make() as session:
            row = session.execute(select(Complaint.stage, Complaint.version).where(Complaint.number == number)).one()
        to = BACK if row.stage == THERE else THERE
        form = {"stage": to, "version": row.version, "reason": "one item is not done"}
        answer = client.post(f"/complaints/{number}/move", data=form, headers=headers)
        assert answer.status_code == 200, answer.text[:500]
        return answer.data

    return post


def crowd(url: str, cookie: str, token: str, movers: int, moves: int) -> tuple[int, list[float]]:
    """Several people move cards of their own on a real server at once: how many moves failed, and what each took."""
    make = sessions(open_database(url))
    numbers = movable(make, movers * 10)
    failed, taken, lock = 0, list[float](), threading.Lock()
    with server(url) as (port, _):

        def one(mine: Iterator[str], count: int) -> None:
            nonlocal failed
            for number in itertools.islice(mine, count):
                with make() as session:
                    row = session.execute(
                        select(Complaint.stage, Complaint.version).where(Complaint.number == number)
                    ).one()
                body = f"stage={BACK if row.stage == THERE else THERE}&version={row.version}&reason=one+item"
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                began = time.perf_counter()
                connection.request(
                    "POST", f"/complaints/{number}/move", body,
                    {"Cookie": cookie, "X-CSRFToken": token, "HX-Request": "true",
                     "Content-Type": "application/x-www-form-urlencoded"},
                )  # fmt: skip
                answer = connection.getresponse()
                answer.read()
                connection.close()
                with lock:
                    taken.append((time.perf_counter() - began) * 1000)
                    failed += answer.status != 200

        people = [
            threading.Thread(target=one, args=(itertools.cycle(numbers[n::movers]), moves // movers))
            for n in range(movers)
        ]
        for person in people:
            person.start()
        for person in people:
            person.join()
    return failed, taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=[1_000, 100_000])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--moves", type=int, default=2_000)
    parser.add_argument("--movers", type=int, default=4)
    wanted = parser.parse_args()
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        urls = {size: f"sqlite:///{folder}/{size}.db" for size in wanted.sizes}
        boards: dict[int, Board] = {}
        requests: dict[str, Callable[[], object]] = {}
        for size, url in urls.items():
            upgrade(url)
            ledger(url, size, Path(folder) / "blobs")
            boards[size] = Board.on(url)
            requests[f"answer, {size:,}"] = posting(boards[size], sessions(open_database(url)))
        small, large = wanted.sizes
        requests["domain"] = Mover(urls[large]).move
        requests["its SQL alone"] = replayed(urls[large])
        size_of_answer = len(posting(boards[large], sessions(open_database(urls[large])))())
        taken = times(requests, wanted.rounds)
        for name, values in taken.items():
            print(f"{name:>20} p50 {p50(values):>7.2f} ms, p99 {p99(values):>7.2f} ms")
        answers = p50(taken[f"answer, {large:,}"]) / p50(taken[f"answer, {small:,}"])
        print(f"{'answer, largest : smallest':<44} {answers:>6.2f}   (at most 1.25)")
        ratio = p50(taken["domain"]) / p50(taken["its SQL alone"])
        print(f"{'a move : its SQL alone':<44} {ratio:>6.2f}   (at most 3)")
        print(f"{'the answer: KB':<44} {size_of_answer / 1000:>6.1f}   (at most 10)")
        client, token = signed_in(boards[large])
        cookie = client.get_cookie("redress")
        assert cookie
        failed, crowded = crowd(urls[large], f"redress={cookie.value}", token, wanted.movers, wanted.moves)
        print(f"{wanted.movers} movers: {failed} of {len(crowded)} moves failed; p50 {p50(crowded):.1f} ms,")
        print(f"    p99 {p99(crowded):.1f} ms")


if __name__ == "__main__":
    main()
