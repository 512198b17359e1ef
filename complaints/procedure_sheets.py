"""The records of a procedure and their fields: `[[sheet]]` and `[[sheet.field]]` of its file, read and checked."""

import re
from collections import Counter
from collections.abc import Collection
from typing import Any

from complaints import procedure_layout
from complaints.errors import N_
from complaints.procedure import COMPLAINT, INVESTIGATION, PEOPLE, Field, Sheet, Sum, View
from complaints.procedure_conditions import needs, when
from complaints.procedure_declared import YES_NO, Declared, Ref
from complaints.procedure_table import LINE_LIMIT, Table, printable, shown

KINDS = (
    "line", "text", "date", "time", "number", "count", "choice", "choices", "person", "people", "departments", "file",
    "files",
)  # fmt: skip
SEVERAL = ("choices", "people", "departments", "files")
PARTS = {"owner": "person", "due": "date", "done": "date", "result": "text", "proof": "files", "case": "line"}
"""The parts of a row that is a task or names a case kept elsewhere, with the type of their fields."""
FORM_NAMES = frozenset(
    {
        "version", "key", "stage", "back", "also", "csrf_token", "filled_by",
        "action", "attributes", "closest", "dataset", "elements", "id", "matches", "method", "reset", "submit",
    }
)  # fmt: skip
"""What the forms of the pages call their own inputs, and what scripts ask a form for: a field of that name would take
its place."""
ANCHORS = frozenset(
    {
        "class_reason", "clock", "composer", "departments", "linked_kind", "linked_number", "linked_reason",
        "linked_undone", "note", "procedure", "reason", "received_at", "sign", "to_departments", "to_users",
        "unlinked_reason",
    }
)  # fmt: skip
"""What places of a complaint's page are called that belong to no record."""
TEXT_LIMIT = 4_000


def sheet(table: Table, declared: Declared) -> Sheet:
    fields = table.tables("field")
    own = [each.raw.get("key") for each in fields]
    found = Sheet(
        key=table.key(taken=ANCHORS),
        name=table.name(),
        of=table.one("of", (COMPLAINT, INVESTIGATION), COMPLAINT) or COMPLAINT,
        fields=tuple(_field(each, declared, table.raw.get("key"), own) for each in fields),
        by=table.some("by", declared.who(), needed=True),
        stages=table.some("stages", declared.stages),
        many=table.flag("many"),
        stay=table.flag("stay"),
        per_round=table.flag("per_round"),
        carried=table.flag("carried"),
        numbered=table.text("numbered", ""),
        when=when(table, declared),
        needs=needs(table, declared),
        locked_by=table.one("locked_by", declared.signatures, ""),
        help=table.may_name("help"),
        view=_view(table, declared, table.raw.get("key")),
        internal=table.flag("internal"),
        sums=tuple(_sum(each, declared, table.raw.get("key")) for each in table.tables("sum")),
        each=table.one("each", declared.of_kind("departments"), ""),
    )
    table.once("field", fields)
    if not re.fullmatch("[A-Z0-9-]{0,10}", found.numbered):
        message = N_("should be at most ten capital letters, digits and -, not %(value)s")
        table.fault("numbered", message, value=shown(found.numbered))
    if found.stay and not found.many:
        table.fault("stay", N_("means nothing without many = true"))
    if found.carried and not found.per_round:
        table.fault("carried", N_("means nothing without per_round = true"))
    if found.each and not (found.many and [field.kind for field in found.fields].count("departments") == 1):
        message = N_("goes with many = true and one field of type = 'departments', which says whose row it is")
        table.fault("each", message)
    if found.many and any(field.fact for field in found.fields):
        table.fault("field", N_("a fact of the complaint cannot stand in a record with many rows"))
    _check_parts(table, found)
    table.end()
    return found


def _check_parts(table: Table, sheet: Sheet) -> None:
    if not sheet.fields:
        table.fault("field", N_("is missing; a record has fields [[sheet.field]]"))
    parts = Counter(field.part for field in sheet.fields if field.part)
    for part in (part for part, count in parts.items() if count > 1):
        table.fault("field", N_("there are several fields with part = '%(part)s'"), part=part)
    if "owner" in parts and "done" not in parts:
        message = N_("a record with an owner needs a field with part = 'done', else it stays a task for ever")
        table.fault("field", message)


def _field(table: Table, declared: Declared, sheet: object, own: Collection[Any]) -> Field:
    kind = table.one("type", (*KINDS, "yes_no"), "line") or "line"
    choices = table.names("choices", needed=kind in ("choice", "choices"))
    counts = [each for each in own if declared.refs.get(f"{sheet}.{each}", Ref("")).kind == "count"]
    field = Field(
        key=table.key(taken=FORM_NAMES),
        name=table.name(),
        kind="choice" if kind == "yes_no" else kind,
        required=table.flag("required"),
        when=when(table, declared),
        choices=YES_NO if kind == "yes_no" else choices,
        roles=table.some("roles", declared.roles),
        by=table.some("by", declared.who()),
        after=table.some("after", [each for each in own if isinstance(each, str)]),
        stages=table.some("stages", declared.stages),
        part=table.one("part", PARTS, ""),
        past=table.flag("past"),
        least=table.number("least", most=20) or 1,
        most=table.one("most", counts, ""),
        internal=table.flag("internal"),
        fact=table.flag("fact"),
        proposes=table.one("proposes_class", declared.classes, ""),
        help=table.may_name("help"),
        limit=table.number("limit", most=20_000) or (TEXT_LIMIT if kind == "text" else LINE_LIMIT),
    )
    fits = {
        "choices": kind in ("choice", "choices"), "roles": kind in PEOPLE, "past": kind == "date",
        "least": kind in SEVERAL, "most": kind == "count", "limit": kind in ("line", "text"),
        "part": PARTS.get(field.part, kind) == kind, "proposes_class": kind in ("choices", "yes_no"),
    }  # fmt: skip
    for key in (key for key, fit in fits.items() if key in table.raw and not fit):
        table.fault(key, N_("does not go with type = '%(type)s'"), type=printable(kind))
    if field.proposes and field.proposes == next(iter(declared.classes), ""):
        table.fault("proposes_class", N_("is the lightest class; only a heavier one can be proposed"))
    table.end()
    return field


def _sum(table: Table, declared: Declared, sheet: object) -> Sum:
    counts = [key for key, kind in declared.fields_of(sheet).items() if kind == "count"]
    said = [key for key in ("is", "at_most") if key in table.raw]
    if len(said) != 1:
        table.fault("", N_("should say exactly one of %(kinds)s"), kinds="is, at_most")
    total = table.one(said[0], counts) if said else ""
    found = Sum(table.some("of", counts, needed=True), total, at_most=said == ["at_most"])
    table.asked |= {"is", "at_most"}
    table.end()
    return found


def _view(table: Table, declared: Declared, sheet: object) -> View | None:
    inside = table.table("view", N_("a table"), "sheet.view")
    if "view" not in table.raw:
        return None
    return procedure_layout.view(inside, declared.fields_of(sheet), many=sheet in declared.rows)
