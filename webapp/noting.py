"""What colleagues note on a complaint, and whom they may mention."""

from flask import Blueprint, Flask, flash, jsonify, redirect, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from complaints import notes
from complaints.complaint import find
from complaints.finding import beginnings
from complaints.notes import FIELD, Noted, NotNoted
from webapp import complaint_page, drafts
from webapp.context import actor, engine, now
from webapp.database import db
from webapp.notes import corrects
from webapp.outbox import ring
from webapp.values import listed

bp = Blueprint("noting", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.post("/complaints/<number>/notes")
def write(number: str) -> Response | tuple[str, int]:
    """Take down a note, or the correction of one."""
    session = db.session()
    complaint = find(session, number, actor())
    try:
        noted = notes.add(
            session, complaint, request.form.get(FIELD, ""), by=actor(), at=now(),
            context=engine(), key=request.form.get("key", "")[:40], corrects=corrects(),
        )  # fmt: skip
        drafts.sent(complaint)
        session.commit()
    except NotNoted as refusal:
        session.rollback()
        return complaint_page.page(find(session, number, actor()), refusal=refusal), 422
    if noted is not None:
        _tell(noted)
    anchor = f"note-{noted.note.id}" if noted else "timeline"
    return redirect(url_for("complaint.show", number=number, _anchor=anchor), 303)


def _tell(noted: Noted) -> None:
    """Say who hears of it, and who does not."""
    if noted.told:
        ring()
        flash(gettext("The note is saved. Told: %(names)s.", names=listed(noted.told)))
    else:
        flash(gettext("The note is saved."))
    if noted.not_told:
        names = listed(noted.not_told)
        flash(gettext("Not told, because the complaint is not theirs to see: %(names)s.", names=names))


@bp.get("/complaints/<number>/mentionable")
def mentionable(number: str) -> Response:
    """The names that notes.js offers, each with what one may type for it: pinyin and its initials, too."""
    session = db.session()
    complaint = find(session, number, actor())
    names = notes.mentionable(session, complaint, by=actor(), at=now(), context=engine())
    return jsonify({name: sorted({*beginnings([name])}) for name in names})
