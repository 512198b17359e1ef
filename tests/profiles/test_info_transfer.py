"""Complaints that other departments are brought into by an information transfer form: audited, issued, never changed,
and answered by each of them; with the promises of the default procedure to the minute."""

from fractions import Fraction

import pytest
from sqlalchemy import select

from complaints import kpis, measures
from complaints.database import transaction
from complaints.errors import RecordRefused, SignatureRefused
from complaints.procedure import procedure
from complaints.work import Waiting
from tests.builders import a_department, a_person
from tests.desk import english
from tests.profiles.conftest import Walk
from tests.profiles.promises import at, clock, leave, promised, told, wall
from tests.walking import Walker

KEY = "info_transfer"


def begun(walk: Walk, responsibility: str = "ours", *, received: str = "2026-11-16 09:00", **fields: str) -> Walker:
    """A registered complaint, with people by the words of their trade."""
    walker = walk(KEY, finding__responsibility=responsibility, answer__decision="accepted")
    at(walker, received).register(**fields)
    walker.desk.people |= {
        "salesperson": walker.people["sales"][0], "market_manager": walker.people["mkt_sup"][0],
        "production": walker.people["dept_head"][0],
    }  # fmt: skip
    return walker


def waiting(walker: Walker, key: str) -> set[tuple[str, int | None]]:
    """For whom something waits: roles, with their department."""
    with walker.desk.make() as session:
        rows = session.scalars(select(Waiting).where(Waiting.key == key))
        return {(row.role, row.department_id) for row in rows}


@pytest.mark.requirement("S54")
def test_the_form_is_drafted_returned_once_audited_received_and_never_changed(walk: Walk) -> None:
    walker = begun(walk)
    desk, number, production = walker.desk, walker.number, walker.people["dept_head"][0]
    form = {"sender": "Market", "severity": "high", "text": "Check your stock", "departments": [str(desk.department)]}
    desk.write(number, "transfer", "salesperson", **form)
    assert walker.case().records["transfer"].number == "T-2026-0001"
    with pytest.raises(SignatureRefused):
        desk.sign(number, "transfer_audited", "salesperson")
    desk.returns(number, "transfer_audited", "market_manager", remark="which lot?")
    assert "returned:transfer_audited" in told(walker)
    with pytest.raises(SignatureRefused) as unchanged:
        desk.sign(number, "transfer_audited", "market_manager")
    assert "which lot?" in english(unchanged.value.missing[0].sentence)
    desk.write(number, "transfer", "salesperson", text="Check your stock of lot L2608")
    desk.sign(number, "transfer_audited", "market_manager")
    assert (production.name, desk.at) in told(walker, production)["signed:transfer_audited"]
    for stage in ("", "investigation", "action_plan"):
        walker.to(stage) if stage else None
        with pytest.raises(RecordRefused) as locked:
            desk.write(number, "transfer", "salesperson", text="Never mind")
        assert "cannot change any more" in english(locked.value.missing[0].sentence)


@pytest.mark.requirement("S54")
def test_each_department_that_received_the_form_answers_with_cause_and_corrective_action(walk: Walk) -> None:
    walker = begun(walk)
    desk, number = walker.desk, walker.number
    with transaction(desk.make) as session:
        store = a_department(session, "store", "Store", "仓库")
        desk.people["storekeeper"] = a_person(session, "dept_head", name="Wu", department=store)
        elsewhere = a_department(session, "office", "Office", "办公室")
        desk.people["elsewhere"] = a_person(session, "dept_head", name="Qian", department=elsewhere)
    answer = {"cause": "Tool worn", "measures": "Counter reset", "answered_at": "2026-11-16T10:00"}
    walker.write("transfer", departments=[desk.department, store.id])
    with pytest.raises(RecordRefused):  # nothing was issued yet
        desk.write(number, "transfer_answers", "production", department=str(desk.department), **answer)
    walker.to("investigation")
    assert ("dept_head", store.id) in waiting(walker, "transfer_answers")
    with pytest.raises(RecordRefused):
        desk.write(number, "transfer_answers", "elsewhere", department=str(elsewhere.id), **answer)
    desk.write(number, "transfer_answers", "production", department=str(desk.department), **answer)
    wanted = "Each department that received the form must have answered"
    assert wanted in walker.refused("action_plan")
    assert {department for _, department in waiting(walker, "transfer_answers")} == {store.id}
    desk.write(number, "transfer_answers", "storekeeper", department=str(store.id), **answer)
    assert wanted not in walker.refused("action_plan")
    assert "written:transfer_answers" in told(walker)


@pytest.mark.requirement("S25")
@pytest.mark.parametrize("cause_type", ["quality", "non_quality"])
def test_each_step_says_what_it_misses_whatever_the_cause(walk: Walk, cause_type: str) -> None:
    walker = begun(walk, cause_type=cause_type, order_no="1", product="Joint", demand="8D", complaint_class="major")
    asked = {
        "investigation": [
            "“First review” is not filled in yet", "“Information transfer form” is not filled in yet",
            "Audit of the information transfer form: not signed yet (Market manager, Business vice general manager)",
            "Receipt by quality: not signed yet (Quality section leader)",
            "“Naming the investigator” is not filled in yet",
        ],
        "action_plan": [
            "Each department that received the form must have answered",
            "“Quality's own register entry” is not filled in yet", "“Finding” is not filled in yet",
            "Responsibility must be ours", "Interim measure is missing",
            "The analysis meeting must be held and its conclusion written",
        ],
        "implementation": [
            "“Root cause” is not filled in yet", "The plan needs at least one item with owner and due date",
            "Plan submitted by the department: not signed yet (Department head, Department member)",
            "First review of the plan: not signed yet (Quality investigator)",
            "Plan audit: not signed yet (Quality manager)",
            "Plan approval: not signed yet (Management representative)",
            "General manager's approval: not signed yet (General manager)",
        ],
        "verification": [
            "Measures taken over by the department: not signed yet (Department head, Department member)",
            "“Implementation” is not filled in yet", "“Completion” is not filled in yet",
            "The customer must have been told the measures of this round",
        ],
        "customer_reply": [
            "“Verification and effectiveness” is not filled in yet", "The measures must be verified as effective",
            "Verification by quality: not signed yet (Quality investigator, Quality section leader, Quality manager, "
            "Management representative)",
        ],
        "closed": [
            "The customer must have been told the result, since it came to Customer reply",
            "The customer must have accepted",
        ],
    }  # fmt: skip
    for stage, missing in asked.items():
        assert walker.refused(stage) == missing
        walker.to(stage)
    assert walker.stage == "closed"


@pytest.mark.requirement("S29")
def test_a_complaint_is_registered_only_with_what_the_cause_asks_for(walk: Walk) -> None:
    walker = walk(KEY).draft(content="", cause_type="quality", link=None)
    assert walker.refused("registered") == [
        "Complaint content is missing", "Link is missing", "Order no. is missing", "Product name is missing",
        "Customer's demand is missing",
    ]  # fmt: skip


def test_what_is_not_ours_the_market_manager_confirms_again_and_explains(walk: Walk) -> None:
    walker = begun(walk, "not_ours").to("investigation").write("finding")
    assert walker.refused("customer_reply") == [
        "Each department that received the form must have answered",
        "“Quality's own register entry” is not filled in yet",
        "“Not our responsibility” is not filled in yet",
        "The market manager's second confirmation of “not ours”: not signed yet (Market manager)",
        "“The market manager's explanation to the customer” is not filled in yet",
    ]
    walker.write("not_ours")
    with pytest.raises(RecordRefused):  # explained only once it is confirmed
        walker.desk.write(walker.number, "explanation", "market_manager", text="The seal was cut")
    walker.returns("not_ours_confirmed")
    walker.write("not_ours", basis="Measured again").to("customer_reply").to("investigation")
    assert "not_ours_confirmed" not in walker.case().signatures
    walker.to("customer_reply").to("closed").to("investigation")


def test_the_general_manager_approves_a_countermeasure_when_necessary(walk: Walk) -> None:
    walker = begun(walk).to("investigation").to("action_plan").write("gm", needed="yes")
    assert "General manager's approval: not signed yet (General manager)" in walker.refused("implementation")
    walker.sign("plan_approval").returns("plan_approval_gm")
    assert walker.case().complaint.round == 2
    walker.to("implementation")
    assert walker.case().records["cause"].number.startswith("CAPA-2026-")


def test_what_does_not_work_or_is_not_accepted_comes_back(walk: Walk) -> None:
    walker = begun(walk).to("investigation")
    walker.desk.people["section_leader"] = walker.people["qa_head"][0]
    walker.desk.move(walker.number, "registered", "section_leader", reason="Which lot?")
    assert {*walker.case().signatures} == {"transfer_audited"}
    walker.to("investigation").to("action_plan").to("implementation").write("problems", new=True)
    assert "A problem of the implementation is still open" in walker.refused("verification")
    walker.write("problems", place=1, also=["answer"]).to("verification").to("implementation").to("verification")
    walker.to("action_plan")
    assert walker.case().complaint.round == 2
    walker.to("implementation").to("verification").to("customer_reply").to("action_plan")
    assert walker.case().complaint.round == 3
    walker.to("implementation").to("verification").to("customer_reply").to("closed").to("action_plan")
    assert walker.case().complaint.round == 4


def test_it_is_withdrawn_or_closed_without_an_answer_only_with_leave(walk: Walk) -> None:
    walker = begun(walk)
    clerk = walker.people["clerk"][0]
    assert "“Withdrawal by the customer” is not filled in yet" in leave(walker, "withdrawn", clerk)
    walker.write("withdrawal").sign("withdrawal_confirmed")
    assert leave(walker, "withdrawn", clerk) == []
    walker = begun(walk, "not_ours").to("investigation").to("customer_reply")
    walker.write("contacts", new=True, kind="result_told").write("silence", ground="silent")
    assert walker.refused("closed") == ["The customer must have accepted"]
    walker.sign("closed_without_answer").to("closed")


# The promises, with the worked examples of the default working time


@pytest.mark.parametrize(
    ("received", "due"), [("2026-11-20 17:00", "2026-11-23 09:00"), ("2026-11-21 10:00", "2026-11-23 09:30")]
)
@pytest.mark.parametrize("late", [0, 1])
def test_the_form_is_issued_within_a_working_hour(walk: Walk, received: str, due: str, late: int) -> None:
    walker = begun(walk, received=received)
    assert clock(walker, "issue_form").due_at == wall(due)
    walker.write("transfer")
    at(walker, due, late).sign("transfer_audited")
    assert clock(walker, "issue_form").outcome == ("late" if late else "met")


@pytest.mark.parametrize(
    ("received", "due"), [("2026-11-20 17:00", "2026-11-23 10:00"), ("2026-11-21 10:00", "2026-11-23 10:30")]
)
@pytest.mark.parametrize("late", [0, 1])
def test_the_departments_are_notified_and_it_is_registered_within_two(
    walk: Walk, received: str, due: str, late: int
) -> None:
    walker = at(walk(KEY), received).draft()
    assert clock(walker, "notify_register").due_at == wall(due)
    at(walker, due, late).to("registered")
    assert clock(walker, "notify_register").outcome == ("late" if late else "met")


@pytest.mark.parametrize(
    ("complaint_class", "key", "received", "due", "stops"),
    [
        ("general", "qa_reply", "2026-11-19 16:00", "2026-11-24 17:30", "qa_reply"),
        ("major", "permanent", "2026-11-19 16:00", "2026-11-23 17:30", "qa_reply"),
        ("major", "interim", "2026-11-17 10:30", "2026-11-18 10:30", "interim"),
    ],
)
@pytest.mark.parametrize("late", [0, 1])
def test_quality_replies_within_its_days_and_contains_within_eight_hours(
    walk: Walk, complaint_class: str, key: str, received: str, due: str, stops: str, late: int
) -> None:
    walker = begun(walk, complaint_class=complaint_class).write("transfer").sign("transfer_audited")
    at(walker, received).sign("receipt")
    assert clock(walker, key).due_at == wall(due)
    walker.to("investigation").write("qe_entry")
    at(walker, due, late).write(stops)
    assert clock(walker, key).outcome == ("late" if late else "met")


@pytest.mark.parametrize("late", [0, 1])
def test_the_plan_is_there_within_eight_working_hours(walk: Walk, late: int) -> None:
    walker = begun(walk).to("investigation").write("transfer_answers", new=True).write("qe_entry").write("finding")
    at(walker, "2026-11-20 14:00").to("action_plan")
    assert clock(walker, "dept_plan").due_at == wall("2026-11-23 14:00")
    walker.write("cause").write("plan", new=True)
    at(walker, "2026-11-23 14:00", late).sign("plan_submitted")
    assert clock(walker, "dept_plan").outcome == ("late" if late else "met")
    assert promised(walker) == {"qa_reply"}


def test_the_month_counts_timely_replies_and_nothing_costs_a_penalty() -> None:
    rules = procedure(KEY)
    assert rules.counting.replies == ("qa_reply", "permanent")
    (timely,) = (each for each in kpis.definitions() if each.key == measures.TIMELY)
    assert timely.target == Fraction(95, 100)
    assert rules.penalties == ()
    assert all(rule.penalty is None for rule in rules.clocks)
