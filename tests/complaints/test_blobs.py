"""The blob store: bytes under their own hash, whole or not at all."""

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from complaints.blobs import Blobs


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def files(blobs: Blobs) -> set[str]:
    return {path.name for path in blobs.folder.rglob("*") if path.is_file()}


def test_bytes_are_kept_once_under_their_hash(blobs: Blobs) -> None:
    names = blobs.put_all([b"one", b"two", b"one"])
    assert names == [sha256(each).hexdigest() for each in (b"one", b"two", b"one")]
    assert files(blobs) == set(names)
    assert blobs.get(names[1]) == b"two"


def test_bytes_that_were_altered_are_not_given_out(blobs: Blobs) -> None:
    name = blobs.put(b"one")
    blobs.path(name).write_bytes(b"other")
    with pytest.raises(ValueError, match="does not match"):
        blobs.get(name)


def test_what_is_written_is_kept_only_when_it_is_settled(blobs: Blobs) -> None:
    name = sha256(b"one").hexdigest()
    written = blobs.write(name, b"one")
    assert written is not None
    assert not blobs.path(name).exists()
    blobs.settle([written])
    assert blobs.get(name) == b"one"
    assert blobs.write(name, b"one") is None


def test_pieces_make_one_blob(blobs: Blobs) -> None:
    name, size, written = blobs.write_pieces([b"on", b"", b"e"], limit=3)
    assert (name, size) == (sha256(b"one").hexdigest(), 3)
    blobs.settle([written] if written else [])
    assert blobs.get(name) == b"one"
    assert blobs.write_pieces([b"one"], limit=3)[2] is None


def test_pieces_beyond_the_limit_leave_nothing(blobs: Blobs) -> None:
    _, size, written = blobs.write_pieces([b"one", b"two", b"three"], limit=5)
    assert (size, written, files(blobs)) == (6, None, set())


def test_pieces_that_break_off_leave_nothing(blobs: Blobs) -> None:
    def broken() -> Iterator[bytes]:
        yield b"one"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        blobs.write_pieces(broken(), limit=100)
    assert files(blobs) == set()


def test_what_the_dead_left_is_swept_after_a_while_and_nothing_else(blobs: Blobs) -> None:
    kept = blobs.put(b"one")
    old, new = blobs.write("a" * 64, b"old"), blobs.write("b" * 64, b"new")
    assert old is not None
    assert new is not None
    os.utime(blobs.folder / "aa" / old.partial, (1, 1))
    os.utime(blobs.path(kept), (1, 1))
    assert blobs.sweep(older_than=3600) == 1
    assert files(blobs) == {kept, new.partial}
