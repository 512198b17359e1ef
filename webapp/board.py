"""The board: every complaint in the column of its stage, and the moves between them.

Each page works with links and forms alone; a request by htmx or by `board.js` to the same address gets the fragment.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from flask import Blueprint, Flask, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from sqlalchemy import select
from werkzeug.wrappers import Response

from complaints import board as question
from complaints import registration, workflow
from complaints.board import EVERYTHING, Card, Change, Column, Filters, Head, Place
from complaints.complaint import find
from complaints.errors import N_, BadInput, ComplaintError, MoveRefused, Name, Sentence, StaleComplaint, UnknownStage
from complaints.people import Department
from complaints.procedure import Procedure, Stage, procedure
from webapp.card import CardView, Refusal
from webapp.context import actor, engine, now, settings
from webapp.database import db
from webapp.htmx import partial
from webapp.outbox import acknowledge, ring

bp = Blueprint("board", __name__)

CURSOR = "Board-Cursor"
LOOK_AGAIN = "Board-Look-Again"
"""Answer header: so much changed that the whole board should be asked for again."""
REMEMBERED = timedelta(hours=1)
"""A cursor older than this is answered by `LOOK_AGAIN`."""
DENSITIES = ("comfortable", "compact")
YEAR = 365 * 24 * 3600
NOT_A_NUMBER = N_("it is no whole number")


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(density=lambda: request.cookies.get("density", ""))


@bp.get("/board")
def board() -> str:
    """The whole board, or for htmx the columns with what else the filters change."""
    rules, filters = procedure(), _filters()
    columns = question.columns(db.session(), actor(), rules, now(), filters=filters, folded=_folded(rules))
    shown = _shown(rules, [column.head for column in columns], columns=columns, filters=filters)
    if partial():
        return render_template("board/filtered.html", **shown)
    names = select(Department.id, Department.name_en, Department.name_zh).order_by(Department.id)
    departments = [(key, Name(en, zh)) for key, en, zh in db.session.execute(names)]
    return render_template("board/board.html", departments=departments, **shown)


@bp.get("/board/more")
def more() -> str:
    """The next cards of a column and its new foot; without htmx a page with nothing but these."""
    rules, filters = procedure(), _filters()
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
    return render_template(template, **_shown(rules, [head], column=column, seen=seen + len(cards), filters=filters))


@bp.get("/board/pulse")
def pulse() -> Response:
    """What changed since a cursor: nothing (204), or the changed cards with all heads. The new cursor is a header."""
    rules = procedure()
    since = Cursor.parse(request.args.get("since", ""))
    if since is None or not now() - REMEMBERED < since.at <= now():
        return _empty({CURSOR: str(Cursor(now(), "")), LOOK_AGAIN: "1"})
    changes = question.changed(db.session(), actor(), rules, since.at)
    if Cursor.digest_of(changes) == since.digest:
        return _empty({})
    fresh = Cursor(now(), Cursor.digest_of(c for c in changes if c.at > now() - question.OVERLAP))
    if len(changes) > question.MOST_CHANGES:
        return _empty({CURSOR: str(fresh), LOOK_AGAIN: "1"})
    filters = _filters()
    cards = question.cards(db.session(), actor(), rules, now(), [c.id for c in changes], filters=filters)
    heads = question.heads(db.session(), actor(), rules, now(), filters=filters)
    gone = {change.id for change in changes} - {card.id for card in cards}
    shown = _shown(rules, heads, cards=cards, gone=sorted(gone))
    response = make_response(render_template("board/_pulse.html", **shown))
    response.headers[CURSOR] = str(fresh)
    return response


@bp.get("/complaints/<number>/moves")
def moves(number: str) -> str:
    """Every stage as a place to move to, with what stands in the way: the move menu, or a page of its own."""
    complaint = find(db.session(), number, actor())
    card = question.card(db.session(), actor(), complaint.id)
    template = "board/_moves.html" if partial() else "board/moves.html"
    return _moves_page(template, card, workflow.allowed(db.session(), complaint, actor()))


@bp.post("/complaints/<number>/move")
def move(number: str) -> Response | tuple[str, int]:
    """Move a complaint to `stage`, if it still is as the person saw it (`version`)."""
    complaint = find(db.session(), number, actor())
    complaint_id, rules = complaint.id, procedure(complaint.procedure)
    try:
        wanted, seen = request.form.get("stage", ""), _version()
        draft = complaint.registered_at is None
        left = workflow.move(
            db.session(),
            complaint,
            wanted,
            by=actor(),
            at=now(),
            seen_version=seen,
            context=engine(),
            answers=request.form,
        ).left
        owes_mail = False
        if draft and complaint.registered_at is not None:
            registration.complete(db.session(), complaint, by=actor(), at=now(), context=engine())
            owes_mail = acknowledge(complaint)
        db.session.commit()
    except (MoveRefused, StaleComplaint, UnknownStage) as refusal:
        db.session.rollback()
        return _stayed(number, complaint_id, rules, refusal)
    if owes_mail:
        ring()
    card = question.card(db.session(), actor(), complaint_id)
    stage = rules.stage(card.stage)
    if not partial():
        db.session.rollback()
        flash(gettext("%(number)s moved to %(stage)s", number=card.number, stage=_both(stage)))
        return redirect(_back(), 303)
    heads = question.heads(db.session(), actor(), rules, now(), filters=_filters())
    db.session.rollback()  # a write transaction is not kept open while we render
    told = [head for head in heads if head.stage.key in (left, stage.key)]
    count = next(head.total for head in told if head.stage is stage)
    shown = _shown(rules, heads, told=told, card=card, stage=stage, count=count)
    return make_response(render_template("board/moved.html", **shown))


def _stayed(number: str, complaint_id: int, rules: Procedure, refusal: ComplaintError) -> tuple[str, int]:
    """The card as it is now with every reason why it did not move: 409 when somebody was faster, else 422."""
    status = 409 if isinstance(refusal, StaleComplaint) else 422
    why = Refusal(refusal.sentence, refusal.missing if isinstance(refusal, MoveRefused) else ())
    card = question.card(db.session(), actor(), complaint_id)
    if partial():
        heads = question.heads(db.session(), actor(), rules, now(), filters=_filters())
        db.session.rollback()
        shown = _shown(rules, heads, told=heads if status == 409 else [], card=card, refusal=why)
        return render_template("board/stayed.html", **shown), status
    choices = workflow.allowed(db.session(), find(db.session(), number, actor()), actor())
    db.session.rollback()
    return _moves_page("board/moves.html", card, choices, refusal=why), status


def _moves_page(template: str, card: Card, choices: list[workflow.Choice], refusal: Refusal | None = None) -> str:
    view = CardView.of_request(procedure())
    return render_template(template, view=view, card=card, choices=choices, refusal=refusal, back=_back())


@bp.post("/me/density")
def density() -> Response:
    """How close things stand, for this browser."""
    chosen = request.form.get("density", "")
    if chosen not in DENSITIES:
        problem = Sentence(N_("choose one of: %(known)s"), {"known": ", ".join(DENSITIES)})
        raise BadInput(field="density", problem=problem)
    return _remember("density", chosen, _empty({}) if partial() else redirect(_back(), 303))


@bp.post("/me/folds")
def folds() -> Response:
    """Fold a column to a rail, or open it, for this browser; htmx gets the column."""
    rules = procedure()
    stage = rules.stage(request.form.get("stage", ""))
    folded = _folded(rules) - {stage.key}
    if request.form.get("folded") == "1":
        folded |= {stage.key}
    response: Response = redirect(_back(), 303)
    if partial():
        others = {other.key for other in rules.stages} - {stage.key}
        columns = question.columns(db.session(), actor(), rules, now(), filters=_filters(), folded=folded | others)
        db.session.rollback()
        column = next(column for column in columns if column.head.stage is stage)
        shown = _shown(rules, [column.head], column=column, seen=len(column.cards))
        response = make_response(render_template("board/_column.html", **{**shown, "folded": folded}))
    unfolded = [other.key for other in rules.stages if other.final and other.key not in folded]
    return _remember("unfolded", ".".join(unfolded), response)


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


def _shown(rules: Procedure, heads: list[Head], *, filters: Filters = EVERYTHING, **more: object) -> dict[str, object]:
    """What the templates of the board have in common."""
    return {
        "rules": rules,
        "heads": heads,
        "view": CardView.of_request(rules),
        "filters": filters,
        "query": _query(filters),
        "folded": _folded(rules),
        "open_count": sum(head.total for head in heads if not head.stage.final),
        "overdue_count": sum(head.overdue for head in heads),
        "per_column": question.PER_COLUMN,
        "most": question.COUNTED,
        "cursor": Cursor(now(), ""),
        **more,
    }


def _filters() -> Filters:
    """The filters of the address; what makes no sense filters nothing."""
    args = request.args
    department = args.get("department", "")
    return Filters(
        mine=args.get("mine", "") == "1",
        overdue=args.get("overdue", "") == "1",
        complaint_class=args["class"] if args.get("class") in procedure().classes else "",
        department=int(department) if department.isascii() and department.isdigit() and len(department) < 10 else None,
        product=_text(args.get("product", "")),
        q=_text(args.get("q", "")),
    )


def _text(value: str) -> str:
    return " ".join(value.replace("\0", "").split())[:100]


def _query(filters: Filters) -> str:
    """The filters as further parameters of an address."""
    values = {
        "mine": "1" if filters.mine else "",
        "overdue": "1" if filters.overdue else "",
        "class": filters.complaint_class,
        "department": "" if filters.department is None else str(filters.department),
        "product": filters.product,
        "q": filters.q,
    }
    return "".join(f"&{name}={quote(value)}" for name, value in values.items() if value)


def _folded(rules: Procedure) -> set[str]:
    """Final columns are folded until this browser opened them."""
    unfolded = request.cookies.get("unfolded", "").split(".")
    return {stage.key for stage in rules.stages if stage.final and stage.key not in unfolded}


def _version() -> int:
    text = request.form.get("version", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadInput(field="version", problem=Sentence(NOT_A_NUMBER))
    return int(text)


def _back() -> str:
    """The page the person came from, if it is one of ours; else the board."""
    for candidate in (request.form.get("back", ""), request.headers.get("Referer", "")):
        parts = urlsplit(candidate)
        path = parts.path
        ours = parts.netloc in ("", request.host) and path.startswith("/") and not path.startswith(("//", "/\\"))
        if ours and not path.endswith(("/moves", "/move")):
            return path + (f"?{parts.query}" if parts.query else "")
    return url_for("board.board")


def _both(stage: Stage) -> str:
    return f"{stage.name.en} {stage.name.zh}"


def _empty(headers: dict[str, str]) -> Response:
    return Response(status=204, headers=headers)


def _remember(name: str, value: str, response: Response) -> Response:
    response.set_cookie(name, value, max_age=YEAR, secure=settings().https, httponly=True, samesite="Lax")
    return response
