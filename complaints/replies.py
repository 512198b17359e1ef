"""Replies: what a person writes to the customer, from the form to the outbox.

`compose` says what the form begins with, `send` writes the reply, its mail and, where the procedure keeps a record of
what the customer was told, a row of that. For ten seconds, or until its hour comes, `take_back` undoes it. Nothing that
is internal goes into a mail: only what the form says, the customer's own words, and who signs.

The right to send and the recipients are asked for again when the mail goes (`withheld`): until then the writer may have
left, or the complaint may have been split. Who the people of a complaint are: addressees.py; words of promise:
promises.py.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, defer, mapped_column

from complaints import (
    addressees,
    answering,
    apart,
    guards,
    history,
    off_board,
    outbox,
    printing,
    watching,
    workflow,
    writing,
)
from complaints.addressees import Addressee
from complaints.apart import Apart
from complaints.case import Case, load
from complaints.complaint import Complaint, visible_to
from complaints.context import Context
from complaints.conversation import Entry
from complaints.customers import Contact
from complaints.database import Base, BigId
from complaints.errors import N_, ComplaintError, Name, NotAllowed, NotFound, RecordRefused, Sentence
from complaints.guards import RoleNames
from complaints.letters import Attachment, Letter, answers_to
from complaints.outbox import Outgoing
from complaints.people import FRONT_OFFICE, QUALITY, Actor, User, actor_for, fold_email
from complaints.procedure import Procedure, of
from complaints.promises import decided, promised
from complaints.registration import Incomplete, Problem
from complaints.reply_templates import unfilled
from complaints.texts import clean

KIND = "reply"
WAIT = timedelta(seconds=10)
LONGEST_TEXT, LONGEST_SUBJECT, LONGEST_QUOTE = 20_000, 250, 20_000
MOST_RECIPIENTS = 20
MOST_REFERENCES = 20
RECENT = 50
"""So many letters are looked through for the people of a complaint."""
LARGEST = 18 * 1024 * 1024
"""So many bytes of files: a third more as they travel, which is what most mail servers take."""
TO, CC, SUBJECT, TEXT, FILES, CONTACT, LATER, MEANT = (
    "composer-to", "composer-cc", "composer-subject", "composer-text", "composer-files", "composer-contact",
    "composer-later", "composer-meant",
)  # fmt: skip
"""The fields of the form, as problems name them."""

AUTHOR_LEFT, NOT_VISIBLE, NOT_ALLOWED, NOBODY_HERE = "author_left", "not_visible", "not_allowed", "nobody_here"
WITHHELD: Mapping[str, str] = {
    AUTHOR_LEFT: N_("Whoever wrote it does not work here any more."),
    NOT_VISIBLE: N_("Whoever wrote it may not see the complaint any more."),
    NOT_ALLOWED: N_("Whoever wrote it may not answer the customer any more."),
    NOBODY_HERE: N_("A recipient is none of the people of this complaint any more."),
}
"""Why a reply was not sent when its time came."""

_MARK = r"\[C-\d{4}-\d{4,7}\]"
_BEFORE = re.compile(
    rf"^(?:\s*(?:(?:re|aw|sv|antw|fwd?|wg|回复|答复|回覆|转发)\s*(?:\[\d+\])?\s*[:：]|{_MARK}))+\s*", re.IGNORECASE
)


class Reply(Base):
    """Something that a person wrote to the customer. `to` and `cc` are names with addresses; `new` those addresses that
    the writer added; `contact` what it was recorded as, in the row `contact_place`; `key` names the form."""

    __tablename__ = "reply"
    __table_args__ = (
        UniqueConstraint("complaint_id", "author_id", "key"),
        Index("ix_reply_outgoing_id", "outgoing_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    key: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    contact: Mapped[str] = mapped_column(String(40), default="")
    contact_place: Mapped[int | None]
    to: Mapped[list[Any]]
    cc: Mapped[list[Any]]
    new: Mapped[list[Any]]
    subject: Mapped[str] = mapped_column(String(250))
    text: Mapped[str] = mapped_column(Text)
    answers_id: Mapped[int | None] = mapped_column(ForeignKey("letter.id"))
    quoted: Mapped[bool]
    attachments: Mapped[list[Any]]
    outgoing_id: Mapped[int | None] = mapped_column(ForeignKey("outgoing.id"))
    taken_back_at: Mapped[datetime | None]

    @property
    def recipients(self) -> list[Addressee]:
        return [Addressee(each["address"], each["name"]) for each in (*self.to, *self.cc)]


class NotSent(Incomplete):
    message = N_("The reply was not sent.")


class Promised(NotSent):
    """The reply promises something before it is decided what is done, in words or by a paper that is a draft."""

    def __init__(self, words: Sequence[str], drafts: Sequence[str] = ()) -> None:
        message = N_("Nothing is decided yet, and it sounds like a promise: %(words)s")
        if not words:
            message, words = N_("It carries a draft, made before the measures were approved: %(words)s"), drafts
        super().__init__([Problem(MEANT, Sentence(message, {"words": "“" + "”, “".join(words) + "”"}))])


class OnItsWay(ComplaintError):
    message = N_("The reply is on its way already and cannot be taken back any more.")


class NothingToTry(ComplaintError):
    message = N_("There is nothing to try again: the reply was sent or waits to be.")


class Unsure(ComplaintError):
    message = N_("It may have arrived: tick that the customer may get it twice, then it is sent again.")


# Who may, and what the form begins with


def writers(rules: Procedure) -> tuple[str, ...]:
    """The roles that answer customers: those that write in the record of what customers are told."""
    sheet = rules.sheet(rules.contact.sheet) if rules.contact else None
    return sheet.by if sheet else tuple(sorted(FRONT_OFFICE | QUALITY))


def may_send(case: Case, by: Actor) -> bool:
    """May a person answer the customer of this complaint? Of one that was merged, only from where it went."""
    return case.complaint.merged_into_id is None and guards.holds_role(case, by, writers(case.rules)) is not None


def kinds(case: Case, by: Actor) -> Mapping[str, Name]:
    """What a reply may be recorded as by this person, where the complaint stands now."""
    contact = case.rules.contact
    sheet = case.rules.sheet(contact.sheet) if contact else None
    if contact is None or sheet is None or not contact.filled - {""} <= guards.writable(case, sheet, by):
        return {}
    return sheet.field(contact.kind).choices


@dataclass(frozen=True)
class Begun:
    """What the form begins with. `people` are all whom one may write to, `to` and `cc` those chosen at first; `strange`
    are those whom only letters of another customer's complaint name, with that customer. `several` people have letters
    of their own, so that it depends on the recipients which one is answered."""

    people: Mapping[str, Addressee]
    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str
    answers: Letter | None
    locale: str
    strange: Mapping[str, str]
    apart: Apart
    several: bool


def letters(
    session: Session, complaint: Complaint, *, merged: Sequence[int] | None = None, also: int | None = None
) -> list[Letter]:
    """The last letters of a complaint and of those that were `merged` into it, in the order in which they came, and an
    older one that is answered (`also`): without their words, until somebody asks for those."""
    ids = [complaint.id, *(off_board.merged_into(session, complaint.id) if merged is None else merged)]
    without_words = defer(Letter.text), defer(Letter.html), defer(Letter.folds)
    query = select(Letter).where(Letter.complaint_id.in_(ids)).options(*without_words)
    found = list(session.scalars(query.order_by(Letter.received_at.desc(), Letter.id.desc()).limit(RECENT)))[::-1]
    if also is None or not 0 < also < 2**63 or any(each.id == also for each in found):
        return found
    return [*session.scalars(query.where(Letter.id == also)), *found]


def compose(
    session: Session,
    complaint: Complaint,
    *,
    written: Sequence[Letter],
    answers: int | None = None,
    own: str = "",
    house: Collection[str] | None = None,
    merged: Collection[int] = (),
) -> Begun:
    """A reply to the letter `answers` of those that were `written`, or to the customer's newest; the complaint may have
    none. Nobody is chosen whom only another customer's letters name, of complaints that were `merged`, too, but for an
    answer to such a letter: it goes to nobody else."""
    others = apart.of(session, complaint, {*merged, *(each.complaint_id or 0 for each in written)})
    theirs = [each for each in written if each.complaint_id not in others]
    answered = next((each for each in written if each.id == answers), theirs[-1] if theirs else None)
    people = addressees.of(session, complaint, written, own=own, house=house)
    strange: dict[str, str] = {}
    if others:
        known = addressees.of(session, complaint, theirs, own=own, house=house)
        for each in written:
            if name := others.get(each.complaint_id or 0):
                strange |= dict.fromkeys((_named(each) & people.keys()) - known.keys(), name)
    chosen = _named(answered) if answered and answered.complaint_id in others else people.keys() - strange.keys()
    to, cc = _answered_to({key: each for key, each in people.items() if key in chosen}, answered)
    contact = session.get(Contact, complaint.contact_id) if answered is None and complaint.contact_id else None
    subject = answered.subject if answered is not None and answered.subject else complaint.subject
    locale = answered.language if answered is not None else contact.locale if contact else "en"
    again = subject_of(subject, complaint.number)
    return Begun(people, to, cc, again, answered, locale, strange, others, answering.several(written))


def _named(letter: Letter) -> set[str]:
    return {fold_email(each) for each in (letter.from_address, letter.reply_to, *letter.to, *letter.cc)}


def _answered_to(people: Mapping[str, Addressee], letter: Letter | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Whom an answer goes to: where the writer wants it, and to those who got the letter, too."""
    if letter is None:
        return tuple(people)[:1], ()
    wanted = [fold_email(each) for each in (letter.reply_to, letter.from_address)]
    to = next((each for each in wanted if each in people), next(iter(people), ""))
    others = [fold_email(each) for each in (*letter.to, *letter.cc)]
    return ((to,) if to else ()), tuple(dict.fromkeys(each for each in others if each in people and each != to))


def subject_of(subject: str, number: str) -> str:
    """The subject of an answer: one Re:, the customer's words, one number."""
    words = re.sub(_MARK, " ", _BEFORE.sub("", clean(subject, lines=False)))
    end = f" [{number}]"
    return f"Re: {' '.join(words.split())[: LONGEST_SUBJECT - len(end) - 4]}".rstrip() + end


# Sending


@dataclass(frozen=True)
class Form:
    """What was typed. `to` and `cc` are addresses of the complaint's people, `new_to` and `new_cc` texts with others;
    `later`: not before work begins; `meant`: what it promises is meant."""

    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    new_to: str = ""
    new_cc: str = ""
    subject: str = ""
    text: str = ""
    answers: int | None = None
    quoted: bool = True
    files: Sequence[str] = ()
    contact: str = ""
    expected: str = ""
    """The day by which the customer may expect it to be done, where that is recorded."""
    later: bool = False
    meant: bool = False


def send(
    session: Session, complaint: Complaint, form: Form, *, key: str, by: Actor, at: datetime, context: Context
) -> Reply:
    """Write a reply and owe its mail, in the caller's transaction. The same form (`key`) sent again is the same reply.

    Raises `NotAllowed`, `NotSent` with what is wrong field by field, and `Promised` where it promises something before
    that is decided and is not `meant`."""
    workflow.hold(session, complaint)
    known = session.scalar(
        select(Reply).where(Reply.complaint_id == complaint.id, Reply.author_id == by.id, Reply.key == key[:64])
    )
    if known is not None:
        return known
    case = load(session, complaint)
    if not may_send(case, by) or by.id is None:
        raise NotAllowed(who=RoleNames.of(case.rules, writers(case.rules)))
    written = letters(session, complaint, also=form.answers)
    recipients = [*form.to, *(each.address for each in addressees.typed(form.new_to)[0]), *form.cc]
    answers = answering.letter_of(written, form.answers, recipients)
    begun = compose(session, complaint, written=written, answers=answers, own=context.mail_from)
    checked = _checked(session, case, form, begun, by)
    words = [] if decided(case) else promised(checked.text)
    papers = printing.drafts(session, case, checked.files)
    if (words or papers) and not form.meant:
        raise Promised(words, papers)
    place = _record(session, complaint, checked, by=by, at=at, context=context)
    if place is None:
        workflow.touch(session, complaint, at=at, seen_version=complaint.version)
    reply = Reply(
        complaint_id=complaint.id, author_id=by.id, key=key[:64], at=at, contact=form.contact, contact_place=place,
        to=_plain(checked.to), cc=_plain(checked.cc), new=checked.new, subject=checked.subject, text=checked.text,
        answers_id=begun.answers.id if begun.answers else None, quoted=form.quoted and begun.answers is not None,
        attachments=[file.id for file in checked.files],
    )  # fmt: skip
    session.add(reply)
    session.flush()
    due_at = max(at + WAIT, context.calendar.next_opening(at)) if form.later else at + WAIT
    reply.outgoing_id = _owe(session, reply, begun, checked.files, by=by, due_at=due_at, context=context)
    told = {
        "recipients": [each.address for each in reply.recipients],
        "contact": form.contact,
        "promised": [*words, *papers],
    }
    history.note(session, complaint.id, "replied", by=by, at=at, **{k: v for k, v in told.items() if v})
    today = at.astimezone(context.zone).date()
    watching.hear(session, complaint.id, f"replied:{reply.id}", by=by, at=at, today=today)
    session.flush()
    return reply


@dataclass(frozen=True)
class _Checked:
    to: list[Addressee]
    cc: list[Addressee]
    new: list[str]
    subject: str
    text: str
    files: list[Attachment]
    contact: str
    expected: str


def _checked(session: Session, case: Case, form: Form, begun: Begun, by: Actor) -> _Checked:
    """What a form says, or everything that is wrong with it."""
    problems: list[Problem] = []
    to, new_to = _people(form.to, form.new_to, begun.people, TO, problems)
    cc, new_cc = _people(form.cc, form.new_cc, begun.people, CC, problems)
    first = {fold_email(each.address) for each in to}
    cc = [each for each in cc if fold_email(each.address) not in first]
    if not to and not any(problem.field == TO for problem in problems):
        problems.append(Problem(TO, Sentence(N_("Choose to whom it goes"))))
    if len(to) + len(cc) > MOST_RECIPIENTS:
        problems.append(Problem(TO, Sentence(N_("At most %(most)s people get one mail"), {"most": MOST_RECIPIENTS})))
    subject, text = clean(form.subject, lines=False), clean(form.text, lines=True)
    if f"[{case.complaint.number}]" not in subject or subject.count("[C-") > 1:
        subject = subject_of(subject, case.complaint.number)
    for field, said, limit in ((SUBJECT, subject, LONGEST_SUBJECT), (TEXT, text, LONGEST_TEXT)):
        if len(said) > limit:
            message = N_("This may have %(limit)s characters; it has %(length)s")
            problems.append(Problem(field, Sentence(message, {"limit": limit, "length": len(said)})))
    if not text:
        problems.append(Problem(TEXT, Sentence(N_("Please write something"))))
    elif gaps := unfilled(f"{subject}\n{text}"):
        message = N_("Fill in what stands between braces, or take it out: %(places)s")
        problems.append(Problem(TEXT, Sentence(message, {"places": ", ".join(f"{{{each}}}" for each in gaps)})))
    if form.expected and not form.contact:
        problems.append(
            Problem(CONTACT, Sentence(N_("A day is kept only with a record: choose as what it is recorded")))
        )
    if earlier := _to_be_signed(case):
        problems.append(
            Problem(TO, Sentence(N_("Nobody is told before “%(signature)s” is signed"), {"signature": earlier}))
        )
    if form.contact and form.contact not in kinds(case, by):
        problems.append(Problem(CONTACT, Sentence(N_("This cannot be recorded where the complaint stands now"))))
    elif form.contact and form.later:
        message = N_("What is recorded as told goes out now; send it now, or record it when it is sent")
        problems.append(Problem(LATER, Sentence(message)))
    files = _files(session, case.complaint, form.files, problems)
    if problems:
        raise NotSent(problems)
    return _Checked(to, cc, [*new_to, *new_cc], subject, text, files, form.contact, form.expected)


def _to_be_signed(case: Case) -> Name | None:
    """The signature that has to stand before anybody is told, where it does not; it is none of what left the board."""
    contact = case.rules.contact
    rule = case.rules.signature(contact.replies_after) if contact else None
    wanted = rule is not None and rule.key not in case.signatures and not case.rules.stage(case.stage).off_board
    return rule.name if rule is not None and wanted else None


def _people(
    chosen: Iterable[str], added: str, people: Mapping[str, Addressee], field: str, problems: list[Problem]
) -> tuple[list[Addressee], list[str]]:
    """Those who were chosen or added, and the addresses among them that are new to the complaint."""
    found: dict[str, Addressee] = {}
    for address in map(fold_email, chosen):
        if address in people:
            found[address] = people[address]
        elif address:
            message = N_("%(address)s is none of the people of this complaint; add the address below if you mean it")
            problems.append(Problem(field, Sentence(message, {"address": clean(address, lines=False)[:80]})))
    more, others = addressees.typed(added)
    for each in more:
        found.setdefault(fold_email(each.address), people.get(fold_email(each.address), each))
    if others:
        message = N_("“%(text)s” is no e-mail address. Example: Lin <lin@example.com>")
        problems.append(Problem(field, Sentence(message, {"text": others[0]})))
    return list(found.values()), [address for address in found if address not in people]


def _files(
    session: Session, complaint: Complaint, chosen: Collection[str], problems: list[Problem]
) -> list[Attachment]:
    if not chosen:
        return []
    ids = [complaint.id, *off_board.merged_into(session, complaint.id)]
    own = select(Attachment).where(Attachment.id.in_({each[:32] for each in chosen}), Attachment.complaint_id.in_(ids))
    found = {file.id: file for file in session.scalars(own)}
    if len(found) < len({*chosen}):
        problems.append(Problem(FILES, Sentence(N_("One of the files is not on this complaint any more"))))
    size = sum(file.size for file in found.values())
    if size > LARGEST:
        message = N_("The files have %(size)s MB together; a mail may carry %(limit)s MB")
        values = {"size": f"{size / 1024 / 1024:.1f}", "limit": LARGEST // 1024 // 1024}
        problems.append(Problem(FILES, Sentence(message, values)))
    return [found[id_] for id_ in dict.fromkeys(chosen) if id_ in found]


def _record(
    session: Session, complaint: Complaint, checked: _Checked, *, by: Actor, at: datetime, context: Context
) -> int | None:
    """Write that the customer was told, where the reply is of a kind that is recorded; returns the row."""
    contact = of(complaint).contact
    if not checked.contact or contact is None:
        return None
    sheet = of(complaint).sheet(contact.sheet)
    assert sheet is not None
    said = {
        contact.kind: checked.contact, contact.on: at.astimezone(context.zone).date().isoformat(),
        contact.way: contact.way_mail, contact.text: _cut(checked.text, sheet.field(contact.text).limit),
    }  # fmt: skip
    if contact.person:
        people = addressees.listed([*checked.to, *checked.cc])
        said[contact.person] = _cut(people, sheet.field(contact.person).limit)
    if contact.expected and checked.expected:
        said[contact.expected] = checked.expected
    row = {key: [value] for key, value in said.items()}
    try:
        record = writing.write(session, complaint, contact.sheet, row, by=by, at=at, context=context)
    except Incomplete as refused:
        raise NotSent([Problem(CONTACT, each.sentence) for each in refused.problems[:1]]) from None
    except RecordRefused as refused:
        raise NotSent([Problem(CONTACT, each.sentence) for each in refused.missing[:1]]) from None
    assert record is not None
    return record.place


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _plain(people: Iterable[Addressee]) -> list[dict[str, str]]:
    return [{"address": each.address, "name": each.name} for each in people]


def _owe(
    session: Session,
    reply: Reply,
    begun: Begun,
    files: Sequence[Attachment],
    *,
    by: Actor,
    due_at: datetime,
    context: Context,
) -> int:
    """Owe the mail of a reply; returns its id. Mail programs keep a thread together by what it answers (RFC 5322,
    3.6.4): the customer's letter with all that went before it, or where there is none our own last reply."""
    answered = begun.answers
    chain: list[str] = []
    if answered is not None and answered.message_id:
        chain = [*answered.references[-MOST_REFERENCES:], answered.message_id]
    elif answered is None and (last := _last_mail(session, reply)) is not None:
        chain = [*last.references[-MOST_REFERENCES:], last.message_id]
    quoted = None
    if reply.quoted and answered is not None:
        who = Addressee(answered.from_address, answered.from_name)
        words = answered.own_words or answered.text
        quoted = {"at": answered.received_at.isoformat(), "who": str(who), "text": _cut(words, LONGEST_QUOTE)}
    first, *others = reply.recipients
    ours = answers_to(session, answered) if answered is not None else ""
    marked = ""
    if ours:
        marked = outbox.reply_address(
            context.secret, complaint_id=reply.complaint_id, recipient=first.address, address=ours
        )
    purpose = f"{KIND}:{reply.id}"
    outbox.owe(
        session, purpose=purpose, kind=KIND, recipient=first.address, also=[each.address for each in others],
        locale=begun.locale, at=reply.at, due_at=due_at, secret=context.secret, domain=context.domain,
        reply_to=marked, complaint_id=reply.complaint_id, author_id=by.id, references=chain,
        in_reply_to=chain[-1] if chain else "",
        values={
            "to": reply.to, "cc": reply.cc, "subject": reply.subject, "text": reply.text, "author": by.name,
            "quoted": quoted,
            "files": [{"name": each.filename, "type": each.content_type, "blob": each.blob} for each in files],
        },
    )  # fmt: skip
    return session.scalars(select(Outgoing.id).where(Outgoing.purpose == purpose)).one()


def _last_mail(session: Session, reply: Reply) -> Outgoing | None:
    query = select(Outgoing).join(Reply, Reply.outgoing_id == Outgoing.id)
    mine = Reply.complaint_id == reply.complaint_id, Reply.taken_back_at.is_(None), Reply.id != reply.id
    return session.scalar(query.where(*mine).order_by(Reply.id.desc()).limit(1))


# Afterwards


def find(session: Session, complaint: Complaint, reply_id: int) -> Reply:
    """A reply of this complaint; raises `NotFound`."""
    reply = session.scalar(select(Reply).where(Reply.id == reply_id, Reply.complaint_id == complaint.id))
    if reply is None:
        raise NotFound
    return reply


def take_back(
    session: Session, complaint: Complaint, reply_id: int, *, by: Actor, at: datetime, context: Context
) -> Reply:
    """Undo a reply that nobody has begun to send, in the caller's transaction, with what was recorded of it. Taking it
    back again changes nothing. Raises `NotFound`, `NotAllowed` and `OnItsWay`."""
    reply = _held(session, complaint, reply_id, by)
    if reply.taken_back_at is not None:
        return reply
    if reply.outgoing_id is None or not outbox.take_back(session, reply.outgoing_id):
        raise OnItsWay
    reply.taken_back_at = at
    session.execute(delete(Entry).where(Entry.outgoing_id == reply.outgoing_id))
    contact = of(complaint).contact
    if contact is not None and reply.contact_place is not None:
        writing.remove(session, complaint, contact.sheet, reply.contact_place, by=by, at=at, context=context)
    else:
        workflow.touch(session, complaint, at=at, seen_version=complaint.version)
    history.note(session, complaint.id, "reply_taken_back", by=by, at=at)
    session.flush()
    return reply


def again(
    session: Session, complaint: Complaint, reply_id: int, *, by: Actor, at: datetime, sure: bool = False
) -> None:
    """Have a reply tried once more that failed, or is in doubt and a person is `sure`, or for those whom the server
    refused; in the caller's transaction. Raises `NotFound`, `NotAllowed`, `Unsure` and `NothingToTry`."""
    reply = _held(session, complaint, reply_id, by)
    mail = session.get_one(Outgoing, reply.outgoing_id, populate_existing=True)
    if mail.state == "uncertain" and not sure:
        raise Unsure
    if not outbox.again(session, mail.id, at=at):
        raise NothingToTry
    history.note(session, complaint.id, "reply_again", by=by, at=at)


def _held(session: Session, complaint: Complaint, reply_id: int, by: Actor) -> Reply:
    workflow.hold(session, complaint)
    reply = find(session, complaint, reply_id)
    case = load(session, complaint)
    if not may_send(case, by):
        raise NotAllowed(who=RoleNames.of(case.rules, writers(case.rules)))
    return reply


def withheld(session: Session, row: Outgoing, *, at: datetime, zone: ZoneInfo, own: str) -> str:
    """Why a reply may not go out now, as a code (`WITHHELD`); empty when it may. Other mails may."""
    if row.kind != KIND:
        return ""
    reply = session.scalars(select(Reply).where(Reply.outgoing_id == row.id)).one()
    author = session.get_one(User, reply.author_id)
    if author.left_at is not None:
        return AUTHOR_LEFT
    by = actor_for(session, author, at.astimezone(zone).date())
    complaint = session.scalar(visible_to(by, select(Complaint).where(Complaint.id == reply.complaint_id)))
    if complaint is None:
        return NOT_VISIBLE
    if guards.holds_role(load(session, complaint), by, writers(of(complaint))) is None:
        return NOT_ALLOWED
    known = addressees.of(session, complaint, letters(session, complaint, also=reply.answers_id), own=own)
    return "" if all(each in known or each in reply.new for each in row.recipients) else NOBODY_HERE
