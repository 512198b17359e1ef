"""Which procedures a company uses. All that are known can be used until an administrator puts one on the shelf: it is
offered for no new complaint then, and stays known for those that followed it."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Subquery, func, select
from sqlalchemy.orm import Session

from complaints import procedure, switches
from complaints.complaint import Complaint
from complaints.errors import N_, ComplaintError, NotFound
from complaints.mailboxes import Mailbox
from complaints.people import Actor
from complaints.switches import SwitchedOff

PART = "procedure:"
"""What the switch of a procedure begins with."""


class StillFollowed(ComplaintError):
    message = N_("“%(procedure)s” stays in use: open complaints that follow it: %(open)s. Finish them first.")


class StillLedTo(ComplaintError):
    message = N_(
        "“%(procedure)s” stays in use: the mailbox %(mailbox)s leads there. Choose another procedure there first."
    )


class LastOne(ComplaintError):
    message = N_("“%(procedure)s” stays in use: it is the only one. Take another one into use first.")


def shelf() -> Subquery:
    """The procedures on the shelf, by `key`."""
    key = func.substr(SwitchedOff.part, len(PART) + 1).label("key")
    return select(key).where(SwitchedOff.part.startswith(PART), SwitchedOff.back_at.is_(None)).subquery()


def turn(session: Session, key: str, *, used: bool, by: Actor, at: datetime) -> bool:
    """Take a procedure into use or put it on the shelf, in the caller's transaction; returns whether that changed
    anything. Raises `NotFound`, `StillFollowed`, `StillLedTo`, `LastOne`."""
    rules = next((each for each in procedure.newest() if each.key == key), None)
    if rules is None:
        raise NotFound
    if not used:
        if followed := _open(session, key):
            raise StillFollowed(procedure=rules.name, open=followed)
        if mailbox := session.scalar(select(Mailbox.name).where(Mailbox.procedure == key, Mailbox.active).limit(1)):
            raise StillLedTo(procedure=rules.name, mailbox=mailbox)
        if not {each.key for each in procedure.newest()} - {key, *session.scalars(select(shelf().c.key))}:
            raise LastOne(procedure=rules.name)
    return switches.turn(session, f"{PART}{key}", on=used, by=by, at=at)


def use_only(session: Session, keys: Iterable[str], *, by: Actor, at: datetime) -> None:
    """Put everything on the shelf but these, as far as it is not followed; for a company that begins."""
    wanted = {*keys}
    for rules in procedure.newest():
        if rules.key in wanted or not _open(session, rules.key):
            switches.turn(session, f"{PART}{rules.key}", on=rules.key in wanted, by=by, at=at)


def _open(session: Session, key: str) -> int:
    known = (rules for rules in procedure.versions() if rules.key == key)
    stages = sorted({stage.key for rules in known for stage in rules.stages if not stage.final})
    query = select(func.count()).where(Complaint.procedure == key, Complaint.stage.in_(stages))
    return session.scalar(query) or 0
