"""Procedures other than the default one, walked from draft to closed with what each of them refuses; and small ones
that show what a procedure file can say."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from complaints import classes, clocks, notices, off_board, procedure, registration, writing
from complaints.case import load
from complaints.clocks import Clock
from complaints.complaint import Complaint, find, involve
from complaints.database import open_database, sessions, transaction
from complaints.errors import MoveRefused, NotAllowed, NotFound, RecordRefused, SignatureRefused
from complaints.letters import Attachment
from complaints.people import Actor
from complaints.procedure import use
from complaints.procedure_file import read
from complaints.records import Record
from complaints.registration import Incomplete, choose_procedure
from complaints.signatures import Signature
from complaints.work import Waiting
from tests.builders import MONDAY, PNG, a_complaint, a_department, a_letter, a_person, signed, written
from tests.desk import CONTEXT, Desk, english
from tests.procedures import SMALL

TODAY = "2026-11-16"


@pytest.fixture
def desk(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(procedure, "_known", {})
    return Desk(sessions(open_database(database_url)))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, set[int]]]:
    """Who was told of what, as events with people."""
    found: list[tuple[str, set[int]]] = []

    def tell(_session: Session, _complaint: Complaint, users: object, event: str, **_: object) -> None:
        found.append((event.partition(":")[2], set(users)))  # type: ignore[call-overload]

    monkeypatch.setattr(notices, "tell", tell)
    return found


def follow(desk: Desk, number: str, key: str) -> str:
    """Let a draft follow a procedure."""
    with desk.act() as session:
        complaint = desk.find(session, number)
        registration.choose_procedure(
            session, complaint, key, by=desk["clerk"], at=desk.at, seen_version=complaint.version, context=CONTEXT
        )
    return number


OPEN = SMALL.replace("confidential = true", "confidential = false")
SECRET = SMALL.replace('key = "small"', 'key = "secret"', 1)


def choose(desk: Desk, number: str, key: str, by: Actor) -> None:
    """Let a person who finds a draft choose its procedure."""
    with desk.act() as session:
        complaint = find(session, number, by)
        choose_procedure(session, complaint, key, by=by, at=desk.at, seen_version=complaint.version, context=CONTEXT)


def may_see(desk: Desk, number: str, *roles: str) -> set[str]:
    """Who of these finds it."""
    found = set()
    for role in roles:
        with desk.make() as session, suppress(NotFound):
            found.add(find(session, number, desk[role]) and role)
    return found


def test_who_registers_where_a_draft_is_may_choose_its_procedure_and_nobody_else(desk: Desk) -> None:
    use([read(OPEN.replace('by = ["clerk"]', 'by = ["mr"]'), "small.toml")])
    number = desk.draft()
    with pytest.raises(NotAllowed):
        choose(desk, number, "small", desk["qe"])
    with transaction(desk.make) as session:
        involve(session, desk.find(session, number), at=desk.at, reason="told", users=[desk["mr"].id or 0])
    with pytest.raises(NotAllowed):  # to register there gives no right over what is here
        choose(desk, number, "small", desk["mr"])
    choose(desk, number, "small", desk["clerk"])
    with pytest.raises(NotAllowed):
        choose(desk, number, "manufacturing", desk["clerk"])
    choose(desk, number, "manufacturing", desk["mr"])


def test_a_confidential_draft_is_made_public_only_by_who_registers_there(desk: Desk) -> None:
    use([read(SECRET, "secret.toml")])
    number = desk.draft()
    choose(desk, number, "secret", desk["clerk"])
    with pytest.raises(NotFound):
        choose(desk, number, "manufacturing", desk["qe"])
    with transaction(desk.make) as session:
        other = a_person(session, "clerk")
    choose(desk, number, "manufacturing", other)
    assert may_see(desk, number, "clerk", "qe") == {"clerk", "qe"}


def test_whoever_makes_a_draft_confidential_still_sees_it_and_it_is_never_out_of_everybodys_sight(desk: Desk) -> None:
    use(
        [
            read(SECRET, "secret.toml"),
            read(SECRET.replace('"secret"', '"sealed"').replace('by = ["clerk"]', 'by = ["gm"]'), "sealed.toml"),
        ]
    )
    with transaction(desk.make) as session:
        number = a_complaint(session).number
    with pytest.raises(NotAllowed):
        choose(desk, number, "sealed", desk["clerk"])
    assert may_see(desk, number, "clerk", "qe", "gm") == {"clerk", "qe"}
    choose(desk, number, "secret", desk["clerk"])
    assert may_see(desk, number, "clerk", "qe", "gm") == {"clerk"}
    with transaction(desk.make) as session:
        involve(session, desk.find(session, number), at=desk.at, reason="told", users=[desk["clerk"].id or 0])
    choose(desk, number, "sealed", desk["clerk"])  # whom it concerns sees it there, too
    assert may_see(desk, number, "clerk", "qe", "gm") == {"clerk", "gm"}


def register(desk: Desk, number: str) -> None:
    with desk.act() as session:
        complaint = desk.find(session, number)
        registration.register(
            session, complaint, {}, by=desk["clerk"], at=desk.at, seen_version=complaint.version, context=CONTEXT,
            departments=[desk.department],
        )  # fmt: skip


def a_file(desk: Desk, number: str) -> str:
    """A file that came with a letter of a complaint."""
    with desk.act() as session:
        complaint = desk.find(session, number)
        blob = "0" * 64
        file = {
            "filename": "sheet.png", "content_type": "image/png", "declared_type": "image/png", "content_id": "",
            "inline": False, "size": len(PNG), "blob": blob,
        }  # fmt: skip
        letter = a_letter(session, complaint, files=[file])
        return session.scalars(select(Attachment.id).where(Attachment.letter_id == letter.id)).one()


def running(desk: Desk, number: str) -> dict[str, str | None]:
    """The clocks of the procedure that a complaint follows, with their outcomes."""
    with desk.make() as session:
        complaint = desk.find(session, number)
        found = clocks.of(session, "complaint", complaint.id)
        return {clock.key: clock.outcome for clock in found if clock.outcome != clocks.REPLACED}


def the_clock(desk: Desk, number: str, key: str) -> Clock:
    """The last clock of a key."""
    with desk.make() as session:
        found = clocks.of(session, "complaint", desk.find(session, number).id)
        return max((clock for clock in found if clock.key == key), key=lambda clock: clock.started_at)


def waiting(desk: Desk, number: str) -> set[tuple[str, str, str]]:
    with desk.make() as session:
        complaint = desk.find(session, number)
        rows = session.scalars(select(Waiting).where(Waiting.complaint_id == complaint.id))
        return {(row.kind, row.key, row.role) for row in rows}


# The postal service


def a_postal(desk: Desk, complaint_class: str = "simple") -> str:
    number = follow(desk, desk.draft(complaint_class=None), "postal")
    with desk.act() as session:
        desk.find(session, number).complaint_class = complaint_class
    return number


def accepted(desk: Desk, complaint_class: str = "simple") -> str:
    number = a_postal(desk, complaint_class)
    desk.write(number, "identity", "clerk", how="callback", result="Ines Carrow, recipient of RR123")
    desk.write(number, "concerns", "clerk", offices="Hangzhou, Xihu district", several="no")
    register(desk, number)
    desk.move(number, "handling", "clerk")
    return number


def handled(desk: Desk, complaint_class: str = "simple", responsibility: str = "partner") -> str:
    number = accepted(desk, complaint_class)
    desk.write(
        number, "opinion", "clerk", responsibility=responsibility, partner="The airline", text="Pay the insured value",
        executor=str(desk["sales"].id), compensation="120",
    )  # fmt: skip
    desk.sign(number, "opinion_signed", "mkt_sup" if complaint_class == "major" else "clerk")
    desk.write(number, "payment", "clerk", paid_on=TODAY, recourse="no")
    desk.write(number, "handling", "sales", way="phone", text="Paid", on=TODAY)
    desk.move(number, "customer_reply", "clerk")
    return number


@pytest.mark.requirement("S14")
def test_postal_nobody_is_accepted_before_the_identity_is_verified(desk: Desk) -> None:
    number = a_postal(desk)
    desk.write(number, "concerns", "clerk", offices="Hangzhou", several="no")
    with pytest.raises(MoveRefused) as refused:
        register(desk, number)
    assert [english(each.sentence) for each in refused.value.missing] == [
        "“Identity of the complainant” is not filled in yet"
    ]
    desk.write(number, "identity", "clerk", how="document")
    assert desk.missing(number, "registered", "clerk") == ["Result is missing"]
    desk.write(number, "identity", "clerk", result="shown at the counter")
    register(desk, number)
    assert desk.stage(number) == "registered"


@pytest.mark.parametrize(("complaint_class", "clock"), [("simple", "postal_simple"), ("complex", "postal_complex")])
def test_postal_a_complaint_is_walked_from_draft_to_closed_by_phone(
    desk: Desk, complaint_class: str, clock: str
) -> None:
    number = accepted(desk, complaint_class)
    assert running(desk, number) == {clock: None}
    assert "“Handling opinion” is not filled in yet" in desk.missing(number, "customer_reply", "clerk")
    desk.write(number, "opinion", "clerk", responsibility="customer", text="Wrong address given")
    missing = desk.missing(number, "customer_reply", "clerk")
    assert "Who carries it out is missing" in missing
    with pytest.raises(SignatureRefused):
        desk.sign(number, "opinion_signed", "clerk")
    desk.write(number, "opinion", "clerk", executor=str(desk["sales"].id))
    desk.sign(number, "opinion_signed", "clerk")
    desk.write(number, "handling", "sales", way="phone", text="Explained", on=TODAY)
    desk.move(number, "customer_reply", "clerk")
    assert running(desk, number) == {clock: "met"}
    assert desk.missing(number, "closed", "clerk") == [
        "“Reply and customer's decision” is not filled in yet",
        "The customer must have accepted",
    ]
    desk.write(number, "reply", "sales", told_on=TODAY, decision="accepted")
    desk.move(number, "closed", "clerk")
    assert desk.stage(number) == "closed"


@pytest.mark.parametrize(
    ("concerns", "proposed", "allowed"),
    [
        ({"several": "no"}, None, ["simple", "complex", "major"]),
        ({"several": "yes"}, "complex", ["complex", "major"]),
        ({"several": "yes", "signs": ["loss"]}, "major", ["major"]),
        *(({"several": "no", "signs": [sign]}, "major", ["major"]) for sign in ("conduct", "reaction", "media")),
    ],
)  # fmt: skip
def test_postal_what_it_concerns_proposes_the_class_and_a_lighter_one_is_not_accepted(
    desk: Desk, concerns: dict[str, Any], proposed: str | None, allowed: list[str]
) -> None:
    number = a_postal(desk)
    desk.write(number, "identity", "clerk", how="document", result="shown at the counter")
    desk.write(number, "concerns", "clerk", offices="Hangzhou", **concerns)
    found = classes.proposed(desk.case(number))
    assert (found.complaint_class if found else None) == proposed
    for complaint_class in ("simple", "complex", "major"):
        with desk.act() as session:
            desk.find(session, number).complaint_class = complaint_class
        assert (desk.missing(number, "registered", "clerk") == []) == (complaint_class in allowed)


def test_postal_a_sign_that_comes_up_while_it_is_handled_asks_for_the_heavier_class(desk: Desk) -> None:
    number = handled(desk)
    desk.move(number, "handling", "clerk", reason="The newspaper writes about it")
    desk.write(number, "concerns", "clerk", signs=["media"])
    assert ("class", "major", "clerk") in waiting(desk, number)
    assert "A complaint with any of these signs is major" in desk.missing(number, "customer_reply", "clerk")
    desk.classify(number, "major", "clerk")
    assert ("class", "major", "clerk") not in waiting(desk, number)
    assert "A complaint with any of these signs is major" not in desk.missing(number, "customer_reply", "clerk")


@pytest.mark.requirement("S71")
def test_postal_the_opinion_is_signed_and_a_later_change_voids_the_signature(desk: Desk) -> None:
    number = accepted(desk)
    desk.write(number, "opinion", "clerk", responsibility="customer", text="No fault", executor=str(desk["sales"].id))
    desk.sign(number, "opinion_signed", "clerk")
    desk.write(number, "opinion", "clerk", text="Our fault after all")
    assert any(
        said.startswith("Handling opinion signed by the handler: not signed yet")
        for said in desk.missing(number, "customer_reply", "clerk")
    )


@pytest.mark.requirement("S212")
def test_postal_a_major_one_needs_two_visitors_and_the_signed_sheet(desk: Desk) -> None:
    number = handled(desk, "major")
    assert running(desk, number) == {"postal_major": "met"}
    desk.write(number, "reply", "sales", told_on=TODAY, decision="accepted")
    assert desk.missing(number, "closed", "clerk") == ["“Visit of the complainant” is not filled in yet"]
    desk.write(number, "visit", "clerk", visitors=[desk["sales"].id], on=TODAY)
    assert desk.missing(number, "closed", "clerk") == [
        "Visitors: at least 2 are needed", "Sheet signed by the complainant is missing"
    ]  # fmt: skip
    desk.write(number, "visit", "clerk", visitors=[desk["sales"].id, desk["mkt_sup"].id])
    desk.write(number, "visit", "clerk", signed_sheet=a_file(desk, number))
    desk.move(number, "closed", "clerk")
    assert desk.stage(number) == "closed"


def test_postal_a_simple_one_has_no_visit_to_record(desk: Desk) -> None:
    number = handled(desk)
    with pytest.raises(RecordRefused):
        desk.write(number, "visit", "clerk", visitors=[desk["sales"].id], on=TODAY)


@pytest.mark.requirement("S105")
@pytest.mark.parametrize(
    ("complaint_class", "day"), [("simple", 17), ("complex", 18), ("major", 23)]
)  # accepted on Monday, the 16th
def test_postal_a_complaint_is_handled_in_the_days_of_its_class(desk: Desk, complaint_class: str, day: int) -> None:
    number = accepted(desk, complaint_class)
    key = f"postal_{complaint_class}"
    assert the_clock(desk, number, key).due_at == datetime(2026, 11, day, 9, 30, tzinfo=UTC)
    assert running(desk, number) == {key: None}


@pytest.mark.requirement("S93", "S105")
def test_postal_a_class_that_is_raised_starts_its_clock_now_and_one_that_is_lowered_runs_from_the_acceptance(
    desk: Desk,
) -> None:
    number = accepted(desk, "major")
    since = the_clock(desk, number, "postal_major").started_at
    desk.at += timedelta(hours=2)
    desk.classify(number, "simple", "mkt_vp", "no insured value")
    simple = the_clock(desk, number, "postal_simple")
    assert simple.started_at == since
    assert simple.due_at == datetime(2026, 11, 17, 9, 30, tzinfo=UTC)  # the close of the next working day
    desk.classify(number, "major", "clerk")
    assert running(desk, number) == {"postal_major": None}
    assert the_clock(desk, number, "postal_major").started_at == desk.at


@pytest.mark.requirement("S213")
def test_postal_where_a_partner_is_at_fault_the_accepting_office_keeps_it(desk: Desk) -> None:
    number = handled(desk, responsibility="partner")
    case = desk.case(number)
    assert case.complaint.owner_id == desk["clerk"].id
    assert case.value("opinion.compensation") == "120"


def test_postal_who_does_not_accept_begins_another_round(desk: Desk) -> None:
    number = handled(desk)
    desk.move(number, "handling", "clerk", reason="Too little")
    assert desk.case(number).complaint.round == 2
    assert "“What was done” is not filled in yet" in desk.missing(number, "customer_reply", "clerk")


# Medical devices


def a_medical(desk: Desk, **fields: object) -> str:
    values = {
        "address": "1 Mill Road", "contact_phone": "0571-1", "contact_person": "Ines", "product": "Infusion pump",
        "model": "IP-2", "batch": "L2608", "ship_date": MONDAY.date(),
    } | fields  # fmt: skip
    return follow(desk, desk.draft(**values), "medical")


def reported(desk: Desk) -> str:
    number = a_medical(desk)
    desk.write(number, "report", "clerk", source="written", code="6815-22")
    register(desk, number)
    return number


@pytest.mark.requirement("S215")
def test_medical_every_field_of_the_report_is_asked_for(desk: Desk) -> None:
    number = a_medical(
        desk, address="", contact_phone="", contact_person="", product="", model="", batch="", ship_date=None
    )
    with pytest.raises(Incomplete) as incomplete:
        register(desk, number)
    assert {problem.field for problem in incomplete.value.problems} == {
        "address", "contact_phone", "contact_person", "product", "model", "batch", "ship_date"
    }  # fmt: skip
    number = a_medical(desk)
    with pytest.raises(MoveRefused):
        register(desk, number)
    desk.write(number, "report", "clerk", source="oral")
    assert desk.missing(number, "registered", "clerk") == ["Product code is missing"]


@pytest.mark.requirement("S214")
def test_medical_a_blank_answer_about_the_injury_blocks(desk: Desk) -> None:
    number = reported(desk)
    assert desk.missing(number, "investigation", "sales") == [
        "“Serious injury or death” is not filled in yet",
        "The customer's answer about the injury must be written down or attached",
    ]
    desk.write(number, "injury", "sales", serious="no")
    assert desk.missing(number, "investigation", "sales") == [
        "The customer's answer about the injury must be written down or attached"
    ]
    desk.write(number, "injury", "sales", file=a_file(desk, number))
    assert desk.missing(number, "investigation", "sales") == []


@pytest.mark.requirement("S214")
def test_medical_a_yes_starts_the_evaluation_at_once(desk: Desk, told: list[tuple[str, set[int]]]) -> None:
    number = reported(desk)
    desk.write(number, "injury", "sales", serious="yes", answer="A nurse was hurt")
    assert told[-1] == ("filled:injury.serious", {desk[role].id for role in ("mr", "gm", "qa_mgr")})
    assert waiting(desk, number) == {("write", "evaluation", "qa_mgr"), ("class", "major", "qa_mgr")}
    assert desk.missing(number, "investigation", "sales") == [
        "A complaint about a serious injury or a death is major",
        "“Evaluation of the adverse event” is not filled in yet",
    ]
    desk.classify(number, "major", "sales")
    desk.write(number, "evaluation", "qa_mgr", begun_on=TODAY, evaluator=str(desk["qe"].id), due="2026-11-20")
    desk.move(number, "investigation", "sales")
    desk.write(number, "finding", "qe", text="Valve stuck", measures="Lot blocked", feeds=["risk"])
    desk.sign(number, "finding_approved", "mr")
    assert desk.missing(number, "customer_reply", "qe") == ["“Result of the evaluation” is not filled in yet"]
    desk.write(number, "evaluation_result", "qa_mgr", text="Related to the device", report="yes")
    desk.move(number, "customer_reply", "qe")
    assert desk.stage(number) == "customer_reply"


def medical_told(desk: Desk) -> str:
    """A complaint of which the customer is to be told."""
    number = reported(desk)
    desk.write(number, "injury", "sales", serious="no", answer="Nobody was hurt")
    desk.move(number, "investigation", "sales")
    desk.write(number, "finding", "qe", text="Display scratched", measures="Replaced")
    desk.sign(number, "finding_approved", "qa_mgr")
    desk.move(number, "customer_reply", "qe")
    return number


def test_medical_a_complaint_is_walked_from_draft_to_closed(desk: Desk, told: list[tuple[str, set[int]]]) -> None:
    number = reported(desk)
    desk.write(number, "injury", "sales", serious="no", answer="Nobody was hurt")
    assert "filled:injury.serious" not in {event for event, _ in told}
    desk.move(number, "investigation", "sales")
    desk.write(number, "finding", "qe", text="Display scratched", measures="Replaced")
    with pytest.raises(SignatureRefused):
        desk.sign(number, "finding_approved", "mr")
    desk.sign(number, "finding_approved", "qa_mgr")
    desk.move(number, "customer_reply", "qe")
    assert desk.missing(number, "closed", "sales") == [
        "“Reply to the customer” is not filled in yet", "The customer must have accepted"
    ]  # fmt: skip
    desk.write(number, "reply", "sales", told_on=TODAY, decision="accepted")
    desk.move(number, "closed", "sales")
    assert desk.stage(number) == "closed"


def test_medical_an_answer_that_turns_to_yes_asks_for_the_evaluation_later_still(desk: Desk) -> None:
    number = reported(desk)
    desk.write(number, "injury", "sales", serious="no", answer="Nobody was hurt")
    desk.move(number, "investigation", "sales")
    desk.write(number, "injury", "sales", serious="yes")
    assert "“Evaluation of the adverse event” is not filled in yet" in desk.missing(number, "customer_reply", "qe")


def test_medical_records_are_kept_without_an_end_and_nothing_has_a_clock() -> None:
    rules = procedure.procedure("medical")
    assert rules.retention_years is None
    assert rules.clocks == ()


# Both


Begin = Callable[[Desk], str]
both = pytest.mark.parametrize("begin", [handled, medical_told], ids=["postal", "medical"])
"""Complaints of which the customer is to be told."""


@both
def test_a_silent_customer_s_complaint_is_closed_with_leave_alone(desk: Desk, begin: Begin) -> None:
    number = begin(desk)
    desk.write(number, "reply", "sales", decision="silent")
    assert desk.missing(number, "closed", "clerk") == [
        "The customer's reason, or the attempts to reach them is missing",
        f"Leave to close without the customer's answer: not signed yet ({desk.case(number).rules.role('mkt_vp').en})",
    ]
    desk.write(number, "reply", "sales", reason="Called three times, wrote twice")
    desk.sign(number, "closed_without_answer", "mkt_vp")
    desk.move(number, "closed", "clerk")


@both
def test_a_customer_who_does_not_accept_begins_a_round_and_a_closed_one_is_reopened(desk: Desk, begin: Begin) -> None:
    number = begin(desk)
    desk.write(number, "reply", "sales", decision="accepted", told_on=TODAY)
    desk.move(number, "closed", "clerk")
    back = next(move.to for move in desk.case(number).rules.moves if move.key == "reopened")
    desk.move(number, back, "clerk", reason="It came again")
    assert (desk.stage(number), desk.case(number).complaint.round) == (back, 2)
    number = begin(desk)
    desk.move(number, back, "sales", reason="Too little")
    assert (desk.stage(number), desk.case(number).complaint.round) == (back, 2)


@both
def test_what_the_customer_withdraws_is_confirmed_by_a_second_person(desk: Desk, begin: Begin) -> None:
    number = begin(desk)

    def withdraw() -> None:
        with desk.act() as session:
            complaint = desk.find(session, number)
            off_board.take(
                session, complaint, "withdrawn", reason="as agreed", by=desk["clerk"], at=desk.at, context=CONTEXT,
                seen_version=complaint.version,
            )  # fmt: skip

    desk.write(number, "withdrawal", "mkt_sup", statement="It turned up at the neighbour's")
    with pytest.raises(MoveRefused):
        withdraw()
    with pytest.raises(SignatureRefused):
        desk.sign(number, "withdrawal_confirmed", "mkt_sup")
    desk.sign(number, "withdrawal_confirmed", "mkt_vp")
    withdraw()
    assert desk.stage(number) == "withdrawn"


# What a file can say

FRAME = """\
key = "house"
version = 1
name = { en = "House", zh = "内部" }
departments = "form.departments"
[classes]
light = { en = "Light", zh = "轻" }
serious = { en = "Serious", zh = "重" }
[[stage]]
key = "draft"
name = { en = "Draft", zh = "待登记" }
[[stage]]
key = "registered"
name = { en = "Registered", zh = "已登记" }
register = true
[[stage]]
key = "closed"
name = { en = "Closed", zh = "已结案" }
final = true
needs = [NEEDS]
[[move]]
from = "draft"
to = "registered"
by = ["clerk"]
[[move]]
from = "registered"
to = "closed"
by = ["clerk"]
"""
FORM = """\
[[sheet]]
key = "form"
name = { en = "Handling form", zh = "处理单" }
by = ["clerk"]
when = { complaint_class = "serious" }
[[sheet.field]]
key = "departments"
name = { en = "Departments", zh = "部门" }
type = "departments"
required = true
[[signature]]
key = "agreed"
name = { en = "Approval of each department", zh = "各部门会签" }
by = ["dept_head"]
each = "form.departments"
stages = ["registered"]
covers = ["form"]
when = { complaint_class = "serious" }
needs = [{ sheet = "form" }]
returns = true
"""
EACH = '{ notified = true }, { sheet = "form" }, { signature = "agreed" }'
House = Callable[[str, str, str], str]


@pytest.fixture
def house(desk: Desk) -> House:
    """A registered complaint of a class, by a procedure with these needs of closing and these further tables."""

    def begun(needs: str, tables: str, complaint_class: str) -> str:
        use([read(FRAME.replace("NEEDS", needs) + tables, "house.toml")])
        number = follow(desk, desk.draft(), "house")
        with desk.act() as session:
            desk.find(session, number).complaint_class = complaint_class
        register(desk, number)
        return number

    return begun


@pytest.mark.requirement("S55")
def test_a_light_one_is_closed_after_the_notice(desk: Desk, house: House) -> None:
    number = house(EACH, FORM, "light")
    desk.move(number, "closed", "clerk")
    assert desk.stage(number) == "closed"


@pytest.fixture
def store_head(desk: Desk) -> Actor:
    with transaction(desk.make) as session:
        store = a_department(session, "store", "Store", "仓库")
        desk.people["store_head"] = a_person(session, "dept_head", name="Wu", department=store)
    return desk["store_head"]


@pytest.mark.requirement("S55")
def test_a_serious_one_needs_the_approval_of_each_named_department(desk: Desk, house: House, store_head: Actor) -> None:
    number = house(EACH, FORM, "serious")
    (store,) = store_head.departments
    assert desk.missing(number, "closed", "clerk") == ["“Handling form” is not filled in yet", "Departments is missing"]
    desk.write(number, "form", "clerk", departments=[desk.department, store])
    assert waiting(desk, number) == {("sign", "agreed", "dept_head")}
    desk.sign(number, "agreed", "dept_head")
    assert desk.missing(number, "closed", "clerk") == ["Approval of each department: not signed yet (Department head)"]
    with pytest.raises(SignatureRefused) as refused:
        desk.sign(number, "agreed", "gm")
    assert len(refused.value.missing) == 1
    desk.sign(number, "agreed", "dept_head")  # again: it changes nothing
    desk.sign(number, "agreed", "store_head")
    with desk.make() as session:
        signed = session.execute(select(Signature.user_id, Signature.department_id).order_by(Signature.id)).all()
    assert signed == [(desk["dept_head"].id, desk.department), (store_head.id, store)]
    desk.move(number, "closed", "clerk")
    assert desk.stage(number) == "closed"


@pytest.mark.requirement("S55")
def test_a_change_of_the_form_voids_the_approval_of_every_department(
    desk: Desk, house: House, store_head: Actor
) -> None:
    number = house(EACH, FORM, "serious")
    (store,) = store_head.departments
    desk.write(number, "form", "clerk", departments=[desk.department])
    desk.sign(number, "agreed", "dept_head")
    assert desk.missing(number, "closed", "clerk") == []
    desk.write(number, "form", "clerk", departments=[desk.department, store])
    with desk.make() as session:
        assert session.scalars(select(Signature.voided_because)).all() == ["changed"]
    desk.sign(number, "agreed", "store_head")
    assert desk.missing(number, "closed", "clerk") == ["Approval of each department: not signed yet (Department head)"]


MEETING = """\
[[sheet]]
key = "meeting"
name = { en = "Company meeting", zh = "公司会议" }
by = ["gm"]
when = { complaint_class = "serious" }
[[sheet.field]]
key = "scheme"
name = { en = "Scheme", zh = "处理方案" }
type = "text"
required = true
[[sheet.field]]
key = "inform"
name = { en = "Inform the authority?", zh = "是否上报主管部门" }
type = "yes_no"
required = true
[[sheet.field]]
key = "reason"
name = { en = "Reason", zh = "理由" }
type = "text"
required = true
"""


@pytest.mark.requirement("S56")
def test_a_major_matter_needs_the_meeting_s_scheme_and_whether_to_inform_the_authority(
    desk: Desk, house: House
) -> None:
    meeting = MEETING + FORM
    number = house('{ sheet = "meeting" }', meeting, "serious")
    desk.write(number, "meeting", "gm", scheme="Replace all")
    assert desk.missing(number, "closed", "clerk") == ["Inform the authority? is missing", "Reason is missing"]
    desk.write(number, "meeting", "gm", inform="no", reason="No risk outside")
    assert desk.missing(number, "closed", "clerk") == []
    assert desk.missing(house('{ sheet = "meeting" }', meeting, "light"), "closed", "clerk") == []


ANALYSIS = """\
[[sheet]]
key = "analysis"
name = { en = "Joint analysis", zh = "联合分析" }
by = ["inspector", "qe"]
[[sheet.field]]
key = "text"
name = { en = "Analysis", zh = "分析" }
type = "text"
required = true
[[sheet.field]]
key = "departments"
name = { en = "Departments that took part", zh = "参加部门" }
type = "departments"
least = 2
required = true
"""


@pytest.mark.requirement("S49")
def test_an_analysis_is_made_by_two_departments_at_least(desk: Desk, house: House) -> None:
    number = house('{ sheet = "analysis" }', ANALYSIS + FORM, "light")
    desk.write(number, "analysis", "qe", text="Wrong torque", departments=[desk.qa])
    assert desk.missing(number, "closed", "clerk") == ["Departments that took part: at least 2 are needed"]
    desk.write(number, "analysis", "qe", departments=[desk.qa, desk.department])
    assert desk.missing(number, "closed", "clerk") == []


CAPA = """\
[[sheet]]
key = "capa"
name = { en = "Corrective and preventive action request", zh = "纠正和预防措施要求书" }
by = ["qa_head"]
many = true
numbered = "CAPA"
[[sheet.field]]
key = "problem"
name = { en = "Problem", zh = "问题" }
type = "text"
required = true
[[sheet.field]]
key = "departments"
name = { en = "To department", zh = "发往部门" }
type = "departments"
required = true
[[notice]]
on = "written:capa"
to = ["capa.departments"]
name = { en = "A corrective action is requested of you", zh = "请采取纠正措施" }
"""


@pytest.mark.requirement("S53")
def test_a_request_for_corrective_action_is_numbered_and_sent_to_the_department(
    desk: Desk, house: House, told: list[tuple[str, set[int]]]
) -> None:
    number = house('{ rows = "capa" }', CAPA + FORM, "light")
    with pytest.raises(RecordRefused):
        desk.write(number, "capa", "clerk", problem="Leaks", departments=[desk.department])
    desk.write(number, "capa", "qa_head", problem="Leaks", departments=[desk.department])
    with desk.make() as session:
        (request,) = session.scalars(select(Record).where(Record.sheet == "capa"))
    assert re.fullmatch(r"CAPA-2026-0001", request.number or "")
    assert told[-1] == ("written:capa", {desk["dept_head"].id, desk["dept"].id})
    desk.move(number, "closed", "clerk")
    assert desk.stage(number) == "closed"


# What a way writes, and rows that are taken out


def test_a_way_voids_what_covers_the_words_that_it_writes(desk: Desk) -> None:
    text = SMALL.replace('voids = ["*"]\n', "").replace("new_round = true\n", "").replace("per_round = true\n", "")
    use([read(text.replace("carried = true\n", ""), "small.toml")])
    number = desk.draft()
    choose(desk, number, "small", desk["clerk"])
    with transaction(desk.make) as session:
        complaint = desk.find(session, number)
        complaint.stage = "handling"
        written(session, complaint, "finding", ours="yes", text="Tool worn")
        signed(session, complaint, "seen", "agreed")
    desk.move(number, "registered", "qe", reason="Measured again")
    with desk.make() as session:
        fallen = {each.key: each.voided_because for each in session.scalars(select(Signature))}
    assert fallen == {"seen": "", "agreed": "again"}
    assert desk.case(number).value("finding.ours") == "no"


def test_a_row_is_taken_out_by_who_keeps_the_record_or_began_it(desk: Desk) -> None:
    answered = """by = ["qe"]
many = true
[[sheet.field]]
key = "answer"
name = { en = "Answer", zh = "答复" }
by = ["sales"]
"""
    use([read(OPEN.replace('by = ["qe"]\nmany = true\n', answered), "small.toml")])
    number = desk.draft()
    choose(desk, number, "small", desk["clerk"])
    desk.write(number, "tasks", "qe", kind="fix")
    desk.write(number, "tasks", "sales", answer="Done")

    def take_out(place: int, role: str) -> None:
        with desk.act() as session:
            complaint = desk.find(session, number)
            writing.remove(session, complaint, "tasks", place, by=desk[role], at=desk.at, context=CONTEXT)

    with pytest.raises(RecordRefused) as refused:
        take_out(1, "sales")
    assert [english(each.sentence) for each in refused.value.missing] == [
        "Your role may not take this row out: QE engineer"
    ]
    take_out(2, "sales")
    take_out(1, "qe")
    assert desk.case(number).rows["tasks"] == ()


@pytest.mark.parametrize("chosen", ["known", "twice", "unknown", "many"])
def test_very_many_names_in_a_field_cost_one_question(desk: Desk, chosen: str) -> None:
    number = desk.to_investigation()
    people = [str(each.id) for each in desk.people.values()]
    typed = {
        "known": people, "twice": people * 2_000, "unknown": [*people, "999"], "many": [str(n) for n in range(20_000)],
    }[chosen]  # fmt: skip
    asked: list[str] = []
    with desk.make() as session:
        case = load(session, desk.find(session, number))
        sheet = case.rules.sheet("meeting")
        assert sheet is not None
        event.listen(session.connection(), "before_cursor_execute", lambda *said: asked.append(said[2]))
        values, problems = writing.read(
            session, case, sheet, {"invited": typed}, before={}, by=desk["qe"], at=desk.at, context=CONTEXT
        )
    assert len(asked) == (chosen != "many")
    if chosen in ("known", "twice"):
        assert (values, problems) == ({"invited": sorted(map(int, people))}, [])
    else:
        says = "Invited: choose one of the list" if chosen == "unknown" else "Invited: at most 200 can be chosen"
        assert [english(each.sentence) for each in problems] == [says]
