"""Whose turn it is: what waits on a case as it stands, and for whom. Pure: decisions over a case, like guards.py."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from complaints import classes, guards, row_clocks
from complaints.case import Case, filled
from complaints.errors import Missing
from complaints.guards import signers
from complaints.happened import has_happened
from complaints.people import DEPARTMENT_ROLES
from complaints.procedure import ClockRule, Move, Need, Procedure, Sheet, SignatureRule
from complaints.work import CLASSIFY, ENTRY, MOVE, REGISTER, ROW, SIGN, WRITE, Task, bar


def tasks(case: Case) -> list[Task]:
    """What waits on a case as it stands, for whom."""
    if case.rules.stage(case.stage).off_board:
        return []
    ways = _towards_the_next, _off_the_board, _of_class, _begun_signatures, _promised, _answers, _owned_rows
    return list(dict.fromkeys(task for way in ways for task in way(case)))


def lacking_in(case: Case) -> dict[str, list[Missing]]:
    """What the next stage still asks of each record, by the key of its sheet."""
    found: dict[str, list[Missing]] = {}
    for move in _next(case):
        for each in guards.lacking(case, guards.asked_by(case, move)):
            kind, _, key = each.step.partition(":")
            if kind == WRITE:
                found.setdefault(key, []).append(each)
    return found


def _next(case: Case) -> list[Move]:
    ways = list(case.rules.onward(case.stage))
    return [move for move in ways if case.holds(move.when)][-1:] or ways[:1]


def _towards_the_next(case: Case) -> Iterator[Task]:
    for move in _next(case):
        missing = guards.lacking(case, guards.asked_by(case, move))
        if not missing:
            register = case.rules.stage(move.to).register
            yield from _for(case, REGISTER if register else MOVE, move.to, move.by)
        for step in dict.fromkeys(each.step for each in missing):
            yield from _step(case, step, move)


def _off_the_board(case: Case) -> Iterator[Task]:
    """A way off the board that asks for something waits to be gone once all of it is there."""
    for outcome in case.rules.outcomes:
        open_here = case.stage in outcome.from_ and any(case.holds(need.when) for need in outcome.needs)
        if open_here and not guards.lacking(case, outcome.needs):
            yield from _for(case, MOVE, outcome.key, outcome.moved_in_by)


def _step(case: Case, step: str, move: Move) -> Iterator[Task]:
    kind, _, key = step.partition(":")
    if kind == REGISTER and case.rules.register_stage.key not in case.visited:
        yield from _for(case, REGISTER, move.to, move.by)
    elif kind == REGISTER:
        writers = case.rules.register_stage.moved_in_by
        yield from _for(case, ENTRY, "", [each for each in writers if each in move.by] or writers)
    elif kind == CLASSIFY:
        yield from _for(case, CLASSIFY, key, classes.raisers(case.rules))
    elif kind == WRITE and (sheet := case.rules.sheet(key)) is not None:
        yield from _for(case, WRITE, key, _whose_turn(case, sheet), guards.departments_to_write(case, sheet))
    elif kind == SIGN and (rule := case.rules.signature(key)) is not None:
        before = guards.before_signature(case, rule)
        if not before:
            yield from _to_sign(case, rule)
        for earlier in dict.fromkeys(each.step for each in before if each.step.startswith(WRITE)):
            yield from _step(case, earlier, move)


def _of_class(case: Case) -> Iterator[Task]:
    """A class that is proposed waits to be decided on; that of a draft is decided by registering it."""
    if case.rules.register_stage.key in case.visited and (proposal := classes.proposed(case)):
        yield from _for(case, CLASSIFY, proposal.complaint_class, classes.raisers(case.rules))


def _whose_turn(case: Case, sheet: Sheet) -> tuple[str, ...]:
    """Who writes next in a record: of one that waits for an answer, who answers."""
    return next(_awaited(case, sheet), sheet.by)


def _awaited(case: Case, sheet: Sheet) -> Iterator[tuple[str, ...]]:
    """Who is to answer what stands in a record: whoever fills in what not every writer of it may fill in."""
    for record in case.of_sheet(sheet):
        row = {f"{sheet.key}.{key}": value for key, value in record.values.items()}
        for field in sheet.fields:
            answers = field.by and not field.part and not {*sheet.by} <= {*field.by}
            if answers and not filled(record.values.get(field.key)) and case.holds(field.when, row):
                yield field.by


def _answers(case: Case) -> Iterator[Task]:
    """Rows wait for their answer wherever the complaint stands, as long as it may be written."""
    for sheet in case.rules.sheets:
        if sheet.many and guards.open_in(case, sheet):
            for roles in _awaited(case, sheet):
                yield from _for(case, WRITE, sheet.key, roles)


def _begun_signatures(case: Case) -> Iterator[Task]:
    """Signatures wait, on the way to the next stage or off it, when what they cover has been begun, all that comes
    first is done, and something still asks for them."""
    for rule in case.rules.signatures:
        begun = any(case.of_sheet(sheet) for sheet in case.rules.covered(rule))
        missing = rule.key not in case.signatures and (not rule.each or case.has(rule.each))
        asked_for = begun and missing and guards.applies(case, rule) and _asked_for(case, rule)
        if asked_for and not guards.before_signature(case, rule):
            yield from _to_sign(case, rule)


def _promised(case: Case) -> Iterator[Task]:
    """A record that stops a clock waits as long as that runs, wherever it may be written; where others come first,
    those do."""
    over = case.rules.stage(case.stage).final
    running = [] if over else [each for each in case.rules.clocks if case.holds(each.when)]
    for rule in running:
        yield from _promised_rows(case, rule)
    ends = [end for rule in running if not rule.each and has_happened(case, rule.starts) for end in rule.stops]
    for kind, _, ref in (end.partition(":") for end in dict.fromkeys(ends) if not has_happened(case, end)):
        sheet = case.rules.sheet(ref.partition(".")[0]) if kind in ("written", "filled") else None
        if sheet is not None and guards.open_in(case, sheet) and case.holds(sheet.when):
            for each in _to_write_first(case, sheet):
                yield from _for(case, WRITE, each.key, _whose_turn(case, each))


def _promised_rows(case: Case, rule: ClockRule) -> Iterator[Task]:
    """Each row whose clock runs waits for itself."""
    sheet = case.rules.sheet(rule.each)
    if sheet is not None and guards.open_in(case, sheet):
        roles = sheet.field(rule.stops[0].rpartition(".")[2]).by or sheet.by
        for row in row_clocks.owed(case, rule):
            due_on = date.fromisoformat(row_clocks.until(rule, row)[: len("2026-11-16")])
            for task in _for(case, WRITE, f"{sheet.key}:{row.place}", roles):
                yield task._replace(due_on=due_on)


def _to_write_first(case: Case, sheet: Sheet) -> list[Sheet]:
    missing = guards.lacking(case, sheet.needs)
    steps = dict.fromkeys(each.step.partition(":") for each in missing)
    return [each for kind, _, key in steps if kind == WRITE and (each := case.rules.sheet(key))] if missing else [sheet]


def _asked_for(case: Case, rule: SignatureRule) -> bool:
    """Does something still lack a signature, or is it given for its own sake?"""
    needs = _asking(case.rules, rule.key)
    return not needs or bool(guards.lacking(case, needs))


@lru_cache
def _asking(rules: Procedure, signature: str) -> tuple[Need, ...]:
    """Everything that asks for a signature, alone or among other things that would do."""
    return tuple(
        need
        for each in (*rules.stages, *rules.outcomes, *rules.moves, *rules.sheets, *rules.signatures)
        for need in each.needs  # type: ignore[attr-defined]  # all of these have needs
        if any(wanted.kind == "signature" and wanted.ref == signature for wanted in (need, *need.any_of))
    )


def _to_sign(case: Case, rule: SignatureRule) -> Iterator[Task]:
    """A signature waits for who may give it; one that was returned waits for another hand in what it covers."""
    if again := _to_change(case, rule):
        for sheet in again:
            yield from _for(case, WRITE, sheet.key, sheet.by)
    else:
        departments = guards.departments_asked(case, rule)
        people, others = guards.barred_people(case, rule), guards.barred_departments(case, rule)
        yield from _for(case, SIGN, rule.key, signers(case, rule), departments, but=people, of=others)


def _to_change(case: Case, rule: SignatureRule) -> list[Sheet]:
    """The records that are to be changed before somebody signs what was returned."""
    if guards.unchanged(case, rule) is None:
        return []
    return [each for each in case.rules.covered(rule) if case.of_sheet(each) and guards.open_in(case, each)]


def _for(
    case: Case,
    kind: str,
    key: str,
    roles: Sequence[str],
    departments: frozenset[int] | None = None,
    *,
    but: Collection[int] = (),
    of: Collection[int] = (),
) -> Iterator[Task]:
    """A task for the first of some roles. The members of a department come after its head; and where some people may
    not do it (`but`), or nobody `of` some departments, it may be that nobody else holds that role, so the other roles
    come after it, as its queue comes after whoever is named. Whoever is named in a department comes first there."""
    first, barred = roles[0], bar(but, of)
    task = Task(kind, key, barred=barred)
    ahead: list[Task] = []
    in_turn = [ahead]
    for role in roles if barred else [each for each in roles if each == first or {each, first} <= DEPARTMENT_ROLES]:
        asked = case.departments if departments is None and role in DEPARTMENT_ROLES else departments
        queue = [task._replace(role=role)]
        if "." in role:
            queue = [task._replace(user_id=each) for each in sorted(case.ids(role).difference(but))]
        elif asked:
            named_there = {each: _named_in(case, each, roles, but) for each in sorted(asked)}
            ahead += [task._replace(**named, department_id=each) for each, named in named_there.items() if named]
            left = [each for each, named in named_there.items() if barred or not named]
            queue = [task._replace(role=role, department_id=each) for each in left]
        elif (named := case.named(role)) is not None:
            in_turn.append([task._replace(role=role, user_id=named)] if named not in but else [])
            queue = queue if barred else []
        in_turn.append(queue)
    for turn, tasks in enumerate(each for each in in_turn if each):
        yield from (each._replace(turn=turn) for each in dict.fromkeys(tasks))


def _named_in(case: Case, department: int, roles: Sequence[str], but: Collection[int]) -> dict[str, Any]:
    """Whoever is named in a department, where they may do what some roles may."""
    role, user = case.named_in(department) or ("", 0)
    return {"role": role, "user_id": user} if role in roles and user not in but else {}


def _owned_rows(case: Case) -> Iterator[Task]:
    """Rows with an owner wait for them, from the stage on in which they are to be done."""
    for sheet in case.rules.sheets:
        done = sheet.part("done")
        if done is None or not sheet.part("owner"):
            continue
        stages = sheet.field(done).stages or sheet.stages
        if case.stage in stages:
            for row in case.of_sheet(sheet):
                if row.owner_id and row.done_on is None:
                    yield Task(ROW, f"{sheet.key}:{row.place}", "", row.owner_id, None, row.due_on)
