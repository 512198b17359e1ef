"""Customers and the people who write for them.

Intake creates contacts only; which customer a contact belongs to is chosen by a person when a complaint is
registered. What else is known of a customer, and who may read it, is next door in customer_file.py.
"""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Executable, ForeignKey, Index, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import finding, rows
from complaints.database import Base
from complaints.people import fold_email

KIND = "customer"
"""What customers are among all that can be found."""


class Customer(Base):
    """A company that buys from us. `sealed`: the number of the confidential complaint that alone knows it; it has no
    file, and its name is free for everybody else. `limits`: the times that were agreed with it, see limits.py."""

    __tablename__ = "customer"
    __table_args__ = (UniqueConstraint("name", "sealed"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(160))
    sealed: Mapped[str] = mapped_column(String(20), default="")
    address: Mapped[str] = mapped_column(Text, default="")
    contact_method: Mapped[str] = mapped_column(String(160), default="")
    business: Mapped[str] = mapped_column(String(160), default="")
    region: Mapped[str] = mapped_column(String(80), default="")
    profile: Mapped[str] = mapped_column(Text, default="")
    key_customer: Mapped[bool] = mapped_column(default=False)
    care_months: Mapped[int | None]
    limits: Mapped[list[Any] | None]
    version: Mapped[int] = mapped_column(default=1)


class CustomerMerge(Base):
    """A customer turned out to be another; `moved`: what went over, by its kind (ids). See customer_merge.py."""

    __tablename__ = "customer_merge"
    __table_args__ = (Index("ix_customer_merge_customer_id", "customer_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    into_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    moved: Mapped[dict[str, Any]]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    at: Mapped[datetime]
    taken_back_at: Mapped[datetime | None]
    taken_back_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))


class Contact(Base):
    """A person at a customer, known by an e-mail address; `left_at`: works there no more."""

    __tablename__ = "contact"
    __table_args__ = (Index("ix_contact_customer_id", "customer_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(160), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    locale: Mapped[str] = mapped_column(String(10), default="en")
    last_wrote_at: Mapped[datetime]
    left_at: Mapped[datetime | None]


def met(session: Session, *, address: str, name: str, locale: str, at: datetime) -> tuple[int, int | None]:
    """Note that this address wrote to us; returns the contact's id and, if chosen before, the customer's.

    A name that we already know is kept: a later mail may carry any display name its sender likes."""
    values = {"address": fold_email(address), "name": name[:160], "locale": locale, "last_wrote_at": at}
    row = session.connection().execute(_meet(rows.dialect(session)), values).one()
    return row.id, row.customer_id


@cache
def _meet(dialect: str) -> Executable:
    insert = rows.upsert(Contact, dialect)
    return insert.on_conflict_do_update(
        index_elements=["address"], set_={"last_wrote_at": insert.excluded.last_wrote_at}
    ).returning(Contact.id, Contact.customer_id)


def writer_fields(
    session: Session, *, address: str, name: str, proposed: str, locale: str, at: datetime, staff: Collection[str]
) -> dict[str, Any]:
    """The columns of a draft that say for whom a letter speaks: its writer; or nobody yet when a colleague passed it
    on, with the name `proposed` in it until a person confirms that. `staff` are the addresses of colleagues."""
    if fold_email(address) in staff:
        return {"contact_id": None, "customer_id": None, "contact_person": proposed[:160], "contact_email": ""}
    contact_id = customer_id = None
    if address:
        contact_id, customer_id = met(session, address=address, name=name, locale=locale, at=at)
    return {
        "contact_id": contact_id,
        "customer_id": customer_id,
        "contact_person": name[:160],
        "contact_email": address,
    }


def customer_named(session: Session, name: str, *, sealed: str = "") -> Customer:
    """The customer of this name, new if we have not heard it before; the name of who was merged leads to who goes on.
    What a confidential complaint (its number in `sealed`) names is known to it alone."""
    name = " ".join(name.split())
    named = select(Customer).where(Customer.name == name, Customer.sealed == sealed)
    customer = session.scalar(named)
    if customer is None:  # another transaction may be adding it at this instant
        rows.add_unless_there(session, Customer, [{"name": name, "sealed": sealed}])
        customer = session.scalars(named).one()
        if not sealed:
            findable(session, customer)
    return survivor(session, customer)


def survivor(session: Session, customer: Customer) -> Customer:
    """Who goes on for a customer that was merged, maybe more than once; otherwise the customer."""
    merge = select(CustomerMerge.into_id).where(CustomerMerge.taken_back_at.is_(None))
    while (into := session.scalar(merge.where(CustomerMerge.customer_id == customer.id))) is not None:
        customer = session.get_one(Customer, into)
    return customer


def forget(session: Session, customer: Customer) -> None:
    """A name that nothing leads to any more is not told on, in the caller's transaction."""
    session.flush()
    known = [
        select(column).where(column == customer.id)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.references(rows.table(Customer).c.id)
    ]
    if not any(session.scalar(select(each.exists())) for each in known):
        finding.keep(session, KIND, customer.id, names=())
        session.delete(customer)


def belongs(session: Session, contact_id: int, customer_id: int | None) -> None:
    """From now on a contact belongs to this customer, who is found by it, in the caller's transaction."""
    contact = session.get_one(Contact, contact_id)
    if contact.customer_id == customer_id:
        return
    before, contact.customer_id = contact.customer_id, customer_id
    for each in (before, customer_id):
        if each is not None:
            findable(session, session.get_one(Customer, each))


def findable(session: Session, customer: Customer) -> None:
    """Let a customer be found by its name, its own address and telephone, and its contacts, in the caller's
    transaction."""
    session.flush()
    here = select(Contact.name, Contact.address, Contact.phone).where(Contact.customer_id == customer.id)
    people = session.execute(here.order_by(Contact.id)).all()
    more = [customer.contact_method, *(row.address for row in people), *(row.phone for row in people), customer.address]
    finding.keep(session, KIND, customer.id, names=[customer.name, *(row.name for row in people)], more=more)
