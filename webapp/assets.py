"""What every template may ask: static files by content, the person signed in, which pages there are.

The address of a static file carries a hash of its content, so that browsers keep it for a year and an update is seen
at once. The hashes are taken once, at the start.
"""

import hashlib
from functools import cache, lru_cache
from pathlib import Path

from flask import Flask, current_app, g, url_for
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup

from complaints.errors import Name
from complaints.people import ROLES, Actor
from webapp.context import settings
from webapp.language import html_lang, in_my_language, in_the_other, lang_of
from webapp.templating import constant


def init_app(app: Flask) -> None:
    hashes = fingerprints(Path(app.static_folder or ""))

    @constant
    @cache
    def static_url(name: str) -> str:
        return f"{app.static_url_path}/{name}?v={hashes[name]}"

    @constant
    @cache
    def icon(name: str, css: str = "") -> Markup:
        drawing = Markup('<svg class="{}" aria-hidden="true"><use href="{}#i-{}"/></svg>')
        return drawing.format(f"i {css}".rstrip(), static_url("icons.svg"), name)

    app.jinja_env.globals.update(
        static_url=static_url, i=icon, av=avatar, both=both, csrf=csrf, signed_in=signed_in, page=page,
        organisation=lambda: settings().organisation,
    )  # fmt: skip
    app.jinja_env.filters.update(initials=initials, role_names=role_names)


def fingerprints(folder: Path) -> dict[str, str]:
    """Every file under a folder with the beginning of its SHA-256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:10]
        for path in folder.rglob("*")
        if path.is_file()
    }


def signed_in() -> Actor | None:
    """The person of this request as far as it is known already; asks no database, so error pages may use it."""
    person = g.get("_login_user")
    return person.actor if person is not None and person.is_authenticated else None


def page(endpoint: str) -> str | None:
    """The address of a page, if this installation has it."""
    return url_for(endpoint) if endpoint in current_app.view_functions else None


def avatar(name: str, css: str = "") -> Markup:
    """A person as two letters or one character; the whole name is the title."""
    return _avatar(name, css, lang_of(name))


@lru_cache(maxsize=4096)
def _avatar(name: str, css: str, lang: Markup) -> Markup:
    person = Markup('<abbr class="{}" title="{}"{}>{}</abbr>')
    return person.format(f"av {css}".rstrip(), name, lang, initials(name))


def both(name: Name) -> Markup:
    """A name in both languages, the reader's own first."""
    second = "en" if html_lang() == "zh-CN" else "zh"
    return Markup('{} <span class="alt" lang="{}">{}</span>').format(in_my_language(name), second, in_the_other(name))


def csrf() -> Markup:
    """The token of a form, and whose it is: in another's stale window what was typed is not the reader's."""
    token = Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())
    person = signed_in()
    return token + Markup('<input type="hidden" name="filled_by" value="{}">').format(person.id) if person else token


def initials(name: str) -> str:
    """A person as one Chinese character or two Latin letters."""
    words = name.split()
    if not words or "\u4e00" <= words[0][0] <= "\u9fff":
        return name[:1]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def role_names(actor: Actor) -> str:
    """The roles a person holds today, in the reader's language."""
    return " · ".join(in_my_language(ROLES[role]) for role in ROLES if role in actor.roles)
