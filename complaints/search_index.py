"""The index of search: for each complaint one row with the tokens of all that is written on it.

One row per complaint, because the words of a query may stand in a letter, a note and a record of the same one, and
because who may see a complaint may read all of those. Whatever changes a text leaves a row in `search_todo`, by
triggers of the database and so in the same transaction; a duty takes those up within seconds, and what it had not done
when it was stopped is there still. Rows are only ever added: a change that is committed while a complaint is being
read has one of its own. The index may be lost: `rebuild` makes it anew.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Executable, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from complaints import rows
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.customers import Contact, Customer
from complaints.database import Base, BigId, transaction
from complaints.errors import N_
from complaints.letters import Attachment, Letter
from complaints.notes import Note
from complaints.off_board import Decision
from complaints.procedure import COMPLAINT, INVESTIGATION
from complaints.records import Record
from complaints.replies import Reply
from complaints.search_words import Words

AT_ONCE = 200
READ = 20_000
"""Characters of one text that are read."""
LOCK = 7_310_031
PLACES: Mapping[str, str] = {
    "entry": N_("Complaint"), "customer": N_("Customer"), "mail": N_("Mail"), "note": N_("Note"),
    "record": N_("Record"), "attachment": N_("Attachment"), "decision": N_("Decision"),
}  # fmt: skip
LETTERS: Mapping[str, str] = {
    "number": "n",
    "customer": "c",
    "product": "p",
    "model": "p",
    "batch": "b",
    "order_no": "o",
}
FIELDS = (
    "subject", "content", "demand", "contact_person", "contact_email", "product", "model", "batch", "order_no",
    "material_no", "product_code",
)  # fmt: skip


class Todo(Base):
    """Something that is written on a complaint changed; its row in the index has to be made anew."""

    __tablename__ = "search_todo"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    complaint_id: Mapped[int]


class Text(NamedTuple):
    """A text of a complaint, where it stands, and the field that a filter asks for."""

    where: str
    text: str
    field: str = ""


def texts(session: Session, ids: Iterable[int]) -> dict[int, list[Text]]:
    """All that is written on some complaints, in few queries."""
    wanted = list(ids)
    found: defaultdict[int, list[Text]] = defaultdict(list)
    investigations: defaultdict[int, list[int]] = defaultdict(list)
    query = (
        select(Complaint, Customer.name, Contact.name, Contact.address)
        .outerjoin(Customer, Customer.id == Complaint.customer_id)
        .outerjoin(Contact, Contact.id == Complaint.contact_id)
        .where(Complaint.id.in_(wanted))
    )
    for each, customer, name, address in session.execute(query):
        mine = found[each.id]
        mine += [Text("entry", number, "number") for number in (each.number, each.register_no) if number]
        mine += [Text("customer", customer, "customer")] if customer else []
        mine += [Text("customer", said, "customer") for said in (name, address) if said]
        mine += [Text("entry", said[:READ], field) for field in FIELDS if (said := getattr(each, field))]
        if each.investigation_id is not None:
            investigations[each.investigation_id].append(each.id)
    for where, lines in _parts(wanted):
        for id_, *said in session.execute(lines):
            found[id_].append(Text(where, "\n".join(one for one in said if one)[:READ]))
    of = {COMPLAINT: {id_: [id_] for id_ in found}, INVESTIGATION: investigations}
    of_these = [(Record.subject == kind) & Record.subject_id.in_(list(whose)) for kind, whose in of.items()]
    written = select(Record.subject, Record.subject_id, Record.number, Record.values).where(
        or_(*of_these), Record.removed_at.is_(None)
    )
    for kind, subject, number, values in session.execute(written.order_by(Record.id)):
        said = " \n".join(filter(None, (number, *_strings(values))))[:READ]
        for id_ in of[kind][subject]:
            found[id_].append(Text("record", said))
    return dict(found)


def _parts(ids: list[int]) -> Iterator[tuple[str, Executable]]:
    letters = select(Letter.complaint_id, Letter.subject, Letter.from_name, Letter.from_address, Letter.text)
    yield "mail", letters.where(Letter.complaint_id.in_(ids)).order_by(Letter.id)
    replies = select(Reply.complaint_id, Reply.subject, Reply.text)
    yield "mail", replies.where(Reply.complaint_id.in_(ids), Reply.taken_back_at.is_(None)).order_by(Reply.id)
    yield "note", select(Note.complaint_id, Note.text).where(Note.complaint_id.in_(ids)).order_by(Note.id)
    files = select(Attachment.complaint_id, Attachment.filename)
    yield "attachment", files.where(Attachment.complaint_id.in_(ids)).order_by(Attachment.id)
    came = select(Letter.complaint_id, Attachment.filename).join(Letter, Letter.id == Attachment.letter_id)
    yield "attachment", came.where(Attachment.complaint_id.is_(None), Letter.complaint_id.in_(ids))
    decided = select(Decision.complaint_id, Decision.reason, Decision.answer)
    yield "decision", decided.where(Decision.complaint_id.in_(ids)).order_by(Decision.id)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)


def write(session: Session, ids: Iterable[int]) -> None:
    """Make the rows of some complaints anew, in the caller's transaction."""
    found: dict[int, Words] = {}
    for id_, said in texts(session, ids).items():
        found[id_] = words = Words()
        for each in said:
            words.take(each.text, LETTERS.get(each.field, ""))
    if not found:
        return
    connection = session.connection()
    if rows.dialect(session) == "sqlite":
        connection.execute(text("DELETE FROM search_entry WHERE rowid = :id"), [{"id": id_} for id_ in found])
        connection.execute(
            text("INSERT INTO search_entry (rowid, words) VALUES (:id, :words)"),
            [{"id": id_, "words": " ".join(words.both())} for id_, words in found.items()],
        )
    else:
        connection.execute(
            text(
                "INSERT INTO search_entry (complaint_id, words) VALUES (:id, CAST(:words AS tsvector)) "
                "ON CONFLICT (complaint_id) DO UPDATE SET words = excluded.words"
            ),
            [{"id": id_, "words": _vector(words)} for id_, words in found.items()],
        )


def _vector(words: Words) -> str:
    """As PostgreSQL writes it: `'leak':3 '_leak'`."""
    at = (f"'{each}':{place}" for place, each in enumerate(words.inline, 1) if place <= 16_383)
    return " ".join((*at, *(f"'{each}'" for each in sorted(words.beside))))


def catch_up(make: sessionmaker[Session], at: datetime, context: Context) -> int:
    """Take up what changed, in short transactions; gives how many complaints that were."""
    done = 0
    while part := _some(make):
        done += part
    return done


def _some(make: sessionmaker[Session]) -> int:
    with transaction(make) as session:
        _alone(session)
        waiting = session.execute(select(Todo.id, Todo.complaint_id).order_by(Todo.id).limit(AT_ONCE)).all()
        if not waiting:
            return 0
        write(session, sorted({each.complaint_id for each in waiting}))
        table = rows.table(Todo)
        session.execute(table.delete().where(table.c.id.in_([each.id for each in waiting])))
        return len({each.complaint_id for each in waiting})


def _alone(session: Session) -> None:
    """Of two who write the index the second waits: it might have read what is older."""
    if rows.dialect(session) == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


def rebuild(make: sessionmaker[Session]) -> Iterator[int]:
    """Make every row anew, in transactions of their own; yields how many are done."""
    last = done = 0
    while True:
        with transaction(make) as session:
            _alone(session)
            ids = session.scalars(
                select(Complaint.id).where(Complaint.id > last).order_by(Complaint.id).limit(AT_ONCE)
            ).all()
            write(session, ids)
        if not ids:
            return
        last, done = ids[-1], done + len(ids)
        yield done


def missing(session: Session) -> tuple[int, int]:
    """How many complaints have no row, and how many changes wait."""
    of = "rowid" if rows.dialect(session) == "sqlite" else "complaint_id"
    query = f"SELECT count(*) FROM complaint WHERE id NOT IN (SELECT {of} FROM search_entry)"
    waiting = session.scalar(text("SELECT count(*) FROM search_todo"))
    return int(session.scalar(text(query)) or 0), int(waiting or 0)
