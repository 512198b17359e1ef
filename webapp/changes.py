"""Everything that was changed on a complaint as a table, or what became of one field of its entry."""

from collections.abc import Sequence

from flask import Blueprint, Flask, render_template, request
from sqlalchemy import select

from complaints import field_history
from complaints.complaint import Complaint, find, visible_to
from complaints.history import Change
from complaints.people import Department, User
from complaints.procedure import of
from complaints.registration import FIELDS
from webapp import timeline
from webapp.context import actor
from webapp.database import db
from webapp.language import in_my_language
from webapp.values import Names

bp = Blueprint("changes", __name__)
PAGE = 50


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/complaints/<number>/history")
def history(number: str) -> str:
    """The newest changes first; `?field=batch` narrows them to a field, `?before=` goes on after a page."""
    session = db.session()
    complaint = find(session, number, actor())
    field = request.args.get("field", "")
    stated = {f"{sheet.key}.{each.key}": in_my_language(each.name) for sheet, each in of(complaint).facts}
    names = {name: timeline.field_name(name) for name in FIELDS} | stated
    field = field if field in names else ""
    before = request.args.get("before", type=int)
    found = field_history.page(session, complaint.id, field=field, before=_position(before), most=PAGE + 1)
    known = field_history.changed(session, complaint.id) | field_history.recorded(session, complaint.id)
    return render_template(
        "complaint/history.html",
        complaint=complaint,
        field=field,
        fields={key: name for key, name in names.items() if key in known},
        rows=_rows(complaint, found[:PAGE], names.get(field, "")),
        older=found[PAGE - 1].position if len(found) > PAGE else None,
        newer=before is not None,
    )


def _position(sent: int | None) -> int | None:
    return sent if sent is not None and 0 < sent < 2**31 else None


def _rows(complaint: Complaint, found: Sequence[Change], name: str) -> list[tuple[Change, str, timeline.Line]]:
    """Each change with who made it and as a sentence with what stood before and after; of a field, only that."""
    session = db.session()
    people = {row.id: row.name for row in session.execute(select(User.id, User.name))}
    names = Names(people, {each.id: each for each in session.scalars(select(Department))})
    numbers = timeline.mentioned(found)
    query = select(Complaint.number).where(Complaint.number.in_(numbers))
    seen = set(session.scalars(visible_to(actor(), query))) if numbers else set()
    told = [timeline.line(each, rules=of(complaint), names=names, seen=seen) for each in found]
    if name:
        told = [line.only(name) for line in told]
    return [(change, people.get(change.by_id or 0, "Redress"), line) for change, line in zip(found, told, strict=True)]
