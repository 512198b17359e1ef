"""Internal notes: what colleagues tell each other about a complaint. No note is ever mailed to a customer.

A note is never changed. Whoever wrote it may follow it up with a correction, and both stay. `@` and a full name in it
tells that person, who may see the complaint from then on; a confidential one stays with those who may see it already.
Who watches the complaint hears of every note.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import history, notices, registration, rows, watching, workflow
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.conversation import Entry
from complaints.database import Base, BigId
from complaints.errors import N_, NotFound, Sentence
from complaints.people import Actor, User
from complaints.procedure import of as rules_of
from complaints.registration import Incomplete, Problem
from complaints.texts import clean

KIND, NOTED, MENTIONED = "note", "noted", "mentioned"
FIELD = "note"
"""What a form calls the text, and what problems with it are told of."""
LONGEST = 8_000
GOES_ON = r"(?!-?[^\W\u2e80-\uffff])"
"""No letter or figure of an alphabet follows: Ann is not meant by @Annabel. Chinese may follow, it knows no spaces."""
ALONE = r"(?<![^\W\u2e80-\uffff])"
"""Nor does one come before: an address is no mention."""


class Note(Base):
    """What somebody noted, whom it mentions (ids), and the note that it corrects."""

    __tablename__ = "note"
    __table_args__ = (
        Index("ix_note_complaint_id", "complaint_id", "id"),
        Index("ix_note_corrects_id", "corrects_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    at: Mapped[datetime]
    text: Mapped[str] = mapped_column(Text)
    mentioned: Mapped[list[Any]]
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("note.id"))


class NotNoted(Incomplete):
    """The form cannot be taken: `problems` says why, for the field `note`."""

    message = N_("The note was not saved.")


@dataclass(frozen=True)
class Noted:
    """A note that was taken down: who was told of being mentioned, and who was not, because the complaint is
    confidential and not theirs to see."""

    note: Note
    told: Sequence[str]
    not_told: Sequence[str]


def add(
    session: Session,
    complaint: Complaint,
    text: str,
    *,
    by: Actor,
    at: datetime,
    context: Context,
    key: str = "",
    corrects: int | None = None,
) -> Noted | None:
    """Note something on a complaint, in the caller's transaction; `corrects` is the writer's own note (id) that this
    one puts right, `key` names the form, so that it is not taken down twice (None). The complaint itself stays as it
    is: what others are filling in is not stale by a note.

    Raises `NotNoted`, and `NotFound` for a note that is not there or somebody else's."""
    workflow.hold(session, complaint)
    before = _own(session, complaint, corrects, by) if corrects is not None else None
    text = clean(text, lines=True)
    if problem := _problem(text, before):
        raise NotNoted([Problem(FIELD, problem)])
    if key and not registration.first_time(session, f"{KIND}:{key}", complaint, by=by, at=at):
        return None
    everybody, staff = _people(session)
    mentioned = [id_ for id_ in named(text, everybody) if id_ in staff]
    note = Note(
        complaint_id=complaint.id, author_id=by.id, at=at, text=text, mentioned=mentioned,
        corrects_id=before.id if before else None,
    )  # fmt: skip
    session.add(note)
    session.flush()
    rows.add(
        session, Entry, {"complaint_id": complaint.id, "kind": KIND, "at": at, "note_id": note.id, "author_id": by.id}
    )
    history.note(session, complaint.id, NOTED, by=by, at=at, note=note.id)
    new = [id_ for id_ in mentioned if id_ != by.id and (before is None or id_ not in before.mentioned)]
    today = at.astimezone(context.zone).date()
    told = notices.tell(
        session, complaint, new, f"{MENTIONED}:{note.id}", by=by, at=at, today=today, secret=context.secret,
        domain=context.domain, opens_to=() if rules_of(complaint).confidential else None,
    )  # fmt: skip
    watching.hear(session, complaint.id, f"{NOTED}:{note.id}", by=by, at=at, today=today, but=told)
    session.flush()
    names = {id_: everybody[id_] for id_ in new}
    return Noted(note, [names[id_] for id_ in new if id_ in told], [names[id_] for id_ in new if id_ not in told])


def _own(session: Session, complaint: Complaint, note_id: int, by: Actor) -> Note:
    mine = Note.id == note_id, Note.complaint_id == complaint.id, Note.author_id == by.id
    if (found := session.scalar(select(Note).where(*mine))) is None:
        raise NotFound
    return found


def _problem(text: str, before: Note | None) -> Sentence | None:
    """What is wrong with the text of a note."""
    if not text:
        return Sentence(N_("There is nothing in the note yet"))
    if len(text) > LONGEST:
        message = N_("The note may have %(limit)s characters; this has %(length)s")
        return Sentence(message, {"limit": LONGEST, "length": len(text)})
    if before is not None and before.text == text:
        return Sentence(N_("The correction says the same as the note"))
    return None


# Mentions


def _people(session: Session) -> tuple[dict[int, str], set[int]]:
    """The names of everybody by id, and who of them works here: a name that is somebody's who left is not taken for the
    beginning of it."""
    found = session.execute(select(User.id, User.name, User.left_at).order_by(User.name, User.id)).all()
    return {row.id: row.name for row in found}, {row.id for row in found if row.left_at is None}


def mentionable(session: Session, complaint: Complaint, *, by: Actor, at: datetime, context: Context) -> list[str]:
    """The names of those whom this person may mention on a complaint."""
    everybody, staff = _people(session)
    today = at.astimezone(context.zone).date()
    hear = {row.id for row in notices.who_hears(session, complaint, staff - {by.id}, today)}
    return list(dict.fromkeys(name for id_, name in everybody.items() if id_ in hear))


def named(text: str, people: Mapping[int, str]) -> list[int]:
    """Whom (ids) a text mentions. Two of one name are both meant, so that nobody is missed."""
    if "@" not in text and "＠" not in text:
        return []
    found = {_one_line(match[1]) for match in mention_of(people.values()).finditer(text)}
    return [id_ for id_, name in people.items() if _one_line(name) in found]


def mention_of(names: Collection[str]) -> re.Pattern[str]:
    """A mention of one of these names, the longest that fits, in whatever case; the name is its first group."""
    longest_first = sorted({name for name in names if name.strip()}, key=len, reverse=True)
    return re.compile(f"{ALONE}[@＠]({'|'.join(map(_spelt, longest_first)) or '(?!)'})", re.IGNORECASE)


def _spelt(name: str) -> str:
    spelt = r"\s+".join(map(re.escape, name.split()))
    return spelt if name[-1:] >= "\u2e80" else spelt + GOES_ON


def _one_line(name: str) -> str:
    return " ".join(name.split()).casefold()
