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
    WEEKLY: N_("The weekly letter, if you get it and your role does not ask for it"),
}
MAIL = "mail"
"""Where it stands among a person's preferences what they chose."""
_OF_EVENTS = {"letter_joined": REPLIES, "replied": REPLIES, "noted": NOTES, "mentioned": NOTES}


def of_event(event: str) -> str:
    """The kind of mail that tells of an event of notices.py."""
    return _OF_EVENTS.get(event.partition(":")[0], MOVES)


def wants(preferences: Mapping[str, Any], kind: str) -> bool:
    """Does somebody with these preferences want mail of a kind? Who never chose wants all."""
    return bool(preferences.get(MAIL, {}).get(kind, True))


def choose(session: Session, by: Actor, wanted: Collection[str]) -> dict[str, Any]:
    """A person says of what they want mail. Returns all their preferences."""
    return people.prefer(session, by, (MAIL,), {kind: kind in wanted for kind in KINDS})


def leave(session: Session, by: Actor, kind: str) -> None:
    """A person wants no more mail of a kind."""
    people.prefer(session, by, (MAIL, kind), False)
