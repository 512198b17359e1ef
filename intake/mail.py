"""A mail as we understood it: plain values, decoded, nothing trusted.

Everything here is what the sender wrote or claimed. `parse` makes it from bytes, `classify` says what kind of mail
it is, and who may speak for whom is decided further on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


class Unreadable(Exception):
    """A mail that is beyond our limits. Its bytes are kept; a person looks at it.

    `reason` is a code and `values` what a sentence about it needs; the sentence itself is made at the door.
    """

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(reason, values)
        self.reason = reason
        self.values = values

    def __reduce__(self) -> tuple[object, ...]:
        """Mails are read in a process of their own; what it refuses must come back whole."""
        return _unreadable, (self.reason, self.values)


def _unreadable(reason: str, values: dict[str, object]) -> Unreadable:
    return Unreadable(reason, **values)


@dataclass(frozen=True, slots=True)
class Part:
    """A file that came with a mail. `filename` is text to show, never a path; the types decide nothing but an icon."""

    filename: str
    declared_type: str
    content_type: str
    content: bytes
    content_id: str
    inline: bool
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """What a delivery report says about one address: RFC 3464, section 2.3."""

    address: str
    action: str
    status: str
    diagnostic: str


@dataclass(frozen=True, slots=True)
class Report:
    """A report of a mail server (RFC 3464) or a mail reader (RFC 8098) about a mail sent earlier."""

    kind: str  # "delivery-status", "disposition-notification", or whatever else it calls itself
    recipients: tuple[Recipient, ...]
    message_ids: tuple[str, ...]  # of the mails it speaks about
    disposition: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    from_address: str
    from_name: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    reply_to: str
    subject: str
    text: str
    html: str
    attachments: tuple[Part, ...]
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    date: datetime | None
    auto_submitted: str
    precedence: str
    is_list: bool
    return_path: str | None  # "" is the null reverse path, None is no word about it
    signals: tuple[tuple[str, str], ...]  # the closed list of further headers that tell a machine from a person
    received_count: int
    authentication_results: str
    content_key: str
    language: str
    content_type: str = "text/plain"
    report: Report | None = None
    defects: tuple[str, ...] = ()

    def signal(self, name: str) -> str:
        """The first value of one of those headers, "" when it is absent."""
        return next((value for known, value in self.signals if known == name), "")
