"""Letters wait until somebody says that they are read."""

from typing import Any

import pytest
from sqlalchemy import select, update

from complaints import board, off_board, reading, worklist
from complaints.complaint import Complaint
from complaints.conversation import Entry
from complaints.errors import NotAllowed
from complaints.history import Change
from complaints.off_board import MERGED
from complaints.procedure import procedure
from tests.builders import MONDAY, a_letter
from tests.desk import CONTEXT, Desk

TODAY = MONDAY.date()


def comes(desk: Desk, number: str, message_id: str) -> int:
    """The customer writes; gives the entry."""
    with desk.act() as session:
        complaint = desk.find(session, number)
        letter = a_letter(session, complaint, message_id=message_id, received_at=desk.at)
        complaint.unread_count += 1
        return session.scalars(select(Entry.id).where(Entry.letter_id == letter.id)).one()


def read(desk: Desk, number: str, role: str, upto: int) -> None:
    with desk.act() as session:
        reading.read(session, desk.find(session, number), upto=upto, by=desk[role], at=desk.at)


def unread(desk: Desk, number: str) -> int:
    with desk.make() as session:
        return desk.find(session, number).unread_count


def to_read(desk: Desk, role: str) -> list[tuple[str, int]]:
    """The letters on somebody's work list: of which complaint, up to which."""
    with desk.make() as session:
        groups = worklist.groups(session, desk[role], TODAY)
        return [(each.card.number, each.upto) for group in groups for each in group.items if each.kind == "letter"]


def readings(desk: Desk, number: str) -> list[tuple[int | None, Any]]:
    with desk.make() as session:
        complaint = desk.find(session, number)
        found = select(Change).where(Change.complaint_id == complaint.id, Change.act == reading.READ)
        return [(each.by_id, each.values["letters"]) for each in session.scalars(found.order_by(Change.id))]


def test_what_is_read_waits_no_more_and_the_card_says_so_and_the_history_who_it_was(desk: Desk) -> None:
    number = desk.to_investigation()
    comes(desk, number, "first@customer.example")
    last = comes(desk, number, "second@customer.example")
    assert to_read(desk, "qe") == [(number, last)]
    with desk.make() as session:
        before = desk.find(session, number).changed_at
    read(desk, number, "qe", last)
    assert (to_read(desk, "qe"), unread(desk, number)) == ([], 0)
    assert readings(desk, number) == [(desk["qe"].id, 2)]
    with desk.make() as session:
        cards = [card for each in board.columns(session, desk["qe"], procedure(), desk.at) for card in each.cards]
        assert [(card.number, card.unread_count) for card in cards] == [(number, 0)]
        assert desk.find(session, number).changed_at > before


def test_said_again_it_changes_nothing(desk: Desk) -> None:
    number = desk.to_investigation()
    last = comes(desk, number, "first@customer.example")
    read(desk, number, "qe", last)
    read(desk, number, "clerk", last)
    assert readings(desk, number) == [(desk["qe"].id, 1)]


def test_a_letter_that_came_meanwhile_goes_on_waiting(desk: Desk) -> None:
    number = desk.to_investigation()
    shown = comes(desk, number, "first@customer.example")
    newer = comes(desk, number, "second@customer.example")
    read(desk, number, "qe", shown)
    assert (to_read(desk, "qe"), readings(desk, number)) == ([(number, newer)], [(desk["qe"].id, 1)])
    read(desk, number, "qe", shown)
    read(desk, number, "qe", 0)
    assert unread(desk, number) == 1


def test_letters_of_what_was_merged_into_it_are_read_with_its_own(desk: Desk) -> None:
    number, other, third = desk.to_investigation(), desk.draft(), desk.draft()
    comes(desk, number, "first@customer.example")
    comes(desk, third, "third@customer.example")
    last = comes(desk, other, "second@customer.example")
    for merged, into in ((third, other), (other, number)):
        with desk.act() as session:
            complaint = desk.find(session, merged)
            off_board.take(
                session, complaint, MERGED, reason="the same", by=desk["clerk"], at=desk.at,
                seen_version=complaint.version, context=CONTEXT, into=desk.find(session, into),
            )  # fmt: skip
    assert (unread(desk, number), to_read(desk, "qe")) == (3, [(number, last)])
    read(desk, number, "qe", last)
    assert unread(desk, number) == 0


def test_who_only_follows_a_complaint_does_not_say_that_it_is_read(desk: Desk) -> None:
    number = desk.to_investigation()
    last = comes(desk, number, "first@customer.example")
    with pytest.raises(NotAllowed):
        read(desk, number, "dept_head", last)
    assert (unread(desk, number), readings(desk, number)) == (1, [])


def test_the_department_in_whose_queue_it_stands_says_that_it_is_read(desk: Desk) -> None:
    number = desk.to_action_plan()
    last = comes(desk, number, "first@customer.example")
    with desk.act() as session:
        session.execute(update(Complaint).values(owner_id=None))
    with pytest.raises(NotAllowed):
        read(desk, number, "mr", last)
    read(desk, number, "dept_head", last)
    assert unread(desk, number) == 0
