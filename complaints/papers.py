"""Papers: what a procedure prints of a complaint, as data, and how its file is read.

A paper has sections; each is a list of fields, the rows of a record, signatures, or parts of the report. It goes to the
customer only if its file says so, and then without everything that is `internal`, here or in the records. What a paper
says of one complaint: composition.py.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from complaints.errors import N_, Name
from complaints.procedure_table import Table

INTERNAL, CUSTOMER = "internal", "customer"
EDITIONS: Mapping[str, str] = {INTERNAL: N_("For us"), CUSTOMER: N_("For the customer")}
PDF, DOCX = "pdf", "docx"
FORMAT_NAMES: Mapping[str, str] = {PDF: "PDF", DOCX: "Word (.docx)"}
FORMATS = tuple(FORMAT_NAMES)
FACTS: Mapping[str, str] = {
    "number": N_("Complaint no."),
    "register_no": N_("Register no."),
    "stage": N_("Stage"),
    "received_at": N_("Received"),
    "received_by": N_("Received by"),
    "registered_at": N_("Registered"),
    "registered_by": N_("Registered by"),
    "closed_at": N_("Closed"),
    "sources": N_("Source complaints"),
    "notified": N_("Departments notified"),
    "files": N_("Evidence files"),
}
"""What is known of every complaint beside its register entry and its records."""


@dataclass(frozen=True)
class Section:
    """A part of a paper: `fields`, or the `columns` of the rows of a record, or `signatures`, or `parts` of the report,
    which have names of their own. `writer`: the heading of a column that says who wrote each row, and when; `rounds`:
    the older rounds, too, where there are any."""

    name: Name | None = None
    fields: tuple[str, ...] = ()
    rows: str = ""
    columns: tuple[str, ...] = ()
    writer: Name | None = None
    rounds: bool = False
    signatures: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    internal: bool = False


@dataclass(frozen=True)
class Paper:
    """`number` and `version` are those of the form; `numbered` is the record whose number stands on it as its own."""

    key: str
    name: Name
    sections: tuple[Section, ...]
    number: str = ""
    version: str = ""
    numbered: str = ""
    editions: tuple[str, ...] = (INTERNAL,)
    formats: tuple[str, ...] = (PDF,)

    def said_in(self, edition: str) -> tuple[Section, ...]:
        """The sections of an edition."""
        return tuple(each for each in self.sections if edition == INTERNAL or not each.internal)


@dataclass(frozen=True)
class Known:
    """What a paper of a procedure may name: the fields that are kept once, of each record with rows its fields, the
    records that have numbers, the signatures, and the parts of the report."""

    fields: Collection[str]
    rows: Mapping[str, Collection[str]]
    numbered: Collection[str]
    signatures: Collection[str]
    parts: Collection[str]


def read(table: Table, known: Known) -> Paper:
    """A paper from its table `[[print]]`."""
    sections = table.tables("section")
    paper = Paper(
        key=table.key(longest=30),
        name=table.name(),
        sections=tuple(_section(each, known) for each in sections),
        number=table.text("number", ""),
        version=table.text("version", ""),
        numbered=table.one("numbered", known.numbered, ""),
        editions=table.some("editions", EDITIONS) or (INTERNAL,),
        formats=table.some("formats", FORMATS) or (PDF,),
    )
    if not sections:
        table.fault("section", N_("is missing; a paper has sections [[print.section]]"))
    table.end()
    return paper


def _section(table: Table, known: Known) -> Section:
    rows = table.one("rows", known.rows, "")
    section = Section(
        name=table.may_name("name"),
        fields=table.some("fields", [*known.fields, *FACTS]),
        rows=rows,
        columns=table.some("columns", known.rows.get(rows, ())),
        writer=table.may_name("writer"),
        rounds=table.flag("rounds"),
        signatures=table.some("signatures", known.signatures),
        parts=table.some("parts", known.parts),
        internal=table.flag("internal"),
    )
    kinds = ("fields", "rows", "signatures", "parts")
    if sum(kind in table.raw for kind in kinds) != 1:
        table.fault("", N_("should say exactly one of %(kinds)s"), kinds=", ".join(kinds))
    if not section.parts and section.name is None:
        table.fault("name", N_("is missing; every name is given in both languages"))
    for key in ("columns", "writer"):
        if key in table.raw and not rows:
            table.fault(key, N_("means nothing without rows"))
    if rows and "columns" not in table.raw:
        table.fault("columns", N_("is missing; a paper names the fields that it prints"))
    table.end()
    return section
