"""What time makes due is done by one scheduler in each slot, again after a fault, and at any moment on request."""

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from complaints import duties
from complaints.context import Context
from complaints.database import open_database, sessions
from complaints.duties import Duty, Make
from complaints.settings import Settings, smtp_server
from jobs.queue import Bell, connect
from jobs.scheduler import Scheduler
from tests.builders import MONDAY
from tests.desk import CONTEXT


class Watch:
    """A duty that remembers when it was done; it fails as long as it is told to."""

    def __init__(self, name: str = "watch", seconds: int = 60) -> None:
        self.done: list[datetime] = []
        self.failing = False
        self.duty = Duty(name, seconds, self.do)

    def do(self, make: Make, at: datetime, context: Context) -> int:
        if self.failing:
            raise RuntimeError("no")
        self.done.append(at)
        return 1


@pytest.fixture
def make(database_url: str) -> sessionmaker[Session]:
    return sessions(open_database(database_url))


@pytest.fixture
def chosen(database_url: str, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path, database_url=database_url, redis_url="", secret_key="s" * 32,
        smtp=smtp_server("smtp://127.0.0.1:1"), mail_from="complaints@mill.example",
    )  # fmt: skip


@pytest.fixture
def two(chosen: Settings, make: sessionmaker[Session]) -> list[Scheduler]:
    return [Scheduler(chosen, make, Bell(connect("redis://127.0.0.1:1/0"))) for _ in range(2)]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(duties, "DUTIES", (watch.duty,))
    return watch


@pytest.mark.requirement("S95")
def test_of_many_schedulers_one_does_a_duty_in_each_slot(two: list[Scheduler], watch: Watch) -> None:
    together = threading.Barrier(2)

    def shift(scheduler: Scheduler) -> None:
        for minute in range(5):
            together.wait()
            scheduler.tick(MONDAY + timedelta(minutes=minute), watch=False)

    threads = [threading.Thread(target=shift, args=[each]) for each in two]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert watch.done == [MONDAY + timedelta(minutes=minute) for minute in range(5)]


def test_missed_slots_are_made_up_once(two: list[Scheduler], watch: Watch) -> None:
    two[0].tick(MONDAY)
    back = MONDAY + timedelta(days=3)
    for scheduler in two:
        scheduler.tick(back)
        scheduler.tick(back + timedelta(seconds=5))
    assert watch.done == [MONDAY, back]


def test_a_clock_that_was_set_back_stops_nothing(two: list[Scheduler], watch: Watch) -> None:
    for at in (MONDAY, MONDAY + timedelta(days=3650), MONDAY + timedelta(minutes=1)):
        two[0].tick(at)
    assert len(watch.done) == 3


def test_a_duty_that_fails_keeps_no_other_from_being_done_and_is_tried_again(
    two: list[Scheduler], watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Watch("other")
    monkeypatch.setattr(duties, "DUTIES", (watch.duty, other.duty))
    watch.failing = True
    two[0].tick(MONDAY)
    watch.failing = False
    two[1].tick(MONDAY + timedelta(minutes=1))
    assert (len(watch.done), len(other.done)) == (1, 2)


def test_on_request_all_that_is_due_is_done_for_any_moment(make: sessionmaker[Session], watch: Watch) -> None:
    long_ago = MONDAY - timedelta(days=400)
    assert duties.run(make, long_ago, CONTEXT) == {"watch": 1}
    assert watch.done == [long_ago]
