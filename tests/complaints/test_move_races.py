"""Many at one complaint in the same instant: one wins, nobody loses a word, nobody meets an error without a name."""

import os

from sqlalchemy import func, select

from complaints import records, signatures, signing, workflow, writing
from complaints.case import load
from complaints.database import transaction
from complaints.errors import MoveRefused, SignatureRefused, StaleComplaint
from complaints.history import Change
from complaints.people import Actor
from complaints.workflow import Moved
from tests.builders import a_person, at_once
from tests.desk import CONTEXT, Desk

ROUNDS = 500 if os.environ.get("REDRESS_SOAK") else 2
PEOPLE = 50
WISHES = ("customer_reply", "implementation", "action_plan", "closed", "draft")
"""Three columns that would take the card, and two that would not."""


def test_of_fifty_people_who_drag_one_card_to_different_columns_one_wins(desk: Desk) -> None:
    with transaction(desk.make) as session:
        people = [a_person(session, "qe", "clerk") for _ in range(PEOPLE)]
    for _ in range(ROUNDS):
        number = desk.to_verification()
        desk.write(number, "verification", "qe")
        desk.sign(number, "verified", "qe")
        with desk.make() as session:
            seen = desk.find(session, number).version
        before = moves(desk, number)

        def drag(by: Actor, stage: str, number: str = number, seen: int = seen) -> Moved:
            with transaction(desk.make) as session:
                return workflow.move(
                    session, desk.find(session, number), stage, by=by, at=desk.at, seen_version=seen, context=CONTEXT,
                    answers={"reason": "dragged"},
                )  # fmt: skip

        wishes = [(by, WISHES[position % len(WISHES)]) for position, by in enumerate(people)]
        results = at_once(*(lambda by=by, stage=stage: drag(by, stage) for by, stage in wishes))
        assert {type(each) for each in results} <= {Moved, StaleComplaint, MoveRefused}, results
        (winner,) = [wish for wish, each in zip(wishes, results, strict=True) if isinstance(each, Moved)]
        assert desk.stage(number) == winner[1]
        assert moves(desk, number) == [*before, (winner[0].id, "verification", winner[1])]


def moves(desk: Desk, number: str) -> list[tuple[int | None, str, str]]:
    """Who moved it from where to where, in the order of the history."""
    with desk.make() as session:
        changes = select(Change).where(Change.complaint_id == desk.find(session, number).id, Change.act == "moved")
        rows = session.scalars(changes.order_by(Change.id))
        return [(row.by_id, row.values["before"], row.values["after"]) for row in rows]


def test_of_two_who_sign_the_same_at_once_one_has_signed(desk: Desk) -> None:
    with transaction(desk.make) as session:
        people = [a_person(session, "qe"), a_person(session, "qe")]
    number = desk.to_action_plan()
    desk.plan(number)
    rule = desk.case(number).rules.signature("plan_review")
    assert rule is not None
    seen = desk.case(number).content(rule)

    def sign(by: Actor) -> int:
        with transaction(desk.make) as session:
            return signing.sign(
                session, desk.find(session, number), "plan_review", decision="approved", remark="", by=by, at=desk.at,
                context=CONTEXT, seen=seen,
            ).id  # fmt: skip

    results = at_once(*(lambda by=by: sign(by) for by in people))
    assert {type(each) for each in results} == {int, SignatureRefused}
    with desk.make() as session:
        every = signatures.of(session, desk.find(session, number), every=True)
    assert [each.key for each in every].count("plan_review") == 1


def test_rows_that_are_added_at_once_are_all_kept(desk: Desk) -> None:
    number = desk.to_action_plan()
    owner = str(desk["dept"].id)

    def add(by: Actor, what: str) -> None:
        form = {"what": [what], "owner": [owner], "due": ["2026-11-20"]}
        with transaction(desk.make) as session:
            writing.write(session, desk.find(session, number), "plan", form, by=by, at=desk.at, context=CONTEXT)

    people = [desk["dept_head"], desk["dept"], desk["qe"]]
    results = at_once(*(lambda by=by: add(by, by.name) for by in people))
    assert results == [None] * 3
    rows = desk.case(number).rows["plan"]
    assert [row.place for row in rows] == [1, 2, 3]
    assert {row.values["what"] for row in rows} == {by.name for by in people}


def test_two_who_write_different_fields_at_once_are_both_kept(desk: Desk) -> None:
    number = desk.to_implementation()
    forms = {"dept": {"correction": ["Reworked"]}, "dept_head": {"correction_on": ["2026-11-16"]}}

    def write(role: str) -> None:
        with transaction(desk.make) as session:
            writing.write(
                session, desk.find(session, number), "implementation", forms[role], by=desk[role], at=desk.at,
                context=CONTEXT,
            )  # fmt: skip

    assert at_once(*(lambda role=role: write(role) for role in forms)) == [None, None]
    assert desk.case(number).records["implementation"].values == {
        "correction": "Reworked",
        "correction_on": "2026-11-16",
    }


def test_a_signature_and_a_change_of_what_it_covers_never_stand_side_by_side(desk: Desk) -> None:
    number = desk.to_action_plan()
    desk.plan(number)
    with desk.make() as session:
        case = load(session, desk.find(session, number))
        rule = case.rules.signature("plan_review")
        assert rule is not None
        seen = case.content(rule)

    def sign() -> None:
        with transaction(desk.make) as session:
            signing.sign(
                session, desk.find(session, number), "plan_review", decision="approved", remark="", by=desk["qe"],
                at=desk.at, context=CONTEXT, seen=seen,
            )  # fmt: skip

    def change() -> None:
        with transaction(desk.make) as session:
            writing.write(
                session, desk.find(session, number), "cause", {"text": ["Something else"]}, by=desk["dept_head"],
                at=desk.at, context=CONTEXT, seen=1,
            )  # fmt: skip

    at_once(sign, change)
    after = desk.case(number)
    assert after.value("cause.text") == "Something else"
    assert "plan_review" not in after.signatures
    with desk.make() as session:
        found = records.of(session, desk.find(session, number))
        assert session.scalar(select(func.count()).select_from(Change).where(Change.act == "moved")) == 3
    assert len([row for row in found if row.sheet == "cause"]) == 1
