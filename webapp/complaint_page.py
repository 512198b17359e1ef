"""A complaint's page: its conversation and the ways to answer, its clocks and its facts, or the register entry.

Its records and signatures have a page beside it, records_page.py; what both begin with is in `frame`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, render_template
from flask_babel import gettext
from sqlalchemy import select

from complaints import classes, guards, inbox, off_board, registration
from complaints.case import NOTIFIED
from complaints.complaint import Complaint, find, visible_to
from complaints.errors import ComplaintError, Missing, Name
from complaints.outbox import Outgoing
from complaints.people import Department
from complaints.procedure import Stage
from webapp import composer, conversation, notices, progress, register_form, timeline
from webapp.context import actor, now, zone
from webapp.database import db
from webapp.message import COMMON_REASONS
from webapp.records import Section, section

bp = Blueprint("complaint", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.filters.update(
        enclosed_date=timeline.enclosed_date, field_name=timeline.field_name, linked=timeline.linked
    )


@bp.get("/complaints/<number>")
def show(number: str) -> str:
    complaint = find(db.session(), number, actor(), with_clocks=True)
    notices.seen(complaint)
    return page(complaint)


def page(complaint: Complaint, *, typed: Mapping[str, str] | None = None, refusal: ComplaintError | None = None) -> str:
    """The whole page. `typed` is a register entry that was refused: it is shown as it was sent, with the reasons."""
    by, work = actor(), section(complaint)
    rules, departments = work.case.rules, [*work.names.departments.values()]
    notified = _notified(work)
    framed = frame(complaint, work)
    entered = framed["entry"]
    return render_template(
        "complaint/show.html",
        **framed,
        conversation=conversation.asked_for(complaint, work),
        today=now().astimezone(zone()).date(),
        outcomes=_outcomes(complaint, work) if off_board.may_decide(complaint, by) else [],
        proposal=classes.proposed(work.case),
        may_raise=classes.may_raise(rules, by),
        may_lower=classes.may_lower(rules, by),
        who_raises=guards.RoleNames.of(rules, classes.raisers(rules)),
        reasons=[gettext(reason) for reason in COMMON_REASONS],
        composer=composer.composer(complaint, work),
        unreached=_unreached(work) if complaint.unreached_at else [],
        people=work.names.people,
        notified=notified,
        unnotified=[
            each for each in departments if not rules.quiet and each.name not in {name for name, _ in notified}
        ],
        may_register=registration.may_register(rules, by),
        who_registers=registration.who_registers(rules),
        form=register_form.form(complaint, entered, departments, typed, refusal),
    )


def frame(complaint: Complaint, work: Section) -> dict[str, Any]:
    """What every page of a complaint begins with: its name, where it stands, and why it left the board."""
    session, rules = db.session(), work.case.rules
    faces = progress.faces(work.case, complaint.clocks)
    return {
        "complaint": complaint,
        "rules": rules,
        "work": work,
        "entry": registration.entry_of(session, complaint),
        "choices": register_form.choices(rules),
        "faces": faces,
        "steps": progress.steps(complaint, rules, faces, work.past.life.stays),
        "decided": inbox.decision(session, complaint) if off_board.is_off(complaint) else None,
        "into": into(complaint),
    }


def into(complaint: Complaint) -> str | None:
    """The number of the complaint that this one was merged into, if the reader may see it."""
    query = select(Complaint.number).where(Complaint.id == complaint.merged_into_id)
    return db.session.scalar(visible_to(actor(), query)) if complaint.merged_into_id else None


def _unreached(work: Section) -> Sequence[Outgoing]:
    ids = [work.case.complaint.id, *work.merged]
    came_back = select(Outgoing).where(Outgoing.complaint_id.in_(ids), Outgoing.bounced_at.is_not(None))
    return db.session.scalars(came_back.order_by(Outgoing.id)).all()


def _outcomes(complaint: Complaint, work: Section) -> list[tuple[Stage, list[Missing]]]:
    """The ways off the board, each with what it lacks."""
    return [(place, guards.lacking(work.case, place.needs)) for place in off_board.outcomes(complaint)]


def _notified(work: Section) -> list[tuple[Name, datetime]]:
    told = {department: since for (why, _, department), since in work.past.life.involved.items() if why == NOTIFIED}
    departments: Mapping[int, Department] = work.names.departments
    return [(each.name, told[id_]) for id_, each in departments.items() if id_ in told]
