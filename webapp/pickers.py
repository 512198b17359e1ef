"""What is offered while a customer, a contact or a product is typed: at most twenty, for those who may know them."""

from flask import Blueprint, Flask, abort, render_template, request
from sqlalchemy import ColumnElement, select

from complaints import customer_file, products
from complaints.complaint import find
from complaints.customers import Contact, Customer
from complaints.errors import NotFound
from complaints.finding import SHOWN, fold
from webapp.context import actor
from webapp.database import db

bp = Blueprint("pickers", __name__)
LONGEST = 200
Offer = tuple[str, str, dict[str, str], dict[str, str]]
"""A name, what tells it from others, what choosing it puts into the form, and what only where nothing stands."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.before_request
def who_may_know() -> None:
    """Customers are known to front office and QA."""
    if not actor().sees_all:
        raise NotFound


@bp.get("/suggestions/customers")
def customer() -> str:
    """Customers by name, pinyin, telephone, address, in any order of words."""
    typed = _typed("customer")
    query = customer_file.found(actor(), typed).limit(SHOWN) if typed else None
    found = db.session.scalars(query).all() if query is not None else []
    return render_template("customers/_offered.html", field="customer", offers=[_of_customer(each) for each in found])


def _of_customer(each: Customer) -> Offer:
    return each.name, each.address, {"customer": each.name}, {"address": each.address}


@bp.get("/suggestions/contacts")
def contact_person() -> str:
    """The contacts of the customer that is named in the form or on the complaint, who work there still."""
    typed, whose = fold(_typed("contact_person")), _customer_id()
    here = select(Contact).where(Contact.customer_id == whose, Contact.left_at.is_(None)).order_by(Contact.name)
    known = db.session.scalars(here.limit(500)).all() if whose else []
    found = [each for each in known if all(word in fold(f"{each.name} {each.address}") for word in typed.split())]
    offers: list[Offer] = [
        (
            each.name or each.address, each.address,
            {"contact_person": each.name, "contact_phone": each.phone, "contact_email": each.address}, {},
        )
        for each in found[:SHOWN]
    ]  # fmt: skip
    return render_template("customers/_offered.html", field="contact_person", offers=offers)


def _customer_id() -> int | None:
    if "customer" in request.args:
        same: ColumnElement[bool] = Customer.name == " ".join(_typed("customer").split())
    else:
        complaint = find(db.session(), request.args.get("complaint", "")[:20], actor())
        same = Customer.id == (complaint.customer_id or 0)
    return db.session.scalar(customer_file.visible_to(actor(), select(Customer.id).where(same)))


@bp.get("/suggestions/products")
def product() -> str:
    """Products that complaints named before."""
    typed = _typed("product")
    found = db.session.scalars(products.found(typed)).all() if typed else []
    offers = [
        (
            each.name, " · ".join(filter(None, (each.model, each.material_no))), {"product": each.name},
            {"model": each.model, "material_no": each.material_no},
        )
        for each in found
    ]  # fmt: skip
    return render_template("customers/_offered.html", field="product", offers=offers)


def _typed(name: str) -> str:
    typed = request.args.get(name, "").strip()
    if len(typed) > LONGEST or "\x00" in typed:
        abort(400)
    return typed
