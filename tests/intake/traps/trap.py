"""A trap: a mail as some program really writes it, and what a person would say that it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Head = dict[str, "str | bytes | None"]


class Trap(NamedTuple):
    raw: bytes
    expected: Mapping[str, object]  # attributes of the `Mail`; `files` are the names of its attachments


def trap(raw: bytes, **expected: object) -> Trap:
    return Trap(raw, expected)


def as_written(head: bytes | str, body: bytes | str = b"", charset: str = "utf-8") -> bytes:
    """A mail exactly as given: its lines end as they do here, and no field is added."""
    octets = [text if isinstance(text, bytes) else text.encode(charset) for text in (head, body)]
    return b"\n\n".join(octets)
