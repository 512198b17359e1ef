"""What somebody sent in when nobody was signed in any more: it goes along through the sign-in page and comes back.

It travels in the page, signed by us; nothing of it is kept before somebody has signed in. A form that keeps drafts has
its words back. Any other is shown with what was typed and a button that sends it. Files have to be chosen again, and no
secret is ever carried.
"""

from dataclasses import dataclass

from flask import current_app, flash, redirect, render_template, request
from flask_babel import gettext
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from complaints.complaint import find
from complaints.drafts import LARGEST
from complaints.errors import N_, ComplaintError, Sentence
from complaints.registration import NAMES
from webapp import drafts
from webapp.context import actor
from webapp.database import db
from webapp.draft_forms import Form
from webapp.language import own_path, sentence

LASTS = 12 * 60 * 60
"""Seconds."""


class SomebodyElses(ComplaintError):
    message = N_("This form was filled in by somebody else. Nothing of it was sent or kept.")


class TooMuch(ComplaintError):
    message = N_(
        "This is too much to be taken along through the sign-in, and nothing was sent. Go back in your browser: what"
        " you typed still stands there. Copy it, sign in, and send it again."
    )


@dataclass(frozen=True)
class Carried:
    """A form that was sent in: where to, and by whom."""

    path: str
    fields: MultiDict[str, str]
    by: int

    @property
    def words(self) -> list[tuple[str, str]]:
        """What was typed, for its writer to look at: the name of the field where that is one of the register entry, and
        the text."""
        unseen = drafts.ITSELF | {"version"}
        said = [(name, text) for name, text in self.fields.items(multi=True) if text.strip() and name not in unseen]
        return [(sentence(Sentence(NAMES[name])) if name in NAMES else "", text) for name, text in said]


def packed() -> str:
    """What this request sent in, to go along in a page; nothing if nothing was typed, or by nobody knows whom. Raises
    `TooMuch`."""
    if (carried := _sent_in()) is None:
        return ""
    return _seal().dumps({"path": carried.path, "fields": list(carried.fields.items(multi=True)), "by": carried.by})


def _sent_in() -> Carried | None:
    """The form of this request."""
    said = MultiDict(
        (name, text)
        for name, text in request.form.items(multi=True)
        if name not in ("csrf_token", "filled_by") and not drafts.SECRET.search(name)
    )
    path = own_path(request.full_path.rstrip("?"))
    by = request.form.get("filled_by", type=int)
    if path is None or by is None or not (carried := Carried(path, said, by)).words:
        return None
    if sum(map(len, carried.fields.values())) > LARGEST:
        raise TooMuch
    return carried


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
    if carried.by != actor().id:
        flash(gettext("What was typed here before is somebody else's and was not kept."))
        return None
    return _into_its_form(carried) or _page(carried, signed_out=True)


def once_more() -> tuple[str, int] | None:
    """What was typed in a window from before the sign-in, for its writer to send; nothing if nothing was. Raises
    `SomebodyElses`, `TooMuch`."""
    carried = _sent_in()
    if carried is not None and carried.by != actor().id:
        raise SomebodyElses
    return (_page(carried, signed_out=False), 400) if carried is not None else None


def _page(carried: Carried, *, signed_out: bool) -> str:
    """What was typed, and the button that sends it."""
    fields = list(carried.fields.items(multi=True))
    return render_template("identity/carried.html", carried=carried, hidden=fields, signed_out=signed_out)


def _into_its_form(carried: Carried) -> Response | None:
    form, number = carried.fields.get("draft"), _number(carried.path)
    if form is None or number is None:
        return None
    try:
        drafts.keep(find(db.session(), number, actor()), form, carried.fields)
        db.session.commit()
    except ComplaintError:  # another window went on, for one: the words are shown by themselves
        db.session.rollback()
        return None
    flash(gettext("You were signed out, and nothing was sent. What you typed is back in the form."))
    return redirect(Form.named(form).home(number), 303)


def _number(path: str) -> str | None:
    """The complaint whose form was sent to this path."""
    try:
        _, names = current_app.url_map.bind("localhost").match(path.partition("?")[0], method="POST")
    except HTTPException:
        return None
    return names.get("number")
