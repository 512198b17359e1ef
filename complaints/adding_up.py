"""Counts of a record that belong together: they add up to another one, or to no more than that."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from complaints.errors import N_, Name, Sentence
from complaints.procedure import Sheet, Sum

MORE = N_("%(parts)s: together %(found)s, which is %(difference)s more than “%(total)s” (%(whole)s)")
LESS = N_("%(parts)s: together %(found)s, which is %(difference)s less than “%(total)s” (%(whole)s)")


def wrong(sheet: Sheet, after: Mapping[str, Any], changed: Collection[str]) -> Iterator[tuple[str, Sentence]]:
    """What does not add up in a record as it will be, by the field where it shows. Counts that must make up a whole are
    judged once all of them are known."""
    for each in sheet.sums:
        if {*each.of, each.total} & {*changed} and (problem := _difference(sheet, each, after)):
            shown = each.total if each.total in changed else next(key for key in each.of if key in changed)
            yield shown, problem


def _difference(sheet: Sheet, rule: Sum, after: Mapping[str, Any]) -> Sentence | None:
    counts, whole = [after.get(key) for key in rule.of], after.get(rule.total)
    found = sum(each for each in counts if each is not None)
    if whole is None or found == whole or (found < whole if rule.at_most else None in counts):
        return None
    names = [sheet.field(key).name for key in rule.of]
    parts = Name(" + ".join(name.en for name in names), " + ".join(name.zh for name in names))
    told = {"parts": parts, "found": found, "difference": abs(found - whole), "whole": whole}
    return Sentence(MORE if found > whole else LESS, told | {"total": sheet.field(rule.total).name})
