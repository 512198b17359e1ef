"""What has happened on a case, by the events of its procedure: `signed:receipt`, `entered:verification`. Pure."""

from complaints import guards
from complaints.case import Case
from complaints.procedure import NOTIFIED, RECEIVED


def has_happened(case: Case, event: str) -> bool:
    """Does the case stand so that an event has happened, in this round where it counts by rounds?"""
    kind, _, key = event.partition(":")
    if kind == "signed":
        return key in case.signatures
    if kind == "entered":
        return key in case.visited
    if kind == "filled":
        return case.has(key)
    if kind == "written":
        sheet = case.rules.sheet(key)
        return sheet is not None and any(
            not guards.incomplete(case, sheet, each.values) for each in case.of_sheet(sheet)
        )
    if kind == NOTIFIED:
        return case.notified
    return kind == RECEIVED
