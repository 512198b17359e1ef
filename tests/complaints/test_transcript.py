"""The transcript of a complaint: everything in exactly one stretch, however it is cut."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session, sessionmaker

from complaints import history, notes, outbox, transcript
from complaints.calendar import mainland_china
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.database import transaction
from complaints.history import Change
from complaints.letters import Letter
from complaints.notes import Note
from complaints.outbox import Outgoing
from complaints.people import Actor
from complaints.transcript import STRETCH, LetterRead, MailRead, NoteRead, Place, Stretch
from tests.builders import MONDAY, a_letter, a_mailed_complaint, a_person

CONTEXT = Context(mainland_china(), "x" * 32, "mill.example")


def a_mail(session: Session, complaint: Complaint, n: int) -> None:
    outbox.owe(
        session, purpose=f"test:{complaint.id}:{n}", kind="acknowledgement", recipient="i@q.example", locale="en",
        at=MONDAY + timedelta(minutes=n), due_at=MONDAY, secret="x" * 32, domain="mill.example",
        complaint_id=complaint.id, values={},
    )  # fmt: skip


def a_note(session: Session, complaint: Complaint, by: Actor, n: int) -> Note:
    noted = notes.add(session, complaint, f"Note {n}", by=by, at=MONDAY + timedelta(minutes=n), context=CONTEXT)
    assert noted
    return noted.note


@pytest.fixture
def long(make: sessionmaker[Session]) -> int:
    """A complaint about which much was said, in the order of nothing in particular."""
    with transaction(make) as session:
        by = a_person(session, "qe")
        complaint = a_mailed_complaint(session)
        for n in range(120):
            at = MONDAY + timedelta(minutes=(n * 37) % 120)
            if n % 4 == 0:
                a_letter(session, complaint, message_id=f"{n}@q.example", received_at=at)
            elif n % 4 == 1:
                a_note(session, complaint, by, n)
            elif n % 4 == 2:
                a_mail(session, complaint, n)
            else:
                history.note(session, complaint.id, "file_added", by=by, at=at, name=str(n))
        return complaint.id


def ids_of(stretch: Stretch) -> list[tuple[str, int]]:
    names = {LetterRead: "letter", NoteRead: "note", MailRead: "mail", Change: "change"}
    return [(names[type(each.thing)], each.id) for each in stretch.events]


def whole(session: Session, id_: int) -> list[Stretch]:
    """All stretches, the newest first."""
    found = [transcript.read(session, [id_])]
    while found[-1].older:
        found.append(transcript.read(session, [id_], found[-1].older))
    return found


def test_everything_stands_in_exactly_one_stretch(make: sessionmaker[Session], long: int) -> None:
    with make() as session:
        stretches = whole(session, long)
        met = [each for stretch in stretches for each in ids_of(stretch)]
        assert len(met) == len(set(met))
        assert {kind for kind, _ in met} == {"letter", "note", "mail", "change"}
        for kind, table in {"letter": Letter, "mail": Outgoing, "note": Note}.items():
            rows = session.scalars(select(table.id).where(table.complaint_id == long)).all()
            assert len([each for each in met if each[0] == kind]) == len(rows)
        kept = select(Change.position).where(Change.complaint_id == long, Change.act != notes.NOTED)
        assert {id_ for kind, id_ in met if kind == "change"} == {*session.scalars(kept)}
        assert all(STRETCH <= len(each.events) <= STRETCH + transcript.SLACK for each in stretches[:-1])


def test_what_was_said_is_read_by_its_time_from_stretch_to_stretch(make: sessionmaker[Session], long: int) -> None:
    with make() as session:
        said = [e.at for s in whole(session, long)[::-1] for e in s.events if not isinstance(e.thing, Change)]
        assert said == sorted(said)


def test_a_stretch_costs_the_same_queries_and_rows_however_long_it_went_on(
    make: sessionmaker[Session], long: int
) -> None:
    with make() as session:
        asked: list[str] = []
        event.listen(session.get_bind(), "before_cursor_execute", lambda *said: asked.append(said[2]))
        transcript.read(session, [long])
        assert len(asked) == 2
        assert all("LIMIT" in each for each in asked)


def test_what_came_in_since_is_told_once(make: sessionmaker[Session], long: int) -> None:
    with transaction(make) as session:
        end = transcript.read(session, [long]).end
        assert transcript.since(session, [long], end).events == []
        complaint = session.get_one(Complaint, long)
        early = a_letter(session, complaint, message_id="late@q.example", received_at=MONDAY - timedelta(days=3))
        a_mail(session, complaint, 999)
        found = transcript.since(session, [long], end)
        assert [kind for kind, _ in ids_of(found)] == ["letter", "mail"]  # though the letter is older than all
        assert isinstance(found.events[0].thing, LetterRead)
        assert found.events[0].thing.letter.id == early.id
        assert transcript.since(session, [long], found.end).events == []


def test_a_stretch_that_ends_with_a_letter_is_found(make: sessionmaker[Session], long: int) -> None:
    with make() as session:
        first = session.scalars(select(Letter).where(Letter.complaint_id == long).order_by(Letter.received_at)).first()
        assert first
        place = transcript.up_to(session, [long], first.id)
        assert place
        shown = transcript.read(session, [long], place)
        said = [each.thing for each in shown.events if isinstance(each.thing, LetterRead)]
        assert said[-1].letter.id == first.id
        assert transcript.up_to(session, [long], 999_999) is None


def test_a_correction_names_what_it_corrects_and_the_other_way_round(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        by = a_person(session, "qe")
        complaint = a_mailed_complaint(session)
        wrong = a_note(session, complaint, by, 1)
        for n in (2, 3):
            notes.add(
                session, complaint, f"Right {n}", by=by, at=MONDAY + timedelta(minutes=n), context=CONTEXT,
                corrects=wrong.id,
            )  # fmt: skip
        read = transcript.read(session, [complaint.id])
        found = [each.thing for each in read.events if isinstance(each.thing, NoteRead)]
        assert [each.note.text for each in found] == ["Note 1", "Right 2", "Right 3"]
        assert found[0].corrected_by is found[2].note
        assert found[2].corrects_at == wrong.at


@pytest.mark.parametrize("text", ["", "1", "1-x", "1-2-3", "-1-2", "1-" + "9" * 40, "1-99999999999", "١-٢"])
def test_what_is_no_place_is_none(text: str) -> None:
    assert Place.read(text) is None


def test_a_place_is_written_and_read() -> None:
    assert Place.read(str(Place(3, 0))) == (3, 0)
