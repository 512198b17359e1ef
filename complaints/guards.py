"""Guards: what a procedure allows, and everything that stands in the way. Pure: decisions over a case.

Each answer lists all that is missing, with the field or record to go to, as sentences for any reader. A `step` says
what would mend it and so whose turn it is; see work.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from complaints.case import Case, filled
from complaints.errors import N_, Missing, Name, Sentence
from complaints.fields import REGISTER
from complaints.people import DEPARTMENT_ROLES, HOUSE, QUALITY, ROLES, Actor
from complaints.procedure import BY_OWNER, Field, Move, Need, Procedure, Sheet, SignatureRule, Stage, When
from complaints.signatures import Signature


@dataclass(frozen=True)
class RoleNames:
    """Role names as one text in the reader's language; what a procedure calls otherwise stands in `named`."""

    roles: tuple[str, ...]
    named: tuple[tuple[str, Name], ...] = ()

    @classmethod
    def of(cls, rules: Procedure, roles: Iterable[str]) -> "RoleNames":
        """The roles of a procedure's file by the names they have there, fields that name people among them."""
        roles, named = tuple(roles), []
        for role in roles:
            sheet, _, key = role.partition(".")
            if key and (found := rules.sheet(sheet)):
                named.append((role, found.field(key).name))
            elif role in rules.roles:
                named.append((role, rules.roles[role]))
        return cls(roles, tuple(named))

    def in_(self, locale: str) -> str:
        own = dict(self.named)
        names = (own.get(role) or ROLES[role] for role in self.roles)
        return ("、" if locale.startswith("zh") else ", ").join(name.in_(locale) for name in names)


INVESTIGATORS = RoleNames(tuple(role for role in HOUSE if role in QUALITY))


# Who


def holds_role(case: Case, by: Actor, roles: Iterable[str], *, departments: frozenset[int] | None = None) -> str | None:
    """The first of these roles that a person holds for this case; the system holds every role. A field that names
    people is a role of those whom it names. Where `departments` are asked it must be for one of them, else only
    department roles are for the responsible ones."""
    if by.id is None:
        return next(iter(roles), "")
    for role in roles:
        if "." in role and by.id in case.ids(role):
            return role
        if role in by.roles and _for_us(case, by, role, departments):
            return role
    return None


def _for_us(case: Case, by: Actor, role: str, departments: frozenset[int] | None) -> bool:
    if departments is not None:
        return bool(by.departments_as(role) & departments)
    return (
        role not in DEPARTMENT_ROLES or not case.rules.departments or bool(by.departments_as(role) & case.departments)
    )


def _only(case: Case, roles: tuple[str, ...]) -> Sentence:
    return Sentence(N_("only %(roles)s"), {"roles": RoleNames.of(case.rules, roles)})


# What a stage asks for


def lacking(case: Case, needs: Iterable[Need]) -> list[Missing]:
    """Everything of these needs that does not hold."""
    return [missing for need in needs for missing in _unmet(case, need)]


def _unmet(case: Case, need: Need) -> list[Missing]:
    if not case.holds(need.when) or (need.unless and case.has(need.unless)):
        return []
    found = list(_ways[need.kind](case, need))
    if found and need.say is not None:
        first = found[0]
        return [Missing(Sentence("%(what)s", {"what": need.say}), first.field, first.step)]
    return found


def _field_need(case: Case, need: Need) -> Iterator[Missing]:
    if not case.has(need.ref):
        yield _empty(case.rules, need.ref)


def _empty(rules: Procedure, ref: str) -> Missing:
    return Missing(Sentence(N_("%(field)s is missing"), {"field": name_of(rules, ref)}), _id(ref), _step(ref))


def _step(ref: str) -> str:
    sheet, _, key = ref.partition(".")
    return f"write:{sheet}" if key else "register"


def _id(ref: str) -> str:
    return ref.replace(".", "-")


def name_of(rules: Procedure, ref: str) -> Name | Sentence:
    """What a field is called: a word of ours for the register entry, the procedure's for its records."""
    sheet, _, key = ref.partition(".")
    if not key:
        return rules.entry.get(ref) or Sentence(REGISTER[ref])
    found = rules.sheet(sheet)
    assert found is not None  # the file was checked
    return found.field(key).name


def _sheet_need(case: Case, need: Need) -> Iterator[Missing]:
    sheet = case.rules.sheet(need.ref)
    assert sheet is not None
    if not case.holds(sheet.when):
        return
    record = case.records.get(sheet.key)
    if record is None:
        message = N_("“%(sheet)s” is not filled in yet")
        yield Missing(Sentence(message, {"sheet": sheet.name}), sheet.key, f"write:{sheet.key}")
    else:
        for field in incomplete(case, sheet, record.values):
            ref = f"{sheet.key}.{field.key}"
            yield Missing(wanting(field), _id(ref), _step(ref))


def wanting(field: Field) -> Sentence:
    """What a required field lacks."""
    if field.least > 1:
        return Sentence(N_("%(field)s: at least %(least)s are needed"), {"field": field.name, "least": field.least})
    return Sentence(N_("%(field)s is missing"), {"field": field.name})


def incomplete(case: Case, sheet: Sheet, values: Mapping[str, Any]) -> list[Field]:
    """The required fields that have nothing, or too little, in them."""
    found = [field for field in sheet.fields if field.required and not _enough(field, values.get(field.key))]
    row = {f"{sheet.key}.{field.key}": values.get(field.key) for field in sheet.fields} if found else {}
    return [field for field in found if case.holds(field.when, row)]


def _enough(field: Field, value: Any) -> bool:
    return filled(value) and (field.least == 1 or len(value) >= field.least)


def _rows_need(case: Case, need: Need) -> Iterator[Missing]:
    sheet = case.rules.sheet(need.ref)
    assert sheet is not None
    if sheet.each and not case.has(sheet.each):
        yield _empty(case.rules, sheet.each)
        return
    since = case.entered.get(need.since)
    found = [
        row.values
        for row in case.of_sheet(sheet)
        if (since is None or row.begun_at >= since)
        and _matches(row.values, need)
        and not incomplete(case, sheet, row.values)
    ]
    message = N_("“%(sheet)s” has no complete entry yet")
    if sheet.each and _without_row(case, sheet, found):
        message = N_("“%(sheet)s”: not every department has written its entry yet")
    elif len(found) >= need.least:
        return
    elif need.least > 1:
        message = N_("“%(sheet)s” needs %(least)s complete entries; it has %(found)s")
    values = {"sheet": sheet.name, "least": need.least, "found": len(found)}
    yield Missing(Sentence(message, values), sheet.key, f"write:{sheet.key}")


def departments_to_write(case: Case, sheet: Sheet) -> frozenset[int] | None:
    """The departments that have not yet written a whole row, where each writes its own."""
    whole = [row.values for row in case.of_sheet(sheet) if not incomplete(case, sheet, row.values)]
    return _without_row(case, sheet, whole) if sheet.each else None


def _without_row(case: Case, sheet: Sheet, rows: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    return frozenset(case.ids(sheet.each)).difference(*(whose(sheet, row) for row in rows))


def _matches(values: dict[str, Any], need: Need) -> bool:
    right = all(str(values.get(key) or "") in wanted for key, wanted in need.where.items())
    return right and all(filled(values.get(key)) for key in need.filled)


def _none_need(case: Case, need: Need) -> Iterator[Missing]:
    sheet = case.rules.sheet(need.ref)
    assert sheet is not None
    if any(_matches(row.values, need) for row in case.of_sheet(sheet)):
        message = N_("“%(sheet)s” has an open entry")
        yield Missing(Sentence(message, {"sheet": sheet.name}), sheet.key, f"write:{sheet.key}")


def _signature_need(case: Case, need: Need) -> Iterator[Missing]:
    rule = case.rules.signature(need.ref)
    assert rule is not None
    if not case.holds(rule.when):
        return
    if rule.each and not case.has(rule.each):
        yield _empty(case.rules, rule.each)
    elif rule.key not in case.signatures:
        names = {"signature": rule.name, "roles": RoleNames.of(case.rules, signers(case, rule))}
        message = N_("%(signature)s: not signed yet (%(roles)s)")
        yield Missing(Sentence(message, names), f"sign-{rule.key}", f"sign:{rule.key}")


def _value_need(case: Case, need: Need) -> Iterator[Missing]:
    if case.holds(When(({need.ref: need.values},))):
        return
    if not case.has(need.ref):
        yield _empty(case.rules, need.ref)
    else:
        name = name_of(case.rules, need.ref)
        other_class = need.ref == "complaint_class" and case.complaint.registered_at is not None
        step = f"class:{need.values[0]}" if other_class else _step(need.ref)
        yield Missing(Sentence(N_("%(field)s says something else"), {"field": name}), _id(need.ref), step)


def _notified_need(case: Case, _need: Need) -> Iterator[Missing]:
    if not case.notified:
        yield Missing(Sentence(N_("The departments concerned are not notified yet")), "departments", "register")


def _finished_need(case: Case, need: Need) -> Iterator[Missing]:
    rule = next(each for each in case.rules.opens if each.key == need.ref)
    cases = [each for each in case.opened.get(rule.procedure, ()) if not each.finished]
    if cases:  # their numbers are told only to who may see them
        message = N_(
            "“%(what)s”: what was opened is not closed yet; release it with a reason if it does not concern this one"
        )
        yield Missing(Sentence(message, {"what": cases[0].name}), "linked")


def _any_need(case: Case, need: Need) -> Iterator[Missing]:
    """One of these holds. A signature that is not asked for of this complaint is no way to meet it."""
    ways = [_unmet(case, each) for each in need.any_of if not _not_asked_for(case, each)]
    if ways and all(ways):
        yield from ways[0]


def _not_asked_for(case: Case, need: Need) -> bool:
    rule = case.rules.signature(need.ref) if need.kind == "signature" else None
    return rule is not None and not case.holds(rule.when)


_ways = {
    "field": _field_need, "sheet": _sheet_need, "rows": _rows_need, "none": _none_need, "signature": _signature_need,
    "value": _value_need, "notified": _notified_need, "finished": _finished_need, "any": _any_need,
}  # fmt: skip


# Moving


def way(case: Case, stage: Stage) -> Move | None:
    """The way to a stage that is open to this case; where only the conditions are wrong, the first."""
    ways = case.rules.ways(case.stage, stage.key, by_hand=True)
    return next((move for move in ways if case.holds(move.when)), ways[0] if ways else None)


def against_move(case: Case, stage: Stage, by: Actor) -> list[Missing]:
    """Everything that keeps a complaint from going to a stage; empty when it may.

    On a way on, what let it into the stages before must still hold: a signature that was voided is asked for again."""
    move = way(case, stage)
    if move is None:
        return [Missing(no_way(case, stage))]
    found: list[Missing] = []
    if not case.holds(move.when):
        found.append(Missing(_wrong_way(case, stage, move)))
    if holds_role(case, by, move.by) is None:
        who = _only(case, move.by)
        found.append(Missing(Sentence(N_("Your role may not move it here: %(who)s"), {"who": who})))
    return found + lacking(case, asked_by(case, move))


def asked_by(case: Case, move: Move) -> list[Need]:
    """What a way asks: its own needs, and on a way on those of the stage and of all that lie behind."""
    return list(move.needs) if move.back else _asked_onward(case.rules, move, case.visited)


@lru_cache(maxsize=512)
def _asked_onward(rules: Procedure, move: Move, visited: frozenset[str]) -> list[Need]:
    target = rules.stage(move.to)
    behind = [
        need
        for stage in rules.stages
        if stage.key in visited and stage.position < target.position
        for need in stage.needs
    ]
    asked = [*behind, *target.needs, *move.needs]
    return [need for position, need in enumerate(asked) if need not in asked[:position]]


def no_way(case: Case, stage: Stage) -> Sentence:
    rules, here = case.rules, case.rules.stage(case.stage)
    if not stage.from_:
        return Sentence(N_("A complaint begins in %(stage)s and never goes back there"), {"stage": stage.name})
    onward = list(dict.fromkeys(move.to for move in rules.onward(here.key) if case.holds(move.when)))
    if len(onward) == 1:
        return Sentence(
            N_("From %(here)s it goes to %(next)s"), {"here": here.name, "next": rules.stage(onward[0]).name}
        )
    return Sentence(N_("There is no way from %(here)s to %(stage)s"), {"here": here.name, "stage": stage.name})


def _wrong_way(case: Case, stage: Stage, move: Move) -> Sentence:
    refs = {ref for alternative in move.when.any_of for ref in alternative}
    ref = min(refs)
    return Sentence(
        N_("The way to %(stage)s depends on “%(field)s”, which says something else"),
        {"stage": stage.name, "field": name_of(case.rules, ref)},
    )


# Writing


def against_sheet(case: Case, sheet: Sheet, by: Actor, *, own_row: bool = False) -> list[Missing]:
    """What keeps a person from writing in a record at all."""
    found: list[Missing] = []
    if holds_role(case, by, writers(sheet), departments=_writing(case, sheet)) is None and not own_row:
        found.append(Missing(Sentence(N_("Your role may not write here: %(who)s"), {"who": _only(case, sheet.by)})))
    if not case.holds(sheet.when):
        message = N_("“%(sheet)s” does not apply to this complaint as it is")
        found.append(Missing(Sentence(message, {"sheet": sheet.name}), sheet.key))
    if not open_in(case, sheet):
        found.append(Missing(_closed_here(case, sheet.name)))
    if sheet.locked_by and sheet.locked_by in case.signatures:
        rule = case.rules.signature(sheet.locked_by)
        assert rule is not None
        message = N_("“%(sheet)s” cannot change any more: %(signature)s is signed")
        found.append(Missing(Sentence(message, {"sheet": sheet.name, "signature": rule.name})))
    return found + lacking(case, sheet.needs)


def _writing(case: Case, sheet: Sheet) -> frozenset[int] | None:
    """The departments whose people write in a record, where each writes its own row."""
    return frozenset(case.ids(sheet.each)) if sheet.each else None


def not_theirs(case: Case, sheet: Sheet, by: Actor, values: Mapping[str, Any]) -> frozenset[int]:
    """The departments whose row it is, where each writes its own, and for which this person does not write. Whom a
    field names writes for all."""
    roles = writers(sheet)
    if not sheet.each or by.id is None or any("." in role and by.id in case.ids(role) for role in roles):
        return frozenset()
    return whose(sheet, values) - {department for role in roles for department in by.departments_as(role)}


def whose(sheet: Sheet, values: Mapping[str, Any]) -> frozenset[int]:
    """The departments that a row names as its own."""
    own = next((field.key for field in sheet.fields if field.kind == "departments"), "")
    return frozenset(values.get(own) or ())


def writers(sheet: Sheet) -> tuple[str, ...]:
    """The roles that write in a record, or in some field of it."""
    return tuple(dict.fromkeys((*sheet.by, *(role for field in sheet.fields for role in field.by))))


def open_in(case: Case, sheet: Sheet) -> bool:
    """May anything of a record be written in the stage where the complaint is?"""
    if case.rules.stage(case.stage).off_board:
        return False
    stages = {stage for field in sheet.fields for stage in field.stages} | {*sheet.stages}
    return not sheet.stages or case.stage in stages


def _closed_here(case: Case, name: Name) -> Sentence:
    here = case.rules.stage(case.stage).name
    return Sentence(N_("“%(field)s” is not written in the stage %(stage)s"), {"field": name, "stage": here})


def writable(case: Case, sheet: Sheet, by: Actor, *, own_row: bool = False) -> frozenset[str]:
    """The fields that a person may fill in now; whoever owns a row says when it is done and with what."""
    if not open_in(case, sheet) or not case.holds(sheet.when) or lacking(case, sheet.needs):
        return frozenset()
    if sheet.locked_by and sheet.locked_by in case.signatures:
        return frozenset()
    of = _writing(case, sheet)
    return frozenset(
        field.key
        for field in sheet.fields
        if (
            holds_role(case, by, field.by or sheet.by, departments=of) is not None
            or (own_row and field.part in BY_OWNER)
        )
        and (not (stages := field.stages or sheet.stages) or case.stage in stages)
    )


# Signing


def signers(case: Case, rule: SignatureRule) -> tuple[str, ...]:
    """The roles that may give a signature on a complaint of this class."""
    return rule.by_class.get(case.complaint.complaint_class or "", rule.by)


def departments_asked(case: Case, rule: SignatureRule) -> frozenset[int] | None:
    """The departments of which one must be the signer's, where each signs for itself."""
    return case.still_to_sign(rule) if rule.each else None


def applies(case: Case, rule: SignatureRule) -> bool:
    """Is this signature asked for here and now?"""
    return case.stage in rule.stages and case.holds(rule.when)


def before_signature(case: Case, rule: SignatureRule) -> list[Missing]:
    """What must be done before anybody can sign."""
    found: list[Missing] = []
    for key in rule.after:
        earlier = case.rules.signature(key)
        assert earlier is not None
        if case.holds(earlier.when) and key not in case.signatures:
            message = N_("%(signature)s comes first")
            found.append(Missing(Sentence(message, {"signature": earlier.name}), f"sign-{key}", f"sign:{key}"))
    return found + lacking(case, rule.needs)


def against_signature(case: Case, rule: SignatureRule, by: Actor) -> list[Missing]:
    """Everything that keeps a person from signing; empty when they may."""
    found: list[Missing] = []
    if not applies(case, rule):
        here = case.rules.stage(case.stage).name
        message = N_("%(signature)s is not asked for in the stage %(stage)s as the complaint is")
        found.append(Missing(Sentence(message, {"signature": rule.name, "stage": here})))
    if rule.key in case.signatures:
        found.append(Missing(Sentence(N_("%(signature)s is signed already"), {"signature": rule.name})))
    if back := unchanged(case, rule):
        message = N_("%(signature)s was returned (“%(remark)s”), and what it covers has not changed since")
        ref = rule.covers[0]
        step = f"write:{ref}" if case.rules.sheet(ref) else _step(ref)
        found.append(Missing(Sentence(message, {"signature": rule.name, "remark": back.remark}), _id(ref), step))
    roles = signers(case, rule)
    if holds_role(case, by, roles, departments=departments_asked(case, rule)) is None:
        message = N_("Your role may not sign this: %(who)s")
        if rule.each and by.roles & {*roles}:
            message = N_("Your department is not asked to sign this, or has signed: %(who)s")
        found.append(Missing(Sentence(message, {"who": _only(case, roles)})))
    if own := _own_work(case, rule, by):
        found.append(Missing(own))
    if by.departments & barred_departments(case, rule):
        message = N_("Your department carries out the measures, so somebody of another department signs here")
        found.append(Missing(Sentence(message)))
    return found + before_signature(case, rule)


def unchanged(case: Case, rule: SignatureRule) -> Signature | None:
    """The last return of a signature, where nobody has changed since what it covers. Where the return went a way, or
    undid what was signed before, the work waits there."""
    back = case.returned.get(rule.key)
    waits = back is not None and rule.covers and not (rule.voids or rule.return_by)
    return back if back is not None and waits and back.digest == case.content(rule) else None


def _own_work(case: Case, rule: SignatureRule, by: Actor) -> Sentence | None:
    """Nobody approves or confirms their own work."""
    for key in rule.not_by:
        if by.id not in _doers(case, key):
            continue
        if "." in key:
            return Sentence(
                N_("You are named in “%(work)s” yourself; somebody else signs here"), {"work": name_of(case.rules, key)}
            )
        if (sheet := case.rules.sheet(key)) is not None:
            return Sentence(N_("You wrote in “%(work)s” yourself; somebody else signs here"), {"work": sheet.name})
        if (earlier := case.rules.signature(key)) is not None:
            return Sentence(N_("You signed “%(work)s” yourself; somebody else signs here"), {"work": earlier.name})
    return None


def _doers(case: Case, key: str) -> set[int]:
    """Whose own work something is: who is named in a field, who wrote in a record, who gave a signature."""
    if "." in key:
        return case.ids(key)
    if case.rules.sheet(key) is not None:
        return case.writers(key)
    return {each.user_id for each in case.given if each.key == key and each.user_id is not None}


def barred_people(case: Case, rule: SignatureRule) -> set[int]:
    """The people who may not give a signature, whatever their role, because it is about their own work."""
    return {user for key in rule.not_by for user in _doers(case, key)}


def barred_departments(case: Case, rule: SignatureRule) -> frozenset[int]:
    """The departments whose people may not give a signature."""
    return case.departments if rule.not_department else frozenset()
