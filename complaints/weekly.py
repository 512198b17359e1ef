"""The figures of a week: what the letter to leadership says, reckoned as of an instant.

This week stands against the four before it. Complaints of confidential procedures are counted apart and named nowhere.
Every figure comes with the complaints behind it, the first `LISTED` of them. The number of queries is fixed; each is an
aggregate, or a list with an end.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, literal, or_, select, tuple_, union_all
from sqlalchemy.orm import Session

from complaints import as_of, switches
from complaints.as_of import Stood
from complaints.calendar import WorkingCalendar
from complaints.clocks import CANCELLED, MERGED, REPLACED, UNDONE, Clock
from complaints.complaint import CAUSE_TYPES, Complaint, Involvement, in_figures
from complaints.consequences import RESPONSIBLE
from complaints.conversation import Entry
from complaints.customers import Customer
from complaints.link import Link
from complaints.links import RECURRENCE
from complaints.penalty import Penalty
from complaints.people import Department, User
from complaints.procedure import COMPLAINT, INVESTIGATION, Procedure, beside, newest, procedure, versions
from complaints.procedure_measures import says
from complaints.records import Record
from complaints.weeks import Week, midnight, working_day_after, working_days_before

WEEKS = 5
"""The week itself, and those that it stands against."""
LISTED = 500
"""So many complaints are kept behind a figure."""
SHOWN = 12
"""So many of a list stand in the letter."""
SOON = 2
"""What is due in so many working days is due soon."""
TARGET = 0.95
RECEIVED, CLOSED, OPEN, OVERDUE = FIGURES = ("received", "closed", "open", "overdue")
DUE_SOON, ROUNDS, WAITING, NO_CONTACT, REPEATS = "due_soon", "rounds", "waiting", "no_contact", "repeats"
EFFECTIVE, NOT_EFFECTIVE, RECURRENCES, LATE = "effective", "not_effective", "recurrences", "replies_not_in_time"
LISTS = (
    *FIGURES, DUE_SOON, ROUNDS, WAITING, NO_CONTACT, REPEATS, EFFECTIVE, NOT_EFFECTIVE, RECURRENCES, LATE,
)  # fmt: skip
HEAVIEST, MOST_OVERDUE, REPEATED = "heaviest", "most_overdue", "repeated"
"""Why a complaint is worth reading."""
NO_REPLY = (CANCELLED, MERGED, REPLACED, UNDONE)
Data = dict[str, Any]


def compute(session: Session, week: Week, *, at: datetime, calendar: WorkingCalendar, quiet_days: int) -> Data:
    """All figures of a week as JSON, as of its end, or as of `at` where it has not ended. `quiet_days`: after so many
    working days without a word to the customer a complaint is listed."""
    return _Reckoning(session, week, min(week.ends(calendar), at), calendar, quiet_days).data()


class _Reckoning:
    """`until` is the instant; `begins` those at which the weeks begin, the oldest first."""

    def __init__(
        self, session: Session, week: Week, until: datetime, calendar: WorkingCalendar, quiet_days: int
    ) -> None:
        self.session, self.week, self.until, self.calendar = session, week, until, calendar
        self.quiet_days = quiet_days
        self.weeks = [week.before(n) for n in reversed(range(WEEKS))]
        self.begins = [each.begins(calendar) for each in self.weeks]
        self.begin, self.today = self.begins[-1], until.astimezone(calendar.tz).date()
        self.rules = {(rules.key, rules.version): rules for rules in versions()}

    def data(self) -> Data:
        counted, hidden = self._counted()
        lists = {key: self._listed(found) for key, found in self._lists().items()}
        lists |= self._effectiveness()
        worth, replies, this = _worth_reading(lists), self._replies(), len(self.weeks) - 1
        return {
            "week": str(self.week),
            "from": self.begin.isoformat(),
            "to": self.week.ends(self.calendar).isoformat(),
            "last_day": self.week.sunday.isoformat(),
            "as_of": self.until.astimezone(self.calendar.tz).isoformat(),
            **{figure: _sum(counted, this, figure) for figure in FIGURES},
            "timely_reply": replies[this],
            "by_class": _by(counted, this, 0),
            "by_department": self._by_department(),
            "by_cause": _by(counted, this, 1),
            "by_procedure": _by(counted, this, 2),
            "weeks": [
                {"week": str(week), **{figure: _sum(counted, n, figure) for figure in FIGURES}}
                | {"timely_reply": replies[n]}
                for n, week in enumerate(self.weeks)
            ],
            "confidential": dict(hidden) if any(hidden.values()) else None,
            **{key: lists[key]["total"] for key in LISTS[len(FIGURES) :]},
            "penalties": self._penalties(),
            "quiet_days": self.quiet_days,
            "worth_reading": worth,
            "lists": lists,
            "facts": self._facts(lists, worth),
            "departments": self._departments(lists),
            "names": self._names(),
        }

    # The counts

    def _counted(self) -> tuple[Counter[tuple[Any, ...]], Counter[str]]:
        """How many, by week, figure, class, cause and procedure; and this week's of confidential procedures."""
        found = union_all(*self._sets()).subquery()
        by = (Complaint.complaint_class, Complaint.cause_type, Complaint.procedure)
        columns = (found.c.week, found.c.figure, *by, Complaint.procedure_version)
        query = select(*columns, func.count()).join(Complaint, Complaint.id == found.c.id).group_by(*columns)
        aside = Complaint.procedure.not_in(beside())
        counted: Counter[tuple[Any, ...]] = Counter()
        hidden: Counter[str] = Counter(dict.fromkeys(FIGURES, 0))
        for week, figure, *which, version, number in self.session.execute(query.where(aside)):
            if self._may_be_named(which[-1], version):
                counted[week, figure, *which] += number
            elif week == len(self.weeks) - 1:
                hidden[figure] += number
        return counted, hidden

    def _may_be_named(self, key: str, version: int) -> bool:
        """Whether a procedure is confidential nobody knows who cannot read it any more: its complaints stand still, and
        the letter goes out without them."""
        rules = self.rules.get((key, version))
        return rules is not None and not rules.confidential

    def _sets(self) -> Iterable[Select[Any]]:
        """The complaints behind the four figures of each week."""
        for n, begin in enumerate(self.begins):
            end = self.begins[n + 1] if n + 1 < len(self.begins) else self.until
            for figure, found in self._four(begin, end).items():
                each = found.subquery()
                yield select(literal(n).label("week"), literal(figure).label("figure"), each.c.id)

    def _four(self, begin: datetime, end: datetime) -> dict[str, Stood]:
        return {
            RECEIVED: as_of.received_between(begin, end, self.until),
            CLOSED: as_of.closed_between(begin, end, self.until),
            OPEN: as_of.open_at(end),
            OVERDUE: as_of.overdue_at(end),
        }

    def _by_department(self) -> Data:
        """This week's four figures for each department that is responsible; "" is none."""
        four = {figure: found.subquery() for figure, found in self._four(self.begin, self.until).items()}
        found = union_all(
            *(select(literal(figure).label("figure"), each.c.id) for figure, each in four.items())
        ).subquery()
        named = and_(Involvement.complaint_id == found.c.id, Involvement.reason == RESPONSIBLE)
        query = (
            select(Department.key, found.c.figure, func.count(found.c.id.distinct()))
            .select_from(found)
            .join(Complaint, Complaint.id == found.c.id)
            .outerjoin(Involvement, named)
            .outerjoin(Department, Department.id == Involvement.department_id)
            .where(in_figures())
            .group_by(Department.key, found.c.figure)
        )
        by: Data = {}
        for department, figure, number in self.session.execute(query):
            by.setdefault(department or "", dict.fromkeys(FIGURES, 0))[figure] = number
        return dict(sorted(by.items(), key=lambda each: (not each[0], each[0])))

    def _replies(self) -> list[Data]:
        """The timely-reply rate of each week, by the due times in it."""
        weeks = case(*((Clock.due_at < end, n) for n, end in enumerate(self.begins[1:])), else_=len(self.begins) - 1)
        week = weeks.label("week")
        query = self._due_replies(self.begins[0]).add_columns(week, func.sum(case((self._in_time(), 1), else_=0)))
        query = query.add_columns(func.count()).group_by(week)
        found = {n: (int(in_time), due) for n, in_time, due in self.session.execute(query)}
        return [_rate(*found.get(n, (0, 0))) for n in range(len(self.weeks))]

    def _due_replies(self, begin: datetime) -> Select[Any]:
        """The replies that were due since a time: what was replaced, cancelled or merged by then was none."""
        promised = sorted({(rules.key, key) for rules in versions() for key in rules.counting.replies})
        ended = or_(Clock.stopped_at.is_(None), Clock.stopped_at >= self.until, Clock.outcome.not_in(NO_REPLY))
        of_complaint = and_(Complaint.id == Clock.subject_id, Clock.subject_kind == COMPLAINT)
        when = Clock.due_at >= begin, Clock.due_at < self.until, Clock.started_at < self.until
        query: Select[Any] = select().select_from(Clock).join(Complaint, of_complaint)
        of_replies = Clock.key.in_({key for _, key in promised}), tuple_(Complaint.procedure, Clock.key).in_(promised)
        return query.where(*of_replies, *when, ended, in_figures())

    def _in_time(self) -> Any:
        return and_(Clock.stopped_at < self.until, Clock.stopped_at <= Clock.due_at)

    def _penalties(self) -> Data | None:
        """How many were proposed in the week; None where the company does not fine."""
        if not switches.is_on(self.session, "penalties"):
            return None
        proposed = Penalty.proposed_at >= self.begin, Penalty.proposed_at < self.until
        number, yuan = self.session.execute(
            select(func.count(), func.coalesce(func.sum(Penalty.yuan), 0)).where(*proposed)
        ).one()
        return {"proposed": number, "yuan": int(yuan)}

    # The lists

    def _lists(self) -> dict[str, Stood]:
        standing = self._four(self.begin, self.until)
        opened = standing[OPEN].subquery()
        among_open = select(opened.c.id, opened.c.at).join(Complaint, Complaint.id == opened.c.id)
        came = standing[RECEIVED].subquery()
        soon = self.calendar.end_of(working_day_after(self.today, SOON, self.calendar))
        again = Link.kind == RECURRENCE, Link.at >= self.begin, Link.at < self.until
        stands = or_(Link.ended_at.is_(None), Link.ended_at >= self.until)
        late = self._due_replies(self.begin).where(or_(Clock.stopped_at.is_(None), ~self._in_time()))
        return standing | {
            DUE_SOON: as_of.due_between(self.until, soon),
            ROUNDS: among_open.where(Complaint.round > 1),
            WAITING: as_of.open_at(self.until, lambda stage: stage.customers_turn),
            NO_CONTACT: self._without_contact(opened),
            REPEATS: select(came.c.id, came.c.at)
            .join(Complaint, Complaint.id == came.c.id)
            .where(Complaint.repeat_of_count > 0),
            RECURRENCES: select(Link.complaint_id.label("id"), func.min(Link.at).label("at"))
            .where(*again, stands)
            .group_by(Link.complaint_id),
            LATE: late.add_columns(Complaint.id, func.min(Clock.due_at).label("at")).group_by(Complaint.id),
        }

    def _without_contact(self, opened: Any) -> Stood:
        """What is open and of which the customer has heard nothing for so many working days, by mail or otherwise."""
        first = working_days_before(self.today, self.quiet_days, self.calendar)
        since = midnight(first, self.calendar)
        sheets = sorted({rules.contact.sheet for rules in versions() if rules.contact})
        mailed = Entry.complaint_id == opened.c.id, Entry.kind == "mail", Entry.at >= since, Entry.at < self.until
        told = (
            Record.subject == COMPLAINT, Record.subject_id == opened.c.id, Record.sheet.in_(sheets),
            Record.begun_at >= since, Record.begun_at < self.until,
        )  # fmt: skip
        return (
            select(opened.c.id, opened.c.at)
            .join(Complaint, Complaint.id == opened.c.id)
            .where(Complaint.received_at < since)
            .where(~select(Entry.id).where(*mailed).exists(), ~select(Record.id).where(*told).exists())
        )

    def _listed(self, found: Stood) -> Data:
        """How many there are, and the first of them: id, class, cause, procedure, version, repeats, instant."""
        each = found.subquery()
        query = (
            select(
                Complaint.id, Complaint.complaint_class, Complaint.cause_type, Complaint.procedure,
                Complaint.procedure_version, Complaint.repeat_of_count, each.c.at, func.count().over(),
            )
            .join(each, each.c.id == Complaint.id)
            .where(in_figures())
            .order_by(each.c.at, Complaint.id)
            .limit(LISTED)
        )  # fmt: skip
        rows = self.session.execute(query).all()
        named = [row[:-1] for row in rows if self._may_be_named(row[3], row[4])]
        return _list(named, rows[0][-1] - len(rows) + len(named) if rows else 0)

    def _effectiveness(self) -> Data:
        """Which measures were found in the week to work, and which not. What was written in the week changed its
        complaint, and its record."""
        sheets = {ref.partition(".")[0] for rules in versions() for ref in rules.counting.effective}
        written = Record.sheet.in_(sorted(sheets)), Record.changed_at >= self.begin, Record.removed_at.is_(None)
        on = {COMPLAINT: Complaint.id, INVESTIGATION: Complaint.investigation_id}
        columns = (
            Complaint.id, Complaint.complaint_class, Complaint.cause_type, Complaint.procedure,
            Complaint.procedure_version, Complaint.repeat_of_count, Record.sheet, Record.values, Record.marks,
        )  # fmt: skip
        query = union_all(
            *(
                select(*columns)
                .join(Record, and_(Record.subject == kind, Record.subject_id == id_))
                .where(Complaint.changed_at >= self.begin, *written, in_figures())
                for kind, id_ in on.items()
            )
        )
        found: dict[str, dict[int, Sequence[Any]]] = {EFFECTIVE: {}, NOT_EFFECTIVE: {}}
        for *row, sheet, values, marks in self.session.execute(query):
            if not self._may_be_named(row[3], row[4]):
                continue
            wanted = procedure(row[3], row[4]).counting.effective
            said = max((marks[key][1] for key in _fields(wanted, sheet) if key in marks), default=None)
            at = datetime.fromisoformat(said) if said else None
            if at is not None and self.begin <= at < self.until:
                which = EFFECTIVE if says(wanted, sheet, values) else NOT_EFFECTIVE
                found[which][row[0]] = (*row, at)
        return {which: _list(list(rows.values())[:LISTED], len(rows)) for which, rows in found.items()}

    def _facts(self, lists: Data, worth: Iterable[Data]) -> Data:
        """What the letter says of the complaints that it names."""
        named = {row[0] for key in (OVERDUE, DUE_SOON) for row in lists[key]["rows"][:SHOWN]}
        named |= {each["id"] for each in worth}
        query = (
            select(
                Complaint.id, Complaint.number, Complaint.subject, Customer.name, User.name, Complaint.procedure,
                Complaint.procedure_version, Complaint.stage, Complaint.complaint_class,
            )
            .outerjoin(Customer, Customer.id == Complaint.customer_id)
            .outerjoin(User, User.id == Complaint.owner_id)
            .where(Complaint.id.in_(sorted(named)))
        )  # fmt: skip
        keys = ("number", "subject", "customer", "owner", "procedure", "version", "stage", "class")
        return {str(row[0]): dict(zip(keys, row[1:], strict=True)) for row in self.session.execute(query)}

    def _departments(self, lists: Data) -> Data:
        """The departments that are responsible for what is listed."""
        listed = {row[0] for found in lists.values() for row in found["rows"]}
        query = (
            select(Involvement.complaint_id, Department.key)
            .join(Department, Department.id == Involvement.department_id)
            .where(Involvement.complaint_id.in_(sorted(listed)), Involvement.reason == RESPONSIBLE)
            .order_by(Department.key)
        )
        found: dict[str, list[str]] = defaultdict(list)
        for complaint_id, key in self.session.execute(query):
            found[str(complaint_id)].append(key)
        return dict(found)

    def _names(self) -> Data:
        """The names of what is counted by, as they are in this week."""
        departments = select(Department.key, Department.name_en, Department.name_zh).order_by(Department.id)
        return {
            "class": {key: [name.en, name.zh] for rules in reversed(newest()) for key, name in rules.classes.items()},
            "cause": {key: [name.en, name.zh] for key, name in CAUSE_TYPES.items()},
            "procedure": {rules.key: [rules.name.en, rules.name.zh] for rules in newest()},
            "department": {key: [en, zh] for key, en, zh in self.session.execute(departments)},
        }


def _sum(counted: Counter[tuple[Any, ...]], week: int, figure: str) -> int:
    return sum(number for key, number in counted.items() if key[:2] == (week, figure))


def _by(counted: Counter[tuple[Any, ...]], this: int, which: int) -> Data:
    """This week's four figures by class, cause or procedure; "" is what is not said yet."""
    by: Data = {}
    for (week, figure, *each), number in counted.items():
        if week == this:
            by.setdefault(each[which] or "", dict.fromkeys(FIGURES, 0))[figure] += number
    return dict(sorted(by.items(), key=lambda each: (not each[0], each[0])))


def _rate(in_time: int, due: int) -> Data:
    return {"in_time": in_time, "due": due, "rate": round(in_time / due, 4) if due else None}


def _fields(wanted: Mapping[str, Any], sheet: str) -> list[str]:
    return [ref.partition(".")[2] for ref in wanted if ref.partition(".")[0] == sheet]


def _list(rows: Iterable[Sequence[Any]], total: int) -> Data:
    return {"total": total, "rows": [[*row[:-1], row[-1].isoformat()] for row in rows]}


def _worth_reading(lists: Data) -> list[Data]:
    """Three complaints that somebody should read, each with the reason: the heaviest that came in, the most overdue,
    the one that repeats most."""
    came, late = lists[RECEIVED]["rows"], lists[OVERDUE]["rows"]
    heavy = (row for row in came if row[1] and row[1] == _heaviest(procedure(row[3], row[4])))
    again = sorted((row for row in lists[REPEATS]["rows"]), key=lambda row: -row[5])
    worth: dict[int, Data] = {}
    for why, rows in ((HEAVIEST, heavy), (MOST_OVERDUE, late), (REPEATED, again)):
        row = next((row for row in rows if row[0] not in worth), None)
        if row is not None:
            worth[row[0]] = {"id": row[0], "why": why, "repeats": row[5], "at": row[-1]}
    return list(worth.values())


def _heaviest(rules: Procedure) -> str | None:
    """The heaviest class, where there are several."""
    return [*rules.classes][-1] if len(rules.classes) > 1 else None
