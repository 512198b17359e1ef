"""`flask digest`: the letter about a week, to look at or to send."""

import json
import sys
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import NoReturn

import click
from flask.cli import with_appcontext

from complaints import digest, procedure_store, weekly_narrowed
from complaints.database import looking, sessions
from complaints.digest import KIND, NotEnded, Remark
from complaints.errors import ComplaintError
from complaints.outbox import Outgoing
from complaints.people import SYSTEM
from complaints.settings import LOCALES
from complaints.weekly import Data
from complaints.weeks import Week
from jobs import letters
from webapp.context import calendar, engine, settings
from webapp.database import db

KEPT_BACK = ("lists", "facts", "departments", "names")


@click.command("digest")
@click.option("--week", "named", metavar="WEEK", help="Such as 2026-W46. Without it, the last one that has ended.")
@click.option("--print/--send", "look", default=True, help="Write it here (the default), or mail it to its readers.")
@click.option("--format", "form", type=click.Choice(["text", "html", "json"]), default="text", show_default=True)
@click.option("--procedure", metavar="KEY", help="The figures of one procedure only; with --format json.")
@click.option("--locale", type=click.Choice([*LOCALES]), help="The language to write it in.")
@with_appcontext
def command(named: str | None, look: bool, form: str, procedure: str | None, locale: str | None) -> None:
    """The weekly digest.

    A letter that has been taken is shown as it was; of any other week the figures are reckoned now, as of its end. What
    was mailed to a reader is not mailed again.
    """
    at = datetime.now(UTC)
    if procedure and (form != "json" or not look):
        _fail("--procedure goes with --print --format json.", 2)
    try:
        with looking(sessions(db.engine)) as session:
            procedure_store.load_known(session)  # which of them are confidential
        week = Week.parse(named) if named else Week.at(at, calendar()).before()
        if not look:
            owed = digest.send(sessions(db.engine), week, at=at, context=engine())
            click.echo(f"{week}: {owed} letters are on their way.")
            return
        with looking(sessions(db.engine)) as session:
            kept = digest.find(session, week)
            data = kept.data if kept else digest.reckon(session, week, at=at, context=engine())
            remarks = digest.remarks(session, week)
            said = _written(digest.in_mail(session, data, remarks, SYSTEM), form, locale) if form != "json" else ""
    except NotEnded as error:
        _fail(str(error), 1)
    except ComplaintError as error:
        _fail(str(error), 2)
    if procedure:
        if procedure not in (told_of := weekly_narrowed.procedures(data)):
            _fail(f"The letter tells nothing of {procedure!r}, but of: {', '.join(told_of) or 'no procedure'}.", 2)
        data = weekly_narrowed.narrowed(data, procedure)
    click.echo(_json(data, remarks) if form == "json" else said)


def _json(data: Data, remarks: dict[str, Remark]) -> str:
    figures = {key: value for key, value in data.items() if key not in KEPT_BACK}
    return json.dumps(figures | {"remarks": {side: each.text for side, each in remarks.items()}}, ensure_ascii=False)


def _written(values: dict[str, object], form: str, locale: str | None) -> str:
    """The letter as a mail says it."""
    row = Outgoing(
        kind=KIND, recipient="reader@localhost", locale=locale or settings().locale, values=values | {"leave": ""},
        message_id="shown@localhost", references=[], in_reply_to="", reply_to="",
    )  # fmt: skip
    mail = message_from_bytes(letters.render(letters.make_app(settings()), settings(), row), policy=policy.default)
    part = mail.get_body(("plain",) if form == "text" else ("html",))
    assert part is not None
    return str(part.get_content())


def _fail(text: str, status: int) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(status)
