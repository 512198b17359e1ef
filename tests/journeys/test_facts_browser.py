"""Facts edited in their place and customers picked by the keyboard, in a real browser."""

import re

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from complaints.customers import Contact, findable
from complaints.database import transaction
from tests.builders import MONDAY, a_customer
from tests.journeys.conftest import NewPage
from tests.journeys.office import Office, staffed


@pytest.fixture
def office(make: sessionmaker[Session], url: str, new_page: NewPage) -> Office:
    desk = staffed(make)
    with transaction(make) as session:
        pumps = a_customer(session, "上海泵业有限公司")
        pumps.address = "上海市浦东新区 1 号"
        session.add(
            Contact(address="ren@pumps.example", name="任丽", phone="139", customer_id=pumps.id, last_wrote_at=MONDAY)
        )
        findable(session, pumps)
    return Office(desk, url, desk.registered(batch="L-1"), new_page)


def test_a_fact_is_edited_in_its_place_by_the_keyboard_and_the_page_goes_on(office: Office) -> None:
    page = office("clerk")
    page.evaluate("window.stays = true")
    batch = page.locator("#fact-batch")
    batch.get_by_role("link", name="Edit").press("Enter")
    field = page.get_by_label("Batch or serial no.")
    expect(field).to_be_focused()
    field.fill("x" * 81)
    field.press("Enter")
    expect(batch.locator(".field__err")).to_contain_text("may have 80 characters")
    field.fill("L-2")
    field.press("Enter")
    expect(batch.locator("dd").first).to_have_text("L-2")
    expect(batch.get_by_role("link", name="Edit")).to_be_focused()
    assert office.desk.case(office.number).complaint.batch == "L-2"
    version = str(office.desk.case(office.number).complaint.version)
    other = page.locator('#facts ~ * form:not(.rec__form) > input[name="version"]').first
    expect(other).to_have_value(version)
    batch.get_by_role("link", name="History").click()
    expect(page.locator(".hist tbody")).to_have_count(1)
    expect(page.locator(".hist tbody")).to_contain_text("L-2")


def test_a_customer_is_picked_by_its_initials_with_the_keyboard_and_offers_its_people(office: Office) -> None:
    page = office.at("clerk", "/complaints/new")
    customer = page.get_by_label("Customer", exact=False).and_(page.locator("#f-customer"))
    customer.press_sequentially("shby")
    offers = page.locator("#f-customer-found [role=option]")
    expect(offers).to_have_count(1)
    expect(customer).to_have_attribute("aria-expanded", "true")
    customer.press("ArrowDown")
    expect(customer).to_have_attribute("aria-activedescendant", "f-customer-1")
    customer.press("Enter")
    expect(customer).to_have_value("上海泵业有限公司")
    expect(page.locator("#f-address")).to_have_value("上海市浦东新区 1 号")
    page.locator("#f-contact_person").focus()
    page.locator("#f-contact_person-found [role=option]").click()
    expect(page.locator("#f-contact_phone")).to_have_value("139")
    expect(page.locator("#f-contact_email")).to_have_value("ren@pumps.example")
    customer.press_sequentially("x")
    customer.press("Escape")
    expect(page.locator("#f-customer-found")).to_be_hidden()


def test_the_way_to_a_history_is_there_for_what_was_changed_alone(office: Office) -> None:
    office.desk.correct(office.number, "clerk", batch="L-7")
    page = office("clerk")
    ways = page.locator("#facts .fact").get_by_role("link", name="History")
    expect(ways).to_have_count(0)
    page.locator("#fact-batch").hover()
    expect(ways).to_have_count(1)
    ways.click()
    expect(page.locator(".hist tbody")).to_contain_text("L-7")


@pytest.mark.requirement("S206")
def test_the_check_list_is_there_for_talks(office: Office) -> None:
    page = office.at("clerk", "/complaints/new")
    page.get_by_text("While you talk: a check list").click()
    expect(page.get_by_text("Ask for the solution that the customer wants")).to_be_visible()
    page.get_by_role("link", name="Customer's demand").click()
    expect(page).to_have_url(re.compile("#f-demand$"))
    page.locator("#f-channel").select_option("letter")
    expect(page.get_by_text("While you talk: a check list")).to_be_hidden()


def test_without_script_a_fact_is_edited_on_its_own_page(office: Office) -> None:
    office.options = {**office.options, "java_script_enabled": False}
    page = office("clerk")
    page.locator("#fact-batch").get_by_role("link", name="Edit").click()
    page.get_by_label("Batch or serial no.").fill("L-3")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#fact-batch dd").first).to_have_text("L-3")
