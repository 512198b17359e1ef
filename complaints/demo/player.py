"""Plays the stories of a demo company through the engine, in times past: what a stage asks is written, signed and done
by colleagues who may, until the complaint stands where its story says. It knows no procedure by name.

A story is one transaction, and the mail that began it says that it was played: what a kill leaves unfinished the next
start goes on with. What the house owed by mail in those times went out then.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from io import BytesIO
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from complaints import (
    acknowledgement,
    comparing,
    customers,
    files,
    guards,
    off_board,
    procedure_store,
    procedure_use,
    reading,
    registration,
    rows,
    signing,
    workflow,
    writing,
)  # fmt: skip
from complaints import complaint as complaints
from complaints.blobs import Blobs
from complaints.calendar import mainland_china
from complaints.case import Case, filled, load
from complaints.complaint import Complaint
from complaints.context import Context
from complaints.conversation import Entry
from complaints.database import sessions, transaction
from complaints.demo import mails
from complaints.demo.moments import EPOCH, MINUTE, Minutes
from complaints.demo.trades import Said, Story, Trade
from complaints.errors import Name
from complaints.letters import Attachment, Letter, Sighting
from complaints.outbox import Outgoing
from complaints.people import SYSTEM, Actor, Department, User, actor_for
from complaints.procedure import PEOPLE, Field, Move, Need, Procedure, Sheet, SignatureRule, Stage, procedure
from complaints.records import Record
from complaints.signatures import APPROVED

MOST = 60
"""So many things are done at most before a stage is entered."""
DAY = 8 * 60  # minutes
LONGEST = timedelta(weeks=20)
"""No story began earlier."""
IN_ORDER = Name("Done as agreed.", "已按约定办理。")


class Stuck(LookupError):
    """A story cannot go on: nobody may do what is asked, or the player does not know how."""


def play(
    engine: Engine, trade: Trade, *, at: datetime, blobs: Blobs, password: str, zone: str = "Asia/Shanghai",
    secret: str = "demo", only: int | None = None,
) -> None:  # fmt: skip
    """Found a company and play its stories, as far as that was not done before (`only`: so many at most). Its procedure
    is the only one in use."""
    make = sessions(engine)
    calendar = mainland_china(zone=zone)
    with transaction(make) as session:
        procedure_store.load_known(session)
        if not trade.company.is_founded(session):
            trade.company.found(session, at=at, password=password)
            opened = (rule.procedure for rule in procedure(trade.procedure).opens)
            procedure_use.use_only(session, [trade.procedure, *opened], by=SYSTEM, at=at)
    with transaction(make) as session:
        played = {*session.scalars(select(Letter.message_id).where(Letter.message_id.startswith("story.")))}
        staff = [_actor(session, trade.company.address(each.user), at) for each in trade.company.staff]
    context = Context(calendar, secret, trade.company.domain, trade.sender)
    minutes = Minutes(calendar, at - LONGEST, at)
    for place, story in [*enumerate(trade.stories)][:only]:
        if story.message_id not in played:
            turn = place % len(staff)
            others = [*staff[turn:], *staff[:turn]][:: (-1) ** place]  # not always the same ones
            with transaction(make) as session:
                Player(session, trade, story, others, minutes, context, blobs).play()


def _actor(session: Session, email: str, at: datetime) -> Actor:
    return actor_for(session, session.scalars(select(User).where(User.email == email)).one(), at.date())


class Player:
    """Plays one story. `staff`: everybody; the first who may do something does it."""

    def __init__(
        self, session: Session, trade: Trade, story: Story, staff: Sequence[Actor], minutes: Minutes, context: Context,
        blobs: Blobs,
    ) -> None:  # fmt: skip
        self.session, self.trade, self.story, self.staff = session, trade, story, staff
        self.context, self.blobs = context, blobs
        self._open = minutes.open
        chance = sum(story.key.encode())
        earlier = 7 * chance % (DAY // 2) if story.days >= 1 else 0  # or all came at this time of the day
        self._begun = self._at = max(0, len(self._open) - 1 - round(story.days * DAY) - earlier)
        self._seconds = chance % 40
        self._said_again: set[str] = set()
        self.complaint = self._begin()

    # Time

    @property
    def at(self) -> datetime:
        return EPOCH + self._open[self._at] * MINUTE + timedelta(seconds=self._seconds)

    def _goes_on(self) -> datetime:
        """The time of the next act: a few minutes later, but not after the end."""
        if self._at + 1 < len(self._open):
            self._at = min(self._at + 2 + self._at % 5, len(self._open) - 1)
        else:
            self._seconds += 1
        return self.at

    def _waits_for(self, place: int) -> None:
        """The first stages of a story are entered sooner one after the other than the last ones."""
        share = self.story.within * DAY * ((place + 1) / len(self.story.through)) ** 2
        self._at = min(max(self._at, self._begun + round(share)), len(self._open) - 1)

    # The mail that began it

    def _begin(self) -> Complaint:
        story, session, received_at = self.story, self.session, self.at
        came = [mails.file(kind, story.buyer.locale, n) for n, kind in enumerate(story.files)]
        raw = mails.raw(
            story.writer, to=self.trade.sender, subject=story.subject, text=story.text, html="", files=came,
            message_id=story.message_id, at=received_at,
        )  # fmt: skip
        blob, *blobs = self.blobs.put_all([raw, *(file.content for file in came)])
        whose = customers.writer_fields(
            session, address=story.writer.address, name=story.writer.name, proposed="", locale=story.buyer.locale,
            at=received_at, staff=(),
        )  # fmt: skip
        draft = complaints.open_draft(
            session, by=SYSTEM, at=received_at, received_at=received_at, channel="email",
            calendar=self.context.calendar, procedure_key=self.trade.procedure,
            fields=whose | {
                "subject": story.subject, "content": story.text, "attachment_count": len(came), "unread_count": 1,
            },
        )  # fmt: skip
        letter = Letter(
            content_key=sha256(raw).hexdigest(), complaint_id=draft.id, from_address=story.writer.address,
            from_name=story.writer.name, subject=story.subject, text=story.text, html="", message_id=story.message_id,
            references=[], dated=received_at, received_at=received_at, language=story.buyer.locale,
            verdict="unverified", raw=blob, to=[self.trade.sender],
        )  # fmt: skip
        session.add(letter)
        session.flush()
        for position, (file, kept) in enumerate(zip(came, blobs, strict=True)):
            session.add(
                Attachment(
                    letter_id=letter.id, complaint_id=draft.id, position=position, filename=file.filename,
                    content_type=file.content_type, declared_type=file.content_type, content_id="", inline=False,
                    size=len(file.content), blob=kept,
                )
            )  # fmt: skip
        session.add(
            Sighting(
                raw=blob, size=len(raw), received_at=received_at, seen_at=received_at, outcome="drafted",
                reason="acknowledged", letter_id=letter.id, complaint_id=draft.id, door="deliver", attempts=1,
            )
        )  # fmt: skip
        session.flush()
        said = {"complaint_id": draft.id, "kind": "letter", "at": received_at, "letter_id": letter.id}
        rows.add(session, Entry, said)
        acknowledgement.promise(
            session, draft, recipient=story.writer.address, locale=story.buyer.locale, in_reply_to=story.message_id,
            references=[story.message_id], received_at=received_at, at=received_at, secret=self.context.secret,
            domain=self.context.domain,
        )  # fmt: skip
        return session.get_one(Complaint, draft.id)

    # The story

    def play(self) -> None:
        if self.story.through:
            self._reads()
        for place, stage in enumerate(self.story.through):
            self._to(stage, place)
        for key in self.story.then:
            if self.rules.sheet(key):
                self._write(key)
            else:
                self._sign(key)
        self._mails_went_out()

    @property
    def rules(self) -> Procedure:
        return self.case().rules

    def case(self) -> Case:
        self.session.flush()
        return load(self.session, self.complaint)

    def _reads(self) -> None:
        """The front office opens the letter, and notes in the entry whose it is."""
        by, at = self._somebody(self.rules.register_stage.moved_in_by), self._goes_on()
        letter = reading.newest(self.session, [self.complaint.id])[self.complaint.id]
        if reading.may_read(self.session, self.complaint, by):
            reading.read(self.session, self.complaint, upto=letter, by=by, at=at)
        today = at.astimezone(self.context.zone).date()
        entry = {
            "customer": self.story.buyer.name, "complaint_date": 0, "complaint_class": next(iter(self.rules.classes)),
            **self.story.entry,
        }  # fmt: skip
        days = {field: today + timedelta(value) for field, value in entry.items() if isinstance(value, int)}
        self._corrects(entry | days)

    def _corrects(self, values: Mapping[str, Any]) -> None:
        by = self._somebody(self.rules.register_stage.moved_in_by)
        registration.save(
            self.session, self.complaint, values, by=by, at=self._goes_on(), seen_version=self.complaint.version,
            context=self.context,
        )  # fmt: skip

    def _to(self, stage: str, place: int) -> None:
        """Do what a stage asks, and enter it by hand. What nobody asks for is done at once."""
        target = self.rules.stage(stage)
        if target.off_board:
            self._waits_for(place)
            self._leaves_the_board(target)
            return
        for _ in range(MOST):
            case = self.case()
            way = guards.way(case, target)
            if way is None:
                raise Stuck(f"{self.story.key}: there is no way from {case.stage} to {stage}")
            if not way.back and self._writes_unasked(case):
                continue
            self._waits_for(place)
            mover = self._who(case, way.by)
            missing = guards.against_move(case, target, mover) if mover else []
            if mover and not missing:
                self._moves(way, mover)
                return
            self._does_next(case, way)
        raise Stuck(f"{self.story.key}: {stage} asks for too much")

    def _leaves_the_board(self, outcome: Stage) -> None:
        for _ in range(MOST):
            case = self.case()
            if not (lacking := [need for need in outcome.needs if guards.lacking(case, [need])]):
                off_board.take(
                    self.session, self.complaint, outcome.key, reason=str(self._said("why") or self._in_order()),
                    by=self._somebody(outcome.moved_in_by), at=self._goes_on(), seen_version=self.complaint.version,
                    context=self.context,
                )  # fmt: skip
                return
            self._meet(case, lacking[0])
        raise Stuck(f"{self.story.key}: {outcome.key} asks for too much")

    def _moves(self, way: Move, mover: Actor) -> None:
        register = self.rules.register_stage.key
        if way.to == register and self.complaint.registered_at is None:
            registration.register(
                self.session, self.complaint, {}, by=mover, at=self._goes_on(), seen_version=self.complaint.version,
                context=self.context, departments=self._concerned(),
            )  # fmt: skip
            return
        said = {ask.key: str(self._said(f"{way.key}.{ask.key}") or self._in_order()) for ask in way.asks}
        workflow.move(
            self.session, self.complaint, way.to, by=mover, at=self._goes_on(), seen_version=self.complaint.version,
            context=self.context, answers=said,
        )  # fmt: skip

    def _writes_unasked(self, case: Case) -> bool:
        """Write what the story says of this stage though nobody asks for it; was there anything?"""
        told = self._told()
        for sheet in case.rules.sheets:
            if sheet.many or not any(ref.partition(".")[0] == sheet.key for ref in told):
                continue
            kept: Mapping[str, Any] = case.records[sheet.key].values if sheet.key in case.records else {}
            for writer in self.staff:
                mine = {key: f"{sheet.key}.{key}" for key in guards.writable(case, sheet, writer)}
                waits = any(ref in told and self._is_new(ref, kept.get(key)) for key, ref in mine.items())
                if waits and not guards.against_sheet(case, sheet, writer):
                    self._write(sheet.key)
                    return True
        return False

    def _does_next(self, case: Case, way: Move) -> None:
        for need in guards.asked_by(case, way):
            if guards.lacking(case, [need]):
                self._meet(case, need)
                return
        raise Stuck(f"{self.story.key}: nobody may go from {case.stage} to {way.to}")

    def _meet(self, case: Case, need: Need) -> None:
        """Do one thing that is needed."""
        sheet_key, _, key = need.ref.partition(".")
        sheet = case.rules.sheet(sheet_key)
        match need.kind:
            case "any":
                self._meet(case, need.any_of[0])
            case "signature":
                self._sign(need.ref)
            case "notified":
                by = self._somebody(case.rules.register_stage.moved_in_by)
                registration.notify(
                    self.session, self.complaint, self._concerned(), by=by, at=self._goes_on(), context=self.context
                )
            case "field" | "value" if not key:
                self._corrects({need.ref: need.values[0] if need.kind == "value" else str(self._said(need.ref) or "1")})
            case "field" | "value" if sheet:
                self._write(sheet.key, {key: _meeting(need.values[0])} if need.kind == "value" else {}, also=(key,))
            case "sheet":
                self._write(sheet_key)
            case "rows" if sheet:
                self._completes_row(case, sheet, need)
            case "none" if sheet:
                empty = [key for key, values in need.where.items() if values == ("",)]
                for row in case.of_sheet(sheet):
                    if any(not filled(row.values.get(key)) for key in empty):
                        self._write(sheet.key, place=row.place if sheet.many else None, also=empty)
                        return
                raise Stuck(f"{self.story.key}: {sheet_key} has a row that must not be there")
            case _:
                raise Stuck(f"{self.story.key}: {need.kind} {need.ref} is not for the player")

    # Writing

    def _write(
        self, sheet_key: str, given: Mapping[str, Any] | None = None, *, place: int | None = None, new: bool = False,
        also: Iterable[str] = (),
    ) -> None:  # fmt: skip
        """Fill in a record, or a row (`new` begins one): what is required, what the story says, the fields `also` and
        what is `given`; each field by somebody who may."""
        given = dict(given or {})
        for _ in range(MOST):
            case = self.case()
            sheet = case.rules.sheet(sheet_key)
            if sheet is None:
                raise Stuck(f"{self.story.key}: there is no record {sheet_key}")
            if first := next((need for need in sheet.needs if guards.lacking(case, [need])), None):
                self._meet(case, first)
                continue
            record = None if new else _record(case, sheet, place)
            todo = self._to_fill(case, sheet, record.values if record else {}, given, also)
            if not todo:
                return
            by = self._who(case, sheet.field(next(iter(todo))).by or sheet.by)
            if by is None:
                raise Stuck(f"{self.story.key}: nobody writes {sheet_key}")
            at = self._goes_on()
            form = {key: self._typed(sheet.field(key), value) for key, value in todo.items()}
            writing.write(
                self.session, self.complaint, sheet_key, form, by=by, at=at, context=self.context,
                seen=record.version if record else 0, place=record.place if record and sheet.many else None,
            )  # fmt: skip
            given = {key: value for key, value in given.items() if key not in todo}
            if self.complaint.round > 1:
                self._said_again |= {f"{sheet_key}.{key}" for key in todo}
            if sheet.many and record is None:
                new, place = False, max(each.place for each in self.case().rows[sheet_key])
        raise Stuck(f"{self.story.key}: {sheet_key} is never whole")

    def _to_fill(
        self, case: Case, sheet: Sheet, kept: Mapping[str, Any], given: Mapping[str, Any], also: Iterable[str]
    ) -> dict[str, Any]:
        """The fields that somebody fills in next: all of one writer."""
        typed, todo, told = dict(kept), dict[str, Any](), self._told()
        by: tuple[str, ...] | None = None
        for each in sheet.fields:
            ref = f"{sheet.key}.{each.key}"
            row = {f"{sheet.key}.{key}": value for key, value in {**typed, **given}.items()}
            stages = each.stages or sheet.stages
            wanted = each.key in also or (each.required and case.holds(each.when, row)) or ref in told
            if each.key in given:
                value = given[each.key]
            elif wanted and (not stages or case.stage in stages) and self._is_new(ref, kept.get(each.key)):
                value = self._said(ref) or self._plausible(each)
            else:
                continue
            if by in (None, each.by or sheet.by):
                by = each.by or sheet.by
                todo[each.key] = typed[each.key] = value
        return todo

    def _is_new(self, ref: str, kept: Any) -> bool:
        """Is a field still to be filled in, or does it hold a copy of what was said in the round before?"""
        anew = self.complaint.round > 1 and ref in self.story.again and ref not in self._said_again
        return anew or not filled(kept)

    def _completes_row(self, case: Case, sheet: Sheet, need: Need) -> None:
        where: dict[str, Any] = {key: _meeting(values[0]) for key, values in need.where.items()}
        for row in case.rows.get(sheet.key, ()) if not need.since else ():
            if all(str(row.values.get(key) or "") in values for key, values in need.where.items()):
                self._write(sheet.key, place=row.place, also=need.filled)
                return
        marked = {f"{sheet.key}.{each.key}@{mark}": each.key for each in sheet.fields for mark in where.values()}
        said = {key: value for ref, key in marked.items() if (value := self._said(ref)) is not None}
        self._write(sheet.key, {**where, **said}, new=True, also=need.filled)

    def _told(self) -> Said:
        """What the story says of its present round."""
        return {**self.story.says, **(self.story.again if self.complaint.round > 1 else {})}

    def _said(self, ref: str) -> Any:
        value = {**self.trade.says, **self._told()}.get(ref)
        return value.in_(self.story.buyer.locale) if isinstance(value, Name) else value

    def _in_order(self) -> str:
        return IN_ORDER.in_(self.story.buyer.locale)

    def _plausible(self, field: Field) -> Any:
        """Something for a field of which nobody says anything."""
        now = self.at.astimezone(self.context.zone)
        match field.kind:
            case "choice":
                return "no" if {*field.choices} == {"yes", "no"} else next(iter(field.choices))
            case "choices":
                return [*field.choices][: field.least]
            case "date":
                return now.date().isoformat()
            case "time":
                return now.isoformat(timespec="minutes")
            case "number" | "count":
                return "1"
            case "person" | "people":
                able = [each.id for each in self.staff if not field.roles or each.roles & {*field.roles}]
                return able[: max(field.least, 1)]
            case "departments":
                return self._concerned()[: max(field.least, 1)]
            case "file" | "files":
                return self._a_file(field)
            case _:
                return self._in_order()

    def _typed(self, field: Field, value: Any) -> list[str]:
        """A value as a form sends it; people are named by the first part of their address, departments by key, days by
        how far off they are."""
        values = list(value) if isinstance(value, (list, tuple)) else [value]
        if field.kind == "date" and isinstance(value, int):
            values = [(self.at.astimezone(self.context.zone) + timedelta(days=value)).date()]
        if field.kind in PEOPLE:
            values = [self._id(each) for each in values]
        elif field.kind == "departments":
            values = [self._department(each) for each in values]
        return [str(each) for each in values]

    def _id(self, user: str | int) -> int:
        if isinstance(user, int):
            return user
        return self.session.scalars(select(User.id).where(User.email == self.trade.company.address(user))).one()

    def _department(self, key: str | int) -> int:
        if isinstance(key, int):
            return key
        return self.session.scalars(select(Department.id).where(Department.key == key)).one()

    def _concerned(self) -> list[int]:
        return [self._department(key) for key in self.story.departments or [next(iter(self.trade.company.departments))]]

    def _a_file(self, field: Field) -> str:
        """A file of the complaint that a record may name: a paper with the name of the field."""
        name, number = field.name.in_(self.story.buyer.locale), self.complaint.number
        paper = mails.paper(f"{name} {number}", field.name.en, number)
        by = self._somebody(self.rules.register_stage.moved_in_by)
        added = files.add(
            self.session, self.complaint, self.blobs, BytesIO(paper.content), name=paper.filename,
            content_type=paper.content_type, declared_type=paper.content_type, by=by, at=self._goes_on(),
        )  # fmt: skip
        return added.id

    # Signing

    def _sign(self, key: str) -> None:
        """Give a signature, after all that comes before it; each department its own."""
        for _ in range(MOST):
            case = self.case()
            rule = case.rules.signature(key)
            if rule is None:
                raise Stuck(f"{self.story.key}: there is no signature {key}")
            if key in case.signatures:
                return
            earlier = [each for each in rule.after if each not in case.signatures and _applies(case, each)]
            lacking = [need for need in rule.needs if guards.lacking(case, [need])]
            if earlier:
                self._sign(earlier[0])
            elif lacking:
                self._meet(case, lacking[0])
            else:
                signing.sign(
                    self.session, self.complaint, key, decision=APPROVED, remark="", by=self._signer(case, rule),
                    at=self._goes_on(), context=self.context, seen=case.content(rule),
                )  # fmt: skip
        raise Stuck(f"{self.story.key}: {key} is never signed")

    def _signer(self, case: Case, rule: SignatureRule) -> Actor:
        for role in guards.signers(case, rule):
            for each in self.staff:
                if role in each.roles and not guards.against_signature(case, rule, each):
                    return each
        raise Stuck(f"{self.story.key}: nobody may sign {rule.key}")

    # People

    def _who(self, case: Case, by: Iterable[str]) -> Actor | None:
        """Somebody who may do what these roles may, or whom these fields name."""
        for role in by:
            for each in self.staff:
                if guards.holds_role(case, each, [role]) is not None:
                    return each
        return None

    def _somebody(self, by: Iterable[str]) -> Actor:
        found = self._who(self.case(), by)
        if found is None:
            raise Stuck(f"{self.story.key}: nobody is one of {', '.join(by)}")
        return found

    # Mails

    def _mails_went_out(self) -> None:
        """What was owed meanwhile is sent, each at its time; the acknowledgement as the customer read it."""
        self.session.flush()
        ours, writer = mails.Acknowledgements(self.trade.sender, self.trade.company.name), self.story.writer
        owed = select(Outgoing).where(Outgoing.state == "pending", Outgoing.created_at <= self.at)
        for mail in self.session.scalars(owed):
            mail.state, mail.attempts, mail.reply = "sent", 1, "250 2.0.0 Ok: queued"
            mail.handed_over_at = mail.sent_at = mail.due_at
            if mail.kind == acknowledgement.KIND:
                mail.rendered = ours.render(
                    mail.locale, recipient=writer.address, number=self.complaint.number,
                    date=format_datetime(mail.due_at), message_id=mail.message_id, answers=self.story.message_id,
                )  # fmt: skip


def _record(case: Case, sheet: Sheet, place: int | None) -> Record | None:
    if not sheet.many:
        return case.records.get(sheet.key)
    return next((row for row in case.rows.get(sheet.key, ()) if row.place == place), None)


def _applies(case: Case, key: str) -> bool:
    rule = case.rules.signature(key)
    return rule is not None and case.holds(rule.when)


def _meeting(wanted: str) -> str:
    """A value that meets what is wanted, where that compares."""
    compared = comparing.comparison(wanted)
    return compared[1] if compared else wanted
