"""Drafts in the forms of a complaint's page."""

import re
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from complaints.database import transaction
from complaints.people import Actor
from tests.builders import a_department, a_mailed_complaint, a_person
from tests.complaints.test_turns import newcomer
from tests.desk import Desk
from tests.webapp.conftest import Browser, on_both_databases
from tests.webapp.test_complaint_page import visible

HERE = "/complaints/C-2026-0001"
JSON = {"Accept": "application/json"}
INES = "i.carrow@quellstrom.example"


@pytest.fixture
def desk(clerk: Actor, make: sessionmaker[Session], browser_of: Browser) -> FlaskClient:
    """The clerk's browser, before a complaint that came by mail."""
    with transaction(make) as session:
        a_mailed_complaint(session)
    return browser_of(clerk)


def save(client: FlaskClient, form: str, version: int = 0, here: str = HERE, **said: Any) -> TestResponse:
    return client.post(f"{here}/drafts/{form}", data=said | {"draft": form, "draft_version": version}, headers=JSON)


def version(html: str, form: str) -> int:
    found = re.search(rf'name="draft" value="{form}"><input type="hidden" name="draft_version" value="(-?\d+)"', html)
    assert found
    return int(found[1])


@on_both_databases
def test_a_reply_that_was_typed_is_back_when_the_page_is_opened_again(desk: FlaskClient) -> None:
    answer = save(desk, "reply", text="Dear Ines,\r\nthank you", to=INES, subject="Re: Leak", csrf_token="x", key="k")
    kept = {"text": ["Dear Ines,\r\nthank you"], "to": [INES], "subject": ["Re: Leak"]}
    assert answer.json == {"version": 1, "at": "09:30", "fields": kept}
    html = desk.get(HERE).text
    assert "Dear Ines,\nthank you</textarea>" in html
    assert "Your draft of 09:30" in visible(html)
    assert version(html, "reply") == 1


@on_both_databases
def test_sent_it_is_gone_in_the_same_transaction(desk: FlaskClient) -> None:
    save(desk, "reply", text="Dear Ines", to=INES, subject="Re: Leak")
    form = {"key": "key of the form", "draft": "reply", "draft_version": "1", "to": INES, "subject": "Re: Leak"}
    refused = desk.post(f"{HERE}/replies", data=form)
    assert refused.status_code == 422
    assert "data-unsaved" in refused.text
    assert desk.post(f"{HERE}/replies", data=form | {"text": "Dear Ines"}).status_code == 303
    assert save(desk, "reply", version=1, text="Dear In").status_code == 409
    html = desk.get(HERE).text
    assert "Dear Ines</textarea>" not in html
    assert "Your draft" not in visible(html)


def test_two_windows_both_keep_their_words(desk: FlaskClient) -> None:
    save(desk, "note", note="twelve parts")
    answer = save(desk, "note", note="fourteen parts")
    assert (answer.status_code, answer.json and answer.json["fields"]) == (409, {"note": ["twelve parts"]})
    plain = desk.post(f"{HERE}/drafts/note", data={"draft": "note", "draft_version": "0", "note": "fourteen parts"})
    assert plain.status_code == 409
    assert "fourteen parts</textarea>" in plain.text
    assert "In another window you typed: twelve parts" in visible(plain.text)
    assert version(plain.text, "note") == 1


def test_without_script_a_button_keeps_and_another_discards(desk: FlaskClient) -> None:
    form = {"draft": "reply", "draft_version": "0", "text": "half a reply"}
    answer = desk.post(f"{HERE}/drafts/reply", data=form)
    assert (answer.status_code, answer.location) == (303, f"{HERE}#composer")
    html = desk.get(HERE).text
    assert "Draft saved 09:30" in visible(html)
    assert "half a reply</textarea>" in html
    assert desk.post(f"{HERE}/drafts/reply/discard", data=form).location == f"{HERE}#composer"
    assert "half a reply" not in desk.get(HERE).text


def test_a_draft_is_nobody_elses_and_not_of_a_complaint_one_may_not_see(
    desk: FlaskClient, make: sessionmaker[Session], browser_of: Browser
) -> None:
    save(desk, "note", note="between us")
    with transaction(make) as session:
        colleague, stranger = a_person(session, "sales"), a_person(session, "dept")
    assert "between us" not in browser_of(colleague).get(HERE).text
    assert save(browser_of(stranger), "note", note="x").status_code == 404


def test_the_entry_begins_with_what_was_typed(
    make: sessionmaker[Session], browser_of: Browser, desk: FlaskClient
) -> None:
    with transaction(make) as session:
        a_department(session, "machining", "Machining", "机加工")
    html = desk.get(HERE).text
    assert version(html, "entry") == 0
    desk.post(
        f"{HERE}/drafts/entry",
        data={"subject": "Oil at the face seal", "version": "7", "departments": "2"},
        headers=JSON,
    )
    html = desk.get(HERE).text
    assert 'value="Oil at the face seal"' in html
    assert 'name="departments" value="2" checked' in html
    assert 'name="version" value="7"' in html  # what was written since is not overwritten unseen


def test_a_record_begins_with_what_was_typed_and_its_panel_is_open(
    make: sessionmaker[Session], browser_of: Browser
) -> None:
    office = Desk(make)
    number = office.to_investigation()
    qe = browser_of(office["qe"])
    here = f"/complaints/{number}"
    draft = {"draft": "record:finding", "draft_version": "0", "text": "Tool worn, counter", "version": "0"}
    assert qe.post(f"{here}/drafts/record:finding", data=draft, headers=JSON).status_code == 200
    html = qe.get(f"{here}/records").text
    assert "Tool worn, counter</textarea>" in html
    assert re.search(r'<details class="rec rec--\w+" id="f-finding" open>', html)
    said = draft | {"draft_version": "1", "responsibility": "not_ours"}
    assert qe.post(f"{here}/records/finding", data=said).status_code == 303
    assert "Your draft" not in visible(qe.get(f"{here}/records").text)


def forms(html: str, action: str) -> dict[str, str]:
    """The forms of a page that are sent there, by what their drafts are called."""
    found = re.findall(rf'<form[^>]*action="{re.escape(action)}[^"]*"[^>]*>(.*?)</form>', html, re.S)
    return {re.findall(r'name="draft" value="([^"]+)"', each)[0]: each for each in found}


@on_both_databases
def test_two_forms_of_one_record_on_the_report_keep_their_own_words(
    make: sessionmaker[Session], browser_of: Browser
) -> None:
    office = Desk(make)
    number = office.to_action_plan()
    head, here = browser_of(office["dept_head"]), f"/complaints/{number}"
    action = f"{here}/records/cause?back=8d"
    d4, d5 = forms(head.get(f"{here}/8d").text, action)
    assert (d4, d5) == ("record:cause@d4", "record:cause@d5")
    for form, said in ((d4, {"text": "the cause, in D4"}), (d5, {"permanent": "the actions, in D5"})):
        answer = head.post(
            f"{here}/drafts/{form}", data=said | {"draft": form, "draft_version": "0", "version": "0"}, headers=JSON
        )
        assert answer.status_code == 200
    both = forms(head.get(f"{here}/8d").text, action)
    assert "the cause, in D4</textarea>" in both[d4]
    assert "the actions, in D5</textarea>" in both[d5]
    sent = head.post(action, data={"permanent": "the actions", "draft": d5, "draft_version": "1", "version": "0"})
    assert sent.status_code == 303
    both = forms(head.get(f"{here}/8d").text, action)
    assert "the cause, in D4</textarea>" in both[d4]
    assert "Your draft" not in visible(both[d5])
    assert head.post(f"{here}/drafts/{d4}/discard").location == f"{here}/8d#part-d4"
    assert head.post(f"{here}/drafts/record:plan:2@d5/discard").location == f"{here}/8d?edit=plan.2#part-d5"


@pytest.mark.parametrize(
    "form",
    [
        "note:x",
        "reply:1",
        "leave:draft",
        "unlink:x",
        "assign:nobody",
        "link:2",
        "record:nothing",
        "record:finding@d99",
        "sign:nothing",
        "fact:key",
        "entry@d1",
        "x",
        "A",
    ],
)
def test_what_no_form_of_the_complaint_is_called_keeps_nothing(desk: FlaskClient, form: str) -> None:
    assert save(desk, form, note="x").status_code == 404
    assert desk.post(f"{HERE}/drafts/{form}/discard").status_code == 404


def test_what_is_too_long_or_too_much_is_said_to_the_script(desk: FlaskClient) -> None:
    answer = save(desk, "note", note="x" * 100_001)
    assert answer.status_code == 422
    assert "100000 characters" in (answer.json or {})["problem"]
    for count in range(60):
        assert save(desk, f"note:{count}", note="words").status_code == 200
    assert "60 drafts" in (save(desk, "note", note="one more").json or {})["problem"]
    assert desk.post(f"{HERE}/drafts/note:7/discard").status_code == 303
    assert save(desk, "note", note="one more").status_code == 200


def test_a_fact_that_was_not_saved_is_back_when_it_is_edited_again(
    make: sessionmaker[Session], browser_of: Browser
) -> None:
    office = Desk(make)
    number = office.registered()
    clerk, here = browser_of(office["clerk"]), f"/complaints/{number}"
    answer = clerk.post(
        f"{here}/drafts/fact:demand",
        data={"demand": "a long demand", "version": "2", "draft_version": "0"},
        headers=JSON,
    )
    assert answer.status_code == 200
    assert re.search(r'data-keeps="[^"]+fact:demand" data-begun', clerk.get(here).text)
    form = clerk.get(f"{here}/facts/demand", headers={"HX-Request": "true"}).text
    assert "a long demand</textarea>" in form
    said = {"demand": "a long demand", "version": "99", "draft": "fact:demand", "draft_version": "1"}
    assert clerk.post(f"{here}/facts/demand", data=said).status_code == 303
    assert "data-begun" not in clerk.get(here).text
    clerk.post(f"{here}/drafts/fact:demand", data={"demand": "another", "draft_version": "2"}, headers=JSON)
    cancelled = clerk.post(f"{here}/drafts/fact:demand/discard", headers={"HX-Request": "true"}, follow_redirects=True)
    assert 'id="fact-demand"' in cancelled.text
    assert "another" not in cancelled.text


def test_a_remark_and_a_reason_are_back_and_no_password_is_kept(
    make: sessionmaker[Session], browser_of: Browser
) -> None:
    office = Desk(make)
    number = office.to_action_plan()
    here = f"/complaints/{number}"
    office.plan(number)
    client = browser_of(office["qe"])
    said = {"remark": "the dates are missing", "digest": "x", "password": "secret", "draft_version": "0"}
    answer = client.post(f"{here}/drafts/sign:plan_review", data=said, headers=JSON)
    assert (answer.json or {})["fields"] == {"remark": ["the dates are missing"]}
    for page in ("records", "8d"):
        assert "the dates are missing</textarea>" in client.get(f"{here}/{page}").text
    colleague = str(office["clerk"].id)
    reason = {"reason": "please look at this", "to_users": colleague, "draft_version": "0"}
    assert client.post(f"{here}/drafts/pass_on", data=reason, headers=JSON).status_code == 200
    html = client.get(here).text
    assert "please look at this</textarea>" in html
    assert f'name="to_users" value="{colleague}" checked' in html


def test_the_reasons_of_a_link_and_of_its_end_and_of_leaving_the_board_are_back(
    make: sessionmaker[Session], browser_of: Browser
) -> None:
    office = Desk(make)
    first, number = office.registered(), office.registered()
    client, here = browser_of(office["qe"]), f"/complaints/{number}"
    link = {"linked_number": first, "linked_kind": "related", "linked_reason": "the same lathe"}
    leave = {"number": first, "sure": "1", "other": "sent twice", "outcome": "merged"}
    for form, said in (("link", link), ("leave:merged", leave)):
        assert save(client, form, here=here, **said).status_code == 200
    html = client.get(here).text
    assert 'value="the same lathe"' in html
    assert 'value="sent twice"' in html
    assert 'name="sure" value="1" checked' in html
    assert re.search(r'<details class="edit no-print" open><summary[^>]*><svg.*?</svg> Link…', html, re.S)
    sent = link | {"key": "key of the form", "draft": "link", "draft_version": "1"}
    assert client.post(f"{here}/links", data=sent).status_code == 303
    assert save(client, "unlink:1", here=here, unlinked_reason="another lathe").status_code == 200
    html = client.get(here).text
    assert "the same lathe" not in visible(html[html.index("Link…") :])
    assert 'name="unlinked_reason" maxlength="1000" required autocomplete="off" value="another lathe"' in html
    end = {"unlinked_reason": "another lathe", "draft": "unlink:1", "draft_version": "1"}
    assert client.post(f"{here}/links/1/end", data=end).status_code == 303
    assert "another lathe" not in client.get(here).text.partition('id="linked"')[2]


def test_a_way_off_the_board_that_was_refused_keeps_what_was_typed_and_sent_its_draft_goes(
    make: sessionmaker[Session], browser_of: Browser
) -> None:
    office = Desk(make)
    first, number = office.registered(), office.registered()
    client, here = browser_of(office["qe"]), f"/complaints/{number}"
    save(client, "leave:merged", here=here, other="sent twice", number="C-2026-9")
    form = {"outcome": "merged", "number": "C-2026-9999", "other": "sent twice", "back": here, "version": "2"}
    form |= {"draft": "leave:merged", "draft_version": "1"}
    refused = client.post(f"{here}/off-board", data=form)
    assert refused.status_code in (404, 422)
    assert 'value="sent twice"' in refused.text
    assert 'value="C-2026-9999"' in refused.text
    assert client.post(f"{here}/off-board", data=form | {"number": first}).status_code == 303
    assert save(client, "leave:merged", 1, here=here, other="sent tw").status_code == 409


@on_both_databases
def test_a_hand_over_that_was_begun_is_back_and_sent_it_is_gone(
    make: sessionmaker[Session], browser_of: Browser
) -> None:
    office = Desk(make)
    newcomer(office, "second sales", "sales")
    number = office.to_customer_reply()
    sales, here, other = browser_of(office["sales"]), f"/complaints/{number}", str(office["second sales"].id)
    said = {"post": "sales", "user": other, "act": "name", "reason": "away <until> Monday"}
    assert save(sales, "assign:sales", here=here, **said).status_code == 200
    panel = sales.get(f"{here}/people").text
    assert "away &lt;until&gt; Monday</textarea>" in panel
    assert f'<option value="{other}" selected' in panel
    assert version(panel, "assign:sales") == 1
    assert '<details class="edit" open>' in panel
    with make() as session:
        seen = str(office.find(session, number).version)
    sent = said | {"version": seen, "draft": "assign:sales", "draft_version": "1"}
    assert sales.post(f"{here}/people", data=sent).status_code == 303
    assert "away" not in sales.get(f"{here}/people").text
    discarded = sales.post(f"{here}/drafts/assign:dept_head:3/discard")
    assert discarded.location == f"{here}/people#people-dept_head-3"


def test_a_tab_says_that_a_draft_lies_there_and_the_newest_is_opened(
    desk: FlaskClient, clock: time_machine.Traveller
) -> None:
    def tabs() -> tuple[str, list[str]]:
        html = desk.get(HERE).text
        kinds = re.findall(r'name="kind" value="(\w+)" autocomplete="off"( checked)?>(.*?)</label>', html, re.S)
        opened = next(kind for kind, checked, _ in kinds if checked)
        return opened, [kind for kind, _, label in kinds if "A draft lies here" in label]

    assert tabs() == ("reply", [])
    save(desk, "note", note="twelve parts")
    assert tabs() == ("note", ["note"])
    clock.shift(60)
    save(desk, "reply", text="Dear Ines")
    assert tabs() == ("reply", ["reply", "note"])
    clock.shift(60)
    save(desk, "note", 1, note="fourteen parts")
    assert tabs() == ("note", ["reply", "note"])
    assert 'value="reply" autocomplete="off" checked' in desk.get(f"{HERE}?contact=evidence_asked").text
