"""The history is a chain: what is altered, left out or put in later shows; blanking what a row says is allowed."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from complaints import history, rows
from complaints.database import open_database, sessions, transaction
from complaints.history import Anchor, Change, Written, verify
from complaints.people import SYSTEM
from complaints.settings import Settings
from jobs.queue import Bell
from jobs.scheduler import Scheduler
from tests.builders import a_complaint, at_once

MONDAY = datetime(2026, 11, 16, 3, 0, tzinfo=UTC)
Make = sessionmaker[Session]


@pytest.fixture
def make(database_url: str) -> Make:
    return sessions(open_database(database_url))


@pytest.fixture
def told(make: Make) -> int:
    """A complaint with four changes, and another with two."""
    with transaction(make) as session:
        first, second = a_complaint(session), a_complaint(session)
        for complaint, acts in ((first, ("entered", "moved", "letter_joined")), (second, ("moved",))):
            for n, act in enumerate(acts):
                history.note(session, complaint.id, act, by=SYSTEM, at=MONDAY + timedelta(minutes=n), n=n, who="林")
        return first.id


def broken(make: Make) -> tuple[str, str]:
    with make() as session:
        found = verify(session).broken
    assert found is not None
    return found.where, found.what


class Intruder:
    """Somebody with the rights of the database's owner, who first takes the guards away."""

    def __init__(self, make: Make) -> None:
        self.make = make

    def does(self, work: Callable[[Connection], object]) -> None:
        with transaction(self.make) as session:
            connection = session.connection()
            if connection.dialect.name == "sqlite":
                for (name,) in connection.execute(text("select name from sqlite_master where type = 'trigger'")).all():
                    connection.execute(text(f"drop trigger {name}"))
            else:
                connection.execute(text("alter table change disable trigger user"))
                connection.execute(text("alter table change_values disable trigger user"))
            work(connection)


@pytest.fixture
def intruder(make: Make) -> Intruder:
    return Intruder(make)


def row(complaint_id: int, position: int) -> tuple[object, object]:
    return Change.complaint_id == complaint_id, Change.position == position


def test_a_history_that_nobody_touched_holds(make: Make, told: int) -> None:
    with make() as session:
        proof = verify(session)
        positions = session.scalars(select(Change.position).where(Change.complaint_id == told)).all()
    assert (proof.changes, proof.complaints, proof.broken) == (6, 2, None)
    assert positions == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "lie",
    [{"at": MONDAY + timedelta(days=1)}, {"act": "closed"}, {"by_id": None, "digest": "0" * 64}, {"link": "0" * 64}],
    ids=lambda lie: next(iter(lie)),
)
def test_an_altered_row_is_named(lie: dict[str, object], make: Make, told: int, intruder: Intruder) -> None:
    intruder.does(lambda c: c.execute(update(Change).where(*row(told, 2)).values(**lie)))
    where, what = broken(make)
    assert "change 2" in where
    assert what == "the row was altered"


def test_what_a_row_says_cannot_be_altered_unseen(make: Make, told: int, intruder: Intruder) -> None:
    at = (Written.complaint_id == told, Written.position == 3)
    intruder.does(lambda c: c.execute(update(Written).where(*at).values(values={"n": 2, "who": "李"})))
    assert broken(make)[1] == "what it says was altered"


def test_a_row_that_was_taken_out_is_missed(make: Make, told: int, intruder: Intruder) -> None:
    def take_out(connection: Connection) -> None:
        connection.execute(delete(Written).where(Written.complaint_id == told, Written.position == 2))
        connection.execute(delete(Change).where(*row(told, 2)))

    intruder.does(take_out)
    assert broken(make)[1] == "change 2 is missing before it"


def test_the_end_of_a_chain_cannot_be_cut_off_once_it_is_anchored(make: Make, told: int, intruder: Intruder) -> None:
    with transaction(make) as session:
        history.anchor(session, day=date(2026, 11, 16), until=MONDAY + timedelta(days=1), at=MONDAY + timedelta(days=1))

    def cut(connection: Connection) -> None:
        connection.execute(delete(Written).where(Written.complaint_id == told, Written.position == 4))
        connection.execute(delete(Change).where(*row(told, 4)))

    intruder.does(cut)
    assert broken(make) == ("anchor of 2026-11-16", "6 changes were anchored, 5 are there")


def test_a_whole_chain_written_anew_differs_from_its_anchor(make: Make, told: int, intruder: Intruder) -> None:
    with transaction(make) as session:
        history.anchor(session, day=date(2026, 11, 16), until=MONDAY + timedelta(days=1), at=MONDAY + timedelta(days=1))

    def rewrite(connection: Connection) -> None:
        head = history.BEGINNING
        old = connection.execute(select(Change.id).where(Change.complaint_id == told).order_by(Change.position)).all()
        for (id_,) in old:
            change, written, head = history.chained(head, told, "forged", by_id=None, at=MONDAY, values={})
            connection.execute(update(Change).where(Change.id == id_).values(**change))
            at = (Written.complaint_id == told, Written.position == head.position)
            connection.execute(update(Written).where(*at).values(salt=written["salt"], values={}))

    intruder.does(rewrite)
    assert broken(make) == ("anchor of 2026-11-16", "altered")


def test_what_a_row_says_may_be_blanked_and_the_chain_holds(make: Make, told: int) -> None:
    with transaction(make) as session:
        at = (Written.complaint_id == told, Written.position == 3)
        session.execute(update(Written).where(*at).values(salt=None, values=None))
    with make() as session:
        assert verify(session).broken is None
        blank = session.scalars(select(Change).where(*row(told, 3))).one()
        assert blank.values == {}


@pytest.mark.parametrize(
    "statement",
    [
        "update change set act = 'forged'",
        "delete from change",
        "delete from change_values",
        "update change_values set salt = 'x' where position = 1",
    ],
)
def test_the_database_itself_refuses_to_rewrite_history(statement: str, make: Make, told: int) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction(make) as session:
        session.execute(text(statement))
    with make() as session:
        assert verify(session).broken is None


def test_two_who_write_at_once_make_one_chain(make: Make, told: int) -> None:
    def write() -> None:
        with transaction(make) as session:
            history.note(session, told, "moved", by=SYSTEM, at=MONDAY)

    at_once(*[write] * 6)
    with make() as session:
        assert verify(session).broken is None
        assert session.scalar(select(func.max(Change.position)).where(Change.complaint_id == told)) == 10


def test_rows_that_wait_to_be_written_together_make_one_chain(make: Make, told: int) -> None:
    with transaction(make) as session, rows.together(session):
        for n in range(3):
            history.note(session, told, "letter_joined", by=SYSTEM, at=MONDAY, n=n)
    with make() as session:
        assert verify(session).changes == 9


def test_a_change_that_was_rolled_back_leaves_no_gap(make: Make, told: int) -> None:
    with make() as session:
        history.note(session, told, "moved", by=SYSTEM, at=MONDAY)
        session.rollback()
        history.note(session, told, "moved", by=SYSTEM, at=MONDAY)
        session.commit()
    with make() as session:
        assert verify(session).broken is None


def test_a_days_history_is_anchored_once_after_midnight(
    make: Make, told: int, database_url: str, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path, database_url=database_url, redis_url="", secret_key="s" * 32)
    scheduler = Scheduler(settings, make, Deaf())
    midnight = datetime(2026, 11, 17, tzinfo=ZoneInfo("Asia/Shanghai"))
    for minutes in (1, 10, 70, 130):
        scheduler.tick(midnight + timedelta(minutes=minutes), watch=False)
    with make() as session:
        assert [(a.day, a.changes) for a in session.scalars(select(Anchor))] == [(date(2026, 11, 16), 6)]
        assert verify(session).anchors == 1


class Deaf(Bell):
    def __init__(self) -> None:
        pass

    def try_to_ring(self) -> None:
        pass
