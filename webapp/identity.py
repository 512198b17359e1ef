"""Signing in and out. Every page but a named few asks for it."""

from datetime import date
from urllib.parse import urlsplit

from flask import Blueprint, Flask, current_app, g, redirect, render_template, request, session, url_for
from flask_babel import gettext
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import FlaskForm
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response
from wtforms import BooleanField, PasswordField, StringField

from complaints import signin
from complaints.people import Actor, User, actor_for, fold_email, user_with_password
from webapp import carrying, drafts
from webapp.context import now, zone
from webapp.database import db
from webapp.htmx import partial
from webapp.language import own_path
from webapp.security import limiter

bp = Blueprint("identity", __name__)
manager = LoginManager()
OPEN = {"static", "identity.login", "identity.start", "language.set_language", "health.healthz", "health.readyz",
        "health.metrics", "attachments.inline", "demo.mail", "digests.leave"}  # fmt: skip
TRIES_BY_ADDRESS = "20 per 5 minutes"
TRIES_BY_ACCOUNT = "5 per 5 minutes"


class SignedIn(UserMixin):  # type: ignore[misc]
    """The person of this request, with the roles held today."""

    def __init__(self, user: User, actor: Actor, token: str) -> None:
        self.token = token
        self.user = user
        self.preferences = user.preferences  # kept apart from the row, which a rollback would ask for again
        self.actor = actor

    def get_id(self) -> str:
        return self.token


class LoginForm(FlaskForm):  # type: ignore[misc]
    email = StringField()
    password = PasswordField()
    keep = BooleanField()


def init_app(app: Flask) -> None:
    manager.session_protection = None  # the session is a row; a changed network must not sign people out
    manager.init_app(app, add_context_processor=False)  # templates ask `signed_in`, which asks no database
    app.register_blueprint(bp)
    app.before_request(_must_be_signed_in)


@manager.user_loader  # type: ignore[untyped-decorator]
def _load(token: str) -> SignedIn | None:
    found = signin.who(db.session(), token, at=now(), today=_today())
    return SignedIn(*found, token) if found else None


def _today() -> date:
    return now().astimezone(zone()).date()


def _must_be_signed_in() -> Response | tuple[str, int] | None:
    if request.endpoint in OPEN or request.endpoint is None or current_user.is_authenticated:
        return None
    return ask_to_sign_in()


def ask_to_sign_in() -> Response | tuple[str, int]:
    """What somebody gets who is not signed in (any more). What they typed goes along."""
    if partial() or drafts.by_script():
        answer = current_app.response_class(gettext("You are signed out. Sign in again."), 401)
        if partial():
            answer.headers["HX-Redirect"] = _login(urlsplit(request.headers.get("HX-Current-URL", "")).path)
        return answer
    if request.method == "POST" and (carried := carrying.packed()):
        back = _login(urlsplit(request.headers.get("Referer", "")).path)
        form = LoginForm(formdata=None)
        return render_template("identity/login.html", form=form, problem=None, carried=carried, again=back), 401
    return redirect(_login(request.full_path.rstrip("?") if request.method == "GET" else ""))


def _login(back: str) -> str:
    """The address of the sign-in page, from which it goes `back` to one of our pages."""
    return url_for("identity.login", next=back if back != "/" and _own_path(back) else None)


@bp.get("/")
def start() -> Response:
    return redirect(url_for("work.mine") if current_user.is_authenticated else url_for("identity.login"))


def _account() -> str:
    """Whose password is tried."""
    known = current_user.user.email if current_user.is_authenticated else request.form.get("email", "")
    return "account:" + fold_email(known)[:254]


def _wrong_password(_response: Response) -> bool:
    return bool(g.get("wrong_password"))


by_address = limiter.shared_limit(TRIES_BY_ADDRESS, "password", methods=["POST"], deduct_when=_wrong_password)
by_account = limiter.shared_limit(
    TRIES_BY_ACCOUNT, "password", key_func=_account, methods=["POST"], deduct_when=_wrong_password
)
"""Wherever a password is tried: wrong ones are counted together, by where they come from and by whose it is."""


@bp.route("/login", methods=["GET", "POST"])
@by_address
@by_account
def login() -> Response | str | tuple[str, int]:
    """The sign-in page and its form (fields `email`, `password`, `keep`)."""
    form = LoginForm()
    carried = request.form.get("carried", "")
    if current_user.is_authenticated and request.method == "GET":
        return redirect("/")
    if not form.is_submitted():
        return render_template("identity/login.html", form=form, problem=None, left=session.pop("left", False))
    user = user_with_password(db.session(), form.email.data or "", form.password.data or "")
    if user is None:
        g.wrong_password = True
        problem = gettext("This e-mail address and password do not belong together. Please try again.")
        return render_template("identity/login.html", form=form, problem=problem, carried=carried), 422
    session.clear()
    g.pop("csrf_token", None)  # it belonged to what was cleared
    token = signin.begin(db.session(), user, at=now(), keep=bool(form.keep.data))
    db.session.commit()
    session.permanent = bool(form.keep.data)
    login_user(SignedIn(user, actor_for(db.session(), user, _today()), token))
    return carrying.resume(carried) or redirect(_own_path(request.args.get("next")) or "/")


@bp.post("/logout")
def logout() -> Response:
    if current_user.is_authenticated:
        signin.end(db.session(), current_user.token)
        db.session.commit()
    logout_user()
    session.clear()
    session["left"] = True
    return redirect(url_for("identity.login"))


def _own_path(target: str | None) -> str | None:
    """The path to go on to, if it is one of ours."""
    if target is None or own_path(target) is None:
        return None
    path = urlsplit(target).path
    try:
        current_app.url_map.bind(request.host).match(path, method="GET")
    except HTTPException:
        return None
    return target
