"""The page on which front office writes what times were agreed with a customer, and where they show."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from complaints.customers import Customer
from complaints.database import transaction
from tests.desk import Desk
from tests.webapp.conftest import Browser, on_both_databases
from tests.webapp.test_complaint_page import visible

HERE = "/customers/1/limits"
D3 = {
    "name-0": "D3", "amount-0": "24", "unit-0": "hours", "stops-0": "manufacturing|part:d3", "responsible-0": "qe",
}  # fmt: skip


@pytest.fixture
def people(make: sessionmaker[Session]) -> Desk:
    return Desk(make)


@pytest.fixture
def clerk(people: Desk, browser_of: Browser) -> FlaskClient:
    return browser_of(people["clerk"])


@on_both_databases
def test_what_was_agreed_stands_in_the_file_in_the_form_and_on_the_next_complaint(
    people: Desk, clerk: FlaskClient
) -> None:
    assert "None: the procedure's limits hold." in visible(clerk.get("/customers/1").text)
    form = D3 | {"version": "1", "amount-manufacturing-qa_reply": "1", "unit-manufacturing-qa_reply": "working_days",
                 "pauses-manufacturing-qa_reply": "yes"}  # fmt: skip
    assert clerk.post(HERE, data=form).status_code == 303
    shown = visible(clerk.get("/customers/1").text)
    assert "QA's reply : 1 working day may stand still while we wait for them" in shown
    assert "D3 : 24 hours until: D3 Interim containment" in shown
    filled = clerk.get(HERE).text
    assert re.search(r'name="amount-manufacturing-qa_reply" value="1"', filled)
    assert '<option value="manufacturing|part:d3" selected>' in filled
    number = people.to_investigation()
    shown = visible(clerk.get(f"/complaints/{number}").text)
    assert "D3 (Quellstrom Mobility)" in shown
    assert ", 24 hours, round the clock. Promised to Quellstrom Mobility, until: D3 Interim containment." in shown
    assert "Agreed with Quellstrom Mobility; the procedure says 3 working days." in shown


def test_a_form_that_is_wrong_keeps_what_was_typed_and_one_that_is_stale_shows_both(
    people: Desk, clerk: FlaskClient
) -> None:
    wrong = clerk.post(HERE, data=D3 | {"version": "1", "amount-0": "soon", "stops-0": "manufacturing|part:d9"})
    assert wrong.status_code == 422
    assert {"A whole number from 1 to 1000", "Choose what ends it"} <= {
        visible(each) for each in re.findall(r'(?s)<p class="field__err".*?</p>', wrong.text)
    }
    assert 'value="soon"' in wrong.text
    assert clerk.post(HERE, data=D3 | {"version": "1"}).status_code == 303
    stale = clerk.post(HERE, data=D3 | {"version": "1", "amount-0": "48"})
    assert stale.status_code == 409
    assert 'value="48"' in stale.text
    assert "Now stored: 24" in visible(stale.text)
    with transaction(people.make) as session:
        assert session.get_one(Customer, 1).version == 2


def test_others_find_no_such_page(people: Desk, browser_of: Browser) -> None:
    assert browser_of(people["dept"]).get(HERE).status_code == 404
    assert browser_of(people["dept"]).post(HERE, data=D3).status_code == 404


@pytest.mark.parametrize(
    "typed", [{"id-0": "9" * 400}, {"id-0": "-1"}, {"amount-0": "٣"}, {"unit-0": "weeks"}, {"name-x": "D8"}]
)
def test_any_form_gets_an_answer(people: Desk, clerk: FlaskClient, typed: dict[str, str]) -> None:
    assert clerk.post(HERE, data=D3 | {"version": "1"} | typed).status_code in (303, 422)
    assert clerk.post(HERE, data=D3 | {"version": "1", "amount-0": "0"} | typed).status_code == 422
