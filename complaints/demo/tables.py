"""The tables that a fill writes, and their columns, in an order that the foreign keys allow.

The rows of a part are made by the hundred thousand, so each table is one long list: the values of its first row, then
those of the second, as `COLUMNS` names them. Instants are texts in UTC, as both databases read them; what a change says
is JSON as `history.canonical` writes it.
"""

from typing import Any

from complaints.clocks import Clock
from complaints.complaint import Complaint, Involvement
from complaints.conversation import Entry
from complaints.database import Base
from complaints.history import Change, Written
from complaints.letters import Attachment, Letter, Sighting
from complaints.notices import Notice
from complaints.outbox import Outgoing
from complaints.records import Investigation, Record
from complaints.signatures import Signature
from complaints.terms import Term
from complaints.visits import StageVisit
from complaints.work import Waiting

Rows = dict[type[Base], list[Any]]
Said = tuple[str, int | None, str, str]
"""A line of a history: when, by whom, the act, and what it says."""
COLUMNS: dict[type[Base], str] = {
    Investigation: "id round opened_at",
    Complaint: "id number year sequence register_year register_serial procedure procedure_version stage round version "
    "changed_at sort_due_at channel received_at received_by_id registered_at registered_by_id closed_at owner_id "
    "subject content demand complaint_date complaint_class cause_type link customer_id contact_id contact_person "
    "contact_phone contact_email address product model order_no material_no quantity batch ship_date details_asked "
    "attachment_count unread_count repeat_of_count investigation_id",
    Term: "term complaint_id",
    Letter: "id content_key complaint_id from_address from_name subject text html message_id references dated "
    "received_at language verdict raw",
    Outgoing: "id purpose kind complaint_id recipient domain locale message_id in_reply_to references values "
    "created_at due_at state attempts deaths ambiguous handed_over_at rendered reply sent_at",
    Sighting: "raw size received_at seen_at outcome reason values letter_id complaint_id",
    Attachment: "id letter_id complaint_id position filename content_type declared_type content_id inline size blob",
    Entry: "complaint_id kind at letter_id outgoing_id",
    Clock: "subject_kind subject_id key round responsible started_at due_at stopped_at outcome receipt",
    StageVisit: "complaint_id stage round entered_at entered_by_id left_at",
    Change: "complaint_id position at by_id act digest link",
    Written: "complaint_id position salt values",
    Involvement: "complaint_id user_id department_id reason since",
    Record: "subject subject_id sheet round place number values marks version begun_at begun_by_id changed_at owner_id "
    "due_on done_on",
    Signature: "subject subject_id complaint_id key round user_id role at decision remark digest",
    Waiting: "complaint_id kind key role user_id department_id due_on turn barred since",
    Notice: "user_id complaint_id version event values at read_at",
}
TOLD = "complaint_id position at by_id act digest values"
"""A change with what it says: one row of a part makes one of each, with the salt of the part and the link of its chain,
which whoever writes it into the ledger makes of the one before."""


def columns(model: type[Base]) -> list[str]:
    """The columns of a table in a part."""
    return (TOLD if model is Change else COLUMNS[model]).split()
