"""Cleaning: complaints that are handled within the hour or by a set time, and re-checked."""

from datetime import datetime, timedelta

import pytest

from complaints.errors import MoveRefused
from tests.desk import Desk
from tests.profiles.acts import leave, the_clock, the_clocks, told_on, wall
from tests.profiles.conftest import Walk
from tests.walking import Walker

STAGES = ("handling", "verification", "customer_reply", "closed")
ENTRY = {"address": "Harbour Plaza, tower B"}
SOON = "2026-11-16T15:20+08:00"


@pytest.fixture
def cleaning(walk: Walk) -> Walker:
    return walk("cleaning", recheck__result="passed", answer__decision="accepted", deadline__set_for=SOON)


def received(walker: Walker, at: str, **fields: str) -> Walker:
    walker.desk.at = wall(at) - timedelta(minutes=1)
    return walker.draft(**(ENTRY | fields))


def on_the_way(walker: Walker, stage: str) -> Walker:
    walker.register(**ENTRY)
    for each in STAGES[: STAGES.index(stage) + 1]:
        walker.to(each)
    return walker


@pytest.mark.parametrize("complaint_class", ["general", "special"])
def test_a_complaint_goes_from_its_first_message_to_its_end(cleaning: Walker, complaint_class: str) -> None:
    cleaning.register(**ENTRY, complaint_class=complaint_class)
    for stage in STAGES:
        assert cleaning.refused(stage)
        cleaning.to(stage)
    assert cleaning.stage == "closed"


def test_every_stage_says_what_it_asks(cleaning: Walker) -> None:
    cleaning.draft(complaint_class=None)
    assert {"Site is missing", "Class is missing"} <= {*cleaning.refused("registered")}
    cleaning.correct(**ENTRY, complaint_class="general")
    cleaning.to("registered")
    assert "“Assignment” is not filled in yet" in cleaning.refused("handling")
    cleaning.to("handling")
    assert "“What was done” is not filled in yet" in cleaning.refused("verification")
    cleaning.to("verification").write("recheck", result="again")
    assert cleaning.refused("customer_reply") == ["The re-check must be passed; otherwise it goes back to handling"]
    cleaning.write("recheck", result="passed").to("customer_reply").write("answer", decision="rejected")
    assert {"The customer must have been told the result", "The customer must have accepted"} <= {
        *cleaning.refused("closed")
    }


@pytest.mark.requirement("S102")
@pytest.mark.parametrize(
    ("came", "due"),
    [("2026-11-13 17:00", "2026-11-16 09:00"), ("2026-11-16 10:00", "2026-11-16 11:00")],
)
@pytest.mark.parametrize(("after", "outcome"), [(0, "met"), (1, "late")])
def test_a_general_complaint_is_handled_within_a_working_hour(
    cleaning: Walker, desk: Desk, came: str, due: str, after: int, outcome: str
) -> None:
    received(cleaning, came, complaint_class="general")
    assert the_clock(desk, cleaning.number, "clean_general").due_at == wall(due)
    cleaning.to("registered").to("handling")
    desk.at = wall(due) + timedelta(minutes=after - 1)
    cleaning.write("handling")
    assert the_clock(desk, cleaning.number, "clean_general").outcome == outcome


@pytest.mark.requirement("S102")
def test_the_hour_runs_from_the_first_message_before_anybody_gave_it_a_class(cleaning: Walker, desk: Desk) -> None:
    received(cleaning, "2026-11-16 10:00", complaint_class=None)
    assert the_clock(desk, cleaning.number, "clean_general").due_at == wall("2026-11-16 11:00")
    cleaning.correct(complaint_class="special")
    assert the_clock(desk, cleaning.number, "clean_general").outcome == "cancelled"


@pytest.mark.requirement("S102")
@pytest.mark.parametrize(("handled", "outcome"), [("2026-11-16 15:20", "met"), ("2026-11-16 15:21", "late")])
def test_a_special_complaint_asks_for_its_time_and_goes_by_it(
    cleaning: Walker, desk: Desk, handled: str, outcome: str
) -> None:
    received(cleaning, "2026-11-16 10:00", complaint_class="special")
    assert the_clocks(desk, cleaning.number) == {}
    assert "A special complaint needs the time by which it is handled" in cleaning.refused("registered")
    cleaning.to("registered").to("handling")
    assert the_clock(desk, cleaning.number, "clean_special").due_at == datetime.fromisoformat(SOON)
    desk.at = wall(handled) - timedelta(minutes=1)
    cleaning.write("handling")
    assert the_clock(desk, cleaning.number, "clean_special").outcome == outcome


@pytest.mark.requirement("S233")
@pytest.mark.parametrize("level", ["severe", "general", "minor"])
def test_severe_and_general_findings_get_a_written_notice_and_all_are_rechecked(
    cleaning: Walker, desk: Desk, level: str
) -> None:
    on_the_way(cleaning, "handling").write("handling")
    cleaning.write("findings", new=True, level=level, notice="spoken", owner="dept")
    (row,) = cleaning.case().rows["findings"]
    assert cleaning.people["dept"][0].id in told_on(desk, cleaning.number)
    refused = ["A severe or general finding gets a written notice"] if level != "minor" else []
    assert cleaning.refused("verification") == refused
    cleaning.write("findings", place=row.place, notice="written").to("verification").write("recheck")
    assert cleaning.refused("customer_reply") == ["Every finding is re-checked"]
    cleaning.write("findings", place=row.place, recheck="again")
    assert cleaning.refused("customer_reply") == ["Every finding is re-checked"]
    cleaning.write("findings", place=row.place, recheck="passed").to("customer_reply")


def test_what_is_not_in_order_or_not_accepted_goes_back(cleaning: Walker) -> None:
    on_the_way(cleaning, "verification").to("handling", reason="Still dusty")
    cleaning.to("verification").to("customer_reply").to("handling", reason="Smells")
    for stage in STAGES[1:]:
        cleaning.to(stage)
    cleaning.to("handling", reason="Dusty again")
    assert cleaning.case().complaint.round == 4


def test_without_an_answer_it_closes_only_by_leave(cleaning: Walker) -> None:
    cleaning.told["answer.decision"] = "silent"
    on_the_way(cleaning, "customer_reply").write("answer")
    assert any("Leave to close" in each for each in cleaning.refused("closed"))
    cleaning.to("closed")


def test_a_withdrawal_is_confirmed_by_somebody_else(cleaning: Walker, desk: Desk) -> None:
    on_the_way(cleaning, "handling")
    with pytest.raises(MoveRefused):
        leave(desk, cleaning.number, "withdrawn")
    cleaning.write("withdrawal").sign("withdrawal_confirmed")
    leave(desk, cleaning.number, "withdrawn")


# The quality file of a site

MONTHLY = ("evaluated", "closed")


@pytest.fixture
def site(walk: Walk) -> Walker:
    return walk("cleaning_site").draft(**ENTRY)


def test_a_sites_month_goes_from_its_beginning_to_its_end(site: Walker, desk: Desk) -> None:
    assert "“Organisation of the site” is not filled in yet" in site.refused("running")
    site.to("running")
    for stage in MONTHLY:
        assert site.refused(stage)
        site.to(stage)
    assert site.stage == "closed"
    assert the_clocks(desk, site.number) == {}


@pytest.mark.requirement("S232")
def test_posts_trainings_and_rounds_are_recorded(site: Walker) -> None:
    site.to("running")
    assert "“Posts” has no complete entry yet" in site.refused("evaluated")
    site.write("posts", new=True, post="Lobby", who="Wang Fang")
    site.write("trainings", new=True, topic="Wet floors").write("visits", new=True, text="Content")
    rows = site.case().rows
    assert {key: len(rows[key]) for key in ("posts", "trainings", "visits")} == {
        "posts": 1,
        "trainings": 1,
        "visits": 1,
    }


@pytest.mark.requirement("S233")
def test_a_finding_of_the_daily_inspection_is_closed_by_its_recheck(site: Walker, desk: Desk) -> None:
    site.to("running").write("inspections", new=True, result="findings")
    site.write("findings", new=True, level="severe", notice="spoken", owner="dept")
    assert site.people["dept"][0].id in told_on(desk, site.number)
    refused = site.refused("evaluated")
    assert {"A severe or general finding gets a written notice", "Every finding is re-checked"} <= {*refused}
    (row,) = site.case().rows["findings"]
    site.write("findings", place=row.place, notice="written", recheck="passed").to("evaluated")


@pytest.mark.requirement("S234")
def test_a_month_asks_for_two_rounds_of_the_quality_manager_and_their_result(site: Walker) -> None:
    site.to("running").write("rounds", new=True, score="92")
    assert "“Quality manager's rounds” needs 2 complete entries; it has 1" in site.refused("evaluated")
    site.write("rounds", new=True, score="95").to("evaluated")
    assert "“Result of the month for the project manager's pay” is not filled in yet" in site.refused("closed")
    site.write("evaluation", score="93.5")
    assert any("Result of the month confirmed" in each for each in site.refused("closed"))
    site.to("closed")


def test_a_month_may_be_continued_or_dropped(site: Walker, desk: Desk) -> None:
    site.to("running").to("evaluated").to("running", reason="A round is missing").to("evaluated").to("closed")
    site.to("running", reason="One more finding")
    leave(desk, site.number, "dropped", "qe")
    assert site.case().rules.stage(site.stage).off_board
