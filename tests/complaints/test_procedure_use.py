"""Which procedures a company uses: what is on the shelf is offered no more, and stays for what follows it."""

import pytest

from complaints import off_board, procedure, procedure_store, procedure_use
from complaints.database import transaction
from complaints.mailboxes import Mailbox
from complaints.procedure import offered, usual
from complaints.procedure_use import LastOne, StillFollowed, StillLedTo
from tests.desk import CONTEXT, Desk


def turn(desk: Desk, key: str, *, used: bool) -> None:
    with transaction(desk.make) as session:
        procedure_use.turn(session, key, used=used, by=desk["admin"], at=desk.at)
    with desk.make() as session:
        procedure_store.load_known(session)


def keys() -> set[str]:
    return {rules.key for rules in offered()}


def test_a_procedure_on_the_shelf_is_offered_no_more_until_it_is_taken_into_use(desk: Desk) -> None:
    everything = keys()
    turn(desk, "postal", used=False)
    assert keys() == everything - {"postal"}
    assert procedure.procedure("postal").key == "postal"
    turn(desk, "postal", used=True)
    assert keys() == everything


def test_what_open_complaints_follow_or_a_mailbox_leads_to_stays_in_use(desk: Desk) -> None:
    number = desk.draft(procedure_key="medical")
    with pytest.raises(StillFollowed) as refused:
        turn(desk, "medical", used=False)
    assert refused.value.values["open"] == 1
    with desk.act() as session:
        found = desk.find(session, number)
        off_board.take(
            session, found, "not_complaint", reason="Asked only", by=desk["clerk"], at=desk.at, context=CONTEXT,
            seen_version=found.version,
        )  # fmt: skip
        session.add(Mailbox(name="a@b:993/INBOX", procedure="medical"))
    with pytest.raises(StillLedTo):
        turn(desk, "medical", used=False)


def test_one_procedure_is_always_in_use_and_the_usual_one_is_the_first(desk: Desk) -> None:
    assert usual().key == "manufacturing"
    with transaction(desk.make) as session:
        procedure_use.use_only(session, ["postal"], by=desk["admin"], at=desk.at)
    with desk.make() as session:
        procedure_store.load_known(session)
    assert (keys(), usual().key) == ({"postal"}, "postal")
    with pytest.raises(LastOne):
        turn(desk, "postal", used=False)
