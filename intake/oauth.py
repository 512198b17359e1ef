"""OAuth 2.0 for mailboxes: where tokens come from, and how they stay alive.

A person signs in at the provider and lets us read the mailbox (authorization code with PKCE, RFC 6749 and 7636), or the
organisation registered us as an application of its own (client credentials). The client secret and the tokens are
sealed in the mailbox's row. An access token is renewed five minutes before it expires. Whoever renews leaves a claim in
the row, not a lock: nobody holds a transaction open while another's server thinks, and no two processes spend the same
refresh token.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from imapclient.exceptions import LoginError
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.errors import Name
from complaints.mailboxes import CLIENT_CREDENTIALS, CODE, Mailbox
from complaints.settings import LOOPBACK
from complaints.vault import Vault, WrongKey
from intake.mailbox import forbidden

EARLY = timedelta(minutes=5)
CLAIM = timedelta(seconds=40)  # longer than an answer may take
SECONDS = 10
LARGEST_ANSWER = 64 * 1024
_PASSING = frozenset({"temporarily_unavailable", "server_error", "slow_down"})


@dataclass(frozen=True)
class Provider:
    """Whom we ask for tokens. `{tenant}` in its addresses is the organisation's own."""

    name: Name
    authorize_url: str = ""
    token_url: str = ""
    scopes: Mapping[str, str] = field(default_factory=dict)  # by flow
    asked: Mapping[str, str] = field(default_factory=dict)  # what the sign-in page is told besides


PROVIDERS: Mapping[str, Provider] = {
    "microsoft": Provider(
        Name("Microsoft 365", "Microsoft 365"),
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        {
            CODE: "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
            CLIENT_CREDENTIALS: "https://outlook.office365.com/.default",
        },
    ),
    "google": Provider(
        Name("Google", "Google"),
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        {CODE: "https://mail.google.com/"},
        {"access_type": "offline", "prompt": "consent"},  # otherwise there is no refresh token
    ),
    "other": Provider(Name("Another provider", "其他服务商")),
}
FLOWS: Mapping[str, Name] = {
    CODE: Name("A person signs in", "由人员登录授权"),
    CLIENT_CREDENTIALS: Name("The application itself (client credentials)", "应用自身（客户端凭据）"),
}


class TokenRefused(LoginError):  # type: ignore[misc]
    """The provider gives no token; somebody has to sign in again, or to mend the application's registration."""


class TokenUnreachable(OSError):
    """The provider cannot be asked just now."""


@dataclass(frozen=True)
class Token:
    """What a provider gave. `refresh` is empty where it gave none."""

    access: str
    refresh: str
    expires_at: datetime


@dataclass(frozen=True)
class SignIn:
    """A sign-in under way: the provider's page, and what must come back with the person."""

    url: str
    state: str
    verifier: str


def safe_url(url: str) -> bool:
    """May a secret go there? Only by https, or to this machine; never to a metadata address."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or not url.isprintable() or " " in url or forbidden(host):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)


def sign_in(oauth: Mapping[str, Any], *, redirect_uri: str, user: str) -> SignIn:
    """Begin the flow with a person: the page of the provider to go to."""
    provider = PROVIDERS[oauth["provider"]]
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    client = _client(oauth, "", redirect_uri=redirect_uri, code_challenge_method="S256")
    url, _ = client.create_authorization_url(
        _url(oauth, "authorize_url"), state=state, code_verifier=verifier, login_hint=user, **provider.asked
    )
    return SignIn(url, state, verifier)


def exchange(
    oauth: Mapping[str, Any], client_secret: str, *, code: str, verifier: str, redirect_uri: str, now: datetime
) -> Token:
    """End the flow with a person: the tokens for the code that they came back with. Raises `TokenRefused` and
    `TokenUnreachable`."""
    given = {"code": code, "code_verifier": verifier, "redirect_uri": redirect_uri}
    token = _ask(oauth, client_secret, "authorization_code", given, now)
    if not token.refresh:
        raise TokenRefused("the provider gave no refresh token; its consent must include offline access")
    return token


def keep(row: Mailbox, vault: Vault, token: Token, *, now: datetime) -> None:
    """Store tokens in the row, sealed. A provider that gave no new refresh token lets us use the old one on."""
    kept = secrets_of(row, vault)
    kept["access_token"] = token.access
    if token.refresh:
        kept["refresh_token"] = token.refresh
    row.oauth_secret = vault.seal(json.dumps(kept))
    row.oauth = {k: v for k, v in row.oauth.items() if k not in ("renewing_until", "refused", "refused_at")}
    row.token_renewed_at, row.token_expires_at = now, token.expires_at


def secrets_of(row: Mailbox, vault: Vault) -> dict[str, str]:
    """`client_secret`, `access_token` and `refresh_token`, as far as there are any. Raises `WrongKey`."""
    opened: dict[str, str] = json.loads(vault.open(row.oauth_secret) or "{}")
    return opened


class Tokens:
    """The access token of one mailbox: `tokens(renew)` gives one that is good for five more minutes. With `renew` it
    gives another than last time, because that one was refused. Raises `TokenRefused` and `TokenUnreachable`."""

    def __init__(
        self, mailbox_id: int, vault: Vault, make: sessionmaker[Session], *, clock: Callable[[], datetime]
    ) -> None:
        self.mailbox_id, self.vault, self.make, self.clock = mailbox_id, vault, make, clock
        self._given = ""

    def __call__(self, renew: bool = False) -> str:
        try:
            self._given = self._token(renew)
        except WrongKey as error:
            raise TokenRefused(str(error)) from None
        return self._given

    def _token(self, renew: bool) -> str:
        now = self.clock()
        with transaction(self.make) as session:
            row = self._row(session)
            kept, version = secrets_of(row, self.vault), row.version
            access, expires_at = kept.get("access_token", ""), row.token_expires_at
            usable = bool(access and expires_at and expires_at > now and not (renew and access == self._given))
            if usable and expires_at and expires_at - EARLY > now:
                return access
            if _claimed(row, now):
                if usable:
                    return access
                raise TokenUnreachable("the token is being renewed by another process")
            row.oauth = {**row.oauth, "renewing_until": (now + CLAIM).isoformat()}
            oauth = dict(row.oauth)
        try:
            token = self._renewed(oauth, kept, now)
        except TokenRefused as refusal:
            self._note({"refused": str(refusal), "refused_at": oauth.get("refused_at") or now.isoformat()})
            raise
        except TokenUnreachable:
            self._note({})
            if usable:
                return access
            raise
        with transaction(self.make) as session:
            row = self._row(session)
            if row.version != version:  # somebody entered another application meanwhile
                raise TokenUnreachable("the mailbox was changed meanwhile")
            keep(row, self.vault, token, now=now)
        return token.access

    def _renewed(self, oauth: Mapping[str, Any], kept: Mapping[str, str], now: datetime) -> Token:
        client_secret = kept.get("client_secret", "")
        if oauth["flow"] == CLIENT_CREDENTIALS:
            return _ask(oauth, client_secret, "client_credentials", {"scope": scope_of(oauth)}, now)
        if not kept.get("refresh_token"):
            raise TokenRefused("nobody has signed in at the provider yet")
        return _ask(oauth, client_secret, "refresh_token", {"refresh_token": kept["refresh_token"]}, now)

    def _note(self, noted: Mapping[str, str]) -> None:
        """Give the claim back, with what was found out."""
        with transaction(self.make) as session:
            row = self._row(session)
            row.oauth = {**{k: v for k, v in row.oauth.items() if k != "renewing_until"}, **noted}

    def _row(self, session: Session) -> Mailbox:
        return session.scalars(select(Mailbox).where(Mailbox.id == self.mailbox_id).with_for_update()).one()


def _claimed(row: Mailbox, now: datetime) -> bool:
    until = str(row.oauth.get("renewing_until") or "")
    return bool(until) and datetime.fromisoformat(until) > now


def scope_of(oauth: Mapping[str, Any]) -> str:
    return str(PROVIDERS[oauth["provider"]].scopes.get(oauth["flow"], "") or oauth.get("scope", ""))


def _url(oauth: Mapping[str, Any], name: str) -> str:
    pattern = getattr(PROVIDERS[oauth["provider"]], name)
    url = pattern.format(tenant=oauth.get("tenant", "")) if pattern else str(oauth.get(name, ""))
    if not safe_url(url):
        raise TokenRefused(f"{url!r} is no address that a secret may go to; it must begin with https://")
    return str(url)


def _client(oauth: Mapping[str, Any], client_secret: str, **more: Any) -> Any:
    from authlib.integrations.requests_client import (  # type: ignore[import-untyped]  # a quarter of a second
        OAuth2Session,
    )

    return OAuth2Session(
        oauth["client_id"], client_secret or None, scope=scope_of(oauth), default_timeout=SECONDS,
        token_endpoint_auth_method="client_secret_post" if client_secret else "none", **more,
    )  # fmt: skip


def _ask(
    oauth: Mapping[str, Any], client_secret: str, grant_type: str, given: Mapping[str, str], now: datetime
) -> Token:
    """Ask the token endpoint: no redirect is followed, at most 64 KiB are read, and every step ends in 10 seconds."""
    from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
    from requests import RequestException

    url = _url(oauth, "token_url")
    host = urlsplit(url).hostname
    with _client(oauth, client_secret) as client:
        client.hooks["response"].append(_bounded)
        try:
            answer = client.fetch_token(url, grant_type=grant_type, allow_redirects=False, stream=True, **given)
        except AuthlibBaseError as error:
            if error.error in _PASSING:
                raise TokenUnreachable(f"{host}: {_line(error.error)}") from None
            raise TokenRefused(f"{host} refuses: {_line(error.description or error.error)}") from None
        except TokenUnreachable:
            raise
        except RequestException as error:
            raise TokenUnreachable(f"{host} does not answer as it should ({type(error).__name__})") from None
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise TokenUnreachable(f"{host} answers something that is no token") from None
        return _token(answer, host, now)


def _bounded(response: Any, **_: Any) -> Any:
    """Read an answer, but not without end, and let no redirect carry our secrets away."""
    if 300 <= response.status_code < 400:
        raise TokenUnreachable(f"{urlsplit(response.url).hostname} redirects, and secrets follow no redirect")
    body = bytearray()
    for piece in response.iter_content(8192):
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise TokenUnreachable(f"{urlsplit(response.url).hostname} answers without end")
    response._content = bytes(body)
    return response


def _token(answer: Mapping[str, Any], host: str | None, now: datetime) -> Token:
    access, refresh = answer.get("access_token"), answer.get("refresh_token") or ""
    if not isinstance(access, str) or not isinstance(refresh, str) or not access.isascii() or not access.isprintable():
        raise TokenUnreachable(f"{host} answers something that is no token")
    try:
        seconds = int(answer.get("expires_in") or 3600)
    except (ValueError, TypeError, OverflowError):
        seconds = 3600
    return Token(access, refresh, now + timedelta(seconds=min(max(seconds, 1), 30 * 86400)))


def _line(text: object) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)[:1000]).split())[:300]
