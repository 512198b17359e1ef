"""The work list: everything that waits for a person, as one page shows it.

Tasks (work.py), letters that nobody has read on complaints that are theirs, and what they are to answer though it was
no complaint (answers.py). Grouped by what is to be done: register, sign, answer, and all else by the stage it belongs
to. In a group the most urgent comes first. Questions only; they ask for what is open, so what was closed costs nothing,
and their number is the same for ten items as for a thousand.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from complaints import answers, board, people
from complaints.board import Card, instant, microseconds
from complaints.complaint import NO_LIMIT, UNREAD, Complaint, Involvement, visible_to
from complaints.consequences import RESPONSIBLE
from complaints.conversation import Entry
from complaints.errors import Name
from complaints.guards import DEPARTMENT_ROLES
from complaints.off_board import KINDS, Decision
from complaints.people import ROLES, Actor, User
from complaints.procedure import COMPLAINT, DEFAULT, INVESTIGATION, Procedure, Sheet, Stage, procedure, versions
from complaints.records import Record
from complaints.work import CLASSIFY, MOVE, REGISTER, ROW, SIGN, Waiting

LETTER, ANSWER = "letter", "answer"
PAGE = 30
COUNTED = 99
"""The navigation counts up to here."""
DEEPEST = 10
"""So many pages of a group are shown at once."""
FAULTS = 50
GROUPS: Mapping[str, str] = {REGISTER: REGISTER, SIGN: SIGN, LETTER: ANSWER, ANSWER: ANSWER}
"""The group of a kind of item; the others are grouped by stage."""


class Place(NamedTuple):
    """Where an item stands in its group: by due time (microseconds), then by the age of the complaint."""

    due: int
    complaint_id: int
    ref: int

    def __str__(self) -> str:
        return ".".join(map(str, self))

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read what `str` wrote; raises `ValueError`."""
        due, complaint_id, ref = map(int, text.split("."))
        place = cls(due, complaint_id, ref)
        if not all(0 <= id_ < 1 << 31 for id_ in place[1:]) or not 0 <= due <= microseconds(NO_LIMIT):
            raise ValueError(text)
        return place


class Item(NamedTuple):
    """One thing that waits. `key` says which record, signature, stage, row or kind of enquiry; `ref` tells items of a
    group apart; `about` is the beginning of a row."""

    kind: str
    key: str
    ref: int
    since: datetime
    due_on: date | None
    card: Card
    rules: Procedure
    about: str = ""

    @property
    def place(self) -> Place:
        return Place(microseconds(self.card.due_at), self.card.id, self.ref)

    @property
    def what(self) -> Name | None:
        """The name of what is to be done: the signature, the record, the class, the stage, the kind of enquiry."""
        if self.kind == ANSWER:
            return KINDS.get(self.key)
        if self.kind == MOVE:
            return self.rules.stage(self.key).name
        if self.kind == CLASSIFY:
            return self.rules.classes.get(self.key)
        found = self.rules.signature(self.key) if self.kind == SIGN else self.rules.sheet(self.sheet)
        return found.name if found else None

    @property
    def sheet(self) -> str:
        """The record that is to be written in."""
        return self.key.partition(":")[0]


class Group(NamedTuple):
    """Items that wait for the same sort of act, `left` more after them. `stage` names a group that goes by stage."""

    key: str
    items: list[Item]
    left: int
    rules: Procedure
    stage: Stage | None

    @property
    def total(self) -> int:
        return len(self.items) + self.left


def groups(
    session: Session,
    actor: Actor,
    *,
    only: str = "",
    after: Place | None = None,
    depth: Mapping[str, int] | None = None,
) -> list[Group]:
    """What waits for a person, the first page of each group; or one group alone, perhaps from a place on. `depth`: how
    many pages of a group to show at once."""
    rows = session.execute(_page(actor, only, after, depth or {})).all()
    cards = board.by_id(session, actor, {row.complaint_id for row in rows})
    rows = [row for row in rows if row.complaint_id in cards]
    begun = _beginnings(session, actor, rows)
    items: dict[str, list[Item]] = defaultdict(list)
    totals: dict[str, int] = {}
    for row in rows:
        rules, card = procedure(row.procedure, row.procedure_version), cards[row.complaint_id]
        about = begun.get((row.complaint_id, row.key), "")
        items[row.group].append(Item(row.kind, row.key, row.ref, row.since, row.due_on, card, rules, about))
        totals[row.group] = row.total
    return sorted((_group(key, found, totals[key]) for key, found in items.items()), key=_order)


def _group(key: str, items: list[Item], total: int) -> Group:
    first = items[0]
    stage = None if key in GROUPS.values() else first.rules.stage(first.card.stage)
    return Group(key, items, total - len(items), first.rules, stage)


def _order(group: Group) -> tuple[int, bool, str, int]:
    if group.stage is None:
        return ([*GROUPS.values()].index(group.key), False, "", 0)
    return (len(GROUPS), group.rules.key != DEFAULT, group.rules.key, group.stage.position)


def count(session: Session, actor: Actor) -> int:
    """How much waits for a person, up to `COUNTED` and one more."""
    return session.scalar(_count(actor, tuple(versions()))) or 0


# The queries


@lru_cache(maxsize=256)
def _count(actor: Actor, _versions: tuple[Procedure, ...]) -> Select[int]:
    """Every page asks this, so it is put together once for each person."""
    found = _all(actor)
    some = visible_to(actor, select(found.c.ref).join(Complaint, Complaint.id == found.c.complaint_id))
    return select(func.count()).select_from(some.limit(COUNTED + 1).subquery())


def _page(actor: Actor, only: str, after: Place | None, depth: Mapping[str, int]) -> Select[*tuple[Any, ...]]:
    found = _all(actor)
    by_stage = Complaint.procedure + "." + Complaint.stage
    group = case(dict(GROUPS), value=found.c.kind, else_=by_stage)
    order = (Complaint.sort_due_at, Complaint.id, found.c.ref)
    wanted = []
    if only:
        wanted.append(group == only)
    if after is not None:
        due = literal(instant(after.due), Complaint.sort_due_at.type)
        wanted.append(tuple_(*order) > tuple_(due, literal(after.complaint_id), literal(after.ref)))
    ranked = visible_to(
        actor,
        select(
            *found.c, Complaint.procedure, Complaint.procedure_version, Complaint.investigation_id,
            group.label("group"),
            func.row_number().over(partition_by=group, order_by=order).label("rank"),
            func.count().over(partition_by=group).label("total"),
        )
        .join(Complaint, Complaint.id == found.c.complaint_id)
        .where(*wanted),
    ).subquery()  # fmt: skip
    shown: Any = PAGE
    if depth:
        shown = case({key: PAGE * pages for key, pages in depth.items()}, value=ranked.c.group, else_=PAGE)
    came_in = select(func.max(Entry.at)).where(Entry.complaint_id == ranked.c.complaint_id, Entry.kind == "letter")
    since = func.coalesce(ranked.c.since, came_in.scalar_subquery(), type_=Waiting.since.type).label("since")
    columns = (each for each in ranked.c if each.name != "since")
    return select(*columns, since).where(ranked.c.rank <= shown).order_by(ranked.c.group, ranked.c.rank)


def _all(actor: Actor) -> Subquery:
    """Everything that waits for a person: by name, in the queue of a role they hold, letters, and what they are to
    answer. Each part is found by an index."""
    tasks = select(
        Waiting.kind, Waiting.key, Waiting.id.label("ref"), Waiting.complaint_id, Waiting.since, Waiting.due_on
    )
    in_queue = (
        Waiting.user_id.is_(None),
        Waiting.role.in_(sorted(actor.roles)),
        or_(Waiting.department_id.is_(None), tuple_(Waiting.role, Waiting.department_id).in_(sorted(actor.held))),
    )
    none, never = cast(null(), Date), cast(null(), Waiting.since.type)
    unread = (text(UNREAD), Complaint.registered_at.is_not(None))
    letters = select(literal(LETTER), literal(""), literal(0), Complaint.id, never, none).where(*unread)
    to_answer = select(literal(ANSWER), Decision.kind, Decision.id, Decision.complaint_id, Decision.at, none).where(
        *answers.still_open(), Decision.owner_id == actor.id
    )
    return union_all(
        tasks.where(Waiting.user_id == actor.id),
        tasks.where(*in_queue),
        letters.where(Complaint.owner_id == actor.id, _in(_stages())),
        letters.where(Complaint.owner_id.is_(None), _in_my_queue(actor)),
        to_answer,
    ).subquery()


def _in_my_queue(actor: Actor) -> ColumnElement[bool]:
    """The complaints without an owner that stand in a stage whose first role somebody holds."""
    mine = [(key, stage) for key, stage in _stages() if stage.queue in actor.roles]
    departments = _in((key, stage) for key, stage in mine if stage.queue in DEPARTMENT_ROLES)
    return or_(
        _in((key, stage) for key, stage in mine if stage.queue not in DEPARTMENT_ROLES),
        and_(departments, Complaint.id.in_(_responsible(actor.departments))),
    )


def _stages() -> list[tuple[str, Stage]]:
    """Every stage on the board, with the key of its procedure."""
    return [(rules.key, stage) for rules in versions() for stage in rules.stages]


def _in(stages: Iterable[tuple[str, Stage]]) -> ColumnElement[bool]:
    return tuple_(Complaint.procedure, Complaint.stage).in_(sorted({(key, stage.key) for key, stage in stages}))


def _responsible(departments: Iterable[int]) -> Select[int]:
    """The complaints that some of these departments are responsible for."""
    return select(Involvement.complaint_id).where(
        Involvement.department_id.in_(sorted(departments)), Involvement.reason == RESPONSIBLE
    )


def _beginnings(session: Session, actor: Actor, rows: Sequence[Any]) -> dict[tuple[int, str], str]:
    """How those rows of records begin that wait for a person: the first words in them, by complaint and task."""
    hangs_on = {}
    for row in rows:
        sheet = procedure(row.procedure, row.procedure_version).sheet(row.key.partition(":")[0])
        if row.kind == ROW and sheet is not None:
            shared = sheet.of == INVESTIGATION
            subject = (INVESTIGATION, row.investigation_id) if shared else (COMPLAINT, row.complaint_id)
            hangs_on[row.complaint_id, row.key] = (*subject, sheet)
    if not hangs_on:
        return {}
    subjects = sorted({(kind, id_) for kind, id_, _ in hangs_on.values()})
    mine = select(Record).where(
        Record.owner_id == actor.id, Record.done_on.is_(None), Record.removed_at.is_(None),
        tuple_(Record.subject, Record.subject_id).in_(subjects),
    )  # fmt: skip
    found = {
        (record.subject, record.subject_id, f"{record.sheet}:{record.place}"): record.values
        for record in session.scalars(mine.order_by(Record.round))
    }
    return {
        (complaint_id, key): _first_words(sheet, found.get((kind, id_, key), {}))
        for (complaint_id, key), (kind, id_, sheet) in hangs_on.items()
    }


def _first_words(sheet: Sheet, values: Mapping[str, Any]) -> str:
    words = (values.get(field.key) for field in sheet.fields if field.kind in ("line", "text"))
    return str(next((each for each in words if each), ""))


# What waits for nobody


def nobodys(session: Session, actor: Actor, today: date) -> tuple[list[Card], bool]:
    """Complaints that nobody is responsible for, and whether there are still more: their owner has left, or they are in
    a queue whose role nobody holds."""
    held = people.held(session, today)
    manned = {role for role, _ in held}
    at_work = {department for role, department in held if department is not None and role in DEPARTMENT_ROLES}
    stages = [(key, stage) for key, stage in _stages() if not stage.final]
    in_no_queue = _in((key, stage) for key, stage in stages if stage.queue not in manned)
    of_departments = _in((key, stage) for key, stage in stages if stage.queue in DEPARTMENT_ROLES)
    abandoned = or_(in_no_queue, and_(of_departments, Complaint.id.not_in(_responsible(at_work))))
    gone = session.scalars(select(User.id).where(User.left_at.is_not(None))).all()
    still_open = select(Complaint.id).where(_in(stages))
    faults = union_all(
        still_open.where(Complaint.owner_id.is_(None), abandoned), still_open.where(Complaint.owner_id.in_(gone))
    ).subquery()
    query = visible_to(actor, select(Complaint.id).join(faults, faults.c.id == Complaint.id))
    found = query.order_by(Complaint.sort_due_at, Complaint.id).limit(FAULTS + 1)
    cards = board.by_id(session, actor, session.scalars(found))
    return sorted(cards.values(), key=attrgetter("due_at", "id"))[:FAULTS], len(cards) > FAULTS


def vacant(session: Session, today: date) -> list[tuple[str, int]]:
    """The roles that nobody holds though something waits for them, and how much."""
    held = {role for role, _ in people.held(session, today)}
    waiting = select(Waiting.role, func.count()).where(Waiting.user_id.is_(None)).group_by(Waiting.role)
    found = {role: int(number) for role, number in session.execute(waiting)}
    return [(role, found[role]) for role in ROLES if role in found and role not in held]
