"""What is written on a shared investigation counts for every complaint of it: when one that has gone on holds a record
back. Pure: decisions over cases, like guards.py. Who joins whom: joining.py; which round each is in: rounds.py."""

from collections.abc import Iterable, Set

from complaints import guards
from complaints.case import Case
from complaints.errors import N_, Missing, Sentence
from complaints.procedure import INVESTIGATION, Sheet, SignatureRule, Stage


def held_back(case: Case, sheet: Sheet, fields: Iterable[str], joined: Iterable[Case]) -> list[Missing]:
    """What is written on an investigation counts for every complaint that shares it: one that stands on the board
    behind the stages in which these fields are written may have gone on with what they say. Where a signer wants it
    changed, it changes."""
    fields = [*fields]
    refs = {sheet.key, *(f"{sheet.key}.{key}" for key in fields)}
    written = [sheet.field(key).stages or sheet.stages for key in fields]
    ends = [max(map(case.rules.stage, stages), key=_place) for stages in written if stages]
    last = min(ends, key=_place, default=None)
    wanted = any(refs & {*rule.covers} for rule in _shared(case) if rule.key in case.returned)
    if last is None or wanted:
        return []
    message = N_("%(number)s shares this investigation and has gone on to %(stage)s with what “%(sheet)s” says")
    found = []
    for other in joined:
        stage = case.rules.stage(other.stage)
        behind = last.position < stage.position and not (stage.final or stage.off_board)
        if behind and _relies(other, case, sheet, refs, last):
            values = {"number": other.complaint.number, "stage": stage.name, "sheet": sheet.name}
            found.append(Missing(Sentence(message, values), sheet.key))
    return found


def _relies(other: Case, case: Case, sheet: Sheet, refs: Set[str], last: Stage) -> bool:
    """Has a complaint gone on for good with what is written in no stage after `last`? With what is signed it has, in
    whatever round; with what nobody has signed yet, unless it may still be sent back there. It relies on nothing any
    more when a signature fell with which it came."""
    signed = [rule for rule in _shared(other) if rule.key in other.signatures]
    covered = any(refs & {*rule.covers} for rule in signed)
    if other.complaint.round != case.complaint.round:
        return covered and not sheet.per_round
    if _lost(other):
        return False
    after = any(other.rules.stage(stage).position > last.position for rule in signed for stage in rule.stages[:1])
    return covered or after or not _leads_back(other, last)


def _place(stage: Stage) -> int:
    return stage.position


def _shared(case: Case) -> list[SignatureRule]:
    return [rule for rule in case.rules.signatures if rule.of == INVESTIGATION]


def _lost(case: Case) -> bool:
    """Does a signature of the investigation not stand with which a complaint came where it is, and that nobody can
    give there?"""
    elsewhere = {rule.key for rule in _shared(case) if case.stage not in rule.stages}
    ways = [move for move in case.rules.moves if move.to == case.stage and not move.back and case.holds(move.when)]
    asked = [[need for need in guards.asked_by(case, move) if need.kind == "signature"] for move in ways]
    return all(guards.lacking(case, [need for need in needs if need.ref in elsewhere]) for needs in asked)


def _leads_back(case: Case, stage: Stage) -> bool:
    """May somebody send a complaint back to a stage without beginning a round?"""
    ways = case.rules.ways(case.stage, stage.key, by_hand=True)
    return any(move.back and not move.new_round and case.holds(move.when) for move in ways)
