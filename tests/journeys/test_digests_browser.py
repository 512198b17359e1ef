"""The weekly letter in real browsers: on its page, written in, acknowledged; and as the mail that tells it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from complaints import digest
from complaints.settings import Settings
from tests.desk import CONTEXT, Desk
from tests.journeys.conftest import DESK, PHONE, NewPage, for_everybody, signed_in, staff
from tests.rigs.chromium import axe
from tests.weeks import NEXT_MONDAY, WEEK, a_full_week, content, rendered, settings_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey
HERE = f"/digests/{WEEK}"


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    """A week with everything in it, whose letter has gone out; Mara heads quality and sets the house up."""
    desk = Desk(make)
    a_full_week(desk)
    staff(make, "qa_head", "admin")
    digest.do(make, NEXT_MONDAY, CONTEXT)
    return desk


@pytest.mark.usefixtures("desk")
def test_a_reader_follows_a_figure_writes_a_remark_and_says_that_it_is_read(page: "Page", url: str) -> None:
    signed_in(page, url, "/digests")
    page.get_by_role("link", name=str(WEEK)).first.click()
    expect(page.get_by_role("heading", name=f"Week {WEEK}")).to_be_visible()
    page.get_by_role("row", name="Machining").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Came in: 3")
    page.get_by_role("link", name="Back to the letter").click()
    page.get_by_label("Your side's remark").fill("The tool was worn.\nIts counter is reset now.")
    page.get_by_role("button", name="Save the remark").click()
    expect(page.get_by_role("status")).to_contain_text("Your remark is saved.")
    page.get_by_role("button", name="I have read it").click()
    expect(page.get_by_text("You have read it")).to_be_visible()
    expect(page.get_by_role("region", name="Read by")).to_contain_text("Mara Linden")


@for_everybody
def test_its_pages_are_fit_for_everybody(
    desk: Desk, url: str, new_page: NewPage, language: str, screen: dict[str, Any], scheme: str
) -> None:
    page = new_page(**screen, color_scheme=scheme, locale=language.replace("_", "-"))
    signed_in(page, url)
    page.request.post(f"{url}/me/language", form={"locale": language, "csrf_token": token(page)})
    for path in ("/digests", HERE, f"{HERE}?again=1", f"{HERE}/open", "/settings/digest"):
        page.goto(url + path)
        assert axe(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def token(page: "Page") -> str:
    return page.locator("[name=csrf_token]").first.get_attribute("value") or ""


@pytest.mark.parametrize("locale", ["en", "zh_CN"])
@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_the_mail_stays_inside_every_screen(
    desk: Desk, new_page: NewPage, sqlite_url: str, tmp_path: Path, screen: dict[str, Any], locale: str
) -> None:
    settings: Settings = settings_of(tmp_path, sqlite_url)
    page = new_page(**screen)
    page.set_content(content(rendered(desk, settings, f"digest:{WEEK}:user:{desk['gm'].id}", locale), "html"))
    expect(page.get_by_text("C-2026-0006").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [each for each in axe(page) if "color" in each] == []
