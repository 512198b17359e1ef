"""`/inbox`: what waits for a person, and every message with its outcome and the reason; one of them beside the list.

Each message has an address of its own that keeps the list's filters, so that every page works without script; htmx
gets the two panes alone. What a person does here is in `webapp/triage.py`.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, Flask, render_template, request, url_for
from flask_babel import format_date, format_decimal, gettext
from sqlalchemy import select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from complaints import board, inbox
from complaints.board import Card, Place
from complaints.complaint import CHANNELS
from complaints.errors import N_, ComplaintError, NotFound, UnknownStage
from complaints.inbox import DOOR_NAMES, EVERYTHING, OUTCOME_NAMES, Arrived, Balance, Filters, Message, Named, Waiting
from complaints.mailboxes import Mailbox
from complaints.off_board import is_off
from complaints.people import Actor
from complaints.procedure import newest, of
from webapp import letters, timeline
from webapp import message as words
from webapp.attachments import disposition, file_answer
from webapp.card import CardView
from webapp.complaint_page import into
from webapp.context import actor, now, zone
from webapp.database import db
from webapp.htmx import partial
from webapp.language import in_my_language, locale, own_path
from webapp.message import COMMON_REASONS, HINTS, KIND_REASONS, KINDS, VERDICTS, why, worded
from webapp.tally import tally

bp = Blueprint("inbox", __name__)
NEEDS_YOU, NOT_COMPLAINTS, ALL = "", "not_complaint", "all"
TABS: Mapping[str, str] = {
    NEEDS_YOU: N_("Needs you"),
    "quarantined": OUTCOME_NAMES["quarantined"],
    "set_aside": OUTCOME_NAMES["set_aside"],
    "event": N_("Events"),
    "joined": OUTCOME_NAMES["joined"],
    "duplicate": N_("Duplicates"),
    NOT_COMPLAINTS: N_("Not complaints"),
    ALL: N_("All mail"),
}
FEW = 20
"""Quarantined messages and unmatched reports shown under “Needs you”; the tabs have them all."""


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(
        charsets=words.charsets, door_name=door_name, needs_you=needs_you, stage_name=stage_name, why=why
    )
    app.jinja_env.filters.update(number=format_decimal)


@dataclass(frozen=True)
class View:
    """Which list a person looks at: a tab, filters, and how far they have gone on."""

    tab: str = NEEDS_YOU
    filters: Filters = EVERYTHING
    day: str = ""
    before: int | None = None
    after: Place | None = None

    @classmethod
    def of_request(cls) -> "View":
        args = request.args if request.method == "GET" else _args_of(request.form.get("back", ""))
        q = " ".join(args.get("q", "").replace("\0", "").split())[:100]
        tab = args.get("outcome", NEEDS_YOU)
        if tab not in {*TABS, *OUTCOME_NAMES}:
            tab = NEEDS_YOU
        if tab == NEEDS_YOU and (q or args.get("day") or args.get("from")):
            tab = ALL
        before = args.get("before", type=int)
        day, bounds = _day(args.get("day", ""))
        box = args.get("from", "")
        filters = Filters(
            outcome=tab if tab in OUTCOME_NAMES else "",
            door=box if box in DOOR_NAMES else "",
            mailbox=int(box) if box.isascii() and box.isdigit() and len(box) < 10 else None,
            q=q,
            day=bounds,
        )
        return cls(tab, filters, day, before if before and 0 < before < 2**63 else None, _place(args.get("after", "")))

    @property
    def source(self) -> str:
        return self.filters.door or ("" if self.filters.mailbox is None else str(self.filters.mailbox))

    @property
    def query(self) -> dict[str, Any]:
        """The list as parameters of an address."""
        values = {
            "outcome": self.tab, "q": self.filters.q, "day": self.day, "from": self.source, "before": self.before,
            "after": self.after,
        }  # fmt: skip
        return {key: str(value) for key, value in values.items() if value}

    def to(self, tab: str) -> str:
        """The address of another tab, with the same filters."""
        kept = {key: value for key, value in self.query.items() if key in ("q", "day", "from") and tab != NEEDS_YOU}
        return _address(kept | {"outcome": tab})


def _args_of(address: str) -> MultiDict[str, str]:
    """What an address asks for: a refused act shows the list that it was pressed beside."""
    return MultiDict(parse_qsl(urlsplit(address).query) if own_path(address) else ())


def _place(text: str) -> Place | None:
    try:
        return Place.parse(text)
    except ValueError:
        return None


def _day(text: str) -> tuple[str, tuple[datetime, datetime] | None]:
    """A local day as typed, and its bounds."""
    try:
        day = date.fromisoformat(text)
        if not 1990 <= day.year <= 2100:
            return "", None
        begins = datetime.combine(day, time(), zone())
        return text, (begins, datetime.combine(day + timedelta(days=1), time(), zone()))
    except ValueError:
        return "", None


@dataclass(frozen=True)
class Listed:
    """What the left pane shows: groups of drafts by day, complaints, messages, and the address of the next page."""

    drafts: list[tuple[date, list[Card]]] = field(default_factory=list)
    complaints: list[Named] = field(default_factory=list)
    groups: list[tuple[str, int, list[Arrived]]] = field(default_factory=list)
    """Heading, how many there are (0: as many as are shown), and the messages."""
    older: str = ""

    def __bool__(self) -> bool:
        return bool(self.drafts or self.complaints or any(rows for _, _, rows in self.groups))


@bp.get("/inbox")
def messages() -> Response | str:
    """A list of messages: `?outcome=` is the tab, `q`, `day` and `from` filter, `before` and `after` go on."""
    return page(None)


@bp.get("/inbox/messages/<int(max=9007199254740991):sighting_id>")
def message(sighting_id: int) -> Response | str:
    """A message beside the list it stands in."""
    return page(inbox.message(db.session(), actor(), sighting_id))


@bp.get("/inbox/drafts/<number>")
def draft(number: str) -> Response | str:
    """A complaint of any channel beside the list, to decide about."""
    return page(inbox.draft(db.session(), actor(), number))


@bp.get("/inbox/messages/<int(max=9007199254740991):sighting_id>/html")
def html(sighting_id: int) -> Response:
    """The message's own HTML as a sandboxed document."""
    found = inbox.message(db.session(), actor(), sighting_id)
    if found.letter is None:
        raise NotFound
    return letters.formatted(found.letter)


@bp.get("/inbox/messages/<int(max=9007199254740991):sighting_id>/raw")
def raw(sighting_id: int) -> Response | tuple[str, int]:
    """The message byte for byte."""
    found = inbox.message(db.session(), actor(), sighting_id).sighting
    if found is None or found.raw is None:
        raise NotFound
    return file_answer(found.raw, "message/rfc822", disposition("attachment", f"message-{sighting_id}.eml"))


def page(chosen: Message | None, *, refusal: ComplaintError | None = None, typed: Mapping[str, str] = {}) -> str:
    """The inbox with a message chosen, or with none. `refusal` says why an act was not done; `typed` is its form."""
    session, by, view = db.session(), actor(), View.of_request()
    if not by.sees_all:
        raise NotFound
    waiting = inbox.waiting(session, by)
    listed = _listed(view, by, waiting)
    shown: dict[str, Any] = {
        "view": view,
        "listed": listed,
        "cards": CardView.of_request(),
        "channels": CHANNELS,
        "names": {key: gettext(name) for key, name in OUTCOME_NAMES.items()},
        "today": now().astimezone(zone()).date(),
        "refusal": refusal,
        "typed": typed,
        "claims_of": words.claimed,
        **(_detail(chosen, view) if chosen is not None else {"chosen": None}),
    }
    if partial():
        return render_template("inbox/_triage.html", alone=True, **shown)
    since, first = _since()
    balance = inbox.balance(session, by, since=since)
    boxes = session.scalars(select(Mailbox).where(Mailbox.active).order_by(Mailbox.id)).all()
    return render_template(
        "inbox/inbox.html",
        alone=False,
        tabs=[(key, view.to(key), gettext(name), _number(key, waiting, balance)) for key, name in TABS.items()],
        balance=balance,
        received_label=_received_label(first),
        boxes=[(str(box.id), box.label or box.address or box.name) for box in boxes],
        doors={key: gettext(name) for key, name in DOOR_NAMES.items() if key != "imap"},
        fetched=max((box.looked_at for box in boxes if box.looked_at), default=None),
        **shown,
    )


def _number(tab: str, waiting: Waiting, balance: Balance) -> str:
    """How much stands under a tab: what waits now, or what came since the beginning of the month."""
    if tab in (NEEDS_YOU, "quarantined"):
        count = waiting.total if tab == NEEDS_YOU else waiting.quarantined
        return f"{count}+" if count >= inbox.COUNTED else str(count)
    return str(balance.counts[tab]) if tab in balance.counts else ""


def _since() -> tuple[datetime, date]:
    """Since when the balance counts: `?since=`, or the beginning of this month."""
    text, bounds = _day(request.args.get("since", ""))
    first = date.fromisoformat(text) if bounds else now().astimezone(zone()).date().replace(day=1)
    return datetime.combine(first, time(), zone()), first


def _received_label(first: date) -> str:
    if first == now().astimezone(zone()).date().replace(day=1):
        return str(gettext("received in %(month)s", month=format_date(first, "LLLL")))
    form = "yyyy年M月d日" if locale().startswith("zh") else "d MMM yyyy"
    return str(gettext("received since %(day)s", day=format_date(first, form)))


def _listed(view: View, by: Actor, waiting: Waiting) -> Listed:
    session = db.session()
    if view.tab == NEEDS_YOU:
        return _needing(view, by, waiting)
    if view.tab == NOT_COMPLAINTS:
        found = inbox.not_complaints(session, by, q=view.filters.q, before=view.before)
        last = found[-1].decided if len(found) == inbox.PAGE else None
        return Listed(complaints=found, older=_older(view, last.id) if last else "")
    rows = inbox.arrived(session, by, filters=view.filters, before=view.before)
    named = []
    if view.tab == ALL and view.filters.q and not view.before:
        named = inbox.named(session, by, view.filters.q)
    older = _older(view, rows[-1].id) if len(rows) == inbox.PAGE else ""
    return Listed(complaints=named, groups=[("", 0, rows)], older=older)


def _needing(view: View, by: Actor, waiting: Waiting) -> Listed:
    session = db.session()
    cards, more = board.beginning(session, by, after=view.after or Place(0, 0), limit=inbox.PAGE)
    older = url_for("inbox.messages", after=str(cards[-1].place)) if more else ""
    groups = []
    if view.after is None:
        for heading, count, filters in (
            (gettext("Quarantine"), waiting.quarantined, Filters(outcome="quarantined")),
            (gettext("Could not be delivered, we know not what"), waiting.unmatched, Filters(unmatched=True)),
        ):
            rows = inbox.arrived(session, by, filters=filters, most=FEW) if count else []
            groups.append((heading, count, rows))
    return Listed(drafts=_by_day(cards), groups=groups, older=older)


def _by_day(cards: Iterable[Card]) -> list[tuple[date, list[Card]]]:
    """Drafts under the local day on which they were received, the oldest day first."""

    def day(card: Card) -> date:
        return card.received_at.astimezone(zone()).date()

    return [(key, list(group)) for key, group in groupby(sorted(cards, key=lambda c: c.received_at), key=day)]


def _older(view: View, last: int) -> str:
    return _address(replace(view, before=last).query)


def _address(query: Mapping[str, str]) -> str:
    values: dict[str, Any] = {key: value for key, value in query.items() if value}
    return url_for("inbox.messages", **values)


def _detail(chosen: Message, view: View) -> dict[str, Any]:
    """What the right pane shows."""
    letter, complaint, sighting = chosen.letter, chosen.complaint, chosen.sighting
    rules = of(complaint) if complaint is not None else None
    claimed = words.claimed(sighting) if letter is None and sighting is not None else None
    if sighting is not None and request.endpoint != "inbox.draft":
        here: dict[str, Any] = {"endpoint": "inbox.message", "sighting_id": sighting.id}
    else:
        here = {"endpoint": "inbox.draft", "number": complaint.number if complaint is not None else ""}
    as_html = letter is not None and request.args.get("formatted") == "1"
    return {
        "chosen": chosen,
        "claimed": claimed,
        "here": url_for(**here, **view.query),
        "here_whole": url_for(**here, **view.query, whole=1),
        "here_formatted": url_for(**here, **view.query, formatted=1),
        "words": timeline.words(
            letter.text, letter.folds, subject=letter.subject, whole=request.args.get("whole") == "1"
        )
        if letter is not None
        else None,
        "odd": words.odd(chosen),
        "kind": worded(KINDS, letter.kind) if letter is not None else "",
        "kind_reason": worded(KIND_REASONS, letter.kind_reason) if letter is not None else "",
        "verdict": worded(VERDICTS, letter.verdict) if letter is not None else "",
        "into": into(complaint) if complaint is not None else None,
        "hint": worded(HINTS, letter.may_belong_reason) if letter is not None else "",
        "stage": rules.stage(complaint.stage) if rules is not None and complaint is not None else None,
        "is_draft": rules is not None and complaint is not None and complaint.stage == rules.first.key,
        "off": complaint is not None and is_off(complaint),
        "reasons": [gettext(reason) for reason in COMMON_REASONS],
        "as_html": as_html,
        "blocked": letters.blocked_pictures(letter, chosen.files) if letter is not None and as_html else 0,
    }


def stage_name(key: str) -> str:
    """A stage of any procedure, or a way off the board, in the reader's language."""
    for rules in newest():
        with suppress(UnknownStage):
            return in_my_language(rules.stage(key).name)
    return key


def door_name(key: str) -> str:
    return worded(DOOR_NAMES, key)


def needs_you() -> int:
    """How much waits for the reader, for the tab."""
    return tally().inbox
