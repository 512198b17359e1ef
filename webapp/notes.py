"""Notes among colleagues on a complaint's page: as they are read, and the form for a new one.

What people send in is next door, in noting.py.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, request
from markupsafe import Markup
from sqlalchemy import select

from complaints import notes
from complaints.complaint import Complaint
from complaints.notes import FIELD, LONGEST, Note
from complaints.procedure import of
from complaints.transcript import NoteRead
from webapp.context import actor
from webapp.database import db
from webapp.timeline import NoteShown, linked

WRITES = "noting.write"


@dataclass(frozen=True)
class Form:
    """The form as it was sent in, or blank; with the note that it corrects, whose words it begins with. `sent`: it was
    refused and is shown again."""

    text: str
    key: str
    sent: bool
    confidential: bool
    corrects: Note | None = None
    field: str = FIELD
    limit: int = LONGEST


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(note_form=form)


def form(complaint: Complaint) -> Form:
    """The form for the page of this request."""
    sent = request.endpoint == WRITES
    corrects = _corrected(complaint)
    text = request.form.get(FIELD, "") if sent else corrects.text if corrects else ""
    key = (request.form.get("key") if sent else None) or secrets.token_urlsafe(16)
    return Form(text.replace("\r\n", "\n"), key, sent, of(complaint).confidential, corrects)


def _corrected(complaint: Complaint) -> Note | None:
    """The reader's own note that a form corrects."""
    if (note_id := corrects()) is None:
        return None
    mine = Note.id == note_id, Note.complaint_id == complaint.id, Note.author_id == actor().id
    return db.session.scalar(select(Note).where(*mine))


def corrects() -> int | None:
    """The id of the note that was named to be corrected; 0, which none has, for anything else."""
    if not (named := request.values.get("corrects")):
        return None
    return int(named) if named.isascii() and named.isdigit() and len(named) < 19 else 0


def shown(read: NoteRead, complaint: Complaint, numbers: Mapping[int, str], people: Mapping[int, str]) -> NoteShown:
    """A note on a complaint, or on one of those merged into it, whose `numbers` stand with them."""
    note = read.note
    mine = note.author_id == actor().id and read.corrected_by is None and note.complaint_id == complaint.id
    return NoteShown(
        note, people.get(note.author_id, ""), _words(note, people), read.corrects_at, read.corrected_by,
        may_correct=mine, number=numbers.get(note.complaint_id, ""),
    )  # fmt: skip


def _words(note: Note, people: Mapping[int, str]) -> Markup:
    """A note's text with its mentions marked."""
    if not note.mentioned:
        return linked(note.text)
    parts, end = [], 0
    for found in notes.mention_of([people[id_] for id_ in note.mentioned if id_ in people]).finditer(note.text):
        parts += [linked(note.text[end : found.start()]), Markup('<b class="at">{}</b>').format(found[0])]
        end = found.end()
    return Markup("").join([*parts, linked(note.text[end:])])
