"""Who else is on a complaint's page, kept in a real Redis, and what is shown when there is none."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from complaints import history, workflow
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.people import SYSTEM, Actor
from complaints.settings import Settings
from tests.builders import a_complaint, a_person
from tests.rigs.redis import Redis
from tests.webapp.conftest import Browser, on_both_databases
from tests.webapp.test_board import HTMX

HERE = "/complaints/C-2026-0001"
THERE = f"{HERE}/presence?version=1"


@pytest.fixture
def settings(settings: Settings, redis_url: str) -> Settings:
    return replace(settings, redis_url=redis_url)


@pytest.fixture
def complaint(make: sessionmaker[Session]) -> Complaint:
    with transaction(make) as session:
        return a_complaint(session)


def somebody(make: sessionmaker[Session], name: str, *roles: str) -> Actor:
    with transaction(make) as session:
        return a_person(session, *(roles or ("clerk",)), name=name)


@pytest.fixture
def mara(make: sessionmaker[Session]) -> Actor:
    return somebody(make, "Mara Linden")


@pytest.fixture
def chen(make: sessionmaker[Session]) -> Actor:
    return somebody(make, "陈予安", "qe")


def change(make: sessionmaker[Session], complaint: Complaint, by: Actor, clock: time_machine.Traveller) -> None:
    """Somebody changes the complaint, a minute later."""
    clock.shift(60)
    at = complaint.received_at + timedelta(minutes=31)
    with transaction(make) as session:
        newest = session.get_one(Complaint, complaint.id)
        workflow.touch(session, newest, at=at, seen_version=newest.version)
        history.note(session, complaint.id, "entered", by=by, at=at, changed={}, version=newest.version)


def shown(html: str) -> str:
    """What stands in the page about presence, as its reader sees it."""
    part = html[html.index('<div class="here"') :].split("</div>\n", 1)[0] if "</header>" in html else html
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", part)).split())


def here(html: str) -> str:
    """The address that the page asks next."""
    return unescape(re.findall(r'hx-get="(/complaints/[^"]*/presence[^"]*)"', html)[0])


@on_both_databases
def test_two_on_a_page_see_each_other_and_not_themselves(
    complaint: Complaint, mara: Actor, chen: Actor, browser_of: Browser
) -> None:
    first, second = browser_of(mara), browser_of(chen)
    assert shown(first.get(HERE).text) == ""
    assert shown(second.get(HERE).text) == "Also here: Mara Linden"
    assert shown(first.get(THERE, headers=HTMX).text) == "Also here: 陈予安"


def test_several_tabs_of_a_person_are_one(complaint: Complaint, mara: Actor, chen: Actor, browser_of: Browser) -> None:
    for _ in range(2):
        browser_of(mara).get(HERE)
    assert shown(browser_of(chen).get(HERE).text) == "Also here: Mara Linden"


def test_who_is_not_heard_of_for_forty_seconds_has_left(
    complaint: Complaint, mara: Actor, chen: Actor, browser_of: Browser, clock: time_machine.Traveller
) -> None:
    first, second = browser_of(mara), browser_of(chen)
    first.get(HERE)
    clock.shift(39)
    assert shown(second.get(THERE, headers=HTMX).text) == "Also here: Mara Linden"
    clock.shift(2)
    assert shown(second.get(THERE, headers=HTMX).text) == ""


def test_redis_forgets_a_page_by_itself(
    complaint: Complaint, mara: Actor, browser_of: Browser, redis_server: Redis
) -> None:
    browser_of(mara).get(HERE)
    with redis_server.client() as client:
        assert 0 < client.ttl(f"redress:here:{complaint.id}") <= 40


def test_while_all_is_as_it_was_there_is_nothing_to_swap(
    complaint: Complaint, mara: Actor, chen: Actor, browser_of: Browser
) -> None:
    desk = browser_of(mara)
    address = here(desk.get(HERE).text)
    assert desk.get(address, headers=HTMX).status_code == 204
    browser_of(chen).get(HERE)
    answer = desk.get(address, headers=HTMX)
    assert (answer.status_code, shown(answer.text)) == (200, "Also here: 陈予安")
    assert desk.get(here(answer.text), headers=HTMX).status_code == 204


@on_both_databases
def test_who_changed_the_complaint_since_the_page_was_loaded_is_said(
    complaint: Complaint, mara: Actor, chen: Actor, browser_of: Browser, make: sessionmaker[Session],
    clock: time_machine.Traveller,
) -> None:  # fmt: skip
    desk = browser_of(mara)
    address = here(desk.get(HERE).text)
    change(make, complaint, chen, clock)
    answer = desk.get(address, headers=HTMX).text
    assert shown(answer) == "陈予安 changed this complaint at 09:31. Show the newest"
    assert f'<a href="{HERE}">' in answer
    assert desk.get(here(answer), headers=HTMX).status_code == 204
    assert shown(desk.get(HERE).text) == ""


@pytest.mark.parametrize("who", ["mara", "system"])
def test_a_change_by_nobody_else_has_no_name(
    who: str, complaint: Complaint, mara: Actor, browser_of: Browser, make: sessionmaker[Session],
    clock: time_machine.Traveller,
) -> None:  # fmt: skip
    change(make, complaint, mara if who == "mara" else SYSTEM, clock)
    answer = browser_of(mara).get(THERE, headers=HTMX).text
    assert shown(answer) == "This complaint changed at 09:31. Show the newest"


@pytest.mark.parametrize("version", ["", "x", "1", "9" * 40])
def test_any_version_gets_an_answer(complaint: Complaint, mara: Actor, browser_of: Browser, version: str) -> None:
    assert browser_of(mara).get(f"{HERE}/presence?version={version}", headers=HTMX).status_code == 200


def test_a_name_is_text(complaint: Complaint, chen: Actor, browser_of: Browser, make: sessionmaker[Session]) -> None:
    browser_of(somebody(make, "<b>Bea</b> & Co")).get(HERE)
    page = browser_of(chen).get(THERE, headers=HTMX).text
    assert "<b>Bea" not in page
    assert shown(page) == "Also here: <b>Bea</b> & Co"


def test_a_stranger_finds_nothing_and_is_not_seen(
    complaint: Complaint, mara: Actor, browser_of: Browser, make: sessionmaker[Session]
) -> None:
    stranger = browser_of(somebody(make, "Stranger", "dept"))
    for address in (THERE, HERE, "/complaints/C-2026-0999/presence"):
        assert stranger.get(address, headers=HTMX).status_code == 404
    assert shown(browser_of(mara).get(HERE).text) == ""


@pytest.fixture
def desk(complaint: Complaint, mara: Actor, chen: Actor, browser_of: Browser) -> FlaskClient:
    browser_of(chen).get(HERE)
    return browser_of(mara)


def test_without_redis_nobody_is_shown_and_all_else_works(
    desk: FlaskClient, complaint: Complaint, chen: Actor, make: sessionmaker[Session], redis_server: Redis,
    clock: time_machine.Traveller,
) -> None:  # fmt: skip
    redis_server.stop()
    page = desk.get(HERE)
    assert (page.status_code, shown(page.text)) == (200, "")
    change(make, complaint, chen, clock)
    assert shown(desk.get(THERE, headers=HTMX).text).startswith("陈予安 changed this complaint")
    redis_server.start()
    for _ in range(2):  # the first may meet the connection that was cut
        desk.get(THERE, headers=HTMX)
    with redis_server.client() as client:
        assert client.zcard(f"redress:here:{complaint.id}") == 1


def test_a_redis_that_takes_connections_and_answers_nothing_shows_nobody(
    desk: FlaskClient, redis_server: Redis
) -> None:
    with redis_server.paused():
        assert shown(desk.get(HERE).text) == ""
    assert shown(desk.get(HERE).text) == "Also here: 陈予安"
