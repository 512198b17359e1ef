"""What monitoring asks: is the process up, is every part well and if not why, how much is there."""

from dataclasses import replace
from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.letters import Mailbox
from complaints.settings import Settings, imap_account
from tests.webapp.conftest import NOW
from webapp import create_app


def client_with_mailbox(settings: Settings) -> tuple[FlaskClient, str]:
    account = imap_account("imap://complaints:secret@127.0.0.1:1143/INBOX")
    return create_app(replace(settings, imap=(account,))).test_client(), account.name


def parts(client: FlaskClient) -> dict[str, tuple[bool, str]]:
    answer = client.get("/readyz")
    assert answer.status_code == (200 if answer.get_json()["ready"] else 503)
    return {part["part"]: (part["well"], part["text"]) for part in answer.get_json()["parts"]}


def test_the_process_answers(settings: Settings) -> None:
    assert create_app(settings).test_client().get("/healthz").status_code == 200


def test_a_mailbox_that_cannot_be_read_makes_it_not_ready_and_says_why_since_when(
    settings: Settings, make: sessionmaker[Session], clock: object
) -> None:
    client, name = client_with_mailbox(settings)
    with transaction(make) as session:
        session.add(Mailbox(name=name, fault="login as complaints refused", fault_since=NOW - timedelta(hours=2)))
    well, text = parts(client)[f"mailbox {name}"]
    assert not well
    assert text == "since 2026-11-15 23:30 UTC: login as complaints refused"
    assert "secret" not in client.get("/readyz").text


def test_a_mailbox_nobody_looked_into_for_ten_minutes_is_not_well(
    settings: Settings, make: sessionmaker[Session], clock: object
) -> None:
    client, name = client_with_mailbox(settings)
    with transaction(make) as session:
        session.add(Mailbox(name=name, looked_at=NOW - timedelta(minutes=11)))
    assert not parts(client)[f"mailbox {name}"][0]


def test_a_redis_that_is_away_is_named(settings: Settings) -> None:
    found = parts(create_app(settings).test_client())
    assert found["database"][0]
    assert not found["redis"][0]


def test_metrics_speak_prometheus(settings: Settings) -> None:
    text = create_app(settings).test_client().get("/metrics").text
    assert "# TYPE redress_complaints gauge" in text
