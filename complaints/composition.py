"""A composition: what a paper says of a complaint, in one edition, as plain values that can be kept.

Pure. Every word is a text that somebody wrote, a name in both languages (`[en, zh]`) or a message to translate
(`{"message": …}` with its values), so that a composition is the same whatever language it is printed in. Nothing
internal is in the customer's edition: no section, record or field that is internal, no remark of a signer, no round
that is over, nothing that was returned.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from complaints.case import Case, Past, filled
from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS
from complaints.errors import N_, Name
from complaints.fields import REGISTER
from complaints.papers import FACTS, INTERNAL, Paper, Section
from complaints.procedure import PEOPLE, Field, Part, Procedure, Sheet, SignatureRule, View
from complaints.records import Record
from complaints.report import Block
from complaints.signatures import Signature
from complaints.texts import clean

Word = str | list[str] | dict[str, str]
Words = list[Word]
LONGEST, LARGEST = 10_000, 100_000
"""Characters of one text on a paper, and of all: some fifty pages."""
MOST_ROWS, MOST_CELLS = 200, 1_000
"""Rows of one table, and what stands in all the tables of a paper: what is laid out is held in memory."""
LEAST_ROWS = 10
"""So many rows of every table there are, however much stood before it."""
LONGEST_LINE = 60
LONG = frozenset({"content", "demand", "details_asked", "address", "subject", "files", "notified"})
"""Fields of the register entry that have a line of their own."""
ELSEWHERE = N_("a file of another complaint")
CUT = N_("… cut here; the whole text stands in the complaint")
MORE_ROWS = N_("… and %(count)s more, see the complaint")
DECISIONS: Mapping[str, str] = {"approved": N_("Signed"), "returned": N_("Returned")}
VOID = N_("void")
SIGNATURES = N_("Signatures")


@dataclass(frozen=True)
class Counted:
    """A message that says how many."""

    message: str
    count: int


@dataclass(frozen=True)
class Known:
    """Those whom records name by their ids, and what is known of the complaint beside them. Nothing of it depends on
    who asks, and no other complaint is named: whoever may see this one reads the same paper."""

    people: Mapping[int, str] = field(default_factory=dict)
    departments: Mapping[int, Name] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    customer: str = ""


def compose(
    paper: Paper,
    case: Case,
    past: Past,
    known: Known,
    *,
    edition: str,
    zone: ZoneInfo,
    draft: bool = False,
    pictures: Iterable[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """What a paper says of a complaint now; a `draft` is marked on every page."""
    writer = _Writer(case, past, known, zone, ours=edition == INTERNAL)
    numbered = case.records.get(paper.numbered)
    return {
        "title": _name(paper.name),
        "complaint": case.complaint.number,
        "subject": clean(case.complaint.subject, lines=False)[:LONGEST],
        "number": (numbered.number if numbered else None) or "",
        "form": paper.number,
        "version": paper.version,
        "edition": edition,
        "draft": draft,
        "sections": [block for section in paper.said_in(edition) for block in writer.section(section)],
        "pictures": [dict(each) for each in pictures],
    }


def digest_of(content: Mapping[str, Any]) -> str:
    """What tells one revision of a paper from another."""
    said = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(said.encode("utf-8", "backslashreplace")).hexdigest()


@dataclass
class _Room:
    """How many characters a paper has left, and how many cells of tables."""

    left: int = LARGEST
    cells: int = MOST_CELLS


@dataclass(frozen=True)
class _Writer:
    """Writes the sections of one paper. `ours`: it stays in the house."""

    case: Case
    past: Past
    known: Known
    zone: ZoneInfo
    ours: bool
    room: _Room = field(default_factory=_Room)

    @property
    def rules(self) -> Procedure:
        return self.case.rules

    def section(self, section: Section) -> Iterator[dict[str, Any]]:
        if section.parts:
            yield from (block for part in self.rules.parts if part.key in section.parts for block in self._part(part))
            return
        assert section.name is not None  # the file was checked
        head = {"name": _name(section.name), "level": 2}
        if section.signatures:
            yield from self._signatures(head, section.signatures)
        elif section.rows:
            sheet = self._sheet(section.rows)
            columns = [sheet.field(key) for key in section.columns if self._says(f"{sheet.key}.{key}")]
            for round, records in self._rounds(section, sheet):
                yield {**head, "kind": "rows", "round": round, **self._table(columns, records, section.writer)}
        else:
            yield from self._fields(head, section.fields, self.case.records)
            for round, older in self._older(section):
                own = [ref for ref in section.fields if ref.partition(".")[0] in older]
                yield from self._fields({**head, "round": round}, own, older)

    def _sheet(self, key: str) -> Sheet:
        sheet = self.rules.sheet(key)
        assert sheet is not None  # the file was checked
        return sheet

    def _says(self, ref: str) -> bool:
        """Is a field for this edition?"""
        sheet_key, _, key = ref.partition(".")
        if self.ours or not key:
            return True
        sheet = self._sheet(sheet_key)
        return not (sheet.internal or sheet.field(key).internal)

    # The report

    def _part(self, part: Part) -> Iterator[dict[str, Any]]:
        """A part of the report: what it shows and its single fields, its records, its signatures."""
        inside = [
            *self._fields({"level": 3}, [*part.shows, *part.fields], self.case.records),
            *(block for key in part.sheets for block in self._record(self._sheet(key))),
            *self._signatures({"name": _message(SIGNATURES), "level": 3}, part.signatures),
        ]
        yield {"kind": "part", "level": 2, "mark": part.mark, "name": _name(part.name), "empty": not inside}
        yield from inside

    def _record(self, sheet: Sheet) -> Iterator[dict[str, Any]]:
        """A whole record as it is best seen."""
        kept = self.case.of_sheet(sheet)
        fields = [each for each in sheet.fields if self._says(f"{sheet.key}.{each.key}")]
        if not fields or not (kept or self.case.holds(sheet.when)):
            return
        head = {"name": _name(sheet.name), "level": 3}
        view = sheet.view
        if not sheet.many:
            paired = [key for pair in (view.pairs if view else ()) for key in (pair.left, pair.right)]
            refs = [f"{sheet.key}.{each.key}" for each in fields if each.key not in paired]
            yield from self._fields(head, refs, self.case.records)
            if view is not None and view.pairs and kept:
                yield {**head, "name": "", "kind": "rows", "round": None, **self._pairs(view, fields, kept[0])}
            return
        block = Block(sheet, tuple(fields), kept)
        records = [record for _, of_one in block.groups for record in of_one]
        if view is not None and view.kind == "fishbone" and records:
            yield {**head, "kind": "fishbone", "branches": self._branches(block)}
            head["name"] = ""
        columns = list(block.columns)
        table = self._table(columns, records, None)
        if records and any(each in block.counts for each in columns):
            table["total"] = [str(block.total(each)) if each in block.counts else "" for each in columns]
        yield {**head, "kind": "rows", "round": None, **table}

    def _pairs(self, view: View, fields: Sequence[Field], record: Record) -> dict[str, Any]:
        known = {each.key: each for each in fields}

        def cell(key: str) -> Words:
            return self._words(known[key], record.values.get(key)) if key in known else []

        rows = [[[_name(pair.name)], cell(pair.left), cell(pair.right)] for pair in view.pairs]
        return {"head": ["", *map(_name, view.heads)], "rows": rows, "total": []}

    def _branches(self, block: Block) -> list[dict[str, Any]]:
        view = block.sheet.view
        assert view is not None  # only then it is a picture
        by, title, mark = (block.sheet.field(key) for key in (view.by, view.title, view.mark))
        causes = dict(block.groups)
        degrees = {key: str(place) for place, key in enumerate(mark.choices)}

        def factor(record: Record) -> dict[str, Any]:
            degree = degrees.get(record.values.get(mark.key) or "", "")
            return {"text": self._words(title, record.values.get(title.key)), "degree": degree}

        return [
            {"name": _name(name), "factors": [factor(each) for each in causes.get(key, ())]}
            for key, name in by.choices.items()
        ]

    def _said(self, value: Any) -> Words:
        """What somebody wrote, without what no paper can show, and not without end."""
        text = clean("" if value is None else str(value), lines=True)
        most = min(LONGEST, self.room.left)
        self.room.left -= min(len(text), most)
        if len(text) > most:
            return [*([text[:most]] if most else []), _message(CUT)]
        return [text] if text else []

    # Fields

    def _fields(
        self, head: dict[str, Any], refs: Iterable[str], records: Mapping[str, Record]
    ) -> Iterator[dict[str, Any]]:
        if items := self._items(filter(self._says, refs), records):
            yield {"name": "", "round": None, **head, "kind": "fields", "items": items}

    def _items(self, refs: Iterable[str], records: Mapping[str, Record]) -> list[dict[str, Any]]:
        return [item for ref in refs if (item := self._item(ref, records)) is not None]

    def _item(self, ref: str, records: Mapping[str, Record]) -> dict[str, Any] | None:
        """A field with its label; None for one that does not apply and is empty."""
        sheet_key, _, key = ref.partition(".")
        if not key:
            own = self.rules.entry.get(ref)
            label = _name(own) if own else _message({**FACTS, **REGISTER}[ref])
            words, wide = self._register(ref), ref in LONG
        else:
            sheet = self._sheet(sheet_key)
            of = sheet.field(key)
            record = records.get(sheet_key)
            words = self._words(of, record.values.get(key) if record else None)
            if not words and not (self.case.holds(sheet.when) and self.case.holds(of.when)):
                return None
            label, wide = _name(of.name), of.kind == "text"
        wide = wide or sum(len(each) for each in words if isinstance(each, str)) > LONGEST_LINE
        return {"label": label, "words": words, "wide": wide}

    def _register(self, ref: str) -> Words:
        if ref == "customer":
            return self._said(self.known.customer)
        if ref in FACTS:
            return [word for each in self.known.facts[ref] for word in self._fact(each)]
        value = self.case.value(ref)
        lists: Mapping[str, Mapping[str, Name]] = {
            "channel": CHANNELS, "cause_type": CAUSE_TYPES, "link": LINKS, "complaint_class": self.rules.classes,
        }  # fmt: skip
        if ref in lists and value in lists[ref]:
            return [_name(lists[ref][value])]
        return self._said(value.isoformat() if hasattr(value, "isoformat") else value)

    def _fact(self, value: Any) -> Words:
        if isinstance(value, Name):
            return [_name(value)]
        if isinstance(value, Counted):
            return [{"message": value.message, "count": str(value.count)}]
        return [self._moment(value)] if isinstance(value, datetime) else self._said(value)

    def _words(self, of: Field, value: Any) -> Words:
        """What stands in a field of a record."""
        if not filled(value):
            return []
        return [word for each in (value if isinstance(value, list) else [value]) for word in self._word(of, each)]

    def _word(self, of: Field, value: Any) -> Words:
        if of.choices:
            found = of.choices.get(str(value))
            return [_name(found)] if found else self._said(value)
        if of.kind == "time":
            return [self._moment(datetime.fromisoformat(value))]
        if of.kind in PEOPLE:
            return self._said(self.known.people.get(value, ""))
        if of.kind == "departments":
            department = self.known.departments.get(value)
            return [_name(department)] if department else []
        if of.kind in ("file", "files"):
            if value not in self.known.files:
                return [_message(ELSEWHERE)] if self.ours else []
            return self._said(self.known.files[value])
        return self._said(value)

    def _moment(self, at: datetime) -> str:
        return at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")

    # Rows and rounds

    def _table(self, columns: Sequence[Field], records: Sequence[Record], writer: Name | None) -> dict[str, Any]:
        head: list[Word] = [_name(each.name) for each in columns]
        wide = len(columns) + (writer is not None)
        most = min(MOST_ROWS, max(LEAST_ROWS, self.room.cells // max(wide, 1)))
        self.room.cells -= wide * min(len(records), most)
        rows = [[self._words(each, record.values.get(each.key)) for each in columns] for record in records[:most]]
        if writer is not None:
            head.append(_name(writer))
            for row, record in zip(rows, records, strict=False):
                row.append([self.known.people.get(record.begun_by_id or 0, "Redress"), self._moment(record.begun_at)])
        if len(records) > most:
            more: Word = {"message": MORE_ROWS, "count": str(len(records) - most)}
            rows.append([[more], *([] for _ in head[1:])])
        return {"head": head, "rows": rows, "total": []}

    def _rounds(self, section: Section, sheet: Sheet) -> Iterator[tuple[int | None, Sequence[Record]]]:
        """The rows of the present round, and of those before it where they are asked for."""
        now = self.case.of_sheet(sheet)
        if not (self.ours and section.rounds and sheet.per_round and self.case.complaint.round > 1):
            yield None, now
            return
        yield self.case.complaint.round, now
        for round in range(self.case.complaint.round - 1, 0, -1):
            if older := [each for each in self.past.records if each.sheet == sheet.key and each.round == round]:
                yield round, older

    def _older(self, section: Section) -> Iterator[tuple[int, Mapping[str, Record]]]:
        """The records that a list of fields had in the rounds before, where they are asked for."""
        if not (self.ours and section.rounds):
            return
        named = {ref.partition(".")[0] for ref in section.fields}
        for round in range(self.case.complaint.round - 1, 0, -1):
            if older := {each.sheet: each for each in self.past.records if each.round == round and each.sheet in named}:
                yield round, older

    # Signatures

    def _signatures(self, head: dict[str, Any], keys: Iterable[str]) -> Iterator[dict[str, Any]]:
        if given := [each for key in keys for each in self._signed(key)]:
            yield {**head, "kind": "signatures", "signatures": given}

    def _signed(self, key: str) -> list[dict[str, Any]]:
        """A signature as often as it was given; once, empty, where it is wanted and was not."""
        rule = self.rules.signature(key)
        assert rule is not None  # the file was checked
        given = [each for each in self.past.signatures if each.key == key and self._shown(each)]
        if not given and not self.case.holds(rule.when):
            return []
        return [self._signature(rule, each) for each in given] or [{"name": _name(rule.name)}]

    def _shown(self, signature: Signature) -> bool:
        if self.ours:
            return True
        return signature.stands and signature.round in (0, self.case.complaint.round)

    def _signature(self, rule: SignatureRule, given: Signature) -> dict[str, Any]:
        return {
            "name": _name(rule.name),
            "rank": _name(self.case.rules.role(given.role)),
            "who": self.known.people.get(given.user_id or 0, "Redress"),
            "at": self._moment(given.at),
            "decision": _message(DECISIONS.get(given.decision, given.decision)),
            "void": _message(VOID) if given.voided_at is not None else "",
            "remark": self._said(given.remark) if self.ours else [],
            "round": given.round if self.ours and self.case.complaint.round > 1 else 0,
        }


def _name(name: Name) -> Word:
    return [name.en, name.zh]


def _message(message: str) -> Word:
    return {"message": message}
