"""A complaint worked through on its page in real browsers, by the people whose turn it is."""

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from tests.desk import Desk
from tests.journeys.conftest import DESK, PHONE
from tests.journeys.office import TODAY, Office, panel, staffed
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.journey, pytest.mark.timeout(480)]


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return staffed(make)


def test_a_complaint_goes_from_draft_to_closed_on_its_page(
    desk: Desk, url: str, new_page: Callable[..., "Page"]
) -> None:
    with closing(Office(desk, url, desk.draft(), new_page)) as office:
        _plan(office)
        _carry_out(office)


def test_an_approved_plan_is_carried_out_and_closed_without_any_script(
    desk: Desk, url: str, new_page: Callable[..., "Page"]
) -> None:
    number = desk.to_implementation()
    with closing(Office(desk, url, number, new_page, DESK | {"java_script_enabled": False})) as office:
        _carry_out(office)


def _plan(office: Office) -> None:
    office.register("clerk")

    office.write(
        "mkt_sup", "first_review", details="14 of 200 joints leak", evidence="asked", emergency="none",
        emergency_text="No stock at the customer", immediate="no",
    )  # fmt: skip
    office.write("sales", "form", request="Find the cause and answer within three days")
    office.sign("sales", "form_issued", "Issue")
    office.sign("mkt_sup", "form_approved", "Approve")
    office.write("qa_head", "assignment", qe="qe")
    office.sign("qa_head", "receipt", "Sign for receipt and move to Investigation")

    office.write("qe", "qe_entry", abnormality="Flatness of the face seal out of tolerance")
    office.write("qe", "finding", text="Tool worn", responsibility="ours", departments=["Machining"])
    office.move("qe", "action_plan")

    office.write("dept_head", "cause", text="Tool life counter was not reset")
    office.write("dept_head", "plan", what="Reset the counter", owner="dept", due=TODAY)
    office.sign("dept_head", "plan_submitted", "Submit the plan")
    office.sign("qe", "plan_review", "Pass")
    office.sign("qa_mgr", "plan_audit", "Pass")
    office.sign("mr", "plan_approval", "Approve and move to Implementation")


def _carry_out(office: Office) -> None:
    office.sign("dept_head", "taken_over", "Take over")
    for key, text in (
        ("correction", "Lot reworked"),
        ("like_case", "All lathes checked"),
        ("improvement", "New sheet"),
    ):
        office.write("dept", "implementation", **{key: text, f"{key}_on": TODAY})
    office.write("dept_head", "completion", text="All done", on=TODAY)
    office.write("sales", "contacts", kind="measures_told", on=TODAY, way="email", text="Dear Ines, …")
    office.move("dept_head", "verification")

    office.write("qe", "verification", evidence="50 parts measured", on=TODAY, effective="yes")
    office.sign("qe", "verified", "Sign the verification and move to Customer reply")

    page = office.records("sales")
    add = panel(page, "contacts").locator(".rec__add")
    add.locator("summary").click()
    form = add.locator("form")
    form.locator("#f-contacts-kind").select_option("result_told")
    form.locator("#f-contacts-on").fill(TODAY)
    form.locator("#f-contacts-way").select_option("email")
    form.locator("#f-contacts-text").fill("Dear Ines, here is the result")
    form.get_by_role("button", name="Add").click()
    office.write("sales", "answer", decision="accepted", on=TODAY)
    office.move("clerk", "closed")
    told = office("qe").locator("#timeline")
    expect(told).to_contain_text("mr signed as Management representative: Plan approval")
    expect(told).to_contain_text("sales wrote in “Customer's decision”: Decision, When")


def test_a_field_appears_when_another_asks_for_it(desk: Desk, url: str, new_page: Callable[..., "Page"]) -> None:
    office = Office(desk, url, desk.registered(), new_page)
    page = office.records("mkt_sup")
    answer = page.locator("#f-first_review-immediate_text")
    expect(answer).to_be_hidden()
    page.locator("#f-first_review-immediate").select_option("yes")
    expect(answer).to_be_visible()
    answer.fill("We send new joints")
    page.locator("#f-first_review-immediate").select_option("no")
    expect(answer).to_be_visible()  # what was typed is not hidden


def test_a_link_to_a_field_opens_its_panel(desk: Desk, url: str, new_page: Callable[..., "Page"]) -> None:
    office = Office(desk, url, desk.registered(), new_page)
    page = office.records("clerk")
    contacts = page.locator("#f-contacts")
    expect(contacts).not_to_have_attribute("open", "")
    page.goto(f"{url}/complaints/{office.number}/records#f-contacts-kind")
    expect(page.locator("#f-contacts-kind")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_the_page_is_accessible_in_every_state(
    desk: Desk, url: str, new_page: Callable[..., "Page"], screen: dict[str, Any], scheme: str
) -> None:
    number = desk.to_action_plan()
    desk.write(number, "cause", "dept_head")
    office = Office(desk, url, number, new_page, screen | {"color_scheme": scheme})
    for look in (office, office.records):
        page = look("dept_head")
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= screen["viewport"]["width"]
    panel(page, "plan").locator(".rec__foot .btn--primary").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    assert axe(page) == []
