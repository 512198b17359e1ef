"""Repair dispatch: from the request, by day and by night, to the customer's word that it works."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from complaints import notices
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.errors import MoveRefused, RecordRefused
from complaints.outbox import Outgoing
from complaints.settings import Settings
from intake.mailbox import Message
from intake.pipeline import Intake
from intake.record import Manner
from tests.builders import a_person
from tests.desk import Desk
from tests.intake.conftest import Bell
from tests.intake.letters import a_mail
from tests.profiles.acts import leave, the_clocks, told_on, wall
from tests.profiles.conftest import Walk
from tests.walking import Walker

STAGES = ("dispatched", "appointment", "on_site", "repaired", "closed")
ENTRY = {"contact_phone": "021 5555 0000", "address": "12 Quay Road", "product": "Chiller"}


@pytest.fixture
def repair(walk: Walk) -> Walker:
    return walk("repair_dispatch", confirmation__works="yes", cost__total="380")


def on_the_way(walker: Walker, stage: str) -> Walker:
    walker.register(**ENTRY)
    for each in STAGES[: STAGES.index(stage) + 1]:
        walker.to(each)
    return walker


def test_a_repair_goes_from_its_request_to_its_end(repair: Walker, desk: Desk) -> None:
    repair.register(**ENTRY)
    for stage in STAGES:
        assert repair.refused(stage)
        repair.to(stage)
    assert repair.stage == "closed"
    assert the_clocks(desk, repair.number) == {}


@pytest.mark.requirement("S238")
def test_each_step_asks_for_its_time_and_for_what_the_customer_was_told(repair: Walker) -> None:
    repair.draft(complaint_class=None)
    said = repair.refused("confirmed")
    assert {"Telephone is missing", "Where it stands is missing", "Equipment is missing", "Priority is missing"} <= {
        *said
    }
    repair.correct(**ENTRY, complaint_class="normal")
    repair.to("confirmed")
    for stage, record in (("dispatched", "Dispatch"), ("appointment", "Appointment"), ("on_site", "Arrival")):
        assert repair.refused(stage) == [f"“{record}” is not filled in yet"]
        repair.to(stage)
    said = repair.refused("repaired")
    assert {"“Repair” is not filled in yet", "“Cost” is not filled in yet"} <= {*said}
    repair.write("repair").write("cost", total="380")
    assert repair.refused("repaired") == [
        "The customer must have been told the progress", "The customer must have been told the cost",
    ]  # fmt: skip
    repair.to("repaired")
    case = repair.case()
    times = ("dispatch.sent_at", "appointment.contacted_at", "visit.arrived_at", "repair.finished_at")
    assert all(case.value(ref) for ref in times)
    assert "“Customer's confirmation” is not filled in yet" in repair.refused("closed")


@pytest.mark.requirement("S238")
def test_the_technician_has_it_and_a_free_repair_needs_no_word_of_cost(repair: Walker) -> None:
    on_the_way(repair, "on_site")
    assert repair.case().complaint.owner_id == repair.people["technician"][0].id
    repair.write("repair").write("cost", total="0")
    assert "The customer must have been told the cost" not in repair.refused("repaired")


@pytest.mark.requirement("S239")
def test_the_cause_is_picked_from_the_list_of_the_file(repair: Walker) -> None:
    on_the_way(repair, "on_site")
    sheet = repair.rules.sheet("repair")
    assert sheet is not None
    assert {"part", "design", "process"} <= {*sheet.field("cause").choices}
    repair.write("repair", cause="other")
    assert repair.case().value("repair.cause_text")


@pytest.mark.requirement("S240")
def test_good_work_is_noted_for_reward_with_reason_and_person(repair: Walker, desk: Desk) -> None:
    on_the_way(repair, "closed")
    repair.write("praise", new=True, person="technician", reason="Came at midnight")
    (row,) = repair.case().rows["praise"]
    assert (row.values["person"], row.values["reason"]) == (repair.people["technician"][0].id, "Came at midnight")
    assert repair.people["mkt_vp"][0].id in told_on(desk, repair.number)
    with pytest.raises(RecordRefused):
        desk.write(repair.number, "praise", "clerk", place=row.place, reward="200 yuan")


@pytest.mark.requirement("S241")
def test_a_request_by_mail_at_night_is_taken_in_and_told_to_the_duty_person(
    desk: Desk, database_url: str, tmp_path: Path
) -> None:
    night = wall("2026-11-16 03:12")
    settings = Settings(
        data=tmp_path, database_url=database_url, redis_url="", secret_key="s" * 32, imap=(), smtp=None,
        mail_from="repairs@mill.example", organisation="Mill",
    )  # fmt: skip
    with transaction(desk.make) as session:
        duty = a_person(session, "duty", name="duty")
    with Intake(settings, desk.make, Bell(), clock=lambda: night, manner=Manner("repair_dispatch")) as intake:
        mails = [a_mail(), a_mail("The chiller is off", message_id="<2@quell.example>")]
        kept = intake.keep(
            [Message(0, each, b"", len(each), night) for each in mails], mailbox_id=None, uidvalidity=None
        )
        outcomes = list(intake.outcomes(kept.waiting))
    assert [each.outcome for each in outcomes] == ["drafted", "drafted"]
    with desk.make() as session:
        found = session.scalars(select(Complaint)).all()
        assert {(each.procedure, each.stage) for each in found} == {("repair_dispatch", "requested")}
        mailed = session.scalars(select(Outgoing).where(Outgoing.kind == notices.KIND)).all()
        assert [each.due_at - night for each in mailed] == [timedelta(seconds=10)] * 2
    assert all(told_on(desk, each.number) == {duty.id} for each in found)


def test_what_does_not_work_is_dispatched_again(repair: Walker) -> None:
    on_the_way(repair, "repaired").write("confirmation", works="no", said="Still warm")
    assert "It must work; otherwise it is dispatched again" in repair.refused("closed")
    repair.to("confirmed", reason="Still warm")
    assert repair.case().complaint.round == 2
    for stage in STAGES:
        repair.to(stage)
    assert repair.stage == "closed"


def test_a_technician_may_give_it_back(repair: Walker) -> None:
    on_the_way(repair, "appointment").to("confirmed", reason="No key to the roof")
    repair.to("dispatched")


def test_without_an_answer_it_closes_only_by_leave(repair: Walker) -> None:
    repair.told["confirmation.works"] = "silent"
    on_the_way(repair, "repaired").write("confirmation")
    assert any("Leave to close" in each for each in repair.refused("closed"))
    repair.to("closed")


def test_a_withdrawal_is_confirmed_by_somebody_else(repair: Walker, desk: Desk) -> None:
    on_the_way(repair, "dispatched")
    with pytest.raises(MoveRefused):
        leave(desk, repair.number, "withdrawn")
    repair.write("withdrawal").sign("withdrawal_confirmed")
    leave(desk, repair.number, "withdrawn")
