"""A table of a procedure file while it is read, and the faults that are noted on the way.

Each fault says in which file, where in it, what is wrong, and what was probably meant. Nothing here knows what a
procedure has: that is asked for by procedure_file.py and its neighbours.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from complaints.errors import N_, Gettext, Name, Sentence

MOST_FAULTS = 200
MOST_TOGETHER = 500
"""So much of a kind is enough for any procedure; the check of far more would take minutes."""
LINE_LIMIT = 200

_A_NAME = N_('a name in both languages: { en = "…", zh = "…" }')


@dataclass(frozen=True)
class Fault:
    """Something wrong with a procedure: in which file, where in it, what."""

    file: str
    place: str
    sentence: Sentence

    def in_(self, gettext: Gettext, locale: str) -> str:
        return ": ".join(part for part in (self.file, self.place, self.sentence.in_(gettext, locale)) if part)

    def __str__(self) -> str:
        return self.in_(str, "en")


class BadProcedure(ValueError):
    """A procedure file is wrong; `faults` says everything at once, where and how to mend it."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(map(str, self.faults)))


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text[:200])


def shown(value: Any) -> str:
    """A wrong value, short and on one line."""
    if isinstance(value, (dict, list)):
        return "{…}" if isinstance(value, dict) else "[…]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) >= 10**18:
        return "…"
    return printable(repr(value[:60] if isinstance(value, str) else value))


def crowded(value: Any, place: str = "") -> Iterator[str]:
    """The places of a file in which more stands than any procedure needs."""
    if isinstance(value, (dict, list)) and len(value) > MOST_TOGETHER:
        yield place
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from crowded(each, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for position, each in enumerate(value, 1):
            yield from crowded(each, f"{place}[{position}]")


class Table:
    """A table of the file while it is read. Every question notes what is wrong with the answer and goes on with
    something harmless; `end` notes the keys that nobody asked for. `kind` is what the documentation calls it."""

    def __init__(self, raw: Mapping[str, Any], file: str, place: str, kind: str, noted: list[Fault]) -> None:
        self.raw, self.file, self.place, self.kind, self.noted = raw, file, place, kind, noted
        self.asked: set[str] = set()

    def fault(self, key: str, message: str, **values: Any) -> None:
        if len(self.noted) < MOST_FAULTS:
            place = ".".join(part for part in (self.place, printable(key)[:60]) if part)
            self.noted.append(Fault(self.file, place, Sentence(message, values)))

    def take(self, key: str, kind: type | tuple[type, ...], what: str, default: Any, *, needed: bool = False) -> Any:
        self.asked.add(key)
        if key not in self.raw:
            if needed:
                self.fault(key, N_("is missing; it should be %(what)s"), what=Sentence(what))
            return default
        value = self.raw[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            self.fault(key, N_("should be %(what)s, not %(value)s"), what=Sentence(what), value=shown(value))
            return default
        return value

    def text(self, key: str, default: str | None = None) -> str:
        return str(self.take(key, str, N_("a text"), default or "", needed=default is None))

    def flag(self, key: str) -> bool:
        return bool(self.take(key, bool, N_("true or false"), False))

    def number(self, key: str, *, most: int, needed: bool = False) -> int | None:
        value = self.take(key, int, N_("a whole number"), None, needed=needed)
        if value is not None and not 1 <= value <= most:
            self.fault(key, N_("should be from 1 to %(most)s, not %(value)s"), most=most, value=shown(value))
            return None
        return None if value is None else int(value)

    def key(self, *, longest: int = 40, taken: Collection[str] = ()) -> str:
        key = self.text("key")
        self.check_key("key", key, longest)
        if key in taken:
            self.fault("key", N_("the pages use '%(name)s' themselves; give it another key"), name=key)
        return key

    def check_key(self, place: str, key: str, longest: int = 40) -> None:
        if (key or place != "key") and not re.fullmatch(f"[a-z0-9_]{{1,{longest}}}", key):
            message = N_("should be small Latin letters, digits and _, at most %(longest)s, not %(value)s")
            self.fault(place, message, longest=longest, value=shown(key))

    def name(self, key: str = "name") -> Name:
        return self._name(key, self.take(key, dict, _A_NAME, None, needed=True))

    def may_name(self, key: str) -> Name | None:
        value = self.take(key, dict, _A_NAME, None)
        return None if value is None else self._name(key, value)

    def _name(self, key: str, value: Mapping[str, Any] | None) -> Name:
        if value is None:
            return Name("?", "?")
        for language in ("en", "zh"):
            text = value.get(language)
            if not (isinstance(text, str) and text.strip()):
                self.fault(f"{key}.{language}", N_("is missing; every name is given in both languages"))
            elif len(text) > LINE_LIMIT or not text.isprintable():
                self.fault(
                    f"{key}.{language}", N_("should be one line of at most %(limit)s characters"), limit=LINE_LIMIT
                )
        for other in sorted(value.keys() - {"en", "zh"}):
            self.fault(f"{key}.{other}", N_("is not known; a name has en and zh"))
        return Name(str(value.get("en", "?")), str(value.get("zh", "?")))

    def names(self, key: str, *, needed: bool = False, longest: int = 40) -> dict[str, Name]:
        value = self.take(key, dict, N_("a table of names"), {}, needed=needed)
        found = {}
        for each, name in value.items():
            self.check_key(f"{key}.{each}", each, longest)
            if isinstance(name, dict):
                found[each] = self._name(f"{key}.{each}", name)
            else:
                self.fault(
                    f"{key}.{each}", N_("should be %(what)s, not %(value)s"), what=Sentence(_A_NAME), value=shown(name)
                )
        return found

    def texts(self, key: str, *, needed: bool = False) -> tuple[str, ...]:
        """Texts; a single one may stand alone."""
        value = self.take(key, (list, str), N_("a list of texts"), [], needed=needed)
        texts = [value] if isinstance(value, str) else value
        if not all(isinstance(each, str) for each in texts):
            self.fault(
                key, N_("should be %(what)s, not %(value)s"), what=Sentence(N_("a list of texts")), value=shown(value)
            )
            return ()
        if needed and key in self.raw and not texts:
            self.fault(key, N_("is empty"))
        return tuple(dict.fromkeys(texts))

    def one(self, key: str, known: Collection[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value != default and (value or key in self.raw):
            self.check(key, (value,), known)
        return value

    def some(self, key: str, known: Collection[str], *, needed: bool = False) -> tuple[str, ...]:
        values = self.texts(key, needed=needed)
        self.check(key, values, known)
        return values

    def check(self, key: str, values: Iterable[str], known: Collection[str]) -> None:
        for value in values:
            if value not in known and len(self.noted) < MOST_FAULTS:
                self.fault(key, N_("names %(value)s; %(meant)s"), value=shown(value), meant=_meant(value, known))

    def tables(self, key: str) -> list["Table"]:
        value = self.take(key, list, N_("tables in double square brackets"), [])
        if not all(isinstance(each, dict) for each in value):
            self.fault(key, N_("should be tables in double square brackets"))
            return []
        kind = f"{self.kind}.{key}" if self.kind else key
        return [self.inside(each, key, position, kind) for position, each in enumerate(value, 1)]

    def inside(self, raw: Mapping[str, Any], key: str, position: int | None, kind: str) -> "Table":
        called = raw.get("key")
        place = key if position is None else f"{key}[{position}]"
        if position is not None and isinstance(called, str) and called:
            place = f"{key}.{printable(called)[:40]}"
        return Table(raw, self.file, f"{self.place}.{place}" if self.place else place, kind, self.noted)

    def table(self, key: str, what: str, kind: str) -> "Table":
        """A single table in this one, empty when it is not there."""
        return self.inside(self.take(key, dict, what, {}), key, None, kind)

    def once(self, key: str, tables: Iterable["Table"]) -> None:
        """No two of these may have the same key."""
        found = Counter(each.raw["key"] for each in tables if isinstance(each.raw.get("key"), str))
        for called, count in found.items():
            if called and count > 1:
                self.fault(f"{key}.{called}", N_("there are %(count)s of this key"), count=count)

    def end(self) -> None:
        for key in self.raw.keys() - self.asked:
            if len(self.noted) < MOST_FAULTS:
                self.fault(key, N_("is not known here; %(meant)s"), meant=_meant(key, self.asked))


def _meant(value: str, known: Collection[str]) -> Sentence:
    if close := get_close_matches(value[:80], list(known), n=1):
        return Sentence(N_("did you mean '%(close)s'?"), {"close": close[0]})
    if known:
        return Sentence(N_("known are %(known)s"), {"known": ", ".join(sorted(each for each in known if each)[:30])})
    return Sentence(N_("there is none here"))
