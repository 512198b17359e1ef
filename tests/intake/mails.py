"""Mails to test with, as bytes: one builder for a mail, one for a part, one for parts put together."""

from __future__ import annotations

import base64
import binascii
import itertools
from email.mime.text import MIMEText

NAMES = {"message_id": "Message-ID", "mime_version": "MIME-Version", "content_id": "Content-ID"}
_serial = itertools.count(1)

Value = str | bytes | None


def a_mail(
    body: str | bytes = "The oven leaks.", *, charset: str = "utf-8", encoding: str = "", **fields: Value
) -> bytes:
    """A plain mail from Ada. Fields are named as in `in_reply_to`; None takes one out, "" leaves it empty."""
    type_ = {"content_type": f"text/plain; charset={charset}"} if charset else {}
    head = _head({**type_, "content_transfer_encoding": encoding or None, **fields})
    return headed(head) + encoded(body, charset or "utf-8", encoding)


def a_part(
    body: str | bytes = "", content_type: str = "text/plain; charset=utf-8", *, encoding: str = "", **fields: Value
) -> bytes:
    head: dict[str, Value] = {"content_type": content_type, "content_transfer_encoding": encoding or None}
    return headed(head | fields) + encoded(body, "utf-8", encoding)


def multipart(kind: str, *parts: bytes, parameters: str = "") -> bytes:
    """A part made of parts, to be nested or put `in_a_mail`."""
    boundary = f"=_{next(_serial)}_="
    return headed({"content_type": f'multipart/{kind}; boundary="{boundary}"{parameters}'}) + _lines(boundary, parts)


def in_a_mail(part: bytes, **fields: Value) -> bytes:
    """A mail whose body is this part."""
    return headed(_head(fields))[:-2] + part


def alternatives(plain: str, html: str, **fields: Value) -> bytes:
    both = multipart("alternative", a_part(plain), a_part(html, "text/html; charset=utf-8"))
    return in_a_mail(both, **fields)


def with_file(content: bytes = b"\x89PNG\r\n\x1a\n", type_: str = "image/png", **fields: Value) -> bytes:
    """A mail with a text and one attachment."""
    disposition: Value = "attachment; filename=photo.png"
    file = a_part(content, type_, encoding="base64", **{"content_disposition": disposition, **fields})
    return in_a_mail(multipart("mixed", a_part("See the photo."), file))


def word(text: str | bytes, charset: str = "utf-8", encoding: str = "B") -> str:
    """An encoded word."""
    data = text if isinstance(text, bytes) else text.encode(charset)
    if encoding == "B":
        return f"=?{charset}?B?{base64.b64encode(data).decode()}?="
    return f"=?{charset}?Q?{''.join(f'={byte:02X}' for byte in data)}?="


def a_bounce(
    *,
    to: str = "grace@example.net",
    status: str = "5.1.1",
    action: str = "failed",
    about: str = "<ours-1@redress.test>",
) -> bytes:
    report = (
        "Reporting-MTA: dns; mx.example.net\r\n\r\n"
        f"Final-Recipient: rfc822; {to}\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 No such user\r\n"
    )
    returned = f"Message-ID: {about}\r\nTo: {to}\r\nSubject: Your complaint\r\n\r\nWe have it.\r\n"
    body = multipart(
        "report",
        a_part("Your message could not be delivered."),
        a_part(report, "message/delivery-status"),
        a_part(returned, "message/rfc822"),
        parameters="; report-type=delivery-status",
    )
    sender = "Mail Delivery System <MAILER-DAEMON@mx.example.net>"
    return in_a_mail(body, from_=sender, return_path="<>", subject="Undelivered Mail Returned to Sender")


def a_mail_of_the_library(text: str, charset: str) -> bytes:
    """The same letter as Python's own library writes it."""
    mail = MIMEText(text, _charset=charset)
    mail["From"] = "Ada Lovelace <ada@example.org>"
    mail["Subject"] = "Oven"
    return mail.as_bytes()


def headed(fields: dict[str, Value]) -> bytes:
    out = b""
    for name, value in fields.items():
        if value is None:
            continue
        spelled = NAMES.get(name, name.replace("_", "-").title())
        out += spelled.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    return out + b"\r\n"


def encoded(body: str | bytes, charset: str, encoding: str) -> bytes:
    data = body if isinstance(body, bytes) else body.encode(charset)
    if encoding == "base64":
        return base64.encodebytes(data).replace(b"\n", b"\r\n")
    if encoding == "quoted-printable":
        return binascii.b2a_qp(data)
    return data


def _head(fields: dict[str, Value]) -> dict[str, Value]:
    head: dict[str, Value] = {
        "from": "Ada Lovelace <ada@example.org>",
        "to": "support@redress.test",
        "subject": "Oven",
        "date": "Mon, 02 Nov 2026 10:00:00 +0800",
        "message_id": "<first@example.org>",
        "mime_version": "1.0",
    }
    return head | {name.rstrip("_"): value for name, value in fields.items()}


def _lines(boundary: str, parts: tuple[bytes, ...]) -> bytes:
    mark = b"--" + boundary.encode()
    return b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
