"""`flask complaint …`: a complaint as it is stored."""

import json
import sys
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import inspect, select

from complaints import clocks, records, signatures, terms, visits
from complaints.complaint import Complaint, Involvement, find
from complaints.conversation import Entry
from complaints.customers import Customer
from complaints.database import sessions, transaction
from complaints.errors import NotFound
from complaints.history import Change
from complaints.letters import Letter
from complaints.notes import Note
from complaints.outbox import Outgoing
from complaints.people import SYSTEM
from complaints.work import Waiting
from webapp.database import db

command = AppGroup("complaint", help="Complaints.")


@command.command("terms")
@click.option("--rebuild", is_flag=True, required=True, help="Make the whole index anew.")
def terms_(rebuild: bool) -> None:
    """The index by which similar complaints are found. It is kept by itself; this makes it anew."""
    with transaction(sessions(db.engines[None])) as session:
        done = 0
        for done in terms.rebuild(session):
            if sys.stderr.isatty():
                click.echo(f"\r{done:,}", nl=False, err=True)
    click.echo(f"The terms of {done:,} complaints are entered.")


@command.command("show")
@click.argument("number")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(number: str, as_json: bool) -> None:
    """Show the record of NUMBER: fields, stage and visits, clocks with receipts, records, approvals (those that
    fell, too), people, what waits, mails, notes, history."""
    session = db.session()
    try:
        complaint = find(session, number, SYSTEM)
    except NotFound:
        click.echo(f"There is no complaint {number}.", err=True)
        sys.exit(1)
    record = _fields(complaint)
    customer = session.get(Customer, complaint.customer_id) if complaint.customer_id else None
    record["customer"] = customer.name if customer else None
    record["register_no"] = complaint.register_no
    record["visits"] = [_fields(visit) for visit in visits.of(session, complaint.id)]
    record["clocks"] = [_fields(clock) for clock in clocks.of(session, "complaint", complaint.id)]
    record["records"] = [_fields(each) for each in records.of(session, complaint, every_round=True)]
    record["approvals"] = [_fields(each) for each in signatures.of(session, complaint, every=True)]
    record["people"] = [
        _fields(each) for each in session.scalars(select(Involvement).where(Involvement.complaint_id == complaint.id))
    ]
    record["waiting"] = [
        _fields(each) for each in session.scalars(select(Waiting).where(Waiting.complaint_id == complaint.id))
    ]
    letters = select(Letter).join(Entry, Entry.letter_id == Letter.id).where(Entry.complaint_id == complaint.id)
    record["letters"] = [_fields(letter, but=("html",)) for letter in session.scalars(letters.order_by(Letter.id))]
    record["outgoing"] = [
        _fields(mail, but=("rendered",))
        for mail in session.scalars(select(Outgoing).where(Outgoing.complaint_id == complaint.id).order_by(Outgoing.id))
    ]
    noted = session.scalars(select(Note).where(Note.complaint_id == complaint.id).order_by(Note.id))
    record["notes"] = [_fields(note) for note in noted]
    record["history"] = [
        _fields(change)
        for change in session.scalars(
            select(Change).where(Change.complaint_id == complaint.id).order_by(Change.position)
        )
    ]
    click.echo(json.dumps(record, ensure_ascii=False, default=str, indent=None if as_json else 2))


def _fields(row: Complaint | Any, but: tuple[str, ...] = ()) -> dict[str, Any]:
    columns = inspect(type(row)).columns
    return {
        c.key: v.isoformat() if hasattr(v := getattr(row, c.key), "isoformat") else v
        for c in columns
        if c.key not in but
    }
