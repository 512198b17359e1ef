"""The board in a browser without script, and the fragments that its script asks for; moves of one card."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from complaints import procedure as procedures
from complaints.complaint import NO_LIMIT, Complaint, Involvement
from complaints.database import transaction
from complaints.errors import Name
from complaints.history import Change
from complaints.people import Actor, Department
from complaints.procedure import procedure
from complaints.settings import Settings
from tests.builders import MONDAY, a_complaint, a_customer, a_person
from tests.webapp.boards import HTMX, MOVE, a_draft, card_in, counted, head, on_the_board, the
from tests.webapp.conftest import NOW, Browser, on_both_databases
from webapp import create_app
from webapp.card import _rendered, worked
from webapp.context import calendar

# The page


def test_a_board_shows_every_column_in_both_languages_with_its_cards(desk: FlaskClient, make: Any) -> None:
    shown = on_the_board(make, product="HX-210", batch="L2608-114", attachment_count=2, unread_count=1)
    page = desk.get("/board")
    for stage in procedure().stages:
        assert stage.name.en in page.text
        assert stage.name.zh in page.text
    card = card_in(page, shown)
    for text in ("C-2026-0001", "General", "Quellstrom 1", "HX-210 · L2608-114", "1<i> unread", "2<i> attachments"):
        assert text in card


def test_a_clock_tells_the_working_time_left_or_over(desk: FlaskClient, make: Any) -> None:
    at = NOW + timedelta(minutes=90)
    for due, told in ((at, ""), (NOW + timedelta(minutes=10), "soon"), (NOW - timedelta(minutes=5), "over")):
        complaint = on_the_board(make, sort_due_at=due)
        card = card_in(desk.get("/board"), complaint)
        assert f'class="clock{told and " clock--" + told}">' in card
    page = desk.get("/board").text
    assert "1h 30m left" in page
    assert "10m left" in page
    assert "5m over" in page
    unlimited = on_the_board(make, sort_due_at=NO_LIMIT)
    assert ">No limit<" in card_in(desk.get("/board"), unlimited)


def test_a_board_in_chinese_marks_the_english_runs(make: Any, browser_of: Browser) -> None:
    with transaction(make) as session:
        reader = a_person(session, "clerk", locale="zh_CN")
    on_the_board(make, subject="Paint runs on visible face")
    page = browser_of(reader).get("/board").text
    assert '<html lang="zh-CN"' in page
    assert 'lang="en">Paint runs' in page
    assert '<h2 class="col__n">已登记</h2>' in page


def test_chinese_runs_are_marked_on_an_english_board(desk: FlaskClient, make: Any) -> None:
    on_the_board(make, subject="密封圈低温开裂")
    assert 'lang="zh">密封圈低温开裂' in desk.get("/board").text


def test_a_hostile_subject_is_text(desk: FlaskClient, make: Any) -> None:
    on_the_board(make, subject='<img src=x onerror="alert(1)">', product='"><script>')
    page = desk.get("/board").text
    assert "<img src=x" not in page
    assert '"><script>' not in page


def test_a_draft_without_a_subject_still_has_a_link_to_press(desk: FlaskClient, make: Any) -> None:
    draft = a_draft(make, subject="")
    assert ">No subject</a>" in card_in(desk.get("/board"), draft)


def test_a_stranger_sees_an_empty_board(make: Any, browser_of: Browser) -> None:
    on_the_board(make)
    with transaction(make) as session:
        stranger = a_person(session, "staff")
    page = browser_of(stranger).get("/board").text
    assert "C-2026-0001" not in page
    assert "0 complaints" in head(page, "registered")


def test_the_board_asks_for_a_sign_in(app: Flask) -> None:
    assert app.test_client().get("/board").location == "/login?next=/board"


@pytest.mark.parametrize("open_ones", [1, 60])
def test_a_board_costs_the_same_queries_however_much_is_on_it(
    app: Flask, desk: FlaskClient, make: Any, open_ones: int
) -> None:
    for n in range(open_ones):
        on_the_board(make, stage=procedure().stages[n % 7].key)
    desk.get("/board")
    with counted(app) as seen:
        assert desk.get("/board").status_code == 200
    # sign-in, columns, heads, views, departments, tally
    assert len(seen) == 6


@pytest.mark.parametrize(
    "query",
    [
        "?class=nonsense",
        "?department=x",
        "?department=999999999999",
        "?mine=2",
        "?overdue=",
        "?q=" + "x" * 9999,
    ],
)
def test_a_filter_that_makes_no_sense_filters_nothing_or_finds_nothing(
    desk: FlaskClient, make: Any, query: str
) -> None:
    on_the_board(make)
    assert desk.get("/board?" + query).status_code == 200


def test_a_filter_by_htmx_brings_the_columns_and_the_sums(desk: FlaskClient, make: Any) -> None:
    on_the_board(make, product="HX-210")
    on_the_board(make, product="BR-88")
    part = desk.get("/board?product=hx", headers=HTMX).text
    assert "<html" not in part
    assert part.startswith('<div class="board" id="board"')
    assert "C-2026-0001" in part
    assert "C-2026-0002" not in part
    assert 'id="board-sum" hx-swap-oob="true"><b>1</b>' in part


def test_filters_that_hide_everything_offer_a_way_out(desk: FlaskClient, make: Any) -> None:
    on_the_board(make)
    assert "Clear filters" in desk.get("/board?q=nowhere").text
    assert "Clear filters" not in desk.get("/board").text


# Show more


@on_both_databases
def test_more_of_a_column_goes_on_where_the_page_ended(desk: FlaskClient, make: Any) -> None:
    for _ in range(45):
        on_the_board(make)
    seen: list[str] = []
    page = desk.get("/board")
    while True:
        seen += re.findall(r' id="(c\d+)"', page.text)
        more = re.search(
            r'hx-get="([^"]+)"', page.text[page.text.find("foot-registered") :] if "foot-" in page.text else ""
        )
        if not more:
            break
        page = desk.get(unescape(more[1]), headers=HTMX)
    assert len(seen) == len(set(seen)) == 45


def test_more_without_script_is_a_page(desk: FlaskClient, make: Any) -> None:
    for _ in range(22):
        on_the_board(make, subject="Paint 漆")
    link = re.search(r'<a class="btn btn--s" href="([^"]+)"', desk.get("/board?q=paint").text)
    assert link
    page = desk.get(unescape(link[1])).text
    assert "<html" in page
    assert "C-2026-0022" in page
    assert 'href="/board?q=paint&amp;procedure=manufacturing"' in page


@pytest.mark.parametrize(
    "query", ["", "?stage=registered", "?stage=nowhere&after=1.1", "?stage=registered&after=1.1&seen=x"]
)
def test_more_of_nothing_is_refused_with_a_sentence(desk: FlaskClient, query: str) -> None:
    answer = desk.get("/board/more?" + query, headers=HTMX)
    assert answer.status_code == 422
    assert "notice" in answer.text


# Moving


@on_both_databases
def test_a_move_answers_with_the_card_in_its_place_and_both_heads(desk: FlaskClient, make: Any) -> None:
    complaint = on_the_board(make)
    answer = desk.post(MOVE, data={"stage": "investigation", "version": 1}, headers=HTMX)
    assert answer.status_code == 200
    assert 'data-stage="investigation"' in card_in(answer, complaint)
    assert 'data-v="2"' in card_in(answer, complaint)
    assert "0 complaints" in head(answer.text, "registered")
    assert "1 complaint" in head(answer.text, "investigation")
    assert answer.text.count('hx-swap-oob="true"') == 6
    assert "C-2026-0001 moved to Investigation, 1 complaint there" in answer.text
    assert the(make).stage == "investigation"


@on_both_databases
def test_a_stale_move_changes_nothing_and_shows_the_fresh_card(desk: FlaskClient, make: Any) -> None:
    complaint = on_the_board(make, version=3, stage="investigation")
    answer = desk.post(MOVE, data={"stage": "action_plan", "version": 2}, headers=HTMX)
    assert answer.status_code == 409
    card = card_in(answer, complaint)
    assert 'data-v="3"' in card
    assert 'data-stage="investigation"' in card
    assert "was changed meanwhile" in answer.text
    assert the(make).stage == "investigation"


@on_both_databases
def test_a_refused_move_tells_the_reasons_with_the_fields_that_mend_them(desk: FlaskClient, make: Any) -> None:
    a_draft(make)
    answer = desk.post(MOVE, data={"stage": "registered", "version": 1}, headers=HTMX)
    assert answer.status_code == 422
    assert 'data-stage="draft"' in answer.text
    assert "C-2026-0001 was not moved to Registered." in answer.text
    for field in ("customer", "complaint_date", "content", "complaint_class"):
        assert f'href="/complaints/C-2026-0001#f-{field}"' in answer.text
    assert '<a href="/complaints/C-2026-0001">and 2 more</a>' in answer.text
    assert the(make).stage == "draft"
    page = desk.post(MOVE, data={"stage": "registered", "version": 1}).text
    for field in ("customer", "complaint_date", "content", "complaint_class", "cause_type", "link"):
        assert f'href="/complaints/C-2026-0001#f-{field}"' in page


@pytest.mark.parametrize("stage", ["", "nowhere", "Registered", "<b>", "x" * 5000])
def test_a_stage_that_is_none_is_refused_on_the_card(desk: FlaskClient, make: Any, stage: str) -> None:
    on_the_board(make)
    answer = desk.post(MOVE, data={"stage": stage, "version": 1}, headers=HTMX)
    assert answer.status_code == 422
    assert "There is no stage" in answer.text
    assert "<b>”" not in answer.text
    assert the(make).version == 1


@pytest.mark.parametrize("version", [None, "", "x", "-1", "1.0", "９", "9" * 40])
def test_a_version_that_is_none_is_refused(desk: FlaskClient, make: Any, version: str | None) -> None:
    on_the_board(make)
    data = {"stage": "investigation"} | ({} if version is None else {"version": version})
    answer = desk.post(MOVE, data=data, headers=HTMX)
    assert answer.status_code == 422
    assert the(make).stage == "registered"


def test_to_move_where_it_is_changes_nothing(desk: FlaskClient, make: Any) -> None:
    on_the_board(make)
    assert desk.post(MOVE, data={"stage": "registered", "version": 1}, headers=HTMX).status_code == 200
    assert the(make).version == 1


@on_both_databases
def test_of_two_moves_at_once_one_is_stale(desk: FlaskClient, make: Any) -> None:
    on_the_board(make)
    answers = [desk.post(MOVE, data={"stage": "investigation", "version": 1}, headers=HTMX) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 409]


def test_a_stranger_gets_the_same_answer_as_for_no_complaint(make: Any, browser_of: Browser) -> None:
    on_the_board(make)
    with transaction(make) as session:
        person = a_person(session, "staff")
    stranger, data = browser_of(person), {"stage": "investigation", "version": 1}
    for number in ("C-2026-0001", "C-2026-9999"):
        assert stranger.post(f"/complaints/{number}/move", data=data).status_code == 404
        assert stranger.get(f"/complaints/{number}/moves").status_code == 404
    assert the(make).stage == "registered"


def test_a_move_on_a_filtered_board_counts_what_the_filter_shows(desk: FlaskClient, make: Any) -> None:
    on_the_board(make, product="HX-210")
    on_the_board(make, product="BR-88")
    answer = desk.post(MOVE + "?product=hx", data={"stage": "investigation", "version": 1}, headers=HTMX)
    assert "0 complaints" in head(answer.text, "registered")


def test_no_write_is_open_while_an_answer_is_made(app: Flask, desk: FlaskClient, make: Any) -> None:
    on_the_board(make)
    with counted(app) as seen:
        desk.post(MOVE, data={"stage": "investigation", "version": 1}, headers=HTMX)
    assert len(seen) <= 28
    with transaction(make) as session:
        a_complaint(session)


# Without script


def test_the_arrow_of_a_card_leads_to_a_page_with_every_stage_and_its_reasons(desk: FlaskClient, make: Any) -> None:
    a_draft(make)
    assert 'href="/complaints/C-2026-0001/moves"' in desk.get("/board").text
    page = unescape(desk.get("/complaints/C-2026-0001/moves").text)
    assert page.count('name="stage"') == 8
    assert "Customer is missing" in page
    assert "now here" in page


def test_a_plain_move_returns_to_where_it_came_from_and_says_so(desk: FlaskClient, make: Any) -> None:
    on_the_board(make)
    data = {"stage": "investigation", "version": 1, "back": "/board?mine=1"}
    answer = desk.post(MOVE, data=data)
    assert (answer.status_code, answer.location) == (303, "/board?mine=1")
    assert "C-2026-0001 moved to Investigation 调查分析" in desk.get("/board").text
    assert "C-2026-0001 moved to" not in desk.get("/board").text


@pytest.mark.parametrize(
    ("data", "status", "said"),
    [
        ({"stage": "verification", "version": 1}, 422, "was not moved to Verification"),
        ({"stage": "investigation", "version": 7}, 409, "was changed meanwhile"),
        ({"stage": "nowhere", "version": 1}, 422, "There is no stage"),
    ],
)
def test_a_plain_move_that_fails_is_a_page_with_the_reasons(
    desk: FlaskClient, make: Any, data: dict[str, Any], status: int, said: str
) -> None:
    on_the_board(make)
    answer = desk.post(MOVE, data=data)
    assert answer.status_code == status
    assert "<html" in answer.text
    assert said in unescape(answer.text)
    assert answer.text.count('name="stage"') == 8


@pytest.mark.parametrize(
    "back",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "board", "/\t/evil.example"],
)
def test_nobody_is_sent_to_another_site(desk: FlaskClient, make: Any, back: str) -> None:
    on_the_board(make)
    data = {"stage": "investigation", "version": 1, "back": back}
    answer = desk.post(MOVE, data=data, headers={"Referer": back})
    assert answer.location == "/complaints/C-2026-0001"


def test_the_referring_page_is_gone_back_to(desk: FlaskClient, make: Any) -> None:
    on_the_board(make)
    headers = {"Referer": "http://localhost/complaints/C-2026-0001?x=1"}
    answer = desk.post(MOVE, data={"stage": "investigation", "version": 1}, headers=headers)
    assert answer.location == "/complaints/C-2026-0001?x=1"


@pytest.mark.parametrize("path", ["/complaints/C-2026-0001/notes", "/complaints/C-2026-0001/moves", "/login"])
def test_a_page_that_cannot_be_gone_back_to_gives_way_to_the_complaints_own(
    desk: FlaskClient, make: Any, path: str
) -> None:
    """A refused form is answered at the address of its act, where nothing can be looked at."""
    on_the_board(make)
    came_from = {"Referer": f"http://localhost{path}"}
    page = desk.get("/complaints/C-2026-0001/moves", headers=came_from).text
    assert 'name="back" value="/complaints/C-2026-0001"' in page
    answer = desk.post(MOVE, data={"stage": "investigation", "version": 1, "back": path}, headers=came_from)
    assert answer.location == "/complaints/C-2026-0001"


# Forged requests


@pytest.fixture
def guarded(settings: Settings, clock: time_machine.Traveller) -> Flask:
    """The application as it runs, tokens and all."""
    return create_app(settings, {"RATELIMIT_ENABLED": False})


@pytest.mark.parametrize(
    "path",
    [
        MOVE,
        "/complaints/C-2026-0001/undo",
        "/board/moves",
        "/board/undo",
        "/me/density",
        "/me/folds",
        "/me/procedure",
        "/me/views",
        "/me/views/1/delete",
        "/me/language",
        "/logout",
    ],
)
def test_a_post_without_its_token_is_refused(
    guarded: Flask, make: Any, clerk: Actor, browser_of: Browser, path: str
) -> None:
    on_the_board(make)
    client = guarded.test_client()
    with browser_of(clerk).session_transaction() as known, client.session_transaction() as cookie:
        cookie.update(known)
    data = {"stage": "investigation", "version": 1, "density": "compact", "fold": "closed"}
    for headers in ({}, HTMX, HTMX | {"X-CSRFToken": "forged"}):
        assert client.post(path, data=data, headers=headers).status_code == 400
    assert the(make).stage == "registered"


def test_the_page_carries_the_token_that_its_requests_need(
    guarded: Flask, make: Any, clerk: Actor, browser_of: Browser
) -> None:
    on_the_board(make)
    client = guarded.test_client()
    with browser_of(clerk).session_transaction() as known, client.session_transaction() as cookie:
        cookie.update(known)
    token = re.search(r'hx-headers=\'{"X-CSRFToken": "([^"]+)"}\'', client.get("/board").text)
    assert token
    answer = client.post(MOVE, data={"stage": "investigation", "version": 1}, headers=HTMX | {"X-CSRFToken": token[1]})
    assert answer.status_code == 200


def test_a_get_does_not_move(desk: FlaskClient, make: Any) -> None:
    on_the_board(make)
    assert desk.get(MOVE + "?stage=investigation&version=1").status_code == 405
    assert the(make).version == 1


# What others change


def cursor_of(page: TestResponse) -> str:
    found = re.search(r'data-cursor="([^"]+)"', page.text)
    assert found
    return found[1]


def pulse(desk: FlaskClient, cursor: str, more: str = "") -> TestResponse:
    return desk.get(f"/board/pulse?since={cursor}{more}", headers=HTMX)


def test_nothing_new_is_an_empty_answer_of_two_queries(
    app: Flask, desk: FlaskClient, make: Any, clock: time_machine.Traveller
) -> None:
    on_the_board(make)
    cursor = cursor_of(desk.get("/board"))
    clock.shift(timedelta(seconds=8))
    with counted(app) as seen:
        answer = pulse(desk, cursor)
    assert (answer.status_code, answer.data) == (204, b"")
    assert len(seen) == 2


@on_both_databases
def test_a_change_by_somebody_else_is_told_once(
    desk: FlaskClient, make: Any, clock: time_machine.Traveller, clerk: Actor, browser_of: Browser
) -> None:
    complaint = on_the_board(make)
    cursor = cursor_of(desk.get("/board"))
    clock.shift(timedelta(seconds=3))
    browser_of(clerk).post(MOVE, data={"stage": "investigation", "version": 1})
    clock.shift(timedelta(seconds=5))
    answer = pulse(desk, cursor)
    assert answer.status_code == 200
    assert 'data-stage="investigation"' in card_in(answer, complaint)
    assert "0 complaints" in head(answer.text, "registered")
    for _ in range(3):
        clock.shift(timedelta(seconds=8))
        assert pulse(desk, answer.headers["Board-Cursor"]).status_code == 204


def test_a_change_that_is_committed_late_is_not_missed(
    desk: FlaskClient, make: Any, clock: time_machine.Traveller
) -> None:
    on_the_board(make)
    cursor = cursor_of(desk.get("/board"))
    clock.shift(timedelta(seconds=8))
    first = pulse(desk, cursor)
    with transaction(make) as session:  # dated before the board looked, committed after
        session.execute(update(Complaint).values(version=2, changed_at=NOW + timedelta(seconds=6)))
    clock.shift(timedelta(seconds=8))
    assert pulse(desk, first.headers.get("Board-Cursor", cursor)).status_code == 200


def test_a_card_that_the_filter_hides_now_is_told_as_gone(
    desk: FlaskClient, make: Any, clock: time_machine.Traveller
) -> None:
    complaint = on_the_board(make, product="HX-210")
    cursor = cursor_of(desk.get("/board?product=hx"))
    with transaction(make) as session:
        session.execute(update(Complaint).values(product="BR-88", version=2, changed_at=NOW))
    clock.shift(timedelta(seconds=8))
    assert f'<li id="c{complaint.id}" data-gone></li>' in pulse(desk, cursor, "&product=hx").text


@pytest.mark.parametrize("cursor", ["", "x", "1-abc", "99999999999999999-", "-5-", "9" * 99])
def test_a_cursor_that_says_nothing_asks_to_look_again(desk: FlaskClient, cursor: str) -> None:
    answer = pulse(desk, cursor)
    assert answer.status_code == 204
    assert answer.headers["Board-Look-Again"] == "1"
    assert pulse(desk, answer.headers["Board-Cursor"]).status_code == 204


@on_both_databases
def test_a_flood_asks_to_look_again(desk: FlaskClient, make: Any, clock: time_machine.Traveller) -> None:
    cursor = cursor_of(desk.get("/board"))
    with transaction(make) as session:
        for _ in range(52):
            a_complaint(session, at=NOW)
    clock.shift(timedelta(seconds=8))
    answer = pulse(desk, cursor)
    assert (answer.status_code, answer.headers["Board-Look-Again"]) == (204, "1")


def test_a_stranger_hears_of_nothing(make: Any, clock: time_machine.Traveller, browser_of: Browser) -> None:
    with transaction(make) as session:
        person = a_person(session, "staff")
    stranger = browser_of(person)
    cursor = cursor_of(stranger.get("/board"))
    with transaction(make) as session:
        a_complaint(session, at=NOW)
    clock.shift(timedelta(seconds=8))
    assert pulse(stranger, cursor).status_code == 204


def test_who_is_signed_out_is_sent_to_the_gate(app: Flask) -> None:
    answer = app.test_client().get("/board/pulse?since=1-", headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login")


# A person's own


def test_density_goes_with_the_account(desk: FlaskClient) -> None:
    answer = desk.post("/me/density", data={"density": "compact"})
    assert (answer.status_code, answer.location) == (303, "/board")
    assert 'data-density="compact"' in desk.get("/board").text
    assert desk.post("/me/density", data={"density": "tiny"}).status_code == 422


def test_the_closed_column_starts_folded_and_opens_for_this_person(desk: FlaskClient, make: Any) -> None:
    on_the_board(make, stage="closed", closed_at=MONDAY)
    page = desk.get("/board").text
    assert "col--rail" in page
    assert "C-2026-0001" not in page
    assert "1 complaint" in head(page, "closed")
    desk.post("/me/folds", data={"unfold": "closed"})
    assert "C-2026-0001" in desk.get("/board").text
    part = desk.post("/me/folds", data={"fold": "closed"}, headers=HTMX).text
    assert part.startswith('<li class="col col--rail" id="col-closed"')
    assert "C-2026-0001" not in desk.get("/board").text


def test_opening_the_closed_column_by_htmx_brings_its_cards(desk: FlaskClient, make: Any) -> None:
    on_the_board(make, stage="closed", closed_at=MONDAY)
    part = desk.post("/me/folds", data={"unfold": "closed"}, headers=HTMX).text
    assert "C-2026-0001" in part
    assert "Closed 16 Nov" in part


def test_a_card_that_came_before_says_how_often_in_twelve_months(desk: FlaskClient, make: Any) -> None:
    again, first = on_the_board(make, repeat_of_count=2), on_the_board(make)
    page = desk.get("/board")
    assert 'class="mark mark--repeat">3<i> in 12 months' in card_in(page, again)
    assert "mark--repeat" not in card_in(page, first)


def test_a_card_of_nobody_names_whose_queue_it_stands_in(
    desk: FlaskClient, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vars(procedure("manufacturing").stage("investigation")), "owner_roles", ("qe", "qa_head"))
    monkeypatch.setitem(vars(procedure("manufacturing").stage("draft")), "owner_roles", ())
    _rendered.cache_clear()
    queued, nobodys = on_the_board(make, stage="investigation"), on_the_board(make, stage="draft")
    page = desk.get("/board")
    names = "QE engineer, QA head"
    assert f'title="{names}"><span aria-hidden="true">QE</span><i>{names}</i>' in card_in(page, queued)
    assert 'title="Nobody assigned">–<' in card_in(page, nobodys)


# Other versions of a procedure


@pytest.fixture
def two_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest version has no verification, a stage of its own, and another queue for drafts."""
    first = replace(procedure(), version=1)
    draft, *between, closed = (stage for stage in first.stages if stage.key != "verification")
    check = replace(between[-1], key="check", name=Name("Final check", "终检"))
    stages = (replace(draft, owner_roles=("gm",)), *between, check, closed)
    second = replace(first, version=first.version + 1, stages=stages)
    known = {(each.key, each.version): each for each in (first, second)}
    monkeypatch.setattr(procedures, "_known", known)


def columns_of(page: str) -> list[str]:
    return re.findall(r'id="col-(\w+)"', page)


@on_both_databases
def test_a_stage_of_an_older_version_is_a_column_as_long_as_something_stands_there(
    two_versions: None, desk: FlaskClient, make: Any
) -> None:
    new = ["draft", "registered", "investigation", "action_plan", "implementation", "customer_reply", "check", "closed"]
    assert columns_of(desk.get("/board").text) == new
    left = on_the_board(make, stage="verification", procedure_version=1)
    page = desk.get("/board")
    assert columns_of(page.text) == [*new[:5], "verification", *new[5:]]
    assert "1 complaint" in head(page.text, "verification")
    assert left.number in card_in(page, left)
    assert 'href="#col-verification"' in page.text
    answer = desk.post(MOVE, data={"stage": "implementation", "version": 1, "reason": "Not done"}, headers=HTMX)
    assert answer.status_code == 200
    assert "0 complaints" in head(answer.text, "verification")
    assert re.search(r'id="board-sum"[^>]*><b>1</b> open', answer.text)
    assert columns_of(desk.get("/board").text) == new


def test_each_card_follows_its_own_version(two_versions: None, desk: FlaskClient, make: Any) -> None:
    old, new = (a_draft(make, procedure_version=version) for version in (1, 2))
    lost = a_draft(make, procedure_version=9)
    page = desk.get("/board")
    assert "Marketing clerk" in card_in(page, old)
    assert "General manager" in card_in(page, new)
    assert "General manager" in card_in(page, lost)


def test_those_of_several_that_have_no_such_stage_stay(two_versions: None, desk: FlaskClient, make: Any) -> None:
    for version in (1, 2):
        on_the_board(make, stage="customer_reply", procedure_version=version)
    menu = desk.get("/board/moves?complaint=C-2026-0001&complaint=C-2026-0002", headers=HTMX).text
    hints = dict(re.findall(r'value="(\w+)" data-state="\w+" data-hint="([^"]*)"', menu))
    assert hints["closed"] == "may move here"
    assert hints["verification"] == "From Customer reply it goes to Closed +1"
    assert [*hints].index("check") > 0
    data = {"stage": "verification", "complaint": ["C-2026-0002:1"]}
    assert "There is no stage" in desk.post("/board/moves", data=data, headers=HTMX).text


# Several at once, without script


def test_the_board_for_selecting_has_a_box_on_every_card_and_one_form(desk: FlaskClient, make: Any) -> None:
    complaint = on_the_board(make, version=4)
    page = desk.get("/board?select=1&product=").text
    assert 'name="complaint" value="C-2026-0001:4" form="several" aria-label="Select C-2026-0001"' in page
    form = page[page.index('id="several"') : page.index("</form>", page.index('id="several"'))]
    assert form.count("<option") == 8
    assert "hidden>" not in form.partition(">")[0]
    assert "card__tick" not in desk.get("/board").text
    move = desk.post(MOVE + "?select=1", data={"stage": "investigation", "version": 4}, headers=HTMX)
    assert "C-2026-0001:5" in card_in(move, complaint)


# Bytes and time


def test_the_answer_to_a_move_takes_no_more_than_ten_kilobytes(desk: FlaskClient, make: Any) -> None:
    complaint = on_the_board(
        make, subject="密封圈低温开裂，要求三日内回复原因与对策" * 3, product="PCB-C7 控制板", batch="L2609-033"
    )
    answer = desk.post(MOVE, data={"stage": "investigation", "version": complaint.version}, headers=HTMX)
    assert (answer.status_code, len(answer.data) <= 10_000) == (200, True)


def test_a_refusal_takes_no_more_than_ten_kilobytes_either(desk: FlaskClient, make: Any) -> None:
    a_draft(make, subject="密封圈低温开裂，要求三日内回复原因与对策" * 3)
    answer = desk.post(MOVE, data={"stage": "registered", "version": 1}, headers=HTMX)
    assert (answer.status_code, len(answer.data) <= 10_000) == (422, True)


def test_a_card_takes_no_more_than_seven_hundred_bytes(desk: FlaskClient, make: Any) -> None:
    for n in range(20):
        on_the_board(
            make, product="PCB-C7 控制板", batch="L2609-033", attachment_count=3, unread_count=n % 2, owner_id=1,
            subject=("控制板上电无响应，客户端不良 3/500", "Oil weeping at face seal, line stopped")[n % 2],
        )  # fmt: skip
    cards = re.findall(rb'<li class="card.*?</footer></li>', desk.get("/board").data)
    assert len(cards) == 20
    assert sum(map(len, cards)) / 20 <= 700


def test_working_time_between_far_instants_is_what_the_calendar_says(app: Flask, clock: time_machine.Traveller) -> None:
    with app.app_context():
        hours = calendar()
        for days in (0, 0.01, 0.4, 1, 2.3, 9, 45.5, 400):
            for start in (NOW, NOW + timedelta(hours=7.3), NOW + timedelta(days=5)):
                end = start + timedelta(days=days)
                assert worked(hours, start, end) == hours.between(start, end)


def test_static_files_are_kept_for_a_year_under_an_address_of_their_content(desk: FlaskClient) -> None:
    page = desk.get("/board").text
    addresses = re.findall(r'(?:href|src)="(/static/[^"#]+)', page)
    assert addresses
    for address in set(addresses):
        assert re.search(r"\?v=[0-9a-f]{10}$", address)
        answer = desk.get(address)
        assert answer.status_code == 200
        assert "max-age=31536000" in answer.headers["Cache-Control"]


def test_no_page_has_a_script_or_a_style_of_its_own(desk: FlaskClient, make: Any) -> None:
    on_the_board(make)
    for address in ("/board", "/complaints/C-2026-0001/moves", "/nothing-here"):
        page = desk.get(address).text
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|hx-on|javascript:", page)


def test_a_draft_dragged_into_the_register_is_followed_up_like_one_from_the_form(desk: FlaskClient, make: Any) -> None:
    with transaction(make) as session:
        quality = session.scalars(select(Department.id).where(Department.key == "qa")).one()
        customer = a_customer(session).id
    entry = {"complaint_date": MONDAY.date(), "complaint_class": "general", "cause_type": "other", "link": "delivery"}
    complaint = on_the_board(make, stage="draft", customer_id=customer, content="Five cartons short.", **entry)
    answer = desk.post(f"/complaints/{complaint.number}/move", data={"stage": "registered", "version": "1"})
    assert answer.status_code == 303
    assert the(make, complaint.number).register_no == "2026-0001"
    with make() as session:
        assert session.scalars(select(Involvement.department_id)).all() == [quality]
        assert "notified" in session.scalars(select(Change.act)).all()


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\t/evil.example", "/\\evil.example", "https://evil.example", "/a\r\nX-Y: 1", ""]
)
def test_switching_the_language_never_leads_to_another_site(desk: FlaskClient, back: str) -> None:
    answer = desk.post("/me/language", data={"locale": "en", "back": back})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
def test_a_database_that_is_away_is_a_passing_state(
    settings: Settings, clock: time_machine.Traveller, headers: dict[str, str]
) -> None:
    app = create_app(replace(settings, database_url="sqlite:////nowhere/at/all.db"), {"RATELIMIT_ENABLED": False})
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "somebody"
    answer = client.get("/board", headers=headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "The ledger is busy" in answer.text
