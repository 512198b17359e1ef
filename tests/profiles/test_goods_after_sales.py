"""After-sales service of goods, from the request to the evaluation: what each step refuses, what is paid, and the
promise to accept within 24 hours."""

from datetime import UTC
from typing import Any

import pytest

from complaints.errors import SignatureRefused
from tests.desk import english
from tests.profiles.conftest import Walk
from tests.profiles.promises import at, clock, leave, promised, wall
from tests.walking import Walker

KEY = "goods_after_sales"
IN_WARRANTY, OUT_OF_WARRANTY = "2026-11-16", "2026-11-15"
"""The request is of the 16th."""


def labels(walker: Walker) -> list[str]:
    return [label.key for label in walker.case().labels]


def inspected(walk: Walk, **told: Any) -> Walker:
    """Goods that are inspected, with nothing found yet."""
    return walk(KEY, screening__solved="no", warranty__until=IN_WARRANTY, **told).register().to(
        "remote_screening"
    ).to("goods_sent_in").to("inspected")  # fmt: skip


@pytest.mark.requirement("S139")
def test_what_is_not_solved_from_afar_is_sent_in_inspected_repaired_and_evaluated(walk: Walk) -> None:
    walker = walk(KEY, screening__solved="no", warranty__until=IN_WARRANTY).register()
    walker.to("remote_screening")
    asked = {
        "goods_sent_in": ["“Remote screening” is not filled in yet", "Only what is not solved from afar is sent in"],
        "inspected": ["“Goods received” is not filled in yet"],
        "repaired_or_exchanged": [
            "“Inspection and analysis” is not filled in yet", "“Remedy” is not filled in yet",
            "Remedy decided: not signed yet (Service staff, Service supervisor)",
        ],
        "evaluated": ["“Repair or exchange carried out” is not filled in yet"],
        "closed": [
            "The customer must have been told the result", "“The customer's evaluation” is not filled in yet",
            "The customer must be content; what is not solved goes back to screening",
        ],
    }  # fmt: skip
    for stage, missing in asked.items():
        assert walker.refused(stage) == missing
        walker.to(stage)
    record = walker.case().records["goods"]
    assert record.number == "RMA-2026-0001"


@pytest.mark.requirement("S139")
def test_what_is_solved_from_afar_is_evaluated_at_once(walk: Walk) -> None:
    walker = walk(KEY, screening__solved="yes").register().to("remote_screening")
    walker.write("screening")
    assert "Only what is not solved from afar is sent in" in walker.refused("goods_sent_in")
    walker.to("evaluated").to("closed")


@pytest.mark.requirement("S29")
def test_a_request_is_accepted_only_whole_and_confirmed_with_the_customer(walk: Walk) -> None:
    walker = walk(KEY).draft(contact_person="", contact_phone="", product="", batch="", content="")
    assert walker.refused("accepted") == [
        "Contact person is missing", "Telephone is missing", "Product name is missing", "Serial no. is missing",
        "Problem is missing", "“Purchase and warranty” is not filled in yet",
        "“Confirmed with the customer” is not filled in yet",
    ]  # fmt: skip


@pytest.mark.requirement("S100")
@pytest.mark.parametrize(("accepted", "outcome"), [("2026-11-19 15:00", "met"), ("2026-11-19 15:01", "late")])
def test_a_request_is_accepted_within_24_hours_round_the_clock(walk: Walk, accepted: str, outcome: str) -> None:
    walker = at(walk(KEY), "2026-11-18 15:00").draft(received_at=wall("2026-11-18 15:00"))
    assert clock(walker, "goods_accept").due_at == wall("2026-11-19 15:00")
    assert walker.case().complaint.sort_due_at.astimezone(UTC) == wall("2026-11-19 15:00")
    walker.correct(contact_person="Ines", contact_phone="0571-1", product="Drill", batch="S-1")
    walker.write("warranty").write("confirmation")
    at(walker, accepted).to("accepted")
    assert clock(walker, "goods_accept").outcome == outcome
    walker.to("remote_screening")
    assert promised(walker) == set()  # a repair has no figure


@pytest.mark.requirement("S140")
def test_a_quality_problem_is_repaired_or_the_goods_are_exchanged(walk: Walk) -> None:
    walker = inspected(walk).write("inspection", result="quality")
    walker.write("remedy", way="sent_back")
    assert "A quality problem is repaired, or the goods are exchanged" in walker.refused("repaired_or_exchanged")
    walker.write("remedy", way="repair")
    walker.to("repaired_or_exchanged")


@pytest.mark.requirement("S140")
def test_misuse_needs_its_reason_a_plan_and_an_estimate_that_the_customer_was_told_and_agrees_to(walk: Walk) -> None:
    walker = inspected(walk)
    inspector, clerk = walker.people["inspector"][0], walker.people["clerk"][0]
    walker.desk.people |= {"inspector": inspector, "clerk": clerk}
    walker.desk.write(walker.number, "inspection", "inspector", text="Water inside", on="2026-11-16", result="misuse")
    assert "Why it is misuse is missing" in walker.refused("repaired_or_exchanged")
    walker.desk.write(walker.number, "inspection", "inspector", reason="It was under water")
    walker.desk.write(walker.number, "remedy", "clerk", way="repair")
    missing = {
        "Repair plan is missing", "Cost estimate (yuan) is missing", "Does the customer agree? is missing",
        "Reason, plan and estimate told to the customer on is missing",
        "The customer must have agreed to the estimate before paid work begins",
    }  # fmt: skip
    assert missing <= set(walker.refused("repaired_or_exchanged"))
    walker.write("remedy", plan="A new board", estimate="180", told_on="2026-11-16", agreed="no")
    assert "The customer must have agreed to the estimate before paid work begins" in walker.refused(
        "repaired_or_exchanged"
    )
    walker.write("remedy", way="sent_back")
    walker.to("repaired_or_exchanged").to("evaluated")


@pytest.mark.requirement("S141")
@pytest.mark.parametrize(
    ("until", "result", "label"),
    [(IN_WARRANTY, "quality", "free"), (OUT_OF_WARRANTY, "quality", "paid"), (IN_WARRANTY, "misuse", "paid")],
)
def test_the_last_day_of_the_warranty_decides_what_is_free_and_what_is_paid(
    walk: Walk, until: str, result: str, label: str
) -> None:
    walker = walk(KEY, screening__solved="no", warranty__until=until, remedy__agreed="yes").register()
    assert labels(walker) == ["paid" if until == OUT_OF_WARRANTY else "free"]
    walker.to("remote_screening").to("goods_sent_in").to("inspected").write("inspection", result=result)
    assert labels(walker) == [label]
    walker.to("repaired_or_exchanged")
    assert (walker.case().value("remedy.estimate") is None) == (label == "free")


def test_an_exchange_is_approved_by_somebody_who_did_not_decide_it(walk: Walk) -> None:
    walker = inspected(walk, remedy__way="exchange").write("inspection").write("remedy")
    walker.desk.people["service_manager"] = walker.people["mkt_vp"][0]
    assert any(each.startswith("Approval of the exchange") for each in walker.refused("repaired_or_exchanged"))
    with pytest.raises(SignatureRefused) as refused:
        walker.desk.sign(walker.number, "exchange_approved", "service_manager")
    assert [english(each.sentence) for each in refused.value.missing] == ["Remedy decided comes first"]
    walker.sign("remedy_decided").returns("exchange_approved")
    assert "remedy_decided" not in walker.case().signatures
    walker.to("repaired_or_exchanged")


def test_goods_that_never_come_go_back_to_screening_and_what_is_not_solved_begins_another_round(walk: Walk) -> None:
    walker = walk(KEY, screening__solved="no", warranty__until=IN_WARRANTY).register().to("remote_screening")
    walker.to("goods_sent_in").to("remote_screening").to("goods_sent_in").to("inspected")
    walker.to("repaired_or_exchanged").to("evaluated")
    walker.write("evaluation", opinion="dissatisfied", text="It still squeaks")
    assert "The customer must be content; what is not solved goes back to screening" in walker.refused("closed")
    walker.to("remote_screening")
    assert walker.case().complaint.round == 2
    assert "“Remote screening” is not filled in yet" in walker.refused("goods_sent_in")


def test_a_silent_customer_s_request_is_closed_with_leave_and_a_closed_one_is_reopened(walk: Walk) -> None:
    walker = walk(KEY, screening__solved="yes", evaluation__opinion="silent").register().to("remote_screening")
    walker.to("evaluated").write("evaluation")
    assert any(each.startswith("Leave to close without") for each in walker.refused("closed"))
    walker.to("closed").to("remote_screening")
    assert walker.case().complaint.round == 2


def test_a_request_is_withdrawn_with_the_customer_s_word_and_a_second_person(walk: Walk) -> None:
    walker = walk(KEY).register()
    clerk = walker.people["clerk"][0]
    assert "“Withdrawal by the customer” is not filled in yet" in leave(walker, "withdrawn", clerk)
    walker.write("withdrawal").sign("withdrawal_confirmed")
    assert leave(walker, "withdrawn", clerk) == []
    assert walker.stage == "withdrawn"
