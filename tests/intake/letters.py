"""One builder for raw mails."""

from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime


def a_mail(
    text: str = "Fourteen of 200 joints leak at 40 bar.",
    *,
    sender: str = "Ines Carrow <ines@quell.example>",
    to: str = "complaints@mill.example",
    subject: str = "Oil weeping at face seal",
    message_id: str = "<m1@quell.example>",
    attach: tuple[str, bytes] | None = None,
    **headers: str,
) -> bytes:
    """A mail as a customer's program writes it; further headers by keyword, `in_reply_to=` for In-Reply-To."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime(2026, 11, 16, 3, 0, tzinfo=UTC))
    if message_id:
        mail["Message-ID"] = message_id
    for name, value in headers.items():
        mail[name.replace("_", "-").title()] = value
    mail.set_content(text)
    if attach:
        mail.add_attachment(attach[1], maintype="application", subtype="octet-stream", filename=attach[0])
    return mail.as_bytes().replace(b"\n", b"\r\n")
