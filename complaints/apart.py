"""Apart: what came to a complaint from another customer's, by a merge. It is nobody's business but that customer's: it
is printed for no other, and not chosen for a reply by itself."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from complaints.complaint import Complaint
from complaints.customers import Customer

Apart = Mapping[int, str]
"""The complaints (ids) of other customers, with these customers' names."""


def of(session: Session, complaint: Complaint, ids: Collection[int]) -> Apart:
    """Those of the complaints `ids` that belong to another customer than this one. One of nobody's is not apart."""
    others = {*ids} - {complaint.id}
    if not others:
        return {}
    query = select(Complaint.id, Customer.name).join(Customer, Customer.id == Complaint.customer_id)
    if complaint.customer_id is not None:
        query = query.where(Complaint.customer_id != complaint.customer_id)
    return {row.id: row.name for row in session.execute(query.where(Complaint.id.in_(others)))}
