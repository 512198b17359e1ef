"""My work in a browser without script, what its list asks for again, and the answer list."""

import re
from html import unescape
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import answers, off_board, procedure_store
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.off_board import NOT_COMPLAINT, Decision
from complaints.people import Grant, User
from tests.complaints.test_worklist import an_enquiry, many_drafts
from tests.desk import CONTEXT, Desk
from tests.webapp.conftest import NOW, Browser, on_both_databases
from webapp.database import db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def desk(make: sessionmaker[Session], clock: time_machine.Traveller) -> Desk:
    return Desk(make)


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def group(html: str, key: str) -> str:
    """A group as it is read."""
    found = re.search(rf'<section class="workgroup" aria-labelledby="group-{key}".*?</section>', html, re.DOTALL)
    assert found, words(html)
    return words(found[0])


def links(html: str) -> list[str]:
    return re.findall(r'class="workrow" id="[^"]+" href="([^"]+)"', html)


def nav_count(html: str) -> str:
    found = re.search(r'<span id="work-nav"[^>]*>(.*?)</span></a>', html, re.DOTALL)
    assert found, html
    return words(found[1])


# The page


@on_both_databases
def test_each_line_says_what_is_to_be_done_for_whom_since_when_and_until_when(desk: Desk, browser_of: Browser) -> None:
    desk.registered()
    page = browser_of(desk["mkt_sup"]).get("/work").text
    told = group(page, "manufacturing-registered")
    assert told.startswith(
        "To do in Registered 已登记 1 C-2026-0001 General Fill in: First review Oil weeping at HX-210"
    )
    assert "Quellstrom Mobility since Mon 16 Nov, 09:02" in told
    assert told.endswith("left")
    assert nav_count(page) == "1 waiting"


@on_both_databases
def test_each_line_leads_straight_to_the_place_where_it_is_done(desk: Desk, browser_of: Browser) -> None:
    number = desk.draft()
    assert links(browser_of(desk["clerk"]).get("/work").text) == [f"/complaints/{number}#entry"]
    number = desk.to_action_plan()
    desk.write(number, "cause", "dept_head")
    assert f"/complaints/{number}/records#f-plan" in links(browser_of(desk["dept_head"]).get("/work").text)
    desk.write(number, "plan", "dept_head", what="Reset counter", owner=str(desk["dept"].id), due="2026-11-20")
    desk.sign(number, "plan_submitted", "dept_head")
    reply, review = f"/complaints/{number}/records#f-qa_reply", f"/complaints/{number}/records#f-sign-plan_review"
    assert links(browser_of(desk["qe"]).get("/work").text) == [review, reply]
    desk.approve_plan(number)
    assert f"/complaints/{number}/moves" in links(browser_of(desk["mr"]).get("/work").text)
    desk.move(number, "implementation", "mr")
    page = browser_of(desk["dept"]).get("/work").text
    assert f"/complaints/{number}/records#f-plan" in links(page)
    assert "Plan: Reset counter , due Fri 20 Nov 2026" in words(page)


def test_a_confirmed_withdrawal_leads_to_where_the_complaint_leaves_the_board(desk: Desk, browser_of: Browser) -> None:
    number = desk.registered()
    desk.write(number, "withdrawal", "sales", statement="They found it was theirs")
    desk.sign(number, "withdrawal_confirmed", "mkt_sup")
    clerk = browser_of(desk["clerk"])
    page = clerk.get("/work").text
    assert "Move to: Withdrawn" in group(page, "manufacturing-registered")
    assert f"/complaints/{number}#off-title" in links(page)
    shown = clerk.get(f"/complaints/{number}").text
    assert 'id="off-title"' in shown
    assert f'href="/complaints/{number}#off-title"' in shown


def test_in_chinese_it_says_the_same_in_chinese(desk: Desk, browser_of: Browser, make: sessionmaker[Session]) -> None:
    desk.registered()
    with transaction(make) as session:
        session.execute(update(User).values(locale="zh_CN"))
    page = browser_of(desk["mkt_sup"]).get("/work").text
    assert "初审" in group(page, "manufacturing-registered")
    assert "已登记" in group(page, "manufacturing-registered")


def test_what_is_done_is_gone_at_the_next_look(desk: Desk, browser_of: Browser) -> None:
    number = desk.registered()
    chief = browser_of(desk["mkt_sup"])
    assert number in chief.get("/work").text
    desk.write(number, "first_review", "mkt_sup")
    page = chief.get("/work").text
    assert (number in page, nav_count(page)) == (False, "")
    assert "Nothing waits for you." in words(page)


@pytest.mark.parametrize("role", ["admin", "staff", "gm", "warehouse"])
def test_nothing_to_do_is_said_in_a_friendly_way(desk: Desk, browser_of: Browser, role: str, make: Any) -> None:
    if role == "warehouse":
        with transaction(make) as session:
            session.execute(update(Grant).where(Grant.role == "staff").values(role="warehouse"))
    page = browser_of(desk.people.get(role, desk["staff"])).get("/work").text
    assert "Nothing waits for you." in words(page)
    assert ("/settings" in page) == (role == "admin")


def test_an_administrator_hears_of_a_role_that_nobody_holds(desk: Desk, browser_of: Browser, make: Any) -> None:
    desk.draft()
    with transaction(make) as session:
        session.execute(update(User).where(User.id == desk["clerk"].id).values(left_at=desk.at))
    page = browser_of(desk["admin"]).get("/work").text
    assert "Nobody holds the role Marketing clerk. 1 thing waits for it." in words(page)
    assert "C-2026-0001" not in page


@pytest.mark.requirement("S96")
def test_the_front_office_sees_what_nobody_is_responsible_for(desk: Desk, browser_of: Browser, make: Any) -> None:
    number = desk.to_investigation()
    with transaction(make) as session:
        session.execute(update(User).where(User.id == desk["qe"].id).values(left_at=desk.at))
    assert f"{number} Investigation" in group(browser_of(desk["clerk"]).get("/work").text, "nobody")
    assert "Nobody is responsible" not in browser_of(desk["qa_mgr"]).get("/work").text


@pytest.mark.requirement("S05")
def test_all_open_complaints_are_one_press_away(desk: Desk, browser_of: Browser) -> None:
    assert re.search(r'href="/board">.*All open complaints', browser_of(desk["clerk"]).get("/work").text)


def test_it_is_where_everybody_begins(desk: Desk, browser_of: Browser) -> None:
    clerk = browser_of(desk["clerk"])
    assert clerk.get("/").location == "/work"
    page = clerk.get("/work").text
    first = re.search(r'<nav class="nav".*?<a class="nav__a" href="([^"]+)" aria-current="page">', page, re.DOTALL)
    assert first is not None
    assert first[1] == "/work"


# Again and again


def test_the_list_asks_for_itself_again_and_brings_the_count_along(desk: Desk, browser_of: Browser) -> None:
    desk.draft()
    page = browser_of(desk["clerk"]).get("/work", headers=HTMX).text
    assert page.startswith('<div class="work" id="work" hx-get="/work" hx-trigger="every 60s, refresh"')
    assert re.findall(r'id="(work-\w+)" hx-swap-oob="true"', page) == ["work-nav", "work-tab"]
    assert "<html" not in page


@on_both_databases
def test_more_of_a_group_comes_in_pages_and_stays_when_the_list_comes_again(desk: Desk, browser_of: Browser) -> None:
    many_drafts(desk, 70)
    clerk = browser_of(desk["clerk"])
    page = clerk.get("/work").text
    assert len(links(page)) == 30
    assert "To register 70" in words(page)
    more = re.search(r'<a class="btn btn--s" href="(/work/more[^"]+)"', page)
    assert more, page
    next_page = unescape(more[1])
    assert "Show 30 more" in page
    fragment = clerk.get(next_page, headers=HTMX).text
    assert (len(links(fragment)), 'value="register:2"' in fragment) == (30, True)
    assert "Show 10 more" in fragment
    assert not {*links(page)} & {*links(fragment)}
    whole = clerk.get(next_page).text
    assert (len(links(whole)), "Back to my work" in whole) == (30, True)
    again = clerk.get("/work?shown=register:2", headers=HTMX).text
    assert (len(links(again)), 'value="register:2"' in again) == (60, True)


@pytest.mark.parametrize("after", ["", "x", "1.2", "-1.1.1", "9" * 40 + ".1.1"])
def test_a_place_that_is_none_is_refused(desk: Desk, browser_of: Browser, after: str) -> None:
    assert browser_of(desk["clerk"]).get(f"/work/more?group=register&after={after}").status_code == 422


@pytest.mark.parametrize("group_key", ["", "nowhere", "answer", "a.b"])
def test_a_group_without_items_has_no_more(desk: Desk, browser_of: Browser, group_key: str) -> None:
    clerk = browser_of(desk["clerk"])
    for headers in ({}, HTMX):
        answer = clerk.get(f"/work/more?group={group_key}&after=1.1.1&pages=99999999999", headers=headers)
        assert (answer.status_code, links(answer.text)) == (200, [])
    assert clerk.get("/work?shown=x&shown=register:99999&shown=:&shown=register:-3").status_code == 200


def queries_of(client: FlaskClient, address: str, app: Any) -> int:
    seen = []

    def note(*_args: Any) -> None:
        seen.append(1)

    with app.app_context():
        engines = [db.engines[None], db.engines["read"]]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    assert client.get(address).status_code == 200
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
    return len(seen)


def test_the_page_asks_the_database_as_often_for_ten_items_as_for_a_thousand(
    desk: Desk, browser_of: Browser, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure_store, "LOOK_EVERY", float("inf"))
    clerk = browser_of(desk["clerk"])
    many_drafts(desk, 10)
    clerk.get("/work")  # the first look asks for procedures, too
    few = queries_of(clerk, "/work", app)
    many_drafts(desk, 990, first=10)
    assert queries_of(clerk, "/work", app) == few <= 14
    assert nav_count(clerk.get("/work").text) == "99+ waiting"


@on_both_databases
def test_a_page_that_answers_a_refused_form_counts_as_any_other(desk: Desk, browser_of: Browser) -> None:
    number = desk.draft()
    clerk = browser_of(desk["clerk"])
    refused = clerk.post(f"/complaints/{number}/notes", data={"text": ""})
    assert refused.status_code == 422
    assert nav_count(refused.text) == nav_count(clerk.get("/work").text) == "1 waiting"


# The answer list


def test_an_enquiry_is_answered_and_leaves_the_list(desk: Desk, browser_of: Browser, make: Any) -> None:
    decision_id = an_enquiry(desk)
    clerk = browser_of(desk["clerk"])
    assert "Answer: Enquiry" in group(clerk.get("/work").text, "answer")
    assert links(clerk.get("/work").text) == [f"/answers/{decision_id}"]
    assert "Enquiry: Oil weeping" in words(clerk.get("/answers").text)
    assert "asks for a catalogue" in clerk.get(f"/answers/{decision_id}").text
    clerk.post(f"/answers/{decision_id}/owner", data={"owner": desk["clerk"].id})  # as it is: nothing happens
    answer = clerk.post(f"/answers/{decision_id}", data={"text": "Sent the catalogue"})
    assert (answer.status_code, answer.location) == (303, "/answers")
    assert "C-2026-0001 is answered." in clerk.get("/answers").text
    assert "Nothing waits for an answer." in clerk.get("/answers").text
    assert "Sent the catalogue" in clerk.get("/answers?answered=1").text
    assert "Sent the catalogue" in clerk.get(f"/answers/{decision_id}").text
    assert "clerk answered it: Sent the catalogue" in words(clerk.get("/complaints/C-2026-0001").text)
    with make() as session:
        kept = session.scalars(select(Decision)).one()
        assert (kept.answer, kept.answered_by_id) == ("Sent the catalogue", desk["clerk"].id)


@on_both_databases
@pytest.mark.parametrize("query", ["", "?answered=1"])
def test_a_long_list_goes_on_on_a_next_page(
    desk: Desk, browser_of: Browser, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(answers, "PAGE", 1)
    for decision_id in [an_enquiry(desk), an_enquiry(desk)]:
        if query:
            with desk.act() as session:
                off_board.answer(session, decision_id, text="Sent it", by=desk["sales"], at=desk.at)
    clerk = browser_of(desk["clerk"])
    page = clerk.get(f"/answers{query}").text
    more = re.search(r'<a class="btn" href="(/answers[^"]+)">Show more', page)
    assert more, page
    page += clerk.get(unescape(more[1])).text
    assert re.findall(r'class="workrow__no">(C-[-\d]+)', page) == sorted(
        ["C-2026-0001", "C-2026-0002"], reverse=bool(query)
    )


@pytest.mark.requirement("S27")
@on_both_databases
def test_all_of_a_kind_stand_on_a_list_answered_or_not(
    desk: Desk, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "PAGE", 1)
    decision_id, _ = an_enquiry(desk), an_enquiry(desk)
    with desk.act() as session:
        off_board.answer(session, decision_id, text="Sent it", by=desk["sales"], at=desk.at)
    clerk = browser_of(desk["clerk"])
    page = clerk.get("/answers?kind=enquiry").text
    more = re.search(r'<a class="btn" href="(/answers[^"]+)">Show more', page)
    assert more, page
    page += clerk.get(unescape(more[1])).text
    assert re.findall(r'class="workrow__no">(C-[-\d]+)', page) == ["C-2026-0002", "C-2026-0001"]
    assert "There is nothing of this kind." in clerk.get("/answers?kind=suggestion").text
    assert clerk.get("/answers?kind=nothing&before=x").status_code == 200


def test_who_takes_a_suggestion_off_the_board_says_who_answers_it(desk: Desk, browser_of: Browser) -> None:
    number = desk.draft(procedure_key="service_feedback", complaint_class=None)
    desk.write(number, "classification", "clerk", kind="suggestion")
    clerk = browser_of(desk["clerk"])
    page = clerk.get(f"/complaints/{number}").text
    assert 'id="off-owner-suggestion"' in page
    version = re.findall(r'name="version" value="(\d+)"', page)[0]
    form = {
        "outcome": "suggestion",
        "reason": "",
        "other": "Open on Sundays",
        "owner": desk["sales"].id,
        "version": version,
    }
    assert clerk.post(f"/complaints/{number}/off-board", data=form).status_code == 303
    page = words(clerk.get("/answers?kind=suggestion").text)
    assert "Open on Sundays" in page
    assert "sales" in page


@pytest.mark.parametrize("text", ["", "   ", "x" * 1001])
def test_an_answer_that_is_none_is_refused_and_stays_in_the_form(desk: Desk, browser_of: Browser, text: str) -> None:
    decision_id = an_enquiry(desk)
    answer = browser_of(desk["clerk"]).post(f"/answers/{decision_id}", data={"text": text})
    assert answer.status_code == 422
    assert f">{text}</textarea>" in answer.text


def test_of_two_answers_the_second_is_not_lost_without_a_word(desk: Desk, browser_of: Browser) -> None:
    decision_id = an_enquiry(desk)
    with desk.act() as session:
        off_board.answer(session, decision_id, text="Sent it", by=desk["sales"], at=desk.at)
    answer = browser_of(desk["clerk"]).post(f"/answers/{decision_id}", data={"text": "I shall send it"})
    assert answer.status_code == 409
    assert "sales has answered it meanwhile." in words(answer.text)
    assert "I shall send it" in answer.text
    assert "Sent it" in answer.text


def test_somebody_else_answers(desk: Desk, browser_of: Browser) -> None:
    decision_id = an_enquiry(desk)
    clerk, qe = browser_of(desk["clerk"]), browser_of(desk["qe"])
    assert qe.get(f"/answers/{decision_id}").status_code == 404
    answer = clerk.post(f"/answers/{decision_id}/owner", data={"owner": desk["qe"].id})
    assert (answer.status_code, answer.location) == (303, "/answers")
    assert links(qe.get("/work").text) == [f"/answers/{decision_id}"]
    assert links(clerk.get("/work").text) == []
    assert "clerk asked qe to answer it" in words(clerk.get("/complaints/C-2026-0001").text)
    assert qe.get("/answers").status_code == 404
    assert qe.post(f"/answers/{decision_id}", data={"text": "Sent it"}).location == "/work"
    for odd in ("", "x", str(desk["gm"].id), "999999999999"):
        other = an_enquiry(desk)
        assert clerk.post(f"/answers/{other}/owner", data={"owner": odd}).status_code == 422


@pytest.mark.requirement("S77")
def test_it_becomes_a_complaint_and_keeps_its_number(desk: Desk, browser_of: Browser) -> None:
    decision_id = an_enquiry(desk)
    clerk = browser_of(desk["clerk"])
    page = clerk.get(f"/answers/{decision_id}").text
    form = re.search(r'action="(/complaints/[^"]+/bring-back)".*?name="version" value="(\d+)"', page, re.DOTALL)
    assert form
    answer = clerk.post(form[1], data={"version": form[2], "back": "/complaints/C-2026-0001"})
    assert answer.status_code == 303
    assert clerk.get(f"/answers/{decision_id}").status_code == 404
    assert desk.stage("C-2026-0001") == "draft"
    told = words(clerk.get("/complaints/C-2026-0001").text)
    assert "decided that it is no complaint" in told


@pytest.mark.parametrize("role", ["dept", "gm", "admin", "staff"])
def test_a_stranger_finds_no_answer_list(desk: Desk, browser_of: Browser, role: str) -> None:
    decision_id = an_enquiry(desk)
    stranger = browser_of(desk[role])
    for address in ("/answers", f"/answers/{decision_id}", "/answers/999", "/answers/2147483648"):
        assert stranger.get(address).status_code == 404
    assert stranger.post(f"/answers/{decision_id}", data={"text": "x"}).status_code == 404
    assert stranger.post(f"/answers/{decision_id}/owner", data={"owner": 1}).status_code == 404


def test_what_asks_for_no_answer_is_not_on_the_list(desk: Desk, browser_of: Browser, make: Any) -> None:
    number = desk.draft()
    with desk.act() as session:
        off_board.take(
            session, desk.find(session, number), NOT_COMPLAINT, reason="spam", by=desk["clerk"], at=desk.at,
            seen_version=1, context=CONTEXT, kind="none",
        )  # fmt: skip
    assert number not in browser_of(desk["clerk"]).get("/answers").text
    assert browser_of(desk["clerk"]).post("/answers/1", data={"text": "x"}).status_code == 404


@pytest.mark.parametrize("query", ["?owner=x", "?owner=-1", "?owner=99999999999", "?owner=7", "?answered=2"])
def test_an_odd_address_shows_a_list_all_the_same(desk: Desk, browser_of: Browser, query: str) -> None:
    assert browser_of(desk["clerk"]).get(f"/answers{query}").status_code == 200
    assert browser_of(desk["clerk"]).get(f"/answers{query}&after=x").status_code == 422


def test_a_measure_says_how_long_there_is_until_its_own_day(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_implementation()  # its measure is due on Friday
    with transaction(desk.make) as session:
        session.execute(update(Complaint).where(Complaint.number == number).values(sort_due_at=NOW))
    page = browser_of(desk["dept"]).get("/work").text
    line = re.search(r'<a class="workrow" id="w-row-.*?</a>', page, re.DOTALL)
    assert line
    assert "due Fri 20 Nov" in words(line[0])
    assert words(line[0]).endswith("left")
    assert "over" not in words(line[0]).split()[-3:]
