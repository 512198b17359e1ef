"""RTF: the words of a letter that Outlook wrote in it, and the compression it comes in (MS-OXRTFCP).

Only the words: fonts, colours, tables and pictures are left out. One pass over any bytes.
"""

from __future__ import annotations

import re

from intake import charsets

_DICTIONARY = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans Serif"
    rb"SymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    + b"\r\n"
    + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_WINDOW = 4096


def decompressed(data: bytes, most: int) -> bytes:
    """The RTF in `data`, as far as it can be read and no more than `most` octets; b"" if it is in no form we know."""
    form, packed = data[8:12], data[16:]
    if form == b"MELA":
        return packed[:most]
    if form != b"LZFu":
        return b""
    out = bytearray(_DICTIONARY)
    at = 0
    while at < len(packed) and len(out) < len(_DICTIONARY) + most:
        flags = packed[at]
        at += 1
        for bit in range(8):
            if not flags >> bit & 1:
                out += packed[at : at + 1]
                at += 1
                continue
            reference = int.from_bytes(packed[at : at + 2], "big")
            at += 2
            back = (len(out) - (reference >> 4)) % _WINDOW  # the window is a ring, `out` is it unrolled
            if back == 0 or back > len(out) or at > len(packed):
                return bytes(out[len(_DICTIONARY) :][:most])
            length = (reference & 15) + 2
            run = out[len(out) - back :][:length]
            out += (run * (length // back + 1))[:length]
    return bytes(out[len(_DICTIONARY) :][:most])


_TOKEN = re.compile(
    rb"""\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?[0-9]{1,9})?[ ]?
      | \\'(?P<octet>[0-9a-fA-F]{2})
      | \\(?P<sign>.)
      | (?P<brace>[{}])
      | (?P<plain>[^\\{}\r\n]++)
      | [\r\n\\]""",
    re.VERBOSE | re.DOTALL,
)
_SAYS = {
    b"par": "\n", b"line": "\n", b"row": "\n", b"page": "\n", b"sect": "\n", b"tab": "\t", b"cell": "\t",
    b"emdash": "—", b"endash": "–", b"bullet": "•", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“",
    b"rdblquote": "”",
}  # fmt: skip
_SIGNS = {b"~": "\xa0", b"_": "-", b"\n": "\n", b"\r": "\n", b"\\": "\\", b"{": "{", b"}": "}"}
_NO_WORDS = frozenset(
    b"""fonttbl colortbl stylesheet info pict header footer headerl headerr footerl footerr object listtable
    listoverridetable rsidtbl generator themedata fldinst""".split()
)


def to_text(rtf: bytes) -> str:
    """What the document says, paragraphs as lines; "" if it is no RTF."""
    if not rtf.startswith(b"{\\rtf"):
        return ""
    out: list[str] = []
    octets = bytearray()  # in the codepage of the document, until a character ends that is in several
    codepage = "cp1252"
    silent, fallbacks = False, 1  # whether this group is read, and how many characters stand in for one of Unicode
    groups: list[tuple[bool, int]] = []
    skip = 0

    def said(text: str) -> None:
        if octets:
            out.append(charsets.decode(bytes(octets), codepage).text)
            octets.clear()
        out.append(text)

    for token in _TOKEN.finditer(rtf):
        kind = token.lastgroup
        if kind == "brace":
            skip = 0
            if token[0] == b"{":
                groups.append((silent, fallbacks))
            elif groups:
                silent, fallbacks = groups.pop()
        elif silent or kind is None:
            continue
        elif kind == "sign":
            if token["sign"] == b"*":
                silent = True
            elif skip:
                skip -= 1
            else:
                said(_SIGNS.get(token["sign"], ""))
        elif kind == "octet":
            if skip:
                skip -= 1
            else:
                octets += bytes.fromhex(token["octet"].decode("ascii"))
        elif kind == "plain":
            octets += token["plain"][skip:]
            skip = max(0, skip - len(token["plain"]))
        else:
            word, number = token["word"], int(token["number"] or b"0")
            skip = 0
            if word in _NO_WORDS:
                silent = True
            elif word == b"u":
                said(chr(number % 0x10000))
                skip = fallbacks
            elif word == b"uc":
                fallbacks = min(max(number, 0), 8)
            elif word == b"ansicpg":
                codepage = f"cp{number}"
            elif word in _SAYS:
                said(_SAYS[word])
    said("")
    # Characters beyond the first plane come as two halves.
    text = "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return charsets.clean(text).strip()
