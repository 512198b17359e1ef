"""The blob store: bytes kept under their SHA-256, so that the same bytes are kept once and can be checked for ever.

A blob is on disk, whole and synced, before any row names it. A blob that no row names is harmless.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from complaints.failpoints import failpoint


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
        """Keep several; all are written before the first sync, so that the disk can take them together."""
        names: list[str] = []
        written: list[tuple[int, Path, Path]] = []
        for content in contents:
            sha256 = hashlib.sha256(content).hexdigest()
            names.append(sha256)
            path = self.path(sha256)
            if path.exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{uuid4().hex}")
            fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                view = memoryview(content)
                while view:
                    view = view[os.write(fd, view) :]
            except OSError:
                os.close(fd)
                partial.unlink(missing_ok=True)
                raise
            written.append((fd, partial, path))
        failpoint("P4.before_sync")
        for fd, partial, path in written:
            os.fsync(fd)
            os.close(fd)
            os.replace(partial, path)
        for folder in {path.parent for _, _, path in written} | ({self.folder} if written else set()):
            _sync_folder(folder)
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


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
