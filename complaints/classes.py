"""The class of a complaint: which is heavier, who may change it once it is registered, which one the records propose.

A field of a record may propose a class by a tick or a yes. The proposal stands while the complaint has a lighter class
and the field says so, until somebody signs what covers both: they saw it and left the class as it is.
"""

from dataclasses import dataclass
from typing import Any

from complaints.case import Case
from complaints.people import Actor
from complaints.procedure import Field, Procedure, Sheet

CLASS = "complaint_class"
"""The field of the register entry."""


@dataclass(frozen=True)
class Proposal:
    """A class that records propose; `because` of these fields, with what they say."""

    complaint_class: str
    because: tuple[tuple[Sheet, Field, Any], ...]


def heavier(rules: Procedure, one: str | None, than: str | None) -> bool:
    """Classes stand in the procedure from the lightest to the heaviest; none is lighter than any."""
    rank = [None, *rules.classes]
    return one in rank and rank.index(one) > (rank.index(than) if than in rank else 0)


def raisers(rules: Procedure) -> tuple[str, ...]:
    """The roles that may raise the class of a registered complaint; the first decides on what is proposed."""
    return rules.raised_by or rules.register_stage.moved_in_by


def may_raise(rules: Procedure, by: Actor) -> bool:
    return by.id is None or bool(by.roles & {*raisers(rules)})


def may_lower(rules: Procedure, by: Actor) -> bool:
    return by.id is None or not rules.lowered_by or bool(by.roles & {*rules.lowered_by})


def proposed(case: Case) -> Proposal | None:
    """The heaviest class that is proposed and not decided on."""
    stage = case.rules.stage(case.stage)
    if stage.final or stage.off_board:
        return None
    found = [
        (sheet, field, record.values.get(field.key))
        for sheet, field in case.rules.proposing
        if heavier(case.rules, field.proposes, case.complaint.complaint_class) and not _decided(case, sheet, field)
        for record in case.of_sheet(sheet)
        if _proposes(field, record.values.get(field.key))
    ]
    for key in reversed([*case.rules.classes]):
        if because := tuple(each for each in found if each[1].proposes == key):
            return Proposal(key, because)
    return None


def _proposes(field: Field, value: Any) -> bool:
    return bool(value) if field.kind == "choices" else value == "yes"


def _decided(case: Case, sheet: Sheet, field: Field) -> bool:
    """Does a signature stand that covers both the field and the class?"""
    rules = (case.rules.signature(key) for key in case.signatures)
    covered = ({*rule.covers} for rule in rules if rule is not None)
    return any(CLASS in each and each & {sheet.key, f"{sheet.key}.{field.key}"} for each in covered)
