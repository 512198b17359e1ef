"""Signatures: who signed what, in which role, when, with which decision and remark.

A signature is never changed. It is voided, with when and why, when what it covers is changed afterwards, when a later
signer returns the form, or when the complaint goes back. Which signatures there are and who may give them stands in the
procedure; guards.py decides, workflow.py signs.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, String, Text, and_, bindparam, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session

from complaints import rows
from complaints.complaint import Complaint
from complaints.database import Base
from complaints.procedure import COMPLAINT, INVESTIGATION, SignatureRule
from complaints.records import LASTING

APPROVED, RETURNED = "approved", "returned"
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str).encode


class Signature(Base):
    """A person put their name to something, where each department does, for theirs. `digest` is what was signed (see
    `digest_of`)."""

    __tablename__ = "signature"
    __table_args__ = (Index("ix_signature_subject", "subject", "subject_id", "round"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int]
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"), index=True)
    key: Mapped[str] = mapped_column(String(40))
    round: Mapped[int]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    role: Mapped[str] = mapped_column(String(20))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("department.id"))
    at: Mapped[datetime]
    decision: Mapped[str] = mapped_column(String(12))
    remark: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    voided_at: Mapped[datetime | None]
    voided_because: Mapped[str] = mapped_column(String(40), default="")

    @property
    def stands(self) -> bool:
        return self.decision == APPROVED and self.voided_at is None


def round_of(rule: SignatureRule, complaint: Complaint) -> int:
    return complaint.round if rule.per_round else LASTING


def of(session: Session, complaint: Complaint, *, every: bool = False) -> list[Signature]:
    """What was approved or returned on a complaint and its investigation in its round and is not voided, or with
    `every` all there ever was, oldest first."""
    where = {"complaint": complaint.id, "investigation": complaint.investigation_id, "round": complaint.round}
    return list(session.scalars(_of(every), where))


@cache
def _of(every: bool) -> Select[Signature]:
    where = or_(
        and_(Signature.subject == COMPLAINT, Signature.subject_id == bindparam("complaint")),
        and_(Signature.subject == INVESTIGATION, Signature.subject_id == bindparam("investigation")),
    )
    query = select(Signature).where(where)
    if not every:
        query = query.where(
            or_(Signature.round == LASTING, Signature.round == bindparam("round")), Signature.voided_at.is_(None)
        )
    return query.order_by(Signature.id)


def not_answered(signed: Iterable[Signature]) -> dict[str, Signature]:
    """By key, the newest return after which nobody has approved the same; of a signature that each department gives,
    the same department. `signed`: what is not voided, oldest first."""
    found: dict[tuple[str, int | None], Signature] = {}
    for each in signed:
        found.pop((each.key, each.department_id), None)
        if not each.stands:
            found[each.key, each.department_id] = each
    return {each.key: each for each in found.values()}


def void(signature: Signature, *, at: datetime, because: str) -> None:
    """The signature does not stand any more; what was signed, by whom and when stays."""
    if signature.voided_at is None:
        session = object_session(signature)
        assert session is not None  # only what was given can fall
        rows.change(session, signature, voided_at=at, voided_because=because)


def digest_of(content: Iterable[Any]) -> str:
    """A hash of what is signed, the same on every database."""
    return hashlib.sha256(_encode(list(content)).encode()).hexdigest()
