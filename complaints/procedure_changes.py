"""What a new version of a procedure changes, part by part, in words: what is new, what is gone, what is said otherwise.

Reckoned over two procedures that were read, not over their texts: what was only written in another order or with other
remarks changes nothing. Parts are told apart by their keys, and what has none by its place.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from complaints.calendar import Within
from complaints.errors import N_, Name
from complaints.people import HOUSE
from complaints.procedure import Move, Need, NoticeRule, Sheet, Stage, When
from complaints.procedure_words import EVENTS, PEOPLE, Words

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True)
class Detail:
    """What is said otherwise of something: `gone` is said no more, `new` is said now. `label` is a word to translate,
    or the key of the file."""

    label: str
    gone: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    kind: str
    name: str
    details: tuple[Detail, ...] = ()


@dataclass(frozen=True)
class Part:
    """A part of a procedure that is not as it was."""

    name: str
    changes: tuple[Change, ...]


LABELS: Mapping[str, str] = {
    "act": N_("What the button says"),
    "after": N_("Comes after"),
    "always": N_("Always mailed"),
    "answer": N_("On the answer list as"),
    "asks": N_("Asks the person"),
    "at_most": N_("At most"),
    "back": N_("Leads back"),
    "by": N_("By whom"),
    "by_class": N_("By whom, for classes"),
    "calendar": N_("In the calendar"),
    "carried": N_("Begun as a copy of the last round"),
    "checks": N_("Checks of the measures"),
    "choices": N_("Choices"),
    "classes": N_("Classes"),
    "confidential": N_("Confidential"),
    "contact": N_("Replies to the customer"),
    "counting": N_("Monthly figures"),
    "covers": N_("What it covers"),
    "customers_turn": N_("The customer's turn"),
    "departments": N_("Responsible departments"),
    "each": N_("For each of"),
    "editions": N_("Editions"),
    "entry": N_("The register entry"),
    "every": N_("Working days from step to step"),
    "fact": N_("Stands with the facts"),
    "fields": N_("Fields"),
    "final": N_("The end"),
    "formats": N_("Formats"),
    "from_": N_("From stage"),
    "help": N_("Help"),
    "internal": N_("Internal"),
    "investigator": N_("Who investigates"),
    "kind": N_("Type"),
    "least": N_("At least"),
    "left_out": N_("Left out of the register entry"),
    "limit": N_("Longest text"),
    "locked_by": N_("Locked by"),
    "lowered_by": N_("Who lowers the class"),
    "many": N_("As many rows as needed"),
    "mark": N_("Mark"),
    "most": N_("Not more than"),
    "moved_in_by": N_("Who moves it there"),
    "name": N_("Name"),
    "needs": N_("What it asks for"),
    "new_round": N_("Begins a new round"),
    "not_by": N_("Not by those of"),
    "not_department": N_("Not by a responsible department"),
    "number": N_("Number of the form"),
    "numbered": N_("Numbered"),
    "of": N_("Of"),
    "on": N_("When"),
    "owner": N_("Whose it is"),
    "owner_roles": N_("Whose queue"),
    "part": N_("Part of a task"),
    "past": N_("A day that has been"),
    "pauses": N_("May stand still"),
    "penalty": N_("What being late costs"),
    "per_round": N_("Anew in each round"),
    "procedure": N_("Procedure"),
    "proposes": N_("Proposes the class"),
    "raised_by": N_("Who raises the class"),
    "register": N_("Entered by registering"),
    "report": N_("Name of the report"),
    "required": N_("Required"),
    "responsible": N_("Who is responsible"),
    "retention_years": N_("Years kept after closing"),
    "return_by": N_("A return goes"),
    "returns": N_("Can be returned"),
    "roles": N_("Roles"),
    "sections": N_("Sections"),
    "seen_by": N_("Who sees every complaint"),
    "sheets": N_("Records"),
    "shown_for_days": N_("Days on the board"),
    "shows": N_("What it shows"),
    "signatures": N_("Signatures"),
    "stages": N_("In the stages"),
    "starts": N_("Starts"),
    "stay": N_("Rows stay"),
    "stops": N_("Stops"),
    "sums": N_("Counts that add up"),
    "superior": N_("Whose superior pays, too"),
    "superiors": N_("Superiors"),
    "target": N_("An aim, no promise"),
    "to": N_("Goes to"),
    "total": N_("In all"),
    "until": N_("The time entered in"),
    "verified": N_("Says that measures work"),
    "version": N_("Version of the form"),
    "view": N_("How it is seen"),
    "voids": N_("Signatures that fall"),
    "warns": N_("One to heed"),
    "when": N_("For which complaints"),
    "within": N_("Limit"),
    "writes": N_("Writes by itself"),
    "yuan": N_("Amount (yuan)"),
}
"""What the keys of a file are called; one that is not here is told as it is."""
STAGES = ("stages", "from_", "since")
PLAIN = ("name", "of", "limit")
"""What need not be told of something new."""
_OWN = ("version", "source", "still")
_CONCEPTS: Mapping[str, str] = {
    "stages": N_("Stages"),
    "outcomes": N_("Ways off the board"),
    "moves": N_("Ways between the stages"),
    "sheets": N_("Records"),
    "signatures": N_("Signatures"),
    "clocks": N_("Clocks"),
    "ladders": N_("Who is told of a broken promise"),
    "notices": N_("Notices"),
    "labels": N_("Words beside the number"),
    "opens": N_("Cases that are opened"),
    "penalties": N_("Penalties"),
    "papers": N_("Papers"),
    "parts": N_("Parts of the report"),
}
"""The parts of a procedure that are lists."""
WHOLE, FIELDS, ORDER = N_("The procedure as a whole"), N_("Fields"), N_("Order")

Keyed = Mapping[str, tuple[str, Any]]
"""Things by their key, each with its name in words."""


def changes(before: Words, after: Words) -> list[Part]:
    """What `after` changes of `before`, as far as anything does."""
    parts = [Part(WHOLE, tuple(_whole(before, after)))]
    for concept, name in _CONCEPTS.items():
        old, new = (_keyed(words, getattr(words.rules, concept)) for words in (before, after))
        parts.append(Part(name, tuple(_between(before, after, old, new))))
        if concept == "sheets":
            old, new = (_fields(words) for words in (before, after))
            parts.append(Part(FIELDS, tuple(_between(before, after, old, new))))
    return [part for part in parts if part.changes]


def _whole(before: Words, after: Words) -> Iterator[Change]:
    old, new = (words.rules for words in (before, after))
    details = [
        *_details(before, after, old, new, without=(*_OWN, *_CONCEPTS)),
    ]
    if [*old.classes] != [*new.classes] and {*old.classes} == {*new.classes}:
        orders = (tuple(map(words.name, words.rules.classes.values())) for words in (before, after))
        details.append(Detail(ORDER, *orders))
    if details:
        yield Change(CHANGED, after.name(new.name), tuple(details))


def _keyed(words: Words, things: Iterable[Any]) -> Keyed:
    found: dict[str, tuple[str, Any]] = {}
    for thing in things:
        key, name = _called(words, thing)
        number = 1
        while (here := key if number == 1 else f"{key} {number}") in found:
            number += 1
        found[here] = name, thing
    return found


def _called(words: Words, thing: Any) -> tuple[str, str]:
    """The key by which something is the same in both, and what it is called."""
    if isinstance(thing, Move):
        name = f"{words.stages(thing.from_)} → {words.stages([thing.to])}"
        return thing.key or f"{' '.join(thing.from_)} {thing.to}", name
    if isinstance(thing, NoticeRule):
        return f"{thing.name.en} {' '.join(thing.to)}", words.name(thing.name)
    if hasattr(thing, "key"):
        return thing.key, words.name(thing.name)
    return "", words.when(thing.when) or "1"


def _fields(words: Words) -> Keyed:
    return {
        f"{sheet.key}.{field.key}": (f"{words.name(sheet.name)}: {words.name(field.name)}", field)
        for sheet in words.rules.sheets
        for field in sheet.fields
    }


def _between(before: Words, after: Words, old: Keyed, new: Keyed) -> Iterator[Change]:
    for key, (name, _) in old.items():
        if key not in new:
            yield Change(REMOVED, name)
    for key, (name, thing) in new.items():
        if key not in old:
            yield Change(ADDED, name, tuple(_details(before, after, None, thing)))
        elif details := tuple(_details(before, after, old[key][1], thing)):
            yield Change(CHANGED, name, details)
    same = [key for key in old if key in new]
    if same != [key for key in new if key in old]:
        was, now = ([each[key][0] for key in each if key in same] for each in (old, new))
        yield Change(CHANGED, after.say(N_("all")), (Detail(ORDER, tuple(was), tuple(now)),))


def _details(before: Words, after: Words, old: Any, new: Any, *, without: Iterable[str] = ()) -> Iterator[Detail]:
    """What is said otherwise of the same thing; of a new one all that its file says, but for its name."""
    left = {"position", "key", *without}
    if isinstance(new, Sheet):
        left.add("fields")
    if isinstance(new, Stage) and not new.off_board:  # the ways say it
        left |= {"from_", "moved_in_by"}
    for each in fields(new):
        was, now = getattr(old, each.name, None), getattr(new, each.name)
        if each.name in left or was == now or (old is None and (each.name in PLAIN or now == each.default)):
            continue
        gone = tuple(_lines(before, each.name, _without(was, now)))
        come = tuple(_lines(after, each.name, _without(now, was)))
        if not gone and not come:  # only the order is another
            gone, come = tuple(_lines(before, each.name, was)), tuple(_lines(after, each.name, now))
        if gone != come:
            yield Detail(LABELS.get(each.name, each.name), gone, come)


def _without(value: Any, other: Any) -> Any:
    """What is in a list or a table and not in the other; anything else as it is."""
    if isinstance(value, tuple) and isinstance(other, tuple):
        return tuple(each for each in value if each not in other)
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        return {key: each for key, each in value.items() if key not in other or other[key] != each}
    return value


def _lines(words: Words, name: str, value: Any) -> list[str]:
    """A value of a file in words, a line for each thing that it says."""
    match value:
        case None | "" | False:
            return []
        case True:
            return [words.say(N_("Yes"))]
        case Name():
            return [f"{value.en} / {value.zh}"]
        case When():
            return [words.when(value)] if value.any_of else []
        case Need():
            return [words.need(value)]
        case Within():
            return [words.limit(value)]
        case Mapping():
            return [": ".join(_told(words, key, each)) for key, each in value.items()]
        case frozenset():
            return _lines(words, name, sorted(value))
        case tuple() | list():
            return [line for each in value for line in _lines(words, name, each)]
        case str():
            return [_word(words, name, value)]
    if is_dataclass(value):
        told = ((each.name, _lines(words, each.name, getattr(value, each.name))) for each in fields(value))
        said = [f"{words.say(LABELS.get(key, key))}: {words.listed(lines)}" for key, lines in told if lines]
        return [words.listed(said, apart=True)] if said else []
    return [str(value)]


def _told(words: Words, key: str, value: Any) -> tuple[str, str]:
    """A key of a table with what it says."""
    if isinstance(value, Name):
        return key, f"{value.en} / {value.zh}"
    known = words.rules.classes
    values = [value] if isinstance(value, str) else value
    if key in known:
        return words.name(known[key]), words.people(values)
    return words.field(key), words.listed(words.value(key, each) for each in values)


def _word(words: Words, name: str, key: str) -> str:
    """What a word of the file is called where it names something."""
    rules, kind = words.rules, key.partition(":")[0]
    stages = {stage.key: stage.name for stage in (*rules.stages, *rules.outcomes)}
    if name in ("on", "starts", "stops") and kind in EVENTS:
        return words.event(key)
    if key in stages and (name in STAGES or name == "to"):
        return words.name(stages[key])
    if key in HOUSE or key in rules.roles or key in PEOPLE:
        return words.people([key])
    return words.what(key)
