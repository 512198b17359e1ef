"""MIME: where in a mail's bytes its parts are (RFC 2046), and which octets they stand for (RFC 2045, section 6).

A mail is cut by position, so a part keeps exactly the bytes it came with, depth costs no stack and size costs no
copies. What is broken is read as far as it goes and named in `defects`; only what is beyond our limits is `Unreadable`.
Header grammar is in `headers`; what the parts say, in `parse`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from intake import headers
from intake.headers import Fields
from intake.mail import Unreadable

MOST_PARTS: Final = 500
DEEPEST: Final = 30
_MOST_FALSE_BOUNDARIES = 5_000  # in one part


@dataclass(slots=True)
class Entity:
    """A part and where in `raw` its body is. Its header fields have been read, its body has not."""

    raw: bytes
    fields: Fields
    start: int
    end: int
    type: str
    parameters: Mapping[str, str]
    defects: tuple[str, ...]
    depth: int
    children: list[Entity] = field(default_factory=list)

    @property
    def encoding(self) -> str:
        values = self.fields.get("content-transfer-encoding")
        return headers.transfer_encoding(values[0]) if values else ""

    @property
    def disposition(self) -> headers.Token:
        values = self.fields.get("content-disposition")
        return headers.token(values[0]) if values else _NOWHERE

    def walk(self) -> Iterator[Entity]:
        """This entity and all below it, in reading order."""
        waiting = [self]
        while waiting:
            entity = waiting.pop()
            yield entity
            waiting.extend(reversed(entity.children))

    def filename(self, hint: str = "") -> str:
        """The name it gives itself, as text to show; "" when it has none. `hint` is a charset for raw bytes in it."""
        disposition = self.fields.get("content-disposition")
        if disposition is None and not any(name.startswith("name") for name in self.parameters):
            return ""
        hint = headers.charset_of(self.parameters) or hint
        named = headers.token(disposition[0], hint).parameters if disposition else {}
        type_ = self.fields.get("content-type")
        return headers.filename(named, headers.token(type_[0], hint).parameters if type_ else {}, hint)

    def octets(self) -> tuple[bytes, str]:
        """Its body without the transfer encoding, and the defect that this showed, or ""."""
        data = self.raw[self.start : self.end]
        encoding = self.encoding
        if encoding == "base64":
            data, whole = from_base64(data)
            return data, "" if whole else "base64_damaged"
        if encoding == "quoted-printable":
            return binascii.a2b_qp(_SOFT_BREAK.sub(b"=", data)), ""
        if encoding == "x-uuencode":
            return _from_uu(data), ""
        return data, "" if encoding in ("", "8bit") else "encoding_unknown"


_NOWHERE = headers.Token("", {})
_BOUNDARY_END = re.compile(rb"(--)?[ \t]*+\r*+(?:\n|\Z)")
_UNNAMED_BOUNDARY = re.compile(
    rb"^--([^\s-][^\r\n]{0,200}?)[ \t]*\r?\ncontent-[a-z-]+[ \t]*:", re.MULTILINE | re.IGNORECASE
)


# Cutting a mail into parts


def cut(raw: bytes, *, depth: int = 1, most: int = MOST_PARTS) -> Entity:
    """The entities in `raw`, a mail that lies `depth` levels deep itself. Raises `Unreadable` if there are more than
    `most`, or if they lie deeper than DEEPEST."""
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    start = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
    while raw.startswith((b"\n", b"\r\n"), start):
        start = raw.index(b"\n", start) + 1
    root = _entity(raw, start, len(raw), "text/plain", depth)
    waiting = [root]
    count = 1
    while waiting:
        entity = waiting.pop()
        if not entity.type.startswith("multipart/"):
            continue
        boundary = _boundary(entity)
        if not boundary:
            entity.defects += ("no_boundary",)
            continue
        if entity.depth > DEEPEST:
            raise Unreadable("too_deep", limit=DEEPEST)
        default = "message/rfc822" if entity.type == "multipart/digest" else "text/plain"
        for begin, end, closed in _spans(entity, b"--" + boundary):
            count += 1
            if count > most:
                raise Unreadable("too_many_parts", limit=most)
            if not closed:  # the mail was cut short, or its writer was careless
                entity.defects += ("not_closed",)
            entity.children.append(_entity(raw, begin, end, default, entity.depth + 1))
        if not entity.children:
            entity.defects += ("no_parts",)
        waiting.extend(entity.children)
    return root


def _boundary(entity: Entity) -> bytes:
    """The boundary a multipart names, or else the one it uses."""
    named = entity.parameters.get("boundary") or headers.parameter(entity.parameters, "boundary")
    boundary = named.rstrip().encode("utf-8", "replace")
    if boundary and entity.raw.find(b"--" + boundary, entity.start, entity.end) >= 0:
        return boundary
    used = _UNNAMED_BOUNDARY.search(entity.raw, entity.start, min(entity.end, entity.start + 8192))
    return used[1] if used else boundary


def _spans(entity: Entity, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """Where each part begins and ends, and whether its end was marked."""
    raw = entity.raw
    at = entity.start
    begin = -1
    others = 0
    while (at := raw.find(mark, at, entity.end)) >= 0:
        line = _BOUNDARY_END.match(raw, at + len(mark), entity.end)
        if line is None or (at > entity.start and raw[at - 1] != 0x0A):
            others += 1
            if others > _MOST_FALSE_BOUNDARIES:
                raise Unreadable("boundaries", limit=_MOST_FALSE_BOUNDARIES)
            at = raw.find(b"\n", at + 1, entity.end)
            if at < 0:
                break
            continue
        if begin >= 0:
            yield begin, max(begin, _line_before(raw, at)), True
        if line[1]:
            return
        begin = at = line.end()
    if begin >= 0:
        yield begin, entity.end, False


def _line_before(raw: bytes, at: int) -> int:
    """The line break before a boundary belongs to the boundary."""
    return at - 2 if raw[at - 2 : at] == b"\r\n" else at - 1


def _entity(raw: bytes, start: int, end: int, default: str, depth: int) -> Entity:
    fields, body, defects = headers.split(raw, start, end)
    values = fields.get("content-type")
    if not values:
        return Entity(raw, fields, body, end, default, {}, defects, depth)
    token = headers.token(values[0])
    type_ = _MISSPELT.get(token.value, token.value)
    if type_ != token.value or not headers.is_mimetype(type_):
        type_ = type_ if headers.is_mimetype(type_) else default
        defects += ("type_unreadable",)
    return Entity(raw, fields, body, end, type_, token.parameters, defects, depth)


_MISSPELT = {
    "text": "text/plain",
    "plain": "text/plain",
    "plain/text": "text/plain",
    "html": "text/html",
    "html/text": "text/html",
    "text/htm": "text/html",
}


# Transfer encodings

_SOFT_BREAK = re.compile(rb"=[ \t]++(?=\r?\n|\Z)")  # a server put blanks where the line was to go on
_PADDING = re.compile(rb"=+")
# Words, or a rule above them: no line of base64, but what a list added in clear on the way.
_IN_CLEAR = re.compile(rb"^[ \t]*(?:[-_*]{2}|[^\s=]{1,19}[ \t]+\S)", re.MULTILINE)
_SEVEN_BITS = bytes(range(128))
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))


def from_base64(data: bytes) -> tuple[bytes, bool]:
    """The octets, and whether the text was as it should be. Takes what was damaged, cut short, or glued together; what
    was never encoded is given back as it is."""
    try:
        return binascii.a2b_base64(data.translate(None, b"\r\n \t"), strict_mode=True), True
    except binascii.Error:
        pass
    encoded = data[: in_clear.start()] if (in_clear := _IN_CLEAR.search(data)) else data
    if not encoded.strip() or len(data.translate(None, _SEVEN_BITS)) * 20 > len(data):
        return data, False
    out = []
    for piece in _PADDING.split(encoded.translate(None, _NOT_BASE64), maxsplit=1000):
        whole = piece if len(piece) % 4 != 1 else piece[:-1]
        out.append(binascii.a2b_base64(whole + b"=" * (-len(whole) % 4)))
    return b"".join(out), False


def _from_uu(data: bytes) -> bytes:
    """Never more than came in: a line may claim 45 octets and bring one."""
    out = bytearray()
    for found in re.finditer(rb"[^\r\n]+", data):
        line = found.group()
        if line.startswith((b"begin ", b"end")) or len(out) > len(data):
            continue
        try:
            out += binascii.a2b_uu(line)
        except binascii.Error:
            continue
    return bytes(out[: len(data)])


class UuFile(NamedTuple):
    """A file in the midst of a text, `text[start:end]`."""

    start: int
    end: int
    name: str
    content: bytes


_UU_BLOCK = re.compile(r"^begin [0-7]{3,4} ([^\n]{1,200})\n((?:[ -`]{0,90}\n)++)end[ \t]*$", re.MULTILINE)


def uu_files(text: str) -> Iterator[UuFile]:
    """The files that older mailers write into their text by uuencode. Nothing is taken for one that does not decode."""
    for block in _UU_BLOCK.finditer(text):
        content = _uu_content(block[2])
        if content is not None:
            yield UuFile(block.start(), block.end(), block[1].strip(), content)


def _uu_content(lines: str) -> bytes | None:
    out = bytearray()
    for line in filter(None, lines.split("\n")):
        try:
            out += binascii.a2b_uu(line)
        except binascii.Error:
            return None
        if len(out) > len(lines):  # a line claims more than it brings
            return None
    return bytes(out)


def unflowed(text: str, *, delsp: bool) -> str:
    """format=flowed (RFC 3676) with its soft line breaks taken out."""
    out: list[str] = []
    open_quote = -1  # the quote depth of a line that goes on, -1 when none does
    for line in text.split("\n"):
        content = line.lstrip(">")
        quote = len(line) - len(content)
        content = content.removeprefix(" ")
        signature = content == "-- "
        flows = content.endswith(" ") and not signature
        if flows and delsp:
            content = content[:-1]
        if open_quote == quote and not signature:
            out.append(content)
        else:
            if out:
                out.append("\n")
            out.append(f"{'>' * quote} {content}" if quote else content)
        open_quote = quote if flows else -1
    return "".join(out)
