"""What somebody sent in when nobody was signed in any more: it goes along through the sign-in page and comes back.

It travels in the page, signed by us; nothing of it is kept before somebody has signed in. A form that keeps drafts has
its words back. Any other is shown with what was typed and a button that sends it. Files have to be chosen again, and no
secret is ever carried.
"""

from dataclasses import dataclass

from flask import current_app, flash, redirect, render_template, request, session
from flask_babel import gettext
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from complaints import drafts as kept
from complaints.complaint import find
from complaints.errors import ComplaintError
from webapp import drafts
from webapp.context import actor, now
from webapp.database import db
from webapp.language import own_path

LASTS = 12 * 60 * 60
"""Seconds."""
WHO = "who"
"""Who was signed in in this browser last: what was typed is nobody else's."""


@dataclass(frozen=True)
class Carried:
    """A form that was sent in: where to, and by whom as far as that is known."""

    path: str
    fields: MultiDict[str, str]
    by: int | None

    @property
    def words(self) -> list[tuple[str, str]]:
        """What was typed, for its writer to look at."""
        unseen = drafts.ITSELF | {"version"}
        return [(name, text) for name, text in self.fields.items(multi=True) if text.strip() and name not in unseen]


def packed() -> str:
    """What this request sent in, to go along in a page; nothing if nothing was typed or it is more than a draft may
    have."""
    said = MultiDict(
        (name, text)
        for name, text in request.form.items(multi=True)
        if name != "csrf_token" and not drafts.SECRET.search(name)
    )
    path = own_path(request.full_path.rstrip("?"))
    by = said.get("draft_by", type=int) or session.get(WHO)
    if path is None or not Carried(path, said, by).words or sum(map(len, said.values())) > kept.LARGEST:
        return ""
    return _seal().dumps({"path": path, "fields": list(said.items(multi=True)), "by": by})


def unpacked(token: str) -> Carried | None:
    """What went along in a page; nothing for what is not ours or old."""
    try:
        told = _seal().loads(token, max_age=LASTS)
    except BadData:
        return None
    return Carried(told["path"], MultiDict([(name, text) for name, text in told["fields"]]), told["by"])


def _seal() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="carried")


def resume(token: str) -> Response | str | None:
    """Go on, for the person who has just signed in, with what went along: back in its form, or shown to be sent."""
    carried = unpacked(token) if token else None
    if carried is None:
        return None
    if carried.by not in (None, actor().id):
        flash(gettext("What was typed here before is somebody else's and was not kept."))
        return None
    return _into_its_form(carried) or page(carried)


def page(carried: Carried) -> str:
    """What was typed, and the button that sends it."""
    return render_template("identity/carried.html", carried=carried, hidden=list(carried.fields.items(multi=True)))


def _into_its_form(carried: Carried) -> Response | None:
    form, number = carried.fields.get("draft"), _number(carried.path)
    if form is None or number is None:
        return None
    seen = carried.fields.get("draft_version", 0, type=int)
    try:
        complaint = find(db.session(), number, actor())
        words = drafts.worth_keeping(carried.fields)
        kept.save(db.session(), complaint, form, words, seen=seen, by=actor(), at=now())
        db.session.commit()
    except ComplaintError:  # another window went on, for one: the words are shown by themselves
        db.session.rollback()
        return None
    flash(gettext("You were signed out, and nothing was sent. What you typed is back in the form."))
    return redirect(drafts.home(number, form), 303)


def _number(path: str) -> str | None:
    """The complaint whose form was sent to this path."""
    try:
        _, names = current_app.url_map.bind("localhost").match(path.partition("?")[0], method="POST")
    except HTTPException:
        return None
    return names.get("number")
