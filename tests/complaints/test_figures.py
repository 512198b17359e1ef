"""The figures of a month, read from a ledger that people have worked in, compared with a count in plain SQL, and kept
as they were."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import duties, figures, kpi_entries, off_board, procedure
from complaints.calendar import mainland_china
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.figures import COMPLAINTS, Figure
from complaints.kpi_entries import Amounts, StaleEntries
from complaints.kpis import SHIPMENTS
from complaints.measures import RATE, TIMELY, Measure, counted_by, measured, period_of
from complaints.people import Actor
from complaints.procedure_store import Version
from complaints.registration import Incomplete
from tests.builders import MONDAY, at_once
from tests.confidential import KEY, confide, hush
from tests.desk import CONTEXT, Desk

NOVEMBER = date(2026, 11, 1)
ZONE = mainland_china().tz
DECEMBER_1 = datetime(2026, 12, 1, 0, 29, tzinfo=UTC)
"""A minute before the office opens."""
OPENING = DECEMBER_1 + timedelta(minutes=1)


def now(desk: Desk, *, at: datetime | None = None) -> dict[str, Measure]:
    with desk.make() as session:
        return {
            key: each.today for key, each in figures.of_month(session, NOVEMBER, at or desk.at, ZONE).figures.items()
        }


def frozen(make: sessionmaker[Session]) -> dict[str, tuple[int, str | None, str | None]]:
    with make() as session:
        return {each.key: (each.id, each.numerator, each.denominator) for each in session.scalars(select(Figure))}


def typed(make: sessionmaker[Session], by: Actor, at: datetime, **amounts: Amounts) -> None:
    with transaction(make) as session:
        entries = kpi_entries.standing(session, NOVEMBER, NOVEMBER)
        kpi_entries.enter(
            session, NOVEMBER, amounts, seen=kpi_entries.newest(entries, NOVEMBER), by=by, at=at
        )  # fmt: skip


@pytest.mark.requirement("S112", "S114")
def test_a_worked_month_has_the_figures_that_plain_sql_counts(desk: Desk) -> None:
    answered, late, waits = desk.to_investigation(), desk.to_investigation(), desk.to_investigation()
    closed, gone = desk.to_closed(), desk.registered()
    for number in (answered, late):
        desk.write(number, "qe_entry", "qe")
        desk.write(number, "qa_reply", "qe")
    with desk.act() as session:
        ids = {number: desk.find(session, number).id for number in (answered, late, waits, closed, gone)}
        clock = select(Clock).where(Clock.subject_id == ids[late], Clock.key == "qa_reply")
        found = session.scalars(clock).one()
        found.due_at, found.outcome = MONDAY, "late"
        off_board.take(
            session, desk.find(session, gone), "merged", reason="", by=desk["clerk"], at=desk.at, seen_version=2,
            context=CONTEXT, into=desk.find(session, closed),
        )  # fmt: skip
    at = datetime(2026, 11, 25, tzinfo=UTC)
    found = now(desk, at=at)
    with desk.make() as session:
        due, in_time = session.execute(
            text(
                "SELECT count(*), count(CASE WHEN stopped_at <= due_at THEN 1 END) FROM clock"
                " WHERE key IN ('qa_reply', 'permanent') AND coalesce(outcome, '') IN ('', 'met', 'late')"
                " AND due_at < '2026-11-25'"
            )
        ).one()
    assert (found[TIMELY].above, found[TIMELY].below) == (in_time, due) == (1, 3)
    assert found[TIMELY].numerator == (ids[answered],)
    assert sorted(found["effective_reply"].denominator) == sorted(  # type: ignore[arg-type]
        ids[each] for each in (answered, late, waits, closed)
    )
    assert found["effective_reply"].numerator == (ids[closed],)
    assert (found["written_answers"].above, found["written_answers"].below) == (1, 1)
    assert found[RATE].numerator == found["effective_reply"].denominator
    assert found[RATE].value is None


def test_complaints_are_counted_by_class_cause_and_department(desk: Desk) -> None:
    one, two = desk.to_action_plan(), desk.registered(complaint_class="major", product="HX-210")
    with desk.make() as session:
        complaints = figures.read(session, period_of(NOVEMBER, ZONE), desk.at).complaints
        first, second = desk.find(session, one).id, desk.find(session, two).id
    assert counted_by(complaints, "complaint_class") == {"general": (first,), "major": (second,)}
    assert counted_by(complaints, "cause_type") == {"non_quality": (first, second)}
    assert counted_by(complaints, "department") == {"": (second,), str(desk.department): (first,)}
    assert counted_by(complaints, "product") == {"": (first,), "HX-210": (second,)}


def test_a_month_is_read_as_it_was_known_at_an_instant(desk: Desk) -> None:
    number = desk.to_investigation()
    before = desk.at
    desk.write(number, "qe_entry", "qe")
    desk.write(number, "qa_reply", "qe")
    over = datetime(2026, 11, 25, tzinfo=UTC)
    with desk.make() as session:
        period = period_of(NOVEMBER, ZONE)
        assert figures.read(session, period, before).replies[0].stopped_at is None
        assert figures.read(session, period, desk.at).replies[0].stopped_at is not None
        assert figures.read(session, period, MONDAY).complaints == ()
        assert measured(figures.read(session, period, over), {}, period, over)[TIMELY].value == 1


@pytest.mark.requirement("S113")
def test_a_month_is_frozen_once_at_the_opening_of_the_next(desk: Desk) -> None:
    desk.registered()
    assert figures.freeze(desk.make, DECEMBER_1, CONTEXT) == 0
    assert figures.freeze(desk.make, OPENING, CONTEXT) == 4
    once = frozen(desk.make)
    assert once.keys() == {TIMELY, "effective_reply", "written_answers", COMPLAINTS}
    assert figures.freeze(desk.make, OPENING + timedelta(days=2), CONTEXT) == 0
    assert duties.run(desk.make, OPENING + timedelta(days=3), CONTEXT)["freeze_figures"] == 0
    assert frozen(desk.make) == once


def test_a_clock_that_was_set_back_freezes_what_is_over_then(desk: Desk) -> None:
    desk.registered()
    assert figures.freeze(desk.make, OPENING + timedelta(days=4 * 365), CONTEXT) > 0
    figures.freeze(desk.make, OPENING, CONTEXT)
    with desk.make() as session:
        assert NOVEMBER in {*session.scalars(select(Figure.month))}


def test_two_schedulers_freeze_a_month_once(desk: Desk) -> None:
    desk.registered()

    def freeze() -> int:
        return figures.freeze(desk.make, OPENING, CONTEXT)

    assert not [each for each in at_once(freeze, freeze) if isinstance(each, Exception)]
    assert len(frozen(desk.make)) == 4


def test_a_frozen_month_stays_and_says_what_is_different_today(desk: Desk) -> None:
    number, other = desk.to_action_plan(), desk.registered()
    figures.freeze(desk.make, OPENING, CONTEXT)
    with desk.act() as session:
        desk.find(session, other).registered_at = MONDAY - timedelta(days=40)
        session.execute(update(Complaint).where(Complaint.number == number).values(complaint_class="major"))
    with desk.make() as session:
        month = figures.of_month(session, NOVEMBER, OPENING, ZONE)
        kept, gone = desk.find(session, number).id, desk.find(session, other).id
    effective = month.figures["effective_reply"]
    assert effective.frozen is not None
    assert effective.differs
    assert effective.shown.denominator == (kept, gone)
    assert effective.today.denominator == (kept,)
    assert counted_by(month.complaints, "complaint_class") == {"general": (kept, gone)}
    assert counted_by(month.today, "complaint_class") == {"major": (kept,)}
    assert not month.figures["written_answers"].differs


def test_what_is_typed_in_late_is_frozen_when_it_is_there(desk: Desk) -> None:
    first, second = desk.registered(), desk.registered()
    figures.freeze(desk.make, OPENING, CONTEXT)
    later = OPENING + timedelta(days=5)
    typed(desk.make, desk["clerk"], later, shipments=Amounts(Decimal(400), None))
    with desk.act() as session:
        desk.find(session, second).registered_at = MONDAY - timedelta(days=40)
    assert figures.freeze(desk.make, later, CONTEXT) == 1
    assert frozen(desk.make)[RATE][1:] == ("2", "400")
    typed(desk.make, desk["clerk"], later, shipments=Amounts(Decimal(500), None))
    assert figures.freeze(desk.make, later, CONTEXT) == 0
    with desk.make() as session:
        rate = figures.of_month(session, NOVEMBER, later, ZONE).figures[RATE]
        assert rate.shown.numerator == tuple(desk.find(session, each).id for each in (first, second))
    assert (rate.shown.below, rate.today.below, rate.differs) == (400, 500, True)


def test_after_an_outage_each_month_is_made_up_once(desk: Desk) -> None:
    desk.registered()
    figures.freeze(desk.make, OPENING, CONTEXT)
    march = datetime(2027, 3, 15, tzinfo=UTC)
    assert figures.freeze(desk.make, march, CONTEXT) == 12
    with desk.make() as session:
        months = session.scalars(select(Figure.month).distinct().order_by(Figure.month)).all()
    assert months == [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)]
    assert figures.freeze(desk.make, march, CONTEXT) == 0


def test_confidential_complaints_are_in_no_figure_and_only_counted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    hush(monkeypatch)
    number, secret = desk.registered(), desk.to_investigation()
    with desk.act() as session:
        confide(session, secret)
        shown = desk.find(session, number).id
    with desk.make() as session:
        events = figures.read(session, period_of(NOVEMBER, ZONE), datetime(2026, 12, 1, tzinfo=UTC))
    assert [each.id for each in events.complaints] == [shown]
    assert events.replies == ()
    assert events.confidential == 1


def test_reading_a_month_takes_the_same_queries_however_much_happened(desk: Desk) -> None:
    seen: list[str] = []
    engine = desk.make.kw["bind"]
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))

    def queries() -> int:
        seen.clear()
        with desk.make() as session:
            figures.of_month(session, NOVEMBER, desk.at, ZONE)
        return len(seen)

    desk.registered()
    few = queries()
    for _ in range(3):
        desk.to_action_plan()
    assert queries() == few == 7


# What is typed in


def form(**typed: str) -> dict[str, str]:
    return {key.replace("__", "-"): value for key, value in typed.items()}


def test_numbers_are_read_as_people_write_them() -> None:
    found = kpi_entries.parse(
        form(
            shipments__above="１,２００",
            completion__above=" 96.5 % ",
            satisfaction__above="880",
            satisfaction__below="1000",
        )
    )
    assert found[SHIPMENTS] == Amounts(Decimal(1200), None)
    assert found["completion"] == Amounts(Decimal("96.5"), None)
    assert found["satisfaction"] == Amounts(Decimal(880), Decimal(1000))
    assert found["accidents"] == Amounts(None, None)


@pytest.mark.parametrize(
    ("typed", "field", "problem"),
    [
        (form(shipments__above="-3"), "shipments-above", "less than nothing"),
        (form(shipments__above="many"), "shipments-above", "write a number"),
        (form(shipments__above="1,5"), "shipments-above", "write a number"),
        (form(shipments__above="1e9"), "shipments-above", "write a number"),
        (form(shipments__above="٣"), "shipments-above", "write a number"),
        (form(shipments__above="2.5"), "shipments-above", "whole number"),
        (form(annual_sales__above="9" * 13), "annual_sales-above", "too large"),
        (form(satisfaction__above="5"), "satisfaction-below", "write this one, too"),
        (form(satisfaction__below="5"), "satisfaction-above", "write this one, too"),
        (form(satisfaction__above="6", satisfaction__below="5"), "satisfaction-above", "more than the whole"),
    ],
)
def test_what_is_no_figure_is_refused_at_its_field(typed: dict[str, str], field: str, problem: str) -> None:
    with pytest.raises(Incomplete) as refused:
        kpi_entries.parse(typed)
    (found,) = refused.value.problems
    assert found.field == field
    assert problem in found.sentence.message


def test_a_correction_is_another_version_and_the_same_again_is_none(desk: Desk) -> None:
    for shipments in (Decimal(400), Decimal(400), Decimal(410), None):
        typed(desk.make, desk["clerk"], desk.at, shipments=Amounts(shipments, None))
    with desk.make() as session:
        kept = session.execute(
            select(kpi_entries.KpiEntry.version, kpi_entries.KpiEntry.numerator).order_by(kpi_entries.KpiEntry.version)
        ).all()
    assert [tuple(each) for each in kept] == [(1, "400"), (2, "410"), (3, None)]


def test_two_who_type_in_the_same_figure_are_told(desk: Desk) -> None:
    def enter(shipments: int) -> None:
        with transaction(desk.make) as session:
            amounts = {SHIPMENTS: Amounts(Decimal(shipments), None)}
            kpi_entries.enter(session, NOVEMBER, amounts, seen=0, by=desk["clerk"], at=desk.at)

    told = at_once(lambda: enter(1), lambda: enter(2))
    assert [type(each) for each in told if each is not None] == [StaleEntries]
    enter(1 if told[0] is None else 2)  # what stands there may be said again


def test_a_procedure_that_was_brought_in_a_moment_ago_keeps_its_secrets(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as known:
        hush(known)
        secret = desk.registered()
        with desk.act() as session:
            rules = procedure.procedure(KEY)
            session.add(
                Version(key=KEY, version=rules.version, text=rules.source, sha256="", added_at=MONDAY)
            )  # fmt: skip
            confide(session, secret)
    monkeypatch.setattr(procedure, "_known", procedure._known)
    figures.freeze(desk.make, OPENING, CONTEXT)
    with desk.make() as session:
        kept = session.scalars(select(Figure).where(Figure.key == COMPLAINTS)).one()
    assert kept.complaints == ()
    assert kept.data["confidential"] == 1
