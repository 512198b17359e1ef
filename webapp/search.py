"""Search, as a page of its own and as it is typed."""

from flask import Blueprint, Flask, render_template, request, url_for

from complaints import search
from complaints.errors import N_, BadInput, Sentence
from complaints.search_query import parse
from webapp.context import actor, now, zone
from webapp.database import db
from webapp.htmx import partial

bp = Blueprint("search", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/search")
def show() -> str:
    """A page of what was found; as a fragment while somebody types."""
    session, by, typed = db.session(), actor(), request.args.get("q", "")
    query = parse(typed)
    found = search.find(session, by, query, typed, before=_before(), now=now(), zone=zone())
    meant = search.meant(session, by, query) if query and not found.hits else []
    values = {
        "q": typed[:500], "query": query, "found": found, "meant": meant,
        "next_page": url_for(".show", q=typed[:500], before=found.next) if found.next else None,
    }  # fmt: skip
    return render_template("search/_found.html" if partial() else "search/search.html", **values)


def _before() -> int | None:
    if not (text := request.args.get("before")):
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise BadInput(field="before", problem=Sentence(N_("it is no whole number")))
    return int(text)
