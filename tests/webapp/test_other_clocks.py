"""Clocks that go by a day that somebody entered, and targets, on the page of their complaint."""

import re

import pytest
import time_machine
from sqlalchemy.orm import Session, sessionmaker

from complaints import procedure, reply_templates
from complaints.database import transaction
from complaints.errors import Name
from complaints.people import User
from complaints.procedure import use
from complaints.procedure_file import read
from complaints.reply_templates import Template
from tests.complaints.test_other_clocks import registered, wall, write
from tests.desk import Desk
from tests.procedures import APPEAL, SERVICE
from tests.webapp.conftest import Browser, on_both_databases
from tests.webapp.test_complaint_page import visible


@pytest.fixture
def desk(make: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(procedure, "_known", {})
    use([read(SERVICE, "service.toml"), read(APPEAL, "appeal.toml")])
    return Desk(make)


def rows(html: str) -> list[str]:
    """The clocks of a page, each with its mark."""
    found = re.findall(r'(?s)<div class="clockrow".*?<b>.*?</b>\s*<span class="(.*?)">(.*?)</span></span>', html)
    return [f"{mark}: {visible(text)}" for mark, text in found]


@pytest.mark.requirement("S99", "S101")
def test_the_page_shows_both_due_times_and_a_missed_target_in_yellow(desk: Desk, browser_of: Browser) -> None:
    number = registered(desk, received="2026-11-15 09:00")
    write(desk, number, "2026-11-16 09:10", wanted="2026-11-19")
    html = browser_of(desk["clerk"]).get(f"/complaints/{number}").text
    assert "clock clock--soon: target missed by 30m" in rows(html)
    assert "→ due Fri 20 Nov, 17:30 A day or time was entered, which holds: → due Thu 19 Nov, 17:30" in visible(html)
    assert "By what clerk entered, “ Finish ” is due on Thu 19 Nov, 17:30 , not on Fri 20 Nov, 17:30" in visible(html)
    with transaction(desk.make) as session:
        session.get_one(User, desk["clerk"].id).locale = "zh_CN"
    assert "11月20日" in visible(browser_of(desk["clerk"]).get(f"/complaints/{number}").text)


def test_a_day_before_the_start_is_refused_at_its_field_and_stays_there(
    desk: Desk, browser_of: Browser, clock: time_machine.Traveller
) -> None:
    number = registered(desk)
    clock.move_to(wall("2026-11-16 11:30"))
    form = {"wanted": "2026-11-13", "version": "0"}
    answer = browser_of(desk["clerk"]).post(f"/complaints/{number}/records/service", data=form)
    assert answer.status_code == 422
    assert "“Customer&#39;s day” is before “Finish” begins: Mon 16 Nov 2026, 10:00" in answer.text
    assert 'value="2026-11-13"' in answer.text


@on_both_databases
@pytest.mark.requirement("S107")
def test_the_times_told_to_an_employee_are_clocks_on_the_page_tasks_in_my_work_and_in_the_letter(
    desk: Desk, browser_of: Browser, clock: time_machine.Traveller
) -> None:
    number = registered(desk, "appeal", follows="appeal")
    clock.move_to(wall("2026-11-16 11:00"))
    clerk, address = browser_of(desk["clerk"]), f"/complaints/{number}/records/points"
    for what, by in (("Hearing <b>", "2026-11-18T15:20"), ("Written decision", "2026-11-20T09:00")):
        assert clerk.post(address, data={"what": what, "by": by, "key": what}).status_code == 303
    html = clerk.get(f"/complaints/{number}").text
    assert "<b>Keep the time: Hearing &lt;b&gt;</b>" in html
    shown = visible(html)
    for text in ("Keep the time: Written decision", "→ due Wed 18 Nov, 15:20", "→ due Fri 20 Nov, 09:00"):
        assert text in shown, text
    waits = visible(clerk.get("/work").text)
    assert "Times told to the employee: Hearing" in waits
    assert "Times told to the employee: Written decision , due Fri 20 Nov" in waits
    desk.at = wall("2026-11-17 09:00")
    desk.write(number, "points", "clerk", place=2, by="2026-11-23 09:00")
    history = visible(clerk.get(f"/complaints/{number}").text)
    assert "By what clerk entered, “ Keep the time: Written decision ” is due on Mon 23 Nov, 09:00" in history
    with transaction(desk.make) as session:
        session.get_one(User, desk["clerk"].id).locale = "zh_CN"
    assert "按告知时间办理：Written decision" in visible(browser_of(desk["clerk"]).get(f"/complaints/{number}").text)


@pytest.mark.requirement("S107")
def test_the_letter_to_the_employee_is_filled_with_the_times_that_were_told(
    desk: Desk, browser_of: Browser, clock: time_machine.Traveller
) -> None:
    number = registered(desk, "appeal", follows="appeal")
    for what, by in (("Hearing", "2026-11-18 15:20"), ("Written decision", "2026-11-20 09:00")):
        desk.write(number, "points", "clerk", what=what, by=by)
    text = "You will hear from us at these times:\n{points}"
    letter = Template("own-points", Name("Times", "时间"), "en", text)
    with transaction(desk.make) as session:
        reply_templates.save(session, letter, by=desk["clerk"], at=desk.at, kinds={}, new=True)
    clock.move_to(desk.at)
    page = browser_of(desk["clerk"]).get(f"/complaints/{number}?template=own-points")
    assert (
        "You will hear from us at these times:\n"
        "Hearing: 18 November 2026, 15:20\nWritten decision: 20 November 2026, 09:00</textarea>"
    ) in page.text
