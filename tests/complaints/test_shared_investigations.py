"""Several complaints, one investigation: nobody's words are lost, nobody signs what was changed, and nobody takes a
complaint along that they could not move alone."""

from typing import Any

import pytest
from sqlalchemy import select

from complaints import files, joining, off_board, signatures, workflow, writing
from complaints.clocks import Clock
from complaints.complaint import Complaint, involve
from complaints.database import open_database, sessions
from complaints.errors import RecordRefused, TooLate
from complaints.history import Change
from complaints.letters import Attachment
from complaints.off_board import MERGED
from complaints.records import Investigation, StaleRecord
from complaints.registration import Incomplete
from tests.builders import PNG, a_letter, at_once
from tests.desk import CONTEXT, Desk, english


@pytest.fixture
def desk(database_url: str) -> Desk:
    return Desk(sessions(open_database(database_url)))


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
