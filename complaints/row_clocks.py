"""Clocks of rows: where `until` of a clock names a column of a record with rows, each row is a promise of its own.

Pure. It runs from when the day or the time of its row is filled in until what stops it is, and is called by the row's
first words. A row that is taken out is owed no more; one that is open again runs on.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from complaints.actions import first_words
from complaints.case import Case, filled
from complaints.clocks import Clock
from complaints.procedure import ClockRule, Sheet
from complaints.records import LASTING, Record

LONGEST_NAME = 80


def key_of(rule: ClockRule, row: Record) -> str:
    """What the clock of a row is kept by, in the round of the row."""
    return f"{rule.key}:{row.place}"


def row_of(case: Case, rule: ClockRule, clock: Clock) -> Record | None:
    """The row that a clock is about, if it stands."""
    return next((row for row in case.rows[rule.each] if is_of(clock, rule, row)), None)


def is_of(clock: Clock, rule: ClockRule, row: Record) -> bool:
    return clock.key == key_of(rule, row) and row.round in (LASTING, clock.round)


def words(case: Case, rule: ClockRule, row: Record) -> str:
    """How a row begins; one without words is called by its number."""
    sheet = case.rules.sheet(rule.each)
    return (_short(sheet, row.values) if sheet is not None else "") or str(row.place)


def announced(case: Case) -> Iterator[tuple[str, str]]:
    """What is still owed by its row, as a customer may read it: how the row begins, and its day or time."""
    for rule in case.rules.clocks:
        sheet = case.rules.sheet(rule.each)
        if sheet is None or sheet.internal or sheet.field(_column(rule.until)).internal:
            continue
        public = [field.key for field in sheet.fields if not field.internal]
        for row in owed(case, rule):
            if said := _short(sheet, {key: row.values.get(key) for key in public}):
                yield said, until(rule, row)


def _short(sheet: Sheet, values: Mapping[str, Any]) -> str:
    said = " ".join(first_words(sheet, values).split())
    return said if len(said) <= LONGEST_NAME else f"{said[: LONGEST_NAME - 1]}…"


def until(rule: ClockRule, row: Record) -> str:
    """The day or the time of a row; blank where there is none."""
    return row.values.get(_column(rule.until)) or ""


def is_done(rule: ClockRule, values: Mapping[str, Any]) -> bool:
    """Does a row with these values wait for nothing?"""
    return all(filled(values.get(_column(event))) for event in rule.stops)


def owed(case: Case, rule: ClockRule) -> Iterator[Record]:
    """The rows that something is promised in and not done."""
    if rule.each and case.holds(rule.when):
        yield from (row for row in case.rows[rule.each] if until(rule, row) and not is_done(rule, row.values))


def _column(ref: str) -> str:
    return ref.rpartition(".")[2]
