"""`/inbox`: every message with its outcome and the reason, quarantine first in sight."""

from flask import Blueprint, Flask, render_template, request
from flask_babel import gettext

from complaints import inbox
from complaints.errors import Sentence
from complaints.inbox import OUTCOME_NAMES, Arrived
from intake.errors import REASONS
from webapp.context import actor
from webapp.database import db
from webapp.language import sentence

bp = Blueprint("inbox", __name__)
PAGE = 50


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/inbox")
def messages() -> str:
    """The newest messages, of one outcome (`?outcome=`) or of all; `?before=` goes on."""
    outcome = request.args.get("outcome") or None
    if outcome not in OUTCOME_NAMES:
        outcome = None
    before = request.args.get("before", type=int)
    before = before if before and 0 < before < 2**63 else None
    rows = inbox.arrived(db.session(), actor(), outcome=outcome, before=before, most=PAGE)
    return render_template(
        "inbox/inbox.html",
        rows=[(row, why(row)) for row in rows],
        outcome=outcome,
        names={key: gettext(name) for key, name in OUTCOME_NAMES.items()},
        balance=inbox.balance(db.session()),
        older=rows[-1].id if len(rows) == PAGE else None,
    )


def why(row: Arrived) -> str:
    """The reason of an outcome in the reader's language."""
    message = REASONS.get(row.reason or "")
    return sentence(Sentence(message, row.values)) if message else ""
