"""Figures that people type in for a month: shipments, batches on time, training, and what else no complaint tells.

What was typed in stays: a correction is another version, with who and when. `parse` reads the form, `enter` keeps what
changed.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import ForeignKey, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import kpis, rows
from complaints.database import Base
from complaints.errors import N_, ComplaintError, Sentence
from complaints.kpis import RATIO, Definition
from complaints.people import Actor
from complaints.registration import Incomplete, Problem

LARGEST = Decimal(10) ** 12
ABOVE, BELOW, REASON = "above", "below", "reason"
LONGEST_REASON = 500
_NUMBER = re.compile(r"(\d+|\d{1,3}(,\d{3})+)(\.\d{1,4})?")


class KpiEntry(Base):
    """What somebody typed in for a measure of a month (its first day), as decimal numbers; without any it was taken
    back. The highest version stands."""

    __tablename__ = "kpi_entry"
    __table_args__ = (UniqueConstraint("month", "key", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[date]
    key: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    numerator: Mapped[str | None] = mapped_column(String(24))
    denominator: Mapped[str | None] = mapped_column(String(24))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(500), server_default="")

    @property
    def amounts(self) -> "Amounts":
        return Amounts(*(None if each is None else Decimal(each) for each in (self.numerator, self.denominator)))


class Amounts(NamedTuple):
    """What stands above and below the line; None for nothing."""

    above: Decimal | None
    below: Decimal | None


NOTHING = Amounts(None, None)


class StaleEntries(ComplaintError):
    """Somebody typed in other figures since the form was shown. `keys`: the measures of which they did."""

    message = N_("Somebody typed in other figures meanwhile. Yours and the newest ones stand side by side.")

    def __init__(self, keys: set[str]) -> None:
        self.keys = keys
        super().__init__()


def field(definition: Definition, part: str) -> str:
    """The name of a field of the form."""
    return f"{definition.key}-{part}"


def parse(form: Mapping[str, str]) -> dict[str, Amounts]:
    """What a form says, by measure. Raises `Incomplete` with everything that is wrong with it."""
    found, problems = {}, []
    for each in kpis.typed():
        amounts, wrong = read(each, form)
        found[each.key] = amounts
        problems += wrong
    if problems:
        raise Incomplete(problems)
    return found


def read(of: Definition, form: Mapping[str, str]) -> tuple[Amounts, list[Problem]]:
    """What a form says of a measure, and what is wrong with it."""
    problems: list[Problem] = []
    numbers: dict[str, Decimal | None] = {ABOVE: None, BELOW: None}
    for part in (ABOVE, BELOW) if of.kind == RATIO else (ABOVE,):
        typed = unicodedata.normalize("NFKC", form.get(field(of, part), "")).replace(" ", "").removesuffix("%")
        try:
            numbers[part] = _number(typed, whole=of.whole)
        except _Wrong as wrong:
            problems.append(Problem(field(of, part), wrong.sentence))
    amounts = Amounts(numbers[ABOVE], numbers[BELOW])
    if of.kind == RATIO and not problems:
        problems += _not_a_share(of, amounts)
    return amounts, problems


class _Wrong(Exception):
    def __init__(self, message: str) -> None:
        self.sentence = Sentence(message)


def _number(typed: str, *, whole: bool) -> Decimal | None:
    if not typed:
        return None
    if typed.startswith(("-", "−")):
        raise _Wrong(N_("it cannot be less than nothing"))
    if not typed.isascii() or not _NUMBER.fullmatch(typed):
        raise _Wrong(N_("write a number such as 400 or 96.5, with at most four decimals"))
    number = Decimal(typed.replace(",", ""))
    if number >= LARGEST:
        raise _Wrong(N_("this is too large to be meant"))
    if whole and number != number.to_integral_value():
        raise _Wrong(N_("these are counted: write a whole number"))
    return number


def _not_a_share(of: Definition, amounts: Amounts) -> Iterator[Problem]:
    above, below = amounts
    if (above is None) != (below is None):
        empty = ABOVE if above is None else BELOW
        yield Problem(field(of, empty), Sentence(N_("the other number stands there; write this one, too")))
    elif above is not None and below is not None and above > below:
        yield Problem(field(of, ABOVE), Sentence(N_("a part cannot be more than the whole")))


def standing(session: Session, first: date, last: date, at: datetime | None = None) -> dict[tuple[date, str], KpiEntry]:
    """What stands for some months, by month and measure; with `at` as it was known then."""
    query = select(KpiEntry).where(KpiEntry.month >= first, KpiEntry.month <= last).order_by(KpiEntry.version)
    if at is not None:
        query = query.where(KpiEntry.at <= at)
    return {(each.month, each.key): each for each in session.scalars(query)}


def enter(
    session: Session,
    month: date,
    typed: Mapping[str, Amounts],
    *,
    seen: int,
    by: Actor,
    at: datetime,
    reason: str = "",
    reported: Collection[str] = (),
) -> list[str]:
    """Keep what changed, in the caller's transaction; gives the measures of which something did. `seen`: the newest
    entry (id) of the month when the form was shown. What is `reported` (frozen) is corrected with a reason only. Raises
    `StaleEntries` for what somebody else has changed since, and `Incomplete`."""
    stands = {key: entry for (_, key), entry in standing(session, month, month).items()}
    changed = {key: each for key, each in typed.items() if each != _of(stands.get(key))}
    if stale := {key for key in changed if key in stands and stands[key].id > seen}:
        raise StaleEntries(stale)
    if problem := wrong_reason(reason, needed=any(key in reported for key in changed)):
        raise Incomplete([problem])
    new = [
        {
            "month": month, "key": key, "version": stands[key].version + 1 if key in stands else 1,
            "numerator": _text(amounts.above), "denominator": _text(amounts.below), "by_id": by.id, "at": at,
            "reason": reason.strip() if key in stands else "",
        }
        for key, amounts in changed.items()
    ]  # fmt: skip
    if new:
        rows.add_unless_there(session, KpiEntry, new)
        now = {key: _of(entry) for (_, key), entry in standing(session, month, month).items()}
        if lost := {key for key in changed if now.get(key, NOTHING) != changed[key]}:
            raise StaleEntries(lost)  # somebody typed in the same version at the same moment
    return list(changed)


def wrong_reason(reason: str, *, needed: bool) -> Problem | None:
    """What is wrong with the reason for a correction."""
    if needed and not reason.strip():
        return Problem(REASON, Sentence(N_("say why: the report of this month has the figure as it was")))
    if len(reason.strip()) > LONGEST_REASON:
        return Problem(REASON, Sentence(N_("at most %(limit)s characters"), {"limit": LONGEST_REASON}))
    return None


def history(session: Session, key: str, month: date) -> Sequence[KpiEntry]:
    """All that was typed in for a measure of a month, the newest first."""
    of = select(KpiEntry).where(KpiEntry.month == month, KpiEntry.key == key)
    return session.scalars(of.order_by(KpiEntry.version.desc())).all()


def latest(session: Session) -> int:
    """The newest entry (id) of all."""
    return session.scalar(select(func.max(KpiEntry.id))) or 0


def newest(entries: Mapping[tuple[date, str], KpiEntry], month: date) -> int:
    """The newest entry (id) of a month."""
    return max((entry.id for (of, _), entry in entries.items() if of == month), default=0)


def _of(entry: KpiEntry | None) -> Amounts:
    return entry.amounts if entry is not None else NOTHING


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"
