"""The trap corpus: one mail per trap, written by us after what mailers do, each with what must come out of it.

Raw bytes in thirty charsets are easier to generate than to keep, so a trap is a line here and not a file.
"""

from __future__ import annotations

from tests.intake.traps import charsets, dates, names, pages, senders, structure, words
from tests.intake.traps.trap import Trap

_CHAPTERS = (charsets, words, senders, dates, structure, names, pages)
TRAPS: dict[str, Trap] = {name: trap for chapter in _CHAPTERS for name, trap in chapter.TRAPS.items()}

assert len(TRAPS) == sum(len(chapter.TRAPS) for chapter in _CHAPTERS), "two traps have one name"
