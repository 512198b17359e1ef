"""A mailbox over IMAP: look, fetch whole messages, move the ones we keep, wait for more.

UIDs only, `BODY.PEEK[]` only: `\\Seen` and every other mark belong to people. A message is moved by MOVE, or by COPY
and UID EXPUNGE of that one UID; a server that offers neither keeps its messages where they are.
"""

import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError

from complaints.failpoints import failpoint
from complaints.settings import ImapAccount

CONNECT_SECONDS = 10
REPLY_SECONDS = 60
BATCH = 50
BATCH_OCTETS = 8 * 1024 * 1024
PROCESSED = "Processed"


@dataclass(frozen=True)
class Message:
    """A message as the server gave it. `raw` is None when it is over the limit; then `headers` holds its header."""

    uid: int
    raw: bytes | None
    headers: bytes
    size: int
    arrived: datetime


class Mailbox:
    """One folder, selected, for as long as the connection lasts."""

    def __init__(self, account: ImapAccount, *, limit: int) -> None:
        self.account = account
        self.limit = limit
        self.asking: list[int] = []  # the UIDs of the FETCH under way: where it broke, if it breaks
        self._processed: str | None = None

    def __enter__(self) -> "Mailbox":
        account = self.account
        context = ssl.create_default_context() if account.tls else None
        self.client = IMAPClient(
            account.host, account.port, ssl=account.tls, ssl_context=context, use_uid=True,
            timeout=SocketTimeout(CONNECT_SECONDS, REPLY_SECONDS),
        )  # fmt: skip
        try:
            self.client.login(account.user, account.password)
            self.client.normalise_times = False
            self.uidvalidity = int(self.client.select_folder(account.folder)[b"UIDVALIDITY"])
            capabilities = self.client.capabilities()
        except BaseException:
            self.client.shutdown()
            raise
        self.can_idle = b"IDLE" in capabilities
        self.can_move = b"MOVE" in capabilities
        self.can_expunge_one = b"UIDPLUS" in capabilities
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.client.logout()
            else:
                self.client.shutdown()
        except (OSError, IMAPClientError):
            self.client.shutdown()

    def uids(self) -> list[int]:
        """The UIDs of every message in the folder, oldest first."""
        return sorted(int(uid) for uid in self.client.search("ALL"))

    def arrived(self, uids: Sequence[int]) -> dict[int, datetime]:
        """When these messages came in, by the server's clock."""
        return {uid: _instant(fact) for uid, fact in self.client.fetch(uids, ["INTERNALDATE"]).items()} if uids else {}

    def batches(self, uids: Sequence[int], *, at_once: int = BATCH) -> Iterator[list[Message]]:
        """The messages of these UIDs, about 50 at a time and bounded by octets. One that is gone meanwhile is left
        out."""
        for start in range(0, len(uids), at_once):
            facts = self._fetch(list(uids[start : start + at_once]), "RFC822.SIZE", "INTERNALDATE")
            group: list[int] = []
            octets = 0
            for uid in sorted(facts):
                size = int(facts[uid][b"RFC822.SIZE"])
                if size > self.limit:
                    yield [self._headers_only(uid, facts[uid])]
                    continue
                if group and octets + size > BATCH_OCTETS:
                    yield self._whole(group, facts)
                    group, octets = [], 0
                group.append(uid)
                octets += size
            if group:
                yield self._whole(group, facts)

    def _fetch(self, uids: list[int], *what: str) -> dict[int, dict[bytes, Any]]:
        self.asking = uids
        answers: dict[int, dict[bytes, Any]] = self.client.fetch(uids, list(what))
        self.asking = []
        return answers

    def _whole(self, uids: list[int], facts: dict[int, Any]) -> list[Message]:
        answers = self._fetch(uids, "BODY.PEEK[]")
        messages = []
        for uid in uids:
            raw = answers.get(uid, {}).get(b"BODY[]")
            if raw is None:
                continue
            if len(raw) > self.limit:
                messages.append(Message(uid, None, raw[:32768], len(raw), _instant(facts[uid])))
            else:
                messages.append(Message(uid, raw, b"", len(raw), _instant(facts[uid])))
        return messages

    def _headers_only(self, uid: int, fact: dict[bytes, Any]) -> Message:
        answer = self._fetch([uid], "BODY.PEEK[HEADER]").get(uid, {})
        headers = answer.get(b"BODY[HEADER]") or b""
        return Message(uid, None, headers[:32768], int(fact[b"RFC822.SIZE"]), _instant(fact))

    @property
    def can_remove(self) -> bool:
        """May messages leave the folder without touching anybody else's?"""
        return self.can_move or self.can_expunge_one

    def move_away(self, uids: Sequence[int]) -> None:
        """Move messages to the folder for what we have taken; it is made when it is missing."""
        if not uids or not self.can_remove:
            return
        folder = self._processed_folder()
        failpoint("P6.before_move")
        if self.can_move:
            self.client.move(uids, folder)
        else:
            self.client.copy(uids, folder)
            failpoint("P6.after_copy")
            self.client.add_flags(uids, [b"\\Deleted"], silent=True)
            self.client.uid_expunge(uids)

    def _processed_folder(self) -> str:
        if self._processed is None:
            wanted = PROCESSED
            if not self.client.folder_exists(wanted):
                try:
                    self.client.create_folder(wanted)
                except IMAPClientError:  # servers that keep every folder below INBOX
                    delimiter = self.client.list_folders()[0][1] or b"."
                    wanted = f"INBOX{delimiter.decode()}{PROCESSED}"
                    if not self.client.folder_exists(wanted):
                        self.client.create_folder(wanted)
            self._processed = wanted
        return self._processed

    def wait(self, seconds: float) -> None:
        """Wait for something new, at most this long. Only for a server with IDLE; the answer is a hint."""
        self.client.idle()
        try:
            self.client.idle_check(timeout=seconds)
        finally:
            self.client.idle_done()


def _instant(fact: dict[bytes, Any]) -> datetime:
    arrived = fact.get(b"INTERNALDATE")
    if not isinstance(arrived, datetime):
        return datetime.now(UTC)
    return arrived.astimezone(UTC)
