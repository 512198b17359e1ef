"""The conversation on a complaint's page: shown from its end, and alive while the page is open."""

import re
from datetime import timedelta
from html import unescape

from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.letters import Letter
from complaints.outbox import Outgoing
from tests.builders import MONDAY, a_letter, a_mailed_complaint
from tests.webapp.conftest import NOW
from tests.webapp.test_complaint_page import HERE, acknowledged


def test_a_long_conversation_is_shown_from_its_end_and_further_back_when_asked(
    desk: FlaskClient, make: sessionmaker[Session]
) -> None:
    with transaction(make) as session:
        complaint = a_mailed_complaint(session)
        for n in range(40):
            a_letter(
                session, complaint, message_id=f"{n}@c", text=f"Word {n:03}", received_at=MONDAY + timedelta(minutes=n)
            )
    page = desk.get(HERE).text
    assert "Word 039" in page
    assert "Word 005" not in page
    (older,) = re.findall(r'hx-get="([^"]*before=[^"]*)"', page)
    before = desk.get(unescape(older), headers={"HX-Request": "true"}).text
    assert "Word 005" in before
    assert "Word 039" not in before
    assert "<html" not in before
    plain = desk.get(f"{HERE}?{unescape(older).partition('?')[2]}").text
    assert "Word 005" in plain
    assert "Show the newest" in plain


def test_an_old_letter_is_on_the_page_that_its_address_asks_for(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        complaint = a_mailed_complaint(session)
        for n in range(40):
            a_letter(
                session, complaint, message_id=f"{n}@c", text=f"Word {n:03}", html="<p>formatted</p>",
                received_at=MONDAY + timedelta(minutes=n),
            )  # fmt: skip
        old = session.scalars(select(Letter.id).where(Letter.text == "Word 003")).one()
    answer = desk.get(f"{HERE}/letters/{old}?as=formatted")
    assert answer.status_code == 302
    page = desk.get(answer.location).text
    assert f'src="{HERE}/letters/{old}/html"' in page


def test_what_comes_in_is_told_once_to_the_open_page(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        id_ = a_mailed_complaint(session).id
    (waits,) = re.findall(r'hx-get="([^"]*after=[^"]*)"', desk.get(HERE).text)
    nothing = desk.get(unescape(waits), headers={"HX-Request": "true"})
    assert (nothing.status_code, nothing.data) == (204, b"")
    with transaction(make) as session:
        a_letter(session, session.get_one(Complaint, id_), message_id="new@c", text="Is 15:00 possible?")
    news = desk.get(unescape(waits), headers={"HX-Request": "true"}).text
    assert "Is 15:00 possible?" in news
    (waits,) = re.findall(r'hx-get="([^"]*after=[^"]*)"', news)
    assert desk.get(unescape(waits), headers={"HX-Request": "true"}).status_code == 204


def test_a_mail_says_live_how_far_it_got(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        complaint = a_mailed_complaint(session)
    acknowledged(make, complaint)
    (waits,) = re.findall(r'hx-get="([^"]*/mails/[^"]*)"', desk.get(HERE).text)
    assert desk.get(unescape(waits)).status_code == 204
    with transaction(make) as session:
        session.execute(update(Outgoing).values(state="sent", sent_at=NOW, reply="250 queued as 4F2A"))
    told = desk.get(unescape(waits)).text
    assert "250 queued as 4F2A" in told
    assert "/mails/" not in told
    assert desk.get(f"{HERE}/mails/999").status_code == 404
