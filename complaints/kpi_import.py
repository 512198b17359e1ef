"""Key figures from a file: a table with the columns KPI, month, value and total, one line for a figure of a month.

`read` says of every line what it means and what is wrong with it; `take` keeps them all or none. A line without a
number says nothing. The same file again changes nothing.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import StringIO

from sqlalchemy.orm import Session

from complaints import figures, kpi_entries
from complaints.errors import N_, ComplaintError, Name, Sentence
from complaints.kpi_entries import ABOVE, BELOW, NOTHING, Amounts, field
from complaints.kpis import RATIO, Definition, known
from complaints.measures import month_of
from complaints.people import Actor

LARGEST = 256 * 1024
MOST_LINES = 5000
FIRST_YEAR = 2000
COLUMNS: Mapping[str, Name] = {
    "kpi": Name("KPI", "指标"), "month": Name("month", "月份"), "value": Name("value", "数值"),
    "total": Name("total", "总数"),
}  # fmt: skip
"""What the columns are called, in either language; the last one may be missing."""
_MONTH = re.compile(r"(\d{4})[-/.年](\d{1,2})(?:月|[-/.月]\d{1,2}日?)?")
_EXCEL = re.compile(r"([a-z]{3})-(\d\d)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class NoTable(ComplaintError):
    """A file that is no table of key figures."""

    message = N_("This file cannot be read: %(why)s")

    def __init__(self, why: Sentence) -> None:
        super().__init__(why=why)


@dataclass(frozen=True)
class Line:
    """A line of the file by its `number`, as it was written and as it is meant, with what is wrong with it."""

    number: int
    written: tuple[str, str, str, str]
    definition: Definition | None = None
    month: date | None = None
    amounts: Amounts = NOTHING
    problems: tuple[Sentence, ...] = ()


@dataclass(frozen=True)
class Change:
    """What a line would change: what stands (nothing for a new figure), and whether a frozen month reported it."""

    line: Line
    before: Amounts
    reported: bool


def text_of(raw: bytes) -> str:
    """A file as spreadsheets save it: UTF-8, UTF-16 or the Chinese code. Raises `NoTable`."""
    if len(raw) > LARGEST:
        raise NoTable(Sentence(N_("it is larger than %(limit)s KB"), {"limit": LARGEST // 1024}))
    utf_16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if utf_16 else ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise NoTable(Sentence(N_("it is no text; save the table as CSV (UTF-8)")))


def read(text: str, today: date) -> list[Line]:
    """The lines of a file. Raises `NoTable`."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    head = plain.lstrip().partition("\n")[0]
    separator = max(",;\t", key=head.count)
    try:
        rows = list(csv.reader(StringIO(plain), delimiter=separator))
    except csv.Error as error:
        raise NoTable(Sentence(N_("it is no table; save it as CSV (UTF-8)"))) from error
    numbered = [(number, row) for number, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    if not numbered:
        raise NoTable(Sentence(N_("there is nothing in it")))
    if len(numbered) > MOST_LINES:
        raise NoTable(Sentence(N_("it has more than %(limit)s lines"), {"limit": MOST_LINES}))
    columns = _columns(numbered[0][1])
    lines = [_line(number, row, columns, today) for number, row in numbered[1:]]
    return list(_once(lines))


def _columns(head: Sequence[str]) -> dict[str, int]:
    called = [_plain(each) for each in head]
    found = {
        key: next(at for at, each in enumerate(called) if _calls(each, name))
        for key, name in COLUMNS.items()
        if any(_calls(each, name) for each in called)
    }
    missing = [f"{name.en} / {name.zh}" for key, name in COLUMNS.items() if key != "total" and key not in found]
    if missing:
        why = N_("its first line should name the columns KPI, month, value and total; missing: %(names)s")
        raise NoTable(Sentence(why, {"names": ", ".join(missing)}))
    return found


def _line(number: int, row: Sequence[str], columns: Mapping[str, int], today: date) -> Line:
    def cell(key: str) -> str:
        at = columns.get(key, len(row))
        return row[at].strip() if at < len(row) else ""

    name, month, value, total = written = cell("kpi"), cell("month"), cell("value"), cell("total")
    if not value and not total:
        return Line(number, written)
    definition, of = _by_name(name), _month(month)
    problems: list[Sentence] = []
    if definition is None:
        problems.append(Sentence(N_("there is no figure “%(name)s” that is typed in"), {"name": name[:80]}))
    if of is None:
        problems.append(Sentence(N_("“%(month)s” is no month; write it such as 2026-10"), {"month": month[:40]}))
    elif not (of.year >= FIRST_YEAR and of <= month_of(today)):
        problems.append(Sentence(N_("this month has not begun, or is too long ago")))
    amounts = NOTHING
    if definition is not None:
        if total and definition.kind != RATIO:
            problems.append(Sentence(N_("this figure has one number only; leave the total empty")))
        typed = {field(definition, ABOVE): value, field(definition, BELOW): total}
        amounts, wrong = kpi_entries.read(definition, typed)
        problems += [each.sentence for each in wrong]
    return Line(number, written, definition, of, amounts, tuple(problems))


def _once(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines that say something; one for a figure and month that stood before is wrong."""
    seen: dict[tuple[str, date], int] = {}
    for each in lines:
        if each.amounts == NOTHING and not each.problems:
            continue
        if each.definition and each.month:
            before = seen.setdefault((each.definition.key, each.month), each.number)
            if before != each.number:
                twice = Sentence(N_("this figure of this month stands in line %(line)s, too"), {"line": before})
                each = Line(
                    each.number, each.written, each.definition, each.month, each.amounts, (*each.problems, twice)
                )
        yield each


def _by_name(name: str) -> Definition | None:
    """A figure by its key or its name in either language."""
    said = _plain(name)
    for each in known().values():
        if each.typed and (said == each.key or _calls(said, each.name)):
            return each
    return None


def _calls(said: str, name: Name) -> bool:
    return said in (_plain(name.en), _plain(name.zh))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _month(text: str) -> date | None:
    """A month as people and spreadsheets write it: 2026-10, 2026/10/1, 2026年10月, Oct-26."""
    said = _plain(text)
    if not said.isascii():
        said = said if re.fullmatch(r"[0-9年月日/.-]+", said) else ""
    if (excel := _EXCEL.fullmatch(said)) and excel[1] in _MONTHS:
        return date(2000 + int(excel[2]), _MONTHS.index(excel[1]) + 1, 1)
    found = _MONTH.fullmatch(said)
    year, month = (int(found[1]), int(found[2])) if found else (0, 0)
    return date(year, month, 1) if year and 1 <= month <= 12 else None


def changes(session: Session, lines: Iterable[Line]) -> list[Change]:
    """What sound lines would change; those that say what stands anyhow are left out."""
    sound = [(each, each.definition, each.month) for each in lines if not each.problems]
    months = [month for _, _, month in sound if month]
    if not months:
        return []
    stands = kpi_entries.standing(session, min(months), max(months))
    reported = {month: figures.reported(session, month) for month in set(months)}
    found = []
    for line, definition, month in sound:
        if definition and month:
            entry = stands.get((month, definition.key))
            before = entry.amounts if entry else NOTHING
            if before != line.amounts:
                found.append(Change(line, before, definition.key in reported[month]))
    return found


def take(
    session: Session, lines: Iterable[Line], *, seen: int, by: Actor, at: datetime, reason: str = ""
) -> int:  # fmt: skip
    """Keep what the lines say, in the caller's transaction; gives how many figures changed. Raises `StaleEntries` and
    `Incomplete` as `kpi_entries.enter` does."""
    by_month: dict[date, dict[str, Amounts]] = {}
    for each in lines:
        if each.definition and each.month:
            by_month.setdefault(each.month, {})[each.definition.key] = each.amounts
    return sum(
        len(
            kpi_entries.enter(
                session, month, typed, seen=seen, by=by, at=at, reason=reason,
                reported=figures.reported(session, month),
            )
        )
        for month, typed in sorted(by_month.items())
    )  # fmt: skip
