"""Channels: the bell rings for everything that somebody is told; each person chooses of what a mail comes, too.

What a procedure marks as urgent (`always`), what is put before a superior, and promises that are broken come by mail
whatever anybody chose.
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy.orm import Session

from complaints import people
from complaints.errors import N_
from complaints.people import Actor

MOVES, REPLIES, NOTES, REMINDERS, DAILY, WEEKLY = "moves", "replies", "notes", "reminders", "daily", "weekly"
KINDS: Mapping[str, str] = {
    MOVES: N_("What happens to complaints: registered, moved, signed, handed over"),
    REPLIES: N_("What customers write, and what is written to them"),
    NOTES: N_("Internal notes, and where you are mentioned"),
    REMINDERS: N_("Reminders before the time is up, and when it is"),
    DAILY: N_("What waits for you today, each morning"),
    WEEKLY: N_("The week, if you get it and your role does not ask for it"),
}
KEPT = {DAILY: "digests", WEEKLY: "digests"}
"""Where among a person's preferences it stands what they chose; all else under `mail`."""
_OF_EVENTS = {"letter_joined": REPLIES, "replied": REPLIES, "noted": NOTES, "mentioned": NOTES}


def of_event(event: str) -> str:
    """The kind of mail that tells of an event of notices.py."""
    return _OF_EVENTS.get(event.partition(":")[0], MOVES)


def wants(preferences: Mapping[str, Any], kind: str) -> bool:
    """Does somebody with these preferences want mail of a kind? Who never chose wants all."""
    return bool(preferences.get(_kept(kind), {}).get(kind, True))


def choose(session: Session, by: Actor, wanted: Collection[str]) -> dict[str, Any]:
    """A person says of what they want mail. Returns all their preferences."""
    for place in dict.fromkeys(map(_kept, KINDS)):
        chosen = {kind: kind in wanted for kind in KINDS if _kept(kind) == place}
        preferences = people.prefer(session, by, (place,), chosen)
    return preferences


def _kept(kind: str) -> str:
    return KEPT.get(kind, "mail")
