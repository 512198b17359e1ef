"""What the working calendar promises: the worked examples, the published calendar of 2026, and some laws."""

import json
import time as stopwatch
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complaints.calendar import (
    OFFICE_HOURS,
    Due,
    NoWorkingTime,
    NoWorkingTimeBefore,
    Unit,
    Within,
    WorkingCalendar,
    mainland_china,
    parse_within,
)
from complaints.errors import ComplaintError

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)

plain = WorkingCalendar()
china = mainland_china()
berlin = WorkingCalendar(zone="Europe/Berlin")
nights = WorkingCalendar(zone="Europe/Berlin", week=dict.fromkeys(range(7), ((time(22), time(6)),)))
never_shut = WorkingCalendar(zone="Europe/Berlin", week=dict.fromkeys(range(7), ((time(0), time(0)),)))
crowded = WorkingCalendar(week={0: ((time(20), time(10)), (time(9), time(12))), 1: OFFICE_HOURS})

# One week without a holiday, and the start of the next.
WEEK = {name: date(2026, 11, 16 + n) for n, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))}


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    """`2026-11-20 17:00`, `Fri 17:00`, or `next Mon 09:00`, by the clock on the wall."""
    day, _, clock = text.rpartition(" ")
    weeks, name = timedelta(weeks=day.startswith("next ")), day.removeprefix("next ")
    on = WEEK[name] + weeks if name in WEEK else date.fromisoformat(name)
    return datetime.combine(on, time.fromisoformat(clock), zone)


def due(start: str, within: str, calendar: WorkingCalendar = plain) -> Due:
    return calendar.add(at(start, calendar.tz), parse_within(within))


def rows(walked: Due) -> list[tuple[str, str, str, int, str | None]]:
    return [(r["date"], r["from"], r["to"], r["minutes"], r["note"]) for r in walked.receipt["walk"]]


def row(id: str, start: str, within: str, expected: str, *requirements: str) -> object:
    return pytest.param(start, within, expected, id=id, marks=[pytest.mark.requirement(r) for r in requirements])


@pytest.mark.parametrize(
    ("start", "within", "expected"),
    [
        row("1 h form, received Friday 17:00", "Fri 17:00", "1 working hour", "next Mon 09:00", "S83"),
        row("2 h notify, received Friday 17:00", "Fri 17:00", "2 working hours", "next Mon 10:00", "S84"),
        row("2 h notify, e-mail arrived Saturday 10:00", "Sat 10:00", "2 working hours", "next Mon 10:30", "S84"),
        row("8 working hours from Tuesday 10:30", "Tue 10:30", "8 working hours", "Wed 10:30", "S86"),
        row("8 working hours from Friday 14:00", "Fri 14:00", "8 working hours", "next Mon 14:00", "S88"),
        row("3 working days from Thursday 16:00", "Thu 16:00", "3 working days", "next Tue 17:30", "S85"),
        row("2 working days from Thursday 16:00", "Thu 16:00", "2 working days", "next Mon 17:30", "S87"),
        row("1 working day from Saturday 10:00", "Sat 10:00", "1 working day", "next Mon 17:30"),
        row("24 h from Friday 18:00", "Fri 18:00", "24 hours", "Sat 18:00", "S106"),
        row("24 h from Saturday 10:00", "Sat 10:00", "24 hours", "Sun 10:00", "S97"),
        row("24 h from 15:00", "Wed 15:00", "24 hours", "Thu 15:00", "S100"),
        row("postal, simple", "Mon 10:00", "1 working day", "Tue 17:30", "S105"),
        row("postal, complex", "Mon 10:00", "2 working days", "Wed 17:30", "S105"),
        row("postal, major", "Mon 10:00", "5 working days", "next Mon 17:30", "S105"),
    ],
)
def test_the_worked_examples(start: str, within: str, expected: str) -> None:
    found = due(start, within)
    assert found.at == at(expected)
    assert found.at.tzinfo is UTC
    assert not found.provisional


@pytest.mark.parametrize(
    ("start", "within", "expected"),
    [
        row("a start before opening waits for it", "Tue 06:00", "1 working hour", "Tue 09:30"),
        row("a start in the lunch break waits for its end", "Tue 12:00", "1 working hour", "Tue 14:00"),
        row("a start at closing time waits for the morning", "Tue 17:30", "1 working hour", "Wed 09:30"),
        row("a whole day ends at closing time, not at the next opening", "Tue 08:30", "8 working hours", "Tue 17:30"),
        row("a morning ends at noon", "Tue 11:00", "1 working hour", "Tue 12:00"),
        row("a week of hours", "Tue 10:30", "40 working hours", "next Tue 10:30"),
        row("half a month", "2026-11-20 17:00", "15 days", "2026-12-05 17:00"),
        row("the same day of the next month", "2026-11-20 17:00", "1 month", "2026-12-20 17:00"),
        row("a month without that day ends on its last", "2026-12-31 09:00", "2 months", "2027-02-28 09:00"),
        row("a leap year has one day more", "2027-12-31 09:00", "2 months", "2028-02-29 09:00"),
        row("months go over the year", "2026-11-20 09:00", "14 months", "2028-01-20 09:00"),
    ],
)
def test_the_edges_of_counting(start: str, within: str, expected: str) -> None:
    assert due(start, within).at == at(expected)


# Holidays and make-up days


@pytest.mark.requirement("S94")
def test_a_public_holiday_moves_the_due_time_by_that_day() -> None:
    holiday = replace(plain, days_off=frozenset({WEEK["Wed"]}))
    assert due("Tue 10:30", "8 working hours", holiday).at == at("Thu 10:30")
    assert due("Mon 10:00", "2 working days", holiday).at == at("Thu 17:30")


@pytest.mark.requirement("S94")
def test_a_make_up_saturday_counts() -> None:
    worked = replace(plain, make_up={WEEK["Sat"]: ()})
    assert due("Fri 17:00", "1 working hour", worked).at == at("Sat 09:00")
    assert due("Thu 16:00", "2 working days", worked).at == at("Sat 17:30")


def test_a_make_up_day_may_have_hours_of_its_own_and_wins_over_a_day_off() -> None:
    morning = ((time(9), time(11)),)
    calendar = replace(plain, make_up={WEEK["Sat"]: morning}, days_off=frozenset({WEEK["Sat"]}))
    assert calendar.hours(WEEK["Sat"]) == morning
    assert due("Fri 16:30", "4 working hours", calendar).at == at("next Mon 09:30")
    assert due("Fri 16:30", "1 working day", calendar).at == at("Sat 11:00")


def test_a_make_up_day_without_hours_follows_the_week() -> None:
    early = WorkingCalendar(week=dict.fromkeys(range(5), ((time(6), time(14)),)), make_up={WEEK["Sat"]: ()})
    assert early.hours(WEEK["Sat"]) == ((time(6), time(14)),)


@pytest.mark.parametrize(
    ("start", "within", "expected"),
    [
        row("over National Day", "2026-09-30 16:30", "2 working hours", "2026-10-08 09:30", "S94"),
        row("into a Saturday before Spring Festival", "2026-02-13 17:30", "1 working hour", "2026-02-14 09:30", "S94"),
        row("over Spring Festival", "2026-02-14 16:30", "2 working hours", "2026-02-24 09:30", "S94"),
        row("days over Labour Day", "2026-04-30 09:00", "4 working days", "2026-05-09 17:30", "S94"),
        row("a Sunday that is worked", "2026-09-19 12:00", "1 working day", "2026-09-20 17:30", "S94"),
    ],
)
def test_the_calendar_published_for_2026(start: str, within: str, expected: str) -> None:
    found = due(start, within, china)
    assert found.at == at(expected)
    assert not found.provisional


def test_the_days_published_for_2026() -> None:
    shut = ["01-01", "01-02", "02-16", "02-20", "02-23", "04-06", "05-01", "05-05", "06-19", "09-25", "10-01", "10-07"]
    worked = ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"]
    assert [day for day in shut if china.hours(date.fromisoformat(f"2026-{day}"))] == []
    assert [day for day in china.make_up if day.year == 2026] == [date.fromisoformat(f"2026-{day}") for day in worked]
    assert all(china.hours(day) == OFFICE_HOURS for day in china.make_up)


# Years nobody has published yet


def test_a_year_without_make_up_days_is_provisional() -> None:
    assert 2026 not in china.provisional_years
    assert not due("2026-12-30 16:30", "2 working hours", china).provisional
    assert due("2026-12-31 16:30", "2 working hours", china).provisional, "it ends in a year not published yet"
    assert due("2027-03-01 09:00", "1 working day", china).provisional


def test_a_date_beyond_the_list_is_computed_and_provisional() -> None:
    of_2026 = mainland_china(range(2026, 2027))
    assert of_2026.provisional_years == frozenset()
    for calendar, start in ((of_2026, "2030-03-01 09:00"), (china, "2090-03-01 09:00"), (china, "1999-03-01 09:00")):
        found = due(start, "1 working hour", calendar)
        assert found.at == at(start) + HOUR
        assert found.provisional


def test_a_year_asked_for_alone_is_not_confirmed_by_the_stray_days_of_others() -> None:
    alone = mainland_china(range(2027, 2028))
    assert alone.provisional_years == {2027}
    assert not alone.make_up


def test_limits_round_the_clock_never_ask_the_calendar() -> None:
    found = due("2027-03-01 09:00", "24 hours", china)
    assert not found.provisional
    assert found.receipt["walk"] == []


def test_a_calendar_that_lists_nothing_is_sure_of_every_year() -> None:
    assert not due("2090-03-01 09:00", "1 working day", plain).provisional


def test_the_seeded_calendar_is_made_once() -> None:
    assert mainland_china() is mainland_china()


# Open and shut


def test_open_is_half_open() -> None:
    assert plain.is_open(at("Tue 08:30"))
    assert plain.is_open(at("Tue 11:59:59"))
    assert not plain.is_open(at("Tue 12:00"))
    assert not plain.is_open(at("Sat 10:00"))


def test_the_next_opening_is_now_while_we_are_open() -> None:
    assert plain.next_opening(at("Tue 10:00")) == at("Tue 10:00")
    assert plain.next_opening(at("Tue 12:00")) == at("Tue 13:00")
    assert plain.next_opening(at("Fri 17:30")) == at("next Mon 08:30")


def test_time_between_counts_working_time_and_knows_its_direction() -> None:
    assert plain.between(at("Fri 17:00"), at("next Mon 09:00")) == HOUR
    assert plain.between(at("next Mon 09:00"), at("Fri 17:00")) == -HOUR
    assert plain.between(at("Sat 09:00"), at("Sun 09:00")) == timedelta(0)
    assert plain.between(at("Mon 00:00"), at("next Mon 00:00")) == 40 * HOUR


@pytest.mark.parametrize(
    ("end", "within", "expected"),
    [
        row("an hour before the morning is over", "next Mon 09:00", "1 working hour", "Fri 17:00"),
        row("eight hours", "Wed 10:30", "8 working hours", "Tue 10:30"),
        row("at closing time there is the whole day", "Tue 17:30", "8 working hours", "Tue 08:30"),
        row("at night it is as at closing time", "Tue 23:00", "1 working hour", "Tue 16:30"),
        row("the evening before the first day", "next Tue 17:30", "3 working days", "Thu 23:59"),
        row("a day that is not over is not counted", "next Tue 17:29", "3 working days", "Wed 23:59"),
        row("a Sunday is the latest", "next Mon 17:30", "1 working day", "Sun 23:59"),
        row("24 hours", "Sat 18:00", "24 hours", "Fri 18:00"),
        row("half a month", "2026-12-05 17:00", "15 days", "2026-11-20 17:00"),
        row("the last of a month is that of the month before", "2027-02-28 09:00", "2 months", "2026-12-31 09:00"),
        row("a shorter month gives its whole last day", "2027-03-31 09:00", "1 month", "2027-02-28 23:59"),
    ],
)
def test_the_latest_start_for_a_due_time(end: str, within: str, expected: str) -> None:
    assert plain.subtract(at(end), parse_within(within)) == at(expected)


def test_the_close_of_business_is_the_end_of_the_last_block() -> None:
    assert plain.end_of(WEEK["Tue"]) == at("Tue 17:30")
    assert plain.end_of(WEEK["Sat"]) == at("Sat 23:59")
    assert replace(plain, week={1: ((time(13), time(0)),)}).end_of(WEEK["Tue"]) == at("Wed 00:00")


# Nights, overlaps, summer time


def test_a_night_shift_belongs_to_the_day_it_began() -> None:
    found = due("2026-11-20 23:00", "8 working hours", nights)
    assert found.at == at("2026-11-21 22:00", BERLIN) + HOUR
    assert rows(found) == [
        ("2026-11-20", "23:00", "06:00", 420, None),
        ("2026-11-21", "22:00", "23:00", 60, None),
    ]
    assert due("2026-11-21 02:00", "1 working hour", nights).at == at("2026-11-21 03:00", BERLIN)
    assert due("2026-11-20 12:00", "1 working day", nights).at == at("2026-11-22 06:00", BERLIN)


def test_overlapping_blocks_count_once() -> None:
    assert crowded.between(at("Mon 00:00"), at("Wed 00:00")) == timedelta(hours=3 + 14 + 2 + 4.5)
    nested = WorkingCalendar(week={1: ((time(8), time(18)), (time(9), time(12)))})
    assert rows(due("Mon 09:00", "1 working day", nested)) == [("2026-11-17", "08:00", "18:00", 600, None)]


@pytest.mark.parametrize(("day", "length"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)])
def test_a_day_is_as_long_as_it_is(day: str, length: int) -> None:
    start = at(f"{day} 00:00", BERLIN)
    assert never_shut.between(start, due(f"{day} 00:00", "1 day", never_shut).at) == length * HOUR


def test_days_keep_the_local_time_and_hours_do_not() -> None:
    assert due("2026-03-28 09:00", "1 day", berlin).at == at("2026-03-29 09:00", BERLIN)
    assert due("2026-03-28 09:00", "24 hours", berlin).at == at("2026-03-29 10:00", BERLIN)
    assert due("2026-02-28 09:00", "2 months", berlin).at == at("2026-04-28 09:00", BERLIN)
    assert due("2026-03-27 17:00", "1 working hour", berlin).at == at("2026-03-30 09:00", BERLIN)
    second_half_past_two = at("2026-10-25 02:30", BERLIN).replace(fold=1)
    assert berlin.add(second_half_past_two, Within(154, Unit.days)).at == at("2027-03-28 03:30", BERLIN)


def test_an_hour_that_summer_time_leaves_out_is_not_worked() -> None:
    early = WorkingCalendar(zone="Europe/Berlin", week={6: ((time(2), time(2, 45)), (time(3), time(5)))})
    assert early.between(at("2026-03-29 00:00", BERLIN), at("2026-03-29 12:00", BERLIN)) == 2 * HOUR
    assert due("2026-03-28 02:30", "1 day", early).at == at("2026-03-29 03:30", BERLIN)


# Refusals


@pytest.mark.parametrize("ask", ["add", "is_open", "next_opening", "between"])
def test_a_moment_without_a_zone_is_refused(ask: str) -> None:
    naive = at("Fri 17:00").replace(tzinfo=None)
    more: dict[str, list[object]] = {"add": [Within(1, Unit.days)], "between": [at("Fri 17:00")]}
    with pytest.raises(ValueError, match="2026-11-20T17:00:00 does not say its time zone"):
        getattr(plain, ask)(naive, *more.get(ask, []))


@pytest.mark.parametrize("amount", [0, -1, 10_001, 1.5])
def test_a_limit_is_a_positive_whole_number(amount: int) -> None:
    with pytest.raises(ValueError, match="whole number from 1"):
        Within(amount, Unit.working_hours)


@pytest.mark.parametrize(
    ("text", "within"),
    [
        ("8 working hours", Within(8, Unit.working_hours)),
        ("1 working day", Within(1, Unit.working_days)),
        ("1 working hour", Within(1, Unit.working_hours)),
        ("24 hours", Within(24, Unit.hours)),
        ("15 days", Within(15, Unit.days)),
        ("2 months", Within(2, Unit.months)),
        ("  3  Working_Days ", Within(3, Unit.working_days)),
    ],
)
def test_a_limit_is_read_as_it_is_said(text: str, within: Within) -> None:
    assert parse_within(text) == within
    assert parse_within(str(within)) == within


@pytest.mark.parametrize(
    "text", ["", "8", "8 weeks", "eight hours", "1.5 hours", "hours", "8 working", "8 hours or so"]
)
def test_an_unreadable_limit_is_told_the_units(text: str) -> None:
    with pytest.raises(ValueError, match="working hours, working days, hours, days, months"):
        parse_within(text)


def test_zero_hours_is_no_limit() -> None:
    for text in ("0 working hours", "-3 days"):
        with pytest.raises(ValueError, match="whole number from 1"):
            parse_within(text)


@pytest.mark.parametrize("within", ["1 working hour", "1 working day"])
def test_a_house_that_never_opens_is_named_and_not_waited_for(within: str) -> None:
    shut = WorkingCalendar(week={})
    with pytest.raises(NoWorkingTime, match="ten years after 2026-11-20") as refusal:
        due("Fri 17:00", within, shut)
    assert isinstance(refusal.value, ComplaintError)
    with pytest.raises(NoWorkingTimeBefore, match="ten years before 2026-11-20"):
        shut.subtract(at("Fri 17:00"), parse_within(within))
    with pytest.raises(NoWorkingTime):
        shut.next_opening(at("Fri 17:00"))
    assert not shut.is_open(at("Fri 17:00"))


# The receipt


def test_a_receipt_of_hours_reads_day_by_day() -> None:
    found = due("2026-02-13 16:30", "10 working hours", china)
    assert found.receipt | {"walk": []} == {
        "from": "2026-02-13T16:30:00+08:00",
        "within": "10 working hours",
        "calendar": china.version,
        "zone": "Asia/Shanghai",
        "walk": [],
        "due": "2026-02-24T09:30:00+08:00",
    }
    assert rows(found) == [
        ("2026-02-13", "16:30", "17:30", 60, None),
        ("2026-02-14", "08:30", "12:00", 210, "make_up"),
        ("2026-02-14", "13:00", "17:30", 270, "make_up"),
        ("2026-02-15", "2026-02-15", "2026-02-15", 0, "weekend"),
        ("2026-02-16", "2026-02-16", "2026-02-20", 0, "holiday"),
        ("2026-02-21", "2026-02-21", "2026-02-22", 0, "weekend"),
        ("2026-02-23", "2026-02-23", "2026-02-23", 0, "holiday"),
        ("2026-02-24", "08:30", "09:30", 60, None),
    ]


def test_a_receipt_of_days_leaves_out_the_day_of_the_start() -> None:
    assert rows(due("Thu 16:00", "2 working days")) == [
        ("2026-11-20", "08:30", "17:30", 480, None),
        ("2026-11-21", "2026-11-21", "2026-11-22", 0, "weekend"),
        ("2026-11-23", "08:30", "17:30", 480, None),
    ]


def test_a_receipt_begins_with_the_shut_day_of_the_start() -> None:
    assert rows(due("Sun 10:00", "1 working hour")) == [
        ("2026-11-22", "2026-11-22", "2026-11-22", 0, "weekend"),
        ("2026-11-23", "08:30", "09:30", 60, None),
    ]


def test_seconds_are_shown_and_the_minutes_still_add_up() -> None:
    assert rows(due("Fri 16:59:43", "1 working hour")) == [
        ("2026-11-20", "16:59:43", "17:30", 30, None),
        ("2026-11-21", "2026-11-21", "2026-11-22", 0, "weekend"),
        ("2026-11-23", "08:30", "08:59:43", 30, None),
    ]


def test_a_long_closure_is_one_row() -> None:
    closed = frozenset(WEEK["Sat"] + timedelta(days=n) for n in range(400))
    found = due("Fri 17:00", "1 working hour", replace(plain, days_off=closed))
    assert rows(found)[1] == ("2026-11-21", "2026-11-21", "2027-12-25", 0, "holiday")
    assert len(rows(found)) == 4


@pytest.mark.parametrize("calendar", [plain, china, never_shut], ids=["plain", "china", "never_shut"])
def test_a_long_walk_is_folded_in_the_middle(calendar: WorkingCalendar) -> None:
    walk = due("2026-11-20 09:00", "900 working days", calendar).receipt["walk"]
    folded = [r for r in walk if r["note"] == "folded"]
    assert len(walk) <= 60
    assert len(folded) == 1
    assert folded[0]["days"] + sum(r["minutes"] > 0 for r in walk if r is not folded[0]) == 900
    assert folded[0]["date"] == folded[0]["from"] < folded[0]["to"]
    assert sum(r["minutes"] for r in due("Fri 09:00", "900 working hours", calendar).receipt["walk"]) == 900 * 60


# The version


def test_the_version_follows_the_content_and_nothing_else() -> None:
    same = WorkingCalendar(week=dict(reversed([(n, tuple(reversed(OFFICE_HOURS))) for n in range(5)])))
    assert (same.version, same, hash(same)) == (plain.version, plain, hash(plain))
    changes: list[dict[str, object]] = [
        {"zone": "Europe/Berlin"},
        {"week": {0: OFFICE_HOURS}},
        {"days_off": frozenset({WEEK["Wed"]})},
        {"make_up": {WEEK["Sat"]: ()}},
        {"provisional_years": frozenset({2026})},
    ]
    versions = {replace(plain, **change).version for change in changes}  # type: ignore[arg-type]
    assert len(versions | {plain.version}) == 6


def test_the_version_is_the_same_on_every_machine() -> None:
    assert plain.version == "967c99422751"


def test_a_calendar_does_not_change_with_the_dict_it_was_made_from() -> None:
    week = dict.fromkeys(range(5), OFFICE_HOURS)
    calendar = WorkingCalendar(week=week)
    week.clear()
    assert calendar == plain


# Laws

calendars = st.sampled_from([plain, china, berlin, nights, never_shut, crowded])
moments = st.timedeltas(timedelta(0), timedelta(days=1500)).map(lambda after: datetime(2025, 1, 1, tzinfo=UTC) + after)
hours = st.integers(1, 60).map(lambda n: Within(n, Unit.working_hours))
working = st.builds(Within, st.integers(1, 60), st.sampled_from([Unit.working_hours, Unit.working_days]))
limits = st.builds(Within, st.integers(1, 60), st.sampled_from(Unit))


@given(calendars, moments, hours)
def test_n_working_hours_later_n_hours_were_worked(calendar: WorkingCalendar, start: datetime, within: Within) -> None:
    assert calendar.between(start, calendar.add(start, within).at) == within.amount * HOUR


@given(calendars, moments, limits)
def test_nothing_is_due_before_it_starts(calendar: WorkingCalendar, start: datetime, within: Within) -> None:
    assert calendar.add(start, within).at > start


@given(calendars, moments, moments, working)
def test_who_starts_later_is_not_due_earlier(
    calendar: WorkingCalendar, a: datetime, b: datetime, within: Within
) -> None:
    first, second = sorted((a, b))
    assert calendar.add(first, within).at <= calendar.add(second, within).at


@given(calendars, moments, limits)
def test_a_longer_limit_is_due_later(calendar: WorkingCalendar, start: datetime, within: Within) -> None:
    longer = replace(within, amount=within.amount + 1)
    assert calendar.add(start, within).at < calendar.add(start, longer).at


counted = st.builds(Within, st.integers(1, 60), st.sampled_from([Unit.working_hours, Unit.working_days, Unit.hours]))


@given(calendars, moments, counted)
def test_the_latest_start_is_in_time_and_a_minute_later_is_not(
    calendar: WorkingCalendar, due: datetime, within: Within
) -> None:
    latest = calendar.subtract(due, within)
    assert calendar.add(latest, within).at <= due
    assert calendar.add(latest + timedelta(minutes=1), within).at > due


@given(moments, st.integers(1, 60), st.sampled_from([Unit.days, Unit.months]))
def test_the_latest_start_of_days_and_months_is_in_time(due: datetime, amount: int, unit: Unit) -> None:
    latest = plain.subtract(due, Within(amount, unit))
    assert plain.add(latest, Within(amount, unit)).at <= due
    assert plain.add(latest + timedelta(minutes=1), Within(amount, unit)).at > due


@given(calendars, moments, st.integers(1, 60))
def test_what_is_added_can_be_taken_away(calendar: WorkingCalendar, start: datetime, amount: int) -> None:
    within = Within(amount, Unit.working_hours)
    due = calendar.add(start, within).at
    assert calendar.between(calendar.subtract(due, within), due) == amount * HOUR
    assert calendar.add(calendar.subtract(due, within), within).at == due


@given(calendars, moments, moments, moments)
def test_stretches_of_working_time_add_up(calendar: WorkingCalendar, a: datetime, b: datetime, c: datetime) -> None:
    assert calendar.between(a, b) + calendar.between(b, c) == calendar.between(a, c)


@given(calendars, moments)
def test_nobody_works_before_the_next_opening(calendar: WorkingCalendar, start: datetime) -> None:
    opening = calendar.next_opening(start)
    assert calendar.is_open(opening)
    assert calendar.between(start, opening) == timedelta(0)
    assert calendar.is_open(start) == (opening == start)


@given(calendars, moments, hours)
def test_the_zone_a_moment_is_written_in_does_not_matter(
    calendar: WorkingCalendar, start: datetime, within: Within
) -> None:
    assert calendar.add(start.astimezone(BERLIN), within) == calendar.add(start.astimezone(SHANGHAI), within)


@given(calendars, moments, working)
def test_receipts_add_up(calendar: WorkingCalendar, start: datetime, within: Within) -> None:
    found = calendar.add(start, within)
    walk = found.receipt["walk"]
    assert json.loads(json.dumps(found.receipt)) == found.receipt
    assert len(walk) <= 60
    assert [r["date"] for r in walk] == sorted(r["date"] for r in walk)
    if within.unit is Unit.working_hours:
        assert sum(r["minutes"] for r in walk) == within.amount * 60
    else:
        assert sum(r.get("days", r["minutes"] > 0) for r in walk) == within.amount


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([plain, china, berlin]), moments, st.integers(0, 12 * 24))
def test_counting_minute_by_minute_says_the_same(calendar: WorkingCalendar, start: datetime, length: int) -> None:
    start = start.replace(second=0, microsecond=0)

    def worked(moment: datetime) -> bool:
        local = moment.astimezone(calendar.tz)
        return any(opens <= local.time() < closes for opens, closes in calendar.hours(local.date()))

    minutes = sum(worked(start + timedelta(minutes=n)) for n in range(length * 60))
    assert calendar.between(start, start + length * HOUR) == timedelta(minutes=minutes)


def test_the_intake_can_afford_it() -> None:
    """Two of these are computed for each mail. The fastest of several runs, so that a busy machine does not matter."""
    start, within = at("2026-09-30 16:30"), Within(8, Unit.working_hours)
    runs = []
    for _ in range(10):
        began = stopwatch.perf_counter()
        for _ in range(100):
            china.add(start, within)
        runs.append((stopwatch.perf_counter() - began) / 100)
    assert min(runs) < 0.0002
