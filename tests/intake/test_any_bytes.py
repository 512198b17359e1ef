"""Any bytes in, an answer out: a `Mail` that can be stored and shown, or `Unreadable`, and nothing else.

The examples are the same in every run, so that a failure here is a failure everywhere. What falls out of them is
written down as a trap of its own.
"""

from __future__ import annotations

import re
from dataclasses import fields

from hypothesis import given, settings
from hypothesis import strategies as st

from intake import headers
from intake.charsets import decode
from intake.html import sanitise, to_text
from intake.mail import Mail, Unreadable
from intake.parse import parse
from tests.intake.mails import a_bounce, a_mail, alternatives, with_file, word
from tests.intake.traps import TRAPS

same_each_time = settings(derandomize=True, max_examples=200, database=None)

NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")

CHARSETS = ("", "utf-8", "gb2312", "big5", "iso-2022-jp", "hz", "utf-7", "utf-16", "utf-32", "x-unknown", "iso-8859-1")
REAL_MAILS = [
    *(trap.raw for trap in TRAPS.values()),
    a_bounce(),
    alternatives("words", "<p>page</p>"),
    with_file(),
    a_mail(subject=word("烤箱"), encoding="quoted-printable"),
]
INJECTED = (
    b"Content-Type: multipart/mixed; boundary=a\r\n",
    b"Content-Type: text/html; charset=utf-7\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"From: =?utf-16?B?AAAA?= <a@b\r\n",
    b"Subject: =?gb2312?Q?=81?= =?big5?B?gQ?=\r\n",
    b"Date: 99 99 9999 99:99:99 +9999\r\n",
    b"Content-Disposition: attachment; filename*0*=x'''%; filename*1=\r\n",
    b"\x1b$B\x80\xff",
    b"\r\n\r\n",
    b"--x\r\n",
    b"\0\0\xfe\xff",
)


def answer_to(raw: bytes) -> None:
    try:
        mail = parse(raw)
    except Unreadable as refused:
        if refused.reason == "unforeseen":
            raise
    else:
        assert_can_be_stored_and_shown(mail, len(raw))


def assert_can_be_stored_and_shown(mail: Mail, size: int) -> None:
    for field in fields(Mail):
        value = getattr(mail, field.name)
        if isinstance(value, str):
            assert not (NOT_TEXT if field.name in ("text", "html") else NOT_IN_A_LINE).search(value), field.name
            value.encode("utf-8")
    assert len(mail.text) <= 20 * size + 1000
    assert len(mail.subject) <= headers.FIELD_LIMIT
    assert len(mail.from_name) <= 200
    for address in (mail.from_address, mail.reply_to, *mail.to, *mail.cc):
        assert address == "" or (address.count("@") and address.isprintable())
    for id_ in (mail.message_id, *mail.in_reply_to, *mail.references):
        assert id_.isascii()
        assert id_.isprintable()
    for part in mail.attachments:
        assert 0 < len(part.filename) <= 150
        assert "/" not in part.filename
        assert not NOT_IN_A_LINE.search(part.filename)
        assert headers.is_mimetype(part.content_type)


@same_each_time
@given(st.binary(max_size=2000))
def test_any_bytes_are_a_mail_or_refused(raw: bytes) -> None:
    answer_to(raw)


@same_each_time
@given(
    st.text("<>()@,;:\"\\= \t?._-*'%azABQ0京\u202e\x00\r\n", max_size=200),
    st.binary(max_size=50),
    st.sampled_from(CHARSETS),
)
def test_any_characters_in_every_field_are_a_mail_or_refused(value: str, octets: bytes, charset: str) -> None:
    for odd in (value.encode(), octets):
        one_line = odd.replace(b"\n", b" ").replace(b"\r", b" ")
        answer_to(
            a_mail(
                octets,
                charset=charset,
                **dict.fromkeys(("from_", "to", "reply_to", "subject", "date", "message_id", "references"), one_line),
            )
        )
        answer_to(a_mail(octets, content_type=one_line, content_transfer_encoding=one_line))
        answer_to(with_file(octets, "image/png", content_disposition=b"attachment; filename=" + one_line))


@st.composite
def damaged_mails(draw: st.DrawFn) -> bytes:
    """A real mail after one to four accidents: bytes flipped, cut off, sent twice, or put in."""
    raw = draw(st.sampled_from(REAL_MAILS))
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(raw))), draw(st.integers(0, 40))
        match draw(st.sampled_from(("flip", "cut", "lose", "repeat", "inject"))):
            case "flip":
                raw = raw[:at] + draw(st.binary(min_size=1, max_size=3)) + raw[at + 1 :]
            case "cut":
                raw = raw[:at]
            case "lose":
                raw = raw[:at] + raw[at + length :]
            case "repeat":
                raw = raw[: at + length] + raw[at:]
            case _:
                line = raw.find(b"\n", at) + 1
                raw = raw[:line] + draw(st.sampled_from(INJECTED)) + raw[line:]
    return raw


@settings(same_each_time, max_examples=1200)
@given(damaged_mails())
def test_a_damaged_mail_is_a_mail_or_refused(raw: bytes) -> None:
    answer_to(raw)


@same_each_time
@given(st.binary(max_size=400), st.sampled_from(CHARSETS), st.sampled_from(CHARSETS))
def test_any_bytes_are_text_in_any_charset(data: bytes, declared: str, hint: str) -> None:
    decoded = decode(data, declared, hint)
    assert len(decoded.text) <= len(data)
    assert decoded.sure or decoded.how in ("hint", "detected", "damaged")


PIECES = re.split(
    ", ?",
    "<p>, </p>, <div>, <br>, <table>, <tr>, <td>, </td>, </table>, <ul>, <li>, </ul>, <blockquote>, <pre>, <b>, </b>,"
    "<a/href=//x>, <img/src=cid:1>, <img/alt=x>, <style>, </style>, <!--, -->, <svg>, <select>, <option>, &nbsp;, &#0;,"
    "&#xD800;, &lt, &, <p style='margin:0'>, <span style='mso-list:Ignore'>, <div style='display:none'>,"
    "<p class=MsoNormal>, \n, 烤, a, \u200b, \x00",
)


@same_each_time
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_page_is_read_and_shown(pieces: list[str]) -> None:
    page = "".join(pieces)
    assert not NOT_TEXT.search(to_text(page).replace("\ufffd", ""))
    assert "\x00" not in sanitise(page, images={}).html
