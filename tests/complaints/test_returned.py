"""What was returned: who hears of it, who has to work on it, and until when."""

import pytest

from complaints.case import load_with_past
from complaints.database import open_database, sessions
from tests.desk import Desk


@pytest.fixture
def desk(database_url: str) -> Desk:
    return Desk(sessions(open_database(database_url)))


def with_transfer(desk: Desk) -> str:
    """A complaint with an information transfer form that waits for its audit."""
    number = desk.to_investigation()
    desk.write(number, "transfer", "sales", severity="high", text="Sort the stock", departments=[desk.department])
    return number


def test_a_case_knows_what_was_returned_until_it_is_given(desk: Desk) -> None:
    number = with_transfer(desk)
    desk.returns(number, "transfer_audited", "mkt_sup", remark="too thin")
    returned = desk.case(number).returned
    assert [(key, each.remark) for key, each in returned.items()] == [("transfer_audited", "too thin")]
    assert "transfer_audited" not in desk.case(number).signatures
    with desk.make() as session:
        case, _past = load_with_past(session, desk.find(session, number))
    assert [*case.returned] == ["transfer_audited"]
    desk.write(number, "transfer", "sales", text="Sort the stock of week 46, all sizes")
    desk.sign(number, "transfer_audited", "mkt_sup")
    assert (desk.case(number).returned, "transfer_audited" in desk.case(number).signatures) == ({}, True)


def test_what_was_returned_in_the_last_round_is_not_returned_in_this_one(desk: Desk) -> None:
    number = desk.to_action_plan()
    desk.plan(number)
    desk.returns(number, "plan_review", "qe")
    assert (desk.case(number).complaint.round, desk.case(number).returned) == (2, {})
