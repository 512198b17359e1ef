"""Terms: the codes and the words by which complaints are found to be alike, in an index of their own.

The codes of an entry (batch, order, material) are compared however they were typed: in full width, with spaces, in
capitals. Chinese is written without spaces, so any two characters that stand together are a word. A term is kept as a
number: the index is small, both databases compare it alike, and it tells nothing of what a customer wrote. Whoever
writes the texts of a complaint keeps its terms, in the same transaction; lost ones are made again with `rebuild`.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import chain, pairwise
from typing import Any
from zlib import crc32

from sqlalchemy import ForeignKey, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import rows
from complaints.database import Base

CODES = ("batch", "order_no", "material_no")
TEXTS = ("subject", "product", "model", "content")
FIELDS = (*CODES, *TEXTS)
"""The fields of a complaint that its terms are made of."""
MOST = 24
"""Terms of a complaint: its codes, then the first words of its subject, its product and its content."""
READ = 1_500
"""Characters of a text in which words are looked for; what follows is mostly history and signatures."""
A_PART = 500

_APART = re.compile(r"[,;、\n]")
_FIGURE = re.compile(r"\d")
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_WORD = re.compile("([\u3400-\u4dbf\u4e00-\u9fff]+)|([^\\W_\u3400-\u9fff]+(?:[-./][^\\W_\u3400-\u9fff]+)*)")
_DATE = re.compile(r"\d{2,4}[-./]\d{1,2}[-./]\d{1,4}")
_ENDING = re.compile(r"(?<=[a-z]{4})(?:ing|ed|es|s)$")
_GRAMMAR = re.compile(
    "[的了是在我你您他它们贵敝和与及为有中请将被把也都就对从到以于该此这那其已并且但或等个件只套不很]+"
)
_EVERYWHERE = """
about after again all also and any are because been before being below best between both but can complain complaint
could customer dear did does due each few first for from further had has have having hello here hereby how however http
https into its just kind kindly lot made mail many may more most much must need not now off once one only order other
our out over part parts pcs piece pieces please quantity received regards same see sent she should since sincerely some
soon still such than thank thanks that the their them then there these they this those three through today too two under
until urgent very was way were what when where which while who why will with within without would www yesterday you your
yours 客户 投诉 反馈 你好 公司 司在 司客 谢谢 尽快 批次 订单 数量 我司 产品 今天 昨天 目前 麻烦 回复
"""
_TELLS_NOTHING = frozenset(_EVERYWHERE.split())


class Term(Base):
    """A complaint has a term."""

    __tablename__ = "complaint_term"
    __table_args__ = ({"sqlite_with_rowid": False},)
    term: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"), primary_key=True)


def of(texts: Mapping[str, Any]) -> dict[int, str]:
    """The terms of a complaint by its fields, each with the code or the word that it stands for, in their order."""
    found = of_codes(texts)
    for text, said in chain.from_iterable(words(texts.get(field) or "") for field in TEXTS):
        if len(found) >= MOST:
            break
        found.setdefault(_term(text), said)
    return found


def of_codes(texts: Mapping[str, Any]) -> dict[int, str]:
    """Those that stand for the codes of its entry."""
    found = (codes(texts.get(field) or "").items() for field in CODES)
    return {_term(code): said for code, said in chain.from_iterable(found)}


def _term(text: str) -> int:
    return crc32(text.encode()) - 2**31


def has_figure(word: str) -> bool:
    return bool(_FIGURE.search(word))


def codes(typed: str) -> dict[str, str]:
    """The codes in a field as they are compared, each as it was typed."""
    found = {}
    for each in _APART.split(_plain(typed)):
        code = "".join(each.casefold().split())
        if len(code) > 2 and has_figure(code):
            found[code] = " ".join(each.split())
    return found


def words(text: str) -> Iterator[tuple[str, str]]:
    """The words of a text that tell something, in their order: as they are compared and as they stand there."""
    for chinese, word in _WORD.findall(_plain(text[:READ])):
        if chinese:
            for run in _GRAMMAR.split(chinese):
                yield from ((two, two) for two in map("".join, pairwise(run)) if two not in _TELLS_NOTHING)
        elif _tells(folded := word.casefold()):
            yield _ENDING.sub("", folded), word


def _plain(text: str) -> str:
    """A text with one form for each character."""
    return text if text.isascii() else _DASHES.sub("-", unicodedata.normalize("NFKC", text))


def _tells(word: str) -> bool:
    """Is it a code of some length, or a word that not every complaint has?"""
    if word.isalpha() or not has_figure(word):
        return len(word) > 2 and word not in _TELLS_NOTHING
    return len(word) > 3 and not _DATE.fullmatch(word) and (len(word) > 4 or not word.isdecimal())


def texts_of(complaint: Any) -> dict[str, str]:
    """What a complaint says, as far as its terms are made of it."""
    return {field: getattr(complaint, field) for field in FIELDS}


def keep(session: Session, complaint_id: int, texts: Mapping[str, Any]) -> None:
    """Enter the terms of a new complaint, in the caller's transaction."""
    rows.add(session, Term, *({"term": term, "complaint_id": complaint_id} for term in of(texts)))


def correct(session: Session, complaint_id: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Enter what a complaint says now for what it said before, in the caller's transaction."""
    if before == after:
        return
    old, new = of(before).keys(), of(after).keys()
    if gone := old - new:
        session.execute(
            delete(Term)
            .where(Term.term.in_(gone), Term.complaint_id == complaint_id)
            .execution_options(synchronize_session=False)
        )
    if come := new - old:
        rows.add_unless_there(session, Term, [{"term": term, "complaint_id": complaint_id} for term in sorted(come)])


def rebuild(session: Session) -> Iterator[int]:
    """Make the whole index anew, in the caller's transaction; yields how many complaints are done."""
    complaint = Base.metadata.tables["complaint"].c
    session.execute(delete(Term).execution_options(synchronize_session=False))
    last = done = 0
    while True:
        part = session.execute(
            select(complaint.id, *(complaint[field] for field in FIELDS))
            .where(complaint.id > last)
            .order_by(complaint.id)
            .limit(A_PART)
        ).all()
        if not part:
            return
        found = [{"term": term, "complaint_id": each.id} for each in part for term in of(each._asdict())]
        if found:  # somebody may write meanwhile
            rows.add_unless_there(session, Term, found)
        last, done = part[-1].id, done + len(part)
        yield done
