"""The key figures of some months side by side, each against its target, as they stand: what was typed in with its
latest correction, what the ledger reckons as it was frozen. Of months that are not frozen yet the caller hands in what
the ledger says so far.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from complaints import figures, kpi_entries
from complaints.kpi_entries import KpiEntry
from complaints.kpis import Definition, known
from complaints.measures import Measure, typed_in

SoFar = Mapping[date, Mapping[str, Measure]]
"""What the ledger says of a month that is not frozen, by measure."""


@dataclass(frozen=True)
class Point:
    """A figure of a month; `measure` is None where the ledger has not reported one. `entry` is what was typed in."""

    definition: Definition
    month: date
    measure: Measure | None
    entry: KpiEntry | None = None

    @property
    def met(self) -> bool | None:
        return self.definition.met_in(self.month, self.measure.value) if self.measure else None


@dataclass(frozen=True)
class Row:
    definition: Definition
    points: tuple[Point, ...]

    @property
    def whole(self) -> Measure:
        """The counts of all months together, of a rate that is typed in."""
        typed = [each.measure for each in self.points if each.measure and each.measure.value is not None]
        none = Decimal()
        above = sum((each.above or none for each in typed), none) if typed else None
        below = sum((each.below or none for each in typed), none) if typed else None
        return Measure(self.definition.key, above, below, self.definition.kind)


def of_months(session: Session, months: Sequence[date], so_far: SoFar) -> list[Row]:
    """Every figure over some months, and the shipments, in the order of kpis.py."""
    first, last = min(months), max(months)
    entries = kpi_entries.standing(session, first, last)
    ledger = [each.key for each in known().values() if not each.typed]
    frozen = figures.frozen_in(session, first, last, ledger)

    def point(definition: Definition, month: date) -> Point:
        if definition.typed:
            entry = entries.get((month, definition.key))
            said = {definition.key: entry.amounts} if entry else {}
            return Point(definition, month, typed_in(definition, said), entry)
        figure = frozen.get((month, definition.key))
        return Point(definition, month, figure.measure if figure else so_far.get(month, {}).get(definition.key))

    return [Row(each, tuple(point(each, month) for month in months)) for each in known().values()]
