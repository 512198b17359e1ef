"""The board's questions: who sees what, in which order, and what they cost."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from sqlalchemy import Connection, event, update
from sqlalchemy.orm import Session

from complaints import board
from complaints.board import Card, Filters, Place
from complaints.complaint import NO_LIMIT, Complaint, involve
from complaints.database import open_database, sessions
from complaints.errors import NotFound
from complaints.people import SYSTEM, Actor
from complaints.procedure import procedure
from tests.builders import MONDAY, a_complaint, a_customer, a_department, a_mailed_complaint, a_person

RULES = procedure()
HOUR = timedelta(hours=1)
NOW = MONDAY + timedelta(days=2)
CLOSED = next(stage for stage in RULES.stages if stage.final)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = open_database(database_url)
    with sessions(engine)() as session:
        yield session
    engine.dispose()


def stage(key: str) -> Any:
    return RULES.stage(key)


def on_the_board(session: Session, **fields: Any) -> Complaint:
    """A complaint as it stands after some work: any stage, any due time."""
    made = a_complaint(session, at=fields.get("received_at", MONDAY))
    session.execute(update(Complaint).where(Complaint.id == made.id).values(**{"stage": "registered"} | fields))
    session.expire(made)
    return made


def numbers(cards: list[Card]) -> list[str]:
    return [card.number for card in cards]


def column(session: Session, key: str, actor: Actor = SYSTEM, **how: Any) -> board.Column:
    found = board.columns(session, actor, RULES, NOW, **how)
    return next(each for each in found if each.head.stage.key == key)


# Order


def test_a_column_shows_the_most_urgent_first_and_what_has_no_limit_last(session: Session) -> None:
    later = on_the_board(session, sort_due_at=NOW + 3 * HOUR)
    never = on_the_board(session, sort_due_at=NO_LIMIT)
    overdue = on_the_board(session, sort_due_at=NOW - HOUR)
    soon = on_the_board(session, sort_due_at=NOW + HOUR)
    assert numbers(column(session, "registered").cards) == [x.number for x in (overdue, soon, later, never)]


def test_of_two_that_are_due_together_the_older_comes_first(session: Session) -> None:
    first, second = (on_the_board(session, sort_due_at=NOW) for _ in range(2))
    assert numbers(column(session, "registered").cards) == [first.number, second.number]


def test_every_stage_has_a_column_in_the_order_of_the_procedure(session: Session) -> None:
    on_the_board(session)
    assert [each.head.stage for each in board.columns(session, SYSTEM, RULES, NOW)] == list(RULES.stages)


def test_closed_complaints_stay_for_thirty_days_the_newest_first(session: Session) -> None:
    old = on_the_board(session, stage="closed", closed_at=NOW - timedelta(days=29))
    new = on_the_board(session, stage="closed", closed_at=NOW - HOUR)
    on_the_board(session, stage="closed", closed_at=NOW - timedelta(days=31))
    closed = column(session, "closed")
    assert numbers(closed.cards) == [new.number, old.number]
    assert (closed.head.total, closed.head.overdue) == (2, 0)


def test_a_folded_column_has_a_head_and_no_cards(session: Session) -> None:
    on_the_board(session, stage="closed", closed_at=NOW - HOUR)
    closed = column(session, "closed", folded={"closed"})
    assert (closed.head.total, closed.cards) == (1, [])


def test_a_board_may_be_folded_altogether(session: Session) -> None:
    on_the_board(session)
    folded = board.columns(session, SYSTEM, RULES, NOW, folded={each.key for each in RULES.stages})
    assert [len(each.cards) for each in folded] == [0] * 8


# Pages


def read_to_the_end(session: Session, key: str, limit: int) -> list[Card]:
    cards = column(session, key, per_column=limit).cards
    while True:
        after = cards[-1].place if cards else Place(-(1 << 53), 0)
        page, there_is_more = board.more(session, SYSTEM, RULES, stage(key), NOW, after=after, limit=limit)
        cards += page
        if not there_is_more:
            return cards


@given(due_in=some.lists(some.sampled_from([-5, 0, 1, 1, 2, 99]), max_size=12), limit=some.integers(1, 5))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_never_skip_and_never_repeat(session: Session, due_in: list[int], limit: int) -> None:
    session.rollback()
    made = [on_the_board(session, sort_due_at=NOW + n * HOUR if n < 99 else NO_LIMIT) for n in due_in]
    expected = sorted(made, key=lambda complaint: (complaint.sort_due_at, complaint.id))
    assert numbers(read_to_the_end(session, "registered", limit)) == [complaint.number for complaint in expected]


def test_pages_of_the_closed_go_back_in_time(session: Session) -> None:
    made = [on_the_board(session, stage="closed", closed_at=NOW - n // 2 * HOUR) for n in range(7)]
    expected = sorted(made, key=lambda complaint: (complaint.closed_at, complaint.id), reverse=True)
    assert numbers(read_to_the_end(session, "closed", 2)) == [complaint.number for complaint in expected]


def test_a_card_that_moves_away_between_two_pages_hides_no_other(session: Session) -> None:
    made = [on_the_board(session, sort_due_at=NOW + n * HOUR) for n in range(4)]
    first = column(session, "registered", per_column=2).cards
    session.execute(update(Complaint).where(Complaint.id == made[0].id).values(stage="investigation"))
    page, _ = board.more(session, SYSTEM, RULES, stage("registered"), NOW, after=first[-1].place)
    assert numbers(page) == [made[2].number, made[3].number]


@pytest.mark.parametrize("text", ["", "1", "x.1", "1.x", "1.2.3", "9" * 30 + ".1", "1." + "9" * 30])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Place.parse(text)


def test_a_place_reads_what_it_wrote() -> None:
    assert Place.parse(str(Place(-17, 3))) == Place(-17, 3)


# Heads


def test_a_head_counts_the_column_and_what_is_overdue(session: Session) -> None:
    for due in (NOW - HOUR, NOW - 2 * HOUR, NOW + HOUR, NO_LIMIT):
        on_the_board(session, sort_due_at=due)
    head = column(session, "registered", per_column=1).head
    assert (head.total, head.overdue) == (4, 2)


def test_due_this_very_instant_is_not_overdue(session: Session) -> None:
    on_the_board(session, sort_due_at=NOW)
    assert column(session, "registered").head.overdue == 0


def test_heads_of_some_stages_alone(session: Session) -> None:
    on_the_board(session)
    (head,) = board.heads(session, SYSTEM, RULES, NOW, stages=[stage("registered")])
    assert (head.stage.key, head.total) == ("registered", 1)
    assert [each.total for each in board.heads(session, SYSTEM, RULES, NOW, stages=[CLOSED])] == [0]


# Who sees what


def test_staff_see_the_complaints_that_name_them_their_department_or_their_own(session: Session) -> None:
    assembly = a_department(session, "assembly", "Assembly", "装配")
    me = a_person(session, "dept", name="Priya", department=assembly)
    named, ours, owned, taken_in = (on_the_board(session) for _ in range(4))
    on_the_board(session)
    involve(session, named, at=MONDAY, reason="asked", users=[me.id or 0])
    involve(session, ours, at=MONDAY, reason="asked", departments=[assembly.id])
    owned.owner_id, taken_in.received_by_id = me.id, me.id
    session.flush()
    seen = column(session, "registered", me)
    assert set(numbers(seen.cards)) == {x.number for x in (named, ours, owned, taken_in)}
    assert seen.head.total == 4


def test_two_people_do_not_get_each_others_board(session: Session) -> None:
    mara, owen = a_person(session, "staff", name="Mara"), a_person(session, "staff", name="Owen")
    on_the_board(session, owner_id=mara.id)
    assert len(column(session, "registered", mara).cards) == 1
    assert len(column(session, "registered", owen).cards) == 0
    assert len(column(session, "registered", a_person(session, "clerk")).cards) == 1


def test_a_stranger_finds_no_card_no_page_and_no_change(session: Session) -> None:
    complaint, stranger = on_the_board(session), a_person(session, "staff")
    with pytest.raises(NotFound):
        board.card(session, stranger, complaint.id)
    assert board.cards(session, stranger, RULES, NOW, [complaint.id]) == []
    assert board.more(session, stranger, RULES, stage("registered"), NOW, after=Place(0, 0)) == ([], False)
    assert board.changed(session, stranger, RULES, MONDAY) == []


# What a card says


def test_a_card_names_the_customer_or_else_who_wrote(session: Session) -> None:
    customer = a_customer(session, "Vantorra Drives")
    chosen = on_the_board(session, customer_id=customer.id)
    mailed = a_mailed_complaint(session, from_name="Ines Carrow")
    nameless = a_mailed_complaint(session, from_address="qa@pellworth.example", from_name="", message_id="b")
    phoned = on_the_board(session, contact_person="Mr Hale")
    shown = {card.id: card.customer for card in board.cards(session, SYSTEM, RULES, NOW, range(9))}
    assert shown == {
        chosen.id: "Vantorra Drives", mailed.id: "Ines Carrow", nameless.id: "qa@pellworth.example",
        phoned.id: "Mr Hale",
    }  # fmt: skip


def test_a_card_without_a_clock_has_no_limit(session: Session) -> None:
    assert not board.card(session, SYSTEM, on_the_board(session, sort_due_at=NO_LIMIT).id).limited


def test_a_card_cannot_be_changed(session: Session) -> None:
    card = board.card(session, SYSTEM, on_the_board(session).id)
    with pytest.raises(AttributeError):
        card.stage = "closed"  # type: ignore[misc]


# Filters


@pytest.mark.parametrize(
    "filters",
    [
        Filters(overdue=True), Filters(complaint_class="major"), Filters(product="hx-210"), Filters(product="密封"),
        Filters(q="WEEPING"), Filters(q="l2608"), Filters(q="北砾"), Filters(q="密封件 l2608"), Filters(q="100%"),
        Filters(q="station_40"),
    ],
)  # fmt: skip
def test_a_filter_leaves_what_it_asks_for(session: Session, filters: Filters) -> None:
    customer = a_customer(session, "北砾重工")
    wanted = on_the_board(
        session, sort_due_at=NOW - HOUR, complaint_class="major", product="HX-210 密封件", batch="L2608-114",
        subject="Oil weeping at 100% load, station_40", customer_id=customer.id,
    )  # fmt: skip
    on_the_board(
        session, sort_due_at=NOW + HOUR, complaint_class="general", product="BR-88", subject="Paint 1000, stationX40"
    )
    shown = column(session, "registered", filters=filters)
    assert numbers(shown.cards) == [wanted.number]
    assert shown.head.total == 1


def test_a_filter_finds_a_number_and_a_sender(session: Session) -> None:
    mailed = a_mailed_complaint(session, from_address="qa@pellworth.example", from_name="Noor")
    on_the_board(session, stage="draft")
    for q in (mailed.number, "noor", "@pellworth"):
        assert numbers(column(session, "draft", filters=Filters(q=q)).cards) == [mailed.number]


def test_mine_are_those_i_own(session: Session) -> None:
    me, other = a_person(session, "clerk", name="Me"), a_person(session, "clerk", name="Other")
    mine = on_the_board(session, owner_id=me.id)
    on_the_board(session, owner_id=other.id)
    assert numbers(column(session, "registered", me, filters=Filters(mine=True)).cards) == [mine.number]
    assert numbers(column(session, "registered", other, filters=Filters(mine=True)).cards) != [mine.number]


def test_a_department_finds_what_names_it(session: Session) -> None:
    assembly = a_department(session, "assembly", "Assembly", "装配")
    theirs = on_the_board(session)
    on_the_board(session)
    involve(session, theirs, at=MONDAY, reason="asked", departments=[assembly.id])
    session.flush()
    assert numbers(column(session, "registered", filters=Filters(department=assembly.id)).cards) == [theirs.number]


def test_closed_complaints_are_never_overdue(session: Session) -> None:
    on_the_board(session, stage="closed", closed_at=NOW - HOUR, sort_due_at=NOW - HOUR)
    assert column(session, "closed", filters=Filters(overdue=True)).head.total == 0


# What changed


def test_a_change_is_told_once_it_is_committed_even_if_it_is_dated_a_little_earlier(session: Session) -> None:
    complaint = on_the_board(session, changed_at=NOW - timedelta(seconds=4))
    assert [change.id for change in board.changed(session, SYSTEM, RULES, NOW)] == [complaint.id]
    assert board.changed(session, SYSTEM, RULES, NOW + timedelta(minutes=1)) == []


def test_a_flood_of_changes_is_cut_off(session: Session) -> None:
    for _ in range(board.MOST_CHANGES + 3):
        on_the_board(session, changed_at=NOW)
    assert len(board.changed(session, SYSTEM, RULES, NOW)) == board.MOST_CHANGES + 1


def test_a_changed_card_that_the_board_does_not_show_any_more_is_left_out(session: Session) -> None:
    old = on_the_board(session, stage="closed", closed_at=NOW - timedelta(days=31))
    shown = on_the_board(session)
    assert [card.id for card in board.cards(session, SYSTEM, RULES, NOW, [old.id, shown.id])] == [shown.id]
    none = Filters(q="nothing like it")
    assert board.cards(session, SYSTEM, RULES, NOW, [shown.id], filters=none) == []


# What it costs


def statements(session: Session, ask: Any) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []

    def note(_c: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", note)
    try:
        ask()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return seen


def test_a_whole_board_is_two_queries_however_much_is_on_it(session: Session) -> None:
    for n in range(30):
        on_the_board(session, stage=RULES.stages[n % 7].key)
    assert len(statements(session, lambda: board.columns(session, SYSTEM, RULES, NOW))) == 2


@pytest.mark.parametrize("ask", ["columns", "heads", "more", "changed", "cards"])
def test_no_question_reads_a_whole_table(sqlite_url: str, ask: str) -> None:
    with sessions(open_database(sqlite_url))() as session:
        made = on_the_board(session)
        questions: dict[str, Any] = {
            "columns": lambda: board.columns(session, SYSTEM, RULES, NOW),
            "heads": lambda: board.heads(session, SYSTEM, RULES, NOW),
            "more": lambda: board.more(session, SYSTEM, RULES, stage("registered"), NOW, after=Place(0, 0)),
            "changed": lambda: board.changed(session, SYSTEM, RULES, NOW),
            "cards": lambda: board.cards(session, SYSTEM, RULES, NOW, [made.id]),
        }
        for statement, parameters in statements(session, questions[ask]):
            plan = session.connection().exec_driver_sql("explain query plan " + statement, parameters)
            steps = [row[3] for row in plan]
            assert any("complaint" in step for step in steps)
            assert not [step for step in steps if step.startswith("SCAN complaint") or "TEMP B-TREE" in step], steps


def test_the_columns_are_read_by_their_index(sqlite_url: str) -> None:
    with sessions(open_database(sqlite_url))() as session:
        (first, *_) = statements(session, lambda: board.columns(session, SYSTEM, RULES, NOW))
        plan = session.connection().exec_driver_sql("explain query plan " + first[0], first[1])
        by_index = [row[3] for row in plan if "ix_complaint" in row[3]]
        assert len(by_index) == 8
        assert all("COVERING INDEX" in step for step in by_index)
