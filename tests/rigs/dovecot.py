"""A private Dovecot 2.3: the honest IMAP server, in the foreground, on a plain and a TLS port of 127.0.0.1.

Used like this:

    with Dovecot() as server:
        account = server.account()
        account.append(raw)                 # as a client does
        account.drop(raw)                   # byte for byte, behind the server's back, as a delivery agent does
        account.messages("Processed")       # [(uid, raw), …]
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Self
from urllib.parse import quote

from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from tests.rigs.certificate import Certificate, new_certificate
from tests.rigs.process import (
    NotReady,
    Unavailable,
    User,
    end,
    free_port,
    give,
    new_folder,
    ordinary_user,
    spawn,
    tail,
    until_ready,
)
from tests.rigs.waiting import eventually

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
log_timestamp = "%Y-%m-%d %H:%M:%S.%{{usecs}} "
protocols = imap
listen = 127.0.0.1
default_internal_user = {user.name}
default_internal_group = {user.group}
default_login_user = {user.name}
first_valid_uid = 1
disable_plaintext_auth = no
auth_failure_delay = 0 secs
auth_mechanisms = plain login
ssl = yes
ssl_cert = <{certificate.certificate}
ssl_key = <{certificate.key}
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = 100
mail_plugins = $mail_plugins quota notify mail_log
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users/%u
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users/%u
}}
namespace inbox {{
  inbox = yes
}}
protocol imap {{
  mail_plugins = $mail_plugins imap_quota
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=200M
  mail_log_events = append save copy delete undelete expunge flag_change mailbox_create mailbox_delete mailbox_rename
  mail_log_fields = uid box msgid size flags
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
{extra}
"""

OAUTH2 = """
auth_mechanisms = plain login xoauth2 oauthbearer
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
"""
OAUTH2_CONFIGURATION = """
introspection_mode = post
introspection_url = {url}
username_attribute = email
active_attribute = active
active_value = true
"""


class Account:
    """One mailbox owner. Names hold an "@", as they do at most providers."""

    def __init__(self, server: Dovecot, user: str, password: str, quota: str) -> None:
        self.server, self.user, self.password, self.quota = server, user, password, quota
        self.maildir = server.folder / "mail" / user / "Maildir"

    @property
    def url(self) -> str:
        return self._url("imap", self.server.port)

    @property
    def tls_url(self) -> str:
        """Trusted by whoever trusts `server.certificate.certificate`."""
        return self._url("imaps", self.server.tls_port)

    def _url(self, scheme: str, port: int) -> str:
        return f"{scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@127.0.0.1:{port}/INBOX"

    @contextlib.contextmanager
    def client(self, *, tls: bool = False) -> Iterator[IMAPClient]:
        """Somebody else at the same mailbox: signed in, nothing selected."""
        context = ssl.create_default_context(cafile=str(self.server.certificate.certificate)) if tls else None
        port = self.server.tls_port if tls else self.server.port
        with IMAPClient("127.0.0.1", port, ssl=tls, ssl_context=context, timeout=20) as client:
            client.login(self.user, self.password)
            yield client

    def append(
        self, raw: bytes, folder: str = "INBOX", *, flags: Sequence[bytes] = (), at: datetime | None = None
    ) -> int:
        """Put a message there by IMAP; `at` becomes its INTERNALDATE. Returns its UID."""
        with self.client() as client:
            return self._append(client, raw, folder, flags, at)

    def append_all(self, raws: Sequence[bytes], folder: str = "INBOX") -> list[int]:
        with self.client() as client:
            return [self._append(client, raw, folder, (), None) for raw in raws]

    @staticmethod
    def _append(client: IMAPClient, raw: bytes, folder: str, flags: Sequence[bytes], at: datetime | None) -> int:
        answer: bytes = client.append(folder, raw, flags, at)
        return int(answer.split(b"APPENDUID ")[1].split()[1].rstrip(b"]"))  # [APPENDUID <validity> <uid>] …

    def drop(self, raw: bytes, folder: str = "INBOX") -> Path:
        """Write the very bytes into the Maildir, whatever they are."""
        box = self._box(folder)
        if not (box / "new").is_dir():
            self._make(box)
        name = f"{time.time():.6f}.{next(_serial)}.redress"
        (box / "tmp" / name).write_bytes(raw)
        give(box / "tmp" / name, self.server.owner)
        arrived = box / "new" / name
        (box / "tmp" / name).rename(arrived)
        return arrived

    def _box(self, folder: str) -> Path:
        if folder == "INBOX":
            return self.maildir
        with self.client() as client:  # the name on disk is IMAP's own spelling of it
            if not client.folder_exists(folder):
                client.create_folder(folder)
            spelling: bytes = client._normalise_folder(folder)
        return self.maildir / ("." + spelling.decode().strip('"'))

    def _make(self, box: Path) -> None:
        for part in (box, box / "tmp", box / "new", box / "cur"):
            part.mkdir(parents=True, exist_ok=True)
        for part in (self.maildir.parent, box, box / "tmp", box / "new", box / "cur"):
            give(part, self.server.owner)

    def folders(self) -> list[str]:
        with self.client() as client:
            return sorted(name for _, _, name in client.list_folders())

    def messages(self, folder: str = "INBOX") -> list[tuple[int, bytes]]:
        """(UID, bytes) of all that lies there, oldest first; flags stay as they are."""
        return [(uid, raw) for uid, raw, _ in self._fetched(folder)]

    def flags(self, folder: str = "INBOX") -> dict[int, tuple[bytes, ...]]:
        return {uid: flags for uid, _, flags in self._fetched(folder)}

    def _fetched(self, folder: str) -> list[tuple[int, bytes, tuple[bytes, ...]]]:
        with self.client() as client:
            if not client.folder_exists(folder):
                return []
            client.select_folder(folder, readonly=True)
            uids = client.search("ALL")
            found = client.fetch(uids, ["BODY.PEEK[]", "FLAGS"]) if uids else {}
        return [(uid, found[uid][b"BODY[]"], tuple(found[uid][b"FLAGS"])) for uid in sorted(found)]

    def count(self, folder: str = "INBOX") -> int:
        with self.client() as client:
            if not client.folder_exists(folder):
                return 0
            return int(client.folder_status(folder, ["MESSAGES"])[b"MESSAGES"])

    def forget_uids(self, folder: str = "INBOX") -> None:
        """The mailbox was rebuilt: same messages, another UIDVALIDITY, UIDs from 1. Sign everybody out first."""
        box = self._box(folder)
        for kept in [*box.glob("dovecot-uidlist*"), *box.glob("dovecot.index*")]:
            kept.unlink()

    def change_password(self, password: str) -> None:
        self.password = password
        self.write_down()
        eventually(self._may_enter)  # Dovecot looks at the file again a second later at the earliest

    def _may_enter(self) -> bool:
        try:
            with self.client():
                return True
        except LoginError:
            return False

    def write_down(self) -> None:
        """A file of our own: Dovecot reads a new one at once."""
        entry = self.server.folder / "users" / f"{self.user}.new"
        entry.write_text(
            f"{self.user}:{{PLAIN}}{self.password}:{self.server.owner.uid}:{self.server.owner.gid}"
            f"::{self.maildir.parent}::userdb_quota_rule=*:storage={self.quota}\n"
        )
        entry.replace(entry.with_suffix(""))

    def log(self) -> list[str]:
        """What Dovecot wrote down of this account: sign-ins, and each save, copy, flag change and expunge."""
        return [line for line in self.server.log().splitlines() if self.user in line]


_serial = itertools.count(1)


class Dovecot:
    """`extra` is appended to the configuration: `imap_capability = …` hides an extension, for instance. With
    `introspection_url` tokens are good for XOAUTH2 that are good there."""

    def __init__(self, extra: str = "", *, certificate: Certificate | None = None, introspection_url: str = "") -> None:
        self._need_version_2_3()
        self.owner: User = ordinary_user()
        self.folder = new_folder("dovecot")
        self.certificate = certificate or new_certificate(self.folder)
        self.port = self.tls_port = 0
        self._extra = extra
        if introspection_url:
            (self.folder / "oauth2.conf").write_text(OAUTH2_CONFIGURATION.format(url=introspection_url))
            self._extra += OAUTH2.format(folder=self.folder)
        self._process: subprocess.Popen[bytes] | None = None
        (self.folder / "users").mkdir()
        (self.folder / "mail").mkdir()
        give(self.folder / "mail", self.owner)

    @staticmethod
    def _need_version_2_3() -> None:
        if not _program():
            raise Unavailable("no Dovecot here: apt-get install dovecot-imapd")
        version = subprocess.run([str(_program()), "--version"], capture_output=True, text=True, check=True).stdout
        if not version.startswith("2.3."):
            raise Unavailable(f"the Dovecot rig writes the configuration of 2.3, this machine has {version.strip()}")

    def start(self) -> Self:
        """Start, or start again on the same ports with everybody's mail still there."""
        if self.running:
            return self
        for attempt in range(3):
            if not self._process:
                self.port, self.tls_port = free_port(), free_port()
            try:
                self._start()
            except NotReady:
                if attempt == 2 or self._process or "in use" not in self.log():
                    raise
            else:
                break
        return self

    def _start(self) -> None:
        settings = self.folder / "dovecot.conf"
        settings.write_text(
            CONFIGURATION.format(
                folder=self.folder,
                user=self.owner,
                certificate=self.certificate,
                port=self.port,
                tls_port=self.tls_port,
                extra=self._extra,
            )
        )
        output = self.folder / "output.log"
        process = spawn([_program() or "", "-F", "-c", settings], log=output)
        try:
            until_ready(process, self._greets, output)
        except NotReady as error:
            raise NotReady(f"{error}\n{tail(self.folder / 'dovecot.log')}") from None
        self._process = process

    def _greets(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
            return line.recv(64).startswith(b"* OK")

    def stop(self) -> None:
        """Out of reach; ports, mail and accounts are kept for `start`."""
        end(self._process, signal.SIGTERM)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def account(self, user: str | None = None, password: str = "p@ss/word%1", *, quota: str = "200M") -> Account:
        """A new mailbox, empty; `quota` as in Dovecot ("20M")."""
        account = Account(self, user or f"support{next(_serial)}@demo.test", password, quota)
        account.write_down()
        return account

    def log(self) -> str:
        log = self.folder / "dovecot.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def _program() -> str | None:
    return shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
