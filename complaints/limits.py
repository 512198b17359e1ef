"""Limits: the times that were agreed with a customer. A tighter one than the procedure's holds for its clock, what the
customer alone was promised (an 8D within ten days) is a clock of its own, and a clock may be allowed to stand still.

They stand in the customer's file. A clock knows those that held when it began: who changes them moves none that runs.
What front office writes of them is next door, in agreeing.py.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from complaints import calendars, clocks
from complaints.calendar import WorkingCalendar, parse_within
from complaints.case import Case
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.customers import Customer
from complaints.people import DEPARTMENT_ROLES
from complaints.procedure import RECEIVED, ClockRule, Procedure

CUSTOMER = "customer"
"""The event that a registered complaint is another customer's."""
PART, SIGNED, ENTERED = "part", "signed", "entered"
"""What may end a promise to a customer alone: a part of the report is done, a signature is given, a stage entered."""


@dataclass(frozen=True)
class Limit:
    """Something that was agreed with a customer on complaints that follow a procedure: on a clock of it, or, where
    `clock` is blank, a promise of its own, with its name, the event that ends it, and the role that keeps it. Without
    `within` the procedure's limit holds."""

    procedure: str
    clock: str = ""
    within: str = ""
    pauses: bool = False
    id: int = 0
    name: str = ""
    stops: str = ""
    responsible: str = ""


def of(customer: Customer) -> tuple[Limit, ...]:
    """What was agreed with a customer."""
    return tuple(Limit(**each) for each in customer.limits or ())


def ends(rules: Procedure) -> dict[str, list[str]]:
    """The events of a procedure that may end a promise to a customer alone, by kind."""
    return {
        PART: [each.key for each in rules.parts],
        SIGNED: [each.key for each in rules.signatures],
        ENTERED: [each.key for each in rules.stages[1:]],
    }


def tightens(rules: Procedure) -> list[ClockRule]:
    """The clocks of a procedure that a customer's limit can hold for: those of a draft begin before it is known for
    certain whose complaint it is, and one that has no limit has none to tighten."""
    return [rule for rule in rules.clocks if rule.starts != RECEIVED and rule.within is not None]


def on(customer: Customer | None, rules: Procedure, key: str) -> Limit | None:
    """What was agreed with a customer on a clock of a procedure."""
    agreed = of(customer) if customer is not None else ()
    return next((each for each in agreed if (each.procedure, each.clock) == (rules.key, key)), None)


def may_pause(clock: Clock, rules: Procedure, customer: Customer | None) -> bool:
    """May a clock stand still while we wait for the customer, by its procedure or by what was agreed? A time that was
    entered does not wait."""
    if "until" in clock.receipt:
        return False
    if clock.promised is not None:
        return bool(clock.promised["pauses"])
    rule = next((each for each in rules.clocks if each.key == clock.key), None)
    agreed = on(customer, rules, clock.key)
    return rule is not None and (rule.pauses or (agreed is not None and agreed.pauses))


def stops(clock: Clock) -> tuple[str, ...]:
    """What ends a promise to a customer alone."""
    return (clock.promised["stops"],) if clock.promised is not None else ()


def begin(case: Case, events: Collection[str], running: Collection[Clock]) -> bool:
    """Do promises to the customer begin with these events: it is registered, or another customer's? Not of the backlog,
    whose clocks ran elsewhere."""
    if not case.rules.clocks_from(RECEIVED) or running:
        return CUSTOMER in events or f"{ENTERED}:{case.rules.register_stage.key}" in events
    return False


def tighter(session: Session, case: Case, rule: ClockRule, begun: dict[str, Any], context: Context) -> dict[str, Any]:
    """What becomes of a clock of the procedure that has just begun by the limit of the customer: nothing, where the
    procedure's own is as tight."""
    customer = _customer(session, case.complaint)
    agreed = on(customer, case.rules, rule.key)
    if customer is None or agreed is None or not agreed.within or rule.within is None:
        return {}
    due = calendar_of(session, case, rule.responsible, context).add(begun["started_at"], parse_within(agreed.within))
    if due.at >= begun["due_at"]:
        return {}
    told = {"customer": customer.name, "house": str(rule.within)}
    return {"due_at": due.at, "receipt": clocks.receipt_of(due) | told}


def promised(session: Session, case: Case, context: Context) -> Iterator[dict[str, Any]]:
    """The clocks of what the customer of a complaint alone was promised: rows without their subject."""
    complaint = case.complaint
    customer = _customer(session, complaint)
    known = ends(case.rules)
    for each in of(customer) if customer is not None else ():
        kind, _, key = each.stops.partition(":")
        if customer is None or each.clock or each.procedure != case.rules.key or key not in known.get(kind, ()):
            continue
        due = calendar_of(session, case, each.responsible, context).add(
            complaint.received_at, parse_within(each.within)
        )
        yield {
            "key": f"own:{customer.id}:{each.id}",
            "round": complaint.round,
            "responsible": each.responsible,
            "started_at": complaint.received_at,
            "due_at": due.at,
            "receipt": clocks.receipt_of(due),
            "promised": {"name": each.name, "customer": customer.name, "stops": each.stops, "pauses": each.pauses},
        }


def _customer(session: Session, complaint: Complaint) -> Customer | None:
    return session.get(Customer, complaint.customer_id) if complaint.customer_id is not None else None


def calendar_of(session: Session, case: Case, responsible: str, context: Context) -> WorkingCalendar:
    """What a clock goes by: the customer's calendar, that of the departments whose clock it is, or the usual one."""
    theirs = case.departments if responsible in DEPARTMENT_ROLES else ()
    customer = case.complaint.customer_id
    return calendars.for_clock(session, context.calendar, customer_id=customer, departments=theirs)
