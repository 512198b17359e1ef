"""The procedure of what employees put forward, from the first message to the end, and who does not see it."""

from datetime import datetime

import pytest
from sqlalchemy import select

from complaints import off_board
from complaints.errors import RecordRefused, SignatureRefused
from complaints.notices import Notice
from complaints.registration import Incomplete
from tests.desk import CONTEXT, english
from tests.profiles.conftest import Walk
from tests.profiles.looking import at_desk, clock_of, papers, sees, told_to, up_to
from tests.walking import Walker

TOLD = {
    "intake__channel": "hr", "intake__employee": "staff", "assignment__handler": "hr_handler",
    "points__by": "2026-11-25T17:30", "talk__person": "mkt_sup",
}  # fmt: skip
TOPICS = {"suggestion": "culture", "work_problem": "standards", "appeal": "pay"}


def begun(walk: Walk, complaint_class: str = "appeal") -> Walker:
    walker = walk("employee", **TOLD, intake__topic=TOPICS[complaint_class])
    return at_desk(walker).draft(complaint_class=complaint_class)


@pytest.fixture
def appeal(walk: Walk) -> Walker:
    return begun(walk)


def of(walker: Walker, role: str) -> int:
    return walker.people[role][0].id or 0


@pytest.mark.requirement("S222", "S223")
@pytest.mark.parametrize("complaint_class", ["suggestion", "work_problem", "appeal"])
def test_it_goes_from_its_first_message_to_its_end(walk: Walk, complaint_class: str) -> None:
    walker = begun(walk, complaint_class)
    for stage in ("accepted", "investigation", "decision", "feedback", "closed"):
        assert walker.refused(stage)
        walker.to(stage)
    assert walker.stage == "closed"


@pytest.mark.requirement("S222")
@pytest.mark.parametrize(
    ("complaint_class", "channel", "topic", "told"),
    [
        ("suggestion", "head_office", "culture", "A suggestion does not come by this channel"),
        ("appeal", "box", "pay", "An appeal goes to the superior, human resources, head-office human resources, "),
        ("suggestion", "box", "pay", "A suggestion is about management, policy, rules or culture"),
        ("work_problem", "box", "pay", "A work problem is about environment, content or standards of the work"),
        ("appeal", "head_office", "culture", "An appeal is about pay, benefits, title or promotion"),
    ],
)
def test_each_class_has_its_channels_and_its_matters(
    walk: Walk, complaint_class: str, channel: str, topic: str, told: str
) -> None:
    walker = begun(walk, complaint_class)
    walker.desk.write(walker.number, "intake", "hr_head", channel=channel, topic=topic)
    assert [each for each in walker.refused("accepted") if each.startswith(told)]
    walker.desk.write(walker.number, "intake", "hr_head", topic=TOPICS[complaint_class], channel="web")
    assert not [each for each in walker.refused("accepted") if each.startswith(told)]


@pytest.mark.requirement("S223")
def test_an_appeal_is_accepted_with_procedure_and_time_points_told(appeal: Walker) -> None:
    appeal.write("intake")
    assert appeal.refused("accepted") == [
        "“Procedure told to the employee” is not filled in yet", "The time points must have been told to the employee"
    ]  # fmt: skip
    appeal.write("procedure_told").write("points", new=True).to("accepted")
    assert appeal.case().records["procedure_told"].values["on"] == "2026-11-16"
    assert told_to(appeal, "What you put forward is accepted") == {of(appeal, "staff")}


@pytest.mark.requirement("S107")
def test_each_time_that_was_told_is_a_due_time_and_stands_in_the_notice_to_the_employee(appeal: Walker) -> None:
    appeal.write("intake")
    for what, by in (("Hearing", "2026-11-18T15:20"), ("Written result", "2026-11-20T09:00")):
        appeal.desk.write(appeal.number, "points", "hr_head", what=what, by=by)
    assert clock_of(appeal, "appeal_points:1") == (datetime(2026, 11, 18, 15, 20), None)
    assert clock_of(appeal, "appeal_points:2") == (datetime(2026, 11, 20, 9, 0), None)
    with appeal.desk.make() as session:
        told = [each.values for each in session.scalars(select(Notice)) if each.user_id == of(appeal, "staff")]
    (first, *_) = [str(each["content"]) for each in told if "content" in each]
    assert [each in first for each in ("Hearing", "15:20")] == [True, True]
    appeal.desk.at = datetime(2026, 11, 18, 15, 19, tzinfo=CONTEXT.zone)
    appeal.desk.write(appeal.number, "points", "hr_head", place=1, done="2026-11-18T15:20")
    assert clock_of(appeal, "appeal_points:1")[1] == "met"
    appeal.desk.at = datetime(2026, 11, 20, 9, 0, tzinfo=CONTEXT.zone)
    appeal.desk.write(appeal.number, "points", "hr_head", place=2, done="2026-11-20T09:00")
    assert clock_of(appeal, "appeal_points:2")[1] == "late"


@pytest.mark.requirement("S223")
def test_a_decision_without_facts_basis_or_next_step_is_refused(appeal: Walker) -> None:
    up_to(appeal, "investigation").write("inquiries", new=True)
    appeal.desk.write(appeal.number, "decision", "hr_handler", result="upheld", result_text="The grade is corrected")
    assert appeal.refused("decision") == [
        "Facts is missing", "Basis in law or in our rules is missing", "Next step or remedy is missing"
    ]  # fmt: skip
    appeal.write("decision").to("decision")


def test_an_appeal_is_not_decided_before_anybody_was_heard_and_has_a_named_handler(appeal: Walker) -> None:
    up_to(appeal, "accepted")
    assert appeal.refused("investigation") == ["“Naming the handler” is not filled in yet"]
    appeal.to("investigation").write("decision")
    assert appeal.refused("decision") == ["An appeal is decided after somebody was heard or something looked at"]


@pytest.mark.requirement("S223")
def test_nobody_approves_their_own_decision_and_a_return_goes_back_to_its_writer(appeal: Walker) -> None:
    up_to(appeal, "investigation").write("inquiries", new=True)
    appeal.desk.write(appeal.number, "assignment", "hr_head", handler=str(of(appeal, "hr_head")))
    appeal.desk.write(
        appeal.number, "decision", "hr_head", facts="The grade is wrong", basis="Pay rules, 7", result="upheld",
        result_text="It is corrected", next_step="Paid in December",
    )  # fmt: skip
    appeal.to("decision")
    with pytest.raises(SignatureRefused):
        appeal.desk.sign(appeal.number, "decision_approved", "hr_head")
    appeal.returns("decision_approved")
    assert told_to(appeal, "What you wrote was returned; please change it") == {of(appeal, "hr_head")}
    assert len(appeal.refused("feedback")) == 1
    appeal.write("decision", next_step="Paid in November").sign("decision_approved").to("feedback")


@pytest.mark.requirement("S224")
def test_an_appeal_is_closed_after_the_talk_of_a_designated_person_and_a_written_result(appeal: Walker) -> None:
    up_to(appeal, "feedback").write("points", place=1, done="2026-11-16T12:00")
    assert appeal.refused("closed") == [
        "Result and next step must have been told to the employee", "“Talk with the employee” is not filled in yet",
        "“Written result” is not filled in yet",
    ]  # fmt: skip
    with pytest.raises(RecordRefused):
        appeal.desk.write(appeal.number, "talk", "hr_handler", person=str(of(appeal, "hr_handler")))
    appeal.write("contacts", new=True, kind="result_told").write("talk")
    assert told_to(appeal, "You are designated to talk with an employee") == {of(appeal, "mkt_sup")}
    assert appeal.refused("closed") == ["“Written result” is not filled in yet"]
    appeal.write("written_result").to("closed")


@pytest.mark.requirement("S224")
def test_an_open_time_point_and_an_objection_keep_it_open_and_a_suggestion_needs_no_talk(walk: Walk) -> None:
    walker = up_to(begun(walk), "feedback")
    walker.write("contacts", new=True, kind="result_told").write("talk").write("written_result")
    walker.write("objections", new=True)
    assert walker.refused("closed") == [
        "A time that was told to the employee is still open", "An objection has not been answered"
    ]  # fmt: skip
    other = up_to(begun(walk, "suggestion"), "feedback").write("contacts", new=True, kind="result_told")
    assert other.refused("closed") == []


@pytest.mark.requirement("S225")
def test_only_human_resources_heads_the_named_handler_and_the_employee_see_an_appeal(appeal: Walker) -> None:
    up_to(appeal, "feedback").write("talk")
    named = ("staff", "hr_handler", "mkt_sup", "sales")  # the last one noted it
    for role, (one, other) in ((role, people) for role, people in appeal.people.items()):
        expected = (True, True) if role in ("hr_head", "hr_office") else (role in named, False)
        assert (sees(appeal, one), sees(appeal, other)) == expected, role
    with appeal.desk.make() as session:
        complaint = appeal.desk.find(session, appeal.number)
        heard = set(session.scalars(select(Notice.user_id).where(Notice.complaint_id == complaint.id)))
    assert heard <= {of(appeal, "staff"), of(appeal, "hr_handler"), of(appeal, "mkt_sup")} | {
        each.id for role in ("hr_head", "hr_office") for each in appeal.people[role]
    }


@pytest.mark.requirement("S225")
def test_the_superior_concerned_never_sees_nor_handles_it_whoever_they_are(appeal: Walker) -> None:
    boss = appeal.people["hr_head"][0]
    appeal.desk.write(appeal.number, "concerned", "hr_office", people=[boss.id])
    assert not sees(appeal, boss)
    with pytest.raises(Incomplete) as refused:
        appeal.desk.write(appeal.number, "assignment", "hr_office", handler=str(boss.id))
    assert "whom it is about has no part in it" in english(refused.value.problems[0].sentence)


def test_what_an_employee_takes_back_leaves_the_board(appeal: Walker) -> None:
    appeal.write("withdrawal", statement="I take it back")
    with appeal.desk.act() as session:
        found = appeal.desk.find(session, appeal.number)
        off_board.take(
            session, found, "withdrawn", reason="As asked", by=appeal.people["hr_head"][0], at=appeal.desk.at,
            context=CONTEXT, seen_version=found.version,
        )  # fmt: skip
    assert appeal.stage == "withdrawn"


def test_an_objection_begins_another_round_and_the_written_result_tells_no_inquiry(appeal: Walker) -> None:
    up_to(appeal, "feedback")
    assert [*papers(appeal)] == ["员工意见、申诉处理表", "处理结果告知书"]
    (result,) = papers(appeal, "customer").values()
    assert "Who was heard" not in result
    appeal.to("investigation", reason="The facts are wrong")
    assert appeal.case().complaint.round == 2
