"""After-sales service of a cement group: each class walked from its first message to its end, with what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from complaints import clocks, opening
from complaints.case import load
from complaints.clocks import Clock
from complaints.errors import RecordRefused, SignatureRefused
from complaints.notices import Notice
from tests.builders import MONDAY, a_department
from tests.desk import CONTEXT, Desk, english
from tests.profiles.conftest import Walk
from tests.walking import Walker

FRIDAY_EVENING = datetime(2026, 11, 13, 10, 0, tzinfo=UTC)  # 18:00 in Shanghai
PRODUCED = {"production_unit": "Kiln 2", "production_staff": "Shift B", "production_date": MONDAY.date()}
SERIOUS = ("registered", "investigation", "action_plan", "implementation", "verification", "customer_reply", "closed")
PARTS_OF_A_VISIT = [
    "Arrived on site at", "Raw data taken on site", "Sampled together on", "Sampled together with (builder)",
    "Result of the joint test", "Data given to the user in writing on", "Is the quality of the cement at fault?",
    "After-sales file no.",
]  # fmt: skip


def a_complaint(walk: Walk, complaint_class: str = "serious", /, _fields: Any = None, **told: Any) -> Walker:
    plain = {
        "service__visit": "no",
        "hold__held": "no",
        "finding__responsibility": "ours",
        "answer__decision": "accepted",
    }
    walker = walk("cement", **plain | told)
    return walker.draft(complaint_class=complaint_class, **PRODUCED | (_fields or {}))


def until(walker: Walker, stage: str) -> Walker:
    for each in SERIOUS[: SERIOUS.index(stage) + 1]:
        walker.to(each)
    return walker


def the_clock(desk: Desk, number: str) -> Clock:
    with desk.make() as session:
        (clock,) = clocks.of(session, "complaint", desk.find(session, number).id)
        return clock


# The three classes


@pytest.mark.requirement("S55")
def test_a_light_complaint_is_registered_told_to_the_departments_filed_and_answered(walk: Walk) -> None:
    walker = a_complaint(walk, "light")
    walker.desk.write(walker.number, "service", "clerk", visit="no")
    walker.to("registered")
    assert walker.refused("customer_reply") == ["First answer by telephone at is missing"]
    walker.to("customer_reply")
    assert walker.refused("closed")[-1] == "“Filing” is not filled in yet"
    walker.to("closed")
    case = walker.case()
    assert case.notified  # that is asked for, and so are answer and file
    assert "form" not in case.records
    assert case.signatures == {}


@pytest.mark.parametrize("complaint_class", ["serious", "principle_or_major"])
@pytest.mark.parametrize("held", ["yes", "no"])
def test_a_serious_complaint_goes_from_its_first_message_to_its_end(
    walk: Walk, complaint_class: str, held: str
) -> None:
    walker = a_complaint(walk, complaint_class, service__visit="yes", visit__at_fault="yes", hold__held=held)
    for stage in SERIOUS:
        assert walker.refused(stage)
        walker.to(stage)
    case = walker.case()
    assert case.complaint.closed_at is not None
    assert ("meeting" in case.records) == (complaint_class == "principle_or_major")
    assert case.records["form"].number == "F-2026-0001"


@pytest.mark.requirement("S55")
def test_a_serious_complaint_needs_its_form_and_every_named_department_agrees_to_the_solution(
    walk: Walk, desk: Desk
) -> None:
    walker = a_complaint(walk).to("registered")
    assert {
        "Issue of the handling form: not signed yet (After-sales service, Market department clerk, Market department"
        " manager)",
        "Approval of the handling form: not signed yet (Market department manager, Marketing vice general manager)",
    } <= {*walker.refused("investigation")}
    with desk.act() as session:
        works = a_department(session, "works", "Works", "工厂").id
    walker.to("investigation").to("action_plan")
    walker.write("product_measure").write("scheme", departments=[desk.department, works]).write("improvement")
    walker.sign("opinion_signed")
    desk.sign(walker.number, "scheme_approved", "dept_head")
    assert walker.refused("implementation") == ["Approval by each department: not signed yet (Department head)"]
    with pytest.raises(SignatureRefused):
        desk.sign(walker.number, "scheme_approved", "dept")
    walker.sign("scheme_approved").to("implementation")


@pytest.mark.requirement("S56")
def test_a_matter_of_principle_is_settled_by_a_meeting_that_decides_whether_the_authority_is_told(walk: Walk) -> None:
    walker = until(a_complaint(walk, "principle_or_major"), "action_plan")
    assert "“Company meeting” is not filled in yet" in walker.refused("implementation")
    walker.desk.write(walker.number, "meeting", "gm", held_on="2026-11-16", scheme="Replace 200 t")
    missing = walker.refused("implementation")
    assert {"Present is missing", "Is the authority informed? is missing", "Why, or why not is missing"} <= {*missing}
    walker.to("implementation")
    serious = until(a_complaint(walk), "action_plan")
    with pytest.raises(RecordRefused):
        serious.desk.write(serious.number, "meeting", "gm", held_on="2026-11-16")


# The clock


@pytest.mark.requirement("S106")
def test_somebody_is_on_site_within_24_hours_of_the_receipt_where_that_is_needed(walk: Walk, desk: Desk) -> None:
    desk.at = FRIDAY_EVENING - timedelta(minutes=1)
    walker = a_complaint(walk).write("service", visit="yes")
    clock = the_clock(desk, walker.number)
    assert (clock.key, clock.started_at) == ("site_24h", FRIDAY_EVENING)
    assert clock.due_at == FRIDAY_EVENING + timedelta(hours=24)  # Saturday 18:00
    walker.to("registered")
    desk.at = FRIDAY_EVENING + timedelta(hours=23, minutes=59)
    desk.write(walker.number, "visit", "sales", arrived="2026-11-14T17:30")
    assert the_clock(desk, walker.number).outcome == "met"


@pytest.mark.requirement("S106")
def test_who_comes_on_site_later_is_late_and_nobody_is_where_no_service_is_needed(walk: Walk, desk: Desk) -> None:
    desk.at = FRIDAY_EVENING - timedelta(minutes=1)
    walker = a_complaint(walk).write("service", visit="yes").to("registered")
    desk.at = FRIDAY_EVENING + timedelta(hours=24)
    desk.write(walker.number, "visit", "sales", arrived="2026-11-14T18:01")
    assert the_clock(desk, walker.number).outcome == "late"
    other = a_complaint(walk).to("registered")
    with desk.make() as session:
        assert clocks.of(session, "complaint", desk.find(session, other.number).id) == []
    with pytest.raises(RecordRefused):
        desk.write(other.number, "visit", "sales", arrived="2026-11-14T18:01")


# What is asked on the way


@pytest.mark.requirement("S218")
def test_a_visit_is_finished_with_data_joint_samples_and_the_file_and_with_the_builders_yes_where_cement_is_at_fault(
    walk: Walk, desk: Desk
) -> None:
    walker = a_complaint(walk, "light", service__visit="yes").to("registered")
    walker.write("service", answered_at="2026-11-16T09:40")
    assert walker.refused("customer_reply") == ["“Service on site” is not filled in yet"]
    for position, part in enumerate(PARTS_OF_A_VISIT, 1):
        desk.write(walker.number, "visit", "sales", **some(walker, [part]))
        assert walker.refused("customer_reply") == [f"{each} is missing" for each in PARTS_OF_A_VISIT[position:]]
    desk.write(walker.number, "visit", "sales", at_fault="yes")
    assert walker.refused("customer_reply") == [
        "Scheme accepted by (builder) is missing", "Scheme accepted on is missing"
    ]  # fmt: skip


def some(walker: Walker, names: list[str]) -> dict[str, str]:
    """Something for these fields of a visit."""
    sheet = walker.rules.sheet("visit")
    assert sheet is not None
    days = {"date": "2026-11-16", "time": "2026-11-16T10:00", "choice": "no"}
    return {field.key: days.get(field.kind, "as found") for field in sheet.fields if field.name.en in names}


@pytest.mark.requirement("S221")
def test_production_and_the_archived_sample_are_asked_for(walk: Walk) -> None:
    walker = a_complaint(walk, "serious", {"production_unit": "", "production_staff": "", "production_date": None}).to(
        "registered"
    )
    assert {
        "Production unit is missing", "Production staff is missing", "Production date is missing",
        "“Sample and production” is not filled in yet",
    } <= {*walker.refused("investigation")}  # fmt: skip
    walker.write("trace", archived="no")
    walker.desk.write(walker.number, "trace", "qe", archived="yes", sample_no="")
    assert "Sample no. and place is missing" in walker.refused("investigation")
    sheet = walker.rules.sheet("trace")
    assert sheet is not None
    assert sheet.field("archived").fact


@pytest.mark.requirement("S219")
def test_what_is_held_ex_works_is_released_with_name_and_day_only_when_the_customer_has_accepted(
    walk: Walk, desk: Desk
) -> None:
    walker = a_complaint(walk, hold__held="yes").to("registered")
    assert walker.case().labels == []
    for stage in SERIOUS[1:-1]:
        walker.to(stage)
    assert [label.name.zh for label in walker.case().labels] == ["暂停放行"]
    released = {"by": str(desk["qa_mgr"].id), "on": "2026-11-16"}
    with pytest.raises(RecordRefused) as refused:
        desk.write(walker.number, "release", "qa_mgr", **released)
    assert [english(each.sentence) for each in refused.value.missing] == [
        "It is released only when the customer's requirement is met"
    ]
    desk.write(walker.number, "answer", "sales", decision="rejected", reason="It still cracks")
    with pytest.raises(RecordRefused):
        desk.write(walker.number, "release", "qa_mgr", **released)
    desk.write(walker.number, "answer", "sales", decision="accepted")
    assert "“Release of what was held” is not filled in yet" in walker.refused("closed")
    desk.write(walker.number, "release", "qa_mgr", on="2026-11-16")
    assert "Released by is missing" in walker.refused("closed")
    walker.to("closed")
    assert walker.case().labels == []


@pytest.mark.requirement("S68")
@pytest.mark.parametrize("side", ["complainant", "complained"])
def test_either_side_may_object_and_is_answered_before_the_end(walk: Walk, desk: Desk, side: str) -> None:
    walker = until(a_complaint(walk), "customer_reply")
    desk.write(walker.number, "objections", "sales", side=side, by_whom="Lin", text="Not so")
    with desk.make() as session:
        told = session.scalars(select(Notice.user_id).where(Notice.event == "written:objections")).all()
        assert not told or {desk["mkt_sup"].id} <= {*told}
    assert "An objection has not been answered" in walker.refused("closed")
    with pytest.raises(RecordRefused):
        desk.write(walker.number, "objections", "clerk", place=1, answer="Looked at again")
    desk.write(walker.number, "objections", "mkt_sup", place=1, answer="Looked at again")
    assert "Those concerned must have been asked how satisfied they are" in walker.refused("closed")
    walker.to("closed")


def test_what_is_not_ours_is_shown_with_appraisal_basis_causes_and_next_steps(walk: Walk) -> None:
    walker = a_complaint(walk, finding__responsibility="not_ours").to("registered").to("investigation").write("finding")
    assert "“Not our responsibility” is not filled in yet" in walker.refused("customer_reply")
    walker.write("not_ours")
    assert walker.refused("customer_reply") == [
        "Second confirmation of “not ours”: not signed yet (Market department manager, Marketing vice general manager)"
    ]
    walker.to("customer_reply").to("investigation", reason="The builder tested again")
    assert walker.case().complaint.round == 2
    walker.to("customer_reply").to("closed")


def test_solution_and_effect_go_round_again_until_they_hold(walk: Walk) -> None:
    walker = until(a_complaint(walk), "verification").write("verification", effective="no")
    assert "The measures must be verified as effective" in walker.refused("customer_reply")
    walker.to("implementation").to("verification").to("action_plan")
    walker.to("implementation").to("verification").to("customer_reply")
    walker.to("action_plan", reason="It still cracks")
    assert walker.case().complaint.round == 3
    walker.to("implementation").to("verification").to("customer_reply").to("closed").to("action_plan")


def test_a_light_complaint_that_grows_serious_is_investigated(walk: Walk, desk: Desk) -> None:
    walker = a_complaint(walk, "light").to("registered").to("customer_reply").to("registered")
    walker.to("customer_reply")
    desk.classify(walker.number, "serious", "mkt_sup")
    assert "“Finding” is not filled in yet" in walker.refused("closed")
    walker.to("investigation").to("action_plan")


def test_it_waits_for_the_recall_that_it_opened(walk: Walk, desk: Desk) -> None:
    walker = until(a_complaint(walk), "customer_reply")
    with desk.act() as session:
        case = load(session, desk.find(session, walker.number))
        (rule,) = [each for each in opening.openable(case, desk["qe"]) if each.procedure == "recall"]
        other = opening.open_case(session, case, rule, by=desk["qe"], at=desk.at, context=CONTEXT).number
    assert any("Product recall" in said for said in walker.refused("closed"))
    assert desk.case(other).complaint.production_unit == "Kiln 2"
