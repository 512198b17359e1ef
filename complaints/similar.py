"""Similar complaints: the same lot, order or material, the same customer with the same product, the same words.

The index of terms gives the newest complaints that have each of the terms, so that the cost does not grow with the
ledger; how far back those reach says how rare the term is. Only the best of them are read, and only for them it is
said what they share.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from math import log
from typing import Any

from sqlalchemy import CompoundSelect, Integer, Row, Select, bindparam, cast, func, null, select, union_all
from sqlalchemy.orm import Session

from complaints import complaint as complaints
from complaints import rows, terms
from complaints.complaint import Complaint
from complaints.customers import Customer
from complaints.errors import N_, Sentence
from complaints.people import Actor
from complaints.procedure import Procedure, procedure
from complaints.terms import Term

MOST = 10
OF_A_TERM, OF_A_PAIR, OF_A_CONTACT = 200, 40, 20
"""So many of the newest are looked at."""
READ, READ_OF_ALL = 60, 600
"""So many of the best are read by who sees nearly all complaints, and by others."""
SAME = {"batch": 20.0, "order_no": 16.0, "material_no": 3.0}
MENTIONED, ALL_WORDS, PAIR, CONTACT, CUSTOMER = 12.0, 10.0, 4.0, 2.0, 1.0
"""What each counts for, shared words by their share in what all words tell: the same lot more than the same story."""
FEWEST_WORDS, LEAST_SHARE = 2, 0.2
TOLD_WORDS = 4

MESSAGES: Mapping[str, str] = {
    "batch": N_("same lot %(codes)s"),
    "order_no": N_("same order %(codes)s"),
    "material_no": N_("same material %(codes)s"),
    "mentioned": N_("both name %(codes)s"),
    "pair": N_("same customer and product"),
    "customer": N_("same customer"),
    "contact": N_("same person writing"),
    "words": N_("words: %(words)s"),
}


@dataclass(frozen=True)
class Listed:
    """Some words, as a list in the reader's language."""

    words: tuple[str, ...]

    def in_(self, locale: str) -> str:
        return ("、" if locale.startswith("zh") else ", ").join(self.words)


@dataclass(frozen=True)
class Alike:
    """A complaint that is like another one, and why."""

    id: int
    number: str
    subject: str
    customer: str
    product: str
    received_at: datetime
    closed_at: datetime | None
    rules: Procedure
    stage: str
    merged: bool
    score: float = 0.0
    reasons: tuple[Sentence, ...] = ()

    @property
    def off_board(self) -> bool:
        return self.rules.stage(self.stage).off_board


def to(session: Session, complaint: Complaint, actor: Actor) -> list[Alike]:
    """The complaints that are most like this one, as far as the reader may see them; two queries."""
    mine = terms.of(terms.texts_of(complaint))
    found = _found(session, complaint, mine)
    shares = _shares(complaint, found)
    points: defaultdict[int, float] = defaultdict(float)
    for term, ids in found.items():
        telling = term is not None and len(ids) < OF_A_TERM and terms.has_figure(mine[term])
        each = PAIR if term is None else ALL_WORDS * shares[term] + telling * MENTIONED
        for id_ in ids:
            points[id_] += each
    points.pop(complaint.id, None)
    best = sorted(points, key=lambda id_: (-points[id_], -id_))[: READ if actor.sees_all else READ_OF_ALL]
    alike = [one for row in _read(session, best, actor) if (one := _compared(complaint, row, mine, shares))]
    return sorted(alike, key=lambda each: (-each.score, -each.id))[:MOST]


def these(session: Session, ids: Collection[int], actor: Actor) -> list[Alike]:
    """Some complaints by their ids, in this order, without asking what they share."""
    place = {id_: n for n, id_ in enumerate(ids)}
    return sorted((_shown(row) for row in _read(session, ids, actor)), key=lambda each: place[each.id])


# Who has the terms


def _found(session: Session, complaint: Complaint, mine: Collection[int]) -> dict[int | None, list[int]]:
    """The newest complaints that have each term; under None those of the same customer with the same product, and of
    the same person."""
    values: dict[str, Any] = {f"term_{n}": term for n, term in enumerate(mine)}
    pair = complaint.customer_id is not None and bool(complaint.product)
    contact = complaint.contact_id is not None
    if not (values or pair or contact):
        return {}
    values |= {"customer": complaint.customer_id, "product": complaint.product} if pair else {}
    values |= {"contact": complaint.contact_id} if contact else {}
    found: dict[int | None, list[int]] = {}
    for term, id_ in rows.run(session, statement(len(mine), pair, contact), values):
        found.setdefault(term, []).append(id_)
    return found


@cache
def statement(count: int, pair: bool, contact: bool) -> CompoundSelect[Any] | Select[Any]:
    """For so many terms, with or without the others."""
    term, complaint, none = rows.table(Term).c, rows.table(Complaint).c, cast(null(), Integer)
    parts: list[Select[Any]] = [
        select(term.term.label("term"), term.complaint_id.label("id"))
        .where(term.term == bindparam(f"term_{n}"))
        .order_by(term.complaint_id.desc())
        .limit(OF_A_TERM)
        for n in range(count)
    ]
    if pair:
        of_pair = complaint.customer_id == bindparam("customer"), complaint.product == bindparam("product")
        newest = complaint.received_at.desc()
        parts.append(
            select(none.label("term"), complaint.id.label("id")).where(*of_pair).order_by(newest).limit(OF_A_PAIR)
        )
    if contact:
        of_contact = complaint.contact_id == bindparam("contact")
        parts.append(
            select(none.label("term"), complaint.id.label("id"))
            .where(of_contact)
            .order_by(complaint.id.desc())
            .limit(OF_A_CONTACT)
        )
    each = [select(part.subquery(f"part_{n}")) for n, part in enumerate(parts)]
    return union_all(*each) if len(each) > 1 else each[0]


def _shares(complaint: Complaint, found: Mapping[int | None, Collection[int]]) -> dict[int, float]:
    """How much of what all terms tell each of them tells: the rarer the more. A term whose newest complaints fill the
    list is as rare as these lie apart."""
    last = max((max(ids) for ids in found.values()), default=complaint.id)
    weights = {}
    for term, ids in found.items():
        if term is not None:
            among = last - min(ids) + 1 if len(ids) == OF_A_TERM else last
            weights[term] = log(1 + among / len(ids))
    total = sum(weights.values())
    return {term: weight / total for term, weight in weights.items()}


# What they share


def _read(session: Session, ids: Collection[int], actor: Actor) -> list[Row[*tuple[Any, ...]]]:
    query = (
        select(
            *(getattr(Complaint, field) for field in terms.TEXTS if field != "content"),
            *(getattr(Complaint, field) for field in terms.CODES),
            func.substr(Complaint.content, 1, terms.READ).label("content"),
            Complaint.id, Complaint.number, Complaint.customer_id, Complaint.contact_id, Complaint.received_at,
            Complaint.closed_at, Complaint.procedure, Complaint.procedure_version, Complaint.stage,
            Complaint.merged_into_id, Customer.name.label("customer"),
        )
        .outerjoin(Customer, Customer.id == Complaint.customer_id)
        .where(Complaint.id.in_(ids))
    )  # fmt: skip
    return list(session.execute(complaints.visible_to(actor, query)).all()) if ids else []


def _shown(row: Any, score: float = 0.0, reasons: Iterable[Sentence] = ()) -> Alike:
    return Alike(
        row.id, row.number, row.subject, row.customer or "", row.product, row.received_at, row.closed_at,
        procedure(row.procedure, row.procedure_version), row.stage, row.merged_into_id is not None, score,
        tuple(reasons),
    )  # fmt: skip


def _compared(complaint: Complaint, row: Any, mine: Mapping[int, str], shares: Mapping[int, float]) -> Alike | None:
    """A complaint with everything it shares with this one; none where that is too little."""
    score, reasons, told = 0.0, [], set()
    for field, points in SAME.items():
        own, others = terms.codes(getattr(complaint, field)), terms.codes(getattr(row, field))
        if same := [said for code, said in own.items() if code in others]:
            score += points
            told |= {*same}
            reasons.append(_reason(field, codes=Listed(tuple(same))))
    theirs = terms.of(terms.texts_of(row))
    shared = {term: said for term, said in mine.items() if term in theirs and said not in told}
    entered = terms.of_codes(terms.texts_of(complaint)).keys() | terms.of_codes(terms.texts_of(row)).keys()
    if mentioned := [shared.pop(term) for term in [*shared] if term in entered]:
        score += MENTIONED
        reasons.append(_reason("mentioned", codes=Listed(tuple(mentioned))))
    if row.customer_id is not None and row.customer_id == complaint.customer_id:
        pair = bool(complaint.product) and row.product == complaint.product
        score += PAIR if pair else CUSTOMER
        reasons.append(_reason("pair" if pair else "customer"))
    elif row.contact_id is not None and row.contact_id == complaint.contact_id:
        score += CONTACT
        reasons.append(_reason("contact"))
    share = sum(shares.get(term, 0.0) for term in shared)
    if len(shared) >= FEWEST_WORDS and share >= LEAST_SHARE:
        score += ALL_WORDS * share
        words = _rarest({said: shares.get(term, 0.0) for term, said in shared.items()})
        reasons.append(_reason("words", words=Listed(words)))
    return _shown(row, score, reasons) if reasons else None


def _rarest(words: Mapping[str, float]) -> tuple[str, ...]:
    """The words that tell the most; Chinese ones that overlap are one."""
    whole: list[tuple[str, float]] = []
    for word, weight in words.items():
        before, known = whole[-1] if whole else ("", 0.0)
        if before and len(word) == 2 and word[0] == before[-1] and word[0] > "\u3400":
            whole[-1] = before + word[1], known + weight
        else:
            whole.append((word, weight))
    return tuple(word for word, _ in sorted(whole, key=lambda each: -each[1])[:TOLD_WORDS])


def _reason(key: str, **values: Any) -> Sentence:
    return Sentence(MESSAGES[key], values)
