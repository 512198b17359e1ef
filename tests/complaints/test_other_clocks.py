"""Clocks of other trades, by a trial procedure: due by a day that the customer names or a time that is set, only where
something is needed, from the receipt or from a record, and targets that are no promise."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import as_of, calendar_changes, clocks, limits, procedure, reminders
from complaints.case import load
from complaints.clocks import NEVER, Clock
from complaints.complaint import NO_LIMIT
from complaints.history import Change
from complaints.procedure import Procedure, use
from complaints.procedure_file import BadProcedure, read
from complaints.registration import Incomplete, choose_procedure, register
from complaints.reminder import Reminder
from tests.desk import CONTEXT, Desk, english
from tests.procedures import SERVICE

SHANGHAI = ZoneInfo("Asia/Shanghai")


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


@pytest.fixture
def desk(make: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(procedure, "_known", {})
    use([read(SERVICE, "service.toml")])
    return Desk(make)


def registered(
    desk: Desk, complaint_class: str = "general", received: str = "2026-11-16 10:00", follows: str = "service"
) -> str:
    """A complaint of this trade, received at a time; Monday is the 16th."""
    desk.at = wall(received) - timedelta(minutes=1)
    number = desk.draft(complaint_class=complaint_class)
    with desk.act() as session:
        found = desk.find(session, number)
        choose_procedure(
            session, found, follows, by=desk["clerk"], at=desk.at, seen_version=found.version, context=CONTEXT
        )
    with desk.act() as session:
        found = desk.find(session, number)
        register(
            session, found, {}, by=desk["clerk"], at=desk.at, seen_version=found.version, context=CONTEXT,
            departments=[desk.department],
        )  # fmt: skip
    return number


def write(desk: Desk, number: str, at: str, sheet: str = "service", **values: Any) -> None:
    desk.at = wall(at) - timedelta(minutes=1)
    desk.write(number, sheet, "clerk", **values)


def known(desk: Desk, number: str, key: str) -> list[Clock]:
    with desk.make() as session:
        found = clocks.of(session, "complaint", desk.find(session, number).id)
        return [each for each in found if each.key == key]


def the_clock(desk: Desk, number: str, key: str) -> Clock:
    (found,) = known(desk, number, key)
    return found


def moved(desk: Desk) -> list[Mapping[str, str]]:
    with desk.make() as session:
        return [
            each.values
            for each in session.scalars(select(Change).where(Change.act == "due_entered").order_by(Change.id))
        ]


# The rows


@pytest.mark.requirement("S98")
@pytest.mark.parametrize(("arrived", "outcome"), [("2026-11-18 10:00", "met"), ("2026-11-18 10:01", "late")])
def test_a_visit_that_is_ticked_is_due_48_hours_after_the_receipt_and_ends_with_the_arrival(
    desk: Desk, arrived: str, outcome: str
) -> None:
    number = registered(desk)
    assert known(desk, number, "site") == []
    write(desk, number, "2026-11-17 09:00", visit="yes")
    clock = the_clock(desk, number, "site")
    assert (clock.started_at, clock.due_at) == (wall("2026-11-16 10:00"), wall("2026-11-18 10:00"))
    write(desk, number, arrived, arrived=arrived)
    assert the_clock(desk, number, "site").outcome == outcome


def test_a_visit_that_is_not_needed_after_all_is_not_owed_and_once_ticked_again_is_from_the_receipt_on(
    desk: Desk,
) -> None:
    number = registered(desk)
    write(desk, number, "2026-11-16 11:00", visit="yes")
    write(desk, number, "2026-11-16 12:00", visit="no")
    assert the_clock(desk, number, "site").outcome == "cancelled"
    write(desk, number, "2026-11-16 13:00", visit="yes")
    clock = the_clock(desk, number, "site")
    assert (clock.outcome, clock.due_at) == (None, wall("2026-11-18 10:00"))
    write(desk, number, "2026-11-16 14:00", arrived="2026-11-16 14:00")
    write(desk, number, "2026-11-16 15:00", answer="We were there")
    assert the_clock(desk, number, "site").outcome == "met"


@pytest.mark.requirement("S99")
def test_without_a_day_of_the_customers_it_is_the_fifth_working_day_and_with_one_the_end_of_that_day(
    desk: Desk,
) -> None:
    number = registered(desk)
    by_limit = wall("2026-11-23 17:30")
    assert the_clock(desk, number, "finish").due_at == by_limit
    write(desk, number, "2026-11-16 11:00", wanted="2026-11-19")
    clock = the_clock(desk, number, "finish")
    assert clock.due_at == wall("2026-11-19 17:30")
    told = [datetime.fromisoformat(clock.receipt[key]) for key in ("due", "until_due")]
    assert told == [by_limit, clock.due_at]
    write(desk, number, "2026-11-17 11:00", wanted="2026-11-27")
    assert the_clock(desk, number, "finish").due_at == wall("2026-11-27 17:30")
    write(desk, number, "2026-11-17 12:00", wanted="")
    clock = the_clock(desk, number, "finish")
    assert (clock.due_at, clock.receipt.keys() & {"until", "until_due"}) == (by_limit, set())
    days = [datetime.fromisoformat(each["now_due"]).astimezone(SHANGHAI).day for each in moved(desk)]
    assert days == [19, 27, 23]


@pytest.mark.requirement("S99")
@pytest.mark.parametrize(("handled", "outcome"), [("2026-11-19 17:30", "met"), ("2026-11-19 17:31", "late")])
def test_what_is_done_by_the_end_of_the_customers_day_is_in_time(desk: Desk, handled: str, outcome: str) -> None:
    number = registered(desk)
    write(desk, number, "2026-11-16 11:00", wanted="2026-11-19")
    write(desk, number, handled, handled="Exchanged")
    assert the_clock(desk, number, "finish").outcome == outcome


def test_a_day_and_its_end_in_one_record_are_reckoned_with_that_day(desk: Desk) -> None:
    number = registered(desk)
    write(desk, number, "2026-11-24 09:00", wanted="2026-11-25", handled="Exchanged")
    clock = the_clock(desk, number, "finish")
    assert (clock.due_at, clock.outcome) == (wall("2026-11-25 17:30"), "met")


def test_a_day_before_the_start_of_the_clock_is_refused_at_its_field_and_the_day_itself_is_not(desk: Desk) -> None:
    number = registered(desk)
    with pytest.raises(Incomplete) as refused:
        write(desk, number, "2026-11-17 11:00", wanted="2026-11-15")
    (problem,) = refused.value.problems
    assert problem.field == "wanted"
    assert english(problem.sentence) == "“Customer's day” is before “Finish” begins: Mon 16 Nov 2026, 10:00"
    write(desk, number, "2026-11-16 11:00", wanted="2026-11-16")
    assert the_clock(desk, number, "finish").due_at == wall("2026-11-16 17:30")


@pytest.mark.requirement("S101")
def test_a_target_that_is_missed_tells_nobody_higher_up_and_makes_nothing_overdue(desk: Desk) -> None:
    number = registered(desk, "special")
    clock = the_clock(desk, number, "online")
    assert clock.due_at == wall("2026-11-17 10:00")
    write(desk, number, "2026-11-16 16:30", handled="Exchanged")
    for at in ("2026-11-17 10:00", "2026-11-18 08:30", "2026-11-19 08:30"):
        reminders.remind(desk.make, wall(at), CONTEXT)
    with desk.make() as session:
        heard = {(each.level, each.user_id) for each in session.scalars(select(Reminder))}
        assert heard == {(1, desk["sales"].id)}
        assert desk.find(session, number).sort_due_at == NO_LIMIT
        assert session.execute(as_of.overdue_at(wall("2026-11-19 08:30"))).all() == []
    write(desk, number, "2026-11-19 09:00", answer="Here is what we found")
    assert the_clock(desk, number, "online").outcome == "late"


@pytest.mark.requirement("S102")
def test_a_general_complaint_is_handled_within_an_hour_of_its_receipt(desk: Desk) -> None:
    number = registered(desk)
    assert the_clock(desk, number, "clean").due_at == wall("2026-11-16 11:00")
    write(desk, number, "2026-11-16 11:00", handled="Cleaned again")
    assert the_clock(desk, number, "clean").outcome == "met"


@pytest.mark.requirement("S102")
def test_a_special_complaint_asks_for_a_time_and_is_due_then(desk: Desk) -> None:
    number = registered(desk, "special")
    assert known(desk, number, "clean") == known(desk, number, "special") == []
    assert desk.missing(number, "handling", "clerk") == ["Set for is missing"]
    with pytest.raises(Incomplete):
        write(desk, number, "2026-11-16 12:00", set_for="2026-11-16 11:59")
    write(desk, number, "2026-11-16 12:00", set_for="2026-11-18 15:20")
    clock = the_clock(desk, number, "special")
    assert (clock.started_at, clock.due_at) == (wall("2026-11-16 12:00"), wall("2026-11-18 15:20"))
    assert desk.missing(number, "handling", "clerk") == []
    write(desk, number, "2026-11-16 13:00", set_for="2026-11-17 09:00")
    assert the_clock(desk, number, "special").due_at == wall("2026-11-17 09:00")
    write(desk, number, "2026-11-17 09:01", handled="Cleaned again")
    assert the_clock(desk, number, "special").outcome == "late"


def test_a_clock_whose_only_time_is_taken_away_promises_nothing_until_there_is_another(desk: Desk) -> None:
    number = registered(desk, "special")
    write(desk, number, "2026-11-16 12:00", set_for="2026-11-18 15:20")
    write(desk, number, "2026-11-16 13:00", set_for="")
    assert the_clock(desk, number, "special").outcome == "undone"
    write(desk, number, "2026-11-16 14:00", set_for="2026-11-19 10:00")
    assert [(each.outcome, each.due_at) for each in known(desk, number, "special")] == [
        ("undone", wall("2026-11-18 15:20")), (None, wall("2026-11-19 10:00")),
    ]  # fmt: skip


@pytest.mark.requirement("S103")
@pytest.mark.parametrize(("reported", "outcome"), [("2026-11-17 17:30", "met"), ("2026-11-17 17:31", "late")])
def test_facts_confirmed_on_monday_are_reported_by_the_close_of_tuesday(
    desk: Desk, reported: str, outcome: str
) -> None:
    number = registered(desk)
    write(desk, number, "2026-11-16 14:00", facts="The bolt was loose")
    assert the_clock(desk, number, "report").due_at == wall("2026-11-17 17:30")
    write(desk, number, reported, reported="To the company")
    assert the_clock(desk, number, "report").outcome == outcome


@pytest.mark.requirement("S104")
def test_what_quality_receives_on_monday_has_its_lead_department_by_the_close_of_tuesday(desk: Desk) -> None:
    number = registered(desk)
    write(desk, number, "2026-11-16 14:00", "quality", by="Tang")
    assert the_clock(desk, number, "lead").due_at == wall("2026-11-17 17:30")
    write(desk, number, "2026-11-17 16:00", "quality", lead="Machining")
    assert the_clock(desk, number, "lead").outcome == "met"


# Beside them


def test_another_calendar_is_no_fault_of_a_clock_without_a_limit(desk: Desk) -> None:
    number = registered(desk, "special")
    write(desk, number, "2026-11-16 12:00", set_for="2026-11-18 15:20", wanted="2026-11-19")
    for key, due in (("special", "2026-11-18 15:20"), ("finish", "2026-11-19 17:30")):
        clock = the_clock(desk, number, key)
        clocks.reckon(clock, CONTEXT.calendar)
        assert clock.due_at == wall(due)
    assert calendar_changes.settle(desk.make, desk.at, CONTEXT) == 0


def test_a_day_that_was_entered_waits_for_nobody(desk: Desk) -> None:
    number = registered(desk)
    write(desk, number, "2026-11-16 12:00", wanted="2026-11-19")
    clock = the_clock(desk, number, "finish")
    with desk.make() as session:
        case = load(session, desk.find(session, number))
        assert not limits.may_pause(clock, case.rules, case.complaint.customer)


def test_what_is_asked_for_in_a_later_round_is_not_owed_since_the_receipt(desk: Desk) -> None:
    number = registered(desk)
    with desk.act() as session:
        desk.find(session, number).round = 2
    write(desk, number, "2026-11-24 09:00", visit="yes")
    assert known(desk, number, "site") == []


def test_a_complaint_of_the_backlog_owes_nothing_since_its_receipt(desk: Desk) -> None:
    number = registered(desk)
    with desk.act() as session:
        session.execute(delete(Clock))
    write(desk, number, "2026-11-24 09:00", visit="yes")
    assert known(desk, number, "site") == []


def test_another_class_puts_the_clock_that_waits_for_a_time_in_the_place_of_the_other(desk: Desk) -> None:
    number = registered(desk)
    write(desk, number, "2026-11-16 10:20", set_for="2026-11-18 15:20")
    assert known(desk, number, "special") == []
    desk.classify(number, "special", "clerk", why="Silk")
    assert the_clock(desk, number, "clean").outcome == "replaced"
    assert the_clock(desk, number, "special").due_at == wall("2026-11-18 15:20")


def test_a_clock_that_stands_still_takes_a_day_that_is_entered_meanwhile_once_it_runs_on(desk: Desk) -> None:
    number = registered(desk)
    with desk.act() as session:
        (clock,) = [each for each in session.scalars(select(Clock)) if each.key == "finish"]
        clock.pauses, clock.due_at = [{"from": desk.at.isoformat(), "to": None}], NEVER
    write(desk, number, "2026-11-17 09:00", wanted="2026-11-19")
    assert the_clock(desk, number, "finish").due_at == NEVER
    assert moved(desk) == []
    with desk.act() as session:
        clock = session.get_one(Clock, clock.id)
        clock.pauses = [clock.pauses[0] | {"to": desk.at.isoformat()}] if clock.pauses else None
        clocks.reckon(clock, CONTEXT.calendar)
    assert the_clock(desk, number, "finish").due_at == wall("2026-11-19 17:30")


# The file


def faults(*pairs: tuple[str, str]) -> list[str]:
    text = SERVICE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(BadProcedure) as told:
        read(text, "service.toml")
    return [f"{each.place}: {english(each.sentence)}" for each in told.value.faults]


def test_a_clock_has_a_limit_or_begins_with_the_time_it_is_due() -> None:
    assert faults(('until = "service.wanted"\nwithin = "5 working days"\n', 'until = "service.wanted"\n')) == [
        "clock.finish.within: is missing; only a clock that starts with 'filled:' and the field of until needs none"
    ]
    (fault,) = faults(('until = "service.wanted"\nwithin = "5 working days"\n', ""))
    assert fault.startswith("clock.finish.within: is missing")


NEEDED = '{ field = "service.set_for", when = { complaint_class = "special" } }'
NOBODY_SAYS = (
    "clock.special.until: nobody has to fill in 'service.set_for', and without it there is no clock: "
    "let a stage need it where the clock runs"
)


@pytest.mark.requirement("S102")
@pytest.mark.parametrize(
    "need",
    [
        "",
        '{ field = "service.set_for", when = { complaint_class = "general" } }',
        '{ field = "service.set_for", when = { complaint_class = "special", channel = "phone" } }',
        '{ field = "service.set_for", unless = "service.handled" }',
        '{ sheet = "service" }',
    ],
)
def test_a_clock_that_runs_until_somebody_says_is_refused_where_nobody_has_to_say(need: str) -> None:
    assert faults((NEEDED, need)) == [NOBODY_SAYS]


SET_FOR = 'name = { en = "Set for", zh = "规定时间" }\ntype = "time"'


@pytest.mark.requirement("S102")
@pytest.mark.parametrize(
    ("need", "field"),
    [
        ('{ field = "service.set_for" }', ""),
        ('{ field = "service.set_for", when = { complaint_class = ["general", "special"] } }', ""),
        ('{ sheet = "service" }', "required = true"),
        ('{ sheet = "service" }', 'required = true\nwhen = { complaint_class = "special" }'),
    ],
)
def test_the_time_is_asked_for_by_a_stage_or_by_its_record_where_the_clock_runs(need: str, field: str) -> None:
    assert NEEDED in SERVICE
    assert SET_FOR in SERVICE
    read(SERVICE.replace(NEEDED, need).replace(SET_FOR, f"{SET_FOR}\n{field}"), "service.toml")


@pytest.mark.requirement("S102")
def test_a_record_asks_for_the_time_of_a_special_complaint_and_not_of_a_general_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SERVICE.replace(NEEDED, '{ sheet = "service" }')
    text = text.replace(SET_FOR, f'{SET_FOR}\nrequired = true\nwhen = {{ complaint_class = "special" }}')
    use([read(text, "service.toml")])
    special, general = registered(desk, "special"), registered(desk, "general")
    for number in (special, general):
        write(desk, number, "2026-11-16 12:00", answer="We look at it")
    assert desk.missing(special, "handling", "clerk") == ["Set for is missing"]
    assert desk.missing(general, "handling", "clerk") == []


def test_only_a_day_or_a_time_that_is_kept_once_says_when_a_clock_is_due() -> None:
    (fault,) = faults(('until = "service.wanted"', 'until = "service.handled"'))
    assert fault.startswith("clock.finish.until: ")


def test_a_target_costs_nothing() -> None:
    assert faults(("target = true", 'target = true\npenalty = { key = "p_late", yuan = 20 }')) == [
        "clock.online.penalty: does not go with target = true: who misses a target breaks no promise"
    ]


def test_the_trial_procedure_is_read_as_it_is_written() -> None:
    rules: Procedure = read(SERVICE, "service.toml")
    assert rules.targets == {"online"}
    assert {rule.key: rule.until for rule in rules.clocks if rule.until} == {
        "finish": "service.wanted", "special": "service.set_for",
    }  # fmt: skip
