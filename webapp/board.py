"""The board: every complaint in the column of its stage.

Each page works with links and forms alone; a request by htmx or by `board.js` to the same address gets the fragment.
The moves between the columns are in moves.py, what a person keeps of the board's looks in preferences.py.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from flask import Blueprint, Flask, current_app, make_response, render_template, request, url_for
from sqlalchemy import select
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from complaints import board as question
from complaints import views
from complaints.board import Change, Column, Filters, Head, Place
from complaints.errors import N_, BadInput, Name, Sentence
from complaints.people import Department
from complaints.procedure import Procedure, laid_out, newest, offered, procedure, usual
from webapp.card import CardView, selecting
from webapp.context import actor, now, preferences, settings
from webapp.database import db
from webapp.htmx import partial

bp = Blueprint("board", __name__)

CURSOR = "Board-Cursor"
LOOK_AGAIN = "Board-Look-Again"
"""Answer header: so much changed that the whole board should be asked for again."""
REMEMBERED = timedelta(hours=1)
"""A cursor older than this is answered by `LOOK_AGAIN`."""
NOT_A_NUMBER = N_("it is no whole number")


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/board")
def board() -> str:
    """The whole board, or for htmx the columns with what else the filters change. A stage that only older versions of
    the procedure have is shown while something stands there."""
    rules = shown_procedure()
    filters = filters_of(request.args, rules)
    columns = question.columns(db.session(), actor(), rules, now(), filters=filters, folded=folded(rules))
    current = {stage.key for stage in procedure(rules.key).stages}
    columns = [column for column in columns if column.head.total or column.head.stage.key in current]
    more = {"columns": columns, "saved_views": views.of(db.session(), actor())}
    shown = in_common(rules, [column.head for column in columns], **more)
    if partial():
        return render_template("board/filtered.html", **shown)
    names = select(Department.id, Department.name_en, Department.name_zh).order_by(Department.id)
    departments = [(key, Name(en, zh)) for key, en, zh in db.session.execute(names)]
    return render_template("board/board.html", departments=departments, **shown)


@bp.get("/board/more")
def more() -> str:
    """The next cards of a column and its new foot; without htmx a page with nothing but these."""
    rules = shown_procedure()
    filters = filters_of(request.args, rules)
    stage = rules.stage(request.args.get("stage", ""))
    try:
        after = Place.parse(request.args.get("after", ""))
        seen = max(int(request.args.get("seen", "0")), 0)
    except ValueError:
        raise BadInput(field="after", problem=Sentence(NOT_A_NUMBER)) from None
    cards, _ = question.more(db.session(), actor(), rules, stage, now(), after=after, filters=filters)
    (head,) = question.heads(db.session(), actor(), rules, now(), filters=filters, stages=[stage])
    template = "board/_cards.html" if partial() else "board/more.html"
    column = Column(head, cards)
    return render_template(template, **in_common(rules, [head], column=column, seen=seen + len(cards)))


@bp.get("/board/pulse")
def pulse() -> Response:
    """What changed since a cursor: nothing (204), or the changed cards with all heads. The new cursor is a header."""
    rules = shown_procedure()
    since = Cursor.parse(request.args.get("since", ""))
    if since is None or not now() - REMEMBERED < since.at <= now():
        return empty({CURSOR: str(Cursor(now(), "")), LOOK_AGAIN: "1"})
    changes = question.changed(db.session(), actor(), rules, since.at)
    if Cursor.digest_of(changes) == since.digest:
        return empty()
    fresh = Cursor(now(), Cursor.digest_of(c for c in changes if c.at > now() - question.OVERLAP))
    if len(changes) > question.MOST_CHANGES:
        return empty({CURSOR: str(fresh), LOOK_AGAIN: "1"})
    filters = filters_of(request.args, rules)
    cards = question.cards(db.session(), actor(), rules, now(), [c.id for c in changes], filters=filters)
    gone = {change.id for change in changes} - {card.id for card in cards}
    shown = in_common(rules, heads(rules), cards=cards, gone=sorted(gone))
    response = make_response(render_template("board/_pulse.html", **shown))
    response.headers[CURSOR] = str(fresh)
    return response


class Cursor(NamedTuple):
    """How far a board has been told: an instant, and a digest of what had changed shortly before it. The same digest
    later means that nothing happened since."""

    at: datetime
    digest: str

    def __str__(self) -> str:
        return f"{question.microseconds(self.at)}-{self.digest}"

    @classmethod
    def parse(cls, text: str) -> "Cursor | None":
        microseconds, _, digest = text.partition("-")
        try:
            return cls(question.instant(int(microseconds)), digest)
        except (ValueError, OverflowError):
            return None

    @staticmethod
    def digest_of(changes: Iterable[Change]) -> str:
        text = " ".join(f"{c.id}.{c.version}.{question.microseconds(c.at)}" for c in changes)
        return hashlib.sha256(text.encode()).hexdigest()[:12] if text else ""


def shown_procedure() -> Procedure:
    """The procedure of the address, else the one that the person looked at last, else the default; with the stages of
    all its versions."""
    known = [rules.key for rules in newest()]
    wanted = request.args.get("procedure", preferences().get("procedure", ""))
    return laid_out(wanted if wanted in known else usual().key)


def to_look_at(shown: str) -> list[Procedure]:
    """The procedures whose boards are offered: those in use, and the one that is shown."""
    used = {rules.key for rules in offered()} | {shown}
    return [rules for rules in newest() if rules.key in used]


def heads(rules: Procedure) -> list[Head]:
    """What stands over the columns, by the filters of the address."""
    return question.heads(db.session(), actor(), rules, now(), filters=filters_of(request.args, rules))


def in_common(rules: Procedure, heads: list[Head], **more: object) -> dict[str, object]:
    """What the templates of the board have in common."""
    filters = filters_of(request.args, rules)
    return {
        "rules": rules,
        "procedures": to_look_at(rules.key),
        "heads": heads,
        "view": CardView.of_request(),
        "filters": filters,
        "filter_query": query_of(filters, rules),
        "query": query_of(filters, rules) + ("&select=1" if selecting() else ""),
        "folded": folded(rules),
        "open_count": sum(head.total for head in heads if not head.stage.final),
        "overdue_count": sum(head.overdue for head in heads),
        "per_column": question.PER_COLUMN,
        "most": question.COUNTED,
        "cursor": Cursor(now(), ""),
        "every": settings().board_seconds,
        **more,
    }


def filters_of(args: Mapping[str, str], rules: Procedure) -> Filters:
    """The filters of an address; what makes no sense filters nothing."""
    department = args.get("department", "")
    return Filters(
        mine=args.get("mine", "") == "1",
        overdue=args.get("overdue", "") == "1",
        complaint_class=args["class"] if args.get("class") in rules.classes else "",
        department=int(department) if department.isascii() and department.isdigit() and len(department) < 10 else None,
        product=_text(args.get("product", "")),
        q=_text(args.get("q", "")),
    )


def _text(value: str) -> str:
    return " ".join(value.replace("\0", "").split())[:100]


def query_of(filters: Filters, rules: Procedure) -> str:
    """The filters as further parameters of an address, with their procedure where there are several."""
    values = {
        "mine": "1" if filters.mine else "",
        "overdue": "1" if filters.overdue else "",
        "class": filters.complaint_class,
        "department": "" if filters.department is None else str(filters.department),
        "product": filters.product,
        "q": filters.q,
        "procedure": rules.key if len(newest()) > 1 else "",
    }
    return "".join(f"&{name}={quote(value)}" for name, value in values.items() if value)


def folded(rules: Procedure) -> set[str]:
    """The columns that this person keeps as rails: the final ones until they are opened."""
    chosen = preferences().get("columns", {}).get(rules.key, {})
    return {stage.key for stage in rules.stages if chosen.get(stage.key, stage.final)}


def back(otherwise: str | None = None) -> str:
    """The page the person came from, if it is one of ours that can be looked at; else `otherwise`, or the board."""
    for candidate in (request.form.get("back", ""), request.headers.get("Referer", "")):
        parts = urlsplit(candidate)
        if parts.netloc in ("", request.host) and _is_page(parts.path):
            return parts.path + (f"?{parts.query}" if parts.query else "")
    return otherwise or url_for("board.board")


def _is_page(path: str) -> bool:
    """Not the address of an act, which answered a refused form with a page, nor one on the way to a move."""
    try:
        endpoint, _ = current_app.url_map.bind("").match(path, "GET")
    except HTTPException:
        return False
    return path.startswith("/") and endpoint not in ("identity.login", "moves.moves", "moves.moves_of_several")


def empty(headers: Mapping[str, str] | None = None) -> Response:
    return Response(status=204, headers=headers)
