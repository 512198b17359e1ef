"""The check of a mailbox: every step from its name to moving mail, each with what was found and how to mend it.

Nothing is put into the mailbox and nothing is moved; at most the folder for what we have taken is made. The whole ends
in time, whatever the server does: a check that hangs is told as such at the step where it hangs.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from imapclient.exceptions import CapabilityError, IMAPClientError, IMAPClientReadOnlyError, LoginError

from complaints.errors import N_, Sentence
from complaints.settings import ImapAccount
from intake.mailbox import ForbiddenAddress, connect, drop, forbidden, introduce, log_in, processed_folder
from intake.oauth import TokenRefused, TokenUnreachable

WITHIN = 25.0
CONNECT_SECONDS, REPLY_SECONDS = 8, 12
ASKED = ("IDLE", "MOVE", "UIDPLUS", "ID")
STEPS = {
    "resolve": N_("Find the server"),
    "connect": N_("Connect and check TLS"),
    "login": N_("Sign in"),
    "capability": N_("Ask what the server can do"),
    "select": N_("Open the folder"),
    "move": N_("Move what was taken"),
}

CODE_WANTED = ("163.com", "126.com", "yeah.net", "188.com", "qq.com")
"""Hosts of NetEase and Tencent, also for companies: they take an authorisation code in place of the password."""


@dataclass(frozen=True)
class Step:
    """One step. `ok` is None where it was not reached; `mend` says what to do about one that failed."""

    key: str
    ok: bool | None
    said: Sentence | None = None
    mend: Sentence | None = None


class _Failed(Exception):
    def __init__(self, said: Sentence, mend: Sentence | None = None) -> None:
        self.said, self.mend = said, mend


def check(account: ImapAccount, *, within: float = WITHIN) -> list[Step]:
    """Go through all steps, until one fails. Takes at most `within` seconds and never raises."""
    visit = _Visit(account)
    thread = threading.Thread(target=visit.run, daemon=True, name=f"check {account.name}")
    thread.start()
    thread.join(within)
    done = visit.end()
    keys = list(STEPS)
    if len(done) < len(keys) and all(step.ok for step in done):
        done.append(
            Step(
                keys[len(done)], False,
                Sentence(N_("No end after %(seconds)s seconds."), {"seconds": int(within)}),
                Sentence(N_("The server answers too slowly, or something between swallows the answers.")),
            )
        )  # fmt: skip
    return [*done, *(Step(key, None) for key in keys[len(done) :])]


def well(steps: Sequence[Step]) -> bool:
    return all(step.ok for step in steps)


class _Visit:
    """A visit to the server, in a thread of its own that may be left behind."""

    def __init__(self, account: ImapAccount) -> None:
        self.account = account
        self.client: Any = None
        self._done: list[Step] = []
        self._over = False
        self._lock = threading.Lock()

    def run(self) -> None:
        looks: dict[str, Callable[[], Sentence]] = {
            "resolve": self.resolve, "connect": self.connect, "login": self.login, "capability": self.capability,
            "select": self.select, "move": self.move,
        }  # fmt: skip
        for key, look in looks.items():
            try:
                step = Step(key, True, look())
            except _Failed as failed:
                step = Step(key, False, failed.said, failed.mend)
            except Exception as error:
                step = Step(key, False, _said(error), None)
            with self._lock:
                if self._over:
                    break
                self._done.append(step)
            if not step.ok:
                break
        if self.client is not None:
            drop(self.client)

    def end(self) -> list[Step]:
        """What was done by now; from now on nothing is added, and the connection is closed."""
        with self._lock:
            self._over = True
            done = list(self._done)
        if self.client is not None:  # its own thread may be reading; this makes that end
            with suppress(OSError):
                self.client.socket().shutdown(socket.SHUT_RDWR)
        return done

    def resolve(self) -> Sentence:
        host = self.account.host
        try:
            found = socket.getaddrinfo(host, self.account.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise _Failed(
                Sentence(N_("There is no server by the name %(host)s."), {"host": host}),
                Sentence(N_("Check the spelling; your mail provider names the host for IMAP.")),
            ) from None
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if any(map(forbidden, addresses)):
            raise _Failed(_FORBIDDEN, _FORBIDDEN_MEND)
        return Sentence("%(host)s: %(addresses)s", {"host": host, "addresses": ", ".join(addresses[:4])})

    def connect(self) -> Sentence:
        account = self.account
        where = {"host": account.host, "port": account.port}
        try:
            self.client = connect(account, connect_within=CONNECT_SECONDS, reply_within=REPLY_SECONDS)
        except ForbiddenAddress:
            raise _Failed(_FORBIDDEN, _FORBIDDEN_MEND) from None
        except ssl.SSLCertVerificationError as error:
            raise _Failed(
                Sentence(N_("The certificate is not to be trusted: %(reason)s."), {"reason": error.verify_message}),
                Sentence(
                    N_(
                        "Use the host name that the certificate was made for, or have it renewed. For an authority of "
                        "your own set SSL_CERT_FILE. The check cannot be switched off."
                    )
                ),
            ) from None
        except ssl.SSLError:
            raise _Failed(
                Sentence(N_("The server does not speak TLS on port %(port)s."), where),
                Sentence(N_("TLS mostly is on port 993, STARTTLS on port 143.")),
            ) from None
        except CapabilityError:
            raise _Failed(
                Sentence(N_("The server offers no STARTTLS.")),
                Sentence(N_("Use TLS on port 993. A password is never sent in clear.")),
            ) from None
        except OSError:
            raise _Failed(
                Sentence(N_("Nobody answers at %(host)s, port %(port)s."), where),
                Sentence(N_("Check host and port; a firewall may stand between.")),
            ) from None
        except IMAPClientError as error:
            raise _Failed(
                Sentence(N_("What answers there is no IMAP server: %(reason)s"), {"reason": _line(error)}),
                Sentence(N_("Check the port; TLS mostly is on port 993, STARTTLS on port 143.")),
            ) from None
        return self._certificate()

    def _certificate(self) -> Sentence:
        line = self.client.socket()
        if not isinstance(line, ssl.SSLSocket):
            return Sentence(N_("Connected without TLS, within this machine."))
        certificate: dict[str, Any] = dict(line.getpeercert() or {})
        names = [value for rdn in certificate.get("subject", ()) for key, value in rdn if key == "commonName"]
        names = names or [value for _, value in certificate.get("subjectAltName", ())]
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
        return Sentence(
            N_("%(version)s; the certificate of “%(subject)s” is good until %(day)s."),
            {"version": line.version(), "subject": ", ".join(names[:2]), "day": f"{ends:%Y-%m-%d}"},
        )

    def login(self) -> Sentence:
        try:
            log_in(self.client, self.account)
            introduce(self.client, self.account)
        except TokenUnreachable as error:
            raise _Failed(
                Sentence(N_("The provider gives no token just now: %(reason)s"), {"reason": _line(error)}),
                Sentence(N_("Try again in a minute.")),
            ) from None
        except TokenRefused as error:
            raise _Failed(
                Sentence(N_("The provider gives no token: %(reason)s"), {"reason": _line(error)}),
                Sentence(N_("Sign in at the provider again, or check the application's id and secret.")),
            ) from None
        except LoginError as error:
            reason = _line(error).replace(self.account.password or "\0", "***")
            raise _Failed(
                Sentence(N_("The server refuses %(user)s: %(reason)s"), {"user": self.account.user, "reason": reason}),
                login_hint(self.account.host, by_token=self.account.token is not None),
            ) from None
        return Sentence(N_("Signed in as %(user)s."), {"user": self.account.user})

    def capability(self) -> Sentence:
        there = self.client.capabilities()
        has = [name for name in ASKED if name.encode() in there]
        lacks = [name for name in ASKED if name not in has]
        if not lacks:
            return Sentence("%(has)s", {"has": ", ".join(has)})
        return Sentence(
            N_("Knows: %(has)s. Does not know: %(lacks)s."), {"has": ", ".join(has) or "–", "lacks": ", ".join(lacks)}
        )

    def select(self) -> Sentence:
        folder = self.account.folder
        try:
            there = self.client.select_folder(folder)
        except IMAPClientReadOnlyError:
            raise _Failed(
                Sentence(N_("The folder “%(folder)s” may only be read."), {"folder": folder}),
                Sentence(N_("Give the user the right to move messages out of it.")),
            ) from None
        except IMAPClientError as error:
            names = ", ".join(sorted(str(name) for _, _, name in self.client.list_folders())[:20])
            raise _Failed(
                Sentence(
                    N_("The folder “%(folder)s” cannot be opened: %(reason)s"),
                    {"folder": folder, "reason": _line(error)},
                ),
                Sentence(N_("There are these folders: %(names)s"), {"names": names[:500]}),
            ) from None
        return Sentence(N_("Messages that lie there: %(count)s."), {"count": int(there.get(b"EXISTS", 0))})

    def move(self) -> Sentence:
        there = self.client.capabilities()
        if b"MOVE" not in there and b"UIDPLUS" not in there:
            return Sentence(
                N_("The server can move no single message: all stay where they are, and none is read twice.")
            )
        try:
            folder = processed_folder(self.client, self.account.processed)
        except IMAPClientError as error:
            raise _Failed(
                Sentence(
                    N_("The folder “%(folder)s” is not there and cannot be made: %(reason)s"),
                    {"folder": self.account.processed, "reason": _line(error)},
                ),
                Sentence(N_("Make the folder in your mail program, or name another one.")),
            ) from None
        return Sentence(N_("What was taken goes to “%(folder)s”."), {"folder": folder})


_FORBIDDEN = Sentence(N_("This name leads to an address inside the machine room that no mail server has."))
_FORBIDDEN_MEND = Sentence(N_("Check the spelling; link-local and metadata addresses are refused."))


def login_hint(host: str, *, by_token: bool) -> Sentence:
    """What mostly helps when a server of this name refuses a sign-in."""
    if host.endswith(CODE_WANTED):
        return Sentence(
            N_("This provider wants an authorisation code (授权码) in place of the password; its web mail makes one.")
        )
    if by_token:
        return Sentence(
            N_("The application needs the right to read mail by IMAP, and the mailbox must be open to the application.")
        )
    if host.endswith(("office365.com", "outlook.com")):
        return Sentence(N_("Microsoft takes no passwords here any more; choose sign-in by OAuth 2.0."))
    if host.endswith(("gmail.com", "googlemail.com")):
        return Sentence(N_("Google takes an app password or OAuth 2.0, not the password of the account."))
    return Sentence(N_("Check user and password, and whether IMAP is switched on for this mailbox."))


def _said(error: BaseException) -> Sentence:
    return Sentence(N_("The connection broke: %(reason)s"), {"reason": _line(error)})


def _line(error: BaseException) -> str:
    """An error of a server in one printable line."""
    text = str(error) or type(error).__name__
    return " ".join("".join(c if c.isprintable() else " " for c in text[:1000]).split())[:300]
