"""The banner under the top bar: what has been wrong for too long, for those who can do something about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Flask
from flask_babel import to_user_timezone
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError

from complaints import incidents
from complaints.incidents import KINDS, Incident
from complaints.people import Actor
from webapp.assets import signed_in
from webapp.context import now
from webapp.database import glance
from webapp.language import clock_time, moment
from webapp.tally import tally

SHOWN = 3
"""More than so many stand behind a count, so that a mail server that is away does not fill the page."""


@dataclass(frozen=True)
class Alarm:
    """One incident as the banner says it; `place` is the page that helps, if this person may open it."""

    what: str
    mailbox: str
    since: Markup
    fault: str
    waiting: int
    place: str | None


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(alarms=alarms, ALARMS_SHOWN=SHOWN)


def alarms() -> Sequence[Alarm]:
    """The open incidents, oldest first, for the person of this request; one query, and none for people whom they do not
    concern. A page that says that the database is away asks nothing more of it."""
    me = signed_in()
    if me is None or not tally().incidents:
        return ()
    try:
        with glance() as session:
            return [_alarm(incident, me) for incident in incidents.open_now(session) if incident.kind in KINDS]
    except SQLAlchemyError:
        return ()


def concerned(actor: Actor) -> bool:
    """Administrators, and those who see the inbox."""
    return "admin" in actor.roles or actor.sees_all


def _alarm(incident: Incident, me: Actor) -> Alarm:
    kind, values = KINDS[incident.kind], incident.values
    return Alarm(
        what=kind.what,
        mailbox=values["mailbox"],
        since=_since(datetime.fromisoformat(values["since"])),
        fault=values["fault"],
        waiting=values["waiting"],
        place=kind.place if incidents.may_open(me, kind.place) else None,
    )


def _since(at: datetime) -> Markup:
    """The time alone where it was today, else with its day."""
    if to_user_timezone(at).date() != to_user_timezone(now()).date():
        return moment(at)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="minutes"), clock_time(at))
