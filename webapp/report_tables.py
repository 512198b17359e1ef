"""The tables of a report in the reader's language. The page, the PDF and the Excel file show the same ones."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from flask_babel import gettext, ngettext

from complaints import measures
from complaints.complaint import CAUSE_TYPES, LINKS
from complaints.errors import N_, Name
from complaints.figures import Compared, Month
from complaints.kpis import NUMBER, RATIO, Definition, definitions
from complaints.measures import BY, Measure, Registered, counted_by, difference
from complaints.procedure import versions
from complaints.review import EFFECTIVE, UNDER_WAY, VERIFIED, Review
from webapp.context import zone
from webapp.language import in_my_language

MOST_DECIMALS = 6
TEXT, COUNT, RATE, DAY = "text", "count", "rate", "day"
HEADINGS: Mapping[str, str] = {
    "complaint_class": N_("By class"),
    "cause_type": N_("By cause"),
    "link": N_("By link"),
    "department": N_("By responsible department"),
    "product": N_("By product"),
}
STATES = {
    EFFECTIVE: N_("verified, and the customer accepts"),
    VERIFIED: N_("verified"),
    UNDER_WAY: N_("not verified yet"),
}


@dataclass(frozen=True)
class Cell:
    """What stands in a field of a table: a text, a number, a share or a day. `bar`: how long the bar beside it is, in
    percent."""

    value: str | int | Decimal | Fraction | date | None
    kind: str = TEXT
    decimals: int = 0
    href: str = ""
    bar: float | None = None

    @property
    def text(self) -> str:
        if self.value is None:
            return gettext("no data") if self.kind == RATE else ""
        if isinstance(self.value, Fraction):
            return f"{rounded(self.value * 100, self.decimals)}%"
        if isinstance(self.value, Decimal):
            return f"{self.value:,f}"
        return f"{self.value:,}" if isinstance(self.value, int) else str(self.value)


@dataclass(frozen=True)
class Table:
    """`key` names its place on the page; `note` stands below it."""

    key: str
    title: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    numeric: frozenset[int] = field(default_factory=frozenset)
    """The columns that hold numbers."""


def rounded(value: Fraction, decimals: int) -> Decimal:
    """Half is rounded up."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


Link = Callable[..., str]
"""Gives the address of the list behind a figure."""


# A month


def figures_of(month: Month, link: Link) -> Table:
    """Every measure against its target; beside it what the ledger says today, where that is something else."""
    later = any(each.differs for each in month.figures.values())
    head = [gettext("Measure"), gettext("Figure"), gettext("Reckoned from"), gettext("Target"), gettext("Met")]
    rows = []
    for each in definitions():
        compared = month.figures[each.key]
        shown = compared.shown
        listed = isinstance(shown.denominator, tuple) or (isinstance(shown.numerator, tuple) and shown.numerator)
        row = [
            Cell(in_my_language(each.name), href=link(each.key) if listed else ""),
            value_of(each, shown), Cell(reckoned(shown)), Cell(target(each)),
            Cell(met(each, shown, month.month)),
        ]  # fmt: skip
        if later:
            row += [value_of(each, compared.today), Cell(*changed(compared), href=link(each.key, of="today"))] if (
                compared.differs
            ) else [Cell(""), Cell("")]  # fmt: skip
        rows.append(row)
    if later:
        head += [gettext("Today"), gettext("Since it was frozen")]
    return Table("figures", gettext("Figures"), tuple(head), rows, numeric=frozenset({1, 5}))


def value_of(definition: Definition, measure: Measure) -> Cell:
    value = measure.value
    if value is None or definition.kind != NUMBER:
        return Cell(value, RATE, _decimals(definition, value))
    return Cell(measure.above, COUNT)


def _decimals(definition: Definition, value: Fraction | None) -> int:
    """So many that no rate that misses its target looks as if it reached it."""
    decimals = definition.decimals
    if value is not None and definition.met(value) is False and definition.target is not None:
        while decimals < MOST_DECIMALS and rounded(value * 100, decimals) == definition.target * 100:
            decimals += 1
    return decimals


def reckoned(measure: Measure) -> str:
    """The two numbers that a rate was reckoned from."""
    if measure.kind != RATIO or measure.above is None or measure.below is None:
        return ""
    return str(gettext("%(some)s of %(all)s", some=f"{measure.above:,f}", all=f"{measure.below:,f}"))


def target(definition: Definition) -> str:
    if definition.target is None:
        return ""
    share = definition.kind != NUMBER
    number = rounded(definition.target * (100 if share else 1), 4).normalize()
    return f"{definition.sense}\u00a0{number:,f}{'%' if share else ''}"


def met(definition: Definition, measure: Measure, month: date | None = None) -> str:
    said = definition.met_in(month, measure.value) if month else definition.met(measure.value)
    return "" if said is None else gettext("yes") if said else gettext("no")


def changed(compared: Compared) -> tuple[str]:
    """How many complaints a frozen figure counts otherwise than the ledger does today."""
    if compared.frozen is None:
        return ("",)
    before, after = compared.frozen.measure, compared.today
    ids: set[int] = set()
    for one, other in ((before.numerator, after.numerator), (before.denominator, after.denominator)):
        if isinstance(one, tuple) and isinstance(other, tuple):
            ids |= {id_ for side in difference(one, other) for id_ in side}
    if not ids:
        return (gettext("other figures were typed in"),)
    return (ngettext("%(num)d complaint differs", "%(num)d complaints differ", len(ids)),)


def counts(
    complaints: Sequence[Registered], departments: Mapping[int, Name], link: Link, today: Sequence[Registered] = ()
) -> Iterable[Table]:
    """How many complaints there are by class, cause, link, department and product; with `today` beside it, where the
    ledger has others now."""
    for by in BY:
        before, after = counted_by(complaints, by), counted_by(today, by)
        most = max((len(ids) for ids in before.values()), default=1)
        later = bool(today) and before != after
        rows = []
        for value in dict.fromkeys([*before, *(after if later else ())]):
            number = len(before.get(value, ()))
            row = [Cell(name_of(by, value, departments), href=link("complaints", by=by, value=value)),
                   Cell(number, COUNT, bar=100 * number / most)]  # fmt: skip
            rows.append([*row, Cell(len(after.get(value, ())), COUNT)] if later else row)
        head = (gettext("Value"), gettext("Complaints"), *((gettext("Today"),) if later else ()))
        yield Table(by, gettext(HEADINGS[by]), head, rows, numeric=frozenset({1, 2}))


def name_of(by: str, value: str, departments: Mapping[int, Name]) -> str:
    """A value that complaints are counted by, as people call it."""
    if not value:
        return str(gettext("not said"))
    names: Mapping[str, Name] = {
        "complaint_class": {key: name for rules in versions() for key, name in rules.classes.items()},
        "cause_type": CAUSE_TYPES, "link": LINKS, "department": {str(id_): name for id_, name in departments.items()},
    }.get(by, {})  # fmt: skip
    return in_my_language(names[value]) if value in names else value


# Complaints


@dataclass(frozen=True)
class Line:
    """A complaint in the list of after-sales problems."""

    number: str
    received_at: datetime
    customer: str
    subject: str
    stage: Name
    closed_at: datetime | None
    about: Registered


def problems(lines: Iterable[Line], departments: Mapping[int, Name], link: Link, note: str = "") -> Table:
    """The after-sales problem report 售后问题月报表."""
    head = (
        gettext("Complaint"), gettext("Received"), gettext("Customer"), gettext("Problem"), gettext("Product"),
        gettext("Class"), gettext("Cause"), gettext("Responsible departments"), gettext("Stage"), gettext("Closed"),
    )  # fmt: skip
    rows = [
        [
            Cell(line.number, href=link(line.number)), a_day(line.received_at), Cell(line.customer), Cell(line.subject),
            Cell(line.about.product), *(Cell(_said(line.about, by, departments)) for by in BY[:2]),
            Cell(_said(line.about, "department", departments)), Cell(in_my_language(line.stage)), a_day(line.closed_at),
        ]
        for line in lines
    ]  # fmt: skip
    return Table("problems", gettext("After-sales problems"), head, rows, note)


def _said(about: Registered, by: str, departments: Mapping[int, Name]) -> str:
    values = [value for value in measures.values_of(about, by) if value]
    return str(gettext(", ").join(name_of(by, value, departments) for value in values))


def a_day(at: datetime | None) -> Cell:
    return Cell(at.astimezone(zone()).date() if at else None, DAY)


def not_shown(number: int) -> str:
    """Complaints that the reader may not see, or that would be too many for a page."""
    said = ngettext("%(num)d more is not listed here.", "%(num)d more are not listed here.", number)
    return str(said) if number else ""


def only_counted(number: int) -> str:
    """Complaints that stand in no figure."""
    if not number:
        return ""
    return str(
        ngettext(
            "Beside these there is %(num)d complaint of a confidential procedure; it is in no figure.",
            "Beside these there are %(num)d complaints of confidential procedures; they are in no figure.", number,
        )
    )  # fmt: skip


# The management review


def kpis(review: Review) -> Table:
    """Every measure for each month as it was frozen, and for the whole period as the ledger has it now."""
    head = (
        gettext("Measure"), gettext("Target"), *(f"{month:%Y-%m}" for month in review.months), gettext("Whole period"),
        gettext("Reckoned from"), gettext("Met"),
    )  # fmt: skip
    rows = []
    for each in definitions():
        months = [
            value_of(each, figure.measure) if (figure := review.frozen.get((month, each.key))) else Cell("—", COUNT)
            for month in review.months
        ]
        whole = review.whole[each.key]
        rows.append(
            [
                Cell(in_my_language(each.name)), Cell(target(each)), *months, value_of(each, whole),
                Cell(reckoned(whole)), Cell(met(each, whole)),
            ]
        )  # fmt: skip
    return Table(
        "kpis", gettext("Key figures"), head, rows, gettext("Months as they were frozen; — is not frozen."),
        frozenset(range(2, len(review.months) + 3)),
    )  # fmt: skip


def actions(review: Review, departments: Mapping[int, Name], link: Link) -> Table:
    head = (
        gettext("No."), gettext("Complaint"), gettext("Begun"), gettext("Cause"), gettext("Responsible departments"),
        gettext("Stage"), gettext("Round"), gettext("Effectiveness"),
    )  # fmt: skip
    rows = [
        [
            Cell(each.number), Cell(each.complaint.number, href=link(each.complaint.number)), a_day(each.begun_at),
            Cell(each.what), Cell(gettext(", ").join(in_my_language(departments[id_]) for id_ in each.departments)),
            Cell(in_my_language(each.stage)), Cell(each.round, COUNT), Cell(gettext(STATES[each.state])),
        ]
        for each in review.actions
    ]  # fmt: skip
    title = gettext("Corrective and preventive actions")
    return Table("actions", title, head, rows, not_shown(review.unseen_actions), frozenset({6}))


def still_open(review: Review, link: Link) -> Table:
    head = (
        gettext("Complaint"), gettext("Customer"), gettext("Problem"), gettext("Stage"), gettext("Received"),
        gettext("Round"),
    )  # fmt: skip
    rows = [
        [
            Cell(each.complaint.number, href=link(each.complaint.number)), Cell(each.customer),
            Cell(each.complaint.subject), Cell(in_my_language(each.stage)), a_day(each.complaint.received_at),
            Cell(each.complaint.round, COUNT),
        ]
        for each in review.open
    ]  # fmt: skip
    note = not_shown(review.unseen_open)
    return Table("open", gettext("Open matters today"), head, rows, note, frozenset({5}))
