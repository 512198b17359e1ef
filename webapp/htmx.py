"""htmx: is this request one of its own, and what must the answer say to it."""

from flask import Flask, request
from htmx_flask import Htmx

_htmx = Htmx()


def init_app(app: Flask) -> None:
    _htmx.init_app(app)


def partial() -> bool:
    """Does the reader want the fragment? A plain form or link gets a whole page or a redirect."""
    return bool(request.headers.get("HX-Request"))
