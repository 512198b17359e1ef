"""The banner says what has been wrong for too long, to those who can help, and to nobody else."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import incidents
from complaints.database import transaction
from complaints.incidents import Incident
from complaints.people import Actor
from tests.builders import a_person
from tests.webapp.conftest import NOW, Browser, on_both_databases
from tests.webapp.test_board import counted

SILENT = "The mailbox complaints@mill.example has not been read since"
Person = Callable[..., Actor]


@pytest.fixture
def person(make: sessionmaker[Session]) -> Person:
    def adding(*roles: str, locale: str = "en") -> Actor:
        with transaction(make) as session:
            return a_person(session, *roles, locale=locale)

    return adding


@pytest.fixture
def an_incident(make: sessionmaker[Session]) -> Callable[..., None]:
    def opening(kind: str = "mailbox_silent", *, since: datetime = NOW - timedelta(minutes=25), **values: Any) -> None:
        subject = values.pop("subject", "box 1")
        shown = {"since": since.isoformat(), "mailbox": "complaints@mill.example", "fault": "", "waiting": 0} | values
        with transaction(make) as session:
            session.add(Incident(kind=kind, subject=subject, values=shown, opened_at=NOW))

    return opening


@on_both_databases
def test_an_administrator_sees_which_mailbox_since_when_why_and_how_many_wait(
    person: Person, browser_of: Browser, an_incident: Callable[..., None]
) -> None:
    an_incident(fault="login refused: <b>no</b>", waiting=3)
    page = browser_of(person("admin")).get("/board").text
    banner = page[page.index('role="status"') : page.index("<main")]
    assert f'{SILENT} <time datetime="2026-11-16T01:05+00:00">09:05</time>.' in banner
    assert "login refused: &lt;b&gt;no&lt;/b&gt;" in banner
    assert "3 messages wait." in banner
    assert 'href="/settings/mailboxes"' in banner


def test_what_began_on_another_day_says_which(
    person: Person, browser_of: Browser, an_incident: Callable[..., None]
) -> None:
    an_incident(since=NOW - timedelta(days=1))
    assert "Sun 15 Nov, 09:30</time>." in browser_of(person("clerk")).get("/board").text


@pytest.mark.parametrize("role", ["admin", "clerk", "mkt_vp", "qe"])
def test_who_helps_sees_it(role: str, person: Person, browser_of: Browser, an_incident: Callable[..., None]) -> None:
    an_incident()
    assert SILENT in browser_of(person(role)).get("/board").text


@pytest.mark.parametrize("role", ["staff", "dept", "gm", "warehouse"])
def test_others_see_nothing_and_cost_no_query(
    role: str, app: Flask, person: Person, browser_of: Browser, an_incident: Callable[..., None]
) -> None:
    an_incident()
    browser = browser_of(person(role))
    with counted(app) as statements:
        assert 'class="alarms"' not in browser.get("/board").text
    assert not [statement for statement in statements if "FROM incident" in statement]


def test_the_sign_in_page_tells_nothing(app: Flask, an_incident: Callable[..., None]) -> None:
    an_incident()
    assert "alarms" not in app.test_client().get("/login").text.replace("css/alarms.css", "")


def test_a_place_is_linked_for_those_only_who_may_go_there(
    person: Person, browser_of: Browser, an_incident: Callable[..., None]
) -> None:
    an_incident()
    an_incident("quarantine_growing", subject="", waiting=5)
    admin, clerk = (browser_of(person(role)).get("/board").text for role in ("admin", "clerk"))
    assert ("Open the mailboxes" in admin, "Open the inbox" in admin) == (True, False)
    assert ("Open the mailboxes" in clerk, "Open the inbox" in clerk) == (False, True)


def test_it_is_gone_when_the_incident_is_closed(
    person: Person, browser_of: Browser, an_incident: Callable[..., None], make: sessionmaker[Session]
) -> None:
    an_incident()
    clerk = browser_of(person("clerk"))
    assert SILENT in clerk.get("/board").text
    with transaction(make) as session:
        session.execute(update(Incident).values(closed_at=NOW))
    assert 'class="alarms"' not in clerk.get("/board").text


def test_many_incidents_leave_room_for_the_page(
    person: Person, browser_of: Browser, an_incident: Callable[..., None]
) -> None:
    for n in range(20):
        an_incident(subject=f"box {n}")
    page = browser_of(person("clerk")).get("/board").text
    assert page.count(SILENT) == 3
    assert "And 17 more." in page


@on_both_databases
def test_the_banner_is_one_query_answered_from_an_index_however_many_incidents_are_over(
    app: Flask, person: Person, browser_of: Browser, an_incident: Callable[..., None], make: sessionmaker[Session]
) -> None:
    with transaction(make) as session:
        session.add_all(
            Incident(kind="mailbox_silent", subject=f"{n}", values={}, opened_at=NOW, closed_at=NOW) for n in range(500)
        )
    an_incident()
    clerk = browser_of(person("clerk"))
    with counted(app) as statements:
        assert SILENT in clerk.get("/board").text
    counted_, query = [statement for statement in statements if "FROM incident" in statement]
    assert "FROM notice" in counted_  # with everything else that every page counts
    with make() as session:
        session.execute(text("ANALYZE"))
        explain = "EXPLAIN " if session.get_bind().dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        plan = "\n".join(str(row) for row in session.execute(text(explain + query)))
    assert "uq_incident_open" in plan


@pytest.mark.parametrize("locale", ["en", "zh_CN"])
@pytest.mark.parametrize("kind", incidents.KINDS)
def test_every_kind_can_be_shown(
    kind: str, locale: str, person: Person, browser_of: Browser, an_incident: Callable[..., None]
) -> None:
    an_incident(kind, waiting=1)
    answer = browser_of(person("clerk", "admin", locale=locale)).get("/board")
    assert answer.status_code == 200
    assert 'class="alarms"' in answer.text
    assert "%(" not in answer.text


def test_a_kind_of_another_version_breaks_no_page(
    person: Person, browser_of: Browser, an_incident: Callable[..., None]
) -> None:
    an_incident("forgotten")
    answer = browser_of(person("clerk")).get("/board")
    assert (answer.status_code, 'class="alarms"' in answer.text) == (200, False)
