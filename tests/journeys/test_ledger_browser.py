"""The ledger in a real browser: filters as one types, orders, columns, the next rows, at a desk and on a phone."""

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.people import User
from tests.desk import Desk
from tests.journeys.conftest import NewPage, for_everybody, signed_in
from tests.journeys.office import staffed
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return staffed(make)


def opened(desk: Desk, page: "Page", url: str) -> "Page":
    with desk.make() as session:
        email = session.get_one(User, desk["clerk"].id).email
    return signed_in(page, url, "/ledger", email)


@for_everybody
def test_the_ledger_fits_and_is_read_by_everybody(
    new_page: NewPage, url: str, desk: Desk, language: str, screen: dict[str, Any], scheme: str
) -> None:
    number = desk.registered(subject="漏油 at the face seal of the long hydraulic line", product="HX-210")
    with transaction(desk.make) as session:
        session.get_one(User, desk["clerk"].id).locale = language
    page = opened(desk, new_page(**screen, color_scheme=scheme), url)
    expect(page.get_by_role("link", name=number)).to_be_visible()
    expect(page.locator("main")).to_contain_text("漏油")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert axe(page) == []
    page.get_by_role("button", name="列" if language == "zh_CN" else "Columns", exact=True).click()
    assert axe(page) == []


def test_filters_orders_and_columns_change_what_is_shown_as_one_types(new_page: NewPage, url: str, desk: Desk) -> None:
    one, two = desk.registered(product="HX-210"), desk.draft(product="BR-88", demand="New seals")
    page = opened(desk, new_page(viewport={"width": 1440, "height": 900}), url)
    page.get_by_label("Filter by Product").fill("hx")
    expect(page.get_by_role("link", name=two)).to_have_count(0)
    expect(page.get_by_role("link", name=one)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/ledger\?product=hx$"))
    expect(page.get_by_label("Filter by Product")).to_be_focused()
    page.get_by_label("Filter by Received").fill("soon")
    expect(page.locator(".field__err")).to_contain_text("write a day, a month or a year")
    expect(page.get_by_label("Filter by Received")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Filter by Received").fill("")
    page.get_by_label("Filter by Product").fill("")
    expect(page).to_have_url(re.compile(r"/ledger$"))
    expect(page.get_by_label("Filter by Received")).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("tbody .no").first).to_have_text(two)
    page.get_by_role("link", name="No.", exact=True).click()
    expect(page.locator("tbody .no").first).to_have_text(one)
    page.get_by_role("button", name="Columns", exact=True).click()
    page.get_by_label("Customer's demand", exact=True).check()
    page.get_by_role("button", name="Show these").click()
    expect(page.locator("main")).to_contain_text("New seals")


def test_the_next_rows_come_as_one_reads_and_by_a_link_without_script(
    new_page: NewPage, url: str, desk: Desk, without_script: "Page"
) -> None:
    first = desk.draft()
    for _ in range(54):
        desk.draft()
    page = opened(desk, new_page(viewport={"width": 1440, "height": 900}), url)
    expect(page.locator("tbody .no")).to_have_count(50)
    page.locator(".reg__more").scroll_into_view_if_needed()
    expect(page.locator("tbody .no")).to_have_count(55)
    plain = opened(desk, without_script, url)
    plain.get_by_role("link", name="Show more").click()
    expect(plain.get_by_role("link", name=first)).to_be_visible()
    plain.get_by_role("link", name="Back to the beginning").click()
    expect(plain.locator("tbody .no")).to_have_count(50)
