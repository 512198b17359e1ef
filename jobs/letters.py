"""Letters that go out: each kind is a folder under `templates/mail/` with a subject, a text and an HTML twin.

Rendered in the reader's language by a bare Flask application of its own: a job has no request.
"""

import email.charset
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import flask_mail
from flask import Flask, render_template
from flask_babel import Babel, force_locale, format_datetime, get_locale

from complaints.outbox import Outgoing
from complaints.settings import Settings

# Importing Flask-Mail makes UTF-8 bodies unwrapped 8bit for the whole process; one long Chinese line is then refused.
email.charset.add_charset("utf-8", email.charset.SHORTEST, email.charset.BASE64, "utf-8")
OURS = frozenset({"alarm", "notice", "passed_on"})
"""Kinds that answer nobody: written by the system of its own accord (RFC 3834, section 5)."""
ROOT = Path(__file__).parent.parent


def make_app(settings: Settings) -> Flask:
    """The application that renders letters; it serves nothing."""
    app = Flask("redress.letters", template_folder=str(ROOT / "templates"))
    app.config.update(
        BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "translations"),
        BABEL_DEFAULT_LOCALE=settings.locale,
        BABEL_DEFAULT_TIMEZONE=settings.timezone,
    )
    Babel(app)
    flask_mail.Mail(app)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["moment"] = _moment
    return app


def _moment(value: str) -> str:
    """An instant in words: 17 September 2026, 16:42."""
    pattern = "y年M月d日 HH:mm" if str(get_locale()).startswith("zh") else "d MMMM y, HH:mm"
    return str(format_datetime(datetime.fromisoformat(value), pattern))


def render(app: Flask, settings: Settings, row: Outgoing) -> bytes:
    """The whole mail for an outbox row."""
    values: Mapping[str, Any] = {
        **row.values, "organisation": settings.organisation, "reply_to": settings.mail_from,
        "locale": row.locale, "public_url": settings.public_url,
    }  # fmt: skip
    with app.app_context(), force_locale(row.locale):
        folder = f"mail/{row.kind}"
        subject = " ".join(render_template(f"{folder}/subject.txt", **values).split())
        message = flask_mail.Message(
            subject=subject,
            recipients=[row.recipient],
            sender=(settings.organisation, settings.mail_from),
            reply_to=row.reply_to or None,
            body=render_template(f"{folder}/body.txt", **values),
            html=render_template(f"{folder}/body.html", **values),
            extra_headers=_headers(row),
        )
        message.msgId = f"<{row.message_id}>"
        rendered: bytes = message.as_bytes()
    return rendered


def _headers(row: Outgoing) -> dict[str, str]:
    submitted = "auto-generated" if row.kind in OURS else "auto-replied"
    headers = {"Auto-Submitted": submitted, "X-Auto-Response-Suppress": "All"}
    if row.in_reply_to:
        headers["In-Reply-To"] = f"<{row.in_reply_to}>"
        headers["References"] = " ".join(f"<{reference}>" for reference in row.references or [row.in_reply_to])
    return headers
