"""A version of a procedure whose text cannot be read any more, because this Redress demands more of a file or because
the text was damaged. The complaints that follow it stand still: they are seen, with their stages by name as far as the
text still tells, and answered; there are no ways, records or clocks until an administrator mends the text. Unless the
text says plainly that they are not, they are confidential.
"""

import tomllib
from collections.abc import Mapping
from typing import Any

from complaints.errors import Name
from complaints.procedure import Procedure, Stage

BEGINNING: list[Mapping[str, Any]] = [{"key": "draft"}, {"key": "registered"}]
"""What stands for the stages of a text that tells none."""


def standing_still(key: str, version: int, text: str) -> Procedure:
    """What is left of a version that cannot be read."""
    raw = _told(text)
    stages, outcomes = _keyed(raw.get("stage")), _keyed(raw.get("outcome"))
    stages += BEGINNING[len(stages) :]
    classes = raw.get("classes")
    privacy = raw.get("privacy", {}) if raw else None
    return Procedure(
        key=key,
        version=version,
        name=_name(raw.get("name"), key),
        classes={each: _name(name, each) for each, name in classes.items()} if isinstance(classes, dict) else {},
        stages=tuple(_stage(each, position, register=position == 1) for position, each in enumerate(stages)),
        outcomes=tuple(_stage(each, len(stages) + n, off_board=True) for n, each in enumerate(outcomes)),
        clocks=(),
        confidential=not isinstance(privacy, dict) or privacy.get("confidential", False) is not False,
        source=text,
        still=True,
    )


def _told(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _keyed(value: Any) -> list[Mapping[str, Any]]:
    found = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    return [each for each in found if isinstance(each.get("key"), str)]


def _name(value: Any, key: str) -> Name:
    told = value if isinstance(value, dict) else {}
    en, zh = (str(told.get(language) or key) for language in ("en", "zh"))
    return Name(en, zh)


def _stage(told: Mapping[str, Any], position: int, *, register: bool = False, off_board: bool = False) -> Stage:
    key, final = told["key"], told.get("final") is True
    return Stage(key, _name(told.get("name"), key), position, register=register, final=final, off_board=off_board)
