"""The mails of the demo: a customer's mail as bytes, its files, and what we answered."""

import struct
import zlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from hashlib import sha256
from html import escape

from complaints.demo.company import COMPANY
from complaints.demo.words import RECEIVED, Writer
from complaints.errors import Name

REQUEST = "Request for an 8D report", "D1 to D3 within 24 h, D4 to D8 within 10 working days."
APPRAISAL = "Appraisal", "Retained and returned parts agree with drawing and agreement."


@dataclass(frozen=True)
class File:
    """A file that customers attach."""

    filename: str
    content_type: str
    content: bytes


def file(kind: str, locale: str, variant: int) -> File:
    """A file of a kind: a photograph, measurements, a request in writing, or our appraisal."""
    chinese = locale.startswith("zh")
    if kind == "photo":
        name = f"现场照片{variant + 1}.png" if chinese else f"IMG_20{variant + 41}.png"
        return File(name, "image/png", _photo(variant))
    if kind == "measurements":
        return File("检测记录.csv" if chinese else "measurements.csv", "text/csv", _measurements(chinese, variant))
    if kind == "appraisal":
        return File("鉴定结果.pdf" if chinese else "appraisal.pdf", "application/pdf", _page(*APPRAISAL))
    return File("8D要求.pdf" if chinese else "8D request.pdf", "application/pdf", _page(*REQUEST))


@cache
def _photo(variant: int) -> bytes:
    """A grey part with a bright flaw, as PNG."""
    width, height = 160, 100
    rows = []
    for y in range(height):
        row = bytearray([0])
        for x in range(width):
            inside = (x - 80) ** 2 / 4900 + (y - 50) ** 2 / 1600 < 1
            flaw = abs((x - 30 - 25 * variant) - (y - 30) // (variant + 1)) < 2 and 30 < y < 65
            grey = 235 if flaw and inside else (90 + (x + y) % 24 if inside else 32)
            row += bytes((grey, grey, min(grey + 8, 255)))
        rows.append(bytes(row))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    picture = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(rows), 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + picture


@cache
def _measurements(chinese: bool, variant: int) -> bytes:
    head = "序号,实测值 mm,判定" if chinese else "no.,measured mm,verdict"
    good, bad = ("合格", "不合格") if chinese else ("ok", "not ok")
    lines = [head]
    for n in range(1, 26):
        value = 30.002 + ((n * 7 + variant * 5) % 13 - 6) * 0.003
        lines.append(f"{n},{value:.3f},{good if value >= 30.0 else bad}")
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


def paper(filename: str, title: str, line: str) -> File:
    """A page of ours that is put on a complaint."""
    return File(f"{filename}.pdf", "application/pdf", _page(title, line))


@cache
def _page(title: str, line: str) -> bytes:
    """One page with a title and a line, as PDF."""
    text = f"BT /F1 18 Tf 72 760 Td ({title}) Tj /F1 11 Tf 0 -30 Td ({line}) Tj ET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R "
        b"/Resources << /Font << /F1 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
    ]
    pdf, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return pdf + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, table, len(objects) + 1, len(pdf))
    )


def markup(text: str) -> str:
    """A text as the HTML a mail program makes of it."""
    return "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in text.split("\n\n")) + "\n"


def raw(
    writer: Writer,
    *,
    to: str,
    subject: str,
    text: str,
    html: str,
    files: Sequence[File],
    message_id: str,
    at: datetime,
    answers: str = "",
) -> bytes:
    """A mail as it left the customer's computer."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(writer.name, addr_spec=writer.address)
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{message_id}>"
    if answers:
        mail["In-Reply-To"] = mail["References"] = f"<{answers}>"
    mail.set_content(text + "\n", cte="base64" if not text.isascii() else None)
    if html:
        mail.add_alternative(html, subtype="html", cte="base64" if not html.isascii() else None)
    for part in files:
        kind, _, subkind = part.content_type.partition("/")
        mail.add_attachment(part.content, kind, subkind, filename=part.filename)
    for n, part_of_mail in enumerate(part for part in mail.walk() if part.is_multipart()):
        part_of_mail.set_boundary(f"={n}={sha256(message_id.encode()).hexdigest()[:24]}=")  # not another each time
    return mail.as_bytes()


class Acknowledgements:
    """Our own answers as they went out, made by putting the values of each into a form."""

    def __init__(self, sender: str, us: Name = COMPANY) -> None:
        self._forms = {locale: _form(locale, sender, us.in_(locale)) for locale in RECEIVED}

    def render(self, locale: str, *, recipient: str, number: str, date: str, message_id: str, answers: str) -> bytes:
        form = self._forms[locale]
        return form.format(
            recipient=recipient, number=number, date=date, message_id=message_id, answers=answers
        ).encode()


def _form(locale: str, sender: str, us: str) -> str:
    subject, body = RECEIVED[locale]
    head = (
        f"From: {_word(us)} <{sender}>\nTo: {{recipient}}\nSubject: [{{number}}] {_word(subject)}\nDate: {{date}}\n"
        "Message-ID: <{message_id}>\nIn-Reply-To: <{answers}>\nReferences: <{answers}>\n"
        "Auto-Submitted: auto-replied\nX-Auto-Response-Suppress: All\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    )
    return (head + body.replace("{us}", us)).replace("\n", "\r\n")


def _word(text: str) -> str:
    """A text as a header may hold it (RFC 2047)."""
    return text if text.isascii() else f"=?utf-8?b?{b64encode(text.encode()).decode()}?="
