"""Passing on from the page, the mail about it, and the log of who opened which file."""

import base64
import email
import email.policy
import re
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from html import unescape
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import expect
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker
from structlog.testing import capture_logs
from werkzeug.serving import make_server

from complaints.blobs import Blobs
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.letters import Attachment, Letter
from complaints.outbox import Outgoing
from complaints.people import Actor, Department, User
from complaints.settings import Settings
from jobs.letters import make_app, render
from tests.builders import PNG, a_complaint, a_department, a_file, a_mailed_complaint, a_person
from tests.webapp.conftest import Browser, on_both_databases

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = "/complaints/C-2026-0001"
PASS_ON = f"{HERE}/pass-on"


@pytest.fixture
def sales(make: sessionmaker[Session]) -> Actor:
    with transaction(make) as session:
        return a_person(session, "sales", name="Daniel Orme")


@pytest.fixture
def desk(sales: Actor, browser_of: Browser) -> FlaskClient:
    """The salesperson's browser."""
    return browser_of(sales)


@pytest.fixture
def technician(make: sessionmaker[Session]) -> Actor:
    with transaction(make) as session:
        return a_person(session, "dept", name="Piotr Lang")


@pytest.fixture
def quality(make: sessionmaker[Session]) -> Department:
    """The quality department with one engineer."""
    with transaction(make) as session:
        department = a_department(session)
        a_person(session, "qe", name="陆子衡", department=department, locale="zh_CN")
        return department


@pytest.fixture
def complaint(make: sessionmaker[Session]) -> Complaint:
    with transaction(make) as session:
        return a_complaint(session)


def visible(html: str) -> str:
    """A page as its reader sees it, roughly."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def mails(make: sessionmaker[Session]) -> list[Outgoing]:
    with make() as session:
        return list(session.scalars(select(Outgoing).order_by(Outgoing.id)))


def rendered(settings: Settings, mail: Outgoing) -> EmailMessage:
    message = email.message_from_bytes(render(make_app(settings), settings, mail), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def words(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


# Passing on


@pytest.mark.requirement("S35")
@on_both_databases
def test_sales_passes_a_complaint_on_and_the_page_says_so(
    desk: FlaskClient,
    technician: Actor,
    quality: Department,
    complaint: Complaint,
    make: sessionmaker[Session],
    browser_of: Browser,
) -> None:
    assert browser_of(technician).get(HERE).status_code == 404
    page = desk.get(HERE).text
    assert "Pass on…" in visible(page)
    typed = {"to_users": technician.id, "to_departments": quality.id, "reason": "leak at <40> bar", "version": 1}
    answer = desk.post(PASS_ON, data=typed, follow_redirects=True)
    shown = visible(answer.text)
    assert "Passed on to 2 people." in shown
    assert "Daniel Orme passed it on to Piotr Lang , Quality : leak at <40> bar".replace(" ,", ",") in shown
    assert len(mails(make)) == 2
    assert browser_of(technician).get(HERE).status_code == 200


@pytest.mark.requirement("S35")
def test_the_mail_says_who_and_why_in_the_readers_language_and_links_to_the_complaint(
    desk: FlaskClient, technician: Actor, sales: Actor, make: sessionmaker[Session], settings: Settings
) -> None:
    with transaction(make) as session:
        a_complaint(session, subject="BUY NOW", content="secret words")
        sender = session.get_one(User, sales.id).email
    desk.post(PASS_ON, data={"to_users": technician.id, "reason": "100% <b>yours</b>\r\nplease", "version": 1})
    (owed,) = mails(make)
    mail = rendered(settings, owed)
    assert mail["Subject"] == "[C-2026-0001] Daniel Orme passed a complaint on to you"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Reply-To"] == sender
    text, html = words(mail), words(mail, "html")
    assert "Daniel Orme passed complaint C-2026-0001 on to you, because:" in text
    assert "100% <b>yours</b>\nplease" in text.replace("\r\n", "\n")
    assert "100% &lt;b&gt;yours&lt;/b&gt;" in html
    for body in (text, html):
        assert f"{settings.public_url}/complaints/C-2026-0001" in body
        assert "BUY NOW" not in body
        assert "secret words" not in body


def test_a_refused_form_says_why_and_keeps_what_was_typed(
    desk: FlaskClient, technician: Actor, complaint: Complaint, make: sessionmaker[Session]
) -> None:
    with transaction(make) as session:
        empty = a_department(session, "assembly", "Assembly", "装配")
    answer = desk.post(PASS_ON, data={"to_users": technician.id, "to_departments": empty.id, "version": 1})
    assert answer.status_code == 422
    shown = visible(answer.text)
    assert "The complaint was not passed on." in shown
    assert shown.count("Nobody there could be told: Assembly") == 2  # above the page and at the field
    assert shown.count("Please say why you pass it on") == 2
    assert '<details class="pass" open>' in answer.text
    assert f'name="to_users" value="{technician.id}" checked' in answer.text
    assert f'name="to_departments" value="{empty.id}" checked' in answer.text
    assert mails(make) == []
    again = desk.post(PASS_ON, data={"reason": "a\nb </textarea>", "version": 1})
    assert ">\na\nb &lt;/textarea&gt;</textarea>" in again.text


def test_the_same_form_sent_again_tells_nobody_twice(
    desk: FlaskClient, technician: Actor, complaint: Complaint, make: sessionmaker[Session]
) -> None:
    typed = {"to_users": technician.id, "reason": "yours", "version": 1}
    assert desk.post(PASS_ON, data=typed).status_code == 303
    again = desk.post(PASS_ON, data=typed)
    assert again.status_code == 409
    assert "C-2026-0001 was changed meanwhile" in visible(again.text)
    assert "yours</textarea>" in again.text
    assert '<input type="hidden" name="version" value="2">' in again.text
    assert len(mails(make)) == 1


def test_a_person_who_was_passed_a_complaint_may_pass_it_on_and_a_stranger_finds_nothing(
    desk: FlaskClient, technician: Actor, complaint: Complaint, make: sessionmaker[Session], browser_of: Browser
) -> None:
    with transaction(make) as session:
        other = a_person(session, "dept")
    stranger = browser_of(technician)
    typed = {"to_users": other.id, "reason": "yours", "version": 1}
    assert stranger.post(PASS_ON, data=typed).status_code == 404
    desk.post(PASS_ON, data=typed | {"to_users": technician.id})
    assert stranger.post(PASS_ON, data=typed | {"version": 2}).status_code == 303


@pytest.mark.parametrize("typed", [{}, {"version": "x", "to_users": "9" * 5000, "to_departments": "-1"}])
def test_any_form_gets_an_answer(desk: FlaskClient, complaint: Complaint, typed: dict[str, str]) -> None:
    assert desk.post(PASS_ON, data=typed).status_code == 409


# Who opened which file


def opened(logs: list[dict[str, object]]) -> list[dict[str, object]]:
    said = ("event", "log_level")
    return [{key: log[key] for key in log if key not in said} for log in logs if log["event"] == "file opened"]


@pytest.fixture
def file(make: sessionmaker[Session], blobs: Blobs) -> Attachment:
    """A picture inside the HTML of a letter on a complaint."""
    with transaction(make) as session:
        a_mailed_complaint(
            session, files=[a_file(blobs, filename="secret-name.png", content_id="p1")],
            html='<p>secret words</p><img src="cid:p1">', raw=blobs.put(b"Subject: secret words\r\n\r\n"),
        )  # fmt: skip
        return session.scalars(select(Attachment)).one()


@pytest.mark.requirement("S203")
@on_both_databases
def test_opening_a_file_a_mail_or_its_html_leaves_one_line_in_the_log(
    desk: FlaskClient, sales: Actor, file: Attachment, make: sessionmaker[Session]
) -> None:
    with make() as session:
        letter = session.scalars(select(Letter.id)).one()
    paths = (f"/attachments/{file.id}/secret-name.png", f"{HERE}/letters/{letter}/raw", f"{HERE}/letters/{letter}/html")
    who = {"user": sales.id, "address": "203.0.113.7", "complaint": "C-2026-0001"}
    with capture_logs() as logs:
        for path in paths:
            assert desk.get(path, environ_base={"REMOTE_ADDR": "203.0.113.7"}).status_code == 200
    assert opened(logs) == [who | {"attachment": file.id}, who | {"letter": letter}, who | {"letter": letter}]
    assert "secret" not in str(logs)


@pytest.mark.requirement("S203")
def test_a_picture_in_a_letter_is_logged_without_the_token_that_opened_it(
    desk: FlaskClient, app: Flask, file: Attachment
) -> None:
    document = desk.get(f"{HERE}/letters/1/html").text
    found = re.search(r'src="(/attachments/inline/([^"]+))"', document)
    assert found
    with capture_logs() as logs:
        assert app.test_client().get(found[1]).data == PNG
    assert opened(logs) == [{"user": None, "address": "127.0.0.1", "attachment": file.id}]
    assert found[2] not in str(logs)


@pytest.mark.requirement("S203")
def test_what_was_not_opened_is_not_logged_as_opened(
    desk: FlaskClient, file: Attachment, blobs: Blobs, technician: Actor, browser_of: Browser
) -> None:
    blobs.path(file.blob).unlink()
    with capture_logs() as logs:
        assert desk.get(f"/attachments/{file.id}/x").status_code == 410
        assert browser_of(technician).get(f"/attachments/{file.id}/x").status_code == 404
        assert desk.get(HERE).status_code == 200
    assert opened(logs) == []


@pytest.mark.requirement("S203")
@on_both_databases
def test_a_file_asks_for_sign_in_cannot_be_guessed_and_is_nothing_to_strangers(
    app: Flask, file: Attachment, technician: Actor, browser_of: Browser, make: sessionmaker[Session]
) -> None:
    here = f"/attachments/{file.id}/x"
    signed_out = app.test_client().get(here)
    assert signed_out.status_code == 302
    assert signed_out.location.startswith("/login")
    assert len(base64.urlsafe_b64decode(f"{file.id}==")) * 8 == 128
    assert browser_of(technician).get(here).status_code == 404
    with transaction(make) as session:
        session.execute(update(Complaint).values(owner_id=technician.id))
    assert browser_of(technician).get(here).status_code == 200


# In a browser


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """The application behind a real port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def test_a_long_list_is_narrowed_by_typing_and_what_is_ticked_stays(
    served: str, desk: FlaskClient, complaint: Complaint, make: sessionmaker[Session], page: "Page"
) -> None:
    with transaction(make) as session:
        for name in ("Ingrid Hale", "陆子衡", "Tomas Reiner", "Piotr Lang", "沈岚", "马国强", "Ada", "Bea"):
            a_person(session, "qe", name=name)
    cookie = desk.get_cookie("redress")
    assert cookie
    page.context.add_cookies([{"name": "redress", "value": cookie.value, "url": served}])
    page.goto(served + HERE)
    page.get_by_text("Pass on…").click()
    page.get_by_label("陆子衡").check()
    page.get_by_label("Find a colleague").fill("TOMAS")
    expect(page.get_by_label("Ingrid Hale")).to_be_hidden()
    page.get_by_label("Tomas Reiner").check()
    expect(page.get_by_label("陆子衡")).to_be_visible()
    page.get_by_label("Find a colleague").press("Enter")
    page.locator("#pass-on").get_by_label("Reason").fill("yours")
    page.get_by_role("button", name="Pass on").click()
    expect(page.get_by_role("status")).to_contain_text("Passed on to 2 people.")
