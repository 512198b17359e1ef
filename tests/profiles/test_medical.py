"""What the medical procedure says of adverse events, of reviews and of where reports go. More of it:
test_second_procedures.py."""

from datetime import date

import pytest
from sqlalchemy import select

from complaints.records import Record
from complaints.work import Waiting
from tests.profiles.conftest import Walk
from tests.profiles.looking import papers, told_to, up_to
from tests.walking import Walker

TOLD = {"injury__serious": "no", "injury__answer": "Nobody was hurt", "reply__decision": "accepted"}
ENTRY = {
    "address": "1 Mill Road", "contact_phone": "0571-1", "contact_person": "Ines", "product": "Infusion pump",
    "model": "IP-2", "batch": "L2608", "ship_date": date(2026, 11, 2),
}  # fmt: skip


def begun(walk: Walk, **told: str) -> Walker:
    return walk("medical", **TOLD | told).draft(**ENTRY)


@pytest.mark.requirement("S214", "S215")
@pytest.mark.parametrize("serious", ["no", "yes"])
def test_a_complaint_goes_from_its_first_message_to_its_end(walk: Walk, serious: str) -> None:
    walker = begun(walk, injury__serious=serious).register()
    for stage in ("investigation", "customer_reply", "closed"):
        assert walker.refused(stage)
        if stage == "investigation" and serious == "yes":
            walker.write("injury").correct(complaint_class="major")
        walker.to(stage)
    assert walker.stage == "closed"


@pytest.mark.requirement("S214")
def test_a_yes_makes_the_evaluation_a_task_of_a_person_until_a_day(walk: Walk) -> None:
    walker = begun(walk, injury__serious="yes", evaluation__evaluator="staff", evaluation__due="2026-11-18").register()
    walker.write("injury").write("evaluation")
    evaluator = walker.people["staff"][0].id
    assert told_to(walker, "An adverse event is yours to evaluate") == {evaluator}
    with walker.desk.make() as session:
        (record,) = session.scalars(select(Record).where(Record.sheet == "evaluation"))
        waits = session.scalars(select(Waiting.kind).where(Waiting.user_id == evaluator))
        assert (record.owner_id, record.due_on, "row" in set(waits)) == (evaluator, date(2026, 11, 18), True)
    assert [label.zh for label in (each.name for each in walker.case().labels)] == ["不良事件"]
    by = walker.people["staff"][0]
    walker.desk.people["evaluator"] = by
    walker.desk.write(walker.number, "evaluation", "evaluator", done="2026-11-16")
    walker.desk.write(walker.number, "evaluation_result", "evaluator", text="Not related", report="no")
    assert "Why not is missing" in up_to_investigation(walker).refused("customer_reply")
    walker.write("evaluation_result", reason="The device worked as it should").to("customer_reply")
    assert told_to(walker, "An adverse event is evaluated") >= {walker.people["mr"][0].id}


def up_to_investigation(walker: Walker) -> Walker:
    walker.correct(complaint_class="major")
    return up_to(walker, "investigation")


@pytest.mark.requirement("S215")
def test_the_report_is_printed_with_all_its_fields(walk: Walk) -> None:
    walker = begun(walk).register()
    said = papers(walker)["客户投诉/反馈报告"]
    names = (
        "客户名称",
        "详细地址",
        "Telephone",
        "Contact person",
        "信息来源",
        "Model",
        "批号或序列号",
        "产品编码",
        "详细描述",
    )
    values = ("1 Mill Road", "0571-1", "Ines", "Infusion pump", "IP-2", "L2608", "2026")
    assert [each for each in (*names, *values) if each not in said] == []
    assert "不良事件评估" not in papers(walker, "customer")["客户投诉/反馈报告"]


@pytest.mark.requirement("S216")
def test_the_review_of_a_product_change_stays_with_every_complaint_of_its_investigation(walk: Walk) -> None:
    walker = up_to(begun(walk).register(), "investigation")
    walker.write("change_reviews", new=True, change="Seal of silicone", conclusion="kept")
    (row,) = walker.case().rows["change_reviews"]
    assert (row.subject, row.values["conclusion"]) == ("investigation", "kept")
    assert "Seal of silicone" in papers(walker)["客户投诉/反馈报告"]


@pytest.mark.requirement("S217")
@pytest.mark.parametrize(
    ("flag", "name"), [("risk", "风险管理"), ("product", "产品实现与改进"), ("review", "管理评审")]
)
def test_what_a_report_feeds_is_flagged_on_the_complaint(walk: Walk, flag: str, name: str) -> None:
    walker = up_to(begun(walk).register(), "investigation").write("finding", feeds=[flag])
    assert [each.name.zh for each in walker.case().labels] == [name]
