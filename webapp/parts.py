"""`/settings/parts`: what a company can do without, switched off and on.

For administrators; for everybody else there is nothing here.
"""

from collections.abc import Mapping

import structlog
from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from complaints import mailboxes, switches
from complaints.errors import N_, NotFound
from complaints.penalties import PENALTIES
from complaints.people import User
from webapp.context import actor, now
from webapp.database import db

log = structlog.get_logger(__name__)
bp = Blueprint("parts", __name__, url_prefix="/settings/parts")

PARTS: Mapping[str, tuple[str, str]] = {
    PENALTIES: (
        N_("Penalties"),
        N_(
            "What a broken rule of the procedure is proposed to cost, decided by a person. Switched off, nothing is"
            " proposed, the pages are gone, and nothing of that time is proposed later."
        ),
    ),
}


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.before_request
def _administrators_only() -> None:
    if not mailboxes.may_set_up(actor()):
        raise NotFound


@bp.get("")
def listed() -> str:
    """Every part, and who switched it last."""
    rows = {part: switches.last(db.session(), part) for part in PARTS}
    who = {row.part: db.session().get(User, row.changed_by_id) for row in rows.values() if row and row.changed_by_id}
    return render_template("settings/parts.html", parts=PARTS, rows=rows, who=who)


@bp.post("/<part>")
def turn(part: str) -> Response:
    """Switch a part on or off."""
    if part not in PARTS:
        raise NotFound
    on = request.form.get("on") == "1"
    if switches.turn(db.session(), part, on=on, by=actor(), at=now()):
        db.session.commit()
        log.info("part switched", part=part, on=on, by=actor().id, name=actor().name)
    name = gettext(PARTS[part][0])
    flash(gettext("“%(part)s” is on.", part=name) if on else gettext("“%(part)s” is off.", part=name))
    return redirect(url_for(".listed"), 303)
