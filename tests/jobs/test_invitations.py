"""Invitations to a meeting, read back from a real mail server and by a calendar's own reader."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import joining, off_board, writing
from complaints.database import open_database, sessions, transaction
from complaints.invitations import Invitation
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
    assert {role: len(mails) for role, mails in found.items()} == {"sales": 1, "dept": 1, "qe": 1}
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
    comes = {each.params["cn"]: each.params["partstat"] for each in event["attendee"]}
    assert comes == {"sales": "NEEDS-ACTION", "陈予安; 工": "NEEDS-ACTION", "qe": "ACCEPTED"}
    ((copy, own),) = found["qe"]
    assert "Analysis meeting (Planned for: Wed 18 Nov 2026, 14:00)" in copy.header("Subject")
    assert "invited" not in copy.header("Subject")
    assert (own["method"], entry(own)["uid"]) == ("REQUEST", event["uid"])
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
    assert {role: [each["method"] for _, each in mails] for role, mails in found.items()} == {
        "sales": ["CANCEL"], "qe": ["CANCEL"]
    }  # fmt: skip
    assert entry(found["sales"][0][1])["sequence"] == 2


def test_changes_before_it_was_sent_are_one_mail_with_the_newest_state(desk: Desk, postbox: Postbox) -> None:
    number = desk.to_investigation()
    meeting(desk, number, "sales", "dept")
    meeting(desk, number, "sales", place=1, at="2026-11-19T09:30")
    found = postbox.open()
    assert {*found} == {"sales", "qe"}
    ((_, only),) = found["sales"]
    assert entry(only).start == datetime(2026, 11, 19, 1, 30, tzinfo=UTC)
    meeting(desk, number, "sales", "dept", place=1, at="2026-11-19T09:30")
    remove(desk, number)
    assert {role: [each["method"] for _, each in mails] for role, mails in postbox.open().items()} == {
        "sales": ["CANCEL"], "qe": ["CANCEL"]
    }  # fmt: skip


def test_of_a_major_complaint_the_leadership_is_invited_and_the_caller_once(desk: Desk, postbox: Postbox) -> None:
    number = desk.to_investigation(complaint_class="major")
    meeting(desk, number, "gm", "qe")
    found = postbox.open()
    assert {role: len(mails) for role, mails in found.items()} == {"mr": 1, "gm": 1, "qe": 1}


def test_each_of_two_meetings_invites_its_own_people(desk: Desk, postbox: Postbox) -> None:
    number = desk.to_investigation()
    meeting(desk, number, "sales")
    meeting(desk, number, "dept", at="2026-11-20T10:00")
    postbox.open()
    meeting(desk, number, "sales", place=1, at="2026-11-19T10:00")
    assert {*postbox.open()} == {"sales", "qe"}


# What nobody goes on with


def leave(desk: Desk, number: str, outcome: str, into: str = "") -> None:
    with desk.act() as session:
        complaint = desk.find(session, number)
        off_board.take(
            session, complaint, outcome, reason="so it is", by=desk["clerk"], at=desk.at, context=CONTEXT,
            seen_version=complaint.version, into=desk.find(session, into) if into else None,
        )  # fmt: skip


def methods(found: dict[str, list[tuple[Mail, Any]]]) -> dict[str, list[tuple[str, int]]]:
    return {
        role: [(str(each["method"]), entry(each)["sequence"]) for _, each in mails] for role, mails in found.items()
    }


@pytest.mark.requirement("S40")
def test_merged_before_it_takes_place_a_meeting_is_cancelled_and_the_other_complaint_has_none(
    desk: Desk, postbox: Postbox
) -> None:
    number, other = desk.to_investigation(), desk.to_investigation()
    meeting(desk, number, "sales")
    before = postbox.open()
    leave(desk, number, off_board.MERGED, other)
    found = postbox.open()
    assert methods(found) == {"sales": [("CANCEL", 1)], "qe": [("CANCEL", 1)]}
    assert entry(found["sales"][0][1])["uid"] == entry(before["sales"][0][1])["uid"]
    with desk.make() as session:
        assert {each.complaint_id for each in session.scalars(select(Invitation))} == {desk.find(session, number).id}
        assert all(each.withdrawn_at for each in session.scalars(select(Invitation)))
        unmerged = desk.find(session, number).version
    with desk.act() as session:
        off_board.bring_back(
            session, desk.find(session, number), by=desk["clerk"], at=desk.at, context=CONTEXT, seen_version=unmerged
        )
    assert methods(postbox.open()) == {"sales": [("REQUEST", 2)], "qe": [("REQUEST", 2)]}


def test_closed_or_withdrawn_before_it_takes_place_a_meeting_is_cancelled(desk: Desk, postbox: Postbox) -> None:
    number = desk.to_customer_reply()
    meeting(desk, number, "sales")
    postbox.open()
    desk.contact(number, "result_told")
    desk.write(number, "answer", "sales")
    assert postbox.open() == {}
    desk.move(number, "closed", "clerk")
    assert methods(postbox.open()) == {"sales": [("CANCEL", 1)], "qe": [("CANCEL", 1)]}

    number = desk.to_investigation()
    meeting(desk, number, "sales")
    desk.write(number, "withdrawal", "clerk", statement="Never mind", capa="no")
    desk.sign(number, "withdrawal_confirmed", "mkt_sup")
    leave(desk, number, off_board.WITHDRAWN)
    assert postbox.open() == {}  # nobody had got anything yet


def test_a_meeting_that_took_place_is_not_cancelled(desk: Desk, postbox: Postbox) -> None:
    number, other = desk.to_investigation(), desk.to_investigation()
    meeting(desk, number, "sales")
    postbox.open()
    desk.at += timedelta(days=3)
    leave(desk, number, off_board.MERGED, other)
    assert postbox.open() == {}


def test_to_a_meeting_that_took_place_nobody_is_invited_until_it_is_planned_anew(desk: Desk, postbox: Postbox) -> None:
    number = desk.to_investigation()
    meeting(desk, number, "sales")
    postbox.open()
    desk.at += timedelta(days=3)
    meeting(desk, number, "sales", "staff", place=1)
    desk.classify(number, "major", "qa_head", "Customer's line stands still")
    desk.write(number, "meeting", "qe", place=1, conclusion="Tool change is checked from now on")
    meeting(desk, number, "staff", at="2026-11-17T14:00")
    remove(desk, number)
    assert postbox.open() == {}
    meeting(desk, number, "sales", place=2, at="2026-11-23T14:00")
    assert {"sales", "mr", "gm", "qe"} <= postbox.open().keys()


def test_a_meeting_about_several_complaints_takes_place_as_long_as_one_goes_on(desk: Desk, postbox: Postbox) -> None:
    number, joins, other = desk.to_investigation(), desk.to_investigation(), desk.to_investigation()
    with desk.act() as session:
        complaint = desk.find(session, joins)
        joining.join(
            session, complaint, desk.find(session, number), by=desk["qe"], at=desk.at,
            seen_version=complaint.version, context=CONTEXT,
        )  # fmt: skip
    meeting(desk, number, "sales")
    postbox.open()
    leave(desk, number, off_board.MERGED, other)
    assert postbox.open() == {}
    leave(desk, joins, off_board.MERGED, other)
    assert methods(postbox.open()) == {"sales": [("CANCEL", 1)], "qe": [("CANCEL", 1)]}
