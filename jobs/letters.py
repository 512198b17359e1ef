"""Letters that go out: each kind is a folder under `templates/mail/` with a subject, a text and an HTML twin.

Rendered in the reader's language by a bare Flask application of its own: a job has no request.
"""

import email.charset
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Any

import flask_mail
from flask import Flask, render_template
from flask_babel import Babel, force_locale, format_date, format_datetime, get_locale, to_user_timezone

from complaints.outbox import Outgoing
from complaints.settings import Settings
from jobs import invitations

# Importing Flask-Mail makes UTF-8 bodies unwrapped 8bit for the whole process; one long Chinese line is then refused.
email.charset.add_charset("utf-8", email.charset.SHORTEST, email.charset.BASE64, "utf-8")
OURS = frozenset(
    {"alarm", "daily", "digest", "digest_addendum", "digest_remarks", "enquiry", "notice", "passed_on", "reminder"}
)
"""Kinds that answer nobody: written by the system of its own accord (RFC 3834, section 5)."""
BY_HAND = frozenset({"reply"})
"""Kinds that a person wrote."""
_PLAIN_TYPE = re.compile(r"(?:application|audio|font|image|model|text|video)/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}")
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
    app.jinja_env.filters.update(moment=_moment, day=_day, due=_due)
    return app


def _moment(value: str) -> str:
    """An instant in words: 17 September 2026, 16:42."""
    pattern = "y年M月d日 HH:mm" if str(get_locale()).startswith("zh") else "d MMMM y, HH:mm"
    return str(format_datetime(datetime.fromisoformat(value), pattern))


def _due(value: str) -> str:
    """When something is due: a day as a day, also one on which nobody works, whose last minute stands for it."""
    when = datetime.fromisoformat(value)
    at = when if len(value) == len("2026-11-16") else to_user_timezone(when)
    if at is not when and at.time() != time(23, 59):
        return _moment(value)
    return str(format_date(at.date(), "y年M月d日" if str(get_locale()).startswith("zh") else "d MMMM y"))


def _day(value: str) -> str:
    """A day in words: Wed 23 September."""
    written = datetime.fromisoformat(value)
    return str(format_date(written.date(), "M月d日 EEE" if str(get_locale()).startswith("zh") else "EEE d MMMM"))


def render(app: Flask, settings: Settings, row: Outgoing) -> bytes:
    """The whole mail for an outbox row; of a file only the place where it goes."""
    values: Mapping[str, Any] = {
        **row.values, "organisation": settings.organisation, "reply_to": settings.mail_from,
        "locale": row.locale, "public_url": settings.public_url,
    }  # fmt: skip
    with app.app_context(), force_locale(row.locale):
        folder = f"mail/{row.kind}"
        subject = " ".join(render_template(f"{folder}/subject.txt", **values).split())
        message = flask_mail.Message(
            subject=subject,
            recipients=_named(row.values["to"]) if row.kind in BY_HAND else [row.recipient],
            cc=_named(row.values.get("cc", ())),
            sender=(settings.organisation, settings.mail_from),
            reply_to=row.reply_to or None,
            body=render_template(f"{folder}/body.txt", **values),
            html=render_template(f"{folder}/body.html", **values),
            attachments=[
                flask_mail.Attachment(_name_of(file), _type_of(file), place)
                for place, file in zip(places(row), row.values.get("files", ()), strict=False)
            ],
            extra_headers=_headers(row) | _of_a_list(row, settings),
        )
        if invitation := row.values.get("invitation"):
            message.attachments.append(invitations.attachment(invitation, row, settings))
        message.msgId = f"<{row.message_id}>"
        rendered: bytes = message.as_bytes()
    return rendered


def places(row: Outgoing) -> list[bytes]:
    """What stands in a rendered mail for each of its files: nobody else can write it."""
    mark = row.message_id.partition("@")[0][:48]
    return [f"{mark}.{number}".encode() for number, _ in enumerate(row.values.get("files", ()))]


def files(row: Outgoing) -> dict[bytes, str]:
    """The blobs of a mail's files, by their places."""
    return {place: file["blob"] for place, file in zip(places(row), row.values.get("files", ()), strict=True)}


def _named(people: Iterable[Mapping[str, str]]) -> list[str | tuple[str, str]]:
    return [(each["name"], each["address"]) if each["name"] else each["address"] for each in people]


def _name_of(file: Mapping[str, str]) -> str:
    return "".join(c if c.isprintable() else "_" for c in file["name"]) or "file"


def _type_of(file: Mapping[str, str]) -> str:
    """The type of a file as a mail may say it: one that is a mail itself, or in parts, may not travel as base64."""
    kind = file["type"].lower()
    return kind if _PLAIN_TYPE.fullmatch(kind) else "application/octet-stream"


def _of_a_list(row: Outgoing, settings: Settings) -> dict[str, str]:
    """What tells mail programs that a letter is one of a series (RFC 2919), and how its reader leaves it with one
    click, if they may (RFC 8058)."""
    name, mark = row.values.get("list"), row.values.get("leave")
    headers = {"List-Id": f"<{name}.digests.{settings.message_domain}>"} if name else {}
    if mark:
        headers["List-Unsubscribe"] = f"<{settings.public_url}/digests/leave/{mark}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _headers(row: Outgoing) -> dict[str, str]:
    headers = {}
    if row.kind not in BY_HAND:
        submitted = "auto-generated" if row.kind in OURS else "auto-replied"
        headers = {"Auto-Submitted": submitted, "X-Auto-Response-Suppress": "All"}
    if row.in_reply_to:
        headers["In-Reply-To"] = f"<{row.in_reply_to}>"
        headers["References"] = " ".join(f"<{reference}>" for reference in row.references or [row.in_reply_to])
    return headers
