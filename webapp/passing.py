"""Passing a complaint on, from its page: whom one may choose, and the form that does it."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Flask, flash, redirect, request, url_for
from flask_babel import ngettext
from werkzeug.wrappers import Response

from complaints import passing
from complaints.complaint import find
from complaints.directory import Person
from complaints.errors import StaleComplaint
from complaints.passing import LONGEST_REASON, NotPassedOn
from webapp import complaint_page
from webapp.context import actor, now, seen_version, settings, zone
from webapp.database import db
from webapp.directory import directory
from webapp.outbox import ring

bp = Blueprint("passing", __name__)


@dataclass(frozen=True)
class Form:
    """The form as it was sent in, or blank. `sent`: it was refused and is shown again."""

    colleagues: Sequence[Person]
    users: frozenset[int]
    departments: frozenset[int]
    reason: str
    sent: bool
    limit: int = LONGEST_REASON


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(pass_on_form=form)


def form() -> Form:
    """The form for the page of this request."""
    sent = request.endpoint == f"{bp.name}.{pass_on.__name__}"
    return Form(
        [each for each in directory().people.values() if each.here and each.id != actor().id],
        _ids("to_users"),
        _ids("to_departments"),
        request.form.get("reason", "") if sent else "",
        sent,
    )


@bp.post("/complaints/<number>/pass-on")
def pass_on(number: str) -> Response | tuple[str, int]:
    """Pass a complaint on to the people and departments that were chosen."""
    session = db.session()
    try:
        told = passing.pass_on(
            session,
            find(session, number, actor()),
            to_users=_ids("to_users"),
            to_departments=_ids("to_departments"),
            reason=request.form.get("reason", ""),
            by=actor(),
            at=now(),
            today=now().astimezone(zone()).date(),
            seen_version=seen_version(),
            secret=settings().secret_key,
            domain=settings().message_domain,
        )
        session.commit()
    except (NotPassedOn, StaleComplaint) as refusal:
        session.rollback()
        newest = find(session, number, actor())
        return complaint_page.page(newest, refusal=refusal), 409 if isinstance(refusal, StaleComplaint) else 422
    ring()
    flash(ngettext("Passed on to %(num)d person.", "Passed on to %(num)d people.", told))
    return redirect(url_for("complaint.show", number=number), 303)


def _ids(field: str) -> frozenset[int]:
    return frozenset(request.form.getlist(field, type=int))
