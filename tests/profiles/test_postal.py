"""What the postal procedure says of losses, of partners and of who pays. More of it: test_second_procedures.py."""

from datetime import datetime

import pytest

from complaints.errors import RecordRefused
from tests.desk import CONTEXT
from tests.profiles.conftest import Walk
from tests.profiles.looking import clock_of, papers, told_to, up_to
from tests.walking import Walker

TOLD = {"opinion__responsibility": "ours", "reply__decision": "accepted"}
MONDAY_AT_TEN = datetime(2026, 11, 16, 9, 55, tzinfo=CONTEXT.zone)
"""The walker needs some minutes to accept."""


@pytest.mark.requirement("S105", "S212", "S213")
@pytest.mark.parametrize("complaint_class", ["simple", "complex", "major"])
def test_a_complaint_goes_from_its_first_message_to_its_end(walk: Walk, complaint_class: str) -> None:
    walker = walk("postal", **TOLD).draft(complaint_class=complaint_class)
    for stage in ("registered", "handling", "customer_reply", "closed"):
        assert walker.refused(stage) or stage == "handling"
        walker.to(stage)
    assert walker.stage == "closed"


@pytest.mark.requirement("S105")
@pytest.mark.parametrize(("complaint_class", "day"), [("simple", 17), ("complex", 18), ("major", 23)])
def test_what_is_accepted_on_monday_at_ten_is_late_a_minute_after_the_close_of_its_day(
    walk: Walk, complaint_class: str, day: int
) -> None:
    for minute, outcome in ((0, "met"), (1, "late")):
        walker = walk("postal", **TOLD, concerns__several="no")
        walker.desk.at = MONDAY_AT_TEN
        up_to(walker.draft(complaint_class=complaint_class), "handling").write("opinion").write("handling")
        walker.sign("opinion_signed")
        walker.desk.at = datetime(2026, 11, day, 17, 29 + minute, tzinfo=CONTEXT.zone)
        walker.to("customer_reply")
        due = datetime(2026, 11, day, 17, 30)
        assert clock_of(walker, f"postal_{complaint_class}") == (due, outcome)


@pytest.mark.requirement("S212")
@pytest.mark.parametrize(("loss", "allowed"), [("999.99", True), ("1000", False), ("12000", False)])
def test_a_loss_of_a_thousand_yuan_makes_it_major(walk: Walk, loss: str, allowed: bool) -> None:
    walker = (
        walk("postal").draft(complaint_class="complex").write("identity").write("concerns", several="no", loss=loss)
    )
    said = "Insured compensation or a direct loss of 1000 yuan or more makes a complaint major"
    assert walker.refused("registered") == ([] if allowed else [said])


@pytest.mark.requirement("S212")
def test_two_people_are_told_to_visit_the_complainant_of_a_major_one(walk: Walk) -> None:
    walker = up_to(walk("postal", **TOLD).draft(complaint_class="major"), "handling")
    said = "A major complaint was accepted; two people are to visit the complainant"
    assert told_to(walker, said) >= {walker.people["gm"][0].id}
    walker.write("visit")
    assert len(told_to(walker, "You are to visit a complainant")) == 2


@pytest.fixture
def at_fault(walk: Walk) -> Walker:
    """A complaint about a partner's fault, for which compensation is due."""
    told = TOLD | {"opinion__responsibility": "partner", "opinion__compensation": "300"}
    return up_to(walk("postal", **told).draft(), "handling")


@pytest.mark.requirement("S213")
def test_where_a_partner_is_at_fault_the_accepting_office_keeps_it_and_pays(at_fault: Walker) -> None:
    owner = at_fault.case().complaint.registered_by_id
    at_fault.write("opinion")
    assert at_fault.case().value("opinion.partner")
    at_fault.to("customer_reply").write("reply")
    assert at_fault.case().complaint.owner_id == owner
    assert at_fault.refused("closed") == ["“Compensation paid by the accepting office” is not filled in yet"]
    at_fault.desk.write(at_fault.number, "payment", "clerk", paid_on="2026-11-16")
    assert at_fault.refused("closed") == ["Is it claimed back from the partner? is missing"]
    at_fault.write("payment").to("closed")


@pytest.mark.requirement("S213")
def test_where_nothing_is_due_nothing_is_paid(walk: Walk) -> None:
    walker = up_to(walk("postal", **TOLD | {"opinion__compensation": "0"}).draft(), "customer_reply")
    with pytest.raises(RecordRefused):
        walker.write("payment")
    walker.to("closed")


def test_the_sheet_that_the_complainant_signs_tells_nothing_of_how_it_was_judged(at_fault: Walker) -> None:
    at_fault.write("opinion")
    assert "保价理赔或直接损失金额" in papers(at_fault)["客户投诉处理单"]
    assert "保价理赔或直接损失金额" not in papers(at_fault, "customer")["客户投诉处理单"]
