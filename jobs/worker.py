"""The worker: `python -m jobs.worker`. Takes jobs off the queue; restarts of Redis do not end it."""

import sys
import time

import structlog
from redis.exceptions import RedisError
from rq import Worker
from rq.serializers import JSONSerializer

from complaints import settings
from complaints.logs import configure
from complaints.settings import Settings
from jobs import sending
from jobs.queue import MAIL, PRINTS, NamedJob, connect, queue

log = structlog.get_logger(__name__)
MONITORED = 10
"""Seconds between two looks at a job that runs."""


def make_worker(chosen: Settings) -> Worker:
    """A worker of both queues, mail first."""
    redis = connect(chosen.redis_url)
    redis.connection_pool.connection_kwargs["socket_timeout"] = None  # it waits for jobs
    return Worker(
        [queue(redis, MAIL), queue(redis, PRINTS)],
        connection=redis,
        serializer=JSONSerializer,
        job_class=NamedJob,
        maintenance_interval=60,
        job_monitoring_interval=MONITORED,
    )


def main() -> int:
    chosen = settings.load()
    configure(chosen.log_format)
    assert sending  # loaded before the fork, so that each job starts quickly
    gap = 1.0
    while True:
        try:
            make_worker(chosen).work(logging_level="WARNING")
            return 0
        except RedisError as error:  # the scheduler sends meanwhile
            log.warning("Redis is away; trying again", error=str(error), seconds=gap)
            time.sleep(gap)
            gap = min(gap * 2, 30.0)


if __name__ == "__main__":
    sys.exit(main())
