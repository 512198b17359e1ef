"""File types: what a file is, by its first bytes; by its name and what it is called only where these do not tell.

The answers decide an icon, the ending of a file that came without a name, and whether we look inside. Nothing is safe
for being called so.
"""

from __future__ import annotations

import re
from os import SEEK_END
from typing import IO

import filetype

from intake import headers


def sniff(content: bytes, declared: str, name: str = "") -> str:
    """The media type of a file, by its content; else as it is declared; where that says nothing, by its name."""
    if declared.startswith("message/"):
        return declared
    called = _called(declared, name)
    head = content[:_HEAD]
    if markup := _markup(head, called):
        return markup
    if head.startswith(b"PK\x03\x04"):
        return _zip_type(content, called)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return called if called in _OLE_TYPES else "application/x-ole-storage"
    if head.startswith(b"\x78\x9f\x3e\x22"):
        return "application/ms-tnef"
    if head and (head.startswith(_WITH_WORDS) or _BINARY.search(head, 0, 1024)):
        try:
            if known := filetype.guess_mime(head):
                return str(known)
        except Exception:  # it indexes into short files without looking
            pass
    if called == "message/rfc822" and not _MAIL.match(head):
        return "application/octet-stream"
    return called


def sniff_file(file: IO[bytes], declared: str, name: str = "") -> str:
    """The same of a file that need not be in memory as a whole: what tells is at its beginning and its end."""
    size = file.seek(0, SEEK_END)
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(max(size - _TAIL, len(head)))
    return sniff(head + file.read(), declared, name)


def ending(type_: str) -> str:
    """What the name of such a file ends in, with its dot."""
    return "." + _ENDINGS.get(type_, "bin")


_HEAD, _TAIL = 8192, 65536
"""Octets that are looked at, where a file begins and where a zip tells what is in it."""


def _called(declared: str, name: str) -> str:
    if not headers.is_mimetype(declared):
        declared = "application/octet-stream"
    return _TYPES.get(name.rpartition(".")[2].lower(), declared) if _SAYS_NOTHING.search(declared) else declared


_TABLE = """
    text/plain txt log text
    text/html html htm
    text/csv csv
    text/calendar ics
    text/vcard vcf
    text/xml xml
    message/rfc822 eml
    message/global eml
    text/rfc822-headers txt
    message/delivery-status txt
    message/disposition-notification txt
    image/png png
    image/jpeg jpg jpeg jpe
    image/gif gif
    image/webp webp
    image/bmp bmp
    image/heic heic heif
    image/tiff tif tiff
    image/svg+xml svg
    image/vnd.dwg dwg
    application/pdf pdf
    application/zip zip
    application/x-rar-compressed rar
    application/x-7z-compressed 7z
    application/gzip gz tgz
    application/json json
    application/rtf rtf
    application/msword doc
    application/vnd.ms-excel xls
    application/vnd.ms-powerpoint ppt
    application/vnd.ms-outlook msg
    application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
    application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
    application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
    application/vnd.oasis.opendocument.text odt
    application/vnd.oasis.opendocument.spreadsheet ods
    application/vnd.oasis.opendocument.presentation odp
    application/octet-stream bin dat
    application/ms-tnef dat
    application/pkcs7-mime p7m
    application/x-pkcs7-mime p7m
    application/pkcs7-signature p7s
    application/pgp-signature asc
    audio/mpeg mp3
    audio/amr amr
    audio/mp4 m4a
    audio/x-wav wav
    video/mp4 mp4
    video/quicktime mov
    video/webm webm
"""
_ENDINGS: dict[str, str] = {}  # of a type, the usual one
_TYPES: dict[str, str] = {}  # of an ending, the one most likely meant
for _type, *_endings in map(str.split, _TABLE.strip().splitlines()):
    _ENDINGS[_type] = _endings[0]
    for _ending in _endings:
        _TYPES.setdefault(_ending, _type)

_SAYS_NOTHING = re.compile(r"octet-?stream|/(?:x-)?(?:binary|unknown|download|force-download|file)$")
_MARKUP = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,500}?-->\s*|<!doctype[^>]{0,300}>\s*)*<\s*([a-z!][a-z0-9]*)",
    re.IGNORECASE | re.DOTALL,
)
_HTML_TAGS = frozenset(
    b"""html head body script iframe title meta style table div p a img br form object embed link base h1 font center
    span""".split()
)
_OFFICE = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
)
_ZIPPED = re.compile(
    r"application/vnd\.(?:openxmlformats-officedocument|oasis\.opendocument)\.|.*(?:\+zip|enabled\.12)$"
)
_OLE_TYPES = frozenset(
    (
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.ms-outlook",
        "application/vnd.visio",
    )
)
_WITH_WORDS = (b"%PDF-", b"{\\rtf", b"%!PS")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_FIELD = rb"[!-9;-~]{1,60}+[ \t]*+:[^\n]*+\n(?:[ \t][^\n]*+\n)*+"
_MAIL = re.compile(
    rb"\s*+(?:From [^\n]*+\n)?+(?:" + _FIELD + rb"){0,100}?"
    rb"(?:from|date|subject|received|message-id|mime-version)[ \t]*+:(?:[^\n]*+\n)",
    re.IGNORECASE,
)


def _markup(head: bytes, called: str) -> str:
    found = _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf").lower(), 0, 2048)
    if found is None:
        return ""
    if found[1] == b"svg":
        return "image/svg+xml"
    if found[1] in _HTML_TAGS or b"<!doctype html" in found[0]:
        return "text/html"
    xml = head.lstrip().startswith(b"<?xml")
    return (called if called.endswith(("/xml", "+xml")) else "text/xml") if xml else ""


def _zip_type(content: bytes, called: str) -> str:
    if content[30:38] == b"mimetype":
        named = content[38:138].split(b"PK", 1)[0].decode("ascii", "replace").strip()
        if headers.is_mimetype(named):
            return named
    if b"[Content_Types].xml" in content[:4096] or b"[Content_Types].xml" in content[-_TAIL:]:
        names = content[:4096] + content[-_TAIL:]
        for folder, type_ in _OFFICE:
            if folder in names:
                return called if called.endswith((".macroenabled.12", "+xml")) else type_
    return called if _ZIPPED.match(called) else "application/zip"
