"""Is every part there and sane? One list of checks, asked by `/readyz` and by `flask doctor`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from complaints import incidents, schedule
from complaints.blobs import Blobs
from complaints.incidents import SILENT, STUCK
from complaints.letters import Sighting
from complaints.mailboxes import Mailbox
from complaints.outbox import Outgoing


@dataclass(frozen=True)
class Finding:
    """One part: its name, whether it is well, and one line that says what is wrong or what was seen."""

    part: str
    well: bool
    text: str


def check(part: str, look: Callable[[], str]) -> Finding:
    """Look at a part; whatever the look raises is what is wrong."""
    try:
        return Finding(part, True, look())
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        return Finding(part, False, f"{type(error).__name__}: {first}"[:300])


class Unwell(Exception):
    """A part answers, but something about it is not as it should be."""


def database(session: Session, head: str) -> str:
    at = session.execute(text("select version_num from alembic_version")).scalar()
    if at != head:
        raise Unwell(
            f"the database is at migration {at}, the program at {head}; run bin/run or python -m webapp.prepare"
        )
    return f"migration {at}"


def blobs(store: Blobs) -> str:
    store.check()
    return f"writable at {store.folder}"


def clock(session: Session, now: datetime) -> str:
    """The database's clock against ours."""
    if session.get_bind().dialect.name != "postgresql":
        return "one clock"
    theirs = session.execute(text("select clock_timestamp()")).scalar_one()
    apart = abs((theirs - now).total_seconds())
    if apart > 60:
        raise Unwell(f"the database's clock is {apart:.0f} s away from ours")
    return f"{apart:.1f} s apart"


def mailboxes(session: Session, configured: Iterable[str], now: datetime) -> list[Finding]:
    """Each mailbox that is to be read, those of the environment (`configured`) even before they have a row: looked into
    lately, or since when not and why."""
    known = {row.name: row for row in session.scalars(select(Mailbox).where(Mailbox.active).order_by(Mailbox.id))}
    names = dict.fromkeys([*configured, *known])
    return [Finding(f"mailbox {name}", *_mailbox(known.get(name), now)) for name in names]


def _mailbox(row: Mailbox | None, now: datetime) -> tuple[bool, str]:
    if row is not None and row.paused_at is not None:
        return True, f"paused since {_utc(row.paused_at)}"
    if row is None or (row.looked_at is None and row.fault is None):
        return False, "not looked into yet; is the poller running?"
    if row.fault is not None:
        return False, f"since {_utc(row.fault_since) if row.fault_since else 'now'}: {row.fault}"
    if row.looked_at is not None and now - row.looked_at > SILENT:
        return False, f"last looked into {_utc(row.looked_at)}"
    return True, "looked into lately"


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def open_incidents(session: Session) -> list[Finding]:
    """What has been wrong for too long: which part, since when, why, and how many messages wait for it."""
    return [
        Finding(f"{row.kind} {row.subject}".strip(), False, _told(row.values)) for row in incidents.open_now(session)
    ]


def _told(values: dict[str, Any]) -> str:
    since = f"since {_utc(datetime.fromisoformat(values['since']))}"
    return f"{since}, {values['waiting']} waiting" + (f": {values['fault']}" if values["fault"] else "")


def scheduler(session: Session, now: datetime) -> str:
    last = schedule.last_started(session, "sweep_outbox")
    if last is None or now - last > SILENT:
        raise Unwell("no tick for ten minutes; is the scheduler running?")
    watched = schedule.last_started(session, "check_incidents")
    if watched is not None and now - watched > SILENT:
        raise Unwell(f"incidents were last looked for {_utc(watched)}; the log says why")
    return "ticking"


def outbox(session: Session, now: datetime) -> str:
    waits = Outgoing.state.in_(("pending", "sending")), or_(Outgoing.due_at <= now, Outgoing.attempts > 0)
    oldest = session.scalar(select(Outgoing.created_at).where(*waits).order_by(Outgoing.due_at).limit(1))
    if oldest is not None and now - oldest > STUCK:
        raise Unwell(f"a mail waits to be sent since {_utc(oldest)}")
    return "nothing waits long"


def waiting(session: Session, now: datetime) -> str:
    oldest = session.scalar(
        select(Sighting.seen_at).where(Sighting.outcome == "waiting").order_by(Sighting.id).limit(1)
    )
    if oldest is not None and now - oldest > STUCK:
        raise Unwell(f"a message waits to be understood since {_utc(oldest)}")
    return "nothing waits long"
