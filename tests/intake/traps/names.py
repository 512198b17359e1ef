"""File names: RFC 2231, its broken cousins, and what never was a name."""

from __future__ import annotations

from tests.intake.mails import with_file, word
from tests.intake.traps.trap import Trap, trap

_WORD = word("烤箱.png", "gb2312")

# A content disposition, and the name a person should see.
_NAMES: dict[str, tuple[str | bytes, str]] = {
    "extended": ("attachment; filename*=utf-8''%E7%83%A4%E7%AE%B1.png", "烤箱.png"),
    "extended in gbk with a language": ("attachment; filename*=gb2312'zh-cn'%BF%BE%CF%E4.png", "烤箱.png"),
    "extended without a charset": ("attachment; filename*=''%E7%83%A4.png", "烤.png"),
    "extended without its marks": ("attachment; filename*=%E7%83%A4.png", "烤.png"),
    "extended in quotes": ("attachment; filename*=\"utf-8''%E7%83%A4.png\"", "烤.png"),
    "extended form in a plain name": ("attachment; filename=\"utf-8''%E7%83%A4.png\"", "烤.png"),
    "extended beside plain": ("attachment; filename=x.png; filename*=utf-8''%E7%83%A4.png", "烤.png"),
    "continued": ('attachment; filename*0="a long "; filename*1="name.png"', "a long name.png"),
    "continued and extended": ("attachment; filename*0*=gbk''%BF%BE%CF; filename*1*=%E4.png", "烤箱.png"),
    "continued, out of order": ("attachment; filename*1*=%BE.png; filename*0*=gbk''%BF", "烤.png"),
    "continued, with words": (f'attachment; filename*0="{_WORD[:14]}"; filename*1="{_WORD[14:]}"', "烤箱.png"),
    "percent signs without a charset": ("attachment; filename=%E7%83%A4%E7%AE%B1.png", "烤箱.png"),
    "percent signs in gbk without a charset": ("attachment; filename=%BF%BE%CF%E4.png", "烤箱.png"),
    "percent signs that are percent signs": ("attachment; filename=100%25.png", "100%25.png"),
    "a word": (f'attachment; filename="{_WORD}"', "烤箱.png"),
    "a word without quotes": (f"attachment; filename={_WORD}", "烤箱.png"),
    "a word on two lines": (f'attachment; filename="{word("烤")}\r\n {word("箱.png")}"', "烤箱.png"),
    "a word cut inside base64": (
        'attachment; filename="=?gb2312?B?v77P5C5wb?=\r\n =?gb2312?B?mc=?="',
        "烤箱.png",
    ),
    "raw utf-8": ('attachment; filename="烤箱.png"', "烤箱.png"),
    "raw gbk": (b'attachment; filename="' + "烤箱漏电.png".encode("gbk") + b'"', "烤箱漏电.png"),
    "raw gbk without quotes": (b"attachment; filename=" + "烤箱漏电.png".encode("gbk"), "烤箱漏电.png"),
    "quotes in quotes": ('attachment; filename="the "big" oven.png"; size=8', 'the "big" oven.png'),
    "no quotes and a space": ("attachment; filename=the oven.png; size=8", "the oven.png"),
    "a semicolon in quotes": ('attachment; filename="a;b.png"', "a;b.png"),
    "no semicolon": ("attachment filename=a.png", "a.png"),
    "the wrong parameter": ("attachment; name=a.png", "a.png"),
    "capital letters": ("ATTACHMENT; FILENAME=a.png", "a.png"),
    "a disposition nobody knows": ("attachement; filename=a.png", "a.png"),
    "a fold in the name": ('attachment;\r\n\tfilename="the\r\n oven.png"', "the oven.png"),
    "a path of windows": ('attachment; filename="C:\\Users\\ada\\a.png"', "a.png"),
    "a path of unix": ('attachment; filename="../../etc/a.png"', "a.png"),
    "a path behind percent signs": ("attachment; filename*=utf-8''..%2F..%2Fa.png", "a.png"),
    "letters turned round": ('attachment; filename="photo\u202egnp.exe"', "photognp.exe"),
    "letters of no width": ('attachment; filename="a\u200b\u2060.png"', "a.png"),
    "an emoji": ('attachment; filename="😀.png"', "😀.png"),
    "a name that windows keeps for itself": ('attachment; filename="CON"', "CON"),
    "dots": ('attachment; filename=".."', "attachment-1.png"),
    "nothing": ('attachment; filename=""', "attachment-1.png"),
    "no name": ("attachment", "attachment-1.png"),
}

TRAPS: dict[str, Trap] = {
    **{
        f"file: {name}": trap(with_file(content_disposition=disposition), files=[shown], text="See the photo.")
        for name, (disposition, shown) in _NAMES.items()
    },
    "file: two names that differ": trap(
        with_file(type_="image/png; name=type.png", content_disposition="attachment; filename=disposition.png"),
        files=["disposition.png"],
    ),
    "file: a name in the type only": trap(
        with_file(type_=f'image/png; name="{_WORD}"', content_disposition=None), files=["烤箱.png"]
    ),
    "file: a very long name": trap(
        with_file(content_disposition=f"attachment; filename={'烤' * 400}.jpeg"), files=["烤" * 145 + ".jpeg"]
    ),
}
