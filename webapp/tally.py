"""What the navigation of a page counts, asked for once in a request.

Pages that only look ask: an answer to an act must not hold the database for it, and an error page must not need one.
"""

from flask import g
from sqlalchemy.exc import SQLAlchemyError

from complaints import tally as counts
from complaints.tally import Tally
from webapp.assets import signed_in
from webapp.context import now, zone
from webapp.database import db, reading

NOTHING = Tally(0, 0, 0, 0)


def tally() -> Tally:
    """What waits for the person of this request; nothing where nobody asks or the database is away."""
    if "tally" not in g:
        g.tally = _tally()
    return g.tally if isinstance(g.tally, Tally) else NOTHING


def recount() -> None:
    """What was counted may have changed."""
    g.pop("tally", None)


def _tally() -> Tally:
    me = signed_in()
    if me is None or not reading():
        return NOTHING
    try:
        return counts.of(db.session(), me, now().astimezone(zone()).date())
    except SQLAlchemyError:
        db.session.rollback()
        return NOTHING
