"""The letter about a week narrowed to one procedure: from what the letter keeps, never reckoned anew.

What it keeps of all together only is left out: the weeks before, the rate of replies, the penalties; and where a list
was cut, what would have to be counted in it. Confidential procedures stay counts.
"""

from collections.abc import Callable, Iterable
from typing import Any

from complaints.weekly import FIGURES, LISTS, Data

PLACES = {"class": 1, "cause": 2, "procedure": 3}
"""Where a row of a list keeps by what it is counted."""
OF_ALL = ("timely_reply", "weeks", "penalties")


def procedures(data: Data) -> list[str]:
    """The procedures that a letter tells of, as far as they may be named."""
    return [*data["by_procedure"]]


def narrowed(data: Data, procedure: str) -> Data:
    """The figures and lists of one procedure; a figure that nobody can tell is None."""
    lists = {}
    for figure in LISTS:
        kept = data["lists"][figure]
        rows = [row for row in kept["rows"] if row[PLACES["procedure"]] == procedure]
        lists[figure] = {"total": None if _is_cut(kept) else len(rows), "rows": rows}
    four = data["by_procedure"].get(procedure, dict.fromkeys(FIGURES, 0))
    for figure in FIGURES:
        lists[figure]["total"] = four[figure]
    countable = not any(_is_cut(data["lists"][figure]) for figure in FIGURES)
    return data | dict.fromkeys(OF_ALL) | {
        **{figure: lists[figure]["total"] for figure in LISTS},
        "by_class": _by(lists, lambda row: [row[PLACES["class"]]]) if countable else {},
        "by_cause": _by(lists, lambda row: [row[PLACES["cause"]]]) if countable else {},
        "by_department": _by(lists, lambda row: data["departments"].get(str(row[0]), [""])) if countable else {},
        "by_procedure": {},
        "worth_reading": [
            each for each in data["worth_reading"] if data["facts"][str(each["id"])]["procedure"] == procedure
        ],
        "lists": lists,
    }  # fmt: skip


def _is_cut(kept: Data) -> bool:
    return int(kept["total"]) > len(kept["rows"])


def _by(lists: Data, values: Callable[[list[Any]], Iterable[str | None]]) -> Data:
    """The four figures by what a row is counted by; "" is what is not said."""
    by: Data = {}
    for figure in FIGURES:
        for row in lists[figure]["rows"]:
            for value in values(row):
                by.setdefault(value or "", dict.fromkeys(FIGURES, 0))[figure] += 1
    return dict(sorted(by.items(), key=lambda each: (not each[0], each[0])))
