"""Clocks that go by a day that somebody entered, and targets, on the page of their complaint."""

import re

import pytest
import time_machine
from sqlalchemy.orm import Session, sessionmaker

from complaints import procedure
from complaints.database import transaction
from complaints.people import User
from complaints.procedure import use
from complaints.procedure_file import read
from tests.complaints.test_other_clocks import registered, wall, write
from tests.desk import Desk
from tests.procedures import SERVICE
from tests.webapp.conftest import Browser
from tests.webapp.test_complaint_page import visible


@pytest.fixture
def desk(make: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(procedure, "_known", {})
    use([read(SERVICE, "service.toml")])
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
