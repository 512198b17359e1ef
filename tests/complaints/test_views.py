"""Saved views and preferences: what a person keeps, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from complaints import people, views
from complaints.database import transaction
from complaints.errors import BadInput, NotFound
from complaints.people import Actor, User
from complaints.views import MOST, TooManyViews
from tests.builders import MONDAY, a_person, at_once


@pytest.fixture
def mara(make: sessionmaker[Session]) -> Actor:
    with transaction(make) as session:
        return a_person(session, "clerk")


def save(make: sessionmaker[Session], name: str, query: str, by: Actor) -> None:
    with transaction(make) as session:
        views.save(session, name, query, by=by, at=MONDAY)


def test_views_are_listed_in_the_order_they_were_kept(make: sessionmaker[Session], mara: Actor) -> None:
    for name in ("late", "mine", "late"):
        save(make, name, f"q={name}", mara)
    with make() as session:
        assert [(view.name, view.position) for view in views.of(session, mara)] == [("late", 1), ("mine", 2)]
        assert all(view.created_at - MONDAY < timedelta(1) for view in views.of(session, mara))


def test_the_same_name_replaces_even_when_there_is_room_for_no_more(make: sessionmaker[Session], mara: Actor) -> None:
    for n in range(MOST):
        save(make, f"view {n}", "", mara)
    save(make, "view 3", "mine=1", mara)
    with pytest.raises(TooManyViews):
        save(make, "one more", "", mara)
    with make() as session:
        kept = {view.name: view.query for view in views.of(session, mara)}
    assert (len(kept), kept["view 3"]) == (MOST, "mine=1")


@pytest.mark.parametrize(("name", "query"), [("", ""), (" \0 ", ""), ("x" * 61, ""), ("x", "q=" + "x" * 499)])
def test_a_view_needs_a_name_and_has_limits(make: sessionmaker[Session], mara: Actor, name: str, query: str) -> None:
    with pytest.raises(BadInput):
        save(make, name, query, mara)


def test_nobody_deletes_somebody_elses_view(make: sessionmaker[Session], mara: Actor) -> None:
    save(make, "mine", "mine=1", mara)
    with transaction(make) as session:
        other = a_person(session, "clerk")
    with make() as session:
        (view,) = views.of(session, mara)
    with transaction(make) as session, pytest.raises(NotFound):
        views.delete(session, view.id, by=other)
    with transaction(make) as session:
        views.delete(session, view.id, by=mara)
        assert views.of(session, mara) == []


def test_a_preference_leaves_its_neighbours_alone(make: sessionmaker[Session], mara: Actor) -> None:
    for path, value in ((("density",), "compact"), (("columns", "a", "x"), True), (("columns", "b", "x"), False)):
        with transaction(make) as session:
            kept = people.prefer(session, mara, path, value)
    assert kept == {"density": "compact", "columns": {"a": {"x": True}, "b": {"x": False}}}
    with make() as session:
        assert session.get_one(User, mara.id).preferences == kept


def test_a_view_kept_twice_at_once_is_kept_once(make: sessionmaker[Session], mara: Actor) -> None:
    for turn in range(5):
        name = f"late {turn}"
        results = at_once(*(lambda query=query, name=name: save(make, name, query, mara) for query in ("a=1", "b=2")))
        assert results == [None, None]
    with make() as session:
        assert sorted(view.name for view in views.of(session, mara)) == [f"late {turn}" for turn in range(5)]
