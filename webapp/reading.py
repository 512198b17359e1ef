"""Saying that the customer's letters are read: from the complaint's page, or from a line of my work."""

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from complaints import off_board, reading
from complaints.complaint import Complaint, find
from webapp.context import actor, now
from webapp.database import db
from webapp.htmx import partial

bp = Blueprint("reading", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(unread_letter=unread_letter)


def unread_letter(complaint: Complaint) -> int | None:
    """The newest letter (an entry) that a page shows, where some are unread and this person may say that they are
    read."""
    waits = complaint.unread_count and not off_board.is_off(complaint)
    if not waits or not reading.may_read(db.session(), complaint, actor()):
        return None
    return reading.newest(db.session(), [complaint.id]).get(complaint.id, 0)


@bp.post("/complaints/<number>/reading")
def read(number: str) -> Response | str | tuple[str, int, dict[str, str]]:
    """Letters up to `upto` are read. To htmx my work loads itself anew, and so does a page that lacks a letter."""
    complaint = find(db.session(), number, actor())
    reading.read(db.session(), complaint, upto=_upto(), by=actor(), at=now())
    left = complaint.unread_count
    db.session.commit()
    from_work = request.form.get("back") == "work"
    if partial():
        if from_work:
            return "", 204, {"HX-Trigger": "refresh"}
        return ("", 204, {"HX-Refresh": "true"}) if left else render_template("complaint/_unread.html", done=True)
    flash(gettext("What the customer wrote in %(number)s is read.", number=number))
    return redirect(url_for("work.mine") if from_work else url_for("complaint.show", number=number), 303)


def _upto() -> int:
    upto = request.form.get("upto", 0, type=int)
    return upto if 0 < upto < 2**53 else 0
