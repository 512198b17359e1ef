"""How a mail is put together, and how it falls apart: heads, types, boundaries, line ends, transfer encodings."""

from __future__ import annotations

import base64

from tests.intake.mails import a_mail, a_part, in_a_mail, multipart
from tests.intake.traps.trap import Trap, as_written, trap

_TEXT = "今天收到的烤箱漏电，请尽快处理。"
_GBK = _TEXT.encode("gbk")
_BASE64 = base64.b64encode(_GBK)
_QUOTED = b"".join(b"=%02x" % byte for byte in _GBK)

_PLAIN = b"Content-Type: text/plain\r\n\r\n"
_FILE = (
    b"Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n"
    b"Content-Disposition: attachment; filename=a.png\r\n\r\niVBORw0KGgo=\r\n"
)
_TWO = b"--x\r\n" + _PLAIN + b"Hi\r\n--x\r\n" + _FILE + b"--x--\r\n"


def _mixed(body: bytes, parameters: str = '; boundary="x"', **head: str) -> bytes:
    return a_mail(body, charset="", content_type=f"multipart/mixed{parameters}", **head)


def _typed(content_type: str) -> bytes:
    return a_mail(_GBK, charset="", content_type=content_type)


def _encoded(encoding: str, body: bytes) -> bytes:
    return a_mail(body, charset="gb2312", content_transfer_encoding=encoding)


_TYPES = (
    "text",
    "text/plain",
    "TEXT/PLAIN;;charset=gb2312",
    "text/plain charset=gb2312",
    "text/plain; Charset = GB2312",
    "text/plain; charset=gb2312 (Simplified Chinese)",
    "text/plain; charset=gb2312, text/plain",
    "text/plain;charset:gb2312",
    '"text/plain"; charset=gb2312',
    "=?utf-8?Q?text/plain?=; charset=gb2312",
    "text/plain/x; charset=gb2312",
    "text/; charset=gb2312",
    "/",
    "*/*; charset=gb2312",
    "",
    "text/plain;\r\n\tcharset=gb2312",
    "text/x-plain; charset=gb2312",
    "plain/text; charset=gb2312",
    'text/plain; charset="gb2312" format="fixed"',
)

_BODIES = {
    "base64": ("BASE64", _BASE64),
    "base64 with a semicolon": ("base64;", _BASE64),
    "base64 with a comment": ("base64 (by a script)", _BASE64),
    "base64 with noise": ("base64", _BASE64[:20] + b"!!*" + _BASE64[20:]),
    "base64 without padding": ("base64", _BASE64.rstrip(b"=")),
    "base64 in pieces, each padded": ("base64", base64.b64encode(_GBK[:7]) + b"\r\n" + base64.b64encode(_GBK[7:])),
    "base64 quoted by somebody": ("base64", b">" + _BASE64),
    "base64 with a list's footer": ("base64", _BASE64 + b"\r\n_____\r\nA list's footer\r\n"),
    "base64 with a hyphen": ("base-64", _BASE64),
    "base64 in quotes": ('"base64"', _BASE64),
    "base64 with a scanner's words": ("base64", _BASE64 + b"\r\n\r\nThis mail was scanned.\r\n"),
    "base64 in name only": ("base64", _GBK),
    "quoted-printable with an underscore": ("quoted_printable", _QUOTED),
    "quoted-printable in one word": ("quotedprintable", _QUOTED),
    "quoted-printable with blanks behind its breaks": ("quoted-printable", _QUOTED[:9] + b"= \t\r\n" + _QUOTED[9:]),
    "quoted-printable in small letters": ("quoted-printable", _QUOTED),
    "quoted-printable with raw bytes in it": ("quoted-printable", _GBK[:8] + _QUOTED[24:]),
    "quoted-printable in one long line": ("Quoted-Printable", _QUOTED),
    "quoted-printable with soft breaks": ("quoted-printable", _QUOTED[:9] + b"=\r\n" + _QUOTED[9:] + b"=\r\n"),
    "quoted-printable that ends in an equals sign": ("quoted-printable", _QUOTED + b"="),
    "eight bits that are called seven": ("7bit", _GBK),
    "an encoding nobody knows": ("x-mystery", _GBK),
    "binary": ("binary", _GBK),
}

TRAPS: dict[str, Trap] = {
    **{f"type: {type_ or 'none'}": trap(_typed(type_), text=_TEXT, files=[]) for type_ in _TYPES},
    **{f"body: {name}": trap(_encoded(encoding, body), text=_TEXT) for name, (encoding, body) in _BODIES.items()},
    "type: html": trap(a_mail("<p>烤箱", content_type="html"), text="烤箱"),
    "type: html without a charset's value": trap(a_mail("<p>烤箱", content_type="text/html; charset"), text="烤箱"),
    "english in base64 that was never encoded": trap(_encoded("base64", b"The oven leaks."), text="The oven leaks."),
    "a quoted-printable escape that is none": trap(_encoded("quoted-printable", b"1 =ZZ 2=3D2 ="), text="1 =ZZ 2=2"),
    "line ends of unix": trap(_mixed(_TWO).replace(b"\r\n", b"\n"), text="Hi", files=["a.png"]),
    "line ends of an old mac": trap(_mixed(_TWO).replace(b"\r\n", b"\r"), text="Hi", files=["a.png"]),
    "line ends doubled by a script": trap(_mixed(_TWO).replace(b"\r\n", b"\r\r\n"), text="Hi", files=["a.png"]),
    "a head of unix above a body of windows": trap(
        b"From: ada@example.org\nContent-Type: multipart/mixed; boundary=x\n\n" + _TWO, text="Hi", files=["a.png"]
    ),
    "a boundary that begins another": trap(
        _mixed(
            b'--x\r\nContent-Type: multipart/alternative; boundary="xy"\r\n\r\n--xy\r\n' + _PLAIN + b"Hi\r\n"
            b"--xy\r\nContent-Type: text/html\r\n\r\n<p>Hi</p>\r\n--xy--\r\n--x\r\n" + _FILE + b"--x--\r\n"
        ),
        text="Hi",
        files=["a.png"],
    ),
    "a boundary in single quotes": trap(_mixed(_TWO, "; boundary='x'"), text="Hi", files=["a.png"]),
    "a boundary with spaces behind": trap(_mixed(_TWO.replace(b"--x\r\n", b"--x \t\r\n")), text="Hi", files=["a.png"]),
    "a boundary that is not named": trap(_mixed(_TWO, ""), text="Hi", files=["a.png"]),
    "a boundary that is named wrongly": trap(_mixed(_TWO, "; boundary=z"), text="Hi", files=["a.png"]),
    "a boundary with an equals sign and no quotes": trap(
        _mixed(_TWO.replace(b"--x", b"------=_Next"), "; boundary=----=_Next"), text="Hi", files=["a.png"]
    ),
    "no last boundary": trap(_mixed(_TWO.removesuffix(b"--x--\r\n")), text="Hi", files=["a.png"]),
    "an inner part that is not closed": trap(
        _mixed(
            b"--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\n" + _PLAIN + b"Hi\r\n"
            b"--x\r\n" + _FILE + b"--x--\r\n"
        ),
        text="Hi",
        files=["a.png"],
    ),
    "parts in name only": trap(_mixed(b"Hi, no parts at all"), text="Hi, no parts at all", files=[]),
    "text around the parts": trap(_mixed(b"A mail in MIME format.\r\n" + _TWO + b"Bye"), text="Hi", files=["a.png"]),
    "a part without a head": trap(_mixed(b"--x\r\n\r\nHi\r\n--x--"), text="Hi", files=[]),
    "a part without a blank line": trap(
        _mixed(b"--x\r\nContent-Type: text/plain\r\nHi there\r\n--x--"), text="Hi there", files=[]
    ),
    "a text below a file": trap(
        in_a_mail(
            multipart(
                "mixed",
                a_part("one"),
                a_part(b"x", "application/pdf", content_disposition="attachment; filename=a.pdf"),
                a_part("two"),
            )
        ),
        text="one\n\ntwo",
        files=["a.pdf"],
    ),
    "a choice whose text is empty": trap(
        in_a_mail(multipart("alternative", a_part(" \r\n"), a_part("<p>烤箱</p>", "text/html; charset=utf-8"))),
        text="烤箱",
    ),
    "a choice in the wrong order": trap(
        in_a_mail(multipart("alternative", a_part("<p>page</p>", "text/html"), a_part("words"))), text="words"
    ),
    "zero bytes": trap(a_mail("The\0 oven\0 leaks."), text="The oven leaks."),
    "zero bytes in the head": trap(a_mail(subject=b"O\0ven"), subject="Oven"),
    "a mark of utf-8 above the head": trap(b"\xef\xbb\xbf" + a_mail(), from_address="ada@example.org", subject="Oven"),
    "the envelope of a mailbox file": trap(b"From ada Mon Nov  2\r\n" + a_mail(), from_address="ada@example.org"),
    "a page in a mail without MIME": trap(
        as_written("From: ada@example.org\nSubject: Oven", "<html><body><p>烤箱</p></body></html>"), text="烤箱"
    ),
    "no body": trap(as_written(b"From: ada@example.org\nSubject: Oven"), subject="Oven", text=""),
    "no head": trap(b"\n\nThe oven leaks.", text="The oven leaks.", from_address=""),
    "a blank line of spaces in the head": trap(
        b"Received: x\r\n \r\nFrom: ada@example.org\r\nSubject: Oven\r\n\r\nHi", subject="Oven", text="Hi"
    ),
    "a line in the head that is no field": trap(
        b"Subject: a subject broken\r\nby a script\r\nFrom: ada@example.org\r\n\r\nHi",
        subject="a subject broken by a script",
        from_address="ada@example.org",
    ),
    "two subjects": trap(b"Subject: one\r\n" + a_mail(subject="two"), subject="one"),
    "flowed text": trap(
        a_mail("The oven \r\nleaks.\r\n-- \r\nAda", content_type="text/plain; format=flowed"),
        text="The oven leaks.\n-- \nAda",
    ),
    "flowed chinese text": trap(
        a_mail("今天收到的 \r\n烤箱漏电", content_type="text/plain; charset=utf-8; format=flowed; delsp=yes"),
        text="今天收到的烤箱漏电",
    ),
}
