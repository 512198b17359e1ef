"""The words of search: a text as the tokens that both databases keep of it, and that a query asks for.

Chinese is written without spaces, so each two characters that stand together are a token, and the last one of a run
stands alone: one character is then the beginning of a token. Other words are folded; beside each, apart from the order
of words, stand its stem (`_leak` for leaking) and a code as a whole (hx210 for HX-210, whose parts are words). What a
filter asks for stands there once more with the letter of its field (`b_l2608`). A token has nothing but letters,
figures and our underscore, so that no sign of a query language is ever in one.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from snowballstemmer import stemmer

from complaints.finding import HAN, fold

LONGEST = 60
"""Characters of a token."""
MOST, ROOM = 12_000, 80_000
"""Words of a complaint that are kept, and their characters: PostgreSQL counts places no further than 16,383 and keeps
no more than a megabyte."""
_CHUNK = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+(?:[-./][^\W_{HAN}]+)*")
_PART = re.compile(r"[^\W_]+")
_FIGURE = re.compile(r"[0-9]")
_english = stemmer("english")


@dataclass
class Words:
    """Tokens in their order, and those that stand beside."""

    inline: list[str] = field(default_factory=list)
    beside: set[str] = field(default_factory=set)
    room: int = ROOM

    def take(self, text: str, letter: str = "") -> None:
        """Take in a text; the `letter` of a field keeps what it says for its filter, too."""
        for chunk in chunks(text):
            plain = tokens(chunk)[: MOST - len(self.inline)]
            self.room -= sum(map(len, plain))
            if not plain or self.room < 0:
                return
            apart = [whole(chunk)] if len(plain) > 1 and not is_chinese(chunk) else []
            self.inline += plain
            self.beside.update(apart)
            if not is_chinese(chunk):
                self.beside.update("_" + stem(each) for each in plain if not _FIGURE.search(each))
            if letter:
                self.beside.update(f"{letter}_{each}" for each in (*plain, *apart))

    def both(self) -> Iterable[str]:
        return (*self.inline, *sorted(self.beside))


def chunks(text: str) -> Iterator[str]:
    """The runs of Chinese, the words and the codes of a text, folded."""
    return (found[0] for found in _CHUNK.finditer(fold(text)))


def tokens(chunk: str, *, last: bool = True) -> list[str]:
    """A run as its tokens in their order; the `last` character of Chinese stands alone."""
    if not is_chinese(chunk):
        return [each[:LONGEST] for each in _PART.findall(chunk)]
    pairs = [chunk[at : at + 2] for at in range(len(chunk) - 1)]
    return [*pairs, chunk[-1]] if last or not pairs else pairs


def is_chinese(chunk: str) -> bool:
    return re.match(f"[{HAN}]", chunk) is not None


def has_figure(chunk: str) -> bool:
    return _FIGURE.search(chunk) is not None


def whole(chunk: str) -> str:
    return "".join(_PART.findall(chunk))[:LONGEST]


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """An English word without its endings."""
    return str(_english.stemWord(word))
