"""The conversation of a complaint on its page: a stretch of its transcript at a time, and what came in since.

The letters and mails of complaints that were merged into it are shown with its own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from flask import Blueprint, Flask, render_template, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import registration, replies, transcript
from complaints.complaint import Complaint, find, visible_to
from complaints.errors import NotFound
from complaints.history import Change
from complaints.letters import Attachment
from complaints.transcript import Event, LetterRead, MailRead, NoteRead, Place, Stretch
from webapp import letters, notes, timeline
from webapp.context import actor, now, zone
from webapp.database import db
from webapp.language import in_my_language
from webapp.records import Section, section

bp = Blueprint("conversation", __name__)
LETTER = ("whole", "formatted", "mend", "letter")
"""What in an address names a letter."""


@dataclass(frozen=True)
class Conversation:
    """A stretch as a page shows it. `older`: where the one before it begins; `end`: behind which newer things are;
    `newest`: does it reach up to now? `blocked`: letters that are shown in their own HTML, each with the number of
    pictures that were not loaded."""

    days: Sequence[timeline.Day]
    older: Place | None
    end: Place
    newest: bool = True
    blocked: Mapping[int, int] | None = None
    shown_day: date | None = None
    """The last day whose name the page shows already."""

    @property
    def last_day(self) -> date | None:
        return self.days[-1].date if self.days else self.shown_day


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/complaints/<number>/conversation")
def show(number: str) -> str | tuple[str, int] | Response:
    """The stretch that ends `before` a place, or what came in `after` one: nothing (204) if nothing did."""
    complaint = find(db.session(), number, actor())
    before, after = (Place.read(request.args.get(name, "")) for name in ("before", "after"))
    if after is not None:
        found = transcript.since(db.session(), letters.with_merged(complaint), after)
        if not found.events:
            return "", 204
        news = replace(_shown(complaint, section(complaint), found), shown_day=_day(request.args.get("day", "")))
        return _fragment("complaint/_arrivals.html", complaint, news)
    return _fragment("complaint/_stretch.html", complaint, conversation(complaint, section(complaint), before=before))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _fragment(template: str, complaint: Complaint, shown: Conversation) -> str:
    today = now().astimezone(zone()).date()
    return render_template(template, complaint=complaint, conversation=shown, today=today, fragment=True)


@bp.get("/complaints/<number>/mails/<int(max=9007199254740991):mail_id>")
def mail(number: str, mail_id: int) -> str | tuple[str, int]:
    """A mail of ours as far as it got; nothing (204) as long as it is in the state that the page `?shown=`s."""
    complaint = find(db.session(), number, actor())
    ids = letters.with_merged(complaint)
    found = transcript.mail_read(db.session(), ids, mail_id)
    if found is None or not isinstance(found.thing, MailRead):
        raise NotFound
    if request.args.get("shown") == found.thing.mail.state:
        return "", 204
    (item,) = _items(complaint, section(complaint), [found])
    template = "complaint/_reply.html" if found.thing.reply else "complaint/_outgoing.html"
    return render_template(template, complaint=complaint, item=item)


def conversation(complaint: Complaint, work: Section, *, before: Place | None = None) -> Conversation:
    """The newest stretch of a conversation, or the one that ends at a place."""
    ids = [complaint.id, *work.merged]
    return _shown(complaint, work, transcript.read(db.session(), ids, before), newest=before is None)


def asked_for(complaint: Complaint, work: Section) -> Conversation:
    """The stretch that the address of a page asks for: `?before=` a place, or the one with a letter (`?whole=`,
    `?formatted=`, `?mend=`, `?letter=`)."""
    if before := Place.read(request.args.get("before", "")):
        return conversation(complaint, work, before=before)
    ids = [complaint.id, *work.merged]
    letter_id = next((given for name in LETTER if (given := request.args.get(name, type=int))), 0)
    newest = transcript.read(db.session(), ids)
    shown = {event.thing.letter.id for event in newest.events if isinstance(event.thing, LetterRead)}
    if 0 < letter_id < 2**53 and letter_id not in shown and (place := transcript.up_to(db.session(), ids, letter_id)):
        return _shown(complaint, work, transcript.read(db.session(), ids, place), newest=False)
    return _shown(complaint, work, newest)


def _shown(complaint: Complaint, work: Section, stretch: Stretch, *, newest: bool = True) -> Conversation:
    items = _items(complaint, work, stretch.events)
    if stretch.older is None and complaint.content and stretch.unwritten:
        who = complaint.contact_person or registration.entry_of(db.session(), complaint)["customer"]
        noted_by = work.names.people.get(complaint.received_by_id or 0, "Redress")
        items.append(timeline.Said(complaint.received_at, timeline.linked(complaint.content), who, noted_by))
    as_html = request.args.get("formatted", type=int)
    blocked = {
        item.letter.id: letters.blocked_pictures(item.letter, item.attachments)
        for item in items
        if isinstance(item, timeline.LetterShown) and item.letter.id == as_html
    }
    return Conversation(timeline.days(items, zone=zone()), stretch.older, stretch.end, newest, blocked)


def _items(complaint: Complaint, work: Section, events: Sequence[Event]) -> list[timeline.Item]:
    """The things of a transcript as the reader sees them."""
    numbers, files = _numbers(work.merged), work.names.files
    whole = request.args.get("whole", type=int)
    items: list[timeline.Item] = []
    changes: list[Change] = []
    for event in events:
        match event.thing:
            case LetterRead(letter=letter) as read:
                own = sorted((each for each in files.values() if each.letter_id == letter.id), key=_place)
                number = numbers.get(letter.complaint_id or 0, "")
                splits = actor().sees_all and read.splits and letter.complaint_id == complaint.id
                said = timeline.words(letter.text, letter.folds, subject=letter.subject, whole=letter.id == whole)
                acts = actor().sees_all and request.args.get("mend", type=int) == letter.id
                items.append(timeline.LetterShown(letter, said, own, number, splits, read.formatted, acts))
            case NoteRead() as note:
                items.append(notes.shown(note, complaint, numbers, work.names.people))
            case MailRead(mail=mail, reply=None, rendered=rendered):
                items.append(timeline.mail(mail, rendered, numbers.get(mail.complaint_id or 0, "")))
            case MailRead() as mail:
                items.append(_reply(mail, work, files, numbers))
            case Change() as change:
                changes.append(change)
    told = _told(changes, work)
    items += [spoken for spoken in told.values() if not _mailed(spoken, events)]
    changes = [each for each in changes if each.position not in told]
    seen = _seen(timeline.mentioned(changes))
    return items + timeline.lines(changes, rules=work.case.rules, names=work.names, seen=seen)


def _told(changes: Sequence[Change], work: Section) -> dict[int, timeline.Spoken]:
    """What a customer was told and somebody wrote down, by the place of the change."""
    contact, found = work.case.rules.contact, dict[int, timeline.Spoken]()
    sheet = work.case.rules.sheet(contact.sheet) if contact else None
    if contact is None or sheet is None:
        return found
    for change in changes:
        changed = change.values.get("changed", {})
        if change.act != "recorded" or change.values.get("sheet") != sheet.key or changed.get(contact.way, "x")[0]:
            continue  # no row that was begun
        said = {key: after for key, (_, after) in changed.items()}
        kinds = [work.names.text(sheet.field(key), said.get(key)) for key in (contact.way, contact.kind)]
        found[change.position] = timeline.Spoken(
            change.at, work.names.people.get(change.by_id or 0, "Redress"),
            "mail" if said.get(contact.way) == contact.way_mail else "phone", " · ".join(filter(None, kinds)),
            str(said.get(contact.person) or "") if contact.person else "",
            timeline.linked(str(said.get(contact.text) or "")),
        )  # fmt: skip
    return found


def _mailed(spoken: timeline.Spoken, events: Sequence[Event]) -> bool:
    """Did a reply of the same instant say it?"""
    replied = [e.thing.reply for e in events if isinstance(e.thing, MailRead) and e.thing.reply is not None]
    return any(reply.at == spoken.at and reply.contact for reply in replied)


def _reply(read: MailRead, work: Section, files: Mapping[str, Attachment], numbers: Mapping[int, str]) -> timeline.Item:
    reply = read.reply
    assert reply is not None
    contact = work.case.rules.contact
    sheet = work.case.rules.sheet(contact.sheet) if contact else None
    known = sheet.field(contact.kind).choices if contact and sheet else {}
    number = numbers.get(reply.complaint_id, "")
    return timeline.ReplyShown(
        reply, read.mail, work.names.people.get(reply.author_id, "Redress"), timeline.words(reply.text, whole=True),
        [files[each] for each in reply.attachments if each in files],
        in_my_language(known[reply.contact]) if reply.contact in known else reply.contact,
        not number and replies.may_send(work.case, actor()), number,
    )  # fmt: skip


def _place(file: Attachment) -> tuple[int, str]:
    """Where a file stood in its letter."""
    return file.position, file.id


def _numbers(ids: Collection[int]) -> dict[int, str]:
    """The numbers of complaints by id, as far as the reader may see them."""
    if not ids:
        return {}
    query = select(Complaint.id, Complaint.number).where(Complaint.id.in_(ids))
    return {row.id: row.number for row in db.session.execute(visible_to(actor(), query))}


def _seen(numbers: Collection[str]) -> Collection[str]:
    """Those of some numbers whose complaints the reader may see."""
    query = select(Complaint.number).where(Complaint.number.in_(numbers))
    return set(db.session.scalars(visible_to(actor(), query))) if numbers else ()
