"""Looking at files in real browsers: at a desk, on a phone, light and dark, in both languages, and without script."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from complaints.blobs import Blobs
from complaints.database import transaction
from complaints.people import User
from complaints.settings import Settings
from tests.builders import a_file, a_mailed_complaint
from tests.drawings import a_pdf, a_picture, a_truncated_photograph
from tests.journeys.conftest import DESK, NewPage, for_everybody, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey

HERE = "/complaints/C-2026-0001"


@pytest.fixture
def make(make: sessionmaker[Session], settings: Settings) -> sessionmaker[Session]:
    staff(make, "clerk")
    blobs = Blobs(settings.blobs)
    picture, pdf, broken = a_picture(1800, 1200), a_pdf(), a_truncated_photograph()
    with transaction(make) as session:
        files = [
            a_file(blobs, picture, filename="泄漏的接头.png"),
            a_file(blobs, pdf, filename="report.pdf", content_type="application/pdf"),
            a_file(blobs, b"bar\n40\n" * 400, filename="measured.csv", content_type="text/csv"),
            a_file(blobs, broken, filename="half.jpg", content_type="image/jpeg"),
            a_file(blobs, b"PK", filename="logs.zip", content_type="application/zip"),
        ]
        a_mailed_complaint(session, at=datetime.now(UTC) - timedelta(hours=2), files=files)
    return make


def drawn(page: "Page", selector: str) -> None:
    """A picture came, and is one."""
    expect(page.locator(selector)).to_have_js_property("complete", True)
    assert page.locator(selector).evaluate("image => image.naturalWidth") > 0


@for_everybody
def test_the_files_of_a_letter_are_looked_at_by_keyboard_alone(
    new_page: NewPage, url: str, make: sessionmaker[Session], language: str, screen: dict[str, Any], scheme: str
) -> None:
    with transaction(make) as session:
        session.get_one(User, 1).locale = language
    page = signed_in(new_page(**screen, color_scheme=scheme), url, HERE)
    first = page.locator(".att__a").first
    first.scroll_into_view_if_needed()
    drawn(page, ".att__th img >> nth=0")
    drawn(page, ".att__th img >> nth=1")
    drawn(page, ".att__th img >> nth=2")
    first.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.locator("h1")).to_have_text("泄漏的接头.png")
    expect(dialog.locator("[data-look=close]")).to_be_focused()
    drawn(page, ".look__p")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == screen["viewport"]["width"]
    page.keyboard.press("ArrowLeft")  # there is none before it
    page.keyboard.press("ArrowRight")
    expect(dialog.locator("h1")).to_have_text("report.pdf")
    expect(dialog.get_by_role("status")).to_contain_text("report.pdf")
    dialog.locator("[data-look=after-page]").press("Enter")
    expect(dialog.locator("[data-look=after-page]")).to_have_count(0)
    expect(dialog.locator("[data-look=before-page]")).to_have_count(1)
    drawn(page, ".look__p")
    assert axe(page) == []
    page.keyboard.press("ArrowRight")
    expect(dialog.locator("pre")).to_contain_text("40")
    assert axe(page) == []
    page.keyboard.press("ArrowRight")
    expect(dialog.locator("h1")).to_have_text("half.jpg")
    expect(dialog.locator(".look__no")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(first).to_be_focused()
    assert page.url == url + HERE


def test_without_script_a_file_has_a_page_of_its_own(without_script: "Page", url: str) -> None:
    page = signed_in(without_script, url, HERE)
    page.locator(".att__a").nth(1).click()
    expect(page.locator("h1")).to_have_text("report.pdf")
    page.locator("[data-look=after-page]").click()
    expect(page.locator(".look__p")).to_have_attribute("width", "1600")
    page.locator("[data-look=after]").click()
    expect(page.locator("pre")).to_contain_text("40")
    page.locator(".look__n a").click()
    expect(page).to_have_url(url + HERE)


def test_a_page_of_a_file_has_links_and_a_click_beside_the_dialog_closes_it(new_page: NewPage, url: str) -> None:
    page = signed_in(new_page(**DESK), url, HERE)
    page.locator(".att__a").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.mouse.click(3, 3)
    expect(dialog).to_have_count(0)
    page.goto(url + (page.locator(".att__a").first.get_attribute("href") or ""))
    page.locator("[data-look=after]").click()
    expect(page).to_have_title("report.pdf · Redress")
    expect(dialog).to_have_count(0)
