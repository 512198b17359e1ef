"""Reading a procedure file, and everything that can be wrong with one.

All faults are told at once, each with the file, the table, the key, and what was probably meant. `load` reads a file,
`read` a text. What the tables and keys mean: docs/procedures.md.
"""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from complaints.calendar import parse_within
from complaints.errors import Name
from complaints.fields import REGISTER
from complaints.people import ROLES
from complaints.procedure import (
    ALWAYS,
    COMPLAINT,
    INVESTIGATION,
    AskRule,
    ClockRule,
    Field,
    Move,
    Need,
    NoticeRule,
    Penalty,
    Procedure,
    Sheet,
    SignatureRule,
    Stage,
    When,
)

KINDS = ("line", "text", "date", "time", "number", "choice", "choices", "person", "people", "departments", "file")
PARTS = ("owner", "due", "done")
NEEDS = ("field", "sheet", "rows", "none", "signature", "value", "notified", "any")
TO = ("owner", "superior", "departments", "notified")
YES_NO = {"yes": Name("Yes", "是"), "no": Name("No", "否")}
TEXT_LIMIT, LINE_LIMIT = 4_000, 200


class BadProcedure(ValueError):
    """A procedure file is wrong; `problems` says everything at once, where and how to mend it."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


def load(path: Path) -> Procedure:
    """Read and check a procedure file; raises `BadProcedure`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadProcedure([f"{path.name}: cannot be read: {error}"]) from error
    return read(text, path.name)


def read(text: str, file: str) -> Procedure:
    """Read and check a procedure; `file` is the name by which its faults are told. Raises `BadProcedure`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadProcedure([f"{file}: is no TOML: {error}"]) from error
    problems: list[str] = []
    found = _File(Table(raw, file, "", problems)).procedure(text)
    if problems:
        raise BadProcedure(problems)
    return found


class Table:
    """A table of the file while it is read. Every question notes what is wrong with the answer and goes on with
    something harmless; `end` notes the keys that nobody asked for."""

    def __init__(self, raw: Mapping[str, Any], file: str, place: str, problems: list[str]) -> None:
        self.raw, self.file, self.place, self.problems = raw, file, place, problems
        self.asked: set[str] = set()

    def fault(self, key: str, problem: str) -> None:
        place = ".".join(part for part in (self.place, key) if part)
        self.problems.append(f"{self.file}: {place}: {problem}" if place else f"{self.file}: {problem}")

    def _take(self, key: str, kind: type | tuple[type, ...], what: str, default: Any, *, needed: bool) -> Any:
        self.asked.add(key)
        if key not in self.raw:
            if needed:
                self.fault(key, f"is missing; it should be {what}")
            return default
        value = self.raw[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            self.fault(key, f"should be {what}, not {value!r}")
            return default
        return value

    def text(self, key: str, default: str | None = None) -> str:
        return str(self._take(key, str, "a text", default or "", needed=default is None))

    def flag(self, key: str) -> bool:
        return bool(self._take(key, bool, "true or false", False, needed=False))

    def number(self, key: str, *, needed: bool = True) -> int | None:
        value = self._take(key, int, "a whole number", None, needed=needed)
        if value is not None and value < 1:
            self.fault(key, f"should be 1 or more, not {value}")
            return None
        return None if value is None else int(value)

    def key(self) -> str:
        key = self.text("key")
        if key and not (key.isascii() and key.replace("_", "a").isalnum() and key == key.lower() and len(key) <= 40):
            self.fault("key", f"should be small Latin letters, digits and _, at most 40, not {key!r}")
        return key

    def name(self, key: str = "name") -> Name:
        return self._name(key, self._take(key, dict, 'a name: { en = "…", zh = "…" }', {}, needed=True))

    def may_name(self, key: str) -> Name | None:
        value = self._take(key, dict, 'a name: { en = "…", zh = "…" }', None, needed=False)
        return None if value is None else self._name(key, value)

    def _name(self, key: str, value: Mapping[str, Any]) -> Name:
        for language in ("en", "zh"):
            if value and not (isinstance(value.get(language), str) and value[language].strip()):
                self.fault(f"{key}.{language}", "is missing; every name is given in both languages")
        for other in value.keys() - {"en", "zh"}:
            self.fault(f"{key}.{other}", "is not known; a name has en and zh")
        return Name(str(value.get("en", "?")), str(value.get("zh", "?")))

    def names(self, key: str, *, needed: bool = False) -> dict[str, Name]:
        value = self._take(key, dict, "a table of names", {}, needed=needed)
        found = {}
        for each, name in value.items():
            if isinstance(name, dict):
                found[each] = self._name(f"{key}.{each}", name)
            else:
                self.fault(f"{key}.{each}", 'should be a name: { en = "…", zh = "…" }')
        return found

    def texts(self, key: str, *, needed: bool = False) -> tuple[str, ...]:
        """Texts; a single one may stand alone."""
        value = self._take(key, (list, str), "a list of texts", [], needed=needed)
        texts = [value] if isinstance(value, str) else value
        if not all(isinstance(each, str) for each in texts):
            self.fault(key, f"should be a list of texts, not {value!r}")
            return ()
        return tuple(texts)

    def one(self, key: str, known: Collection[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value and value != default:
            self.check(key, (value,), known)
        return value

    def some(self, key: str, known: Collection[str], *, needed: bool = False) -> tuple[str, ...]:
        values = self.texts(key, needed=needed)
        self.check(key, values, known)
        return values

    def check(self, key: str, values: Iterable[str], known: Collection[str]) -> None:
        for value in values:
            if value not in known:
                self.fault(key, f"names {value!r}{_meant(value, known)}")

    def tables(self, key: str) -> list["Table"]:
        value = self._take(
            key, list, f"tables [[{'.'.join((self.place, key)) if self.place else key}]]", [], needed=False
        )
        if not all(isinstance(each, dict) for each in value):
            self.fault(key, "should be tables")
            return []
        return [self.inside(each, key, position) for position, each in enumerate(value, 1)]

    def inside(self, raw: Mapping[str, Any], key: str, position: int) -> "Table":
        called = raw.get("key") if isinstance(raw.get("key"), str) else None
        place = f"{key}.{called}" if called else f"{key}[{position}]"
        return Table(raw, self.file, f"{self.place}.{place}" if self.place else place, self.problems)

    def end(self) -> None:
        for key in self.raw.keys() - self.asked:
            self.fault(key, f"is not known here{_meant(key, self.asked)}")


def _meant(value: str, known: Collection[str]) -> str:
    close = get_close_matches(value, list(known), n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(sorted(known)[:30])}" if known else "; none is known"


class _File:
    """The whole file: first what there is, then what each part says of the others."""

    def __init__(self, top: Table) -> None:
        self.top = top
        self.parts = {
            key: top.tables(key) for key in ("stage", "outcome", "sheet", "signature", "move", "clock", "notice")
        }
        self.stages = self._keys("stage")
        self.outcomes = self._keys("outcome")
        self.sheets = {each.text("key"): each.raw for each in self.parts["sheet"]}
        self.signatures = self._keys("signature")
        self.ways = [each.raw["key"] for each in self.parts["move"] if isinstance(each.raw.get("key"), str)]
        self.classes = top.names("classes", needed=True)
        self.roles = list(ROLES)
        self.refs = {*REGISTER, *self._fields()}
        self.events = self._events()
        for kind in ("stage", "outcome", "sheet", "signature", "move", "clock"):
            self._once(kind)

    def _keys(self, kind: str) -> list[str]:
        return [str(each.raw.get("key", "")) for each in self.parts[kind]]

    def _once(self, kind: str) -> None:
        seen: set[str] = set()
        for table in self.parts[kind]:
            key = str(table.raw.get("key", ""))
            if key and key in seen:
                table.fault("key", f"there are two of {key!r}")
            seen.add(key)

    def _fields(self) -> list[str]:
        """Every field of every record, as `record.field`."""
        found = []
        for key, raw in self.sheets.items():
            fields = raw.get("field", [])
            found += [f"{key}.{f['key']}" for f in fields if isinstance(f, dict) and isinstance(f.get("key"), str)]
        return found

    def _events(self) -> set[str]:
        keys = self.signatures
        return {
            "received", "drafted", "notified", "class", "lowered", "round",
            *(f"entered:{key}" for key in (*self.stages, *self.outcomes)), *(f"signed:{key}" for key in keys),
            *(f"returned:{key}" for key in keys), *(f"moved:{key}" for key in self.ways),
            *(f"written:{key}" for key in self.sheets), *(f"filled:{ref}" for ref in self._fields()),
        }  # fmt: skip

    def procedure(self, source: str) -> Procedure:
        top = self.top
        key, version = top.key(), top.number("version") or 1
        if not self.stages:
            top.fault("stage", "is missing; a procedure has at least two stages [[stage]]")
        moves = tuple(self._move(table) for table in self.parts["move"])
        stages = tuple(self._stage(table, n, moves) for n, table in enumerate(self.parts["stage"]))
        outcomes = tuple(self._stage(t, len(stages) + n, moves, off=True) for n, t in enumerate(self.parts["outcome"]))
        self._whole(stages, moves)
        found = Procedure(
            key=key,
            version=version,
            name=top.name(),
            classes=self.classes,
            stages=stages,
            outcomes=outcomes,
            sheets=tuple(self._sheet(table) for table in self.parts["sheet"]),
            signatures=tuple(self._signature(table) for table in self.parts["signature"]),
            moves=moves,
            clocks=tuple(self._clock(table) for table in self.parts["clock"]),
            notices=tuple(self._notice(table) for table in self.parts["notice"]),
            departments=top.one("departments", self.refs, ""),
            investigator=top.one("investigator", self.refs, ""),
            lowered_by=top.some("class_lowered_by", self.roles),
            confidential=self._section("privacy", "confidential"),
            retention_years=self._retention(),
            source=source,
        )
        top.end()
        return found

    def _whole(self, stages: tuple[Stage, ...], moves: tuple[Move, ...]) -> None:
        """What only shows when the stages are seen together."""
        if not stages:
            return
        if sum(stage.register for stage in stages) != 1:
            self.top.fault("stage", "exactly one stage has register = true: the one a complaint enters by registration")
        if not any(stage.final for stage in stages):
            self.top.fault("stage", "no stage has final = true: a complaint could never be closed")
        reached = {stages[0].key}
        while new := {move.to for move in moves if reached & {*move.from_}} - reached:
            reached |= new
        for stage in stages:
            if stage.key not in reached:
                self.top.fault(f"stage.{stage.key}", "no [[move]] leads there")
            elif not stage.final and not any(stage.key in move.from_ for move in moves):
                self.top.fault(f"stage.{stage.key}", "no [[move]] leads on from there")

    def _section(self, key: str, flag: str) -> bool:
        table = Table(self.top._take(key, dict, "a table", {}, needed=False), self.top.file, key, self.top.problems)
        value = table.flag(flag)
        table.end()
        return value

    def _retention(self) -> int | None:
        raw = self.top._take("retention", dict, "a table", {}, needed=False)
        table = Table(raw, self.top.file, "retention", self.top.problems)
        years = table.number("years_after_closing", needed=False)
        table.end()
        return years

    def _stage(self, table: Table, position: int, moves: tuple[Move, ...], *, off: bool = False) -> Stage:
        key = table.key()
        ways = [move for move in moves if move.to == key]
        from_ = table.some("from", self.stages, needed=True) if off else tuple(s for m in ways for s in m.from_)
        onward = [move for move in ways if not move.back]
        by = table.some("by", self.roles) if off else tuple(dict.fromkeys(role for m in onward for role in m.by))
        stage = Stage(
            key=key,
            name=table.name(),
            position=position,
            needs=self._needs(table),
            off_board=off,
            from_=tuple(dict.fromkeys(from_)),
            moved_in_by=by,
        ) if off else Stage(
            key=key,
            name=table.name(),
            position=position,
            needs=self._needs(table),
            register=table.flag("register"),
            owner_roles=table.some("owner_roles", self.roles),
            owner=table.one("owner", {*self.refs, "registered_by"}, ""),
            final=table.flag("final"),
            shown_for_days=table.number("shown_for_days", needed=False),
            from_=tuple(dict.fromkeys(from_)),
            moved_in_by=by,
        )  # fmt: skip
        table.end()
        return stage

    def _sheet(self, table: Table) -> Sheet:
        key = table.key()
        fields = table.tables("field")
        own = [each.raw.get("key") for each in fields]
        sheet = Sheet(
            key=key,
            name=table.name(),
            of=table.one("of", (COMPLAINT, INVESTIGATION), COMPLAINT) or COMPLAINT,
            fields=tuple(self._field(each, own) for each in fields),
            by=table.some("by", self.roles, needed=True),
            stages=table.some("stages", self.stages),
            many=table.flag("many"),
            per_round=table.flag("per_round"),
            carried=table.flag("carried"),
            numbered=table.text("numbered", ""),
            when=self._when(table),
            needs=self._needs(table),
            locked_by=table.one("locked_by", self.signatures, ""),
            help=table.may_name("help"),
        )
        if not sheet.fields:
            table.fault("field", "is missing; a record has fields [[sheet.field]]")
        if sheet.many and any(field.part == "owner" for field in sheet.fields) and not sheet.part("done"):
            table.fault("field", 'a row with an owner needs a field with part = "done", else it stays a task for ever')
        table.end()
        return sheet

    def _field(self, table: Table, own: Collection[Any]) -> Field:
        kind = table.one("type", (*KINDS, "yes_no"), "line") or "line"
        choices = dict(YES_NO) if kind == "yes_no" else table.names("choices", needed=kind in ("choice", "choices"))
        field = Field(
            key=table.key(),
            name=table.name(),
            kind="choice" if kind == "yes_no" else kind,
            required=table.flag("required"),
            when=self._when(table),
            choices=choices,
            roles=table.some("roles", self.roles),
            by=table.some("by", {*self.roles, *self.refs}),
            after=table.some("after", own),
            stages=table.some("stages", self.stages),
            part=table.one("part", PARTS, ""),
            past=table.flag("past"),
            help=table.may_name("help"),
            limit=table.number("limit", needed=False) or (TEXT_LIMIT if kind == "text" else LINE_LIMIT),
        )
        wanted = {"owner": "person", "due": "date", "done": "date"}.get(field.part)
        if wanted and field.kind != wanted:
            table.fault("part", f"a field that is the {field.part} of a row has type = {wanted!r}, not {field.kind!r}")
        table.end()
        return field

    def _signature(self, table: Table) -> SignatureRule:
        signed = {*self.sheets, *self.refs}
        rule = SignatureRule(
            key=table.key(),
            name=table.name(),
            act=table.may_name("act") or Name("Sign", "签字"),
            of=table.one("of", (COMPLAINT, INVESTIGATION), COMPLAINT) or COMPLAINT,
            by=table.some("by", self.roles, needed=True),
            by_class=self._by_class(table),
            stages=table.some("stages", self.stages, needed=True),
            covers=table.some("covers", signed),
            after=table.some("after", self.signatures),
            not_by=table.some("not_by", {*self.sheets, *self.signatures}),
            not_department=table.flag("not_department"),
            per_round=table.flag("per_round"),
            when=self._when(table),
            needs=self._needs(table),
            returns=table.flag("returns"),
            return_by=table.one("return_by", self.ways, ""),
            voids=table.some("return_voids", self.signatures),
        )
        table.end()
        return rule

    def _by_class(self, table: Table) -> dict[str, tuple[str, ...]]:
        raw = table._take("by_class", dict, 'a table: { major = ["mkt_vp"] }', {}, needed=False)
        inside = Table(raw, table.file, f"{table.place}.by_class", table.problems)
        found = {key: inside.some(key, self.roles) for key in raw}
        table.check("by_class", raw, self.classes)
        return found

    def _move(self, table: Table) -> Move:
        back = table.flag("back")
        from_ = table.some("from", self.stages, needed=True)
        to = table.one("to", self.stages)
        asks = []
        for each in table.tables("ask"):
            asks.append(AskRule(each.key(), each.name(), each.one("to", self.refs, "")))
            each.end()
        raw = table._take("writes", dict, 'a table: { "record.field" = "value" }', {}, needed=False)
        table.check("writes", raw, {ref for ref in self.refs if "." in ref})
        move = Move(
            key=table.text("key", "") and table.key(),
            from_=from_,
            to=to,
            by=table.some("by", self.roles, needed=True),
            when=self._when(table),
            needs=self._needs(table),
            back=back,
            asks=tuple(asks),
            new_round=table.flag("new_round"),
            writes={str(key): str(value) for key, value in raw.items()},
            voids=table.some("voids", {*self.signatures, "*"}),
        )
        table.end()
        return move

    def _clock(self, table: Table) -> ClockRule:
        within = table.text("within")
        try:
            limit = parse_within(within) if within else parse_within("1 hour")
        except ValueError as error:
            table.fault("within", str(error))
            limit = parse_within("1 hour")
        stops = table.some("stops", self.events, needed=True)
        penalty = None
        raw = table._take("penalty", dict, 'a table: { key = "…", yuan = 20 }', None, needed=False)
        if raw is not None:
            inside = Table(raw, table.file, f"{table.place}.penalty", table.problems)
            penalty = Penalty(inside.key(), inside.number("yuan") or 0)
            inside.end()
        rule = ClockRule(
            key=table.key(),
            name=table.name(),
            starts=table.one("starts", self.events),
            stops=stops,
            within=limit,
            responsible=table.one("responsible", self.roles),
            when=self._when(table),
            penalty=penalty,
        )
        table.end()
        return rule

    def _notice(self, table: Table) -> NoticeRule:
        rule = NoticeRule(
            on=table.some("on", self.events, needed=True),
            to=table.some("to", {*self.roles, *TO, *self.refs}, needed=True),
            name=table.name(),
            when=self._when(table),
        )
        table.end()
        return rule

    # Conditions and needs

    def _when(self, table: Table, key: str = "when") -> When:
        raw = table._take(
            key, (dict, list), 'a condition: { complaint_class = "major" }, or a list of them', [], needed=False
        )
        alternatives = [raw] if isinstance(raw, dict) else raw
        found = []
        for each in alternatives:
            if not isinstance(each, dict):
                table.fault(key, f"should be a condition, not {each!r}")
                continue
            found.append(self._values(table, key, each))
        return When(tuple(found)) if found else ALWAYS

    def _values(self, table: Table, key: str, raw: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        inside = Table(raw, table.file, f"{table.place}.{key}", table.problems)
        table.check(key, raw, self.refs)
        values = {ref: inside.texts(ref) for ref in raw}
        for ref, chosen in values.items():
            if (known := self._choices(ref)) is not None:
                inside.check(ref, chosen, known)
        return values

    def _choices(self, ref: str) -> Collection[str] | None:
        """The values that a field can have, where they are a list."""
        if ref == "complaint_class":
            return self.classes
        sheet, _, key = ref.partition(".")
        for raw in self.sheets.get(sheet, {}).get("field", []):
            if isinstance(raw, dict) and raw.get("key") == key:
                if raw.get("type") == "yes_no":
                    return YES_NO
                if isinstance(raw.get("choices"), dict):
                    return [*raw["choices"], ""]
        return None

    def _needs(self, table: Table, key: str = "needs") -> tuple[Need, ...]:
        raw = table._take(key, list, "a list of needs", [], needed=False)
        found: list[Need] = []
        for position, each in enumerate(raw, 1):
            if not isinstance(each, dict):
                table.fault(f"{key}[{position}]", f'should be a need such as {{ field = "customer" }}, not {each!r}')
                continue
            found += self._need(table.inside(each, key, position))
        return tuple(found)

    def _need(self, table: Table) -> list[Need]:
        kinds = [kind for kind in (*NEEDS, "fields") if kind in table.raw]
        if len(kinds) != 1:
            table.fault("", f"should say exactly one of {', '.join((*NEEDS, 'fields'))}")
            return []
        when, say = self._when(table), table.may_name("say")
        unless = table.one("unless", self.refs, "")
        kind = kinds[0]
        if kind == "fields":
            refs = table.some("fields", self.refs)
            table.end()
            return [Need("field", ref, when=when, unless=unless, say=say) for ref in refs]
        need = self._a_need(kind, table, when, unless, say)
        table.end()
        return [need]

    def _a_need(self, kind: str, table: Table, when: When, unless: str, say: Name | None) -> Need:
        if kind == "any":
            table.asked.add("any")
            return Need(kind, any_of=self._needs(Table(table.raw, table.file, table.place, table.problems), "any"),
                        when=when, unless=unless, say=say)  # fmt: skip
        if kind == "notified":
            table.flag("notified")
            return Need(kind, when=when, unless=unless, say=say)
        known: Collection[str] = {
            "field": self.refs, "value": self.refs, "sheet": self.sheets, "rows": self.sheets, "none": self.sheets,
            "signature": self.signatures,
        }[kind]  # fmt: skip
        ref = table.one(kind, known)
        values: tuple[str, ...] = ()
        where: dict[str, tuple[str, ...]] = {}
        filled: tuple[str, ...] = ()
        if kind == "value":
            values = table.texts("is", needed=True)
            if (choices := self._choices(ref)) is not None:
                table.check("is", values, choices)
        if kind in ("rows", "none"):
            fields = [each.partition(".")[2] for each in self.refs if each.startswith(f"{ref}.")]
            raw = table._take("where", dict, 'a table: { kind = "result_told" }', {}, needed=False)
            table.check("where", raw, fields)
            where = {f: (str(v),) if isinstance(v, str) else tuple(map(str, v)) for f, v in raw.items()}
            filled = table.some("filled", fields)
        return Need(kind, ref, values=values, where=where, filled=filled, when=when, unless=unless, say=say)
