"""Clocks and what becomes of them: written anew, undone, raised, closed."""

from datetime import timedelta

from complaints import clocks, joining, registration, workflow
from tests.desk import CONTEXT, Desk


def clock(desk: Desk, number: str, key: str) -> tuple[str | None, bool]:
    """How the last clock of a key ended, and whether the complaint is sorted by it."""
    with desk.make() as session:
        complaint = desk.find(session, number)
        found = [each for each in clocks.of(session, "complaint", complaint.id) if each.key == key][-1]
        return found.outcome, complaint.sort_due_at == found.due_at


def test_a_plan_that_is_changed_after_its_submission_is_waited_for_again(desk: Desk) -> None:
    number = desk.to_action_plan()
    desk.plan(number)
    assert clock(desk, number, "dept_plan") == ("met", False)
    desk.write(number, "plan", "dept_head", place=1, what="Reset counter, ask twice")
    assert clock(desk, number, "dept_plan") == (None, True)
    desk.at += timedelta(days=3)
    desk.sign(number, "plan_submitted", "dept_head")
    assert clock(desk, number, "dept_plan") == ("late", False)


def test_a_move_that_is_undone_leaves_the_clock_as_the_last_issue_stopped_it(desk: Desk) -> None:
    number = desk.registered()
    desk.write(number, "first_review", "mkt_sup")
    desk.write(number, "form", "sales")
    for remark in ("Look at lot 114 first", "Look at lots 114 and 115 first"):
        desk.sign(number, "form_issued", "sales")
        desk.sign(number, "form_approved", "mkt_sup")
        assert clock(desk, number, "issue_form")[0] == "met"
        desk.write(number, "form", "sales", request=remark)
        assert clock(desk, number, "issue_form") == (None, True)
    desk.sign(number, "form_issued", "sales")
    desk.sign(number, "form_approved", "mkt_sup")
    desk.sign(number, "receipt", "qa_head")
    desk.write(number, "assignment", "qa_head", qe=str(desk["qe"].id))
    desk.move(number, "investigation", "qa_head")
    with desk.make() as session:
        complaint = desk.find(session, number)
        seen = complaint.version
        workflow.undo(session, complaint, by=desk["qa_head"], at=desk.at, seen_version=seen, context=CONTEXT)
        session.commit()
    assert (desk.stage(number), clock(desk, number, "issue_form")[0]) == ("registered", "met")
    desk.write(number, "form", "sales", request="Look at lot 116, too")
    assert clock(desk, number, "issue_form")[0] is None


def test_a_plan_that_others_share_is_waited_for_again_on_their_complaint_too(desk: Desk) -> None:
    first, second = desk.to_action_plan(), desk.to_investigation()
    with desk.act() as session:
        complaint, other = desk.find(session, second), desk.find(session, first)
        joining.join(
            session, complaint, other, by=desk["qe"], at=desk.at, seen_version=complaint.version, context=CONTEXT
        )
    desk.write(second, "qe_entry", "qe")
    desk.move(second, "action_plan", "qe")
    desk.plan(first)
    assert {clock(desk, each, "dept_plan")[0] for each in (first, second)} == {"met"}
    desk.write(first, "plan", "dept_head", place=1, what="Reset counter, ask twice")
    assert {clock(desk, each, "dept_plan")[0] for each in (first, second)} == {None}


def test_a_higher_class_asks_for_the_approval_again_but_the_form_was_issued_in_time(desk: Desk) -> None:
    number = desk.to_investigation()
    kept = clock(desk, number, "issue_form")
    with desk.act() as session:
        complaint = desk.find(session, number)
        registration.save(
            session, complaint, {"complaint_class": "major"}, by=desk["mkt_sup"], at=desk.at, context=CONTEXT,
            seen_version=complaint.version,
        )  # fmt: skip
    assert "form_approved" not in desk.case(number).signatures
    assert kept == clock(desk, number, "issue_form") == ("met", False)


def test_at_the_end_a_reply_that_was_due_is_late_and_one_that_was_not_due_yet_is_void(desk: Desk) -> None:
    number = desk.to_customer_reply()
    overdue = desk.to_customer_reply()
    for each in (number, overdue):
        desk.contact(each, "result_told")
        desk.write(each, "answer", "sales")
    desk.move(number, "closed", "clerk")
    desk.at += timedelta(days=7)
    desk.move(overdue, "closed", "clerk")
    assert [clock(desk, each, "qa_reply")[0] for each in (number, overdue)] == ["cancelled", "late"]
