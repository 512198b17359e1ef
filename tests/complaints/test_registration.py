"""The register entry: what it asks for, what it leaves behind, and that nobody's words or numbers are lost."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import clocks, registration, workflow
from complaints.complaint import Complaint, Involvement
from complaints.customers import Contact, Customer
from complaints.database import transaction
from complaints.errors import NotAllowed, StaleComplaint
from complaints.history import Change
from complaints.people import Actor
from complaints.procedure import procedure
from complaints.registration import Incomplete, Problem
from tests.builders import (
    MONDAY,
    a_complaint,
    a_customer,
    a_department,
    a_letter,
    a_mailed_complaint,
    a_person,
    an_entry,
    at_once,
)
from tests.desk import CONTEXT

ZONE = ZoneInfo("Asia/Shanghai")
RULES = procedure()
TODAY = date(2026, 11, 16)
SOON = MONDAY + timedelta(minutes=30)
REQUIRED = ("customer", "complaint_date", "content", "complaint_class", "cause_type", "link")


def entry(**changes: str) -> dict[str, Any]:
    """A complete entry, as values."""
    values, problems = registration.parse(an_entry(**changes), rules=RULES, today=TODAY)
    assert problems == []
    return values


def register(
    session: Session, complaint: Complaint, by: Actor, values: dict[str, Any] | None = None, **more: Any
) -> None:
    registration.register(
        session, complaint, entry() if values is None else values, by=by,
        **{"at": SOON, "seen_version": complaint.version, "context": CONTEXT} | more,
    )  # fmt: skip


def acts(session: Session, complaint: Complaint) -> list[str]:
    return list(session.scalars(select(Change.act).where(Change.complaint_id == complaint.id).order_by(Change.id)))


def fields(problems: list[Problem]) -> list[str]:
    return [problem.field for problem in problems]


# What it asks for


@pytest.mark.requirement("S09")
@pytest.mark.parametrize("missing", REQUIRED)
def test_each_required_field_is_asked_for(make: sessionmaker[Session], missing: str) -> None:
    with transaction(make) as session:
        clerk, complaint = a_person(session, "clerk"), a_complaint(session)
        with pytest.raises(Incomplete) as refused:
            register(session, complaint, clerk, entry(**{missing: ""}))
        assert fields(refused.value.problems) == [missing]
        assert complaint.stage == "draft"
        assert acts(session, complaint) == ["drafted"]


@pytest.mark.requirement("S10")
def test_a_quality_complaint_needs_product_and_demand_or_that_they_were_asked_for() -> None:
    bare = entry(channel="phone", order_no="", product="", demand="")
    assert fields(registration.lacking(bare, RULES)) == ["order_no", "product", "demand"]
    assert registration.lacking(bare | {"details_asked": "asked Ms Carrow by phone"}, RULES) == []
    assert registration.lacking(bare | {"cause_type": "non_quality"}, RULES) == []


def test_everything_that_is_missing_is_said_at_once() -> None:
    assert fields(registration.lacking({"cause_type": "quality"}, RULES)) == [
        "customer", "complaint_date", "content", "channel", "complaint_class", "link", "order_no", "product", "demand",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("product", "x" * 121, "%(field)s may have %(limit)s characters; this has %(length)s"),
        ("content", "x" * 20_001, "%(field)s may have %(limit)s characters; this has %(length)s"),
        ("complaint_date", "16 November", "%(field)s must be a date such as 2026-09-17"),
        ("complaint_date", "2026-02-30", "%(field)s must be a date such as 2026-09-17"),
        ("complaint_date", "0202-11-16", "%(field)s must be a date such as 2026-09-17"),
        ("complaint_date", "2026-11-17", "%(field)s lies in the future"),
        ("complaint_class", "huge", "%(field)s: choose one of the list"),
        ("channel", "telegram", "%(field)s: choose one of the list"),
        ("contact_email", "not an address", "This is not an e-mail address"),
    ],
)
def test_what_cannot_be_used_is_refused_at_its_field(field: str, typed: str, says: str) -> None:
    values, problems = registration.parse(an_entry(**{field: typed}), rules=RULES, today=TODAY)
    assert [(problem.field, problem.sentence.message) for problem in problems] == [(field, says)]
    assert field not in values
    assert values["customer"] == "Quellstrom Mobility"


def test_dates_may_be_written_as_people_write_them() -> None:
    for typed in ("2026-11-16", "2026/11/16", "2026.11.16", "2026年11月16日"):
        values, _ = registration.parse({"complaint_date": typed}, rules=RULES, today=TODAY)
        assert values == {"complaint_date": TODAY}


@given(st.dictionaries(st.sampled_from(registration.FIELDS), st.text()))
def test_any_form_can_be_read(form: dict[str, str]) -> None:
    values, problems = registration.parse(form, rules=RULES, today=TODAY)
    assert values.keys() | set(fields(problems)) == form.keys()
    assert not any(c in text for text in values.values() if isinstance(text, str) for c in "\x00\r\x1b")


def test_a_text_keeps_its_lines_and_a_line_is_one_line() -> None:
    values, _ = registration.parse({"content": " one\r\ntwo ", "product": " a\n b "}, rules=RULES, today=TODAY)
    assert values == {"content": "one\ntwo", "product": "a b"}


def test_the_time_of_receipt_is_local_and_never_in_the_future() -> None:
    def received(typed: str) -> datetime | Problem:
        return registration.received(typed, at=SOON, zone=ZONE)

    assert received("") == SOON
    assert received("2026-11-16T08:40") == datetime(2026, 11, 16, 0, 40, tzinfo=UTC)
    assert received("2026-11-16T09:30:59") == SOON
    for typed in ("2026-11-16T09:32", "yesterday", "0001-01-01T00:00"):
        assert isinstance(received(typed), Problem)


# What it leaves behind


@pytest.mark.requirement("S05", "S12")
def test_registering_numbers_moves_notifies_and_remembers(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        qa, machining = a_department(session), a_department(session, "machining", "Machining", "机加工")
        a_department(session, "logistics", "Logistics", "物流部")
        clerk, complaint = a_person(session, "clerk"), a_mailed_complaint(session)
        register(session, complaint, clerk, departments=[machining.id])
        assert (complaint.stage, complaint.register_no, complaint.registered_at) == ("registered", "2026-0001", SOON)
        assert (complaint.registered_by_id, complaint.owner_id) == (clerk.id, clerk.id)
        stopped = {clock.key: clock.stopped_at for clock in clocks.of(session, "complaint", complaint.id)}
        assert stopped == {"notify_register": SOON, "issue_form": None}
        told = session.execute(select(Involvement.department_id, Involvement.reason).order_by(Involvement.id)).all()
        assert sorted(told) == [(qa.id, "notified"), (machining.id, "notified")]
        assert acts(session, complaint) == ["drafted", "entered", "registered", "moved", "notified"]
        contact = session.get_one(Contact, complaint.contact_id)
        assert contact.customer_id == complaint.customer_id
        assert session.scalar(select(Customer.name)) == "Quellstrom Mobility"


def test_saving_notes_every_changed_field_before_and_after(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, complaint = a_person(session, "clerk"), a_mailed_complaint(session)
        a_customer(session, "澄岫液压")
        values = {"customer": "澄岫液压", "batch": "L2608-114", "content": complaint.content}
        registration.save(session, complaint, values, by=clerk, at=SOON, seen_version=1, context=CONTEXT)
        change = session.scalars(select(Change).where(Change.act == "entered")).one()
        assert change.by_id == clerk.id
        assert change.values == {
            "changed": {"customer": ["", "澄岫液压"], "batch": ["", "L2608-114"]}, "version": 2,
        }  # fmt: skip
        assert session.scalar(select(func.count()).select_from(Customer)) == 1


def test_saving_nothing_new_leaves_no_trace(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, complaint = a_person(session, "clerk"), a_mailed_complaint(session, text="Dear all,\r\n\tit leaks \r\n")
        shown = registration.as_form(registration.entry_of(session, complaint))
        values, _ = registration.parse(shown, rules=RULES, today=TODAY)
        registration.save(session, complaint, values, by=clerk, at=SOON, seen_version=1, context=CONTEXT)
        assert complaint.version == 1
        assert acts(session, complaint) == ["drafted"]


def test_the_same_registration_sent_again_changes_nothing(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, complaint = a_person(session, "clerk"), a_complaint(session)
        register(session, complaint, clerk)
        before = (complaint.version, acts(session, complaint))
        register(session, complaint, clerk, seen_version=1, at=SOON + timedelta(seconds=1))
        assert (complaint.version, acts(session, complaint)) == before


def test_a_registered_complaint_keeps_what_registration_asked_for(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, complaint = a_person(session, "clerk"), a_complaint(session)
        register(session, complaint, clerk)
        with pytest.raises(Incomplete) as refused:
            registration.save(
                session,
                complaint,
                {"customer": "", "order_no": ""},
                by=clerk,
                at=SOON,
                seen_version=complaint.version,
                context=CONTEXT,
            )
        assert fields(refused.value.problems) == ["customer", "order_no"]


def test_only_the_vp_lowers_a_class_with_a_reason_and_every_clerk_raises_it(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, vp, complaint = a_person(session, "clerk"), a_person(session, "mkt_vp"), a_complaint(session)
        register(session, complaint, clerk, entry(complaint_class="general"))

        def becomes(complaint_class: str, by: Actor, why: str = "") -> None:
            registration.save(
                session, complaint, {"complaint_class": complaint_class}, by=by, at=SOON, why=why,
                seen_version=complaint.version, context=CONTEXT,
            )  # fmt: skip

        becomes("major", clerk)
        for by, why, field in ((clerk, "no line stopped", "complaint_class"), (vp, " ", "class_reason")):
            with pytest.raises(Incomplete) as refused:
                becomes("general", by, why)
            assert fields(refused.value.problems) == [field]
        becomes("general", vp, "no line stopped after all")
        assert complaint.complaint_class == "general"
        change = session.scalars(
            select(Change).where(Change.act == "entered").order_by(Change.id.desc()).limit(1)
        ).one()
        assert change.values["reason"] == "no line stopped after all"


# Who may


@pytest.mark.requirement("S04", "S05")
@pytest.mark.parametrize("role", ["staff", "dept", "qe", "admin", "gm"])
def test_who_is_not_of_the_front_office_is_told_whom_to_ask(make: sessionmaker[Session], role: str) -> None:
    with transaction(make) as session:
        person = a_person(session, role)
        complaint = a_complaint(session, by=person, channel="phone")
        with pytest.raises(NotAllowed) as refused:
            register(session, complaint, person)
        told = refused.value.sentence.in_(lambda message: message, "en")
        assert told.startswith("Your role does not allow this. Ask Marketing clerk")


def test_who_took_a_draft_in_may_complete_it(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        person = a_person(session, "staff")
        complaint = a_complaint(session, by=person, channel="phone")
        registration.save(
            session, complaint, {"product": "HX-210"}, by=person, at=SOON, seen_version=1, context=CONTEXT
        )
        assert complaint.product == "HX-210"


@pytest.mark.requirement("S11")
def test_production_adds_order_material_and_quantity_and_nothing_else(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        person, complaint = a_person(session, "dept"), a_complaint(session)
        values = {"order_no": "4500-77123", "material_no": "M-77", "quantity": "1,000 pcs"}
        registration.save(session, complaint, values, by=person, at=SOON, seen_version=1, context=CONTEXT)
        assert (complaint.order_no, complaint.material_no, complaint.quantity) == tuple(values.values())
        assert acts(session, complaint) == ["drafted", "entered"]
        with pytest.raises(NotAllowed):
            registration.save(
                session, complaint, {"product": "HX-210"}, by=person, at=SOON, seen_version=2, context=CONTEXT
            )


# At the same time


def test_a_record_that_was_saved_meanwhile_does_not_make_an_entry_stale(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, complaint = a_person(session, "clerk"), a_complaint(session)
        workflow.touch(session, complaint, at=SOON, seen_version=1)  # as whoever fills in a record does
        for seen in (0, 3):
            with pytest.raises(StaleComplaint):
                registration.save(
                    session, complaint, {"batch": "L1"}, by=clerk, at=SOON, seen_version=seen, context=CONTEXT
                )
        registration.save(session, complaint, {"batch": "L1"}, by=clerk, at=SOON, seen_version=1, context=CONTEXT)
        assert (complaint.batch, complaint.version) == ("L1", 3)
        with pytest.raises(StaleComplaint):
            registration.save(session, complaint, {"batch": "L2"}, by=clerk, at=SOON, seen_version=2, context=CONTEXT)


def test_of_two_who_saw_the_same_version_one_is_told(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, complaint = a_person(session, "clerk"), a_complaint(session)
        registration.save(session, complaint, {"batch": "L1"}, by=clerk, at=SOON, seen_version=1, context=CONTEXT)
        with pytest.raises(StaleComplaint):
            registration.save(session, complaint, {"batch": "L2"}, by=clerk, at=SOON, seen_version=1, context=CONTEXT)
        assert complaint.batch == "L1"


@pytest.mark.requirement("S12")
def test_registrations_at_the_same_instant_get_serials_without_a_gap(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        ids = [a_complaint(session).id for _ in range(6)]

    def registering(complaint_id: int, index: int) -> str | None:
        with transaction(make) as session:
            complaint = session.get_one(Complaint, complaint_id)
            # All name the same new customer; one of them changes its mind at the last moment.
            register(session, complaint, clerk)
            if index == 2:
                session.rollback()
                return None
            return complaint.register_no

    serials = at_once(*(lambda c=c, n=n: registering(c, n) for n, c in enumerate(ids)))
    assert sorted(filter(None, serials)) == [f"2026-000{n}" for n in range(1, 6)]
    with transaction(make) as session:
        register(session, session.get_one(Complaint, ids[2]), clerk)
        assert session.get_one(Complaint, ids[2]).register_no == "2026-0006"
        assert session.scalar(select(func.count()).select_from(Customer)) == 1


def test_one_draft_is_registered_once_by_two_clerks_at_the_same_instant(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        people = [a_person(session, "clerk"), a_person(session, "sales")]
        complaint_id = a_complaint(session).id
    seen = threading.Barrier(2)

    def registering(by: Actor) -> str | None:
        with make() as session:
            complaint = session.get_one(Complaint, complaint_id)
            session.rollback()
            seen.wait()
            values = entry(contact_person=f"as {by.id} heard it")
            registration.register(session, complaint, values, by=by, at=SOON, seen_version=1, context=CONTEXT)
            session.commit()
            return complaint.register_no

    results = at_once(*(lambda by=by: registering(by) for by in people))
    assert {type(result) for result in results} == {str, StaleComplaint}
    with make() as session:
        assert session.scalar(select(func.count()).select_from(Change).where(Change.act == "registered")) == 1


# By hand


@pytest.mark.requirement("S02", "S07")
@pytest.mark.parametrize("channel", ["phone", "oral", "letter", "fax", "minutes"])
def test_what_comes_by_hand_has_number_channel_and_time_of_receipt(make: sessionmaker[Session], channel: str) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        draft = by_hand(session, clerk, entry(channel=channel))
        complaint = session.get_one(Complaint, draft.id)
        register(session, complaint, clerk, entry(channel=channel))
        assert complaint.number == "C-2026-0001"
        assert complaint.register_no == "2026-0001"
        assert (complaint.channel, complaint.received_at, complaint.received_by_id) == (channel, MONDAY, clerk.id)


def by_hand(session: Session, by: Actor, values: dict[str, Any], key: str = "a form's key") -> Any:
    return registration.draft_by_hand(session, values, by=by, at=SOON, received_at=MONDAY, context=CONTEXT, key=key)


def test_a_note_needs_its_content_and_its_channel(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        person = a_person(session, "staff")
        with pytest.raises(Incomplete) as refused:
            by_hand(session, person, {"product": "HX-210"})
        assert fields(refused.value.problems) == ["channel", "content"]


def test_a_note_without_a_subject_gets_its_first_line(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        draft = by_hand(session, a_person(session, "staff"), {"channel": "oral", "content": "It leaks.\nCall back."})
        assert session.get_one(Complaint, draft.id).subject == "It leaks."


def test_a_form_sent_twice_at_the_same_instant_makes_one_draft(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        person, other = a_person(session, "staff"), a_person(session, "staff")

    def sending(by: Actor, key: str) -> str:
        with transaction(make) as session:
            return str(by_hand(session, by, {"channel": "phone", "content": "It leaks."}, key).number)

    again = at_once(*[lambda: sending(person, "the same key")] * 4)
    assert again == [again[0]] * 4
    assert sending(other, "the same key") != again[0]
    assert sending(person, "another key") != again[0]
    with make() as session:
        numbers = session.scalars(select(Complaint.number).order_by(Complaint.number)).all()
        assert numbers == ["C-2026-0001", "C-2026-0002", "C-2026-0003"]


def test_a_letter_fills_the_form_as_far_as_it_can(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        late = datetime(2026, 11, 16, 17, 30, tzinfo=UTC)
        letter = a_letter(session, received_at=late, text="\nDear all,\n" + "x" * 30_000)
        customer = a_customer(session)
        contact = Contact(
            address=letter.from_address, name="I. Carrow", phone="0123", customer_id=customer.id, last_wrote_at=late
        )
        form = registration.prefill(letter, contact, customer, zone=ZONE)
        assert form["complaint_date"] == "2026-11-17"
        assert (form["customer"], form["contact_phone"]) == (customer.name, "0123")
        assert form["contact_person"] == "Ines Carrow"
        assert registration.parse(form, rules=RULES, today=date(2026, 11, 17))[1] == []
