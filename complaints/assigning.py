"""Naming who works on a complaint in a role, and handing it over.

Whoever holds a role, their superiors and the front office's supervisors may name one of those who hold it. That gives
nobody a right that they have not: from then on tasks, notices and the card are theirs, as long as they hold the role;
then all of the role have them again. Where a field of the procedure says who it is, naming writes in that field, and
the procedure says who may.

Whoever has a complaint hands it over with a reason, and follows it among their work until it is closed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, or_, select, tuple_
from sqlalchemy.orm import Session

from complaints import assignments, consequences, guards, history, notices, turns, workflow, writing
from complaints import complaint as complaints
from complaints.assignments import Assignment, Post
from complaints.case import INVESTIGATING, Case, load
from complaints.complaint import Complaint, visible_to
from complaints.context import Context
from complaints.errors import N_, ComplaintError, Name, NotAllowed, NotFound, Sentence, StaleComplaint
from complaints.guards import RoleNames, signers
from complaints.people import DEPARTMENT_ROLES, ROLES, Actor, Grant, User
from complaints.procedure import Field, Sheet, of, procedure, versions
from complaints.receivers import HEAD
from complaints.registration import Incomplete, Problem
from complaints.texts import clean

ASSIGNED, HANDED_OVER, REPLACED = "assigned", "handed_over", "replaced"
SUPERVISORS = frozenset({"mkt_sup", "mkt_vp"})
"""Roles of the front office that may name somebody for every role."""
LONGEST_REASON = 1_000
FOLLOWED = 50


class NotAssigned(Incomplete):
    """The form lacks something: `problems` says what, for the fields `user` and `reason`."""

    message = N_("Nobody was named.")


class NothingToDo(ComplaintError):
    message = N_("%(number)s is closed or off the board; nobody is named for it any more.")


class Holder(NamedTuple):
    """Somebody who holds a role today."""

    id: int
    name: str
    role: str
    superior_id: int | None


@dataclass(frozen=True)
class Position:
    """A post of a complaint as somebody sees it: who holds it, who has the complaint in it (`present`: a person, or
    nobody in particular), whether work waits there now, and what this person may do about it."""

    post: Post
    holders: Sequence[Holder]
    present: int | None
    now: bool
    may_name: bool
    may_hand_over: bool


def posts(case: Case) -> dict[Post, bool]:
    """The posts that a complaint has work for, those first where something waits now (True): whose it is in its stage,
    what waits for a role, and whose turn comes in the other stages and to sign."""
    rules, stage = case.rules, case.rules.stage(case.stage)
    waiting = [task.role for task in sorted(turns.tasks(case), key=lambda task: task.turn) if not task.turn]
    later = [each.queue for each in rules.stages if each.position >= stage.position]
    later += [signers(case, rule)[0] for rule in rules.signatures if _to_come(case, rule.key)]
    found: dict[Post, bool] = {}
    for now, roles in ((True, [stage.queue, *waiting]), (False, later)):
        for role in roles:
            for post in _posts_of(case, role):
                found.setdefault(post, now)
    return found


def _to_come(case: Case, key: str) -> bool:
    rule = case.rules.signature(key)
    assert rule is not None
    last = max(case.rules.stage(each).position for each in rule.stages)
    still = case.rules.stage(case.stage).position <= last
    return still and key not in case.signatures and case.holds(rule.when)


def _posts_of(case: Case, role: str) -> Iterable[Post]:
    """A department has one post for its head and its members."""
    if role in DEPARTMENT_ROLES:
        return (Post(HEAD, each) for each in sorted(case.departments))
    return (Post(role),) if role in ROLES else ()


def positions(session: Session, complaint: Complaint, *, by: Actor, today: date) -> list[Position]:
    """Who works on a complaint in which role, for the eyes of this person; nothing once it is closed."""
    case = load(session, complaint)
    if _is_over(case):
        return []
    wanted = posts(case)
    holders = _holders(session, case, wanted, today)
    return [_position(case, post, holders[post], now=now, by=by) for post, now in wanted.items()]


def _is_over(case: Case) -> bool:
    stage = case.rules.stage(case.stage)
    return stage.final or stage.off_board


def _holders(session: Session, case: Case, wanted: Collection[Post], today: date) -> dict[Post, list[Holder]]:
    """Who holds each post today, by name, but nobody whom the complaint is about; of a department its head first."""
    roles = {post.role for post in wanted} | (DEPARTMENT_ROLES if any(post.department_id for post in wanted) else set())
    query = (
        select(Grant.department_id, User.id, User.name, Grant.role, User.superior_id)
        .join(User, User.id == Grant.user_id)
        .where(
            Grant.role.in_(roles), User.left_at.is_(None), User.id.not_in(case.about), Grant.since <= today,
            or_(Grant.until.is_(None), Grant.until >= today),
        )
        .order_by(User.name, User.id)
    )  # fmt: skip
    found: dict[Post, dict[int, Holder]] = {post: {} for post in wanted}
    rows = sorted(session.execute(query), key=lambda row: row.role != HEAD)
    for row in rows:
        holder = Holder(row.id, row.name, row.role, row.superior_id)
        post = Post(HEAD, row.department_id) if row.role in DEPARTMENT_ROLES else Post(row.role)
        if post in found:
            found[post].setdefault(holder.id, holder)
    return {post: list(people.values()) for post, people in found.items()}


def _position(case: Case, post: Post, holders: Sequence[Holder], *, now: bool, by: Actor) -> Position:
    present = _present(case, post, holders)
    here = present is not None and present == by.id
    if field := _field(case, post):
        may = field[1].key in guards.writable(case, field[0], by)
        return Position(post, holders, present, now, may and not here, may and here)
    ids = {holder.id for holder in holders}
    above = {holder.superior_id for holder in holders}
    may = by.id in ids | above or bool(by.roles & SUPERVISORS)
    return Position(post, holders, present, now, may and not here, here)


def _present(case: Case, post: Post, holders: Sequence[Holder]) -> int | None:
    """Who has a complaint in a post: whoever is named, the owner of its stage, or the only one who holds it; a
    department has one head."""
    if post.department_id is None:
        named, first = case.named(post.role), holders
    else:
        named = (case.named_in(post.department_id) or ("", None))[1]
        first = [each for each in holders if each.role == HEAD] or holders
    owner = case.complaint.owner_id
    if named in {each.id for each in holders}:
        return named
    if owner not in (None, named) and post == Post(case.rules.stage(case.stage).queue):
        return owner
    return first[0].id if len(first) == 1 else None


def _field(case: Case, post: Post) -> tuple[Sheet, Field] | None:
    """The field of a record that says who is in a post, where the procedure has one."""
    if post != Post(INVESTIGATING) or not case.rules.investigator:
        return None
    key, _, field = case.rules.investigator.partition(".")
    sheet = case.rules.sheet(key)
    assert sheet is not None
    return sheet, sheet.field(field)


def assign(
    session: Session,
    complaint: Complaint,
    post: Post,
    user_id: int | None,
    *,
    reason: str,
    hand_over: bool,
    by: Actor,
    at: datetime,
    context: Context,
    seen_version: int,
) -> str:
    """Name somebody for a post of a complaint, or hand it over to them, in the caller's transaction; returns who it is.

    Raises `NotFound` for a post that is none of this complaint, `NothingToDo`, `NotAllowed`, `StaleComplaint`,
    `NotAssigned` with everything that is wrong with the form, and what writing in a record raises."""
    workflow.hold(session, complaint)
    if complaint.version != seen_version:
        raise StaleComplaint(number=complaint.number)
    case, today = load(session, complaint), at.astimezone(context.zone).date()
    if _is_over(case):
        raise NothingToDo(number=complaint.number)
    wanted = posts(case)
    if post not in wanted:
        raise NotFound
    position = _position(case, post, _holders(session, case, [post], today)[post], now=wanted[post], by=by)
    if not (position.may_hand_over if hand_over else position.may_name):
        raise NotAllowed(who=RoleNames((post.role, *sorted(SUPERVISORS - {post.role}))))
    reason = clean(reason, lines=True)
    chosen = next((each for each in position.holders if each.id == user_id), None)
    problems = [*_nobody(chosen, position), *_unsaid(reason, hand_over)]
    if chosen is None or problems:
        raise NotAssigned(problems)
    _name(session, case, post, chosen, reason=reason, hand_over=hand_over, by=by, at=at, context=context)
    _tell(
        session, complaint, post, chosen, position.present, reason=reason, hand_over=hand_over, by=by, at=at,
        context=context,
    )  # fmt: skip
    return chosen.name


def _nobody(chosen: Holder | None, position: Position) -> list[Problem]:
    if chosen is None:
        return [Problem("user", Sentence(N_("Choose somebody who holds this role today")))]
    if chosen.id == position.present:
        return [Problem("user", Sentence(N_("%(name)s has it already"), {"name": chosen.name}))]
    return []


def _unsaid(reason: str, hand_over: bool) -> list[Problem]:
    if hand_over and not reason:
        return [Problem("reason", Sentence(N_("Please say why you hand it over")))]
    if len(reason) > LONGEST_REASON:
        message = N_("The reason may have %(limit)s characters; this has %(length)s")
        return [Problem("reason", Sentence(message, {"limit": LONGEST_REASON, "length": len(reason)}))]
    return []


def _name(
    session: Session,
    case: Case,
    post: Post,
    chosen: Holder,
    *,
    reason: str,
    hand_over: bool,
    by: Actor,
    at: datetime,
    context: Context,
) -> None:
    complaint, said = case.complaint, {"role": chosen.role, "to": chosen.name, "remark": reason}
    if field := _field(case, post):
        sheet, named = field
        record = case.records.get(sheet.key)
        writing.write(
            session, complaint, sheet.key, {named.key: [str(chosen.id)]}, by=by, at=at, context=context,
            seen=record.version if record else 0,
        )  # fmt: skip
    else:
        workflow.touch(session, complaint, at=at, seen_version=complaint.version)
    for role in DEPARTMENT_ROLES if post.department_id else (post.role,):
        assignments.end(session, complaint.id, Post(role, post.department_id), at=at)
    session.add(
        Assignment(
            complaint_id=complaint.id, role=chosen.role, department_id=post.department_id, user_id=chosen.id,
            from_id=by.id if hand_over else None, by_id=by.id, since=at, reason=reason,
        )
    )  # fmt: skip
    following = [by.id] if hand_over and by.id is not None else []
    complaints.involve(session, complaint, at=at, reason=ASSIGNED, users=[chosen.id])
    complaints.involve(session, complaint, at=at, reason=HANDED_OVER, users=following)
    history.note(session, complaint.id, HANDED_OVER if hand_over else ASSIGNED, by=by, at=at, **said)
    session.flush()
    if field is None:
        consequences.follow(session, complaint, [], by=by, at=at, context=context)


def _tell(
    session: Session,
    complaint: Complaint,
    post: Post,
    chosen: Holder,
    before: int | None,
    *,
    reason: str,
    hand_over: bool,
    by: Actor,
    at: datetime,
    context: Context,
) -> None:
    """Both are told, as far as they do not know."""
    today = at.astimezone(context.zone).date()
    values = {"role": asdict(of(complaint).role(chosen.role)), "to": chosen.name, "reason": reason}
    event = HANDED_OVER if hand_over else f"{ASSIGNED}_why" if reason else ASSIGNED
    others = [before] if before not in (None, chosen.id, by.id) else []
    for users, what in (([chosen.id], event), (others, REPLACED)):
        notices.tell(
            session, complaint, [each for each in users if each is not None], what, by=by, at=at, today=today,
            secret=context.secret, domain=context.domain, values=values,
        )  # fmt: skip


# What was handed over


class Followed(NamedTuple):
    """A complaint that somebody handed over and that is not closed yet: to whom, in which role, since when."""

    complaint_id: int
    number: str
    subject: str
    stage: str
    procedure: str
    procedure_version: int
    role: str
    to: str
    since: datetime

    @property
    def place(self) -> Name:
        """The stage where it is now."""
        return procedure(self.procedure, self.procedure_version).stage(self.stage).name

    @property
    def role_name(self) -> Name:
        return procedure(self.procedure, self.procedure_version).role(self.role)


def followed(session: Session, actor: Actor) -> list[Followed]:
    """What a person handed over, until it is closed, the newest first; once for each complaint."""
    open_stages = sorted({(rules.key, stage.key) for rules in versions() for stage in rules.stages if not stage.final})
    query: Any = (
        select(
            Complaint.id, Complaint.number, Complaint.subject, Complaint.stage, Complaint.procedure,
            Complaint.procedure_version, Assignment.role, User.name, Assignment.since,
        )
        .join(Complaint, Complaint.id == Assignment.complaint_id)
        .join(User, User.id == Assignment.user_id)
        .where(
            Assignment.from_id == actor.id,
            and_(Complaint.closed_at.is_(None), tuple_(Complaint.procedure, Complaint.stage).in_(open_stages)),
        )
        .order_by(Assignment.id.desc())
        .limit(FOLLOWED)
    )  # fmt: skip
    found: dict[int, Followed] = {}
    for row in session.execute(visible_to(actor, query)):
        found.setdefault(row[0], Followed(*row))
    return list(found.values())
