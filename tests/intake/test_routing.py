"""Whole mails on their way to the right complaint: answers, strangers, merged and closed ones, colleagues, machines."""

import email
import email.policy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints import off_board, outbox, registration
from complaints.clocks import NEVER, Clock
from complaints.complaint import Complaint
from complaints.conversation import Entry
from complaints.database import transaction
from complaints.history import Change
from complaints.letters import Attachment, Letter, Sighting
from complaints.mailboxes import Mailbox
from complaints.outbox import Outgoing
from complaints.people import SYSTEM, add_user
from complaints.settings import Settings
from intake import doors
from intake.poller import Poller
from intake.record import Outcome
from jobs.letters import make_app, render
from tests.builders import withdrawable
from tests.desk import CONTEXT
from tests.intake.conftest import Bell
from tests.intake.letters import a_mail
from tests.rigs.dovecot import Account

Make = sessionmaker[Session]
Take = Callable[..., Outcome]


@pytest.fixture
def take(chosen: Settings, make: Make, bell: Bell) -> Take:
    """Take one mail in; `authserv_id` may be set for it."""
    number = iter(range(1000))

    def taken(text: str = "It leaks.", *, authserv_id: str = "", **headers: Any) -> Outcome:
        headers.setdefault("message_id", f"<t{next(number)}@quell.example>")
        settings = replace(chosen, authserv_id=authserv_id)
        (outcome,) = doors.deliver(settings, make, bell, [a_mail(text, **headers)])
        return outcome

    return taken


@pytest.fixture
def first(take: Take) -> Outcome:
    return take()


def our_mail(make: Make, complaint_id: int | None) -> str:
    with make() as session:
        return f"<{session.scalars(select(Outgoing.message_id).where(Outgoing.complaint_id == complaint_id)).one()}>"


def complaint_of(make: Make, id_: int | None) -> Complaint:
    with make() as session:
        return session.get_one(Complaint, id_)


def letter_of(make: Make, outcome: Outcome) -> Letter:
    with make() as session:
        return session.get_one(Letter, outcome.letter_id)


def settle(make: Make, complaint_id: int | None, outcome: str, into: int | None = None) -> None:
    with transaction(make) as session:
        complaint = session.get_one(Complaint, complaint_id)
        if outcome == off_board.WITHDRAWN:
            withdrawable(session, complaint)
        off_board.take(
            session, complaint, outcome, reason="as agreed", by=SYSTEM, at=datetime.now(UTC),
            seen_version=complaint.version, context=CONTEXT, into=session.get_one(Complaint, into) if into else None,
        )  # fmt: skip


@pytest.mark.requirement("S16")
def test_the_customer_is_asked_for_evidence_and_what_comes_is_on_the_complaint(
    chosen: Settings, take: Take, first: Outcome, make: Make
) -> None:
    with make() as session:
        asked = session.scalars(select(Outgoing).where(Outgoing.complaint_id == first.complaint_id)).one()
    text = email.message_from_bytes(render(make_app(chosen), chosen, asked), policy=email.policy.default)
    body = text.get_body(("plain",))
    assert body is not None
    assert "photos, lot numbers, test reports" in " ".join(body.get_content().split())
    take("Here it is.", in_reply_to=our_mail(make, first.complaint_id), attach=("crack.jpg", b"\xff\xd8\xff\xe0"))
    with make() as session:
        picture = session.scalars(select(Attachment)).one()
    assert (picture.filename, picture.complaint_id) == ("crack.jpg", first.complaint_id)


def test_an_answer_lets_the_clocks_that_waited_for_it_run_on(take: Take, first: Outcome, make: Make) -> None:
    since = datetime.now(UTC)
    with transaction(make) as session:
        for clock in session.scalars(select(Clock)):
            clock.pauses = [{"from": since.isoformat(), "to": None, "reason": "lot numbers", "asked": "reply:1"}]
            clock.due_at = NEVER
    answer = take("Lot L2608-114.", in_reply_to=our_mail(make, first.complaint_id))
    with make() as session:
        for clock in session.scalars(select(Clock)):
            assert not clock.paused
            assert clock.pauses is not None
            assert clock.pauses[0]["letter"] == answer.letter_id
            assert clock.due_at < NEVER
        due = min(session.scalars(select(Clock.due_at)))
        told = session.scalars(select(Change.act).where(Change.act.startswith("clock"))).all()
    assert told == ["clock_answered", "clock_answered"]
    assert complaint_of(make, first.complaint_id).sort_due_at == due


def test_an_answer_to_a_merged_complaint_lands_on_the_one_that_took_it_in(
    take: Take, first: Outcome, make: Make
) -> None:
    second = take("The second.")
    cited = our_mail(make, second.complaint_id)
    settle(make, second.complaint_id, "merged", first.complaint_id)
    answer = take("More pictures.", in_reply_to=cited)
    assert (answer.outcome, answer.number) == ("joined", first.number)


def test_an_answer_to_a_closed_complaint_is_joined_and_proposes_to_reopen_it(
    take: Take, first: Outcome, make: Make
) -> None:
    with transaction(make) as session:
        session.execute(update(Complaint).values(stage="closed", closed_at=datetime.now(UTC)))
    answer = take("It leaks again.", in_reply_to=our_mail(make, first.complaint_id))
    assert (answer.outcome, answer.reason) == ("joined", "reply_to_closed")
    closed = complaint_of(make, first.complaint_id)
    assert closed.stage == "closed"
    assert closed.reopening_proposed_at is not None


@pytest.mark.parametrize("outcome", ["withdrawn", "not_complaint"])
def test_an_answer_to_one_off_the_board_is_a_new_draft_with_the_link(
    outcome: str, take: Take, first: Outcome, make: Make
) -> None:
    settle(make, first.complaint_id, outcome)
    answer = take("But it does leak.", in_reply_to=our_mail(make, first.complaint_id))
    assert (answer.outcome, answer.reason) == ("drafted", "may_belong")
    letter = letter_of(make, answer)
    assert (letter.may_belong_to_id, letter.may_belong_reason) == (first.complaint_id, outcome)


def test_a_number_in_the_subject_makes_a_draft_that_may_belong_there(take: Take, first: Outcome, make: Make) -> None:
    answer = take(subject=f"AW: {first.number} still leaking", sender="stranger@else.example")
    assert answer.outcome == "drafted"
    letter = letter_of(make, answer)
    assert (letter.may_belong_to_id, letter.may_belong_reason) == (first.complaint_id, "number_in_subject")


def test_our_token_in_a_strangers_hands_makes_a_draft_that_may_belong_there(
    take: Take, first: Outcome, make: Make
) -> None:
    answer = take(in_reply_to=our_mail(make, first.complaint_id), sender="stranger@else.example")
    assert answer.outcome == "drafted"
    assert letter_of(make, answer).may_belong_reason == "token_of_another"


def test_who_is_only_in_copy_gains_no_right_to_join(take: Take, first: Outcome, make: Make) -> None:
    cited = our_mail(make, first.complaint_id)
    take("With my colleague in copy.", in_reply_to=cited, cc="friend@else.example")
    answer = take("I am the friend.", in_reply_to=cited, sender="friend@else.example")
    assert answer.outcome == "drafted"


# Addresses that we gave out


@pytest.fixture
def plus(poller: Poller, make: Make) -> None:
    with transaction(make) as session:
        session.execute(update(Mailbox).values(address="complaints@mill.example", plus_addresses=True))


def test_a_mailbox_with_plus_addresses_gives_each_customer_one_that_brings_answers_home(
    chosen: Settings, plus: None, new_poller: Callable[..., Poller], mailbox_account: Account, make: Make, take: Take
) -> None:
    mailbox_account.append(a_mail())
    new_poller().once()
    with make() as session:
        sent = session.scalars(select(Outgoing)).one()
    assert sent.reply_to.startswith(f"complaints+c{sent.complaint_id}.")
    answer = take("No Message-ID of yours here.", to=sent.reply_to)
    assert (answer.outcome, answer.complaint_id) == ("joined", sent.complaint_id)
    stranger = take("Nor here.", to=sent.reply_to, sender="stranger@else.example")
    assert stranger.outcome == "drafted"
    assert letter_of(make, stranger).may_belong_to_id == sent.complaint_id


def test_a_marked_address_is_worth_nothing_for_another_complaint(chosen: Settings) -> None:
    given = outbox.reply_address(
        chosen.secret_key, complaint_id=7, recipient="ines@quell.example", address="complaints@mill.example"
    )
    forged = given.replace("+c7.", "+c8.")
    read = outbox.complaint_of_reply
    assert read(chosen.secret_key, address=given, sender="Ines@quell.example") == (7, True)
    assert read(chosen.secret_key, address=forged, sender="ines@quell.example") == (8, False)
    assert read(chosen.secret_key, address="complaints@mill.example", sender="ines@quell.example") is None


# Colleagues and web forms


@pytest.fixture
def colleague(make: Make) -> str:
    with transaction(make) as session:
        add_user(
            session, email="lin@mill.example", name="林知夏", roles=["sales"], password="a long pass phrase",
            since=date(2026, 1, 1),
        )  # fmt: skip
    return "lin@mill.example"


FORWARDED = """Please see below.

-----Original Message-----
From: Mara Quell <mara@quell.example>
Sent: Monday, 16 November 2026 09:00
To: Lin <lin@mill.example>
Subject: Seals crack at -25

Six of fifty seals cracked.
"""


def test_what_a_colleague_forwards_proposes_the_original_sender_and_acknowledges_nobody(
    take: Take, colleague: str, make: Make
) -> None:
    outcome = take(FORWARDED, subject="FW: Seals crack at -25", sender=colleague)
    assert (outcome.outcome, outcome.owes_mail) == ("drafted", False)
    draft, letter = complaint_of(make, outcome.complaint_id), letter_of(make, outcome)
    assert (draft.contact_id, draft.contact_email, draft.contact_person) == (None, "", "Mara Quell")
    assert letter.forwarded is not None
    assert letter.forwarded["address"] == "mara@quell.example"
    assert "Six of fifty" in draft.content


def test_the_form_of_such_a_draft_proposes_the_original_sender_and_never_the_colleague(
    take: Take, colleague: str, make: Make
) -> None:
    passed_on = take(FORWARDED, subject="FW: Seals crack at -25", sender=colleague)
    written = take("A customer called: the seals crack.", subject="Phone call", sender=colleague)
    zone = ZoneInfo("Asia/Shanghai")
    form = registration.prefill(letter_of(make, passed_on), None, None, zone=zone)
    assert (form["contact_person"], form["contact_email"]) == ("Mara Quell", "mara@quell.example")
    assert registration.prefill(letter_of(make, written), None, None, zone=zone)["contact_email"] == ""


def test_a_web_forms_mail_is_from_the_person_who_filled_it_in(take: Take, make: Make) -> None:
    outcome = take(sender="complaints@mill.example", reply_to="Mara <mara@quell.example>")
    assert outcome.outcome == "drafted"
    assert complaint_of(make, outcome.complaint_id).contact_email == "mara@quell.example"


# Machines


def a_bounce(cited: str, *, action: str = "failed", status: str = "5.1.1", to: str = "ines@quell.example") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.mill.example\r\nReturn-Path: <>\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        f"Message-ID: <b{status}{action}@mx.mill.example>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nI could not deliver your mail.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.mill.example\r\n\r\n"
        f"Final-Recipient: rfc822; {to}\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {cited}\r\n\r\n--b--\r\n"
    ).encode()


def test_a_bounce_of_our_mail_says_that_the_customer_was_not_reached(
    chosen: Settings, make: Make, bell: Bell, first: Outcome
) -> None:
    (outcome,) = doors.deliver(chosen, make, bell, [a_bounce(our_mail(make, first.complaint_id))])
    assert (outcome.outcome, outcome.reason, outcome.complaint_id) == ("event", "bounce", first.complaint_id)
    assert complaint_of(make, first.complaint_id).unreached_at is not None
    with make() as session:
        sent = session.scalars(select(Outgoing)).one()
        assert (sent.bounce_status, sent.bounce_reason) == ("5.1.1", "550 5.1.1 no such user")
        told = session.scalars(select(Change).where(Change.act == "bounce")).one().values
    assert (told["recipient"], told["status"]) == ("ines@quell.example", "5.1.1")


def test_a_bounce_of_the_address_behind_an_alias_is_known_by_the_one_we_wrote_to(
    chosen: Settings, make: Make, bell: Bell, first: Outcome
) -> None:
    raw = a_bounce(our_mail(make, first.complaint_id), to="i.carrow@elsewhere.example").replace(
        b"Action:", b"Original-Recipient: rfc822; ines@quell.example\r\nAction:"
    )
    (outcome,) = doors.deliver(chosen, make, bell, [raw])
    assert outcome.complaint_id == first.complaint_id
    assert complaint_of(make, first.complaint_id).unreached_at is not None


def test_who_writes_again_is_reached_again(
    chosen: Settings, make: Make, bell: Bell, first: Outcome, take: Take
) -> None:
    cited = our_mail(make, first.complaint_id)
    list(doors.deliver(chosen, make, bell, [a_bounce(cited)]))
    take("I am back.", in_reply_to=cited)
    assert complaint_of(make, first.complaint_id).unreached_at is None


def test_a_delay_reaches_the_complaint_and_worries_nobody(
    chosen: Settings, make: Make, bell: Bell, first: Outcome
) -> None:
    late = a_bounce(our_mail(make, first.complaint_id), action="delayed", status="4.4.1")
    (outcome,) = doors.deliver(chosen, make, bell, [late])
    assert (outcome.outcome, outcome.reason, outcome.complaint_id) == ("event", "delay", first.complaint_id)
    assert complaint_of(make, first.complaint_id).unreached_at is None


@pytest.mark.parametrize(
    ("cited", "to"), [("<nobody@mill.example>", "ines@quell.example"), (None, "other@quell.example")]
)
def test_a_bounce_that_proves_nothing_is_listed_and_changes_nothing(
    cited: str | None, to: str, chosen: Settings, make: Make, bell: Bell, first: Outcome
) -> None:
    raw = a_bounce(cited or our_mail(make, first.complaint_id), to=to)
    (outcome,) = doors.deliver(chosen, make, bell, [raw])
    assert (outcome.outcome, outcome.complaint_id) == ("event", None)
    assert complaint_of(make, first.complaint_id).unreached_at is None


def test_two_programs_that_answer_each_other_are_cut_after_five(take: Take, make: Make) -> None:
    outcomes = [take("Thank you for your mail. We are on it.", subject="We got your mail") for _ in range(8)]
    assert [o.outcome for o in outcomes] == ["drafted"] * 5 + ["event"] * 3
    assert {o.reason for o in outcomes[5:]} == {"loop"}
    with make() as session:
        assert len(session.scalars(select(Outgoing.id)).all()) == 5


def test_a_customer_with_many_complaints_is_no_loop(take: Take) -> None:
    outcomes = [take(f"Lot {n} is cracked.", subject=f"Lot {n}") for n in range(8)]
    assert {o.outcome for o in outcomes} == {"drafted"}


def test_an_automatic_answer_to_us_is_set_aside_and_says_to_what(take: Take, first: Outcome, make: Make) -> None:
    outcome = take("I am away.", auto_submitted="auto-replied", in_reply_to=our_mail(make, first.complaint_id))
    assert (outcome.outcome, outcome.complaint_id) == ("set_aside", first.complaint_id)
    with make() as session:
        assert session.get_one(Sighting, outcome.sighting_id).complaint_id == first.complaint_id
        assert session.scalars(select(Entry.kind)).all() == ["letter", "mail"]  # and our acknowledgement


# What a mailbox wants


def test_mail_from_before_the_mailbox_was_ours_is_set_aside(
    make: Make, poller: Poller, new_poller: Callable[..., Poller], mailbox_account: Account
) -> None:
    with transaction(make) as session:
        session.execute(update(Mailbox).values(take_from=datetime.now(UTC) + timedelta(days=1)))
    mailbox_account.append(a_mail())
    assert new_poller().once() == {"set_aside": 1}
    with make() as session:
        assert session.scalars(select(Sighting.reason)).one() == "too_early"


def test_a_mail_without_words_is_answered_in_the_language_of_its_mailbox(
    make: Make, poller: Poller, new_poller: Callable[..., Poller], mailbox_account: Account
) -> None:
    with transaction(make) as session:
        session.execute(update(Mailbox).values(locale="zh_CN"))
    mailbox_account.append(a_mail("", subject="", attach=("photo.jpg", b"\xff\xd8\xff")))
    new_poller().once()
    with make() as session:
        assert session.scalars(select(Outgoing.locale)).one() == "zh_CN"
