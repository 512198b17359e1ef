"""Letters: mail that came in, kept for ever as it came, and where each was seen.

A `Sighting` is one message that came through one door, mostly a mailbox; it carries what became of it. A `Letter` is
what the message says; the same letter seen twice (delivered again, in two mailboxes, moved back by a person) is one
letter. An `Attachment` is a file that came with it.
"""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints.database import Base, BigId
from complaints.mailboxes import Mailbox as Mailbox

UNMATCHED = "outcome = 'event' AND reason = 'bounce' AND complaint_id IS NULL"
"""A bounce that no mail of ours answers to: somebody has to look at it."""
OUTCOMES = ("drafted", "joined", "event", "set_aside", "duplicate", "quarantined")
WAITING = "waiting"
UNANSWERED = ("import", "recover")
"""Doors of old mail: who wrote it was answered elsewhere, or before a backup was restored."""


class Letter(Base):
    """What a message says. `content_key` identifies it without its trace headers."""

    __tablename__ = "letter"
    __table_args__ = (
        Index("ix_letter_message_id", "message_id"),
        Index("ix_letter_complaint_id", "complaint_id"),
        Index("ix_letter_from_address", "from_address", "received_at"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    content_key: Mapped[str] = mapped_column(String(64), unique=True)
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaint.id"))
    from_address: Mapped[str] = mapped_column(String(254))
    from_name: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    message_id: Mapped[str] = mapped_column(String(250))
    references: Mapped[list[Any]]
    dated: Mapped[datetime | None]
    received_at: Mapped[datetime]
    language: Mapped[str] = mapped_column(String(10))
    verdict: Mapped[str] = mapped_column(String(12))  # verified, unverified or failed: what our own server found
    to: Mapped[list[Any]] = mapped_column(default=list)
    cc: Mapped[list[Any]] = mapped_column(default=list)
    reply_to: Mapped[str] = mapped_column(String(254), default="")
    kind: Mapped[str] = mapped_column(String(12), default="person")  # what wrote it, and by which rule we know
    kind_reason: Mapped[str] = mapped_column(String(40), default="person")
    folds: Mapped[list[Any]] = mapped_column(default=list)  # [start, end, "quoted" or "signature"] in the text
    forwarded: Mapped[dict[str, Any] | None]  # name, address, subject and date of the mail that it passes on
    charset: Mapped[str] = mapped_column(String(40), default="")  # chosen by a person, where the mail's own was wrong
    defects: Mapped[list[Any]] = mapped_column(default=list)
    may_belong_to_id: Mapped[int | None] = mapped_column(ForeignKey("complaint.id"))
    may_belong_reason: Mapped[str] = mapped_column(String(40), default="")

    @property
    def own_words(self) -> str:
        """What its writer said, without what is quoted and the signature."""
        seams = [0, *(at for start, end, _ in self.folds for at in (start, end)), len(self.text)]
        return "".join(self.text[start:end] for start, end in zip(seams[::2], seams[1::2], strict=True)).strip()

    raw: Mapped[str] = mapped_column(String(64))


class Sighting(Base):
    """One message in one mailbox, and what became of it. Until that is known the outcome is `waiting`."""

    __tablename__ = "sighting"
    __table_args__ = (
        UniqueConstraint("mailbox_id", "uidvalidity", "uid"),
        Index("ix_sighting_outcome_id", "outcome", "id"),
        Index("ix_sighting_letter_id", "letter_id"),
        Index("ix_sighting_raw", "raw"),
        Index("ix_sighting_seen_at", "seen_at", "outcome"),
        Index("ix_sighting_received_at", "received_at", "outcome"),
        Index("ix_sighting_unmatched", "outcome", "id", sqlite_where=text(UNMATCHED), postgresql_where=text(UNMATCHED)),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    mailbox_id: Mapped[int | None] = mapped_column(ForeignKey("mailbox.id"))
    uidvalidity: Mapped[int | None] = mapped_column(BigId)
    uid: Mapped[int | None] = mapped_column(BigId)
    raw: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigId)
    headers: Mapped[str | None] = mapped_column(Text)  # only of a message that was too large to keep
    received_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    door: Mapped[str] = mapped_column(String(12), default="imap")  # imap, deliver, import, upload, recover
    attempts: Mapped[int] = mapped_column(default=0)  # how often its reading was begun
    outcome: Mapped[str] = mapped_column(String(12), default=WAITING)
    reason: Mapped[str | None] = mapped_column(String(60))
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    letter_id: Mapped[int | None] = mapped_column(ForeignKey("letter.id"))
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaint.id"))


def random_id() -> str:
    """128 random bits for an address that must not be guessed."""
    return secrets.token_urlsafe(16)


class Attachment(Base):
    """A file that came with a letter. Its id is random, because it stands in an address."""

    __tablename__ = "attachment"
    __table_args__ = (
        Index("ix_attachment_letter_id", "letter_id"),
        Index("ix_attachment_complaint_id", "complaint_id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    letter_id: Mapped[int | None] = mapped_column(ForeignKey("letter.id"))
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaint.id"))
    position: Mapped[int]
    filename: Mapped[str] = mapped_column(String(200))
    content_type: Mapped[str] = mapped_column(String(120))
    declared_type: Mapped[str] = mapped_column(String(120))
    content_id: Mapped[str] = mapped_column(String(250))
    inline: Mapped[bool]
    size: Mapped[int]
    blob: Mapped[str] = mapped_column(String(64))
    within: Mapped[int | None]  # the position of the file that held this one
    enclosed: Mapped[dict[str, Any] | None]  # of a mail that was attached: from_name, from_address, subject, date, text


def answers_to(session: Session, letter: Letter) -> str:
    """The mailbox of ours that a letter came to, if plus addresses arrive there: an answer may carry its mark."""
    query = select(Mailbox.address).join(Sighting, Sighting.mailbox_id == Mailbox.id)
    takes = Sighting.letter_id == letter.id, Mailbox.active, Mailbox.plus_addresses, Mailbox.address != ""
    return session.scalar(query.where(*takes).order_by(Sighting.id).limit(1)) or ""
