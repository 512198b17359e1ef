"""What a round changed: the rows of a record in one round against those of the round before. Pure.

A round begins with copies, which keep their place: by it a row is known again, whatever was written in it since.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from complaints.case import filled
from complaints.procedure import BY_OWNER, Field
from complaints.records import Record

ADDED, CHANGED, REMOVED = "added", "changed", "removed"


@dataclass(frozen=True)
class FieldChange:
    field: Field
    before: Any
    after: Any


@dataclass(frozen=True)
class RowChange:
    """A row that is new, differs or is gone, with the fields that say so."""

    kind: str
    place: int
    fields: tuple[FieldChange, ...]


def compared(fields: Sequence[Field], before: Iterable[Record], after: Iterable[Record]) -> list[RowChange]:
    """What became of these fields of a record. What the owner of a row reports belongs to its round and is left out."""
    old, new = ({each.place: each.values for each in records} for records in (before, after))
    found = []
    for place in sorted(old.keys() | new.keys()):
        was, now = old.get(place, {}), new.get(place, {})
        changes = tuple(
            FieldChange(field, was.get(field.key), now.get(field.key))
            for field in fields
            if field.part not in BY_OWNER and _differ(was.get(field.key), now.get(field.key))
        )
        if changes:
            kind = ADDED if place not in old else REMOVED if place not in new else CHANGED
            found.append(RowChange(kind, place, changes))
    return found


def _differ(before: Any, after: Any) -> bool:
    return bool(before != after) and (filled(before) or filled(after))
