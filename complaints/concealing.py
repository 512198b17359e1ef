"""Whom a complaint is about, where its procedure hides it from them (`privacy.hidden_from`): they never see it nor hear
of it, and nobody gives them a part in it."""

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from complaints import rows
from complaints.case import Case
from complaints.complaint import HIDDEN, Complaint, Involvement
from complaints.errors import N_, Sentence
from complaints.procedure import PEOPLE, Sheet, of


def concealed_from(session: Session, complaint: Complaint) -> set[int]:
    """The people (ids) from whom a complaint is hidden."""
    if not of(complaint).hidden_from:
        return set()
    return {user for (user,) in rows.run(session, _hidden(), {"of": complaint.id})}


@cache
def _hidden() -> Select[Any]:
    named = rows.table(Involvement).c
    return select(named.user_id).where(named.complaint_id == bindparam("of"), named.reason == HIDDEN)


def wrong(
    case: Case, sheet: Sheet, after: Mapping[str, Any], changed: Collection[str]
) -> Iterator[tuple[str, Sentence]]:
    """The fields of a record as it will be that name somebody as whom the complaint is about and, here or elsewhere, as
    who has a part in it."""
    hiding = case.rules.hidden_from
    for field in sheet.fields if hiding else ():
        if field.key in changed and field.kind in PEOPLE:
            ref, mine = f"{sheet.key}.{field.key}", _ids(after.get(field.key))
            for other, name in _fields(case):
                there = _ids(after.get(other.partition(".")[2])) if _is_in(other, sheet) else case.ids(other)
                if (other in hiding) != (ref in hiding) and mine & there:
                    message = N_("names somebody who stands in “%(field)s”, too; whom it is about has no part in it")
                    yield field.key, Sentence(message, {"field": name})
                    break


def _fields(case: Case) -> Iterator[tuple[str, Any]]:
    for sheet in case.rules.sheets:
        yield from ((f"{sheet.key}.{field.key}", field.name) for field in sheet.fields if field.kind in PEOPLE)


def _is_in(ref: str, sheet: Sheet) -> bool:
    return ref.partition(".")[0] == sheet.key


def _ids(value: Any) -> set[int]:
    return {each for each in (value if isinstance(value, list) else [value]) if each}
