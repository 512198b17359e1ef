"""Other doors, one pipeline: delivered, imported, taken again, read again, and the proof that nothing is missing."""

import base64
import json
import mailbox
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from complaints.blobs import Blobs
from complaints.clocks import Clock
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.letters import Letter, Sighting
from complaints.mailboxes import polled
from complaints.outbox import Outgoing
from complaints.settings import ImapAccount, Settings
from intake import doors
from intake.accounts import account, ensure_environment_rows
from intake.explain import Explainer
from intake.poller import Poller
from intake.reconcile import Account as Reconciled
from intake.reconcile import reconcile, recover
from tests.intake.conftest import Bell
from tests.intake.letters import a_mail
from tests.rigs.dovecot import Account

Make = sessionmaker[Session]
Accounts = list[tuple[int, ImapAccount]]


def count(make: Make, table: type) -> int:
    with make() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def letter_with(subject: str, number: int = 1, **more: str) -> bytes:
    return a_mail(f"Words {number}", subject=subject, message_id=f"<{number}@quell.example>", **more)


# Delivered


def test_a_delivered_message_becomes_a_draft_and_the_bell_rings(chosen: Settings, make: Make, bell: Bell) -> None:
    (outcome,) = doors.deliver(chosen, make, bell, [a_mail()])
    assert (outcome.outcome, outcome.reason) == ("drafted", "acknowledged")
    with make() as session:
        sighting = session.get_one(Sighting, outcome.sighting_id)
        assert (sighting.door, sighting.mailbox_id, sighting.outcome) == ("deliver", None, "drafted")
        assert session.scalars(select(Complaint.number)).one() == outcome.number
    assert bell.rings == 1


def test_the_same_message_delivered_again_is_a_duplicate_of_the_same_complaint(
    chosen: Settings, make: Make, bell: Bell
) -> None:
    first, second = doors.deliver(chosen, make, bell, [a_mail(), a_mail()])
    assert (second.outcome, second.number) == ("duplicate", first.number)
    assert (count(make, Complaint), count(make, Outgoing), count(make, Sighting)) == (1, 1, 2)


def test_a_message_over_the_limit_is_kept_whole(chosen: Settings, make: Make, bell: Bell) -> None:
    small = Settings(**{**chosen.__dict__, "mail_limit": 2000})
    (outcome,) = doors.deliver(small, make, bell, [a_mail("x" * 3000)])
    assert (outcome.outcome, outcome.reason) == ("quarantined", "too_large_kept")
    with make() as session:
        sighting = session.get_one(Sighting, outcome.sighting_id)
        assert "Oil weeping" in (sighting.headers or "")
        assert sighting.raw == sha256(a_mail("x" * 3000)).hexdigest()
    (again,) = doors.retry(small, make, bell, [sighting.id])
    assert (again.outcome, count(make, Complaint)) == ("drafted", 1)


def test_what_cannot_be_stored_raises_so_that_it_is_given_again(
    chosen: Settings, make: Make, bell: Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> list[str]:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "put_all", full)
        with pytest.raises(OSError, match="No space"):
            list(doors.deliver(chosen, make, bell, [a_mail()]))
    assert count(make, Sighting) == 0
    (outcome,) = doors.deliver(chosen, make, bell, [a_mail()])
    assert outcome.outcome == "drafted"


# The backlog


@pytest.fixture
def old_mail(tmp_path: Path) -> Callable[[str], Path]:
    """Old mail as a Maildir or an mbox file: three letters, one of them twice, with a line that begins like an mbox."""

    def made(kind: str) -> Path:
        path = tmp_path / kind
        box = mailbox.Maildir(path, create=True) if kind == "maildir" else mailbox.mbox(path, create=True)
        old = {"received": "from a by b; Tue, 03 Mar 2026 09:15:00 +0800"}
        for raw in (
            letter_with("first", 1, **old),
            a_mail("Dear all,\nFrom the beginning it leaked.", subject="second", message_id="<2@quell.example>", **old),
            letter_with("third", 3, **old),
            letter_with("first", 1, **old),
        ):
            box.add(raw)
        box.close()
        return path

    return made


@pytest.mark.parametrize("kind", ["maildir", "mbox"])
def test_an_import_makes_drafts_and_writes_to_nobody(
    kind: str, old_mail: Callable[[str], Path], chosen: Settings, make: Make, bell: Bell
) -> None:
    old = doors.backlog(old_mail(kind))
    assert old.count == 4
    outcomes = [o.outcome for o in doors.deliver(chosen, make, bell, old, door="import")]
    assert sorted(outcomes) == ["drafted", "drafted", "drafted", "duplicate"]
    assert (count(make, Outgoing), count(make, Clock), bell.rings) == (0, 0, 0)
    with make() as session:
        received = session.scalars(select(Complaint.received_at)).all()
        texts = session.scalars(select(Letter.text)).all()
    assert {at.isoformat() for at in received} == {"2026-03-03T01:15:00+00:00"}
    assert "Dear all,\nFrom the beginning it leaked." in texts


def test_an_import_that_was_cut_short_goes_on_where_it_was(
    old_mail: Callable[[str], Path], chosen: Settings, make: Make, bell: Bell
) -> None:
    old = doors.backlog(old_mail("maildir"))
    list(doors.deliver(chosen, make, bell, list(old)[:2], door="import"))
    left = list(doors.not_imported(make, old))
    assert sum(raw is None for raw in left) >= 2
    list(doors.deliver(chosen, make, bell, [raw for raw in left if raw is not None], door="import"))
    assert (count(make, Complaint), count(make, Letter)) == (3, 3)
    assert all(raw is None for raw in doors.not_imported(make, old))


@pytest.mark.parametrize(
    ("name", "said"), [("nowhere", "does not exist"), ("plain.txt", "no mbox"), ("folder", "no Maildir")]
)
def test_what_is_no_mailbox_is_refused_with_a_sentence(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("Dear Sir")
    (tmp_path / "folder").mkdir()
    with pytest.raises((FileNotFoundError, ValueError), match=said):
        doors.backlog(tmp_path / name)


# Once more


def test_a_quarantined_message_is_taken_through_again(chosen: Settings, make: Make, bell: Bell) -> None:
    (outcome,) = doors.deliver(chosen, make, bell, [a_mail()])
    with transaction(make) as session:  # as it stands after a failure that has been mended since
        for table in (Letter, Complaint, Outgoing):
            assert session.scalar(select(func.count()).select_from(table)) == 1
        session.execute(update(Letter).values(content_key="0" * 64))
        session.execute(
            update(Sighting).values(outcome="quarantined", reason="failed", letter_id=None, complaint_id=None)
        )
    (again,) = doors.retry(chosen, make, bell, [outcome.sighting_id or 0])
    assert again.outcome == "drafted"
    assert doors.retry(chosen, make, bell, [outcome.sighting_id or 0]) == []


def test_a_letter_is_read_again_in_the_charset_that_a_person_chose(chosen: Settings, make: Make, bell: Bell) -> None:
    words = "控制板上电无响应"
    raw = (
        b"From: a@quell.example\r\nSubject: plain\r\nMessage-ID: <g@quell.example>\r\n"
        b"Content-Type: text/plain; charset=windows-1251\r\n\r\n" + words.encode("gb18030")
    )
    (outcome,) = doors.deliver(chosen, make, bell, [raw])
    with make() as session:
        letter_id, wrong = session.execute(select(Letter.id, Letter.text)).one()
    assert words not in wrong
    doors.reread(chosen, make, letter_id, "gb18030")
    with make() as session:
        letter = session.get_one(Letter, letter_id)
        assert (letter.text, letter.charset) == (words, "gb18030")
        assert session.get_one(Complaint, outcome.complaint_id).content == words
    doors.reread(chosen, make, letter_id, "")
    with make() as session:
        assert session.get_one(Letter, letter_id).text == wrong


def test_reading_again_leaves_alone_what_a_person_has_written(chosen: Settings, make: Make, bell: Bell) -> None:
    (outcome,) = doors.deliver(chosen, make, bell, [a_mail()])
    with transaction(make) as session:
        session.execute(update(Complaint).values(content="Typed by the clerk"))
        letter_id = session.scalars(select(Letter.id)).one()
    doors.reread(chosen, make, letter_id, "utf-16")
    with make() as session:
        assert session.get_one(Complaint, outcome.complaint_id).content == "Typed by the clerk"


# The proof


@pytest.fixture
def accounts(chosen: Settings, make: Make) -> Accounts:
    with transaction(make) as session:
        ensure_environment_rows(session, chosen)
        return [(row.id, account(row, chosen, make)) for row in polled(session)]


def proof(chosen: Settings, make: Make, accounts: Accounts) -> Reconciled:
    (found,) = reconcile(chosen, make, accounts)
    return found


def test_every_message_in_the_mailbox_is_accounted_for(
    chosen: Settings, make: Make, poller: Poller, mailbox_account: Account, accounts: Accounts
) -> None:
    mailbox_account.append_all([letter_with(f"No. {n}", n) for n in range(5)] + [letter_with("No. 1", 1)])
    assert len(proof(chosen, make, accounts).unaccounted) == 6
    poller.once()
    found = proof(chosen, make, accounts)
    assert found.whole
    assert (found.seen, dict(found.counts)) == (6, {"drafted": 5, "duplicate": 1})


def test_the_proof_holds_after_a_message_was_moved_back_and_uidvalidity_changed(
    chosen: Settings, make: Make, poller: Poller, mailbox_account: Account, accounts: Accounts
) -> None:
    mailbox_account.append(letter_with("only", 1))
    poller.once()
    with transaction(make) as session:
        session.execute(update(Sighting).values(uidvalidity=1))
    assert proof(chosen, make, accounts).whole


def test_what_a_restored_ledger_lost_is_taken_in_again_and_nobody_is_written_to(
    chosen: Settings, make: Make, bell: Bell, poller: Poller, mailbox_account: Account, accounts: Accounts
) -> None:
    mailbox_account.append_all([letter_with("kept", 1), letter_with("lost", 2)])
    poller.once()
    with transaction(make) as session:  # last night's backup knew the first only
        lost = session.scalars(select(Letter).where(Letter.subject == "lost")).one()
        session.execute(update(Letter).where(Letter.id == lost.id).values(content_key="0" * 64, message_id=""))
        session.execute(
            update(Sighting).where(Sighting.letter_id == lost.id).values(raw="0" * 64, uid=None, letter_id=None)
        )
    sent = count(make, Outgoing)
    assert len(proof(chosen, make, accounts).unaccounted) == 1
    assert [o.outcome for o in recover(chosen, make, bell, accounts)] == ["drafted"]
    assert list(recover(chosen, make, bell, accounts)) == []
    assert proof(chosen, make, accounts).whole
    assert count(make, Outgoing) == sent


# Explained


@pytest.fixture
def explainer() -> Iterator[Explainer]:
    with Explainer(own_addresses=["complaints@mill.example"], own_message_domain="mill.example", limit=1 << 20) as it:
        yield it


def test_an_explanation_says_what_a_mail_says(explainer: Explainer) -> None:
    told = explainer.explain(a_mail("It leaks.\n\n> older words", subject="阀门泄漏", in_reply_to="<x@mill.example>"))
    assert told["from_address"] == "ines@quell.example"
    assert told["subject"] == "阀门泄漏"
    assert told["reply_text"] == "It leaks."
    assert told["in_reply_to"] == "x@mill.example"
    assert (told["is_auto_reply"], told["is_bounce"], told["error"]) == (False, False, None)


def test_lines_are_answered_in_order_and_a_bad_one_stops_nothing(explainer: Explainer) -> None:
    good = {"id": 1, "raw": base64.b64encode(a_mail()).decode()}
    lines = [json.dumps(good), "not json", json.dumps({"id": "b"}), json.dumps([1]), json.dumps({**good, "id": 4})]
    answers = [json.loads(answer) for answer in explainer.lines(lines)]
    assert [answer["id"] for answer in answers] == [1, None, "b", None, 4]
    assert [answer["error"] is None for answer in answers] == [True, False, False, False, True]
