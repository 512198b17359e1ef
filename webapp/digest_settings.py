"""`/settings/digest`: who gets the weekly letter, after how many days without a word to the customer a complaint is in
it, and whether there is one. For administrators; for everybody else there is nothing here."""

import structlog
from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import digest_readers, mailboxes
from complaints.digest_readers import MOST_DAYS, NotSaved, Rule, StaleRule
from complaints.errors import ComplaintError, NotFound
from complaints.people import ROLES, User
from webapp.context import actor, now
from webapp.database import db

log = structlog.get_logger(__name__)
bp = Blueprint("digest_settings", __name__, url_prefix="/settings/digest")


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.before_request
def _administrators_only() -> None:
    if not mailboxes.may_set_up(actor()):
        raise NotFound


@bp.get("")
def show() -> str:
    return _page(digest_readers.rule(db.session()))


@bp.post("")
def save() -> Response | tuple[str, int]:
    """Choose anew: `sent`, `roles`, `people`, `quiet_days`."""
    said = request.form
    people = [int(each) for each in said.getlist("people") if each.isascii() and each.isdigit() and len(each) < 10]
    typed = Rule(
        "sent" in said, tuple(said.getlist("roles")), tuple(people), said.get("quiet_days", 0, type=int),
        said.get("version", 0, type=int),
    )  # fmt: skip
    try:
        digest_readers.change(db.session(), typed, by=actor(), at=now())
        db.session.commit()
    except (NotSaved, StaleRule) as refused:
        db.session.rollback()
        return _page(typed, refused=refused, days=said.get("quiet_days", "")[:20]), 409 if isinstance(
            refused, StaleRule
        ) else 422
    log.info("digest settings changed", by=actor().id, name=actor().name)
    flash(gettext("The settings of the digest are saved."))
    return redirect(url_for(".show"), 303)


def _page(rule: Rule, *, refused: ComplaintError | None = None, days: str = "") -> str:
    session = db.session()
    people = session.execute(select(User.id, User.name).where(User.left_at.is_(None)).order_by(User.name, User.id))
    problems = {each.field: each.sentence for each in refused.problems} if isinstance(refused, NotSaved) else {}
    newest = digest_readers.rule(session)
    return render_template(
        "settings/digest.html", rule=rule, roles=ROLES, people=people.all(), most_days=MOST_DAYS, refused=refused,
        problems=problems, days=days or rule.quiet_days, version=newest.version,
        newest=newest if isinstance(refused, StaleRule) else None,
    )  # fmt: skip
