"""Due times that people enter: the day by which the customer wants it, a time that was set or announced. It stands in a
field of a record (`until` of a clock, see procedure.py) and holds instead of the limit, which the receipt still tells.

The due time follows the field as long as the clock runs. A day or a time before its start is refused at the field; one
that had passed when the clock began makes it due at once.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from complaints import clocks, history, limits, row_clocks, words
from complaints.calendar import WorkingCalendar
from complaints.case import Case
from complaints.clocks import Clock
from complaints.context import Context
from complaints.errors import N_, Sentence
from complaints.people import Actor
from complaints.procedure import COMPLAINT, ClockRule, Sheet


def keep_to(clock: Clock, rule: ClockRule, case: Case, calendar: WorkingCalendar) -> None:
    """Let a clock be due when the field says, or by its limit where that is empty."""
    entered = _entered(clock, rule, case)
    if entered != {key: clock.receipt[key] for key in clocks.ENTERED if key in clock.receipt}:
        others = {key: told for key, told in clock.receipt.items() if key not in clocks.ENTERED}
        clock.receipt = others | entered
        clocks.reckon(clock, calendar)


def _entered(clock: Clock, rule: ClockRule, case: Case) -> dict[str, str]:
    """What people entered of a clock: until when, and of a row, how it begins."""
    row = row_clocks.row_of(case, rule, clock) if rule.each else None
    if row is not None:
        return {"until": row_clocks.until(rule, row), "about": row_clocks.words(case, rule, row)}
    entered = case.value(rule.until) if rule.until and not rule.each else None
    return {"until": entered} if entered else {}


def follow(
    session: Session, case: Case, running: Iterable[Clock], *, by: Actor, at: datetime, context: Context
) -> None:
    """Let the clocks that run follow their fields, with a line of history for each that is due at another time. One
    that has no limit has lost its start when its field is emptied, and its object when its row is taken out."""
    rules = {rule.key: rule for rule in case.rules.clocks if rule.until}
    for clock in running:
        rule = rules.get(clock.rule)
        if rule is None or clock.stopped_at is not None:
            continue
        if rule.within is None and not _entered(clock, rule, case).get("until"):
            gone = rule.each and row_clocks.row_of(case, rule, clock) is None
            clocks.cancel(clock, at=at, outcome=clocks.CANCELLED if gone else clocks.UNDONE)
            continue
        was = clock.due_at
        keep_to(clock, rule, case, limits.calendar_of(session, case, clock.responsible, context))
        if clock.due_at != was:
            told = {"clock": clocks.called(clock), "was_due": was.isoformat(), "now_due": clock.due_at.isoformat()}
            history.note(session, case.complaint.id, "due_entered", by=by, at=at, **told)


def start_rows(
    session: Session, case: Case, rule: ClockRule, running: Iterable[Clock], *, at: datetime, context: Context
) -> list[Clock]:
    """Start the clocks of rows that have none; one that had ended runs on, unless somebody entered when that was."""
    started = []
    for row in row_clocks.owed(case, rule):
        clock = next((each for each in running if row_clocks.is_of(each, rule, row)), None)
        if clock is not None and (clock.stopped_at is None or clock.backdated is not None):
            continue
        calendar = limits.calendar_of(session, case, rule.responsible, context)
        if clock is None:
            (begun,) = clocks.begun([rule], at, calendar, round=row.round or case.complaint.round)
            named = begun | {"key": row_clocks.key_of(rule, row)}
            clock = Clock(subject_kind=COMPLAINT, subject_id=case.complaint.id, **named)
            started.append(clock)
        clocks.resume(clock)
        keep_to(clock, rule, case, calendar)
    session.add_all(started)
    return started


def too_early(
    session: Session,
    case: Case,
    sheet: Sheet,
    changed: Mapping[str, Any],
    *,
    place: int | None,
    at: datetime,
    context: Context,
) -> Iterator[tuple[str, Sentence]]:
    """What is wrong with the days and times that are written in a record or the row at a place, by field: they lie
    before their clock begins. What is written down when it is done promises nothing."""
    rules = {rule.until: rule for rule in case.rules.clocks if rule.until}
    for key, entered in changed.items():
        rule = rules.get(f"{sheet.key}.{key}")
        if rule is None or not entered or (rule.each and row_clocks.is_done(rule, changed)):
            continue
        hours = limits.calendar_of(session, case, rule.responsible, context)
        begins = _begins(session, case, rule, f"{rule.key}:{place}" if rule.each else rule.key, at)
        if begins is not None and _is_before(entered, begins.astimezone(hours.tz)):
            message = N_("“%(field)s” is before “%(clock)s” begins: %(begins)s")
            names = {"field": sheet.field(key).name, "clock": rule.name}
            yield key, Sentence(message, names | {"begins": words.moment(begins.astimezone(hours.tz))})


def _begins(session: Session, case: Case, rule: ClockRule, key: str, at: datetime) -> datetime | None:
    """When the clock that runs has begun; one that begins with the field begins now."""
    for clock in clocks.of(session, COMPLAINT, case.complaint.id):
        if clock.key == key and clock.stopped_at is None:
            return clock.started_at
    return at if rule.starts == f"filled:{rule.until}" else None


def _is_before(entered: str, begins: datetime) -> bool:
    if len(entered) == len("2026-11-16"):
        return date.fromisoformat(entered) < begins.date()
    return datetime.fromisoformat(entered) < begins
