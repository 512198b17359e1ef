"""The answer list: what was judged to be no complaint, and whether it got its answer.

An enquiry, a suggestion, another demand has an owner from the day it left the board (off_board.py) and stays on the
list until it is answered there. If it is a complaint after all, bringing it back takes it off the list.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.orm import Session, aliased

from complaints import board, history, off_board
from complaints.board import Card, Place, instant, microseconds
from complaints.complaint import Complaint, involve, visible_to
from complaints.errors import NotFound
from complaints.off_board import Decision
from complaints.people import Actor, User

PAGE = 30


class Wanted(NamedTuple):
    """A decision that asks for an answer, or has got it."""

    decision: Decision
    card: Card
    owner: str
    answered_by: str | None

    @property
    def place(self) -> Place:
        decision = self.decision
        if decision.answered_at is not None:
            return Place(-microseconds(decision.answered_at), -decision.id)
        return Place(microseconds(decision.at), decision.id)


def still_open() -> tuple[ColumnElement[bool], ...]:
    """What waits for an answer."""
    return (Decision.owner_id.is_not(None), Decision.answered_at.is_(None), Decision.back_at.is_(None))


def answered(since: datetime) -> tuple[ColumnElement[bool], ...]:
    """What was answered since an instant."""
    return (Decision.owner_id.is_not(None), Decision.answered_at >= since, Decision.back_at.is_(None))


def find(session: Session, actor: Actor, decision_id: int) -> Wanted:
    """One of them, for its owner and the front office. Raises `NotFound`."""
    where = (Decision.id == decision_id, Decision.owner_id.is_not(None), Decision.back_at.is_(None))
    for found in _found(session, actor, _query(actor, where)):
        if actor.may_register or found.decision.owner_id == actor.id:
            return found
    raise NotFound


def waiting(
    session: Session, actor: Actor, *, owner: int | None = None, after: Place | None = None
) -> tuple[list[Wanted], bool]:
    """A page of those still to answer, the oldest first, perhaps one owner's; and whether there are more."""
    place, where = (Decision.at, Decision.id), [*still_open()]
    if owner is not None:
        where.append(Decision.owner_id == owner)
    if after is not None:
        where.append(tuple_(*place) > tuple_(literal(instant(after.time), Decision.at.type), literal(after.id)))
    return _paged(session, actor, _query(actor, where).order_by(*place))


def done(session: Session, actor: Actor, *, since: datetime, after: Place | None = None) -> tuple[list[Wanted], bool]:
    """A page of those answered since an instant, the latest first; and whether there are more."""
    place, where = (Decision.answered_at, Decision.id), [*answered(since)]
    if after is not None:
        last = literal(instant(-after.time), Decision.at.type)
        where.append(tuple_(*place) < tuple_(last, literal(-after.id)))
    return _paged(session, actor, _query(actor, where).order_by(*(each.desc() for each in place)))


def of_kind(session: Session, actor: Actor, kind: str, *, before: int | None = None) -> tuple[list[Wanted], bool]:
    """A page of everything of a kind, answered or not, such as all suggestions, the newest first; and whether there are
    more. `before` goes on after a page: the last decision on it."""
    where = [Decision.owner_id.is_not(None), Decision.kind == kind, Decision.back_at.is_(None)]
    if before is not None:
        where.append(Decision.id < before)
    return _paged(session, actor, _query(actor, where).order_by(Decision.id.desc()))


def owners(session: Session, actor: Actor) -> list[tuple[int, str, int]]:
    """Who has how many still to answer."""
    query = (
        select(User.id, User.name, func.count())
        .join(Decision, Decision.owner_id == User.id)
        .join(Complaint, Complaint.id == Decision.complaint_id)
        .where(*still_open())
        .group_by(User.id, User.name)
        .order_by(User.name, User.id)
    )
    return [(id_, name, number) for id_, name, number in session.execute(visible_to(actor, query))]


def hand_over(session: Session, wanted: Wanted, to: int, *, by: Actor, at: datetime, today: date) -> None:
    """Let somebody else answer, and see it, in the caller's transaction. Raises `BadInput` for somebody who may not;
    what is answered stays with whom it was."""
    decision = wanted.decision
    names = off_board.may_answer(session, to, today)
    if decision.answered_at is None and decision.owner_id != to:
        decision.owner_id = to
        complaint = session.get_one(Complaint, decision.complaint_id)
        involve(session, complaint, at=at, reason=off_board.ANSWERS, users=[to])
        history.note(session, decision.complaint_id, "answer_handed_over", by=by, at=at, to=names[to])


_owner, _answerer = aliased(User), aliased(User)


def _query(actor: Actor, where: Iterable[ColumnElement[bool]]) -> Select[Decision, str, str | None]:
    return visible_to(
        actor,
        select(Decision, _owner.name, _answerer.name)
        .join(Complaint, Complaint.id == Decision.complaint_id)
        .join(_owner, _owner.id == Decision.owner_id)
        .outerjoin(_answerer, _answerer.id == Decision.answered_by_id)
        .where(*where),
    )


def _paged(session: Session, actor: Actor, query: Select[Decision, str, str | None]) -> tuple[list[Wanted], bool]:
    found = _found(session, actor, query.limit(PAGE + 1))
    return found[:PAGE], len(found) > PAGE


def _found(session: Session, actor: Actor, query: Select[Decision, str, str | None]) -> list[Wanted]:
    rows = session.execute(query).all()
    cards = board.by_id(session, actor, [decision.complaint_id for decision, _, _ in rows])
    return [Wanted(decision, cards[decision.complaint_id], owner, by) for decision, owner, by in rows]
