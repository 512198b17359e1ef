"""Reading a procedure file, and everything that can be wrong with one.

All faults are told at once, each with the file, the table, the key, and what was probably meant. `load` reads a file,
`read` a text. What the tables and keys mean: docs/procedures.md. What only shows when the whole procedure is seen, such
as a stage that nothing leads to, is in procedure_whole.py.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from complaints import papers, procedure_layout
from complaints.calendar import parse_within
from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS
from complaints.errors import N_, Gettext, Name, Sentence
from complaints.fields import REGISTER
from complaints.people import ROLES
from complaints.procedure import (
    ALWAYS,
    COMPLAINT,
    INVESTIGATION,
    Appointment,
    AskRule,
    ClockRule,
    Contact,
    Field,
    Move,
    Need,
    NoticeRule,
    Part,
    Penalty,
    Procedure,
    Sheet,
    SignatureRule,
    Stage,
    View,
    When,
)
from complaints.procedure_whole import faults

TABLES = ("stage", "outcome", "sheet", "signature", "move", "clock", "notice", "part", "print")
KINDS = (
    "line", "text", "date", "time", "number", "count", "choice", "choices", "person", "people", "departments", "file",
    "files",
)  # fmt: skip
SEVERAL = ("choices", "people", "departments", "files")
NAMING = ("person", "people", "departments")
SHOWN = ("line", "date", "time", "number", "choice", "choices", "yes_no")
"""The types of fields that a notice can show in its line."""
PARTS = {"owner": "person", "due": "date", "done": "date", "result": "text", "proof": "files", "case": "line"}
"""The parts of a row that is a task or names a case kept elsewhere, with the type of their fields."""
TO = ("owner", "superior", "departments", "notified", "writers")
YES_NO = {"yes": Name("Yes", "是"), "no": Name("No", "否")}
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
        "class_reason", "composer", "departments", "linked_kind", "linked_number", "linked_reason", "note",
        "procedure", "reason", "received_at", "sign", "to_departments", "to_users", "unlinked_reason",
    }
)  # fmt: skip
"""What places of a complaint's page are called that belong to no record."""
TEXT_LIMIT, LINE_LIMIT = 4_000, 200
LARGEST_FILE = 256 * 1024
MOST_FAULTS = 200
MOST_DOTS = 500
"""In a line: each is a table in a table, and the reading of very many takes for ever."""

_A_NAME = N_('a name in both languages: { en = "…", zh = "…" }')


@dataclass(frozen=True)
class Fault:
    """Something wrong with a procedure: in which file, where in it, what."""

    file: str
    place: str
    sentence: Sentence

    def in_(self, gettext: Gettext, locale: str) -> str:
        return ": ".join(part for part in (self.file, self.place, self.sentence.in_(gettext, locale)) if part)

    def __str__(self) -> str:
        return self.in_(str, "en")


class BadProcedure(ValueError):
    """A procedure file is wrong; `faults` says everything at once, where and how to mend it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(map(str, self.faults)))


def load(path: Path) -> Procedure:
    """Read and check a procedure file; raises `BadProcedure`."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except OSError as error:
        problem = Sentence(N_("cannot be read: %(error)s"), {"error": error.strerror})
        raise BadProcedure([Fault(path.name, "", problem)]) from error
    return read(text_of(raw, path.name), path.name)


def text_of(raw: bytes, file: str) -> str:
    """A file as text, as any editor may have saved it; raises `BadProcedure`."""
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = Sentence(N_("is not UTF-8 in line %(line)s; save it with the encoding UTF-8"), {"line": line})
        raise BadProcedure([Fault(file, "", problem)]) from error


def read(text: str, file: str) -> Procedure:
    """Read and check a procedure; `file` is the name by which its faults are told. Raises `BadProcedure`."""
    if len(text) > LARGEST_FILE:
        problem = Sentence(
            N_("is too large; %(limit)s KB are enough for any procedure"), {"limit": LARGEST_FILE // 1024}
        )
        raise BadProcedure([Fault(file, "", problem)])
    try:
        if any(line.count(".") > MOST_DOTS for line in text.split("\n")):
            raise RecursionError
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        said = "nested too deeply" if isinstance(error, RecursionError) else _printable(str(error))
        raise BadProcedure([Fault(file, "", Sentence(N_("is not TOML: %(error)s"), {"error": said}))]) from error
    noted: list[Fault] = []
    found = _File(Table(raw, file, "", "", noted)).procedure(text)
    noted += [Fault(file, place, sentence) for place, sentence in faults(found)]
    if noted:
        raise BadProcedure(noted[:MOST_FAULTS])
    return found


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text[:200])


def _shown(value: Any) -> str:
    """A wrong value, short and on one line."""
    if isinstance(value, (dict, list)):
        return "{…}" if isinstance(value, dict) else "[…]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) >= 10**18:
        return "…"
    return _printable(repr(value[:60] if isinstance(value, str) else value))


class Table:
    """A table of the file while it is read. Every question notes what is wrong with the answer and goes on with
    something harmless; `end` notes the keys that nobody asked for. `kind` is what the documentation calls it."""

    def __init__(self, raw: Mapping[str, Any], file: str, place: str, kind: str, noted: list[Fault]) -> None:
        self.raw, self.file, self.place, self.kind, self.noted = raw, file, place, kind, noted
        self.asked: set[str] = set()

    def fault(self, key: str, message: str, **values: Any) -> None:
        if len(self.noted) < MOST_FAULTS:
            place = ".".join(part for part in (self.place, _printable(key)[:60]) if part)
            self.noted.append(Fault(self.file, place, Sentence(message, values)))

    def take(self, key: str, kind: type | tuple[type, ...], what: str, default: Any, *, needed: bool = False) -> Any:
        self.asked.add(key)
        if key not in self.raw:
            if needed:
                self.fault(key, N_("is missing; it should be %(what)s"), what=Sentence(what))
            return default
        value = self.raw[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            self.fault(key, N_("should be %(what)s, not %(value)s"), what=Sentence(what), value=_shown(value))
            return default
        return value

    def text(self, key: str, default: str | None = None) -> str:
        return str(self.take(key, str, N_("a text"), default or "", needed=default is None))

    def flag(self, key: str) -> bool:
        return bool(self.take(key, bool, N_("true or false"), False))

    def number(self, key: str, *, most: int, needed: bool = False) -> int | None:
        value = self.take(key, int, N_("a whole number"), None, needed=needed)
        if value is not None and not 1 <= value <= most:
            self.fault(key, N_("should be from 1 to %(most)s, not %(value)s"), most=most, value=_shown(value))
            return None
        return None if value is None else int(value)

    def key(self, *, longest: int = 40, taken: Collection[str] = ()) -> str:
        key = self.text("key")
        self.check_key("key", key, longest)
        if key in taken:
            self.fault("key", N_("the pages use '%(name)s' themselves; give it another key"), name=key)
        return key

    def check_key(self, place: str, key: str, longest: int = 40) -> None:
        if (key or place != "key") and not re.fullmatch(f"[a-z0-9_]{{1,{longest}}}", key):
            message = N_("should be small Latin letters, digits and _, at most %(longest)s, not %(value)s")
            self.fault(place, message, longest=longest, value=_shown(key))

    def name(self, key: str = "name") -> Name:
        return self._name(key, self.take(key, dict, _A_NAME, None, needed=True))

    def may_name(self, key: str) -> Name | None:
        value = self.take(key, dict, _A_NAME, None)
        return None if value is None else self._name(key, value)

    def _name(self, key: str, value: Mapping[str, Any] | None) -> Name:
        if value is None:
            return Name("?", "?")
        for language in ("en", "zh"):
            text = value.get(language)
            if not (isinstance(text, str) and text.strip()):
                self.fault(f"{key}.{language}", N_("is missing; every name is given in both languages"))
            elif len(text) > LINE_LIMIT or not text.isprintable():
                self.fault(
                    f"{key}.{language}", N_("should be one line of at most %(limit)s characters"), limit=LINE_LIMIT
                )
        for other in sorted(value.keys() - {"en", "zh"}):
            self.fault(f"{key}.{other}", N_("is not known; a name has en and zh"))
        return Name(str(value.get("en", "?")), str(value.get("zh", "?")))

    def names(self, key: str, *, needed: bool = False, longest: int = 40) -> dict[str, Name]:
        value = self.take(key, dict, N_("a table of names"), {}, needed=needed)
        found = {}
        for each, name in value.items():
            self.check_key(f"{key}.{each}", each, longest)
            if isinstance(name, dict):
                found[each] = self._name(f"{key}.{each}", name)
            else:
                self.fault(
                    f"{key}.{each}", N_("should be %(what)s, not %(value)s"), what=Sentence(_A_NAME), value=_shown(name)
                )
        return found

    def texts(self, key: str, *, needed: bool = False) -> tuple[str, ...]:
        """Texts; a single one may stand alone."""
        value = self.take(key, (list, str), N_("a list of texts"), [], needed=needed)
        texts = [value] if isinstance(value, str) else value
        if not all(isinstance(each, str) for each in texts):
            self.fault(
                key, N_("should be %(what)s, not %(value)s"), what=Sentence(N_("a list of texts")), value=_shown(value)
            )
            return ()
        if needed and key in self.raw and not texts:
            self.fault(key, N_("is empty"))
        return tuple(dict.fromkeys(texts))

    def one(self, key: str, known: Collection[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value != default and (value or key in self.raw):
            self.check(key, (value,), known)
        return value

    def some(self, key: str, known: Collection[str], *, needed: bool = False) -> tuple[str, ...]:
        values = self.texts(key, needed=needed)
        self.check(key, values, known)
        return values

    def check(self, key: str, values: Iterable[str], known: Collection[str]) -> None:
        for value in values:
            if value not in known and len(self.noted) < MOST_FAULTS:
                self.fault(key, N_("names %(value)s; %(meant)s"), value=_shown(value), meant=_meant(value, known))

    def tables(self, key: str) -> list["Table"]:
        value = self.take(key, list, N_("tables in double square brackets"), [])
        if not all(isinstance(each, dict) for each in value):
            self.fault(key, N_("should be tables in double square brackets"))
            return []
        kind = f"{self.kind}.{key}" if self.kind else key
        return [self.inside(each, key, position, kind) for position, each in enumerate(value, 1)]

    def inside(self, raw: Mapping[str, Any], key: str, position: int | None, kind: str) -> "Table":
        called = raw.get("key")
        place = key if position is None else f"{key}[{position}]"
        if position is not None and isinstance(called, str) and called:
            place = f"{key}.{_printable(called)[:40]}"
        return Table(raw, self.file, f"{self.place}.{place}" if self.place else place, kind, self.noted)

    def table(self, key: str, what: str, kind: str) -> "Table":
        """A single table in this one, empty when it is not there."""
        return self.inside(self.take(key, dict, what, {}), key, None, kind)

    def once(self, key: str, tables: Iterable["Table"]) -> None:
        """No two of these may have the same key."""
        found = Counter(each.raw["key"] for each in tables if isinstance(each.raw.get("key"), str))
        for called, count in found.items():
            if called and count > 1:
                self.fault(f"{key}.{called}", N_("there are %(count)s of this key"), count=count)

    def end(self) -> None:
        for key in self.raw.keys() - self.asked:
            if len(self.noted) < MOST_FAULTS:
                self.fault(key, N_("is not known here; %(meant)s"), meant=_meant(key, self.asked))


def _meant(value: str, known: Collection[str]) -> Sentence:
    if close := get_close_matches(value[:80], list(known), n=1):
        return Sentence(N_("did you mean '%(close)s'?"), {"close": close[0]})
    if known:
        return Sentence(N_("known are %(known)s"), {"known": ", ".join(sorted(each for each in known if each)[:30])})
    return Sentence(N_("there is none here"))


@dataclass(frozen=True)
class _Ref:
    """What a reference leads to: the type of the field, the values it can have, and whether there are rows of it."""

    kind: str
    choices: Collection[str] = ()
    many: bool = False


class _File:
    """The whole file: first what there is, then what each part says of the others."""

    def __init__(self, top: Table) -> None:
        self.top = top
        self.parts = {key: top.tables(key) for key in TABLES}
        self.stages, self.outcomes, self.signatures, self.ways = map(
            self._keys, ("stage", "outcome", "signature", "move")
        )
        self.sheets = self._keys("sheet")
        self.rows = [each.raw.get("key") for each in self.parts["sheet"] if each.raw.get("many") is True]
        self.classes = top.names("classes", needed=True, longest=20)
        self.roles = list(ROLES)
        self.refs = self._refs()
        self.kept_once = [ref for ref, found in self.refs.items() if not found.many]
        self.events = self._events()
        for kind in ("sheet", "signature", "move", "clock", "part", "print"):
            top.once(kind, self.parts[kind])
        top.once("stage", [*self.parts["stage"], *self.parts["outcome"]])

    def _keys(self, kind: str) -> list[str]:
        return [
            each.raw["key"] for each in self.parts[kind] if isinstance(each.raw.get("key"), str) and each.raw["key"]
        ]

    def _refs(self) -> dict[str, _Ref]:
        """Every field of the register entry, and of every record as `record.field`."""
        lists = {"complaint_class": self.classes, "channel": CHANNELS, "cause_type": CAUSE_TYPES, "link": LINKS}
        found = {ref: _Ref("choice" if ref in lists else "line", lists.get(ref, ())) for ref in REGISTER}
        for sheet in self.parts["sheet"]:
            fields = sheet.raw.get("field")
            for field in fields if isinstance(fields, list) else ():
                if isinstance(field, dict) and isinstance(field.get("key"), str):
                    kind, choices = field.get("type", "line"), field.get("choices")
                    values = YES_NO if kind == "yes_no" else choices if isinstance(choices, dict) else ()
                    found[f"{sheet.raw.get('key')}.{field['key']}"] = _Ref(
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

    def _of_kind(self, *kinds: str) -> list[str]:
        """The fields of some types in records that are kept once."""
        return [ref for ref in self.kept_once if self.refs[ref].kind in kinds and "." in ref]

    def _naming(self, *kinds: str) -> list[str]:
        """The fields of some types, in rows, too."""
        return [ref for ref, found in self.refs.items() if found.kind in kinds]

    def procedure(self, source: str) -> Procedure:
        top = self.top
        moves = tuple(self._move(table) for table in self.parts["move"])
        stages = tuple(self._stage(table, position, moves) for position, table in enumerate(self.parts["stage"]))
        outcomes = tuple(self._outcome(table, len(stages) + n) for n, table in enumerate(self.parts["outcome"]))
        found = Procedure(
            key=top.key(),
            version=top.number("version", most=9_999, needed=True) or 1,
            name=top.name(),
            classes=self.classes,
            stages=stages,
            outcomes=outcomes,
            sheets=tuple(self._sheet(table) for table in self.parts["sheet"]),
            signatures=tuple(self._signature(table) for table in self.parts["signature"]),
            moves=moves,
            clocks=tuple(self._clock(table) for table in self.parts["clock"]),
            notices=tuple(self._notice(table) for table in self.parts["notice"]),
            papers=tuple(papers.read(table, self._known_to_papers()) for table in self.parts["print"]),
            departments=top.one("departments", self._of_kind("departments"), ""),
            investigator=top.one("investigator", self._of_kind("person"), ""),
            checks=top.one(
                "checks", [ref for ref, found in self.refs.items() if found.kind == "date" and found.many], ""
            ),
            verified=top.one("verified", self.signatures, ""),
            contact=self._contact() if "contact" in top.raw else None,
            report=top.may_name("report"),
            parts=tuple(self._part(table) for table in self.parts["part"]),
            raised_by=top.some("class_raised_by", self.roles),
            lowered_by=top.some("class_lowered_by", self.roles),
            confidential=self._privacy(),
            retention_years=self._retention(),
            source=source,
        )
        top.end()
        return found

    def _part(self, table: Table) -> Part:
        return procedure_layout.part(
            table, sheets=self.sheets, signatures=self.signatures, refs=self.refs, once=self.kept_once
        )

    def _view(self, table: Table, sheet: object) -> View | None:
        own = {ref.partition(".")[2]: found.kind for ref, found in self.refs.items() if ref.startswith(f"{sheet}.")}
        inside = table.table("view", N_("a table"), "sheet.view")
        return procedure_layout.view(inside, own, many=sheet in self.rows) if "view" in table.raw else None

    def _contact(self) -> Contact:
        table = self.top.table("contact", N_("a table"), "contact")
        sheet = table.one("sheet", [key for key in self.sheets if key in self.rows])

        def fields(*kinds: str) -> list[str]:
            own = {ref.partition(".")[2]: found.kind for ref, found in self.refs.items() if ref.startswith(f"{sheet}.")}
            return [key for key, kind in own.items() if kind in kinds]

        contact = Contact(
            sheet=sheet,
            kind=table.one("kind", fields("choice")),
            on=table.one("on", fields("date")),
            way=table.one("way", fields("choice")),
            text=table.one("text", fields("text")),
            way_mail=table.text("way_mail"),
            person=table.one("person", fields("line"), ""),
            promises_after=table.one("promises_after", self.signatures, ""),
            expected=table.one("expected", fields("date"), ""),
            progress=table.text("progress", ""),
        )
        if way := self.refs.get(f"{sheet}.{contact.way}"):
            table.check("way_mail", (contact.way_mail,), way.choices)
        if (kind := self.refs.get(f"{sheet}.{contact.kind}")) and contact.progress:
            table.check("progress", (contact.progress,), kind.choices)
        table.end()
        return contact

    def _privacy(self) -> bool:
        table = self.top.table("privacy", N_("a table"), "privacy")
        confidential = table.flag("confidential")
        table.end()
        return confidential

    def _retention(self) -> int | None:
        table = self.top.table("retention", N_("a table"), "retention")
        years = table.number("years_after_closing", most=100)
        table.end()
        return years

    def _stage(self, table: Table, position: int, moves: tuple[Move, ...]) -> Stage:
        key = table.key()
        ways = [move for move in moves if move.to == key]
        stage = Stage(
            key=key,
            name=table.name(),
            position=position,
            needs=self._needs(table),
            register=table.flag("register"),
            owner_roles=table.some("owner_roles", self.roles),
            owner=table.one("owner", [*self._of_kind("person"), "registered_by"], ""),
            final=table.flag("final"),
            shown_for_days=table.number("shown_for_days", most=3_650),
            from_=tuple(dict.fromkeys(here for move in ways for here in move.from_)),
            moved_in_by=tuple(dict.fromkeys(role for move in ways if not move.back for role in move.by)),
        )
        table.end()
        return stage

    def _outcome(self, table: Table, position: int) -> Stage:
        stage = Stage(
            key=table.key(longest=20),
            name=table.name(),
            position=position,
            needs=self._needs(table),
            off_board=True,
            from_=table.some("from", self.stages, needed=True),
            moved_in_by=table.some("by", self.roles, needed=True),
        )
        table.end()
        return stage

    def _sheet(self, table: Table) -> Sheet:
        fields = table.tables("field")
        own = [each.raw.get("key") for each in fields]
        sheet = Sheet(
            key=table.key(taken=ANCHORS),
            name=table.name(),
            of=table.one("of", (COMPLAINT, INVESTIGATION), COMPLAINT) or COMPLAINT,
            fields=tuple(self._field(each, table.raw.get("key"), own) for each in fields),
            by=table.some("by", self.roles, needed=True),
            stages=table.some("stages", self.stages),
            many=table.flag("many"),
            stay=table.flag("stay"),
            per_round=table.flag("per_round"),
            carried=table.flag("carried"),
            numbered=table.text("numbered", ""),
            when=self._when(table),
            needs=self._needs(table),
            locked_by=table.one("locked_by", self.signatures, ""),
            help=table.may_name("help"),
            view=self._view(table, table.raw.get("key")),
            internal=table.flag("internal"),
        )
        table.once("field", fields)
        if not re.fullmatch("[A-Z0-9-]{0,10}", sheet.numbered):
            message = N_("should be at most ten capital letters, digits and -, not %(value)s")
            table.fault("numbered", message, value=_shown(sheet.numbered))
        if sheet.stay and not sheet.many:
            table.fault("stay", N_("means nothing without many = true"))
        if sheet.carried and not sheet.per_round:
            table.fault("carried", N_("means nothing without per_round = true"))
        if sheet.many and any(field.fact for field in sheet.fields):
            table.fault("field", N_("a fact of the complaint cannot stand in a record with many rows"))
        self._check_parts(table, sheet)
        table.end()
        return sheet

    def _check_parts(self, table: Table, sheet: Sheet) -> None:
        if not sheet.fields:
            table.fault("field", N_("is missing; a record has fields [[sheet.field]]"))
        parts = Counter(field.part for field in sheet.fields if field.part)
        for part in (part for part, count in parts.items() if count > 1):
            table.fault("field", N_("there are several fields with part = '%(part)s'"), part=part)
        if "owner" in parts and "done" not in parts:
            message = N_("a record with an owner needs a field with part = 'done', else it stays a task for ever")
            table.fault("field", message)

    def _field(self, table: Table, sheet: object, own: Collection[Any]) -> Field:
        kind = table.one("type", (*KINDS, "yes_no"), "line") or "line"
        choices = table.names("choices", needed=kind in ("choice", "choices"))
        counts = [each for each in own if self.refs.get(f"{sheet}.{each}", _Ref("")).kind == "count"]
        field = Field(
            key=table.key(taken=FORM_NAMES),
            name=table.name(),
            kind="choice" if kind == "yes_no" else kind,
            required=table.flag("required"),
            when=self._when(table),
            choices=YES_NO if kind == "yes_no" else choices,
            roles=table.some("roles", self.roles),
            by=table.some("by", {*self.roles, *self.refs}),
            after=table.some("after", [each for each in own if isinstance(each, str)]),
            stages=table.some("stages", self.stages),
            part=table.one("part", PARTS, ""),
            past=table.flag("past"),
            least=table.number("least", most=20) or 1,
            most=table.one("most", counts, ""),
            internal=table.flag("internal"),
            fact=table.flag("fact"),
            proposes=table.one("proposes_class", self.classes, ""),
            help=table.may_name("help"),
            limit=table.number("limit", most=20_000) or (TEXT_LIMIT if kind == "text" else LINE_LIMIT),
        )
        fits = {
            "choices": kind in ("choice", "choices"), "roles": kind in ("person", "people"), "past": kind == "date",
            "least": kind in SEVERAL, "most": kind == "count", "limit": kind in ("line", "text"),
            "part": PARTS.get(field.part, kind) == kind, "proposes_class": kind in ("choices", "yes_no"),
        }  # fmt: skip
        for key in (key for key, fit in fits.items() if key in table.raw and not fit):
            table.fault(key, N_("does not go with type = '%(type)s'"), type=_printable(kind))
        if field.proposes and field.proposes == next(iter(self.classes), ""):
            table.fault("proposes_class", N_("is the lightest class; only a heavier one can be proposed"))
        table.end()
        return field

    def _signature(self, table: Table) -> SignatureRule:
        by_class = table.table("by_class", N_("a table such as { major = ['mkt_vp'] }"), "")
        table.check("by_class", by_class.raw, self.classes)
        rule = SignatureRule(
            key=table.key(longest=30),
            name=table.name(),
            act=table.may_name("act") or Name("Sign", "签字"),
            of=table.one("of", (COMPLAINT, INVESTIGATION), COMPLAINT) or COMPLAINT,
            by=table.some("by", self.roles, needed=True),
            by_class={key: by_class.some(key, self.roles, needed=True) for key in by_class.raw},
            each=table.one("each", self._of_kind("departments"), ""),
            stages=table.some("stages", self.stages, needed=True),
            covers=table.some("covers", [*self.sheets, *self.refs]),
            after=table.some("after", self.signatures),
            not_by=table.some("not_by", [*self.sheets, *self.signatures, *self._naming("person", "people")]),
            not_department=table.flag("not_department"),
            per_round=table.flag("per_round"),
            when=self._when(table),
            needs=self._needs(table),
            returns=table.flag("returns"),
            return_by=table.one("return_by", self.ways, ""),
            voids=table.some("return_voids", self.signatures),
        )
        for key in ("return_by", "return_voids"):
            if key in table.raw and not rule.returns:
                table.fault(key, N_("means nothing without returns = true"))
        table.end()
        return rule

    def _move(self, table: Table) -> Move:
        writes = table.take("writes", dict, N_("a table such as { 'record.field' = 'value' }"), {})
        texts = self._of_kind("line", "text", "choice", "yes_no")
        asks = table.tables("ask")
        returning = [each.raw.get("return_by") for each in self.parts["signature"]]
        table.check("writes", writes, texts)
        move = Move(
            key=table.key() if "key" in table.raw else table.text("key", ""),
            from_=table.some("from", self.stages, needed=True),
            to=table.one("to", self.stages),
            by=table.some("by", self.roles, needed=table.raw.get("key") not in returning),
            when=self._when(table),
            needs=self._needs(table),
            back=table.flag("back"),
            asks=tuple(self._ask(each, texts) for each in asks),
            new_round=table.flag("new_round"),
            writes=self._written(table, writes),
            voids=table.some("voids", [*self.signatures, "*"]),
        )
        table.once("ask", asks)
        table.end()
        return move

    def _ask(self, table: Table, texts: Collection[str]) -> AskRule:
        rule = AskRule(table.key(taken=FORM_NAMES), table.name(), table.one("to", texts, ""))
        table.end()
        return rule

    def _written(self, table: Table, writes: Mapping[str, Any]) -> dict[str, str]:
        for ref, value in writes.items():
            known = self.refs[ref].choices if ref in self.refs else ()
            if not isinstance(value, str):
                message = N_("should be %(what)s, not %(value)s")
                table.fault(f"writes.{ref}", message, what=Sentence(N_("a text")), value=_shown(value))
            elif known:
                table.check(f"writes.{ref}", (value,), known)
        return {key: str(value) for key, value in writes.items() if isinstance(value, str)}

    def _clock(self, table: Table) -> ClockRule:
        within = table.text("within")
        try:
            limit = parse_within(within or "1 hour")
        except ValueError as error:
            table.fault("within", "%(error)s", error=_printable(str(error)))
            limit = parse_within("1 hour")
        penalty = None
        if "penalty" in table.raw:
            inside = table.table("penalty", N_("a table such as { key = 'p_late', yuan = 20 }"), "clock.penalty")
            penalty = Penalty(inside.key(), inside.number("yuan", most=1_000_000, needed=True) or 1)
            inside.end()
        rule = ClockRule(
            key=table.key(),
            name=table.name(),
            starts=table.one("starts", self.events),
            stops=table.some("stops", self.events, needed=True),
            within=limit,
            responsible=table.one("responsible", self.roles),
            when=self._when(table),
            penalty=penalty,
        )
        table.asked.add("penalty")
        table.end()
        return rule

    def _notice(self, table: Table) -> NoticeRule:
        named = self._naming(*NAMING)
        shown = [ref for ref, found in self.refs.items() if "." in ref and found.kind in SHOWN]
        rule = NoticeRule(
            on=table.some("on", self.events, needed=True),
            to=table.some("to", [*self.roles, *TO, *named], needed=True),
            name=table.name(),
            when=self._when(table),
            shows=table.some("shows", shown),
            calendar=self._appointment(table),
        )
        table.end()
        return rule

    def _known_to_papers(self) -> papers.Known:
        numbered = [str(each.raw.get("key")) for each in self.parts["sheet"] if each.raw.get("numbered")]
        of_rows = {
            str(key): [ref.partition(".")[2] for ref in self.refs if ref.startswith(f"{key}.")] for key in self.rows
        }
        return papers.Known(self.kept_once, of_rows, numbered, self.signatures, self._keys("part"))

    def _appointment(self, table: Table) -> Appointment | None:
        times = [ref for ref, found in self.refs.items() if found.kind == "time" and found.many]
        inside = table.table("calendar", N_("a table such as { starts = 'meeting.planned_for' }"), "")
        if not inside.raw:
            return None
        starts = inside.one("starts", times)
        ends = inside.one("ends", [ref for ref in times if ref.partition(".")[0] == starts.partition(".")[0]], "")
        inside.end()
        return Appointment(starts, ends)

    # Conditions and needs

    def _when(self, table: Table) -> When:
        what = N_("a condition such as { complaint_class = 'major' }, or a list of them")
        raw = table.take("when", (dict, list), what, [])
        found = []
        for each in [raw] if isinstance(raw, dict) else raw:
            if not isinstance(each, dict) or not each:
                table.fault("when", N_("should be %(what)s, not %(value)s"), what=Sentence(what), value=_shown(each))
            else:
                found.append(self._values(table, "when", each, self.refs))
        return When(tuple(found)) if found else ALWAYS

    def _values(
        self, table: Table, key: str, raw: Mapping[str, Any], known: Collection[str], sheet: str = ""
    ) -> dict[str, tuple[str, ...]]:
        """Fields with the values they may have; "" is none."""
        inside = table.inside(raw, key, None, "")
        table.check(key, raw, known)
        values = {ref: inside.texts(ref, needed=True) for ref in raw}
        for ref, chosen in values.items():
            if (found := self.refs.get(sheet + ref)) and found.choices:
                inside.check(ref, chosen, [*found.choices, ""])
        return values

    def _needs(self, table: Table, key: str = "needs", *, nested: bool = False) -> tuple[Need, ...]:
        raw = table.take(key, list, N_("a list of needs"), [])
        found: list[Need] = []
        for position, each in enumerate(raw, 1):
            if isinstance(each, dict):
                found += self._need(table.inside(each, key, position, "need"), nested=nested)
            else:
                message = N_("should be a need such as { field = 'customer' }, not %(value)s")
                table.fault(f"{key}[{position}]", message, value=_shown(each))
        return tuple(found)

    def _need(self, table: Table, *, nested: bool) -> list[Need]:
        kinds = [
            "field",
            "fields",
            "sheet",
            "rows",
            "none",
            "signature",
            "value",
            "notified",
            *(() if nested else ("any",)),
        ]
        said = [kind for kind in kinds if kind in table.raw]
        if len(said) != 1:
            table.fault("", N_("should say exactly one of %(kinds)s"), kinds=", ".join(kinds))
            return []
        (kind,) = said
        when, say, unless = self._when(table), table.may_name("say"), table.one("unless", self.kept_once, "")
        once = [sheet for sheet in self.sheets if sheet not in self.rows]
        known: Mapping[str, Collection[str]] = {
            "field": self.kept_once, "value": self.kept_once, "sheet": once, "rows": self.sheets, "none": self.sheets,
            "signature": self.signatures,
        }  # fmt: skip
        if kind == "fields":
            refs = table.some("fields", self.kept_once, needed=True)
            table.end()
            return [Need("field", ref, when=when, unless=unless, say=say) for ref in refs]
        ref = table.one(kind, known[kind]) if kind in known else ""
        values: tuple[str, ...] = ()
        where: dict[str, tuple[str, ...]] = {}
        filled: tuple[str, ...] = ()
        since = ""
        any_of: tuple[Need, ...] = ()
        if kind == "value":
            values = table.texts("is", needed=True)
            if (found := self.refs.get(ref)) and found.choices:
                table.check("is", values, [*found.choices, ""])
        elif kind in ("rows", "none"):
            fields = [each.partition(".")[2] for each in self.refs if each.startswith(f"{ref}.")]
            raw = table.take("where", dict, N_("a table such as { kind = 'result_told' }"), {})
            where = self._values(table, "where", raw, fields, f"{ref}.")
            filled = table.some("filled", fields)
            since = table.one("since", self.stages, "") if kind == "rows" else ""
        elif kind == "notified" and not table.flag("notified"):
            table.fault("notified", N_("should be %(what)s, not %(value)s"), what=Sentence("true"), value="false")
        elif kind == "any":
            any_of = self._needs(table, "any", nested=True)
        table.end()
        return [Need(kind, ref, values, where, filled, since, when, unless, say, any_of)]
