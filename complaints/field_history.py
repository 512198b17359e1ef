"""What became of each field of a complaint, as its history tells: for the reader who asks who changed it, and for the
writer whose page is older than the complaint."""

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from complaints.history import Change, Written

ENTERED = "entered"
"""The act that changes the register entry."""
SAID = ("noted", "replied")
"""Acts that change nothing: what was said stands in the conversation."""


def page(session: Session, complaint_id: int, *, field: str = "", before: int | None, most: int) -> Sequence[Change]:
    """The newest changes of a complaint, or of one field of its entry, first; `before` goes on after a page."""
    query = select(Change).where(Change.complaint_id == complaint_id, Change.act.not_in(SAID))
    if field:
        query = query.where(Change.position.in_(_of_field(complaint_id, field)))
    if before is not None:
        query = query.where(Change.position < before)
    return session.scalars(query.order_by(Change.position.desc()).limit(most)).all()


def _of_field(complaint_id: int, field: str) -> Select[int]:
    said = Written.values[("changed", field)].as_string()
    return _entered(complaint_id).where(said.is_not(None)).with_only_columns(Change.position)


def _entered(complaint_id: int) -> Select[Written]:
    query = select(Written).join(
        Change, (Change.complaint_id == Written.complaint_id) & (Change.position == Written.position)
    )
    return query.where(Change.complaint_id == complaint_id, Change.act == ENTERED)


def changed(session: Session, complaint_id: int, *, since: int = 0) -> set[str]:
    """The fields of the entry that were changed after a version of the complaint."""
    entered = [each.values or {} for each in session.scalars(_entered(complaint_id))]
    return {field for values in entered if values.get("version", 0) > since for field in values.get("changed", ())}
