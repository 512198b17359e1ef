"""Which letter a reply answers, what an address adds to a draft of it, and what a customer was told otherwise."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints.blobs import Blobs
from complaints.database import transaction
from complaints.letters import Attachment, Letter
from complaints.outbox import Outgoing
from complaints.people import Actor
from tests.builders import MONDAY, a_file, a_letter, a_mailed_complaint, a_person
from tests.desk import Desk
from tests.webapp.conftest import Browser, on_both_databases
from tests.webapp.test_complaint_page import visible
from tests.webapp.test_drafts import HERE, INES, save, version
from tests.webapp.test_replies import typed

BO = "bo@quellstrom.example"
LATER = MONDAY + timedelta(minutes=9)


@pytest.fixture
def desk(clerk: Actor, make: sessionmaker[Session], browser_of: Browser, blobs: Blobs) -> FlaskClient:
    """The clerk's browser, before a complaint with a letter of Ines and a later one of Bo."""
    with transaction(make) as session:
        complaint = a_mailed_complaint(session, files=[a_file(blobs)])
        a_letter(session, complaint, from_address=BO, from_name="Bo", message_id="b@c", received_at=LATER,
                 subject="Another leak", cc=["carl@quellstrom.example"])  # fmt: skip
    return browser_of(clerk)


def form_of(html: str) -> str:
    found = re.search(r'<form class="composer__form" id="reply-form".*?</form>', html, re.S)
    assert found
    return found[0]


def chosen(html: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="([^"]+)" checked', form_of(html))


def value(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', form_of(html))
    return found[1] if found else ""


# Which letter


@on_both_databases
@pytest.mark.requirement("S57")
def test_each_letter_leads_to_a_reply_that_quotes_it_and_goes_to_its_writer(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    page = desk.get(HERE).text
    assert (chosen(page, "to"), value(page, "answers")) == ([BO], "2")
    assert f'href="{HERE}?answer=1#f-composer-to">Answer this letter</a>' in page
    page = desk.get(f"{HERE}?answer=1").text
    assert (chosen(page, "to"), chosen(page, "cc"), value(page, "answers")) == ([INES], [], "1")
    assert value(page, "subject") == "Re: Oil weeping at HX-210 face seal [C-2026-0001]"
    assert "data-unsaved" not in form_of(page)
    assert "Quote the letter of Mon 16 Nov, 09:00 below" in visible(form_of(page))
    desk.post(f"{HERE}/replies", data=typed(answers="1", to=INES))
    with make() as session:
        mail = session.scalars(select(Outgoing).where(Outgoing.kind == "reply")).one()
        assert mail.in_reply_to == "a1@quellstrom.example"
        assert "14 of 200 joints" in mail.values["quoted"]["text"]


def test_another_letter_is_answered_with_the_words_that_were_typed(desk: FlaskClient) -> None:
    save(desk, "reply", text="Dear both", to=BO, subject="Re: Another leak", answers="2", new_cc="d@q.example")
    page = desk.get(f"{HERE}?answer=1").text
    assert (chosen(page, "to"), value(page, "answers"), value(page, "new_cc")) == ([INES], "1", "d@q.example")
    assert "Dear both</textarea>" in page
    assert "data-unsaved" in form_of(page)
    save(desk, "reply", version=1, text="Dear Ines", to=[INES, BO], subject="My own", answers="1")
    page = desk.get(f"{HERE}?answer=1").text  # loaded again
    assert (chosen(page, "to"), value(page, "subject")) == ([BO, INES], "My own")
    assert "data-unsaved" not in form_of(page)


def test_a_letter_that_may_be_forged_and_a_reader_who_answers_nobody_have_no_such_way(
    desk: FlaskClient, make: sessionmaker[Session], browser_of: Browser
) -> None:
    with transaction(make) as session:
        session.execute(update(Letter).where(Letter.id == 1).values(verdict="failed"))
        reader = a_person(session, "mr")
    page = desk.get(HERE).text
    assert ("?answer=2" in page, "?answer=1" in page) == (True, False)
    assert "Answer this letter" not in browser_of(reader).get(HERE).text
    assert "?answer=2" in desk.get(f"{HERE}/letters/2", headers={"HX-Request": "true"}).text


@pytest.mark.parametrize("odd", ["x", "-1", "99", "99999999999999999999", ""])
def test_a_letter_that_is_none_of_the_complaint_changes_nothing(desk: FlaskClient, odd: str) -> None:
    assert (value(desk.get(f"{HERE}?answer={odd}").text, "answers")) == "2"
    sent = desk.post(f"{HERE}/replies", data=typed(answers=odd, to=BO))
    assert sent.status_code == 303


def test_a_letter_says_to_whom_else_it_went(desk: FlaskClient) -> None:
    letter = desk.get(HERE).text.partition('id="letter-2"')[2].partition("</header>")[0]
    assert "Cc carl@quellstrom.example" in visible(letter)


# What an address adds to a draft


def test_files_and_the_kind_of_contact_of_an_address_join_the_draft_that_is_kept(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    with make() as session:
        file = session.scalars(select(Attachment.id)).one()
    save(desk, "reply", text="Dear Ines", to=INES, subject="Re: Leak")
    page = desk.get(f"{HERE}?attach={file}&contact=progress_told").text
    assert "Dear Ines</textarea>" in page
    assert chosen(page, "file") == [file]
    assert "data-unsaved" in form_of(page)
    assert version(page, "reply") == 1
    save(desk, "reply", version=1, text="Dear Ines", to=INES, subject="Re: Leak", file=file)
    assert "data-unsaved" not in form_of(desk.get(f"{HERE}?attach={file}").text)


# What the customer was told


@pytest.fixture
def work(make: sessionmaker[Session]) -> Desk:
    return Desk(make)


def answer(browser: FlaskClient, number: str, **changes: Any) -> Any:
    return browser.post(f"/complaints/{number}/replies", data=typed(quoted="", **changes))


@on_both_databases
def test_the_day_that_a_reply_names_is_recorded_and_back_in_the_form_when_it_is_taken_back(
    work: Desk, browser_of: Browser
) -> None:
    number = work.to_implementation(contact_email=INES)
    browser = browser_of(work["sales"])
    answer(browser, number, contact="progress_told", expected="2026-11-20")
    (row,) = work.case(number).rows["contacts"]
    assert (row.values["kind"], row.values["expected_on"]) == ("progress_told", "2026-11-20")
    back = browser.post(f"/complaints/{number}/replies/1/back")
    assert work.case(number).rows["contacts"] == ()
    page = browser.get(back.location).text
    assert value(page, "expected") == "2026-11-20"
    assert '<option value="progress_told" selected>' in page


def test_a_reply_that_is_on_its_way_comes_back_as_the_page_with_the_reason(
    work: Desk, browser_of: Browser, make: sessionmaker[Session]
) -> None:
    number = work.to_implementation(contact_email=INES)
    browser = browser_of(work["sales"])
    answer(browser, number)
    with transaction(make) as session:
        session.execute(update(Outgoing).where(Outgoing.kind == "reply").values(state="sending"))
    late = browser.post(f"/complaints/{number}/replies/1/back")
    assert late.status_code == 409
    assert "The reply is on its way already" in visible(late.text)
    assert 'id="reply-1"' in late.text


def test_a_call_stands_in_the_conversation_with_its_words_and_a_reply_only_as_itself(
    work: Desk, browser_of: Browser
) -> None:
    number = work.to_implementation(contact_email=INES)
    work.write(number, "contacts", "sales", kind="evidence_asked", on="2026-11-16", way="phone", person="Ines Carrow",
               text="Please keep <b>five</b> leaking joints")  # fmt: skip
    browser = browser_of(work["sales"])
    answer(browser, number, contact="measures_told", text="This is what we do")
    page = browser.get(f"/complaints/{number}").text
    spoken = [visible(each) for each in re.findall(r'<article class="ent ent--out">.*?</article>', page, re.S)]
    (call,) = spoken
    for words in ("to Ines Carrow", "Phone · Evidence asked for", "Please keep <b>five</b> leaking joints"):
        assert words in call
    assert "<b>five" not in page
    assert visible(page).count("This is what we do") == 1
