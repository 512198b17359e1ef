"""The conversation in a real browser: the name of a day stands once, whatever comes in before or after."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from complaints.complaint import Complaint
from complaints.database import transaction
from tests.builders import a_letter, a_mailed_complaint
from tests.journeys.conftest import DESK, NewPage, signed_in, staff

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey

HERE = "/complaints/C-2026-0001"
NOON = datetime.now(UTC).replace(hour=4, minute=0) - timedelta(days=3)
"""At noon in Shanghai, and some days ago."""


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "clerk")
    with transaction(make) as session:
        complaint = a_mailed_complaint(session, at=NOON)
        for minute in range(1, 40):
            came(session, complaint, NOON + timedelta(minutes=minute))
    return make


def came(session: Session, complaint: Complaint, at: datetime) -> None:
    a_letter(session, complaint, message_id=f"{at.timestamp()}@c", received_at=at)


def days(page: "Page") -> list[str]:
    return [each.get_attribute("id") or "" for each in page.locator(".tl__day").all()]


def the_day(at: datetime) -> str:
    return f"day-{at.date()}"


def test_a_day_that_goes_on_in_an_older_stretch_is_named_once_where_it_begins(new_page: NewPage, url: str) -> None:
    page = signed_in(new_page(**DESK), url, HERE)
    few = page.locator(".tl [id^=letter-]").count()
    assert days(page) == [the_day(NOON)]
    page.get_by_role("link", name="Show what came before").click()
    expect(page.locator(".tl [id^=letter-]")).to_have_count(40)
    assert few < 40
    assert days(page) == [the_day(NOON)]
    expect(page.locator(".tl > :first-child")).to_have_id(the_day(NOON))


def test_what_comes_in_on_a_day_that_is_named_does_not_name_it_again(
    new_page: NewPage, url: str, make: sessionmaker[Session]
) -> None:
    page = signed_in(new_page(**DESK), url, HERE)
    shown, next_day = page.locator(".tl [id^=letter-]").count(), NOON + timedelta(days=1)
    for n, at in enumerate([NOON + timedelta(hours=1), next_day, next_day + timedelta(hours=1)], 1):
        with transaction(make) as session:
            came(session, session.get_one(Complaint, 1), at)
        expect(page.locator(".htmx-added, .htmx-settling, .htmx-swapping")).to_have_count(0)
        page.evaluate("htmx.trigger(document.body, 'back')")
        expect(page.locator(".tl [id^=letter-]")).to_have_count(shown + n)
    assert days(page) == [the_day(NOON), the_day(next_day)]
