"""Several forms on one page, in a real browser: each keeps its own words, whatever becomes of the others."""

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from complaints.people import User
from complaints.signin import SignIn
from tests.desk import Desk
from tests.journeys.conftest import PASSWORD, NewPage
from tests.journeys.office import Office, staffed
from tests.rigs.chromium import Chromium

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.journey


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return staffed(make)


@pytest.fixture
def page(desk: Desk, url: str, new_page: NewPage) -> Iterator["Page"]:
    """The clerk before a registered complaint."""
    number = desk.registered(subject="Oil weeping", demand="new seals")
    with closing(Office(desk, url, number, new_page)) as office:
        yield office.at("clerk", f"/complaints/{number}")


def edit(page: "Page", fact: str) -> "Locator":
    page.locator(f"#fact-{fact} a[data-keeps]").click()
    form = page.locator(f"#fact-{fact} form")
    expect(form).to_be_visible()
    expect(page.locator(".htmx-added")).to_have_count(0)  # only then do the scripts know it
    return form


def test_two_parts_of_the_report_that_write_one_record_keep_their_own_words(
    desk: Desk, url: str, new_page: NewPage
) -> None:
    number = desk.to_action_plan(subject="Oil weeping")
    with closing(Office(desk, url, number, new_page)) as office:
        page = office.at("dept_head", f"/complaints/{number}/8d")
        form = {part: page.locator(f'form:has([name="draft"][value="record:cause@{part}"])') for part in ("d4", "d5")}
        saved = {part: each.locator("[data-said]") for part, each in form.items()}

        def show() -> None:
            page.locator("details.rec__add").evaluate_all("all => all.forEach(each => (each.open = true))")

        show()
        form["d4"].locator('[name="text"]').fill("the cause, typed in D4")
        expect(saved["d4"]).to_contain_text("Draft saved")
        form["d5"].locator('[name="permanent"]').fill("the actions, typed in D5")
        expect(saved["d5"]).to_contain_text("Draft saved")
        expect(form["d5"].locator("[data-other]")).to_be_hidden()
        with page.expect_navigation():
            form["d5"].get_by_role("button", name="Save", exact=True).click()
        expect(form["d4"].locator('[name="text"]')).to_have_value("the cause, typed in D4")
        expect(form["d4"].locator('[name="text"]')).to_be_visible()
        show()
        expect(form["d5"].locator('[name="permanent"]')).to_have_value("the actions, typed in D5")
        with page.expect_navigation():
            form["d4"].get_by_role("button", name="Save", exact=True).click()
        values = desk.case(number).records["cause"].values
        assert (values["text"], values["permanent"]) == ("the cause, typed in D4", "the actions, typed in D5")


def test_a_fact_that_loads_the_page_anew_leaves_another_open_with_its_words(page: "Page") -> None:
    edit(page, "demand").locator("textarea").fill("a long demand, not saved yet")
    expect(page.locator("#fact-demand [data-said]")).to_contain_text("Draft saved", timeout=15_000)
    edit(page, "subject").locator("[name=subject]").fill("Oil at the face seal")
    with page.expect_navigation():
        page.locator("#fact-subject").get_by_role("button", name="Save").click()
    expect(page.locator("#fact-demand textarea")).to_have_value("a long demand, not saved yet")
    expect(page.locator("#fact-subject form")).to_have_count(0)
    page.locator("#fact-demand").get_by_role("button", name="Cancel").click()
    expect(page.locator("#fact-demand")).to_contain_text("new seals")
    page.reload()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#fact-demand form")).to_have_count(0)


def test_a_fact_saved_after_the_session_ended_is_open_with_its_words_after_signing_in(
    page: "Page", desk: Desk, make: sessionmaker[Session], browser: Chromium
) -> None:
    browser.meant("401")
    with make() as session:
        email = session.get_one(User, desk["clerk"].id).email
    edit(page, "demand").locator("textarea").fill("a long demand")
    with transaction(make) as session:
        session.execute(delete(SignIn))
    page.locator("#fact-demand").get_by_role("button", name="Save").click()
    page.wait_for_url("**/login**")
    page.locator("[name=email]").fill(email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")
    expect(page.locator("#fact-demand textarea")).to_have_value("a long demand")
    page.locator("#fact-demand").get_by_role("button", name="Save").click()
    expect(page.locator("#fact-demand form")).to_have_count(0)
    expect(page.locator("#fact-demand")).to_contain_text("a long demand")
    page.reload()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#fact-demand form")).to_have_count(0)


def test_a_field_that_a_comparison_asks_for_comes_and_goes_as_the_form_stands(
    desk: Desk, url: str, new_page: NewPage
) -> None:
    number = desk.draft(procedure_key="returns", complaint_class="return", stage="inspection", registered_at=desk.at)
    desk.write(number, "goods", "clerk", arrived_on="2026-11-16", returned="24")
    with closing(Office(desk, url, number, new_page)) as office:
        form = office.records("qe").locator("#f-goods form")
        wrong = form.locator("#f-goods-defects")
        expect(wrong).to_be_hidden()
        for bad, seen in (("0", False), ("3", True), ("none", False), ("12", True)):
            form.locator("#f-goods-bad").fill(bad)
            form.locator("#f-goods-bad").press("Tab")
            expect(wrong).to_be_visible() if seen else expect(wrong).to_be_hidden()
        for key, value in {"good": "12", "defects": "Dented threads", "inspected_on": "2026-11-16"}.items():
            form.locator(f"#f-goods-{key}").fill(value)
        form.locator("#f-goods-inspector").select_option(index=1)
        form.get_by_role("button", name="Save", exact=True).click()
        expect(office.pages["qe"].locator(".told")).to_contain_text("is saved")
        assert "Done" in office.records("qe").locator("#f-goods .rec__s").inner_text()
