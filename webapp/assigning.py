"""Who works on a complaint in which role, and the forms that name somebody or hand it over.

The panel beside the complaint is fetched when it comes into view; without script a link leads to the page of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import assigning
from complaints.assigning import LONGEST_REASON, Position
from complaints.assignments import Post
from complaints.complaint import Complaint, find
from complaints.errors import N_, BadInput, ComplaintError, NotAllowed, RecordRefused, Sentence, StaleComplaint
from complaints.people import ROLES, Department, User
from complaints.procedure import of
from complaints.records import StaleRecord
from complaints.registration import Incomplete
from webapp import drafts
from webapp.context import actor, engine, now, seen_version, zone
from webapp.database import db
from webapp.draft_forms import ASSIGN
from webapp.drafts import Line
from webapp.htmx import partial
from webapp.outbox import ring

bp = Blueprint("assigning", __name__)
NAME, HAND_OVER = "name", "hand-over"


@dataclass(frozen=True)
class Form:
    """The form of a position as it was sent in, as it was begun, or blank."""

    typed: Mapping[str, str]
    draft: Line


@dataclass(frozen=True)
class Sent:
    """A form that was refused, and why."""

    post: str
    act: str
    refusal: ComplaintError

    def problem(self, field: str) -> Sentence | None:
        problems = self.refusal.problems if isinstance(self.refusal, Incomplete) else ()
        return next((each.sentence for each in problems if each.field == field), None)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/complaints/<number>/people")
def people(number: str) -> str:
    """Who works on it; htmx gets the panel alone."""
    return _page(find(db.session(), number, actor()))


@bp.post("/complaints/<number>/people")
def assign(number: str) -> Response | tuple[str, int]:
    """Name somebody for a role, or hand the complaint over to them."""
    session, act = db.session(), request.form.get("act", NAME)
    complaint = find(session, number, actor())
    try:
        name = assigning.assign(
            session, complaint, _post(), request.form.get("user", type=int), reason=request.form.get("reason", ""),
            hand_over=act == HAND_OVER, by=actor(), at=now(), context=engine(), seen_version=seen_version(),
        )  # fmt: skip
        drafts.sent(complaint)
        session.commit()
    except (Incomplete, StaleComplaint, StaleRecord, RecordRefused, NotAllowed) as refusal:
        session.rollback()
        sent = Sent(request.form.get("post", ""), act, refusal)
        status = 409 if isinstance(refusal, (StaleComplaint, StaleRecord)) else 422
        return _page(find(session, number, actor()), sent), status
    ring()
    if act == HAND_OVER and "tell_customer" in request.form:
        flash(gettext("Handed over to %(name)s. Now tell the customer who takes over.", name=name))
        return redirect(url_for("complaint.show", number=number, contact=_progress(complaint), _anchor="composer"), 303)
    told = (
        gettext("Handed over to %(name)s.", name=name)
        if act == HAND_OVER
        else gettext("%(name)s has it now.", name=name)
    )
    flash(told)
    return redirect(url_for("complaint.show", number=number, _anchor="people"), 303)


def _post() -> Post:
    role, _, department = request.form.get("post", "").partition(".")
    if role not in ROLES or (
        department and not (department.isascii() and department.isdigit() and len(department) < 10)
    ):
        raise BadInput(field="post", problem=Sentence(N_("choose one of the list")))
    return Post(role, int(department) if department else None)


def _page(complaint: Complaint, sent: Sent | None = None) -> str:
    session, today = db.session(), now().astimezone(zone()).date()
    positions = assigning.positions(session, complaint, by=actor(), today=today)
    departments = {each.id: each.name for each in session.scalars(select(Department))}
    template = "complaint/_people.html" if partial() else "complaint/people.html"
    return render_template(
        template, complaint=complaint, positions=positions, departments=departments, sent=sent, key_of=key_of,
        present_of=present_of, rules=of(complaint), limit=LONGEST_REASON, progress=_progress(complaint),
        form_of=lambda position: _form(complaint, position, sent),
    )  # fmt: skip


def _form(complaint: Complaint, position: Position, sent: Sent | None) -> Form:
    key = key_of(position.post)
    draft = f"{ASSIGN}:{key.replace('.', ':')}"
    refused = sent is not None and sent.post == key
    typed: Mapping[str, str] = request.form if refused or drafts.posted(draft) else drafts.kept(complaint, draft) or {}
    return Form(typed, drafts.line(complaint, draft))


def key_of(post: Post) -> str:
    """A post as a form names it: `qe`, `dept_head.3`."""
    return post.role if post.department_id is None else f"{post.role}.{post.department_id}"


def present_of(position: Position) -> str:
    """The name of who has the complaint in a post; empty when it is anybody of those who hold it."""
    name = next((each.name for each in position.holders if each.id == position.present), None)
    if name is None and position.present is not None:
        name = db.session.scalar(select(User.name).where(User.id == position.present))
    return name or ""


def _progress(complaint: Complaint) -> str:
    """The kind of contact by which the customer is told how it goes on."""
    contact = of(complaint).contact
    return contact.progress if contact else ""
