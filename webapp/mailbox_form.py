"""The form of a mailbox: what a person typed, read into columns, with every problem beside its field.

A secret goes nowhere else than where it was entered for. Left empty it stays as it is, but only while host, provider
and application stay; otherwise whoever may change a host could have a password sent to it that they never knew.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from complaints import procedure
from complaints.errors import N_, Name, Sentence
from complaints.mailboxes import (
    CLIENT_CREDENTIALS,
    CODE,
    ENVIRONMENT,
    PASSWORD,
    PROCESSED,
    STARTTLS_PORT,
    XOAUTH2,
    Mailbox,
    name_of,
)
from complaints.settings import LOCALES, LOOPBACK
from complaints.vault import Vault, WrongKey
from intake.mailbox import forbidden
from intake.oauth import FLOWS, PROVIDERS, safe_url, secrets_of

TLS, STARTTLS, NONE = "tls", "starttls", "none"
LINES = {
    "label": 120, "address": 254, "host": 254, "port": 5, "tls": 10, "user": 254, "folder": 200, "auth": 12,
    "provider": 20, "flow": 20, "tenant": 64, "client_id": 200, "secret_expires": 10, "authorize_url": 500,
    "token_url": 500, "scope": 500, "processed_folder": 200, "procedure": 40, "locale": 10, "take_from": 10,
}  # fmt: skip
"""The fields that are shown again as they were typed, with the longest text each may hold."""
SECRETS = {"password": 1000, "client_secret": 1000}
OF_OAUTH = ("provider", "flow", "tenant", "client_id", "secret_expires", "authorize_url", "token_url", "scope")
OF_EVERY_MAILBOX = ("label", "address", "processed_folder", "procedure", "locale")

CHOICES: Mapping[str, Mapping[str, Name]] = {
    "tls": {
        TLS: Name("TLS, mostly port 993", "TLS，通常为端口 993"),
        STARTTLS: Name("STARTTLS, port 143", "STARTTLS，端口 143"),
        NONE: Name("None, only on this machine", "不加密，仅限本机"),
    },
    "auth": {PASSWORD: Name("Password", "密码"), XOAUTH2: Name("OAuth 2.0", "OAuth 2.0")},
    "provider": {key: provider.name for key, provider in PROVIDERS.items()},
    "flow": FLOWS,
    "locale": {"": Name("As the mail shows", "按邮件内容判断"), "en": Name("English", "英文"),
               "zh_CN": Name("Chinese", "中文")},
}  # fmt: skip

REQUIRED = N_("This is needed.")
TOO_LONG = N_("At most %(most)s characters.")
NOT_PRINTABLE = N_("This contains characters that no name has.")


@dataclass(frozen=True)
class Preset:
    """What is known of a provider of mail."""

    host: str
    auth: str = PASSWORD
    provider: str = "other"
    tenant: str = ""


_MICROSOFT = Preset("outlook.office365.com", XOAUTH2, "microsoft", "common")
_GOOGLE = Preset("imap.gmail.com", XOAUTH2, "google")
PRESETS: Mapping[str, Preset] = {
    **dict.fromkeys(("outlook.com", "hotmail.com", "live.com", "office365.com", "onmicrosoft.com"), _MICROSOFT),
    **dict.fromkeys(("gmail.com", "googlemail.com"), _GOOGLE),
    **{domain: Preset(f"imap.{domain}") for domain in ("163.com", "126.com", "yeah.net", "188.com", "qq.com")},
    **{domain: Preset(f"imap.{domain}") for domain in ("sina.com", "aliyun.com", "139.com")},
    "foxmail.com": Preset("imap.qq.com"),
}
HOSTS = (
    "outlook.office365.com", "imap.gmail.com", "imap.exmail.qq.com", "imap.qiye.163.com", "imap.qiye.aliyun.com",
    "imap.163.com", "imap.126.com", "imap.qq.com",
)  # fmt: skip


def procedures() -> dict[str, Name]:
    """The procedures that mail may be treated by, by their keys."""
    return {rules.key: rules.name for rules in procedure.offered()}


def blank(address: str = "") -> dict[str, str]:
    """A new mailbox as a form, with what is known of its provider."""
    domain = address.rpartition("@")[2].lower()
    preset = PRESETS.get(domain) or PRESETS.get(".".join(domain.split(".")[-2:])) or Preset("")
    return dict.fromkeys(LINES, "") | {
        "address": address, "user": address, "host": preset.host, "port": "993", "tls": TLS, "folder": "INBOX",
        "auth": preset.auth, "provider": preset.provider, "flow": CODE, "tenant": preset.tenant,
        "processed_folder": PROCESSED, "procedure": procedure.usual().key,
    }  # fmt: skip


def of_row(row: Mailbox, zone: ZoneInfo) -> dict[str, str]:
    """A mailbox as a form, without its secrets."""
    columns = ("label", "address", "host", "port", "user", "folder", "auth", "processed_folder", "procedure", "locale")
    values = blank() | {name: str(getattr(row, name)) for name in columns}
    values |= {name: str(row.oauth[name]) for name in OF_OAUTH if row.oauth.get(name)}
    values["tls"] = NONE if not row.tls else STARTTLS if row.port == STARTTLS_PORT else TLS
    values["take_from"] = row.take_from.astimezone(zone).date().isoformat() if row.take_from else ""
    values["plus_addresses"] = "1" if row.plus_addresses else ""
    return values


def typed(form: Mapping[str, str]) -> dict[str, str]:
    """What a person typed, to be shown again: everything but the secrets."""
    return {name: form.get(name, "").strip()[:2000] for name in (*LINES, "plus_addresses")}


def read(
    form: Mapping[str, str], row: Mailbox | None, *, vault: Vault, zone: ZoneInfo
) -> tuple[dict[str, Any], dict[str, Sentence]]:
    """The columns of a mailbox as they were typed, and what is wrong, by field. Of a mailbox of the environment only
    those that are not its connection."""
    values, problems = typed(form), _Problems()
    of_environment = row is not None and row.source == ENVIRONMENT
    for name, most in LINES.items():
        problems.check(name, len(values[name]) > most, TOO_LONG, most=most)
        problems.check(name, not values[name].isprintable(), NOT_PRINTABLE)
    columns: dict[str, Any] = {name: values[name] for name in OF_EVERY_MAILBOX}
    columns["plus_addresses"] = bool(values["plus_addresses"])
    columns["take_from"] = _day(values["take_from"], zone, problems)
    problems.need("address", values)
    problems.check(
        "address", not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", values["address"]),
        N_("This is no e-mail address. Example: %(example)s"), example="complaints@example.com",
    )  # fmt: skip
    problems.need("processed_folder", values)
    folder = row.folder if row is not None and of_environment else values["folder"] or "INBOX"
    problems.check(
        "processed_folder", values["processed_folder"] == folder, N_("Another one than the folder that is read.")
    )
    for name, known in (("procedure", procedures()), ("locale", dict.fromkeys(("", *LOCALES)))):
        problems.check(name, values[name] not in known, N_("Choose one of the list."))
    if not of_environment:
        columns |= _connection(values | {"folder": folder}, problems)
        columns |= _secrets(form, values, row, vault, problems)
    return columns, problems.found


class _Problems:
    """The first problem of each field."""

    def __init__(self) -> None:
        self.found: dict[str, Sentence] = {}

    def check(self, name: str, wrong: bool, message: str, **values: Any) -> None:
        if wrong:
            self.found.setdefault(name, Sentence(message, values))

    def need(self, name: str, values: Mapping[str, str]) -> None:
        self.check(name, not values[name], REQUIRED)


def _day(text: str, zone: ZoneInfo, problems: _Problems) -> datetime | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        day = date.min
    if day is not None and not 1970 < day.year < 9999:
        problems.check("take_from", True, N_("This is no date. Example: %(example)s"), example="2026-09-01")
        return None
    return datetime.combine(day, time(), zone) if day else None


def _connection(values: Mapping[str, str], problems: _Problems) -> dict[str, Any]:
    for name in ("host", "user"):
        problems.need(name, values)
    for name in ("tls", "auth"):
        problems.check(name, values[name] not in CHOICES[name], N_("Choose one of the list."))
    host = _ascii_host(values["host"])
    problems.check("host", not host, N_("This is no host name. Example: %(example)s"), example="mail.example.com")
    problems.check(
        "host", forbidden(host), N_("This name leads to an address inside the machine room that no mail server has.")
    )
    text = values["port"] if values["port"].isascii() else ""
    port = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    problems.check("port", not 0 < port < 65536, N_("A whole number from 1 to 65535; mostly 993."))
    problems.check(
        "port", (values["tls"] == STARTTLS) != (port == STARTTLS_PORT) and values["tls"] != NONE,
        N_("STARTTLS is on port 143, and TLS from the start on any other."),
    )  # fmt: skip
    problems.check(
        "tls", values["tls"] == NONE and host not in LOOPBACK,
        N_("Without TLS only a server on this machine may be read: a password is never sent in clear."),
    )  # fmt: skip
    connection = {
        "host": host, "port": port, "tls": values["tls"] != NONE, "user": values["user"], "folder": values["folder"],
        "auth": values["auth"],
    }  # fmt: skip
    problems.check("user", len(name_of(connection)) > 200, N_("User, host and folder are too long together."))
    return connection


def _ascii_host(host: str) -> str:
    """A host name or address as it goes over the wire; empty for what is none."""
    try:
        host = host.strip("[]").encode("idna").decode("ascii").lower() if not host.isascii() else host.lower()
    except UnicodeError:
        return ""
    host = host.strip("[]")
    return host if re.fullmatch(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}", host) else ""


def _secrets(
    form: Mapping[str, str], values: Mapping[str, str], row: Mailbox | None, vault: Vault, problems: _Problems
) -> dict[str, Any]:
    for name, most in SECRETS.items():
        problems.check(name, len(form.get(name, "")) > most, TOO_LONG, most=most)
        problems.check(name, not form.get(name, "").isprintable(), NOT_PRINTABLE)
    oauth = {name: values[name] for name in OF_OAUTH if values[name]} if values["auth"] == XOAUTH2 else {}
    same_place = row is not None and (row.host, row.auth) == (_ascii_host(values["host"]), values["auth"])
    if not oauth:
        password = form.get("password", "")
        kept = row.secret if row is not None and same_place else ""
        problems.check("password", not password and not kept, _missing_secret(row))
        sealed = vault.seal(password) if password else kept
        return {"secret": sealed, "oauth": {}, "oauth_secret": "", **_NO_TOKEN}
    _check_oauth(oauth, problems)
    same_client = same_place and row is not None and all(row.oauth.get(n) == oauth.get(n) for n in _CLIENT)
    kept_secrets = _opened(row, vault) if row is not None and same_client else {}
    client_secret = form.get("client_secret", "") or kept_secrets.get("client_secret", "")
    problems.check("client_secret", not client_secret and oauth.get("flow") == CLIENT_CREDENTIALS, _missing_secret(row))
    columns: dict[str, Any] = {"secret": ""}
    if row is not None and kept_secrets and (row.user, row.oauth.get("flow")) == (values["user"], oauth.get("flow")):
        tokens = {name: kept_secrets[name] for name in ("access_token", "refresh_token") if name in kept_secrets}
        columns |= {"token_renewed_at": row.token_renewed_at, "token_expires_at": row.token_expires_at}
    else:
        tokens = {}
        columns |= _NO_TOKEN
    return columns | {"oauth": oauth, "oauth_secret": vault.seal(json.dumps({"client_secret": client_secret} | tokens))}


_NO_TOKEN: Mapping[str, None] = {"token_renewed_at": None, "token_expires_at": None}
_CLIENT = ("provider", "tenant", "client_id", "token_url")


def _missing_secret(row: Mailbox | None) -> str:
    return REQUIRED if row is None else N_("Enter it again: it was given for another place.")


def _opened(row: Mailbox, vault: Vault) -> dict[str, str]:
    try:
        return secrets_of(row, vault)
    except WrongKey:
        return {}


def _check_oauth(oauth: Mapping[str, str], problems: _Problems) -> None:
    for name in ("provider", "flow"):
        problems.check(name, oauth.get(name) not in CHOICES[name], N_("Choose one of the list."))
    problems.check("client_id", not oauth.get("client_id"), REQUIRED)
    provider, flow = oauth.get("provider"), oauth.get("flow")
    if provider == "microsoft":
        tenant = oauth.get("tenant", "")
        problems.check("tenant", not tenant, REQUIRED)
        problems.check("tenant", not re.fullmatch(r"[A-Za-z0-9.-]*", tenant), NOT_PRINTABLE)
    problems.check(
        "flow", provider == "google" and flow == CLIENT_CREDENTIALS, N_("At Google a person has to sign in.")
    )
    if provider == "other":
        for name in ("token_url", "authorize_url") if flow == CODE else ("token_url",):
            problems.check(
                name,
                not safe_url(oauth.get(name, "")),
                N_("An address that begins with https://, as the provider says."),
            )
    try:
        date.fromisoformat(oauth.get("secret_expires") or "2026-01-01")
    except ValueError:
        problems.check("secret_expires", True, N_("This is no date. Example: %(example)s"), example="2027-09-01")
