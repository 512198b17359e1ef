"""Watching: who wants to hear of a complaint without having anything to do on it.

Whoever may see a complaint may watch it. Watchers hear by the bell of every letter, move, reply and note. It opens
nothing to them: who may not see the complaint any more hears nothing, either, until it is theirs to see again.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, select
from sqlalchemy.orm import Session

from complaints import complaint as complaints
from complaints import notices, rows, workflow
from complaints.complaint import WATCHING, Complaint, Involvement
from complaints.people import Actor


def watch(session: Session, complaint: Complaint, *, by: Actor, at: datetime) -> None:
    """From now on this person hears of the complaint, in the caller's transaction."""
    workflow.hold(session, complaint)
    if by.id is not None:
        complaints.involve(session, complaint, at=at, reason=WATCHING, users=[by.id])


def unwatch(session: Session, complaint: Complaint, *, by: Actor) -> None:
    """This person hears no more of the complaint, unless for other reasons, in the caller's transaction."""
    workflow.hold(session, complaint)
    mine = Involvement.complaint_id == complaint.id, Involvement.user_id == by.id, Involvement.reason == WATCHING
    session.execute(delete(Involvement).where(*mine).execution_options(synchronize_session=False))


def watchers(session: Session, complaint_id: int) -> set[int]:
    """Who (ids) watches a complaint."""
    return set(rows.run(session, _watchers(), {"of": complaint_id}).scalars())


@cache
def _watchers() -> Select[Any]:
    named = rows.table(Involvement).c
    return select(named.user_id).where(named.complaint_id == bindparam("of"), named.reason == WATCHING)


def hear(
    session: Session,
    complaint_id: int,
    event: str,
    *,
    by: Actor,
    at: datetime,
    today: date,
    values: Mapping[str, Any] | None = None,
    but: Collection[int] = (),
) -> None:
    """Let the watchers hear of an event, except those (ids) who are told otherwise, in the caller's transaction. The
    event names the one thing that happened (`letter_joined:12`): several may come at one version of the complaint."""
    if hearing := watchers(session, complaint_id) - {*but}:
        complaint = session.get_one(Complaint, complaint_id)
        notices.ring(session, complaint, hearing, event, by=by, at=at, today=today, values=values)
