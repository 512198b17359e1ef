"""Whole complaints in real browsers, from the customer's mail in a real mailbox to the customer's word: one that takes
three rounds, one that is not ours, two that are one."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session, sessionmaker

from complaints.settings import Settings, imap_account, smtp_server
from jobs.printing import Printer
from tests.journeys.office import TODAY, Office, Post, fill, panel, staffed
from tests.rigs.dovecot import Account
from tests.rigs.smtp import SmtpServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]

INES, BEN = "i.carrow@quellstrom.example", "b.okoro@quellstrom.example"


@pytest.fixture
def settings(settings: Settings, mailbox_account: Account, smtp: SmtpServer) -> Settings:
    return replace(
        settings, imap=(imap_account(mailbox_account.url),), smtp=smtp_server(smtp.url),
        mail_from="complaints@mill.example", organisation="Mill",
    )  # fmt: skip


@pytest.fixture
def post(settings: Settings, make: sessionmaker[Session], mailbox_account: Account, smtp: SmtpServer) -> Post:
    return Post(settings, make, mailbox_account, smtp)


@pytest.fixture
def office(make: sessionmaker[Session], url: str, new_page: Callable[..., "Page"]) -> Office:
    return Office(staffed(make), url, "", new_page)


def test_a_major_complaint_is_closed_after_a_plan_was_returned_and_the_customer_said_no(
    office: Office, post: Post, settings: Settings
) -> None:
    with closing(office):
        office.number = post.brings("14 of 200 joints leak at 40 bar. Line 3 is stopped.", subject="Oil weeping")
        _register(office, "major")
        _to_investigation(office, approver="mkt_vp")
        _find_it_ours(office)

        # The management representative is not content with the first plan.
        office.write("dept_head", "cause", text="Tool life counter was not reset")
        office.write("dept_head", "plan", what="Reset the counter", owner="dept", due=TODAY)
        office.sign("dept_head", "plan_submitted", "Submit the plan")
        office.sign("qe", "plan_review", "Pass")
        office.sign("qa_mgr", "plan_audit", "Pass")
        office.sign("mr", "plan_approval", "Return", "It does not keep it from happening again")
        _change_the_plan(office, "Lock the spindle until the counter is reset")
        _approve(office)
        _carry_out(office)
        office.reply("sales", "Dear Ines, the joints are tight again.", "result_told")
        *_, told = post.takes("Re: Oil weeping")
        assert told.recipients == (INES,)

        # Nor is the customer with what was done.
        thread = {"in_reply_to": told.message_id, "references": told.message_id}
        answer = {"subject": f"AW: {told.header('Subject')}", "message_id": "<no@quellstrom.example>"}
        assert post.brings("Two of the new ones leak, too.", **answer, **thread) == office.number
        page = office("sales")
        expect(page.locator("#timeline")).to_contain_text("Two of the new ones leak, too.")
        page.locator("#unread button").click()
        office.move_back("sales", "action_plan", "Two of the new ones leak, too")
        _change_the_plan(office, "Lock the spindle and measure every face")
        _approve(office)
        _carry_out(office)
        office.reply("sales", "Dear Ines, every joint is measured now.", "result_told")
        *_, told = post.takes("Re: Oil weeping")
        assert told.header("Subject") == f"Re: Oil weeping [{office.number}]"
        assert told.header("In-Reply-To") == answer["message_id"]
        assert told.header("References") == f"{thread['references']} {answer['message_id']}"
        office.write("sales", "answer", decision="accepted", on=TODAY)
        office.move("clerk", "closed")

        _shows_all_of_it(office)
        _prints_for_the_customer(office, Printer(settings, post.make))


def _register(office: Office, complaint_class: str) -> None:
    page = office("clerk")
    entry = {"complaint_class": complaint_class, "cause_type": "other", "link": "product_quality"}
    fill(page.locator("form.entry"), "f", {"customer": "Quellstrom Mobility"} | entry)
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.locator(".told")).to_contain_text("is registered under")


def _to_investigation(office: Office, *, approver: str) -> None:
    office.write(
        "mkt_sup", "first_review", details="14 of 200 joints leak", evidence="asked", emergency="none",
        emergency_text="No stock at the customer", immediate="no",
    )  # fmt: skip
    office.write("sales", "form", request="Find the cause and answer within three days")
    office.sign("sales", "form_issued", "Issue")
    office.sign(approver, "form_approved", "Approve")
    office.write("qa_head", "assignment", qe="qe")
    office.sign("qa_head", "receipt", "Sign for receipt and move to Investigation")
    office.write("qe", "qe_entry", abnormality="Flatness of the face seal out of tolerance")


def _find_it_ours(office: Office) -> None:
    office.write("qe", "finding", text="Tool worn", responsibility="ours", departments=["Machining"])
    office.write("qe", "interim", measure="Lot blocked, every joint sorted")
    office.write(
        "qe", "meeting", planned_for=f"{TODAY}T14:00", held_on=TODAY, conclusion="Wear of the tool", invited=["gm"]
    )
    office.write("qe", "qa_reply", text="The counter is reset with each tool from now on")
    office.move("qe", "action_plan")


def _change_the_plan(office: Office, what: str) -> None:
    page = office.at("dept_head", f"/complaints/{office.number}/records?edit=plan.1#f-plan-row-1")
    row = page.locator("#f-plan-row-1 form")
    row.get_by_label("Measure").fill(what)
    row.locator(".rec__foot .btn--primary").click()
    expect(page.locator(".told")).to_contain_text("is saved")


def _approve(office: Office) -> None:
    office.sign("dept_head", "plan_submitted", "Submit the plan")
    office.sign("qe", "plan_review", "Pass")
    office.sign("qa_mgr", "plan_audit", "Pass")
    office.sign("mr", "plan_approval", "Approve")
    office.sign("gm", "plan_approval_gm", "Approve and move to Implementation")


def _carry_out(office: Office) -> None:
    office.sign("dept_head", "taken_over", "Take over")
    office.write(
        "dept", "implementation", correction="Lot reworked", correction_on=TODAY, like_case="All lathes checked",
        like_case_on=TODAY, improvement="New sheet", improvement_on=TODAY,
    )  # fmt: skip
    office.write("dept_head", "completion", text="All done", on=TODAY)
    office.reply("sales", "Dear Ines, this is what we do about it.", "measures_told")
    office.move("dept_head", "verification")
    office.write("qe", "verification", evidence="50 parts measured", on=TODAY, effective="yes")
    office.sign("qe", "verified", "Sign the verification and move to Customer reply")


def _shows_all_of_it(office: Office) -> None:
    told = office.conversation("qe")
    for sentence in (
        "14 of 200 joints leak at 40 bar",
        "It does not keep it from happening again",
        "gm signed as General manager: General manager's approval",
        "Two of the new ones leak, too",
        "sales wrote in “Customer's decision”: Decision, When",
    ):
        assert sentence in told
    page = office("qe")
    expect(page.locator("#clocks .clockrow")).not_to_have_count(0)
    expect(page.locator("#clocks meter")).to_have_count(0)  # none runs

    page.get_by_role("link", name="8D report").click()
    plan = page.locator("#f-plan")
    expect(plan.locator("td", has_text="Lock the spindle and measure every face")).to_be_visible()
    for round_, before, after in (
        (1, "Reset the counter", "Lock the spindle until the counter is reset"),
        (2, "Lock the spindle until the counter is reset", "Lock the spindle and measure every face"),
    ):
        past = plan.locator(".rec__past", has=page.locator("summary", has_text=f"Round {round_}"))
        past.locator("summary").click()
        expect(past.locator(".revision del")).to_contain_text(before)
        expect(past.locator(".revision ins")).to_contain_text(after)

    for role in ("clerk", "sales", "mkt_sup", "mkt_vp", "qe", "qa_head", "qa_mgr", "mr", "gm", "dept_head", "dept"):
        expect(office.at(role, "/work").locator(".workrow")).to_have_count(0)


def _prints_for_the_customer(office: Office, printer: Printer) -> None:
    page = office.at("qe", f"/complaints/{office.number}/prints")
    form = page.locator("form", has=page.locator('input[value="report_8d"]'))
    form.get_by_label("Edition").select_option("customer")
    form.locator("button").click()
    printer.make_next()
    expect(page.locator("#print-1 a[href$='.pdf']")).to_be_visible()
    expect(page.locator("#print-1 a[href*='attach=']")).to_be_visible()


def test_what_is_not_ours_is_confirmed_explained_and_accepted(office: Office, post: Post) -> None:
    with closing(office):
        office.number = post.brings("The fittings are scratched.", subject="Scratches")
        _register(office, "general")
        _to_investigation(office, approver="mkt_sup")
        office.write("qe", "finding", text="Scratched at the customer's unloading", responsibility="not_ours")
        form = panel(office.records("qe"), "not_ours").locator("form.rec__form")
        form.locator('input[name="appraisal.upload"]').set_input_files(
            {"name": "appraisal.txt", "mimeType": "text/plain", "buffer": b"Marks of a fork lift"}
        )
        fill(form, "f-not_ours", {"basis": "Photographs of the unloading", "explanation": "Please pad the fork."})
        form.locator(".rec__foot .btn--primary").click()
        expect(office.pages["qe"].locator(".told")).to_contain_text("is saved")
        office.sign("mkt_sup", "not_ours_confirmed", "Confirm")
        office.move("qe", "customer_reply")
        expect(panel(office.records("sales"), "not_ours").get_by_role("link", name="appraisal.txt")).to_be_visible()

        office.reply("sales", "Dear Ines, the marks are those of a fork lift. Please pad it.", "result_told")
        (told,) = post.takes("Re: Scratches")
        assert told.recipients == (INES,)
        office.write("sales", "answer", decision="accepted", on=TODAY)
        office.move("clerk", "closed")
        expect(office("clerk").locator("#timeline")).to_contain_text("mkt_sup signed as")
        for role in ("clerk", "sales", "mkt_sup", "qe", "qa_head"):
            expect(office.at(role, "/work").locator(".workrow")).to_have_count(0)


def test_two_mails_about_the_same_are_made_one_complaint_and_two_again(office: Office, post: Post) -> None:
    with closing(office):
        first = post.brings("14 of 200 joints leak.", subject="Oil weeping")
        second = post.brings(
            "Our line stands still because of the joints.", subject="Line stop", **{"from": f"Ben Okoro <{BEN}>"}
        )
        assert first != second
        office.number = second
        page = office("clerk")
        page.locator(".decide--side summary", has_text="Merged").click()
        page.locator("#merge-into").fill(first)
        page.get_by_role("button", name="Join", exact=True).click()
        expect(page.locator(".told")).to_contain_text(f"{second} is merged into {first}")

        office.number = first
        letter = office("clerk").locator("#timeline article", has_text="Our line stands still")
        expect(letter).to_contain_text(f"from {second}")
        expect(office.pages["clerk"].locator("#linked")).to_contain_text(second)
        page = office("clerk")
        page.locator(f'#f-composer-cc input[value="{INES}"]').check()
        page.locator("#f-composer-text").fill("Dear Ines, dear Ben, we look into it.")
        page.get_by_role("button", name="Send reply").click()
        expect(page.locator(".told")).to_contain_text("Sent in 10 s")
        (sent,) = post.takes("Re: ")
        assert sent.header("Subject") == f"Re: Line stop [{first}]"
        assert set(sent.recipients) == {INES, BEN}

        office.number = second
        page = office("clerk")
        page.get_by_role("button", name="Bring back to the board").click()
        expect(page.locator(".told")).to_contain_text(f"{second} is back on the board")
        expect(page.locator("#timeline")).to_contain_text("Our line stands still")
        office.number = first
        expect(office("clerk").locator("#timeline")).not_to_contain_text("Our line stands still")
