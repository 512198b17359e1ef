"""Absences: who is away from one day to another, and who stands in for them.

Nobody may stand in for somebody who, by whatever way round, stands in for them. What was entered stays; who comes back
early ends it. What the deputies hear: see deputies.py.
"""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from complaints.deputies import Absence, last_of
from complaints.errors import N_, NotFound, Sentence
from complaints.people import Actor, User
from complaints.registration import Incomplete, Problem


class NotAway(Incomplete):
    """The form is wrong: `problems` says what, for the fields `user`, `from_on`, `to_on` and `deputy`."""

    message = N_("The absence was not entered.")


def enter(
    session: Session,
    user_id: int | None,
    from_on: date | None,
    to_on: date | None,
    deputy_id: int | None,
    *,
    by: Actor,
    at: datetime,
    today: date,
) -> Absence:
    """Somebody will be away. Entering the same once more changes nothing. Raises `NotAway`."""
    users = select(User).where(User.left_at.is_(None), User.id.in_({user_id, deputy_id} - {None}))
    here = {each.id for each in session.scalars(users.order_by(User.id).with_for_update())}
    problems = []
    if user_id not in here:
        problems.append(Problem("user", Sentence(N_("Choose somebody who works here"))))
    if from_on is None:
        problems.append(Problem("from_on", Sentence(N_("Say the first day"))))
    if to_on is None or to_on < today:
        problems.append(Problem("to_on", Sentence(N_("Say the last day; it cannot be over yet"))))
    elif from_on is not None and to_on < from_on:
        problems.append(Problem("to_on", Sentence(N_("The last day comes before the first"))))
    if deputy_id not in here:
        problems.append(Problem("deputy", Sentence(N_("Choose who stands in"))))
    elif deputy_id == user_id:
        problems.append(Problem("deputy", Sentence(N_("Nobody stands in for themselves"))))
    if problems or user_id is None or from_on is None or to_on is None or deputy_id is None or by.id is None:
        raise NotAway(problems)
    overlapping = select(Absence).where(Absence.ended_at.is_(None), Absence.from_on <= to_on, Absence.to_on >= from_on)
    meanwhile = session.scalars(overlapping.order_by(Absence.id)).all()
    for mine in (each for each in meanwhile if each.user_id == user_id):
        if (mine.from_on, mine.to_on, mine.deputy_id) == (from_on, to_on, deputy_id):
            return mine
        raise NotAway([Problem("from_on", Sentence(N_("There is an absence in these days already; end it first")))])
    deputies = {each.user_id: each.deputy_id for each in meanwhile}
    if last_of({**deputies, user_id: deputy_id}, user_id) is None:
        problem = N_("They are away in these days, too, and their deputies lead back to whoever is away")
        raise NotAway([Problem("deputy", Sentence(problem))])
    absence = Absence(user_id=user_id, from_on=from_on, to_on=to_on, deputy_id=deputy_id, by_id=by.id, at=at)
    session.add(absence)
    session.flush()
    return absence


def end(session: Session, absence_id: int, *, by: Actor, at: datetime, of_all: bool = False) -> None:
    """Somebody is back, or does not go; one's own, or with `of_all` anybody's. Ending it again changes nothing."""
    absence = session.get(Absence, absence_id, with_for_update=True)
    if absence is None or not (of_all or absence.user_id == by.id):
        raise NotFound
    if absence.ended_at is None:
        absence.ended_at, absence.ended_by_id = at, by.id


def coming(session: Session, today: date, *, of: int | None = None) -> list[Absence]:
    """The absences that are not over, of one person or of all, the next first."""
    query = select(Absence).where(Absence.ended_at.is_(None), Absence.to_on >= today)
    if of is not None:
        query = query.where(Absence.user_id == of)
    return list(session.scalars(query.order_by(Absence.from_on, Absence.id)))
