"""What a person typed into the search box: words, "phrases" and filters, in English and in Chinese.

Nothing that is typed reaches a database as a language of its own: each part becomes tokens (search_words.py), and only
those are asked for. Too much is cut, and said so; a filter that we do not know is a word, and said so, too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from complaints.errors import N_, Sentence
from complaints.search_words import chunks, has_figure, is_chinese, stem, tokens, whole

LONGEST, MOST = 500, 16
"""Characters of a query, and parts of it, that are looked at."""
TEXTUAL: Mapping[str, str] = {"customer": "c", "product": "p", "lot": "b", "order": "o", "number": "n"}
"""Filters that the index answers, with the letter of their field."""
OF_COLUMNS = ("stage", "class", "owner", "from", "to")
CHINESE: Mapping[str, str] = {
    "客户": "customer", "产品": "product", "批号": "lot", "订单": "order", "编号": "number", "阶段": "stage",
    "等级": "class", "负责人": "owner", "自": "from", "至": "to",
    "超期": "overdue", "未结": "open", "已结案": "closed",
}  # fmt: skip
FLAGS = ("overdue", "open", "closed")
_PART = re.compile(
    r'(?P<name>[^\W\d_]+)[:：](?:"(?P<named>[^"]*)"|(?P<value>[^\s"]+))|"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+)'
)


@dataclass(frozen=True)
class Term:
    """Any of these phrases must be there; a phrase is tokens in a row, whose last one may go on if `open`."""

    ways: tuple[tuple[tuple[str, ...], bool], ...]


@dataclass
class Query:
    terms: list[Term] = field(default_factory=list)
    columns: list[tuple[str, str]] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    marked: list[str] = field(default_factory=list)
    """What is to be seen in what was found, folded."""
    letter: str = ""
    """The one character that is all there is."""
    hints: list[Sentence] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.terms or self.columns or self.flags or self.letter)


def parse(typed: str) -> Query:
    query = Query()
    text = "".join(c if c.isprintable() else " " for c in typed[:LONGEST]).replace("“", '"').replace("”", '"')
    parts = list(_PART.finditer(text))
    if len(typed) > LONGEST or len(parts) > MOST:
        query.hints.append(Sentence(N_("Only the beginning of what you typed was looked for.")))
    for part in parts[:MOST]:
        if part["name"]:
            _filter(query, part["name"], part["named"] or part["value"] or "", part[0])
        elif part["phrase"] is not None:
            _phrase(query, part["phrase"])
        elif (flag := CHINESE.get(part["word"], part["word"].casefold())) in FLAGS:
            query.flags.add(flag)
        else:
            _words(query, part["word"])
    alone = [*chunks(text)]
    if not (query.columns or query.flags) and len(query.marked) == 1 and len("".join(alone)) == 1:
        query.letter, query.terms = alone[0], []
    return query


def _filter(query: Query, name: str, value: str, whole_part: str) -> None:
    key = CHINESE.get(name, name.casefold())
    if key in TEXTUAL:
        for chunk in chunks(value):
            query.terms += _tagged(chunk, TEXTUAL[key])
    elif key in ("from", "to") and not _is_date(value):
        query.hints.append(Sentence(N_("%(typed)s is no day. Write it like 2026-01-31."), {"typed": value[:40]}))
    elif key in OF_COLUMNS:
        if value:
            query.columns.append((key, value))
    else:
        known = ", ".join(f"{each}:" for each in (*TEXTUAL, *OF_COLUMNS))
        hint = N_("There is no filter “%(name)s:”, so it was looked for as a word. Filters: %(known)s")
        query.hints.append(Sentence(hint, {"name": name[:40], "known": known}))
        _words(query, whole_part)


def _is_date(value: str) -> bool:
    try:
        return bool(date.fromisoformat(value))
    except ValueError:
        return False


def _tagged(chunk: str, letter: str) -> Iterator[Term]:
    """What a filter asks for stands beside, without an order."""
    for each in tokens(chunk, last=False) if is_chinese(chunk) else [whole(chunk)]:
        yield Term((((f"{letter}_{each}",), True),))


def _phrase(query: Query, text: str) -> None:
    row: list[str] = []
    runs = list(chunks(text))
    for at, chunk in enumerate(runs):
        row += tokens(chunk, last=at < len(runs) - 1)
    if row:
        query.terms.append(Term(((tuple(row), is_chinese(runs[-1])),)))
        query.marked += runs


def _words(query: Query, text: str) -> None:
    """Each word of a part, for itself; any may go on, as long as it is typed."""
    for chunk in chunks(text):
        query.marked.append(chunk)
        if is_chinese(chunk):
            query.terms.append(Term(((tuple(tokens(chunk, last=False)), True),)))
        elif has_figure(chunk) or len(tokens(chunk)) > 1:
            query.terms.append(Term((((whole(chunk),), True), (tuple(tokens(chunk)), True))))
        else:
            query.terms.append(Term((((f"_{stem(chunk)}",), False), ((chunk,), True))))
            query.marked.append(stem(chunk))


def for_sqlite(terms: list[Term]) -> str:
    """As FTS5 is asked."""
    return " AND ".join(
        "(" + " OR ".join(f'"{" ".join(row)}"{" *" if goes_on else ""}' for row, goes_on in term.ways) + ")"
        for term in terms
    )


def for_postgres(terms: list[Term]) -> str:
    """As a tsquery is written."""

    def phrase(row: tuple[str, ...], goes_on: bool) -> str:
        return "(" + " <-> ".join(f"'{each}'" for each in row) + (":*" if goes_on else "") + ")"

    return " & ".join("(" + " | ".join(phrase(*way) for way in term.ways) + ")" for term in terms)
