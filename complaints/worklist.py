"""The work list: everything that waits for a person, as one page shows it.

Tasks (work.py), letters that nobody has read on complaints that are theirs, and what they are to answer though it was
no complaint (answers.py). Grouped by what is to be done: register, sign, answer, and all else by the stage it belongs
to. In a group the most urgent comes first. Questions only; they ask for what is open, so what was closed costs nothing,
and their number is the same for ten items as for a thousand.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    String,
    Subquery,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    text,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from complaints import answers, board, clocks, people, reading, row_clocks
from complaints.actions import first_words
from complaints.board import Card, instant, microseconds
from complaints.calendar import WorkingCalendar
from complaints.complaint import NO_LIMIT, UNREAD, Complaint, Involvement, visible_to
from complaints.consequences import RESPONSIBLE
from complaints.conversation import Entry
from complaints.errors import N_, Name
from complaints.off_board import KINDS, Decision
from complaints.people import DEPARTMENT_ROLES, ROLES, Actor, Grant, User
from complaints.procedure import COMPLAINT, DEFAULT, INVESTIGATION, Procedure, Stage, procedure, versions
from complaints.records import Record
from complaints.work import CLASSIFY, ENTRY, MOVE, REGISTER, ROW, SIGN, WRITE, Waiting, bar

LETTER, ANSWER = "letter", "answer"
TODAY = bindparam("today", type_=Date())
"""The day by which roles are held."""
PAGE = 30
COUNTED = 99
"""The navigation counts up to here."""
DEEPEST = 10
"""So many pages of a group are shown at once."""
FAULTS = 50
GROUPS: Mapping[str, str] = {REGISTER: REGISTER, SIGN: SIGN, LETTER: ANSWER, ANSWER: ANSWER}
"""The group of a kind of item; the others are grouped by stage."""

TO_DO: Mapping[str, str] = {
    REGISTER: N_("Register it"),
    ENTRY: N_("Complete the register entry"),
    SIGN: N_("Sign: %(what)s"),
    WRITE: N_("Fill in: %(what)s"),
    CLASSIFY: N_("Decide on the class: %(what)s is proposed"),
    MOVE: N_("Move to: %(what)s"),
    ROW: N_("%(what)s: %(about)s"),
    LETTER: N_("Read what the customer wrote"),
    ANSWER: N_("Answer: %(what)s"),
}
"""What is to be done with an item of a kind."""


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
    group apart; `about` is the beginning of a row, `until` the day or time by which its own clock is due; `upto` the
    newest of unread letters."""

    kind: str
    key: str
    ref: int
    since: datetime
    due_on: date | None
    card: Card
    rules: Procedure
    about: str = ""
    until: str = ""
    upto: int = 0

    def about_a_row(self, record: Record) -> "Item":
        """The same with what stands in its row."""
        sheet = self.rules.sheet(record.sheet)
        promised = (rule for rule in self.rules.clocks if self.kind == WRITE and rule.each == record.sheet)
        until = next((row_clocks.until(rule, record) for rule in promised), "")
        return self._replace(about=first_words(sheet, record.values) if sheet is not None else "", until=until)

    def due_at(self, calendar: WorkingCalendar) -> datetime | None:
        """When it is due: a row by its own clock, or at the end of its day if somebody owns it; else as the complaint
        is."""
        if self.until:
            return clocks.entered_time(self.until, self.since, calendar)
        if self.kind == ROW:
            return calendar.end_of(self.due_on) if self.due_on else None
        return self.card.due_at if self.card.limited else None

    @property
    def place(self) -> Place:
        return Place(microseconds(self.card.due_at), self.card.id, self.ref)

    @property
    def say(self) -> str:
        """What is to be done, as a message."""
        if self.kind == ROW and not self.about:
            return "%(what)s"
        return TO_DO[ROW if self.about else self.kind]

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
    today: date,
    *,
    only: str = "",
    after: Place | None = None,
    depth: Mapping[str, int] | None = None,
) -> list[Group]:
    """What waits for a person, the first page of each group; or one group alone, perhaps from a place on. `depth`: how
    many pages of a group to show at once."""
    rows = session.execute(_page(actor, only, after, depth or {}), {"today": today}).all()
    cards = board.by_id(session, actor, {row.complaint_id for row in rows})
    rows = [row for row in rows if row.complaint_id in cards]
    begun = _rows_of_records(session, rows)
    unread = {row.complaint_id for row in rows if row.kind == LETTER}
    letters = reading.newest(session, unread) if unread else {}
    items: dict[str, list[Item]] = defaultdict(list)
    totals: dict[str, int] = {}
    for row in rows:
        rules, card = procedure(row.procedure, row.procedure_version), cards[row.complaint_id]
        item = Item(row.kind, row.key, row.ref, row.since, row.due_on, card, rules)
        if (record := begun.get((row.complaint_id, row.key))) is not None:
            item = item.about_a_row(record)
        items[row.group].append(item._replace(upto=letters.get(row.complaint_id, 0)))
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


def count(session: Session, actor: Actor, today: date) -> int:
    """How much waits for a person, up to `COUNTED` and one more."""
    return session.scalar(counted(actor), {"today": today}) or 0


# The queries


def counted(actor: Actor) -> Select[int]:
    """The query of `count`; it wants `today`."""
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
    answer. Each part is found by an index. What waits for somebody who is not there any more is in the queue; what
    waits for others first is not shown as long as one of them is there who may do it."""
    tasks = select(
        Waiting.kind, Waiting.key, Waiting.id.label("ref"), Waiting.complaint_id, Waiting.since, Waiting.due_on
    )
    in_queue = (
        or_(Waiting.user_id.is_(None), and_(Waiting.barred == "", _without_role())),
        Waiting.role.in_(sorted(actor.roles)),
        or_(Waiting.department_id.is_(None), tuple_(Waiting.role, Waiting.department_id).in_(sorted(actor.held))),
    )
    none, never = cast(null(), Date), cast(null(), Waiting.since.type)
    mine = (_not_barred(actor), or_(Waiting.turn == 0, ~_somebody_before()))
    unread = (text(UNREAD), Complaint.registered_at.is_not(None))
    letters = select(literal(LETTER), literal(""), literal(0), Complaint.id, never, none).where(*unread)
    to_answer = select(literal(ANSWER), Decision.kind, Decision.id, Decision.complaint_id, Decision.at, none).where(
        *answers.still_open(), Decision.owner_id == actor.id
    )
    return union_all(
        tasks.where(Waiting.user_id == actor.id, Waiting.role.in_(["", *sorted(actor.roles)]), *mine),
        tasks.where(*in_queue, *mine),
        letters.where(Complaint.owner_id == actor.id, _in(_stages())),
        letters.where(Complaint.owner_id.is_(None), _in_my_queue(actor)),
        to_answer,
    ).subquery()


def _not_barred(actor: Actor) -> ColumnElement[bool]:
    """What nothing keeps a person from doing."""
    marks = [bar([actor.id or 0], ()), *(bar((), [each]) for each in sorted(actor.departments))]
    return or_(Waiting.barred == "", not_(or_(*(Waiting.barred.contains(each) for each in marks))))


def _somebody_before() -> ColumnElement[bool]:
    """Is there somebody who may do a task in an earlier turn?"""
    before = aliased(Waiting)
    departments = (
        before.department_id.is_(None), Waiting.department_id.is_(None), before.department_id == Waiting.department_id
    )  # fmt: skip
    return (
        exists()
        .where(_same(before, Waiting), before.turn < Waiting.turn, or_(*departments), _somebody_can(before))
        .correlate(Waiting)
    )


def _same(one: Any, other: Any) -> ColumnElement[bool]:
    return and_(one.complaint_id == other.complaint_id, one.kind == other.kind, one.key == other.key)


def _somebody_can(task: Any) -> ColumnElement[bool]:
    """Is there somebody at work who may do a task? Asked for a role by its index, or for the person named."""
    grant, other = aliased(Grant), aliased(Grant)
    person = task.barred.contains(" u" + cast(grant.user_id, String) + " ")
    colleague = exists().where(
        other.user_id == grant.user_id, _today(other),
        task.barred.contains(" d" + cast(other.department_id, String) + " "),
    )  # fmt: skip
    holds = (
        _today(grant),
        or_(task.user_id.is_(None), task.user_id == grant.user_id),
        or_(task.department_id.is_(None), task.department_id == grant.department_id),
        or_(task.barred == "", not_(or_(person, colleague.correlate(grant, task)))),
    )
    as_role = exists().where(grant.role == task.role, *holds)
    as_named = exists().where(grant.user_id == task.user_id, *holds)
    return or_(as_role.correlate(task), and_(task.role == "", as_named.correlate(task)))


def _today(grant: Any) -> ColumnElement[bool]:
    """The roles that are held today by who works here."""
    left = select(User.id).where(User.left_at.is_not(None))
    held = grant.since <= TODAY, or_(grant.until.is_(None), grant.until >= TODAY)
    return and_(*held, grant.user_id.not_in(left))


def _without_role() -> ColumnElement[bool]:
    """Is somebody named for a task who has left, or lost the role that it takes?"""
    holders = select(Grant.role, Grant.user_id).where(_today(Grant))
    return and_(Waiting.user_id.is_not(None), Waiting.role != "", tuple_(Waiting.role, Waiting.user_id).not_in(holders))


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


def _rows_of_records(session: Session, rows: Sequence[Any]) -> dict[tuple[int, str], Record]:
    """Those rows of records that wait, by complaint and task."""
    hangs_on = {}
    for row in rows:
        key, _, place = row.key.partition(":")
        sheet = procedure(row.procedure, row.procedure_version).sheet(key)
        if row.kind in (ROW, WRITE) and place and sheet is not None:
            shared = sheet.of == INVESTIGATION
            subject = (INVESTIGATION, row.investigation_id) if shared else (COMPLAINT, row.complaint_id)
            hangs_on[row.complaint_id, row.key] = (*subject, key, int(place))
    if not hangs_on:
        return {}
    place_of = Record.subject, Record.subject_id, Record.sheet, Record.place
    waiting = select(Record).where(Record.removed_at.is_(None), tuple_(*place_of).in_(sorted({*hangs_on.values()})))
    found = {
        (record.subject, record.subject_id, record.sheet, record.place): record
        for record in session.scalars(waiting.order_by(Record.round))
    }
    return {task: found[place] for task, place in hangs_on.items() if place in found}


# What waits for nobody


class Nobodys(NamedTuple):
    """A complaint that waits for nobody; `gone`: the person that it waits for, who has left or may not do it now."""

    card: Card
    gone: User | None


def nobodys(session: Session, actor: Actor, today: date) -> tuple[list[Nobodys], bool]:
    """Complaints that nobody is responsible for, and whether there are still more: their owner has left, or whoever is
    named for a task has left or lost the role for it; they are in a queue whose role nobody holds, or wait for somebody
    whose own work it is not, and there is nobody else."""
    held = people.held(session, today)
    manned = {role for role, _ in held}
    at_work = {department for role, department in held if department is not None and role in DEPARTMENT_ROLES}
    stages = [(key, stage) for key, stage in _stages() if not stage.final]
    in_no_queue = _in((key, stage) for key, stage in stages if stage.queue not in manned)
    of_departments = _in((key, stage) for key, stage in stages if stage.queue in DEPARTMENT_ROLES)
    abandoned = or_(in_no_queue, and_(of_departments, Complaint.id.not_in(_responsible(at_work))))
    gone = session.scalars(select(User.id).where(User.left_at.is_not(None))).all()
    nobody, open_ = cast(null(), Integer), _in(stages)
    owned = select(Complaint.id, Complaint.owner_id.label("gone")).where(open_, Complaint.owner_id.in_(gone))
    queued = select(Complaint.id, nobody).where(open_, Complaint.owner_id.is_(None), abandoned)
    named = select(Waiting.complaint_id, Waiting.user_id)
    lost = select(Grant.user_id).where(Grant.until < TODAY)
    signing = Waiting.kind == SIGN, Waiting.role.in_(ROLES), Waiting.turn == 0, Waiting.barred != ""
    faults = union_all(
        owned,
        queued,
        named.where(Waiting.user_id.in_(gone)),
        named.where(Waiting.user_id.in_(lost), _without_role()),
        select(Waiting.complaint_id, nobody).where(*signing, ~_somebody_at_all()),
    ).subquery()
    query = select(Complaint.id, func.max(faults.c.gone)).join(faults, faults.c.id == Complaint.id).where(open_)
    in_order = visible_to(actor, query).group_by(Complaint.id).order_by(Complaint.sort_due_at, Complaint.id)
    rows = session.execute(in_order.limit(FAULTS + 1), {"today": today})
    found = {row[0]: row[1] for row in rows}
    users = {each.id: each for each in session.scalars(select(User).where(User.id.in_({*found.values()} - {None})))}
    cards = sorted(board.by_id(session, actor, found).values(), key=attrgetter("due_at", "id"))
    return [Nobodys(each, users.get(found[each.id])) for each in cards[:FAULTS]], len(cards) > FAULTS


def _somebody_at_all() -> ColumnElement[bool]:
    """Is there somebody who may do a task, in whatever turn?"""
    any_turn = aliased(Waiting)
    return exists().where(_same(any_turn, Waiting), _somebody_can(any_turn)).correlate(Waiting)


def vacant(session: Session, today: date) -> list[tuple[str, int]]:
    """The roles that nobody holds though something waits for them, and how much."""
    held = {role for role, _ in people.held(session, today)}
    first = Waiting.user_id.is_(None), Waiting.turn == 0
    waiting = select(Waiting.role, func.count()).where(*first).group_by(Waiting.role)
    found = {role: int(number) for role, number in session.execute(waiting)}
    return [(role, found[role]) for role in ROLES if role in found and role not in held]
