"""`/digests`: the weekly letters as they were, the lists behind their figures, the remarks in them; and leaving one.

For who gets the weekly letter or writes in it; for everybody else there is nothing here. The link in a letter changes
nothing by being looked at: mail programs open it, too.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import channels, digest, digest_readers, weekly, weekly_narrowed
from complaints.channels import DAILY, WEEKLY
from complaints.complaint import Complaint, visible_to
from complaints.customers import Customer
from complaints.digest import Digest, NotRemarked, StaleRemark
from complaints.digest_readers import SIDES, WRITERS, Rule
from complaints.errors import BadInput, ComplaintError, NotFound, Sentence
from complaints.people import User, actor_for
from complaints.procedure import of
from complaints.weekly import Data
from complaints.weekly_narrowed import PLACES
from complaints.weeks import Week
from webapp.context import actor, calendar, engine, now, settings, zone
from webapp.database import db
from webapp.preferences import ONE_OF
from webapp.security import csrf

bp = Blueprint("digests", __name__)
NONE = "-"
"""In an address: what has no class, department, cause or procedure."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(reads_digests=reads_digests)
    app.jinja_env.filters.update(written=datetime.fromisoformat)


def reads_digests() -> bool:
    """Is there a link to the letters in the menu of this person? Asks no database: it is on every page. Who reads them
    otherwise finds them where letters are chosen."""
    return bool(actor().roles & {*Rule().roles, *WRITERS})


@bp.get("/digests")
def listed() -> str:
    """All letters, the newest first; `?before=` goes on after a page."""
    _readers_only()
    found = digest.listed(db.session(), before=request.args.get("before", "")[:8])
    older = url_for(".listed", before=found[-1].week) if len(found) == digest.PAGE else None
    return render_template("digests/digests.html", found=found, older=older, running=Week.at(now(), calendar()))


@bp.get("/digests/<week>")
def show(week: str) -> str:
    """The letter about a week as it was; of a week without one, the figures as they are. `?again=1` sets beside them
    what is reckoned today; `?procedure=` narrows both to a procedure."""
    _readers_only()
    return _page(Week.parse(week))


@bp.post("/digests/<week>/remarks")
def remark(week: str) -> Response | tuple[str, int]:
    """A side says something of the week (`side`, `text`, `version`)."""
    _readers_only()
    here, typed, side = Week.parse(week), request.form.get("text", ""), request.form.get("side", "")
    if side not in SIDES:
        raise BadInput(field="side", problem=Sentence(ONE_OF, {"known": ", ".join(SIDES)}))
    seen = request.form.get("version", 0, type=int)
    try:
        digest.remark(db.session(), here, side, typed, by=actor(), at=now(), seen=seen, context=engine())
        db.session.commit()
    except (NotRemarked, StaleRemark) as refused:
        db.session.rollback()
        status = 409 if isinstance(refused, StaleRemark) else 422
        return _page(here, refused=refused, refused_side=side, typed=typed), status
    flash(gettext("Your remark is saved."))
    return redirect(url_for(".show", week=here, _anchor="remarks"), 303)


@bp.post("/digests/<week>/read")
def read(week: str) -> Response:
    """The person has read the letter."""
    _readers_only()
    digest.read(db.session(), here := Week.parse(week), by=actor(), at=now())
    db.session.commit()
    return redirect(url_for(".show", week=here), 303)


@bp.get("/digests/<week>/<figure>")
def figure(week: str, figure: str) -> str:
    """The complaints behind a figure as it was, perhaps of one class, department, cause or procedure only."""
    _readers_only()
    here = Week.parse(week)
    if figure not in weekly.LISTS:
        raise NotFound
    data, _ = _data(here)
    rows = data["lists"][figure]["rows"]
    narrowed = {by: request.args[by] for by in (*PLACES, "department") if request.args.get(by)}
    for by, value in narrowed.items():
        rows = [row for row in rows if _is(data, row, by, "" if value == NONE else value)]
    found = _complaints(row[0] for row in rows)
    return render_template(
        "digests/figure.html", week=here, digest=data, figure=figure, narrowed=narrowed, rows=rows, found=found,
        total=data["lists"][figure]["total"], most=weekly.LISTED,
    )  # fmt: skip


@bp.route("/digests/leave/<mark>", methods=["GET", "POST"])
@csrf.exempt  # type: ignore[untyped-decorator]
def leave(mark: str) -> str:
    """Leave a letter by the link in it: without signing in, by one click in the mail program (RFC 8058) or on the page
    that the link shows. Whoever gets it by a role goes on getting it."""
    found = digest_readers.whose_mark(settings().secret_key, mark)
    user = db.session.get(User, found[0]) if found else None
    if found is None or user is None:
        raise NotFound
    kind = found[1]
    person = actor_for(db.session(), user, now().astimezone(zone()).date())
    must = kind == WEEKLY and bool(person.roles & {*digest_readers.rule(db.session()).roles})
    left = request.method == "POST" and not must
    if left:
        channels.leave(db.session(), person, kind)
        db.session.commit()
    return render_template("digests/leave.html", kind=kind, left=left, must=must, daily=kind == DAILY)


def _readers_only() -> None:
    if not digest_readers.rule(db.session()).may_read(actor()):
        raise NotFound


def _data(week: Week) -> tuple[Data, Digest | None]:
    """The figures of a week: of its letter, else as they are reckoned now."""
    kept = digest.find(db.session(), week)
    return (kept.data, kept) if kept else (digest.reckon(db.session(), week, at=now(), context=engine()), None)


def _page(week: Week, *, refused: ComplaintError | None = None, refused_side: str = "", typed: str = "") -> str:
    session = db.session()
    data, kept = _data(week)
    again = None
    if kept is not None and "again" in request.args:
        again = digest.reckon(session, week, at=now(), context=engine())
    told_of = weekly_narrowed.procedures(data)
    chosen = request.args.get("procedure", "") if len(told_of) > 1 else ""
    quiet = digest.quiet(data)
    if chosen in told_of:
        data, again = weekly_narrowed.narrowed(data, chosen), again and weekly_narrowed.narrowed(again, chosen)
    problems = {each.field: each.sentence for each in refused.problems} if isinstance(refused, NotRemarked) else {}
    return render_template(
        "digests/digest.html", week=week, digest=data, kept=kept, again=again, quiet=quiet,
        told_of=told_of, chosen=chosen if chosen in told_of else "",
        remarks=digest.remarks(session, week), writes=[side for side in SIDES if digest.may_remark(actor(), side)],
        refused=refused, refused_side=refused_side, typed=typed, problems=problems, longest=digest.LONGEST,
        read_by=digest.readers_of(session, week), has_read=kept and digest.has_read(session, week, actor()),
        opens={*digest.opening_to(session, data, actor())}, shown=weekly.SHOWN,
        told_at=(told_at := week.told_at(calendar())), early=told_at > now(),
    )  # fmt: skip


def _is(data: Data, row: list[Any], by: str, value: str) -> bool:
    """Is a complaint of a list of this class, department, cause or procedure?"""
    if by == "department":
        departments = data["departments"].get(str(row[0]), [])
        return value in departments if value else not departments
    return (row[PLACES[by]] or "") == value


def _complaints(ids: Iterable[int]) -> dict[int, Any]:
    """Those of the complaints that the person may see, as they are today, with customer, owner and stage."""
    query = (
        select(Complaint, Customer.name, User.name)
        .outerjoin(Customer, Customer.id == Complaint.customer_id)
        .outerjoin(User, User.id == Complaint.owner_id)
        .where(Complaint.id.in_([*ids]))
    )
    rows = db.session.execute(visible_to(actor(), query))
    return {row[0].id: (*row, of(row[0]).stage(row[0].stage).name) for row in rows}
