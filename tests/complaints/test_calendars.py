"""The calendars that are in force, their versions, and what a new one does to the clocks that run."""

import multiprocessing
import signal
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import calendar_changes, calendars, clocks, duties, failpoints
from complaints.calendar import MAINLAND, OFFICE_HOURS, PublicDays, mainland_china, public_days
from complaints.calendar_changes import SETTLED, Change, changes, settle
from complaints.calendar_outline import Outline
from complaints.calendars import CalendarVersion, InForce, StaleCalendar, accept, current, newest
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.database import open_database, sessions, transaction
from complaints.history import Change as Line
from complaints.history import Written
from tests.builders import MONDAY
from tests.desk import CONTEXT, Desk

TUESDAY, WEDNESDAY = date(2026, 11, 17), date(2026, 11, 18)
Make = sessionmaker[Session]
DAYS = public_days(MAINLAND)
QUALITY = "department:1"


@pytest.fixture(autouse=True)
def _looks_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "_looked", {})


def taken(desk: Desk, outline: Outline, *, owner: str = "", seen: int = 0, **more: Any) -> CalendarVersion | None:
    with desk.act() as session:
        return accept(session, owner, outline, DAYS, seen=seen, by=desk["admin"], at=desk.at, **more)


def shut(*days: date, **more: Any) -> Outline:
    return Outline(different=dict.fromkeys(days, ()), **more)


def due(desk: Desk, number: str) -> dict[str, str]:
    """When the running clocks of a complaint are due, by the clock on the wall in Shanghai."""
    with desk.make() as session:
        found = clocks.of(session, "complaint", desk.find(session, number).id)
        tz = CONTEXT.zone
        return {each.key: f"{each.due_at.astimezone(tz):%a %H:%M}" for each in found if each.stopped_at is None}


# Which is in force


def test_before_anybody_wrote_one_mainland_china_is_in_force(make: Make) -> None:
    with make() as session:
        assert current(session) == mainland_china()
        assert current(session, "Europe/Berlin").zone == "Europe/Berlin"
        assert newest(session, "") is None


def test_what_was_seeded_is_what_was_in_force_and_is_written_once(make: Make) -> None:
    for _ in range(2):
        with transaction(make) as session:
            calendars.seed(session, "Asia/Shanghai", at=MONDAY)
    with make() as session:
        (only,) = session.scalars(select(CalendarVersion))
        assert (only.version, only.digest) == (1, mainland_china().version)
        assert current(session) == mainland_china()
        assert calendars.unlike(only) == []
    assert settle(make, MONDAY, CONTEXT) == 0


def test_the_newest_version_of_an_owner_is_in_force_until_it_is_withdrawn(desk: Desk) -> None:
    taken(desk, shut(TUESDAY))
    taken(desk, shut(WEDNESDAY), seen=1)
    taken(desk, shut(TUESDAY, WEDNESDAY), owner="department:7")
    with desk.make() as session:
        assert current(session).hours(TUESDAY) == OFFICE_HOURS
        assert current(session).hours(WEDNESDAY) == ()
        assert calendars.chosen(session, department_id=7).hours(TUESDAY) == ()
        assert calendars.chosen(session, department_id=8) == current(session)
        assert [each.version for each in calendars.versions(session, "")] == [2, 1]
    taken(desk, shut(TUESDAY, WEDNESDAY), owner="department:7", seen=1, withdrawn=True)
    with desk.make() as session:
        assert calendars.chosen(session, department_id=7) == current(session)


def test_accepting_what_is_in_force_makes_no_version(desk: Desk) -> None:
    taken(desk, shut(TUESDAY))
    assert taken(desk, shut(TUESDAY), seen=1) is None
    assert taken(desk, shut(TUESDAY), seen=0) is None, "the same form again"


def test_of_two_who_saw_the_same_version_one_wins(desk: Desk) -> None:
    taken(desk, shut(TUESDAY))
    with pytest.raises(StaleCalendar):
        taken(desk, shut(WEDNESDAY), seen=0)


def test_two_who_accept_at_the_same_instant_do_not_both_win(desk: Desk) -> None:
    together, ended = Barrier(2), list[str]()

    def one(day: date) -> None:
        together.wait()
        try:
            with transaction(desk.make) as session:
                accept(session, "", shut(day), DAYS, seen=0, by=desk["admin"], at=MONDAY)
            ended.append("accepted")
        except StaleCalendar:
            ended.append("stale")

    threads = [Thread(target=one, args=[day]) for day in (TUESDAY, WEDNESDAY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["accepted", "stale"]


def test_what_is_in_force_is_asked_once_in_a_while_with_one_small_query(desk: Desk) -> None:
    taken(desk, shut(TUESDAY))
    asked: list[str] = []
    with desk.make() as session:
        current(session)
        event.listen(session.get_bind(), "before_cursor_execute", lambda *said: asked.append(said[2]))
        for _ in range(20):
            current(session)
            calendars.chosen(session, customer_id=3)
        assert asked == []
        calendars.forget(session)
        current(session)
    assert len([each for each in asked if each.startswith("SELECT")]) == 1
    assert "different" not in asked[-1]


def test_a_library_that_learnt_better_changes_nothing_and_is_told(desk: Desk) -> None:
    before = PublicDays(DAYS.off - {date(2026, 10, 1)}, DAYS.worked | {TUESDAY}, DAYS.provisional)
    with desk.act() as session:
        accept(session, "", Outline(), before, seen=0, by=desk["admin"], at=desk.at)
    with desk.make() as session:
        version = newest(session, "")
        assert version is not None
        assert calendars.unlike(version) == [date(2026, 10, 1), TUESDAY]
        assert current(session).hours(date(2026, 10, 1)) == OFFICE_HOURS


# What a clock goes by


def test_a_clock_goes_by_the_customers_calendar_then_by_the_departments() -> None:
    usual, theirs, ours, other = (replace(mainland_china(), zone=f"Etc/GMT-{n}") for n in range(4))
    known = InForce({"customer:3": theirs, "department:1": ours, "department:2": ours, "department:4": other})
    assert known.of_clock(usual) is usual
    assert known.of_clock(usual, customer_id=3, departments=[1]) is theirs
    assert known.of_clock(usual, customer_id=9, departments=[1, 2]) == ours
    assert known.of_clock(usual, departments=[1, 4]) is usual, "they do not agree"
    assert known.of_clock(usual, departments=[1, 9]) is usual


def test_a_new_clock_goes_by_the_calendar_of_its_customer(desk: Desk) -> None:
    taken(desk, shut(TUESDAY), owner="customer:1")
    number = desk.to_investigation()
    assert due(desk, number)["qa_reply"] == "Fri 17:30"


def test_a_new_clock_of_a_department_goes_by_its_calendar(desk: Desk) -> None:
    taken(desk, shut(TUESDAY), owner=f"department:{desk.department}")
    number = desk.to_action_plan()
    assert due(desk, number)["dept_plan"].startswith("Wed")
    assert due(desk, number)["qa_reply"] == "Thu 17:30"


# What another calendar changes


@pytest.fixture
def number(desk: Desk) -> str:
    return desk.to_investigation()


def moved(desk: Desk, in_force: InForce) -> list[Change]:
    with desk.make() as session:
        return [*changes(session, in_force, "Asia/Shanghai")]


def test_what_a_calendar_would_change_is_shown_and_nothing_is_written(desk: Desk, number: str) -> None:
    before = due(desk, number)
    (found,) = moved(desk, InForce({"": shut(TUESDAY).calendar(DAYS)}))
    assert (found.number, found.key) == (number, "qa_reply")
    assert found.due - found.was == timedelta(days=1)
    assert found.name is not None
    assert due(desk, number) == before == {"qa_reply": "Thu 17:30"}
    assert moved(desk, InForce({"": Outline().calendar(DAYS)})) == []
    assert moved(desk, InForce({QUALITY: shut(TUESDAY).calendar(DAYS)})) == [], "no clock of a department runs"


def test_accepting_one_moves_the_due_times_once_and_says_so(desk: Desk, number: str) -> None:
    taken(desk, shut(TUESDAY))
    assert settle(desk.make, desk.at, CONTEXT) == 1
    assert due(desk, number) == {"qa_reply": "Fri 17:30"}
    assert settle(desk.make, desk.at, CONTEXT) == 0
    with desk.make() as session:
        complaint = desk.find(session, number)
        (clock,) = (each for each in clocks.of(session, "complaint", complaint.id) if each.stopped_at is None)
        assert (complaint.sort_due_at, complaint.changed_at) == (clock.due_at, desk.at)
        assert clock.receipt["calendar"] == shut(TUESDAY).calendar(DAYS).version
        told = select(Written.values, Line.by_id).join(
            Line, (Line.complaint_id == Written.complaint_id) & (Line.position == Written.position)
        )
        ((values, by),) = session.execute(told.where(Line.act == "due_moved"))
        assert by == desk["admin"].id
        assert values == {
            "clock": "qa_reply", "was_due": "2026-11-19T09:30:00+00:00", "now_due": "2026-11-20T09:30:00+00:00"
        }  # fmt: skip


def test_a_clock_that_began_by_the_calendar_before_is_carried_over_later(desk: Desk, number: str) -> None:
    taken(desk, shut(TUESDAY))
    settle(desk.make, desk.at, CONTEXT)
    with desk.act() as session:  # another process, which does not know it yet
        clock = session.scalars(select(Clock).where(Clock.key == "qa_reply")).one()
        clocks.reckon(clock, mainland_china())
    at = desk.at + SETTLED
    assert settle(desk.make, at, CONTEXT) == 1
    assert due(desk, number) == {"qa_reply": "Fri 17:30"}
    with desk.make() as session:
        assert session.scalar(select(CalendarVersion.settled_at)) == at
    assert settle(desk.make, at, CONTEXT) == 0


def test_some_are_carried_over_at_once_and_the_duty_does_the_rest(desk: Desk, number: str) -> None:
    other = desk.to_investigation()
    taken(desk, shut(TUESDAY))
    assert settle(desk.make, desk.at, CONTEXT, most=1) == 1
    assert sorted([*due(desk, number).values(), *due(desk, other).values()]) == ["Fri 17:30", "Thu 17:30"]
    assert duties.run(desk.make, desk.at + SETTLED, CONTEXT)["calendars"] == 1
    assert due(desk, other) == due(desk, number) == {"qa_reply": "Fri 17:30"}


def test_a_clock_that_cannot_be_reckoned_keeps_no_other_from_being_carried_over(desk: Desk, number: str) -> None:
    endless = desk.to_investigation()
    with desk.act() as session:
        clock = session.scalars(select(Clock).where(Clock.subject_id == desk.find(session, endless).id)).all()[-1]
        clock.receipt = {**clock.receipt, "within": "10000 working days"}
    taken(desk, shut(TUESDAY))
    assert settle(desk.make, desk.at, CONTEXT) == 1
    assert due(desk, number) == {"qa_reply": "Fri 17:30"}


def test_two_schedulers_move_a_due_time_once(desk: Desk, number: str) -> None:
    taken(desk, shut(TUESDAY))
    threads = [Thread(target=settle, args=[desk.make, desk.at, CONTEXT]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert due(desk, number) == {"qa_reply": "Fri 17:30"}
    with desk.make() as session:
        assert session.scalar(select(func.count()).where(Line.act == "due_moved")) == 1


@pytest.mark.parametrize(
    ("point", "moved"),
    [("calendar.before_commit:kill:2", 1), ("calendar.after_commit:kill:2", 2), ("calendar.carried_over:kill", 3)],
)
def test_who_is_killed_while_carrying_over_leaves_the_rest_to_the_next(
    desk: Desk, number: str, point: str, moved: int
) -> None:
    numbers = [number, desk.to_investigation(), desk.to_investigation()]
    taken(desk, shut(TUESDAY))
    at, url = desk.at + SETTLED, desk.make.kw["bind"].url.render_as_string(False)

    def go() -> None:
        failpoints._order = point
        settle(sessions(open_database(url)), at, CONTEXT)

    process = multiprocessing.get_context("fork").Process(target=go)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert [due(desk, each)["qa_reply"] for each in numbers] == ["Fri 17:30"] * moved + ["Thu 17:30"] * (3 - moved)
    assert duties.run(desk.make, at, CONTEXT)["calendars"] == 3 - moved
    assert {due(desk, each)["qa_reply"] for each in numbers} == {"Fri 17:30"}
    with desk.make() as session:
        assert session.scalar(select(func.count()).where(Line.act == "due_moved")) == 3
        assert session.scalar(select(CalendarVersion.settled_at)) == at


def test_a_calendar_that_is_withdrawn_gives_the_old_due_times_back(desk: Desk, number: str) -> None:
    taken(desk, shut(TUESDAY), owner="customer:1")
    settle(desk.make, desk.at, CONTEXT)
    assert due(desk, number) == {"qa_reply": "Fri 17:30"}
    taken(desk, shut(TUESDAY), owner="customer:1", seen=1, withdrawn=True)
    settle(desk.make, desk.at, CONTEXT)
    assert due(desk, number) == {"qa_reply": "Thu 17:30"}


def test_what_has_stopped_stays_as_it_was(desk: Desk) -> None:
    number = desk.to_closed()
    taken(desk, shut(TUESDAY, WEDNESDAY))
    assert moved(desk, InForce({"": shut(TUESDAY).calendar(DAYS)})) == []
    assert settle(desk.make, desk.at, CONTEXT) == 0
    assert desk.stage(number) == "closed"


def test_many_complaints_are_looked_at_some_at_a_time(desk: Desk, number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [number, desk.to_investigation(), desk.to_investigation()]
    monkeypatch.setattr(calendar_changes, "BATCH", 2)
    assert [each.number for each in moved(desk, InForce({"": shut(TUESDAY).calendar(DAYS)}))] == numbers
    taken(desk, shut(TUESDAY))
    assert settle(desk.make, desk.at, CONTEXT) == 3
    with desk.make() as session:
        assert session.scalar(select(func.count()).select_from(Complaint)) == 3


def test_the_moment_of_acceptance_is_kept(desk: Desk) -> None:
    version = taken(desk, shut(TUESDAY), note="Stocktaking")
    assert version is not None
    assert (version.note, version.accepted_at.tzinfo) == ("Stocktaking", UTC)
    assert isinstance(version.accepted_at, datetime)
