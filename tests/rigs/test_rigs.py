"""The rigs themselves: each really is the service it claims to be, and fails when told."""

from __future__ import annotations

import imaplib
import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psycopg
import pytest
import redis
from playwright.sync_api import Page, expect

from tests.rigs.certificate import new_certificate
from tests.rigs.chromium import Chromium, axe
from tests.rigs.dovecot import Account, Dovecot
from tests.rigs.postgres import Postgres
from tests.rigs.process import FOLDERS, PREFIX, new_folder
from tests.rigs.redis import Redis, programs
from tests.rigs.smtp import SmtpServer
from tests.rigs.waiting import eventually

# waiting


def test_eventually_asks_until_the_answer_is_yes():
    answers = iter([0, "", None, "here"])
    assert eventually(lambda: next(answers), every=0) == "here"


def test_eventually_shows_the_last_refusal():
    def never() -> bool:
        raise AssertionError("still 3 waiting")

    with pytest.raises(AssertionError, match="still 3 waiting"):
        eventually(never, timeout=0.05, every=0.01)


# Dovecot


def test_a_message_goes_in_by_imap_and_comes_out_as_it_was(mailbox_account: Account):
    raw = "Subject: 漏电\r\n\r\n烤箱\r\n".encode("gbk")
    uid = mailbox_account.append(raw)
    assert mailbox_account.messages() == [(uid, raw)]
    assert mailbox_account.folders() == ["INBOX"]


def test_a_dropped_message_wakes_who_idles(mailbox_account: Account):
    with mailbox_account.client(tls=True) as client:
        client.select_folder("INBOX")
        client.idle()
        mailbox_account.drop(b"Subject: \xff\xfe\n\nraw\n")
        assert (1, b"EXISTS") in client.idle_check(timeout=10)
        client.idle_done()
    assert mailbox_account.messages() == [(1, b"Subject: \xff\xfe\r\n\r\nraw\r\n")]


def test_a_message_moves_to_a_folder_with_a_chinese_name_and_the_log_knows(mailbox_account: Account):
    uid = mailbox_account.append(b"Message-ID: <moved@test>\r\n\r\n")
    with mailbox_account.client() as client:
        client.create_folder("已处理")
        client.select_folder("INBOX")
        client.move([uid], "已处理")
    assert (mailbox_account.count(), mailbox_account.count("已处理")) == (0, 1)
    assert any("expunge: box=INBOX, uid=1" in line for line in mailbox_account.log())


def test_a_mailbox_can_change_its_password_and_forget_its_uids(mailbox_account: Account):
    mailbox_account.append_all([b"Subject: 1\r\n\r\n", b"Subject: 2\r\n\r\n"])
    with mailbox_account.client() as client:
        before = client.select_folder("INBOX")[b"UIDVALIDITY"]
    mailbox_account.forget_uids()
    mailbox_account.change_password("another")
    with mailbox_account.client() as client:
        assert client.select_folder("INBOX")[b"UIDVALIDITY"] != before
    assert "another" in mailbox_account.url


def test_dovecot_refuses_a_wrong_password_at_once(mailbox_account: Account):
    with imaplib.IMAP4("127.0.0.1", mailbox_account.server.port) as client:
        began = time.monotonic()
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.login(mailbox_account.user, "wrong")
        assert time.monotonic() - began < 1.5


@pytest.mark.usefixtures("dovecot")
def test_dovecot_comes_back_on_its_ports_with_its_mail_and_can_hide_an_extension():
    with Dovecot(extra="imap_capability = IMAP4rev1 LITERAL+ UIDPLUS IDLE") as server:
        account = server.account("customer@demo.test", quota="1M")
        account.append(b"Subject: kept\r\n\r\n")
        port = server.port
        server.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
        server.start()
        assert (server.port, account.count()) == (port, 1)
        with account.client() as client:
            assert not client.has_capability("MOVE")
        with pytest.raises(Exception, match=r"[Qq]uota"):
            account.append(b"Subject: big\r\n\r\n" + b"x" * 2_000_000)


# PostgreSQL


def test_each_copy_of_a_database_is_its_own(postgres_server: Postgres):
    postgres_server.create("mother")
    postgres_server.run("CREATE TABLE note (words text)", "mother")
    with postgres_server.copy_of("mother") as one, postgres_server.copy_of("mother") as other:
        with psycopg.connect(one.replace("+psycopg", "")) as connection:
            connection.execute("INSERT INTO note VALUES ('漏电')")
        with psycopg.connect(other.replace("+psycopg", "")) as connection:
            assert connection.execute("SELECT count(*) FROM note").fetchone() == (0,)
    assert [name for (name,) in postgres_server.run("SELECT datname FROM pg_database") if "test_" in name] == []


@pytest.mark.parametrize(
    "act",
    [
        "INSERT INTO note (words) SELECT 'more' FROM generate_series(1, 9)",
        "INSERT INTO other (note) VALUES (1)",
        "UPDATE note SET words = 'else'",
        "CREATE TABLE new ()",
        "ALTER TABLE other DISABLE TRIGGER ALL",
        "ANALYZE note",
    ],
)
def test_who_is_lent_a_database_finds_what_its_template_holds(postgres_server: Postgres, act: str):
    mother = f"mother_{abs(hash(act))}"
    postgres_server.create(mother)
    postgres_server.run("CREATE TABLE note (id SERIAL PRIMARY KEY, words TEXT)", mother)
    postgres_server.run("INSERT INTO note (words) VALUES ('kept')", mother)
    postgres_server.run("CREATE TABLE other (id SERIAL, note INTEGER REFERENCES note)", mother)
    for _ in range(3):
        with postgres_server.lend(mother) as url, psycopg.connect(url.replace("+psycopg", "")) as connection:
            assert connection.execute("INSERT INTO note (words) VALUES ('mine') RETURNING id").fetchone() == (2,)
            assert connection.execute("INSERT INTO other (note) VALUES (1) RETURNING id").fetchone() == (1,)
            assert connection.execute("SELECT words FROM note ORDER BY id").fetchall() == [("kept",), ("mine",)]
            assert connection.execute("SELECT count(*) FROM other").fetchone() == (1,)
            assert connection.execute("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'").fetchone() == (0,)
            assert connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'new'").fetchone() == (0,)
            connection.rollback()
            connection.execute(act)
            connection.commit()


def test_postgres_keeps_what_was_committed_through_a_crash(postgres_server: Postgres):
    postgres_server.create("crashing")
    postgres_server.run("CREATE TABLE kept ()", "crashing")
    postgres_server.stop(immediately=True)
    postgres_server.start()
    assert postgres_server.run("SELECT count(*) FROM kept", "crashing") == [(0,)]


# Databases of the project


def test_every_test_gets_a_migrated_database_of_its_own(database_url: str):
    import sqlalchemy

    engine = sqlalchemy.create_engine(database_url)
    assert "alembic_version" in sqlalchemy.inspect(engine).get_table_names()
    engine.dispose()


# Redis


def test_redis_answers_again_after_a_restart_and_has_forgotten(redis_server: Redis, redis_url: str):
    client = redis.Redis.from_url(redis_url)
    client.set("bell", "rung")
    redis_server.stop()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    redis_server.start()
    assert client.ping()
    assert client.get("bell") is None


def test_a_paused_redis_takes_connections_and_says_nothing(redis_server: Redis, redis_url: str):
    with redis_server.paused(), pytest.raises(redis.TimeoutError):
        redis.Redis.from_url(redis_url, socket_timeout=0.2).ping()
    assert redis.Redis.from_url(redis_url).ping()


@pytest.mark.parametrize("name", programs())
def test_every_redis_found_here_can_serve(name: str):
    with Redis(programs()[name], persistent=True) as server:
        server.client().set("kept", 1)
        server.stop()
        server.start()
        assert server.client().get("kept") == b"1"


# SMTP


def letter(subject: str = "您的投诉 C-2026-0001") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "complaints@demo.test", "kunde@demo.test", subject
    message["Message-ID"] = "<ack-1@demo.test>"
    message.set_content("收到。\n.\n")
    return message


def send(smtp: SmtpServer, message: EmailMessage, sender: str = "complaints@demo.test", timeout: float = 2.0) -> None:
    with smtplib.SMTP("127.0.0.1", smtp.port, timeout=timeout) as client:
        client.send_message(message, from_addr=sender)


def test_smtp_says_later_once_and_then_takes_the_mail(smtp: SmtpServer):
    smtp.answer("RCPT", "451 4.3.0 later")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp, letter())
    send(smtp, letter(), sender="")
    mail = smtp.wait_for(lambda mail: "投诉" in mail.header("Subject"))
    assert (mail.mail_from, mail.recipients, mail.message_id) == ("", ("kunde@demo.test",), "<ack-1@demo.test>")
    assert mail.text() == "收到。\n.\n"
    assert smtp.connections == 2
    assert [each.answers for each in smtp.log if each.place == "RCPT"] == [["451 4.3.0 later"], ["250 OK"]]


@pytest.mark.parametrize("accepted", [True, False])
def test_smtp_drops_after_the_dot_having_taken_the_mail_or_not(smtp: SmtpServer, accepted: bool):
    smtp.drop("DOT", accepted=accepted)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(smtp, letter())
    assert [mail.answered for mail in smtp.mails] == ([False] if accepted else [])
    send(smtp, letter())
    assert len(smtp.wait_for_count(1 + accepted)) == 1 + accepted


@pytest.mark.parametrize("place", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY"])
def test_smtp_drops_or_hangs_anywhere_before_the_dot(smtp: SmtpServer, place: str):
    smtp.drop(place)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        send(smtp, letter())
    smtp.hang(place)
    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        send(smtp, letter(), timeout=0.2)
    assert smtp.wait_for_command(place).connection == 1
    assert smtp.mails == []


def test_smtp_refuses_one_recipient_and_hangs_up_with_421(smtp: SmtpServer):
    smtp.answer("RCPT", "550 5.1.1 no such user", to="kunde@", times=None)
    smtp.answer("CONNECT", "421 4.3.2 closing")
    with pytest.raises(smtplib.SMTPConnectError, match="421"):
        send(smtp, letter())
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="no such user"):
        send(smtp, letter())
    smtp.heal()
    smtp.answer("DOT", "552 5.3.4 too big")
    smtp.delay("MAIL", 0.1)
    with pytest.raises(smtplib.SMTPDataError, match="too big"):
        send(smtp, letter())
    assert smtp.mails == []


def test_smtp_wants_tls_and_the_right_password(tmp_path: Path):
    certificate = new_certificate(tmp_path)
    with SmtpServer(certificate=certificate, login=("redress", "s/e:cret")) as server:
        assert server.url == f"smtp+starttls://redress:s%2Fe%3Acret@127.0.0.1:{server.port}"
        with smtplib.SMTP("127.0.0.1", server.port, timeout=5) as client:
            with pytest.raises(smtplib.SMTPSenderRefused, match="Authentication required"):
                client.send_message(letter())
            client.starttls(context=ssl.create_default_context(cafile=str(certificate.certificate)))
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("redress", "wrong")
            client.login("redress", "s/e:cret")
            client.send_message(letter())
        assert server.wait_for()
        with (
            smtplib.SMTP("127.0.0.1", server.port, timeout=5) as client,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            client.starttls(context=ssl.create_default_context())
    with SmtpServer(certificate=certificate, tls=True) as server:
        context = ssl.create_default_context(cafile=str(certificate.certificate))
        with smtplib.SMTP_SSL("127.0.0.1", server.port, timeout=5, context=context) as client:
            client.send_message(letter())
        assert server.wait_for().recipients == ("kunde@demo.test",)


def test_smtp_comes_back_where_it_was(smtp: SmtpServer):
    send(smtp, letter())
    smtp.stop()
    with pytest.raises(ConnectionRefusedError):
        send(smtp, letter())
    smtp.start()
    send(smtp, letter())
    assert len(smtp.mails) == 2


# Chromium

HONEST = "<!doctype html><html lang=en><title>t</title><main><h1>漏电</h1></main>"


class Site(BaseHTTPRequestHandler):
    """/ is a good page, /broken one that breaks its own CSP, throws and forgot a text, /refused a meant 422."""

    def do_GET(self) -> None:
        broken = "<img src=x.png><p onclick=''>x</p><script src=app.js></script>" if self.path == "/broken" else ""
        body = "throw new Error('boo')" if self.path == "/app.js" else HONEST + broken
        self.send_response(422 if self.path == "/refused" else 200)
        kind = "text/javascript" if self.path == "/app.js" else "text/html; charset=utf-8"
        for name, value in {
            "Content-Type": kind,
            "Content-Security-Policy": "default-src 'none'; script-src 'self'",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_chromium_shows_a_page_and_axe_finds_nothing_in_a_good_one(page: Page, site: str):
    page.goto(f"{site}/")
    expect(page.get_by_role("heading")).to_have_text("漏电")
    assert axe(page) == []
    page.goto(f"{site}/refused")


def test_chromium_renders_a_data_page_and_axe_finds_the_planted_fault(page: Page):
    page.goto("data:text/html,<html lang=en><title>t</title><main><h1>Hi</h1><img src='data:image/gif;base64,'></main>")
    assert [each.split()[0] for each in axe(page)] == ["image-alt"]
    assert axe(page, without=["image-alt"]) == []


def test_chromium_tells_what_a_page_did_wrong(browser: Chromium, site: str):
    browser.fresh().new_page().goto(f"{site}/broken")
    complaints = browser.settled()
    assert any(each.startswith("CSP: img-src") for each in complaints), complaints
    assert any(each.startswith("CSP: script-src-attr") for each in complaints), complaints
    assert any(each == "uncaught: boo" for each in complaints), complaints
    assert any(each.startswith("console: ") for each in complaints), complaints
    browser.meant("")
    assert browser.settled() == []
    browser.fresh()


def test_two_people_share_no_cookies(new_page, site: str):
    one, other = new_page(), new_page(locale="zh-CN")
    one.goto(f"{site}/")
    one.context.add_cookies([{"name": "who", "value": "one", "url": site}])
    other.goto(f"{site}/")
    assert (len(one.context.cookies()), other.context.cookies()) == (1, [])
    assert other.evaluate("navigator.language") == "zh-CN"


# All of them


@pytest.mark.usefixtures("dovecot", "postgres_server", "redis_server")
def test_a_killed_test_run_leaves_no_server_behind_and_its_folders_go_with_the_next():
    script = """
        import sys, time
        from tests.rigs.dovecot import Dovecot
        from tests.rigs.postgres import Postgres
        from tests.rigs.redis import Redis
        rigs = [Dovecot().start(), Redis().start(), Postgres().start()]
        print(*(rig._process.pid for rig in rigs), flush=True)
        time.sleep(60)
    """
    run = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert run.stdout
    pids = [int(word) for word in run.stdout.readline().split()]
    assert len(pids) == 3
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    eventually(lambda: not any(_alive(pid) for pid in pids))
    assert len(list(FOLDERS.glob(f"{PREFIX}{run.pid}-*"))) == 3
    shutil.rmtree(new_folder("next"))
    assert list(FOLDERS.glob(f"{PREFIX}{run.pid}-*")) == []


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
