"""`flask intake …` as people and mail servers use it: what it prints, and how it ends."""

import base64
import json
import mailbox
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.intake.letters import a_mail
from tests.rigs.dovecot import Account

ROOT = Path(__file__).parents[2]


class Shell:
    """Runs commands in the environment of one ledger."""

    def __init__(self, data: Path, **more: str) -> None:
        self.data = data
        self.env = {
            "PATH": os.environ["PATH"], "REDRESS_DATA": str(data), "REDIS_URL": "redis://127.0.0.1:1/0",
            "SECRET_KEY": "s" * 32, "CREDENTIALS_KEY": Fernet.generate_key().decode(),
            "MAIL_FROM": "complaints@mill.example", **more,
        }  # fmt: skip

    def intake(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "intake", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.env, input=given, capture_output=True, check=False)


@pytest.fixture
def shell(sqlite_url: str, tmp_path: Path) -> Shell:
    return Shell(tmp_path, DATABASE_URL=sqlite_url)


def lines(done: subprocess.CompletedProcess[bytes]) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_deliver_takes_standard_input_and_files_and_says_what_became_of_them(shell: Shell) -> None:
    done = shell.intake("deliver", given=a_mail())
    (first,) = lines(done)
    assert (done.returncode, first["outcome"], first["complaint"][:2]) == (0, "drafted", "C-")
    (shell.data / "a.eml").write_bytes(a_mail())
    (shell.data / "b.eml").write_bytes(a_mail(message_id="<b@quell.example>", auto_submitted="auto-replied"))
    done = shell.intake("deliver", str(shell.data / "a.eml"), str(shell.data / "b.eml"))
    assert [line["outcome"] for line in lines(done)] == ["duplicate", "set_aside"]
    assert lines(done)[0]["complaint"] == first["complaint"]
    assert set(first) == {"outcome", "complaint", "reason", "incoming_id"}


def test_deliver_ends_with_75_when_the_message_could_not_be_stored(shell: Shell) -> None:
    (shell.data / "blobs").write_text("a file where the folder should be")
    done = shell.intake("deliver", given=a_mail())
    assert (done.returncode, done.stdout) == (75, b"")
    assert b"could not be stored" in done.stderr
    assert b"Traceback" not in done.stderr


def test_deliver_without_a_message_is_wrong_use(shell: Shell) -> None:
    assert shell.intake("deliver").returncode == 2
    assert shell.intake("deliver", "/nowhere/mail.eml").returncode == 2


def test_explain_answers_line_by_line_without_a_database(tmp_path: Path) -> None:
    shell = Shell(tmp_path, DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    asked = [{"id": "x", "raw": base64.b64encode(a_mail()).decode()}, {"id": "y"}]
    done = shell.intake("explain", "--jsonl", given="\n".join(map(json.dumps, asked)).encode())
    good, bad = lines(done)
    assert (done.returncode, good["id"], good["subject"]) == (0, "x", "Oil weeping at face seal")
    assert bad["error"]
    assert done.stderr == b""


def test_retry_names_what_is_not_quarantined(shell: Shell) -> None:
    shell.intake("deliver", given=a_mail())
    done = shell.intake("retry", "1")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Not quarantined: 1" in done.stderr
    assert shell.intake("retry", "--all").returncode == 0
    assert shell.intake("retry").returncode == 2


def test_reconcile_proves_the_mailbox_and_fails_when_something_is_missing(
    sqlite_url: str, mailbox_account: Account, tmp_path: Path
) -> None:
    shell = Shell(tmp_path, DATABASE_URL=sqlite_url, IMAP_URL=mailbox_account.url)
    mailbox_account.append_all([a_mail(), a_mail(message_id="<2@quell.example>")])
    before = shell.intake("reconcile", "--json")
    assert (before.returncode, lines(before)[0]["unaccounted"]) == (1, 2)
    polled = shell.intake("poll", "--once")
    assert (polled.returncode, lines(polled)[0]["drafted"]) == (0, 2)
    after = shell.intake("reconcile", "--json")
    (told,) = lines(after)
    assert (after.returncode, told["seen"], told["drafted"], told["unaccounted"]) == (0, 2, 2, 0)
    assert b"2 seen = 2 drafted" in shell.intake("reconcile").stdout


def test_an_import_says_how_much_there_was_and_is_taken_up_again(shell: Shell) -> None:
    box = mailbox.mbox(shell.data / "old.mbox")
    for number in range(3):
        box.add(a_mail(message_id=f"<{number}@quell.example>"))
    box.close()
    assert lines(shell.intake("import", str(shell.data / "old.mbox"))) == [{"messages": 3, "drafted": 3}]
    assert lines(shell.intake("import", str(shell.data / "old.mbox"))) == [{"messages": 3, "imported before": 3}]
    assert shell.intake("import", str(ROOT / "README.md")).returncode == 2
