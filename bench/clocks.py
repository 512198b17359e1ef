"""What time costs: `python -m bench.clocks [--large 1000000] [--breaches 500] [--rounds 5]`.

Two ledgers, of 1,000 complaints and of many more, with the same promises about to be broken and, in the large one,
50,000 that run on. A run that finds nothing and one that finds the breaches are made in each; the weekly digest is
reckoned and its own statements are asked once more without it. At last its mails, against the same mails bare, and how
many due times a second.
"""

import argparse
import multiprocessing
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import reminders
from complaints.calendar import mainland_china, parse_within
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.database import open_database, sessions, transaction
from complaints.weeks import Week

SMALL = 1_000
RUNNING = 50_000
READERS = 50
FAR = "2090-01-01 00:00:00.000000"
CALENDAR = mainland_china()
CONTEXT = Context(CALENDAR, "x" * 32, "bench.example", "complaints@bench.example")
LIMITS = [parse_within(each) for each in ("1 working hour", "8 working hours", "2 working days", "24 hours")]


def grown(path: str, size: int) -> None:
    """Copy the closed complaints of a ledger, with their visits and some of their clocks, until there are so many; open
    some of the copies again, with a clock that runs. Nobody else has the file open: it is written without a journal,
    its indexes at the end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for each in ("journal_mode = off", "synchronous = off", "cache_size = -500000"):
            db.execute(f"PRAGMA {each}")
        indexes = db.execute(
            "SELECT name, sql FROM sqlite_master "
            "WHERE type = 'index' AND tbl_name IN ('complaint', 'clock', 'stage_visit') AND sql > ''"
        ).fetchall()
        for name, _ in indexes:
            db.execute(f"DROP INDEX {name}")
        step = db.execute("SELECT max(id) + 1 FROM complaint").fetchone()[0]
        closed = db.execute("SELECT count(*) FROM complaint WHERE closed_at IS NOT NULL").fetchone()[0]
        own = {
            "id": f"id + n * {step}",
            "number": f"'B-' || (id + n * {step})",
            "year": "year + 10000 * n",
            "register_year": "NULL",
        }
        theirs = {"id": "NULL", "subject_id": f"subject_id + n * {step}"}
        visits = {"id": "NULL", "complaint_id": f"complaint_id + n * {step}"}
        runs_on = theirs | {
            "stopped_at": "NULL", "outcome": "NULL", "due_at": f"'{FAR}'", "noticed_due_at": f"'{FAR}'",
            "next_notice_at": f"'{FAR}'", "started_at": "'2001-01-01 00:00:00.000000'",
        }  # fmt: skip
        copies = max(size - SMALL, 0) // closed
        over = "complaint_id IN (SELECT id FROM complaint WHERE closed_at IS NOT NULL)"
        stopped = f"subject_id < {step} AND stopped_at IS NOT NULL"
        _copy(db, "complaint", own, "closed_at IS NOT NULL", copies)
        _copy(db, "clock", theirs, f"{stopped} AND key IN ('qa_reply', 'permanent')", copies)
        _copy(db, "clock", runs_on, f"{stopped} AND key = 'qa_reply'", copies, most=RUNNING)
        _copy(db, "stage_visit", visits, over, copies)
        db.execute(
            "UPDATE complaint SET stage = 'implementation', closed_at = NULL "
            "WHERE id IN (SELECT subject_id FROM clock WHERE due_at = ?)",
            [FAR],
        )
        for _, create in indexes:
            db.execute(create)
        db.execute("ANALYZE")
        db.execute("PRAGMA journal_mode = wal")


def _copy(
    db: sqlite3.Connection, table: str, other: dict[str, str], where: str, copies: int, *, most: int = -1
) -> None:
    """Write some rows of a table so many times (`n`), with `other` values in some columns; at most so many."""
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    names, taken = ", ".join(f'"{each}"' for each in columns), ", ".join(other.get(c, f'"{c}"') for c in columns)
    db.execute(f"CREATE TEMP TABLE pattern AS SELECT * FROM {table} WHERE {where}")
    db.execute(
        "WITH RECURSIVE copy(n) AS (SELECT 1 WHERE :copies UNION ALL SELECT n + 1 FROM copy WHERE n < :copies) "
        f"INSERT INTO {table} ({names}) SELECT {taken} FROM copy CROSS JOIN pattern LIMIT :most",
        {"copies": copies, "most": most},
    )
    db.execute("DROP TABLE pattern")


def at_stake(make: sessionmaker[Session], count: int, since: datetime) -> list[int]:
    """So many running clocks (ids) on the open complaints of the demo company, all begun within hours."""
    later = since + timedelta(days=30)
    with transaction(make) as session:
        open_ = session.scalars(select(Complaint).where(Complaint.closed_at.is_(None), Complaint.number.like("C-%")))
        ids = [each.id for each in open_ if each.registered_at is not None]
        found = [
            Clock(
                subject_kind="complaint", subject_id=ids[n % len(ids)], key="qa_reply", responsible="qe", round=9,
                started_at=since + timedelta(minutes=n), due_at=later, next_notice_at=later, noticed_due_at=later,
                receipt={"within": "3 working days"},
            )
            for n in range(count)
        ]  # fmt: skip
        session.add_all(found)
        session.flush()
        return [each.id for each in found]


def breach(make: sessionmaker[Session], ids: list[int], due_at: datetime) -> None:
    with transaction(make) as session:
        values = {"due_at": due_at, "next_notice_at": due_at, "noticed_due_at": due_at}
        session.execute(update(Clock).where(Clock.id.in_(ids)).values(values))


def runs(url: str, ids: list[int], opening: datetime, rounds: int) -> tuple[float, float, float]:
    """Seconds of a run that finds nothing and of one that finds the breaches, each the best of some rounds, and the
    largest memory in MB."""
    make = sessions(open_database(url))
    reminders.remind(make, opening, CONTEXT)  # what the demo company has waiting
    nothing, found = [], []
    for n in range(rounds):
        nothing.append(timed(partial(reminders.remind, make, opening + timedelta(minutes=2 * n + 1), CONTEXT)))
        at = opening + timedelta(minutes=2 * n + 2)
        breach(make, ids, at)
        found.append(timed(partial(reminders.remind, make, at, CONTEXT)))
    status = Path("/proc/self/status").read_text()  # getrusage would tell the parent's, too
    largest = int(status.split("VmHWM:")[1].split()[0]) / 1024
    return min(nothing), min(found), largest


def in_a_process_of_its_own(*asked: Any) -> tuple[float, float, float]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(runs, asked)


def timed(do: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def asked(make: sessionmaker[Session], do: Callable[[Session], Any]) -> tuple[float, float]:
    """Seconds for doing something, and for its statements alone."""
    statements: list[tuple[str, Any]] = []
    with make() as session:
        engine = session.get_bind().engine

        def note(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
            statements.append((statement, values))

        event.listen(engine, "before_cursor_execute", note)
        whole = timed(lambda: do(session))
        event.remove(engine, "before_cursor_execute", note)
        cursor = session.connection().connection.cursor()
        bare = timed(lambda: [cursor.execute(*each).fetchall() for each in statements])
    return whole, bare


def due_times(count: int = 20_000) -> float:
    """Due times a second."""
    chance = random.Random(1)
    starts = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randrange(500_000)) for _ in range(count)]
    taken = timed(lambda: [CALENDAR.add(start, LIMITS[n % len(LIMITS)]) for n, start in enumerate(starts)])
    return count / taken


def main() -> None:
    from bench.digest_mails import mailed
    from bench.moves import ledger  # here, so that the process that is measured is as small as a scheduler's
    from complaints import weekly
    from webapp.prepare import upgrade

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--breaches", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    opening = CALENDAR.next_opening(datetime.now(UTC))
    nothing, found, largest = dict[int, float](), dict[int, float](), dict[int, float]()
    with tempfile.TemporaryDirectory() as folder:
        for size in (SMALL, wanted.large):
            path = f"{folder}/{size}.db"
            url = f"sqlite:///{path}"
            upgrade(url)
            ledger(url, SMALL, Path(folder))
            grown(path, size)
            make = sessions(open_database(url))
            ids = at_stake(make, wanted.breaches, opening - timedelta(days=5))
            reminders.remind(make, opening, CONTEXT)  # what the demo company has waiting
            nothing[size], found[size], largest[size] = in_a_process_of_its_own(url, ids, opening, wanted.rounds)
            with make() as session:
                complaints = session.scalar(select(func.count()).select_from(Complaint)) or 0
                running = session.scalar(select(func.count()).where(Clock.stopped_at.is_(None))) or 0
            print(f"{complaints:>10,} complaints, {running:,} running clocks")
            print(f"    finds nothing   {nothing[size] * 1000:>10.2f} ms")
            print(f"    {wanted.breaches} breaches    {found[size] * 1000:>10.1f} ms, largest {largest[size]:.0f} MB")
            week = Week.at(datetime.now(UTC), CALENDAR).before()
            reckon = partial(weekly.compute, week=week, at=datetime.now(UTC), calendar=CALENDAR, quiet_days=5)
            asked(make, reckon)  # statements are put together once
            whole, bare = asked(make, reckon)
            print(f"    weekly digest   {whole * 1000:>10.1f} ms, its SQL alone {bare * 1000:.1f} ms")
        now, rounds = datetime.now(UTC), wanted.rounds
        ours, plain = mailed(url, Path(folder), now, CONTEXT, readers=READERS, rounds=rounds)
        print(f"    {READERS} mails of it  {ours * 1000:>11.1f} ms, bare {plain * 1000:.1f} ms")
    print(f"{'weekly digest : its SQL, large':<44} {whole / bare:>6.2f}   (at most 3)")
    print(f"{'its mails : bare':<44} {ours / plain:>6.2f}   (at most 2)")
    print(f"{'finds nothing, large : small':<44} {nothing[wanted.large] / nothing[SMALL]:>6.2f}   (at most 1.5)")
    print(f"{'finds breaches, large : small':<44} {found[wanted.large] / found[SMALL]:>6.2f}   (at most 1.5)")
    print(f"{'due times a second':<44} {due_times():>6,.0f}   (at least 5,000)")


if __name__ == "__main__":
    main()
