"""The timeline of a complaint: letters, our mails and what happened, in one order and in the reader's language.

Everything a customer wrote is text here: escaped first, then given links (http, https and mailto, nothing else). The
sentences for the history are in one table; an act that is not in it is shown by its code, never hidden.
"""

import email
import email.policy
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext
from markupsafe import Markup, escape

from complaints.clocks import named
from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS
from complaints.errors import N_, Name, Sentence
from complaints.history import Change
from complaints.letters import Attachment, Letter
from complaints.notes import NOTED, Note
from complaints.outbox import Outgoing
from complaints.papers import EDITIONS, FORMAT_NAMES
from complaints.people import ROLES
from complaints.procedure import Procedure, Sheet, newest
from complaints.registration import DATES, NAMES
from complaints.replies import WITHHELD as WITHHELD_REPLIES
from complaints.replies import Reply
from intake import quoting
from webapp.language import day, in_my_language, lang_of, moment, sentence
from webapp.values import Names, listed

SHOWN = 20_000
"""Characters of a letter that a page shows before it says that there is more."""
NAMED = 3
OTHERS = ("number", "into")
"""What a change calls the number of another complaint."""

SENTENCES: Mapping[str, tuple[str, str]] = {
    "drafted": ("file", N_("%(who)s noted it: %(channel)s")),
    "drafted_email": ("mail", N_("Draft opened from mail")),
    "drafted_by_hand": ("mail", N_("%(who)s made a draft of a mail")),
    "entered": ("note", N_("%(who)s changed the entry: %(fields)s")),
    "registered": ("flag", N_("%(who)s registered it under %(register_no)s")),
    "moved": ("move", N_("%(who)s moved it from %(before)s to %(after)s")),
    "moved_round": ("repeat", N_("%(who)s moved it from %(before)s back to %(after)s, for round %(round)s")),
    "undone": ("undo", N_("%(who)s took the move back: %(after)s")),
    "due_moved": (
        "calendar",
        N_("By the calendar that %(who)s accepted, “%(clock)s” is due on %(now_due)s, not on %(was_due)s"),
    ),
    "due_entered": (
        "clock",
        N_("By what %(who)s entered, “%(clock)s” is due on %(now_due)s, not on %(was_due)s"),
    ),
    "procedure_chosen": ("sliders", N_("%(who)s chose another procedure: %(procedure)s")),
    "recorded": ("note", N_("%(who)s wrote in “%(sheet)s”: %(fields)s")),
    "row_removed": ("trash", N_("%(who)s took a row out of “%(sheet)s”")),
    "file_added": ("clip", N_("%(who)s added a file: %(name)s")),
    "printed": ("print", N_("%(who)s made “%(paper)s” (%(edition)s), revision %(revision)s")),
    "printed_as": ("print", N_("%(who)s made “%(paper)s” (%(edition)s), revision %(revision)s, as %(format)s")),
    "signed": ("sign", N_("%(who)s signed as %(role)s: %(signature)s")),
    "returned": ("undo", N_("%(who)s returned it as %(role)s: %(signature)s")),
    "signature_voided": ("x", N_("%(signature)s does not stand any more, because what it covers was changed")),
    "investigation_joined": ("link", N_("%(who)s joined it to the investigation of %(number)s")),
    "investigation_shared": ("link", N_("%(who)s joined %(number)s to its investigation")),
    "linked:duplicate_of": ("merge", N_("%(who)s linked it as a duplicate of %(number)s")),
    "linked:duplicated_by": ("merge", N_("%(who)s linked %(number)s as its duplicate")),
    "linked:recurrence_of": ("repeat", N_("%(who)s linked it as a recurrence of %(number)s")),
    "linked:recurs_in": ("repeat", N_("%(who)s linked %(number)s as its recurrence")),
    "linked:opened": ("box", N_("%(who)s opened %(number)s")),
    "linked:opened_by": ("box", N_("%(who)s opened it because of %(number)s")),
    "linked:related": ("link", N_("%(who)s linked it with %(number)s")),
    "unlinked": ("x", N_("%(who)s removed the link to %(number)s: %(reason)s")),
    "round_shared": ("repeat", N_("%(who)s began round %(round)s of its investigation with %(number)s")),
    "replied_promising": (
        "alert",
        N_("%(who)s answered the customer, and meant it before it was decided: %(promised)s"),
    ),
    "reply_taken_back": ("undo", N_("%(who)s took a reply back before it was sent")),
    "reply_again": ("refresh", N_("%(who)s had a reply tried again")),
    "notified": ("users", N_("Notified: %(departments)s")),
    "passed_on": ("send", N_("%(who)s passed it on to %(receivers)s: %(reason)s")),
    "assigned": ("user", N_("%(who)s named %(to)s: %(role)s")),
    "handed_over": ("user", N_("%(who)s handed it over to %(to)s: %(role)s")),
    "letter_joined": ("mail", N_("The customer wrote again")),
    "letter_joined_closed": ("mail", N_("The customer wrote again after the complaint was closed")),
    "clock_paused": ("clock", N_("%(who)s paused the clock “%(clock)s”: %(reason)s")),
    "clock_ran_on": ("clock", N_("%(who)s let the clock “%(clock)s” run on")),
    "clock_answered": ("clock", N_("The customer answered; the clock “%(clock)s” runs on")),
    "clock_backdated": ("clock", N_("%(who)s entered that “%(clock)s” was done on %(done)s: %(reason)s")),
    "read": ("eye", N_("%(who)s read what the customer wrote")),
    "letter_joined_by_hand": ("link", N_("%(who)s put a letter on it")),
    "split_off": ("link", N_("%(who)s made a letter a draft of its own: %(number)s")),
    "split_from": ("link", N_("%(who)s took it off %(number)s")),
    "sender_confirmed": ("user", N_("%(who)s confirmed the sender: %(sender)s")),
    "reread": ("refresh", N_("%(who)s had a letter read again, characters: %(charset)s")),
    "not_complaint": ("x", N_("%(who)s decided that it is no complaint: %(reason)s")),
    "answered": ("reply", N_("%(who)s answered it: %(answer)s")),
    "answer_handed_over": ("user", N_("%(who)s asked %(to)s to answer it")),
    "merged": ("merge", N_("%(who)s merged it into %(into)s")),
    "withdrawn": ("undo", N_("%(who)s noted that the customer withdrew it: %(reason)s")),
    "merged_in": ("merge", N_("%(who)s merged %(number)s into it")),
    "merge_undone": ("undo", N_("%(who)s took %(number)s out of it again")),
    "brought_back": ("undo", N_("%(who)s brought it back to %(after)s")),
    "bounce": ("alert", N_("Our mail to %(recipient)s could not be delivered: %(status)s")),
    "delay": ("clock", N_("Our mail to %(recipient)s is late; the mail server still tries")),
    "receipt": ("eye", N_("A receipt came: our mail was shown")),
    "feedback": ("alert", N_("A provider reports that our mail was marked as unwanted")),
    "loop": ("repeat", N_("Two programs answered each other; the loop was cut")),
}
"""An icon and a sentence for each act of the history."""

WITHHELD: Mapping[str, str] = {
    "no_sender": N_("no acknowledgement, because the mail names no sender"),
    "list": N_("no acknowledgement, because it came through a list"),
    "failed_verdict": N_("no acknowledgement, because the sender may be forged"),
    "from_staff": N_("no acknowledgement, because a colleague sent it on"),
    "backlog": N_("no acknowledgement, because it comes from the backlog"),
    "automatic": N_("no acknowledgement, because a machine passed it on"),
    "confirmation": N_("no acknowledgement, because it looks like a sign-up at some service"),
    "too_old": N_("no acknowledgement, because the mail is older than three days"),
    "sender_cap": N_("no acknowledgement, because this sender got several within the hour"),
    "domain_cap": N_("no acknowledgement, because many mails came from there within the hour"),
    "system_cap": N_("no acknowledgement, because too many mails came within the hour"),
}

PLACES = re.compile(r"%\((\w+)\)s")
LINK = re.compile(r"(?:https?://|mailto:)[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE)


@dataclass(frozen=True)
class Passage:
    """A stretch of a text: the writer's own words (`own`), what is `quoted` from before, or the `signature`."""

    kind: str
    words: Markup
    lines: int


@dataclass(frozen=True)
class Words:
    """A text as a page shows it, passage by passage."""

    passages: Sequence[Passage]
    cut: int
    """Characters that are not shown."""


@dataclass(frozen=True)
class LetterShown:
    """A letter from the customer."""

    letter: Letter
    words: Words
    attachments: Sequence[Attachment]
    number: str = ""
    """The complaint that it was on before that was merged into this one."""
    splits: bool = False
    """May it become a draft of its own?"""
    formatted: bool = False
    """Does it have HTML of its own?"""
    acts: bool = False
    """Did the reader ask for what puts it right?"""
    kind: str = "letter"

    @property
    def at(self) -> datetime:
        return self.letter.received_at

    @property
    def who(self) -> str:
        return self.letter.from_name or self.letter.from_address


@dataclass(frozen=True)
class Said:
    """What a customer said to one of us, as it was noted."""

    at: datetime
    words: Markup
    who: str
    noted_by: str
    kind: str = "said"


@dataclass(frozen=True)
class Spoken:
    """What one of us told a customer otherwise than by a mail from here: by phone, on a visit, in a letter."""

    at: datetime
    who: str
    icon: str
    told: str
    person: str
    words: Markup
    kind: str = "spoken"


@dataclass(frozen=True)
class MailShown:
    """A mail of ours, as far as it is rendered."""

    outgoing: Outgoing
    subject: str
    text: Markup
    number: str = ""
    kind: str = "mail"

    @property
    def at(self) -> datetime:
        return self.outgoing.created_at


@dataclass(frozen=True)
class NoteShown:
    """A note among colleagues: who wrote it, the time of the one that it corrects, and the newest that corrects it."""

    note: Note
    who: str
    words: Markup
    corrects_at: datetime | None
    corrected_by: Note | None
    may_correct: bool
    number: str = ""
    kind: str = "note"

    @property
    def at(self) -> datetime:
        return self.note.at


@dataclass(frozen=True)
class Line:
    """Something that happened."""

    at: datetime
    icon: str
    text: Markup
    changes: Sequence[tuple[str, str, str]] = ()
    kind: str = "line"

    def only(self, name: str) -> "Line":
        """The same of one field."""
        return replace(self, changes=[each for each in self.changes if each[0] == name])


@dataclass(frozen=True)
class ReplyShown:
    """What one of us wrote to the customer. `contact` is what it was recorded as; `may_act`: may the reader take it
    back, or have it tried again?"""

    reply: Reply
    outgoing: Outgoing
    who: str
    words: Words
    attachments: Sequence[Attachment]
    contact: str
    may_act: bool
    number: str = ""
    kind: str = "reply"

    @property
    def at(self) -> datetime:
        return self.reply.at

    @property
    def may_be_taken_back(self) -> bool:
        return self.may_act and self.outgoing.state == "pending" and not self.outgoing.attempts

    @property
    def may_be_tried(self) -> bool:
        mail = self.outgoing
        return self.may_act and (mail.state in ("failed", "uncertain") or (mail.state == "sent" and bool(mail.refused)))

    @property
    def error(self) -> str:
        """Why it did not go, in the reader's language where we know."""
        said = self.outgoing.error or ""
        return gettext(WITHHELD_REPLIES[said]) if said in WITHHELD_REPLIES else said


Item = LetterShown | Said | Spoken | MailShown | ReplyShown | NoteShown | Line


@dataclass(frozen=True)
class Day:
    """One day of the timeline: runs of items of one kind, oldest first."""

    date: date
    runs: list[tuple[str, list[Item]]] = field(default_factory=list)


def days(items: Iterable[Item], *, zone: ZoneInfo) -> list[Day]:
    """Items by local day, oldest first."""
    order = {"letter": 0, "said": 0, "spoken": 0, "line": 1, "mail": 2, "reply": 2, "note": 3}
    ordered = sorted(items, key=lambda item: (item.at, order[item.kind]))
    return [
        Day(each, [(kind, list(run)) for kind, run in groupby(group, key=lambda item: item.kind)])
        for each, group in groupby(ordered, key=lambda item: item.at.astimezone(zone).date())
    ]


def linked(text: str) -> Markup:
    """Plain text as markup: everything escaped, addresses made links."""
    parts: list[Markup] = []
    end = 0
    for found in LINK.finditer(text):
        address = _without_tail(found[0])
        parts.append(escape(text[end : found.start()]))
        parts.append(Markup('<a href="{0}" target="_blank" rel="noopener noreferrer nofollow">{0}</a>').format(address))
        end = found.start() + len(address)
    parts.append(escape(text[end:]))
    return Markup("").join(parts)


def _without_tail(address: str) -> str:
    """An address without the punctuation of the sentence it ends."""
    while address and (address[-1] in ".,;:!?'" or (address[-1] == ")" and address.count("(") < address.count(")"))):
        address = address[:-1]
    return address


def words(text: str, folds: Sequence[Sequence[Any]] = (), *, subject: str = "", whole: bool = False) -> Words:
    """A text for a page, its `folds` ([start, end, kind], in order) apart, cut when it is very long and not asked for
    whole. Letters that came before folds were kept are looked through now."""
    shown = text if whole else text[:SHOWN]
    found = () if folds else quoting.folds(shown, subject=subject, answers=quoting.may_answer(subject))
    spans = folds or [(fold.start, fold.end, fold.kind) for fold in found]
    passages: list[Passage] = []
    at = 0
    for start, end, kind in [*spans, (len(shown), len(shown), "")]:
        passages += _passage("own", shown[at:start])
        passages += _passage(kind, shown[start:end])
        at = end
    return Words(passages, len(text.rstrip("\n")) - len(shown) if len(text) > len(shown) else 0)


def _passage(kind: str, text: str) -> list[Passage]:
    text = text.strip("\n")
    return [Passage(kind, linked(text), text.count("\n") + 1)] if text.strip() else []


def enclosed_date(text: str) -> Markup | str:
    """The date of a mail inside another, as far as it can be read."""
    try:
        return moment(datetime.fromisoformat(text))
    except ValueError:
        return text


def mail(outgoing: Outgoing, rendered: bytes | None, number: str = "") -> MailShown:
    """A mail of ours with its words, once it has been rendered; `number` as for letters."""
    if not rendered:
        return MailShown(outgoing, "", Markup(""), number)
    message = email.message_from_bytes(rendered, policy=email.policy.default)
    body = message.get_body(("plain",))
    text = body.get_content().strip() if body is not None else ""
    return MailShown(outgoing, str(message["Subject"] or ""), linked(text), number)


def mentioned(changes: Iterable[Change]) -> set[str]:
    """The numbers of other complaints that a history tells."""
    return {str(each.values[key]) for each in changes for key in OTHERS if each.values.get(key)}


def lines(changes: Sequence[Change], *, rules: Procedure, names: Names, seen: Collection[str]) -> list[Line]:
    """The history as sentences. What registering did besides, the entry and the move, is told with the registration,
    and replies and notes stand there themselves; of other complaints only those numbers, and the reasons with them,
    that the reader may see (`seen`)."""
    registered = {change.at for change in changes if change.act == "registered"}
    entered = {change.at: change.values for change in changes if change.act == "entered" and change.at in registered}
    return [
        _line(change, rules, names, seen, entered.get(change.at, {}) if change.act == "registered" else {})
        for change in changes
        if change.act != NOTED
        and not (change.act in ("moved", "entered") and change.at in registered)
        and not (change.act == "replied" and "promised" not in change.values)
    ]


def line(change: Change, *, rules: Procedure, names: Names, seen: Collection[str]) -> Line:
    """A change by itself as a sentence; see `lines`."""
    return _line(change, rules, names, seen, {})


def _line(change: Change, rules: Procedure, names: Names, seen: Collection[str], more: dict[str, Any]) -> Line:
    values = change.values | more
    icon, message = SENTENCES.get(_variant(change, values), ("dot", N_("%(who)s: %(act)s")))
    hidden = any(values.get(key) and values[key] not in seen for key in OTHERS)
    text = _bold(gettext(message), lambda place: _told(place, change, values, rules, names, seen, hidden))
    if (said := _said(values)) and not hidden:
        text += Markup(": <q{}>{}</q>").format(lang_of(said), said)
    if values.get("withheld") in WITHHELD:
        text += Markup("; ") + gettext(WITHHELD[values["withheld"]])
    sheet = rules.sheet(values.get("sheet", ""))
    return Line(change.at, icon, text, _changes(values.get("changed", {}), rules, sheet, names))


def _told(
    place: str,
    change: Change,
    values: Mapping[str, Any],
    rules: Procedure,
    names: Names,
    seen: Collection[str],
    hidden: bool,
) -> str:
    """What stands in a place of the sentence on a change. `hidden`: it names a complaint that the reader may not see,
    and what was said of it may tell what it is."""
    value = values.get(place)
    match place:
        case "who":
            return str(names.people.get(change.by_id or 0, "Redress"))
        case "act":
            return change.act
        case "reason" if hidden:
            return str(gettext("not shown"))
        case "number" | "into":
            return str(value if value in seen else gettext("another complaint"))
        case "before" | "after":
            return _stage(rules, value)
        case "promised":
            return listed(f"“{word}”" for word in value or ())
        case "channel":
            return _named(CHANNELS, value)
        case "departments":
            return _departments(value or (), names)
        case "receivers":
            departments = _departments(values.get("departments", ()), names)
            return listed(each for each in (*values.get("users", ()), departments) if each)
        case "fields":
            sheet = rules.sheet(values.get("sheet", ""))
            return _few([_field(sheet, key) for key in values.get("changed", {})])
        case "sender":
            return " ".join(str(values[key]) for key in ("name", "address") if values.get(key))
        case "charset":
            return str(value or gettext("as it came"))
        case "recipient":
            return str(value or gettext("the customer"))
        case "status":
            return str(values.get("said") or value or gettext("no reason given"))
        case "sheet":
            sheet = rules.sheet(value or "")
            return in_my_language(sheet.name) if sheet else str(value or "")
        case "signature":
            signature = rules.signature(value or "")
            return in_my_language(signature.name) if signature else str(value or "")
        case "role":
            return _named(ROLES, value)
        case "clock":
            return in_my_language(named(value or "", rules))
        case "was_due" | "now_due" | "done":
            return moment(datetime.fromisoformat(value)) if value else ""
        case "procedure":
            return _procedure(values.get("after"))
        case "paper":
            return _named({each.key: each.name for each in rules.papers}, value)
        case "format":
            return FORMAT_NAMES.get(value or "", "")
        case "edition":
            edition = EDITIONS.get(value or "")
            return str(gettext(edition)) if edition else ""
        case _:
            return str(value or "")


def _departments(keys: Iterable[str], names: Names) -> str:
    known = {each.key: each.name for each in names.departments.values()}
    return listed(_named(known, key) for key in keys)


def _said(values: Mapping[str, Any]) -> str:
    """What somebody said when they moved, signed or returned it."""
    said = values.get("said")
    return "; ".join(said.values()) if isinstance(said, dict) else str(values.get("remark") or "")


def _procedure(key: str | None) -> str:
    return _named({each.key: each.name for each in newest()}, key)


def _changes(
    changed: Mapping[str, Sequence[Any]], rules: Procedure, sheet: Sheet | None, names: Names
) -> list[tuple[str, str, str]]:
    """What stood in the fields before and after."""
    if sheet is None:
        return [
            (field_name(key), _shown(rules, key, before), _shown(rules, key, after))
            for key, (before, after) in changed.items()
        ]
    known = {each.key: each for each in sheet.fields}
    return [
        (_field(sheet, key), names.text(known[key], before), names.text(known[key], after))
        for key, (before, after) in changed.items()
        if key in known
    ]


def _field(sheet: Sheet | None, key: str) -> str:
    """The name of a field of a record, or of the register entry."""
    if sheet is None:
        return field_name(key)
    return next((in_my_language(each.name) for each in sheet.fields if each.key == key), key)


def _variant(change: Change, values: Mapping[str, Any]) -> str:
    """Some acts are told differently by how they came about."""
    if change.act == "moved" and values.get("round"):
        return "moved_round"
    if change.act == "drafted" and values.get("by_hand"):
        return "drafted_by_hand"
    if change.act == "drafted" and values.get("channel") == "email":
        return "drafted_email"
    if change.act == "replied":
        return "replied_promising"
    if change.act == "printed" and values.get("format") in FORMAT_NAMES:
        return "printed_as"
    if change.act == "letter_joined" and change.by_id is not None:
        return "letter_joined_by_hand"
    if change.act == "letter_joined" and values.get("closed"):
        return "letter_joined_closed"
    return change.act


def _bold(message: str, told: Callable[[str], str]) -> Markup:
    """A sentence whose values stand out; only those are asked for that it has a place for."""
    values = {place: told(place) for place in PLACES.findall(message)}
    return escape(message) % {
        place: Markup("<b{}>{}</b>").format(lang_of(value), value) for place, value in values.items()
    }


def field_name(key: str, rules: Procedure | None = None) -> str:
    """The name of a field of the register entry in the reader's language; by some rules it has another."""
    if rules is not None and key in rules.entry:
        return in_my_language(rules.entry[key])
    return sentence(Sentence(NAMES.get(key, key)))


def _shown(rules: Procedure, key: str, value: str) -> str:
    choices: Mapping[str, Mapping[str, Name]] = {
        "channel": CHANNELS, "cause_type": CAUSE_TYPES, "link": LINKS, "complaint_class": rules.classes,
    }  # fmt: skip
    if key in DATES and value:
        return day(date.fromisoformat(value))
    return _named(choices[key], value) if key in choices else value


def _named(names: Mapping[str, Name], key: str | None) -> str:
    return in_my_language(names[key]) if key is not None and key in names else key or ""


def _stage(rules: Procedure, key: str | None) -> str:
    return _named({stage.key: stage.name for stage in (*rules.stages, *rules.outcomes)}, key)


def _few(names: Sequence[str]) -> str:
    """Some names, and how many more."""
    if len(names) <= NAMED + 1:
        return listed(names)
    rest = len(names) - NAMED
    return str(gettext("%(names)s and %(count)s more", names=listed(names[:NAMED]), count=rest))
