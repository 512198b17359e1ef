"""What was returned: who hears of it, who has to work on it, and until when."""

import pytest
from sqlalchemy import select

from complaints import notices
from complaints.case import load_with_past
from complaints.database import transaction
from complaints.errors import SignatureRefused
from complaints.letters import Attachment
from complaints.work import Waiting
from tests.builders import a_letter
from tests.desk import Desk, english

FILE = {
    "filename": "appraisal.pdf", "content_type": "application/pdf", "declared_type": "application/pdf",
    "content_id": "", "inline": False, "size": 3, "blob": "0" * 64,
}  # fmt: skip
RETURNED = "What you wrote was returned; please change it"


def with_transfer(desk: Desk) -> str:
    """A complaint with an information transfer form that waits for its audit."""
    number = desk.to_investigation()
    desk.write(number, "transfer", "sales", severity="high", text="Sort the stock", departments=[desk.department])
    return number


def work_of(desk: Desk, number: str) -> set[tuple[str, str, str]]:
    """What waits on a complaint: kind, which, and for which role."""
    with desk.make() as session:
        found = session.scalars(select(Waiting).where(Waiting.complaint_id == desk.find(session, number).id))
        return {(each.kind, each.key, each.role) for each in found}


def told(desk: Desk, number: str, role: str) -> list[str]:
    """What somebody heard of a complaint after it was in investigation, in English."""
    with desk.make() as session:
        heard = notices.listed(session, desk[role])
        return [english(each.sentence) for each in heard if each.number == number]


def test_what_was_returned_is_signed_only_when_it_has_changed(desk: Desk) -> None:
    number = with_transfer(desk)
    desk.returns(number, "transfer_audited", "mkt_sup", remark="too thin")
    returned = desk.case(number).returned
    assert [(key, each.remark) for key, each in returned.items()] == [("transfer_audited", "too thin")]
    assert "transfer_audited" not in desk.case(number).signatures
    with desk.make() as session:
        case, _past = load_with_past(session, desk.find(session, number))
    assert [*case.returned] == ["transfer_audited"]
    with pytest.raises(SignatureRefused) as refusal:
        desk.sign(number, "transfer_audited", "mkt_vp")
    assert [english(each.sentence) for each in refusal.value.missing] == [
        "Audit of the information transfer form was returned (“too thin”), and what it covers has not changed since"
    ]
    desk.write(number, "transfer", "sales", text="Sort the stock of week 46, all sizes")
    desk.sign(number, "transfer_audited", "mkt_sup")
    assert (desk.case(number).returned, "transfer_audited" in desk.case(number).signatures) == ({}, True)


def test_what_was_returned_in_the_last_round_is_not_returned_in_this_one(desk: Desk) -> None:
    number = desk.to_action_plan()
    desk.plan(number)
    desk.returns(number, "plan_review", "qe")
    assert (desk.case(number).complaint.round, desk.case(number).returned) == (2, {})


def not_ours(desk: Desk) -> str:
    """A complaint that QE judged not to be ours, with all that the second confirmation wants."""
    number = desk.to_investigation()
    desk.write(number, "qe_entry", "qe")
    desk.write(number, "finding", "qe", text="The customer's own seal", responsibility="not_ours")
    with transaction(desk.make) as session:
        complaint = desk.find(session, number)
        a_letter(session, complaint, files=[FILE])
        file = session.scalars(select(Attachment.id).where(Attachment.complaint_id == complaint.id)).one()
    desk.write(number, "not_ours", "qe", appraisal=file, basis="Hardness", explanation="Use the seal of the drawing")
    return number


def test_who_wrote_what_was_returned_hears_of_it_and_finds_it_among_their_work_until_it_is_changed(desk: Desk) -> None:
    number = with_transfer(desk)
    assert ("sign", "transfer_audited", "mkt_sup") in work_of(desk, number)
    desk.returns(number, "transfer_audited", "mkt_sup")
    assert told(desk, number, "sales")[0] == RETURNED
    assert RETURNED not in told(desk, number, "clerk")
    there = work_of(desk, number)
    assert ("write", "transfer", "sales") in there
    assert ("sign", "transfer_audited", "mkt_sup") not in there
    desk.write(number, "transfer", "sales", text="Sort the stock of week 46")
    there = work_of(desk, number)
    assert ("write", "transfer", "sales") not in there
    assert ("sign", "transfer_audited", "mkt_sup") in there


def test_a_second_confirmation_that_is_returned_goes_back_to_the_investigator(desk: Desk) -> None:
    number = not_ours(desk)
    desk.write(number, "qa_reply", "qe")
    assert work_of(desk, number) == {("sign", "not_ours_confirmed", "mkt_sup")}
    desk.returns(number, "not_ours_confirmed", "mkt_sup")
    assert told(desk, number, "qe")[0] == RETURNED
    assert work_of(desk, number) == {("write", "finding", "qe"), ("write", "not_ours", "qe")}
    desk.write(number, "not_ours", "qe", basis="Hardness and an X-ray")
    assert work_of(desk, number) == {("sign", "not_ours_confirmed", "mkt_sup")}


def test_a_leave_to_close_that_is_returned_goes_back_to_who_asked_for_it(desk: Desk) -> None:
    number = desk.to_customer_reply()
    desk.contact(number, "result_told")
    desk.contact(number, "reminded")
    desk.write(number, "silence", "clerk", ground="silent", attempts="Two mails")
    assert ("sign", "closed_without_answer", "mkt_vp") in work_of(desk, number)
    desk.returns(number, "closed_without_answer", "mkt_vp")
    assert told(desk, number, "clerk")[0] == RETURNED
    there = work_of(desk, number)
    assert ("write", "silence", "clerk") in there
    assert ("sign", "closed_without_answer", "mkt_vp") not in there


def test_a_form_that_is_returned_waits_for_its_issue_as_before(desk: Desk) -> None:
    number = desk.registered()
    desk.write(number, "first_review", "mkt_sup")
    desk.write(number, "form", "sales")
    desk.sign(number, "form_issued", "sales")
    desk.returns(number, "form_approved", "mkt_sup")
    there = work_of(desk, number)
    assert ("sign", "form_issued", "sales") in there
    assert ("write", "form", "sales") not in there
