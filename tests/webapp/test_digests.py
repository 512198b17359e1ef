"""The weekly letters in the app, and leaving one."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import channels, digest, digest_readers
from complaints.database import transaction
from complaints.digest_readers import leaving_mark
from complaints.outbox import Outgoing
from complaints.people import Actor, User
from complaints.weeks import Week
from tests.builders import MONDAY, a_complaint, a_customer, a_person
from tests.desk import CONTEXT
from tests.webapp.conftest import Browser, on_both_databases

WEEK = "2026-W46"
HERE = f"/digests/{WEEK}"
LAST_WEEK = MONDAY - timedelta(days=6)


@pytest.fixture
def head(make: sessionmaker[Session]) -> Actor:
    with transaction(make) as session:
        return a_person(session, "qa_head", name="Lin Zhixia")


@pytest.fixture
def taken(make: sessionmaker[Session], clerk: Actor, head: Actor) -> Actor:
    """The letter about a week in which two complaints came in; gives the general manager, who got it."""
    with transaction(make) as session:
        a_customer(session)
        gm = a_person(session, "gm", name="Otto Brandt")
        a_complaint(session, by=clerk, at=LAST_WEEK, customer_id=1, subject="Oil weeping <b>", complaint_class="major")
        a_complaint(session, by=clerk, at=LAST_WEEK, customer_id=1, subject="Box torn", complaint_class="general")
    assert digest.do(make, MONDAY, CONTEXT) == 2
    return gm


def test_who_reads_no_letters_finds_none(desk: FlaskClient, taken: Actor) -> None:
    assert [desk.get(each).status_code for each in ("/digests", HERE, f"{HERE}/open")] == [404] * 3
    assert desk.post(f"{HERE}/read").status_code == 404
    assert "/digests" not in desk.get("/me/mail").text


@on_both_databases
def test_the_page_shows_the_letter_as_it_was(
    make: sessionmaker[Session], taken: Actor, clerk: Actor, browser_of: Browser
) -> None:
    with transaction(make) as session:
        a_complaint(session, by=clerk, at=LAST_WEEK, subject="Written down late")
    page = browser_of(taken).get(HERE).text
    assert "Week 2026-W46" in page
    assert "Oil weeping &lt;b&gt;" in page
    assert "Not issued yet" in page
    assert f'href="{HERE}/received">2</a>' in page
    again = browser_of(taken).get(f"{HERE}?again=1").text
    assert "today 3" in again
    assert "(+1)" in again


def test_every_figure_leads_to_the_list_behind_it(taken: Actor, head: Actor, browser_of: Browser) -> None:
    seen = browser_of(head)
    assert seen.get(f"{HERE}/open").text.count('<th scope="row">') == 2
    heavy = seen.get(f"{HERE}/received?class=major").text
    assert "C-2026-0001" in heavy
    assert "C-2026-0002" not in heavy
    assert seen.get(f"{HERE}/received?department=-").text.count('<th scope="row">') == 2
    assert seen.get(f"{HERE}/nothing").status_code == 404


def test_a_list_opens_to_a_reader_as_far_as_the_complaints_do(taken: Actor, browser_of: Browser) -> None:
    page = browser_of(taken).get(f"{HERE}/open").text
    assert "2 more do not open to you." in page
    assert "C-2026-0001" not in page


def test_remarks_of_both_sides_issue_the_letter(
    make: sessionmaker[Session], taken: Actor, head: Actor, browser_of: Browser
) -> None:
    with transaction(make) as session:
        supervisor = a_person(session, "mkt_sup", name="Mei Tan")
    for who, side, text in ((head, "qa", "Seals: the tool was worn."), (supervisor, "marketing", "They want a visit.")):
        said = {"side": side, "text": text, "version": "0"}
        assert browser_of(who).post(f"{HERE}/remarks", data=said).status_code == 303
    page = browser_of(taken).get(HERE).text
    assert "Seals: the tool was worn." in page
    assert "They want a visit." in page
    assert "Issued" in page
    with make() as session:
        owed = session.scalars(select(Outgoing.purpose).where(Outgoing.kind == digest.ADDED)).all()
    assert f"digest:{WEEK}:qa:user:{taken.id}" in owed
    assert f"digest:{WEEK}:marketing:user:{taken.id}" in owed


def test_an_empty_remark_is_refused_at_the_field_and_another_sides_is_not_theirs(
    taken: Actor, head: Actor, browser_of: Browser
) -> None:
    theirs = browser_of(head)
    empty = theirs.post(f"{HERE}/remarks", data={"side": "qa", "text": "  ", "version": "0"})
    assert empty.status_code == 422
    assert 'id="f-qa-problem"' in empty.text
    assert theirs.post(f"{HERE}/remarks", data={"side": "marketing", "text": "No"}).status_code == 403
    assert theirs.post(f"{HERE}/remarks", data={"side": "sales", "text": "No"}).status_code == 422


def test_of_two_who_change_a_remark_the_second_sees_both_texts(taken: Actor, head: Actor, browser_of: Browser) -> None:
    theirs = browser_of(head)
    theirs.post(f"{HERE}/remarks", data={"side": "qa", "text": "The first", "version": "0"})
    late = theirs.post(f"{HERE}/remarks", data={"side": "qa", "text": "The second", "version": "0"})
    assert late.status_code == 409
    assert "The first" in late.text
    assert "The second" in late.text
    again = theirs.post(f"{HERE}/remarks", data={"side": "qa", "text": "The first", "version": "0"})
    assert again.status_code == 303


def test_a_reader_says_that_they_have_read_it(taken: Actor, browser_of: Browser) -> None:
    reader = browser_of(taken)
    assert "I have read it" in reader.get(HERE).text
    assert [reader.post(f"{HERE}/read").status_code for _ in range(2)] == [303, 303]
    page = reader.get(HERE).text
    assert "You have read it" in page
    assert page.count("Otto Brandt</span>, <span") == 1


def test_a_week_without_a_letter_shows_the_figures_so_far(taken: Actor, browser_of: Browser) -> None:
    reader = browser_of(taken)
    assert "These are the figures so far." in reader.get("/digests/2026-W47").text
    assert "No letter went out" in reader.get("/digests/2026-W40").text
    assert [reader.get(f"/digests/{week}").status_code for week in ("2026-W54", "2027-W01", "x")] == [404] * 3


def test_a_link_leaves_a_letter_by_post_alone_and_without_signing_in(
    make: sessionmaker[Session], app: object, clerk: Actor, desk: FlaskClient
) -> None:
    stranger = desk.application.test_client()
    address = f"/digests/leave/{leaving_mark('s' * 40, clerk.id or 0, 'daily')}"
    assert stranger.get(address).status_code == 200
    assert wants(make, clerk)
    assert stranger.post(address, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not wants(make, clerk)
    desk.post("/me/mail", data={"mail": "daily"})
    assert wants(make, clerk)
    assert [
        stranger.get(f"/digests/leave/{each}").status_code for each in (f"daily.{clerk.id}.00", "x", "weekly..")
    ] == [404] * 3


def wants(make: sessionmaker[Session], actor: Actor) -> bool:
    with make() as session:
        return channels.wants(session.get_one(User, actor.id).preferences, "daily")


def test_who_gets_the_weekly_letter_by_a_role_cannot_leave_it(
    make: sessionmaker[Session], taken: Actor, desk: FlaskClient
) -> None:
    address = f"/digests/leave/{leaving_mark('s' * 40, taken.id or 0, 'weekly')}"
    assert "Your role gets this letter." in desk.application.test_client().post(address).text
    with make() as session:
        people = [each.user.id for each in digest_readers.readers(session, digest_readers.rule(session), MONDAY.date())]
    assert taken.id in people


def test_an_administrator_chooses_who_gets_it(
    make: sessionmaker[Session], clerk: Actor, desk: FlaskClient, browser_of: Browser
) -> None:
    with transaction(make) as session:
        tomas = a_person(session, "admin", name="Tomas")
    admin = browser_of(tomas)
    assert desk.get("/settings/digest").status_code == 404
    chosen = {"sent": "1", "roles": ["gm"], "people": [str(clerk.id)], "quiet_days": "3", "version": "0"}
    assert admin.post("/settings/digest", data=chosen).status_code == 303
    with make() as session:
        rule = digest_readers.rule(session)
    assert (rule.roles, rule.people, rule.quiet_days) == (("gm",), (clerk.id,), 3)
    assert desk.get("/digests").status_code == 200
    assert 'href="/digests"' in desk.get("/me/mail").text
    stale = admin.post("/settings/digest", data=chosen | {"quiet_days": "4"})
    assert stale.status_code == 409
    assert 'value="4"' in stale.text
    wrong = {"sent": "1", "roles": ["king"], "people": ["999"], "quiet_days": "soon", "version": "1"}
    refused = admin.post("/settings/digest", data=wrong)
    assert refused.status_code == 422
    assert all(f'id="f-{field}-problem"' in refused.text for field in ("roles", "people", "quiet_days"))
    assert 'value="soon"' in refused.text


def test_the_week_of_a_letter_is_an_iso_week() -> None:
    assert [str(Week.parse(each)) for each in ("2026-W01", "2026-W53")] == ["2026-W01", "2026-W53"]


@on_both_databases
def test_a_letter_of_several_procedures_is_narrowed_to_one(
    make: sessionmaker[Session], clerk: Actor, head: Actor, browser_of: Browser
) -> None:
    with transaction(make) as session:
        a_customer(session)
        a_complaint(session, by=clerk, at=LAST_WEEK, customer_id=1, subject="Oil weeping", complaint_class="major")
        for subject in ("Letter opened", "Parcel late"):
            a_complaint(
                session, by=clerk, at=LAST_WEEK, customer_id=1, subject=subject, complaint_class="simple",
                procedure_key="postal",
            )  # fmt: skip
    digest.do(make, MONDAY, CONTEXT)
    seen = browser_of(head)
    whole = seen.get(HERE).text
    assert f'href="{HERE}?procedure=postal"' in whole
    assert f'href="{HERE}/received">3</a>' in whole
    part = seen.get(f"{HERE}?procedure=postal&again=1").text
    assert f'href="{HERE}/received?procedure=postal">2</a>' in part
    assert f'href="{HERE}/received?class=simple&amp;procedure=postal">2</a>' in part
    assert "Oil weeping" not in part
    assert "Replies in time" not in part
    behind = seen.get(f"{HERE}/received?procedure=postal").text
    assert behind.count('<th scope="row">') == 2
    assert f'href="{HERE}?procedure=postal"' in behind
    assert f'href="{HERE}/received">3</a>' in seen.get(f"{HERE}?procedure=bakery").text


def test_a_letter_of_one_procedure_has_no_switch(taken: Actor, browser_of: Browser) -> None:
    assert "?procedure=" not in browser_of(taken).get(HERE).text
