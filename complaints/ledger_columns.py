"""The columns of the ledger: what each shows, by what it is filtered, whether the ledger can be put in its order. They
are data, in ledger_columns.toml; a column names what procedures may have, and stays empty where one has not."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from complaints.errors import Name
from complaints.procedure import Procedure

FILE = Path(__file__).with_suffix(".toml")
NUMBER, TEXT, LONG, MOMENT, DAY, COUNT = "number", "text", "long", "moment", "day", "count"
CHOICE, PERSON, DEPARTMENTS, YES_NO = "choice", "person", "departments", "yes_no"
LEFT, CLOCKS, NUMBERS = "left", "clocks", "numbers"
WORDS, RANGE = "words", "range"
NUMERIC = frozenset({COUNT})


@dataclass(frozen=True)
class Column:
    """`of`: the column of the complaint that it shows; `from_`: else what of its procedure, the first that it has."""

    key: str
    name: Name
    kind: str
    of: str = ""
    from_: tuple[str, ...] = ()
    filter: str = ""
    sort: bool = False
    usual: bool = False

    @property
    def numeric(self) -> bool:
        return self.kind in NUMERIC


@dataclass(frozen=True)
class Columns:
    """All of them by key, in their usual order."""

    all: Mapping[str, Column] = field(default_factory=dict)

    @property
    def usual(self) -> tuple[Column, ...]:
        return tuple(each for each in self.all.values() if each.usual)

    def chosen(self, keys: Iterable[str]) -> tuple[Column, ...]:
        """Those of these keys that there are, in that order, the number always first; the usual ones for none."""
        known = [self.all[key] for key in dict.fromkeys(keys) if key in self.all and key != NUMBER]
        return (self.all[NUMBER], *known) if known else self.usual


@cache
def columns() -> Columns:
    read = tomllib.loads(FILE.read_text(encoding="utf-8"))["column"]
    return Columns({each["key"]: _column(**each) for each in read})


def _column(*, name: Mapping[str, str], **told: object) -> Column:
    from_ = told.pop("from", ())
    assert isinstance(from_, list | tuple)
    return Column(name=Name(name["en"], name["zh"]), from_=tuple(from_), **told)  # type: ignore[arg-type]


def says(column: Column, rules: Procedure) -> str:
    """The first of what a column shows that a procedure has; "" where it has none."""
    return next((event for event in column.from_ if _has(rules, event)), "")


def _has(rules: Procedure, event: str) -> bool:
    kind, _, key = event.partition(":")
    if kind == "signed":
        return rules.signature(key) is not None
    if kind == "entered":
        return any(stage.key == key for stage in rules.stages)
    if kind == "clock":
        return any(clock.key == key for clock in rules.clocks)
    if kind == "filled":
        sheet = rules.sheet(key.partition(".")[0])
        return sheet is not None and any(each.key == key.partition(".")[2] for each in sheet.fields)
    return True
