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
    message = N_("One procedure stays in use at least. Tick the one that new complaints follow.")


def shelf() -> Subquery:
    """The procedures on the shelf, by `key`."""
    key = func.substr(SwitchedOff.part, len(PART) + 1).label("key")
    return select(key).where(SwitchedOff.part.startswith(PART), SwitchedOff.back_at.is_(None)).subquery()


def choose(session: Session, *, use: Iterable[str], shelve: Iterable[str], by: Actor, at: datetime) -> set[str]:
    """Take the procedures `use` into use and put those of `shelve` on the shelf, all or none, in the caller's
    transaction; returns the keys of those that this changed. Raises `NotFound`, `StillFollowed`, `StillLedTo`,
    `LastOne`."""
    use, shelve, known = {*use}, {*shelve}, {each.key for each in procedure.newest()}
    if not use | shelve <= known:
        raise NotFound
    for reason in held(session, shelve).values():
        raise reason
    turned = {key for key in sorted(use) if switches.turn(session, f"{PART}{key}", on=True, by=by, at=at)}
    turned |= {key for key in sorted(shelve) if switches.turn(session, f"{PART}{key}", on=False, by=by, at=at)}
    if shelve and not known - {*session.scalars(select(shelf().c.key))}:
        raise LastOne
    return turned


def held(session: Session, keys: Iterable[str]) -> dict[str, StillFollowed | StillLedTo]:
    """Which of these procedures cannot be put on the shelf now, and why."""
    found: dict[str, StillFollowed | StillLedTo] = {}
    led = dict(
        session.execute(
            select(Mailbox.procedure, func.min(Mailbox.name)).where(Mailbox.active).group_by(Mailbox.procedure)
        ).all()
    )
    names = {each.key: each.name for each in procedure.newest()}
    for key in sorted(names.keys() & {*keys}):
        if followed := _open(session, key):
            found[key] = StillFollowed(procedure=names[key], open=followed)
        elif key in led:
            found[key] = StillLedTo(procedure=names[key], mailbox=led[key])
    return found


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
