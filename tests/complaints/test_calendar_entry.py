"""What may be written as a working calendar, and what is refused with which sentence."""

from datetime import date, time
from zoneinfo import available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complaints.calendar import OFFICE_HOURS, OFFICE_WEEK, Hours, Within, WorkingCalendar, public_days
from complaints.calendar_entry import MOST_LINES, NotACalendar, read
from complaints.calendar_outline import Outline, form_of, kept, restored, written
from tests.complaints.test_calendar import at
from tests.desk import english

FORM = {
    **{f"week_{day}": "08:30-12:00 13:00-17:30" for day in range(5)},
    "zone": "Asia/Shanghai", "country": "CN", "different": "",
}  # fmt: skip


def refused(**typed: str) -> dict[str, str]:
    with pytest.raises(NotACalendar) as refusal:
        read(FORM | typed)
    return {problem.field: english(problem.sentence) for problem in refusal.value.problems}


def test_the_usual_week_is_read_as_the_house_has_it() -> None:
    outline = read(FORM)
    assert outline == Outline()
    assert dict(outline.week) == dict(OFFICE_WEEK)


@pytest.mark.parametrize(
    ("typed", "hours"),
    [
        ("08:30-12:00 13:00-17:30", OFFICE_HOURS),
        ("13:00 – 17:30, 8:30–12:00", OFFICE_HOURS),
        ("08：30～12：00、13：00至17：30", OFFICE_HOURS),
        ("22:00-24:00", ((time(22), time()),)),
        ("00:00-24:00", ((time(), time()),)),
        ("", ()),
    ],
)
def test_hours_are_read_however_they_are_written(typed: str, hours: Hours) -> None:
    assert read(FORM | {"week_5": typed}).week.get(5, ()) == hours


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("08:30-12:00 11:00-17:30", "08:30-12:00 and 11:00-17:30 overlap"),
        ("00:00-24:00 09:00-10:00", "00:00-24:00 and 09:00-10:00 overlap"),
        ("22:00-06:00", "“22:00-06:00” ends before it begins. Divide a night at midnight"),
        ("09:00-09:00", "“09:00-09:00” has no length"),
        ("09:00-24:30", "“09:00-24:30” is no time of a day"),
        ("09:60-10:00", "“09:60-10:00” is no time of a day"),
        ("-09:00-10:00", "is no block of hours. Write it like 08:30-12:00"),
        ("morning", "“morning” is no block of hours"),
    ],
)
def test_blocks_that_cannot_be_are_refused_where_they_were_typed(typed: str, sentence: str) -> None:
    (told,) = refused(week_2=typed).items()
    assert told[0] == "week_2"
    assert sentence in told[1]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    week = dict.fromkeys(FORM, "") | {"zone": "Mars/Olympus", "country": "ZZ", "different": "soon off"}
    assert refused(**week) == {
        "week_0": "A week needs working time on one day at least",
        "zone": "There is no time zone “Mars/Olympus”. Write it like Asia/Shanghai",
        "country": "There are no public holidays of “ZZ” here. Write a code such as CN, DE or DE-BY.",
        "different": "Line 1: “soon off” is no day. Write 2027-02-11 off, or 2027-02-14 08:30-12:00 13:00-17:30",
    }


@pytest.mark.parametrize("zone", ["", "../../etc/passwd", "asia", "UTC+8"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    assert "zone" in refused(zone=zone)


@pytest.mark.parametrize("country", ["", "C", "CNX", "CN-XX", "DE-", "..", "CN-BY-1", "CHN", "China"])
def test_an_unknown_country_is_refused(country: str) -> None:
    assert "country" in refused(country=country)


def test_other_days_are_pasted_line_by_line() -> None:
    pasted = "2027-02-05..2027-02-07 off\r\n\r\n2027-02-14 08:30-12:00 13:00-17:30\n2027-02-20: 休\n"
    outline = read(FORM | {"different": pasted})
    assert dict(outline.different) == {
        date(2027, 2, 5): (), date(2027, 2, 6): (), date(2027, 2, 7): (), date(2027, 2, 14): OFFICE_HOURS,
        date(2027, 2, 20): (),
    }  # fmt: skip
    assert form_of(outline)["different"] == (
        "2027-02-05..2027-02-07 off\n2027-02-14 08:30-12:00 13:00-17:30\n2027-02-20 off"
    )


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("2027-02-30 off", "Line 1: There is no 2027-02-30"),
        ("2027-02-11 off\n2027-02-10..2027-02-12 off", "Line 2: 2027-02-11 is there twice"),
        ("2027-02-12..2027-02-11 off", "Line 1: 2027-02-12 to 2027-02-11 is no run of days, or longer than a year"),
        ("2027-02-12..2029-02-11 off", "Line 1: 2027-02-12 to 2029-02-11 is no run of days, or longer than a year"),
        ("2077-02-12 off", "Line 1: 2077-02-12 is not in the years 2010 to 2040"),
        ("2027-02-12 22:00-06:00", "Line 1: “22:00-06:00” ends before it begins."),
        ("2027-02-12", "Line 1: “2027-02-12” is no day."),
    ],
)
def test_a_line_that_is_no_day_is_told_with_its_number(typed: str, sentence: str) -> None:
    assert refused(different=typed)["different"].startswith(sentence)


def wrong_lines(typed: str) -> list[str]:
    with pytest.raises(NotACalendar) as refusal:
        read(FORM | {"different": typed})
    return [english(problem.sentence) for problem in refusal.value.problems if problem.field == "different"]


def test_every_line_that_is_no_day_is_told() -> None:
    assert wrong_lines("2027-02-30 off\n2027-02-11 off\nsoon off\n2027-02-11 off") == [
        "Line 1: There is no 2027-02-30",
        "Line 3: “soon off” is no day. Write 2027-02-11 off, or 2027-02-14 08:30-12:00 13:00-17:30",
        "Line 4: 2027-02-11 is there twice",
    ]


def test_of_very_many_wrong_lines_the_first_are_told() -> None:
    told = wrong_lines("soon off\n" * 400)
    assert (len(told), told[-1]) == (MOST_LINES + 1, f"There is more that is wrong below line {MOST_LINES}")


def test_other_days_win_both_ways() -> None:
    days = public_days("CN")
    outline = read(FORM | {"different": "2026-10-01 09:00-11:00\n2026-10-10 off\n2026-11-17 off"})
    calendar = outline.calendar(days)
    assert calendar.hours(date(2026, 10, 1)) == ((time(9), time(11)),), "a holiday that is worked"
    assert calendar.hours(date(2026, 10, 10)) == (), "a make-up Saturday that is not"
    assert calendar.hours(date(2026, 11, 17)) == (), "a Tuesday of our own"
    assert calendar.add(at("2026-11-16 17:00"), Within(1, "working_hours")).at == at("2026-11-18 09:00")  # type: ignore[arg-type]
    assert not calendar.is_provisional(2026)
    assert calendar.is_provisional(2027)


def test_the_public_days_of_other_countries_come_from_the_library() -> None:
    bavaria, berlin = public_days("DE-BY"), public_days("DE-BE")
    assert date(2026, 1, 6) in bavaria.off - berlin.off
    assert not bavaria.provisional & {2026, 2027}


blocks = st.lists(st.integers(0, 24 * 4), min_size=2, max_size=8, unique=True).map(
    lambda quarters: [
        (time(a // 4, a % 4 * 15), time(b // 4 % 24, b % 4 * 15))
        for a, b in zip(sorted(quarters)[::2], sorted(quarters)[1::2], strict=False)
    ]
)
outlines = st.builds(
    Outline,
    st.sampled_from(sorted(available_timezones())),
    st.sampled_from(["CN", "DE-BY", "US"]),
    st.dictionaries(st.integers(0, 6), blocks.map(tuple), min_size=1),
    st.dictionaries(st.dates(date(2024, 1, 1), date(2027, 12, 31)), st.one_of(st.just(()), blocks.map(tuple))),
)


@settings(deadline=None)
@given(outlines)
def test_what_is_written_is_read_as_it_was(outline: Outline) -> None:
    assert read(form_of(outline)) == outline
    assert restored(outline.zone, outline.country, **kept(outline)) == outline


@given(outlines)
def test_whatever_is_taken_can_be_reckoned_with(outline: Outline) -> None:
    calendar: WorkingCalendar = outline.calendar(public_days(outline.country))
    assert calendar.add(at("2026-11-20 17:00"), Within(1, "working_days")).at > at("2026-11-20 17:00")  # type: ignore[arg-type]


def test_hours_are_written_as_they_are_typed() -> None:
    assert written(((time(22), time()),)) == "22:00-24:00"
