"""Channels: the bell rings for everything that somebody is told; each person chooses of what a mail comes, too.

What a procedure marks as urgent (`always`), what is put before a superior, and promises that are broken come by mail
whatever anybody chose.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from complaints import people
from complaints.errors import N_
from complaints.people import Actor

KEY = "mail"
"""Where it stands among a person's preferences."""
MOVES, REPLIES, NOTES, REMINDERS, DIGESTS = "moves", "replies", "notes", "reminders", "digests"
KINDS: Mapping[str, str] = {
    MOVES: N_("What happens to complaints: registered, moved, signed, handed over"),
    REPLIES: N_("What customers write, and what is written to them"),
    NOTES: N_("Internal notes, and where you are mentioned"),
    REMINDERS: N_("Reminders before the time is up, and when it is"),
    DIGESTS: N_("Digests: your own day, and the week where you get it"),
}
_OF_EVENTS = {"letter_joined": REPLIES, "replied": REPLIES, "noted": NOTES, "mentioned": NOTES}


def of_event(event: str) -> str:
    """The kind of mail that tells of an event of notices.py."""
    return _OF_EVENTS.get(event.partition(":")[0], MOVES)


def wants(preferences: Mapping[str, Any], kind: str) -> bool:
    """Does somebody with these preferences want mail of a kind? Who never chose wants all."""
    return bool(preferences.get(KEY, {}).get(kind, True))


def choose(session: Session, by: Actor, wanted: set[str]) -> dict[str, Any]:
    """A person says of what they want mail. Returns all their preferences."""
    return people.prefer(session, by, (KEY,), {kind: kind in wanted for kind in KINDS})
