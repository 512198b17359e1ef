"""The blob store: bytes kept under their SHA-256, so that the same bytes are kept once and can be checked for ever.

A blob is on disk, whole and synced, before any row names it. A blob that no row names is harmless.
"""

import ctypes
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import uuid4

from complaints.failpoints import failpoint

FEW = 4
_syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


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
        written: list[tuple[Path, Path]] = []
        for content in contents:
            sha256 = hashlib.sha256(content).hexdigest()
            names.append(sha256)
            path = self.path(sha256)
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                written.append((_write(path.with_name(f".{uuid4().hex}"), content), path))
        failpoint("P4.before_sync")
        _settle([partial for partial, _ in written])
        for partial, path in written:
            os.replace(partial, path)
        _settle(list({folder for _, path in written for folder in (path.parent, self.folder)}))
        return names

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


def _write(path: Path, content: bytes) -> Path:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        try:
            file.write(content)
        except OSError:
            path.unlink(missing_ok=True)
            raise
    return path


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
