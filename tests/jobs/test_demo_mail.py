"""The demo mail server: what goes in by SMTP comes out by IMAP, byte for byte; and `bin/complain`, which uses it."""

import email
import email.policy
import mailbox
import os
import pty
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from imapclient import IMAPClient

from jobs import demo_mail
from tests.rigs.process import free_port
from tests.rigs.waiting import eventually

ROOT = Path(demo_mail.__file__).parent.parent
CUSTOMER = "ines.carrow@quellstrom.example"
ODD = (
    b"From: =?gb2312?B?wO7OsA==?= <li.wei@example.cn>\r\n"
    b"Subject: " + "投诉 raw 8-bit".encode("gb18030") + b"\r\n"
    b"Date: sometime soon\r\n"
    b"X-Long: " + b"word " * 60 + b"\r\n"
    b"X-Folded: one\r\n\ttwo  \r\n"
    b"Content-Type: text/plain; charset=gbk\r\n"
    b"\r\n"
    b"From the start\r\n.a dot\r\n..two\r\n" + "夹子裂了".encode("gbk") * 2000 + b"\r\n \t\r\n\r\n"
)


class Server:
    """`python -m jobs.demo_mail` on free ports."""

    def __init__(self, folder: Path):
        self.folder, self.smtp, self.imap = folder, free_port(), free_port()
        self.start()

    def start(self) -> None:
        options = ["--folder", str(self.folder), "--smtp-port", str(self.smtp), "--imap-port", str(self.imap)]
        self.process = subprocess.Popen([sys.executable, "-m", "jobs.demo_mail", *options], cwd=ROOT)
        eventually(self.answers, timeout=60)

    def answers(self) -> bool:
        assert self.process.poll() is None
        try:
            self.client().logout()
            smtplib.SMTP("127.0.0.1", self.smtp, local_hostname="localhost", timeout=30).quit()
        except OSError:
            return False
        return True

    def client(self) -> IMAPClient:
        client = IMAPClient("127.0.0.1", self.imap, ssl=False, timeout=30)
        client.login("complaints", demo_mail.password_of(self.folder))
        return client

    def send(self, raw: bytes, *recipients: str) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp, local_hostname="localhost", timeout=30) as server:
            server.sendmail(CUSTOMER, recipients or (demo_mail.ADDRESS,), raw)

    def people(self) -> list[bytes]:
        maildir = mailbox.Maildir(self.folder / "people", create=False)
        return sorted(maildir.get_bytes(key) for key in maildir.keys())  # noqa: SIM118

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "demo-mail")
    yield server
    if server.process.poll() is None:
        server.stop(signal.SIGKILL)


@pytest.fixture
def client(server: Server) -> Iterator[IMAPClient]:
    with server.client() as client:
        client.select_folder("INBOX")
        yield client


def everything(client: IMAPClient) -> list[bytes]:
    client.noop()
    found = client.fetch(client.search(), ["BODY.PEEK[]"])
    return [found[uid][b"BODY[]"] for uid in sorted(found)]


def test_a_mail_comes_out_as_it_went_in(server: Server, client: IMAPClient) -> None:
    plain = [b"Subject: plain %d\r\n\r\nHello\r\n" % number for number in range(20)]
    for mail in [ODD, *plain]:
        server.send(mail)
    assert everything(client) == [ODD, *plain]
    assert client.fetch([1], ["RFC822.SIZE"])[1][b"RFC822.SIZE"] == len(ODD)
    assert server.people() == []


def test_mail_to_others_names_the_recipient_of_the_envelope(server: Server, client: IMAPClient) -> None:
    server.send(ODD, "Mei@tarrowmill.example", CUSTOMER, "Complaints+42@Tarrowmill.example")
    assert server.people() == [
        b"Delivered-To: Mei@tarrowmill.example\r\n" + ODD,
        b"Delivered-To: ines.carrow@quellstrom.example\r\n" + ODD,
    ]
    assert everything(client) == [ODD]


def test_a_mail_may_be_long_but_not_longer_than_the_limit(server: Server, client: IMAPClient) -> None:
    long_line = b"Subject: long\r\n\r\n" + b"x" * 5_000_000 + b"\r\n"
    server.send(long_line)
    assert everything(client) == [long_line]
    with pytest.raises(smtplib.SMTPException) as refusal:
        server.send(b"Subject: too much\r\n\r\n" + (b"x" * 998 + b"\r\n") * 37_000)
    assert "552" in str(refusal.value)
    assert len(everything(client)) == 1


def test_idle_tells_of_a_new_mail(server: Server, client: IMAPClient) -> None:
    client.idle()
    server.send(ODD)
    assert (1, b"EXISTS") in eventually(lambda: client.idle_check(timeout=1), timeout=30)
    client.idle_done()


def test_move(server: Server, client: IMAPClient) -> None:
    server.send(ODD)
    client.create_folder("Processed")
    client.noop()
    client.move(client.search(), "Processed")
    assert everything(client) == []
    client.select_folder("Processed")
    assert everything(client) == [ODD]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_keeps_mails_uids_and_uidvalidity(server: Server, number: int) -> None:
    server.send(ODD)
    with server.client() as client:
        before = client.select_folder("INBOX")[b"UIDVALIDITY"], client.search()
    server.stop(number)
    if number == signal.SIGKILL:  # may hit it while it writes
        (server.folder / "complaints" / "dovecot-uidlist.lock").touch()
    server.start()
    with server.client() as client:
        assert (client.select_folder("INBOX")[b"UIDVALIDITY"], client.search()) == before
        assert everything(client) == [ODD]


def test_sigterm_ends_it_well_even_while_somebody_listens(server: Server, client: IMAPClient) -> None:
    client.idle()
    assert server.stop() == 0


def test_only_the_password_opens_it_and_only_we_can_read_that(server: Server) -> None:
    assert (server.folder / "password").stat().st_mode & 0o077 == 0
    assert server.folder.stat().st_mode & 0o077 == 0
    with pytest.raises(IMAPClient.Error):
        IMAPClient("127.0.0.1", server.imap, ssl=False, timeout=30).login("complaints", "guess")


# --- bin/complain


def complain(data: Path, *argv: str, text: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, str(ROOT / "bin/complain"), "--data", str(data), *argv]
    return subprocess.run(command, input=text, capture_output=True, timeout=60)


@pytest.fixture
def data(server: Server) -> Path:
    data = server.folder.parent
    lines = ["# a comment", f"SMTP_URL=smtp://127.0.0.1:{server.smtp}", f"DEMO_MAIL={server.folder}"]
    (data / "redress.env").write_text("\n".join([*lines, f"MAIL_FROM={demo_mail.ADDRESS}"]))
    return data


def test_a_complaint_arrives(data: Path, client: IMAPClient, tmp_path: Path) -> None:
    (tmp_path / "照片.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    sent = complain(data, "--attach", str(tmp_path / "照片.png"), "夹子裂了", text="The clips crack.\n裂了\n".encode())
    assert (sent.returncode, sent.stderr) == (0, b"")
    assert "Sent '夹子裂了' with 1 attachment from ines.carrow@quellstrom.example" in sent.stdout.decode()
    mail = email.message_from_bytes(everything(client)[0], policy=email.policy.default)
    assert mail["From"] == "Ines Carrow <ines.carrow@quellstrom.example>"
    assert (mail["To"], mail["Subject"]) == (demo_mail.ADDRESS, "夹子裂了")
    text, photo = mail.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == "The clips crack.\n裂了\n"
    assert (photo.get_filename(), photo.get_content()) == ("照片.png", b"\x89PNG\r\n\x1a\n")


def test_another_customer_complains(data: Path, client: IMAPClient) -> None:
    sent = complain(data, "--from", "李伟 <li.wei@example.cn>", "x", text="裂了".encode("gbk"))
    assert (sent.returncode, sent.stderr) == (0, b"")
    mail = email.message_from_bytes(everything(client)[0], policy=email.policy.default)
    assert (mail["From"].addresses[0].display_name, mail["From"].addresses[0].addr_spec) == (
        "李伟",
        "li.wei@example.cn",
    )
    assert mail.get_content().strip() == "裂了"


def test_it_says_what_to_do_at_a_terminal(data: Path, client: IMAPClient) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "bin/complain"), "--data", str(data), "typed"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr
        assert b"end with Ctrl-D" in process.stderr.readline()
        os.write(ours, b"It broke.\n\x04")
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"It broke." in everything(client)[0]


def test_it_says_what_is_wrong(data: Path, server: Server, tmp_path: Path) -> None:
    missing = complain(data, "--attach", "no.png", "x")
    assert (missing.returncode, missing.stderr) == (2, b"no.png cannot be attached: No such file or directory.\n")
    assert complain(data, "--from", "Bob", "x").returncode == 2
    server.stop()
    silent = complain(data, "x")
    assert silent.returncode == 1
    assert b"No Redress is running on" in silent.stderr
    never = complain(tmp_path / "never", "x")
    assert never.returncode == 1
    assert b"Start it with bin/run" in never.stderr
    (data / "redress.env").write_text("SMTP_URL=smtps://mail.example\n")
    assert b"uses a real mail server" in complain(data, "x").stderr
