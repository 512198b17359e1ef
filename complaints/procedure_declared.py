"""What a procedure file declares, gathered before any of it is read in full: its parts name each other."""

from collections.abc import Collection
from dataclasses import dataclass

from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS
from complaints.errors import N_, Name
from complaints.fields import REGISTER
from complaints.people import HOUSE
from complaints.procedure import PEOPLE
from complaints.procedure_table import Table

TABLES = (
    "stage", "outcome", "sheet", "signature", "move", "clock", "penalty", "ladder", "notice", "label", "open", "part",
    "print",
)  # fmt: skip
DAYS = ["complaint_date", "production_date", "ship_date", "vp_informed_on"]
"""The days of the register entry."""
YES_NO = {"yes": Name("Yes", "是"), "no": Name("No", "否")}


@dataclass(frozen=True)
class Ref:
    """What a reference leads to: the type of the field, the values it can have, and whether there are rows of it."""

    kind: str
    choices: Collection[str] = ()
    many: bool = False


class Declared:
    """The keys of everything in a file, every field with its type, and the events that something may hang on."""

    def __init__(self, top: Table) -> None:
        self.top = top
        self.parts = {key: top.tables(key) for key in TABLES}
        self.stages, self.outcomes, self.signatures, self.ways = map(
            self.keys, ("stage", "outcome", "signature", "move")
        )
        self.sheets, self.opens = self.keys("sheet"), self.keys("open")
        self.rows = [each.raw.get("key") for each in self.parts["sheet"] if each.raw.get("many") is True]
        self.classes = top.names("classes", needed=True, longest=20)
        self.named = top.names("roles", longest=20)
        self.roles = [*dict.fromkeys((*HOUSE, *self.named))]
        self.refs = self._refs()
        self.kept_once = [ref for ref, found in self.refs.items() if not found.many]
        self.events = self._events()
        for kind in ("sheet", "signature", "move", "clock", "penalty", "label", "open", "part", "print"):
            top.once(kind, self.parts[kind])
        for role in self.named.keys() & {"owner", "superior", "departments", "notified", "writers"}:
            top.fault(f"roles.{role}", N_("notices use '%(name)s' themselves; give it another key"), name=role)
        top.once("stage", [*self.parts["stage"], *self.parts["outcome"]])

    def keys(self, kind: str) -> list[str]:
        return [
            each.raw["key"] for each in self.parts[kind] if isinstance(each.raw.get("key"), str) and each.raw["key"]
        ]

    def _refs(self) -> dict[str, Ref]:
        """Every field of the register entry, and of every record as `record.field`."""
        lists = {"complaint_class": self.classes, "channel": CHANNELS, "cause_type": CAUSE_TYPES, "link": LINKS}
        kinds = dict.fromkeys(lists, "choice") | dict.fromkeys(DAYS, "date")
        found = {ref: Ref(kinds.get(ref, "line"), lists.get(ref, ())) for ref in REGISTER}
        for sheet in self.parts["sheet"]:
            fields = sheet.raw.get("field")
            for field in fields if isinstance(fields, list) else ():
                if isinstance(field, dict) and isinstance(field.get("key"), str):
                    kind, choices = field.get("type", "line"), field.get("choices")
                    values = YES_NO if kind == "yes_no" else choices if isinstance(choices, dict) else ()
                    found[f"{sheet.raw.get('key')}.{field['key']}"] = Ref(
                        str(kind), values, sheet.raw.get("key") in self.rows
                    )
        return found

    def _events(self) -> set[str]:
        named = {
            "entered": (*self.stages, *self.outcomes), "signed": self.signatures, "returned": self.signatures,
            "moved": self.ways, "written": self.sheets, "filled": [ref for ref in self.refs if "." in ref],
        }  # fmt: skip
        always = {"received", "drafted", "notified", "class", "lowered", "round"}
        return always | {f"{kind}:{key}" for kind, keys in named.items() for key in keys}

    def of_kind(self, *kinds: str) -> list[str]:
        """The fields of some types in records that are kept once."""
        return [ref for ref in self.kept_once if self.refs[ref].kind in kinds and "." in ref]

    def naming(self, *kinds: str) -> list[str]:
        """The fields of some types, in rows, too."""
        return [ref for ref, found in self.refs.items() if found.kind in kinds]

    def who(self) -> list[str]:
        """Who may do something: a role, or whoever a field names."""
        return [*self.roles, *self.naming(*PEOPLE)]

    def fields_of(self, sheet: object) -> dict[str, str]:
        """The fields of a record, each with its type."""
        return {ref.partition(".")[2]: found.kind for ref, found in self.refs.items() if ref.startswith(f"{sheet}.")}
