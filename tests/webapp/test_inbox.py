"""The inbox shows every message with its reason, and to those only whom it concerns."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.letters import Sighting
from tests.builders import MONDAY, a_person
from tests.webapp.conftest import Browser


@pytest.fixture
def large(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        session.add(
            Sighting(
                size=40_000_000,
                headers="Subject: <b>Huge</b>\nFrom: a@b.example",
                received_at=MONDAY,
                seen_at=MONDAY + timedelta(minutes=1),
                outcome="quarantined",
                reason="too_large",
                values={"size": 40_000_000, "limit": 31_457_280},
            )
        )


def test_a_message_over_the_limit_is_seen_with_its_reason_and_header(
    large: None, make: sessionmaker[Session], browser_of: Browser
) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
    text = browser_of(clerk).get("/inbox?outcome=quarantined").text
    assert "The message has 40000000 octets; the limit is 31457280." in text
    assert "&lt;b&gt;Huge&lt;/b&gt;" in text


def test_other_outcomes_do_not_show_it(large: None, make: sessionmaker[Session], browser_of: Browser) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
    assert "40000000" not in browser_of(clerk).get("/inbox?outcome=drafted").text


def test_a_department_sees_no_inbox(large: None, make: sessionmaker[Session], browser_of: Browser) -> None:
    with transaction(make) as session:
        member = a_person(session, "dept")
    assert browser_of(member).get("/inbox").status_code == 404
