"""The working calendar against somebody who looks at the clock on the wall every minute, over random weeks, days that
are different, zones and changes to summer time."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from complaints.calendar import ONE_DAY, ONE_MINUTE, Hours, PublicDays, Unit, Within, WorkingCalendar
from complaints.calendar_outline import Outline

ZONES = (
    "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana",
    "Atlantic/Azores",
)  # fmt: skip
NOBODYS = PublicDays(frozenset(), frozenset(), frozenset())
CHANGES = [
    date(2026, 3, 5),
    date(2026, 3, 26),
    date(2026, 4, 2),
    date(2026, 10, 1),
    date(2026, 10, 22),
    date(2026, 10, 29),
]
"""Some days before summer time begins or ends somewhere."""


def at_quarter(quarter: int) -> time:
    return time(quarter // 4 % 24, quarter % 4 * 15)


def hours(least: int) -> st.SearchStrategy[Hours]:
    """Up to three blocks from 04:00 to midnight, after every clock was changed."""
    some = st.lists(st.integers(4 * 4, 24 * 4), min_size=least, max_size=6, unique=True).map(sorted)
    return some.map(lambda found: tuple(zip(map(at_quarter, found[::2]), map(at_quarter, found[1::2]), strict=False)))


def long_enough(outline: Outline) -> bool:
    """Is there enough work in a week that a minute's walk ends?"""
    calendar, monday = outline.calendar(NOBODYS), datetime(2025, 1, 6, tzinfo=UTC)
    return calendar.between(monday, monday + timedelta(weeks=1)) >= timedelta(hours=4)


outlines = st.builds(
    Outline,
    st.sampled_from(ZONES),
    st.just("CN"),
    st.dictionaries(st.integers(0, 6), hours(2), min_size=2, max_size=7),
    st.dictionaries(st.sampled_from([day + ONE_DAY * n for day in CHANGES for n in range(12)]), hours(0), max_size=8),
).filter(long_enough)
starts = st.builds(
    lambda day, minutes: datetime.combine(day, time(), UTC) + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(0, 7 * 24 * 60),
)


class Watcher:
    """Looks at the clock on the wall every minute, and knows nothing else."""

    def __init__(self, outline: Outline) -> None:
        self.outline = outline
        self.tz = WorkingCalendar(zone=outline.zone).tz

    def hours(self, day: date) -> Hours:
        return self.outline.different.get(day, self.outline.week.get(day.weekday(), ()))

    def works(self, minute: datetime) -> bool:
        local = minute.astimezone(self.tz)
        clock = local.time()
        return any(opens <= clock and (clock < closes or not closes.hour + closes.minute)
                   for opens, closes in self.hours(local.date()))  # fmt: skip

    def minutes(self, since: datetime, step: int = 1) -> Iterator[datetime]:
        """Worked minutes from an instant on, or backwards before it."""
        minute = since if step > 0 else since - ONE_MINUTE
        while True:
            if self.works(minute):
                yield minute
            minute += step * ONE_MINUTE

    def nth(self, since: datetime, n: int, step: int = 1) -> datetime:
        minutes = self.minutes(since, step)
        for _ in range(n - 1):
            next(minutes)
        return next(minutes)

    def closes(self, day: date) -> datetime:
        """The minute after the last one that is worked on a day."""
        return max(minute for minute in self.of_day(day) if self.works(minute)) + ONE_MINUTE

    def of_day(self, day: date) -> Iterator[datetime]:
        noon = datetime.combine(day, time(12), self.tz).astimezone(UTC)
        return (m for n in range(-16 * 60, 16 * 60) if (m := noon + n * ONE_MINUTE).astimezone(self.tz).date() == day)


@settings(max_examples=60, deadline=None)
@given(outlines, starts, st.integers(1, 6))
def test_working_hours(outline: Outline, start: datetime, amount: int) -> None:
    calendar, watcher = outline.calendar(NOBODYS), Watcher(outline)
    within = Within(amount, Unit.working_hours)
    due = watcher.nth(start, amount * 60) + ONE_MINUTE
    assert calendar.add(start, within).at == due
    assert calendar.subtract(start, within) == watcher.nth(start, amount * 60, -1)
    assert calendar.between(start, due) == timedelta(hours=amount)


@settings(max_examples=60, deadline=None)
@given(outlines, starts, st.integers(0, 6 * 24 * 60))
def test_time_between(outline: Outline, start: datetime, length: int) -> None:
    watcher = Watcher(outline)
    worked = sum(watcher.works(start + n * ONE_MINUTE) for n in range(length))
    assert outline.calendar(NOBODYS).between(start, start + length * ONE_MINUTE) == worked * ONE_MINUTE


@settings(max_examples=40, deadline=None)
@given(outlines, starts, st.integers(1, 4))
def test_working_days(outline: Outline, start: datetime, amount: int) -> None:
    calendar, watcher = outline.calendar(NOBODYS), Watcher(outline)
    within = Within(amount, Unit.working_days)
    day, left = start.astimezone(watcher.tz).date(), amount
    while left:
        day += ONE_DAY
        left -= bool(watcher.hours(day))
    assert calendar.add(start, within).at == watcher.closes(day)

    day, left = start.astimezone(watcher.tz).date() + ONE_DAY, amount
    while left:
        day -= ONE_DAY
        left -= bool(watcher.hours(day)) and watcher.closes(day) <= start
    assert calendar.subtract(start, within) == min(watcher.of_day(day)) - ONE_MINUTE
