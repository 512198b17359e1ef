"""Reading what the customer wrote: letters wait, on the card and on the work list, until somebody says that they are
read.

A look at the page says nothing, because pages only ask. Who says it names the newest letter that they had before them,
so that one that came meanwhile goes on waiting.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import CTE, func, select
from sqlalchemy.orm import Session

from complaints import history, workflow
from complaints.complaint import Complaint, Involvement
from complaints.consequences import RESPONSIBLE
from complaints.conversation import Entry
from complaints.errors import N_, NotAllowed, Sentence
from complaints.people import DEPARTMENT_ROLES, Actor
from complaints.procedure import of

READ = "read"


def may_read(session: Session, complaint: Complaint, by: Actor) -> bool:
    """May a person say that the letters of a complaint are read? Its owner may, or where it has none whoever's queue it
    stands in; and front office and QA."""
    if by.sees_all or complaint.owner_id is not None:
        return by.sees_all or complaint.owner_id == by.id
    queue = of(complaint).stage(complaint.stage).queue
    if queue not in DEPARTMENT_ROLES:
        return queue in by.roles
    mine = select(Involvement.id).where(
        Involvement.complaint_id == complaint.id, Involvement.reason == RESPONSIBLE,
        Involvement.department_id.in_(by.departments),
    )  # fmt: skip
    return session.scalar(mine.limit(1)) is not None


def newest(session: Session, complaints: Iterable[int]) -> dict[int, int]:
    """The newest letter (an entry) of each complaint, or of those that were merged into it."""
    family = _family(complaints)
    letters = select(family.c.root, func.max(Entry.id)).join(Entry, Entry.complaint_id == family.c.id)
    found = session.execute(letters.where(Entry.kind == "letter").group_by(family.c.root))
    return {row[0]: row[1] for row in found}


def read(session: Session, complaint: Complaint, *, upto: int, by: Actor, at: datetime) -> None:
    """Every letter up to this one (an entry) is read, in the caller's transaction; said again, it changes nothing.
    Raises `NotAllowed`."""
    workflow.hold(session, complaint)
    if not may_read(session, complaint, by):
        raise NotAllowed(who=Sentence(N_("whoever the complaint waits for")))
    family = _family([complaint.id])
    newer = select(func.count()).select_from(Entry).join(family, Entry.complaint_id == family.c.id)
    left = min(complaint.unread_count, session.scalar(newer.where(Entry.kind == "letter", Entry.id > upto)) or 0)
    if left < complaint.unread_count:
        history.note(session, complaint.id, READ, by=by, at=at, letters=complaint.unread_count - left)
        complaint.unread_count = left
        complaint.changed_at = at
    session.flush()


def _family(complaints: Iterable[int]) -> CTE:
    """Complaints (`root`) with those that were merged into each, and into those."""
    roots = select(Complaint.id.label("root"), Complaint.id).where(Complaint.id.in_(sorted(complaints)))
    family = roots.cte("family", recursive=True)
    return family.union(select(family.c.root, Complaint.id).join(family, Complaint.merged_into_id == family.c.id))
