"""The 8D report in a real browser: filled in by keyboard, its picture, its rounds."""

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.people import User
from tests.desk import Desk
from tests.journeys.conftest import for_everybody
from tests.journeys.office import Office, staffed
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return staffed(make)


def test_a_quality_engineer_fills_in_the_report_by_keyboard(
    desk: Desk, url: str, new_page: Callable[..., "Page"]
) -> None:
    number = desk.to_investigation(subject="Oil weeping at HX-210 face seal")
    with closing(Office(desk, url, number, new_page)) as office:
        page = office.at("qe", f"/complaints/{number}")
        page.get_by_role("link", name="8D report").press("Enter")
        page.wait_for_url("**/8d")
        page.locator("#f-problem-add > summary").press("Enter")
        expect(page.locator("#f-problem-statement")).to_be_focused()
        page.keyboard.type("Oil weeps at 40 bar")
        page.keyboard.press("Tab")
        page.keyboard.type("Face seal")
        page.keyboard.press("Enter")
        page.wait_for_url("**/8d#f-problem")
        expect(page.locator("#part-d2")).to_contain_text("Face seal")

        page.locator("#f-whys-add > summary").press("Enter")
        for question in ("Why does it leak?", "Why is the face not flat?"):
            expect(page.locator("#f-whys-chain")).to_be_focused()
            page.keyboard.type("Why did it occur")
            page.keyboard.press("Tab")
            page.keyboard.type(question)
            page.keyboard.press("Control+Enter")
            page.wait_for_url("**/8d?add=whys#f-whys-chain")
            expect(page.locator("#f-whys")).to_contain_text(question)
        expect(page.locator("#f-whys .why")).to_have_count(2)

        page.locator("#f-factors-add > summary").press("Enter")
        expect(page.locator("#f-factors-branch")).to_be_focused()
        for typed in ("Machine", "Worn insert", "Confirmed"):
            page.keyboard.type(typed)
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/8d?add=factors#f-factors-branch")
        expect(page.locator("svg.fb")).to_contain_text("Worn insert")
        expect(page.locator(".causes")).to_contain_text("Worn insert Confirmed")
        page.locator("h1").scroll_into_view_if_needed()
        assert axe(page) == []

        page.locator("#f-containment-add > summary").press("Enter")
        page.keyboard.type("Sorting")
        page.keyboard.press("Tab")
        page.keyboard.type("Stock")
        page.locator("#f-containment-checked").fill("10")
        page.locator("#f-containment-rejected").fill("11")
        page.keyboard.press("Enter")
        expect(page.locator("#f-containment-rejected")).to_be_focused()
        expect(page.locator("#f-containment-what")).to_have_value("Sorting")


@for_everybody
def test_the_report_is_readable_on_every_screen(
    language: str, screen: dict[str, Any], scheme: str, desk: Desk, url: str, new_page: Callable[..., "Page"]
) -> None:
    number = a_report(desk)
    with transaction(desk.make) as session:
        session.execute(update(User).values(locale=language))
    options = {**screen, "color_scheme": scheme, "locale": language.replace("_", "-")}
    with closing(Office(desk, url, number, new_page, options)) as office:
        page = office.at("qe", f"/complaints/{number}/8d")
        past = page.locator("#f-plan .rec__past > summary")
        past.press("Enter")
        expect(page.locator("#f-plan .revision del")).to_contain_text("Reset counter")
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def a_report(desk: Desk) -> str:
    """A report in its second round, with something in every part so far."""
    number = desk.to_action_plan(complaint_class="major", subject="Oil weeping at HX-210 face seal", product="HX-210")
    desk.write(number, "team", "qe", members=[str(desk["dept"].id), str(desk["dept_head"].id)])
    desk.write(number, "problem", "qe", statement="Oil weeps at 40 bar", where_is="Station 40", where_is_not="Line 1")
    for location, checked, rejected in (("stock", "1240", "58"), ("customer", "1050", "31"), ("transit", "400", "0")):
        desk.write(number, "containment", "qe", what="Sorting", location=location, checked=checked, rejected=rejected)
    for question, answer in (("Why does it leak?", "Face not flat"), ("为什么没有复位？", "作业指导书没有复位步骤")):
        desk.write(number, "whys", "qe", chain="occurrence", question=question, answer=answer, root="no")
    for branch, text, state in (
        ("man", "Night shift not trained", "excluded"), ("machine", "Worn insert left a step of 0.03 mm", "confirmed"),
        ("machine", "Spindle play", "suspected"), ("material", "Hardness of the bar", "excluded"),
        ("method", "换刀作业指导书没有复位步骤，靠个人经验", "confirmed"),
        ("measurement", "Flatness is not measured at the end of the line", "suspected"),
    ):  # fmt: skip
        desk.write(number, "factors", "qe", branch=branch, text=text, state=state)
    desk.plan(number)
    desk.returns(number, "plan_review", "qe")
    desk.write(number, "plan", "dept_head", place=1, what="Lock the spindle until the first piece is recorded")
    desk.sign(number, "plan_submitted", "dept_head")
    return number
