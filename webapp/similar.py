"""The complaints that are like one, and those that it repeats: a page, and the list that its own page brings when it is
asked for."""

import secrets

from flask import Blueprint, Flask, render_template
from flask_babel import gettext

from complaints import joining, links, off_board, repeats, similar
from complaints.complaint import Complaint, find
from complaints.procedure import of
from complaints.similar import Alike
from webapp.context import actor
from webapp.database import db
from webapp.htmx import partial
from webapp.language import locale
from webapp.links import WAYS

bp = Blueprint("similar", __name__)
MOST_REPEATED = 50


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(nth=nth)


@bp.get("/complaints/<number>/similar")
def show(number: str) -> str:
    """The list as a fragment; as a page also what the complaint repeats."""
    session, by = db.session(), actor()
    complaint = find(session, number, by)
    known = {each.number: gettext(WAYS[each.way][1]) for each in links.of(session, complaint, by) if each.number}
    values = {
        "complaint": complaint,
        "alike": similar.to(session, complaint, by),
        "known": known,
        "key": secrets.token_urlsafe(12),
        "may_join": by.investigates and not off_board.is_off(complaint) and not joining.begun(session, complaint),
        "joins": lambda each: _joins(complaint, each),
        "may_merge": by.sees_all and any(place.key == off_board.MERGED for place in off_board.outcomes(complaint)),
        "merges": lambda each: each.rules.key == complaint.procedure and not each.off_board,
    }
    if partial():
        return render_template("complaint/_similar.html", **values)
    before = repeats.earlier(session, complaint, by, most=MOST_REPEATED)
    return render_template(
        "complaint/similar.html", before=similar.these(session, before, by), most=MOST_REPEATED, **values
    )


def _joins(complaint: Complaint, other: Alike) -> bool:
    """Could a complaint share the investigation of this one?"""
    return other.rules is of(complaint) and not other.off_board


def nth(number: int) -> str:
    """1st, 2nd, 3rd; 第3次."""
    if locale().startswith("zh"):
        return f"第{number}次"
    ends = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ends}"
