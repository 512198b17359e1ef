"""What the navigation of a page counts, asked for once in a request.

An answer to an act does not hold the database for it, and an error page does not need one.
"""

from flask import g
from sqlalchemy.exc import SQLAlchemyError

from complaints import tally as counts
from complaints.tally import Tally
from webapp.assets import signed_in
from webapp.context import now, zone
from webapp.database import glance

NOTHING = Tally(0, 0, 0, 0, None)


def tally() -> Tally:
    """What waits for the person of this request; nothing where nobody is signed in or the database is away."""
    if "tally" not in g:
        g.tally = _tally()
    return g.tally if isinstance(g.tally, Tally) else NOTHING


def recount() -> None:
    """What was counted may have changed."""
    g.pop("tally", None)


def _tally() -> Tally:
    me = signed_in()
    if me is None:
        return NOTHING
    try:
        with glance() as session:
            return counts.of(session, me, now().astimezone(zone()).date())
    except SQLAlchemyError:
        return NOTHING
