"""Search in a real browser: by keys, as it is typed, on desk and phone, light and dark."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from complaints import search_index
from complaints.database import transaction
from complaints.people import User
from tests.desk import CONTEXT, Desk
from tests.journeys.conftest import MARA, NewPage, for_everybody, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "clerk", "mkt_sup", "qe", "admin")
    return make


@pytest.fixture
def numbers(make: sessionmaker[Session]) -> list[str]:
    """Three complaints, of which two leak."""
    desk = Desk(make, at=datetime.now(UTC) - timedelta(hours=3))
    said = ("Oil leaking at the face seal", "支撑支架出现红锈", "Leak after a cold start, lot L2608-114")
    found = [desk.draft(subject=each, customer_id=1, content="The parts leak. 零件漏油。") for each in said]
    search_index.catch_up(make, desk.at, CONTEXT)
    return found


@for_everybody
def test_search_is_for_everybody(
    new_page: NewPage, url: str, numbers: list[str], make: Any, scheme: str, screen: dict[str, Any], language: str
) -> None:
    with transaction(make) as session:
        session.execute(update(User).where(User.email == MARA).values(locale=language))
    page = signed_in(new_page(color_scheme=scheme, **screen), url)
    page.goto(f"{url}/search?q=漏油")
    expect(page.locator(".hit")).to_have_count(3)
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_slash_leads_there_results_come_as_it_is_typed_and_arrows_go_through_them(
    page: "Page", url: str, numbers: list[str]
) -> None:
    signed_in(page, url)
    page.goto(f"{url}/actions")
    page.keyboard.press("/")
    box = page.locator("#search-q")
    expect(box).to_be_focused()
    page.keyboard.type("leaks seal")
    expect(page.locator(".hit")).to_have_count(1)
    expect(page.locator(".hit mark").first).to_have_text("leaking")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".hit__a").first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(box).to_be_focused()
    page.keyboard.press("Escape")
    expect(box).not_to_be_focused()
    page.keyboard.press("/")
    expect(box).to_be_focused()


def test_without_script_the_form_does_the_same(new_page: NewPage, url: str, numbers: list[str]) -> None:
    page = signed_in(new_page(java_script_enabled=False), url)
    page.goto(f"{url}/search")
    page.fill("#search-q", numbers[0])
    page.locator(".searching button").click()
    expect(page.locator(".hit__no").first).to_have_text(numbers[0])
