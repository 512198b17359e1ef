"""Moves: who may, what is missing, and what one transaction leaves behind."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import clocks, registration, visits, workflow
from complaints.calendar import mainland_china
from complaints.complaint import NO_LIMIT, Complaint, find, open_draft
from complaints.customers import Customer
from complaints.database import open_database, sessions, transaction
from complaints.errors import MoveRefused, NotFound, StaleComplaint, UnknownStage
from complaints.history import Change
from complaints.people import Actor, User
from tests.builders import a_department
from tests.desk import CONTEXT, Desk

FRIDAY = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)  # Friday 17:00 in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = mainland_china()
FULL = {
    "complaint_date": date(2026, 11, 20),
    "content": "14 of 200 joints leak",
    "complaint_class": "general",
    "cause_type": "non_quality",
    "link": "delivery",
}


@pytest.fixture
def make(database_url: str) -> sessionmaker[Session]:
    maker = sessions(open_database(database_url))
    with transaction(maker) as session:
        session.add(User(id=1, email="clerk@mill.example", name="Lin", locale="en"))
        session.add(Customer(id=1, name="Quellstrom"))
    return maker


def actor(*roles: str) -> Actor:
    return Actor(id=1, name="Lin", locale="en", roles=frozenset(roles))


@pytest.fixture
def a_draft(make: sessionmaker[Session]) -> Callable[..., str]:
    def draft(**fields: object) -> str:
        with transaction(make) as session:
            return open_draft(
                session, by=actor("clerk"), at=FRIDAY, received_at=FRIDAY, channel="phone", calendar=CALENDAR,
                fields={"customer_id": 1, **FULL, **fields},
            ).number  # fmt: skip

    return draft


def move(make: sessionmaker[Session], number: str, stage: str, by: Actor, *, version: int | None = None) -> None:
    with transaction(make) as session:
        complaint = find(session, number, by)
        seen = complaint.version if version is None else version
        workflow.move(
            session, complaint, stage, by=by, at=FRIDAY + timedelta(minutes=20), seen_version=seen, context=CONTEXT
        )


@pytest.mark.requirement("S83", "S84")
def test_a_draft_starts_its_two_clocks_at_receipt(make: sessionmaker[Session], a_draft: Callable[..., str]) -> None:
    number = a_draft()
    with make() as session:
        complaint = find(session, number, actor("clerk"))
        due = {c.key: c.due_at.astimezone(SHANGHAI) for c in clocks.of(session, "complaint", complaint.id)}
    assert due == {
        "issue_form": datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI),
        "notify_register": datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI),
    }
    assert complaint.sort_due_at == due["issue_form"]


def test_a_complete_draft_is_registered_with_serial_visit_history_and_stopped_clock(
    make: sessionmaker[Session], a_draft: Callable[..., str]
) -> None:
    number = a_draft()
    move(make, number, "registered", actor("clerk"))
    with make() as session:
        complaint = find(session, number, actor("clerk"))
        running = [c.key for c in clocks.of(session, "complaint", complaint.id) if c.stopped_at is None]
        assert running == ["issue_form", "notify_register"]  # nobody is notified yet
        a_department(session)
        registration.complete(session, complaint, by=actor("clerk"), at=FRIDAY + timedelta(hours=1), context=CONTEXT)
        assert (complaint.stage, complaint.version, complaint.register_no) == ("registered", 2, "2026-0001")
        been = visits.of(session, complaint.id)
        assert [(v.stage, v.left_at is None) for v in been] == [("draft", False), ("registered", True)]
        stopped = {c.key: c.outcome for c in clocks.of(session, "complaint", complaint.id)}
        assert stopped == {"issue_form": None, "notify_register": "met"}
        acts = session.scalars(select(Change.act).order_by(Change.id)).all()
        assert acts == ["drafted", "registered", "moved", "notified"]


@pytest.mark.requirement("S09")
@pytest.mark.parametrize(
    ("empty", "field"),
    [("customer_id", "customer"), ("complaint_date", "complaint_date"), ("content", "content")],
)
def test_registering_names_each_missing_field(
    empty: str, field: str, make: sessionmaker[Session], a_draft: Callable[..., str]
) -> None:
    number = a_draft(**{empty: "" if empty == "content" else None})
    with pytest.raises(MoveRefused) as refusal:
        move(make, number, "registered", actor("clerk"))
    assert [m.field for m in refusal.value.missing] == [field]
    with make() as session:
        assert find(session, number, actor("clerk")).stage == "draft"


def test_a_refusal_lists_everything_at_once(make: sessionmaker[Session], a_draft: Callable[..., str]) -> None:
    number = a_draft(customer_id=None, link=None, cause_type="quality", content=" ")
    with pytest.raises(MoveRefused) as refusal:
        move(make, number, "registered", actor("clerk"))
    assert {m.field for m in refusal.value.missing} == {
        "customer", "content", "link", "order_no", "product", "demand",
    }  # fmt: skip


def test_quality_details_may_be_asked_and_not_yet_known(
    make: sessionmaker[Session], a_draft: Callable[..., str]
) -> None:
    number = a_draft(cause_type="quality", details_asked="asked on the phone, not yet known")
    move(make, number, "registered", actor("clerk"))


@pytest.mark.requirement("S05")
@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("clerk", True),
        ("sales", True),
        ("mkt_sup", True),
        ("mkt_vp", True),
        ("qe", False),
        ("staff", False),
        ("gm", False),
    ],
)
def test_only_the_front_office_registers(
    role: str, may: bool, make: sessionmaker[Session], a_draft: Callable[..., str]
) -> None:
    number = a_draft()
    if may:
        move(make, number, "registered", actor(role))
    else:
        with pytest.raises(MoveRefused):
            move(make, number, "registered", actor(role))


def test_there_is_no_way_past_a_stage_and_none_back_to_draft(
    make: sessionmaker[Session], a_draft: Callable[..., str]
) -> None:
    number = a_draft()
    with pytest.raises(MoveRefused):
        move(make, number, "verification", actor("clerk", "qe"))
    move(make, number, "registered", actor("clerk"))
    with pytest.raises(MoveRefused):
        move(make, number, "draft", actor("clerk"))


def test_of_two_who_saw_the_same_version_one_moves(make: sessionmaker[Session], a_draft: Callable[..., str]) -> None:
    number = a_draft()
    move(make, number, "registered", actor("clerk"), version=1)
    with pytest.raises(StaleComplaint):
        move(make, number, "investigation", actor("clerk"), version=1)


def test_an_unknown_stage_is_named_with_the_known_ones(
    make: sessionmaker[Session], a_draft: Callable[..., str]
) -> None:
    with pytest.raises(UnknownStage, match="investigation"):
        move(make, a_draft(), "heaven", actor("clerk"))


def test_a_complaint_without_a_running_clock_sorts_last(database_url: str) -> None:
    desk = Desk(sessions(open_database(database_url)))
    number = desk.to_investigation()
    desk.write(number, "qe_entry", "qe")
    desk.write(number, "qa_reply", "qe")
    with desk.make() as session:
        assert session.scalars(select(Complaint.sort_due_at)).one() == NO_LIMIT


@pytest.mark.requirement("S202")
def test_a_stranger_finds_nothing(make: sessionmaker[Session], a_draft: Callable[..., str]) -> None:
    number = a_draft()
    stranger = Actor(id=2, name="X", locale="en", roles=frozenset({"dept"}), held=frozenset({("dept", 7)}))
    with make() as session, pytest.raises(NotFound):
        find(session, number, stranger)
