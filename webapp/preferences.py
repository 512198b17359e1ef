"""What a person keeps of the board's looks: density, folded columns, the procedure, views by name.

All of it goes with the account to every browser. Each is a plain form; `board.js` asks for the fragment.
"""

from urllib.parse import parse_qsl

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from complaints import board as question
from complaints import people, views
from complaints.errors import N_, BadInput, Sentence
from complaints.procedure import newest
from webapp.board import back, empty, filters_of, folded, in_common, query_of, shown_procedure
from webapp.context import actor, now, preferences
from webapp.database import db
from webapp.htmx import partial

bp = Blueprint("preferences", __name__)

DENSITIES = ("comfortable", "compact")
ONE_OF = N_("choose one of: %(known)s")


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(density=lambda: preferences().get("density", DENSITIES[0]))


@bp.post("/me/density")
def density() -> Response:
    """How close things stand."""
    chosen = request.form.get("density", "")
    if chosen not in DENSITIES:
        raise BadInput(field="density", problem=Sentence(ONE_OF, {"known": ", ".join(DENSITIES)}))
    _prefer("density", value=chosen)
    db.session.commit()
    return empty() if partial() else redirect(back(), 303)


@bp.post("/me/folds")
def folds() -> Response | str:
    """Fold a column to a rail (`fold`), or open it (`unfold`); htmx gets the column."""
    rules = shown_procedure()
    folding = "fold" in request.form
    stage = rules.stage(request.form.get("fold" if folding else "unfold", ""))
    _prefer("columns", rules.key, stage.key, value=folding)
    db.session.commit()
    if not partial():
        return redirect(back(), 303)
    others = {other.key for other in rules.stages} - {stage.key}
    filters = filters_of(request.args, rules)
    hidden = folded(rules) | others
    columns = question.columns(db.session(), actor(), rules, now(), filters=filters, folded=hidden)
    db.session.rollback()  # a write transaction is not kept open while we render
    column = next(column for column in columns if column.head.stage is stage)
    return render_template("board/_column.html", **in_common(rules, [column.head], column=column))


@bp.post("/me/procedure")
def procedure() -> Response:
    """Look at the board of another procedure, now and next time."""
    chosen, known = request.form.get("procedure", ""), [rules.key for rules in newest()]
    if chosen not in known:
        raise BadInput(field="procedure", problem=Sentence(ONE_OF, {"known": ", ".join(known)}))
    _prefer("procedure", value=chosen)
    db.session.commit()
    return redirect(url_for("board.board", procedure=chosen), 303)


@bp.post("/me/views")
def save_view() -> Response:
    """Keep filters (`query`, as in the board's address) under a `name`."""
    query = _canonical(request.form.get("query", ""))
    views.save(db.session(), request.form.get("name", ""), query, by=actor(), at=now())
    db.session.commit()
    return redirect(url_for("board.board") + (f"?{query}" if query else ""), 303)


@bp.post("/me/views/<int(max=2147483647):view_id>/delete")
def delete_view(view_id: int) -> Response:
    views.delete(db.session(), view_id, by=actor())
    db.session.commit()
    return redirect(back(), 303)


def _canonical(query: str) -> str:
    """What the board understands of an address, written its own way."""
    args = dict(parse_qsl(query[:4096]))
    rules = next((rules for rules in newest() if rules.key == args.get("procedure")), shown_procedure())
    return query_of(filters_of(args, rules), rules)[1:]


def _prefer(*path: str, value: object) -> None:
    current_user.preferences = people.prefer(db.session(), actor(), path, value)
