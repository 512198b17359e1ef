"""`/demo/mail`: what the demo mail server delivered to customers and staff. There only while that server runs."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from flask import Blueprint, Flask, render_template

from complaints.errors import NotFound
from complaints.settings import Settings

bp = Blueprint("demo", __name__)
SHOWN = 50


@dataclass(frozen=True)
class Delivered:
    """A mail that somebody got."""

    to: str
    subject: str
    at: datetime
    text: str
    headers: tuple[tuple[str, str], ...]


def init_app(app: Flask) -> None:
    settings: Settings = app.extensions["settings"]
    app.jinja_env.globals["demo_mail"] = settings.demo_mail is not None
    if settings.demo_mail is None:
        return
    folder = settings.demo_mail

    @bp.get("/demo/mail")
    def mail() -> str:
        return render_template("demo/mail.html", mails=delivered(folder))

    app.register_blueprint(bp)


def delivered(folder: Path) -> list[Delivered]:
    """The newest mails, newest first."""
    if not (folder / "people").is_dir():
        raise NotFound
    files = sorted((folder / "people" / "new").iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    return [_read(path) for path in files[:SHOWN]]


def _read(path: Path) -> Delivered:
    message = message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=policy.default)
    body = message.get_body(("plain",))
    shown = ("Message-ID", "In-Reply-To", "Auto-Submitted")
    return Delivered(
        to=str(message["Delivered-To"] or ""),
        subject=str(message["Subject"] or ""),
        at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        text=body.get_content() if body else "",
        headers=tuple((name, str(message[name])) for name in shown if message[name]),
    )
