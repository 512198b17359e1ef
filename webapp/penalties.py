"""`/penalties`: what is proposed to cost whom, with its evidence; decide on several at once, take a decision back,
propose one for records that were not kept; and what the confirmed ones of a month come to.

Where the company switched penalties off there is nothing here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import structlog
from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import format_date, gettext, ngettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import penalties, penalty_decisions, penalty_list, switches
from complaints.complaint import Complaint, find
from complaints.errors import N_, ComplaintError, Name, NotFound, Sentence
from complaints.penalties import LONGEST_REMARK, PENALTIES, NotProposed
from complaints.penalty import CONFIRMED, PROPOSED, REJECTED, WITHDRAWN, Penalty, PenaltyAct
from complaints.penalty_decisions import LONGEST_REASON, TAKEN_BACK, Chosen, NotDecided, StalePenalty
from complaints.penalty_list import EVERY, STATES, Filters, Shown
from complaints.people import ROLES, Department
from complaints.procedure import RECORDS, WEEK, newest, of, versions
from complaints.registration import Incomplete, Problem
from webapp.context import actor, calendar, engine, now, zone
from webapp.database import db
from webapp.language import in_my_language, locale
from webapp.tally import tally

log = structlog.get_logger(__name__)
bp = Blueprint("penalties", __name__, url_prefix="/penalties")

STATE_NAMES = {
    PROPOSED: N_("To decide on"),
    CONFIRMED: N_("Confirmed"),
    REJECTED: N_("Rejected"),
    WITHDRAWN: N_("Withdrawn"),
    EVERY: N_("Every state"),
}
ACTS = {
    PROPOSED: N_("Proposed again"),
    CONFIRMED: N_("Confirmed"),
    REJECTED: N_("Rejected"),
    WITHDRAWN: N_("Withdrawn"),
    TAKEN_BACK: N_("Decision taken back"),
}


@dataclass(frozen=True)
class Row:
    """A penalty as its reader sees it. `over`: by how much working time a clock was overrun; `holders`: who may be
    named where nobody is."""

    shown: Shown
    what: str
    over: timedelta | None
    may_decide: bool
    holders: Sequence[tuple[int, str]]
    trail: Sequence[PenaltyAct]

    @property
    def penalty(self) -> Penalty:
        return self.shown.penalty


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(penalties_to_decide=to_decide)


def to_decide() -> int | None:
    """How many penalties wait for the person of this request; None where there are none here at all."""
    return tally().penalties


@bp.before_request
def _only_where_there_are_any() -> None:
    if not switches.is_on(db.session(), PENALTIES):
        raise NotFound


@bp.get("")
def listed() -> str:
    """The penalties that the reader may see."""
    return _page()


@bp.post("/decisions")
def decide() -> Response | tuple[str, int]:
    """Confirm or reject those that are ticked."""
    decision = request.form.get("decision", "")
    chosen = [each for each in map(_chosen, request.form.getlist("penalty")) if each is not None]
    try:
        number = penalty_decisions.decide(
            db.session(), chosen, decision, reason=request.form.get("reason", ""), by=actor(), at=now(), today=_today()
        )
        db.session.commit()
    except (NotDecided, StalePenalty) as refused:
        db.session.rollback()
        return _page(refused), 409 if isinstance(refused, StalePenalty) else 422
    log.info("penalties decided", decision=decision, ids=[each.id for each in chosen], by=actor().id)
    told = {
        CONFIRMED: ngettext("%(num)d penalty is confirmed.", "%(num)d penalties are confirmed.", number),
        REJECTED: ngettext("%(num)d penalty is rejected.", "%(num)d penalties are rejected.", number),
    }
    flash(told[decision])
    return _back()


@bp.post("/<int(max=9007199254740991):penalty_id>/decision/end")
def take_back(penalty_id: int) -> Response | tuple[str, int]:
    """A decision was wrong: it is to be decided on again."""
    chosen = Chosen(penalty_id, request.form.get("version", 0, type=int))
    try:
        penalty_decisions.take_back(db.session(), chosen, reason=request.form.get("reason", ""), by=actor(), at=now())
        db.session.commit()
    except (NotDecided, StalePenalty) as refused:
        db.session.rollback()
        return _page(refused, taking_back=penalty_id), 409 if isinstance(refused, StalePenalty) else 422
    log.info("penalty decision taken back", id=penalty_id, by=actor().id)
    flash(gettext("It is to be decided on again."))
    return _back()


@bp.post("")
def propose() -> Response | tuple[str, int]:
    """Records were not kept: propose what that costs."""
    form, session = request.form, db.session()
    try:
        complaint = _complaint_to_propose_for(form.get("number", ""))
        if form.get("kind", "") not in penalty_decisions.may_propose(actor(), of(complaint)):
            raise NotProposed([Problem("kind", Sentence(N_("The procedure of this complaint has no such penalty")))])
        number = penalties.propose_for_records(
            session, complaint, form.get("kind", ""), form.get("remark", ""), by=actor(), at=now(), context=engine()
        )
        session.commit()
    except NotProposed as refused:
        session.rollback()
        return _page(refused, proposing=True), 422
    log.info("penalties proposed", complaint=complaint.number, kind=form.get("kind"), by=actor().id)
    flash(ngettext("%(num)d penalty is proposed.", "%(num)d penalties are proposed.", number))
    return redirect(url_for(".listed"), 303)


def _complaint_to_propose_for(typed: str) -> Complaint:
    try:
        return find(db.session(), typed.strip().upper()[:20], actor())
    except NotFound:
        message = N_("There is no complaint “%(number)s”, or it is not yours to see")
        raise NotProposed([Problem("number", Sentence(message, {"number": typed.strip()[:20]}))]) from None


def _chosen(ticked: str) -> Chosen | None:
    """A ticked box: the penalty and its version as they were shown."""
    parts = ticked.split(":")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts):
        return None
    id_, version = map(int, parts)
    return Chosen(id_, version, request.form.get(f"person-{id_}", type=int))


# The page


def _page(refused: ComplaintError | None = None, *, taking_back: int | None = None, proposing: bool = False) -> str:
    session, me, filters = db.session(), actor(), _filters()
    found, more = penalty_list.listed(session, me, filters, before=_before())
    rows = _rows(found)
    month = filters.month or f"{now().astimezone(zone()):%Y-%m}"
    totals = penalty_list.totals(session, me, replace(filters, month=month))
    everybody = {row.penalty.user_id for row in rows} | {row.penalty.decided_by_id for row in rows}
    everybody |= {row.penalty.proposed_by_id for row in rows} | {total.id for total in totals.people}
    everybody |= {each.by_id for row in rows for each in row.trail}
    problems = {each.field: each.sentence for each in refused.problems} if isinstance(refused, Incomplete) else {}
    return render_template(
        "penalties/penalties.html",
        rows=rows,
        filters=filters,
        asked=_asked(filters),
        more=found[-1].penalty.id if more else None,
        month=month,
        totals=totals,
        choices=penalty_list.choices(session, me),
        people=penalty_list.names(session, everybody),
        departments={each.id: each.name for each in session.scalars(select(Department))},
        roles={key: in_my_language(name) for key, name in ROLES.items()},
        states=STATES, state_names=STATE_NAMES, acts=ACTS, month_name=month_name,
        deciding=any(row.may_decide and row.penalty.decision is None for row in rows),
        kinds=_kinds_to_propose(),
        refused=refused.sentence if refused else None,
        problems=problems,
        taking_back=taking_back,
        proposing=proposing,
        limits={"reason": LONGEST_REASON, "remark": LONGEST_REMARK},
    )  # fmt: skip


def _rows(found: Sequence[Shown]) -> list[Row]:
    nobodys = {each.penalty.role for each in found if each.penalty.user_id is None and each.penalty.decision is None}
    holders = penalty_list.holders(db.session(), nobodys, _today())
    trails = penalty_decisions.trail(db.session(), [each.penalty.id for each in found])
    return [
        Row(
            each, _what(each), _over(each), penalty_decisions.may_decide(actor(), each.penalty),
            [(id_, name) for id_, name in holders.get(each.penalty.role, ()) if id_ != actor().id],
            trails.get(each.penalty.id, ()),
        )
        for each in found
    ]  # fmt: skip


def _what(shown: Shown) -> str:
    """What was broken: a clock by its name, else the rule."""
    penalty = shown.penalty
    about = shown.procedure, shown.procedure_version
    rules = next((each for each in versions() if (each.key, each.version) == about), None)
    if shown.clock is not None:
        named = (rule.name for rule in (rules.clocks if rules else ()) if rule.key == shown.clock.key)
        clock = next(named, Name(shown.clock.key, shown.clock.key))
        return str(gettext("Late: %(clock)s", clock=in_my_language(clock)))
    known = rules.penalties if rules else [rule for each in newest() for rule in each.penalties if rule.on == WEEK]
    return in_my_language(
        next((rule.name for rule in known if rule.key == penalty.kind), Name(penalty.kind, penalty.kind))
    )


def _over(shown: Shown) -> timedelta | None:
    if shown.clock is None:
        return None
    return calendar().between(shown.clock.due_at, shown.clock.stopped_at or now())


def _kinds_to_propose() -> Mapping[str, str]:
    """The penalties for records that the reader may propose, in whatever procedure."""
    return {
        rule.key: in_my_language(rule.name)
        for rules in newest()
        for rule in rules.penalties
        if rule.on == RECORDS and rule.key in penalty_decisions.may_propose(actor(), rules)
    }


def month_name(month: str) -> str:
    form = "y年M月" if locale().startswith("zh") else "MMMM y"
    return str(format_date(date.fromisoformat(f"{month}-01"), form))


# What was asked for


def _filters() -> Filters:
    """Whoever decides sees first what is to be decided."""
    asked = request.args
    first = PROPOSED if penalty_decisions.decides(actor()) else EVERY
    state = asked.get("state", first)
    return Filters(
        state if state in STATES else first, _month(asked.get("month", "")), _id("person"), _id("department")
    )


def _month(asked: str) -> str:
    try:
        return asked if date.fromisoformat(f"{asked}-01") and len(asked) == 7 else ""
    except ValueError:
        return ""


def _id(name: str) -> int | None:
    sent = request.args.get(name, type=int)
    return sent if sent is not None and 0 < sent < 1 << 31 else None


def _before() -> int | None:
    sent = request.args.get("before", type=int)
    return sent if sent is not None and 0 < sent < 1 << 53 else None


def _asked(filters: Filters) -> dict[str, Any]:
    """The filters as an address says them."""
    wanted = {
        "state": filters.state, "month": filters.month, "person": filters.user_id, "department": filters.department_id,
    }  # fmt: skip
    return {key: value for key, value in wanted.items() if value}


def _back() -> Response:
    return redirect(url_for(".listed", **_asked(_filters())), 303)


def _today() -> date:
    return now().astimezone(zone()).date()
