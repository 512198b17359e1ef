"""Who works on a complaint in which role: naming one of those who hold it, and handing over."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from complaints import assigning, turns, worklist
from complaints.assigning import NotAssigned, NothingToDo
from complaints.assignments import Assignment, Post
from complaints.complaint import find
from complaints.errors import NotAllowed, NotFound, StaleComplaint
from complaints.history import Change
from complaints.notices import Notice, sentence
from complaints.outbox import Outgoing
from complaints.people import User
from tests.complaints.test_turns import TODAY, finders, leaves, loses, newcomer
from tests.desk import CONTEXT, Desk, english


def name(
    desk: Desk, number: str, post: Post, to: str, by: str, reason: str = "", *, hand_over: bool = False, **changes: Any
) -> None:
    with desk.act() as session:
        complaint = find(session, number, desk[by])
        told = {"seen_version": complaint.version} | changes
        assigning.assign(
            session, complaint, post, desk[to].id, reason=reason, hand_over=hand_over, by=desk[by], at=desk.at,
            context=CONTEXT, **told,
        )  # fmt: skip


def owner(desk: Desk, number: str) -> str:
    with desk.make() as session:
        owned = desk.find(session, number).owner_id
        return next((who for who, actor in desk.people.items() if actor.id == owned), "")


def bells(desk: Desk, who: str) -> list[str]:
    with desk.make() as session:
        mine = session.scalars(select(Notice).where(Notice.user_id == desk[who].id).order_by(Notice.id))
        return [english(sentence(each.event, each.values)) for each in mine]


def positions(desk: Desk, number: str, by: str) -> dict[Post, assigning.Position]:
    with desk.make() as session:
        found = assigning.positions(session, desk.find(session, number), by=desk[by], today=TODAY)
        return {each.post: each for each in found}


@pytest.fixture
def second(desk: Desk) -> Callable[[str], None]:
    """A second person of a role."""

    def hired(role: str) -> None:
        newcomer(desk, f"second {role}", role, department=desk.department if role.startswith("dept") else None)

    return hired


@pytest.mark.requirement("S79")
def test_work_of_a_role_waits_for_whoever_is_named_and_the_card_is_theirs(
    desk: Desk, second: Callable[[str], None]
) -> None:
    second("sales")
    number = desk.to_verification()
    desk.verify(number)
    assert owner(desk, number) == ""
    assert finders(desk, number, "contacts") >= {"sales", "second sales"}
    name(desk, number, Post("sales"), "second sales", "mkt_sup", "Ines knows her")
    assert owner(desk, number) == "second sales"
    assert finders(desk, number, "contacts") == {"second sales"}
    assert bells(desk, "second sales")[-1] == "mkt_sup named you: Salesperson (Ines knows her)"
    with desk.make() as session:
        mail = session.scalars(select(Outgoing).order_by(Outgoing.id.desc())).first()
        assert mail is not None
        assert mail.recipient == session.get_one(User, desk["second sales"].id).email
        (change,) = session.scalars(select(Change).where(Change.act == "assigned"))
        assert change.values == {"role": "sales", "to": "second sales", "remark": "Ines knows her"}


def test_notices_of_a_role_reach_whoever_is_named(desk: Desk, second: Callable[[str], None]) -> None:
    second("qa_head")
    number = desk.registered()
    desk.write(number, "first_review", "mkt_sup")
    desk.write(number, "form", "sales")
    name(desk, number, Post("qa_head"), "second qa_head", "qa_head")
    desk.sign(number, "form_issued", "sales")
    desk.sign(number, "form_approved", "mkt_sup")
    assert "A handling form waits for receipt" in bells(desk, "second qa_head")
    assert "A handling form waits for receipt" not in bells(desk, "qa_head")
    assert finders(desk, number, "receipt") == {"second qa_head"}


def test_when_whoever_is_named_leaves_or_loses_the_role_all_of_the_role_have_it_again(
    desk: Desk, second: Callable[[str], None]
) -> None:
    second("sales")
    number = desk.to_customer_reply()
    name(desk, number, Post("sales"), "second sales", "sales")
    leaves(desk, "second sales")
    assert finders(desk, number, "contacts") >= {"sales"}
    assert positions(desk, number, "sales")[Post("sales")].present == desk["sales"].id
    second("sales")
    desk.contact(number, "reminded")
    assert owner(desk, number) == ""


def test_a_department_gives_it_to_one_of_its_members(desk: Desk, second: Callable[[str], None]) -> None:
    number = desk.to_action_plan()
    post = Post("dept_head", desk.department)
    assert owner(desk, number) == "dept_head"
    assert finders(desk, number, "cause") == {"dept_head"}
    name(desk, number, post, "dept", "dept_head", "It is your lathe", hand_over=True)
    assert owner(desk, number) == "dept"
    assert finders(desk, number, "cause") == {"dept"}
    with desk.make() as session:
        (row,) = session.scalars(select(Assignment))
        assert (row.role, row.department_id, row.from_id) == ("dept", desk.department, desk["dept_head"].id)
    loses(desk, "dept", "dept")
    newcomer(desk, "a member", "dept", department=desk.department)
    assert finders(desk, number, "cause") == {"a member"}


def test_what_only_the_head_may_do_stays_with_the_head(desk: Desk) -> None:
    number = desk.to_action_plan()
    name(desk, number, Post("dept_head", desk.department), "dept", "dept_head", "yours", hand_over=True)
    case = desk.case(number)
    assert case.named_in(desk.department) == ("dept", desk["dept"].id)
    (task,) = turns._for(case, "write", "x", ("dept_head",))
    assert (task.role, task.user_id, task.department_id) == ("dept_head", None, desk.department)


@pytest.mark.requirement("S79", "S207")
def test_who_hands_over_says_why_and_follows_it_until_it_is_closed(desk: Desk, second: Callable[[str], None]) -> None:
    second("sales")
    number = desk.to_customer_reply()
    name(desk, number, Post("sales"), "sales", "sales")
    with pytest.raises(NotAssigned) as refused:
        name(desk, number, Post("sales"), "second sales", "sales", " ", hand_over=True)
    assert [english(each.sentence) for each in refused.value.problems] == ["Please say why you hand it over"]
    name(desk, number, Post("sales"), "second sales", "sales", "I am away", hand_over=True)
    assert bells(desk, "second sales")[-1] == "sales handed it over to you: Salesperson (I am away)"
    with desk.make() as session:
        (followed,) = assigning.followed(session, desk["sales"])
        assert (followed.number, followed.to, followed.place.en) == (number, "second sales", "Customer reply")
        assert assigning.followed(session, desk["second sales"]) == []
    desk.contact(number, "result_told")
    desk.write(number, "answer", "sales")
    desk.move(number, "closed", "clerk")
    with desk.make() as session:
        assert assigning.followed(session, desk["sales"]) == []


def test_the_one_before_hears_that_somebody_else_was_named(desk: Desk, second: Callable[[str], None]) -> None:
    second("sales")
    number = desk.to_customer_reply()
    name(desk, number, Post("sales"), "sales", "mkt_sup")
    name(desk, number, Post("sales"), "second sales", "mkt_sup")
    assert bells(desk, "sales")[-1] == "mkt_sup named second sales in your place: Salesperson"


def test_the_investigator_stands_in_the_record_and_hands_over_there(desk: Desk, second: Callable[[str], None]) -> None:
    second("qe")
    number = desk.to_investigation()
    post = Post("qe")
    assert not positions(desk, number, "mkt_sup")[post].may_name
    assert not positions(desk, number, "second qe")[post].may_hand_over
    assert positions(desk, number, "qa_head")[post].may_name
    name(desk, number, post, "second qe", "qe", "on holiday", hand_over=True)
    case = desk.case(number)
    assert case.investigator == case.value("assignment.qe") == desk["second qe"].id
    assert owner(desk, number) == "second qe"
    with desk.make() as session:
        assert [each.number for each in assigning.followed(session, desk["qe"])] == [number]
    desk.write(number, "assignment", "qa_head", qe=str(desk["qe"].id))
    assert desk.case(number).named("qe") == desk["qe"].id
    assert owner(desk, number) == "qe"


def test_only_who_holds_the_role_their_superior_and_the_supervisors_may_name(
    desk: Desk, second: Callable[[str], None]
) -> None:
    second("sales")
    number = desk.to_customer_reply()
    for by in ("qe", "clerk"):
        with pytest.raises(NotAllowed):
            name(desk, number, Post("sales"), "sales", by)
    with desk.act() as session:
        session.get_one(User, desk["sales"].id).superior_id = desk["qe"].id
    name(desk, number, Post("sales"), "second sales", "qe")
    assert owner(desk, number) == "second sales"
    with pytest.raises(NotAllowed):
        name(desk, number, Post("sales"), "sales", "mkt_sup", "mine", hand_over=True)


def test_naming_gives_no_role_to_who_has_none(desk: Desk) -> None:
    number = desk.to_customer_reply()
    for to in ("qe", "staff"):
        with pytest.raises(NotAssigned) as refused:
            name(desk, number, Post("sales"), to, "mkt_sup")
        assert english(refused.value.problems[0].sentence) == "Choose somebody who holds this role today"
    with pytest.raises(NotFound):
        name(desk, number, Post("inspector"), "qe", "mkt_sup")


def test_two_at_once_and_what_is_closed_are_refused(desk: Desk, second: Callable[[str], None]) -> None:
    second("sales")
    number = desk.to_customer_reply()
    with pytest.raises(StaleComplaint):
        name(desk, number, Post("sales"), "second sales", "sales", seen_version=1)
    desk.contact(number, "result_told")
    desk.write(number, "answer", "sales")
    desk.move(number, "closed", "clerk")
    with pytest.raises(NothingToDo):
        name(desk, number, Post("sales"), "second sales", "sales")
    assert positions(desk, number, "sales") == {}


def test_whoever_is_named_may_see_it_and_finds_it_in_my_work(desk: Desk, second: Callable[[str], None]) -> None:
    second("mr")
    number = desk.to_action_plan()
    desk.plan(number)
    desk.sign(number, "plan_review", "qe")
    desk.sign(number, "plan_audit", "qa_mgr")
    name(desk, number, Post("mr"), "second mr", "mr")
    with desk.make() as session:
        assert find(session, number, desk["second mr"]).number == number
        assert worklist.count(session, desk["second mr"], TODAY) == 1
