"""Who works on a complaint, as its page shows it, and the forms that name somebody or hand it over."""

import re
from html import unescape

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from complaints.complaint import find
from tests.complaints.test_turns import newcomer
from tests.desk import Desk
from tests.webapp.conftest import Browser, on_both_databases


@pytest.fixture
def desk(make: sessionmaker[Session], clock: time_machine.Traveller) -> Desk:
    desk = Desk(make)
    newcomer(desk, "second sales", "sales")
    return desk


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def version(desk: Desk, number: str) -> int:
    with desk.make() as session:
        return desk.find(session, number).version


def name(browser: FlaskClient, desk: Desk, number: str, to: str, **changes: str) -> tuple[int, str, str]:
    form = {"post": "sales", "user": str(desk[to].id), "act": "name", "version": str(version(desk, number))} | changes
    answer = browser.post(f"/complaints/{number}/people", data=form)
    return answer.status_code, answer.location or "", words(answer.text)


@on_both_databases
def test_the_panel_says_who_has_it_in_which_role_and_offers_what_the_reader_may_do(
    desk: Desk, browser_of: Browser
) -> None:
    number = desk.to_customer_reply()
    sales = browser_of(desk["sales"])
    page = sales.get(f"/complaints/{number}").text
    assert f'hx-get="/complaints/{number}/people" hx-trigger="intersect once"' in page
    whole = words(sales.get(f"/complaints/{number}/people").text)
    assert "Salesperson any of sales , second sales Name somebody…" in whole
    panel = sales.get(f"/complaints/{number}/people", headers={"HX-Request": "true"}).text
    assert "<html" not in panel
    assert "Name somebody…" not in words(browser_of(desk["qe"]).get(f"/complaints/{number}/people").text)
    assert browser_of(desk["staff"]).get(f"/complaints/{number}/people").status_code == 404


@pytest.mark.requirement("S79", "S207")
@on_both_databases
def test_a_complaint_is_handed_over_and_the_customer_is_told_who_takes_over(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_customer_reply()
    sales = browser_of(desk["sales"])
    status, location, _ = name(sales, desk, number, "sales")
    assert (status, location) == (303, f"/complaints/{number}#people")
    assert "Hand over…" in words(sales.get(f"/complaints/{number}/people").text)
    told = {"act": "hand-over", "reason": "I am <away>", "tell_customer": "1"}
    status, location, _ = name(sales, desk, number, "second sales", **told)
    assert (status, location) == (303, f"/complaints/{number}?contact=progress_told#composer")
    page = sales.get(location).text
    assert '<option value="progress_told" selected>' in page
    assert "sales handed it over to second sales : Salesperson : I am <away>" in words(page)
    work = words(sales.get("/work").text)
    assert f"Handed over, until solved 1 {number} second sales has it: Salesperson" in work
    with desk.make() as session:
        assert find(session, number, desk["sales"]).owner_id == desk["second sales"].id


def test_a_refused_form_says_why_at_its_field_and_keeps_what_was_typed(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_customer_reply()
    sales = browser_of(desk["sales"])
    name(sales, desk, number, "sales")
    status, _, text = name(sales, desk, number, "second sales", act="hand-over", reason=" ")
    assert status == 422
    assert text.count("Please say why you hand it over") == 1
    answer = sales.post(
        f"/complaints/{number}/people",
        data={"post": "sales", "user": "0", "act": "hand-over", "version": version(desk, number), "reason": "<b>away"},
    )
    assert answer.status_code == 422
    assert "&lt;b&gt;away</textarea>" in answer.text
    assert name(sales, desk, number, "second sales", act="hand-over", reason="away", version="1")[0] == 409


@pytest.mark.parametrize("post", ["", "x", "sales.x", "dept_head.99999999999", "gm.1", "inspector"])
def test_any_post_gets_an_answer(desk: Desk, browser_of: Browser, post: str) -> None:
    number = desk.to_customer_reply()
    assert name(browser_of(desk["sales"]), desk, number, "sales", post=post)[0] in (404, 422)


def test_who_may_not_name_is_told_whom_to_ask(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_customer_reply()
    status, _, text = name(browser_of(desk["qe"]), desk, number, "sales")
    assert status == 422
    assert "Ask Salesperson, Marketing supervisor, Marketing vice general manager." in text
