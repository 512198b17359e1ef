"""Procedures are data: what the engine and the pages know of a company's written procedure.

A procedure is a file, `procedures/<key>.toml`; procedure_file.py reads and checks it, docs/procedures.md explains it.
Nothing else in the house knows a stage, a record, a signature or a clock by name. A complaint keeps the version it
began with: every version that was ever in use is known here, the newest one takes the new complaints.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from complaints.calendar import Within
from complaints.errors import N_, ComplaintError, Name, UnknownStage
from complaints.papers import Paper
from complaints.people import HOUSE, ROLES

if TYPE_CHECKING:
    from complaints.complaint import Complaint

FOLDER = Path(__file__).parent / "procedures"
DEFAULT = "manufacturing"
RECEIVED, DRAFTED, NOTIFIED, CLASS, LOWERED, ROUND = "received", "drafted", "notified", "class", "lowered", "round"
"""Events that are there in every procedure; the others name a stage, a record, a field, a signature or a way:
`entered:`, `written:`, `filled:`, `signed:`, `returned:`, `moved:`."""
COMPLAINT, INVESTIGATION = "complaint", "investigation"
"""What a record or a signature hangs on: the one complaint, or the investigation that several may share."""

BY_OWNER = ("done", "result", "proof")
"""The parts of a row that its owner fills in, and that a new round begins without."""


PEOPLE = ("person", "people")
"""The types of fields that name people."""


class UnknownProcedure(ComplaintError):
    message = N_("There is no procedure “%(procedure)s”. Choose one of: %(known)s.")


@dataclass(frozen=True)
class When:
    """A condition on what is known of a complaint. `any_of`: of these, one must hold; in each, every value must be
    among those named. Without any it always holds."""

    any_of: tuple[Mapping[str, tuple[str, ...]], ...] = ()


ALWAYS = When()


@dataclass(frozen=True)
class Field:
    """A field of a record. `by`: who fills it in, where that is not who writes the record; `after`: fields that come
    first; `part`: owner, due or done, which make a row of the record a task, result and proof, which its owner gives,
    or case, the number of one kept elsewhere; `past`: a date that has been; `least`: so many at least, where several
    can be named; `most`: the field whose count this one does not exceed; `proposes`: the class that a tick or a yes
    proposes; `internal`: never in what goes to a customer; `fact`: it stands with the facts of the complaint."""

    key: str
    name: Name
    kind: str
    required: bool = False
    when: When = ALWAYS
    choices: Mapping[str, Name] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    part: str = ""
    past: bool = False
    least: int = 1
    most: str = ""
    proposes: str = ""
    internal: bool = False
    fact: bool = False
    help: Name | None = None
    limit: int = 4000


@dataclass(frozen=True)
class Pair:
    """Two fields of a record that stand against each other."""

    name: Name
    left: str
    right: str


@dataclass(frozen=True)
class View:
    """How a record is best seen in a report, by the keys of its fields. `kind`:

    table      rows as a table; counts are summed up, `by` a choice also for each of its values
    chain      rows as a ladder of questions (`title`) and answers (`text`) for each value of `by`; `mark` is a yes at
               the last one
    fishbone   rows as a cause-and-effect picture: `by` is the branch, `title` the cause, `mark` how far it is known
    pairs      fields against each other (`pairs`) under the two `heads`"""

    kind: str
    by: str = ""
    title: str = ""
    text: str = ""
    mark: str = ""
    heads: tuple[Name, ...] = ()
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True)
class Sum:
    """Counts of a record that add up to another one (`total`), or with `at_most` to no more than that."""

    of: tuple[str, ...]
    total: str
    at_most: bool = False


@dataclass(frozen=True)
class Sheet:
    """A record that is kept on a complaint or its investigation: one, or as many rows as are needed (`many`; where they
    `stay`, none is taken out), anew in each round (`per_round`, begun as a copy of the last round where `carried`).
    `each`: the field that names departments, each of which writes a row of its own."""

    key: str
    name: Name
    of: str
    fields: tuple[Field, ...]
    by: tuple[str, ...]
    stages: tuple[str, ...]
    many: bool = False
    stay: bool = False
    per_round: bool = False
    carried: bool = False
    numbered: str = ""
    when: When = ALWAYS
    needs: tuple["Need", ...] = ()
    locked_by: str = ""
    help: Name | None = None
    view: View | None = None
    internal: bool = False
    sums: tuple[Sum, ...] = ()
    each: str = ""

    def field(self, key: str) -> Field:
        return next(each for each in self.fields if each.key == key)

    def part(self, part: str) -> str | None:
        """The key of the field that says who owns a row, when it is due, when it was done, which case it names."""
        return next((each.key for each in self.fields if each.part == part), None)


@dataclass(frozen=True)
class Need:
    """One thing that must hold. `kind`:

    field      a field of the register entry or of a record (`ref`) is filled in
    sheet      everything required of a record is filled in
    rows       there is a complete row, or `least` of them, with the values of `where` and with `filled`, begun since
               the complaint last came into the stage `since`; where departments write `each` their own, one of every
               department
    none       there is no row with the values of `where`
    signature  a valid signature of this round
    value      a field has one of `values`
    notified   the departments concerned were notified
    finished   every case that was opened by `ref` has come to its end, or was released
    any        one of `any_of` holds"""

    kind: str
    ref: str = ""
    values: tuple[str, ...] = ()
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    filled: tuple[str, ...] = ()
    since: str = ""
    when: When = ALWAYS
    unless: str = ""
    say: Name | None = None
    any_of: tuple["Need", ...] = ()
    least: int = 1


@dataclass(frozen=True)
class SignatureRule:
    """A signature that the procedure asks for, and who may give it. `not_by`: records and signatures whose writers, and
    fields whose people, may not give it; `covers`: what is signed, so that a later change of it voids the signature;
    `each`: the field that names departments, each of which signs."""

    key: str
    name: Name
    act: Name
    of: str
    by: tuple[str, ...]
    by_class: Mapping[str, tuple[str, ...]]
    stages: tuple[str, ...]
    covers: tuple[str, ...]
    each: str = ""
    after: tuple[str, ...] = ()
    not_by: tuple[str, ...] = ()
    not_department: bool = False
    per_round: bool = False
    when: When = ALWAYS
    needs: tuple[Need, ...] = ()
    returns: bool = False
    return_by: str = ""
    voids: tuple[str, ...] = ()


@dataclass(frozen=True)
class AskRule:
    """Something a move asks the person for, and the field that keeps the answer (none: only the history)."""

    key: str
    name: Name
    to: str = ""


@dataclass(frozen=True)
class Move:
    """A way from stages to a stage. A way `back` does not ask what entering the stage asks otherwise; one `by` nobody
    is gone only when a signer returns something."""

    key: str
    from_: tuple[str, ...]
    to: str
    by: tuple[str, ...]
    when: When = field(default=ALWAYS, hash=False)
    needs: tuple[Need, ...] = field(default=(), hash=False)
    back: bool = False
    asks: tuple[AskRule, ...] = ()
    new_round: bool = False
    writes: Mapping[str, str] = field(default_factory=dict, hash=False)
    voids: tuple[str, ...] = ()


ANSWERED: Mapping[str, Name] = {
    "enquiry": Name("Enquiry", "咨询"),
    "suggestion": Name("Suggestion", "建议"),
    "demand": Name("Other demand", "其它需求"),
}
"""What stands on the answer list (answers.py): no complaint, but it has an answer coming."""


@dataclass(frozen=True)
class Stage:
    """A column of the board, or with `off_board` a way to leave it, perhaps for the answer list, as what `answer` says.
    `owner_roles` and `owner` say whose a complaint is there: the person in that field, else the queue of the first
    role. On the `customers_turn` it waits for them."""

    key: str
    name: Name
    position: int
    needs: tuple[Need, ...] = field(default=(), hash=False)
    register: bool = False
    owner_roles: tuple[str, ...] = ()
    owner: str = ""
    final: bool = False
    customers_turn: bool = False
    shown_for_days: int | None = None
    off_board: bool = False
    answer: str = ""
    from_: tuple[str, ...] = ()
    moved_in_by: tuple[str, ...] = ()

    @property
    def queue(self) -> str:
        """The role in whose queue a complaint stands here that has no owner."""
        return self.owner_roles[0] if self.owner_roles else ""


@dataclass(frozen=True)
class Penalty:
    """What a broken promise is proposed to cost."""

    key: str
    yuan: int


RECORDS, RECURRENCE, WEEK = "records", "recurrence", "week"
BREACHES = (RECORDS, RECURRENCE, WEEK)


@dataclass(frozen=True)
class PenaltyRule:
    """What a breach that is no clock's is proposed to cost. `on`: records that were not kept, as a person confirms; a
    recurrence because measures were not carried out; a week without its summary. `roles`: whose business it was;
    `superior`: the role of whoever stands above them and pays as well."""

    key: str
    name: Name
    yuan: int
    on: str
    roles: tuple[str, ...]
    superior: str = ""


@dataclass(frozen=True)
class ClockRule:
    """A promise: it starts with an event (`starts`) and stops when all of `stops` have happened since. `until`: the
    field whose day or time holds instead of the limit, once it is filled in; a clock without a limit starts with it;
    `each`: the record with rows that it is a column of, each row a promise of its own (see row_clocks.py).
    `target`: no promise but an aim. `pauses`: it may stand still while we wait for the customer."""

    key: str
    name: Name
    starts: str
    stops: tuple[str, ...]
    within: Within | None
    responsible: str
    when: When = ALWAYS
    penalty: Penalty | None = None
    pauses: bool = False
    until: str = ""
    each: str = ""
    target: bool = False


@dataclass(frozen=True)
class Ladder:
    """Whom a broken promise is told beside who gave it, one rung after the other: so many `superiors`, each that of the
    one before, then who holds these `roles`. The first rung is told on the first working day after the due time, each
    other one so many working days (`every`) after the one before."""

    superiors: int = 1
    roles: tuple[str, ...] = ()
    every: int = 1
    when: When = ALWAYS


@dataclass(frozen=True)
class Appointment:
    """The fields of a record with rows that say when something takes place: in the calendars of those who are told."""

    starts: str
    ends: str = ""

    @property
    def sheet(self) -> str:
        return self.starts.partition(".")[0]


@dataclass(frozen=True)
class NoticeRule:
    """Who is told of what. `to`: roles, and `owner`, `superior`, `departments`, `notified` (the departments concerned),
    `writers` (of what a signature covers) or the field that names people; `shows`: the fields whose content is told
    with it; `calendar`: what is put into their calendars; `always`: by mail whatever people chose."""

    on: tuple[str, ...]
    to: tuple[str, ...]
    name: Name
    when: When = ALWAYS
    shows: tuple[str, ...] = ()
    calendar: Appointment | None = None
    always: bool = False


@dataclass(frozen=True)
class Part:
    """A part of the report that is laid out over the records: whole records, single fields of others, values that are
    only read here (`shows`), and the signatures that belong to it."""

    key: str
    mark: str
    name: Name
    sheets: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contact:
    """The record in which stands what the customer was told: the rows `sheet`, and its fields for what a reply says by
    itself. `way_mail` is what `way` says of mail; until the signature `promises_after` stands, nothing is promised, and
    until `replies_after` stands nobody is told anything.
    `expected`: the field for the day by which the customer may expect it to be done; `progress`: what `kind` says of
    how it goes on."""

    sheet: str
    kind: str
    on: str
    way: str
    text: str
    way_mail: str
    person: str = ""
    promises_after: str = ""
    replies_after: str = ""
    expected: str = ""
    progress: str = ""

    @property
    def filled(self) -> set[str]:
        """The fields that a reply fills in."""
        return {self.kind, self.on, self.way, self.text, self.person}


@dataclass(frozen=True)
class OpenRule:
    """A case of another procedure that a complaint opens: people (`by`) by hand, or an event (`on`) by itself."""

    key: str
    name: Name
    procedure: str
    by: tuple[str, ...]
    on: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    when: When = ALWAYS


@dataclass(frozen=True)
class Label:
    """A word that stands beside a complaint as long as something holds; `warns`: it is one to heed."""

    key: str
    name: Name
    when: When
    warns: bool = False


Values = Mapping[str, tuple[str, ...]]
"""Fields with the values that they may have."""


@dataclass(frozen=True)
class Counting:
    """What the measures (measures.py) count of it. `replies`: the clocks of the replies that must be made in time;
    `effective`, `accepted`: what the records say of measures that work and of a customer who accepts; `answered`: the
    rows with the answer to the customer, of which those with `written` are in writing; `action`: the record with the
    number of a corrective action; `complaints`: are its cases complaints, which are counted?"""

    replies: tuple[str, ...] = ()
    effective: Values = field(default_factory=dict)
    accepted: Values = field(default_factory=dict)
    answered: Values = field(default_factory=dict)
    written: Values = field(default_factory=dict)
    action: str = ""
    complaints: bool = True


@dataclass(frozen=True)
class Procedure:
    key: str
    version: int
    name: Name
    classes: Mapping[str, Name]
    stages: tuple[Stage, ...]
    clocks: tuple[ClockRule, ...]
    ladders: tuple[Ladder, ...] = ()
    """Of these the first that holds counts; without any, a ladder of one rung."""
    roles: Mapping[str, Name] = field(default_factory=dict)
    """What roles are called here; those that the house does not have are the procedure's own."""
    entry: Mapping[str, Name] = field(default_factory=dict)
    """What fields of the register entry are called here."""
    left_out: frozenset[str] = frozenset()
    """The fields of the register entry that nobody is asked for here."""
    labels: tuple[Label, ...] = ()
    opens: tuple[OpenRule, ...] = ()
    seen_by: frozenset[str] = frozenset()
    """The roles that see every complaint of it."""
    hidden_from: tuple[str, ...] = ()
    """The fields that name those who never see the complaint nor hear of it: whom it is about."""
    outcomes: tuple[Stage, ...] = ()
    """The ways to leave the board without an end: stages without a column."""
    sheets: tuple[Sheet, ...] = ()
    signatures: tuple[SignatureRule, ...] = ()
    moves: tuple[Move, ...] = ()
    penalties: tuple[PenaltyRule, ...] = ()
    notices: tuple[NoticeRule, ...] = ()
    papers: tuple[Paper, ...] = ()
    departments: str = ""
    """The field that names the responsible departments."""
    investigator: str = ""
    """The field that names who investigates."""
    checks: str = ""
    """The field with the day of a check of what is carried out, in a record with rows."""
    verified: str = ""
    """The signature that says that it was carried out."""
    contact: Contact | None = None
    counting: Counting = field(default=Counting(), hash=False)
    report: Name | None = None
    """What the report is called that `parts` lay out."""
    parts: tuple[Part, ...] = ()
    raised_by: tuple[str, ...] = ()
    lowered_by: tuple[str, ...] = ()
    confidential: bool = False
    retention_years: int | None = None
    still: bool = False
    """Its text cannot be read any more (procedure_still.py)."""
    source: str = field(default="", compare=False, repr=False)

    def __hash__(self) -> int:
        return hash((self.key, self.version))

    @property
    def first(self) -> Stage:
        return self.stages[0]

    @cached_property
    def _stages(self) -> Mapping[str, Stage]:
        return {stage.key: stage for stage in (*self.stages, *self.outcomes)}

    @cached_property
    def _sheets(self) -> Mapping[str, Sheet]:
        return {sheet.key: sheet for sheet in self.sheets}

    @cached_property
    def _signatures(self) -> Mapping[str, SignatureRule]:
        return {rule.key: rule for rule in self.signatures}

    def stage(self, key: str) -> Stage:
        """The stage of this key, on the board or off it; raises `UnknownStage`."""
        if (stage := self._stages.get(key)) is None:
            if self.still:
                return Stage(key, Name(key, key), len(self.stages), off_board=True)
            raise UnknownStage(stage=key[:40], known=", ".join(s.key for s in self.stages))
        return stage

    def role(self, key: str) -> Name:
        """What a role is called here."""
        return self.roles.get(key) or ROLES.get(key) or Name(key, key)

    def sheet(self, key: str) -> Sheet | None:
        return self._sheets.get(key)

    def signature(self, key: str) -> SignatureRule | None:
        return self._signatures.get(key)

    def covered(self, rule: SignatureRule) -> list[Sheet]:
        """The records of which a signature covers something."""
        keys = dict.fromkeys(ref.partition(".")[0] for ref in rule.covers)
        return [sheet for key in keys if (sheet := self.sheet(key)) is not None]

    def ways(self, here: str, to: str, *, by_hand: bool = False) -> tuple[Move, ...]:
        """The ways from a stage to another, in the order of the file; with `by_hand` those that people take."""
        found = (move for move in self.moves if here in move.from_ and move.to == to)
        return tuple(move for move in found if move.by or not by_hand)

    def onward(self, here: str) -> Iterator[Move]:
        """The ways from a stage that do not lead back."""
        return (move for move in self.moves if here in move.from_ and not move.back)

    def way(self, key: str) -> Move | None:
        return next((move for move in self.moves if move.key == key), None)

    def penalty_on(self, breach: str) -> PenaltyRule | None:
        return next((rule for rule in self.penalties if rule.on == breach), None)

    def clocks_from(self, event: str) -> list[ClockRule]:
        """The clocks that an event starts on every complaint."""
        return [rule for rule in self.clocks if rule.starts == event and rule.when == ALWAYS]

    def clocks_at_receipt(self, said: Mapping[str, str]) -> list[ClockRule]:
        """The clocks that start with the receipt of what says this much, such as its channel; what a clock asks beside
        that is said later."""
        return [
            rule
            for rule in self.clocks
            if rule.starts == RECEIVED
            and (
                rule.when == ALWAYS
                or any(all(said.get(ref) in values for ref, values in each.items()) for each in rule.when.any_of)
            )
        ]

    @cached_property
    def targets(self) -> frozenset[str]:
        """The clocks that promise nothing: a complaint is never overdue by them."""
        return frozenset(rule.key for rule in self.clocks if rule.target)

    @cached_property
    def proposing(self) -> tuple[tuple[Sheet, Field], ...]:
        """The fields that propose a class, with their records."""
        return tuple((sheet, field) for sheet in self.sheets for field in sheet.fields if field.proposes)

    @cached_property
    def facts(self) -> tuple[tuple[Sheet, Field], ...]:
        """The fields of records that stand with the facts of a complaint, with their records: those that say so, the
        responsible departments, who investigates, and the signs of a heavier class."""
        named = (self.departments, self.investigator)
        return tuple(
            (sheet, field)
            for sheet in self.sheets
            for field in sheet.fields
            if not sheet.many and (field.fact or field.proposes or f"{sheet.key}.{field.key}" in named)
        )

    @cached_property
    def round_stages(self) -> tuple[Stage, ...]:
        """The stages to which ways lead that begin a round, the last first: what has not passed that one belongs to
        the newest round."""
        keys = {move.to for move in self.moves if move.new_round}
        return tuple(stage for stage in reversed(self.stages) if stage.key in keys)

    @cached_property
    def quiet(self) -> bool:
        """Is no department notified of its complaints? They are confidential, and nothing asks for it."""
        asked = [each.needs for each in self.stages] + [each.needs for each in self.moves]
        return self.confidential and not any(need.kind == "notified" for needs in asked for need in needs)

    @cached_property
    def upward(self) -> Sheet | None:
        """The record in which people report what they cannot solve: the one that is told to their superior."""
        told = (event.partition(":") for rule in self.notices if "superior" in rule.to for event in rule.on)
        found = (self.sheet(key) for kind, _, key in told if kind == "written")
        return next((sheet for sheet in found if sheet is not None), None)

    @cached_property
    def register_stage(self) -> Stage:
        """The stage that a complaint enters by being registered."""
        return next(stage for stage in self.stages if stage.register)


# All that are known in this process. `use` is called with what the database keeps; the files that come with the house
# are read at the first question.


class _Known:
    """What is known, looked at in every way that is asked for. Others may be looking at it, so it is never changed."""

    def __init__(self, procedures: Mapping[tuple[str, int], Procedure]) -> None:
        self.procedures = procedures

    @cached_property
    def versions(self) -> tuple[Procedure, ...]:
        return tuple(sorted(self.procedures.values(), key=lambda each: (each.key, each.version)))

    @cached_property
    def newest_of(self) -> Mapping[str, Procedure]:
        """By key, the newest version that can be read, if one can."""
        return {each.key: each for each in sorted(self.versions, key=lambda each: (not each.still, each.version))}

    @cached_property
    def newest(self) -> tuple[Procedure, ...]:
        found = (each for each in self.newest_of.values() if not each.still)
        return tuple(sorted(found, key=lambda each: (each.key != DEFAULT, each.key)))

    @cached_property
    def confidential(self) -> Mapping[str, tuple[int, ...]]:
        found = sorted({each.key for each in self.versions if each.confidential})
        return {
            key: tuple(each.version for each in self.versions if each.key == key and not each.confidential)
            for key in found
        }

    @cached_property
    def hiding(self) -> frozenset[str]:
        return frozenset(each.key for each in self.versions if each.hidden_from)

    @cached_property
    def beside(self) -> frozenset[str]:
        return frozenset(each.key for each in self.newest if not each.counting.complaints)

    @cached_property
    def opened(self) -> frozenset[str]:
        return frozenset(rule.procedure for rules in self.versions for rule in rules.opens)

    @cached_property
    def own_roles(self) -> Mapping[str, Name]:
        return {key: name for rules in self.versions for key, name in rules.roles.items() if key not in HOUSE}


_known: dict[tuple[str, int], Procedure] = {}
_looked_at = _Known(_known)
_shelved: frozenset[str] = frozenset()


def _now() -> _Known:
    global _known, _looked_at
    if not _known:
        from complaints.procedure_file import load

        read = map(load, sorted(FOLDER.glob("*.toml")))
        _known = {(each.key, each.version): each for each in read}
    if _looked_at.procedures is not _known:
        _looked_at = _Known(_known)
    return _looked_at


def use(procedures: Iterable[Procedure]) -> None:
    """Know these, too."""
    global _known
    new = {(each.key, each.version): each for each in procedures}
    if new:
        _known = {**_now().procedures, **new}


def procedure(key: str = DEFAULT, version: int | None = None) -> Procedure:
    """A procedure by its key: the newest version that can be read, or the one that is named. Raises
    `UnknownProcedure`."""
    known = _now()
    found = known.newest_of.get(key) if version is None else known.procedures.get((key, version))
    if found is None:
        asked = key if version is None else f"{key} {version}"
        raise UnknownProcedure(procedure=asked[:60], known=", ".join(each.key for each in newest()))
    return found


def of(complaint: "Complaint") -> Procedure:
    """The rules that a complaint follows: the version it began with. One that was added a moment ago is looked up in
    the database of the complaint. Raises `UnknownProcedure`."""
    key, version = complaint.procedure, complaint.procedure_version
    if (key, version) not in _known:
        from sqlalchemy.orm import object_session

        from complaints.procedure_store import load_known

        if (session := object_session(complaint)) is not None:
            with session.no_autoflush:
                load_known(session)
    return procedure(key, version)


def confidential() -> Mapping[str, tuple[int, ...]]:
    """The procedures with a version whose complaints are seen only by those they name, each with its versions of which
    that is not so."""
    return _now().confidential


def hiding() -> frozenset[str]:
    """The procedures with a version that hides complaints from those whom they are about."""
    return _now().hiding


def beside() -> frozenset[str]:
    """The procedures whose cases are no complaints."""
    return _now().beside


def newest() -> tuple[Procedure, ...]:
    """All procedures in their newest version, the default one first."""
    return _now().newest


def versions() -> tuple[Procedure, ...]:
    """Every version that is known."""
    return _now().versions


def own_roles() -> Mapping[str, Name]:
    """The roles that procedures bring with them, by the name that the newest version gives them."""
    return _now().own_roles


def is_opened(key: str) -> bool:
    """Do complaints of other procedures open cases of this one?"""
    return key in _now().opened


def offered() -> tuple[Procedure, ...]:
    """The procedures that new complaints may follow here: those that are not on the shelf, in their newest version, the
    default one first; there is always one."""
    known = newest()
    return tuple(rules for rules in known if rules.key not in _shelved) or known


def usual() -> Procedure:
    """The procedure of new complaints for which nobody chose one."""
    return offered()[0]


def shelve(keys: Iterable[str]) -> None:
    """These are on the shelf here, and no others."""
    global _shelved
    _shelved = frozenset(keys)


def laid_out(key: str) -> Procedure:
    """A procedure as its board shows it: the newest version, with the stages that only other versions have at their
    place among its own."""
    rules = procedure(key)
    others = tuple(each for each in reversed(versions()) if each.key == key and each is not rules)
    return _laid_out(rules, others) if others else rules


@lru_cache(maxsize=64)
def _laid_out(rules: Procedure, others: tuple[Procedure, ...]) -> Procedure:
    keys = [stage.key for stage in rules.stages]
    stages = {stage.key: stage for stage in (*rules.stages, *rules.outcomes)}
    for other in others:
        place = 0
        for stage in other.stages:
            if stage.key not in stages:
                keys.insert(place, stage.key)
                stages[stage.key] = stage
            place = keys.index(stage.key) + 1 if stage.key in keys else place
    return replace(rules, stages=tuple(stages[key] for key in keys))
