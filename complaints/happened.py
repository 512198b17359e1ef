"""What has happened on a case, by the events of its procedure: `signed:receipt`, `entered:verification`. Pure."""

from datetime import datetime

from complaints import guards
from complaints.case import Case
from complaints.procedure import NOTIFIED, RECEIVED


def has_happened(case: Case, event: str, since: datetime | None = None) -> bool:
    """Does the case stand so that an event has happened, in this round where it counts by rounds? A stage counts that
    was entered `since` then."""
    kind, _, key = event.partition(":")
    if kind == "signed":
        return key in case.signatures
    if kind == "entered":
        return key in case.entered and (since is None or case.entered[key] >= since)
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
