"""Printing in real browsers: at a desk, on a phone, light and dark, in both languages, and without script."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.people import User
from complaints.settings import Settings
from jobs.printing import Printer
from tests.builders import a_mailed_complaint
from tests.journeys.conftest import NewPage, for_everybody, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey

HERE = "/complaints/C-2026-0001"


@pytest.fixture
def make(make: sessionmaker[Session]) -> sessionmaker[Session]:
    staff(make, "clerk")
    with transaction(make) as session:
        a_mailed_complaint(session, at=datetime.now(UTC) - timedelta(hours=2))
    return make


@for_everybody
def test_a_report_is_made_while_one_looks_and_sent_with_a_reply(
    new_page: NewPage, url: str, make: sessionmaker[Session], settings: Settings, language: str, screen: dict[str, Any],
    scheme: str,
) -> None:  # fmt: skip
    with transaction(make) as session:
        session.get_one(User, 1).locale = language
    page = signed_in(new_page(**screen, color_scheme=scheme), url, HERE)
    page.locator(f'a[href="{HERE}/prints"]').click()
    report = page.locator("form", has=page.locator('input[value="report_8d"]'))
    assert axe(page) == []
    report.locator("button").click()
    expect(page.locator("#print-1 progress")).to_be_visible()
    assert axe(page) == []
    Printer(settings, make).make_next()
    expect(page.locator("#print-1 progress")).to_have_count(0)
    with page.expect_download() as file:
        page.locator("#print-1 a[href$='.pdf']").click()
    assert file.value.suggested_filename == "C-2026-0001 8D report rev 1.pdf"
    assert axe(page) == []
    page.locator("#print-1 a[href*='attach=']").click()
    expect(page.locator(".composer input[name=file]:checked")).to_have_count(1)


def test_without_script_one_looks_again(
    without_script: "Page", url: str, make: sessionmaker[Session], settings: Settings
) -> None:
    page = signed_in(without_script, url, f"{HERE}/prints")
    page.locator("form", has=page.locator('input[value="register_form"]')).locator("button").click()
    expect(page.locator("#print-1")).to_contain_text("Being made: in the queue")
    Printer(settings, make).make_next()
    page.get_by_role("link", name="Look again").click()
    page.reload()
    expect(page.get_by_role("link", name="Download")).to_be_visible()


def test_a_look_at_a_paper_obeys_the_policy_of_the_pages(new_page: NewPage, url: str, make: object) -> None:
    page = signed_in(new_page(), url, f"{HERE}/prints/look?paper=report_8d&edition=customer")
    expect(page.locator("h1")).to_contain_text("8D措施报告")
    assert page.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"
