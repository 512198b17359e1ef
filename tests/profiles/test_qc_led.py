"""Complaints where quality control leads: registered by the head of the business department, investigated, requested,
verified and told by quality control. No figures are printed, so nothing has a clock."""

import pytest

from complaints.errors import RecordRefused, SignatureRefused
from complaints.procedure import procedure
from complaints.signatures import APPROVED
from tests.desk import english
from tests.profiles.conftest import Walk
from tests.profiles.promises import leave, promised, told
from tests.walking import Walker

KEY = "qc_led"


def investigated(walk: Walk, responsibility: str = "ours", **fields: str) -> Walker:
    """A complaint with a finding, of which nothing is requested yet."""
    walker = walk(KEY, finding__responsibility=responsibility).register(**fields).to("investigation")
    return walker.write("finding")


@pytest.mark.requirement("S29")
def test_it_is_registered_with_customer_date_and_content_by_the_head_of_the_business_department(walk: Walk) -> None:
    walker = walk(KEY).draft(content="", customer_id=None, complaint_date=None, complaint_class=None, cause_type=None)
    assert walker.refused("registered") == [
        "Customer is missing", "Complaint date is missing", "Complaint content is missing"
    ]  # fmt: skip
    walker = walk(KEY).draft(complaint_class=None)
    assert walker.desk.missing(walker.number, "registered", "clerk") == [
        "Your role may not move it here: only Head of the business department, Business vice general manager"
    ]
    walker.register()


def test_quality_control_takes_over_with_class_cause_receipt_and_investigator(walk: Walk) -> None:
    walker = walk(KEY).register(complaint_class=None, cause_type=None)
    assert walker.refused("investigation") == [
        "Class is missing", "Cause type is missing",
        "Receipt by quality control: not signed yet (Head of quality control, Quality manager)",
        "“Naming the investigator” is not filled in yet",
    ]  # fmt: skip
    walker.to("investigation")


@pytest.mark.requirement("S25")
@pytest.mark.parametrize("cause_type", ["quality", "non_quality", "other"])
@pytest.mark.parametrize("link", ["sales_service", "delivery"])
def test_every_cause_runs_through_the_same_stages_and_approvals(walk: Walk, cause_type: str, link: str) -> None:
    walker = walk(KEY, finding__responsibility="ours", answer__decision="accepted")
    walker.register(cause_type=cause_type, link=link)
    signed: set[str] = set()
    for stage in ("investigation", "action_plan", "implementation", "verification", "customer_reply", "closed"):
        walker.to(stage)
        signed |= {*walker.case().signatures}
    assert signed == {"receipt", "request_issued", "plan_submitted", "plan_review", "plan_approval", "verified"}


@pytest.mark.requirement("S53")
def test_the_request_is_issued_by_the_head_of_quality_control_numbered_and_sent_to_the_department(walk: Walk) -> None:
    walker = investigated(walk)
    head, dept_head = walker.people["qa_head"][0], walker.people["dept_head"][0]
    walker.desk.people |= {"investigator": walker.people["qe"][0], "head": head}
    assert walker.refused("action_plan") == [
        "“Corrective and preventive action request” is not filled in yet",
        "Issue of the corrective and preventive action request: not signed yet (Head of quality control)",
    ]
    with pytest.raises(RecordRefused):
        walker.desk.write(walker.number, "request", "investigator", problem="Leaks", asked="Find the cause")
    with pytest.raises(SignatureRefused) as refused:
        walker.desk.sign(walker.number, "request_issued", "head")
    assert [english(each.sentence) for each in refused.value.missing] == [
        "“Corrective and preventive action request” is not filled in yet"
    ]
    walker.desk.write(walker.number, "request", "head", problem="Leaks", asked="Find the cause")
    walker.desk.sign(walker.number, "request_issued", "head")
    assert walker.case().records["request"].number == "CAPA-2026-0001"
    assert (dept_head.name, walker.desk.at) in told(walker, dept_head)["signed:request_issued"]
    with pytest.raises(RecordRefused) as locked:
        walker.desk.write(walker.number, "request", "head", asked="Never mind")
    assert "cannot change any more" in english(locked.value.missing[0].sentence)
    walker.to("action_plan")


@pytest.mark.requirement("S53")
def test_no_request_is_written_where_the_problem_is_not_our_own(walk: Walk) -> None:
    walker = investigated(walk, "not_ours")
    walker.desk.people["head"] = walker.people["qa_head"][0]
    assert "A request is issued only where the problem is our own" in walker.refused("action_plan")
    with pytest.raises(RecordRefused):
        walker.desk.write(walker.number, "request", "head", problem="Leaks", asked="Find the cause")
    assert walker.refused("customer_reply") == [
        "“Not our responsibility” is not filled in yet",
        "Second confirmation of “not ours”: not signed yet (Head of the business department)",
    ]
    walker.to("customer_reply")


def test_each_step_says_what_it_misses(walk: Walk) -> None:
    walker = walk(KEY, finding__responsibility="ours").register(complaint_class="major")
    walker.to("investigation").to("action_plan")
    asked = {
        "implementation": [
            "“Root cause” is not filled in yet", "The plan needs at least one item with owner and due date",
            "Plan submitted by the department: not signed yet (Department head, Department member)",
            "Review of the plan by quality control: not signed yet (Head of quality control, Quality manager)",
            "Plan approval: not signed yet (Management representative)",
            "General manager's approval: not signed yet (General manager)",
        ],
        "verification": ["“Implementation” is not filled in yet", "“Completion” is not filled in yet"],
        "customer_reply": [
            "“Verification and effectiveness” is not filled in yet", "The measures must be verified as effective",
            "Verification by the head of quality control: not signed yet (Head of quality control, Quality manager, "
            "Management representative)",
        ],
        "closed": [
            "The head of quality control must have told the customer the result, since it came to Customer reply",
            "The customer must have accepted",
        ],
    }  # fmt: skip
    for stage, missing in asked.items():
        assert walker.refused(stage) == missing
        walker.to(stage)
    assert promised(walker) == set()
    assert procedure(KEY).clocks == ()


def test_an_open_problem_and_measures_that_do_not_work_keep_it_from_going_on(walk: Walk) -> None:
    walker = walk(KEY, finding__responsibility="ours").register()
    walker.to("investigation").to("action_plan").to("implementation").write("problems", new=True)
    assert "A problem of the implementation is still open" in walker.refused("verification")
    walker.write("problems", place=1, also=["answer"]).to("verification")
    walker.write("verification", effective="no")
    assert "The measures must be verified as effective" in walker.refused("customer_reply")
    walker.to("action_plan")
    assert walker.case().complaint.round == 2
    assert walker.case().records["request"].number == "CAPA-2026-0001"


def test_only_the_head_of_quality_control_tells_the_result_and_nobody_verifies_their_own_work(walk: Walk) -> None:
    walker = walk(KEY, finding__responsibility="ours").register()
    walker.to("investigation").to("action_plan").to("implementation").to("verification")
    walker.write("verification")
    walker.desk.people["carried_out"] = walker.people["dept_head"][0]
    with pytest.raises(SignatureRefused):
        walker.desk.sign(walker.number, "verified", "carried_out", decision=APPROVED)
    walker.to("customer_reply")
    walker.desk.people |= {"salesperson": walker.people["sales"][0]}
    with pytest.raises(RecordRefused):
        walker.desk.write(
            walker.number, "told", "salesperson", on="2026-11-16", way="phone", person="Ines", text="All done"
        )
    walker.write("told", new=True)
    assert walker.refused("closed") == ["The customer must have accepted"]


@pytest.mark.parametrize(("responsibility", "back"), [("ours", "action_plan"), ("not_ours", "investigation")])
def test_a_customer_who_does_not_accept_is_told_again_after_another_go(
    walk: Walk, responsibility: str, back: str
) -> None:
    walker = walk(KEY, finding__responsibility=responsibility).register().to("investigation")
    for stage in ("action_plan", "implementation", "verification")[: 3 * (responsibility == "ours")]:
        walker.to(stage)
    walker.to("customer_reply").write("told", new=True).to(back)
    assert walker.case().value("answer.decision") in ("rejected", None)
    for stage in ("implementation", "verification")[: 2 * (responsibility == "ours")]:
        walker.to(stage)
    walker.to("customer_reply")
    assert "must have told the customer the result" in walker.refused("closed")[0]
    walker.write("told", new=True).write("answer", decision="accepted").to("closed").to(back)
    assert walker.stage == back


def test_what_is_sent_back_returned_or_not_done_is_done_again(walk: Walk) -> None:
    walker = walk(KEY, finding__responsibility="ours").register().to("investigation")
    walker.desk.people["head"] = walker.people["qa_head"][0]
    walker.desk.move(walker.number, "registered", "head", reason="Which lot?")
    assert "receipt" not in walker.case().signatures
    walker.to("investigation").to("action_plan")
    walker.write("cause").write("plan", new=True).sign("plan_submitted").returns("plan_review")
    assert (walker.stage, walker.case().complaint.round) == ("action_plan", 2)
    walker.to("implementation").to("verification").to("implementation")
    assert "verified" not in walker.case().signatures


def test_it_is_withdrawn_with_the_customer_s_word_and_a_second_person(walk: Walk) -> None:
    walker = walk(KEY).register()
    clerk = walker.people["clerk"][0]
    assert "“Withdrawal by the customer” is not filled in yet" in leave(walker, "withdrawn", clerk)
    walker.write("withdrawal").sign("withdrawal_confirmed")
    assert leave(walker, "withdrawn", clerk) == []


def test_a_silent_customer_s_complaint_is_closed_with_leave_alone(walk: Walk) -> None:
    walker = walk(KEY, finding__responsibility="not_ours").register().to("investigation").to("customer_reply")
    walker.write("told", new=True).write("silence", ground="silent")
    assert walker.refused("closed") == ["The customer must have accepted"]
    walker.sign("closed_without_answer").to("closed")


def test_complaints_are_kept_for_two_years() -> None:
    assert procedure(KEY).retention_years == 2
