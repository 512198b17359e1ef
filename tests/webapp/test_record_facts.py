"""Facts that stand in records: shown with those of the entry and edited there, by the rules of their records."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from tests.builders import MONDAY
from tests.desk import Desk
from tests.webapp.conftest import Browser, on_both_databases

As = Callable[[str], FlaskClient]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make, at=MONDAY)


@pytest.fixture
def as_(desk: Desk, browser_of: Browser) -> As:
    return lambda role: browser_of(desk[role])


def visible(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def facts(html: str) -> str:
    """The facts on a complaint's page, as they are read."""
    return visible(html[html.index('id="facts"') : html.index("</section>", html.index('id="facts"'))])


def version(html: str) -> str:
    return re.findall(r'name="version" value="(\d+)"', html)[0]


@on_both_databases
def test_who_is_responsible_is_edited_with_the_facts_and_stands_in_the_record_alone(desk: Desk, as_: As) -> None:
    number = desk.to_investigation()
    qe, here = as_("qe"), f"/complaints/{number}/records/finding"
    assert f'hx-get="{here}/facts" hx-target="#fact-of-finding"' in qe.get(f"/complaints/{number}").text
    form = qe.get(f"{here}/facts", headers=HTMX).text
    assert "<html" not in form
    assert re.findall(r'id="f-finding-(\w+)"', form) == ["responsibility", "departments"]
    assert 'name="text"' not in form  # the finding itself is no fact
    said = {"version": version(form), "responsibility": "ours", "departments": ["", str(desk.department)]}
    answer = qe.post(f"{here}?back=facts", data=said)
    assert (answer.status_code, answer.location) == (303, f"/complaints/{number}#fact-of-finding")
    assert desk.case(number).records["finding"].values["responsibility"] == "ours"
    page = qe.get(f"/complaints/{number}").text
    assert "Responsibility Ours Edit Finding Responsible departments Machining" in facts(page)
    assert "QE engineer qe" in facts(page)
    ways = qe.get(f"/complaints/{number}/facts", headers=HTMX).text
    assert "field=finding.responsibility" in ways
    history = visible(qe.get(f"/complaints/{number}/history?field=finding.departments").text)
    assert "qe Responsible departments Machining" in history
    assert "Ours" not in history


def test_the_signs_of_a_major_complaint_are_ticked_with_the_facts_and_propose_the_class(desk: Desk, as_: As) -> None:
    number = desk.registered()
    clerk, here = as_("clerk"), f"/complaints/{number}/records/form"
    page = clerk.get(f"/complaints/{number}").text
    assert "Signs of a major complaint –" in facts(page)
    said = {"version": "0", "signs": ["", "line_stop", "media"], "signs_why": "the line stood for two hours"}
    assert clerk.post(f"{here}?back=facts", data=said).status_code == 303
    page = clerk.get(f"/complaints/{number}").text
    assert "Customer line stop, Media exposure" in facts(page)
    assert "Why these signs the line stood for two hours" in facts(page)
    assert "Major is proposed" in visible(page) or "proposed-class" in page
    assert desk.case(number).complaint.complaint_class == "general"  # a person decides


def test_of_two_who_change_the_same_the_second_sees_both_and_the_draft_goes_when_it_is_sent(
    desk: Desk, as_: As
) -> None:
    number = desk.to_investigation()
    qe, here = as_("qe"), f"/complaints/{number}/records/finding"
    draft = {"responsibility": "not_ours", "version": "0", "draft_version": "0"}
    assert qe.post(f"/complaints/{number}/drafts/facts:finding", data=draft).status_code == 303
    assert "data-begun" in qe.get(f"/complaints/{number}").text
    assert 'value="not_ours" selected' in qe.get(f"{here}/facts").text
    desk.write(number, "finding", "qa_head", responsibility="ours")
    stale = qe.post(f"{here}?back=facts", data={"version": "0", "responsibility": "not_ours"})
    assert stale.status_code == 409
    assert "Now stored: Ours" in visible(stale.text)
    sent = {"responsibility": "not_ours", "version": version(stale.text), "draft": "facts:finding"}
    assert qe.post(f"{here}?back=facts", data=sent | {"draft_version": "1"}).status_code == 303
    assert "data-begun" not in qe.get(f"/complaints/{number}").text
    wrong = qe.post(f"{here}?back=facts", data={"version": "2", "responsibility": "nobody's"})
    assert wrong.status_code == 422
    assert "choose one of the list" in visible(
        re.findall(r'id="f-finding-responsibility-problem".*?</p>', wrong.text)[0]
    )
    assert qe.post(f"/complaints/{number}/drafts/facts:plan/discard").status_code == 404


def test_who_may_not_write_in_the_record_is_led_to_it_and_a_stranger_finds_nothing(desk: Desk, as_: As) -> None:
    number = desk.to_action_plan()
    member, here = as_("dept"), f"/complaints/{number}/records"
    page = member.get(f"/complaints/{number}").text
    assert f"{here}/finding/facts" not in page
    assert f'href="{here}#f-finding">Record' in page
    assert member.get(f"{here}/finding/facts").status_code == 403
    assert member.get(f"{here}/plan/facts").status_code == 404
    assert as_("staff").get(f"{here}/finding/facts").status_code == 404
