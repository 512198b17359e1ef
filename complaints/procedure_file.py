"""Reading a procedure file, and everything that can be wrong with one.

All faults are told at once, each with the file, the table, the key, and what was probably meant. `load` reads a file,
`read` a text. What the tables and keys mean: docs/procedures.md.

Next door: a single table and its faults in procedure_table.py, what the parts call each other by in
procedure_declared.py, records and their fields in procedure_sheets.py, `when` and `needs` in procedure_conditions.py,
penalties in procedure_penalties.py, the report in procedure_layout.py, papers in papers.py, what is counted in
procedure_measures.py. What only shows when the whole procedure is seen, such as a stage that nothing leads to, is in
procedure_whole.py.
"""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from complaints import papers, procedure_layout, procedure_measures, procedure_penalties, procedure_sheets
from complaints.calendar import Within, parse_within
from complaints.errors import N_, Name, Sentence
from complaints.fields import REGISTER
from complaints.procedure import (
    ALWAYS,
    ANSWERED,
    COMPLAINT,
    INVESTIGATION,
    PEOPLE,
    Appointment,
    AskRule,
    ClockRule,
    Contact,
    Label,
    Ladder,
    Move,
    NoticeRule,
    OpenRule,
    Part,
    Procedure,
    SignatureRule,
    Stage,
)
from complaints.procedure_conditions import needs, when
from complaints.procedure_declared import Declared
from complaints.procedure_sheets import ANCHORS, FORM_NAMES
from complaints.procedure_table import (
    MOST_FAULTS,
    MOST_TOGETHER,
    BadProcedure,
    Fault,
    Table,
    crowded,
    printable,
    shown,
)
from complaints.procedure_whole import faults

__all__ = [
    "ANCHORS", "FORM_NAMES", "LARGEST_FILE", "MOST_FAULTS", "BadProcedure", "Fault", "Table", "load", "read", "text_of",
]  # fmt: skip

NAMING = ("person", "people", "departments")
SHOWN = ("line", "date", "time", "number", "choice", "choices", "yes_no")
"""The types of fields that a notice can show in its line."""
TO = ("owner", "superior", "departments", "notified", "writers")
CAN_BE_LEFT_OUT = sorted(REGISTER.keys() - {"customer", "complaint_date", "content", "channel", "subject"})
"""Fields of the register entry without which a complaint can be taken in."""
LARGEST_FILE = 256 * 1024
LONGEST_OF_ROWS = 34
"""The key of a clock for each row is followed by the number of the row."""
MOST_DOTS = 500
"""In a line: each is a table in a table, and the reading of very many takes for ever."""


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


def read(text: str, file: str, *, kept: bool = False) -> Procedure:
    """Read and check a procedure; `file` is the name by which its faults are told. A version that was `kept` was whole
    when it was brought in: what is asked of the whole since then is asked of new ones. Raises `BadProcedure`."""
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
        said = "nested too deeply" if isinstance(error, RecursionError) else printable(str(error))
        raise BadProcedure([Fault(file, "", Sentence(N_("is not TOML: %(error)s"), {"error": said}))]) from error
    if not kept and (places := [printable(place)[:60] for place in crowded(raw)]):
        problem = Sentence(N_("holds more than %(most)s parts, which no procedure needs"), {"most": MOST_TOGETHER})
        raise BadProcedure([Fault(file, place, problem) for place in places[:MOST_FAULTS]])
    noted: list[Fault] = []
    found = _File(Table(raw, file, "", "", noted)).procedure(text)
    if not kept:
        noted += [Fault(file, place, sentence) for place, sentence in faults(found)]
    if noted:
        raise BadProcedure(noted[:MOST_FAULTS])
    return found


class _File(Declared):
    """The whole file: first what there is, then what each part says of the others."""

    def procedure(self, source: str) -> Procedure:
        top = self.top
        moves = tuple(self._move(table) for table in self.parts["move"])
        stages = tuple(self._stage(table, position, moves) for position, table in enumerate(self.parts["stage"]))
        outcomes = tuple(self._outcome(table, len(stages) + n) for n, table in enumerate(self.parts["outcome"]))
        found = Procedure(
            key=top.key(),
            version=top.number("version", most=9_999, needed=True) or 1,
            name=top.name(),
            roles=self.named,
            classes=self.classes,
            stages=stages,
            outcomes=outcomes,
            sheets=tuple(procedure_sheets.sheet(table, self) for table in self.parts["sheet"]),
            signatures=tuple(self._signature(table) for table in self.parts["signature"]),
            moves=moves,
            clocks=tuple(self._clock(table) for table in self.parts["clock"]),
            penalties=tuple(procedure_penalties.rule(table, self) for table in self.parts["penalty"]),
            ladders=tuple(self._ladder(table) for table in self.parts["ladder"]),
            notices=tuple(self._notice(table) for table in self.parts["notice"]),
            papers=tuple(papers.read(table, self._known_to_papers()) for table in self.parts["print"]),
            departments=top.one("departments", self.of_kind("departments"), ""),
            investigator=top.one("investigator", self.of_kind("person"), ""),
            checks=top.one(
                "checks", [ref for ref, found in self.refs.items() if found.kind == "date" and found.many], ""
            ),
            verified=top.one("verified", self.signatures, ""),
            contact=self._contact() if "contact" in top.raw else None,
            counting=procedure_measures.read(self),
            report=top.may_name("report"),
            parts=tuple(self._part(table) for table in self.parts["part"]),
            raised_by=top.some("class_raised_by", self.roles),
            lowered_by=top.some("class_lowered_by", self.roles),
            **self._privacy(),
            **self._entry(),
            labels=tuple(self._label(table) for table in self.parts["label"]),
            opens=tuple(self._open(table) for table in self.parts["open"]),
            retention_years=self._retention(),
            source=source,
        )
        top.end()
        return found

    def _part(self, table: Table) -> Part:
        return procedure_layout.part(
            table, sheets=self.sheets, signatures=self.signatures, refs=self.refs, once=self.kept_once
        )

    def _contact(self) -> Contact:
        table = self.top.table("contact", N_("a table"), "contact")
        sheet = table.one("sheet", [key for key in self.sheets if key in self.rows])

        def fields(*kinds: str) -> list[str]:
            return [key for key, kind in self.fields_of(sheet).items() if kind in kinds]

        contact = Contact(
            sheet=sheet,
            kind=table.one("kind", fields("choice")),
            on=table.one("on", fields("date")),
            way=table.one("way", fields("choice")),
            text=table.one("text", fields("text")),
            way_mail=table.text("way_mail"),
            person=table.one("person", fields("line"), ""),
            promises_after=table.one("promises_after", self.signatures, ""),
            replies_after=table.one("replies_after", self.signatures, ""),
            expected=table.one("expected", fields("date"), ""),
            progress=table.text("progress", ""),
        )
        if way := self.refs.get(f"{sheet}.{contact.way}"):
            table.check("way_mail", (contact.way_mail,), way.choices)
        if (kind := self.refs.get(f"{sheet}.{contact.kind}")) and contact.progress:
            table.check("progress", (contact.progress,), kind.choices)
        table.end()
        return contact

    def _privacy(self) -> dict[str, Any]:
        table = self.top.table("privacy", N_("a table"), "privacy")
        said = {
            "confidential": table.flag("confidential"),
            "seen_by": frozenset(table.some("seen_by", self.roles)),
            "hidden_from": table.some("hidden_from", self.naming(*PEOPLE)),
        }
        table.end()
        return said

    def _entry(self) -> dict[str, Any]:
        """What the register entry is called, and what it leaves out."""
        table = self.top.table("entry", N_("a table"), "entry")
        names, left_out = table.names("names"), table.some("leaves_out", CAN_BE_LEFT_OUT)
        table.check("names", names, REGISTER)
        table.end()
        return {"entry": names, "left_out": frozenset(left_out)}

    def _open(self, table: Table) -> OpenRule:
        rule = OpenRule(
            key=table.key(),
            name=table.name(),
            procedure=table.text("procedure"),
            by=table.some("by", self.who(), needed=True),
            on=table.some("on", self.events),
            stages=table.some("stages", self.stages),
            when=when(table, self),
        )
        table.check_key("procedure", rule.procedure)
        table.end()
        return rule

    def _label(self, table: Table) -> Label:
        label = Label(table.key(), table.name(), when(table, self), table.flag("warns"))
        if label.when == ALWAYS:
            table.fault("when", N_("is missing; a label stands only where something holds"))
        table.end()
        return label

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
            needs=needs(table, self),
            register=table.flag("register"),
            owner_roles=table.some("owner_roles", self.roles),
            owner=table.one("owner", [*self.of_kind("person"), "registered_by"], ""),
            final=table.flag("final"),
            customers_turn=table.flag("customers_turn"),
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
            needs=needs(table, self),
            off_board=True,
            answer=table.one("answer", ANSWERED, ""),
            from_=table.some("from", self.stages, needed=True),
            moved_in_by=table.some("by", self.roles, needed=True),
        )
        if stage.answer and stage.key in ("not_complaint", "merged"):
            table.fault("answer", N_("does not go with '%(outcome)s', which has a page of its own"), outcome=stage.key)
        table.end()
        return stage

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
            each=table.one("each", self.of_kind("departments"), ""),
            stages=table.some("stages", self.stages, needed=True),
            covers=table.some("covers", [*self.sheets, *self.refs]),
            after=table.some("after", self.signatures),
            not_by=table.some("not_by", [*self.sheets, *self.signatures, *self.naming(*PEOPLE)]),
            not_department=table.flag("not_department"),
            per_round=table.flag("per_round"),
            when=when(table, self),
            needs=needs(table, self),
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
        texts = self.of_kind("line", "text", "choice", "yes_no")
        asks = table.tables("ask")
        returning = [each.raw.get("return_by") for each in self.parts["signature"]]
        table.check("writes", writes, texts)
        move = Move(
            key=table.key() if "key" in table.raw else table.text("key", ""),
            from_=table.some("from", self.stages, needed=True),
            to=table.one("to", self.stages),
            by=table.some("by", self.who(), needed=table.raw.get("key") not in returning),
            when=when(table, self),
            needs=needs(table, self),
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
                table.fault(f"writes.{ref}", message, what=Sentence(N_("a text")), value=shown(value))
            elif known:
                table.check(f"writes.{ref}", (value,), known)
        return {key: str(value) for key, value in writes.items() if isinstance(value, str)}

    def _clock(self, table: Table) -> ClockRule:
        starts, until = table.one("starts", self.events), table.one("until", self.naming("date", "time"), "")
        each = until.partition(".")[0] if until in self.refs and self.refs[until].many else ""
        rule = ClockRule(
            key=table.key(longest=LONGEST_OF_ROWS if each else 40),
            name=table.name(),
            starts=starts,
            stops=table.some("stops", self.events, needed=True),
            within=self._limit(table, optional=bool(each or (until and starts == f"filled:{until}"))),
            until=until,
            each=each,
            target=table.flag("target"),
            responsible=table.one("responsible", self.roles),
            when=when(table, self),
            penalty=procedure_penalties.of_clock(table),
            pauses=table.flag("pauses"),
        )
        if rule.target and rule.penalty:
            table.fault("penalty", N_("does not go with target = true: who misses a target breaks no promise"))
        if rule.each:
            self._of_rows(table, rule)
        table.end()
        return rule

    def _of_rows(self, table: Table, rule: ClockRule) -> None:
        """A clock for each row begins, is due and stops with that row alone."""
        if rule.starts != f"filled:{rule.until}":
            table.fault(
                "starts", N_("should be '%(event)s': a clock for each row starts with it"), event=f"filled:{rule.until}"
            )
        elsewhere = [event for event in rule.stops if not event.startswith(f"filled:{rule.each}.")]
        for event in elsewhere:
            table.fault(
                "stops",
                N_("'%(event)s' is no field of '%(sheet)s'; a clock for each row stops with its row"),
                event=event,
                sheet=rule.each,
            )
        for key in ("within", "target", "penalty", "pauses"):
            if table.raw.get(key):
                table.fault(key, N_("does not go with until in a record with rows: each row is due when it says"))

    def _limit(self, table: Table, *, optional: bool) -> Within | None:
        """The limit of a clock; none is needed where the clock begins with the date it is due."""
        within = table.text("within", "" if optional or "until" in table.raw else None)
        if not within and "until" in table.raw:
            if not optional:
                message = N_("is missing; only a clock that starts with 'filled:' and the field of until needs none")
                table.fault("within", message)
            return None
        try:
            return parse_within(within or "1 hour")
        except ValueError as error:
            table.fault("within", "%(error)s", error=printable(str(error)))
            return parse_within("1 hour")

    def _ladder(self, table: Table) -> Ladder:
        rule = Ladder(
            superiors=table.number("superiors", most=20) or 1,
            roles=table.some("roles", self.roles),
            every=table.number("every", most=100) or 1,
            when=when(table, self),
        )
        table.end()
        return rule

    def _notice(self, table: Table) -> NoticeRule:
        named = self.naming(*NAMING)
        showable = [ref for ref, found in self.refs.items() if "." in ref and found.kind in SHOWN]
        rule = NoticeRule(
            on=table.some("on", self.events, needed=True),
            to=table.some("to", [*self.roles, *TO, *named], needed=True),
            name=table.name(),
            when=when(table, self),
            shows=table.some("shows", showable),
            calendar=self._appointment(table),
            always=table.flag("always"),
        )
        table.end()
        return rule

    def _known_to_papers(self) -> papers.Known:
        numbered = [str(each.raw.get("key")) for each in self.parts["sheet"] if each.raw.get("numbered")]
        of_rows = {str(key): list(self.fields_of(key)) for key in self.rows}
        return papers.Known(self.kept_once, of_rows, numbered, self.signatures, self.keys("part"))

    def _appointment(self, table: Table) -> Appointment | None:
        times = [ref for ref, found in self.refs.items() if found.kind == "time" and found.many]
        inside = table.table("calendar", N_("a table such as { starts = 'meeting.planned_for' }"), "")
        if not inside.raw:
            return None
        starts = inside.one("starts", times)
        ends = inside.one("ends", [ref for ref in times if ref.partition(".")[0] == starts.partition(".")[0]], "")
        inside.end()
        return Appointment(starts, ends)
