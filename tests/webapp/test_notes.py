"""Notes and watching on a complaint's page, the way upward, and what no customer ever gets."""

import re
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import complaint as complaints
from complaints import notes, notices, off_board
from complaints.database import transaction
from complaints.letters import Sighting
from complaints.notes import LONGEST, Note
from complaints.outbox import Outgoing
from complaints.people import Actor, User
from complaints.procedure import newest
from complaints.settings import Settings
from jobs.letters import make_app, render
from tests.builders import a_complaint, a_letter, a_mailed_complaint, a_person
from tests.desk import CONTEXT, Desk
from tests.webapp.boards import counted
from tests.webapp.conftest import NOW, Browser, on_both_databases

HERE = "/complaints/C-2026-0001"
NOTES = f"{HERE}/notes"
KEY = "a key of the form"


@pytest.fixture
def complaint(clerk: Actor, make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        a_mailed_complaint(session)


@pytest.fixture
def desk(complaint: None, clerk: Actor, browser_of: Browser) -> FlaskClient:
    """The clerk's browser."""
    return browser_of(clerk)


@pytest.fixture
def technician(complaint: None, make: sessionmaker[Session]) -> Actor:
    with transaction(make) as session:
        return a_person(session, "dept", name="陈予安", locale="zh_CN")


def visible(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def article(html: str, id_: str) -> str:
    found = re.search(rf'<article[^>]* id="{id_}".*?</article>', html, re.S)
    assert found is not None, id_
    return found[0]


def write(client: FlaskClient, text: str, **more: Any) -> Any:
    return client.post(NOTES, data={"note": text, "key": KEY, **more}, follow_redirects=True)


@on_both_databases
def test_a_note_stands_in_the_conversation_and_says_that_no_customer_gets_it(desk: FlaskClient) -> None:
    answer = desk.post(NOTES, data={"note": "see https://x.example\n<script>alert(1)</script>", "key": KEY})
    assert (answer.status_code, answer.location) == (303, f"{HERE}#note-1")
    html = desk.get(HERE).text
    shown = article(html, "note-1")
    assert "ent--note" in shown
    assert "#i-lock" in shown
    assert "Mara Linden internal note, not sent to the customer 09:30" in visible(shown)
    assert '<a href="https://x.example"' in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "noted" not in visible(html)  # the history does not tell it again


def test_a_refused_note_says_why_at_the_field_and_keeps_what_was_typed(desk: FlaskClient) -> None:
    answer = write(desk, " \t\n ")
    assert answer.status_code == 422
    assert visible(answer.text).count("There is nothing in the note yet") == 2  # above the page and at the field
    assert '<a href="#f-note">There is nothing in the note yet</a>' in answer.text
    long = "line\n" * (LONGEST // 5) + "one more </textarea>"
    answer = write(desk, long.replace("\n", "\r\n"))
    assert answer.status_code == 422
    assert "The note may have 8000 characters; this has 8020" in visible(answer.text)
    assert f">\n{long.replace('<', '&lt;').replace('>', '&gt;')}</textarea>" in answer.text
    assert f'name="key" value="{KEY}"' in answer.text
    assert 'aria-describedby="note-hint note-problem" aria-invalid="true"' in answer.text


def test_the_same_note_sent_again_is_there_once(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    for _ in range(2):
        assert write(desk, "12 parts").status_code == 200
    with make() as session:
        assert session.scalar(select(func.count()).select_from(Note)) == 1


@pytest.mark.parametrize("typed", [{}, {"note": "x", "corrects": "9" * 30}, {"note": "x", "corrects": "-1"}])
def test_any_form_gets_an_answer(desk: FlaskClient, typed: dict[str, str]) -> None:
    assert desk.post(NOTES, data=typed).status_code in (404, 422)
    assert desk.get(HERE, query_string=typed).status_code == 200


@on_both_databases
def test_a_stranger_finds_no_complaint_to_note_on_to_watch_or_to_mention_on(
    technician: Actor, browser_of: Browser, make: sessionmaker[Session]
) -> None:
    stranger = browser_of(technician)
    assert write(stranger, "12 parts").status_code == 404
    for act in ("watch", "unwatch"):
        assert stranger.post(f"{HERE}/{act}").status_code == 404
    assert stranger.get(f"{HERE}/mentionable").status_code == 404


@on_both_databases
def test_who_may_see_the_complaint_reads_its_notes_and_may_write_one(
    desk: FlaskClient, technician: Actor, browser_of: Browser
) -> None:
    write(desk, "请 @陈予安 确认")
    colleague = browser_of(technician)
    page = colleague.get(HERE).text
    assert "内部" in visible(page) or "internal" in visible(page)
    assert '<b class="at">@陈予安</b>' in article(page, "note-1")
    assert write(colleague, "confirmed", key="another").status_code == 200
    assert "confirmed" in article(desk.get(HERE).text, "note-2")


@on_both_databases
def test_who_is_mentioned_gets_a_mail_in_their_language_that_leads_to_the_page(
    desk: FlaskClient, technician: Actor, make: sessionmaker[Session], settings: Settings
) -> None:
    answer = write(desk, "the tool was worn, @陈予安")
    assert "The note is saved. Told: 陈予安." in visible(answer.text)
    with make() as session:
        address = session.scalars(select(User.email).where(User.id == technician.id)).one()
        (owed,) = session.scalars(select(Outgoing).where(Outgoing.recipient == address))
        assert owed.complaint_id is None  # no mail of the complaint's
    mail = render(make_app(settings), settings, owed).decode("ascii", "replace")
    assert "tool was worn" not in mail
    with make() as session:
        (notice,) = notices.listed(session, technician)
    assert notice.notice.event == "mentioned:1"


def test_nothing_of_a_note_is_in_any_mail_of_the_complaint(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    write(desk, "the tool was worn")
    with make() as session:
        assert session.scalars(select(Outgoing)).all() == []


def test_a_note_is_corrected_by_its_writer_and_both_stand_there(
    desk: FlaskClient, make: sessionmaker[Session], browser_of: Browser
) -> None:
    write(desk, "12 parts")
    assert f'href="{HERE}?corrects=1#note-form"' in article(desk.get(HERE).text, "note-1")
    form = desk.get(f"{HERE}?corrects=1").text
    assert "Correction of the internal note of Mon 16 Nov, 09:30" in visible(form)
    assert '<input type="hidden" name="corrects" value="1">' in form
    assert ">\n12 parts</textarea>" in form
    same = write(desk, "12 parts", corrects="1", key="another")
    assert same.status_code == 422
    assert "The correction says the same as the note" in visible(same.text)
    page = write(desk, "14 parts", corrects="1", key="another").text
    assert "12 parts" in visible(article(page, "note-1"))
    assert "Corrected Mon 16 Nov, 09:30" in visible(article(page, "note-1"))
    assert "Correct it" not in article(page, "note-1")
    assert "corrects the note of Mon 16 Nov, 09:30" in visible(article(page, "note-2"))
    with transaction(make) as session:
        other = a_person(session, "clerk", name="Bea")
    page = browser_of(other).get(f"{HERE}?corrects=2").text
    assert 'name="corrects"' not in page
    assert "Correct it" not in page


def test_notes_of_a_complaint_that_was_merged_into_it_are_shown_with_their_number(
    desk: FlaskClient, clerk: Actor, make: sessionmaker[Session]
) -> None:
    with transaction(make) as session:
        merged = a_complaint(session)
        notes.add(session, merged, "from the other", by=clerk, at=NOW, context=CONTEXT)
        into = complaints.find(session, "C-2026-0001", clerk)
        off_board.take(
            session, merged, "merged", reason="", by=clerk, at=NOW, seen_version=1, context=CONTEXT, into=into
        )
    shown = article(desk.get(HERE).text, "note-1")
    assert "from C-2026-0002" in visible(shown)
    assert "Correct it" not in shown


@on_both_databases
def test_the_page_asks_one_question_for_all_its_notes(
    desk: FlaskClient, clerk: Actor, app: Flask, make: sessionmaker[Session]
) -> None:
    def asked() -> list[str]:
        with counted(app) as statements:
            assert desk.get(HERE).status_code == 200
        return list(statements)

    asked()
    few = asked()
    assert len([each for each in few if "FROM note" in each.replace("\n", " ") and "FROM notice" not in each]) == 1
    with transaction(make) as session:
        found = complaints.find(session, "C-2026-0001", clerk)
        for n in range(30):
            notes.add(session, found, f"note {n} @Mara Linden", by=clerk, at=NOW, context=CONTEXT)
            complaints.involve(session, found, at=NOW, reason=complaints.WATCHING, users=[a_person(session).id])
    assert len(asked()) <= len(few)


def test_the_names_that_can_be_mentioned_are_those_of_colleagues_who_work_here(
    desk: FlaskClient, technician: Actor, make: sessionmaker[Session]
) -> None:
    with transaction(make) as session:
        gone = a_person(session, "qe", name="Gone")
        session.get_one(User, gone.id).left_at = NOW
        a_person(session, "qe", name="Bea")
        a_person(session, "qe", name="Bea")
    offered = desk.get(f"{HERE}/mentionable").json
    assert offered
    assert [*offered] == ["Bea", "陈予安"]
    assert {"陈予安", "chenyuan", "cya"} <= {*offered["陈予安"]}


# Watching


@on_both_databases
def test_watching_and_not_is_one_press_and_the_page_says_who_does(
    desk: FlaskClient, make: sessionmaker[Session], clerk: Actor
) -> None:
    page = desk.get(HERE).text
    assert "Watching Nobody yet. Watch " in visible(page)
    for _ in range(2):
        answer = desk.post(f"{HERE}/watch")
        assert (answer.status_code, answer.location) == (303, f"{HERE}#watching")
    assert "Watching 1 Mara Linden Unwatch " in visible(desk.get(HERE).text)
    answer = desk.post(f"{HERE}/unwatch", headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith("<section")
    assert "Watching Nobody yet. Watch " in visible(answer.text)
    answer = desk.post(f"{HERE}/watch", headers={"HX-Request": "true"})
    assert "Watching 1 Mara Linden Unwatch " in visible(answer.text)


def test_a_letter_that_somebody_puts_on_it_is_told_to_its_watchers(
    complaint: None, clerk: Actor, browser_of: Browser, make: sessionmaker[Session]
) -> None:
    with transaction(make) as session:
        colleague = a_person(session, "qe", name="Bea")
        letter = a_letter(session, subject="again")
        sighting = Sighting(
            size=1, received_at=NOW, seen_at=NOW, outcome="set_aside", reason="by_hand", letter_id=letter.id
        )
        session.add(sighting)
        session.flush()
        seen = sighting.id
    browser_of(colleague).post(f"{HERE}/watch")
    answer = browser_of(clerk).post(f"/inbox/messages/{seen}/join", data={"number": "C-2026-0001"})
    assert answer.status_code in (200, 303), answer.text
    with make() as session:
        (heard,) = notices.listed(session, colleague)
    assert heard.notice.event == f"letter_joined:{letter.id}"


# Upward


@pytest.mark.requirement("S76")
def test_what_cannot_be_solved_leads_to_the_record_that_tells_the_superior(
    make: sessionmaker[Session], browser_of: Browser
) -> None:
    office = Desk(make)
    number = office.registered()
    with transaction(make) as session:
        session.execute(update(User).where(User.id == office["qe"].id).values(superior_id=office["qa_mgr"].id))
    page = browser_of(office["qe"]).get(f"/complaints/{number}").text
    way = f"/complaints/{number}/records?edit=escalations.0#f-escalations"
    assert f'href="{way}"' in page
    assert f"Your superior is told: {office['qa_mgr'].name}." in visible(page)
    page = browser_of(office["qe"]).get(way).text
    assert re.search(r'id="f-escalations" open', page)
    assert 'id="f-escalations-text"' in page
    page = browser_of(office["clerk"]).get(f"/complaints/{number}").text
    assert "No superior is entered for you" in visible(page)
    assert "Report upward" not in visible(browser_of(office["gm"]).get(f"/complaints/{number}").text)


def test_a_procedure_without_such_a_record_offers_no_way_upward() -> None:
    upward = {rules.key: rules.upward.key if rules.upward else None for rules in newest()}
    assert {key: upward[key] for key in ("manufacturing", "cleaning", "postal", "medical")} == {
        "manufacturing": "escalations", "cleaning": "escalations", "postal": None, "medical": None,
    }  # fmt: skip
