"""Several complaints, one investigation: nobody's words are lost, nobody signs what was changed, and nobody takes a
complaint along that they could not move alone."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from complaints import files, joining, off_board, procedure, signatures, workflow, writing
from complaints.clocks import Clock
from complaints.complaint import Complaint, involve
from complaints.errors import NotAllowed, RecordRefused, SignatureRefused, StaleComplaint, TooLate
from complaints.history import Change
from complaints.letters import Attachment
from complaints.off_board import MERGED
from complaints.records import Investigation, StaleRecord
from complaints.registration import Incomplete
from complaints.work import Waiting
from tests.builders import PNG, a_department, a_letter, a_person, at_once
from tests.complaints.test_manufacturing import WITHDRAWN, bring_back, explain, take_off, told, undo
from tests.desk import CONTEXT, Desk, english


@pytest.fixture
def two(desk: Desk) -> tuple[str, str]:
    """Two complaints that are investigated together."""
    first, second = desk.to_investigation(), desk.to_investigation()
    join(desk, second, first)
    return first, second


def join(desk: Desk, number: str, other: str) -> None:
    with desk.act() as session:
        complaint = desk.find(session, number)
        joining.join(
            session, complaint, desk.find(session, other), by=desk["qe"], at=desk.at, seen_version=complaint.version,
            context=CONTEXT,
        )  # fmt: skip


def both(desk: Desk, two: tuple[str, str], *, to: str) -> None:
    """Take both up to a stage, the investigation being done for the two."""
    for number in two:
        desk.write(number, "qe_entry", "qe")
    desk.write(two[0], "finding", "qe")
    for number in two:
        desk.move(number, "action_plan", "qe")
    desk.plan(two[0])
    if to == "action_plan":
        return
    desk.approve_plan(two[0])
    for number in two:
        desk.move(number, "implementation", "mr")
    desk.sign(two[0], "taken_over", "dept_head")
    desk.write(two[0], "implementation", "dept")
    desk.write(two[0], "completion", "dept_head")
    for number in two:
        desk.contact(number, "measures_told")
        desk.move(number, "verification", "dept_head")


def test_of_two_who_write_the_same_field_through_two_complaints_one_is_told(desk: Desk, two: tuple[str, str]) -> None:
    desk.write(two[0], "finding", "qe", text="begun", responsibility="undecided")

    def write(number: str) -> Any:
        with desk.make() as session, session.begin():
            form = {"text": [f"found through {number}"]}
            return writing.write(
                session, desk.find(session, number), "finding", form, by=desk["qe"], at=desk.at, context=CONTEXT, seen=1
            )

    results = at_once(*(lambda number=number: write(number) for number in two))
    assert sorted(isinstance(each, StaleRecord) for each in results) == [False, True]
    kept = desk.case(two[0]).records["finding"].values
    (won,) = [number for number, each in zip(two, results, strict=True) if not isinstance(each, StaleRecord)]
    assert kept["text"] == f"found through {won}"


def test_a_finding_that_is_written_while_another_joins_is_not_lost(desk: Desk) -> None:
    first, second = desk.to_investigation(), desk.to_investigation()
    results = at_once(lambda: desk.write(first, "finding", "qe"), lambda: join(desk, second, first))
    assert results == [None, None]
    assert [desk.case(number).value("finding.text") for number in (first, second)] == ["Tool worn", "Tool worn"]
    with desk.make() as session:
        assert len(session.scalars(select(Investigation)).all()) == 1


def test_a_signature_does_not_stand_again_over_what_was_changed_meanwhile(desk: Desk, two: tuple[str, str]) -> None:
    both(desk, two, to="verification")
    first, second = two
    desk.write(first, "verification", "qe")
    desk.sign(first, "verified", "qe")
    desk.move(first, "implementation", "qe", reason="one machine was forgotten")
    before = desk.at
    desk.write(second, "verification", "qa_mgr", evidence="nothing was measured")
    desk.at = before
    with desk.make() as session, session.begin():
        complaint = desk.find(session, first)
        with pytest.raises(TooLate):
            workflow.undo(session, complaint, by=desk["qe"], at=before, seen_version=complaint.version, context=CONTEXT)
    assert "verified" not in desk.case(first).signatures


def test_a_returned_plan_takes_all_back_for_whom_it_was_drawn_up(desk: Desk, two: tuple[str, str]) -> None:
    both(desk, two, to="action_plan")
    desk.returns(two[0], "plan_review", "qe")
    assert [desk.case(number).complaint.round for number in two] == [2, 2]
    assert [sorted(desk.case(number).signatures.keys() & {"plan_submitted"}) for number in two] == [[], []]


def test_nobody_takes_along_what_they_could_not_move_alone(desk: Desk, two: tuple[str, str]) -> None:
    both(desk, two, to="verification")
    desk.write(two[0], "verification", "qe")
    desk.sign(two[0], "verified", "qe")
    for number in two:
        desk.move(number, "customer_reply", "qe")
    desk.contact(two[1], "result_told")
    desk.write(two[1], "answer", "sales")
    desk.move(two[1], "closed", "clerk")
    desk.move(two[0], "action_plan", "sales", reason="It still leaks", also=two[1])
    assert [desk.stage(number) for number in two] == ["action_plan", "closed"]


def test_what_was_signed_in_the_same_breath_keeps_its_promise_when_the_move_is_undone(desk: Desk) -> None:
    number = desk.registered()
    desk.write(number, "first_review", "mkt_sup")
    desk.write(number, "form", "sales")
    desk.sign(number, "form_issued", "sales")
    desk.sign(number, "form_approved", "mkt_sup")
    desk.write(number, "assignment", "qa_head", qe=str(desk["qe"].id))
    desk.sign(number, "receipt", "qa_head")
    with desk.make() as session, session.begin():
        complaint = desk.find(session, number)
        workflow.move(
            session, complaint, "investigation", by=desk["qa_head"], at=desk.at, seen_version=complaint.version,
            context=CONTEXT,
        )  # fmt: skip
        workflow.undo(
            session, complaint, by=desk["qa_head"], at=desk.at, seen_version=complaint.version, context=CONTEXT
        )
        clock = session.scalars(select(Clock).where(Clock.key == "qa_reply")).one()
        assert clock.outcome is None
        assert [each.key for each in signatures.of(session, complaint)][-1] == "receipt"


def test_a_form_sent_twice_is_one_row_and_with_other_words_another(desk: Desk) -> None:
    number = desk.registered()
    form = {"kind": ["other"], "on": ["2026-11-16"], "way": ["email"]}
    for text in ("first", "first", "second"):
        with desk.act() as session:
            writing.write(
                session, desk.find(session, number), "contacts", form | {"text": [text]}, by=desk["sales"], at=desk.at,
                context=CONTEXT, key="one-form",
            )  # fmt: skip
    assert [row.values["text"] for row in desk.case(number).rows["contacts"]] == ["first", "second"]


def test_a_finding_stays_while_another_complaint_has_gone_on_with_it(desk: Desk, two: tuple[str, str]) -> None:
    for number in two:
        desk.write(number, "qe_entry", "qe")
    desk.write(two[0], "finding", "qe")
    desk.move(two[1], "action_plan", "qe")
    desk.plan(two[1])
    desk.approve_plan(two[1])
    desk.move(two[1], "implementation", "mr")
    with pytest.raises(RecordRefused) as refusal:
        desk.write(two[0], "finding", "qe", text="The customer cut it", responsibility="not_ours")
    assert [english(each.sentence) for each in refusal.value.missing] == [
        f"{two[1]} shares this investigation and has gone on to Implementation with what “Finding” says"
    ]
    assert desk.case(two[0]).value("finding.responsibility") == "ours"


def test_what_falls_in_a_shared_investigation_stands_in_the_history_of_all(desk: Desk, two: tuple[str, str]) -> None:
    both(desk, two, to="action_plan")
    desk.write(two[0], "cause", "dept_head", text="Another cause")
    for number in two:
        with desk.make() as session:
            acts = session.scalars(
                select(Change).join(Complaint, Complaint.id == Change.complaint_id)
                .where(Complaint.number == number, Change.act == "signature_voided")
            )  # fmt: skip
            assert [each.values["signature"] for each in acts] == ["plan_submitted"]


def test_an_entry_that_a_shared_signature_covers_voids_it_for_all(
    desk: Desk, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = procedure.procedure()
    signatures = [
        replace(each, covers=(*each.covers, "content")) if each.key == "plan_submitted" else each
        for each in rules.signatures
    ]
    monkeypatch.setattr(procedure, "_known", {(rules.key, rules.version): replace(rules, signatures=tuple(signatures))})
    both(desk, two, to="action_plan")
    desk.correct(two[0], "sales", content="15 of 200 joints leak")
    with desk.make() as session:
        other = desk.find(session, two[1])
        waits = session.scalars(select(Waiting.key).where(Waiting.complaint_id == other.id, Waiting.kind == "sign"))
        acts = session.scalars(select(Change.act).where(Change.complaint_id == other.id)).all()
        assert ({*waits}, acts[-1]) == ({"plan_submitted"}, "signature_voided")


def a_file(desk: Desk, number: str, name: str = "appraisal.png") -> str:
    """A file that came with a letter of a complaint."""
    file = {
        "filename": name, "content_type": "image/png", "declared_type": "image/png", "content_id": "",
        "inline": False, "size": len(PNG), "blob": "0" * 64,
    }  # fmt: skip
    with desk.act() as session:
        letter = a_letter(session, desk.find(session, number), files=[file], message_id=f"<{number}@c.example>")
        return session.scalars(select(Attachment.id).where(Attachment.letter_id == letter.id)).one()


def merge(desk: Desk, number: str, into: str) -> None:
    with desk.act() as session:
        gone = desk.find(session, number)
        off_board.take(
            session, gone, MERGED, reason="", into=desk.find(session, into), by=desk["qe"], at=desk.at,
            seen_version=gone.version, context=CONTEXT,
        )  # fmt: skip


def offered(desk: Desk, number: str, role: str = "qe") -> set[str]:
    with desk.make() as session:
        return {*files.offered(session, desk.find(session, number), desk[role])}


def not_ours(desk: Desk, number: str, file: str, **values: str) -> None:
    form = {"basis": "Lab report 77", "explanation": "Use the clip"} | values
    desk.write(number, "not_ours", "qe", appraisal=file, **form)


def test_a_record_names_every_file_that_is_offered_and_no_other(desk: Desk, two: tuple[str, str]) -> None:
    merged, stranger = desk.draft(), desk.draft()
    own, theirs, of_merged, strange = (a_file(desk, each) for each in (*two, merged, stranger))
    merge(desk, merged, two[0])
    desk.write(two[0], "finding", "qe", text="Cut by the customer", responsibility="not_ours")
    assert offered(desk, two[0]) == {own, theirs, of_merged}
    for file in (own, theirs, of_merged):
        not_ours(desk, two[0], file)
        assert desk.case(two[0]).value("not_ours.appraisal") == file
    for file in (strange, "no file"):
        with pytest.raises(Incomplete):
            not_ours(desk, two[0], file)


def test_a_record_that_names_a_file_of_another_complaint_can_still_be_changed(desk: Desk, two: tuple[str, str]) -> None:
    merged = desk.draft()
    file = a_file(desk, merged)
    merge(desk, merged, two[0])
    desk.write(two[0], "finding", "qe", text="Cut by the customer", responsibility="not_ours")
    not_ours(desk, two[0], file)
    with desk.act() as session:
        gone = desk.find(session, merged)
        off_board.bring_back(
            session, gone, by=desk["qe"], at=desk.at, seen_version=gone.version, context=CONTEXT
        )  # fmt: skip
    assert file not in offered(desk, two[0]) | offered(desk, two[1])
    for number in two:  # both forms send it again
        not_ours(desk, number, file, basis=f"Lab report for {number}")
    assert desk.case(two[1]).value("not_ours.appraisal") == file


def test_files_of_a_complaint_that_somebody_may_not_see_are_not_offered_to_them(
    desk: Desk, two: tuple[str, str]
) -> None:
    own, theirs = (a_file(desk, number) for number in two)
    with desk.act() as session:
        involve(session, desk.find(session, two[0]), at=desk.at, reason="told", users=[desk["staff"].id or 0])
    assert (offered(desk, two[0], "staff"), offered(desk, two[0])) == ({own}, {own, theirs})


def at_the_customer(desk: Desk, two: tuple[str, str]) -> None:
    """Both stand in Customer reply: the measures are verified."""
    both(desk, two, to="verification")
    desk.write(two[0], "verification", "qe")
    desk.sign(two[0], "verified", "qe")
    for number in two:
        desk.move(number, "customer_reply", "qe")


def not_ours_at_the_customer(desk: Desk, two: tuple[str, str]) -> None:
    for number in two:
        desk.write(number, "qe_entry", "qe")
    desk.write(two[0], "finding", "qe", text="The customer cut it", responsibility="not_ours")
    explain(desk, two[0])
    desk.sign(two[0], "not_ours_confirmed", "mkt_sup")
    for number in two:
        desk.move(number, "customer_reply", "qe")


def close(desk: Desk, number: str) -> None:
    desk.contact(number, "result_told")
    desk.write(number, "answer", "sales")
    desk.move(number, "closed", "clerk")


def another_department(desk: Desk) -> str:
    with desk.act() as session:
        department = a_department(session, "assembly", "Assembly", "装配")
        desk.people["assembly"] = a_person(session, "dept_head", name="assembly", department=department)
        return str(department.id)


def rounds(desk: Desk, *numbers: str) -> list[int]:
    return [desk.case(number).complaint.round for number in numbers]


def take_along(desk: Desk, number: str, role: str, *, stale: int = 0) -> None:
    with desk.act() as session:
        complaint = desk.find(session, number)
        workflow.take_along(
            session, complaint, by=desk[role], at=desk.at, seen_version=complaint.version - stale, context=CONTEXT
        )


def asks(desk: Desk, number: str, stage: str, role: str) -> list[str]:
    with desk.make() as session:
        choices = workflow.allowed(session, desk.find(session, number), desk[role])
    return [ask.field for choice in choices if choice.stage.key == stage for ask in choice.asks]


# What holds a record back


def test_a_complaint_that_is_sent_back_alone_is_mended_and_both_are_closed(desk: Desk, two: tuple[str, str]) -> None:
    first, second = two
    both(desk, two, to="verification")
    desk.write(first, "verification", "qe")
    desk.sign(first, "verified", "qe")
    desk.move(second, "customer_reply", "qe")
    with pytest.raises(RecordRefused):
        desk.write(first, "verification", "qe", evidence="nothing was measured")
    desk.move(first, "implementation", "qe", reason="two lathes were left out")
    desk.write(first, "problems", "dept_head", text="Lathe 4 cannot be stopped")
    desk.write(first, "problems", "qe", place=1, answer="At the weekend")
    desk.write(first, "completion", "dept_head", text="The two lathes, too", on="2026-11-16")
    desk.move(first, "verification", "dept_head")
    desk.write(first, "verification", "qe", evidence="All seven lathes", on="2026-11-16", effective="yes")
    desk.sign(first, "verified", "qe")
    desk.move(first, "customer_reply", "qe")
    for number in two:
        close(desk, number)
    assert [desk.stage(number) for number in two] == ["closed", "closed"]


def test_a_finding_that_the_customer_disputes_is_mended_though_another_waits_for_its_answer(
    desk: Desk, two: tuple[str, str]
) -> None:
    first = two[0]
    not_ours_at_the_customer(desk, two)
    desk.move(first, "investigation", "sales", reason="our laboratory says otherwise")
    desk.write(first, "finding", "qe", text="Our tool", responsibility="ours")
    desk.write(first, "finding", "qe", text="Our tool was worn")
    desk.move(first, "action_plan", "qe")
    desk.plan(first)
    desk.approve_plan(first)
    desk.move(first, "implementation", "mr")
    desk.carry_out(first)
    desk.verify(first)
    for number in two:
        close(desk, number)
    assert [desk.stage(number) for number in two] == ["closed", "closed"]


def test_a_finding_that_is_confirmed_stays_while_another_waits_with_it_for_the_customer(
    desk: Desk, two: tuple[str, str]
) -> None:
    third = desk.to_investigation()
    join(desk, third, two[0])
    not_ours_at_the_customer(desk, two)
    with pytest.raises(RecordRefused):
        desk.write(third, "finding", "qe", text="Our tool", responsibility="ours")


def test_what_the_vp_returns_is_changed_though_another_has_gone_on_with_it(desk: Desk) -> None:
    general, major = desk.to_investigation(), desk.to_investigation(complaint_class="major")
    join(desk, major, general)
    for number in (general, major):
        desk.write(number, "qe_entry", "qe")
    desk.write(general, "finding", "qe", text="The customer cut it", responsibility="not_ours")
    explain(desk, general)
    desk.sign(general, "not_ours_confirmed", "mkt_sup")
    desk.move(general, "customer_reply", "qe")
    desk.returns(major, "not_ours_confirmed_vp", "mkt_vp", "say how it was found")
    desk.write(major, "finding", "qe", text="The customer cut it: see the edge under the microscope")
    desk.sign(major, "not_ours_confirmed", "mkt_sup")
    desk.sign(major, "not_ours_confirmed_vp", "mkt_vp")
    desk.move(major, "customer_reply", "qe")
    for number in (general, major):
        close(desk, number)


def test_what_is_done_may_change_until_somebody_signs_that_it_is(desk: Desk, two: tuple[str, str]) -> None:
    first, second = two
    both(desk, two, to="verification")
    desk.move(first, "implementation", "qe", reason="two lathes were left out")
    desk.write(first, "completion", "dept_head", text="The two lathes, too", on="2026-11-16")
    desk.write(second, "verification", "qe")
    desk.sign(second, "verified", "qe")
    with pytest.raises(RecordRefused):
        desk.write(first, "completion", "dept_head", text="And the third", on="2026-11-16")


def test_departments_stay_while_another_carries_out_the_plan_of_an_older_round(
    desk: Desk, two: tuple[str, str]
) -> None:
    first, second = two
    both(desk, two, to="verification")
    desk.write(first, "verification", "qe")
    desk.sign(first, "verified", "qe")
    desk.move(first, "customer_reply", "qe")
    desk.move(first, "action_plan", "sales", reason="It still leaks")
    other = another_department(desk)
    with pytest.raises(RecordRefused):
        desk.write(first, "finding", "qe", departments=other)
    desk.write(first, "trials", "qe", what="Leak test", owner=str(desk["qe"].id), due="2026-11-20")
    take_along(desk, second, "qe")
    desk.write(first, "finding", "qe", departments=other)
    assert desk.case(second).departments == {int(other)}
    desk.sign(second, "plan_submitted", "assembly")


# Which round a complaint is in


def test_a_complaint_that_comes_later_does_not_go_on_with_a_returned_plan(desk: Desk, two: tuple[str, str]) -> None:
    first, second = two
    for number in two:
        desk.write(number, "qe_entry", "qe")
    desk.write(first, "finding", "qe")
    desk.move(first, "action_plan", "qe")
    desk.plan(first)
    desk.returns(first, "plan_review", "qe", "the cause is not found")
    assert (desk.stage(second), rounds(desk, *two)) == ("investigation", [2, 2])
    desk.move(second, "action_plan", "qe")
    with pytest.raises(SignatureRefused):
        desk.sign(second, "plan_review", "qe")
    with desk.make() as session:
        (shared,) = session.scalars(select(Change).where(Change.act == "round_shared"))
        assert shared.values == {"number": first, "round": 2}


def test_a_complaint_that_is_brought_back_does_not_go_on_with_a_returned_plan(desk: Desk, two: tuple[str, str]) -> None:
    first, second = two
    both(desk, two, to="action_plan")
    desk.write(second, "withdrawal", "sales", statement="No longer needed")
    desk.sign(second, "withdrawal_confirmed", "mkt_sup")
    take_off(desk, second, WITHDRAWN, "clerk")
    desk.returns(first, "plan_review", "qe", "the cause is not found")
    bring_back(desk, second, "clerk")
    assert (desk.stage(second), rounds(desk, *two)) == ("action_plan", [2, 2])
    assert "plan_submitted" not in desk.case(second).signatures


def test_who_still_waits_with_a_plan_goes_along_into_the_round_that_another_begins(
    desk: Desk, two: tuple[str, str]
) -> None:
    first, second = two
    for number in two:
        desk.write(number, "qe_entry", "qe")
    desk.write(first, "finding", "qe")
    for number in two:
        desk.move(number, "action_plan", "qe")
    desk.plan(first)
    desk.approve_plan(first)
    desk.move(first, "implementation", "mr")
    desk.carry_out(first)
    desk.write(first, "verification", "qe", evidence="50 parts measured", on="2026-11-16", effective="no")
    desk.move(first, "action_plan", "qe", reason="Three of fifty still leak")
    assert rounds(desk, *two) == [2, 2]
    assert "plan_submitted" not in desk.case(second).signatures


def test_who_comes_back_while_the_next_plan_is_drawn_up_shares_it(desk: Desk, two: tuple[str, str]) -> None:
    first, second = two
    both(desk, two, to="verification")
    desk.move(first, "action_plan", "qe", reason="Three of fifty still leak")
    desk.write(first, "cause", "dept_head", text="The other cause")
    desk.move(second, "action_plan", "qe", reason="Here, too")
    assert rounds(desk, *two) == [2, 2]
    assert desk.case(second).value("cause.text") == "The other cause"


def test_who_comes_back_later_begins_a_round_with_the_newest_plan(desk: Desk, two: tuple[str, str]) -> None:
    first, second = two
    both(desk, two, to="verification")
    desk.move(first, "action_plan", "qe", reason="Three of fifty still leak")
    desk.write(first, "cause", "dept_head", text="The other cause")
    desk.plan(first, carried=True)
    desk.approve_plan(first)
    desk.move(first, "implementation", "mr")
    desk.move(second, "action_plan", "qe", reason="Here, too")
    assert rounds(desk, *two) == [2, 3]
    assert desk.case(second).value("cause.text") == "The other cause"


def test_a_disputed_finding_is_looked_at_again_in_the_newest_round(desk: Desk, two: tuple[str, str]) -> None:
    first, second = two
    not_ours_at_the_customer(desk, two)
    close(desk, first)
    desk.move(first, "investigation", "qe", reason="A second report came")
    assert rounds(desk, *two) == [2, 1]
    desk.move(second, "investigation", "sales", reason="our laboratory says otherwise")
    assert rounds(desk, *two) == [2, 2]


# Who says what goes back together


def test_only_quality_is_asked_which_complaints_go_along(desk: Desk, two: tuple[str, str]) -> None:
    at_the_customer(desk, two)
    assert [asks(desk, two[0], "action_plan", role) for role in ("sales", "qe")] == [["reason"], ["reason", "also"]]
    desk.move(two[0], "action_plan", "sales", reason="It still leaks", also=two[1])
    assert [desk.stage(number) for number in two] == ["action_plan", "customer_reply"]


def test_what_is_off_the_board_is_not_offered_to_go_along(desk: Desk, two: tuple[str, str]) -> None:
    at_the_customer(desk, two)
    desk.write(two[1], "withdrawal", "sales", statement="No longer needed")
    desk.sign(two[1], "withdrawal_confirmed", "mkt_sup")
    take_off(desk, two[1], WITHDRAWN, "clerk")
    assert asks(desk, two[0], "action_plan", "qe") == ["reason"]


def test_the_investigator_hears_of_what_stayed_behind_and_takes_it_along(desk: Desk, two: tuple[str, str]) -> None:
    first, second = two
    at_the_customer(desk, two)
    desk.move(first, "action_plan", "sales", reason="It still leaks")
    assert told(desk, second, "qe")[-1] == "Its investigation began another round; it stayed behind"
    with pytest.raises(NotAllowed):
        take_along(desk, second, "sales")
    with pytest.raises(StaleComplaint):
        take_along(desk, second, "qe", stale=1)
    take_along(desk, second, "qe")
    take_along(desk, second, "qe")
    assert ([desk.stage(number) for number in two], rounds(desk, *two)) == (["action_plan", "action_plan"], [2, 2])
    with desk.make() as session:
        acts = session.scalars(
            select(Change).where(Change.complaint_id == desk.find(session, second).id, Change.act == "moved")
        ).all()
    assert [(each.values["after"], each.values.get("round")) for each in acts][-1] == ("action_plan", 2)
    desk.plan(first, carried=True)
    desk.approve_plan(second)
    for number in two:
        desk.move(number, "implementation", "mr")


def test_what_is_not_ours_is_taken_along_to_its_investigation(desk: Desk, two: tuple[str, str]) -> None:
    first, second = two
    not_ours_at_the_customer(desk, two)
    close(desk, first)
    desk.move(first, "investigation", "clerk", reason="A second report came")
    take_along(desk, second, "qe")
    assert ([desk.stage(number) for number in two], rounds(desk, *two)) == (["investigation", "investigation"], [2, 2])
    desk.write(second, "finding", "qe", text="The customer cut it, as the second report says, too")
    desk.sign(first, "not_ours_confirmed", "mkt_sup")
    for number in two:
        desk.move(number, "customer_reply", "qe")
        close(desk, number)


def test_a_move_that_took_another_along_is_not_undone_by_halves(desk: Desk, two: tuple[str, str]) -> None:
    first, second = two
    both(desk, two, to="verification")
    desk.write(first, "verification", "qe")
    desk.sign(first, "verified", "qe")
    assert not desk.move(first, "implementation", "qe", reason="one lathe left", also=second).undo
    with pytest.raises(TooLate):
        undo(desk, first, "qe")
    assert [desk.stage(number) for number in two] == ["implementation", "implementation"]
