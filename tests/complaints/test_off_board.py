"""Off the board: every way out keeps the complaint, its number and the reason, and can be taken back."""

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import answers, clocks, files, off_board, procedure, visits
from complaints.blobs import Blobs
from complaints.complaint import NO_LIMIT, Complaint, find
from complaints.database import transaction
from complaints.errors import BadInput, MoveRefused, NotAllowed, NotFound, StaleComplaint
from complaints.history import Change
from complaints.off_board import MERGED, NOT_COMPLAINT, WITHDRAWN, Decision, NotThere, ReasonTooLong, ReasonWanted
from complaints.people import Actor
from complaints.registration import NoDraft, choose_procedure
from tests.builders import MONDAY, a_complaint, a_customer, a_mailed_complaint, a_person, at_once
from tests.desk import CONTEXT

SOON = MONDAY + timedelta(minutes=30)
LATER = MONDAY + timedelta(minutes=40)


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a confidential procedure, too."""
    rules = procedure.procedure()
    monkeypatch.setattr(procedure, "_known", dict(procedure._known))
    procedure.use([replace(rules, key="sealed", confidential=True)])


def take(session: Session, complaint: Complaint, outcome: str, by: Actor, **more: Any) -> None:
    values: dict[str, Any] = {
        "reason": "an enquiry",
        "at": SOON,
        "seen_version": complaint.version,
        "context": CONTEXT,
    } | more
    off_board.take(session, complaint, outcome, by=by, **values)


def bring_back(session: Session, complaint: Complaint, by: Actor) -> None:
    off_board.bring_back(session, complaint, by=by, at=LATER, seen_version=complaint.version, context=CONTEXT)


def acts(session: Session, complaint: Complaint) -> list[str]:
    return list(session.scalars(select(Change.act).where(Change.complaint_id == complaint.id).order_by(Change.id)))


@pytest.mark.requirement("S08")
def test_not_a_complaint_keeps_number_content_person_and_reason(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, complaint = a_person(session, "clerk"), a_mailed_complaint(session)
        content = complaint.content
        take(session, complaint, NOT_COMPLAINT, clerk)
        assert (complaint.stage, complaint.number, complaint.content) == (NOT_COMPLAINT, "C-2026-0001", content)
        assert complaint.sort_due_at == NO_LIMIT
        assert {clock.outcome for clock in clocks.of(session, "complaint", complaint.id)} == {clocks.CANCELLED}
        decision = off_board.last(session, complaint.id)
        assert decision is not None
        assert (decision.reason, decision.by_id, decision.at, decision.left_stage) == (
            "an enquiry", clerk.id, SOON, "draft",
        )  # fmt: skip
        assert acts(session, complaint)[-1] == NOT_COMPLAINT
        assert [visit.left_at is None for visit in visits.of(session, complaint.id)] == [False, True]


def test_done_twice_it_is_done_once(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, complaint = a_person(session, "clerk"), a_complaint(session)
        for _ in range(2):
            off_board.take(
                session, complaint, NOT_COMPLAINT, reason="x", by=clerk, at=SOON, seen_version=1, context=CONTEXT
            )
        assert len(session.scalars(select(Decision)).all()) == 1
        for _ in range(2):
            off_board.bring_back(session, complaint, by=clerk, at=LATER, seen_version=2, context=CONTEXT)
        assert acts(session, complaint) == ["drafted", NOT_COMPLAINT, "brought_back"]


def test_brought_back_it_stands_where_it_stood_and_its_clocks_run_on(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, complaint = a_person(session, "clerk"), a_complaint(session)
        due = complaint.sort_due_at
        take(session, complaint, NOT_COMPLAINT, clerk)
        bring_back(session, complaint, clerk)
        assert (complaint.stage, complaint.sort_due_at) == ("draft", due)
        assert {clock.stopped_at for clock in clocks.of(session, "complaint", complaint.id)} == {None}
        assert off_board.last(session, complaint.id) is None
        kept = session.scalars(select(Decision)).one()
        assert (kept.back_at, kept.back_by_id, kept.reason) == (LATER, clerk.id, "an enquiry")


def test_a_decision_needs_a_reason_a_stage_that_allows_it_and_a_person_who_may(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, member = a_person(session, "clerk"), a_person(session, "dept")
        complaint = a_complaint(session)
        for reason in ("", "  ", "x" * 1001):
            with pytest.raises((ReasonWanted, ReasonTooLong)):
                take(session, complaint, NOT_COMPLAINT, clerk, reason=reason)
        with pytest.raises(NotAllowed):
            take(session, complaint, NOT_COMPLAINT, member)
        with pytest.raises(StaleComplaint):
            take(session, complaint, NOT_COMPLAINT, clerk, seen_version=9)
        complaint.stage = "investigation"
        session.flush()
        with pytest.raises(MoveRefused):
            take(session, complaint, NOT_COMPLAINT, clerk)
        with pytest.raises(MoveRefused):
            take(session, complaint, WITHDRAWN, clerk)


def test_a_merged_complaint_is_spoken_for_by_the_one_that_took_it_in(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        first, second, third = (a_complaint(session, attachment_count=n) for n in (1, 2, 4))
        take(session, first, MERGED, clerk, reason="", into=second)
        take(session, second, MERGED, clerk, reason="the same lot", into=third)
        assert off_board.survivor(session, first.id).id == third.id
        assert off_board.merged_into(session, third.id) == [second.id, first.id]
        assert third.attachment_count == 7
        assert acts(session, second) == ["drafted", "merged_in", "merged"]
        bring_back(session, second, clerk)
        assert off_board.merged_into(session, third.id) == []
        assert off_board.survivor(session, first.id).id == second.id
        assert (second.attachment_count, third.attachment_count) == (3, 4)
        assert acts(session, third) == ["drafted", "merged_in", "merge_undone"]


def test_nothing_is_merged_into_itself_or_into_what_has_left_the_board(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        complaint, gone = a_complaint(session), a_complaint(session)
        take(session, gone, NOT_COMPLAINT, clerk)
        for into in (complaint, gone):
            with pytest.raises(NotThere):
                take(session, complaint, MERGED, clerk, into=into)
        assert complaint.stage == "draft"


@pytest.mark.parametrize("into_draft", [False, True], ids=["of another customer", "into a draft"])
def test_what_may_be_another_matter_is_merged_by_who_is_sure_only(
    make: sessionmaker[Session], into_draft: bool
) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        ours, theirs = a_customer(session), a_customer(session, "Ostrau Pumps")
        complaint = a_complaint(session, customer_id=ours.id)
        into = a_complaint(session, customer_id=(ours if into_draft else theirs).id)
        if into_draft:
            complaint.stage, complaint.registered_at = "registered", MONDAY
        with pytest.raises(NotThere) as refused:
            take(session, complaint, MERGED, clerk, into=into)
        assert ("not registered yet" if into_draft else "of Ostrau Pumps") in refused.value.sentence.in_(str, "en")
        assert complaint.merged_into_id is None
        take(session, complaint, MERGED, clerk, into=into, sure=True)
        assert complaint.merged_into_id == into.id


def test_what_is_off_the_board_does_not_come_back_by_another_procedure(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, complaint = a_person(session, "clerk"), a_mailed_complaint(session)
        take(session, complaint, NOT_COMPLAINT, clerk)
        with pytest.raises(NoDraft):
            choose_procedure(
                session, complaint, "medical", by=clerk, at=LATER, seen_version=complaint.version, context=CONTEXT
            )
        assert complaint.stage == NOT_COMPLAINT


# Who answers what is no complaint


@pytest.mark.usefixtures("sealed")
def test_only_who_may_answer_is_asked_to_and_may_then_see_it(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, staff, qe = a_person(session, "clerk"), a_person(session, "staff"), a_person(session, "qe")
        complaint = a_complaint(session)
        complaint.procedure, complaint.procedure_version = "sealed", procedure.procedure("sealed").version
        session.flush()
        with pytest.raises(BadInput, match="owner"):
            take(session, complaint, NOT_COMPLAINT, clerk, kind="enquiry", owner=staff.id)
        take(session, complaint, NOT_COMPLAINT, clerk, kind="enquiry", owner=qe.id)
        assert find(session, complaint.number, qe) is complaint
        decision = off_board.last(session, complaint.id)
        assert decision is not None
        assert decision.owner_id == qe.id


@pytest.mark.usefixtures("sealed")
def test_who_is_handed_an_answer_may_see_the_complaint(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        sales, other = a_person(session, "sales"), a_person(session, "qe")
        complaint = a_complaint(session)
        complaint.procedure, complaint.procedure_version = "sealed", procedure.procedure("sealed").version
        session.flush()
        take(session, complaint, NOT_COMPLAINT, sales, kind="enquiry", owner=sales.id)
        with pytest.raises(NotFound):
            find(session, complaint.number, other)
        decision = off_board.last(session, complaint.id)
        assert decision is not None
        wanted = answers.find(session, sales, decision.id)
        answers.hand_over(session, wanted, other.id or 0, by=sales, at=LATER, today=LATER.date())
        assert find(session, complaint.number, other) is complaint


# Two at once


def test_of_two_that_are_merged_into_the_same_at_once_all_files_are_counted(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        into = a_complaint(session).number
        others = [a_complaint(session, attachment_count=3, unread_count=2).number for _ in range(8)]

    def merge(number: str) -> None:
        with transaction(make) as session:
            one, target = (find(session, each, clerk) for each in (number, into))
            take(session, one, MERGED, clerk, into=target)

    assert at_once(*(lambda number=number: merge(number) for number in others)) == [None] * 8
    with make() as session:
        found = find(session, into, clerk)
        assert (found.attachment_count, found.unread_count) == (24, 16)


def test_two_that_are_merged_into_each_other_at_once_do_not_wait_for_each_other(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        pair = [a_complaint(session).number for _ in range(2)]

    def merge(one: str, other: str) -> None:
        with transaction(make) as session:
            take(session, find(session, one, clerk), MERGED, clerk, into=find(session, other, clerk))

    results = at_once(lambda: merge(*pair), lambda: merge(*reversed(pair)))
    assert sorted(type(each).__name__ for each in results) in (["NoneType", "NotThere"], ["NoneType", "StaleComplaint"])


def test_files_put_on_a_complaint_at_once_are_all_counted(make: sessionmaker[Session], tmp_path: Path) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        number = a_complaint(session).number
    blobs = Blobs(tmp_path)

    def put(content: bytes) -> None:
        with transaction(make) as session:
            files.add(
                session, find(session, number, clerk), blobs, BytesIO(content), name="joint.txt",
                content_type="text/plain", declared_type="", by=clerk, at=SOON,
            )  # fmt: skip

    contents = [b"one", b"one", b"two", b"three", b"four", b"five"]
    assert at_once(*(lambda content=content: put(content) for content in contents)) == [None] * 6
    with make() as session:
        found = find(session, number, clerk)
        kept = files.offered(session, found, clerk).values()
    assert found.attachment_count == len(kept) == 5
    assert sorted(each.position for each in kept) == [0, 1, 2, 3, 4]
