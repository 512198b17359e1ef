"""A working calendar as somebody wrote it: without the public days of its country, and as text that can be edited.

What a person types is read, and refused, in calendar_entry.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

from complaints.calendar import MAINLAND, OFFICE_WEEK, ONE_DAY, Hours, PublicDays, WorkingCalendar

OFF: Hours = ()
Block = tuple[time, time]


@dataclass(frozen=True)
class Outline:
    """A working calendar as it was written; with the public days of its country it is one to reckon with. `different`:
    days with hours of their own, or none."""

    zone: str = "Asia/Shanghai"
    country: str = MAINLAND
    week: Mapping[int, Hours] = field(default_factory=lambda: OFFICE_WEEK)
    different: Mapping[date, Hours] = field(default_factory=dict)

    def calendar(self, days: PublicDays) -> WorkingCalendar:
        worked = {day: hours for day, hours in self.different.items() if hours}
        off = frozenset(self.different.keys() - worked.keys())
        return WorkingCalendar(
            zone=self.zone,
            week=self.week,
            days_off=(days.off - worked.keys()) | off,
            make_up=dict[date, Hours](dict.fromkeys(days.worked - off, ())) | worked,
            provisional_years=days.provisional,
        )


def form_of(outline: Outline) -> dict[str, str]:
    """A calendar as the form that describes it."""
    week = {f"week_{day}": written(outline.week.get(day, OFF)) for day in range(7)}
    lines = "\n".join(_lines(outline.different))
    return {"zone": outline.zone, "country": outline.country, "different": lines, **week}


def written(hours: Iterable[Block]) -> str:
    """Blocks of hours as they are typed: `08:30-12:00 13:00-17:30`."""
    return " ".join(
        f"{opens:%H:%M}-{'24:00' if closes == time() else format(closes, '%H:%M')}" for opens, closes in hours
    )


def _lines(different: Mapping[date, Hours]) -> Iterator[str]:
    for first, last, hours in _runs(sorted(different.items())):
        run = f"{first}..{last}" if last > first else f"{first}"
        yield f"{run} {written(hours) or 'off'}"


def _runs(days: Iterable[tuple[date, Hours]]) -> list[tuple[date, date, Hours]]:
    runs: list[tuple[date, date, Hours]] = []
    for day, hours in days:
        if runs and runs[-1][1] + ONE_DAY == day and runs[-1][2] == hours:
            runs[-1] = runs[-1][0], day, hours
        else:
            runs.append((day, day, hours))
    return runs


# As it is stored


def kept(outline: Outline) -> dict[str, Any]:
    """A calendar as it is stored."""
    return {
        "week": {str(day): [_pair(block) for block in hours] for day, hours in outline.week.items()},
        "different": {f"{day}": [_pair(block) for block in hours] for day, hours in outline.different.items()},
    }


def restored(zone: str, country: str, week: Mapping[str, Any], different: Mapping[str, Any]) -> Outline:
    return Outline(
        zone,
        country,
        {int(day): _blocks(hours) for day, hours in week.items()},
        {date.fromisoformat(day): _blocks(hours) for day, hours in different.items()},
    )


def _pair(block: Block) -> list[str]:
    return [f"{each:%H:%M}" for each in block]


def _blocks(stored: Iterable[Any]) -> Hours:
    return tuple((time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in stored)
