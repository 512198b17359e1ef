"""Settings → Calendar: what may be written, what it would change, and putting it in force."""

from datetime import date

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import calendars
from complaints.calendar import MAINLAND, PublicDays, public_days
from complaints.calendar_outline import Outline, form_of
from complaints.calendars import CalendarVersion, accept, newest
from complaints.clocks import Clock
from complaints.database import transaction
from complaints.people import SYSTEM, Actor
from tests.builders import MONDAY, a_complaint, a_customer, a_department, a_person
from tests.webapp.conftest import Browser, on_both_databases

Make = sessionmaker[Session]
PLACE = "/settings/calendar"
TODAY = MONDAY.date()
FORM = form_of(Outline()) | {"version": "0", "note": "", "different": f"{TODAY} off"}


@pytest.fixture(autouse=True)
def _looks_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "_looked", {})


@pytest.fixture
def admin(make: Make) -> Actor:
    with transaction(make) as session:
        a_department(session, "machining", "Machining", "机加工")
        a_customer(session)
        return a_person(session, "admin", "clerk", name="Ada Morrow")


@pytest.fixture
def number(admin: Actor, make: Make) -> str:
    with transaction(make) as session:
        return a_complaint(session, by=admin, at=MONDAY, customer_id=1).number


@pytest.fixture
def web(admin: Actor, browser_of: Browser) -> FlaskClient:
    return browser_of(admin)


def in_force(make: Make, owner: str = "") -> list[tuple[int, bool]]:
    with make() as session:
        return [(each.version, each.withdrawn) for each in calendars.versions(session, owner)]


def due(make: Make) -> set[date]:
    with make() as session:
        return {each.due_at.date() for each in session.scalars(select(Clock))}


@pytest.mark.parametrize("role", ["clerk", "qa_mgr", "gm"])
def test_for_everybody_else_there_is_nothing_here(role: str, admin: Actor, browser_of: Browser, make: Make) -> None:
    with transaction(make) as session:
        person = a_person(session, role)
    other = browser_of(person)
    assert {other.get(f"{PLACE}{path}").status_code for path in ("", "/department/1", "/customers")} == {404}
    assert other.post(PLACE, data=FORM | {"accept": "1"}).status_code == 404
    assert in_force(make) == []


def test_the_page_shows_the_year_and_says_which_is_provisional(web: FlaskClient) -> None:
    page = web.get(PLACE).text
    assert "November 2026" in page
    assert "Provisional" not in page
    assert '<td class="mkup"><span title="make-up work day">10' in page
    assert "Provisional" in web.get(f"{PLACE}?year=2027").text
    assert web.get(f"{PLACE}?year=1066").status_code == web.get(f"{PLACE}?year=x").status_code == 200


def test_what_it_changes_is_shown_and_nothing_is_in_force_yet(web: FlaskClient, make: Make, number: str) -> None:
    before = due(make)
    page = web.post(PLACE, data=FORM | {"look": "1"})
    assert page.status_code == 200
    assert "2 running clocks are due at another time." in page.text
    assert number in page.text
    assert (in_force(make), due(make)) == ([], before)
    as_it_is = web.post(PLACE, data=FORM | {"different": "", "look": "1"}).text
    assert "No running clock is due at another time." in as_it_is


@on_both_databases
def test_accepting_puts_it_in_force_and_moves_the_clocks(web: FlaskClient, make: Make, number: str) -> None:
    answer = web.post(PLACE, data=FORM | {"accept": "1", "note": "Stocktaking"})
    assert (answer.status_code, answer.headers["Location"]) == (303, PLACE)
    page = web.get(PLACE).text
    assert "The calendar is in force." in page
    assert "Stocktaking" in page
    assert '<td class="own hol today"><span title="off, today">16' in page
    assert (in_force(make), due(make)) == ([(1, False)], {date(2026, 11, 17)})
    shown = web.get(f"/complaints/{number}").text
    assert "By the calendar that <b>Ada Morrow</b> accepted" in shown
    assert web.post(PLACE, data=FORM | {"accept": "1"}).status_code == 303, "the same form again"
    assert in_force(make) == [(1, False)]


def test_what_is_wrong_is_told_at_its_field_and_what_was_typed_stays(web: FlaskClient, make: Make) -> None:
    answer = web.post(
        PLACE, data=FORM | {"week_2": "22:00-06:00", "zone": "Mars", "different": "2026-13-01 off", "accept": "1"}
    )
    assert answer.status_code == 422
    assert '<a href="#f-week_2">“22:00-06:00” ends before it begins.' in answer.text
    assert "There is no time zone “Mars”" in answer.text
    assert "Line 1: There is no 2026-13-01" in answer.text
    assert 'value="22:00-06:00"' in answer.text
    assert in_force(make) == []


def test_a_calendar_that_cannot_hold_a_limit_is_refused(web: FlaskClient, make: Make, number: str) -> None:
    hardly = {f"week_{day}": "" for day in range(7)} | {"week_0": "09:00-09:01", "look": "1"}
    with transaction(make) as session:
        for clock in session.scalars(select(Clock)):
            clock.receipt = clock.receipt | {"within": "9999 working hours"}
    answer = web.post(PLACE, data=FORM | hardly)
    assert answer.status_code == 422
    assert "There is not enough working time in the ten years after" in answer.text


def test_of_two_the_second_sees_what_the_first_accepted(web: FlaskClient, make: Make) -> None:
    web.post(PLACE, data=FORM | {"accept": "1"})
    mine = FORM | {"different": "2026-11-20 off", "accept": "1"}
    answer = web.post(PLACE, data=mine)
    assert answer.status_code == 409
    assert "Somebody else accepted another calendar meanwhile" in answer.text
    assert "2026-11-20 off</textarea>" in answer.text
    assert '<p class="words">2026-11-16 off</p>' in answer.text
    assert 'name="version" value="1"' in answer.text
    assert web.post(PLACE, data=mine | {"version": "1"}).status_code == 303
    assert in_force(make) == [(2, False), (1, False)]


def test_departments_and_customers_have_their_own_and_give_them_back(web: FlaskClient, make: Make, number: str) -> None:
    own = f"{PLACE}/customer/1"
    assert "It has no calendar of its own" in web.get(own).text
    assert web.post(own, data=FORM | {"accept": "1"}).headers["Location"] == own
    assert due(make) == {date(2026, 11, 17)}
    assert "Its own" in web.get(PLACE).text
    back = FORM | {"version": "1", "withdrawn": "1"}
    assert "2 running clocks" in web.post(own, data=back).text
    web.post(own, data=back | {"accept": "1"})
    assert (in_force(make, "customer:1"), due(make)) == ([(2, True), (1, False)], {TODAY})
    assert web.get(f"{PLACE}/department/1").status_code == 200
    assert web.get(f"{PLACE}/department/99").status_code == web.get(f"{PLACE}/customer/99").status_code == 404
    assert web.post(f"{PLACE}/department/99", data=FORM | {"accept": "1"}).status_code == 404


def test_a_customer_is_found_by_name(web: FlaskClient) -> None:
    assert web.get(f"{PLACE}/customers?name=Quellstrom Mobility").headers["Location"] == f"{PLACE}/customer/1"
    nobody = web.get(f"{PLACE}/customers?name=Nobody")
    assert nobody.status_code == 422
    assert "There is no customer of this name." in nobody.text


def test_an_administrator_alone_sees_no_customers_and_no_numbers(
    admin: Actor, browser_of: Browser, make: Make, number: str
) -> None:
    with transaction(make) as session:
        alone = a_person(session, "admin", name="Otto")
    web = browser_of(alone)
    assert web.get(f"{PLACE}/customer/1").status_code == 404
    page = web.post(PLACE, data=FORM | {"look": "1"}).text
    assert "2 running clocks" in page
    assert number not in page


def test_holidays_of_an_update_are_offered_and_taken_over_when_somebody_says_so(web: FlaskClient, make: Make) -> None:
    now = public_days(MAINLAND)
    with transaction(make) as session:
        before = PublicDays(now.off - {date(2026, 10, 1)}, now.worked, now.provisional)
        accept(session, "", Outline(), before, seen=0, by=SYSTEM, at=MONDAY)
    said = "The holidays that came with an update differ on 1 day."
    assert said in web.get(PLACE).text
    kept = FORM | {"version": "1", "accept": "1"}
    web.post(PLACE, data=kept)
    assert said in web.get(PLACE).text
    web.post(PLACE, data=kept | {"version": "2", "renew": "1"})
    assert said not in web.get(PLACE).text
    with make() as session:
        version = newest(session, "")
        assert version is not None
        assert calendars.days_of(version) == now


def test_what_is_previewed_can_be_written_on(web: FlaskClient) -> None:
    page = web.post(PLACE, data=FORM | {"write": "1", "note": "why"}).text
    assert 'value="why"' in page
    assert f"{TODAY} off</textarea>" in page


def test_many_clocks_are_paged(web: FlaskClient, admin: Actor, make: Make) -> None:
    with transaction(make) as session:
        numbers = [a_complaint(session, by=admin, at=MONDAY).number for _ in range(30)]
    first = web.post(PLACE, data=FORM | {"look": "1"}).text
    second = web.post(PLACE, data=FORM | {"page": "1"}).text
    assert "60 running clocks" in first
    assert "Page 2 of 2" in second
    assert first.count("C-2026-") + second.count("C-2026-") == 2 * 2 * len(numbers)
    with make() as session:
        assert session.scalars(select(CalendarVersion)).all() == []


def test_a_calendar_by_which_no_complaint_could_begin_is_not_accepted(web: FlaskClient, make: Make) -> None:
    closed = "\n".join(f"{year}-01-01..{year}-12-31 off" for year in range(2026, 2041))
    for place in (PLACE, f"{PLACE}/customer/1"):
        refused = web.post(place, data=FORM | {"different": closed, "accept": "1"})
        assert refused.status_code == 422
        assert "There is not enough working time in the ten years" in refused.text
    assert in_force(make) == in_force(make, "customer:1") == []
