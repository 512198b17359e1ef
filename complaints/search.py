"""Search: the complaints that a person may see and that say what was typed.

What bears the typed number comes first, then the newest. What is asked is in search_query.py, the index in
search_index.py. A page is read along the index, newest first, and only its texts are read again, to show where the
words stand. One character is looked for in the numbers, customers and subjects of the newest complaints alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, column, func, literal, literal_column, select, table
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session, joinedload

from complaints import complaint as complaints
from complaints import ledger, rows, search_index
from complaints.complaint import Complaint
from complaints.customers import Customer
from complaints.finding import HAN, fold
from complaints.numbered import bearing
from complaints.off_board import Decision
from complaints.people import Actor, User
from complaints.procedure import Procedure, of, versions
from complaints.search_index import Text
from complaints.search_query import Query, Term, for_postgres, for_sqlite

A_PAGE = 20
NEWEST = 2_000
"""So many are looked at for one character, and for the names that were perhaps meant."""
BEFORE, LONG = 40, 160
"""Characters of a snippet: before the first word that was found, and in all."""
MOST_SNIPPETS = 3
YEARS, MOST_EXACT = 10, 5
"""A serial alone is looked for in so many years; so many complaints may stand first."""
NEAR = 0.72
_NUMBER = re.compile(r"(?:c-?(?P<year>20[0-9]{2})-?)?0*(?P<serial>[0-9]{1,8})", re.IGNORECASE)
_ENTRY = table("search_entry", column("rowid"), column("complaint_id"), column("words"))


@dataclass(frozen=True)
class Snippet:
    """Some of a text, in pieces, of which every second one was looked for."""

    where: str
    pieces: Sequence[str]


@dataclass(frozen=True)
class Left:
    """A decision by which a complaint left the board."""

    name: Any
    reason: str
    at: datetime
    by: str


@dataclass(frozen=True)
class Hit:
    complaint: Complaint
    rules: Procedure
    customer: str
    subject: Sequence[str]
    snippets: Sequence[Snippet]
    left: Left | None
    exact: bool = False


@dataclass(frozen=True)
class Found:
    hits: Sequence[Hit]
    next: int | None = None


def find(
    session: Session, actor: Actor, query: Query, typed: str, *, before: int | None, now: datetime, zone: tzinfo
) -> Found:
    """A page of what was found, of the complaints that began before the one with this id."""
    if not query:
        return Found(())
    exact = _exact(session, actor, typed, now) if before is None else []
    found = _page(session, actor, query, before, now, zone)
    page, more = found[:A_PAGE], len(found) > A_PAGE
    first = {each.id for each in exact}
    hits = [*exact, *(each for each in page if each.id not in first)]
    return Found(_shown(session, hits, query, first), page[-1].id if more else None)


def statement(session: Session, actor: Actor, terms: Sequence[Term], *more: ColumnElement[bool]) -> Select[Complaint]:
    """The complaints an actor may see that have the terms, by the index and the newest first."""
    query, newest = select(Complaint), Complaint.id.desc()
    if terms and rows.dialect(session) == "sqlite":  # reads its index from the newest on, as far as a page goes
        asked = literal_column("search_entry").op("MATCH")(for_sqlite([*terms]))
        query, newest = query.join(_ENTRY, _ENTRY.c.rowid == Complaint.id).where(asked), _ENTRY.c.rowid.desc()
    elif terms:  # apart, else a rare word might be looked for along the ids, through every row
        asked = _ENTRY.c.words.op("@@")(cast(literal(for_postgres([*terms]), String), TSQUERY))
        hits = select(_ENTRY.c.complaint_id).where(asked).cte("hits").prefix_with("MATERIALIZED")
        query = query.join(hits, hits.c.complaint_id == Complaint.id)
    return complaints.visible_to(actor, query).where(*more).order_by(newest)


def _page(
    session: Session, actor: Actor, query: Query, before: int | None, now: datetime, zone: tzinfo
) -> Sequence[Complaint]:
    limits = [*_limits(query, actor, now, zone)]
    if query.letter:
        limits.append(Complaint.id.in_(_with_letter(session, actor, query.letter)))
    if before is not None:
        limits.append(Complaint.id < before)
    asked = statement(session, actor, query.terms, *limits).options(joinedload(Complaint.customer))
    return session.scalars(asked.limit(A_PAGE + 1)).all()


def _with_letter(session: Session, actor: Actor, letter: str) -> list[int]:
    """Of the newest complaints those with this one character in number, customer or subject."""
    newest = select(Complaint.id, Complaint.number, Complaint.subject, Customer.name).outerjoin(
        Customer, Customer.id == Complaint.customer_id
    )
    asked = complaints.visible_to(actor, newest).order_by(Complaint.id.desc()).limit(NEWEST)
    return [id_ for id_, *said in session.execute(asked) if any(letter in fold(each or "") for each in said)][:200]


def _exact(session: Session, actor: Actor, typed: str, now: datetime) -> list[Complaint]:
    """What bears the number that was typed, alone: of a complaint, of the register, of a record."""
    word = fold(typed).strip()
    if not (word and len(word) <= 40) or " " in word:
        return []
    ways: list[ColumnElement[bool]] = [Complaint.number == word.upper(), *bearing(word)]
    if (number := _NUMBER.fullmatch(word)) and not number["year"]:
        serial, years = int(number["serial"]), range(now.year + 1, now.year - YEARS, -1)
        ways.append(Complaint.year.in_(years) & (Complaint.sequence == serial))
        ways.append(Complaint.register_year.in_(years) & (Complaint.register_serial == serial))
    found: dict[int, Complaint] = {}
    for way in ways:  # one by one, each by its index
        asked = complaints.visible_to(actor, select(Complaint).where(way)).order_by(Complaint.id.desc())
        found |= {each.id: each for each in session.scalars(asked.limit(MOST_EXACT))}
    return sorted(found.values(), key=lambda each: -each.id)[:MOST_EXACT]


def _limits(query: Query, actor: Actor, now: datetime, zone: tzinfo) -> Iterator[ColumnElement[bool]]:
    """What the filters ask of columns."""
    for key, value in query.columns:
        word = fold(value)
        if key == "stage":
            yield Complaint.stage.in_(_stages(word))
        elif key == "class":
            yield func.lower(Complaint.complaint_class) == word
        elif key == "owner":
            mine = word in ("me", "我")
            named = select(User.id).where(func.lower(User.name).contains(word, autoescape=True))
            yield Complaint.owner_id == actor.id if mine else Complaint.owner_id.in_(named)
        else:
            yield _day(key, date.fromisoformat(value), zone)
    for state in query.flags:
        yield from ledger.in_state(state, now)


def _day(key: str, day: date, zone: tzinfo) -> ColumnElement[bool]:
    """From a day on, or to its end."""
    start = datetime.combine(day, time(), zone)
    try:
        edge = (start + timedelta(days=key == "to")).astimezone(UTC)
    except OverflowError:
        edge = datetime.max.replace(tzinfo=UTC) if day.year > 1 else datetime.min.replace(tzinfo=UTC)
    return Complaint.received_at < edge if key == "to" else Complaint.received_at >= edge


def _stages(word: str) -> list[str]:
    """The stages, and ways off the board, of all procedures whose key or name has a word."""
    return sorted(
        {
            stage.key
            for rules in versions()
            for stage in rules.stages
            if word and any(word in fold(name) for name in (stage.key, stage.name.en, stage.name.zh))
        }
    )


# What is shown of them


def _shown(session: Session, found: Sequence[Complaint], query: Query, exact: set[int]) -> list[Hit]:
    marks = _marks(tuple(query.marked) or ((query.letter,) if query.letter else ()))
    said = search_index.texts(session, [each.id for each in found]) if found else {}
    left = _left(session, found)
    return [
        Hit(
            each, of(each), each.customer.name if each.customer else "", _pieces(marks, each.subject),
            [*_snippets(marks, said.get(each.id, ()))][:MOST_SNIPPETS], left.get(each.id), each.id in exact,
        )
        for each in found
    ]  # fmt: skip


@cache
def _marks(words: tuple[str, ...]) -> re.Pattern[str] | None:
    """Where the words stand, the longest first; Latin ones at the beginning of a word."""
    found = sorted({each for each in words if each}, key=lambda each: (-len(each), each))
    ways = [
        re.escape(each) if re.match(f"[{HAN}]", each) else rf"(?<![^\W_{HAN}]){re.escape(each)}\w*" for each in found
    ]
    return re.compile("|".join(ways), re.IGNORECASE) if ways else None


def _pieces(marks: re.Pattern[str] | None, text: str) -> list[str]:
    """A text in pieces, of which every second one was looked for."""
    pieces, at = [], 0
    for match in marks.finditer(text) if marks else ():
        pieces += [text[at : match.start()], match[0]]
        at = match.end()
    return [*pieces, text[at:]]


def _snippets(marks: re.Pattern[str] | None, said: Sequence[Text]) -> Iterator[Snippet]:
    """Where the words stand, apart from what is shown anyway; each place once."""
    places: set[str] = set()
    for each in said:
        match = marks.search(each.text) if marks else None
        if match is None or each.where in places or each.field in ("number", "subject", "customer"):
            continue
        places.add(each.where)
        start = max(0, match.start() - BEFORE)
        part = " ".join(each.text[start : start + LONG].split())
        cut = ("… " if start else "") + part + (" …" if start + LONG < len(each.text) else "")
        yield Snippet(search_index.PLACES[each.where], _pieces(marks, cut))


def _left(session: Session, found: Sequence[Complaint]) -> dict[int, Left]:
    """How those that are off the board left it: the decision, who took it, when and why."""
    off = {each.id: each for each in found if of(each).stage(each.stage).off_board}
    query = (
        select(Decision, User.name)
        .outerjoin(User, User.id == Decision.by_id)
        .where(Decision.complaint_id.in_(off), Decision.back_at.is_(None))
        .order_by(Decision.id)
    )
    return {
        each.complaint_id: Left(of(off[each.complaint_id]).stage(each.outcome).name, each.reason, each.at, by or "")
        for each, by in (session.execute(query) if off else ())
    }


def meant(session: Session, actor: Actor, query: Query) -> list[str]:
    """Names of customers and products that are near to a word that was typed, of the newest complaints that the actor
    may see."""
    typed = [each for each in query.marked if len(each) > 1][:4]
    newest = (
        select(Customer.name, Complaint.product, Complaint.contact_person)
        .select_from(Complaint)
        .outerjoin(Customer, Customer.id == Complaint.customer_id)
        .order_by(Complaint.id.desc())
        .limit(NEWEST)
    )
    names = (
        {name for row in session.execute(complaints.visible_to(actor, newest)) for name in row if name} if typed else ()
    )
    by_word = {word: name for name in sorted(names) for word in (fold(name), *fold(name).split())}
    near = (word for each in typed for word in get_close_matches(each, by_word, n=2, cutoff=NEAR))
    return list(dict.fromkeys(by_word[word] for word in near))[:3]
