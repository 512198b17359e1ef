"""Who hears: whose a complaint is, and the people behind the words of a notice: roles, departments, fields that name
somebody, the writers of what is signed.

A department hears through its heads. Where a signature waits, those hear of it who may give it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import Session

from complaints import guards, rows
from complaints.assignments import Post
from complaints.case import Case
from complaints.complaint import Involvement
from complaints.people import DEPARTMENT_ROLES, Actor, Grant, User
from complaints.procedure import NOTIFIED, SignatureRule
from complaints.records import Record

HEAD = "dept_head"


def whose(session: Session, case: Case, today: date) -> set[int]:
    """The people who have a complaint: its owner, or those in whose queue it stands."""
    if case.complaint.owner_id is not None:
        return {case.complaint.owner_id}
    queue = case.rules.stage(case.stage).queue
    if queue in DEPARTMENT_ROLES:
        return _speakers(session, case, case.departments, today)
    return _named_first(case, queue, holding(session, queue, today))


def responsible(session: Session, case: Case, role: str, today: date) -> set[int]:
    """The people who keep what a role promises on a complaint: whoever is named for the role there, else whoever has
    the complaint or took it in, if they hold the role, else all who hold it. For a department: who speaks for it."""
    if role in DEPARTMENT_ROLES and case.departments:
        return _speakers(session, case, case.departments, today)
    held = holding(session, role, today)
    nearest = (case.named(role), case.complaint.owner_id, case.complaint.received_by_id)
    return next(({user} for user in nearest if user in held and user is not None), held)


def owner(session: Session, case: Case, today: date) -> int | None:
    """The person named for the stage where a complaint stands; nobody: it is in the queue of its role."""
    stage = case.rules.stage(case.stage)
    assigned = case.assigned.get(Post(stage.queue))
    if assigned is not None and assigned in holding(session, stage.queue, today):
        return assigned
    if stage.owner == "registered_by":
        return case.complaint.registered_by_id
    if stage.owner:
        named: int | None = case.value(stage.owner)
        return named
    if not (DEPARTMENT_ROLES & {*stage.owner_roles} and case.departments):
        return None
    found = heads(session, case, case.departments, today)
    return found.pop() if len(found) == 1 else None


def of(session: Session, case: Case, to: str, on: Iterable[str], *, by: Actor, today: date) -> Iterable[int]:
    """Whom (ids) a notice reaches that is addressed `to` somebody, see NoticeRule, when these events happened."""
    if to == "owner":
        return [mine] if (mine := case.complaint.owner_id) else []
    if to == "superior":
        superior = session.scalar(select(User.superior_id).where(User.id == by.id))
        return [superior] if superior else []
    if to == "writers":
        return {user for event in on for user in _writers(case, event.partition(":")[2])}
    if to == "departments":
        return _speakers(session, case, case.departments, today)
    if to == NOTIFIED:
        told = select(Involvement.department_id).where(
            Involvement.complaint_id == case.complaint.id, Involvement.reason == NOTIFIED
        )
        return _speakers(session, case, [each for each in session.scalars(told) if each], today)
    if "." in to:
        return _in_field(session, case, to, on, today)
    if awaited := _awaited(case, to, on):
        return _may_sign(session, case, awaited, to, today)
    return _named_first(case, to, holding(session, to, today))


def _named_first(case: Case, role: str, holding: set[int]) -> set[int]:
    """Of those who hold a role whoever is named for the complaint, as long as they hold it."""
    return holding & {case.named(role)} or holding


def _awaited(case: Case, role: str, on: Iterable[str]) -> SignatureRule | None:
    """The signature for whose sake a role hears of another one, if nobody may give it for their own work."""
    signed = {event.partition(":")[2] for event in on if event.startswith("signed:")}
    return next(
        (
            rule
            for rule in case.rules.signatures
            if signed & {*rule.after} and role in guards.signers(case, rule) and not rule.each and case.holds(rule.when)
        ),
        None,
    )


def _may_sign(session: Session, case: Case, rule: SignatureRule, first: str, today: date) -> set[int]:
    """Whoever holds a role and may give a signature; if that is nobody, of the next role that may."""
    barred = guards.barred_people(case, rule)
    barred |= _members(session, guards.barred_departments(case, rule), today)
    roles = guards.signers(case, rule)
    for role in roles[roles.index(first) :]:
        if able := _named_first(case, role, holding(session, role, today) - barred):
            return able
    return set()


def _writers(case: Case, signature: str) -> Iterator[int]:
    """Who wrote what a signature covers."""
    if (rule := case.rules.signature(signature)) is not None:
        for sheet in case.rules.covered(rule):
            yield from case.writers(sheet.key)


def _in_field(session: Session, case: Case, ref: str, on: Iterable[str], today: date) -> Iterable[int]:
    """Whom a field names: in the row that was written, and in all rows where something else happened."""
    found = case.rules.sheet(ref.partition(".")[0])
    assert found is not None
    written = any(event.partition(":")[2].partition(".")[0] == found.key for event in on)
    return in_record(session, case, ref, case.of_sheet(found)[-1:] if written else case.of_sheet(found), today)


def in_record(session: Session, case: Case, ref: str, kept: Iterable[Record], today: date) -> Iterable[int]:
    """Whom (ids) some records name in a field; of a department everybody in it."""
    sheet, _, key = ref.partition(".")
    found = case.rules.sheet(sheet)
    assert found is not None
    values = [record.values.get(key) for record in kept]
    ids = {each for value in values for each in (value if isinstance(value, list) else [value]) if each}
    return _members(session, ids, today) if found.field(key).kind == "departments" else ids


@cache
def _held(by: str) -> Select[Any]:
    """Who works here and holds a role on a day: all of the role, or in the departments `among`."""
    grants, users = rows.table(Grant), rows.table(User)
    grant = grants.c
    wanted = (
        grant.role == bindparam("role") if by == "role" else grant.department_id.in_(bindparam("among", expanding=True))
    )
    on_the_day = grant.since <= bindparam("today"), or_(grant.until.is_(None), grant.until >= bindparam("today"))
    query = select(grant.department_id, grant.role, grant.user_id).select_from(grants)
    return query.join(users, users.c.id == grant.user_id).where(wanted, users.c.left_at.is_(None), *on_the_day)


def holding(session: Session, role: str, today: date) -> set[int]:
    """Who works here and holds a role on a day."""
    return {user for _, _, user in rows.run(session, _held("role"), {"role": role, "today": today})}


def _in(session: Session, departments: Iterable[int], today: date) -> list[tuple[int, str, int]]:
    """Department, role and person of all who hold a role in some departments."""
    if not (among := sorted(departments)):
        return []
    return [(*row,) for row in rows.run(session, _held("department"), {"among": among, "today": today})]


def heads(session: Session, case: Case, departments: Collection[int], today: date) -> set[int]:
    """Who has a complaint in some departments: whoever is named for it there and works there that day, else the
    heads."""
    return _by_rank(session, case, departments, today, 2)


def _speakers(session: Session, case: Case, departments: Collection[int], today: date) -> set[int]:
    """Who hears what departments are told: whoever has the complaint there, else all who hold a role in them."""
    return _by_rank(session, case, departments, today, 3)


def _by_rank(session: Session, case: Case, departments: Collection[int], today: date, ranks: int) -> set[int]:
    """For each department the first of: who is named there, its heads, everybody in it."""
    found: dict[int, list[set[int]]] = defaultdict(lambda: [set(), set(), set()])
    for department, role, user in _in(session, departments, today):
        named, heads, everybody = found[department]
        everybody.add(user)
        if role == HEAD:
            heads.add(user)
        if case.named_in(department) == (role, user):
            named.add(user)
    return {user for each in found.values() for user in next(filter(None, each[:ranks]), set())}


def _members(session: Session, departments: Iterable[int], today: date) -> set[int]:
    return {user for _, _, user in _in(session, departments, today)}
