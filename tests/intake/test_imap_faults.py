"""What IMAP servers, networks and other people at the mailbox do to us; afterwards the invariants hold.

Every test leaves a healed world to `World.check_invariants`. That no message is touched before its row is committed is
looked at inside the server, before each MOVE, COPY, STORE and EXPUNGE.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise, repeat
from pathlib import Path

import pytest
from imapclient.exceptions import IMAPClientError, LoginError
from sqlalchemy.orm import Session, sessionmaker

from complaints.letters import Letter
from complaints.settings import imap_account
from intake import mailbox as imap
from intake import poller as polling
from tests.conftest import on_sqlite
from tests.intake.faults import World, mail, settings_for
from tests.rigs.certificate import new_certificate
from tests.rigs.imap import EXCHANGE, GMAIL, MODERN, PLAIN, ImapServer, Message
from tests.rigs.waiting import eventually

NewWorld = Callable[..., World]
without = {name: tuple(each for each in MODERN if each != name) for name in MODERN}


@pytest.fixture
def new_world(database_url: str, make: sessionmaker[Session], tmp_path: Path) -> Iterator[NewWorld]:
    """A world around a server of this kind: the words go to `ImapServer`."""
    worlds = []

    def world(**kind: object) -> World:
        server = ImapServer(**kind).start()  # type: ignore[arg-type]
        worlds.append(World(server, settings_for(server, database_url, tmp_path), make))
        return worlds[-1]

    yield world
    for each in worlds:
        each.close()
        each.server.close()


@pytest.fixture
def world(new_world: NewWorld) -> World:
    return new_world()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time-outs of a minute, in a fraction of a second."""
    monkeypatch.setattr(imap, "connect", partial(imap.connect, connect_within=0.3, reply_within=0.3))


# X10: the line breaks in mid-message

SIZE = str(len(mail(2))).encode()
BOUNDARIES = {
    "before the size": b"* 2 FETCH (UID 2 BODY[] ",
    "in the size": b"* 2 FETCH (UID 2 BODY[] {" + SIZE[:1],
    "before the data": b"* 2 FETCH (UID 2 BODY[] {" + SIZE + b"}\r\n",
    "in the data": b"Serial 2",
    "after the data": b"Serial 2\r\n",
    "after the message": b"Serial 2\r\n)\r\n",
    "before the end of the tagged line": b" OK don",
}


@pytest.mark.parametrize("where", BOUNDARIES)
def test_a_line_that_breaks_in_mid_message_leaves_nothing_partial(where: str, world: World) -> None:
    world.deliver_many(3)
    world.server.drop("FETCH", after=BOUNDARIES[where], holding="BODY.PEEK[]")
    assert world.poll(2)["drafted"] == 3
    kept = [path for path in world.settings.blobs.rglob("*") if path.is_file()]
    assert len(kept) == 3
    world.check_invariants()


@pytest.mark.parametrize("command", ["CONNECT", "LOGIN", "SELECT", "SEARCH", "FETCH", "LIST", "CREATE", "LOGOUT"])
@pytest.mark.parametrize("after", [None, 0, 3])
def test_a_line_that_breaks_at_any_command_costs_one_look(command: str, after: int | None, world: World) -> None:
    world.deliver_many(3)
    world.server.drop(command, after=after)
    assert world.poll(2)["drafted"] == 3
    world.check_invariants()


@pytest.mark.parametrize("kind", [MODERN, without["MOVE"]], ids=["MOVE", "COPY and UID EXPUNGE"])
@pytest.mark.parametrize("command", ["MOVE", "COPY", "STORE", "EXPUNGE"])
@pytest.mark.parametrize("after", [None, 0], ids=["undone", "done"])
def test_a_line_that_breaks_while_messages_move_makes_no_twin(
    command: str, after: int | None, kind: tuple[str, ...], new_world: NewWorld
) -> None:
    world = new_world(capabilities=kind)
    world.deliver_many(3)
    world.server.drop(command, after=after)
    world.poll(3)
    assert world.outcomes() == ["drafted"] * 3
    assert world.server.uids() == []
    world.check_invariants()


# X11: the server says no more

PLACES = [("CONNECT", ""), ("CAPABILITY", ""), ("LOGIN", ""), ("SELECT", ""), ("SEARCH", ""), ("FETCH", "RFC822.SIZE"),
          ("FETCH", "BODY.PEEK[]"), ("LIST", ""), ("CREATE", ""), ("MOVE", ""), ("LOGOUT", "")]  # fmt: skip


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("command", "holding"), PLACES)
def test_a_server_that_falls_silent_is_left_and_asked_anew(command: str, holding: str, world: World) -> None:
    world.deliver_many(3)
    world.server.hang(command, holding=holding)
    world.poll(3)
    assert world.outcomes() == ["drafted"] * 3
    assert len({each.connection for each in world.server.log}) > 1
    world.check_invariants()


@pytest.mark.usefixtures("impatient")
def test_a_server_that_falls_silent_in_mid_message_leaves_nothing_partial(world: World) -> None:
    world.deliver_many(3)
    world.server.hang("FETCH", after=b"Serial 2", holding="BODY.PEEK[]")
    assert world.poll(2)["drafted"] == 3
    world.check_invariants()


def test_while_one_mailbox_hangs_the_other_goes_on(new_world: NewWorld) -> None:
    hanging, world = new_world(), new_world()
    hanging.server.hang("SELECT", times=None)
    world.deliver_many(2)
    with hanging.running():
        hanging.server.wait_for("SELECT")
        with world.running():
            eventually(lambda: world.count(Letter) == 2)
        hanging.server.stop()
    world.check_invariants()


# X12: who may come in, and to whom we speak


class Patience(threading.Event):
    """Nobody waits: adds up how long it would have been, and stops when it is so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds, self.waited = seconds, 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self.waited += timeout or 0.0
        if self.waited >= self.seconds:
            self.set()
        return self.is_set()


def test_a_refused_login_is_told_without_the_password_and_ends_when_it_is_mended(world: World) -> None:
    world.deliver_many(3)
    world.server.password = "changed meanwhile"
    with pytest.raises(LoginError):
        world.poller.once()
    assert "refused" in world.fault()
    assert world.settings.imap[0].password not in world.fault()
    world.server.password = world.settings.imap[0].password
    assert world.poll() == {"drafted": 3}
    assert world.fault() == ""
    world.check_invariants()


def test_a_refused_login_is_not_tried_again_within_a_minute_so_that_no_account_is_locked(world: World) -> None:
    world.server.refuse("LOGIN", "NO [UNAVAILABLE] account locked")
    world.poller.run(Patience(180))
    assert len(world.server.heard("LOGIN")) == 3


def test_a_server_that_hangs_up_is_asked_with_growing_gaps_of_a_minute_at_most(world: World) -> None:
    patience, asked = Patience(400), []
    world.server.drop("SELECT", times=None)
    world.server.meanwhile("LOGIN", lambda: asked.append(patience.waited), times=None)
    world.poller.run(patience)
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert gaps == sorted(gaps)
    assert gaps[0] <= 5
    assert gaps[-1] == 60
    world.server.heal()
    world.check_invariants()


CERTIFICATES = {
    "expired": (True, {"days": -1}),
    "of another host": (True, {"names": ("imap.elsewhere.example",)}),
    "vouched for by nobody": (False, {}),
}


@pytest.mark.parametrize("which", CERTIFICATES)
def test_a_wrong_certificate_is_told_and_nothing_is_said_to_that_server(
    which: str, new_world: NewWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, how = CERTIFICATES[which]
    certificate = new_certificate(tmp_path, **how)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    world = new_world(certificate=certificate)
    world.deliver_many(1)
    world.poll(2)
    assert "CERTIFICATE_VERIFY_FAILED" in world.fault()
    assert world.server.log == []
    assert world.outcomes() == []


def test_the_right_certificate_is_taken(new_world: NewWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = new_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    world = new_world(certificate=certificate)
    world.deliver_many(3)
    assert world.poll() == {"drafted": 3}
    world.check_invariants()


@pytest.mark.usefixtures("impatient")
def test_where_tls_was_stripped_no_password_goes_out_in_clear(world: World) -> None:
    stripped = imap_account(world.server.url.replace("imap://", "imaps://"))
    world.settings = replace(world.settings, imap=(stripped,))
    world.start()
    world.poll(2)
    assert world.server.heard("LOGIN") == []
    assert not any("p@ss" in each.argument for each in world.server.log)
    assert world.fault()


@pytest.mark.parametrize("preauth", [False, True])
@pytest.mark.parametrize("offered", [False, True])
def test_where_starttls_is_missing_or_refused_no_password_goes_out_in_clear(
    offered: bool, preauth: bool, new_world: NewWorld
) -> None:
    world = new_world(capabilities=(*MODERN, "STARTTLS") if offered else MODERN, preauth=preauth)
    world.settings = replace(world.settings, imap=(replace(world.settings.imap[0], tls=True, starttls=True),))
    world.start()
    world.deliver_many(1)
    world.poll(2)
    assert {each.name for each in world.server.log} <= {"CAPABILITY", "STARTTLS"}
    assert world.fault()
    assert world.outcomes() == []


# X13: nothing comes over a dead IDLE


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("dead", [True, False], ids=["the line is dead", "the server forgets to tell"])
def test_a_mail_that_idle_does_not_tell_of_is_found_by_the_regular_look(
    dead: bool, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "LOOK_EVERY", 0.5)
    monkeypatch.setattr(polling, "FIRST_GAP", 0.01)
    if dead:
        world.server.hang("DONE")
    with world.running():
        world.server.wait_for("IDLE")
        world.injected.append(mail(1))
        world.server.folder("INBOX").add(Message(0, mail(1), datetime.now(UTC)))  # behind everybody's back
        eventually(lambda: world.count(Letter) == 1)
    world.check_invariants()


def test_a_mail_that_idle_tells_of_is_taken_at_once(world: World) -> None:
    def more() -> bool:
        world.deliver_many(1)
        return world.count(Letter) > 0

    with world.running():
        world.server.wait_for_idle()
        eventually(more)
    world.check_invariants()


def test_a_mail_that_comes_between_the_look_and_idle_is_taken_at_once(world: World) -> None:
    world.server.meanwhile("IDLE", lambda: world.deliver_many(1))
    with world.running():
        eventually(lambda: world.count(Letter) == 1, timeout=4)


def test_a_line_ahead_of_idle_is_no_fault(world: World) -> None:
    world.server.say("IDLE", b"* OK still here", times=None)
    with world.running():
        world.server.wait_for("IDLE")
        world.deliver_many(1)
        eventually(lambda: world.count(Letter) == 1)
        assert len({each.connection for each in world.server.log}) == 1


# X14: other UIDs for the same mails


@pytest.mark.parametrize("renumbered", [True, False], ids=["UIDs from 1", "UIDs as before"])
def test_another_uidvalidity_over_the_same_mails_makes_drafts_of_the_new_ones_only(
    renumbered: bool, new_world: NewWorld
) -> None:
    world = new_world(capabilities=PLAIN)  # so that what was taken stays there
    world.server.folder("INBOX").uidnext = 300
    world.deliver_many(200)
    assert world.poll() == {"drafted": 200}
    if renumbered:
        world.server.rebuild()
    else:
        world.server.folder("INBOX").uidvalidity += 1
    world.deliver_many(20)
    assert world.poll() == {"duplicate": 200, "drafted": 20}
    assert world.poll() == {}
    world.check_invariants()


# X15: the mailbox of yesterday


@pytest.mark.parametrize(
    "kind",
    [MODERN, PLAIN],
    ids=["messages move", "messages stay"],
)
def test_a_mailbox_restored_from_yesterday_makes_no_twins_and_hides_no_new_mail(
    kind: tuple[str, ...], new_world: NewWorld
) -> None:
    world = new_world(capabilities=kind)
    early = datetime.now(UTC) - timedelta(hours=6)
    for serial in (1, 2, 3):
        world.deliver(mail(serial), at=early)
    yesterday = list(world.server.folder("INBOX").messages)
    world.poll()
    for serial in (4, 5):
        world.deliver(mail(serial), at=early + timedelta(hours=1))
    world.poll()
    world.server.restore(yesterday, uidnext=4)
    assert [world.deliver(mail(serial)) for serial in (6, 7)] == [4, 5]
    world.poll(2)
    assert world.outcomes().count("drafted") == 7
    world.check_invariants()


# X16: other people at the same mailbox


def test_read_flagged_and_deleted_marks_of_people_stay_as_they_are_and_the_mails_are_taken(world: World) -> None:
    marks = [{"\\Seen"}, {"\\Flagged", "\\Answered"}, {"\\Deleted"}, set()]
    for serial, flags in enumerate(marks):
        world.deliver(mail(serial), flags=flags)
    assert world.poll() == {"drafted": 4}
    assert [message.flags for message in world.server.folder("Processed").messages] == marks
    world.check_invariants()


@pytest.mark.parametrize("when", ["SEARCH", "RFC822.SIZE", "BODY.PEEK[]"])
@pytest.mark.parametrize("of", [1, 3])
def test_a_message_that_somebody_takes_away_in_mid_run_holds_up_no_other(when: str, of: int, world: World) -> None:
    world.deliver_many(of)
    first, holding = ("SEARCH", "") if when == "SEARCH" else ("FETCH", when)
    world.server.meanwhile(first, lambda: world.server.expunge(1), holding=holding)
    assert world.poll()["drafted"] == of - 1
    del world.injected[0]
    assert world.fault() == ""
    world.check_invariants()


def test_a_mark_set_on_another_message_at_the_place_of_a_lost_one_is_not_taken_for_it(world: World) -> None:
    world.deliver_many(3)
    del world.injected[2]

    world.server.meanwhile("FETCH", lambda: world.server.expunge(3), holding="RFC822.SIZE")
    world.server.say("FETCH", rb"* 3 FETCH (FLAGS (\Seen))", holding="RFC822.SIZE")
    assert world.poll()["drafted"] == 2
    world.check_invariants()


@pytest.mark.parametrize("kind", [MODERN, without["MOVE"]], ids=["MOVE", "COPY and UID EXPUNGE"])
def test_a_message_that_somebody_moves_before_us_is_taken_all_the_same(
    kind: tuple[str, ...], new_world: NewWorld
) -> None:
    world = new_world(capabilities=kind)
    world.deliver_many(3)
    world.server.meanwhile("LIST", lambda: world.server.move(2, "INBOX", "Mine"))
    assert world.poll() == {"drafted": 3}
    assert world.server.uids() == []
    assert len(world.server.uids("Mine")) == 1
    world.check_invariants()


def test_a_message_that_is_moved_back_is_the_same_letter_and_leaves_again(world: World) -> None:
    world.deliver_many(3)
    world.poll()
    for _ in range(2):
        world.server.move(world.server.uids("Processed")[0], "Processed", "INBOX")
        assert world.poll() == {"duplicate": 1}
    assert world.server.uids() == []
    world.check_invariants()


def test_what_another_client_marked_deleted_never_vanishes_with_ours(new_world: NewWorld) -> None:
    world = new_world(capabilities=without["MOVE"])
    world.deliver_many(2)
    theirs = mail(77)
    world.server.meanwhile("EXPUNGE", lambda: world.server.deliver(theirs, flags=["\\Deleted"]))
    assert world.poll() == {"drafted": 2}
    assert world.server.uids() == [3]
    world.injected.append(theirs)
    world.check_invariants()


# X17: messages that cannot leave


def lock(world: World) -> None:
    world.server.folder("Processed").writable = False


STAYING = {
    "quota": lambda world: world.server.refuse("MOVE", "NO [OVERQUOTA] full"),
    "one of them": lambda world: world.server.refuse("MOVE", "NO [EXPUNGEISSUED] gone", uid=2),
    "no folder, and none can be made": lambda world: world.server.refuse("CREATE", "NO [NOPERM] not yours"),
    "a folder to read only": lock,
    "no listing": lambda world: world.server.refuse("LIST", "BAD what"),
}


@pytest.mark.parametrize("why", STAYING)
def test_messages_that_cannot_leave_are_drafts_once_and_leave_later(why: str, world: World) -> None:
    STAYING[why](world)
    world.deliver_many(3)
    assert world.poll(3) == {"drafted": 3}
    assert world.server.uids() == ([2] if why == "one of them" else [1, 2, 3])
    assert "could not be moved" in world.fault()
    world.server.heal()
    world.server.folder("Processed").writable = True
    assert world.poll() == {}
    assert world.server.uids() == []
    assert world.fault() == ""
    world.check_invariants()


def test_a_processed_folder_that_is_renamed_meanwhile_is_made_anew(world: World) -> None:
    world.deliver_many(2)
    with imap.Mailbox(world.settings.imap[0], limit=10**6) as mailbox:
        world.server.on_move = bool
        mailbox.move_away([1])
        world.server.folders["Old"] = world.server.folders.pop("Processed")
        with pytest.raises(IMAPClientError, match="TRYCREATE"):
            mailbox.move_away([2])
        mailbox.move_away([2])
    assert (world.server.uids("Old"), world.server.uids("Processed")) == ([1], [1])


def test_a_mailbox_that_may_only_be_read_is_told(world: World) -> None:
    world.deliver_many(2)
    world.server.folder("INBOX").writable = False
    world.poll(2)
    assert world.fault()
    world.server.folder("INBOX").writable = True
    world.poll()
    assert world.fault() == ""
    world.check_invariants()


# X18: one message among many


@pytest.mark.parametrize("reply", ["NO [SERVERBUG] this one is broken", "BAD internal error"])
def test_a_message_that_the_server_refuses_holds_up_no_other_and_is_tried_with_growing_gaps(
    reply: str, world: World
) -> None:
    world.deliver_many(120)
    world.server.refuse("FETCH", reply, uid=60, holding="BODY.PEEK[]")
    world.poll()
    assert world.outcomes() == ["drafted"] * 119
    assert "message 60 cannot be fetched" in world.fault()
    start, tried = datetime.now(UTC), []
    for minute in range(40):
        world.now = lambda minute=minute: start + timedelta(minutes=minute)  # type: ignore[misc]
        before = len(world.server.heard("FETCH"))
        world.poll()
        if any(each.argument.startswith("60 ") for each in world.server.heard("FETCH")[before:]):
            tried.append(minute)
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert gaps == sorted(gaps)
    assert len(tried) < 8
    world.server.heal()
    world.now = lambda: start + timedelta(hours=10)
    assert world.poll()["drafted"] == 1
    world.check_invariants()


def test_a_message_that_the_server_leaves_out_is_told_and_comes_later(world: World) -> None:
    world.deliver(mail(1))
    world.deliver(mail(2), silent=True)
    world.deliver(mail(3))
    world.poll()
    assert world.outcomes() == ["drafted"] * 2
    assert "message 2 " in world.fault()
    world.server.folder("INBOX").messages[0].silent = False
    world.now = lambda: datetime.now(UTC) + timedelta(hours=3)
    world.poll()
    world.check_invariants()


def test_a_folder_too_full_for_one_line_is_searched_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "AT_A_TIME", 3)
    world.deliver_many(10)
    with imap.Mailbox(world.settings.imap[0], limit=10**6) as mailbox:
        world.server.expunge(4)
        assert mailbox.uids() == [1, 2, 3, 5, 6, 7, 8, 9, 10]


def test_thousands_of_messages_are_named_in_lines_that_a_server_reads(new_world: NewWorld) -> None:
    world = new_world(longest_line=8192)
    world.server.on_move = bool
    server = world.server
    for n in range(1, 6000, 2):  # every second one, so that no range names them all
        server.folder("INBOX").uidnext = n
        server.folder("INBOX").add(Message(0, b"x", datetime.now(UTC)))
    with imap.Mailbox(world.settings.imap[0], limit=10**6) as mailbox:
        uids = mailbox.uids()
        assert len(mailbox.arrived(uids)) == 3000
        mailbox.move_away(uids)
    assert server.uids() == []


# X19: servers of many kinds

KINDS = {
    "bare": {"capabilities": PLAIN},
    "without MOVE": {"capabilities": without["MOVE"]},
    "without UIDPLUS": {"capabilities": without["UIDPLUS"]},
    "without IDLE": {"capabilities": without["IDLE"]},
    "without LITERAL+": {"capabilities": without["LITERAL+"]},
    "without keywords": {"keywords": False},
    "Gmail": {"capabilities": GMAIL},
    "Exchange": {"capabilities": EXCHANGE, "keywords": False},
    "all folders below INBOX": {"below_inbox": True},
    "less before the login": {"capabilities": PLAIN, "later": MODERN},
    "less after the login": {"capabilities": MODERN, "later": PLAIN},
    "already signed in": {"preauth": True},
}


@on_sqlite
@pytest.mark.parametrize("kind", KINDS)
def test_servers_of_every_kind_give_each_mail_once(kind: str, new_world: NewWorld) -> None:
    world = new_world(**KINDS[kind])
    world.deliver_many(3)
    assert world.poll() == {"drafted": 3}
    world.start()
    assert world.poll() == {}
    assert world.server.uids() == ([1, 2, 3] if kind in ("bare", "less after the login") else [])
    assert not any("\\Seen" in message.flags for box in world.server.folders.values() for message in box.messages)
    world.check_invariants()


def test_without_idle_the_mailbox_is_looked_into_again_and_again(
    new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "WITHOUT_IDLE_EVERY", 0.01)
    world = new_world(capabilities=without["IDLE"])
    with world.running():
        world.server.wait_for("NOOP")
        world.deliver_many(2)
        eventually(lambda: world.count(Letter) == 2)
    assert world.server.heard("IDLE") == []
    world.check_invariants()


# X20: answers that make no sense, or mean harm

UNASKED = {
    "EXISTS": b"* 9999 EXISTS",
    "EXPUNGE": b"* 1 EXPUNGE",
    "FETCH of another": rb"* 2 FETCH (UID 4711 FLAGS (\Seen))",
    "FETCH without UID": rb"* 1 FETCH (FLAGS (\Seen))",
    "flags": rb"* FLAGS (\Seen)",
    "OK": b"* OK [ALERT] the cellar is under water",
    "NO": b"* NO the disk is nearly full",
    "BAD": b"* BAD something is odd",
    "a capability": b"* CAPABILITY IMAP4rev1",
    "NULs": b"* OK \x00\x00\x00",
    "a byte of no script": b"* OK \xff\xfe\xc3\x28",
}


@on_sqlite
@pytest.mark.parametrize("what", UNASKED)
def test_what_nobody_asked_for_changes_nothing(what: str, world: World) -> None:
    world.deliver_many(3)
    for command in ("LOGIN", "SELECT", "SEARCH", "FETCH", "LIST", "MOVE", "LOGOUT"):
        world.server.say(command, UNASKED[what], times=None)
    world.poll(2)
    assert world.outcomes() == ["drafted"] * 3
    world.check_invariants()


def many(octets: int) -> Callable[[], Iterator[bytes]]:
    return lambda: repeat(b"x" * 65536, octets // 65536)


def long_line(start: bytes = b"* OK ", octets: int = 100 * 2**20) -> Callable[[], Iterator[bytes]]:
    def chunks() -> Iterator[bytes]:
        yield start
        yield from many(octets)()
        yield b"\r\n"

    return chunks


SENSELESS = {
    "a greeting of something else": ("CONNECT", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "a greeting that sends us off": ("CONNECT", b"* BYE not today\r\n"),
    "an empty greeting": ("CONNECT", b"\r\n"),
    "a greeting without end": ("CONNECT", long_line()),
    "no capabilities": ("CAPABILITY", b""),
    "capabilities of no script": ("CAPABILITY", b"* CAPABILITY IMAP4rev1 \xff\xfe\r\n"),
    "a folder without UIDVALIDITY": ("SELECT", b"* 3 EXISTS\r\n"),
    "a UIDVALIDITY that is no number": ("SELECT", b"* 3 EXISTS\r\n* OK [UIDVALIDITY soon] x\r\n"),
    "a UIDVALIDITY beyond all numbers": ("SELECT", b"* OK [UIDVALIDITY 1" + b"0" * 30 + b"] x\r\n"),
    "a search without answer": ("SEARCH", b""),
    "a search that finds words": ("SEARCH", b"* SEARCH foo\r\n"),
    "a search that finds 0": ("SEARCH", b"* SEARCH 0 1 2 3\r\n"),
    "a search below 0": ("SEARCH", b"* SEARCH -1 2\r\n"),
    "a search beyond all numbers": ("SEARCH", b"* SEARCH 1 2 3 1" + b"0" * 30 + b"\r\n"),
    "a search in two lines": ("SEARCH", b"* SEARCH 1 2\r\n* SEARCH 3\r\n"),
    "a search of no script": ("SEARCH", b"* SEARCH \xff\xfe\r\n"),
    "a search without end": ("SEARCH", long_line(b"* SEARCH 1")),
    "sizes without end": ("FETCH", long_line(b"* 1 FETCH (UID 1 FLAGS (")),
    "an answer to a command never given": ("SEARCH", b"XXXX99 OK done\r\n"),
    "a farewell": ("FETCH", b"* BYE going down\r\n"),
    "no listing": ("LIST", b""),
    "a listing of nonsense": ("LIST", b"* LIST (\r\n"),
    "a listing in two words": ("LIST", b'* LIST () "/"\r\n'),
    "a name in no script": ("LIST", b'* LIST () "/" "\xff&&&-"\r\n'),
}


@on_sqlite
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("what", SENSELESS)
def test_an_answer_without_sense_is_told_and_costs_one_look(what: str, world: World) -> None:
    command, chunks = SENSELESS[what]
    world.deliver_many(3)
    world.server.reply(command, chunks)
    world.poll(3)
    assert world.outcomes() == ["drafted"] * 3
    assert world.server.sent < 20 * 2**20
    world.check_invariants()


@pytest.mark.parametrize("create", [True, False], ids=["it can be made", "it cannot be made"])
def test_a_server_that_lists_no_folders_at_all_still_gives_its_mails(create: bool, world: World) -> None:
    world.deliver_many(60)  # more than a batch
    world.server.reply("LIST", b"", times=None)
    if not create:
        world.server.refuse("CREATE", "NO [CANNOT] no")
    world.poll(3)
    assert world.outcomes() == ["drafted"] * 60
    world.check_invariants()


LIES = {
    "a size too small": {"RFC822.SIZE": b"7"},
    "a size of 0": {"RFC822.SIZE": b"0"},
    "a size below 0": {"RFC822.SIZE": b"-5"},
    "no size": {"RFC822.SIZE": None},
    "a size of NIL": {"RFC822.SIZE": b"NIL"},
    "a size in words": {"RFC822.SIZE": b'"large"'},
    "no date": {"INTERNALDATE": None},
    "a date of NIL": {"INTERNALDATE": b"NIL"},
    "a date in words": {"INTERNALDATE": b'"yesterday"'},
    "a date without end": {"INTERNALDATE": b'"01-Jan-' + b"9" * 50 + b' 00:00:00 +0000"'},
    "the first date of all": {"INTERNALDATE": b'"01-Jan-0001 00:00:00 +1400"'},
    "the last date of all": {"INTERNALDATE": b'"31-Dec-9999 23:59:59 -1200"'},
    "a zone of no day": {"INTERNALDATE": b'"01-Jan-2026 00:00:00 +9999"'},
    "a mail of NIL": {"BODY[]": b"NIL"},
    "a mail that is a number": {"BODY[]": b"42"},
    "a mail that is a list": {"BODY[]": b"(a b)"},
    "no mail": {"BODY[]": None},
    "an open quotation": {"BODY[]": b'"abc'},
    "ten thousand brackets": {"BODY[]": b"(" * 10_000},
    "a literal shorter than the mail": {"BODY[]": b"{3}\r\nabcdef)\r\nnonsense"},
    "a literal longer than the mail": {"BODY[]": b"{300}\r\nabc"},
    "a literal of 4 GB": {"BODY[]": b"{4294967296}\r\nabc"},
    "a literal of 30 digits": {"BODY[]": b"{1" + b"0" * 29 + b"}\r\nabc"},
    "a literal of 5000 digits": {"BODY[]": b"{1" + b"0" * 5000 + b"}\r\nabc"},
    "a UID of another": {"UID": b"4711"},
    "a UID in words": {"UID": b"two"},
    "a UID beyond all numbers": {"UID": b"1" + b"0" * 30},
}


@on_sqlite
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_one_message_holds_up_no_other(lie: str, world: World) -> None:
    world.deliver(mail(1))
    world.deliver(mail(2), says=LIES[lie])
    world.deliver(mail(3))
    world.poll()
    assert world.count(Letter) >= 2
    if world.count(Letter) == 2:
        assert "message 2 " in world.fault()
    for message in world.server.folder("INBOX").messages:
        message.says = {}
    world.now = lambda: datetime.now(UTC) + timedelta(hours=3)
    world.poll(2)
    world.check_invariants()


def test_a_message_said_to_be_larger_than_anything_is_shown_with_its_header(world: World) -> None:
    world.deliver(mail(1))
    world.server.deliver(mail(2), says={"RFC822.SIZE": b"1" + b"0" * 30})
    world.deliver(mail(3))
    assert world.poll(2) == {"drafted": 2, "quarantined": 1}
    world.check_invariants(refused=1)


@pytest.mark.parametrize("sized", [True, False], ids=["and said to be", "though said to be small"])
def test_of_a_message_over_the_limit_no_more_is_read_than_the_limit(sized: bool, world: World) -> None:
    world.settings = replace(world.settings, mail_limit=1024 * 1024)
    world.start()
    raw = mail(1, subject="huge") + b"x" * 40 * 2**20
    world.server.deliver(raw, says={} if sized else {"RFC822.SIZE": b"7"})
    world.deliver(mail(2))
    world.poll(2)
    assert world.server.sent < 20 * 2**20
    if sized:
        assert sorted(world.outcomes()) == ["drafted", "quarantined"]
    else:
        assert "message 1 " in world.fault()
    world.check_invariants(refused=int(sized))


def test_of_a_header_over_the_limit_no_more_is_read_than_is_shown(world: World) -> None:
    world.settings = replace(world.settings, mail_limit=1024 * 1024)
    world.start()
    world.server.deliver(mail(1, x_long="y").replace(b"X-Long: y", b"X-Long: " + b"y " * 20 * 2**20))
    world.deliver(mail(2))
    world.poll(2)
    assert world.server.sent < 2 * 2**20
    assert sorted(world.outcomes()) == ["drafted", "quarantined"]
    world.check_invariants(refused=1)


def test_any_bytes_of_a_mail_are_kept_as_they_are(world: World) -> None:
    bodies = [b"\x00\x00\x00", b"\xff\xfe\x00\x00 \xa3\xc1", b"bare\nline\rends\r\r\n", b")\r\nA1 OK done\r\n",
              b"{4294967296}\r\n", b"x" * 2_000_000, b""]  # fmt: skip
    for serial, body in enumerate(bodies):
        world.deliver(mail(serial).partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body)
    assert world.poll() == {"drafted": len(bodies)}
    world.check_invariants()


def test_a_fault_names_no_secret_whatever_the_server_says(world: World) -> None:
    secret = world.settings.imap[0].password
    world.server.refuse("LOGIN", f"NO {secret} is wrong")
    world.poll()
    assert world.fault()
    assert secret not in world.fault()
