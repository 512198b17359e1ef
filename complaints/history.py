"""History: one append-only row for each change of a complaint: who, when, what, before and after.

`act` is a code such as `drafted`, `registered`, `moved`; the sentence for it is made in the reader's language by the
page that shows it. The rows of a complaint are a chain: each carries a hash over the one before it and over itself, so
that a row that is altered, left out or put in later shows. What was written stands in a sibling row and goes into the
chain as a salted digest: it may be blanked one day, by law, and the chain still holds.

Once a day all rows up to then are anchored under one hash, so that nobody can cut off the end of a chain unseen.
`verify` goes through everything; the databases themselves refuse to change or delete a row.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Select,
    String,
    UniqueConstraint,
    bindparam,
    exists,
    func,
    select,
    text,
)  # fmt: skip
from sqlalchemy.orm import Mapped, Session, SessionTransaction, mapped_column, relationship

from complaints import rows
from complaints.database import Base, BigId
from complaints.people import Actor

HEADS = "heads of histories"
GENESIS = "0" * 64
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


class Change(Base):
    """Something happened to a complaint. `position` counts from 1, `link` is the hash of the chain so far."""

    __tablename__ = "change"
    __table_args__ = (UniqueConstraint("complaint_id", "position"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    position: Mapped[int]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    act: Mapped[str] = mapped_column(String(40))
    digest: Mapped[str] = mapped_column(String(64))
    link: Mapped[str] = mapped_column(String(64))
    written: Mapped["Written"] = relationship(lazy="joined", innerjoin=True, viewonly=True)

    @property
    def values(self) -> dict[str, Any]:
        """What was written down of it; empty once it has been blanked."""
        return self.written.values or {}


class Written(Base):
    """What a change says. `values` and `salt` are blanked when personal data has to go; the change itself stays."""

    __tablename__ = "change_values"
    __table_args__ = (
        ForeignKeyConstraint(["complaint_id", "position"], ["change.complaint_id", "change.position"]),
        {"sqlite_with_rowid": False},
    )
    complaint_id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    salt: Mapped[str | None] = mapped_column(String(32))
    values: Mapped[dict[str, Any] | None]


class Anchor(Base):
    """The hash of every change up to a day's end, over the anchor before it."""

    __tablename__ = "anchor"
    day: Mapped[date] = mapped_column(primary_key=True)
    last_change_id: Mapped[int] = mapped_column(BigId)
    changes: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime]


class Head(NamedTuple):
    """The end of a chain."""

    position: int
    link: str


BEGINNING = Head(0, GENESIS)


def begin(session: Session, complaint_id: int, act: str, *, by: Actor, at: datetime, **values: Any) -> None:
    """Write the first row of a complaint, in the transaction that makes it."""
    _add(session, complaint_id, BEGINNING, act, by, at, values)


def note(session: Session, complaint_id: int, act: str, *, by: Actor, at: datetime, **values: Any) -> None:
    """Write the next row, in the transaction of the change it tells."""
    _add(session, complaint_id, _head(session, complaint_id), act, by, at, values)


def _add(
    session: Session, complaint_id: int, head: Head, act: str, by: Actor, at: datetime, values: dict[str, Any]
) -> None:
    change, written, head = chained(head, complaint_id, act, by_id=by.id, at=at, values=values)
    rows.add(session, Change, change)
    rows.add(session, Written, written)
    _heads(session)[complaint_id] = head


def chained(
    head: Head, complaint_id: int, act: str, *, by_id: int | None, at: datetime, values: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], Head]:
    """The next row of a chain with its sibling, and the new end."""
    position, salt = head.position + 1, secrets.token_hex(16)
    digest = digest_of(salt, canonical(values))
    link = link_of(head.link, complaint_id, position, moment_of(at), by_id, act, digest)
    place = {"complaint_id": complaint_id, "position": position}
    change = {**place, "at": at, "by_id": by_id, "act": act, "digest": digest, "link": link}
    return change, {**place, "salt": salt, "values": values}, Head(position, link)


def canonical(values: dict[str, Any]) -> str:
    """Values as one text, however a database keeps them."""
    return _encode(values)


def moment_of(at: datetime) -> str:
    """An instant as one text, to the microsecond, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def digest_of(salt: str, said: str) -> str:
    """What was written, as the chain knows it: without the salt nobody can try out what it may have been."""
    return hashlib.sha256(f"{salt}\n{said}".encode()).hexdigest()


def link_of(
    before: str, complaint_id: int, position: int, moment: str, by_id: int | None, act: str, digest: str
) -> str:
    """The hash of a chain with one more row."""
    row = f"{before}\n{complaint_id}\n{position}\n{moment}\n{'' if by_id is None else by_id}\n{act}\n{digest}"
    return hashlib.sha256(row.encode()).hexdigest()


def _head(session: Session, complaint_id: int) -> Head:
    """The end of a chain, held for this transaction: of two who write at once, the second sees what the first wrote.
    The lock is the one that a change of the complaint takes; those who only point at the complaint do not wait."""
    heads = _heads(session)
    if complaint_id not in heads:
        if rows.dialect(session) != "sqlite":  # there only one writes at a time
            rows.run(session, _hold(), {"of": complaint_id})
        last = rows.run(session, _last(), {"of": complaint_id}).one_or_none()
        heads[complaint_id] = Head(*last) if last else BEGINNING
    return heads[complaint_id]


@cache
def _hold() -> Select[Any]:
    table = Base.metadata.tables["complaint"]
    return select(table.c.id).where(table.c.id == bindparam("of")).with_for_update(key_share=True)


@cache
def _last() -> Select[Any]:
    change = rows.table(Change).c
    mine = select(change.position, change.link).where(change.complaint_id == bindparam("of"))
    return mine.order_by(change.position.desc()).limit(1)


def _heads(session: Session) -> dict[int, Head]:
    """The ends that this transaction has seen or written."""
    known: WeakKeyDictionary[SessionTransaction, dict[int, Head]]
    known = session.info.setdefault(HEADS, WeakKeyDictionary())
    return known.setdefault(_outermost(session), {})


def _outermost(session: Session) -> SessionTransaction:
    session.connection()  # begins one where there is none
    transaction = session.get_transaction()
    assert transaction is not None
    return transaction


# Anchors and the proof


@dataclass(frozen=True)
class Broken:
    """The first place where the history is not what it was."""

    where: str
    what: str


@dataclass(frozen=True)
class Proof:
    """What `verify` saw, and the first broken place if there is one."""

    changes: int
    complaints: int
    anchors: int
    broken: Broken | None = None


def anchor(session: Session, *, day: date, until: datetime, at: datetime) -> Anchor | None:
    """Anchor every change before `until`, the end of `day`; None when that day is anchored already."""
    if session.get(Anchor, day) is not None:
        return None
    before = session.scalars(select(Anchor).order_by(Anchor.day.desc()).limit(1)).one_or_none()
    if before is not None and before.day > day:
        return None
    if rows.dialect(session) == "postgresql":  # whoever has an id below the last ends first
        session.execute(text("LOCK TABLE change IN SHARE MODE"))
    since = before.last_change_id if before else 0
    last = session.scalar(select(func.max(Change.id)).where(Change.at < until, Change.id > since)) or since
    count, digest = _sealed(session, before.digest if before else GENESIS, since, last)
    new = Anchor(day=day, last_change_id=last, changes=count, digest=digest, made_at=at)
    session.add(new)
    session.flush()
    return new


def _sealed(session: Session, before: str, since: int, until: int) -> tuple[int, str]:
    """How many changes there are between two, and their hash over the one before."""
    seal, count = hashlib.sha256(before.encode()), 0
    links = select(Change.link).where(Change.id > since, Change.id <= until).order_by(Change.id)
    for link in session.scalars(links.execution_options(yield_per=1000)):
        seal.update(link.encode())
        count += 1
    return count, seal.hexdigest()


def verify(session: Session) -> Proof:
    """Go through every chain and every anchor; reads everything once, in little memory."""
    changes = complaints = anchors = 0
    for broken in _chains(session):
        if isinstance(broken, Broken):
            return Proof(changes, complaints, anchors, broken)
        changes += 1
        complaints += broken
    since, before = 0, GENESIS
    for sealed in session.scalars(select(Anchor).order_by(Anchor.day)):
        count, digest = _sealed(session, before, since, sealed.last_change_id)
        if (count, digest) != (sealed.changes, sealed.digest):
            what = (
                f"{sealed.changes} changes were anchored, {count} are there" if count != sealed.changes else "altered"
            )
            return Proof(changes, complaints, anchors, Broken(f"anchor of {sealed.day.isoformat()}", what))
        anchors += 1
        since, before = sealed.last_change_id, sealed.digest
    return Proof(changes, complaints, anchors)


def _chains(session: Session) -> Iterator[int | Broken]:
    """For each good row 1 if it begins a chain and 0 if it goes on; then the first bad one."""
    complaint = Base.metadata.tables["complaint"]
    query = (
        select(
            Change.complaint_id, Change.position, Change.at, Change.by_id, Change.act, Change.digest, Change.link,
            Written.position.label("written"), Written.salt, Written.values, complaint.c.number,
        )
        .outerjoin(
            Written, (Written.complaint_id == Change.complaint_id) & (Written.position == Change.position)
        )
        .outerjoin(complaint, complaint.c.id == Change.complaint_id)
        .order_by(Change.complaint_id, Change.position)
        .execution_options(yield_per=1000)
    )  # fmt: skip
    at, head = 0, BEGINNING
    for row in session.execute(query):
        begins = row.complaint_id != at
        at, head = row.complaint_id, BEGINNING if begins else head
        where = f"{row.number or f'complaint {row.complaint_id}'}, change {row.position} ({row.act})"
        if row.position != head.position + 1:
            yield Broken(where, f"change {head.position + 1} is missing before it")
            return
        link = link_of(head.link, row.complaint_id, row.position, moment_of(row.at), row.by_id, row.act, row.digest)
        if link != row.link:
            yield Broken(where, "the row was altered")
            return
        if row.written is None:
            yield Broken(where, "what it says is missing")
            return
        if row.salt is not None and digest_of(row.salt, canonical(row.values or {})) != row.digest:
            yield Broken(where, "what it says was altered")
            return
        head = Head(row.position, row.link)
        yield int(begins)
    begun = exists().where(Change.complaint_id == complaint.c.id)
    number = session.scalar(select(complaint.c.number).where(~begun).order_by(complaint.c.id).limit(1))
    if number is not None:
        yield Broken(number, "its whole history is missing")
