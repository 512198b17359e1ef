"""Similar complaints: found by what they share, however it was typed, and at a flat cost."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from complaints import rows, similar, terms
from complaints.complaint import Complaint
from complaints.customers import met
from complaints.people import SYSTEM
from complaints.terms import Term
from tests.builders import a_complaint
from tests.complaints.test_worklist import statements
from tests.desk import Desk

LEAK = {"subject": "Oil weeping at the face seal", "content": "Fourteen joints failed the pressure test at 40 bar"}
OTHER = {"subject": "Invoice sent twice", "content": "Your accounting mailed both copies"}


def reasons(desk: Desk, number: str, role: str = "qe") -> dict[str, list[str]]:
    """The similar complaints of one, in their order, each with why."""
    with desk.make() as session:
        found = similar.to(session, desk.find(session, number), desk[role])
        return {each.number: [reason.in_(str, "en") for reason in each.reasons] for each in found}


def kept(session: Session, complaint: Complaint) -> set[int]:
    return set(session.scalars(select(Term.term).where(Term.complaint_id == complaint.id)))


def test_the_same_lot_comes_first_however_it_was_typed(desk: Desk) -> None:
    lot = desk.registered(**OTHER, batch="l2608 – 114, L2608-115", customer_id=1)
    words = desk.registered(**LEAK)
    here = desk.registered(**LEAK, batch="Ｌ２６０８-１１４")
    found = reasons(desk, here)
    assert list(found) == [lot, words]
    assert found[lot] == ["same lot L2608-114", "same customer"]
    assert found[words][-1].startswith("words: ")


def test_order_and_material_are_named_and_a_lot_that_only_the_letter_names_is_found(desk: Desk) -> None:
    first = desk.registered(**OTHER, order_no="4500-77123", material_no="1030-518", batch="L2608-114")
    second = desk.registered(subject="Short", content="late", order_no=" 4500-77123", material_no="1030-518")
    assert reasons(desk, second)[first][:2] == ["same order 4500-77123", "same material 1030-518"]
    draft = desk.draft(subject="Again", content="Parts of L2608-114 leak", customer_id=None)
    assert reasons(desk, draft)[first] == ["both name L2608-114"]


def test_chinese_words_are_found_without_spaces_and_shown_whole(desk: Desk) -> None:
    first = desk.registered(subject="支撑支架盐雾试验出现红锈", content="季度抽检中发现", customer_id=1)
    second = desk.registered(subject="贵司的支架又出现红锈了", content="盐雾试验不合格", customer_id=1)
    desk.registered(subject="发票金额有误", content="请重新开具", customer_id=1)
    (found,) = [each for each in reasons(desk, second).items() if each[0] == first]
    assert found[1][0] == "same customer"
    assert "出现红锈" in found[1][1]
    assert "盐雾试验" in found[1][1]


def test_words_that_every_letter_has_make_nothing_alike(desk: Desk) -> None:
    with desk.act() as session:
        for text in ("Dear all, please answer today. Kind regards", "Dear all, please reply. Thank you, kind regards"):
            a_complaint(session, subject="Complaint", content=text)
    with desk.make() as session:
        (first, _) = session.scalars(select(Complaint).order_by(Complaint.id))
        assert similar.to(session, first, SYSTEM) == []


def test_the_same_customer_with_the_same_product_is_similar_without_a_common_word(desk: Desk) -> None:
    first = desk.registered(**OTHER, product="HX-210")
    second = desk.registered(subject="Paint", content="runs", product="HX-210")
    assert reasons(desk, second) == {first: ["same customer and product"]}


def test_nobody_finds_what_is_not_theirs_to_see(desk: Desk) -> None:
    desk.registered(**LEAK)
    mine = desk.draft(**LEAK)
    with desk.act() as session:
        desk.find(session, mine).owner_id = desk["staff"].id
    assert len(reasons(desk, mine)) == 1
    assert reasons(desk, mine, "staff") == {}


def test_a_corrected_entry_is_found_by_what_it_says_now(desk: Desk) -> None:
    first, second = desk.registered(**OTHER, batch="L2608-114"), desk.registered(**LEAK, batch="L2608-999")
    assert first not in reasons(desk, second) or "lot" not in str(reasons(desk, second)[first])
    desk.correct(first, "clerk", batch="L2608-999")
    assert reasons(desk, second)[first][0] == "same lot L2608-999"
    with desk.make() as session:
        complaint = desk.find(session, first)
        assert kept(session, complaint) == set(terms.of(terms.texts_of(complaint)))


def test_the_index_is_made_anew_as_it_was(desk: Desk) -> None:
    desk.registered(**LEAK), desk.draft(**OTHER)
    with desk.act() as session:
        before = {tuple(row) for row in session.execute(select(Term.term, Term.complaint_id))}
        session.execute(delete(Term))
        assert list(terms.rebuild(session)) == [2]
    with desk.make() as session:
        assert {tuple(row) for row in session.execute(select(Term.term, Term.complaint_id))} == before


def test_mails_taken_in_together_write_their_terms_at_once(desk: Desk) -> None:
    with desk.act() as session:
        written = statements(session, lambda: _three_mails(session))
    assert sum("INTO complaint_term" in statement for statement, _ in written) == 1


def _three_mails(session: Session) -> None:
    with rows.together(session):
        for _ in range(3):
            a_complaint(session, **LEAK)


def test_what_is_alike_costs_two_queries_and_each_part_of_them_is_read_by_an_index(desk: Desk) -> None:
    for _ in range(15):
        desk.registered(**LEAK, product="HX-210", batch="L2608-114")
    with desk.make() as session:
        complaint = session.scalars(select(Complaint).order_by(Complaint.id.desc()).limit(1)).one()
        complaint.contact_id = met(session, address="ines@quellstrom.example", name="Ines", locale="en", at=desk.at)[0]
        session.flush()
        assert len(similar.to(session, complaint, desk["qe"])) == similar.MOST
        asked = statements(session, lambda: similar.to(session, complaint, desk["qe"]))
        assert len(asked) == 2
        if session.get_bind().dialect.name == "sqlite":
            for statement, parameters in asked:
                plan = session.connection().exec_driver_sql("explain query plan " + statement, parameters)
                steps = [row[3] for row in plan]
                assert any("SEARCH complaint" in step for step in steps)
                assert not [step for step in steps if "SCAN complaint" in step or "TEMP B-TREE" in step], steps


def test_odd_texts_have_terms_too() -> None:
    for text in ("", "\0\n", "😀" * 50, "a" * 100_000, "-" * 100, "１２３４５", "é" * 9, "１" * 100_000):
        assert len(terms.of(dict.fromkeys(terms.FIELDS, text))) <= terms.MOST + len(terms.CODES)
