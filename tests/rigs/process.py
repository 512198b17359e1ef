"""Server processes that cannot outlive the tests, and the folders they live in."""

from __future__ import annotations

import contextlib
import ctypes
import grp
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Not pytest's own folder: that is 0700, which shuts out the ordinary user a server of root's drops to, and its
# paths leave too little of the 107 bytes a unix socket may have.
FOLDERS = Path("/tmp")
PREFIX = "redress-rig-"

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class Unavailable(RuntimeError):
    """This machine lacks what a rig needs; the message says what to install."""


class NotReady(RuntimeError):
    """A server ended or stayed silent before it could be used; the message holds the end of its log."""


@dataclass(frozen=True)
class User:
    """Whom a server runs as."""

    name: str
    group: str
    uid: int
    gid: int


def ordinary_user() -> User:
    """Ourselves, or `nobody` when we are root: PostgreSQL refuses root, Dovecot wants an ordinary user for mail."""
    uid = os.getuid() or pwd.getpwnam("nobody").pw_uid
    entry = pwd.getpwuid(uid)
    return User(entry.pw_name, grp.getgrgid(entry.pw_gid).gr_name, uid, entry.pw_gid)


def new_folder(name: str, owner: User | None = None) -> Path:
    """A short, fresh folder; what a killed test run has left behind goes first."""
    for left in FOLDERS.glob(f"{PREFIX}*"):
        made_by = re.match(rf"{PREFIX}(\d+)-", left.name)
        if made_by and not Path("/proc", made_by[1]).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{name}-", dir=FOLDERS))
    folder.chmod(0o755)
    if owner:
        give(folder, owner)
    return folder


def give(path: Path, owner: User) -> None:
    if os.getuid() == 0:
        os.chown(path, owner.uid, owner.gid)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    user: User | None = None,
    dying_with_us: signal.Signals = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server in its own session, so that Ctrl-C reaches us alone and we stop it in good order.

    The kernel sends it `dying_with_us` when we die in any other way (to the thread that spawned it, so spawn from
    the main one).
    """

    def last_will() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(dying_with_us), 0, 0, 0)

    drop: dict[str, Any] = {}
    if user and os.getuid() == 0:
        drop = {"user": user.uid, "group": user.gid, "extra_groups": []}
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **(environment or {})},
            start_new_session=True,
            preexec_fn=last_will,  # safe beside threads: ctypes is loaded, the child only makes a system call
            **drop,
        )


def _name(process: subprocess.Popen[bytes]) -> str:
    return shlex.join(map(str, process.args)) if isinstance(process.args, list) else str(process.args)


def until_ready(
    process: subprocess.Popen[bytes], probe: Callable[[], object], log: Path, *, timeout: float = 30.0
) -> None:
    deadline = time.monotonic() + timeout
    while True:
        if process.poll() is not None:
            raise NotReady(f"{_name(process)} ended with {process.returncode}:\n{tail(log)}")
        with contextlib.suppress(Exception):
            if probe():
                return
        if time.monotonic() >= deadline:
            end(process)
            raise NotReady(f"{_name(process)} was not ready within {timeout:g} s:\n{tail(log)}")
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes] | None, sign: signal.Signals = signal.SIGTERM, *, grace: float = 10.0) -> None:
    """Stop by pid, politely first."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(sign)
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path, lines: int = 20) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    return "(no log)"
