"""What follows from an act, in the act's transaction: clocks start and stop, the complaint changes hands, people are
named, told, and find it among their work.

An act says what happened as events (`signed:receipt`, `entered:verification`, see procedure.py); all the rest stands in
the procedure.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial

from sqlalchemy import and_, delete, select, update
from sqlalchemy.orm import Session

from complaints import (
    clocks,
    deputies,
    history,
    invitations,
    limits,
    notices,
    opening,
    receivers,
    records,
    report,
    row_clocks,
    rows,
    turns,
    until,
    visits,
    words,
    work,
)
from complaints.case import Case, Involved, load
from complaints.clocks import Clock
from complaints.complaint import HIDDEN, NO_LIMIT, WATCHING, Complaint, Involvement
from complaints.context import Context
from complaints.errors import Name
from complaints.happened import has_happened
from complaints.history import Change
from complaints.people import SYSTEM, Actor
from complaints.procedure import (
    CLASS,
    COMPLAINT,
    INVESTIGATION,
    LOWERED,
    NOTIFIED,
    PEOPLE,
    RECEIVED,
    ClockRule,
    NoticeRule,
    Procedure,
    Sheet,
)  # fmt: skip
from complaints.records import Record
from complaints.signatures import Signature
from complaints.work import Task

RESPONSIBLE, NAMED, OWNED = "responsible", "named", "owned"


def follow(
    session: Session,
    complaint: Complaint,
    events: Sequence[str],
    *,
    by: Actor,
    at: datetime,
    context: Context,
    case: Case | None = None,
) -> Case:
    """Let everything follow from what happened, in the caller's transaction; returns the case as it is now (`case`, if
    the caller knows it)."""
    if case is None:
        session.flush()
        case = load(session, complaint)
    if opening.follow(session, case, events, by=by, at=at, context=context):
        case = load(session, complaint)
    with session.no_autoflush:  # what is asked here was written above, or stands in rows of its own
        running = _clocks(session, case, events, by=by, at=at, context=context)
        owner = complaint.owner_id
        _hand_over(session, case, running, at=at, context=context)
        _name_people(session, case, owner, at=at)
        new = work.renew(session, complaint.id, turns.tasks(case), at=at)
        _tell(session, case, events, new, by=by, at=at, context=context)
    invitations.follow(session, case, by=by, at=at, context=context)
    session.flush()
    for opener in opening.openers(session, complaint):
        work.renew(session, opener.id, turns.tasks(load(session, opener)), at=at)
    return case


def keep_up(
    session: Session,
    complaint: Complaint,
    fallen: Iterable[Signature] = (),
    *,
    by: Actor,
    at: datetime,
    context: Context,
) -> None:
    """What was done in an investigation counts for the other complaints that share it: their clocks stop, nobody waits
    for it any more, and where signatures of it fell their history says so, too."""
    for other in records.joined(session, complaint):
        for signature in fallen:
            history.note(
                session, other.id, "signature_voided", by=by, at=at, signature=signature.key, round=other.round
            )
        follow(session, other, [], by=by, at=at, context=context)


# Clocks


def _clocks(
    session: Session, case: Case, events: Sequence[str], *, by: Actor, at: datetime, context: Context
) -> list[Clock]:
    complaint = case.complaint
    running = clocks.of(session, COMPLAINT, complaint.id)
    rules = {rule.key: rule for rule in case.rules.clocks}
    stage = case.rules.stage(case.stage)
    if stage.off_board:
        return running
    if limits.begin(case, events, running):
        running += _of_customer(session, case, running, at=at, context=context)
    until.follow(session, case, running, by=by, at=at, context=context)
    for clock in running:
        if clock.stopped_at is None and _is_kept(case, clock, rules.get(clock.rule)):
            clocks.stop(clock, at=at, calendar=limits.calendar_of(session, case, clock.responsible, context))
    if stage.final:
        _end(session, case, running, at=at, context=context)
        return running
    if CLASS in events:
        lowered = LOWERED in events
        running += _of_another_class(session, case, running, lowered=lowered, at=at, context=context)
    for rule in case.rules.clocks:
        begins = rule.starts in events
        done = all(has_happened(case, event, at if begins else None) for event in rule.stops)
        if rule.each:
            running += until.start_rows(session, case, rule, running, at=at, context=context)
        elif begins and case.holds(rule.when) and not done:
            running += _start(session, case, rule, at, running, context)
        elif rule.starts == RECEIVED and rule.when.any_of:
            running += _from_receipt(session, case, rule, running, done=done, at=at, context=context)
    return running


def _from_receipt(
    session: Session,
    case: Case,
    rule: ClockRule,
    running: Sequence[Clock],
    *,
    done: bool,
    at: datetime,
    context: Context,
) -> list[Clock]:
    """What is promised from the receipt on, but only where something holds that is said later: once that holds it runs
    from the receipt, and when it holds no more it has lost its object. It is promised in the first round, and not of
    the backlog, whose clocks ran elsewhere."""
    mine = [clock for clock in running if clock.key == rule.key]
    always = {each.key for each in case.rules.clocks_from(RECEIVED)}
    elsewhere = bool(always) and always.isdisjoint(clock.key for clock in running)
    if not case.holds(rule.when):
        for clock in mine:
            clocks.cancel(clock, at=at)
    elif case.complaint.round == 1 and not (done or elsewhere) and all(c.outcome == clocks.CANCELLED for c in mine):
        return _start(session, case, rule, case.complaint.received_at, running, context)
    return []


def _is_kept(case: Case, clock: Clock, rule: ClockRule | None) -> bool:
    """Has all happened that a clock waits for?"""
    if rule is not None and rule.each:
        row = row_clocks.row_of(case, rule, clock)
        return row is not None and row_clocks.is_done(rule, row.values)
    stops = rule.stops if rule is not None else limits.stops(clock)
    return bool(stops) and all(_has_happened(case, event, clock.started_at) for event in stops)


def _has_happened(case: Case, event: str, since: datetime) -> bool:
    """See happened.py; a part of the report is an event of limits alone."""
    kind, _, key = event.partition(":")
    return report.is_done(case, key) if kind == limits.PART else has_happened(case, event, since)


def _end(session: Session, case: Case, running: Iterable[Clock], *, at: datetime, context: Context) -> None:
    """The complaint is closed: what was promised by now and not done is late. What was promised for later is void: the
    customer has accepted before it was due, so it was neither kept nor broken."""
    for clock in running:
        if clock.due_at < at:
            clocks.stop(clock, at=at, calendar=limits.calendar_of(session, case, clock.responsible, context))
        else:
            clocks.cancel(clock, at=at)


def _start(
    session: Session, case: Case, rule: ClockRule, at: datetime, running: Sequence[Clock], context: Context
) -> list[Clock]:
    """Start a clock; one that began at that instant, or that still runs, runs on."""
    round = case.complaint.round
    for clock in running:
        if clock.key == rule.key and (clock.started_at == at or (clock.round == round and clock.stopped_at is None)):
            clocks.resume(clock)
            return []
    calendar = limits.calendar_of(session, case, rule.responsible, context)
    (begun,) = clocks.begun([rule], at, calendar, round=round)
    begun |= limits.tighter(session, case, rule, begun, context)
    clock = Clock(subject_kind=COMPLAINT, subject_id=case.complaint.id, **begun)
    until.keep_to(clock, rule, case, calendar)
    session.add(clock)
    return [clock]


def _of_customer(
    session: Session, case: Case, running: Sequence[Clock], *, at: datetime, context: Context
) -> list[Clock]:
    """What the customer alone was promised runs from the receipt of the complaint; what another customer was promised,
    for whom it was taken before, has lost its object."""
    known = {clock.key: clock for clock in running}
    own = {row["key"]: row for row in limits.promised(session, case, context)}
    for clock in running:
        if clock.promised is not None and clock.key not in own:
            clocks.cancel(clock, at=at)
    for key in own.keys() & known.keys():
        if known[key].outcome == clocks.CANCELLED:
            clocks.resume(known[key])
    started = [Clock(subject_kind=COMPLAINT, subject_id=case.complaint.id, **own[key]) for key in own.keys() - known]
    session.add_all(started)
    return started


def _of_another_class(
    session: Session, case: Case, running: Sequence[Clock], *, lowered: bool, at: datetime, context: Context
) -> list[Clock]:
    """The clocks of the class before are replaced by those of the new one. After a raise they start at the change;
    after a lowering they run from where they would have run all along."""
    rules = {rule.key: rule for rule in case.rules.clocks}
    for clock in running:
        rule = rules.get(clock.rule)
        if clock.stopped_at is None and rule is not None and not case.holds(rule.when):
            clocks.cancel(clock, at=at, outcome=clocks.REPLACED)
    started: list[Clock] = []
    for rule in case.rules.clocks:
        owed = rule.when.any_of and case.holds(rule.when) and has_happened(case, rule.starts)
        if owed and not rule.each and not all(has_happened(case, event) for event in rule.stops):
            since = _moment(session, case, rule.starts) if lowered else None
            started += _start(session, case, rule, since or at, running, context)
    return started


def _moment(session: Session, case: Case, event: str) -> datetime | None:
    """When an event that starts clocks happened, where that is known."""
    kind, _, key = event.partition(":")
    if kind == "signed":
        return case.signatures[key].at
    if kind == "entered":
        return visits.first_of_latest_round(session, case.complaint.id, key)
    return case.complaint.received_at if kind == RECEIVED else None


def end_clocks_of(session: Session, case: Case, signature: str, *, at: datetime, rewritten: bool = False) -> None:
    """A signature was taken back: the clocks that it started promise nothing any more. Was it because a record that it
    covers is written anew (`rewritten`), those that it stopped run on as if it had never been given."""
    event = f"signed:{signature}"
    running = clocks.of(session, COMPLAINT, case.complaint.id)
    started = {rule.key for rule in case.rules.clocks if rule.starts == event}
    for clock in running:
        if clock.key in started:
            clocks.cancel(clock, at=at)
    stopped = {rule.key for rule in case.rules.clocks if event in rule.stops}
    stopped |= {clock.key for clock in running if event in limits.stops(clock)}
    if rewritten and stopped:
        for clock in _last_in_round(session, case, signature, stopped):
            if clock.outcome in clocks.DONE:
                clocks.resume(clock)


def _last_in_round(session: Session, case: Case, signature: str, keys: Iterable[str]) -> Iterable[Clock]:
    """The last clock of each key in this round, of all complaints that wait for this signature again in the stage in
    which the clock was stopped."""
    rule = case.rules.signature(signature)
    assert rule is not None
    others = records.joined(session, case.complaint) if rule.of == INVESTIGATION else []
    found: dict[tuple[int, str], Clock] = {}
    for each in (case, *(load(session, other) for other in others)):
        since = each.entered[each.stage]
        for clock in clocks.of(session, COMPLAINT, each.complaint.id) if each.stage in rule.stages else ():
            in_time = clock.recorded_at is not None and clock.recorded_at >= since
            if in_time and clock.key in keys and clock.round == case.complaint.round:
                found[each.complaint.id, clock.key] = clock
    return found.values()


# Whose it is, and until when


def _hand_over(session: Session, case: Case, running: Iterable[Clock], *, at: datetime, context: Context) -> None:
    complaint, stage = case.complaint, case.rules.stage(case.stage)
    if stage.final or stage.off_board:
        complaint.sort_due_at = NO_LIMIT
        return
    owner = receivers.owner(session, case, at.astimezone(context.zone).date())
    due = [
        clocks.earliest_due(clock for clock in running if clock.key not in case.rules.targets),
        *(context.calendar.end_of(row.due_on) for row in _open_rows(case) if row.due_on),
    ]
    first = min((each for each in due if each is not None), default=NO_LIMIT)
    rows.change(session, complaint, owner_id=owner, sort_due_at=first)


def _open_rows(case: Case) -> Iterator[Record]:
    for sheet in case.rules.sheets:
        if sheet.part("owner"):
            yield from (row for row in case.of_sheet(sheet) if row.done_on is None)


# Who is named


def _name_people(session: Session, case: Case, owner: int | None, *, at: datetime) -> None:
    """The responsible departments and whoever is named in a record, of whatever round, may see the complaint; from
    whom it is about it is hidden. A department that is not responsible after all may not, nor who is named no more,
    unless they did something there or were its `owner` until now, who goes on following it."""
    wanted: set[Involved] = {
        *((RESPONSIBLE, None, each) for each in case.departments), *((NAMED, each, None) for each in _named(case)),
        *((HIDDEN, each, None) for each in case.about),
    }  # fmt: skip
    named = {"complaint_id": case.complaint.id, "since": at}
    if gone := {each for each in case.involved - wanted if each[0] in (RESPONSIBLE, NAMED, HIDDEN)}:
        _let_go(session, case, gone, owner)
    new = [dict(zip(("reason", "user_id", "department_id"), each, strict=True)) for each in wanted - case.involved]
    rows.add(session, Involvement, *(named | each for each in new))


def _let_go(session: Session, case: Case, gone: set[Involved], owner: int | None) -> None:
    lost = {user for reason, user, _ in gone if reason == NAMED and user is not None}
    if lost:
        stay = {*_ever_named(session, case), *_took_part(session, case.complaint, lost)}
        gone = {each for each in gone if each[0] != NAMED or each[1] not in stay - {owner}}
    here = Involvement.complaint_id == case.complaint.id
    for reason, user, department in gone:
        one = and_(here, Involvement.reason == reason, Involvement.user_id.is_not_distinct_from(user))
        one = and_(one, Involvement.department_id.is_not_distinct_from(department))
        stays = reason == NAMED and user == owner
        goes = update(Involvement).values(reason=OWNED) if stays else delete(Involvement)
        session.execute(goes.where(one).execution_options(synchronize_session=False))


def _named(case: Case) -> Iterator[int]:
    for sheet in case.rules.sheets:
        yield from _named_in(sheet, case.of_sheet(sheet), but=case.rules.hidden_from)


def _named_in(sheet: Sheet, kept: Iterable[Record], *, but: Collection[str]) -> Iterator[int]:
    for field in sheet.fields:
        if field.kind in PEOPLE and f"{sheet.key}.{field.key}" not in but:
            for record in kept:
                value = record.values.get(field.key)
                yield from value if isinstance(value, list) else [value] if value else []


def _ever_named(session: Session, case: Case) -> Iterator[int]:
    """Who is named in a record of an earlier round, which stays readable."""
    if case.complaint.round > 1:
        past = records.of(session, case.complaint, every_round=True)
        for sheet in case.rules.sheets:
            written = [each for each in past if each.sheet == sheet.key]
            yield from _named_in(sheet, written, but=case.rules.hidden_from)


def _took_part(session: Session, complaint: Complaint, users: Iterable[int]) -> Iterable[int | None]:
    """Who of these did something on a complaint: wrote, signed, moved it."""
    did = select(Change.by_id).where(Change.complaint_id == complaint.id, Change.by_id.in_(list(users)))
    return session.scalars(did.distinct())


# Who is told


def arrived(session: Session, complaint_id: int, rules: Procedure, *, at: datetime, context: Context) -> None:
    """Tell of a draft that a mailbox took in, where its procedure says who hears of that."""
    if any(RECEIVED in rule.on for rule in rules.notices):
        case = load(session, session.get_one(Complaint, complaint_id))
        _tell(session, case, [RECEIVED], (), by=SYSTEM, at=at, context=context)


def _tell(
    session: Session,
    case: Case,
    events: Sequence[str],
    new: Collection[Task],
    *,
    by: Actor,
    at: datetime,
    context: Context,
) -> None:
    today = at.astimezone(context.zone).date()
    for position, rule in enumerate(case.rules.notices):
        on = [event for event in rule.on if event in events]
        if on and case.holds(rule.when):
            told = {to: {*receivers.of(session, case, to, on, by=by, today=today)} for to in rule.to}
            others = {user for to, users in told.items() if not _is_named(case, to) for user in users}
            said = {"name": rule.name, "content": words.content(case, rule.shows)}
            users = {user for users in told.values() for user in users}
            tell = partial(
                notices.tell, session, case.complaint, event=f"{position}:{on[0]}", by=by, at=at, today=today,
                secret=context.secret, domain=context.domain, mails=not _is_invitation(rule, on[0]),
                always=rule.always or "superior" in rule.to,
            )  # fmt: skip
            tell(users, opens_to=others, values={key: asdict(name) for key, name in said.items() if name})
            for deputy, whose in deputies.hearing(session, new, users - {by.id}, today).items():
                said["name"] = Name(f"{rule.name.en}, for {whose}", f"{rule.name.zh}，代{whose}")
                tell([deputy], values={key: asdict(name) for key, name in said.items() if name})
    if entered := next((event.partition(":")[2] for event in events if event.startswith("entered:")), ""):
        watching = [user for reason, user, _ in case.involved if reason == WATCHING and user is not None]
        place = asdict(case.rules.stage(entered).name)
        notices.ring(session, case.complaint, watching, "moved", by=by, at=at, today=today, values={"stage": place})


def _is_invitation(rule: NoticeRule, event: str) -> bool:
    """Is the mail about this an invitation, which is owed by itself?"""
    return rule.calendar is not None and event.partition(":")[2].partition(".")[0] == rule.calendar.sheet


def _is_named(case: Case, to: str) -> bool:
    """Are these people or departments that the complaint names? They may see it as long as it does."""
    sheet, _, key = to.partition(".")
    found = case.rules.sheet(sheet) if key else None
    return to in ("departments", NOTIFIED) or (found is not None and found.field(key).kind in PEOPLE)
