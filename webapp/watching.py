"""Who watches a complaint, the button that makes one of them, and the way to report upward what cannot be solved."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Flask, redirect, render_template, url_for
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import watching
from complaints.complaint import WATCHING, find
from complaints.people import User
from complaints.procedure import Sheet
from webapp.context import actor, now
from webapp.database import db
from webapp.htmx import partial
from webapp.records import Section

bp = Blueprint("watching", __name__)


@dataclass(frozen=True)
class Watching:
    """The names of those who watch, and whether the reader does."""

    names: Sequence[str]
    mine: bool


@dataclass(frozen=True)
class Upward:
    """The record in which the reader may report what cannot be solved, and who is told of that."""

    sheet: Sheet
    superior: str


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(watching_of=of, upward_of=upward)


def of(work: Section) -> Watching:
    """Who watches the complaint of a page."""
    ids = {user for reason, user, _ in work.case.involved if reason == WATCHING}
    return Watching([name for id_, name in work.names.people.items() if id_ in ids], actor().id in ids)


def upward(work: Section) -> Upward | None:
    """The way upward, where the procedure has one and the reader may go it."""
    sheet = work.case.rules.upward
    if sheet is None or not any(panel.sheet is sheet and panel.form for panel in work.panels):
        return None
    return Upward(sheet, work.names.people.get(current_user.user.superior_id, ""))


@bp.post("/complaints/<number>/watch")
def watch(number: str) -> Response | str:
    """From now on the reader hears of it."""
    session = db.session()
    watching.watch(session, find(session, number, actor()), by=actor(), at=now())
    return _done(number)


@bp.post("/complaints/<number>/unwatch")
def unwatch(number: str) -> Response | str:
    """The reader wants to hear no more of it."""
    session = db.session()
    watching.unwatch(session, find(session, number, actor()), by=actor())
    return _done(number)


def _done(number: str) -> Response | str:
    session = db.session()
    session.commit()
    if not partial():
        return redirect(url_for("complaint.show", number=number, _anchor="watching"), 303)
    complaint = find(session, number, actor())
    ids = watching.watchers(session, complaint.id)
    names = session.scalars(select(User.name).where(User.id.in_(ids)).order_by(User.name, User.id)).all()
    return render_template("complaint/_watching.html", complaint=complaint, watching=Watching(names, actor().id in ids))
