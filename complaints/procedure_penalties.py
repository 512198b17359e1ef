"""What a broken rule is proposed to cost, as a procedure file says it: beside a clock, or as a rule of its own."""

from complaints.errors import N_
from complaints.procedure import BREACHES, Penalty, PenaltyRule
from complaints.procedure_declared import Declared
from complaints.procedure_table import Table

MOST_YUAN = 1_000_000


def of_clock(table: Table) -> Penalty | None:
    """What being late costs."""
    inside = table.table("penalty", N_("a table such as { key = 'p_late', yuan = 20 }"), "clock.penalty")
    if "penalty" not in table.raw:
        return None
    penalty = Penalty(inside.key(), _yuan(inside))
    inside.end()
    return penalty


def rule(table: Table, declared: Declared) -> PenaltyRule:
    found = PenaltyRule(
        key=table.key(),
        name=table.name(),
        yuan=_yuan(table),
        on=table.one("on", BREACHES),
        roles=table.some("roles", declared.roles, needed=True),
        superior=table.one("superior", declared.roles, ""),
    )
    table.end()
    return found


def _yuan(table: Table) -> int:
    return table.number("yuan", most=MOST_YUAN, needed=True) or 1
