"""TNEF: what is in a winmail.dat (MS-OXTNEF), in which Outlook wraps letters for everybody else to unwrap.

A stream of attributes, some of them lists of MAPI properties. It is read in one pass, as far as it goes, and of all the
properties only those that hold words or files.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from intake import charsets

SIGNATURE: Final = b"\x78\x9f\x3e\x22"
_MOST_FILES = 200


class File(NamedTuple):
    """`name` and `type` are what the wrapper says, each may be ""."""

    name: str
    type: str
    content_id: str
    content: bytes


class Letter(NamedTuple):
    """`rtf` is the letter in compressed RTF (see `rtf`). Text, page and RTF are three forms of one letter, each may be
    missing."""

    subject: str
    text: str
    html: str
    rtf: bytes
    files: tuple[File, ...]


def opened(data: bytes) -> Letter | None:
    """The letter in `data`; None if this is no TNEF."""
    if not data.startswith(SIGNATURE):
        return None
    letter: _Attributes = {}
    files: list[_Attributes] = []
    at = 6
    while at + 9 <= len(data):
        level, attribute, size = struct.unpack_from("<BHxxI", data, at)
        if level == _OF_A_FILE and (attribute == _ATTACH_REND_DATA or not files):
            if len(files) == _MOST_FILES:
                break
            files.append({})
        elif level not in (_OF_THE_LETTER, _OF_A_FILE):
            break
        of = letter if level == _OF_THE_LETTER else files[-1]
        of.setdefault(attribute, data[at + 9 : at + 9 + size])
        at += 9 + size + 2
    charset = _charset(letter.get(_OEM_CODEPAGE, b"")[:4])
    properties = _properties(letter, {_SUBJECT: _ATT_SUBJECT, _BODY: _ATT_BODY})
    return Letter(
        subject=_text(properties, charset, _SUBJECT),
        text=_text(properties, charset, _BODY),
        html=_text(properties, _charset(properties.get(_INTERNET_CODEPAGE, _EMPTY).octets), _HTML),
        rtf=properties.get(_RTF_COMPRESSED, _EMPTY).octets,
        files=tuple([_file(file, charset) for file in files]),
    )


def _file(attributes: _Attributes, charset: str) -> File:
    properties = _properties(attributes, {_ATTACH_FILENAME: _ATT_ATTACH_TITLE, _ATTACH_DATA: _ATT_ATTACH_DATA})
    type_, content = properties.get(_ATTACH_DATA, _EMPTY)
    return File(
        name=_text(properties, charset, _ATTACH_LONG_FILENAME, _ATTACH_FILENAME, _DISPLAY_NAME),
        type=_text(properties, charset, _ATTACH_MIME_TAG),
        content_id=_text(properties, charset, _ATTACH_CONTENT_ID),
        content=content[16:] if type_ == _OBJECT else content,  # behind the id of the object's interface
    )


# Attributes and MAPI properties, with the names and numbers of their specifications

_Attributes = dict[int, bytes]
_OF_THE_LETTER = 1
_OF_A_FILE = 2
_ATT_SUBJECT = 0x8004
_ATT_BODY = 0x800C
_ATT_ATTACH_DATA = 0x800F
_ATT_ATTACH_TITLE = 0x8010
_ATTACH_REND_DATA = 0x9002
_MSG_PROPS = 0x9003
_ATTACHMENT = 0x9005
_OEM_CODEPAGE = 0x9007

_SUBJECT = 0x0037
_BODY = 0x1000
_RTF_COMPRESSED = 0x1009
_HTML = 0x1013
_DISPLAY_NAME = 0x3001
_ATTACH_DATA = 0x3701
_ATTACH_FILENAME = 0x3704
_ATTACH_LONG_FILENAME = 0x3707
_ATTACH_MIME_TAG = 0x370E
_ATTACH_CONTENT_ID = 0x3712
_INTERNET_CODEPAGE = 0x3FDE

_OBJECT = 0x0D
_STRING8 = 0x1E
_UNICODE = 0x1F
_BINARY = 0x102
_OF_ANY_LENGTH = frozenset((_OBJECT, _STRING8, _UNICODE, _BINARY))
_LENGTHS = {0x02: 2, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 2, 0x14: 8, 0x40: 8, 0x48: 16}
_SEVERAL = 0x1000
_NAMED = 0x8000
_MOST_VALUES = 5_000


class _Value(NamedTuple):
    type: int
    octets: bytes


_EMPTY = _Value(_BINARY, b"")
_Properties = dict[int, _Value]


def _properties(attributes: _Attributes, older: dict[int, int]) -> _Properties:
    """The first value of each property. `older` says which attribute had its place before there were properties."""
    found = {id_: _Value(_STRING8, attributes[old]) for id_, old in older.items() if old in attributes}
    data = attributes.get(_MSG_PROPS) or attributes.get(_ATTACHMENT, b"")
    at = 4
    values = 0
    try:
        while at < len(data) and values < _MOST_VALUES:
            type_, id_ = struct.unpack_from("<HH", data, at)
            at += 4
            if id_ >= _NAMED:
                kind, length = struct.unpack_from("<II", data, at + 16)
                at += 24 + (_padded(length) if kind else 0)
            count = 1
            if type_ & _SEVERAL or type_ in _OF_ANY_LENGTH:
                [count] = struct.unpack_from("<I", data, at)
                at += 4
            type_ &= ~_SEVERAL
            values += 1
            if type_ in _OF_ANY_LENGTH:
                for nth in range(min(count, _MOST_VALUES)):
                    [length] = struct.unpack_from("<I", data, at)
                    if nth == 0:
                        found[id_] = _Value(type_, data[at + 4 : at + 4 + length])
                    at += 4 + _padded(length)
                    values += 1
            else:
                length = _LENGTHS[type_]
                found[id_] = _Value(type_, data[at : at + length])
                at += _padded(length * count)
    except (struct.error, KeyError):
        pass  # cut short, or of a type that nobody knows the length of
    return found


def _padded(length: int) -> int:
    return -(-length // 4) * 4


def _text(properties: _Properties, charset: str, *ids: int) -> str:
    """The first of these properties that says something."""
    for id_ in ids:
        type_, octets = properties.get(id_, _EMPTY)
        text = octets.decode("utf-16-le", "replace") if type_ == _UNICODE else charsets.decode(octets, charset).text
        if text := charsets.clean(text.rstrip("\0")):
            return text
    return ""


def _charset(octets: bytes) -> str:
    """The charset that Windows gives this number."""
    codepage = int.from_bytes(octets, "little")
    if 28591 <= codepage <= 28605:
        return f"iso-8859-{codepage - 28590}"
    return _CHARSETS.get(codepage, f"cp{codepage}")


_CHARSETS = {
    20127: "us-ascii", 20866: "koi8-r", 20932: "euc-jp", 21866: "koi8-u", 51932: "euc-jp", 51936: "gb2312",
    51949: "euc-kr", 52936: "hz", 54936: "gb18030",
}  # fmt: skip
