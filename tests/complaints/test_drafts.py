"""Drafts: what was typed and not sent is its writer's, until it is sent."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session, sessionmaker

from complaints import drafts
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.drafts import LARGEST, StaleDraft, TooLongToKeep
from complaints.errors import BadInput
from complaints.history import Change
from complaints.people import Actor
from tests.builders import MONDAY, a_complaint, a_person

SOON = MONDAY + timedelta(minutes=5)
WORDS = {"text": ["Dear Ines"], "to": ["a@b.example", "c@d.example"]}


@pytest.fixture
def mara(make: sessionmaker[Session]) -> Actor:
    with transaction(make) as session:
        a_complaint(session)
        return a_person(session, "clerk")


def save(
    make: sessionmaker[Session], by: Actor, fields: drafts.Fields = WORDS, seen: int = 0, form: str = "reply"
) -> int:
    with transaction(make) as session:
        complaint = session.get_one(Complaint, 1)
        return drafts.save(session, complaint, form, fields, seen=seen, by=by, at=SOON).version


def kept(make: sessionmaker[Session], by: Actor) -> dict[str, dict[str, list[str]]]:
    with make() as session:
        return {
            form: draft.fields
            for form, draft in drafts.of(session, session.get_one(Complaint, 1), by, ("reply", "note:")).items()
        }


def send(make: sessionmaker[Session], by: Actor, form: str = "reply") -> None:
    with transaction(make) as session:
        drafts.done(session, session.get_one(Complaint, 1), form, by=by, at=SOON)


def test_what_was_typed_is_kept_for_each_form_and_leaves_no_history(make: sessionmaker[Session], mara: Actor) -> None:
    assert save(make, mara) == 1
    assert save(make, mara, {"note": ["call her"]}, form="note:7") == 1
    assert save(make, mara, {"text": ["Dear Ines, thank you"]}, seen=1) == 2
    assert kept(make, mara) == {"reply": {"text": ["Dear Ines, thank you"]}, "note:7": {"note": ["call her"]}}
    with make() as session:
        assert [change.act for change in session.query(Change)] == ["drafted"]


def test_nobody_else_has_it(make: sessionmaker[Session], mara: Actor) -> None:
    save(make, mara)
    with transaction(make) as session:
        other = a_person(session, "clerk")
    assert kept(make, other) == {}
    assert save(make, other, {"text": ["mine"]}) == 1
    assert kept(make, mara)["reply"] == WORDS


def test_the_later_of_two_windows_does_not_overwrite_the_other(make: sessionmaker[Session], mara: Actor) -> None:
    save(make, mara)
    with pytest.raises(StaleDraft) as stale:
        save(make, mara, {"text": ["from another window"]})
    assert stale.value.newest.fields == WORDS
    assert kept(make, mara)["reply"] == WORDS
    assert save(make, mara, WORDS) == 1  # the same words are no conflict
    assert save(make, mara, {"text": ["from another window"]}, seen=1) == 2


def test_sent_it_is_blank_and_a_save_under_way_comes_too_late(make: sessionmaker[Session], mara: Actor) -> None:
    send(make, mara)  # sent before anything was kept
    with pytest.raises(StaleDraft):
        save(make, mara)
    assert kept(make, mara) == {"reply": {}}
    assert save(make, mara, seen=1) == 2
    send(make, mara)
    assert kept(make, mara) == {"reply": {}}


def test_it_may_not_be_endless_and_its_form_has_a_plain_name(make: sessionmaker[Session], mara: Actor) -> None:
    with pytest.raises(TooLongToKeep):
        save(make, mara, {"text": ["x" * LARGEST]})
    for form in ("", "Reply", "a b", "record:x:1:2", "reply\n"):
        with pytest.raises(BadInput):
            save(make, mara, form=form)
    assert kept(make, mara) == {}
