"""Many at a complaint and at the case that it opened in the same instant: one case, nobody waits in a circle."""

from collections.abc import Callable

import pytest

from complaints import links, off_board, workflow, writing
from complaints.database import transaction
from complaints.errors import ComplaintError
from complaints.link import OPENED
from complaints.links import NotLinked
from complaints.procedure import use
from complaints.procedure_file import read
from tests.builders import at_once
from tests.complaints.test_wider_procedures import GOODS
from tests.desk import CONTEXT, Desk

AGAIN = 5


@pytest.fixture
def number(desk: Desk) -> str:
    """A case of goods, registered, that may hand on to the same procedure."""
    use([read(GOODS, "goods.toml")])
    return begun(desk)


def begun(desk: Desk) -> str:
    number = desk.registered(procedure_key="goods", complaint_class=None)
    desk.write(number, "count", "clerk", loss="1", starter=str(desk["clerk"].id))
    return number


def opened(desk: Desk, number: str) -> list[str]:
    return [each.number for each in desk.case(number).opened.get("postal", ())]


def said_yes(desk: Desk, number: str) -> Callable[[], None]:
    def write() -> None:
        with transaction(desk.make) as session:
            complaint = desk.find(session, number)
            writing.write(
                session, complaint, "count", {"more": ["yes"]}, by=desk["clerk"], at=desk.at, context=CONTEXT, seen=1
            )

    return write


def test_what_two_say_at_once_opens_one_case(desk: Desk, number: str) -> None:
    at_once(*[said_yes(desk, number)] * 6)
    assert len(opened(desk, number)) == 1


def test_a_case_may_end_while_its_link_is_taken_back_and_the_complaint_moves(desk: Desk, number: str) -> None:
    for _ in range(AGAIN):
        first = begun(desk)
        said_yes(desk, first)()
        (other,) = opened(desk, first)

        def ends(other: str = other) -> None:
            with transaction(desk.make) as session:
                found = desk.find(session, other)
                off_board.take(
                    session, found, "not_complaint", reason="Asked only", by=desk["clerk"], at=desk.at,
                    context=CONTEXT, seen_version=found.version,
                )  # fmt: skip

        def released(first: str = first) -> None:
            with transaction(desk.make) as session:
                complaint = desk.find(session, first)
                (link,) = links.of(session, complaint, desk["clerk"])
                links.end(session, complaint, link.id or 0, reason="Other goods", by=desk["clerk"], at=desk.at)

        def goes_on(first: str = first) -> None:
            with transaction(desk.make) as session:
                found = desk.find(session, first)
                workflow.move(
                    session, found, "done", by=desk["clerk"], at=desk.at, seen_version=found.version, context=CONTEXT
                )

        results = at_once(ends, released, goes_on)
        assert [each for each in results if isinstance(each, Exception) and not isinstance(each, ComplaintError)] == []
        if desk.stage(first) != "done":
            desk.move(first, "done", "clerk")


def test_two_that_are_each_linked_as_opened_by_the_other_at_once_do_not_both_wait(desk: Desk, number: str) -> None:
    def links_to(one: str, two: str) -> Callable[[], None]:
        def link() -> None:
            with transaction(desk.make) as session:
                found = desk.find(session, one)
                links.add(session, found, two, OPENED, by=desk["clerk"], at=desk.at, key=f"{one} to {two}")

        return link

    for _ in range(AGAIN):
        one, two = begun(desk), begun(desk)
        results = at_once(links_to(one, two), links_to(two, one))
        assert sorted(type(each).__name__ for each in results) == ["NoneType", NotLinked.__name__]
        at_once(said_yes(desk, one), said_yes(desk, two))
        assert [len(opened(desk, each)) for each in (one, two)] == [1, 1]
