"""The bell, the page of all notices, and the mail about one."""

import email
import email.policy
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from complaints import notices
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.notices import COUNTED, Notice
from complaints.outbox import Outgoing
from complaints.people import SYSTEM, Actor
from complaints.settings import Settings
from jobs.letters import make_app, render
from tests.builders import a_complaint, a_person
from tests.webapp.conftest import NOW, Browser, on_both_databases
from tests.webapp.test_board import HTMX, counted

HERE = "/complaints/C-2026-0001"
Tell = Callable[..., None]


@pytest.fixture
def qe(make: sessionmaker[Session]) -> Actor:
    with transaction(make) as session:
        return a_person(session, "qe", name="陆子衡")


@pytest.fixture
def complaint(make: sessionmaker[Session]) -> Complaint:
    with transaction(make) as session:
        return a_complaint(session, subject="Oil <b>weeping</b>")


@pytest.fixture
def tell(make: sessionmaker[Session], qe: Actor, complaint: Complaint) -> Tell:
    def telling(event: str = "registered", *, about: Complaint = complaint, to: Actor = qe, **more: Any) -> None:
        values = {"by": SYSTEM, "at": NOW, "today": NOW.date(), "secret": "s" * 40, "domain": "mill.example"} | more
        with transaction(make) as session:
            notices.tell(session, session.merge(about, load=False), [to.id or 0], event, **values)

    return telling


def visible(html: str) -> str:
    """A page as its reader sees it, roughly."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def bell(page: str) -> str:
    return visible(page[page.index('id="bell-count"') - 6 : page.index("</button>", page.index('id="bell-count"'))])


@on_both_databases
def test_the_bell_says_how_many_are_new_on_every_page(qe: Actor, tell: Tell, browser_of: Browser) -> None:
    desk = browser_of(qe)
    assert bell(desk.get("/board").text) == "Notices"
    tell()
    tell("closed")
    assert [bell(desk.get(path).text) for path in ("/board", "/inbox", "/notices")] == ["2 Notices, 2 new"] * 3


def test_the_bell_counts_no_further_than_99(
    qe: Actor, complaint: Complaint, make: sessionmaker[Session], browser_of: Browser
) -> None:
    with transaction(make) as session:
        session.add_all(
            Notice(user_id=qe.id, complaint_id=complaint.id, version=n, event="closed", values={"who": "x"}, at=NOW)
            for n in range(COUNTED)
        )
    assert bell(browser_of(qe).get("/board").text) == "99+ Notices, 99+ new"


@on_both_databases
def test_the_bell_is_one_query_answered_from_the_index_of_the_unread(
    app: Flask, qe: Actor, complaint: Complaint, tell: Tell, make: sessionmaker[Session], browser_of: Browser
) -> None:
    with transaction(make) as session:
        session.add_all(
            Notice(user_id=qe.id, complaint_id=complaint.id, version=n, event="e", values={}, at=NOW, read_at=NOW)
            for n in range(2, 500)
        )
    tell()
    desk = browser_of(qe)
    with counted(app) as statements:
        desk.get("/board")
    assert len([statement for statement in statements if "FROM notice" in statement]) == 1
    with make() as session:
        session.execute(text("ANALYZE"))
        postgres = session.get_bind().dialect.name == "postgresql"
        count = notices.counted(qe).compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = session.execute(text(("EXPLAIN " if postgres else "EXPLAIN QUERY PLAN ") + str(count)))
        assert "ix_notice_unread" in "\n".join(str(row) for row in plan)


@on_both_databases
def test_opening_the_complaint_reads_what_was_told_about_it_and_nothing_else(
    qe: Actor, tell: Tell, browser_of: Browser, make: sessionmaker[Session]
) -> None:
    with transaction(make) as session:
        other = a_complaint(session)
    tell()
    tell("closed")
    tell(about=other)
    desk = browser_of(qe)
    assert bell(desk.get(HERE).text) == "1 Notices, 1 new"
    with make() as session:
        assert list(session.scalars(select(Notice.read_at).order_by(Notice.id))) == [NOW, NOW, None]


def test_a_page_without_notices_writes_nothing(
    app: Flask, qe: Actor, tell: Tell, browser_of: Browser, make: sessionmaker[Session]
) -> None:
    with transaction(make) as session:
        other = a_complaint(session)
    tell(about=other)
    desk = browser_of(qe)
    with counted(app) as statements:
        assert desk.get(HERE).status_code == 200
    assert not [statement for statement in statements if statement.startswith("UPDATE")]


def test_the_page_of_notices_is_by_day_with_the_new_ones_marked(
    qe: Actor, tell: Tell, browser_of: Browser, make: sessionmaker[Session]
) -> None:
    tell(at=NOW - timedelta(days=1))
    with transaction(make) as session:
        notices.mark_read(session, qe, at=NOW)
    tell("closed")
    page = browser_of(qe).get("/notices").text
    shown = visible(page[page.index("<main") :])
    assert "Mon 16 Nov 2026 New Redress closed it 09:30 C-2026-0001 Oil <b>weeping</b>" in shown
    assert "Sun 15 Nov 2026 Redress registered a complaint" in shown
    assert "<b>weeping" not in page
    assert page.count('class="newsrow newsrow--new"') == 1


def test_older_notices_are_a_link_away(
    qe: Actor, complaint: Complaint, make: sessionmaker[Session], browser_of: Browser
) -> None:
    with transaction(make) as session:
        session.add_all(
            Notice(user_id=qe.id, complaint_id=complaint.id, version=n, event="closed", values={"who": "x"}, at=NOW)
            for n in range(40)
        )
    desk = browser_of(qe)
    page = desk.get("/notices").text
    assert page.count("newsrow__s") == 30
    older = desk.get(re.findall(r'"(/notices\?before=\d+)"', page)[0]).text
    assert older.count("newsrow__s") == 10
    assert "Mark all as read" in page
    assert "Mark all as read" not in older


@pytest.mark.parametrize("before", ["x", "-1", "0", "9" * 30])
def test_a_page_that_makes_no_sense_is_the_first(qe: Actor, tell: Tell, browser_of: Browser, before: str) -> None:
    tell()
    assert "registered a complaint" in browser_of(qe).get(f"/notices?before={before}").text


def test_all_are_marked_as_read_that_the_page_showed(
    qe: Actor, tell: Tell, browser_of: Browser, make: sessionmaker[Session]
) -> None:
    tell()
    desk = browser_of(qe)
    upto = re.findall(r'name="upto" value="(\d+)"', desk.get("/notices").text)[-1]
    tell("closed")
    assert desk.post("/notices/read", data={"upto": upto}).location == "/notices"
    assert bell(desk.get("/board").text) == "1 Notices, 1 new"
    for nonsense in ("", "x", "-5", "9" * 30):
        assert desk.post("/notices/read", data={"upto": nonsense}).status_code == 303
    assert bell(desk.get("/board").text) == "1 Notices, 1 new"


def test_the_bell_opens_the_newest_eight(
    qe: Actor, complaint: Complaint, make: sessionmaker[Session], browser_of: Browser
) -> None:
    with transaction(make) as session:
        session.add_all(
            Notice(user_id=qe.id, complaint_id=complaint.id, version=n, event="closed", values={"who": "x"}, at=NOW)
            for n in range(12)
        )
    desk = browser_of(qe)
    menu = desk.get("/notices/latest", headers=HTMX).text
    assert menu.count("newsrow__s") == 8
    assert bell(menu + "</button>") == "12 Notices, 12 new"
    upto = re.findall(r'name="upto" value="(\d+)"', menu)[0]
    after = desk.post("/notices/read", data={"upto": upto}, headers=HTMX).text
    assert (after.count("newsrow--new"), bell(after + "</button>")) == (0, "Notices")


def test_nobody_sees_another_s_notices_or_what_was_taken_back(
    qe: Actor, complaint: Complaint, tell: Tell, browser_of: Browser, make: sessionmaker[Session]
) -> None:
    with transaction(make) as session:
        other = a_person(session, "qe")
    tell(to=other)
    tell("closed")
    with transaction(make) as session:
        notices.take_back(session, complaint, 1, at=NOW)
    assert "Nobody told you anything yet." in browser_of(qe).get("/notices").text


def test_strangers_sign_in_first(app: Flask) -> None:
    assert app.test_client().get("/notices").location == "/login?next=/notices"


# The mail


def the_mail(make: sessionmaker[Session], settings: Settings) -> tuple[str, str, str]:
    with make() as session:
        row = session.scalars(select(Outgoing)).one()
    message = email.message_from_bytes(render(make_app(settings), settings, row), policy=email.policy.default)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Reply-To"] is None
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))  # type: ignore[attr-defined]
    return message["Subject"], plain.get_content(), html.get_content()


def test_the_mail_says_what_happened_to_which_complaint_and_where(
    tell: Tell, make: sessionmaker[Session], settings: Settings
) -> None:
    tell(values={"who": "<i>Ada</i> & Co"})
    subject, plain, html = the_mail(make, settings)
    assert subject == "[C-2026-0001] <i>Ada</i> & Co registered a complaint"
    for part in (plain, unescape(html)):
        assert "C-2026-0001: <i>Ada</i> & Co registered a complaint" in part
        assert "Oil <b>weeping</b>" in part
        assert f"{settings.public_url}/complaints/C-2026-0001" in part
    assert "<i>" not in html
    assert "<b>weeping" not in html


def test_the_mail_about_a_procedure_s_own_event_uses_its_words(
    tell: Tell, make: sessionmaker[Session], settings: Settings
) -> None:
    tell("receipt_signed", values={"name": {"en": "100% signed", "zh": "已签收"}})
    assert the_mail(make, settings)[0] == "[C-2026-0001] 100% signed"


def test_every_event_has_a_mail(tell: Tell, make: sessionmaker[Session], settings: Settings) -> None:
    words, names = {"to": "Ada", "reason": "away"}, ("stage", "role", "what", "content", "clock")
    for event in notices.SENTENCES:
        tell(event, values={key: {"en": "Plan", "zh": "方案"} for key in names} | words)
    with make() as session:
        for row in session.scalars(select(Outgoing)):
            assert b"C-2026-0001" in render(make_app(settings), settings, row)
