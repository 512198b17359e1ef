"""Reading what a person writes of a working calendar: the week, the zone, the country, the days that are different.

A day's hours are blocks such as `08:30-12:00 13:00-17:30`; a day that is different is a line, `2027-02-11 off` or
`2027-02-14 08:30-12:00`, and a run of days has both ends, `2027-02-11..2027-02-17 off`. Every mistake is told where it
was made, all of them at once; a calendar that was taken can always be reckoned with.
"""

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Any
from zoneinfo import available_timezones

from complaints.calendar import ONE_DAY, SEEDED_YEARS, Hours, UnknownCountry, public_days
from complaints.calendar_outline import OFF, Outline, written
from complaints.errors import N_, Sentence
from complaints.registration import Incomplete, Problem

LONGEST_TEXT = 20_000
LONGEST_RUN = timedelta(days=366)
LONGEST_NOTE = 200
MOST_LINES = 20
"""So many lines are told that are wrong."""
_DASHES = re.compile(r"\s*[-‐-―~～至]\s*")
_BLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
_LINE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:\s*\.\.\s*([0-9]{4}-[0-9]{2}-[0-9]{2}))?[\s:：]+(\S.*)")
_OFF = frozenset({"off", "closed", "holiday", "休", "休息", "放假"})


class NotACalendar(Incomplete):
    message = N_("The calendar was not taken.")


class _Wrong(Exception):
    def __init__(self, message: str, **values: Any) -> None:
        self.sentence = Sentence(message, values)


def read(form: Mapping[str, str]) -> Outline:
    """The calendar that a form describes. Raises `NotACalendar` with everything that is wrong, field by field."""
    problems: list[Problem] = []
    week: dict[int, Hours] = {}
    for day in range(7):
        try:
            if hours := _hours(form.get(f"week_{day}", "")):
                week[day] = hours
        except _Wrong as wrong:
            problems.append(Problem(f"week_{day}", wrong.sentence))
    if not week and not problems:
        problems.append(Problem("week_0", Sentence(N_("A week needs working time on one day at least"))))
    zone, country = form.get("zone", "").strip(), form.get("country", "").strip().upper()
    if zone not in available_timezones():
        unknown = N_("There is no time zone “%(zone)s”. Write it like Asia/Shanghai")
        problems.append(Problem("zone", Sentence(unknown, {"zone": zone[:60]})))
    try:
        public_days(country)
    except UnknownCountry as wrong:
        problems.append(Problem("country", wrong.sentence))
    different, wrong_lines = _different(form.get("different", ""))
    problems += [Problem("different", each) for each in wrong_lines]
    if len(form.get("note", "").strip()) > LONGEST_NOTE:
        message = N_("This may have %(limit)s characters; it has %(length)s")
        values = {"limit": LONGEST_NOTE, "length": len(form["note"].strip())}
        problems.append(Problem("note", Sentence(message, values)))
    if problems:
        raise NotACalendar(problems)
    return Outline(zone, country, MappingProxyType(week), MappingProxyType(dict(sorted(different.items()))))


def _hours(text: str) -> Hours:
    """The blocks of a day; none when nothing is written."""
    text = _DASHES.sub("-", text.replace("：", ":").strip())
    blocks = tuple(_block(each) for each in re.split(r"[\s,;，；、]+", text) if each)
    ordered = sorted(blocks, key=lambda block: block[0])
    for before, after in pairwise(ordered):
        if before[1] == time() or after[0] < before[1]:
            raise _Wrong(N_("%(first)s and %(second)s overlap"), first=written([before]), second=written([after]))
    return tuple(ordered)


def _block(text: str) -> tuple[time, time]:
    found = _BLOCK.fullmatch(text)
    if found is None:
        raise _Wrong(N_("“%(block)s” is no block of hours. Write it like 08:30-12:00"), block=text[:40])
    opens, closes = (int(found[1]), int(found[2])), (int(found[3]), int(found[4]))
    if opens > (23, 59) or closes > (24, 0) or opens[1] > 59 or closes[1] > 59:
        raise _Wrong(N_("“%(block)s” is no time of a day. The last one is 24:00"), block=text)
    if closes == opens:
        raise _Wrong(N_("“%(block)s” has no length"), block=text)
    if closes < opens:
        raise _Wrong(
            N_("“%(block)s” ends before it begins. Divide a night at midnight: 22:00-24:00, and 00:00-06:00 next day"),
            block=text,
        )
    return time(*opens), time(closes[0] % 24, closes[1])


def _different(text: str) -> tuple[dict[date, Hours], list[Sentence]]:
    """The days that are different, and what is wrong, line by line."""
    found: dict[date, Hours] = {}
    problems: list[Sentence] = []
    if len(text) > LONGEST_TEXT:
        message = N_("This may have %(limit)s characters; it has %(length)s")
        return found, [Sentence(message, {"limit": LONGEST_TEXT, "length": len(text)})]
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            days, hours = _line(line.strip())
            if twice := next((day for day in days if day in found), None):
                raise _Wrong(N_("%(day)s is there twice"), day=twice)
        except _Wrong as wrong:
            if len(problems) == MOST_LINES:
                problems.append(Sentence(N_("There is more that is wrong below line %(line)s"), {"line": number - 1}))
                break
            problems.append(Sentence(N_("Line %(line)s: %(problem)s"), {"line": number, "problem": wrong.sentence}))
            continue
        found |= dict.fromkeys(days, hours)
    return found, problems


def _line(line: str) -> tuple[list[date], Hours]:
    found = _LINE.fullmatch(line)
    if found is None:
        message = N_("“%(text)s” is no day. Write 2027-02-11 off, or 2027-02-14 08:30-12:00 13:00-17:30")
        raise _Wrong(message, text=line[:40])
    first = _day(found[1])
    last = _day(found[2]) if found[2] else first
    if not timedelta(0) <= last - first <= LONGEST_RUN:
        raise _Wrong(N_("%(first)s to %(last)s is no run of days, or longer than a year"), first=first, last=last)
    hours = OFF if found[3].strip().lower() in _OFF else _hours(found[3])
    return [first + ONE_DAY * n for n in range((last - first).days + 1)], hours


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _Wrong(N_("There is no %(day)s"), day=text) from None
    if day.year not in SEEDED_YEARS:
        raise _Wrong(N_("%(day)s is not in the years %(first)s to %(last)s"), day=text, first=SEEDED_YEARS[0],
                     last=SEEDED_YEARS[-1])  # fmt: skip
    return day
