"""The picture of a procedure on a page, in the reader's language, and as a file that brings its colours along."""

import re
from functools import cache
from pathlib import Path

from flask import Flask
from flask_babel import gettext
from markupsafe import Markup

from complaints.procedure import Procedure
from complaints.procedure_picture import picture
from complaints.procedure_words import Words
from webapp.language import locale
from webapp.receipts import limit

STYLES = Path(__file__).parent / "static" / "css"


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(picture_of=on_a_page, words_of=words)


def words(rules: Procedure) -> Words:
    """A procedure in the reader's language."""
    return Words(rules, gettext, locale(), limit)


def on_a_page(rules: Procedure) -> Markup:
    return Markup(picture(words(rules)))


def as_file(rules: Procedure) -> str:
    return picture(words(rules), style())


@cache
def style() -> str:
    """The style sheet of pictures with the values of the tokens, by day and by night, as any program reads it."""
    layer = (STYLES / "picture.css").read_text(encoding="utf-8").partition("@layer components {")[2]
    rules = "\n".join(line.strip() for line in layer.rpartition("}")[0].strip().splitlines())
    day, _, night = (STYLES / "tokens.css").read_text(encoding="utf-8").partition("(prefers-color-scheme: dark)")
    tokens = _tokens(day)
    by_night = "\n".join(line for line in rules.splitlines() if "var(--font" not in line and "var(" in line)
    by_night = _filled(by_night, tokens | _tokens(night))
    return f"\n{_filled(rules, tokens)}\n@media (prefers-color-scheme: dark) {{\n{by_night}\n}}\n"


def _tokens(css: str) -> dict[str, str]:
    return {name: " ".join(value.split()) for name, value in re.findall(r"--([\w-]+): ([^;]+);", css)}


def _filled(css: str, tokens: dict[str, str]) -> str:
    return re.sub(r"var\(--([\w-]+)\)", lambda found: tokens[found[1]], css)
