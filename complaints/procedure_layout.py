"""How a procedure lays out its report: the tables `[[part]]` and `[sheet.view]` of its file, read and checked."""

from collections.abc import Collection, Mapping

from complaints.errors import N_
from complaints.procedure import Pair, Part, View
from complaints.procedure_table import Table

FACTS: Mapping[str, str] = {
    "number": N_("Number"),
    "register_no": N_("Register serial"),
    "received_at": N_("Received at"),
    "registered_at": N_("Registered"),
    "closed_at": N_("Closed at"),
}
"""What is known of every complaint beside its register entry; a report may show it."""
MARK_LIMIT = 12
VIEWS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "table": {},
    "chain": {"by": ("choice",), "title": ("line", "text"), "text": ("line", "text"), "mark": ("yes_no",)},
    "fishbone": {"by": ("choice",), "title": ("line",), "mark": ("choice",)},
    "pairs": {},
}
"""The views, each with the keys it needs and the types of the fields that these name."""


def part(
    table: Table,
    *,
    sheets: Collection[str],
    signatures: Collection[str],
    refs: Collection[str],
    once: Collection[str],
) -> Part:
    """A table `[[part]]`. `refs`: every field, `once`: those kept once."""
    found = Part(
        key=table.key(longest=20),
        mark=table.text("mark", ""),
        name=table.name(),
        sheets=table.some("sheets", sheets),
        fields=table.some("fields", [ref for ref in once if "." in ref]),
        shows=table.some("shows", [*refs, *FACTS]),
        signatures=table.some("signatures", signatures),
    )
    if len(found.mark) > MARK_LIMIT or not found.mark.isprintable():
        table.fault("mark", N_("should be one line of at most %(limit)s characters"), limit=MARK_LIMIT)
    if not (found.sheets or found.fields or found.shows or found.signatures):
        table.fault("", N_("is empty; name sheets, fields, shows or signatures"))
    table.end()
    return found


def view(table: Table, types: Mapping[str, str], *, many: bool) -> View:
    """The table `[sheet.view]`. `types`: the fields of the record with their types as the file has them."""
    kind = table.one("as", VIEWS)
    needed = VIEWS.get(kind, {})
    named: dict[str, str] = {}
    for key in ("by", "title", "text", "mark"):
        wanted = needed.get(key, ("choice",))
        named[key] = table.one(
            key, [each for each, type in types.items() if type in wanted], None if key in needed else ""
        )
        if named[key] and key not in needed and (kind, key) != ("table", "by"):
            table.fault(key, N_("means nothing with as = '%(view)s'"), view=kind)
    heads = tuple(name for name in (table.may_name("left"), table.may_name("right")) if name is not None)
    pairs = tuple(_pair(each, types) for each in table.tables("pair"))
    if kind in VIEWS and many == (kind == "pairs"):
        rows, single = N_("'%(view)s' needs many = true"), N_("'%(view)s' does not go with many = true")
        table.fault("as", single if many else rows, view=kind)
    if kind == "pairs" and not (pairs and len(heads) == 2):
        table.fault("pair", N_("is missing; 'pairs' has left, right and tables [[sheet.view.pair]]"))
    table.end()
    return View(kind, **named, heads=heads, pairs=pairs)


def _pair(table: Table, fields: Collection[str]) -> Pair:
    found = Pair(table.name(), table.one("left", fields), table.one("right", fields))
    table.end()
    return found
