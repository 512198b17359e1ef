"""A class that is proposed, on the complaint's page: who sees what, and one button that sets it."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from tests.builders import MONDAY
from tests.desk import Desk
from tests.webapp.conftest import Browser, on_both_databases
from tests.webapp.test_records import version_of, visible

As = Callable[[str], FlaskClient]


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make, at=MONDAY)


@pytest.fixture
def as_(desk: Desk, browser_of: Browser) -> As:
    return lambda role: browser_of(desk[role])


@pytest.fixture
def ticked(desk: Desk) -> str:
    number = desk.registered()
    desk.write(number, "form", "sales", request="Find the cause", signs=["media", "line_stop"])
    return number


def proposal(html: str) -> str:
    start = html.find('id="proposed-class"')
    return html[start : html.index("</section>", start)] if start >= 0 else ""


@on_both_databases
def test_the_page_says_what_proposes_the_class_and_one_button_sets_it(desk: Desk, as_: As, ticked: str) -> None:
    supervisor = as_("mkt_sup")
    shown = proposal(supervisor.get(f"/complaints/{ticked}").text)
    assert visible(f"<p {shown}") == (
        "Proposed class: Major Signs of a major complaint : Media exposure, Customer line stop Set the class to Major"
    )
    assert '/records#f-form-signs"' in shown
    form = {"version": version_of(desk, ticked), "complaint_class": "major"}
    assert supervisor.post(f"/complaints/{ticked}/entry", data=form).status_code == 303
    page = supervisor.get(f"/complaints/{ticked}").text
    assert proposal(page) == ""
    assert 'class="chip chip--major"' in page


def test_who_may_not_raise_the_class_reads_who_does(as_: As, ticked: str) -> None:
    shown = proposal(as_("dept_head").get(f"/complaints/{ticked}").text)
    assert "The class is set by: Marketing supervisor, " in visible(f"<p {shown}")
    assert "<button" not in shown


def test_the_work_list_of_the_supervisor_leads_to_it(as_: As, ticked: str) -> None:
    supervisor = as_("mkt_sup").get("/work").text
    assert "Decide on the class: Major is proposed" in visible(supervisor)
    assert f'href="/complaints/{ticked}#proposed-class"' in supervisor
    assert "Decide on the class" not in as_("sales").get("/work").text


def test_quality_raises_the_class_in_the_entry_and_finds_no_other_field_of_its_registration(
    desk: Desk, as_: As, ticked: str
) -> None:
    quality = as_("qe")
    fact = f"/complaints/{ticked}/facts/complaint_class"
    page = quality.get(fact).text
    assert 'name="complaint_class"' in page
    assert quality.get(f"/complaints/{ticked}/facts/cause_type").status_code == 403
    assert 'name="class_reason"' not in page
    assert 'name="class_reason"' in as_("mkt_vp").get(fact).text
    form = {"version": version_of(desk, ticked), "complaint_class": "major", "order_no": "PO-1"}
    assert quality.post(f"/complaints/{ticked}/entry", data=form).status_code == 303
    found = desk.case(ticked).complaint
    assert (found.complaint_class, found.order_no) == ("major", "PO-1")
    form = {"version": found.version, "complaint_class": "general", "class_reason": "no line stopped"}
    answer = quality.post(f"/complaints/{ticked}/entry", data=form)
    assert answer.status_code == 422
    assert "Only Marketing vice general manager may lower the class" in visible(answer.text)


def test_the_class_of_a_draft_is_chosen_with_its_entry(desk: Desk, as_: As) -> None:
    number = desk.draft(complaint_class=None)
    client = as_("clerk")
    form = {"version": version_of(desk, number), "procedure": "postal"}
    assert client.post(f"/complaints/{number}/entry", data=form).status_code == 303
    desk.write(number, "concerns", "clerk", offices="Hangzhou", several="yes")
    shown = proposal(client.get(f"/complaints/{number}").text)
    assert "Proposed class: Complex" in visible(f"<p {shown}")
    assert 'href="#f-complaint_class"' in shown
