"""Facts of records edited in their place, by the keyboard, in a real browser."""

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from tests.journeys.conftest import NewPage
from tests.journeys.office import Office, staffed

pytestmark = pytest.mark.journey


@pytest.fixture
def office(make: sessionmaker[Session], url: str, new_page: NewPage) -> Office:
    desk = staffed(make)
    return Office(desk, url, desk.to_investigation(), new_page)


def test_responsibility_is_decided_with_the_facts_and_what_was_begun_is_open_again(office: Office) -> None:
    page = office("qe")
    finding = page.locator("#fact-of-finding")
    page.get_by_text("facts are not known yet").click()
    finding.get_by_role("link", name="Edit").press("Enter")
    choice = finding.get_by_label("Responsibility")
    expect(choice).to_be_focused()
    departments = finding.get_by_role("group", name="Responsible departments")
    expect(departments).to_be_hidden()
    choice.select_option("ours")
    expect(departments).to_be_visible()
    expect(finding.locator("[data-said]")).to_contain_text("Draft saved")
    page.reload()
    expect(choice).to_have_value("ours")
    departments.get_by_label("Machining").check()
    finding.get_by_role("button", name="Save").click()
    expect(finding).to_contain_text("Ours")
    expect(finding).to_contain_text("Machining")
    finding.hover()
    finding.get_by_role("link", name="History Responsibility").click()
    expect(page.locator(".hist tbody")).to_contain_text("Ours")
