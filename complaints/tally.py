"""What waits for a person, as the navigation of every page counts it: all in one query."""

from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, literal, select
from sqlalchemy.orm import Session

from complaints import inbox, notices, penalties, penalty_decisions, switches, worklist
from complaints.incidents import Incident
from complaints.people import Actor
from complaints.procedure import Procedure, versions


class Tally(NamedTuple):
    """Notices that are not read, work, and what the inbox needs, each as far as it is counted; open incidents, which
    concern administrators and those who see the inbox; and penalties to decide on, None where there are no penalties
    here."""

    notices: int
    work: int
    inbox: int
    incidents: int
    penalties: int | None


def of(session: Session, actor: Actor, today: date) -> Tally:
    return Tally(*session.execute(_of(actor, versions()), {"today": today}).one())


@lru_cache(maxsize=256)
def _of(actor: Actor, _versions: tuple[Procedure, ...]) -> Select[Any]:
    """Put together once for each person."""
    nothing = select(literal(0))
    concerned = actor.sees_all or "admin" in actor.roles
    open_ = select(func.count()).select_from(Incident).where(Incident.closed_at.is_(None))
    counts = (
        notices.counted(actor),
        worklist.counted(actor),
        inbox.counted() if actor.sees_all else nothing,
        open_ if concerned else nothing,
        select(
            case((switches.off(penalties.PENALTIES), None), else_=penalty_decisions.waiting(actor).scalar_subquery())
        ),
    )
    return select(*(each.scalar_subquery() for each in counts))
