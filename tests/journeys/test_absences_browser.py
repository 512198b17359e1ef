"""Somebody enters an absence and chooses of what mail comes, in every language, on every screen, without script."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from tests.journeys.conftest import NewPage, for_everybody, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey
TOMORROW = date.today() + timedelta(days=1)


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "admin", "clerk")
    staff(make, "sales", email="tomas@mill.example", name="Tomas Rehn")
    return make


@for_everybody
def test_the_pages_of_absences_and_mail_fit_and_can_be_used_by_everybody(
    new_page: NewPage, url: str, language: str, screen: Any, scheme: str
) -> None:
    page = new_page(**screen, color_scheme=scheme)
    signed_in(page, url, "/me/absence")
    page.locator('[popovertarget="language-menu"]').click()
    page.locator(f'#language-menu [value="{language}"]').click()
    expect(page.locator("html")).to_have_attribute("lang", "en" if language == "en" else "zh-CN")
    page.locator("form.entry button").click()
    expect(page.locator("[aria-invalid=true]")).to_have_count(3)
    for address in ("/me/absence", "/settings/absences", "/me/mail"):
        page.goto(url + address)
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_absence_is_entered_and_ended_without_script(without_script: "Page", url: str) -> None:
    page = signed_in(without_script, url, "/me/absence")
    page.get_by_label("First day").fill(TOMORROW.isoformat())
    page.get_by_label("Last day").fill(TOMORROW.isoformat())
    page.get_by_label("Who stands in").select_option("Tomas Rehn")
    page.get_by_role("button", name="Enter it").click()
    expect(page.locator(".absence")).to_contain_text("Stands in: Tomas Rehn")
    page.goto(f"{url}/settings/absences")
    page.get_by_role("button", name="End it").click()
    expect(page.locator(".absence")).to_have_count(0)
