"""The one place where Flask meets the plain models.

A GET reads on an engine that cannot write; every other method gets the writing one. So a page that is looked at never
waits for a writer, and cannot change anything by accident.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, g, has_request_context, request
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from complaints.database import Base, tune
from complaints.settings import Settings


def reading() -> bool:
    """Does this request only look?"""
    return has_request_context() and request.method in ("GET", "HEAD", "OPTIONS") and "writes" not in g


class RequestSession(FlaskSession):
    """A session on the reading engine while a request only looks."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Any:
        return db.engines["read"] if reading() else db.engines[None]


db = SQLAlchemy(model_class=Base, session_options={"class_": RequestSession, "expire_on_commit": False})


@contextmanager
def glance() -> Iterator[Session]:
    """A session for what a page says beside its matter: an answer to an act does not hold the database for it, and the
    matter goes on where it fails."""
    if not reading():
        with Session(db.engines["read"]) as session:
            yield session
        return
    try:
        yield db.session()
    except SQLAlchemyError:
        db.session.rollback()
        raise


def init_app(app: Flask) -> None:
    settings: Settings = app.extensions["settings"]
    app.config.setdefault("SQLALCHEMY_DATABASE_URI", settings.database_url)
    app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", {"hide_parameters": True})  # customers' words in no log
    app.config["SQLALCHEMY_BINDS"] = {"read": app.config["SQLALCHEMY_DATABASE_URI"]}
    db.init_app(app)
    with app.app_context():
        tune(_engine(None))
        tune(_engine("read"), readonly=True)


def _engine(key: str | None) -> Engine:
    return db.engines[key]
