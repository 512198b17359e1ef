"""Passing on: who, to whom and why are kept, and everybody it is passed to is told once."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import notices, passing
from complaints.complaint import Complaint, Involvement, find, involve
from complaints.database import transaction
from complaints.errors import NotFound, StaleComplaint
from complaints.history import Change
from complaints.outbox import Outgoing
from complaints.passing import LONGEST_REASON, NotPassedOn
from complaints.people import Actor, Grant, User
from tests.builders import MONDAY, a_complaint, a_department, a_person

SOON = MONDAY + timedelta(minutes=30)


def pass_on(session: Session, complaint: Complaint, by: Actor, **more: Any) -> int:
    values: dict[str, Any] = {
        "to_users": (), "to_departments": (), "reason": "the seal is yours", "at": SOON, "today": SOON.date(),
        "seen_version": complaint.version, "secret": "s" * 40, "domain": "mill.example",
    } | more  # fmt: skip
    return passing.pass_on(session, complaint, by=by, **values)


def mails(session: Session) -> list[Outgoing]:
    return list(session.scalars(select(Outgoing).order_by(Outgoing.id)))


def told(session: Session) -> set[str]:
    return {mail.recipient for mail in mails(session)}


def problems(refused: pytest.ExceptionInfo[NotPassedOn]) -> dict[str, str]:
    return {problem.field: problem.sentence.in_(lambda message: message, "en") for problem in refused.value.problems}


def address(session: Session, actor: Actor) -> str:
    return session.scalars(select(User.email).where(User.id == actor.id)).one()


@pytest.mark.requirement("S35")
def test_who_passed_it_to_whom_and_why_is_kept_and_the_receivers_are_told(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        qa = a_department(session)
        sales = a_person(session, "sales", name="Daniel Orme")
        technician = a_person(session, "dept", name="Piotr Lang", locale="zh_CN")
        engineer = a_person(session, "qe", department=qa)
        complaint = a_complaint(session)
        people = pass_on(session, complaint, sales, to_users=[technician.id], to_departments=[qa.id])
        assert people == 2
        row = session.scalars(select(Change).where(Change.act == "passed_on")).one()
        assert (row.by_id, row.at, row.complaint_id) == (sales.id, SOON, complaint.id)
        assert row.values == {"users": ["Piotr Lang"], "departments": ["qa"], "reason": "the seal is yours"}
        assert told(session) == {address(session, technician), address(session, engineer)}
        mail = next(mail for mail in mails(session) if mail.recipient == address(session, technician))
        assert mail.purpose == f"passed_on:{complaint.id}:2:{technician.id}"
        assert (mail.kind, mail.locale) == ("passed_on", "zh_CN")
        assert mail.values == {"number": "C-2026-0001", "who": "Daniel Orme", "reason": "the seal is yours"}


def test_answers_go_to_whoever_passed_it_on_and_never_into_the_ledger(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        sales, technician = a_person(session, "sales"), a_person(session, "dept")
        pass_on(session, a_complaint(session), sales, to_users=[technician.id])
        (mail,) = mails(session)
        assert mail.reply_to == address(session, sales)
        assert mail.complaint_id is None


@pytest.mark.requirement("S35")
def test_those_it_is_passed_to_can_see_it_from_then_on(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        machining, assembly = (a_department(session, key, key, key) for key in ("machining", "assembly"))
        person, member, head, stranger = (
            a_person(session, "staff"),
            a_person(session, "dept", department=machining),
            a_person(session, "staff"),
            a_person(session, "dept", department=assembly),
        )
        machining.head_id = head.id
        complaint = a_complaint(session)
        assert pass_on(session, complaint, clerk, to_users=[person.id], to_departments=[machining.id]) == 3
        newcomer = a_person(session, "dept", department=machining)
        for reader in (person, member, head, newcomer):
            assert find(session, complaint.number, reader) is complaint
        with pytest.raises(NotFound):
            find(session, complaint.number, stranger)


def test_a_department_is_its_head_and_who_holds_a_role_in_it_that_day(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        qa = a_department(session)
        head, member, gone, before, later = (a_person(session) for _ in range(5))
        qa.head_id = head.id
        today, day = SOON.date(), timedelta(days=1)
        for person, since, until in (
            (member, date(2020, 1, 1), today), (gone, today, None),
            (before, date(2020, 1, 1), today - day), (later, today + day, None),
        ):  # fmt: skip
            session.add(Grant(user_id=person.id, role="qe", department_id=qa.id, since=since, until=until))
        session.get_one(User, gone.id).left_at = MONDAY
        pass_on(session, a_complaint(session), a_person(session, "clerk"), to_departments=[qa.id])
        assert told(session) == {address(session, head), address(session, member)}


def test_chosen_twice_a_person_gets_one_mail_and_nobody_writes_to_themselves(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        qa = a_department(session)
        by, other = (a_person(session, "qe", department=qa) for _ in range(2))
        both = [by.id, other.id]
        assert pass_on(session, a_complaint(session), by, to_users=both, to_departments=[qa.id]) == 1
        assert told(session) == {address(session, other)}
        named = session.scalars(select(Involvement.user_id).where(Involvement.user_id.is_not(None)))
        assert list(named) == [other.id]


def test_a_form_is_refused_with_everything_that_is_wrong(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        by, left = a_person(session, "clerk"), a_person(session, "qe")
        session.get_one(User, left.id).left_at = MONDAY
        empty = a_department(session, "assembly", "Assembly", "装配")
        own = a_department(session, "office", "Office", "办公室")
        own.head_id = by.id
        complaint = a_complaint(session)
        with pytest.raises(NotPassedOn) as nothing:
            pass_on(session, complaint, by, reason=" \r\n\0 ")
        assert problems(nothing) == {
            "to_users": "Choose a colleague or a department",
            "reason": "Please say why you pass it on",
        }
        with pytest.raises(NotPassedOn) as nobody:
            pass_on(session, complaint, by, to_departments=[empty.id, own.id], reason="x" * (LONGEST_REASON + 1))
        assert problems(nobody) == {
            "to_departments": "Nobody there could be told: Assembly, Office",
            "reason": "The reason may have 1000 characters; this has 1001",
        }
        with pytest.raises(NotPassedOn) as gone:
            pass_on(session, complaint, by, to_users=[left.id, 10**30, -1])
        assert problems(gone) == {"to_users": "Somebody you chose does not work here any more"}
        with pytest.raises(NotPassedOn):
            pass_on(session, complaint, by, to_users=[by.id])
        assert (complaint.version, mails(session)) == (1, [])


def test_of_two_people_who_pass_on_the_same_state_one_counts(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, other = a_person(session, "clerk"), a_person(session, "qe")
        complaint = a_complaint(session)
        pass_on(session, complaint, clerk, to_users=[other.id], seen_version=1)
        with pytest.raises(StaleComplaint):
            pass_on(session, complaint, clerk, to_users=[other.id], seen_version=1)
        assert len(mails(session)) == 1
        pass_on(session, complaint, clerk, to_users=[other.id], reason="once more, please", seen_version=2)
        assert len(mails(session)) == 2
        assert len(session.scalars(select(Involvement)).all()) == 1


def test_only_who_may_see_a_complaint_may_pass_it_on(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        member, other = a_person(session, "dept"), a_person(session, "qe")
        complaint = a_complaint(session)
        with pytest.raises(NotFound):
            pass_on(session, complaint, member, to_users=[other.id])
        involve(session, complaint, at=MONDAY, reason="responsible", users=[member.id or 0])
        session.flush()
        assert pass_on(session, complaint, member, to_users=[other.id]) == 1


def test_the_lines_of_a_reason_stay_and_its_control_characters_go(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, other = a_person(session, "clerk"), a_person(session, "qe")
        pass_on(session, a_complaint(session), clerk, to_users=[other.id], reason=" 请看\r\n\0the\x1b seal\ud800 ")
        assert mails(session)[0].values["reason"] == "请看\nthe seal"


def test_whom_one_may_choose_is_everybody_else_who_works_here(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        me = a_person(session, "clerk", name="Ada")
        gone, _, _ = (a_person(session, name=name) for name in ("Gone", "Zoe", "Bea"))
        session.get_one(User, gone.id).left_at = MONDAY
        assert [user.name for user in passing.colleagues(session, me)] == ["Bea", "Zoe"]


def test_it_rings_for_those_it_is_passed_to_and_for_nobody_else(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        qa = a_department(session)
        sales, engineer = a_person(session, "sales", name="Daniel Orme"), a_person(session, "qe", department=qa)
        technician, other = a_person(session, "dept"), a_person(session, "clerk")
        complaint = a_complaint(session)
        pass_on(session, complaint, sales, to_users=[technician.id], to_departments=[qa.id])
        for each in (technician, engineer):
            (heard,) = notices.listed(session, each)
            assert heard.sentence.in_(lambda message: message, "en") == "Daniel Orme passed it on to you"
        assert [notices.unread(session, each) for each in (technician, engineer, sales, other)] == [1, 1, 0, 0]
        assert [mail.kind for mail in mails(session)] == ["passed_on", "passed_on"]
