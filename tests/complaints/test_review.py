"""The management review: every corrective action with how far it is, and what is still open, for who reads it."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from complaints import kpi_entries, review
from complaints.calendar import mainland_china
from complaints.database import open_database, sessions
from complaints.kpi_entries import Amounts
from complaints.measures import days
from complaints.people import SYSTEM
from complaints.review import EFFECTIVE, UNDER_WAY, VERIFIED, Review
from tests.desk import Desk

PERIOD = days(date(2026, 7, 1), date(2026, 12, 31), mainland_china().tz)


def of(desk: Desk, role: str = "qa_mgr", most: int = 50) -> Review:
    with desk.make() as session:
        return review.of(session, desk[role], PERIOD, desk.at, most=most)


@pytest.mark.requirement("S124", "S125")
def test_each_action_stands_there_with_its_state(desk: Desk) -> None:
    numbers = [desk.to_closed(), desk.to_customer_reply(), desk.to_implementation()]
    desk.registered()
    found = of(desk)
    assert [each.complaint.number for each in found.actions] == numbers
    assert [each.state for each in found.actions] == [EFFECTIVE, VERIFIED, UNDER_WAY]
    assert [each.departments for each in found.actions] == [(desk.department,)] * 3
    assert {each.what for each in found.actions} == {"Tool life counter was not reset"}
    assert all(each.number.startswith("CAPA") for each in found.actions)
    assert len(found.open) == 3
    assert (found.unseen_actions, found.unseen_open) == (0, 0)


def test_who_may_not_see_a_complaint_learns_how_many_there_are(desk: Desk) -> None:
    desk.to_implementation()
    found = of(desk, "gm")
    assert (found.actions, found.unseen_actions) == ((), 1)
    assert (found.open, found.unseen_open) == ((), 1)
    assert found.whole["effective_reply"].below == 1


def test_a_long_list_ends_and_says_how_many_more_there_are(desk: Desk) -> None:
    for _ in range(2):
        desk.to_implementation()
    found = of(desk, most=1)
    assert (len(found.actions), found.unseen_actions, len(found.open), found.unseen_open) == (1, 1, 1, 1)


def test_an_action_of_before_stands_there_as_long_as_its_complaint_is_open(desk: Desk) -> None:
    open_, closed = desk.to_implementation(), desk.to_closed()
    later = days(date(2027, 1, 1), date(2027, 3, 31), mainland_china().tz)
    with desk.make() as session:
        found = review.of(session, desk["qa_mgr"], later, later.ends, most=50)
    assert [each.complaint.number for each in found.actions] == [open_]
    assert closed in {each.complaint.number for each in of(desk).actions}


def test_no_whole_table_is_read_for_actions_and_what_is_open(sqlite_url: str) -> None:
    asked: list[Any] = []
    with sessions(open_database(sqlite_url))() as session:
        event.listen(session.get_bind(), "before_cursor_execute", lambda *each: asked.append(each[2:4]))
        review.of(session, SYSTEM, PERIOD, PERIOD.ends, most=50)
        connection = session.connection()
        plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", of).all()) for sql, of in [*asked]]
    assert sum("record USING INDEX ix_record_number" in plan for plan in plans) == 2
    assert not [plan for plan in plans if re.search(r"SCAN (complaint|record|clock)\b", plan)]


def test_counts_that_were_typed_in_are_added_up(desk: Desk) -> None:
    with desk.act() as session:
        for month, on_time, all_, rate in ((7, 8, 10, 90), (8, 10, 10, 97)):
            typed = {
                "on_time_delivery": Amounts(Decimal(on_time), Decimal(all_)),
                "completion": Amounts(Decimal(rate), None),
                "shipments": Amounts(Decimal(100), None),
            }
            kpi_entries.enter(session, date(2026, month, 1), typed, seen=0, by=desk["clerk"], at=desk.at)
    found = of(desk).whole
    assert found["on_time_delivery"].value == Decimal("0.9")
    assert found["completion"].value == Decimal("0.97")
    assert found["complaint_rate"].value is None  # four months have no shipments


def test_months_of_a_period_end_with_this_one(desk: Desk) -> None:
    assert of(desk).months == tuple(date(2026, month, 1) for month in range(7, 12))
