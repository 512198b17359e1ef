"""How often a customer complained about a product: the figure on the card, whatever is corrected later."""

from datetime import timedelta

from complaints import off_board, registration, repeats
from complaints.customers import Customer
from tests.desk import CONTEXT, Desk

SEAL = {"product": "HX-210 fitting"}


def figures(desk: Desk, *numbers: str) -> list[int]:
    with desk.make() as session:
        return [desk.find(session, number).repeat_of_count for number in numbers]


def test_each_complaint_says_how_many_came_in_the_twelve_months_before(desk: Desk) -> None:
    old = desk.registered(**SEAL, received_at=desk.at - timedelta(days=366))
    first, second, third = desk.registered(**SEAL), desk.registered(**SEAL), desk.registered(**SEAL)
    other = desk.registered(product="CL-22 clamp")
    assert figures(desk, old, first, second, third, other) == [0, 0, 1, 2, 0]
    with desk.make() as session:
        found = repeats.earlier(session, desk.find(session, third), desk["qe"])
        assert found == [desk.find(session, number).id for number in (second, first)]
        assert repeats.earlier(session, desk.find(session, third), desk["staff"]) == []


def test_one_that_came_earlier_and_is_registered_later_counts_for_those_after_it(desk: Desk) -> None:
    late, soon = desk.draft(**SEAL), desk.registered(**SEAL)
    assert figures(desk, late, soon) == [0, 0]
    with desk.act() as session:
        found = desk.find(session, late)
        registration.register(
            session, found, {}, by=desk["clerk"], at=desk.at, seen_version=found.version, context=CONTEXT
        )
    assert figures(desk, late, soon) == [0, 1]


def test_a_corrected_product_or_customer_is_counted_where_it_belongs(desk: Desk) -> None:
    first, second, third = desk.registered(**SEAL), desk.registered(**SEAL), desk.registered(product="CL-22 clamp")
    desk.correct(third, "clerk", product="HX-210 fitting")
    assert figures(desk, first, second, third) == [0, 1, 2]
    desk.correct(first, "clerk", product="CL-22 clamp")
    assert figures(desk, first, second, third) == [0, 0, 1]
    with desk.act() as session:
        session.add(Customer(name="Haldersby Cranes"))
    desk.correct(second, "clerk", customer="Haldersby Cranes")
    assert figures(desk, first, second, third) == [0, 0, 0]


def test_a_draft_says_what_it_repeats_and_is_no_repeat_for_others(desk: Desk) -> None:
    first = desk.registered(**SEAL)
    draft = desk.draft()
    desk.correct(draft, "clerk", **SEAL)
    later = desk.registered(**SEAL)
    assert figures(desk, first, draft, later) == [0, 1, 1]


def test_what_was_no_complaint_counts_no_more_until_it_is_brought_back(desk: Desk) -> None:
    first, second = desk.registered(**SEAL), desk.registered(**SEAL)
    with desk.act() as session:
        found = desk.find(session, first)
        off_board.take(
            session, found, off_board.MERGED, reason="", by=desk["clerk"], at=desk.at, seen_version=found.version,
            context=CONTEXT, into=desk.find(session, second),
        )  # fmt: skip
    assert figures(desk, second) == [0]
    with desk.act() as session:
        found = desk.find(session, first)
        off_board.bring_back(session, found, by=desk["clerk"], at=desk.at, seen_version=found.version, context=CONTEXT)
    assert figures(desk, first, second) == [0, 1]
