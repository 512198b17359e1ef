"""Reports: the months with their figures, one month, the list behind a figure, the management review, and the form for
what is typed in.

For those who read figures (figures.py). Lists show the complaints that the reader may see; how many there are beside
them is only counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import structlog
from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import figures, kpi_entries, kpis, review
from complaints.complaint import Complaint, visible_to
from complaints.customers import Customer
from complaints.errors import N_, Name, NotFound, Sentence
from complaints.figures import Compared, Month
from complaints.kpi_entries import ABOVE, BELOW, REASON, KpiEntry, StaleEntries, field
from complaints.kpis import RATIO, definitions, typed
from complaints.measures import (
    BY,
    TIMELY,
    Ids,
    Registered,
    days,
    month_before,
    month_of,
    values_of,
)
from complaints.people import Department, User
from complaints.registration import Incomplete, day_of
from complaints.review import stage_of
from webapp import report_files, report_tables
from webapp.attachments import disposition
from webapp.context import actor, now, zone
from webapp.customers import Form, refused
from webapp.database import db
from webapp.language import in_my_language
from webapp.report_tables import Line, Table

bp = Blueprint("reports", __name__)
log = structlog.get_logger(__name__)
MONTHS = 12
"""On a page and in the picture."""
LISTED = 100
MOST_IN_FILE = 100_000
LONGEST_PERIOD = 731
"""Days of a management review."""
FIRST_YEAR = 2000


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(reads_reports=figures.may_read)


@bp.before_request
def who_may_read() -> None:
    if not figures.may_read(actor()):
        raise NotFound


@bp.get("/reports")
def months() -> str:
    """The months, the newest first, with how timely replies were; `?before=2026-01` goes on. Of the month that goes on,
    and of the one before until it is frozen, the figures so far."""
    session, this = db.session(), this_month()
    last = a_month(request.args["before"]) if request.args.get("before") else this
    shown = back_from(last, MONTHS)
    first = figures.first_month(session, zone()) or this
    shown = [each for each in shown if each >= min(first, this)] or shown[:1]
    frozen = figures.frozen_in(session, shown[-1], shown[0], [TIMELY, figures.COMPLAINTS])
    begun = [each for each in shown[:2] if each >= month_before(this) and (each, figures.COMPLAINTS) not in frozen]
    so_far = {each: figures.of_month(session, each, now(), zone()) for each in begun}
    return render_template(
        "reports/months.html", months=shown, frozen=frozen, so_far=so_far, this=this,
        plot=_plot(frozen, shown[0], so_far), older=month_before(shown[-1]) if shown[-1] > first else None,
        from_=date(this.year, 1, 1), today=now().astimezone(zone()).date(), value_of=report_tables.value_of,
        timely=kpis.known()[TIMELY],
    )  # fmt: skip


@bp.get("/reports/<month>")
def month(month: str) -> str:
    """A month: its figures, what they were when it was frozen, and the complaints it is made of."""
    found = _of(month)
    return render_template(
        "reports/month.html", found=found, name=month, tables=list(_tables(found, LISTED)), plot=_plot_of(found),
        confidential=report_tables.only_counted(found.confidential),
    )  # fmt: skip


@bp.get("/reports/<month>/report.<any(pdf, xlsx):kind>")
def month_file(month: str, kind: str) -> Response:
    found = _of(month)
    title = gettext("Monthly report %(month)s", month=month)
    tables = _tables(found, LISTED if kind == "pdf" else MOST_IN_FILE)
    return _file(kind, title, _state(found), list(tables))


@bp.get("/reports/<month>/<key>")
def behind(month: str, key: str) -> str:
    """The complaints behind a figure, as it was frozen or (`?of=today`) as it is now; of the complaints of a month
    perhaps those of one class or product only."""
    found, of = _of(month), "today" if request.args.get("of") == "today" else ""
    good, ids, title = _list_of(found, key, today=bool(of))
    page = max(request.args.get("page", 0, type=int), 0) if len(request.args.get("page", "")) < 9 else 0
    part = ids[page * LISTED : (page + 1) * LISTED]
    lines = _lines(part, {})
    return render_template(
        "reports/behind.html", found=found, name=month, key=key, title=title, lines=lines, good=set(good),
        split=key != figures.COMPLAINTS and len(good) != len(ids), total=len(ids), of=of,
        unseen=report_tables.not_shown(len(set(part)) - len(lines)),
        differs=key in found.figures and found.figures[key].differs, asked=_asked(),
        older=page + 1 if len(ids) > (page + 1) * LISTED else None, newer=page - 1 if page else None,
    )  # fmt: skip


@bp.route("/reports/<month>/enter", methods=["GET", "POST"])
def enter(month: str) -> Response | str | tuple[str, int]:
    """What is typed in for a month."""
    first, session = a_month(month), db.session()
    entries = kpi_entries.standing(session, first, first)
    if request.method == "GET":
        return _form(first, entries, Form(_as_typed(entries, first), kpi_entries.newest(entries, first)))
    try:
        seen = request.form.get("seen", type=int) or 0
        changed = kpi_entries.enter(
            session, first, kpi_entries.parse(request.form), seen=seen, by=actor(), at=now(),
            reason=request.form.get(REASON, ""), reported=figures.reported(session, first),
        )  # fmt: skip
        session.commit()
    except Incomplete as refusal:
        session.rollback()
        return _form(first, entries, replace(refused(refusal), version=seen)), 422
    except StaleEntries as refusal:
        session.rollback()
        entries = kpi_entries.standing(session, first, first)
        stored = _as_typed(entries, first)
        sent = refused(refusal)
        differing = {
            name: text for name, text in stored.items()
            if name.rpartition("-")[0] in refusal.keys and text != sent.values.get(name, "").strip()
        }  # fmt: skip
        stale = replace(sent, version=kpi_entries.newest(entries, first), newest=differing)
        return _form(first, entries, stale), 409
    flash(gettext("The figures are saved.") if changed else gettext("Nothing was changed."))
    if request.form.get("back") == "kpis":
        return redirect(url_for("kpis.table"), 303)
    return redirect(url_for(".month", month=month), 303)


@bp.get("/reports/review")
def management_review() -> str | tuple[str, int]:
    """The report for the management review, over the period from one day to another."""
    period, problem = _period()
    found = review.of(db.session(), actor(), days(*period, zone()), now(), most=LISTED)
    page = render_template(
        "reports/review.html", period=period, problem=problem, tables=list(_review_tables(found)),
        confidential=report_tables.only_counted(found.confidential),
    )  # fmt: skip
    return (page, 422) if problem else page


@bp.get("/reports/review/report.<any(pdf, xlsx):kind>")
def review_file(kind: str) -> Response | str | tuple[str, int]:
    period, problem = _period()
    if problem:
        return management_review()
    most = 500 if kind == "pdf" else MOST_IN_FILE
    found = review.of(db.session(), actor(), days(*period, zone()), now(), most=most)
    sub = gettext("%(first)s to %(last)s", first=period[0].isoformat(), last=period[1].isoformat())
    said = " · ".join(filter(None, (sub, report_tables.only_counted(found.confidential))))
    return _file(kind, gettext("Management review"), said, list(_review_tables(found)))


# What the pages are made of


def this_month() -> date:
    return month_of(now().astimezone(zone()).date())


def month_name(month: date) -> str:
    return f"{month:%Y-%m}"


def a_month(name: str) -> date:
    """A month by its name, such as 2026-10, that has begun. Raises `NotFound`."""
    try:
        found = date.fromisoformat(f"{name}-01") if len(name) == 7 else None
    except ValueError:
        found = None
    if found is None or not found.year >= FIRST_YEAR or found > this_month():
        raise NotFound
    return found


def back_from(month: date, count: int) -> list[date]:
    found = [month]
    while len(found) < count and found[-1].year >= FIRST_YEAR:
        found.append(month_before(found[-1]))
    return found


def _of(name: str) -> Month:
    return figures.of_month(db.session(), a_month(name), now(), zone())


def _departments() -> dict[int, Name]:
    return {each.id: each.name for each in db.session.scalars(select(Department).order_by(Department.id))}


def _tables(found: Month, most: int) -> Iterator[Table]:
    """The tables of a month; of the list of complaints so many lines."""
    name, departments = month_name(found.month), _departments()

    def link(key: str, **asked: Any) -> str:
        return url_for(".behind", month=name, key=key, **asked)

    yield report_tables.figures_of(found, link)
    yield from report_tables.counts(
        found.complaints, departments, link, found.today if found.frozen_at else ()
    )  # fmt: skip
    about = {each.id: each for each in found.complaints}
    lines = _lines([*about][:most], about)
    note = report_tables.not_shown(len(found.complaints) - len(lines))
    yield report_tables.problems(lines, departments, _complaint, note)


def _review_tables(found: review.Review) -> Iterator[Table]:
    departments = _departments()
    yield report_tables.kpis(found)
    yield from report_tables.counts(found.complaints, departments, lambda *_, **__: "")
    yield report_tables.actions(found, departments, _complaint)
    yield report_tables.still_open(found, _complaint)


def _complaint(number: str) -> str:
    return url_for("complaint.show", number=number)


def _lines(ids: Sequence[int], about: Mapping[int, Registered]) -> list[Line]:
    """Those of these complaints that the reader may see, in this order."""
    found: dict[int, Line] = {}
    once = [*dict.fromkeys(ids)]
    for some in (once[at : at + 500] for at in range(0, len(once), 500)):
        query = select(Complaint, Customer.name).outerjoin(Customer, Customer.id == Complaint.customer_id)
        for each, customer in db.session.execute(visible_to(actor(), query.where(Complaint.id.in_(some)))):
            found[each.id] = Line(
                each.number, each.received_at, customer or "", each.subject, stage_of(each), each.closed_at,
                about.get(each.id) or Registered(each.id, each.complaint_class),
            )  # fmt: skip
    return [found[id_] for id_ in once if id_ in found]


def _list_of(found: Month, key: str, *, today: bool) -> tuple[Ids, Ids, str]:
    """What stands above and below the line of a figure, and what it is called. Raises `NotFound`."""
    if key == figures.COMPLAINTS:
        by, value = _asked()
        complaints = found.today if today else found.complaints
        ids = tuple(each.id for each in complaints if not by or value in values_of(each, by))
        name = report_tables.name_of(by, value, _departments()) if by else ""
        title = gettext(": ").join((gettext(report_tables.HEADINGS[by]), name)) if by else gettext("Complaints")
        return ids, ids, title
    definition = next((each for each in definitions() if each.key == key and not each.typed), None)
    if definition is None:
        raise NotFound
    compared: Compared = found.figures[key]
    measure = compared.today if today else compared.shown
    above = measure.numerator if isinstance(measure.numerator, tuple) else ()
    below = measure.denominator if isinstance(measure.denominator, tuple) else above
    return above, below, in_my_language(definition.name)


def _asked() -> tuple[str, str]:
    by = request.args.get("by", "")
    return (by, request.args.get("value", "")[:120]) if by in BY else ("", "")


def _state(found: Month) -> str:
    said = gettext("Not frozen yet: as the ledger stands now.")
    if found.frozen_at:
        day = found.frozen_at.astimezone(zone()).date().isoformat()
        said = gettext("Frozen on %(day)s by method %(method)s.", day=day, method=found.method)
    return f"{said} {report_tables.only_counted(found.confidential)}".strip()


def _plot_of(found: Month) -> list[dict[str, Any]]:
    first = back_from(found.month, MONTHS)[-1]
    frozen = figures.frozen_in(db.session(), first, found.month, [TIMELY])
    return _plot(frozen, found.month, {found.month: found})


def _plot(
    frozen: Mapping[tuple[date, str], figures.Figure], last: date, so_far: Mapping[date, Month]
) -> list[dict[str, Any]]:
    """The timely reply rate of twelve months, the oldest first, in percent."""
    points = []
    for month in reversed(back_from(last, MONTHS)):
        figure = frozen.get((month, TIMELY))
        measure = figure.measure if figure else so_far[month].figures[TIMELY].shown if month in so_far else None
        cell = report_tables.value_of(kpis.known()[TIMELY], measure) if measure else None
        value = float(measure.value * 100) if measure and measure.value is not None else None
        points.append({"month": month, "value": value, "text": cell.text if cell else "—"})
    return points


def _file(kind: str, title: str, sub: str, tables: Sequence[Table]) -> Response:
    made, media = (
        (report_files.pdf(title, sub, tables), "application/pdf")
        if kind == "pdf"
        else (report_files.xlsx(title, sub, tables), report_files.XLSX)
    )
    log.info("report taken out", report=request.path, query=request.query_string.decode(), user=actor().id)
    headers = {
        "Content-Disposition": disposition("attachment", f"{title}.{kind}"), "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }  # fmt: skip
    return Response(made, content_type=media, headers=headers)


def _period() -> tuple[tuple[date, date], Sentence | None]:
    """The days that are asked for, or this year so far; and what is wrong with them."""
    today = now().astimezone(zone()).date()
    year = date(today.year, 1, 1), today
    asked = request.args.get("from", ""), request.args.get("to", "")
    try:
        first, last = (day_of(text) if text else usual for text, usual in zip(asked, year, strict=True))
    except ValueError:
        return year, Sentence(N_("A day is written such as 2026-09-17."))
    if first > last:
        return year, Sentence(N_("The first day lies behind the last one."))
    if first.year < FIRST_YEAR or (last - first).days > LONGEST_PERIOD or last > date(today.year, 12, 31):
        return year, Sentence(N_("Choose at most two years, none of them still to come."))
    return (first, last), None


def _as_typed(entries: Mapping[tuple[date, str], KpiEntry], month: date) -> dict[str, str]:
    """What stands for a month, by the fields of the form."""
    values = {}
    for each in typed():
        entry = entries.get((month, each.key))
        for part, number in ((ABOVE, entry and entry.numerator), (BELOW, entry and entry.denominator)):
            if part == ABOVE or each.kind == RATIO:
                values[field(each, part)] = number or ""
    return values


def _form(month: date, entries: Mapping[tuple[date, str], KpiEntry], form: Form) -> str:
    writers = {entry.by_id for entry in entries.values() if entry.by_id}
    names = db.session.execute(select(User.id, User.name).where(User.id.in_(writers)))
    return render_template(
        "reports/enter.html", month=month, name=month_name(month), form=form, definitions=typed(), field=field,
        RATIO=RATIO, entries={key: entry for (_, key), entry in entries.items()},
        people={row.id: row.name for row in names}, target=report_tables.target,
    )  # fmt: skip
