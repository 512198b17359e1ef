"""Key figures: twelve months of them against their targets, what was typed in for one and what it was before, the
import of a file, and the table as a file.

For those who read figures (figures.py). The form for a month is the one of the reports.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import structlog
from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import figures, kpi_entries, kpi_import, kpi_table, kpis
from complaints.errors import ComplaintError, NotFound, Sentence
from complaints.kpi_entries import REASON, StaleEntries
from complaints.kpi_import import Change, Line, NoTable
from complaints.kpi_table import Point, Row
from complaints.kpis import NUMBER, RATIO
from complaints.measures import Measure, month_before, next_month, typed_in
from complaints.people import User
from complaints.registration import Incomplete
from webapp import report_files, report_tables
from webapp.attachments import disposition
from webapp.context import actor, now, zone
from webapp.database import db
from webapp.language import in_my_language
from webapp.report_tables import COUNT, RATE, Cell, Table
from webapp.reports import MONTHS, a_month, back_from, month_name, this_month

bp = Blueprint("kpis", __name__)
log = structlog.get_logger(__name__)
CSV = "text/csv; charset=utf-8"
CHANGES_SHOWN = 200


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.before_request
def who_may_read() -> None:
    if not figures.may_read(actor()):
        raise NotFound


@bp.get("/kpis")
def table() -> str:
    """The figures of the twelve months that end with this one; `?until=2026-03` with another."""
    months = _months()
    rows = _rows(months)
    return render_template(
        "kpis/kpis.html", months=months, rows=rows, this=this_month(), value_of=_value, target=report_tables.target,
        summaries=_summaries(rows), until=request.args.get("until"),
        older=month_name(month_before(months[0])), newer=_newer(months[-1]), name_of=month_name, before=month_before,
    )  # fmt: skip


@bp.get("/kpis/kpis.<any(csv, xlsx):kind>")
def table_file(kind: str) -> Response:
    months = _months()
    rows = _rows(months)
    title, sub = gettext("Key figures"), f"{month_name(months[0])} – {month_name(months[-1])}"
    tables = [_as_table(rows, months), *_summaries(rows)]
    log.info("report taken out", report=request.path, query=request.query_string.decode(), user=actor().id)
    if kind == "csv":
        return _file(report_files.csv(tables[0]), CSV, f"{title} {sub}.csv")
    return _file(report_files.xlsx(title, sub, tables), report_files.XLSX, f"{title} {sub}.xlsx")


@bp.get("/kpis/typed.csv")
def typed_file() -> Response:
    """What was typed in, as the import reads it; what is missing has an empty line."""
    months = _months()
    stands = kpi_entries.standing(db.session(), months[0], months[-1])
    rows = []
    for each in kpis.typed():
        for month in months:
            entry = stands.get((month, each.key))
            amounts = entry.amounts if entry else kpi_entries.NOTHING
            rows.append(
                [Cell(in_my_language(each.name)), Cell(month_name(month)), Cell(amounts.above), Cell(amounts.below)]
            )
    head = tuple(in_my_language(name) for name in kpi_import.COLUMNS.values())
    return _file(report_files.csv(Table("typed", "", head, rows)), CSV, f"{gettext('Key figures, typed in')}.csv")


@bp.get("/kpis/<key>/<month>")
def entry(key: str, month: str) -> str:
    """What was typed in for a figure of a month, and what it was before."""
    definition, first = kpis.known().get(key), a_month(month)
    if definition is None or not definition.typed:
        raise NotFound
    session = db.session()
    entries = kpi_entries.history(session, key, first)
    points = [Point(definition, first, typed_in(definition, {key: each.amounts}), each) for each in entries]
    names = session.execute(
        select(User.id, User.name).where(User.id.in_({each.by_id for each in entries if each.by_id}))
    )
    frozen = figures.frozen_in(session, first, first, [key]).get((first, key))
    point = points[0] if points else Point(definition, first, None)
    return render_template(
        "kpis/entry.html", point=point, name=month, value_of=_value, target=report_tables.target,
        history=points, people={row.id: row.name for row in names},
        frozen=Point(definition, first, frozen.measure) if frozen else None, frozen_at=frozen and frozen.frozen_at,
        reckoned=report_tables.reckoned,
    )  # fmt: skip


# The import


@dataclass(frozen=True)
class Preview:
    """A file as it was read: its `wrong` lines, and what it would change."""

    text: str
    lines: Sequence[Line] = ()
    changes: Sequence[Change] = ()
    seen: int = 0

    @property
    def wrong(self) -> list[Line]:
        return [each for each in self.lines if each.problems]

    @property
    def reported(self) -> bool:
        return any(each.reported for each in self.changes)


@bp.route("/kpis/import", methods=["GET", "POST"])
def take_in() -> Response | str | tuple[str, int]:
    """A file of figures: first what it would change, then all of it or nothing."""
    if request.method == "GET":
        return _import_page()
    try:
        preview = _preview(_sent())
    except NoTable as refusal:
        return _import_page(refused=refusal.sentence), 422
    if preview.wrong:
        return _import_page(preview), 422
    if "take" not in request.form:
        return _import_page(preview)
    try:
        changed = kpi_import.take(
            db.session(), preview.lines, seen=request.form.get("seen", type=int) or 0, by=actor(), at=now(),
            reason=request.form.get(REASON, ""),
        )  # fmt: skip
        db.session.commit()
    except (Incomplete, StaleEntries) as refusal:
        db.session.rollback()
        return _import_page(_preview(preview.text), problem=_said(refusal)), 409 if _stale(refusal) else 422
    log.info("key figures imported", changed=changed, user=actor().id)
    flash(ngettext("%(num)d figure was taken in.", "%(num)d figures were taken in.", changed))
    return redirect(url_for(".table"), 303)


def _sent() -> str:
    """The file that was sent, or the text of the one that was looked at. Raises `NoTable`."""
    file = request.files.get("file")
    if file is not None:
        return kpi_import.text_of(file.stream.read(kpi_import.LARGEST + 1))
    return kpi_import.text_of(request.form.get("text", "").encode("utf-8", "replace"))


def _preview(text: str) -> Preview:
    session = db.session()
    lines = kpi_import.read(text, now().astimezone(zone()).date())
    return Preview(text, lines, kpi_import.changes(session, lines), kpi_entries.latest(session))


def _said(refusal: ComplaintError) -> Sentence:
    return refusal.problems[0].sentence if isinstance(refusal, Incomplete) else refusal.sentence


def _stale(refusal: ComplaintError) -> bool:
    return isinstance(refusal, StaleEntries)


def _import_page(
    preview: Preview | None = None, *, refused: Sentence | None = None, problem: Sentence | None = None
) -> str:
    return render_template(
        "kpis/import.html", preview=preview, refused=refused, problem=problem, shown=CHANGES_SHOWN, RATIO=RATIO,
        reason=request.form.get(REASON, ""), name_of=month_name,
    )  # fmt: skip


# What the pages are made of


def _months() -> list[date]:
    """The months that are shown, the oldest first."""
    last = a_month(request.args["until"]) if request.args.get("until") else this_month()
    return back_from(last, MONTHS)[::-1]


def _newer(last: date) -> str | None:
    """The month that twelve later months end with."""
    if last >= this_month():
        return None
    year_on = last
    for _ in range(MONTHS):
        year_on = next_month(year_on)
    return month_name(min(year_on, this_month()))


def _rows(months: Sequence[date]) -> list[Row]:
    """The figures; those of the ledger of the months that are not frozen yet as they are so far."""
    session, this = db.session(), this_month()
    open_ = [each for each in months if each >= month_before(this)]
    so_far = {}
    for each in open_:
        found = figures.of_month(session, each, now(), zone())
        so_far[each] = {key: compared.shown for key, compared in found.figures.items()}
    return kpi_table.of_months(session, months, so_far)


def _value(point: Point) -> Cell:
    """A figure as the table shows it."""
    if point.measure is None or point.measure.value is None:
        return Cell(None, RATE)
    return report_tables.value_of(point.definition, point.measure)


def _as_table(rows: Sequence[Row], months: Sequence[date]) -> Table:
    head = (gettext("Key figure"), gettext("Unit"), gettext("Target"), *(month_name(each) for each in months))
    lines = [
        [
            Cell(in_my_language(row.definition.name)), Cell(_unit(row)), Cell(report_tables.target(row.definition)),
            *(_value(each) for each in row.points),
        ]
        for row in rows
    ]  # fmt: skip
    return Table("kpis", gettext("Key figures"), head, lines, numeric=frozenset(range(3, len(months) + 3)))


def _unit(row: Row) -> str:
    unit = row.definition.above
    return in_my_language(unit) if unit and row.definition.kind == NUMBER else "%"


def _summaries(rows: Sequence[Row]) -> list[Table]:
    return [_summary(row) for row in rows if row.definition.summarised and row.whole.value is not None]


def _summary(row: Row) -> Table:
    """A rate month by month with the counts it is made of, and all months together."""
    definition = row.definition
    assert definition.above
    assert definition.below

    def line(name: str, measure: Measure, met: str) -> list[Cell]:
        value = report_tables.value_of(definition, measure)
        bar = float(measure.value * 100) if measure.value is not None else None
        return [Cell(name), Cell(measure.above, COUNT), Cell(measure.below, COUNT),
                Cell(value.value, value.kind, value.decimals, bar=bar), Cell(met)]  # fmt: skip

    lines = [
        line(month_name(each.month), each.measure, report_tables.met(definition, each.measure, each.month))
        for each in reversed(row.points) if each.measure
    ]  # fmt: skip
    together = line(gettext("Together"), row.whole, report_tables.met(definition, row.whole))
    target = report_tables.target(definition)
    head = (gettext("Month"), in_my_language(definition.above), in_my_language(definition.below),
            in_my_language(definition.name), gettext("Met"))  # fmt: skip
    said = gettext("Target: %(target)s", target=target) if target else gettext("The company has set no target.")
    title = gettext("%(name)s, month by month", name=in_my_language(definition.name))
    return Table(f"summary-{definition.key}", title, head, [*lines, together], said, frozenset({1, 2, 3}))


def _file(made: bytes, media: str, name: str) -> Response:
    headers = {
        "Content-Disposition": disposition("attachment", name), "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }  # fmt: skip
    return Response(made, content_type=media, headers=headers)
