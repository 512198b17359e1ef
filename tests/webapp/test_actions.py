"""The list of open actions, the tasks of a complaint and what the customer was told, as their pages show them."""

import re
from html import unescape

import pytest
import time_machine
from sqlalchemy.orm import Session, sessionmaker

from complaints.database import transaction
from tests.builders import written
from tests.desk import Desk
from tests.webapp.conftest import Browser, on_both_databases


@pytest.fixture
def desk(make: sessionmaker[Session], clock: time_machine.Traveller) -> Desk:
    return Desk(make)


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.requirement("S61")
@on_both_databases
def test_each_action_leads_to_its_record_and_says_how_far_it_is(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_implementation()
    desk.write(number, "checks", "qe", on="2026-11-15", result="Two of five <lathes>")
    page = browser_of(desk["qa_head"]).get("/actions").text
    assert f'href="/complaints/{number}#f-plan"' in page
    row = words(page[page.index('class="workrows"') :])
    assert f"{number} Plan: Reset counter checked" in row
    assert ": Two of five <lathes> not verified yet dept , Machining due" in row
    assert "Nothing is to be carried out here." in words(browser_of(desk["sales"]).get("/actions?mine=1").text)


@pytest.mark.parametrize(
    ("asked", "status"),
    [("after=x", 422), ("department=x", 200), ("department=99999999999", 200), ("mine=2&overdue=1", 200)],
)
def test_any_question_gets_an_answer(desk: Desk, browser_of: Browser, asked: str, status: int) -> None:
    assert browser_of(desk["qe"]).get(f"/actions?{asked}").status_code == status


@on_both_databases
def test_a_long_list_has_a_link_to_more_that_keeps_the_filters(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_action_plan()
    for _ in range(51):
        desk.write(number, "plan", "dept_head", what="x", owner=str(desk["dept"].id), due="2026-11-10")
    browser = browser_of(desk["dept"])
    page = unescape(browser.get("/actions?mine=1&overdue=1").text)
    link = re.search(r'href="(/actions\?mine=1&overdue=1&after=[^"]+)"', page)
    assert link
    rest = browser.get(link[1]).text
    assert rest.count('class="workrow"') == 1
    assert "overdue since" in words(rest)


def test_the_tasks_of_a_complaint_stand_beside_it(desk: Desk, browser_of: Browser) -> None:
    number = desk.to_action_plan()
    for what, due in (("soon", "2026-11-20"), ("late", "2026-11-10")):
        desk.write(number, "plan", "dept_head", what=what, owner=str(desk["dept"].id), due=due)
    page = browser_of(desk["qe"]).get(f"/complaints/{number}").text
    shown = words(page[page.index('id="tasks"') : page.index('id="people"')])
    assert re.search(r"Tasks 2 All open actions late overdue since .*, dept soon due .*, dept", shown)


def test_a_task_without_words_of_its_own_is_called_as_its_record(desk: Desk, browser_of: Browser) -> None:
    number = desk.draft(procedure_key="medical")
    with transaction(desk.make) as session:
        found = desk.find(session, number)
        written(session, found, "injury", serious="yes")
        written(session, found, "evaluation", evaluator=desk["qe"].id, due="2026-11-10")
    page = browser_of(desk["qe"]).get(f"/complaints/{number}").text
    shown = words(page[page.index('id="tasks"') : page.index('id="people"')])
    assert "All open actions Evaluation of the adverse event overdue since" in shown
    assert "Evaluation of the adverse event no check yet" in words(browser_of(desk["qe"]).get("/actions").text)


@pytest.mark.requirement("S78")
@on_both_databases
def test_what_the_customer_was_told_is_marked_when_it_has_passed(
    desk: Desk, browser_of: Browser, clock: time_machine.Traveller
) -> None:
    number = desk.registered()
    browser = browser_of(desk["sales"])
    assert "Told to the customer: done by nothing yet" in words(browser.get(f"/complaints/{number}").text)
    desk.write(
        number, "contacts", "sales", kind="progress_told", on="2026-11-16", way="phone", text="x",
        expected_on="2026-11-10",
    )  # fmt: skip
    assert "This day has passed" in words(browser.get(f"/complaints/{number}").text)
