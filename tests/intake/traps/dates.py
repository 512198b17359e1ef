"""Dates and message ids: small grammars, much liberty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from tests.intake.mails import a_mail, word
from tests.intake.traps.trap import Trap, trap

_EAST = datetime(2026, 11, 2, 10, tzinfo=timezone(timedelta(hours=8)))
_HERE = datetime(2026, 11, 2, 10, tzinfo=UTC)

_DATES: dict[str, tuple[str | bytes, datetime | None]] = {
    "by the book": ("Mon, 02 Nov 2026 10:00:00 +0800", _EAST),
    "two digits of the year": ("Mon, 02 Nov 26 10:00:00 +0800", _EAST),
    "years since 1900": ("Mon, 02 Nov 126 10:00:00 +0800", _EAST),
    "no zone": ("Mon, 02 Nov 2026 10:00:00", _HERE),
    "no seconds": ("2 Nov 2026 10:00 +0800", _EAST),
    "fractions of a second": ("Mon, 02 Nov 2026 10:00:00.123 +0800", _EAST),
    "a leap second": ("Mon, 02 Nov 2026 10:00:60 +0800", _EAST + timedelta(seconds=59)),
    "dots for colons": ("Mon, 02 Nov 2026 10.00.00 +0800", _EAST),
    "GMT and hours": ("Mon, 02 Nov 2026 10:00:00 GMT+0800 (CST)", _EAST),
    "GMT and hours with a colon": ("Mon, 02 Nov 2026 10:00:00 GMT+08:00", _EAST),
    "UTC and one digit": ("Mon, 02 Nov 2026 10:00:00 UTC+8", _EAST),
    "a script's date": ("Mon Nov 02 2026 10:00:00 GMT+0800 (China Standard Time)", _EAST),
    "a zone with a colon": ("Mon, 02 Nov 2026 10:00:00 +08:00", _EAST),
    "a zone without its zero": ("Mon, 02 Nov 2026 10:00:00 +800", _EAST),
    "a zone in quotes": ('Mon, 02 Nov 2026 10:00:00 "GMT"', _HERE),
    "a zone's name in raw gbk": ("Mon, 02 Nov 2026 10:00:00 +0800 (中国标准时间)".encode("gbk"), _EAST),
    "a zone's name in a word": (f"Mon, 02 Nov 2026 10:00:00 +0800 ({word('中国标准时间', 'gbk')})", _EAST),
    "comments everywhere": ("(Mon) 2 (second) Nov 2026 (year) 10:00:00 +0800", _EAST),
    "a twelve-hour clock": ("November 2, 2026 10:00:00 AM +0800", _EAST),
    "a twelve-hour clock at night": ("November 2, 2026 10:00 PM", _HERE + timedelta(hours=12)),
    "a whole date in a word": ("=?utf-8?Q?Mon,_02_Nov_2026_10:00:00_+0800?=", _EAST),
    "a chinese weekday": ("星期一, 02 Nov 2026 10:00:00 +0800", _EAST),
    "a chinese weekday in raw gbk": ("星期一, 02 Nov 2026 10:00:00 +0800".encode("gbk"), _EAST),
    "a chinese month": ("周一, 2 十一月 2026 10:00:00 +0800", _EAST),
    "a chinese month in digits": ("星期一, 2 11月 2026 10:00:00 +0800", _EAST),
    "a chinese date": ("2026年11月2日 星期一 上午10:00:00 +0800", _EAST),
    "a chinese afternoon": ("2026年11月2日 下午2:30", datetime(2026, 11, 2, 14, 30, tzinfo=UTC)),
    "ISO": ("2026-11-02T10:00:00+08:00", _EAST),
    "ISO in Greenwich": ("2026-11-02T10:00:00Z", _HERE),
    "slashes": ("2026/11/2 10:00:00 +0800", _EAST),
    "the library of C": ("Mon Nov  2 10:00:00 2026", _HERE),
    "hyphens": ("Mon, 02-Nov-2026 10:00:00 +0800", _EAST),
    "month before day or not": ("11/02/2026 10:00:00", None),
    "no such day": ("Mon, 31 Feb 2026 10:00:00 +0800", None),
    "seconds since 1970": ("1793584800", None),
    "words": ("yesterday", None),
}

_IDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "folded without spaces": (
        "<a@x.example>\r\n\t<b@x.example>\r\n\t<c@x.example>",
        ("a@x.example", "b@x.example", "c@x.example"),
    ),
    "nothing between": ("<a@x.example><b@x.example>", ("a@x.example", "b@x.example")),
    "commas": ("<a@x.example>, <b@x.example>", ("a@x.example", "b@x.example")),
    "no brackets": ("a@x.example b@x.example", ("a@x.example", "b@x.example")),
    "one bracket": ("<a@x.example", ("a@x.example",)),
    "text around": ('Your message of "Mon, 2 Nov" <a@x.example>', ("a@x.example",)),
    "somebody's address in the text around": ("Message from bob@x.example <a@x.example>", ("a@x.example",)),
    "text and no id": ("Your message to bob@x.example of Monday", ()),
    "a fold inside": ("<a-very-\r\n long-id@x.example>", ("a-very-long-id@x.example",)),
    "a word": ("=?utf-8?Q?<a@x.example>?=", ("a@x.example",)),
    "empty brackets": ("<> < >", ()),
}

TRAPS: dict[str, Trap] = {
    **{f"date: {name}": trap(a_mail(date=value), date=date) for name, (value, date) in _DATES.items()},
    **{
        f"references: {name}": trap(a_mail(references=value, in_reply_to=value), references=ids, in_reply_to=ids)
        for name, (value, ids) in _IDS.items()
    },
    "message-id: none": trap(a_mail(message_id=None), message_id=""),
    "message-id: no brackets": trap(a_mail(message_id="a@x.example"), message_id="a@x.example"),
    "message-id: no domain": trap(a_mail(message_id="<20261102100000.ABC>"), message_id="20261102100000.ABC"),
    "message-id: on the next line": trap(a_mail(message_id="\r\n <a@x.example>"), message_id="a@x.example"),
}
