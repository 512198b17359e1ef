"""The customer's file (客户基本资料表): what we know of a customer, its people, and who may read that.

Front office and QA keep it. Whom a confidential complaint names has no file by that, and a name that is known from
there alone is free here. Of two who write at once one wins: the whole file, its people included, has one version, and
each version a row that says who made it of the one before.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Select, String, UniqueConstraint, exists, false, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import finding, rows
from complaints.complaint import Query
from complaints.customers import KIND, Contact, Customer, CustomerMerge, findable, survivor
from complaints.database import Base
from complaints.errors import N_, ComplaintError, NotFound, Sentence
from complaints.people import Actor, fold_email
from complaints.registration import Incomplete, Problem
from complaints.texts import clean

NAMES: Mapping[str, str] = {
    "name": N_("Customer"),
    "address": N_("Address"),
    "contact_method": N_("Contact method"),
    "business": N_("Line of business"),
    "profile": N_("Company profile"),
    "region": N_("Region"),
    "care_months": N_("Care interval in months"),
    "key_customer": N_("Key customer"),
}
LIMITS: Mapping[str, int] = {
    "name": 160, "address": 500, "contact_method": 160, "business": 160, "profile": 4_000, "region": 80
}  # fmt: skip
LINES = ("name", "contact_method", "business", "region")
NEEDED = ("name", "address", "contact_method", "business")
LONGEST_INTERVAL = 120
PERSON: Mapping[str, str] = {"name": N_("Name"), "address": N_("E-mail"), "phone": N_("Telephone")}
PERSON_LIMITS: Mapping[str, int] = {"name": 160, "address": 254, "phone": 40}


class FileChange(Base):
    """Somebody changed a customer's file: what stood there before and after, by the names of fields; of a contact
    with its address in `of`."""

    __tablename__ = "file_change"
    __table_args__ = (UniqueConstraint("customer_id", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    version: Mapped[int]
    act: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    of: Mapped[str] = mapped_column(String(254), default="")
    changed: Mapped[dict[str, Any]]


class StaleFile(ComplaintError):
    """Somebody changed the file since it was shown."""

    message = N_("The file of %(customer)s was changed meanwhile. Here is the newest state; please look and try again.")


class GoneOver(StaleFile):
    """The customer was merged into another since its file was shown."""

    message = N_("%(customer)s goes on as %(into)s. Nothing was saved; what you typed is kept here.")


def visible_to(actor: Actor, query: Query) -> Query:
    """Narrow a query over customers to those whose files an actor may know: a sealed one has none."""
    return query.where(Customer.sealed == "" if actor.sees_all else false())


def find(session: Session, customer_id: int, actor: Actor) -> Customer:
    """The customer with this id. Raises `NotFound` alike when there is none and when it is not the actor's to know."""
    customer = session.scalar(visible_to(actor, select(Customer).where(Customer.id == customer_id)))
    if customer is None:
        raise NotFound
    return customer


def found(actor: Actor, typed: str) -> Select[Customer]:
    """The customers that an actor may mean, by name."""
    went_over = CustomerMerge.customer_id == Customer.id, CustomerMerge.taken_back_at.is_(None)
    query = select(Customer).where(~exists().where(*went_over), *finding.matching(KIND, Customer.id, typed))
    return visible_to(actor, query).order_by(Customer.name)


def parse(form: Mapping[str, str]) -> dict[str, Any]:
    """What a form says of a customer. Raises `Incomplete` with everything that is wrong with it."""
    values: dict[str, Any] = {key: clean(form.get(key, ""), lines=key not in LINES) for key in LIMITS}
    problems = [*_too_long(values, LIMITS, NAMES), *_missing(values, NEEDED, NAMES)]
    typed = clean(form.get("care_months", ""), lines=False)
    if typed and not (re.fullmatch(r"[0-9]{1,3}", typed) and 1 <= int(typed) <= LONGEST_INTERVAL):
        message = N_("A whole number of months from 1 to %(most)s")
        problems.append(Problem("care_months", Sentence(message, {"most": LONGEST_INTERVAL})))
    if problems:
        raise Incomplete(problems)
    return values | {"care_months": int(typed) if typed else None, "key_customer": bool(form.get("key_customer"))}


def add(session: Session, values: Mapping[str, Any], *, by: Actor, at: datetime) -> Customer:
    """Begin a customer's file, in the caller's transaction; the same form sent again leads to the same file."""
    row = {**values, "sealed": "", "version": 1}
    added = rows.upsert(Customer, rows.dialect(session)).values(row).on_conflict_do_nothing().returning(Customer.id)
    id_ = session.scalar(added)
    if id_ is None:
        known = session.scalars(_named(values["name"])).one()
        if any(getattr(known, key) != value for key, value in values.items()):
            raise _taken()
        return known
    customer = session.get_one(Customer, id_)
    _note(session, customer, "begun", {key: ["", value] for key, value in values.items() if value}, by=by, at=at)
    findable(session, customer)
    return customer


def save(
    session: Session, customer: Customer, values: Mapping[str, Any], *, by: Actor, at: datetime, seen_version: int
) -> None:
    """Write what changed, in the caller's transaction. Raises `StaleFile` when somebody changed the file since
    `seen_version`, and `Incomplete` for another customer's name."""
    changed = {key: [getattr(customer, key), value] for key, value in values.items() if getattr(customer, key) != value}
    if not changed:
        return
    if "name" in changed and session.scalar(_named(values["name"])) is not None:
        raise _taken()
    take(session, customer, "changed", changed, by=by, at=at, seen_version=seen_version)
    with _alone(session, _taken()):
        for key, value in values.items():
            setattr(customer, key, value)
    findable(session, customer)


def _named(name: str) -> Select[Customer]:
    return select(Customer).where(Customer.name == name, Customer.sealed == "")


def _taken() -> Incomplete:
    return Incomplete([Problem("name", Sentence(N_("There is a customer of this name already")))])


@contextmanager
def _alone(session: Session, otherwise: Incomplete) -> Iterator[None]:
    """What is written inside may be there already by now, from a transaction that began at the same instant."""
    try:
        with session.begin_nested():
            yield
    except IntegrityError:
        raise otherwise from None


def take(
    session: Session, customer: Customer, act: str, changed: Mapping[str, Any], *, by: Actor, at: datetime,
    seen_version: int, of: str = "",
) -> None:  # fmt: skip
    """Take the next version of a file and say what becomes of it: of two people who saw the same one, one wins. Raises
    `StaleFile`, and `GoneOver` where the customer was merged."""
    mine = update(Customer).where(Customer.id == customer.id, Customer.version == seen_version)
    taken = mine.values(version=seen_version + 1).returning(Customer.id)
    if session.scalar(taken.execution_options(synchronize_session=False)) is None:
        raise StaleFile(customer=customer.name)
    session.refresh(customer)
    check_goes_on(session, customer)
    _note(session, customer, act, changed, by=by, at=at, of=of)


def _note(
    session: Session, customer: Customer, act: str, changed: Mapping[str, Any], *, by: Actor, at: datetime, of: str = ""
) -> None:
    values = {"customer_id": customer.id, "version": customer.version, "act": act, "changed": dict(changed), "of": of}
    session.add(FileChange(**values, at=at, by_id=by.id))


def check_goes_on(session: Session, customer: Customer) -> None:
    """Raises `GoneOver` for a customer that was merged: nothing is written into its file any more."""
    if (into := survivor(session, customer)) is not customer:
        raise GoneOver(customer=customer.name, into=into.name)


def last_change(session: Session, customer_id: int) -> FileChange | None:
    """The change that made a file what it is."""
    newest = select(FileChange).where(FileChange.customer_id == customer_id).order_by(FileChange.version.desc())
    return session.scalar(newest.limit(1))


def people(session: Session, customer_id: int) -> Sequence[Contact]:
    """A customer's contacts by name, who left last."""
    here = select(Contact).where(Contact.customer_id == customer_id)
    return session.scalars(here.order_by(Contact.left_at.is_not(None), Contact.name, Contact.id)).all()


def parse_person(form: Mapping[str, str]) -> dict[str, str]:
    """What a form says of a customer's contact. Raises `Incomplete`."""
    values = {key: clean(form.get(key, ""), lines=False) for key in PERSON}
    problems = [*_too_long(values, PERSON_LIMITS, PERSON), *_missing(values, ("name", "address"), PERSON)]
    if values["address"] and not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", values["address"]):
        problems.append(Problem("address", Sentence(N_("This is not an e-mail address"))))
    if problems:
        raise Incomplete(problems)
    return values | {"address": fold_email(values["address"])}


def put_person(
    session: Session,
    customer: Customer,
    values: Mapping[str, str],
    *,
    by: Actor,
    at: datetime,
    seen_version: int,
    contact: Contact | None = None,
) -> None:
    """Add a contact to a file, or change the one that is in it, in the caller's transaction. Who only wrote to us so
    far is taken into the file; who belongs to another customer is moved from there. Raises `StaleFile`, `Incomplete`.
    What changes nothing leaves no trace."""
    of_address = select(Contact).where(Contact.address == values["address"]).with_for_update()
    known = session.scalar(of_address.execution_options(populate_existing=True))
    taken = Incomplete([Problem("address", Sentence(N_("This address belongs to a contact that is known already")))])
    if known is not contact and known is not None and (contact or known.customer_id not in (None, customer.id)):
        raise taken
    person = contact or known
    before = {key: getattr(person, key) if person else "" for key in values}
    changed = {key: [before[key], value] for key, value in values.items() if before[key] != value}
    if not changed and person is not None and person.customer_id == customer.id:
        return
    act = "contact_changed" if contact else "contact_added"
    take(session, customer, act, changed, by=by, at=at, seen_version=seen_version, of=values["address"])
    with _alone(session, taken):
        if person is None:
            person = Contact(last_wrote_at=at)
            session.add(person)
        person.address, person.name, person.phone = values["address"], values["name"], values["phone"]
        person.customer_id, person.left_at = customer.id, person.left_at if contact else None
    findable(session, customer)


def move_person(
    session: Session, contact: Contact, customer: Customer, to: Customer, *, by: Actor, at: datetime, seen_version: int
) -> None:
    """Let a contact belong to another customer, in the caller's transaction; the complaints stay where they are."""
    changed = {"customer": [customer.name, to.name]}
    if to.id == customer.id:
        return
    take(session, customer, "contact_moved", changed, by=by, at=at, seen_version=seen_version, of=contact.address)
    contact.customer_id, contact.left_at = to.id, None
    findable(session, customer)
    findable(session, to)


def no_such_customer() -> Incomplete:
    """Why a contact cannot be moved to whom nobody knows."""
    return Incomplete([Problem("customer", Sentence(N_("There is no customer of this name")))])


def leave(
    session: Session, contact: Contact, customer: Customer, *, left: bool, by: Actor, at: datetime, seen_version: int
) -> None:
    """A contact works at the customer no more, or does after all: who left is not offered any more."""
    if left == (contact.left_at is not None):
        return
    act = "contact_left" if left else "contact_back"
    take(session, customer, act, {}, by=by, at=at, seen_version=seen_version, of=contact.address)
    contact.left_at = at if left else None


def _too_long(values: Mapping[str, str], limits: Mapping[str, int], names: Mapping[str, str]) -> list[Problem]:
    message = N_("%(field)s may have %(limit)s characters; this has %(length)s")
    return [
        Problem(key, Sentence(message, {"field": Sentence(names[key]), "limit": limit, "length": len(values[key])}))
        for key, limit in limits.items()
        if len(values[key]) > limit
    ]


def _missing(values: Mapping[str, str], needed: tuple[str, ...], names: Mapping[str, str]) -> list[Problem]:
    message = N_("%(field)s is missing")
    return [Problem(key, Sentence(message, {"field": Sentence(names[key])})) for key in needed if not values[key]]
