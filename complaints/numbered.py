"""Numbered records lead to their complaints: a handling form F-2026-0001, the receipt that somebody asks by."""

import re

from sqlalchemy import ColumnElement, or_, select

from complaints.complaint import Complaint
from complaints.procedure import COMPLAINT, INVESTIGATION, versions
from complaints.records import Record

_NUMBER = re.compile(r"(.{1,10})-\d{4}-\d{4,10}", re.ASCII)


def bearing(word: str) -> list[ColumnElement[bool]]:
    """The condition that a complaint or its investigation has a record of this number; none where no record's number
    looks so."""
    number = word.upper()
    found = _NUMBER.fullmatch(number)
    sheets = {sheet.key for rules in versions() for sheet in rules.sheets if found and sheet.numbered == found[1]}
    if not sheets:
        return []
    of = select(Record.subject_id).where(Record.sheet.in_(sorted(sheets)), Record.number == number)
    hangs_on = {COMPLAINT: Complaint.id, INVESTIGATION: Complaint.investigation_id}
    return [or_(*(column.in_(of.where(Record.subject == kind)) for kind, column in hangs_on.items()))]
