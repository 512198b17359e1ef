"""Repeats: how often this customer complained about this product within twelve months.

What counts is a registered complaint of the same procedure that stands on the board or is closed; not a draft, nor what
was judged to be no complaint or was merged. Complaints of a confidential procedure count nowhere. Each complaint keeps
its figure for its card; whatever changes what counts renews the figures that depend on it.
"""

from bisect import bisect_left
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, bindparam, or_, select, update
from sqlalchemy.orm import Session

from complaints import complaint as complaints
from complaints import rows
from complaints.complaint import Complaint
from complaints.people import Actor
from complaints.procedure import versions

WITHIN = timedelta(days=365)
Pair = tuple[int | None, str]
"""A customer and a product."""


def pair_of(complaint: Complaint) -> Pair:
    return complaint.customer_id, complaint.product


def earlier(session: Session, complaint: Complaint, actor: Actor, *, most: int | None = None) -> list[int]:
    """The complaints (ids) of the same customer with the same product in the twelve months before, the latest first, as
    far as the reader may see them."""
    if complaint.customer_id is None or not complaint.product:
        return []
    at, id_ = complaint.received_at, complaint.id
    query = select(Complaint.id).where(
        *_alike(complaint, pair_of(complaint)),
        _counts(),
        Complaint.received_at.between(at - WITHIN, at),
        or_(Complaint.received_at < at, Complaint.id < id_),
    )
    newest_first = query.order_by(Complaint.received_at.desc(), Complaint.id.desc()).limit(most)
    return list(session.scalars(complaints.visible_to(actor, newest_first)))


def renew(session: Session, complaint: Complaint, *before: Pair) -> None:
    """Count again what a complaint repeats, and what repeats it, in the caller's transaction: of its own pair, and of
    those it was of before."""
    session.flush()
    complaint.repeat_of_count = 0
    for pair in {pair_of(complaint), *before}:
        if all(pair):
            _renew(session, complaint, pair)


def _renew(session: Session, complaint: Complaint, pair: Pair) -> None:
    at, id_ = complaint.received_at, complaint.id
    near = session.execute(
        select(Complaint.id, Complaint.received_at, Complaint.repeat_of_count, _counts().label("counts"))
        .where(*_alike(complaint, pair), Complaint.received_at.between(at - WITHIN, at + WITHIN))
        .order_by(Complaint.received_at, Complaint.id)
    ).all()
    counted = [(each.received_at, each.id) for each in near if each.counts]
    changed = []
    for each in near:
        place = each.received_at, each.id
        if place < (at, id_):
            continue
        repeats = bisect_left(counted, place) - bisect_left(counted, (each.received_at - WITHIN, 0))
        if each.id == id_:
            complaint.repeat_of_count = repeats
        elif each.repeat_of_count != repeats:
            changed.append({"of": each.id, "repeats": repeats})
    if changed:
        table = rows.table(Complaint)
        one = update(table).where(table.c.id == bindparam("of"))
        session.connection().execute(one.values(repeat_of_count=bindparam("repeats")), changed)


def _alike(complaint: Complaint, pair: Pair) -> tuple[ColumnElement[bool], ...]:
    customer_id, product = pair
    return (
        Complaint.customer_id == customer_id,
        Complaint.product == product,
        Complaint.procedure == complaint.procedure,
        complaints.ordinary(),
    )


def _counts() -> ColumnElement[bool]:
    off_board = {outcome.key for rules in versions() for outcome in rules.outcomes}
    return and_(Complaint.registered_at.is_not(None), Complaint.stage.not_in(off_board))
