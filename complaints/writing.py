"""Writing in records: what a person typed into a form, read by the fields that the procedure lays out, and kept.

`read` understands a form, `write` keeps what changed with who and when, and voids the signatures that covered it.
Nobody's words are lost: a form that was filled in for an older version changes only the fields it really changed, and
is refused where somebody wrote in the same ones.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from complaints import (
    adding_up,
    concealing,
    consequences,
    files,
    guards,
    history,
    invitations,
    numbers,
    records,
    registration,
    sharing,
    signing,
    until,
    workflow,
)
from complaints.case import Case, filled, load
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.errors import N_, Missing, NotFound, RecordRefused, Sentence
from complaints.people import Actor, Department, Grant, User
from complaints.procedure import INVESTIGATION, Field, Sheet
from complaints.records import Record, StaleRecord
from complaints.registration import Incomplete, Problem
from complaints.signatures import digest_of
from complaints.texts import clean

MOST_CHOSEN = 200
"""So many people, departments or choices may stand in one field."""
Form = Mapping[str, Sequence[str]]
"""What was typed, by field: one text, or several where several may be chosen."""


def read(
    session: Session,
    case: Case,
    sheet: Sheet,
    form: Form,
    *,
    before: Mapping[str, Any],
    by: Actor,
    at: datetime,
    context: Context,
) -> tuple[dict[str, Any], list[Problem]]:
    """What a form says: values by field, and what is wrong with the others. Fields that the form does not have stay as
    they are, and so does a file of `before` that it sends again."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for field in sheet.fields:
        if field.key in form:
            typed = list(form[field.key])
            try:
                if field.kind in ("file", "files"):
                    values[field.key] = _files(session, case, field, typed, before.get(field.key), by=by)
                else:
                    values[field.key] = _value(session, field, typed, at=at, context=context)
            except _Wrong as wrong:
                problems.append(Problem(field.key, wrong.sentence))
    return values, problems


class _Wrong(Exception):
    def __init__(self, message: str, **values: Any) -> None:
        self.sentence = Sentence(message, values)


def _value(session: Session, field: Field, typed: list[str], *, at: datetime, context: Context) -> Any:
    chosen = list(dict.fromkeys(text for text in (each.strip() for each in typed) if text))
    if field.kind in ("choices", "people", "departments"):
        if len(chosen) > MOST_CHOSEN:
            raise _Wrong(N_("%(field)s: at most %(most)s can be chosen"), field=field.name, most=MOST_CHOSEN)
        if field.kind == "choices":
            return [_choice(field, each) for each in chosen]
        return _known(session, field, chosen, at=at, context=context)
    text = clean(chosen[0] if chosen else "", lines=field.kind == "text")
    if not text:
        return None
    if len(text) > field.limit:
        message = N_("%(field)s may have %(limit)s characters; this has %(length)s")
        raise _Wrong(message, field=field.name, limit=field.limit, length=len(text))
    if field.kind == "choice":
        return _choice(field, text)
    if field.kind == "date":
        today = at.astimezone(context.zone).date()
        return _date(field, text, latest=today if field.past else None)
    if field.kind == "time":
        return _time(field, text, context)
    if field.kind == "number":
        return _number(field, text)
    if field.kind == "count":
        return _count(field, text)
    if field.kind == "person":
        return _known(session, field, [text], at=at, context=context)[0]
    return text


def _choice(field: Field, text: str) -> str:
    if text not in field.choices:
        raise _Wrong(N_("%(field)s: choose one of the list"), field=field.name)
    return text


def _date(field: Field, text: str, *, latest: date | None) -> str:
    try:
        day = registration.day_of(text)
    except ValueError:
        raise _Wrong(N_("%(field)s must be a date such as 2026-09-17"), field=field.name) from None
    if latest is not None and day > latest:
        raise _Wrong(N_("%(field)s lies in the future"), field=field.name)
    return day.isoformat()


def _time(field: Field, text: str, context: Context) -> str:
    try:
        local = datetime.fromisoformat(text)
        if not 1990 <= local.year <= 2100:
            raise ValueError(text)
    except ValueError:
        raise _Wrong(N_("%(field)s must be a time such as 2026-09-17 16:42"), field=field.name) from None
    return (local if local.tzinfo else local.replace(tzinfo=context.zone)).isoformat()


def _number(field: Field, text: str) -> str:
    try:
        number = Decimal(text.replace(",", "").replace("，", ""))
        if not number.is_finite() or abs(number) >= 10**15:
            raise InvalidOperation
    except InvalidOperation:
        raise _Wrong(N_("%(field)s must be a number such as 1250.50"), field=field.name) from None
    return str(number)


def _count(field: Field, text: str) -> int:
    digits = text.replace(",", "").replace("，", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 12):
        raise _Wrong(N_("%(field)s must be a whole number such as 1250"), field=field.name)
    return int(digits)


def _files(session: Session, case: Case, field: Field, typed: list[str], before: Any, *, by: Actor) -> Any:
    """The ids of files that are offered, or of those that stand there; of a field for one file, its id."""
    chosen = list(dict.fromkeys(text for text in (each.strip() for each in typed) if text))
    if len(chosen) > MOST_CHOSEN:
        raise _Wrong(N_("%(field)s: at most %(most)s can be chosen"), field=field.name, most=MOST_CHOSEN)
    new = set(chosen).difference(before if isinstance(before, list) else [before])
    if new and not new <= files.offered(session, case.complaint, by).keys():
        raise _Wrong(N_("%(field)s: choose one of the list"), field=field.name)
    return chosen if field.kind == "files" else next(iter(chosen), None)


def _known(session: Session, field: Field, chosen: Sequence[str], *, at: datetime, context: Context) -> list[int]:
    """The ids of people or departments that a field may name."""
    ids = {int(text) for text in chosen if text.isascii() and text.isdigit() and len(text) < 10}
    if field.kind == "departments":
        query = select(Department.id).where(Department.id.in_(ids))
    else:
        query = select(User.id).where(User.id.in_(ids), User.id.in_(candidates(field, at, context)))
    found = sorted(session.scalars(query)) if ids else []
    if len(found) < len(chosen):
        raise _Wrong(N_("%(field)s: choose one of the list"), field=field.name)
    return found


def candidates(field: Field, at: datetime, context: Context) -> Any:
    """The ids of those whom a field may name, as a query: everybody who works here, or who holds one of its roles."""
    here = select(User.id).where(User.left_at.is_(None))
    if not field.roles:
        return here
    today = at.astimezone(context.zone).date()
    held = select(Grant.user_id).where(
        Grant.role.in_(field.roles), Grant.since <= today, or_(Grant.until.is_(None), Grant.until >= today)
    )
    return here.where(User.id.in_(held))


def write(
    session: Session,
    complaint: Complaint,
    sheet_key: str,
    form: Form,
    *,
    by: Actor,
    at: datetime,
    context: Context,
    seen: int = 0,
    place: int | None = None,
    key: str = "",
) -> Record | None:
    """Keep what a form says of a record, in the caller's transaction; nothing is left behind when nothing changed.

    `seen` is the version of the record that the form showed, `place` the row; no place begins a new row, and `key`
    names the form of one, so that it is not begun twice. Raises `NotFound`, `RecordRefused`, `Incomplete` with what is
    wrong field by field, and `StaleRecord`."""
    workflow.hold(session, complaint)
    case = load(session, complaint)
    sheet = case.rules.sheet(sheet_key)
    if sheet is None:
        raise NotFound
    record = _there(case, sheet, place)
    before = record.values if record else {}
    values, problems = read(session, case, sheet, form, before=before, by=by, at=at, context=context)
    changed = {field: value for field, value in values.items() if not _same(before.get(field), value)}
    _check_rights(session, case, sheet, changed, by, record)
    after = {**before, **changed}
    problems += [each for each in _wrong(case, sheet, after, changed) if each.field not in {p.field for p in problems}]
    problems += [Problem(field, problem) for field, problem in _for_others(case, sheet, after, changed, by)]
    early = until.too_early(session, case, sheet, changed, place=place, at=at, context=context)
    problems += [Problem(*each) for each in early]
    if problems:
        raise Incomplete(problems)
    if not changed:
        return record
    if record is not None and record.version != seen and (theirs := _newer(record, seen) & changed.keys()):
        raise StaleRecord(sheet=sheet.name, fields=sorted(theirs))
    if record is None and sheet.many and _sent_before(session, complaint, key, changed, by=by, at=at):
        return None
    workflow.touch(session, complaint, at=at, seen_version=complaint.version)
    kept = _keep(session, case, sheet, record, changed, by=by, at=at, context=context)
    history.note(
        session, complaint.id, "recorded", by=by, at=at, sheet=sheet.key, place=kept.place, round=complaint.round,
        changed={field: [before.get(field), value] for field, value in changed.items()},
    )  # fmt: skip
    fallen = signing.void_covering(session, case, {f"{sheet.key}.{field}" for field in changed}, by=by, at=at)
    events = [f"filled:{sheet.key}.{field}" for field, value in changed.items() if filled(value)]
    if not guards.incomplete(case, sheet, after) and (record is None or guards.incomplete(case, sheet, before)):
        events.append(f"written:{sheet.key}")
    case = consequences.follow(session, complaint, events, by=by, at=at, context=context)
    invitations.keep_up(session, case, kept, by=by, at=at, context=context)
    if sheet.of == INVESTIGATION or fallen:
        consequences.keep_up(session, complaint, fallen, by=by, at=at, context=context)
    return kept


def _sent_before(
    session: Session, complaint: Complaint, key: str, changed: Mapping[str, Any], *, by: Actor, at: datetime
) -> bool:
    """Was this form for a new row taken in before? With other words in it, it is another row."""
    if not key:
        return False
    named = digest_of([key, dict(changed)])[:32]
    return not registration.first_time(session, f"row:{named}", complaint, by=by, at=at)


def _there(case: Case, sheet: Sheet, place: int | None) -> Record | None:
    if not sheet.many:
        return case.records.get(sheet.key)
    if place is None:
        return None
    for row in case.rows[sheet.key]:
        if row.place == place:
            return row
    raise NotFound


def _same(old: Any, new: Any) -> bool:
    return bool(old == new) or not (filled(old) or filled(new))


def _check_rights(
    session: Session, case: Case, sheet: Sheet, changed: Mapping[str, Any], by: Actor, record: Record | None
) -> None:
    own_row = record is not None and record.owner_id is not None and record.owner_id == by.id
    missing = guards.against_sheet(case, sheet, by, own_row=own_row)
    mine = guards.writable(case, sheet, by, own_row=own_row)
    if not missing and record is not None and not own_row and guards.not_theirs(case, sheet, by, record.values):
        missing = [Missing(Sentence(N_("Another department wrote this; yours writes an entry of its own")), sheet.key)]
    if not missing:
        message = N_("“%(field)s” is not yours to fill in now")
        missing = [
            Missing(Sentence(message, {"field": sheet.field(key).name}), f"{sheet.key}-{key}")
            for key in changed
            if key not in mine
        ]
    if not missing and changed and sheet.of == INVESTIGATION:
        joined = [load(session, each) for each in records.joined(session, case.complaint)]
        missing = sharing.held_back(case, sheet, changed, joined)
    if missing:
        raise RecordRefused(sheet=sheet.name, missing=missing)


def _wrong(case: Case, sheet: Sheet, after: Mapping[str, Any], changed: Mapping[str, Any]) -> list[Problem]:
    """Fields that come before others are filled in first, with no later date; a row is complete as far as its writer
    fills it in; what was complete stays so."""
    problems = []
    for field in sheet.fields:
        for key in field.after if filled(after.get(field.key)) else ():
            first, names = sheet.field(key), {"first": sheet.field(key).name, "field": field.name}
            if field.key in changed and not filled(after.get(key)):
                problems.append(Problem(field.key, Sentence(N_("“%(first)s” comes before “%(field)s”"), names)))
                break
            if {key, field.key} & changed.keys() and _backwards(first, field, after):
                problems.append(Problem(field.key, Sentence(N_("“%(field)s” is earlier than “%(first)s”"), names)))
                break
    for field in sheet.fields:
        if {field.key, field.most} & changed.keys() and _more(after.get(field.key), after.get(field.most)):
            names = {"field": field.name, "all": sheet.field(field.most).name}
            problems.append(Problem(field.key, Sentence(N_("“%(field)s” is more than “%(all)s”"), names)))
    problems += [Problem(*each) for each in adding_up.wrong(sheet, after, changed)]
    problems += [Problem(*each) for each in concealing.wrong(case, sheet, after, changed)]
    if sheet.many:
        for field in guards.incomplete(case, sheet, dict(after)):
            problems.append(Problem(field.key, guards.wanting(field)))
    return problems


def _for_others(
    case: Case, sheet: Sheet, after: Mapping[str, Any], changed: Collection[str], by: Actor
) -> Iterator[tuple[str, Sentence]]:
    """Where each department writes its own row, it is of one that is asked, and for which the person writes."""
    for field in sheet.fields:
        if sheet.each and field.kind == "departments" and field.key in changed:
            not_asked = guards.whose(sheet, after) - case.ids(sheet.each)
            if not_asked or guards.not_theirs(case, sheet, by, after):
                yield (
                    field.key,
                    Sentence(N_("%(field)s: choose your own, of those that are asked"), {"field": field.name}),
                )


def _more(count: int | None, of: int | None) -> bool:
    return count is not None and of is not None and count > of


def _backwards(first: Field, then: Field, after: Mapping[str, Any]) -> bool:
    """Does the date of what comes second lie before that of what comes first?"""
    return first.kind == then.kind == "date" and (after.get(first.key) or "") > after[then.key]


def _newer(record: Record, seen: int) -> set[str]:
    """The fields that were written since a version."""
    return {key for key, mark in record.marks.items() if mark[2] > seen}


def _keep(
    session: Session,
    case: Case,
    sheet: Sheet,
    record: Record | None,
    changed: Mapping[str, Any],
    *,
    by: Actor,
    at: datetime,
    context: Context,
) -> Record:
    complaint = case.complaint
    subject = records.subject_of(session, complaint, sheet.of, at=at)
    number = None
    if record is None and sheet.numbered:
        year = numbers.local_year(at, context.zone)
        sequence = numbers.next_in(session, f"{sheet.numbered}:{year}")
        number = f"{sheet.numbered}-{year}-{sequence:04d}"
    kept = records.put(
        record, sheet, subject, changed, round=records.round_of(sheet, complaint),
        place=record.place if record else _next_place(session, sheet, subject, complaint), by=by, at=at, number=number,
    )  # fmt: skip
    session.add(kept)
    session.flush()
    return kept


def _next_place(session: Session, sheet: Sheet, subject: records.Subject, complaint: Complaint) -> int:
    if not sheet.many:
        return 0
    last = session.scalar(
        select(Record.place)
        .where(
            Record.subject == subject.kind, Record.subject_id == subject.id, Record.sheet == sheet.key,
            Record.round == records.round_of(sheet, complaint),
        )
        .order_by(Record.place.desc())
        .limit(1)
    )  # fmt: skip
    return (last or 0) + 1


def remove(
    session: Session, complaint: Complaint, sheet_key: str, place: int, *, by: Actor, at: datetime, context: Context
) -> None:
    """Take a row out, in the caller's transaction; it stays in the history. A row that is gone stays gone. Who may fill
    in a part of a row only takes out those that they began.

    Raises `NotFound` and `RecordRefused`."""
    workflow.hold(session, complaint)
    case = load(session, complaint)
    sheet = case.rules.sheet(sheet_key)
    if sheet is None or not sheet.many:
        raise NotFound
    if sheet.stay:
        raise RecordRefused(
            sheet=sheet.name, missing=[Missing(Sentence(N_("What stands here stays; write what became of it")))]
        )
    row = _there(case, sheet, place)
    assert row is not None
    _check_rights(
        session, case, sheet, {field.key: None for field in sheet.fields if field.required and not field.by}, by, None
    )
    if guards.not_theirs(case, sheet, by, row.values):
        message = N_("Another department wrote this; yours writes an entry of its own")
        raise RecordRefused(sheet=sheet.name, missing=[Missing(Sentence(message), sheet.key)])
    if row.begun_by_id != by.id and guards.holds_role(case, by, sheet.by) is None:
        message = N_("Your role may not take this row out: %(who)s")
        who = Sentence(message, {"who": guards.RoleNames.of(case.rules, sheet.by)})
        raise RecordRefused(sheet=sheet.name, missing=[Missing(who, sheet.key)])
    workflow.touch(session, complaint, at=at, seen_version=complaint.version)
    row.removed_at = row.changed_at = at
    history.note(
        session, complaint.id, "row_removed", by=by, at=at, sheet=sheet.key, place=place, round=complaint.round,
        changed={key: [value, None] for key, value in row.values.items() if filled(value)},
    )  # fmt: skip
    refs = {f"{sheet.key}.{field.key}" for field in sheet.fields}
    fallen = signing.void_covering(session, case, refs, by=by, at=at)
    case = consequences.follow(session, complaint, [], by=by, at=at, context=context)
    invitations.keep_up(session, case, row, by=by, at=at, context=context)
    if sheet.of == INVESTIGATION or fallen:
        consequences.keep_up(session, complaint, fallen, by=by, at=at, context=context)
