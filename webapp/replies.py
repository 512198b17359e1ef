"""Answering the customer from a complaint's page: send, take back, try again. The form itself: composer.py."""

from flask import Blueprint, Flask, flash, g, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from complaints import replies
from complaints.case import load
from complaints.complaint import Complaint, find
from complaints.errors import N_, BadInput, Sentence, StaleComplaint
from complaints.files import NotKept
from complaints.registration import Problem
from complaints.replies import NotSent, OnItsWay
from webapp import complaint_page, composer, drafts, uploads
from webapp.context import actor, engine, now
from webapp.database import db
from webapp.outbox import ring

bp = Blueprint("replies", __name__)
REPLIES = "/complaints/<number>/replies"
A_REPLY = f"{REPLIES}/<int(max=9007199254740991):reply_id>"


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(may_answer=composer.may_answer)


@bp.post(REPLIES)
def send(number: str) -> Response | tuple[str, int]:
    """Send what was typed, in ten seconds or when work begins."""
    session = db.session()
    complaint = find(session, number, actor())
    key = request.form.get("key", "")
    if not 8 <= len(key) <= 64:
        raise BadInput(field="key", problem=Sentence(N_("the form has lost its key; load it again")))
    try:
        g.uploaded = _uploaded(complaint)
        reply = replies.send(
            session, complaint, composer.typed(request.form), key=key, by=actor(), at=now(), context=engine()
        )
        drafts.sent(complaint)
        session.commit()
    except (NotSent, StaleComplaint) as refusal:
        session.rollback()
        shown = complaint_page.page(find(session, number, actor()), refusal=refusal)
        return shown, 409 if isinstance(refusal, StaleComplaint) else 422
    flash(
        Markup(render_template("complaint/_reply_sent.html", number=number, reply=reply, later="later" in request.form))
    )
    return redirect(url_for("complaint.show", number=number, _anchor=f"reply-{reply.id}"), 303)


def _uploaded(complaint: Complaint) -> list[str]:
    """Keep the files that were chosen on this machine, in a transaction of their own: whatever becomes of the form,
    they need not be chosen again."""
    session = db.session()
    sent = [each for each in request.files.getlist("upload") if each.filename]
    if not sent or not replies.may_send(load(session, complaint), actor()):
        return []
    kept, problems = [], []
    for file in sent:
        try:
            kept.append(uploads.keep(complaint, file, limit=replies.LARGEST).id)
        except NotKept as refusal:
            problems.append(Problem(replies.FILES, refusal.sentence))
    session.commit()
    g.uploaded = kept
    if problems:
        raise NotSent(problems)
    return kept


@bp.post(f"{A_REPLY}/back")
def take_back(number: str, reply_id: int) -> Response | tuple[str, int]:
    """Take a reply back that has not begun to leave: its words go back into the form."""
    session = db.session()
    complaint = find(session, number, actor())
    try:
        replies.take_back(session, complaint, reply_id, by=actor(), at=now(), context=engine())
        session.commit()
    except OnItsWay as refusal:
        session.rollback()
        return complaint_page.page(find(session, number, actor()), refusal=refusal), 409
    return redirect(url_for("complaint.show", number=number, reply=reply_id, _anchor="composer"), 303)


@bp.post(f"{A_REPLY}/again")
def again(number: str, reply_id: int) -> Response:
    """Try a reply once more; one in doubt only if the person is sure (`sure`)."""
    session = db.session()
    complaint = find(session, number, actor())
    replies.again(session, complaint, reply_id, by=actor(), at=now(), sure="sure" in request.form)
    session.commit()
    ring()
    return redirect(url_for("complaint.show", number=number, _anchor=f"reply-{reply_id}"), 303)
