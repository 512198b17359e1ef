"""`/me/absence`: a person is away and says who stands in. `/settings/absences`: the same for everybody, for
administrators; for others there is nothing there."""

from datetime import date

import structlog
from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from complaints import absences, mailboxes
from complaints.absences import NotAway
from complaints.errors import NotFound
from webapp.context import actor, now, zone
from webapp.database import db
from webapp.directory import directory

log = structlog.get_logger(__name__)
bp = Blueprint("absences", __name__)
ID = "<int(max=2147483647):absence_id>"
FIELDS = ("user", "from_on", "to_on", "deputy")


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/me/absence")
def mine() -> str:
    return _page()


@bp.get("/settings/absences")
def of_all() -> str:
    return _page(of_all=True)


@bp.post("/me/absence")
def enter() -> Response | tuple[str, int]:
    """The person of this request will be away."""
    return _enter(actor().id)


@bp.post("/settings/absences")
def enter_for() -> Response | tuple[str, int]:
    """Somebody will be away, and an administrator enters it."""
    return _enter(_person("user"), of_all=True)


@bp.post(f"/me/absence/{ID}/end")
def end(absence_id: int) -> Response:
    return _end(absence_id)


@bp.post(f"/settings/absences/{ID}/end")
def end_for(absence_id: int) -> Response:
    return _end(absence_id, of_all=True)


def _enter(user: int | None, *, of_all: bool = False) -> Response | tuple[str, int]:
    _administrators_only(of_all)
    try:
        entered = absences.enter(
            db.session(), user, _day("from_on"), _day("to_on"), _person("deputy"), by=actor(), at=now(), today=_today()
        )
        db.session.commit()
    except NotAway as refused:
        db.session.rollback()
        return _page(of_all=of_all, refused=refused), 422
    log.info("absence entered", absence=entered.id, of=entered.user_id, by=actor().id, name=actor().name)
    flash(gettext("It is entered. Reminders go to the deputy in these days."))
    return _back(of_all)


def _end(absence_id: int, *, of_all: bool = False) -> Response:
    _administrators_only(of_all)
    absences.end(db.session(), absence_id, by=actor(), at=now(), of_all=of_all)
    db.session.commit()
    log.info("absence ended", absence=absence_id, by=actor().id, name=actor().name)
    flash(gettext("The absence is ended."))
    return _back(of_all)


def _page(*, of_all: bool = False, refused: NotAway | None = None) -> str:
    _administrators_only(of_all)
    return render_template(
        "settings/absences.html" if of_all else "me/absence.html",
        of_all=of_all,
        coming=absences.coming(db.session(), _today(), of=None if of_all else actor().id),
        people=directory().people,
        values={name: request.form.get(name, "") for name in FIELDS},
        refused=refused.sentence if refused else None,
        problems={each.field: each.sentence for each in refused.problems} if refused else {},
        today=_today(),
    )


def _administrators_only(of_all: bool) -> None:
    if of_all and not mailboxes.may_set_up(actor()):
        raise NotFound


def _back(of_all: bool) -> Response:
    return redirect(url_for("absences.of_all" if of_all else "absences.mine"), 303)


def _person(name: str) -> int | None:
    typed = request.form.get(name, type=int)
    return typed if typed is not None and 0 < typed < 2**31 else None


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.form.get(name, "").strip())
    except ValueError:
        return None


def _today() -> date:
    return now().astimezone(zone()).date()
