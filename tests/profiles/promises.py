"""What the journeys ask about promises and notices: a clock by its key, a time of the wall, who was told."""

from datetime import UTC, datetime

from sqlalchemy import select

from complaints import clocks
from complaints.clocks import Clock
from complaints.notices import Notice
from tests.desk import CONTEXT, Desk


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CONTEXT.zone).astimezone(UTC)


def the_clocks(desk: Desk, number: str) -> dict[str, Clock]:
    with desk.make() as session:
        return {each.key: each for each in clocks.of(session, "complaint", desk.find(session, number).id)}


def the_clock(desk: Desk, number: str, key: str) -> Clock:
    return the_clocks(desk, number)[key]


def told_on(desk: Desk, number: str) -> set[int]:
    """Who was told of anything on a complaint."""
    with desk.make() as session:
        return {*session.scalars(select(Notice.user_id).where(Notice.complaint_id == desk.find(session, number).id))}
