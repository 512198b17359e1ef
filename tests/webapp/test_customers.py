"""Customers: what is offered while a name is typed, a customer's file, what was talked about."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import procedure, registration
from complaints.communications import Communication, Question
from complaints.customers import Contact, Customer, customer_named, findable, met
from complaints.database import transaction
from complaints.outbox import Outgoing
from complaints.settings import Settings
from jobs.letters import make_app, render
from tests.builders import MONDAY, a_complaint, at_once
from tests.desk import CONTEXT, Desk
from tests.webapp.conftest import Browser, on_both_databases

As = Callable[[str], FlaskClient]
HTMX = {"HX-Request": "true"}
FILE = {
    "name": "上海泵业有限公司", "address": "上海市浦东新区 1 号", "contact_method": "021-5555 1234",
    "business": "Pumps", "profile": "800 people, three plants", "region": "East China",
    "care_months": "6", "key_customer": "yes",
}  # fmt: skip


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    return Desk(make, at=MONDAY)


@pytest.fixture
def as_(desk: Desk, browser_of: Browser) -> As:
    return lambda role: browser_of(desk[role])


def visible(html: str) -> str:
    html = re.sub(r"(?s)<(style|script).*?</\1>", " ", html)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def at_field(html: str, field: str) -> str:
    found = re.search(rf'id="{field}-problem">(.*?)</p>', html, re.S)
    return visible(found[1]) if found else ""


def begun(client: FlaskClient, **changes: str) -> str:
    answer = client.post("/customers/new", data=FILE | changes)
    assert answer.status_code == 303
    return str(answer.location)


@pytest.mark.requirement("S157")
@on_both_databases
def test_a_customer_has_a_file_and_the_complaint_form_picks_the_customer(desk: Desk, as_: As) -> None:
    clerk = as_("clerk")
    place = begun(clerk)
    shown = visible(clerk.get(place).text)
    for said in ("上海泵业有限公司", "上海市浦东新区 1 号", "021-5555 1234", "Pumps", "800 people", "East China",
                 "Key customer", "Changed 09:30 by clerk"):  # fmt: skip
        assert said in shown or said.startswith("Changed")
    assert begun(clerk) == place  # the same form, sent twice
    for typed in ("shby", "pudong 55551234", "泵业 上海"):
        listed = visible(clerk.get("/customers", query_string={"q": typed}).text)
        assert ("上海泵业有限公司" in listed) == (typed != "pudong 55551234"), typed
    offered = clerk.get("/suggestions/customers?customer=shby", headers=HTMX).text
    assert visible(offered) == "上海泵业有限公司 上海市浦东新区 1 号"
    assert 'role="option"' in offered
    form = clerk.get("/complaints/new").text
    assert 'hx-get="/suggestions/customers"' in form
    assert "<datalist" not in form


@on_both_databases
def test_choosing_a_customer_offers_its_people_who_work_there_still(desk: Desk, as_: As) -> None:
    with transaction(desk.make) as session:
        for name, address in (("Ines Carrow", "i.carrow@q.example"), ("Old Hand", "old@q.example")):
            met(session, address=address, name=name, locale="en", at=MONDAY)
        everyone = session.scalars(select(Contact)).all()
        for each in everyone:
            each.customer_id, each.phone = 1, "555"
            each.left_at = MONDAY if each.name == "Old Hand" else None
    number, clerk = desk.registered(), as_("clerk")
    query = {"customer": "Quellstrom Mobility", "contact_person": ""}
    offered = clerk.get("/suggestions/contacts", query_string=query).text
    assert visible(offered) == "Ines Carrow i.carrow@q.example"
    assert '"contact_phone": "555"' in unescape(offered)
    of_complaint = {"complaint": number, "contact_person": "carr"}
    assert "Ines" in clerk.get("/suggestions/contacts", query_string=of_complaint).text
    assert clerk.get("/suggestions/contacts", query_string=of_complaint | {"contact_person": "zz"}).text.strip() == ""


def test_at_most_twenty_are_offered(desk: Desk, as_: As) -> None:
    with transaction(desk.make) as session:
        for count in range(30):
            findable(session, customer_named(session, f"Pump works {count:02}"))
    assert as_("clerk").get("/suggestions/customers?customer=pump").text.count('role="option"') == 20


@pytest.mark.parametrize(
    ("field", "said", "why"),
    [
        ("name", "", "Customer is missing"), ("address", " ", "Address is missing"), ("profile", "x" * 4001, "4000"),
        ("contact_method", "", "Contact method is missing"), ("business", "", "Line of business is missing"),
        ("care_months", "0", "from 1 to 120"), ("care_months", "soon", "from 1 to 120"),
        ("name", "Quellstrom Mobility", "There is a customer of this name already"),
    ],
)  # fmt: skip
def test_what_cannot_stand_in_a_file_is_refused_at_the_field_and_kept(as_: As, field: str, said: str, why: str) -> None:
    answer = as_("clerk").post("/customers/new", data=FILE | {field: said})
    assert answer.status_code == 422
    assert why in at_field(answer.text, f"c-{field}")
    assert "800 people" in answer.text or field == "profile"


@on_both_databases
def test_of_two_who_keep_a_file_at_once_the_second_sees_both_texts(as_: As) -> None:
    clerk, quality = as_("clerk"), as_("qe")
    place = begun(clerk)
    assert quality.post(f"{place}/edit", data=FILE | {"version": 1, "region": "Shanghai"}).status_code == 303
    answer = clerk.post(f"{place}/edit", data=FILE | {"version": 1, "region": "South"})
    assert answer.status_code == 409
    assert 'value="South"' in answer.text
    assert "Now stored: Shanghai" in visible(answer.text)
    assert clerk.post(f"{place}/edit", data=FILE | {"version": 2, "region": "South"}).status_code == 303
    assert "South" in visible(clerk.get(place).text)


@on_both_databases
def test_contacts_are_added_changed_moved_and_marked_as_left(desk: Desk, as_: As) -> None:
    clerk = as_("clerk")
    place = begun(clerk)
    person = {"name": "Ren Li", "address": "REN@pumps.example", "phone": "139", "version": 1}
    for _ in range(2):
        assert clerk.post(f"{place}/contacts", data=person).status_code == 303
    refused = clerk.post(f"{place}/contacts", data=person | {"address": "ren at home"})
    assert (refused.status_code, at_field(refused.text, "p-address")) == (422, "This is not an e-mail address")
    with desk.make() as session:
        known = session.scalars(select(Contact)).one()
        assert (known.address, known.name) == ("ren@pumps.example", "Ren Li")
    contact = f"{place}/contacts/{known.id}"
    assert clerk.post(contact, data=person | {"version": 1, "name": "Ren Lei"}).status_code == 409
    assert clerk.post(contact, data=person | {"version": 2, "name": "Ren Lei"}).status_code == 303
    assert clerk.post(contact, data={"act": "left", "version": 3}).status_code == 303
    assert "Ren Lei (left)" in visible(clerk.get(place).text)
    nobody = clerk.post(contact, data={"act": "move", "version": 4, "customer": "Nobody"})
    assert at_field(nobody.text, "c-customer") == "There is no customer of this name"
    assert clerk.post(contact, data={"act": "move", "version": 4, "customer": "Quellstrom Mobility"}).status_code == 303
    assert clerk.get(contact).status_code == 404
    assert "Ren Lei" in visible(clerk.get("/customers/1").text)
    assert "Quellstrom" in clerk.get("/customers?q=ren+lei").text
    taken = clerk.post(f"{place}/contacts", data=person | {"version": 5})
    assert "belongs to a contact that is known" in at_field(taken.text, "p-address")


def test_a_file_shows_the_complaints_that_the_reader_may_see(desk: Desk, as_: As) -> None:
    number = desk.registered()
    page = visible(as_("clerk").get("/customers/1").text)
    assert number in page
    assert 'href="/customers/1"' in as_("clerk").get(f"/complaints/{number}").text
    assert 'href="/customers/1"' not in as_("dept").get(f"/complaints/{number}").text


def test_who_keeps_no_customers_finds_none(desk: Desk, as_: As) -> None:
    desk.registered()
    for path in ("/customers", "/customers/1", "/customers/new", "/customers/1/edit",
                 "/suggestions/customers?customer=q",
                 "/suggestions/products?product=h", "/suggestions/contacts?customer=Quellstrom+Mobility"):  # fmt: skip
        assert as_("dept").get(path).status_code == 404, path
    assert as_("dept").post("/customers/1/communications", data={}).status_code == 404
    assert "/customers" not in as_("dept").get("/work").text


@pytest.mark.parametrize("path", ["/customers/99", "/customers/1/contacts/9", "/customers/0"])
def test_what_is_not_there_is_not_found(as_: As, path: str) -> None:
    assert as_("clerk").get(path).status_code == 404


@pytest.mark.requirement("S162")
@on_both_databases
def test_what_was_talked_about_stands_in_the_record_once(desk: Desk, as_: As) -> None:
    clerk = as_("clerk")
    talk = {
        "on": "2026-11-16", "kind": "contract", "subject": "New frame contract", "person": "Ines Carrow",
        "content": "Wants 60 days", "follow_up": "Daniel calls on Friday", "key": "the-form-of-today",
    }  # fmt: skip
    for _ in range(2):
        assert clerk.post("/customers/1/communications", data=talk).status_code == 303
    with desk.make() as session:
        assert session.scalars(select(Communication)).one().on == date(2026, 11, 16)
    shown = visible(clerk.get("/customers/1").text)
    for said in ("New frame contract Contract", "Ines Carrow", "Wants 60 days", "Daniel calls on Friday"):
        assert said in shown
    assert "Write the answer down" not in shown
    refused = clerk.post("/customers/1/communications", data=talk | {"subject": "", "on": "2027-01-01", "kind": "x"})
    assert refused.status_code == 422
    assert [at_field(refused.text, f"t-{each}") for each in ("subject", "on", "kind")] == [
        "Subject is missing", "Date lies in the future", "Kind: choose one of the list"
    ]  # fmt: skip
    assert "Wants 60 days" in refused.text


@pytest.mark.requirement("S163")
@on_both_databases
def test_an_enquiry_that_cannot_be_answered_stays_open_with_who_is_asked_until_it_is_answered(
    desk: Desk, as_: As, settings: Settings
) -> None:
    clerk = as_("clerk")
    talk = {
        "on": "2026-11-16", "kind": "enquiry", "subject": "Is HX-210 fit for 60 bar?", "person": "Ines Carrow",
        "content": "For a new press", "departments": str(desk.department), "key": "the-form-of-today",
    }  # fmt: skip
    told = clerk.post("/customers/1/communications", data=talk, follow_redirects=True).text
    assert "2 colleagues are asked." in visible(told)
    with desk.make() as session:
        mails = session.scalars(select(Outgoing).where(Outgoing.kind == "enquiry")).all()
        assert len(mails) == 2
        said = render(make_app(settings), settings, mails[0]).decode()
        assert "clerk asks you: Is HX-210 fit for 60 bar?" in said
    waiting = visible(clerk.get("/customers").text)
    assert "Enquiries that wait for an answer Is HX-210 fit for 60 bar? Quellstrom Mobility" in waiting
    assert "Open" in told
    assert "Asked: Machining" in visible(told)
    answer = "/customers/1/communications/1/answer"
    assert clerk.post(answer, data={"answer": " "}).status_code == 422
    for said, status in (("Yes, up to 80", 303), ("Yes, up to 80", 303), ("No", 409)):
        assert clerk.post(answer, data={"answer": said}).status_code == status
    with desk.make() as session:
        assert session.scalars(select(Question)).one().answer == "Yes, up to 80"
    shown = visible(clerk.get("/customers/1").text)
    assert "Answer clerk" in shown
    assert "Write the answer down" not in shown
    assert "Enquiries that wait" not in visible(clerk.get("/customers").text)
    assert clerk.post("/customers/1/communications/7/answer", data={"answer": "x"}).status_code == 404


@on_both_databases
def test_two_customers_that_are_the_same_become_one_and_can_be_taken_apart(desk: Desk, as_: As) -> None:
    clerk, number = as_("clerk"), desk.registered()
    place = begun(clerk, name="Quellstrom Mobility GmbH")
    person = {"name": "Ines Carrow", "address": "i@q.example", "version": 1}
    assert clerk.post("/customers/1/contacts", data=person).status_code == 303
    for wrong in ("Nobody", "Quellstrom Mobility"):
        refused = clerk.post("/customers/1/merge", data={"customer": wrong, "version": 2})
        assert at_field(refused.text, "m-customer") == "There is no customer of this name"
    form = {"customer": "Quellstrom Mobility GmbH", "version": 1}
    assert clerk.post("/customers/1/merge", data=form).status_code == 409
    assert clerk.post("/customers/1/merge", data=form | {"version": 2}).location == place
    shown = visible(clerk.get(place).text)
    assert number in shown
    assert "Ines Carrow" in shown
    assert "This customer goes on as Quellstrom Mobility GmbH" in visible(clerk.get("/customers/1").text)
    assert "Quellstrom Mobility Quellstrom Mobility GmbH" in visible(
        clerk.get(f"/complaints/{number}/history?field=customer").text
    )
    assert clerk.get("/customers?q=quellstrom").text.count('<th scope="row">') == 1
    desk.correct(number, "clerk", customer="Quellstrom Mobility", batch="L-1")  # whoever still calls it so
    assert f"{place}" in clerk.get(f"/complaints/{number}").text
    assert clerk.post("/customers/1/merge/undo").status_code == 303
    assert clerk.post("/customers/1/merge/undo").status_code == 409
    assert number in visible(clerk.get("/customers/1").text)
    assert number not in visible(clerk.get(place).text)
    assert clerk.get("/customers?q=carrow").text.count('<th scope="row">') == 1


def test_a_customer_known_from_confidential_complaints_alone_is_nobodys_to_find(
    desk: Desk, as_: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure, "_known", dict(procedure._known))
    procedure.use([replace(procedure.procedure(), key="sealed", confidential=True)])
    with transaction(desk.make) as session:
        for name in ("Hidden Reporter", "Both Ltd"):
            hidden = a_complaint(session, procedure="sealed", registered_at=MONDAY)
            hidden.customer_id = customer_named(session, name, sealed=hidden.number).id
        a_complaint(session, customer_id=customer_named(session, "Both Ltd").id)
    clerk = as_("mkt_vp")
    assert "Hidden Reporter" not in clerk.get("/customers?q=hidden").text
    assert "Hidden Reporter" not in clerk.get("/suggestions/customers?customer=hidden").text
    assert "Both Ltd" in clerk.get("/customers?q=both").text
    with desk.make() as session:
        id_ = session.scalars(select(Customer.id).where(Customer.name == "Hidden Reporter")).one()
    assert clerk.get(f"/customers/{id_}").status_code == 404
    assert clerk.post(f"/customers/{id_}/edit", data=FILE).status_code == 404


@on_both_databases
def test_a_name_that_confidential_complaints_alone_know_is_free_for_everybody_else(
    desk: Desk, as_: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure, "_known", dict(procedure._known))
    procedure.use([replace(procedure.procedure(), key="sealed", confidential=True)])
    hidden, number = desk.draft(), desk.registered()
    with desk.act() as session:
        complaint = desk.find(session, hidden)
        complaint.contact_id = met(session, address="h@r.example", name="H", locale="en", at=MONDAY)[0]
        seen = {"by": desk["clerk"], "at": MONDAY, "context": CONTEXT}
        values = {"customer": "Hidden Reporter"}
        registration.save(session, complaint, values, seen_version=complaint.version, **seen)
        registration.choose_procedure(session, complaint, "sealed", seen_version=complaint.version, **seen)
        registration.register(session, complaint, values, seen_version=complaint.version, **seen)
    clerk = as_("mkt_vp")
    assert "Hidden Reporter" not in clerk.get("/customers?q=hidden").text
    place = begun(clerk, name="Hidden Reporter")
    desk.correct(number, "clerk", customer="Hidden Reporter")
    page = clerk.get(place).text
    assert number in page
    assert hidden not in page
    with desk.make() as session:
        mine, theirs = (desk.find(session, each).customer for each in (number, hidden))
        assert mine is not None
        assert theirs is not None
        assert (mine.sealed, theirs.sealed, theirs.name) == ("", hidden, "Hidden Reporter")
        assert session.scalars(select(Contact.customer_id).where(Contact.address == "h@r.example")).all() == [None]
    assert clerk.get(f"/customers/{theirs.id}").status_code == 404
    assert f"/customers/{theirs.id}" not in as_("clerk").get(f"/complaints/{hidden}").text


@on_both_databases
def test_of_two_at_once_one_begins_a_file_renames_it_or_adds_the_contact(as_: As) -> None:
    two = as_("clerk"), as_("qe")

    def both(*sent: tuple[str, dict[str, object]]) -> list[int]:
        answers = at_once(
            *(partial(client.post, path, data=form) for client, (path, form) in zip(two, sent, strict=True))
        )
        return sorted(each.status_code for each in answers)

    for count in range(5):
        new = FILE | {"name": f"New {count}"}
        assert both(("/customers/new", new), ("/customers/new", new | {"region": "South"})) == [303, 422]
        places = [begun(two[0], name=f"{each} {count}") for each in "AB"]
        form = FILE | {"name": f"C {count}", "version": 1}
        assert both(*((f"{place}/edit", form) for place in places)) == [303, 422]
        person = {"name": "Ren Li", "address": f"r{count}@pumps.example"}
        renamed = [f"C {count}" in two[0].get(place).text for place in places]
        versions = [{"version": 1 + each} for each in renamed]
        forms = [(f"{place}/contacts", person | seen) for place, seen in zip(places, versions, strict=True)]
        assert both(*forms) == [303, 422]


@on_both_databases
def test_nothing_is_written_into_the_file_of_a_customer_that_was_merged(desk: Desk, as_: As) -> None:
    clerk, number = as_("clerk"), desk.registered()
    survivor, last = begun(clerk, name="Quellstrom GmbH"), begun(clerk, name="Quellstrom Group")
    person = {"name": "Ines Carrow", "address": "i@q.example", "version": 1}
    assert clerk.post("/customers/1/contacts", data=person).status_code == 303
    talk = {
        "on": "2026-11-16", "kind": "enquiry", "subject": "60 bar?", "person": "Ines", "content": "For a press",
        "departments": str(desk.department), "key": "one",
    }  # fmt: skip
    assert clerk.post("/customers/1/communications", data=talk).status_code == 303
    merge = {"customer": "Quellstrom GmbH", "version": 2}
    assert clerk.post("/customers/1/merge", data=merge).status_code == 303
    sent = {
        "/customers/1/contacts": {"name": "New Person", "address": "n@q.example", "version": 3},
        "/customers/1/contacts/1": {"name": "New Person", "address": "i@q.example", "version": 3},
        "/customers/1/edit": FILE | {"name": "New Person", "version": 3},
        "/customers/1/communications": talk | {"content": "New Person", "key": "two"},
        "/customers/1/communications/1/answer": {"answer": "New Person"},
    }
    for path, form in sent.items():
        refused = clerk.post(path, data=form)
        assert refused.status_code == 409, path
        assert "Quellstrom Mobility goes on as Quellstrom GmbH" in visible(refused.text), path
        assert "New Person" in refused.text
    version = {"customer": "Quellstrom Group", "version": 2}
    assert clerk.post(f"{survivor}/merge", data=version).location == last
    assert clerk.post("/customers/1/merge/undo").status_code == 303
    page = visible(clerk.get("/customers/1").text)
    for said in (number, "Ines Carrow", "For a press"):
        assert said in page
        assert said not in clerk.get(last).text
    assert clerk.post(f"{survivor}/merge/undo").status_code == 303


@on_both_databases
def test_other_words_in_a_form_that_was_sent_and_a_second_answer_are_refused_and_kept(desk: Desk, as_: As) -> None:
    clerk = as_("clerk")
    talk = {
        "on": "2026-11-16", "kind": "enquiry", "subject": "60 bar?", "person": "Ines", "content": "For a press",
        "departments": str(desk.department), "key": "one",
    }  # fmt: skip
    assert clerk.post("/customers/1/communications", data=talk).status_code == 303
    other = clerk.post("/customers/1/communications", data=talk | {"content": "For a pump"})
    assert other.status_code == 409
    assert "For a pump</textarea>" in other.text
    assert "For a press" in visible(other.text)
    assert 'name="key" value="one"' not in other.text
    path, said = "/customers/1/communications/1/answer", ("Up to 80", "Never")
    answers = at_once(
        *(partial(c.post, path, data={"answer": each}) for c, each in zip((clerk, as_("qe")), said, strict=True))
    )
    assert sorted(each.status_code for each in answers) == [303, 409]
    first = answers[1].status_code == 303
    kept, lost, refused = said[first], said[not first], answers[not first]
    assert f"{lost}</textarea>" in refused.text
    assert kept in visible(refused.text)
    assert clerk.post(path, data={"answer": kept}).status_code == 303


def test_the_list_goes_on_page_by_page(desk: Desk, as_: As) -> None:
    with transaction(desk.make) as session:
        session.add_all(Customer(name=f"Works {count:03}") for count in range(50))
    clerk = as_("clerk")
    first = clerk.get("/customers").text
    more = re.search(r'href="(/customers\?after=\d+)"', first)
    assert more
    second = clerk.get(more[1]).text
    assert "Works 049" in second
    assert "Works 049" not in first
    assert "<html" not in clerk.get("/customers?q=quell", headers=HTMX).text
