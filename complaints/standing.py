"""Since when a complaint stands still: what it has to keep next waits for the customer. A column of other queries."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Dialect, TypeDecorator, case, select, type_coerce

from complaints.clocks import NEVER, Clock
from complaints.complaint import Complaint
from complaints.procedure import COMPLAINT


class _Since(TypeDecorator[datetime]):
    """The beginning of the last one of some pauses."""

    impl = JSON
    cache_ok = True

    def process_result_value(self, value: list[Any] | None, dialect: Dialect) -> datetime | None:
        return datetime.fromisoformat(value[-1]["from"]) if value else None


def since() -> ColumnElement[datetime | None]:
    """Since when a complaint waits that nothing makes due; asked of those alone. Of several clocks the first one
    counts."""
    mine = Clock.subject_kind == COMPLAINT, Clock.subject_id == Complaint.id
    stand_still = Clock.stopped_at.is_(None), Clock.due_at == NEVER, Clock.pauses.is_not(None)
    first = select(Clock.pauses).where(*mine, *stand_still).order_by(Clock.id).limit(1).correlate(Complaint)
    return type_coerce(case((Complaint.sort_due_at == NEVER, first.scalar_subquery())), _Since())
