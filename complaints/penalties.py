"""Penalties: what a breach of the procedure is proposed to cost whom. Only proposed: nothing is ever deducted, and a
person confirms or rejects each one (penalty_decisions.py).

A clock is broken once its due time has passed, whether it still runs or was stopped late; the duty finds both. Where it
turns out to be broken no more (its due time moved, it lost its object, it was stopped in time after all), a proposal
that nobody decided on is withdrawn. What is no clock's is proposed when a person says so: records that were not kept, a
recurrence because measures were not carried out; or when a week passes without its summary.

All of it is off where the company switched it off, and what was broken meanwhile is not proposed later. Nothing of it
goes into the history or the papers of a complaint, into its notices or mails.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, exists, literal, or_, select, tuple_, union_all, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import receivers, rows, schedule, switches, workflow
from complaints.case import Case, load
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.database import transaction
from complaints.errors import N_, Sentence
from complaints.failpoints import failpoint
from complaints.penalty import DECISIONS, PROPOSED, WITHDRAWN, Penalty, PenaltyAct
from complaints.people import DEPARTMENT_ROLES, Actor, Grant, User, held_on
from complaints.procedure import COMPLAINT, RECORDS, RECURRENCE, WEEK, PenaltyRule, newest, of, versions
from complaints.registration import Incomplete, Problem
from complaints.schedule import Recurrence
from complaints.texts import clean

PENALTIES = "penalties"
"""The part that a company can switch off, and the duty."""
LOOKED = "penalties looked"
OVERLAP = timedelta(hours=1)
"""So far before the last look clocks are looked at again: an act may be stored a little after its time."""
AT_ONCE = 50
"""So many clocks are seen to in one transaction."""
LONGEST_REMARK = 1_000


class NotProposed(Incomplete):
    message = N_("No penalty was proposed.")


class Payer(NamedTuple):
    """Whose business it was, in which role; nobody where it cannot be told, such as a role that several hold. Whoever
    decides names the person then."""

    role: str
    user_id: int | None = None
    department_id: int | None = None


# Clocks


def propose_due(make: sessionmaker[Session], at: datetime, context: Context) -> int:
    """Propose what clocks that are broken by now cost, and withdraw what is not broken any more; gives how many of
    both."""
    with make() as session:
        if not switches.is_on(session, PENALTIES):
            return 0
        broken = list(session.scalars(_broken(at, _since(session, at), switches.on_since(session, PENALTIES))))
        mended = list(session.scalars(_mended()))
    done = 0
    for some in _portions(broken):
        with transaction(make) as session:
            done += sum(_of_clock(session, each, at, context.zone) for each in some)
    for some in _portions(mended):
        with transaction(make) as session:
            done += sum(_withdraw_mended(session, each, at) for each in some)
    with transaction(make) as session:
        _looked(session, at)
    return done


def _portions(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def _since(session: Session, at: datetime) -> datetime:
    """From when on clocks that were stopped late may not have been seen to."""
    return min(schedule.last_started(session, LOOKED) or at, at) - OVERLAP


def _looked(session: Session, at: datetime) -> None:
    rows.add_unless_there(session, Recurrence, [{"name": LOOKED, "slot": 0, "started_at": at}])
    session.execute(
        update(Recurrence)
        .where(Recurrence.name == LOOKED)
        .values(started_at=at)
        .execution_options(synchronize_session=False)
    )


def _broken(at: datetime, since: datetime, on_since: datetime | None) -> Select[int]:
    """The clocks that are broken and cost something, and for which nothing stands. Both halves go by the index on the
    end of clocks: those that run, and those that were stopped since the last look. What a clock is on is asked later:
    here SQLite would take the index on that, and read every clock there ever was."""
    fined = [(rules.key, rules.version, rule.key) for rules in versions() for rule in rules.clocks if rule.penalty]
    stands = exists().where(Penalty.clock_id == Clock.id, Penalty.decision.is_distinct_from(WITHDRAWN))
    query = (
        select(Clock.id, Clock.due_at)
        .join(Complaint, Complaint.id == Clock.subject_id)
        .where(
            tuple_(Complaint.procedure, Complaint.procedure_version, Clock.key).in_(fined),
            Clock.due_at < at,
            ~stands,
            *([Clock.due_at >= on_since] if on_since else []),
        )
    )
    stopped = query.where(Clock.stopped_at >= since, Clock.outcome == "late")
    found = union_all(query.where(Clock.stopped_at.is_(None)), stopped).subquery()
    return select(found.c.id).order_by(found.c.due_at, found.c.id)


def _is_broken(clock: Clock, at: datetime) -> bool:
    return clock.due_at < at if clock.stopped_at is None else clock.outcome == "late"


def _of_clock(session: Session, clock_id: int, at: datetime, zone: ZoneInfo) -> int:
    clock = session.get_one(Clock, clock_id, with_for_update=True, populate_existing=True)
    if clock.subject_kind != COMPLAINT or not _is_broken(clock, at):
        return 0
    complaint = session.get_one(Complaint, clock.subject_id)
    case = load(session, complaint)
    rule = next((each for each in case.rules.clocks if each.key == clock.key), None)
    if rule is None or rule.penalty is None:
        return 0
    payers = _payers(session, case, clock.responsible, at.astimezone(zone).date())
    breach: dict[str, Any] = {"kind": rule.penalty.key, "yuan": rule.penalty.yuan, "round": clock.round}
    about = {"complaint_id": complaint.id, "clock_id": clock.id}
    proposed = _propose(session, f"clock:{clock.id}", payers, clock.due_at, at, zone, **breach, **about)
    failpoint("penalty.proposed")
    return proposed


def _mended() -> Select[int]:
    """The proposals whose clock is not broken any more."""
    in_time = and_(Clock.stopped_at.is_not(None), Clock.outcome != "late")
    moved = and_(Clock.stopped_at.is_(None), Clock.due_at >= Penalty.proposed_at)
    query = select(Penalty.id).join(Clock, Clock.id == Penalty.clock_id)
    return query.where(Penalty.decision.is_(None), or_(in_time, moved)).order_by(Penalty.id)


def _withdraw_mended(session: Session, penalty_id: int, at: datetime) -> int:
    penalty = session.get_one(Penalty, penalty_id, with_for_update=True, populate_existing=True)
    clock = session.get_one(Clock, penalty.clock_id)
    if penalty.decision is not None or _is_broken(clock, max(at, penalty.proposed_at)):
        return 0
    act(session, penalty, WITHDRAWN, by=None, at=at)
    return 1


# What is no clock's


def propose_for_records(
    session: Session, complaint: Complaint, key: str, remark: str, *, by: Actor, at: datetime, context: Context
) -> int:
    """A person confirms that records were not kept: propose what that costs, once in each round of a complaint, in the
    caller's transaction. Raises `NotProposed`."""
    workflow.hold(session, complaint)
    remark = clean(remark, lines=True)
    rule = next((each for each in of(complaint).penalties if each.on == RECORDS and each.key == key), None)
    if rule is None or not switches.is_on(session, PENALTIES):
        raise NotProposed([Problem("kind", Sentence(N_("The procedure of this complaint has no such penalty")))])
    if problems := _unsaid(remark):
        raise NotProposed(problems)
    payers = _with_superiors(session, load(session, complaint), rule, at.astimezone(context.zone).date())
    breach = f"{rule.key}:{complaint.id}"
    about: dict[str, Any] = {"complaint_id": complaint.id, "proposed_by_id": by.id, "remark": remark}
    of_rule: dict[str, Any] = {"kind": rule.key, "yuan": rule.yuan, "round": complaint.round}
    found = _propose(session, breach, payers, at, at, context.zone, **of_rule, **about)
    if not found:
        message = N_("It was proposed for %(number)s in this round already")
        raise NotProposed([Problem("number", Sentence(message, {"number": complaint.number}))])
    return found


def _unsaid(remark: str) -> list[Problem]:
    if not remark:
        return [Problem("remark", Sentence(N_("Please say what was not registered or kept")))]
    if len(remark) > LONGEST_REMARK:
        message = N_("It may have %(limit)s characters; this has %(length)s")
        return [Problem("remark", Sentence(message, {"limit": LONGEST_REMARK, "length": len(remark)}))]
    return []


def propose_for_recurrence(
    session: Session, complaint: Complaint, before: Complaint, *, by: Actor, at: datetime, context: Context
) -> int:
    """A complaint is the same trouble again because the measures of the one `before` were not carried out: propose what
    that costs those who had to, in the caller's transaction."""
    rule = of(before).penalty_on(RECURRENCE)
    if rule is None or not switches.is_on(session, PENALTIES):
        return 0
    payers = _with_superiors(session, load(session, before), rule, at.astimezone(context.zone).date())
    about: dict[str, Any] = {"complaint_id": complaint.id, "proposed_by_id": by.id}
    breach = _recurrence(complaint.id, before.id)
    return _propose(session, breach, payers, at, at, context.zone, kind=rule.key, yuan=rule.yuan, **about)


def withdraw_recurrence(session: Session, complaint_id: int, before_id: int, *, by: Actor, at: datetime) -> None:
    """It is no recurrence after all: what nobody decided on is withdrawn, in the caller's transaction."""
    here = Penalty.breach == _recurrence(complaint_id, before_id), Penalty.decision.is_(None)
    for penalty in session.scalars(select(Penalty).where(*here).with_for_update()):
        act(session, penalty, WITHDRAWN, by=by, at=at)


def _recurrence(complaint_id: int, before_id: int) -> str:
    return f"recurrence:{complaint_id}:{before_id}"


def propose_weekly(session: Session, week: str, roles: Iterable[str], *, at: datetime, context: Context) -> int:
    """A week (`2026-W46`) passed without the part of its summary that some roles owe: propose what that costs, once for
    each role, in the caller's transaction."""
    rules = [rule for rules in newest() if (rule := rules.penalty_on(WEEK)) is not None]
    if not rules or not switches.is_on(session, PENALTIES):
        return 0
    rule, today, found = rules[0], at.astimezone(context.zone).date(), 0
    for role in roles:
        if role in rule.roles:
            payer = _payer(session, role, receivers.holding(session, role, today), today)
            of_rule: dict[str, Any] = {"kind": rule.key, "yuan": rule.yuan, "week": week}
            found += _propose(session, f"week:{week}:{role}", [payer], at, at, context.zone, **of_rule)
    return found


# Whose business it was


def _payers(session: Session, case: Case, role: str, today: date) -> list[Payer]:
    """Whose business something is on a case that a role is to do: who is named for it, else the only one of those who
    hear of it as responsible; of a role of departments, for each that is responsible, who is named there, else its
    head."""
    if role in DEPARTMENT_ROLES:
        found = [_in_department(session, case, role, each, today) for each in sorted(case.departments)]
        return found or [Payer(role)]
    named = case.named(role)
    return [_payer(session, role, {named} if named else receivers.responsible(session, case, role, today), today)]


def _in_department(session: Session, case: Case, role: str, department: int, today: date) -> Payer:
    if named := case.named_in(department):
        return Payer(named[0], named[1], department)
    return Payer(role, _only_one(receivers.heads(session, case, [department], today)), department)


def _payer(session: Session, role: str, users: Collection[int], today: date) -> Payer:
    user = _only_one(users)
    return Payer(role, user, department_of(session, user, role, today) if user else None)


def _only_one(users: Collection[int]) -> int | None:
    return next(iter(users)) if len(users) == 1 else None


def _with_superiors(session: Session, case: Case, rule: PenaltyRule, today: date) -> list[Payer]:
    payers = [payer for role in rule.roles for payer in _payers(session, case, role, today)]
    above = [_above(session, payer, rule.superior, today) for payer in payers if rule.superior]
    return payers + above


def _above(session: Session, payer: Payer, role: str, today: date) -> Payer:
    superior = session.scalar(select(User.superior_id).where(User.id == payer.user_id)) if payer.user_id else None
    return _payer(session, role, {superior} if superior else receivers.holding(session, role, today), today)


def department_of(session: Session, user_id: int, role: str, today: date) -> int | None:
    """The department of a person, that of the role first."""
    mine = select(Grant.department_id).where(Grant.user_id == user_id, Grant.department_id.is_not(None))
    mine = mine.where(*held_on(literal(today)))
    return session.scalar(mine.order_by(Grant.role != role, Grant.id).limit(1))


# The rows


def _propose(
    session: Session,
    breach: str,
    payers: Collection[Payer],
    broken_at: datetime,
    at: datetime,
    zone: ZoneInfo,
    *,
    round: int = 1,
    **values: Any,
) -> int:
    """One row for each person who has none for this breach in this round; what was withdrawn is proposed again."""
    same = select(Penalty).where(Penalty.breach == breach, Penalty.round == round).with_for_update()
    if there := session.scalars(same).all():
        again = [each for each in there if each.decision == WITHDRAWN]
        for penalty in again:
            penalty.broken_at, penalty.proposed_at, penalty.month = broken_at, at, month_of(broken_at, zone)
            act(session, penalty, PROPOSED, by=None, at=at)
        return len(again)
    made = {(payer.user_id, None if payer.user_id else payer[:1] + payer[2:]): payer for payer in payers}
    common = {
        "breach": breach, "round": round, "broken_at": broken_at, "month": month_of(broken_at, zone), "proposed_at": at,
        **values,
    }  # fmt: skip
    rows.add_unless_there(session, Penalty, [{**common, **payer._asdict()} for payer in made.values()])
    return len(made)


def month_of(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m}"


def act(session: Session, penalty: Penalty, what: str, *, by: Actor | None, at: datetime, reason: str = "") -> None:
    """Something happens to a penalty, with its line of what happened. It is decided on, or proposed again."""
    by_id, decided = by.id if by else None, what in DECISIONS
    penalty.decision, penalty.reason = (what, reason) if decided else (None, "")
    penalty.decided_at, penalty.decided_by_id = (at, by_id) if decided else (None, None)
    penalty.version += 1
    session.add(PenaltyAct(penalty_id=penalty.id, act=what, at=at, by_id=by_id, user_id=penalty.user_id, reason=reason))
    session.flush()
