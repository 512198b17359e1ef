"""The inbox in real browsers: two panes at a desk, one on a phone, and a decision by keys alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints.blobs import Blobs
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.letters import Attachment, Letter, Sighting
from complaints.mailboxes import Mailbox
from tests.builders import PNG, a_complaint, a_file, a_letter, a_mailed_complaint
from tests.journeys.conftest import DESK, PHONE, NewPage, signed_in, staff
from tests.rigs.chromium import axe

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.journey

ENCLOSED = {
    "from_name": "Ines Carrow", "from_address": "i.carrow@quellstrom.example", "subject": "Leak at line 3",
    "date": "2026-11-16T09:00:00+00:00", "text": "14 of 200 joints leak.",
}  # fmt: skip


@pytest.fixture
def make(make: sessionmaker[Session], tmp_path: Path) -> sessionmaker[Session]:
    staff(make, "clerk")
    now, blobs = datetime.now(UTC), Blobs(tmp_path / "blobs")
    with transaction(make) as session:
        session.add(Mailbox(name="complaints@imap.example:993/INBOX", label="complaints@mill.example", looked_at=now))
        a_mailed_complaint(
            session, at=now - timedelta(hours=2), files=[a_file(blobs), a_file(blobs, PNG + b"2")],
            text="The seal leaks.\n> your order\n-- \nInes", folds=[[16, 28, "quoted"], [29, 37, "signature"]],
        )  # fmt: skip
        letter = session.scalars(select(Letter)).one()
        mail, picture = session.scalars(select(Attachment).order_by(Attachment.position))
        mail.filename, mail.content_type, mail.enclosed, picture.within = "leak.eml", "message/rfc822", ENCLOSED, 0
        a_complaint(
            session, at=now, channel="phone", subject="支架焊缝气孔", contact_person="北砾重工", content="电话投诉"
        )
        aside = a_letter(
            session, subject="Out of office", from_name="Vantorra Drives", kind="automatic",
            kind_reason="responder_subject", message_id="b@c", received_at=now, defects=["date_unreadable"],
        )  # fmt: skip
        common = {"seen_at": now, "received_at": now, "size": 900}
        session.add_all(
            [
                Sighting(outcome="drafted", reason="acknowledged", letter_id=letter.id, complaint_id=1, **common),
                Sighting(outcome="set_aside", reason="automatic", letter_id=aside.id, **common),
                Sighting(
                    outcome="quarantined", reason="unreadable", values={"what": "boundaries"}, attempts=3,
                    raw=blobs.put(b"Subject: Broken\n\n"), **common,
                ),
            ]
        )  # fmt: skip
    return make


@pytest.mark.parametrize("options", [DESK, PHONE | {"color_scheme": "dark"}], ids=["desk", "phone-dark"])
def test_every_pane_of_the_inbox_is_accessible(url: str, new_page: NewPage, options: dict[str, Any]) -> None:
    page = signed_in(new_page(**options), url, "/inbox")
    assert axe(page) == []
    for path in (
        "/inbox/drafts/C-2026-0001",
        "/inbox/messages/2",
        "/inbox/messages/3",
        "/inbox?outcome=all",
        "/complaints/C-2026-0001",
    ):
        page.set_viewport_size(options["viewport"])
        page.goto(url + path)
        for summary in page.locator("main summary:visible").all():
            summary.click()
        page.set_viewport_size(
            {"width": options["viewport"]["width"], "height": 3000}
        )  # the bar at the bottom covers nothing then
        assert (path, axe(page)) == (path, [])


def test_at_a_desk_a_message_opens_beside_the_list_and_takes_the_focus(url: str, new_page: NewPage) -> None:
    page = signed_in(new_page(**DESK), url, "/inbox")
    row = page.locator(".mailrow", has_text="C-2026-0001")
    row.focus()
    row.press("Enter")
    heading = page.locator("#message-title")
    expect(heading).to_be_focused()
    expect(heading).to_have_text("Oil weeping at HX-210 face seal")
    expect(page.locator(".mailrow[aria-current]")).to_contain_text("C-2026-0001")
    assert page.url == f"{url}/inbox/drafts/C-2026-0001"
    assert "Oil weeping" in page.title()
    page.go_back()
    expect(page.locator("#message-title")).to_have_count(0)
    assert page.url == f"{url}/inbox"


def test_a_draft_is_judged_no_complaint_by_keys_alone(url: str, new_page: NewPage, make: sessionmaker[Session]) -> None:
    page = signed_in(new_page(**DESK), url, "/inbox")
    page.locator(".mailrow", has_text="C-2026-0001").press("Enter")
    expect(page.locator("#message-title")).to_be_focused()
    join = page.get_by_text("Join a complaint…")
    for _ in range(6):  # back over what stands in front of the heading
        page.keyboard.press("Shift+Tab")
        if join.evaluate("each => each === document.activeElement"):
            break
    expect(join).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Adv")
    page.keyboard.press("Tab")
    page.keyboard.type("for a fair")
    page.keyboard.press("Enter")
    expect(page.get_by_text("C-2026-0001 has left the board.")).to_be_visible()
    expect(page.locator(".mailview .notice")).to_contain_text("Not a complaint: Advertising: for a fair")
    with make() as session:
        assert session.get_one(Complaint, 1).stage == "not_complaint"
    page.get_by_role("button", name="Bring back to the board").click()
    expect(page.get_by_text("C-2026-0001 is back on the board.")).to_be_visible()


def test_on_a_phone_list_and_message_take_turns(url: str, new_page: NewPage) -> None:
    page = signed_in(new_page(**PHONE), url, "/inbox")
    page.locator(".mailrow", has_text="C-2026-0002").tap()
    expect(page.locator("#message-title")).to_be_visible()
    expect(page.locator(".triage__list")).to_be_hidden()
    page.get_by_role("link", name="All messages").tap()
    expect(page.locator(".triage__list")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
