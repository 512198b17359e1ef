"""Saying that letters are read, from the page and from my work, with script and without."""

import re

import pytest
import time_machine
from sqlalchemy.orm import Session, sessionmaker

from tests.complaints.test_reading import comes, readings, unread
from tests.desk import Desk
from tests.webapp.conftest import Browser, on_both_databases

HTMX = {"HX-Request": "true"}


@pytest.fixture
def desk(make: sessionmaker[Session], clock: time_machine.Traveller) -> Desk:
    return Desk(make)


def sent(html: str) -> dict[str, str]:
    """What the form that says it would send."""
    found = re.search(r'<form[^>]+action="/complaints/[^"]+/reading".*?</form>', html, re.DOTALL)
    assert found, html
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found[0]))


@on_both_databases
def test_a_button_under_the_newest_letter_says_that_it_is_read(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_investigation()
    comes(desk, number, "first@customer.example")
    comes(desk, number, "second@customer.example")
    engineer = browser_of(desk["qe"])
    page = engineer.get(f"/complaints/{number}").text
    assert "2 letters of the customer are unread." in page
    assert unread(desk, number) == 2, "a look alone changes nothing"
    answer = engineer.post(f"/complaints/{number}/reading", data=sent(page), follow_redirects=True)
    assert f"What the customer wrote in {number} is read." in answer.text
    assert "Mark as read" not in answer.text
    assert "read what the customer wrote" in answer.text
    assert (unread(desk, number), len(readings(desk, number))) == (0, 1)


@on_both_databases
def test_a_line_of_my_work_says_it_as_well_and_leads_back(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_investigation()
    comes(desk, number, "first@customer.example")
    engineer = browser_of(desk["qe"])
    form = sent(engineer.get("/work").text)
    answer = engineer.post(f"/complaints/{number}/reading", data=form)
    assert (answer.status_code, answer.location) == (303, "/work")
    assert "Read what the customer wrote" not in engineer.get("/work").text


def test_to_script_the_button_goes_and_my_work_loads_itself_anew(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_investigation()
    comes(desk, number, "first@customer.example")
    engineer = browser_of(desk["qe"])
    of_work, of_page = sent(engineer.get("/work").text), sent(engineer.get(f"/complaints/{number}").text)
    comes(desk, number, "second@customer.example")
    answer = engineer.post(f"/complaints/{number}/reading", data=of_work, headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Trigger"]) == (204, "refresh")
    answer = engineer.post(f"/complaints/{number}/reading", data=of_page, headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true"), "a letter is there that it lacks"
    of_page = sent(engineer.get(f"/complaints/{number}").text)
    answer = engineer.post(f"/complaints/{number}/reading", data=of_page, headers=HTMX)
    assert (answer.status_code, 'id="unread"' in answer.text, "<form" in answer.text) == (200, True, False)
    assert unread(desk, number) == 0


def test_who_only_follows_a_complaint_has_no_button_and_is_refused(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_investigation()
    last = comes(desk, number, "first@customer.example")
    member = browser_of(desk["dept_head"])
    assert "Mark as read" not in member.get(f"/complaints/{number}").text
    form = {**_token(member.get(f"/complaints/{number}").text), "upto": str(last)}
    assert member.post(f"/complaints/{number}/reading", data=form).status_code == 403
    assert unread(desk, number) == 1


@pytest.mark.parametrize("upto", ["", "x", "-1", "9" * 40])
def test_an_odd_letter_reads_nothing(desk: Desk, browser_of: Browser, upto: str) -> None:
    number = desk.to_investigation()
    comes(desk, number, "first@customer.example")
    engineer = browser_of(desk["qe"])
    form = sent(engineer.get(f"/complaints/{number}").text) | {"upto": upto}
    assert engineer.post(f"/complaints/{number}/reading", data=form).status_code == 303
    assert unread(desk, number) == 1


def _token(html: str) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([^"]*)"', html)
    return {"csrf_token": found[1]} if found else {}
