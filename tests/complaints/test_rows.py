"""Rows that wait for each other are written as they were added."""

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import outbox, rows
from complaints.conversation import Entry
from complaints.database import open_database, sessions, transaction
from complaints.outbox import Outgoing
from tests.builders import MONDAY, a_letter
from tests.desk import Desk


def test_rows_of_a_table_may_name_different_columns(database_url: str, desk: Desk) -> None:
    """A letter and the mail that acknowledges it are both entries, of different kinds."""
    make: sessionmaker[Session] = sessions(open_database(database_url))
    number = desk.draft()
    with transaction(make) as session:
        complaint = desk.find(session, number)
        letter = a_letter(session)
        before = {*session.scalars(select(Entry.id))}
        with rows.together(session):
            entry = {"complaint_id": complaint.id, "kind": "letter", "at": MONDAY, "letter_id": letter.id}
            rows.add(session, Entry, entry)
            outbox.owe(
                session, purpose="ack:test", kind="ack", recipient="ines@quellstrom.example", locale="en", at=MONDAY,
                secret="s" * 32, domain="mill.example", complaint_id=complaint.id,
            )  # fmt: skip
        sent = session.scalars(select(Outgoing.id).where(Outgoing.purpose == "ack:test")).one()
        new = session.execute(
            select(Entry.kind, Entry.letter_id, Entry.outgoing_id).where(Entry.id.not_in(before)).order_by(Entry.id)
        )
        assert [tuple(row) for row in new] == [("letter", letter.id, None), ("mail", None, sent)]
