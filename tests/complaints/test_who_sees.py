"""Who sees a complaint, and for how long: what named or told a person opens it, and taking that back closes it."""

from sqlalchemy import select

from complaints import notices
from complaints.complaint import Complaint, visible_to
from tests.desk import Desk


def sees(desk: Desk, number: str, role: str) -> bool:
    with desk.make() as session:
        query = visible_to(desk[role], select(Complaint.id).where(Complaint.number == number))
        return session.scalar(query) is not None


def invite(desk: Desk, number: str, *roles: str, place: int | None = None) -> None:
    invited = [str(desk[role].id) for role in roles]
    desk.write(number, "meeting", "qe", planned_for="2026-11-16T10:00", invited=invited or [""], place=place)


def test_who_is_named_by_mistake_no_longer_sees_it(desk: Desk) -> None:
    number = desk.to_investigation()
    invite(desk, number, "staff", "gm")
    assert sees(desk, number, "staff")
    invite(desk, number, "gm", place=1)
    assert not sees(desk, number, "staff")
    assert sees(desk, number, "gm")


def test_who_is_named_no_more_still_sees_it_where_another_record_names_them(desk: Desk) -> None:
    number = desk.to_investigation()
    invite(desk, number, "staff")
    invite(desk, number, "staff", "gm")
    invite(desk, number, "gm", place=1)
    assert sees(desk, number, "staff")


def test_who_wrote_something_there_still_sees_it_when_named_no_more(desk: Desk) -> None:
    number = desk.to_investigation()
    invite(desk, number, "staff")
    desk.write(number, "meeting", "staff", place=1, remarks="The tool was blunt")
    invite(desk, number, place=1)
    assert sees(desk, number, "staff")


def test_who_is_named_in_an_earlier_round_still_sees_it(desk: Desk) -> None:
    number = desk.to_action_plan()
    desk.write(number, "cause", "dept_head")
    desk.write(number, "plan", "dept_head", what="Reset counter", owner=str(desk["staff"].id), due="2026-11-20")
    desk.sign(number, "plan_submitted", "dept_head")
    desk.returns(number, "plan_review", "qe")
    assert desk.case(number).complaint.round == 2
    desk.write(number, "plan", "dept_head", place=1, owner=str(desk["dept"].id))
    assert sees(desk, number, "staff")


def test_who_was_told_of_a_move_that_was_taken_back_no_longer_sees_it(desk: Desk) -> None:
    number = desk.to_investigation()
    assert not sees(desk, number, "staff")
    with desk.act() as session:
        complaint = desk.find(session, number)
        notices.tell(
            session, complaint, [desk["staff"].id or 0], "moved", by=desk["qe"], at=desk.at, secret="s",
            domain="mill.example", values={"stage": "Draft"}, today=desk.at.date(),
        )  # fmt: skip
    assert sees(desk, number, "staff")
    with desk.act() as session:
        complaint = desk.find(session, number)
        notices.take_back(session, complaint, since_version=complaint.version, at=desk.at)
    assert not sees(desk, number, "staff")
