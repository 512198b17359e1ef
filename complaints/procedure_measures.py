"""What the figures of a month count of a procedure: `[measures]` of its file, and whether a record says so."""

from collections.abc import Mapping
from typing import Any

from complaints.errors import N_
from complaints.procedure import Counting, Values
from complaints.procedure_conditions import allowed
from complaints.procedure_declared import Declared


def read(declared: Declared) -> Counting:
    table = declared.top.table("measures", N_("a table"), "measures")
    numbered = [str(each.raw.get("key")) for each in declared.parts["sheet"] if each.raw.get("numbered")]

    def fields(key: str, *, many: bool) -> Values:
        raw = table.take(key, dict, N_("a table such as { 'record.field' = 'value' }"), {})
        known = [ref for ref, found in declared.refs.items() if found.many is many and "." in ref]
        return allowed(declared, table, key, raw, known)

    counting = Counting(
        replies=table.some("replies", [key for key in declared.keys("clock") if key not in _of_rows(declared)]),
        effective=fields("effective", many=False),
        accepted=fields("accepted", many=False),
        answered=fields("answered", many=True),
        written=fields("written", many=True),
        action=table.one("action", numbered, ""),
        complaints=bool(table.take("complaints", bool, N_("true or false"), True)),
    )
    table.end()
    return counting


def _of_rows(declared: Declared) -> list[str]:
    """The clocks of rows: they have keys of their own."""
    many = [ref for ref, found in declared.refs.items() if found.many]
    return [str(each.raw.get("key")) for each in declared.parts["clock"] if each.raw.get("until") in many]


def says(wanted: Values, sheet: str, written: Mapping[str, Any]) -> bool:
    """Does a record (or a row) of this sheet hold one of the wanted values in each of the fields?"""
    refs = {ref.partition(".")[0]: ref for ref in wanted}
    return sheet in refs and all(
        str(written.get(ref.partition(".")[2]) or "") in among for ref, among in wanted.items()
    )
