"""What stands in a field of a record, in words and in both languages: for notices, which are read elsewhere."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from babel.dates import format_date, format_datetime

from complaints.case import Case, filled
from complaints.errors import Name
from complaints.procedure import Field
from complaints.records import Record

DAY = Name("EEE d MMM yyyy", "yyyy年M月d日 EEE")
MINUTE = Name("EEE d MMM yyyy, HH:mm", "yyyy年M月d日 EEE HH:mm")


def content(case: Case, refs: Iterable[str], row: Record | None = None) -> Name | None:
    """Fields with what they hold, such as “Planned for: Mon 16 Nov 2026, 14:00”; of a record with rows, the last one,
    or this `row`. Nothing where they are empty."""
    found = [(field, value) for field, value in (_held(case, ref, row) for ref in refs) if filled(value)]
    return _in_both(lambda locale: _listed(found, locale)) if found else None


def moment(at: datetime) -> Name:
    """An instant as its own zone tells it."""
    return _in_both(lambda locale: format_datetime(at, MINUTE.in_(locale), tzinfo=at.tzinfo, locale=locale))


def _held(case: Case, ref: str, row: Record | None) -> tuple[Field, Any]:
    key, _, field = ref.partition(".")
    sheet = case.rules.sheet(key)
    assert sheet is not None  # the file was checked
    kept = [row] if row is not None and row.sheet == key else case.of_sheet(sheet)[-1:]
    return sheet.field(field), next((record.values.get(field) for record in kept), None)


def _in_both(text: Callable[[str], str]) -> Name:
    return Name(text("en"), text("zh"))


def _listed(found: Iterable[tuple[Field, Any]], locale: str) -> str:
    colon, comma, end = ("：", "、", "；") if locale == "zh" else (": ", ", ", "; ")
    return end.join(
        field.name.in_(locale)
        + colon
        + comma.join(_word(field, each, locale) for each in (value if isinstance(value, list) else [value]))
        for field, value in found
    )


def _word(field: Field, value: Any, locale: str) -> str:
    if value in field.choices:
        return field.choices[value].in_(locale)
    if field.kind == "date":
        return format_date(date.fromisoformat(value), DAY.in_(locale), locale=locale)
    if field.kind == "time":
        at = datetime.fromisoformat(value)
        return format_datetime(at, MINUTE.in_(locale), tzinfo=at.tzinfo, locale=locale)
    return str(value)
