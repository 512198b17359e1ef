"""The blob store: bytes kept under their SHA-256, so that the same bytes are kept once and can be checked for ever.

A blob is on disk, whole and synced, before any row names it. A blob that no row names is harmless.
"""

import ctypes
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from complaints.failpoints import failpoint

FEW = 4
_syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


class Written(NamedTuple):
    """Bytes that are written but not safe yet: their SHA-256 and the name of the file beside their place."""

    sha256: str
    partial: str


class Blobs:
    """Files under `<folder>/ab/abcdef…`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def put(self, content: bytes) -> str:
        """Keep some bytes; returns their SHA-256 in hex once they are safe on disk."""
        return self.put_all([content])[0]

    def put_all(self, contents: Iterable[bytes]) -> list[str]:
        """Keep several; all are written before the disk is told to hold them, so that it can take them together."""
        names: list[str] = []

        def named() -> Iterator[tuple[str, bytes]]:
            for content in contents:
                names.append(hashlib.sha256(content).hexdigest())
                yield names[-1], content

        written = self.write_all(named())
        failpoint("P4.before_sync")
        self.settle(written)
        return names

    def write_all(self, contents: Iterable[tuple[str, bytes]]) -> list[Written]:
        """Write several down (SHA-256, bytes), without those that are kept already; where the disk does not take them
        all, none of them stays on it."""
        written: list[Written] = []
        try:
            for sha256, content in contents:
                if partial := self.write(sha256, content):
                    written.append(partial)
        except BaseException:
            for each in written:
                self._beside(each).unlink(missing_ok=True)
            raise
        return written

    def write(self, sha256: str, content: bytes) -> Written | None:
        """Write bytes down without waiting for the disk, beside their place; None if they are kept already. They are
        kept once `settle` has put them there."""
        path = self.path(sha256)
        if _holds(path, sha256):
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{uuid4().hex}")
        _write(partial, content)
        return Written(sha256, partial.name)

    def write_pieces(self, pieces: Iterable[bytes], *, limit: int) -> tuple[str, int, Written | None]:
        """The same for bytes that come piece by piece; returns their SHA-256 and how many they are. Past the limit
        nothing more is taken and nothing is written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        spool = self.folder / f".{uuid4().hex}"
        digest, size = hashlib.sha256(), 0
        try:
            with open(os.open(spool, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for piece in pieces:
                    size += len(piece)
                    if size > limit:
                        break
                    digest.update(piece)
                    file.write(piece)
            sha256 = digest.hexdigest()
            path = self.path(sha256)
            if size > limit or _holds(path, sha256):
                spool.unlink()
                return sha256, size, None
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(spool, path.with_name(spool.name))
        except BaseException:
            spool.unlink(missing_ok=True)
            raise
        return sha256, size, Written(sha256, spool.name)

    def sweep(self, *, older_than: float) -> int:
        """Remove what was written and never settled, by somebody who died: files beside their place that are older than
        so many seconds. Returns how many."""
        before = time.time() - older_than
        removed = 0
        for path in chain(self.folder.glob(".*"), self.folder.glob("??/.*")):
            with suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_mtime < before:
                    path.unlink()
                    removed += 1
        return removed

    def settle(self, written: Sequence[Written]) -> None:
        """Have the disk hold what was written, and put it in its place."""
        moves = [(self._beside(each), self.path(each.sha256)) for each in written]
        _settle([partial for partial, _ in moves])
        for partial, path in moves:
            os.replace(partial, path)
        _settle(list({folder for _, path in moves for folder in (path.parent, self.folder)}))

    def _beside(self, written: Written) -> Path:
        return self.path(written.sha256).with_name(written.partial)

    def get(self, sha256: str) -> bytes:
        """The bytes; raises `FileNotFoundError` if they are gone and `ValueError` if they were altered."""
        content = self.path(sha256).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError(f"blob {sha256} does not match its name any more")
        return content

    def check(self) -> None:
        """Raise `OSError` if the store cannot be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        probe = self.folder / f".probe-{uuid4().hex}"
        probe.write_bytes(b"")
        probe.unlink()


def _holds(path: Path, sha256: str) -> bool:
    """Are these bytes there, and still what they were? Otherwise they are written anew."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False


def _write(path: Path, content: bytes) -> None:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _settle(paths: Sequence[Path]) -> None:
    """Wait until these files and folders are safe on disk: one by one when they are few, otherwise by having the whole
    file system written once (Linux's syncfs), which costs as much as a few of them."""
    if len(paths) > FEW and _syncfs is not None:
        fd = os.open(paths[0], os.O_RDONLY)
        try:
            if _syncfs(fd) == 0:
                return
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(paths[0]))
        finally:
            os.close(fd)
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
