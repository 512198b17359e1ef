"""The inbox shows every message with its reason, lets a person decide, and does so for those only whom it concerns."""

import html
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints.blobs import Blobs
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.letters import Attachment, Letter, Sighting
from complaints.mailboxes import Mailbox
from complaints.people import Actor
from tests.builders import MONDAY, a_complaint, a_file, a_letter, a_mailed_complaint, a_person
from tests.webapp.boards import counted
from tests.webapp.conftest import NOW, Browser, on_both_databases
from tests.webapp.test_complaint_page import visible

HTMX = {"HX-Request": "true"}
EML = (
    b"From: Ines Carrow <ines@quellstrom.example>\r\nTo: complaints@mill.example\r\nSubject: Leak at line 3\r\n"
    b"Message-ID: <u1@quellstrom.example>\r\nDate: Mon, 16 Nov 2026 09:00:00 +0800\r\n\r\n14 of 200 joints leak.\r\n"
)
Seen = Callable[..., Sighting]


@pytest.fixture
def clerk(make: sessionmaker[Session]) -> Actor:
    with transaction(make) as session:
        return a_person(session, "clerk", name="Mara Linden")


@pytest.fixture
def desk(clerk: Actor, browser_of: Browser) -> FlaskClient:
    """The clerk's browser."""
    return browser_of(clerk)


@pytest.fixture
def seen(make: sessionmaker[Session]) -> Seen:
    """A message that was seen, with its letter unless `letter` is False."""

    def message(outcome: str, *, letter: Any = None, to: Complaint | None = None, **changes: Any) -> Sighting:
        with transaction(make) as session:
            said = dict(letter or {})
            recipients = said.pop("to", [])
            made = a_letter(session, to, **said) if letter is not False else None
            if made is not None:
                made.to = recipients
            values: dict[str, Any] = {
                "size": 900, "received_at": MONDAY, "seen_at": MONDAY, "outcome": outcome, "reason": None,
                "letter_id": made.id if made else None, "complaint_id": to.id if to else None,
            } | changes  # fmt: skip
            sighting = Sighting(**values)
            session.add(sighting)
            session.flush()
            return sighting

    return message


def kept(make: sessionmaker[Session], number: str = "C-2026-0001") -> Complaint:
    with make() as session:
        return session.scalars(select(Complaint).where(Complaint.number == number)).one()


def mailed(make: sessionmaker[Session], **letter: Any) -> Complaint:
    with transaction(make) as session:
        return a_mailed_complaint(session, **letter)


# What it shows


def test_a_message_over_the_limit_is_seen_with_its_reason_and_what_its_header_claims(
    desk: FlaskClient, seen: Seen
) -> None:
    header = "Subject: <b>Huge</b>\nFrom: a@b.example"
    large = {"size": 40_000_000, "limit": 31_457_280}
    sighting = seen("quarantined", letter=False, reason="too_large", values=large, headers=header, size=40_000_000)
    listed = desk.get("/inbox?outcome=quarantined").text
    assert "The message has 40000000 octets; the limit is 31457280." in listed
    assert "&lt;b&gt;Huge&lt;/b&gt;" in listed
    assert "a@b.example" in visible(listed)
    assert "From: a@b.example" in visible(desk.get(f"/inbox/messages/{sighting.id}").text)
    assert "40000000" not in desk.get("/inbox?outcome=drafted").text


@pytest.mark.requirement("S07", "S33")
def test_one_queue_has_the_drafts_of_every_channel_day_by_day(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        a_mailed_complaint(session)
        for n, channel in enumerate(("phone", "fax", "minutes", "chat", "web")):
            at = MONDAY - timedelta(days=n % 2, minutes=n)
            a_complaint(session, at=at, channel=channel, subject=f"By {channel}", received_at=at)
    page = visible(desk.get("/inbox").text)
    for word in ("By phone", "By fax", "By minutes", "By chat", "By web", "Oil weeping", "Phone", "Fax",
                 "Meeting minutes", "Drafts, Sun 15 Nov 2026", "Drafts, today"):  # fmt: skip
        assert word in page
    assert page.index("By fax") < page.index("By minutes") < page.index("By phone")
    assert "Inbox 6 waiting" in page


def test_the_strip_balances_and_says_what_still_waits(
    desk: FlaskClient, seen: Seen, make: sessionmaker[Session]
) -> None:
    for outcome in ("drafted", "joined", "joined", "event", "set_aside", "duplicate", "quarantined"):
        seen(outcome, letter=False)
    seen("drafted", letter=False, received_at=MONDAY - timedelta(days=30))
    page = visible(desk.get("/inbox").text)
    assert (
        "7 received in November = 1 became drafts + 2 joined a complaint + 1 are events + 1 set aside + 1 seen before "
        "+ 1 quarantined Every message accounted for" in page
    )
    assert "8 received since 1 Oct 2026" in visible(desk.get("/inbox?since=2026-10-01").text)
    seen("waiting", letter=False)
    page = visible(desk.get("/inbox").text)
    assert "1 message waits to be read" in page
    assert "Every message accounted for" not in page


@on_both_databases
def test_a_list_costs_the_same_queries_however_long_the_ledger_is(
    app: Flask, desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    def fill(count: int) -> None:
        with transaction(make) as session:
            for _ in range(count):
                letter = a_letter(session, content_key=f"{len(session.new)}{_}-{count}")
                row = {"size": 1, "received_at": MONDAY, "seen_at": MONDAY, "outcome": "set_aside"}
                session.add(Sighting(letter_id=letter.id, **row))

    def queries(path: str) -> int:
        with counted(app) as statements:
            assert desk.get(path).status_code == 200
        return len(statements)

    paths = ("/inbox", "/inbox?outcome=all", "/inbox?q=carrow", "/inbox/messages/1")
    desk.get("/inbox")  # the first look asks for procedures, too
    fill(10)
    few = [queries(path) for path in paths]
    fill(990)
    assert [queries(path) for path in paths] == few
    assert max(few) < 25


def test_a_long_list_is_read_page_by_page(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        for n in range(60):
            row = {"size": 1, "received_at": MONDAY, "seen_at": MONDAY, "outcome": "set_aside"}
            session.add(Sighting(headers=f"Subject: number {n}.", **row))
    first = desk.get("/inbox?outcome=set_aside").text
    (more,) = re.findall(r'<a class="btn" href="(/inbox\?outcome=set_aside&amp;before=\d+)">Show more', first)
    second = desk.get(more.replace("&amp;", "&")).text
    found = [int(n) for page in (first, second) for n in re.findall(r"number (\d+)\.", page)]
    assert found == list(range(59, -1, -1))
    assert "Show more" not in second


@pytest.mark.parametrize(
    "query",
    ["?outcome=x", "?before=x", "?before=-1", "?before=99999999999999999999", "?day=2026-13-01", "?day=9999-12-31",
     "?from=x", "?from=99999999999", "?after=x.y", "?since=x", "?since=0001-01-01", "?q=" + "x" * 999],
)  # fmt: skip
def test_a_filter_that_makes_no_sense_filters_nothing_or_finds_nothing(desk: FlaskClient, query: str) -> None:
    assert desk.get("/inbox" + query).status_code == 200


@on_both_databases
def test_messages_are_found_by_word_way_and_day(desk: FlaskClient, seen: Seen, make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        session.add(Mailbox(name="a@b:993/INBOX", label="Sales box"))
    seen("set_aside", letter={"subject": "First", "message_id": "a@b"}, mailbox_id=1)
    seen("set_aside", letter={"subject": "Second", "message_id": "b@b"}, door="upload", received_at=NOW)
    for query, hits in (
        ("q=first+carrow", ["First"]), ("from=1", ["First"]), ("from=upload", ["Second"]), ("day=2026-11-15", []),
        ("day=2026-11-16", ["Second", "First"]), ("q=nothing", []),
    ):  # fmt: skip
        page = desk.get(f"/inbox?{query}").text
        assert re.findall(r'class="mailrow__s"[^>]*>(\w+)<', page) == hits, query


@on_both_databases
@pytest.mark.requirement("S08")
def test_what_is_no_complaint_leaves_the_board_and_is_found_with_reason_person_and_time(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    mailed(make, subject="Price list wanted")
    form = {"outcome": "not_complaint", "reason": "An enquiry, not a complaint", "other": "prices", "version": "1"}
    answer = desk.post("/complaints/C-2026-0001/off-board", data=form)
    assert answer.location == "/inbox/drafts/C-2026-0001"
    assert "Price list wanted" not in desk.get("/board").text
    for path in ("/inbox?q=price", "/inbox?outcome=not_complaint", "/inbox?q=enquiry+linden"):
        page = visible(desk.get(path).text)
        assert "Not a complaint: An enquiry, not a complaint: prices" in page
        assert "Mara Linden , Mon 16 Nov, 09:30" in page
    page = visible(desk.get("/complaints/C-2026-0001").text)
    assert "Not a complaint : An enquiry, not a complaint: prices Decided by Mara Linden, Mon 16 Nov, 09:30" in page
    assert "Mara Linden decided that it is no complaint: An enquiry, not a complaint: prices" in page
    assert desk.post("/complaints/C-2026-0001/bring-back", data={"version": "2"}).status_code == 303
    assert "Price list wanted" in desk.get("/board").text


def test_a_message_shows_all_that_is_known_of_it(
    desk: FlaskClient, seen: Seen, make: sessionmaker[Session], blobs: Blobs
) -> None:
    with transaction(make) as session:
        session.add(Mailbox(name="a@b:993/INBOX", label="Sales box"))
    letter = {
        "to": ["complaints@mill.example"], "cc": ["boss@mill.example"], "verdict": "failed", "kind": "automatic",
        "kind_reason": "responder_subject", "defects": ["not_closed", "something_new"], "files": [a_file(blobs)],
    }  # fmt: skip
    first = seen("set_aside", letter=letter, reason="automatic", mailbox_id=1, attempts=2)
    seen("duplicate", letter=False, letter_id=first.letter_id, door="upload")
    page = visible(desk.get("/inbox/messages/1").text)
    for words in ("to complaints@mill.example", "copy to boss@mill.example", "Sender may be forged",
                  "An automatic mail (its subject begins as answering programs write)",
                  "It ends in the middle; something may be missing. something_new", "begun 2 times",
                  "Sales box, Mon 16 Nov, 09:00 : Set aside Uploaded, Mon 16 Nov, 09:00 : Duplicate",
                  "joint.png"):  # fmt: skip
        assert words in page


def test_htmx_gets_the_panes_and_the_focus_and_a_link_the_whole_page(desk: FlaskClient, seen: Seen) -> None:
    seen("set_aside")
    part, whole = (desk.get("/inbox/messages/1?outcome=set_aside", headers=h).text for h in (HTMX, {}))
    assert "<html" not in part
    assert '<h2 id="message-title" tabindex="-1" autofocus' in part
    assert "<title>Oil weeping at HX-210 face seal" in part
    assert "autofocus" not in whole
    for page in (part, whole):
        assert re.search(r'href="/inbox/messages/1\?outcome=set_aside" hx-get="[^"]+" aria-current="true"', page)


def test_a_hostile_message_is_text(desk: FlaskClient, seen: Seen) -> None:
    bad = '<img src=x onerror="alert(1)">'
    seen("set_aside", letter={"subject": bad, "from_name": bad, "text": bad, "defects": [bad], "to": [bad]})
    seen("quarantined", letter=False, headers=f"Subject: {bad}\nFrom: {bad}", reason="too_large", values={})
    for path in ("/inbox?outcome=all", "/inbox/messages/1", "/inbox/messages/2"):
        page = desk.get(path)
        assert page.status_code == 200
        assert "<img src=x" not in page.text


def test_the_original_is_downloaded_byte_for_byte(desk: FlaskClient, seen: Seen, blobs: Blobs) -> None:
    seen("set_aside", raw=blobs.put(EML))
    seen("quarantined", letter=False)
    answer = desk.get("/inbox/messages/1/raw")
    assert (answer.data, answer.mimetype) == (EML, "message/rfc822")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="message-1.eml"')
    assert desk.get("/inbox/messages/2/raw").status_code == 404


def test_a_file_of_a_letter_on_no_complaint_is_for_the_inbox_only(
    desk: FlaskClient, seen: Seen, make: sessionmaker[Session], browser_of: Browser, blobs: Blobs
) -> None:
    seen("set_aside", letter={"files": [a_file(blobs)], "html": "<b>Dear</b>"})
    with transaction(make) as session:
        file, member = session.scalars(select(Attachment)).one(), a_person(session, "dept")
    assert desk.get(f"/attachments/{file.id}/x").status_code == 200
    assert browser_of(member).get(f"/attachments/{file.id}/x").status_code == 404
    assert desk.get("/inbox/messages/1/html").headers["Content-Security-Policy"].startswith("sandbox ")


def test_a_department_sees_no_inbox_and_decides_nothing(
    make: sessionmaker[Session], browser_of: Browser, seen: Seen
) -> None:
    complaint = mailed(make)
    seen("set_aside", letter={"message_id": "b@c"}, raw="0" * 64)
    with transaction(make) as session:
        member = a_person(session, "dept")
    browser = browser_of(member)
    for path in ("/inbox", "/inbox/messages/1", "/inbox/messages/1/raw", "/inbox/messages/1/html",
                 f"/inbox/drafts/{complaint.number}"):  # fmt: skip
        assert browser.get(path).status_code == 404
    for path in ("/inbox/messages/1/retry", "/inbox/messages/1/draft", "/inbox/messages/1/join",
                 "/inbox/messages/1/set-aside", "/inbox/upload", "/inbox/letters/1/charset",
                 "/complaints/C-2026-0001/off-board", "/complaints/C-2026-0001/bring-back",
                 "/complaints/C-2026-0001/letters/1/split", "/complaints/C-2026-0001/letters/1/sender"):  # fmt: skip
        assert browser.post(path, data={"version": "1"}).status_code == 404
    assert browser.post("/inbox/fetch").status_code == 404
    assert kept(make).version == 1


# What a person decides


def test_an_act_leads_back_to_the_list_that_it_was_pressed_beside(
    desk: FlaskClient, make: sessionmaker[Session], seen: Seen
) -> None:
    complaint = mailed(make)
    sighting = seen("set_aside", letter={"message_id": "b@c", "html": '<p>x</p><img src="https://a.example/p.gif">'})
    there = f"/inbox/messages/{sighting.id}?outcome=set_aside&from=imap"
    page = desk.get(there).text
    back = html.unescape(re.search(r'name="back" value="([^"]*)"', page).group(1))  # type: ignore[union-attr]
    assert back == there
    assert "from=imap&amp;formatted=1" in page
    assert "1 picture from elsewhere was not loaded." in visible(desk.get(f"{there}&formatted=1").text)
    refused = desk.post(f"/inbox/messages/{sighting.id}/join", data={"number": "C-1999-0001", "back": back})
    assert refused.status_code == 422
    assert re.search(r'outcome=set_aside[^"]*" aria-current="page"', refused.text)
    assert desk.post(f"/complaints/{complaint.number}/bring-back", data={"back": back}).location == there


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 30])
def test_a_version_that_is_none_is_a_stale_one(desk: FlaskClient, make: sessionmaker[Session], version: str) -> None:
    complaint = mailed(make)
    form = {"outcome": "not_complaint", "reason": "A test", "version": version}
    assert desk.post(f"/complaints/{complaint.number}/off-board", data=form).status_code == 409
    assert desk.post(f"/complaints/{complaint.number}/pass-on", data=form).status_code == 409


@on_both_databases
def test_a_message_becomes_a_draft_once_however_often_it_is_pressed(
    desk: FlaskClient, seen: Seen, make: sessionmaker[Session]
) -> None:
    seen("set_aside", reason="automatic")
    for _ in range(2):
        answer = desk.post("/inbox/messages/1/draft", data={"back": "/inbox/messages/1"})
        assert (answer.status_code, answer.location) == (303, "/inbox/messages/1")
    page = visible(desk.get("/inbox/messages/1").text)
    assert "The message is draft C-2026-0001 now." in page
    assert "Decided by Mara Linden" in page
    with make() as session:
        assert len(session.scalars(select(Complaint)).all()) == 1
    assert "Mara Linden made a draft of a mail" in visible(desk.get("/complaints/C-2026-0001").text)


def test_a_message_that_could_not_be_read_becomes_a_draft_named_by_its_header(
    desk: FlaskClient, seen: Seen, make: sessionmaker[Session], blobs: Blobs
) -> None:
    seen("quarantined", letter=False, raw=blobs.put(EML), reason="unreadable", values={"what": "boundaries"})
    assert "Leak at line 3" in visible(desk.get("/inbox/messages/1").text)
    desk.post("/inbox/messages/1/draft")
    draft = kept(make)
    assert (draft.subject, draft.contact_email) == ("Leak at line 3", "ines@quellstrom.example")
    page = visible(desk.get("/complaints/C-2026-0001").text)
    assert "message.eml" in page


@on_both_databases
def test_a_message_is_joined_by_number_and_split_off_again(
    desk: FlaskClient, seen: Seen, make: sessionmaker[Session]
) -> None:
    mailed(make)
    seen("set_aside", letter={"message_id": "b@c", "subject": "Another matter"})
    refused = desk.post("/inbox/messages/1/join", data={"number": "C-2026-0999"})
    assert refused.status_code == 422
    assert "There is no complaint “C-2026-0999” that could take it in." in visible(refused.text)
    assert 'value="C-2026-0999"' in refused.text
    desk.post("/inbox/messages/1/join", data={"number": " c-2026-0001 "})
    page = desk.get("/complaints/C-2026-0001").text
    assert "Mara Linden put a letter on it" in visible(page)
    letters = [desk.get(f"/complaints/C-2026-0001?mend={letter}").text for letter in (1, 2)]
    assert ["Make it a draft of its own" in page for page in letters] == [False, True]
    desk.post("/complaints/C-2026-0001/letters/2/split", data={"back": "/complaints/C-2026-0001"})
    assert "Mara Linden made a letter a draft of its own: C-2026-0002" in visible(
        desk.get("/complaints/C-2026-0001").text
    )
    assert "Mara Linden took it off C-2026-0001" in visible(desk.get("/complaints/C-2026-0002").text)
    refused = desk.post("/complaints/C-2026-0001/letters/1/split", data={"back": "/complaints/C-2026-0001"})
    assert refused.status_code == 422
    assert "This letter began C-2026-0001 and stays with it." in visible(refused.text)


@pytest.mark.requirement("S80")
def test_a_suggestion_after_closing_is_recorded_from_the_letter_it_came_with(
    desk: FlaskClient, seen: Seen, make: sessionmaker[Session]
) -> None:
    mailed(make)
    offer = "Record it as a suggestion"
    seen("set_aside", letter={"message_id": "b@c", "subject": "A better lid", "received_at": NOW})
    desk.post("/inbox/messages/1/join", data={"number": "C-2026-0001"})
    assert offer not in visible(desk.get("/complaints/C-2026-0001").text)
    with transaction(make) as session:
        session.execute(update(Complaint).values(stage="closed", closed_at=MONDAY))
    html = desk.get("/complaints/C-2026-0001").text
    assert visible(html).count(offer) == 1
    done = desk.post("/complaints/C-2026-0001/letters/2/suggestion", data={"back": "/complaints/C-2026-0001"})
    assert done.status_code == 303
    told = visible(desk.get("/complaints/C-2026-0001").text)
    assert "The letter is suggestion C-2026-0002 now" in told
    assert "Related C-2026-0002 A better lid Not a complaint" in told
    assert "A better lid" in visible(desk.get("/answers").text)


def test_one_press_joins_a_draft_to_the_complaint_it_may_belong_to(
    desk: FlaskClient, seen: Seen, make: sessionmaker[Session]
) -> None:
    first = mailed(make)
    mailed(make, message_id="b@c", may_belong_to_id=first.id, may_belong_reason="token_of_another")
    page = desk.get("/inbox/drafts/C-2026-0002")
    assert "May belong to C-2026-0001 : it answers a mail that we sent to somebody else" in visible(page.text)
    desk.post("/complaints/C-2026-0002/off-board", data={"outcome": "merged", "number": "C-2026-0001", "version": "1"})
    shown = visible(desk.get("/complaints/C-2026-0001").text)
    assert "Mara Linden merged C-2026-0002 into it" in shown
    assert "from C-2026-0002" in shown
    assert "Merged into C-2026-0001" in visible(desk.get("/inbox/drafts/C-2026-0002").text)


def test_a_decision_without_a_reason_or_on_an_older_version_is_refused_with_what_was_typed(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    mailed(make)
    path = "/complaints/C-2026-0001/off-board"
    refused = desk.post(path, data={"outcome": "not_complaint", "version": "1"})
    assert refused.status_code == 422
    assert "Please say why." in visible(refused.text)
    stale = desk.post(path, data={"outcome": "not_complaint", "other": "my words", "version": "9"})
    assert stale.status_code == 409
    assert "was changed meanwhile" in visible(stale.text)
    assert 'value="my words"' in stale.text
    assert desk.post(path, data={"outcome": "closed", "other": "x", "version": "1"}).status_code == 422
    from_page = desk.post(path, data={"outcome": "not_complaint", "version": "1", "back": "/complaints/C-2026-0001"})
    assert from_page.status_code == 422
    assert "Register entry" in visible(from_page.text)
    assert kept(make).stage == "draft"


def test_setting_aside_ends_what_waits_and_says_why(desk: FlaskClient, seen: Seen) -> None:
    seen("event", reason="bounce", letter={"subject": "Undeliverable"})
    assert "Could not be delivered, we know not what" in visible(desk.get("/inbox").text)
    desk.post("/inbox/messages/1/set-aside", data={"reason": "Not meant for us"})
    assert "Nothing waits for you." in visible(desk.get("/inbox").text)
    assert "A person set it aside: Not meant for us" in visible(desk.get("/inbox?outcome=set_aside").text)


def test_the_sender_a_colleague_passed_on_is_confirmed_with_one_press(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    original = {"name": "Ines", "address": "ines@quellstrom.example", "subject": "Leak", "date": "Mon"}
    mailed(make, from_address="bo@mill.example", from_name="Bo", forwarded=original)
    for path in ("/inbox/drafts/C-2026-0001", "/complaints/C-2026-0001"):
        assert "From a colleague; original sender: Ines <ines@quellstrom.example>" in visible(desk.get(path).text)
    desk.post("/complaints/C-2026-0001/letters/1/sender", data={"version": "1"})
    page = visible(desk.get("/complaints/C-2026-0001").text)
    assert "Mara Linden confirmed the sender: Ines ines@quellstrom.example" in page
    assert "This is the customer" not in page


def test_fetching_asks_the_mailboxes(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        session.add(Mailbox(name="a@b:993/INBOX", looked_at=MONDAY))
    assert "Last fetched Mon 16 Nov, 09:00" in visible(desk.get("/inbox").text)
    desk.post("/inbox/fetch")
    with make() as session:
        assert session.scalars(select(Mailbox.asked_at)).one() == NOW
    assert "1 mailbox is being looked into." in visible(desk.get("/inbox").text)


# Through the doors of the intake


def test_an_uploaded_mail_is_taken_in_and_other_files_are_told_what_is_wrong(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    files = [
        (io.BytesIO(EML), "leak.eml"), (io.BytesIO(b"\xd0\xcf\x11\xe0 outlook"), "mail.eml"),
        (io.BytesIO(b""), "empty.eml"),
    ]  # fmt: skip
    answer = desk.post("/inbox/upload", data={"mail": files}, content_type="multipart/form-data")
    assert answer.status_code == 303
    page = visible(desk.get(answer.location).text)
    assert "leak.eml: Draft, C-2026-0001" in page
    assert "mail.eml: This is Outlook's own format" in page
    assert "empty.eml: The file is empty." in page
    assert kept(make).subject == "Leak at line 3"
    with make() as session:
        assert session.scalars(select(Sighting.door)).one() == "upload"


def test_however_many_files_are_uploaded_each_is_taken_or_told_of(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    names = [f"{n}{''.join(chr(0x4E00 + (n * 997 + i * 131) % 20000) for i in range(80))}.eml" for n in range(23)]
    files = [
        (io.BytesIO(EML.replace(b"<u1@", f"<u{n}@".encode()).replace(b"ines@", f"ines{n}@".encode())), name)
        for n, name in enumerate(names)
    ]
    answer = desk.post("/inbox/upload", data={"mail": files}, content_type="multipart/form-data")
    assert len(answer.headers["Set-Cookie"]) < 4093
    page = visible(desk.get(answer.location).text)
    assert "20 × Draft" in page
    assert f"3 files were not taken, because at most 20 go at once: from {names[20][:60]}… on." in page
    with make() as session:
        assert len(session.scalars(select(Sighting)).all()) == 20


def test_a_quarantined_message_is_taken_through_again(
    desk: FlaskClient, seen: Seen, make: sessionmaker[Session], blobs: Blobs
) -> None:
    seen("quarantined", letter=False, raw=blobs.put(EML), reason="failed", values={"what": "OSError"})
    desk.post("/inbox/messages/1/retry")
    assert "Draft, C-2026-0001" in visible(desk.get("/inbox/messages/1").text)
    assert kept(make).subject == "Leak at line 3"


def test_a_letter_is_read_again_with_other_characters(
    desk: FlaskClient, seen: Seen, make: sessionmaker[Session], blobs: Blobs
) -> None:
    raw = EML.replace(b"14 of 200 joints leak.", "密封圈开裂".encode("gb18030"))
    seen("quarantined", letter=False, raw=blobs.put(raw), reason="failed", values={"what": "x"})
    desk.post("/inbox/messages/1/retry")
    for charset, text in (("windows-1251", "ГЬ·вИ¦їЄБС"), ("gb18030", "密封圈开裂")):
        desk.post("/inbox/letters/1/charset", data={"charset": charset, "back": "/complaints/C-2026-0001"})
        with make() as session:
            assert session.scalars(select(Letter)).one().text.strip() == text
        assert kept(make).content.strip() == text
    page = visible(desk.get("/complaints/C-2026-0001").text)
    assert "Mara Linden had a letter read again, characters: gb18030" in page
    assert desk.post("/inbox/letters/1/charset", data={"charset": "rot13"}).status_code == 422
