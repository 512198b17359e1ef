"""Facts of a complaint edited where they stand, and the history of each."""

import re
from collections.abc import Callable
from datetime import date
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker

from complaints import history
from tests.builders import MONDAY
from tests.desk import Desk
from tests.webapp.conftest import Browser, on_both_databases

As = Callable[[str], FlaskClient]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make, at=MONDAY)


@pytest.fixture
def as_(desk: Desk, browser_of: Browser) -> As:
    return lambda role: browser_of(desk[role])


@pytest.fixture
def number(desk: Desk) -> str:
    return desk.registered(batch="L-1", product="HX-210")


def visible(html: str) -> str:
    html = re.sub(r"(?s)<(style|script).*?</\1>", " ", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def version(desk: Desk, number: str) -> int:
    return desk.case(number).complaint.version


@on_both_databases
def test_a_fact_is_edited_where_it_stands_and_its_history_tells_who(desk: Desk, as_: As, number: str) -> None:
    clerk = as_("clerk")
    page = clerk.get(f"/complaints/{number}").text
    assert f'hx-get="/complaints/{number}/facts/batch"' in page
    form = clerk.get(f"/complaints/{number}/facts/batch", headers=HTMX).text
    assert 'value="L-1"' in form
    assert "<html" not in form
    assert f"/complaints/{number}/history" not in form  # nobody changed it yet
    sent = {"version": version(desk, number), "batch": "L-2"}
    row = clerk.post(f"/complaints/{number}/facts/batch", data=sent, headers=HTMX)
    said = "Batch or serial no. L-2 History Batch or serial no. Edit Batch or serial no."
    assert (row.status_code, visible(row.text)) == (200, said)
    assert f'data-version="{version(desk, number)}"' in row.text
    assert f"/complaints/{number}/history?field=batch" in clerk.get(f"/complaints/{number}/facts/batch").text
    history = visible(clerk.get(f"/complaints/{number}/history?field=batch").text)
    assert "clerk Batch or serial no. L-1 L-2" in history
    assert "registered it" not in history
    assert "registered it" in visible(clerk.get(f"/complaints/{number}/history").text)


def test_only_what_was_changed_leads_to_a_history(desk: Desk, as_: As, number: str) -> None:
    desk.correct(number, "clerk", contact_phone="555", order_no="PO-1")
    member = as_("dept")  # who reads and edits little asks for histories, too
    ways = member.get(f"/complaints/{number}/facts", headers=HTMX).text
    assert re.findall(r"field=(\w+)", ways) == ["contact_phone", "order_no"]
    assert 'id="fact-contact-h" hx-swap-oob="true"' in ways
    assert member.get(f"/complaints/{number}/facts").location == f"/complaints/{number}/history"


def test_without_script_a_fact_has_a_page_of_its_own(desk: Desk, as_: As, number: str) -> None:
    clerk = as_("clerk")
    page = clerk.get(f"/complaints/{number}/facts/contact_phone").text
    assert "<h1>Contact</h1>" in page
    sent = {"version": version(desk, number), "contact_person": "Ines Carrow", "contact_phone": "555-1234"}
    answer = clerk.post(f"/complaints/{number}/facts/contact", data=sent)
    assert (answer.status_code, answer.location) == (303, f"/complaints/{number}#fact-contact")
    assert "Ines Carrow 555-1234" in visible(clerk.get(f"/complaints/{number}").text)


@on_both_databases
def test_every_field_of_the_register_can_be_filled_in(desk: Desk, as_: As, number: str) -> None:
    clerk = as_("clerk")
    for field, said in {
        "product_code": "P-77", "defective_quantity": "14 of 200", "production_date": "2026-10-01",
        "production_unit": "Line 3", "production_staff": "王师傅", "severity": "0", "vp_informed_on": "2026-11-16",
    }.items():  # fmt: skip
        sent = {"version": version(desk, number), field: said}
        assert clerk.post(f"/complaints/{number}/facts/{field}", data=sent).status_code == 303, field
    found = desk.case(number).complaint
    assert (found.product_code, found.defective_quantity, found.severity) == ("P-77", "14 of 200", 0)
    assert (found.production_unit, found.production_staff) == ("Line 3", "王师傅")
    assert (str(found.production_date), str(found.vp_informed_on)) == ("2026-10-01", "2026-11-16")
    assert "0" in visible(clerk.get(f"/complaints/{number}").text)


@pytest.mark.parametrize(
    ("field", "said", "why"),
    [
        ("severity", "11", "must be a whole number from 0 to 10"), ("severity", "-1", "must be a whole number"),
        ("production_date", "2030-01-01", "lies in the future"), ("batch", "x" * 81, "may have 80 characters"),
        ("contact_email", "ines at home", "not an e-mail address"), ("cause_type", "bad", "choose one of the list"),
        ("content", "", "Complaint content is missing"), ("customer", " ", "Customer is missing"),
    ],
)  # fmt: skip
def test_what_cannot_stand_is_refused_at_the_field_and_kept(
    desk: Desk, as_: As, number: str, field: str, said: str, why: str
) -> None:
    sent = {"version": version(desk, number), field: said}
    answer = as_("clerk").post(f"/complaints/{number}/facts/{field}", data=sent, headers=HTMX)
    assert answer.status_code == 422
    problem = re.search(rf'id="f-{field}-problem">(.*?)</p>', answer.text, re.S)
    assert problem
    assert why in visible(problem[1])
    assert said in answer.text or field == "cause_type"  # what is no choice cannot be shown as one


@on_both_databases
def test_two_who_change_the_same_fact_see_both_texts_and_others_do_not_get_in_each_others_way(
    desk: Desk, as_: As, number: str
) -> None:
    clerk, seen = as_("clerk"), version(desk, number)
    desk.correct(number, "mkt_sup", batch="L-9")
    other = clerk.post(f"/complaints/{number}/facts/quantity", data={"version": seen, "quantity": "14"}, headers=HTMX)
    assert other.status_code == 200
    same = clerk.post(f"/complaints/{number}/facts/batch", data={"version": seen, "batch": "L-5"}, headers=HTMX)
    assert same.status_code == 409
    assert 'value="L-5"' in same.text
    assert "Now stored: L-9" in visible(same.text)
    again = {"version": re.search(r'name="version" value="(\d+)"', same.text)[1], "batch": "L-5"}  # type: ignore[index]
    assert clerk.post(f"/complaints/{number}/facts/batch", data=again, headers=HTMX).status_code == 200
    assert desk.case(number).complaint.batch == "L-5"


def test_lowering_the_class_asks_for_a_reason_and_loads_the_page_anew(desk: Desk, as_: As, number: str) -> None:
    desk.classify(number, "major", "mkt_sup")
    head, fact = as_("mkt_vp"), f"/complaints/{number}/facts/complaint_class"
    sent = {"version": version(desk, number), "complaint_class": "general"}
    refused = head.post(fact, data=sent, headers=HTMX)
    assert refused.status_code == 422
    assert "Please say why the class is lowered" in visible(refused.text)
    answer = head.post(fact, data=sent | {"class_reason": "no line stopped"}, headers=HTMX)
    assert answer.headers["HX-Refresh"] == "true"
    assert desk.case(number).complaint.complaint_class == "general"


def test_who_may_not_write_a_fact_is_offered_none_and_a_stranger_finds_nothing(
    desk: Desk, as_: As, number: str
) -> None:
    member = as_("dept")
    page = member.get(f"/complaints/{number}").text
    assert f"/complaints/{number}/facts/order_no" in page
    assert f"/complaints/{number}/facts/batch" not in page
    assert member.get(f"/complaints/{number}/facts/batch").status_code == 403
    for path in ("facts/batch", "history", "facts/nothing"):
        assert as_("staff").get(f"/complaints/{number}/{path}").status_code == 404


@on_both_databases
def test_the_history_goes_on_page_by_page(desk: Desk, as_: As, number: str) -> None:
    for count in range(52):
        desk.correct(number, "clerk", batch=f"N-{count}")
    clerk = as_("clerk")
    first = clerk.get(f"/complaints/{number}/history?field=batch").text
    assert "N-51" in first
    assert "<ins>N-1<" not in first
    older = re.search(r'href="([^"]+before=\d+)"', first)
    assert older
    assert "<ins>N-1<" in clerk.get(unescape(older[1])).text
    assert clerk.get(f"/complaints/{number}/history?field=no&before=x").status_code == 200


def test_a_slip_in_a_customers_name_makes_no_customer(desk: Desk, as_: As, number: str) -> None:
    clerk = as_("clerk")
    sent = {"version": version(desk, number), "customer": "Quellstrom Mobilty"}
    refused = clerk.post(f"/complaints/{number}/facts/customer", data=sent, headers=HTMX)
    assert refused.status_code == 422
    assert "There is no customer “Quellstrom Mobilty” yet." in visible(refused.text)
    assert 'value="Quellstrom Mobilty"' in refused.text
    meant = clerk.post(f"/complaints/{number}/facts/customer", data=sent | {"new_customer": "1"}, headers=HTMX)
    assert meant.status_code == 200
    assert "Quellstrom Mobilty" in meant.text


def test_a_ship_date_that_lies_ahead_is_refused_at_its_field(desk: Desk, as_: As, number: str) -> None:
    sent = {"version": version(desk, number), "ship_date": "2027-01-01"}
    for headers in (HTMX, {}):
        answer = as_("clerk").post(f"/complaints/{number}/facts/ship_date", data=sent, headers=headers)
        assert answer.status_code == 422
        problem = re.search(r'id="f-ship_date-problem">(.*?)</p>', answer.text, re.S)
        assert problem
        assert visible(problem[1]) == "Ship date lies in the future"
        assert 'value="2027-01-01"' in answer.text


def test_dates_in_a_history_are_the_readers_and_rows_say_what_is_from_and_to(desk: Desk, as_: As, number: str) -> None:
    desk.correct(number, "clerk", ship_date=date(2026, 11, 2))
    desk.correct(number, "clerk", ship_date=date(2026, 11, 3))
    history = as_("clerk").get(f"/complaints/{number}/history?field=ship_date").text
    assert "Ship date Mon 2 Nov 2026 Tue 3 Nov 2026" in visible(history)
    assert "2026-11-0" not in history
    assert 'data-label="To"' in history


@on_both_databases
def test_what_was_written_down_with_a_complaint_has_a_history_too(desk: Desk, as_: As) -> None:
    clerk = as_("clerk")
    sent = {"channel": "phone", "content": "14 of 200 joints leak", "batch": "L-1", "customer": "Quellstrom Mobility"}
    address = clerk.post("/complaints/new", data=sent | {"key": "the key of a form", "act": "draft"}).location
    assert address
    history = visible(clerk.get(f"{address}/history?field=batch").text)
    assert "clerk Batch or serial no. L-1" in history
    fields = re.findall(r"field=(\w+)", clerk.get(f"{address}/facts", headers=HTMX).text)
    assert {"batch", "channel", "customer"} <= {*fields}


def test_a_paper_that_was_made_says_in_which_format(desk: Desk, as_: As, number: str) -> None:
    with desk.act() as session:
        for made in ("pdf", "docx"):
            history.note(
                session, desk.find(session, number).id, "printed", by=desk["clerk"], at=desk.at, paper="report_8d",
                edition="customer", revision=2, format=made,
            )  # fmt: skip
    told = visible(as_("clerk").get(f"/complaints/{number}/history").text)
    assert "clerk made “ 8D report ” ( For the customer ), revision 2 , as PDF" in told
    assert "revision 2 , as Word (.docx)" in told
