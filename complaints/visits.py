"""Stage visits: when a complaint was in which stage. Exactly one visit of a complaint is open."""

from datetime import datetime
from functools import cache

from sqlalchemy import ForeignKey, Index, String, Update, bindparam, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.database import Base
from complaints.people import Actor


class StageVisit(Base):
    """A complaint was in a stage from one instant to another; `undone` says that it was put there by mistake."""

    __tablename__ = "stage_visit"
    __table_args__ = (Index("ix_stage_visit_complaint_id", "complaint_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    stage: Mapped[str] = mapped_column(String(40))
    round: Mapped[int]
    entered_at: Mapped[datetime]
    entered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    left_at: Mapped[datetime | None]
    undone: Mapped[bool] = mapped_column(default=False)


def enter(session: Session, complaint_id: int, stage: str, *, round: int, by: Actor, at: datetime) -> None:
    """A complaint comes into a stage."""
    row = {"complaint_id": complaint_id, "stage": stage, "round": round, "entered_at": at, "entered_by_id": by.id}
    rows.add(session, StageVisit, row)


def leave(session: Session, complaint_id: int, *, at: datetime, undone: bool = False) -> None:
    """The open visit ends, or is taken back."""
    rows.run(session, _leave(), {"of": complaint_id, "at": at, "taken_back": undone})


@cache
def _leave() -> Update:
    table = rows.table(StageVisit)
    ends = update(table).where(table.c.complaint_id == bindparam("of"), table.c.left_at.is_(None))
    return ends.values(left_at=bindparam("at"), undone=bindparam("taken_back"))


def first_of_latest_round(session: Session, complaint_id: int, stage: str) -> datetime | None:
    """When a complaint came into a stage, in the last round in which it did so: by its first visit there."""
    entered = select(StageVisit.entered_at).where(
        StageVisit.complaint_id == complaint_id, StageVisit.stage == stage, ~StageVisit.undone
    )
    return session.scalar(entered.order_by(StageVisit.round.desc(), StageVisit.id).limit(1))


def of(session: Session, complaint_id: int) -> list[StageVisit]:
    """Where a complaint has been, oldest first."""
    return list(
        session.scalars(select(StageVisit).where(StageVisit.complaint_id == complaint_id).order_by(StageVisit.id))
    )
