"""The answer list: what was no complaint and still wants an answer, who gives it, and what was answered lately."""

from datetime import timedelta

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from complaints import answers, off_board
from complaints.answers import Wanted
from complaints.board import Place
from complaints.complaint import Complaint
from complaints.errors import N_, BadInput, ComplaintError, NotFound, Sentence
from complaints.off_board import KINDS, LONGEST_REASON, ReasonTooLong, ReasonWanted
from complaints.procedure import ANSWERED
from complaints.texts import clean
from webapp.context import actor, now, zone
from webapp.database import db

bp = Blueprint("answers", __name__)
LATELY = timedelta(days=90)
AN_ANSWER = "/answers/<int(max=2147483647):decision_id>"


class AnsweredMeanwhile(ComplaintError):
    message = N_("%(who)s has answered it meanwhile. Your words are still here; nothing of them was saved.")


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/answers")
def listed() -> str:
    """What is still to answer, of everybody or one owner; what was answered lately; or all of a kind, as the list of
    suggestions."""
    me = actor()
    if not me.may_register:
        raise NotFound
    owner, lately = request.args.get("owner", type=int), request.args.get("answered") == "1"
    owner = owner if owner is not None and 0 < owner < 1 << 31 else None
    kind, before = request.args.get("kind", ""), request.args.get("before", type=int)
    kind = kind if kind in ANSWERED else ""
    if kind:
        before = before if before is not None and 0 < before < 1 << 31 else None
        found, more = answers.of_kind(db.session(), me, kind, before=before)
    elif lately:
        found, more = answers.done(db.session(), me, since=now() - LATELY, after=_after())
    else:
        found, more = answers.waiting(db.session(), me, owner=owner, after=_after())
    answered = 1 if lately else None
    next_page = None
    if more and kind:
        next_page = url_for(".listed", kind=kind, before=found[-1].decision.id)
    elif more:
        next_page = url_for(".listed", owner=owner, answered=answered, after=str(found[-1].place))
    owners = answers.owners(db.session(), me)
    return render_template(
        "answers/answers.html",
        found=found,
        next_page=next_page,
        owners=owners,
        kinds=KINDS,
        owner=owner,
        lately=lately,
        kind=kind,
        lists=ANSWERED,
    )


@bp.get(AN_ANSWER)
def show(decision_id: int) -> str:
    return _page(_find(decision_id))


@bp.post(AN_ANSWER)
def answer(decision_id: int) -> Response | tuple[str, int]:
    """Note what was answered: `text`."""
    wanted, text = _find(decision_id), request.form.get("text", "")
    try:
        decision = off_board.answer(db.session(), decision_id, text=text, by=actor(), at=now())
        if (decision.answered_by_id, decision.answer) != (actor().id, clean(text, lines=True)):
            raise AnsweredMeanwhile(who=_find(decision_id).answered_by)
        db.session.commit()
    except (ReasonWanted, ReasonTooLong, AnsweredMeanwhile) as refusal:
        db.session.rollback()
        wanted = _find(decision_id)
        return _page(wanted, typed=text, refusal=refusal), 409 if isinstance(refusal, AnsweredMeanwhile) else 422
    flash(gettext("%(number)s is answered.", number=wanted.card.number))
    return redirect(_back(), 303)


@bp.post(f"{AN_ANSWER}/owner")
def hand_over(decision_id: int) -> Response:
    """Let somebody else answer: `owner`."""
    wanted, to = _find(decision_id), request.form.get("owner", 0, type=int)
    today = now().astimezone(zone()).date()
    answers.hand_over(db.session(), wanted, to, by=actor(), at=now(), today=today)
    db.session.commit()
    flash(gettext("%(number)s is handed over.", number=wanted.card.number))
    return redirect(_back(), 303)


def _find(decision_id: int) -> Wanted:
    return answers.find(db.session(), actor(), decision_id)


def _page(wanted: Wanted, *, typed: str = "", refusal: ComplaintError | None = None) -> str:
    complaint = db.session.get_one(Complaint, wanted.card.id)
    today = now().astimezone(zone()).date()
    return render_template(
        "answers/show.html", wanted=wanted, complaint=complaint, kinds=KINDS, typed=typed, refusal=refusal,
        may_answer=off_board.who_may(db.session(), today), longest=LONGEST_REASON,
    )  # fmt: skip


def _back() -> str:
    """The list, for those who see it; the others have their own work only."""
    return url_for(".listed") if actor().may_register else url_for("work.mine")


def _after() -> Place | None:
    if not (text := request.args.get("after", "")):
        return None
    try:
        return Place.parse(text)
    except ValueError:
        raise BadInput(field="after", problem=Sentence(N_("it is no whole number"))) from None
