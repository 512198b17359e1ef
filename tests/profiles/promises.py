"""What the journeys look at on the way: a clock by its key, times as they hang on the wall in Shanghai, and who was
told of what."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from complaints import clocks, off_board
from complaints.clocks import Clock
from complaints.errors import MoveRefused
from complaints.notices import Notice
from complaints.people import Actor
from tests.desk import CONTEXT, english
from tests.walking import Walker

SHANGHAI = ZoneInfo("Asia/Shanghai")
A_MINUTE = timedelta(minutes=1)


def wall(text: str) -> datetime:
    """2026-11-16 is a Monday; no holiday is near."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def at(walker: Walker, text: str, late: int = 0) -> Walker:
    """The next thing that the walker does happens at this time, or some minutes after."""
    walker.desk.at = wall(text) + (late - 1) * A_MINUTE
    return walker


def clock(walker: Walker, key: str) -> Clock:
    (found,) = (each for each in _clocks(walker) if each.key == key)
    return found


def promised(walker: Walker) -> set[str]:
    """The clocks that run."""
    return {each.key for each in _clocks(walker) if each.stopped_at is None and each.outcome is None}


def _clocks(walker: Walker) -> Iterator[Clock]:
    with walker.desk.make() as session:
        yield from clocks.of(session, "complaint", walker.case().complaint.id)


def told(walker: Walker, *people: Actor) -> dict[str, set[tuple[str, datetime]]]:
    """By event: who (by name) was told, and when."""
    found: dict[str, set[tuple[str, datetime]]] = {}
    with walker.desk.make() as session:
        complaint = walker.case().complaint.id
        for notice in session.scalars(select(Notice).where(Notice.complaint_id == complaint)):
            who = next((each.name for each in people if each.id == notice.user_id), "")
            found.setdefault(notice.event.partition(":")[2], set()).add((who, notice.at))
    return found


def leave(walker: Walker, outcome: str, by: Actor) -> list[str]:
    """Take a complaint off the board; gives what is missing, in English."""
    try:
        with walker.desk.act() as session:
            found = walker.desk.find(session, walker.number)
            off_board.take(
                session, found, outcome, reason="So says the customer", by=by, at=walker.desk.at, context=CONTEXT,
                seen_version=found.version,
            )  # fmt: skip
    except MoveRefused as refused:
        return [english(each.sentence) for each in refused.missing]
    return []
