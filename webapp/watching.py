"""Who watches a complaint, and the button that makes one of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Flask, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import watching
from complaints.complaint import WATCHING, find
from complaints.people import User
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


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(watching_of=of)


def of(work: Section) -> Watching:
    """Who watches the complaint of a page."""
    ids = {user for reason, user, _ in work.case.involved if reason == WATCHING}
    return Watching([name for id_, name in work.names.people.items() if id_ in ids], actor().id in ids)


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
