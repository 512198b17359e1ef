"""Drafts: what a person typed in a form of a complaint and has not sent yet.

One for each person, complaint and form. It is its writer's alone, goes nowhere and leaves no history. A draft goes on
from the version that its writer saw: of two windows, the later does not overwrite what the other kept (`StaleDraft`).

Sent or discarded, a draft is blank, but its version goes on: a save that was still under way comes too late for it.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, delete, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.complaint import Complaint
from complaints.database import Base, BigId
from complaints.errors import N_, BadInput, ComplaintError, Sentence
from complaints.people import Actor

LARGEST = 100_000
"""So many characters may one draft have, the names of its fields and all."""
MOST = 60
"""So many drafts may one person have on a complaint."""
_FORM = re.compile(r"[a-z][a-z0-9_]{0,40}(?::[A-Za-z0-9_]{1,40}){0,2}(?:@[a-z0-9_]{1,40})?", re.ASCII)

Fields = Mapping[str, Sequence[str]]


class Draft(Base):
    """What stands in a form, by field; blank when it was sent or discarded."""

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("user_id", "complaint_id", "form"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    form: Mapped[str] = mapped_column(String(200))
    fields: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]
    version: Mapped[int]


class StaleDraft(ComplaintError):
    """Another window kept something since; `newest` is that."""

    message = N_("You typed in this form in another window, too. Both texts are below; choose.")

    def __init__(self, newest: Draft) -> None:
        self.newest = newest
        super().__init__()


class TooLongToKeep(ComplaintError):
    message = N_("This is too long to be kept as a draft; it may have %(limit)s characters.")


class TooMany(ComplaintError):
    message = N_("You have %(limit)s drafts on this complaint already. Send or discard one of them first.")


def of(session: Session, complaint: Complaint, by: Actor, forms: Collection[str]) -> dict[str, Draft]:
    """A person's drafts in these forms of a complaint, by form; those that were sent, too, blank. One that ends in a
    colon means all that begin so."""
    plain = [form for form in forms if not form.endswith(":")]
    begun = [Draft.form.startswith(form, autoescape=True) for form in forms if form.endswith(":")]
    mine = Draft.user_id == by.id, Draft.complaint_id == complaint.id
    found = session.scalars(select(Draft).where(*mine, or_(Draft.form.in_(plain), *begun)))
    return {draft.form: draft for draft in found}


def save(
    session: Session, complaint: Complaint, form: str, fields: Fields, *, seen: int, by: Actor, at: datetime
) -> Draft:
    """Keep what stands in a form now, in the caller's transaction. The same once more changes nothing.

    Raises `StaleDraft`, `TooLongToKeep`, `TooMany`, and `BadInput` for what no form is called."""
    if sum(len(name) + sum(map(len, said)) for name, said in fields.items()) > LARGEST:
        raise TooLongToKeep(limit=LARGEST)
    draft = _held(session, complaint, form, by=by, at=at)
    kept = {name: list(said) for name, said in fields.items()}
    if draft.fields == kept and kept:
        return draft
    if draft.version and draft.version != seen:
        session.expunge(draft)  # the caller's rollback leaves it as it was read
        raise StaleDraft(draft)
    if not draft.version:
        _make_room(session, draft)
    return _write(session, draft, kept, at=at)


def done(session: Session, complaint: Complaint, form: str, *, by: Actor, at: datetime) -> None:
    """A form was sent or its draft discarded, in the caller's transaction: its words are kept no longer."""
    _write(session, _held(session, complaint, form, by=by, at=at), {}, at=at)


def _held(session: Session, complaint: Complaint, form: str, *, by: Actor, at: datetime) -> Draft:
    """The draft of a form, a blank one to begin with, which nobody else writes until the transaction ends. Raises
    `BadInput` for what no form is called."""
    if not _FORM.fullmatch(form):
        raise BadInput(field="draft", problem=Sentence(N_("there is no such form")))
    one = {"user_id": by.id, "complaint_id": complaint.id, "form": form}
    rows.add_unless_there(session, Draft, [one | {"fields": {}, "saved_at": at, "version": 0}])
    return session.scalars(
        select(Draft).filter_by(**one).with_for_update().execution_options(populate_existing=True)
    ).one()


def _make_room(session: Session, draft: Draft) -> None:
    """Let drafts that were sent or discarded long ago go for a new one. Raises `TooMany` where all have words."""
    mine = select(Draft.id, Draft.fields).where(
        Draft.user_id == draft.user_id, Draft.complaint_id == draft.complaint_id, Draft.id != draft.id
    )
    count = session.scalar(select(func.count()).select_from(mine.subquery())) or 0
    if count < MOST:
        return
    blank = [id_ for id_, fields in session.execute(mine.order_by(Draft.saved_at, Draft.id)) if not fields]
    if len(blank) <= count - MOST:
        raise TooMany(limit=MOST)
    session.execute(delete(Draft).where(Draft.id.in_(blank[: count - MOST + 1])))


def _write(session: Session, draft: Draft, fields: dict[str, list[str]], *, at: datetime) -> Draft:
    draft.fields, draft.saved_at, draft.version = fields, at, draft.version + 1
    session.flush()
    return draft
