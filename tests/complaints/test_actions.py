"""Open actions over all complaints that a person may see, and what the customer was told to expect."""

from datetime import date, timedelta

import pytest
from sqlalchemy import event

from complaints import actions, joining
from complaints.actions import PAGE, Action, Filters, Place
from complaints.database import open_database, sessions
from complaints.expected import expected
from complaints.people import SYSTEM
from tests.builders import MONDAY
from tests.complaints.test_turns import newcomer
from tests.desk import CONTEXT, Desk

TODAY = MONDAY.date()


def found(desk: Desk, role: str = "qa_head", **filters: object) -> list[Action]:
    with desk.make() as session:
        return actions.listed(session, desk[role], TODAY, filters=Filters(**filters))[0]  # type: ignore[arg-type]


def told(desk: Desk, role: str = "qa_head", **filters: object) -> list[tuple[str, str]]:
    return [(each.number, each.what) for each in found(desk, role, **filters)]


def planned(desk: Desk, *measures: tuple[str, str, str]) -> str:
    number = desk.to_action_plan()
    for what, owner, due in measures:
        desk.write(number, "plan", "dept_head", what=what, owner=str(desk[owner].id), due=due)
    return number


@pytest.mark.requirement("S61")
def test_the_list_shows_each_item_with_owner_due_day_last_check_and_verification(desk: Desk) -> None:
    number = desk.to_implementation()
    (action,) = found(desk)
    assert (action.number, action.what, action.owner, action.record.due_on) == (
        number, "Reset counter", "dept", date(2026, 11, 20)
    )  # fmt: skip
    assert [each.en for each in action.departments] == ["Machining"]
    assert (action.checked, action.verification) == (None, actions.NOT_YET)
    desk.write(number, "checks", "qe", on="2026-11-15", result="Two of five lathes")
    desk.write(number, "checks", "qe", on="2026-11-14", result="One of five lathes")
    assert found(desk)[0].checked == (date(2026, 11, 15), "Two of five lathes")
    desk.carry_out(number)
    assert found(desk)[0].verification == actions.NOW
    desk.write(number, "verification", "qe")
    desk.sign(number, "verified", "qe")
    assert found(desk)[0].verification == actions.VERIFIED
    desk.write(number, "plan", "dept", place=1, done="2026-11-16")
    assert found(desk) == []


def test_what_is_due_first_comes_first_and_filters_narrow_it(desk: Desk) -> None:
    number = planned(desk, ("b", "dept", "2026-11-20"), ("a", "dept_head", "2026-11-13"), ("c", "qe", "2026-11-20"))
    assert told(desk) == [(number, "a"), (number, "b"), (number, "c")]
    assert told(desk, overdue=True) == [(number, "a")]
    assert told(desk, "qe", mine=True) == [(number, "c")]
    assert told(desk, department=desk.qa) == [(number, "c")]
    assert told(desk, department=desk.department) == [(number, "a"), (number, "b")]


def test_what_was_planned_in_an_earlier_round_or_is_over_is_not_open(desk: Desk) -> None:
    number = desk.to_verification()
    desk.move(number, "action_plan", "qe", reason="still leaks")
    assert told(desk) == [(number, "Reset counter")]
    other = desk.to_closed()
    assert [each for each, _ in told(desk)] == [number]
    assert other != number


def test_only_who_may_see_a_complaint_finds_what_it_wants(desk: Desk) -> None:
    number = planned(desk, ("a", "dept", "2026-11-20"))
    newcomer(desk, "stranger", "dept")
    assert told(desk, "stranger") == []
    assert told(desk, "dept") == [(number, "a")]


def test_what_several_complaints_share_stands_once_under_the_oldest_that_one_may_see(desk: Desk) -> None:
    number = planned(desk, ("a", "dept", "2026-11-20"))
    second = desk.to_investigation()
    with desk.act() as session:
        one, other = desk.find(session, second), desk.find(session, number)
        joining.join(session, one, other, by=desk["qe"], at=desk.at, seen_version=one.version, context=CONTEXT)
    assert told(desk) == [(number, "a")]


def test_a_long_list_goes_on_after_a_place_in_as_many_questions_as_a_short_one(desk: Desk) -> None:
    short = planned(desk, ("a", "dept", "2026-11-20"))

    def questions(after: Place | None = None) -> tuple[int, list[Action], bool]:
        asked: list[str] = []
        with desk.make() as session:
            connection = session.connection()
            event.listen(connection, "before_cursor_execute", lambda *args: asked.append(args[2]))
            page, more = actions.listed(session, desk["qa_head"], TODAY, filters=Filters(), after=after)
        return len(asked), page, more

    before = questions()[0]
    for day in range(PAGE):
        due = (TODAY + timedelta(days=day // 2)).isoformat()
        desk.write(short, "plan", "dept_head", what=f"{day}", owner=str(desk["dept"].id), due=due)
    count, first, more = questions()
    assert (count, len(first), more) == (before, PAGE, True)
    _, rest, more = questions(Place.parse(str(first[-1].place)))
    assert (len(rest), more) == (1, False)
    assert len({each.record.id for each in (*first, *rest)}) == PAGE + 1


def test_what_was_done_long_ago_costs_nothing(sqlite_url: str) -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []
    with sessions(open_database(sqlite_url))() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
        actions.listed(session, SYSTEM, TODAY, filters=Filters())
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked[0][0]}", asked[0][1]).all()
    assert sum("record USING INDEX ix_record_open" in row[3] for row in plan) == 2


@pytest.mark.parametrize("text", ["", "x", "1", "0.1", "1.-1", "9" * 30 + ".1"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Place.parse(text)


@pytest.mark.requirement("S78")
def test_the_last_day_that_the_customer_was_told_stands_there_and_passes(desk: Desk) -> None:
    number = desk.registered()
    said = {"kind": "progress_told", "on": "2026-11-16", "way": "phone", "text": "We are at it"}
    assert (waits := expected(desk.case(number), TODAY)) is not None
    assert (waits.day, waits.passed) == (None, False)
    desk.write(number, "contacts", "sales", **said, expected_on="2026-11-18")
    desk.write(number, "contacts", "sales", **said, expected_on="2026-11-20")
    desk.write(number, "contacts", "sales", **said)
    for day, passed in ((20, False), (21, True)):
        assert (now := expected(desk.case(number), date(2026, 11, day))) is not None
        assert (now.day, now.passed) == (date(2026, 11, 20), passed)
