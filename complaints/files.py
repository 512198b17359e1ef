"""Files that people put on a complaint themselves, beside those that came with its letters."""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from math import ceil
from os import SEEK_END
from typing import IO

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from complaints import history, off_board, workflow
from complaints.blobs import Blobs
from complaints.complaint import Complaint, visible_to
from complaints.errors import N_, ComplaintError
from complaints.letters import Attachment
from complaints.people import Actor

LONGEST_NAME = 200
LARGEST = 30 * 1024 * 1024
PIECE = 1024 * 1024
Files = Mapping[str, Attachment]


class NotKept(ComplaintError):
    """A file that cannot be put on a complaint."""


class EmptyFile(NotKept):
    message = N_("The file “%(name)s” is empty.")


class FileTooLarge(NotKept):
    message = N_("The file “%(name)s” has %(size)s MB; it may have %(limit)s MB.")


def add(
    session: Session, complaint: Complaint, blobs: Blobs, content: IO[bytes], *, name: str, content_type: str,
    declared_type: str, by: Actor, at: datetime, limit: int = LARGEST, told: bool = True,
) -> Attachment:  # fmt: skip
    """Keep a file on a complaint, in the caller's transaction; its bytes, which are read piece by piece, are safe
    before the row names them. The same file put there again is the one that is there. Where something else tells
    of it, it is not `told`. Raises `NotKept`, and then nothing is left of it."""
    name = _named(name)
    size = content.seek(0, SEEK_END)
    if not size:
        raise EmptyFile(name=name)
    if size > limit:
        raise FileTooLarge(name=name, size=ceil(size / 1024 / 1024 * 10) / 10, limit=limit // 1024 // 1024)
    content.seek(0)
    blob, size, written = blobs.write_pieces(iter(partial(content.read, PIECE), b""), limit=limit)
    blobs.settle([written] if written else [])
    workflow.hold(session, complaint)
    own = (Attachment.complaint_id == complaint.id, Attachment.letter_id.is_(None))
    known = session.scalar(select(Attachment).where(*own, Attachment.blob == blob, Attachment.filename == name))
    if known is not None:
        return known
    position = session.scalar(select(func.count()).select_from(Attachment).where(*own)) or 0
    added = Attachment(
        complaint_id=complaint.id, position=position, filename=name, content_type=content_type,
        declared_type=declared_type[:120], content_id="", inline=False, size=size, blob=blob,
    )  # fmt: skip
    session.add(added)
    complaint.attachment_count += 1
    if told:
        history.note(session, complaint.id, "file_added", by=by, at=at, name=name)
    session.flush()
    return added


def _named(name: str) -> str:
    clean = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if unicodedata.category(c)[0] != "C")
    return clean.strip()[-LONGEST_NAME:] or "file"


def offered(session: Session, complaint: Complaint, by: Actor, *, merged: Iterable[int] | None = None) -> Files:
    """The files that a record may name, by name: those of the complaint, of the ones that were `merged` into it, and of
    those that share its investigation, as far as a person may see them."""
    if merged is None:
        merged = off_board.merged_into(session, complaint.id)
    these = [Attachment.complaint_id.in_([complaint.id, *merged])]
    if complaint.investigation_id is not None:
        together = select(Complaint.id).where(Complaint.investigation_id == complaint.investigation_id)
        these.append(Attachment.complaint_id.in_(visible_to(by, together)))
    query = select(Attachment).where(or_(*these)).order_by(Attachment.filename, Attachment.id)
    return {each.id: each for each in session.scalars(query)}
