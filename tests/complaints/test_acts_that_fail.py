"""The n-th failure: an act whose first, second, … statement fails leaves nothing behind, and goes through later."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from complaints import models
from complaints.database import open_database, sessions
from tests.desk import Desk

assert models
Prepare = Callable[[Desk], Callable[[], Any]]


class Cut(Exception):
    """The database is gone."""


@contextmanager
def failing(engine: Engine, at: int) -> Iterator[list[str]]:
    """The statements inside; the one at this position fails, counted from 1."""
    seen: list[str] = []

    def before(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)
        if len(seen) == at:
            raise Cut(statement)

    event.listen(engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", before)


def everything(desk: Desk) -> dict[str, list[Any]]:
    """All rows of all tables."""
    with desk.make() as session:
        tables = models.Base.metadata.sorted_tables
        return {table.name: sorted(map(repr, session.execute(select(table)))) for table in tables}


def moving(desk: Desk) -> Callable[[], Any]:
    number = desk.to_customer_reply()
    return lambda: desk.move(number, "action_plan", "sales", reason="It still leaks")


def entering(desk: Desk) -> Callable[[], Any]:
    number = desk.draft()
    return lambda: desk.move(number, "registered", "clerk")


def signing(desk: Desk) -> Callable[[], Any]:
    number = desk.registered()
    desk.write(number, "form", "sales")
    desk.sign(number, "form_issued", "sales")
    desk.sign(number, "form_approved", "mkt_sup")
    return lambda: desk.sign(number, "receipt", "qa_head")


def returning(desk: Desk) -> Callable[[], Any]:
    number = desk.to_action_plan()
    desk.plan(number)
    return lambda: desk.returns(number, "plan_review", "qe")


def writing(desk: Desk) -> Callable[[], Any]:
    number = desk.to_action_plan()
    desk.plan(number)
    return lambda: desk.write(number, "plan", "dept_head", place=1, what="Another measure")


@pytest.mark.parametrize("prepare", [moving, entering, signing, returning, writing])
def test_whichever_statement_fails_nothing_is_half_done(database_url: str, prepare: Prepare) -> None:
    engine = open_database(database_url)
    desk = Desk(sessions(engine))
    act = prepare(desk)
    before = everything(desk)
    for position in range(1, 1000):
        with failing(engine, position) as seen:
            try:
                act()
            except Cut:
                pass
            else:
                break
        assert everything(desk) == before, seen[-1]
    assert position > 10
    assert everything(desk) != before
