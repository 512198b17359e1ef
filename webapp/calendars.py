"""`/settings/calendar`: the working calendar of the organisation, and those of departments and customers of their own.

What is typed is first shown with every running clock that would be due at another time, then accepted. For
administrators; for everybody else there is nothing here. A customer's is for those who may know the customer.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import calendar_changes, calendars, customer_file, mailboxes
from complaints.calendar import MAINLAND, SEEDED_YEARS, NoWorkingTime, PublicDays, public_days
from complaints.calendar_entry import NotACalendar, read
from complaints.calendar_outline import Outline, form_of
from complaints.calendars import CUSTOMER, DEPARTMENT, ORGANISATION, CalendarVersion, InForce, StaleCalendar, owner_of
from complaints.complaint import Complaint, visible_to
from complaints.customers import Customer
from complaints.database import sessions
from complaints.errors import ComplaintError, Name, NotFound, Sentence
from complaints.people import Department, User
from complaints.registration import Problem
from webapp import months
from webapp.context import actor, engine, now, settings
from webapp.database import db, glance

log = structlog.get_logger(__name__)
bp = Blueprint("calendars", __name__, url_prefix="/settings/calendar")
OWNER = f"/<any({DEPARTMENT}, {CUSTOMER}):kind>/<int(max=2147483647):whose>"
FIELDS = ("zone", "country", "different", "note", *(f"week_{day}" for day in range(7)))
PAGE = 50


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.before_request
def _administrators_only() -> None:
    if not mailboxes.may_set_up(actor()):
        raise NotFound


@bp.get("")
def show() -> str:
    """The organisation's calendar."""
    return _page(ORGANISATION)


@bp.post("")
def change() -> Response | str | tuple[str, int]:
    return _typed(ORGANISATION)


@bp.get(OWNER)
def show_own(kind: str, whose: int) -> str:
    """The calendar of a department or a customer."""
    return _page(owner_of(kind, whose))


@bp.post(OWNER)
def change_own(kind: str, whose: int) -> Response | str | tuple[str, int]:
    return _typed(owner_of(kind, whose))


@bp.get("/customers")
def customers() -> Response | tuple[str, int]:
    """To the calendar of the customer of this name."""
    named = Customer.name == " ".join(request.args.get("name", "").split())
    found = db.session.scalar(customer_file.visible_to(actor(), select(Customer.id).where(named)))
    if found is None:
        return _page(ORGANISATION, unknown=request.args.get("name", "")[:160]), 422
    return redirect(url_for("calendars.show_own", kind=CUSTOMER, whose=found))


# What was typed


def _typed(owner: str) -> Response | str | tuple[str, int]:
    """Show what a calendar would change, put it in force, or go on writing it."""
    _title(owner)
    form = {name: request.form.get(name, "").replace("\r\n", "\n") for name in FIELDS}
    withdrawn = "withdrawn" in request.form and owner != ORGANISATION
    try:
        outline = read(form)
    except NotACalendar as refused:
        return _page(owner, form=form, refused=refused), 422
    last = calendars.newest(db.session(), owner)
    days = _public_days(outline, last)
    if "write" in request.form:
        return _page(owner, form=form)
    try:
        calendar_changes.check(outline.calendar(days), now())
    except NoWorkingTime as wrong:
        return _page(owner, form=form, refused=NotACalendar([Problem("week_0", wrong.sentence)])), 422
    if "accept" in request.form:
        return _accept(owner, outline, days, form, withdrawn=withdrawn)
    return _preview(owner, outline, days, form, withdrawn=withdrawn)


def _public_days(outline: Outline, last: CalendarVersion | None) -> PublicDays:
    """The public days of a version stay as they were, until somebody takes over what the library says now."""
    if last is None or last.withdrawn or last.country != outline.country or "renew" in request.form:
        return public_days(outline.country)
    return calendars.days_of(last)


def _accept(
    owner: str, outline: Outline, days: PublicDays, form: Mapping[str, str], *, withdrawn: bool
) -> Response | tuple[str, int]:
    seen, by = request.form.get("version", 0, type=int), actor()
    try:
        version = calendars.accept(
            db.session(), owner, outline, days, seen=seen, by=by, at=now(), note=form["note"].strip(),
            withdrawn=withdrawn,
        )  # fmt: skip
        db.session.commit()
    except StaleCalendar as stale:
        db.session.rollback()
        return _page(owner, form=form, refused=stale), 409
    calendars.forget(db.session())
    moved = calendar_changes.settle(sessions(db.engine), now(), engine(), most=calendar_changes.AT_ONCE)
    log.info("working calendar accepted", owner=owner, version=version and version.version, by=by.id, moved=moved)
    flash(gettext("The calendar is in force."))
    return redirect(_place(owner), 303)


def _preview(
    owner: str, outline: Outline, days: PublicDays, form: Mapping[str, str], *, withdrawn: bool
) -> str | tuple[str, int]:
    db.session.commit()  # nobody waits for the database while all running clocks are reckoned
    with glance() as session:
        own = {**calendars.look(session).own, owner: outline.calendar(days)}
        if withdrawn:
            del own[owner]
        proposed = InForce(own)
        try:
            found = [*calendar_changes.changes(session, proposed, settings().timezone)]
        except NoWorkingTime as wrong:
            return _page(owner, form=form, refused=NotACalendar([Problem("week_0", wrong.sentence)])), 422
        found.sort(key=lambda change: change.due)
        first = max(request.form.get("page", 0, type=int), 0) * PAGE
        shown = found[first : first + PAGE]
        ids = visible_to(actor(), select(Complaint.id).where(Complaint.id.in_({each.complaint_id for each in shown})))
        mine = {*session.scalars(ids)}
    return render_template(
        "settings/calendar_preview.html", owner=owner, place=_place(owner), title=_title(owner), form=form,
        version=request.form.get("version", 0, type=int), renew="renew" in request.form, withdrawn=withdrawn,
        found=found, shown=shown, mine=mine, part=first // PAGE, last_part=max(len(found) - 1, 0) // PAGE,
    )  # fmt: skip


# The page


def _page(
    owner: str, *, form: Mapping[str, str] | None = None, refused: ComplaintError | None = None, unknown: str = ""
) -> str:
    session = db.session()
    past = calendars.versions(session, owner)
    last = past[0] if past else None
    own = last is not None and not last.withdrawn
    stored, days = (calendars.outline_of(last), calendars.days_of(last)) if last and own else _of_organisation()
    year = min(max(request.args.get("year", now().year, type=int), SEEDED_YEARS[0]), SEEDED_YEARS[-1])
    calendar, theirs = stored.calendar(days), form_of(stored)
    return render_template(
        "settings/calendar.html",
        owner=owner, place=_place(owner), title=_title(owner), own=own, past=past,
        version=last.version if last else 0,
        form=form or theirs, theirs=theirs if isinstance(refused, StaleCalendar) else {},
        refused=refused.sentence if refused else None,
        problems=_by_field(refused.problems) if isinstance(refused, NotACalendar) else {},
        unlike=calendars.unlike(last) if last and own else [],
        weekdays=months.weekdays(), short=months.weekdays("EEEEEE"), calendar=calendar, year=year, years=SEEDED_YEARS,
        months=[*months.of_year(year, calendar, stored.different, now().astimezone(calendar.tz).date())],
        people={row.id: row.name for row in session.execute(select(User.id, User.name))},
        others=_others() if owner == ORGANISATION else None, unknown=unknown, timezone=settings().timezone,
    )  # fmt: skip


def _by_field(problems: Iterable[Problem]) -> Mapping[str, list[Sentence]]:
    found = defaultdict(list)
    for each in problems:
        found[each.field].append(each.sentence)
    return found


def _of_organisation() -> tuple[Outline, PublicDays]:
    """What somebody goes by who has no calendar."""
    last = calendars.newest(db.session(), ORGANISATION)
    if last is None:
        return Outline(settings().timezone), public_days(MAINLAND)
    return calendars.outline_of(last), calendars.days_of(last)


def _others() -> Mapping[str, Any]:
    """The departments, and the customers with a calendar of their own."""
    session = db.session()
    own = calendars.look(session).own
    ids = [int(owner.partition(":")[2]) for owner in own if owner.startswith(f"{CUSTOMER}:")]
    named = customer_file.visible_to(actor(), select(Customer).where(Customer.id.in_(ids)).order_by(Customer.name))
    return {
        "own": own,
        "departments": session.scalars(select(Department).order_by(Department.id)).all(),
        "customers": session.scalars(named).all(),
        "may_choose": actor().sees_all,
    }


def _title(owner: str) -> Name | str:
    """Whose calendar it is; raises `NotFound`."""
    kind, _, whose = owner.partition(":")
    if kind == CUSTOMER:
        return customer_file.find(db.session(), int(whose), actor()).name
    if kind == DEPARTMENT:
        if (department := db.session.get(Department, int(whose))) is None:
            raise NotFound
        return department.name
    return ""


def _place(owner: str) -> str:
    kind, _, whose = owner.partition(":")
    return url_for("calendars.show_own", kind=kind, whose=int(whose)) if owner else url_for("calendars.show")
