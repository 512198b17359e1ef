"""Passing a complaint on, from its page: whom one may choose, and the form that does it."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Flask, flash, redirect, request, url_for
from flask_babel import ngettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from complaints import passing
from complaints.complaint import Complaint, find
from complaints.directory import Person
from complaints.errors import StaleComplaint
from complaints.passing import LONGEST_REASON, NotPassedOn
from webapp import complaint_page, drafts
from webapp.context import actor, now, seen_version, settings, zone
from webapp.database import db
from webapp.directory import directory
from webapp.drafts import Line, Typed
from webapp.outbox import ring

bp = Blueprint("passing", __name__)
DRAFT = "pass_on"


@dataclass(frozen=True)
class Form:
    """The form as it was sent in, as it was begun, or blank. `sent`: it was refused and is shown again."""

    colleagues: Sequence[Person]
    users: frozenset[int]
    departments: frozenset[int]
    reason: str
    sent: bool
    draft: Line
    limit: int = LONGEST_REASON


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(pass_on_form=form)


def form(complaint: Complaint) -> Form:
    """The form for the page of this request."""
    sent = request.endpoint == f"{bp.name}.{pass_on.__name__}"
    said = request.form if sent or drafts.posted(DRAFT) else drafts.kept(complaint, DRAFT) or MultiDict()
    return Form(
        [each for each in directory().people.values() if each.here and each.id != actor().id],
        _ids(said, "to_users"),
        _ids(said, "to_departments"),
        said.get("reason", ""),
        sent,
        drafts.line(complaint, DRAFT),
    )


@bp.post("/complaints/<number>/pass-on")
def pass_on(number: str) -> Response | tuple[str, int]:
    """Pass a complaint on to the people and departments that were chosen."""
    session = db.session()
    complaint = find(session, number, actor())
    try:
        told = passing.pass_on(
            session,
            complaint,
            to_users=_ids(request.form, "to_users"),
            to_departments=_ids(request.form, "to_departments"),
            reason=request.form.get("reason", ""),
            by=actor(),
            at=now(),
            today=now().astimezone(zone()).date(),
            seen_version=seen_version(),
            secret=settings().secret_key,
            domain=settings().message_domain,
        )
        drafts.sent(complaint)
        session.commit()
    except (NotPassedOn, StaleComplaint) as refusal:
        session.rollback()
        newest = find(session, number, actor())
        return complaint_page.page(newest, refusal=refusal), 409 if isinstance(refusal, StaleComplaint) else 422
    ring()
    flash(ngettext("Passed on to %(num)d person.", "Passed on to %(num)d people.", told))
    return redirect(url_for("complaint.show", number=number), 303)


def _ids(said: Typed, field: str) -> frozenset[int]:
    return frozenset(said.getlist(field, type=int))
