"""Templates are compiled once for each language: what is the same on every page of a language is plain text in them.

A message, an icon, the address of a style sheet: whatever is asked of a `constant` function with nothing but constants
is worked out when a template is compiled. The addresses of pages are kept, too.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from flask import Flask, request
from flask.templating import Environment
from flask_babel import force_locale, get_locale, gettext
from jinja2 import Template, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

Function = TypeVar("Function", bound=Callable[..., Any])
MESSAGE = "_"
ADDRESSES = 8192


class Bilingual(Environment):
    """The templates as Flask takes them, in the language of the reader: an environment for each, which shares its
    filters and globals with the others."""

    def __init__(self, app: Flask, **options: Any) -> None:
        # Flask alone would leave macros in .jinja files unescaped
        super().__init__(app, **options | {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True})
        self.language = ""
        self.languages: dict[str, Bilingual] = {}

    def get_template(self, name: str | Template, *args: Any, **named: Any) -> Template:
        if self.language:
            return super().get_template(name, *args, **named)
        return self._of_the_reader().get_template(name, *args, **named)

    def from_string(self, source: str | nodes.Template, *args: Any, **named: Any) -> Template:
        if self.language:
            return super().from_string(source, *args, **named)
        return self._of_the_reader().from_string(source, *args, **named)

    def _of_the_reader(self) -> "Bilingual":
        language = str(get_locale() or "en")
        if language not in self.languages:
            one = self.overlay()
            one.language = language
            self.languages[language] = one
        return self.languages[language]

    def _generate(self, source: nodes.Template, *args: Any, **named: Any) -> str:
        with force_locale(self.language):
            return super()._generate(_Folded(self.globals).visit(source), *args, **named)


class _Folded(NodeTransformer):
    """Puts what is known in the place of the calls that ask for it."""

    def __init__(self, functions: Mapping[str, Any]) -> None:
        self.functions = functions

    def visit_Call(self, node: nodes.Call) -> nodes.Node:
        self.generic_visit(node)
        if not isinstance(node.node, nodes.Name) or node.dyn_args or node.dyn_kwargs:
            return node
        known = [each.value for each in node.args if isinstance(each, nodes.Const)]
        if len(known) < len(node.args):
            return node
        if node.node.name == MESSAGE:
            return _message(known[0], node.kwargs)
        function = self.functions.get(node.node.name)
        if function is not None and hasattr(function, "constant") and not node.kwargs:
            return _known(function(*known))
        return node


def _message(text: str, values: list[nodes.Keyword]) -> nodes.Node:
    """A message in the language that is being compiled, with the places for its values if it has any."""
    said = Markup(gettext(text))
    if not values:
        return _known(said % {})
    return nodes.Mod(_known(said), nodes.Dict([nodes.Pair(nodes.Const(each.key), each.value) for each in values]))


def _known(value: Any) -> nodes.Expr:
    return nodes.MarkSafe(nodes.Const(str(value))) if isinstance(value, Markup) else nodes.Const(value)


def constant(function: Function) -> Function:
    """A function of templates that says the same for the same arguments, in the same language, as long as we run."""
    function.constant = True  # type: ignore[attr-defined]
    return function


def init_app(app: Flask) -> None:
    @lru_cache(maxsize=ADDRESSES, typed=True)
    def path(_root: str, endpoint: str, *values: Any) -> str:
        return app.url_for(endpoint, **dict(zip(values[::2], values[1::2], strict=True)))

    def url_for(endpoint: str, **values: Any) -> str:
        """The address of a page. A page asks for a hundred, and for the same ones again."""
        return path(request.root_path, endpoint, *chain.from_iterable(values.items()))

    app.jinja_env.globals["url_for"] = url_for
