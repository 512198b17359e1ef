"""Who was invited to what a row of a record plans, beside it: those whom the procedure asks by itself, too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Flask

from complaints import invitations
from complaints.procedure import Sheet
from webapp.database import db
from webapp.records import Section


@dataclass(frozen=True)
class Invited:
    """The people whose calendars hold it; nobody any more where it was `cancelled`."""

    names: Sequence[str]
    cancelled: bool


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(invited_to=invited_to)


def invited_to(work: Section, sheet: Sheet) -> Mapping[int, Invited]:
    """Those invited to what a record plans, by row (id); without a question where it plans nothing."""
    if not any(rule.calendar and rule.calendar.sheet == sheet.key for rule in work.case.rules.notices):
        return {}
    rows = {row.id: row.begun_by_id for row in work.case.of_sheet(sheet)}
    found = {}
    for id_, known in invitations.of(db.session(), rows).items():
        stands = [each for each in known if each.withdrawn_at is None]
        names = [work.names.people[each.user_id] for each in stands if each.user_id != rows[id_]]
        if known:
            found[id_] = Invited(sorted(names), not stands)
    return found
