"""Every version of a procedure that was ever in use, kept as the text it was: running complaints follow the version
they began with, new ones the newest. A version never changes and is never taken away.

`settle` enters the files at a start; `add` what an administrator brings in. Each process makes them known to itself
with `refresh`, which costs one small query every few seconds.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, func, literal, select, union_all
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import procedure, procedure_use, rows
from complaints.complaint import Complaint
from complaints.database import Base
from complaints.errors import N_, ComplaintError, NotFound, Sentence
from complaints.people import Actor
from complaints.procedure import Procedure
from complaints.procedure_file import BadProcedure, Fault, load, read
from complaints.procedure_still import standing_still
from complaints.texts import clean

log = structlog.get_logger(__name__)
LOOK_EVERY = 10.0
"""Seconds until a version that was added elsewhere is known here."""
LONGEST_REASON = 1_000
_looked: dict[object, float] = {}


class NoReason(ComplaintError):
    message = N_("Say why this version is put in force, in at most %(limit)s characters.")


class Version(Base):
    """A version of a procedure. `added_by_id` and `reason` are empty for files: those that come with the house, and
    those in the data folder."""

    __tablename__ = "procedure_version"
    __table_args__ = (UniqueConstraint("key", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime]
    added_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    reason: Mapped[str | None] = mapped_column(Text)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def settle(session: Session, *, shipped: Iterable[Path], own: Iterable[Path], at: datetime) -> list[Procedure]:
    """Enter the files whose version is not there yet, those that come with the house and the company's own, in the
    caller's transaction; returns what is new. Where the company brought a version in itself, the house's files of that
    procedure are left aside.

    Raises `BadProcedure` with all that is wrong with all of them: a version that is there already stays as it is."""
    faults: list[Fault] = []
    there = {(row.key, row.version): row for row in session.scalars(select(Version))}
    ours = {row.key for row in there.values() if row.added_by_id is not None}
    new: list[Procedure] = []
    for path, is_shipped in [*((path, True) for path in shipped), *((path, False) for path in own)]:
        try:
            rules = load(path)
        except BadProcedure as bad:
            faults += bad.faults
            continue
        row = there.get((rules.key, rules.version))
        if is_shipped and rules.key in ours:
            continue
        if row is None:
            there[rules.key, rules.version] = Version(**_row(rules, at=at))
            new.append(rules)
        elif row.sha256 != digest(rules.source):
            faults.append(_taken(path.name, rules, there.values()))
    if faults:
        raise BadProcedure(faults)
    session.add_all(there[rules.key, rules.version] for rules in new)
    session.flush()
    return new


def _row(rules: Procedure, *, at: datetime, by: Actor | None = None, reason: str | None = None) -> dict[str, Any]:
    return {
        "key": rules.key, "version": rules.version, "text": rules.source, "sha256": digest(rules.source),
        "added_at": at, "added_by_id": by.id if by else None, "reason": reason,
    }  # fmt: skip


def _taken(file: str, rules: Procedure, there: Iterable[Version]) -> Fault:
    message = N_("version %(version)s of '%(key)s' is in use with another text; raise version to %(next)s")
    newest = max(row.version for row in there if row.key == rules.key)
    return Fault(file, "version", Sentence(message, {"version": rules.version, "key": rules.key, "next": newest + 1}))


def add(session: Session, text: str, file: str, *, reason: str, by: Actor, at: datetime) -> Procedure:
    """Put a new version in force, in the caller's transaction: new complaints follow it from now on. The same text
    again changes nothing. Raises `BadProcedure` or `NoReason`."""
    rules = check(session, text, file)
    if not _there(session, rules):
        row = _row(rules, at=at, by=by, reason=checked_reason(reason))
        rows.add_unless_there(session, Version, [row])
    return check(session, text, file)  # somebody may have been faster, with another text


def checked_reason(reason: str) -> str:
    """Why a version is put in force; raises `NoReason`."""
    reason = clean(reason, lines=True)
    if not 0 < len(reason) <= LONGEST_REASON:
        raise NoReason(limit=LONGEST_REASON)
    return reason


def check(session: Session, text: str, file: str) -> Procedure:
    """Could this text be brought in? Its version follows the newest one: a slip of the hand, such as 9999, would leave
    no number for the next. Raises `BadProcedure` with all that is wrong."""
    rules = read(text, file)
    there = list(session.scalars(select(Version).where(Version.key == rules.key)))
    newest = max((row.version for row in there), default=0)
    if rules.version == newest + 1 or _there(session, rules):
        return rules
    if any(row.version == rules.version for row in there):
        raise BadProcedure([_taken(file, rules, there)])
    if not there:
        message = N_("there is no version of '%(key)s' yet; the first one is %(next)s, not %(version)s")
    elif rules.version < newest:
        message = N_("version %(newest)s is there already; a new one is %(next)s")
    else:
        message = N_("version %(newest)s is the newest one, and the next is %(next)s, not %(version)s")
    told = {"key": rules.key, "newest": newest, "next": newest + 1, "version": rules.version}
    raise BadProcedure([Fault(file, "version", Sentence(message, told))])


def _there(session: Session, rules: Procedure) -> bool:
    query = select(Version.sha256).where(Version.key == rules.key, Version.version == rules.version)
    return session.scalar(query) == digest(rules.source)


def find(session: Session, key: str, version: int) -> Version:
    """A version as it was brought in; raises `NotFound`."""
    row = session.scalar(select(Version).where(Version.key == key, Version.version == version))
    if row is None:
        raise NotFound
    return row


def every(session: Session) -> list[Version]:
    """All versions, by procedure, the newest first."""
    return list(session.scalars(select(Version).order_by(Version.key, Version.version.desc())))


def open_complaints(session: Session) -> dict[tuple[str, int], int]:
    """How many open complaints follow each version; asked by index, stage by stage."""
    stages = {(rules.key, stage.key) for rules in procedure.versions() for stage in rules.stages if not stage.final}
    counted: dict[tuple[str, int], int] = {}
    for key in {key for key, _ in stages}:
        query = (
            select(Complaint.procedure_version, func.count())
            .where(Complaint.procedure == key, Complaint.stage.in_(sorted(s for k, s in stages if k == key)))
            .group_by(Complaint.procedure_version)
        )
        counted |= {(key, version): count for version, count in session.execute(query)}
    return counted


# What a process knows


def refresh(session: Session) -> None:
    """Make known what was added since the last look; looks every few seconds only."""
    database = session.get_bind().engine.url
    if monotonic() - _looked.get(database, float("-inf")) >= LOOK_EVERY:
        _looked[database] = monotonic()
        load_known(session)


def load_known(session: Session) -> None:
    """Make every stored version known to this process. Of one that cannot be read any more only the complaints that
    follow it stand still."""
    known = {(rules.key, rules.version): digest(rules.source) for rules in procedure.versions()}
    stored = select(Version.key, Version.version, Version.sha256)
    found = session.execute(union_all(stored, select(procedure_use.shelf().c.key, literal(0), literal("")))).all()
    there = [(row.key, row.version, row.sha256) for row in found if row.version]
    wanted = [(key, version) for key, version, sha256 in there if known.get((key, version)) != sha256]
    procedure.use(_read(session, wanted))
    procedure.shelve(row.key for row in found if not row.version)


def _read(session: Session, wanted: Iterable[tuple[str, int]]) -> Iterator[Procedure]:
    for key, version in wanted:
        text = find(session, key, version).text
        try:
            yield read(text, f"{key} {version}", kept=True)
        except BadProcedure as bad:
            log.error("a procedure cannot be read any more", procedure=key, version=version, faults=str(bad))
            yield standing_still(key, version, text)
