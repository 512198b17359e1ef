"""`/ledger`: the register of complaints as a table, to filter, sort, choose columns, keep views, and take out.

Each filter is a field of the form in the table's head, so an address says all that is shown. htmx gets the table, or
for `after` only the next rows.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

import structlog
from flask import (
    Blueprint,
    Flask,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    stream_with_context,
    url_for,
)
from flask_babel import format_decimal, gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from complaints import ledger as question
from complaints import people, views
from complaints.errors import N_, BadInput, Sentence
from complaints.ledger import NotUnderstood, Place, Wanted
from complaints.ledger_columns import Column, columns
from webapp import ledger_cells, ledger_files
from webapp.attachments import disposition
from webapp.card import CardView
from webapp.context import actor, now, preferences, settings, zone
from webapp.database import db
from webapp.htmx import partial
from webapp.report_files import XLSX

bp = Blueprint("ledger", __name__)
log = structlog.get_logger(__name__)
MOST_KEPT = 4 * 1024 * 1024
"""Octets of a workbook that stay in memory; a larger one goes through a file."""
STATES: Mapping[str, str] = {
    question.EVERY: N_("All complaints"),
    question.OPEN: N_("Open complaints"),
    question.OVERDUE: N_("Overdue"),
    question.DRAFTS: N_("Drafts"),
    question.CLOSED: N_("Closed complaints"),
    question.OFF: N_("Off the board"),
    question.WHOLE: N_("Everything"),
}


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@dataclass(frozen=True)
class Asked:
    """What an address asks of the ledger: what is wanted, as it was typed, and what of it is not understood."""

    wanted: Wanted
    typed: Mapping[str, str]
    problems: Mapping[str, Sentence]

    def query(self, **changes: str) -> str:
        """The address of this ledger with other parts, each part only where it says something."""
        sort = ("-" if self.wanted.descending else "") + self.wanted.sort
        parts = {"state": self.wanted.state, "sort": "" if sort == "-number" else sort, **self.typed, **changes}
        return urlencode({key: value for key, value in parts.items() if value})

    def by(self, column: Column) -> str:
        """The address of this ledger in the order of a column, turned round where it has it already."""
        turned = self.wanted.sort == column.key and self.wanted.descending
        return self.query(sort=column.key if turned else f"-{column.key}")


def asked(args: Mapping[str, str]) -> Asked:
    state, sort = args.get("state", ""), args.get("sort", "-number")
    typed: dict[str, str] = {}
    problems: dict[str, Sentence] = {}
    where: list[tuple[str, Any]] = []
    for column in columns().all.values():
        said = args.get(column.key, "").strip() if column.filter else ""
        if not said:
            continue
        typed[column.key] = said[: question.LONGEST + 1]
        try:
            where.append((column.key, question.filter_of(column, said)))
        except NotUnderstood as error:
            problems[column.key] = error.sentence
    key = sort.removeprefix("-")
    known = key in question.ORDERS
    wanted = Wanted(
        state=state if state in question.STATES else question.EVERY,
        sort=key if known else "number",
        descending=sort.startswith("-") or not known,
        where=tuple(each for each in where if each[1]),
    )
    return Asked(wanted, typed, problems)


@bp.get("/ledger")
def show() -> Response | str | tuple[str, int]:
    """The ledger by the filters of the address; what is not understood of them is said at its field."""
    told, chosen = asked(request.args), _chosen()
    session = db.session()
    after = _place(request.args.get("after", ""))
    page = question.page(
        session, actor(), told.wanted, at=now(), zone=zone(), after=after, keys=[each.key for each in chosen]
    )
    shown: dict[str, Any] = {
        "asked": told, "columns": chosen, "found": page, "states": STATES, "cells": ledger_cells,
        "clock": CardView.of_request().clock, "next": _written(page.next), "orders": question.ORDERS,
        "num": format_decimal,
    }  # fmt: skip
    if after is not None and partial():
        return render_template("ledger/_rows.html", **shown)
    shown |= {
        "totals": question.totals(session, actor(), told.wanted, at=now(), zone=zone()),
        "saved_views": views.of(session, actor(), views.LEDGER),
        "shared_views": views.shared(session, actor(), views.LEDGER),
        "all": _in_chosen_order(chosen),
        "after": after,
    }
    if partial():
        answer = make_response(render_template("ledger/_table.html", **shown))
        answer.headers["HX-Push-Url"] = url_for("ledger.show") + (f"?{told.query()}" if told.query() else "")
        return answer
    html = render_template("ledger/ledger.html", **shown)
    return (html, 422) if told.problems else html


def _chosen() -> Sequence[Column]:
    return columns().chosen(preferences().get("ledger", ()))


def _in_chosen_order(chosen: Sequence[Column]) -> list[Column]:
    return [*chosen, *(each for each in columns().all.values() if each not in chosen)]


# Where a page ended, as an address has it


def _written(place: Place | None) -> str:
    if place is None:
        return ""
    said = [f"@{each.astimezone(UTC).isoformat()}" if isinstance(each, datetime) else each for each in place.values]
    return urlsafe_b64encode(json.dumps(said).encode()).decode()


def _place(written: str) -> Place | None:
    if not written:
        return None
    try:
        said = json.loads(urlsafe_b64decode(written.encode()))
        values = tuple(_instant(each[1:]) if str(each).startswith("@") else each for each in said)
    except (ValueError, TypeError):
        values = ()
    fits = len(values) == 2 and all(_a_value(each) for each in values)
    if not fits or not _of_order(values, asked(request.args).wanted.sort):
        raise BadInput(field="after", problem=Sentence(N_("it is no place in the ledger")))
    return Place(values)


def _instant(said: str) -> datetime:
    found = datetime.fromisoformat(said)
    if found.tzinfo is None:
        raise ValueError(said)
    return found


def _a_value(value: Any) -> bool:
    """Can it stand in a column that the ledger is put in order by?"""
    if isinstance(value, str):
        return "\0" not in value and value.isprintable() and len(value) < 1_000
    return value is None or type(value) is datetime or (type(value) is int and -(2**31) <= value < 2**31)


def _of_order(values: Sequence[Any], sort: str) -> bool:
    """Is this a place in the order?"""
    if values[0] is None:
        return isinstance(values[1], int)
    first = {"product": str, "number": int, "register_no": int}.get(sort, datetime)
    return isinstance(values[0], first) and isinstance(values[1], int)


# Columns and views


@bp.post("/ledger/columns")
def choose_columns() -> Response:
    """Show these columns (`shown`), in the order of the numbers beside them; none means the usual ones."""
    shown = request.form.getlist("shown")
    places = {key: request.form.get(f"place-{key}", 0, type=int) or 0 for key in columns().all}
    chosen = sorted((key for key in columns().all if key in shown), key=lambda key: places[key])
    if "usual" in request.form:
        chosen = []
    current_user.preferences = people.prefer(db.session(), actor(), ("ledger",), chosen)
    db.session.commit()
    return redirect(_back(), 303)


@bp.post("/ledger/views")
def save_view() -> Response:
    """Keep the filters and the order (`query`, as in the ledger's address) under a `name`, for oneself or for all."""
    told = asked(dict(parse_qsl(request.form.get("query", "")[:4096])))
    shared = request.form.get("shared") == "1"
    views.save(
        db.session(), request.form.get("name", ""), told.query(), by=actor(), at=now(), page=views.LEDGER, shared=shared
    )
    db.session.commit()
    flash(gettext("The view is saved."))
    return redirect(_back(), 303)


@bp.post("/ledger/views/<int(max=2147483647):view_id>/delete")
def delete_view(view_id: int) -> Response:
    views.delete(db.session(), view_id, by=actor())
    db.session.commit()
    return redirect(_back(), 303)


def _back() -> str:
    query = asked(dict(parse_qsl(request.form.get("query", "")[:4096]))).query()
    return url_for("ledger.show") + (f"?{query}" if query else "")


# Files


@bp.get("/ledger.csv")
def csv() -> Response:
    """What the address shows, all rows of it, as csv."""
    _, rows, chosen = _to_take_out("csv")
    lines = ledger_files.csv_lines(chosen, rows)
    response = Response(stream_with_context(lines), content_type=f"{ledger_files.CSV}; charset=utf-8")
    response.headers["Content-Disposition"] = disposition("attachment", f"{_name()}.csv")
    return response


@bp.get("/ledger.xlsx")
def xlsx() -> Response:
    """What the address shows, all rows of it, as an Excel workbook."""
    told, rows, chosen = _to_take_out("xlsx")
    out = SpooledTemporaryFile(MOST_KEPT)  # noqa: SIM115
    ledger_files.write_xlsx(out, chosen, rows, title=title(), sub=said(told))
    out.seek(0)
    return cast(Response, send_file(out, XLSX, as_attachment=True, download_name=f"{_name()}.xlsx"))


def _to_take_out(kind: str) -> tuple[Asked, Any, Sequence[Column]]:
    told = asked(request.args)
    for key, problem in told.problems.items():
        raise BadInput(field=key, problem=problem)
    chosen = _chosen()
    keys = [each.key for each in chosen]
    log.info("ledger taken out", kind=kind, by=actor().id, query=told.query(), columns=keys)
    rows = question.every(db.session(), actor(), told.wanted, at=now(), zone=zone(), keys=keys)
    return told, rows, chosen


def title() -> str:
    return str(gettext("Ledger of complaints, %(organisation)s", organisation=settings().organisation))


def said(told: Asked) -> str:
    """What a file holds, when it was made and by whom."""
    parts = [gettext(STATES[told.wanted.state])]
    parts += [f"{ledger_cells.name(columns().all[key])}: {value}" for key, value in told.typed.items()]
    at = now().astimezone(zone())
    return " · ".join([*parts, f"{at:%Y-%m-%d %H:%M}", actor().name])


def _name() -> str:
    return f"ledger-{now().astimezone(zone()):%Y-%m-%d}"
