"""A clock's receipt on the page of its complaint, and the page on which it is paused or an earlier time entered."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import clocks, reminders, signin
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.customers import Customer
from complaints.database import transaction
from complaints.people import User
from tests.desk import CONTEXT, Desk
from tests.webapp.conftest import Browser, on_both_databases
from tests.webapp.test_complaint_page import visible

FRIDAY = datetime(2026, 11, 13, 9, 0, tzinfo=UTC)  # 17:00 in Shanghai


@pytest.fixture
def people(make: sessionmaker[Session]) -> Desk:
    return Desk(make, at=FRIDAY - timedelta(minutes=1))


@pytest.fixture
def number(people: Desk, clock: time_machine.Traveller) -> str:
    """A complaint of Friday, 17:00, whose customer was asked something on Monday at 10:00; it is 10:30."""
    number = people.registered()
    with transaction(people.make) as session:
        agreed = [{"procedure": "manufacturing", "clock": "qa_reply", "pauses": True}]
        session.scalars(select(Customer)).one().limits = agreed
    people.write(number, "first_review", "mkt_sup")
    people.write(number, "form", "sales")
    people.sign(number, "form_issued", "sales")
    people.sign(number, "form_approved", "mkt_sup")
    people.sign(number, "receipt", "qa_head")
    people.write(number, "assignment", "qa_head", qe=str(people["qe"].id))
    people.move(number, "investigation", "qa_head")
    people.at = datetime(2026, 11, 16, 1, 59, tzinfo=UTC)
    people.contact(number, "other")
    clock.move_to(datetime(2026, 11, 16, 2, 30, tzinfo=UTC))
    return number


def the_clock(people: Desk, number: str, key: str = "qa_reply") -> Clock:
    with people.make() as session:
        complaint = session.scalars(select(Complaint).where(Complaint.number == number)).one()
        return next(each for each in clocks.of(session, "complaint", complaint.id) if each.key == key)


def address(people: Desk, number: str, act: str = "", key: str = "qa_reply") -> str:
    return f"/complaints/{number}/clocks/{the_clock(people, number, key).id}{act}"


@pytest.fixture
def qe(people: Desk, browser_of: Browser) -> FlaskClient:
    return browser_of(people["qe"])


@pytest.mark.requirement("S83", "S84")
def test_every_clock_opens_its_receipt_day_by_day_in_both_languages(
    people: Desk, number: str, qe: FlaskClient, browser_of: Browser
) -> None:
    html = qe.get(f"/complaints/{number}").text
    receipt = visible(re.findall(r'(?s)<div class="receipt">.*?</div>', html)[1])
    assert receipt == (
        "From Fri 13 Nov, 17:00 , 2 working hours. The days that count Day Hours Working time "
        "Fri 13 Nov 17:00–17:30 0:30 Sat 14 Nov–Sun 15 Nov weekend Mon 16 Nov 08:30–10:00 1:30 → due Mon 16 Nov, 10:00"
    )
    with transaction(people.make) as session:
        session.get_one(User, people["qe"].id).locale = "zh_CN"
    assert "11月14日 周六–11月15日 周日" in visible(qe.get(f"/complaints/{number}").text)


@on_both_databases
def test_a_clock_is_paused_with_what_asked_shown_as_waiting_and_let_run_on(
    people: Desk, number: str, qe: FlaskClient, clock: time_machine.Traveller
) -> None:
    here = address(people, number)
    assert "Pause, or done earlier…" in visible(qe.get(f"/complaints/{number}").text)
    refused = qe.post(f"{here}/pauses", data={"reason": "lot numbers <b>"})
    assert refused.status_code == 422
    assert "Choose the mail or the talk in which the customer was asked" in visible(refused.text)
    assert "lot numbers &lt;b&gt;</textarea>" in refused.text
    question = re.findall(r'<option value="(contact:\d+)"', refused.text)
    form = {"reason": "lot numbers", "asked": question[0], "key": "k1"}
    for _ in range(2):
        assert qe.post(f"{here}/pauses", data=form).status_code == 303
    clock.shift(timedelta(hours=4))  # 14:30, three hours of work
    shown = visible(qe.get(here).text)
    for text in ("paused, 2d 6h left", "3h of it waited for the customer", "if it ran on now", "lot numbers",
                 "asked on Mon 16 Nov, 10:00", "Stands still since"):  # fmt: skip
        assert text in shown, text
    shown = visible(qe.get(f"/complaints/{number}").text)
    for text in ("Let it run on, or done earlier…", "paused since Mon 16 Nov, 10:30 ; due Thu 19 Nov, 11:30"):
        assert text in shown, text
    for list_ in ("/board", "/work"):
        assert '<span class="clock clock--paused">Paused since 10:30</span>' in qe.get(list_).text
    assert qe.post(f"{here}/run-on").status_code == 303
    assert "Paused since" not in visible(qe.get("/board").text)
    shown = visible(qe.get(f"/complaints/{number}").text)
    assert "3h of it waited for the customer" in shown
    assert "Paused Mon 16 Nov, 10:30 to Mon 16 Nov, 14:30 , 3:00 added → due Thu 19 Nov, 11:30" in shown
    assert "qe paused the clock “ QA's reply ”: lot numbers" in shown
    assert "qe let the clock “ QA's reply ” run on" in shown


def test_a_clock_that_waits_for_nobody_offers_no_pause_and_who_is_not_responsible_finds_no_form(
    people: Desk, number: str, browser_of: Browser
) -> None:
    clerk = browser_of(people["clerk"])
    mine, others = (clerk.get(address(people, number, key=key)).text for key in ("notify_register", "qa_reply"))
    assert "Wait for the customer" not in mine
    assert "Done earlier than written down" in mine
    assert "<textarea" not in others
    form = {"reason": "lot numbers", "asked": "contact:1"}
    assert clerk.post(address(people, number, "/pauses"), data=form).status_code == 403
    stranger = browser_of(people["staff"])
    assert stranger.get(address(people, number)).status_code == 404
    assert stranger.post(address(people, number, "/pauses"), data=form).status_code == 404
    assert clerk.get(f"/complaints/{number}/clocks/99999").status_code == 404


@on_both_databases
def test_an_earlier_real_time_is_entered_with_its_reason_and_shown_as_back_dated(
    people: Desk, number: str, qe: FlaskClient, clock: time_machine.Traveller
) -> None:
    here = address(people, number, "/real-time")
    for done, says in (
        ("2026-11-13T16:00", "This is before the clock began"), ("2026-11-16T10:31", "This is in the future"),
        ("yesterday", "Say the date and the time at which it was done"),
    ):  # fmt: skip
        refused = qe.post(here, data={"done": done, "why": "told by phone"})
        assert refused.status_code == 422
        assert says in visible(refused.text)
        assert "told by phone</textarea>" in refused.text
    people.at = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    clock.move_to(people.at + timedelta(hours=1))
    with transaction(people.make) as session:
        token = signin.begin(session, session.get_one(User, people["qe"].id), at=people.at, keep=False)
    with qe.session_transaction() as cookie:
        cookie["_user_id"] = token
    people.write(number, "qe_entry", "qe")
    people.write(number, "qa_reply", "qe")
    assert the_clock(people, number).outcome == "late"
    form = {"done": "2026-11-17T16:00", "why": "told by phone", "key": "k1"}
    for _ in range(2):
        assert qe.post(here, data=form).status_code == 303
    kept = the_clock(people, number)
    assert (kept.outcome, kept.stopped_at) == ("met", datetime(2026, 11, 17, 8, 0, tzinfo=UTC))
    shown = visible(qe.get(f"/complaints/{number}").text)
    assert "(back-dated)" in shown
    assert "Back-dated: recorded Mon 23 Nov, 10:02 . told by phone" in shown
    assert "qe entered that “ QA's reply ” was done on Tue 17 Nov, 16:00 : told by phone" in shown
    later = qe.post(here, data={"done": "2026-11-17T16:01", "why": "told by phone"})
    assert "This is not earlier than the time that stands there" in visible(later.text)


@on_both_databases
def test_a_clock_tells_who_was_reminded_when_and_as_which_step(
    people: Desk, number: str, browser_of: Browser, clock: time_machine.Traveller
) -> None:
    with transaction(people.make) as session:
        session.get_one(User, people["qe"].id).superior_id = people["qa_mgr"].id
    here = address(people, number)
    clerk = browser_of(people["clerk"])
    assert f'href="{here}#reminded"' in clerk.get(f"/complaints/{number}").text
    assert "Who was reminded Nobody yet." in visible(clerk.get(here).text)
    for told_at in ("2026-11-18T15:30", "2026-11-18T17:30", "2026-11-19T08:30"):
        reminders.remind(people.make, datetime.fromisoformat(f"{told_at}+08:00").astimezone(UTC), CONTEXT)
    shown = visible(clerk.get(here).text)
    assert (
        "Who was reminded Three quarters of the time were gone qe Wed 18 Nov, 15:30 The time was up qe "
        "Wed 18 Nov, 17:30 Overdue, step 1 of the ladder qe , qa_mgr Thu 19 Nov, 08:30"
    ) in shown
