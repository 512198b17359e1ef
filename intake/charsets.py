"""Charsets: from the bytes of a mail to its words.

Mailers lie about charsets in a few well-known ways: "gb2312" is any Chinese text, "iso-8859-1" is Windows, "us-ascii"
is whatever the program had. So we climb a ladder: an ISO-2022 escape speaks for itself, then UTF-8 where UTF-8 may be,
then the declared charset in its widest reading if the text looks like it, then detection, and at the very end
replacement characters. One or two letters are too few to tell; they become what our correspondents write most.
Where a charset is declared is for the neighbours to say: `headers` for words in a header, `parse` for bodies.
"""

from __future__ import annotations

import re
from encodings.aliases import aliases
from functools import lru_cache
from typing import NamedTuple

import chardet


class Decoded(NamedTuple):
    text: str
    charset: str  # the codec that read it
    how: str  # "declared", "utf-8", "escape", "hint", "detected" or "damaged"

    @property
    def sure(self) -> bool:
        return self.how in ("declared", "utf-8", "escape")


# Codecs that turn bytes into text, and nothing else: "zip", "idna", "punycode", "unicode_escape" are no charsets.
_NAMES = """
    ascii utf_8 utf_7 utf_16 utf_16_le utf_16_be utf_32 utf_32_le utf_32_be gb18030 hz big5hkscs cp950 cp932
    shift_jis_2004 shift_jisx0213 euc_jp euc_jis_2004 euc_jisx0213 iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004
    iso2022_jp_3 iso2022_jp_ext iso2022_kr cp949 johab iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7
    iso8859_8 iso8859_10 iso8859_13 iso8859_14 iso8859_15 iso8859_16 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256
    cp1257 cp1258 cp437 cp720 cp737 cp775 cp850 cp852 cp855 cp857 cp858 cp860 cp861 cp862 cp863 cp864 cp865 cp866 cp869
    cp874 cp1125 cp1006 cp037 cp273 cp424 cp500 cp875 cp1026 cp1140 koi8_r koi8_t koi8_u kz1048 ptcp154 mac_cyrillic
    mac_greek mac_iceland mac_latin2 mac_roman mac_turkish hp_roman8
"""
_CODECS = frozenset(_NAMES.split())

_SAME = {
    ("gb18030",): """gb2312 gbk gb18030 gb_2312 gb_2312_80 gb2312_80 gb2312_1980 chinese cp936 ms936 936 windows_936
        euc_cn euccn eucgb2312_cn csgb2312 csiso58gb231280 iso_ir_58 cn_gb gb18030_2000 gb18030_2005 gbk2312 gb""",
    ("big5hkscs", "cp950"): """big5 big5_hkscs big5hkscs hkscs cn_big5 big5_tw csbig5 big5_eten x_big5 big5_2003""",
    ("cp950", "big5hkscs"): "cp950 950 ms950 windows_950",
    ("cp932", "shift_jis_2004"): """shift_jis shiftjis sjis s_jis ms_kanji mskanji csshiftjis windows_31j cswindows31j
        ms932 cp932 932 windows_932 ms_cp932""",
    ("euc_jp", "euc_jis_2004"): "euc_jp eucjp ujis u_jis cseucpkdfmtjapanese",
    ("cp949",): """euc_kr euckr ks_c_5601 ks_c_5601_1987 ks_c_5601_1989 ksc5601 ksc_5601 ks_x_1001 ksx1001 korean
        cseuckr cp949 949 ms949 uhc windows_949 iso_ir_149""",
    ("cp1252",): """iso_8859_1 iso8859_1 iso88591 8859_1 8859 latin_1 latin1 latin l1 cp819 819 ibm819 iso_ir_100
        iso_8859_1_1987 cp1252 1252 windows_1252 ansi cp_1252""",
    ("cp1254",): "iso_8859_9 iso8859_9 latin5 l5 iso_ir_148 cp1254 1254 windows_1254",
    ("cp874",): "tis_620 tis620 iso_8859_11 iso8859_11 thai windows_874 cp874 874",
    ("iso8859_8", "cp1255"): "iso_8859_8 iso8859_8 iso_8859_8_i iso_8859_8_e hebrew logical visual",
    ("cp1256",): "cp1256 windows_1256 1256",
    ("utf_8",): """utf_8 utf8 utf u8 utf8mb4 utf_8_sig utf8_sig unicode_1_1_utf_8 cp65001 65001 utf_8n utf8n
        unicode_2_0_utf_8 utf_8_mac""",
    ("utf_7",): "utf_7 utf7 unicode_1_1_utf_7 u7",
    ("ascii",): """ascii us_ascii usascii us 646 ansi_x3_4_1968 ansi_x3_4_1986 iso646_us iso_646_irv_1991 cp367
        ibm367 csascii iso_ir_6""",
    ("hz",): "hz hz_gb_2312 hzgb hz_gb",
    ("iso2022_jp_2", "iso2022_jp_ext", "iso2022_jp_2004"): """iso_2022_jp iso2022_jp iso2022jp csiso2022jp iso_2022_jp_1
        iso2022_jp_1 iso_2022_jp_2 iso2022_jp_2 iso_2022_jp_ms cp50220 cp50221 cp50222 jis""",
    ("iso2022_kr",): "iso_2022_kr iso2022_kr csiso2022kr iso2022kr",
}
_READINGS = {name: codecs for codecs, names in _SAME.items() for name in names.split()}

_NAME = re.compile(r"[^a-z0-9]+")
_EBCDIC = ("cp037", "cp273", "cp424", "cp500", "cp875", "cp1026", "cp1140")
_NOT_ASCII = ("utf_7", "utf_16", "utf_32", "hz", "iso2022", *_EBCDIC)
_LATIN = frozenset(("cp1252", "cp1250", "cp1254", "iso8859_2", "iso8859_15", "mac_roman", "cp437", "cp850"))
# Where ISO 8859 has control characters, Windows has quotation marks and dashes: who writes these means Windows.
_WINDOWS = {"iso8859_2": "cp1250", "iso8859_5": "cp1251", "iso8859_7": "cp1253", "iso8859_8": "cp1255",
            "iso8859_6": "cp1256", "iso8859_13": "cp1257", "iso8859_15": "cp1252"}  # fmt: skip
_WINDOWS_SIGN = re.compile(rb"[\x82\x84\x85\x91-\x97]")
_JAPANESE_ESCAPE = re.compile(rb"\x1b(?:\$[@B]|\$\([DOPQ]|\([IJ])")
_KOREAN_ESCAPE = re.compile(rb"\x1b\$\)C")
_HZ = re.compile(rb"~\{(?:[!-}][!-~]){1,500}~\}")
_HIGH = re.compile(rb"[\x80-\xff]")
# Latin letters beyond ASCII stand alone. (A row of no-break spaces is no row of letters.)
_HIGH_RUN = re.compile(rb"[\xa1-\xff]{3,}")
# A line broken inside a character, by a server that counts bytes.
_CUT_CHARACTER = re.compile(rb"!?\r?\n ?(?=[\x80-\xbf])")
# A character beyond the first plane, written as if the halves of its surrogate pair were characters (CESU-8).
_PAIR = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")
# Characters of three bytes in UTF-8: others may come out of bytes in another charset by chance.
_CERTAIN = re.compile("[\u0800-\ufffc\U00010000-\U0010ffff]")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_UTF_32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
_USUAL = re.compile("[\t-\u04ff\u3000-\u9fff]")
_SAMPLE = 16 * 1024

# What to look for where nobody says, and how much likelier than its letters tell each is among our correspondents.
_LIKELIHOOD = {
    "gb18030": 2.5,
    "big5hkscs": 2.5,
    "cp932": 1.5,
    "cp949": 1.7,
    "cp1252": 1.2,
    "euc_jp": 1.2,
    "koi8_r": 1.1,
    "cp1250": 1.0,
    "cp1251": 1.0,
    "cp1253": 1.0,
    "cp1254": 1.0,
    "cp1256": 1.0,
    "cp874": 1.0,
    "iso8859_2": 1.0,
    "iso8859_5": 0.7,
    "cp1255": 0.8,
}
_DETECTABLE = [codec.replace("_", "-") for codec in _LIKELIHOOD]
# Bytes that may belong to one word; letters that are no neighbours of the ones in question tell nothing about them.
_WORD = re.compile(rb"[0-9@-\xff]+")

# Signs that Windows and the browsers read otherwise than Hong Kong's standard.
_BIG5_SIGNS = str.maketrans("•､‾∼♁☉¥¢£", "‧﹑¯～⊕⊙￥￠￡")

# What has no place in text: control characters but tab and newline, and halves of characters.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


@lru_cache(maxsize=512)
def readings(name: str) -> tuple[str, ...]:
    """The codecs in which text declared as `name` may be read, widest first; () when we do not know the name."""
    key = _NAME.sub("_", name[:60].lower()).strip("_")
    for spelling in (
        key,
        key.removeprefix("x_"),
        key.removeprefix("x_x_"),
        key.removeprefix("cs"),
        key.replace("_", ""),
    ):
        if spelling in _READINGS:
            return _READINGS[spelling]
        codec = spelling if spelling in _CODECS else aliases.get(spelling, "")
        if codec in _CODECS:
            return (codec,)
        if codec in _READINGS:
            return _READINGS[codec]
    return ()


def decode(data: bytes, declared: str = "", hint: str = "") -> Decoded:
    """`data` as text. Never raises. `hint` is a charset others nearby use, tried before we guess."""
    codecs = tuple(codec for codec in readings(declared) if _looks_like(data, codec)) if declared else ()
    if codecs and codecs[0] in _WINDOWS and _WINDOWS_SIGN.search(data):
        codecs = (_WINDOWS[codecs[0]], *codecs)
    first = codecs[0] if codecs else ""
    if data.isascii():
        if (b"\x1b" in data or b"~{" in data) and (escaped := _by_escape(data, first)):
            return escaped
        if not first.startswith(_NOT_ASCII):
            return Decoded(data.decode("ascii"), "ascii", "utf-8")
    elif data.startswith((*_UTF_16, *_UTF_32)):
        codec = "utf_32" if data.startswith(_UTF_32) else "utf_16"
        if (text := _strictly(data, codec)) is not None:
            return Decoded(text, codec, "declared")

    unicode = _unicode(data)
    if unicode is not None and (first in ("", "utf_8", "ascii") or _surely_unicode(data, unicode, first)):
        return Decoded(unicode.removeprefix("\ufeff"), "utf_8", "utf-8")
    if first in ("", "utf_8", "ascii"):
        # A few broken characters in otherwise good text are damage, not another charset.
        if text := _damaged_unicode(data, hint):
            return Decoded(text, "utf_8", "damaged")
        return _hinted(data, hint) or _detected(data)
    for codec in codecs:
        if (text := _strictly(data, codec)) is not None:
            return Decoded(text, codec, "declared")
    text, broken, whole = _leniently(data, first)
    return Decoded(text, first, "damaged") if _is_damage(text, broken, whole, 20) else _detected(data)


def clean(text: str) -> str:
    """Text with newlines as newlines, and without the characters that only machines and mischief use."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text)


def _strictly(data: bytes, codec: str) -> str | None:
    if codec == "utf_16" and not data.startswith(_UTF_16):
        codec = max(
            ("utf_16_le", "utf_16_be"), key=lambda order: len(_USUAL.findall(data[:400].decode(order, "replace")))
        )
    elif codec == "utf_32" and not data.startswith(_UTF_32):
        codec = "utf_32_be" if data[:1] == b"\0" else "utf_32_le"
    try:
        text = data.decode(codec)
    except (UnicodeError, LookupError, ValueError):
        return None
    return text.translate(_BIG5_SIGNS) if codec == "big5hkscs" else text


def _looks_like(data: bytes, codec: str) -> bool:
    """Whether text may be in this charset. Some mailers call everything Latin, whatever script it is in."""
    if codec not in _LATIN or data.isascii():
        return True
    head = data[:_SAMPLE]
    rows = b"".join(_HIGH_RUN.findall(head))
    few = len(rows) < 8 or len(set(rows)) < 4 or len(rows) * 4 < len(_HIGH.findall(head)) * 3
    return few or _detected(data).charset in _LATIN


def _unicode(data: bytes) -> str | None:
    """UTF-8, also where characters were cut or written in halves."""
    text = _strictly(data, "utf_8")
    if text is None:
        mended = _CUT_CHARACTER.sub(b"", _PAIR.sub(lambda pair: _joined(pair[0]), data))
        text = _strictly(mended, "utf_8") if mended != data else None
    return text


def _joined(pair: bytes) -> bytes:
    return pair.decode("utf_8", "surrogatepass").encode("utf_16", "surrogatepass").decode("utf_16").encode()


def _by_escape(data: bytes, declared: str) -> Decoded | None:
    if _KOREAN_ESCAPE.search(data):
        codecs: tuple[str, ...] = ("iso2022_kr",)
    elif _JAPANESE_ESCAPE.search(data):
        codecs = readings("iso-2022-jp")
    elif declared in ("", "ascii", "gb18030") and _HZ.search(data):
        codecs = ("hz",)
    else:
        return None
    for codec in codecs:
        if (text := _strictly(data, codec)) is not None:
            return Decoded(text, codec, "escape")
    # The row of circled numbers and company signs is not in JIS X 0208, but mailers send it as if it were.
    if (text := _strictly(data.replace(b"\x1b$B", b"\x1b$(Q"), "iso2022_jp_2004")) is not None:
        return Decoded(text, "iso2022_jp_2004", "escape")
    return None


def _surely_unicode(data: bytes, unicode: str, declared: str) -> bool:
    """Whether bytes declared as something else are UTF-8 beyond doubt: text in another charset does not come out as
    valid UTF-8 by chance once it is a few characters long."""
    if declared.startswith(("utf_16", "utf_32")):
        return b"\0" not in data
    if declared.startswith(_NOT_ASCII):
        return not unicode.isascii()
    head = unicode[:2000]
    if declared in _LATIN:
        return not head.isascii()
    return sum(c > "\u07ff" for c in head) >= 3 or sum(c > "\x7f" for c in head) >= 8


def _leniently(data: bytes, codec: str) -> tuple[str, int, int]:
    """The text, how many of its characters are broken, and how many beyond ASCII are whole."""
    try:
        text = data.decode(codec, "replace")
    except (UnicodeError, LookupError, ValueError):
        return "", 0, 0
    broken = text.count("\ufffd")
    return text, broken, len(text) - len(text.encode("ascii", "ignore")) - broken


def _is_damage(text: str, broken: int, whole: int, at_least: int) -> bool:
    """Whether there are `at_least` as many whole characters as broken ones, or only the last one was cut."""
    cut_short = broken == 1 and whole >= 2 and text.endswith("\ufffd")
    return cut_short or 0 < broken * at_least <= whole


def _damaged_unicode(data: bytes, hint: str) -> str:
    """UTF-8 with a few broken characters, or with lines in another charset put in on the way; "" if it is neither."""
    texts: list[str | None] = []
    foreign: list[bytes] = []
    for line in data.split(b"\n"):
        text, broken, whole = _leniently(line, "utf_8")
        if broken and not _is_damage(text, broken, whole, 4):
            foreign.append(line)
            texts.append(None)
        else:
            texts.append(text)
    if foreign and len(_CERTAIN.findall("".join([text[:1000] for text in texts[:1000] if text]))) < 4:
        return ""
    others = b"\n".join(foreign)
    read = iter((_hinted(others, hint) or _detected(others)).text.split("\n")) if foreign else iter(())
    return "\n".join([next(read, "") if text is None else text for text in texts])


def _hinted(data: bytes, hint: str) -> Decoded | None:
    for codec in readings(hint) if hint else ():
        believed = codec not in ("utf_8", "ascii") and _looks_like(data, codec)
        if believed and (text := _strictly(data, codec)) is not None:
            return Decoded(text, codec, "hint")
    return None


def _detected(data: bytes) -> Decoded:
    high = _HIGH.search(data)
    start = max(0, high.start() - 200) if high else 0
    words = [word for word in _WORD.findall(data[start : start + _SAMPLE]) if not word.isascii()]
    try:
        found = chardet.detect_all(b" ".join(words), True, include_encodings=_DETECTABLE) if words else []
    except Exception:  # a detector that stumbles is a detector that does not know
        found = []
    likely = {codecs[0]: guess["confidence"] for guess in found if (codecs := readings(guess["encoding"] or ""))}
    tries = sorted(likely, key=lambda codec: -likely[codec] * _LIKELIHOOD.get(codec, 1.0)) or ["gb18030"]
    for codec in tries:
        if (text := _strictly(data, codec)) is not None:
            return Decoded(text, codec, "detected")
    lenient = [(codec, data.decode(codec, "replace")) for codec in ("utf_8", *tries[:2])]
    codec, text = min(lenient, key=lambda pair: pair[1].count("\ufffd"))
    return Decoded(text, codec, "damaged")
