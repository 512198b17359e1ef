"""The ledger's pages: what they show to whom, filters that are not understood, columns, views, files."""

import csv
import io
import json
import re
import zipfile
from base64 import urlsafe_b64encode
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from complaints import ledger
from complaints.ledger_columns import columns
from tests.builders import MONDAY
from tests.desk import Desk
from tests.webapp.conftest import Browser, on_both_databases


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make, at=MONDAY)


@pytest.fixture
def clerk(desk: Desk, browser_of: Browser) -> FlaskClient:
    return browser_of(desk["clerk"])


def json_place(values: list[object]) -> str:
    return urlsafe_b64encode(json.dumps(values).encode()).decode()


def rows(html: str) -> list[str]:
    return re.findall(r'class="no" href="/complaints/([^"]+)"', html)


@on_both_databases
def test_the_ledger_shows_each_complaint_with_its_columns_and_what_they_amount_to(
    desk: Desk, clerk: FlaskClient
) -> None:
    one, two = desk.registered(subject="Oil <b>weeping"), desk.draft(subject="漏油")
    html = clerk.get("/ledger").text
    assert rows(html) == [two, one]
    assert "Oil &lt;b&gt;weeping" in html
    assert "Total 2" in html
    assert "2 open, of those 0 overdue; 0 closed" in unescape(html)
    for column in columns().usual:
        assert column.name.en in html


def test_an_address_says_the_filters_the_state_and_the_order(desk: Desk, clerk: FlaskClient) -> None:
    one, two = desk.registered(product="HX-210"), desk.draft(product="BR-88")
    assert rows(clerk.get("/ledger?product=hx").text) == [one]
    assert rows(clerk.get("/ledger?state=drafts").text) == [two]
    assert rows(clerk.get("/ledger?sort=number").text) == [one, two]
    html = clerk.get("/ledger?product=hx&sort=-received_at&complaint_class=general").text
    again = re.search(r'href="/ledger\?([^"]*)"[^>]*>Received', html)
    assert again
    assert parse_qs(unescape(again[1])) == {
        "product": ["hx"], "complaint_class": ["general"], "sort": ["received_at"],
    }  # fmt: skip
    assert 'aria-sort="descending"' in html
    assert rows(clerk.get("/ledger?procedure=postal").text) == []
    assert '<option value="postal" selected>' in clerk.get("/ledger?procedure=postal").text
    assert "No complaint is like that." in clerk.get("/ledger?product=nothing").text


def test_a_filter_that_is_not_understood_is_told_at_its_field_and_leaves_the_others(
    desk: Desk, clerk: FlaskClient
) -> None:
    one = desk.registered(product="HX-210")
    desk.draft(product="BR-88")
    answer = clerk.get("/ledger?received_at=soon&product=hx&state=nowhere&sort=nothing&unknown=1")
    assert answer.status_code == 422
    assert 'aria-describedby="f-received_at-problem"' in answer.text
    assert 'value="soon"' in answer.text
    assert "write a day, a month or a year" in answer.text
    assert rows(answer.text) == [one]
    assert clerk.get("/ledger.csv?received_at=soon").status_code == 422


def test_the_next_rows_follow_the_last_and_a_made_up_place_is_refused(
    desk: Desk, clerk: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger.page, "__kwdefaults__", {**(ledger.page.__kwdefaults__ or {}), "limit": 2})
    made = [desk.draft() for _ in range(5)]
    for sort in ("-number", "received_at", "-closed_at", "product"):
        found, address = [], f"/ledger?sort={sort}"
        while address:
            answer = clerk.get(address, headers={"HX-Request": "true"})
            assert answer.status_code == 200
            html = answer.text
            found += rows(html)
            more = re.search(r'class="btn btn--s" href="(/ledger\?[^"]*after=[^"]+)"', html)
            address = unescape(more[1]) if more else ""
        assert sorted(found) == made
    for place in (
        json_place(["\0", 1]),
        json_place(["\ud800", 1]),
        json_place(["a" * 2_000, 1]),
        json_place([True, 1]),
    ):
        assert clerk.get(f"/ledger?sort=product&after={place}").status_code == 422
    for place in ("x", "WzFd", "W251bGwsIm8iXQ==", "WzEsMl0=", "WyJAMjAyNiIsMV0="):
        answer = clerk.get(f"/ledger?sort=received_at&after={place}")
        assert answer.status_code == 422
        assert "no place in the ledger" in answer.text


def test_columns_are_chosen_in_an_order_and_given_back(desk: Desk, clerk: FlaskClient) -> None:
    desk.registered(demand="New seals")
    chosen = {
        "shown": ["demand", "product", "nothing"],
        "place-demand": "2",
        "place-product": "1",
        "query": "state=open",
    }
    answer = clerk.post("/ledger/columns", data=chosen)
    assert (answer.status_code, answer.location) == (303, "/ledger?state=open")
    head = re.findall(r"<th scope=\"col\"[^>]*>(?:<a[^>]*>)?([^<]+)", clerk.get("/ledger").text)
    assert [each.strip() for each in head] == ["No.", "Product", "Customer's demand".replace("'", "&#39;")]
    assert "New seals" in clerk.get("/ledger").text
    clerk.post("/ledger/columns", data={"usual": "1", "shown": ["demand"]})
    assert "New seals" not in clerk.get("/ledger").text


@on_both_databases
def test_a_view_is_kept_shared_and_deleted_by_its_owner_alone(
    desk: Desk, clerk: FlaskClient, browser_of: Browser
) -> None:
    colleague = browser_of(desk["qe"])
    saved = {"name": "Audit sample", "query": "state=open&product=HX&evil=<b>&sort=-received_at"}
    assert clerk.post("/ledger/views", data=saved).status_code == 303
    html = clerk.get("/ledger").text
    link = re.search(r'class="menu__i" href="(/ledger\?[^"]*)"[^>]*>Audit sample', html)
    assert link
    query = parse_qs(urlsplit(unescape(link[1])).query)
    assert query == {"state": ["open"], "product": ["HX"], "sort": ["-received_at"]}
    assert "Audit sample" not in clerk.get("/board").text
    assert "Audit sample" not in colleague.get("/ledger").text
    clerk.post("/ledger/views", data=saved | {"shared": "1"})
    assert "Audit sample" in colleague.get("/ledger").text
    place = re.search(r"/ledger/views/\d+/delete", clerk.get("/ledger").text)
    assert place
    assert colleague.post(place[0]).status_code == 404
    assert clerk.post(place[0]).status_code == 303
    assert "Audit sample" not in clerk.get("/ledger").text
    assert clerk.post("/ledger/views", data=saved | {"name": " "}).status_code == 422


def test_a_reader_of_few_complaints_gets_those_in_page_and_files(
    desk: Desk, browser_of: Browser, clerk: FlaskClient
) -> None:
    desk.draft(subject="Oil weeping")
    nobody = browser_of(desk["dept"])
    assert rows(nobody.get("/ledger").text) == []
    assert "Oil" not in nobody.get("/ledger.csv").text
    assert "Oil" in clerk.get("/ledger.csv").text


@on_both_databases
def test_a_csv_has_its_mark_every_row_and_nothing_that_is_reckoned(desk: Desk, clerk: FlaskClient) -> None:
    desk.registered(subject='=cmd|"/c calc"!A1', product="-1+2", batch="漏油, “批”")
    desk.draft(subject="@SUM(1)")
    answer = clerk.get("/ledger.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["Content-Disposition"]
    table = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [row["Subject 主题"] for row in table] == ["'@SUM(1)", '\'=cmd|"/c calc"!A1']
    assert (table[1]["Product 产品"], table[1]["Batch 批号"]) == ("'-1+2", "漏油, “批”")
    assert table[1]["Received 收到时间"] == "2026-11-16 09:01"


@on_both_databases
def test_a_workbook_has_typed_fields_a_head_that_stays_and_no_formula(desk: Desk, clerk: FlaskClient) -> None:
    desk.registered(subject="=1+1", content="漏油")
    answer = clerk.get("/ledger.xlsx?product=")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.data)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "pane" in sheet
        assert "autoFilter" in sheet
        assert re.search(r'<c r="B5" s="\d+"><v>4\d{4}\.\d+</v>', sheet)  # a day as a number with a pattern
        words = (
            sheet + book.read("xl/sharedStrings.xml").decode() if "xl/sharedStrings.xml" in book.namelist() else sheet
        )
        assert "=1+1" in words
        about: Any = book.read("xl/worksheets/sheet2.xml").decode()
        assert "1 complaint" in about
