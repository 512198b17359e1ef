"""Penalties as their pages show them, and that nobody else hears of them."""

import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.penalties import propose_due
from complaints.penalty import CONFIRMED, REJECTED, Penalty
from complaints.people import User
from tests.builders import a_person
from tests.desk import CONTEXT, Desk
from tests.webapp.boards import counted
from tests.webapp.conftest import NOW, Browser, on_both_databases

BEFORE = NOW - timedelta(days=10)


@pytest.fixture
def desk(make: sessionmaker[Session], clock: time_machine.Traveller) -> Desk:
    return Desk(make, BEFORE)


@pytest.fixture
def number(desk: Desk) -> str:
    """A complaint whose answer is late, and a draft that nobody registered."""
    number = desk.to_action_plan()
    desk.draft()
    propose_due(desk.make, NOW, CONTEXT)
    return number


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def main(page: str) -> str:
    return words(page[page.index("<main") : page.index("</main>")])


def boxes(page: str) -> list[str]:
    return re.findall(r'name="penalty" value="([^"]+)"', page)


def rows(desk: Desk) -> dict[str, Penalty]:
    with desk.make() as session:
        return {each.kind: each for each in session.scalars(select(Penalty))}


@on_both_databases
def test_each_proposal_has_its_evidence_and_a_way_to_the_complaint(
    desk: Desk, number: str, browser_of: Browser
) -> None:
    page = browser_of(desk["qa_mgr"]).get("/penalties").text
    assert f'href="/complaints/{number}#clocks"' in page
    told = main(page)
    assert "Late: QA's reply C-2026-0001 Oil weeping at HX-210 face seal began Fri 6 Nov" in told
    assert "not done yet · 2d 1h over" in told
    assert "qe QE engineer, Quality 30 yuan Proposed" in told
    assert "Corrective-action plan" not in told


@pytest.mark.requirement("S92")
@on_both_databases
def test_several_are_decided_at_once_and_the_month_shows_the_confirmed_sum(
    desk: Desk, number: str, browser_of: Browser
) -> None:
    browser = browser_of(desk["gm"])
    page = browser.get("/penalties").text
    ticked = boxes(page)
    assert len(ticked) == 3
    kinds = {each.id: kind for kind, each in rows(desk).items()}
    notify = next(each for each in ticked if kinds[int(each.split(":")[0])] == "p_notify")
    others = [each for each in ticked if each != notify]
    refused = browser.post("/penalties/decisions", data={"penalty": notify, "decision": "rejected", "reason": " "})
    assert (refused.status_code, "Please say why" in words(refused.text)) == (422, True)
    assert f'value="{notify}" form="decide" checked' in refused.text
    browser.post("/penalties/decisions", data={"penalty": notify, "decision": "rejected", "reason": "Server down"})
    answer = browser.post("/penalties/decisions", data={"penalty": others, "decision": "confirmed"})
    assert answer.status_code == 303
    told = main(browser.get("/penalties?state=all").text)
    assert "2 penalties are confirmed." in told
    assert "Confirmed in November 2026: 50 yuan By person Responsible Number Yuan qe 1 30 dept_head 1 20" in told
    assert "By department Department Number Yuan Quality 1 30 Machining 1 20" in told
    assert "Rejected: gm , Mon 16 Nov, 09:30 Server down" in told
    assert {kind: each.decision for kind, each in rows(desk).items()} == {
        "p_notify": REJECTED, "p_reply": CONFIRMED, "p_plan": CONFIRMED,
    }  # fmt: skip
    assert "There is nothing to decide on." in main(browser.get("/penalties").text)
    of_qe = main(browser.get(f"/penalties?state=all&person={desk['qe'].id}").text)
    assert ("Late: QA's reply" in of_qe, "Late: Corrective-action plan" in of_qe) == (True, False)


def test_who_was_there_first_decides_and_the_other_sees_it_with_their_words_kept(
    desk: Desk, number: str, browser_of: Browser
) -> None:
    gm, manager = browser_of(desk["gm"]), browser_of(desk["qa_mgr"])
    (box,) = boxes(manager.get("/penalties").text)
    gm.post("/penalties/decisions", data={"penalty": box, "decision": "confirmed"})
    answer = manager.post(
        "/penalties/decisions?state=all", data={"penalty": box, "decision": "rejected", "reason": "He was ill"}
    )
    assert answer.status_code == 409
    assert "Somebody else decided meanwhile." in words(answer.text)
    assert "Confirmed: gm" in main(answer.text)
    assert manager.get("/penalties").status_code == 200


def test_a_decision_is_taken_back_with_a_reason(desk: Desk, number: str, browser_of: Browser) -> None:
    browser = browser_of(desk["qa_mgr"])
    (box,) = boxes(browser.get("/penalties").text)
    browser.post("/penalties/decisions", data={"penalty": box, "decision": "confirmed"})
    penalty = rows(desk)["p_reply"]
    address = f"/penalties/{penalty.id}/decision/end?state=all"
    answer = browser.post(address, data={"version": penalty.version, "reason": ""})
    assert (answer.status_code, "Please say why" in words(answer.text)) == (422, True)
    assert browser.post(address, data={"version": penalty.version, "reason": "Not hers"}).status_code == 303
    told = main(browser.get("/penalties").text)
    assert "Decision taken back: qa_mgr , Mon 16 Nov, 09:30 Not hers" in told
    assert browser.post(address, data={"version": penalty.version, "reason": "Again"}).status_code == 409


def test_what_nobody_is_named_for_is_confirmed_with_a_name(desk: Desk, browser_of: Browser) -> None:
    with transaction(desk.make) as session:
        other = a_person(session, "clerk", name="另一位")
    desk.draft()
    propose_due(desk.make, NOW, CONTEXT)
    browser = browser_of(desk["mkt_vp"])
    page = browser.get("/penalties").text
    (box,) = boxes(page)
    field = f"person-{box.partition(':')[0]}"
    assert f'<option value="{other.id}" lang="zh">另一位</option>' in page
    answer = browser.post("/penalties/decisions", data={"penalty": box, "decision": "confirmed"})
    assert (answer.status_code, "Please name who had to do it" in words(answer.text)) == (422, True)
    sent = {"penalty": box, "decision": "confirmed", field: str(other.id)}
    assert browser.post("/penalties/decisions", data=sent).status_code == 303
    assert rows(desk)["p_notify"].user_id == other.id


@pytest.mark.requirement("S89")
def test_records_that_were_not_kept_are_proposed_by_hand(desk: Desk, number: str, browser_of: Browser) -> None:
    browser = browser_of(desk["qa_mgr"])
    sent = {"number": number.lower(), "kind": "p_records", "remark": "No QE entry"}
    answer = browser.post("/penalties", data=sent | {"number": "C-2026-0099"})
    assert (answer.status_code, "There is no complaint “C-2026-0099”" in words(answer.text)) == (422, True)
    assert "No QE entry" in answer.text
    assert browser.post("/penalties", data=sent | {"remark": ""}).status_code == 422
    assert browser.post("/penalties", data=sent | {"kind": "p_recur"}).status_code == 422
    assert browser_of(desk["mkt_vp"]).post("/penalties", data=sent).status_code == 422
    assert browser.post("/penalties", data=sent).status_code == 303
    told = main(browser.get("/penalties").text)
    assert told.count("No QE entry") == 2
    assert "Proposed by qa_mgr, Mon 16 Nov, 09:30" in told
    assert browser.post("/penalties", data=sent).status_code == 422


@pytest.mark.requirement("S90")
def test_a_recurrence_is_linked_with_measures_not_carried_out(desk: Desk, browser_of: Browser) -> None:
    before, again = desk.to_action_plan(), desk.registered()
    browser = browser_of(desk["qe"])
    assert 'name="linked_undone"' in browser.get(f"/complaints/{again}").text
    sent = {"linked_number": before, "linked_kind": "recurrence_of", "linked_undone": "1", "key": "a"}
    for _ in range(2):
        assert browser.post(f"/complaints/{again}/links", data=sent).status_code == 303
    assert [(kind, each.user_id, each.yuan) for kind, each in rows(desk).items()] == [
        ("p_recur", desk["dept_head"].id, 20)
    ]
    told = main(browser_of(desk["gm"]).get("/penalties").text)
    assert f"Measures not carried out, the same abnormality came again {again}" in told
    settings(browser_of(desk["admin"]), "0")
    assert 'name="linked_undone"' not in browser.get(f"/complaints/{again}").text


# Who sees them


def test_a_person_sees_their_own_and_cannot_decide(desk: Desk, number: str, browser_of: Browser) -> None:
    page = browser_of(desk["qe"]).get("/penalties").text
    assert "Late: QA's reply" in main(page)
    assert "Corrective-action plan" not in main(page)
    assert boxes(page) == []
    assert "Late:" not in main(browser_of(desk["sales"]).get("/penalties").text)
    box = boxes(browser_of(desk["gm"]).get("/penalties").text)[0]
    for role, status in (("sales", 404), ("admin", 403)):
        answer = browser_of(desk[role]).post("/penalties/decisions", data={"penalty": box, "decision": "confirmed"})
        assert answer.status_code == status


def test_of_a_complaint_that_is_not_theirs_a_decider_sees_the_number_alone(
    desk: Desk, number: str, browser_of: Browser
) -> None:
    page = browser_of(desk["gm"]).get("/penalties").text
    assert number in main(page)
    assert f'href="/complaints/{number}' not in page
    assert "Oil weeping" not in main(page)
    assert "How it came about" not in main(page)


def test_a_procedure_that_cannot_be_read_hides_no_penalty(desk: Desk, number: str, browser_of: Browser) -> None:
    with transaction(desk.make) as session:
        desk.find(session, number).procedure_version = 99
    told = main(browser_of(desk["qa_mgr"]).get("/penalties").text)
    assert "Late: qa_reply C-2026-0001" in told


def test_deciders_are_told_among_their_work_how_many_wait(desk: Desk, number: str, browser_of: Browser) -> None:
    assert "3 penalties to decide on" in main(browser_of(desk["gm"]).get("/work").text)
    assert "1 penalty to decide on" in main(browser_of(desk["qa_mgr"]).get("/work").text)
    page = browser_of(desk["qe"]).get("/work").text
    assert "to decide on" not in main(page)
    assert 'href="/penalties"' in page


def test_no_page_of_the_complaint_says_anything_of_it(desk: Desk, number: str, browser_of: Browser) -> None:
    browser = browser_of(desk["qa_mgr"])
    for path in ("", "/records", "/history", "/8d", "/prints"):
        answer = browser.get(f"/complaints/{number}{path}")
        if answer.status_code == 200:
            assert "enalt" not in main(answer.text)
            assert "yuan" not in main(answer.text)


@pytest.mark.parametrize(
    "asked", ["state=x", "month=2026-13", "month=x", "person=x", "department=99999999999", "before=-1", "before=x"]
)
def test_any_question_gets_an_answer(desk: Desk, number: str, browser_of: Browser, asked: str) -> None:
    assert browser_of(desk["gm"]).get(f"/penalties?{asked}").status_code == 200


@pytest.mark.parametrize("ticked", ["", "x", "1", "1:2:3", "-1:1", "9" * 30 + ":1"])
def test_any_odd_form_is_refused(desk: Desk, number: str, browser_of: Browser, ticked: str) -> None:
    answer = browser_of(desk["gm"]).post("/penalties/decisions", data={"penalty": ticked, "decision": "confirmed"})
    assert answer.status_code == 422


def test_a_long_list_asks_as_many_questions_as_a_short_one(
    desk: Desk, number: str, browser_of: Browser, app: Flask
) -> None:
    browser = browser_of(desk["gm"])
    browser.get("/penalties")
    with counted(app) as few:
        browser.get("/penalties")
    for _ in range(60):
        desk.draft()
    propose_due(desk.make, NOW, CONTEXT)
    with counted(app) as many:
        page = unescape(browser.get("/penalties").text)
    assert len(many) == len(few)
    more = re.search(r'href="(/penalties\?before=[^"]+)"', page)
    assert more
    assert len(boxes(browser.get(more[1]).text)) == 13


# The switch


def settings(browser: FlaskClient, on: str) -> int:
    return browser.post("/settings/parts/penalties", data={"on": on}).status_code


def test_an_administrator_switches_all_of_it_off_and_on(desk: Desk, number: str, browser_of: Browser) -> None:
    admin, gm = browser_of(desk["admin"]), browser_of(desk["gm"])
    assert settings(gm, "0") == 404
    assert gm.get("/settings/parts").status_code == 404
    assert settings(admin, "0") == 303
    assert "Since Mon 16 Nov, 09:30 , admin" in main(admin.get("/settings/parts").text)
    assert gm.get("/penalties").status_code == 404
    assert gm.post("/penalties/decisions", data={}).status_code == 404
    for path in ("/work", "/board"):
        assert "/penalties" not in gm.get(path).text
    assert settings(admin, "1") == 303
    assert "Switched on" in main(admin.get("/settings/parts").text)
    assert gm.get("/penalties").status_code == 200
    assert admin.post("/settings/parts/board", data={"on": "0"}).status_code == 404


def test_it_speaks_chinese(desk: Desk, number: str, browser_of: Browser) -> None:
    with transaction(desk.make) as session:
        session.get_one(User, desk["qa_mgr"].id).locale = "zh_CN"
    page = browser_of(desk["qa_mgr"]).get("/penalties").text
    assert "品管部答复" in main(page)
    assert "2026年11月" in main(page)
