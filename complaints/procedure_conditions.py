"""When something of a procedure applies, and what must be there before: `when` and `needs` of its file."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from complaints import comparing
from complaints.errors import N_, Sentence
from complaints.procedure import ALWAYS, Need, When
from complaints.procedure_declared import DAYS, Declared, Ref
from complaints.procedure_table import Table, shown

KINDS = ("field", "fields", "sheet", "rows", "none", "signature", "value", "notified", "finished", "any")
"""What may be needed; the last holds needs itself, of the others."""


def when(table: Table, declared: Declared) -> When:
    what = N_("a condition such as { complaint_class = 'major' }, or a list of them")
    raw = table.take("when", (dict, list), what, [])
    found = []
    for each in [raw] if isinstance(raw, dict) else raw:
        if not isinstance(each, dict) or not each:
            table.fault("when", N_("should be %(what)s, not %(value)s"), what=Sentence(what), value=shown(each))
        else:
            found.append(allowed(declared, table, "when", each, declared.refs))
    return When(tuple(found)) if found else ALWAYS


def allowed(
    declared: Declared, table: Table, key: str, raw: Mapping[str, Any], known: Collection[str], sheet: str = ""
) -> dict[str, tuple[str, ...]]:
    """Fields with the values they may have; "" is none."""
    inside = table.inside(raw, key, None, "")
    table.check(key, raw, known)
    values = {ref: inside.texts(ref, needed=True) for ref in raw}
    for ref, chosen in values.items():
        check_values(declared, inside, ref, chosen, declared.refs.get(sheet + ref))
    return values


def check_values(declared: Declared, table: Table, key: str, values: Iterable[str], found: Ref | None) -> None:
    """Is each of these one that the field may have, or a comparison that can be made?"""
    for value in values if found else ():
        compared = comparing.comparison(value)
        if compared and found and found.kind in comparing.COMPARED:
            if comparing.comparable(compared[1]) is None:
                table.check(key, (compared[1],), declared.of_kind(*comparing.COMPARED) + DAYS)
        elif compared:
            table.fault(key, N_("%(value)s compares; that goes with a date, a time or a number"), value=shown(value))
        elif found and found.choices:
            table.check(key, (value,), [*found.choices, ""])


def needs(table: Table, declared: Declared, key: str = "needs", *, nested: bool = False) -> tuple[Need, ...]:
    raw = table.take(key, list, N_("a list of needs"), [])
    found: list[Need] = []
    for position, each in enumerate(raw, 1):
        if isinstance(each, dict):
            found += _need(table.inside(each, key, position, "need"), declared, nested=nested)
        else:
            message = N_("should be a need such as { field = 'customer' }, not %(value)s")
            table.fault(f"{key}[{position}]", message, value=shown(each))
    return tuple(found)


def _need(table: Table, declared: Declared, *, nested: bool) -> list[Need]:
    kinds = KINDS[:-1] if nested else KINDS
    said = [kind for kind in kinds if kind in table.raw]
    if len(said) != 1:
        table.fault("", N_("should say exactly one of %(kinds)s"), kinds=", ".join(kinds))
        return []
    (kind,) = said
    condition, say, unless = when(table, declared), table.may_name("say"), table.one("unless", declared.kept_once, "")
    once = [sheet for sheet in declared.sheets if sheet not in declared.rows]
    known: Mapping[str, Collection[str]] = {
        "field": declared.kept_once, "value": declared.kept_once, "sheet": once, "rows": declared.sheets,
        "none": declared.sheets, "signature": declared.signatures, "finished": declared.opens,
    }  # fmt: skip
    if kind == "fields":
        refs = table.some("fields", declared.kept_once, needed=True)
        table.end()
        return [Need("field", ref, when=condition, unless=unless, say=say) for ref in refs]
    ref = table.one(kind, known[kind]) if kind in known else ""
    values: tuple[str, ...] = ()
    where: dict[str, tuple[str, ...]] = {}
    filled: tuple[str, ...] = ()
    since = ""
    any_of: tuple[Need, ...] = ()
    least = 1
    if kind == "value":
        values = table.texts("is", needed=True)
        check_values(declared, table, "is", values, declared.refs.get(ref))
    elif kind in ("rows", "none"):
        fields = declared.fields_of(ref)
        raw = table.take("where", dict, N_("a table such as { kind = 'result_told' }"), {})
        where = allowed(declared, table, "where", raw, fields, f"{ref}.")
        filled = table.some("filled", fields)
        if kind == "rows":
            since, least = table.one("since", declared.stages, ""), table.number("least", most=100) or 1
    elif kind == "notified" and not table.flag("notified"):
        table.fault("notified", N_("should be %(what)s, not %(value)s"), what=Sentence("true"), value="false")
    elif kind == "any":
        any_of = needs(table, declared, "any", nested=True)
    table.end()
    return [Need(kind, ref, values, where, filled, since, condition, unless, say, any_of, least)]
