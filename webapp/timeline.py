"""The timeline of a complaint: letters, our mails and what happened, in one order and in the reader's language.

Everything a customer wrote is text here: escaped first, then given links (http, https and mailto, nothing else). The
sentences for the history are in one table; an act that is not in it is shown by its code, never hidden.
"""

import email
import email.policy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext
from markupsafe import Markup, escape

from complaints.complaint import CAUSE_TYPES, CHANNELS, LINKS
from complaints.errors import N_, Name, Sentence
from complaints.history import Change
from complaints.letters import Attachment, Letter
from complaints.outbox import Outgoing
from complaints.procedure import Procedure
from complaints.registration import NAMES
from webapp.language import in_my_language, lang_of, locale, sentence

SHOWN = 20_000
"""Characters of a letter that a page shows before it says that there is more."""
NAMED = 3

SENTENCES: Mapping[str, tuple[str, str]] = {
    "drafted": ("file", N_("%(who)s noted it: %(channel)s")),
    "drafted_email": ("mail", N_("Draft opened from mail")),
    "entered": ("note", N_("%(who)s changed the entry: %(fields)s")),
    "registered": ("flag", N_("%(who)s registered it under %(register_no)s")),
    "moved": ("move", N_("%(who)s moved it from %(before)s to %(after)s")),
    "notified": ("users", N_("Notified: %(departments)s")),
    "letter_joined": ("mail", N_("The customer wrote again")),
    "bounce": ("alert", N_("A mail server reports that our mail could not be delivered")),
    "receipt": ("eye", N_("A receipt came: our mail was shown")),
}
"""An icon and a sentence for each act of the history."""

WITHHELD: Mapping[str, str] = {
    "no_sender": N_("no acknowledgement, because the mail names no sender"),
    "list": N_("no acknowledgement, because it came through a list"),
    "failed_verdict": N_("no acknowledgement, because the sender may be forged"),
    "too_old": N_("no acknowledgement, because the mail is older than three days"),
    "sender_cap": N_("no acknowledgement, because this sender got several within the hour"),
    "domain_cap": N_("no acknowledgement, because many mails came from there within the hour"),
    "system_cap": N_("no acknowledgement, because too many mails came within the hour"),
}

LINK = re.compile(r"(?:https?://|mailto:)[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.IGNORECASE)
REPLY_HEAD = re.compile(
    r"\s*(?:On\b.{3,150}\bwrote:|在.{3,150}写道[：:]|.{3,100}于.{3,60}写道[：:]"
    r"|-{2,}\s*(?:Original Message|原始邮件).{0,40})\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Words:
    """A text as a page shows it: the writer's own part, and what it quotes from before."""

    own: Markup
    quoted: Markup
    quoted_lines: int
    cut: int
    """Characters that are not shown."""


@dataclass(frozen=True)
class LetterShown:
    """A letter from the customer."""

    letter: Letter
    words: Words
    attachments: Sequence[Attachment]
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
    kind: str = "said"


@dataclass(frozen=True)
class MailShown:
    """A mail of ours, as far as it is rendered."""

    outgoing: Outgoing
    subject: str
    text: Markup
    kind: str = "mail"

    @property
    def at(self) -> datetime:
        return self.outgoing.sent_at or self.outgoing.created_at


@dataclass(frozen=True)
class Line:
    """Something that happened."""

    at: datetime
    icon: str
    text: Markup
    changes: Sequence[tuple[str, str, str]] = ()
    kind: str = "line"


Item = LetterShown | Said | MailShown | Line


@dataclass(frozen=True)
class Day:
    """One day of the timeline: runs of items of one kind, oldest first."""

    date: date
    runs: list[tuple[str, list[Item]]] = field(default_factory=list)


def days(items: Iterable[Item], *, zone: ZoneInfo) -> list[Day]:
    """Items by local day, oldest first."""
    order = {"letter": 0, "said": 0, "line": 1, "mail": 2}
    ordered = sorted(items, key=lambda item: (item.at, order[item.kind]))
    return [
        Day(day, [(kind, list(run)) for kind, run in groupby(group, key=lambda item: item.kind)])
        for day, group in groupby(ordered, key=lambda item: item.at.astimezone(zone).date())
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


def words(text: str, *, whole: bool = False) -> Words:
    """A text for a page: own words and quotation apart, cut when it is very long and not asked for whole."""
    text = text.strip("\n")
    shown = text if whole else text[:SHOWN]
    own, quoted = _apart(shown)
    return Words(linked(own), linked(quoted), quoted.count("\n") + 1 if quoted else 0, len(text) - len(shown))


def _apart(text: str) -> tuple[str, str]:
    """The writer's own words, and the quotation that follows them to the end. Nothing is quoted unless something
    stands above it."""
    lines = text.split("\n")
    start = next((n for n, line in enumerate(lines) if len(line) < 400 and REPLY_HEAD.fullmatch(line)), None)
    if start is None:
        start = len(lines)
        while start and (not lines[start - 1].strip() or lines[start - 1].lstrip().startswith(">")):
            start -= 1
        if not any(line.strip() for line in lines[start:]):
            start = len(lines)
    own, quoted = "\n".join(lines[:start]).rstrip(), "\n".join(lines[start:]).strip("\n")
    return (own, quoted) if own.strip() else (text, "")


def mail(outgoing: Outgoing) -> MailShown:
    """A mail of ours with its words, once it has been rendered."""
    if not outgoing.rendered:
        return MailShown(outgoing, "", Markup(""))
    message = email.message_from_bytes(outgoing.rendered, policy=email.policy.default)
    body = message.get_body(("plain",))
    text = body.get_content().strip() if body is not None else ""
    return MailShown(outgoing, str(message["Subject"] or ""), linked(text))


def lines(
    changes: Sequence[Change], *, rules: Procedure, people: Mapping[int, str], departments: Mapping[str, Name]
) -> list[Line]:
    """The history as sentences. What registering did besides, the entry and the move, is told with the registration."""
    registered = {change.at for change in changes if change.act == "registered"}
    entered = {change.at: change.values for change in changes if change.act == "entered" and change.at in registered}
    return [
        _line(change, rules, people, departments, entered.get(change.at, {}) if change.act == "registered" else {})
        for change in changes
        if not (change.act in ("moved", "entered") and change.at in registered)
    ]


def _line(
    change: Change, rules: Procedure, people: Mapping[int, str], departments: Mapping[str, Name], more: dict[str, Any]
) -> Line:
    values = change.values | more
    act = "drafted_email" if change.act == "drafted" and values.get("channel") == "email" else change.act
    icon, message = SENTENCES.get(act, ("dot", N_("%(who)s: %(act)s")))
    told: dict[str, Any] = {"who": people.get(change.by_id or 0, "Redress"), "act": change.act}
    if act == "drafted":
        told["channel"] = _named(CHANNELS, values.get("channel"))
    elif act == "registered":
        told["register_no"] = values.get("register_no") or ""
    elif act == "moved":
        told |= {key: _stage(rules, values.get(key)) for key in ("before", "after")}
    elif act == "notified":
        told["departments"] = _listed(_named(departments, key) for key in values.get("departments", ()))
    elif act == "entered":
        told["fields"] = _few([field_name(key) for key in values.get("changed", {})])
    text = _bold(gettext(message), told)
    if values.get("withheld") in WITHHELD:
        text += Markup("; ") + gettext(WITHHELD[values["withheld"]])
    changes = [
        (field_name(key), _shown(rules, key, before), _shown(rules, key, after))
        for key, (before, after) in values.get("changed", {}).items()
    ]
    return Line(change.at, icon, text, changes)


def _bold(message: str, values: Mapping[str, str]) -> Markup:
    """A sentence whose values stand out."""
    return escape(message) % {key: Markup("<b{}>{}</b>").format(lang_of(value), value) for key, value in values.items()}


def field_name(key: str) -> str:
    """The name of a field in the reader's language."""
    return sentence(Sentence(NAMES.get(key, key)))


def _shown(rules: Procedure, key: str, value: str) -> str:
    choices: Mapping[str, Mapping[str, Name]] = {
        "channel": CHANNELS, "cause_type": CAUSE_TYPES, "link": LINKS, "complaint_class": rules.classes,
    }  # fmt: skip
    return _named(choices[key], value) if key in choices else value


def _named(names: Mapping[str, Name], key: str | None) -> str:
    return in_my_language(names[key]) if key is not None and key in names else key or ""


def _stage(rules: Procedure, key: str | None) -> str:
    return _named({stage.key: stage.name for stage in rules.stages}, key)


def _few(names: Sequence[str]) -> str:
    """Some names, and how many more."""
    if len(names) <= NAMED + 1:
        return _listed(names)
    rest = len(names) - NAMED
    return str(gettext("%(names)s and %(count)s more", names=_listed(names[:NAMED]), count=rest))


def _listed(parts: Iterable[str]) -> str:
    return ("、" if locale().startswith("zh") else ", ").join(parts)
