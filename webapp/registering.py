"""Registering a complaint: the entry saved, a complaint noted by hand, departments notified."""

import secrets
from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Flask, flash, redirect, request, url_for
from flask_babel import gettext, ngettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import registration
from complaints.complaint import Complaint, find
from complaints.errors import MoveRefused, StaleComplaint
from complaints.procedure import Procedure, of, usual
from complaints.registration import Incomplete, Problem, Values
from webapp import complaint_page, drafts, register_form
from webapp.context import actor, engine, now, seen_version, zone
from webapp.database import db
from webapp.language import in_my_language
from webapp.outbox import acknowledge, ring

bp = Blueprint("registering", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.post("/complaints/<number>/registration")
def register(number: str) -> Response | tuple[str, int]:
    """Save the entry and register the complaint."""
    return _entered(find(db.session(), number, actor()), registering=True)


@bp.post("/complaints/<number>/entry")
def entry(number: str) -> Response | tuple[str, int]:
    """Save the entry; the complaint stays where it is."""
    return _entered(find(db.session(), number, actor()), registering=False)


def _entered(complaint: Complaint, *, registering: bool) -> Response | tuple[str, int]:
    session, number = db.session(), complaint.number
    before, seen = of(complaint), seen_version()
    rules = register_form.asked(before)
    values, problems = register_form.parsed(rules)
    changes_procedure = rules.key != before.key
    registering = registering and not changes_procedure  # other classes, other needs: to be looked at first
    owes_mail = False
    try:
        if problems:
            entered = registration.entry_of(session, complaint) | values
            raise Incomplete(register_form.with_lacking(entered, rules, problems) if registering else problems)
        if changes_procedure:
            registration.choose_procedure(
                session, complaint, rules.key, by=actor(), at=now(), seen_version=seen, context=engine()
            )
            seen = complaint.version
        if registering:
            registration.register(
                session,
                complaint,
                values,
                by=actor(),
                at=now(),
                seen_version=seen,
                context=engine(),
                departments=register_form.chosen(),
                why=request.form.get(registration.WHY, ""),
            )
            owes_mail = acknowledge(complaint)
        else:
            registration.save(
                session, complaint, values, by=actor(), at=now(), seen_version=seen, context=engine(),
                why=request.form.get(registration.WHY, ""),
            )  # fmt: skip
        drafts.sent(complaint)
        session.commit()
    except MoveRefused as refusal:
        session.rollback()
        found = find(session, number, actor())
        typed = _kept(found, values, seen)
        return complaint_page.page(found, typed=typed, refusal=refusal), 422
    except (Incomplete, StaleComplaint) as refusal:
        session.rollback()
        found = find(session, number, actor())
        stale = isinstance(refusal, StaleComplaint)
        return complaint_page.page(found, typed=request.form, refusal=refusal), 409 if stale else 422
    if owes_mail:
        ring()
    if changes_procedure:
        told = gettext("%(number)s follows “%(procedure)s” now.", number=number, procedure=in_my_language(rules.name))
    else:
        told = _told(complaint) if registering else gettext("The entry of %(number)s is saved.", number=number)
    flash(told)
    return redirect(url_for("complaint.show", number=number), 303)


def _kept(complaint: Complaint, values: Values, seen: int) -> Mapping[str, str]:
    """The whole entry is saved though records are still asked for before the complaint can be registered: whoever
    fills those in sees what is known. Returns the form with the version that it has now."""
    session = db.session()
    registration.save(session, complaint, values, by=actor(), at=now(), seen_version=seen, context=engine())
    session.commit()
    flash(gettext("The entry of %(number)s is saved.", number=complaint.number))
    typed = request.form.copy()
    typed["version"] = str(complaint.version)
    return typed


@bp.post("/complaints/<number>/notified")
def notify(number: str) -> Response | tuple[str, int]:
    """Notify further departments."""
    session = db.session()
    complaint = find(session, number, actor())
    try:
        told = registration.notify(session, complaint, register_form.chosen(), by=actor(), at=now(), context=engine())
        session.commit()
    except registration.NobodyNotified as refusal:
        session.rollback()
        return complaint_page.page(find(session, number, actor()), refusal=refusal), 422
    flash(ngettext("%(num)s department is notified.", "%(num)s departments are notified.", told))
    return redirect(url_for("complaint.show", number=number, _anchor="f-departments"), 303)


@bp.route("/complaints/new", methods=["GET", "POST"])
def new() -> Response | str | tuple[str, int]:
    """A complaint that came by phone, by letter, in person: noted as a draft, or registered at once."""
    if request.method == "GET":
        return register_form.new_page({})
    if request.form.get("act") == "procedure":
        return register_form.new_page(request.form)
    session, rules, at = db.session(), register_form.asked(usual()), now()
    registering = request.form.get("act") == "register"
    values, problems = register_form.parsed(rules)
    received = registration.received(request.form.get("received_at", ""), at=at, zone=zone())
    try:
        if isinstance(received, Problem):
            problems.append(received)
        if isinstance(received, Problem) or problems:
            raise Incomplete(register_form.with_lacking(values, rules, problems) if registering else problems)
        complaint = _take_in(values, received, rules, registering=registering)
        session.commit()
    except (Incomplete, MoveRefused) as refusal:
        session.rollback()
        return register_form.new_page(request.form, refusal), 422
    flash(_told(complaint))
    return redirect(url_for("complaint.show", number=complaint.number), 303)


def _told(complaint: Complaint) -> str:
    if complaint.registered_at is None:
        return str(gettext("%(number)s is noted as a draft.", number=complaint.number))
    told = gettext(
        "%(number)s is registered under %(register_no)s.", number=complaint.number, register_no=complaint.register_no
    )
    return str(told)


def _take_in(values: Values, received: datetime, rules: Procedure, *, registering: bool) -> Complaint:
    """Note a complaint, and register it if that was asked for. The same form sent again takes up what it made, unless
    somebody has worked on that since."""
    session, by, at = db.session(), actor(), now()
    key = request.form.get("key") or secrets.token_urlsafe(16)
    draft = registration.draft_by_hand(
        session, values, by=by, at=at, received_at=received, context=engine(), key=key, procedure_key=rules.key
    )
    complaint = session.scalars(select(Complaint).where(Complaint.id == draft.id)).one()
    if complaint.version == 1 and registering:
        registration.register(
            session,
            complaint,
            values,
            by=by,
            at=at,
            seen_version=1,
            context=engine(),
            departments=register_form.chosen(),
        )
    elif complaint.version == 1:
        registration.save(session, complaint, values, by=by, at=at, seen_version=1, context=engine())
    return complaint
