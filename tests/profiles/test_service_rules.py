"""Service and feedback: four kinds with a slip each, quality and the business side told in the same moment, a cause
that three departments find together, and promises of 24 hours, 48 hours, the customer's day or five working days."""

import pytest

from complaints.errors import RecordRefused
from complaints.procedure import procedure
from tests.profiles.conftest import Walk
from tests.profiles.promises import at, clock, leave, promised, told, wall
from tests.walking import Walker

KEY = "service_rules"
SLIPS = {"grievance": "grievance", "return": "return_slip", "complaint": "notification", "visit": "visit"}
CAPA = {"finding__responsibility": "ours", "finding__corrective": "yes", "answer__decision": "accepted"}
"""What leads through all the stages."""
RECEIVED = "2026-11-16 10:00"


def begun(walk: Walk, received: str = RECEIVED, kind: str = "complaint", **told: str) -> Walker:
    """A complaint that was accepted two minutes after its receipt or so."""
    walker = walk(KEY, **({"feedback__kind": kind, "service__visit": "no"} | told))
    return at(walker, received).register()


@pytest.mark.parametrize("kind", SLIPS)
def test_each_kind_has_a_slip_of_its_own(walk: Walk, kind: str) -> None:
    walker = begun(walk, kind=kind, finding__responsibility="ours", finding__corrective="no")
    missing = walker.refused("investigation")
    names = {sheet.key: sheet.name.en for sheet in walker.rules.sheets}
    for key, slip in SLIPS.items():
        assert (f"“{names[slip]}” is not filled in yet" in missing) == (key == kind)
    walker.desk.people["salesperson"] = walker.people["sales"][0]
    other = next(slip for slip in SLIPS.values() if slip != SLIPS[kind])
    with pytest.raises(RecordRefused):
        walker.write(other)
    walker.to("investigation")
    assert walker.case().records[SLIPS[kind]].number
    walker.to("customer_reply").to("closed")


@pytest.mark.requirement("S29", "S30")
def test_it_is_accepted_only_whole_with_a_source_of_the_three_groups(walk: Walk) -> None:
    walker = walk(KEY).draft(content="", link=None)
    assert walker.refused("registered") == [
        "Complaint content is missing", "Link is missing", "“What it is” is not filled in yet"
    ]  # fmt: skip
    (source,) = (each for each in walker.rules.sheet("feedback").fields if each.key == "source")  # type: ignore[union-attr]
    assert ({*source.choices}, source.required) == ({"written", "electronic", "oral"}, True)
    walker.write("feedback", kind="visit", source="oral")
    walker.correct(content="14 of 200 leak", link="delivery")
    assert walker.refused("registered") == []


@pytest.mark.requirement("S31")
@pytest.mark.parametrize(("complaint_class", "superior"), [("general", "mkt_sup"), ("major", "mkt_vp")])
def test_the_notification_form_is_told_to_quality_and_in_the_same_moment_to_the_business_side(
    walk: Walk, complaint_class: str, superior: str
) -> None:
    walker = walk(KEY, feedback__kind="complaint").register(complaint_class=complaint_class)
    walker.write("notification", text="Leaks", asked="Find the cause")
    quality, business = walker.people["qa_head"][0], walker.people[superior][0]
    written = told(walker, quality, business)["written:notification"]
    assert {(quality.name, walker.desk.at), (business.name, walker.desk.at)} <= written


@pytest.mark.requirement("S25")
@pytest.mark.parametrize("cause_type", ["quality", "non_quality", "other"])
def test_each_step_says_what_it_misses_whatever_the_cause(walk: Walk, cause_type: str) -> None:
    walker = walk(KEY, feedback__kind="complaint", service__visit="yes", **CAPA)
    walker.register(cause_type=cause_type, complaint_class="major")
    asked = {
        "investigation": [
            "“How soon, and where” is not filled in yet", "“Complaint notification form” is not filled in yet",
            "“Naming the QE” is not filled in yet",
        ],
        "action_plan": [
            "“Investigation on site” is not filled in yet", "“Cause, analysed together” is not filled in yet",
            "“Finding” is not filled in yet", "Responsibility must be ours", "A corrective action must be needed",
        ],
        "implementation": [
            "“Root cause” is not filled in yet", "The plan needs at least one item with owner and due date",
            "Plan submitted by the department: not signed yet (Department head, Department member)",
            "First review of the plan: not signed yet (QE engineer)", "Plan audit: not signed yet (QA manager)",
            "Plan approval: not signed yet (Management representative)",
            "General manager's approval: not signed yet (General manager)",
        ],
        "verification": ["“Implementation” is not filled in yet", "“Completion” is not filled in yet"],
        "customer_reply": [
            "“Handled” is not filled in yet", "“Verification and effectiveness” is not filled in yet",
            "The measures must be verified as effective",
            "Verification by QA: not signed yet (QE engineer, QA head, QA manager, Management representative)",
        ],
        "closed": [
            "The customer must have been told the result, since it came to Customer reply",
            "The customer must have accepted", "“Management review and training” is not filled in yet",
        ],
    }  # fmt: skip
    for stage, missing in asked.items():
        assert walker.refused(stage) == missing
        walker.to(stage)


def test_business_technical_and_quality_people_find_the_cause(walk: Walk) -> None:
    walker = begun(walk).to("investigation")
    walker.desk.people["investigator"] = walker.people["qe"][0]
    walker.desk.write(walker.number, "analysis", "investigator", text="Wrong torque")
    assert {
        "For the business department is missing", "For the technical department is missing", "For quality is missing"
    } <= {*walker.refused("action_plan")}  # fmt: skip


def test_what_is_not_ours_or_needs_no_corrective_action_goes_straight_to_the_customer(walk: Walk) -> None:
    walker = begun(walk, finding__responsibility="not_ours").to("investigation").write("finding")
    assert {
        "“Handled” is not filled in yet", "“Not our responsibility” is not filled in yet",
        "Second confirmation of “not ours”: not signed yet (Business supervisor)",
    } <= {*walker.refused("customer_reply")}  # fmt: skip
    walker.to("customer_reply").to("investigation")
    assert "not_ours_confirmed" not in walker.case().signatures
    walker = begun(walk, finding__responsibility="ours", finding__corrective="no").to("investigation")
    walker.to("customer_reply")
    assert "A corrective action must be needed" not in walker.refused("closed")


def test_what_is_returned_not_done_not_effective_or_not_accepted_is_done_again(walk: Walk) -> None:
    walker = begun(walk, **CAPA).to("investigation")
    walker.desk.people["head"] = walker.people["qa_head"][0]
    walker.desk.move(walker.number, "registered", "head", reason="Which lot?")
    walker.to("investigation").to("action_plan").write("cause").write("plan", new=True)
    walker.sign("plan_submitted").returns("plan_review")
    assert walker.case().complaint.round == 2
    walker.to("implementation").write("problems", new=True)
    assert "A problem of the implementation is still open" in walker.refused("verification")
    walker.write("problems", place=1, also=["answer"]).to("verification").to("implementation").to("verification")
    walker.write("verification", effective="no")
    assert "The measures must be verified as effective" in walker.refused("customer_reply")
    walker.to("action_plan").to("implementation").to("verification").to("customer_reply").to("action_plan")
    assert walker.case().complaint.round == 4
    walker.to("implementation").to("verification").to("customer_reply").to("closed").to("investigation")
    assert walker.case().complaint.round == 5


def test_it_is_withdrawn_or_closed_without_an_answer_only_with_leave(walk: Walk) -> None:
    walker = begun(walk)
    clerk = walker.people["clerk"][0]
    assert "“Withdrawal by the customer” is not filled in yet" in leave(walker, "withdrawn", clerk)
    walker.write("withdrawal").sign("withdrawal_confirmed")
    assert leave(walker, "withdrawn", clerk) == []
    walker = begun(walk, finding__responsibility="not_ours").to("investigation").to("customer_reply")
    walker.write("contacts", new=True, kind="result_told").write("lessons").write("silence", ground="silent")
    assert walker.refused("closed") == ["The customer must have accepted"]
    walker.sign("closed_without_answer").to("closed")


# The promises


@pytest.mark.requirement("S97")
@pytest.mark.parametrize("late", [0, 1])
def test_it_is_accepted_within_24_hours_round_the_clock(walk: Walk, late: int) -> None:
    walker = at(walk(KEY), "2026-11-21 10:00").draft()
    assert clock(walker, "accept_24h").due_at == wall("2026-11-22 10:00")
    walker.write("feedback")
    at(walker, "2026-11-22 10:00", late).to("registered")
    assert clock(walker, "accept_24h").outcome == ("late" if late else "met")


@pytest.mark.requirement("S98")
@pytest.mark.parametrize("late", [0, 1])
def test_where_a_visit_is_needed_somebody_arrives_within_48_hours_of_the_receipt(walk: Walk, late: int) -> None:
    walker = begun(walk)
    assert "site_48h" not in promised(walker)
    at(walker, "2026-11-17 09:00").write("service", visit="yes")
    assert clock(walker, "site_48h").due_at == wall("2026-11-18 10:00")
    at(walker, "2026-11-18 10:00", late).write("site", arrived="2026-11-18T10:00", people=["qe"], text="Seen")
    assert clock(walker, "site_48h").outcome == ("late" if late else "met")


@pytest.mark.requirement("S99")
@pytest.mark.parametrize(("wanted", "due"), [("", "2026-11-23 17:30"), ("2026-11-19", "2026-11-19 17:30")])
@pytest.mark.parametrize("late", [0, 1])
def test_it_is_handled_by_the_customer_s_day_else_by_the_fifth_working_day(
    walk: Walk, wanted: str, due: str, late: int
) -> None:
    walker = begun(walk).write("service", wanted=wanted)
    found = clock(walker, "finish_service")
    assert found.due_at == wall(due)
    assert ("until_due" in found.receipt) == bool(wanted)
    at(walker, due, late).write("handling", text="Exchanged", on=due[:10])
    assert clock(walker, "finish_service").outcome == ("late" if late else "met")


def test_no_rule_of_service_costs_a_penalty() -> None:
    rules = procedure(KEY)
    assert {rule.key for rule in rules.clocks} == {"accept_24h", "site_48h", "finish_service"}
    assert not [rule for rule in rules.clocks if rule.penalty]
