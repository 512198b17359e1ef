"""What a person keeps of the board's looks: folds, density, the procedure, and views by name."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from complaints import procedure as procedures
from complaints.database import transaction
from complaints.errors import Name
from complaints.people import User
from complaints.views import SavedView
from tests.builders import a_person
from tests.webapp.boards import HTMX, head, on_the_board
from tests.webapp.conftest import Browser, on_both_databases

HERE = "procedure=manufacturing"
"""Where there are several procedures, an address says which one it shows."""


@pytest.fixture
def postal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second procedure, with classes of its own."""
    first = procedures.procedure()
    other = replace(
        first, key="parcels", name=Name("Customer complaints, post", "客户投诉（邮政）"),
        classes={"parcel": Name("Parcel", "包裹"), "major": first.classes["major"]},
    )  # fmt: skip
    known = {(each.key, each.version): each for each in (first, other)}
    monkeypatch.setattr(procedures, "_known", known)


# Folds and density


@on_both_databases
def test_any_column_folds_and_stays_folded_in_every_browser_of_the_person(
    desk: FlaskClient, make: Any, clerk: Any, browser_of: Browser
) -> None:
    on_the_board(make)
    part = desk.post("/me/folds", data={"fold": "registered"}, headers=HTMX).text
    assert part.startswith('<li class="col col--rail" id="col-registered"')
    assert desk.post("/me/folds", data={"unfold": "closed"}).status_code == 303
    page = browser_of(clerk).get("/board").text
    assert "C-2026-0001" not in page
    assert "1 complaint" in head(page, "registered")
    assert re.search(r'<li class="col" id="col-closed"', page)
    with transaction(make) as session:
        other = a_person(session, "clerk")
    assert "C-2026-0001" in browser_of(other).get("/board").text


def test_a_rail_tells_how_many_are_overdue(desk: FlaskClient, make: Any) -> None:
    on_the_board(make, sort_due_at=on_the_board(make).received_at)
    desk.post("/me/folds", data={"fold": "registered"})
    assert "1 overdue" in head(desk.get("/board").text, "registered")


def test_unfolding_a_filtered_board_brings_what_the_filter_shows(desk: FlaskClient, make: Any) -> None:
    on_the_board(make, product="HX-210")
    on_the_board(make, product="BR-88")
    desk.post("/me/folds", data={"fold": "registered"})
    part = desk.post("/me/folds?product=hx", data={"unfold": "registered"}, headers=HTMX).text
    assert "C-2026-0001" in part
    assert "C-2026-0002" not in part


@pytest.mark.parametrize("data", [{}, {"fold": "nowhere"}, {"unfold": ""}])
def test_a_column_that_is_none_does_not_fold(desk: FlaskClient, data: dict[str, str]) -> None:
    assert desk.post("/me/folds", data=data).status_code == 422


def test_one_preference_leaves_the_others(desk: FlaskClient, make: Any, clerk: Any) -> None:
    desk.post("/me/density", data={"density": "compact"})
    desk.post("/me/folds", data={"fold": "draft"})
    desk.post("/me/folds", data={"fold": "registered"})
    with make() as session:
        kept = session.get_one(User, clerk.id).preferences
    assert kept == {"density": "compact", "columns": {"manufacturing": {"draft": True, "registered": True}}}


# The procedure


def test_one_procedure_needs_no_switch(desk: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    first = procedures.procedure()
    monkeypatch.setattr(procedures, "_known", {(first.key, first.version): first})
    assert "procedure-menu" not in desk.get("/board").text


def test_the_switch_leads_to_the_other_board_and_is_remembered(postal: None, desk: FlaskClient, make: Any) -> None:
    on_the_board(make)
    on_the_board(make, procedure="parcels")
    page = desk.get("/board").text
    assert "C-2026-0001" in page
    assert "C-2026-0002" not in page
    assert "Customer complaints, post" in page
    answer = desk.post("/me/procedure", data={"procedure": "parcels"})
    assert (answer.status_code, answer.location) == (303, "/board?procedure=parcels")
    page = desk.get("/board").text
    assert "C-2026-0002" in page
    assert "C-2026-0001" not in page
    assert "C-2026-0001" in desk.get("/board?procedure=manufacturing").text
    assert desk.post("/me/procedure", data={"procedure": "nonsense"}).status_code == 422


def test_every_address_of_a_board_keeps_its_procedure(postal: None, desk: FlaskClient, make: Any) -> None:
    for _ in range(22):
        on_the_board(make, procedure="parcels", complaint_class="parcel")
    page = unescape(desk.get("/board?procedure=parcels&class=parcel").text)
    assert 'data-query="&class=parcel&procedure=parcels"' in page
    more = re.search(r'hx-get="(/board/more[^"]+)"', page)
    assert more
    assert "procedure=parcels" in more[1]
    assert "C-2026-0022" in desk.get(more[1]).text
    assert '<input type="hidden" name="procedure" value="parcels">' in page
    assert "/me/folds?class=parcel&procedure=parcels" in page


def test_an_unknown_procedure_is_the_default_and_classes_belong_to_theirs(
    postal: None, desk: FlaskClient, make: Any
) -> None:
    on_the_board(make)
    assert "C-2026-0001" in desk.get("/board?procedure=nonsense").text
    assert "C-2026-0001" in desk.get("/board?procedure=manufacturing&class=parcel").text  # no class of this one
    assert 'data-query="&amp;procedure=manufacturing"' in desk.get("/board?class=parcel").text


def test_folds_are_kept_for_each_procedure(postal: None, desk: FlaskClient, make: Any) -> None:
    desk.post("/me/folds?procedure=parcels", data={"fold": "draft"})
    assert 'class="col col--rail" id="col-draft"' in desk.get("/board?procedure=parcels").text
    assert 'class="col" id="col-draft"' in desk.get("/board?procedure=manufacturing").text


# Views


def saved(desk: FlaskClient) -> list[tuple[str, str]]:
    """The person's views: name and address."""
    page = desk.get("/board").text
    menu = page[page.index('id="views-menu"') :]
    links = re.findall(r'<a class="menu__i" href="/board\??([^"]*)"[^>]*>([^<]*)</a>', menu)
    return [(unescape(name), unescape(query)) for query, name in links]


@on_both_databases
def test_filters_are_kept_under_a_name_and_the_same_name_again_replaces_them(desk: FlaskClient) -> None:
    answer = desk.post("/me/views", data={"name": " My  majors ", "query": "&class=major&mine=1"})
    assert (answer.status_code, answer.location) == (303, f"/board?mine=1&class=major&{HERE}")
    desk.post("/me/views", data={"name": "Overdue 超期", "query": "overdue=1"})
    assert saved(desk) == [("My majors", f"mine=1&class=major&{HERE}"), ("Overdue 超期", f"overdue=1&{HERE}")]
    desk.post("/me/views", data={"name": "My majors", "query": "class=major"})
    assert saved(desk) == [("My majors", f"class=major&{HERE}"), ("Overdue 超期", f"overdue=1&{HERE}")]
    assert 'aria-current="true">My majors' in desk.get("/board?class=major").text


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ('"><script>alert(1)</script>', ""),
        ("next=//evil.example&class=nonsense&mine=2", ""),
        ("q=%22%3E%3Cimg&x=1", "q=%22%3E%3Cimg"),
        ("q=密封", "q=%E5%AF%86%E5%B0%81"),
        ("select=1&overdue=1", "overdue=1"),
        ("&".join(f"a{n}=1" for n in range(40)) + "&mine=1", "mine=1"),
    ],
)
def test_only_what_the_board_understands_is_kept_of_an_address(desk: FlaskClient, query: str, kept: str) -> None:
    address = f"{kept}&{HERE}" if kept else HERE
    assert desk.post("/me/views", data={"name": "x", "query": query}).location == f"/board?{address}"
    assert saved(desk) == [("x", address)]


@pytest.mark.parametrize(
    "data",
    [{}, {"name": "  "}, {"name": "x" * 61}, {"name": "x", "query": "q=" + "密" * 99}],
)  # fmt: skip
def test_a_view_without_a_name_or_too_long_is_refused_with_a_sentence(desk: FlaskClient, data: dict[str, str]) -> None:
    answer = desk.post("/me/views", data=data)
    assert answer.status_code == 422
    assert "is not valid" in answer.text
    assert saved(desk) == []


def test_a_person_has_at_most_thirty_views(desk: FlaskClient) -> None:
    for n in range(30):
        assert desk.post("/me/views", data={"name": f"view {n}"}).status_code == 303
    assert "30 views already" in desk.post("/me/views", data={"name": "one more"}).text
    assert desk.post("/me/views", data={"name": "view 7", "query": "mine=1"}).status_code == 303
    assert len(saved(desk)) == 30


def test_a_view_is_its_owners_alone(desk: FlaskClient, make: Any, browser_of: Browser) -> None:
    desk.post("/me/views", data={"name": "mine", "query": "mine=1"})
    with transaction(make) as session:
        colleague = a_person(session, "clerk")
    other = browser_of(colleague)
    assert saved(other) == []
    assert other.post("/me/views/1/delete").status_code == 404
    assert desk.post("/me/views/9/delete").status_code == 404
    assert desk.post("/me/views/1/delete").location == "/board"
    assert saved(desk) == []


def test_a_hostile_name_of_a_view_is_text(desk: FlaskClient, make: Any) -> None:
    desk.post("/me/views", data={"name": '"><script>alert(1)</script>'})
    assert "<script>alert" not in desk.get("/board").text
    with make() as session:
        assert session.get_one(SavedView, 1).name == '"><script>alert(1)</script>'
