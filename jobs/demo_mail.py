"""The demo mail server: SMTP in, IMAP out, for people who try Redress without a mail server of their own.

    python -m jobs.demo_mail --folder DIR --smtp-port N --imap-port M

It accepts every mail, on this machine only. What is for the complaints address goes, byte for byte, into the Maildir
`complaints`, which it serves over IMAP to the user of that name; everything else goes into the Maildir `people`, where
a `Delivered-To` line on top names the recipient of the envelope. Nothing ever leaves this machine.

The supervisor imports this module for the password, so what is slow to import is imported where it is used.
"""

import argparse
import os
import re
import secrets
import sys
import tempfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mailbox import Maildir

    from aiosmtpd.smtp import Envelope

HOST = "127.0.0.1"
USER = "complaints"
ADDRESS = "complaints@tarrowmill.example"
LIMIT = 35 * 1024 * 1024


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m jobs.demo_mail", description="The demo mail server.")
    parser.add_argument("--folder", type=Path, required=True, help="where the mail is kept")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--imap-port", type=int, required=True)
    parser.add_argument("--address", default=ADDRESS, help=f"whose mail IMAP serves (default {ADDRESS})")
    options = parser.parse_args(argv)
    folder: Path = options.folder.absolute()
    office = Office(folder, options.address)
    open_account(folder)
    try:
        take_smtp(office, options.smtp_port)
    except OSError as error:
        sys.exit(f"The demo mail server cannot listen on port {options.smtp_port}: {error.strerror}.")
    serve_imap(folder, options.imap_port)


class Office:
    """Sorts what comes in by SMTP into the two Maildirs."""

    def __init__(self, folder: Path, address: str):
        from mailbox import Maildir

        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.local, _, self.domain = address.lower().rpartition("@")
        self.complaints = Maildir(folder / USER, create=True)
        self.people = Maildir(folder / "people", create=True)

    async def handle_DATA(self, server: Any, session: Any, envelope: "Envelope") -> str:
        self.deliver([str(address) for address in envelope.rcpt_tos], envelope.original_content or b"")
        return "250 2.0.0 delivered"

    def deliver(self, recipients: list[str], raw: bytes) -> None:
        """Keep it for good before the sender hears 250."""
        others = [address for address in recipients if not self.is_ours(address)]
        if len(others) < len(recipients):
            keep(self.complaints, raw)
        for address in others:
            keep(self.people, f"Delivered-To: {address}\r\n".encode() + raw)

    def is_ours(self, address: str) -> bool:
        """Also with a tag: `complaints+tag@`."""
        local, _, domain = address.lower().rpartition("@")
        return domain == self.domain and local.partition("+")[0] == self.local


def keep(maildir: "Maildir", raw: bytes) -> None:
    maildir.add(raw)  # written to tmp/, fsync'ed, then linked into new/
    directory = os.open(Path(maildir._path, "new"), os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def password_of(folder: Path) -> str:
    """The password of the IMAP user, made when first asked for."""
    path = folder / "password"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, secrets.token_urlsafe(18))
    return path.read_text()


def arrival(key: str) -> list[int]:
    """Second and microsecond, from the name of a file such as `1795314584.M608840P14102Q1.host`."""
    return [int(number) for number in re.findall(r"\d+", key)[:2]]


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, and for nobody else to read."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def open_account(folder: Path) -> None:
    """The user list of pymap's Maildir backend."""
    from pysasl.hashing import BuiltinHash

    write_private(folder / "pymap-etc-passwd", f"{USER}:x::::{USER}:\n")
    write_private(folder / "pymap-etc-shadow", f"{USER}:{BuiltinHash().hash(password_of(folder))}\n")
    write_private(folder / "pymap-etc-group", "")
    for lock in (folder / USER).glob("**/*.lock"):  # of one that was killed; pymap would wait ten minutes for it
        if lock.parent.name not in ("new", "cur", "tmp"):
            lock.unlink()


def take_smtp(office: Office, port: int) -> None:
    """In a thread of its own, from now on."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import SMTP

    class LongLines(SMTP):
        line_length_limit = LIMIT  # a customer's mail program may write a paragraph in one line

    class Desk(Controller):
        def factory(self) -> SMTP:
            return LongLines(office, data_size_limit=LIMIT, enable_SMTPUTF8=True, hostname="localhost")

    Desk(office, hostname=HOST, port=port, ready_timeout=60).start()


def serve_imap(folder: Path, port: int) -> None:
    """Until SIGTERM."""
    from pymap.main import main as pymap

    mend_pymap()
    tempfile.tempdir = str(folder)  # pymap renames its drafts into the folder, which /tmp may be too far away for
    sys.argv = ["pymap", "--host", HOST, "--port", str(port), "--no-tls"]
    sys.argv += ["--no-service", "admin", "--no-service", "managesieve", "maildir", "--layout", "++", str(folder)]
    pymap()


def mend_pymap() -> None:
    """Where it falls short of what we need."""
    import asyncio

    from pymap.backend.maildir.mailbox import Maildir
    from pymap.imap import IMAPConnection, IMAPServer
    from pymap.parsing.response import Response

    def in_order_of_arrival(maildir: Maildir) -> list[str]:
        return sorted(maildir.iterkeys(), key=arrival)

    async def in_one_piece(connection: IMAPConnection, response: Response) -> None:
        whole = BytesIO()
        await response.async_write(whole)
        with suppress(ConnectionError):
            connection.writer.write(whole.getvalue())
            await connection.writer.drain()

    conversations = set()
    converse = IMAPServer.__call__

    async def held(server: IMAPServer, *connection: Any) -> None:
        conversations.add(task := asyncio.current_task())
        try:
            await converse(server, *connection)
        finally:
            conversations.discard(task)

    async def at_once(server: asyncio.Server) -> None:
        server.close()

    for owner, name, better in (
        (Maildir, "get_message", Maildir.get_bytes),  # as delivered, not as `email` would write it
        (Maildir, "keys", in_order_of_arrival),  # not as the disk lists them: UIDs are given in this order
        (IMAPConnection, "write_response", in_one_piece),  # half a line trips IMAPClient up while it idles
        (IMAPServer, "__call__", held),  # from Python 3.12 on a silent connection would be garbage, and collected
        (asyncio.Server, "wait_closed", at_once),  # from Python 3.12 on it waits for every client to leave
    ):
        setattr(owner, name, better)


if __name__ == "__main__":
    main()
