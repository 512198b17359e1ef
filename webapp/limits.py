"""The times that were agreed with a customer: what stands in its file, and the form that keeps it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from complaints import agreeing, limits
from complaints.calendar import Unit
from complaints.customer_file import StaleFile
from complaints.customers import Customer
from complaints.errors import N_, Name
from complaints.limits import Limit
from complaints.people import ROLES
from complaints.procedure import Procedure
from complaints.registration import Incomplete
from webapp.context import actor, now, seen_version
from webapp.customers import ID, Form, found, refused, who_may_know
from webapp.database import db

bp = Blueprint("limits", __name__)
bp.before_request(who_may_know)
UNITS: Mapping[Unit, str] = {
    Unit.working_hours: N_("working hours"),
    Unit.working_days: N_("working days"),
    Unit.hours: N_("hours, round the clock"),
    Unit.days: N_("calendar days"),
    Unit.months: N_("months"),
}
KINDS: Mapping[str, str] = {
    limits.PART: N_("When a part of the report is done"),
    limits.SIGNED: N_("When it is signed"),
    limits.ENTERED: N_("When it comes to a stage"),
}
BLANK = 2
"""So many rows for a new promise."""


@dataclass(frozen=True)
class Agreed:
    """Something that was agreed, as its reader sees it."""

    name: Name
    limit: Limit
    end: Name | None


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(agreed_with=agreed_with, end_of=end_of)


def agreed_with(customer: Customer) -> list[Agreed]:
    """What was agreed with a customer, in words."""
    known = {rules.key: rules for rules in agreeing.procedures()}
    return [_agreed(known[each.procedure], each) for each in limits.of(customer) if each.procedure in known]


def _agreed(rules: Procedure, limit: Limit) -> Agreed:
    if limit.clock:
        clocks = {rule.key: rule.name for rule in rules.clocks}
        return Agreed(clocks.get(limit.clock, Name(limit.clock, limit.clock)), limit, None)
    return Agreed(Name(limit.name, limit.name), limit, end_of(rules, limit.stops))


def end_of(rules: Procedure, event: str) -> Name:
    """What ends a promise, by its event."""
    return dict(_ends(rules)).get(event, Name(event, event))


def _ends(rules: Procedure) -> Iterator[tuple[str, Name]]:
    """The events that may end a promise, with their names."""
    for part in rules.parts:
        yield f"{limits.PART}:{part.key}", Name(f"{part.mark} {part.name.en}", f"{part.mark} {part.name.zh}")
    for rule in rules.signatures:
        yield f"{limits.SIGNED}:{rule.key}", rule.name
    for stage in rules.stages[1:]:
        yield f"{limits.ENTERED}:{stage.key}", stage.name


@bp.route(f"/customers/{ID}/limits", methods=["GET", "POST"])
def edit(customer_id: int) -> Response | str | tuple[str, int]:
    """Write what was agreed with a customer."""
    session, customer = db.session(), found(customer_id)
    if request.method == "GET":
        return _page(customer, Form(agreeing.as_form(limits.of(customer)), customer.version))
    try:
        agreed = agreeing.parse(request.form)
        agreeing.save(session, customer, agreed, by=actor(), at=now(), seen_version=seen_version())
        session.commit()
    except (Incomplete, StaleFile) as refusal:
        session.rollback()
        customer = found(customer_id)
        stored = agreeing.as_form(limits.of(customer))
        form = refused(refusal, stored={**dict.fromkeys(request.form, ""), **stored}, version=customer.version)
        return _page(customer, form), 409 if isinstance(refusal, StaleFile) else 422
    flash(gettext("The times agreed with %(customer)s are saved. They hold for clocks that begin from now on.",
                  customer=customer.name))  # fmt: skip
    return redirect(url_for("customers.show", customer_id=customer_id, _anchor="limits"), 303)


def _page(customer: Customer, form: Form) -> str:
    rules = agreeing.procedures()
    return render_template(
        "customers/limits.html", customer=customer, form=form, units=UNITS, kinds=KINDS,
        clocks=[(each, limits.tightens(each)) for each in rules if limits.tightens(each)],
        ends=[(each, _grouped(each)) for each in rules],
        keepers=[(key, ROLES[key]) for key in agreeing.keepers(rules)],
        places=range(min(_own(form) + BLANK, agreeing.MOST)),
    )  # fmt: skip


def _own(form: Form) -> int:
    """How many promises of its own a form has."""
    return max((n + 1 for n in range(agreeing.MOST) if form.values.get(f"name-{n}")), default=0)


def _grouped(rules: Procedure) -> Sequence[tuple[str, list[tuple[str, Name]]]]:
    named = [*_ends(rules)]
    return [(kind, [each for each in named if each[0].startswith(f"{kind}:")]) for kind in KINDS]
