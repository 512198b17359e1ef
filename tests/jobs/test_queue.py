"""The doorbell, the closed table of jobs, and the scheduler that manages without Redis."""

import multiprocessing
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import outbox
from complaints.database import open_database, sessions, transaction
from complaints.outbox import Outgoing
from complaints.settings import Settings, smtp_server
from jobs import worker
from jobs.queue import BELL, Bell, NamedJob, connect, mail_queue
from jobs.scheduler import Scheduler
from tests.rigs.redis import Redis
from tests.rigs.smtp import SmtpServer

NOW = datetime.now(UTC)


@pytest.fixture
def chosen(sqlite_url: str, redis_url: str, smtp: SmtpServer, tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path,
        database_url=sqlite_url,
        redis_url=redis_url,
        secret_key="s" * 32,
        smtp=smtp_server(smtp.url),
        mail_from="complaints@mill.example",
    )


@pytest.fixture
def make(sqlite_url: str) -> sessionmaker[Session]:
    return sessions(open_database(sqlite_url))


@pytest.fixture
def owe(make: sessionmaker[Session]) -> Callable[[int], None]:
    def owing(number: int) -> None:
        with transaction(make) as session:
            outbox.owe(
                session,
                purpose=f"ack:complaint:{number}",
                kind="acknowledgement",
                recipient=f"c{number}@quell.example",
                locale="en",
                at=NOW,
                secret="s" * 32,
                domain="mill.example",
                values={"number": f"C-2026-{number:04d}", "received_at": NOW.isoformat()},
            )

    return owing


def states(make: sessionmaker[Session]) -> list[str]:
    with make() as session:
        return list(session.scalars(select(Outgoing.state).order_by(Outgoing.id)))


def work_off(chosen: Settings) -> int | None:
    """A real worker process, until the queue is empty."""

    def go() -> None:
        os.environ.update(
            REDRESS_DATA=str(chosen.data),
            DATABASE_URL=chosen.database_url,
            REDIS_URL=chosen.redis_url,
            SECRET_KEY=chosen.secret_key,
            SMTP_URL=f"smtp://127.0.0.1:{chosen.smtp.port if chosen.smtp else 0}",
            MAIL_FROM=chosen.mail_from,
        )
        worker.make_worker(chosen).work(burst=True, logging_level="WARNING")

    process = multiprocessing.get_context("fork").Process(target=go)
    process.start()
    process.join(60)
    return process.exitcode


def test_rings_in_quick_succession_make_one_job_that_sends_everything(
    chosen: Settings, make: sessionmaker[Session], owe: Callable[[int], None], smtp: SmtpServer
) -> None:
    bell = Bell(connect(chosen.redis_url))
    for number in range(5):
        owe(number)
        bell.ring()
    assert len(mail_queue(bell.redis)) == 1
    assert work_off(chosen) == 0
    assert states(make) == ["sent"] * 5
    assert smtp.connections == 1


def test_a_ring_after_the_job_began_makes_another_job(chosen: Settings) -> None:
    bell = Bell(connect(chosen.redis_url))
    bell.ring()
    bell.heard()
    bell.ring()
    assert len(mail_queue(bell.redis)) == 2


def test_a_job_that_is_not_in_the_table_is_never_run(chosen: Settings, tmp_path: Path) -> None:
    redis = connect(chosen.redis_url)
    mark = tmp_path / "run"
    hostile = Queue("mail", connection=redis, serializer=JSONSerializer, job_class=NamedJob)
    hostile.enqueue("os.mkdir", str(mark))
    assert work_off(chosen) == 0
    assert not mark.exists()
    assert hostile.failed_job_registry.count == 1


def test_a_pickled_entry_is_never_unpickled(chosen: Settings, tmp_path: Path) -> None:
    mark = tmp_path / "run"
    Queue("mail", connection=connect(chosen.redis_url)).enqueue("os.mkdir", str(mark))
    work_off(chosen)
    assert not mark.exists()


def test_a_ring_that_nobody_hears_is_no_error(chosen: Settings, redis_server: Redis) -> None:
    bell = Bell(connect(chosen.redis_url))
    redis_server.stop()
    bell.ring()
    with pytest.raises(RedisError):
        bell.try_to_ring()
    redis_server.start()


def test_where_redis_is_away_the_scheduler_sends_itself(
    chosen: Settings, make: sessionmaker[Session], owe: Callable[[int], None], redis_server: Redis
) -> None:
    owe(1)
    redis_server.stop()
    Scheduler(chosen, make, Bell(connect(chosen.redis_url))).tick(NOW + timedelta(seconds=1))
    redis_server.start()
    assert states(make) == ["sent"]


def test_what_an_emptied_redis_forgot_is_found_by_the_sweep(
    chosen: Settings, make: sessionmaker[Session], owe: Callable[[int], None], redis_server: Redis
) -> None:
    bell = Bell(connect(chosen.redis_url))
    owe(1)
    bell.ring()
    redis_server.flush()
    Scheduler(chosen, make, bell).tick(NOW + timedelta(seconds=1))
    assert bell.redis.get(BELL) == b"1"
    assert work_off(chosen) == 0
    assert states(make) == ["sent"]


def test_the_sweep_rings_for_nothing_when_nothing_is_due(chosen: Settings, make: sessionmaker[Session]) -> None:
    bell = Bell(connect(chosen.redis_url))
    Scheduler(chosen, make, bell).tick(NOW)
    assert len(mail_queue(bell.redis)) == 0
