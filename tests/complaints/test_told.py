"""Who hears of what happens on a complaint, and who does not."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from complaints import board, inbox, notices, off_board, procedure, registration, worklist
from complaints.complaint import Complaint, find, visible_to
from complaints.database import transaction
from complaints.off_board import NOT_COMPLAINT
from complaints.outbox import Outgoing
from complaints.people import SYSTEM, Grant, User
from complaints.work import REGISTER
from tests.builders import a_mailed_complaint, a_person, an_entry
from tests.desk import CONTEXT, Desk, english


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
        for role, seen in (("sales", 1), ("clerk", 1), ("qe", 0)):
            first = board.columns(session, desk[role], procedure.procedure(), desk.at)[0]
            assert (first.head.total, len(first.cards)) == (seen, seen)


def see(desk: Desk, number: str) -> set[str]:
    """The roles that find a complaint."""
    mine = select(Complaint.id).where(Complaint.number == number)
    with desk.make() as session:
        return {role for role, actor in desk.people.items() if session.scalar(visible_to(actor, mine))}


def waits(desk: Desk, role: str) -> list[tuple[str, str]]:
    """What waits for somebody, of which complaint."""
    with desk.make() as session:
        return [
            (item.kind, item.card.number)
            for group in worklist.groups(session, desk[role], desk.at.date())
            for item in group.items
        ]


def a_noted_complaint(desk: Desk) -> str:
    """A draft that a colleague noted down."""
    form = {"channel": "oral", "content": "A visitor complained"}
    with desk.act() as session:
        return registration.draft_by_hand(
            session, form, by=desk["staff"], at=desk.at, received_at=desk.at, context=CONTEXT, key="a form's key"
        ).number


REGISTRARS = {"clerk", "sales", "mkt_sup", "mkt_vp"}
QUALITY = {"qa_head", "qe", "qa_mgr"}


@pytest.mark.usefixtures("confidential")
def test_a_confidential_draft_is_open_to_who_may_register_it_and_then_only_to_who_did(desk: Desk) -> None:
    with desk.act() as session:
        mailed = a_mailed_complaint(session).number
    noted = a_noted_complaint(desk)
    assert (see(desk, mailed), see(desk, noted)) == (REGISTRARS, REGISTRARS | {"staff"})
    assert heard(desk, noted, "clerk") == ["A colleague noted a complaint"]
    assert sorted(waits(desk, "clerk")) == [(REGISTER, mailed), (REGISTER, noted)]
    with desk.make() as session:
        assert [each.number for each in inbox.named(session, desk["clerk"], "C-2026")] == [noted, mailed]
        assert inbox.named(session, desk["qe"], "C-2026") == []
    with desk.act() as session:
        colleague = a_person(session, "clerk")
        for number in (mailed, noted):
            complaint = desk.find(session, number)
            registration.register(
                session, complaint, an_entry(complaint_date=date(2026, 11, 16)), by=desk["mkt_sup"], at=desk.at,
                seen_version=complaint.version, context=CONTEXT,
            )  # fmt: skip
            complaint.owner_id = None  # it is not theirs any more
    assert (see(desk, mailed), see(desk, noted)) == (QUALITY | {"mkt_sup"}, QUALITY | {"mkt_sup", "staff"})
    assert (heard(desk, noted, "clerk"), waits(desk, "clerk")) == ([], [])
    with desk.make() as session:
        assert session.scalar(visible_to(colleague, select(Complaint.id))) is None


@pytest.mark.usefixtures("confidential")
def test_a_confidential_draft_that_is_no_complaint_can_be_brought_back_by_who_took_it_off(desk: Desk) -> None:
    with desk.act() as session:
        number = a_mailed_complaint(session).number
        complaint = find(session, number, desk["clerk"])
        off_board.take(
            session, complaint, NOT_COMPLAINT, reason="spam", by=desk["clerk"], at=desk.at, seen_version=1,
            context=CONTEXT,
        )  # fmt: skip
    with desk.act() as session:
        complaint = find(session, number, desk["clerk"])
        off_board.bring_back(session, complaint, by=desk["clerk"], at=desk.at, seen_version=2, context=CONTEXT)
    assert (desk.stage(number), see(desk, number)) == ("draft", REGISTRARS)


def test_a_draft_of_a_new_version_is_on_the_board_of_who_registers_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = replace(procedure.procedure(), confidential=True)
    monkeypatch.setattr(procedure, "_known", {**procedure._known, (rules.key, 1): rules})
    for version in (1, 2):
        procedure.use([replace(rules, version=version)])
        with desk.act() as session:
            a_mailed_complaint(session, message_id=f"<{version}@quellstrom.example>")
        with desk.make() as session:
            first = board.columns(session, desk["clerk"], procedure.procedure(), desk.at)[0]
            assert (first.head.total, len(first.cards)) == (version, version)


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


def test_whoever_is_to_carry_something_out_hears_of_it_by_bell_and_mail(desk: Desk) -> None:
    number = desk.to_action_plan()
    desk.write(number, "cause", "dept_head")
    for owner, what in (("dept", "Reset the counter"), ("staff", "Check the like")):
        desk.write(number, "plan", "dept_head", what=what, owner=str(desk[owner].id), due="2026-11-27")
    desk.sign(number, "plan_submitted", "dept_head")
    assert mailed(desk, "staff") == []  # nothing is approved yet
    desk.approve_plan(number)
    desk.move(number, "implementation", "mr")
    for owner in ("dept", "staff"):
        assert "A measure of the plan is yours to carry out" in heard(desk, number, owner)
        assert "A measure of the plan is yours to carry out" in mailed(desk, owner)
    with desk.make() as session:
        assert find(session, number, desk["staff"]).number == number
