"""Encoded words (RFC 2047) as they are found in subjects."""

from __future__ import annotations

from tests.intake.mails import a_mail, word
from tests.intake.traps.trap import Trap, trap

_SPLIT = "烤箱漏电".encode()
_GBK = "烤箱漏电".encode("gbk")
_B_PIECES = word("烤箱漏电").removesuffix("?=").removeprefix("=?utf-8?B?")

_SUBJECTS: dict[str, tuple[str | bytes, str]] = {
    "one word": (word("烤箱漏电"), "烤箱漏电"),
    "two words of one subject": (f"{word('烤箱')} {word('漏电')}", "烤箱漏电"),
    "two words on two lines": (f"{word('烤箱')}\r\n {word('漏电')}", "烤箱漏电"),
    "two words on two lines with a tab": (f"{word('烤箱')}\r\n\t{word('漏电')}", "烤箱漏电"),
    "two words with nothing between": (word("烤箱") + word("漏电"), "烤箱漏电"),
    "a character cut in two, in B": (f"{word(_SPLIT[:4])} {word(_SPLIT[4:])}", "烤箱漏电"),
    "a character cut in two, in Q": (f"{word(_SPLIT[:4], encoding='Q')} {word(_SPLIT[4:], encoding='Q')}", "烤箱漏电"),
    "a gbk character cut in two": (f"{word(_GBK[:3], 'gb2312')} {word(_GBK[3:], 'gb2312')}", "烤箱漏电"),
    "a gbk character cut between two names of gbk": (f"{word(_GBK[:3], 'gb2312')} {word(_GBK[3:], 'GBK')}", "烤箱漏电"),
    "an emoji cut in two": (f"{word('😀'.encode()[:2])} {word('😀'.encode()[2:])}", "😀"),
    "base64 cut where no group ends": (f"=?utf-8?B?{_B_PIECES[:6]}?= =?utf-8?B?{_B_PIECES[6:]}?=", "烤箱漏电"),
    "B and Q in one subject": (f"{word(_SPLIT[:4])} {word(_SPLIT[4:], encoding='Q')}", "烤箱漏电"),
    "two charsets in one subject": (f"{word('烤箱', 'gbk')} {word('漏電', 'big5')}", "烤箱漏電"),
    "lower case": ("=?utf-8?q?=e7=83=a4=e7=ae=b1?=", "烤箱"),
    "no padding": ("=?utf-8?B?b3Zlbg?=", "oven"),
    "half the padding": ("=?utf-8?B?b3Zlbg=?=", "oven"),
    "too much padding": ("=?utf-8?B?b3Zl===?=", "ove"),
    "two base64 texts in one word": ("=?utf-8?B?b3Zlbg==b3Zlbg==?=", "ovenoven"),
    "quoted-printable in a B word": ("=?utf-8?B?=E7=83=A4=E7=AE=B1?=", "烤箱"),
    "spaces in a B word": ("=?utf-8?B? 54Ok 566x ?=", "烤箱"),
    "spaces in a Q word": ("=?utf-8?Q?The oven leaks?=", "The oven leaks"),
    "a fold in a B word": ("=?utf-8?B?54Ok\r\n 566x?=", "烤箱"),
    "a soft line break in a Q word": ("=?utf-8?Q?=E7=83=\r\n =A4?=", "烤"),
    "underscores and equals": ("=?utf-8?Q?a_b=5Fc=3Dd?=", "a b_c=d"),
    "an equals sign that encodes nothing": ("=?utf-8?Q?100%=ZZ_=?=", "100%=ZZ ="),
    "question marks in a word": ("=?utf-8?Q?why??=", "why?"),
    "a word in quotes": (f'"{word("烤箱")}"', '"烤箱"'),
    "a word in brackets": (f"({word('烤箱')})", "(烤箱)"),
    "a word after text": (f"Re: {word('烤箱')}", "Re: 烤箱"),
    "a word in mid text": (f"Fwd:{word('烤箱')}!", "Fwd:烤箱!"),
    "a language": ("=?utf-8*zh-CN?B?54Ok566x?=", "烤箱"),
    "a charset in quotes": ('=?"utf-8"?B?54Ok566x?=', "烤箱"),
    "no charset": ("=??B?54Ok566x?=", "烤箱"),
    "an unknown charset": (word(_GBK, "x-unknown"), "烤箱漏电"),
    "a charset that is none": (word(_GBK, "zip"), "烤箱漏电"),
    "gbk as utf-8": (word(_GBK), "烤箱漏电"),
    "gbk as us-ascii": (word(_GBK, "us-ascii"), "烤箱漏电"),
    "gbk as iso-8859-1": (word(_GBK, "iso-8859-1", "Q"), "烤箱漏电"),
    "utf-8 as gb2312": (word(_SPLIT, "gb2312"), "烤箱漏电"),
    "iso-2022-jp in two words": (
        f"{word('オー'.encode('iso2022_jp'), 'iso-2022-jp')} {word('ブン'.encode('iso2022_jp'), 'iso-2022-jp')}",
        "オーブン",
    ),
    "raw iso-2022-jp": ("オーブン".encode("iso2022_jp"), "オーブン"),
    "raw utf-8": ("烤箱漏电".encode(), "烤箱漏电"),
    "raw utf-8 and a word": ("烤箱".encode() + word("漏电").encode(), "烤箱漏电"),
    "an empty word": ("=?utf-8?B??=", ""),
    "an empty word between two": (f"{word('烤')} =?utf-8?B??= {word('箱')}", "烤箱"),
    "a word in a word": (word(word("oven")), word("oven")),
    "a word that never ends": ("=?utf-8?B?54Ok", "=?utf-8?B?54Ok"),
    "an encoding nobody knows": ("=?utf-8?X?54Ok?=", "=?utf-8?X?54Ok?="),
    "line breaks in a word": (word("Oven\r\nBcc: eve@evil.test"), "Oven Bcc: eve@evil.test"),
    "a word with nothing but marks of direction": (word("\u202e\u200f"), ""),
    "a hundred words": (" ".join([word("烤")] * 100), "烤" * 100),
}

TRAPS: dict[str, Trap] = {
    f"subject: {name}": trap(a_mail(subject=value), subject=subject, text="The oven leaks.")
    for name, (value, subject) in _SUBJECTS.items()
}
