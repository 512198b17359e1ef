"""The weekly letter goes out once, when it is due; remarks issue it; each person's own letter."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import absences, channels, daily, digest, digest_readers, duties
from complaints.calendar import mainland_china
from complaints.channels import DAILY, WEEKLY
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.digest import Digest, NotEnded, NotRemarked, NotYet, StaleRemark
from complaints.digest_readers import Rule, StaleRule, leaving_mark, whose_mark
from complaints.errors import NotAllowed
from complaints.outbox import Outgoing
from complaints.penalty import Penalty
from complaints.people import User
from complaints.procedure import procedure, use
from complaints.procedure_file import read
from complaints.weeks import Week
from tests.builders import MONDAY, a_complaint, at_once
from tests.desk import CONTEXT, Desk
from tests.weeks import NEXT_MONDAY, WEEK, a_full_week

FRIDAY = MONDAY + timedelta(days=4)
A_MINUTE, A_WEEK = timedelta(minutes=1), timedelta(days=7)


def owed(make: sessionmaker[Session], kind: str) -> list[str]:
    with make() as session:
        return list(session.scalars(select(Outgoing.purpose).where(Outgoing.kind == kind).order_by(Outgoing.purpose)))


def say(desk: Desk, side: str, text: str, role: str, at: datetime = FRIDAY, seen: int = 0, week: Week = WEEK) -> None:
    with transaction(desk.make) as session:
        digest.remark(session, week, side, text, by=desk[role], at=at, seen=seen, context=CONTEXT)


def kept(desk: Desk, week: Week = WEEK) -> Digest:
    with desk.make() as session:
        return session.scalars(select(Digest).where(Digest.week == str(week))).one()


# When it goes out


def test_it_goes_to_its_readers_at_the_opening_of_the_first_working_day_after_its_week(desk: Desk) -> None:
    desk.registered()
    assert digest.do(desk.make, NEXT_MONDAY - A_MINUTE, CONTEXT) == 0
    assert digest.do(desk.make, NEXT_MONDAY, CONTEXT) == 6
    leaders = ("mkt_sup", "mkt_vp", "qa_head", "qa_mgr", "mr", "gm")
    assert owed(desk.make, digest.KIND) == sorted(f"digest:{WEEK}:user:{desk[role].id}" for role in leaders)


def test_it_goes_out_once_however_often_it_is_asked_for_and_by_how_many(desk: Desk) -> None:
    desk.registered()
    done = at_once(*(lambda: digest.do(desk.make, NEXT_MONDAY, CONTEXT) for _ in range(3)))
    assert sorted(done) == [0, 0, 6]
    assert digest.do(desk.make, NEXT_MONDAY + timedelta(hours=2), CONTEXT) == 0
    assert len(owed(desk.make, digest.KIND)) == 6


def test_after_an_outage_the_newest_letter_is_made_up_and_none_before_it(desk: Desk) -> None:
    desk.registered()
    assert digest.do(desk.make, NEXT_MONDAY + 2 * A_WEEK + timedelta(days=1), CONTEXT) == 6
    with desk.make() as session:
        assert session.scalars(select(Digest.week)).all() == ["2026-W49"]


def test_where_no_day_was_worked_between_two_weeks_each_is_told(desk: Desk) -> None:
    spring = datetime.fromisoformat("2026-02-11T10:00+08:00")
    with transaction(desk.make) as session:
        a_complaint(session, at=spring)
    back = mainland_china().next_opening(datetime.fromisoformat("2026-02-23T00:00+08:00"))
    assert digest.do(desk.make, back - A_MINUTE, CONTEXT) == 0
    digest.do(desk.make, back, CONTEXT)
    with desk.make() as session:
        weeks = session.scalars(select(Digest.week).order_by(Digest.week)).all()
    assert weeks == ["2026-W07", "2026-W08"]


def test_before_the_first_complaint_there_is_no_letter(desk: Desk) -> None:
    assert digest.do(desk.make, NEXT_MONDAY, CONTEXT) == 0


def test_a_company_switches_the_letter_off(desk: Desk) -> None:
    desk.registered()
    with transaction(desk.make) as session:
        digest_readers.change(session, Rule(sent=False), by=desk["admin"], at=desk.at)
    assert digest.do(desk.make, FRIDAY, CONTEXT) == digest.do(desk.make, NEXT_MONDAY, CONTEXT) == 0


def test_the_duties_of_a_moment_may_be_repeated(desk: Desk) -> None:
    desk.registered()
    first = duties.run(desk.make, NEXT_MONDAY, CONTEXT)
    again = duties.run(desk.make, NEXT_MONDAY, CONTEXT)
    assert (first["weekly_digest"], first["daily_digest"] > 0) == (6, True)
    assert (again["weekly_digest"], again["daily_digest"]) == (0, 0)


def test_a_letter_can_be_sent_by_hand_and_then_by_nobody_again(desk: Desk) -> None:
    desk.registered()
    with pytest.raises(NotEnded):
        digest.send(desk.make, WEEK, at=FRIDAY, context=CONTEXT)
    assert digest.send(desk.make, WEEK, at=NEXT_MONDAY, context=CONTEXT) == 6
    assert digest.send(desk.make, WEEK, at=NEXT_MONDAY, context=CONTEXT) == 0
    assert digest.do(desk.make, NEXT_MONDAY, CONTEXT) == 0


def test_what_is_kept_stays_as_it_was(desk: Desk) -> None:
    a_full_week(desk)
    digest.do(desk.make, NEXT_MONDAY, CONTEXT)
    before = kept(desk).data
    desk.at = MONDAY + timedelta(days=1)
    desk.registered(subject="Written down late")
    digest.do(desk.make, NEXT_MONDAY + A_MINUTE, CONTEXT)
    assert kept(desk).data == before
    with desk.make() as session:
        again = digest.reckon(session, WEEK, at=NEXT_MONDAY, context=CONTEXT)
    assert again["received"] == before["received"] + 1


def test_a_week_in_which_nothing_stirs_is_quiet(desk: Desk) -> None:
    desk.to_closed()
    with desk.make() as session:
        later = Week.parse("2026-W50")
        quiet = digest.reckon(session, later, at=later.ends(CONTEXT.calendar), context=CONTEXT)
        busy = digest.reckon(session, WEEK, at=NEXT_MONDAY, context=CONTEXT)
    assert digest.quiet(quiet)
    assert not digest.quiet(busy)


# Remarks


def test_both_sides_are_asked_at_the_opening_of_the_weeks_last_working_day_and_once(desk: Desk) -> None:
    opening = FRIDAY - timedelta(minutes=30)
    assert digest.do(desk.make, opening - A_MINUTE, CONTEXT) == 0
    assert digest.do(desk.make, opening, CONTEXT) == 4
    assert digest.do(desk.make, FRIDAY, CONTEXT) == 0
    sides = ("mkt_sup", "mkt_vp", "qa_head", "qa_mgr")
    asked = sorted(f"digest_remarks:{WEEK}:user:{desk[role].id}" for role in sides)
    assert owed(desk.make, digest.ASKED) == asked


def test_a_side_that_has_written_is_not_asked(desk: Desk) -> None:
    say(desk, "qa", "The tool was worn.", "qa_mgr", at=MONDAY)
    assert digest.do(desk.make, FRIDAY, CONTEXT) == 2


@pytest.mark.requirement("S108", "S109")
def test_with_both_remarks_a_letter_is_issued_as_it_goes_out(desk: Desk) -> None:
    desk.registered()
    say(desk, "qa", "The tool was worn.", "qa_head")
    say(desk, "marketing", "They want a visit.", "mkt_sup")
    digest.do(desk.make, NEXT_MONDAY, CONTEXT)
    assert kept(desk).issued_at == NEXT_MONDAY
    with desk.make() as session:
        values = session.scalars(select(Outgoing.values).where(Outgoing.kind == digest.KIND)).first()
    assert values
    assert {side: said["text"] for side, said in values["remarks"].items()} == {
        "qa": "The tool was worn.", "marketing": "They want a visit."
    }  # fmt: skip


def test_a_late_remark_follows_by_mail_once_and_issues_the_letter(desk: Desk) -> None:
    desk.registered()
    say(desk, "qa", "The tool was worn.", "qa_head")
    digest.do(desk.make, NEXT_MONDAY, CONTEXT)
    assert kept(desk).issued_at is None
    say(desk, "marketing", "They want a visit.", "mkt_vp", at=NEXT_MONDAY + A_MINUTE)
    say(desk, "marketing", "They want two visits.", "mkt_sup", at=NEXT_MONDAY + 2 * A_MINUTE, seen=1)
    assert len(owed(desk.make, digest.ADDED)) == 6
    assert kept(desk).issued_at == NEXT_MONDAY + A_MINUTE
    with desk.make() as session:
        said = digest.remarks(session, WEEK)["marketing"]
    assert (said.text, said.version, said.who) == ("They want two visits.", 2, "mkt_sup")


def test_of_two_who_write_for_a_side_at_once_one_is_told(desk: Desk) -> None:
    done = at_once(lambda: say(desk, "qa", "One", "qa_head"), lambda: say(desk, "qa", "Two", "qa_mgr"))
    assert sorted(type(each) for each in done if each is not None) == [StaleRemark]


def test_a_remark_that_comes_at_the_instant_of_the_letter_stands_in_it_or_follows_it(desk: Desk) -> None:
    desk.registered()
    say(desk, "marketing", "They want a visit.", "mkt_vp")
    at_once(
        lambda: say(desk, "qa", "The tool was worn.", "qa_head", at=NEXT_MONDAY),
        lambda: digest.do(desk.make, NEXT_MONDAY, CONTEXT),
    )
    assert kept(desk).issued_at == NEXT_MONDAY
    with desk.make() as session:
        letter = select(Outgoing.values).where(Outgoing.kind == digest.KIND).limit(1)
        in_it = "The tool was worn." in str(session.scalar(letter))
    assert len(owed(desk.make, digest.ADDED)) == (0 if in_it else 6)


def test_remarks_that_cannot_be_are_refused(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        say(desk, "qa", "Mine?", "mkt_sup")
    with pytest.raises(NotRemarked):
        say(desk, "qa", " \n ", "qa_head")
    with pytest.raises(NotRemarked):
        say(desk, "qa", "x" * 2001, "qa_head")
    with pytest.raises(NotYet):
        say(desk, "qa", "Too early", "qa_head", week=Week.parse("2026-W48"))


@pytest.mark.requirement("S91")
def test_a_remark_that_did_not_come_in_time_is_proposed_as_a_penalty_once(desk: Desk) -> None:
    desk.registered()
    say(desk, "qa", "The tool was worn.", "qa_head")
    digest.do(desk.make, NEXT_MONDAY, CONTEXT)
    due = kept(desk).due_at
    assert f"{due.astimezone(CONTEXT.zone):%a %H:%M}" == "Mon 17:30"
    assert digest.do(desk.make, due - A_MINUTE, CONTEXT) == 0
    assert digest.do(desk.make, due, CONTEXT) == 1
    say(desk, "marketing", "Sorry.", "mkt_sup", at=due + A_MINUTE)
    assert digest.do(desk.make, due + timedelta(days=1), CONTEXT) == 0
    with desk.make() as session:
        penalty = session.scalars(select(Penalty).where(Penalty.week == str(WEEK))).one()
    assert (penalty.role, penalty.user_id, penalty.yuan) == ("clerk", desk["clerk"].id, 20)


# Readers


def test_a_reader_by_name_may_leave_and_one_by_role_may_not(desk: Desk) -> None:
    desk.registered()
    rule = Rule(roles=("gm",), people=(desk["qe"].id or 0, desk["sales"].id or 0))
    with transaction(desk.make) as session:
        digest_readers.change(session, rule, by=desk["admin"], at=desk.at)
        for role in ("gm", "qe"):
            channels.leave(session, desk[role], WEEKLY)
    assert digest.do(desk.make, NEXT_MONDAY, CONTEXT) == 2
    with desk.make() as session:
        marks = {
            row.recipient: row.values["leave"] for row in session.scalars(select(Outgoing)) if row.values.get("list")
        }
        emails = {role: session.get_one(User, desk[role].id).email for role in ("gm", "sales")}
    assert marks == {emails["gm"]: "", emails["sales"]: leaving_mark(CONTEXT.secret, desk["sales"].id or 0, WEEKLY)}


def test_a_mark_says_whose_it_is_and_nobody_else_can_write_it() -> None:
    mark = leaving_mark("secret", 7, DAILY)
    assert whose_mark("secret", mark) == (7, DAILY)
    assert whose_mark("another", mark) is None
    forged = [
        mark.replace("7", "8", 1),
        mark.replace(DAILY, WEEKLY),
        "",
        "daily",
        "daily.x.1",
        "daily.99999999999.1",
        "日",
    ]
    assert [whose_mark("secret", each) for each in forged] == [None] * len(forged)


def test_a_letter_links_those_complaints_that_open_to_its_reader(desk: Desk) -> None:
    desk.registered()
    digest.do(desk.make, NEXT_MONDAY, CONTEXT)
    with desk.make() as session:
        rows = {
            row.purpose: row.values["opens"] for row in session.scalars(select(Outgoing)) if row.kind == digest.KIND
        }
        (complaint,) = session.scalars(select(Complaint.id))
    assert rows[f"digest:{WEEK}:user:{desk['qa_mgr'].id}"] == [complaint]
    assert rows[f"digest:{WEEK}:user:{desk['gm'].id}"] == []


# One's own day


def letters(desk: Desk) -> dict[str, dict[str, object]]:
    with desk.make() as session:
        rows = session.execute(
            select(User.name, Outgoing.values)
            .join(User, User.email == Outgoing.recipient)
            .where(Outgoing.kind == daily.KIND)
        ).all()
    return {row.name: row.values for row in rows}


def test_a_day_begins_with_what_waits_for_a_person_and_says_nothing_to_others(desk: Desk) -> None:
    desk.draft(subject="Wrong torque mark")
    tomorrow = MONDAY + timedelta(hours=23, minutes=30)
    assert daily.do(desk.make, tomorrow - A_MINUTE, CONTEXT) == 0
    assert daily.do(desk.make, tomorrow, CONTEXT) == 1
    (values,) = letters(desk).values()
    assert values["counts"] == {"to_sign": 0, "overdue": 1, "due_today": 0, "new": 0, "actions": 0}
    assert daily.do(desk.make, tomorrow + A_MINUTE, CONTEXT) == 0


def test_everybody_is_thought_of_once_a_day_whatever_comes_later(desk: Desk) -> None:
    assert daily.do(desk.make, MONDAY, CONTEXT) == 0
    desk.draft()
    assert daily.do(desk.make, MONDAY + timedelta(hours=3), CONTEXT) == 0
    done = at_once(*(lambda: daily.do(desk.make, MONDAY + timedelta(days=1), CONTEXT) for _ in range(2)))
    assert sorted(done) == [0, 1]


def test_nobody_is_written_to_on_a_day_off_or_after_hours(desk: Desk) -> None:
    desk.draft()
    saturday, evening = MONDAY + timedelta(days=5), MONDAY + timedelta(hours=9)
    assert [daily.do(desk.make, at, CONTEXT) for at in (saturday, evening)] == [0, 0]


def test_who_wants_no_daily_letter_gets_none(desk: Desk) -> None:
    desk.draft()
    with transaction(desk.make) as session:
        channels.leave(session, desk["clerk"], DAILY)
    daily.do(desk.make, MONDAY + timedelta(days=1), CONTEXT)
    assert "clerk" not in letters(desk)


def test_nobody_gets_a_daily_letter_while_somebody_stands_in_for_them(desk: Desk) -> None:
    desk.draft()
    day = MONDAY.date()
    with transaction(desk.make) as session:
        absences.enter(
            session, desk["clerk"].id, day, day + timedelta(days=1), desk["mkt_vp"].id,
            by=desk["clerk"], at=MONDAY, today=day,
        )  # fmt: skip
    daily.do(desk.make, MONDAY + timedelta(days=1), CONTEXT)
    assert "clerk" not in letters(desk)
    daily.do(desk.make, MONDAY + timedelta(days=2), CONTEXT)
    assert "clerk" in letters(desk)


def test_what_is_to_be_signed_and_carried_out_has_sections_of_its_own(desk: Desk) -> None:
    number = desk.to_action_plan()
    desk.plan(number)
    daily.do(desk.make, MONDAY + timedelta(hours=2), CONTEXT)
    told = letters(desk)
    assert told["qe"]["counts"]["to_sign"] == 1  # type: ignore[index]


def test_of_confidential_matters_a_letter_says_only_how_many(desk: Desk) -> None:
    source = procedure().source.replace('key = "manufacturing"', 'key = "hushed"')
    use([read(source.replace("confidential = false", "confidential = true"), "hushed.toml")])
    with transaction(desk.make) as session:
        a_complaint(session, procedure="hushed", procedure_version=procedure("hushed").version, subject="Whispered")
    daily.do(desk.make, MONDAY + timedelta(hours=3), CONTEXT)
    told = letters(desk)["clerk"]
    assert told["hidden"] == 1
    assert "Whispered" not in str(told)


def test_a_clock_that_was_set_back_brings_the_letters_back_and_none_twice(desk: Desk) -> None:
    desk.draft()
    tomorrow, later = MONDAY + timedelta(days=1), MONDAY + timedelta(days=365)
    assert [daily.do(desk.make, at, CONTEXT) for at in (later, tomorrow, later, tomorrow)] == [1, 1, 0, 0]


def test_a_complaint_that_cannot_be_read_keeps_nobody_from_getting_letters(desk: Desk) -> None:
    broken, fine = desk.registered(subject="Unreadable"), desk.to_action_plan()
    desk.plan(fine)
    with transaction(desk.make) as session:
        desk.find(session, broken).procedure_version = 99
        a_complaint(session, procedure="gone", procedure_version=1, subject="Gone, too")
    assert daily.do(desk.make, MONDAY + timedelta(hours=3), CONTEXT) > 0
    assert "clerk" not in letters(desk)
    assert digest.do(desk.make, NEXT_MONDAY, CONTEXT) == 6
    data = kept(desk).data
    assert (data["received"], data["lists"]["received"]["total"]) == (1, 1)
    assert not {"Unreadable", "Gone, too"} & {fact["subject"] for fact in data["facts"].values()}


def test_of_two_who_choose_the_readers_for_the_first_time_at_once_one_is_told(desk: Desk) -> None:
    def choose(days: int) -> Rule:
        with transaction(desk.make) as session:
            return digest_readers.change(session, Rule(quiet_days=days), by=desk["admin"], at=MONDAY)

    assert {type(each) for each in at_once(lambda: choose(3), lambda: choose(4))} == {Rule, StaleRule}


def test_overdue_is_a_broken_promise_as_in_the_weekly_letter_and_no_planned_day(desk: Desk) -> None:
    number = desk.to_implementation()
    desk.write(number, "qa_reply", "qe")
    digest.do(desk.make, NEXT_MONDAY, CONTEXT)
    daily.do(desk.make, NEXT_MONDAY, CONTEXT)
    told, promises = letters(desk), kept(desk).data["overdue"]
    counted = {name: said["counts"]["overdue"] for name, said in told.items()}  # type: ignore[index]
    assert (promises, counted) == (0, dict.fromkeys(told, 0))
    (late,) = told["dept"]["sections"]["actions"]  # type: ignore[index]
    assert (late["due"], late["late"]) == ("2026-11-20", True)
