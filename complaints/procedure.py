"""Procedures are data: stages, what each asks for, who may move in, and the clocks, read from `procedures/*.toml`.

The engine (workflow.py) and the pages know no stage by name. A file that is wrong stops the start with its name, the
table and the key.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from complaints.calendar import Within, parse_within
from complaints.errors import Name, UnknownStage
from complaints.people import ROLES

FOLDER = Path(__file__).parent / "procedures"
DEFAULT = "manufacturing"


class BadProcedure(ValueError):
    """A procedure file is wrong; the text says where and how to mend it."""


@dataclass(frozen=True)
class Stage:
    key: str
    name: Name
    position: int
    from_: tuple[str, ...]
    moved_in_by: tuple[str, ...]
    required: tuple[str, ...]
    required_for_quality: tuple[str, ...]
    final: bool
    shown_for_days: int | None
    off_board: bool = False
    owner_roles: tuple[str, ...] = ()
    """Whose queue a complaint of this stage stands in while nobody is named for it."""


@dataclass(frozen=True)
class ClockRule:
    """A promise: it starts when the complaint is received and stops when a stage is entered."""

    key: str
    name: Name
    stops_on_entering: str
    within: Within
    responsible: str


@dataclass(frozen=True)
class Procedure:
    key: str
    version: int
    name: Name
    classes: Mapping[str, Name]
    stages: tuple[Stage, ...]
    clocks: tuple[ClockRule, ...]
    outcomes: tuple[Stage, ...] = ()
    """The ways to leave the board without an end: stages without a column."""

    @property
    def first(self) -> Stage:
        return self.stages[0]

    def stage(self, key: str) -> Stage:
        """The stage of this key, on the board or off it; raises `UnknownStage`."""
        for stage in (*self.stages, *self.outcomes):
            if stage.key == key:
                return stage
        raise UnknownStage(stage=key[:40], known=", ".join(s.key for s in self.stages))


@cache
def procedure(key: str = DEFAULT) -> Procedure:
    """A procedure by its key."""
    return load(FOLDER / f"{key}.toml")


@cache
def procedures() -> tuple[Procedure, ...]:
    """All procedures, the default one first."""
    keys = sorted((path.stem for path in FOLDER.glob("*.toml")), key=lambda key: (key != DEFAULT, key))
    return tuple(procedure(key) for key in keys)


def load(path: Path) -> Procedure:
    """Read and check a procedure file; raises `BadProcedure`."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadProcedure(f"{path.name}: {error}") from error
    try:
        return _procedure(raw, path.name)
    except KeyError as error:
        raise BadProcedure(f"{path.name}: the key {error} is missing") from error


def _procedure(raw: Mapping[str, Any], file: str) -> Procedure:
    stages = tuple(_stage(table, position) for position, table in enumerate(raw["stage"]))
    outcomes = tuple(
        _stage(table, len(stages) + position, off_board=True) for position, table in enumerate(raw.get("outcome", ()))
    )
    known = {s.key for s in stages}
    for stage in (*stages, *outcomes):
        for other in stage.from_:
            if other not in known:
                raise BadProcedure(
                    f"{file}: stage.{stage.key}.from names {other!r}; known are {', '.join(sorted(known))}"
                )
        for role in stage.moved_in_by:
            if role not in ROLES:
                raise BadProcedure(
                    f"{file}: stage.{stage.key}.moved_in_by names {role!r}; known are {', '.join(ROLES)}"
                )
    clocks = []
    for c in raw.get("clock", ()):
        if c["stops_on_entering"] not in known:
            raise BadProcedure(f"{file}: clock.{c['key']}.stops_on_entering names {c['stops_on_entering']!r}")
        try:
            within = parse_within(c["within"])
        except ValueError as error:
            raise BadProcedure(f"{file}: clock.{c['key']}.within: {error}") from error
        clocks.append(ClockRule(c["key"], Name(**c["name"]), c["stops_on_entering"], within, c["responsible"]))
    return Procedure(
        key=raw["key"],
        version=raw["version"],
        name=Name(**raw["name"]),
        classes={key: Name(**name) for key, name in raw["classes"].items()},
        stages=stages,
        clocks=tuple(clocks),
        outcomes=outcomes,
    )


def _stage(table: Mapping[str, Any], position: int, *, off_board: bool = False) -> Stage:
    return Stage(
        key=table["key"],
        name=Name(**table["name"]),
        position=position,
        from_=tuple(table["from"]),
        moved_in_by=tuple(table.get("moved_in_by", ())),
        required=tuple(table.get("required", ())),
        required_for_quality=tuple(table.get("required_for_quality", ())),
        final=table.get("final", False),
        shown_for_days=table.get("shown_for_days"),
        off_board=off_board,
        owner_roles=tuple(table.get("owner_roles", ())),
    )
