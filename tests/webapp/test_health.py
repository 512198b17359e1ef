"""What monitoring asks: is the process up, is every part well and if not why, how much is there."""

from dataclasses import replace
from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from complaints import schedule
from complaints.database import transaction
from complaints.incidents import Incident
from complaints.letters import Sighting
from complaints.mailboxes import Mailbox
from complaints.settings import Settings, imap_account
from tests.webapp.conftest import NOW, on_both_databases
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


def test_a_mailbox_of_the_settings_is_watched_like_one_of_the_environment(
    settings: Settings, make: sessionmaker[Session], clock: object
) -> None:
    client, name = client_with_mailbox(settings)
    with transaction(make) as session:
        session.add(Mailbox(name="service@imap.mill.example:993/INBOX", source="settings", looked_at=NOW))
        session.add(Mailbox(name="old", source="settings", active=False))
    found = parts(client)
    assert found["mailbox service@imap.mill.example:993/INBOX"] == (True, "looked into lately")
    assert found[f"mailbox {name}"] == (False, "not looked into yet; is the poller running?")
    assert "mailbox old" not in found


def test_a_paused_mailbox_is_well(settings: Settings, make: sessionmaker[Session], clock: object) -> None:
    client, name = client_with_mailbox(settings)
    with transaction(make) as session:
        session.add(Mailbox(name=name, looked_at=NOW - timedelta(days=3), paused_at=NOW - timedelta(days=2)))
    assert parts(client)[f"mailbox {name}"] == (True, "paused since 2026-11-14 01:30 UTC")


@on_both_databases
def test_an_open_incident_is_a_reason_with_its_subject_since_when_and_how_many_wait(
    settings: Settings, make: sessionmaker[Session], clock: object
) -> None:
    client = create_app(settings).test_client()
    values = {"since": "2026-11-16T01:05:00+00:00", "mailbox": "complaints", "fault": "login refused", "waiting": 3}
    with transaction(make) as session:
        session.add(Incident(kind="mailbox_silent", subject="box 1", values=values, opened_at=NOW))
        session.add(Incident(kind="outbox_stuck", subject="", values=values, opened_at=NOW, closed_at=NOW))
    found = parts(client)
    assert found["mailbox_silent box 1"] == (False, "since 2026-11-16 01:05 UTC, 3 waiting: login refused")
    assert "outbox_stuck" not in found


def test_a_scheduler_that_looks_for_no_incidents_any_more_is_not_well(
    settings: Settings, make: sessionmaker[Session], clock: object
) -> None:
    client = create_app(settings).test_client()
    with transaction(make) as session:
        schedule.take_slot(session, "sweep_outbox", every_seconds=30, at=NOW)
        schedule.take_slot(session, "check_incidents", every_seconds=60, at=NOW - timedelta(minutes=11))
    well, text = parts(client)["scheduler"]
    assert not well
    assert "incidents were last looked for 2026-11-16 01:19 UTC" in text


def test_a_redis_that_is_away_is_named(settings: Settings) -> None:
    found = parts(create_app(settings).test_client())
    assert found["database"][0]
    assert not found["redis"][0]


def test_metrics_speak_prometheus(settings: Settings) -> None:
    text = create_app(settings).test_client().get("/metrics").text
    assert "# TYPE redress_complaints gauge" in text


@on_both_databases
def test_metrics_count_what_an_alarm_outside_would_look_at(
    settings: Settings, make: sessionmaker[Session], clock: object
) -> None:
    def seen(outcome: str, hours_ago: int) -> Sighting:
        at = NOW - timedelta(hours=hours_ago)
        return Sighting(size=1, received_at=at, seen_at=at, outcome=outcome, values={})

    with transaction(make) as session:
        session.add(Incident(kind="mailbox_silent", subject="box 1", values={}, opened_at=NOW))
        session.add_all([seen("drafted", 1), seen("quarantined", 1), seen("quarantined", 10)])  # 10: yesterday, locally
        session.add(Mailbox(name="box 1", looked_at=NOW - timedelta(minutes=20)))
        session.add(Mailbox(name="box 2", looked_at=NOW + timedelta(hours=1)))
        session.add(Mailbox(name="box 3"))
        session.add(Mailbox(name="box 4", paused_at=NOW))
    lines = create_app(settings).test_client().get("/metrics").text.splitlines()
    counted = ("redress_incidents", "redress_mailbox", "redress_messages_today")
    assert {line for line in lines if line.startswith(counted) and not line.endswith(" 0.0")} == {
        'redress_incidents_open{kind="mailbox_silent"} 1.0',
        'redress_messages_today{outcome="drafted"} 1.0',
        'redress_messages_today{outcome="quarantined"} 1.0',
        'redress_mailbox_silence_seconds{mailbox="box 1"} 1200.0',
        'redress_mailbox_silence_seconds{mailbox="box 3"} +Inf',
    }
    assert 'redress_incidents_open{kind="outbox_stuck"} 0.0' in lines
    assert 'redress_mailbox_silence_seconds{mailbox="box 2"} 0.0' in lines
    assert "redress_quarantined_open 2.0" in lines
