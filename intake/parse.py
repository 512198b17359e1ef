"""Parse: bytes to a `Mail`, for any bytes whatsoever.

The mail is cut into parts by position in its bytes, so a part keeps exactly the bytes it came with, depth costs no
stack and size costs no copies. Whatever is broken is read as far as it goes and named in `defects`; only what is
beyond our limits is `Unreadable`.

Header grammar is in `headers`, charsets in `charsets`, pages in `html`; what kind of mail it is, in `classify`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from typing import Final, NamedTuple

import filetype

from intake import charsets, headers
from intake.headers import Fields
from intake.html import to_text
from intake.mail import RESPONDER_HEADERS, Mail, Part, Recipient, Report, Unreadable

MOST_PARTS: Final = 500
DEEPEST: Final = 30
MOST_ATTACHMENTS: Final = 100
MOST_REFERENCES: Final = 100
_MOST_FALSE_BOUNDARIES = 5_000  # in one part
_MOST_REPORT_BLOCKS = 100


def parse(raw: bytes) -> Mail:
    """The mail in `raw`. Raises `Unreadable` and nothing else."""
    try:
        return _mail(raw)
    except Unreadable:
        raise
    except Exception as unforeseen:
        raise Unreadable("unforeseen", error=type(unforeseen).__name__) from unforeseen


def _mail(raw: bytes) -> Mail:
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    root = _cut(raw)
    fields = root.fields
    hint = _charset_hint(root)
    reading = _Reading(raw, root, hint)
    texts = list(reading.words(root))
    text, html = _joined(texts)
    for entity in root.walk():
        reading.defects.update(dict.fromkeys(entity.defects))

    def first(name: str) -> str:
        values = fields.get(name)
        return values[0] if values else ""

    from_name, from_address = headers.sender(fields.get("from", ()), hint)
    subject = headers.text(first("subject"), hint)
    date = headers.date(first("date"))
    if first("date") and date is None:
        reading.defect("date_unreadable")
    if first("from") and not from_address:
        reading.defect("sender_unclear")
    return_path = fields.get("return-path")
    return Mail(
        from_address=from_address,
        from_name=from_name,
        to=headers.addresses(fields.get("to", ()), hint),
        cc=headers.addresses(fields.get("cc", ()), hint),
        reply_to=headers.sender(fields.get("reply-to", ()), hint)[1],
        subject=subject,
        text=text,
        html=html,
        attachments=tuple(reading.attachments),
        message_id=headers.message_id(first("message-id")),
        in_reply_to=headers.message_ids(" ".join(fields.get("in-reply-to", ())))[:MOST_REFERENCES],
        references=headers.message_ids(" ".join(fields.get("references", ())))[-MOST_REFERENCES:],
        date=date,
        auto_submitted=headers.token(first("auto-submitted")).value,
        precedence=headers.token(first("precedence")).value,
        is_list=any(name.startswith("list-") for name in fields),
        return_path=_reverse_path(return_path[0]) if return_path else None,
        signals=tuple((name, headers.text(fields[name][0])[:500]) for name in _SIGNALS if name in fields),
        received_count=len(fields.get("received", ())),
        authentication_results=headers.one_line(headers.plain(first("authentication-results"))),
        content_key=_content_key(fields, reading.digests),
        language=language(subject, text),
        content_type=root.type,
        report=reading.report(),
        defects=tuple(reading.defects),
    )


# Beside the standard fields, what tells a machine from a person. Everything else in a head is only text.
_SIGNALS = (*RESPONDER_HEADERS, "x-auto-response-suppress", "x-failed-recipients", "x-loop")


def _reverse_path(value: str) -> str | None:
    value = value.strip()
    if value in ("", "<>"):
        return ""
    boxes = headers.mailboxes(value)
    return boxes[0].address or None if boxes else None


def _content_key(fields: Fields, digests: list[tuple[str, bytes]]) -> str:
    """What makes two deliveries one letter: what its sender wrote, and nothing that a server on the way did."""
    key = sha256()

    def add(name: str, value: bytes) -> None:
        key.update(f"{name}:{len(value)}:".encode())
        key.update(value)

    for name in ("from", "date", "message-id", "subject"):
        for value in fields.get(name, ()):
            add(name, " ".join(value.split()).encode("latin-1", "replace"))
    for kind, digest in digests:
        add(kind, digest)
    return key.hexdigest()


# Cutting a mail into parts


@dataclass(slots=True)
class _Entity:
    """A part and where in the mail its body is. Its header fields have been read, its body has not."""

    fields: Fields
    start: int
    end: int
    type: str
    parameters: Mapping[str, str]
    defects: tuple[str, ...]
    children: list[_Entity] = field(default_factory=list)

    @property
    def encoding(self) -> str:
        values = self.fields.get("content-transfer-encoding")
        return headers.token(values[0]).value if values else ""

    @property
    def disposition(self) -> headers.Token:
        values = self.fields.get("content-disposition")
        return headers.token(values[0]) if values else _NOWHERE

    def walk(self) -> Iterator[_Entity]:
        waiting = [self]
        while waiting:
            entity = waiting.pop()
            yield entity
            waiting.extend(reversed(entity.children))


_NOWHERE = headers.Token("", {})
_BOUNDARY_END = re.compile(rb"(--)?[ \t]*+\r*+(?:\n|\Z)")
_UNNAMED_BOUNDARY = re.compile(
    rb"^--([^\s-][^\r\n]{0,200}?)[ \t]*\r?\ncontent-[a-z-]+[ \t]*:", re.MULTILINE | re.IGNORECASE
)


def _cut(raw: bytes) -> _Entity:
    start = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
    while raw.startswith((b"\n", b"\r\n"), start):
        start = raw.index(b"\n", start) + 1
    root = _entity(raw, start, len(raw), "text/plain")
    waiting = [(root, 1)]
    count = 1
    while waiting:
        entity, depth = waiting.pop()
        if not entity.type.startswith("multipart/"):
            continue
        boundary = _boundary(raw, entity)
        if not boundary:
            entity.defects += ("no_boundary",)
            continue
        if depth > DEEPEST:
            raise Unreadable("too_deep", limit=DEEPEST)
        default = "message/rfc822" if entity.type == "multipart/digest" else "text/plain"
        for begin, end, closed in _spans(raw, entity, b"--" + boundary):
            count += 1
            if count > MOST_PARTS:
                raise Unreadable("too_many_parts", limit=MOST_PARTS)
            if not closed:  # the mail was cut short, or its writer was careless
                entity.defects += ("not_closed",)
            entity.children.append(_entity(raw, begin, end, default))
        if not entity.children:
            entity.defects += ("no_parts",)
        waiting.extend((child, depth + 1) for child in entity.children)
    return root


def _boundary(raw: bytes, entity: _Entity) -> bytes:
    """The boundary a multipart names, or else the one it uses."""
    named = entity.parameters.get("boundary") or headers.parameter(entity.parameters, "boundary")
    boundary = named.rstrip().encode("utf-8", "replace")
    if boundary and raw.find(b"--" + boundary, entity.start, entity.end) >= 0:
        return boundary
    used = _UNNAMED_BOUNDARY.search(raw, entity.start, min(entity.end, entity.start + 8192))
    return used[1] if used else boundary


def _spans(raw: bytes, entity: _Entity, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """Where each part begins and ends, and whether its end was marked."""
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


def _entity(raw: bytes, start: int, end: int, default: str) -> _Entity:
    fields, body, defects = headers.split(raw, start, end)
    values = fields.get("content-type")
    if not values:
        return _Entity(fields, body, end, default, {}, defects)
    token = headers.token(values[0])
    type_ = token.value
    if not headers.is_mimetype(type_):
        type_ = {"text": "text/plain", "html": "text/html"}.get(type_, default)
        defects += ("type_unreadable",)
    return _Entity(fields, body, end, type_, token.parameters, defects)


def _charset_hint(root: _Entity) -> str:
    """The charset this mailer uses, for header fields in which it wrote raw bytes."""
    for entity in root.walk():
        if entity.type.startswith("text/") and (charset := headers.charset_of(entity.parameters)):
            return charset
    return ""


# Reading the parts


class _Words(NamedTuple):
    """What one body part says: as text, as a page, or as both."""

    plain: str
    html: str


class _Reading:
    """One mail being read: what was found so far."""

    def __init__(self, raw: bytes, root: _Entity, hint: str) -> None:
        self.raw = raw
        self.root = root
        self.hint = hint
        self.attachments: list[Part] = []
        self.digests: list[tuple[str, bytes]] = []
        self.defects: dict[str, None] = {}
        self.has_body = False
        self.files = 0
        self.report_parts: list[tuple[str, bytes]] = []

    def defect(self, code: str) -> None:
        self.defects[code] = None

    def words(self, entity: _Entity, *, one_of_several: bool = False) -> Iterator[_Words]:
        """The bodies in reading order. What is no body becomes an attachment on the way."""
        if entity.children:
            if entity.type == "multipart/alternative":
                choices = [list(self.words(child, one_of_several=True)) for child in entity.children]
                plain = next((said for choice in choices if (said := _plain(choice))), "")
                html = next((page for choice in reversed(choices) if (page := _html(choice))), "")
                if plain or html:
                    yield _Words(plain, html)
            else:
                for child in entity.children:
                    yield from self.words(child)
        elif not self._is_body(entity, one_of_several):
            self._attach(entity)
        else:
            data = self._octets(entity)
            is_html = entity.type == "text/html" or ("content-type" not in entity.fields and _looks_like_html(data))
            digest = sha256(data.replace(b"\r\n", b"\n").rstrip()).digest()
            self.digests.append(("html" if is_html else "text", digest))
            said = self._said(entity, data, is_html)
            if said.strip():
                self.has_body = True
                yield _Words("", said) if is_html else _Words(said, "")

    def _is_body(self, entity: _Entity, one_of_several: bool) -> bool:
        if entity.type.startswith("multipart/"):  # in name only
            return entity.end > entity.start and not self.has_body
        disposition = entity.disposition
        if disposition.value == "attachment":
            return entity is self.root and entity.type == "text/plain" and not self._filename(entity)
        if entity.type not in ("text/plain", "text/html"):
            # All a mail says, in some other form of text, is better read than downloaded.
            return entity is self.root and entity.type.startswith("text/") and entity.type != "text/calendar"
        return one_of_several or not self.has_body or not self._filename(entity)

    def _said(self, entity: _Entity, data: bytes, is_html: bool) -> str:
        charset = headers.charset_of(entity.parameters)
        hint = (_meta_charset(data) if is_html else "") or self.hint
        decoded = charsets.decode(data, charset, hint)
        if charset and not charsets.readings(charset):
            self.defect("charset_unknown")
        if not decoded.sure:
            self.defect("charset_" + decoded.how)
        text = charsets.clean(decoded.text)
        if not is_html:
            if "format" in entity.parameters and entity.parameters["format"].lower().strip() == "flowed":
                text = unflowed(text, delsp=entity.parameters.get("delsp", "").lower() == "yes")
            text = text.rstrip().lstrip("\n")
        return text

    def _attach(self, entity: _Entity) -> None:
        if entity.type == "text/x-amp-html" or (entity.type.startswith("multipart/") and entity.end <= entity.start):
            return
        content = self._octets(entity)
        digest = sha256(content)
        self.digests.append(("file", digest.digest()))
        if entity.type in _REPORTED:
            self.report_parts.append((entity.type, content))
        self.files += 1
        if self.files > MOST_ATTACHMENTS:
            self.defect("attachments_capped")
            return
        declared = entity.type if "content-type" in entity.fields else ""
        content_type = sniff(content, declared or ("" if entity.type == "text/plain" else entity.type))
        disposition = entity.disposition.value
        id_ = entity.fields.get("content-id", [""])[0].strip().strip("<>").strip()
        self.attachments.append(
            Part(
                filename=self._filename(entity) or f"attachment-{self.files}{_ENDINGS.get(content_type, '.bin')}",
                declared_type=declared,
                content_type=content_type,
                content=content,
                content_id=headers.one_line(id_)[:250],
                inline=disposition == "inline" or (bool(id_) and disposition != "attachment"),
                size=len(content),
                sha256=digest.hexdigest(),
            )
        )

    def _filename(self, entity: _Entity) -> str:
        disposition = entity.fields.get("content-disposition")
        if disposition is None and not any(name.startswith("name") for name in entity.parameters):
            return ""
        hint = headers.charset_of(entity.parameters) or self.hint
        named = headers.token(disposition[0], hint).parameters if disposition else {}
        type_ = entity.fields.get("content-type")
        return headers.filename(named, headers.token(type_[0], hint).parameters if type_ else {}, hint)

    def _octets(self, entity: _Entity) -> bytes:
        data = self.raw[entity.start : entity.end]
        encoding = entity.encoding
        if encoding == "base64":
            data, whole = from_base64(data)
            if not whole:
                self.defect("base64_damaged")
        elif encoding == "quoted-printable":
            data = binascii.a2b_qp(data)
        elif encoding in ("x-uuencode", "uuencode", "x-uue"):
            data = _from_uu(data)
        elif encoding not in ("", "7bit", "8bit", "binary"):
            self.defect("encoding_unknown")
        return data

    def report(self) -> Report | None:
        kind = ""
        if self.root.type == "multipart/report":
            kind = headers.token(self.root.parameters.get("report-type", "")).value
        recipients: list[Recipient] = []
        ids: list[str] = []
        disposition = ""
        for type_, content in self.report_parts:
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
        for type_, content in self.report_parts:
            if type_ in _RETURNED:
                try:
                    returned = headers.split(content, 0, len(content)).fields
                except Unreadable:
                    continue
                if id_ := headers.message_id(returned.get("message-id", [""])[0]):
                    ids.append(id_)
        return Report(kind, tuple(recipients[:_MOST_REPORT_BLOCKS]), tuple(dict.fromkeys(ids)), disposition)


_RETURNED = frozenset(("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"))
_STATUS = frozenset(
    (
        "message/delivery-status",
        "message/global-delivery-status",
        "message/disposition-notification",
        "message/global-disposition-notification",
    )
)
_REPORTED = _RETURNED | _STATUS


def _blocks(content: bytes) -> Iterator[Fields]:
    at = 0
    for _ in range(_MOST_REPORT_BLOCKS):
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

    named = (fields.get("final-recipient") or fields.get("original-recipient") or [""])[0]
    return Recipient(
        address=(headers.addresses([named.rpartition(";")[2]]) or ("",))[0],
        action=value("action").lower(),
        status=(value("status").split() or [""])[0],
        diagnostic=value("diagnostic-code")[:1000],
    )


def _plain(choice: list[_Words]) -> str:
    return "\n\n".join([words.plain for words in choice if words.plain])


def _html(choice: list[_Words]) -> str:
    """The pages of these bodies in one. Plain text between them is shown as it is."""
    if not any(words.html for words in choice):
        return ""
    if len(choice) == 1:
        return choice[0].html
    return "\n".join([words.html or f"<pre>{escape(words.plain)}</pre>" for words in choice])


def _joined(texts: list[_Words]) -> tuple[str, str]:
    return "\n\n".join([words.plain or to_text(words.html) for words in texts]).strip("\n"), _html(texts)


# Transfer encodings

_PADDING = re.compile(rb"=+")
_FOOTER = re.compile(rb"^[ \t]*[-_*]{2}", re.MULTILINE)
_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="))


def from_base64(data: bytes) -> tuple[bytes, bool]:
    """The octets, and whether the text was as it should be. Takes what was damaged, cut short, or glued together."""
    try:
        return binascii.a2b_base64(data.translate(None, b"\r\n \t"), strict_mode=True), True
    except binascii.Error:
        pass
    if footer := _FOOTER.search(data):  # added in clear by a list on the way
        data = data[: footer.start()]
    out = []
    for piece in _PADDING.split(data.translate(None, _NOT_BASE64), maxsplit=1000):
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


# What a file is

_MARKUP = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,500}?-->\s*|<!doctype[^>]{0,300}>\s*)*<\s*([a-z!][a-z0-9]*)",
    re.IGNORECASE | re.DOTALL,
)
_HTML_TAGS = frozenset(
    b"""html head body script iframe title meta style table div p a img br form object embed link base h1 font center
    span""".split()
)
_ENDINGS: Mapping[str, str] = {
    "text/plain": ".txt",
    "text/html": ".html",
    "text/csv": ".csv",
    "text/calendar": ".ics",
    "text/vcard": ".vcf",
    "text/rfc822-headers": ".txt",
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/bmp": ".bmp",
    "image/heic": ".heic",
    "image/tiff": ".tif",
    "image/svg+xml": ".svg",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/rtf": ".rtf",
    "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/ms-tnef": ".dat",
    "application/pkcs7-signature": ".p7s",
    "application/pgp-signature": ".asc",
    "audio/mpeg": ".mp3",
    "audio/amr": ".amr",
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
}
_OFFICE = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_OLE_TYPES = frozenset(("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"))
_WITH_WORDS = (b"%PDF-", b"{\\rtf", b"%!PS")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def sniff(content: bytes, declared: str) -> str:
    """What a file is, by its content; by what it is called where content does not tell."""
    if declared.startswith("message/"):
        return declared
    head = content[:8192]
    if markup := _markup(head, declared):
        return markup
    if head.startswith(b"PK\x03\x04"):
        return _zip_type(content, declared)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return declared if declared in _OLE_TYPES else "application/x-ole-storage"
    if head and (head.startswith(_WITH_WORDS) or _BINARY.search(head, 0, 1024)):
        try:
            if known := filetype.guess_mime(head):
                return str(known)
        except Exception:  # it indexes into short files without looking
            pass
    return declared if headers.is_mimetype(declared) else "application/octet-stream"


def _markup(head: bytes, declared: str) -> str:
    found = _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf").lower(), 0, 2048)
    if found is None:
        return ""
    if found[1] == b"svg":
        return "image/svg+xml"
    if found[1] in _HTML_TAGS or b"<!doctype html" in found[0]:
        return "text/html"
    xml = head.lstrip().startswith(b"<?xml")
    return (declared if declared.endswith(("/xml", "+xml")) else "text/xml") if xml else ""


def _zip_type(content: bytes, declared: str) -> str:
    if content[30:38] == b"mimetype":
        named = content[38:138].split(b"PK", 1)[0].decode("ascii", "replace").strip()
        if headers.is_mimetype(named):
            return named
    if b"[Content_Types].xml" in content[:4096] or b"[Content_Types].xml" in content[-65536:]:
        names = content[:4096] + content[-65536:]
        for folder, type_ in _OFFICE:
            if folder in names:
                return declared if declared.endswith((".macroenabled.12", "+xml")) else type_
    return "application/zip"


def _looks_like_html(data: bytes) -> bool:
    return data[:200].lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))


_META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.IGNORECASE)


def _meta_charset(data: bytes) -> str:
    found = _META.search(data, 0, 2048)
    return found[1].decode("ascii") if found else ""


# Language

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
_KANA_HANGUL = re.compile("[\u3041-\u30ff\u31f0-\u31ff\uac00-\ud7a3\u1100-\u11ff]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_ADDRESS = re.compile(r"https?://[!-~]{1,2000}|[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9.-]{1,100}")


def language(subject: str, text: str) -> str:
    """The language to answer in: "zh_CN" for mail that is mainly Chinese, else "en"."""
    sample = f"{subject}\n{text[:1000]}"
    if sample.isascii():
        return "en"
    sample = _ADDRESS.sub(" ", sample)
    han = _count(_HAN, sample)
    if not han or _count(_KANA_HANGUL, sample) * 8 > han:
        return "en"
    letters = _count(_LETTERS, sample)
    return "zh_CN" if letters <= 20 or han * 5 >= letters else "en"


def _count(characters: re.Pattern[str], text: str) -> int:
    return sum(map(len, characters.findall(text)))
