"""Moves on the board: one card or several to another stage, and back within ten seconds.

The same addresses serve a drag, the move menu, the phone's sheet and plain forms. Each complaint is moved in a
transaction of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from flask import Blueprint, Flask, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from markupsafe import Markup
from werkzeug.wrappers import Response

from complaints import board as question
from complaints import registration, workflow
from complaints.board import Card, Head
from complaints.complaint import Complaint, find
from complaints.errors import (
    N_,
    BadInput,
    ComplaintError,
    MoveRefused,
    NotFound,
    Sentence,
    StaleComplaint,
    TooLate,
    UnknownStage,
)
from complaints.procedure import Procedure, Stage, laid_out, of
from complaints.workflow import AnswerWanted, Choice, Moved
from webapp.board import NOT_A_NUMBER, back, heads, in_common, shown_procedure
from webapp.card import Asked, CardView, Refusal
from webapp.context import actor, engine, now
from webapp.database import db
from webapp.htmx import partial
from webapp.language import in_my_language, in_the_other, sentence
from webapp.outbox import acknowledge, ring

bp = Blueprint("moves", __name__)

AT_ONCE = 50
"""So many complaints may be moved by one request."""
ALONE = N_("This move asks for something: move it alone")
OLDER = N_("Some follow a version of the procedure without this stage")
OWN_FIELDS = frozenset({"stage", "version", "back", "csrf_token", "filled_by"})


class Seen(NamedTuple):
    """A complaint as a person saw it."""

    number: str
    version: int


class Together(NamedTuple):
    """A stage as the place to move several complaints to: how many of them would go, and why others would not."""

    stage: Stage
    going: int
    reasons: list[str]


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/complaints/<number>/moves")
def moves(number: str) -> str:
    """Every stage as a place to move to, with what stands in the way: the move menu, or a page of its own."""
    complaint = find(db.session(), number, actor())
    card = question.card(db.session(), actor(), complaint.id)
    choices = workflow.allowed(db.session(), complaint, actor())
    template = "board/_moves.html" if partial() else "board/moves.html"
    return _moves_page(template, card, choices)


@bp.post("/complaints/<number>/move")
def move(number: str) -> Response | tuple[str, int]:
    """Move a complaint to `stage`, if it still is as the person saw it (`version`). Further fields answer what the
    move asks for."""
    complaint = find(db.session(), number, actor())
    complaint_id, rules, stage = complaint.id, of(complaint), request.form.get("stage", "")
    seen = _version(request.form.get("version", ""))
    try:
        moved, owes_mail = _carry(complaint, stage, seen, _answers())
    except (MoveRefused, StaleComplaint, UnknownStage, AnswerWanted) as refusal:
        db.session.rollback()
        return _stayed(number, complaint_id, rules, refusal)
    if owes_mail:
        ring()
    card = question.card(db.session(), actor(), complaint_id)
    now_in = rules.stage(card.stage)
    undo = [Seen(number, card.version)] if moved.undo else []
    if not partial():
        both = f"{in_my_language(now_in.name)} {in_the_other(now_in.name)}"
        return _gone_back(
            gettext("%(number)s moved to %(stage)s", number=number, stage=both),
            undo,
            otherwise=_page_of(number),
        )
    board = laid_out(rules.key)
    found = heads(board)
    count = next((head.total for head in found if head.stage.key == now_in.key), 0)
    said = ngettext(
        "%(number)s moved to %(stage)s, %(num)s complaint there",
        "%(number)s moved to %(stage)s, %(num)s complaints there",
        count,
        number=number,
        stage=in_my_language(now_in.name),
    )
    return _told(board, found, {moved.left, now_in.key}, [(card, None)], said, undo)


@bp.post("/complaints/<number>/undo")
def undo(number: str) -> Response | tuple[str, int]:
    """Take the person's own last move back, within ten seconds of it."""
    complaint = find(db.session(), number, actor())
    complaint_id, rules, left = complaint.id, of(complaint), complaint.stage
    seen = _version(request.form.get("version", ""))
    try:
        _take_back(complaint, seen)
    except (TooLate, StaleComplaint) as refusal:
        db.session.rollback()
        return _stayed(number, complaint_id, rules, refusal)
    card = question.card(db.session(), actor(), complaint_id)
    said = gettext("%(number)s is back in %(stage)s", number=number, stage=in_my_language(rules.stage(card.stage).name))
    if not partial():
        return _gone_back(said)
    board = laid_out(rules.key)
    return _told(board, heads(board), {left, card.stage}, [(card, None)], said)


@bp.get("/board/moves")
def moves_of_several() -> str:
    """Every stage as a place to move several complaints to (`complaint`, repeated): the menu of a selection."""
    chosen = [find(db.session(), number, actor()) for number in _few(request.args.getlist("complaint"))]
    by_stage: dict[str, list[Choice]] = {}
    for complaint in chosen:
        for choice in workflow.allowed(db.session(), complaint, actor()):
            by_stage.setdefault(choice.stage.key, []).append(choice)
    stages = [_together(choices, len(chosen)) for choices in by_stage.values()]
    return render_template("board/_moves_of_several.html", stages=stages, count=len(chosen))


@bp.post("/board/moves")
def move_several() -> Response | tuple[str, int]:
    """Move several complaints (`complaint`, repeated: number and version as `C-2026-0001:3`) to `stage`. Each goes or
    stays by itself; what asks for something stays."""
    rules = shown_procedure()
    stage = rules.stage(request.form.get("stage", ""))
    owed: list[bool] = []

    def act(complaint: Complaint, seen: int) -> Moved:
        moved, owes_mail = _carry(complaint, stage.key, seen, {})
        owed.append(owes_mail)
        return moved

    went, stayed = _each(_chosen(), act)
    if any(owed):
        ring()
    said = ngettext(
        "%(num)s complaint moved to %(stage)s",
        "%(num)s complaints moved to %(stage)s",
        len(went),
        stage=in_my_language(stage.name),
    )
    return _summed_up(rules, went, stayed, said, may_undo=True)


@bp.post("/board/undo")
def undo_several() -> Response | tuple[str, int]:
    """Take the person's own last moves of several complaints back, each by itself."""

    def act(complaint: Complaint, seen: int) -> Moved:
        left = complaint.stage
        _take_back(complaint, seen)
        return Moved(left, undo=False)

    went, stayed = _each(_chosen(), act)
    said = ngettext("%(num)s complaint is back", "%(num)s complaints are back", len(went))
    return _summed_up(shown_procedure(), went, stayed, said, may_undo=False)


def _carry(complaint: Complaint, stage: str, seen: int, answers: Mapping[str, str]) -> tuple[Moved, bool]:
    """One move and what follows from it, committed. Says whether a mail is owed."""
    draft = complaint.registered_at is None
    moved = workflow.move(
        db.session(), complaint, stage, by=actor(), at=now(), seen_version=seen, context=engine(), answers=answers
    )
    owes_mail = False
    if draft and complaint.registered_at is not None:
        registration.complete(db.session(), complaint, by=actor(), at=now(), context=engine())
        owes_mail = acknowledge(complaint)
    db.session.commit()
    return moved, owes_mail


def _take_back(complaint: Complaint, seen: int) -> None:
    workflow.undo(db.session(), complaint, by=actor(), at=now(), seen_version=seen, context=engine())
    db.session.commit()


def _each(
    chosen: Iterable[Seen], act: Callable[[Complaint, int], Moved]
) -> tuple[dict[int, Moved], dict[int, Refusal]]:
    """Do something to each complaint in a transaction of its own: what went through and what did not, by id. A number
    that is not there, or not this person's to see, is passed over."""
    went: dict[int, Moved] = {}
    stayed: dict[int, Refusal] = {}
    for number, seen in chosen:
        try:
            complaint = find(db.session(), number, actor())
        except NotFound:
            db.session.rollback()
            continue
        complaint_id = complaint.id
        try:
            went[complaint_id] = act(complaint, seen)
        except AnswerWanted:
            db.session.rollback()
            stayed[complaint_id] = Refusal(Sentence(ALONE))
        except ComplaintError as refusal:
            db.session.rollback()
            stayed[complaint_id] = Refusal.of(refusal)
    return went, stayed


def _summed_up(
    rules: Procedure, went: Mapping[int, Moved], stayed: Mapping[int, Refusal], said: str, *, may_undo: bool
) -> Response | tuple[str, int]:
    """What became of several complaints, in one answer."""
    if stayed:
        said = gettext("%(moved)s moved, %(stayed)s stayed", moved=len(went), stayed=len(stayed))
    cards = question.cards(db.session(), actor(), rules, now(), {*went, *stayed})
    undo = [Seen(card.number, card.version) for card in cards if may_undo and card.id in went and went[card.id].undo]
    shown = [(card, stayed.get(card.id)) for card in cards]
    if partial():
        response = _told(rules, heads(rules), {stage.key for stage in rules.stages}, shown, said, undo)
    elif not stayed:
        return _gone_back(said, undo)
    else:
        db.session.rollback()
        left = [(card, refusal) for card, refusal in shown if refusal]
        view = CardView.of_request()
        page = render_template("board/several.html", cards=left, said=said, undo=undo, view=view, back=back())
        response = make_response(page)
    response.status_code = 200 if went else 422
    return response


def _told(
    rules: Procedure,
    found: list[Head],
    stages: set[str],
    cards: list[tuple[Card, Refusal | None]],
    said: str,
    undo: Iterable[Seen] = (),
) -> Response:
    """The cards in their places, the heads of these stages, and what to say."""
    db.session.rollback()  # a write transaction is not kept open while we render
    told = [head for head in found if head.stage.key in stages]
    shown = in_common(rules, found, told=told, cards=cards, said=said, undo=list(undo))
    return make_response(render_template("board/moved.html", **shown))


def _gone_back(said: str, undo: Iterable[Seen] = (), *, otherwise: str | None = None) -> Response:
    """Without script: the page the person came from says what happened, and offers to take it back."""
    db.session.rollback()
    flash(Markup(render_template("board/_said.html", said=said, undo=list(undo))))
    return redirect(back(otherwise), 303)


def _stayed(number: str, complaint_id: int, rules: Procedure, error: ComplaintError) -> tuple[str, int]:
    """The card as it is now with every reason why it did not move, or with what it asks for: 409 when the time for it
    has passed, else 422."""
    status = 409 if isinstance(error, (StaleComplaint, TooLate)) else 422
    asked = _asked(rules, error) if isinstance(error, AnswerWanted) else None
    why = None if asked else Refusal.of(error)
    card = question.card(db.session(), actor(), complaint_id)
    if partial():
        board = laid_out(rules.key)
        found = heads(board)
        db.session.rollback()
        shown = in_common(board, found, told=found if status == 409 else [], card=card, refusal=why, asked=asked)
        return render_template("board/stayed.html", **shown), status
    choices = workflow.allowed(db.session(), find(db.session(), number, actor()), actor())
    db.session.rollback()
    page = _moves_page("board/moves.html", card, choices, refusal=why or Refusal.of(error), asked=asked)
    return page, status


def _asked(rules: Procedure, error: AnswerWanted) -> Asked:
    return Asked(rules.stage(request.form["stage"]), error.asks, _answers(), error.problems)


def _answers() -> dict[str, str]:
    """What was said to the move's questions; of choices all that were ticked."""
    return {name: ",".join(request.form.getlist(name)) for name in request.form if name not in OWN_FIELDS}


def _moves_page(
    template: str,
    card: Card,
    choices: list[Choice],
    *,
    refusal: Refusal | None = None,
    asked: Asked | None = None,
) -> str:
    told = {"choices": choices, "refusal": refusal, "asked": asked, "back": back(_page_of(card.number))}
    return render_template(template, view=CardView.of_request(), card=card, **told)


def _page_of(number: str) -> str:
    return url_for("complaint.show", number=number)


def _together(choices: list[Choice], count: int) -> Together:
    """One stage, as those of `count` complaints see it whose version of the procedure has it."""
    going = sum(choice.open and not choice.asks for choice in choices)
    reasons = [reason.sentence for choice in choices for reason in choice.missing]
    reasons += [Sentence(ALONE) for choice in choices if choice.open and choice.asks]
    reasons += [Sentence(OLDER)] if len(choices) < count else []
    return Together(choices[0].stage, going, list(dict.fromkeys(map(sentence, reasons))))


def _chosen() -> list[Seen]:
    chosen = []
    for each in _few(request.form.getlist("complaint")):
        number, _, version = each.rpartition(":")
        chosen.append(Seen(number, _version(version)))
    return chosen


def _few(chosen: list[str]) -> list[str]:
    """One to `AT_ONCE` of them; raises `BadInput`."""
    if not chosen:
        raise BadInput(field="complaint", problem=Sentence(N_("choose at least one")))
    if len(chosen) > AT_ONCE:
        raise BadInput(field="complaint", problem=Sentence(N_("choose at most %(most)s at once"), {"most": AT_ONCE}))
    return chosen


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadInput(field="version", problem=Sentence(NOT_A_NUMBER))
    return int(text)
