"""Where in the text of a procedure something stands: a fault names a table and a key, this finds the line."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from complaints.procedure_table import Fault

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{},]|\n|[^\s\[\]{},"\'#]+',
    re.DOTALL,
)
_NAMED = re.compile(r"at line (\d+)")
_STEP = re.compile(r"([^.\[]+)(?:\[(\d+)\])?")

Said = list[tuple[str, int]]
"""The words of a statement, each with its line."""


@dataclass
class _Table:
    """A table of the text: its name, what faults call it, its first line, and what is said in it."""

    name: str
    place: str
    line: int
    said: dict[str, Said] = field(default_factory=dict)


def lines_of(text: str, faults: Iterable[Fault]) -> list[int | None]:
    """For each fault the line of what is wrong, or of the table in which something is missing; none where it is
    nowhere."""
    faults = list(faults)
    tables = _tables(text) if any(fault.place for fault in faults) else []  # it is TOML where a fault has a place
    return [_line_of(fault, tables) if fault.place else _told(text, fault) for fault in faults]


def _line_of(fault: Fault, tables: Sequence[_Table]) -> int:
    found = max(
        (table for table in tables if f"{fault.place}.".startswith(f"{table.place}." if table.place else "")),
        key=lambda table: len(table.place),
    )
    rest = fault.place.removeprefix(found.place).removeprefix(".")
    if not rest:
        return found.line
    key = max((key for key in found.said if _begins(rest, key)), key=len, default=None)
    if key is not None:
        step = _STEP.match(rest)
        return _line(found.said[key], int(step[2]) if step and step[2] else 0)
    name = ".".join(filter(None, (found.name, rest)))
    return next((table.line for table in tables if table.name == name), found.line)


def _told(text: str, fault: Fault) -> int | None:
    """The line that the reading of TOML, or of the file's letters, named itself."""
    if (line := fault.sentence.values.get("line")) is not None:
        return int(line)
    said = str(fault.sentence.values.get("error", ""))
    if named := _NAMED.search(said):
        return int(named[1])
    return text.rstrip().count("\n") + 1 if "end of document" in said else None


def _begins(rest: str, key: str) -> bool:
    return rest == key or rest.startswith((f"{key}.", f"{key}["))


def _line(said: Said, element: int) -> int:
    """The line where a value begins, or an element of a list."""
    depth = seen = 0
    for number, (word, line) in enumerate(said):
        if depth == 1 and word not in (",", "]") and said[number - 1][0] in ("[", ","):
            seen += 1
            if seen == element:
                return line
        depth += (word in ("[", "{")) - (word in ("]", "}"))
    return said[0][1]


def _tables(text: str) -> list[_Table]:
    """The tables in their order, the one before all headings first; each is called as faults call it."""
    tables = [_Table("", "", 1)]
    counted: Counter[str] = Counter()
    above: dict[str, _Table] = {"": tables[0]}
    for said in _statements(text):
        words = [word for word, _ in said]
        if words[0] == "[":
            name = "".join(word.strip("\"'") for word in words if word not in ("[", "]"))
            table = _Table(name, name, said[0][1])
            if words[1] == "[":
                counted[name] += 1
                table.place = f"{name.rpartition('.')[2]}[{counted[name]}]"
                for below in [each for each in counted if each.startswith(f"{name}.")]:
                    del counted[below]
            else:
                table.place = name.rpartition(".")[2]
            parent = above.get(name.rpartition(".")[0], tables[0])
            table.place = ".".join(filter(None, (parent.place, table.place)))
            above[name] = table
            tables.append(table)
            continue
        key, value = _assignment(words)
        tables[-1].said.setdefault(key, said)
        if key == "key" and value and tables[-1].place.endswith("]"):
            tables[-1].place = f"{tables[-1].place.rpartition('[')[0]}.{value}"
    return tables


def _assignment(words: list[str]) -> tuple[str, str]:
    """The key of a statement, and its value where that is one text."""
    before, _, after = "".join(words).partition("=")
    return before.replace('"', "").replace("'", ""), after.strip("\"'")


def _statements(text: str) -> Iterator[Said]:
    """Headings and assignments, also over several lines."""
    said: Said = []
    depth, line = 0, 1
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word == "\n":
            if depth <= 0 and said:
                yield said
                said, depth = [], 0
            line += 1
            continue
        if not word.startswith("#"):
            said.append((word, line))
        depth += (word in ("[", "{")) - (word in ("]", "}"))
        line += word.count("\n")
    if said:
        yield said


def around(text: str, lines: Iterable[int], context: int = 2) -> Iterator[tuple[int, str, bool] | None]:
    """These lines of a text with the ones round them: number, words, and whether it is one of them; none stands for
    what is left out."""
    wanted = {*lines}
    said = text.split("\n")
    near = {each for line in wanted for each in range(line - context, line + context + 1) if 1 <= each <= len(said)}
    last = 0
    for line in sorted(near):
        if last and line > last + 1:
            yield None
        yield line, said[line - 1], line in wanted
        last = line
