#!/usr/bin/env python3
"""Keeps docs/requirements.md: every requirement with the tests that show it, so that an auditor can walk from a rule
to its proof.

    bin/_requirements.py            writes it
    bin/_requirements.py --check    exits 1 when it is stale

The requirements are docs/requirements.csv (row, priority, requirement, check). A test names its rows with
@pytest.mark.requirement("S02", "S05"), or in its parametrize list; on a class or as `pytestmark` the mark counts for
every test below it.
"""

from __future__ import annotations

import argparse
import ast
import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "docs" / "requirements.csv"
PAPER = ROOT / "docs" / "requirements.md"
TESTS = ROOT / "tests"
ROW = re.compile(r"S\d{2,3}")

HEAD = """# Requirements and their proof

{shown} of {all} requirements are shown by a test, {core} of the {all_core} core ones. `bin/_requirements.py` writes
this from `requirements.csv` and the `@pytest.mark.requirement` marks in `tests/`: change those, then run it again.

| row | priority | requirement | how to see it | tests |
|---|---|---|---|---|
"""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--check", action="store_true", help="write nothing, exit 1 when the paper is stale")
    check = options.parse_args().check
    with ROWS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    shown: dict[str, list[str]] = {row["row"]: [] for row in rows}
    strangers = []
    for row, test in marked_tests():
        if row in shown:
            shown[row].append(test)
        else:
            strangers.append(f"{test} names {row}, which is not in docs/requirements.csv")
    if strangers:
        print(*strangers, sep="\n", file=sys.stderr)
        return 1
    paper = written(rows, shown)
    if check:
        if not PAPER.exists() or PAPER.read_text(encoding="utf-8") != paper:
            print("docs/requirements.md is stale: run bin/_requirements.py", file=sys.stderr)
            return 1
    else:
        PAPER.write_text(paper, encoding="utf-8")
    return 0


def marked_tests() -> Iterator[tuple[str, str]]:
    """(row, tests/…::test) by reading the tests, not by running them."""
    for path in sorted(TESTS.rglob("test_*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        yield from _below(module.body, path.relative_to(ROOT).as_posix(), _from_pytestmark(module.body))


def _below(body: list[ast.stmt], name: str, inherited: list[str]) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            rows = [*inherited, *_rows(node.decorator_list), *_from_pytestmark(node.body)]
            yield from _below(node.body, f"{name}::{node.name}", rows)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            for row in dict.fromkeys([*inherited, *_rows(node.decorator_list)]):
                yield row, f"{name}::{node.name}"


def _from_pytestmark(body: list[ast.stmt]) -> list[str]:
    marks: list[ast.expr] = []
    for node in body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets):
            marks += node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
    return _rows(marks)


def _rows(marks: list[ast.expr]) -> list[str]:
    """The rows named in marks; a row by itself counts too, so that one line of a parametrized test can show one."""
    words = [word.value for mark in marks for word in ast.walk(mark) if isinstance(word, ast.Constant)]
    return [word for word in words if isinstance(word, str) and ROW.fullmatch(word)]


def written(rows: list[dict[str, str]], shown: dict[str, list[str]]) -> str:
    core = [row["row"] for row in rows if row["priority"] == "core"]
    head = HEAD.format(
        shown=sum(bool(tests) for tests in shown.values()),
        all=len(rows),
        core=sum(bool(shown[row]) for row in core),
        all_core=len(core),
    )
    lines = []
    for row in rows:
        tests = "<br>".join(f"`{test}`" for test in shown[row["row"]])
        cells = [row["row"], row["priority"], row["requirement"], row["check"], tests]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return head + "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
