"""An administrator closes the house for a day: writes it, sees which clocks it moves, and accepts it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from complaints import calendars
from complaints.database import transaction
from tests.builders import a_complaint, a_customer, a_department
from tests.journeys.conftest import for_everybody, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey


@pytest.fixture
def make(make: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> sessionmaker[Session]:
    monkeypatch.setattr(calendars, "_looked", {})
    staff(make, "admin", "clerk", name="Ada Morrow")
    with transaction(make) as session:
        a_department(session, "machining", "Machining", "机加工")
        a_customer(session)
        a_complaint(session, at=datetime.now(UTC), received_at=datetime.now(UTC))
    return make


@for_everybody
def test_a_day_off_is_written_looked_at_and_accepted(
    new_page: Callable[..., "Page"], url: str, scheme: str, screen: dict[str, Any], language: str
) -> None:
    page = signed_in(new_page(**screen, color_scheme=scheme), url)
    page.locator('[popovertarget="language-menu"]').click()
    page.locator(f'#language-menu [value="{language}"]').click()
    expect(page.locator("html")).to_have_attribute("lang", "en" if language == "en" else "zh-CN")

    def fits() -> None:
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]

    page.goto(f"{url}/settings")
    page.locator('.toc a[href$="/calendar"]').click()
    expect(page.locator(".month")).to_have_count(12)
    fits()
    page.locator("#f-week_0").fill("08:30-12:00 11:00-17:30")
    page.locator('[name="look"]').click()
    expect(page.locator("#f-week_0")).to_have_attribute("aria-invalid", "true")
    fits()
    page.locator("#f-week_0").fill("08:30-12:00 13:00-17:30")
    today = datetime.now(UTC).date()
    page.locator("#f-different").fill(f"{today}..{today + timedelta(days=9)} off")
    page.locator('[name="look"]').click()
    expect(page.locator(".moved tbody tr")).to_have_count(2)
    fits()
    page.locator('[name="accept"]').click()
    page.wait_for_url("**/settings/calendar")
    expect(page.locator("#f-different")).to_have_value(f"{today}..{today + timedelta(days=9)} off")
    expect(page.locator(".changes li")).to_have_count(1)
    fits()
