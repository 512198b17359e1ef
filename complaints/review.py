"""The management review (管理评审): what its report says beside the figures, over any period.

Each corrective and preventive action that was begun in the period or is not verified yet, with how far it is; and the
complaints that are still open. Who reads sees those that they may see; the others are only counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, and_, func, select, tuple_, union_all
from sqlalchemy.orm import Session

from complaints import as_of, figures, kpi_entries
from complaints.actions import first_words
from complaints.complaint import Complaint, in_figures, ordinary, visible_to
from complaints.customers import Customer
from complaints.errors import Name
from complaints.figures import Figure
from complaints.kpis import PERCENT, SHIPMENTS, definitions
from complaints.measures import (
    Measure,
    Period,
    Registered,
    Typed,
    measured,
    month_of,
    next_month,
)
from complaints.people import SYSTEM, Actor
from complaints.procedure import COMPLAINT, INVESTIGATION, procedure, versions
from complaints.records import Record

EFFECTIVE, VERIFIED, UNDER_WAY = "effective", "verified", "under_way"
"""How far an action is: accepted by the customer, too; verified; neither."""


@dataclass(frozen=True)
class Action:
    """A corrective and preventive action: its own number, the oldest complaint it belongs to, its first words."""

    number: str
    complaint: Complaint
    what: str
    begun_at: datetime
    round: int
    departments: tuple[int, ...]
    state: str

    @property
    def stage(self) -> Name:
        return stage_of(self.complaint)


@dataclass(frozen=True)
class Open:
    """A complaint that is not closed."""

    complaint: Complaint
    customer: str

    @property
    def stage(self) -> Name:
        return stage_of(self.complaint)


@dataclass(frozen=True)
class Review:
    """`unseen_actions`, `unseen_open`: how many more there are that the reader may not see, or that are not listed."""

    months: tuple[date, ...]
    frozen: Mapping[tuple[date, str], Figure]
    whole: Mapping[str, Measure]
    complaints: tuple[Registered, ...]
    confidential: int
    actions: tuple[Action, ...]
    unseen_actions: int
    open: tuple[Open, ...]
    unseen_open: int


def stage_of(complaint: Complaint) -> Name:
    return procedure(complaint.procedure, complaint.procedure_version).stage(complaint.stage).name


def of(session: Session, actor: Actor, period: Period, at: datetime, *, most: int) -> Review:
    """All that the report says, with at most so many lines in a list."""
    zone = period.begins.tzinfo
    last = min(period.ends, at).astimezone(zone).date()
    months = [month_of(period.begins.date())]
    while next_month(months[-1]) <= last and next_month(months[-1]) < period.ends.date():
        months.append(next_month(months[-1]))
    events = figures.read(session, period, at)
    entries = kpi_entries.standing(session, months[0], months[-1], at)
    typed = _together([figures.amounts(entries, month) for month in months])
    keys = [each.key for each in definitions()]
    actions, unseen_actions = _actions(session, actor, period, at, most)
    still_open, unseen_open = _open(session, actor, most)
    return Review(
        tuple(months), figures.frozen_in(session, months[0], months[-1], keys), measured(events, typed, period, at),
        events.complaints, events.confidential, actions, unseen_actions, still_open, unseen_open,
    )  # fmt: skip


def _together(months: list[Typed]) -> Typed:
    """What was typed in for some months as one: counts are added up; of what is no count the last stands. Where a month
    is missing below the complaint rate there is none for the whole."""
    found: dict[str, Any] = {}
    adding = {each.key for each in definitions() if each.whole and each.kind != PERCENT and not each.yearly}
    for month in months:
        for key, (above, below) in month.items():
            if above is None:
                continue
            before = found.get(key)
            if before is not None and key in adding | {SHIPMENTS}:
                above, below = before[0] + above, None if below is None else before[1] + below
            found[key] = (above, below)
    if any(SHIPMENTS not in month for month in months):
        found.pop(SHIPMENTS, None)
    return found


def _actions(session: Session, actor: Actor, period: Period, at: datetime, most: int) -> tuple[tuple[Action, ...], int]:
    total = session.scalar(select(func.count()).select_from(_once(period, SYSTEM).subquery())) or 0
    mine = _once(period, actor).subquery()
    query = (
        select(Record, Complaint).join(mine, mine.c.record_id == Record.id)
        .join(Complaint, Complaint.id == mine.c.complaint_id).order_by(Record.begun_at, Record.id).limit(most)
    )  # fmt: skip
    found = session.execute(query).all()
    about = {each.id: each for each in figures.known(session, [Complaint.id.in_([row[1].id for row in found])], at)}
    return tuple(_action(record, complaint, about[complaint.id]) for record, complaint in found), total - len(found)


def _once(period: Period, actor: Actor) -> Select[int, int]:
    """The records of the actions with the oldest complaint that each belongs to, of those that somebody may see. What
    was begun in the period and what is open yet, of complaints and of investigations, is asked for one by one: an index
    finds each of them."""
    sheets = sorted({(rules.key, rules.counting.action) for rules in versions() if rules.counting.action})
    wanted = (
        Record.number.is_not(None), Record.sheet.in_({sheet for _, sheet in sheets}),
        tuple_(Complaint.procedure, Record.sheet).in_(sheets), Record.removed_at.is_(None),
        Record.round == Complaint.round, Record.begun_at < period.ends, ordinary(),
    )  # fmt: skip
    belongs = (
        and_(Record.subject == COMPLAINT, Record.subject_id == Complaint.id),
        and_(Record.subject == INVESTIGATION, Record.subject_id == Complaint.investigation_id),
    )
    each = select(Record.id.label("record_id"), Complaint.id.label("complaint_id"))
    found = union_all(
        *(
            visible_to(actor, each.join(Complaint, on).where(*wanted, *when))
            for on in belongs
            for when in ((Record.begun_at >= period.begins,), as_of.open_now())
        )
    ).subquery()
    return select(found.c.record_id, func.min(found.c.complaint_id).label("complaint_id")).group_by(found.c.record_id)


def _action(record: Record, complaint: Complaint, about: Registered) -> Action:
    sheet = procedure(complaint.procedure, complaint.procedure_version).sheet(record.sheet)
    state = EFFECTIVE if about.effective else VERIFIED if about.verified else UNDER_WAY
    return Action(
        record.number or "", complaint, first_words(sheet, record.values) if sheet else "", record.begun_at,
        record.round, about.departments, state,
    )  # fmt: skip


def _open(session: Session, actor: Actor, most: int) -> tuple[tuple[Open, ...], int]:
    """What is not closed, the most urgent first."""
    where = *as_of.open_now(), Complaint.registered_at.is_not(None), in_figures()
    total = session.scalar(select(func.count()).select_from(Complaint).where(*where)) or 0
    query = select(Complaint, Customer.name).outerjoin(Customer, Customer.id == Complaint.customer_id).where(*where)
    found = session.execute(visible_to(actor, query).order_by(Complaint.sort_due_at, Complaint.id).limit(most)).all()
    return tuple(Open(complaint, customer or "") for complaint, customer in found), total - len(found)
