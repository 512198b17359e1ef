"""Reminders: people hear of a promise before it is broken, when its time is up, and after that ever higher up.

Whoever is responsible is warned when three quarters of the working time are gone, pauses left out, hears when it is
due, and from the next working day on with everybody on the next rung of the procedure's ladder. In working time only;
what was missed is told once, as it stands by then. A warning is given once for each clock; what comes after it,
for each due time.

A clock keeps when it is to be looked at next, so a run that finds nothing asks two small indexes. One row for each
person, clock, level and due time says who was told, whatever was run how often. The bell rings with it; the mail, one
for all that a run has for a person, is next door in reminder_mail.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import structlog
from sqlalchemy import and_, delete, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import clocks, deputies, notices, receivers, reminder_mail, rows
from complaints.case import Case, load
from complaints.clocks import NOT_RECKONED, RUNS, Clock
from complaints.complaint import NO_LIMIT, Complaint
from complaints.context import Context
from complaints.database import transaction
from complaints.errors import ComplaintError
from complaints.failpoints import failpoint
from complaints.levels import DUE, WARNING, Level, in_hours, levels
from complaints.people import ROLES, SYSTEM, User
from complaints.procedure import COMPLAINT, Ladder, of
from complaints.reminder import Reminder, Unclaimed

log = structlog.get_logger(__name__)
NOTHING = WARNING - 1
EVENTS = {WARNING: "clock_warned", DUE: "clock_due"}
OVERDUE = "clock_overdue"
BATCH = 20
"""Clocks in one transaction."""
MOST = 2000
"""Clocks in one run; the next one is a minute away."""
SOON = timedelta(hours=1)
"""Whether somebody holds a role that nobody held is asked again after that."""


class Colleague(NamedTuple):
    """A member of staff, perhaps one who left."""

    name: str
    superior_id: int | None
    here: bool


class _News(NamedTuple):
    """What is told of a clock now: to whom, who is told `then`, and when that is."""

    level: int
    responsible: set[int]
    higher: set[int]
    then: set[int]
    then_at: datetime | None


def remind(make: sessionmaker[Session], at: datetime, context: Context) -> int:
    """Tell everybody who is to hear of a promise at this instant; gives how many were told of how many."""
    if not in_hours(context.calendar, at):
        return 0
    with transaction(make) as session:
        waiting = _waiting(session, at)
    told = sum(_tell_of(make, waiting[n : n + BATCH], at, context) for n in range(0, len(waiting), BATCH))
    reminder_mail.bundle(make, at, context)
    return told


def _tell_of(make: sessionmaker[Session], ids: Sequence[int], at: datetime, context: Context) -> int:
    """Look at some clocks in one transaction. One that cannot be looked at keeps nobody from hearing of the others."""
    try:
        with transaction(make) as session:
            told = _Run(session, at, context).look_at(ids)
            failpoint("remind.before_commit")
    except ComplaintError:
        if len(ids) > 1:
            return sum(_tell_of(make, [each], at, context) for each in ids)
        log.exception("nobody can be reminded; tried again in an hour", clock=ids[0])
        with transaction(make) as session:
            session.execute(
                update(Clock).where(Clock.id.in_(ids)).values(next_notice_at=at + SOON, noticed_due_at=Clock.due_at)
            )
        return 0
    failpoint("remind.after_commit")
    return told


def _waiting(session: Session, at: datetime) -> list[int]:
    """The clocks (ids) that are to be looked at now: their time has come, or nobody reckoned yet when it comes."""
    come = select(Clock.id).where(text(RUNS), Clock.next_notice_at <= at).order_by(Clock.next_notice_at)
    new = select(Clock.id).where(text(NOT_RECKONED)).order_by(Clock.id)
    found = [*session.scalars(come.limit(MOST)), *session.scalars(new.limit(MOST))]
    return list(dict.fromkeys(found))[:MOST]


@dataclass(frozen=True)
class _Run:
    """One transaction of a run."""

    session: Session
    at: datetime
    context: Context

    @property
    def today(self) -> date:
        return self.at.astimezone(self.context.zone).date()

    @cached_property
    def staff(self) -> Mapping[int, Colleague]:
        return colleagues(self.session)

    @cached_property
    def away(self) -> Mapping[int, int]:
        return deputies.stand_ins(self.session, self.today)

    def look_at(self, ids: Sequence[int]) -> int:
        """Tell of those of these clocks whose complaints nobody is working on this very moment; the others wait for the
        next run. Complaints are locked as an act locks them, and never waited for."""
        session, wanted = self.session, Clock.id.in_(ids)
        here = and_(Clock.subject_kind == COMPLAINT, Clock.subject_id == Complaint.id)
        subjects = select(Complaint.id).where(Complaint.id.in_(select(Clock.subject_id).where(wanted)))
        locked = session.scalars(subjects.order_by(Complaint.id).with_for_update(skip_locked=True)).all()
        query = select(Clock, Complaint).join(Complaint, here).where(wanted, text(RUNS), Complaint.id.in_(locked))
        found = session.execute(query).all()
        before = _told_before(session, [clock for clock, _ in found])
        told = {clock.id: self._look(clock, complaint, before[clock.id]) for clock, complaint in found}
        heard = [id_ for id_, people in told.items() if people]
        session.execute(delete(Unclaimed).where(Unclaimed.clock_id.in_(heard)))
        return sum(told.values())

    def _look(self, clock: Clock, complaint: Complaint, before: int) -> int:
        """Tell of a clock what was not told `before`, and keep when it is looked at next; gives how many heard."""
        if clock.due_at >= NO_LIMIT:  # it stands still; when it goes on, it has another due time
            return self._again(clock, None)
        steps = self._levels(clock, Ladder())
        if steps[0].at > self.at:
            return self._again(clock, steps[0].at)
        case = load(self.session, complaint)
        ladder = _ladder(case, clock)
        steps = self._levels(clock, ladder)
        reached = max(each.number for each in steps if each.at <= self.at)
        upcoming = next((each for each in steps if each.at > self.at), None)
        if reached <= before:
            return self._again(clock, upcoming.at if upcoming else None)
        responsible = receivers.responsible(self.session, case, clock.responsible, self.today)
        above = self._rungs(case, responsible, ladder)
        climbed, so_far = max(reached - DUE, 0), max(before - DUE, 0)
        higher = {user for rung in above[so_far:climbed] for user in rung}
        then = above[climbed] if climbed < len(above) else set[int]()
        then_at = next((each.at for each in steps if then and each.number == DUE + 1 + climbed), None)
        self._again(clock, upcoming.at if upcoming and (then or reached <= DUE) else None)
        if so_far and not higher:
            return 0
        told = self._tell(clock, case, _News(reached, responsible, higher, then, then_at)) if responsible else 0
        return told or self._unclaimed(clock)

    def _levels(self, clock: Clock, ladder: Ladder) -> list[Level]:
        """What was entered is due then, however long the clock stood still before that."""
        pauses = [] if "until" in clock.receipt else [*clocks.stands_still(clock)]
        return levels(clock.started_at, clock.due_at, self.context.calendar, ladder, pauses=pauses)

    def _rungs(self, case: Case, responsible: set[int], ladder: Ladder) -> list[set[int]]:
        """The people on each rung of a ladder who stand on none below."""
        reached, here, found = {*responsible}, {*responsible}, list[set[int]]()
        for _ in range(ladder.superiors):
            here = superiors(self.staff, here)
            found.append(here - reached)
            reached |= here
        for role in ladder.roles:
            holders = receivers.responsible(self.session, case, role, self.today)
            found.append(holders - reached)
            reached |= holders
        return [each for each in found if each]

    def _unclaimed(self, clock: Clock) -> int:
        """Nobody hears of a promise: that is a fault, and asked again soon."""
        row = {"clock_id": clock.id, "role": clock.responsible, "since": self.at}
        rows.add_unless_there(self.session, Unclaimed, [row])
        return self._again(clock, self.at + SOON)

    def _again(self, clock: Clock, at: datetime | None) -> int:
        """Look at a clock again then; nobody was told now."""
        rows.change(self.session, clock, next_notice_at=at, noticed_due_at=clock.due_at)
        return 0

    def _tell(self, clock: Clock, case: Case, news: _News) -> int:
        session, at = self.session, self.at
        users = self._stood_in_for(case.complaint, news.responsible | news.higher)
        clock_name = clocks.name_of(clock, case.rules)
        event = f"{EVENTS.get(news.level, OVERDUE)}:{clock.id}:{news.level}:{int(clock.due_at.timestamp())}"
        told = notices.tell(
            session, case.complaint, users, event, by=SYSTEM, at=at, today=self.today, secret=self.context.secret,
            domain=self.context.domain, values={"clock": asdict(clock_name)}, mails=False,
        )  # fmt: skip
        said = {
            "clock": asdict(clock_name),
            "owner": self._owner(news.responsible, clock.responsible),
            "next": sorted(self.staff[each].name for each in news.then),
            "next_at": news.then_at.isoformat() if news.then_at else "",
        }
        new = [
            {
                "clock_id": clock.id, "level": news.level, "due_at": clock.due_at, "user_id": user, "at": at,
                "values": said | {"away": self.staff[users[user]].name if users[user] != user else ""},
            }
            for user in told
        ]  # fmt: skip
        if new:
            rows.add_unless_there(session, Reminder, new)
        return len(new)

    def _owner(self, responsible: set[int], role: str) -> Any:
        """Who is responsible, as a mail says it: a person, or the role of several."""
        return self.staff[min(responsible)].name if len(responsible) == 1 else asdict(ROLES[role])

    def _stood_in_for(self, complaint: Complaint, users: set[int]) -> dict[int, int]:
        """Who is told, each with whom they are told for: a deputy for who is away, where that one may hear of it."""
        away = self.away
        asked = {away[each] for each in users if each in away}
        if asked and (of(complaint).confidential or of(complaint).hidden_from):
            asked = {row.id for row in notices.who_hears(self.session, complaint, asked, self.today)}
        stands_in = {each: away[each] for each in users if away.get(each) in asked}
        return {deputy: each for each, deputy in stands_in.items()} | {each: each for each in users - stands_in.keys()}


def _ladder(case: Case, clock: Clock) -> Ladder:
    """Who is told beside who is responsible; of a target that is missed nobody."""
    if clock.key in case.rules.targets:
        return Ladder(superiors=0)
    return next((each for each in case.rules.ladders if case.holds(each.when)), Ladder())


def _told_before(session: Session, clocks: Iterable[Clock]) -> dict[int, int]:
    """The highest level of each clock of which anybody was told; of another due time only the warning counts."""
    due = {clock.id: clock.due_at for clock in clocks}
    told = dict.fromkeys(due, NOTHING)
    query = select(Reminder.clock_id, Reminder.due_at, Reminder.level).where(Reminder.clock_id.in_(due)).distinct()
    for id_, due_at, level in session.execute(query):
        told[id_] = max(told[id_], level if due_at == due[id_] else WARNING)
    return told


# Who stands above whom


def colleagues(session: Session) -> dict[int, Colleague]:
    """Everybody who works here or did."""
    found = session.execute(select(User.id, User.name, User.superior_id, User.left_at))
    return {row.id: Colleague(row.name, row.superior_id, row.left_at is None) for row in found}


def superiors(staff: Mapping[int, Colleague], users: Iterable[int]) -> set[int]:
    """The superiors of some people; of one who left, their superior."""
    found, seen, asked = set[int](), set[int](), {*users}
    while asked:
        seen |= asked
        above = {staff[each].superior_id for each in asked} - {None}
        found |= {each for each in above if each is not None and staff[each].here}
        asked = {each for each in above if each is not None and not staff[each].here} - seen
    return found
