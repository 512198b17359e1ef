"""Charsets: from the bytes of a mail to its words.

Mailers lie about charsets in a few well-known ways: "gb2312" is any Chinese text, "iso-8859-1" is Windows, "us-ascii"
is whatever the program had. So we climb a ladder: an ISO-2022 escape speaks for itself, then UTF-8 where UTF-8 may be,
then the declared charset in its widest reading, then detection, and at the very end replacement characters.
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
_JAPANESE_ESCAPE = re.compile(rb"\x1b(?:\$[@B]|\$\([DOPQ]|\([IJ])")
_KOREAN_ESCAPE = re.compile(rb"\x1b\$\)C")
_HIGH = re.compile(rb"[\x80-\xff]")
_DETECTABLE = ("utf-8", "gb18030", "big5hkscs", "cp932", "cp949", "windows-1252", "ascii")
_SAMPLE = 16 * 1024

# What has no place in text: control characters but tab and newline, and halves of characters.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


@lru_cache(maxsize=512)
def readings(name: str) -> tuple[str, ...]:
    """The codecs in which text declared as `name` may be read, widest first; () when we do not know the name."""
    key = _NAME.sub("_", name[:60].lower()).strip("_")
    for spelling in (key, key.removeprefix("x_"), key.removeprefix("x_x_"), key.removeprefix("cs")):
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
    codecs = readings(declared) if declared else ()
    first = codecs[0] if codecs else ""
    if data.isascii():
        if b"\x1b" in data and (escaped := _by_escape(data)):
            return escaped
        if not first.startswith(_NOT_ASCII):
            return Decoded(data.decode("ascii"), "ascii", "utf-8")
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")) and (text := _strictly(data, "utf_16")) is not None:
        return Decoded(text, "utf_16", "declared")

    unicode = _strictly(data, "utf_8")
    if unicode is not None and (first in ("", "utf_8", "ascii") or _surely_unicode(data, unicode, first)):
        return Decoded(unicode.removeprefix("\ufeff"), "utf_8", "utf-8")
    if first not in ("utf_8", "ascii"):
        for codec in codecs:
            if (text := _strictly(data, codec)) is not None:
                return Decoded(text, codec, "declared")
    # Nobody's word holds. A few broken characters in otherwise good text are damage, not another charset.
    if (text := _damaged(data, first if first not in ("", "ascii") else "utf_8")) is not None:
        return Decoded(text, first or "utf_8", "damaged")
    for codec in readings(hint) if hint and not (codecs and first not in ("utf_8", "ascii")) else ():
        if codec not in ("utf_8", "ascii") and (text := _strictly(data, codec)) is not None:
            return Decoded(text, codec, "hint")
    return _detected(data)


def clean(text: str) -> str:
    """Text with newlines as newlines, and without the characters that only machines and mischief use."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", text)


def _strictly(data: bytes, codec: str) -> str | None:
    if codec == "utf_16" and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        codec = "utf_16_be" if data[:1] == b"\0" else "utf_16_le"
    try:
        return data.decode(codec)
    except (UnicodeError, LookupError, ValueError):
        return None


def _by_escape(data: bytes) -> Decoded | None:
    if _KOREAN_ESCAPE.search(data):
        codecs: tuple[str, ...] = ("iso2022_kr",)
    elif _JAPANESE_ESCAPE.search(data):
        codecs = readings("iso-2022-jp")
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


def _damaged(data: bytes, codec: str) -> str | None:
    try:
        text = data.decode(codec, "replace")
    except (UnicodeError, LookupError, ValueError):
        return None
    broken = text.count("\ufffd")
    whole = sum(c > "\x7f" for c in text[:100_000]) - broken
    cut_short = broken == 1 and text.endswith("\ufffd") and whole >= 2
    return text if cut_short or 0 < broken * 20 <= whole else None


def _detected(data: bytes) -> Decoded:
    high = _HIGH.search(data)
    start = max(0, high.start() - 200) if high else 0
    try:
        name = chardet.detect(data[start : start + _SAMPLE], include_encodings=_DETECTABLE)["encoding"] or ""
    except Exception:  # a detector that stumbles is a detector that does not know
        name = ""
    tries = readings(name) or ("gb18030",)
    for codec in tries:
        if (text := _strictly(data, codec)) is not None:
            return Decoded(text, codec, "detected")
    lenient = [(codec, data.decode(codec, "replace")) for codec in ("utf_8", *tries)]
    codec, text = min(lenient, key=lambda pair: pair[1].count("\ufffd"))
    return Decoded(text, codec, "damaged")
