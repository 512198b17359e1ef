"""Problems with vehicles: from the first message over both measures to the customer's yes, or handled on the spot."""

from datetime import date, timedelta
from typing import Any

import pytest

from complaints.classes import proposed
from complaints.errors import MoveRefused, SignatureRefused
from tests.desk import Desk
from tests.profiles.acts import leave, refusals, the_clock, the_clocks, told_on, wall
from tests.profiles.conftest import Walk
from tests.walking import Walker

STAGES = ("reported", "lead_named", "temporary_measure", "permanent_measure", "verified", "closed")
ENTRY: dict[str, Any] = {
    "address": "G60, km 214", "contact_person": "Zhao Lei", "contact_phone": "0571 5555 0101",
    "production_date": date(2025, 3, 4), "model": "TM-7",
}  # fmt: skip
TOLD = {
    "vehicle__single": "no", "vehicle__clear": "yes", "vehicle__accident": "no", "verification__effective": "yes",
    "answer__decision": "accepted",
}  # fmt: skip


@pytest.fixture
def vehicle(walk: Walk) -> Walker:
    return walk("vehicle", **TOLD)


def on_the_way(walker: Walker, stage: str, **fields: Any) -> Walker:
    walker.register(**(ENTRY | {"complaint_class": "general"} | fields))
    for each in STAGES[: STAGES.index(stage) + 1]:
        walker.to(each)
    return walker


@pytest.mark.parametrize("complaint_class", ["general", "major"])
def test_a_problem_goes_from_its_first_message_to_its_end(vehicle: Walker, complaint_class: str) -> None:
    vehicle.register(**ENTRY, complaint_class=complaint_class)
    for stage in STAGES:
        assert vehicle.refused(stage)
        vehicle.to(stage)
    assert vehicle.stage == "closed"


@pytest.mark.requirement("S235")
def test_a_report_without_one_of_its_fields_is_refused(vehicle: Walker) -> None:
    vehicle.draft(complaint_class="general")
    vehicle.desk.write(vehicle.number, "vehicle", "sales", clear="no")
    said = vehicle.refused("facts_confirmed")
    for name in (
        "Place",
        "Reporter",
        "Contact",
        "Production date",
        "Vehicle model",
        "Chassis no.",
        "Mileage (km)",
        "Photographs or video",
    ):
        assert f"{name} is missing" in said, said
    (sheet,) = [each for each in vehicle.rules.sheets if each.key == "vehicle"]
    required = {each.key for each in sheet.fields if each.required}
    assert required >= {"sale_date", "chassis", "mileage", "failures", "single", "clear", "media"}


@pytest.mark.requirement("S235")
def test_what_is_unclear_comes_with_a_photograph_or_a_video(vehicle: Walker) -> None:
    vehicle.told["vehicle.clear"] = "no"
    vehicle.register(**ENTRY)
    assert vehicle.case().value("vehicle.media")


@pytest.mark.requirement("S236")
def test_of_an_accident_the_scene_is_kept_and_a_technician_sent(vehicle: Walker) -> None:
    vehicle.told["vehicle.accident"] = "yes"
    vehicle.draft(**ENTRY).write("vehicle")
    assert (proposal := proposed(vehicle.case())) is not None
    assert proposal.complaint_class == "major"
    vehicle.correct(complaint_class="major")
    vehicle.to("facts_confirmed")
    assert [label.key for label in vehicle.case().labels] == ["accident"]
    assert "“At the scene” is not filled in yet" in vehicle.refused("reported")
    vehicle.write("scene", kept="no")
    assert "The scene of an accident is kept" in vehicle.refused("reported")
    vehicle.write("scene", kept="yes").to("reported")
    case = vehicle.case()
    assert case.value("scene.technician")
    assert case.value("scene.manager")
    assert case.value("scene.evidence")
    assert {each.id for each in vehicle.people["mkt_sup"]} <= told_on(vehicle.desk, vehicle.number)


@pytest.mark.requirement("S236")
def test_a_single_low_level_problem_is_handled_locally_and_leaves_the_board_with_a_note(
    vehicle: Walker, desk: Desk
) -> None:
    vehicle.told["vehicle.single"] = "yes"
    vehicle.register(**ENTRY, complaint_class="low")
    assert the_clocks(desk, vehicle.number) == {}
    assert "A single low-level problem is handled locally and not reported" in vehicle.refused("reported")
    with pytest.raises(MoveRefused) as refused:
        leave(desk, vehicle.number, "handled_locally")
    assert refusals(refused) == ["“Handled locally” is not filled in yet"]
    vehicle.write("local", text="Bulb changed")
    leave(desk, vehicle.number, "handled_locally")
    assert vehicle.case().rules.stage(vehicle.stage).off_board


@pytest.mark.requirement("S236")
def test_what_is_neither_single_nor_low_level_is_not_handled_locally(vehicle: Walker, desk: Desk) -> None:
    vehicle.register(**ENTRY, complaint_class="general").write("local")
    with pytest.raises(MoveRefused) as refused:
        leave(desk, vehicle.number, "handled_locally")
    assert refusals(refused) == [
        "Only a low-level problem is handled locally", "Only a single problem is handled locally",
    ]  # fmt: skip


@pytest.mark.requirement("S237")
def test_the_lead_department_sets_both_measures_and_general_management_checks_them(vehicle: Walker) -> None:
    on_the_way(vehicle, "reported")
    assert "“Lead department” is not filled in yet" in vehicle.refused("lead_named")
    vehicle.to("lead_named")
    assert vehicle.refused("temporary_measure") == ["“Temporary measure” is not filled in yet"]
    vehicle.to("temporary_measure")
    assert vehicle.refused("permanent_measure") == ["“Permanent measure” is not filled in yet"]
    vehicle.to("permanent_measure")
    vehicle.to("verified")
    said = vehicle.refused("closed")
    assert "“Check list of general management” is not filled in yet" in said
    assert "The customer must have been told the result" in said
    vehicle.to("closed")


def test_quality_management_may_return_the_report(vehicle: Walker) -> None:
    on_the_way(vehicle, "reported").returns("receipt")
    assert vehicle.stage == "facts_confirmed"
    vehicle.write("report", facts="Better").to("reported").to("lead_named")


def test_the_lead_may_be_disputed_and_measures_that_do_not_work_come_again(vehicle: Walker) -> None:
    on_the_way(vehicle, "lead_named").to("reported", reason="It is the gearbox").to("lead_named")
    vehicle.to("temporary_measure").to("permanent_measure")
    vehicle.to("temporary_measure", reason="It came again")
    assert vehicle.case().complaint.round == 2
    vehicle.to("permanent_measure").to("verified")
    vehicle.to("temporary_measure", reason="Still stalls")
    vehicle.to("permanent_measure").to("verified").to("closed")
    vehicle.to("temporary_measure", reason="It came again")
    assert vehicle.case().complaint.round == 4


def test_nobody_verifies_their_own_measure(vehicle: Walker) -> None:
    on_the_way(vehicle, "permanent_measure").write("verification", effective="no")
    assert "The measures must be effective" in vehicle.refused("verified")
    vehicle.write("verification", effective="yes")
    with pytest.raises(SignatureRefused):
        vehicle.desk.sign(vehicle.number, "verified", "dept_head")
    vehicle.to("verified")


def test_without_an_answer_it_closes_only_by_leave(vehicle: Walker) -> None:
    vehicle.told["answer.decision"] = "silent"
    on_the_way(vehicle, "verified").write("answer")
    assert any("Leave to close" in each for each in vehicle.refused("closed"))
    vehicle.to("closed")


def test_a_withdrawal_is_confirmed_by_somebody_else(vehicle: Walker, desk: Desk) -> None:
    on_the_way(vehicle, "reported")
    with pytest.raises(MoveRefused):
        leave(desk, vehicle.number, "withdrawn")
    vehicle.write("withdrawal").sign("withdrawal_confirmed")
    leave(desk, vehicle.number, "withdrawn")


@pytest.mark.requirement("S103")
@pytest.mark.parametrize(("reported", "outcome"), [("2026-11-17 17:30", "met"), ("2026-11-17 17:31", "late")])
def test_what_is_clarified_is_reported_within_a_working_day(
    vehicle: Walker, desk: Desk, reported: str, outcome: str
) -> None:
    vehicle.register(**ENTRY, complaint_class="general")
    assert the_clock(desk, vehicle.number, "vehicle_report").due_at == wall("2026-11-17 17:30")  # confirmed on Monday
    vehicle.write("report")
    desk.at = wall(reported) - timedelta(minutes=1)
    vehicle.to("reported")
    assert the_clock(desk, vehicle.number, "vehicle_report").outcome == outcome


@pytest.mark.requirement("S104")
@pytest.mark.parametrize(("named", "outcome"), [("2026-11-17 17:30", "met"), ("2026-11-17 17:31", "late")])
def test_the_lead_department_is_named_within_a_working_day(
    vehicle: Walker, desk: Desk, named: str, outcome: str
) -> None:
    on_the_way(vehicle, "reported").sign("receipt")
    assert the_clock(desk, vehicle.number, "vehicle_lead").due_at == wall("2026-11-17 17:30")  # received on Monday
    vehicle.write("lead")
    desk.at = wall(named) - timedelta(minutes=1)
    vehicle.to("lead_named")
    assert the_clock(desk, vehicle.number, "vehicle_lead").outcome == outcome
