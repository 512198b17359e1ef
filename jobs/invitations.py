"""The entry for a calendar that goes with the mail about a meeting (RFC 5545, 5546).

It says the number and where to read more. Every mail of one meeting is about the same entry (RFC 5546, 2.1.4); of two
the one with the higher SEQUENCE counts, in whatever order they arrive.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from flask_mail import Attachment
from icalendar import Calendar, Event, vCalAddress, vText

from complaints.outbox import Outgoing
from complaints.settings import Settings

ASKED: Mapping[str, str] = {"partstat": "NEEDS-ACTION", "rsvp": "TRUE"}
ACCEPTED: Mapping[str, str] = {"partstat": "ACCEPTED"}
"""Whoever calls a meeting comes to it."""


def attachment(invitation: Mapping[str, Any], row: Outgoing, settings: Settings) -> Attachment:
    """The entry as a file of a mail, which calendars and mail programs take for what it is."""
    kind = f"text/calendar; charset=utf-8; method={invitation['method']}"
    return Attachment("invite.ics", kind, entry(invitation, row, settings))


def entry(invitation: Mapping[str, Any], row: Outgoing, settings: Settings) -> bytes:
    """A calendar with one entry, in the organisation's zone."""
    number = row.values["number"]
    starts_at, ends_at = (
        datetime.fromisoformat(invitation[key]).astimezone(settings.zone) for key in ("starts_at", "ends_at")
    )
    address = f"{settings.public_url}/complaints/{number}"
    cancelled = invitation["method"] == "CANCEL"
    event = Event()
    event.add("uid", invitation["uid"])
    event.add("sequence", invitation["sequence"])
    event.add("dtstamp", row.created_at)
    event.add("dtstart", starts_at)
    event.add("dtend", ends_at)
    event.add("summary", f"{invitation['summary']} {number}")
    event.add("description", address)
    event.add("url", address)
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    if invitation["organizer"]:
        event.add("organizer", _person(invitation["organizer"]))
    for each in invitation["people"]:
        asked = ACCEPTED if each == invitation["organizer"] else ASKED
        event.add("attendee", _person(each, {} if cancelled else asked))
    calendar = Calendar()
    calendar.add("prodid", "-//Redress//Redress//EN")
    calendar.add("version", "2.0")
    calendar.add("method", invitation["method"])
    calendar.add_component(event)
    calendar.add_missing_timezones(date(starts_at.year - 1, 1, 1), date(ends_at.year + 1, 12, 31))
    return bytes(calendar.to_ical())


def _person(person: Mapping[str, str], more: Mapping[str, str] | None = None) -> vCalAddress:
    address = vCalAddress(f"mailto:{person['address']}")
    for key, value in {"cn": person["name"], **(more or {})}.items():
        address.params[key] = vText(value)
    return address
