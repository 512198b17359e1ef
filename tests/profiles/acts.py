"""What the journeys do beside walking: look at clocks, at times of the wall and at who was told; leave the board."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from complaints import clocks, off_board
from complaints.clocks import Clock
from complaints.errors import MoveRefused
from complaints.notices import Notice
from tests.desk import CONTEXT, Desk, english


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


def leave(desk: Desk, number: str, outcome: str, role: str = "clerk") -> None:
    with desk.act() as session:
        found = desk.find(session, number)
        off_board.take(
            session, found, outcome, reason="As they say", by=desk[role], at=desk.at, seen_version=found.version,
            context=CONTEXT,
        )  # fmt: skip


def refusals(refused: pytest.ExceptionInfo[MoveRefused]) -> list[str]:
    return [english(each.sentence) for each in refused.value.missing]
