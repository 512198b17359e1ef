"""The ledger as a file: csv in UTF-8 with its mark, or an Excel workbook with typed fields, as many rows as there are.

A workbook holds what people wrote as text; in a csv such a text that a spreadsheet would reckon gets an apostrophe.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from io import StringIO
from typing import IO, TYPE_CHECKING

from flask_babel import gettext, ngettext

from complaints.ledger_columns import COUNT, DAY, LONG, Column
from complaints.ledger_rows import Row
from webapp.language import in_my_language, in_the_other
from webapp.ledger_cells import value
from webapp.report_files import LONGEST, SAFE, plain

if TYPE_CHECKING:
    from xlsxwriter.format import Format

CSV = "text/csv"
MARK = "\ufeff"
MOST = 1_048_570
"""Rows that a sheet of Excel has room for."""
FIRST = 4
"""Where the rows begin in a sheet, below the head."""
Progress = Callable[[int], None]


class TooManyRows(Exception):
    """More rows than a sheet has room for."""


def heads(columns: Sequence[Column]) -> list[str]:
    """The names of the columns in both languages, the reader's first."""
    return [f"{in_my_language(each.name)} {in_the_other(each.name)}" for each in columns]


def csv_lines(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[str]:
    """The file, some lines at a time."""
    out = StringIO()
    write = csv.writer(out, lineterminator="\r\n").writerow
    out.write(MARK)
    write(heads(columns))
    for number, row in enumerate(rows, 1):
        write([_plain(value(each, row)) for each in columns])
        if number % 200 == 0:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def rows_in(file: Iterable[str]) -> int:
    """How many rows such a file has, below its head."""
    return max(sum(1 for _ in csv.reader(file)) - 1, 0)


def _plain(found: object) -> str:
    if found is None:
        return ""
    if isinstance(found, datetime):
        return found.strftime("%Y-%m-%d %H:%M")
    said = str(found)
    return plain(said) if isinstance(found, str) else said


def write_xlsx(
    out: IO[bytes], columns: Sequence[Column], rows: Iterable[Row], *, title: str, sub: str,
    progress: Progress = lambda _: None,
) -> int:  # fmt: skip
    """Write the workbook; returns how many rows stand in it, which it says itself. Raises `TooManyRows`."""
    from xlsxwriter import Workbook

    number = 0
    with Workbook(out, SAFE) as book:
        bold, wrapped = book.add_format({"bold": True}), book.add_format({"bold": True, "text_wrap": True})
        patterns = {"moment": "yyyy-mm-dd hh:mm", "day": "yyyy-mm-dd"}
        formats = {key: book.add_format({"num_format": pattern}) for key, pattern in patterns.items()}
        sheet = book.add_worksheet(gettext("Ledger"))
        sheet.freeze_panes(FIRST, 1)
        for at, column in enumerate(columns):
            sheet.set_column(at, at, _width(column))
        sheet.write_string(0, 0, title[:LONGEST], bold)
        sheet.write_string(1, 0, sub[:LONGEST])
        for at, name in enumerate(heads(columns)):
            sheet.write_string(FIRST - 1, at, name, wrapped)
        for number, row in enumerate(rows, 1):
            if number > MOST:
                raise TooManyRows
            _write_row(sheet, FIRST + number - 1, columns, row, formats)
            if number % 500 == 0:
                progress(number)
        sheet.autofilter(FIRST - 1, 0, FIRST - 1 + max(number, 1), len(columns) - 1)
        said = book.add_worksheet(gettext("About this sheet"))
        said.set_column(0, 0, 80)
        said.write_string(0, 0, ngettext("%(num)s complaint", "%(num)s complaints", number))
        said.write_string(1, 0, sub[:LONGEST])
    return number


def _width(column: Column) -> int:
    return 40 if column.kind == LONG else 8 if column.kind == COUNT else 12 if column.kind == DAY else 18


def _write_row(sheet: "object", line: int, columns: Sequence[Column], row: Row, formats: "dict[str, Format]") -> None:
    for at, column in enumerate(columns):
        found = value(column, row)
        if found is None:
            continue
        if isinstance(found, datetime):
            sheet.write_datetime(line, at, found, formats["moment"])  # type: ignore[attr-defined]
        elif isinstance(found, int | float):
            sheet.write_number(line, at, found)  # type: ignore[attr-defined]
        elif isinstance(found, str):
            sheet.write_string(line, at, found[:LONGEST])  # type: ignore[attr-defined]
        else:
            sheet.write_datetime(line, at, datetime.combine(found, datetime.min.time()), formats["day"])  # type: ignore[attr-defined]
