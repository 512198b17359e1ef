"""Invitations to a meeting, read back from a real mail server and by a calendar's own reader."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from complaints import writing
from complaints.database import open_database, sessions, transaction
from complaints.people import User
from complaints.settings import Settings, smtp_server
from jobs.sending import Sender
from tests.desk import CONTEXT, Desk
from tests.jobs.test_sending import Clock
from tests.rigs.smtp import Mail, SmtpServer


@pytest.fixture
def make(database_url: str) -> sessionmaker[Session]:
    return sessions(open_database(database_url))


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make)


class Postbox:
    """What arrived about meetings, each time it is opened."""

    def __init__(self, desk: Desk, smtp: SmtpServer, tmp_path: Path) -> None:
        self.desk, self.smtp, self.clock, self.seen = desk, smtp, Clock(), 0
        settings = Settings(
            data=tmp_path, database_url="", redis_url="", secret_key="s" * 32, smtp=smtp_server(smtp.url),
            mail_from="complaints@mill.example", organisation="Mill 磨坊", public_url="https://mill.example",
        )  # fmt: skip
        self.sender = Sender(settings, desk.make, clock=self.clock)

    def open(self) -> dict[str, list[tuple[Mail, Any]]]:
        """What came since the last look, by who got it: the mail and the entry in it."""
        self.clock.now = self.desk.at + timedelta(minutes=1)
        self.sender.drain()
        new, self.seen = self.smtp.mails[self.seen :], len(self.smtp.mails)
        with self.desk.make() as session:
            address = {session.get_one(User, actor.id).email: role for role, actor in self.desk.people.items()}
        found: dict[str, list[tuple[Mail, Any]]] = {}
        for mail in new:
            for part in mail.message.iter_attachments():
                assert isinstance(part, EmailMessage)
                assert part.get_content_type() == "text/calendar"
                calendar = Calendar.from_ical(part.get_payload(decode=True))
                assert part.get_param("method") == calendar["method"]
                found.setdefault(address[mail.recipients[0]], []).append((mail, calendar))
        return found


@pytest.fixture
def postbox(desk: Desk, smtp: SmtpServer, tmp_path: Path) -> Postbox:
    return Postbox(desk, smtp, tmp_path)


def entry(calendar: Any) -> Any:
    (event,) = calendar.walk("VEVENT")
    return event


def meeting(desk: Desk, number: str, *invited: str, place: int | None = None, at: str = "2026-11-18T14:00") -> None:
    ids = [str(desk[role].id) for role in invited] or [""]
    desk.write(number, "meeting", "qe", place=place, planned_for=at, invited=ids)


def remove(desk: Desk, number: str) -> None:
    with desk.act() as session:
        complaint = desk.find(session, number)
        writing.remove(session, complaint, "meeting", 1, by=desk["qe"], at=desk.at, context=CONTEXT)


@pytest.mark.requirement("S40", "S41")
def test_the_mail_brings_an_entry_for_the_calendar_that_says_nothing_of_the_matter(
    desk: Desk, postbox: Postbox
) -> None:
    with transaction(desk.make) as session:
        session.execute(update(User).where(User.id == desk["dept"].id).values(locale="zh_CN", name="陈予安; 工"))
    number = desk.to_investigation()
    postbox.open()
    meeting(desk, number, "sales", "dept")
    found = postbox.open()
    assert {role: len(mails) for role, mails in found.items()} == {"sales": 1, "dept": 1}
    ((mail, calendar),) = found["sales"]
    assert "You are invited to an analysis meeting (Planned for: Wed 18 Nov 2026, 14:00)" in mail.header("Subject")
    assert mail.header("Auto-Submitted") == "auto-generated"
    event = entry(calendar)
    assert calendar["method"] == "REQUEST"
    assert event["sequence"] == 0
    assert event.start == datetime(2026, 11, 18, 6, tzinfo=UTC)
    assert event.end - event.start == timedelta(hours=1)
    assert event["dtstart"].params["tzid"] == "Asia/Shanghai"
    assert [str(each["tzid"]) for each in calendar.walk("VTIMEZONE")] == ["Asia/Shanghai"]
    assert event["summary"] == f"Analysis meeting {number}"
    assert event["description"] == event["url"] == f"https://mill.example/complaints/{number}"
    with desk.make() as session:
        organizer = session.get_one(User, desk["qe"].id).email
    assert event["organizer"] == f"mailto:{organizer}"
    assert {each.params["cn"] for each in event["attendee"]} == {"sales", "陈予安; 工"}
    text = calendar.to_ical().decode()
    for word in ("HX-210", "joints", "Quellstrom"):
        assert word not in text
    ((_, theirs),) = found["dept"]
    assert entry(theirs)["summary"] == f"分析会议 {number}"
    assert entry(theirs)["uid"] == event["uid"]  # one meeting


def test_a_later_time_and_other_people_raise_the_sequence_of_the_same_entry(desk: Desk, postbox: Postbox) -> None:
    number = desk.to_investigation()
    meeting(desk, number, "sales")
    ((_, first),) = postbox.open()["sales"]
    meeting(desk, number, "sales", place=1, at="2026-11-19T09:30")
    ((_, second),) = postbox.open()["sales"]
    meeting(desk, number, "sales", "dept", place=1, at="2026-11-19T09:30")
    found = postbox.open()
    ((_, third),), ((_, news),) = found["sales"], found["dept"]
    assert [entry(each)["sequence"] for each in (first, second, third, news)] == [0, 1, 2, 2]
    assert len({entry(each)["uid"] for each in (first, second, third)}) == 1
    assert entry(second).start == datetime(2026, 11, 19, 1, 30, tzinfo=UTC)
    desk.write(number, "meeting", "qe", place=1, conclusion="Tool wear", held_on="2026-11-16")
    assert postbox.open() == {}


def test_who_is_taken_off_gets_the_end_of_the_entry_and_so_does_everybody_when_the_row_goes(
    desk: Desk, postbox: Postbox
) -> None:
    number = desk.to_investigation()
    meeting(desk, number, "sales", "dept")
    before = postbox.open()
    meeting(desk, number, "sales", place=1)
    found = postbox.open()
    ((mail, off),), ((_, on),) = found["dept"], found["sales"]
    assert (off["method"], on["method"]) == ("CANCEL", "REQUEST")
    assert entry(off)["uid"] == entry(before["dept"][0][1])["uid"]
    assert entry(off)["status"] == "CANCELLED"
    assert "qe cancelled for you: Analysis meeting (Wed 18 Nov 2026, 14:00)" in mail.header("Subject")
    remove(desk, number)
    found = postbox.open()
    assert {role: [each["method"] for _, each in mails] for role, mails in found.items()} == {"sales": ["CANCEL"]}
    assert entry(found["sales"][0][1])["sequence"] == 2


def test_changes_before_it_was_sent_are_one_mail_with_the_newest_state(desk: Desk, postbox: Postbox) -> None:
    number = desk.to_investigation()
    meeting(desk, number, "sales", "dept")
    meeting(desk, number, "sales", place=1, at="2026-11-19T09:30")
    found = postbox.open()
    assert list(found) == ["sales"]
    ((_, only),) = found["sales"]
    assert entry(only).start == datetime(2026, 11, 19, 1, 30, tzinfo=UTC)
    meeting(desk, number, "sales", "dept", place=1, at="2026-11-19T09:30")
    remove(desk, number)
    assert {role: [each["method"] for _, each in mails] for role, mails in postbox.open().items()} == {
        "sales": ["CANCEL"]
    }


def test_of_a_major_complaint_the_leadership_is_invited_and_the_caller_is_not(desk: Desk, postbox: Postbox) -> None:
    number = desk.to_investigation(complaint_class="major")
    meeting(desk, number, "gm", "qe")
    found = postbox.open()
    assert {role: len(mails) for role, mails in found.items()} == {"mr": 1, "gm": 1}


def test_each_of_two_meetings_invites_its_own_people(desk: Desk, postbox: Postbox) -> None:
    number = desk.to_investigation()
    meeting(desk, number, "sales")
    meeting(desk, number, "dept", at="2026-11-20T10:00")
    postbox.open()
    meeting(desk, number, "sales", place=1, at="2026-11-19T10:00")
    assert list(postbox.open()) == ["sales"]
