"""Customers: the list with its search, a customer's file, and the forms that keep it.

Front office and QA see and keep them. A form that was refused is shown again as it was sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import communications, customer_file, customer_merge
from complaints.complaint import Complaint, visible_to
from complaints.customer_file import NAMES, PERSON, StaleFile
from complaints.customers import Contact, Customer, survivor
from complaints.errors import ComplaintError, NotFound, Sentence
from complaints.people import Department, User
from complaints.procedure import newest, of
from complaints.registration import Incomplete
from webapp.context import actor, now, seen_version, zone
from webapp.database import db
from webapp.htmx import partial

bp = Blueprint("customers", __name__)
ID = "<int(max=2147483647):customer_id>"
PAGE = 40


@dataclass(frozen=True)
class Form:
    """A form as it was sent or as the file says, with what is wrong with it."""

    values: Mapping[str, str]
    version: int = 0
    refused: Sentence | None = None
    problems: Mapping[str, Sentence] = field(default_factory=dict)
    newest: Mapping[str, str] = field(default_factory=dict)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.before_request
def who_may_know() -> None:
    """Customers are known to front office and QA; for others there is nothing here."""
    if not actor().sees_all:
        raise NotFound


@bp.get("/customers")
def listed() -> str:
    """Customers by name; `?q=` finds some, `?after=` goes on after one."""
    typed, after = request.args.get("q", "")[:200], request.args.get("after", type=int)
    query = customer_file.found(actor(), typed)
    if after is not None and (last := _customer_or_none(after)):
        query = query.where(Customer.name > last.name)
    found = db.session.scalars(query.limit(PAGE + 1)).all()
    waiting = customer_file.visible_to(actor(), communications.unanswered()).limit(PAGE)
    return render_template(
        "customers/_list.html" if partial() else "customers/customers.html",
        customers=found[:PAGE],
        more=found[PAGE - 1].id if len(found) > PAGE else None,
        q=typed,
        enquiries=db.session.execute(waiting).all() if not typed and after is None else [],
    )


def _customer_or_none(id_: int) -> Customer | None:
    return db.session.get(Customer, id_) if 0 < id_ < 2**31 else None


@bp.get(f"/customers/{ID}")
def show(customer_id: int) -> str:
    return file_page(found(customer_id))


def found(customer_id: int) -> Customer:
    """The customer, if the reader may know of it."""
    return customer_file.find(db.session(), customer_id, actor())


def goes_on(customer_id: int) -> Customer:
    """The customer, or who goes on for it since it was merged."""
    return survivor(db.session(), found(customer_id))


def file_page(
    customer: Customer,
    *,
    person: Form | None = None,
    talk: Form | None = None,
    answering: tuple[int, Form] | None = None,
    merging: Form | None = None,
) -> str:
    """A customer's file. `person`, `talk`, `answering` and `merging` are forms that were refused."""
    session = db.session()
    gone = customer_merge.of(session, customer.id)
    before = request.args.get("before", type=int)
    query = visible_to(actor(), select(Complaint).where(Complaint.customer_id == customer.id))
    if before is not None and 0 < before < 2**31:
        query = query.where(Complaint.id < before)
    theirs = session.scalars(query.order_by(Complaint.id.desc()).limit(PAGE + 1)).all()
    older = request.args.get("older", type=int)
    last = session.get(communications.Communication, older) if older and 0 < older < 2**31 else None
    talks = communications.of(
        session, customer.id, before=(last.on, last.id) if last else None, most=PAGE + 1
    )  # fmt: skip
    changed = customer_file.last_change(session, customer.id)
    people = {row.id: row.name for row in session.execute(select(User.id, User.name))}
    return render_template(
        "customers/show.html",
        customer=customer,
        names=NAMES,
        contacts=customer_file.people(session, customer.id),
        complaints=[(each, of(each).stage(each.stage).name) for each in theirs[:PAGE]],
        older_complaints=theirs[PAGE - 1].id if len(theirs) > PAGE else None,
        talks=talks[:PAGE],
        older_talks=talks[PAGE - 1].id if len(talks) > PAGE else None,
        changed=changed,
        people=people,
        departments=session.scalars(select(Department).order_by(Department.id)).all(),
        kinds=communications.KINDS,
        classes={key: name for rules in reversed(newest()) for key, name in rules.classes.items()},
        person=person or Form({}, customer.version),
        talk=talk or blank_talk(),
        answering=answering,
        blank=Form({}),
        merging=merging or Form({}, customer.version),
        into=session.get(Customer, gone.into_id) if gone else None,
    )


def blank_talk() -> Form:
    return Form({"on": now().astimezone(zone()).date().isoformat(), "kind": "enquiry"})


@bp.route("/customers/new", methods=["GET", "POST"])
def new() -> Response | str | tuple[str, int]:
    """Begin a customer's file."""
    if request.method == "GET":
        return _form_page(None, Form({"name": request.args.get("name", "")[:160]}))
    session = db.session()
    try:
        values = customer_file.parse(request.form)
        customer = customer_file.add(session, values, by=actor(), at=now())
        session.commit()
    except Incomplete as refusal:
        session.rollback()
        return _form_page(None, refused(refusal)), 422
    flash(gettext("The file of %(customer)s is saved.", customer=customer.name))
    return redirect(url_for(".show", customer_id=customer.id), 303)


@bp.route(f"/customers/{ID}/edit", methods=["GET", "POST"])
def edit(customer_id: int) -> Response | str | tuple[str, int]:
    """Change what a file says."""
    customer = found(customer_id)
    if request.method == "GET":
        return _form_page(customer, Form(_as_form(customer), customer.version))
    session = db.session()
    try:
        values = customer_file.parse(request.form)
        customer_file.save(session, customer, values, by=actor(), at=now(), seen_version=seen_version())
        session.commit()
    except (Incomplete, StaleFile) as refusal:
        session.rollback()
        customer = found(customer_id)
        stale = isinstance(refusal, StaleFile)
        return _form_page(customer, refused(refusal, stored=_as_form(customer), version=customer.version)), (
            409 if stale else 422
        )
    flash(gettext("The file of %(customer)s is saved.", customer=customer.name))
    return redirect(url_for(".show", customer_id=customer.id), 303)


def refused(refusal: ComplaintError, *, stored: Mapping[str, str] | None = None, version: int = 0) -> Form:
    """A form as it was sent, with why it was not taken; of a stale one with what is `stored` now where that differs."""
    sent = {key: text.replace("\r\n", "\n") for key, text in request.form.items()}
    problems = {each.field: each.sentence for each in refusal.problems} if isinstance(refusal, Incomplete) else {}
    stale = isinstance(refusal, StaleFile)
    differing = {
        key: value for key, value in (stored or {}).items() if stale and sent.get(key, "").strip() != value.strip()
    }
    seen = version if stale else seen_version()
    return Form(sent, seen, refusal.sentence, problems, differing)


def _as_form(customer: Customer) -> dict[str, str]:
    values = {key: getattr(customer, key) for key in NAMES}
    return {
        key: ("yes" if value else "") if isinstance(value, bool) else "" if value is None else str(value)
        for key, value in values.items()
    }


def _form_page(customer: Customer | None, form: Form) -> str:
    return render_template("customers/edit.html", customer=customer, form=form, names=NAMES)


@bp.post(f"/customers/{ID}/contacts")
def add_contact(customer_id: int) -> Response | tuple[str, int]:
    """Add a contact."""
    session, customer = db.session(), found(customer_id)
    try:
        values = customer_file.parse_person(request.form)
        customer_file.put_person(session, customer, values, by=actor(), at=now(), seen_version=seen_version())
        session.commit()
    except (Incomplete, StaleFile) as refusal:
        session.rollback()
        customer = goes_on(customer_id)
        status = 409 if isinstance(refusal, StaleFile) else 422
        return file_page(customer, person=refused(refusal, version=customer.version)), status
    flash(gettext("%(name)s is a contact of %(customer)s.", name=values["name"], customer=customer.name))
    return redirect(url_for(".show", customer_id=customer_id, _anchor="contacts"), 303)


@bp.route(f"/customers/{ID}/contacts/<int(max=2147483647):contact_id>", methods=["GET", "POST"])
def contact(customer_id: int, contact_id: int) -> Response | str | tuple[str, int]:
    """Change a contact, move it to another customer (`act=move`), or mark that it left (`act=left`, `act=back`)."""
    session, customer = db.session(), found(customer_id)
    person = session.get(Contact, contact_id)
    if person is None or person.customer_id not in (customer_id, goes_on(customer_id).id):
        raise NotFound
    stored = {key: getattr(person, key) for key in PERSON}
    if request.method == "GET":
        return _contact_page(customer, person, Form(stored, customer.version))
    try:
        _change(customer, person, request.form.get("act", ""))
        session.commit()
    except (Incomplete, StaleFile) as refusal:
        session.rollback()
        customer, person = goes_on(customer_id), session.get_one(Contact, contact_id)
        stored = {key: getattr(person, key) for key in PERSON if key in request.form}
        form = refused(refusal, stored=stored, version=customer.version)
        kept = Form({**{key: getattr(person, key) for key in PERSON}, **form.values}, form.version, form.refused,
                    form.problems, form.newest)  # fmt: skip
        return _contact_page(customer, person, kept), 409 if isinstance(refusal, StaleFile) else 422
    flash(gettext("%(name)s is saved.", name=person.name or person.address))
    return redirect(url_for(".show", customer_id=customer_id, _anchor="contacts"), 303)


def _change(customer: Customer, person: Contact, act: str) -> None:
    session = db.session()
    done: dict[str, Any] = {"by": actor(), "at": now(), "seen_version": seen_version()}
    if act in ("left", "back"):
        customer_file.leave(session, person, customer, left=act == "left", **done)
    elif act == "move":
        customer_file.move_person(session, person, customer, _named(request.form.get("customer", "")), **done)
    else:
        values = customer_file.parse_person(request.form)
        customer_file.put_person(session, customer, values, contact=person, **done)


def _named(name: str) -> Customer:
    query = select(Customer).where(Customer.name == " ".join(name.split()))
    customer = db.session.scalar(customer_file.visible_to(actor(), query))
    if customer is None:
        raise customer_file.no_such_customer()
    return survivor(db.session(), customer)


def _contact_page(customer: Customer, person: Contact, form: Form) -> str:
    return render_template("customers/contact.html", customer=customer, person=person, form=form, names=PERSON)


@bp.post(f"/customers/{ID}/merge")
def merge(customer_id: int) -> Response | tuple[str, int]:
    """Let a customer go over into the one whose name was typed."""
    session, customer = db.session(), found(customer_id)
    try:
        into = _named(request.form.get("customer", ""))
        customer_merge.merge(session, customer, into, by=actor(), at=now(), seen_version=seen_version())
        session.commit()
    except (Incomplete, StaleFile) as refusal:
        session.rollback()
        customer = found(customer_id)
        status = 409 if isinstance(refusal, StaleFile) else 422
        return file_page(customer, merging=refused(refusal, version=customer.version)), status
    flash(gettext("%(customer)s goes on as %(into)s.", customer=customer.name, into=into.name))
    return redirect(url_for(".show", customer_id=into.id), 303)


@bp.post(f"/customers/{ID}/merge/undo")
def take_apart(customer_id: int) -> Response:
    """Two customers are two after all."""
    customer = found(customer_id)
    into = customer_merge.take_back(db.session(), customer, by=actor(), at=now())
    db.session.commit()
    flash(gettext("%(customer)s is a customer apart from %(into)s again.", customer=customer.name, into=into.name))
    return redirect(url_for(".show", customer_id=customer_id), 303)
