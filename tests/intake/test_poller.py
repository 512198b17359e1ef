"""From a real mailbox to drafts: every message becomes exactly one thing."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from imapclient.exceptions import IMAPClientError, LoginError
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from complaints.blobs import Blobs
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.customers import Contact
from complaints.letters import Attachment, Letter, Mailbox, Sighting
from complaints.outbox import Outgoing
from complaints.settings import Settings, imap_account
from complaints.visits import StageVisit
from intake import mailbox as imap
from intake.poller import Poller
from intake.pollers import run_all, shares_domain
from tests.intake.conftest import Bell
from tests.intake.letters import a_mail
from tests.rigs.dovecot import Account, Dovecot
from tests.rigs.waiting import eventually

Make = sessionmaker[Session]


def outcomes(make: Make) -> list[str]:
    with make() as session:
        return list(session.scalars(select(Sighting.outcome).order_by(Sighting.id)))


def count(make: Make, table: type) -> int:
    with make() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.requirement("S12")
def test_a_mail_becomes_a_draft_with_number_clocks_and_acknowledgement(
    poller: Poller, mailbox_account: Account, make: Make, bell: Bell
) -> None:
    mailbox_account.append(a_mail(attach=("测试报告.pdf", b"%PDF-1.4 data")))
    assert poller.once() == {"drafted": 1}
    with make() as session:
        complaint = session.scalars(select(Complaint)).one()
        assert complaint.number == f"C-{complaint.year}-0001"
        assert (complaint.stage, complaint.channel) == ("draft", "email")
        assert complaint.subject == "Oil weeping at face seal"
        assert "Fourteen of 200" in complaint.content
        assert (complaint.contact_person, complaint.contact_email) == ("Ines Carrow", "ines@quell.example")
        assert complaint.attachment_count == 1
        running = session.scalars(select(Clock).order_by(Clock.due_at)).all()
        assert [clock.key for clock in running] == ["issue_form", "notify_register"]
        assert complaint.sort_due_at == running[0].due_at
        assert session.scalars(select(StageVisit)).one().left_at is None
        owed = session.scalars(select(Outgoing)).one()
        assert owed.purpose == f"ack:complaint:{complaint.id}"
        assert (owed.recipient, owed.locale, owed.in_reply_to) == ("ines@quell.example", "en", "m1@quell.example")
        file = session.scalars(select(Attachment)).one()
        assert file.filename == "测试报告.pdf"
    assert bell.rings == 1


def test_the_raw_message_is_kept_byte_for_byte_and_moved_unread(
    poller: Poller, mailbox_account: Account, make: Make, chosen: Settings
) -> None:
    mailbox_account.append(a_mail())
    served = mailbox_account.messages()[0][1]
    poller.once()
    with make() as session:
        raw = session.scalars(select(Sighting.raw)).one()
    assert raw is not None
    assert Blobs(chosen.blobs).get(raw) == served
    assert mailbox_account.messages() == []
    assert [message for _, message in mailbox_account.messages("Processed")] == [served]
    assert not any(b"\\Seen" in flags for flags in mailbox_account.flags("Processed").values())


def test_a_chinese_mail_is_answered_in_chinese(poller: Poller, mailbox_account: Account, make: Make) -> None:
    raw = a_mail("密封圈低温开裂，要求三日内回复原因与对策。", subject="密封圈开裂", sender="ines@quell.example")
    mailbox_account.append(raw)
    poller.once()
    with make() as session:
        assert session.scalars(select(Outgoing.locale)).one() == "zh_CN"
        assert session.scalars(select(Complaint.subject)).one() == "密封圈开裂"


def test_the_same_letter_again_makes_no_second_draft(poller: Poller, mailbox_account: Account, make: Make) -> None:
    mailbox_account.append_all([a_mail(), a_mail()])
    poller.once()
    again = a_mail().replace(b"From:", b"Received: from relay.example by mx; Mon, 16 Nov 2026 03:00:00 +0000\r\nFrom:")
    mailbox_account.append(again)
    poller.once()
    assert outcomes(make) == ["drafted", "duplicate", "duplicate"]
    assert (count(make, Complaint), count(make, Letter), count(make, Outgoing)) == (1, 1, 1)


def test_another_mail_that_reuses_a_message_id_is_not_swallowed(
    poller: Poller, mailbox_account: Account, make: Make
) -> None:
    mailbox_account.append_all([a_mail("first"), a_mail("second")])
    poller.once()
    assert outcomes(make) == ["drafted", "drafted"]


def test_two_pollers_at_once_make_one_draft_of_each_mail(
    new_poller: Callable[..., Poller], mailbox_account: Account, make: Make
) -> None:
    mailbox_account.append_all([a_mail(f"Mail {n}", sender=f"c{n}@q{n}.example") for n in range(12)])
    pollers = [new_poller(), new_poller()]
    start = threading.Barrier(2)

    def go(poller: Poller) -> None:
        start.wait()
        poller.once()

    threads = [threading.Thread(target=go, args=(each,)) for each in pollers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pollers[0].once()
    assert (count(make, Complaint), count(make, Letter), count(make, Outgoing)) == (12, 12, 12)
    assert set(outcomes(make)) <= {"drafted", "duplicate"}


def test_an_answer_to_our_mail_joins_its_complaint(poller: Poller, mailbox_account: Account, make: Make) -> None:
    mailbox_account.append(a_mail())
    poller.once()
    with make() as session:
        ours = session.scalars(select(Outgoing.message_id)).one()
    mailbox_account.append(a_mail("More photos", message_id="<m2@quell.example>", in_reply_to=f"<{ours}>"))
    assert poller.once() == {"joined": 1}
    with make() as session:
        complaint = session.scalars(select(Complaint)).one()
        assert complaint.unread_count == 2
        assert session.scalars(select(Letter.complaint_id)).all() == [complaint.id, complaint.id]
    assert count(make, Outgoing) == 1


@pytest.mark.parametrize(
    ("who", "cites"),
    [("stranger@elsewhere.example", True), ("ines@quell.example", False)],
    ids=["a stranger who cites our mail", "the customer with a number in the subject only"],
)
def test_anything_weaker_becomes_a_draft_of_its_own(
    who: str, cites: bool, poller: Poller, mailbox_account: Account, make: Make
) -> None:
    mailbox_account.append(a_mail())
    poller.once()
    with make() as session:
        ours, number = session.execute(
            select(Outgoing.message_id, Complaint.number).join(Complaint, Outgoing.complaint_id == Complaint.id)
        ).one()
    headers = {"references": f"<{ours}>"} if cites else {}
    mailbox_account.append(
        a_mail("Me too", sender=who, subject=f"Re: [{number}]", message_id="<x@elsewhere.example>", **headers)
    )
    assert poller.once() == {"drafted": 1}


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({"auto_submitted": "auto-replied"}, "set_aside"),
        ({"precedence": "bulk"}, "set_aside"),
    ],
)
def test_machines_are_never_answered(
    headers: dict[str, str], outcome: str, poller: Poller, mailbox_account: Account, make: Make
) -> None:
    mailbox_account.append(a_mail(**headers))
    poller.once()
    assert outcomes(make) == [outcome]
    assert (count(make, Complaint), count(make, Outgoing)) == (0, 0)


def test_our_own_mail_coming_back_makes_no_draft(poller: Poller, mailbox_account: Account, make: Make) -> None:
    mailbox_account.append(a_mail(sender="complaints@mill.example"))
    poller.once()
    assert count(make, Complaint) == 0
    assert count(make, Outgoing) == 0


def test_a_list_mail_is_a_draft_without_acknowledgement(poller: Poller, mailbox_account: Account, make: Make) -> None:
    mailbox_account.append(a_mail(list_id="<complaints.mill.example>"))
    poller.once()
    assert outcomes(make) == ["drafted"]
    assert count(make, Outgoing) == 0


def test_nothing_older_than_three_days_is_acknowledged(poller: Poller, mailbox_account: Account, make: Make) -> None:
    mailbox_account.append(a_mail(), at=datetime.now(UTC) - timedelta(days=4))
    poller.once()
    assert outcomes(make) == ["drafted"]
    assert count(make, Outgoing) == 0


def test_one_sender_is_acknowledged_five_times_an_hour(poller: Poller, mailbox_account: Account, make: Make) -> None:
    mailbox_account.append_all([a_mail(f"Mail {n}", message_id=f"<{n}@quell.example>") for n in range(8)])
    poller.once()
    assert (count(make, Complaint), count(make, Outgoing)) == (8, 5)


def test_a_failed_verdict_of_our_own_server_stops_answer_and_joining(
    new_poller: Callable[..., Poller], mailbox_account: Account, make: Make
) -> None:
    poller = new_poller(authserv_id="mx.mill.example")
    mailbox_account.append(a_mail(authentication_results="mx.mill.example; dmarc=fail"))
    poller.once()
    assert outcomes(make) == ["drafted"]
    assert count(make, Outgoing) == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"no header at all",
        b"Subject: only this\r\n\r\n",
        b"From: \r\nDate: never\r\nMessage-ID: <[a@x]>\r\n\r\nbody",
        b"From: a@\r\nSubject: =?utf-8?b?!!!?=\r\n\r\nbody",
        b"From: a@b.example\r\nContent-Type: multipart/mixed\r\n\r\nno boundary",
        b"From: a@b.example\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe\x00\x00",
        b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n<svg onload=alert(1)><p>x</p>\x00",
        b"From: " + b"(" * 2000 + b"\r\n\r\nbody",
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_a_broken_mail_is_a_draft_or_quarantined_and_the_next_one_arrives(
    raw: bytes, poller: Poller, mailbox_account: Account, make: Make
) -> None:
    mailbox_account.drop(raw)
    mailbox_account.append(a_mail())
    poller.once()
    assert len(outcomes(make)) == 2
    assert set(outcomes(make)) <= {"drafted", "quarantined", "set_aside"}
    assert outcomes(make)[-1] == "drafted"


def test_a_mail_over_the_limit_leaves_its_header_and_a_visible_reason(
    new_poller: Callable[..., Poller], mailbox_account: Account, make: Make
) -> None:
    mailbox_account.append_all([a_mail("x" * 50_000), a_mail(message_id="<small@quell.example>")])
    new_poller(mail_limit=20_000).once()
    with make() as session:
        large, small = session.scalars(select(Sighting).order_by(Sighting.size.desc())).all()
    assert (large.outcome, large.reason, large.raw) == ("quarantined", "too_large", None)
    assert large.headers is not None
    assert "Oil weeping" in large.headers
    assert small.outcome == "drafted"


def test_after_a_change_of_uidvalidity_nothing_is_taken_twice(
    poller: Poller, mailbox_account: Account, make: Make
) -> None:
    raws = [a_mail(f"Mail {n}", message_id=f"<{n}@quell.example>", sender=f"c{n}@q.example") for n in range(5)]
    mailbox_account.append_all(raws)
    poller.once()
    mailbox_account.forget_uids()
    mailbox_account.append_all([*raws, a_mail("new", message_id="<new@quell.example>")])
    poller.once()
    assert count(make, Complaint) == 6
    assert outcomes(make).count("duplicate") == 5


def test_wrong_credentials_are_noted_with_since_when_and_other_mailboxes_go_on(
    new_poller: Callable[..., Poller], mailbox_account: Account, make: Make, chosen: Settings
) -> None:
    wrong = imap_account(mailbox_account.url.replace(":p%40", ":wrong%40"))
    with pytest.raises(LoginError):
        new_poller(imap=(wrong,)).once()
    with make() as session:
        row = session.scalars(select(Mailbox)).one()
        assert row.fault is not None
        assert "refused" in row.fault
        assert row.fault_since is not None
    mailbox_account.append(a_mail())
    new_poller().once()
    with make() as session:
        assert session.scalars(select(Mailbox)).one().fault is None
    assert count(make, Complaint) == 1


def test_an_unknown_folder_is_noted(new_poller: Callable[..., Poller], mailbox_account: Account, make: Make) -> None:
    elsewhere = imap_account(mailbox_account.url.replace("/INBOX", "/Nowhere"))
    with pytest.raises(Exception, match=r"(?i)nowhere|exist"):
        new_poller(imap=(elsewhere,)).once()
    with make() as session:
        assert session.scalars(select(Mailbox.fault)).one()


def test_a_known_contact_keeps_the_name_we_have(poller: Poller, mailbox_account: Account, make: Make) -> None:
    mailbox_account.append(a_mail())
    poller.once()
    mailbox_account.append(a_mail("more", sender="Win A Prize <ines@quell.example>", message_id="<m9@quell.example>"))
    poller.once()
    with make() as session:
        assert session.scalars(select(Contact.name)).one() == "Ines Carrow"


def test_a_full_mailbox_that_refuses_the_move_still_gives_its_drafts(
    new_poller: Callable[..., Poller], dovecot: Dovecot, make: Make
) -> None:
    account = dovecot.start().account(quota="30K")
    account.append(a_mail("x" * 20_000))
    poller = new_poller(imap=(imap_account(account.url),))
    mail = account.messages()[0]
    account.drop(mail[1] + b"more", "Processed")
    poller.once()
    poller.once()
    assert outcomes(make) == ["drafted"]


@pytest.mark.parametrize("told", [True, False])
def test_the_acknowledgement_names_a_time_only_where_the_company_wants_it(
    told: bool, new_poller: Callable[..., Poller], mailbox_account: Account, make: Make
) -> None:
    mailbox_account.append(a_mail())
    new_poller(acknowledge_with_time=told).once()
    with make() as session:
        assert ("answer_by" in session.scalars(select(Outgoing.values)).one()) is told


def test_a_message_that_the_server_will_not_serve_holds_up_no_other(
    poller: Poller, mailbox_account: Account, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox_account.append_all([a_mail(f"Mail {n}", sender=f"c{n}@q{n}.example") for n in range(3)])
    bad = mailbox_account.messages()[1][0]
    served = imap.Mailbox._fetch

    def refuse(mailbox: imap.Mailbox, uids: list[int], *what: str) -> object:
        mailbox.asking = uids
        if bad in uids and "BODY.PEEK[]" in what:
            raise IMAPClientError("NO this one is broken")
        return served(mailbox, uids, *what)

    monkeypatch.setattr(imap.Mailbox, "_fetch", refuse)  # a real server cannot be told to break on one message
    poller.once()
    assert outcomes(make) == ["drafted", "drafted"]
    assert [uid for uid, _ in mailbox_account.messages()] == [bad]
    with make() as session:
        assert f"message {bad} cannot be fetched" in (session.scalars(select(Mailbox.fault)).one() or "")


def test_a_new_message_under_an_old_uid_is_taken(poller: Poller, mailbox_account: Account, make: Make) -> None:
    mailbox_account.append(a_mail())
    with imap.Mailbox(poller.account, limit=10_000) as mailbox:
        epoch, (uid,) = mailbox.uidvalidity, mailbox.uids()
    long_ago = datetime(2026, 1, 5, tzinfo=UTC)
    with make.begin() as session:  # as a mailbox restored from a backup leaves it
        session.add(
            Sighting(
                mailbox_id=poller.mailbox_id,
                uidvalidity=epoch,
                uid=uid,
                size=1,
                received_at=long_ago,
                seen_at=long_ago,
                outcome="drafted",
                values={},
            )
        )
    poller.once()
    assert outcomes(make) == ["drafted", "drafted"]
    assert count(make, Letter) == 1


def test_a_certificate_that_nobody_vouches_for_is_noted_and_nothing_goes_out_in_clear(
    new_poller: Callable[..., Poller], mailbox_account: Account, make: Make
) -> None:
    secure = imap_account(mailbox_account.tls_url)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        new_poller(imap=(secure,)).once()
    with make() as session:
        assert "CERTIFICATE_VERIFY_FAILED" in (session.scalars(select(Mailbox.fault)).one() or "")
    assert not any("Login" in line for line in mailbox_account.log())


def test_of_two_mailboxes_the_broken_one_does_not_stop_the_other(
    chosen: Settings, mailbox_account: Account, make: Make, bell: Bell
) -> None:
    wrong = imap_account(mailbox_account.url.replace("/INBOX", "/Nowhere"))
    stop = threading.Event()
    settings = replace(chosen, imap=(wrong, chosen.imap[0]))
    running = threading.Thread(target=run_all, args=(settings, make, bell, stop))
    running.start()
    try:
        mailbox_account.append(a_mail())
        eventually(lambda: count(make, Complaint) == 1)
        eventually(lambda: [bool(fault) for fault in faults(make)] == [True, False])
    finally:
        stop.set()
        running.join(30)


def faults(make: Make) -> list[str | None]:
    with make() as session:
        return list(session.scalars(select(Mailbox.fault).order_by(Mailbox.name.like("%INBOX"))))


@pytest.mark.parametrize(
    ("address", "shared"),
    [
        ("complaints@mill.example", True),
        ("complaints@mill.com.cn", True),
        ("in@complaints.mill.example", False),
        ("in@complaints.mill.com.cn", False),
        ("support@127.0.0.1", False),
    ],
)
def test_an_intake_in_the_companys_own_domain_is_warned_of(address: str, shared: bool) -> None:
    assert shares_domain(address) is shared


def test_a_mailbox_that_cannot_be_reached_is_not_tried_in_a_loop_because_somebody_asked(
    poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    stop = threading.Event()

    def refused(_: object) -> None:
        tries.append(1)
        if len(tries) > 20:
            stop.set()
        raise ConnectionRefusedError

    def wait(seconds: float | None = None) -> bool:
        waits.append(seconds)
        if len(waits) > 5:
            stop.set()
        return stop.is_set()

    waits: list[float | None] = []
    monkeypatch.setattr(stop, "wait", wait)
    monkeypatch.setattr("intake.poller.Mailbox.__enter__", refused)
    poller.asked.set()
    poller.run(stop)
    assert len(tries) < len(waits)
