"""Which way a mail goes: a pure decision over what it says and what we know.

A mail joins a complaint only when it cites a Message-ID that we sent, or comes to an address that we gave out (nobody
can guess either), or cites one that the same, verified sender wrote on it before; and its sender belongs to that
complaint. Anything weaker, a number in the subject or our token in a stranger's hands, makes a new draft that says
where it may belong.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from complaints.people import fold_email
from intake.classify import Kind
from intake.mail import Mail

OPEN, CLOSED = "open", "closed"
"""What a complaint is to a mail that speaks of it; any other standing is the key of the outcome that took it off the
board."""


@dataclass(frozen=True)
class Thread:
    """A complaint that a cited Message-ID belongs to. `ours`: we sent it, to `person`; otherwise `person` wrote it.
    `outgoing_id` is that mail of ours."""

    complaint_id: int
    ours: bool
    person: str
    standing: str = OPEN
    outgoing_id: int | None = None


@dataclass(frozen=True)
class Hint:
    """A complaint that a mail names without authority, and how."""

    complaint_id: int
    reason: str


@dataclass(frozen=True)
class OpenComplaint:
    """A new draft, which may belong to another complaint."""

    hint: Hint | None = None


@dataclass(frozen=True)
class JoinComplaint:
    """One more letter on a complaint; on a closed one reopening is proposed."""

    complaint_id: int
    closed: bool = False


@dataclass(frozen=True)
class SetAside:
    """Kept and listed, nothing else. `about` is the complaint it answers."""

    reason: str
    about: int | None = None


@dataclass(frozen=True)
class NoteEvent:
    """Something a machine reports, perhaps about a mail of ours."""

    reason: str
    complaint_id: int | None = None
    outgoing_id: int | None = None


Route = OpenComplaint | JoinComplaint | SetAside | NoteEvent
REPORTS = ("bounce", "delay", "receipt", "feedback")

_ASIDES = re.compile(r'\([^()]*\)|"(?:[^"\\]|\\.)*"')
_RESULT = re.compile(r"\s*(dmarc|spf|dkim)\s*=\s*(\w+)")


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


def writer(mail: Mail, kind: Kind) -> tuple[str, str]:
    """Name and address of who speaks: the sender, or whoever filled in the web form that sent this for them."""
    if kind.reason == "web_form":
        return "", mail.reply_to
    return mail.from_name, mail.from_address


def choose(mail: Mail, kind: Kind, found: str, threads: Sequence[Thread], hints: Sequence[Hint] = ()) -> Route:
    """What becomes of a mail. `found` is the verdict on its sender, `hints` what it names without authority."""
    ours = [thread for thread in threads if thread.ours]
    if kind.kind in REPORTS:
        about = {fold_email(each) for each in (kind.bounce_recipient, kind.bounce_original) if each}
        cited = next((thread for thread in ours if not about or thread.person in about), None)
        return NoteEvent(kind.kind, cited.complaint_id, cited.outgoing_id) if cited else NoteEvent(kind.kind)
    if kind.kind == "loop":
        return NoteEvent("loop", ours[0].complaint_id if ours else None)
    if kind.kind in ("automatic", "bulk", "own"):
        return SetAside(kind.kind, ours[0].complaint_id if ours else None)
    _, address = writer(mail, kind)
    sender = fold_email(address)
    theirs = [t for t in threads if sender and t.person == sender and (t.ours or found == "verified")]
    if found != "failed" and kind.reason != "web_form":
        for thread in theirs:
            if thread.standing in (OPEN, CLOSED):
                return JoinComplaint(thread.complaint_id, thread.standing == CLOSED)
    if theirs and theirs[0].standing not in (OPEN, CLOSED):
        return OpenComplaint(Hint(theirs[0].complaint_id, theirs[0].standing))
    if threads:
        first = threads[0]
        known = "failed_verdict" if found == "failed" else "cites_earlier"
        return OpenComplaint(Hint(first.complaint_id, known if first.person == sender else "token_of_another"))
    return OpenComplaint(hints[0] if hints else None)
