"""The directory of the house: who works here or did, the departments, and our mailboxes. One query."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, false, literal, null, select, union_all
from sqlalchemy.orm import Session

from complaints.mailboxes import Mailbox
from complaints.people import Department, User

PERSON, DEPARTMENT, MAILBOX = "person", "department", "mailbox"


class Person(NamedTuple):
    """A member of staff; `here`: who still works here."""

    id: int
    name: str
    email: str
    here: bool


@dataclass(frozen=True)
class Directory:
    """People by name, departments in their order, and every address that is ours."""

    people: Mapping[int, Person]
    departments: Mapping[int, Department]
    addresses: frozenset[str]


def of(session: Session) -> Directory:
    """The directory as it stands. Departments come without their heads."""
    people: dict[int, Person] = {}
    departments: dict[int, Department] = {}
    mailboxes: set[str] = set()
    for kind, id_, name, other, here in session.execute(_everything()):
        if kind == PERSON:
            people[id_] = Person(id_, name, other, here)
        elif kind == DEPARTMENT:
            key, _, english = name.partition("\n")
            departments[id_] = Department(id=id_, key=key, name_en=english, name_zh=other)
        else:
            mailboxes.add(other)
    by_name = {each.id: each for each in sorted(people.values(), key=lambda each: (each.name, each.id))}
    addresses = frozenset({*mailboxes, *(each.email for each in people.values())})
    return Directory(by_name, dict(sorted(departments.items())), addresses)


@cache
def _everything() -> CompoundSelect[Any]:
    return union_all(
        select(literal(PERSON), User.id, User.name, User.email, User.left_at.is_(None)),
        select(
            literal(DEPARTMENT), Department.id, Department.key + "\n" + Department.name_en, Department.name_zh, false()
        ),
        select(literal(MAILBOX), Mailbox.id, null(), Mailbox.address, false()),
    )
