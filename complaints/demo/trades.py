"""Demo companies of other trades, a file each in `companies/`: who works and buys there, the procedure in use, and a
story for every complaint. `player.py` plays them.

A story says which mail began it, how many working days ago, where it went (`through`, the stages in their order) and
how long that took. What is written on the way stands in `says` by field, for a second round in `again`; what a story
does not say the file's own `says` does, and the player finds something plausible for the rest. In a row of a record
`contacts.text@result_told` is said where a `result_told` is asked for. `then` names what else is done where the
complaint stands: records and signatures.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from complaints.demo.founding import Colleague, Company
from complaints.demo.words import Buyer, Writer
from complaints.errors import Name

FOLDER = Path(__file__).parent / "companies"
Said = Mapping[str, Any]
"""Values by reference, such as `opinion.text`: people by the first part of their address, departments by key, days by
how far off they are, and what is said in both languages as a `Name`."""


@dataclass(frozen=True)
class Story:
    """What becomes of a complaint; times are in working days. `entry`: what the register entry says of it, days by how
    far off they are."""

    key: str
    writer: Writer
    buyer: Buyer
    subject: str
    text: str
    days: float
    through: tuple[str, ...]
    within: float = 0
    files: tuple[str, ...] = ()
    entry: Mapping[str, str | int] = field(default_factory=dict)
    says: Said = field(default_factory=dict)
    again: Said = field(default_factory=dict)
    then: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()
    """Those that are notified; without any, the first of the company."""

    @property
    def message_id(self) -> str:
        """Of the mail that began it: it is played once."""
        return f"story.{self.key}@{self.writer.domain}"


@dataclass(frozen=True)
class Trade:
    """A company of a trade, by the key of its file."""

    key: str
    company: Company
    procedure: str
    says: Said
    stories: tuple[Story, ...]

    @property
    def sender(self) -> str:
        return f"complaints@{self.company.domain}"


def known() -> list[str]:
    """The trades that there is a company of."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def read(key: str) -> Trade:
    """The company of a trade; raises `LookupError` where there is none."""
    if key not in known():
        raise LookupError(f"There is no demo company “{key}”. Choose one of: {', '.join(known())}.")
    file = tomllib.loads((FOLDER / f"{key}.toml").read_text(encoding="utf-8"))
    buyers = tuple(
        Buyer(each["name"], each["address"], each["locale"], "", tuple(Writer(**who) for who in each["writers"]))
        for each in file["customer"]
    )
    company = Company(
        Name(**file["name"]),
        file["domain"],
        {key: (Name(each["en"], each["zh"]), each["head"]) for key, each in file["departments"].items()},
        tuple(map(_colleague, file["person"])),
        buyers,
    )
    stories = tuple(_story(each, buyers) for each in file["story"])
    return Trade(key, company, file["procedure"], _said(file.get("says", {})), stories)


def _colleague(file: Mapping[str, Any]) -> Colleague:
    return Colleague(file["user"], file["name"], file["locale"], file.get("superior"), tuple(map(_role, file["roles"])))


def _role(text: str) -> tuple[str, str | None]:
    """`dept_head:sorting` is held for a department."""
    role, _, place = text.partition(":")
    return role, place or None


def _story(file: dict[str, Any], buyers: tuple[Buyer, ...]) -> Story:
    writer, buyer = next(
        (writer, buyer) for buyer in buyers for writer in buyer.writers if writer.address == file["writer"]
    )
    lists = {name: tuple(file.get(name, ())) for name in ("through", "files", "then", "departments")}
    said = {name: _said(file.get(name, {})) for name in ("says", "again")}
    return Story(**{**file, "writer": writer, "buyer": buyer, "text": file["text"].strip()} | lists | said)


def _said(file: Mapping[str, Any]) -> Said:
    return {ref: Name(**value) if isinstance(value, dict) else value for ref, value in file.items()}
