"""Clocks of rows, by a trial procedure: the times that were announced to an employee who appeals."""

from datetime import datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import clocks, procedure, reminders, reply_templates, worklist, writing
from complaints.clocks import Clock
from complaints.complaint import NO_LIMIT
from complaints.notices import Notice
from complaints.procedure import use
from complaints.procedure_file import BadProcedure, read
from complaints.registration import Incomplete
from tests.complaints.test_other_clocks import moved, registered, wall
from tests.desk import CONTEXT, Desk, english
from tests.procedures import APPEAL


@pytest.fixture
def desk(make: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(procedure, "_known", {})
    use([read(APPEAL, "appeal.toml")])
    return Desk(make)


@pytest.fixture
def number(desk: Desk) -> str:
    """An appeal that was accepted on Monday the 16th at 10:00, with two points told to the employee an hour later."""
    number = registered(desk, "appeal", follows="appeal")
    write(desk, number, "2026-11-16 11:00", what="Hearing with the works council", by="2026-11-18 15:20")
    write(desk, number, "2026-11-16 11:00", what="Written decision", by="2026-11-20 09:00")
    return number


def write(desk: Desk, number: str, at: str, *, place: int | None = None, **values: str) -> None:
    desk.at = wall(at)
    desk.at -= wall("2026-11-16 10:01") - wall("2026-11-16 10:00")  # the desk lets a minute pass before it acts
    desk.write(number, "points", "clerk", place=place, **values)


def seen(desk: Desk, number: str) -> list[tuple[str, datetime, str | None]]:
    """The clocks of rows: what they are called, when they are due, how they ended."""
    with desk.make() as session:
        complaint = desk.find(session, number)
        found = sorted(clocks.of(session, "complaint", complaint.id), key=lambda clock: clock.key)
        rules = procedure.of(complaint)
        return [(clocks.name_of(each, rules).en, each.due_at, each.outcome) for each in found if each.rule == "point"]


HEARING, DECISION = "Keep the time: Hearing with the works council", "Keep the time: Written decision"


@pytest.mark.requirement("S107")
def test_each_time_that_was_told_to_the_employee_is_a_due_time_of_its_own(desk: Desk, number: str) -> None:
    assert seen(desk, number) == [
        (HEARING, wall("2026-11-18 15:20"), None), (DECISION, wall("2026-11-20 09:00"), None)
    ]  # fmt: skip
    with desk.make() as session:
        assert desk.find(session, number).sort_due_at == wall("2026-11-18 15:20")
    write(desk, number, "2026-11-18 15:20", place=1, done="2026-11-18 15:20")
    assert [outcome for _, _, outcome in seen(desk, number)] == ["met", None]
    write(desk, number, "2026-11-20 09:01", place=2, done="2026-11-20 09:01")
    assert [outcome for _, _, outcome in seen(desk, number)] == ["met", "late"]
    with desk.make() as session:
        assert desk.find(session, number).sort_due_at == NO_LIMIT


@pytest.mark.requirement("S107")
def test_the_letter_to_the_employee_lists_the_times_that_are_still_to_come(desk: Desk, number: str) -> None:
    def told(locale: str) -> str:
        with desk.make() as session:
            return reply_templates.values(
                session, desk.find(session, number), locale=locale, by=desk["clerk"], at=desk.at,
                zone=CONTEXT.zone, organisation="Mill",
            )["points"]  # fmt: skip

    assert told("en") == (
        "Hearing with the works council: 18 November 2026, 15:20\nWritten decision: 20 November 2026, 09:00"
    )
    write(desk, number, "2026-11-18 15:20", place=1, done="2026-11-18 15:20")
    assert told("zh_CN") == "Written decision：2026年11月20日 09:00"


def test_each_point_waits_in_my_work_by_its_words_until_it_is_done(desk: Desk, number: str) -> None:
    def waits() -> list[tuple[str, datetime | None]]:
        with desk.make() as session:
            groups = worklist.groups(session, desk["clerk"], desk.at.date())
            items = [item for group in groups for item in group.items if item.sheet == "points"]
            return [(item.about, item.due_at(CONTEXT.calendar)) for item in items]

    hearing = ("Hearing with the works council", wall("2026-11-18 15:20"))
    assert waits() == [hearing, ("Written decision", wall("2026-11-20 09:00"))]
    write(desk, number, "2026-11-17 09:00", place=2, done="2026-11-17 09:00")
    assert waits() == [hearing]


def test_who_is_responsible_is_reminded_of_a_point_by_its_words(desk: Desk, number: str) -> None:
    reminders.remind(desk.make, wall("2026-11-18 15:20"), CONTEXT)
    with desk.make() as session:
        told = [notice.values["clock"]["en"] for notice in session.scalars(select(Notice))]
    assert told == [HEARING]


def test_a_time_that_is_moved_moves_its_clock_alone_and_the_history_says_which(desk: Desk, number: str) -> None:
    write(desk, number, "2026-11-17 09:00", place=1, by="2026-11-19 10:00")
    assert [due for _, due, _ in seen(desk, number)] == [wall("2026-11-19 10:00"), wall("2026-11-20 09:00")]
    (change,) = moved(desk)
    assert change["clock"] == "point:Hearing with the works council"
    write(desk, number, "2026-11-17 09:10", place=1, what="Hearing with the board")
    assert seen(desk, number)[0][0] == "Keep the time: Hearing with the board"
    with pytest.raises(Incomplete) as refused:
        write(desk, number, "2026-11-17 10:00", place=1, by="2026-11-16 10:59")
    (problem,) = refused.value.problems
    assert (problem.field, "is before “Keep the time” begins: Mon 16 Nov 2026, 11:00" in english(problem.sentence)) == (
        "by", True
    )  # fmt: skip


def test_a_point_that_is_taken_out_is_owed_no_more(desk: Desk, number: str) -> None:
    with desk.act() as session:
        writing.remove(session, desk.find(session, number), "points", 1, by=desk["clerk"], at=desk.at, context=CONTEXT)
    assert [outcome for _, _, outcome in seen(desk, number)] == ["cancelled", None]
    write(desk, number, "2026-11-17 09:00", what="Second hearing", by="2026-11-19 10:00")
    assert [name for name, _, outcome in seen(desk, number) if outcome is None] == [
        DECISION, "Keep the time: Second hearing"
    ]  # fmt: skip


def test_a_point_that_was_not_done_after_all_is_due_as_before_unless_its_real_time_was_entered(
    desk: Desk, number: str
) -> None:
    write(desk, number, "2026-11-17 09:00", place=1, done="2026-11-17 09:00")
    write(desk, number, "2026-11-17 09:10", place=1, done="")
    assert seen(desk, number)[0] == (HEARING, wall("2026-11-18 15:20"), None)
    with desk.act() as session:
        clock = session.scalars(select(Clock).where(Clock.key == "point:1")).one()
        clock.stopped_at, clock.outcome, clock.backdated = desk.at, "met", {"recorded": desk.at.isoformat()}
    write(desk, number, "2026-11-17 10:00", place=2, done="2026-11-17 10:00")
    assert [outcome for _, _, outcome in seen(desk, number)] == ["met", "met"]


def test_what_is_written_when_it_is_done_promises_nothing(desk: Desk, number: str) -> None:
    write(
        desk, number, "2026-11-17 09:00", what="Called them", by="2026-11-16 17:00", done="2026-11-16 16:00"
    )  # fmt: skip
    assert len(seen(desk, number)) == 2


def test_a_round_has_points_of_its_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    use([read(APPEAL.replace("many = true", "many = true\nper_round = true"), "appeal.toml")])
    number = registered(desk, "appeal", follows="appeal")
    write(desk, number, "2026-11-16 11:00", what="Hearing", by="2026-11-18 15:20")
    write(desk, number, "2026-11-16 12:00", what="Visit", by="2026-11-19 15:20")
    write(desk, number, "2026-11-17 11:00", place=1, done="2026-11-17 11:00")
    with desk.act() as session:
        desk.find(session, number).round = 2
    write(desk, number, "2026-11-18 09:00", what="Second hearing", by="2026-11-23 10:00")
    assert [(name.partition(": ")[2], outcome) for name, _, outcome in seen(desk, number)] == [
        ("Hearing", "met"), ("Second hearing", None), ("Visit", "cancelled")
    ]  # fmt: skip


# The file


def faults(*pairs: tuple[str, str]) -> list[str]:
    text = APPEAL
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(BadProcedure) as told:
        read(text, "appeal.toml")
    return [f"{each.place}: {english(each.sentence)}" for each in told.value.faults]


def test_a_clock_for_each_row_starts_is_due_and_stops_with_its_row_alone() -> None:
    assert faults(('starts = "filled:points.by"', 'starts = "received"'))[0] == (
        "clock.point.starts: should be 'filled:points.by': a clock for each row starts with it"
    )
    assert faults(('stops = ["filled:points.done"]', 'stops = ["entered:closed"]')) == [
        "clock.point.stops: 'entered:closed' is no field of 'points'; a clock for each row stops with its row"
    ]
    for more in ('within = "5 working days"', "target = true", "pauses = true"):
        (fault,) = faults(('until = "points.by"', f'until = "points.by"\n{more}'))
        place, said = fault.split(": ", 1)
        assert place == f"clock.point.{more.split()[0]}"
        assert said == "does not go with until in a record with rows: each row is due when it says"


def test_each_row_must_say_when_it_is_due() -> None:
    assert faults(('type = "time"\nrequired = true', 'type = "time"')) == [
        "clock.point.until: nobody has to fill in 'points.by', and without it there is no clock: "
        "give it required = true"
    ]


def test_a_clock_for_each_row_has_room_for_the_number_of_the_row() -> None:
    (fault,) = faults(('key = "point"', f'key = "{"p" * 35}"'))
    assert "at most 34" in fault


def test_replies_that_are_counted_are_no_rows() -> None:
    (fault,) = faults(("[[stage]]", '[measures]\nreplies = ["point"]\n[[stage]]'))
    assert fault.startswith("measures.replies: names 'point'")
