"""A walker goes through any procedure from its first message on: it looks at what the next stage asks, and does that as
somebody who may, with plausible values of its own or with those that it was told. It knows no procedure by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from complaints import comparing, guards, registration, signing, workflow, writing
from complaints.case import Case, filled, load
from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS
from complaints.database import transaction
from complaints.errors import MoveRefused
from complaints.letters import Attachment
from complaints.people import ROLES, Actor, Department
from complaints.procedure import Field, Move, Need, Procedure, Sheet, SignatureRule, procedure
from complaints.signatures import APPROVED, RETURNED
from tests.builders import a_letter, a_person
from tests.desk import CONTEXT, Desk, english

Told = Mapping[str, Any]
"""Values by reference, such as {"finding.responsibility": "ours"}; people by role, departments by id."""
AHEAD = timedelta(hours=1)
"""So far ahead lies a time that is promised."""
MOST = 60
"""So many things are done at most before a stage is entered."""


@dataclass
class Walker:
    """Somebody of every role, two of each, so that nobody approves their own work; `number` is the complaint."""

    desk: Desk
    key: str
    told: dict[str, Any] = field(default_factory=dict)
    number: str = ""
    people: dict[str, list[Actor]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with transaction(self.desk.make) as session:
            for role in ROLES:
                department = self.desk.qa if role in ("qa_head", "qe", "qa_mgr") else self.desk.department
                place = _department(session, department) if role in ("dept_head", "dept", "qe", "qa_head") else None
                self.people[role] = [a_person(session, role, name=f"{role} {n}", department=place) for n in (1, 2)]

    @property
    def rules(self) -> Procedure:
        return procedure(self.key)

    def case(self) -> Case:
        return self.desk.case(self.number)

    @property
    def stage(self) -> str:
        return self.case().stage

    # Beginning

    def draft(self, **fields: Any) -> "Walker":
        """A draft; `fields` are columns of the complaint."""
        light = next(iter(self.rules.classes))
        self.number = self.desk.draft(procedure_key=self.key, **({"complaint_class": light} | fields))
        return self

    def register(self, **fields: Any) -> "Walker":
        self.draft(**fields) if not self.number else None
        return self.to(self.rules.register_stage.key)

    # On the way

    def to(self, stage: str, **answers: str) -> "Walker":
        """Do what a stage asks, and enter it by hand."""
        for _ in range(MOST):
            case = self.case()
            way = guards.way(case, case.rules.stage(stage))
            assert way is not None, f"no way from {case.stage} to {stage}"
            if self._names(case, way.by):
                continue
            mover = self.who(case, way.by)
            missing = guards.against_move(case, case.rules.stage(stage), mover)
            if not missing:
                asked = {ask.key: "Because it is so" for ask in way.asks}
                self._move(stage, mover, asked | answers)
                return self
            self._do_next(case, way, stage)
        raise AssertionError([english(each.sentence) for each in missing])

    def _names(self, case: Case, by: Iterable[str]) -> bool:
        """Fill in who may do something, where only a field says so and nobody stands there yet."""
        empty = [ref for ref in by if "." in ref and not case.ids(ref)]
        if empty and len(empty) == len([*by]):
            sheet, _, key = empty[0].partition(".")
            self.write(sheet, also=(key,))
            return True
        return False

    def refused(self, stage: str) -> list[str]:
        """What a stage asks and is not there, in English, for somebody who may move there."""
        case = self.case()
        way = guards.way(case, case.rules.stage(stage))
        assert way is not None, f"no way from {case.stage} to {stage}"
        nobody_yet = all("." in ref and not case.ids(ref) for ref in way.by)
        mover = self.people["staff"][0] if nobody_yet else self.who(case, way.by)
        missing = guards.against_move(case, case.rules.stage(stage), mover)
        return [english(each.sentence) for each in missing]

    def _move(self, stage: str, mover: Actor, answers: dict[str, str]) -> None:
        with self.desk.act() as session:
            found = self.desk.find(session, self.number)
            if found.registered_at is None and stage == self.rules.register_stage.key:
                registration.register(
                    session, found, {}, by=mover, at=self.desk.at, seen_version=found.version, context=CONTEXT,
                    departments=[self.desk.department],
                )  # fmt: skip
                return
            try:
                workflow.move(
                    session, found, stage, by=mover, at=self.desk.at, seen_version=found.version, context=CONTEXT,
                    answers=answers,
                )  # fmt: skip
            except MoveRefused as refusal:
                raise AssertionError([english(each.sentence) for each in refusal.missing]) from refusal

    def _do_next(self, case: Case, way: Move, stage: str) -> None:
        for need in guards.asked_by(case, way):
            if guards.lacking(case, [need]):
                self.meet(case, need)
                return
        raise AssertionError(f"{stage}: {self.refused(stage)}")

    def meet(self, case: Case, need: Need) -> None:
        """Do one thing that is needed."""
        sheet = case.rules.sheet(need.ref.partition(".")[0])
        if need.kind == "any":
            self.meet(case, need.any_of[0])
        elif need.kind == "signature":
            self.sign(need.ref)
        elif need.kind == "notified":
            self.notify()
        elif need.kind in ("field", "value") and "." not in need.ref:
            self.correct(**{need.ref: need.values[0] if need.kind == "value" else self._entry(need.ref)})
        elif need.kind in ("field", "value") and sheet is not None:
            key = need.ref.partition(".")[2]
            given = _adding_up(sheet, key, _meeting(need.values[0], case)) if need.kind == "value" else {}
            self.write(sheet.key, **given, also=(key,))
        elif need.kind == "sheet" and sheet is not None:
            self.write(sheet.key)
        elif need.kind == "rows" and sheet is not None:
            self._complete_row(case, sheet, need)
        elif need.kind == "none" and sheet is not None:
            self._end_rows(case, sheet, need)
        else:
            raise AssertionError(f"cannot meet {need}")

    def correct(self, **typed: str) -> None:
        """Write in the register entry, as a form would."""
        with self.desk.act() as session:
            found = self.desk.find(session, self.number)
            by = self.who(load(session, found), self.rules.register_stage.moved_in_by)
            today = self.desk.at.astimezone(CONTEXT.zone).date()
            values, problems = registration.parse(typed, rules=self.rules, today=today)
            assert not problems, [english(each.sentence) for each in problems]
            registration.save(
                session, found, values, by=by, at=self.desk.at, seen_version=found.version, context=CONTEXT
            )

    def _entry(self, ref: str) -> str:
        """Something plausible for a field of the register entry."""
        lists = {"complaint_class": self.rules.classes, "channel": CHANNELS, "cause_type": CAUSE_TYPES, "link": LINKS}
        day = self.desk.at.astimezone(CONTEXT.zone).date().isoformat()
        value = day if ref in registration.DATES else next(iter(lists.get(ref, ["1"])))
        return str(self.told.get(ref, value))

    def notify(self) -> None:
        with self.desk.act() as session:
            found = self.desk.find(session, self.number)
            by = self.who(load(session, found), self.rules.register_stage.moved_in_by)
            registration.notify(session, found, [self.desk.department], by=by, at=self.desk.at, context=CONTEXT)

    # Writing

    def write(
        self, sheet_key: str, /, *, place: int | None = None, new: bool = False, also: Iterable[str] = (), **given: Any
    ) -> "Walker":
        """Fill in a record, or a row (`new` begins one): all that is required of it, the fields `also`, and what is
        `given`; each field by somebody who may."""
        for _ in range(MOST):
            case = self.case()
            sheet = case.rules.sheet(sheet_key)
            assert sheet is not None, sheet_key
            for need in sheet.needs:
                if guards.lacking(case, [need]):
                    self.meet(case, need)
                    return self.write(sheet_key, place=place, new=new, also=also, **given)
            if self._names(case, sheet.by):
                continue
            record = _record(case, sheet, place)
            kept: Mapping[str, Any] = record.values if record and not new else {}
            todo = self._to_fill(case, sheet, kept, given, also)
            if not todo:
                return self
            begins = new or (sheet.many and place is None)
            seen = 0 if begins or record is None else record.version
            self._write_some(case, sheet, todo, seen, None if new else place)
            given = {key: value for key, value in given.items() if key not in todo}
            if new:
                new, place = False, max(each.place for each in self.case().rows[sheet_key])
        raise AssertionError(f"{sheet_key} is never whole")

    def _to_fill(
        self, case: Case, sheet: Sheet, kept: Mapping[str, Any], given: Told, also: Iterable[str]
    ) -> dict[str, Any]:
        """Those fields that somebody fills in next: all of one writer."""
        counts = {key for each in sheet.sums for key in (*each.of, each.total)} - given.keys()
        unequal = counts if counts & {each.key for each in guards.incomplete(case, sheet, kept)} else set()
        typed = dict(kept)
        todo: dict[str, Any] = {}
        by: tuple[str, ...] | None = None
        for each in sheet.fields:
            ref = f"{sheet.key}.{each.key}"
            row = {f"{sheet.key}.{key}": value for key, value in {**typed, **given}.items()}
            here = not (each.stages or sheet.stages) or case.stage in (each.stages or sheet.stages)
            wanted = each.key in also or (each.required and case.holds(each.when, row)) or ref in self.told
            if each.key in given:
                value = given[each.key]
            elif each.key in unequal and here:  # counts that others began with are counted again
                value = self.told.get(ref) or _count(sheet, each.key)
                if str(value) == str(kept.get(each.key)):
                    continue
            elif wanted and here and not filled(kept.get(each.key)):
                value = self.told.get(ref, None)
                value = self.value(each, case, sheet) if value is None else value
            else:
                continue
            writers = each.by or sheet.by
            if by is None or by == writers:
                by = writers
                todo[each.key] = typed[each.key] = value
        return todo

    def _write_some(self, case: Case, sheet: Sheet, todo: Mapping[str, Any], seen: int, place: int | None) -> None:
        first = sheet.field(next(iter(todo)))
        by = self.who(case, first.by or sheet.by, departments=guards.departments_to_write(case, sheet))
        form = {key: self.typed(sheet.field(key), value) for key, value in todo.items()}
        with self.desk.act() as session:
            found = self.desk.find(session, self.number)
            writing.write(
                session, found, sheet.key, form, by=by, at=self.desk.at, context=CONTEXT, seen=seen, place=place
            )

    def typed(self, field: Field, value: Any) -> list[str]:
        """A value as a form sends it; people may be named by their role."""
        values = list(value) if isinstance(value, (list, tuple)) else [value]
        if field.kind in ("person", "people"):
            values = [
                self.people[each][0].id if isinstance(each, str) and each in self.people else each for each in values
            ]
        return [str(each) for each in values]

    def value(self, field: Field, case: Case, sheet: Sheet) -> Any:
        """Something plausible for a field."""
        day = self.desk.at.astimezone(CONTEXT.zone)
        role = field.roles[0] if field.roles else "staff"
        people = [each.id for each in self.people[role]] + [each.id for each in self.people["dept"]]
        departments = [self.desk.department, self.desk.qa]
        match field.kind:
            case "choice":
                return next(iter(field.choices))
            case "choices":
                return list(field.choices)[: field.least]
            case "date":
                return day.date().isoformat()
            case "time":
                return (day + AHEAD).isoformat(timespec="minutes")
            case "number":
                return "1"
            case "count":
                return str(_count(sheet, field.key))
            case "person":
                return people[0]
            case "people":
                return people[: max(field.least, 1)]
            case "departments":
                return departments[: field.least]
            case "file" | "files":
                return self.a_file()
            case _:
                return f"{field.name.en} {field.name.zh}"[: field.limit]

    def a_file(self) -> str:
        """A file of the complaint that may be named in a record."""
        with transaction(self.desk.make) as session:
            found = self.desk.find(session, self.number)
            picture = {"filename": "p.png", "content_type": "image/png", "declared_type": "image/png"}
            file = picture | {"content_id": "", "inline": False, "size": 1, "blob": "0" * 64}
            letter = a_letter(
                session, found, message_id=f"{self.number}-{self.desk.at:%H%M}@mill.example", files=[file]
            )
            return str(session.scalars(select(Attachment.id).where(Attachment.letter_id == letter.id)).one())

    def _complete_row(self, case: Case, sheet: Sheet, need: Need) -> None:
        where: dict[str, Any] = {key: _meeting(values[0], case) for key, values in need.where.items()}
        for row in case.rows.get(sheet.key, ()) if not need.since and need.least == 1 else ():
            if all(str(row.values.get(key) or "") in values for key, values in need.where.items()):
                self.write(sheet.key, place=row.place, also=need.filled)
                return
        self.write(sheet.key, new=True, also=need.filled, **where)

    def _end_rows(self, case: Case, sheet: Sheet, need: Need) -> None:
        """Fill in what must not be empty in any row."""
        empty = [key for key, values in need.where.items() if values == ("",)]
        for row in case.of_sheet(sheet):
            if guards._matches(row.values, need):
                assert empty, f"{sheet.key} has a row that must not be there"
                self.write(sheet.key, place=row.place if sheet.many else None, also=empty)

    # Signing

    def sign(self, key: str, *, decision: str = APPROVED, remark: str = "") -> "Walker":
        """Give a signature, after all that comes before it; each department its own."""
        for _ in range(MOST):
            case = self.case()
            rule = case.rules.signature(key)
            assert rule is not None, key
            if key in case.signatures:
                return self
            earlier = [each for each in rule.after if each not in case.signatures and _applies(case, each)]
            if earlier:
                self.sign(earlier[0])
                continue
            lacking = [need for need in rule.needs if guards.lacking(case, [need])]
            if lacking:
                self.meet(case, lacking[0])
                continue
            if guards.unchanged(case, rule):
                self._change(case, rule)
                continue
            by = self._signer(case, rule)
            with self.desk.act() as session:
                found = self.desk.find(session, self.number)
                signing.sign(
                    session, found, key, decision=decision, remark=remark, by=by, at=self.desk.at, context=CONTEXT,
                    seen=load(session, found).content(rule),
                )  # fmt: skip
            if decision != APPROVED:
                return self
        raise AssertionError(f"{key} is never signed")

    def _change(self, case: Case, rule: SignatureRule) -> None:
        """Write other words in something that a returned signature covers."""
        for sheet in case.rules.covered(rule):
            for row in case.of_sheet(sheet):
                for each in sheet.fields:
                    here = not (stages := each.stages or sheet.stages) or case.stage in stages
                    if each.kind in ("text", "line") and not each.by and here:
                        words = f"At {self.desk.at:%H:%M}: {row.values.get(each.key) or ''}"[: each.limit]
                        changed: dict[str, Any] = {each.key: words}
                        self.write(sheet.key, place=row.place if sheet.many else None, **changed)
                        return
        raise AssertionError(f"nothing can be changed that {rule.key} covers")

    def returns(self, key: str, remark: str = "Not good enough") -> "Walker":
        return self.sign(key, decision=RETURNED, remark=remark)

    def _signer(self, case: Case, rule: SignatureRule) -> Actor:
        for role in guards.signers(case, rule):
            for each in [*self.people.get(role, ()), *self._heads(case, rule, role)]:
                if not guards.against_signature(case, rule, each):
                    return each
        told = guards.against_signature(case, rule, self.people[rule.by[0]][0])
        raise AssertionError(f"nobody may sign {rule.key}: {[english(each.sentence) for each in told]}")

    def _heads(self, case: Case, rule: SignatureRule, role: str) -> list[Actor]:
        """People of the departments that are still to sign."""
        wanted = guards.departments_asked(case, rule) or ()
        with transaction(self.desk.make) as session:
            return [
                a_person(session, role, name=f"{role} of {each}", department=_department(session, each))
                for each in wanted
            ]

    def who(self, case: Case, by: Iterable[str], *, departments: frozenset[int] | None = None) -> Actor:
        """Somebody who may do what these roles may (in one of these departments), or whom these fields name."""
        for role in by:
            everybody = [each for people in self.people.values() for each in people]
            for each in self.people.get(role, ()) or [one for one in everybody if one.id in case.ids(role)]:
                if guards.holds_role(case, each, [role], departments=departments) is not None:
                    return each
        raise AssertionError(f"nobody is one of {list(by)}")


def _department(session: Session, id_: int) -> Any:
    return session.get_one(Department, id_)


def _count(sheet: Sheet, key: str) -> int:
    """A count that adds up with the others of its record."""
    for each in sheet.sums:
        if each.total == key:
            return sum(_count(sheet, part) for part in each.of) + each.at_most
    return 1


def _record(case: Case, sheet: Sheet, place: int | None) -> Any:
    if not sheet.many:
        return case.records.get(sheet.key)
    return next((row for row in case.rows.get(sheet.key, ()) if row.place == place), None)


def _applies(case: Case, key: str) -> bool:
    rule = case.rules.signature(key)
    return rule is not None and case.holds(rule.when)


def _meeting(wanted: str, case: Case) -> str:
    """A value that meets what is wanted, where that compares."""
    compared = comparing.comparison(wanted)
    other = case.value(compared[1]) if compared and comparing.comparable(compared[1]) is None else None
    return str(other) if other is not None else compared[1] if compared else wanted


def _adding_up(sheet: Sheet, key: str, value: str) -> dict[str, Any]:
    """A value, with counts that make it up where there are any."""
    parts = next((each.of for each in sheet.sums if each.total == key and not each.at_most), ())
    return {key: value, **{part: "0" if position else value for position, part in enumerate(parts)}}
