"""A report as a file: the tables of its page as a PDF, or as an Excel workbook with a sheet for each.

A workbook holds what people wrote as text: nothing in it is ever a formula or a link.
One table alone may be a CSV file.
"""

from collections.abc import Iterable, Sequence
from csv import writer
from datetime import datetime, time
from decimal import Decimal
from fractions import Fraction
from io import BytesIO, StringIO
from typing import TYPE_CHECKING

from flask import render_template
from flask_babel import gettext

from jobs import pages, paper
from webapp.context import actor, now, settings, zone
from webapp.language import html_lang
from webapp.report_tables import Cell, Table

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SAFE = {
    "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
}  # fmt: skip
LONGEST = 32_000
"""Characters in a field of a workbook."""
RECKONED = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would take for a formula."""
FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))


def pdf(title: str, sub: str, tables: Sequence[Table]) -> bytes:
    """Raises `NotHere` and `NoPdf`."""
    return pages.pdf(
        render_template(
            "reports/paper.html", title=title, sub=sub, tables=tables, organisation=settings().organisation,
            who=actor().name, at=now().astimezone(zone()), html_language=html_lang(), broken=paper.broken,
        )
    )  # fmt: skip


def xlsx(title: str, sub: str, tables: Iterable[Table]) -> bytes:
    from xlsxwriter import Workbook

    made = BytesIO()
    with Workbook(made, SAFE) as book:
        bold = book.add_format({"bold": True})
        formats: dict[str, Format] = {}
        names: list[str] = []
        for table in tables:
            names.append(_free(table.title, names))
            sheet = book.add_worksheet(names[-1])
            sheet.freeze_panes(4, 1)
            sheet.set_column(0, len(table.head), 18)
            sheet.write_string(0, 0, f"{title}: {table.title}"[:LONGEST], bold)
            sheet.write_string(1, 0, sub[:LONGEST])
            for column, name in enumerate(table.head):
                sheet.write_string(3, column, name, bold)
            line = 3
            for line, row in enumerate(table.rows, 4):
                for column, cell in enumerate(row):
                    _write(book, formats, sheet, line, column, cell)
            if table.note:
                sheet.write_string(line + 2, 0, table.note[:LONGEST])
    return made.getvalue()


def csv(table: Table) -> bytes:
    """A table for any spreadsheet (UTF-8 with its mark). What a spreadsheet would take for a formula stands behind an
    apostrophe."""
    made = StringIO(newline="")
    out = writer(made)
    out.writerow([plain(name) for name in table.head])
    out.writerows([_plain_cell(cell) for cell in row] for row in table.rows)
    return made.getvalue().encode("utf-8-sig")


def _plain_cell(cell: Cell) -> str:
    if isinstance(cell.value, int | Decimal):
        return f"{cell.value:f}" if isinstance(cell.value, Decimal) else str(cell.value)
    return plain(cell.text or (str(cell.value) if cell.value is not None else ""))


def plain(text: str) -> str:
    """A text as it stands in a csv."""
    return f"'{text}" if text.startswith(RECKONED) else text


def _free(title: str, taken: Sequence[str]) -> str:
    """A name for a sheet that Excel takes and that no other has."""
    name = title.translate(FORBIDDEN).strip()[:31] or gettext("Table")
    known = {each.casefold() for each in taken}
    return name if name.casefold() not in known else f"{name[:27]} {len(taken) + 1}"


def _write(
    book: "Workbook", formats: dict[str, "Format"], sheet: "Worksheet", line: int, column: int, cell: Cell
) -> None:
    value = cell.value
    if isinstance(value, Fraction):
        pattern = f"{'0.'.ljust(cell.decimals + 2, '0') if cell.decimals else '0'}%"
        sheet.write_number(line, column, float(value), _format(book, formats, pattern))
    elif isinstance(value, int | Decimal):
        sheet.write_number(line, column, float(value))
    elif value is None or isinstance(value, str):
        if cell.text:
            sheet.write_string(line, column, cell.text[:LONGEST])
    else:
        sheet.write_datetime(line, column, datetime.combine(value, time()), _format(book, formats, "yyyy-mm-dd"))


def _format(book: "Workbook", formats: dict[str, "Format"], pattern: str) -> "Format":
    if pattern not in formats:
        formats[pattern] = book.add_format({"num_format": pattern})
    return formats[pattern]
