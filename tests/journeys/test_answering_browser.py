"""Answering one letter of several in a real browser, by keyboard; and sending a record's form by Ctrl+Enter."""

from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from tests.builders import a_letter
from tests.desk import Desk
from tests.journeys.conftest import DESK, PHONE, NewPage
from tests.journeys.office import Office, staffed
from tests.rigs.chromium import axe

pytestmark = pytest.mark.journey
INES, BO = "i.carrow@quellstrom.example", "bo@quellstrom.example"


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return staffed(make)


@pytest.mark.parametrize(("screen", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk-light", "phone-dark"])
def test_a_letter_is_answered_by_keyboard_with_what_was_typed_before(
    desk: Desk, url: str, new_page: NewPage, screen: dict[str, Any], scheme: str
) -> None:
    number = desk.to_investigation(subject="Oil weeping")
    with transaction(desk.make) as session:
        complaint = desk.find(session, number)
        a_letter(session, complaint, message_id="1@c")
        a_letter(session, complaint, message_id="2@c", from_address=BO, from_name="Bo Quell", received_at=desk.at)
    options = {**screen, "color_scheme": scheme}
    with closing(Office(desk, url, number, new_page, options)) as office:
        page = office.at("clerk", f"/complaints/{number}")
        page.locator("#f-composer-text").fill("Thank you both")
        expect(page.locator("#reply-form [data-said]")).to_contain_text("Draft saved")
        page.locator("#letter-1 a[href*='answer=']").focus()
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{url}/complaints/{number}?answer=1#f-composer-to")
        expect(page.locator("#f-composer-to")).to_be_focused()
        expect(page.locator("#f-composer-text")).to_have_value("Thank you both")
        expect(page.locator(f"#f-composer-to [value='{INES}']")).to_be_checked()
        expect(page.locator(f"#f-composer-to [value='{BO}']")).not_to_be_checked()
        expect(page.locator("#reply-form [data-said]")).to_contain_text("Draft saved")
        assert axe(page, within="#reply-form") == []
        page.reload()
        expect(page.locator(f"#f-composer-to [value='{BO}']")).not_to_be_checked()
        assert page.locator("#reply-form [name=answers]").input_value() == "1"


def test_ctrl_and_enter_send_the_form_of_a_record(desk: Desk, url: str, new_page: NewPage) -> None:
    number = desk.to_investigation(subject="Oil weeping")
    with closing(Office(desk, url, number, new_page)) as office:
        page = office.at("qe", f"/complaints/{number}/records")
        field = page.locator("#f-qe_entry textarea").first
        field.fill("Flatness out of tolerance")
        with page.expect_navigation():
            field.press("Control+Enter")
        expect(page.locator("#f-qe_entry")).to_contain_text("Flatness out of tolerance")
    assert desk.case(number).records["qe_entry"].values["abnormality"] == "Flatness out of tolerance"
