"""`bin/run` keeps its programs, says why it cannot, and leaves nothing behind. The programs here are small scripts."""

import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis

from complaints.settings import Settings
from jobs import supervisor
from tests.rigs.process import free_port
from tests.rigs.waiting import eventually
from webapp import prepare

ROOT = Path(supervisor.__file__).parent.parent
CLEAN = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}

TALE = """
import os, signal, subprocess, sys, time
from pathlib import Path

def note(word):
    with open("notes", "a") as notes:
        notes.write(f"{word} {os.getpid()}\\n")

def rest():
    time.sleep(600)

def say_goodbye(word):
    signal.signal(signal.SIGTERM, lambda *_: (note(word), sys.exit(0)))
"""
HOUSE = """
import os, sys
from pathlib import Path
from jobs import supervisor
from jobs.processes import House, Program

def script(name):
    return [sys.executable, "-u", name + ".py"]

"""
# A program that hears no SIGTERM, a child in another session, an orphan in another process group.
FAMILY = """
from tale import *
if sys.argv[1:] == ["in another session"]:
    note("session")
    rest()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "family.py", "in another session"], start_new_session=True)
if os.fork() == 0:
    if os.fork() == 0:
        os.setpgrp()
        note("orphan")
        rest()
    os._exit(0)
note("stubborn")
rest()
"""


class Stage:
    """A folder with scripts, a supervisor that runs them, and what they noted."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.house: subprocess.Popen[str] | None = None
        (folder / "tale.py").write_text(TALE)

    def run(self, house: str, *argv: str, **scripts: str) -> "subprocess.Popen[str]":
        for name, code in scripts.items():
            (self.folder / f"{name}.py").write_text("from tale import *\n" + code)
        (self.folder / "house.py").write_text(HOUSE + house)
        self.house = subprocess.Popen(
            [sys.executable, "house.py", *argv],
            cwd=self.folder,
            env=CLEAN,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            errors="backslashreplace",
            start_new_session=True,
        )
        return self.house

    def noted(self, word: str) -> list[int]:
        """The process ids that noted it."""
        notes = self.folder / "notes"
        lines = notes.read_text().splitlines() if notes.exists() else []
        return [int(line.split()[-1]) for line in lines if line.rsplit(" ", 1)[0] == word]

    def words(self) -> list[str]:
        return [line.rsplit(" ", 1)[0] for line in (self.folder / "notes").read_text().splitlines()]

    def everyone(self) -> list[int]:
        notes = self.folder / "notes"
        return [int(line.split()[-1]) for line in notes.read_text().splitlines()] if notes.exists() else []


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    if stage.house:
        stage.house.kill()
        stage.house.communicate()
        eventually(lambda: not any(map(alive, stage.everyone())), timeout=30)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


# --- keeping


def test_a_program_starts_when_those_it_comes_after_are_ready(stage: Stage) -> None:
    house = stage.run(
        """
sys.exit(House([
    Program("server", script("server"), ready=lambda: Path("open").exists()),
    Program("prepare", script("prepare"), once=True),
    Program("web", script("web"), after=("server", "prepare"), welcome=lambda: "come in\\n"),
]).run())
""",
        server="""
while not Path("prepared").exists():
    time.sleep(0.01)
Path("open").touch()
note("server")
rest()
""",
        prepare="Path('prepared').touch(); time.sleep(0.2); note('prepared')",
        web="note(f\"web sees {Path('open').exists()}\"); print('hello'); rest()",
    )
    eventually(lambda: stage.noted("web sees True"), timeout=30)
    assert stage.words().index("prepared") < stage.words().index("web sees True")
    house.terminate()
    said, _ = house.communicate()
    assert "come in\n" in said
    assert "web     | hello\n" in said
    assert house.returncode == 0


def test_a_program_that_dies_is_started_again_after_longer_and_longer_pauses(stage: Stage) -> None:
    house = stage.run(
        "sys.exit(House([Program('worker', script('worker'))], first_pause=0.02).run())",
        worker="note('worker'); sys.exit(3) if Path('notes').read_text().count('worker') < 4 else rest()",
    )
    eventually(lambda: len(stage.noted("worker")) == 4, timeout=30)
    house.terminate()
    said, _ = house.communicate()
    assert re.findall(r"exit code 3; starting again in (\S+) s", said) == ["0.02", "0.04", "0.08"]
    assert house.returncode == 0


def test_one_killed_with_its_children_running_leaves_none_of_them_to_the_next_life(stage: Stage) -> None:
    stage.run(
        "sys.exit(House([Program('family', script('family'))], first_pause=0.02, grace=0.1).run())", family=FAMILY
    )
    first = eventually(lambda: stage.everyone() if len(stage.everyone()) == 3 else [], timeout=30)
    os.kill(stage.noted("stubborn")[0], signal.SIGKILL)
    eventually(lambda: len(stage.noted("stubborn")) == 2, timeout=30)
    assert not any(map(alive, first))


def test_five_deaths_within_a_minute_stop_everything_and_say_why(stage: Stage) -> None:
    house = stage.run(
        "sys.exit(House([Program('good', script('good')), Program('bad', script('bad'))], first_pause=0.02).run())",
        good="note('good'); rest()",
        bad="note('bad'); print('the disk smells odd'); sys.exit(7)",
    )
    _, why = house.communicate()
    assert house.returncode == 1
    assert "because bad died 5 times within a minute" in why
    assert "exit code 7" in why
    assert "the disk smells odd" in why
    assert len(stage.noted("bad")) == 5
    assert not any(map(alive, stage.everyone()))


def test_a_refused_setting_stops_the_start_at_once(stage: Stage) -> None:
    house = stage.run(
        "sys.exit(House([Program('prepare', script('prepare'), once=True)]).run())",
        prepare="note('prepare'); print('SECRET_KEY is too short', file=sys.stderr); sys.exit(2)",
    )
    _, why = house.communicate()
    assert house.returncode == 1
    assert "SECRET_KEY is too short" in why
    assert len(stage.noted("prepare")) == 1


def test_a_program_that_does_not_exist_is_named(stage: Stage) -> None:
    house = stage.run("sys.exit(House([Program('x', ['/no/such/thing'])], first_pause=0.01).run())")
    _, why = house.communicate()
    assert house.returncode == 1
    assert "/no/such/thing cannot be started: No such file or directory" in why


def test_one_that_is_never_ready_is_ended(stage: Stage) -> None:
    house = stage.run(
        "sys.exit(House([Program('x', script('x'), ready=lambda: False)], first_pause=0.01, patience=0.3).run())",
        x="note('x'); rest()",
    )
    said, why = house.communicate()
    assert house.returncode == 1
    assert "was not ready within 0.3 s" in said
    assert "killed by SIGKILL" in why


def test_no_line_is_lost(stage: Stage) -> None:
    house = stage.run(
        "sys.exit(House([Program(name, script('loud'), once=True) for name in ('loud', 'other')]).run())",
        loud="for n in range(5000): print(n)\nprint('x' * 1_000_000)\n"
        "sys.stdout.flush(); os.write(1, b'\\xff\\n'); os.write(2, '没有换行'.encode())",
    )
    said, _ = house.communicate()
    assert house.returncode == 0
    for name in ("loud ", "other"):
        lines = [line.removeprefix(f"{name} | ") for line in said.splitlines() if line.startswith(f"{name} | ")]
        assert lines == [*map(str, range(5000)), "x" * 1_000_000, "\\xff", "没有换行"]
    assert "\033" not in said


# --- ending


def test_sigterm_stops_in_reverse_order_and_leaves_nothing(stage: Stage) -> None:
    house = stage.run(
        """
sys.exit(House([
    Program("server", script("server"), ready=lambda: Path("up").exists()),
    Program("family", script("family"), after=("server",)),
    Program("web", script("web"), after=("server",)),
], grace=1).run())
""",
        server="say_goodbye('server gone'); note('server'); Path('up').touch(); rest()",
        web="say_goodbye('web gone'); note('web'); rest()",
        family=FAMILY,
    )
    eventually(lambda: len(stage.everyone()) == 5, timeout=30)
    house.terminate()
    said, _ = house.communicate()
    assert house.returncode == 0
    assert stage.words()[-2:] == ["web gone", "server gone"]
    assert "family | has not stopped within 1 s and is killed" in said
    assert not any(map(alive, stage.everyone()))


def test_a_second_ctrl_c_does_not_wait(stage: Stage) -> None:
    house = stage.run("sys.exit(House([Program('family', script('family'))], grace=600).run())", family=FAMILY)
    eventually(lambda: len(stage.everyone()) == 3, timeout=30)
    house.send_signal(signal.SIGINT)
    house.send_signal(signal.SIGTERM)
    house.communicate(timeout=60)
    assert house.returncode == 0
    assert not any(map(alive, stage.everyone()))


def test_kill_9_of_the_supervisor_leaves_nothing(stage: Stage) -> None:
    house = stage.run(
        "sys.exit(House([Program('family', script('family')), Program('web', script('web'))]).run())",
        family=FAMILY,
        web="say_goodbye('web gone'); note('web'); rest()",
    )
    eventually(lambda: len(stage.everyone()) == 4, timeout=30)
    house.kill()
    house.wait()
    eventually(lambda: not any(map(alive, stage.everyone())), timeout=30)


def test_it_stops_when_nobody_reads_its_log_any_more(stage: Stage) -> None:
    house = stage.run(
        "sys.exit(House([Program('web', script('web'))]).run())",
        web="note('web')\nwhile True: print('again'); time.sleep(0.01)",
    )
    eventually(lambda: stage.noted("web"), timeout=30)
    assert house.stdout
    house.stdout.close()
    assert house.wait(timeout=60) == 0
    assert not any(map(alive, stage.everyone()))


# --- starting

TABLE = "sys.exit(supervisor.main(sys.argv[1:], lambda plan: [Program('web', script('web'))]))"
WEB = "note('web'); rest()"


def started_again(stage: Stage, *argv: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "house.py", *argv], cwd=stage.folder, env=CLEAN, capture_output=True, text=True, timeout=60
    )


def test_a_second_start_on_the_same_data_names_the_first(stage: Stage) -> None:
    house = stage.run(TABLE, "--data", "d", "--port", str(free_port()), web=WEB)
    eventually(lambda: stage.noted("web"), timeout=30)
    second = started_again(stage, "--data", "d", "--port", str(free_port()))
    assert second.returncode == 2
    assert f"(process {house.pid})" in second.stderr
    assert len(stage.noted("web")) == 1


def test_after_a_kill_9_the_next_start_finds_the_data_free(stage: Stage) -> None:
    stage.run(TABLE, "--data", "d", "--port", str(free_port()), web=WEB).kill()
    house = stage.run(TABLE, "--data", "d", "--port", str(free_port()), web=WEB)
    eventually(lambda: stage.noted("web"), timeout=30)
    house.kill()
    third = stage.run(TABLE, "--data", "d", "--port", str(free_port()), web=WEB)
    eventually(lambda: len(stage.noted("web")) == 2, timeout=30)
    third.terminate()
    assert third.wait(timeout=60) == 0


def test_a_taken_port_is_said(stage: Stage) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        house = stage.run(TABLE, "--data", "d", "--port", str(port), web=WEB)
        _, why = house.communicate()
    assert house.returncode == 2
    assert why == f"Port {port} is taken by another program. Choose another one with --port N.\n"


def test_a_data_folder_that_is_none_is_said(stage: Stage) -> None:
    (stage.folder / "d").touch()
    house = stage.run(TABLE, "--data", "d", "--port", str(free_port()), web=WEB)
    _, why = house.communicate()
    assert house.returncode == 2
    assert "is not a folder" in why


def test_a_long_data_path_still_has_its_redis_and_its_mail(stage: Stage) -> None:
    data = stage.folder / ("long" * 20) / ("path" * 20)
    house = stage.run(
        "sys.exit(supervisor.main(sys.argv[1:], lambda plan: [p for p in supervisor.programs(plan) "
        "if p.name in ('redis', 'mail')] + [Program('web', script('web'), after=('redis', 'mail'))]))",
        *("--data", str(data), "--port", str(free_port())),
        web=WEB,
    )
    eventually(lambda: stage.noted("web"), timeout=60)
    settings = Settings.from_env({"REDRESS_DATA": str(data)})
    server = redis.Redis.from_url(settings.redis_url)
    assert server.ping()
    path = Path(settings.redis_url.removeprefix("unix://").removesuffix("?db=0"))
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(bytes(path)) <= 107
    assert settings.smtp
    assert supervisor.listens(settings.smtp.port)
    assert supervisor.listens(settings.imap[0].port)
    house.terminate()
    said, _ = house.communicate()
    assert house.returncode == 0, said
    path.parent.rmdir()  # nothing of ours is left in it


# --- what is chosen


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return supervisor.folder(tmp_path / "data")


def chosen(data: Path, **environ: str) -> Any:
    plan = supervisor.choose(data, 8123, environ)
    supervisor.write_env(data / "redress.env", plan.file)
    return plan


def test_what_was_generated_stays_and_is_for_nobody_else_to_read(data: Path) -> None:
    first, second = chosen(data), chosen(data)
    assert first.file == second.file
    assert stat.S_IMODE((data / "redress.env").stat().st_mode) == 0o600
    settings = Settings.from_env({"REDRESS_DATA": str(data)})
    assert settings.secret_key == first.env["SECRET_KEY"]
    assert settings.mail_from == "complaints@tarrowmill.example"
    assert settings.demo_mail == data / "demo-mail"
    assert settings.public_url == "http://127.0.0.1:8123"


def test_what_the_environment_sets_wins_and_stays_out_of_the_file(data: Path) -> None:
    kept = chosen(data).file["SECRET_KEY"]
    plan = chosen(data, REDIS_URL="redis://elsewhere/0", SECRET_KEY="of the deployment", TIMEZONE="Europe/Berlin")
    assert plan.redis == ()
    assert plan.env["REDIS_URL"] == "redis://elsewhere/0"
    assert plan.env["SECRET_KEY"] == "of the deployment"
    assert plan.env["TIMEZONE"] == "Europe/Berlin"
    assert "REDIS_URL" not in plan.file
    assert plan.file["SECRET_KEY"] == kept


def test_with_a_real_mail_server_there_is_no_demo(data: Path) -> None:
    chosen(data)
    plan = chosen(data, IMAP_URL="imaps://a:b@mail.example/INBOX", SMTP_URL="smtps://a:b@mail.example")
    assert plan.mail_ports is None
    assert not {"DEMO_MAIL", "IMAP_URL", "SMTP_URL", "MAIL_FROM", "ORGANISATION"} & plan.file.keys()
    assert "mail" not in [program.name for program in supervisor.programs(plan)]


def test_the_company_of_the_demo_is_chosen_once(data: Path) -> None:
    plan = supervisor.choose(data, 8123, {}, "postal")
    supervisor.write_env(data / "redress.env", plan.file)
    assert plan.env["DEMO_COMPANY"] == "postal"
    assert plan.env["MAIL_FROM"] == "complaints@lantingpost.example"
    assert chosen(data).env["DEMO_COMPANY"] == "postal"
    assert Settings.from_env({"REDRESS_DATA": str(data)}).demo_company == "postal"


def test_a_folder_that_holds_another_company_is_refused(data: Path) -> None:
    chosen(data)
    with pytest.raises(supervisor.Trouble, match="holds another company"):
        supervisor.choose(data, 8123, {}, "postal")


def test_a_demo_company_with_a_real_mail_server_is_refused(data: Path) -> None:
    real = {"IMAP_URL": "imaps://a:b@mail.example/INBOX", "SMTP_URL": "smtps://a:b@mail.example"}
    with pytest.raises(supervisor.Trouble, match=r"^--demo"):
        supervisor.choose(data, 8123, real, "postal")


@pytest.mark.parametrize(("one", "other"), [("IMAP_URL", "SMTP_URL"), ("SMTP_URL", "IMAP_URL")])
def test_half_a_mail_server_is_refused(data: Path, one: str, other: str) -> None:
    with pytest.raises(supervisor.Trouble, match=f"^{other} is not set"):
        chosen(data, **{one: "imaps://a:b@mail.example"})


def test_a_port_of_the_last_start_that_is_taken_now_is_replaced(data: Path) -> None:
    smtp, imap = chosen(data).mail_ports
    with socket.socket() as other:
        other.bind(("127.0.0.1", smtp))
        other.listen()
        again = chosen(data).mail_ports
    assert again[0] != smtp
    assert again[1] == imap


def test_what_a_person_wrote_into_the_file_stays(data: Path) -> None:
    chosen(data)
    with (data / "redress.env").open("a") as file:
        file.write("TIMEZONE=Europe/Berlin\n")
    assert chosen(data).env["TIMEZONE"] == "Europe/Berlin"
    assert Settings.from_env({"REDRESS_DATA": str(data)}).timezone == "Europe/Berlin"


def test_a_database_of_the_newest_shape_does_not_keep_the_page_waiting(data: Path) -> None:
    plan = chosen(data)

    def web_waits_for() -> tuple[str, ...]:
        return next(program.after for program in supervisor.programs(plan) if program.name == "web")

    assert web_waits_for() == ("redis", "prepare")
    prepare.upgrade(plan.env["DATABASE_URL"])
    assert web_waits_for() == ("redis",)
    with closing(sqlite3.connect(data / "redress.db")) as database, database:
        database.execute("update alembic_version set version_num = '0001'")
    assert web_waits_for() == ("redis", "prepare")


# --- what a person types


def bin_run(*argv: str, path: str = CLEAN["PATH"]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [ROOT / "bin/run", *argv], env={**CLEAN, "PATH": path}, capture_output=True, text=True, timeout=60
    )


def test_help_and_wrong_use_start_nothing() -> None:
    assert bin_run("--help").returncode == 0
    for wrong in (["--prot", "8000"], ["--port", "70000"], ["--port", "web"], ["--demo", "bakery"]):
        refused = bin_run(*wrong)
        assert refused.returncode == 2
        assert wrong[-1] in refused.stderr


def test_a_machine_with_an_old_python_is_told_so(tmp_path: Path) -> None:
    for tool in ("dirname", "readlink"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    (tmp_path / "python3").write_text("#!/bin/sh\necho\n")
    (tmp_path / "python3").chmod(0o755)
    refused = bin_run(path=str(tmp_path))
    assert refused.returncode == 2
    assert "needs Python 3.11 or newer" in refused.stderr
