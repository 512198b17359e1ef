"""The transcript of a complaint: what was said and what happened, stretch by stretch, newest first.

Two rows of events run side by side: what was said by its time, and the history in the order in which it was written. A
stretch takes the newer of the two again and again, so that each thing stands in exactly one, and costs the same however
long the complaint has gone on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, Self

from sqlalchemy import Row, Select, bindparam, case, func, select, tuple_
from sqlalchemy.orm import Session, aliased, defer

from complaints.conversation import Entry
from complaints.history import Change
from complaints.letters import Letter
from complaints.notes import NOTED, Note
from complaints.outbox import Outgoing
from complaints.replies import Reply

STRETCH = 30
SLACK = 10
"""Changes of one transaction are told together: so many more may be taken into a stretch."""
ARRIVALS = 50


class Place(NamedTuple):
    """A place in a transcript: an entry and a change (its position). 0 stands before the first."""

    entry: int
    change: int

    def __str__(self) -> str:
        return "-".join(map(str, self))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """A place as an address names it; None for anything else."""
        parts = text.split("-")
        known = len(parts) == 2 and all(each.isascii() and each.isdigit() and len(each) < 19 for each in parts)
        place = cls(*map(int, parts)) if known else None
        return place if place is not None and place.change < 2**31 else None


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
    """Something in a transcript. `id`: of its entry, or the position of the change."""

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
    query = _said(older=before is not None)
    said = session.execute(query, {"of": ids, "one": ids[0], "place": before.entry if before else 0}).all()
    entries, changes = [_event(row) for row in said], _changes(session, ids[0], before)
    events: list[Event] = []
    n = m = 0
    while n < len(entries) or m < len(changes):
        entry_is_newer = n < len(entries) and (m == len(changes) or entries[n].at >= changes[m].at)
        event = entries[n] if entry_is_newer else changes[m]
        together = not entry_is_newer and bool(events) and event.at == events[-1].at and len(events) < STRETCH + SLACK
        if len(events) >= STRETCH and not together:
            break
        events.append(event)
        n, m = (n + 1, m) if entry_is_newer else (n, m + 1)
    older = Place(entries[n].id if n < len(entries) else 0, changes[m].id if m < len(changes) else 0)
    end = Place(said[0].last if said else 0, changes[0].id if changes else 0)
    first = said[0].first if said else None
    unwritten = not any(older) and first is None and (before is None or not _written(session, ids[0]))
    return Stretch(events[::-1], older if any(older) else None, end, unwritten)


def since(session: Session, ids: Sequence[int], after: Place) -> Stretch:
    """What came in behind a place, oldest first. There is nothing older to it."""
    said = session.execute(_said_since(), {"of": ids, "one": ids[0], "place": after.entry})
    entries, changes = [_event(row) for row in said], _changes(session, ids[0], after, newer=True)
    events = sorted([*entries, *changes], key=lambda event: event.at)
    ends = [max([known, *(each.id for each in new)]) for known, new in zip(after, (entries, changes), strict=True)]
    return Stretch(events, None, Place(*ends))


def up_to(session: Session, ids: Sequence[int], letter_id: int) -> Place | None:
    """The place behind a letter: a stretch that ends there shows it last. None if it is not in this transcript."""
    letter = select(Entry.id, Entry.at).where(Entry.letter_id == letter_id, Entry.complaint_id.in_(ids))
    found = session.execute(letter).first()
    if found is None:
        return None
    change = select(func.max(Change.position)).where(Change.complaint_id == ids[0], Change.at <= found.at)
    return Place(found.id, session.scalar(change) or 0)


def mail_read(session: Session, ids: Sequence[int], mail_id: int) -> Event | None:
    """One mail of a transcript."""
    found = session.execute(_said().where(Entry.outgoing_id == mail_id), {"of": ids, "one": ids[0]}).first()
    return _event(found) if found else None


def _event(row: Row[Any]) -> Event:
    thing: Thing
    if row.Letter is not None:
        thing = LetterRead(row.Letter, bool(row.formatted), row.first not in (None, row.Letter.id))
    elif row.Outgoing is not None:
        thing = MailRead(row.Outgoing, row.Reply, row.rendered)
    else:
        thing = NoteRead(row.Note, row.corrects_at, row.Correction)
    return Event(row.at, row.id, thing)


def _written(session: Session, id_: int) -> bool:
    """Did a letter come in for a complaint?"""
    letter = select(Entry.id).where(Entry.complaint_id == id_, Entry.letter_id.is_not(None))
    return session.scalar(letter.limit(1)) is not None


@cache
def _said(older: bool = False) -> Select[Any]:
    corrected, correction, correcting = aliased(Note), aliased(Note, name="Correction"), aliased(Note)
    other = aliased(Entry)
    began = select(other.letter_id).where(other.complaint_id == bindparam("one"), other.letter_id.is_not(None))
    first = began.order_by(other.id).limit(1).scalar_subquery()
    newest = select(func.max(other.id)).where(other.complaint_id.in_(_of())).scalar_subquery()
    latest = select(func.max(correcting.id)).where(correcting.corrects_id == Note.id).scalar_subquery()
    query = (
        select(
            Entry.at, Entry.id, Letter, (Letter.html != "").label("formatted"), first.label("first"), Note,
            corrected.at.label("corrects_at"), correction, Outgoing, Reply,
            case((Reply.id.is_(None), Outgoing.rendered)).label("rendered"), newest.label("last"),
        )
        .options(defer(Letter.html), defer(Outgoing.rendered))
        .outerjoin(Letter, Letter.id == Entry.letter_id)
        .outerjoin(Note, Note.id == Entry.note_id)
        .outerjoin(corrected, corrected.id == Note.corrects_id)
        .outerjoin(correction, correction.id == latest)
        .outerjoin(Outgoing, Outgoing.id == Entry.outgoing_id)
        .outerjoin(Reply, Reply.outgoing_id == Outgoing.id)
        .where(Entry.complaint_id.in_(_of()))
    )  # fmt: skip
    if older:
        at = select(other.at).where(other.id == bindparam("place")).scalar_subquery()
        query = query.where(tuple_(Entry.at, Entry.id) <= tuple_(at, bindparam("place")))
    return query.order_by(Entry.at.desc(), Entry.id.desc()).limit(STRETCH + 1)


@cache
def _said_since() -> Select[Any]:
    return _said().where(Entry.id > bindparam("place")).order_by(None).order_by(Entry.id).limit(ARRIVALS)


def _changes(session: Session, id_: int, place: Place | None, *, newer: bool = False) -> list[Event]:
    rows = session.scalars(_changes_of(place is not None, newer), {"one": id_, "place": place.change if place else 0})
    return [Event(change.at, change.position, change) for change in rows]


@cache
def _changes_of(placed: bool, newer: bool) -> Select[Any]:
    query = select(Change).where(Change.complaint_id == bindparam("one"), Change.act != NOTED)
    if newer:
        return query.where(Change.position > bindparam("place")).order_by(Change.position).limit(ARRIVALS)
    if placed:
        query = query.where(Change.position <= bindparam("place"))
    return query.order_by(Change.position.desc()).limit(STRETCH + 1 + SLACK)


def _of() -> Any:
    return bindparam("of", expanding=True)
