"""Invitations: what a record plans goes into the calendars of those who are told of it.

Each of them gets a mail with an entry for their calendar, which is the meeting's and keeps its name: when the time or
those who come change, everybody gets the newer one, and who is taken off gets its end; so does everybody where nobody
goes on with the complaint before it takes place. Once it has begun nobody hears of it any more, whatever is written
about it, until it is planned for another day. Whoever called it gets the entry, too. A mail that nobody has begun to
send is replaced by the next one. The entry says the number and where to read more, nothing of what it is about.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from complaints import notices, outbox, procedure, receivers, records, words
from complaints.case import Case
from complaints.context import Context
from complaints.database import Base
from complaints.outbox import Outgoing
from complaints.people import Actor, User
from complaints.procedure import INVESTIGATION, Appointment, NoticeRule, Sheet
from complaints.records import Record

REQUEST, CANCEL = "REQUEST", "CANCEL"
LENGTH = timedelta(hours=1)
"""How long it takes where the record does not say."""
UNINVITED = "uninvited"


class Invitation(Base):
    """Somebody is asked to come to what a row of a record plans. `sequence` counts what they were told, from 0."""

    __tablename__ = "invitation"
    __table_args__ = (UniqueConstraint("record_id", "user_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    record_id: Mapped[int] = mapped_column(ForeignKey("record.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    sequence: Mapped[int]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


def keep_up(session: Session, case: Case, row: Record, *, by: Actor, at: datetime, context: Context) -> None:
    """Invite to what a row plans now, and take back what it plans no more, in the caller's transaction."""
    rules = [each for each in case.rules.notices if each.calendar and each.calendar.sheet == row.sheet]
    if not rules:
        return
    session.flush()
    known = {each.user_id: each for each in session.scalars(select(Invitation).where(Invitation.record_id == row.id))}
    standing = {user: (each.starts_at, each.ends_at) for user, each in known.items() if each.withdrawn_at is None}
    goes_on = _goes_on(session, case, row)
    asked = _asked(session, case, row, rules, by=by, at=at, context=context) if goes_on else {}
    planned = {user: _span(row, rule.calendar) for user, rule in asked.items() if rule.calendar}
    if planned == standing or all(starts_at <= at for starts_at, _ in (*planned.values(), *standing.values())):
        return
    sequence = max((each.sequence + 1 for each in known.values()), default=0)
    for user in planned.keys() - known.keys():
        known[user] = Invitation(complaint_id=case.complaint.id, record_id=row.id, user_id=user)
        session.add(known[user])
    for user in planned.keys() | standing.keys():
        known[user].sequence = sequence
        known[user].starts_at, known[user].ends_at = planned.get(user) or standing[user]
        known[user].withdrawn_at = None if user in planned else at
    session.flush()
    told = [known[user] for user in sorted(planned.keys() | standing.keys())]
    _tell(session, case, row, told, asked, by=by, at=at, context=context)


def follow(session: Session, case: Case, *, by: Actor, at: datetime, context: Context) -> None:
    """What is planned for later takes place no more when nobody goes on with it, and again when somebody does, in the
    caller's transaction."""
    starts = {rule.calendar.sheet: _field(rule.calendar.starts) for rule in case.rules.notices if rule.calendar}
    rows = [row for sheet in case.rules.sheets if sheet.key in starts for row in case.of_sheet(sheet)]
    for row in rows:
        planned = row.values.get(starts[row.sheet])
        if planned and datetime.fromisoformat(planned) > at:
            stands = [each.withdrawn_at is None for each in of(session, [row.id])[row.id]]
            if stands and any(stands) != _goes_on(session, case, row):
                keep_up(session, case, row, by=by, at=at, context=context)


def _goes_on(session: Session, case: Case, row: Record) -> bool:
    """Is there a complaint for which a row still matters: this one, or one that shares its investigation?"""
    together = records.joined(session, case.complaint) if row.subject == INVESTIGATION else []
    stages = (procedure.of(each).stage(each.stage) for each in (case.complaint, *together))
    return any(not (stage.final or stage.off_board) for stage in stages)


def of(session: Session, record_ids: Collection[int]) -> Mapping[int, list[Invitation]]:
    """Everybody who was ever invited to what some rows plan, by row (id)."""
    found: dict[int, list[Invitation]] = {id_: [] for id_ in record_ids}
    for each in session.scalars(select(Invitation).where(Invitation.record_id.in_(found)).order_by(Invitation.id)):
        found[each.record_id].append(each)
    return found


def _asked(
    session: Session,
    case: Case,
    row: Record,
    rules: Collection[NoticeRule],
    *,
    by: Actor,
    at: datetime,
    context: Context,
) -> dict[int, NoticeRule]:
    """Who is to come to what a row plans, with the rule that says so, and with them whoever called it."""
    today = at.astimezone(context.zone).date()
    asked: dict[int, NoticeRule] = {}
    for rule in rules:
        planned = row.removed_at is None and rule.calendar and row.values.get(_field(rule.calendar.starts))
        for to in rule.to if planned and case.holds(rule.when) else ():
            if to.partition(".")[0] == row.sheet:
                found = receivers.in_record(session, case, to, [row], today)
            else:
                found = receivers.of(session, case, to, rule.on, by=by, today=today)
            asked |= {user: rule for user in found if user not in asked and user != row.begun_by_id}
    called_by = [row.begun_by_id] if row.begun_by_id is not None else []
    may_hear = {person.id for person in notices.who_hears(session, case.complaint, [*asked, *called_by], today)}
    asked = {user: rule for user, rule in asked.items() if user in may_hear}
    return asked | {user: rule for user in called_by if user in may_hear for rule in [*asked.values()][:1]}


def _field(ref: str) -> str:
    return ref.partition(".")[2]


def _span(row: Record, planned: Appointment) -> tuple[datetime, datetime]:
    starts_at = datetime.fromisoformat(row.values[_field(planned.starts)])
    said = row.values.get(_field(planned.ends)) if planned.ends else None
    ends_at = datetime.fromisoformat(said) if said else starts_at
    return starts_at, ends_at if ends_at > starts_at else starts_at + LENGTH


def _tell(
    session: Session,
    case: Case,
    row: Record,
    told: Collection[Invitation],
    asked: Mapping[int, NoticeRule],
    *,
    by: Actor,
    at: datetime,
    context: Context,
) -> None:
    """Owe everybody a mail in the place of what they have not got yet; who was taken off hears it by the bell, too."""
    sheet = case.rules.sheet(row.sheet)
    assert sheet is not None
    here = select(User).where(User.id.in_({*(each.user_id for each in told), row.begun_by_id}))
    people = {each.id: each for each in session.scalars(here.order_by(User.name, User.id))}
    got = _replaced(session, told)
    for each in told:
        off, person = each.withdrawn_at is not None, people[each.user_id]
        if person.left_at is not None or (off and each.user_id not in got):
            continue
        values = _values(case, row, sheet, each, asked.get(each.user_id), by, context)
        if off:
            today = at.astimezone(context.zone).date()
            event = f"{UNINVITED}:{row.id}"
            notices.ring(session, case.complaint, [each.user_id], event, by=by, at=at, today=today, values=values)
        notices.owe_mail(
            session, case.complaint, person, notices.sentence(UNINVITED, values), _purpose(each, each.sequence), at=at,
            due_at=at + notices.WAIT, secret=context.secret, domain=context.domain,
            invitation={
                "method": CANCEL if off else REQUEST, "uid": f"meeting.{row.id}@{context.domain}",
                "sequence": each.sequence, "summary": sheet.name.in_(person.locale),
                "starts_at": each.starts_at.isoformat(), "ends_at": each.ends_at.isoformat(),
                "organizer": _card(people.get(row.begun_by_id or 0)),
                "people": [_card(people[user]) for user in people if user in asked or (off and user == each.user_id)],
            },
        )  # fmt: skip


def _values(
    case: Case, row: Record, sheet: Sheet, invitation: Invitation, rule: NoticeRule | None, by: Actor, context: Context
) -> dict[str, Any]:
    """What is told: the words of the rule, or that it is cancelled."""
    said: dict[str, Any] = {"who": by.name}
    if rule is None:
        when = words.moment(invitation.starts_at.astimezone(context.zone))
        return said | {"what": asdict(sheet.name), "content": asdict(when)}
    content = words.content(case, rule.shows, row)
    name = sheet.name if invitation.user_id == row.begun_by_id else rule.name
    return said | {"name": asdict(name)} | ({"content": asdict(content)} if content else {})


def _card(person: User | None) -> dict[str, str] | None:
    return {"name": person.name, "address": person.email} if person else None


def _purpose(invitation: Invitation, sequence: int) -> str:
    return f"invitation:{invitation.record_id}:{invitation.user_id}:{sequence}"


def _replaced(session: Session, told: Collection[Invitation]) -> set[int]:
    """Cancel what nobody has begun to send of the mails before these; returns who has got one, or may have."""
    whose = {_purpose(each, before): each.user_id for each in told for before in range(each.sequence)}
    outbox.cancel(session, whose)
    gone = select(Outgoing.purpose).where(Outgoing.purpose.in_(whose), Outgoing.state != "cancelled")
    return {whose[purpose] for purpose in session.scalars(gone)}
