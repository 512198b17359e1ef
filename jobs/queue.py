"""The queue: which jobs there are, and the bell that starts them.

Redis holds nudges only. A job is a name from the table below and ids, as JSON; a worker looks the name up and runs
nothing else, whatever stands in Redis.
"""

from collections.abc import Callable
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import limits

log = structlog.get_logger(__name__)
MAIL, PRINTS = "mail", "prints"
BELL, PRINT_BELL = "redress:bell:outbox", "redress:bell:prints"
BELL_SECONDS = 30


class UnknownJob(Exception):
    """A job in Redis names something that is not in the table."""


def table() -> dict[str, Callable[..., Any]]:
    """Every job there is."""
    from jobs import printing, sending

    return {"drain_outbox": sending.drain_outbox, "make_prints": printing.make_prints}


class NamedJob(Job):
    """A job whose function is looked up by name in the table, never imported from what Redis says."""

    @property
    def func(self) -> Callable[..., Any]:
        try:
            return table()[self.func_name or ""]
        except KeyError:
            raise UnknownJob(self.func_name) from None

    # Callbacks are names too, and RQ would import them. We use none.
    success_callback = failure_callback = stopped_callback = property(lambda self: None)


def connect(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=30)


def queue(redis: Redis, name: str) -> Queue:
    return Queue(name, connection=redis, serializer=JSONSerializer, job_class=NamedJob)


def mail_queue(redis: Redis) -> Queue:
    return queue(redis, MAIL)


class Bell:
    """The doorbell of the outbox: one job drains everything due, so rings in quick succession make one job.

    The mark is removed when the job starts, before it looks; a ring after that makes another job. Where Redis is away
    the ring is lost and the sweep finds the row."""

    mark, queue, job, seconds = BELL, MAIL, "drain_outbox", 900

    def __init__(self, redis: Redis) -> None:
        self.redis = redis

    def ring(self) -> None:
        try:
            self.try_to_ring()
        except RedisError as error:
            log.warning("doorbell not heard; the sweep will find it", error=str(error))

    def try_to_ring(self) -> None:
        """Ring; raises `RedisError` when nobody can hear it."""
        if self.redis.set(self.mark, "1", nx=True, ex=BELL_SECONDS):
            queue(self.redis, self.queue).enqueue(self.job, job_timeout=self.seconds, result_ttl=60, failure_ttl=3600)

    def heard(self) -> None:
        """The job has started."""
        self.redis.delete(self.mark)


class PrintBell(Bell):
    """The same for papers that are to be printed."""

    mark, queue, job, seconds = PRINT_BELL, PRINTS, "make_prints", limits.SECONDS
