"""The first half of `bin/run`: makes .venv, or brings it up to date, then hands over to jobs/supervisor.py.

Runs on whatever Python 3.11 or newer there is, with the standard library only. `.venv/.redress-ready` holds the hash
of the requirements that are installed; while .venv is being made there is `.venv/.redress-making` instead.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements.txt"
READY, MAKING, LOG = VENV / ".redress-ready", VENV / ".redress-making", VENV / ".redress-install.log"
NO_NETWORK = ("connection", "resolution", "timed out", "temporary failure", "could not find a version", "dns error")
NO_ROOM = ("no space left", "disk quota exceeded")


def main() -> None:
    sys.path.insert(0, str(ROOT))
    from jobs.supervisor import arguments

    options = arguments()  # --help and wrong use need no .venv
    if not ready():
        with open(REQUIREMENTS, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two starts at once: the second waits, and finds it done
            if not ready():
                make()
    data = options.data.absolute()
    os.chdir(ROOT)
    demo = ["--demo", options.demo] if options.demo else []
    os.execv(PYTHON, [str(PYTHON), "-m", "jobs.supervisor", "--port", str(options.port), "--data", str(data), *demo])


def wanted() -> str:
    """What is in the marker: the hash, and the Python behind .venv (an upgrade of the system may change it)."""
    return f"{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()}\n{PYTHON.resolve()}\n"


def ready() -> bool:
    return READY.exists() and READY.read_text() == wanted() and PYTHON.exists()


def make() -> None:
    if MAKING.exists() or (VENV.exists() and not works()):
        say(f"{VENV} is half-made or broken; it is made again.")
        shutil.rmtree(VENV)
    if not VENV.exists():
        VENV.mkdir()
        MAKING.touch()
        create()
    count = sum(1 for line in REQUIREMENTS.read_text().splitlines() if line.split("#")[0].strip())
    say(f"Installing {count} packages and what they need into {VENV}; this takes about a minute, once ...")
    install()
    MAKING.unlink(missing_ok=True)
    READY.write_text(wanted())


def works() -> bool:
    """Whether a .venv without a fitting marker can be installed into."""
    try:
        return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def create() -> None:
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True)
    if made.returncode:
        says = made.stdout + made.stderr
        if "ensurepip" in says:
            package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
            stop(f"This Python cannot make virtual environments. On Debian or Ubuntu: apt-get install {package}")
        stop(reason(says, "The virtual environment could not be made"))


def install() -> None:
    """With uv if it is here and succeeds (it does not read pip's settings), else with pip."""
    ways = [[str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]]
    if uv := shutil.which("uv"):
        ways.insert(0, [uv, "pip", "install", "--quiet", "--python", str(PYTHON)])
    for way in ways:
        with open(LOG, "w") as log:
            done = subprocess.run([*way, "-r", REQUIREMENTS], stdout=log, stderr=log)
        if done.returncode == 0:
            return
    stop(reason(LOG.read_text(errors="replace"), "The packages could not be installed"))


def reason(says: str, what: str) -> str:
    lower = says.lower()
    if any(sign in lower for sign in NO_ROOM):
        return f"{what}: the disk of {VENV} is full. Redress needs about 400 MB there."
    if any(sign in lower for sign in NO_NETWORK):
        return f"{what}: the package index cannot be reached. Check the network, then start bin/run again. More: {LOG}"
    last = (says.strip().splitlines() or ["no reason given"])[-1]
    return f"{what}: {last} (more in {LOG})"


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def stop(sentence: str) -> None:
    say(sentence)
    sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        stop(reason(str(error), "bin/run could not prepare .venv"))
