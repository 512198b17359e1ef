"""The page from which the papers of a complaint are printed, and the files that are kept."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints.blobs import Blobs
from complaints.database import transaction
from complaints.history import Change
from complaints.people import Actor
from complaints.printing import Print
from complaints.settings import Settings
from jobs import paper
from jobs.printing import Printer
from tests.builders import a_file, a_letter, a_mailed_complaint, a_person
from tests.webapp.conftest import NOW, Browser, on_both_databases
from tests.webapp.test_complaint_page import visible

HERE = "/complaints/C-2026-0001"
PRINTS = f"{HERE}/prints"
EIGHT_D = {"paper": "report_8d", "language": "both", "edition": "customer", "format": "pdf"}


@pytest.fixture
def mailed(clerk: Actor, make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        a_mailed_complaint(session)


@pytest.fixture
def printer(settings: Settings, make: sessionmaker[Session]) -> Callable[[], None]:
    """Makes what waits, as the worker does."""

    def make_all() -> None:
        each = Printer(settings, make, clock=lambda: NOW)
        while each.make_next():
            pass

    return make_all


def ask(browser: FlaskClient, **changes: Any) -> Any:
    return browser.post(PRINTS, data=EIGHT_D | changes)


def rows(make: sessionmaker[Session]) -> list[Print]:
    with make() as session:
        return list(session.scalars(select(Print).order_by(Print.id)))


def link(html: str, word: str) -> str:
    """The address of the first link with this word."""
    found = next(re.finditer(rf'<a [^>]*href="([^"]+)"[^>]*>(?:(?!</a>).)*{word}', html, re.S))
    return found[1].replace("&amp;", "&")


@pytest.mark.usefixtures("mailed")
class TestPrinting:
    def test_the_page_offers_every_paper_of_the_procedure_from_a_link_on_the_complaint(self, desk: FlaskClient) -> None:
        html = desk.get(link(desk.get(HERE).text, "Print")).text
        for name in ("客户投诉登记表", "客户投诉处理单", "纠正和预防措施处理单", "8D措施报告", "客户投诉对策报告书"):
            assert name in html

    @on_both_databases
    def test_a_file_is_asked_for_made_and_downloaded(
        self, desk: FlaskClient, printer: Callable[[], None], make: sessionmaker[Session]
    ) -> None:
        asked = ask(desk)
        assert (asked.status_code, asked.location) == (303, f"{PRINTS}#print-1")
        assert "Being made: in the queue" in visible(desk.get(PRINTS).text)
        printer()
        html = desk.get(PRINTS).text
        assert "8D report · For the customer · revision 1" in visible(html)
        file = desk.get(link(html, "Download"))
        assert file.status_code == 200
        assert file.headers["Content-Disposition"].startswith('attachment; filename="C-2026-0001 8D report rev 1.pdf"')
        assert PdfReader(io.BytesIO(file.data)).pages
        with make() as session:
            assert session.scalars(select(Change).where(Change.act == "printed")).one().by_id
        assert "made “ 8D report ” ( For the customer ), revision 1" in visible(desk.get(HERE).text)

    def test_the_list_asks_until_the_file_is_there_and_then_no_more(
        self, desk: FlaskClient, printer: Callable[[], None]
    ) -> None:
        ask(desk)
        part = {"HX-Request": "true"}
        ask(desk, language="en")
        waiting = desk.get(PRINTS, headers=part).text
        assert "<html" not in waiting
        assert waiting.count("hx-get") == 1
        printer()
        done = desk.get(PRINTS, headers=part).text
        assert "hx-get" not in done
        assert "Download" in done
        assert desk.get(f"{PRINTS}/1").location == f"{PRINTS}?before=2#print-1"

    def test_nobody_fills_the_queue(
        self, desk: FlaskClient, printer: Callable[[], None], make: sessionmaker[Session]
    ) -> None:
        papers = ("report_8d", "register_form", "handling_form")
        asked = [(paper, language) for paper in papers for language in ("both", "en")]
        answers = [ask(desk, paper=paper, language=language, edition="internal") for paper, language in asked]
        assert [each.status_code for each in answers] == [303] * 5 + [422]
        assert "You have 5 files in the queue already" in answers[-1].text
        assert ask(desk, edition="internal").status_code == 303  # one that is there already
        printer()
        assert ask(desk, paper="handling_form", language="en", edition="internal").status_code == 303

    def test_the_newest_are_listed_and_the_others_behind_a_link(
        self, desk: FlaskClient, make: sessionmaker[Session]
    ) -> None:
        ask(desk)
        with transaction(make) as session:
            first = session.scalars(select(Print)).one()
            first.state = "done"
            kept = {each.name: getattr(first, each.name) for each in Print.__table__.columns if each.name != "id"}
            session.add_all(Print(**kept | {"digest": str(n), "revision": n}) for n in range(2, 24))
        html = desk.get(PRINTS).text
        assert html.count('class="prints__i"') == 20
        older = desk.get(link(html, "Show more")).text
        assert older.count('class="prints__i"') == 3
        assert "Show more" not in older

    def test_the_same_sent_twice_is_one_file(self, desk: FlaskClient, make: sessionmaker[Session]) -> None:
        ask(desk)
        ask(desk)
        assert len(rows(make)) == 1

    @pytest.mark.parametrize(
        "wrong", [{"paper": "no"}, {"edition": "press"}, {"format": "exe"}, {"language": "xx"}, {"paper": "x" * 9_000}]
    )
    def test_what_no_form_offers_is_refused(self, desk: FlaskClient, wrong: dict[str, str], make: Any) -> None:
        answer = ask(desk, **wrong)
        assert answer.status_code == 422
        assert "Nothing was printed." in answer.text
        assert rows(make) == []

    def test_a_stranger_gets_nothing(
        self, desk: FlaskClient, browser_of: Browser, make: sessionmaker[Session], printer: Callable[[], None]
    ) -> None:
        ask(desk)
        printer()
        with transaction(make) as session:
            dept = a_person(session, "dept")
        stranger = browser_of(dept)
        for path in (PRINTS, f"{PRINTS}/1", f"{PRINTS}/1/x.pdf", f"{PRINTS}/look?paper=report_8d"):
            assert stranger.get(path).status_code == 404
        assert stranger.post(PRINTS, data=EIGHT_D).status_code == 404

    def test_a_file_of_another_complaint_is_not_found_under_this_one(
        self, desk: FlaskClient, make: sessionmaker[Session], printer: Callable[[], None]
    ) -> None:
        with transaction(make) as session:
            a_mailed_complaint(session, message_id="other@quell.example", from_address="x@quell.example")
        ask(desk)
        printer()
        assert desk.get("/complaints/C-2026-0002/prints/1/x.pdf").status_code == 404

    def test_a_file_that_is_not_made_yet_is_not_found(self, desk: FlaskClient) -> None:
        ask(desk)
        assert desk.get(f"{PRINTS}/1/x.pdf").status_code == 404
        assert desk.get(f"{PRINTS}/99").status_code == 404

    def test_a_failed_one_says_why_and_is_tried_again(
        self, desk: FlaskClient, make: sessionmaker[Session], printer: Callable[[], None]
    ) -> None:
        ask(desk)
        with transaction(make) as session:
            row = session.scalars(select(Print)).one()
            row.state, row.error = "failed", "OSError: no space"
        html = desk.get(PRINTS).text
        assert "It could not be made." in html
        assert "OSError: no space" in html
        ask(desk)
        printer()
        assert [each.state for each in rows(make)] == ["done"]

    # Without libpango

    def test_where_no_pdf_can_be_made_the_page_says_so_and_the_browser_prints(
        self, desk: FlaskClient, monkeypatch: pytest.MonkeyPatch, make: sessionmaker[Session]
    ) -> None:
        monkeypatch.setattr(paper, "LIBRARIES", ("libnowhere.so.9",))
        assert "This machine cannot make PDFs" in desk.get(PRINTS).text
        assert ask(desk).status_code == 422
        assert rows(make) == []
        assert ask(desk, format="docx").status_code == 303
        look = desk.get(link(desk.get(PRINTS).text, "Look at it"))
        assert look.status_code == 200
        assert "14 of 200 joints" in look.text
        assert 'href="/static/print/paper.css' in look.text

    def test_the_doctor_says_what_to_install(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "ok    printing: PDF in " in app.test_cli_runner().invoke(args=["doctor"]).output
        monkeypatch.setattr(paper, "LIBRARIES", ("libnowhere.so.9",))
        said = app.test_cli_runner().invoke(args=["doctor"]).output
        assert "FAIL  printing: Unwell: no PDF without libnowhere.so.9: apt-get install libpango" in said

    # Pictures, and the composer

    def test_pictures_are_printed_that_were_chosen(
        self, desk: FlaskClient, make: sessionmaker[Session], blobs: Blobs, printer: Callable[[], None]
    ) -> None:
        with transaction(make) as session:
            from complaints.complaint import Complaint

            a_letter(session, session.scalars(select(Complaint)).one(), files=[a_file(blobs)], message_id="2")
        picture = re.findall(r'name="picture" value="([^"]+)"', desk.get(PRINTS).text)[0]
        look = desk.get(f"{PRINTS}/look?paper=register_form&picture={picture}").text
        assert f"/attachments/{picture}/" in look
        ask(desk, picture=picture)
        printer()
        assert [each.state for each in rows(make)] == ["done"]

    def test_only_what_is_for_the_customer_is_offered_to_be_sent_and_is_chosen_in_the_reply(
        self, desk: FlaskClient, printer: Callable[[], None], make: sessionmaker[Session]
    ) -> None:
        ask(desk)
        ask(desk, edition="internal")
        printer()
        html = desk.get(PRINTS).text
        assert html.count("Send to the customer") == 1
        page = desk.get(link(html, "Send to the customer")).text
        sendable = [each.attachment_id for each in rows(make) if each.attachment_id]
        offered = re.findall(r'name="file" value="([^"]+)"( checked)?', page)
        assert offered == [(sendable[0], " checked")]
        assert "internal" not in "".join(re.findall(r'name="file".*?</label>', page, re.S))
