"""The templates that somebody who writes a reply may choose from."""

from flask import Blueprint, Flask, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from complaints import drafts as kept
from complaints import replies
from complaints import reply_templates as templates
from complaints.complaint import find
from webapp import drafting, drafts
from webapp.context import actor
from webapp.database import db
from webapp.htmx import partial
from webapp.reply_templates import active, fill

bp = Blueprint("reply_templates", __name__)
OFFERED = "/complaints/<number>/replies/templates"


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


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
            return drafting.save(number, request.form.get("draft", ""))
        return redirect(url_for("reply_templates.offered", number=number), 303)
    locale = replies.compose(session, complaint, written=replies.letters(session, complaint)).locale
    page = "complaint/_templates.html" if partial() else "complaint/templates.html"
    return render_template(page, complaint=complaint, templates=templates.offered(session, locale))


@bp.get(f"{OFFERED}/<key>")
def filled(number: str, key: str) -> Response:
    """A template with the complaint's values, for the script."""
    complaint = find(db.session(), number, actor())
    template = active(key)
    words = fill(complaint, template)
    return jsonify(text=words.text, subject=words.subject, contact=template.contact)
