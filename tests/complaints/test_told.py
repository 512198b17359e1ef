"""Who hears of what happens on a complaint, and who does not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import board, notices, procedure, worklist
from complaints.database import open_database, sessions, transaction
from complaints.outbox import Outgoing
from complaints.people import SYSTEM, Grant, User
from tests.desk import Desk, english


@pytest.fixture
def make(database_url: str) -> sessionmaker[Session]:
    return sessions(open_database(database_url))


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make)


@pytest.fixture
def confidential(monkeypatch: pytest.MonkeyPatch) -> None:
    """The complaints of the manufacturing procedure are seen only by those they name."""
    rules = replace(procedure.procedure(), confidential=True)
    monkeypatch.setattr(procedure, "_known", {**procedure._known, (rules.key, rules.version): rules})


def heard(desk: Desk, number: str, role: str) -> list[str]:
    """What somebody was told by bell, the newest first."""
    with desk.make() as session:
        return [english(each.sentence) for each in notices.listed(session, desk[role]) if each.number == number]


def mailed(desk: Desk, role: str) -> list[str]:
    """What somebody was told by mail."""
    with desk.make() as session:
        address = session.scalars(select(User.email).where(User.id == desk[role].id)).one()
        mails = session.scalars(select(Outgoing).where(Outgoing.recipient == address))
        return [mail.values["told"]["name"] for mail in mails]


def test_a_department_is_told_through_its_head(desk: Desk) -> None:
    number = desk.registered()
    assert heard(desk, number, "dept_head") == ["A complaint that concerns your department"]
    assert (heard(desk, number, "dept"), mailed(desk, "dept")) == ([], [])
    number = desk.to_action_plan()
    assert heard(desk, number, "dept_head")[0] == "Your department is asked for cause and plan"
    assert heard(desk, number, "dept") == []


def test_a_department_that_nobody_heads_today_is_told_through_its_members(desk: Desk) -> None:
    with transaction(desk.make) as session:
        head = session.scalars(select(Grant).where(Grant.role == "dept_head")).one()
        head.until = (desk.at - timedelta(days=1)).date()
    number = desk.registered()
    assert heard(desk, number, "dept") == ["A complaint that concerns your department"]
    assert heard(desk, number, "dept_head") == []


@pytest.mark.usefixtures("confidential")
def test_of_a_confidential_complaint_nobody_hears_by_bell_or_mail_who_may_not_see_it(desk: Desk) -> None:
    number = desk.registered()
    assert (heard(desk, number, "mkt_vp"), mailed(desk, "mkt_vp")) == ([], [])
    assert heard(desk, number, "dept_head") == ["A complaint that concerns your department"]
    assert mailed(desk, "dept_head") == ["A complaint that concerns your department"]
    desk.write(number, "first_review", "mkt_sup")
    desk.write(number, "form", "clerk")
    desk.sign(number, "form_issued", "clerk")
    desk.sign(number, "form_approved", "mkt_sup")
    assert heard(desk, number, "qa_head")[0] == "A handling form waits for receipt"
    desk.returns(number, "receipt", "qa_head")
    for role in ("sales", "clerk"):  # who took it in, and whose it is
        assert heard(desk, number, role) == ["A handling form was returned"]
    assert (heard(desk, number, "mkt_sup"), mailed(desk, "mkt_sup")) == ([], [])


@pytest.mark.usefixtures("confidential")
def test_a_confidential_complaint_stands_only_on_the_boards_of_those_who_may_see_it(desk: Desk) -> None:
    desk.draft()
    with desk.make() as session:
        for role, seen in (("sales", 1), ("clerk", 0), ("qe", 0)):
            first = board.columns(session, desk[role], procedure.procedure(), desk.at)[0]
            assert (first.head.total, len(first.cards)) == (seen, seen)


@pytest.mark.usefixtures("confidential")
def test_a_confidential_complaint_waits_only_for_those_who_may_see_it(desk: Desk) -> None:
    desk.registered()
    with desk.make() as session:
        chief, today = desk["mkt_sup"], desk.at.date()
        assert (worklist.groups(session, chief, today), worklist.count(session, chief, today)) == ([], 0)
        (group,) = worklist.groups(session, desk["qa_head"], today)
        assert [item.key for item in group.items] == ["assignment"]
        assert worklist.count(session, desk["qa_head"], today) == 1


@pytest.mark.usefixtures("confidential")
def test_who_may_hear_is_one_question_however_many_would_be_told(desk: Desk) -> None:
    number = desk.registered()
    asked = []
    for roles in (("dept",), ("dept", "dept_head", "gm", "mr", "qe", "qa_head")):
        with desk.act() as session:
            complaint, statements = desk.find(session, number), list[str]()

            def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any, into: list[str] = statements) -> None:
                into.append(statement)

            event.listen(session.get_bind(), "before_cursor_execute", note)
            people = [desk[role].id or 0 for role in roles]
            told = notices.ring(session, complaint, people, "closed", by=SYSTEM, at=desk.at, today=desk.at.date())
            event.remove(session.get_bind(), "before_cursor_execute", note)
            asked.append((len(told), len(statements)))
    assert asked == [(1, 2), (3, 2)]  # the member has heard before; two may not see it
