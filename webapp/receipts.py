"""Receipts: how a due time came about, day by day, so that a person can check the sum in either language."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Flask
from flask_babel import format_date, gettext, ngettext

from complaints.calendar import Unit, Within, parse_within
from complaints.errors import N_
from complaints.levels import DUE, WARNING
from webapp.language import locale

NOTES: Mapping[str, str] = {
    "holiday": N_("holiday"),
    "weekend": N_("weekend"),
    "make_up": N_("make-up working day"),
}
"""What is special about a day."""


@dataclass(frozen=True)
class Row:
    """A day, or several that were alike: the hours that count of it, their length, and what is special about it."""

    days: str
    hours: str
    length: str
    note: str


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        walk_of=walk, left_out=left_out, limit_words=limit, hours_and_minutes=length, step_words=step
    )
    app.jinja_env.filters.update(iso=datetime.fromisoformat)


def walk(receipt: Mapping[str, Any]) -> list[Row]:
    """The days between a start and a due time."""
    return [_row(each) for each in receipt.get("walk", ())]


def _row(row: Mapping[str, Any]) -> Row:
    special = NOTES.get(row["note"])
    note = gettext(special) if special else ""
    if row["note"] == "folded":
        note = ngettext("%(num)d working day", "%(num)d working days", row["days"])
        return Row(_days(row["from"], row["to"]), "", length(row["minutes"]), note)
    if not row["minutes"] and len(row["from"]) == len(row["date"]):
        return Row(_days(row["from"], row["to"]), "", "", note)
    return Row(_days(row["date"], row["date"]), f"{row['from']}–{row['to']}", length(row["minutes"]), note)


def length(minutes: int) -> str:
    """Hours and minutes: 0:30."""
    return f"{minutes // 60}:{minutes % 60:02}"


def _days(first: str, last: str, *, weekday: bool = True) -> str:
    form = "M月d日" if locale().startswith("zh") else "d MMM"
    if weekday:
        form = f"{form} EEE" if locale().startswith("zh") else f"EEE {form}"
    ends = [format_date(date.fromisoformat(day), form) for day in (first, last)]
    return ends[0] if first == last else "–".join(ends)


def left_out(receipt: Mapping[str, Any]) -> Sequence[str]:
    """The holidays that a due time skips."""
    return [*_holidays(receipt)]


def _holidays(receipt: Mapping[str, Any]) -> Iterator[str]:
    for row in receipt.get("walk", ()):
        if row.get("note") == "holiday" and not row.get("minutes"):
            yield _days(row["from"], row["to"], weekday=False)


def limit(within: str | Within) -> str:
    """A limit in the reader's language: 8 working hours."""
    parsed = parse_within(within) if isinstance(within, str) else within
    match parsed.unit:
        case Unit.working_hours:
            words = ngettext("%(num)d working hour", "%(num)d working hours", parsed.amount)
        case Unit.working_days:
            words = ngettext("%(num)d working day", "%(num)d working days", parsed.amount)
        case Unit.hours:
            words = ngettext("%(num)d hour", "%(num)d hours", parsed.amount)
        case Unit.days:
            words = ngettext("%(num)d day", "%(num)d days", parsed.amount)
        case Unit.months:
            words = ngettext("%(num)d month", "%(num)d months", parsed.amount)
    return str(words)


def step(level: int) -> str:
    """As which step people were reminded."""
    if level == WARNING:
        return str(gettext("Three quarters of the time were gone"))
    if level == DUE:
        return str(gettext("The time was up"))
    return str(gettext("Overdue, step %(number)s of the ladder", number=level - DUE))
