"""Returns and exchanges: walked from the first message to the end, with what each step refuses."""

import pytest
from sqlalchemy import select

from complaints import off_board
from complaints.complaint import Complaint, visible_to
from complaints.errors import RecordRefused, SignatureRefused
from complaints.printing import Wanted, composed, papers
from complaints.registration import Incomplete
from tests.desk import CONTEXT, Desk, english
from tests.profiles.conftest import Walk
from tests.walking import Walker

TODAY = "2026-11-16"
GOODS = {"goods__returned": "100", "goods__good": "70", "goods__bad": "30"}
REPLACED = {"replenishment__needed": "yes", "replenishment__quantity": "30", "outbound__quantity": "30"}


def a_return(walk: Walk, **told: str) -> Walker:
    return walk("returns", **GOODS | {"answer__decision": "accepted", "replenishment__needed": "no"} | told).draft(
        product="Angle valve", batch="L2608-114"
    )


@pytest.mark.requirement("S134")
@pytest.mark.parametrize("kind", ["return", "exchange"])
def test_a_return_goes_from_its_first_message_to_its_end(walk: Walk, kind: str) -> None:
    walker = walk("returns", **GOODS | REPLACED | {"replenishment__short": "yes", "answer__decision": "accepted"})
    walker.draft(product="Angle valve", complaint_class=kind)
    for stage in ("registered", "inspection", "disposition", "analysis", "customer_reply", "closed"):
        assert walker.refused(stage)
        walker.to(stage)
    case = walker.case()
    assert case.complaint.closed_at is not None
    assert [case.records[key].number for key in ("slip", "production_notice", "outbound")] == [
        "R-2026-0001", "PN-2026-0001", "OS-2026-0001",
    ]  # fmt: skip
    assert [row.values["kind"] for row in case.rows["contacts"]] == ["result_told"]


@pytest.mark.requirement("S134")
def test_a_return_is_registered_only_with_its_entry_and_its_slip(walk: Walk) -> None:
    walker = walk("returns").draft(product="", complaint_class=None)
    assert walker.refused("registered") == [
        "Product name is missing", "Return or exchange is missing", "“Return slip” is not filled in yet",
    ]  # fmt: skip
    walker.correct(product="Valve", complaint_class="return")
    with pytest.raises(Incomplete):
        walker.write("slip", announced="many")
    walker.to("registered")
    assert walker.refused("inspection") == ["Arrived on is missing", "Returned quantity is missing"]


@pytest.mark.requirement("S135")
def test_every_piece_is_inspected_and_goes_somewhere(walk: Walk) -> None:
    walker = a_return(walk).to("registered").to("inspection")
    assert walker.refused("disposition") == [
        "Good is missing", "Bad is missing", "Inspected by is missing", "Inspected on is missing"
    ]  # fmt: skip
    with pytest.raises(Incomplete) as refused:
        walker.write("goods", good="70", bad="29")
    assert [english(each.sentence) for each in refused.value.problems] == [
        "Good + Bad: together 99, which is 1 less than “Returned quantity” (100)"
    ]
    with pytest.raises(RecordRefused):
        walker.desk.write(walker.number, "goods", "clerk", good="70", bad="30")
    walker.to("disposition")
    assert "“Where the goods go” is not filled in yet" in walker.refused("analysis")
    walker.to("analysis")
    values = walker.case().records["destination"].values
    assert values["stock_slip"]
    assert values["bad_way"] == "rework"


@pytest.mark.requirement("S135")
def test_what_is_all_good_asks_for_no_nonconforming_control(walk: Walk) -> None:
    walker = a_return(walk, goods__good="100", goods__bad="0").to("registered").to("inspection").to("disposition")
    walker.desk.write(walker.number, "destination", "qe", stock_slip="IN-7")
    assert walker.refused("analysis")[0] == "Good: into stock on is missing"
    walker.to("analysis")
    assert walker.case().value("destination.bad_way") is None
    walker = a_return(walk, goods__good="70").to("registered").to("inspection").to("disposition")
    walker.desk.write(walker.number, "destination", "qe", stock_slip="IN-7", stocked_on=TODAY)
    assert walker.refused("analysis")[:2] == [
        "Bad: disposition is missing", "Bad: no. in nonconforming control is missing"
    ]  # fmt: skip


@pytest.mark.requirement("S136")
def test_stock_that_is_short_asks_for_a_production_notice_and_both_papers_carry_the_mark(walk: Walk) -> None:
    walker = a_return(walk, **REPLACED | {"replenishment__short": "yes"}).to("registered").to("inspection")
    walker.to("disposition").write("destination").write("replenishment")
    assert [label.name.zh for label in walker.case().labels] == ["补货", "库存不足"]
    assert walker.refused("analysis") == ["“Production notice, replenishment” is not filled in yet"]
    walker.to("analysis").to("customer_reply")
    assert "“Outbound slip, replenishment” is not filled in yet" in walker.refused("closed")
    walker.write("outbound", quantity="29")
    assert "Less went out than is to be replaced" in walker.refused("closed")
    walker.write("outbound", quantity="30")
    assert walker.case().labels == []
    for paper, number in (("production_notice", "PN-2026-0001"), ("outbound_slip", "OS-2026-0001")):
        with walker.desk.make() as session:
            wanted = Wanted(paper, "zh")
            said = composed(session, walker.desk.find(session, walker.number), wanted, zone=CONTEXT.zone)
        assert "补货" in str(said["title"])
        assert said["number"] == number


@pytest.mark.requirement("S136")
def test_stock_that_suffices_asks_for_no_production_notice(walk: Walk) -> None:
    walker = a_return(walk, **REPLACED | {"replenishment__short": "no"}).to("registered").to("inspection")
    walker.to("disposition").write("destination").write("replenishment")
    with pytest.raises(RecordRefused):
        walker.desk.write(walker.number, "production_notice", "sales", quantity="30")
    assert [paper.key for paper in papers(walker.case())] == ["return_slip", "outbound_slip"]
    assert walker.refused("analysis") == []


def test_an_exchange_is_replaced(walk: Walk) -> None:
    walker = a_return(walk)
    walker.correct(complaint_class="exchange")
    walker.to("registered").to("inspection").to("disposition").write("destination").write("replenishment")
    assert walker.refused("analysis") == ["An exchange needs a replenishment"]


@pytest.mark.requirement("S137")
def test_sales_technical_staff_and_quality_look_for_the_cause_together(walk: Walk) -> None:
    walker = a_return(walk, analysis__site="yes").to("registered").to("inspection").to("disposition").to("analysis")
    assert walker.refused("customer_reply") == ["“Joint cause analysis” is not filled in yet"]
    walker.desk.write(walker.number, "analysis", "qe", site="yes", cause="Seat worn")
    assert walker.refused("customer_reply") == [
        "For sales is missing", "For technical matters is missing", "For quality is missing",
        "Departments that took part is missing", "On site on is missing", "What was found on site is missing",
        "Measures is missing",
    ]  # fmt: skip
    walker.desk.write(walker.number, "analysis", "qe", technical=str(walker.people["staff"][0].id))
    walker.to("customer_reply")
    assert walker.case().departments == {walker.desk.department}
    walker = a_return(walk, analysis__site="no").to("registered").to("inspection").to("disposition").to("analysis")
    walker.to("customer_reply")
    assert walker.case().value("analysis.site_found") is None


@pytest.mark.requirement("S134")
def test_it_is_closed_when_the_customer_was_told_and_accepted(walk: Walk) -> None:
    walker = a_return(walk).to("registered").to("inspection").to("disposition").to("analysis").to("customer_reply")
    assert walker.refused("closed") == [
        "The customer must have been told the result, since it came to Customer reply",
        "The customer must have accepted",
    ]
    walker.write("objections", new=True)
    assert "An objection has not been answered" in walker.refused("closed")
    walker.to("analysis", reason="Not all were bad")
    assert walker.case().complaint.round == 2
    walker.to("customer_reply").to("closed").to("analysis", reason="More came back")
    assert walker.case().complaint.round == 3


def test_silence_is_no_acceptance_but_the_vice_general_manager_may_let_it_close(walk: Walk) -> None:
    walker = a_return(walk, answer__decision="silent").to("registered").to("inspection").to("disposition")
    walker.to("analysis").to("customer_reply").write("answer").write("contacts", new=True, kind="result_told")
    assert walker.refused("closed") == [
        "Leave to close without the customer's answer: not signed yet (Marketing vice general manager)"
    ]
    with pytest.raises(SignatureRefused) as refused:
        walker.desk.sign(walker.number, "closed_without_answer", "mkt_vp")
    assert [english(each.sentence) for each in refused.value.missing] == [
        "Under Communication it must stand when the customer was asked for the decision"
    ]
    walker.sign("closed_without_answer").to("closed")


def test_a_customer_who_keeps_the_goods_withdraws_with_somebody_elses_confirmation(walk: Walk, desk: Desk) -> None:
    number = a_return(walk).to("registered").number
    desk.write(number, "withdrawal", "mkt_sup", statement="They keep the goods")
    with pytest.raises(SignatureRefused):
        desk.sign(number, "withdrawal_confirmed", "mkt_sup")
    desk.sign(number, "withdrawal_confirmed", "mkt_vp")
    with desk.act() as session:
        found = desk.find(session, number)
        off_board.take(
            session, found, "withdrawn", reason="They keep the goods", by=desk["clerk"], at=desk.at, context=CONTEXT,
            seen_version=found.version,
        )  # fmt: skip
    assert desk.stage(number) == "withdrawn"


@pytest.mark.requirement("S138")
def test_warehouse_and_inspectors_see_every_return_and_no_complaint_of_others(walk: Walk, desk: Desk) -> None:
    complaint, walker = desk.registered(), a_return(walk)
    with desk.make() as session:
        for role in ("warehouse", "inspector"):
            seen = visible_to(walker.people[role][0], select(Complaint.number))
            assert set(session.scalars(seen)) == {walker.number} != {complaint}
