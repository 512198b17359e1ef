"""The page of search, as it is shown and as it is typed into."""

import pytest
import time_machine
from sqlalchemy.orm import Session, sessionmaker

from complaints import search_index
from tests.desk import CONTEXT, Desk
from tests.webapp.conftest import Browser, on_both_databases


@pytest.fixture
def desk(make: sessionmaker[Session], clock: time_machine.Traveller) -> Desk:
    return Desk(make)


@on_both_databases
def test_hits_are_marked_and_nothing_written_is_markup(desk: Desk, browser_of: Browser) -> None:
    number = desk.draft(subject="<b>Leaking</b> seal", content="the <script>leak</script> grows")
    search_index.catch_up(desk.make, desk.at, CONTEXT)
    page = browser_of(desk["qe"]).get("/search?q=leaks").text
    assert "<title>Search" in page
    assert f'href="/complaints/{number}"' in page
    assert "&lt;b&gt;<mark>Leaking</mark>&lt;/b&gt;" in page
    assert "&lt;script&gt;<mark>leak</mark>" in page
    part = browser_of(desk["qe"]).get("/search?q=leaks", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<section id="search-found"')
    assert number in part


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ("", 200, "Type a number"),
        ("q=zzzz", 200, "Nothing that you may see says this."),
        ("q=%22%22", 200, "There is no word in this"),
        ("q=%27%22*", 200, "There is no word in this"),
        ("q=" + "x" * 5_000, 200, "Only the beginning"),
        ("q=colour:red", 200, "There is no filter"),
        ("q=x&before=y", 422, "whole number"),
        ("q=x&before=99999999999", 422, "whole number"),
    ],
)
def test_any_question_gets_an_answer(desk: Desk, browser_of: Browser, asked: str, status: int, says: str) -> None:
    answer = browser_of(desk["qe"]).get(f"/search?{asked}")
    assert answer.status_code == status
    assert says in answer.text


def test_who_may_see_nothing_learns_nothing(desk: Desk, browser_of: Browser) -> None:
    number = desk.draft(subject="Secret seal", customer_id=1)
    search_index.catch_up(desk.make, desk.at, CONTEXT)
    for typed in ("seal", number, "Quellstrom", "Quelstrom"):
        page = browser_of(desk["staff"]).get(f"/search?q={typed}").text
        assert "Nothing that you may see says this." in page
        assert "Secret" not in page
        assert "Did you mean" not in page


def test_the_index_is_made_and_looked_at_from_the_command_line(desk: Desk, browser_of: Browser) -> None:
    desk.draft(subject="Seal")
    runner = browser_of(desk["qe"]).application.test_cli_runner()
    assert runner.invoke(args=["search", "check"]).exit_code == 1
    assert "1 complaints are in the index." in runner.invoke(args=["search", "rebuild"]).output
    assert runner.invoke(args=["search", "check"]).exit_code == 0
