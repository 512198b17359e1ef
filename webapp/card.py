"""How a complaint looks as a card: its clock in words, and the card as HTML.

A board shows the same cards to many people again and again, so a card is rendered once for all it depends on (the row,
the words of its clock, the language, whose it is) and kept while it is used.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask import current_app, render_template, request
from flask_babel import format_date, gettext, ngettext
from markupsafe import Markup

from complaints.board import Card
from complaints.calendar import WorkingCalendar
from complaints.errors import N_, ComplaintError, Missing, MoveRefused, Sentence, UnknownStage
from complaints.procedure import Procedure, Stage, UnknownProcedure, laid_out, procedure
from complaints.workflow import Ask
from webapp.context import actor, calendar, now, zone
from webapp.language import locale, span

SOON_AT_MOST = timedelta(hours=8)
LEFT, OVER, NO_LIMIT, CLOSED = N_("%(span)s left"), N_("%(span)s over"), N_("No limit"), N_("Closed %(day)s")
PAUSED = N_("Paused since %(when)s")
KEPT = 8192


class ClockWords(NamedTuple):
    """The clock of a card: `kind` is over, soon, paused, done, none or empty, `text` what is left of it."""

    kind: str
    text: str


class Refusal(NamedTuple):
    """Why a card stayed where it is: what did not happen, and every reason with the field that mends it."""

    title: Sentence
    reasons: tuple[Missing, ...] = ()

    @classmethod
    def of(cls, error: ComplaintError) -> "Refusal":
        return cls(error.sentence, error.missing if isinstance(error, MoveRefused) else ())


class Asked(NamedTuple):
    """What a move asks for before it goes through: what was given, and what is wrong with that."""

    stage: Stage
    asks: tuple[Ask, ...]
    given: Mapping[str, str]
    problems: Mapping[str, Sentence]


@dataclass(frozen=True)
class CardView:
    """What all cards of an answer have in common: who looks when, in which language."""

    locale: str
    at: datetime
    zone: ZoneInfo
    hours: WorkingCalendar
    me: int | None
    selecting: bool = False
    """Does every card carry a box to be ticked?"""

    @cached_property
    def minute(self) -> datetime:
        return self.at.replace(second=0, microsecond=0)

    @cached_property
    def today(self) -> date:
        return self.at.astimezone(self.zone).date()

    @classmethod
    def of_request(cls) -> "CardView":
        return cls(locale(), now(), zone(), calendar(), actor().id, selecting())

    def html(self, cards: Iterable[Card]) -> Markup:
        """Cards as the board shows them."""
        clock, came_in, me, locale = self.clock, self.came_in, self.me, self.locale
        return Markup("\n").join(
            _rendered(card, rules_of(card), clock(card), came_in(card), card.owner_id == me, self.selecting, locale)
            for card in cards
        )

    def alone(self, card: Card, refusal: Refusal | None = None, asked: Asked | None = None) -> Markup:
        """A card as the answer to an act: it says which column it belongs to, and perhaps why it stayed there or what
        it waits for."""
        told = {"mine": card.owner_id == self.me, "selecting": self.selecting, "refusal": refusal, "asked": asked}
        words = _words(card, rules_of(card), self.clock(card), self.came_in(card))
        return Markup(render_template("board/_card.html", alone=True, **told, **words))

    def foot(self, seen: int, total: int, more: int) -> tuple[str, str]:
        """What the foot of a column says: how much is shown, and how much more there is to show."""
        return _foot(seen, total, more, self.locale)

    def clock(self, card: Card) -> ClockWords:
        if card.closed_at is not None:
            day = _short_day(card.closed_at.astimezone(self.zone).date(), self.locale)
            return ClockWords("done", _said(CLOSED, self.locale, day=day))
        if card.paused_since is not None:
            return ClockWords("paused", _said(PAUSED, self.locale, when=self.lately(card.paused_since)))
        if not card.limited:
            return ClockWords("none", _said(NO_LIMIT, self.locale))
        return self.until(card.due_at, since=card.received_at)

    def until(self, due: datetime | None, *, since: datetime) -> ClockWords:
        """How long it is until something is due that waits since then."""
        if due is None:
            return ClockWords("none", _said(NO_LIMIT, self.locale))
        return _running(since, due, due < self.at, self.minute, self.hours, self.locale)

    def came_in(self, card: Card) -> str:
        """When a draft came in: the time today, else the day. Nothing for other cards."""
        if card.stage != rules_of(card).first.key:
            return ""
        return self.lately(card.received_at)

    def lately(self, at: datetime) -> str:
        """A moment in few letters: the time today, else the day."""
        local = at.astimezone(self.zone)
        return f"{local:%H:%M}" if local.date() == self.today else _short_day(local.date(), self.locale)


def rules_of(card: Card) -> Procedure:
    """The version of the procedure that a card's complaint follows; one that is not known here yet looks like the
    newest."""
    try:
        return procedure(card.procedure, card.procedure_version)
    except UnknownProcedure:
        return laid_out(card.procedure)


@lru_cache(maxsize=KEPT)
def _rendered(
    card: Card, rules: Procedure, clock: ClockWords, came_in: str, mine: bool, selecting: bool, _locale: str
) -> Markup:
    template = current_app.jinja_env.get_template("board/_card.html")
    return Markup(template.render(mine=mine, selecting=selecting, **_words(card, rules, clock, came_in)))


def _words(card: Card, rules: Procedure, clock: ClockWords, came_in: str) -> dict[str, object]:
    """What the template of a card writes."""
    try:
        queue = rules.stage(card.stage).owner_roles
    except UnknownStage:
        queue = ()
    return {"card": card, "rules": rules, "queue": queue, "clock": clock, "came_in": came_in}


@lru_cache(maxsize=KEPT)
def _foot(seen: int, total: int, more: int, _locale: str) -> tuple[str, str]:
    shown = gettext("%(seen)s of %(all)s shown", seen=seen, all=total)
    return str(shown), str(ngettext("Show %(num)s more", "Show %(num)s more", more))


@lru_cache(maxsize=KEPT)
def _running(
    received: datetime, due: datetime, over: bool, minute: datetime, hours: WorkingCalendar, locale: str
) -> ClockWords:
    if over:
        return ClockWords("over", _length(OVER, worked(hours, due, minute), locale))
    left = worked(hours, minute, due)
    soon = left <= min(SOON_AT_MOST, worked(hours, received, due) / 4)
    return ClockWords("soon" if soon else "", _length(LEFT, left, locale))


@lru_cache(maxsize=KEPT)
def _short_day(day: date, locale: str) -> str:
    return str(format_date(day, "M/d" if locale.startswith("zh") else "d MMM"))


@lru_cache(maxsize=KEPT)
def _said(text: str, _locale: str, **values: str) -> str:
    return str(gettext(text, **values))


def _length(text: str, length: timedelta, locale: str) -> str:
    return _length_of(text, length // timedelta(minutes=1), locale)


@lru_cache(maxsize=KEPT)
def _length_of(text: str, minutes: int, _locale: str) -> str:
    return str(gettext(text, span=span(timedelta(minutes=minutes))))


def selecting() -> bool:
    """Is this the board whose cards carry boxes, for browsers without script and for fingers?"""
    return request.args.get("select") == "1"


def worked(calendar: WorkingCalendar, a: datetime, b: datetime) -> timedelta:
    """Working time from a to b, as `calendar.between` says, but cheap for many instants far apart: whole days are
    summed up once."""
    begins, ends = a.astimezone(calendar.tz).date(), b.astimezone(calendar.tz).date()
    if begins == ends:
        return calendar.between(a, b)
    return _since_midnight(calendar, b) + _whole_days(calendar, begins, ends) - _since_midnight(calendar, a)


@lru_cache(maxsize=KEPT)
def _since_midnight(calendar: WorkingCalendar, at: datetime) -> timedelta:
    return calendar.between(_midnight(calendar, at.astimezone(calendar.tz).date()), at)


@lru_cache(maxsize=KEPT)
def _whole_days(calendar: WorkingCalendar, first: date, last: date) -> timedelta:
    return calendar.between(_midnight(calendar, first), _midnight(calendar, last))


def _midnight(calendar: WorkingCalendar, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=calendar.tz)
