"""Tokens for real: a sign-in at an OAuth 2.0 server, Dovecot that asks it about each token, and every way it goes
wrong."""

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from imapclient.exceptions import IMAPClientError, LoginError
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import mailboxes
from complaints.database import open_database, sessions, transaction
from complaints.mailboxes import Mailbox as Row
from complaints.mailboxes import token_trouble
from complaints.settings import ImapAccount, Settings, imap_account
from complaints.vault import Vault
from intake import accounts, oauth
from intake.mailbox import Mailbox, forbidden
from intake.oauth import TokenRefused, TokenUnreachable
from tests.rigs.dovecot import Account, Dovecot
from tests.rigs.oauth import CLIENT_SECRET, OAuthServer

Make = sessionmaker[Session]
VAULT = Vault("k" * 43 + "=")
REDIRECT = "https://complaints.example/settings/mailboxes/oauth"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def services() -> Iterator[tuple[OAuthServer, Dovecot]]:
    with ExitStack() as stack:
        provider = stack.enter_context(OAuthServer())
        yield provider, stack.enter_context(Dovecot(introspection_url=provider.introspection_url))


@pytest.fixture
def owner(services: tuple[OAuthServer, Dovecot]) -> Account:
    return services[1].account()


@pytest.fixture
def provider(services: tuple[OAuthServer, Dovecot], owner: Account) -> OAuthServer:
    server = services[0]
    server.user, server.lifetime, server.refuse, server.answer = owner.user, 3600, "", None
    server.asked.clear()
    return server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(database_url: str) -> Make:
    return sessions(open_database(database_url))


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(
        data=tmp_path, database_url=database_url, redis_url="", secret_key="s" * 32, credentials_key="k" * 43 + "=",
        mail_from="complaints@mill.example",
    )  # fmt: skip


@pytest.fixture
def enrol(make: Make, owner: Account, provider: OAuthServer) -> Callable[..., int]:
    """A mailbox of Settings that is entered by token; gives its id."""

    def enrolled(flow: str = "code", **changes: Any) -> int:
        values = {
            "label": "", "address": owner.user, "host": "127.0.0.1", "port": owner.server.port, "tls": False,
            "user": owner.user, "folder": "INBOX", "auth": "xoauth2", "oauth": provider.settings | {"flow": flow},
            "oauth_secret": VAULT.seal(json.dumps({"client_secret": CLIENT_SECRET})),
        }  # fmt: skip
        with transaction(make) as session:
            return mailboxes.add(session, values | changes).id

    return enrolled


def the(make: Make, mailbox_id: int) -> Row:
    with make() as session:
        return session.get_one(Row, mailbox_id)


def signed_in(make: Make, mailbox_id: int, now: datetime) -> None:
    """What a person does: goes to the provider's page and comes back with a code."""
    row = the(make, mailbox_id)
    begun = oauth.sign_in(row.oauth, redirect_uri=REDIRECT, user=row.user)
    answer = requests.get(begun.url, allow_redirects=False, timeout=10)
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert back["state"] == [begun.state]
    token = oauth.exchange(
        row.oauth, CLIENT_SECRET, code=back["code"][0], verifier=begun.verifier, redirect_uri=REDIRECT, now=now
    )
    with transaction(make) as session:
        oauth.keep(session.get_one(Row, mailbox_id), VAULT, token, now=now)


@pytest.fixture
def account_of(make: Make, settings: Settings, clock: Clock) -> Callable[[int], ImapAccount]:
    return lambda mailbox_id: accounts.account(the(make, mailbox_id), settings, make, clock=clock)


def enters(account: ImapAccount) -> int:
    """Sign in and look; how many messages wait there."""
    with Mailbox(account, limit=1_000_000) as mailbox:
        return len(mailbox.uids())


AccountOf = Callable[[int], ImapAccount]
Enrol = Callable[..., int]


def test_a_person_signs_in_once_and_the_mailbox_is_read(
    enrol: Enrol, account_of: AccountOf, make: Make, owner: Account, clock: Clock
) -> None:
    mailbox_id = enrol()
    signed_in(make, mailbox_id, clock.now)
    owner.append(b"Subject: One\r\n\r\nText")
    assert enters(account_of(mailbox_id)) == 1
    row = the(make, mailbox_id)
    assert (row.token_renewed_at, row.token_expires_at) == (clock.now, clock.now + timedelta(hours=1))


def test_an_application_reads_it_without_a_person(enrol: Enrol, account_of: AccountOf, provider: OAuthServer) -> None:
    assert enters(account_of(enrol("client_credentials"))) == 0
    assert [asked["grant_type"] for asked in provider.asked] == ["client_credentials"]


def test_a_token_is_used_until_five_minutes_before_its_end_and_the_rotated_one_is_stored(
    enrol: Enrol, account_of: AccountOf, make: Make, clock: Clock, provider: OAuthServer
) -> None:
    mailbox_id = enrol()
    signed_in(make, mailbox_id, clock.now)
    account = account_of(mailbox_id)
    clock.now += timedelta(minutes=54)
    enters(account)
    assert len(provider.asked) == 1
    for _ in range(2):  # the server takes each refresh token once
        clock.now += timedelta(minutes=56)
        enters(account)
    assert [asked["grant_type"] for asked in provider.asked[1:]] == ["refresh_token"] * 2
    assert the(make, mailbox_id).token_renewed_at == clock.now


def test_a_token_that_the_server_takes_no_more_is_renewed_once(
    enrol: Enrol, account_of: AccountOf, provider: OAuthServer
) -> None:
    account = account_of(enrol("client_credentials"))
    enters(account)
    provider.expire()
    assert enters(account) == 0
    assert len(provider.asked) == 2


def test_a_server_that_takes_no_token_is_a_fault_after_one_renewal(
    enrol: Enrol, account_of: AccountOf, provider: OAuthServer
) -> None:
    provider.user = "somebody.else@demo.test"
    with pytest.raises(LoginError):
        enters(account_of(enrol("client_credentials")))
    assert len(provider.asked) == 2


def test_a_refused_renewal_is_a_fault_that_says_why_and_is_shown_until_it_is_over(
    enrol: Enrol, account_of: AccountOf, make: Make, clock: Clock, provider: OAuthServer
) -> None:
    mailbox_id = enrol()
    signed_in(make, mailbox_id, clock.now)
    assert token_trouble(the(make, mailbox_id), clock.now) is None
    clock.now += timedelta(hours=2)
    provider.refuse = "invalid_grant"
    with pytest.raises(LoginError, match=r"127\.0\.0\.1 refuses: The grant is gone\."):
        enters(account_of(mailbox_id))
    trouble = token_trouble(the(make, mailbox_id), clock.now)
    assert trouble is not None
    assert trouble.values["since"] == "2026-11-16 03:00 UTC"
    provider.refuse = ""
    assert enters(account_of(mailbox_id)) == 0
    assert token_trouble(the(make, mailbox_id), clock.now) is None


def test_while_the_provider_is_away_a_living_token_is_used_and_a_dead_one_is_a_passing_fault(
    enrol: Enrol, account_of: AccountOf, make: Make, clock: Clock, provider: OAuthServer
) -> None:
    mailbox_id = enrol()
    signed_in(make, mailbox_id, clock.now)
    provider.answer = (503, {}, b"<h1>Busy</h1>")
    clock.now += timedelta(minutes=57)
    assert enters(account_of(mailbox_id)) == 0
    clock.now += timedelta(minutes=5)
    with pytest.raises(TokenUnreachable):
        enters(account_of(mailbox_id))
    assert token_trouble(the(make, mailbox_id), clock.now) is None


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (302, {"Location": "https://evil.example/token"}, b""),
        (307, {"Location": "/elsewhere"}, b""),
        (200, {}, b"no json"),
        (200, {}, b"[" * 60_000),
        (200, {}, b'{"access_token": 7}'),
        (200, {}, b'{"access_token": "a\\u0001b"}'),
        (200, {}, b'{"token_type": "Bearer"}'),
        (200, {}, b'{"access_token": "' + b"x" * 100_000 + b'"}'),
        (400, {}, b'{"error": "temporarily_unavailable"}'),
        (200, {"Content-Encoding": "gzip"}, b"not gzip"),
    ],
)
def test_whatever_the_provider_answers_is_at_worst_a_passing_fault(
    status: int, headers: dict[str, str], body: bytes, enrol: Enrol, account_of: AccountOf, provider: OAuthServer
) -> None:
    provider.answer = (status, headers, body)
    account = account_of(enrol("client_credentials"))
    assert account.token is not None
    with pytest.raises(TokenUnreachable):
        account.token(False)


def test_two_processes_do_not_both_spend_the_refresh_token(
    enrol: Enrol, account_of: AccountOf, make: Make, clock: Clock
) -> None:
    mailbox_id = enrol()
    signed_in(make, mailbox_id, clock.now)
    clock.now += timedelta(minutes=57)
    until = (clock.now + timedelta(seconds=30)).isoformat()
    with transaction(make) as session:  # the other one is asking just now
        row = session.get_one(Row, mailbox_id)
        row.oauth = {**row.oauth, "renewing_until": until}
    account = account_of(mailbox_id)
    assert enters(account) == 0  # the old token lives three more minutes
    with pytest.raises(TokenUnreachable, match="by another process"):
        account.token(True)
    clock.now += timedelta(seconds=31)  # it was killed meanwhile
    assert enters(account) == 0
    assert the(make, mailbox_id).token_renewed_at == clock.now


def test_what_was_renewed_elsewhere_is_taken_instead_of_renewing_again(
    enrol: Enrol, account_of: AccountOf, provider: OAuthServer
) -> None:
    mailbox_id = enrol("client_credentials")
    one, other = account_of(mailbox_id), account_of(mailbox_id)
    assert one.token is not None
    assert other.token is not None
    old = one.token(False)
    assert other.token(False) == old
    new = other.token(True)
    assert new != old
    assert one.token(True) == new
    assert len(provider.asked) == 2


def test_nothing_in_the_row_shows_a_secret(enrol: Enrol, make: Make, clock: Clock, provider: OAuthServer) -> None:
    mailbox_id = enrol()
    signed_in(make, mailbox_id, clock.now)
    row = the(make, mailbox_id)
    shown = json.dumps({column.name: str(getattr(row, column.key)) for column in Row.__table__.columns})
    secrets = [CLIENT_SECRET, *provider.refresh_tokens, *provider.access_tokens]
    assert not [secret for secret in secrets if secret in shown]


def test_a_mailbox_nobody_signed_in_for_says_so(enrol: Enrol, account_of: AccountOf, make: Make, clock: Clock) -> None:
    mailbox_id = enrol()
    with pytest.raises(TokenRefused, match="nobody has signed in"):
        enters(account_of(mailbox_id))
    assert token_trouble(the(make, mailbox_id), clock.now) is not None


@pytest.mark.parametrize(
    ("changes", "days", "msgid"),
    [
        ({"flow": "code"}, 61, "last renewed"),
        ({"flow": "code"}, 59, None),
        ({"flow": "client_credentials"}, 61, None),
        ({"flow": "client_credentials", "secret_expires": "2026-11-30"}, 0, "client secret"),
        ({"flow": "client_credentials", "secret_expires": "2026-12-01"}, 0, None),
    ],
)
def test_a_token_that_will_die_is_told_before(changes: dict[str, str], days: int, msgid: str | None) -> None:
    now = datetime(2026, 11, 16, 1, 0, tzinfo=UTC)
    row = Row(auth="xoauth2", address="a@mill.example", oauth=changes, token_renewed_at=now - timedelta(days=days))
    trouble = token_trouble(row, now)
    assert (trouble is None) == (msgid is None)
    assert trouble is None or str(msgid) in trouble.message
    assert date.fromisoformat("2026-11-30") == (now + timedelta(days=14)).date()


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://login.example/token", True),
        ("http://127.0.0.1:8080/token", True),
        ("http://login.example/token", False),
        ("https://169.254.169.254/token", False),
        ("https://[fe80::1]/token", False),
        ("https://user@login.example/", False),
        ("https://login.example:x/", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_secrets_go_out_by_https_or_not_at_all(url: str, safe: bool) -> None:
    assert oauth.safe_url(url) is safe


# The connection itself


@pytest.mark.parametrize(
    ("address", "no"),
    [
        ("169.254.169.254", True), ("fe80::1%eth0", True), ("::ffff:169.254.1.1", True), ("100.100.100.200", True),
        ("10.0.0.1", False), ("127.0.0.1", False), ("::1", False), ("mail.example", False),
    ],
)  # fmt: skip
def test_metadata_addresses_are_never_connected_to(address: str, no: bool) -> None:
    assert forbidden(address) is no


def test_starttls_is_begun_before_the_password_goes_out(
    dovecot: Dovecot, mailbox_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificate.certificate))
    account = imap_account(mailbox_account.url.replace("imap://", "imap+starttls://"))
    with Mailbox(account, limit=1000) as mailbox:
        assert isinstance(mailbox.client.socket(), ssl.SSLSocket)
        assert mailbox.uids() == []


def test_a_server_without_starttls_gets_no_password() -> None:
    with Dovecot("ssl = no") as server:
        account = replace(imap_account(server.account().url), tls=True, starttls=True)
        with pytest.raises(IMAPClientError, match="STARTTLS"):
            enters(account)
        assert "user=<" not in "".join(line for line in server.log().splitlines() if "Login:" in line)


def test_an_untrusted_certificate_ends_a_starttls_connection(mailbox_account: Account) -> None:
    with pytest.raises(ssl.SSLError):
        enters(imap_account(mailbox_account.url.replace("imap://", "imap+starttls://")))


def test_we_say_who_we_are_before_a_folder_is_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    """As NetEase wants it."""
    with Dovecot("imap_id_log = *") as server:
        account = server.account()
        assert enters(replace(imap_account(account.url), contact="complaints@mill.example")) == 0
        said = next(line for line in account.log() if "ID sent" in line)
    assert "name=Redress" in said
    assert "complaints@mill.example" in said


def test_names_and_passwords_beyond_ascii_get_in(dovecot: Dovecot) -> None:
    account = dovecot.account("kehu@demo.test", "密码 “x”")
    assert enters(imap_account(account.url)) == 0


def test_a_folder_with_a_chinese_name_is_read_and_its_mail_moved_to_another(mailbox_account: Account) -> None:
    mailbox_account.append(b"Subject: One\r\n\r\nText")
    with mailbox_account.client() as client:
        client.create_folder("客户投诉")
    uid = mailbox_account.append(b"Subject: Two\r\n\r\nText", "客户投诉")
    account = replace(imap_account(mailbox_account.url), folder="客户投诉", processed="已处理")
    with Mailbox(account, limit=1000) as mailbox:
        assert mailbox.uids() == [uid]
        mailbox.move_away([uid])
    assert mailbox_account.count("已处理") == 1
    assert mailbox_account.count() == 1


# Which mailboxes there are


def test_the_environment_decides_which_of_its_mailboxes_rest(make: Make, settings: Settings) -> None:
    first, second = (imap_account(f"imaps://{user}:x@mail.example") for user in ("a%40mill.example", "b"))
    for configured in ((first, second), (second,), (second,)):
        with transaction(make) as session:
            accounts.ensure_environment_rows(session, replace(settings, imap=configured))
    with make() as session:
        rows = {row.name: row for row in session.scalars(select(Row))}
    assert [(row.address, row.host, row.port, row.tls) for row in rows.values()] == [
        ("a@mill.example", "mail.example", 993, True), ("b@mail.example", "mail.example", 993, True),
    ]  # fmt: skip
    assert [row.active for row in rows.values()] == [False, True]
    assert rows[second.name].version == 1


def test_what_people_set_for_a_mailbox_of_the_environment_stays(make: Make, settings: Settings) -> None:
    settings = replace(settings, imap=(imap_account("imaps://a:x@mail.example"),))
    with transaction(make) as session:
        accounts.ensure_environment_rows(session, settings)
        row = session.scalars(select(Row)).one()
        mailboxes.change(session, row, {"address": "claims@mill.example", "processed_folder": "Done"})
    with transaction(make) as session:
        accounts.ensure_environment_rows(session, settings)
        row = session.scalars(select(Row)).one()
        assert row.address == "claims@mill.example"
        account = accounts.account(row, settings, make)
    assert (account.password, account.processed, account.contact) == ("x", "Done", "complaints@mill.example")


def test_a_mailbox_that_the_environment_names_no_more_has_no_account(make: Make, settings: Settings) -> None:
    with pytest.raises(accounts.NotConfigured):
        accounts.account(Row(name="a@b:993/INBOX", processed_folder="Processed", source="environment"), settings, make)


def test_a_mailbox_of_settings_is_entered_with_its_sealed_password(
    make: Make, settings: Settings, mailbox_account: Account
) -> None:
    values = {
        "host": "127.0.0.1", "port": mailbox_account.server.port, "tls": False, "user": mailbox_account.user,
        "folder": "INBOX", "secret": VAULT.seal(mailbox_account.password),
    }  # fmt: skip
    with transaction(make) as session:
        row = mailboxes.add(session, values)
        assert mailbox_account.password not in row.secret
    assert enters(accounts.account(row, settings, make)) == 0
