"""Agreeing: what front office and QA write of the times that were agreed with a customer; see limits.py."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from complaints import customer_file, limits
from complaints.calendar import Unit, Within, parse_within
from complaints.customers import Customer
from complaints.errors import N_, Sentence
from complaints.limits import Limit
from complaints.people import Actor
from complaints.procedure import Procedure, newest
from complaints.registration import Incomplete, Problem
from complaints.texts import clean

MOST = 12
"""So many promises of their own a customer may have."""
LONGEST_NAME = 60
MOST_UNITS, MOST_MONTHS = 1_000, 60
"""What is agreed ends within the years that a working calendar reckons ahead: else no complaint could be registered."""

_ID = re.compile("[1-9][0-9]{0,5}")


def procedures() -> list[Procedure]:
    """Those on whose complaints something can be agreed: whom a confidential one names has no file."""
    return [rules for rules in newest() if not rules.confidential]


def keepers(rules: Iterable[Procedure]) -> list[str]:
    """The roles that can keep a promise to a customer: those that keep the clocks."""
    return list(dict.fromkeys(rule.responsible for each in rules for rule in each.clocks))


def parse(form: Mapping[str, str]) -> list[Limit]:
    """What a form says was agreed. Raises `Incomplete` with everything that is wrong with it.

    The fields of a clock are `amount`, `unit` and `pauses`, each followed by its procedure and key, as
    `amount-manufacturing-interim`; those of an own promise by its place, with `name`, `stops`, `responsible` and `id`
    beside them. One without a name is not kept."""
    problems: list[Problem] = []
    found: list[Limit] = []
    for rules in procedures():
        for rule in limits.tightens(rules):
            place = f"{rules.key}-{rule.key}"
            within, pauses = _within(form, place, problems), bool(form.get(f"pauses-{place}"))
            if within or pauses:
                found.append(Limit(rules.key, rule.key, within, pauses))
    own = [place for place in map(str, range(MOST)) if clean(form.get(f"name-{place}", ""), lines=False)]
    kept = {int(typed): place for place in reversed(own) if _ID.fullmatch(typed := form.get(f"id-{place}", ""))}
    ids, fresh = {place: id_ for id_, place in kept.items()}, count(max(kept, default=0) + 1)
    for place in own:
        found.append(_own(form, place, problems, ids.get(place) or next(fresh)))
    if problems:
        raise Incomplete(problems)
    return found


def _own(form: Mapping[str, str], place: str, problems: list[Problem], id: int) -> Limit:
    name = clean(form.get(f"name-{place}", ""), lines=False)
    procedure, _, stops = form.get(f"stops-{place}", "").partition("|")
    responsible = form.get(f"responsible-{place}", "")
    within = _within(form, place, problems, needed=True)
    if len(name) > LONGEST_NAME:
        problems.append(Problem(f"name-{place}", Sentence(N_("At most %(most)s characters"), {"most": LONGEST_NAME})))
    if stops not in {ref for rules in procedures() if rules.key == procedure for ref in ends(rules)}:
        problems.append(Problem(f"stops-{place}", Sentence(N_("Choose what ends it"))))
    if responsible not in keepers(procedures()):
        problems.append(Problem(f"responsible-{place}", Sentence(N_("Choose who keeps it"))))
    return Limit(procedure, "", within, bool(form.get(f"pauses-{place}")), id, name, stops, responsible)


def ends(rules: Procedure) -> Iterator[str]:
    """The events of a procedure that may end a promise, as a form names them."""
    return (f"{kind}:{key}" for kind, keys in limits.ends(rules).items() for key in keys)


def _within(form: Mapping[str, str], place: str, problems: list[Problem], *, needed: bool = False) -> str:
    """A limit in the words of a procedure; blank where none was typed or it is wrong."""
    amount, unit = form.get(f"amount-{place}", "").strip(), form.get(f"unit-{place}", "")
    if not amount and not needed:
        return ""
    most = MOST_MONTHS if unit == Unit.months else MOST_UNITS
    if not re.fullmatch("[0-9]{1,5}", amount) or not 1 <= int(amount) <= most:
        message = N_("A whole number from 1 to %(most)s")
        problems.append(Problem(f"amount-{place}", Sentence(message, {"most": most})))
    elif unit not in list(Unit):
        problems.append(Problem(f"amount-{place}", Sentence(N_("Choose a unit"))))
    else:
        return str(Within(int(amount), Unit(unit)))
    return ""


def as_form(agreed: Sequence[Limit]) -> dict[str, str]:
    """What was agreed, as a form says it."""
    said: dict[str, str] = {}
    places = iter(range(MOST))
    for each in agreed:
        place = f"{each.procedure}-{each.clock}" if each.clock else str(next(places))
        if each.within:
            within = parse_within(each.within)
            said |= {f"amount-{place}": str(within.amount), f"unit-{place}": str(within.unit)}
        if each.pauses:
            said[f"pauses-{place}"] = "yes"
        if not each.clock:
            said |= {
                f"name-{place}": each.name, f"stops-{place}": f"{each.procedure}|{each.stops}",
                f"responsible-{place}": each.responsible, f"id-{place}": str(each.id),
            }  # fmt: skip
    return said


def save(
    session: Session, customer: Customer, agreed: Sequence[Limit], *, by: Actor, at: datetime, seen_version: int
) -> None:
    """Write what was agreed into a customer's file, in the caller's transaction; clocks that run stay as they are.
    Raises `StaleFile` when somebody changed the file since `seen_version`."""
    rows: list[dict[str, Any]] = [{key: value for key, value in asdict(each).items() if value} for each in agreed]
    if rows == (customer.limits or []):
        return
    changed = {"limits": [customer.limits or [], rows]}
    customer_file.take(session, customer, "limits_agreed", changed, by=by, at=at, seen_version=seen_version)
    customer.limits = rows
