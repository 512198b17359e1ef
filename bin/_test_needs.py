"""What the tests need besides bin/run's .venv: the packages of requirements-dev.txt, and real services.

Run by bin/test, on whatever Python 3.11 or newer there is. `.venv/.redress-dev-ready` holds the hash of what is
installed. As root on Debian or Ubuntu missing services are installed, but never started; anybody else is told the one
line that installs them.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import _setup

DEV_REQUIREMENTS = _setup.ROOT / "requirements-dev.txt"
DEV_READY = _setup.VENV / ".redress-dev-ready"
POLICY = Path("/usr/sbin/policy-rc.d")
QUICK_BROWSER = "chromium-headless-shell"
"""Does the work of `chromium` in half the time. Ubuntu has not got it, and no test waits for it."""


def main() -> None:
    with open(_setup.REQUIREMENTS, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _setup.ready():
            _setup.make()
        if not (DEV_READY.exists() and DEV_READY.read_text() == wanted()):
            install_tools()
    root = os.getuid() == 0 and shutil.which("apt-get")
    if packages := missing_services():
        command = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
        if root:
            install_services(packages)
        else:
            _setup.say(f"Tests of missing services are skipped. To have them: sudo {command}")
    if root and not shutil.which(QUICK_BROWSER) and offered(QUICK_BROWSER):
        install_services([QUICK_BROWSER], needed=False)


def wanted() -> str:
    return f"{hashlib.sha256(DEV_REQUIREMENTS.read_bytes()).hexdigest()}\n{_setup.wanted()}"


def install_tools() -> None:
    _setup.say(f"Installing the tools of {DEV_REQUIREMENTS.name} ...")
    python = str(_setup.PYTHON)
    ways = [[python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]]
    if uv := shutil.which("uv"):
        ways.insert(0, [uv, "pip", "install", "--quiet", "--python", python])
    for way in ways:
        done = subprocess.run([*way, "-r", DEV_REQUIREMENTS], capture_output=True, text=True)
        if done.returncode == 0:
            DEV_READY.write_text(wanted())
            return
    _setup.stop(_setup.reason(done.stdout + done.stderr, "The tools could not be installed"))


def missing_services() -> list[str]:
    """The Debian packages of the services that are not here."""
    sbin = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    here = {
        "dovecot-imapd": shutil.which("dovecot", path=sbin) and any(Path("/usr/lib/dovecot").glob("imap")),
        "redis-server": shutil.which("redis-server") or shutil.which("valkey-server"),
        "chromium": any(map(shutil.which, (QUICK_BROWSER, "chromium", "chromium-browser", "google-chrome"))),
        "postgresql": shutil.which("initdb") or any(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        "libpango-1.0-0": _loads("libpango-1.0.so.0"),
        "libpangoft2-1.0-0": _loads("libpangoft2-1.0.so.0"),
        "libharfbuzz-subset0": _loads("libharfbuzz-subset.so.0"),
        "poppler-utils": shutil.which("pdftoppm"),
        "fonts-noto-cjk": any(Path("/usr/share/fonts").rglob("*CJK*")),
    }
    return [package for package, found in here.items() if not found]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def offered(package: str) -> bool:
    """Does apt know it already? Without lists, as in a fresh container, they are fetched for what is missing first."""
    policy = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True)
    return "Candidate: " in policy.stdout and "Candidate: (none)" not in policy.stdout


def install_services(packages: list[str], *, needed: bool = True) -> None:
    _setup.say(f"Installing {', '.join(packages)} ...")
    patience = ["-o", "Acquire::http::Timeout=10", "-o", "Acquire::Retries=0"] if not needed else []
    apt = ["apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=500", *patience]
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with nothing_started():
        for words in (["update"], ["install", "--no-install-recommends", *packages]):
            done = subprocess.run([*apt, *words], env=quiet, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            if done.returncode:
                if not needed:
                    return
                _setup.stop(_setup.reason(done.stdout + done.stderr, f"apt-get {words[0]} failed"))


@contextmanager
def nothing_started() -> Iterator[None]:
    """Debian starts what it installs, unless this script says no. The tests start their own, on their own ports."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        _setup.stop(_setup.reason(str(error), "bin/test could not prepare the tests"))
