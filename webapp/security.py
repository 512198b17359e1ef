"""Headers, forged requests and limits: what every answer carries and every write must prove."""

from itertools import chain
from urllib.parse import urlsplit

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from complaints.errors import N_, ComplaintError
from complaints.settings import Settings

csrf = CSRFProtect()
limiter = Limiter(get_remote_address, strategy="fixed-window")

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "manifest-src 'self'"
)


class Garbled(ComplaintError):
    message = N_("This holds a character that is no text (NUL). Please type it again and send it once more.")


class ForeignRequest(ComplaintError):
    message = N_("This request came from another site and was not carried out.")


def init_app(app: Flask) -> None:
    settings: Settings = app.extensions["settings"]
    app.config.setdefault("RATELIMIT_STORAGE_URI", _limits_url(settings.redis_url))
    app.config.update(
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True, RATELIMIT_HEADERS_ENABLED=False, WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )  # fmt: skip
    if settings.trusted_proxies:  # otherwise everybody could claim any address
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies, x_host=0
        )
    csrf.init_app(app)
    limiter.init_app(app)
    app.before_request(_only_text)
    app.before_request(_only_from_here)
    app.after_request(lambda response: _headers(response, settings))


def _limits_url(redis_url: str) -> str:
    return redis_url.replace("unix://", "redis+unix://", 1)


def _only_text() -> None:
    """No address and no form has the character NUL, which a database does not keep as text."""
    said = (pair for each in (request.args, request.form) for pair in each.items(multi=True))
    if any("\0" in text for text in (request.path, *chain.from_iterable(said))):
        raise Garbled


def _only_from_here() -> None:
    """A write that a browser says comes from another site is refused, whatever token it carries."""
    if request.method not in ("GET", "HEAD", "OPTIONS") and not from_here():
        raise ForeignRequest


def from_here() -> bool:
    """Was this request made on a page of ours, as far as the browser says?"""
    origin = request.headers.get("Origin")
    elsewhere = origin and origin != "null" and urlsplit(origin).netloc != request.host
    return not elsewhere and request.headers.get("Sec-Fetch-Site") != "cross-site"


def _headers(response: Response, settings: Settings) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    if settings.https:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
        response.vary.update(("HX-Request", "Cookie"))
    return response
