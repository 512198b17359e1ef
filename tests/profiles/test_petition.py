"""The procedure of petitions and reports, from the first message to the end, and who does not see it."""

from typing import Any

import pytest

from complaints import board, off_board
from complaints.board import Filters
from complaints.case import load
from complaints.errors import MoveRefused, RecordRefused
from complaints.registration import Incomplete
from tests.desk import CONTEXT, english
from tests.profiles.conftest import Walk
from tests.profiles.looking import at_desk, papers, sees, told_to, up_to
from tests.walking import Walker

TRUE = {"finding__result": "true", "screening__meets": "yes", "check__real": "yes", "check__valid": "yes"}


@pytest.fixture
def walker(walk: Walk) -> Walker:
    return at_desk(walk("petition", **TRUE, reported__people=["sales"])).register()


def of(walker: Walker, role: str) -> int:
    return walker.people[role][0].id or 0


def take(walker: Walker, outcome: str) -> None:
    with walker.desk.act() as session:
        found = walker.desk.find(session, walker.number)
        off_board.take(
            session, found, outcome, reason="As decided", by=walker.people["petition_office"][0], at=walker.desk.at,
            context=CONTEXT, seen_version=found.version,
        )  # fmt: skip


@pytest.mark.requirement("S226", "S227")
@pytest.mark.parametrize("result", ["true", "untrue"])
def test_a_petition_goes_from_its_first_message_to_its_end(walk: Walk, result: str) -> None:
    walker = walk("petition", **TRUE | {"finding__result": result}).draft()
    for stage in ("registered", "screening", "routed", "investigation", "decision", "feedback", "closed"):
        assert walker.refused(stage)
        walker.to(stage)
    assert walker.stage == "closed"


@pytest.mark.requirement("S226")
def test_it_is_registered_with_truth_and_validity_checked_and_a_receipt_whose_number_finds_it(walk: Walk) -> None:
    walker = at_desk(walk("petition")).draft(subject="Waste is poured into the river")
    assert walker.refused("registered") == [
        "“Check of truth and validity” is not filled in yet", "“Receipt” is not filled in yet"
    ]  # fmt: skip
    walker.write("check", valid="yes").write("receipt", way="post").to("registered")
    assert walker.case().records["receipt"].number == "XF-2026-0001"
    with walker.desk.make() as session:
        office = walker.people["petition_office"][0]

        def found(q: str) -> list[str]:
            columns = board.columns(session, office, walker.rules, walker.desk.at, filters=Filters(q=q))
            return [card.number for column in columns for card in column.cards]

        assert found("xf-2026-0001") == [walker.number]
        assert found("XF-2026-0002") == []


@pytest.mark.requirement("S226")
def test_what_is_not_accepted_needs_the_reason_that_was_told_and_a_second_person(walker: Walker) -> None:
    walker.told["screening.meets"] = "no"
    walker.desk.write(walker.number, "screening", "petition_office", meets="no")
    assert walker.refused("screening") == [
        "The reason why it is not accepted, as told to the reporter is missing",
        "Told on is missing",
        "It does not meet the acceptance criteria: tell the reporter the reason and take it off the board as not "
        "accepted",
    ]
    with pytest.raises(MoveRefused):
        take(walker, "not_accepted")
    walker.write("screening", reason="It is before a court").sign("refusal_approved")
    take(walker, "not_accepted")
    assert walker.stage == "not_accepted"


def test_what_cannot_be_looked_into_or_meets_the_criteria_goes_the_other_way(walker: Walker) -> None:
    walker.write("check", valid="no")
    assert "What is not clear enough to be looked into is not accepted" in walker.refused("screening")
    walker.write("check", valid="yes").write("screening")
    with pytest.raises(MoveRefused) as refused:
        take(walker, "not_accepted")
    assert "It meets the acceptance criteria" in [english(each.sentence) for each in refused.value.missing]


@pytest.mark.requirement("S226")
def test_it_is_routed_to_a_department_where_only_the_person_who_takes_it_over_sees_it(walker: Walker) -> None:
    walker.to("screening")
    walker.desk.write(walker.number, "routing", "petition_office", request="Look at the outlet")
    assert walker.refused("routed") == ["Functional department is missing", "Who looks into it there is missing"]
    walker.write("routing", investigator="dept", department=[walker.desk.department]).to("routed")
    assert sees(walker, walker.people["dept"][0])
    assert not sees(walker, walker.people["dept"][1])
    assert not sees(walker, walker.people["dept_head"][0])
    assert told_to(walker, "You are named to look into a petition") == {of(walker, "dept")}
    assert walker.case().complaint.owner_id == of(walker, "dept")
    assert walker.refused("investigation") == ["“Taken over by the functional department” is not filled in yet"]
    with pytest.raises(RecordRefused):
        walker.desk.write(walker.number, "taken_over", "petition_office", on="2026-11-16")
    walker.to("investigation")


@pytest.mark.requirement("S227")
def test_what_is_true_needs_action_by_law_carried_out_and_told(walker: Walker) -> None:
    up_to(walker, "investigation").write("finding", result="true")
    assert walker.refused("decision") == ["The evidence must be listed", "“Action by law” is not filled in yet"]
    with pytest.raises(RecordRefused):
        walker.write("explanation")
    walker.to("decision").to("feedback")
    assert walker.refused("closed") == [
        "The result must have been told to the reporter", "“What was carried out” is not filled in yet"
    ]  # fmt: skip


@pytest.mark.requirement("S227")
def test_what_is_untrue_is_explained_to_the_reporter_and_that_is_logged(walker: Walker) -> None:
    walker.told["finding.result"] = "untrue"
    up_to(walker, "investigation").write("finding").write("evidence", new=True)
    assert walker.refused("decision") == ["“Explanation to the reporter” is not filled in yet"]
    walker.to("decision").to("feedback").write("contacts", new=True, kind="result_told")
    assert walker.refused("closed") == ["It must have been explained to the reporter why it is untrue"]
    walker.write("contacts", new=True, kind="explained").to("closed")


@pytest.mark.requirement("S228")
def test_a_request_for_a_hearing_is_decided_with_reasons_and_held(walker: Walker) -> None:
    up_to(walker, "investigation").write("contacts", new=True, kind="heard")
    walker.write("finding").write("evidence", new=True).write("action")
    walker.desk.write(
        walker.number, "hearings", "petition_office", by_whom="The reporter", on="2026-11-16", text="To be heard"
    )
    assert told_to(walker, "A hearing is asked for, or there is an objection: please decide") >= {
        of(walker, "petition_head")
    }
    assert walker.refused("decision") == ["A request for a hearing has not been decided"]
    with pytest.raises(RecordRefused):
        walker.desk.write(walker.number, "hearings", "petition_office", place=1, decision="granted")
    with pytest.raises(Incomplete):
        walker.desk.write(walker.number, "hearings", "petition_head", place=1, decision="granted")
    walker.write("hearings", place=1, decision="granted", why="The facts are disputed")
    assert walker.refused("decision") == ["A hearing that was granted has not been held"]
    walker.write("hearings", place=1, held_on="2026-11-16").to("decision")
    walker.desk.write(
        walker.number, "hearings", "petition_office", by_whom="The foreman", on="2026-11-16", text="To be heard, too"
    )
    walker.sign("decision_approved")
    assert walker.refused("feedback") == ["A request for a hearing has not been decided"]


def test_nobody_approves_a_decision_that_they_wrote(walker: Walker) -> None:
    up_to(walker, "investigation").write("finding").write("evidence", new=True)
    walker.desk.write(
        walker.number, "action", "petition_head", basis="Water law, section 5", text="A fine",
        executor=str(of(walker, "staff")),
    )  # fmt: skip
    walker.to("decision")
    assert walker.refused("feedback") == [
        "Approval of the decision: not signed yet (Head of the petition office, Legal adviser, General manager)"
    ]
    walker.sign("decision_approved")
    (signature,) = [each for each in walker.case().given if each.key == "decision_approved"]
    assert signature.user_id != walker.desk["petition_head"].id
    assert told_to(walker, "The decision is approved: carry it out and tell the reporter") >= {of(walker, "staff")}


@pytest.mark.parametrize("key", ["hearings", "objections"])
def test_nothing_is_closed_while_a_hearing_or_an_objection_is_open(walker: Walker, key: str) -> None:
    up_to(walker, "feedback")
    walker.write("carried_out").write("contacts", new=True, kind="result_told")
    values: dict[str, Any] = {"by_whom": "The reporter", "text": "Too little"} | (
        {"on": "2026-11-16"} if key == "hearings" else {}
    )
    walker.desk.write(walker.number, key, "petition_office", **values)
    assert len(walker.refused("closed")) == 1
    with walker.desk.make() as session:
        assert load(session, walker.desk.find(session, walker.number)).stage == "feedback"
    walker.to("investigation", reason="Look again")
    assert walker.case().complaint.round == 2


def test_nobody_but_the_petition_office_sees_or_hears_of_it_and_least_of_all_who_is_reported(walk: Walk) -> None:
    walker = up_to(walk("petition", **TRUE).draft(), "closed")
    others = ("clerk", "mkt_vp", "qa_head", "qe", "qa_mgr", "mr", "gm", "admin", "dept_head", "warehouse")
    assert [role for role in others if sees(walker, walker.people[role][0])] == []
    assert all(sees(walker, each) for role in ("petition_office", "petition_head") for each in walker.people[role])


def test_who_is_reported_sees_nothing_even_in_the_petition_office_and_is_never_named_to_handle_it(
    walker: Walker,
) -> None:
    office = walker.people["petition_office"][1]
    walker.write("reported", people=[office.id])
    assert not sees(walker, office)
    walker.to("screening")
    with pytest.raises(Incomplete) as refused:
        walker.write("routing", investigator=office.id)
    assert "whom it is about has no part in it" in english(refused.value.problems[0].sentence)


def test_the_receipt_names_nothing_but_the_petition_and_nothing_has_a_clock(walker: Walker) -> None:
    walker.write("reported", others="The foreman of the pump house")
    assert [*papers(walker)] == ["受理回执", "信访举报件办理单"]
    (receipt,) = papers(walker, "customer").values()
    assert "pump house" not in receipt
    assert walker.rules.clocks == ()
