"""The days that mainland China did not work, and the weekends that it did, against the notices of the State Council."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

import pytest

from complaints.calendar import ONE_DAY, mainland_china


class Notice(NamedTuple):
    """The General Office's notice on a year's holidays: its number, the runs of days off, the make-up days."""

    number: str
    off: tuple[tuple[str, str], ...]
    worked: tuple[str, ...]


NOTICES = {
    2023: Notice(
        "国办发明电〔2022〕16号",
        (
            ("01-01", "01-02"), ("01-21", "01-27"), ("04-05", "04-05"), ("04-29", "05-03"), ("06-22", "06-24"),
            ("09-29", "10-06"),
        ),
        ("01-28", "01-29", "04-23", "05-06", "06-25", "10-07", "10-08"),
    ),
    2024: Notice(
        "国办发明电〔2023〕7号",
        (
            ("01-01", "01-01"), ("02-10", "02-17"), ("04-04", "04-06"), ("05-01", "05-05"), ("06-10", "06-10"),
            ("09-15", "09-17"), ("10-01", "10-07"),
        ),
        ("02-04", "02-18", "04-07", "04-28", "05-11", "09-14", "09-29", "10-12"),
    ),
    2025: Notice(
        "国办发明电〔2024〕12号",
        (
            ("01-01", "01-01"), ("01-28", "02-04"), ("04-04", "04-06"), ("05-01", "05-05"), ("05-31", "06-02"),
            ("10-01", "10-08"),
        ),
        ("01-26", "02-08", "04-27", "09-28", "10-11"),
    ),
    2026: Notice(
        "国办发明电〔2025〕7号",
        (
            ("01-01", "01-03"), ("02-15", "02-23"), ("04-04", "04-06"), ("05-01", "05-05"), ("06-19", "06-21"),
            ("09-25", "09-27"), ("10-01", "10-07"),
        ),
        ("01-04", "02-14", "02-28", "05-09", "09-20", "10-10"),
    ),
}  # fmt: skip


def days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


@pytest.mark.requirement("S94")
@pytest.mark.parametrize("year", NOTICES, ids=[f"{year} {notice.number}" for year, notice in NOTICES.items()])
def test_every_day_of_a_year_is_as_it_was_announced(year: int) -> None:
    notice = NOTICES[year]
    off = {
        day
        for first, last in notice.off
        for day in days(date.fromisoformat(f"{year}-{first}"), date.fromisoformat(f"{year}-{last}"))
    }
    worked = {date.fromisoformat(f"{year}-{day}") for day in notice.worked}
    assert {day.weekday() for day in worked} <= {5, 6}
    calendar = mainland_china()
    wrong = [
        f"{day:%a %F}"
        for day in days(date(year, 1, 1), date(year, 12, 31))
        if bool(calendar.hours(day)) != (day in worked or (day.weekday() < 5 and day not in off))
    ]
    assert wrong == []
    assert not calendar.is_provisional(year)


@pytest.mark.parametrize("year", NOTICES)
def test_a_working_day_is_one_that_was_announced(year: int) -> None:
    """What `working_days` counts in a year is what the notice leaves of it."""
    calendar, notice = mainland_china(), NOTICES[year]
    weekdays = sum(day.weekday() < 5 for day in days(date(year, 1, 1), date(year, 12, 31)))
    lost = sum(
        day.weekday() < 5
        for first, last in notice.off
        for day in days(date.fromisoformat(f"{year}-{first}"), date.fromisoformat(f"{year}-{last}"))
    )
    opens, closes = calendar.end_of(date(year, 1, 1)) - ONE_DAY, calendar.end_of(date(year, 12, 31))
    assert calendar.between(opens, closes) // timedelta(hours=8) == weekdays - lost + len(notice.worked)
