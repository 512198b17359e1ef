"""Classify: who or what wrote this mail, a person or a machine, and which machine.

The rules are asked in order and the first that knows the mail names its kind; a mail nobody knows is from a person.
Each rule is a function of the mail alone and gives the code of its reason, so a new one is a new entry in the list.
A kind is a description, never a permission: a bounce counts only where it cites a mail we sent, and who may speak for
whom is decided in `route`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple

from intake import headers
from intake.mail import RESPONDER_HEADERS, Mail, Recipient

Sort = Literal["person", "automatic", "bounce", "receipt", "bulk", "own"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of mail this is, and by which rule. `is_list` only withholds the acknowledgement."""

    kind: Sort
    reason: str
    is_list: bool
    bounce_recipient: str = ""
    bounce_status: str = ""
    cited_message_ids: tuple[str, ...] = ()


class Found(NamedTuple):
    kind: Sort
    reason: str
    recipient: str = ""
    status: str = ""


class Ours(NamedTuple):
    """What we know of ourselves, in lower case."""

    addresses: frozenset[str]
    message_domain: str


Rule = Callable[[Mail, Ours], Found | None]


def classify(mail: Mail, *, own_addresses: Collection[str], own_message_domain: str | None) -> Kind:
    ours = Ours(frozenset(_folded(address) for address in own_addresses), (own_message_domain or "").lower())
    found = next((found for rule in RULES if (found := rule(mail, ours))), Found("person", "person"))
    return Kind(
        kind=found.kind,
        reason=found.reason,
        is_list=mail.is_list or mail.precedence == "list",
        bounce_recipient=found.recipient,
        bounce_status=found.status,
        cited_message_ids=_cited(mail, found.kind),
    )


def _folded(address: str) -> str:
    """ASCII letters in lower case, all others as they are: no language's rules make two addresses one."""
    return "".join([c.lower() if c.isascii() else c for c in address])


_OUR_LOCAL_PART = re.compile(r"redress\.[0-9a-f]{40}")
"""As complaints.outbox.message_id writes it."""


# The rules


def own_mail(mail: Mail, ours: Ours) -> Found | None:
    """A mail of ours that came back, or of somebody who writes in our name."""
    local, _, domain = mail.message_id.rpartition("@")
    # Colleagues' mail programs make Message-IDs on the company's domain too; ours have a form of their own.
    if domain.lower() == ours.message_domain and _OUR_LOCAL_PART.fullmatch(local):
        return Found("own", "own_message_id")
    if mail.from_address and _folded(mail.from_address) in ours.addresses:
        return Found("own", "own_address")
    return None


def delivery_report(mail: Mail, ours: Ours) -> Found | None:
    """RFC 3464. A delay is told like a failure, with its 4.x.x status; a success is a receipt."""
    report = mail.report
    if report is None or report.kind != "delivery-status":
        return None
    of_interest = sorted(report.recipients, key=_gravity)
    recipient = of_interest[0] if of_interest else Recipient("", "", "", "")
    status = recipient.status or _status_in(recipient.diagnostic) or _status_in(mail.text)
    if recipient.action in ("delivered", "relayed", "expanded"):
        return Found("receipt", f"dsn_{recipient.action}", recipient.address, status)
    reason = "dsn_delayed" if recipient.action == "delayed" else "dsn_failed"
    return Found("bounce", reason, recipient.address or _failed_address(mail), status)


def disposition_notification(mail: Mail, ours: Ours) -> Found | None:
    """RFC 8098: somebody's mail reader says what it did with a mail."""
    if mail.report is None or mail.report.kind != "disposition-notification":
        return None
    return Found("receipt", "mdn", next((r.address for r in mail.report.recipients if r.address), ""))


def plain_bounce(mail: Mail, ours: Ours) -> Found | None:
    """A bounce in prose, as older and some Chinese servers write them."""
    from_machine = mail.return_path == "" or _sender(mail) in _DAEMONS
    if not mail.signal("x-failed-recipients") and not (from_machine and _BOUNCE_SUBJECT.search(mail.subject[:300])):
        return None
    return Found("bounce", "bounce_in_prose", _failed_address(mail), _status_in(mail.text))


def other_report(mail: Mail, ours: Ours) -> Found | None:
    """Complaints of spam filters (RFC 5965) and other reports between machines."""
    return Found("automatic", "report") if mail.report else None


def auto_submitted(mail: Mail, ours: Ours) -> Found | None:
    """RFC 3834: everything but "no" says that nobody wrote this by hand."""
    return Found("automatic", "auto_submitted") if mail.auto_submitted not in ("", "no") else None


def responder_header(mail: Mail, ours: Ours) -> Found | None:
    """What responders said before there was a standard, and go on saying. X-Auto-Response-Suppress is not among them:
    it asks us not to answer by machine, and people's mail has it too."""
    for name in RESPONDER_HEADERS:
        if mail.signal(name).strip().lower() not in ("", "no", "false", "0"):
            return Found("automatic", "responder_header")
    return Found("automatic", "precedence_auto_reply") if mail.precedence in ("auto_reply", "auto-reply") else None


def responder_subject(mail: Mail, ours: Ours) -> Found | None:
    return Found("automatic", "responder_subject") if _RESPONDER_SUBJECT.match(mail.subject[:300]) else None


def null_reverse_path(mail: Mail, ours: Ours) -> Found | None:
    """RFC 5321: who sends with an empty reverse path must not be answered."""
    return Found("automatic", "null_return_path") if mail.return_path == "" else None


def daemon_sender(mail: Mail, ours: Ours) -> Found | None:
    return Found("automatic", "daemon_sender") if _sender(mail) in _DAEMONS else None


def bulk(mail: Mail, ours: Ours) -> Found | None:
    return Found("bulk", f"precedence_{mail.precedence}") if mail.precedence in ("bulk", "junk") else None


# Bounces before the general marks of machines: a bounce has those marks too, but says more. Own mail before all: a loop
# must end here whatever else the mail looks like.
RULES: tuple[Rule, ...] = (
    own_mail,
    delivery_report,
    disposition_notification,
    plain_bounce,
    other_report,
    auto_submitted,
    responder_header,
    responder_subject,
    null_reverse_path,
    daemon_sender,
    bulk,
)


# What the rules look for

_DAEMONS = frozenset(("mailer-daemon", "mailerdaemon", "mail-daemon", "maildaemon", "postmaster", "mailer_daemon"))
_BOUNCE_SUBJECT = re.compile(
    r"undeliver|returned mail|failure notice|delivery (?:status|failure|has failed|failed)|mail delivery|non.?remis"
    r"|unzustellbar|could not be delivered|退信|无法投递|投递失败|发送失败|無法投遞|未能送达|配信不能",
    re.IGNORECASE,
)
# A person's answer to one of these begins with "Re:", so only the first words count.
_RESPONDER_SUBJECT = re.compile(
    r"\s*(?:自动回复|自动答复|自動回覆|自動回復|自動返信|auto(?:matic)?[ -]?(?:reply|response|answer)"
    r"|out of (?:the )?office(?: (?:auto)?reply)?|automatische antwort|abwesenheitsnotiz|réponse automatique"
    r"|respuesta automática)\s*[:：]",
    re.IGNORECASE,
)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_ADDRESS_IN_ANGLES = re.compile(r"<([^<>\s]{3,254})>:?")
_CITED_ID = re.compile(r"^[> \t]*Message-ID:\s{0,4}(<[^<>\s]{3,996}>)", re.IGNORECASE | re.MULTILINE)
_LOOK_AT = 20_000  # characters of a bounce's text


def _sender(mail: Mail) -> str:
    return mail.from_address.rpartition("@")[0].lower()


def _gravity(recipient: Recipient) -> int:
    actions = ("failed", "delayed", "", "relayed", "expanded", "delivered")
    return actions.index(recipient.action) if recipient.action in actions else 2


def _status_in(text: str) -> str:
    found = _STATUS.search(text, 0, _LOOK_AT)
    return found[1] if found else ""


def _failed_address(mail: Mail) -> str:
    if named := headers.addresses([mail.signal("x-failed-recipients")]):
        return named[0]
    senders = {_folded(mail.from_address)}
    for angles in _ADDRESS_IN_ANGLES.finditer(mail.text, 0, _LOOK_AT):
        address = headers.addr_spec(angles[1])
        if address and _folded(address) not in senders:
            return address
    return ""


def _cited(mail: Mail, kind: Sort) -> tuple[str, ...]:
    """The mails this one speaks about, most telling first."""
    ids = [*(mail.report.message_ids if mail.report else ()), *mail.in_reply_to, *reversed(mail.references)]
    if kind == "bounce":
        for found in _CITED_ID.finditer(mail.text, 0, _LOOK_AT):
            ids += headers.message_ids(found[1])
    return tuple(dict.fromkeys(ids))
