"""What a request knows: the settings, the time, the calendar, the blob store, the person. Asked for once, here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from flask import current_app, g, request
from flask_login import current_user

from complaints import calendars
from complaints.blobs import Blobs
from complaints.calendar import WorkingCalendar
from complaints.context import Context
from complaints.people import Actor
from complaints.settings import Settings
from webapp.database import glance


def settings() -> Settings:
    return cast(Settings, current_app.extensions["settings"])


def now() -> datetime:
    """The time of this request, read once."""
    if "now" not in g:
        g.now = datetime.now(UTC)
    return cast(datetime, g.now)


def zone() -> ZoneInfo:
    return settings().zone


def calendar() -> WorkingCalendar:
    """The organisation's, asked for once."""
    if "calendar" not in g:
        with glance() as session:
            g.calendar = calendars.current(session, settings().timezone)
    return cast(WorkingCalendar, g.calendar)


def engine() -> Context:
    """What the acts of this request need beside the session."""
    return Context(calendar(), settings().secret_key, settings().message_domain, settings().mail_from)


def blobs() -> Blobs:
    return Blobs(settings().blobs)


def seen_version(form: Mapping[str, str] | None = None) -> int:
    """The version of a complaint that a form was filled in for, by default the one that was sent; 0, which none has,
    for anything else."""
    typed = (request.form if form is None else form).get("version", "")
    version = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 11 else 0
    return version if 0 < version < 2**31 else 0


def actor() -> Actor:
    """The person signed in. Only for views behind the sign-in."""
    return cast(Actor, current_user.actor)


def preferences() -> dict[str, Any]:
    """How the person signed in wants to see things."""
    return cast(dict[str, Any], current_user.preferences)
