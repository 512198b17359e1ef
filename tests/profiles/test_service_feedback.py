"""Service feedback and its variants, property service and hotel: from the first message to the follow-up call."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from complaints import answers
from complaints.classes import proposed
from complaints.complaint import Complaint
from complaints.errors import MoveRefused, SignatureRefused
from complaints.procedure import procedure
from tests.desk import Desk
from tests.profiles.acts import leave, refusals, the_clock, the_clocks, told_on, wall
from tests.profiles.conftest import Walk
from tests.walking import Walker

VARIANTS = ("service_feedback", "property_service", "hotel")
STAGES = ("assigned", "handling", "told_customer", "follow_up", "closed")
ENTRY = {"address": "Room 1208", "contact_phone": "021 5555 0000"}
SATISFIED = {"follow_up__satisfied": "yes", "follow_up__thanked": "yes"}


@pytest.fixture(params=VARIANTS)
def begin(request: pytest.FixtureRequest, walk: Walk) -> Callable[..., Walker]:
    """Begin a walk through each of the three."""

    def begin(**told: str) -> Walker:
        return walk(request.param, **(SATISFIED | {"compensation__given": "no"} | told))

    return begin


def test_feedback_goes_from_its_first_message_to_the_follow_up(begin: Callable[..., Walker]) -> None:
    walker = begin()
    walker.register(**ENTRY)
    for stage in STAGES:
        assert walker.refused(stage)
        walker.to(stage)
    assert walker.stage == "closed"


def test_every_stage_says_what_it_asks(begin: Callable[..., Walker]) -> None:
    walker = begin()
    walker.draft(complaint_class=None)
    said = walker.refused("classified")
    assert "Priority is missing" in said
    assert "“Classification” is not filled in yet" in said
    walker.correct(complaint_class="normal")
    walker.correct(**ENTRY)
    walker.to("classified")
    assert any("is not filled in yet" in each for each in walker.refused("assigned"))
    walker.to("assigned")
    assert any("must have been told" in each for each in walker.refused("handling"))
    walker.to("handling")
    said = walker.refused("told_customer")
    assert {"“Handling” is not filled in yet", "“Compensation” is not filled in yet"} <= {*said}
    assert any("must have been told the result" in each for each in said)
    walker.to("told_customer")
    assert walker.refused("follow_up") == ["Who calls back is missing", "Call back by is missing"]
    walker.to("follow_up")
    walker.write("follow_up", satisfied="no", thanked="no", said="Still cold", done="2026-11-16")
    said = walker.refused("closed")
    assert any("must be satisfied; otherwise it goes back to handling" in each for each in said)
    assert any("is thanked before it is closed" in each for each in said)


@pytest.mark.requirement("S27")
def test_a_suggestion_leaves_the_board_for_the_suggestion_list(begin: Callable[..., Walker], desk: Desk) -> None:
    walker = begin()
    walker.draft(**ENTRY).write("classification", kind="attitude")
    with pytest.raises(MoveRefused) as refused:
        leave(desk, walker.number, "suggestion")
    assert refusals(refused) == ["Only a suggestion goes to the suggestion list"]
    walker.write("classification", kind="suggestion")
    assert "A suggestion goes to the suggestion list" in walker.refused("classified")
    leave(desk, walker.number, "suggestion")
    with desk.make() as session:
        found, _ = answers.of_kind(session, desk["clerk"], "suggestion")
        assert [(each.card.number, each.owner) for each in found] == [(walker.number, "clerk")]
    assert walker.case().rules.stage(walker.stage).off_board


def test_who_is_not_satisfied_brings_it_back_to_handling_until_they_are(begin: Callable[..., Walker]) -> None:
    walker = begin()
    walker.register(**ENTRY)
    for stage in STAGES[:-1]:
        walker.to(stage)
    walker.to("handling", reason="It is loud again")
    case = walker.case()
    assert (case.stage, case.complaint.round) == ("handling", 2)
    assert "“Handling” is not filled in yet" in walker.refused("told_customer")
    for stage in STAGES[2:]:
        walker.to(stage)
    assert walker.stage == "closed"


def test_compensation_is_approved_by_somebody_else_and_nothing_else_is_approved(begin: Callable[..., Walker]) -> None:
    walker = begin(compensation__given="yes", compensation__yuan="200")
    walker.register(**ENTRY)
    walker.to("assigned").to("handling").write("compensation")
    assert any("Compensation approved" in each for each in walker.refused("told_customer"))
    walker.desk.write(walker.number, "compensation", "mkt_sup", reason="A night for free")
    with pytest.raises(SignatureRefused):
        walker.desk.sign(walker.number, "compensation_approved", "mkt_sup")
    walker.desk.sign(walker.number, "compensation_approved", "mkt_vp")
    walker.to("told_customer")
    signatures = {each.key for each in walker.rules.signatures}
    assert signatures == {"compensation_approved", "closed_without_answer", "withdrawal_confirmed"}


def test_without_an_answer_it_closes_only_by_leave(begin: Callable[..., Walker]) -> None:
    walker = begin(follow_up__satisfied="silent")
    walker.register(**ENTRY)
    for stage in STAGES[:-1]:
        walker.to(stage)
    walker.write("follow_up")
    assert any("Leave to close" in each for each in walker.refused("closed"))
    walker.to("closed")
    assert "closed_without_answer" in walker.case().signatures


def test_a_withdrawal_is_confirmed_by_somebody_else(begin: Callable[..., Walker], desk: Desk) -> None:
    walker = begin()
    walker.register(**ENTRY)
    with pytest.raises(MoveRefused) as refused:
        leave(desk, walker.number, "withdrawn")
    assert len(refusals(refused)) == 2
    walker.write("withdrawal").sign("withdrawal_confirmed")
    leave(desk, walker.number, "withdrawn")
    assert walker.stage == "withdrawn"


def test_signs_of_urgency_propose_that_it_is_urgent(begin: Callable[..., Walker]) -> None:
    walker = begin()
    walker.draft(**ENTRY).write("classification", signs=["danger"])
    assert (proposal := proposed(walker.case()))
    assert proposal.complaint_class == "urgent"


# Service feedback


@pytest.mark.requirement("S14")
@pytest.mark.parametrize("variant", ["service_feedback", "property_service"])
def test_whoever_gives_feedback_is_verified_before_it_is_accepted(walk: Walk, variant: str) -> None:
    walker = walk(variant).draft(**ENTRY)
    assert any("Identity of whoever" in each for each in walker.refused("classified"))
    walker.to("classified")
    case = walker.case()
    assert case.value("identity.how")
    assert case.value("identity.result")


@pytest.mark.requirement("S101")
@pytest.mark.parametrize(("answered", "outcome"), [("2026-11-21 18:00", "met"), ("2026-11-21 18:01", "late")])
def test_online_feedback_is_answered_within_24_hours_as_an_aim(
    walk: Walk, desk: Desk, answered: str, outcome: str
) -> None:
    walker = walk("service_feedback")
    desk.at = wall("2026-11-20 18:00") - timedelta(minutes=1)
    walker.draft(channel="web")
    clock = the_clock(desk, walker.number, "online_answer")
    assert clock.due_at == wall("2026-11-21 18:00")  # Friday evening: round the clock
    desk.at = wall(answered) - timedelta(minutes=1)
    walker.write("contacts", new=True, kind="first_answer")
    assert the_clock(desk, walker.number, "online_answer").outcome == outcome
    (rule,) = walker.rules.clocks
    assert rule.target
    assert rule.penalty is None
    assert walker.rules.counting.replies == ("online_answer",)


@pytest.mark.requirement("S101")
def test_only_online_feedback_has_that_clock(walk: Walk, desk: Desk) -> None:
    walker = walk("service_feedback").register(channel="phone")
    assert the_clocks(desk, walker.number) == {}
    for variant in ("property_service", "hotel"):
        assert not procedure(variant).clocks


@pytest.mark.requirement("S242")
def test_the_call_back_is_a_task_and_no_step_waits_for_an_approval(walk: Walk, desk: Desk) -> None:
    walker = walk("service_feedback", compensation__given="no", follow_up__caller="sales", **SATISFIED).register()
    for stage in STAGES[:-1]:
        walker.to(stage)
    case = walker.case()
    assert case.complaint.owner_id == walker.people["sales"][0].id
    assert not case.signatures
    sheet = case.rules.sheet("follow_up")
    assert sheet is not None
    assert {each.part for each in sheet.fields} >= {"owner", "due", "done", "result"}


@pytest.mark.requirement("S243")
@pytest.mark.parametrize("kind", ["environment", "facilities", "payment"])
def test_a_filling_station_chooses_its_categories(walk: Walk, kind: str) -> None:
    walker = walk("service_feedback", classification__kind=kind).register()
    assert walker.case().value("classification.kind") == kind


def test_the_number_is_found_again(walk: Walk, desk: Desk) -> None:
    walker = walk("service_feedback").register()
    with desk.make() as session:
        assert session.scalars(select(Complaint.procedure).where(Complaint.number == walker.number)).one()


# Property service


@pytest.mark.requirement("S231")
def test_a_repair_request_goes_to_repair_with_a_timetable_that_the_owner_is_told(walk: Walk) -> None:
    walker = walk("property_service", classification__kind="repair", compensation__given="no", **SATISFIED)
    walker.register(**ENTRY).write("assignment", team="cleaning")
    assert walker.refused("assigned") == ["A repair request goes to repair"]
    walker.write("assignment", team="repair")
    walker.to("assigned")
    assert walker.refused("handling") == ["The owner must have been told the timetable"]
    walker.to("handling")
    assert "The owner must have been told the progress" in walker.refused("told_customer")
    walker.to("told_customer").to("follow_up")
    walker.write("follow_up", solved="no", satisfied="yes", said="It drips", thanked="yes", done="2026-11-16")
    assert walker.refused("closed") == ["The owner must have confirmed that it is solved"]
    walker.write("follow_up", solved="yes").to("closed")


@pytest.mark.parametrize(
    ("kind", "told"),
    [("security", "A matter of security goes to security"), ("cleaning", "A matter of cleaning goes to cleaning")],
)
def test_security_and_cleaning_are_dispatched_to_their_own(walk: Walk, kind: str, told: str) -> None:
    walker = walk("property_service", classification__kind=kind).register(**ENTRY)
    walker.write("assignment", team="repair")
    assert walker.refused("assigned") == [told]
    walker.write("assignment", team=kind).to("assigned")


def test_property_needs_room_and_phone(walk: Walk) -> None:
    walker = walk("property_service").draft()
    assert {"Building and room is missing", "Telephone is missing"} <= {*walker.refused("classified")}


# Hotel


@pytest.mark.requirement("S244")
def test_a_guests_complaint_is_reported_to_the_superior_and_tracked_until_satisfied(walk: Walk, desk: Desk) -> None:
    walker = walk("hotel", compensation__given="no", report_up__to="mkt_sup", **SATISFIED).draft(**ENTRY)
    assert "“Listened to the guest” is not filled in yet" in walker.refused("classified")
    walker.to("classified")
    assert "“Report to the superior” is not filled in yet" in walker.refused("assigned")
    walker.to("assigned")
    superior = walker.people["mkt_sup"][0]
    assert superior.id in told_on(desk, walker.number)
    walker.desk.people["superior"] = superior
    desk.write(walker.number, "report_up", "superior", instruction="Offer another room")
    for stage in STAGES[1:-1]:
        walker.to(stage)
    assert "The guest must be satisfied; otherwise it goes back to handling" in walker.refused("closed")
    walker.to("closed")
