"""The web: people act here. Views find, call one verb of `complaints`, and answer."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from complaints.settings import Settings

if TYPE_CHECKING:
    from flask import Flask

FRAME = ("database", "language", "templating", "assets", "alarms", "security", "identity", "errors", "htmx")
CASES = (
    "work", "actions", "answers", "board", "moves", "complaint_page",
    "conversation", "letters", "replies", "reply_templates", "offered_templates", "notes", "noting", "reading",
    "drafts", "drafting", "records", "invitations", "records_page", "writing", "eight_d", "registering", "prints",
    "watching", "upward", "presence", "passing", "assigning", "expected", "leaving", "clocks", "receipts",
    "reports", "ledger", "kpis", "facts", "record_facts", "changes", "pickers", "customers", "communications",
    "limits", "links", "similar", "search",
)  # fmt: skip
HOUSE = ("penalties", "notices", "digests", "inbox", "triage")
CHOSEN = (
    "preferences", "channels", "absences", "mailboxes", "pictures", "procedures", "calendars", "template_settings",
    "digest_settings", "parts",
)  # fmt: skip
PARTS = (*FRAME, *CASES, *HOUSE, *CHOSEN, "attachments", "previews", "health", "demo", "cli")
"""Each is a module here with an `init_app`; they are loaded when an application is made."""


def create_app(settings: Settings, overrides: Mapping[str, Any] | None = None) -> "Flask":
    """The whole web application for these settings. `overrides` are Flask configuration values of a test."""
    from flask import Flask

    from webapp.templating import Bilingual

    app = Flask(__name__, template_folder="../templates", static_folder="static")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=32 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        SESSION_COOKIE_NAME="__Host-redress" if settings.https else "redress",
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SEND_FILE_MAX_AGE_DEFAULT=31536000,
        TEMPLATES_AUTO_RELOAD=False,
        **(overrides or {}),
    )
    app.jinja_environment = Bilingual  # type: ignore[assignment]
    app.extensions["settings"] = settings
    for name in PARTS:
        import_module(f"webapp.{name}").init_app(app)
    return app
