"""Records: what is written on a complaint or on its investigation, sheet by sheet, as its procedure lays them out.

A sheet is kept once, or as rows; for all time, or anew in each round. Older rounds stay readable. Each field remembers
who filled it in and when. What may be written when, and by whom: guards.py; what follows from it: consequences.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, String, UniqueConstraint, and_, bindparam, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints.complaint import Complaint
from complaints.database import Base
from complaints.errors import N_, ComplaintError
from complaints.people import Actor
from complaints.procedure import BY_OWNER, COMPLAINT, INVESTIGATION, Sheet

LASTING = 0
"""The round of what is kept for all rounds."""
OPEN = "owner_id IS NOT NULL AND done_on IS NULL AND removed_at IS NULL"
"""Of rows that somebody is to carry out."""
NUMBERED = "number IS NOT NULL"


class Investigation(Base):
    """What is found out and done about an abnormality. Each complaint opens its own; several may join one, and then
    finding, cause, plan and measures are theirs together. `round` counts the plans."""

    __tablename__ = "investigation"
    id: Mapped[int] = mapped_column(primary_key=True)
    round: Mapped[int] = mapped_column(default=1)
    opened_at: Mapped[datetime]


class Record(Base):
    """One sheet, or one row of it. `values` holds the fields by key; `marks` who wrote each, when, and in which
    version; `place` is 0 for a sheet and counts the rows from 1. `owner_id`, `due_on` and `done_on` repeat the fields
    with that part."""

    __tablename__ = "record"
    __table_args__ = (
        UniqueConstraint("subject", "subject_id", "sheet", "round", "place"),
        Index("ix_record_owner_id", "owner_id", "done_on"),
        Index("ix_record_number", "sheet", "begun_at", sqlite_where=text(NUMBERED), postgresql_where=text(NUMBERED)),
        Index("ix_record_open", "subject", "due_on", "id", sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int]
    sheet: Mapped[str] = mapped_column(String(40))
    round: Mapped[int]
    place: Mapped[int]
    number: Mapped[str | None] = mapped_column(String(30))
    values: Mapped[dict[str, Any]]
    marks: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(default=1)
    begun_at: Mapped[datetime]
    begun_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    changed_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    due_on: Mapped[date | None]
    done_on: Mapped[date | None]

    @property
    def writers(self) -> set[int]:
        """Everybody who wrote in it."""
        return {mark[0] for mark in self.marks.values() if mark[0] is not None}


class StaleRecord(ComplaintError):
    """Somebody wrote in the same fields since the form was shown."""

    message = N_("“%(sheet)s” was changed meanwhile. Your words and the newest ones stand side by side.")


@dataclass(frozen=True)
class Subject:
    """What a record or a signature hangs on."""

    kind: str
    id: int


def subject_of(session: Session, complaint: Complaint, of: str, *, at: datetime) -> Subject:
    """The complaint, or its investigation, which is opened when it is first needed."""
    if of == COMPLAINT:
        return Subject(COMPLAINT, complaint.id)
    return Subject(INVESTIGATION, investigation_of(session, complaint, at=at).id)


def investigation_of(session: Session, complaint: Complaint, *, at: datetime) -> Investigation:
    """The investigation of a complaint, opened if there is none."""
    if complaint.investigation_id is not None:
        return session.get_one(Investigation, complaint.investigation_id)
    opened = Investigation(round=complaint.round, opened_at=at)
    session.add(opened)
    session.flush()
    complaint.investigation_id = opened.id
    return opened


def joined(session: Session, complaint: Complaint) -> list[Complaint]:
    """The other complaints that share the investigation of this one."""
    if complaint.investigation_id is None:
        return []
    where = {"investigation": complaint.investigation_id, "but": complaint.id}
    return list(session.scalars(_joined(), where))


@cache
def _joined() -> Select[Complaint]:
    others = Complaint.investigation_id == bindparam("investigation"), Complaint.id != bindparam("but")
    return select(Complaint).where(*others).order_by(Complaint.id)


def of(session: Session, complaint: Complaint, *, every_round: bool = False) -> list[Record]:
    """The records of a complaint and its investigation, in its round, or in all."""
    where = {"complaint": complaint.id, "investigation": complaint.investigation_id, "round": complaint.round}
    return list(session.scalars(_of(every_round), where))


@cache
def _of(every_round: bool) -> Select[Record]:
    where = or_(
        and_(Record.subject == COMPLAINT, Record.subject_id == bindparam("complaint")),
        and_(Record.subject == INVESTIGATION, Record.subject_id == bindparam("investigation")),
    )
    query = select(Record).where(where, Record.removed_at.is_(None))
    if not every_round:
        query = query.where(or_(Record.round == LASTING, Record.round == bindparam("round")))
    return query.order_by(Record.sheet, Record.round, Record.place)


def round_of(sheet: Sheet, complaint: Complaint) -> int:
    return complaint.round if sheet.per_round else LASTING


def put(
    record: Record | None,
    sheet: Sheet,
    subject: Subject,
    changed: Mapping[str, Any],
    *,
    round: int,
    place: int,
    by: Actor,
    at: datetime,
    number: str | None = None,
) -> Record:
    """Write fields into a record, or begin one; the caller adds it to the session."""
    if record is None:
        record = Record(
            subject=subject.kind, subject_id=subject.id, sheet=sheet.key, round=round, place=place, number=number,
            values={}, marks={}, version=0, begun_at=at, begun_by_id=by.id, changed_at=at,
        )  # fmt: skip
    record.version += 1
    mark = [by.id, at.isoformat(), record.version]
    record.values = {**record.values, **changed}
    record.marks = {**record.marks, **dict.fromkeys(changed, mark)}
    record.changed_at = at
    _promote(record, sheet)
    return record


def _promote(record: Record, sheet: Sheet) -> None:
    owner, due, done = (record.values.get(sheet.part(part) or "") for part in ("owner", "due", "done"))
    record.owner_id = owner or None
    record.due_on = date.fromisoformat(due) if due else None
    record.done_on = date.fromisoformat(done) if done else None


def carry(session: Session, complaint: Complaint, sheet: Sheet, *, before: int, at: datetime) -> None:
    """Begin a sheet of a new round as a copy of the last one, without what was done in that round."""
    subject = subject_of(session, complaint, sheet.of, at=at)
    left_out = {field.key for field in sheet.fields if field.part in BY_OWNER}
    old = session.scalars(
        select(Record).where(
            Record.subject == subject.kind, Record.subject_id == subject.id, Record.sheet == sheet.key,
            Record.round == before, Record.removed_at.is_(None),
        )
    )  # fmt: skip
    for record in old.all():
        copy = Record(
            subject=subject.kind, subject_id=subject.id, sheet=sheet.key, round=complaint.round, place=record.place,
            number=record.number, values={k: v for k, v in record.values.items() if k not in left_out},
            marks={k: [*v[:2], 1] for k, v in record.marks.items() if k not in left_out}, version=1, begun_at=at,
            begun_by_id=record.begun_by_id, changed_at=at,
        )  # fmt: skip
        _promote(copy, sheet)
        session.add(copy)
