"""Reminders: who is told of a promise, when, and that it happens once."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, event, func, select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import absences, agreeing, channels, clocks, incidents, notices, procedure, reminder_mail, reminders
from complaints.clocks import Clock
from complaints.complaint import NO_LIMIT, Complaint, Involvement
from complaints.customers import Customer
from complaints.database import open_database, sessions, transaction
from complaints.levels import DUE, GRACE, WARNING, in_hours, levels
from complaints.limits import Limit
from complaints.notices import Notice
from complaints.outbox import Outgoing
from complaints.people import Grant, User
from complaints.procedure import Ladder
from complaints.reminder import Reminder, Unclaimed, unclaimed
from tests.builders import MONDAY, a_person
from tests.desk import CONTEXT, Desk

CALENDAR = CONTEXT.calendar
HOUR = timedelta(hours=1)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """November 2026; Monday is the 16th."""
    return datetime(2026, 11, day, hour, minute, tzinfo=CONTEXT.zone)


def told(make: sessionmaker[Session]) -> list[tuple[int, str]]:
    """Everybody who was told, as level and name, in the order of their rows."""
    with make() as session:
        query = select(Reminder.level, User.name).join(User, User.id == Reminder.user_id).order_by(Reminder.id)
        return [(level, name) for level, name in session.execute(query)]


def run(desk: Desk, at: datetime) -> list[tuple[int, str]]:
    """Who is told by a run."""
    before = len(told(desk.make))
    reminders.remind(desk.make, at.astimezone(UTC), CONTEXT)
    return told(desk.make)[before:]


def mails(make: sessionmaker[Session]) -> list[Outgoing]:
    with make() as session:
        return list(session.scalars(select(Outgoing).where(Outgoing.kind == "reminder").order_by(Outgoing.id)))


def superior(desk: Desk, of: str, to: str) -> None:
    with transaction(desk.make) as session:
        session.get_one(User, desk[of].id).superior_id = desk[to].id


def kept(desk: Desk) -> None:
    """What was promised is done."""
    with transaction(desk.make) as session:
        for clock in session.scalars(select(Clock).where(Clock.stopped_at.is_(None))):
            clocks.cancel(clock, at=desk.at)


@pytest.fixture
def promised(desk: Desk) -> str:
    """A complaint of which one clock runs: QA's reply, due on Thursday at the close; the QE is responsible, the QA
    manager their superior."""
    superior(desk, "qe", "qa_mgr")
    superior(desk, "qa_mgr", "gm")
    return desk.to_investigation()


# When


def test_the_levels_of_a_promise_of_three_working_days() -> None:
    found = levels(local(16, 9), local(19, 17, 30), CALENDAR, Ladder(2, ("gm",), 2))
    assert [(each.number, each.at.astimezone(CONTEXT.zone)) for each in found] == [
        (WARNING, local(19, 8, 37) + timedelta(seconds=30)), (DUE, local(19, 17, 30)), (2, local(20, 8, 30)),
        (3, local(24, 8, 30)), (4, local(26, 8, 30)),
    ]  # fmt: skip


def test_what_is_promised_for_a_weekend_is_told_on_monday_as_it_stands_then() -> None:
    found = levels(local(20, 18), local(21, 18), CALENDAR, Ladder())
    assert [(each.number, each.at.astimezone(CONTEXT.zone)) for each in found] == [
        (DUE, local(23, 8, 30)), (2, local(23, 8, 30)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pause", "warned"),
    [
        ((local(16, 11), local(16, 13, 30)), local(16, 17)),  # before it, an hour and a half
        ((local(16, 15, 29), local(16, 16, 29)), local(16, 16, 30)),  # a minute before it
        ((local(16, 15, 30), local(16, 16, 30)), local(16, 15, 30)),  # after it
        ((local(16, 12), local(16, 13)), local(16, 15, 30)),  # in the break
    ],
)
def test_a_pause_is_left_out_of_the_three_quarters(pause: tuple[datetime, datetime], warned: datetime) -> None:
    due = CALENDAR.later(local(16, 8, 30), 8 * HOUR + CALENDAR.between(*pause))
    first, *_ = levels(local(16, 8, 30), due, CALENDAR, Ladder(), pauses=[pause])
    assert (first.number, first.at.astimezone(CONTEXT.zone)) == (WARNING, warned)


def test_nobody_is_told_on_a_holiday() -> None:
    golden_week = datetime(2026, 9, 30, 17, 30, tzinfo=CONTEXT.zone)
    *_, first = levels(golden_week - 8 * HOUR, golden_week, CALENDAR, Ladder())
    assert first.at.astimezone(CONTEXT.zone) == datetime(2026, 10, 8, 8, 30, tzinfo=CONTEXT.zone)


MINUTE = timedelta(minutes=1)


@given(st.integers(0, 20_000), st.integers(1, 8_000), st.integers(1, 3), st.integers(1, 3))
def test_every_level_lies_in_working_time_and_follows_the_one_before(
    since: int, lasts: int, superiors: int, every: int
) -> None:
    start = MONDAY + since * MINUTE
    due = start + lasts * MINUTE
    found = levels(start, due, CALENDAR, Ladder(superiors, ("gm",), every))
    assert all(in_hours(CALENDAR, each.at) for each in found)
    assert [each.number for each in found] == sorted(each.number for each in found)
    assert [each.at for each in found] == sorted(each.at for each in found)
    rung_days = [each.at.astimezone(CONTEXT.zone).date() for each in found if each.number > DUE]
    assert len(set(rung_days)) == superiors + 1
    open_minutes = [n for n in range(lasts) if CALENDAR.is_open(start + n * MINUTE)]
    warned = [each.at for each in found if each.number == WARNING]
    assert len(warned) == bool(open_minutes)
    if open_minutes:
        last_of_three_quarters = open_minutes[(len(open_minutes) * 3 + 3) // 4 - 1]
        assert timedelta() < warned[0] - (start + last_of_three_quarters * MINUTE) <= MINUTE


# Who


@pytest.mark.requirement("S95")
def test_the_responsible_person_is_warned_told_and_then_ever_higher_up(desk: Desk, promised: str) -> None:
    assert run(desk, local(18, 17)) == []
    assert run(desk, local(19, 8, 35)) == []
    assert run(desk, local(19, 8, 45)) == [(WARNING, "qe")]
    assert run(desk, local(19, 9)) == []
    assert run(desk, local(19, 17, 30)) == [(DUE, "qe")]
    assert run(desk, local(20, 8, 29)) == []
    assert {*run(desk, local(20, 8, 30))} == {(2, "qe"), (2, "qa_mgr")}
    assert run(desk, local(23, 8, 30)) == []
    assert {*run(desk, local(24, 8, 30))} == {(3, "qe"), (3, "gm")}
    assert {*run(desk, local(26, 8, 30))} == {(4, "qe"), (4, "mkt_vp")}
    assert run(desk, local(30, 8, 30)) == []
    with desk.make() as session:
        assert session.scalars(select(Clock.next_notice_at).where(Clock.stopped_at.is_(None))).all() == [None]


def test_a_major_complaint_climbs_every_working_day(desk: Desk) -> None:
    superior(desk, "qe", "qa_mgr")
    superior(desk, "qa_mgr", "gm")
    desk.to_investigation(complaint_class="major")
    reminders.remind(desk.make, local(17, 17, 30).astimezone(UTC), CONTEXT)
    by_day = [{name for level, name in run(desk, local(day, 8, 30)) if level > DUE} for day in (18, 19, 20)]
    assert by_day == [{"qe", "qa_mgr"}, {"qe", "gm", "qa_mgr"}, {"qe", "gm", "mkt_vp"}]


def test_after_an_outage_everybody_hears_once_how_it_stands_then(desk: Desk, promised: str) -> None:
    assert {*run(desk, local(24, 10))} == {(3, "qe"), (3, "qa_mgr"), (3, "gm")}
    assert run(desk, local(24, 10, 1)) == []
    assert len(mails(desk.make)) == 3


def test_outside_working_time_nobody_is_told(desk: Desk, promised: str) -> None:
    for at in (local(19, 17, 45), local(19, 23), local(20, 3), local(20, 8, 29), local(21, 11)):
        assert run(desk, at) == []
    assert run(desk, local(20, 12, 9))
    assert in_hours(CALENDAR, local(20, 17, 30) + GRACE - timedelta(seconds=1))


def test_a_run_tells_nothing_twice_whatever_its_clock_does(desk: Desk, promised: str) -> None:
    assert run(desk, local(19, 9)) == [(WARNING, "qe")]
    assert run(desk, local(18, 9)) == []
    assert run(desk, local(19, 9)) == []
    assert {*run(desk, local(27, 9))} == {(4, "qe"), (4, "qa_mgr"), (4, "gm"), (4, "mkt_vp")}
    assert run(desk, local(20, 9)) == []
    assert run(desk, local(27, 9)) == []


def test_what_was_done_in_time_is_told_to_nobody(desk: Desk, promised: str) -> None:
    kept(desk)
    assert run(desk, local(20, 9)) == []


def test_a_new_due_time_is_told_anew_but_a_warning_is_given_once(desk: Desk, promised: str) -> None:
    assert run(desk, local(19, 9)) == [(WARNING, "qe")]
    with transaction(desk.make) as session:
        session.execute(
            update(Clock).where(Clock.stopped_at.is_(None)).values(due_at=local(23, 17, 30).astimezone(UTC))
        )
    assert run(desk, local(20, 17)) == []
    assert run(desk, local(23, 16)) == []
    assert run(desk, local(23, 17, 31)) == [(DUE, "qe")]
    with transaction(desk.make) as session:
        session.execute(update(Clock).where(Clock.stopped_at.is_(None)).values(due_at=local(20, 10).astimezone(UTC)))
    assert {*run(desk, local(23, 17, 32))} == {(2, "qe"), (2, "qa_mgr")}


def test_a_complaint_that_cannot_be_read_keeps_nobody_from_hearing_of_the_others(desk: Desk, promised: str) -> None:
    desk.to_investigation()
    with transaction(desk.make) as session:
        desk.find(session, promised).procedure_version = 99
    assert run(desk, local(19, 9)) == [(WARNING, "qe")]
    with transaction(desk.make) as session:
        desk.find(session, promised).procedure_version = procedure.procedure().version
    assert run(desk, local(19, 9, 30)) == []
    assert run(desk, local(19, 10)) == [(WARNING, "qe")]


def test_of_a_clock_that_stands_still_nobody_hears_until_it_goes_on(desk: Desk, promised: str) -> None:
    due = update(Clock).where(Clock.stopped_at.is_(None))
    with transaction(desk.make) as session:
        session.execute(due.values(due_at=NO_LIMIT))
    assert run(desk, local(26, 9)) == []
    with transaction(desk.make) as session:
        session.execute(due.values(due_at=local(26, 9, 30).astimezone(UTC)))
    assert run(desk, local(26, 9, 31)) == [(DUE, "qe")]


def test_where_nobody_is_named_all_who_hold_the_role_hear_of_it(desk: Desk) -> None:
    desk.draft(channel="email")
    with transaction(desk.make) as session:
        other = a_person(session, "clerk", name="second clerk")
        session.get_one(User, other.id).left_at = None
    assert (WARNING, "clerk") in (found := run(desk, local(16, 11)))
    assert (WARNING, "second clerk") in found or (DUE, "second clerk") in found


@pytest.mark.requirement("S96")
def test_a_role_that_nobody_holds_is_an_incident_until_somebody_does(desk: Desk) -> None:
    number = desk.draft(channel="email")
    with transaction(desk.make) as session:
        session.execute(update(Grant).where(Grant.role == "clerk").values(until=date(2026, 1, 1)))
    run(desk, local(16, 11, 30))
    at = local(16, 11, 31).astimezone(UTC)
    with transaction(desk.make) as session:
        (opened,) = incidents.check(session, at=at, today=at.date(), secret="s" * 40, domain="x").opened
        assert (opened.kind, opened.values["fault"]) == ("promises_without_people", "营销部文员 Marketing clerk: 1")
        a_person(session, "clerk", name="new clerk")
    assert "new clerk" in [name for _, name in run(desk, local(16, 14))]
    with transaction(desk.make) as session:
        assert incidents.check(session, at=at, today=at.date(), secret="s" * 40, domain="x").closed
        assert session.scalar(select(func.count()).select_from(Unclaimed)) == 0
    assert number


# The bell and the mail


def test_the_bell_says_what_it_is_and_one_mail_says_everything(desk: Desk, promised: str) -> None:
    second = desk.to_investigation()
    run(desk, local(20, 9))
    with desk.make() as session:
        bell = [each.sentence.in_(str, "en") for each in notices.listed(session, desk["qa_mgr"])]
    assert bell[:2] == ["Overdue: QA's reply", "Overdue: QA's reply"]
    mail = next(each for each in mails(desk.make) if each.purpose.startswith(f"bundle:{desk['qa_mgr'].id}:"))
    assert [each["number"] for each in mail.values["lines"]] == [promised, second]
    line = mail.values["lines"][0]
    assert (line["clock"], line["level"], line["owner"], line["next"]) == ("QA's reply", "overdue", "qe", "gm")
    assert datetime.fromisoformat(line["next_at"]) == local(24, 8, 30)


def test_what_was_done_between_the_bell_and_the_mail_is_not_in_the_mail(
    desk: Desk, promised: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(reminder_mail, "bundle", lambda *_: None)
        run(desk, local(20, 9))
    kept(desk)
    run(desk, local(20, 9, 1))
    assert mails(desk.make) == []


def test_reminders_can_be_switched_off_and_broken_promises_cannot(desk: Desk, promised: str) -> None:
    with transaction(desk.make) as session:
        channels.choose(session, desk["qe"], set())
    run(desk, local(19, 9))
    run(desk, local(19, 17, 30))
    assert mails(desk.make) == []
    run(desk, local(20, 8, 30))
    assert len(mails(desk.make)) == 2


# Who is away


def away(desk: Desk, who: str, deputy: str, first: int = 16, last: int = 27) -> None:
    with transaction(desk.make) as session:
        absences.enter(
            session, desk[who].id, date(2026, 11, first), date(2026, 11, last), desk[deputy].id, by=desk[who],
            at=MONDAY, today=MONDAY.date(),
        )  # fmt: skip


def test_who_is_away_is_told_nothing_and_the_deputy_is(desk: Desk, promised: str) -> None:
    away(desk, "qe", "qa_head")
    assert run(desk, local(19, 9)) == [(WARNING, "qa_head")]
    (mail,) = mails(desk.make)
    assert mail.values["lines"][0]["away"] == "qe"


def test_a_deputy_who_is_away_hands_on(desk: Desk, promised: str) -> None:
    away(desk, "qe", "qa_head")
    away(desk, "qa_head", "sales", 19, 19)
    assert run(desk, local(19, 9)) == [(WARNING, "sales")]
    assert run(desk, local(19, 17, 30)) == [(DUE, "sales")]
    assert {*run(desk, local(20, 8, 30))} == {(2, "qa_head"), (2, "qa_mgr")}


def test_nobody_stands_in_for_themselves_by_whatever_way(desk: Desk) -> None:
    away(desk, "qe", "qa_head")
    away(desk, "qa_head", "sales")
    with pytest.raises(absences.NotAway):
        away(desk, "sales", "qe")
    with pytest.raises(absences.NotAway):
        away(desk, "clerk", "clerk")
    with pytest.raises(absences.NotAway):
        away(desk, "clerk", "sales", 20, 18)
    with pytest.raises(absences.NotAway):
        away(desk, "qe", "clerk", 27, 29)


def test_who_comes_back_early_is_told_again(desk: Desk, promised: str) -> None:
    away(desk, "qe", "qa_head")
    with transaction(desk.make) as session:
        (absence,) = absences.coming(session, MONDAY.date(), of=desk["qe"].id)
        absences.end(session, absence.id, by=desk["qe"], at=MONDAY)
        absences.end(session, absence.id, by=desk["qe"], at=MONDAY)
    assert run(desk, local(19, 9)) == [(WARNING, "qe")]


# Confidential


@pytest.fixture
def confidential(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = procedure.procedure()
    hidden = replace(rules, confidential=True)
    known = {key: hidden if each is rules else each for key, each in procedure._known.items()}
    monkeypatch.setattr(procedure, "_known", known)


def test_of_a_confidential_complaint_nobody_hears_who_may_not_see_it(desk: Desk, confidential: None) -> None:
    superior(desk, "qe", "gm")
    desk.to_investigation()
    away(desk, "qe", "staff")
    assert {*run(desk, local(20, 9))} == {(2, "qe")}
    (mail,) = mails(desk.make)
    assert (mail.values["lines"], mail.values["hidden"], mail.values["overdue"]) == ([], 1, 1)


def test_what_nobody_may_hear_of_is_a_fault(desk: Desk, confidential: None) -> None:
    desk.to_investigation()
    with transaction(desk.make) as session:
        session.execute(delete(Involvement))
        session.execute(update(Complaint).values(owner_id=None, received_by_id=None))
    assert run(desk, local(20, 9)) == []
    with desk.make() as session:
        assert [role for role, _ in session.execute(unclaimed())] == ["qe"]


# Once


def test_two_schedulers_at_once_tell_everybody_once(desk: Desk, promised: str) -> None:
    for _ in range(4):
        desk.to_investigation()
    start = threading.Barrier(3)

    def one() -> None:
        start.wait()
        reminders.remind(desk.make, local(24, 10).astimezone(UTC), CONTEXT)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    reminders.remind(desk.make, local(24, 10, 1).astimezone(UTC), CONTEXT)
    with desk.make() as session:
        per_key = select(func.count(Reminder.id)).group_by(Reminder.clock_id, Reminder.user_id)
        assert session.scalars(per_key).all() == [1] * 15
        assert session.scalar(select(func.count(Notice.id)).where(Notice.event.startswith("clock_"))) == 15
        assert session.scalar(select(func.count()).where(Reminder.bundled_at.is_(None))) == 0
    told_of = [each["number"] for mail in mails(desk.make) for each in mail.values["lines"]]
    assert sorted(told_of) == sorted(number for number in {*told_of} for _ in range(3))


def test_a_run_that_finds_nothing_asks_two_small_indexes(sqlite_url: str) -> None:
    asked: list[tuple[str, Any]] = []
    engine = open_database(sqlite_url)

    @event.listens_for(engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        asked.append((statement, values))

    reminders.remind(sessions(engine), local(18, 9).astimezone(UTC), CONTEXT)
    assert len(asked) == 3
    with engine.connect() as connection:
        plans = [
            str(connection.exec_driver_sql(f"explain query plan {query}", with_).all()) for query, with_ in [*asked]
        ]
    indexes = (
        "ix_clock_next_notice_at (next_notice_at<?)",
        "ix_clock_not_reckoned",
        "ix_reminder_not_bundled",
    )
    for plan, index in zip(plans, indexes, strict=True):
        assert index in plan


def test_a_promise_to_one_customer_is_reminded_of_by_its_name(desk: Desk) -> None:
    with desk.act() as session:
        found = session.get_one(Customer, 1)
        agreed = [Limit("manufacturing", within="24 hours", id=1, name="D3", stops="part:d3", responsible="qe")]
        agreeing.save(session, found, agreed, by=desk["clerk"], at=desk.at, seen_version=found.version)
    desk.to_investigation()
    run(desk, local(18, 9))
    with desk.make() as session:
        bell = [each.sentence.in_(str, "en") for each in notices.listed(session, desk["qe"])]
    assert "Overdue: D3 (Quellstrom Mobility)" in bell
