"""Which procedures a company uses: what is on the shelf is offered no more, and stays for what follows it."""

from collections.abc import Iterable

import pytest

from complaints import off_board, procedure, procedure_store, procedure_use
from complaints.database import transaction
from complaints.errors import NotFound
from complaints.mailboxes import Mailbox
from complaints.procedure import offered, usual
from complaints.procedure_use import LastOne, StillFollowed, StillLedTo
from tests.desk import CONTEXT, Desk


def choose(desk: Desk, *, use: Iterable[str] = (), shelve: Iterable[str] = ()) -> None:
    with transaction(desk.make) as session:
        procedure_use.choose(session, use=use, shelve=shelve, by=desk["admin"], at=desk.at)
    with desk.make() as session:
        procedure_store.load_known(session)


def keys() -> set[str]:
    return {rules.key for rules in offered()}


def test_a_procedure_on_the_shelf_is_offered_no_more_until_it_is_taken_into_use(desk: Desk) -> None:
    everything = keys()
    choose(desk, shelve=["postal"])
    assert keys() == everything - {"postal"}
    assert procedure.procedure("postal").key == "postal"
    choose(desk, use=["postal"])
    assert keys() == everything


def test_what_open_complaints_follow_or_a_mailbox_leads_to_stays_in_use(desk: Desk) -> None:
    number = desk.draft(procedure_key="medical")
    with pytest.raises(StillFollowed) as refused:
        choose(desk, shelve=["medical"])
    assert refused.value.values["open"] == 1
    with desk.act() as session:
        found = desk.find(session, number)
        off_board.take(
            session, found, "not_complaint", reason="Asked only", by=desk["clerk"], at=desk.at, context=CONTEXT,
            seen_version=found.version,
        )  # fmt: skip
        session.add(Mailbox(name="a@b:993/INBOX", procedure="medical"))
    with pytest.raises(StillLedTo):
        choose(desk, shelve=["medical"])


def test_one_procedure_is_always_in_use_and_the_usual_one_is_the_first(desk: Desk) -> None:
    assert usual().key == "manufacturing"
    with transaction(desk.make) as session:
        procedure_use.use_only(session, ["postal"], by=desk["admin"], at=desk.at)
    with desk.make() as session:
        procedure_store.load_known(session)
    assert (keys(), usual().key) == ({"postal"}, "postal")
    with pytest.raises(LastOne):
        choose(desk, shelve=["postal"])
    choose(desk, use=["cement"], shelve=["postal"])
    assert keys() == {"cement"}


def test_what_one_choice_asks_for_happens_as_a_whole_or_not_at_all(desk: Desk) -> None:
    before = keys()
    desk.draft(procedure_key="medical")
    with pytest.raises(StillFollowed):
        choose(desk, shelve=["postal", "cement", "medical"])
    with pytest.raises(NotFound):
        choose(desk, shelve=["postal"], use=["nothing"])
    with desk.make() as session:
        procedure_store.load_known(session)
        assert set(procedure_use.held(session, before)) == {"medical"}
    assert keys() == before
