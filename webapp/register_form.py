"""The register entry as a form: what stands in it, what is wrong with it, and what others wrote meanwhile.

Whoever sends it in is next door, in registering.py.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import render_template, request
from sqlalchemy import select

from complaints import registration
from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS, Complaint
from complaints.customers import Contact, Customer
from complaints.errors import ComplaintError, MoveRefused, Name, Sentence, StaleComplaint
from complaints.letters import Letter
from complaints.people import Department
from complaints.procedure import Procedure, newest, of, offered, procedure, usual
from complaints.registration import FIELDS, Incomplete, Problem, Values
from webapp import drafts
from webapp.context import actor, now, seen_version, zone
from webapp.database import db


@dataclass(frozen=True)
class Form:
    """The register entry as a form: what stands in it, what is wrong with it, what others wrote meanwhile."""

    values: Mapping[str, str]
    editable: frozenset[str]
    departments: Sequence[Department]
    chosen: frozenset[int]
    version: int = 0
    key: str = ""
    refused: Sentence | None = None
    problems: Mapping[str, Sentence] = field(default_factory=dict)
    others: Sequence[Sentence] = ()
    """Reasons that belong to no field."""
    newest: Mapping[str, str] = field(default_factory=dict)
    """The stored values of the fields where something else was typed."""
    procedure: str = ""
    procedures: Sequence[Procedure] = ()
    """Those to choose from, where there is a choice."""

    @property
    def whole(self) -> bool:
        return len(self.editable) == len(FIELDS)


def form(
    complaint: Complaint,
    entered: Values,
    departments: Sequence[Department],
    typed: Mapping[str, str] | None,
    refusal: ComplaintError | None,
) -> Form:
    """The form of a complaint's entry; of a draft, with what its first letter says."""
    stored = registration.as_form(entered)
    values = dict(stored)
    if complaint.registered_at is None and (first := _first_letter(complaint)) is not None:
        contact = db.session.get(Contact, complaint.contact_id) if complaint.contact_id else None
        customer = db.session.get(Customer, contact.customer_id) if contact and contact.customer_id else None
        for name, value in registration.prefill(first, contact, customer, zone=zone()).items():
            values[name] = values[name] or value
    values["content"] = values["content"][: registration.LIMITS["content"]]
    changed_since, version = {}, complaint.version
    kept = drafts.kept(complaint, "entry") if typed is None else None
    if kept is not None:
        values |= {name: kept[name] for name in (*FIELDS, registration.WHY) if name in kept}
        version = kept.get("version", 0, type=int)
    if typed is not None:
        sent = {name: typed[name].replace("\r\n", "\n") for name in FIELDS if name in typed}
        values |= sent
        seen = seen_version(typed)
        if isinstance(refusal, StaleComplaint):
            theirs = registration.entered_since(db.session(), complaint, seen)
            changed_since = {n: stored[n] for n in sent if n in theirs and sent[n].strip() != stored[n].strip()}
        else:
            version = seen
    return Form(
        values,
        registration.writable(complaint, actor()),
        () if asked(of(complaint)).quiet else departments,
        chosen(kept),
        version=version,
        newest=changed_since,
        procedure=asked(of(complaint)).key,
        procedures=_choosable(complaint) if complaint.registered_at is None else (),
        **reasons(refusal),
    )


def _first_letter(complaint: Complaint) -> Letter | None:
    of = select(Letter).where(Letter.complaint_id == complaint.id).order_by(Letter.received_at, Letter.id)
    return db.session.scalar(of.limit(1))


def new_page(typed: Mapping[str, str], refusal: ComplaintError | None = None) -> str:
    here = now().astimezone(zone())
    blank = {
        **dict.fromkeys(FIELDS, ""), "channel": "phone", "complaint_date": here.date().isoformat(),
        "received_at": here.strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip
    rules = asked(usual())
    form = Form(
        blank | {name: typed[name] for name in blank if name in typed},
        frozenset(FIELDS),
        () if rules.quiet else db.session.scalars(select(Department).order_by(Department.id)).all(),
        chosen(),
        key=typed.get("key") or secrets.token_urlsafe(16),
        procedure=rules.key,
        procedures=offered() if len(offered()) > 1 else (),
        **reasons(refusal),
    )
    return render_template(
        "complaint/new.html",
        form=form,
        rules=rules,
        choices=choices(rules),
        latest=here.strftime("%Y-%m-%dT%H:%M"),
        may_register=registration.may_register(rules, actor()),
        who_registers=registration.who_registers(rules),
    )


def asked(rules: Procedure) -> Procedure:
    """The procedure that was chosen in a form; the one it is, where none was."""
    key = request.values.get("procedure", rules.key)[:40]
    return rules if key == rules.key else procedure(key)


def _choosable(complaint: Complaint) -> Sequence[Procedure]:
    """The procedures that the reader may choose for a draft, its own among them; none where there is no choice."""
    used = {rules.key for rules in offered()}
    known = [
        rules
        for rules in newest()
        if rules.key == complaint.procedure
        or (rules.key in used and registration.may_choose(db.session(), complaint, rules, actor()))
    ]
    return known if len(known) > 1 else ()


def parsed(rules: Procedure) -> tuple[Values, list[Problem]]:
    """What the form says, by these rules; a class of the procedure that was left is nothing."""
    typed = {name: text for name, text in request.form.items() if name in FIELDS}
    if typed.get("complaint_class", "") not in rules.classes and any(
        typed.get("complaint_class") in each.classes for each in newest() if each.key != rules.key
    ):
        typed["complaint_class"] = ""
    return registration.parse(typed, rules=rules, today=now().astimezone(zone()).date())


def with_lacking(values: Values, rules: Procedure, problems: list[Problem]) -> list[Problem]:
    """What is wrong with a form, and what it lacks besides."""
    told = {problem.field for problem in problems}
    return problems + [lack for lack in registration.lacking(values, rules) if lack.field not in told]


def reasons(refusal: ComplaintError | None) -> dict[str, Any]:
    """A refusal as the parts of a form."""
    if refusal is None:
        return {}
    told: list[tuple[str | None, Sentence]] = []
    if isinstance(refusal, Incomplete):
        told = [(problem.field, problem.sentence) for problem in refusal.problems]
    elif isinstance(refusal, MoveRefused):
        told = [(missing.field, missing.sentence) for missing in refusal.missing]
    return {
        "refused": refusal.sentence,
        "problems": {name: text for name, text in told if name},
        "others": [text for name, text in told if not name],
    }


def chosen(kept: drafts.Typed | None = None) -> frozenset[int]:
    """The departments that were ticked in this request, or in what was `kept` of the form."""
    said = request.form if kept is None else kept
    return frozenset(id for id in said.getlist("departments", type=int) if 0 < id < 2**31)


def choices(rules: Procedure) -> dict[str, Mapping[str, Name]]:
    return {"channel": CHANNELS, "complaint_class": rules.classes, "cause_type": CAUSE_TYPES, "link": LINKS}
