"""What recurs, and when each was last done: the scheduler's memory.

A slot is the number of whole intervals since 1970. A task whose slot is not yet done is due, however long nobody
looked: after an outage it runs once, not once for each missed slot.
"""

from datetime import datetime

from sqlalchemy import String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.database import Base


class Recurrence(Base):
    """A recurring task and the slot it was last started for."""

    __tablename__ = "recurrence"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    slot: Mapped[int]
    started_at: Mapped[datetime]


def take_slot(session: Session, name: str, *, every_seconds: int, at: datetime) -> bool:
    """Claim the slot of this instant; False if somebody has it. Of several schedulers one wins.

    A clock that was set back must not stop the task until the old time comes round again, so a slot in the future
    counts as not taken."""
    slot = int(at.timestamp()) // every_seconds
    rows.add_unless_there(session, Recurrence, [{"name": name, "slot": -1, "started_at": at}])
    won = session.execute(
        update(Recurrence)
        .where(Recurrence.name == name, Recurrence.slot != slot)
        .values(slot=slot, started_at=at)
        .returning(Recurrence.name)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    return won is not None


def last_started(session: Session, name: str) -> datetime | None:
    return session.scalar(select(Recurrence.started_at).where(Recurrence.name == name))
