"""The figures of a week, against an independent count, and as of its end whatever comes after."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.orm import Session, sessionmaker

from complaints import links, weekly
from complaints.calendar import mainland_china
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.procedure import procedure, use
from complaints.procedure_file import read
from complaints.visits import StageVisit
from complaints.weeks import NoSuchWeek, Week, working_day_after, working_days_before
from tests.builders import a_complaint
from tests.desk import Desk
from tests.weeks import WEEK, a_full_week

CHINA = mainland_china()
ENDS = WEEK.ends(CHINA)


def figures(make: sessionmaker[Session], week: Week = WEEK, at: datetime = ENDS) -> dict[str, Any]:
    with make() as session:
        return weekly.compute(session, week, at=at, calendar=CHINA, quiet_days=5)


def counted(make: sessionmaker[Session], sql: str, **values: Any) -> Any:
    """What a plain query says, in which `begin` and `end` are those of the week as the database writes them."""
    with make() as session:
        sqlite = session.get_bind().dialect.name == "sqlite"
        written = {"begin": WEEK.begins(CHINA), "end": ENDS} | values
        if sqlite:
            written = {key: f"{_utc(value):%Y-%m-%d %H:%M:%S.%f}" for key, value in written.items()}
        return session.execute(text(sql), written).scalar_one()


def _utc(value: datetime) -> datetime:
    return value - (value.utcoffset() or timedelta())


COUNTS = {
    "received": """SELECT count(*) FROM complaint WHERE received_at >= :begin AND received_at < :end
        AND stage NOT IN ('not_complaint', 'merged', 'withdrawn')""",
    "closed": "SELECT count(*) FROM complaint WHERE closed_at >= :begin AND closed_at < :end",
    "open": """SELECT count(*) FROM complaint WHERE received_at < :end
        AND stage NOT IN ('closed', 'not_complaint', 'merged', 'withdrawn')""",
    "overdue": """SELECT count(DISTINCT subject_id) FROM clock WHERE subject_kind = 'complaint' AND due_at < :end
        AND stopped_at IS NULL""",
    "rounds": "SELECT count(*) FROM complaint WHERE round > 1 AND closed_at IS NULL",
    "waiting": "SELECT count(*) FROM complaint WHERE stage = 'customer_reply'",
}


@pytest.mark.parametrize("figure", COUNTS)
def test_a_figure_is_what_a_plain_count_says(desk: Desk, figure: str) -> None:
    a_full_week(desk)
    found = figures(desk.make)
    assert found[figure] == counted(desk.make, COUNTS[figure]) > 0
    assert found["lists"][figure]["total"] == found[figure]


@pytest.mark.requirement("S108", "S109")
def test_what_came_in_is_told_by_class_department_and_cause_and_against_four_weeks(desk: Desk) -> None:
    a_full_week(desk)
    found = figures(desk.make)
    assert {key: counts["received"] for key, counts in found["by_class"].items()} == {"general": 3, "major": 1, "": 1}
    assert found["by_department"]["machining"] == {"received": 3, "closed": 1, "open": 2, "overdue": 2}
    assert found["by_cause"]["non_quality"]["open"] == found["open"] == found["by_procedure"]["manufacturing"]["open"]
    assert [(week["week"], week["received"], week["open"]) for week in found["weeks"]] == [
        ("2026-W43", 0, 0), ("2026-W44", 0, 0), ("2026-W45", 1, 1), ("2026-W46", 1, 2), ("2026-W47", 5, 6)
    ]  # fmt: skip


@pytest.mark.requirement("S67", "S109")
def test_the_lists_name_the_complaints_behind_the_figures(desk: Desk) -> None:
    numbers = a_full_week(desk)
    found = figures(desk.make)
    assert listed(desk, found, "closed") == {numbers["closed"]}
    assert listed(desk, found, "waiting") == {numbers["customers_turn"]}
    assert listed(desk, found, "rounds") == listed(desk, found, "not_effective") == {numbers["second_round"]}
    assert listed(desk, found, "effective") == {numbers["closed"], numbers["customers_turn"]}
    assert listed(desk, found, "no_contact") == {numbers["silent"], numbers["older"]}
    assert [(each["why"], each["id"]) for each in found["worth_reading"]] == [
        ("heaviest", 6), ("most_overdue", 1), ("repeated", 5)
    ]  # fmt: skip


def listed(desk: Desk, found: dict[str, Any], figure: str) -> set[str]:
    with desk.make() as session:
        return {session.get_one(Complaint, row[0]).number for row in found["lists"][figure]["rows"]}


def test_replies_that_were_due_count_by_their_due_time_and_the_unanswered_are_not_in_time(desk: Desk) -> None:
    in_time = desk.to_investigation(product="A")
    desk.write(in_time, "qe_entry", "qe")
    desk.write(in_time, "finding", "qe")
    desk.write(in_time, "qa_reply", "qe")
    unanswered = desk.to_investigation(product="B")
    reply = figures(desk.make)["timely_reply"]
    assert reply == {"in_time": 1, "due": 2, "rate": 0.5}
    assert listed(desk, figures(desk.make), "replies_not_in_time") == {unanswered}
    assert figures(desk.make, WEEK.before())["timely_reply"] == {"in_time": 0, "due": 0, "rate": None}


def test_a_reply_that_was_replaced_is_none(desk: Desk) -> None:
    number = desk.to_investigation()
    desk.classify(number, "major", "mkt_vp", "the line stands still")
    due = figures(desk.make)["timely_reply"]["due"]
    assert due == counted(
        desk.make,
        "SELECT count(*) FROM clock WHERE key IN ('qa_reply', 'permanent') AND outcome IS NULL AND due_at < :end",
    )


def test_what_comes_after_the_end_of_the_week_changes_none_of_its_figures(desk: Desk) -> None:
    numbers = a_full_week(desk)
    before = figures(desk.make)
    desk.at = ENDS + timedelta(hours=10)
    desk.registered(subject="Next week's")
    desk.contact(numbers["customers_turn"], "result_told")
    desk.write(numbers["customers_turn"], "answer", "sales")
    desk.move(numbers["customers_turn"], "closed", "clerk")
    after = figures(desk.make, at=desk.at + timedelta(hours=1))
    same = [key for key in before if key not in ("facts", "lists", "repeats", "departments")]
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert {k: v["total"] for k, v in after["lists"].items()} == {k: v["total"] for k, v in before["lists"].items()}
    assert figures(desk.make, Week.parse("2026-W48"), at=desk.at + timedelta(hours=1))["closed"] == 1


def test_the_running_week_is_told_up_to_now(desk: Desk) -> None:
    desk.registered()
    found = figures(desk.make, at=desk.at + timedelta(minutes=1))
    assert (found["received"], found["overdue"], found["as_of"][:10]) == (1, 0, "2026-11-16")


def test_what_runs_out_in_the_next_two_working_days_is_due_soon(desk: Desk) -> None:
    desk.at = WEEK.ends(CHINA) - timedelta(hours=10)
    number = desk.draft()
    assert listed(desk, figures(desk.make), "due_soon") == {number}


def test_the_same_trouble_again_is_a_link_that_people_made(desk: Desk) -> None:
    first, again = desk.registered(), desk.registered()
    with desk.act() as session:
        links.add(session, desk.find(session, again), first, links.RECURRENCE, by=desk["qe"], at=desk.at, key="a")
    assert listed(desk, figures(desk.make), "recurrences") == {again}


def test_of_confidential_procedures_there_are_counts_and_nothing_else(desk: Desk) -> None:
    source = procedure().source.replace('key = "manufacturing"', 'key = "hushed"')
    use([read(source.replace("confidential = false", "confidential = true"), "hushed.toml")])
    with transaction(desk.make) as session:
        a_complaint(session, procedure="hushed", procedure_version=procedure("hushed").version, subject="Whispered")
    found = figures(desk.make)
    assert found["confidential"] == {"received": 1, "closed": 0, "open": 1, "overdue": 1}
    assert (found["received"], found["open"], found["overdue"], found["by_class"]) == (0, 0, 0, {})
    assert "Whispered" not in str(found)
    assert not any(each["total"] for each in found["lists"].values())


def test_the_number_of_queries_is_the_same_for_one_complaint_and_for_many(desk: Desk) -> None:
    def queries() -> int:
        seen: list[str] = []
        with desk.make() as session:
            engine = session.get_bind()
            event.listen(engine, "before_cursor_execute", lambda *each: seen.append(each[2]))
            weekly.compute(session, WEEK, at=ENDS, calendar=CHINA, quiet_days=5)
        return len(seen)

    desk.registered()
    one = queries()
    a_full_week(desk)
    assert queries() == one


def test_of_what_was_closed_long_ago_the_letter_reads_nothing(desk: Desk) -> None:
    desk.registered()
    _closed_long_ago(desk.make, 4_000)
    seen: list[tuple[str, Any]] = []
    with desk.make() as session:
        session.execute(text("ANALYZE"))
        event.listen(session.get_bind(), "before_cursor_execute", lambda *each: seen.append(each[2:4]))
        weekly.compute(session, WEEK, at=ENDS, calendar=CHINA, quiet_days=5)
        explain = "EXPLAIN " if session.get_bind().dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        plans = [str(session.connection().exec_driver_sql(explain + sql, values).all()) for sql, values in [*seen]]
    assert any("ix_clock_stopped_at" in plan for plan in plans)
    assert not [plan for plan in plans if re.search(r"\b(SCAN|Seq Scan on) (complaint|clock|stage_visit)\b", plan)]


def _closed_long_ago(make: sessionmaker[Session], number: int) -> None:
    """So many complaints of years before, each with its visits and a clock that has stopped."""
    begun = ENDS - timedelta(days=400)
    with transaction(make) as session:
        first = (session.scalar(select(func.max(Complaint.id))) or 0) + 1
        ids = [(n, begun - timedelta(hours=n)) for n in range(first, first + number)]
        session.execute(
            insert(Complaint),
            [
                {
                    "id": n, "number": f"C-2020-{n}", "year": 2020, "sequence": n, "procedure": "manufacturing",
                    "procedure_version": procedure().version, "stage": "closed", "changed_at": at, "channel": "mail",
                    "received_at": at, "registered_at": at, "closed_at": at, "content": "scratched " * 20,
                }
                for n, at in ids
            ],
        )  # fmt: skip
        visit = {"stage": "closed", "round": 1}
        session.execute(insert(StageVisit), [{**visit, "complaint_id": n, "entered_at": at} for n, at in ids])
        clock = {"subject_kind": "complaint", "key": "qa_reply", "responsible": "qe", "outcome": "met", "receipt": {}}
        times = ("started_at", "due_at", "stopped_at")
        session.execute(insert(Clock), [{**clock, "subject_id": n, **dict.fromkeys(times, at)} for n, at in ids])


# Weeks


def test_a_week_begins_and_ends_at_midnight_of_its_zone_whatever_clocks_do() -> None:
    berlin = mainland_china(zone="Europe/Berlin")
    forward, back = Week.parse("2026-W13"), Week.parse("2026-W43")
    hours = [(_utc(each.ends(berlin)) - _utc(each.begins(berlin))).total_seconds() / 3600 for each in (forward, back)]
    assert hours == [167, 169]


@given(st.dates(date(2000, 1, 3), date(2090, 1, 1)))
def test_a_week_reads_what_it_writes(day: date) -> None:
    week = Week(day - timedelta(days=day.weekday()))
    assert Week.parse(str(week)) == week
    assert week.begins(CHINA) < week.ends(CHINA) == Week(week.monday + timedelta(days=7)).begins(CHINA)


@pytest.mark.parametrize(
    "odd",
    ["", "2026-W54", "2025-W53", "2026-W00", "2026-46", "W46", "２０２６-W46", "0000-W01", "0001-W01", "9999-W52"],
)
def test_what_is_no_week_is_refused(odd: str) -> None:
    with pytest.raises(NoSuchWeek):
        Week.parse(odd)


def test_a_letter_waits_for_the_first_working_day_after_its_week() -> None:
    assert f"{WEEK.told_at(CHINA).astimezone(CHINA.tz):%a %H:%M}" == "Mon 08:30"
    golden_week = Week.parse("2026-W40")
    assert f"{golden_week.told_at(CHINA).astimezone(CHINA.tz):%m-%d %H:%M}" == "10-08 08:30"
    assert f"{golden_week.due_at(CHINA):%m-%d %H:%M}" == "10-08 17:30"
    opening = golden_week.last_opening(CHINA)
    assert opening is not None
    assert f"{opening:%m-%d %H:%M}" == "09-30 08:30"


def test_working_days_are_counted_over_weekends_and_holidays() -> None:
    assert working_days_before(date(2026, 11, 23), 5, CHINA) == date(2026, 11, 16)
    assert working_days_before(date(2026, 10, 9), 2, CHINA) == date(2026, 9, 30)
    assert working_day_after(date(2026, 11, 23), 2, CHINA) == date(2026, 11, 24)
    assert working_day_after(date(2026, 11, 21), 2, CHINA) == date(2026, 11, 24)
