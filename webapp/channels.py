"""`/me/mail`: of what a person gets a mail besides the bell."""

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.wrappers import Response

from complaints import channels, digest_readers
from webapp.context import actor, preferences
from webapp.database import db

bp = Blueprint("channels", __name__, url_prefix="/me/mail")


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("")
def show() -> str:
    wanted = {kind for kind in channels.KINDS if channels.wants(preferences(), kind)}
    may_read = digest_readers.rule(db.session()).may_read(actor())
    return render_template("me/mail.html", kinds=channels.KINDS, wanted=wanted, reads_letters=may_read)


@bp.post("")
def choose() -> Response:
    """What is ticked is wanted, all else is not."""
    current_user.preferences = channels.choose(db.session(), actor(), {*request.form.getlist("mail")})
    db.session.commit()
    flash(gettext("Your choice is saved."))
    return redirect(url_for("channels.show"), 303)
