"""The postal and the medical procedure walked from draft to closed in real browsers: other stages, records, classes and
signatures on the same pages."""

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from tests.desk import Desk
from tests.journeys.office import TODAY, Office, staffed
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.journey


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return staffed(make)


@pytest.fixture
def office(desk: Desk, url: str, new_page: Callable[..., "Page"]) -> Office:
    return Office(desk, url, "", new_page)


def test_a_postal_complaint_is_dragged_from_draft_to_closed_on_its_own_board(office: Office) -> None:
    with closing(office):
        office.note("clerk", "postal", customer="Ines Carrow", content="RR123 never came", complaint_class="simple")
        office.write("clerk", "identity", how="number", result="RR123, addressed to her")
        office.write("clerk", "concerns", offices="Hangzhou, Ningbo", several="yes")
        page = office("clerk")
        expect(page.locator("#proposed-class")).to_contain_text("Proposed class: Complex")
        page.locator("#f-complaint_class").select_option("complex")
        page.get_by_role("button", name="Register", exact=True).click()
        expect(page.locator(".told")).to_contain_text("is registered under")

        board = office.at("clerk", "/board")
        board.locator(".filters__procedure").click()
        board.locator("#procedure-menu button[value=postal]").click()
        expect(board.locator("#head-registered")).to_contain_text("Accepted")
        office.drag(board, "handling")
        office.write("clerk", "opinion", responsibility="partner", partner="The airline", text="Pay", executor="sales")
        office.sign("clerk", "opinion_signed", "Sign")
        office.write("sales", "handling", way="phone", text="Paid 120 yuan", on=TODAY)
        office.drag(office.at("clerk", "/board?procedure=postal"), "customer_reply")
        office.write("sales", "reply", decision="accepted", told_on=TODAY)
        board = office.at("clerk", "/board?procedure=postal")
        assert axe(board) == []
        office.drag(board, "closed")


def test_a_medical_complaint_about_an_injury_is_made_major_by_one_button_and_closed(office: Office) -> None:
    with closing(office):
        office.note(
            "sales", "medical", customer="Mill Hospital", content="A nurse was hurt", complaint_class="general",
            contact_person="Ines", contact_phone="0571-1", address="1 Mill Road", product="Infusion pump",
            model="IP-2", batch="L2608", ship_date=TODAY,
        )  # fmt: skip
        office.write("sales", "report", source="oral", code="6815-22")
        office.register("sales")
        office.write("sales", "injury", serious="yes", answer="Her hand was caught")

        page = office.at("qa_mgr", "/work")
        page.get_by_role("link", name="Decide on the class: Major is proposed").click()
        expect(page.locator("#proposed-class")).to_be_in_viewport()
        assert axe(page) == []
        page.get_by_role("button", name="Set the class to Major").click()
        expect(page.locator(".thead .chip--major")).to_be_visible()
        expect(page.locator("#proposed-class")).to_have_count(0)
        office.write("qa_mgr", "evaluation", begun_on=TODAY, evaluator="qe", due=TODAY)
        office.move("sales", "investigation")

        office.write("qe", "finding", text="Valve stuck", measures="Lot blocked", feeds=["Risk management"])
        office.sign("mr", "finding_approved", "Approve")
        office.write("qa_mgr", "evaluation_result", text="Related to the device", report="yes")
        office.move("qe", "customer_reply")
        office.write("sales", "reply", decision="accepted", told_on=TODAY)
        office.move("sales", "closed")
