"""Instants keep their zone, readers cannot write, and writers queue."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, StatementError

from complaints import numbers
from complaints.database import open_database, sessions, transaction
from complaints.numbers import Counter
from complaints.schedule import Recurrence, last_started, take_slot

SHANGHAI = timezone(timedelta(hours=8))


def test_an_instant_comes_back_in_utc(database_url: str) -> None:
    make = sessions(open_database(database_url))
    with transaction(make) as session:
        session.add(Recurrence(name="tea", slot=1, started_at=datetime(2026, 11, 16, 12, 0, tzinfo=SHANGHAI)))
    with make() as session:
        assert last_started(session, "tea") == datetime(2026, 11, 16, 4, 0, tzinfo=UTC)


def test_an_instant_without_a_zone_is_refused(database_url: str) -> None:
    make = sessions(open_database(database_url))
    with make() as session:
        session.add(Recurrence(name="tea", slot=1, started_at=datetime(2026, 11, 16)))
        with pytest.raises(StatementError, match="no time zone"):
            session.flush()


def test_a_reader_cannot_write(database_url: str) -> None:
    reading = open_database(database_url, readonly=True)
    with reading.connect() as connection:
        assert connection.execute(select(Counter)).all() == []
        with pytest.raises(DBAPIError, match=r"(?i)read-?only"):
            connection.execute(insert(Counter).values(name="x", value=1))


def test_sqlite_commits_survive_a_power_cut_and_check_their_references(sqlite_url: str) -> None:
    with open_database(sqlite_url).connect() as connection:
        asked = {name: connection.execute(text(f"pragma {name}")).scalar() for name in
                 ("journal_mode", "synchronous", "foreign_keys")}  # fmt: skip
    assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.requirement("S12")
def test_numbers_asked_for_at_the_same_instant_differ_and_leave_no_gap(database_url: str) -> None:
    make = sessions(open_database(database_url))
    given: list[int] = []
    start = threading.Barrier(6)

    def ask() -> None:
        start.wait()
        for _ in range(10):
            with transaction(make) as session:
                given.append(numbers.next_in(session, "register:2026"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == list(range(1, 61))


def test_a_failed_transaction_gives_its_number_back(database_url: str) -> None:
    make = sessions(open_database(database_url))
    with make() as session:
        assert numbers.next_in(session, "register:2026") == 1
        session.rollback()
    with transaction(make) as session:
        assert numbers.next_in(session, "register:2026") == 1


def test_of_two_schedulers_one_takes_the_slot_and_a_clock_set_back_blocks_nobody(database_url: str) -> None:
    make = sessions(open_database(database_url))
    at = datetime(2026, 11, 16, 4, 0, tzinfo=UTC)

    def take(when: datetime) -> bool:
        with transaction(make) as session:
            return take_slot(session, "sweep", every_seconds=30, at=when)

    assert take(at)
    assert not take(at + timedelta(seconds=29))
    assert take(at + timedelta(days=3650))
    assert take(at + timedelta(seconds=60))
