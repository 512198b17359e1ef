"""A case: everything that the guards of a procedure look at, as values. Loaded once for an act or a page.

A reference names a field: `customer` is one of the register entry, `finding.text` one of the record `finding`. The
decisions over a case are in guards.py; they ask no database.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, cached_property
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, Integer, String, bindparam, cast, literal, null, select, union_all
from sqlalchemy.orm import Session

from complaints import comparing, records, rows, signatures
from complaints.assignments import Assignment, Post
from complaints.complaint import Complaint, Involvement
from complaints.errors import ComplaintError, Name
from complaints.fields import REGISTER
from complaints.link import OPENED, Link
from complaints.procedure import Label, Move, Procedure, Sheet, SignatureRule, When, of, procedure
from complaints.records import Record
from complaints.signatures import Signature, digest_of
from complaints.visits import StageVisit

COLUMNS = {"customer": "customer_id"}
"""Fields of the register entry that have another name on the complaint."""
NOTIFIED = "notified"
INVESTIGATING = "qe"
"""The role of whoever the procedure's field for it names."""
Involved = tuple[str, int | None, int | None]
"""Why somebody is named on a complaint, and the person or the department."""


class Opened(NamedTuple):
    """A case that a complaint opened in another procedure: where it stands."""

    procedure: str
    version: int
    stage: str
    number: str

    @property
    def name(self) -> Name:
        """What it is: the name of its procedure."""
        try:
            return procedure(self.procedure, self.version).name
        except ComplaintError:
            return Name(self.procedure, self.procedure)

    @property
    def finished(self) -> bool:
        try:
            stage = procedure(self.procedure, self.version).stage(self.stage)
        except ComplaintError:  # its procedure is not known here: nobody can tell
            return False
        return stage.final or stage.off_board


@dataclass(frozen=True)
class Case:
    """A complaint as the guards see it, in its present round."""

    complaint: Complaint
    rules: Procedure
    records: Mapping[str, Record] = field(default_factory=dict)
    rows: Mapping[str, tuple[Record, ...]] = field(default_factory=dict)
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    """Those that are complete; of one that each department gives, the last."""
    given: tuple[Signature, ...] = ()
    """Every one that stands."""
    returned: Mapping[str, Signature] = field(default_factory=dict)
    """Those that were returned last, and not given since."""
    entered: Mapping[str, datetime] = field(default_factory=dict)
    """When it last came into each stage that it has been in; a move that was taken back never was."""
    notified: bool = False
    involved: frozenset[Involved] = frozenset()
    assigned: Mapping[Post, int] = field(default_factory=dict)
    """Who is named for a role by a colleague; see `named`."""
    opened: Mapping[str, tuple[Opened, ...]] = field(default_factory=dict)
    """The cases that it opened, by their procedure."""

    @property
    def stage(self) -> str:
        return self.complaint.stage

    @cached_property
    def visited(self) -> frozenset[str]:
        """The stages that it has been in."""
        return frozenset(self.entered)

    def value(self, ref: str) -> Any:
        """What a field holds; None or empty when nothing. Of a record with rows: what all its rows hold."""
        sheet, _, key = ref.partition(".")
        if not key:
            return getattr(self.complaint, COLUMNS.get(ref, ref)) if ref in REGISTER else None
        if sheet in self.rows:
            return [row.values.get(key) for row in self.rows[sheet]]
        record = self.records.get(sheet)
        return record.values.get(key) if record else None

    def ids(self, ref: str) -> set[int]:
        """The people or departments that a field names, in all rows of its record."""
        value = self.value(ref)
        rows = value if isinstance(value, list) else [value]
        return {each for row in rows for each in (row if isinstance(row, list) else [row]) if each}

    def has(self, ref: str) -> bool:
        return filled(self.value(ref))

    def written_here(self, ref: str) -> bool:
        """Was a field of a record filled in since the complaint came into its stage?"""
        sheet, _, key = ref.partition(".")
        record, since = self.records.get(sheet), self.entered.get(self.stage)
        mark = record.marks.get(key) if record else None
        return self.has(ref) and mark is not None and (since is None or datetime.fromisoformat(mark[1]) >= since)

    def holds(self, when: When, row: Mapping[str, Any] | None = None) -> bool:
        """Does a condition hold? `row`: fields of the row it is asked for, by reference."""
        if not when.any_of:
            return True
        return any(
            all(self._among(ref, values, row or {}) for ref, values in alternative.items())
            for alternative in when.any_of
        )

    def _among(self, ref: str, values: tuple[str, ...], row: Mapping[str, Any]) -> bool:
        found = row[ref] if ref in row else self.value(ref)
        each = found if isinstance(found, list) else [found]
        if any(str(value if value is not None else "") in values for value in each) or (not each and "" in values):
            return True
        compared = [wanted for wanted in values if comparing.comparison(wanted)]
        return any(comparing.holds(value, wanted, self.value) for wanted in compared for value in each)

    @property
    def labels(self) -> list[Label]:
        """The words that stand beside it as it is."""
        return [label for label in self.rules.labels if self.holds(label.when)]

    def after(self, way: Move, voided: Collection[str], at: datetime) -> "Case":
        """The case when a way has been gone that writes nothing and opens no round."""
        standing = {key: each for key, each in self.signatures.items() if key not in voided}
        return replace(self, entered={**self.entered, way.to: at}, signatures=standing)

    @cached_property
    def departments(self) -> frozenset[int]:
        """The responsible departments, as far as they are named."""
        return frozenset(self.value(self.rules.departments) or ()) if self.rules.departments else frozenset()

    @cached_property
    def about(self) -> frozenset[int]:
        """The people whom it is about, from whom it is hidden."""
        return frozenset(each for ref in self.rules.hidden_from for each in self.ids(ref))

    @cached_property
    def investigator(self) -> int | None:
        """Who was named to investigate."""
        return self.value(self.rules.investigator) if self.rules.investigator else None

    def named(self, role: str) -> int | None:
        """To whom of a role this complaint is given: by a record of the procedure, or by a colleague."""
        by_record = role == INVESTIGATING and self.rules.investigator
        return self.investigator if by_record else self.assigned.get(Post(role))

    def named_in(self, department: int) -> tuple[str, int] | None:
        """To whom of a department this complaint is given, and in which role of it."""
        mine = ((post.role, user) for post, user in self.assigned.items() if post.department_id == department)
        return next(mine, None)

    def still_to_sign(self, rule: SignatureRule) -> frozenset[int]:
        """The departments whose signature is still wanted, where each gives its own."""
        signed = {each.department_id for each in self.given if each.key == rule.key}
        return frozenset(self.value(rule.each) or ()) - signed if rule.each else frozenset()

    def writers(self, sheet: str) -> set[int]:
        """Everybody who wrote in a record of this round."""
        found = [self.records[sheet]] if sheet in self.records else self.rows.get(sheet, ())
        return {writer for record in found for writer in record.writers}

    def content(self, rule: SignatureRule) -> str:
        """A digest of what a signature covers."""
        return digest_of([ref, self._covered(ref)] for ref in rule.covers)

    def _covered(self, ref: str) -> Any:
        sheet = self.rules.sheet(ref)
        if sheet is None:
            return self.value(ref)
        return [each.values for each in self.of_sheet(sheet)]

    def of_sheet(self, sheet: Sheet) -> tuple[Record, ...]:
        """The one record of a sheet, or its rows."""
        if sheet.many:
            return self.rows.get(sheet.key, ())
        return (self.records[sheet.key],) if sheet.key in self.records else ()


def filled(value: Any) -> bool:
    """Is there anything in a field?"""
    if isinstance(value, list):
        return any(filled(each) for each in value)
    return bool(value.strip()) if isinstance(value, str) else value is not None


def load(session: Session, complaint: Complaint) -> Case:
    """The case of a complaint as it stands; three queries, whatever the complaint has behind it."""
    written, signed = records.of(session, complaint), signatures.of(session, complaint)
    return assemble(complaint, written, signed, _life(session, complaint))


class Stay(NamedTuple):
    """A complaint was in a stage; `undone`: it was put there by mistake."""

    stage: str
    entered_at: datetime
    left_at: datetime | None
    undone: bool


@dataclass(frozen=True)
class Life:
    """Where a complaint has been, oldest first, whom it concerns since when, and who is named for which role."""

    stays: tuple[Stay, ...]
    involved: Mapping[Involved, datetime]
    assigned: Mapping[Post, int]
    merged: tuple[int, ...]
    """The complaints (ids) that were merged into it."""
    opened: tuple[Opened, ...]
    linked: bool
    """Did anybody link it with another, or does it share its investigation?"""


@dataclass(frozen=True)
class Past:
    """Everything that was ever written and signed on a complaint, in all its rounds, oldest first, and its life."""

    records: tuple[Record, ...]
    signatures: tuple[Signature, ...]
    life: Life


def load_with_past(session: Session, complaint: Complaint) -> tuple[Case, Past]:
    """The case of a complaint and all that lies behind it, in the same three queries."""
    past = Past(
        tuple(records.of(session, complaint, every_round=True)),
        tuple(signatures.of(session, complaint, every=True)),
        _life(session, complaint),
    )
    now = {records.LASTING, complaint.round}
    case = assemble(
        complaint,
        [each for each in past.records if each.round in now],
        [each for each in past.signatures if each.round in now and each.voided_at is None],
        past.life,
    )
    return case, past


def assemble(
    complaint: Complaint,
    kept: Iterable[Record],
    signed: Iterable[Signature],
    life: Life,
) -> Case:
    """A case from its parts. `signed`: approved or returned, and not voided, oldest first."""
    rules = of(complaint)
    single: dict[str, Record] = {}
    rows: dict[str, tuple[Record, ...]] = {sheet.key: () for sheet in rules.sheets if sheet.many}
    for record in kept:
        sheet = rules.sheet(record.sheet)
        if sheet is None:
            continue
        if sheet.many:
            rows[sheet.key] = (*rows[sheet.key], record)
        else:
            single[sheet.key] = record
    signed = tuple(signed)
    given = tuple(each for each in signed if each.stands)
    returned = signatures.not_answered(signed)
    involved = frozenset(life.involved)
    notified = any(reason == NOTIFIED for reason, _, _ in involved)
    by_record = Post(INVESTIGATING) if rules.investigator else None
    chosen = {post: user for post, user in life.assigned.items() if post != by_record}
    entered = _entered(rules, life)
    opened: dict[str, tuple[Opened, ...]] = {}
    for each in life.opened:
        opened[each.procedure] = (*opened.get(each.procedure, ()), each)
    case = Case(complaint, rules, single, rows, {}, given, returned, entered, notified, involved, chosen, opened)
    return replace(case, signatures={each.key: each for each in given if _complete(case, each.key)})


def _complete(case: Case, key: str) -> bool:
    rule = case.rules.signature(key)
    return rule is None or not rule.each or not case.still_to_sign(rule)


def _entered(rules: Procedure, life: Life) -> dict[str, datetime]:
    """When a complaint last came into each of its stages."""
    entered: dict[str, datetime] = {}
    stays = False
    off_board = {outcome.key for outcome in rules.outcomes}
    for stay in life.stays:
        if not stay.undone:
            entered[stay.stage] = entered[stay.stage] if stays and stay.stage in entered else stay.entered_at
        stays = stay.undone or stay.stage in off_board  # it stands again where it stood
    return entered


def _life(session: Session, complaint: Complaint) -> Life:
    stays: list[Stay] = []
    involved: dict[Involved, datetime] = {}
    assigned: dict[Post, int] = {}
    merged: list[int] = []
    opened: list[Opened] = []
    linked = False
    here = {"of": complaint.id, "with": complaint.investigation_id}
    for id_, what, at, left_at, undone, user, department in rows.run(session, _lived(), here):
        if id_ == INVOLVED:
            involved[what, user, department] = at
        elif id_ == ASSIGNED:
            assigned[Post(what, department)] = user
        elif id_ == MERGED:
            merged.append(user)
        elif id_ == LINKED:
            linked = True
        elif id_ == CASES:
            of_procedure, version, stage, number = what.split("|")
            opened.append(Opened(of_procedure, int(version), stage, number))
        else:
            stays.append(Stay(what, at, left_at, undone))
    return Life(tuple(stays), involved, assigned, tuple(merged), tuple(opened), linked)


INVOLVED, ASSIGNED, MERGED, LINKED, CASES = 0, -1, -2, -3, -4
"""What stands for the id of a visit in rows that are none."""


@cache
def _lived() -> CompoundSelect[Any]:
    visits, named, none = rows.table(StageVisit).c, rows.table(Involvement).c, cast(null(), Integer)
    stages = select(visits.id, visits.stage, visits.entered_at, visits.left_at, visits.undone, none, none)
    people = select(
        literal(INVOLVED).label("id"), named.reason, named.since, named.since.label("left_at"), literal(False),
        named.user_id, named.department_id,
    )  # fmt: skip
    post = rows.table(Assignment).c
    no_leaving, chosen = post.until.label("left_at"), (post.user_id, post.department_id)
    posts = select(literal(ASSIGNED), post.role, post.since, no_leaving, literal(False), *chosen)
    gone = rows.table(Complaint).c
    link = rows.table(Link).c
    stands = link.ended_at.is_(None)
    links = select(literal(LINKED), link.kind, link.at, link.ended_at, literal(False), link.by_id, none).where(stands)
    other = gone.number, gone.received_at, gone.closed_at, literal(False), gone.id, none
    others, beside = select(literal(MERGED), *other), select(literal(LINKED), *other)
    told = (gone.procedure, cast(gone.procedure_version, String), gone.stage, gone.number)
    where = told[0] + "|" + told[1] + "|" + told[2] + "|" + told[3]
    begun = select(literal(CASES), where, link.at, link.ended_at, literal(False), link.other_id, none).join_from(
        rows.table(Link), rows.table(Complaint), gone.id == link.other_id
    )
    return union_all(
        people.where(named.complaint_id == bindparam("of")),
        stages.where(visits.complaint_id == bindparam("of")),
        posts.where(post.complaint_id == bindparam("of"), post.until.is_(None)),
        others.where(gone.merged_into_id == bindparam("of")),
        links.where(link.complaint_id == bindparam("of")),
        links.where(link.other_id == bindparam("of")),
        begun.where(stands, link.complaint_id == bindparam("of"), link.kind == OPENED),
        beside.where(gone.investigation_id == bindparam("with"), gone.id != bindparam("of")),
    ).order_by("id")
