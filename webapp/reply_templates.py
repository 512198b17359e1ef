"""Reply templates in the composer: the list, and one filled with the values of a complaint. Where they are written:
template_settings.py.

composer.js inserts a template at the cursor; without script a link fills the form (`?template=result.en`).
"""

from collections.abc import Mapping
from dataclasses import replace

from flask import Blueprint, Flask, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from complaints import drafts as kept
from complaints import replies, reply_templates
from complaints.complaint import Complaint, find
from complaints.errors import Name, NotFound
from complaints.replies import Begun, Form
from complaints.reply_templates import PLACES, Filled, Template
from webapp import drafts
from webapp.context import actor, now, settings, zone
from webapp.database import db
from webapp.htmx import partial
from webapp.language import in_my_language

bp = Blueprint("reply_templates", __name__)
OFFERED = "/complaints/<number>/replies/templates"


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(places=lambda: {key: in_my_language(name) for key, name in PLACES.items()})


@bp.route(OFFERED, methods=["GET", "POST"])
def offered(number: str) -> Response | str | tuple[Response | str, int]:
    """The templates to choose from, as a menu or a page; what was typed so far is kept first (POST)."""
    session = db.session()
    complaint = find(session, number, actor())
    if request.method == "POST":
        try:
            drafts.keep(complaint, request.form.get("draft", ""), request.form)
            session.commit()
        except kept.StaleDraft:  # both texts are shown where the form is
            session.rollback()
            return drafts.save(number, request.form.get("draft", ""))
        return redirect(url_for("reply_templates.offered", number=number), 303)
    locale = replies.compose(session, complaint, written=replies.letters(session, complaint)).locale
    page = "complaint/_templates.html" if partial() else "complaint/templates.html"
    return render_template(page, complaint=complaint, templates=reply_templates.offered(session, locale))


@bp.get(f"{OFFERED}/<key>")
def filled(number: str, key: str) -> Response:
    """A template with the complaint's values, for the script."""
    complaint = find(db.session(), number, actor())
    template = _active(key)
    words = fill(complaint, template)
    return jsonify(text=words.text, subject=words.subject, contact=template.contact)


def begin_with(form: Form, complaint: Complaint, begun: Begun, kinds: Mapping[str, Name]) -> Form:
    """A form with the template that the address names below what stands in it; a second look adds nothing. The subject
    of a template is for a mail that answers none: another subject would begin another thread."""
    key = request.args.get("template", "")
    if not key or request.method == "POST":
        return form
    template = _active(key)
    words = fill(complaint, template)
    text = form.text if words.text in form.text else "\n\n".join(filter(None, (form.text.rstrip(), words.text)))
    subject = (
        replies.subject_of(words.subject, complaint.number) if words.subject and not begun.answers else form.subject
    )
    return replace(form, text=text, subject=subject, contact=template.contact if template.contact in kinds else "")


def fill(complaint: Complaint, template: Template) -> Filled:
    """A template with the values of a complaint."""
    known = reply_templates.values(
        db.session(), complaint, locale=template.locale, by=actor(), at=now(), zone=zone(),
        organisation=settings().organisation,
    )  # fmt: skip
    return reply_templates.fill(template, known)


def _active(key: str) -> Template:
    template = reply_templates.find(db.session(), key)
    if not template.active:
        raise NotFound
    return template
