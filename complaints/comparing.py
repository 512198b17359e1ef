"""Values of conditions that compare: `>= 1000`, `< 2026-01-01`, `<= goods.warranty_end` beside plain values. Days are
compared with days, of a time its day; numbers with numbers; nothing compares with what is empty."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from operator import ge, gt, le, lt
from typing import Any

ACTS: dict[str, Callable[[Any, Any], bool]] = {">=": ge, "<=": le, ">": gt, "<": lt}
COMPARED = ("date", "time", "number", "count")
"""The types of fields that can be compared."""


@lru_cache(maxsize=1024)
def comparison(wanted: str) -> tuple[str, str] | None:
    """The sign and what stands behind it, of a value that compares."""
    found = re.fullmatch(r"(>=|<=|>|<)\s*(.+)", wanted)
    return (found[1], found[2]) if found else None


def holds(found: Any, wanted: str, value_of: Callable[[str], Any]) -> bool:
    """Does a value stand in this relation? `value_of` a field by its reference."""
    compared = comparison(wanted)
    if compared is None:
        return False
    sign, other = compared
    left, right = comparable(found), comparable(other)
    if right is None:
        right = comparable(value_of(other))
    return left is not None and type(left) is type(right) and ACTS[sign](left, right)


def comparable(value: Any) -> date | Decimal | None:
    """A day or a number; nothing of anything else."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, int):
        return Decimal(value)
    text = value if isinstance(value, str) else ""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}(T.*)?", text):
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            return None
    try:
        number = Decimal(text) if text else None
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None
