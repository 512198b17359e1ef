"""What went wrong once when a disk was full, a file was missing, a clock was wrong or somebody asked at a bad time."""

import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from mailbox import mbox
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import TimeoutError as NoConnection

from complaints import acknowledgement, mailboxes, rows
from complaints.blobs import Blobs
from complaints.complaint import Complaint
from complaints.database import transaction
from complaints.letters import Letter, Sighting
from complaints.outbox import Outgoing
from intake import doors
from intake import reader as reading
from intake.mailbox import Mailbox
from intake.pipeline import Intake
from intake.pollers import Pollers
from intake.reader import Limits, Reader, Request, Understood
from intake.reconcile import reconcile
from tests.intake.conftest import Bell
from tests.intake.faults import World, mail
from tests.intake.test_imap_faults import NewWorld, new_world, world
from tests.rigs.imap import MODERN, PLAIN
from tests.rigs.waiting import eventually

__all__ = ["new_world", "world"]  # fixtures
NOBODY_REMOVES = tuple(each for each in MODERN if each not in ("MOVE", "UIDPLUS"))


def killed_before_reading(world: World, count: int) -> list[str]:
    """Messages that are kept, moved and not taken in; their names in the blob store."""
    world.deliver_many(count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Intake, "take_in", lambda *_: Counter())
        world.poll()
    with transaction(world.make) as session:
        session.execute(update(Sighting).values(seen_at=datetime.now(UTC) - timedelta(minutes=5)))
        names = [str(name) for name in session.scalars(select(Sighting.raw).order_by(Sighting.id))]
    world.start()
    return names


def reasons(world: World) -> list[str | None]:
    with world.make() as session:
        return list(session.scalars(select(Sighting.reason).order_by(Sighting.id)))


# The blob store


def test_after_the_store_failed_every_answer_belongs_to_its_own_mail(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    asked = [Request(name, files=False) for name in blobs.put_all(mail(n) for n in range(4))]
    path = blobs.path(asked[1].raw)
    with Reader(tmp_path, limits=Limits(wall_seconds=5)) as reader:
        path.rename(tmp_path / "aside")
        path.mkdir()  # the disk fails there
        with pytest.raises(OSError, match="directory"):
            list(reader.read_all(asked))
        path.rmdir()
        (tmp_path / "aside").rename(path)
        said = [what.mail.text for what in reader.read_all(asked[1:]) if isinstance(what, Understood)]
    assert said == ["Serial 1", "Serial 2", "Serial 3"]


@pytest.mark.parametrize("lost", [True, False])
def test_a_kept_mail_that_is_lost_or_altered_holds_up_no_other_and_can_be_restored(lost: bool, world: World) -> None:
    path = Blobs(world.settings.blobs).path(killed_before_reading(world, 3)[1])
    whole = path.read_bytes()
    path.unlink() if lost else path.write_bytes(whole[:-9])
    world.poll()
    assert reasons(world)[1] == ("raw_missing" if lost else "raw_altered")
    assert Counter(world.outcomes()) == {"drafted": 2, "quarantined": 1}
    path.write_bytes(whole)
    assert [o.outcome for o in doors.retry(world.settings, world.make, Bell(), [2])] == ["drafted"]
    world.check_invariants()


def test_an_altered_mail_that_comes_again_is_kept_anew(world: World) -> None:
    path = Blobs(world.settings.blobs).path(killed_before_reading(world, 1)[0])
    path.write_bytes(b"")
    world.poll()
    world.server.deliver(world.injected[0])
    world.poll()
    assert world.outcomes() == ["quarantined", "drafted"]


def test_a_store_that_is_not_there_makes_every_mail_wait(world: World) -> None:
    killed_before_reading(world, 2)
    store = world.settings.blobs
    store.rename(store.with_name("elsewhere"))
    world.poll()
    assert set(world.outcomes()) == {"waiting"}
    store.with_name("elsewhere").rename(store)
    world.poll()
    world.check_invariants()


def test_where_the_disk_does_not_take_all_none_of_it_stays(tmp_path: Path) -> None:
    def contents() -> Iterable[bytes]:
        yield b"one"
        yield b"two"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        Blobs(tmp_path).put_all(contents())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_message_too_large_to_keep_stays_in_the_mailbox_and_can_be_fetched_again(world: World) -> None:
    world.settings = replace(world.settings, mail_limit=1000)
    world.start()
    world.deliver(mail(1, "x" * 5000))
    world.poll(2)
    assert (world.outcomes(), world.server.uids()) == (["quarantined"], [1])
    world.settings = replace(world.settings, mail_limit=100_000)
    world.start()
    (told,) = doors.retry(world.settings, world.make, Bell(), [1])
    assert (told.outcome, told.reason, told.sighting_id) == ("duplicate", "fetched_again", 1)
    world.poll()
    assert (world.outcomes(), world.server.uids()) == (["duplicate", "drafted"], [])


# The child


@pytest.mark.parametrize(
    "says", [b"m\0\0\0\x08{}\nxxxxx", b"u\0\0\0\x02[]", b"m\0\0\0\x01\xff", b"z\0\0\0\0", b"m\xff\xff\xff\xff"]
)
def test_a_child_that_says_nonsense_costs_its_mail_only(
    says: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _a_child(tmp_path, monkeypatch, f"for line in sys.stdin:\n sys.stdout.buffer.write({says!r}); sys.stdout.flush()")
    with Reader(tmp_path) as reader:
        answers = list(reader.read_all([Request("a"), Request("b")]))
    assert [getattr(answer, "reason", "") for answer in answers] == ["reader_died"] * 2


def test_a_child_that_falls_silent_for_good_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _a_child(tmp_path, monkeypatch, "sys.stdin.readline(); os.close(1); time.sleep(60)")
    monkeypatch.setattr(reading, "LAST_BREATH", 0.1)
    began = time.monotonic()
    with Reader(tmp_path) as reader:
        reader.read(Request("a"))
    assert time.monotonic() - began < 10


def _a_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    (tmp_path / "intake").mkdir()
    (tmp_path / "intake" / "child.py").write_text(f"import os, sys, time\nsys.stdin.readline()\n{does}\n")
    monkeypatch.setattr(reading, "ROOT", tmp_path)


# What waits


def test_what_is_kept_is_taken_in_while_the_server_is_away(world: World) -> None:
    killed_before_reading(world, 3)
    world.server.stop()
    with world.running():
        eventually(lambda: set(world.outcomes()) == {"drafted"})
    world.server.start()
    world.check_invariants()


@pytest.mark.parametrize("what", ["paused_at", "active"])
def test_what_is_kept_of_a_mailbox_that_rests_is_taken_in(what: str, world: World) -> None:
    killed_before_reading(world, 3)
    with transaction(world.make) as session:
        session.execute(update(mailboxes.Mailbox).values({what: datetime.now(UTC) if what == "paused_at" else False}))
    stop = threading.Event()
    thread = threading.Thread(target=Pollers(world.settings, world.make, Bell()).run, args=(stop,))
    thread.start()
    try:
        eventually(lambda: set(world.outcomes()) == {"drafted"})
    finally:
        stop.set()
        thread.join(30)


def test_an_import_goes_on_with_what_it_had_kept(world: World, tmp_path: Path) -> None:
    box = mbox(tmp_path / "old")
    for number in range(130):
        box.add(mail(number))
    box.close()
    old = doors.backlog(tmp_path / "old")
    cut = doors.deliver(world.settings, world.make, Bell(), old, door="import")
    for _ in range(60):
        next(cut)
    del cut
    assert "waiting" in world.outcomes()
    doors.go_on(world.settings, world.make, Bell())
    left = [raw for raw in doors.not_imported(world.make, old) if raw is not None]
    list(doors.deliver(world.settings, world.make, Bell(), left, door="import"))
    assert world.outcomes() == ["drafted"] * 130


@pytest.mark.parametrize("door", ["import", "recover"])
def test_registering_old_mail_writes_to_nobody(door: str, world: World) -> None:
    (outcome,) = doors.deliver(world.settings, world.make, Bell(), [mail(1, received="x; " + _today())], door=door)
    with transaction(world.make) as session:
        draft = session.get_one(Complaint, outcome.complaint_id)
        now = datetime.now(UTC)
        assert not acknowledgement.make_up_for(session, draft, at=now, secret="s" * 32, domain="mill.example")
    assert world.count(Outgoing) == 0


def _today() -> str:
    return f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} +0000"


def test_a_poller_told_to_stop_ends_with_what_it_has_kept(world: World) -> None:
    world.deliver_many(150)
    world.server.meanwhile("MOVE", world.poller._stop.set)
    world.poll()
    assert world.outcomes() == ["drafted"] * 50
    world.poller._stop.clear()
    world.poll()
    world.check_invariants()


def test_a_pool_without_a_connection_is_no_messages_doing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.deliver_many(2)

    def none(*_: object) -> None:
        raise NoConnection("QueuePool limit of size 5 overflow 10 reached")

    with monkeypatch.context() as patch:
        patch.setattr("intake.pipeline.Taker.__call__", none)
        with pytest.raises(NoConnection):
            world.poll()
    assert set(world.outcomes()) == {"waiting"}
    world.poll()
    world.check_invariants()


# Asked, leased, and what time it is


def test_a_quiet_mailbox_stays_with_the_poller_that_reads_it(world: World) -> None:
    at = datetime.now(UTC)
    world.now = lambda: at
    poller = world.start()
    assert poller._lease()
    with Mailbox(poller.account, limit=1000) as mailbox:
        for _ in range(5):
            at += timedelta(seconds=60)
            poller.look(mailbox)
    with transaction(world.make) as session:
        assert not mailboxes.take_lease(session, poller.mailbox_id, holder="another", at=at)


def test_a_lease_that_a_wrong_clock_took_binds_nobody(world: World) -> None:
    now, wrong = datetime.now(UTC), datetime.now(UTC) + timedelta(days=3650)
    with transaction(world.make) as session:
        assert mailboxes.take_lease(session, world.poller.mailbox_id, holder="died", at=wrong)
    with transaction(world.make) as session:
        assert mailboxes.take_lease(session, world.poller.mailbox_id, holder="new", at=now)


def test_a_clock_that_is_set_back_is_believed_at_once(world: World) -> None:
    at = datetime.now(UTC) + timedelta(days=3650)
    world.now = lambda: at
    world.start()
    world.poll()
    at = datetime.now(UTC)
    world.poll()
    with world.make() as session:
        assert session.scalars(select(mailboxes.Mailbox.looked_at)).one() == at


@pytest.mark.parametrize(
    "when", [{"says": {"INTERNALDATE": None}}, {"says": {"INTERNALDATE": b'"31-Feb-2026 11:00:00 +0800"'}},
             {"at": datetime(2099, 1, 1, tzinfo=UTC)}]
)  # fmt: skip
def test_a_message_of_no_time_or_of_the_future_is_seen_once(when: dict[str, object], new_world: NewWorld) -> None:
    world = new_world(capabilities=NOBODY_REMOVES)
    world.deliver(mail(1), **when)
    world.poll(4)
    assert world.outcomes() == ["drafted"]


def test_a_folder_of_many_that_nobody_may_empty_is_compared_quickly(new_world: NewWorld) -> None:
    world, now = new_world(capabilities=PLAIN), datetime.now(UTC)
    sightings = [
        {"mailbox_id": world.poller.mailbox_id, "uidvalidity": 1000, "uid": uid, "raw": "0" * 64, "size": 1,
         "received_at": now, "seen_at": now, "outcome": "drafted", "values": {}}
        for uid in range(1, 20_001)
    ]  # fmt: skip
    with transaction(world.make) as session:
        rows.add(session, Sighting, *sightings)
    with Mailbox(world.poller.account, limit=1000) as mailbox:
        world.poller._compared = mailbox
        began = time.process_time()
        assert len(world.poller._taken(mailbox, list(range(1, 20_001)))) == 20_000
    assert time.process_time() - began < 2


# Others' sake, and the proof


def test_no_more_than_five_answers_go_to_one_sender_however_many_deliver_at_once(world: World) -> None:
    together = threading.Barrier(16)

    def deliver(number: int) -> None:
        raw = mail(1, f"Words {number}").replace(b"<1@q1", f"<{number}@q1".encode())
        together.wait()
        list(doors.deliver(world.settings, world.make, Bell(), [raw]))

    threads = [threading.Thread(target=deliver, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (world.count(Letter), world.count(Outgoing)) == (16, 5)


def test_a_large_message_that_was_lost_is_not_taken_for_an_empty_one(world: World) -> None:
    world.server.deliver(b"\r\n")
    world.poll()
    world.server.deliver(mail(5, "z" * 3_000_000), folder="Processed")
    (found,) = reconcile(world.settings, world.make, [(world.poller.mailbox_id, world.poller.account)])
    assert len(found.unaccounted) == 1
