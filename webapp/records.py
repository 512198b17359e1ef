"""Records on a complaint's page: every sheet of its procedure as a panel, to read and to fill in.

A panel shows what is written, by whom and when, and the form where the guards let this person write. A form that was
refused comes back as it was sent, with a sentence at each field; where somebody else wrote meanwhile, theirs stands
beside. The signatures are next door, in signatures.py; what people send in, in writing.py.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from flask import Flask, request, url_for
from flask_babel import gettext
from sqlalchemy import or_, select

from complaints import files, guards, off_board, rounds, turns, work
from complaints.case import Case, Past, filled, load_with_past
from complaints.complaint import Complaint, visible_to
from complaints.errors import N_, ComplaintError, Missing, Refused, Sentence
from complaints.people import Grant
from complaints.procedure import Field, Procedure, Sheet, Stage, When
from complaints.records import Record, StaleRecord
from complaints.registration import Incomplete
from complaints.work import Task
from webapp import drafts, signatures
from webapp.context import actor, now, seen_version, zone
from webapp.database import db
from webapp.directory import directory
from webapp.drafts import Line
from webapp.language import in_my_language, sentence
from webapp.signatures import Box, Unsigned
from webapp.values import Later, Names, listed, typed

YOURS, OTHERS, DONE, LATER = "yours", "others", "done", "later"
STATES: Mapping[str, str] = {
    YOURS: N_("Waiting for you"),
    OTHERS: N_("Waiting for others"),
    DONE: N_("Done"),
    LATER: N_("Not needed yet"),
}


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        state_name=lambda state: gettext(STATES[state]), condition=condition, own_condition=own_condition
    )


# What the page shows


@dataclass(frozen=True)
class Mark:
    """Who wrote something, and when."""

    who: str
    at: datetime


@dataclass(frozen=True)
class Cell:
    """A field with something in it."""

    field: Field
    value: Any
    mark: Mark | None


@dataclass(frozen=True)
class Form:
    """A record as a form: the fields that the reader may fill in, what stands in them, what is wrong with them, and
    what somebody else wrote there meanwhile (`newest`). `name`: what its drafts are kept as."""

    name: str
    action: str
    prefix: str
    fields: Sequence[Field]
    values: Mapping[str, Sequence[str]]
    version: int
    key: str = ""
    refused: Sentence | None = None
    problems: Mapping[str, Sentence] = field(default_factory=dict)
    reasons: Sequence[Missing] = ()
    newest: Mapping[str, str] = field(default_factory=dict)
    draft: Line | None = None

    @property
    def begun(self) -> bool:
        """Does it show what its reader typed and did not send?"""
        return self.draft is not None and self.draft.saved_at is not None


@dataclass(frozen=True)
class Row:
    """A record as it is read. `common`: who wrote all of it, where it was one person at one time."""

    record: Record
    cells: Sequence[Cell]
    common: Mark | None
    form: Form | None = None
    """While it is being changed."""
    may_change: bool = False
    may_remove: bool = False


@dataclass(frozen=True)
class Panel:
    """A sheet of the procedure. `form` is that of the one record, or of a new row."""

    sheet: Sheet
    state: str
    rows: Sequence[Row]
    past: Sequence[tuple[int, Sequence[Row]]]
    form: Form | None
    writers: guards.RoleNames
    closed: Sequence[Missing] = ()
    """Why nobody writes here now."""
    wanted: Sequence[Missing] = ()
    """What the next stage still asks of what is written here."""
    asked_for: bool = False
    """Somebody came here to write."""

    @property
    def open(self) -> bool:
        return self.asked_for or self.state in (YOURS, OTHERS) or (self.form is not None and self.form.begun)


@dataclass(frozen=True)
class Sent:
    """The form of a record as it was sent, and why it was refused."""

    sheet: str
    place: int | None
    typed: Mapping[str, Sequence[str]]
    refusal: ComplaintError


@dataclass(frozen=True)
class Offers:
    """What a field may be filled in with."""

    names: Names
    here: Collection[int]

    @cached_property
    def _roles(self) -> Mapping[int, set[str]]:
        """The roles that people hold today."""
        today = now().astimezone(zone()).date()
        held = select(Grant.user_id, Grant.role).where(
            Grant.since <= today, or_(Grant.until.is_(None), Grant.until >= today)
        )
        found: dict[int, set[str]] = {}
        for user, role in db.session.execute(held):
            found.setdefault(user, set()).add(role)
        return found

    def of(self, of: Field) -> list[tuple[str, str]]:
        if of.choices:
            return [(key, in_my_language(name)) for key, name in of.choices.items()]
        if of.kind == "departments":
            return [(str(id_), in_my_language(each.name)) for id_, each in self.names.departments.items()]
        if of.kind in ("file", "files"):
            return [(id_, each.filename) for id_, each in self.names.files.items()]
        wanted = {*of.roles}
        return [
            (str(id_), name)
            for id_, name in self.names.people.items()
            if id_ in self.here and (not wanted or wanted & self._roles.get(id_, set()))
        ]


@dataclass(frozen=True)
class Section:
    """The records and signatures of a complaint for one reader; what a page does not show of it is not made. `sent` and
    `unsigned` are forms that were refused. `split`: the page shows records in parts, and begins the forms itself."""

    case: Case
    past: Past
    tasks: Sequence[Task]
    names: Names
    offers: Offers
    merged: Sequence[int]
    sent: Sent | None = None
    unsigned: Unsigned | None = None
    split: bool = False

    @cached_property
    def panels(self) -> list[Panel]:
        return [_panel(self, sheet) for sheet in self._sheets]

    @cached_property
    def boxes(self) -> list[Box]:
        return signatures.boxes(self.case, self.past, self.tasks, self.names.people, self.unsigned)

    @cached_property
    def lacking(self) -> Mapping[str, Sequence[Missing]]:
        """What the next stage still asks of each record."""
        return turns.lacking_in(self.case)

    @cached_property
    def _sheets(self) -> list[Sheet]:
        return [sheet for sheet in self.case.rules.sheets if _shown(self.case, sheet, self.past)]

    @cached_property
    def ready(self) -> list[Stage]:
        """The stages to which nothing is missing any more and that wait for the reader to move it there."""
        to = dict.fromkeys(task.key for task in self.tasks if task.kind == work.MOVE and _mine(task))
        return [self.case.rules.stage(key) for key in to]

    @cached_property
    def joined(self) -> list[Complaint]:
        """The complaints that share the investigation, as far as the reader may see them."""
        return _joined(self.case.complaint)

    @cached_property
    def behind(self) -> Collection[int]:
        """Which of these and the complaint itself the reader may take into the present round of their investigation."""
        if not actor().investigates:
            return ()
        return {each.id for each in (self.case.complaint, *self.joined) if rounds.behind(db.session(), each)}

    @property
    def entry_waits(self) -> str:
        """Facts of the register entry are asked for: by the state of the reader, "" when none are."""
        asked = [task for task in self.tasks if task.kind == work.ENTRY]
        return (YOURS if any(map(_mine, asked)) else OTHERS) if asked else ""

    @property
    def contents(self) -> list[tuple[str, list[tuple[str, Any]]]]:
        """What there is, by its state: the anchors and names."""
        entries = [(self.state(sheet), f"f-{sheet.key}", sheet.name) for sheet in self._sheets]
        entries += [
            (signatures.state(self.case, rule, self.tasks), f"f-sign-{rule.key}", rule.name)
            for rule in signatures.shown(self.case, self.past)
        ]
        return [
            (state, [(anchor, name) for each, anchor, name in entries if each == state])
            for state in STATES
            if any(each == state for each, _, _ in entries)
        ]

    def state(self, sheet: Sheet) -> str:
        return _state(self.case, sheet, guards.writable(self.case, sheet, actor()), self.tasks)

    def may_add(self, sheet: Sheet) -> bool:
        """May the reader begin a row of a record?"""
        return sheet.many and _may_keep_rows(sheet, guards.writable(self.case, sheet, actor()))


def section(
    complaint: Complaint, *, sent: Sent | None = None, unsigned: Unsigned | None = None, split: bool = False
) -> Section:
    """The records and signatures of a complaint as the reader of this request sees them."""
    session = db.session()
    case, past = load_with_past(session, complaint)
    known = directory()
    merged = off_board.merged_into(session, complaint.id, direct=past.life.merged)
    names = Names(
        {id_: person.name for id_, person in known.people.items()},
        known.departments,
        Later(lambda: files.offered(session, complaint, actor(), merged=merged)),
    )
    offers = Offers(names, {id_ for id_, person in known.people.items() if person.here})
    return Section(case, past, turns.tasks(case), names, offers, merged, sent, unsigned, split)


def _joined(complaint: Complaint) -> list[Complaint]:
    """The complaints that share the investigation, as far as the reader may see them."""
    if complaint.investigation_id is None:
        return []
    query = select(Complaint).where(
        Complaint.investigation_id == complaint.investigation_id, Complaint.id != complaint.id
    )
    return list(db.session.scalars(visible_to(actor(), query).order_by(Complaint.id)))


def _mine(task: Task) -> bool:
    by = actor()
    if task.user_id is not None:
        return task.user_id == by.id
    return task.role in by.roles and (task.department_id is None or task.department_id in by.departments_as(task.role))


def _shown(case: Case, sheet: Sheet, past: Past) -> bool:
    return case.holds(sheet.when) or any(each.sheet == sheet.key for each in past.records)


def _panel(section: Section, sheet: Sheet) -> Panel:
    by = actor()
    case, sent = section.case, section.sent
    mine = guards.writable(case, sheet, by)
    editing = _edited(sheet)
    sent = sent if sent is not None and sent.sheet == sheet.key else None
    rows = [_row(section, sheet, record, mine, editing, sent) for record in case.of_sheet(sheet)]
    state = _state(case, sheet, mine, section.tasks)
    form = None
    if sheet.many:
        may_add = _may_keep_rows(sheet, mine)
        own = sent if sent is not None and sent.place is None else None
        form = _form(section, sheet, None, mine, own) if may_add or own is not None else None
    elif mine or sent is not None:
        form = _form(section, sheet, case.records.get(sheet.key), mine, sent)
    closed = [] if mine or state == DONE else guards.against_sheet(case, sheet, by, own_row=True)
    writers = guards.RoleNames.of(case.rules, guards.writers(sheet))
    return Panel(
        sheet, state, rows, _rounds(case, section.past, sheet, section.names), form, writers, closed,
        _wanted(section, sheet, form) if rows and state in (YOURS, OTHERS) else (),
        asked_for=sent is not None or editing is not None,
    )  # fmt: skip


def _wanted(section: Section, sheet: Sheet, form: Form | None) -> list[Missing]:
    """What the next stage still asks of a record, but for what its form shows as empty anyway."""
    record = section.case.records.get(sheet.key)
    written = record.values if record else {}
    empty = {f"{sheet.key}-{each.key}" for each in (form.fields if form else ()) if not filled(written.get(each.key))}
    return [each for each in section.lacking.get(sheet.key, ()) if sheet.many or each.field not in empty]


def _edited(sheet: Sheet) -> int | None:
    """The row that the reader asked to change: `?edit=plan.3`."""
    asked, _, place = request.args.get("edit", "").partition(".")
    return int(place) if asked == sheet.key and place.isascii() and place.isdigit() and len(place) < 10 else None


def _state(case: Case, sheet: Sheet, mine: Collection[str], tasks: Sequence[Task]) -> str:
    if any(task.kind == work.WRITE and task.key == sheet.key for task in tasks):
        record = case.records.get(sheet.key)
        lacking = {each.key for each in guards.incomplete(case, sheet, record.values)} if record else set()
        return YOURS if (mine & lacking if lacking else mine) else OTHERS  # type: ignore[operator]
    if rows := [task for task in tasks if task.kind in (work.ROW, work.WRITE) and task.key.startswith(f"{sheet.key}:")]:
        return YOURS if any(_mine(task) for task in rows) else OTHERS
    kept = case.of_sheet(sheet)
    return DONE if kept and not any(guards.incomplete(case, sheet, each.values) for each in kept) else LATER


def _rounds(case: Case, past: Past, sheet: Sheet, names: Names) -> list[tuple[int, Sequence[Row]]]:
    """What was written in the rounds before this one."""
    older = [each for each in past.records if each.sheet == sheet.key and 0 < each.round < case.complaint.round]
    rounds = sorted({each.round for each in older})
    return [(number, [_read(sheet, each, names) for each in older if each.round == number]) for number in rounds]


def _read(sheet: Sheet, record: Record, names: Names) -> Row:
    """A record as it stands."""
    cells = []
    for each in sheet.fields:
        if filled(value := record.values.get(each.key)):
            mark = record.marks.get(each.key)
            told = Mark(names.people.get(mark[0], "Redress"), datetime.fromisoformat(mark[1])) if mark else None
            cells.append(Cell(each, value, told))
    marks = {(cell.mark.who, cell.mark.at) for cell in cells if cell.mark}
    common = cells[0].mark if len(marks) == 1 else None
    return Row(record, cells, common)


def _row(
    section: Section, sheet: Sheet, record: Record, mine: frozenset[str], editing: int | None, sent: Sent | None
) -> Row:
    read = _read(sheet, record, section.names)
    if not sheet.many:
        return read
    if record.owner_id is not None and record.owner_id == actor().id:
        mine = guards.writable(section.case, sheet, actor(), own_row=True)
    elif guards.not_theirs(section.case, sheet, actor(), record.values):
        mine = frozenset()
    own = sent if sent is not None and sent.place == record.place else None
    form = None
    if own is not None or (mine and editing == record.place):
        form = _form(section, sheet, record, mine, own)
    return Row(record, read.cells, read.common, form, bool(mine), _may_keep_rows(sheet, mine) and not sheet.stay)


def _may_keep_rows(sheet: Sheet, mine: Collection[str]) -> bool:
    """May somebody who may fill in these fields begin rows, and take them out?"""
    return bool(mine) and all(each.key in mine for each in sheet.fields if each.required and not each.by)


def _form(section: Section, sheet: Sheet, record: Record | None, mine: Collection[str], sent: Sent | None) -> Form:
    case = section.case
    place = record.place if record is not None and sheet.many else None
    values = {each.key: typed(each, record.values.get(each.key), zone()) if record else [] for each in sheet.fields}
    told: dict[str, Any] = {}
    shown = {*mine}
    version = record.version if record is not None else 0
    if sent is not None:
        values |= {key: list(said) for key, said in sent.typed.items() if key in values}
        told = _refused(sheet, record, section.names, sent)
        shown |= {key for key in sent.typed if key in values}
        if not isinstance(sent.refusal, StaleRecord):
            version = seen_version()
    address = url_for("records.write", number=case.complaint.number, key=sheet.key, place=place)
    form = Form(
        f"record:{sheet.key}" if place is None else f"record:{sheet.key}:{place}", address,
        f"f-{sheet.key}-" if place is None else f"f-{sheet.key}-{place}-",
        [each for each in sheet.fields if each.key in shown], values, version,
        key=(request.form.get("key") if sent is not None else None) or secrets.token_urlsafe(16),
        **told,
    )  # fmt: skip
    return form if section.split else begun(case, sheet, form)


def begun(case: Case, sheet: Sheet, form: Form) -> Form:
    """A form with what its reader typed in it and did not send, and of its fields those that could be wanted then."""
    values, version = {**form.values}, form.version
    if form.refused is None and (kept := drafts.kept(case.complaint, form.name)) is not None:
        values |= {key: kept.getlist(key) for key in kept if key in values}
        version = kept.get("version", 0, type=int)
    wanted = [each for each in form.fields if _may_apply(case, sheet, each, values)]
    return replace(form, fields=wanted, values=values, version=version, draft=drafts.line(case.complaint, form.name))


def _may_apply(case: Case, sheet: Sheet, of: Field, values: Mapping[str, Sequence[str]]) -> bool:
    """Could a field that has a condition be wanted? One on its own sheet changes while the form is filled in."""
    return (
        bool(values[of.key])
        or case.holds(of.when)
        or any(ref.startswith(f"{sheet.key}.") for each in of.when.any_of for ref in each)
    )


def _refused(sheet: Sheet, record: Record | None, names: Names, sent: Sent) -> dict[str, Any]:
    refusal = sent.refusal
    told: dict[str, Any] = {"refused": refusal.sentence}
    if isinstance(refusal, Incomplete):
        told["refused"] = Sentence(N_("“%(sheet)s” was not saved."), {"sheet": sheet.name})
        told["problems"] = {each.field: each.sentence for each in refusal.problems}
    elif isinstance(refusal, Refused):
        told["reasons"] = refusal.missing
    elif isinstance(refusal, StaleRecord) and record is not None:
        stale = refusal.values["fields"]
        told["newest"] = {
            each.key: names.text(each, record.values.get(each.key)) for each in sheet.fields if each.key in stale
        }
    return told


def condition(of: Field, sheet: Sheet, rules: Procedure) -> str:
    """When a field is wanted, in words: “Way” is Phone, Visit. Nothing for a field that always is."""
    ways = []
    for each in of.when.any_of:
        parts = []
        for ref, values in each.items():
            known = rules.sheet(ref.partition(".")[0])
            named = known.field(ref.partition(".")[2]) if known is not None and "." in ref else None
            words = listed(
                in_my_language(named.choices[value]) if named is not None and value in named.choices else value
                for value in values
            )
            name = guards.name_of(rules, ref)
            label = sentence(name) if isinstance(name, Sentence) else in_my_language(name)
            parts.append(gettext("“%(field)s” is %(values)s", field=label, values=words))
        ways.append(gettext(" and ").join(parts))
    return str(gettext(" or ")).join(ways)


def own_condition(when: When, sheet: Sheet) -> list[dict[str, list[str]]]:
    """The part of a condition that the form itself decides, for the script that hides what is not wanted."""
    own = [
        {ref.partition(".")[2]: list(values) for ref, values in each.items() if ref.startswith(f"{sheet.key}.")}
        for each in when.any_of
    ]
    return own if all(own) else []
