"""The ledger: which rows there are for whom, in which order, a page at a time, what they amount to, and what a column
shows."""

from datetime import date, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import ledger, off_board
from complaints.complaint import Complaint, visible_to
from complaints.ledger import NotUnderstood, Page, Place, Range, Wanted, filter_of, page, totals
from complaints.ledger_columns import columns, says
from complaints.ledger_rows import Row
from complaints.people import Actor
from complaints.procedure import newest, procedure
from tests.builders import MONDAY, a_complaint
from tests.desk import CONTEXT, Desk

ZONE = ZoneInfo("Asia/Shanghai")
AT = MONDAY + timedelta(days=40)
ALL = tuple(columns().all)
EVERYTHING = Wanted()


def seen(session: Session, actor: Actor, wanted: Wanted = EVERYTHING, *, limit: int = 50, keys: Any = ()) -> list[Row]:
    """All rows, page after page."""
    rows: list[Row] = []
    after: Place | None = None
    while True:
        found: Page = page(session, actor, wanted, at=AT, zone=ZONE, after=after, limit=limit, keys=keys)
        rows += found.rows
        if (after := found.next) is None:
            return rows


def numbers(session: Session, actor: Actor, wanted: Wanted = EVERYTHING, **more: Any) -> list[str]:
    return [row.card.number for row in seen(session, actor, wanted, **more)]


def leave(desk: Desk, number: str) -> None:
    with desk.act() as session:
        found = desk.find(session, number)
        off_board.take(
            session, found, "not_complaint", reason="Asked only", by=desk["clerk"], at=desk.at, context=CONTEXT,
            seen_version=found.version,
        )  # fmt: skip


@pytest.mark.requirement("S01")
def test_every_complaint_stands_in_one_row_and_what_left_the_board_on_request(desk: Desk) -> None:
    draft, registered, planned, gone = desk.draft(), desk.registered(), desk.to_action_plan(), desk.draft()
    leave(desk, gone)
    with desk.make() as session:
        clerk = desk["clerk"]
        assert numbers(session, clerk) == [planned, registered, draft]
        assert numbers(session, clerk, Wanted(state=ledger.OFF)) == [gone]
        assert numbers(session, clerk, Wanted(state=ledger.DRAFTS)) == [draft]
        assert numbers(session, clerk, Wanted(descending=False)) == [draft, registered, planned]


@pytest.mark.parametrize("sort", sorted(ledger.ORDERS))
@pytest.mark.parametrize("descending", [True, False])
def test_pages_of_any_size_hold_every_row_once_in_every_order(desk: Desk, sort: str, descending: bool) -> None:
    dice = Random(7)
    for count in range(9):
        made = desk.registered if count % 3 else desk.draft
        number = made(product=dice.choice(["", "HX-210", "接头"]))
        if count % 4 == 0:
            with desk.act() as session:
                desk.find(session, number).closed_at = MONDAY + timedelta(hours=dice.randint(1, 3))
    wanted = Wanted(sort=sort, descending=descending)
    with desk.make() as session:
        whole = numbers(session, desk["clerk"], wanted, limit=100)
        assert len(whole) == len({*whole}) == 9
        for limit in (1, 2, 4):
            assert numbers(session, desk["clerk"], wanted, limit=limit) == whole
        key = ledger.ORDERS[sort][0].key
        values = session.execute(select(Complaint.number, getattr(Complaint, key))).all()
        by_number = {row[0]: row[1] for row in values}
        shown = [by_number[number] for number in whole]
        known = [each for each in shown if each is not None]
        assert shown == [*known, *[None] * (len(shown) - len(known))]
        if not any(isinstance(each, str) for each in known):  # texts go by the collation of the database
            assert known == sorted(known, reverse=descending)


def test_nobody_sees_a_row_or_a_count_that_they_may_not_open(desk: Desk) -> None:
    mine, other = desk.registered(), desk.draft()
    with desk.make() as session:
        for role in ("dept", "clerk", "qe", "warehouse" if "warehouse" in desk.people else "staff"):
            if role not in desk.people:
                continue
            allowed = set(session.scalars(visible_to(desk[role], select(Complaint.number))))
            assert {*numbers(session, desk[role])} == allowed
            assert totals(session, desk[role], Wanted(), at=AT, zone=ZONE).all == len(allowed)
        assert numbers(session, desk["dept"]) == [mine]
        assert other not in numbers(session, desk["dept"], Wanted(where=(("number", other),)))


@pytest.mark.requirement("S23")
def test_the_counts_of_each_choice_add_up_to_the_total(desk: Desk) -> None:
    for link, cause in (("delivery", "other"), ("delivery", "non_quality"), ("sales_service", "other")):
        desk.registered(link=link, cause_type=cause)
    desk.draft(link="product_quality", cause_type="other")
    with desk.make() as session:
        everything = totals(session, desk["clerk"], Wanted(), at=AT, zone=ZONE)
        for key, choices in (
            ("link", ("sales_service", "product_quality", "delivery")),
            ("cause_type", ("quality", "non_quality", "other")),
        ):
            each = [
                totals(session, desk["clerk"], Wanted(where=((key, (choice,)),)), at=AT, zone=ZONE).all
                for choice in choices
            ]
            assert sum(each) == everything.all == 4
        assert (everything.open, everything.closed) == (4, 0)
        assert sum(everything.classes.values()) == 4


def test_filters_of_every_kind_find_what_they_say_and_nothing_else(desk: Desk) -> None:
    one = desk.registered(subject="Oil weeping 50%", batch="L2611_053", product="HX-210", contact_person="Ines")
    two = desk.draft(subject="漏油", batch="L2611-099", product="BR-88", received_at=MONDAY - timedelta(days=60))
    with desk.act() as session:
        desk.find(session, two).repeat_of_count = 4
        desk.find(session, one).owner_id = desk["qe"].id
    cases: list[tuple[str, str, list[str]]] = [
        ("subject", "oil", [one]), ("subject", "50%", [one]), ("subject", "%", [one]), ("subject", "漏", [two]),
        ("batch", "L2611_", [one]), ("product", "br-", [two]), ("number", two[-4:], [two]),
        ("received_at", "2026-11", [one]), ("received_at", "2026-09", [two]), ("received_at", "2026", [two, one]),
        ("received_at", "..2026-10-31", [two]), ("received_at", "2026-11-01..", [one]),
        ("repeat_of_count", "3..", [two]), ("repeat_of_count", "0", [one]),
        ("stage", "draft", [two]), ("stage", "draft,registered", [two, one]), ("stage", "nothing", []),
        ("owner", str(desk["qe"].id), [one]), ("owner", "none", []), ("procedure", "manufacturing", [two, one]),
        ("contact_person", "ines", [one]), ("customer", "no such", []), ("departments", str(desk.qa), [one]),
        ("departments", "999999", []),
    ]  # fmt: skip
    with desk.make() as session:
        for key, said, expected in cases:
            value = filter_of(columns().all[key], said)
            found = numbers(session, desk["clerk"], Wanted(where=((key, value),), descending=False))
            assert sorted(found) == sorted(expected), (key, said)


def test_a_day_is_a_day_of_the_house(desk: Desk) -> None:
    late = MONDAY.replace(hour=17, minute=30)  # the next day has begun in Shanghai
    number = desk.draft(received_at=late)
    with desk.make() as session:
        for day, found in ((date(2026, 11, 16), []), (date(2026, 11, 17), [number])):
            assert numbers(session, desk["clerk"], Wanted(where=(("received_at", Range(day, day)),))) == found


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("received_at", "soon"), ("received_at", "2026-13"), ("received_at", "2026-02-30"), ("received_at", "1-2-3-4"),
        ("received_at", "2026-09..2026-08"), ("received_at", "0"), ("received_at", "99999"), ("received_at", "9" * 30), 
        ("repeat_of_count", "many"), ("repeat_of_count", "9" * 20), ("subject", "x" * 121), ("subject", "a\0b"),
    ],
)  # fmt: skip
def test_what_no_filter_says_is_told(key: str, said: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        filter_of(columns().all[key], said)
    assert str(refused.value)


def test_a_row_shows_what_the_records_signatures_clocks_and_stages_of_its_procedure_say(desk: Desk) -> None:
    number = desk.to_action_plan()
    with desk.make() as session:
        row = next(each for each in seen(session, desk["clerk"], keys=ALL) if each.card.number == number)
        complaint = desk.find(session, number)
    values = row.values
    assert values["departments"] == [desk.department]
    assert values["form_issued_at"]
    assert values["quality_received_at"] >= values["form_issued_at"]
    assert values["completed_at"] is None
    assert values["register_no"] == complaint.register_no
    assert values["days"] in (39, 40)
    assert set(values) == {*ALL}


def test_every_column_says_something_by_some_procedure() -> None:
    for column in columns().all.values():
        assert column.of or any(says(column, rules) for rules in newest()), column.key
        assert column.name.en
        assert column.name.zh
    known = {event for column in columns().all.values() for event in column.from_ if ":" in event}
    assert {event for event in known if not any(_says(event, rules.key) for rules in newest())} == set()


def _says(event: str, key: str) -> bool:
    column = next(each for each in columns().all.values() if event in each.from_)
    return says(type(column)(**{**vars(column), "from_": (event,)}), procedure(key)) == event


def test_a_page_asks_no_more_however_many_rows_it_has(desk: Desk) -> None:
    asked: list[str] = []
    counts = []
    with desk.make() as session:
        engine = session.get_bind()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    for _ in range(2):
        for _ in range(4):
            desk.registered()
        with desk.make() as session:
            asked.clear()
            seen(session, desk["clerk"], keys=ALL)
            counts.append(len(asked))
    event.remove(engine, "before_cursor_execute", note)
    assert counts[0] == counts[1] <= 12


@pytest.mark.parametrize("sort", sorted(ledger.ORDERS))
def test_each_order_goes_by_an_index(make: sessionmaker[Session], desk: Desk, sort: str) -> None:
    plans: list[str] = []
    with make() as session:
        sqlite = session.get_bind().dialect.name == "sqlite"
        if not sqlite:
            session.connection().exec_driver_sql("SET enable_seqscan = off")
            session.connection().exec_driver_sql("SET enable_sort = off")

        def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if "ORDER BY" in statement and not statement.startswith("EXPLAIN") and not plans:
                told = connection.exec_driver_sql(f"EXPLAIN {'QUERY PLAN ' if sqlite else ''}{statement}", parameters)
                plans.append("\n".join(str(row) for row in told.all()))

        event.listen(session.get_bind(), "before_cursor_execute", explain)
        page(session, desk["clerk"], Wanted(sort=sort), at=AT, zone=ZONE, limit=50)
        event.remove(session.get_bind(), "before_cursor_execute", explain)
    assert "TEMP B-TREE" not in plans[0]
    assert "Index" in plans[0] or "INDEX" in plans[0]


def test_rows_and_totals_agree_with_a_plain_count_whatever_is_asked(desk: Desk) -> None:
    dice = Random(11)
    with desk.act() as session:
        for _ in range(30):
            made = a_complaint(
                session, product=dice.choice(["HX-210", "BR-88"]),
                channel=dice.choice(["email", "phone"]), received_at=MONDAY + timedelta(days=dice.randint(-400, 20)),
                complaint_class=dice.choice([None, "general", "major"]), link=dice.choice([None, "delivery"]),
                procedure_key=dice.choice(["manufacturing", "cement", "employee"]),
            )  # fmt: skip
            made.closed_at = dice.choice([None, MONDAY])
            made.sort_due_at = dice.choice([MONDAY, AT + timedelta(days=3)])
            if dice.random() < 0.2:
                made.stage = "merged"
    with desk.make() as session:
        clerk = desk["clerk"]
        known = session.scalars(visible_to(clerk, select(Complaint))).all()
        on_board = [each for each in known if each.stage != "merged"]
        by_state = {
            ledger.EVERY: on_board, ledger.WHOLE: known, ledger.OFF: [each for each in known if each.stage == "merged"],
            ledger.OPEN: [each for each in on_board if each.closed_at is None],
            ledger.CLOSED: [each for each in on_board if each.closed_at is not None],
            ledger.OVERDUE: [each for each in on_board if each.closed_at is None and each.sort_due_at < AT],
        }  # fmt: skip
        for state, expected in by_state.items():
            for key, choice in (("", ""), ("complaint_class", "major"), ("channel", "phone"), ("procedure", "cement")):
                where = ((key, (choice,)),) if key else ()
                left = {each.number for each in expected if not key or getattr(each, key) == choice}
                told = totals(session, clerk, Wanted(state=state, where=where), at=AT, zone=ZONE)
                assert {*numbers(session, clerk, Wanted(state=state, where=where), limit=7)} == left
                assert told.all == told.open + told.closed == len(left)
