"""My work: everything that waits for the person of this request, and how much it is, for the navigation.

The page asks for itself again once a minute, as deep into each group as the person has looked.
"""

from datetime import date

from flask import Blueprint, Flask, render_template, request, url_for
from flask_babel import gettext

from complaints import assigning, worklist
from complaints.errors import N_, BadInput, Sentence
from complaints.people import FRONT_OFFICE, ROLES
from complaints.work import CLASSIFY, ENTRY, MOVE, REGISTER, ROW, SIGN
from complaints.worklist import ANSWER, COUNTED, DEEPEST, LETTER, PAGE, Group, Item, Place
from webapp.card import CardView, ClockWords
from webapp.context import actor, now, zone
from webapp.database import db
from webapp.htmx import partial
from webapp.language import in_my_language
from webapp.tally import tally

bp = Blueprint("work", __name__)

NAMING = FRONT_OFFICE | {"qa_head"}
"""Roles that name somebody for what is nobody's."""
TITLES = {REGISTER: N_("To register"), SIGN: N_("To sign"), ANSWER: N_("To answer")}


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(my_work=my_work)


@bp.get("/work")
def mine() -> str:
    """What waits for the person, in groups, and what waits for nobody; htmx gets the list alone."""
    me, shown = actor(), _shown()
    groups = worklist.groups(db.session(), me, _today(), depth=shown)
    nobodys, more = worklist.nobodys(db.session(), me, _today()) if me.roles & NAMING else ([], False)
    vacant = worklist.vacant(db.session(), _today()) if "admin" in me.roles else []
    template = "work/_work.html" if partial() else "work/work.html"
    return render_template(
        template, groups=groups, shown=shown, nobodys=nobodys, more_nobodys=more,
        followed=assigning.followed(db.session(), me),
        vacant=[(in_my_language(ROLES[role]), number) for role, number in vacant],
        several=len({group.rules.key for group in groups if group.stage}) > 1, **_words(),
    )  # fmt: skip


@bp.get("/work/more")
def more() -> str:
    """The next items of a group and its new foot; without htmx a page with nothing but these."""
    try:
        after = Place.parse(request.args.get("after", ""))
    except ValueError:
        raise BadInput(field="after", problem=Sentence(N_("it is no whole number"))) from None
    key = request.args.get("group", "")
    groups = worklist.groups(db.session(), actor(), _today(), only=key, after=after)
    group = groups[0] if groups else None
    pages = min(max(request.args.get("pages", 1, type=int), 1), DEEPEST) + 1
    template = "work/_items.html" if partial() else "work/more.html"
    return render_template(template, group=group, shown={key: pages}, several=False, **_words())


def my_work() -> str:
    """How much waits for the person of this request, as the navigation says it."""
    count = tally().work
    return f"{COUNTED}+" if count > COUNTED else str(count or "")


def _words() -> dict[str, object]:
    return {
        "cards": CardView.of_request(), "to_do": to_do, "clock_of": clock, "address": address, "title": title,
        "page_of": PAGE, "deepest": DEEPEST,
    }  # fmt: skip


def to_do(item: Item) -> str:
    """What is to be done, in the reader's language."""
    what = in_my_language(item.what) if item.what else item.key
    return str(gettext(item.say, what=what, about=item.about))


def clock(item: Item, cards: CardView) -> ClockWords:
    """How long there is for it: as the card says, if it is no row with a day or a time of its own."""
    if item.kind == ROW or item.until:
        return cards.until(item.due_at(cards.hours), since=item.since)
    return cards.clock(item.card)


def title(group: Group) -> str:
    if group.stage is None:
        return str(gettext(TITLES[group.key]))
    return str(gettext("To do in %(stage)s", stage=in_my_language(group.stage.name)))


def address(item: Item) -> str:
    """Where it is done."""
    if item.kind == ANSWER:
        return url_for("answers.show", decision_id=item.ref)
    if item.kind == MOVE and not item.rules.stage(item.key).off_board:
        return url_for("moves.moves", number=item.card.number)
    if item.kind == ENTRY:
        return url_for("complaint.show", number=item.card.number, entry=1, _anchor="entry")
    said = {REGISTER: "entry", CLASSIFY: "proposed-class", LETTER: "timeline", MOVE: "off-title"}
    if item.kind in said:
        return url_for("complaint.show", number=item.card.number, _anchor=said[item.kind])
    anchor = f"f-sign-{item.key}" if item.kind == SIGN else f"f-{item.sheet}"
    return url_for("dossier.show", number=item.card.number, _anchor=anchor)


def _shown() -> dict[str, int]:
    """How many pages of each group are shown, as the list told: `shown=sign:2`."""
    shown: dict[str, int] = {}
    for told in request.args.getlist("shown")[:50]:
        key, _, pages = told.rpartition(":")
        if pages.isascii() and pages.isdigit() and len(pages) < 4:
            shown[key] = min(max(int(pages), 1), DEEPEST)
    return shown


def _today() -> date:
    return now().astimezone(zone()).date()
