"""Settings → Mailboxes: for administrators, with secrets that go in and never come out."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from structlog.testing import capture_logs

from complaints import mailboxes, procedure_use
from complaints.database import transaction
from complaints.letters import Sighting
from complaints.mailboxes import Mailbox
from complaints.people import SYSTEM, Actor
from complaints.settings import Settings, imap_account
from complaints.vault import Vault
from intake import check as checks
from intake.accounts import ensure_environment_rows
from intake.check import check
from tests.builders import a_person
from tests.rigs.dovecot import Account, Dovecot
from tests.rigs.oauth import CLIENT_SECRET, OAuthServer
from tests.webapp.conftest import NOW, Browser, on_both_databases

Make = sessionmaker[Session]
KEY = "k" * 43 + "="
VAULT = Vault(KEY)
PASSWORD = "hunter2 密码"
PLACE = "/settings/mailboxes"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, credentials_key=KEY, public_url="http://localhost")


@pytest.fixture
def admin(make: Make) -> Actor:
    with transaction(make) as session:
        return a_person(session, "admin", name="Ada Morrow")


@pytest.fixture
def web(browser_of: Browser, admin: Actor) -> FlaskClient:
    return browser_of(admin)


def a_form(**changes: str) -> dict[str, str]:
    return {
        "address": "complaints@mill.example", "label": "New complaints", "host": "mail.example", "port": "993",
        "tls": "tls", "user": "complaints@mill.example", "folder": "INBOX", "auth": "password", "password": PASSWORD,
        "processed_folder": "Processed", "procedure": "manufacturing", "locale": "", "take_from": "",
    } | changes  # fmt: skip


def an_oauth_form(**changes: str) -> dict[str, str]:
    return a_form(
        auth="xoauth2", password="", provider="microsoft", flow="code", tenant="mill.example", client_id="our-app",
        client_secret=CLIENT_SECRET,
    ) | changes  # fmt: skip


def the(make: Make) -> list[Mailbox]:
    with make() as session:
        return list(session.scalars(select(Mailbox).order_by(Mailbox.id)))


def added(web: FlaskClient, **changes: str) -> str:
    """Add a mailbox; gives the path of its page."""
    answer = web.post(f"{PLACE}/new", data=a_form(**changes))
    assert answer.status_code == 303, answer.text
    return urlsplit(answer.headers["Location"]).path


# Who, and what is shown


def test_settings_begin_with_the_mailboxes(web: FlaskClient) -> None:
    assert web.get("/settings").headers["Location"].endswith(PLACE)
    assert "No mailbox is read yet" in web.get(PLACE).text


@pytest.mark.parametrize("role", ["clerk", "qa_mgr", "gm"])
def test_for_everybody_else_there_is_nothing_here(role: str, web: FlaskClient, browser_of: Browser, make: Make) -> None:
    page = added(web)
    with transaction(make) as session:
        person = a_person(session, role)
    other = browser_of(person)
    assert {other.get(path).status_code for path in ("/settings", PLACE, f"{PLACE}/new", page)} == {404}
    for verb in ("", "/test", "/pause", "/resume", "/remove", "/sign-in"):
        assert other.post(page + verb, data=a_form()).status_code == 404
    assert "/settings" not in other.get("/board").text
    assert "/settings" in web.get("/board").text


@on_both_databases
def test_the_table_tells_how_each_mailbox_is(web: FlaskClient, make: Make) -> None:
    added(web)
    added(web, address="kehu@mill.example", user="kehu", label="中国客户投诉")
    with transaction(make) as session:
        first, second = session.scalars(select(Mailbox).order_by(Mailbox.id))
        first.looked_at = NOW - timedelta(minutes=1)
        second.fault, second.fault_since = "login as kehu refused: <b>no</b>", NOW - timedelta(hours=1)
        for hours in (1, 2, 30):
            at = NOW - timedelta(hours=hours) + timedelta(minutes=45)
            session.add(Sighting(mailbox_id=first.id, size=1, received_at=at, seen_at=at))
    text = web.get(PLACE).text
    assert "Working" in text
    assert '<td class="num">2</td>' in text
    assert "login as kehu refused: &lt;b&gt;no&lt;/b&gt;" in text
    assert '<td lang="zh">中国客户投诉</td>' in text


# Adding and changing


@on_both_databases
def test_an_added_mailbox_has_its_password_sealed_and_no_page_shows_it(web: FlaskClient, make: Make) -> None:
    with capture_logs() as logs:
        page = added(web, take_from="2026-09-01", plus_addresses="1", locale="zh_CN", folder="客户投诉")
    [row] = the(make)
    assert VAULT.open(row.secret) == PASSWORD
    assert (row.source, row.active, row.tls, row.port, row.locale) == ("settings", True, True, 993, "zh_CN")
    assert row.take_from == datetime(2026, 8, 31, 16, 0, tzinfo=UTC)
    assert row.plus_addresses
    shown = web.get(page).text
    assert "客户投诉" in shown
    assert 'value="2026-09-01"' in shown
    assert "hunter2" not in shown + web.get(PLACE).text + str(logs)
    [said] = [line for line in logs if line["event"] == "mailbox added"]
    assert (said["mailbox"], said["name"]) == (row.name, "Ada Morrow")


def test_what_is_known_of_a_provider_is_filled_in(web: FlaskClient) -> None:
    assert "Its provider may tell us the rest" in web.get(f"{PLACE}/new").text
    netease = web.get(f"{PLACE}/new?address=kehu@163.com").text
    assert 'value="imap.163.com"' in netease
    assert "授权码" in netease
    microsoft = web.get(f"{PLACE}/new?address=claims@Mill.onmicrosoft.com").text
    assert 'value="outlook.office365.com"' in microsoft
    assert 'value="xoauth2" checked' in microsoft


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("address", {"address": "nobody"}),
        ("address", {"address": ""}),
        ("host", {"host": ""}),
        ("host", {"host": "mail example"}),
        ("host", {"host": "169.254.169.254"}),
        ("host", {"host": "fe80::1"}),
        ("port", {"port": "99999"}),
        ("port", {"port": "九九三"}),
        ("port", {"port": "²"}),
        ("port", {"port": "143"}),
        ("port", {"tls": "starttls"}),
        ("tls", {"tls": "none"}),
        ("tls", {"tls": "maybe"}),
        ("user", {"user": ""}),
        ("user", {"user": "a\r\nLOGOUT"}),
        ("user", {"user": "x" * 190}),
        ("password", {"password": ""}),
        ("password", {"password": "a\nb"}),
        ("processed_folder", {"processed_folder": "INBOX"}),
        ("processed_folder", {"processed_folder": ""}),
        ("procedure", {"procedure": "../secrets"}),
        ("locale", {"locale": "de"}),
        ("take_from", {"take_from": "yesterday"}),
        ("take_from", {"take_from": "0001-01-01"}),
        ("label", {"label": "x" * 121}),
        ("client_id", an_oauth_form(client_id="")),
        ("tenant", an_oauth_form(tenant="")),
        ("tenant", an_oauth_form(tenant="a/../b")),
        ("flow", an_oauth_form(provider="google", flow="client_credentials")),
        ("client_secret", an_oauth_form(flow="client_credentials", client_secret="")),
        ("token_url", an_oauth_form(provider="other", token_url="http://login.example/token")),
        ("authorize_url", an_oauth_form(provider="other", authorize_url="javascript:alert(1)")),
        ("secret_expires", an_oauth_form(secret_expires="soon")),
        ("provider", an_oauth_form(provider="evil")),
    ],
)
def test_a_problem_stands_beside_its_field_and_what_was_typed_stays(
    field: str, changes: dict[str, str], web: FlaskClient, make: Make
) -> None:
    answer = web.post(f"{PLACE}/new", data=a_form(**{"label": "Rail customers"} | changes))
    assert answer.status_code == 422
    assert f'id="f-{field}-problem"' in answer.text
    assert f"f-{field}-problem" in answer.text.replace(f'id="f-{field}-problem"', "")
    assert "hunter2" not in answer.text
    assert CLIENT_SECRET not in answer.text
    assert field == "label" or "Rail customers" in answer.text or "New complaints" in answer.text
    assert the(make) == []


def test_the_same_folder_is_not_read_twice(web: FlaskClient, make: Make) -> None:
    added(web)
    answer = web.post(f"{PLACE}/new", data=a_form())
    assert answer.status_code == 422
    assert "is read already" in answer.text
    assert len(the(make)) == 1


def test_an_empty_password_keeps_the_stored_one_and_the_poller_begins_anew(web: FlaskClient, make: Make) -> None:
    page = added(web)
    assert web.post(page, data=a_form(password="", processed_folder="Done")).status_code == 303
    [row] = the(make)
    assert (VAULT.open(row.secret), row.processed_folder, row.version) == (PASSWORD, "Done", 2)


def test_a_stored_password_is_never_sent_to_another_host(web: FlaskClient, make: Make) -> None:
    page = added(web)
    answer = web.post(page, data=a_form(password="", host="evil.example"))
    assert answer.status_code == 422
    assert "it was given for another place" in answer.text
    assert the(make)[0].host == "mail.example"


def test_another_place_is_another_mailbox_and_the_old_one_rests_without_its_secret(
    web: FlaskClient, make: Make
) -> None:
    page = added(web)
    moved = web.post(page, data=a_form(host="new.example")).headers["Location"]
    old, new = the(make)
    assert (old.active, old.secret, new.active, VAULT.open(new.secret)) == (False, "", True, PASSWORD)
    assert moved.endswith(f"/{new.id}")
    assert web.get(page).status_code == 404


@on_both_databases
def test_a_removed_mailbox_keeps_its_messages_and_may_come_back(web: FlaskClient, make: Make) -> None:
    page = added(web)
    with transaction(make) as session:
        [row] = session.scalars(select(Mailbox))
        session.add(Sighting(mailbox_id=row.id, uidvalidity=1, uid=1, size=1, received_at=NOW, seen_at=NOW))
    assert web.post(f"{page}/remove").status_code == 303
    [row] = the(make)
    assert (row.active, row.secret) == (False, "")
    assert added(web) == page
    with make() as session:
        assert session.scalars(select(Sighting)).one().mailbox_id == row.id


def test_a_paused_mailbox_is_not_polled_until_somebody_goes_on(web: FlaskClient, make: Make, admin: Actor) -> None:
    page = added(web)
    web.post(f"{page}/pause")
    [row] = the(make)
    assert (row.paused_at, row.paused_by_id) == (NOW, admin.id)
    assert "Paused" in web.get(PLACE).text
    with make() as session:
        assert mailboxes.polled(session) == []
    web.post(f"{page}/resume")
    with make() as session:
        assert [polled.version for polled in mailboxes.polled(session)] == [3]


# Mailboxes of the environment


@pytest.fixture
def of_environment(settings: Settings, make: Make) -> str:
    configured = replace(settings, imap=(imap_account("imaps://a:secret-of-env@mail.example"),))
    with transaction(make) as session:
        ensure_environment_rows(session, configured)
    return f"{PLACE}/{the(make)[0].id}"


def test_a_new_mailbox_of_the_environment_leads_to_the_usual_procedure(settings: Settings, make: Make) -> None:
    with transaction(make) as session:
        procedure_use.use_only(session, ["postal"], by=SYSTEM, at=NOW)
    configured = replace(settings, imap=(imap_account("imaps://a:secret-of-env@mail.example"),))
    with transaction(make) as session:
        ensure_environment_rows(session, configured)
    assert the(make)[0].procedure == "postal"


def test_of_a_mailbox_of_the_environment_only_the_connection_is_fixed(
    of_environment: str, web: FlaskClient, make: Make
) -> None:
    assert "comes from IMAP_URL" in web.get(of_environment).text
    answer = web.post(of_environment, data=a_form(address="claims@mill.example", host="evil.example"))
    assert answer.status_code == 303, answer.text
    [row] = the(make)
    assert (row.address, row.label, row.host, row.user) == (
        "claims@mill.example", "New complaints", "mail.example", "a",
    )  # fmt: skip
    assert web.post(f"{of_environment}/remove").status_code == 422
    assert the(make)[0].active


# The test of a mailbox


def dovecot_form(account: Account, **changes: str) -> dict[str, str]:
    return a_form(
        host="127.0.0.1", port=str(account.server.port), tls="none", user=account.user, password=account.password
    ) | changes  # fmt: skip


def the_test_of(web: FlaskClient, form: dict[str, str]) -> str:
    return web.post(f"{added(web, **form)}/test", headers={"HX-Request": "true"}).text


@on_both_databases
def test_a_test_goes_through_every_step_and_leaves_the_mailbox_as_it_was(
    web: FlaskClient, mailbox_account: Account
) -> None:
    mailbox_account.append(b"Subject: One\r\n\r\nText")
    text = the_test_of(web, dovecot_form(mailbox_account))
    assert text.count("step--ok") == 6
    assert "Messages that lie there: 1." in text
    assert "IDLE, MOVE, UIDPLUS, ID" in text
    assert mailbox_account.count() == 1
    assert mailbox_account.count("Processed") == 0
    assert not any(b"\\Seen" in flags for flags in mailbox_account.flags().values())


def test_a_test_without_script_answers_with_the_whole_page(web: FlaskClient, mailbox_account: Account) -> None:
    text = web.post(f"{added(web, **dovecot_form(mailbox_account))}/test").text
    assert "<!doctype html>" in text
    assert text.count("step--ok") == 6


@pytest.mark.parametrize(
    ("changes", "step", "said"),
    [
        ({"host": "no-such-host.invalid", "tls": "tls"}, 1, "There is no server by the name no-such-host.invalid."),
        ({"port": "1"}, 2, "Nobody answers at 127.0.0.1, port 1."),
        ({"tls": "tls"}, 2, "does not speak TLS"),
        ({"password": "wrong"}, 3, "refuses"),
        ({"folder": "Elsewhere"}, 5, "There are these folders: INBOX"),
    ],
)
def test_a_test_says_which_step_failed_and_how_to_mend_it(
    changes: dict[str, str], step: int, said: str, web: FlaskClient, mailbox_account: Account
) -> None:
    text = the_test_of(web, dovecot_form(mailbox_account, **changes))
    assert said in text
    assert (text.count("step--ok"), text.count("step--failed"), text.count("step--none")) == (step - 1, 1, 6 - step)
    assert "mend" in text


def test_a_test_tells_whose_certificate_it_is_and_until_when(
    mailbox_account: Account, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    untrusted = check(imap_account(mailbox_account.tls_url))[1]
    assert untrusted.ok is False
    assert untrusted.said is not None
    assert "not to be trusted" in untrusted.said.message
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.certificate.certificate))
    trusted = check(imap_account(mailbox_account.tls_url))[1]
    assert trusted.said is not None
    assert trusted.said.values["subject"] == "Redress tests"
    assert datetime.fromisoformat(trusted.said.values["day"]) > datetime(2026, 1, 1)


@pytest.mark.parametrize("greets", [False, True])
def test_a_test_ends_whatever_the_server_does(greets: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        if greets:
            threading.Thread(target=greet_and_fall_silent, args=(server,), daemon=True).start()
        steps = check(imap_account(f"imap://a:b@127.0.0.1:{server.getsockname()[1]}"), within=0.5)
    assert [step.ok for step in steps] == [True] * (1 + greets) + [False] + [None] * (4 - greets)


def greet_and_fall_silent(server: socket.socket) -> None:
    line, _ = server.accept()
    line.sendall(b"* OK Hello\r\n")
    tag = line.recv(100).split()[0]
    line.sendall(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK Done\r\n")
    while line.recv(100):
        pass


def test_a_name_that_leads_to_a_metadata_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [(2, 1, 6, "", ("169.254.169.254", 143))]
    monkeypatch.setattr(checks.socket, "getaddrinfo", lambda *_, **__: there)
    first, *rest = check(replace(imap_account("imap://a:b@127.0.0.1"), host="innocent.example"))
    assert first.ok is False
    assert {step.ok for step in rest} == {None}


# Signing in at a provider


@pytest.fixture
def provider() -> Iterator[OAuthServer]:
    with OAuthServer() as server:
        yield server


@pytest.fixture
def go(web: FlaskClient, provider: OAuthServer) -> Callable[..., tuple[str, str]]:
    """Add a mailbox at the provider and begin the sign-in: the mailbox's page, and the address to come back to."""

    def gone(**changes: str) -> tuple[str, str]:
        page = added(web, **an_oauth_form(**provider.settings, client_secret=CLIENT_SECRET) | changes)
        text = web.post(f"{page}/sign-in").text
        link = text.partition(f'href="{provider.url}/authorize')[2].partition('"')[0].replace("&amp;", "&")
        back = requests.get(f"{provider.url}/authorize{link}", allow_redirects=False, timeout=10).headers["Location"]
        assert back.startswith("http://localhost/settings/mailboxes/oauth?")
        return page, back

    return gone


Go = Callable[..., tuple[str, str]]


@on_both_databases
def test_a_person_signs_in_at_the_provider_and_comes_back(web: FlaskClient, go: Go, make: Make) -> None:
    page, back = go()
    assert "Nobody has signed in" in web.get(page).text
    answer = web.get(back)
    assert answer.status_code == 303
    [row] = the(make)
    assert row.token_renewed_at == NOW
    assert row.version == 2
    assert "Access was renewed" in web.get(page).text


def test_a_sign_in_is_good_once(web: FlaskClient, go: Go) -> None:
    _, back = go()
    assert web.get(back).status_code == 303
    assert web.get(back).status_code == 422


def test_a_sign_in_is_good_for_ten_minutes(web: FlaskClient, go: Go, clock: time_machine.Traveller, make: Make) -> None:
    _, back = go()
    clock.shift(timedelta(minutes=10, seconds=1))
    assert web.get(back).status_code == 422
    assert the(make)[0].oauth_secret
    assert the(make)[0].token_renewed_at is None


def test_a_sign_in_belongs_to_the_browser_that_began_it(
    web: FlaskClient, go: Go, browser_of: Browser, make: Make
) -> None:
    _, back = go()
    with transaction(make) as session:
        colleague = a_person(session, "admin")
    other = browser_of(colleague)
    assert other.get(back).status_code == 422
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert web.get(back.replace(state, state[::-1])).status_code == 422
    assert the(make)[0].token_renewed_at is None


def test_a_person_who_says_no_at_the_provider_reads_so_here(web: FlaskClient, go: Go) -> None:
    _, back = go()
    state = parse_qs(urlsplit(back).query)["state"][0]
    answer = web.get(f"{PLACE}/oauth?state={state}&error=access_denied&error_description=<b>No</b>")
    assert answer.status_code == 422
    assert "&lt;b&gt;No&lt;/b&gt;" in answer.text


def test_a_provider_that_refuses_the_code_leaves_everything_as_it_was(
    web: FlaskClient, go: Go, provider: OAuthServer, make: Make
) -> None:
    _, back = go()
    provider.refuse = "invalid_grant"
    assert "The grant is gone." in web.get(back).text
    assert the(make)[0].token_renewed_at is None


@pytest.mark.parametrize(
    ("changes", "kept"), [({"label": "x"}, True), ({"user": "b@mill.example"}, False), ({"client_id": "new"}, False)]
)
def test_tokens_stay_with_the_user_and_the_application_they_were_given_to(
    changes: dict[str, str], kept: bool, web: FlaskClient, go: Go, provider: OAuthServer, make: Make
) -> None:
    page, back = go()
    web.get(back)
    web.post(page, data=an_oauth_form(**provider.settings, client_secret="") | changes)
    row = next(row for row in the(make) if row.active)
    assert ("refresh_token" in VAULT.open(row.oauth_secret)) is kept
    assert (row.token_renewed_at is not None) is kept


def values_of(make: Make) -> list[Any]:
    return [getattr(row, column.key) for row in the(make) for column in Mailbox.__table__.columns]


def test_no_secret_reaches_a_page_the_log_or_the_clear_database(
    web: FlaskClient, go: Go, provider: OAuthServer, make: Make
) -> None:
    with capture_logs() as logs:
        page, back = go()
        pages = web.get(back).text + web.get(page).text + web.get(PLACE).text
    secrets = {CLIENT_SECRET, *provider.access_tokens, *provider.refresh_tokens}
    seen = pages + str(logs) + str(values_of(make))
    assert [secret for secret in secrets if secret in seen] == []


def test_the_page_is_chinese_for_a_chinese_reader(browser_of: Browser, make: Make) -> None:
    with transaction(make) as session:
        reader = a_person(session, "admin", locale="zh_CN")
    assert '<html lang="zh-CN"' in browser_of(reader).get(f"{PLACE}/new?address=kehu@qq.com").text
