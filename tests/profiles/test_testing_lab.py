"""The testing body's procedure, from the first message to the end."""

from typing import Any

import pytest

from complaints.errors import SignatureRefused
from complaints.people import Actor
from complaints.registration import Incomplete
from tests.desk import Desk, english
from tests.profiles.conftest import Walk
from tests.profiles.looking import papers, told_to
from tests.walking import Walker

ENTRY: dict[str, Any] = {
    "contact_person": "Ines Carrow",
    "contact_phone": "0571-1",
    "content": "The tensile test is wrong",
}


@pytest.fixture
def walker(walk: Walk) -> Walker:
    return walk("testing_lab", reply__decision="accepted", tracking__effect="effective").register(**ENTRY)


def assigned(walker: Walker) -> Walker:
    walker.write("service", service_type="testing")
    return walker.write("assignment", handler="staff", skill="Tensile testing", experience="Eight years").to("assigned")


def handler(walker: Walker) -> Actor:
    return walker.people["staff"][0]


@pytest.mark.requirement("S229")
@pytest.mark.parametrize("complaint_class", ["general", "major"])
def test_a_complaint_goes_from_its_first_message_to_its_end(walk: Walk, complaint_class: str) -> None:
    walker = walk("testing_lab", reply__decision="accepted").register(complaint_class=complaint_class, **ENTRY)
    for stage in ("assigned", "customer_reply", "closed"):
        assert walker.refused(stage)
        walker.to(stage)
    assert walker.stage == "closed"


@pytest.mark.requirement("S229")
def test_complainant_and_problem_are_asked_for_and_how_to_reach_them(walk: Walk) -> None:
    walker = walk("testing_lab").draft(customer_id=None, content="", contact_phone="", complaint_date=None)
    assert set(walker.refused("registered")) == {
        "Complainant (company) is missing", "Contact person is missing", "Complaint date is missing",
        "Problem is missing", "Say how the complainant can be reached: telephone, e-mail or address",
    }  # fmt: skip


@pytest.mark.requirement("S229")
def test_nobody_handles_it_who_is_not_named_with_skill_and_experience(walker: Walker) -> None:
    assert "“Naming the handler” is not filled in yet" in walker.refused("assigned")
    walker.write("service")
    walker.desk.write(walker.number, "assignment", "qa_head", handler=str(handler(walker).id))
    assert walker.refused("assigned") == ["The handler's skill is missing", "The handler's experience is missing"]
    assigned(walker)
    assert walker.case().complaint.owner_id == handler(walker).id
    assert told_to(walker, "You are named to handle a complaint") == {handler(walker).id}


@pytest.mark.requirement("S229")
def test_solution_and_progress_are_written_and_reviewed_by_somebody_who_had_no_part_in_it(walker: Walker) -> None:
    assigned(walker)
    assert walker.refused("customer_reply") == [
        "How it went must stand under Progress",
        "“Solution” is not filled in yet",
        "Review of the solution: not signed yet (Quality manager, Deputy director)",
    ]
    walker.write("progress", new=True, text="The machine was calibrated again").write("solution", justified="yes")
    assert walker.refused("customer_reply") == [
        "Review of the solution: not signed yet (Quality manager, Deputy director)"
    ]
    walker.desk.write(walker.number, "assignment", "qa_head", handler=str(walker.desk["qa_mgr"].id))
    with pytest.raises(SignatureRefused) as refused:
        walker.desk.sign(walker.number, "solution_reviewed", "qa_mgr")
    assert [english(each.sentence) for each in refused.value.missing] == [
        "You are named in “Handler” yourself; somebody else signs here"
    ]
    walker.sign("solution_reviewed").to("customer_reply")


@pytest.mark.requirement("S230")
def test_staff_are_sent_by_skill_experience_and_place_with_a_reason_and_safety_training(walker: Walker) -> None:
    assigned(walker)
    sent: dict[str, Any] = {"person": str(handler(walker).id), "due": "2026-11-20", "safety_training": "no"}
    with pytest.raises(Incomplete) as incomplete:
        walker.desk.write(walker.number, "dispatch", "qa_head", **sent)
    assert {each.field for each in incomplete.value.problems} == {"skill", "experience", "place", "reason"}
    walker.write("dispatch", new=True, **sent)
    walker.write("progress", new=True).sign("solution_reviewed")
    assert walker.refused("customer_reply") == [
        "Nobody is sent out without safety training", "Somebody who was sent out is not back yet"
    ]  # fmt: skip
    walker.write("dispatch", place=1, safety_training="yes", trained_on="2026-11-02", done="2026-11-16")
    assert walker.refused("customer_reply") == []


@pytest.mark.requirement("S230")
def test_satisfaction_effect_and_behaviour_are_tracked_and_what_is_bad_is_explained(walker: Walker) -> None:
    assigned(walker).to("customer_reply")
    walker.write("reply").write("contacts", new=True, kind="result_told")
    assert walker.refused("closed") == ["“Tracking of the service” is not filled in yet"]
    walker.desk.write(
        walker.number, "tracking", "clerk", satisfaction="satisfied", effect="effective", behaviour="poor",
        on="2026-11-16",
    )  # fmt: skip
    assert walker.refused("closed") == ["Remarks is missing"]
    walker.write("tracking", remarks="The inspector was late and rude").to("closed")


@pytest.mark.requirement("S229")
def test_the_result_is_told_and_recorded_before_it_is_closed(walker: Walker) -> None:
    assigned(walker).to("customer_reply")
    walker.write("reply").write("tracking")
    assert walker.refused("closed") == ["The result must have been told to the complainant and recorded"]


def test_what_cannot_be_solved_goes_upward_and_comes_back_before_it_is_closed(walker: Walker) -> None:
    assigned(walker).to("customer_reply")
    walker.write("escalations", new=True, text="The reference material is used up")
    walker.write("reply").write("tracking").write("contacts", new=True, kind="result_told")
    assert walker.refused("closed") == ["What was reported upward has not been answered"]
    walker.write("escalations", place=1, answer="Buy it from the institute")
    assert told_to(walker, "What was reported upward is answered; feed it back to the customer")
    walker.to("closed")


def test_who_does_not_accept_begins_another_round(walker: Walker) -> None:
    assigned(walker).to("customer_reply").to("assigned", reason="Only half of it")
    assert (walker.case().complaint.round, walker.case().value("solution.text")) == (2, "Solution 解决方案")
    assert "How it went must stand under Progress" in walker.refused("customer_reply")


def test_a_silent_customer_s_complaint_is_closed_with_leave_alone(walk: Walk) -> None:
    walker = assigned(walk("testing_lab", reply__decision="silent").register(**ENTRY)).to("customer_reply")
    walker.write("reply").write("tracking").write("contacts", new=True, kind="result_told")
    (told,) = walker.refused("closed")
    assert told.startswith("Leave to close without the customer's answer: not signed yet (Deputy director)")
    walker.to("closed")


def test_a_wrong_report_proposes_a_major_complaint_that_the_director_approves(walker: Walker, desk: Desk) -> None:
    assigned(walker)
    desk.write(walker.number, "service", "clerk", signs=["wrong_report"])
    desk.classify(walker.number, "major", "qa_mgr")
    assert told_to(walker, "A major complaint") >= {desk["gm"].id}
    walker.write("solution").write("progress", new=True)
    assert walker.refused("customer_reply") == ["Review of the solution: not signed yet (Director of the body)"]


def test_nothing_has_a_clock_and_records_are_kept_two_years(walker: Walker) -> None:
    assert (walker.rules.clocks, walker.rules.retention_years) == ((), 2)
    assert [*papers(walker)] == ["客户投诉处理记录表", "服务派员与跟踪表"]
