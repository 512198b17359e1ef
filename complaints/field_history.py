"""What became of each field of a complaint, as its history tells: for the reader who asks who changed it, and for the
writer whose page is older than the complaint. A field of a record is called `finding.departments`."""

from collections.abc import Collection, Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from complaints.history import Change, Written

ENTERED, RECORDED = ("entered", "drafted"), ("recorded",)
"""The acts that write in the register entry, and in records."""
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
    sheet, _, key = field.rpartition(".")
    written = _written(complaint_id, RECORDED if sheet else ENTERED)
    if sheet:
        written = written.where(Written.values["sheet"].as_string() == sheet)
    said = Written.values[("changed", key)].as_string()
    return written.where(said.is_not(None)).with_only_columns(Change.position)


def _written(complaint_id: int, acts: Collection[str]) -> Select[Written]:
    query = select(Written).join(
        Change, (Change.complaint_id == Written.complaint_id) & (Change.position == Written.position)
    )
    return query.where(Change.complaint_id == complaint_id, Change.act.in_(acts))


def changed(session: Session, complaint_id: int, *, since: int = 0) -> set[str]:
    """The fields of the entry that were written after a version of the complaint."""
    entered = [each.values or {} for each in session.scalars(_written(complaint_id, ENTERED))]
    return {field for values in entered if values.get("version", 0) > since for field in values.get("changed", ())}


def recorded(session: Session, complaint_id: int) -> set[str]:
    """The fields of records that were written."""
    written = [each.values or {} for each in session.scalars(_written(complaint_id, RECORDED))]
    return {f"{values['sheet']}.{field}" for values in written for field in values.get("changed", ())}
