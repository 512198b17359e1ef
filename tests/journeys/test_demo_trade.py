"""A clerk of the demo's post office signs in and works with its board."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from complaints import procedure
from complaints.blobs import Blobs
from complaints.database import open_database, sessions, transaction
from complaints.demo import player, trades
from complaints.people import User
from complaints.settings import Settings
from tests.journeys.conftest import PASSWORD, NewPage, for_everybody, signed_in
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey
CLERK = "anna.lindqvist@lantingpost.example"


@pytest.fixture
def make(settings: Settings) -> sessionmaker[Session]:
    engine = open_database(settings.database_url)
    at = datetime.now(UTC)
    player.play(engine, trades.read("postal"), at=at, blobs=Blobs(settings.blobs), password=PASSWORD)
    return sessions(engine)


def fits(page: "Page") -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@for_everybody
def test_the_board_of_the_post_office_is_the_first_one(
    new_page: NewPage, url: str, make: sessionmaker[Session], language: str, screen: dict[str, Any], scheme: str
) -> None:
    with transaction(make) as session:
        session.execute(update(User).values(locale=language))
    page = signed_in(new_page(**screen, color_scheme=scheme), url, "/board", email=CLERK)
    rules = procedure.procedure("postal")
    for stage in rules.stages:
        expect(page.locator(f"[data-stage={stage.key}]").first).to_contain_text(stage.name.in_(language))
    expect(page.locator("[name=procedure]")).to_have_count(0)
    assert fits(page)
    assert axe(page) == []
    page.get_by_role("link", name="包裹被拆，少一件衬衫").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("包裹被拆，少一件衬衫")
    expect(page.locator("main")).to_contain_text("三件衬衫只剩两件")
