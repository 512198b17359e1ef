"""The pages of the reports: a month as it was frozen and as it is, the lists behind its figures, what is typed in, the
management review, and all of it as files."""

import re
import zipfile
from datetime import UTC, datetime
from html import unescape
from io import BytesIO

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from complaints import figures
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.kpis import known
from complaints.measures import TIMELY, Measure
from jobs import pages, paper
from tests.confidential import confide, hush
from tests.desk import CONTEXT, Desk
from tests.webapp.conftest import Browser, on_both_databases
from webapp.report_tables import value_of

DECEMBER = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
MONTH = "/reports/2026-11"


@pytest.fixture
def desk(make: sessionmaker[Session], clock: time_machine.Traveller) -> Desk:
    return Desk(make)


@pytest.fixture
def manager(desk: Desk, browser_of: Browser) -> FlaskClient:
    return browser_of(desk["qa_mgr"])


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def main(page: str) -> str:
    return words(page[page.index("<main") : page.index("</main>")])


def answered(desk: Desk) -> str:
    number = desk.to_investigation()
    desk.write(number, "qe_entry", "qe")
    desk.write(number, "qa_reply", "qe")
    return number


@pytest.mark.requirement("S112", "S113")
@on_both_databases
def test_a_month_shows_its_figures_against_their_targets(desk: Desk, manager: FlaskClient) -> None:
    number = answered(desk)
    page = manager.get(MONTH).text
    assert "Not frozen yet" in main(page)
    assert "Timely reply rate 100.0% 1 of 1 ≥ 95% yes" in main(page)
    assert "Complaint rate no data" in main(page)
    assert f'href="{MONTH}/timely_reply"' in page
    assert number in words(manager.get(f"{MONTH}/timely_reply").text)
    assert "style=" not in page


@on_both_databases
def test_a_frozen_month_stands_and_today_stands_beside_it(desk: Desk, manager: FlaskClient) -> None:
    number, other = answered(desk), desk.registered(product="HX-210")
    figures.freeze(desk.make, DECEMBER, CONTEXT)
    with transaction(desk.make) as session:
        gone = update(Complaint).where(Complaint.number == other)
        session.execute(gone.values(registered_at=datetime(2026, 9, 1, tzinfo=UTC)))
    page = main(manager.get(MONTH).text)
    assert "Frozen" in page
    assert "Effective reply rate 0.0% 0 of 2 0.0% 1 complaint differs" in page
    assert "HX-210 1 0" in page
    frozen, today = (manager.get(f"{MONTH}/effective_reply{of}").text for of in ("", "?of=today"))
    assert (number in frozen, other in frozen) == (True, True)
    assert (number in today, other in today) == (True, False)
    listed = manager.get(f"{MONTH}/complaints?by=product&value=HX-210").text
    assert (number in listed, other in listed) == (False, True)
    months = main(manager.get("/reports").text)
    assert "2026-11 100.0% 2 frozen" in months


def test_until_it_is_frozen_a_month_shows_its_figures_so_far_in_the_list(desk: Desk, manager: FlaskClient) -> None:
    answered(desk)
    older = desk.registered()
    with transaction(desk.make) as session:
        before = update(Complaint).where(Complaint.number == older)
        session.execute(before.values(registered_at=datetime(2026, 10, 9, tzinfo=UTC)))
    page = manager.get("/reports").text
    assert "2026-11 100.0% 1 goes on: the figures so far 2026-10 no data 1 not frozen" in main(page)
    assert page.count('class="pt"') == 1


def test_who_sees_no_complaint_sees_how_many_there_are(desk: Desk, browser_of: Browser) -> None:
    number = answered(desk)
    page = browser_of(desk["gm"]).get(f"{MONTH}/timely_reply").text
    assert number not in page
    assert "1 more is not listed here." in words(page)
    report = browser_of(desk["gm"]).get(MONTH).text
    assert number not in report
    assert "Timely reply rate 100.0% 1 of 1" in words(report)


def test_of_confidential_complaints_only_the_number_is_told(
    desk: Desk, manager: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    hush(monkeypatch)
    secret = desk.to_implementation(subject="Hushed matter")
    with transaction(desk.make) as session:
        confide(session, secret)
    for path in (MONTH, f"{MONTH}/complaints", "/reports/review"):
        answer = manager.get(path)
        assert answer.status_code == 200
        assert secret not in answer.text
        assert "Hushed" not in answer.text
    assert "Beside these there is 1 complaint of a confidential procedure" in main(manager.get(MONTH).text)
    for path in (f"{MONTH}/report.xlsx", "/reports/review/report.xlsx"):
        book = sheets(manager.get(path).data)
        assert secret not in book
        assert "Beside these there is 1 complaint" in book


@pytest.mark.parametrize("role", ["staff", "dept_head", "admin"])
@pytest.mark.parametrize("path", ["/reports", MONTH, f"{MONTH}/enter", f"{MONTH}/report.xlsx", "/reports/review"])
def test_for_others_there_are_no_reports(desk: Desk, browser_of: Browser, role: str, path: str) -> None:
    assert browser_of(desk[role]).get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/reports/2026-12", "/reports/2026-13", "/reports/x", "/reports/0001-01", f"{MONTH}/satisfaction", f"{MONTH}/x",
     "/reports/2026-1１", f"{MONTH}/report.doc", "/reports?before=x"],
)  # fmt: skip
def test_there_is_no_month_before_it_begins_and_no_list_without_complaints(manager: FlaskClient, path: str) -> None:
    assert manager.get(path).status_code == 404


@pytest.mark.parametrize(
    "path", [f"{MONTH}/complaints?page=-1", f"{MONTH}/complaints?page={'9' * 30}", f"{MONTH}/complaints?by=x&value=y",
             f"{MONTH}/complaints?by=department&value=99", "/reports/2009-01", "/reports?before=2000-01"],
)  # fmt: skip
def test_any_question_gets_an_answer(manager: FlaskClient, path: str) -> None:
    assert manager.get(path).status_code == 200


def test_a_rate_that_misses_its_target_does_not_look_as_if_it_reached_it() -> None:
    timely = known()[TIMELY]
    cells = [value_of(timely, Measure(TIMELY, (1,) * good, (1,) * 10_000)) for good in (9_499, 9_500, 9_446)]
    assert [cell.text for cell in cells] == ["94.99%", "95.0%", "94.5%"]


# What is typed in


def seen(page: str) -> str:
    found = re.search(r'name="seen" value="(\d+)"', page)
    assert found
    return found[1]


@pytest.mark.requirement("S113", "S115")
@on_both_databases
def test_what_is_typed_in_makes_the_figures(desk: Desk, manager: FlaskClient) -> None:
    for _ in range(2):
        desk.registered()
    form = {"seen": "0", "shipments-above": "400", "satisfaction-above": "880", "satisfaction-below": "1000"}
    assert manager.post(f"{MONTH}/enter", data=form).status_code == 303
    page = main(manager.get(MONTH).text)
    assert "Complaint rate 0.50% 2 of 400" in page
    assert "Customer satisfaction 88.0% 880 of 1,000" in page
    again = manager.post(f"{MONTH}/enter", data=form)
    assert again.status_code == 303  # the same again is no other figure
    assert 'value="400"' in manager.get(f"{MONTH}/enter").text


def test_what_is_wrong_is_said_at_the_field_and_the_rest_is_kept(manager: FlaskClient) -> None:
    form = {"seen": "0", "shipments-above": "<many>", "satisfaction-above": "880"}
    answer = manager.post(f"{MONTH}/enter", data=form)
    assert answer.status_code == 422
    assert 'value="&lt;many&gt;"' in answer.text
    assert 'value="880"' in answer.text
    problem = answer.text[answer.text.index('id="c-shipments-above-problem"') :]
    assert "write a number such as 400" in words(problem)[:200]
    assert "the other number stands there" in words(answer.text)


@on_both_databases
def test_two_who_type_in_the_same_figure_see_both(desk: Desk, manager: FlaskClient, browser_of: Browser) -> None:
    other = browser_of(desk["clerk"])
    before = seen(other.get(f"{MONTH}/enter").text)
    manager.post(f"{MONTH}/enter", data={"seen": before, "shipments-above": "400"})
    answer = other.post(f"{MONTH}/enter", data={"seen": before, "shipments-above": "410"})
    assert answer.status_code == 409
    assert 'value="410"' in answer.text
    assert "Now stored: 400" in words(answer.text)
    assert other.post(
        f"{MONTH}/enter", data={"seen": seen(answer.text), "shipments-above": "410"}
    ).status_code == 303  # fmt: skip


# The management review, and files


@pytest.mark.requirement("S124", "S125")
@on_both_databases
def test_the_review_has_counts_causes_actions_and_open_matters(
    desk: Desk, manager: FlaskClient, clock: time_machine.Traveller
) -> None:
    number, closed = desk.to_implementation(), desk.to_closed()
    clock.move_to(desk.at)
    page = manager.get("/reports/review?from=2026-11-01&to=2026-11-30").text
    said = main(page)
    assert "Corrective and preventive actions" in said
    for each, state in ((number, "not verified yet"), (closed, "verified, and the customer accepts")):
        row = said[said.index(each) :]
        assert "Tool life counter was not reset Machining" in row
        assert state in row
    assert "Non-quality (human, transport, storage) 2" in said
    assert number in said[said.index("Open matters today") :]
    assert closed not in said[said.index("Open matters today") :]


@pytest.mark.parametrize("asked", ["from=x", "from=2026-11-02&to=2026-11-01", "from=2010-01-01", "to=2028-01-01"])
def test_a_period_that_is_none_is_refused_at_its_field(manager: FlaskClient, asked: str) -> None:
    for path in ("/reports/review", "/reports/review/report.xlsx"):
        answer = manager.get(f"{path}?{asked}")
        assert answer.status_code == 422
        assert 'id="period-problem"' in answer.text


def sheets(book: bytes) -> str:
    with zipfile.ZipFile(BytesIO(book)) as found:
        return " ".join(found.read(name).decode() for name in found.namelist() if "worksheets/sheet" in name)


def test_a_workbook_holds_what_people_wrote_as_text(desk: Desk, manager: FlaskClient) -> None:
    desk.registered(subject='=cmd|"/c calc"!A1', product="https://evil.example")
    answer = manager.get(f"{MONTH}/report.xlsx")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="Monthly report 2026-11.xlsx"')
    found = sheets(answer.data)
    assert "=cmd|" in unescape(found)
    assert "<f>" not in found
    assert "hyperlink" not in found
    assert "evil.example" in found


def test_the_review_is_a_workbook_too(desk: Desk, manager: FlaskClient) -> None:
    number = desk.to_implementation()
    found = sheets(manager.get("/reports/review/report.xlsx").data)
    assert number in found
    assert "CAPA" in found


def test_a_pdf_that_cannot_be_made_is_said_so(manager: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "SECONDS", 0.01)
    answer = manager.get(f"{MONTH}/report.pdf")
    assert answer.status_code == 503
    assert "could not be made" in words(answer.text) or "cannot make PDFs" in words(answer.text)


@pytest.mark.skipif(bool(paper.missing()), reason="no libraries for PDFs here")
def test_a_report_is_a_pdf(desk: Desk, manager: FlaskClient) -> None:
    import pypdfium2

    number = desk.to_implementation(subject="<b>bold</b> 漏油")
    for path in (f"{MONTH}/report.pdf", "/reports/review/report.pdf"):
        answer = manager.get(path)
        assert answer.content_type == "application/pdf"
        pages = pypdfium2.PdfDocument(answer.data)
        text = " ".join(page.get_textpage().get_text_bounded() for page in pages)
        assert number in text.replace("\r\n", "").replace("\ufffe", "-")
        assert "Timely reply rate" in text


def test_a_chinese_reader_gets_chinese_names(desk: Desk, browser_of: Browser) -> None:
    desk.registered()
    reader = browser_of(desk["qa_mgr"])
    reader.post("/me/language", data={"locale": "zh_CN"})
    assert "非质量异常（人为、运输、储藏）" in reader.get(MONTH).text
