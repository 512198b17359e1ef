"""`flask clocks …`: what time makes due, at any moment."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session

from complaints import calendars, duties
from complaints.calendar import Due, WorkingCalendar, parse_within
from complaints.customers import Customer
from complaints.database import sessions
from complaints.errors import ComplaintError
from complaints.people import Department
from webapp.context import calendar, engine, zone
from webapp.database import db

YEARS = range(2000, 3000)
"""No other moment is meant."""

command = AppGroup("clocks", help="What time makes due.")


@command.command("run")
@click.option("--at", "moment", metavar="ISO", help="As if it were this moment, such as 2026-09-17T09:00+08:00.")
def run(moment: str | None) -> None:
    """Do whatever is due: warnings, overdue notices, escalations, proposals, digests.

    May be repeated: what was done for a moment is not done again. Without --at it is now. A time without an offset is
    read in the organisation's time zone. A moment that lies ahead is warned of, and done all the same: people get the
    mails of that moment today, and not again when it comes.
    """
    try:
        at = datetime.fromisoformat(moment) if moment else datetime.now(UTC)
        if at.year not in YEARS:
            raise ValueError
    except ValueError:
        click.echo(f"{moment!r} is no moment. Write it like 2026-09-17T09:00+08:00.", err=True)
        sys.exit(2)
    at = at if at.utcoffset() is not None else at.replace(tzinfo=zone())
    if at > datetime.now(UTC):
        told = "This moment lies ahead. What is due by then is done now, for real: mails go out today."
        click.echo(told, err=True)
    for name, done in duties.run(sessions(db.engine), at.astimezone(UTC), engine()).items():
        click.echo(f"{name}: {done}")


@command.command("due")
@click.option("--from", "start", metavar="ISO", help="When it starts, such as 2026-09-17T09:00+08:00.")
@click.option(
    "--within", metavar="LIMIT", help="“8 working hours”, “3 working days”, “24 hours”, “15 days”, “2 months”."
)
@click.option("--calendar", "key", metavar="KEY", default="", help="department:KEY or customer:ID; else the company's.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with the receipt.")
@click.option("--jsonl", is_flag=True, help='Lines {"id", "from", "within"} on standard input, {"id", "due"} out.')
def due(start: str | None, within: str | None, key: str, as_json: bool, jsonl: bool) -> None:
    """Say when something would be due, and how that is reckoned, day by day.

    A time without an offset is read in the zone of the calendar. With --jsonl a line that cannot be read is answered
    with its error, and the exit code is 1.
    """
    try:
        hours = _calendar(db.session(), key)
        if jsonl:
            sys.exit(_answer_lines(hours))
        if start is None or within is None:
            raise ValueError("Say --from and --within, or --jsonl.")
        found = _due(hours, start, within)
    except (ValueError, ComplaintError) as wrong:
        click.echo(str(wrong), err=True)
        sys.exit(2)
    if as_json:
        click.echo(
            json.dumps({"due": found.receipt["due"], "provisional": found.provisional, "receipt": found.receipt})
        )
        return
    click.echo("\n".join(_told(found)))


def _calendar(session: Session, key: str) -> WorkingCalendar:
    kind, _, whose = key.partition(":")
    if not key:
        return calendar()
    numbered = whose.isdecimal() and len(whose) < 10
    if kind == calendars.DEPARTMENT:
        which = Department.id == int(whose) if numbered else Department.key == whose
        if (department := session.scalar(select(Department.id).where(which))) is not None:
            return calendars.chosen(session, zone().key, department_id=department)
    if kind == calendars.CUSTOMER and numbered and session.get(Customer, int(whose)) is not None:
        return calendars.chosen(session, zone().key, customer_id=int(whose))
    raise ValueError(f"There is no calendar {key!r}. Say department:KEY or customer:ID; empty is the company's own.")


def _due(hours: WorkingCalendar, start: str, within: str) -> Due:
    try:
        at = datetime.fromisoformat(start)
    except ValueError:
        raise ValueError(f"{start!r} is no moment. Write it like 2026-09-17T09:00+08:00.") from None
    limit = parse_within(within)
    try:
        return hours.add(at if at.utcoffset() is not None else at.replace(tzinfo=hours.tz), limit)
    except OverflowError:
        raise ValueError(f"{within} from {start} ends beyond the year 9999.") from None


def _answer_lines(hours: WorkingCalendar) -> int:
    code = 0
    for line in sys.stdin:
        if not line.strip():
            continue
        answer: dict[str, Any] = {"id": None}
        try:
            asked: dict[str, Any] = json.loads(line)
            answer["id"] = asked.get("id")
            answer["due"] = _due(hours, str(asked["from"]), str(asked["within"])).receipt["due"]
        except (ValueError, KeyError, AttributeError, ComplaintError) as wrong:
            answer |= {"due": None, "error": f"{wrong}" if not isinstance(wrong, KeyError) else f"{wrong} is missing"}
            code = 1
        click.echo(json.dumps(answer, ensure_ascii=False))
    return code


def _told(found: Due) -> Iterator[str]:
    receipt = found.receipt
    yield f"from    {receipt['from']}  within {receipt['within']}  calendar {receipt['calendar']}, {receipt['zone']}"
    for row in receipt["walk"]:
        hours, minutes = divmod(row["minutes"], 60)
        span = f"{row['from']}–{row['to']}" if row["from"] != row["to"] else ""
        counted = f"{hours}:{minutes:02}" if row["minutes"] else ""
        yield f"{row['date']}  {span:<21}  {counted:>6}  {(row['note'] or '').replace('_', '-')}".rstrip()
    yield f"due     {receipt['due']}{'  (provisional)' if found.provisional else ''}"
