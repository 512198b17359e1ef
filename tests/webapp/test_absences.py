"""When people are away, and of what they get mail."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from complaints import channels
from complaints.database import transaction
from complaints.deputies import Absence
from complaints.people import Actor, User
from tests.builders import a_person
from tests.webapp.conftest import Browser

WEEK = {"from_on": "2026-11-18", "to_on": "2026-11-20"}


@pytest.fixture
def deputy(make: Any, clerk: Actor) -> Actor:
    with transaction(make) as session:
        return a_person(session, "sales", name="Tomas Rehn")


@pytest.fixture
def admin(make: Any, clerk: Actor) -> Actor:
    with transaction(make) as session:
        return a_person(session, "admin", name="Root")


def entered(make: Any) -> list[tuple[int, int, bool]]:
    with make() as session:
        query = select(Absence.user_id, Absence.deputy_id, Absence.ended_at.is_not(None)).order_by(Absence.id)
        return [(*row,) for row in session.execute(query)]


def test_a_person_enters_an_absence_and_ends_it(desk: FlaskClient, clerk: Actor, deputy: Actor, make: Any) -> None:
    for _ in range(2):
        assert desk.post("/me/absence", data={**WEEK, "deputy": deputy.id}).status_code == 303
    assert entered(make) == [(clerk.id, deputy.id, False)]
    page = desk.get("/me/absence").text
    assert "Stands in: Tomas Rehn" in page
    for _ in range(2):
        assert desk.post("/me/absence/1/end").status_code == 303
    assert entered(make) == [(clerk.id, deputy.id, True)]
    assert "nothing is entered" in desk.get("/me/absence").text


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"deputy": ""}, "Choose who stands in"),
        ({"deputy": "1"}, "Nobody stands in for themselves"),
        ({"deputy": "99999999999"}, "Choose who stands in"),
        ({"from_on": "soon"}, "Say the first day"),
        ({"to_on": "2026-11-17"}, "The last day comes before the first"),
        ({"from_on": "2026-11-01", "to_on": "2026-11-15"}, "it cannot be over yet"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    typed: dict[str, str], sentence: str, desk: FlaskClient, deputy: Actor, make: Any
) -> None:
    answer = desk.post("/me/absence", data={**WEEK, "deputy": str(deputy.id), **typed})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert typed.get("from_on", "2026-11-18") in answer.text or typed == {"from_on": "soon"}
    assert entered(make) == []


def test_administrators_enter_it_for_everybody_and_others_find_nothing(
    desk: FlaskClient, clerk: Actor, deputy: Actor, admin: Actor, make: Any, browser_of: Browser
) -> None:
    for address in ("/settings/absences", "/settings/absences/1/end"):
        assert desk.post(address).status_code == 404
    assert desk.get("/settings/absences").status_code == 404
    root = browser_of(admin)
    assert root.post("/settings/absences", data={**WEEK, "user": clerk.id, "deputy": deputy.id}).status_code == 303
    assert "Mara Linden" in root.get("/settings/absences").text
    assert browser_of(deputy).post("/me/absence/1/end").status_code == 404
    assert root.post("/settings/absences/1/end").status_code == 303
    assert entered(make) == [(clerk.id, deputy.id, True)]
    assert "Choose somebody who works here" in root.post("/settings/absences", data={**WEEK, "user": "x"}).text


def test_everybody_chooses_of_what_they_get_mail(desk: FlaskClient, clerk: Actor, make: Any) -> None:
    assert desk.get("/me/mail").text.count(" checked") == len(channels.KINDS) + 1
    assert desk.post("/me/mail", data={"mail": ["moves", "nonsense"]}).status_code == 303
    page = desk.get("/me/mail").text
    assert page.count(" checked") == 2
    with make() as session:
        chosen = session.get_one(User, clerk.id).preferences
    assert [kind for kind in channels.KINDS if channels.wants(chosen, kind)] == ["moves"]
    assert "nonsense" not in chosen["mail"]
