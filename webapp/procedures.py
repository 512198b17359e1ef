"""`/settings/procedures`: the procedures with all their versions; bring a new version in, or take the text of one out.

For administrators; for everybody else there is nothing here. A version that is brought in is for new complaints; those
that run keep the one they began with.
"""

import structlog
from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from complaints import mailboxes, procedure_store, procedure_use
from complaints.errors import NotFound
from complaints.procedure import Procedure, newest, offered, versions
from complaints.procedure_file import LARGEST_FILE, BadProcedure, Fault, text_of
from webapp.context import actor, now
from webapp.database import db
from webapp.language import in_my_language

log = structlog.get_logger(__name__)
bp = Blueprint("procedures", __name__, url_prefix="/settings/procedures")


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.before_request(_newest_known)


def _newest_known() -> None:
    """Know the versions that were brought in elsewhere."""
    if request.endpoint not in (None, "static") and request.blueprint != "health":
        procedure_store.refresh(db.session())


@bp.before_request
def _administrators_only() -> None:
    if not mailboxes.may_set_up(actor()):
        raise NotFound


@bp.get("")
def listed() -> str:
    """Every version of every procedure, and how many open complaints follow it."""
    session = db.session()
    return render_template(
        "settings/procedures.html",
        rows=procedure_store.every(session),
        following=procedure_store.open_complaints(session),
        names={rules.key: rules.name for rules in newest()},
        newest={rules.key: rules.version for rules in newest()},
        offered={rules.key for rules in offered()},
        still={(rules.key, rules.version) for rules in versions() if rules.still},
    )


@bp.get("/<key>-<int:version>.toml")
def text(key: str, version: int) -> Response:
    """The text of a version, as it was brought in."""
    row = procedure_store.find(db.session(), key[:40], min(version, 2**31 - 1))
    name = f"attachment; filename={row.key}-{row.version}.toml"
    return Response(row.text, content_type="application/toml; charset=utf-8", headers={"Content-Disposition": name})


@bp.get("/new")
def new() -> str:
    """The form for a new version; `?of=` begins with the text of the newest one of a procedure."""
    known = {rules.key: rules for rules in newest()}
    begun = known.get(request.args.get("of", ""))
    return _form_page(begun.source if begun else "")


@bp.post("/new")
def add() -> Response | str | tuple[str, int]:
    """Bring a version in, or with `check` only look at it; whatever is wrong is told at once, and the text kept."""
    typed = request.form.get("text", "").replace("\r\n", "\n")
    file = "procedure.toml"
    try:
        if sent := request.files.get("file"):
            file = sent.filename or file
            typed = text_of(sent.read(LARGEST_FILE + 1), file)
        if "check" in request.form:
            return _form_page(typed, fine=procedure_store.check(db.session(), typed, file))
        rules = procedure_store.add(db.session(), typed, file, by=actor(), at=now())
        db.session.commit()
    except BadProcedure as bad:
        db.session.rollback()
        return _form_page(typed, faults=bad.faults), 422
    procedure_store.load_known(db.session())
    log.info("procedure brought in", procedure=rules.key, version=rules.version, by=actor().id, name=actor().name)
    flash(gettext("%(key)s version %(version)s is in force for new complaints.", key=rules.key, version=rules.version))
    return redirect(url_for("procedures.listed"), 303)


@bp.post("/<key>/use")
def use(key: str) -> Response:
    """Take a procedure into use for new complaints (`used`), or put it on the shelf."""
    used = request.form.get("used") == "1"
    if procedure_use.turn(db.session(), key[:40], used=used, by=actor(), at=now()):
        db.session.commit()
        procedure_store.load_known(db.session())
        log.info("procedure in use" if used else "procedure on the shelf", procedure=key, by=actor().id)
    name = in_my_language(next(rules.name for rules in newest() if rules.key == key))
    flash(
        gettext("“%(procedure)s” is in use.", procedure=name)
        if used
        else gettext("“%(procedure)s” is on the shelf: it is offered for no new complaint.", procedure=name)
    )
    return redirect(url_for(".listed"), 303)


def _form_page(typed: str, *, faults: list[Fault] | None = None, fine: Procedure | None = None) -> str:
    return render_template("settings/procedure.html", text=typed, faults=faults or [], fine=fine)
