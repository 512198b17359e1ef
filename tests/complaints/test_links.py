"""Links between complaints: both sides tell of them, and what makes no sense is refused."""

import pytest
from sqlalchemy import select

from complaints import history, joining, links, off_board
from complaints.complaint import Complaint
from complaints.errors import NotFound
from complaints.history import Change
from complaints.link import Link
from complaints.links import DUPLICATE, RECURRENCE, RELATED, Linked, NotLinked, NotUnlinked
from tests.desk import CONTEXT, Desk


def link(desk: Desk, number: str, other: str, kind: str, role: str = "qe", *, reason: str = "", key: str = "") -> None:
    with desk.act() as session:
        links.add(
            session, desk.find(session, number), other, kind, reason=reason, by=desk[role], at=desk.at,
            key=key or f"form {desk.at}",
        )  # fmt: skip


def unlink(desk: Desk, number: str, reason: str = "wrong one", role: str = "qe") -> None:
    with desk.act() as session:
        (id_,) = {each.id for each in shown_to(desk, number) if each.id}
        links.end(session, desk.find(session, number), id_, reason=reason, by=desk[role], at=desk.at)


def shown_to(desk: Desk, number: str, role: str = "qe") -> list[Linked]:
    with desk.make() as session:
        return links.of(session, desk.find(session, number), desk[role])


def ways(desk: Desk, number: str, role: str = "qe") -> list[tuple[str, str | None]]:
    return [(each.way, each.number) for each in shown_to(desk, number, role)]


def refused(desk: Desk, number: str, other: str, kind: str, role: str = "qe") -> dict[str, str]:
    with pytest.raises(NotLinked) as refusal:
        link(desk, number, other, kind, role)
    return {each.field: each.sentence.message % each.sentence.values for each in refusal.value.problems}


def acts(desk: Desk, number: str) -> list[str]:
    with desk.make() as session:
        query = select(Change).join(Complaint, Complaint.id == Change.complaint_id).where(Complaint.number == number)
        return [each.act for each in session.scalars(query.order_by(Change.position))]


def test_a_link_keeps_its_direction_and_shows_on_both_with_who_when_and_why(desk: Desk) -> None:
    first, second = desk.registered(), desk.registered()
    link(desk, second, f" {first.lower()} ", RECURRENCE, reason="the same pores again")
    (there,) = shown_to(desk, second)
    assert (there.way, there.number, there.who, there.at) == ("recurrence_of", first, "qe", desk.at)
    assert (there.reason, there.stage, there.subject) == (
        "the same pores again", "registered", "Oil weeping at HX-210 face seal",
    )  # fmt: skip
    assert ways(desk, first) == [("recurs_in", second)]
    assert acts(desk, second)[-1] == "linked:recurrence_of"
    assert acts(desk, first)[-1] == "linked:recurs_in"
    with desk.make() as session:
        assert history.verify(session).broken is None


def test_a_form_that_is_sent_again_makes_no_second_link(desk: Desk) -> None:
    first, second = desk.registered(), desk.registered()
    link(desk, second, first, RELATED, key="one form")
    link(desk, second, first, RELATED, key="one form")
    assert ways(desk, second) == [("related", first)]
    assert acts(desk, first).count("linked:related") == 1


def test_what_makes_no_sense_is_refused_at_its_field(desk: Desk) -> None:
    first, second, third = desk.registered(), desk.registered(), desk.registered()
    assert refused(desk, first, first, RELATED) == {"linked_number": "This is the same complaint"}
    assert refused(desk, first, second, "cousin") == {"linked_kind": "Please say what it is to the other one"}
    link(desk, second, first, DUPLICATE)
    assert refused(desk, second, first, DUPLICATE) == {"linked_number": f"{first} is linked so already"}
    link(desk, third, second, DUPLICATE)
    circle = {"linked_number": f"{third} goes back to this complaint itself"}
    assert refused(desk, first, third, DUPLICATE) == circle
    link(desk, first, third, RELATED)
    assert refused(desk, third, first, RELATED) == {"linked_number": f"{first} is linked so already"}
    assert set(refused(desk, second, first, "")) == {"linked_kind"}


def test_a_number_that_is_unknown_and_one_that_is_not_ones_own_are_refused_alike(desk: Desk) -> None:
    mine, hidden = desk.draft(), desk.registered()
    with desk.act() as session:
        desk.find(session, mine).owner_id = desk["staff"].id
    told = {n: refused(desk, mine, n, RELATED, "staff")["linked_number"] for n in (hidden, "C-1999-0001", "")}
    assert {text.replace(number, "") for number, text in told.items()} == {
        "There is no complaint “”, or it is not yours to see"
    }


def test_of_a_complaint_that_is_not_the_readers_there_is_no_more_than_that_it_is_there(desk: Desk) -> None:
    mine, hidden = desk.draft(), desk.registered()
    with desk.act() as session:
        desk.find(session, mine).owner_id = desk["staff"].id
    link(desk, mine, hidden, RECURRENCE, reason="secret")
    (seen,) = shown_to(desk, mine, "staff")
    assert (seen.way, seen.number, seen.subject, seen.reason, seen.stage) == ("recurrence_of", None, "", "", "")


def test_a_link_is_taken_back_from_either_side_with_a_reason_and_may_be_made_again(desk: Desk) -> None:
    first, second = desk.registered(), desk.registered()
    link(desk, second, first, DUPLICATE)
    with pytest.raises(NotUnlinked):
        unlink(desk, first, reason=" ")
    unlink(desk, first, reason="another lot")
    assert ways(desk, first) == ways(desk, second) == []
    assert acts(desk, first)[-1] == acts(desk, second)[-1] == "unlinked"
    with desk.make() as session:
        (kept,) = session.scalars(select(Link))
        assert (kept.ended_at, kept.ended_by_id, kept.end_reason) == (desk.at, desk["qe"].id, "another lot")
    link(desk, first, second, DUPLICATE)
    assert ways(desk, first) == [("duplicate_of", second)]


def test_a_link_of_two_others_cannot_be_taken_back_from_here(desk: Desk) -> None:
    first, second, third = desk.registered(), desk.registered(), desk.registered()
    link(desk, second, first, DUPLICATE)
    with desk.act() as session, pytest.raises(NotFound):
        links.end(session, desk.find(session, third), 1, reason="mine", by=desk["qe"], at=desk.at)


def test_a_merge_and_a_shared_investigation_show_from_each_to_the_other(desk: Desk) -> None:
    first, second, third = desk.to_investigation(), desk.registered(), desk.to_investigation()
    with desk.act() as session:
        into, merged = desk.find(session, first), desk.find(session, second)
        off_board.take(
            session, merged, off_board.MERGED, reason="by phone, too", by=desk["clerk"], at=desk.at,
            seen_version=merged.version, context=CONTEXT, into=into,
        )  # fmt: skip
    with desk.act() as session:
        other = desk.find(session, third)
        joining.join(
            session, other, desk.find(session, first), by=desk["qe"], at=desk.at, seen_version=other.version,
            context=CONTEXT,
        )  # fmt: skip
    assert sorted(ways(desk, first)) == [("investigated_with", third), ("merged_in", second)]
    assert ways(desk, second) == [("merged_into", first)]
    assert ways(desk, third) == [("investigated_with", first)]
    (merge,) = shown_to(desk, second)
    assert (merge.who, merge.reason, merge.id) == ("clerk", "by phone, too", None)
