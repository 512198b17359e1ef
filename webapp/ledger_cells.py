"""What stands in a field of the ledger, for a reader: as a text, as a value of a sheet, and the choices of a column."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from flask_babel import gettext

from complaints import clocks
from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS
from complaints.errors import Name
from complaints.ledger_columns import (
    CHOICE,
    CLOCKS,
    COUNT,
    DAY,
    DEPARTMENTS,
    LEFT,
    MOMENT,
    NUMBERS,
    PERSON,
    YES_NO,
    Column,
    columns,
    says,
)
from complaints.ledger_rows import Row
from complaints.procedure import Procedure, laid_out, newest, offered
from webapp.context import zone
from webapp.directory import directory
from webapp.language import in_my_language
from webapp.values import listed

Value = str | int | float | date | datetime | None


def name(column: Column) -> str:
    return in_my_language(column.name)


def of(key: str) -> str:
    return name(columns().all[key])


def several_procedures() -> bool:
    """Is there a choice of procedures to look at?"""
    return len(offered()) > 1


def class_name(procedure: str, key: str) -> str:
    known = laid_out(procedure).classes
    return in_my_language(known[key]) if key in known else key


def choices(column: Column) -> list[tuple[str, str]]:
    """The choices of a column's filter with their names, in the reader's language."""
    if column.key == "owner":
        return [(str(each.id), each.name) for each in directory().people.values() if each.here]
    if column.key == "departments":
        return [(str(id_), in_my_language(each.name)) for id_, each in directory().departments.items()]
    return [(key, in_my_language(name)) for key, name in _names(column.key).items()]


def _names(key: str) -> Mapping[str, Name]:
    fixed: dict[str, Mapping[str, Name]] = {"channel": CHANNELS, "cause_type": CAUSE_TYPES, "link": LINKS}
    if key in fixed:
        return fixed[key]
    used = [laid_out(rules.key) for rules in offered()]
    if key == "procedure":
        return {rules.key: rules.name for rules in newest()}
    if key == "complaint_class":
        return {each: name for rules in reversed(used) for each, name in rules.classes.items()}
    return {stage.key: stage.name for rules in reversed(used) for stage in (*rules.stages, *rules.outcomes)}


def value(column: Column, row: Row) -> Value:
    """What a sheet holds: a day, a time in the organisation's zone, a number, or a text."""
    found = row.values.get(column.key)
    if found is None or found == "" or found == []:
        return None
    match column.kind:
        case "moment" | "left":
            return (
                None if column.kind == LEFT and not row.card.limited else found.astimezone(zone()).replace(tzinfo=None)
            )
        case "day":
            return found if isinstance(found, date) else date.fromisoformat(str(found)[:10])
        case "count":
            return int(found)
    return text(column, row)


def text(column: Column, row: Row) -> str:
    """What the page shows, but for the number and the time left, which it draws."""
    found = row.values.get(column.key)
    if found is None or found == "" or found == []:
        return ""
    if column.kind in (MOMENT, DAY):
        return str(value(column, row))[:10]
    if column.kind == PERSON:
        person = directory().people.get(found)
        return person.name if person else gettext("somebody")
    if column.kind == DEPARTMENTS:
        known = directory().departments
        return listed(in_my_language(known[each].name) for each in found if each in known)
    if column.kind == YES_NO:
        return gettext("Yes") if found == "yes" else gettext("No") if found == "no" else str(found)
    if column.kind == CLOCKS:
        return listed(_clocks(found, row.rules))
    if column.kind == NUMBERS:
        return listed(found)
    if column.kind == CHOICE:
        return _chosen(column, str(found), row.rules)
    return f"{found:,}" if column.kind == COUNT else str(found)


def _clocks(keys: Iterable[str], rules: Procedure) -> Iterable[str]:
    for key in keys:
        named = clocks.named(key, rules)
        yield in_my_language(named) if named else key


def _chosen(column: Column, key: str, rules: Procedure) -> str:
    """A choice by its name, as the procedure of the complaint has it."""
    if column.key == "stage":
        return in_my_language(rules.stage(key).name)
    if column.key == "complaint_class":
        return in_my_language(rules.classes[key]) if key in rules.classes else key
    if column.from_:
        sheet, _, field = says(column, rules).partition(":")[2].partition(".")
        known = rules.sheet(sheet)
        named = known.field(field).choices.get(key) if known else None
        return in_my_language(named) if named else key
    known_names = _names(column.key)
    return in_my_language(known_names[key]) if key in known_names else key
