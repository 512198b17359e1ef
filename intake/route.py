"""Which way a mail goes: a pure decision over what it says and what we know.

A mail joins a complaint only when it cites a Message-ID that we sent (nobody can guess one) or one that the same,
verified sender wrote on it before, and its sender belongs to that complaint. A number in the subject is no authority.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from complaints.people import fold_email
from intake.classify import Kind
from intake.mail import Mail


@dataclass(frozen=True)
class Thread:
    """A complaint that a cited Message-ID belongs to. `ours`: we sent it, to `person`; otherwise `person` wrote it."""

    complaint_id: int
    ours: bool
    person: str


@dataclass(frozen=True)
class OpenComplaint:
    """A new draft."""


@dataclass(frozen=True)
class JoinComplaint:
    complaint_id: int


@dataclass(frozen=True)
class SetAside:
    reason: str


@dataclass(frozen=True)
class NoteEvent:
    reason: str
    complaint_id: int | None = None


_ASIDES = re.compile(r'\([^()]*\)|"(?:[^"\\]|\\.)*"')
_RESULT = re.compile(r"\s*(dmarc|spf|dkim)\s*=\s*(\w+)")

Route = OpenComplaint | JoinComplaint | SetAside | NoteEvent


def verdict(mail: Mail, authserv_id: str) -> str:
    """What our own mail server found out about the sender: verified, failed or unverified. Only the topmost
    Authentication-Results of the configured server counts (RFC 8601); anybody can write such a field."""
    plain = _ASIDES.sub(" ", mail.authentication_results.lower())
    server, *results = plain.split(";")
    if not authserv_id or server.split()[:1] != [authserv_id.lower()]:
        return "unverified"
    # Only the head of each result is the server's word; what follows may quote the sender.
    said = {(m[1], m[2]) for result in results if (m := _RESULT.match(result))}
    methods = {method for method, _ in said}
    if ("dmarc", "fail") in said:
        return "failed"
    if "dmarc" not in methods and ("spf", "fail") in said and ("dkim", "pass") not in said:
        return "failed"
    return "verified" if ("dmarc", "pass") in said else "unverified"


def choose(mail: Mail, kind: Kind, found: str, threads: Sequence[Thread]) -> Route:
    """What becomes of a mail. `found` is the verdict on its sender."""
    if kind.kind in ("bounce", "receipt"):
        about = fold_email(kind.bounce_recipient)
        ours = next((t.complaint_id for t in threads if t.ours and about in ("", t.person)), None)
        return NoteEvent(kind.kind, ours)
    if kind.kind in ("automatic", "bulk", "own"):
        return SetAside(kind.kind)
    if found != "failed" and mail.from_address:
        sender = fold_email(mail.from_address)
        for thread in threads:
            if thread.person == sender and (thread.ours or found == "verified"):
                return JoinComplaint(thread.complaint_id)
    return OpenComplaint()
