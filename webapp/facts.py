"""The facts of a complaint: its register entry field by field, each edited where it stands.

A plain link leads to a small page with the one field, htmx puts the same form in its place. Two who change different
facts do not get in each other's way; of two who change the same, the second sees both texts.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup, escape
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import classes, field_history, off_board, registration, workflow
from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS, Complaint, find
from complaints.customers import Customer
from complaints.errors import N_, ComplaintError, Name, NotAllowed, NotFound, Sentence, StaleComplaint
from complaints.procedure import of
from complaints.registration import Incomplete, Problem, Values
from webapp import drafts, record_facts
from webapp.context import actor, engine, now, seen_version, zone
from webapp.database import db
from webapp.draft_forms import FACT
from webapp.drafts import Line
from webapp.fact_fields import GROUPS, LONG, NAMES, SHOWN
from webapp.htmx import partial
from webapp.language import day, in_my_language, lang_of
from webapp.timeline import field_name

bp = Blueprint("facts", __name__)
A_FACT = "/complaints/<number>/facts/<field>"


@dataclass(frozen=True)
class Fact:
    """One field of the entry, or a few that belong together, with what stands there."""

    key: str
    label: str
    fields: tuple[str, ...]
    words: Markup
    editable: bool
    begun: bool = False
    """Was it changed by the reader and not saved?"""
    changed: Set[str] = frozenset()
    """Those of its fields that have a history, as far as that was asked."""


@dataclass(frozen=True)
class Form:
    """A fact as a form: see `webapp.register_form.Form`, whose parts the fields of both use."""

    values: Mapping[str, str]
    editable: frozenset[str]
    version: int
    refused: Sentence | None = None
    problems: Mapping[str, Sentence] = field(default_factory=dict)
    newest: Mapping[str, str] = field(default_factory=dict)
    draft: Line | None = None


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(facts_of=facts)


def facts(complaint: Complaint, entry: Values, *, editable: bool = True) -> list[Fact]:
    """The facts of a complaint in their order, those that nobody knows yet as well."""
    writable = registration.writable(complaint, actor()) if editable else frozenset()
    left_out = of(complaint).left_out
    asked_for = (key for key in SHOWN if any(entry[n] or n not in left_out for n in GROUPS.get(key, (key,))))
    return [_fact(complaint, entry, key, writable) for key in asked_for]


def _fact(complaint: Complaint, entry: Values, key: str, writable: frozenset[str]) -> Fact:
    fields = GROUPS.get(key, (key,))
    label = gettext(NAMES[key]) if key in NAMES else field_name(key, of(complaint))
    words = Markup("<br>").join(filter(None, (_words(complaint, entry, name) for name in fields)))
    editable = bool(writable & {*fields})
    return Fact(key, label, fields, words, editable, editable and drafts.begun(complaint, f"{FACT}:{key}"))


def _words(complaint: Complaint, entry: Values, name: str) -> Markup:
    value = entry[name]
    if value is None or value == "":
        return Markup("")
    if name == "customer" and actor().sees_all and not of(complaint).confidential:
        address = url_for("customers.show", customer_id=complaint.customer_id)
        return Markup('<a href="{}"{}>{}</a>').format(address, lang_of(value), value)
    if name in (known := _choices(complaint)):
        return escape(in_my_language(known[name][value]) if value in known[name] else value)
    text = day(value) if isinstance(value, date) else str(value)
    return Markup("<span{}>{}</span>").format(lang_of(text), text)


def _choices(complaint: Complaint) -> dict[str, Mapping[str, Name]]:
    return {
        "channel": CHANNELS, "complaint_class": of(complaint).classes, "cause_type": CAUSE_TYPES, "link": LINKS
    }  # fmt: skip


@bp.get("/complaints/<number>/facts")
def histories(number: str) -> Response | str:
    """Which facts have a history: asked when somebody comes to the facts, not with every page."""
    complaint = find(db.session(), number, actor())
    if not partial():
        return redirect(url_for("changes.history", number=number))
    changed = field_history.changed(db.session(), complaint.id)
    fields = {key: GROUPS.get(key, (key,)) for key in SHOWN}
    found = [Fact(key, "", each, Markup(""), False) for key, each in fields.items() if changed & {*each}]
    written = record_facts.written(complaint)
    stated = [(sheet, each) for sheet, each in of(complaint).facts if f"{sheet.key}.{each.key}" in written]
    return render_template(
        "complaint/fact_histories.html", complaint=complaint, facts=found, changed=changed, stated=stated,
        written=written,
    )  # fmt: skip


@bp.get(A_FACT)
def edit(number: str, field: str) -> str:
    """The form for a fact; `?as=shown` gives htmx the fact itself back."""
    complaint = find(db.session(), number, actor())
    fact = _named(complaint, field)
    if partial() and request.args.get("as") == "shown":
        return _row(complaint, fact)
    return _form_page(complaint, fact)


@bp.post(A_FACT)
def save(number: str, field: str) -> Response | str | tuple[str, int]:
    """Write a fact."""
    session = db.session()
    complaint = find(session, number, actor())
    fact = _named(complaint, field)
    typed = {name: request.form[name] for name in fact.fields if name in request.form}
    try:
        rules, today = of(complaint), now().astimezone(zone()).date()
        values, problems = registration.parse(typed, rules=rules, today=today)
        if not problems and (unknown := _unknown_customer(complaint, values)):
            problems.append(unknown)
        if problems:
            raise Incomplete(problems)
        workflow.hold(session, complaint)
        registration.save(
            session, complaint, values, by=actor(), at=now(), seen_version=_seen(complaint, fact), context=engine(),
            why=request.form.get(registration.WHY, ""),
        )  # fmt: skip
        drafts.sent(complaint)
        session.commit()
    except (Incomplete, StaleComplaint) as refusal:
        session.rollback()
        complaint = find(session, number, actor())
        status = 409 if isinstance(refusal, StaleComplaint) else 422
        return _form_page(complaint, _named(complaint, field), typed, refusal), status
    if not partial():
        flash(gettext("The entry of %(number)s is saved.", number=number))
        return redirect(url_for("complaint.show", number=number, _anchor=f"fact-{fact.key}"), 303)
    if _reaches_further(complaint, fact):
        answer = current_app.response_class("")
        answer.headers["HX-Refresh"] = "true"
        return answer
    return _row(complaint, _named(complaint, field))


def _unknown_customer(complaint: Complaint, values: Values) -> Problem | None:
    """A name that no customer has is a slip more often than a new customer: it is added only when that is ticked."""
    name = " ".join(str(values.get("customer") or "").split())
    if not name or "new_customer" in request.form or of(complaint).confidential:
        return None
    if db.session.scalar(select(Customer.id).where(Customer.name == name, Customer.sealed == "")) is not None:
        return None
    message = N_("There is no customer “%(name)s” yet. Tick that it is a new one, or choose one that is offered.")
    return Problem("customer", Sentence(message, {"name": name}))


def _seen(complaint: Complaint, fact: Fact) -> int:
    """The version that counts as seen: the newest, as long as nobody changed this fact since the form was made."""
    seen = seen_version()
    theirs = field_history.changed(db.session(), complaint.id, since=seen)
    return complaint.version if seen and not theirs & {*fact.fields} else seen


def _reaches_further(complaint: Complaint, fact: Fact) -> bool:
    """Does more than its own place on the page depend on a fact: the class, and what signatures cover?"""
    covered = {ref for rule in of(complaint).signatures for ref in rule.covers}
    return complaint.registered_at is None or bool({*fact.fields} & {classes.CLASS, "subject", *covered})


def _named(complaint: Complaint, name: str) -> Fact:
    """The fact of this name, or with this field in it, that the reader may edit."""
    key = next((key for key in SHOWN if name in (key, *GROUPS.get(key, ()))), None)
    if key is None:
        raise NotFound
    writable = frozenset() if off_board.is_off(complaint) else registration.writable(complaint, actor())
    fact = _fact(complaint, registration.entry_of(db.session(), complaint), key, writable)
    if not fact.editable:
        raise NotAllowed(who=registration.who_registers(of(complaint)))
    return fact


def _row(complaint: Complaint, fact: Fact) -> str:
    told = replace(fact, changed=field_history.changed(db.session(), complaint.id))
    return render_template("complaint/_fact.html", complaint=complaint, fact=told, back=True)


def _form_page(
    complaint: Complaint, fact: Fact, typed: Mapping[str, str] | None = None, refusal: ComplaintError | None = None
) -> str:
    session, rules = db.session(), of(complaint)
    stored = registration.as_form(registration.entry_of(session, complaint))
    sent = {name: text.replace("\r\n", "\n") for name, text in (typed or {}).items()}
    stale, draft = isinstance(refusal, StaleComplaint), f"{FACT}:{fact.key}"
    version = complaint.version if stale or typed is None else seen_version()
    if typed is None and (kept := drafts.kept(complaint, draft)) is not None:
        sent = {name: kept[name] for name in (*fact.fields, registration.WHY) if name in kept}
        version = kept.get("version", 0, type=int)
    newest = {name: stored[name] for name in sent if stale and sent[name].strip() != stored[name].strip()}
    form = Form(
        stored | {registration.WHY: request.form.get(registration.WHY, "")} | sent,
        frozenset({*fact.fields, registration.WHY}),
        version,
        refused=refusal.sentence if refusal else None,
        problems=_problems(refusal),
        newest=newest,
        draft=drafts.line(complaint, draft),
    )
    whole: dict[str, Any] = {
        "complaint": complaint, "rules": rules, "fact": fact, "form": form, "choices": _choices(complaint),
        "kinds": _kinds(),
        "lowers": classes.CLASS in fact.fields and complaint.registered_at and classes.may_lower(rules, actor()),
        "changed": field_history.changed(session, complaint.id),
    }  # fmt: skip
    return render_template("complaint/_fact_form.html" if partial() else "complaint/fact.html", **whole)


def _kinds() -> Mapping[str, str]:
    """How each field is typed."""
    dates, numbers = dict.fromkeys(registration.DATES, "date"), {registration.SEVERITY: "number"}
    texts = dict.fromkeys((*LONG, "content"), "text")
    return dates | numbers | texts | dict.fromkeys((*registration.CHOICES, classes.CLASS), "choice")


def _problems(refusal: ComplaintError | None) -> Mapping[str, Sentence]:
    return {each.field: each.sentence for each in refusal.problems} if isinstance(refusal, Incomplete) else {}
