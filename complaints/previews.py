"""Previews: files drawn as small pictures that can do nothing, for people who look before they download.

Each is drawn by a child of its own with limits (see `drawing`), a few at a time, and kept under its file's SHA-256.
What cannot be drawn is remembered, too, so that a hostile file is tried once. The folder is bounded, the oldest
drawings leave it first, and it may be lost: everything in it can be drawn again.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from complaints import drawing
from complaints.drawing import DRAWN as DRAWN
from complaints.drawing import Order

ROOT = Path(__file__).parent.parent
SMALL, LARGE = 240, 1600
"""Pixels of a picture beside a name, and of one to read."""
MOST_PAGES = 50
AT_ONCE = threading.BoundedSemaphore(2)
PATIENCE = 5.0
"""Seconds that a reader waits for one of these turns."""
WALL_SECONDS = 20.0
ROOM = 32 * 1024 * 1024
"""Octets of drawings for each of the sixteen digits that a SHA-256 may begin with."""
LEAST = 4096
"""What the smallest file takes on a disk."""


class Busy(Exception):
    """Too much is being drawn; later this may be drawn."""


@dataclass(frozen=True)
class Picture:
    """A drawing as WebP. `pages`: how many the file has, of which this is one."""

    width: int
    height: int
    pages: int
    content: bytes


class Previews:
    """Drawings under `<folder>/a/abcdef…-<page>-<box>`; an empty file stands for what cannot be drawn."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def picture(self, blob: str, original: Callable[[], Path], order: Order) -> Picture | None:
        """A page of a file as a picture, or None if it cannot be drawn. `original` says where the file is, if it has to
        be read. Raises `Busy`."""
        if order.kind not in DRAWN or not 1 <= order.page <= MOST_PAGES:
            return None
        kept = self.folder / blob[0] / f"{blob}-{order.page}-{order.box}"
        try:
            return _understood(kept.read_bytes())
        except FileNotFoundError:
            drawn = self._drawn(original(), order, kept)
        _make_room(kept.parent)
        return drawn

    def _drawn(self, original: Path, order: Order, kept: Path) -> Picture | None:
        """Draw and keep."""
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = kept.with_name(f".{uuid4().hex}")
        if not AT_ONCE.acquire(timeout=PATIENCE):
            raise Busy
        try:
            fine = _draw(original, order, partial)
            picture = _understood(partial.read_bytes()) if fine else None
            if picture is None:
                partial.write_bytes(b"")
            os.replace(partial, kept)
        finally:
            AT_ONCE.release()
            partial.unlink(missing_ok=True)
        return picture


def _draw(original: Path, order: Order, partial: Path) -> bool:
    """Have a child draw into `partial`; did it end well? Raises `Busy` where it had too little time, which may be ours
    to blame."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL")}
    with original.open("rb") as file, open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "complaints.drawing", drawing.argument(order)],
                stdin=file, stdout=out, stderr=subprocess.DEVNULL, cwd=ROOT, timeout=WALL_SECONDS, check=False,
                env={**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "2"},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Busy from None
    return ended.returncode == 0


def _understood(said: bytes) -> Picture | None:
    """What a child answered; one that a file took over may have said anything."""
    head, _, content = said.partition(b"\n")
    try:
        found = json.loads(head)
        width, height, pages = (int(found[name]) for name in ("width", "height", "pages"))
    except (ValueError, TypeError, KeyError):
        return None
    if min(width, height, pages) < 1 or not (content[:4] == b"RIFF" and content[8:12] == b"WEBP"):
        return None
    return Picture(width, height, pages, content)


def _make_room(folder: Path) -> None:
    """Let the oldest drawings go where there are too many."""
    with os.scandir(folder) as found:
        entries = []
        for entry in found:
            with suppress(FileNotFoundError):  # somebody else makes room
                entries.append((entry.stat().st_mtime_ns, max(entry.stat().st_size, LEAST), entry.path))
    over = sum(size for _, size, _ in entries) - ROOM
    for _, size, path in sorted(entries):
        if over <= 0:
            return
        Path(path).unlink(missing_ok=True)
        over -= size
