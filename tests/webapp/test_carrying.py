"""What was typed when the sign-in had ended goes along through the sign-in page."""

import re
from datetime import date
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from complaints import people
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.drafts import LARGEST, Draft
from complaints.replies import Reply
from complaints.settings import Settings
from complaints.signin import SignIn
from tests.builders import a_mailed_complaint
from tests.webapp.test_complaint_page import visible
from webapp import create_app

HERE = "/complaints/C-2026-0001"
INES = "i.carrow@quellstrom.example"
REPLY = {"to": INES, "subject": "Re: Leak", "text": "Dear Ines,\nthank you", "draft": "reply", "draft_version": "0"}
PASSWORD = "a long password"
pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def app(settings: Settings) -> Flask:
    """The application with the tokens of its forms."""
    return create_app(settings, {"RATELIMIT_ENABLED": False})


@pytest.fixture
def browser(app: Flask, make: sessionmaker[Session]) -> FlaskClient:
    """Mara's browser, before a complaint; she is signed in."""
    with transaction(make) as session:
        for name in ("Mara", "Chen"):
            people.add_user(
                session,
                email=f"{name}@mill.example",
                name=name,
                roles=["clerk"],
                password=PASSWORD,
                since=date(2020, 1, 1),
            )
        a_mailed_complaint(session)
    client = app.test_client()
    assert sign_in(client, client.get("/login")).status_code == 302
    return client


def field(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    return unescape(found[1]) if found else ""


def sign_in(client: FlaskClient, page: TestResponse, who: str = "Mara", password: str = PASSWORD) -> TestResponse:
    form = {"email": f"{who}@mill.example", "password": password}
    form |= {name: field(page.text, name) for name in ("csrf_token", "carried")}
    return client.post("/login", data=form)


def expire(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        session.execute(delete(SignIn))


def post(client: FlaskClient, path: str, page: TestResponse, **said: Any) -> TestResponse:
    ours = {name: field(page.text, name) for name in ("csrf_token", "filled_by")}
    return client.post(path, data=said | ours | {"key": "key of the form"})


@pytest.mark.parametrize("cookie", ["kept", "deleted"])
def test_a_reply_that_met_an_expired_session_is_back_in_its_form(
    browser: FlaskClient, make: sessionmaker[Session], cookie: str
) -> None:
    page = browser.get(HERE)
    expire(make)
    if cookie == "deleted":
        browser.delete_cookie("redress")
    gate = post(browser, f"{HERE}/replies", page, **REPLY)
    assert gate.status_code == 401
    assert "What you typed is kept" in visible(gate.text)
    assert "Dear Ines" not in gate.text  # not in clear, and no field that a browser would fill in
    wrong = sign_in(browser, gate, password="wrong")
    assert wrong.status_code == 422
    back = sign_in(browser, wrong)
    assert (back.status_code, back.location) == (303, f"{HERE}#composer")
    html = browser.get(HERE).text
    assert "Dear Ines,\nthank you</textarea>" in html
    assert "nothing was sent" in visible(html)
    with make() as session:
        assert list(session.scalars(select(Reply))) == []


def test_it_is_nobody_elses(browser: FlaskClient, make: sessionmaker[Session]) -> None:
    page = browser.get(HERE)
    expire(make)
    gate = post(browser, f"{HERE}/replies", page, **REPLY)
    back = sign_in(browser, gate, "Chen")
    assert back.location == "/"
    assert "somebody else" in visible(browser.get("/complaints/new").text)
    with make() as session:
        assert list(session.scalars(select(Draft))) == []


def test_any_other_form_is_shown_with_a_button_that_sends_it(browser: FlaskClient, make: sessionmaker[Session]) -> None:
    page = browser.get(HERE)
    expire(make)
    said = {"version": "1", "subject": "Oil <b>at</b> the seal", "password": "secret", "csrf_token": "x"}
    gate = post(browser, f"{HERE}/entry", page, **said)
    shown = sign_in(browser, gate)
    assert shown.status_code == 200
    assert "Oil &lt;b&gt;at&lt;/b&gt; the seal" in shown.text
    assert "You were signed out when you sent this" in visible(shown.text)
    assert "Subject Oil" in visible(shown.text)
    assert 'name="password"' not in shown.text
    assert f'action="{HERE}/entry"' in shown.text
    sent = post(
        browser, f"{HERE}/entry", shown, version=field(shown.text, "version"), subject=field(shown.text, "subject")
    )
    assert sent.status_code == 303
    with make() as session:
        assert session.scalars(select(Complaint.subject)).one() == "Oil <b>at</b> the seal"


def test_a_window_from_before_the_sign_in_asks_once_more(browser: FlaskClient) -> None:
    old = browser.get(HERE)
    sign_in(browser, browser.get(HERE))  # in another window
    answer = browser.post(
        f"{HERE}/notes",
        data={"csrf_token": "of another sign-in", "filled_by": "1", "key": "12345678", "note": "call her"},
    )
    assert answer.status_code == 400
    assert "call her" in visible(answer.text)
    assert "You were signed out" not in visible(answer.text)
    assert post(browser, f"{HERE}/notes", answer, note="call her").status_code == 303
    assert old.status_code == 200


def test_what_another_person_typed_in_a_stale_window_is_shown_to_nobody(browser: FlaskClient) -> None:
    maras = browser.get(HERE)
    assert 'name="filled_by" value="1"' in maras.text
    post(browser, "/logout", maras)
    sign_in(browser, browser.get("/login"), "Chen")
    for path, said in ((f"{HERE}/notes", {"note": "between us"}), (f"{HERE}/links", {"linked_reason": "between us"})):
        answer = post(browser, path, maras, **said)
        assert answer.status_code == 403
        assert "filled in by somebody else" in visible(answer.text)
        assert "between us" not in answer.text
    unknown = browser.post(f"{HERE}/notes", data={"note": "between us", "csrf_token": field(maras.text, "csrf_token")})
    assert unknown.status_code == 400
    assert "between us" not in unknown.text


def test_after_signing_out_another_person_gets_nothing_that_went_along(browser: FlaskClient) -> None:
    page = browser.get(HERE)
    post(browser, "/logout", page)
    gate = post(browser, f"{HERE}/links", page, linked_reason="between us")
    assert gate.status_code == 401
    assert sign_in(browser, gate, "Chen").location == "/"
    assert "between us" not in browser.get("/complaints/new").text


def test_too_much_to_go_along_says_where_it_still_is(browser: FlaskClient, make: sessionmaker[Session]) -> None:
    page = browser.get(HERE)
    stale = browser.post(
        f"{HERE}/notes", data={"note": "x" * (LARGEST + 1), "filled_by": "1", "csrf_token": "of another sign-in"}
    )
    expire(make)
    expired = post(browser, f"{HERE}/notes", page, note="x" * (LARGEST + 1))
    browser.delete_cookie("redress")
    for answer in (stale, expired, post(browser, f"{HERE}/notes", page, note="x" * (LARGEST + 1))):
        assert answer.status_code == 413
        assert "Go back in your browser" in visible(answer.text)


def test_nothing_goes_along_from_another_site_or_without_words(browser: FlaskClient, app: Flask) -> None:
    stranger = app.test_client()
    foreign = stranger.post(f"{HERE}/notes", data={"note": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    assert 'name="carried"' not in foreign.text
    assert stranger.post("/logout").location == "/login"
    forged = stranger.get("/login")
    form = {"email": "Mara@mill.example", "password": PASSWORD, "csrf_token": field(forged.text, "csrf_token")}
    assert stranger.post("/login", data=form | {"carried": "forged"}).location == "/"


def test_a_script_is_told_that_nobody_is_signed_in(app: Flask, browser: FlaskClient) -> None:
    answer = app.test_client().post(f"{HERE}/drafts/note", data={"note": "x"}, headers={"Accept": "application/json"})
    assert answer.status_code == 401
    there = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{HERE}"}
    assert app.test_client().get("/board", headers=there).headers["HX-Redirect"] == f"/login?next={HERE}"


def test_signing_out_forgets_what_this_browser_kept(browser: FlaskClient) -> None:
    post(browser, "/logout", browser.get(HERE))
    assert "js/forget.js" in browser.get("/login").text
    assert "js/forget.js" not in browser.get("/login").text
