#!/usr/bin/env python3
"""Every package that requirements.txt brings along has a licence we may ship with; exits 1 and names those that do not.

Looks at what is installed, so run it in .venv. `--list` prints every package with what it says of itself.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements.txt"

ALLOWED = re.compile(
    r"\b(MIT|0?BSD|Apache|PSF|Python Software Foundation|ISC|MPL|Mozilla Public License|LGPL|Lesser General Public"
    r"|Unlicense|ZPL|Zope Public|HPND|Historical Permission Notice|Zlib|CC0|Public Domain)\b",
    re.IGNORECASE,
)
REFUSED = re.compile(r"\bA?GPL|Affero|(?<!Lesser )General Public|SSPL|Proprietary|Commercial", re.IGNORECASE)

# Packages whose metadata says nothing or the wrong thing, with what their own files say.
EXCEPTIONS = {
    "imapclient": "BSD-3-Clause",  # its COPYING
}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--list", action="store_true")
    show = options.parse_args().list
    bad = 0
    for name, package in sorted(brought_along()):
        licence = EXCEPTIONS.get(name) or (stated(package) if package else "not installed")
        if show:
            print(f"{name:24} {licence}")
        if not allowed(licence):
            bad += 1
            print(f"{name}: {licence} is not on the list of bin/_licences.py", file=sys.stderr)
    return 1 if bad else 0


def brought_along() -> Iterator[tuple[str, Distribution | None]]:
    """The packages of requirements.txt and all they require, on this machine."""
    lines = (line.split("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    waiting = [Requirement(line) for line in lines if line and not line.startswith("-")]
    waiting = [each for each in waiting if not each.marker or each.marker.evaluate()]
    seen: set[tuple[str, frozenset[str]]] = set()
    found: dict[str, Distribution | None] = {}
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            package = found[name] = distribution(name)
        except PackageNotFoundError:
            found[name] = None
            continue
        for further in map(Requirement, package.requires or []):
            if not further.marker or any(further.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                waiting.append(further)
    yield from found.items()


def stated(package: Distribution) -> str:
    """What a package says of itself: the modern field, else the classifiers, else the first line of the old field."""

    def field(name: str) -> list[str]:
        return list(package.metadata.get_all(name) or [])

    if expression := field("License-Expression"):
        return expression[0]
    classifiers = [each.rsplit(" :: ", 1)[-1] for each in field("Classifier") if each.startswith("License ::")]
    if named := [each for each in classifiers if each != "OSI Approved"]:
        return " OR ".join(named)
    lines = "\n".join(field("License")).strip().splitlines()
    return lines[0] if lines else "no licence stated"


def allowed(licence: str) -> bool:
    """`A OR B` leaves us the choice, `A AND B` binds us to both."""
    return any(
        all(ALLOWED.search(part) and not REFUSED.search(part) for part in choice.split(" AND "))
        for choice in re.sub(r"[()]", " ", licence).split(" OR ")
    )


if __name__ == "__main__":
    sys.exit(main())
