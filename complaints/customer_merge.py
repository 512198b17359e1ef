"""Two customers that are the same: one goes on, with all complaints, contacts and conversations of both.

The merge is a row that remembers what went over, so that it can be taken back: then all of it goes back that is still
where it was put. The name of who was merged leads to who goes on.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from complaints import finding, history, repeats, workflow
from complaints.communications import Communication
from complaints.complaint import Complaint
from complaints.customer_file import no_such_customer, take
from complaints.customers import KIND, Contact, Customer, CustomerMerge, findable, survivor
from complaints.errors import N_, ComplaintError
from complaints.people import Actor

TABLES: dict[str, type[Contact] | type[Communication]] = {"contacts": Contact, "communications": Communication}


class NotMerged(ComplaintError):
    message = N_("%(customer)s was merged or taken apart meanwhile. Please look again.")


def of(session: Session, customer_id: int) -> CustomerMerge | None:
    """The merge that ended a customer's file."""
    mine = CustomerMerge.customer_id == customer_id, CustomerMerge.taken_back_at.is_(None)
    return session.scalar(select(CustomerMerge).where(*mine))


def merge(
    session: Session, customer: Customer, into: Customer, *, by: Actor, at: datetime, seen_version: int
) -> CustomerMerge:
    """Let a customer go over into another, in the caller's transaction. Raises `StaleFile`, and `Incomplete` where the
    other is the same or was merged itself."""
    _hold(session, customer, into)
    if into.id == customer.id or of(session, into.id) is not None:
        raise no_such_customer()
    if of(session, customer.id) is not None:
        raise NotMerged(customer=customer.name)
    changed = {"customer": [customer.name, into.name]}
    take(session, customer, "merged", changed, by=by, at=at, seen_version=seen_version)
    take(session, into, "merged_in", changed, by=by, at=at, seen_version=into.version)
    moved: dict[str, Any] = {"complaints": _move_complaints(session, None, customer, into, by=by, at=at)}
    for key, table in TABLES.items():
        ids = session.scalars(select(table.id).where(table.customer_id == customer.id).order_by(table.id)).all()
        moved[key] = [*ids]
        _move(session, table, ids, customer, into)
    remembered = CustomerMerge(customer_id=customer.id, into_id=into.id, moved=moved, by_id=by.id, at=at)
    session.add(remembered)
    finding.keep(session, KIND, customer.id, names=())
    findable(session, into)
    return remembered


def take_back(session: Session, customer: Customer, *, by: Actor, at: datetime) -> Customer:
    """Two customers are two after all, in the caller's transaction; returns the other, who has what went over by now:
    it may have been merged on. Raises `NotMerged`."""
    remembered = of(session, customer.id)
    if remembered is None:
        raise NotMerged(customer=customer.name)
    into = survivor(session, customer)
    _hold(session, customer, into)
    session.refresh(remembered, with_for_update=True)
    if remembered.taken_back_at is not None or survivor(session, into) is not into:
        raise NotMerged(customer=customer.name)
    remembered.taken_back_at, remembered.taken_back_by_id = at, by.id
    session.flush()
    changed = {"customer": [into.name, customer.name]}
    for each, act in ((customer, "taken_apart"), (into, "taken_off")):
        take(session, each, act, changed, by=by, at=at, seen_version=each.version)
    _move_complaints(session, remembered.moved["complaints"], into, customer, by=by, at=at)
    for key, table in TABLES.items():
        _move(session, table, remembered.moved[key], into, customer)
    findable(session, customer)
    findable(session, into)
    return into


def _hold(session: Session, *customers: Customer) -> None:
    """Both files are this transaction's alone, in the order of their ids, so that nobody waits in a circle."""
    for each in sorted(customers, key=lambda each: each.id):
        session.refresh(each, with_for_update=True)


def _move_complaints(
    session: Session, ids: Collection[int] | None, before: Customer, after: Customer, *, by: Actor, at: datetime
) -> list[int]:
    """Each complaint of one customer, or those of `ids`, is the other's, with a line of history."""
    query = select(Complaint).where(Complaint.customer_id == before.id).order_by(Complaint.id)
    theirs = session.scalars(query if ids is None else query.where(Complaint.id.in_(ids))).all()
    workflow.hold(session, *theirs)
    for each in theirs:
        workflow.touch(session, each, at=at, seen_version=each.version)
        each.customer_id = after.id
        changed = {"customer": [before.name, after.name]}
        history.note(session, each.id, "entered", by=by, at=at, version=each.version, changed=changed)
    for each in theirs:
        repeats.renew(session, each, (before.id, each.product))
    return [each.id for each in theirs]


def _move(
    session: Session, table: type[Contact] | type[Communication], ids: Sequence[int], before: Customer, after: Customer
) -> None:
    theirs = update(table).where(table.id.in_(ids), table.customer_id == before.id)
    session.execute(theirs.values(customer_id=after.id).execution_options(synchronize_session="fetch"))
