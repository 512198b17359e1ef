"""Reply templates in the composer and in the settings."""

import io
import re
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import outbox
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.letters import Letter, Sighting
from complaints.mailboxes import Mailbox
from complaints.outbox import Outgoing
from complaints.people import Actor
from complaints.reply_templates import SHIPPED
from complaints.settings import Settings
from jobs.letters import make_app, render
from tests.builders import MONDAY, a_mailed_complaint, a_person, at_once
from tests.webapp.boards import counted
from tests.webapp.conftest import Browser, on_both_databases
from tests.webapp.test_complaint_page import visible

HERE = "/complaints/C-2026-0001"
LIST = f"{HERE}/replies/templates"
SETTINGS = "/settings/templates"
INES = "i.carrow@quellstrom.example"
OWN = {
    "name_en": "Samples here", "name_zh": "样品已到", "locale": "en", "subject": "", "contact": "", "active": "1",
    "text": "Dear {contact},\nthe samples of {product} are here.", "version": "0",
}  # fmt: skip


@pytest.fixture
def desk(clerk: Actor, make: sessionmaker[Session], browser_of: Browser) -> FlaskClient:
    """The clerk's browser, before a complaint that came by mail."""
    with transaction(make) as session:
        a_mailed_complaint(session).product = "HX-210"
    return browser_of(clerk)


@pytest.fixture
def admin(desk: FlaskClient, make: sessionmaker[Session], browser_of: Browser) -> FlaskClient:
    with transaction(make) as session:
        tomas = a_person(session, "admin", name="Tomas")
    return browser_of(tomas)


def text_of(html: str) -> str:
    found = re.search(r'<textarea[^>]*id="f-composer-text"[^>]*>\n(.*?)</textarea>', html, re.S)
    assert found
    return found[1]


# In the composer


@pytest.mark.requirement("S200")
def test_the_form_reminds_its_writer_never_to_argue(desk: FlaskClient) -> None:
    assert "Never argue." in visible(desk.get(HERE).text)


@on_both_databases
def test_a_template_is_filled_with_the_complaint(desk: FlaskClient) -> None:
    menu = desk.get(LIST, headers={"HX-Request": "true"}).text
    assert f'data-template="{LIST}/result.en"' in menu
    assert "<html" not in menu
    told = desk.get(f"{LIST}/result.en").json
    assert told
    assert "complaint C-2026-0001 about HX-210" in told["text"]
    assert told["contact"] == "result_told"


def test_without_script_what_was_typed_is_kept_and_the_template_stands_below_it(desk: FlaskClient) -> None:
    typed = {"draft": "reply", "draft_version": "0", "text": "Dear Ines, first this."}
    answer = desk.post(LIST, data=typed)
    assert (answer.status_code, answer.location) == (303, LIST)
    page = desk.get(LIST).text
    link = f"{HERE}?template=progress.en#composer"
    assert f'href="{link}"' in page
    html = desk.get(link).text
    text = text_of(html)
    assert text.startswith("Dear Ines, first this.\n\nDear ")
    assert text.count("how far we are") == 1
    shown = visible(html)
    assert "Still to be filled in:" in shown
    assert "{progress} What was done so far; you write it" in shown
    assert "data-unsaved" in html
    again = typed | {"draft_version": "1", "text": text.replace("&#39;", "'")}
    desk.post(f"{HERE}/drafts/reply", data=again)
    assert text_of(desk.get(link).text).count("how far we are") == 1  # a second look adds nothing


def test_a_place_that_nobody_filled_keeps_the_reply_back(desk: FlaskClient) -> None:
    form = {"key": "key of the form", "to": INES, "subject": "Re: Leak", "text": "by {due}, cause: {cause} {1, 2}"}
    refused = desk.post(f"{HERE}/replies", data=form)
    assert refused.status_code == 422
    found = re.search(r'id="f-composer-text-problem">(.*?)</p>', refused.text, re.S)
    assert found
    assert visible(found[1]) == "Fill in what stands between braces, or take it out: {due}, {cause}"
    assert "by {due}, cause" in text_of(refused.text)


def test_a_template_that_is_not_there_or_switched_off_is_not_found(desk: FlaskClient, admin: FlaskClient) -> None:
    admin.post(f"{SETTINGS}/result.en", data=OWN | {"active": ""} | {"text": "x"})
    off = {key: value for key, value in OWN.items() if key != "active"}
    admin.post(f"{SETTINGS}/decision.en", data=off)
    for key in ("nothing", "decision.en", "x" * 500):
        assert desk.get(f"{LIST}/{key}").status_code == 404
        assert desk.get(f"{HERE}?template={key}").status_code == 404
    assert "decision.en" not in desk.get(LIST).text


def test_the_list_is_no_part_of_the_page_and_costs_it_nothing(desk: FlaskClient, make: sessionmaker[Session]) -> None:
    with counted(desk.application) as queries:
        desk.get(HERE)
    assert [each for each in queries if "reply_template" in each] == []
    assert len([each for each in queries if "FROM draft" in each]) == 1


def test_who_may_not_see_the_complaint_gets_no_text(
    make: sessionmaker[Session], desk: FlaskClient, browser_of: Browser
) -> None:
    with transaction(make) as session:
        person = a_person(session, "dept")
    stranger = browser_of(person)
    assert stranger.get(LIST).status_code == stranger.get(f"{LIST}/result.en").status_code == 404


# In the settings


@on_both_databases
def test_an_administrator_writes_a_template_and_is_warned_of_words_of_promise(
    admin: FlaskClient, desk: FlaskClient
) -> None:
    answer = admin.post(f"{SETTINGS}/new", data=OWN | {"text": "Dear {contact}, we will replace it."})
    assert answer.status_code == 303
    shown = visible(admin.get(answer.location).text)
    assert "“Samples here” is saved." in shown
    assert "it may promise something or argue: we will replace" in shown
    assert "Samples here" in visible(desk.get(LIST).text)
    listing = visible(admin.get(SETTINGS).text)
    assert "Samples here 样品已到 English" in listing
    assert admin.post(f"{answer.location}/back", data={"version": "0"}).status_code == 409
    assert admin.post(f"{answer.location}/back", data={"version": "1"}).location == SETTINGS
    assert "Samples here" not in visible(desk.get(LIST).text)
    late = admin.post(answer.location, data=OWN | {"version": "1", "text": "Dear {contact}, late"})
    assert late.status_code == 409
    assert "This template was deleted meanwhile." in visible(late.text)
    assert "late</textarea>" in late.text
    assert f'action="{SETTINGS}/new"' in late.text


@on_both_databases
def test_one_form_makes_one_template_and_of_two_who_change_one_at_once_one_wins(
    admin: FlaskClient, make: sessionmaker[Session], browser_of: Browser
) -> None:
    with transaction(make) as session:
        mara = a_person(session, "admin", name="Mara")
    other = browser_of(mara)
    found = re.search(r'name="key" value="([^"]+)"', admin.get(f"{SETTINGS}/new").text)
    assert found
    form = OWN | {"key": found[1]}
    first = admin.post(f"{SETTINGS}/new", data=form)
    assert admin.post(f"{SETTINGS}/new", data=form).location == first.location
    differing = admin.post(f"{SETTINGS}/new", data=form | {"text": "other words"})
    assert differing.status_code == 409
    assert "other words</textarea>" in differing.text
    for count, key in enumerate(list(SHIPPED)[:5]):
        one, two = (
            partial(client.post, f"{SETTINGS}/{key}", data=OWN | {"text": f"{text} {count}"})
            for client, text in ((admin, "one"), (other, "two"))
        )
        assert sorted(each.status_code for each in at_once(one, two)) == [303, 409]
    shown = visible(admin.get(f"{SETTINGS}/{key}").text)
    assert "Text Dear" in shown
    assert re.search(r"History Changed (Tomas|Mara), ", shown)


def test_what_is_wrong_stands_at_its_field_and_the_text_is_kept(admin: FlaskClient) -> None:
    answer = admin.post(f"{SETTINGS}/new", data=OWN | {"text": "Dear {contcat}", "name_zh": ""})
    assert answer.status_code == 422
    shown = visible(answer.text)
    assert "Line 1: there is no {contcat}. Did you mean {contact}?" in shown
    assert "Dear {contcat}</textarea>" in answer.text
    assert 'id="f-name_zh-problem"' in answer.text


def test_two_editors_see_both_texts(admin: FlaskClient) -> None:
    admin.post(f"{SETTINGS}/result.en", data=OWN | {"text": "theirs"})
    answer = admin.post(f"{SETTINGS}/result.en", data=OWN | {"text": "mine"})
    assert answer.status_code == 409
    assert "mine</textarea>" in answer.text
    assert re.search(r'<p class="words"[^>]*>theirs</p>', answer.text)
    assert 'name="version" value="1"' in answer.text
    assert admin.post(f"{SETTINGS}/result.en", data=OWN | {"text": "mine", "version": "1"}).status_code == 303


def test_a_look_saves_nothing_and_shows_a_complaint_or_sample_values(
    admin: FlaskClient, make: sessionmaker[Session]
) -> None:
    look = OWN | {"look": "1", "text": "{number} of {customer}"}
    sample = visible(admin.post(f"{SETTINGS}/new", data=look).text)
    assert "Preview with sample values C-2026-0412 of Quellstrom Mobility" in sample
    hidden = admin.post(f"{SETTINGS}/new", data=look | {"of": "C-2026-0001"})
    assert hidden.status_code == 422  # an administrator alone sees no complaint
    assert "not yours to see" in visible(hidden.text)
    assert "Samples here" not in visible(admin.get(SETTINGS).text)


def test_a_look_with_a_complaint_that_the_administrator_may_see(
    desk: FlaskClient, make: sessionmaker[Session], browser_of: Browser
) -> None:
    with transaction(make) as session:
        person = a_person(session, "admin", "clerk")
    both = browser_of(person)
    shown = both.post(
        f"{SETTINGS}/result.en", data=OWN | {"look": "1", "text": "{number} {product}", "of": "C-2026-0001"}
    )
    assert "Preview with C-2026-0001 C-2026-0001 HX-210" in visible(shown.text)


def test_for_everybody_else_there_is_nothing_here(desk: FlaskClient) -> None:
    for path in (SETTINGS, f"{SETTINGS}/new", f"{SETTINGS}/result.en"):
        assert desk.get(path).status_code == 404
    assert desk.post(f"{SETTINGS}/result.en", data=OWN).status_code == 404


def test_every_shipped_template_can_be_opened(admin: FlaskClient) -> None:
    for key in SHIPPED:
        assert admin.get(f"{SETTINGS}/{key}").status_code == 200


# The mail, and what is too large


@pytest.mark.parametrize("plus", [True, False])
def test_a_reply_asks_for_answers_at_the_marked_address_where_the_mailbox_takes_it(
    desk: FlaskClient, make: sessionmaker[Session], settings: Settings, plus: bool
) -> None:
    with transaction(make) as session:
        box = Mailbox(name="m", address="complaints@mill.example", plus_addresses=plus)
        session.add(box)
        session.flush()
        letter = session.scalars(select(Letter)).one()
        values: dict[str, Any] = {
            "mailbox_id": box.id,
            "letter_id": letter.id,
            "received_at": MONDAY,
            "seen_at": MONDAY,
        }
        session.add(Sighting(uidvalidity=1, uid=1, raw="0" * 64, size=1, outcome="drafted", **values))
    form = {"key": "key of the form", "to": INES, "subject": "Re: Leak", "text": "Dear Ines"}
    assert desk.post(f"{HERE}/replies", data=form).status_code == 303
    with make() as session:
        mail = session.scalars(select(Outgoing).where(Outgoing.kind == "reply")).one()
        complaint = session.scalars(select(Complaint)).one()
        if not plus:
            assert mail.reply_to == ""
            return
        found = outbox.complaint_of_reply(settings.secret_key, address=mail.reply_to, sender=INES)
        assert found == (complaint.id, True)
        assert f"Reply-To: {mail.reply_to}".encode() in render(make_app(settings), settings, mail).replace(b"\n ", b" ")


def test_too_large_a_request_says_so_and_leads_back_to_the_form(desk: FlaskClient) -> None:
    upload = {"upload": (io.BytesIO(b"x" * (33 * 1024 * 1024)), "big.bin"), "text": "Dear Ines", "key": "12345678"}
    answer = desk.post(f"{HERE}/replies", data=upload, headers={"Referer": f"http://localhost{HERE}"})
    assert answer.status_code == 413
    assert "That is too large. Files may have 30 MB together." in visible(answer.text)
    assert f'href="{HERE}"' in answer.text
    elsewhere = desk.post(f"{HERE}/replies", data=upload | {"upload": (io.BytesIO(b"x" * (33 << 20)), "b")},
                          headers={"Referer": "http://evil.example/x"})  # fmt: skip
    assert "evil" not in elsewhere.text
