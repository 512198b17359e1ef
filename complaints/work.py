"""My work: what waits for whom, as rows that are kept up with each act, so that a page asks for them by index
(worklist.py).

What waits follows from the guards alone: whatever the next stage still lacks waits for those who can mend it; where
nothing is lacking, the move waits. A row names one person, or the role whose queue it is in, perhaps in one department;
others who may do it as well find it on the board. Where it may be that nobody there can do it, further rows name who
comes next.
"""

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Delete, ForeignKey, Index, Select, String, Text, Update, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.database import Base
from complaints.procedure import Procedure

REGISTER, ENTRY, WRITE, SIGN = "register", "entry", "write", "sign"
CLASSIFY, MOVE, ROW = "class", "move", "row"


class Task(NamedTuple):
    """Something that waits: `kind` is register, entry (facts of a registered complaint), write (a record, or a row of
    it), sign (a signature), class (one is proposed), move (to a stage, or off the board) or row (of a record, owned by
    somebody); `key` says which. One of a later `turn` is for when nobody of an earlier one can do it. `barred`: who may
    not do it, see `bar`."""

    kind: str
    key: str
    role: str = ""
    user_id: int | None = None
    department_id: int | None = None
    due_on: date | None = None
    turn: int = 0
    barred: str = ""


def bar(users: Iterable[int], departments: Iterable[int]) -> str:
    """Who may not do something, as one text in which a query finds ` u3 ` for a person and ` d2 ` for a department."""
    return "".join([*(f" u{each} " for each in sorted(users)), *(f" d{each} " for each in sorted(departments))])


class Waiting(Base):
    """A task of a complaint; see `Task`."""

    __tablename__ = "waiting"
    __table_args__ = (
        Index("ix_waiting_complaint_id", "complaint_id"),
        Index("ix_waiting_user_id", "user_id", "kind", "complaint_id"),
        Index("ix_waiting_role", "role", "kind", "complaint_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    kind: Mapped[str] = mapped_column(String(12))
    key: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(20))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    department_id: Mapped[int | None] = mapped_column(ForeignKey("department.id"))
    due_on: Mapped[date | None]
    turn: Mapped[int] = mapped_column(default=0)
    barred: Mapped[str] = mapped_column(Text, default="")
    since: Mapped[datetime]

    @property
    def task(self) -> Task:
        return Task(*(getattr(self, each) for each in Task._fields))


@lru_cache
def _first(rules: Procedure) -> Task:
    by = next(move.by for move in rules.moves if move.to == rules.register_stage.key)
    return Task(REGISTER, rules.register_stage.key, by[0])


def first(session: Session, complaint_id: int, rules: Procedure, *, at: datetime) -> None:
    """A new complaint waits for registration."""
    rows.add(session, Waiting, {"complaint_id": complaint_id, "since": at, **_first(rules)._asdict()})


@cache
def _waiting() -> Select[Any]:
    found = rows.table(Waiting).c
    task = (found[each] for each in Task._fields)
    return select(found.id, *task).where(found.complaint_id == bindparam("of"))


@cache
def _another() -> Update:
    table = rows.table(Waiting)
    return update(table).where(table.c.id == bindparam("row"))  # its columns are those of the values it runs with


@cache
def _without() -> Delete:
    table = rows.table(Waiting)
    return delete(table).where(table.c.id == bindparam("row"))


def renew(session: Session, complaint_id: int, tasks: Iterable[Task], *, at: datetime) -> list[Task]:
    """What waits now; what waited before and still does keeps its time. A row that is not needed any more is given to
    a new task, which is one statement less than a row less and a row more. Gives what did not wait before."""
    wanted, gone = dict.fromkeys(tasks), list[dict[str, Any]]()
    for row in rows.run(session, _waiting(), {"of": complaint_id}):
        if (task := Task(*row[1:])) in wanted:
            del wanted[task]
        else:
            gone.append({"row": row[0]})
    new = [{"since": at, **task._asdict()} for task in wanted]
    fits = min(len(gone), len(new))
    if fits:
        session.connection().execute(_another(), [row | task for row, task in zip(gone, new, strict=False)])
    if gone[fits:]:
        session.connection().execute(_without(), gone[fits:])
    rows.add(session, Waiting, *({"complaint_id": complaint_id, **task} for task in new[fits:]))
    return list(wanted)
