"""Reports: what machines write for machines about a mail sent earlier (RFC 3464, RFC 8098), taken from their parts.

Whether a mail is such a report at all, `classify` says, which also knows those in prose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from intake import headers
from intake.headers import Fields
from intake.mail import Recipient, Report, Unreadable
from intake.mime import Entity

_MOST_BLOCKS = 100
_MOST_IDS = 100
_RETURNED = frozenset(("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"))
_STATUS = frozenset(
    (
        "message/delivery-status",
        "message/global-delivery-status",
        "message/disposition-notification",
        "message/global-disposition-notification",
    )
)
TELLING: Final = _RETURNED | _STATUS
"""The types of the parts that a report is made of."""


def report(root: Entity, parts: Sequence[tuple[str, bytes]]) -> Report | None:
    """The report that a mail is by its type, or by the type of one of its `parts`; None if it is none."""
    kind = ""
    if root.type == "multipart/report":
        kind = headers.token(root.parameters.get("report-type", "")).value
    recipients: list[Recipient] = []
    ids: list[str] = []
    disposition = ""
    for type_, content in parts:
        about = type_.removeprefix("message/").removeprefix("global-")
        if about in ("delivery-status", "disposition-notification"):
            kind = kind or about
            for fields in _blocks(content):
                ids += headers.message_ids(fields.get("original-message-id", [""])[0])
                disposition = disposition or headers.text(fields.get("disposition", [""])[0])
                if "final-recipient" in fields or "original-recipient" in fields:
                    recipients.append(_recipient(fields))
    if not kind:
        return None
    for type_, content in parts:
        if type_ in _RETURNED:
            try:
                returned = headers.split(content, 0, len(content)).fields
            except Unreadable:
                continue
            if id_ := headers.message_id(returned.get("message-id", [""])[0]):
                ids.append(id_)
    unique = tuple(dict.fromkeys(ids))[:_MOST_IDS]
    return Report(kind[:100], tuple(recipients[:_MOST_BLOCKS]), unique, disposition[:1000])


def _blocks(content: bytes) -> Iterator[Fields]:
    at = 0
    for _ in range(_MOST_BLOCKS):
        while content.startswith((b"\n", b"\r\n"), at):
            at = content.index(b"\n", at) + 1
        if at >= len(content):
            return
        try:
            head = headers.split(content, at, len(content))
        except Unreadable:
            return
        if head.body <= at:
            return
        at = head.body
        yield head.fields


def _recipient(fields: Fields) -> Recipient:
    def value(name: str) -> str:
        return headers.text(fields.get(name, [""])[0])

    def address(name: str) -> str:
        return (headers.addresses([fields.get(name, [""])[0].rpartition(";")[2]]) or ("",))[0]

    final, original = address("final-recipient"), address("original-recipient")
    return Recipient(
        address=final or original,
        action=value("action").lower()[:100],
        status=(value("status").split() or [""])[0][:100],
        diagnostic=value("diagnostic-code")[:1000],
        original=original,
    )
