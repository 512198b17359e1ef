"""Answering the customer from a complaint's page."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from complaints.blobs import Blobs
from complaints.database import transaction
from complaints.history import Change
from complaints.letters import Attachment
from complaints.outbox import Outgoing
from complaints.people import Actor
from complaints.replies import LARGEST, Reply
from tests.builders import MONDAY, a_complaint, a_file, a_letter, a_mailed_complaint, a_person
from tests.desk import Desk
from tests.webapp.conftest import NOW, Browser, on_both_databases
from tests.webapp.test_complaint_page import visible
from tests.webapp.test_work import queries_of

HERE = "/complaints/C-2026-0001"
REPLIES = f"{HERE}/replies"
INES = "i.carrow@quellstrom.example"
HELLO = "Dear Ines,\nthank you for the photographs."


def typed(**changes: Any) -> dict[str, Any]:
    return {"key": "key of the form", "to": INES, "subject": "Re: Leak", "text": HELLO, "quoted": "1"} | changes


def send(browser: FlaskClient, **changes: Any) -> TestResponse:
    return browser.post(REPLIES, data=typed(**changes), content_type="multipart/form-data")


@pytest.fixture
def mailed(clerk: Actor, make: sessionmaker[Session]) -> int:
    with transaction(make) as session:
        return a_mailed_complaint(session).id


def rows(make: sessionmaker[Session], table: Any) -> list[Any]:
    with make() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def problem(html: str, field: str) -> str:
    found = re.search(rf'id="f-composer-{field}-problem">(.*?)</p>', html, re.S)
    return visible(found[1]) if found else ""


def mark(make: sessionmaker[Session], **state: Any) -> None:
    with transaction(make) as session:
        session.execute(update(Outgoing).where(Outgoing.kind == "reply").values(**state))


@pytest.mark.usefixtures("mailed")
def test_the_form_begins_with_the_customer_and_the_subject(desk: FlaskClient) -> None:
    html = desk.get(HERE).text
    assert f'name="to" value="{INES}" checked' in html
    assert 'name="subject" value="Re: Oil weeping at HX-210 face seal [C-2026-0001]"' in html
    shown = visible(html)
    assert "Signed by Mara Linden, Mill 磨坊." in shown
    assert "Quote the letter of Mon 16 Nov, 09:00 below" in shown
    assert "Send it when work begins" not in shown


@pytest.mark.usefixtures("mailed")
@on_both_databases
def test_what_was_sent_stands_in_the_conversation_and_may_be_taken_back(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    answer = send(desk)
    assert (answer.status_code, answer.location) == (303, f"{HERE}#reply-1")
    send(desk)  # pressed twice
    page = desk.get(HERE).text
    shown = visible(page)
    assert "Sent in 10 s" in shown
    assert shown.count("thank you for the photographs") == 1
    for words in (f"to Ines Carrow &lt;{INES}&gt;", "Re: Leak [C-2026-0001]", "Waiting to be sent"):
        assert words in re.sub(r"\s+", " ", page)

    back = desk.post(f"{REPLIES}/1/back")
    assert (back.status_code, back.location) == (303, f"{HERE}?reply=1#composer")
    page = desk.get(back.location).text
    assert "thank you for the photographs.</textarea>" in page
    assert 'id="reply-1"' not in page
    assert "Mara Linden took a reply back before it was sent" in visible(page)
    assert [mail.state for mail in rows(make, Outgoing)] == ["cancelled"]


@pytest.mark.usefixtures("mailed")
def test_nobody_reads_in_the_form_what_a_colleague_took_back(
    desk: FlaskClient, make: sessionmaker[Session], browser_of: Browser
) -> None:
    send(desk)
    desk.post(f"{REPLIES}/1/back")
    with transaction(make) as session:
        other = a_person(session, "sales")
    for address in (f"{HERE}?reply=1", f"{HERE}?reply=x", f"{HERE}?reply=99999999999999999999"):
        assert "thank you for" not in browser_of(other).get(address).text


@pytest.mark.usefixtures("mailed")
def test_what_is_wrong_stands_at_its_field_and_everything_typed_is_kept(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    upload = {"upload": (io.BytesIO(b"measured"), "Bericht.txt")}
    answer = send(desk, to="boss@rival.example", new_cc="nobody", text="x" * 20_001, later="1", **upload)
    assert answer.status_code == 422
    page = answer.text
    assert "boss@rival.example is none of the people of this complaint" in problem(page, "to")
    assert "“nobody” is no e-mail address" in problem(page, "cc")
    assert problem(page, "text") == "This may have 20000 characters; it has 20001"
    assert 'href="#f-composer-text"' in page
    assert 'name="new_cc" value="nobody"' in page
    assert "x" * 20_001 in page
    assert 'value="key of the form"' in page
    (file,) = rows_of_files(make)
    assert f'value="{file.id}" checked' in page
    assert rows(make, Reply) == []
    assert send(desk, file=file.id).status_code == 303
    assert rows(make, Reply)[0].attachments == [file.id]
    assert "Bericht.txt" in visible(desk.get(HERE).text)


def rows_of_files(make: sessionmaker[Session]) -> list[Attachment]:
    with make() as session:
        return list(session.scalars(select(Attachment)))


@pytest.mark.usefixtures("mailed")
def test_an_empty_file_is_refused_at_its_field(desk: FlaskClient) -> None:
    answer = send(desk, upload=(io.BytesIO(b""), "nothing.txt"))
    assert answer.status_code == 422
    assert problem(answer.text, "files") == "The file “nothing.txt” is empty."
    assert "thank you for the photographs.</textarea>" in answer.text


@pytest.mark.usefixtures("mailed")
def test_a_file_too_large_for_a_mail_is_refused_at_its_field_and_nothing_of_it_is_left(
    desk: FlaskClient, make: sessionmaker[Session], blobs: Blobs
) -> None:
    before = sum(1 for path in blobs.folder.rglob("*") if path.is_file())
    answer = send(desk, upload=(io.BytesIO(bytes(LARGEST + 1)), "../视频 “1”.mp4"))
    assert answer.status_code == 422
    assert problem(answer.text, "files") == "The file “视频 “1”.mp4” has 18.1 MB; it may have 18 MB."
    assert "thank you for the photographs.</textarea>" in answer.text
    assert rows_of_files(make) == []
    assert sum(1 for path in blobs.folder.rglob("*") if path.is_file()) == before


@pytest.mark.requirement("S201")
@pytest.mark.usefixtures("mailed")
def test_a_promise_before_the_decision_is_asked_about_once(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    answer = send(desk, text="We will refund you. 我们保证。")
    assert answer.status_code == 422
    assert "it sounds like a promise: “refund”, “保证”" in problem(answer.text, "meant")
    assert 'name="meant"' in answer.text
    assert rows(make, Outgoing) == []
    assert send(desk, text="We will refund you. 我们保证。", meant="1").status_code == 303
    page = visible(desk.get(HERE).text)
    assert "Mara Linden answered the customer, and meant it before it was decided: “refund”, “保证”" in page
    with make() as session:
        assert session.scalars(select(Change.act).where(Change.act == "replied")).all() == ["replied"]


@pytest.mark.requirement("S66")
def test_a_kind_of_contact_is_recorded_with_the_reply(make: sessionmaker[Session], browser_of: Browser) -> None:
    work = Desk(make)
    number = work.to_customer_reply(contact_email=INES)
    browser = browser_of(work["sales"])
    page = browser.get(f"/complaints/{number}").text
    assert '<option value="result_told">Result told</option>' in page
    answer = browser.post(f"/complaints/{number}/replies", data=typed(contact="result_told", quoted=""))
    assert answer.status_code == 303
    assert [row.values["kind"] for row in work.case(number).rows["contacts"]][-1] == "result_told"
    assert '<span class="chip">Result told</span>' in browser.get(f"/complaints/{number}").text


@pytest.mark.usefixtures("mailed")
def test_at_night_it_may_wait_for_the_morning(
    desk: FlaskClient, make: sessionmaker[Session], clock: time_machine.Traveller
) -> None:
    clock.move_to(MONDAY + timedelta(hours=10))
    assert "Send it when work begins, Tue 17 Nov, 08:30" in visible(desk.get(HERE).text)
    send(desk, later="1")
    shown = visible(desk.get(HERE).text)
    assert "It is sent when work begins." in shown
    assert "It is sent Tue 17 Nov, 08:30 ." in shown
    assert desk.post(f"{REPLIES}/1/back").status_code == 303


@pytest.mark.usefixtures("mailed")
@pytest.mark.parametrize(
    ("state", "says", "acts"),
    [
        ({"state": "pending"}, "Waiting to be sent", "Take back"),
        ({"attempts": 1, "error": "451 later"}, "Not sent yet; next try", ""),
        ({"state": "sending", "attempts": 1}, "Being sent", ""),
        ({"state": "sent", "sent_at": NOW, "reply": "250 queued"}, "The mail server answered: 250 queued", ""),
        ({"state": "sent", "sent_at": NOW, "reply": "250", "refused": {INES: "550 none"}},
         f"The mail server did not take it for {INES}: 550 none", "Try again for those"),
        ({"state": "failed", "error": "550 no such user"}, "the customer was not told. 550 no such user", "Try again"),
        ({"state": "failed", "error": "author_left"}, "Whoever wrote it does not work here any more.", "Try again"),
        ({"state": "uncertain", "error": "dropped"}, "not certain that it arrived", "The customer may get it twice"),
        ({"state": "sent", "sent_at": NOW, "reply": "250", "bounced_at": NOW, "bounce_status": "5.1.1"},
         "the customer was not reached. 5.1.1", ""),
    ],
)  # fmt: skip
def test_a_reply_says_how_far_it_got_and_what_can_be_done(
    desk: FlaskClient, make: sessionmaker[Session], state: dict[str, Any], says: str, acts: str
) -> None:
    send(desk)
    desk.get(HERE)  # the notice, with its own way back, is read
    mark(make, **state)
    page = desk.get(HERE).text
    reply = page[page.index('id="reply-1"') :]
    shown = visible(reply[: reply.index("</article>")])
    assert says in shown
    assert [each for each in ("Take back", "Try again") if each in shown] == [
        each for each in ("Take back", "Try again") if each in acts or (each == "Try again" and "twice" in acts)
    ]


@pytest.mark.usefixtures("mailed")
def test_it_is_tried_again_by_hand_and_in_doubt_only_when_that_is_meant(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    send(desk)
    assert desk.post(f"{REPLIES}/1/again").status_code == 422
    mark(make, state="uncertain", attempts=2)
    assert "It may have arrived" in desk.post(f"{REPLIES}/1/again").text
    assert desk.post(f"{REPLIES}/1/again", data={"sure": "1"}).status_code == 303
    assert [mail.state for mail in rows(make, Outgoing)] == ["pending"]
    assert "Mara Linden had a reply tried again" in visible(desk.get(HERE).text)
    answer = desk.post(f"{REPLIES}/1/back")
    assert answer.status_code == 409
    assert "on its way already" in answer.text


@pytest.mark.usefixtures("mailed")
def test_who_may_not_answer_finds_no_form_and_is_refused(make: sessionmaker[Session], browser_of: Browser) -> None:
    from complaints.complaint import find, involve
    from complaints.people import SYSTEM

    with transaction(make) as session:
        member, stranger = a_person(session, "dept"), a_person(session, "dept")
        complaint = find(session, "C-2026-0001", SYSTEM)
        involve(session, complaint, at=NOW, reason="responsible", users=[member.id or 0])
    browser = browser_of(member)
    assert 'id="composer"' not in browser.get(HERE).text
    assert send(browser).status_code == 403
    assert send(browser_of(stranger)).status_code == 404
    for act in ("back", "again"):
        assert browser_of(stranger).post(f"{REPLIES}/1/{act}").status_code == 404
    assert rows(make, Reply) == []


@pytest.mark.usefixtures("mailed")
def test_a_reply_of_another_complaint_is_not_there(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    send(desk)
    with transaction(make) as session:
        a_complaint(session)
    for act in ("back", "again"):
        assert desk.post(f"/complaints/C-2026-0002/replies/1/{act}").status_code == 404
    assert send(desk, key="short").status_code == 422


@pytest.mark.usefixtures("mailed")
def test_nothing_in_a_reply_acts_on_the_page(desk: FlaskClient) -> None:
    send(
        desk,
        text='<script>alert(1)</script><b hx-get="/logout">',
        subject='"><img src=x>',
        new_cc='"<b>" <x@y.example>',
    )
    send(desk, key="another form", new_cc="Bo <x@y.example>", text='<script>alert(1)</script><b hx-get="/logout">')
    page = desk.get(HERE).text
    assert "<script>alert" not in page
    assert "<img src=x>" not in page
    assert "<b hx-get" not in page


def test_the_composer_costs_few_questions_however_much_was_written(
    desk: FlaskClient, make: sessionmaker[Session], blobs: Blobs, app: Flask
) -> None:
    with transaction(make) as session:
        complaint = a_mailed_complaint(session, files=[a_file(blobs)])
    send(desk)
    desk.get(HERE)
    few = queries_of(desk, HERE, app)
    with transaction(make) as session:
        for n in range(8):
            a_letter(session, session.merge(complaint), message_id=f"{n}@c", from_address=f"{n}@q.example")
    for n in range(4):
        send(desk, key=f"another form {n}")
    desk.get(HERE)
    assert queries_of(desk, HERE, app) == few
