"""The penalties as a reader sees them: a list with its evidence, and what the confirmed ones of a month come to."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.orm import Session

from complaints import complaint as complaints
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.penalty import CONFIRMED, DECISIONS, PROPOSED, Penalty
from complaints.penalty_decisions import visible_to
from complaints.people import Actor, Department, Grant, User, held_on

PAGE = 50
EVERY = "all"
STATES = (PROPOSED, *DECISIONS, EVERY)


@dataclass(frozen=True)
class Filters:
    """What a reader wants to see. `state` is one of `STATES`."""

    state: str = EVERY
    month: str = ""
    user_id: int | None = None
    department_id: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Of whom and when, whatever its state."""
        wanted = ((Penalty.user_id, self.user_id), (Penalty.department_id, self.department_id))
        found = [column == value for column, value in wanted if value is not None]
        return [*found, Penalty.month == self.month] if self.month else found


class Shown(NamedTuple):
    """A penalty with its evidence: the clock, and the complaint as far as the reader may see it (`seen`)."""

    penalty: Penalty
    clock: Clock | None
    number: str | None
    subject: str
    procedure: str | None
    procedure_version: int
    seen: bool


class Total(NamedTuple):
    """What the confirmed penalties of somebody come to."""

    id: int | None
    number: int
    yuan: int


@dataclass(frozen=True)
class Totals:
    people: list[Total]
    departments: list[Total]

    @property
    def yuan(self) -> int:
        return sum(each.yuan for each in self.people)


def listed(session: Session, actor: Actor, filters: Filters, *, before: int | None = None) -> tuple[list[Shown], bool]:
    """The newest first, from a place on, and whether there are more."""
    here = select(Complaint.id).where(Complaint.id == Penalty.complaint_id).correlate(Penalty)
    query: Select[*tuple[Any, ...]] = (
        select(
            Penalty, Clock, Complaint.number, Complaint.subject, Complaint.procedure, Complaint.procedure_version,
            complaints.visible_to(actor, here).exists().label("seen"),
        )
        .outerjoin(Clock, Clock.id == Penalty.clock_id)
        .outerjoin(Complaint, Complaint.id == Penalty.complaint_id)
        .where(*filters.conditions())
        .order_by(Penalty.id.desc())
        .limit(PAGE + 1)
    )  # fmt: skip
    if filters.state != EVERY:
        decision = None if filters.state == PROPOSED else filters.state
        query = query.where(Penalty.decision.is_not_distinct_from(decision))
    if before is not None:
        query = query.where(Penalty.id < before)
    found = [_shown(row) for row in session.execute(visible_to(actor, query))]
    return found[:PAGE], len(found) > PAGE


def _shown(row: Any) -> Shown:
    penalty, clock, number, subject, procedure, version, seen = row
    return Shown(penalty, clock, number, subject if seen else "", procedure, version or 0, bool(seen))


def totals(session: Session, actor: Actor, filters: Filters) -> Totals:
    """What was confirmed, by person and by department, the most first."""
    query = (
        select(Penalty.user_id, Penalty.department_id, func.count(), func.sum(Penalty.yuan))
        .where(Penalty.decision == CONFIRMED, *filters.conditions())
        .group_by(Penalty.user_id, Penalty.department_id)
    )
    people, departments = (Counter[int | None](), Counter[int | None]()), (Counter[int | None](), Counter[int | None]())
    for user, department, number, yuan in session.execute(visible_to(actor, query)):
        for (numbers, sums), key in ((people, user), (departments, department)):
            numbers[key] += number
            sums[key] += int(yuan)
    return Totals(_most_first(*people), _most_first(*departments))


def _most_first(numbers: Mapping[int | None, int], sums: Counter[int | None]) -> list[Total]:
    found = [Total(key, numbers[key], yuan) for key, yuan in sums.items()]
    return sorted(found, key=lambda total: (-total.yuan, total.id or 0))


class Choices(NamedTuple):
    """What the list can be narrowed to: months, people and departments that are in it."""

    months: list[str]
    people: dict[int, str]
    departments: list[Department]


def choices(session: Session, actor: Actor) -> Choices:
    months = select(Penalty.month).distinct().order_by(Penalty.month.desc())
    people = select(User.id, User.name).join(Penalty, Penalty.user_id == User.id).distinct().order_by(User.name)
    departments = select(Department).where(
        Department.id.in_(visible_to(actor, select(Penalty.department_id)).scalar_subquery())
    )
    return Choices(
        [*session.scalars(visible_to(actor, months))],
        dict(session.execute(visible_to(actor, people)).all()),
        [*session.scalars(departments.order_by(Department.id))],
    )


def holders(session: Session, roles: Collection[str], today: date) -> dict[str, list[tuple[int, str]]]:
    """Who holds these roles, by name: whoever decides on a penalty of nobody names one of them."""
    query = select(Grant.role, User.id, User.name).join(User, User.id == Grant.user_id)
    query = query.where(Grant.role.in_(sorted(roles)), User.left_at.is_(None), *held_on(literal(today)))
    found: dict[str, list[tuple[int, str]]] = {}
    for role, id_, name in session.execute(query.distinct().order_by(User.name, User.id)) if roles else ():
        found.setdefault(role, []).append((id_, name))
    return found


def names(session: Session, ids: Collection[int | None]) -> dict[int, str]:
    wanted = select(User.id, User.name).where(User.id.in_(sorted({*ids} - {None})))
    return dict(session.execute(wanted).all()) if ids else {}
