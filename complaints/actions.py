"""Open actions: what somebody is to carry out, over all complaints that are still open, soonest first.

An action is a row of a record with an owner, such as an item of a plan, that is not done in the present round. What the
procedure says of checks and of verification stands with it. Of one that several complaints share, the oldest of those
that a person may see stands for all. Questions only; a page takes the same few, however many there are.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, tuple_, union_all
from sqlalchemy.orm import Session

from complaints.complaint import Complaint, visible_to
from complaints.errors import Name
from complaints.people import Actor, Department, Grant, User
from complaints.procedure import COMPLAINT, INVESTIGATION, Procedure, Sheet, procedure, versions
from complaints.records import LASTING, Record
from complaints.signatures import APPROVED, Signature

PAGE = 50
NEVER = date.max
NOT_YET, NOW, VERIFIED = "not_yet", "now", "verified"
"""How far the verification is."""


@dataclass(frozen=True)
class Filters:
    """What a person wants to see; empty means everything."""

    mine: bool = False
    overdue: bool = False
    department: int | None = None


class Place(NamedTuple):
    """Where an action stands in the list: by due day (as a number), then by its record."""

    due: int
    record_id: int

    def __str__(self) -> str:
        return f"{self.due}.{self.record_id}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read what `str` wrote; raises `ValueError`."""
        due, record_id = map(int, text.split("."))
        if not (1 <= due <= NEVER.toordinal() and 0 <= record_id < 1 << 31):
            raise ValueError(text)
        return cls(due, record_id)


@dataclass(frozen=True)
class Action:
    """One thing that somebody is to carry out. `checked`: the last check, when and with which result; `verification`:
    not_yet, now or verified, nothing where the procedure knows none."""

    record: Record
    number: str
    subject: str
    owner: str
    departments: Sequence[Name]
    sheet: Sheet
    checked: tuple[date, str] | None
    verification: str

    @property
    def what(self) -> str:
        """Its first words."""
        return first_words(self.sheet, self.record.values)

    @property
    def place(self) -> Place:
        return Place((self.record.due_on or NEVER).toordinal(), self.record.id)


def first_words(sheet: Sheet, values: Mapping[str, Any]) -> str:
    words = (values.get(field.key) for field in sheet.fields if field.kind in ("line", "text"))
    return str(next((each for each in words if each), ""))


def listed(
    session: Session, actor: Actor, today: date, *, filters: Filters, after: Place | None = None
) -> tuple[list[Action], bool]:
    """The first actions, or those after a place, and whether there are still more."""
    due = func.coalesce(Record.due_on, NEVER)
    found = union_all(*(_half(actor, today, filters, after, on) for on in (_own(), _shared()))).subquery()
    once = select(found.c.record_id, func.min(found.c.complaint_id).label("of")).group_by(found.c.record_id).subquery()
    query = (
        select(Record, Complaint, User.name)
        .join(once, once.c.record_id == Record.id)
        .join(Complaint, Complaint.id == once.c.of)
        .join(User, User.id == Record.owner_id)
        .order_by(due, Record.id)
        .limit(PAGE + 1)
    )
    rows = session.execute(query).all()
    page = rows[:PAGE]
    checks, signed = _checks(session, page), _signed(session, page)
    departments = _departments(session, {record.owner_id for record, _, _ in page if record.owner_id}, today)
    actions = []
    for record, complaint, owner in page:
        rules = procedure(complaint.procedure, complaint.procedure_version)
        sheet = rules.sheet(record.sheet)
        if sheet is not None:
            actions.append(
                Action(
                    record, complaint.number, complaint.subject, owner, departments[record.owner_id or 0], sheet,
                    checks.get(complaint.id), _verification(rules, complaint, signed),
                )
            )  # fmt: skip
    return actions, len(rows) > PAGE


def _own() -> ColumnElement[bool]:
    return and_(Record.subject == COMPLAINT, Record.subject_id == Complaint.id)


def _shared() -> ColumnElement[bool]:
    return and_(Record.subject == INVESTIGATION, Record.subject_id == Complaint.investigation_id)


def _half(actor: Actor, today: date, filters: Filters, after: Place | None, on: ColumnElement[bool]) -> Any:
    """The open actions of complaints, or of their investigations."""
    open_stages = sorted({(rules.key, stage.key) for rules in versions() for stage in rules.stages if not stage.final})
    wanted = [
        Record.owner_id.is_not(None), Record.done_on.is_(None), Record.removed_at.is_(None),
        or_(Record.round == LASTING, Record.round == Complaint.round),
        tuple_(Complaint.procedure, Complaint.stage).in_(open_stages),
    ]  # fmt: skip
    if filters.mine:
        wanted.append(Record.owner_id == actor.id)
    if filters.overdue:
        wanted.append(Record.due_on < today)
    if filters.department is not None:
        people = select(Grant.user_id).where(Grant.department_id == filters.department, *_held(today))
        wanted.append(Record.owner_id.in_(people))
    if after is not None:
        due = func.coalesce(Record.due_on, NEVER)
        here = tuple_(literal(date.fromordinal(after.due)), literal(after.record_id))
        wanted.append(tuple_(due, Record.id) > here)
    query = select(Record.id.label("record_id"), Complaint.id.label("complaint_id")).join(Complaint, on)
    return visible_to(actor, query.where(*wanted))


def _held(today: date) -> tuple[ColumnElement[bool], ...]:
    return Grant.since <= today, or_(Grant.until.is_(None), Grant.until >= today)


Found = Sequence[tuple[Record, Complaint, str]]


def _departments(session: Session, owners: Collection[int], today: date) -> Mapping[int, list[Name]]:
    """The departments in which people hold a role today."""
    query = select(Grant.user_id, Department).join(Department, Department.id == Grant.department_id)
    rows = session.execute(query.where(Grant.user_id.in_(owners), *_held(today)).order_by(Department.id))
    found: defaultdict[int, list[Name]] = defaultdict(list)
    for user, department in rows:
        if department.name not in found[user]:
            found[user].append(department.name)
    return found


def _subject(complaint: Complaint, of: str) -> tuple[str, int]:
    return of, (complaint.investigation_id or 0) if of == INVESTIGATION else complaint.id


def _checks(session: Session, page: Found) -> dict[int, tuple[date, str]]:
    """The last check of what each complaint (id) carries out: when, and its first words."""
    wanted: dict[tuple[str, str, int], tuple[int, Sheet, str]] = {}
    for complaint in {complaint.id: complaint for _, complaint, _ in page}.values():
        rules = procedure(complaint.procedure, complaint.procedure_version)
        key, _, field = rules.checks.partition(".")
        if (sheet := rules.sheet(key)) is not None:
            wanted[(sheet.key, *_subject(complaint, sheet.of))] = (complaint.id, sheet, field)
    kept = tuple_(Record.sheet, Record.subject, Record.subject_id).in_(wanted)
    found: dict[int, tuple[date, str]] = {}
    for record in session.scalars(select(Record).where(kept, Record.removed_at.is_(None)).order_by(Record.place)):
        complaint_id, sheet, field = wanted[record.sheet, record.subject, record.subject_id]
        if day := record.values.get(field):
            check = date.fromisoformat(day), first_words(sheet, record.values)
            found[complaint_id] = max(found.get(complaint_id, check), check, key=lambda each: each[0])
    return found


def _signed(session: Session, page: Found) -> set[tuple[str, str, int, int]]:
    """The signatures that stand on these complaints or their investigations: key, on what, and in which round."""
    complaints = {complaint.id: complaint for _, complaint, _ in page}.values()
    subjects = {_subject(each, of) for each in complaints for of in (COMPLAINT, INVESTIGATION)}
    query = select(Signature.key, Signature.subject, Signature.subject_id, Signature.round).where(
        tuple_(Signature.subject, Signature.subject_id).in_(subjects), Signature.voided_at.is_(None),
        Signature.decision == APPROVED,
    )  # fmt: skip
    return {(*row,) for row in session.execute(query)}


def _verification(rules: Procedure, complaint: Complaint, signed: Iterable[tuple[str, str, int, int]]) -> str:
    rule = rules.signature(rules.verified)
    if rule is None:
        return ""
    round = complaint.round if rule.per_round else LASTING
    if (rule.key, *_subject(complaint, rule.of), round) in signed:
        return VERIFIED
    return NOW if complaint.stage in rule.stages else NOT_YET
