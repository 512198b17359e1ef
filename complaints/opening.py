"""Cases that a complaint opens in another procedure, such as a return or a recall: begun with what the complaint says
of customer and goods, linked to it, and on their way by rules of their own. `[[open]]` of a procedure says which; its
stages may ask that they are finished. Taking the link back, with a reason, releases the case from the complaint.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from complaints import complaint as complaints
from complaints import guards, history
from complaints.case import Case
from complaints.complaint import Complaint, Draft
from complaints.context import Context
from complaints.errors import N_, ComplaintError
from complaints.link import OPENED, OPENED_BY, Link
from complaints.people import Actor
from complaints.procedure import OpenRule, is_opened, offered

TAKEN_ALONG = (
    "customer_id", "contact_id", "contact_person", "contact_phone", "contact_email", "address", "subject", "content",
    "complaint_date", "order_no", "product", "model", "material_no", "quantity", "batch", "ship_date", "product_code",
    "defective_quantity", "production_date", "production_unit", "production_staff",
)  # fmt: skip
"""What a case begins with of the complaint that opens it."""


class NotOpened(ComplaintError):
    message = N_("“%(name)s” cannot be opened on %(number)s now.")


class OpenedMeanwhile(ComplaintError):
    message = N_("Somebody opened one meanwhile. Look at it first; if another one is needed, open it then.")


def openable(case: Case, by: Actor) -> list[OpenRule]:
    """What a person may open on a complaint now."""
    if case.complaint.registered_at is None or case.rules.stage(case.stage).off_board:
        return []
    return [
        rule
        for rule in case.rules.opens
        if _may_begin(case, rule)
        and (not rule.stages or case.stage in rule.stages)
        and case.holds(rule.when)
        and guards.holds_role(case, by, rule.by) is not None
    ]


def _may_begin(case: Case, rule: OpenRule) -> bool:
    """Is its procedure in use here? What a confidential complaint says goes into no case that everybody sees."""
    return any(
        rules.key == rule.procedure and (rules.confidential or not case.rules.confidential) for rules in offered()
    )


def open_case(session: Session, case: Case, rule: OpenRule, *, by: Actor, at: datetime, context: Context) -> Draft:
    """Begin a case in the rule's procedure, linked to the complaint, in the caller's transaction. The caller has seen
    to it that it may be, and that this is done once."""
    complaint = case.complaint
    known = {column: value for column in TAKEN_ALONG if (value := getattr(complaint, column)) is not None}
    draft = complaints.open_draft(
        session, by=by, at=at, received_at=at, channel=complaint.channel, calendar=context.calendar,
        procedure_key=rule.procedure, fields=known, noted={"opened_by": complaint.number},
    )  # fmt: skip
    session.add(Link(complaint_id=complaint.id, other_id=draft.id, kind=OPENED, at=at, by_id=by.id))
    history.note(session, complaint.id, f"linked:{OPENED}", by=by, at=at, number=draft.number)
    history.note(session, draft.id, f"linked:{OPENED_BY}", by=by, at=at, number=complaint.number)
    session.flush()
    return draft


def follow(session: Session, case: Case, events: Sequence[str], *, by: Actor, at: datetime, context: Context) -> bool:
    """Open what these events open, and say whether there was any; what has been opened and was not released is not
    opened again."""
    wanted = [
        rule
        for rule in case.rules.opens
        if {*rule.on} & {*events} and case.holds(rule.when) and not case.opened.get(rule.procedure)
        if _may_begin(case, rule)
    ]
    for rule in wanted:
        open_case(session, case, rule, by=by, at=at, context=context)
    return bool(wanted)


def openers(session: Session, complaint: Complaint) -> Iterator[Complaint]:
    """The complaints that opened a case and may wait for its end."""
    if is_opened(complaint.procedure):
        query = select(Complaint).join(Link, Link.complaint_id == Complaint.id)
        stands = Link.other_id == complaint.id, Link.kind == OPENED, Link.ended_at.is_(None)
        yield from session.scalars(query.where(*stands).order_by(Complaint.id))
