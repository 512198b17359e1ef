"""Whom work reaches when those whose turn it is may not do it, or are not there: nobody finds what a guard would
refuse, and somebody who may do it finds it."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from complaints import guards, worklist
from complaints.notices import Notice
from complaints.people import Grant, User, as_actor
from complaints.work import SIGN
from tests.builders import MONDAY, a_department, a_person
from tests.complaints.test_worklist import statements
from tests.desk import Desk

TODAY = MONDAY.date()


def newcomer(desk: Desk, name: str, *roles: str, department: int | None = None) -> None:
    """A further person at the desk."""
    with desk.act() as session:
        someone = a_person(session, name=name)
        grants = [(role, department) for role in roles]
        session.add_all(
            Grant(user_id=someone.id, role=role, department_id=of, since=date(2020, 1, 1)) for role, of in grants
        )
        desk.people[name] = as_actor(session.get_one(User, someone.id), grants)


def leaves(desk: Desk, name: str) -> None:
    with desk.act() as session:
        session.execute(update(User).where(User.id == desk[name].id).values(left_at=desk.at))


def loses(desk: Desk, name: str, role: str) -> None:
    """Somebody gives a role up at the end of the day before."""
    with desk.act() as session:
        held = Grant.user_id == desk[name].id, Grant.role == role
        session.execute(update(Grant).where(*held).values(until=TODAY - timedelta(days=1)))
    desk.people[name] = as_actor(User(id=desk[name].id, name=name, locale="en"), [])


def finders(desk: Desk, number: str, key: str) -> set[str]:
    """Who finds a task among their work."""
    with desk.make() as session:
        return {
            name
            for name, actor in desk.people.items()
            for group in worklist.groups(session, actor, TODAY)
            for item in group.items
            if (item.card.number, item.key) == (number, key)
        }


def signers(desk: Desk, number: str, key: str) -> set[str]:
    """Whom the guard lets sign."""
    case = desk.case(number)
    rule = case.rules.signature(key)
    assert rule is not None
    return {name for name, actor in desk.people.items() if not guards.against_signature(case, rule, actor)}


def nobodys(desk: Desk, role: str = "clerk") -> list[tuple[str, str]]:
    with desk.make() as session:
        found = worklist.nobodys(session, desk[role], TODAY)[0]
        return [(each.card.number, each.gone.name if each.gone else "") for each in found]


def told(desk: Desk, number: str, name: str) -> list[str]:
    with desk.make() as session:
        complaint = desk.find(session, number)
        mine = Notice.complaint_id == complaint.id, Notice.user_id == desk[name].id
        return [each.values["name"]["en"] for each in session.scalars(select(Notice).where(*mine).order_by(Notice.id))]


def planned_by_the_engineer(desk: Desk) -> str:
    """A plan that waits for review, in which the QE who is named wrote."""
    number = desk.to_action_plan()
    desk.write(number, "cause", "dept_head")
    desk.write(number, "plan", "qe", what="Reset counter", owner=str(desk["dept"].id), due="2026-11-20")
    desk.sign(number, "plan_submitted", "dept_head")
    return number


def carried_out_by_quality(desk: Desk) -> str:
    """A verification that waits for its signature, of measures that quality itself carried out."""
    newcomer(desk, "qa chief", "dept_head", department=desk.qa)
    chief = desk["qa chief"].id
    number = desk.to_investigation()
    desk.write(number, "qe_entry", "qe")
    desk.write(number, "finding", "qe", text="Our gauge", responsibility="ours", departments=str(desk.qa))
    desk.move(number, "action_plan", "qe")
    desk.write(number, "cause", "qa chief")
    desk.write(number, "plan", "qa chief", what="Calibrate", owner=str(chief), due="2026-11-20")
    desk.sign(number, "plan_submitted", "qa chief")
    desk.approve_plan(number)
    desk.move(number, "implementation", "mr")
    desk.sign(number, "taken_over", "qa chief")
    desk.write(number, "implementation", "qa chief")
    desk.write(number, "completion", "qa chief")
    desk.contact(number, "measures_told")
    desk.move(number, "verification", "qa chief")
    desk.write(number, "verification", "qe")
    return number


# Own work


def test_a_review_of_ones_own_plan_waits_for_a_colleague_who_is_told(desk: Desk) -> None:
    newcomer(desk, "colleague", "qe", department=desk.qa)
    number = planned_by_the_engineer(desk)
    assert finders(desk, number, "plan_review") == signers(desk, number, "plan_review") == {"colleague"}
    assert "A plan waits for review" in told(desk, number, "colleague")
    assert "A plan waits for review" not in told(desk, number, "qe")


def test_what_nobody_may_review_is_nobodys_work_until_there_is_somebody(desk: Desk) -> None:
    number = planned_by_the_engineer(desk)
    assert finders(desk, number, "plan_review") == set()
    assert nobodys(desk) == nobodys(desk, "qa_head") == [(number, "")]
    newcomer(desk, "colleague", "qe")
    assert finders(desk, number, "plan_review") == {"colleague"}
    assert nobodys(desk) == []


def test_a_review_waits_for_the_one_who_is_named_and_for_no_colleague(desk: Desk) -> None:
    newcomer(desk, "colleague", "qe", department=desk.qa)
    number = desk.to_action_plan()
    desk.plan(number)
    assert finders(desk, number, "plan_review") == {"qe"}
    assert "A plan waits for review" in told(desk, number, "qe")
    assert "A plan waits for review" not in told(desk, number, "colleague")


def test_where_quality_itself_carried_out_the_measures_its_verification_waits_for_somebody_else(desk: Desk) -> None:
    number = carried_out_by_quality(desk)
    assert finders(desk, number, "verified") == signers(desk, number, "verified") == {"mr"}
    desk.sign(number, "verified", "mr")
    assert finders(desk, number, "verified") == set()


def test_an_engineer_of_another_department_verifies_before_the_management_does(desk: Desk) -> None:
    number = carried_out_by_quality(desk)
    newcomer(desk, "visitor", "qe", department=desk.department)
    assert finders(desk, number, "verified") == {"visitor"}
    assert signers(desk, number, "verified") == {"visitor", "mr"}


def test_a_form_that_the_supervisor_wrote_waits_for_the_vice_general_manager_who_is_told(desk: Desk) -> None:
    number = desk.registered()
    desk.write(number, "first_review", "mkt_sup")
    desk.write(number, "form", "mkt_sup")
    desk.sign(number, "form_issued", "sales")
    assert finders(desk, number, "form_approved") == signers(desk, number, "form_approved") == {"mkt_vp"}
    assert "A handling form waits for approval" in told(desk, number, "mkt_vp")
    assert "A handling form waits for approval" not in told(desk, number, "mkt_sup")


def test_while_one_supervisor_may_approve_the_vice_general_manager_finds_nothing(desk: Desk) -> None:
    newcomer(desk, "second", "mkt_sup")
    number = desk.registered()
    desk.write(number, "form", "mkt_sup")
    desk.sign(number, "form_issued", "sales")
    assert finders(desk, number, "form_approved") == {"second"}
    leaves(desk, "second")
    del desk.people["second"]
    assert finders(desk, number, "form_approved") == {"mkt_vp"}


@pytest.mark.parametrize("number_of", [1, 12])
def test_who_comes_next_is_asked_in_one_question_however_much_waits(desk: Desk, number_of: int) -> None:
    for _ in range(number_of):
        number = desk.registered()
        desk.write(number, "form", "mkt_sup")
        desk.sign(number, "form_issued", "sales")
    with desk.make() as session:
        assert len(statements(session, lambda: worklist.count(session, desk["mkt_vp"], TODAY))) == 1
        assert len(statements(session, lambda: worklist.groups(session, desk["mkt_vp"], TODAY))) <= 3
        (group,) = worklist.groups(session, desk["mkt_vp"], TODAY)
        assert ({item.kind for item in group.items}, group.total) == ({SIGN}, number_of)


# Not there


def test_what_waits_for_an_engineer_who_has_left_is_the_queues_and_a_fault(desk: Desk) -> None:
    newcomer(desk, "colleague", "qe", department=desk.qa)
    number = desk.to_investigation()
    assert (finders(desk, number, "qe_entry"), nobodys(desk)) == ({"qe"}, [])
    leaves(desk, "qe")
    del desk.people["qe"]
    assert finders(desk, number, "qe_entry") == {"colleague"}
    assert nobodys(desk) == nobodys(desk, "qa_head") == [(number, "qe")]
    with desk.act() as session:
        session.execute(update(User).where(User.name == "colleague").values(left_at=desk.at))
    assert nobodys(desk) == [(number, "qe")]


def test_a_plan_that_waits_for_an_engineer_who_has_left_is_a_fault_though_the_complaint_has_an_owner(
    desk: Desk,
) -> None:
    newcomer(desk, "colleague", "qe", department=desk.qa)
    number = desk.to_action_plan()
    leaves(desk, "qe")
    del desk.people["qe"]
    desk.plan(number)
    assert finders(desk, number, "plan_review") == {"colleague"}
    assert "A plan waits for review" in told(desk, number, "colleague")
    assert nobodys(desk) == [(number, "qe")]


def test_who_lost_the_role_finds_nothing_that_only_the_role_may_do(desk: Desk) -> None:
    newcomer(desk, "colleague", "qe", department=desk.qa)
    number = desk.to_investigation()
    loses(desk, "qe", "qe")
    assert finders(desk, number, "qe_entry") == {"colleague"}
    assert nobodys(desk) == [(number, "qe")]
    with desk.act() as session:
        session.add(Grant(user_id=desk["colleague"].id, role="staff", since=TODAY, until=TODAY))
    assert nobodys(desk) == [(number, "qe")]


def test_a_measure_of_somebody_who_has_left_is_a_fault(desk: Desk) -> None:
    number = desk.to_implementation()
    assert nobodys(desk) == []
    leaves(desk, "dept")
    assert nobodys(desk) == [(number, "dept")]


# A department without a head


def test_the_members_of_a_department_that_nobody_heads_find_its_work(desk: Desk) -> None:
    with desk.act() as session:
        assembly = a_department(session, "assembly", "Assembly", "装配").id
    newcomer(desk, "fitter", "dept", department=assembly)
    number = desk.to_investigation()
    desk.write(number, "qe_entry", "qe")
    desk.write(number, "finding", "qe", text="Bolts", responsibility="ours", departments=str(assembly))
    desk.move(number, "action_plan", "qe")
    assert finders(desk, number, "cause") == {"fitter"}
    desk.write(number, "cause", "fitter")
    newcomer(desk, "foreman", "dept_head", department=assembly)
    assert finders(desk, number, "plan") == {"foreman"}


def test_each_department_waits_for_its_own_head_or_its_own_members(desk: Desk) -> None:
    with desk.act() as session:
        assembly = a_department(session, "assembly", "Assembly", "装配").id
    newcomer(desk, "fitter", "dept", department=assembly)
    number = desk.to_investigation()
    desk.write(number, "qe_entry", "qe")
    both = [str(desk.department), str(assembly)]
    desk.write(number, "finding", "qe", text="Bolts", responsibility="ours", departments=both)
    desk.move(number, "action_plan", "qe")
    assert finders(desk, number, "cause") == {"dept_head", "fitter"}
