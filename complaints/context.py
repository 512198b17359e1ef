"""What an act needs beside the session: the calendar of working time, the key and the domain of what it writes."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from complaints.calendar import WorkingCalendar


@dataclass(frozen=True)
class Context:
    """What a deployment decides and an act needs to know."""

    calendar: WorkingCalendar
    secret: str
    domain: str

    @property
    def zone(self) -> ZoneInfo:
        return self.calendar.tz
