"""The bell in the top bar, and the page with everything that a person was told.

Who opens a complaint's page has read what it was told about. That is the only thing that looking at a page writes, in a
transaction of its own, and only when there is something to write; a database that is busy just then is no fault of the
page.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from itertools import groupby

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from complaints import notices
from complaints.complaint import Complaint
from complaints.notices import COUNTED, PAGE, Listed
from webapp.context import actor, now, zone
from webapp.database import db
from webapp.htmx import partial
from webapp.tally import recount, tally

bp = Blueprint("notices", __name__)
LATEST = 8


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
    app.jinja_env.globals.update(bell=bell)


@bp.get("/notices")
def listed() -> str:
    """Everything the person was told, the newest first; `?before=` goes on after a page."""
    before = _id(request.args.get("before", type=int))
    found = notices.listed(db.session(), actor(), before=before)
    older = url_for(".listed", before=found[-1].notice.id) if len(found) == PAGE else None
    newest = found[0].notice.id if found and before is None else None
    return render_template("notices/notices.html", days=_by_day(found), older=older, newest=newest)


@bp.get("/notices/latest")
def latest() -> str:
    """What the bell opens."""
    return render_template("notices/_latest.html", found=notices.listed(db.session(), actor(), most=LATEST))


@bp.post("/notices/read")
def read() -> Response | str:
    """Mark everything as read that the list showed or that came before: what came since is not lost."""
    upto = _id(request.form.get("upto", type=int))
    if upto is not None:
        notices.mark_read(db.session(), actor(), at=now(), upto=upto)
        db.session.commit()
    return latest() if partial() else redirect(url_for(".listed"), 303)


def _id(sent: int | None) -> int | None:
    """An id as it came, if the database could have given it."""
    return sent if sent is not None and 0 < sent < 2**63 else None


def bell() -> str:
    """How many notices wait for the person of this request, as the bell says it."""
    count = tally().notices
    return f"{COUNTED - 1}+" if count >= COUNTED else str(count or "")


def seen(complaint: Complaint) -> None:
    """The person opens this complaint's page."""
    if not bell() or not notices.unread(db.session(), actor(), complaint.id):
        return
    with suppress(OperationalError), Session(db.engine) as session, session.begin():
        notices.mark_read(session, actor(), at=now(), complaint_id=complaint.id)
    db.session.commit()  # what the page reads from here on has seen it
    recount()


def _by_day(found: Iterable[Listed]) -> list[tuple[date, list[Listed]]]:
    days = groupby(found, key=lambda each: each.notice.at.astimezone(zone()).date())
    return [(day, list(group)) for day, group in days]
