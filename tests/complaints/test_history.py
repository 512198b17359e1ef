"""The history is a chain: what is altered, left out or put in later shows; blanking what a row says is allowed."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result
from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session, sessionmaker

from complaints import history, rows, workflow
from complaints.complaint import Complaint
from complaints.conversation import Entry
from complaints.database import open_database, sessions, transaction
from complaints.errors import StaleComplaint
from complaints.history import Anchor, Change, Written, verify
from complaints.people import SYSTEM
from complaints.settings import Settings
from jobs.queue import Bell
from jobs.scheduler import Scheduler
from tests.builders import a_complaint, at_once
from webapp import create_app
from webapp.database import db
from webapp.prepare import downgrade, upgrade

MONDAY = datetime(2026, 11, 16, 3, 0, tzinfo=UTC)
Make = sessionmaker[Session]


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


def test_a_history_that_was_taken_out_as_a_whole_is_missed(make: Make, told: int, intruder: Intruder) -> None:
    def take_out(connection: Connection) -> None:
        connection.execute(delete(Written).where(Written.complaint_id == told))
        connection.execute(delete(Change).where(Change.complaint_id == told))

    intruder.does(take_out)
    assert broken(make)[1] == "its whole history is missing"


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


def test_an_anchor_waits_for_those_who_are_still_writing(make: Make, told: int, database_url: str) -> None:
    """They may have ids below those of others who have ended."""
    begun, day = Event(), date(2026, 11, 16)

    def seal() -> Anchor | None:
        begun.wait(60)
        with transaction(make) as session:
            return history.anchor(session, day=day, until=MONDAY + timedelta(days=1), at=MONDAY)

    def write() -> None:
        with transaction(make) as session:
            history.note(session, told, "moved", by=SYSTEM, at=MONDAY)
            if database_url.startswith("postgresql"):
                with transaction(make) as other:
                    a_complaint(other)
            begun.set()

    sealed, written = at_once(seal, write)
    assert isinstance(sealed, Anchor)
    assert written is None
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


def test_two_who_have_written_about_one_complaint_do_not_lock_each_other_out(postgres_url: str) -> None:
    """A row that points at a complaint holds a lock on it until its transaction ends; both have one here."""
    make = sessions(open_database(postgres_url))
    with transaction(make) as session:
        complaint_id = a_complaint(session).id
    with make() as one, make() as two:
        for session in (one, two):
            session.execute(text("set local lock_timeout = '5s'"))
            session.add(Entry(complaint_id=complaint_id, kind="letter", at=MONDAY))
            session.flush()
        for session in (one, two):
            history.note(session, complaint_id, "letter_joined", by=SYSTEM, at=MONDAY)
            session.commit()
    with make() as session:
        assert verify(session).changes == 3


def test_moves_and_letters_at_once_make_one_chain(make: Make, told: int) -> None:
    def move() -> None:
        with transaction(make) as session:
            complaint = session.get_one(Complaint, told)
            workflow.touch(session, complaint, at=MONDAY, seen_version=complaint.version)
            history.note(session, told, "moved", by=SYSTEM, at=MONDAY)

    def join() -> None:
        with transaction(make) as session, rows.together(session):
            session.add(Entry(complaint_id=told, kind="letter", at=MONDAY))
            session.flush()
            for _ in range(3):
                history.note(session, told, "letter_joined", by=SYSTEM, at=MONDAY)

    results = at_once(*[move, join] * 4)
    assert [error for error in results if not isinstance(error, StaleComplaint | None)] == []
    with make() as session:
        proof = verify(session)
    assert proof.broken is None
    assert proof.changes == 6 + 4 * 3 + results[::2].count(None)


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


# The migration, and what a person types


def test_a_history_from_before_the_chain_is_chained_as_it_was(make: Make, told: int, database_url: str) -> None:
    query = select(Change.complaint_id, Change.at, Change.act, Written.values).join(Change.written).order_by(Change.id)
    with make() as session:
        before = session.execute(query).all()
    downgrade(database_url, "0003")
    upgrade(database_url)
    with make() as session:
        assert session.execute(query).all() == before
        assert verify(session).broken is None
        assert verify(session).changes == len(before)


def test_a_migration_that_fails_halfway_leaves_everything_as_it_was(make: Make, told: int, database_url: str) -> None:
    downgrade(database_url, "0003")
    with transaction(make) as session:
        session.execute(text("create table change_values (obstacle integer)"))
    with pytest.raises(DatabaseError):
        upgrade(database_url)
    with transaction(make) as session:
        assert session.scalar(text('select count("values") from change')) == 6
        session.execute(text("drop table change_values"))
    upgrade(database_url)
    with make() as session:
        assert verify(session).changes == 6


def test_a_release_from_before_the_chain_writes_no_history_that_is_in_none(make: Make, told: int) -> None:
    """Its transactions fail as a whole while it still runs."""
    old = text(
        "insert into change (complaint_id, at, act, \"values\") values (:id, '2026-11-16 03:00:00', 'moved', '{}')"
    )

    def moved(session: Session) -> None:
        session.execute(text("update complaint set subject = 'x'"))
        session.execute(old, {"id": told})

    with pytest.raises(DatabaseError), transaction(make) as session:
        moved(session)
    with make() as session:
        assert session.get_one(Complaint, told).subject != "x"
        assert verify(session).broken is None


@pytest.fixture
def audit(database_url: str, tmp_path: Path) -> Iterator[Callable[[], Result]]:
    chosen = Settings(data=tmp_path, database_url=database_url, redis_url="", secret_key="s" * 40)
    app = create_app(chosen, {"RATELIMIT_ENABLED": False})
    yield lambda: app.test_cli_runner().invoke(args=["audit", "verify"])
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


def test_the_proof_is_a_command(audit: Callable[[], Result], make: Make, told: int, intruder: Intruder) -> None:
    held = audit()
    assert (held.exit_code, held.stdout) == (0, "6 changes of 2 complaints and 0 anchors: the chain holds.\n")
    intruder.does(lambda c: c.execute(update(Change).where(*row(told, 2)).values(act="closed")))
    failed = audit()
    with make() as session:
        number = session.get_one(Complaint, told).number
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr == f"The history is broken at {number}, change 2 (closed): the row was altered.\n"


def test_a_history_that_cannot_be_read_does_not_hold(audit: Callable[[], Result], database_url: str) -> None:
    downgrade(database_url)
    failed = audit()
    assert failed.exit_code == 1
    assert failed.stderr.startswith("The history could not be read: ")
    assert failed.stderr.count("\n") == 1


class Deaf(Bell):
    def __init__(self) -> None:
        pass

    def try_to_ring(self) -> None:
        pass
