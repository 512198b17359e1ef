"""The pages of the key figures: twelve months against their targets, one figure with what it was before, a file of them
taken in, and the table taken out."""

import csv
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from complaints import figures, kpi_entries
from complaints.database import transaction
from complaints.kpi_entries import Amounts
from tests.desk import CONTEXT, Desk
from tests.webapp.conftest import Browser, on_both_databases
from tests.webapp.test_reports import main, seen, words
from webapp.report_files import csv as as_csv
from webapp.report_tables import Cell, Table

DECEMBER = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
ENTER = "/reports/2026-11/enter"
FILE = "KPI,month,value,total\nOn-time delivery,2026-10,48,50\ncompletion,2026-11,95,\n"


@pytest.fixture
def desk(make: sessionmaker[Session], clock: time_machine.Traveller) -> Desk:
    return Desk(make)


@pytest.fixture
def manager(desk: Desk, browser_of: Browser) -> FlaskClient:
    return browser_of(desk["qa_mgr"])


def row(page: str, name: str) -> str:
    """The row of a figure in the table of the months."""
    found = next(each for each in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if name in words(each)[: len(name)])
    return words(found)


def send(client: FlaskClient, text: str | bytes) -> "tuple[int, str]":
    raw = text.encode() if isinstance(text, str) else text
    answer = client.post("/kpis/import", data={"file": (BytesIO(raw), "kpis.csv")})
    return answer.status_code, answer.text


@pytest.mark.requirement("S116", "S117", "S118", "S119", "S121", "S122", "S123")
@on_both_databases
def test_twelve_months_stand_against_their_targets(desk: Desk, manager: FlaskClient) -> None:
    form = {
        "seen": "0", "back": "kpis", "on_time_delivery-above": "48", "on_time_delivery-below": "50",
        "completion-above": "95", "factory_pass-above": "100", "training_held-above": "0", "training_held-below": "0",
        "stock_turnover-above": "2.1", "excess_freight-above": "1200", "property_damage-above": "1",
    }  # fmt: skip
    answer = manager.post(ENTER, data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/kpis")
    page = manager.get("/kpis").text
    assert "2026-11 2026-10" in main(page)
    assert row(page, "On-time delivery").startswith("On-time delivery 96.0% no data")
    assert "≥ 96% 95.0% , target missed no data" in row(page, "Completion rate")
    assert "= 100% 100.0% , target met no data" in row(page, "Factory pass rate")
    assert "%" not in row(page, "Training carried out")
    assert "times ≥ 2 2.1 , target met" in row(page, "Stock turnover")
    assert "times = 0 1 , target missed" in row(page, "Damage to customers' property")
    assert "yuan 1,200 no data" in row(page, "Excess freight")
    assert "On-time delivery, month by month" in main(page)
    assert "Internal supply on time, month by month" not in main(page)  # nobody typed it in
    assert "Together 48 50 96.0%" in main(page)
    assert "style=" not in page


@pytest.mark.requirement("S118")
def test_what_the_ledger_reckons_stands_beside_what_is_typed_in(desk: Desk, manager: FlaskClient) -> None:
    number = desk.to_investigation()
    desk.write(number, "qe_entry", "qe")
    desk.write(number, "qa_reply", "qe")
    assert "≥ 95% 100.0% , target met" in row(manager.get("/kpis").text, "Timely reply rate")


def test_older_months_are_led_to_and_back(manager: FlaskClient) -> None:
    page = manager.get("/kpis?until=2025-11").text
    assert "2024-12" in page
    assert "/kpis?until=2026-11" in page
    assert "/kpis?until=2024-11" in page


def test_a_figure_tells_who_typed_it_in_and_what_it_was(desk: Desk, manager: FlaskClient, browser_of: Browser) -> None:
    desk.registered()
    manager.post(ENTER, data={"seen": "0", "completion-above": "95"})
    figures.freeze(desk.make, DECEMBER, CONTEXT)
    clerk = browser_of(desk["clerk"])
    form = {"seen": seen(clerk.get(ENTER).text), "completion-above": "97"}
    refused = clerk.post(ENTER, data=form)
    assert refused.status_code == 422
    assert "say why" in words(refused.text[refused.text.index('id="c-reason-problem"') :])[:60]
    assert clerk.post(ENTER, data=form | {"reason": "Counted <again>"}).status_code == 303
    page = main(manager.get("/kpis/completion/2026-11").text)
    assert "97.0% target met" in page
    assert "The report of this month has 95.0%" in page
    assert re.search(r"2 97\.0% clerk .* Counted <again> 1 95\.0% qa_mgr", page)


def test_a_figure_that_was_taken_back_says_so(manager: FlaskClient) -> None:
    manager.post(ENTER, data={"seen": "0", "completion-above": "95"})
    manager.post(ENTER, data={"seen": seen(manager.get(ENTER).text), "completion-above": ""})
    page = main(manager.get("/kpis/completion/2026-11").text)
    assert "2 taken back" in page
    assert "no data" in page


def test_a_figure_that_nobody_typed_in_leads_to_the_form(manager: FlaskClient) -> None:
    page = manager.get("/kpis/accidents/2026-10").text
    assert "Nothing was typed in yet." in main(page)
    assert 'href="/reports/2026-10/enter?back=kpis#c-accidents-above"' in page


@pytest.mark.parametrize("role", ["staff", "dept_head", "admin"])
@pytest.mark.parametrize(
    "path", ["/kpis", "/kpis/kpis.csv", "/kpis/import", "/kpis/completion/2026-11", "/kpis/typed.csv"]
)
def test_for_others_there_are_no_figures(desk: Desk, browser_of: Browser, role: str, path: str) -> None:
    assert browser_of(desk[role]).get(path).status_code == 404


@pytest.mark.parametrize(
    "path", ["/kpis?until=2026-12", "/kpis?until=x", "/kpis/x/2026-11", "/kpis/completion/2026-12",
             "/kpis/timely_reply/2026-11", "/kpis/kpis.pdf"],
)  # fmt: skip
def test_there_is_nothing_where_no_figure_is(manager: FlaskClient, path: str) -> None:
    assert manager.get(path).status_code == 404


# A file


def hidden(page: str) -> dict[str, str]:
    found = re.search(r'name="text" value="([^"]*)"', page)
    assert found
    return {"text": found[1], "seen": seen(page), "take": "1"}


@pytest.mark.requirement("S116", "S118")
@on_both_databases
def test_a_file_shows_what_it_changes_and_is_then_taken_in(desk: Desk, manager: FlaskClient) -> None:
    status, page = send(manager, FILE)
    assert status == 200
    assert "2 figures change" in main(page)
    assert "On-time delivery 2026-10 nothing 48 of 50" in main(page)
    assert main(manager.get("/kpis").text).count("96.0%") == 0  # nothing is kept yet
    assert manager.post("/kpis/import", data=hidden(page)).status_code == 303
    assert "2 figures were taken in." in words(manager.get("/kpis").text)
    assert "96.0%" in row(manager.get("/kpis").text, "On-time delivery")
    status, page = send(manager, FILE)
    assert (status, "nothing changes" in main(page)) == (200, True)


def test_every_line_that_is_wrong_is_explained_and_nothing_is_taken(desk: Desk, manager: FlaskClient) -> None:
    status, page = send(manager, FILE + "completion,2026-13,96,\n<b>,2026-10,x,\n")
    assert status == 422
    assert "Nothing was taken in: 2 lines are wrong." in main(page)
    assert "“2026-13” is no month" in main(page)
    assert "<b>,2026" not in page
    answer = manager.post("/kpis/import", data={"text": FILE + "x,y,1,", "seen": "0", "take": "1"})
    assert answer.status_code == 422
    with desk.make() as session:
        assert kpi_entries.latest(session) == 0


@pytest.mark.parametrize(
    ("raw", "said"),
    [(b"", "there is nothing in it"), (b"\x00\x01\xff", "it is no text"), (b"a,b\n1,2", "KPI / 指标"),
     (b"x" * 300_000, "larger than 256 KB")],
)  # fmt: skip
def test_what_is_no_file_of_figures_is_refused_at_the_field(manager: FlaskClient, raw: bytes, said: str) -> None:
    status, page = send(manager, raw)
    assert status == 422
    assert said in words(page[page.index('id="c-file-problem"') :])[:200]


def test_a_file_that_met_others_in_between_is_shown_anew(desk: Desk, manager: FlaskClient) -> None:
    _, page = send(manager, FILE)
    with transaction(desk.make) as session:
        typed = {"completion": Amounts(Decimal(94), None)}
        kpi_entries.enter(session, date(2026, 11, 1), typed, seen=0, by=desk["clerk"], at=desk.at)
    answer = manager.post("/kpis/import", data=hidden(page))
    assert answer.status_code == 409
    assert "94% 95%" in main(answer.text)
    assert manager.post("/kpis/import", data=hidden(answer.text)).status_code == 303


def test_a_file_corrects_a_reported_figure_with_a_reason(desk: Desk, manager: FlaskClient) -> None:
    desk.registered()
    manager.post(ENTER, data={"seen": "0", "completion-above": "90"})
    figures.freeze(desk.make, DECEMBER, CONTEXT)
    _, page = send(manager, FILE)
    assert "Needed: frozen months" in main(page)
    refused = manager.post("/kpis/import", data=hidden(page))
    assert refused.status_code == 422
    assert "say why" in words(refused.text[refused.text.index('id="c-reason-problem"') :])[:60]
    assert manager.post("/kpis/import", data=hidden(refused.text) | {"reason": "Recount"}).status_code == 303


# The table as a file


def table(raw: bytes) -> list[list[str]]:
    return list(csv.reader(StringIO(raw.decode("utf-8-sig"))))


def test_the_table_is_taken_out_as_a_workbook_and_as_csv(manager: FlaskClient) -> None:
    manager.post(ENTER, data={"seen": "0", "completion-above": "95"})
    head, *rows = table(manager.get("/kpis/kpis.csv").data)
    assert head[:4] == ["Key figure", "Unit", "Target", "2025-12"]
    (completion,) = (each for each in rows if each[0] == "Completion rate")
    assert completion[-2:] == ["no data", "95.0%"]
    with zipfile.ZipFile(BytesIO(manager.get("/kpis/kpis.xlsx").data)) as book:
        text = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    assert "Completion rate" in text
    assert "<v>0.95</v>" in text


def test_what_was_typed_in_comes_back_as_it_went_out(manager: FlaskClient) -> None:
    manager.post(ENTER, data={"seen": "0", "completion-above": "95", "shipments-above": "1200"})
    raw = manager.get("/kpis/typed.csv").data
    assert ["Shipments", "2026-11", "1200", ""] in table(raw)
    status, page = send(manager, raw)
    assert (status, "nothing changes" in main(page)) == (200, True)


def test_a_chinese_reader_takes_out_and_in_chinese_names(desk: Desk, browser_of: Browser) -> None:
    clerk = browser_of(desk["clerk"])
    clerk.post("/language", data={"locale": "zh_CN"})
    clerk.post(ENTER, data={"seen": "0", "completion-above": "95"})
    raw = clerk.get("/kpis/typed.csv", headers={"Accept-Language": "zh-CN"}).data
    assert send(clerk, raw)[0] == 200


def test_no_cell_of_a_csv_file_is_a_formula() -> None:
    made = as_csv(Table("t", "T", ("=1+1",), [[Cell("@sum")], [Cell("-2")], [Cell(-2)], [Cell("plain")]]))
    assert table(made) == [["'=1+1"], ["'@sum"], ["'-2"], ["-2"], ["plain"]]
