"""Drafts in the forms of a complaint's page: what a form begins with, and what becomes of it.

A form that keeps drafts ends in the `draft_line` of `complaint/_draft.html`, begins with what `kept` gives, and says
`sent` before its commit. Keeping what is typed: drafting.py.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import Flask, g, request
from werkzeug.datastructures import MultiDict

from complaints import drafts
from complaints.complaint import Complaint
from complaints.drafts import Draft
from webapp import draft_forms
from webapp.context import actor, now, zone
from webapp.database import db
from webapp.draft_forms import Form
from webapp.language import clock_time, minute

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


def by_script() -> bool:
    """Does a script ask, which wants no page?"""
    return request.accept_mimetypes.best == "application/json"
