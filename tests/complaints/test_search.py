"""Search: what was written is found, on both databases alike, by whom it may be seen, and by the index."""

import json
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import notes, off_board, rows, search, search_index
from complaints.customers import Customer
from complaints.database import transaction
from complaints.notes import Note
from complaints.people import SYSTEM
from complaints.search_index import Todo
from complaints.search_query import parse
from tests.builders import MONDAY, a_complaint, a_letter
from tests.desk import CONTEXT, Desk

SAID: dict[str, str] = {
    "leak": "Oil is leaking at the face seal of HX-210",
    "crack": "The housings cracked after a cold start",
    "lot": "Lot L2608-114 failed the pressure test at 40 bar",
    "rust": "支撑支架盐雾试验出现红锈",
    "oil": "密封面漏油严重",
    "label": "标签贴错，客户产线停线",
    "late": "Delivered three days late; the truck broke down",
    "paint": "Paint peels off the bracket near the weld seam",
    "noise": "泵运转时异响",
    "invoice": "The invoice of order 4500-77123 was sent twice",
    "accent": "Der Flansch ist beschädigt, Müller",
    "mixed": "阀体HX-300漏气",
}
ASKED: list[tuple[str, set[str]]] = [
    ("leak", {"leak"}),
    ("leaks", {"leak"}),
    ("leaking seal", {"leak"}),
    ("cracking", {"crack"}),
    ("crac", {"crack"}),
    ("housing cracked", {"crack"}),
    ("HX-210", {"leak"}),
    ("hx210", {"leak"}),
    ("ＨＸ２１０", {"leak"}),
    ("HX", {"leak", "mixed"}),
    ("L2608-114", {"lot"}),
    ("L2608", {"lot"}),
    ("114", {"lot"}),
    ("l2608114", {"lot"}),
    ('"pressure test"', {"lot"}),
    ('"test pressure"', set()),
    ("test pressure", {"lot"}),
    ("红锈", {"rust"}),
    ("盐雾试验", {"rust"}),
    ("试验盐雾", set()),
    ("试验 盐雾", {"rust"}),
    ("漏油", {"oil"}),
    ("密封面漏油", {"oil"}),
    ('"漏油严重"', {"oil"}),
    ("油", {"oil"}),
    ("锈", {"rust"}),
    ("漏", {"oil", "mixed"}),
    ("停线", {"label"}),
    ("异响", {"noise"}),
    ("4500-77123", {"invoice"}),
    ("77123", {"invoice"}),
    ("invoices", {"invoice"}),
    ("beschadigt", {"accent"}),
    ("MÜLLER", {"accent"}),
    ("阀体HX-300", {"mixed"}),
    ("leak crack", set()),
    ("zzzz", set()),
]


@pytest.fixture
def said(desk: Desk) -> dict[str, str]:
    """The numbers of complaints that say so, by key."""
    return {desk.draft(subject=subject, content=""): key for key, subject in SAID.items()}


def found(desk: Desk, typed: str, role: str = "qe", before: int | None = None) -> list[str]:
    search_index.catch_up(desk.make, desk.at, CONTEXT)
    with desk.make() as session:
        query = parse(typed)
        page = search.find(session, desk[role], query, typed, before=before, now=desk.at, zone=CONTEXT.zone)
        return [each.complaint.number for each in page.hits]


def test_what_was_written_is_found_and_nothing_else(desk: Desk, said: dict[str, str]) -> None:
    wrong = {}
    for typed, wanted in ASKED:
        if (got := {said[number] for number in found(desk, typed)}) != wanted:
            wrong[typed] = got
    assert wrong == {}


def test_a_number_comes_first_then_the_newest(desk: Desk, said: dict[str, str]) -> None:
    first, *_ = said
    newer = desk.draft(subject=f"As in {first}")
    assert found(desk, first) == [first, newer]
    assert found(desk, first.split("-")[2].lstrip("0"))[0] == first
    assert found(desk, "三百") == []


@pytest.mark.parametrize(
    "typed",
    ["", " ", '"', '""', "*", "a*", "NEAR(a b)", "'; DROP TABLE complaint; --", "a OR b", "\x00", "col:x", "words:leak",
     "x" * 10_000, "漏" * 10_000, "'& | !", "from:x", "from:0001-01-01", "to:9999-12-31", "stage:", "a_b", "^a", "-a",
     "\ud800", "99999999", "()", "customer:", "\\'a", "🙂", "from:9999-12-31 to:0001-01-01"],
)  # fmt: skip
def test_whatever_is_typed_gets_an_answer(desk: Desk, typed: str) -> None:
    found(desk, typed)


def test_each_place_of_a_complaint_is_found_and_told(desk: Desk) -> None:
    number = desk.registered(
        subject="Seal", content="alphaword", demand="betaword", product="Gammapump", batch="D77", order_no="E88"
    )
    desk.write(number, "first_review", "mkt_sup", details="epsilonword")
    with desk.act() as session:
        complaint = desk.find(session, number)
        notes.add(session, complaint, "zetaword", by=desk["qe"], at=desk.at, context=CONTEXT)
        session.execute(update(Customer).values(name="Thetaworks"))
    for typed in (
        "alphaword", "betaword", "gammapump", "D77", "E88", "epsilonword", "zetaword", "thetaworks",
        "customer:theta", "客户：theta", "product:gamma", "lot:d77", "批号:D77", "order:e88", "number:" + number,
        "open seal", "未结 seal", "seal from:2020-01-01",
    ):  # fmt: skip
        assert found(desk, typed) == [number], typed
    for typed in ("lot:e88", "customer:gamma", "closed seal", "seal to:2020-01-01", "seal owner:nobody"):
        assert found(desk, typed) == [], typed
    with desk.make() as session:
        (hit,) = search.find(
            session, desk["qe"], parse("zetaword"), "zetaword", before=None, now=desk.at, zone=CONTEXT.zone
        ).hits
    assert [(each.where, each.pieces[1]) for each in hit.snippets] == [("Note", "zetaword")]


def test_a_letter_is_found_and_leads_to_another_complaint_when_it_is_moved(desk: Desk) -> None:
    one, two = desk.draft(subject="One"), desk.draft(subject="Two")
    with desk.act() as session:
        letter = a_letter(session, text="lettersays", complaint_id=desk.find(session, one).id)
        session.flush()
        letter_id = letter.id
    assert found(desk, "lettersays") == [one]
    with desk.act() as session:
        other = desk.find(session, two).id
        session.execute(text("UPDATE letter SET complaint_id = :c WHERE id = :l"), {"c": other, "l": letter_id})
    assert found(desk, "lettersays") == [two]


def test_an_unknown_filter_is_a_word_with_a_hint_and_a_name_is_guessed(desk: Desk) -> None:
    query = parse("colour:red")
    assert [each.message for each in query.hints] != []
    assert query.terms
    desk.draft(subject="x", customer_id=1)
    with desk.make() as session:
        name = session.scalars(select(Customer.name)).one()
        assert search.meant(session, desk["qe"], parse("Quelstrom")) == [name]
        assert search.meant(session, desk["staff"], parse("Quelstrom")) == []


@pytest.mark.requirement("S08")
def test_what_is_no_complaint_is_found_with_its_decision_person_reason_and_time(desk: Desk) -> None:
    number = desk.draft(subject="Please send a catalogue")
    with desk.act() as session:
        complaint = desk.find(session, number)
        off_board.take(
            session, complaint, off_board.NOT_COMPLAINT, reason="asks for a catalogue", by=desk["clerk"], at=desk.at,
            seen_version=complaint.version, context=CONTEXT, kind="none",
        )  # fmt: skip
    assert found(desk, "catalogue") == [number]
    with desk.make() as session:
        (hit,) = search.find(
            session, desk["qe"], parse("catalogue"), "catalogue", before=None, now=desk.at, zone=CONTEXT.zone
        ).hits
    assert hit.left is not None
    assert (hit.left.reason, hit.left.by, hit.left.at) == ("asks for a catalogue", "clerk", desk.at)


def test_nobody_finds_what_is_not_theirs_to_see(desk: Desk, said: dict[str, str]) -> None:
    mine = next(number for number, key in said.items() if key == "leak")
    with desk.act() as session:
        desk.find(session, mine).owner_id = desk["staff"].id
    assert found(desk, "seal", "staff") == [mine]
    for typed in ("cracked", "漏油", "漏", "4500-77123", "to:2030-01-01 crack", *[n for n in said if n != mine]):
        assert found(desk, typed, "staff") == [], typed


def test_what_changed_while_nothing_ran_is_found_afterwards(desk: Desk) -> None:
    number = desk.draft(subject="before")
    with desk.make() as session:  # stopped in between: nothing of this is committed
        search_index.write(session, [desk.find(session, number).id])
        session.execute(delete(Todo))
        session.rollback()
    with desk.act() as session:
        desk.find(session, number).subject = "afterwards"
    assert found(desk, "afterwards") == [number]
    assert found(desk, "before") == []
    with desk.make() as session:
        assert search_index.missing(session) == (0, 0)


@pytest.mark.parametrize("word", ["ß" * 60, "漏" * 60, "é-" * 30, "\U00020000" * 60, "x1 "])
def test_however_much_is_written_nobody_else_waits_for_it(desk: Desk, word: str) -> None:
    with desk.act() as session:
        much = a_complaint(session, subject="Seal")
        for at in range(40):
            text_ = "".join(f"{word}{at}x{n} " for n in range(400))
            session.add(Note(complaint_id=much.id, author_id=desk["qe"].id, at=desk.at, text=text_, mentioned=[]))
    small = desk.draft(subject="Flange")
    assert found(desk, "flange") == [small]
    assert found(desk, "seal") == [much.number]


def test_a_lost_index_is_made_anew(desk: Desk, said: dict[str, str]) -> None:
    assert found(desk, "漏油")
    with desk.act() as session:
        session.execute(text("DELETE FROM search_entry"))
    assert found(desk, "漏油") == []
    with desk.make() as session:
        assert search_index.missing(session)[0] == len(said)
    assert [*search_index.rebuild(desk.make)] == [len(said)]
    assert found(desk, "漏油")


def test_pages_go_on_where_the_last_one_ended(desk: Desk) -> None:
    with desk.act() as session:
        numbers = [a_complaint(session, subject="漏油").number for _ in range(search.A_PAGE + 5)]
    first = found(desk, "漏油")
    with desk.make() as session:
        last = desk.find(session, first[-1]).id
    assert [*first, *found(desk, "漏油", before=last)] == numbers[::-1]


def test_two_characters_are_found_by_the_index(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        for at in range(300):
            a_complaint(session, subject="漏油" if at == 7 else f"Paint {at}", at=MONDAY)
    search_index.catch_up(make, MONDAY, CONTEXT)
    with make() as session:
        asked = search.statement(session, SYSTEM, parse("漏油").terms).limit(21)
        compiled = asked.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        if rows.dialect(session) == "sqlite":
            plan = [each[3] for each in session.execute(text(f"EXPLAIN QUERY PLAN {compiled}"))]
            assert any("search_entry VIRTUAL TABLE INDEX" in line for line in plan)
            assert not any(line.startswith("SCAN complaint") for line in plan)
            return
        many = "SELECT 1000 + g, array_to_tsvector(ARRAY['paint', g::text]) FROM generate_series(1, 5000) AS g"
        session.execute(text(f"INSERT INTO search_entry (complaint_id, words) {many}"))
        session.execute(text("ANALYZE search_entry"))
        session.execute(text("ANALYZE complaint"))
        session.execute(text("SET LOCAL enable_seqscan = off"))  # rows as small as these are as quickly read through
        sql = str(compiled).replace("%%", "%")
        plan_of: Any = (
            session.connection().exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}".replace("%", "%%")).scalar_one()
        )
        told = json.dumps(plan_of)
        assert "ix_search_entry_words" in told
        assert "Seq Scan" not in told
