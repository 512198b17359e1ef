"""The inbox: nothing is lost sight of, and what a person decides about a message is written down once."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import inbox, links, off_board, suggestions, triage
from complaints.calendar import mainland_china
from complaints.complaint import Complaint, Draft
from complaints.conversation import Entry
from complaints.customers import Contact
from complaints.database import transaction
from complaints.errors import NotAllowed, NotFound, StaleComplaint
from complaints.history import Change
from complaints.inbox import Filters
from complaints.letters import WAITING, Attachment, Letter, Sighting
from complaints.mailboxes import Mailbox
from complaints.off_board import ReasonWanted
from complaints.people import Actor
from complaints.triage import Claimed, NothingForwarded, NotJoined, NotSplit, Placed, Registered, StillWaiting
from tests.builders import MONDAY, a_complaint, a_letter, a_mailed_complaint, a_person
from tests.desk import CONTEXT

SOON = MONDAY + timedelta(minutes=30)
NOTHING = Claimed()
FILE = {
    "filename": "joint.png", "content_type": "image/png", "declared_type": "image/png", "content_id": "",
    "inline": False, "size": 9, "blob": "0" * 64,
}  # fmt: skip


def seen(session: Session, outcome: str, letter: Letter | None = None, **changes: Any) -> Sighting:
    """A message that was seen, and what became of it."""
    values: dict[str, Any] = {
        "size": 900, "received_at": MONDAY, "seen_at": MONDAY, "outcome": outcome, "reason": None,
        "letter_id": letter.id if letter else None, "complaint_id": letter.complaint_id if letter else None,
    } | changes  # fmt: skip
    sighting = Sighting(**values)
    session.add(sighting)
    session.flush()
    return sighting


def draft_of(session: Session, sighting: Sighting, by: Actor, claimed: Claimed = NOTHING) -> Draft:
    return triage.make_draft(session, sighting, by=by, at=SOON, calendar=mainland_china(), claimed=claimed)


def join(session: Session, sighting: Sighting, into: Complaint, by: Actor) -> Complaint:
    return triage.join(session, sighting, into, by=by, at=SOON, context=CONTEXT, claimed=NOTHING)


def split(session: Session, letter: Letter, complaint: Complaint, by: Actor) -> Draft:
    return triage.split(session, letter, complaint, by=by, at=SOON, calendar=mainland_china())


def acts(session: Session, complaint_id: int) -> list[str]:
    return list(session.scalars(select(Change.act).where(Change.complaint_id == complaint_id).order_by(Change.id)))


def whole(session: Session, draft: Draft) -> Complaint:
    return session.get_one(Complaint, draft.id)


# What is there


def test_the_balance_is_the_sum_of_all_outcomes_and_names_what_waits(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        session.add(Mailbox(name="a@imap.example:993/INBOX", waiting=2))
        for n, outcome in enumerate(inbox.OUTCOME_NAMES):
            for _ in range(n + 1):
                seen(session, outcome)
        seen(session, "drafted", received_at=MONDAY - timedelta(days=40))
        balance = inbox.balance(session, clerk, since=MONDAY - timedelta(days=1))
        assert balance.received == sum(balance.counts.values()) == 28
        assert balance.unaccounted == balance.counts[WAITING] + 2
        assert inbox.balance(session, clerk, since=MONDAY - timedelta(days=90)).received == 29


def test_what_needs_a_person_is_every_draft_what_is_quarantined_and_failures_of_we_know_not_what(
    make: sessionmaker[Session],
) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        for channel in ("email", "phone", "fax", "minutes"):
            a_complaint(session, channel=channel)
        known = a_complaint(session, channel="email", stage="registered")
        for outcome in inbox.OUTCOME_NAMES:
            seen(session, outcome)
        seen(session, "event", reason="bounce")
        seen(session, "event", reason="bounce", complaint_id=known.id)
        waiting = inbox.waiting(session, clerk)
        assert (waiting.drafts, waiting.quarantined, waiting.unmatched, waiting.total) == (4, 1, 1, 6)


def test_messages_are_listed_in_pages_and_by_every_filter(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        box = Mailbox(name="a@imap.example:993/INBOX")
        session.add(box)
        session.flush()
        letter = a_letter(session, subject="Praise for 50%_more", from_name="Ines Carrow")
        rows = [
            seen(session, "set_aside", letter, mailbox_id=box.id),
            seen(session, "duplicate", letter, door="upload"),
            seen(session, "quarantined", headers="From: x@y.example\nSubject: Huge"),
            seen(session, "drafted", received_at=MONDAY + timedelta(days=1)),
        ]
        ids = [row.id for row in rows]

        def found(before: int | None = None, most: int = 9, **filters: Any) -> list[int]:
            return [
                row.id for row in inbox.arrived(session, clerk, filters=Filters(**filters), before=before, most=most)
            ]

        assert found() == ids[::-1]
        assert found(most=2) + found(before=ids[2], most=2) == ids[::-1]
        assert found(outcome="set_aside") == [ids[0]]
        assert found(mailbox=box.id) == [ids[0]]
        assert found(door="upload") == [ids[1]]
        assert found(q="carrow PRAISE") == [ids[1], ids[0]]
        assert found(q="50%_m") == [ids[1], ids[0]]
        assert found(q="0%m") == []
        assert found(q="huge") == [ids[2]]
        assert found(day=(MONDAY + timedelta(hours=12), MONDAY + timedelta(days=2))) == [ids[3]]


@pytest.mark.requirement("S08")
def test_a_search_finds_what_was_judged_no_complaint_with_reason_person_and_time(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk", name="Mara Linden")
        called = a_complaint(session, channel="phone", subject="Opening hours asked")
        mailed = a_mailed_complaint(session, subject="Price list wanted")
        letter = session.scalars(select(Letter)).one()
        seen(session, "drafted", letter)
        for complaint in (called, mailed):
            off_board.take(
                session, complaint, off_board.NOT_COMPLAINT, reason="only an enquiry", by=clerk, at=SOON,
                seen_version=1, context=CONTEXT,
            )  # fmt: skip
        for words in ("opening hours", "C-2026-0001", "enquiry linden"):
            (decided,) = [
                found.decided for found in inbox.named(session, clerk, words) if found.number == called.number
            ]
            assert decided is not None
            assert (decided.outcome, decided.reason, decided.who, decided.at) == (
                "not_complaint", "only an enquiry", "Mara Linden", SOON,
            )  # fmt: skip
        assert [each.number for each in inbox.not_complaints(session, clerk)] == [mailed.number, called.number]
        (row,) = inbox.arrived(session, clerk, filters=Filters(q="price list"))
        assert row.decided is not None
        assert row.decided.reason == "only an enquiry"


def test_the_inbox_is_for_front_office_and_quality(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        member, sighting = a_person(session, "dept"), seen(session, "set_aside", a_letter(session))
        complaint = a_complaint(session)
        for ask in (
            lambda: inbox.arrived(session, member),
            lambda: inbox.balance(session, member, since=MONDAY),
            lambda: inbox.waiting(session, member),
            lambda: inbox.message(session, member, sighting.id),
            lambda: inbox.draft(session, member, complaint.number),
            lambda: inbox.not_complaints(session, member),
        ):
            with pytest.raises(NotFound):
                ask()
        with pytest.raises(NotAllowed):
            draft_of(session, sighting, member)
        with pytest.raises(NotAllowed):
            join(session, sighting, complaint, member)


# A draft after all


@pytest.mark.parametrize("outcome", ["set_aside", "event"])
def test_a_message_that_was_none_becomes_a_draft_with_its_words_its_files_and_its_sender(
    make: sessionmaker[Session], outcome: str
) -> None:
    text = "It leaks.\n> what you wrote\nInes"
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        letter = a_letter(session, files=[FILE, FILE], text=text, folds=[[10, 27, "quoted"]])
        sighting, again = seen(session, outcome, letter, reason="automatic"), seen(session, "duplicate", letter)
        draft = draft_of(session, again, clerk)
        assert draft_of(session, sighting, clerk).id == draft.id
        made = whole(session, draft)
        assert (made.stage, made.channel, made.content) == ("draft", "email", "It leaks.\nInes")
        assert (made.contact_email, made.attachment_count, made.unread_count) == ("i.carrow@quellstrom.example", 2, 1)
        assert made.received_at == MONDAY
        assert made.sort_due_at == MONDAY + timedelta(hours=1)
        assert session.scalars(select(Contact.address)).all() == ["i.carrow@quellstrom.example"]
        assert {file.complaint_id for file in session.scalars(select(Attachment))} == {made.id}
        assert session.scalars(select(Entry.letter_id).where(Entry.complaint_id == made.id)).all() == [letter.id]
        assert (sighting.outcome, sighting.reason, sighting.complaint_id) == ("drafted", "by_hand", made.id)
        assert sighting.values["before"] == {"outcome": outcome, "reason": "automatic"}
        assert (again.outcome, again.complaint_id) == ("duplicate", made.id)
        (told,) = session.scalars(select(Change).where(Change.complaint_id == made.id))
        assert (told.act, told.by_id) == ("drafted", clerk.id)


def test_two_who_press_at_once_make_one_draft(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        ids = [seen(session, "set_aside", a_letter(session)).id, seen(session, "quarantined", raw="a" * 64).id]
    start = threading.Barrier(4)
    made: list[tuple[int, str]] = []

    def press(sighting_id: int) -> None:
        start.wait(20)
        with transaction(make) as session:
            sighting = session.get_one(Sighting, sighting_id)
            made.append((sighting_id, draft_of(session, sighting, clerk).number))

    people = [threading.Thread(target=press, args=[id_]) for id_ in ids * 2]
    for person in people:
        person.start()
    for person in people:
        person.join(30)
    assert len(made) == 4
    assert len(set(made)) == 2


def test_a_message_that_could_not_be_read_becomes_a_draft_with_itself_as_a_file(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        sighting, twin = (seen(session, "quarantined", raw="a" * 64) for _ in range(2))
        draft = draft_of(session, sighting, clerk, Claimed("Ines", "i@quellstrom.example", "Broken"))
        made = whole(session, draft)
        assert (made.subject, made.content, made.contact_person, made.attachment_count) == ("Broken", "", "Ines", 1)
        file = session.scalars(select(Attachment)).one()
        assert (file.filename, file.blob, file.complaint_id) == ("message.eml", "a" * 64, made.id)
        assert sighting.outcome == "drafted"
        assert draft_of(session, twin, clerk).id == made.id
        assert (twin.outcome, twin.complaint_id) == ("duplicate", made.id)


def test_a_message_too_large_to_keep_becomes_a_draft_with_its_header(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        sighting = seen(session, "quarantined", headers="From: i@quellstrom.example\nSubject: Huge")
        made = whole(session, draft_of(session, sighting, a_person(session, "clerk"), Claimed("", "", "Huge")))
        assert (made.subject, made.attachment_count) == ("Huge", 0)
        assert "Subject: Huge" in made.content


def test_a_message_that_is_being_read_cannot_be_decided(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, sighting = a_person(session, "clerk"), seen(session, WAITING)
        with pytest.raises(StillWaiting):
            draft_of(session, sighting, clerk)
        with pytest.raises(StillWaiting):
            triage.set_aside(session, sighting, by=clerk, at=SOON, reason="x")


# Joining and splitting


def test_a_message_joins_a_complaint_or_the_one_that_took_that_in(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        first, second = a_mailed_complaint(session), a_mailed_complaint(session, message_id="b@c")
        off_board.take(
            session, first, "merged", reason="", by=clerk, at=SOON, seen_version=1, context=CONTEXT, into=second
        )
        letter = a_letter(session, files=[FILE], message_id="c@d")
        sighting = seen(session, "set_aside", letter)
        unread = second.unread_count
        for _ in range(2):
            assert join(session, sighting, first, clerk).id == second.id
        assert (letter.complaint_id, sighting.outcome, sighting.reason) == (second.id, "joined", "by_hand")
        assert (second.unread_count, second.attachment_count) == (unread + 1, 1)
        assert acts(session, second.id) == ["drafted", "merged_in", "letter_joined"]
        assert len(session.scalars(select(Entry).where(Entry.letter_id == letter.id)).all()) == 1
        with pytest.raises(Placed):
            join(session, sighting, a_complaint(session), clerk)


def test_a_message_joined_to_a_closed_complaint_proposes_to_reopen_it(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, closed = a_person(session, "clerk"), a_complaint(session, stage="closed", closed_at=MONDAY)
        join(session, seen(session, "event", a_letter(session)), closed, clerk)
        assert closed.reopening_proposed_at == SOON


def test_nothing_joins_what_has_left_the_board(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk, gone = a_person(session, "clerk"), a_complaint(session)
        off_board.take(session, gone, "not_complaint", reason="x", by=clerk, at=SOON, seen_version=1, context=CONTEXT)
        letter = a_letter(session)
        with pytest.raises(NotJoined):
            join(session, seen(session, "set_aside", letter), gone, clerk)
        assert letter.complaint_id is None


def test_a_joined_letter_is_split_off_with_its_files_and_both_histories_say_so(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        early = a_letter(session, message_id="early@c")
        complaint = a_mailed_complaint(session, files=[FILE])
        first = session.scalars(select(Letter).where(Letter.complaint_id == complaint.id)).one()
        other = a_letter(session, files=[FILE, FILE], message_id="b@c", subject="Another matter")
        sighting = seen(session, "set_aside", other)
        join(session, sighting, complaint, clerk)
        join(session, seen(session, "set_aside", early), complaint, clerk)
        draft = split(session, other, complaint, clerk)
        assert split(session, other, complaint, clerk).id == draft.id
        made = whole(session, draft)
        assert (made.subject, made.attachment_count, made.unread_count) == ("Another matter", 2, 1)
        assert (complaint.attachment_count, complaint.unread_count) == (1, 2)
        assert (other.complaint_id, sighting.complaint_id, sighting.outcome) == (made.id, made.id, "drafted")
        assert {
            f.complaint_id for f in session.scalars(select(Attachment).where(Attachment.letter_id == other.id))
        } == {made.id}
        assert session.scalars(select(Entry.complaint_id).where(Entry.letter_id == other.id)).all() == [made.id]
        assert acts(session, complaint.id)[-1] == "split_off"
        assert acts(session, made.id) == ["drafted", "split_from"]
        with pytest.raises(NotSplit):
            split(session, first, complaint, clerk)
        split(session, early, complaint, clerk)  # came before, joined after


def test_what_a_colleague_passed_on_is_a_draft_for_nobody_yet(make: sessionmaker[Session]) -> None:
    """As when it comes in by itself: the name is proposed, and a colleague is no customer's contact."""
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        letter = a_letter(
            session, from_address="person1@mill.example", from_name="A colleague",
            forwarded={"name": "Ines Carrow", "address": "i.carrow@quellstrom.example", "subject": "", "date": ""},
        )  # fmt: skip
        draft = whole(session, draft_of(session, seen(session, "set_aside", letter), clerk))
        assert (draft.contact_person, draft.contact_email, draft.contact_id) == ("Ines Carrow", "", None)
        assert session.scalars(select(Contact)).all() == []


# The rest


def test_setting_aside_keeps_who_and_why_and_needs_a_reason(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk", name="Mara Linden")
        sighting = seen(session, "event", reason="bounce")
        with pytest.raises(ReasonWanted):
            triage.set_aside(session, sighting, by=clerk, at=SOON, reason=" ")
        for reason in ("not ours", "said again"):
            triage.set_aside(session, sighting, by=clerk, at=SOON, reason=reason)
        assert (sighting.outcome, sighting.values["who"], sighting.values["why"]) == (
            "set_aside", "Mara Linden", "not ours",
        )  # fmt: skip
        assert inbox.waiting(session, clerk).total == 0
        on_one = seen(session, "drafted", a_letter(session, a_complaint(session)))
        with pytest.raises(Placed):
            triage.set_aside(session, on_one, by=clerk, at=SOON, reason="x")


def test_the_sender_of_a_forwarded_mail_becomes_the_contact_of_the_draft(make: sessionmaker[Session]) -> None:
    original = {"name": "Ines Carrow", "address": "ines@quellstrom.example", "subject": "Leak", "date": "16 Nov"}
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        complaint = a_mailed_complaint(session, from_address="bo@mill.example", from_name="Bo", forwarded=original)
        letter = session.scalars(select(Letter)).one()
        with pytest.raises(StaleComplaint):
            triage.confirm_sender(session, complaint, letter, by=clerk, at=SOON, seen_version=9)
        for _ in range(2):
            triage.confirm_sender(session, complaint, letter, by=clerk, at=SOON, seen_version=1)
        assert (complaint.contact_person, complaint.contact_email) == ("Ines Carrow", "ines@quellstrom.example")
        contact = session.get_one(Contact, complaint.contact_id)
        assert contact.address == "ines@quellstrom.example"
        assert acts(session, complaint.id) == ["drafted", "sender_confirmed"]
        complaint.registered_at, complaint.contact_email = SOON, ""
        with pytest.raises(Registered):
            triage.confirm_sender(session, complaint, letter, by=clerk, at=SOON, seen_version=complaint.version)
        with pytest.raises(NothingForwarded):
            triage.confirm_sender(
                session, complaint, a_letter(session, complaint, message_id="b@c"), by=clerk, at=SOON,
                seen_version=complaint.version,
            )  # fmt: skip


def test_fetching_asks_every_mailbox_that_is_read(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        boxes = [Mailbox(name="a"), Mailbox(name="b", active=False), Mailbox(name="c", paused_at=MONDAY)]
        session.add_all(boxes)
        session.flush()
        assert triage.fetch(session, by=a_person(session, "clerk"), at=SOON) == 1
        for box in boxes:
            session.refresh(box)
        assert [box.asked_at for box in boxes] == [SOON, None, None]


@pytest.mark.requirement("S80")
def test_a_suggestion_that_comes_after_closing_is_linked_and_to_be_answered(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        clerk = a_person(session, "clerk")
        closed = a_mailed_complaint(session)
        closed.stage, closed.closed_at = "closed", MONDAY
        letters = [
            a_letter(session, message_id=f"{n}@c", subject="An idea", received_at=MONDAY + timedelta(minutes=n))
            for n in (1, 2)
        ]
        for letter in letters:
            join(session, seen(session, "set_aside", letter), closed, clerk)

        def record(letter: Letter) -> str:
            return suggestions.record(session, letter, closed, reason="An idea", by=clerk, at=SOON, context=CONTEXT)

        number = record(letters[0])
        assert record(letters[0]) == number
        assert closed.reopening_proposed_at == SOON  # the other letter may want it
        assert record(letters[1]) != number
        assert closed.reopening_proposed_at is None
        made = session.scalars(select(Complaint).where(Complaint.number == number)).one()
        assert (made.stage, made.subject, letters[0].complaint_id) == ("not_complaint", "An idea", made.id)
        decision = off_board.last(session, made.id)
        assert decision is not None
        assert (decision.kind, decision.owner_id) == ("suggestion", clerk.id)
        linked = {(each.number, each.way) for each in links.of(session, closed, clerk)}
        assert (number, "related") in linked
        assert len(linked) == 2
        first = session.scalars(select(Letter).where(Letter.complaint_id == closed.id)).one()
        with pytest.raises(NotSplit):
            record(first)
