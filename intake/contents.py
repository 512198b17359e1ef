"""Contents: what the parts of a mail say, and what they carry.

Parts are bodies, which are put together to one text and one page, or files. Files that hold files are opened after all
others, outermost first, so that what lies deep crowds out nothing above it. However much there is, the work on it and
what comes out are bounded, and whatever was left out or broken is named in `defects`.

How a mail is cut into parts is in `mime`, charsets in `charsets`, pages in `html`, what a file is in `filetypes`,
wrappers in `cms` and `tnef`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from html import escape
from typing import Final, NamedTuple

from intake import charsets, cms, headers, mime, reports, rtf, tnef
from intake.filetypes import ending, sniff
from intake.html import to_text
from intake.mail import Enclosed, Part, Unreadable
from intake.mime import DEEPEST, MOST_PARTS, Entity

MOST_ATTACHMENTS: Final = 100
MOST_TEXT: Final = 1_000_000  # characters
MOST_OCTETS: Final = 8 * MOST_TEXT  # of text, before its charset is known
MOST_HTML: Final = 2_000_000
MOST_PAGES: Final = 2_500_000  # characters of all pages that text is made from
MOST_ENCLOSED: Final = 100_000  # characters of one enclosed mail, and ten times as many of all
MOST_RTF: Final = 1_000_000  # octets
MOST_OPENED: Final = 32 * 1024 * 1024  # octets of all files that are opened


class _Words(NamedTuple):
    """What one body part says: as text, as a page, or as both."""

    plain: str
    html: str


class Reading:
    """One mail being read, this one or one enclosed in it: what was found so far.

    `within` is where among the files the one is that holds what is being read; None for the mail itself. Only the mail
    itself makes the content key.
    """

    def __init__(self, root: Entity, files: Files) -> None:
        self.root = root
        self.files = files
        self.entities = list(root.walk())
        self.hint = files.charset or _charset_hint(self.entities)
        self.digests: list[tuple[str, bytes]] = []
        self.defects: dict[str, None] = {}
        self.has_body = False
        self.report_parts: list[tuple[str, bytes]] = []
        files.room -= len(self.entities)

    def defect(self, code: str) -> None:
        self.defects[code] = None

    def said(self, within: int | None = None) -> tuple[str, str]:
        """All its bodies as one text and one page. What is no body becomes a file on the way."""
        texts = list(self._words(self.root, within))
        text = "\n\n".join([words.plain or self.files.to_text(words.html) for words in texts]).strip("\n")
        return _cut(text, MOST_TEXT, self.defects), _cut(_html(texts), MOST_HTML, self.defects)

    def _words(self, entity: Entity, within: int | None, *, one_of_several: bool = False) -> Iterator[_Words]:
        """The bodies in reading order."""
        if entity.children:
            if entity.type == "multipart/alternative":
                choices = [list(self._words(child, within, one_of_several=True)) for child in entity.children]
                plain = next((said for choice in choices if (said := _plain(choice))), "")
                html = next((page for choice in reversed(choices) if (page := _html(choice))), "")
                if html and _may_say_nothing(plain):
                    plain = _said_by_either(plain, self.files.to_text(html))
                if plain or html:
                    yield _Words(plain, html)
            else:
                for child in entity.children:
                    yield from self._words(child, within)
        elif not self._is_body(entity, one_of_several):
            yield from self._file(entity, within)
        else:
            data = self._octets(entity)
            is_html = entity.type == "text/html" or ("content-type" not in entity.fields and _looks_like_html(data))
            if within is None:
                digest = sha256(data.replace(b"\r\n", b"\n").rstrip()).digest()
                self.digests.append(("html" if is_html else "text", digest))
            said = self._said(entity, data, within, is_html=is_html)
            if said.strip():
                self.has_body = True
                yield _Words("", said) if is_html else _Words(said, "")
            elif entity is not self.root and (name := entity.filename(self.hint)):
                self.files.add(data, name=name, declared=entity.type, within=within, depth=entity.depth)

    def _is_body(self, entity: Entity, one_of_several: bool) -> bool:
        if entity.type.startswith("multipart/"):  # in name only
            return entity.end > entity.start and not self.has_body
        disposition = entity.disposition
        if disposition.value == "attachment":
            return entity is self.root and entity.type == "text/plain" and not entity.filename(self.hint)
        if entity.type not in ("text/plain", "text/html"):
            # All a mail says, in some other form of text, is better read than downloaded.
            return entity is self.root and entity.type.startswith("text/") and entity.type not in _NO_TEXTS
        return one_of_several or not self.has_body or not entity.filename(self.hint)

    def _said(self, entity: Entity, data: bytes, within: int | None, *, is_html: bool) -> str:
        if not is_html and len(data) > MOST_OCTETS and b"begin " not in data:  # no file of any size is written in it
            data = data[:MOST_OCTETS]
            self.defect("text_cut")
        if self.files.charset:
            text = _as_told(data, self.files.charset)
        else:
            charset = headers.charset_of(entity.parameters)
            hint = (_meta_charset(data) if is_html else "") or self.hint
            decoded = charsets.decode(data, charset, hint)
            if charset and not charsets.readings(charset):
                self.defect("charset_unknown")
            if not decoded.sure:
                self.defect("charset_" + decoded.how)
            text = decoded.text
        text = charsets.clean(text)
        if is_html:
            return _cut(_EMBEDDED.sub("data:,", text) if len(text) > MOST_HTML else text, MOST_HTML, self.defects)
        if "begin " in text:
            text = self._without_files(text, within, entity.depth)
        text = _cut(text, MOST_TEXT, self.defects)
        if "format" in entity.parameters and entity.parameters["format"].lower().strip() == "flowed":
            text = mime.unflowed(text, delsp=entity.parameters.get("delsp", "").lower() == "yes")
        return text.rstrip().lstrip("\n")

    def _without_files(self, text: str, within: int | None, depth: int) -> str:
        """Text with the names of the files that were written into it in their places."""
        out: list[str] = []
        at = 0
        for file in mime.uu_files(text):
            name = headers.clean_filename(headers.one_line(file.name))
            index = self.files.add(file.content, name=name, within=within, depth=depth)
            if index is None:
                break
            out += text[at : file.start], f"[{self.files.parts[index].filename}]"
            at = file.end
        return "".join([*out, text[at:]])

    def _file(self, entity: Entity, within: int | None) -> Iterator[_Words]:
        """Keeps what is no body. If it is an envelope around one, that is what it says."""
        if entity.type == "text/x-amp-html" or (entity.type.startswith("multipart/") and entity.end <= entity.start):
            return
        content = self._octets(entity)
        digest = sha256(content)
        if within is None:
            self.digests.append(("file", digest.digest()))
            if entity.type in reports.TELLING:
                self.report_parts.append((entity.type, content))
        declared = entity.type if "content-type" in entity.fields else ""
        disposition = entity.disposition.value
        id_ = entity.fields.get("content-id", [""])[0].strip().strip("<>").strip()
        index = self.files.add(
            content,
            name=entity.filename(self.hint),
            declared=declared,
            implied="" if entity.type == "text/plain" else entity.type,
            content_id=id_,
            inline=disposition == "inline" or (bool(id_) and disposition != "attachment"),
            within=within,
            depth=entity.depth,
            digest=digest.hexdigest(),
        )
        if index is not None and self.files.parts[index].content_type in _ENVELOPES:
            yield from self._in_envelope(index, entity.depth)

    def _in_envelope(self, index: int, depth: int) -> Iterator[_Words]:
        """What a signed letter says whose signature is around it, not beside it (RFC 8551, section 3.5.2)."""
        envelope = self.files.parts[index]
        sealing, content = cms.opened(envelope.content)
        if sealing == "encrypted":
            self.defect("encrypted")
        if sealing != "signed" or not content or not self.files.may_open(envelope, depth):
            return
        self.defect("signed_opaque")
        if _DOCUMENT.fullmatch(envelope.filename):  # no letter at all
            self.files.add(content, name=envelope.filename[:-4], within=index, depth=depth + 1)
            return
        try:
            inner = mime.cut(content, depth=depth + 1, most=self.files.room)
        except Unreadable:
            self.files.defect("not_opened")
            return
        entities = list(inner.walk())
        self.entities += entities
        self.files.room -= len(entities)
        self.root = inner
        yield from self._words(inner, index)

    def _octets(self, entity: Entity) -> bytes:
        data, defect = entity.octets()
        if defect:
            self.defect(defect)
        return data


_ENVELOPES = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
_DOCUMENT = re.compile(r".+\..+\.p7m", re.IGNORECASE)
_NO_TEXTS = frozenset(("text/calendar", "text/vcard", "text/x-vcard", "text/directory"))
_LONGEST_NOTICE = 300  # characters
_EMBEDDED = re.compile(r"data:[\w/.+-]{0,100}+;base64,[A-Za-z0-9+/=%\n]*+")
_META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.IGNORECASE)


def _charset_hint(entities: list[Entity]) -> str:
    """The charset this mailer uses, for the bytes of which it does not say so: that of its bodies or of its head."""
    for entity in entities:
        if entity.type.startswith("text/") and (charset := headers.charset_of(entity.parameters)):
            return charset
    return headers.charset_hint(entities[0].fields) if entities else ""


def _as_told(data: bytes, charset: str) -> str:
    codecs = charsets.readings(charset)
    for codec in codecs:
        try:
            return data.decode(codec).removeprefix("\ufeff")
        except ValueError:
            continue
    return data.decode(codecs[0], "replace")


def _looks_like_html(data: bytes) -> bool:
    return data[:200].lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))


def _meta_charset(data: bytes) -> str:
    found = _META.search(data, 0, 2048)
    return found[1].decode("ascii") if found else ""


def _plain(choice: list[_Words]) -> str:
    return "\n\n".join([words.plain for words in choice if words.plain])


def _may_say_nothing(plain: str) -> bool:
    """Whether text beside a page may only tell that there is one, as form mailers write for readers without HTML, or is
    the question marks that a charset made of it."""
    return _is_garbled(plain) or (len(plain) <= _LONGEST_NOTICE and ("html" in plain.casefold() or not _letters(plain)))


def _is_garbled(plain: str) -> bool:
    return plain.count("?") * 2 > len("".join(plain.split()))


def _said_by_either(plain: str, page: str) -> str:
    """The text, if the page says it, too; else what the page says."""
    told = _letters(plain)
    if not page or (told and told in _letters(page) and not _is_garbled(plain)):
        return plain
    return page


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _html(choice: list[_Words]) -> str:
    """The pages of these bodies in one. Plain text between them is shown as it is."""
    if not any(words.html for words in choice):
        return ""
    if len(choice) == 1:
        return choice[0].html
    return "\n".join([words.html or f"<pre>{escape(words.plain)}</pre>" for words in choice])


def _cut(text: str, most: int, defects: dict[str, None]) -> str:
    if len(text) > most:
        defects["text_cut"] = None
    return text[:most]


# Files, and what is in them


class Files:
    """The files of a mail, those within others too, and what is left of our limits for them."""

    def __init__(self, charset: str) -> None:
        self.charset = charset
        self.room = MOST_PARTS
        self.octets = MOST_OPENED
        self.characters = 10 * MOST_ENCLOSED
        self.pages = MOST_PAGES
        self.rtf = MOST_RTF
        self.parts: list[Part] = []
        self.defects: dict[str, None] = {}
        self.letter: tnef.Letter | None = None
        self._closed: deque[tuple[int, int, bool]] = deque()

    def defect(self, code: str) -> None:
        self.defects[code] = None

    def add(
        self,
        content: bytes,
        *,
        name: str = "",
        declared: str = "",
        implied: str = "",
        content_id: str = "",
        inline: bool = False,
        within: int | None,
        depth: int,
        digest: str = "",
    ) -> int | None:
        """Where among the files this one is now; None if there were too many before it. `implied` is the type of a
        file whose sender declared none."""
        index = len(self.parts)
        if index == MOST_ATTACHMENTS:
            self.defect("attachments_capped")
            return None
        content_type = sniff(content, declared or implied, name)
        self.parts.append(
            Part(
                filename=name or f"attachment-{index + 1}{ending(content_type)}",
                declared_type=declared,
                content_type=content_type,
                content=content,
                content_id=headers.one_line(content_id)[:250],
                inline=inline,
                size=len(content),
                sha256=digest or sha256(content).hexdigest(),
                within=within,
            )
        )
        if content_type in _OPENED:
            self._closed.append((index, depth, not name))
        return index

    def may_open(self, part: Part, depth: int) -> bool:
        """Whether our limits allow it; if so, they are closer from now on."""
        if depth >= DEEPEST or part.size > self.octets or self.room < 1:
            self.defect("not_opened")
            return False
        self.octets -= part.size
        return True

    def open_all(self) -> None:
        """Opens what holds other things, and what is found in there."""
        while self._closed:
            index, depth, unnamed = self._closed.popleft()
            part = self.parts[index]
            if not self.may_open(part, depth):
                continue
            if part.content_type == "application/ms-tnef":
                self._open_tnef(index, part, depth)
            else:
                self._open_mail(index, part, depth, unnamed)

    def said_instead(self, html: str) -> tuple[str, str]:
        """Text and page for a mail that says nothing but in its files. `html` is the page it may have all the same."""
        if self.letter and (text := self._letter_text(self.letter)):
            return _cut(text, MOST_TEXT, self.defects), html or _cut(self.letter.html, MOST_HTML, self.defects)
        enclosed = [part.enclosed for part in self.parts if part.enclosed and part.within is None]
        return enclosed[0].text if len(enclosed) == 1 else "", html

    def _open_mail(self, index: int, part: Part, depth: int, unnamed: bool) -> None:
        try:
            root = mime.cut(part.content, depth=depth + 1, most=self.room)
        except Unreadable:
            self.defect("not_opened")
            return
        reading = Reading(root, self)
        text, _ = reading.said(index)
        fields = root.fields
        from_name, from_address = headers.sender(fields.get("from", ()), reading.hint)
        subject = headers.text(fields.get("subject", [""])[0], reading.hint)
        date = headers.date(fields.get("date", [""])[0])
        enclosed = Enclosed(from_name, from_address, subject, date, self._enclosed(text))
        name = (headers.clean_filename(f"{subject}.eml") if unnamed and subject else "") or part.filename
        self.parts[index] = replace(part, filename=name, enclosed=enclosed)

    def _open_tnef(self, index: int, part: Part, depth: int) -> None:
        letter = tnef.opened(part.content)
        if letter is None:
            return
        if part.within is None:
            self.letter = self.letter or letter
        else:
            subject, text = headers.one_line(letter.subject[:1000]), self._enclosed(self._letter_text(letter))
            self.parts[index] = replace(part, enclosed=Enclosed("", "", subject, None, text))
        for file in letter.files:
            self.add(
                file.content,
                name=headers.clean_filename(headers.one_line(file.name[:1000])),
                declared=file.type.lower() if headers.is_mimetype(file.type.lower()) else "",
                content_id=file.content_id.strip("<>"),
                inline=bool(file.content_id),
                within=index,
                depth=depth + 1,
            )

    def to_text(self, page: str) -> str:
        page = _cut(page, self.pages, self.defects)
        self.pages -= len(page)
        return to_text(page)

    def _letter_text(self, letter: tnef.Letter) -> str:
        if text := (letter.text or self.to_text(letter.html[:MOST_HTML])).strip("\n"):
            return text
        document = rtf.decompressed(letter.rtf, self.rtf)
        self.rtf -= len(document)
        return rtf.to_text(document)

    def _enclosed(self, text: str) -> str:
        text = text[: min(MOST_ENCLOSED, self.characters)]
        self.characters -= len(text)
        return text


_OPENED = frozenset(("message/rfc822", "message/global", "application/ms-tnef"))
