"""Numbers that are given once: the complaint's number when its draft is made, the register serial at registration.

A counter is a row that the giving transaction updates, so two drafts at the same instant get two numbers on every
database, and a transaction that fails gives its number back: the register has no gaps.
"""

from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from sqlalchemy import Executable, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.database import Base


class Counter(Base):
    """The last number given in a series."""

    __tablename__ = "counter"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int]


def next_in(session: Session, series: str) -> int:
    """The next number of a series, counted from 1. Held until the transaction ends: ask for it late."""
    statement = _count_on(rows.dialect(session))
    return int(session.connection().execute(statement, {"name": series, "value": 1}).scalar_one())


@cache
def _count_on(dialect: str) -> Executable:
    insert = rows.upsert(Counter, dialect)
    return insert.on_conflict_do_update(index_elements=["name"], set_={"value": Counter.value + 1}).returning(
        Counter.value
    )


def local_year(at: datetime, zone: ZoneInfo) -> int:
    """The year of an instant in the organisation's zone."""
    return at.astimezone(zone).year


def complaint_number(year: int, sequence: int) -> str:
    """`C-2026-0412`; after 9999 it grows a digit."""
    return f"C-{year}-{sequence:04d}"


def register_number(year: int, serial: int) -> str:
    """The register serial (登记序号) as written: `2026-0007`."""
    return f"{year}-{serial:04d}"
