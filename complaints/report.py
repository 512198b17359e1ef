"""The report of a complaint, as its procedure lays it out over the records: part by part what is filled in, what lacks,
and who signed. Pure: values over a case, for the page and for paper alike.

`parts` is the whole report. In the edition for the customer nothing is left of what is `internal`; an edition names
people, departments and files by their ids, as the records do, and whoever shows it gives them their names.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from complaints import guards, turns, work
from complaints.case import Case, filled
from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS
from complaints.errors import Name, Sentence
from complaints.papers import Paper
from complaints.people import Actor
from complaints.procedure import Field, Part, Procedure, Sheet, SignatureRule
from complaints.procedure_layout import FACTS
from complaints.records import Record
from complaints.signatures import Signature
from complaints.work import Task

Edition = Literal["internal", "customer"]
INTERNAL: Edition = "internal"
CUSTOMER: Edition = "customer"
DONE, YOURS, OPEN, LATER = "done", "yours", "open", "later"
"""States of a part and of a signature: done; waiting for the reader; begun, or waiting for the signature of others; not
begun, though it may be asked for already."""


@dataclass(frozen=True)
class Shown:
    """A value that the report only shows. `of` is the field of a record; without one it is a fact or a field of the
    register entry, of which `choices` gives the names of its values."""

    ref: str
    name: Name | Sentence
    value: Any
    of: Field | None = None
    choices: Mapping[str, Name] | None = None

    @property
    def filled(self) -> bool:
        return filled(self.value)


@dataclass(frozen=True)
class Block:
    """A record in a part: the fields that this edition shows of it, and the records themselves, one or its rows."""

    sheet: Sheet
    fields: tuple[Field, ...]
    records: tuple[Record, ...]
    lacking: tuple[Field, ...] = ()
    """What is required and not there, of any of the records; of one that is asked for and not begun, all of it."""

    @property
    def filled(self) -> bool:
        return any(filled(each.values.get(field.key)) for each in self.records for field in self.fields)

    @property
    def columns(self) -> tuple[Field, ...]:
        """The fields in which any row has something; those that a row always has, in any case."""
        return tuple(
            field
            for field in self.fields
            if field.required or any(filled(each.values.get(field.key)) for each in self.records)
        )

    @property
    def counts(self) -> tuple[Field, ...]:
        """The fields that can be summed up."""
        return tuple(field for field in self.fields if field.kind == "count")

    def total(self, field: Field, of: Iterable[Record] | None = None) -> int:
        return sum(each.values.get(field.key) or 0 for each in (self.records if of is None else of))

    @property
    def groups(self) -> list[tuple[str, list[Record]]]:
        """The rows by the choice that the view of the record groups them by, in the order of the choices; `""` for
        rows without one. Rows keep their order."""
        by = self.sheet.view.by if self.sheet.view else ""
        if not by:
            return [("", list(self.records))] if self.records else []
        order = [*self.sheet.field(by).choices, ""]

        def place(record: Record) -> int:
            value = record.values.get(by) or ""
            return order.index(value) if value in order else len(order) - 1

        return [(order[at], list(rows)) for at, rows in groupby(sorted(self.records, key=place), key=place)]


@dataclass(frozen=True)
class Signed:
    """A signature that belongs to a part. `signature` is the one that stands."""

    rule: SignatureRule
    state: str
    signature: Signature | None


@dataclass(frozen=True)
class Section:
    """A part of the report for one complaint."""

    part: Part
    shown: tuple[Shown, ...]
    blocks: tuple[Block, ...]
    signed: tuple[Signed, ...]
    state: str

    @property
    def empty(self) -> bool:
        """Is nothing written here that the part is for? Values that it only shows do not count."""
        if self.blocks or self.signed:
            return not any(block.filled for block in self.blocks) and all(
                each.signature is None for each in self.signed
            )
        return not any(each.filled for each in self.shown)

    @property
    def lacking(self) -> list[Field]:
        return [field for block in self.blocks for field in block.lacking]


def paper_of(rules: Procedure) -> Paper | None:
    """The paper that the report is printed as, if the procedure has one."""
    return next((paper for paper in rules.papers if any(section.parts for section in paper.sections)), None)


def parts(
    case: Case, entered: Mapping[str, Any], *, edition: Edition = INTERNAL, by: Actor | None = None
) -> list[Section]:
    """The report of a complaint in its present round. `entered` is its register entry (`registration.entry_of`), `by`
    the reader, for whom a signature may wait. Empty where the procedure lays out none."""
    tasks = turns.tasks(case) if case.rules.parts else []
    return [_section(case, part, entered, tasks, edition, by) for part in case.rules.parts]


def is_done(case: Case, key: str) -> bool:
    """Is a part of the report done, as its page shows it?"""
    return any(each.part.key == key and each.state == DONE for each in parts(case, {}))


def _section(
    case: Case, part: Part, entered: Mapping[str, Any], tasks: Sequence[Task], edition: Edition, by: Actor | None
) -> Section:
    shown = [_shown(case, ref, entered) for ref in part.shows if edition == INTERNAL or not _internal(case.rules, ref)]
    blocks = [block for block in _blocks(case, part, tasks, edition) if block.fields]
    rules = [rule for key in part.signatures if (rule := case.rules.signature(key)) is not None]
    signed = [
        _signed(case, rule, tasks, by)
        for rule in rules
        if rule.key in case.signatures or case.holds(rule.when)
    ]  # fmt: skip
    return Section(part, tuple(shown), tuple(blocks), tuple(signed), _state(case, blocks, signed, shown, tasks))


def _internal(rules: Procedure, ref: str) -> bool:
    sheet, _, key = ref.partition(".")
    found = rules.sheet(sheet) if key else None
    return found is not None and (found.internal or found.field(key).internal)


def _shown(case: Case, ref: str, entered: Mapping[str, Any]) -> Shown:
    sheet, _, key = ref.partition(".")
    if key and (found := case.rules.sheet(sheet)) is not None:
        field = found.field(key)
        return Shown(ref, field.name, case.value(ref), field)
    if ref in FACTS:
        return Shown(ref, Sentence(FACTS[ref]), getattr(case.complaint, ref))
    lists = {
        "complaint_class": case.rules.classes, "channel": CHANNELS, "cause_type": CAUSE_TYPES, "link": LINKS,
    }  # fmt: skip
    return Shown(ref, guards.name_of(case.rules, ref), entered.get(ref), None, lists.get(ref))


def _blocks(case: Case, part: Part, tasks: Sequence[Task], edition: Edition) -> Iterable[Block]:
    """Single fields first, those of a record together; then whole records."""
    single: dict[str, list[str]] = {}
    for ref in part.fields:
        single.setdefault(ref.partition(".")[0], []).append(ref.partition(".")[2])
    for key, wanted in (*single.items(), *((key, None) for key in part.sheets)):
        sheet = case.rules.sheet(key)
        if sheet is None or (edition == CUSTOMER and sheet.internal):
            continue
        kept = case.of_sheet(sheet)
        if not kept and not case.holds(sheet.when):
            continue
        fields = tuple(
            field
            for field in sheet.fields
            if (wanted is None or field.key in wanted) and not (edition == CUSTOMER and field.internal)
        )
        asked = any(task.kind == work.WRITE and task.key == key for task in tasks)
        yield Block(sheet, fields, kept, _lacking(case, sheet, fields, kept, asked=asked))


def _lacking(
    case: Case, sheet: Sheet, fields: tuple[Field, ...], kept: tuple[Record, ...], *, asked: bool
) -> tuple[Field, ...]:
    values = [record.values for record in kept] or ([{}] if asked else [])
    missing = {field.key for each in values for field in guards.incomplete(case, sheet, each)}
    return tuple(field for field in fields if field.key in missing)


def _signed(case: Case, rule: SignatureRule, tasks: Sequence[Task], by: Actor | None) -> Signed:
    if (signature := case.signatures.get(rule.key)) is not None:
        return Signed(rule, DONE, signature)
    if by is not None and guards.applies(case, rule) and not guards.against_signature(case, rule, by):
        return Signed(rule, YOURS, None)
    waits = any(task.kind == work.SIGN and task.key == rule.key for task in tasks)
    return Signed(rule, OPEN if waits else LATER, None)


def _state(
    case: Case, blocks: Sequence[Block], signed: Sequence[Signed], shown: Sequence[Shown], tasks: Sequence[Task]
) -> str:
    """Done is a part in which something stands, nothing lacks, and every signature is given."""
    if any(each.state == YOURS for each in signed):
        return YOURS
    here = {block.sheet.key for block in blocks}
    waits = any(task.kind in (work.WRITE, work.ROW) and task.key.partition(":")[0] in here for task in tasks)
    begun = any(block.filled for block in blocks) or any(each.state == DONE for each in signed)
    if not blocks and not signed:
        begun = any(each.filled for each in shown)
    lacks = any(block.lacking for block in blocks) or any(each.state != DONE for each in signed)
    if begun and not lacks and not waits:
        return DONE
    return OPEN if begun or any(each.state == OPEN for each in signed) else LATER
