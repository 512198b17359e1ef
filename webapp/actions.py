"""The list of open actions, and the tasks of one complaint beside it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Flask, render_template, request, url_for
from sqlalchemy import select

from complaints import actions
from complaints.actions import NOT_YET, NOW, VERIFIED, Filters, Place, first_words
from complaints.errors import N_, BadInput, Sentence
from complaints.people import Department
from complaints.records import Record
from webapp.context import actor, now, zone
from webapp.database import db
from webapp.language import in_my_language
from webapp.records import Section

bp = Blueprint("actions", __name__)
VERIFICATION = {NOT_YET: N_("not verified yet"), NOW: N_("being verified"), VERIFIED: N_("verified")}


@dataclass(frozen=True)
class Task:
    """Something that somebody is to carry out for a complaint."""

    record: Record
    sheet: str
    what: str
    owner: str
    over: bool


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(tasks_of=tasks)


@bp.get("/actions")
def listed() -> str:
    """What is to be carried out: mine, of a department, or what is overdue."""
    session, today, asked = db.session(), _today(), request.args
    filters = Filters(asked.get("mine") == "1", asked.get("overdue") == "1", _department())
    found, more = actions.listed(session, actor(), today, filters=filters, after=_after())
    after = str(found[-1].place) if more else None
    next_page = url_for(
        ".listed", mine=asked.get("mine"), overdue=asked.get("overdue"), department=filters.department, after=after
    )
    return render_template(
        "actions/actions.html", found=found, filters=filters, today=today, verification=VERIFICATION,
        next_page=next_page if more else None,
        departments=session.scalars(select(Department).order_by(Department.id)).all(),
    )  # fmt: skip


def _department() -> int | None:
    sent = request.args.get("department", type=int)
    return sent if sent is not None and 0 < sent < 1 << 31 else None


def _after() -> Place | None:
    if not (text := request.args.get("after")):
        return None
    try:
        return Place.parse(text)
    except ValueError:
        raise BadInput(field="after", problem=Sentence(N_("it is no whole number"))) from None


def _today() -> date:
    return now().astimezone(zone()).date()


def tasks(work: Section) -> Iterable[Task]:
    """What is to be carried out for the complaint of a page, in this round, what is not done first."""
    today, found = _today(), []
    for sheet in work.case.rules.sheets:
        if sheet.part("owner"):
            for row in work.case.of_sheet(sheet):
                over = row.done_on is None and row.due_on is not None and row.due_on < today
                owner = work.names.people.get(row.owner_id or 0, "")
                what = first_words(sheet, row.values) or in_my_language(sheet.name)
                found.append(Task(row, sheet.key, what, owner, over))
    return sorted(found, key=lambda task: (task.record.done_on is not None, task.record.due_on or date.max))
