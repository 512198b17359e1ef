"""Links: what one complaint has to do with another.

People say that a complaint is a duplicate of another, that it is the same trouble again, or that the two are related. A
link keeps its direction and shows on both; one that is taken back is kept as ended, with who, when and why. What is
linked by other acts shows in the same list: a merge, a shared investigation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Select,
    bindparam,
    cast,
    false,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from complaints import complaint as complaints
from complaints import consequences, history, opening, penalties, turns, work, workflow
from complaints.case import Life, load
from complaints.complaint import Complaint, Draft
from complaints.context import Context
from complaints.database import BigId
from complaints.errors import N_, Name, NotFound, Sentence
from complaints.link import OPENED, OPENED_BY, Link
from complaints.off_board import Decision
from complaints.opening import NotOpened, OpenedMeanwhile
from complaints.people import Actor, User
from complaints.registration import Incomplete, Problem, first_time
from complaints.texts import clean

DUPLICATE, RECURRENCE, RELATED = "duplicate_of", "recurrence_of", "related"
REVERSED: Mapping[str, str] = {
    DUPLICATE: "duplicated_by", RECURRENCE: "recurs_in", RELATED: RELATED, OPENED: OPENED_BY,
}  # fmt: skip
"""The kinds of links, each with what it is from the other side."""
MERGED, TOGETHER = "merged_into", "investigated_with"
BEHIND = {**REVERSED, MERGED: "merged_in", TOGETHER: TOGETHER}
"""Everything that shows as a link, each with what it is from the other side."""
LONGEST_REASON = 1_000
NUMBER, KIND, REASON, WHY = "linked_number", "linked_kind", "linked_reason", "unlinked_reason"
"""The fields of the forms."""


class NotLinked(Incomplete):
    message = N_("The complaints were not linked.")


class NotUnlinked(Incomplete):
    message = N_("The link was not removed.")


@dataclass(frozen=True)
class Linked:
    """Another complaint as one side of a link sees it. `way` is a kind or its reverse; `id` that of a link that people
    made. Of a complaint that the reader may not see there is no more than that it is there."""

    id: int | None
    way: str
    at: datetime | None
    who: str | None
    number: str | None = None
    subject: str = ""
    procedure: str = ""
    procedure_version: int = 0
    stage: str = ""
    reason: str = ""


def of(session: Session, complaint: Complaint, actor: Actor, life: Life | None = None) -> list[Linked]:
    """Everything that a complaint is linked to, in one query; in none if its `life` is known and says that it stands
    alone."""
    if life and not (life.linked or life.merged or complaint.merged_into_id):
        return []
    query = _everything(actor, complaint.merged_into_id is not None, complaint.investigation_id is not None)
    return [_linked(row) for row in session.execute(query, {"of": complaint.id, "with": complaint.investigation_id})]


@lru_cache(maxsize=256)
def _everything(actor: Actor, merged: bool, shared: bool) -> Select[Any]:
    """Put together once for each person."""
    found, other = union_all(*_parts(merged, shared)).subquery(), aliased(Complaint)
    seen = complaints.visible_to(actor, select(Complaint.id).where(Complaint.id == other.id)).exists()
    return (
        select(
            found.c.id, found.c.kind, found.c.forward, found.c.at, found.c.reason, User.name.label("who"),
            other.number, other.subject, other.procedure, other.procedure_version, other.stage, seen.label("seen"),
        )
        .join(other, other.id == found.c.other_id)
        .outerjoin(User, User.id == found.c.by_id)
        .order_by(found.c.at, other.id)
    )  # fmt: skip


def _linked(row: Any) -> Linked:
    way = row.kind if row.forward else BEHIND[row.kind]
    if not row.seen:
        return Linked(row.id, way, row.at, row.who)
    return Linked(
        row.id, way, row.at, row.who, row.number, row.subject, row.procedure, row.procedure_version, row.stage,
        row.reason,
    )  # fmt: skip


def _parts(merged: bool, shared: bool) -> list[Select[*tuple[Any, ...]]]:
    """Links from here and to here; the complaint that this one was `merged` into, and those merged into it; those that
    share its investigation, if it is `shared`."""
    of: BindParameter[int] = bindparam("of")
    stands = Link.ended_at.is_(None)
    link = Link.kind, Link.at, Link.by_id, Link.reason
    no_link = cast(null(), BigId).label("id")
    merge = literal(MERGED).label("kind"), Decision.at, Decision.by_id, Decision.reason
    decided = Decision.back_at.is_(None), Decision.into_id.is_not(None)
    parts: list[Select[*tuple[Any, ...]]] = [
        select(Link.id, Link.other_id.label("other_id"), true().label("forward"), *link).where(
            Link.complaint_id == of, stands
        ),
        select(Link.id, Link.complaint_id, false(), *link).where(Link.other_id == of, stands),
        select(no_link, Complaint.id, false(), *merge)
        .join(Decision, Decision.complaint_id == Complaint.id)
        .where(Complaint.merged_into_id == of, *decided),
    ]
    if merged:
        parts.append(select(no_link, Decision.into_id, true(), *merge).where(Decision.complaint_id == of, *decided))
    if shared:
        since, who = cast(null(), Link.at.type), cast(null(), Link.by_id.type)
        together = Complaint.investigation_id == bindparam("with"), Complaint.id != of
        parts.append(select(no_link, Complaint.id, true(), literal(TOGETHER), since, who, literal("")).where(*together))
    return parts


def add(
    session: Session,
    complaint: Complaint,
    number: str,
    kind: str,
    *,
    reason: str = "",
    by: Actor,
    at: datetime,
    key: str,
) -> Complaint | None:
    """Say what a complaint is to the one of this number, in the caller's transaction; returns that one, or nothing when
    this form (`key`) was taken before. Whoever may see both may link them. Raises `NotLinked`."""
    reason = clean(reason, lines=True)
    problems = [] if kind in REVERSED else [Problem(KIND, Sentence(N_("Please say what it is to the other one")))]
    if len(reason) > LONGEST_REASON:
        problems.append(_too_long(REASON, reason))
    try:
        other = complaints.find(session, clean(number, lines=False).upper()[:20], by)
    except NotFound:
        message = N_("There is no complaint “%(number)s”, or it is not yours to see")
        problems.append(Problem(NUMBER, Sentence(message, {"number": clean(number, lines=False)[:20]})))
        raise NotLinked(problems) from None
    if other.id == complaint.id:
        problems.append(Problem(NUMBER, Sentence(N_("This is the same complaint"))))
    if problems:
        raise NotLinked(problems)
    workflow.hold(session, complaint, other)
    if not first_time(session, key, complaint, by=by, at=at):
        return None
    if problem := _against(session, complaint, other, kind):
        raise NotLinked([Problem(NUMBER, Sentence(problem, {"number": other.number}))])
    session.add(Link(complaint_id=complaint.id, other_id=other.id, kind=kind, reason=reason, at=at, by_id=by.id))
    said = {"remark": reason} if reason else {}
    history.note(session, complaint.id, f"linked:{kind}", by=by, at=at, number=other.number, **said)
    history.note(session, other.id, f"linked:{REVERSED[kind]}", by=by, at=at, number=complaint.number, **said)
    session.flush()
    if kind == OPENED:  # it waits for that case from now on
        work.renew(session, complaint.id, turns.tasks(load(session, complaint)), at=at)
    return other


def open_case(
    session: Session, complaint: Complaint, wanted: str, *, seen: int | None, by: Actor, at: datetime, key: str,
    context: Context,
) -> Draft | None:  # fmt: skip
    """Somebody opens a case of another procedure (`wanted`, the key of its rule) on a complaint, in the caller's
    transaction; nothing when this form (`key`) was taken before. `seen`: how many the form showed. Raises `NotOpened`,
    and `OpenedMeanwhile` where there are others by now."""
    workflow.hold(session, complaint)
    case = load(session, complaint)
    rule = next((each for each in opening.openable(case, by) if each.key == wanted), None)
    if rule is None:
        name = next((each.name for each in case.rules.opens if each.key == wanted), Name(wanted[:40], wanted[:40]))
        raise NotOpened(name=name, number=complaint.number)
    if not first_time(session, key, complaint, by=by, at=at):
        return None
    if seen not in (None, len(case.opened.get(rule.procedure, ()))):
        raise OpenedMeanwhile
    draft = opening.open_case(session, case, rule, by=by, at=at, context=context)
    consequences.follow(session, complaint, [], by=by, at=at, context=context)
    return draft


def _too_long(field: str, reason: str) -> Problem:
    message = N_("The reason may have %(limit)s characters; this has %(length)s")
    return Problem(field, Sentence(message, {"limit": LONGEST_REASON, "length": len(reason)}))


def _against(session: Session, complaint: Complaint, other: Complaint, kind: str) -> str | None:
    """What is wrong with a link: it is there already, or it closes a circle."""
    there = (Link.complaint_id == complaint.id) & (Link.other_id == other.id)
    if kind == RELATED:
        there |= (Link.complaint_id == other.id) & (Link.other_id == complaint.id)
    if session.scalar(select(Link.id).where(or_(there), Link.kind == kind, Link.ended_at.is_(None)).limit(1)):
        return N_("%(number)s is linked so already")
    if kind != RELATED and complaint.id in _behind(session, other.id, kind):
        return N_("%(number)s goes back to this complaint itself")
    return None


def _behind(session: Session, first: int, kind: str) -> set[int]:
    """Everything that a complaint goes back to by links of a kind."""
    found: set[int] = set()
    new: Sequence[int] = [first]
    while new:
        found.update(new)
        further = select(Link.other_id).where(Link.complaint_id.in_(new), Link.kind == kind, Link.ended_at.is_(None))
        new = [each for each in session.scalars(further) if each not in found]
    return found


def end(session: Session, complaint: Complaint, link_id: int, *, reason: str, by: Actor, at: datetime) -> None:
    """Take a link back, from either side, in the caller's transaction; it stays in both histories. One that has ended
    stays as it is. Raises `NotFound` for none of this complaint's, and `NotUnlinked` without a reason."""
    link = session.get(Link, link_id)
    if link is None or complaint.id not in (link.complaint_id, link.other_id):
        raise NotFound
    reason = clean(reason, lines=True)
    if not reason:
        raise NotUnlinked([Problem(WHY, Sentence(N_("Please say why")))])
    if len(reason) > LONGEST_REASON:
        raise NotUnlinked([_too_long(WHY, reason)])
    one, other = (session.get_one(Complaint, id_) for id_ in (link.complaint_id, link.other_id))
    workflow.hold(session, one, other)
    session.refresh(link)
    if link.ended_at is not None:
        return
    link.ended_at, link.ended_by_id, link.end_reason = at, by.id, reason
    if link.kind == RECURRENCE:
        penalties.withdraw_recurrence(session, one.id, other.id, by=by, at=at)
    history.note(session, one.id, "unlinked", by=by, at=at, number=other.number, reason=reason)
    history.note(session, other.id, "unlinked", by=by, at=at, number=one.number, reason=reason)
    session.flush()
    if link.kind == OPENED:  # it waits for that case no more
        work.renew(session, one.id, turns.tasks(load(session, one)), at=at)
