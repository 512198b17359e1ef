"""Whom one may write to about a complaint: the customer's people, as its letters and its entry name them.

Our own mailboxes and our colleagues are none of them, nor is anybody whom only a letter with a forged sender names.
Somebody else is written to only when a person adds the address in so many words; `typed` reads it.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from complaints import directory
from complaints.complaint import Complaint
from complaints.customers import Contact
from complaints.letters import Letter
from complaints.people import fold_email
from complaints.texts import clean

LONGEST = 254
_ADDRESS = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[\w-]+(?:\.[\w-]+)+"
_TYPED = re.compile(rf'(?:"?(?P<name>[^<>"@:]*)"? ?(?P<open><))?(?P<address>{_ADDRESS})(?(open)>)')
_SEPARATORS = str.maketrans({"，": ",", "；": ",", ";": ",", "、": ",", "\n": ",", "＜": "<", "＞": ">"})


class Addressee(NamedTuple):
    """Somebody whom one can write to."""

    address: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


def of(
    session: Session,
    complaint: Complaint,
    letters: Iterable[Letter],
    *,
    own: str = "",
    house: Collection[str] | None = None,
) -> dict[str, Addressee]:
    """The people of a complaint by their addresses, compared as `fold_email` does: who writes in its `letters`, last
    first, whom its entry names, and to whom else those letters went. `own` is the address that we write from, `house`
    are those of our mailboxes and colleagues, where they are known already."""
    ours = {fold_email(own), *map(fold_email, directory.of(session).addresses if house is None else house)}
    found: dict[str, Addressee] = {}

    def note(address: str, name: str = "") -> None:
        folded = fold_email(address)
        if folded and _bare(folded) not in ours and not (folded in found and found[folded].name):
            found[folded] = Addressee(address.strip(), name)

    trusted = [letter for letter in reversed([*letters]) if letter.verdict != "failed"]
    for letter in trusted:
        note(letter.from_address, letter.from_name)
        note(letter.reply_to)
    if complaint.contact_email:
        note(complaint.contact_email, complaint.contact_person)
    elif complaint.contact_id is not None and (contact := session.get(Contact, complaint.contact_id)):
        note(contact.address, contact.name)
    for letter in trusted:
        for address in (*letter.to, *letter.cc):
            note(address)
    return found


def _bare(address: str) -> str:
    """An address without what stands behind a plus in it."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def typed(text: str) -> tuple[list[Addressee], list[str]]:
    """The addresses in a text, with or without names, separated by commas; and what is none."""
    parts = [part for part in text.translate(_SEPARATORS).split(",") if part.strip()]
    people, others = [], []
    for part in parts:
        found = _TYPED.fullmatch(clean(part, lines=False))
        if found is not None and len(found["address"]) <= LONGEST:
            people.append(Addressee(found["address"], (found["name"] or "").strip()[:160]))
        else:
            others.append(clean(part, lines=False)[:80])
    return people, others


def listed(people: Sequence[Addressee]) -> str:
    """Several people as one line."""
    return ", ".join(person.name or person.address for person in people)
