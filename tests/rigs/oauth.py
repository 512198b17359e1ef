"""A small OAuth 2.0 provider on 127.0.0.1: signs people in at once, gives and renews tokens, and says no when told.

Used like this:

    with OAuthServer() as provider:
        provider.user = "support@demo.test"             # who signs in at /authorize
        provider.lifetime = 3600                        # seconds an access token lives
        provider.refuse = "invalid_grant"               # what /token answers from now on
        provider.asked                                  # [{"grant_type": "refresh_token", …}, …]
        Dovecot(introspection_url=provider.introspection_url)
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

CLIENT_ID, CLIENT_SECRET = "redress", "client secret/+="


class OAuthServer:
    def __init__(self) -> None:
        self.user = ""
        self.lifetime = 3600
        self.refuse = ""
        self.answer: tuple[int, dict[str, str], bytes] | None = None  # status, headers, body: instead of any sense
        self.asked: list[dict[str, str]] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh_tokens: set[str] = set()
        self.access_tokens: set[str] = set()
        self._http = _Quiet(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=[0.05], daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def introspection_url(self) -> str:
        return self.url + "/introspect"

    @property
    def settings(self) -> dict[str, str]:
        """What a person enters in Settings → Mailboxes."""
        return {
            "provider": "other", "client_id": CLIENT_ID, "authorize_url": self.url + "/authorize",
            "token_url": self.url + "/token", "scope": "mail",
        }  # fmt: skip

    def expire(self) -> None:
        """No access token given so far is good any more."""
        self.access_tokens.clear()

    def authorize(self, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        code = secrets.token_urlsafe(12)
        self.codes[code] = query
        back = f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
        return 302, {"Location": back}, b""

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(form)
        if self.answer:
            return self.answer
        if self.refuse:
            return _json(400, {"error": self.refuse, "error_description": "The grant is\r\n gone."})
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _json(401, {"error": "invalid_client"})
        match form["grant_type"]:
            case "authorization_code":
                asked = self.codes.pop(form["code"], {"code_challenge": "", "redirect_uri": ""})
                hashed = hashlib.sha256(form["code_verifier"].encode()).digest()
                challenge = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
                good = (challenge, form["redirect_uri"]) == (asked["code_challenge"], asked["redirect_uri"])
            case "refresh_token":
                good = form["refresh_token"] in self.refresh_tokens
                self.refresh_tokens.discard(form["refresh_token"])  # each is good once
            case grant:
                good = grant == "client_credentials"
        if not good:
            return _json(400, {"error": "invalid_grant"})
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.access_tokens.add(access)
        given: dict[str, Any] = {"access_token": access, "token_type": "Bearer", "expires_in": self.lifetime}
        if form["grant_type"] != "client_credentials":
            self.refresh_tokens.add(refresh)
            given["refresh_token"] = refresh
        return _json(200, given)

    def introspect(self, form: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """RFC 7662, for Dovecot."""
        if form.get("token") not in self.access_tokens:
            return _json(200, {"active": False})
        return _json(200, {"active": True, "email": self.user, "scope": "mail"})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Dovecot hangs up without a word when it is stopped."""


def _json(status: int, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def _handler(server: OAuthServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(*server.authorize(dict(parse_qsl(urlsplit(self.path).query))))

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self._answer(*(server.introspect if self.path == "/introspect" else server.token)(form))

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    return Handler
