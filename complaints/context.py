"""What an act needs beside the session and the person: the working calendar, and what makes Message-IDs."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from complaints.calendar import WorkingCalendar


@dataclass(frozen=True)
class Context:
    """`secret` and `domain` make the Message-IDs of the mails that an act owes, `mail_from` is the address that they
    come from; `zone` is the organisation's."""

    calendar: WorkingCalendar
    secret: str
    domain: str
    mail_from: str = ""

    @property
    def zone(self) -> ZoneInfo:
        return self.calendar.tz
