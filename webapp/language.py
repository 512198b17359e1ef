"""Two languages from the first string: which one a person reads, and how names, times and sizes are written in it."""

import re
from contextlib import suppress
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from flask import Blueprint, Flask, g, redirect, request, session
from flask_babel import (
    Babel,
    get_locale,
    get_translations,
    gettext,
    ngettext,
)
from flask_login import current_user
from markupsafe import Markup
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from werkzeug.wrappers import Response

from complaints.errors import Name, Sentence
from complaints.people import User
from complaints.settings import LOCALES, Settings
from webapp.context import actor, zone
from webapp.database import db

bp = Blueprint("language", __name__)
SAME, IN_CHINESE, IN_ENGLISH = Markup(""), Markup(' lang="zh"'), Markup(' lang="en"')
PATTERNS = {
    ("day", False): "EEE d MMM yyyy",
    ("day", True): "yyyy年M月d日 EEE",
    ("minute", False): "EEE d MMM, HH:mm",
    ("minute", True): "M月d日 EEE HH:mm",
}
_CHINESE = re.compile("[\u4e00-\u9fff]")


def init_app(app: Flask) -> None:
    settings: Settings = app.extensions["settings"]
    app.config.update(
        BABEL_TRANSLATION_DIRECTORIES="../translations",
        BABEL_DEFAULT_LOCALE=settings.locale,
        BABEL_DEFAULT_TIMEZONE=settings.timezone,
    )
    Babel(app, locale_selector=choose)
    app.register_blueprint(bp)
    app.jinja_env.filters.update(
        name=in_my_language, other_name=in_the_other, day=day, moment=moment, clock_time=clock_time, size=size,
        sentence=sentence, lang=lang_of,
    )  # fmt: skip
    app.jinja_env.globals.update(locale=locale, html_lang=html_lang, span=span)
    app.jinja_env.install_gettext_callables(_translated, _translated_by_number, newstyle=True)  # type: ignore[attr-defined]


def choose() -> str:
    """The reader's language: the person's, else what this browser chose, else what it accepts."""
    with suppress(OperationalError):  # the page that says that the database is away needs a language, too
        if current_user and current_user.is_authenticated:
            return str(current_user.actor.locale)
    chosen = session.get("locale")
    if chosen in LOCALES:
        return str(chosen)
    best = request.accept_languages.best_match(["en", "zh-CN", "zh"])
    return "zh_CN" if best and best.startswith("zh") else "en"


def locale() -> str:
    """The language of this request, looked up once."""
    name: str | None = g.get("locale_name")
    if name is None:
        name = g.locale_name = str(get_locale() or "en")
    return name


def _translated(message: str) -> str:
    """What templates say in the reader's language. A page asks a few hundred times."""
    return str(_catalogue().ugettext(message))


def _translated_by_number(one: str, many: str, n: int) -> str:
    return str(_catalogue().ungettext(one, many, n))


def _catalogue() -> Any:
    if "catalogue" not in g:
        g.catalogue = get_translations()
    return g.catalogue


def html_lang() -> str:
    return "zh-CN" if locale().startswith("zh") else "en"


@bp.post("/me/language")
def set_language() -> Response:
    """Switch the language, for this person or this browser."""
    chosen = request.form.get("locale", "")
    if chosen in LOCALES:
        session["locale"] = chosen
        if current_user.is_authenticated:
            db.session.execute(update(User).where(User.id == actor().id).values(locale=chosen))
            db.session.commit()
    return redirect(own_path(request.form.get("back")) or "/")


def own_path(target: str | None) -> str | None:
    """A path of ours to go on to, or None: never another site's, however it is dressed up."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")) or not target.isprintable():
        return None
    return target if urlsplit(target).netloc == "" else None


def in_my_language(value: Name) -> str:
    return value.in_(locale())


def in_the_other(value: Name) -> str:
    return value.other(locale())


def sentence(value: Sentence | Name) -> str:
    """A sentence of the domain, or a name, in the reader's language."""
    return value.in_(locale()) if isinstance(value, Name) else value.in_(gettext, locale())


def lang_of(text: str | None) -> Markup:
    """`lang="zh"` for a text with Chinese in it, when the page is not Chinese; the other way round for plain Latin."""
    chinese = _CHINESE.search(text or "") is not None
    return SAME if chinese == locale().startswith("zh") else IN_CHINESE if chinese else IN_ENGLISH


def day(value: date | datetime) -> str:
    """A date with its weekday: Thu 17 Sep 2026."""
    return _written(value, "day", locale(), zone())


def minute(value: datetime) -> str:
    """An instant in the organisation's zone: Thu 17 Sep, 16:42."""
    return _written(value, "minute", locale(), zone())


def moment(value: datetime) -> Markup:
    """An instant as a `<time>` element."""
    return Markup(f'<time datetime="{value.isoformat(timespec="minutes")}">{minute(value)}</time>')


def clock_time(value: datetime) -> str:
    return f"{value.astimezone(zone()):%H:%M}"


@lru_cache(maxsize=4096)
def _written(value: date | datetime, pattern: str, locale: str, zone: ZoneInfo) -> str:
    """A page writes the same few days and minutes again and again."""
    written = PATTERNS[pattern, locale.startswith("zh")]
    if isinstance(value, datetime):
        return format_datetime(value, written, tzinfo=zone, locale=locale)
    return format_date(value, written, locale=locale)


def size(octets: int) -> str:
    """A file size for people."""
    if octets < 1024:
        return str(ngettext("%(num)d byte", "%(num)d bytes", octets))
    return f"{octets / 1024:.0f} KB" if octets < 1024 * 1024 else f"{octets / 1024 / 1024:.1f} MB"


def span(length: timedelta, *, day: int = 8) -> str:
    """A length of time in words: 1d 2h, 3h 42m, 12m. A working day has 8 hours."""
    minutes = max(int(abs(length.total_seconds()) // 60), 1)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, day)
    if days:
        words = gettext("%(d)dd %(h)dh", d=days, h=hours) if hours else gettext("%(d)dd", d=days)
    elif hours:
        words = gettext("%(h)dh %(m)dm", h=hours, m=minutes) if minutes else gettext("%(h)dh", h=hours)
    else:
        words = gettext("%(m)dm", m=minutes)
    return str(words)
