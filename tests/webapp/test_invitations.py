"""Who was invited to a meeting, beside its record."""

import re

import pytest
from sqlalchemy.orm import Session, sessionmaker

from complaints import off_board
from tests.desk import CONTEXT, Desk
from tests.webapp.conftest import Browser, on_both_databases
from tests.webapp.test_complaint_page import visible


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make)


def beside(html: str) -> list[str]:
    return [visible(each) for each in re.findall(r'<p class="rec__invited">.*?</p>', html, re.S)]


@on_both_databases
@pytest.mark.requirement("S40")
def test_a_meeting_names_everybody_invited_those_of_the_procedure_too_and_says_when_it_is_cancelled(
    desk: Desk, browser_of: Browser
) -> None:
    number, other = desk.to_investigation(complaint_class="major"), desk.to_investigation()
    desk.write(number, "meeting", "qe", planned_for="2026-11-18T14:00", invited=[str(desk["sales"].id)])
    reader = browser_of(desk["qe"])
    assert beside(reader.get(f"/complaints/{number}/records").text) == ["Invitations went to: gm , mr , sales"]
    with desk.act() as session:
        complaint = desk.find(session, number)
        off_board.take(
            session, complaint, off_board.MERGED, reason="", by=desk["clerk"], at=desk.at, context=CONTEXT,
            seen_version=complaint.version, into=desk.find(session, other),
        )  # fmt: skip
    assert beside(reader.get(f"/complaints/{number}/records").text) == ["Cancelled"]
    assert beside(reader.get(f"/complaints/{other}/records").text) == []


def test_a_meeting_without_anybody_says_nothing(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_investigation()
    desk.write(number, "meeting", "qe", planned_for="2026-11-18T14:00")
    page = browser_of(desk["qe"]).get(f"/complaints/{number}/records").text
    assert (beside(page), 'id="f-meeting-row-1"' in page) == ([], True)
