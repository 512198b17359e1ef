"""The report that a procedure lays out over the records: what stands in its parts, what lacks, who signed."""

from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from complaints import report
from complaints.procedure import procedure
from complaints.registration import Incomplete, entry_of
from complaints.report import CUSTOMER, DONE, LATER, OPEN, YOURS, Section
from tests.desk import Desk


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make)


def parts(desk: Desk, number: str, role: str = "", **options: Any) -> dict[str, Section]:
    case = desk.case(number)
    with desk.make() as session:
        entered = entry_of(session, desk.find(session, number))
    found = report.parts(case, entered, by=desk[role] if role else None, **options)
    return {section.part.key: section for section in found}


def states(desk: Desk, number: str, role: str = "") -> dict[str, str]:
    return {key: section.state for key, section in parts(desk, number, role).items()}


def test_the_parts_fill_from_the_records_of_the_complaint(desk: Desk) -> None:
    number = desk.to_action_plan(complaint_class="major", product="HX-210")
    found = parts(desk, number)
    assert list(found) == ["d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8"]
    assert [each.value for each in found["d1"].shown] == [desk["qe"].id]
    assert {each.ref: each.value for each in found["d2"].shown}["product"] == "HX-210"
    interim = found["d3"].blocks[0]
    assert (interim.sheet.key, [field.key for field in interim.fields]) == ("interim", ["measure"])
    assert interim.records[0].values == {"measure": "Lot blocked, 100 % sorting"}
    assert states(desk, number) == {
        "d1": LATER, "d2": LATER, "d3": DONE, "d4": OPEN, "d5": LATER, "d6": LATER, "d7": LATER, "d8": LATER,
    }  # fmt: skip
    assert [field.key for field in found["d4"].lacking] == ["text"]


@pytest.mark.requirement("S47")
def test_a_part_waits_for_whoever_may_sign_it_and_is_done_when_all_have(desk: Desk) -> None:
    number = desk.to_action_plan()
    desk.plan(number)
    assert states(desk, number, "qe")["d5"] == YOURS
    assert states(desk, number, "sales")["d5"] == OPEN
    desk.approve_plan(number)
    signed = parts(desk, number)["d5"].signed
    assert [(each.rule.key, each.state) for each in signed] == [
        (key, DONE) for key in ("plan_submitted", "plan_review", "plan_audit", "plan_approval")
    ]
    assert signed[-1].signature is not None
    assert signed[-1].signature.user_id == desk["mr"].id
    assert states(desk, number)["d5"] == DONE


def test_nothing_internal_is_in_the_edition_for_the_customer(desk: Desk) -> None:
    number = desk.to_action_plan(complaint_class="major")
    whole, theirs = parts(desk, number), parts(desk, number, edition=CUSTOMER)
    assert "qe_entry.abnormality" in {each.ref for each in whole["d2"].shown}
    assert "qe_entry.abnormality" not in {each.ref for each in theirs["d2"].shown}
    assert {"meeting", "trials"} <= {block.sheet.key for block in whole["d4"].blocks}
    assert not {"meeting", "trials"} & {block.sheet.key for block in theirs["d4"].blocks}
    finding = next(block for block in theirs["d4"].blocks if block.sheet.key == "finding")
    assert [field.key for field in finding.fields] == ["text", "responsibility"]


def test_containment_is_summed_up_by_where_the_goods_are(desk: Desk) -> None:
    number = desk.to_investigation()
    rows = [("stock", "1,240", "58"), ("customer", "1050", "31"), ("stock", "10", ""), ("transit", "", "")]
    for location, checked, rejected in rows:
        desk.write(number, "containment", "qe", what="Sorting", location=location, checked=checked, rejected=rejected)
    block = parts(desk, number)["d3"].blocks[1]
    checked, rejected = block.counts
    assert (block.total(checked), block.total(rejected)) == (2300, 89)
    assert [(key, block.total(checked, rows)) for key, rows in block.groups] == [
        ("customer", 1050), ("transit", 0), ("stock", 1250),
    ]  # fmt: skip
    assert [field.key for field in block.columns] == ["what", "location", "checked", "rejected"]


@pytest.mark.parametrize(
    ("checked", "rejected", "field"),
    [("10", "11", "rejected"), ("-1", "", "checked"), ("1.5", "", "checked"), ("many", "", "checked")],
)
def test_more_rejected_than_checked_and_what_is_no_count_are_refused(
    checked: str, rejected: str, field: str, desk: Desk
) -> None:
    number = desk.to_investigation()
    with pytest.raises(Incomplete) as refused:
        desk.write(number, "containment", "qe", what="Sorting", location="stock", checked=checked, rejected=rejected)
    assert [each.field for each in refused.value.problems] == [field]


@pytest.mark.requirement("S42")
def test_a_trial_with_owner_and_result_and_the_conclusion_of_the_meeting_stand_in_the_report(desk: Desk) -> None:
    number = desk.to_action_plan(complaint_class="major")
    desk.write(number, "trials", "qe", what="Pressure test", owner=str(desk["dept"].id), due="2026-11-20")
    assert states(desk, number)["d4"] == OPEN
    desk.write(number, "trials", "dept", place=1, result="No leak at 60 bar", done="2026-11-16")
    blocks = {block.sheet.key: block for block in parts(desk, number)["d4"].blocks}
    assert blocks["trials"].records[0].values["result"] == "No leak at 60 bar"
    assert blocks["meeting"].records[0].values["conclusion"] == "Tool wear"


def test_the_owner_of_a_plan_item_gives_result_and_day_and_a_new_round_begins_without_them(desk: Desk) -> None:
    number = desk.to_implementation()
    desk.write(number, "plan", "dept", place=1, done="2026-11-16", result="Counter resets itself")
    (row,) = desk.case(number).rows["plan"]
    assert row.values["result"] == "Counter resets itself"
    desk.sign(number, "taken_over", "dept_head")
    desk.write(number, "implementation", "dept")
    desk.write(number, "completion", "dept_head")
    desk.contact(number, "measures_told")
    desk.move(number, "verification", "dept_head")
    desk.move(number, "action_plan", "qe", reason="Leaks again")
    (row,) = desk.case(number).rows["plan"]
    assert row.values == {"what": "Reset counter", "owner": desk["dept"].id, "due": "2026-11-20"}


def test_read_across_waits_for_its_owner_and_holds_up_nothing(desk: Desk) -> None:
    number = desk.to_implementation()
    desk.write(
        number, "read_across", "qe", kind="fmea", which="FMEA 12, row 4", needed="yes", owner=str(desk["qe"].id),
        due="2026-11-30",
    )  # fmt: skip
    assert states(desk, number)["d7"] == OPEN
    desk.carry_out(number)
    assert desk.stage(number) == "verification"
    desk.write(number, "read_across", "qe", place=1, done="2026-11-16")
    assert states(desk, number)["d7"] == DONE


def test_a_procedure_without_parts_has_no_report() -> None:
    assert procedure("postal").parts == ()
