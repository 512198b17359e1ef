"""Notes among colleagues, who is told of them, and who watches a complaint."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from complaints import complaint as complaints
from complaints import history, notes, notices, off_board, procedure, watching, workflow
from complaints.complaint import Complaint, Involvement
from complaints.conversation import Entry
from complaints.database import transaction
from complaints.errors import NotFound
from complaints.notes import LONGEST, Note, Noted, NotNoted, named
from complaints.outbox import Outgoing
from complaints.people import SYSTEM, Actor, User
from tests.builders import a_complaint, at_once
from tests.desk import CONTEXT, Desk, english

Write = Callable[..., Noted | None]


@pytest.fixture
def desk(make: sessionmaker[Session]) -> Desk:
    """People of every role, some of them under their full names."""
    desk = Desk(make)
    names = {"qe": "Mara Linden", "gm": "陈予安", "dept": "陈予", "clerk": "Ann Cole"}
    with transaction(make) as session:
        for role, name in names.items():
            session.get_one(User, desk[role].id).name = name
            desk.people[role] = replace(desk[role], name=name)
    return desk


@pytest.fixture
def confidential(monkeypatch: pytest.MonkeyPatch) -> None:
    """The complaints of the manufacturing procedure are seen only by those they name."""
    rules = replace(procedure.procedure(), confidential=True)
    monkeypatch.setattr(procedure, "_known", {**procedure._known, (rules.key, rules.version): rules})


def note(desk: Desk, number: str, text: str, role: str = "sales", **more: Any) -> Noted | None:
    with desk.act() as session:
        by = desk[role]
        return notes.add(session, desk.find(session, number), text, by=by, at=desk.at, context=CONTEXT, **more)


def problem(desk: Desk, number: str, text: str, **more: Any) -> str:
    with pytest.raises(NotNoted) as refused:
        note(desk, number, text, **more)
    (told,) = refused.value.problems
    assert told.field == "note"
    return english(told.sentence)


def watch(desk: Desk, number: str, role: str) -> None:
    with desk.act() as session:
        watching.watch(session, desk.find(session, number), by=desk[role], at=desk.at)


def heard(desk: Desk, role: str) -> list[str]:
    """What somebody was told by the bell, the newest first."""
    with desk.make() as session:
        return [english(each.sentence) for each in notices.listed(session, desk[role])]


def mailed(desk: Desk, role: str) -> list[str]:
    """What the mails say that somebody is owed."""
    with desk.make() as session:
        address = session.scalars(select(User.email).where(User.id == desk[role].id)).one()
        owed = session.scalars(select(Outgoing).where(Outgoing.recipient == address, Outgoing.state == "pending"))
        return [mail.values["what"] % mail.values["told"] for mail in owed]


def sees(desk: Desk, number: str, role: str) -> bool:
    with desk.make() as session:
        try:
            return bool(complaints.find(session, number, desk[role]))
        except NotFound:
            return False


# Taking down


def test_a_note_is_kept_with_writer_and_time_in_the_conversation_and_in_the_history(desk: Desk) -> None:
    number = desk.draft()
    made = note(desk, number, " first\r\nsecond\x00 \x07line ")
    assert made is not None
    with desk.make() as session:
        (kept,) = session.scalars(select(Note))
        assert (kept.text, kept.author_id, kept.at) == ("first\nsecond line", desk["sales"].id, desk.at)
        (entry,) = session.scalars(select(Entry))
        assert (entry.kind, entry.note_id, entry.at) == ("note", kept.id, desk.at)
        assert session.scalars(select(history.Change.act)).all()[-1] == "noted"
        assert history.verify(session).broken is None


def test_a_note_is_refused_when_it_is_empty_or_too_long(desk: Desk) -> None:
    number = desk.draft()
    assert problem(desk, number, " \x00\n") == "There is nothing in the note yet"
    too_long = problem(desk, number, "字" * (LONGEST + 1))
    assert too_long == "The note may have 8000 characters; this has 8001"
    assert note(desk, number, "字" * LONGEST) is not None


def test_the_same_form_sent_again_is_taken_down_once_even_at_the_same_instant(desk: Desk) -> None:
    number = desk.draft()

    def send() -> Noted | None:
        with transaction(desk.make) as session:
            found = desk.find(session, number)
            return notes.add(
                session, found, "@Mara Linden", by=desk["sales"], at=desk.at, context=CONTEXT, key="a form's key"
            )

    results = at_once(send, send)
    assert sorted(type(result) for result in results if result is not None) == [Noted]
    assert note(desk, number, "@Mara Linden", key="a form's key") is None
    assert mailed(desk, "qe") == ["Sales mentioned you in a note".replace("Sales", desk["sales"].name)]
    with desk.make() as session:
        assert len(session.scalars(select(Note)).all()) == 1


def test_what_others_are_filling_in_is_not_stale_by_a_note(desk: Desk) -> None:
    number = desk.draft()
    with desk.make() as session:
        before = desk.find(session, number).version
    note(desk, number, "please wait")
    with desk.make() as session:
        assert desk.find(session, number).version == before


# Corrections


def test_a_note_is_corrected_by_another_and_both_stay(desk: Desk) -> None:
    number = desk.draft()
    first = note(desk, number, "12 parts, @Mara Linden")
    assert first is not None
    second = note(desk, number, "14 parts, @Mara Linden and @陈予安", corrects=first.note.id)
    assert second is not None
    assert second.told == ["陈予安"]  # the other one was told of the first
    with desk.make() as session:
        texts = session.execute(select(Note.text, Note.corrects_id).order_by(Note.id)).all()
        assert [tuple(row) for row in texts] == [
            ("12 parts, @Mara Linden", None), ("14 parts, @Mara Linden and @陈予安", first.note.id),
        ]  # fmt: skip
    same = problem(desk, number, "12 parts, @Mara Linden", corrects=first.note.id)
    assert same == "The correction says the same as the note"


def test_nobody_corrects_anothers_note_or_one_of_another_complaint(desk: Desk) -> None:
    number, other = desk.draft(), desk.draft()
    first = note(desk, number, "12 parts")
    assert first is not None
    for where, role, which in ((number, "clerk", first.note.id), (other, "sales", first.note.id), (number, "sales", 0)):
        with pytest.raises(NotFound):
            note(desk, where, "14 parts", role, corrects=which)


@pytest.mark.parametrize(
    "change", [update(Note).values(text="else"), update(Note).values(author_id=2), delete(Note)],
    ids=["text", "author", "delete"],
)  # fmt: skip
def test_the_database_lets_nobody_change_a_note(desk: Desk, change: Any) -> None:
    note(desk, desk.draft(), "12 parts")
    with pytest.raises(DBAPIError, match="a note is never changed"), transaction(desk.make) as session:
        session.execute(change)


# Mentions


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("@Mara Linden please", ["Mara Linden"]),
        ("@mara   LINDEN, please", ["Mara Linden"]),
        ("请@Mara Linden确认，再问@陈予安确认", ["Mara Linden", "陈予安"]),
        ("＠陈予安", ["陈予安"]),
        ("@陈予 here", ["陈予"]),
        ("@Mara, please", ["Mara"]),
        ("@Mara Lindenberg", ["Mara"]),
        ("@Marabel or @Mara-Lou", []),
        ("mail a.person@Mara Linden", []),
        ("@Nobody @ @@", []),
        ("@@Mara Linden @Mara Linden", ["Mara Linden"]),
        ("@R. (Bob) O'Neil*", ["R. (Bob) O'Neil*"]),
    ],
)
def test_a_mention_is_the_longest_name_that_fits(text: str, meant: list[str]) -> None:
    people = dict(enumerate(("Mara", "Mara Linden", "陈予", "陈予安", "R. (Bob) O'Neil*"), 1))
    assert [people[id_] for id_ in named(text, people)] == meant


def test_two_of_one_name_are_both_meant_and_many_signs_take_no_time() -> None:
    assert named("@王伟", {1: "王伟", 2: "王伟", 3: "王"}) == [1, 2]
    assert named("@" * 8_000, {n: f"Person Number {n}" for n in range(300)}) == []
    assert named("@anybody", {}) == []
    assert named("@anybody", {1: " "}) == []


@pytest.mark.requirement("S79")
def test_who_is_mentioned_hears_by_bell_and_mail_and_sees_the_complaint(desk: Desk) -> None:
    number = desk.draft()
    assert not sees(desk, number, "gm")
    made = note(desk, number, "请 @陈予安 确认，@Mara Linden too, and @Nobody")
    assert made is not None
    assert sorted(made.told) == sorted(["陈予安", "Mara Linden"])
    said = f"{desk['sales'].name} mentioned you in a note"
    for role in ("gm", "qe"):
        assert (heard(desk, role), mailed(desk, role)) == ([said], [said])
    assert sees(desk, number, "gm")
    assert not sees(desk, number, "dept")  # 陈予 was not meant
    note(desk, number, "@陈予安 again")
    assert heard(desk, "gm") == [said, said]


def test_who_writes_the_note_or_works_here_no_more_is_not_told(desk: Desk) -> None:
    number = desk.draft()
    with transaction(desk.make) as session:
        session.get_one(User, desk["gm"].id).left_at = desk.at
    made = note(desk, number, "@陈予安 and @Mara Linden", "qe")
    assert made is not None
    assert (made.told, made.not_told) == ([], [])
    assert (heard(desk, "gm"), heard(desk, "qe")) == ([], [])


@pytest.mark.usefixtures("confidential")
def test_of_a_confidential_complaint_only_who_may_see_it_already_can_be_told(desk: Desk) -> None:
    number = desk.registered()
    before = desk.case(number).involved
    made = note(desk, number, "@陈予安 @Ann Cole")
    assert made is not None
    assert (made.told, made.not_told) == (["Ann Cole"], ["陈予安"])
    assert desk.case(number).involved == before  # who may see it by a role loses that with the role
    assert not sees(desk, number, "gm")
    assert (heard(desk, "gm"), mailed(desk, "gm")) == ([], [])
    with desk.make() as session:
        found = desk.find(session, number)
        offered = notes.mentionable(session, found, by=desk["sales"], at=desk.at, context=CONTEXT)
    assert "Ann Cole" in offered
    assert not {"陈予安", desk["sales"].name} & {*offered}


def test_no_note_is_ever_in_a_mail_to_anybody(desk: Desk) -> None:
    number = desk.draft()
    note(desk, number, "the tool was worn @Mara Linden")
    with desk.make() as session:
        assert "tool was worn" not in str([mail.values for mail in session.scalars(select(Outgoing))])


# Watching


@pytest.mark.requirement("S79")
def test_who_watches_hears_of_letters_moves_and_notes_by_the_bell_alone(desk: Desk) -> None:
    number = desk.registered()
    watch(desk, number, "qa_mgr")
    watch(desk, number, "qa_mgr")
    before, mails = len(heard(desk, "qa_mgr")), mailed(desk, "qa_mgr")
    note(desk, number, "12 parts")
    note(desk, number, "@Mara Linden")
    with desk.act() as session:
        found = desk.find(session, number)
        for letter in (7, 8):
            watching.hear(session, found.id, f"letter_joined:{letter}", by=SYSTEM, at=desk.at, today=desk.at.date())
    who = desk["sales"].name
    told = ["The customer wrote again"] * 2 + [f"{who} wrote an internal note"] * 2
    assert heard(desk, "qa_mgr")[: len(told)] == told
    assert len(heard(desk, "qa_mgr")) == before + len(told)
    assert mailed(desk, "qa_mgr") == mails


def test_a_watcher_hears_of_a_move_and_of_its_undoing_nothing_is_left_but_what_was_said(desk: Desk) -> None:
    number = desk.to_investigation()
    watch(desk, number, "gm")  # may not see it
    watch(desk, number, "mkt_vp")
    before = heard(desk, "mkt_vp")
    moved = desk.move(number, "registered", "qe", reason="by mistake")
    at = desk.at
    assert heard(desk, "mkt_vp") == ["Mara Linden moved it to Registered", *before]
    assert heard(desk, "gm") == []
    assert moved.undo
    with transaction(desk.make) as session:
        found = desk.find(session, number)
        notes.add(session, found, "wait @陈予安", by=desk["sales"], at=at, context=CONTEXT)
        workflow.undo(
            session, found, by=desk["qe"], at=at + timedelta(seconds=5), seen_version=found.version, context=CONTEXT
        )
    assert heard(desk, "mkt_vp") == [f"{desk['sales'].name} wrote an internal note", *before]
    assert heard(desk, "gm") == [f"{desk['sales'].name} mentioned you in a note"]
    assert sees(desk, number, "gm")


def test_a_watcher_hears_that_it_left_the_board_and_came_back(make: sessionmaker[Session], desk: Desk) -> None:
    with transaction(make) as session:
        found = a_complaint(session)
        number = found.number
    watch(desk, number, "qe")
    common: dict[str, Any] = {"by": desk["clerk"], "at": desk.at, "context": CONTEXT}
    with transaction(make) as session:
        found = desk.find(session, number)
        off_board.take(session, found, "not_complaint", reason="spam", seen_version=found.version, **common)
        off_board.bring_back(session, found, seen_version=found.version, **common)
    assert [each.split(" to ")[1] for each in heard(desk, "qe")] == ["Draft", "Not a complaint"]


def test_who_stops_watching_hears_no_more_and_keeps_what_else_opens_the_complaint(desk: Desk) -> None:
    number = desk.draft()
    note(desk, number, "@陈予安")
    watch(desk, number, "gm")
    with desk.act() as session:
        watching.unwatch(session, desk.find(session, number), by=desk["gm"])
        watching.unwatch(session, desk.find(session, number), by=desk["gm"])
    note(desk, number, "12 parts")
    assert len(heard(desk, "gm")) == 1
    assert sees(desk, number, "gm")


def test_watching_opens_nothing_to_who_may_not_see_the_complaint_any_more(desk: Desk) -> None:
    number = desk.draft()
    note(desk, number, "@陈予安")
    watch(desk, number, "gm")
    with transaction(desk.make) as session:
        session.execute(delete(Involvement).where(Involvement.reason == notices.TOLD))
    assert not sees(desk, number, "gm")
    note(desk, number, "12 parts")
    assert heard(desk, "gm") == []


@pytest.mark.usefixtures("confidential")
def test_a_watcher_of_a_confidential_complaint_hears_only_as_long_as_it_is_theirs_to_see(desk: Desk) -> None:
    number = desk.registered()
    watch(desk, number, "mkt_vp")
    note(desk, number, "12 parts")
    with desk.make() as session:
        assert session.scalars(select(notices.Notice).where(notices.Notice.user_id == desk["mkt_vp"].id)).all() == []


def test_two_who_press_watch_at_once_watch_once_each(desk: Desk) -> None:
    number = desk.draft()

    def press(by: Actor) -> None:
        with transaction(desk.make) as session:
            watching.watch(session, desk.find(session, number), by=by, at=desk.at)

    assert at_once(*[lambda: press(desk["qe"])] * 3) == [None] * 3
    with desk.make() as session:
        complaint_id = session.scalars(select(Complaint.id)).one()
        assert watching.watchers(session, complaint_id) == {desk["qe"].id}
        watched = select(Involvement).where(Involvement.reason == complaints.WATCHING)
        assert len(session.scalars(watched).all()) == 1
