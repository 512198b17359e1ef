"""Finding customers and products by what people type of their names.

The typed words may stand in any order; each is the beginning of a word of the name, and Chinese begins at any of its
characters, as itself, in pinyin or as the initials of that. A telephone number begins at any of its digits. Each
beginning is a row, so that both databases find alike and by an index.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Index, String, delete, false, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.database import Base

SHOWN = 20
"""So many of what was found are offered."""
LONGEST, MOST, ASKED = 40, 400, 8
SHORTEST_NUMBER = 3
HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+")
_BEHIND_ALL = "\U0010ffff"
_BY_CODE_POINT = String(LONGEST).with_variant(String(LONGEST, collation="C"), "postgresql")


class SearchWord(Base):
    """A beginning by which something of a kind is found."""

    __tablename__ = "search_word"
    __table_args__ = (Index("ix_search_word_subject", "kind", "subject_id"), {"sqlite_with_rowid": False})
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    word: Mapped[str] = mapped_column(_BY_CODE_POINT, primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True)


def keep(session: Session, kind: str, subject_id: int, *, names: Iterable[str], more: Iterable[str] = ()) -> None:
    """From now on it is found by these `names`, which are spelled out in pinyin, too, and by what `more` is known of
    it, in the caller's transaction."""
    before = SearchWord.kind == kind, SearchWord.subject_id == subject_id
    session.execute(delete(SearchWord).where(*before).execution_options(synchronize_session=False))
    if found := sorted(dict.fromkeys(islice(beginnings(names, more), MOST))):
        new = [{"kind": kind, "word": word, "subject_id": subject_id} for word in found]
        rows.add_unless_there(session, SearchWord, new)


def matching(kind: str, subject: ColumnElement[Any] | Any, typed: str) -> list[ColumnElement[bool]]:
    """What a query asks of the id of a `subject`, so that all the typed words lead to it."""
    words = _RUN.findall(fold(typed))[:ASKED]
    if not words:
        return [false()] if typed.strip() else []
    return [
        subject.in_(
            select(SearchWord.subject_id).where(
                SearchWord.kind == kind, SearchWord.word >= word, SearchWord.word < word + _BEHIND_ALL
            )
        )
        for word in (each[:LONGEST] for each in words)
    ]


def fold(text: str) -> str:
    """A text as we compare it: without case, accents and full-width signs."""
    apart = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", "".join(c for c in apart if not unicodedata.combining(c) and c != "\x00"))


def beginnings(names: Iterable[str], more: Iterable[str] = ()) -> Iterator[str]:
    """Every beginning that leads to these texts."""
    for each in names:
        yield from _words(each, spelled=True)
    for each in more:
        yield from _words(each, spelled=False)


def _words(text: str, *, spelled: bool) -> Iterator[str]:
    for chunk in fold(text).split():
        runs = _RUN.findall(chunk)
        if len(runs) > 1:
            yield "".join(runs)[:LONGEST]  # HX-210 is typed HX210, too
        for run in runs:
            yield from _of_run(run, spelled=spelled)
    digits = "".join(c for c in fold(text) if c in "0123456789")
    if len(digits) >= SHORTEST_NUMBER and not re.search(r"[^\W\d_]", text):
        yield from (digits[at : at + LONGEST] for at in range(len(digits) - SHORTEST_NUMBER + 1))


def _of_run(run: str, *, spelled: bool) -> Iterator[str]:
    if not re.match(f"[{HAN}]", run):
        yield run[:LONGEST]
        return
    yield from (run[at : at + LONGEST] for at in range(len(run)))
    if spelled:
        from pypinyin import lazy_pinyin  # here, because loading its tables takes a tenth of a second

        syllables = [each for each in lazy_pinyin(run, errors="ignore") if each]
        for at in range(len(syllables)):
            yield "".join(syllables[at:])[:LONGEST]
            yield "".join(each[0] for each in syllables[at:])[:LONGEST]
