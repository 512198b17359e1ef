"""The class of a complaint: a check list proposes a heavier one, somebody decides, and raising it stays possible."""

import pytest
from sqlalchemy import select

from complaints import classes, registration
from complaints.errors import NotAllowed
from complaints.procedure import procedure
from complaints.registration import Incomplete
from complaints.work import CLASSIFY, Waiting
from tests.desk import Desk, english


def ticked(desk: Desk, *signs: str) -> str:
    """A registered complaint whose handling form has these signs of a major one."""
    number = desk.registered()
    desk.write(number, "form", "sales", request="Find the cause", signs=list(signs))
    return number


def proposed(desk: Desk, number: str) -> tuple[str, list[str]] | None:
    """The class that is proposed, and what says so."""
    found = classes.proposed(desk.case(number))
    return (found.complaint_class, [f"{s.key}.{f.key} {value}" for s, f, value in found.because]) if found else None


def deciders(desk: Desk, number: str) -> set[str]:
    """The roles for which the class waits to be decided on."""
    with desk.make() as session:
        found = desk.find(session, number)
        rows = session.scalars(select(Waiting).where(Waiting.complaint_id == found.id, Waiting.kind == CLASSIFY))
        return {row.role for row in rows}


def test_any_tick_proposes_major_and_waits_for_the_marketing_supervisor_until_it_is_set(desk: Desk) -> None:
    number = ticked(desk)
    assert proposed(desk, number) is None
    desk.write(number, "form", "sales", signs=["media"])
    assert proposed(desk, number) == ("major", ["form.signs ['media']"])
    assert deciders(desk, number) == {"mkt_sup"}
    desk.classify(number, "major", "mkt_sup")
    assert proposed(desk, number) is None
    assert deciders(desk, number) == set()


def test_a_tick_that_is_taken_away_proposes_nothing_any_more(desk: Desk) -> None:
    number = ticked(desk, "loss", "media")
    desk.write(number, "form", "sales", signs=[""])
    assert proposed(desk, number) is None
    assert deciders(desk, number) == set()


def test_who_approves_the_form_of_a_general_complaint_saw_the_ticks_and_has_decided(desk: Desk) -> None:
    number = ticked(desk, "reaction")
    desk.sign(number, "form_issued", "sales")
    assert deciders(desk, number) == {"mkt_sup"}
    desk.sign(number, "form_approved", "mkt_sup")
    assert proposed(desk, number) is None
    desk.write(number, "form", "sales", signs=["reaction", "media"])  # voids the approval: to be decided on again
    assert deciders(desk, number) == {"mkt_sup"}


def test_what_is_closed_or_off_the_board_is_proposed_nothing(desk: Desk) -> None:
    number = ticked(desk, "media")
    with desk.act() as session:
        desk.find(session, number).stage = "closed"
    assert proposed(desk, number) is None


@pytest.mark.parametrize("role", ["mkt_sup", "mkt_vp", "clerk", "sales", "qe", "qa_head", "qa_mgr"])
def test_front_office_and_quality_raise_a_class_at_any_time(desk: Desk, role: str) -> None:
    number = desk.registered()
    desk.classify(number, "major", role)
    assert desk.case(number).complaint.complaint_class == "major"


@pytest.mark.parametrize("role", ["staff", "dept_head", "mr"])
def test_others_do_not(desk: Desk, role: str) -> None:
    number = desk.registered()
    with pytest.raises(NotAllowed):
        desk.classify(number, "major", role)


@pytest.mark.parametrize("role", ["qe", "clerk", "mkt_sup"])
def test_who_may_raise_a_class_may_not_lower_it(desk: Desk, role: str) -> None:
    number = desk.registered(complaint_class="major")
    with pytest.raises(Incomplete) as refused:
        desk.classify(number, "general", role, "no line stopped")
    (problem,) = refused.value.problems
    assert english(problem.sentence) == "Only Marketing vice general manager may lower the class"


def test_quality_may_change_the_class_and_nothing_else_of_the_entry_beside_order_details(desk: Desk) -> None:
    number = desk.registered()
    with desk.make() as session:
        found = desk.find(session, number)
        assert registration.writable(found, desk["qe"]) == registration.SUPPLEMENT | {"complaint_class"}
        assert registration.writable(found, desk["staff"]) == registration.SUPPLEMENT
    draft = desk.draft()
    with desk.make() as session:
        assert registration.writable(desk.find(session, draft), desk["qe"]) == registration.SUPPLEMENT


def test_classes_have_an_order_and_none_is_the_lightest() -> None:
    rules = procedure("postal")
    assert classes.heavier(rules, "complex", "simple")
    assert classes.heavier(rules, "simple", None)
    assert not classes.heavier(rules, "simple", "major")
    assert not classes.heavier(rules, "major", "major")
    assert not classes.heavier(rules, None, "simple")
