"""Drafts in the forms of a complaint's page: what a form begins with, and keeping what is typed.

A form that keeps drafts ends in the `draft_line` of `complaint/_draft.html`, begins with what `kept` gives, and says
`sent` before its commit. drafts.js keeps what is typed a second after the last key; without script there is a button.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import Blueprint, Flask, flash, g, jsonify, redirect, request, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from complaints import drafts
from complaints.complaint import Complaint, find
from complaints.drafts import Draft, StaleDraft, TooLongToKeep, TooMany
from webapp import draft_forms
from webapp.context import actor, now, zone
from webapp.database import db
from webapp.draft_forms import FACT, RECORD, SIGNATURE, Form
from webapp.htmx import partial
from webapp.language import clock_time, minute, sentence

bp = Blueprint("drafts", __name__)
A_DRAFT = "/complaints/<number>/drafts/<form>"
ITSELF = frozenset({"csrf_token", "key", "digest", "draft", "draft_version", "filled_by"})
"""Fields that say which form it is: nothing that anybody typed."""
SECRET = re.compile("password|secret|token", re.IGNORECASE)

Typed = MultiDict[str, str]


@dataclass(frozen=True)
class Line:
    """How the draft of a form stands. `saved_at`: the form shows a draft of then; `beside`: there is one, and the form
    shows something else; `other`: what another window kept meanwhile; `unsaved`: more stands in it than was kept."""

    form: str
    version: int
    saved_at: datetime | None
    beside: datetime | None
    other: Sequence[str]
    unsaved: bool


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(draft_of=line)
    app.jinja_env.filters["draft_time"] = _when


def _when(at: datetime) -> str:
    """When a draft was kept: the time, and before today the day with it."""
    return clock_time(at) if at.astimezone(zone()).date() == now().astimezone(zone()).date() else minute(at)


# What a form begins with


def kept(complaint: Complaint, form: str) -> Typed | None:
    """What the reader typed in a form and did not send; nothing if the form is shown as it was sent in."""
    draft = _mine(complaint, form)
    if draft is None or not draft.fields or posted(form):
        return None
    return MultiDict((name, text) for name, said in draft.fields.items() for text in said)


def posted(form: str) -> bool:
    """Did this request send the form in?"""
    return request.method == "POST" and request.form.get("draft") == form


def line(complaint: Complaint, form: str, *, replaced: bool = False, unsaved: bool = False) -> Line:
    """How the draft of a form stands; `replaced`: the form shows something else, which no draft becomes by itself;
    `unsaved`: more stands in it than was kept."""
    draft = _mine(complaint, form)
    at = draft.saved_at if draft is not None and draft.fields else None
    version = draft.version if draft is not None else 0
    sent = posted(form)
    other: Sequence[str] = ()
    if sent and draft is not None and draft.fields and request.form.get("draft_version", type=int) != version:
        other = _differing(draft.fields)
    shown = at if not sent and not replaced else None
    beside = at if replaced and not sent else None
    return Line(form, -1 if beside else version, shown, beside, other, sent or unsaved)


def _differing(fields: Mapping[str, Sequence[str]]) -> list[str]:
    """The texts of a draft that are not what this request sent."""
    return [text for name, said in fields.items() for text in said if text and text not in request.form.getlist(name)]


def begun(complaint: Complaint, form: str) -> bool:
    """Is there something in a form that was not sent?"""
    draft = _mine(complaint, form)
    return draft is not None and bool(draft.fields)


def _mine(complaint: Complaint, form: str) -> Draft | None:
    """The reader's draft in a form; asked for once, together with those of the forms beside it."""
    beside = Form.named(form).beside
    found = g.setdefault("drafts", {})
    if (complaint.id, beside) not in found:
        found[complaint.id, beside] = drafts.of(db.session(), complaint, actor(), beside)
    return cast(Mapping[str, Draft], found[complaint.id, beside]).get(form)


# What becomes of it


def sent(complaint: Complaint) -> None:
    """The form of this request is taken: its draft goes in the same transaction."""
    if form := request.form.get("draft"):
        draft_forms.known(complaint, form)
        drafts.done(db.session(), complaint, form, by=actor(), at=now())


def worth_keeping(said: Typed) -> dict[str, list[str]]:
    """What was typed in a form: no file, no secret, and not what the form says of itself."""
    return {name: said.getlist(name) for name in said if name not in ITSELF and not SECRET.search(name)}


def keep(complaint: Complaint, form: str, said: Typed) -> Draft:
    """Keep what was typed in a form, from the version that it names. Raises as `complaints.drafts.save`, and `NotFound`
    for a form that the complaint has not."""
    draft_forms.known(complaint, form)
    seen = said.get("draft_version", 0, type=int)
    return drafts.save(db.session(), complaint, form, worth_keeping(said), seen=seen, by=actor(), at=now())


@bp.post(A_DRAFT)
def save(number: str, form: str) -> Response | tuple[Response | str, int]:
    """Keep what stands in a form: for the script, or at the press of the button."""
    from webapp import complaint_page, eight_d, records_page  # whose forms ask this module what they begin with

    session = db.session()
    complaint = find(session, number, actor())
    try:
        draft = keep(complaint, form, request.form)
        session.commit()
    except StaleDraft as stale:
        session.rollback()
        if by_script():
            return jsonify(_told(stale.newest)), 409
        named, again = Form.named(form), find(session, number, actor())
        if named.part:
            return eight_d.page(again, refusal=stale), 409
        page = records_page.page if named.kind in (RECORD, SIGNATURE) else complaint_page.page
        return page(again, refusal=stale), 409
    except (TooLongToKeep, TooMany) as refusal:
        if not by_script():
            raise
        session.rollback()
        return jsonify(problem=sentence(refusal.sentence)), 422
    if by_script():
        return jsonify(_told(draft))
    flash(gettext("Draft saved %(time)s", time=clock_time(draft.saved_at)))
    return redirect(Form.named(form).home(number), 303)


@bp.post(f"{A_DRAFT}/discard")
def discard(number: str, form: str) -> Response:
    """Forget what was typed in a form."""
    session = db.session()
    complaint = find(session, number, actor())
    named = draft_forms.known(complaint, form)
    drafts.done(session, complaint, form, by=actor(), at=now())
    session.commit()
    if partial() and named.kind == FACT:
        return redirect(f"{url_for('facts.edit', number=number, field=named.about)}?as=shown", 303)
    return redirect(named.home(number), 303)


def by_script() -> bool:
    """Does a script ask, which wants no page?"""
    return request.accept_mimetypes.best == "application/json"


def _told(draft: Draft) -> dict[str, object]:
    return {"version": draft.version, "at": clock_time(draft.saved_at), "fields": draft.fields}
