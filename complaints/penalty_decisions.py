"""Who decides on penalties and who sees them; what people decide.

The general manager decides on all, the marketing vice general manager and the QA manager on those of their side, and
nobody on their own. Beside them only the person concerned and the administrators see a penalty: `visible_to` is the
only way to select any.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, func, literal, or_, select
from sqlalchemy.orm import Session

from complaints import complaint as complaints
from complaints.complaint import Complaint, ordinary
from complaints.errors import N_, ComplaintError, NotAllowed, NotFound, Sentence
from complaints.guards import RoleNames
from complaints.penalties import act, department_of
from complaints.penalty import CONFIRMED, REJECTED, Penalty, PenaltyAct
from complaints.people import FRONT_OFFICE, QUALITY, Actor
from complaints.procedure import RECORDS, Procedure, confidential
from complaints.receivers import holding
from complaints.registration import Incomplete, Problem
from complaints.texts import clean

DECIDES_ALL = "gm"
SIDES: Mapping[str, frozenset[str]] = {"mkt_vp": FRONT_OFFICE, "qa_mgr": QUALITY}
"""Who decides for one side alone, and the roles of that side."""
DECIDERS = frozenset({DECIDES_ALL, *SIDES})
TAKEN_BACK = "taken_back"
LONGEST_REASON = 1_000
MOST_AT_ONCE = 200

Query = TypeVar("Query", bound=Select[*tuple[Any, ...]])


class NotDecided(Incomplete):
    message = N_("Nothing was decided.")


class StalePenalty(ComplaintError):
    """Somebody decided on it since it was shown."""

    message = N_("Somebody else decided meanwhile. Here is the newest state; please look and try again.")


class Chosen(NamedTuple):
    """A penalty that a person decides on: the version they saw, and whom they name where nobody is named yet."""

    id: int
    version: int
    user_id: int | None = None


# Who sees and decides


def sides(actor: Actor) -> frozenset[str]:
    """The roles on whose penalties a person decides, those of the general manager aside."""
    return frozenset(role for decider in actor.roles & {*SIDES} for role in SIDES[decider])


def decides_all(actor: Actor) -> bool:
    return actor.id is None or DECIDES_ALL in actor.roles


def decides(actor: Actor) -> bool:
    """Does a person decide on any penalties?"""
    return actor.id is None or bool(actor.roles & DECIDERS)


def may_decide(actor: Actor, penalty: Penalty) -> bool:
    return penalty.user_id != actor.id and (decides_all(actor) or penalty.role in sides(actor))


def mine_to_decide(actor: Actor) -> ColumnElement[bool]:
    """`may_decide` as a condition."""
    others = or_(Penalty.user_id.is_(None), Penalty.user_id != actor.id)
    return others if decides_all(actor) else others & Penalty.role.in_(sorted(sides(actor)))


def visible_to(actor: Actor, query: Query) -> Query:
    """Narrow a query over penalties to those that a person may see. Of a confidential complaint that is not theirs to
    see nobody sees any."""
    if confidential() and actor.id is not None:
        here = select(Complaint.id).where(Complaint.id == Penalty.complaint_id).correlate(Penalty)
        shown = or_(here.where(ordinary()).exists(), complaints.visible_to(actor, here).exists())
        query = query.where(or_(Penalty.complaint_id.is_(None), shown))
    if decides_all(actor) or "admin" in actor.roles:
        return query
    return query.where(or_(Penalty.user_id == actor.id, Penalty.role.in_(sorted(sides(actor)))))


def waiting(actor: Actor) -> Select[int]:
    """How many wait for a person to decide, as a query."""
    if not decides(actor):
        return select(literal(0))
    query = select(func.count()).select_from(Penalty).where(Penalty.decision.is_(None), mine_to_decide(actor))
    return visible_to(actor, query)


def may_propose(actor: Actor, rules: Procedure) -> list[str]:
    """The penalties of a procedure (keys) that a person may propose by hand: those they may decide on."""
    return [
        rule.key
        for rule in rules.penalties
        if rule.on == RECORDS and (decides_all(actor) or {*rule.roles} <= sides(actor))
    ]


# Deciding


def decide(
    session: Session, chosen: Sequence[Chosen], decision: str, *, reason: str, by: Actor, at: datetime, today: date
) -> int:
    """Confirm or reject penalties, all or none, in the caller's transaction; returns how many. A form that is sent in
    again decides nothing anew. Raises `NotDecided` with everything that is wrong, `StalePenalty`, `NotAllowed`, and
    `NotFound` for what is not theirs to see."""
    reason, wanted = clean(reason, lines=True), {each.id: each for each in chosen[:MOST_AT_ONCE]}
    problems = _unsaid(reason, needed=decision == REJECTED)
    if decision not in (CONFIRMED, REJECTED):
        problems.append(Problem("decision", Sentence(N_("Please press Confirm or Reject"))))
    if not wanted:
        problems.append(Problem("penalty", Sentence(N_("Please tick what you decide on"))))
    found = _held(session, wanted, by)
    for penalty in found:
        if not may_decide(by, penalty):
            raise NotAllowed(who=RoleNames((DECIDES_ALL, *sorted(SIDES))))
        if decision == CONFIRMED and penalty.user_id is None:
            problems += _against_naming(session, penalty, wanted[penalty.id].user_id, by, today)
    if problems:
        raise NotDecided(problems)
    new = [each for each in found if not _done_before(each, wanted[each.id], decision, by)]
    if any(each.version != wanted[each.id].version or each.decision is not None for each in new):
        raise StalePenalty
    for penalty in new:
        if penalty.user_id is None and decision == CONFIRMED:
            named = wanted[penalty.id].user_id
            assert named is not None
            penalty.user_id = named
            penalty.department_id = penalty.department_id or department_of(session, named, penalty.role, today)
        act(session, penalty, decision, by=by, at=at, reason=reason)
    return len(new)


def take_back(session: Session, chosen: Chosen, *, reason: str, by: Actor, at: datetime) -> None:
    """A decision was wrong: it is a proposal again, in the caller's transaction. Raises as `decide`."""
    reason = clean(reason, lines=True)
    (penalty,) = _held(session, {chosen.id: chosen}, by)
    if not may_decide(by, penalty):
        raise NotAllowed(who=RoleNames((DECIDES_ALL, *sorted(SIDES))))
    if problems := _unsaid(reason, needed=True):
        raise NotDecided(problems)
    if penalty.version != chosen.version or penalty.decision not in (CONFIRMED, REJECTED):
        raise StalePenalty
    act(session, penalty, TAKEN_BACK, by=by, at=at, reason=reason)


def _held(session: Session, wanted: Iterable[int], by: Actor) -> list[Penalty]:
    """The rows, kept from others until the end of the transaction."""
    ids = sorted(each for each in wanted if 0 < each < 1 << 63)
    query = visible_to(by, select(Penalty).where(Penalty.id.in_(ids))).order_by(Penalty.id)
    found = list(session.scalars(query.with_for_update().execution_options(populate_existing=True)))
    if len(found) != len({*wanted}):
        raise NotFound
    return found


def _unsaid(reason: str, *, needed: bool) -> list[Problem]:
    if needed and not reason:
        return [Problem("reason", Sentence(N_("Please say why")))]
    if len(reason) > LONGEST_REASON:
        message = N_("The reason may have %(limit)s characters; this has %(length)s")
        return [Problem("reason", Sentence(message, {"limit": LONGEST_REASON, "length": len(reason)}))]
    return []


def _against_naming(session: Session, penalty: Penalty, user_id: int | None, by: Actor, today: date) -> list[Problem]:
    """What keeps a person from being named for a penalty of nobody: they never held the role, or have one already."""
    field = f"person-{penalty.id}"
    if user_id is None or user_id not in holding(session, penalty.role, today) - {by.id}:
        return [Problem(field, Sentence(N_("Please name who had to do it")))]
    same = Penalty.breach == penalty.breach, Penalty.round == penalty.round, Penalty.user_id == user_id
    if session.scalar(select(Penalty.id).where(*same)):
        return [Problem(field, Sentence(N_("This person has a proposal for it already")))]
    return []


def _done_before(penalty: Penalty, chosen: Chosen, decision: str, by: Actor) -> bool:
    same = penalty.decision == decision and penalty.decided_by_id == by.id
    return same and penalty.version == chosen.version + 1


def trail(session: Session, ids: Iterable[int]) -> dict[int, list[PenaltyAct]]:
    """What happened to penalties since they were proposed, oldest first."""
    found: dict[int, list[PenaltyAct]] = {}
    wanted = select(PenaltyAct).where(PenaltyAct.penalty_id.in_(sorted(ids))).order_by(PenaltyAct.id)
    for each in session.scalars(wanted):
        found.setdefault(each.penalty_id, []).append(each)
    return found
