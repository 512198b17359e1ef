"""Records and signatures on a complaint's page: what it shows to whom, and what people send in."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, event, select
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from complaints import consequences, joining, off_board, people, procedure, signin, visits
from complaints.complaint import Complaint, Involvement
from complaints.database import transaction
from complaints.letters import Attachment
from complaints.notices import Notice
from complaints.people import Actor, User
from complaints.signatures import Signature
from complaints.work import Waiting
from tests.builders import MONDAY, PNG, an_entry, written
from tests.desk import CONTEXT, FILLED, Desk
from tests.webapp.conftest import NOW, Browser, on_both_databases


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make, at=MONDAY)


@pytest.fixture
def as_(desk: Desk, browser_of: Browser) -> Callable[[str], FlaskClient]:
    """The browser of whoever holds a role."""
    return lambda role: browser_of(desk[role])


def visible(html: str) -> str:
    html = re.sub(r"(?s)<(style|script|datalist).*?</\1>", " ", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def panel(html: str, key: str) -> str:
    """One panel of the page, as markup."""
    start = html.index(f'id="f-{key}"')
    depth, at = 1, start
    for found in re.finditer(r"<(/?)details\b", html[start:]):
        depth += -1 if found[1] else 1
        if depth == 0:
            at = start + found.start()
            break
    return html[start:at]


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found is not None, name
    return unescape(found[1])


def form_of(client: FlaskClient, number: str, sheet: str, **values: Any) -> dict[str, Any]:
    """What a browser would send: what the form has, with these values."""
    html = panel(client.get(f"/complaints/{number}/records").text, sheet)
    form: dict[str, Any] = {"version": hidden(html, "version")}
    if 'name="key"' in html:
        form["key"] = hidden(html, "key")
    return form | values


def write(client: FlaskClient, number: str, sheet: str, **values: Any) -> TestResponse:
    return client.post(f"/complaints/{number}/records/{sheet}", data=form_of(client, number, sheet, **values))


def sign(client: FlaskClient, number: str, key: str, **values: Any) -> TestResponse:
    html = panel(client.get(f"/complaints/{number}/records").text, f"sign-{key}")
    return client.post(
        f"/complaints/{number}/signatures/{key}",
        data={"digest": hidden(html, "digest"), "decision": "approved", "remark": "", **values},
    )


def version_of(desk: Desk, number: str) -> int:
    return desk.case(number).complaint.version


def chips(html: str, state: str) -> list[str]:
    """The names under a state in the table of contents."""
    found = re.search(rf'contents__g--{state}".*?</details>', html, re.S)
    return [visible(each) for each in re.findall(r"<li>.*?</li>", found[0], re.S)] if found else []


# What the page shows


@on_both_databases
def test_the_contents_say_whose_turn_it_is(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    html = as_("mkt_sup").get(f"/complaints/{number}/records").text
    assert "First review" in chips(html, "yours")
    assert "First review" in chips(as_("qe").get(f"/complaints/{number}/records").text, "others")
    desk.write(number, "first_review", "mkt_sup")
    html = as_("mkt_sup").get(f"/complaints/{number}/records").text
    assert "First review" in chips(html, "done")
    assert "Finding" in chips(html, "later")


def test_a_panel_that_is_needed_next_is_open_and_has_its_form(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    html = as_("mkt_sup").get(f"/complaints/{number}/records").text
    assert re.search(r'id="f-first_review" open', html)
    assert 'id="f-first_review-details" name="details"' in html
    assert not re.search(r'id="f-finding" open', html)
    stranger = panel(as_("clerk").get(f"/complaints/{number}/records").text, "first_review")
    assert 'name="details"' not in stranger
    assert 'id="f-first_review-details"' in stranger  # where a reason leads to
    assert "filled in by: Marketing supervisor, Marketing vice general manager" in visible(stranger)


def test_what_is_written_says_who_wrote_it_and_choices_by_name(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    desk.write(number, "finding", "qe")
    html = as_("clerk").get(f"/complaints/{number}/records").text
    shown = visible(panel(html, "first_review"))
    assert "Evidence from the customer Asked for" in shown
    assert "mkt_sup , Mon 16 Nov, 09:" in shown
    shown = visible(panel(html, "finding"))
    assert "Responsibility Ours" in shown
    assert "Responsible departments Machining" in shown


def test_older_rounds_stay_readable(desk: Desk, as_: Any) -> None:
    number = desk.to_customer_reply()
    desk.move(number, "action_plan", "sales", reason="still leaks")
    html = as_("qe").get(f"/complaints/{number}/records").text
    assert "Round 1" in visible(panel(html, "verification"))
    assert "50 parts measured" in visible(panel(html, "verification"))
    assert "in round 1" in visible(panel(html, "sign-verified"))


@on_both_databases
def test_the_page_asks_no_more_however_much_is_written(
    desk: Desk, as_: Any, app: Flask, make: sessionmaker[Session]
) -> None:
    number = desk.to_action_plan()
    desk.plan(number)
    client = as_("qe")
    few = _questions(app, lambda: client.get(f"/complaints/{number}/records"))
    for n in range(30):
        desk.contact(number, "progress_told")
        desk.write(number, "plan", "dept_head", what=f"Measure {n}", owner=str(desk["dept"].id), due="2026-11-20")
        desk.sign(number, "plan_submitted", "dept_head")
    many = _questions(app, lambda: client.get(f"/complaints/{number}/records"))
    assert many == few
    assert many <= 40


def _questions(app: Flask, act: Callable[[], TestResponse]) -> int:
    from webapp.database import db

    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert act().status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(asked)


# Writing


@on_both_databases
def test_a_record_is_written_and_leads_back_to_its_panel(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    answer = write(as_("mkt_sup"), number, "first_review", **FILLED["first_review"])
    assert answer.status_code == 303
    assert answer.location.endswith(f"/complaints/{number}/records#f-first_review")
    record = desk.case(number).records["first_review"]
    assert record.values["details"] == "14 of 200 joints leak"
    assert record.writers == {desk["mkt_sup"].id}


def test_htmx_gets_the_panel_alone(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    client = as_("mkt_sup")
    form = form_of(client, number, "first_review", **FILLED["first_review"])
    answer = client.post(f"/complaints/{number}/records/first_review", data=form, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer.text.strip().startswith("<details")
    assert "14 of 200 joints leak" in answer.text


def test_what_is_wrong_stands_at_its_field_with_what_was_typed(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    answer = write(
        as_("sales"), number, "contacts", kind="progress_told", on="2026-13-45", way="email", text="Hello <b>"
    )
    assert answer.status_code == 422
    html = panel(answer.text, "contacts")
    assert "When must be a date such as 2026-09-17" in visible(html)
    assert re.search(r'id="f-contacts-on"[^>]*value="2026-13-45"[^>]*aria-invalid="true"', html)
    assert "Hello &lt;b&gt;" in html
    assert re.search(r'href="#f-contacts-on"', html)


def test_a_field_that_depends_on_another_is_asked_for_then(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    client = as_("sales")
    html = panel(client.get(f"/complaints/{number}/records").text, "contacts")
    assert "Needed when “Way” is Phone, Visit and “Kind” is Result told." in visible(html)
    answer = write(client, number, "contacts", kind="result_told", on="2026-11-16", way="phone", text="told")
    assert answer.status_code == 422
    assert "Why the result was told by word of mouth is missing" in visible(answer.text)


def test_a_row_is_added_once_changed_and_taken_out(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    client = as_("sales")
    form = form_of(
        client, number, "contacts", kind="progress_told", on="2026-11-16", way="email", text="First", person="Ines"
    )
    for _ in range(2):
        assert client.post(f"/complaints/{number}/records/contacts", data=form).status_code == 303
    (row,) = desk.case(number).rows["contacts"]
    html = client.get(f"/complaints/{number}/records?edit=contacts.1").text
    assert 'id="f-contacts-1-text"' in html
    changed = {"version": row.version, "text": "Second"}
    assert client.post(f"/complaints/{number}/records/contacts/1", data=changed).status_code == 303
    assert desk.case(number).rows["contacts"][0].values["text"] == "Second"
    assert client.post(f"/complaints/{number}/records/contacts/1/remove").status_code == 303
    assert desk.case(number).rows["contacts"] == ()
    shown = visible(client.get(f"/complaints/{number}").text)
    assert "sales took a row out of “ Communication with the customer ”" in shown


def test_all_boxes_may_be_cleared(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    client = as_("sales")
    write(client, number, "form", request="Find it", signs=["", "injury", "loss"])
    assert desk.case(number).records["form"].values["signs"] == ["injury", "loss"]
    write(client, number, "form", request="Find it", signs=[""])
    assert desk.case(number).records["form"].values["signs"] == []


@on_both_databases
def test_two_who_write_the_same_field_see_both_versions(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    one, other = as_("mkt_sup"), as_("mkt_vp")
    mine = form_of(one, number, "first_review", details="my words", evidence="asked")
    theirs = form_of(other, number, "first_review", details="their words")
    other.post(f"/complaints/{number}/records/first_review", data=theirs)
    answer = one.post(f"/complaints/{number}/records/first_review", data=mine)
    assert answer.status_code == 409
    html = panel(answer.text, "first_review")
    assert "my words</textarea>" in html
    assert "Now stored: their words" in visible(html)
    again = mine | {"version": hidden(html, "version")}
    assert one.post(f"/complaints/{number}/records/first_review", data=again).status_code == 303
    assert desk.case(number).records["first_review"].values["details"] == "my words"


def test_two_who_write_different_fields_do_not_disturb_each_other(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    one, other = as_("mkt_sup"), as_("mkt_vp")
    mine = form_of(one, number, "first_review", details="my words")
    theirs = form_of(other, number, "first_review", evidence="received")
    assert other.post(f"/complaints/{number}/records/first_review", data=theirs).status_code == 303
    assert one.post(f"/complaints/{number}/records/first_review", data=mine).status_code == 303
    assert desk.case(number).records["first_review"].values == {"evidence": "received", "details": "my words"}


def test_who_may_not_write_is_told_every_reason(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    answer = as_("clerk").post(f"/complaints/{number}/records/finding", data={"version": 0, "text": "mine"})
    assert answer.status_code == 422
    shown = visible(panel(answer.text, "finding"))
    assert "Your role may not write here" in shown
    assert "is not written in the stage Registered" in shown
    assert "mine" in shown


def test_a_stranger_and_an_unknown_record_are_not_found(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    assert as_("staff").post(f"/complaints/{number}/records/form", data={}).status_code == 404
    assert as_("clerk").post(f"/complaints/{number}/records/nothing", data={}).status_code == 404
    assert as_("clerk").post(f"/complaints/{number}/records/contacts/9", data={}).status_code == 404
    assert as_("clerk").post(f"/complaints/{number}/signatures/nothing", data={}).status_code == 404


@on_both_databases
def test_a_file_is_uploaded_for_a_field_and_kept_though_the_form_was_refused(
    desk: Desk, as_: Any, make: sessionmaker[Session]
) -> None:
    number = desk.to_investigation()
    desk.write(number, "finding", "qe", text="Not us", responsibility="not_ours")
    client = as_("qe")
    form = form_of(client, number, "not_ours", basis="x" * 5000)
    form["appraisal.upload"] = (io.BytesIO(PNG), "鉴定.png")
    answer = client.post(f"/complaints/{number}/records/not_ours", data=form)
    assert answer.status_code == 422
    with make() as session:
        kept = session.scalars(select(Attachment)).one()
    assert (kept.filename, kept.content_type, kept.letter_id) == ("鉴定.png", "image/png", None)
    assert f'<option value="{kept.id}" selected>' in answer.text
    form = form_of(client, number, "not_ours", basis="ISO 6149", explanation="…", appraisal=kept.id)
    assert client.post(f"/complaints/{number}/records/not_ours", data=form).status_code == 303
    html = client.get(f"/complaints/{number}/records").text
    assert f'href="/attachments/{kept.id}/' in panel(html, "not_ours")
    assert client.get(f"/attachments/{kept.id}/x").status_code == 200
    assert "qe added a file: 鉴定.png" in visible(client.get(f"/complaints/{number}").text)


def test_a_form_sends_again_a_file_that_it_cannot_offer_any_more(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    desk.write(number, "finding", "qe", text="Cut", responsibility="not_ours")
    with transaction(desk.make) as session:
        written(session, desk.find(session, number), "not_ours", appraisal="gone", basis="Lab", explanation="clip")
    form = panel(as_("qe").get(f"/complaints/{number}/records").text, "not_ours")
    assert '<option value="gone" selected>a file</option>' in form
    assert write(as_("qe"), number, "not_ours", appraisal="gone", basis="Lab report 77").status_code == 303
    assert desk.case(number).value("not_ours.basis") == "Lab report 77"


def test_an_empty_file_is_told(desk: Desk, as_: Any) -> None:
    number = desk.to_investigation()
    desk.write(number, "finding", "qe", text="Not us", responsibility="not_ours")
    client = as_("qe")
    form = form_of(client, number, "not_ours", basis="ISO 6149")
    form["appraisal.upload"] = (io.BytesIO(b""), "empty.pdf")
    answer = client.post(f"/complaints/{number}/records/not_ours", data=form)
    assert answer.status_code == 422
    assert "The file “empty.pdf” is empty." in visible(answer.text)
    form_again = panel(answer.text, "not_ours")
    assert "ISO 6149" in form_again
    assert re.search(r'<select[^>]*name="appraisal"[^>]*aria-invalid="true"', form_again)


def test_whoever_owns_a_row_says_when_it_is_done(desk: Desk, as_: Any) -> None:
    number = desk.to_implementation()
    client = as_("dept")
    html = client.get(f"/complaints/{number}/records?edit=plan.1").text
    assert "Plan" in chips(html, "yours")
    assert 'id="f-plan-1-done"' in html
    assert 'id="f-plan-1-what"' not in html
    row = desk.case(number).rows["plan"][0]
    done = {"version": row.version, "done": "2026-11-16"}
    assert client.post(f"/complaints/{number}/records/plan/1", data=done).status_code == 303


# Signing


@on_both_databases
def test_a_signature_is_given_with_its_remark(desk: Desk, as_: Any, make: sessionmaker[Session]) -> None:
    number = desk.registered()
    desk.write(number, "form", "sales")
    answer = sign(as_("sales"), number, "form_issued", remark="urgent")
    assert answer.status_code == 303
    assert answer.location.endswith(f"/complaints/{number}/records#f-sign-form_issued")
    with make() as session:
        given = session.scalars(select(Signature)).one()
    assert (given.key, given.user_id, given.role, given.remark) == ("form_issued", desk["sales"].id, "sales", "urgent")
    html = as_("mkt_sup").get(f"/complaints/{number}/records").text
    assert "sales , Salesperson, Mon 16 Nov, 09:30 urgent" in visible(panel(html, "sign-form_issued"))
    assert "Approval of the handling form" in chips(html, "yours")
    assert "sales signed as Salesperson : Issue of the handling form : urgent" in visible(
        as_("mkt_sup").get(f"/complaints/{number}").text
    )


def test_a_box_says_what_comes_first_and_why_one_may_not(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    html = as_("mkt_sup").get(f"/complaints/{number}/records").text
    shown = visible(panel(html, "sign-form_approved"))
    assert "Issue of the handling form comes first" in shown
    assert 'href="#f-sign-form_issued"' in panel(html, "sign-form_approved")
    desk.write(number, "form", "mkt_sup")
    desk.sign(number, "form_issued", "sales")
    shown = visible(panel(as_("mkt_sup").get(f"/complaints/{number}/records").text, "sign-form_approved"))
    assert "You wrote in “Customer complaint handling form” yourself" in shown
    assert "Your role may not sign this" in visible(
        panel(as_("qe").get(f"/complaints/{number}/records").text, "sign-receipt")
    )


def test_returning_needs_a_remark_and_the_box_tells_of_it(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    desk.write(number, "form", "sales")
    desk.sign(number, "form_issued", "sales")
    answer = sign(as_("mkt_sup"), number, "form_approved", decision="returned")
    assert answer.status_code == 422
    assert "Please say why you return it." in visible(panel(answer.text, "sign-form_approved"))
    answer = sign(as_("mkt_sup"), number, "form_approved", decision="returned", remark="which lot?")
    assert answer.status_code == 303
    html = as_("sales").get(f"/complaints/{number}/records").text
    assert "returned which lot?" in visible(panel(html, "sign-form_approved"))
    assert "void, because it was returned later" in visible(panel(html, "sign-form_issued"))


@on_both_databases
def test_what_changed_since_it_was_shown_is_read_again(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    desk.write(number, "form", "sales")
    client = as_("sales")
    digest = hidden(panel(client.get(f"/complaints/{number}/records").text, "sign-form_issued"), "digest")
    desk.write(number, "form", "clerk", request="Something else")
    data = {"digest": digest, "decision": "approved", "remark": "my remark"}
    answer = client.post(f"/complaints/{number}/signatures/form_issued", data=data)
    assert answer.status_code == 409
    box = panel(answer.text, "sign-form_issued")
    assert "was changed meanwhile" in visible(box)
    assert "my remark" in box
    assert hidden(box, "digest") != digest
    assert desk.case(number).signatures == {}


@on_both_databases
def test_the_last_signature_may_move_it_on_in_the_same_breath(desk: Desk, as_: Any) -> None:
    number = desk.to_action_plan()
    desk.plan(number)
    desk.sign(number, "plan_review", "qe")
    desk.sign(number, "plan_audit", "qa_mgr")
    with desk.act() as session:
        from complaints.complaint import involve

        involve(session, desk.find(session, number), at=desk.at, reason="named", users=[desk["mr"].id])
    client = as_("mr")
    html = panel(client.get(f"/complaints/{number}/records").text, "sign-plan_approval")
    assert "Approve and move to Implementation" in visible(html)
    digest = hidden(html, "digest")
    data = {"digest": digest, "remark": "", "move": "implementation"}
    assert client.post(f"/complaints/{number}/signatures/plan_approval", data=data).status_code == 303
    assert desk.stage(number) == "implementation"


def test_a_move_that_is_refused_leaves_nothing_signed(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    desk.write(number, "form", "sales")
    client = as_("sales")
    digest = hidden(panel(client.get(f"/complaints/{number}/records").text, "sign-form_issued"), "digest")
    data = {"digest": digest, "remark": "", "move": "closed"}
    answer = client.post(f"/complaints/{number}/signatures/form_issued", data=data)
    assert answer.status_code == 422
    assert desk.case(number).signatures == {}


def _with_password(make: sessionmaker[Session], actor: Actor, password: str) -> None:
    with transaction(make) as session:
        session.get_one(User, actor.id).password_hash = people._hasher.hash(password)


@on_both_databases
def test_an_old_proof_asks_for_the_password_again(
    desk: Desk, as_: Any, make: sessionmaker[Session], clock: time_machine.Traveller
) -> None:
    number = desk.registered()
    desk.write(number, "form", "sales")
    _with_password(make, desk["sales"], "a long password")
    client = as_("sales")
    assert 'name="password"' not in client.get(f"/complaints/{number}/records").text
    clock.shift(timedelta(minutes=16))
    assert 'id="f-sign-form_issued-password"' in client.get(f"/complaints/{number}/records").text
    answer = sign(client, number, "form_issued", remark="kept")
    assert answer.status_code == 422
    assert "Please give your password again" in visible(panel(answer.text, "sign-form_issued"))
    answer = sign(client, number, "form_issued", password="wrong", remark="kept")
    assert answer.status_code == 422
    box = panel(answer.text, "sign-form_issued")
    assert "This is not your password" in visible(box)
    assert "kept" in box
    assert "wrong" not in box
    assert sign(client, number, "form_issued", password="a long password").status_code == 303
    assert desk.case(number).signatures.keys() == {"form_issued"}
    assert 'name="password"' not in client.get(f"/complaints/{number}/records").text


def test_wrong_passwords_are_counted_with_those_of_the_sign_in(
    desk: Desk, settings: Any, make: sessionmaker[Session], clock: time_machine.Traveller
) -> None:
    from webapp import create_app

    number = desk.registered()
    desk.write(number, "form", "sales")
    _with_password(make, desk["sales"], "a long password")
    overrides = {"WTF_CSRF_ENABLED": False, "RATELIMIT_ENABLED": True, "RATELIMIT_STORAGE_URI": "memory://"}
    client = create_app(settings, overrides).test_client()
    with transaction(make) as session:
        user = session.get_one(User, desk["sales"].id)
        token, email = signin.begin(session, user, at=NOW, keep=False), user.email
    with client.session_transaction() as cookie:
        cookie["_user_id"] = token
    clock.shift(timedelta(minutes=16))
    for _ in range(3):
        assert sign(client, number, "form_issued", password="wrong").status_code == 422
    for _ in range(2):
        assert client.post("/login", data={"email": email, "password": "wrong"}).status_code == 422
    assert sign(client, number, "form_issued", password="a long password").status_code == 429


# The procedure of a draft


@on_both_databases
def test_a_draft_follows_another_procedure_with_its_classes_and_records(desk: Desk, as_: Any) -> None:
    number = desk.draft()
    client = as_("clerk")
    html = client.get(f"/complaints/{number}").text
    assert "Customer complaints, manufacturing" in html
    assert '<option value="general"' in html
    version = version_of(desk, number)
    entry = an_entry(complaint_class="general", content="The parcel came wet") | {"version": version}
    answer = client.post(f"/complaints/{number}/entry", data=entry | {"procedure": "postal"})
    assert answer.status_code == 303
    html = client.get(f"/complaints/{number}").text
    assert "follows “Complaints, postal service” now" in visible(html)
    assert '<option value="simple">' in html
    assert '<option value="general"' not in html
    assert "The parcel came wet" in html
    assert "clerk chose another procedure: Complaints, postal service" in visible(html)

    entry = an_entry(complaint_class="simple") | {"version": version_of(desk, number), "procedure": "postal"}
    answer = client.post(f"/complaints/{number}/registration", data=entry)
    assert answer.status_code == 422
    assert 'href="#f-identity"' in answer.text
    assert 'href="#f-concerns"' in answer.text
    assert f"The entry of {number} is saved." in answer.text
    shown = hidden(answer.text[answer.text.index('id="entry"') :], "version")
    assert write(client, number, "identity", how="document", result="shown").status_code == 303
    assert write(client, number, "concerns", offices="Hangzhou", several="no").status_code == 303
    assert "Quellstrom Mobility" in as_("qe").get(f"/complaints/{number}").text
    stale = client.post(f"/complaints/{number}/registration", data=entry | {"batch": "L1"})
    assert stale.status_code == 409
    entry["version"] = shown
    assert client.post(f"/complaints/{number}/registration", data=entry).status_code == 303
    assert desk.stage(number) == "registered"


def test_facts_that_the_next_stage_asks_for_wait_for_whoever_keeps_the_register(desk: Desk, as_: Any) -> None:
    number = desk.draft(procedure_key="cement", complaint_class="serious", stage="registered", registered_at=MONDAY)
    with desk.act() as session:
        found = desk.find(session, number)
        visits.enter(session, found.id, "registered", round=1, by=desk["clerk"], at=desk.at)
        consequences.follow(session, found, [], by=desk["clerk"], at=desk.at, context=CONTEXT)
    way = f'href="/complaints/{number}?entry=1#entry"'
    for role, yours in (("clerk", True), ("qe", False)):
        html = as_(role).get(f"/complaints/{number}").text
        aside = html[html.index('id="contents"') :]
        assert (f'class="btn" {way}' in aside, way in aside) == (yours, True)
    work = as_("clerk").get("/work").text
    assert "Complete the register entry" in work
    assert way in work
    assert "Complete the register entry" not in as_("qe").get("/work").text


def test_a_record_that_waits_says_what_is_still_asked_of_it(desk: Desk, as_: Any) -> None:
    number = desk.draft(procedure_key="hotel", complaint_class="normal", stage="assigned")
    client, asked = as_("clerk"), "The guest must have been told how it goes on"
    row = {"kind": "other", "on": "2026-11-16", "way": "phone", "text": "We are on it"}
    assert asked not in panel(client.get(f"/complaints/{number}/records").text, "contacts")  # its form is open anyway
    assert write(client, number, "contacts", **row).status_code == 303
    assert asked in panel(client.get(f"/complaints/{number}/records").text, "contacts")
    assert (
        write(client, number, "contacts", **row | {"kind": "arrangement_told", "expected_on": "2026-11-20"}).status_code
        == 303
    )
    assert asked not in panel(client.get(f"/complaints/{number}/records").text, "contacts")


def test_a_new_complaint_may_follow_another_procedure(desk: Desk, as_: Any, make: sessionmaker[Session]) -> None:
    client = as_("clerk")
    html = client.post("/complaints/new", data={"act": "procedure", "procedure": "postal", "content": "wet"}).text
    assert '<option value="simple">' in html
    assert "wet</textarea>" in html
    form = an_entry(complaint_class="simple", content="wet", channel="phone")
    form |= {"act": "draft", "procedure": "postal", "key": hidden(html, "key")}
    assert client.post("/complaints/new", data=form).status_code == 303
    with make() as session:
        assert session.scalars(select(Complaint)).one().procedure == "postal"


def test_one_procedure_is_no_choice(desk: Desk, as_: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    only = procedure.procedure()
    monkeypatch.setattr(procedure, "_known", {(only.key, only.version): only})
    number = desk.draft()
    assert 'name="procedure"' not in as_("clerk").get(f"/complaints/{number}").text


# Leaving the board


def test_what_is_no_complaint_is_of_a_kind_that_somebody_answers(
    desk: Desk, as_: Any, make: sessionmaker[Session]
) -> None:
    number = desk.draft()
    client = as_("clerk")
    html = client.get(f"/complaints/{number}").text
    assert '<option value="enquiry">Enquiry</option>' in html
    form = {"outcome": "not_complaint", "other": "a question", "kind": "enquiry", "version": version_of(desk, number)}
    back = {"back": f"/complaints/{number}"}
    refused = client.post(f"/complaints/{number}/off-board", data=form | back | {"owner": 999_999})
    assert refused.status_code == 422
    assert "choose somebody of the list" in visible(refused.text)
    taken = client.post(f"/complaints/{number}/off-board", data=form | back | {"owner": desk["sales"].id})
    assert taken.status_code == 303
    with make() as session:
        decision = session.scalars(select(off_board.Decision)).one()
    assert (decision.kind, decision.owner_id) == ("enquiry", desk["sales"].id)
    with desk.act() as session:
        off_board.answer(session, decision.id, text="We sent a catalogue", by=desk["sales"], at=desk.at)
    assert "sales answered it: We sent a catalogue" in visible(client.get(f"/complaints/{number}").text)


def test_a_withdrawal_says_what_comes_first(desk: Desk, as_: Any) -> None:
    number = desk.registered()
    html = as_("clerk").get(f"/complaints/{number}").text
    withdrawn = html[html.index("Leaves the board") :]
    assert f'<a href="/complaints/{number}/records#f-withdrawal">' in withdrawn
    assert f'<a href="/complaints/{number}/records#f-sign-withdrawal_confirmed">' in withdrawn
    desk.write(number, "withdrawal", "sales", statement="They found it was theirs")
    desk.sign(number, "withdrawal_confirmed", "mkt_sup")
    html = as_("clerk").get(f"/complaints/{number}").text
    assert 'value="withdrawn"' in html[html.index("Leaves the board") :]


def test_a_merge_may_be_taken_back_for_a_day(desk: Desk, as_: Any, clock: time_machine.Traveller) -> None:
    into, number = desk.registered(), desk.draft()
    with desk.act() as session:
        complaint = desk.find(session, number)
        off_board.take(
            session, complaint, "merged", reason="", by=desk["clerk"], at=NOW, seen_version=complaint.version,
            context=CONTEXT, into=desk.find(session, into),
        )  # fmt: skip
    assert "Bring back to the board" in as_("clerk").get(f"/complaints/{number}").text
    clock.shift(timedelta(hours=25))
    client = as_("clerk")
    with client.session_transaction() as cookie, transaction(desk.make) as session:
        user = session.get_one(User, desk["clerk"].id)
        cookie["_user_id"] = signin.begin(session, user, at=NOW + timedelta(hours=25), keep=False)
    shown = visible(client.get(f"/complaints/{number}").text)
    assert "It was merged more than a day ago and stays there." in shown
    assert "Bring back to the board" not in shown


# The history in words


def test_the_history_tells_the_acts_in_the_readers_language(desk: Desk, as_: Any, make: sessionmaker[Session]) -> None:
    number = desk.to_customer_reply()
    desk.move(number, "action_plan", "sales", reason="still leaks")
    desk.write(number, "cause", "dept_head", text="Another cause")
    html = as_("qe").get(f"/complaints/{number}").text
    shown = visible(html)
    for text in (
        "mkt_sup wrote in “ First review ”: Details confirmed, Evidence from the customer",
        "Evidence from the customer Asked for",
        "qa_head wrote in “ Naming the QE ”: QE engineer",
        "QE engineer qe",
        "sales moved it from Customer reply back to Action plan , for round 2 : still leaks",
        "qe signed as QE engineer : Verification by QA",
    ):
        assert text in shown
    with transaction(make) as session:
        session.get_one(User, desk["qe"].id).locale = "zh_CN"
    shown = visible(as_("qe").get(f"/complaints/{number}/records").text)
    for text in ("初审", "客户证据", "已索取", "品管部验证"):
        assert text in shown


# Several complaints in one investigation


@on_both_databases
def test_a_complaint_joins_the_investigation_of_another(desk: Desk, as_: Any) -> None:
    first, second = desk.to_action_plan(), desk.to_investigation()
    client = as_("qe")
    html = client.get(f"/complaints/{second}/records").text
    assert "Join the investigation of" in html
    form = {"other": first.lower(), "version": version_of(desk, second)}
    assert client.post(f"/complaints/{second}/investigation", data=form).status_code == 303
    html = client.get(f"/complaints/{second}/records").text
    assert "Tool worn" in visible(panel(html, "finding"))
    said = client.get(f"/complaints/{second}").text
    assert f"Investigated together {first}" in visible(said[said.index('id="linked"') :])
    assert f"qe joined it to the investigation of {first}" in visible(said)
    assert f"qe joined {second} to its investigation" in visible(client.get(f"/complaints/{first}").text)
    assert desk.case(second).complaint.investigation_id == desk.case(first).complaint.investigation_id


def test_a_complaint_whose_investigation_has_begun_joins_none(desk: Desk, as_: Any) -> None:
    first, second = desk.to_action_plan(), desk.to_action_plan()
    client = as_("qe")
    assert "Join the investigation of" not in client.get(f"/complaints/{second}/records").text
    version = version_of(desk, second)
    answer = client.post(f"/complaints/{second}/investigation", data={"other": first, "version": version})
    assert answer.status_code == 422
    assert "its own investigation has begun" in visible(answer.text)
    answer = client.post(f"/complaints/{second}/investigation", data={"other": "C-1", "version": version})
    assert answer.status_code == 422


def test_only_qa_joins_investigations(desk: Desk, as_: Any) -> None:
    first, second = desk.to_action_plan(), desk.to_investigation()
    client = as_("clerk")
    assert "Join the investigation of" not in client.get(f"/complaints/{second}/records").text
    version = version_of(desk, second)
    answer = client.post(f"/complaints/{second}/investigation", data={"other": first, "version": version})
    assert answer.status_code == 403


@on_both_databases
def test_what_is_done_together_waits_for_nobody_on_the_other_complaint(desk: Desk, as_: Any) -> None:
    first, second = desk.to_investigation(), desk.to_investigation()
    form = {"other": first, "version": version_of(desk, second)}
    assert as_("qe").post(f"/complaints/{second}/investigation", data=form).status_code == 303
    assert _waiting(desk, second) >= {"finding", "qe_entry"}
    desk.write(first, "finding", "qe")
    assert "finding" not in _waiting(desk, second)


@on_both_databases
def test_quality_takes_a_complaint_that_stayed_behind_into_the_present_round(desk: Desk, as_: Any) -> None:
    first, second = desk.to_investigation(), desk.to_investigation()
    form = {"other": first, "version": version_of(desk, second)}
    assert as_("qe").post(f"/complaints/{second}/investigation", data=form).status_code == 303
    for number in (first, second):
        desk.write(number, "qe_entry", "qe")
    desk.write(first, "finding", "qe")
    for number in (first, second):
        desk.move(number, "action_plan", "qe")
    desk.plan(first)
    desk.approve_plan(first)
    for number in (first, second):
        desk.move(number, "implementation", "mr")
    desk.carry_out(first)
    desk.verify(first)
    desk.move(first, "action_plan", "sales", reason="It still leaks")
    action = f'action="/complaints/{second}/round"'
    for role in ("sales", "qe"):
        pages = [as_(role).get(f"/complaints/{number}/records").text for number in (first, second)]
        assert [action in page for page in pages] == [role == "qe"] * 2
    form = {"version": version_of(desk, second)}
    assert as_("sales").post(f"/complaints/{second}/round", data=form).status_code == 403
    assert as_("qe").post(f"/complaints/{second}/round", data={"version": 1}).status_code == 409
    assert as_("qe").post(f"/complaints/{second}/round", data=form).status_code == 303
    assert (desk.stage(second), desk.case(second).complaint.round) == ("action_plan", 2)
    html = as_("qe").get(f"/complaints/{second}/records").text
    assert action not in html
    assert "qe moved it from Implementation back to Action plan , for round 2" in visible(
        as_("qe").get(f"/complaints/{second}").text
    )


def _waiting(desk: Desk, number: str) -> set[str]:
    """What waits on a complaint, by its record or signature."""
    with desk.make() as session:
        complaint = desk.find(session, number)
        return {*session.scalars(select(Waiting.key).where(Waiting.complaint_id == complaint.id))}


# Numbers of complaints that are not the reader's to see


@on_both_databases
def test_a_history_gives_the_numbers_only_of_complaints_that_the_reader_may_see(desk: Desk, as_: Any) -> None:
    shared, own = desk.to_investigation(), desk.to_action_plan()
    merged = desk.draft()
    with desk.act() as session:
        one, other, into = (desk.find(session, each) for each in (shared, own, merged))
        joining.join(session, one, other, by=desk["qe"], at=desk.at, seen_version=one.version, context=CONTEXT)
        off_board.take(
            session, into, "merged", into=other, reason="", by=desk["clerk"], at=desk.at, seen_version=into.version,
            context=CONTEXT,
        )  # fmt: skip
        session.execute(delete(Involvement).where(Involvement.complaint_id == one.id))
        session.execute(delete(Involvement).where(Involvement.complaint_id == into.id))
    page = visible(as_("dept").get(f"/complaints/{own}").text)
    assert shared not in page
    assert merged not in page
    assert "qe joined another complaint to its investigation" in page
    assert "clerk merged another complaint into it" in page
    page = visible(as_("clerk").get(f"/complaints/{own}").text)
    assert f"qe joined {shared} to its investigation" in page
    assert f"clerk merged {merged} into it" in page


def test_whose_complaint_took_another_in_hears_its_number_only_if_they_may_see_it(
    desk: Desk, make: sessionmaker[Session]
) -> None:
    into = desk.to_action_plan()
    merged = desk.draft()
    with desk.act() as session:
        one, other = desk.find(session, merged), desk.find(session, into)
        off_board.take(
            session, one, "merged", into=other, reason="", by=desk["clerk"], at=desk.at, seen_version=one.version,
            context=CONTEXT,
        )  # fmt: skip
    with make() as session:
        told = session.scalars(select(Notice).where(Notice.event.startswith("merged_in"))).one()
    assert told.user_id == desk["dept_head"].id
    assert told.values["name"] == {"en": "Another complaint was merged into it", "zh": "另一条投诉 已合并至此"}
