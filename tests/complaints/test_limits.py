"""The times that were agreed with a customer: the tighter one holds, a promise of their own is a clock of its own."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from complaints import agreeing, calendars, clocks, limits
from complaints.calendar import mainland_china, parse_within
from complaints.calendar_outline import Outline
from complaints.clocks import Clock
from complaints.customer_file import FileChange, StaleFile
from complaints.customers import Customer
from complaints.limits import Limit
from complaints.registration import Incomplete
from tests.builders import MONDAY, a_customer
from tests.complaints.test_calendar_oracle import NOBODYS
from tests.desk import Desk, english

MAJOR = {"complaint_class": "major"}
D3 = Limit("manufacturing", within="24 hours", id=1, name="D3", stops="part:d3", responsible="qe")


def agree(desk: Desk, *agreed: Limit, customer: int = 1) -> None:
    with desk.act() as session:
        found = session.get_one(Customer, customer)
        agreeing.save(session, found, agreed, by=desk["clerk"], at=desk.at, seen_version=found.version)


def clocks_of(desk: Desk, number: str) -> dict[str, Clock]:
    with desk.make() as session:
        return {each.key: each for each in clocks.of(session, "complaint", desk.find(session, number).id)}


def test_the_tighter_of_two_limits_holds_and_the_receipt_names_both(desk: Desk) -> None:
    agree(
        desk,
        Limit("manufacturing", "interim", "4 working hours"),
        Limit("manufacturing", "permanent", "9 working days"),
    )
    number = desk.to_investigation(**MAJOR)
    found = clocks_of(desk, number)
    interim, signed = found["interim"], desk.case(number).signatures["receipt"].at
    assert interim.due_at == signed + timedelta(hours=5)  # over the break at noon
    receipt = interim.receipt
    assert (receipt["customer"], receipt["within"], receipt["house"]) == (
        "Quellstrom Mobility", "4 working hours", "8 working hours",
    )  # fmt: skip
    assert found["permanent"].receipt["within"] == "2 working days"
    assert "customer" not in found["permanent"].receipt


def test_a_new_limit_moves_no_clock_that_runs(desk: Desk) -> None:
    number = desk.to_investigation(**MAJOR)
    before = clocks_of(desk, number)["interim"].due_at
    agree(desk, Limit("manufacturing", "interim", "1 working hour"), D3)
    desk.write(number, "qe_entry", "qe")
    found = clocks_of(desk, number)
    assert found["interim"].due_at == before
    assert not [clock for clock in found.values() if clock.promised]


def test_a_promise_of_their_own_runs_from_the_receipt_until_its_part_of_the_report_is_done(desk: Desk) -> None:
    agree(desk, D3)
    received = desk.at + timedelta(minutes=1)
    number = desk.to_investigation(**MAJOR)
    own = clocks_of(desk, number)["own:1:1"]
    assert (own.started_at, own.due_at, own.responsible) == (received, received + timedelta(hours=24), "qe")
    assert own.promised == {
        "name": "D3", "customer": "Quellstrom Mobility", "stops": "part:d3", "pauses": False,
    }  # fmt: skip
    desk.write(number, "qe_entry", "qe")
    assert clocks_of(desk, number)["own:1:1"].outcome is None
    desk.write(number, "interim", "qe")
    done = clocks_of(desk, number)["own:1:1"]
    assert (done.outcome, done.stopped_at) == ("met", desk.at)


def test_a_promise_ends_with_a_signature_and_taken_back_with_it_runs_on(desk: Desk) -> None:
    agree(desk, Limit("manufacturing", within="10 days", id=3, name="Plan", stops="signed:plan_submitted",
                      responsible="dept_head"))  # fmt: skip
    number = desk.to_action_plan()
    desk.plan(number)
    assert clocks_of(desk, number)["own:1:3"].outcome == "met"
    desk.write(number, "plan", "dept_head", place=1, what="Reset counter, ask twice")
    assert clocks_of(desk, number)["own:1:3"].outcome is None


def test_what_was_promised_to_one_customer_ends_when_the_complaint_is_another_s_and_comes_back_with_it(
    desk: Desk,
) -> None:
    agree(desk, D3)
    with desk.act() as session:
        a_customer(session, "Rheinwerk")
    number = desk.registered()
    assert clocks_of(desk, number)["own:1:1"].outcome is None
    desk.correct(number, "clerk", customer="Rheinwerk")
    assert clocks_of(desk, number)["own:1:1"].outcome == "cancelled"
    desk.correct(number, "clerk", customer="Quellstrom Mobility")
    assert clocks_of(desk, number)["own:1:1"].outcome is None


def test_a_promise_whose_end_the_procedure_does_not_know_any_more_begins_no_clock(desk: Desk) -> None:
    with desk.act() as session:
        row: dict[str, Any] = {"procedure": "manufacturing", "within": "24 hours", "id": 1, "name": "D9"}
        session.get_one(Customer, 1).limits = [row | {"stops": "part:d9", "responsible": "qe"}]
    assert not [each for each in clocks_of(desk, desk.registered()).values() if each.promised]


def test_a_limit_goes_by_the_calendar_of_the_customer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "_looked", {})
    agree(desk, Limit("manufacturing", within="2 working days", id=1, name="D5", stops="part:d5", responsible="qe"))
    with desk.act() as session:
        nights = Outline("Europe/Berlin", "", {1: ((time(9), time(15)),), 4: ((time(9), time(15)),)})
        owner = calendars.owner_of(calendars.CUSTOMER, 1)
        calendars.accept(session, owner, nights, NOBODYS, seen=0, by=desk["admin"], at=desk.at)
    number = desk.registered()
    assert clocks_of(desk, number)["own:1:1"].due_at == datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


# The form


def problems(form: dict[str, str]) -> dict[str, str]:
    with pytest.raises(Incomplete) as refusal:
        agreeing.parse(form)
    return {each.field: english(each.sentence) for each in refusal.value.problems}


def test_what_was_agreed_reads_as_it_was_written() -> None:
    agreed = [Limit("manufacturing", "interim", "4 working hours", pauses=True), D3]
    assert agreeing.parse(agreeing.as_form(agreed)) == agreed


def test_a_new_promise_gets_a_number_of_its_own_and_one_without_a_name_is_not_kept() -> None:
    form = agreeing.as_form([D3]) | {
        "name-1": "D8", "amount-1": "10", "unit-1": "working_days", "stops-1": "manufacturing|part:d8",
        "responsible-1": "qe", "name-2": " ", "amount-2": "x",
    }  # fmt: skip
    assert [(each.id, each.name) for each in agreeing.parse(form)] == [(1, "D3"), (2, "D8")]
    assert agreeing.parse(form | {"name-0": "", "name-1": ""}) == []


def test_numbers_that_somebody_made_up_are_no_numbers_and_none_is_there_twice() -> None:
    """They are in the keys of clocks: one that is too long, or there twice, would keep complaints from beginning."""
    form = agreeing.as_form([replace(D3, id=each) for each in (1, 2, 3, 4)])
    made_up = {"id-0": "9" * 60, "id-1": "7", "id-2": "7", "id-3": "²"}
    assert [each.id for each in agreeing.parse(form | made_up)] == [8, 7, 9, 10]


def test_no_promise_ends_later_than_a_calendar_reckons() -> None:
    form = agreeing.as_form([D3])
    assert problems(form | {"amount-0": "61", "unit-0": "months"}) == {"amount-0": "A whole number from 1 to 60"}
    assert problems(form | {"amount-0": "1001"}) == {"amount-0": "A whole number from 1 to 1000"}
    (longest,) = agreeing.parse(form | {"amount-0": "1000", "unit-0": "working_days"})
    assert mainland_china().add(MONDAY, parse_within(longest.within)).at.year == 2030


def test_everything_that_is_wrong_is_said_at_its_field() -> None:
    form = {"amount-manufacturing-interim": "0", "amount-manufacturing-permanent": "3", "name-0": "D3" * 40}
    assert problems(form) == {
        "amount-manufacturing-interim": "A whole number from 1 to 1000",
        "amount-manufacturing-permanent": "Choose a unit",
        "name-0": "At most 60 characters",
        "amount-0": "A whole number from 1 to 1000",
        "stops-0": "Choose what ends it",
        "responsible-0": "Choose who keeps it",
    }


def test_the_clocks_of_a_draft_cannot_be_tightened() -> None:
    keys = [rule.key for rules in agreeing.procedures() for rule in limits.tightens(rules)]
    assert "interim" in keys
    assert "issue_form" not in keys


def test_of_two_who_write_at_once_one_wins_and_the_same_form_again_changes_nothing(desk: Desk) -> None:
    agree(desk, D3)
    agree(desk, D3)
    with desk.make() as session:
        assert [each.act for each in session.scalars(select(FileChange))] == ["limits_agreed"]
        customer = session.get_one(Customer, 1)
        with pytest.raises(StaleFile):
            agreeing.save(session, customer, [], by=desk["sales"], at=MONDAY, seen_version=customer.version - 1)


def test_a_limit_over_a_holiday_goes_by_the_calendar(desk: Desk) -> None:
    agree(desk, Limit("manufacturing", within="3 working days", id=1, name="D5", stops="part:d5", responsible="qe"))
    desk.at = datetime(2026, 9, 30, 2, 0, tzinfo=UTC)
    number = desk.registered()
    assert clocks_of(desk, number)["own:1:1"].due_at == datetime(2026, 10, 10, 9, 30, tzinfo=UTC)
