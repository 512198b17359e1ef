"""Dossiers: what a complaint has in it after its way, as if it had been worked on: records, signatures, history,
people, what waits for whom and who was told.

Plays a route step by step as the engine would, on values alone. What is signed and what waits is asked of the engine
itself, of a case that is put together here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, cast

from complaints import consequences, guards, turns
from complaints.case import Case
from complaints.demo.company import Players
from complaints.demo.journeys import Journey
from complaints.demo.moments import Minutes
from complaints.demo.papers import texts
from complaints.demo.remedies import REMEDIES
from complaints.demo.steps import SIGN, WRITE, Route, Step, Visit
from complaints.demo.tables import Said
from complaints.history import canonical
from complaints.procedure import COMPLAINT, INVESTIGATION, PEOPLE, NoticeRule, Procedure, Sheet, SignatureRule
from complaints.records import LASTING
from complaints.signatures import APPROVED, RETURNED
from complaints.work import ROW, Task, bar

ENTERED = (
    "demand", "complaint_date", "complaint_class", "cause_type", "link", "contact_phone", "address", "product", "model",
    "order_no", "material_no", "quantity", "batch", "ship_date",
)  # fmt: skip
"""What is filled in at registration."""
TOLD_WITHIN, UNREAD_WITHIN = 960, 480
"""Notices are kept of so many minutes of working time, and nobody has read the newest yet."""
READ_AFTER = 25
SAID = {"not_done": "not_done", "not_accepted": "rejected"}
"""What is said where a way asks for it."""


@dataclass(slots=True)
class Paper:
    """A record. The engine reads it like one of its own; see records.Record."""

    sheet: str
    round: int
    place: int
    begun_at: str
    begun_by_id: int
    changed_at: str
    number: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    marks: dict[str, list[Any]] = field(default_factory=dict)
    version: int = 0
    owner_id: int | None = None
    due_on: str | None = None
    done_on: str | None = None

    @property
    def writers(self) -> set[int]:
        return {mark[0] for mark in self.marks.values()}

    @property
    def marked(self) -> str:
        """The marks as JSON."""
        marks = [f'"{key}":[{user},"{at}",{version}]' for key, (user, at, version) in self.marks.items()]
        return f"{{{','.join(marks)}}}"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that stands, as far as guards look at it."""

    key: str
    user_id: int


@dataclass(frozen=True)
class Cast:
    """Who takes part in a complaint, and the responsible department."""

    users: Mapping[str, int]
    department: int


class Archive:
    """What all dossiers share."""

    def __init__(self, rules: Procedure, minutes: Minutes, players: Players, secret: str) -> None:
        self.rules, self.minutes, self.players, self.secret = rules, minutes, players, secret
        working = minutes.open
        self.told_from = working[-min(TOLD_WITHIN, len(working))]
        self.unread_from = working[-min(UNREAD_WITHIN, len(working))]
        self.per_round = {sheet.key for sheet in rules.sheets if sheet.per_round}
        self.sheet = {sheet.key: sheet for sheet in rules.sheets}
        self.parts = {
            sheet.key: [sheet.part(part) or "" for part in ("owner", "due", "done")] for sheet in rules.sheets
        }
        self.signature = {rule.key: rule for rule in rules.signatures}
        self.people = {sheet.key: [each.key for each in sheet.fields if each.kind in PEOPLE] for sheet in rules.sheets}
        self.many = [sheet.key for sheet in rules.sheets if sheet.many]
        self.tasks: dict[Route, list[Task]] = {}
        self.said: dict[tuple[str, str, str, int], str] = {}
        """What the history says of a signature."""
        self._heard: dict[tuple[str, ...], list[tuple[str, NoticeRule]]] = {}

    def heard(self, events: tuple[str, ...]) -> list[tuple[str, NoticeRule]]:
        """By which rules anybody hears of these events, each with what its notices are known by."""
        if events not in self._heard:
            rules = [(n, rule, [on for on in rule.on if on in events]) for n, rule in enumerate(self.rules.notices)]
            self._heard[events] = [(f"{n}:{on[0]}", rule) for n, rule, on in rules if on]
        return self._heard[events]


class Dossier:
    """The papers of one complaint. `entry`: the fields of the complaint that guards and signatures look at."""

    def __init__(
        self,
        archive: Archive,
        journey: Journey,
        route: Route,
        cast: Cast,
        entry: SimpleNamespace,
        *,
        id: int,
        investigation_id: int,
        number_in: Callable[[str], int],
    ) -> None:
        self.archive, self.journey, self.route, self.cast, self.entry = archive, journey, route, cast, entry
        self.id, self.investigation_id, self.number_in = id, investigation_id, number_in
        self.round = self.version = 1
        self.investigated: str | None = None
        """Since when there is an investigation."""
        self.appraisal: str | None = None
        """The id of the file that says it is not our fault."""
        self.papers: list[Paper] = []
        self.signatures: list[Any] = []
        self.notices: list[Any] = []
        """Rows, see tables."""
        self.changes: list[Said] = []
        self.involved: dict[tuple[int | None, int | None, str], str] = {}
        self._records: dict[str, Paper] = {}
        self._rows: dict[str, tuple[Paper, ...]] = dict.fromkeys(archive.many, ())
        self._standing: dict[str, Signed] = {}
        self._digests: dict[tuple[str, ...], str] = {}
        """Of what signatures cover, as long as nothing is written."""
        self._entered: dict[str, Any] = {entry.stage: ""}
        self._texts = texts(journey.story.buyer.locale)
        found = REMEDIES[journey.story.case].in_(journey.story.buyer.locale)
        self._told = {**vars(found), "subject": entry.subject, "customer": journey.story.buyer.name}

    def play(self, moments: Sequence[str], registered: str, notified: str, departments: Iterable[int]) -> None:
        """Go the whole way. `registered` and `notified` are what the history says of the registration."""
        working = self.archive.minutes.open
        self.changed = moments[0]
        for n, visit in enumerate(self.route.visits):
            if n == 1:
                self._register(moments[1], registered)
                self.involved = {(None, each, "notified"): moments[1] for each in departments}
            if n:
                self._enter(n, visit, moments[n])
            if n == 1:
                self._note("notified", moments[1], self.cast.users["registered"], notified)
            for step in visit.steps:
                minute = self.journey.minute_of(n, step.share, working)
                at = self.archive.minutes.text(minute, 0)
                if step.act == WRITE:
                    self._write(n, step, minute, at)
                else:
                    self._sign(step, minute, at)

    # Acts

    def _note(self, act: str, at: str, by: int, values: dict[str, Any] | str) -> None:
        said = values if isinstance(values, str) else canonical(values)
        self.changes.append((at, by, act, said))
        self.changed = at

    def _register(self, at: str, registered: str) -> None:
        by, entry = self.cast.users["registered"], vars(self.entry)
        self.version += 1
        values = {"version": self.version, "changed": {name: ["", entry[name]] for name in ENTERED}}
        self._note("entered", at, by, values)
        self._registered = registered

    def _enter(self, n: int, visit: Visit, at: str) -> None:
        """Move to the next stage."""
        before, way = self.route.visits[n - 1].stage, visit.way
        assert way is not None
        by = self.cast.users[visit.mover]
        self.version += 1
        trace: dict[str, Any] = {"before": before, "after": visit.stage, "version": self.version}
        said = {ask.key: self._texts[SAID[way.key]] for ask in way.asks}
        if said:
            trace["said"] = said
        events = [f"entered:{visit.stage}", f"moved:{way.key}"]
        written = dict(way.writes) | {ask.to: said[ask.key] for ask in way.asks if ask.to}
        for sheet in {ref.partition(".")[0]: None for ref in written}:
            values = {ref.partition(".")[2]: value for ref, value in written.items() if ref.startswith(f"{sheet}.")}
            self._put(sheet, 0, values, by, at)
            changed = {key: ["", value] for key, value in values.items()}
            self._note("recorded", at, by, {"sheet": sheet, "round": self.round, "changed": changed})
            events.append(f"written:{sheet}")
        if visit.round != self.round:
            self._next_round(visit.round, at)
            trace["round"] = self.round
        if way.voids and any(key in self._standing for key in way.voids):
            raise NotImplementedError(way.key)  # the steps of a stage that is left so sign nothing that falls
        if n == 1:
            self._note("registered", at, by, self._registered)
        self._note("moved", at, by, trace)
        self.entry.stage = visit.stage
        self._entered[visit.stage] = at
        self._tell(events, by, self.journey.entered[n], at)

    def _next_round(self, round: int, at: str) -> None:
        """What belongs to the last round stays there; the plan begins as a copy."""
        self.round = round
        self._digests.clear()
        self._standing = {
            key: each for key, each in self._standing.items() if not self.archive.signature[key].per_round
        }
        before = [paper for paper in self.papers if paper.sheet in self.archive.per_round and paper.round == round - 1]
        self._records = {key: each for key, each in self._records.items() if key not in self.archive.per_round}
        self._rows |= {key: () for key in self._rows if key in self.archive.per_round}
        for paper in before:
            sheet = self.archive.sheet[paper.sheet]
            if sheet.carried:
                done = sheet.part("done")
                copy = Paper(sheet.key, round, paper.place, at, paper.begun_by_id, at, number=paper.number, version=1)
                copy.values = {key: value for key, value in paper.values.items() if key != done}
                copy.marks = {key: [*mark[:2], 1] for key, mark in paper.marks.items() if key != done}
                copy.owner_id, copy.due_on = paper.owner_id, paper.due_on
                self._file(sheet, copy)

    def _write(self, n: int, step: Step, minute: int, at: str) -> None:
        place, values = self._words(n, step, minute)
        by = self.cast.users[step.who]
        self.version += 1
        before = self._there(step.key, place)
        old = dict(before.values) if before else {}
        self._put(step.key, place, values, by, at)
        changed = {key: [old.get(key), value] for key, value in values.items()}
        values_of_row = {"sheet": step.key, "place": place, "round": self.round, "changed": changed}
        self._note("recorded", at, by, values_of_row)
        if before is None:
            self._tell([f"written:{step.key}"], by, minute, at)

    def _there(self, sheet: str, place: int) -> Paper | None:
        if not place:
            return self._records.get(sheet)
        return next((row for row in self._rows[sheet] if row.place == place), None)

    def _put(self, key: str, place: int, values: Mapping[str, Any], by: int, at: str) -> None:
        """Write fields into a record, or begin one; see records.put."""
        sheet, paper = self.archive.sheet[key], self._there(key, place)
        self._digests.clear()
        if sheet.of == INVESTIGATION and self.investigated is None:
            self.investigated = at
        if paper is None:
            round = self.round if sheet.per_round else LASTING
            number = (
                f"{sheet.numbered}-{at[:4]}-{self.number_in(f'{sheet.numbered}:{at[:4]}'):04d}"
                if sheet.numbered
                else None
            )
            paper = Paper(key, round, place, at, by, at, number=number)
            self._file(sheet, paper)
        paper.version += 1
        mark = [by, f"{at[:10]}T{at[11:19]}+00:00", paper.version]
        paper.values |= values
        paper.marks |= dict.fromkeys(values, mark)
        paper.changed_at = at
        if sheet.many:
            paper.owner_id, paper.due_on, paper.done_on = (paper.values.get(part) for part in self.archive.parts[key])
        for name in self.archive.people[key]:
            value = values.get(name, [])
            for user in value if isinstance(value, list) else [value]:
                self.involved.setdefault((user, None, consequences.NAMED), at)
        if f"{key}.departments" == self.archive.rules.departments:
            for department in values.get("departments", ()):
                self.involved.setdefault((None, department, consequences.RESPONSIBLE), at)

    def _file(self, sheet: Sheet, paper: Paper) -> None:
        self.papers.append(paper)
        if sheet.many:
            self._rows[sheet.key] = (*self._rows[sheet.key], paper)
        else:
            self._records[sheet.key] = paper

    def _sign(self, step: Step, minute: int, at: str) -> None:
        """Sign, or return with a remark."""
        rule, by = self.archive.signature[step.key], self.cast.users[step.who]
        decision, remark = (APPROVED, "") if step.act == SIGN else (RETURNED, self._texts["too_thin"])
        roles = rule.by_class.get(self.entry.complaint_class, rule.by)
        role = next(role for role in roles if role in self.archive.players.staff[by].roles)
        of_complaint = rule.of == COMPLAINT
        if not of_complaint and self.investigated is None:
            self.investigated = at
        self.version += 1
        self.signatures += (
            rule.of, self.id if of_complaint else self.investigation_id, self.id, rule.key,
            self.round if rule.per_round else LASTING, by, role, at, decision, remark, self._digest(rule),
        )  # fmt: skip
        act = "signed" if decision == APPROVED else "returned"
        key = (rule.key, role, remark, self.round)
        if key not in self.archive.said:
            values = {"signature": rule.key, "role": role, "remark": remark, "round": self.round}
            self.archive.said[key] = canonical(values)
        self._note(act, at, by, self.archive.said[key])
        if decision == APPROVED:
            self._standing[rule.key] = Signed(rule.key, by)
        self._tell([f"{act}:{rule.key}"], by, minute, at)

    def _digest(self, rule: SignatureRule) -> str:
        if rule.covers not in self._digests:
            self._digests[rule.covers] = self._case().content(rule)
        return self._digests[rule.covers]

    # What people write

    def _say(self, text: str) -> str:
        return self._texts[text].format_map(self._told)

    def _words(self, n: int, step: Step, minute: int) -> tuple[int, dict[str, Any]]:
        """The row of a record and the fields that a step fills in."""
        minutes, users = self.archive.minutes, self.cast.users
        day = minutes.day(minute)
        today, major, ours = minutes.iso[day], self.journey.major, self.journey.ours
        match step.key, step.text:
            case "first_review", _:
                measure = "taken" if major else "none"
                return 0, {
                    "details": self._say("details"), "evidence": "received" if self.journey.story.files else "asked",
                    "emergency": measure, "emergency_text": self._say(f"emergency_{measure}"), "immediate": "no",
                }  # fmt: skip
            case "form", _:
                return 0, {"request": self._say("request"), **({"signs": ["line_stop"]} if major else {})}
            case "assignment", _:
                return 0, {"qe": users["qe"]}
            case "contacts", kind:
                place = len(self._rows["contacts"]) + 1
                person = self.journey.story.writer.name
                return place, {"kind": kind, "on": today, "way": "email", "person": person, "text": self._say(kind)}
            case "qe_entry", _:
                return 0, {"abnormality": self.entry.subject}
            case "interim", _:
                return 0, {"measure": self._say("interim")}
            case "meeting", "planned":
                planned = datetime.combine(minutes.dates[day + 2], time(14), minutes.calendar.tz).isoformat()
                invited = sorted({users["qa_head"], users["dept_head"], users["mr"], users["gm"]})
                return 1, {"planned_for": planned, "invited": invited}
            case "meeting", _:
                return 1, {"held_on": today, "conclusion": self._say("conclusion")}
            case "finding", _ if ours:
                text = self._told["finding"]
                return 0, {"text": text, "responsibility": "ours", "departments": [self.cast.department]}
            case "finding", _:
                return 0, {"text": self._say("not_ours"), "responsibility": "not_ours"}
            case "qa_reply", _:
                return 0, {"text": self._say("qa_reply" if ours else "qa_reply_not_ours")}
            case "not_ours", _:
                self.appraisal = sha256(f"{self.archive.secret}/appraisal/{self.id}".encode()).hexdigest()[:32]
                return 0, {
                    "appraisal": self.appraisal, "basis": self._say("basis"), "explanation": self._say("explanation"),
                }  # fmt: skip
            case "cause", "again":
                return 0, {"text": self._say("again"), "permanent": self._say("permanent")}
            case "cause", _:
                return 0, {"text": self._told["cause"]}
            case "plan", "first":
                due = minutes.iso[day + 5 + self.id % 5]
                return 1, {"what": self._told["first"], "owner": users["doer"], "due": due}
            case "plan", "second":
                due = minutes.iso[day + 8 + self.id % 7]
                return 2, {"what": self._told["second"], "owner": users["helper"], "due": due}
            case "plan", text:
                return 1 if text == "first_done" else 2, {"done": today}
            case "implementation", _:
                steps = ("correction", "like_case", "improvement")
                return 0, {
                    key: value for each in steps for key, value in ((each, self._say(each)), (f"{each}_on", today))
                }
            case "completion", text:
                return 0, {"text": self._say("completion_again" if text else "completion"), "on": today}
            case "checks", _:
                return len(self._rows["checks"]) + 1, {"on": today, "result": self._say("check")}
            case "verification", _:
                return 0, {"evidence": self._say("evidence"), "on": today, "effective": "yes"}
            case "answer", _:
                return 0, {"decision": "accepted", "on": today}
        raise LookupError(step.key)

    # What the engine says to it

    def _case(self) -> Case:
        """The case as it stands. Its papers and signatures are not the engine's own, but read like them."""
        return Case(
            cast(Any, self.entry), self.archive.rules, cast(Any, self._records), cast(Any, self._rows),
            cast(Any, self._standing), cast(Any, tuple(self._standing.values())), entered=self._entered,
            notified=len(self._entered) > 1,
        )  # fmt: skip

    def owner_id(self) -> int | None:
        """Whose the complaint is, see consequences: the person named for its stage, else it is in a queue."""
        stage = self.archive.rules.stage(self.entry.stage)
        if stage.owner:
            return self.cast.users["registered" if stage.owner == "registered_by" else "qe"]
        return self.cast.users["dept_head"] if "dept_head" in stage.owner_roles else None

    def open_rows(self) -> list[Paper]:
        """What is planned and not done."""
        if self.archive.rules.stage(self.entry.stage).final:
            return []
        return [row for row in self._rows["plan"] if row.done_on is None]

    def waiting(self) -> Iterator[Task]:
        """What waits for whom. Cases that came the same way wait for the same, each for its own people."""
        tasks = self.archive.tasks.get(self.route)
        if tasks is None:
            tasks = self.archive.tasks[self.route] = turns.tasks(self._case())
        for task in tasks:
            if task.kind == ROW:
                sheet, _, place = task.key.partition(":")
                row = self._there(sheet, int(place))
                assert row is not None
                yield task._replace(user_id=row.owner_id, due_on=cast(Any, row.due_on))
            else:
                yield task._replace(
                    user_id=task.user_id and self.cast.users["qe"],
                    department_id=task.department_id and self.cast.department,
                    barred=task.barred and self._barred(task.key),
                )

    def _barred(self, signature: str) -> str:
        """Who may not give a signature."""
        case, rule = self._case(), self.archive.signature[signature]
        return bar(guards.barred_people(case, rule), guards.barred_departments(case, rule))

    def _tell(self, events: Iterable[str], by: int, minute: int, at: str) -> None:
        """Who hears of it and may see it from then on; the notices themselves are kept if it was lately."""
        heard = self.archive.heard(tuple(events))
        if not heard:
            return
        case, minutes = self._case(), self.archive.minutes
        for event, rule in heard:
            if not case.holds(rule.when):
                continue
            users = sorted({user for to in rule.to for user in self._receivers(case, to, by)} - {by})
            for user in users:
                self.involved.setdefault((user, None, "told"), at)
            if minute >= self.archive.told_from:
                who = self.archive.players.staff[by].name
                values = canonical({"who": who, "name": {"en": rule.name.en, "zh": rule.name.zh}})
                read = minutes.text(min(minute + READ_AFTER, minutes.end - 1), 0)
                read_at = read if minute < self.archive.unread_from else None
                for user in users:
                    self.notices += (user, self.id, self.version, event, values, at, read_at)

    def _receivers(self, case: Case, to: str, by: int) -> Iterable[int]:
        """See consequences."""
        players = self.archive.players
        if to == "superior":
            superior = players.staff[by].superior
            return [superior] if superior else []
        if to == "departments":
            members = [each for each in players.staff.values() if each.departments & case.departments]
            return [each.id for each in members if "dept_head" in each.roles] or [each.id for each in members]
        if "." in to:
            found = case.value(to)
            last = found[-1] if isinstance(found, list) and to.partition(".")[0] in self._rows else found
            return last if isinstance(last, list) else [last] if last else []
        if to == "qe" and case.investigator:
            return [case.investigator]
        return [each.id for each in players.staff.values() if to in each.roles]
