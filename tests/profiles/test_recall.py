"""Recalls: walked from the first information to the review of the procedure, with what each step refuses."""

import pytest
from sqlalchemy import select

from complaints import off_board, replies
from complaints.complaint import Complaint, visible_to
from complaints.errors import MoveRefused, RecordRefused, SignatureRefused
from complaints.printing import Wanted, composed
from complaints.registration import Incomplete
from tests.builders import MONDAY
from tests.desk import CONTEXT, Desk, english
from tests.profiles.conftest import Walk
from tests.walking import Walker

STEPS = (
    "samples_checked", "plan", "approved_by_gm", "notified", "totals", "disposal", "cause", "correction",
    "procedure_reviewed",
)  # fmt: skip
TOTALS = {
    "processed": "1000", "sold": "800", "in_stock": "190", "unaccounted": "10", "returned": "750", "outstanding": "50",
    "held": "940", "explained": "50 are built in, 10 were samples",
}  # fmt: skip
DISPOSED = {"goods": "940", "destroyed": "600", "use_changed": "100", "shown_safe": "40", "reprocessed": "200"}
TOLD = {
    "authority__starter": "mkt_vp", "recheck__needed": "yes",
    **{f"totals__{key}": value for key, value in TOTALS.items()},
    **{f"disposal__{key}": value for key, value in DISPOSED.items()},
}  # fmt: skip


def a_recall(walk: Walk, **told: str) -> Walker:
    walker = walk("recall", **TOLD | told)
    return walker.draft(product="Angle valve", batch="L2608-114", production_date=MONDAY.date(), complaint_class=None)


def until(walker: Walker, stage: str) -> Walker:
    for step in STEPS[: STEPS.index(stage) + 1]:
        walker.to(step)
    return walker


@pytest.mark.requirement("S191")
def test_a_recall_goes_through_its_steps_in_their_order_and_each_needs_its_record(walk: Walk) -> None:
    walker = a_recall(walk)
    for step, after in zip(STEPS, [*STEPS[1:], None], strict=True):
        assert walker.refused(step)
        if after is not None:
            with pytest.raises(AssertionError):  # no way past a step
                walker.refused(after)
        walker.to(step)
    case = walker.case()
    assert case.complaint.closed_at is not None
    assert case.records["information"].number == "RC-2026-0001"
    assert [label.key for label in case.labels] == []


@pytest.mark.requirement("S187")
def test_the_retained_samples_of_the_batch_and_of_both_neighbours_are_re_checked(walk: Walk) -> None:
    walker = a_recall(walk, information__trigger="authority")
    walker.write("information").write("recheck")
    assert walker.refused("samples_checked") == [
        "The retained sample of the batch must be re-checked",
        "The retained sample of the batch before must be re-checked",
        "The retained sample of the batch after must be re-checked",
    ]
    with pytest.raises(Incomplete) as refused:
        walker.desk.write(
            walker.number, "samples", "qe", position="before", batch="L2608-113", produced_on="2026-08-01"
        )
    assert [problem.field for problem in refused.value.problems] == ["result", "values", "checked_on"]
    for position, batch in (("own", "L2608-114"), ("before", "L2608-113"), ("after", "L2608-115")):
        walker.write("samples", new=True, position=position, batch=batch, result="nonconforming")
    walker.to("samples_checked")


@pytest.mark.requirement("S193")
def test_manufacturer_batch_and_production_date_are_asked_for_and_what_the_label_lacks_is_marked(walk: Walk) -> None:
    walker = walk("recall", **TOLD).draft(product="Angle valve", complaint_class=None)
    walker.write("information", trigger="media", manufacturer="", lacks=["batch", "production_date"])
    assert walker.refused("samples_checked")[:2] == ["Batch no. is missing", "Production date is missing"]
    assert [label.name.zh for label in walker.case().labels] == ["标签不完整"]
    with walker.desk.make() as session:
        said = composed(
            session, walker.desk.find(session, walker.number), Wanted("recall_record", "zh"), zone=CONTEXT.zone
        )
    (batch,) = [item for item in said["sections"][0]["items"] if item["label"] == ["Batch no.", "批号"]]
    assert batch["words"] == []  # a paper marks what is empty


def test_where_no_recall_is_needed_somebody_else_confirms_that_and_it_leaves_the_board(walk: Walk, desk: Desk) -> None:
    walker = a_recall(walk, recheck__needed="no").to("samples_checked")
    assert "The re-check must say that a recall is needed" in walker.refused("plan")

    def leave() -> None:
        with desk.act() as session:
            found = desk.find(session, walker.number)
            off_board.take(
                session, found, "no_recall", reason="Conforming", by=desk["qa_mgr"], at=desk.at, context=CONTEXT,
                seen_version=found.version,
            )  # fmt: skip

    with pytest.raises(MoveRefused) as refused:
        leave()
    assert [english(each.sentence) for each in refused.value.missing] == [
        "Confirmation that no recall is needed: not signed yet (QA manager, Management representative)"
    ]
    walker.sign("no_recall_confirmed")
    leave()
    assert walker.stage == "no_recall"


@pytest.mark.requirement("S188")
def test_only_whom_the_general_manager_authorised_starts_the_recall(walk: Walk, desk: Desk) -> None:
    walker = a_recall(walk).to("samples_checked")
    with pytest.raises(RecordRefused):
        desk.write(walker.number, "authority", "qa_mgr", starter=str(desk["qa_mgr"].id), on="2026-11-16")
    desk.write(walker.number, "authority", "gm", starter=str(desk["mkt_vp"].id), on="2026-11-16")
    for function in ("sales", "management", "quality"):
        walker.write("team", new=True, function=function, telephone="0571-8888")
    for role in ("gm", "qa_mgr", "sales"):
        with pytest.raises(MoveRefused) as refused:
            desk.move(walker.number, "plan", role)
        assert [english(each.sentence) for each in refused.value.missing] == [
            "Your role may not move it here: only Authorised starter"
        ]
    desk.move(walker.number, "plan", "mkt_vp")


@pytest.mark.requirement("S188")
def test_the_team_has_sales_management_and_quality_and_is_printed_with_telephones(walk: Walk) -> None:
    walker = a_recall(walk).to("samples_checked").write("authority")
    assert walker.refused("plan") == [
        "The team needs somebody of sales", "The team needs somebody of general management",
        "The team needs somebody of quality",
    ]  # fmt: skip
    walker.write("team", new=True, function="sales", telephone="0571-8888-0001", duty="Calls the dealers")
    with pytest.raises(Incomplete):
        walker.desk.write(
            walker.number, "team", "gm", member=str(walker.desk["qe"].id), function="quality", duty="Tests",
            department="Quality",
        )  # fmt: skip
    walker.to("plan")
    with walker.desk.make() as session:
        found = walker.desk.find(session, walker.number)
        said = str(composed(session, found, Wanted("team_list", "en"), zone=CONTEXT.zone))
    assert "0571-8888-0001" in said
    assert "Calls the dealers" in said


@pytest.mark.requirement("S189")
def test_nobody_is_told_before_the_general_manager_has_approved_the_plan(walk: Walk, desk: Desk) -> None:
    walker = until(a_recall(walk), "plan").write("plan")
    told = {"whom": "authority", "way": "phone", "on": "2026-11-16", "at": "15:00", "text": "Batch L2608-114"}
    with pytest.raises(RecordRefused) as refused:
        desk.write(walker.number, "notifications", "sales", **told)
    assert [english(each.sentence) for each in refused.value.missing] == [
        "Approval of the recall plan: not signed yet (General manager)"
    ]
    with pytest.raises(replies.NotSent) as unsent:
        write_to_the_customer(desk, walker)
    assert [english(each.sentence) for each in unsent.value.problems] == [
        "Nobody is told before “Approval of the recall plan” is signed"
    ]
    with pytest.raises(SignatureRefused):
        desk.sign(walker.number, "plan_approved", "mr")
    walker.returns("plan_approved", "Which dealers?")
    assert any("which has changed" in said or "was returned" in said for said in refusal(desk, walker))
    walker.write("plan", scope="All of the batch, at three dealers").to("approved_by_gm")
    assert walker.refused("notified") == ["The authority must have been told", "The customers must have been told"]
    with pytest.raises(Incomplete):
        desk.write(walker.number, "notifications", "sales", **told | {"at": ""})
    desk.write(walker.number, "notifications", "sales", **told)
    desk.write(walker.number, "notifications", "sales", **told | {"whom": "customer", "way": "email", "at": ""})
    walker.to("notified")
    write_to_the_customer(desk, walker)


def write_to_the_customer(desk: Desk, walker: Walker) -> None:
    with desk.act() as session:
        form = replies.Form(new_to="Lin <lin@example.com>", subject="Recall", text="Please do not use the valves.")
        replies.send(
            session,
            desk.find(session, walker.number),
            form,
            key="a form",
            by=desk["sales"],
            at=desk.at,
            context=CONTEXT,
        )


def refusal(desk: Desk, walker: Walker) -> list[str]:
    with pytest.raises(SignatureRefused) as refused:
        desk.sign(walker.number, "plan_approved", "gm")
    return [english(each.sentence) for each in refused.value.missing]


@pytest.mark.requirement("S189")
def test_a_plan_that_changes_is_approved_again_before_anybody_else_is_told(walk: Walk, desk: Desk) -> None:
    walker = until(a_recall(walk), "notified").to("plan", reason="Another batch")
    with pytest.raises(RecordRefused):
        desk.write(walker.number, "notifications", "sales", whom="media", way="email", on="2026-11-16", text="All")
    assert any(
        said.startswith("Approval of the recall plan: not signed yet") for said in walker.refused("approved_by_gm")
    )
    walker.to("approved_by_gm").to("notified")


@pytest.mark.requirement("S190")
def test_the_quantities_add_up_and_the_differences_are_shown(walk: Walk) -> None:
    walker = until(a_recall(walk), "totals")
    assert walker.refused("disposal") == ["“Totals” is not filled in yet"]

    def wrong(**changes: str) -> set[str]:
        with pytest.raises(Incomplete) as refused:
            walker.desk.write(walker.number, "totals", "qa_mgr", **{**TOTALS, **changes})
        return {english(problem.sentence) for problem in refused.value.problems}

    assert "Sold into the channel + In stock: together 1010, which is 10 more than “Processed” (1000)" in wrong(
        in_stock="210"
    )
    assert "Returned: together 801, which is 1 more than “Sold into the channel” (800)" in wrong(returned="801")
    assert wrong(unaccounted="0") == {
        "Sold into the channel + In stock + Difference: neither sold nor in stock: together 990, which is 10 less than"
        " “Processed” (1000)"
    }
    assert wrong(held="941") == {
        "Returned + In stock: together 940, which is 1 less than “Held under supervision” (941)"
    }
    walker.desk.write(walker.number, "totals", "qa_mgr", **TOTALS | {"explained": ""})
    assert walker.refused("disposal") == ["What became of the differences is missing"]
    walker.to("disposal")


@pytest.mark.requirement("S192")
def test_goods_stay_under_supervision_until_an_inspector_signs_their_disposal(walk: Walk, desk: Desk) -> None:
    walker = until(a_recall(walk), "notified")
    assert walker.refused("totals") == ["“Supervision of the recalled goods” is not filled in yet"]
    walker.to("totals").to("disposal")
    assert [label.name.zh for label in walker.case().labels] == ["产品监管中"]
    with pytest.raises(Incomplete) as refused:
        walker.desk.write(walker.number, "disposal", "qa_mgr", **DISPOSED | {"reprocessed": "199"})
    assert "together 939, which is 1 less than “Goods disposed of” (940)" in english(refused.value.problems[0].sentence)
    walker.write("disposal", goods="900", reprocessed="160")
    assert walker.refused("cause") == [
        "Less is disposed of than is held",
        "Disposal supervised by the inspector: not signed yet (Quality inspector)",
    ]
    walker.write("disposal", goods="940", reprocessed="200")
    with pytest.raises(SignatureRefused):
        desk.sign(walker.number, "disposal_supervised", "qa_mgr")
    walker.sign("disposal_supervised").to("cause")
    assert walker.case().labels == []


@pytest.mark.requirement("S191")
def test_it_ends_with_its_corrective_actions_done_and_the_procedure_reviewed(walk: Walk) -> None:
    walker = until(a_recall(walk), "cause")
    assert walker.refused("correction") == ["“Cause” is not filled in yet"]
    walker.to("correction").write("correction", new=True)
    assert walker.refused("procedure_reviewed") == [
        "At least one corrective action must be done", "A corrective action is not done yet",
        "“Review of the recall procedure” is not filled in yet",
    ]  # fmt: skip
    walker.to("procedure_reviewed").to("notified", reason="More goods turned up")
    assert "“Disposal” is not filled in yet" in walker.to("totals").to("disposal").refused("cause")


def test_who_has_to_act_in_recalls_sees_them(walk: Walk, desk: Desk) -> None:
    walker, complaint = a_recall(walk), desk.registered()
    with desk.make() as session:
        for role, numbers in {"gm": {walker.number}, "inspector": {walker.number}, "staff": set()}.items():
            seen = set(session.scalars(visible_to(walker.people[role][0], select(Complaint.number))))
            assert seen == numbers
            assert complaint not in seen
