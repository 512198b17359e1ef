"""The transcript of a complaint: what was said and what happened, stretch by stretch, newest first.

Three rows of events run side by side: letters and notes by their time, our mails and the history in the order in which
they were written. A stretch takes the newest of the three again and again, so that each thing stands in exactly one,
and costs the same however long the complaint has gone on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any, NamedTuple, Self

from sqlalchemy import Select, and_, bindparam, case, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased, defer

from complaints.conversation import Entry
from complaints.history import Change
from complaints.letters import Letter
from complaints.notes import NOTED, Note
from complaints.outbox import Outgoing
from complaints.replies import KIND as REPLY
from complaints.replies import Reply

STRETCH = 30
SLACK = 10
"""Changes of one transaction are told together: so many more may be taken into a stretch."""
ARRIVALS = 50


class Place(NamedTuple):
    """A place in a transcript: an entry, a mail and a change (its position). 0 stands before the first."""

    entry: int
    mail: int
    change: int

    def __str__(self) -> str:
        return "-".join(map(str, self))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """A place as an address names it; None for anything else."""
        parts = text.split("-")
        known = len(parts) == 3 and all(each.isascii() and each.isdigit() and len(each) < 19 for each in parts)
        return cls(*map(int, parts)) if known else None


@dataclass(frozen=True)
class NoteRead:
    """A note, with the time of the one that it corrects and the newest that corrects it."""

    note: Note
    corrects_at: datetime | None
    corrected_by: Note | None


@dataclass(frozen=True)
class LetterRead:
    """A letter from the customer; its own HTML is left where it is, `formatted` says whether there is any. `splits`:
    it came after the first one of its complaint."""

    letter: Letter
    formatted: bool
    splits: bool


@dataclass(frozen=True)
class MailRead:
    """A mail of ours. `reply` is what a person wrote in it; of the others `rendered` is how they went."""

    mail: Outgoing
    reply: Reply | None
    rendered: bytes | None


Thing = LetterRead | NoteRead | MailRead | Change


class Event(NamedTuple):
    """Something in a transcript. `id`: of its entry or its mail, or the position of the change."""

    at: datetime
    id: int
    thing: Thing


@dataclass(frozen=True)
class Stretch:
    """A part of a transcript, oldest first. `older`: where the one before it begins, None at the beginning; `end`: the
    place behind everything there was. `unwritten`: the complaint has no letter of its own."""

    events: Sequence[Event]
    older: Place | None
    end: Place
    unwritten: bool = False


def read(session: Session, ids: Sequence[int], before: Place | None = None) -> Stretch:
    """The newest stretch, or the one that ends with the place `before`. `ids`: the complaint, and those merged into it,
    of which only what was said is read."""
    entries, last_entry, first = _entries(session, ids, before)
    mails = _mails(session, ids, before)
    changes = _changes(session, ids[0], before)
    rows, taken = (entries, mails, changes), [0, 0, 0]
    events: list[Event] = []
    while True:
        heads = [row[n] if n < len(row) else None for row, n in zip(rows, taken, strict=True)]
        waiting = [(head.at, -which) for which, head in enumerate(heads) if head is not None]
        if not waiting:
            break
        at, which = max(waiting)
        if len(events) >= STRETCH and not (which == -2 and at == events[-1].at and len(events) < STRETCH + SLACK):
            break
        events.append(rows[-which][taken[-which]])
        taken[-which] += 1
    older = Place(*(row[n].id if n < len(row) else 0 for row, n in zip(rows, taken, strict=True)))
    end = Place(last_entry, mails[0].id if mails else 0, changes[0].id if changes else 0)
    unwritten = not any(older) and first is None and (before is None or not _written(session, ids[0]))
    return Stretch(events[::-1], older if any(older) else None, end, unwritten)


def since(session: Session, ids: Sequence[int], after: Place) -> Stretch:
    """What came in behind a place, oldest first. There is nothing older to it."""
    entries, _, _ = _entries(session, ids, after, newer=True)
    rows = entries, _mails(session, ids, after, newer=True), _changes(session, ids[0], after, newer=True)
    events = sorted(chain(*rows), key=lambda event: event.at)
    ends = [max([known, *(each.id for each in row)]) for known, row in zip(after, rows, strict=True)]
    return Stretch(events, None, Place(*ends))


def up_to(session: Session, ids: Sequence[int], letter_id: int) -> Place | None:
    """The place behind a letter: a stretch that ends there shows it last. None if it is not in this transcript."""
    letter = select(Entry.id, Entry.at).where(Entry.letter_id == letter_id, Entry.complaint_id.in_(ids))
    found = session.execute(letter).first()
    if found is None:
        return None
    mail = select(func.max(Outgoing.id)).where(Outgoing.complaint_id.in_(ids), Outgoing.created_at <= found.at)
    change = select(func.max(Change.position)).where(Change.complaint_id == ids[0], Change.at <= found.at)
    return Place(found.id, session.scalar(mail) or 0, session.scalar(change) or 0)


def mail_read(session: Session, ids: Sequence[int], mail_id: int) -> MailRead | None:
    """One mail of a transcript."""
    found = session.execute(_mails_of(False, False).where(Outgoing.id == mail_id), {"of": ids}).first()
    return MailRead(*found) if found else None


def _entries(
    session: Session, ids: Sequence[int], place: Place | None, *, newer: bool = False
) -> tuple[list[Event], int, int | None]:
    """Letters and notes, the last entry of all, and the first letter of the complaint."""
    query = _newer_entries() if newer else _older_entries() if place else _newest_entries()
    rows = session.execute(query, {"of": ids, "one": ids[0], "place": place.entry if place else 0}).all()
    events: list[Event] = []
    for row in rows:
        thing: Thing = NoteRead(row.Note, row.corrects_at, row.Correction)
        if row.Letter is not None:
            thing = LetterRead(row.Letter, bool(row.formatted), row.first not in (None, row.Letter.id))
        events.append(Event(row.at, row.id, thing))
    return (events, rows[0].last, rows[0].first) if rows else (events, 0, None)


def _written(session: Session, id_: int) -> bool:
    return session.scalar(select(Entry.id).where(Entry.complaint_id == id_, Entry.letter_id.is_not(None))) is not None


@cache
def _newest_entries() -> Select[Any]:
    corrected, correction, other = aliased(Note), aliased(Note, name="Correction"), aliased(Entry)
    began = select(other.letter_id).where(other.complaint_id == bindparam("one"), other.letter_id.is_not(None))
    first = began.order_by(other.id).limit(1).scalar_subquery()
    newest = select(func.max(other.id)).where(other.complaint_id.in_(_of())).scalar_subquery()
    correcting = aliased(Note)
    latest = select(func.max(correcting.id)).where(correcting.corrects_id == Note.id).scalar_subquery()
    query = (
        select(
            Entry.at, Entry.id, Letter, Note, corrected.at.label("corrects_at"), correction, newest.label("last"),
            (Letter.html != "").label("formatted"), first.label("first"),
        )
        .options(defer(Letter.html))
        .outerjoin(Letter, Letter.id == Entry.letter_id)
        .outerjoin(Note, Note.id == Entry.note_id)
        .outerjoin(corrected, corrected.id == Note.corrects_id)
        .outerjoin(correction, correction.id == latest)
        .where(Entry.complaint_id.in_(_of()), or_(Entry.letter_id.is_not(None), Entry.note_id.is_not(None)))
    )  # fmt: skip
    return query.order_by(Entry.at.desc(), Entry.id.desc()).limit(STRETCH + 1)


@cache
def _older_entries() -> Select[Any]:
    at = select(Entry.at).where(Entry.id == bindparam("place")).scalar_subquery()
    return _newest_entries().where(tuple_(Entry.at, Entry.id) <= tuple_(at, bindparam("place")))


@cache
def _newer_entries() -> Select[Any]:
    newer = _newest_entries().where(Entry.id > bindparam("place"))
    return newer.order_by(None).order_by(Entry.id).limit(ARRIVALS)


def _mails(session: Session, ids: Sequence[int], place: Place | None, *, newer: bool = False) -> list[Event]:
    rows = session.execute(_mails_of(place is not None, newer), {"of": ids, "place": place.mail if place else 0})
    return [Event(row.Outgoing.created_at, row.Outgoing.id, MailRead(*row)) for row in rows]


@cache
def _mails_of(placed: bool, newer: bool) -> Select[Any]:
    never_said = and_(Outgoing.kind == REPLY, Outgoing.state == "cancelled")
    query = (
        select(Outgoing, Reply, case((Reply.id.is_(None), Outgoing.rendered)))
        .options(defer(Outgoing.rendered))
        .outerjoin(Reply, Reply.outgoing_id == Outgoing.id)
        .where(Outgoing.complaint_id.in_(_of()), ~never_said)
    )
    return _cut(query, Outgoing.id, placed, newer)


def _changes(session: Session, id_: int, place: Place | None, *, newer: bool = False) -> list[Event]:
    rows = session.scalars(_changes_of(place is not None, newer), {"one": id_, "place": place.change if place else 0})
    return [Event(change.at, change.position, change) for change in rows]


@cache
def _changes_of(placed: bool, newer: bool) -> Select[Any]:
    query = select(Change).where(Change.complaint_id == bindparam("one"), Change.act != NOTED)
    return _cut(query, Change.position, placed, newer, slack=SLACK)


def _cut(query: Select[Any], by: Any, placed: bool, newer: bool, *, slack: int = 0) -> Select[Any]:
    if newer:
        return query.where(by > bindparam("place")).order_by(by).limit(ARRIVALS)
    if placed:
        query = query.where(by <= bindparam("place"))
    return query.order_by(by.desc()).limit(STRETCH + 1 + slack)


def _of() -> Any:
    return bindparam("of", expanding=True)
