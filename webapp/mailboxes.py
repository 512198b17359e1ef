"""`/settings/mailboxes`: the mailboxes that we read; add, test, pause, remove them, and sign in at their providers.

For administrators; for everybody else there is nothing here. Secrets go in and never come out: no page shows one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from hmac import compare_digest
from typing import Any

import structlog
from flask import Blueprint, Flask, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from complaints import mailboxes
from complaints.database import sessions
from complaints.errors import N_, ComplaintError, NotFound, Sentence
from complaints.letters import Sighting
from complaints.mailboxes import CODE, ENVIRONMENT, XOAUTH2, Mailbox, SameFolder, token_trouble
from complaints.vault import Vault
from intake import accounts, oauth
from intake.check import STEPS, Step, check, login_hint, well
from intake.oauth import TokenRefused, TokenUnreachable
from webapp import mailbox_form
from webapp.context import actor, now, settings, zone
from webapp.database import db
from webapp.htmx import partial

log = structlog.get_logger(__name__)
bp = Blueprint("mailboxes", __name__, url_prefix="/settings")
SIGN_IN_WITHIN = timedelta(minutes=10)
UNDER_WAY = "mailbox_sign_in"


class BadSignIn(ComplaintError):
    """The person came back from the provider with nothing that belongs to a sign-in of theirs."""

    message = N_("The sign-in at the provider was not finished: %(reason)s")


@dataclass(frozen=True)
class Shown:
    """A line of the table. `mark` is the colour of its state."""

    row: Mailbox
    today: int
    state: Sentence
    mark: str
    detail: str = ""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.before_request
def _administrators_only() -> None:
    if not mailboxes.may_set_up(actor()):
        raise NotFound


@bp.get("")
def start() -> Response:
    return redirect(url_for("mailboxes.listed"))


@bp.get("/mailboxes")
def listed() -> str:
    """All mailboxes, and how they are."""
    today = _seen_today()
    rows = mailboxes.configured(db.session())
    return render_template("settings/mailboxes.html", mailboxes=[_shown(row, today.get(row.id, 0)) for row in rows])


@bp.route("/mailboxes/new", methods=["GET", "POST"])
def new() -> Response | str | tuple[str, int]:
    """One more mailbox: first its address (`?address=`), which may tell us the rest; then everything."""
    if request.method == "GET":
        address = request.args.get("address", "").strip()[:254]
        return _form_page(None, mailbox_form.blank(address), {}, asks_address="address" not in request.args)
    return _entered(None)


@bp.get("/mailboxes/<int:mailbox_id>")
def show(mailbox_id: int) -> str:
    """One mailbox: its state, its form."""
    row = mailboxes.find(db.session(), mailbox_id, actor())
    return _form_page(row, mailbox_form.of_row(row, zone()), {})


@bp.post("/mailboxes/<int:mailbox_id>")
def change(mailbox_id: int) -> Response | tuple[str, int]:
    return _entered(mailboxes.find(db.session(), mailbox_id, actor()))


def _entered(row: Mailbox | None) -> Response | tuple[str, int]:
    """Save what was typed, or show it again with every problem; only secrets have to be typed again."""
    columns, problems = mailbox_form.read(request.form, row, vault=_vault(), zone=zone())
    try:
        if not problems:
            kept = mailboxes.change(db.session(), row, columns) if row else mailboxes.add(db.session(), columns)
            db.session.commit()
    except SameFolder as taken:
        db.session.rollback()
        problems["folder"] = taken.sentence
    if problems:
        return _form_page(row, mailbox_form.typed(request.form), problems), 422
    _note("mailbox changed" if row else "mailbox added", kept)
    flash(gettext("%(address)s is saved. Test it.", address=kept.address))
    return redirect(url_for("mailboxes.show", mailbox_id=kept.id), 303)


@bp.post("/mailboxes/<int:mailbox_id>/test")
def test(mailbox_id: int) -> str:
    """Go through every step of reading this mailbox, and say what was found. Takes half a minute at most."""
    row = mailboxes.find(db.session(), mailbox_id, actor())
    account = accounts.account(row, settings(), sessions(db.engines[None]))
    db.session.commit()  # nobody waits for our transaction while we wait for another's server
    steps = check(account)
    log.info("mailbox tested", mailbox=row.name, well=well(steps), by=actor().id, name=actor().name)
    if partial():
        return render_template("settings/_check.html", row=row, steps=steps, names=STEPS)
    return _form_page(row, mailbox_form.of_row(row, zone()), {}, steps=steps)


@bp.post("/mailboxes/<int:mailbox_id>/pause")
def pause(mailbox_id: int) -> Response:
    row = mailboxes.find(db.session(), mailbox_id, actor())
    mailboxes.pause(row, by=actor(), at=now())
    return _done(row, "mailbox paused", gettext("%(address)s is paused; its mail waits there.", address=row.address))


@bp.post("/mailboxes/<int:mailbox_id>/resume")
def resume(mailbox_id: int) -> Response:
    row = mailboxes.find(db.session(), mailbox_id, actor())
    mailboxes.resume(row)
    return _done(row, "mailbox resumed", gettext("%(address)s is read again.", address=row.address))


@bp.post("/mailboxes/<int:mailbox_id>/remove")
def remove(mailbox_id: int) -> Response:
    row = mailboxes.find(db.session(), mailbox_id, actor())
    mailboxes.remove(row)
    told = gettext("%(address)s is read no more. Its messages stay.", address=row.address)
    return _done(row, "mailbox removed", told, url_for("mailboxes.listed"))


def _done(row: Mailbox, event: str, told: str, target: str = "") -> Response:
    db.session.commit()
    _note(event, row)
    flash(told)
    return redirect(target or url_for("mailboxes.show", mailbox_id=row.id), 303)


def _note(event: str, row: Mailbox) -> None:
    """Who changed what, for the log; never a secret."""
    log.info(event, mailbox=row.name, address=row.address, version=row.version, by=actor().id, name=actor().name)


# Signing in at a provider


@bp.post("/mailboxes/<int:mailbox_id>/sign-in")
def sign_in(mailbox_id: int) -> str:
    """Begin the sign-in of a person: the answer has a link to the provider's page. A redirect would not do: our own
    policy lets no form end at another site."""
    row = mailboxes.find(db.session(), mailbox_id, actor())
    if row.auth != XOAUTH2 or row.oauth.get("flow") != CODE:
        raise NotFound
    begun = oauth.sign_in(row.oauth, redirect_uri=_redirect_uri(), user=row.user)
    session[UNDER_WAY] = {
        "state": begun.state, "verifier": _vault().seal(begun.verifier), "mailbox": row.id, "by": actor().id,
        "until": (now() + SIGN_IN_WITHIN).isoformat(),
    }  # fmt: skip
    return _form_page(row, mailbox_form.of_row(row, zone()), {}, sign_in_url=begun.url)


@bp.get("/mailboxes/oauth")
def signed_in() -> Response:
    """The person comes back from the provider with a code, once, within ten minutes, in the same browser."""
    begun: dict[str, Any] = session.pop(UNDER_WAY, None) or {}
    known = compare_digest(begun.get("state", "").encode(), request.args.get("state", "").encode())
    if not begun or not known or begun["by"] != actor().id or datetime.fromisoformat(begun["until"]) < now():
        raise BadSignIn(reason=Sentence(N_("It is too old, or was begun elsewhere. Begin it again.")))
    if "code" not in request.args:
        told = request.args.get("error_description") or request.args.get("error") or "?"
        raise BadSignIn(reason=" ".join(told[:300].split()))
    row = mailboxes.find(db.session(), begun["mailbox"], actor())
    db.session.rollback()
    try:
        token = oauth.exchange(
            row.oauth, oauth.secrets_of(row, _vault()).get("client_secret", ""), code=request.args["code"],
            verifier=_vault().open(begun["verifier"]), redirect_uri=_redirect_uri(), now=now(),
        )  # fmt: skip
    except (TokenRefused, TokenUnreachable) as error:
        raise BadSignIn(reason=str(error)) from None
    g.writes = True
    row = mailboxes.find(db.session(), begun["mailbox"], actor())
    oauth.keep(row, _vault(), token, now=now())
    mailboxes.change(db.session(), row, {})
    told = gettext("%(address)s may be read now. Test it.", address=row.address)
    return _done(row, "mailbox signed in", told)


def _redirect_uri() -> str:
    """Where the provider sends people back to; it has to know this address beforehand."""
    return f"{settings().public_url}{url_for('mailboxes.signed_in')}"


def _vault() -> Vault:
    return Vault(settings().credentials_key)


# What pages show


def _form_page(
    row: Mailbox | None,
    values: dict[str, str],
    problems: dict[str, Sentence],
    *,
    steps: Sequence[Step] = (),
    sign_in_url: str = "",
    asks_address: bool = False,
) -> str:
    return render_template(
        "settings/mailbox.html",
        row=row,
        shown=_shown(row, 0) if row else None,
        values=values,
        problems=problems,
        steps=steps,
        names=STEPS,
        sign_in_url=sign_in_url,
        redirect_uri=_redirect_uri(),
        asks_address=asks_address,
        of_environment=row is not None and row.source == ENVIRONMENT,
        choices={**mailbox_form.CHOICES, "procedure": mailbox_form.procedures()},
        hosts=mailbox_form.HOSTS,
        hint=login_hint(values["host"], by_token=False) if values["host"] in mailbox_form.HOSTS else None,
    )


def _shown(row: Mailbox, today: int) -> Shown:
    trouble = token_trouble(row, now())
    if row.paused_at is not None:
        return Shown(row, today, Sentence(N_("Paused")), "paused")
    if row.fault is not None:
        return Shown(row, today, Sentence(N_("Does not work")), "soon", row.fault)
    if trouble is not None:
        return Shown(row, today, trouble, "soon")
    if row.looked_at is None:
        return Shown(row, today, Sentence(N_("Not looked into yet")), "none")
    return Shown(row, today, Sentence(N_("Working")), "done")


def _seen_today() -> dict[int, int]:
    """How many messages each mailbox had today."""
    midnight = datetime.combine(now().astimezone(zone()).date(), time(), zone())
    counted = db.session().execute(
        select(Sighting.mailbox_id, func.count()).where(Sighting.seen_at >= midnight).group_by(Sighting.mailbox_id)
    )
    return {mailbox_id: count for mailbox_id, count in counted if mailbox_id is not None}
