"""The fake IMAP server is an IMAP server until it is told to fail: an honest client finds what it is used to."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from tests.rigs.imap import ImapServer, Touch

RAW = b"From: a@b.example\r\nSubject: \xff\x00 leak\r\n folded\r\nX-Other: 1\r\n\r\nbody\x00\r\n"


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with ImapServer() as server:
        yield server
        assert server.failures == []


@pytest.fixture
def client(server: ImapServer) -> Iterator[IMAPClient]:
    with IMAPClient("127.0.0.1", server.port, ssl=False, timeout=10) as client:
        client.login(server.user, server.password)
        client.normalise_times = False
        client.select_folder("INBOX")
        yield client


def test_a_message_comes_out_as_it_went_in_whole_and_in_parts(server: ImapServer, client: IMAPClient) -> None:
    at = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    uid = server.deliver(RAW, at=at, flags=["\\Flagged"])
    parts = ["BODY.PEEK[]<3.9>", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY.PEEK[HEADER.FIELDS (SUBJECT X-NONE)]"]
    found = client.fetch([uid], ["RFC822.SIZE", "INTERNALDATE", "FLAGS", "BODY.PEEK[]", *parts])[uid]
    assert (found[b"RFC822.SIZE"], found[b"INTERNALDATE"], found[b"BODY[]"]) == (len(RAW), at, RAW)
    assert found[b"BODY[]<3>"] == RAW[3:12]
    assert found[b"BODY[HEADER]"] + found[b"BODY[TEXT]"] == RAW
    assert found[b"BODY[HEADER.FIELDS (SUBJECT X-NONE)]"] == b"Subject: \xff\x00 leak\r\n folded\r\n\r\n"
    assert found[b"FLAGS"] == (b"\\Flagged",)
    client.fetch([uid], ["BODY[]"])
    assert "\\Seen" in server.folder("INBOX").messages[0].flags


def test_messages_are_searched_marked_copied_moved_and_expunged(server: ImapServer, client: IMAPClient) -> None:
    touches: list[Touch] = []
    server.on_move = touches.append
    uids = [server.deliver(RAW) for _ in range(4)]
    assert client.search(["UID", "2:*"]) == uids[1:]
    client.create_folder("Done")
    client.copy([1], "Done")
    client.move([2], "Done")
    client.add_flags([1, 3], [b"\\Deleted"])
    assert client.search("UNDELETED") == [4]
    client.uid_expunge([1])
    assert server.uids() == [3, 4]
    client.expunge()
    assert (server.uids(), server.uids("Done")) == ([4], [1, 2])
    assert [(touch.command, touch.uids) for touch in touches] == [
        ("COPY", (1,)), ("MOVE", (2,)), ("STORE", (1, 3)), ("EXPUNGE", (1,)), ("EXPUNGE", (3,))
    ]  # fmt: skip
    assert client.folder_status("Done", ["MESSAGES", "UIDNEXT"]) == {b"MESSAGES": 2, b"UIDNEXT": 3}
    assert [name for _, _, name in client.list_folders()] == ["INBOX", "Done"]


def test_who_listens_hears_of_others(server: ImapServer, client: IMAPClient) -> None:
    uid = server.deliver(RAW)
    client.noop()
    client.idle()
    server.wait_for_idle()
    server.expunge(uid)
    assert client.idle_check(timeout=10) == [(1, b"EXPUNGE")]
    client.idle_done()


def test_a_token_is_taken_or_refused_with_a_challenge(server: ImapServer) -> None:
    with IMAPClient("127.0.0.1", server.port, ssl=False, timeout=10) as client:
        with pytest.raises(LoginError):
            client.oauth2_login(server.user, "an old token")
        with pytest.raises(LoginError):
            client.plain_login(server.user, "wrong")
        client.oauth2_login(server.user, server.token)
        assert client.id_({"name": "test"})
        assert client.select_folder("INBOX")[b"UIDVALIDITY"] == 1000


def test_it_fails_as_often_as_it_was_told(server: ImapServer, client: IMAPClient) -> None:
    server.deliver(RAW)
    server.refuse("FETCH", "NO [SERVERBUG] no", uid=1, times=2)
    for _ in range(2):
        with pytest.raises(IMAPClientError, match="SERVERBUG"):
            client.fetch([1], ["FLAGS"])
    assert client.fetch([1], ["FLAGS"])[1][b"FLAGS"] == ()
    server.drop("NOOP", after=b"OK")
    with pytest.raises(IMAPClientError, match="unterminated line"):
        client.noop()
    assert [each.name for each in server.log][-1] == "NOOP"


def test_it_comes_back_where_it_was_with_all_its_mail(server: ImapServer) -> None:
    server.deliver(RAW)
    port = server.port
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        IMAPClient("127.0.0.1", port, ssl=False, timeout=5)
    server.start()
    assert (server.port, server.uids()) == (port, [1])
