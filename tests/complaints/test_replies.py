"""Replies: whom one may write to, what goes out, and what keeps it back."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from complaints import notices, off_board, replies, triage, watching
from complaints.addressees import typed
from complaints.blobs import Blobs
from complaints.complaint import Complaint, involve
from complaints.conversation import Entry
from complaints.database import transaction
from complaints.errors import NotAllowed, NotFound
from complaints.history import Change
from complaints.letters import Letter
from complaints.mailboxes import Mailbox
from complaints.outbox import Outgoing
from complaints.people import Actor, Grant, User
from complaints.promises import promised
from complaints.replies import Form, NothingToTry, NotSent, OnItsWay, Promised, Reply, Unsure
from tests.builders import MONDAY, a_complaint, a_customer, a_file, a_letter, a_mailed_complaint, a_person, signed
from tests.desk import CONTEXT, Desk, english

SOON = MONDAY + timedelta(minutes=30)
INES = "i.carrow@quellstrom.example"
HELLO = "Dear Ines,\n\nthank you for the photographs."
KEY = "the key of a form"


def begun(session: Session, complaint: Complaint, own: str = "complaints@mill.example") -> replies.Begun:
    return replies.compose(session, complaint, written=replies.letters(session, complaint), own=own)


def send(session: Session, complaint: Complaint, by: Actor, *, key: str = KEY, at: Any = SOON, **said: Any) -> Reply:
    form = {"to": [INES], "text": HELLO, "subject": begun(session, complaint).subject} | said
    return replies.send(session, complaint, Form(**form), key=key, by=by, at=at, context=CONTEXT)


def the_mail(session: Session) -> Outgoing:
    return session.scalars(select(Outgoing).where(Outgoing.kind == "reply")).one()


def problems(refused: pytest.ExceptionInfo[NotSent]) -> dict[str, str]:
    return {problem.field.removeprefix("composer-"): english(problem.sentence) for problem in refused.value.problems}


def withheld(session: Session, mail: Outgoing, *, at: Any = SOON) -> str:
    return replies.withheld(session, mail, at=at, zone=CONTEXT.zone, own="complaints@mill.example")


# What the form begins with


def test_it_begins_with_the_writer_of_the_newest_letter_and_those_who_got_it_too(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        colleague = a_person(session, "clerk")
        session.add(Mailbox(name="m", address="complaints@mill.example"))
        complaint = a_mailed_complaint(session)
        address = session.scalars(select(User.email).where(User.id == colleague.id)).one()
        others = ["QA@quellstrom.example", "complaints+c1.ab@mill.example", address]
        a_letter(session, complaint, from_address="b.oss@quellstrom.example", from_name="Bea Oss", language="zh_CN",
                 message_id="b@c", received_at=SOON, cc=others)  # fmt: skip
        found = begun(session, complaint, own="other@mill.example")
    assert list(found.people) == ["b.oss@quellstrom.example", INES, "qa@quellstrom.example"]
    assert (found.to, found.cc) == (("b.oss@quellstrom.example",), ("qa@quellstrom.example",))
    assert str(found.people[INES]) == f"Ines Carrow <{INES}>"
    assert found.locale == "zh_CN"


def test_the_answer_goes_where_the_writer_wants_it(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        complaint = a_mailed_complaint(session, reply_to="claims@quellstrom.example")
        assert begun(session, complaint).to == ("claims@quellstrom.example",)


def test_who_may_have_been_forged_is_nobody_of_the_complaint(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        complaint = a_mailed_complaint(session)
        a_letter(
            session, complaint, from_address="x@evil.example", verdict="failed", message_id="e@x", received_at=SOON
        )
        found = begun(session, complaint)
    assert list(found.people) == [INES]
    assert found.to == (INES,)


def test_of_a_phone_call_the_contact_of_the_entry_is_written_to(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        complaint = a_complaint(session, channel="phone", contact_person="Ines", contact_email=INES.upper())
        found = begun(session, complaint)
    assert (found.to, found.answers) == ((INES,), None)
    assert found.subject == "Re: Oil weeping at HX-210 face seal [C-2026-0001]"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Leak", "Re: Leak [C-2026-0412]"),
        ("Re: AW: 回复：Leak [C-2026-0412]", "Re: Leak [C-2026-0412]"),
        ("Re: [C-2026-0412] RE[2]: Leak", "Re: Leak [C-2026-0412]"),
        ("Leak\r\nBcc: all@example.com", "Re: Leak Bcc: all@example.com [C-2026-0412]"),
        ("", "Re: [C-2026-0412]"),
        ("Regarding: the leak", "Re: Regarding: the leak [C-2026-0412]"),
    ],
)
def test_a_subject_has_one_re_and_one_number(before: str, after: str) -> None:
    assert replies.subject_of(before, "C-2026-0412") == after
    assert replies.subject_of(after, "C-2026-0412") == after
    assert len(replies.subject_of("x" * 400, "C-2026-0412")) == 250


# Sending


def test_a_reply_is_a_mail_in_ten_seconds_an_entry_and_a_line_of_history(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        sales = a_person(session, "sales", name="Daniel Orme")
        complaint = a_mailed_complaint(session, references=["first@quellstrom.example"])
        reply = send(session, complaint, sales)
        mail = the_mail(session)
        assert (mail.purpose, mail.recipient, mail.also) == (f"reply:{reply.id}", INES, [])
        assert mail.due_at == SOON + timedelta(seconds=10)
        assert mail.in_reply_to == "a1@quellstrom.example"
        assert mail.references == ["first@quellstrom.example", "a1@quellstrom.example"]
        assert mail.values["author"] == "Daniel Orme"
        assert mail.values["quoted"]["text"].startswith("Dear all,\n\n14 of 200 joints")
        entry = session.scalars(select(Entry).where(Entry.outgoing_id == mail.id)).one()
        assert (entry.kind, entry.author_id) == ("mail", sales.id)
        line = session.scalars(select(Change).where(Change.act == "replied")).one()
        assert (line.by_id, line.values) == (sales.id, {"recipients": [INES]})
        assert complaint.version == 2


def test_the_same_form_sent_twice_is_one_reply(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        sales = a_person(session, "sales")
        complaint = a_mailed_complaint(session)
        assert send(session, complaint, sales) is send(session, complaint, sales)
        assert the_mail(session)
        assert send(session, complaint, sales, key="another form").id == 2


def test_several_get_one_mail_and_who_is_new_is_marked(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        complaint = a_mailed_complaint(session, cc=["qa@quellstrom.example"])
        said = {"cc": ["qa@quellstrom.example", INES], "new_cc": "李伟 <li@dealer.example>；Ho@dealer.example"}
        reply = send(session, complaint, a_person(session, "sales"), **said)
        mail = the_mail(session)
    assert mail.recipients == [INES, "qa@quellstrom.example", "li@dealer.example", "ho@dealer.example"]
    assert reply.new == ["li@dealer.example", "ho@dealer.example"]
    assert [str(each) for each in reply.recipients[2:]] == ["李伟 <li@dealer.example>", "Ho@dealer.example"]


def test_everything_that_is_wrong_is_said_at_its_field(make: sessionmaker[Session], tmp_path: Any) -> None:
    with transaction(make) as session:
        sales, blobs = a_person(session, "sales"), Blobs(tmp_path)
        complaint = a_mailed_complaint(session, files=[a_file(blobs, size=19 * 1024 * 1024)])
        other = a_mailed_complaint(session, message_id="b@c", files=[a_file(blobs)])
        letters = session.scalars(select(Letter)).all()
        ids = [file for letter in letters for file in files_of(session, letter)]
        with pytest.raises(NotSent) as refused:
            send(session, complaint, sales, to=["boss@rival.example"], cc=[], new_cc="nobody, a@b", subject="x" * 251,
                 text=" \r\n ", files=ids, contact="result_told")  # fmt: skip
        assert problems(refused) == {
            "to": "boss@rival.example is none of the people of this complaint; add the address below if you mean it",
            "cc": "“nobody” is no e-mail address. Example: Lin <lin@example.com>",
            "text": "Please write something",
            "contact": "This cannot be recorded where the complaint stands now",
            "files": "The files have 19.0 MB together; a mail may carry 18 MB",
        }
        with pytest.raises(NotSent) as nobody:
            send(session, other, sales, to=[], text="x" * 20_001, files=["none"])
        assert problems(nobody) == {
            "to": "Choose to whom it goes",
            "text": "This may have 20000 characters; it has 20001",
            "files": "One of the files is not on this complaint any more",
        }
        assert complaint.version == 1


def files_of(session: Session, letter: Letter) -> list[str]:
    from complaints.letters import Attachment

    return list(session.scalars(select(Attachment.id).where(Attachment.letter_id == letter.id)))


@pytest.mark.parametrize(
    "wrong", ["a@b", "a b@c.example", "<a@b.example", "a@b.example\nBcc: x@y.example", "ä@b.example", "a@b..example"]
)
def test_an_address_that_does_not_parse_is_refused(make: sessionmaker[Session], wrong: str) -> None:
    with transaction(make) as session:
        complaint = a_mailed_complaint(session)
        with pytest.raises(NotSent):
            send(session, complaint, a_person(session, "sales"), new_to=wrong)


def test_addresses_are_read_with_names_and_any_comma() -> None:
    people, others = typed("Li Wei <li@dealer.example>，ho@dealer.example; \nan@fabrik.example")
    assert [each.address for each in people] == ["li@dealer.example", "ho@dealer.example", "an@fabrik.example"]
    assert others == []
    assert typed("Oss, Bea <b@q.example>")[1] == ["Oss"]


def test_only_who_records_what_customers_are_told_may_answer_them(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        member = a_person(session, "dept")
        complaint = a_mailed_complaint(session)
        involve(session, complaint, at=MONDAY, reason="responsible", users=[member.id or 0])
        with pytest.raises(NotAllowed):
            send(session, complaint, member)


def test_one_that_was_merged_is_answered_where_it_went(make: sessionmaker[Session], tmp_path: Any) -> None:
    with transaction(make) as session:
        clerk, blobs = a_person(session, "clerk"), Blobs(tmp_path)
        into = a_mailed_complaint(session)
        other = a_mailed_complaint(
            session, from_address="bo@quellstrom.example", message_id="b@c", files=[a_file(blobs)]
        )
        off_board.take(session, other, off_board.MERGED, reason="same", by=clerk, at=SOON, seen_version=1, into=into,
                       context=CONTEXT)  # fmt: skip
        with pytest.raises(NotAllowed):
            send(session, other, clerk)
        letter = session.scalars(select(Letter).where(Letter.complaint_id == other.id)).one()
        send(session, into, clerk, to=["bo@quellstrom.example"], files=files_of(session, letter), answers=letter.id)
        mail = the_mail(session)
        assert (mail.complaint_id, mail.in_reply_to) == (into.id, "b@c")
        assert [file["name"] for file in mail.values["files"]] == ["joint.png"]


def two_writers(session: Session) -> tuple[Complaint, Letter, Letter]:
    """A complaint of Ines into which one of Bo was merged, who wrote later; and their letters."""
    into = a_mailed_complaint(session)
    later = MONDAY + timedelta(minutes=9)
    other = a_mailed_complaint(
        session, at=later, from_address="bo@quellstrom.example", message_id="b@c", text="Bo's words"
    )
    by = a_person(session, "clerk")
    off_board.take(session, other, off_board.MERGED, reason="same", by=by, at=SOON, seen_version=1, into=into,
                   context=CONTEXT)  # fmt: skip
    letters = {each.complaint_id: each for each in session.scalars(select(Letter))}
    return into, letters[into.id], letters[other.id]


@pytest.mark.requirement("S57")
def test_after_a_merge_each_is_answered_to_their_own_newest_letter(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        complaint, hers, his = two_writers(session)
        form = begun(session, complaint)
        assert (form.answers, form.to, form.several) == (his, ("bo@quellstrom.example",), True)
        newest = a_letter(session, complaint, message_id="ines-2@c", text="And another one", received_at=SOON)
        sales = a_person(session, "sales")
        for number, (to, answers) in enumerate(
            [([INES], his), (["bo@quellstrom.example", INES], his), ([INES], hers), (["new@quellstrom.example"], his)]
        ):
            added = {"to": [], "new_to": to[0]} if to[0].startswith("new") else {"to": to}
            send(session, complaint, sales, key=f"the form {number}", answers=answers.id, **added)
        mails = session.scalars(select(Outgoing).where(Outgoing.kind == "reply").order_by(Outgoing.id)).all()
        assert [each.in_reply_to for each in mails] == [newest.message_id, "b@c", hers.message_id, "b@c"]
        assert mails[0].values["quoted"]["text"] == "And another one"


def test_the_answer_to_another_customers_letter_goes_to_nobody_else(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        complaint, _, his = two_writers(session)
        complaint.customer_id = a_customer(session).id
        session.get_one(Complaint, his.complaint_id).customer_id = a_customer(session, "Brandt").id
        session.flush()
        written = replies.letters(session, complaint)
        own = replies.compose(session, complaint, written=written)
        theirs = replies.compose(session, complaint, written=written, answers=his.id)
    assert (own.to, theirs.to, theirs.answers) == ((INES,), ("bo@quellstrom.example",), his)


def test_a_letter_may_be_answered_however_many_came_after_it(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        complaint = a_mailed_complaint(session, from_address="bo@quellstrom.example", message_id="b@c")
        for number in range(replies.RECENT + 1):
            a_letter(session, complaint, message_id=f"{number}@c")
        first = session.scalars(select(Letter).where(Letter.message_id == "b@c")).one()
        send(session, complaint, a_person(session, "sales"), to=["bo@quellstrom.example"], answers=first.id)
        assert the_mail(session).in_reply_to == "b@c"
        assert withheld(session, the_mail(session)) == ""


def test_it_waits_for_work_to_begin_when_asked(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        late = MONDAY + timedelta(hours=14)  # 23:00 in Shanghai
        send(session, a_mailed_complaint(session), a_person(session, "sales"), at=late, later=True)
        assert the_mail(session).due_at == MONDAY + timedelta(hours=23, minutes=30)


def test_without_a_letter_the_next_reply_goes_on_from_our_last(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        sales = a_person(session, "sales")
        complaint = a_complaint(session, channel="phone", contact_email=INES)
        first = send(session, complaint, sales)
        send(session, complaint, sales, key="another form")
        one, two = session.scalars(select(Outgoing).order_by(Outgoing.id))
    assert (one.in_reply_to, one.references, first.quoted) == ("", [], False)
    assert (two.in_reply_to, two.references) == (one.message_id, [one.message_id])


# What is recorded


@pytest.mark.requirement("S66")
def test_what_the_customer_was_told_is_recorded_as_the_procedure_asks(desk: Desk) -> None:
    number = desk.to_implementation(contact_email=INES)
    with desk.act() as session:
        reply = send(session, desk.find(session, number), desk["sales"], contact="measures_told", at=desk.at)
    (row,) = desk.case(number).rows["contacts"]
    assert reply.contact_place == row.place
    assert row.values == {
        "kind": "measures_told", "on": "2026-11-16", "way": "email", "person": INES, "text": HELLO,
    }  # fmt: skip
    desk.sign(number, "taken_over", "dept_head")
    assert desk.missing(number, "verification", "dept_head") != []
    assert "The customer must have been told the measures of this round" not in desk.missing(
        number, "verification", "dept_head"
    )


def test_what_is_recorded_goes_out_now(desk: Desk) -> None:
    number = desk.to_implementation(contact_email=INES)
    with desk.act() as session, pytest.raises(NotSent) as refused:
        send(session, desk.find(session, number), desk["sales"], contact="measures_told", later=True, at=desk.at)
    assert list(problems(refused)) == ["later"]


# No promise before the decision


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("We will refund you; a Refund is due.", ["refund"]),
        ("You get compensation, guaranteed.", ["compensation", "guaranteed"]),
        ("We'll replace them free of\ncharge.", ["We'll replace", "free of charge"]),
        ("我们保证三天内免费更换，并赔偿损失。", ["保证", "免费更换", "赔偿"]),
        ("Please send us photographs. 请寄回样品。", []),
    ],
)
def test_words_of_promise_are_found(text: str, words: list[str]) -> None:
    assert promised(text) == words


@pytest.mark.requirement("S201")
def test_before_the_plan_is_approved_a_promise_is_asked_about_once_and_noted(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        sales, complaint = a_person(session, "sales"), a_mailed_complaint(session, text="Do you guarantee a refund?")
        with pytest.raises(Promised) as asked:
            send(session, complaint, sales, text="We will refund you.")
        assert problems(asked) == {"meant": "Nothing is decided yet, and it sounds like a promise: “refund”"}
        send(session, complaint, sales, text="We will refund you.", meant=True)
        line = session.scalars(select(Change).where(Change.act == "replied")).one()
        assert line.values["promised"] == ["refund"]
        send(session, complaint, sales, key="another form")  # what the customer wrote promises nothing


def test_after_the_plan_is_approved_nobody_is_asked(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        complaint = a_mailed_complaint(session)
        signed(session, complaint, "plan_approval")
        send(session, complaint, a_person(session, "sales"), text="我们将赔偿。")
        assert the_mail(session)


# Taking back, trying again


def test_taken_back_it_is_as_if_it_had_not_been(desk: Desk) -> None:
    number = desk.to_implementation(contact_email=INES)
    with desk.act() as session:
        complaint = desk.find(session, number)
        reply = send(session, complaint, desk["sales"], contact="measures_told", at=desk.at)
        for _ in range(2):
            replies.take_back(session, complaint, reply.id, by=desk["sales"], at=desk.at, context=CONTEXT)
        assert the_mail(session).state == "cancelled"
        assert session.scalars(select(Entry).where(Entry.outgoing_id == reply.outgoing_id)).all() == []
    assert desk.case(number).rows.get("contacts", ()) == ()


def test_what_is_on_its_way_is_not_taken_back(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        sales, complaint = a_person(session, "sales"), a_mailed_complaint(session)
        reply = send(session, complaint, sales)
        the_mail(session).attempts = 1
        session.flush()
        with pytest.raises(OnItsWay):
            replies.take_back(session, complaint, reply.id, by=sales, at=SOON, context=CONTEXT)
        with pytest.raises(NotFound):
            replies.take_back(session, complaint, 999, by=sales, at=SOON, context=CONTEXT)


def test_what_failed_is_tried_again_by_hand_and_what_is_in_doubt_only_by_who_is_sure(
    make: sessionmaker[Session],
) -> None:
    with transaction(make) as session:
        sales, complaint = a_person(session, "sales"), a_mailed_complaint(session)
        reply, mail = send(session, complaint, sales), the_mail(session)
        with pytest.raises(NothingToTry):
            replies.again(session, complaint, reply.id, by=sales, at=SOON)
        for state in ("failed", "uncertain"):
            mail.state = state
            session.flush()
            if state == "uncertain":
                with pytest.raises(Unsure):
                    replies.again(session, complaint, reply.id, by=sales, at=SOON)
            replies.again(session, complaint, reply.id, by=sales, at=SOON, sure=state == "uncertain")
            assert (mail.state, mail.due_at) == ("pending", SOON)


# When its time comes


def test_it_is_withheld_when_the_writer_has_left_or_lost_the_right(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        sales, complaint = a_person(session, "sales"), a_mailed_complaint(session)
        send(session, complaint, sales)
        mail = the_mail(session)
        assert withheld(session, mail) == ""
        grant = session.scalars(select(Grant).where(Grant.user_id == sales.id)).one()
        grant.role = "dept"
        session.flush()
        assert withheld(session, mail) == "not_visible"
        involve(session, complaint, at=MONDAY, reason="responsible", users=[sales.id or 0])
        session.flush()
        assert withheld(session, mail) == "not_allowed"
        session.get_one(User, sales.id).left_at = SOON
        session.flush()
        assert withheld(session, mail) == "author_left"


def test_it_is_withheld_when_a_recipient_is_nobody_of_the_complaint_any_more(make: sessionmaker[Session]) -> None:
    with transaction(make) as session:
        sales, complaint = a_person(session, "sales"), a_mailed_complaint(session)
        other = a_letter(session, complaint, from_address="bo@q.example", message_id="b@c", received_at=SOON)
        send(session, complaint, sales, to=[INES, "bo@q.example"], new_cc="li@dealer.example")
        mail = the_mail(session)
        assert withheld(session, mail) == ""
        other.complaint_id = None
        session.flush()
        assert withheld(session, mail) == "nobody_here"
        assert triage.BY_HAND


def test_who_watches_hears_that_the_customer_was_written_to(desk: Desk) -> None:
    number = desk.registered()
    with desk.act() as session:
        complaint = desk.find(session, number)
        watching.watch(session, complaint, by=desk["qe"], at=desk.at)
        session.flush()
        send(session, complaint, desk["sales"], to=[], new_to=INES, at=desk.at)
    with desk.make() as session:
        (heard,) = [each for each in notices.listed(session, desk["qe"]) if each.number == number][:1]
        assert english(heard.sentence) == "sales wrote to the customer"
