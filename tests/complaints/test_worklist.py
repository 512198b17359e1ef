"""What waits for whom, as the page of a person's work asks for it."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session, sessionmaker

from complaints import answers, off_board, registration, worklist
from complaints.complaint import NO_LIMIT, Complaint, involve
from complaints.database import transaction
from complaints.errors import BadInput, NotFound
from complaints.history import Change
from complaints.off_board import NOT_COMPLAINT, Decision
from complaints.people import Actor, Grant, User
from complaints.procedure import procedure
from complaints.work import Waiting
from complaints.worklist import PAGE, Group, Item
from tests.builders import MONDAY, a_complaint, a_person
from tests.desk import CONTEXT, Desk

TODAY = MONDAY.date()


def groups_of(desk: Desk, role: str, **more: Any) -> list[Group]:
    with desk.make() as session:
        return worklist.groups(session, desk[role], TODAY, **more)


def told(item: Item) -> str:
    what = item.what.en if item.what else ""
    return " ".join(part for part in (item.kind, what, item.about, item.due_on and f"{item.due_on:%d %b}") if part)


def work_of(desk: Desk, role: str) -> dict[str, list[str]]:
    """What waits for a role, by group."""
    return {group.key: [told(item) for item in group.items] for group in groups_of(desk, role)}


def count_of(desk: Desk, role: str) -> int:
    with desk.make() as session:
        return worklist.count(session, desk[role], TODAY)


def change(desk: Desk, number: str, **values: Any) -> None:
    with transaction(desk.make) as session:
        session.execute(update(Complaint).where(Complaint.number == number).values(**values))


def an_enquiry(desk: Desk, *, owner: str = "clerk", by: str = "clerk") -> int:
    """A message that is no complaint and waits for an answer; gives its place on the list."""
    with desk.act() as session:
        complaint = a_complaint(session, at=desk.at, customer_id=1)
        off_board.take(
            session, complaint, NOT_COMPLAINT, reason="asks for a catalogue", by=desk[by], at=desk.at, seen_version=1,
            context=CONTEXT, kind="enquiry", owner=desk[owner].id,
        )  # fmt: skip
        return session.scalars(select(Decision.id).where(Decision.complaint_id == complaint.id)).one()


def many_drafts(desk: Desk, number: int, *, first: int = 0) -> None:
    """Drafts in the clerk's queue, written in one statement."""
    one = {
        "year": 2026, "procedure": "manufacturing", "procedure_version": procedure().version, "stage": "draft",
        "changed_at": MONDAY, "channel": "email", "received_at": MONDAY, "subject": "Oil weeping",
    }  # fmt: skip
    with transaction(desk.make) as session:
        rows = [
            {**one, "number": f"C-{n}", "sequence": 1000 + n, "sort_due_at": MONDAY + timedelta(minutes=n // 3)}
            for n in range(first, first + number)
        ]
        ids = session.scalars(insert(Complaint).returning(Complaint.id), rows).all()
        tasks = {"kind": "register", "key": "registered", "role": "clerk", "since": MONDAY}
        session.execute(insert(Waiting), [{**tasks, "complaint_id": id_} for id_ in ids])


def statements(session: Session, ask: Callable[[], object]) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        seen.append((statement, parameters))

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    ask()
    event.remove(engine, "before_cursor_execute", note)
    return seen


# Whose turn it is


def test_each_act_hands_the_work_on_to_whoever_comes_next(desk: Desk) -> None:
    number = desk.draft()
    assert work_of(desk, "clerk") == {"register": ["register"]}
    assert work_of(desk, "mkt_sup") == {}
    number = desk.registered()
    assert work_of(desk, "mkt_sup") == {"manufacturing.registered": ["write First review"]}
    desk.write(number, "first_review", "mkt_sup")
    desk.write(number, "form", "sales")
    assert work_of(desk, "sales") == {"sign": ["sign Issue of the handling form"]}
    desk.sign(number, "form_issued", "sales")
    assert work_of(desk, "sales") == {}
    assert work_of(desk, "mkt_sup") == {"sign": ["sign Approval of the handling form"]}


def test_a_measure_waits_for_its_owner_by_name_with_its_words_and_its_day(desk: Desk) -> None:
    desk.to_implementation()
    assert work_of(desk, "dept")["manufacturing.implementation"] == ["row Plan Reset counter 20 Nov"]


def test_the_groups_stand_in_the_order_of_the_day(desk: Desk) -> None:
    desk.to_implementation()
    planned = desk.to_action_plan()
    desk.plan(planned)
    desk.draft()
    with transaction(desk.make) as session:
        session.add(Grant(user_id=desk["qe"].id, role="clerk", since=date(2020, 1, 1)))
    desk.people["qe"] = Actor(
        desk["qe"].id,
        "qe",
        "en",
        desk["qe"].roles | {"clerk", "dept_head"},
        desk["qe"].held | {("dept_head", desk.department)},
    )
    an_enquiry(desk, owner="qe")
    keys = [group.key for group in groups_of(desk, "qe")]
    assert keys[:3] == ["register", "sign", "answer"]
    assert keys[3:] == ["manufacturing.action_plan", "manufacturing.implementation"]


def test_what_is_urgent_comes_first_then_what_is_old(desk: Desk) -> None:
    first, second, third = desk.draft(), desk.draft(), desk.draft()
    for number, due in ((first, NO_LIMIT), (second, NO_LIMIT), (third, MONDAY)):
        change(desk, number, sort_due_at=due)
    (group,) = groups_of(desk, "clerk")
    assert [item.card.number for item in group.items] == [third, first, second]


def test_only_what_a_person_may_see_waits_for_them(desk: Desk) -> None:
    number = desk.draft()
    with transaction(desk.make) as session:
        complaint = desk.find(session, number)
        session.add(Waiting(complaint_id=complaint.id, kind="sign", key="plan_approval", role="mr", since=MONDAY))
    assert (work_of(desk, "mr"), count_of(desk, "mr")) == ({}, 0)
    with transaction(desk.make) as session:
        involve(session, desk.find(session, number), at=MONDAY, reason="told", users=[desk["mr"].id or 0])
    assert count_of(desk, "mr") == 1
    assert list(work_of(desk, "mr")) == ["sign"]


def test_a_department_finds_its_own_work_only(desk: Desk) -> None:
    desk.to_implementation()
    assert "manufacturing.implementation" in work_of(desk, "dept")
    with transaction(desk.make) as session:
        stranger = a_person(session, "dept", "dept_head")
    desk.people["stranger"] = stranger
    assert work_of(desk, "stranger") == {}


# To answer


def test_an_unread_letter_waits_for_the_owner_or_else_for_the_queue(desk: Desk) -> None:
    number = desk.registered()
    change(desk, number, unread_count=1)
    assert work_of(desk, "clerk") == {"answer": ["letter"]}
    assert "answer" not in work_of(desk, "mkt_sup")
    change(desk, number, owner_id=None)
    assert work_of(desk, "clerk") == {}
    assert work_of(desk, "mkt_sup")["answer"] == ["letter"]
    change(desk, number, unread_count=0)
    assert "answer" not in work_of(desk, "mkt_sup")


def test_an_unread_letter_in_a_departments_queue_is_that_departments(desk: Desk) -> None:
    number = desk.to_action_plan()
    change(desk, number, owner_id=None, unread_count=1)
    assert work_of(desk, "dept_head")["answer"] == ["letter"]
    with transaction(desk.make) as session:
        desk.people["stranger"] = a_person(session, "dept_head", "qa_head")
    assert "answer" not in work_of(desk, "stranger")


def test_a_draft_is_to_be_registered_and_not_answered_as_well(desk: Desk) -> None:
    change(desk, desk.draft(), unread_count=1)
    assert work_of(desk, "clerk") == {"register": ["register"]}


@pytest.mark.requirement("S27")
def test_an_enquiry_waits_for_its_owner_until_it_is_answered(desk: Desk) -> None:
    decision_id = an_enquiry(desk, owner="qe")
    assert work_of(desk, "qe") == {"answer": ["answer Enquiry"]}
    assert work_of(desk, "clerk") == {}
    with desk.act() as session:
        off_board.answer(session, decision_id, text="Sent it", by=desk["qe"], at=desk.at)
    assert (work_of(desk, "qe"), count_of(desk, "qe")) == ({}, 0)


# How much


def test_more_comes_page_by_page_and_each_item_once(desk: Desk) -> None:
    many_drafts(desk, 2 * PAGE + 5)
    seen, after, lefts = [], None, []
    while not lefts or lefts[-1]:
        (group,) = groups_of(desk, "clerk", only="register", after=after)
        seen += [item.card.number for item in group.items]
        after = group.items[-1].place
        assert worklist.Place.parse(str(after)) == after
        lefts.append(group.left)
    assert lefts == [PAGE + 5, 5, 0]
    assert seen == [f"C-{n}" for n in range(2 * PAGE + 5)]
    (deeper,) = groups_of(desk, "clerk", depth={"register": 2})
    assert (len(deeper.items), deeper.left) == (2 * PAGE, 5)


@pytest.mark.parametrize("odd", ["", "1", "1.2", "a.b.c", "1.2.3.4", "-1.2.3", f"1.{1 << 40}.3", f"{10**20}.2.3"])
def test_a_place_that_is_none_is_refused(odd: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        worklist.Place.parse(odd)


def test_the_navigation_counts_to_ninety_nine_and_one_more(desk: Desk) -> None:
    many_drafts(desk, 130)
    assert count_of(desk, "clerk") == worklist.COUNTED + 1


def test_the_questions_are_as_many_for_ten_items_as_for_a_thousand(desk: Desk) -> None:
    asked = []
    for number in (10, 990):
        many_drafts(desk, number, first=number)
        with desk.make() as session:
            asked.append(len(statements(session, lambda: worklist.groups(session, desk["clerk"], TODAY))))
            assert len(statements(session, lambda: worklist.count(session, desk["clerk"], TODAY))) == 1
    assert asked[0] == asked[1] <= 3


# What is nobody's


@pytest.mark.requirement("S96")
def test_what_has_no_owner_and_stands_in_a_queue_that_nobody_serves_is_a_fault(desk: Desk) -> None:
    owned, queued = desk.to_investigation(), desk.draft()

    def faults() -> list[str]:
        with desk.make() as session:
            return [each.card.number for each in worklist.nobodys(session, desk["mkt_sup"], TODAY)[0]]

    assert faults() == []
    with transaction(desk.make) as session:
        session.execute(update(User).where(User.id == desk["qe"].id).values(left_at=MONDAY))
    assert faults() == [owned]
    with transaction(desk.make) as session:
        session.execute(update(Grant).where(Grant.role == "clerk").values(until=date(2026, 11, 1)))
    assert faults() == [queued, owned]
    change(desk, owned, stage="closed")
    assert faults() == [queued]


def test_a_department_without_people_leaves_its_complaints_to_nobody(desk: Desk) -> None:
    number = desk.to_action_plan()
    change(desk, number, owner_id=None)
    with desk.make() as session:
        assert worklist.nobodys(session, desk["clerk"], TODAY) == ([], False)
    with transaction(desk.make) as session:
        session.execute(update(Grant).where(Grant.role.in_(("dept", "dept_head"))).values(until=date(2026, 11, 1)))
        a_person(session, "dept_head", "dept")  # of no department
    with desk.make() as session:
        assert [each.card.number for each in worklist.nobodys(session, desk["clerk"], TODAY)[0]] == [number]


def test_an_administrator_hears_which_role_nobody_holds_though_work_waits(desk: Desk) -> None:
    desk.draft()
    with desk.make() as session:
        assert worklist.vacant(session, TODAY) == []
    with transaction(desk.make) as session:
        session.execute(update(User).where(User.id == desk["clerk"].id).values(left_at=MONDAY))
    with desk.make() as session:
        assert worklist.vacant(session, TODAY) == [("clerk", 1)]


# The answer list


def listed(desk: Desk, **more: Any) -> list[int]:
    with desk.make() as session:
        return [each.decision.id for each in answers.waiting(session, desk["clerk"], **more)[0]]


@pytest.mark.requirement("S34")
def test_the_list_keeps_what_is_open_by_owner_and_what_was_answered_lately(desk: Desk) -> None:
    first, second = an_enquiry(desk, owner="clerk"), an_enquiry(desk, owner="qe")
    assert listed(desk) == [first, second]
    assert listed(desk, owner=desk["qe"].id) == [second]
    with desk.make() as session:
        assert [each[1:] for each in answers.owners(session, desk["clerk"])] == [("clerk", 1), ("qe", 1)]
    with desk.act() as session:
        off_board.answer(session, first, text="Sent it", by=desk["sales"], at=desk.at)
    assert listed(desk) == [second]
    with desk.make() as session:
        (done,) = answers.done(session, desk["clerk"], since=MONDAY)[0]
        assert (done.decision.answer, done.owner, done.answered_by) == ("Sent it", "clerk", "sales")
        assert answers.done(session, desk["clerk"], since=desk.at + timedelta(minutes=1)) == ([], False)


def test_the_list_goes_on_page_by_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "PAGE", 2)
    ids = [an_enquiry(desk) for _ in range(3)]
    with desk.make() as session:
        first, more = answers.waiting(session, desk["clerk"])
        assert ([each.decision.id for each in first], more) == (ids[:2], True)
        last, more = answers.waiting(session, desk["clerk"], after=first[-1].place)
        assert ([each.decision.id for each in last], more) == (ids[2:], False)
    for decision_id in ids:
        with desk.act() as session:
            off_board.answer(session, decision_id, text="Sent it", by=desk["clerk"], at=desk.at)
    with desk.make() as session:
        first, more = answers.done(session, desk["clerk"], since=MONDAY)
        assert ([each.decision.id for each in first], more) == ([ids[2], ids[1]], True)
        last, more = answers.done(session, desk["clerk"], since=MONDAY, after=first[-1].place)
        assert ([each.decision.id for each in last], more) == ([ids[0]], False)


@pytest.mark.requirement("S77")
def test_what_is_a_complaint_after_all_leaves_the_list_and_keeps_its_history(desk: Desk) -> None:
    an_enquiry(desk)
    with desk.act() as session:
        complaint = session.scalars(select(Complaint)).one()
        off_board.bring_back(
            session, complaint, by=desk["clerk"], at=desk.at, seen_version=complaint.version, context=CONTEXT
        )
    assert listed(desk) == []
    with desk.make() as session:
        assert {"not_complaint", "brought_back"} <= set(session.scalars(select(Change.act)))
    assert work_of(desk, "clerk") == {"register": ["register"]}


def test_an_answer_is_handed_over_to_somebody_of_the_list_only(desk: Desk) -> None:
    decision_id = an_enquiry(desk, owner="qe")

    def hand_over(to: int | None) -> None:
        with desk.act() as session:
            wanted = answers.find(session, desk["clerk"], decision_id)
            answers.hand_over(session, wanted, to or 0, by=desk["clerk"], at=desk.at, today=TODAY)

    with pytest.raises(BadInput):
        hand_over(desk["gm"].id)
    hand_over(desk["sales"].id)
    assert listed(desk, owner=desk["sales"].id) == [decision_id]
    with desk.make() as session:
        note = session.scalars(select(Change).where(Change.act == "answer_handed_over")).one()
        assert note.values["to"] == "sales"
        with pytest.raises(NotFound):
            answers.find(session, desk["qe"], decision_id)


# What it costs


@pytest.mark.parametrize("ask", ["groups", "count", "nobodys", "answers"])
def test_no_question_reads_all_complaints(make: sessionmaker[Session], ask: str) -> None:
    desk = Desk(make)
    an_enquiry(desk)
    many_drafts(desk, 50)
    with make() as session:
        questions: dict[str, Callable[[], object]] = {
            "groups": lambda: worklist.groups(session, desk["clerk"], TODAY),
            "count": lambda: worklist.count(session, desk["clerk"], TODAY),
            "nobodys": lambda: worklist.nobodys(session, desk["clerk"], TODAY),
            "answers": lambda: answers.waiting(session, desk["clerk"]),
        }
        on_sqlite = session.get_bind().dialect.name == sqlite.dialect.name
        if not on_sqlite:
            session.execute(text("set local enable_seqscan = off"))
        for statement, parameters in statements(session, questions[ask]):
            explain = "explain query plan " if on_sqlite else "explain "
            steps = "\n".join(str(row) for row in session.connection().exec_driver_sql(explain + statement, parameters))
            for table in ("complaint", "waiting", "off_board"):
                assert f"SCAN {table}" not in steps, steps
                assert f"Seq Scan on {table}" not in steps, steps
            if on_sqlite and "unread_count > 0" in statement:
                assert steps.count("SEARCH complaint USING INDEX ix_complaint_unread") == 2, steps


# Off the way to the next stage


def waiting_on(desk: Desk, number: str) -> list[tuple[str, str, str]]:
    """What waits on a complaint: kind, which, and for which role."""
    with desk.make() as session:
        complaint = desk.find(session, number)
        found = session.scalars(select(Waiting).where(Waiting.complaint_id == complaint.id).order_by(Waiting.id))
        return [(each.kind, each.key, each.role) for each in found]


def test_a_signature_off_the_way_waits_as_soon_as_what_it_covers_is_there_and_once(desk: Desk) -> None:
    number = desk.registered()
    desk.write(number, "withdrawal", "clerk", statement="They found it themselves", capa="no")
    assert waiting_on(desk, number).count(("sign", "withdrawal_confirmed", "mkt_sup")) == 1
    assert "sign Withdrawal confirmed" in work_of(desk, "mkt_sup")["sign"]
    desk.sign(number, "withdrawal_confirmed", "mkt_sup")
    assert ("sign", "withdrawal_confirmed", "mkt_sup") not in waiting_on(desk, number)


def test_a_signature_that_nothing_asks_for_yet_or_any_more_does_not_wait(desk: Desk) -> None:
    number = desk.registered()
    desk.write(number, "form", "sales")
    assert [key for kind, key, _ in waiting_on(desk, number) if kind == "sign"] == ["form_issued"]
    number = desk.to_customer_reply()
    desk.contact(number, "result_told")
    desk.contact(number, "reminded")
    desk.write(number, "silence", "clerk", ground="silent", attempts="Two mails")
    assert ("sign", "closed_without_answer", "mkt_vp") in waiting_on(desk, number)
    desk.write(number, "answer", "sales")
    assert [key for kind, key, _ in waiting_on(desk, number) if kind == "sign"] == []


def test_an_approval_that_a_higher_class_asks_for_waits_wherever_the_complaint_stands(desk: Desk) -> None:
    number = desk.to_verification()
    with desk.act() as session:
        complaint = desk.find(session, number)
        registration.save(
            session, complaint, {"complaint_class": "major"}, by=desk["mkt_sup"], at=desk.at, context=CONTEXT,
            seen_version=complaint.version,
        )  # fmt: skip
    there = waiting_on(desk, number)
    assert ("sign", "form_approved", "mkt_vp") in there
    assert ("sign", "plan_approval_gm", "gm") in there


@pytest.mark.requirement("S26")
def test_a_record_that_stops_a_clock_waits_as_long_as_it_runs_and_what_comes_before_it_first(desk: Desk) -> None:
    number = desk.to_investigation()
    assert ("write", "qa_reply", "qe") not in waiting_on(desk, number)
    desk.write(number, "qe_entry", "qe")
    assert waiting_on(desk, number).count(("write", "qa_reply", "qe")) == 1
    assert "write QA's reply" in work_of(desk, "qe")["manufacturing.investigation"]
    desk.write(number, "qa_reply", "qe")
    assert ("write", "qa_reply", "qe") not in waiting_on(desk, number)


def test_a_record_that_stops_no_clock_any_more_does_not_wait(desk: Desk) -> None:
    number = desk.to_customer_reply()
    assert ("write", "qa_reply", "qe") in waiting_on(desk, number)
    desk.contact(number, "result_told")
    desk.write(number, "answer", "sales")
    desk.move(number, "closed", "clerk")
    assert waiting_on(desk, number) == []


def test_a_row_waits_for_its_answer_in_every_stage_also_after_closing(desk: Desk) -> None:
    number = desk.to_closed()
    assert waiting_on(desk, number) == []
    desk.write(number, "objections", "sales", by_whom="Ines Carrow", text="Nobody asked us")
    assert waiting_on(desk, number) == [("write", "objections", "mkt_sup")]
    assert work_of(desk, "mkt_sup") == {"manufacturing.closed": ["write Objections to the handling"]}
    desk.write(number, "objections", "mkt_sup", place=1, answer="They are right; we call them")
    assert waiting_on(desk, number) == []


def test_remarks_that_every_writer_of_a_row_may_add_are_no_answer_that_is_waited_for(desk: Desk) -> None:
    number = desk.to_investigation()
    desk.write(number, "meeting", "qe", planned_for="2026-11-16T14:00")
    assert ("write", "meeting", "qe") not in waiting_on(desk, number)


def test_off_the_board_no_row_waits_for_an_answer(desk: Desk) -> None:
    number = desk.registered()
    desk.write(number, "escalations", "sales", text="Their plant is closed")
    assert ("write", "escalations", "mkt_sup") in waiting_on(desk, number)
    desk.write(number, "withdrawal", "clerk", statement="Never mind", capa="no")
    desk.sign(number, "withdrawal_confirmed", "mkt_sup")
    with desk.act() as session:
        complaint = desk.find(session, number)
        off_board.take(
            session, complaint, off_board.WITHDRAWN, reason="withdrawn", by=desk["clerk"], at=desk.at,
            seen_version=complaint.version, context=CONTEXT,
        )  # fmt: skip
    assert waiting_on(desk, number) == []
