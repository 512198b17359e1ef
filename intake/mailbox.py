"""A mailbox over IMAP: look, fetch whole messages, move the ones we keep, wait for more.

UIDs only, `BODY.PEEK[]` only: `\\Seen` and every other mark belong to people. A message is moved by MOVE, or by COPY
and UID EXPUNGE of that one UID; a server that offers neither keeps its messages where they are.

Nothing falls back to clear text: a server that should speak TLS and does not is a fault, and without TLS we talk to
this machine alone.
"""

import ipaddress
import json
import re
import ssl
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from complaints.failpoints import failpoint
from complaints.settings import ImapAccount

CONNECT_SECONDS = 10
REPLY_SECONDS = 60
BATCH = 50
BATCH_OCTETS = 4 * 1024 * 1024
LARGE = 2 * 1024 * 1024
PIECE = 1024 * 1024
"""Larger messages are fetched in pieces, so that they pass through little memory."""
VERSION = "1"  # servers log it
METADATA = frozenset({"100.100.100.200", "fd00:ec2::254"})
"""Where clouds tell a machine its secrets, beyond the link-local addresses."""
LARGEST_LITERAL = 4 * LARGE
"""No server has a reason to say more at a time, even one that is wrong about the size of a message."""
HEADER_OCTETS = 32768
NAMED_AT_ONCE = 500
"""UIDs in one command: some servers read lines of 8192 octets."""
MOST_32 = 2**32 - 1
AT_A_TIME = 50_000
"""UIDs that one answer to SEARCH may name: imaplib reads lines of a million characters."""
_ATOM = re.compile(r"[!#$&'+,./0-9:;<=>?@A-Z\[^_`a-z|}~-]+")


@dataclass(frozen=True)
class Message:
    """A message as the server gave it. `raw` is None when it is large: then `pieces` fetches it bit by bit; and when it
    is over the limit: then `headers` holds its header."""

    uid: int
    raw: bytes | None
    headers: bytes
    size: int
    arrived: datetime
    pieces: Callable[[], Iterator[bytes]] | None = field(default=None, compare=False)

    @property
    def whole(self) -> bool:
        """Is all of it there to be kept?"""
        return self.raw is not None or self.pieces is not None


class Gone(Exception):
    """Somebody else removed a message while it was fetched."""


class Senseless(IMAPClientAbortError):  # type: ignore[misc]
    """What the server says cannot be understood; the connection is given up."""


@contextmanager
def _sense() -> Iterator[None]:
    """An answer that the library stumbles over is a broken line like any other. Raises `Senseless`."""
    try:
        yield
    except OSError:
        raise  # a bad certificate is a ValueError, too
    except (ArithmeticError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        raise Senseless(f"the server says what makes no sense: {type(error).__name__}: {str(error)[:200]}") from error


class ForbiddenAddress(OSError):
    """The host is an address of this machine's own network card or cloud: there are secrets, and no mail."""


def forbidden(address: str) -> bool:
    """May nobody make us connect there? Link-local and metadata addresses; private networks and this machine are
    fine. Names are not resolved here, and are no addresses."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_link_local or str(ip) in METADATA


def connect(
    account: ImapAccount, *, connect_within: float = CONNECT_SECONDS, reply_within: float = REPLY_SECONDS
) -> Any:
    """An `IMAPClient` that nobody is signed in at, by TLS where the account says so. Raises `OSError`, with
    `ssl.SSLError` for a bad certificate, and `IMAPClientError` for a server that does not speak IMAP or lacks
    STARTTLS."""
    context = ssl.create_default_context() if account.tls else None
    at_once = account.tls and not account.starttls
    client = IMAPClient(
        account.host, account.port, ssl=at_once, ssl_context=context if at_once else None, use_uid=True,
        timeout=SocketTimeout(connect_within, reply_within),
    )  # fmt: skip
    try:
        if forbidden(client.socket().getpeername()[0]):
            raise ForbiddenAddress(f"{account.host} is a link-local address")
        if account.starttls:
            client.starttls(context)
    except BaseException:
        drop(client)
        raise
    _bound_literals(client)
    return client


def _bound_literals(client: Any) -> None:
    """The library makes room for whatever a server announces, 4 GB if it says so."""
    read = client._imap.read

    def bounded(size: int) -> bytes:
        if size > LARGEST_LITERAL:
            raise Senseless(f"the server announces {size} octets at once")
        octets: bytes = read(size)
        return octets

    client._imap.read = bounded


def drop(client: Any) -> None:
    """Close the connection without a word; a broken one is closed already."""
    with suppress(OSError):
        client.shutdown()


def log_in(client: Any, account: ImapAccount) -> None:
    """Sign in, unless the server knows us already (PREAUTH); raises `LoginError`. An access token that is refused is
    renewed once."""
    if client._imap.state != "NONAUTH":
        return
    if account.token is not None:
        try:
            _xoauth2(client, account.user, account.token(False))
        except LoginError:
            _xoauth2(client, account.user, account.token(True))
    elif b"AUTH=PLAIN" in client.capabilities() and not (_ATOM.fullmatch(account.user) and account.password.isascii()):
        client.plain_login(account.user, account.password)  # LOGIN takes plain ASCII names only
    else:
        try:
            client.login(account.user, account.password)
        except UnicodeError:
            raise LoginError("the server takes only ASCII in names and passwords") from None


def _xoauth2(client: Any, user: str, token: str) -> None:
    """XOAUTH2. A refusal comes as a challenge with JSON, which wants an empty answer before the final NO."""
    challenges: list[bytes] = []

    def respond(challenge: bytes) -> str:
        challenges.append(challenge)
        return f"user={user}\1auth=Bearer {token}\1\1" if len(challenges) == 1 else ""

    try:
        client.sasl_login("XOAUTH2", respond)
    except LoginError as error:
        raise LoginError(_refused(challenges[1:]) or str(error)) from None


def _refused(challenges: Sequence[bytes]) -> str:
    """What a server says with a refused token: `{"status": "400", "scope": …}` as a sentence, or nothing."""
    try:
        told = json.loads(challenges[0])
        status = str(told.get("error_description") or told.get("status") or "")
    except (IndexError, ValueError, AttributeError, RecursionError):
        return ""
    return f"the server does not take the token ({status[:200]}); it may lack the right to read mail by IMAP"


def introduce(client: Any, account: ImapAccount) -> None:
    """Say who we are (RFC 2971), where the server knows ID. NetEase (163.com, 126.com, yeah.net) lets nobody select a
    folder before that."""
    if b"ID" not in client.capabilities():
        return
    said = {"name": "Redress", "version": VERSION, "vendor": "Redress"}
    if account.contact.isascii() and account.contact:
        said |= {"contact": account.contact, "support-email": account.contact}
    try:
        client.id_(said)
    except IMAPClientAbortError:
        raise  # the connection is gone
    except IMAPClientError:
        pass  # a courtesy; where it is a duty, SELECT says so


class Mailbox:
    """One folder, selected, for as long as the connection lasts."""

    def __init__(self, account: ImapAccount, *, limit: int) -> None:
        self.account = account
        self.limit = limit
        self.asking: list[int] = []  # the UIDs of the FETCH under way: where it broke, if it breaks
        self.count = 0  # messages in the folder when it was selected
        self._processed: str | None = None

    def __enter__(self) -> "Mailbox":
        with _sense():
            self.client = connect(self.account)
        try:
            with _sense():
                log_in(self.client, self.account)
                introduce(self.client, self.account)
                self.client.normalise_times = False
                self.uidvalidity = self._select(self.account.folder)
                capabilities = self.client.capabilities()
        except BaseException:
            drop(self.client)
            raise
        self.can_idle = b"IDLE" in capabilities
        self.can_move = b"MOVE" in capabilities
        self.can_expunge_one = b"UIDPLUS" in capabilities
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            with suppress(OSError, IMAPClientError):
                self.client.logout()
        drop(self.client)

    @_sense()
    def uids(self) -> list[int]:
        """The UIDs of every message in the folder, oldest first."""
        found = set(self.client.search("ALL")) if self.count <= AT_A_TIME else self._windows()
        return sorted(int(uid) for uid in found if 0 < int(uid) <= MOST_32)

    def _select(self, folder: str, *, readonly: bool = False) -> int:
        """Select a folder; returns its UIDVALIDITY."""
        answer = self.client.select_folder(folder, readonly=readonly)
        self._selected, self._readonly = folder, readonly
        self.count = int(answer.get(b"EXISTS", 0))
        return _uidvalidity(answer)

    def _windows(self) -> set[int]:
        """The same for a folder so full that one line of an answer cannot name them all."""
        self._select(self._selected, readonly=self._readonly)
        found: set[int] = set()
        for first in range(1, self.count + 1, AT_A_TIME):
            last = str(first + AT_A_TIME - 1) if first + AT_A_TIME <= self.count else "*"
            found.update(self.client.search([f"{first}:{last}"]))
        return found

    @_sense()
    def arrived(self, uids: Sequence[int]) -> dict[int, datetime]:
        """When these messages came in, by the server's clock, as far as it says."""
        found: dict[int, datetime] = {}
        for some in _groups(uids):
            answers = self.client.fetch(some, ["INTERNALDATE"])
            found |= {uid: at for uid, fact in answers.items() if (at := _instant(fact)) is not None}
        return found

    def batches(self, uids: Sequence[int], *, at_once: int = BATCH) -> Iterator[list[Message]]:
        """The messages of these UIDs, about 50 at a time and bounded by octets. One that is gone meanwhile is left
        out."""
        for start in range(0, len(uids), at_once):
            facts = self._facts(uids[start : start + at_once])
            group: list[int] = []
            octets = 0
            for uid, (size, arrived) in sorted(facts.items()):
                if size > self.limit:
                    yield [self._headers_only(uid, size, arrived)]
                    continue
                if size > LARGE:
                    yield [self._in_pieces(uid, size, arrived)]
                    continue
                if group and octets + size > BATCH_OCTETS:
                    yield self._whole(group, facts)
                    group, octets = [], 0
                group.append(uid)
                octets += size
            if group:
                yield self._whole(group, facts)

    def _facts(self, uids: Sequence[int]) -> dict[int, tuple[int, datetime]]:
        """The size and the arrival of messages."""
        with self._answers():
            facts = {
                uid: (min(int(fact[b"RFC822.SIZE"]), 2**63 - 1), _instant(fact) or datetime.now(UTC))
                for uid, fact in self._fetch(list(uids), "RFC822.SIZE", "INTERNALDATE").items()
                if b"RFC822.SIZE" in fact
            }
            self._need_all(uids, facts)
        return facts

    def _bodies(self, uids: Sequence[int], what: str) -> dict[int, bytes]:
        """Some of the octets of messages, without marking them as read."""
        with self._answers():
            section = what.replace(".PEEK", "").partition("<")[0].encode()
            found = {
                uid: octets
                for uid, answer in self._fetch(list(uids), what).items()
                for key, octets in answer.items()
                if key.startswith(section) and isinstance(octets, bytes)
            }
            self._need_all(uids, found)
        return found

    def _fetch(self, uids: list[int], *what: str) -> dict[int, dict[bytes, Any]]:
        self.asking = uids
        answers: dict[int, dict[bytes, Any]] = self.client.fetch(uids, list(what))
        return answers

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """While they are fetched and read, `asking` says of which messages."""
        with _sense():
            yield
        self.asking = []

    def _need_all(self, uids: Sequence[int], given: Collection[int]) -> None:
        """A message that is gone meanwhile may be missing from an answer. Raises `IMAPClientError` for those that are
        still listed, which become the ones we are asking for."""
        if missing := set(uids).difference(given):
            self.asking = sorted(missing.intersection(self.uids()))
            if self.asking:
                raise IMAPClientError("the server lists it and does not give it")

    def _whole(self, uids: list[int], facts: dict[int, tuple[int, datetime]]) -> list[Message]:
        messages = []
        for uid, raw in sorted(self._bodies(uids, "BODY.PEEK[]").items()):
            _, arrived = facts[uid]
            if len(raw) > self.limit:
                messages.append(Message(uid, None, raw[:HEADER_OCTETS], len(raw), arrived))
            else:
                messages.append(Message(uid, raw, b"", len(raw), arrived))
        return messages

    def _in_pieces(self, uid: int, size: int, arrived: datetime) -> Message:
        def pieces() -> Iterator[bytes]:
            at = 0
            while True:
                piece = self._bodies([uid], f"BODY.PEEK[]<{at}.{PIECE}>").get(uid)
                if piece is None:
                    raise Gone(f"message {uid} is gone")
                yield piece
                at += len(piece)
                if not piece or (len(piece) < PIECE and at >= size):  # some servers give less at a time than is asked
                    return

        return Message(uid, None, b"", size, arrived, pieces)

    def _headers_only(self, uid: int, size: int, arrived: datetime) -> Message:
        headers = self._bodies([uid], f"BODY.PEEK[HEADER]<0.{HEADER_OCTETS}>").get(uid, b"")
        return Message(uid, None, headers, size, arrived)

    def folders_of_ours(self) -> list[str]:
        """The folder we read and the one for what we have taken, as far as they are there."""
        taken = (self.account.processed, f"INBOX.{self.account.processed}", f"INBOX/{self.account.processed}")
        there = [name for name in taken if self.client.folder_exists(name)]
        return [self.account.folder, *there[:1]]

    @_sense()
    def open(self, folder: str) -> int:
        """Look into another folder without changing anything there; returns its UIDVALIDITY."""
        return self._select(folder, readonly=True)

    @property
    def can_remove(self) -> bool:
        """May messages leave the folder without touching anybody else's?"""
        return self.can_move or self.can_expunge_one

    def move_away(self, uids: Sequence[int]) -> None:
        """Move messages to the folder for what we have taken; it is made when it is missing."""
        if not uids or not self.can_remove:
            return
        try:
            with _sense():
                folder = self._processed_folder()
                failpoint("P6.before_move")
                for some in _groups(uids):
                    self._move(some, folder)
        except IMAPClientError:
            self._processed = None  # renamed or removed, perhaps: it is looked for anew
            raise

    def _move(self, uids: Sequence[int], folder: str) -> None:
        if self.can_move:
            self.client.move(uids, folder)
        else:
            self.client.copy(uids, folder)
            failpoint("P6.after_copy")
            self.client.add_flags(uids, [b"\\Deleted"], silent=True)
            self.client.uid_expunge(uids)

    def _processed_folder(self) -> str:
        if self._processed is None:
            self._processed = processed_folder(self.client, self.account.processed)
        return self._processed

    @_sense()
    def listen(self) -> bool:
        """Begin IDLE; True when there is news already. The library waits at the socket, where what came together with
        the server's "+" is no more, and takes a line ahead of that for an error."""
        client = self.client
        client._idle_tag = client._imap._command("IDLE")
        ahead = False
        while client._imap._get_response() is not None:
            if client._imap.tagged_commands[client._idle_tag]:
                raise IMAPClientError("the server does not idle")
            ahead = True
        client.socket().settimeout(0)
        try:
            return ahead or bool(client._imap.file.peek(1))
        except OSError:
            return False  # nothing yet: TLS says so in this way
        finally:
            client._set_read_timeout()


def processed_folder(client: Any, wanted: str) -> str:
    """The folder for what we have taken, by the name that this server gives it; it is made when it is missing."""
    if not client.folder_exists(wanted):
        try:
            client.create_folder(wanted)
        except IMAPClientAbortError:
            raise
        except IMAPClientError:  # servers that keep every folder below INBOX
            listed = client.list_folders()
            delimiter = (listed and listed[0][1]) or b"."
            wanted = f"INBOX{delimiter.decode()}{wanted}"
            if not client.folder_exists(wanted):
                client.create_folder(wanted)
    return wanted


def _groups(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (uids[start : start + NAMED_AT_ONCE] for start in range(0, len(uids), NAMED_AT_ONCE))


def _uidvalidity(selected: dict[bytes, Any]) -> int:
    uidvalidity = int(selected[b"UIDVALIDITY"])
    if not 0 < uidvalidity <= MOST_32:
        raise ValueError(f"a UIDVALIDITY of {uidvalidity}")
    return uidvalidity


def _instant(fact: dict[bytes, Any]) -> datetime | None:
    arrived = fact.get(b"INTERNALDATE")
    try:
        return arrived.astimezone(UTC) if isinstance(arrived, datetime) else None
    except (OverflowError, ValueError):  # a date of no calendar
        return None
