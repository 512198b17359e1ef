"""A penalty as it is kept: a proposal, and what a person decided about it. How it comes about and who decides:
penalties.py."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from complaints.database import Base, BigId

PROPOSED, CONFIRMED, REJECTED, WITHDRAWN = "proposed", "confirmed", "rejected", "withdrawn"
DECISIONS = (CONFIRMED, REJECTED, WITHDRAWN)
UNDECIDED = "decision IS NULL"
NOBODY, NO_HEAD = "user_id IS NULL AND department_id IS NULL", "user_id IS NULL AND department_id IS NOT NULL"


class Penalty(Base):
    """What a breach is proposed to cost one person: one row for each breach, round and person.

    `breach` says what was broken: `clock:77`, `recurrence:9:5`, `week:2026-W46:qe`. `role` is the one in which it was
    to be done; where nobody is named for it, whoever decides names the person. `remark`: what a person said who
    proposed it. `decision` is confirmed or rejected; withdrawn where the breach is none after all, such as that of a
    clock that was stopped in time or lost its object."""

    __tablename__ = "penalty"
    __table_args__ = (
        UniqueConstraint("breach", "round", "user_id"),
        Index(
            "uq_penalty_nobody", "breach", "round", "role", unique=True,
            sqlite_where=text(NOBODY), postgresql_where=text(NOBODY),
        ),
        Index(
            "uq_penalty_no_head", "breach", "round", "department_id", unique=True,
            sqlite_where=text(NO_HEAD), postgresql_where=text(NO_HEAD),
        ),
        Index("ix_penalty_undecided", "id", sqlite_where=text(UNDECIDED), postgresql_where=text(UNDECIDED)),
        Index("ix_penalty_month", "month", "id"),
        Index("ix_penalty_user_id", "user_id", "month"),
        Index("ix_penalty_complaint_id", "complaint_id"),
        Index("ix_penalty_clock_id", "clock_id"),
    )  # fmt: skip
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    breach: Mapped[str] = mapped_column(String(60))
    round: Mapped[int] = mapped_column(default=1)
    complaint_id: Mapped[int | None] = mapped_column(ForeignKey("complaint.id"))
    clock_id: Mapped[int | None] = mapped_column(ForeignKey("clock.id"))
    week: Mapped[str | None] = mapped_column(String(8))
    role: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("department.id"))
    yuan: Mapped[int]
    month: Mapped[str] = mapped_column(String(7))
    """The month of the breach in the organisation's zone, such as 2026-09: the one it counts in."""
    broken_at: Mapped[datetime]
    proposed_at: Mapped[datetime]
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    remark: Mapped[str] = mapped_column(Text, default="")
    decision: Mapped[str | None] = mapped_column(String(10))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    reason: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)


class PenaltyAct(Base):
    """One line of what happened to a penalty. It is kept here and not in the complaint's history, which more people
    read."""

    __tablename__ = "penalty_act"
    __table_args__ = (Index("ix_penalty_act_penalty_id", "penalty_id", "id"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    penalty_id: Mapped[int] = mapped_column(ForeignKey("penalty.id"))
    act: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    reason: Mapped[str] = mapped_column(Text, default="")
