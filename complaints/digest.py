"""The weekly letter to leadership: taken once, mailed at the opening of the first working day after its week, and kept
as it was.

Marketing and quality write a remark each; they are asked at the opening of the week's last working day. With both the
letter is issued. A remark that comes later follows by mail. After an outage the newest letter is made up, and none of
those before it. The figures are in weekly.py, who reads it in digest_readers.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from complaints import complaint as complaints
from complaints import digest_readers, numbers, outbox, penalties, people, rows, weekly
from complaints.channels import WEEKLY
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.database import Base, looking, transaction
from complaints.digest_readers import MARKETING, QUALITY, SIDES, Reader
from complaints.errors import N_, ComplaintError, NotAllowed, NotFound, Sentence
from complaints.guards import RoleNames
from complaints.people import FRONT_OFFICE, Actor, User, actor_for
from complaints.registration import Incomplete, Problem
from complaints.texts import clean
from complaints.weekly import Data
from complaints.weeks import Week

KIND, ASKED, ADDED = "digest", "digest_remarks", "digest_addendum"
LONGEST = 2_000
"""A remark."""
PAGE = 30
LATELY = timedelta(days=28)
OWING = {MARKETING: FRONT_OFFICE, QUALITY: people.QUALITY}
"""Those who may have to pay for the remark of a side that did not come; the procedure says which of them."""


class Digest(Base):
    """The letter about a week (`2026-W46`): its figures as JSON, as of an instant. `due_at`: by when it is to be
    issued; `issued_at`: when both remarks were there."""

    __tablename__ = "digest"
    week: Mapped[str] = mapped_column(String(8), primary_key=True)
    as_of: Mapped[datetime]
    data: Mapped[dict[str, Any]]
    compiled_at: Mapped[datetime]
    due_at: Mapped[datetime]
    issued_at: Mapped[datetime | None]


class DigestRemark(Base):
    """What a side says of a week. Each change is a further version; the last one counts."""

    __tablename__ = "digest_remark"
    __table_args__ = (UniqueConstraint("week", "side", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    week: Mapped[str] = mapped_column(String(8))
    side: Mapped[str] = mapped_column(String(12))
    version: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    at: Mapped[datetime]


class DigestRead(Base):
    """Somebody says that they have read the letter about a week."""

    __tablename__ = "digest_read"
    week: Mapped[str] = mapped_column(ForeignKey("digest.week"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True)
    at: Mapped[datetime]


class NotRemarked(Incomplete):
    message = N_("The remark was not saved.")


class StaleRemark(ComplaintError):
    message = N_("Somebody changed the remark meanwhile. Your words and the newest ones stand side by side.")


class NotYet(ComplaintError):
    message = N_("The week %(week)s has not begun.")


class NotEnded(ComplaintError):
    message = N_("The week %(week)s has not ended; its letter goes out afterwards.")


# Remarks


@dataclass(frozen=True)
class Remark:
    """What a side said last, who, when, and how often it was changed."""

    side: str
    text: str
    who: str
    at: datetime
    version: int


def remarks(session: Session, week: Week) -> dict[str, Remark]:
    """What the sides said of a week."""
    query = select(DigestRemark, User.name).join(User, User.id == DigestRemark.by_id)
    found = session.execute(query.where(DigestRemark.week == str(week)).order_by(DigestRemark.version))
    return {row.side: Remark(row.side, row.text, name, row.at, row.version) for row, name in found}


def may_remark(actor: Actor, side: str) -> bool:
    return bool(actor.roles & {*SIDES[side]})


def remark(
    session: Session, week: Week, side: str, text: str, *, by: Actor, at: datetime, seen: int, context: Context
) -> None:
    """A side says something of a week, in the caller's transaction; `seen` is the version that was changed, 0 for the
    first. With both the letter is issued; the first remark of a side that comes after the letter follows by mail.
    Raises `NotAllowed`, `NotYet`, `NotRemarked`, `StaleRemark`. Saying the same again changes nothing."""
    if not may_remark(by, side):
        raise NotAllowed(who=RoleNames(SIDES[side]))
    if at < week.begins(context.calendar):
        raise NotYet(week=str(week))
    text = clean(text, lines=True)
    if not text or len(text) > LONGEST:
        long = Sentence(
            N_("at most %(limit)s characters; this has %(length)s"), {"limit": LONGEST, "length": len(text)}
        )
        raise NotRemarked([Problem("text", long if text else Sentence(N_("please write something")))])
    _alone(session, week)
    last = remarks(session, week).get(side)
    if last is not None and last.text == text:
        return
    if seen != (last.version if last else 0):
        raise StaleRemark
    said = {"week": str(week), "side": side, "version": seen + 1, "text": text, "by_id": by.id, "at": at}
    rows.add(session, DigestRemark, said)
    if (issued := find(session, week)) is None:
        return
    if not seen:
        _owe_addendum(session, issued, Remark(side, text, by.name, at, 1), at=at, context=context)
    if issued.issued_at is None and {*remarks(session, week)} == {*SIDES}:
        issued.issued_at = at
    session.flush()


def _alone(session: Session, week: Week) -> None:
    """Nobody else takes the letter about a week, or says something of it, until this transaction ends: a remark stands
    in the letter, or it finds that the letter was taken."""
    numbers.next_in(session, f"{KIND} {week}")


def _owe_addendum(session: Session, issued: Digest, said: Remark, *, at: datetime, context: Context) -> None:
    chosen, today = digest_readers.rule(session), at.astimezone(context.zone).date()
    for reader in digest_readers.readers(session, chosen, today) if chosen.sent else ():
        values = {"week": issued.week, "side": said.side, "text": said.text, "who": said.who}
        purpose = f"{KIND}:{issued.week}:{said.side}:user:{reader.user.id}"
        _owe(session, ADDED, purpose, reader, values, at=at, context=context)


# Looking at it


def find(session: Session, week: Week) -> Digest | None:
    return session.get(Digest, str(week))


def listed(session: Session, *, before: str = "", most: int = PAGE) -> list[Any]:
    """The newest letters first, without all that they say; `before` goes on after a page."""
    query = select(Digest.week, Digest.compiled_at, Digest.issued_at, Digest.due_at).order_by(Digest.week.desc())
    return list(session.execute((query.where(Digest.week < before) if before else query).limit(most)))


def reckon(session: Session, week: Week, *, at: datetime, context: Context) -> Data:
    """The figures of a week as they are reckoned now, with the remarks that there are. Raises `NotYet`."""
    if at < week.begins(context.calendar):
        raise NotYet(week=str(week))
    quiet_days = digest_readers.rule(session).quiet_days
    return weekly.compute(session, week, at=at, calendar=context.calendar, quiet_days=quiet_days)


def read(session: Session, week: Week, *, by: Actor, at: datetime) -> None:
    """Somebody has read a letter, in the caller's transaction. Raises `NotFound`."""
    if find(session, week) is None:
        raise NotFound
    rows.add_unless_there(session, DigestRead, [{"week": str(week), "user_id": by.id, "at": at}])


def readers_of(session: Session, week: Week) -> list[tuple[str, datetime]]:
    """Who has read a letter, and when."""
    query = select(User.name, DigestRead.at).join(User, User.id == DigestRead.user_id)
    found = session.execute(query.where(DigestRead.week == str(week)).order_by(DigestRead.at, User.id))
    return [(name, at) for name, at in found]


def has_read(session: Session, week: Week, actor: Actor) -> bool:
    return session.get(DigestRead, (str(week), actor.id)) is not None


# What time makes due


def do(make: sessionmaker[Session], at: datetime, context: Context) -> int:
    """Ask for remarks, take and mail the letters that are due at an instant, and propose what it costs that a remark
    did not come; gives how much was done."""
    with looking(make) as session:
        chosen = digest_readers.rule(session)
        weeks = _to_tell(session, at, context) if chosen.sent else []
        reckoned = [(week, reckon(session, week, at=at, context=context)) for week in weeks]
    if not chosen.sent:
        return 0
    asked = _ask(make, at, context)
    taken = sum(_take(make, week, data, at=at, context=context) for week, data in reckoned)
    return asked + taken + _skipped(make, at, context)


def _to_tell(session: Session, at: datetime, context: Context) -> list[Week]:
    """The week before this one, once it is to be told, if it is not yet and there was anything to tell of by then. The
    weeks before that, too, where no day was worked between."""
    newest = Week.at(at, context.calendar).before()
    told_at = newest.told_at(context.calendar)
    if at < told_at:
        return []
    first = session.scalar(select(Complaint.received_at).order_by(Complaint.id).limit(1))
    weeks, week = [], newest
    while first is not None and first < week.ends(context.calendar) and week.told_at(context.calendar) == told_at:
        weeks.append(week)
        week = week.before()
    known = set(session.scalars(select(Digest.week).where(Digest.week.in_([*map(str, weeks)]))))
    return [week for week in reversed(weeks) if str(week) not in known]


def _ask(make: sessionmaker[Session], at: datetime, context: Context) -> int:
    """Ask those for a remark who may write it, if their side has said nothing yet."""
    week = Week.at(at, context.calendar)
    opening = week.last_opening(context.calendar)
    if opening is None or at < opening:
        return 0
    with looking(make) as session:
        silent = [role for side, roles in SIDES.items() if side not in remarks(session, week) for role in roles]
        today = at.astimezone(context.zone).date()
        wanted = {f"{ASKED}:{week}:user:{user}": user for user in digest_readers.holding(session, silent, today)}
        owed = outbox.Outgoing.purpose
        for purpose in session.scalars(select(owed).where(owed.in_([*wanted]))):
            del wanted[purpose]
        found = {user.id: user for user in session.scalars(_at_work(wanted.values()))}
    due_at = week.due_at(context.calendar).isoformat()
    asked = 0
    for purpose, user_id in wanted.items():
        if (user := found.get(user_id)) is None:
            continue
        try:
            with transaction(make) as session:
                values = {"week": str(week), "due_at": due_at}
                _owe(session, ASKED, purpose, Reader(user, False), values, at=at, context=context)
        except IntegrityError:
            continue  # somebody else was quicker
        asked += 1
    return asked


def _at_work(users: Iterable[int]) -> Any:
    return select(User).where(User.id.in_([*users]), User.left_at.is_(None)).order_by(User.id)


def _take(make: sessionmaker[Session], week: Week, data: Data, *, at: datetime, context: Context) -> int:
    """Keep the letter about a week and write down to whom it is owed, if nobody has yet."""
    with transaction(make) as session:
        _alone(session, week)
        said = remarks(session, week)
        row = {
            "week": str(week), "as_of": datetime.fromisoformat(data["as_of"]), "data": data, "compiled_at": at,
            "due_at": week.due_at(context.calendar), "issued_at": at if {*said} == {*SIDES} else None,
        }  # fmt: skip
        kept = rows.upsert(Digest, rows.dialect(session)).values(row).on_conflict_do_nothing()
        if session.execute(kept.returning(rows.table(Digest).c.week)).one_or_none() is None:
            return 0
        return owe_to_readers(session, data, said, at=at, context=context)


def _skipped(make: sessionmaker[Session], at: datetime, context: Context) -> int:
    """Propose what it costs that a letter lately was not issued in time, to those of the side that had not written. Of
    one that was itself taken too late nobody is to blame."""
    lately = Digest.due_at <= at, Digest.due_at > at - LATELY, Digest.compiled_at < Digest.due_at
    late = select(Digest.week, Digest.due_at).where(
        *lately, or_(Digest.issued_at.is_(None), Digest.issued_at > Digest.due_at)
    )
    with looking(make) as session:
        missing = {}
        for week, due_at in session.execute(late):
            in_time = DigestRemark.week == week, DigestRemark.at <= due_at
            said = set(session.scalars(select(DigestRemark.side).where(*in_time)))
            missing[week] = {role for side in SIDES.keys() - said for role in OWING[side]}
    found = 0
    for week, roles in missing.items():
        with transaction(make) as session:
            found += penalties.propose_weekly(session, week, sorted(roles), at=at, context=context)
    return found


def send(make: sessionmaker[Session], week: Week, *, at: datetime, context: Context) -> int:
    """Somebody wants the letter about a week to go out now: it is taken if it was not, and owed to those who have not
    got it; gives to how many. Raises `NotEnded`."""
    if at < week.ends(context.calendar):
        raise NotEnded(week=str(week))
    with looking(make) as session:
        kept = find(session, week)
        data = kept.data if kept else reckon(session, week, at=at, context=context)
    if kept is None and (owed := _take(make, week, data, at=at, context=context)):
        return owed
    with transaction(make) as session:
        return owe_to_readers(session, data, remarks(session, week), at=at, context=context)


def owe_to_readers(session: Session, data: Data, said: dict[str, Remark], *, at: datetime, context: Context) -> int:
    """Write down the letter for each of its readers; who got it already gets no other. In the caller's transaction."""
    chosen, today = digest_readers.rule(session), at.astimezone(context.zone).date()
    readers = {
        f"{KIND}:{data['week']}:user:{each.user.id}": each for each in digest_readers.readers(session, chosen, today)
    }
    owed = outbox.Outgoing.purpose
    for purpose in session.scalars(select(owed).where(owed.in_([*readers]))):
        del readers[purpose]
    for purpose, reader in readers.items():
        values = in_mail(session, data, said, actor_for(session, reader.user, today))
        _owe(session, KIND, purpose, reader, values, at=at, context=context)
    return len(readers)


def in_mail(session: Session, data: Data, said: dict[str, Remark], actor: Actor) -> dict[str, Any]:
    """What a reader's mail says: the letter without the lists behind the figures. `opens`: the complaints that open to
    this reader."""
    shown = {key: data["lists"][key]["rows"][: weekly.SHOWN] for key in (weekly.OVERDUE, weekly.DUE_SOON)}
    return {
        "digest": {key: value for key, value in data.items() if key not in ("lists", "departments")},
        "quiet": quiet(data),
        "shown": {key: [[row[0], row[-1]] for row in rows] for key, rows in shown.items()},
        "remarks": {side: {"text": each.text, "who": each.who} for side, each in said.items()},
        "opens": opening_to(session, data, actor),
    }


def opening_to(session: Session, data: Data, actor: Actor) -> list[int]:
    """Those of the complaints named in a letter whose page opens to a reader."""
    named = Complaint.id.in_([int(id_) for id_ in data["facts"]])
    return sorted(session.scalars(complaints.visible_to(actor, select(Complaint.id).where(named))))


def _owe(
    session: Session,
    kind: str,
    purpose: str,
    reader: Reader,
    values: dict[str, Any],
    *,
    at: datetime,
    context: Context,
) -> None:
    mark = digest_readers.leaving_mark(context.secret, reader.user.id, WEEKLY) if reader.may_leave else ""
    outbox.owe(
        session, purpose=purpose, kind=kind, recipient=reader.user.email, locale=reader.user.locale, at=at,
        secret=context.secret, domain=context.domain, values=values | {"list": WEEKLY, "leave": mark},
    )  # fmt: skip


def quiet(data: Data) -> bool:
    """Was there nothing in a week that anybody should know of?"""
    stirred = (
        weekly.RECEIVED, weekly.CLOSED, weekly.OVERDUE, weekly.DUE_SOON, weekly.NO_CONTACT, weekly.RECURRENCES,
        weekly.EFFECTIVE, weekly.NOT_EFFECTIVE,
    )  # fmt: skip
    fined = (data["penalties"] or {}).get("proposed")
    hidden = [number for figure, number in (data["confidential"] or {}).items() if figure != weekly.OPEN]
    return not any([*(data[key] for key in stirred), data["timely_reply"]["due"], fined, *hidden])
