"""Everything a deployment decides, read once at each door from the environment.

Where the environment is silent, `<data>/redress.env` answers: `bin/run` writes there what it chose and generated.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo

from complaints import kpis
from complaints.vault import MAKE_A_KEY, BadKey, Vault

LOCALES = ("en", "zh_CN")
ENV_FILE = "redress.env"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BadSetting(ValueError):
    """A setting is missing or malformed; the text names it and shows an example."""


@dataclass(frozen=True)
class ImapAccount:
    """Where a mailbox is, and how to enter it: `imaps://user:pass@host:993/INBOX`.

    With `token`, it is entered by XOAUTH2: `token(renew)` gives an access token, with True a new one at any price.
    """

    host: str
    port: int
    tls: bool
    user: str
    password: str
    folder: str
    starttls: bool = False  # TLS begins by STARTTLS, not with the connection
    processed: str = "Processed"  # where messages go that we have taken
    token: Callable[[bool], str] | None = None
    contact: str = ""  # whom the owner of the server may write to: said by IMAP's ID

    @property
    def name(self) -> str:
        """A stable name for the mailbox, without its secret."""
        return f"{self.user}@{self.host}:{self.port}/{self.folder}"


@dataclass(frozen=True)
class SmtpServer:
    """Where mail leaves: `smtp+starttls://user:pass@host:587`."""

    host: str
    port: int
    tls: str  # "none", "starttls" or "tls"
    user: str = ""
    password: str = ""


@dataclass(frozen=True)
class Settings:
    """All settings. A missing or malformed one stops the start, and says which."""

    data: Path
    database_url: str
    redis_url: str
    secret_key: str
    imap: tuple[ImapAccount, ...] = ()
    smtp: SmtpServer | None = None
    mail_from: str = "complaints@localhost"
    bounce_address: str = ""
    public_url: str = "http://127.0.0.1:8000"
    blob_url: str = ""
    organisation: str = "Redress"
    timezone: str = "Asia/Shanghai"
    locale: str = "en"
    log_format: str = "text"
    credentials_key: str = ""
    mail_limit: int = 30 * 1024 * 1024
    authserv_id: str = ""
    acknowledge_with_time: bool = False
    trusted_proxies: int = 0
    board_seconds: int = 8
    demo_mail: Path | None = None
    demo_company: str = ""

    @property
    def blobs(self) -> Path:
        return Path(urlsplit(self.blob_url).path) if self.blob_url else self.data / "blobs"

    @property
    def previews(self) -> Path:
        return self.data / "previews"

    @property
    def https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def message_domain(self) -> str:
        """The right-hand side of our own Message-IDs."""
        return self.mail_from.rpartition("@")[2]

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check all settings; raises `BadSetting` with the name and an example."""
        data = Path(environ.get("REDRESS_DATA") or "data").absolute()
        env = {**read_env_file(data / ENV_FILE), **{k: v for k, v in environ.items() if v}}

        def required(name: str, example: str) -> str:
            if not env.get(name):
                raise BadSetting(f"{name} is not set. Example: {name}={example} (or start everything with bin/run)")
            return env[name]

        locale = env.get("LOCALE", "en")
        if locale not in LOCALES:
            raise BadSetting(f"LOCALE is {locale!r}; it must be one of {', '.join(LOCALES)}. Example: LOCALE=zh_CN")
        timezone = env.get("TIMEZONE", "Asia/Shanghai")
        try:
            ZoneInfo(timezone)
        except (ValueError, OSError, KeyError):
            raise BadSetting(
                f"TIMEZONE is {timezone!r}, which is no time zone. Example: TIMEZONE=Asia/Shanghai"
            ) from None
        log_format = env.get("LOG_FORMAT", "text")
        if log_format not in ("text", "json"):
            raise BadSetting(f"LOG_FORMAT is {log_format!r}; it must be text or json. Example: LOG_FORMAT=json")
        public_url = env.get("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
        if urlsplit(public_url).scheme not in ("http", "https") or not urlsplit(public_url).hostname:
            raise BadSetting(f"PUBLIC_URL is {public_url!r}. Example: PUBLIC_URL=https://complaints.example.com")
        mail_from = env.get("MAIL_FROM", "complaints@localhost")
        if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", mail_from):
            raise BadSetting(f"MAIL_FROM is {mail_from!r}. Example: MAIL_FROM=complaints@example.com")
        database_url = env.get("DATABASE_URL") or f"sqlite:///{data / 'redress.db'}"
        if not database_url.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise BadSetting(
                f"DATABASE_URL starts with {database_url.split(':')[0]!r}. "
                "Example: DATABASE_URL=postgresql+psycopg://redress:secret@127.0.0.1/redress"
            )
        blob_url = env.get("BLOB_URL", "")
        if blob_url and not blob_url.startswith("file:///"):
            raise BadSetting(f"BLOB_URL is {blob_url!r}. Example: BLOB_URL=file:///var/lib/redress/blobs")
        return cls(
            data=data,
            database_url=database_url,
            redis_url=required("REDIS_URL", "redis://127.0.0.1:6379/0"),
            secret_key=_secret(required("SECRET_KEY", "a long random text")),
            imap=tuple(imap_account(url.strip()) for url in env.get("IMAP_URL", "").split(",") if url.strip()),
            smtp=smtp_server(env["SMTP_URL"]) if env.get("SMTP_URL") else None,
            mail_from=mail_from,
            bounce_address=env.get("BOUNCE_ADDRESS", ""),
            public_url=public_url,
            blob_url=blob_url,
            organisation=env.get("ORGANISATION", "Redress"),
            timezone=timezone,
            locale=locale,
            log_format=log_format,
            credentials_key=_credentials_key(required("CREDENTIALS_KEY", f"$({MAKE_A_KEY})")),
            mail_limit=_whole(env, "MAIL_LIMIT_MB", 30) * 1024 * 1024,
            authserv_id=env.get("AUTHSERV_ID", ""),
            trusted_proxies=_whole(env, "TRUSTED_PROXIES", 0, least=0),
            board_seconds=_whole(env, "BOARD_SECONDS", 8),
            acknowledge_with_time=env.get("ACKNOWLEDGE_WITH_TIME", "") in ("1", "yes", "true"),
            demo_mail=Path(env["DEMO_MAIL"]) if env.get("DEMO_MAIL") else None,
            demo_company=env.get("DEMO_COMPANY", ""),
        )


def load() -> Settings:
    """The settings of this process, and with them the company's own key figures; a wrong one ends it (exit 2) with its
    name and an example."""
    try:
        found = Settings.from_env(os.environ)
        kpis.bring_in(found.data)
        return found
    except (BadSetting, kpis.BadKpis) as error:
        print(f"Redress cannot start: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def read_env_file(path: Path) -> dict[str, str]:
    """`NAME=value` lines of a file; a missing file is empty."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadSetting(f"{path} cannot be read: {error.strerror}. Check its owner and mode (0600).") from error
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def imap_account(url: str) -> ImapAccount:
    """Read an IMAP address; raises `BadSetting`."""
    schemes = ("imap", "imaps", "imap+starttls")
    parts = _server("IMAP_URL", url, schemes, "imaps://complaints:secret@mail.example.com:993/INBOX")
    tls, starttls = parts.scheme != "imap", parts.scheme == "imap+starttls"
    host = parts.hostname or ""
    if not tls and host not in LOOPBACK:
        raise BadSetting(
            f"IMAP_URL names {host} without TLS. "
            "Passwords go out in clear only on this machine: use imaps:// or imap+starttls://"
        )
    return ImapAccount(
        host=host,
        port=parts.port or (993 if parts.scheme == "imaps" else 143),
        tls=tls,
        starttls=starttls,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        folder=unquote(parts.path.strip("/")) or "INBOX",
    )


def smtp_server(url: str) -> SmtpServer:
    """Read an SMTP address; raises `BadSetting`."""
    schemes = {"smtp": ("none", 25), "smtp+starttls": ("starttls", 587), "smtps": ("tls", 465)}
    parts = _server("SMTP_URL", url, tuple(schemes), "smtp+starttls://user:secret@mail.example.com:587")
    tls, port = schemes[parts.scheme]
    return SmtpServer(
        host=parts.hostname or "",
        port=parts.port or port,
        tls=tls,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _server(name: str, url: str, schemes: tuple[str, ...], example: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        good = parts.scheme in schemes and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        raise BadSetting(f"{name} is malformed (its secret is not shown here). Example: {name}={example}")
    return parts


def _whole(env: Mapping[str, str], name: str, default: int, *, least: int = 1) -> int:
    text = env.get(name, str(default))
    if not text.isdigit() or not least <= int(text) <= 1000:
        raise BadSetting(
            f"{name} is {text!r}; it must be a whole number from {least} to 1000. Example: {name}={default}"
        )
    return int(text)


def _secret(text: str) -> str:
    if len(text) < 16:
        raise BadSetting("SECRET_KEY is too short to be safe; use at least 16 random characters (openssl rand -hex 32)")
    return text


def _credentials_key(text: str) -> str:
    try:
        Vault(text)
    except BadKey as error:
        raise BadSetting(f"CREDENTIALS_KEY is {error}") from None
    return text
