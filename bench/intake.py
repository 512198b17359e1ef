"""How fast mails become drafts: `python -m bench.intake [--mails 2000] [--helpdesk PYTHON]`.

A real Dovecot mailbox of generated mails (60 % plain, 30 % HTML, 10 % with attachments; UTF-8, GBK, Big5, Latin-1) is
read twice in one run: by a plain loop (IMAPClient in batches of 50, `email` with policy.default, one SQLite commit
with synchronous=FULL of the same number of rows a mail), and by the intake: poller and reading child. With --helpdesk
also by django-helpdesk's get_email (see `get_email` for how to install it beside). Every draft is compared with what
was written.
"""

import argparse
import email
import email.policy
import json
import logging
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from email.header import Header
from pathlib import Path

from sqlalchemy import event, func, select

from complaints.complaint import Complaint
from complaints.database import open_database, sessions
from complaints.letters import Attachment, Letter
from complaints.logs import configure
from complaints.settings import Settings, imap_account
from intake.poller import Poller
from tests.rigs.dovecot import Dovecot
from webapp.prepare import upgrade

ROWS_A_MAIL = 11
CHARSETS = ("utf-8", "gbk", "big5", "latin-1")
WORDS = {
    "utf-8": "密封圈低温开裂，客户要求三日内回复原因与对策。Übermaß 0,4 mm. 泵壳铸造缩孔导致渗漏，停线两小时。",
    "gbk": "控制板上电无响应，客户端不良 3/500，请尽快调查原因并回复纠正措施。线束插头松脱，振动试验失效。",
    "big5": "支架焊縫氣孔，來料檢驗批退。請於三日內回覆原因分析與改善對策，並附上檢測報告。",
    "latin-1": "Die Bohrung liegt außerhalb der Toleranz. Prière de répondre dans les trois jours ouvrés.",
}


@dataclass(frozen=True)
class Written:
    """What a generated mail says, to compare with what was read."""

    raw: bytes
    subject: str
    text: str
    files: int


def written(number: int, chance: random.Random) -> Written:
    charset = CHARSETS[number % 4]
    kind = "plain" if number % 10 < 6 else "html" if number % 10 < 9 else "files"
    words = WORDS[charset]
    lines = [words[(k := chance.randrange(12)) : k + chance.randrange(20, len(words) - 12)] for _ in range(20)]
    text = f"Mail {number}\n" + "\n".join(line.strip() for line in lines)
    subject = f"{number} {words[:24].strip()}"
    head = (
        f"From: {Header(words[:4].strip(), charset).encode()} <customer{number}@quell{number % 97}.example>\r\n"
        f"To: complaints@mill.example\r\nSubject: {Header(subject, charset).encode(linesep=chr(13) + chr(10))}\r\n"
        f"Date: Mon, 16 Nov 2026 11:{number // 60 % 60:02d}:{number % 60:02d} +0800\r\n"
        f"Message-ID: <bench{number}@quell.example>\r\nMIME-Version: 1.0\r\n"
    ).encode()
    body = text.replace("\n", "\r\n").encode(charset)
    plain = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode() + body
    if kind == "plain":
        return Written(head + plain, subject, text, 0)
    if kind == "html":
        page = "<html><body>" + "".join(f"<p>{line}</p>" for line in text.split("\n")) + "</body></html>"
        html = f"Content-Type: text/html; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode()
        return Written(head + html + page.encode(charset), subject, text, 0)
    content = email.base64mime.body_encode(chance.randbytes(chance.randrange(20_000, 120_000)), eol="\r\n").encode()
    parts = (
        b"--b0und\r\n" + plain + b"\r\n--b0und\r\nContent-Type: application/pdf; name=report.pdf\r\n"
        b"Content-Disposition: attachment; filename=report.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + content + b"\r\n--b0und--\r\n"
    )  # fmt: skip
    return Written(head + b"Content-Type: multipart/mixed; boundary=b0und\r\n\r\n" + parts, subject, text, 1)


def plain_loop(url: str, database: Path) -> float:
    """Seconds that the plain loop takes for the whole mailbox."""
    from imapclient import IMAPClient

    account = imap_account(url)
    connection = sqlite3.connect(database, isolation_level=None)
    connection.executescript("pragma journal_mode=wal; pragma synchronous=full; create table row (kind, a, b);")
    client = IMAPClient(account.host, account.port, ssl=False)
    client.login(account.user, account.password)
    client.select_folder("INBOX")
    started = time.perf_counter()
    uids = client.search("ALL")
    for start in range(0, len(uids), 50):
        for uid, answer in client.fetch(uids[start : start + 50], ["BODY.PEEK[]"]).items():
            message = email.message_from_bytes(answer[b"BODY[]"], policy=email.policy.default)
            subject, sender = str(message["Subject"]), str(message["From"])
            part = message.get_body(("plain", "html"))
            try:
                text = part.get_content() if part else ""
            except (LookupError, ValueError):
                text = ""
            for attachment in message.iter_attachments():
                attachment.get_content()
            rows = [(n, subject, text if n == 0 else sender) for n in range(ROWS_A_MAIL)]
            connection.execute("begin immediate")
            connection.executemany("insert into row values (?, ?, ?)", rows)
            connection.execute("commit")
            assert uid
    took = time.perf_counter() - started
    client.logout()
    return took


def helpdesk(python: str, mails: list[Written], server: Dovecot) -> tuple[float, int]:
    """Seconds that django-helpdesk takes for the same mails, and how many it read wrongly: title, text or files."""
    account = server.account(quota="4G")
    account.append_all([mail.raw for mail in mails])
    at = imap_account(account.url)
    with tempfile.TemporaryDirectory() as folder:
        command = [python, str(Path(__file__).with_name("get_email.py")), at.host, str(at.port), at.user, at.password]
        done = subprocess.run([*command, folder], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    read = {title.strip(): (_lines(text), files) for title, text, files in told["tickets"]}
    wrong = sum(read.get(mail.subject.strip()) != (_lines(mail.text), mail.files) for mail in mails)
    return told["seconds"], wrong


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace("\\n", "\n").split("\n") if line.strip()]


class Deaf:
    def ring(self) -> None:
        pass


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--mails", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--helpdesk", metavar="PYTHON", help="the Python of an environment with django-helpdesk")
    chosen = options.parse_args()
    chance = random.Random(chosen.seed)
    mails = [written(number, chance) for number in range(chosen.mails)]
    with tempfile.TemporaryDirectory() as folder, Dovecot() as server:
        account = server.account(quota="4G")
        account.append_all([mail.raw for mail in mails])
        data = Path(folder)
        plain = plain_loop(account.url, data / "plain.db")

        url = f"sqlite:///{data / 'redress.db'}"
        upgrade(url)
        settings = Settings(
            data=data, database_url=url, redis_url="", secret_key="s" * 32, imap=(imap_account(account.url),),
            mail_from="complaints@mill.example",
        )  # fmt: skip
        engine = open_database(url)
        statements = 0

        @event.listens_for(engine, "before_cursor_execute")
        def _count(*_: object) -> None:
            nonlocal statements
            statements += 1

        configure("text", least=logging.WARNING)
        poller = Poller(settings, settings.imap[0], sessions(engine), Deaf())
        statements = 0
        started, used, childs = time.perf_counter(), time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN)
        outcomes = poller.once()
        ours = time.perf_counter() - started
        parent = time.process_time() - used
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        child = ended.ru_utime + ended.ru_stime - childs.ru_utime - childs.ru_stime
        counted = statements
        wrong = 0
        with sessions(engine)() as session:
            read = {
                row.message_id: row
                for row in session.execute(select(Letter.message_id, Letter.subject, Letter.text, Letter.id))
            }
            attached = select(Attachment.letter_id, func.count()).group_by(Attachment.letter_id)
            files = dict(session.execute(attached).all())
            drafts = session.scalar(select(func.count()).select_from(Complaint))
        for number, mail in enumerate(mails):
            row = read.get(f"bench{number}@quell.example")
            said = "\n".join(line.strip() for line in row.text.split("\n") if line.strip()) if row else None
            right = row and row.subject == mail.subject and said == mail.text and files.get(row.id, 0) == mail.files
            wrong += not right
        if chosen.helpdesk:
            theirs, misread = helpdesk(chosen.helpdesk, mails, server)

    rate, base = chosen.mails / ours, chosen.mails / plain
    print(f"mails {chosen.mails}, outcomes {dict(outcomes)}, drafts {drafts}")
    print(f"{'plain loop':<28}{base:>10.0f} mails/s")
    print(f"{'intake':<28}{rate:>10.0f} mails/s")
    print(f"{'ratio':<28}{rate / base:>10.2f} (at least 0.60)")
    print(f"{'SQL statements a mail':<28}{counted / chosen.mails:>10.2f} (at most 12, BEGIN not counted)")
    print(f"{'read wrongly':<28}{wrong:>10d} (0)")
    print(f"{'processor, poller':<28}{parent / chosen.mails * 1000:>10.2f} ms a mail")
    print(f"{'processor, child':<28}{child / chosen.mails * 1000:>10.2f} ms a mail")
    print(f"{'largest memory, poller':<28}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:>10.0f} MB (200)")
    print(f"{'largest memory, child':<28}{ended.ru_maxrss / 1024:>10.0f} MB (512)")
    if chosen.helpdesk:
        print(f"{'django-helpdesk':<28}{chosen.mails / theirs:>10.0f} mails/s, {misread} read wrongly")
        print(f"{'intake : django-helpdesk':<28}{theirs / ours:>10.2f} (at least 3)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
