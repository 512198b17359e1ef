"""One clock of a complaint on its own page: its receipt, its pauses, and the forms of who is responsible for it."""

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from complaints import limits, pauses, real_times, reminder
from complaints.clocks import Clock
from complaints.complaint import Complaint, find
from complaints.errors import ComplaintError
from complaints.registration import Incomplete
from webapp import complaint_page, progress
from webapp.context import actor, engine, now, zone
from webapp.database import db
from webapp.records import Section, section
from webapp.register_form import reasons

bp = Blueprint("clocks", __name__)
A_CLOCK = "/complaints/<number>/clocks/<int(max=9007199254740991):clock_id>"
Answer = Response | tuple[str, int]


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(may_act_on=may_act_on, may_pause=may_pause)


def may_act_on(work: Section, clock: Clock) -> bool:
    """Is there anything that the reader may do about a clock?"""
    return real_times.may_be_entered(clock) and pauses.may_act(work.case, clock, actor())


def may_pause(work: Section, clock: Clock) -> bool:
    """May a clock that runs wait for the customer?"""
    case = work.case
    return clock.stopped_at is None and limits.may_pause(clock, case.rules, case.complaint.customer)


@bp.get(A_CLOCK)
def show(number: str, clock_id: int) -> str:
    complaint = find(db.session(), number, actor(), with_clocks=True)
    return page(complaint, clock_id)


def page(complaint: Complaint, clock_id: int, *, refusal: ComplaintError | None = None) -> str:
    """The page of a clock; of a form that was refused with what was typed, and why."""
    work = section(complaint)
    clock = pauses.find(db.session(), complaint, clock_id)
    (face,) = progress.faces(work.case, [clock])
    return render_template(
        "complaint/clock.html",
        **complaint_page.frame(complaint, work),
        face=face,
        reminded=reminder.steps(db.session(), clock_id),
        said={each.ref: each for each in pauses.asked(db.session(), work.case)},
        typed=request.form,
        form=reasons(refusal),
        longest=pauses.LONGEST_REASON,
    )


@bp.post(f"{A_CLOCK}/pauses")
def pause(number: str, clock_id: int) -> Answer:
    """Let a clock stand still."""

    def act(complaint: Complaint) -> str:
        pauses.pause(
            db.session(), complaint, clock_id, asked_by=request.form.get("asked", ""),
            reason=request.form.get("reason", ""), key=_key(), by=actor(), at=now(), context=engine(),
        )  # fmt: skip
        return str(gettext("The clock stands still until the customer answers."))

    return _done(number, clock_id, act)


@bp.post(f"{A_CLOCK}/run-on")
def run_on(number: str, clock_id: int) -> Answer:
    """End a pause by hand."""

    def act(complaint: Complaint) -> str:
        pauses.run_on(db.session(), complaint, clock_id, by=actor(), at=now(), context=engine())
        return str(gettext("The clock runs on."))

    return _done(number, clock_id, act)


@bp.post(f"{A_CLOCK}/real-time")
def enter(number: str, clock_id: int) -> Answer:
    """Enter the time at which something was really done."""

    def act(complaint: Complaint) -> str:
        real_times.enter(
            db.session(), complaint, clock_id, done_at=_moment(request.form.get("done", "")),
            reason=request.form.get("why", ""), key=_key(), by=actor(), at=now(), context=engine(),
        )  # fmt: skip
        return str(gettext("The time is entered."))

    return _done(number, clock_id, act)


def _done(number: str, clock_id: int, act: Callable[[Complaint], str]) -> Answer:
    session = db.session()
    try:
        said = act(find(session, number, actor()))
        session.commit()
    except Incomplete as refusal:
        session.rollback()
        return page(find(session, number, actor(), with_clocks=True), clock_id, refusal=refusal), 422
    flash(said)
    return redirect(url_for(".show", number=number, clock_id=clock_id), 303)


def _key() -> str:
    return request.form.get("key", "")[:40]


def _moment(typed: str) -> datetime | None:
    """A moment as a browser sends it, on the wall of the organisation; none where it is no moment."""
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=zone())
    except ValueError:
        return None
