"""Key figures as data: what each is called, how it is made, and what is good.

Those of the house stand in kpis.toml; a file of the same name in the folder of the data changes some, or adds the
company's own. All that is wrong with a file is told at once. What is typed in: kpi_entries.py; how the ledger's own
figures are reckoned: measures.py. What the keys of the file mean: docs/kpis.md.
"""

import operator
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from complaints.errors import Name

RATIO, PERCENT, NUMBER = "ratio", "percent", "number"
"""A figure is a share of two counts, a share that is known as such, or an amount."""
AT_LEAST, EXACTLY, AT_MOST = "≥", "=", "≤"
LEDGER = frozenset({"timely_reply", "complaint_rate", "effective_reply", "written_answers"})
"""What the ledger reckons itself."""
SHIPMENTS = "shipments"
"""Stands below the line of the complaint rate and is no figure of its own."""
FILE = "kpis.toml"
MADE = {"rate": RATIO, "percent": PERCENT, "number": NUMBER, "count": NUMBER, "ledger": RATIO}
KEYS = {"name", "made", "above", "below", "unit", "target", "decimals", "period", "summarised"}
RESERVED = {"complaints"}
MOST, LONGEST_NAME = 60, 80
LARGEST_FILE = 64 * 1024
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TARGET = re.compile(r"(>=|<=|[=≥≤])\s*(\d{1,12}(?:\.\d{1,4})?)\s*(%?)")
_SENSE = {">=": AT_LEAST, "<=": AT_MOST}
_HOLDS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    AT_LEAST: operator.ge, EXACTLY: operator.eq, AT_MOST: operator.le,
}  # fmt: skip


class BadKpis(ValueError):
    """A file of key figures that cannot be used; the text says everything that is wrong with it."""


@dataclass(frozen=True)
class Definition:
    """A key figure. `above` and `below` are what stands over and under the line, where people type it in; `target` is
    what is good, in the `sense` of at least, exactly or at most. One of the year tells each month how far the year has
    come. `summarised`: it has a table of its own, month by month."""

    key: str
    name: Name
    kind: str = RATIO
    above: Name | None = None
    below: Name | None = None
    target: Fraction | None = None
    sense: str = AT_LEAST
    decimals: int = 1
    whole: bool = True
    yearly: bool = False
    summarised: bool = False

    @property
    def typed(self) -> bool:
        return self.above is not None

    def met(self, value: Fraction | None) -> bool | None:
        """Does a value reach the target? None where there is no value, or no target."""
        if value is None or self.target is None:
            return None
        return _HOLDS[self.sense](value, self.target)

    def met_in(self, month: date, value: Fraction | None) -> bool | None:
        """The same for a month. Before a year is over, one of the year is judged only by what cannot change any more:
        the least that is good was reached, or the most was passed."""
        met = self.met(value)
        if not self.yearly or month.month == 12:
            return met
        return met if (self.sense, met) in ((AT_LEAST, True), (AT_MOST, False)) else None


def read(text: str, *, known: Mapping[str, Definition], file: str = FILE) -> dict[str, Definition]:
    """The figures of a file with those that are `known`; one of the same key takes its place. Raises `BadKpis`."""
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadKpis(f"{file} is not TOML: {str(error)[:200]}") from error
    found, faults = dict(known), []
    for key, table in raw.items():
        if wrong := list(_faults(key, table)):
            faults += [f"{file}, [{key[:60]}]: {each}" for each in wrong]
        else:
            found[key] = _definition(key, table)
    if len(found) > MOST:
        faults.append(f"{file}: there are more than {MOST} figures")
    if faults:
        raise BadKpis("\n".join(faults[:20]))
    return found


def _faults(key: str, table: Any) -> Iterator[str]:
    if not _KEY.fullmatch(key) or key in RESERVED:
        yield "a key is made of small letters, digits and _, at most 40, and is not “complaints”"
    if not isinstance(table, dict):
        yield "should be a table"
        return
    yield from (
        f"{each[:60]!r} is not known here; there are: {', '.join(sorted(KEYS))}" for each in table.keys() - KEYS
    )
    made = table.get("made")
    if not isinstance(made, str) or made not in MADE:
        yield f"made should be one of: {', '.join(MADE)}"
        return
    if (made == "ledger") != (key in LEDGER):
        yield f"the ledger reckons these, and no others: {', '.join(sorted(LEDGER))}"
    if key == SHIPMENTS and made != "count":
        yield "shipments are a count"
    names = {"name", *{"rate": ("above", "below"), "number": ("unit",), "count": ("unit",)}.get(made, ())}
    for each in sorted(names):
        if not _is_name(table.get(each)):
            yield f'{each} should be a name in both languages, such as {{ en = "Shipments", zh = "出货" }}'
    yield from (f"{each} says nothing here" for each in sorted({"above", "below", "unit"} & table.keys() - names))
    yield from _faults_of_target(table.get("target"), share=MADE[made] != NUMBER)
    if table.get("period", "month") not in ("month", "year"):
        yield "period should be month or year"
    decimals = table.get("decimals", 1)
    if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= 4:
        yield "decimals should be a number from 0 to 4"
    if not isinstance(table.get("summarised", False), bool):
        yield "summarised should be true or false"
    elif table.get("summarised") and made != "rate":
        yield "only a rate is summarised"


def _faults_of_target(target: Any, *, share: bool) -> Iterator[str]:
    if target is None:
        return
    said = _TARGET.fullmatch(target) if isinstance(target, str) else None
    if said is None or bool(said[3]) != share:
        yield f"target should be such as {'“>= 95 %”' if share else '“>= 2.0”, “= 0” or “<= 3”'}"


def _is_name(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"en", "zh"}
        and all(isinstance(each, str) and each.strip() and each.isprintable() for each in value.values())
        and all(len(each) <= LONGEST_NAME for each in value.values())
    )


def _definition(key: str, table: Mapping[str, Any]) -> Definition:
    made = table["made"]
    kind = MADE[made]
    above = {"rate": table.get("above"), "percent": {"en": "percent", "zh": "百分比"}}.get(made, table.get("unit"))
    target, sense = None, AT_LEAST
    if said := _TARGET.fullmatch(table.get("target", "")):
        sense = _SENSE.get(said[1], said[1])
        target = Fraction(said[2]) / (100 if said[3] else 1)
    return Definition(
        key, Name(**table["name"]), kind, Name(**above) if above else None,
        Name(**table["below"]) if made == "rate" else None, target, sense, table.get("decimals", 1),
        made in ("rate", "count", "ledger"), table.get("period") == "year", table.get("summarised", False),
    )  # fmt: skip


OF_THE_HOUSE: Mapping[str, Definition] = read(Path(__file__).with_suffix(".toml").read_text("utf-8"), known={})
_known: Mapping[str, Definition] = OF_THE_HOUSE


def bring_in(folder: Path) -> None:
    """Take the company's own file into this process, if it has one. Raises `BadKpis`."""
    global _known
    path = folder / FILE
    try:
        raw = path.read_bytes() if path.exists() else b""
        if len(raw) > LARGEST_FILE:
            raise BadKpis(f"{path} is larger than {LARGEST_FILE // 1024} KB")
        _known = read(raw.decode("utf-8-sig"), known=OF_THE_HOUSE, file=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadKpis(f"{path} cannot be read: {error}") from error


def definitions() -> tuple[Definition, ...]:
    """Every figure, in the order in which pages show them."""
    return tuple(each for each in _known.values() if each.key != SHIPMENTS)


def typed() -> tuple[Definition, ...]:
    """What people type in for a month, shipments among them."""
    return tuple(each for each in _known.values() if each.typed)


def known() -> Mapping[str, Definition]:
    """The figures by key."""
    return _known
