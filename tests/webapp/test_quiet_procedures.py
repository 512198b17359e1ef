"""Pages of a procedure that keeps quiet, for the roles that it brings with it: nobody is notified, and they alone
decide whether a complaint stays on the board."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints.complaint import Involvement
from complaints.database import transaction
from complaints.registration import NobodyNotified, notify
from tests.builders import a_complaint, a_person
from tests.desk import CONTEXT, Desk
from tests.profiles.looking import at_desk
from tests.walking import Walker
from tests.webapp.conftest import NOW, Browser

HERE = "/complaints/C-2026-0001"
LEAVE = {"outcome": "not_complaint", "reason": "It asks for the opening hours", "version": "1", "back": HERE}


@pytest.fixture
def walker(make: sessionmaker[Session]) -> Walker:
    return at_desk(Walker(Desk(make, at=NOW), "petition")).draft(subject="The river")


@pytest.fixture
def office(walker: Walker, browser_of: Browser) -> FlaskClient:
    return browser_of(walker.people["petition_office"][0])


def test_no_department_is_offered_nor_notified(walker: Walker, office: FlaskClient) -> None:
    assert "Departments to notify" not in office.get(HERE).text
    assert "Departments to notify" not in office.get("/complaints/new?procedure=petition").text
    walker.to("registered")
    assert "Notify…" not in office.get(HERE).text
    with transaction(walker.desk.make) as session:
        complaint = walker.desk.find(session, walker.number)
        told = select(Involvement.id).where(Involvement.department_id.is_not(None))
        assert session.scalars(told).all() == []
        with pytest.raises(NobodyNotified):
            notify(session, complaint, [1], by=walker.people["petition_office"][0], at=NOW, context=CONTEXT)


def test_who_has_a_way_off_the_board_by_the_procedure_takes_it_and_brings_the_complaint_back(
    walker: Walker, office: FlaskClient
) -> None:
    assert "Leaves the board" in office.get(HERE).text
    refused = office.post(f"{HERE}/off-board", data=LEAVE | {"reason": ""})
    assert (refused.status_code, "Please say why." in refused.text) == (422, True)
    assert office.post(f"{HERE}/off-board", data=LEAVE).status_code == 303
    assert walker.stage == "not_complaint"
    page = office.get(HERE).text
    assert "Bring back to the board" in page
    office.post(f"{HERE}/bring-back", data={"version": "2", "back": HERE})
    assert walker.stage == "received"


def test_who_only_noted_it_decides_nothing(walker: Walker, browser_of: Browser) -> None:
    with transaction(walker.desk.make) as session:
        staff = a_person(session, "staff")
        number = a_complaint(session, by=staff, procedure_key="petition").number
    mine = browser_of(staff)
    assert "Leaves the board" not in mine.get(f"/complaints/{number}").text
    assert mine.post(f"/complaints/{number}/off-board", data=LEAVE).status_code == 404
