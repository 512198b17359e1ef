"""A mail on its way: the text that was kept, with the files in their places, read from the blob store as they leave.

The kept text holds a line for each file, which nobody can guess (see `letters.place_of`); no mail with its files is
ever in memory as a whole, nor in the database.
"""

import hashlib
import re
from base64 import encodebytes
from collections.abc import Iterator, Mapping
from pathlib import Path

from complaints.blobs import Blobs

PIECE = 57 * 1024
"""So many bytes of a file are read at once: whole lines of base64."""
LINE = 57
_DOTS = re.compile(rb"^\.", re.MULTILINE)


class Wire:
    """The bytes of a mail as SMTP wants them, without the last dot. `files`: places and blobs. Raises
    `FileNotFoundError` when a file is gone and `ValueError` when it was altered."""

    def __init__(self, rendered: bytes, files: Mapping[bytes, str], blobs: Blobs) -> None:
        whole = {place: _whole(blobs, sha256) for place, sha256 in files.items()}
        pattern = b"|".join(re.escape(_line(place)) for place in whole)
        parts = re.split(b"(" + pattern + b")\\r\\n", rendered) if whole else [rendered]
        by_line = {_line(place): path for place, path in whole.items()}
        self.parts: list[bytes | Path] = [by_line.get(part, part) for part in parts]
        if not rendered.endswith(b"\r\n"):
            self.parts.append(b"\r\n")

    def __len__(self) -> int:
        """The size that the server is told."""
        return sum(len(part) if isinstance(part, bytes) else _encoded(part.stat().st_size) for part in self.parts)

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            if isinstance(part, bytes):
                yield _DOTS.sub(b"..", part)
            else:
                with part.open("rb") as file:
                    while piece := file.read(PIECE):
                        yield encodebytes(piece).replace(b"\n", b"\r\n")


def _line(place: bytes) -> bytes:
    """A place as it stands in the mail: the base64 of a file that says only this."""
    return encodebytes(place).strip()


def _encoded(size: int) -> int:
    """How long a file is as lines of base64."""
    return (size + 2) // 3 * 4 + 2 * -(-size // LINE)


def _whole(blobs: Blobs, sha256: str) -> Path:
    path = blobs.path(sha256)
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise ValueError(f"blob {sha256} does not match its name any more")
    return path
